/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a driver changes a page table: map, unmap, split, dirty. Included only by the formats' .c
 * files.
 *
 * Tables are filled and cleared a run at a time and the position is kept, so that the cost of
 * finding a table is paid once for up to 512 entries.
 *
 * Invariants: phys_table_meta(table)->live counts the entries of a table that are not empty, and is
 * not 0 except in the root; a table is linked only after everything below it is in place; a table
 * that is unlinked is all zero.
 */
#ifndef MODEL_PT_PT_MAP_H
#define MODEL_PT_PT_MAP_H

#include "pt/pt_cursor.h"
#include "seeded.h"

/*
 * Give the empty entry `slot`, of the table `parent` at `level`, a chain of new tables down to
 * `target`. Returns the lowest, PA_NONE when memory ran out (nothing changed).
 */
pa_t pt_grow(struct pt *pt, pa_t parent, unsigned level, iova_t iova, unsigned target);
/* Hand a table that is unlinked and all zero to a gather. */
void pt_gather_add(struct pt *pt, struct pt_gather *gather, pa_t table,
		   struct phys_table_meta *meta);

/* first + (count - 1) * step, false when that is not an address. */
static inline bool pt_last_step(uint64_t first, uint64_t count, int64_t step, uint64_t *last)
{
	uint64_t size = step < 0 ? -(uint64_t)step : (uint64_t)step;
	uint64_t distance;

	if (__builtin_mul_overflow(count - 1, size, &distance))
		return false;
	return step < 0 ? !__builtin_sub_overflow(first, distance, last)
			: !__builtin_add_overflow(first, distance, last);
}

/* The level of the table that holds leaves of this size. */
static SIO_ALWAYS_INLINE unsigned pt_leaf_level(unsigned size_lg2)
{
	return (size_lg2 - SIO_PAGE_LG2) / 9u;
}

/* A leaf of this size exists in the tree's format and is granted by its caps. */
static SIO_ALWAYS_INLINE bool pt_size_granted(const struct pt_format *fmt, const struct pt *pt,
					      unsigned size_lg2)
{
	const unsigned level = pt_leaf_level(size_lg2);

	if (size_lg2 == SIO_PAGE_LG2)
		return true;
	if (size_lg2 < SIO_PAGE_LG2 || level > pt->top_level || size_lg2 > fmt->leaf_lg2_max)
		return false;
	if (size_lg2 != pt_shift(level))
		return fmt->has_contiguous && pt->caps.contiguous;
	return pt->caps.large_levels & SIO_BIT(level);
}

/* [first, last] lies in one piece of what a tree translates. */
static SIO_ALWAYS_INLINE bool pt_range_legal(const struct pt_format *fmt, const struct pt *pt,
					     iova_t first, iova_t last)
{
	if (last < first || !pt_in_width(fmt, last, pt->top_level))
		return false;
	return !fmt->sign_extend ||
	       (first >> 63 == last >> 63 && pt_in_width(fmt, first, pt->top_level));
}

/* The request can be carried out if memory suffices and nothing is in the way. count is not 0. */
static SIO_ALWAYS_INLINE bool pt_map_legal(const struct pt_format *fmt, const struct pt *pt,
					   const struct pt_map_req *req)
{
	const uint64_t size = SIO_BIT(req->size_lg2 & 63u);
	uint64_t iova_last, oa_last;

	if (!pt_size_granted(fmt, pt, req->size_lg2))
		return false;
	if (!(req->perm & (PT_R | PT_W)) ||
	    !sio_is_aligned(req->iova | req->oa | (uint64_t)req->oa_step, size))
		return false;
	if (!pt_last_step(req->iova, req->count, (int64_t)size, &iova_last) ||
	    !pt_range_legal(fmt, pt, req->iova, iova_last + (size - 1)))
		return false;
	return pt_last_step(req->oa, req->count, req->oa_step, &oa_last) &&
	       !((req->oa | oa_last) & ~fmt->oa_mask);
}

/* The table at `level` for iova, made if it does not exist: *fresh. PA_NONE: see *status. */
static SIO_ALWAYS_INLINE pa_t pt_map_table(const struct pt_format *fmt, struct pt *pt, iova_t iova,
					   unsigned level, bool *fresh, enum pt_status *status)
{
	pa_t table = pt->root;

	*fresh = false;
	for (unsigned at = pt->top_level; at > level; at--) {
		uint64_t raw = pt_load(pt_slot(pt->phys, table, iova, at));
		struct pt_entry entry = fmt->decode(raw, at, &pt_caps_own);

		if (raw == 0) {
			*fresh = true;
			table = pt_grow(pt, table, at, iova, level);
			if (table == PA_NONE)
				*status = PT_NOMEM;
			return table;
		}
		if (entry.kind != PT_TABLE) {
			*status = PT_EXISTS;
			return PA_NONE;
		}
		table = entry.oa;
	}
	return table;
}

