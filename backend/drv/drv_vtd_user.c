// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs ask of the VT-d driver through iommufd: registers, domains with dirty tracking or
 * for nesting, domains of PASIDs.
 *
 * Spec: "Extended Capability Register", "Accessed and Dirty Flags" of the second stage; kernel
 * behaviour: drivers/iommu/intel/iommu.c.
 *
 * A unit that marks pages needs to read tables past no cache, so tracking takes ECAP.SMPWC as well
 * as SLADS. It sets a bit only when it looks at memory: the caller of read_dirty invalidates what
 * was cleared.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drv_vtd_priv.h"

#include "iommufd/iommufd_uapi.h"

int vtd_hw_info(struct iommu_device *dev, uint32_t *type, void *data, uint32_t *len)
{
	const struct vtd_device *vdev = dev->driver_data;
	const struct iommu_hw_info_vtd info = {
		/* The kernel says so of every unit: read-only pages do not nest. */
		.flags = IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17,
		.cap_reg = vdev->unit->caps.cap,
		.ecap_reg = vdev->unit->caps.ecap,
	};

	if (*type && *type != IOMMU_HW_INFO_TYPE_INTEL_VTD)
		return -EOPNOTSUPP;
	*type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	memcpy(data, &info, sizeof(info));
	*len = sizeof(info);
	return 0;
}

bool vtd_tracks_dirty(const struct vtd_unit *vu)
{
	return vu->scalable && vu->caps.second_dirty && vu->caps.walk_snoop;
}

int vtd_domain_alloc_user(struct iommu_device *dev, uint32_t flags,
			  const struct iommu_user_data *data, struct iommu_domain **out)
{
	const uint32_t known =
		IOMMU_ALLOC_NEST_PARENT | IOMMU_ALLOC_DIRTY_TRACKING | IOMMU_ALLOC_PASID;
	const struct vtd_device *vdev = dev->driver_data;
	struct vtd_domain *vd;
	int rc;

	if (flags & ~known || data)
		return -EOPNOTSUPP;
	if (flags & IOMMU_ALLOC_NEST_PARENT && !vtd_nests(vdev->unit))
		return -EOPNOTSUPP;
	if (flags & IOMMU_ALLOC_DIRTY_TRACKING && !vtd_tracks_dirty(vdev->unit))
		return -EOPNOTSUPP;
	rc = vtd_domain_alloc_paging(dev, &vd);
	if (rc)
		return rc;
	vd->base.nest_parent = flags & IOMMU_ALLOC_NEST_PARENT;
	vd->base.dirty_ops = flags & IOMMU_ALLOC_DIRTY_TRACKING;
	*out = &vd->base;
	return 0;
}

/* ---- dirty pages ---- */

int vtd_set_dirty_tracking(struct iommu_domain *domain, bool on)
{
	struct vtd_domain *vd = vtd_domain(domain);

	if (vd->dirty_tracking == on)
		return 0;
	vd->dirty_tracking = on;
	vtd_domain_rewrite(vd);
	return 0;
}

int vtd_read_dirty(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
		   struct iommu_gather *gather, iommu_dirty_fn hit, void *ctx)
{
	struct vtd_domain *vd = vtd_domain(domain);

	if (iova > domain->aperture_last)
		return 0;
	if (len - 1 > domain->aperture_last - iova)
		len = domain->aperture_last - iova + 1;
	drv_read_dirty(&vd->pt, iova, len, clear ? gather : NULL, vd->dirty_tracking ? hit : NULL,
		       ctx);
	return 0;
}

/* ---- PASIDs ---- */

static struct vtd_link **link_find(struct vtd_device *vdev, uint32_t pasid)
{
	struct vtd_link **at = &vdev->pasids;

	while (*at && (*at)->pasid != pasid)
		at = &(*at)->sibling;
	return at;
}

static void link_drop(struct vtd_link **at)
{
	struct vtd_link *link = *at;

	vtd_pasid_clear(link);
	vtd_link_leave(link);
	*at = link->sibling;
	free(link);
}

int vtd_set_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid,
		  struct iommu_domain *old)
{
	struct vtd_device *vdev = dev->driver_data;
	struct vtd_link **at = link_find(vdev, pasid), *link = *at;
	bool fresh = !link;
	int rc;

	(void)old;
	if (domain->type == IOMMU_DOMAIN_BLOCKED)
		return -EINVAL;
	if (!vtd_pasid_table(vdev, pasid))
		return -ENOMEM;
	if (fresh) {
		link = fail_calloc("vtd.pasid.link", 1, sizeof(*link));
		if (!link)
			return -ENOMEM;
		link->vdev = vdev;
		link->pasid = pasid;
	}
	vtd_pasid_services(vdev);
	rc = vtd_link_attach(vtd_domain(domain), link);
	if (rc && fresh)
		free(link);
	if (!rc && fresh)
		*at = link;
	return rc;
}

void vtd_remove_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid)
{
	struct vtd_link **at = link_find(dev->driver_data, pasid);

	(void)domain;
	if (*at)
		link_drop(at);
}

void vtd_pasids_release(struct vtd_device *vdev)
{
	while (vdev->pasids)
		link_drop(&vdev->pasids);
}
