/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of objects that come and go with every session, kept for the next one.
 *
 * A machine has a recycler, which is in force on the thread that runs an operation of that machine,
 * as its failure plan is (fail.h). Blocks that are freed meanwhile stay with it, by their size, up
 * to a fixed number of each; those that are taken come from there, the longest unused first.
 * Without a recycler blocks come from the C library and go back there at once. Where a block came
 * from does not matter to where it goes.
 *
 * Under the address sanitizer a block that is kept is poisoned, and so is what lies between the
 * bytes that were asked for and the block's end; and the last few that were freed are not given out
 * again. Blocks that nobody frees are the C library's: its leak checks find them.
 *
 * Not thread safe: a recycler is in force on one thread at a time. What recycle_*() returned ends
 * with recycle_free(), never with free().
 */
#ifndef MODEL_RECYCLE_H
#define MODEL_RECYCLE_H

#include "fail.h"

/* Blocks of each size that are kept at most. */
#define RECYCLE_KEPT 64u
/* By 64 bytes up to 2 KiB, then twice as large each, up to 32 KiB; both alignments. */
#define RECYCLE_SIZES 36u

struct recycle_ring {
	void *block[RECYCLE_KEPT];
	unsigned first, count; /* oldest first */
};

struct recycler {
	struct recycle_ring ring[2][RECYCLE_SIZES]; /* [aligned] */
	int64_t live; /* blocks taken while it was in force, less those freed */
};

/* NULL: no memory, and then there is none in force: it only takes longer. */
struct recycler *recycler_create(void);
/* Not in force any more on any thread. NULL is nothing to do. */
void recycler_destroy(struct recycler *recycler);

extern _Thread_local struct recycler *recycle_current __attribute__((visibility("hidden")));

/* In force on this thread until recycle_leave() of what this returned. NULL suspends. */
static inline struct recycler *recycle_enter(struct recycler *recycler)
{
	struct recycler *outer = recycle_current;

	recycle_current = recycler;
	return outer;
}

static inline void recycle_leave(struct recycler *outer)
{
	recycle_current = outer;
}

/* `size` bytes, zeroed; `aligned`: at 64 bytes and not zeroed. NULL: no memory. */
void *recycle_take(size_t size, bool aligned);
/* As realloc(), of a block that is not `aligned`. */
void *recycle_resize(void *block, size_t size);
/* NULL is nothing to do. */
void recycle_free(void *block);

/* Points that fail (see fail.h) before they take a block. */
#define recycle_calloc(name, size) \
	(fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? NULL : recycle_take(size, false))
#define recycle_realloc(name, old, size) \
	(fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? NULL : recycle_resize(old, size))
#define recycle_aligned_alloc(name, size) \
	(fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? NULL : recycle_take(size, true))

/* What no plan may fail, and why not. */
#define nofail_recycle(why, size) ((void)(why), recycle_take(size, false))

#endif
