// SPDX-License-Identifier: GPL-2.0-only
/*
 * Map, unmap and invalidate in a VT-d domain.
 *
 * Kernel behaviour: drivers/iommu/intel of Linux 6.12, second stage. Mapping over a live
 * translation keeps the old one; a large page over small ones replaces them. Unmapping answers the
 * length that was asked, whether something was there or not, or the size of a larger leaf found at
 * the start.
 *
 * Tables that an unmap emptied stay in the gather until every unit has forgotten them.
 */
#include <errno.h>

#include "drv_vtd_priv.h"

#include "seeded.h"

static bool beyond_width(const struct vtd_domain *vd, iova_t iova, uint64_t len)
{
	iova_t last = iova + (len - 1);

	return last < iova || last > vd->base.aperture_last;
}

/* Permissions as second-stage leaves have them. */
static uint8_t leaf_perm(const struct vtd_domain *vd, unsigned perm)
{
	/* Without forced coherency the kernel writes no SNP, cache attribute or not. */
	perm &= PT_R | PT_W;
	if (perm == PT_W && vd->base.iommu->personality->write_only_readable)
		perm |= PT_R;
	if (vd->snoop)
		perm |= PT_SNP;
	return (uint8_t)perm;
}

static void flush_ids(const struct vtd_domain *vd, iova_t first, iova_t last, bool leaf_only)
{
	for (unsigned i = 0; i < vd->user_count; i++) {
		const struct vtd_user *user = &vd->users[i];

		if (user->refs)
			vtd_flush_range(user->unit, user->did, first, last, leaf_only);
	}
}

/*
 * Units first, then the devices, which might ask them again. What is nested in the domain was
 * translated by it under ids of its own, and by addresses of another kind: all of that goes.
 */
void vtd_flush_users(struct vtd_domain *vd, iova_t first, iova_t last, bool leaf_only)
{
	flush_ids(vd, first, last, leaf_only);
	for (const struct vtd_domain *child = vd->children; child; child = child->sibling)
		flush_ids(child, first, last, leaf_only);
	for (const struct vtd_link *link = vd->links; link; link = link->next)
		vtd_flush_device(link, first, last);
	for (const struct vtd_domain *child = vd->children; child; child = child->sibling)
		for (const struct vtd_link *link = child->links; link; link = link->next)
			vtd_flush_device(link, 0, UINT64_MAX);
}

/* New translations: units in caching mode remember their absence, others may buffer the write. */
static void flush_new(const struct vtd_domain *vd, iova_t first, iova_t last)
{
	for (const struct vtd_domain *child = vd->children; child; child = child->sibling)
		flush_new(child, first, last);
	for (unsigned i = 0; i < vd->user_count; i++) {
		const struct vtd_user *user = &vd->users[i];

		if (!user->refs || SEEDED(V05))
			continue;
		if (user->unit->caps.caching_mode)
			vtd_flush_range(user->unit, user->did, first, last, false);
		else
			vtd_flush_write_buffer(user->unit);
	}
}

/* Take translations away at once, without the caller's gather. */
static void unmap_now(struct vtd_domain *vd, iova_t iova, uint64_t len)
{
	struct iommu_gather gather = {.first = iova, .last = iova + (len - 1), .len = len};

	(void)vd->pt.ops->unmap(&vd->pt, iova, len, &gather.tables);
	vtd_pages_written(vd, iova, gather.last, false);
	vtd_iotlb_sync(&vd->base, &gather);
}

/* V02: tables make room for a large page, and units still know them when they are free. */
SEEDED_ONLY static void drop_unflushed(struct vtd_domain *vd, iova_t iova, uint64_t len)
{
	struct pt_gather tables = {0};

	(void)vd->pt.ops->unmap(&vd->pt, iova, len, &tables);
	vtd_pages_written(vd, iova, iova + (len - 1), false);
	pt_gather_free(vd->pt.phys, &tables);
}

/* V03: making room for large pages goes on to the one in which the range's end lies. */
SEEDED_ONLY static void drop_past_end(struct vtd_domain *vd, const struct pt_map_req *req)
{
	iova_t end = req->iova + (req->count << req->size_lg2), found;
	uint64_t size = SIO_BIT(req->size_lg2);

	if (req->size_lg2 > SIO_PAGE_LG2 && !beyond_width(vd, end, size) &&
	    vd->pt.ops->next(&vd->pt, end, end + (size - 1), &found) &&
	    vd->pt.ops->leaf_lg2(&vd->pt, found) < req->size_lg2)
		unmap_now(vd, end, size);
}

/* The first page of `req` lies over something. Returns how many pages of it are settled. */
static uint64_t settle_collision(struct vtd_domain *vd, const struct pt_map_req *req)
{
	uint64_t size = SIO_BIT(req->size_lg2);
	unsigned leaf_lg2 = vd->pt.ops->leaf_lg2(&vd->pt, req->iova);

	/* A leaf of this size or larger wins over the new one. */
	if (leaf_lg2 >= req->size_lg2)
		return 1;
	/* Smaller pages somewhere below: they give way, and the page is tried again. */
	if (SEEDED(V02))
		drop_unflushed(vd, req->iova, size);
	else
		unmap_now(vd, req->iova, size);
	return 0;
}

