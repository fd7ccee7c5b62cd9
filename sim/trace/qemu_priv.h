/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the replay of QEMU logs: the state that its parts share. Used by qemu_*.c only.
 *
 * qemu_import.c reads the file and decides what memory there was, qemu_log.c does events about
 * containers and memory, qemu_iommufd.c the same with an iommufd, qemu_device.c events about
 * devices.
 */
#ifndef SIM_TRACE_QEMU_PRIV_H
#define SIM_TRACE_QEMU_PRIV_H

#include "imap.h"
#include "trace/areas.h"
#include "trace/placement.h"
#include "trace/qemu_events.h"
#include "trace/session.h"

#define QEMU_BARS    6
#define QEMU_VECTORS 2048
/* Where the memory of "notify MAP" at an IOVA was put: far from where programs have theirs. */
#define QEMU_NOTIFY_BASE UINT64_C(0x100000000000)
#define QEMU_NOTIFY_MASK UINT64_C(0x0fffffffffff)

/* A RAM_ADD of a BAR has the device's name in event.name and 1 + the BAR's number in event.n[3]; an
 * IOAS_MAP has that number in event.n[6], and the BAR's beginning in event.n[7]. */
struct qemu_import {
	struct text_file text;
	struct qemu_event *event;
	unsigned events;
	unsigned skipped; /* lines that are no event */
	unsigned notifies;
	bool iommufd; /* what is mapped is told by events of iommufd, region_add and others repeat
			 it */
	struct areas areas;
};

struct qemu_iommufd {
	uint64_t recorded; /* descriptor */
	int fd;            /* -1: not open (any more) */
};

struct qemu_bar {
	uint64_t vaddr, size;
	bool mapped;
};

struct qemu_container {
	int fd; /* -1: closed */
	unsigned groups;
	struct imap mapped; /* IOVA ranges, as the log implies */
};

struct qemu_device {
	char name[32];
	struct sio_device *device;
	int group_fd, fd; /* -1: not open */
	bool node;        /* opened by its node, without a group */
	unsigned container;
	unsigned vectors; /* in use, of MSI or MSI-X: vector_index */
	uint32_t vector_index;
	struct qemu_bar bar[QEMU_BARS];
};

struct qemu_run {
	struct session *s;
	struct qemu_import import;
	struct placement placement;
	struct qemu_container *container;
	unsigned containers;
	struct qemu_iommufd *iommufd;
	unsigned iommufds;
	struct qemu_device *device; /* attached ones */
	unsigned devices;
	bool attached; /* a device was, at some time */
	int *eventfd;  /* of vector n of any device */
	unsigned eventfds;
	unsigned at;       /* index of the event under way */
	char informed[32]; /* device of the latest DEVICE_INFO */
	char going[32];    /* device whose regions go */
	bool was_put;      /* a device was closed, its group is next: */
	int put_group;     /* its file, -1: it never opened */
	unsigned put_container;
	struct strbuf expected, got;
};

int qemu_import(struct qemu_import *import, struct session *s);
void qemu_import_fini(struct qemu_import *import);

/* ioctl as >= 0 or -errno. */
long qemu_ioctl(struct qemu_run *run, int fd, unsigned long request, void *arg);
/* The operation of the current event is done; run->expected and run->got hold the answers. */
int qemu_done(struct qemu_run *run, const char *kind);
/* Expected "ret=0"; got "ret=0" or the errno. */
int qemu_done_ret(struct qemu_run *run, const char *kind, long ret);
/* The device of the current event; NULL: *rc is -EINVAL, the error is written. */
struct qemu_device *qemu_find_device(struct qemu_run *run, const char *name, int *rc);

/* A new entry for the device of the current event, placed, not open. NULL: *rc is set. */
struct qemu_device *qemu_add_device(struct qemu_run *run, const char *name, int *rc);
/* An event about iommufd. */
int qemu_iommufd_event(struct qemu_run *run, const struct qemu_event *event);
/* What the device's file says of it, compared with the event's flags, regions, irqs. */
int qemu_device_info(struct qemu_run *run, struct qemu_device *device, const uint64_t want[3]);
/* An event about a device that is attached. */
int qemu_device_event(struct qemu_run *run, const struct qemu_event *event);
/* A BAR of a device as memory at `vaddr`. 0, -ENOMEM. */
int qemu_device_map_bar(struct qemu_run *run, struct qemu_device *device, unsigned bar,
			uint64_t vaddr);
/* Close the device's file and take its BARs out of memory. 0 or -errno. */
int qemu_device_close(struct qemu_run *run, struct qemu_device *device);

#endif
