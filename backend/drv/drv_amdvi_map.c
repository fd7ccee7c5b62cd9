// SPDX-License-Identifier: GPL-2.0-only
/*
 * Map, unmap and invalidate in an AMD-Vi domain.
 *
 * Kernel behaviour: drivers/iommu/amd/io_pgtable.c of Linux 6.12 (v1 tables). The table grows at
 * the root until it holds the address and has a level for the page size. Mapping over something
 * replaces it silently; only where tables went, or a part of a larger
 * page, does the map invalidate. Unmapping clears every page that it meets as a whole and answers
 * their sizes; where nothing is mapped at the start it does nothing.
 *
 * Up to 4.20 mapping over something was refused: EBUSY for an entry that is present, whatever it
 * says; ENOMEM where a larger page is in the way, because no table can be hung below it.
 *
 * Tables that an unmap emptied stay in the gather until every unit has forgotten them.
 */
#include <errno.h>

#include "drv_amdvi_priv.h"
#include "seeded.h"

iova_t amd_table_last(const struct amd_domain *ad)
{
	unsigned width = pt_width(ad->pt.top_level);

	/* v2 tables do not grow, and half of what they reach is sign extended. */
	if (ad->gcr3 != PA_NONE)
		return ad->base.aperture_last;
	return width < 64 ? SIO_BIT(width) - 1 : UINT64_MAX;
}

/* The level whose entries make a page of this size, alone or several of them. */
static unsigned page_level(unsigned size_lg2)
{
	return (size_lg2 - SIO_PAGE_LG2) / 9;
}

/* One more level. Whoever prepares it without a lock, from a root that is no longer the root when
 * it is put in place, loses what others made meanwhile. */
static enum pt_status grow_root(struct amd_domain *ad)
{
	const pa_t root = ad->pt.root;

	if (SEEDED(A01)) {
		iommu_moment(ad->base.iommu, IOMMU_MOMENT_TABLES);
		ad->pt.root = root;
	}
	return pt_grow_root(&ad->pt);
}

/* Make room for `last` and for pages of 2^size_lg2 bytes. What was translated stays so. */
static int domain_grow(struct amd_domain *ad, iova_t last, unsigned size_lg2)
{
	const unsigned level = page_level(size_lg2);

	while (amd_table_last(ad) < last || ad->pt.top_level < level) {
		enum pt_status status = grow_root(ad);

		if (status != PT_DONE)
			return status == PT_NOMEM ? -ENOMEM : -EINVAL;
		amd_domain_update(ad);
	}
	return 0;
}

/* Clear what lies under the page at iova. A larger page is noted: units may hold all of it. */
static void clear_under(struct amd_domain *ad, iova_t iova, unsigned size_lg2,
			struct iommu_gather *replaced)
{
	unsigned leaf_lg2 = ad->pt.ops->leaf_lg2(&ad->pt, iova);

	if (leaf_lg2 > size_lg2) {
		size_lg2 = leaf_lg2;
		iova = sio_align_down(iova, SIO_BIT(size_lg2));
		drv_gather_add(replaced, iova, iova + (SIO_BIT(size_lg2) - 1));
	}
	(void)ad->pt.ops->unmap(&ad->pt, iova, SIO_BIT(size_lg2), &replaced->tables);
}

static int refusal(const struct amd_domain *ad, iova_t iova, unsigned size_lg2)
{
	unsigned leaf_lg2 = ad->pt.ops->leaf_lg2(&ad->pt, iova);

	return leaf_lg2 && page_level(leaf_lg2) > page_level(size_lg2) ? -ENOMEM : -EBUSY;
}

/* A02: there is a larger page of its level's default size, which nothing takes apart. */
static bool below_default_size(const struct amd_domain *ad, iova_t iova, unsigned size_lg2)
{
	unsigned leaf_lg2 = ad->pt.ops->leaf_lg2(&ad->pt, iova);

	return leaf_lg2 > size_lg2 && (leaf_lg2 - SIO_PAGE_LG2) % 9 == 0;
}

static int fill(struct amd_domain *ad, struct pt_map_req req, struct iommu_gather *replaced,
		uint64_t *mapped)
{
	while (req.count) {
		struct pt_change change = ad->pt.ops->map(&ad->pt, &req);
		uint64_t pages = change.done >> req.size_lg2;

		*mapped += change.done;
		req.iova += change.done;
		req.oa += pages * (uint64_t)req.oa_step;
		req.count -= pages;
		if (change.status == PT_NOMEM)
			return -ENOMEM;
		if (change.status == PT_RANGE)
			return -EINVAL;
		if (change.status == PT_EXISTS && ad->base.iommu->personality->amd_map_busy)
			return refusal(ad, req.iova, req.size_lg2);
		if (change.status == PT_EXISTS && SEEDED(A02) &&
		    below_default_size(ad, req.iova, req.size_lg2))
			return -EBUSY;
		if (change.status == PT_EXISTS)
			clear_under(ad, req.iova, req.size_lg2, replaced);
	}
	return 0;
}

