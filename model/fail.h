/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failure on demand: every call site that can fail is a named point, and a plan says which passage
 * through which point does.
 *
 * A point is a constant that its call site declares (FAIL_POINT) and that the linker gathers in one
 * section, so that all points can be listed without a table to keep. Names are
 * "part.operation.what" with at least one dot, and differ.
 *
 * A plan belongs to a machine. It is in force on the thread that runs an operation of that machine
 * (fail_enter, fail_leave), so that several machines in one process know nothing of each other.
 * Without a plan a point costs one thread-local load and a branch. Points stand on the control
 * plane only; a translation passes none unless it allocates.
 *
 * Here a point fails or does not. What the failure is called is the business of the layer above:
 * `answers` holds its numbers, and nothing here looks at them.
 */
#ifndef MODEL_FAIL_H
#define MODEL_FAIL_H

#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "prng.h"

enum fail_kind {
	FAIL_ALLOC,      /* memory of the kernel's own */
	FAIL_PIN,        /* pages of a process, pinned for DMA */
	FAIL_TABLE,      /* a frame for a table that a unit reads */
	FAIL_MAP,        /* a run mapped in a domain */
	FAIL_SYNC,       /* an invalidation awaited */
	FAIL_COPY_IN,    /* from the caller's memory */
	FAIL_COPY_OUT,   /* to the caller's memory */
	FAIL_CAPABILITY, /* something checked that may be absent: a right, a feature of a unit */
	FAIL_ATTACH,     /* a device attached to a domain */
	FAIL_BUG,        /* no failure but a driver's mistake: not part of "*" */
	FAIL_KINDS,
};

#define FAIL_ANSWERS 6u

/* One call site. The alignment makes the section an array: compilers add no gap beyond it. */
struct fail_point {
	const char *name;
	const char *file;
	int line;
	enum fail_kind kind;
	int answers[FAIL_ANSWERS]; /* the usual one first, 0 ends; none: those of the kind */
} __attribute__((aligned(64)));

struct fail_count {
	uint64_t seen, injected; /* since the plan was set */
	bool selected;
};

/* All zero: no plan. */
struct fail_plan {
	struct fail_count
		*count;  /* of each point; NULL: no plan, nothing counts and nothing fails */
	uint64_t nth;    /* this passage through selected points fails, 1 the next; 0: none */
	uint64_t chance; /* with nth 0: each fails with this probability, in 2^-32 */
	struct prng rng;
	int answer;        /* what the failure is to be called; 0: the point's usual answer */
	uint64_t passages; /* through selected points */
	uint64_t injected;
	const struct fail_point *last; /* that failed */
};

extern _Thread_local struct fail_plan *fail_current __attribute__((visibility("hidden")));

/* All points, in the linker's order, and how many they are. */
const struct fail_point *fail_points(size_t *count);
/* The n-th in order of their names, which is the same in every build; NULL: there are no more. */
const struct fail_point *fail_point_at(size_t n);
const char *fail_kind_name(enum fail_kind kind);

/*
 * Select the points that `match` holds for, forget what was counted. nth, chance, rng and answer
 * are the caller's to fill in before. False: no memory, and nothing changed.
 */
bool fail_plan_set(struct fail_plan *plan,
		   bool (*match)(const void *ctx, const struct fail_point *), const void *ctx);
/* No plan any more; frees the counters. */
void fail_plan_clear(struct fail_plan *plan);
/* What was counted for a point; zeros without a plan. */
struct fail_count fail_plan_count(const struct fail_plan *plan, const struct fail_point *point);

/* The plan is in force on this thread until fail_leave() of what this returned. NULL suspends. */
static inline struct fail_plan *fail_enter(struct fail_plan *plan)
{
	struct fail_plan *outer = fail_current;

	fail_current = plan;
	return outer;
}

static inline void fail_leave(struct fail_plan *outer)
{
	fail_current = outer;
}

/* Count a passage under the plan in force; true: it is to fail. */
bool fail_pass(const struct fail_point *point);

static inline bool fail_at(const struct fail_point *point)
{
	return __builtin_expect(fail_current != NULL, 0) && fail_pass(point);
}

/* The point of this place in the source. */
#define FAIL_POINT(point_name, point_kind, ...)                                            \
	({                                                                                 \
		static const struct fail_point fail_this                                   \
			__attribute__((section("sio_fail_points"), used, aligned(64))) = { \
				.name = (point_name),                                      \
				.file = __FILE__,                                          \
				.line = __LINE__,                                          \
				.kind = (point_kind),                                      \
				.answers = {__VA_ARGS__},                                  \
			};                                                                 \
		&fail_this;                                                                \
	})

/* The C library's, each a point of its own. */
#define fail_malloc(name, size) (fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? NULL : malloc(size))
#define fail_calloc(name, count, size) \
	(fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? NULL : calloc(count, size))
#define fail_realloc(name, old, size) \
	(fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? NULL : realloc(old, size))
#define fail_aligned_alloc(name, align, size) \
	(fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? NULL : aligned_alloc(align, size))
#define fail_mmap(name, bytes)  (fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? NULL : fail_reserve(bytes))
#define fail_strdup(name, text) (fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? NULL : strdup(text))

/* Zeroed memory of `bytes` that costs nothing until it is touched; munmap() ends it. NULL: none. */
void *fail_reserve(size_t bytes);

/* What no plan may fail, and why not. NULL when the host has no memory, all the same. */
#define nofail_calloc(why, count, size) ((void)(why), calloc(count, size))
#define nofail_realloc(why, old, size)  ((void)(why), realloc(old, size))

#endif
