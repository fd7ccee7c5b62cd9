// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bare groups: a number, and nothing that translates.
 *
 * VFIO makes them for devices that have no IOMMU group of their own: emulated devices, whose DMA
 * the CPU does, and devices without an IOMMU in no-IOMMU mode. The number comes from the same
 * counter as that of other groups. Nobody claims a bare group's DMA and no domain takes it.
 *
 * Kernel behaviour: vfio_noiommu_group_alloc() of drivers/vfio/group.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/iommu_priv.h"

int iommu_bare_group_create(struct iommu *iommu, struct iommu_device *dev, struct iommu_group **out)
{
	struct iommu_group *group;

	group = fail_calloc("iommu.bare-group", 1, sizeof(*group));
	if (!group)
		return -ENOMEM;
	group->iommu = iommu;
	group->bare = true;
	group->devices = dev;
	if (dev) {
		sio_assert(!dev->group && !dev->driver);
		dev->group = group;
	}
	iommu_group_link(iommu->priv, group);
	*out = group;
	return 0;
}

void iommu_bare_group_destroy(struct iommu_group *group)
{
	struct iommu_group **link = &group->iommu->priv->groups;

	sio_assert(group->bare);
	while (*link != group)
		link = &(*link)->next;
	*link = group->next;
	if (group->devices)
		group->devices->group = NULL;
	free(group);
}

const char *iommu_bare_group_audit(const struct iommu_group *group)
{
	if (group->domain || group->default_domain || group->blocking_domain)
		return "a bare group is on a domain";
	if (group->owner || group->owner_count)
		return "a bare group has a DMA owner";
	if (group->devices && (group->devices->group != group || group->devices->driver))
		return "a bare group lists a device of another group, or one behind an IOMMU";
	return NULL;
}