static void unmap_now(struct amd_domain *ad, iova_t iova, uint64_t len)
{
	struct iommu_gather gather = {.first = iova, .last = iova + (len - 1), .len = len};

	(void)ad->pt.ops->unmap(&ad->pt, iova, len, &gather.tables);
	amd_iotlb_sync(&ad->base, &gather);
}

int amd_map_pages(struct iommu_domain *domain, const struct pt_map_req *request, uint64_t *mapped)
{
	struct amd_domain *ad = amd_domain(domain);
	const iova_t last = request->iova + ((request->count << request->size_lg2) - 1);
	struct pt_map_req req = *request;
	struct iommu_gather replaced = {0};
	int rc;

	*mapped = 0;
	req.perm &= PT_R | PT_W;
	/* A06: entries of the upper half are written as if they were those of the lower. */
	if (SEEDED(A06) && ad->gcr3 != PA_NONE && last <= ad->base.aperture_last)
		req.iova = (iova_t)((int64_t)(req.iova << 16) >> 16);
	if (!req.perm || last < req.iova || !req.count)
		return -EINVAL;
	/* Every leaf of v1 tables is forced coherent. Those of v2 are marked from the start. */
	req.perm |= ad->gcr3 == PA_NONE ? PT_SNP : PT_X | PT_U | PT_A | PT_D;
	/* Up to the lock of growing, and from there on, mappers are not kept apart. */
	iommu_moment(domain->iommu, IOMMU_MOMENT_TABLES);
	rc = domain_grow(ad, last, req.size_lg2);
	iommu_moment(domain->iommu, IOMMU_MOMENT_TABLES);
	if (!rc)
		rc = fill(ad, req, &replaced, mapped);
	if (rc && *mapped) {
		unmap_now(ad, req.iova, *mapped);
		*mapped = 0;
	}
	/* What was replaced page by page is not flushed, as in the kernel: only what is gone is. */
	if (replaced.len || replaced.tables.count || (!rc && ad->drv->np_cache))
		drv_gather_add(&replaced, req.iova, last);
	amd_iotlb_sync(domain, &replaced);
	return rc;
}

/* The range neither overlaps nor touches what is gathered. */
static bool gather_is_disjoint(const struct iommu_gather *gather, iova_t first, uint64_t len)
{
	return gather->len && (first > gather->last + 1 || first + len < gather->first);
}

uint64_t amd_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2, uint64_t count,
			 struct iommu_gather *gather)
{
	struct amd_domain *ad = amd_domain(domain);
	const uint64_t len = count << size_lg2;
	uint64_t done = 0;

	while (done < len && iova <= amd_table_last(ad)) {
		unsigned leaf_lg2 = ad->pt.ops->leaf_lg2(&ad->pt, iova);
		uint64_t room, want = len - done;
		struct pt_change change;

		if (!leaf_lg2)
			break;
		/* A page counts as a whole, wherever in it the walk arrives. */
		iova = sio_align_down(iova, SIO_BIT(leaf_lg2));
		if (want < SIO_BIT(leaf_lg2))
			want = SIO_BIT(leaf_lg2);
		room = amd_table_last(ad) - iova;
		if (want - 1 > room)
			want = room + 1;
		change = ad->pt.ops->unmap(&ad->pt, iova, want, &gather->tables);
		sio_assert(change.done != 0);
		/* Pages between two ranges are not worth forgetting in an emulated unit. */
		if (ad->drv->np_cache && gather_is_disjoint(gather, iova, change.done)) {
			amd_iotlb_sync(domain, gather);
			*gather = (struct iommu_gather){0};
		}
		drv_gather_add(gather, iova, iova + (change.done - 1));
		done += change.done;
		/* 0 behind the last page of all. */
		iova += change.done;
		if (!iova)
			break;
	}
	return done;
}

void amd_iotlb_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	struct amd_domain *ad = amd_domain(domain);

	/* A04: the size of what is flushed leaves the last page out. */
	if (SEEDED(A04) && gather->len && gather->last - gather->first >= SIO_PAGE_SIZE)
		amd_domain_flush(ad, gather->first, gather->last - SIO_PAGE_SIZE);
	else if (gather->len)
		amd_domain_flush(ad, gather->first, gather->last);
	pt_gather_free(ad->pt.phys, &gather->tables);
}

struct pt_run amd_query(const struct iommu_domain *domain, iova_t iova, uint64_t max_pages)
{
	const struct amd_domain *ad = amd_domain(domain);

	if (iova > amd_table_last(ad))
		return (struct pt_run){0};
	return ad->pt.ops->query(&ad->pt, iova, max_pages);
}

bool amd_next(const struct iommu_domain *domain, iova_t from, iova_t last, iova_t *found)
{
	const struct amd_domain *ad = amd_domain(domain);

	if (last > amd_table_last(ad))
		last = amd_table_last(ad);
	return from <= last && ad->pt.ops->next(&ad->pt, from, last, found);
}
