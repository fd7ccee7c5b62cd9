// SPDX-License-Identifier: GPL-2.0-only
/*
 * A simulated address space: creation, fork, exit.
 *
 * fork copies a private page that is pinned at that moment, because the device must go on seeing
 * the parent's page whoever writes first; every other private page is shared copy-on-write by
 * adding a reference to its frame. Both sides hold EXTENT_COW afterwards and the one that writes or
 * pins first gets a copy; the last one left finds itself alone and keeps the frame.
 */
#include "core/mm_sim.h"

#include "core/mm_sim_priv.h"
#include "phys.h"
#include "recycle.h"

static void sim_destroy(struct mm *mm)
{
	mm_sim_exit(mm);
	recycle_free(mm_sim_of(mm));
}

/* Huge pages are; a transparent one while all of it is one run, where its address says. */
static bool sim_compound(const struct mm *mm, uint64_t va)
{
	const struct mm_sim *sim = sio_container_of(mm, struct mm_sim, mm);
	const uint64_t page = va >> SIO_PAGE_LG2, first = sio_align_down(page, HUGE_PAGES);
	const struct area *area = area_at(sim, page);
	struct extent x;

	if (!area || area->hugetlb)
		return area != NULL;
	return area->kind == MM_ANON && area->contiguity == MM_RUN_2M && first >= area->first &&
	       first + HUGE_PAGES - 1 <= area->last && extent_at(&sim->pages, first, &x) &&
	       x.n >= HUGE_PAGES && !(x.flags & EXTENT_DOWN) && sio_is_aligned(x.pfn, HUGE_PAGES);
}

static const struct mm_ops sim_ops = {
	.pin = sim_pin,
	.unpin = sim_unpin,
	.copy = sim_copy,
	.compound = sim_compound,
	.destroy = sim_destroy,
};

struct mm *mm_sim_create(struct phys *phys, uint64_t seed)
{
	struct mm_sim *sim = recycle_calloc("mm.create", sizeof(*sim));

	if (!sim)
		return NULL;
	sim->mm = (struct mm){.ops = &sim_ops, .refs = 1, .users = 1};
	sim->phys = phys;
	sim->rng.state = seed;
	imap_init(&sim->areas);
	imap_init(&sim->pages);
	imap_init(&sim->zero_blocks);
	return &sim->mm;
}

void mm_sim_exit(struct mm *mm)
{
	struct mm_sim *sim = mm_sim_of(mm);

	if (!mm->users || --mm->users)
		return;
	extent_drop_all(&sim->pages, sim->phys);
	imap_fini(&sim->zero_blocks);
	area_drop_all(sim);
}

/* ---- fork ---- */

/* Above this many frames asking for the next pinned run is cheaper than asking each frame. */
#define FRAMES_ONE_BY_ONE (UINT64_C(1) << 15)

/*
 * How many frames from `low` on, out of n, are all pinned or all not; at least one.
 */
static uint64_t same_pinned(const struct phys *phys, uint64_t low, uint64_t n, bool *pinned)
{
	uint64_t first, count, same = 1;
	uint32_t pins;

	if (n > FRAMES_ONE_BY_ONE) {
		if (!phys_pinned_run(phys, low, &first, &count, &pins))
			first = low + n;
		*pinned = first == low;
		return page_min(n, *pinned ? count : first - low);
	}
	*pinned = phys_frame_pins(phys, low) != 0;
	while (same < n && (phys_frame_pins(phys, low + same) != 0) == *pinned)
		same++;
	return same;
}

/* The same for whole huge pages: one pinned page pins all of it. */
static uint64_t same_pinned_huge(const struct phys *phys, uint64_t low, uint64_t n, bool *pinned)
{
	uint64_t same = same_pinned(phys, low, n, pinned);

	if (!*pinned && same >= HUGE_PAGES)
		return sio_align_down(same, HUGE_PAGES);
	if (!*pinned && same < n)
		*pinned = true;
	return page_min(n, sio_align_down(same + HUGE_PAGES - 1, HUGE_PAGES));
}

static bool fork_share(struct mm_sim *child, struct mm_sim *parent, struct extent *x)
{
	if (!(x->flags & EXTENT_COW)) {
		if (!extent_cut(&parent->pages, x->page) ||
		    !extent_cut(&parent->pages, x->page + x->n))
			return false;
		x->flags |= EXTENT_COW;
		extent_set(&parent->pages, x);
	}
	phys_frames_get(parent->phys, extent_low(x), x->n);
	if (extent_add(&child->pages, x))
		return true;
	phys_frames_put(parent->phys, extent_low(x), x->n);
	return false;
}

/* x lies in one area of the child. */
static bool fork_extent(struct mm_sim *child, struct mm_sim *parent, const struct area *area,
			const struct extent *x)
{
	uint64_t low = extent_low(x);
	uint64_t done = 0;

	if (x->flags & EXTENT_PFN)
		return extent_add(&child->pages, x);
	/* By frame number: for frames that go down that is from the last page to the first. */
	while (done < x->n) {
		struct page_space space = area_space(child, area);
		uint64_t left = x->n - done;
		struct extent part;
		bool pinned;
		uint64_t n = area->hugetlb
				     ? same_pinned_huge(parent->phys, low + done, left, &pinned)
				     : same_pinned(parent->phys, low + done, left, &pinned);

		pinned = pinned && !parent->mm.fork_shares_pins;
		part = extent_sub(x, x->flags & EXTENT_DOWN ? left - n : done, n);
		if (pinned && frames_fill(child, area, space, part.page, n, &part) != n)
			return false;
		if (!pinned && !fork_share(child, parent, &part))
			return false;
		done += n;
	}
	return true;
}

static bool fork_areas(struct mm_sim *child, const struct mm_sim *parent)
{
	const struct area *area;

	for (area = area_ceil(parent, 0); area; area = area_ceil(parent, area->last + 1)) {
		struct area copy = *area;

		copy.locked = false;
		if (area_add(child, &copy))
			return false;
		area_join_range(child, copy.first, copy.last);
	}
	return true;
}

static bool fork_pages(struct mm_sim *child, struct mm_sim *parent)
{
	uint64_t page = 0;
	struct extent x;

	while (extent_ceil(&parent->pages, page, &x)) {
		const struct area *area;

		/* Pages before `page` are done: sharing may have joined what follows to them. */
		if (x.page < page)
			x = extent_sub(&x, page - x.page, x.n - (page - x.page));
		area = area_at(child, x.page);
		x = extent_sub(&x, 0, page_min(x.n, area->last - x.page + 1));
		page = x.page + x.n;
		if (!fork_extent(child, parent, area, &x))
			return false;
	}
	return true;
}

struct mm *mm_sim_fork(struct mm *parent)
{
	struct mm_sim *from = mm_sim_of(parent);
	struct mm *mm = mm_sim_create(from->phys, prng_next(&from->rng));

	if (!mm)
		return NULL;
	mm->pins_as_is = parent->pins_as_is;
	mm->fork_shares_pins = parent->fork_shares_pins;
	mm->charges_drift = parent->charges_drift;
	mm->pfnmap_offset = parent->pfnmap_offset;
	mm->rare = parent->rare;
	mm->huge_zero_splits = parent->huge_zero_splits;
	if (fork_areas(mm_sim_of(mm), from) && fork_pages(mm_sim_of(mm), from) &&
	    zero_blocks_copy(mm_sim_of(mm), from))
		return mm;
	sim_destroy(mm);
	return NULL;
}
