// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots of a replay: see snapshot.h.
 */
#include "trace/snapshot.h"

#include "machine.h"

void snapshot_take(struct sio_machine *machine, struct replay_result *result)
{
	struct replay_snapshot now = {.at_operation = result->operations};
	const struct type1 *container;
	struct iommufd_stats iommufd;

	machine_look(machine);
	for (unsigned i = 0; (container = vfio_container_at(machine->vfio, i)); i++) {
		struct t1_stats stats;

		t1_stats(container, &stats);
		now.mappings += stats.mappings;
		now.mapped_bytes += stats.mapped_bytes;
		now.locked_pages += stats.locked_pages;
		now.domains += stats.domains;
		/* What all of them can do, as one container with all groups would answer. */
		now.pgsize_bitmap =
			i ? now.pgsize_bitmap & stats.pgsize_bitmap : stats.pgsize_bitmap;
	}
	iommufd_stats(&machine->iommufd, &iommufd);
	now.mappings += iommufd.areas;
	now.mapped_bytes += iommufd.mapped_bytes;
	now.locked_pages += iommufd.pinned_pages;
	now.domains += iommufd.domains;
	machine_leave(machine);
	if (now.domains)
		result->end = now;
	if (now.mappings > result->fullest.mappings || !result->fullest.at_operation)
		result->fullest = now;
}
