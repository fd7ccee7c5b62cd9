// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's state as a boot left it, to go back to without booting again.
 *
 * Devices and groups are shape: nothing in them may differ once nobody uses them any more. What an
 * owner leaves behind are blocking domains, which are made when they are needed first and are kept,
 * and the numbers that were given out.
 */
#include "core/iommu_priv.h"

#include "keep.h"

#include <stddef.h>

/* [first, end) of a struct. */
#define keep_part(keep, object, first, end) \
	keep_shape(keep, (const uint8_t *)(object) + (first), (size_t)(end) - (size_t)(first))

static void keep_group(struct keep *keep, const struct iommu_group *group)
{
	const size_t own = offsetof(struct iommu_group, blocking_domain);

	keep_part(keep, group, 0, own);
	keep_part(keep, group, own + sizeof(group->blocking_domain), sizeof(*group));
	/* A group without owner is on its default domain, or there is something going on. */
	if (group->owner || group->blocking_domain || group->pasid_count ||
	    group->domain != group->default_domain)
		keep->failed = true;
}

void iommu_keep(const struct iommu *iommu, struct keep *keep)
{
	struct iommu_priv *priv = iommu->priv;

	if (iommu->late || iommu->rare.any || priv->fault_count || priv->notice_count)
		keep->failed = true;
	keep_part(keep, priv, 0, offsetof(struct iommu_priv, next_domain));
	keep_bytes(keep, &priv->next_domain, sizeof(priv->next_domain));
	for (const struct iommu_device *dev = priv->devices; dev; dev = dev->next) {
		keep_shape(keep, dev, sizeof(*dev));
		if (dev->pci)
			keep_shape(keep, dev->pci, sizeof(*dev->pci));
	}
	for (const struct iommu_group *group = priv->groups; group; group = group->next)
		keep_group(keep, group);
	keep_bytes(keep, &priv->fault_first, sizeof(priv->fault_first));
	keep_bytes(keep, &priv->fault_count, sizeof(priv->fault_count));
	keep_bytes(keep, &priv->faults_dropped, sizeof(priv->faults_dropped));
	keep_bytes(keep, &priv->notice_first, sizeof(priv->notice_first));
	keep_bytes(keep, &priv->notice_count, sizeof(priv->notice_count));
	keep_bytes(keep, &priv->journal_count, sizeof(priv->journal_count));
}

bool iommu_can_rewind(struct iommu *iommu)
{
	for (struct iommu_group *group = iommu->priv->groups; group; group = group->next) {
		struct iommu_domain *blocking = group->blocking_domain;

		if (!blocking || group->domain == blocking)
			continue;
		group->blocking_domain = NULL;
		iommu_domain_free(blocking);
	}
	/* What the journal holds of the boot is there until the ring comes round. */
	return !iommu->rare.any && iommu->priv->journal_count <= IOMMU_JOURNAL_MAX;
}