/* Fill n entries from slot on with leaves of `copies` entries each. */
static SIO_ALWAYS_INLINE void pt_fill(uint64_t *slot, unsigned n, unsigned copies, uint64_t raw,
				      uint64_t step)
{
	if (copies == 1) {
		pt_entries()->fill(slot, n, raw, step);
		return;
	}
	for (unsigned i = 0; i < n; i += copies, raw += step)
		pt_entries()->fill(&slot[i], copies, raw, 0);
}

/* Fill up to n entries from slot on, whole leaves, stopping at one in use. Returns how many. */
static SIO_ALWAYS_INLINE unsigned pt_map_run(struct pt *pt, pa_t table, bool fresh, uint64_t *slot,
					     unsigned n, unsigned copies, uint64_t raw,
					     int64_t step)
{
	if (n == 1) {
		if (pt_load(slot))
			return 0;
		/* Whoever walks to the page sees what was written there before it was mapped. */
		__atomic_store_n(slot, raw, __ATOMIC_RELEASE);
	} else {
		if (!fresh)
			n = pt_entries()->empty(slot, n) & ~(copies - 1);
		pt_fill(slot, n, copies, raw, (uint64_t)step);
	}
	phys_table_meta(pt->phys, table)->live =
		(uint16_t)(phys_table_meta(pt->phys, table)->live + n);
	return n;
}

/* From so many leaves to go on, tables that are filled now are out of the caches at the end. */
#define PT_STREAM_LEAVES (UINT64_C(8) << 20)

/* pt_map_run() for a new table and all of its entries, a leaf each, of very many. */
static SIO_ALWAYS_INLINE unsigned pt_map_stream(struct pt *pt, pa_t table, uint64_t raw,
						int64_t step)
{
	pt_entries()->stream(phys_ptr(pt->phys, table), raw, (uint64_t)step);
	phys_table_meta(pt->phys, table)->live = 512;
	return 512;
}

/* What map adds to an entry beside what the format encodes. */
static SIO_ALWAYS_INLINE uint64_t pt_new_marks(const struct pt_format *fmt, unsigned perm)
{
	if (__builtin_expect(!(perm & (PT_A | PT_D)), 1))
		return 0;
	return (perm & PT_A ? fmt->accessed : 0) | (perm & PT_D ? fmt->dirty : 0);
}

static SIO_ALWAYS_INLINE struct pt_change pt_map_fmt(const struct pt_format *fmt, struct pt *pt,
						     const struct pt_map_req *req)
{
	struct pt_change change = {.status = PT_DONE};
	const unsigned level = pt_leaf_level(req->size_lg2);
	uint64_t left = req->count, raw;
	unsigned copies;
	iova_t iova = req->iova;

	if (left == 0)
		return change;
	if (!pt_map_legal(fmt, pt, req)) {
		change.status = PT_RANGE;
		return change;
	}
	copies = pt_copies(fmt, req->size_lg2, level);
	raw = fmt->encode_leaf(req->oa, req->size_lg2, req->perm) | pt_new_marks(fmt, req->perm);
	while (left) {
		unsigned n = (512u - pt_index(iova, level)) / copies, filled;
		bool fresh;
		pa_t table = pt_map_table(fmt, pt, iova, level, &fresh, &change.status);

		if (table == PA_NONE)
			break;
		if (n > left)
			n = (unsigned)left;
		if (__builtin_expect(left >= PT_STREAM_LEAVES && fresh && n == 512, 0))
			filled = pt_map_stream(pt, table, raw, req->oa_step);
		else
			filled = pt_map_run(pt, table, fresh, pt_slot(pt->phys, table, iova, level),
					    n * copies, copies, raw, req->oa_step) /
				 copies;
		left -= filled;
		iova += (uint64_t)filled << req->size_lg2;
		raw += filled * (uint64_t)req->oa_step;
		if (filled < n) {
			change.status = PT_EXISTS;
			break;
		}
	}
	change.done = (req->count - left) << req->size_lg2;
	return change;
}

