/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the devices of a trace stand on the platform.
 *
 * In order of appearance: as --place says, else at the same address, else at the first free device
 * that a program may open and whose group holds no host driver. Each takes a group of its own.
 */
#ifndef SIM_TRACE_PLACEMENT_H
#define SIM_TRACE_PLACEMENT_H

#include "trace/session.h"

struct placed {
	char name[32]; /* in the trace, usually an address */
	struct sio_device *device;
};

struct placement {
	struct placed *entry;
	unsigned count;
};

/* The device for a name of the trace; placed now if it is new. NULL: *rc is -EINVAL or -ENOMEM. */
struct sio_device *placement_get(struct placement *placement, struct session *s, const char *name,
				 unsigned line, int *rc);
void placement_fini(struct placement *placement);

#endif
