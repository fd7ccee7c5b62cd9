// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs ask of the AMD-Vi driver through iommufd: registers, domains with dirty tracking,
 * virtual IOMMUs.
 *
 * Source: AMD IOMMU specification, "Extended Feature Register", "Host Access and Dirty Bits";
 * kernel behaviour: drivers/iommu/amd of Linux 6.12. What came with 7.2 is there only in kernels
 * that were built with it.
 *
 * A unit marks pages while the device table entry tells it to, and only when it looks at memory:
 * the caller of read_dirty invalidates what was cleared.
 */
#include <errno.h>
#include <string.h>

#include "drv_amdvi_priv.h"

#include "iommufd/iommufd_uapi.h"

#define REG_FEATURES_2 0x01a0u

/* In the second feature register: tables of a guest's own may be given to it. */
#define EFR2_GCR3_TRANSLATED SIO_BIT(3)

static bool has_iommufd(const struct iommu_device *dev)
{
	return dev->iommu->personality->amd_iommufd;
}

/* What all units have. */
static void common_features(const struct drv_amdvi *drv, uint64_t *efr, uint64_t *efr2)
{
	*efr = *efr2 = UINT64_MAX;
	for (unsigned i = 0; i < drv->unit_count; i++) {
		*efr &= drv->units[i].features;
		*efr2 &= amd_read(&drv->units[i], REG_FEATURES_2);
	}
}

int amd_hw_info(struct iommu_device *dev, uint32_t *type, void *data, uint32_t *len)
{
	const struct amd_device *adev = dev->driver_data;
	uint64_t efr, efr2;

	*len = 0;
	if (!has_iommufd(dev)) {
		*type = IOMMU_HW_INFO_TYPE_NONE;
		return 0;
	}
	if (*type && *type != IOMMU_HW_INFO_TYPE_AMD)
		return -EOPNOTSUPP;
	common_features(adev->unit->drv, &efr, &efr2);
	*type = IOMMU_HW_INFO_TYPE_AMD;
	*len = sizeof(struct iommu_hw_info_amd);
	memcpy(data, &(struct iommu_hw_info_amd){.efr = efr, .efr2 = efr2}, *len);
	return 0;
}

/* ---- domains ---- */

bool amd_tracks_dirty(const struct amd_unit *au)
{
	return au->features & AMDVI_EFR_HD;
}

bool amd_knows_pasids(const struct drv_amdvi *drv)
{
	const uint64_t needed = AMDVI_EFR_GT | AMDVI_EFR_PPR | AMDVI_EFR_GIO;
	uint64_t efr, efr2;

	common_features(drv, &efr, &efr2);
	return (efr & needed) == needed;
}

static bool can_be_parent(const struct amd_device *adev)
{
	const uint64_t guest = AMDVI_EFR_GT | AMDVI_EFR_GIO;
	uint64_t efr, efr2;

	common_features(adev->unit->drv, &efr, &efr2);
	return has_iommufd(adev->dev) && (efr & guest) == guest && efr2 & EFR2_GCR3_TRANSLATED;
}

int amd_domain_alloc_user(struct iommu_device *dev, uint32_t flags,
			  const struct iommu_user_data *data, struct iommu_domain **out)
{
	const uint32_t known =
		IOMMU_ALLOC_NEST_PARENT | IOMMU_ALLOC_DIRTY_TRACKING | IOMMU_ALLOC_PASID;
	const struct amd_device *adev = dev->driver_data;
	int rc;

	if (flags & ~known || data)
		return -EOPNOTSUPP;
	if (flags & IOMMU_ALLOC_NEST_PARENT && !can_be_parent(adev))
		return -EOPNOTSUPP;
	if (flags & IOMMU_ALLOC_DIRTY_TRACKING && !amd_tracks_dirty(adev->unit))
		return -EOPNOTSUPP;
	/* With v2 tables, which know neither of the others. */
	if (flags & IOMMU_ALLOC_PASID)
		return flags == IOMMU_ALLOC_PASID && amd_knows_pasids(adev->unit->drv)
			       ? amd_domain_alloc_guest(dev, out)
			       : -EOPNOTSUPP;
	rc = amd_domain_alloc(dev, IOMMU_DOMAIN_UNMANAGED, out);
	if (rc)
		return rc;
	(*out)->nest_parent = flags & IOMMU_ALLOC_NEST_PARENT;
	(*out)->dirty_ops = flags & IOMMU_ALLOC_DIRTY_TRACKING;
	return 0;
}

int amd_set_dirty_tracking(struct iommu_domain *domain, bool on)
{
	struct amd_domain *ad = amd_domain(domain);

	if (ad->dirty_tracking == on)
		return 0;
	ad->dirty_tracking = on;
	amd_domain_update(ad);
	/* What units remember of clean pages was not marked when they were written to. */
	amd_domain_flush(ad, 0, UINT64_MAX);
	return 0;
}

int amd_read_dirty(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
		   struct iommu_gather *gather, iommu_dirty_fn hit, void *ctx)
{
	struct amd_domain *ad = amd_domain(domain);
	const iova_t last = amd_table_last(ad);

	if (iova > last)
		return 0;
	if (len - 1 > last - iova)
		len = last - iova + 1;
	drv_read_dirty(&ad->pt, iova, len, clear ? gather : NULL, ad->dirty_tracking ? hit : NULL,
		       ctx);
	return 0;
}

/* ---- virtual IOMMUs ---- */

static int viommu_init(struct iommu_viommu *viommu, struct iommu_device *dev,
		       const struct iommu_user_data *data)
{
	(void)viommu, (void)dev, (void)data;
	return 0;
}

static void viommu_destroy(struct iommu_viommu *viommu)
{
	(void)viommu;
}

int amd_viommu_probe(struct iommu_device *dev, uint32_t type, struct iommu_viommu *viommu)
{
	static const struct iommu_viommu_ops ops = {
		.init = viommu_init,
		.destroy = viommu_destroy,
	};

	/* The kernel looks at no type. */
	(void)type;
	if (!has_iommufd(dev))
		return -EOPNOTSUPP;
	viommu->ops = &ops;
	return 0;
}
