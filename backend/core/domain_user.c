// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains that a program asks for through iommufd, and dirty pages.
 *
 * Kernel behaviour: iommufd's calls of domain_alloc_paging_flags() and domain_alloc_nested(),
 * iommu_dirty_ops. A driver that has no such operation makes plain domains only.
 */
#include <errno.h>

#include "core/iommu_priv.h"

int iommu_domain_alloc_user(struct iommu_device *dev, uint32_t flags,
			    const struct iommu_user_data *data, struct iommu_domain **domain)
{
	int rc;

	if (!dev->driver)
		return -ENODEV;
	if (!dev->driver->domain_alloc_user)
		return flags || data ? -EOPNOTSUPP
				     : iommu_domain_create(dev, IOMMU_DOMAIN_UNMANAGED, domain);
	rc = inject_here("iommu.domain.user", FAIL_ALLOC);
	if (!rc)
		rc = dev->driver->domain_alloc_user(dev, flags, data, domain);
	if (!rc)
		iommu_domain_enrol(dev->iommu, dev->driver, IOMMU_DOMAIN_UNMANAGED, *domain);
	return rc;
}

int iommu_domain_alloc_nested(struct iommu_device *dev, struct iommu_domain *parent, uint32_t flags,
			      const struct iommu_user_data *data, struct iommu_domain **domain)
{
	int rc;

	if (!dev->driver)
		return -ENODEV;
	if (!dev->driver->domain_alloc_nested)
		return -EOPNOTSUPP;
	if (parent->driver != dev->driver)
		return -EINVAL;
	rc = inject_here("iommu.domain.nested", FAIL_ALLOC);
	if (!rc)
		rc = dev->driver->domain_alloc_nested(dev, parent, flags, data, domain);
	if (!rc)
		iommu_domain_enrol(dev->iommu, dev->driver, IOMMU_DOMAIN_NESTED, *domain);
	return rc;
}

int iommu_viommu_alloc_nested(struct iommu_viommu *viommu, uint32_t flags,
			      const struct iommu_user_data *data, struct iommu_domain **domain)
{
	struct iommu *iommu = viommu->parent->iommu;
	int rc;

	if (!viommu->ops->domain_alloc_nested)
		return -EOPNOTSUPP;
	rc = inject_here("iommu.domain.viommu-nested", FAIL_ALLOC);
	if (!rc)
		rc = viommu->ops->domain_alloc_nested(viommu, flags, data, domain);
	if (!rc)
		iommu_domain_enrol(iommu, viommu->driver, IOMMU_DOMAIN_NESTED, *domain);
	return rc;
}

int iommu_set_dirty_tracking(struct iommu_domain *domain, bool on)
{
	if (!domain->dirty_ops || !domain->driver->set_dirty_tracking)
		return -EOPNOTSUPP;
	return domain->driver->set_dirty_tracking(domain, on);
}

int iommu_read_dirty(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
		     iommu_dirty_fn hit, void *ctx)
{
	struct iommu_gather gather = {0};
	iova_t last;
	int rc;

	if (!domain->dirty_ops || !domain->driver->read_dirty)
		return -EOPNOTSUPP;
	if (!len)
		return 0;
	if (__builtin_add_overflow(iova, len - 1, &last))
		return -EINVAL;
	rc = domain->driver->read_dirty(domain, iova, len, clear, &gather, hit, ctx);
	/* A unit sets no bit for a page that it remembers as dirty. */
	iommu_iotlb_sync(domain, &gather);
	return rc;
}
