/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk: how a unit reads a page table. Included only by the formats' .c files.
 *
 * Source: Intel VT-d, "Second-Stage Translation", "First-Stage Translation"; AMD I/O
 * Virtualization, "I/O Page Tables for Host Translations" and "... for Guest Translations". The
 * order of checks at each entry is that of the manuals and of QEMU: is the table readable, is the
 * access permitted by this entry, are its reserved bits clear.
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

/* Address bits that a tree with its root at `level` does not translate are all clear, or copies of
 * the highest that it does. */
static SIO_ALWAYS_INLINE bool pt_in_width(const struct pt_format *fmt, iova_t iova, unsigned level)
{
	const unsigned width = pt_width(level);

	if (fmt->sign_extend)
		return (uint64_t)((int64_t)iova >> (width - 1)) + 1 <= 1;
	return width >= 64 || iova >> width == 0;
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
	unsigned need; /* judged: not 0 */
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

static SIO_ALWAYS_INLINE bool pt_from_root(const struct pt_format *fmt, struct pt_start start)
{
	return start.level >= fmt->root_level_min && !start.cached;
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

/* The entry that was decoded at at->level. True: the walk goes on below. */
static SIO_ALWAYS_INLINE bool pt_walk_judge(iova_t iova, unsigned need, struct pt_walk_at *at)
{
	/* An entry that is not present permits nothing, and `need` asks for something. */
	at->fault = PT_FAULT_READ;
	if (__builtin_expect(need & ~(at->perm & at->entry.perm), 0))
		return false;
	at->fault = PT_FAULT_RESERVED;
	if (__builtin_expect(at->entry.kind == PT_RESERVED, 0))
		return false;
	at->fault = PT_OK;
	if (at->entry.kind == PT_LEAF)
		return false;
	at->fault = PT_FAULT_READ;
	if (!pt_skip_clear(iova, at->level, at->entry.next_level)) {
		at->entry.kind = PT_EMPTY;
		at->entry.perm = 0;
		return false;
	}
	at->perm &= at->entry.perm;
	at->table = at->entry.oa;
	at->level = at->entry.next_level;
	return true;
}

/* Which fault it is that `missing` permissions were not granted. */
static inline enum pt_fault pt_denial(bool present, unsigned request, unsigned missing)
{
	if (!present)
		return request & PT_W ? PT_FAULT_WRITE : PT_FAULT_READ;
	if (missing & PT_U)
		return PT_FAULT_USER;
	if (missing & PT_W)
		return PT_FAULT_WRITE;
	return missing & PT_R ? PT_FAULT_READ : PT_FAULT_EXECUTE;
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
	return pt_walk_judge(walk->iova, walk->need, at);
}

static SIO_ALWAYS_INLINE struct pt_walk_result
pt_walk_once(const struct pt_format *fmt, const struct phys *phys, const struct pt_caps *caps,
	     struct pt_start start, iova_t iova, unsigned request, struct pt_step *steps,
	     struct pt_trail *trail)
{
	const unsigned need = fmt->judged(request, caps);
	const struct pt_walk walk = pt_walk_init(phys, caps, iova, need, steps, trail);
	struct pt_walk_at at = {.table = start.table, .level = start.level, .perm = start.perm};
	const bool from_root = pt_from_root(fmt, start);
	struct pt_walk_result res = {.level = start.level, .oa = PA_NONE, .leaf_table = PA_NONE};

	if (from_root && !pt_in_width(fmt, iova, start.level)) {
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
	res.present = at.entry.kind != PT_EMPTY;
	if (at.fault == PT_OK) {
		res.perm |= at.entry.perm & PT_ATTRS;
		res.size_lg2 = at.entry.size_lg2;
		res.oa = at.entry.oa | (iova & (SIO_BIT(at.entry.size_lg2) - 1));
	} else if (at.fault == PT_FAULT_READ) {
		res.fault = pt_denial(res.present, request, need & ~(unsigned)res.perm);
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

/* The bits that a walk sets, 0 for none. */
static SIO_ALWAYS_INLINE uint64_t pt_accessed_bits(const struct pt_format *fmt,
						   const struct pt_caps *caps)
{
	return fmt->accessed | (caps->extended_accessed ? fmt->extended_accessed : 0);
}

static SIO_ALWAYS_INLINE uint64_t pt_dirty_bits(const struct pt_format *fmt,
						const struct pt_caps *caps)
{
	return caps->access_only ? 0 : fmt->dirty;
}

/* The walk that leaves traces, in memory (A and D) or in a report, and takes unfinished caps. */
static SIO_ALWAYS_INLINE struct pt_walk_result
pt_walk_traced(const struct pt_format *fmt, const struct phys *phys, const struct pt_caps *caps,
	       struct pt_start start, iova_t iova, unsigned need, struct pt_step *steps,
	       unsigned *nsteps)
{
	const uint64_t accessed = pt_accessed_bits(fmt, caps), dirty = pt_dirty_bits(fmt, caps);
	const bool write = need & PT_W;
	struct pt_caps finished = *caps;
	struct pt_walk_result res;
	struct pt_trail trail;

	if (!caps->has_masks)
		pt_caps_fill(&finished, fmt);
	do {
		trail.count = 0;
		res = pt_walk_once(fmt, phys, &finished, start, iova, need, steps, &trail);
		if (res.fault != PT_OK || !caps->access_dirty || !accessed)
			break;
		if (dirty && (write || (trail.raw[trail.count - 1] & dirty)))
			res.perm |= PT_D;
		res.perm |= PT_A;
	} while (!pt_mark(&trail, accessed, write ? dirty : 0));
	if (nsteps)
		*nsteps = trail.count;
	return res;
}

enum pt_fast { PT_FAST_ON, PT_FAST_DONE, PT_FAST_GIVE_UP };

/*
 * One entry of the fast walk; `level` is a constant. `marks`, a constant too: the unit keeps A and
 * D, and only entries that have them already are unremarkable.
 */
static SIO_ALWAYS_INLINE enum pt_fast pt_walk_fast_level(const struct pt_format *fmt,
							 const struct pt_walk *walk, unsigned level,
							 bool marks, struct pt_walk_at *at)
{
	uint64_t raw;

	at->level = level;
	/* Most tables lie below the hole, where one comparison does. */
	if (__builtin_expect(at->table >= walk->low_end, 0) && !pt_table_readable(walk, at->table))
		return PT_FAST_GIVE_UP;
	raw = __atomic_load_n((const uint64_t *)(const void *)(walk->base + at->table) +
				      pt_index(walk->iova, level),
			      PT_WALK_ORDER);
	if (marks && (raw & fmt->accessed) != fmt->accessed)
		return PT_FAST_GIVE_UP;
	if (level && __builtin_expect(fmt->is_table(raw, level, walk->need, walk->caps), 1)) {
		at->perm &= fmt->perm(raw, walk->caps);
		at->table = raw & fmt->oa_mask;
		return PT_FAST_ON;
	}
	if (__builtin_expect(!fmt->is_leaf(raw, level, walk->need, walk->caps), 0))
		return PT_FAST_GIVE_UP;
	at->entry = fmt->decode(raw, level, walk->caps);
	if (marks)
		at->entry.perm |= PT_A | (raw & fmt->dirty ? PT_D : 0);
	return PT_FAST_DONE;
}

/*
 * The walk that finds nothing remarkable: regular tables, then a leaf that permits. One test an
 * entry, and levels that are constants. PT_FAST_GIVE_UP: the other walk has the answer.
 */
static SIO_ALWAYS_INLINE enum pt_fast pt_walk_fast(const struct pt_format *fmt,
						   const struct pt_walk *walk, bool marks,
						   struct pt_walk_at *at)
{
	enum pt_fast fast = PT_FAST_ON;

	_Static_assert(PT_LEVELS_MAX == 6, "one case per level");
	switch (at->level) {
	case 5:
		fast = fmt->top_level_max < 5 ? PT_FAST_GIVE_UP
					      : pt_walk_fast_level(fmt, walk, 5, marks, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 4:
		fast = fmt->top_level_max < 4 ? PT_FAST_GIVE_UP
					      : pt_walk_fast_level(fmt, walk, 4, marks, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 3:
		fast = pt_walk_fast_level(fmt, walk, 3, marks, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 2:
		fast = pt_walk_fast_level(fmt, walk, 2, marks, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 1:
		fast = pt_walk_fast_level(fmt, walk, 1, marks, at);
		if (fast != PT_FAST_ON)
			break;
		/* fall through */
	case 0:
		return pt_walk_fast_level(fmt, walk, 0, marks, at);
	default:
		return PT_FAST_GIVE_UP;
	}
	return fast;
}

/* False: pt_walk_traced() has to be asked. need is what the format judges. */
static SIO_ALWAYS_INLINE bool pt_walk_try(const struct pt_format *fmt, const struct phys *phys,
					  const struct pt_caps *caps, struct pt_start start,
					  iova_t iova, unsigned need, bool marks,
					  struct pt_walk_result *res)
{
	const struct pt_walk walk = pt_walk_init(phys, caps, iova, need, NULL, NULL);
	struct pt_walk_at at = {.table = start.table, .level = start.level, .perm = start.perm};

	if (need & ~(unsigned)start.perm)
		return false;
	if (pt_from_root(fmt, start) && !pt_in_width(fmt, iova, start.level))
		return false;
	if (pt_walk_fast(fmt, &walk, marks, &at) != PT_FAST_DONE)
		return false;
	*res = (struct pt_walk_result){
		.level = (uint8_t)at.level,
		.size_lg2 = at.entry.size_lg2,
		.perm = (uint8_t)((at.perm | PT_ATTRS | PT_A | PT_D) & at.entry.perm),
		.oa = at.entry.oa | (iova & (SIO_BIT(at.entry.size_lg2) - 1)),
		.leaf_table = at.level == 0 ? at.table : PA_NONE,
		.table_perm = (uint8_t)(at.level == 0 ? at.perm : 0),
		.present = true,
	};
	return true;
}

/* Any walk: for those that pt_walk_try() without marks is not for, or has no answer to. */
static SIO_ALWAYS_INLINE struct pt_walk_result
pt_walk_any(const struct pt_format *fmt, const struct phys *phys, const struct pt_caps *caps,
	    struct pt_start start, iova_t iova, unsigned need, struct pt_step *steps,
	    unsigned *nsteps)
{
	const bool marked = caps->has_masks && caps->access_dirty && !caps->access_only &&
			    !caps->extended_accessed && !caps->execute && fmt->accessed;
	struct pt_walk_result res;

	sio_assert(start.level <= fmt->top_level_max);
	sio_assert(need & (PT_R | PT_W));
	/* A write marks; it is unremarkable if the leaf is dirty already. */
	if (marked && !steps && !nsteps &&
	    pt_walk_try(fmt, phys, caps, start, iova, fmt->judged(need, caps), true, &res) &&
	    (!(need & PT_W) || (res.perm & PT_D)))
		return res;
	return pt_walk_traced(fmt, phys, caps, start, iova, need, steps, nsteps);
}

#endif
