// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nested walk, over any two formats: the same judgement of an entry as in pt_walk.h, with the
 * place of each entry found through the second stage.
 *
 * Work is bounded: levels only go down, each takes one walk of the second stage, and a walk that
 * has to start over because an entry changed under it does so a fixed number of times.
 */
#include "pt/pt_nested.h"

#include "pt/pt_walk.h"

/* Somebody rewrites an entry each time the walker wants to mark it: give up after so many. */
#define RESTARTS_MAX 64u

struct nested_walk {
	const struct phys *phys;
	const struct pt_nested *nested;
	struct pt_caps first_caps; /* finished */
	iova_t iova;
	unsigned request;
	struct pt_nested_step *steps;
	unsigned nsteps;
	struct pt_nested_result res;

	/* Entries of the first stage that were used. */
	struct pt_trail trail;
	uint64_t entry_gpa[PT_LEVELS_MAX];
	uint8_t entry_level[PT_LEVELS_MAX];
};

/* Through the second stage. False: it faults, and the result says so. */
static bool second_stage(struct nested_walk *walk, uint64_t gpa, unsigned need,
			 enum pt_nested_where where, bool record, struct pt_walk_result *second)
{
	const struct pt_stage *stage = &walk->nested->second;
	struct pt_step steps[PT_LEVELS_MAX];
	unsigned n = 0;

	if (record && walk->steps)
		*second = stage->ops->walk(walk->phys, stage->caps, stage->start, gpa, need, steps,
					   &n);
	else
		*second = stage->ops->walk(walk->phys, stage->caps, stage->start, gpa, need, NULL,
					   NULL);
	for (unsigned i = 0; i < n; i++)
		walk->steps[walk->nsteps++] = (struct pt_nested_step){steps[i], where};
	walk->res.second_level = second->level;
	if (second->fault == PT_OK)
		return true;
	walk->res.fault = second->fault;
	walk->res.where = where;
	walk->res.second_perm = second->perm;
	walk->res.present = second->present;
	walk->res.need_write = need & PT_W;
	walk->res.gpa = gpa;
	return false;
}

/* The entry of the first stage that `at` is to look at. False: it cannot be read. */
static bool fetch(struct nested_walk *walk, struct pt_walk_at *at, uint64_t *raw)
{
	const struct pt_stage *first = &walk->nested->first;
	const uint64_t gpa = at->table + 8 * (uint64_t)pt_index(walk->iova, at->level);
	const unsigned count = walk->trail.count;
	struct pt_walk_result second;
	uint64_t *slot;

	walk->res.first_level = (uint8_t)at->level;
	if (!second_stage(walk, gpa, PT_R, PT_IN_SECOND_TABLE, true, &second))
		return false;
	if (!phys_is_ram(walk->phys, second.oa, sizeof(*raw))) {
		const bool top = count == 0 && !first->start.cached;

		walk->res.fault = top ? PT_FAULT_TABLE_TOP : PT_FAULT_TABLE;
		walk->res.gpa = gpa;
		return false;
	}
	slot = phys_ptr(walk->phys, second.oa);
	*raw = __atomic_load_n(slot, PT_WALK_ORDER);
	walk->trail.slot[count] = slot;
	walk->trail.raw[count] = *raw;
	walk->entry_gpa[count] = gpa;
	walk->entry_level[count] = (uint8_t)at->level;
	walk->trail.count++;
	return true;
}

/* The first stage to its end. False: a fault. */
static bool first_stage(struct nested_walk *walk, struct pt_walk_at *at)
{
	const struct pt_format *fmt = walk->nested->first.ops->format;
	const unsigned need = fmt->judged(walk->request, &walk->first_caps);
	struct pt_nested_result *res = &walk->res;
	uint64_t raw;
	bool below;

	do {
		if (!fetch(walk, at, &raw))
			return false;
		at->entry = fmt->decode(raw, at->level, &walk->first_caps);
		if (walk->steps)
			walk->steps[walk->nsteps++] = (struct pt_nested_step){
				.where = PT_IN_FIRST,
				.step = {.level = (uint8_t)at->level,
					 .entry_pa = (pa_t)((const uint8_t *)walk->trail
								    .slot[walk->trail.count - 1] -
							    walk->phys->base),
					 .raw = raw,
					 .entry = at->entry},
			};
		below = pt_walk_judge(walk->iova, need, at);
	} while (below);
	res->first_perm = (uint8_t)(at->perm & at->entry.perm);
	res->present = at->entry.kind != PT_EMPTY;
	res->fault = at->fault;
	if (at->fault == PT_FAULT_READ)
		res->fault =
			pt_denial(res->present, walk->request, need & ~(unsigned)res->first_perm);
	return at->fault == PT_OK;
}

/* Everything in the two results becomes one answer. */
static void combine(struct nested_walk *walk, const struct pt_walk_result *second,
		    struct pt_entry leaf)
{
	const struct pt_stage *stage = &walk->nested->second;
	struct pt_nested_result *res = &walk->res;
	unsigned judged = stage->ops->format->judged(PT_ALL, stage->caps);
	unsigned keep = (res->first_perm & PT_ALL) & (second->perm | ~judged);

	res->first_perm |= leaf.perm & PT_ATTRS;
	res->second_perm = second->perm;
	keep |= (leaf.perm & PT_G) | (second->perm & PT_SNP);
	res->perm = (uint8_t)keep;
	res->size_lg2 = leaf.size_lg2 < second->size_lg2 ? leaf.size_lg2 : second->size_lg2;
	res->oa = second->oa;
}

