// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA ownership as mainline has it, and the choice between it, the form of 2021 and none.
 *
 * Kernel behaviour: iommu_group_claim_dma_owner(), iommu_device_claim_dma_owner() and
 * iommu_device_use_default_domain() of drivers/iommu/iommu.c; really_probe() with a bus's
 * dma_configure for the drivers.
 *
 * Invariants (iommu_owner_audit): with a user as owner no kernel driver counts, and the group is on
 * its blocking domain or one that the owner attached; without, each kernel driver that uses the DMA
 * API counts once, and the group is not blocked.
 */
#include "core/owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/iommu_priv.h"

static enum pers_dma_ownership form_of(const struct iommu_group *group)
{
	return (enum pers_dma_ownership)group->iommu->personality->dma_ownership;
}

static bool is_mainline(const struct iommu *iommu)
{
	return iommu->personality->dma_ownership == DMA_OWNERSHIP_MAINLINE;
}

/* ---- mainline ---- */

/* Nobody counts on the group. */
static int mainline_take(struct iommu_group *group, const void *owner)
{
	int rc;

	if (group->domain != group->default_domain || group->pasid_count)
		return -EBUSY;
	if (!group->blocking_domain) {
		rc = iommu_domain_create(group->devices, IOMMU_DOMAIN_BLOCKED,
					 &group->blocking_domain);
		if (rc)
			return rc;
	}
	rc = iommu_group_set_domain(group, group->blocking_domain);
	if (rc)
		return rc;
	group->owner = owner;
	group->owner_count = 1;
	return 0;
}

static void mainline_release(struct iommu_group *group)
{
	sio_assert(group->owner != NULL);
	sio_assert(!group->pasid_count);
	group->owner = NULL;
	group->owner_count = 0;
	iommu_group_restore_domain(group, group->default_domain);
}

static int mainline_claim(struct iommu_group *group, const void *owner)
{
	if (!owner)
		return -EINVAL;
	if (group->owner_count || rare_due(&group->iommu->rare, RARE_GROUP_UNVIABLE))
		return -EPERM;
	return mainline_take(group, owner);
}

static int mainline_claim_device(struct iommu_group *group, const void *owner)
{
	if (!group->owner_count)
		return mainline_take(group, owner);
	if (group->owner != owner)
		return -EPERM;
	group->owner_count++;
	return 0;
}

static int mainline_use_default(struct iommu_group *group)
{
	if (!group->default_domain)
		return -IOMMU_EPROBE_DEFER;
	if (group->owner_count &&
	    (group->owner || group->domain != group->default_domain || group->pasid_count))
		return -EBUSY;
	group->owner_count++;
	return 0;
}

/* ---- by form ---- */

int iommu_group_claim(struct iommu_group *group, const void *owner)
{
	switch (form_of(group)) {
	case DMA_OWNERSHIP_2021:
		if (rare_due(&group->iommu->rare, RARE_GROUP_UNVIABLE))
			return -EBUSY;
		return iommu_group_owner_set(group, DMA_OWNER_PRIVATE_DOMAIN_USER, owner);
	case DMA_OWNERSHIP_MAINLINE:
		if (rare_due(&group->iommu->rare, RARE_GROUP_UNVIABLE))
			return -EPERM;
		return mainline_claim(group, owner);
	case DMA_OWNERSHIP_NONE:
		break;
	}
	return 0;
}

void iommu_group_release(struct iommu_group *group)
{
	bool was_users;

	switch (form_of(group)) {
	case DMA_OWNERSHIP_2021:
		was_users = iommu_group_owner_unset(group, DMA_OWNER_PRIVATE_DOMAIN_USER);
		sio_assert(was_users);
		break;
	case DMA_OWNERSHIP_MAINLINE:
		mainline_release(group);
		break;
	case DMA_OWNERSHIP_NONE:
		break;
	}
}

bool iommu_group_claimed(const struct iommu_group *group)
{
	return group->owner_count != 0;
}

int iommu_device_claim_dma_owner(struct iommu_device *dev, const void *owner)
{
	bool mainline = is_mainline(dev->iommu);

	if (mainline && !owner)
		return -EINVAL;
	if (!dev->group)
		return -ENODEV;
	return mainline ? mainline_claim_device(dev->group, owner)
			: iommu_group_claim(dev->group, owner);
}

