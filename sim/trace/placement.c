// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement of a trace's devices: see placement.h.
 */
#include "trace/placement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

static bool group_taken(const struct placement *placement, int group)
{
	for (unsigned i = 0; i < placement->count; i++)
		if (sio_device_group(placement->entry[i].device) == group)
			return true;
	return false;
}

/* A group with a host driver in it can be opened and not used. */
static bool group_has_host_driver(const struct sio_machine *machine, int group)
{
	for (unsigned i = 0; i < machine->device_count; i++) {
		const struct sio_device *device = &machine->device[i];

		if (device->platform->driver == PLATFORM_HOST && sio_device_group(device) == group)
			return true;
	}
	return false;
}

static bool is_free(const struct placement *placement, const struct sio_device *device)
{
	int group = sio_device_group(device);

	return device->platform->driver == PLATFORM_VFIO_PCI &&
	       !platform_is_bridge(device->platform) && group >= 0 &&
	       !group_taken(placement, group) && !group_has_host_driver(device->machine, group);
}

static struct sio_device *choose(struct session *s, const struct placement *placement,
				 const char *name)
{
	struct sio_device *same = sio_device_find(s->machine, name);

	if (same && is_free(placement, same))
		return same;
	for (unsigned i = 0; i < s->machine->device_count; i++)
		if (is_free(placement, &s->machine->device[i]))
			return &s->machine->device[i];
	return NULL;
}

struct sio_device *placement_get(struct placement *placement, struct session *s, const char *name,
				 unsigned line, int *rc)
{
	const char *wanted = session_placed(s, name);
	struct sio_device *device;
	struct placed *entry;

	*rc = 0;
	for (unsigned i = 0; i < placement->count; i++)
		if (!strcmp(placement->entry[i].name, name))
			return placement->entry[i].device;
	device = wanted ? sio_device_find(s->machine, wanted) : choose(s, placement, name);
	if (!device) {
		*rc = session_error(s, line, "%s: the platform has no free device for it", name);
		return NULL;
	}
	entry = realloc(placement->entry, (placement->count + 1) * sizeof(*entry));
	if (!entry) {
		*rc = -ENOMEM;
		return NULL;
	}
	placement->entry = entry;
	entry += placement->count++;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->device = device;
	if (strcmp(name, sio_device_bdf(device)))
		session_note(s, "device %s of the trace stands at %s", name,
			     sio_device_bdf(device));
	return device;
}

void placement_fini(struct placement *placement)
{
	free(placement->entry);
	*placement = (struct placement){0};
}
