// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinning, as pin_user_pages_remote(FOLL_LONGTERM) and, for PFN maps, type1's own lookup do it.
 *
 * Protection is that of the areas now: reading needs a readable area, writing a writable one, even
 * if the pages are present. A pin for reading faults as a write does: private pages become the
 * process's own and the shared zero page is never pinned, so that what the process writes later
 * reaches the device.
 *
 * Before 6.2 a pin for reading took the page that is there instead: the shared zero page, the
 * file's page, a page shared copy-on-write. A later write of the process then goes to another page.
 *
 * A PFN map is different: protection is looked at when the page table entry is made. A page that
 * has its entry can still be read through an area without any access, because only the entry is
 * asked.
 */
#include "core/mm_sim_priv.h"

#include "phys.h"
#include "seeded.h"

#include <errno.h>

static bool pfn_pin_allowed(const struct mm_sim *sim, const struct area *area, uint64_t page,
			    bool write, uint64_t *n)
{
	struct extent entries;

	if (area->prot & (write ? MM_WRITE : MM_READ) || sim->mm.pfnmap_offset)
		return true;
	if (write || !extent_at(&sim->pages, page, &entries))
		return false;
	*n = page_min(*n, entries.n);
	return true;
}

static int pin_pfn(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n,
		   bool write, struct pin_run *run)
{
	int rc;

	n = page_min(n, area->last - page + 1);
	if (!pfn_pin_allowed(sim, area, page, write, &n))
		return -EFAULT;
	rc = page_fault_pfn(sim, area, page, n);
	if (rc)
		return rc;
	*run = (struct pin_run){
		.pa = (page + area->pfn_shift) << SIO_PAGE_LG2,
		.pages = n,
		.step = (int64_t)SIO_PAGE_SIZE,
		.reserved = true,
	};
	/* As if the area began where it did when it was mapped. */
	if (SEEDED(T08))
		run->pa = (area->pfn_mapped + (page - area->first)) << SIO_PAGE_LG2;
	return 0;
}

/* The pages at `page`, up to n, ready to be pinned. */
static int pin_next(struct mm_sim *sim, uint64_t page, uint64_t n, bool write, struct extent *out)
{
	const struct area *area = area_at(sim, page);

	if (!area || area->kind == MM_PFN || !(area->prot & (write ? MM_WRITE : MM_READ)))
		return -EFAULT;
	return page_fault(sim, area, page, n, out);
}

/*
 * What a reader finds at `page`: its own pages or shared ones, the file's, or nothing yet (false).
 * A hole in a file gets its page first, as reading it does.
 */
static bool found_as_is(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n,
			struct extent *out)
{
	struct page_space space = area_space(sim, area);
	uint64_t key = page - space.shift;

	if (!extent_at(space.map, key, out)) {
		if (area->kind != MM_FILE_PRIVATE)
			return false;
		space = (struct page_space){&area->object->pages, area->object_shift};
		key = page - space.shift;
		if (!extent_at(space.map, key, out)) {
			frames_fill(sim, area, space, page, area->hugetlb ? 0 : 1, NULL);
			if (!extent_at(space.map, key, out))
				return false;
		}
		n = 1;
	}
	*out = extent_sub(out, 0, page_min(n, page_min(out->n, area->last - page + 1)));
	out->page = page;
	return true;
}

static bool has_zero_page(const struct area *area)
{
	return area->kind == MM_ANON && !area->hugetlb;
}

/* A pin for reading where pins take what is there. 1: an ordinary fault is to come first. */
static int pin_as_is(struct mm_sim *sim, const struct area *whole, uint64_t page, uint64_t n,
		     struct pin_run *run)
{
	struct area inside, *area = &inside;
	struct extent x;

	if (!(whole->prot & MM_READ) || !area_in_file(whole, page, &inside))
		return -EFAULT;
	if (!found_as_is(sim, area, page, n, &x))
		return has_zero_page(area) ? zero_page_pin(sim, area, page, n, run) : 1;
	phys_frames_pin(sim->phys, extent_low(&x), x.n);
	*run = (struct pin_run){
		.pa = x.pfn << SIO_PAGE_LG2,
		.pages = x.n,
		.step = x.flags & EXTENT_DOWN ? -(int64_t)SIO_PAGE_SIZE : (int64_t)SIO_PAGE_SIZE,
	};
	return 0;
}

/* SEEDED(T12): with a reference that unpinning, which takes it for device memory, leaves. */
SEEDED_ONLY static int pin_zero_page(struct mm_sim *sim, const struct area *area, uint64_t page,
				     struct pin_run *run)
{
	struct extent x;
	int rc;

	if (!(area->prot & MM_READ) || !has_zero_page(area) || extent_at(&sim->pages, page, &x))
		return 1;
	rc = zero_page_pin(sim, area, page, 1, run);
	if (rc)
		return rc;
	if (run->reserved)
		phys_frames_pin(sim->phys, run->pa >> SIO_PAGE_LG2, 1);
	return 0;
}

int sim_pin(struct mm *mm, uint64_t va, uint64_t max_pages, bool write, struct pin_run *run)
{
	struct mm_sim *sim = mm_sim_of(mm);
	uint64_t page = va >> SIO_PAGE_LG2;
	const struct area *area = area_at(sim, page);
	struct extent all, part;
	int rc;

	if (!area || !max_pages)
		return -EFAULT;
	if (area->kind == MM_PFN)
		return pin_pfn(sim, area, page, max_pages, write, run);
	rc = mm->pins_as_is && !write ? pin_as_is(sim, area, page, max_pages, run) : 1;
	if (SEEDED(T12) && rc > 0 && !write)
		rc = pin_zero_page(sim, area, page, run);
	if (rc <= 0)
		return rc;
	rc = pin_next(sim, page, max_pages, write, &all);
	if (rc)
		return rc;
	/* Frames may go on over a border between areas, or behind a page that has just been copied.
	 * Where a pin takes what is there, the next area may have something else to take. */
	if (mm->pins_as_is && !write)
		max_pages = page_min(max_pages, area->last - page + 1);
	while (all.n < max_pages && !pin_next(sim, page + all.n, max_pages - all.n, write, &part)) {
		part.flags &= EXTENT_DOWN;
		all.flags &= EXTENT_DOWN;
		if (!extent_join(&all, &part, &all))
			break;
	}
	phys_frames_pin(sim->phys, extent_low(&all), all.n);
	*run = (struct pin_run){
		.pa = all.pfn << SIO_PAGE_LG2,
		.pages = all.n,
		.step = all.flags & EXTENT_DOWN ? -(int64_t)SIO_PAGE_SIZE : (int64_t)SIO_PAGE_SIZE,
	};
	return 0;
}

void sim_unpin(struct mm *mm, const struct pin_run *run, bool dirty)
{
	uint64_t pfn = run->pa >> SIO_PAGE_LG2;

	/* Nothing is ever written back, so a dirty page is like any other. */
	(void)dirty;
	if (run->reserved || !run->pages)
		return;
	if (run->step < 0)
		pfn -= run->pages - 1;
	phys_frames_unpin(mm_sim_of(mm)->phys, pfn, run->pages);
}
