// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA ownership as first proposed in 2021: a type, a count and a cookie for each group.
 *
 * Source: "iommu: Add device dma ownership set/release interfaces" on the iommu mailing list,
 * December 2021. Nothing is blocked: a group stays on the domain that it is on. Whoever counts on a
 * group of the same type gets in; only user space is told apart, by cookie.
 *
 * Invariant (iommu_owner_audit): the type is none exactly while the count is 0. The cookie says
 * nothing then: a release leaves it where it was, and the next set overwrites it.
 */
#include <errno.h>

#include "core/iommu.h"

int iommu_group_owner_set(struct iommu_group *group, enum dma_owner_type type, const void *cookie)
{
	sio_assert(type != DMA_OWNER_NONE);
	if (!group->owner_count) {
		group->owner_type = type;
		group->owner = cookie;
	} else if (group->owner_type != type) {
		return -EBUSY;
	} else if (type == DMA_OWNER_PRIVATE_DOMAIN_USER && group->owner != cookie) {
		return -EBUSY;
	}
	group->owner_count++;
	return 0;
}

bool iommu_group_owner_unset(struct iommu_group *group, enum dma_owner_type type)
{
	if (!group->owner_count || group->owner_type != type)
		return false;
	if (!--group->owner_count)
		group->owner_type = DMA_OWNER_NONE;
	return true;
}

int iommu_device_owner_set(struct iommu_device *dev, enum dma_owner_type type, const void *cookie)
{
	if (!dev->group)
		return type == DMA_OWNER_DMA_API ? 0 : -ENODEV;
	return iommu_group_owner_set(dev->group, type, cookie);
}

bool iommu_device_owner_unset(struct iommu_device *dev, enum dma_owner_type type)
{
	if (!dev->group)
		return type == DMA_OWNER_DMA_API;
	return iommu_group_owner_unset(dev->group, type);
}