void iommu_device_release_dma_owner(struct iommu_device *dev)
{
	struct iommu_group *group = dev->group;

	if (is_mainline(group->iommu) && group->owner_count > 1)
		group->owner_count--;
	else
		iommu_group_release(group);
}

int iommu_device_use_default(struct iommu_device *dev)
{
	struct iommu_group *group = dev->group;
	int rc = 0;

	if (group && is_mainline(group->iommu))
		rc = mainline_use_default(group);
	else if (group && form_of(group) == DMA_OWNERSHIP_2021)
		rc = iommu_group_owner_set(group, DMA_OWNER_DMA_API, NULL);
	else if (group)
		group->owner_count++;
	dev->host_driver = !rc;
	return rc;
}

void iommu_device_unuse_default(struct iommu_device *dev)
{
	struct iommu_group *group = dev->group;

	sio_assert(dev->host_driver);
	dev->host_driver = false;
	if (!group)
		return;
	sio_assert(group->owner_count != 0);
	if (form_of(group) == DMA_OWNERSHIP_2021)
		iommu_group_owner_unset(group, DMA_OWNER_DMA_API);
	else
		group->owner_count--;
}

struct iommu_domain *iommu_owner_idle_domain(const struct iommu_group *group)
{
	bool blocked = is_mainline(group->iommu) && group->owner;

	return blocked ? group->blocking_domain : group->default_domain;
}

/* ---- drivers ---- */

bool iommu_driver_manages_dma(const char *name)
{
	static const char *const names[] = {"vfio-pci", "pci-stub", "pcieport"};

	for (size_t i = 0; i < SIO_ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

int iommu_device_bind(struct iommu_device *dev, const char *name)
{
	int rc;

	if (!name || !*name || strlen(name) >= sizeof(dev->bound_to))
		return -EINVAL;
	if (*dev->bound_to)
		return -EBUSY;
	rc = iommu_driver_manages_dma(name) ? 0 : iommu_device_use_default(dev);
	if (!rc)
		snprintf(dev->bound_to, sizeof(dev->bound_to), "%s", name);
	return rc;
}

int iommu_device_unbind(struct iommu_device *dev)
{
	if (!*dev->bound_to)
		return -ENODEV;
	if (dev->host_driver)
		iommu_device_unuse_default(dev);
	*dev->bound_to = '\0';
	return 0;
}

/* ---- audit ---- */

static const char *audit_mainline(const struct iommu_group *group, unsigned hosts)
{
	if (!group->owner && group->owner_count != hosts)
		return "a group's count is not that of its drivers";
	if (!group->owner && group->domain == group->blocking_domain)
		return "a group without owner is blocked";
	if (group->owner && !group->owner_count)
		return "a group has an owner that does not count";
	if (group->owner && hosts)
		return "a group is owned while a host driver uses one of its devices";
	if (group->owner && group->domain == group->default_domain)
		return "an owned group is on its default domain";
	return NULL;
}

static const char *audit_2021(const struct iommu_group *group, unsigned hosts)
{
	if ((group->owner_type == DMA_OWNER_NONE) != !group->owner_count)
		return "a group's owner has a type exactly when it counts";
	if (hosts && group->owner_type != DMA_OWNER_DMA_API)
		return "a group has another owner than the DMA API beside host drivers";
	if (hosts > group->owner_count)
		return "a group's count is below that of its drivers";
	return NULL;
}

const char *iommu_owner_audit(const struct iommu_group *group)
{
	unsigned hosts = 0;

	for (const struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group) {
		if (dev->host_driver && iommu_driver_manages_dma(dev->bound_to))
			return "a driver that manages DMA itself counts as one that does not";
		hosts += dev->host_driver;
	}
	switch (form_of(group)) {
	case DMA_OWNERSHIP_2021:
		return audit_2021(group, hosts);
	case DMA_OWNERSHIP_MAINLINE:
		return audit_mainline(group, hosts);
	case DMA_OWNERSHIP_NONE:
		break;
	}
	return group->owner_count == hosts ? NULL : "a group's count is not that of its drivers";
}
