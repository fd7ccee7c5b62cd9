// SPDX-License-Identifier: GPL-2.0-only
/*
 * New frames for pages, laid out by the area's contiguity policy.
 *
 * Frames are taken from emulated RAM in blocks as large as the policy allows and then dealt out to
 * pages:
 *  - whole: the block as it is, aligned for the largest IOMMU page that fits in it;
 *  - 2M: runs of whole huge pages where address and length allow, single pieces around them;
 *  - 4K: from the top of the block down, so that no page is followed by its physical neighbour;
 *  - seeded: cut at random, the pieces dealt from the top down, each piece upward.
 * Memory that the policy gets page by page takes the frames as they come, except under 4K, which
 * passes over a frame that would continue a neighbour.
 */
#include "core/mm_sim_priv.h"

#include "phys.h"

#include <string.h>

#define HUGE_LG2       9u  /* 2 MiB, in pages */
#define GIANT_LG2      18u /* 1 GiB */
#define SEEDED_BLOCK   (UINT64_C(1) << 15)
#define SEEDED_RUN_MAX UINT64_C(512)

static uint64_t alloc_aligned(struct phys *phys, uint64_t n, unsigned align_lg2, uint64_t *pfn)
{
	uint64_t got = fail_frames("mm.frames.aligned", phys, n, align_lg2, pfn);

	/* Alignment is only a wish here: a full machine gives what it has. */
	if (!got && align_lg2)
		got = fail_frames("mm.frames.unaligned", phys, n, 0, pfn);
	return got;
}

/* Whole huge pages only, fewer than asked if need be. */
static uint64_t alloc_huge(struct phys *phys, uint64_t n, uint64_t *pfn)
{
	uint64_t got = fail_frames("mm.frames.huge", phys, n, HUGE_LG2, pfn);
	uint64_t whole = sio_align_down(got, HUGE_PAGES);

	if (got != whole)
		phys_frames_put(phys, *pfn + whole, got - whole);
	if (whole || n == HUGE_PAGES)
		return whole;
	return alloc_huge(phys, HUGE_PAGES, pfn);
}

/* Would `pfn` behind `key` continue the page before, or be continued by the page after? */
static bool continues_neighbour(const struct imap *map, uint64_t key, uint64_t pfn)
{
	struct extent x;

	if (key && extent_at(map, key - 1, &x) && x.pfn + 1 == pfn)
		return true;
	return extent_at(map, key + 1, &x) && pfn + 1 == x.pfn;
}

/* One frame that is no physical neighbour. At most two frames are refused, so three tries do. */
static uint64_t alloc_lone(struct phys *phys, const struct imap *map, uint64_t key, uint64_t *pfn)
{
	uint64_t refused[2];
	unsigned n = 0;
	uint64_t got;

	while ((got = fail_frames("mm.frames.lone", phys, 1, 0, pfn)) &&
	       n < SIO_ARRAY_SIZE(refused) && continues_neighbour(map, key, *pfn))
		refused[n++] = *pfn;
	/* The last free frame is better than none. */
	if (!got && n) {
		*pfn = refused[--n];
		got = 1;
	}
	while (n)
		phys_frames_put(phys, refused[--n], 1);
	return got;
}

static uint64_t block_alloc(struct mm_sim *sim, const struct area *area, struct page_space space,
			    uint64_t page, uint64_t n, uint64_t *pfn)
{
	struct phys *phys = sim->phys;

	if (area->hugetlb)
		return alloc_huge(phys, n, pfn);
	switch (area->contiguity) {
	case MM_RUN_4K:
		if (n == 1)
			return alloc_lone(phys, space.map, page - space.shift, pfn);
		break;
	case MM_RUN_SEEDED:
		n = page_min(n, SEEDED_BLOCK);
		break;
	case MM_RUN_2M:
		if (page % HUGE_PAGES == 0 && n >= HUGE_PAGES)
			return alloc_aligned(phys, sio_align_down(n, HUGE_PAGES), HUGE_LG2, pfn);
		n = page_min(n, HUGE_PAGES - page % HUGE_PAGES);
		break;
	case MM_RUN_WHOLE:
		if (n >= SIO_BIT(GIANT_LG2))
			return alloc_aligned(phys, n, GIANT_LG2, pfn);
		if (n >= HUGE_PAGES)
			return alloc_aligned(phys, n, HUGE_LG2, pfn);
		break;
	}
	return fail_frames("mm.frames", phys, n, 0, pfn);
}

/*
 * The next run of pages out of a block of which the lowest `left` frames are still to be dealt out.
 * Policies that take less than all of them take from the top.
 */
static struct extent block_deal(struct mm_sim *sim, const struct area *area, uint64_t key,
				uint64_t pfn, uint64_t left)
{
	struct extent x = {.page = key, .n = left, .pfn = pfn};

	if (area->hugetlb)
		return x;
	if (area->contiguity == MM_RUN_4K && left > 1) {
		x.pfn = pfn + (left - 1);
		x.flags = EXTENT_DOWN;
	} else if (area->contiguity == MM_RUN_SEEDED) {
		x.n = page_min(left, 1 + prng_below(&sim->rng, SEEDED_RUN_MAX));
		x.pfn = pfn + (left - x.n);
	}
	return x;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

/* New frames read as zero: zero pages are not written, so that untouched RAM stays untouched. */
static void copy_pages(struct phys *phys, const struct extent *from, const struct extent *to)
{
	uint8_t page[SIO_PAGE_SIZE];

	for (uint64_t i = 0; i < to->n; i++) {
		phys_read(phys, extent_frame(from, i) << SIO_PAGE_LG2, page, sizeof(page));
		if (!is_zero(page, sizeof(page)))
			phys_write(phys, extent_frame(to, i) << SIO_PAGE_LG2, page, sizeof(page));
	}
}

/* Put x into the gap or in the place of copy-on-write pages there. */
static bool place(struct mm_sim *sim, struct imap *map, const struct extent *x,
		  const struct extent *from)
{
	struct extent old;
	bool replace = extent_at(map, x->page, &old);

	if (replace && (!extent_cut(map, x->page) || !extent_cut(map, x->page + x->n)))
		return false;
	if (from)
		copy_pages(sim->phys, from, x);
	if (!replace)
		return extent_add(map, x);
	extent_set(map, x);
	old = extent_sub(&old, 0, x->n);
	phys_frames_put(sim->phys, extent_low(&old), old.n);
	return true;
}

uint64_t frames_fill(struct mm_sim *sim, const struct area *area, struct page_space space,
		     uint64_t page, uint64_t n, const struct extent *from)
{
	uint64_t done = 0;

	while (done < n) {
		uint64_t pfn;
		uint64_t left = block_alloc(sim, area, space, page + done, n - done, &pfn);

		if (!left)
			break;
		while (left) {
			struct extent x =
				block_deal(sim, area, page + done - space.shift, pfn, left);
			struct extent part;

			if (from)
				part = extent_sub(from, done, x.n);
			if (!place(sim, space.map, &x, from ? &part : NULL)) {
				phys_frames_put(sim->phys, pfn, left);
				return done;
			}
			done += x.n;
			left -= x.n;
		}
	}
	return done;
}