enum nested_mark { MARKED, CHANGED, REFUSED };

/* What entry i has to become. */
static uint64_t marked_entry(const struct nested_walk *walk, unsigned i)
{
	const struct pt_format *fmt = walk->nested->first.ops->format;
	const bool leaf = i + 1 == walk->trail.count;
	uint64_t marks = pt_accessed_bits(fmt, &walk->first_caps);

	if (leaf && (walk->request & PT_W))
		marks |= pt_dirty_bits(fmt, &walk->first_caps);
	return walk->trail.raw[i] | marks;
}

/* The second stage lets the walker write entry i, where it was read. */
static enum nested_mark may_mark(struct nested_walk *walk, unsigned i)
{
	const uint8_t *slot = (const uint8_t *)walk->trail.slot[i];
	struct pt_walk_result second;

	if (!second_stage(walk, walk->entry_gpa[i], PT_R | PT_W, PT_IN_SECOND_TABLE, false,
			  &second)) {
		walk->res.first_level = walk->entry_level[i];
		return REFUSED;
	}
	return second.oa == (pa_t)(slot - walk->phys->base) ? MARKED : CHANGED;
}

/* Set A in all entries that the first stage used, and D in the leaf for a write: all or none. */
static enum nested_mark mark(struct nested_walk *walk)
{
	const struct pt_trail *trail = &walk->trail;
	enum nested_mark may = MARKED;

	for (unsigned i = 0; i < trail->count && may == MARKED; i++)
		if (marked_entry(walk, i) != trail->raw[i])
			may = may_mark(walk, i);
	if (may != MARKED)
		return may;
	for (unsigned i = 0; i < trail->count; i++) {
		uint64_t old = trail->raw[i], marked = marked_entry(walk, i);

		if (marked != old &&
		    !__atomic_compare_exchange_n(trail->slot[i], &old, marked, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return CHANGED;
	}
	return MARKED;
}

/* A and D of the answer: of the stages that keep them. */
static void marks_of(struct nested_walk *walk)
{
	const struct pt_format *fmt = walk->nested->first.ops->format;
	const struct pt_caps *second = walk->nested->second.caps;
	const uint64_t dirty = pt_dirty_bits(fmt, &walk->first_caps);
	const bool first_keeps = walk->first_caps.access_dirty && fmt->accessed;
	struct pt_nested_result *res = &walk->res;
	unsigned marks = PT_A | PT_D;

	if (first_keeps) {
		bool is_dirty = dirty && ((walk->request & PT_W) ||
					  (walk->trail.raw[walk->trail.count - 1] & dirty));

		res->first_perm |= (uint8_t)(PT_A | (is_dirty ? PT_D : 0));
		marks &= res->first_perm;
	}
	if (second->access_dirty)
		marks &= res->second_perm;
	if (first_keeps || second->access_dirty)
		res->perm |= (uint8_t)marks;
}

/* One attempt. CHANGED: it has to be repeated. */
static enum nested_mark attempt(struct nested_walk *walk)
{
	const struct pt_stage *first = &walk->nested->first;
	struct pt_walk_at at = {.table = first->start.table,
				.level = first->start.level,
				.perm = first->start.perm};
	const bool keeps = walk->first_caps.access_dirty && first->ops->format->accessed;
	struct pt_walk_result second;
	enum nested_mark marked = MARKED;
	uint64_t gpa;

	walk->res = (struct pt_nested_result){.oa = PA_NONE, .first_level = first->start.level};
	walk->trail.count = 0;
	walk->nsteps = 0;
	if (!pt_in_width(first->ops->format, walk->iova, first->start.level) &&
	    pt_from_root(first->ops->format, first->start)) {
		walk->res.fault = PT_FAULT_WIDTH;
		return REFUSED;
	}
	if (!first_stage(walk, &at))
		return REFUSED;
	gpa = at.entry.oa | (walk->iova & (SIO_BIT(at.entry.size_lg2) - 1));
	walk->res.gpa = gpa;
	if (!second_stage(walk, gpa, walk->request & ~(unsigned)PT_U, PT_IN_SECOND_PAGE, true,
			  &second))
		return REFUSED;
	combine(walk, &second, at.entry);
	if (keeps)
		marked = mark(walk);
	if (marked == MARKED)
		marks_of(walk);
	else
		walk->res.oa = PA_NONE;
	return marked;
}

struct pt_nested_result pt_nested_walk(const struct phys *phys, const struct pt_nested *nested,
				       iova_t iova, unsigned need, struct pt_nested_step *steps,
				       unsigned *nsteps)
{
	struct nested_walk walk = {
		.phys = phys,
		.nested = nested,
		.first_caps = *nested->first.caps,
		.iova = iova,
		.request = need,
		.steps = steps,
	};
	enum nested_mark marked = CHANGED;

	sio_assert(nested->first.start.level <= nested->first.ops->format->top_level_max);
	sio_assert(need & (PT_R | PT_W));
	if (!walk.first_caps.has_masks)
		pt_caps_finish(&walk.first_caps, nested->first.ops);
	for (unsigned i = 0; i < RESTARTS_MAX && marked == CHANGED; i++)
		marked = attempt(&walk);
	if (marked == CHANGED) {
		walk.res.fault = PT_FAULT_MARK;
		walk.res.where = PT_IN_FIRST;
	}
	if (nsteps)
		*nsteps = walk.nsteps;
	return walk.res;
}
