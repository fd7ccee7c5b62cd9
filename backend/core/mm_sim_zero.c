// SPDX-License-Identifier: GPL-2.0-only
/*
 * The zero pages: what is seen of private memory that nobody has written to.
 *
 * Frames are shared by the whole machine and hold zeros. The small zero page leaves no trace: a
 * write later takes a page of its own, as if nothing had been there. The huge one stands for 2 MiB
 * of memory that takes huge pages. From 5.8 up to 6.12 the first write splits it: the page written
 * to becomes a small page, small zero pages stay around it, and the 2 MiB never become a huge page
 * any more. Before and after, the write takes a huge page for all of it.
 *
 * So the blocks that show the huge zero page, or did so before they were split, are remembered.
 * Source: do_huge_pmd_wp_page() of the kernels named.
 */
#include "core/mm_sim_priv.h"

#include "phys.h"

#include <errno.h>

/* What is known of a block in mm_sim.zero_blocks. */
enum { BLOCK_WHOLE, BLOCK_SPLIT };

/* Frames of the zero pages, taken when first needed: 2 MiB, and behind it the small one. */
static int zero_pages_init(struct phys *phys)
{
	uint64_t pfn, got;

	if (phys->zero_page != PA_NONE)
		return 0;
	got = fail_frames("mm.pin.zero-page", phys, HUGE_PAGES + 1, 9, &pfn);
	if (got != HUGE_PAGES + 1) {
		if (got)
			phys_frames_put(phys, pfn, got);
		return -ENOMEM;
	}
	phys->zero_page = (pfn + HUGE_PAGES) << SIO_PAGE_LG2;
	return 0;
}

/* All of a transparent huge page lies in the area, and nothing of it is there yet. */
static bool is_huge_gap(struct mm_sim *sim, const struct area *area, uint64_t page)
{
	uint64_t first = sio_align_down(page, HUGE_PAGES), last = first + HUGE_PAGES - 1;
	struct extent x;

	return area->kind == MM_ANON && !area->hugetlb && area->contiguity == MM_RUN_2M &&
	       first >= area->first && last <= area->last &&
	       (!extent_ceil(&sim->pages, first, &x) || x.page > last);
}

static bool is_split(const struct mm_sim *sim, uint64_t page)
{
	struct imap_entry e;

	return imap_find(&sim->zero_blocks, page, page, &e) && e.value == BLOCK_SPLIT;
}

bool zero_block_split(struct mm_sim *sim, uint64_t page)
{
	struct imap_entry e;

	if (!imap_find(&sim->zero_blocks, page, page, &e))
		return false;
	e.value = BLOCK_SPLIT;
	imap_update(&sim->zero_blocks, page, e);
	return true;
}

int zero_page_seen(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n)
{
	struct imap_entry found;
	uint64_t last = page + (n - 1);

	if (!sim->mm.huge_zero_splits || area->contiguity != MM_RUN_2M)
		return 0;
	for (page = sio_align_down(page, HUGE_PAGES); page <= last; page += HUGE_PAGES) {
		struct imap_entry e = {.first = page,
				       .last = page + (HUGE_PAGES - 1),
				       .value = BLOCK_WHOLE};

		if (is_huge_gap(sim, area, page) &&
		    !imap_find(&sim->zero_blocks, page, page, &found) &&
		    !imap_insert(&sim->zero_blocks, e))
			return -ENOMEM;
	}
	return 0;
}

void zero_blocks_forget(struct mm_sim *sim, uint64_t first, uint64_t last)
{
	uint64_t at = first;
	struct imap_entry e;

	while (imap_ceil(&sim->zero_blocks, at, &e) && e.first <= last) {
		at = e.last + 1;
		if (e.first >= first && e.last <= last)
			imap_erase(&sim->zero_blocks, e.first, NULL);
	}
}

bool zero_blocks_copy(struct mm_sim *to, const struct mm_sim *from)
{
	struct imap_iter it = imap_iter(&from->zero_blocks, 0);
	struct imap_entry e;

	while (imap_next(&it, &e))
		if (!imap_insert(&to->zero_blocks, e))
			return false;
	return true;
}

int zero_page_pin(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n,
		  struct pin_run *run)
{
	struct phys *phys = sim->phys;
	int rc = zero_pages_init(phys);

	if (rc)
		return rc;
	*run = (struct pin_run){
		.pa = phys->zero_page,
		.pages = 1,
		.step = (int64_t)SIO_PAGE_SIZE,
		.reserved = true,
	};
	if (!is_huge_gap(sim, area, page) || is_split(sim, page))
		return 0;
	rc = zero_page_seen(sim, area, page, 1);
	if (rc)
		return rc;
	run->reserved = false;
	run->pa -= (HUGE_PAGES - page % HUGE_PAGES) << SIO_PAGE_LG2;
	run->pages = page_min(n, HUGE_PAGES - page % HUGE_PAGES);
	phys_frames_pin(phys, run->pa >> SIO_PAGE_LG2, run->pages);
	return 0;
}