/* Clear `span` 4 KiB leaves from slot on. Returns how many entries became empty. */
static SIO_ALWAYS_INLINE unsigned pt_unmap_leaves(struct pt *pt, pa_t table, uint64_t *slot,
						  unsigned span)
{
	unsigned live;

	if (span == 1) {
		live = pt_load(slot) != 0;
		__atomic_store_n(slot, 0, __ATOMIC_RELAXED);
		return live;
	}
	live = phys_table_meta(pt->phys, table)->live;
	/* A full table needs no counting, nor does one that is cleared whole. */
	if (live == 512)
		live = span;
	else if (span < 512)
		live = pt_entries()->live(slot, span);
	pt_entries()->clear(slot, span);
	return live;
}

/*
 * [pos, last] is about to be cleared, within the cursor's table of leaves: how many of its `span`
 * entries can be, until a contiguous leaf that the range cuts. Only the outermost can be cut.
 */
static SIO_ALWAYS_INLINE unsigned pt_uncut(const struct pt_format *fmt, const uint64_t *slot,
					   unsigned index, unsigned span, bool *partial)
{
	struct pt_entry entry;
	unsigned copies, end = index + span;

	entry = fmt->decode(pt_load(slot), 0, &pt_caps_own);
	if (entry.kind == PT_LEAF && (index & (pt_copies(fmt, entry.size_lg2, 0) - 1))) {
		*partial = true;
		return 0;
	}
	entry = fmt->decode(pt_load(&slot[span - 1]), 0, &pt_caps_own);
	copies = entry.kind == PT_LEAF ? pt_copies(fmt, entry.size_lg2, 0) : 1;
	*partial = end & (copies - 1);
	return span - (end & (copies - 1));
}

/* The same for entry i of a table above, when [first, end) of it can be cleared. */
static SIO_ALWAYS_INLINE bool pt_leaf_cut(const struct pt_format *fmt, struct pt_entry entry,
					  unsigned level, unsigned i, unsigned first, unsigned end)
{
	const unsigned copies = pt_copies(fmt, entry.size_lg2, level);
	const unsigned start = i & ~(copies - 1);

	return copies > 1 && (start < first || start + copies > end);
}

/*
 * Clear the entries of the cursor's table from *pos to `last`, up to the first that is a table.
 * *pos moves behind what was done; returns how many entries became empty. A leaf that the range
 * cuts sets *partial and ends it.
 */
static SIO_ALWAYS_INLINE unsigned pt_unmap_run(const struct pt_format *fmt, struct pt *pt,
					       const struct pt_cursor *cur, iova_t *pos,
					       iova_t last, bool *partial)
{
	const unsigned level = cur->level, shift = pt_shift(level);
	const unsigned span = pt_cursor_span(cur, *pos, last);
	const unsigned index = pt_index(*pos, level);
	const uint64_t inside = SIO_BIT(shift) - 1;
	uint64_t *slot = pt_cursor_slot(pt, cur, *pos);
	unsigned n = 0, live = 0, whole = span;
	enum pt_kind kind;
	iova_t end;

	if (level == 0) {
		n = fmt->has_contiguous ? pt_uncut(fmt, slot, index, span, partial) : span;
		*pos += (uint64_t)n << shift;
		return pt_unmap_leaves(pt, cur->table[0], slot, n);
	}
	end = ((*pos >> shift) + span) << shift;
	if (end - 1 > last)
		whole--;
	if (whole && (*pos & inside))
		whole = 0;
	for (; n < whole; n++) {
		uint64_t raw = pt_load(&slot[n]);
		struct pt_entry entry = fmt->decode(raw, level, &pt_caps_own);

		if (entry.kind == PT_TABLE)
			break;
		*partial = entry.kind == PT_LEAF &&
			   pt_leaf_cut(fmt, entry, level, index + n, index, index + whole);
		if (*partial)
			break;
		live += raw != 0;
	}
	pt_entries()->clear(slot, n);
	/* An entry that the range cuts may be empty, or a table to go down to. */
	if (n == whole && n < span) {
		kind = fmt->decode(pt_load(&slot[n]), level, &pt_caps_own).kind;
		*partial = kind == PT_LEAF;
		n += kind == PT_EMPTY;
	}
	if (n)
		*pos = ((*pos >> shift) + n) << shift;
	return live;
}

