/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk: how a unit reads a page table. Included only by the formats' .c files.
 *
 * Source: Intel VT-d, "Second-Stage Translation"; the order of checks at each entry is that of the
 * manuals and of QEMU: is the table readable, is the access permitted by this entry, are its
 * reserved bits clear.
 *
 * Accessed and dirty bits are set by compare-and-swap of the entry that the walk read, not by a
 * blind OR: a driver may clear the entry in between, and a table on its way to be freed must not
 * get bits again. When an entry changed the walk starts over.
 */
#ifndef MODEL_PT_PT_WALK_H
#define MODEL_PT_PT_WALK_H

#include "pt/pt.h"

/* pt_caps_finish() for who knows only the format. */
void pt_caps_fill(struct pt_caps *caps, const struct pt_format *fmt);

/* Entries that a walk used, for the accessed and dirty bits. */
struct pt_trail {
	uint64_t *slot[PT_LEVELS_MAX];
	uint64_t raw[PT_LEVELS_MAX];
	unsigned count;
};

static SIO_ALWAYS_INLINE unsigned pt_shift(unsigned level)
{
	return SIO_PAGE_LG2 + 9 * level;
}

static SIO_ALWAYS_INLINE unsigned pt_index(iova_t iova, unsigned level)
{
	return (unsigned)(iova >> pt_shift(level)) & 511u;
}

static SIO_ALWAYS_INLINE uint64_t *pt_slot(const struct phys *phys, pa_t table, iova_t iova,
					   unsigned level)
{
	return (uint64_t *)phys_ptr(phys, table) + pt_index(iova, level);
}

/* Address bits that a tree with its root at `level` does not translate are all clear. */
static SIO_ALWAYS_INLINE bool pt_in_width(iova_t iova, unsigned level)
{
	return pt_width(level) >= 64 || iova >> pt_width(level) == 0;
}

/* A format that skips levels translates only addresses whose skipped bits are clear. */
static SIO_ALWAYS_INLINE bool pt_skip_clear(iova_t iova, unsigned level, unsigned next)
{
	return next + 1 == level ||
	       ((iova >> pt_shift(next + 1)) & (SIO_BIT(9 * (level - next - 1)) - 1)) == 0;
}

/* What stays the same during a walk. */
struct pt_walk {
	const uint8_t *base; /* of memory, and its size */
	uint64_t ram_bytes;
	uint64_t low_end;           /* tables below this are readable */
	const struct pt_caps *caps; /* finished */
	iova_t iova;
	unsigned need; /* not 0 */
	struct pt_step *steps;
	struct pt_trail *trail;
};

static SIO_ALWAYS_INLINE struct pt_walk pt_walk_init(const struct phys *phys,
						     const struct pt_caps *caps, iova_t iova,
						     unsigned need, struct pt_step *steps,
						     struct pt_trail *trail)
{
	const uint64_t end = phys->ram_bytes - (SIO_PAGE_SIZE - 1);

	return (struct pt_walk){
		.base = phys->base,
		.ram_bytes = phys->ram_bytes,
		.low_end = end < PHYS_HOLE_FIRST ? end : PHYS_HOLE_FIRST,
		.caps = caps,
		.iova = iova,
		.need = need,
		.steps = steps,
		.trail = trail,
	};
}

/* Where a walk is. At its end: the entry that ended it. */
struct pt_walk_at {
	pa_t table;
	unsigned level;
	unsigned perm; /* accumulated above the table */
	enum pt_fault fault;
	struct pt_entry entry;
};

/* phys_is_ram() for one aligned table, without branches of its own. */
static SIO_ALWAYS_INLINE bool pt_table_readable(const struct pt_walk *walk, pa_t table)
{
	return (table <= walk->ram_bytes - SIO_PAGE_SIZE) &
	       (table - PHYS_HOLE_FIRST > PHYS_HOLE_LAST - PHYS_HOLE_FIRST);
}

/*
 * The address of an entry depends on the entry above it, which orders the two loads on every
 * processor without help. ThreadSanitizer only believes in acquire.
 */
#if defined(__SANITIZE_THREAD__)
#define PT_WALK_ORDER __ATOMIC_ACQUIRE
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PT_WALK_ORDER __ATOMIC_ACQUIRE
#endif
#endif
#ifndef PT_WALK_ORDER
#define PT_WALK_ORDER __ATOMIC_RELAXED
#endif

