// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_DMA: checks in the kernel's order, then pin and map chunk by chunk.
 *
 * The mapping is entered before its pages are pinned and grows with each chunk, so that a failure
 * removes exactly what was done: unmap, then unpin, then un-charge. Every chunk goes into all
 * domains or none.
 */
#include "type1/t1.h"

#include "seeded.h"

#include <errno.h>
#include <linux/vfio.h>

_Static_assert(VFIO_DMA_MAP_FLAG_READ == (int)IOMMU_READ, "flags and protection share their bits");
_Static_assert(VFIO_DMA_MAP_FLAG_WRITE == (int)IOMMU_WRITE,
	       "flags and protection share their bits");

/*
 * Page by page what the IOMMU refused as a whole. When a page fails too, the loop back takes out
 * from there down to the second page: the first stays, and what was in the way of the failing one
 * goes, up to 4.20. Frames that do not follow each other upward are chunks of one page each, for
 * which there is nothing to try.
 */
int t1_map_try_harder(struct type1 *t1, struct iommu_domain *domain, iova_t iova,
		      const struct pin_run *chunk, unsigned prot)
{
	const struct imap_entry first = {.first = iova, .last = iova + (SIO_PAGE_SIZE - 1)};
	struct imap_entry found;
	uint64_t page = 0;
	bool known;
	int rc = 0;

	if (chunk->step < 0)
		return -EBUSY;
	/* Noted before it may happen, so that it cannot fail afterwards. */
	known = imap_find(&t1->strays, iova, iova, &found);
	if (!known && !imap_insert(&t1->strays, first))
		return -ENOMEM;
	for (; page < chunk->pages; page++) {
		struct pt_run one = {.oa = chunk->pa + page * (uint64_t)chunk->step,
				     .pages = 1,
				     .oa_step = (int64_t)SIO_PAGE_SIZE};

		rc = iommu_map(domain, iova + page * SIO_PAGE_SIZE, &one, prot);
		if (rc)
			break;
	}
	/* Forgotten, the first page stays where nobody expects it. */
	if (!rc || (!page && !known) || SEEDED(T01))
		imap_erase(&t1->strays, iova, NULL);
	for (; rc && page > 0; page--)
		iommu_unmap(domain, iova + page * SIO_PAGE_SIZE, SIO_PAGE_SIZE);
	return rc;
}

/* One chunk into every domain, in list order; a failure takes it out of the earlier ones again. */
static int map_chunk(struct type1 *t1, iova_t iova, const struct pin_run *chunk, unsigned prot)
{
	const struct pt_run run = t1_pt_run(chunk);

	for (unsigned i = 0; i < t1->domain_count; i++) {
		int rc = iommu_map(t1->domain[i]->domain, iova, &run, prot | IOMMU_CACHE);

		if (rc == -EBUSY && (t1_kernel(t1)->try_harder || SEEDED(T01)))
			rc = t1_map_try_harder(t1, t1->domain[i]->domain, iova, chunk,
					       prot | IOMMU_CACHE);
		if (!rc)
			continue;
		while (i-- > 0)
			iommu_unmap(t1->domain[i]->domain, iova, chunk->pages * SIO_PAGE_SIZE);
		return rc;
	}
	return 0;
}

/* Pin and map the next chunk of a mapping that has been entered. */
static int grow(struct t1_pinner *pin, bool stuck)
{
	struct t1_dma *dma = pin->dma;
	struct pin_run chunk;
	int rc;

	rc = t1_pin_chunk(pin, &chunk);
	if (rc)
		return rc;
	if (stuck)
		rc = t1_leak_add(pin->t1, dma, &chunk);
	if (!rc)
		rc = map_chunk(pin->t1, dma->iova + dma->size, &chunk, dma->prot);
	if (rc) {
		t1_uncharge(pin->t1, dma, t1_unpin(pin->t1, dma, &chunk));
		return rc;
	}
	dma->size += chunk.pages * SIO_PAGE_SIZE;
	return 0;
}

static bool leaves_aperture(const struct type1 *t1, iova_t iova, uint64_t size)
{
	for (unsigned i = 0; i < t1->domain_count; i++)
		if (iova + (size - 1) > t1->domain[i]->domain->aperture_last)
			return true;
	return false;
}

static int pin_and_map(struct type1 *t1, struct t1_dma *dma, struct task *task, uint64_t size)
{
	struct t1_pinner pin = {
		.t1 = t1,
		.dma = dma,
		.task = task,
		.vaddr = dma->vaddr,
		.left = (size + SIO_PAGE_SIZE - 1) >> SIO_PAGE_LG2,
		.one_by_one =
			!t1_kernel(t1)->batched_pinning && leaves_aperture(t1, dma->iova, size),
	};
	bool stuck = dma->iova + size == 0 && !t1_last_page_works(t1);
	int rc = stuck ? t1_leak_begin(t1, dma) : 0;

	while (!rc && dma->size < size)
		rc = grow(&pin, stuck);
	t1_pin_end(&pin);
	dma->iommu_mapped = 1;
	return rc;
}

