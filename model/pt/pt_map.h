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

/* The request can be carried out if memory suffices and nothing is in the way. count is not 0. */
static SIO_ALWAYS_INLINE bool pt_map_legal(const struct pt_format *fmt, const struct pt *pt,
					   const struct pt_map_req *req)
{
	const unsigned level = (req->size_lg2 - SIO_PAGE_LG2) / 9u;
	const uint64_t size = SIO_BIT(req->size_lg2 & 63u);
	uint64_t iova_last, oa_last;

	if (req->size_lg2 < SIO_PAGE_LG2 || req->size_lg2 != pt_shift(level) ||
	    level > pt->top_level || (level && !(pt->caps.large_levels & SIO_BIT(level))))
		return false;
	if (!(req->perm & (PT_R | PT_W)) ||
	    !sio_is_aligned(req->iova | req->oa | (uint64_t)req->oa_step, size))
		return false;
	if (!pt_last_step(req->iova, req->count, (int64_t)size, &iova_last) ||
	    !pt_in_width(iova_last, pt->top_level))
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

/* Fill up to n entries from slot on, stopping at one that is in use. Returns how many. */
static SIO_ALWAYS_INLINE unsigned pt_map_run(struct pt *pt, pa_t table, bool fresh, uint64_t *slot,
					     unsigned n, uint64_t raw, int64_t step)
{
	if (n == 1) {
		if (pt_load(slot))
			return 0;
		__atomic_store_n(slot, raw, __ATOMIC_RELAXED);
	} else {
		if (!fresh)
			n = pt_entries()->empty(slot, n);
		pt_entries()->fill(slot, n, raw, (uint64_t)step);
	}
	phys_table_meta(pt->phys, table)->live =
		(uint16_t)(phys_table_meta(pt->phys, table)->live + n);
	return n;
}

static SIO_ALWAYS_INLINE struct pt_change pt_map_fmt(const struct pt_format *fmt, struct pt *pt,
						     const struct pt_map_req *req)
{
	struct pt_change change = {.status = PT_DONE};
	const unsigned level = (req->size_lg2 - SIO_PAGE_LG2) / 9u;
	uint64_t left = req->count, raw;
	iova_t iova = req->iova;

	if (left == 0)
		return change;
	if (!pt_map_legal(fmt, pt, req)) {
		change.status = PT_RANGE;
		return change;
	}
	raw = fmt->encode_leaf(req->oa, level, req->perm);
	while (left) {
		unsigned n = 512u - pt_index(iova, level), filled;
		bool fresh;
		pa_t table = pt_map_table(fmt, pt, iova, level, &fresh, &change.status);

		if (table == PA_NONE)
			break;
		if (n > left)
			n = (unsigned)left;
		filled = pt_map_run(pt, table, fresh, pt_slot(pt->phys, table, iova, level), n, raw,
				    req->oa_step);
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
	const uint64_t inside = SIO_BIT(shift) - 1;
	uint64_t *slot = pt_cursor_slot(pt, cur, *pos);
	unsigned n = 0, live = 0, whole = span;
	enum pt_kind kind;
	iova_t end;

	if (level == 0) {
		*pos += (uint64_t)span << shift;
		return pt_unmap_leaves(pt, cur->table[0], slot, span);
	}
	end = ((*pos >> shift) + span) << shift;
	if (end - 1 > last)
		whole--;
	if (whole && (*pos & inside))
		whole = 0;
	for (; n < whole; n++) {
		uint64_t raw = pt_load(&slot[n]);

		if (fmt->decode(raw, level, &pt_caps_own).kind == PT_TABLE)
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
	if (!sio_is_aligned(iova | len, SIO_PAGE_SIZE) || last < iova ||
	    !pt_in_width(last, pt->top_level)) {
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

static SIO_ALWAYS_INLINE enum pt_status pt_split_fmt(const struct pt_format *fmt, struct pt *pt,
						     iova_t iova)
{
	struct pt_cursor cur;
	struct pt_entry entry;
	const uint64_t marks = fmt->accessed | fmt->dirty;
	uint64_t raw, link, first, *slot, *lower;
	unsigned level;
	pa_t table;

	if (!pt_in_width(iova, pt->top_level))
		return PT_RANGE;
	pt_cursor_init(&cur, pt);
	entry = pt_cursor_sink(fmt, pt, &cur, iova, &raw);
	level = cur.level;
	if (entry.kind != PT_LEAF || level == 0 ||
	    (level > 1 && !(pt->caps.large_levels & SIO_BIT(level - 1))))
		return PT_RANGE;
	table = phys_table_alloc(pt->phys);
	if (table == PA_NONE)
		return PT_NOMEM;
	phys_table_meta(pt->phys, table)->live = 512;
	phys_table_meta(pt->phys, table)->level = (uint16_t)(level - 1);
	pt->table_count++;
	slot = pt_cursor_slot(pt, &cur, iova);
	lower = phys_ptr(pt->phys, table);
	link = fmt->encode_table(table, level);
	/* A walker may mark the large leaf while it is copied: then copy again. */
	do {
		entry = fmt->decode(raw, level, &pt_caps_own);
		first = fmt->encode_leaf(entry.oa, level - 1, entry.perm) | (raw & marks);
		pt_entries()->fill(lower, 512, first, SIO_BIT(pt_shift(level - 1)));
	} while (!__atomic_compare_exchange_n(slot, &raw, link, false, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	return PT_DONE;
}

static SIO_ALWAYS_INLINE void pt_dirty_fmt(const struct pt_format *fmt, struct pt *pt, iova_t iova,
					   uint64_t len, bool clear,
					   void (*hit)(void *ctx, iova_t iova, uint64_t len),
					   void *ctx)
{
	iova_t last = iova + (len - 1), pos = iova, end;
	struct pt_cursor cur;
	struct pt_entry entry;
	uint64_t raw;

	if (len == 0 || !pt_in_width(iova, pt->top_level))
		return;
	if (last < iova || last > pt_last_iova(pt))
		last = pt_last_iova(pt);
	pt_cursor_init(&cur, pt);
	while (pt_cursor_next(fmt, pt, &cur, &pos, last, &entry, &raw)) {
		end = pos | (SIO_BIT(entry.size_lg2) - 1);
		if (end > last)
			end = last;
		if (raw & fmt->dirty) {
			if (clear)
				__atomic_and_fetch(pt_cursor_slot(pt, &cur, pos), ~fmt->dirty,
						   __ATOMIC_RELAXED);
			hit(ctx, pos, end - pos + 1);
		}
		if (end == last)
			break;
		pt_cursor_climb(pt, &cur, pos, end + 1);
		pos = end + 1;
	}
}

#endif