/* `dropped` entries of the cursor's table, which holds iova, became empty: unlink what emptied. */
static SIO_ALWAYS_INLINE void pt_collapse(struct pt *pt, struct pt_cursor *cur, iova_t iova,
					  unsigned dropped, struct pt_gather *gather)
{
	while (dropped) {
		pa_t table = cur->table[cur->level];
		struct phys_table_meta *meta = phys_table_meta(pt->phys, table);

		sio_assert(meta->live >= dropped);
		meta->live = (uint16_t)(meta->live - dropped);
		if (meta->live || cur->level == pt->top_level)
			break;
		cur->level++;
		__atomic_store_n(pt_cursor_slot(pt, cur, iova), 0, __ATOMIC_RELAXED);
		pt_gather_add(pt, gather, table, meta);
		dropped = 1;
	}
}

static SIO_ALWAYS_INLINE struct pt_change pt_unmap_fmt(const struct pt_format *fmt, struct pt *pt,
						       iova_t iova, uint64_t len,
						       struct pt_gather *gather)
{
	struct pt_change change = {.status = PT_DONE};
	struct pt_cursor cur;
	const iova_t last = iova + (len - 1);
	iova_t pos = iova;
	bool partial = false;

	if (len == 0)
		return change;
	if (!sio_is_aligned(iova | len, SIO_PAGE_SIZE) || !pt_range_legal(fmt, pt, iova, last)) {
		change.status = PT_RANGE;
		return change;
	}
	pt_cursor_init(&cur, pt);
	for (;;) {
		iova_t from = pos;
		unsigned dropped;
		uint64_t raw;

		(void)pt_cursor_sink(fmt, pt, &cur, pos, &raw);
		dropped = pt_unmap_run(fmt, pt, &cur, &pos, last, &partial);
		pt_collapse(pt, &cur, from, dropped, gather);
		if (partial || pos - 1 >= last)
			break;
		pt_cursor_climb(pt, &cur, from, pos);
	}
	if (partial)
		change.status = PT_PARTIAL_LEAF;
	change.done = (pos - 1 >= last && !partial) ? len : pos - iova;
	return change;
}

/* The marks of a leaf: of all its copies, from `first` on. */
static SIO_ALWAYS_INLINE uint64_t pt_marks(const struct pt_format *fmt, const uint64_t *first,
					   unsigned copies)
{
	uint64_t marks = 0;

	for (unsigned i = 0; i < copies; i++)
		marks |= pt_load(&first[i]);
	return marks & (fmt->accessed | fmt->dirty | fmt->extended_accessed);
}

/* What pt_split() divides: a leaf, its copies from `slot` on, in a table at `level`. */
struct pt_whole {
	struct pt_entry entry;
	uint64_t *slot, marks;
	unsigned level, copies;
};

