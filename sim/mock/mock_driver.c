// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU's driver: devices that exist in name only, and domains that nothing translates
 * through.
 *
 * Every device is alone on its bus and in its group. Attaching changes nothing but what events and
 * faults need to know. One IOMMU stands for all devices of a machine.
 *
 * Kernel behaviour: drivers/iommu/iommufd/selftest.c of Linux 6.12 and 7.2.
 */
#include "mock/mock_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All powers of two that three levels of half pages can express. */
#define PGSIZES_7_2   SIO_MASK(37, 11)
#define PGSIZES_HUGE  ((uint64_t)MOCK_HUGE_PAGE_SIZE | SIO_PAGE_SIZE)
#define APERTURE_HUGE SIO_MASK(37, 0)

static struct mock_device *device_of(const struct iommu_device *dev)
{
	return dev->driver_data;
}

/* ---- domains ---- */

/* A paging domain with the default table. NULL: no memory. */
static struct mock_domain *domain_new(const struct iommu_device *dev)
{
	struct mock_domain *mock = fail_calloc("mock.domain", 1, sizeof(*mock));

	if (!mock)
		return NULL;
	mock->base.pgsize_bitmap = mock_is_7_2(dev->iommu) ? PGSIZES_7_2 : MOCK_PAGE_SIZE;
	if (device_of(dev)->flags & MOCK_FLAGS_DEVICE_HUGE_IOVA)
		mock->base.pgsize_bitmap |= MOCK_HUGE_PAGE_SIZE;
	mock->base.aperture_first = MOCK_APERTURE_START;
	mock->base.aperture_last = MOCK_APERTURE_LAST;
	imap_init(&mock->leaves);
	imap_init(&mock->dirty);
	return mock;
}

/* Of every type: the default and the blocking domain are like others, nobody maps into them. */
static int domain_alloc(struct iommu_device *dev, enum iommu_domain_type type,
			struct iommu_domain **out)
{
	struct mock_domain *mock = domain_new(dev);

	(void)type;
	if (!mock)
		return -ENOMEM;
	*out = &mock->base;
	return 0;
}

static void domain_free(struct iommu_domain *domain)
{
	if (domain->type == IOMMU_DOMAIN_NESTED) {
		free(mock_nested_of(domain));
		return;
	}
	mock_tables_fini(mock_domain_of(domain));
	free(mock_domain_of(domain));
}

/* 7.2: a program may choose the page table. */
static int choose_table(const struct iommu_user_data *data, struct mock_domain *mock)
{
	struct iommu_hwpt_selftest user;
	int rc;

	if (data->type != IOMMU_HWPT_DATA_SELFTEST)
		return -EOPNOTSUPP;
	rc = iommu_copy_user_data(&user, sizeof(user), sizeof(user.iotlb), IOMMU_HWPT_DATA_SELFTEST,
				  data);
	if (rc)
		return rc;
	if (user.pagetable_type > MOCK_IOMMUPT_HUGE)
		return -EOPNOTSUPP;
	if (user.pagetable_type == MOCK_IOMMUPT_HUGE) {
		mock->base.pgsize_bitmap = PGSIZES_HUGE;
		mock->base.aperture_first = 0;
		mock->base.aperture_last = APERTURE_HUGE;
	}
	return 0;
}

static int domain_alloc_user(struct iommu_device *dev, uint32_t flags,
			     const struct iommu_user_data *data, struct iommu_domain **out)
{
	const bool later = mock_is_7_2(dev->iommu);
	const uint32_t valid = IOMMU_ALLOC_NEST_PARENT | IOMMU_ALLOC_DIRTY_TRACKING |
			       (later ? (uint32_t)IOMMU_ALLOC_PASID : 0);
	struct mock_domain *mock;
	int rc;

	if ((flags & ~valid) || (data && !later))
		return -EOPNOTSUPP;
	if ((flags & IOMMU_ALLOC_DIRTY_TRACKING) &&
	    (device_of(dev)->flags & MOCK_FLAGS_DEVICE_NO_DIRTY))
		return -EOPNOTSUPP;
	mock = domain_new(dev);
	if (!mock)
		return -ENOMEM;
	rc = data ? choose_table(data, mock) : 0;
	if (rc) {
		mock_tables_fini(mock);
		free(mock);
		return rc;
	}
	mock->base.dirty_ops = flags & IOMMU_ALLOC_DIRTY_TRACKING;
	mock->base.nest_parent = flags & IOMMU_ALLOC_NEST_PARENT;
	*out = &mock->base;
	return 0;
}

