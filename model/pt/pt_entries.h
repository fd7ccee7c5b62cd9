/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs of entries inside one table, many at a time.
 *
 * A run is filled, cleared and compared with vector loads and stores where the processor has wide
 * ones, else entry by entry; pt_entries_plain holds the loops that say what the others must do.
 *
 * The stores are plain, not atomic: the writer owns the run, and walkers only ever load single
 * aligned 64-bit words, which no vector store of the processors we run on tears. ThreadSanitizer
 * cannot know that, so it does not look into these functions.
 */
#ifndef MODEL_PT_PT_ENTRIES_H
#define MODEL_PT_PT_ENTRIES_H

#include "base.h"

struct pt_entries_ops {
	/* entry[i] = raw + i * step */
	void (*fill)(uint64_t *entry, unsigned n, uint64_t raw, uint64_t step);
	/* fill() of a whole table past the processor's caches, for so many tables that the first
	 * would have left them before the last is written. */
	void (*stream)(uint64_t *table, uint64_t raw, uint64_t step);
	void (*clear)(uint64_t *entry, unsigned n);
	/* How many at the start of the run are empty. */
	unsigned (*empty)(const uint64_t *entry, unsigned n);
	/* How many of the run are not empty. */
	unsigned (*live)(const uint64_t *entry, unsigned n);
	/* How many at the start of the run equal raw + i * step in the bits of mask. */
	unsigned (*match)(const uint64_t *entry, unsigned n, uint64_t raw, uint64_t step,
			  uint64_t mask);
};

extern const struct pt_entries_ops pt_entries_plain;
extern const struct pt_entries_ops pt_entries_wide; /* AVX2; only for processors that have it */

static inline const struct pt_entries_ops *pt_entries(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		return &pt_entries_wide;
#endif
	return &pt_entries_plain;
}

#endif
