// SPDX-License-Identifier: GPL-2.0-only
/*
 * The container of 2012 (VFIO v0.2) and of 3.11 to 3.13: one domain, made when the container gets
 * its driver, and entries that merge with their neighbours and are cut where UNMAP says.
 *
 * 2012 maps page by page and unmaps what it was asked. 3.11 maps physical runs; the IOMMU may then
 * remove a larger page than was asked for, so that it decides what is cut.
 *
 * Entries are the mappings of index.c. The 2012 list has no order, but neither its overlap test nor
 * its removal depends on one.
 *
 * An UNMAP in 2012 whose end is 2^64 or beyond misses that it covers an entry, and cuts more off
 * its low end than the entry has: it is then said to reach from where the range ended to its old
 * end, and translates nothing. Such an entry has iommu_mapped 0, and lies over others.
 */
#include "type1/t1.h"

#include "recycle.h"

#include <errno.h>
#include <linux/vfio.h>

#define PROT_FLAGS (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static bool is_list(const struct type1 *t1)
{
	return t1_kernel(t1)->container == CONTAINER_2012;
}

static struct iommu_domain *domain_of(const struct type1 *t1)
{
	return t1->domain[0]->domain;
}

/* ---- life ---- */

/* Any group will do: the domain is one of the bus, and groups are attached later. */
int t1_2012_open(struct type1 *t1)
{
	struct iommu_group *group = iommu_group_find(t1->iommu, 0);
	struct t1_domain *own;

	if (!group)
		return -EIO;
	t1->domain = recycle_calloc("type1.2012.open.domains", sizeof(struct t1_domain *));
	own = recycle_calloc("type1.2012.open.domain", sizeof(*own));
	if (!t1->domain || !own) {
		recycle_free(own);
		return -ENOMEM;
	}
	if (iommu_domain_alloc(group, &own->domain)) {
		recycle_free(own);
		return -EIO;
	}
	t1->domain[0] = own;
	t1->domain_count = 1;
	t1_pgsize_update(t1);
	if (t1_kernel(t1)->intr_remap == INTR_REMAP_OPEN && !t1->params->allow_unsafe_interrupts &&
	    (fail_at(FAIL_POINT("type1.2012.open.msi-isolated", FAIL_CAPABILITY, EPERM)) ||
	     !iommu_group_msi_isolated(group)))
		return -EPERM;
	return 0;
}

static void entry_free(struct type1 *t1, struct t1_dma *dma)
{
	t1_unlink(t1, dma);
	t1_owner_drop(t1, dma);
	t1_dma_free(t1, dma);
	t1->dma_avail++;
}

/* ---- pages of an entry ---- */

/*
 * Unmap and unpin [*first, *last] of an entry. A larger page that goes with one of them widens the
 * range, within the entry. Returns the bytes that were translated.
 */
static uint64_t drop_pages(struct type1 *t1, struct t1_dma *dma, iova_t *first, iova_t *last)
{
	const iova_t low = dma->iova, high = dma->iova + (dma->size - 1);
	uint64_t bytes = 0, charged = 0;
	iova_t at = *first;

	if (!dma->iommu_mapped)
		return 0;
	while (iommu_next(domain_of(t1), at, *last, &at)) {
		/* The leaf around `at` begins where its size says. */
		struct pt_run run = iommu_query(domain_of(t1), at, 1);
		uint64_t got = iommu_unmap(domain_of(t1), at, SIO_PAGE_SIZE);
		iova_t leaf = at & -got;
		struct pin_run pages = {
			.pa = run.oa - (at - leaf),
			.pages = got >> SIO_PAGE_LG2,
			.step = (int64_t)SIO_PAGE_SIZE,
		};

		if (!got)
			break;
		charged += t1_unpin(t1, dma, &pages);
		bytes += got;
		if (leaf < *first && leaf >= low)
			*first = leaf;
		if (leaf + (got - 1) > *last && leaf + (got - 1) <= high)
			*last = leaf + (got - 1);
		at = leaf + got;
		if (!at || at > *last)
			break;
	}
	t1_uncharge(t1, dma, charged);
	return bytes;
}

