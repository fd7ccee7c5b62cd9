// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains of PASIDs: what the requests of a group that carry one are translated by.
 *
 * Kernel behaviour: iommu_attach_device_pasid() and its companions in drivers/iommu/iommu.c. A
 * PASID belongs to a whole group: all its devices use the same domain for it. Devices without PASID
 * support cannot send such requests; for them nothing is tested and nothing programmed.
 *
 * Invariants (iommu_pasid_audit): a group's PASIDs ascend, none is 0, and each has a domain.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/iommu_priv.h"

/* Where the PASID is or would be. */
static unsigned place_of(const struct iommu_group *group, uint32_t pasid)
{
	unsigned low = 0, high = group->pasid_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (group->pasids[middle].pasid < pasid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct iommu_group *group, unsigned place, uint32_t pasid)
{
	return place < group->pasid_count && group->pasids[place].pasid == pasid;
}

struct iommu_domain *iommu_pasid_domain(const struct iommu_group *group, uint32_t pasid)
{
	unsigned place = place_of(group, pasid);

	return is_at(group, place, pasid) ? group->pasids[place].domain : NULL;
}

static int pasid_check(const struct iommu_domain *domain, const struct iommu_device *dev,
		       uint32_t pasid)
{
	if (!dev->group)
		return -ENODEV;
	if (!dev->driver->set_pasid)
		return -EOPNOTSUPP;
	if (domain->driver != dev->driver || pasid == IOMMU_NO_PASID)
		return -EINVAL;
	for (const struct iommu_device *peer = dev->group->devices; peer;
	     peer = peer->next_in_group) {
		if (peer->max_pasids && pasid >= peer->max_pasids)
			return -EINVAL;
	}
	return 0;
}

/* Back to `old` (NULL: nothing) for the devices of the group before `end`. */
static void devices_undo(struct iommu_domain *domain, const struct iommu_device *end,
			 struct iommu_device *dev, uint32_t pasid, struct iommu_domain *old)
{
	for (; dev != end; dev = dev->next_in_group) {
		int rc = 0;

		if (!dev->max_pasids)
			continue;
		if (old)
			rc = dev->driver->set_pasid(old, dev, pasid, domain);
		/* A domain that was left without anything else happening takes the device back. */
		if (!old || rc)
			dev->driver->remove_pasid(rc ? old : domain, dev, pasid);
	}
}

static int devices_set(struct iommu_domain *domain, struct iommu_group *group, uint32_t pasid,
		       struct iommu_domain *old)
{
	for (struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group) {
		int rc;

		if (!dev->max_pasids)
			continue;
		rc = inject_here("iommu.pasid.attach", FAIL_ATTACH);
		if (!rc)
			rc = dev->driver->set_pasid(domain, dev, pasid, old);
		if (rc) {
			devices_undo(domain, dev, group->devices, pasid, old);
			return rc;
		}
	}
	return 0;
}

/* Room for one more entry, so that what follows cannot fail for want of it. */
static int pasids_reserve(struct iommu_group *group)
{
	struct iommu_pasid *pasids = fail_realloc("iommu.pasid.entry", group->pasids,
						  (group->pasid_count + 1) * sizeof(*pasids));

	if (!pasids)
		return -ENOMEM;
	group->pasids = pasids;
	return 0;
}

int iommu_attach_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid)
{
	struct iommu_group *group = dev->group;
	int rc = pasid_check(domain, dev, pasid);
	unsigned place;

	if (rc)
		return rc;
	place = place_of(group, pasid);
	if (is_at(group, place, pasid))
		return -EBUSY;
	rc = pasids_reserve(group);
	if (!rc)
		rc = devices_set(domain, group, pasid, NULL);
	if (rc)
		return rc;
	memmove(&group->pasids[place + 1], &group->pasids[place],
		(group->pasid_count - place) * sizeof(*group->pasids));
	group->pasids[place] = (struct iommu_pasid){pasid, domain};
	group->pasid_count++;
	domain->attached++;
	return 0;
}

int iommu_replace_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid)
{
	struct iommu_group *group = dev->group;
	int rc = pasid_check(domain, dev, pasid);
	struct iommu_domain *old;
	unsigned place;

	if (rc)
		return rc;
	place = place_of(group, pasid);
	if (!is_at(group, place, pasid))
		return -EINVAL;
	old = group->pasids[place].domain;
	if (old == domain)
		return 0;
	rc = devices_set(domain, group, pasid, old);
	if (rc)
		return rc;
	group->pasids[place].domain = domain;
	old->attached--;
	domain->attached++;
	return 0;
}

void iommu_detach_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid)
{
	struct iommu_group *group = dev->group;
	unsigned place = group ? place_of(group, pasid) : 0;

	if (!group || !is_at(group, place, pasid) || group->pasids[place].domain != domain)
		return;
	for (struct iommu_device *peer = group->devices; peer; peer = peer->next_in_group) {
		if (peer->max_pasids)
			peer->driver->remove_pasid(domain, peer, pasid);
	}
	group->pasid_count--;
	memmove(&group->pasids[place], &group->pasids[place + 1],
		(group->pasid_count - place) * sizeof(*group->pasids));
	domain->attached--;
}

void iommu_pasids_free(struct iommu_group *group)
{
	for (unsigned i = 0; i < group->pasid_count; i++)
		group->pasids[i].domain->attached--;
	free(group->pasids);
	group->pasids = NULL;
	group->pasid_count = 0;
}

const char *iommu_pasid_audit(const struct iommu_group *group)
{
	for (unsigned i = 0; i < group->pasid_count; i++) {
		const struct iommu_pasid *entry = &group->pasids[i];

		if (entry->pasid == IOMMU_NO_PASID || !entry->domain)
			return "a group has an attached PASID without number or domain";
		if (i && entry->pasid <= entry[-1].pasid)
			return "a group's attached PASIDs do not ascend";
	}
	return NULL;
}