static inline void pt_walk_record(const struct pt_walk *walk, const struct pt_walk_at *at,
				  uint64_t *slot, uint64_t raw)
{
	struct pt_trail *trail = walk->trail;

	if (walk->steps)
		walk->steps[trail->count] = (struct pt_step){
			.level = (uint8_t)at->level,
			.entry_pa = (pa_t)((const uint8_t *)slot - walk->base),
			.raw = raw,
			.entry = at->entry,
		};
	trail->slot[trail->count] = slot;
	trail->raw[trail->count++] = raw;
}

/* One entry, at `level`. True: the walk goes on below. */
static SIO_ALWAYS_INLINE bool pt_walk_level(const struct pt_format *fmt, const struct pt_walk *walk,
					    unsigned level, struct pt_walk_at *at)
{
	uint64_t *slot, raw;

	at->level = level;
	at->fault = PT_FAULT_TABLE;
	if (__builtin_expect(!pt_table_readable(walk, at->table), 0))
		return false;
	slot = (uint64_t *)(uintptr_t)(walk->base + at->table) + pt_index(walk->iova, level);
	raw = __atomic_load_n(slot, PT_WALK_ORDER);
	at->entry = fmt->decode(raw, level, walk->caps);
	if (walk->trail)
		pt_walk_record(walk, at, slot, raw);
	/* An entry that is not present permits nothing, and `need` asks for something. */
	at->fault = PT_FAULT_READ;
	if (__builtin_expect(walk->need & ~(at->perm & at->entry.perm), 0))
		return false;
	at->fault = PT_FAULT_RESERVED;
	if (__builtin_expect(at->entry.kind == PT_RESERVED, 0))
		return false;
	at->fault = PT_OK;
	if (at->entry.kind == PT_LEAF)
		return false;
	at->fault = PT_FAULT_READ;
	if (!pt_skip_clear(walk->iova, level, at->entry.next_level)) {
		at->entry.perm = 0;
		return false;
	}
	at->perm &= at->entry.perm;
	at->table = at->entry.oa;
	at->level = at->entry.next_level;
	return true;
}

static SIO_ALWAYS_INLINE struct pt_walk_result
pt_walk_once(const struct pt_format *fmt, const struct phys *phys, const struct pt_caps *caps,
	     struct pt_start start, iova_t iova, unsigned need, struct pt_step *steps,
	     struct pt_trail *trail)
{
	const struct pt_walk walk = pt_walk_init(phys, caps, iova, need, steps, trail);
	struct pt_walk_at at = {.table = start.table, .level = start.level, .perm = start.perm};
	const bool from_root = start.level >= fmt->root_level_min;
	struct pt_walk_result res = {.level = start.level, .oa = PA_NONE, .leaf_table = PA_NONE};

	if (from_root && !pt_in_width(iova, start.level)) {
		res.fault = PT_FAULT_WIDTH;
		return res;
	}
	while (pt_walk_level(fmt, &walk, at.level, &at))
		;
	res.fault = at.fault;
	res.level = (uint8_t)at.level;
	if (at.fault == PT_FAULT_TABLE) {
		if (from_root && at.level == start.level)
			res.fault = PT_FAULT_TABLE_TOP;
		return res;
	}
	if (at.level == 0) {
		res.leaf_table = at.table;
		res.table_perm = (uint8_t)at.perm;
	}
	res.perm = (uint8_t)(at.perm & at.entry.perm);
	if (at.fault == PT_OK) {
		res.perm |= at.entry.perm & PT_SNP;
		res.size_lg2 = at.entry.size_lg2;
		res.oa = at.entry.oa | (iova & (SIO_BIT(at.entry.size_lg2) - 1));
	} else if (at.fault == PT_FAULT_READ && (need & ~(unsigned)res.perm & PT_W)) {
		res.fault = PT_FAULT_WRITE;
	}
	return res;
}

