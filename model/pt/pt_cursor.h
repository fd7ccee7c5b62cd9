/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A position in a tree, for its owner: the tables on the way to an iova, so that moving on does not
 * begin at the root again. And what only reads with it: query, next, leaf_lg2. Included only by the
 * formats' .c files.
 *
 * The cursor rests at the lowest table that exists for its position. A driver never links a table
 * more than one level down, so every level from there to the root has its table.
 */
#ifndef MODEL_PT_PT_CURSOR_H
#define MODEL_PT_PT_CURSOR_H

#include "pt/pt_entries.h"
#include "pt/pt_walk.h"

struct pt_cursor {
	pa_t table[PT_LEVELS_MAX]; /* from `level` to the root's level */
	unsigned level;
};

static SIO_ALWAYS_INLINE uint64_t pt_load(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

/* First address of the upper half of a sign-extended space, above a gap. */
static SIO_ALWAYS_INLINE iova_t pt_upper_half(const struct pt *pt)
{
	return ~UINT64_C(0) << (pt_width(pt->top_level) - 1);
}

/* The last address that a tree translates, of the half that iova lies in if it has two. */
static SIO_ALWAYS_INLINE iova_t pt_last_iova(const struct pt_format *fmt, const struct pt *pt,
					     iova_t iova)
{
	if (fmt->sign_extend)
		return iova >> 63 ? ~UINT64_C(0) : ~pt_upper_half(pt);
	return ~UINT64_C(0) >> (64 - pt_width(pt->top_level));
}

/* The part of [*from, last] that a tree translates as one piece; false if there is none. What is
 * left begins above *end. */
static SIO_ALWAYS_INLINE bool pt_clip(const struct pt_format *fmt, const struct pt *pt,
				      iova_t *from, iova_t last, iova_t *end)
{
	if (fmt->sign_extend && !pt_in_width(fmt, *from, pt->top_level))
		*from = pt_upper_half(pt);
	if (*from > last || !pt_in_width(fmt, *from, pt->top_level))
		return false;
	*end = pt_last_iova(fmt, pt, *from);
	if (*end > last)
		*end = last;
	return true;
}

/* Not returned by value: copying what was just stored in pieces stalls the processor. */
static SIO_ALWAYS_INLINE void pt_cursor_init(struct pt_cursor *cur, const struct pt *pt)
{
	cur->level = pt->top_level;
	cur->table[cur->level] = pt->root;
}

static SIO_ALWAYS_INLINE uint64_t *pt_cursor_slot(const struct pt *pt, const struct pt_cursor *cur,
						  iova_t pos)
{
	return pt_slot(pt->phys, cur->table[cur->level], pos, cur->level);
}

/* Down to the table whose entry for pos is empty or a leaf; *raw is that entry. */
static SIO_ALWAYS_INLINE struct pt_entry pt_cursor_sink(const struct pt_format *fmt,
							const struct pt *pt, struct pt_cursor *cur,
							iova_t pos, uint64_t *raw)
{
	unsigned level = cur->level;
	pa_t table = cur->table[level];
	struct pt_entry entry;

	for (;;) {
		*raw = pt_load(pt_slot(pt->phys, table, pos, level));
		entry = fmt->decode(*raw, level, &pt_caps_own);
		if (entry.kind != PT_TABLE)
			break;
		sio_assert(entry.next_level + 1u == level);
		table = entry.oa;
		cur->table[--level] = table;
	}
	cur->level = level;
	return entry;
}

/* Up to a table that holds both positions. */
static SIO_ALWAYS_INLINE void pt_cursor_climb(const struct pt *pt, struct pt_cursor *cur,
					      iova_t from, iova_t to)
{
	while (cur->level < pt->top_level && (from ^ to) >> pt_shift(cur->level + 1))
		cur->level++;
}

/* Entries from pos to the end of the cursor's table or to `last`, whichever comes first. */
static SIO_ALWAYS_INLINE unsigned pt_cursor_span(const struct pt_cursor *cur, iova_t pos,
						 iova_t last)
{
	const unsigned shift = pt_shift(cur->level);
	const uint64_t rest = 512u - pt_index(pos, cur->level);
	const uint64_t wanted = (last >> shift) - (pos >> shift) + 1;

	return (unsigned)(wanted < rest ? wanted : rest);
}

static SIO_ALWAYS_INLINE unsigned pt_leaf_lg2_fmt(const struct pt_format *fmt, const struct pt *pt,
						  iova_t iova)
{
	struct pt_cursor cur;
	struct pt_entry entry;
	uint64_t raw;

	if (!pt_in_width(fmt, iova, pt->top_level))
		return 0;
	pt_cursor_init(&cur, pt);
	entry = pt_cursor_sink(fmt, pt, &cur, iova, &raw);
	return entry.kind == PT_LEAF ? entry.size_lg2 : 0;
}

/*
 * Move on to the first translated address in [*pos, last] (*pos itself, or where a leaf begins) and
 * to its leaf. False: there is none. Empty subtrees are passed over whole.
 */
static SIO_ALWAYS_INLINE bool pt_cursor_next(const struct pt_format *fmt, const struct pt *pt,
					     struct pt_cursor *cur, iova_t *pos, iova_t last,
					     struct pt_entry *entry, uint64_t *raw)
{
	for (;;) {
		unsigned shift, skip;
		iova_t to;

		*entry = pt_cursor_sink(fmt, pt, cur, *pos, raw);
		if (entry->kind == PT_LEAF)
			return true;
		shift = pt_shift(cur->level);
		skip = pt_entries()->empty(pt_cursor_slot(pt, cur, *pos),
					   pt_cursor_span(cur, *pos, last));
		/* What is neither empty nor a leaf nor a table is nothing of ours. */
		to = ((*pos >> shift) + (skip ? skip : 1)) << shift;
		if (to - 1 >= last)
			return false;
		pt_cursor_climb(pt, cur, *pos, to);
		*pos = to;
	}
}

static SIO_ALWAYS_INLINE bool pt_next_fmt(const struct pt_format *fmt, const struct pt *pt,
					  iova_t from, iova_t last, iova_t *found)
{
	struct pt_cursor cur;
	struct pt_entry entry;
	uint64_t raw;
	iova_t end;

	while (pt_clip(fmt, pt, &from, last, &end)) {
		pt_cursor_init(&cur, pt);
		*found = from;
		if (pt_cursor_next(fmt, pt, &cur, found, end, &entry, &raw))
			return true;
		if (end == last)
			break;
		from = end + 1;
	}
	return false;
}

/* Entries that a leaf of a table at `level` takes: its copies. */
static SIO_ALWAYS_INLINE unsigned pt_copies(const struct pt_format *fmt, unsigned size_lg2,
					    unsigned level)
{
	return fmt->has_contiguous ? 1u << (size_lg2 - pt_shift(level)) : 1;
}

/*
 * Extend a run by the leaves at pos, all of one table. `entry` is decoded from `raw`, found at pos,
 * which is where that leaf begins. False: the run ends.
 */
static SIO_ALWAYS_INLINE bool pt_run_extend(const struct pt_format *fmt, const struct pt *pt,
					    const struct pt_cursor *cur, iova_t pos,
					    struct pt_entry entry, uint64_t raw, struct pt_run *run,
					    uint64_t max_pages)
{
	const uint64_t mask = ~(fmt->accessed | fmt->dirty);
	const uint64_t leaf_pages = SIO_BIT(entry.size_lg2 - SIO_PAGE_LG2);
	const pa_t page_oa = sio_align_down(run->oa, SIO_PAGE_SIZE);
	uint64_t wanted = max_pages - run->pages, pages;
	unsigned span, n;

	if (run->pages == 1 && entry.oa + SIO_PAGE_SIZE == page_oa)
		run->oa_step = -(int64_t)SIO_PAGE_SIZE;
	if (entry.oa != page_oa + run->pages * (uint64_t)run->oa_step)
		return false;
	if (run->oa_step < 0 && leaf_pages > 1) {
		run->pages++;
		return false;
	}
	if (pt_copies(fmt, entry.size_lg2, cur->level) > 1) {
		run->pages += leaf_pages < wanted ? leaf_pages : wanted;
		return true;
	}
	span = 512u - pt_index(pos, cur->level);
	if (span > (wanted + leaf_pages - 1) / leaf_pages)
		span = (unsigned)((wanted + leaf_pages - 1) / leaf_pages);
	n = pt_entries()->match(pt_cursor_slot(pt, cur, pos), span, raw & mask,
				(uint64_t)run->oa_step * leaf_pages, mask);
	pages = n * leaf_pages;
	run->pages += pages < wanted ? pages : wanted;
	/* What did not match may be a table whose leaves do. */
	return true;
}

static SIO_ALWAYS_INLINE struct pt_run
pt_query_fmt(const struct pt_format *fmt, const struct pt *pt, iova_t iova, uint64_t max_pages)
{
	struct pt_run run = {.oa_step = (int64_t)SIO_PAGE_SIZE};
	struct pt_cursor cur;
	const unsigned perms = PT_ALL | PT_ATTRS;
	struct pt_entry entry;
	iova_t pos = iova;
	uint64_t raw, offset, room;

	if (max_pages == 0 || !pt_in_width(fmt, iova, pt->top_level))
		return run;
	pt_cursor_init(&cur, pt);
	entry = pt_cursor_sink(fmt, pt, &cur, pos, &raw);
	if (entry.kind != PT_LEAF)
		return run;
	room = ((pt_last_iova(fmt, pt, iova) - iova) >> SIO_PAGE_LG2) + 1;
	if (max_pages > room)
		max_pages = room;
	offset = iova & (SIO_BIT(entry.size_lg2) - 1);
	run.oa = entry.oa + offset;
	run.perm = (uint8_t)(entry.perm & perms);
	run.pages = SIO_BIT(entry.size_lg2 - SIO_PAGE_LG2) - (offset >> SIO_PAGE_LG2);
	if (run.pages > max_pages)
		run.pages = max_pages;
	while (run.pages < max_pages) {
		iova_t to = sio_align_down(iova, SIO_PAGE_SIZE) + run.pages * SIO_PAGE_SIZE;

		pt_cursor_climb(pt, &cur, pos, to);
		pos = to;
		entry = pt_cursor_sink(fmt, pt, &cur, pos, &raw);
		if (entry.kind != PT_LEAF || (entry.perm & perms) != run.perm)
			break;
		if (!pt_run_extend(fmt, pt, &cur, pos, entry, raw, &run, max_pages))
			break;
	}
	return run;
}

#endif
