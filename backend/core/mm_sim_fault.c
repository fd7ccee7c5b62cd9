// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults: pages appear when they are touched or pinned.
 *
 * Only write faults make pages: reading untouched private memory shows a zero page (mm_sim_zero.c)
 * or the file's page, since pinning for read makes a page the process's own as well.
 * Areas of huge pages fault, and copy on write, by whole huge pages; areas with the 2M policy take
 * a whole huge page where nothing of it is there yet, as transparent huge pages do.
 */
#include "core/mm_sim_priv.h"

#include "phys.h"

#include <errno.h>

struct page_space area_space(struct mm_sim *sim, const struct area *area)
{
	if (area_is_shared(area))
		return (struct page_space){&area->object->pages, area->object_shift};
	return (struct page_space){&sim->pages, 0};
}

/* The pages around `page` that are in the area and not present. */
static void gap_around(const struct area *area, struct page_space space, uint64_t page,
		       uint64_t *first, uint64_t *last)
{
	uint64_t key = page - space.shift;
	struct imap_entry before;
	struct extent after;

	*first = area->first;
	*last = area->last;
	/* Distances, not positions: an object may begin below page 0 of this address space. */
	if (imap_floor(space.map, key, &before))
		*first = page_max(*first, page - page_min(page, key - before.last - 1));
	if (extent_ceil(space.map, key, &after))
		*last = page_min(*last, page + (after.page - key - 1));
}

/* Fill the missing pages of [page, page + n), and what comes with them. */
static void fault_missing(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n)
{
	struct page_space space = area_space(sim, area);
	uint64_t gap_first, gap_last, first, last;
	struct area scattered = *area;
	bool whole_blocks;

	if (sim->mm.rare && !area->hugetlb && rare_due(sim->mm.rare, RARE_PIN_SCATTERED)) {
		scattered.contiguity = MM_RUN_4K;
		area = &scattered;
	}
	whole_blocks =
		area->hugetlb || (area->contiguity == MM_RUN_2M && area->kind != MM_FILE_PRIVATE);

	gap_around(area, space, page, &gap_first, &gap_last);
	first = page;
	last = page_min(page + (n - 1), gap_last);
	if (whole_blocks) {
		uint64_t block_first = sio_align_down(first, HUGE_PAGES);
		uint64_t block_last = last | (HUGE_PAGES - 1);

		/* A block that reaches over a border, or to what is there, is filled page by page.
		 */
		if (block_first >= gap_first && block_first + (HUGE_PAGES - 1) <= gap_last &&
		    !zero_block_split(sim, first))
			first = block_first;
		if (block_last <= gap_last && block_last - (HUGE_PAGES - 1) >= gap_first &&
		    !zero_block_split(sim, last))
			last = block_last;
	}
	frames_fill(sim, area, space, first, last - first + 1, NULL);
}

/* As above for a private file mapping: each page starts as a copy of the file's. */
static void fault_private_file(struct mm_sim *sim, const struct area *area, uint64_t page,
			       uint64_t n)
{
	struct page_space space = area_space(sim, area);
	const struct imap *file = &area->object->pages;
	uint64_t gap_first, gap_last;
	struct extent from;
	uint64_t key;

	gap_around(area, space, page, &gap_first, &gap_last);
	n = page_min(n, gap_last - page + 1);
	if (area->hugetlb) {
		n = (page % HUGE_PAGES + n + HUGE_PAGES - 1) / HUGE_PAGES * HUGE_PAGES;
		page = sio_align_down(page, HUGE_PAGES);
	}
	key = page - area->object_shift;
	if (extent_at(file, key, &from)) {
		frames_fill(sim, area, space, page, page_min(n, from.n), &from);
		return;
	}
	if (extent_ceil(file, key, &from))
		n = page_min(n, from.page - key);
	frames_fill(sim, area, space, page, n, NULL);
}

/* Does nobody else map these frames any more? */
static bool frames_are_sole(const struct phys *phys, const struct extent *x, uint64_t skip,
			    uint64_t n)
{
	for (uint64_t i = skip; i < skip + n; i++)
		if (phys_frame_refs(phys, extent_frame(x, i)) != 1)
			return false;
	return true;
}

/* Make the first pages of copy-on-write extent x, up to n, the process's own. */
static void fault_cow(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n)
{
	struct page_space space = area_space(sim, area);
	uint64_t unit = area->hugetlb ? HUGE_PAGES : 1;
	uint64_t skip = page % unit;
	uint64_t run = unit;
	struct extent x;
	bool sole;

	page -= skip;
	if (!extent_at(space.map, page - space.shift, &x))
		return;
	n = page_min((n + skip + unit - 1) / unit * unit, x.n);
	sole = frames_are_sole(sim->phys, &x, 0, unit);
	while (run < n && frames_are_sole(sim->phys, &x, run, unit) == sole)
		run += unit;
	x = extent_sub(&x, 0, run);
	if (!sole) {
		frames_fill(sim, area, space, page, run, &x);
		return;
	}
	if (!extent_cut(space.map, x.page) || !extent_cut(space.map, x.page + x.n))
		return;
	x.flags &= ~(unsigned)EXTENT_COW;
	extent_set(space.map, &x);
}

int page_fault(struct mm_sim *sim, const struct area *whole, uint64_t page, uint64_t n,
	       struct extent *out)
{
	struct area inside, *area = &inside;
	struct page_space space = area_space(sim, whole);
	uint64_t key = page - space.shift;
	bool present;

	if (!area_in_file(whole, page, &inside))
		return -EFAULT;
	n = page_min(n, area->last - page + 1);
	present = extent_at(space.map, key, out);
	if (!present || (out->flags & EXTENT_COW)) {
		if (present)
			fault_cow(sim, area, page, page_min(n, out->n));
		else if (area->kind == MM_FILE_PRIVATE)
			fault_private_file(sim, area, page, n);
		else
			fault_missing(sim, area, page, n);
		if (!extent_at(space.map, key, out) || (out->flags & EXTENT_COW))
			return -ENOMEM;
	}
	*out = extent_sub(out, 0, page_min(n, out->n));
	out->page = page;
	return 0;
}

int page_fault_pfn(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n)
{
	uint64_t last = page_min(page + (n - 1), area->last);

	while (page <= last) {
		struct extent x, next;

		if (extent_at(&sim->pages, page, &x)) {
			page += x.n;
			continue;
		}
		x = (struct extent){
			.page = page,
			.n = last - page + 1,
			.pfn = page + area->pfn_shift,
			.flags = EXTENT_PFN,
		};
		if (extent_ceil(&sim->pages, page, &next))
			x.n = page_min(x.n, next.page - page);
		if (!extent_add(&sim->pages, &x))
			return -ENOMEM;
		page += x.n;
	}
	return 0;
}

int area_populate(struct mm_sim *sim, const struct area *area, uint64_t first, uint64_t last)
{
	struct area inside;

	if (!area->prot)
		return -EFAULT;
	if (area->kind == MM_PFN)
		return page_fault_pfn(sim, area, first, last - first + 1);
	/* The zero page, or the file's. */
	if (!(area->prot & MM_WRITE) && !area_is_shared(area))
		return area_in_file(area, last, &inside)
			       ? zero_page_seen(sim, area, first, last - first + 1)
			       : -EFAULT;
	while (first <= last) {
		struct extent x;
		int rc = page_fault(sim, area, first, last - first + 1, &x);

		if (rc)
			return rc;
		first += x.n;
	}
	return 0;
}
