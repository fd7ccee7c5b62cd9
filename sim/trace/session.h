/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every kind of replay shares: the machine, the count of operations, the verdict on each.
 *
 * A replay engine does an operation through the public API, writes both answers as text and calls
 * session_operation(), which counts, reports a difference, audits and takes snapshots.
 */
#ifndef SIM_TRACE_SESSION_H
#define SIM_TRACE_SESSION_H

#include "softiommu.h"
#include "trace/replay.h"
#include "trace/text.h"

struct session {
	const char *path;
	const struct replay_cfg *cfg;
	struct replay_result *result;
	char *error;
	size_t error_len;
	struct sio_machine *machine; /* moves to the result at the end */
	struct sio_process *process; /* that acts now */
	int container;               /* newest container descriptor, -1: none */
	uint64_t total;              /* operations expected, for progress */
	unsigned kind_room;
};

/* What the trace says about its machine; cfg's own choices come first. */
struct session_machine {
	const char *platform;
	const char *kernel;        /* as recorded ("6.12.117", "6.12,SWITCH"), NULL: unknown */
	const char *platform_file; /* its text, instead of a platform; NULL: none */
	bool selftest, strict;     /* besides, if cfg says so */
	bool iommufd_container;    /* /dev/vfio/vfio is iommufd's */
	bool emulated_vtd; /* by QEMU: VT-d units have its ways; not if cfg names a platform */
};

struct session_op {
	unsigned line;
	const char *kind; /* counted under this name */
	const char *text; /* the operation, for reports */
	const char *expected, *got;
	bool same;
	bool failed; /* recorded as failing */
};

/* Build the machine and one process. 0, -EINVAL, -ENOENT, -ENOMEM with a line in error. */
int session_boot(struct session *s, const struct session_machine *machine);
/* One operation is done. 0, -ENOMEM. */
int session_operation(struct session *s, const struct session_op *op);
/* "path:line: message" into error; returns -EINVAL. */
SIO_PRINTF(3, 4) int session_error(struct session *s, unsigned line, const char *format, ...);
SIO_PRINTF(2, 3) void session_note(struct session *s, const char *format, ...);
/* The platform's device for a device of the trace, after cfg.place; NULL: not placed. */
const char *session_placed(const struct session *s, const char *bdf);
/* ENODEV and the like; "E123" for a number without a name. */
const char *session_errno_name(int err, char buf[16]);

#endif