static int set_dirty_tracking(struct iommu_domain *domain, bool on)
{
	mock_domain_of(domain)->tracking = on;
	return 0;
}

static void iotlb_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	/* Nothing is cached. */
	(void)domain;
	(void)gather;
}

/* ---- nested domains ---- */

int mock_nested_alloc(const struct iommu_user_data *data, bool later, struct mock_nested **out)
{
	struct iommu_hwpt_selftest user;
	const uint32_t known = later ? sizeof(user) : sizeof(user.iotlb);
	struct mock_nested *nested;
	int rc;

	if (data->type != IOMMU_HWPT_DATA_SELFTEST)
		return -EOPNOTSUPP;
	rc = iommu_copy_user_data(&user, known, sizeof(user.iotlb), IOMMU_HWPT_DATA_SELFTEST, data);
	if (rc)
		return rc;
	nested = fail_calloc("mock.nested", 1, sizeof(*nested));
	if (!nested)
		return -ENOMEM;
	for (unsigned i = 0; i < MOCK_NESTED_DOMAIN_IOTLB_NUM; i++)
		nested->iotlb[i] = user.iotlb;
	*out = nested;
	return 0;
}

static int domain_alloc_nested(struct iommu_device *dev, struct iommu_domain *parent,
			       uint32_t flags, const struct iommu_user_data *data,
			       struct iommu_domain **out)
{
	const bool later = mock_is_7_2(dev->iommu);
	struct mock_nested *nested;
	int rc;

	(void)parent;
	if (flags & ~(later ? (uint32_t)IOMMU_ALLOC_PASID : 0))
		return -EOPNOTSUPP;
	rc = mock_nested_alloc(data, later, &nested);
	if (!rc)
		*out = &nested->base;
	return rc;
}

/* One request: -EOPNOTSUPP, -EINVAL, or done. */
static int invalidate_entry(struct mock_nested *nested,
			    const struct iommu_hwpt_invalidate_selftest *entry)
{
	if (entry->flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (entry->iotlb_id > MOCK_NESTED_DOMAIN_IOTLB_ID_MAX)
		return -EINVAL;
	if (entry->flags & IOMMU_TEST_INVALIDATE_FLAG_ALL)
		memset(nested->iotlb, 0, sizeof(nested->iotlb));
	else
		nested->iotlb[entry->iotlb_id] = 0;
	return 0;
}

static int cache_invalidate_user(struct iommu_domain *domain, struct iommu_user_array *array)
{
	struct iommu_hwpt_invalidate_selftest entry;
	const uint32_t count = array->entry_num;
	int rc = 0;

	array->entry_num = 0;
	if (array->type != IOMMU_HWPT_INVALIDATE_DATA_SELFTEST)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		rc = iommu_copy_user_entry(&entry, sizeof(entry), sizeof(entry),
					   IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, array, i);
		if (!rc)
			rc = invalidate_entry(mock_nested_of(domain), &entry);
		if (rc)
			break;
		array->entry_num++;
	}
	return rc;
}

/* ---- attaching ---- */

static int attach(struct iommu_domain *domain, struct iommu_device *dev)
{
	struct mock_device *mdev = device_of(dev);
	struct iommu_viommu *viommu = NULL;
	uint64_t virt_id = 0;

	if (domain->dirty_ops && (mdev->flags & MOCK_FLAGS_DEVICE_NO_DIRTY))
		return -EINVAL;
	if (domain->type == IOMMU_DOMAIN_NESTED)
		viommu = mock_nested_of(domain)->viommu;
	if (viommu && !viommu->virt_id(viommu, dev, &virt_id))
		return -ENOENT;
	/* The name under which it came stays while it stays, whatever becomes of the vDEVICE. */
	if (viommu != mdev->viommu) {
		mdev->viommu = viommu;
		mdev->virt_id = virt_id;
	}
	return 0;
}

static int set_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid,
		     struct iommu_domain *old)
{
	struct mock_device *mdev = device_of(dev);

	(void)domain;
	(void)old;
	if (pasid != IOMMU_TEST_PASID_RESERVED)
		return 0;
	mdev->pasid_fails = !mdev->pasid_fails;
	return mdev->pasid_fails ? 0 : -ENOMEM;
}