void t1_2012_close(struct type1 *t1)
{
	struct t1_dma *dma;

	while ((dma = t1_lowest(t1))) {
		iova_t first = dma->iova, last = dma->iova + (dma->size - 1);

		if (dma->size && dma->iommu_mapped)
			drop_pages(t1, dma, &first, &last);
		entry_free(t1, dma);
	}
	for (unsigned i = 0; i < t1->domain_count; i++) {
		iommu_domain_free(t1->domain[i]->domain);
		recycle_free(t1->domain[i]->group);
		recycle_free(t1->domain[i]);
	}
	t1->domain_count = 0;
}

/* Pages of the entry that cost something, counted from the tables. */
static uint64_t charged_in(const struct type1 *t1, iova_t first, iova_t last)
{
	uint64_t charged = 0;
	iova_t at = first;

	while (first <= last && iommu_next(domain_of(t1), at, last, &at)) {
		struct pt_run run =
			iommu_query(domain_of(t1), at, ((last - at) >> SIO_PAGE_LG2) + 1);
		struct pin_run rest = t1_pin_run(&run);

		while (rest.pages) {
			bool ram;
			uint64_t pages = t1_run_split(t1->iommu->phys, &rest, &ram);

			charged += ram ? pages : 0;
			rest.pa += pages * (uint64_t)rest.step;
			rest.pages -= pages;
		}
		at += run.pages * SIO_PAGE_SIZE;
		if (!at || at > last)
			break;
	}
	return charged;
}

/* ---- MAP ---- */

static bool overlaps(iova_t start1, uint64_t size1, iova_t start2, uint64_t size2)
{
	if (start1 < start2)
		return start2 - start1 < size1;
	if (start2 < start1)
		return start1 - start2 < size2;
	return size1 && size2;
}

/* By differences, which are right at the top of the space; 3.11 asks the tree, by sums. */
static struct t1_dma *find_overlap(const struct type1 *t1, iova_t iova, uint64_t size)
{
	struct t1_walk walk = t1_walk(t1);
	struct t1_dma *dma;

	if (!is_list(t1))
		return t1_find(t1, iova, size);
	while ((dma = t1_walk_next(&walk)))
		if (overlaps(dma->iova, dma->size, iova, size))
			return dma;
	return NULL;
}

static int map_run(struct type1 *t1, struct t1_dma *dma, const struct pin_run *chunk)
{
	struct pt_run run = t1_pt_run(chunk);
	iova_t iova = dma->iova + dma->size;
	uint64_t done = 0;
	int rc;

	if (!is_list(t1)) {
		rc = iommu_map(domain_of(t1), iova, &run, (unsigned)dma->prot);
		if (rc != -EBUSY)
			return rc;
		return t1_map_try_harder(t1, domain_of(t1), iova, chunk, (unsigned)dma->prot);
	}
	for (rc = 0; done < chunk->pages; done++) {
		struct pt_run page = {.oa = chunk->pa + done * (uint64_t)chunk->step,
				      .pages = 1,
				      .oa_step = (int64_t)SIO_PAGE_SIZE};

		rc = iommu_map(domain_of(t1), iova + done * SIO_PAGE_SIZE, &page,
			       (unsigned)dma->prot);
		if (rc)
			break;
	}
	while (rc && done-- > 0)
		iommu_unmap(domain_of(t1), iova + done * SIO_PAGE_SIZE, SIO_PAGE_SIZE);
	return rc;
}

static int fill(struct type1 *t1, struct t1_dma *dma, struct task *task, uint64_t size)
{
	struct t1_pinner pin = {
		.t1 = t1,
		.dma = dma,
		.task = task,
		.vaddr = dma->vaddr,
		.left = (size + SIO_PAGE_SIZE - 1) >> SIO_PAGE_LG2,
		.one_by_one = is_list(t1),
	};
	struct pin_run chunk;
	int rc = 0;

	while (!rc && dma->size < size) {
		rc = t1_pin_chunk(&pin, &chunk);
		if (rc)
			break;
		rc = map_run(t1, dma, &chunk);
		if (rc)
			t1_uncharge(t1, dma, t1_unpin(t1, dma, &chunk));
		else
			dma->size += chunk.pages * SIO_PAGE_SIZE;
	}
	t1_pin_end(&pin);
	return rc;
}

