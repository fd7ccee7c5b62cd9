// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserved regions: what drivers report, sorted and merged.
 *
 * Regions of one type that overlap or touch become one; regions of different types may overlap and
 * stay apart, because each consumer treats the types differently.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/iommu_priv.h"
#include "recycle.h"

void resv_list_fini(struct resv_list *list)
{
	recycle_free(list->region);
	*list = (struct resv_list){0};
}

int resv_list_add(struct resv_list *list, uint64_t first, uint64_t last, enum resv_type type)
{
	/* The list has no capacity field: it is a full power of two when it must grow. */
	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count ? list->count * 2 : 1;
		struct resv_region *region =
			recycle_realloc("iommu.resv.add", list->region, room * sizeof(*region));

		if (!region)
			return -ENOMEM;
		list->region = region;
	}
	list->region[list->count++] = (struct resv_region){first, last, type};
	return 0;
}

static int region_order(const void *left, const void *right)
{
	const struct resv_region *a = left, *b = right;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return (a->type > b->type) - (a->type < b->type);
}

/* The region of the same type that ends last among the first `count`, NULL if none. */
static struct resv_region *last_of_type(struct resv_list *list, unsigned count, enum resv_type type)
{
	while (count--) {
		if (list->region[count].type == type)
			return &list->region[count];
	}
	return NULL;
}

void resv_list_merge(struct resv_list *list)
{
	unsigned kept = 0;

	if (!list->count)
		return;
	qsort(list->region, list->count, sizeof(*list->region), region_order);
	for (unsigned i = 0; i < list->count; i++) {
		struct resv_region region = list->region[i];
		struct resv_region *top = last_of_type(list, kept, region.type);

		if (!top || (top->last != UINT64_MAX && region.first > top->last + 1))
			list->region[kept++] = region;
		else if (region.last > top->last)
			top->last = region.last;
	}
	list->count = kept;
}

/* Append; a driver without the operation has none. */
static int device_regions(const struct iommu_device *dev, struct resv_list *list)
{
	return dev->driver && dev->driver->reserved ? dev->driver->reserved(dev, list) : 0;
}

int iommu_device_reserved(const struct iommu_device *dev, struct resv_list *list)
{
	int rc = inject_here("iommu.device.reserved", FAIL_ALLOC);

	*list = (struct resv_list){0};
	if (!rc)
		rc = device_regions(dev, list);
	if (!rc)
		resv_list_merge(list);
	else
		resv_list_fini(list);
	return rc;
}

int iommu_group_reserved(const struct iommu_group *group, struct resv_list *list)
{
	int rc;

	*list = (struct resv_list){0};
	if (group->bare)
		return 0;
	rc = inject_here("iommu.group.reserved", FAIL_ALLOC);
	for (const struct iommu_device *dev = group->devices; dev && !rc; dev = dev->next_in_group)
		rc = device_regions(dev, list);
	if (!rc)
		resv_list_merge(list);
	else
		resv_list_fini(list);
	return rc;
}
