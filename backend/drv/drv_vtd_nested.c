// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested domains: tables of a program's own, in the memory that a parent domain maps.
 *
 * Spec: "Nested Translation", "Scalable-Mode PASID Table Entry", "PASID-based-IOTLB Invalidate
 * Descriptor"; kernel behaviour: drivers/iommu/intel/nested.c of Linux 6.12.
 *
 * The unit finds the program's tables by itself, through the parent's. What they say is none of the
 * driver's business: a mistake in them is a fault of the device. That the unit forgets what it
 * cached of them is the program's business, by cache_invalidate_user.
 */
#include <errno.h>

#include "drv_vtd_priv.h"

#include "iommufd/iommufd_uapi.h"
#include "recycle.h"

bool vtd_nests(const struct vtd_unit *vu)
{
	return vu->scalable && vu->caps.nested;
}

int vtd_domain_alloc_nested(struct iommu_device *dev, struct iommu_domain *parent, uint32_t flags,
			    const struct iommu_user_data *data, struct iommu_domain **out)
{
	const struct vtd_device *vdev = dev->driver_data;
	struct iommu_hwpt_vtd_s1 stage1;
	struct vtd_domain *vd;
	int rc;

	if (!vtd_nests(vdev->unit) || flags & ~(uint32_t)IOMMU_ALLOC_PASID)
		return -EOPNOTSUPP;
	if (!data || data->type != IOMMU_HWPT_DATA_VTD_S1)
		return -EOPNOTSUPP;
	if (!parent->nest_parent)
		return -EINVAL;
	rc = iommu_copy_user_data(&stage1, sizeof(stage1), sizeof(stage1), IOMMU_HWPT_DATA_VTD_S1,
				  data);
	if (rc)
		return rc;
	vd = recycle_calloc("vtd.domain.nested", sizeof(*vd));
	if (!vd)
		return -ENOMEM;
	vd->pt.root = PA_NONE;
	vd->parent = vtd_domain(parent);
	vd->sibling = vd->parent->children;
	vd->parent->children = vd;
	vd->stage1 = (struct vtd_stage1){
		.root = stage1.pgtbl_addr,
		.width = stage1.addr_width,
		.flags = stage1.flags,
	};
	*out = &vd->base;
	return 0;
}

int vtd_nested_accepts(const struct vtd_domain *vd, const struct vtd_unit *vu)
{
	const struct vtd_stage1 *stage1 = &vd->stage1;

	if (!vtd_nests(vu))
		return -EINVAL;
	if (stage1->width != 48 && (stage1->width != 57 || !vu->caps.first_5level))
		return -EINVAL;
	if (stage1->flags & IOMMU_VTD_S1_SRE && !vu->caps.supervisor)
		return -EINVAL;
	if (stage1->flags & IOMMU_VTD_S1_EAFE && !vu->caps.extended_accessed)
		return -EINVAL;
	return 0;
}

/* ---- what programs have forgotten ---- */

static int inval_check(const struct iommu_hwpt_vtd_s1_invalidate *inval)
{
	if (inval->flags & ~(uint32_t)IOMMU_VTD_INV_FLAGS_LEAF || inval->__reserved)
		return -EOPNOTSUPP;
	if (!sio_is_aligned(inval->addr, SIO_PAGE_SIZE) ||
	    (inval->npages == UINT64_MAX && inval->addr))
		return -EINVAL;
	return 0;
}

static iova_t inval_last(const struct iommu_hwpt_vtd_s1_invalidate *inval)
{
	const uint64_t room = (UINT64_MAX - inval->addr) >> SIO_PAGE_LG2;

	/* No pages is taken for one, and what leaves the address space for its end. */
	if (inval->npages > room)
		return UINT64_MAX;
	return inval->addr + ((inval->npages ? inval->npages : 1) << SIO_PAGE_LG2) - 1;
}

static void inval_do(const struct vtd_domain *vd, const struct iommu_hwpt_vtd_s1_invalidate *inval)
{
	const iova_t first = inval->addr, last = inval_last(inval);
	const struct vtd_link *link;

	for (link = vd->links; link; link = link->next) {
		struct vtd_unit *vu = link->vdev->unit;

		vtd_flush_first_stage(vu, vtd_domain_user(vd, vu)->did, link->pasid, first, last,
				      inval->flags & IOMMU_VTD_INV_FLAGS_LEAF);
	}
	for (link = vd->links; link; link = link->next)
		vtd_flush_device(link, first, last);
}

int vtd_cache_invalidate_user(struct iommu_domain *domain, struct iommu_user_array *array)
{
	struct iommu_hwpt_vtd_s1_invalidate inval;
	struct vtd_domain *vd = vtd_domain(domain);
	uint32_t done = 0;
	int rc = 0;

	if (!vd->parent || array->type != IOMMU_HWPT_INVALIDATE_DATA_VTD_S1)
		rc = -EINVAL;
	while (!rc && done < array->entry_num) {
		rc = iommu_copy_user_entry(&inval, sizeof(inval), sizeof(inval),
					   IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, array, done);
		if (!rc)
			rc = inval_check(&inval);
		if (rc)
			break;
		inval_do(vd, &inval);
		done++;
	}
	array->entry_num = done;
	return rc;
}