/* Set A in every entry of the trail, D in the last for a write. False: an entry changed. */
static inline bool pt_mark(const struct pt_trail *trail, uint64_t accessed, uint64_t dirty)
{
	for (unsigned i = 0; i < trail->count; i++) {
		uint64_t old = trail->raw[i];
		uint64_t marked = old | accessed | (i + 1 == trail->count ? dirty : 0);

		if (marked != old &&
		    !__atomic_compare_exchange_n(trail->slot[i], &old, marked, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return false;
	}
	return true;
}

/* The walk that leaves traces, in memory (A and D) or in a report, and takes unfinished caps. */
static SIO_ALWAYS_INLINE struct pt_walk_result
pt_walk_traced(const struct pt_format *fmt, const struct phys *phys, const struct pt_caps *caps,
	       struct pt_start start, iova_t iova, unsigned need, struct pt_step *steps,
	       unsigned *nsteps)
{
	const bool write = need & PT_W;
	struct pt_caps finished = *caps;
	struct pt_walk_result res;
	struct pt_trail trail;

	if (!caps->has_masks)
		pt_caps_fill(&finished, fmt);
	do {
		trail.count = 0;
		res = pt_walk_once(fmt, phys, &finished, start, iova, need, steps, &trail);
		if (res.fault != PT_OK || !caps->access_dirty || !fmt->accessed)
			break;
		if (write || (trail.raw[trail.count - 1] & fmt->dirty))
			res.perm |= PT_D;
		res.perm |= PT_A;
	} while (!pt_mark(&trail, fmt->accessed, write ? fmt->dirty : 0));
	if (nsteps)
		*nsteps = trail.count;
	return res;
}

enum pt_fast { PT_FAST_ON, PT_FAST_DONE, PT_FAST_GIVE_UP };

/* One entry of the fast walk; `level` is a constant. */
static SIO_ALWAYS_INLINE enum pt_fast pt_walk_fast_level(const struct pt_format *fmt,
							 const struct pt_walk *walk, unsigned level,
							 struct pt_walk_at *at)
{
	uint64_t raw;

	at->level = level;
	/* Most tables lie below the hole, where one comparison does. */
	if (__builtin_expect(at->table >= walk->low_end, 0) && !pt_table_readable(walk, at->table))
		return PT_FAST_GIVE_UP;
	raw = __atomic_load_n((const uint64_t *)(const void *)(walk->base + at->table) +
				      pt_index(walk->iova, level),
			      PT_WALK_ORDER);
	if (level && __builtin_expect(fmt->is_table(raw, level, walk->need, walk->caps), 1)) {
		at->perm &= fmt->perm(raw);
		at->table = raw & fmt->oa_mask;
		return PT_FAST_ON;
	}
	if (__builtin_expect(!fmt->is_leaf(raw, level, walk->need, walk->caps), 0))
		return PT_FAST_GIVE_UP;
	at->entry = fmt->decode(raw, level, walk->caps);
	return PT_FAST_DONE;
}

/*
 * The walk that finds nothing remarkable: regular tables, then a leaf that permits. One test an
 * entry, and levels that are constants. PT_FAST_GIVE_UP: the other walk has the answer.
 */
static SIO_ALWAYS_INLINE enum pt_fast
pt_walk_fast(const struct pt_format *fmt, const struct pt_walk *walk, struct pt_walk_at *at)
{
	enum pt_fast fast = PT_FAST_ON;

	_Static_assert(PT_LEVELS_MAX == 6, "one case per level");
	switch (at->level) {
	case 5:
		fast = fmt->top_level_max < 5 ? PT_FAST_GIVE_UP
					      : pt_walk_fast_level(fmt, walk, 5, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 4:
		fast = fmt->top_level_max < 4 ? PT_FAST_GIVE_UP
					      : pt_walk_fast_level(fmt, walk, 4, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 3:
		fast = pt_walk_fast_level(fmt, walk, 3, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 2:
		fast = pt_walk_fast_level(fmt, walk, 2, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 1:
		fast = pt_walk_fast_level(fmt, walk, 1, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 0:
		return pt_walk_fast_level(fmt, walk, 0, at);
	default:
		return PT_FAST_GIVE_UP;
	}
	return fast;
}

/* False: pt_walk_traced() has to be asked. */
static SIO_ALWAYS_INLINE bool pt_walk_try(const struct pt_format *fmt, const struct phys *phys,
					  const struct pt_caps *caps, struct pt_start start,
					  iova_t iova, unsigned need, struct pt_walk_result *res)
{
	const struct pt_walk walk = pt_walk_init(phys, caps, iova, need, NULL, NULL);
	struct pt_walk_at at = {.table = start.table, .level = start.level, .perm = start.perm};

	if (need & ~(unsigned)start.perm)
		return false;
	if (start.level >= fmt->root_level_min && !pt_in_width(iova, start.level))
		return false;
	if (pt_walk_fast(fmt, &walk, &at) != PT_FAST_DONE)
		return false;
	*res = (struct pt_walk_result){
		.level = (uint8_t)at.level,
		.size_lg2 = at.entry.size_lg2,
		.perm = (uint8_t)((at.perm | PT_SNP) & at.entry.perm),
		.oa = at.entry.oa | (iova & (SIO_BIT(at.entry.size_lg2) - 1)),
		.leaf_table = at.level == 0 ? at.table : PA_NONE,
		.table_perm = (uint8_t)(at.level == 0 ? at.perm : 0),
	};
	return true;
}

#endif