/* `upper` goes on where `lower` ends, in both spaces, with the same protection. */
static bool follows(const struct t1_dma *lower, const struct t1_dma *upper)
{
	return lower->prot == upper->prot && lower->iova + lower->size == upper->iova &&
	       lower->vaddr + lower->size == upper->vaddr && lower->iommu_mapped &&
	       upper->iommu_mapped && lower->iova < upper->iova;
}

static struct t1_dma *absorb(struct type1 *t1, struct t1_dma *lower, struct t1_dma *upper)
{
	lower->size += upper->size;
	lower->locked_pages += upper->locked_pages;
	entry_free(t1, upper);
	return lower;
}

static void merge_neighbours(struct type1 *t1, struct t1_dma *dma)
{
	struct t1_dma *below = t1_prev(t1, dma), *above = t1_next(t1, dma);

	if (below && follows(below, dma))
		dma = absorb(t1, below, dma);
	if (above && follows(dma, above))
		absorb(t1, dma, above);
}

static int map_new(struct type1 *t1, struct task *task, const struct vfio_iommu_type1_dma_map *map)
{
	struct t1_dma *dma = t1_dma_alloc(t1);
	int rc;

	if (!dma)
		return -ENOMEM;
	dma->iova = map->iova;
	dma->vaddr = map->vaddr;
	dma->prot = map->flags & PROT_FLAGS;
	dma->op = t1->iommu->op & SIO_MASK(55, 0);
	dma->iommu_mapped = 1;
	rc = t1_owner_set(t1, dma, task);
	if (!rc && !t1_link(t1, dma, map->size)) {
		t1_owner_drop(t1, dma);
		rc = -ENOMEM;
	}
	if (rc) {
		t1_dma_free(t1, dma);
		return rc;
	}
	t1->dma_avail--;
	rc = fill(t1, dma, task, map->size);
	if (rc) {
		iova_t first = dma->iova, last = dma->iova + (dma->size - 1);

		if (dma->size)
			drop_pages(t1, dma, &first, &last);
		if (rc != -ENOMEM || !SEEDED(T22))
			entry_free(t1, dma);
		return rc;
	}
	merge_neighbours(t1, dma);
	return 0;
}

static int check_map(const struct type1 *t1, const struct vfio_iommu_type1_dma_map *map)
{
	uint64_t mask = t1_pgsize(t1) - 1;

	if (!map->flags || (map->vaddr | map->iova | map->size) & mask)
		return -EINVAL;
	/* An end that is 0 passes. */
	if (map->iova + map->size && map->iova + map->size < map->iova)
		return -EINVAL;
	if (map->vaddr + map->size && map->vaddr + map->size < map->vaddr)
		return -EINVAL;
	return map->size ? 0 : -EINVAL;
}

long t1_2012_map(struct type1 *t1, const struct caller *caller, uint64_t arg)
{
	struct task *task = caller->task;
	struct vfio_iommu_type1_dma_map map;
	iova_t found;
	int rc = copy_from_caller("type1.2012.map.copy-in", caller, &map, arg, sizeof(map));

	if (rc)
		return rc;
	if (map.argsz < sizeof(map) || map.flags & ~(uint32_t)PROT_FLAGS)
		return -EINVAL;
	rc = check_map(t1, &map);
	if (rc)
		return rc;
	if (find_overlap(t1, map.iova, map.size))
		return -EEXIST;
	/* All pages count, those that will cost nothing too. */
	if (!t1_request_fits(t1, task, map.size >> SIO_PAGE_LG2))
		return -ENOMEM;
	if (iommu_next(domain_of(t1), map.iova, map.iova + (map.size - 1), &found))
		return -EBUSY;
	return map_new(t1, task, &map);
}

/* ---- UNMAP ---- */

/* Give an entry another place; the node that it leaves is there for it to take. */
static void entry_move(struct type1 *t1, struct t1_dma *dma, iova_t iova, uint64_t size)
{
	bool linked;

	t1_unlink(t1, dma);
	dma->vaddr += iova - dma->iova;
	dma->iova = iova;
	dma->size = size;
	linked = t1_link(t1, dma, size);
	sio_assert(linked);
}

/* A record for what will be above a cut, linked there. NULL: no memory, nothing changed. */
static struct t1_dma *entry_split(struct type1 *t1, const struct t1_dma *dma, iova_t iova)
{
	struct t1_dma *upper = t1_dma_alloc(t1);