static int map_new(struct type1 *t1, struct task *task, const struct vfio_iommu_type1_dma_map *map)
{
	struct t1_dma *dma = t1_dma_alloc(t1);
	int rc;

	if (!dma)
		return -ENOMEM;
	dma->iova = map->iova;
	dma->vaddr = map->vaddr;
	dma->prot = map->flags & (IOMMU_READ | IOMMU_WRITE);
	dma->op = t1->iommu->op & SIO_MASK(55, 0);
	rc = t1_owner_set(t1, dma, task);
	if (rc)
		goto err_dma;
	rc = -ENOMEM;
	if (!t1_link(t1, dma, map->size))
		goto err_owner;
	t1->dma_avail--;

	rc = 0;
	/* The loop over the range compares with its end, which is 0: it does not run. */
	if (dma->iova + map->size == 0 &&
	    (t1_kernel(t1)->map_end == MAP_END_NOTHING || SEEDED(T02))) {
		/* ... and the mapping counts as mapped. */
		if (SEEDED(T02)) {
			dma->size = map->size;
			dma->iommu_mapped = 1;
		}
		return 0;
	}
	if (!t1->domain_count)
		dma->size = map->size;
	else
		rc = pin_and_map(t1, dma, task, map->size);
	if (!rc && t1->dirty_tracking)
		rc = t1_bitmap_alloc(dma, t1_pgsize(t1));
	if (rc)
		t1_remove_dma(t1, dma);
	return rc;

err_owner:
	t1_owner_drop(t1, dma);
err_dma:
	t1_dma_free(t1, dma);
	return rc;
}

/* MAP with VADDR: give an invalidated mapping its new address, and its charge to the caller. */
static int map_vaddr(struct type1 *t1, struct t1_dma *dma, struct task *task,
		     const struct vfio_iommu_type1_dma_map *map)
{
	int rc;

	if (!dma)
		return -ENOENT;
	if (!dma->vaddr_invalid || dma->iova != map->iova || dma->size != map->size)
		return -EINVAL;
	rc = t1_owner_change(t1, dma, task);
	if (rc)
		return rc;
	dma->vaddr = map->vaddr;
	dma->vaddr_invalid = 0;
	t1->invalid_count--;
	return 0;
}

static uint32_t map_flags(const struct type1 *t1)
{
	return VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE |
	       (t1_kernel(t1)->vaddr ? VFIO_DMA_MAP_FLAG_VADDR : 0u);
}

static int map_check_args(const struct type1 *t1, const struct vfio_iommu_type1_dma_map *map,
			  uint64_t pgsize)
{
	bool prot = map->flags & (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	bool vaddr = map->flags & VFIO_DMA_MAP_FLAG_VADDR;
	bool wraps = map->iova + (map->size - 1) < map->iova ||
		     (map->vaddr + (map->size - 1) < map->vaddr && !SEEDED(X06));

	if (t1_kernel(t1)->eoverflow) {
		if (!map->size)
			return -EINVAL;
		if (wraps)
			return -EOVERFLOW;
	}
	if (prot == vaddr)
		return -EINVAL;
	if (!map->size || (map->size | map->iova | map->vaddr) & (pgsize - 1))
		return -EINVAL;
	return wraps ? -EINVAL : 0;
}

long t1_map_dma(struct type1 *t1, const struct caller *caller, uint64_t arg)
{
	struct vfio_iommu_type1_dma_map map;
	struct t1_dma *dma;
	uint64_t pgsize;
	int rc;

	rc = copy_from_caller("type1.map.copy-in", caller, &map, arg, sizeof(map));
	if (rc)
		return rc;
	if (map.argsz < sizeof(map) || map.flags & ~map_flags(t1))
		return -EINVAL;
	pgsize = t1_pgsize(t1);
	t1_before_lock(t1, caller);
	/* Asked for before the lock, it is the answer of a moment that has passed. */
	if (!SEEDED(T23))
		pgsize = t1_pgsize(t1);
	rc = map_check_args(t1, &map, pgsize);
	if (rc)
		return rc;

	dma = t1_find(t1, map.iova, map.size);
	if (map.flags & VFIO_DMA_MAP_FLAG_VADDR)
		return map_vaddr(t1, dma, caller->task, &map);
	if (dma)
		return -EEXIST;
	if (!t1->dma_avail && !SEEDED(T07))
		return -ENOSPC;
	if (!iova_list_contains(&t1->iova, map.iova, map.iova + (map.size - 1)))
		return -EINVAL;
	if (!t1_request_fits(t1, caller->task, map.size >> SIO_PAGE_LG2))
		return -ENOMEM;
	return map_new(t1, caller->task, &map);
}
