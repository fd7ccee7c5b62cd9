// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VT-d driver's state as a boot left it: in which order devices are on their default domains,
 * and where the queue goes on. The tables themselves are emulated memory.
 */
#include "drv_vtd_priv.h"

#include "keep.h"

#include <stddef.h>

static void keep_link(struct keep *keep, struct vtd_link *link)
{
	keep_bytes(keep, link, sizeof(*link));
}

static void keep_device(struct keep *keep, struct vtd_device *vdev)
{
	keep_shape(keep, &vdev->dev, sizeof(vdev->dev));
	keep_shape(keep, &vdev->unit, sizeof(vdev->unit));
	keep_shape(keep, &vdev->pasids, sizeof(*vdev) - offsetof(struct vtd_device, pasids));
	keep_link(keep, &vdev->rid);
	if (vdev->pasids || vdev->ats || vdev->page_requests)
		keep->failed = true;
}

static void keep_unit(struct keep *keep, struct vtd_unit *vu)
{
	keep_bytes(keep, &vu->tail, sizeof(vu->tail));
	keep_shape(keep, &vu->devices, sizeof(vu->devices));
	for (struct vtd_device *vdev = vu->devices; vdev; vdev = vdev->next)
		keep_device(keep, vdev);
}

/* Of the core's part, order and names are the core's to keep. */
static void keep_domain(struct keep *keep, struct vtd_domain *vd)
{
	keep_shape(keep, vd, offsetof(struct vtd_domain, links));
	keep_bytes(keep, &vd->links, sizeof(vd->links));
	keep_shape(keep, &vd->parent, sizeof(*vd) - offsetof(struct vtd_domain, parent));
	/* Default domains never lose their ids, and other domains give theirs back. */
	keep_shape(keep, vd->users, vd->user_count * sizeof(*vd->users));
}

void drv_vtd_keep(struct drv_vtd *drv, struct keep *keep)
{
	struct iommu_domain *domain = drv->iommu->priv->domains;

	for (unsigned i = 0; i < drv->unit_count; i++)
		keep_unit(keep, &drv->units[i]);
	for (; domain; domain = domain->next)
		if (domain->driver == &iommu_driver_vtd)
			keep_domain(keep, vtd_domain(domain));
}
