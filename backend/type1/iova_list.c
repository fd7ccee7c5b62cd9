// SPDX-License-Identifier: GPL-2.0-only
/*
 * Usable IOVA ranges: copy, cut to an aperture, cut out reserved regions.
 *
 * Matches vfio_iommu_type1's list step by step, including that a range is trimmed at its start only
 * when the new start lies strictly below the range's last address; a range that would keep one byte
 * goes instead.
 */
#include "type1/iova_list.h"

#include "recycle.h"

#include <errno.h>
#include <string.h>

void iova_list_fini(struct iova_list *list)
{
	recycle_free(list->range);
	*list = (struct iova_list){0};
}

int iova_list_copy(const struct iova_list *from, struct iova_list *to)
{
	*to = (struct iova_list){0};
	if (!from->count)
		return 0;
	to->range = recycle_calloc("type1.iova.copy", from->count * sizeof(*to->range));
	if (!to->range)
		return -ENOMEM;
	memcpy(to->range, from->range, from->count * sizeof(*to->range));
	to->count = from->count;
	return 0;
}

static void remove_at(struct iova_list *list, unsigned at)
{
	memmove(&list->range[at], &list->range[at + 1],
		(list->count - at - 1) * sizeof(*list->range));
	list->count--;
}

static int insert_at(struct iova_list *list, unsigned at, struct iova_range range)
{
	struct iova_range *grown;

	grown = recycle_realloc("type1.iova.insert", list->range,
				(list->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->range = grown;
	memmove(&grown[at + 1], &grown[at], (list->count - at) * sizeof(*grown));
	grown[at] = range;
	list->count++;
	return 0;
}

int iova_list_resize(struct iova_list *list, iova_t first, iova_t last)
{
	if (!list->count)
		return insert_at(list, 0, (struct iova_range){first, last});

	while (list->count && first >= list->range[0].first) {
		if (first < list->range[0].last) {
			list->range[0].first = first;
			break;
		}
		remove_at(list, 0);
	}
	for (unsigned i = 0; i < list->count;) {
		struct iova_range *range = &list->range[i];

		if (last <= range->last && last <= range->first) {
			remove_at(list, i);
			continue;
		}
		if (last < range->last)
			range->last = last;
		i++;
	}
	return 0;
}

/* Cut [first, last] out of the range at *at; *at moves past what remains of it. */
static int exclude_from(struct iova_list *list, unsigned *at, const struct resv_region *region)
{
	struct iova_range whole = list->range[*at];
	bool below = region->first > whole.first;
	bool above = region->last < whole.last;

	if (!below && !above) {
		remove_at(list, *at);
		return 0;
	}
	if (below && above) {
		int rc = insert_at(list, *at, whole);

		if (rc)
			return rc;
	}
	if (below)
		list->range[(*at)++].last = region->first - 1;
	if (above)
		list->range[(*at)++].first = region->last + 1;
	return 0;
}

int iova_list_exclude(struct iova_list *list, const struct resv_list *resv)
{
	for (unsigned r = 0; r < resv->count; r++) {
		const struct resv_region *region = &resv->region[r];

		if (!resv_is_exclusive(region))
			continue;
		for (unsigned i = 0; i < list->count;) {
			int rc;

			if (region->first > list->range[i].last ||
			    region->last < list->range[i].first) {
				i++;
				continue;
			}
			rc = exclude_from(list, &i, region);
			if (rc)
				return rc;
		}
	}
	return list->count ? 0 : -EINVAL;
}

bool iova_list_contains(const struct iova_list *list, iova_t first, iova_t last)
{
	if (!list->count)
		return true;
	for (unsigned i = 0; i < list->count; i++)
		if (first >= list->range[i].first && last <= list->range[i].last)
			return true;
	return false;
}
