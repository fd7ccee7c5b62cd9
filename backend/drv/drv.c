// SPDX-License-Identifier: GPL-2.0-only
/* What the drivers do in the same way, whatever the vendor. */
#include "drv/drv.h"

#include <string.h>

bool drv_poll(struct unit *unit, uint32_t offset, unsigned width, uint64_t mask, uint64_t want)
{
	for (unsigned i = 0; i < DRV_POLL_MAX; i++) {
		if ((unit->ops->mmio_read(unit, offset, width) & mask) == want)
			return true;
	}
	return false;
}

void drv_gather_add(struct iommu_gather *gather, iova_t first, iova_t last)
{
	if (!gather->len || first < gather->first)
		gather->first = first;
	if (!gather->len || last > gather->last)
		gather->last = last;
	gather->len += last - first + 1;
}

struct dirty_job {
	const struct pt *pt;
	struct iommu_gather *gather; /* NULL: nothing is cleared */
	iommu_dirty_fn hit;          /* NULL: nothing is reported */
	void *ctx;
};

static void dirty_page(void *ctx, iova_t iova, uint64_t len)
{
	const struct dirty_job *job = ctx;
	iova_t inside;

	if (job->gather) {
		inside = SIO_BIT(job->pt->ops->leaf_lg2(job->pt, iova)) - 1;
		drv_gather_add(job->gather, iova & ~inside, iova | inside);
	}
	if (job->hit)
		job->hit(job->ctx, iova, len);
}

void drv_read_dirty(struct pt *pt, iova_t iova, uint64_t len, struct iommu_gather *gather,
		    iommu_dirty_fn hit, void *ctx)
{
	struct dirty_job job = {.pt = pt, .gather = gather, .hit = hit, .ctx = ctx};

	pt->ops->dirty(pt, iova, len, gather != NULL, dirty_page, &job);
}

bool drv_skips_iotlb(void)
{
	return fail_at(FAIL_POINT("drv.skip-iotlb", FAIL_BUG));
}

pa_t drv_frames_alloc(struct phys *phys, unsigned count)
{
	return count == 1 ? fail_table("drv.frames.one", phys)
			  : fail_tables("drv.frames.many", phys, count);
}

void drv_frames_free(struct phys *phys, pa_t pa, unsigned count)
{
	if (pa == PA_NONE)
		return;
	memset(phys_ptr(phys, pa), 0, count * SIO_PAGE_SIZE);
	if (count == 1)
		phys_table_free(phys, pa);
	else
		phys_tables_free(phys, pa, count);
}
