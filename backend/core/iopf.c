// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recoverable I/O page faults: requests of a device, gathered into groups, and their answers.
 *
 * Kernel behaviour: drivers/iommu/io-pgfault.c. Requests wait at their device until the last of
 * their group comes; the whole group then goes to the handler of the domain that the device, or the
 * PASID that it named, is attached to. Every group is answered once: by whoever took it, or at once
 * as invalid when there is nobody, page requests are off, or memory is short.
 *
 * Invariant: dev->partial is empty while nobody wants the device's page requests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/iommu_priv.h"

static void answer(const struct iopf_fault *fault, unsigned code)
{
	if (fault->dev->driver->page_response)
		fault->dev->driver->page_response(fault->dev, fault, code);
}

/* A guest's tables may know more PASIDs than are attached: theirs are the device's requests. */
static bool is_guests_pasid(const struct iopf_fault *fault, const struct iommu_group *group)
{
	return fault->dev->driver->user_pasid_table && group->domain &&
	       group->domain->type == IOMMU_DOMAIN_NESTED;
}

/* Where requests like this one go, NULL: nowhere. *pasid: by which attachment. */
static struct iommu_domain *handling_domain(const struct iopf_fault *fault, uint32_t *pasid)
{
	const struct iommu_group *group = fault->dev->group;
	struct iommu_domain *domain = NULL;

	if (!group)
		return NULL;
	*pasid = fault->has_pasid ? fault->pasid : IOMMU_NO_PASID;
	if (*pasid != IOMMU_NO_PASID)
		domain = iommu_pasid_domain(group, *pasid);
	if (!domain && (*pasid == IOMMU_NO_PASID || is_guests_pasid(fault, group))) {
		*pasid = IOMMU_NO_PASID;
		domain = group->domain;
	}
	return domain && domain->iopf_handler ? domain : NULL;
}

static int partial_add(const struct iopf_fault *fault)
{
	struct iommu_device *dev = fault->dev;
	struct iopf_fault *partial = fail_realloc("iopf.partial", dev->partial,
						  (dev->partial_count + 1) * sizeof(*partial));

	if (!partial)
		return -ENOMEM;
	partial[dev->partial_count++] = *fault;
	dev->partial = partial;
	return 0;
}

/* Take the requests of a group away, into `to` (which has room for all) or nowhere (NULL). */
static unsigned partial_take(struct iommu_device *dev, uint32_t grpid, struct iopf_fault *to)
{
	unsigned kept = 0, taken = 0;

	for (unsigned i = 0; i < dev->partial_count; i++) {
		const struct iopf_fault fault = dev->partial[i];

		if (fault.grpid != grpid) {
			dev->partial[kept++] = fault;
			continue;
		}
		if (to)
			to[taken] = fault;
		taken++;
	}
	dev->partial_count = kept;
	return taken;
}

void iommu_iopf_discard(struct iommu_device *dev)
{
	free(dev->partial);
	dev->partial = NULL;
	dev->partial_count = 0;
}

/* The group that `last` completes. NULL: no memory, and its requests are forgotten. */
static struct iopf_group *group_create(const struct iopf_fault *last, struct iommu_domain *domain)
{
	struct iommu_device *dev = last->dev;
	struct iopf_group *group = fail_calloc("iopf.group", 1, sizeof(*group));

	if (group)
		group->faults = fail_calloc("iopf.group.faults", dev->partial_count + 1u,
					    sizeof(*group->faults));
	if (!group || !group->faults) {
		partial_take(dev, last->grpid, NULL);
		free(group);
		return NULL;
	}
	group->dev = dev;
	group->domain = domain;
	group->count = partial_take(dev, last->grpid, group->faults);
	group->faults[group->count++] = *last;
	return group;
}

int iommu_report_fault(const struct iopf_fault *fault)
{
	uint32_t pasid;
	struct iommu_domain *domain = handling_domain(fault, &pasid);
	struct iopf_group *group;

	if (!domain || !fault->dev->iopf_users) {
		if (fault->last) {
			partial_take(fault->dev, fault->grpid, NULL);
			answer(fault, IOPF_INVALID);
		}
		return -EINVAL;
	}
	if (!fault->last)
		return partial_add(fault);
	group = group_create(fault, domain);
	if (!group) {
		answer(fault, IOPF_INVALID);
		return -ENOMEM;
	}
	group->pasid = pasid;
	domain->iopf_handler(domain, group);
	return 0;
}

void iopf_group_free(struct iopf_group *group)
{
	free(group->faults);
	free(group);
}

void iopf_group_respond(struct iopf_group *group, unsigned code)
{
	answer(&group->faults[group->count - 1], code);
	iopf_group_free(group);
}

int iommu_iopf_enable(struct iommu_device *dev)
{
	int rc = 0;

	if (!dev->driver || !dev->driver->iopf_enable)
		return -ENODEV;
	if (!dev->iopf_users)
		rc = dev->driver->iopf_enable(dev);
	if (!rc)
		dev->iopf_users++;
	return rc;
}

void iommu_iopf_disable(struct iommu_device *dev)
{
	sio_assert(dev->iopf_users != 0);
	/* What the driver still finds in its queue goes the usual way. */
	if (dev->iopf_users == 1 && dev->driver->iopf_disable)
		dev->driver->iopf_disable(dev);
	if (--dev->iopf_users == 0)
		iommu_iopf_discard(dev);
}
