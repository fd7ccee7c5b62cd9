// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extents: which frames are behind which pages.
 *
 * One entry of the ordered map is one extent; its value is the first page's frame address with the
 * flags in the low bits. Neighbours that continue each other are joined at once, so that memory
 * faulted in page by page costs no more than memory faulted in by one call.
 *
 * Invariant: whatever needs memory happens in extent_cut() and extent_add(), before anything else
 * changed. Replacing and forgetting never allocate.
 */
#include "core/mm_sim_priv.h"

#include "phys.h"

static struct extent unpack(const struct imap_entry *e)
{
	return (struct extent){
		.page = e->first,
		.n = e->last - e->first + 1,
		.pfn = e->value >> SIO_PAGE_LG2,
		.flags = (unsigned)(e->value & ~SIO_PAGE_MASK),
	};
}

static struct imap_entry pack(const struct extent *x)
{
	return (struct imap_entry){
		.first = x->page,
		.last = x->page + (x->n - 1),
		.value = x->pfn << SIO_PAGE_LG2 | x->flags,
	};
}

struct extent extent_sub(const struct extent *x, uint64_t skip, uint64_t n)
{
	struct extent sub = *x;

	sub.page += skip;
	sub.pfn = extent_frame(x, skip);
	sub.n = n;
	if (n == 1)
		sub.flags &= ~(unsigned)EXTENT_DOWN;
	return sub;
}

bool extent_join(const struct extent *a, const struct extent *b, struct extent *out)
{
	bool a_up = a->n == 1 || !(a->flags & EXTENT_DOWN);
	bool b_up = b->n == 1 || !(b->flags & EXTENT_DOWN);
	bool a_down = a->n == 1 || (a->flags & EXTENT_DOWN);
	bool b_down = b->n == 1 || (b->flags & EXTENT_DOWN);
	struct extent joined = *a;

	if (a->page + a->n != b->page || ((a->flags ^ b->flags) & ~(unsigned)EXTENT_DOWN))
		return false;
	joined.n = a->n + b->n;
	if (a_up && b_up && b->pfn == a->pfn + a->n)
		joined.flags &= ~(unsigned)EXTENT_DOWN;
	else if (a_down && b_down && b->pfn == a->pfn - a->n)
		joined.flags |= EXTENT_DOWN;
	else
		return false;
	*out = joined;
	return true;
}

bool extent_at(const struct imap *map, uint64_t page, struct extent *out)
{
	struct imap_entry e;
	struct extent x;

	if (!imap_find(map, page, page, &e))
		return false;
	x = unpack(&e);
	*out = extent_sub(&x, page - x.page, x.n - (page - x.page));
	return true;
}

bool extent_ceil(const struct imap *map, uint64_t page, struct extent *out)
{
	struct imap_entry e;

	if (!imap_ceil(map, page, &e))
		return false;
	*out = unpack(&e);
	return true;
}

bool extent_cut(struct imap *map, uint64_t page)
{
	struct imap_entry e, low, high;
	struct extent x, part;

	if (!imap_find(map, page, page, &e) || e.first == page)
		return true;
	x = unpack(&e);
	part = extent_sub(&x, 0, page - x.page);
	low = pack(&part);
	part = extent_sub(&x, page - x.page, x.n - (page - x.page));
	high = pack(&part);
	imap_update(map, e.first, low);
	if (imap_insert(map, high))
		return true;
	imap_update(map, e.first, e);
	return false;
}

/* Join the extents on both sides of `page`, if they continue each other. */
static void join_at(struct imap *map, uint64_t page)
{
	struct imap_entry a, b;
	struct extent xa, xb, joined;

	if (!page || !imap_find(map, page - 1, page - 1, &a) || !imap_find(map, page, page, &b) ||
	    b.first != page)
		return;
	xa = unpack(&a);
	xb = unpack(&b);
	if (!extent_join(&xa, &xb, &joined))
		return;
	imap_erase(map, page, NULL);
	imap_update(map, a.first, pack(&joined));
}

static void join_around(struct imap *map, const struct extent *x)
{
	join_at(map, x->page + x->n);
	join_at(map, x->page);
}

bool extent_add(struct imap *map, const struct extent *x)
{
	if (!imap_insert(map, pack(x)))
		return false;
	join_around(map, x);
	return true;
}

void extent_set(struct imap *map, const struct extent *x)
{
	bool found = imap_update(map, x->page, pack(x));

	sio_assert(found);
	join_around(map, x);
}

static void put_frames(struct phys *phys, const struct extent *x)
{
	if (!(x->flags & EXTENT_PFN))
		phys_frames_put(phys, extent_low(x), x->n);
}

bool extent_drop(struct imap *map, struct phys *phys, uint64_t first, uint64_t last)
{
	struct imap_entry e;

	if (!extent_cut(map, first) || !extent_cut(map, last + 1))
		return false;
	while (imap_find(map, first, last, &e)) {
		struct extent x = unpack(&e);

		imap_erase(map, e.first, NULL);
		put_frames(phys, &x);
	}
	return true;
}

void extent_drop_all(struct imap *map, struct phys *phys)
{
	struct imap_iter it = imap_iter(map, 0);
	struct imap_entry e;

	while (imap_next(&it, &e)) {
		struct extent x = unpack(&e);

		put_frames(phys, &x);
	}
	imap_fini(map);
}
