/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of usable IOVA ranges of a container: the intersection of its domains' apertures minus
 * the reserved regions of its groups.
 *
 * An empty list means "everything is valid": no group with an IOMMU was attached yet. Ranges are
 * inclusive, sorted and disjoint.
 */
#ifndef BACKEND_TYPE1_IOVA_LIST_H
#define BACKEND_TYPE1_IOVA_LIST_H

#include "core/iommu.h"

struct iova_range {
	iova_t first, last;
};

struct iova_list {
	struct iova_range *range;
	unsigned count;
};

void iova_list_fini(struct iova_list *list);
/* 0 or -ENOMEM; *to is empty on failure. */
int iova_list_copy(const struct iova_list *from, struct iova_list *to);
/* Cut the list to an aperture; an empty list becomes the aperture. 0 or -ENOMEM. */
int iova_list_resize(struct iova_list *list, iova_t first, iova_t last);
/* Cut out every region that is not relaxable. 0, -ENOMEM, -EINVAL when nothing remains. */
int iova_list_exclude(struct iova_list *list, const struct resv_list *resv);
/* [first, last] lies inside one range, or the list is empty. */
bool iova_list_contains(const struct iova_list *list, iova_t first, iova_t last);

/* A region that mappings must keep out of. */
static inline bool resv_is_exclusive(const struct resv_region *region)
{
	return region->type != RESV_DIRECT_RELAXABLE;
}

#endif