/* A contiguous leaf becomes one leaf in each of its entries. */
static SIO_ALWAYS_INLINE void pt_split_copies(const struct pt_format *fmt,
					      const struct pt_whole *whole)
{
	const unsigned lg2 = pt_shift(whole->level);
	const uint64_t ours = fmt->accessed | fmt->dirty | fmt->extended_accessed;

	for (unsigned i = 0; i < whole->copies; i++) {
		pa_t oa = whole->entry.oa + ((uint64_t)i << lg2);
		uint64_t leaf = fmt->encode_leaf(oa, lg2, whole->entry.perm) | whole->marks;
		uint64_t raw = pt_load(&whole->slot[i]);

		/* A walker may mark the copy meanwhile. */
		while (!__atomic_compare_exchange_n(&whole->slot[i], &raw, leaf | (raw & ours),
						    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
	}
}

/* `count` tables, not linked, to be filled with leaves at `level`. False: no memory, none made. */
bool pt_split_tables(struct pt *pt, unsigned level, unsigned count, struct pt_gather *made);

/* Every entry of a leaf becomes a table of leaves one level lower. */
static SIO_ALWAYS_INLINE void pt_split_lower(const struct pt_format *fmt, struct pt *pt,
					     const struct pt_whole *whole, struct pt_gather *made)
{
	const unsigned lg2 = pt_shift(whole->level - 1);
	const uint64_t ours = fmt->accessed | fmt->dirty | fmt->extended_accessed;

	for (unsigned i = 0; i < whole->copies; i++) {
		pa_t table = (pa_t)(made->head - 1) << SIO_PAGE_LG2;
		pa_t oa = whole->entry.oa + ((uint64_t)i << pt_shift(whole->level));
		uint64_t raw = pt_load(&whole->slot[i]), first;

		made->head = phys_table_meta(pt->phys, table)->next;
		/* A walker may mark the large leaf while it is copied: then copy again. */
		do {
			first = fmt->encode_leaf(oa, lg2, whole->entry.perm) | whole->marks |
				(raw & ours);
			/* X05: every second page of the old one is left out. */
			pt_entries()->fill(phys_ptr(pt->phys, table), 512, first,
					   SIO_BIT(SEEDED(X05) ? lg2 + 1 : lg2));
		} while (!__atomic_compare_exchange_n(&whole->slot[i], &raw,
						      fmt->encode_table(table, whole->level), false,
						      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	}
}

static SIO_ALWAYS_INLINE enum pt_status pt_split_fmt(const struct pt_format *fmt, struct pt *pt,
						     iova_t iova)
{
	struct pt_gather made = {0};
	struct pt_cursor cur;
	struct pt_whole whole;
	uint64_t raw;

	if (!pt_in_width(fmt, iova, pt->top_level))
		return PT_RANGE;
	pt_cursor_init(&cur, pt);
	whole.entry = pt_cursor_sink(fmt, pt, &cur, iova, &raw);
	if (whole.entry.kind != PT_LEAF)
		return PT_RANGE;
	whole.level = cur.level;
	whole.copies = pt_copies(fmt, whole.entry.size_lg2, cur.level);
	whole.slot = pt_cursor_slot(pt, &cur, sio_align_down(iova, SIO_BIT(whole.entry.size_lg2)));
	whole.marks = whole.copies > 1 ? pt_marks(fmt, whole.slot, whole.copies) : 0;
	if (whole.copies > 1 && pt_size_granted(fmt, pt, pt_shift(whole.level))) {
		pt_split_copies(fmt, &whole);
		return PT_DONE;
	}
	if (whole.level == 0 || !pt_size_granted(fmt, pt, pt_shift(whole.level - 1)))
		return PT_RANGE;
	if (!pt_split_tables(pt, whole.level - 1, whole.copies, &made))
		return PT_NOMEM;
	pt_split_lower(fmt, pt, &whole, &made);
	return PT_DONE;
}

/* Clear the dirty bits of a leaf. */
static SIO_ALWAYS_INLINE void pt_clean(const struct pt_format *fmt, uint64_t *first,
				       unsigned copies)
{
	for (unsigned i = 0; i < copies; i++)
		if (pt_load(&first[i]) & fmt->dirty)
			__atomic_and_fetch(&first[i], ~fmt->dirty, __ATOMIC_RELAXED);
}

/* [pos, last] in one piece. */
static SIO_ALWAYS_INLINE void pt_dirty_piece(const struct pt_format *fmt, struct pt *pt, iova_t pos,
					     iova_t last, bool clear,
					     void (*hit)(void *ctx, iova_t iova, uint64_t len),
					     void *ctx)
{
	struct pt_cursor cur;
	struct pt_entry entry;
	uint64_t raw;

	pt_cursor_init(&cur, pt);
	while (pt_cursor_next(fmt, pt, &cur, &pos, last, &entry, &raw)) {
		iova_t inside = SIO_BIT(entry.size_lg2) - 1, end = pos | inside;
		unsigned copies = pt_copies(fmt, entry.size_lg2, cur.level);
		uint64_t *first = pt_cursor_slot(pt, &cur, pos & ~inside);

		if (end > last)
			end = last;
		/* A05: the first copy speaks for all. */
		if (pt_marks(fmt, first, SEEDED(A05) ? 1 : copies) & fmt->dirty) {
			if (clear)
				pt_clean(fmt, first, copies);
			hit(ctx, pos, end - pos + 1);
		}
		if (end == last)
			break;
		pt_cursor_climb(pt, &cur, pos, end + 1);
		pos = end + 1;
	}
}

static SIO_ALWAYS_INLINE void pt_dirty_fmt(const struct pt_format *fmt, struct pt *pt, iova_t iova,
					   uint64_t len, bool clear,
					   void (*hit)(void *ctx, iova_t iova, uint64_t len),
					   void *ctx)
{
	iova_t last = iova + (len - 1), end;

	if (len == 0)
		return;
	if (last < iova)
		last = ~UINT64_C(0);
	while (pt_clip(fmt, pt, &iova, last, &end)) {
		pt_dirty_piece(fmt, pt, iova, end, clear, hit, ctx);
		if (end == last)
			break;
		iova = end + 1;
	}
}

#endif
