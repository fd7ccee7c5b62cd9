/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DMA ownership: a group does the DMA of kernel drivers or of one user, never of both.
 *
 * The personality's `dma_ownership` chooses the form.
 *
 * - none (before 5.19): nobody is asked, and nothing is recorded but the number of drivers. VFIO
 *   looks at the drivers that are bound.
 * - 2021: as first proposed. A type, a count and a cookie for each group.
 * - mainline: an owner and a count for each group; an owned group is on its blocking domain until
 *   its owner attaches it to another.
 *
 * The calls of the first section do what the form says, so that users need not know it. All run
 * under the machine's lock.
 */
#ifndef BACKEND_CORE_OWNER_H
#define BACKEND_CORE_OWNER_H

#include "base.h"

struct iommu_device;
struct iommu_group;

/* Of device_use_default: the IOMMU is not ready, the driver is to be tried later. */
#define IOMMU_EPROBE_DEFER 517

/*
 * A user takes the whole group. `owner` is compared and never followed; it stays valid as long as
 * the claim.
 *
 * mainline: -EINVAL owner NULL, or a device needs direct mappings and cannot be blocked; -EPERM it
 * has users, even the same one; -EBUSY it is not on its default domain, or a PASID is attached;
 * that of allocating or attaching the blocking domain. 2021: -EBUSY it has users of another type or
 * cookie. none: 0. On failure nothing has changed.
 */
int iommu_group_claim(struct iommu_group *group, const void *owner);
/* Undo one claim; never fails. mainline: the group goes back to its default domain. */
void iommu_group_release(struct iommu_group *group);
/* Anybody, a kernel driver or a user, has a count on the group. */
bool iommu_group_claimed(const struct iommu_group *group);

/*
 * A user takes the group of a device; one that has it already counts up, so that an iommufd
 * descriptor claims each device that it binds. As iommu_group_claim(), and -ENODEV: no group;
 * mainline's -EPERM is for another owner only.
 */
int iommu_device_claim_dma_owner(struct iommu_device *dev, const void *owner);
/* Undo one; the last one gives the group back. Never fails. */
void iommu_device_release_dma_owner(struct iommu_device *dev);

/*
 * A kernel driver is about to use the DMA API, so the default domain. No group: 0. mainline:
 * -IOMMU_EPROBE_DEFER there is no default domain yet; -EBUSY a user has the group, or it is on
 * another domain while it is counted, or a PASID is attached. 2021: -EBUSY another type has it.
 */
int iommu_device_use_default(struct iommu_device *dev);
void iommu_device_unuse_default(struct iommu_device *dev);

/* ---- binding kernel drivers ---- */

/* Drivers that leave DMA alone or to a user of their own: their probe claims nothing. */
bool iommu_driver_manages_dma(const char *name);
/*
 * The driver core binds a driver by name. -EINVAL no name or one of more than 31 characters; -EBUSY
 * the device has a driver; errors of iommu_device_use_default(), which is asked unless the driver
 * manages DMA itself.
 */
int iommu_device_bind(struct iommu_device *dev, const char *name);
/* -ENODEV: it has none. */
int iommu_device_unbind(struct iommu_device *dev);

/* ---- the 2021 form by itself ---- */

enum dma_owner_type {
	DMA_OWNER_NONE,
	DMA_OWNER_DMA_API,            /* kernel drivers, by the DMA API */
	DMA_OWNER_PRIVATE_DOMAIN,     /* a kernel driver with a domain of its own */
	DMA_OWNER_PRIVATE_DOMAIN_USER /* user space; which one, the cookie says */
};

/* -EBUSY: others have the group, by type or, for user space, by cookie. Same: counts up. */
int iommu_group_owner_set(struct iommu_group *group, enum dma_owner_type type, const void *cookie);
/* False, and nothing done: not that type's, or nobody's; the kernel warns. The last release leaves
 * the cookie where it was. */
bool iommu_group_owner_unset(struct iommu_group *group, enum dma_owner_type type);
/* The same by device. One without a group does DMA for the DMA API only: -ENODEV, false. */
int iommu_device_owner_set(struct iommu_device *dev, enum dma_owner_type type, const void *cookie);
bool iommu_device_owner_unset(struct iommu_device *dev, enum dma_owner_type type);

#endif
