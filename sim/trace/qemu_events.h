/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines of QEMU's log trace backend as events.
 *
 * Source: QEMU's trace-events files from 2.11 to 11.1, whose names and formats differ; prefixes are
 * those that the log backend wrote in these versions ("TID@SEC.USEC:", an ISO time, or nothing).
 */
#ifndef SIM_TRACE_QEMU_EVENTS_H
#define SIM_TRACE_QEMU_EVENTS_H

#include "trace/text.h"

enum qemu_kind {
	QEMU_IGNORED,     /* known, says nothing that a replay needs */
	QEMU_ATTACH,      /* name, n[0] group */
	QEMU_DETACH,      /* name */
	QEMU_DEVICE_INFO, /* name, flags, regions, irqs */
	QEMU_REGION,      /* name, index, flags, offset, size */
	QEMU_CONFIG,      /* name, size, offset, flags */
	QEMU_ROM,         /* name, size, offset, flags */
	QEMU_NO_IRQ,      /* word: why */
	QEMU_INTX_ON,
	QEMU_INTX_OFF,
	QEMU_MSI_OFF,
	QEMU_MSIX_ON,
	QEMU_MSIX_OFF,         /* name */
	QEMU_MSI_ON,           /* name, vectors */
	QEMU_MSIX_USE,         /* name, vector */
	QEMU_CONFIG_WRITE,     /* name, address, value, len */
	QEMU_RESET,            /* name: the function was reset */
	QEMU_HOT_RESET,        /* name: asked for */
	QEMU_HOT_RESET_RESULT, /* name, word */
	QEMU_RAM_ADD,          /* start, end, vaddr */
	QEMU_REGION_DEL,       /* start, end */
	QEMU_NOTIFY_MAP,
	QEMU_NOTIFY_UNMAP, /* start, end */
	QEMU_REGION_GONE,  /* name, index */
	QEMU_PUT_DEVICE,   /* fd */
	QEMU_PUT_GROUP,    /* fd */
	/* with iommufd; a result in `word` is 0 or -1 */
	QEMU_IOMMUFD,      /* fd, owned, users */
	QEMU_IOMMUFD_GONE, /* fd, users left */
	QEMU_BIND,         /* iommufd, name, fd, device id */
	QEMU_NODE_INFO,    /* name, fd, irqs, regions, flags */
	QEMU_IOAS_ALLOC,   /* iommufd, ioas */
	QEMU_HWPT_ALLOC,   /* iommufd, device, ioas, flags, type, len, data, hwpt, word: result */
	QEMU_NODE_ATTACH,  /* iommufd, name, fd, ioas or hwpt */
	QEMU_NODE_DETACH,  /* iommufd, name */
	QEMU_IOAS_MAP,     /* iommufd, ioas, iova, size, vaddr, readonly, word: result */
	QEMU_IOAS_UNMAP,   /* iommufd, ioas, iova, size, word: result */
	QEMU_IOAS_UNMAP_NONE, /* the same: nothing was there */
	QEMU_FREE_ID,         /* iommufd, id, word: result */
	QEMU_REFUSED,         /* of a run without a type1 container or iommufd */
};

struct qemu_event {
	enum qemu_kind kind;
	unsigned line;
	const char *text; /* event and arguments, without the prefix */
	char name[32];    /* of the device */
	char word[80];
	uint64_t n[8];
};

enum qemu_line { QEMU_LINE_EVENT, QEMU_LINE_OTHER, QEMU_LINE_BAD };

/*
 * Read one line (`next`: the following one, for events of two lines; *two: it belongs to this one).
 * OTHER: no known event. BAD: a known event's name with something else behind it.
 */
enum qemu_line qemu_event_parse(const char *line, const char *next, struct qemu_event *event,
				bool *two);

#endif