	if (!upper)
		return NULL;
	upper->iova = iova;
	upper->size = dma->iova + dma->size - iova;
	upper->vaddr = dma->vaddr + (iova - dma->iova);
	upper->prot = dma->prot;
	upper->op = dma->op;
	upper->iommu_mapped = dma->iommu_mapped;
	if (t1_owner_set(t1, upper, dma->owner->task)) {
		t1_dma_free(t1, upper);
		return NULL;
	}
	if (!t1_link(t1, upper, upper->size)) {
		t1_owner_drop(t1, upper);
		t1_dma_free(t1, upper);
		return NULL;
	}
	t1->dma_avail--;
	return upper;
}

/* The middle goes, or nothing at all between two entries: UNMAP of size 0 in 2012. */
static int cut_middle(struct type1 *t1, struct t1_dma *dma, iova_t start, uint64_t size,
		      uint64_t *removed)
{
	iova_t first = start, last = start + (size - 1);
	struct t1_dma *upper = entry_split(t1, dma, start + size);
	iova_t end = dma->iova + dma->size;
	uint64_t bytes = 0;

	if (!upper)
		return -ENOMEM;
	if (size)
		bytes = drop_pages(t1, dma, &first, &last);
	/* The end has wrapped to below the start, still inside the entry: the tree's kernels have
	 * nothing to unmap then, and leave the entry whole. */
	if (!bytes && !is_list(t1)) {
		entry_free(t1, upper);
		return 0;
	}
	*removed += bytes;
	dma->size = first - dma->iova;
	if (last + 1 != upper->iova && size) {
		if (last + 1 == end)
			entry_free(t1, upper), upper = NULL;
		else
			entry_move(t1, upper, last + 1, end - (last + 1));
	}
	if (upper && upper->iommu_mapped) {
		upper->locked_pages = charged_in(t1, upper->iova, upper->iova + (upper->size - 1));
		dma->locked_pages -= upper->locked_pages;
	}
	if (!dma->size)
		entry_free(t1, dma);
	return 0;
}

static void cut_low(struct type1 *t1, struct t1_dma *dma, iova_t start, uint64_t size,
		    uint64_t *removed)
{
	uint64_t overlap = start + size - dma->iova;
	iova_t first = dma->iova, last = dma->iova + (overlap - 1);

	*removed += drop_pages(t1, dma, &first, &last);
	if (last - dma->iova == dma->size - 1)
		entry_free(t1, dma);
	else
		entry_move(t1, dma, last + 1, dma->size - (last + 1 - dma->iova));
}

/* An entry without translations is only cut as a range. */
static int remove_overlap(struct type1 *t1, struct t1_dma *dma, iova_t start, uint64_t size,
			  uint64_t *removed)
{
	iova_t first = dma->iova, last = dma->iova + (dma->size - 1);

	if (start <= dma->iova && start + size >= dma->iova + dma->size) {
		if (dma->iommu_mapped)
			*removed += drop_pages(t1, dma, &first, &last);
		entry_free(t1, dma);
		return 0;
	}
	if (start <= dma->iova) {
		cut_low(t1, dma, start, size, removed);
		return 0;
	}
	if (start + size >= dma->iova + dma->size) {
		first = start;
		*removed += drop_pages(t1, dma, &first, &last);
		dma->size = first - dma->iova;
		if (!dma->size)
			entry_free(t1, dma);
		return 0;
	}
	return cut_middle(t1, dma, start, size, removed);
}

/* An entry becomes two; nothing else changes. */
static int split_at(struct type1 *t1, struct t1_dma *dma, iova_t iova)
{
	struct t1_dma *upper = entry_split(t1, dma, iova);

	if (!upper)
		return -ENOMEM;
	dma->size = iova - dma->iova;
	if (upper->iommu_mapped) {
		upper->locked_pages = charged_in(t1, iova, iova + (upper->size - 1));
		dma->locked_pages -= upper->locked_pages;
	}
	return 0;
}

/* Entries of the list that overlap begin at `start` afterwards, or end there, so that each is lost
 * or kept as a whole. *met: the range overlaps one whose end is not seen to be in it. An entry that
 * ends with the space itself is cut as ever: its end is 0 as well. */
