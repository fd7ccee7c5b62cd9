// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failure on demand: the section of points, and what a plan counts and decides.
 *
 * Invariant: a plan is in force only on threads that hold its machine, so its counters need no
 * lock.
 */
#include "fail.h"

#include "recycle.h"

#include <sys/mman.h>

_Thread_local struct fail_plan *fail_current;

/* The linker's bounds of the section; weak, for a program that has linked no point. */
extern const struct fail_point __start_sio_fail_points[]
	__attribute__((weak, visibility("hidden")));
extern const struct fail_point __stop_sio_fail_points[] __attribute__((weak, visibility("hidden")));

static const char *const kinds[FAIL_KINDS] = {
	[FAIL_ALLOC] = "alloc",       [FAIL_PIN] = "pin",
	[FAIL_TABLE] = "table",       [FAIL_MAP] = "map",
	[FAIL_SYNC] = "sync",         [FAIL_COPY_IN] = "copy-in",
	[FAIL_COPY_OUT] = "copy-out", [FAIL_CAPABILITY] = "capability",
	[FAIL_ATTACH] = "attach",     [FAIL_BUG] = "bug",
};

const char *fail_kind_name(enum fail_kind kind)
{
	return kinds[kind];
}

const struct fail_point *fail_points(size_t *count)
{
	*count = (size_t)(__stop_sio_fail_points - __start_sio_fail_points);
	return __start_sio_fail_points;
}

static size_t index_of(const struct fail_point *point)
{
	return (size_t)(point - __start_sio_fail_points);
}

const struct fail_point *fail_point_at(size_t n)
{
	size_t count;
	const struct fail_point *points = fail_points(&count);

	for (size_t i = 0; i < count; i++) {
		size_t below = 0;

		for (size_t other = 0; other < count; other++)
			below += strcmp(points[other].name, points[i].name) < 0;
		if (below == n)
			return &points[i];
	}
	return NULL;
}

bool fail_plan_set(struct fail_plan *plan,
		   bool (*match)(const void *ctx, const struct fail_point *), const void *ctx)
{
	size_t count;
	const struct fail_point *points = fail_points(&count);
	struct fail_count *counters =
		nofail_recycle("the counters of a plan", (count + 1) * sizeof(*counters));

	if (!counters)
		return false;
	for (size_t i = 0; i < count; i++)
		counters[i].selected = match(ctx, &points[i]);
	recycle_free(plan->count);
	plan->count = counters;
	plan->passages = plan->injected = 0;
	plan->last = NULL;
	return true;
}

void fail_plan_clear(struct fail_plan *plan)
{
	recycle_free(plan->count);
	*plan = (struct fail_plan){0};
}

struct fail_count fail_plan_count(const struct fail_plan *plan, const struct fail_point *point)
{
	return plan->count ? plan->count[index_of(point)] : (struct fail_count){0};
}

static bool is_due(struct fail_plan *plan)
{
	if (plan->nth)
		return plan->passages == plan->nth;
	return prng_next(&plan->rng) >> 32 < plan->chance;
}

void *fail_reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

bool fail_pass(const struct fail_point *point)
{
	struct fail_plan *plan = fail_current;
	struct fail_count *count;

	if (!plan->count)
		return false;
	count = &plan->count[index_of(point)];
	count->seen++;
	if (!count->selected)
		return false;
	plan->passages++;
	if (!is_due(plan))
		return false;
	count->injected++;
	plan->injected++;
	plan->last = point;
	return true;
}
