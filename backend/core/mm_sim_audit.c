// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariants of a simulated address space, checked from scratch (see mm_sim_priv.h).
 *
 * Reference counts across address spaces cannot be known from one of them; what one can say is that
 * frames it owns have exactly one reference and frames it shares at least one. Runs longer than
 * FRAMES_IN_FULL are sampled at both ends of each 2 MiB, which is how their counts are stored, so
 * that an audit after each operation stays affordable with a terabyte pinned.
 */
#include "core/mm_sim_priv.h"

#include "phys.h"

#define FRAMES_IN_FULL UINT64_C(2048)

static const char *check_frame(const struct mm_sim *sim, const struct extent *x, uint64_t pfn)
{
	uint32_t refs = phys_frame_refs(sim->phys, pfn);

	if (!refs)
		return "mm: a page's frame has no reference";
	if (!(x->flags & EXTENT_COW) && refs != 1)
		return "mm: a page that is not copy-on-write shares its frame";
	/* Older kernels pin what they find, and share what is pinned. */
	if ((x->flags & EXTENT_COW) && phys_frame_pins(sim->phys, pfn) && !sim->mm.pins_as_is &&
	    !sim->mm.fork_shares_pins)
		return "mm: a copy-on-write page is pinned";
	return NULL;
}

static const char *check_frames(const struct mm_sim *sim, const struct extent *x)
{
	uint64_t low = extent_low(x);
	const char *what = NULL;

	for (uint64_t i = 0; i < x->n && !what; i++) {
		uint64_t in_block = (low + i) % HUGE_PAGES;

		what = check_frame(sim, x, low + i);
		if (x->n > FRAMES_IN_FULL && in_block != HUGE_PAGES - 1 && i < x->n - 1)
			i += page_min(HUGE_PAGES - 2 - in_block, x->n - 2 - i);
	}
	return what;
}

/* The part of an extent inside one area. */
static const char *check_part(const struct area *area, const struct extent *x)
{
	bool is_pfn = x->flags & EXTENT_PFN;

	if (area_is_shared(area))
		return "mm: private pages in a shared area";
	if (is_pfn != (area->kind == MM_PFN))
		return "mm: page table entries of the wrong kind for their area";
	if (is_pfn && x->pfn != x->page + area->pfn_shift)
		return "mm: a PFN map's entry names another frame";
	if (area->hugetlb && ((x->page | x->n | x->pfn) % HUGE_PAGES || (x->flags & EXTENT_DOWN)))
		return "mm: a huge page is cut or not contiguous";
	return NULL;
}

static const char *check_extent(const struct mm_sim *sim, struct extent x)
{
	const char *what;

	if (!(x.flags & EXTENT_PFN)) {
		what = check_frames(sim, &x);
		if (what)
			return what;
	}
	for (;;) {
		const struct area *area = area_at(sim, x.page);
		struct extent part;

		if (!area)
			return "mm: a page outside every area";
		part = extent_sub(&x, 0, page_min(x.n, area->last - x.page + 1));
		what = check_part(area, &part);
		if (what || part.n == x.n)
			return what;
		x = extent_sub(&x, part.n, x.n - part.n);
	}
}

static const char *check_object(const struct mm_sim *sim, const struct area *area)
{
	uint64_t key = area->first - area->object_shift;
	uint64_t last = area->last - area->object_shift;
	struct extent x;
	const char *what = imap_audit(&area->object->pages);

	if (!area->object->refs)
		return "mm: an area's object has no reference";
	while (!what && extent_ceil(&area->object->pages, key, &x) && x.page <= last) {
		if (x.flags & (EXTENT_COW | EXTENT_PFN))
			return "mm: an object's page is not its own";
		what = check_frames(sim, &x);
		key = x.page + x.n;
	}
	return what;
}

static const char *check_area(const struct mm_sim *sim, const struct imap_entry *e)
{
	const struct area *area = (const struct area *)(uintptr_t)e->value;

	if (area->first != e->first || area->last != e->last)
		return "mm: an area and its entry disagree";
	if (area->last >= MM_USER_END >> SIO_PAGE_LG2)
		return "mm: an area beyond the user half";
	if (area->hugetlb && (area->first | (area->last + 1)) % HUGE_PAGES)
		return "mm: a huge page area is not aligned";
	if (area->locked && (area->hugetlb || area->kind == MM_PFN))
		return "mm: an area that cannot be locked is";
	if ((area->object != NULL) != (area->kind != MM_ANON && area->kind != MM_PFN))
		return "mm: an area's object does not go with its kind";
	return area->object ? check_object(sim, area) : NULL;
}

const char *mm_sim_audit(const struct mm *mm)
{
	const struct mm_sim *sim = mm_sim_of_const(mm);
	struct imap_iter it = imap_iter(&sim->areas, 0);
	struct imap_entry e;
	struct extent x;
	uint64_t locked = 0;
	const char *what = imap_audit(&sim->areas);

	while (!what && imap_next(&it, &e)) {
		const struct area *area = (const struct area *)(uintptr_t)e.value;

		what = check_area(sim, &e);
		locked += area->locked ? area_pages(area) : 0;
	}
	if (!what)
		what = imap_audit(&sim->pages);
	if (!what && locked != sim->mlocked)
		what = "mm: the count of mlocked pages differs from the areas";
	if (!what && !mm->charges_drift && sim->mlocked > mm->locked_pages)
		what = "mm: locked_vm is less than the mlocked pages";
	for (uint64_t page = 0; !what && extent_ceil(&sim->pages, page, &x); page = x.page + x.n)
		what = check_extent(sim, x);
	return what;
}

size_t mm_sim_extent_count(const struct mm *mm)
{
	const struct mm_sim *sim = mm_sim_of_const(mm);
	struct imap_iter it = imap_iter(&sim->areas, 0);
	const struct mm_object *seen = NULL;
	size_t count = imap_count(&sim->pages);
	struct imap_entry e;

	while (imap_next(&it, &e)) {
		const struct area *area = (const struct area *)(uintptr_t)e.value;

		if (area->object && area->object != seen)
			count += imap_count(&area->object->pages);
		seen = area->object;
	}
	return count;
}