static void remove_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid)
{
	(void)domain;
	if (pasid == IOMMU_TEST_PASID_RESERVED)
		device_of(dev)->pasid_fails = false;
}

/* ---- devices ---- */

static bool capable(const struct iommu_device *dev, enum iommu_cap cap)
{
	if (cap == IOMMU_CAP_DIRTY_TRACKING)
		return !(device_of(dev)->flags & MOCK_FLAGS_DEVICE_NO_DIRTY);
	return cap == IOMMU_CAP_CACHE_COHERENCY;
}

static int reserved(const struct iommu_device *dev, struct resv_list *list)
{
	(void)dev;
	(void)list;
	return 0;
}

static int hw_info(struct iommu_device *dev, uint32_t *type, void *data, uint32_t *len)
{
	const struct iommu_test_hw_info info = {.test_reg = IOMMU_HW_INFO_SELFTEST_REGVAL};

	(void)dev;
	if (*type && *type != IOMMU_HW_INFO_TYPE_SELFTEST)
		return -EOPNOTSUPP;
	*type = IOMMU_HW_INFO_TYPE_SELFTEST;
	*len = sizeof(info);
	memcpy(data, &info, sizeof(info));
	return 0;
}

static int iopf_enable(struct iommu_device *dev)
{
	(void)dev;
	return 0;
}

#define DRIVER_6_12                                                                               \
	.name = "mock", .domain_alloc = domain_alloc, .domain_free = domain_free,                 \
	.attach = attach, .map_pages = mock_map_pages, .unmap_pages = mock_unmap_pages,           \
	.iotlb_sync = iotlb_sync, .query = mock_query, .next = mock_next, .capable = capable,     \
	.reserved = reserved, .domain_audit = mock_domain_audit, .hw_info = hw_info,              \
	.domain_alloc_user = domain_alloc_user, .domain_alloc_nested = domain_alloc_nested,       \
	.cache_invalidate_user = cache_invalidate_user, .set_dirty_tracking = set_dirty_tracking, \
	.read_dirty = mock_read_dirty, .iopf_enable = iopf_enable, .user_pasid_table = true

const struct iommu_driver *mock_driver(const struct iommu *iommu)
{
	static const struct iommu_driver driver_6_12 = {DRIVER_6_12};
	static const struct iommu_driver driver_7_2 = {
		DRIVER_6_12,
		.set_pasid = set_pasid,
		.remove_pasid = remove_pasid,
		.viommu_probe = mock_viommu_probe,
	};

	return mock_is_7_2(iommu) ? &driver_7_2 : &driver_6_12;
}

struct mock_device *mock_device_of(const struct iommu_device *dev)
{
	return dev->driver && dev->driver == mock_driver(dev->iommu) ? device_of(dev) : NULL;
}

int mock_device_create(struct iommufd_env *env, uint32_t flags, struct iommu_device **dev)
{
	const bool later = mock_is_7_2(env->iommu);
	/* 6.12's own program asks for a PASID device, which its kernel did not have yet. */
	const uint32_t valid = MOCK_FLAGS_DEVICE_NO_DIRTY | MOCK_FLAGS_DEVICE_PASID |
			       (later ? 0 : (uint32_t)MOCK_FLAGS_DEVICE_HUGE_IOVA);
	struct mock_device *mdev;
	int rc;

	if (flags & ~valid)
		return -EINVAL;
	mdev = fail_calloc("mock.device", 1, sizeof(*mdev));
	if (!mdev)
		return -ENOMEM;
	mdev->flags = flags;
	for (unsigned i = 0; i < MOCK_DEV_CACHE_NUM; i++)
		mdev->cache[i] = IOMMU_TEST_DEV_CACHE_DEFAULT;
	rc = iommu_device_add_virtual(env->iommu, mock_driver(env->iommu), mdev, env, dev);
	if (rc) {
		free(mdev);
		return rc;
	}
	(*dev)->max_pasids = flags & MOCK_FLAGS_DEVICE_PASID ? 1u << MOCK_PASID_WIDTH : 1;
	return 0;
}

void mock_device_destroy(struct iommu_device *dev)
{
	struct mock_device *mdev = device_of(dev);

	iommu_device_remove(dev);
	free(mdev);
}
