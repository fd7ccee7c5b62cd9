// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMUs of the mock: two pages that a program may map, requests that reach the caches of devices
 * by their virtual numbers, and two queues that do nothing.
 *
 * Kernel behaviour: drivers/iommu/iommufd/selftest.c of Linux 7.2.
 */
#include "mock/mock_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_PAGES 2u

struct mock_viommu {
	pa_t pages; /* PA_NONE: the program gave no data */
	uint64_t offset;
	struct iommu_hw_queue *queue[IOMMU_TEST_HW_QUEUE_MAX];
};

/* ---- life ---- */

/* Two adjacent frames. PA_NONE: no memory. */
static pa_t window_alloc(struct phys *phys)
{
	uint64_t pfn, got;

	if (fail_at(FAIL_POINT("mock.viommu.window", FAIL_ALLOC)))
		return PA_NONE;
	got = phys_frames_alloc(phys, WINDOW_PAGES, 1, &pfn);
	if (got == WINDOW_PAGES)
		return pfn << SIO_PAGE_LG2;
	if (got)
		phys_frames_put(phys, pfn, got);
	return PA_NONE;
}

static void window_free(struct iommu_viommu *viommu)
{
	const struct mock_viommu *mock = viommu->driver_data;

	viommu->mmap_free(viommu, mock->offset);
	phys_frames_put(viommu->parent->iommu->phys, mock->pages >> SIO_PAGE_LG2, WINDOW_PAGES);
}

/* The window, which begins with what the program said, and the answer. */
static int window_create(struct iommu_viommu *viommu, const struct iommu_user_data *data)
{
	struct phys *phys = viommu->parent->iommu->phys;
	struct mock_viommu *mock = viommu->driver_data;
	struct iommu_viommu_selftest user;
	uint32_t len;
	int rc = iommu_copy_user_data(&user, sizeof(user),
				      offsetof(struct iommu_viommu_selftest, out_mmap_offset),
				      IOMMU_VIOMMU_TYPE_SELFTEST, data);

	if (rc)
		return rc;
	mock->pages = window_alloc(phys);
	if (mock->pages == PA_NONE)
		return -ENOMEM;
	rc = viommu->mmap_alloc(viommu, mock->pages, WINDOW_PAGES * SIO_PAGE_SIZE, &mock->offset);
	if (rc) {
		phys_frames_put(phys, mock->pages >> SIO_PAGE_LG2, WINDOW_PAGES);
		return rc;
	}
	phys_write(phys, mock->pages, &user.in_data, sizeof(user.in_data));
	user.out_data = user.in_data;
	user.out_mmap_offset = mock->offset;
	user.out_mmap_length = WINDOW_PAGES * SIO_PAGE_SIZE;
	len = data->len < sizeof(user) ? data->len : (uint32_t)sizeof(user);
	rc = iommufd_copy_out(data->caller, data->uptr, &user, len);
	if (rc)
		window_free(viommu);
	return rc;
}

static int viommu_init(struct iommu_viommu *viommu, struct iommu_device *dev,
		       const struct iommu_user_data *data)
{
	struct mock_viommu *mock = fail_calloc("mock.viommu", 1, sizeof(*mock));
	int rc = 0;

	(void)dev;
	if (!mock)
		return -ENOMEM;
	mock->pages = PA_NONE;
	viommu->driver_data = mock;
	if (data)
		rc = window_create(viommu, data);
	if (rc)
		free(mock);
	return rc;
}

static void viommu_destroy(struct iommu_viommu *viommu)
{
	struct mock_viommu *mock = viommu->driver_data;

	if (mock->pages != PA_NONE)
		window_free(viommu);
	free(mock);
}

static int viommu_alloc_nested(struct iommu_viommu *viommu, uint32_t flags,
			       const struct iommu_user_data *data, struct iommu_domain **out)
{
	struct mock_nested *nested;
	int rc;

	if (flags & ~(uint32_t)IOMMU_ALLOC_PASID)
		return -EOPNOTSUPP;
	rc = mock_nested_alloc(data, true, &nested);
	if (rc)
		return rc;
	nested->viommu = viommu;
	*out = &nested->base;
	return 0;
}