static int cut_round(struct type1 *t1, iova_t start, uint64_t size, bool *met)
{
	struct t1_dma *dma = t1_lowest(t1), *next;
	uint64_t removed = 0;
	int rc = 0;

	for (; dma && !rc; dma = next) {
		next = t1_next(t1, dma);
		if (!overlaps(dma->iova, dma->size, start, size))
			continue;
		if (dma->iova + dma->size == 0) {
			rc = remove_overlap(t1, dma, start, size, &removed);
			continue;
		}
		*met = true;
		if (dma->iova < start)
			rc = split_at(t1, dma, start);
	}
	return rc;
}

/* Entries that lose low pages, but are not themselves cut, fall in two as well. */
static int cut_below(struct type1 *t1, iova_t end)
{
	struct t1_dma *dma = t1_lowest(t1), *next;
	int rc = 0;

	for (; dma && !rc && dma->iova < end; dma = next) {
		next = t1_next(t1, dma);
		if (dma->iommu_mapped && end - dma->iova < dma->size)
			rc = split_at(t1, dma, end);
	}
	return rc;
}

/*
 * UNMAP of the list whose end is 2^64 or wraps. Pages go one by one from the start up, round the
 * end of the space, and on from 0. No end is seen to be in the range: what remains of an entry is
 * then said to reach from the end of the range to the old end of the entry.
 */
static int unmap_round(struct type1 *t1, iova_t start, uint64_t size)
{
	const iova_t end = start + size;
	struct t1_dma *dma, *next;
	bool met = false;
	int rc = cut_round(t1, start, size, &met);

	if (!rc && met)
		rc = cut_below(t1, end);
	if (rc || !met)
		return rc;
	for (dma = t1_lowest(t1); dma; dma = next) {
		iova_t first = dma->iova, last = dma->iova + (dma->size - 1);

		next = t1_next(t1, dma);
		if (first >= end && first < start)
			continue;
		drop_pages(t1, dma, &first, &last);
		dma->iommu_mapped = SEEDED(T06) ? 1 : 0;
		if (dma->iova >= start)
			entry_move(t1, dma, end, dma->iova + dma->size - end);
	}
	return 0;
}

static int unmap_list(struct type1 *t1, iova_t start, uint64_t size)
{
	struct t1_dma *dma = t1_lowest(t1), *next;
	uint64_t removed = 0;
	int rc = 0;

	if (size && start + size <= start)
		return unmap_round(t1, start, size);
	for (; dma && !rc; dma = next) {
		next = t1_next(t1, dma);
		if (overlaps(dma->iova, dma->size, start, size))
			rc = remove_overlap(t1, dma, start, size, &removed);
	}
	return rc;
}

static int unmap_tree(struct type1 *t1, iova_t start, uint64_t size, uint64_t *removed)
{
	struct t1_dma *dma;
	uint64_t before;
	int rc = 0;

	/* An entry of which nothing could be removed ends the call: it would be found again. */
	do {
		before = *removed;
		dma = t1_find(t1, start, size);
		if (!dma || (*removed && rare_due(&t1->iommu->rare, RARE_UNMAP_SHORT)))
			break;
		rc = remove_overlap(t1, dma, start, size, removed);
	} while (!rc && *removed != before);
	return rc;
}

long t1_2012_unmap(struct type1 *t1, const struct caller *caller, uint64_t arg)
{
	struct vfio_iommu_type1_dma_unmap unmap;
	const size_t bytes = offsetof(struct vfio_iommu_type1_dma_unmap, size) + sizeof(unmap.size);
	uint64_t mask = t1_pgsize(t1) - 1, removed = 0;
	int rc = copy_from_caller("type1.2012.unmap.copy-in", caller, &unmap, arg, bytes);

	if (rc)
		return rc;
	if (unmap.argsz < bytes || unmap.flags || (unmap.iova | unmap.size) & mask)
		return -EINVAL;
	/* The list has no test of size 0, and nothing is written back. */
	if (is_list(t1))
		return unmap_list(t1, unmap.iova, unmap.size);
	if (!unmap.size)
		return -EINVAL;
	rc = unmap_tree(t1, unmap.iova, unmap.size, &removed);
	if (rc)
		return rc;
	unmap.size = removed;
	return t1_copy_back("type1.2012.unmap.copy-out", t1, caller, arg, &unmap, bytes);
}