static int fill(struct vtd_domain *vd, struct pt_map_req req, uint64_t *mapped)
{
	uint64_t len = req.count << req.size_lg2, settled;
	struct pt_change change;

	*mapped = 0;
	while (*mapped < len) {
		change = vd->pt.ops->map(&vd->pt, &req);
		settled = change.done >> req.size_lg2;
		if (change.status == PT_EXISTS) {
			struct pt_map_req rest = req;

			rest.iova += change.done;
			settled += settle_collision(vd, &rest);
		}
		*mapped += settled << req.size_lg2;
		req.iova += settled << req.size_lg2;
		req.oa += settled * (uint64_t)req.oa_step;
		req.count -= settled;
		if (change.status == PT_NOMEM)
			return -ENOMEM;
		if (change.status != PT_DONE && change.status != PT_EXISTS)
			return -EINVAL;
	}
	return 0;
}

/* Pages of a size that the units have no leaf for become several of the next smaller one. */
static void fit_leaf_size(const struct vtd_domain *vd, struct pt_map_req *req)
{
	unsigned levels = vd->pt.caps.large_levels;
	uint8_t lg2 = SIO_PAGE_LG2;

	for (unsigned i = 0; i < vd->user_count; i++)
		if (vd->users[i].refs)
			levels &= vd->users[i].unit->caps.large_levels;
	if (levels & 4 && req->size_lg2 >= 30)
		lg2 = 30;
	else if (levels & 2 && req->size_lg2 >= 21)
		lg2 = 21;
	if (lg2 == req->size_lg2)
		return;
	req->count <<= req->size_lg2 - lg2;
	req->size_lg2 = lg2;
	req->oa_step = (int64_t)SIO_BIT(lg2);
}

/* As seen on 3.16 and 4.19. Later kernels never come here: the list of usable addresses refuses. */
static const char map_to_the_end[] =
	"VT-d is asked for a page that ends at 2^64: its test of the width adds up to 0 and "
	"passes, "
	"and the kernel stops at a BUG in __domain_mapping(); answered with EFAULT";

int vtd_map_pages(struct iommu_domain *domain, const struct pt_map_req *request, uint64_t *mapped)
{
	struct vtd_domain *vd = vtd_domain(domain);
	uint64_t len = request->count << request->size_lg2, tables = vd->pt.table_count;
	struct pt_map_req req = *request;
	int rc;

	*mapped = 0;
	if (!(req.perm & (PT_R | PT_W)))
		return -EINVAL;
	if (beyond_width(vd, req.iova, len)) {
		if (req.iova + SIO_BIT(req.size_lg2) == 0)
			iommu_notice(vd->base.iommu, map_to_the_end);
		return -EFAULT;
	}
	/* Units with an erratum write to such pages when they are the tables of a nested domain. */
	if (domain->nest_parent && !(req.perm & PT_W))
		return -EINVAL;
	req.perm = leaf_perm(vd, req.perm);
	if (vd->base.iommu->personality->vtd_every_pgsize)
		fit_leaf_size(vd, &req);
	vd->ever_mapped = true;
	if (vd->mapped_end < req.iova + len)
		vd->mapped_end = req.iova + len;
	if (SEEDED(V03))
		drop_past_end(vd, &req);
	rc = fill(vd, req, mapped);
	if (*mapped)
		vtd_pages_written(vd, req.iova, req.iova + (*mapped - 1),
				  vd->pt.table_count != tables);
	if (rc && *mapped) {
		unmap_now(vd, req.iova, *mapped);
		*mapped = 0;
	}
	if (!rc)
		flush_new(vd, req.iova, req.iova + (len - 1));
	return rc;
}

uint64_t vtd_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2, uint64_t count,
			 struct iommu_gather *gather)
{
	struct vtd_domain *vd = vtd_domain(domain);
	uint64_t len = count << size_lg2;
	unsigned leaf_lg2;
	struct pt_change change;

	if (!len || beyond_width(vd, iova, len))
		return 0;
	/* The caller may ask for less than the leaf that starts here: all of it goes. */
	leaf_lg2 = vd->pt.ops->leaf_lg2(&vd->pt, iova);
	if (leaf_lg2 && len < SIO_BIT(leaf_lg2))
		len = SIO_BIT(leaf_lg2);
	change = vd->pt.ops->unmap(&vd->pt, iova, len, &gather->tables);
	if (!change.done)
		return 0;
	if (vd->mapped_end == iova + change.done)
		vd->mapped_end = iova;
	vtd_pages_written(vd, iova, iova + (change.done - 1), false);
	drv_gather_add(gather, iova, iova + (change.done - 1));
	return change.done;
}

void vtd_iotlb_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	struct vtd_domain *vd = vtd_domain(domain);

	/* Paging-structure caches may hold a table that was unlinked: then no leaf-only hint. */
	if (gather->len)
		vtd_flush_users(vd, gather->first, gather->last, gather->tables.count == 0);
	pt_gather_free(vd->pt.phys, &gather->tables);
}

struct pt_run vtd_query(const struct iommu_domain *domain, iova_t iova, uint64_t max_pages)
{
	const struct vtd_domain *vd = vtd_domain(domain);

	sio_assert(!SEEDED(V01) || iova <= domain->aperture_last);
	if (iova > domain->aperture_last)
		return (struct pt_run){0};
	return vd->pt.ops->query(&vd->pt, iova, max_pages);
}

bool vtd_next(const struct iommu_domain *domain, iova_t from, iova_t last, iova_t *found)
{
	const struct vtd_domain *vd = vtd_domain(domain);

	sio_assert(!SEEDED(V01) || from <= domain->aperture_last);
	if (last > domain->aperture_last)
		last = domain->aperture_last;
	return from <= last && vd->pt.ops->next(&vd->pt, from, last, found);
}