/* ---- invalidation ---- */

static int invalidate_entry(struct iommu_viommu *viommu,
			    const struct iommu_viommu_invalidate_selftest *entry)
{
	struct iommu_vdevice *vdev;
	struct mock_device *mdev;

	if (entry->flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (entry->cache_id > MOCK_DEV_CACHE_ID_MAX)
		return -EINVAL;
	vdev = viommu->vdevice_find(viommu, entry->vdev_id);
	if (!vdev || !vdev->dev)
		return -EINVAL;
	mdev = mock_device_of(vdev->dev);
	if (entry->flags & IOMMU_TEST_INVALIDATE_FLAG_ALL)
		memset(mdev->cache, 0, sizeof(mdev->cache));
	else
		mdev->cache[entry->cache_id] = 0;
	return 0;
}

/* All entries are fetched before the first is done: one that cannot be read undoes them all. */
static int fetch_entries(const struct iommu_user_array *array, uint32_t count,
			 struct iommu_viommu_invalidate_selftest *entries)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at;
		int rc;

		if (__builtin_add_overflow(array->uptr, (uint64_t)array->entry_len * i, &at))
			return -EFAULT;
		rc = iommufd_copy_struct(array->caller, &entries[i], sizeof(*entries), at,
					 array->entry_len);
		if (rc)
			return rc;
	}
	return 0;
}

static int cache_invalidate(struct iommu_viommu *viommu, struct iommu_user_array *array)
{
	struct iommu_viommu_invalidate_selftest *entries;
	const uint32_t count = array->entry_num;
	int rc;

	array->entry_num = 0;
	if (array->type != IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST)
		return -EINVAL;
	if (!count)
		return 0;
	entries = fail_calloc("mock.viommu.invalidate", count, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	rc = fetch_entries(array, count, entries);
	while (!rc && array->entry_num < count) {
		rc = invalidate_entry(viommu, &entries[array->entry_num]);
		if (!rc)
			array->entry_num++;
	}
	free(entries);
	return rc;
}

/* ---- queues ---- */

static bool hw_queue_type(const struct iommu_viommu *viommu, uint32_t type)
{
	(void)viommu;
	return type == IOMMU_HW_QUEUE_TYPE_SELFTEST;
}

static int hw_queue_init(struct iommu_hw_queue *queue)
{
	struct mock_viommu *mock = queue->viommu->driver_data;

	if (queue->index >= IOMMU_TEST_HW_QUEUE_MAX)
		return -EINVAL;
	if (mock->queue[queue->index])
		return -EEXIST;
	if (queue->index) {
		struct iommu_hw_queue *before = mock->queue[queue->index - 1];

		if (!before)
			return -EIO;
		queue->depend(queue, before);
	}
	mock->queue[queue->index] = queue;
	return 0;
}

static void hw_queue_destroy(struct iommu_hw_queue *queue)
{
	struct mock_viommu *mock = queue->viommu->driver_data;

	mock->queue[queue->index] = NULL;
}

int mock_viommu_probe(struct iommu_device *dev, uint32_t type, struct iommu_viommu *viommu)
{
	static const struct iommu_viommu_ops ops = {
		.init = viommu_init,
		.destroy = viommu_destroy,
		.domain_alloc_nested = viommu_alloc_nested,
		.cache_invalidate = cache_invalidate,
		.hw_queue_type = hw_queue_type,
		.hw_queue_init = hw_queue_init,
		.hw_queue_destroy = hw_queue_destroy,
	};

	(void)dev;
	if (type != IOMMU_VIOMMU_TYPE_SELFTEST)
		return -EOPNOTSUPP;
	viommu->ops = &ops;
	return 0;
}
