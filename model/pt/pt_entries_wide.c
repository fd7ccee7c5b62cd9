// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of entries with 32-byte vectors, for processors with AVX2.
 *
 * Each loop takes single entries up to a vector boundary, then 64 bytes or more a step, then the
 * plain loop for what is left.
 */
#include "pt/pt_entries.h"

#ifdef __x86_64__

#include <immintrin.h>

#define PT_WIDE __attribute__((no_sanitize("thread"), target("avx2")))
#define PT_VEC  4u /* entries in a vector */

typedef uint64_t pt_vec __attribute__((vector_size(32), may_alias));

/* Entries before the first vector, at most n. */
static inline unsigned wide_head(const uint64_t *entry, unsigned n)
{
	unsigned head = (unsigned)(-((uintptr_t)entry / sizeof(*entry))) % PT_VEC;

	return head < n ? head : n;
}

static PT_WIDE void wide_fill(uint64_t *entry, unsigned n, uint64_t raw, uint64_t step)
{
	unsigned head = wide_head(entry, n);

	pt_entries_plain.fill(entry, head, raw, step);
	entry += head;
	n -= head;
	raw += head * step;

	pt_vec low = {raw, raw + step, raw + 2 * step, raw + 3 * step};
	const pt_vec one = {4 * step, 4 * step, 4 * step, 4 * step};
	const pt_vec two = one + one;
	pt_vec high = low + one;

	for (; n >= 2 * PT_VEC; n -= 2 * PT_VEC, entry += 2 * PT_VEC) {
		pt_vec *to = (pt_vec *)(void *)entry;

		to[0] = low;
		to[1] = high;
		low += two;
		high += two;
	}
	pt_entries_plain.fill(entry, n, low[0], step);
}

static PT_WIDE void wide_stream(uint64_t *table, uint64_t raw, uint64_t step)
{
	pt_vec low = {raw, raw + step, raw + 2 * step, raw + 3 * step};
	const pt_vec one = {4 * step, 4 * step, 4 * step, 4 * step};

	for (unsigned i = 0; i < 512; i += PT_VEC, low += one)
		_mm256_stream_si256((__m256i *)(void *)&table[i], (__m256i)low);
	/* Such stores are ordered with others only by a fence. */
	_mm_sfence();
}

static PT_WIDE void wide_clear(uint64_t *entry, unsigned n)
{
	unsigned head = wide_head(entry, n);
	const pt_vec zero = {0};

	pt_entries_plain.clear(entry, head);
	entry += head;
	n -= head;
	for (; n >= 2 * PT_VEC; n -= 2 * PT_VEC, entry += 2 * PT_VEC) {
		pt_vec *to = (pt_vec *)(void *)entry;

		to[0] = zero;
		to[1] = zero;
		/* Keep the loop a loop: ThreadSanitizer would look into a call of memset. */
		__asm__ volatile("" : : : "memory");
	}
	pt_entries_plain.clear(entry, n);
}

static PT_WIDE unsigned wide_empty(const uint64_t *entry, unsigned n)
{
	unsigned i = wide_head(entry, n);

	if (pt_entries_plain.empty(entry, i) < i)
		return pt_entries_plain.empty(entry, i);
	/* Four lines a step: one test for as many loads as the processor takes in its stride. */
	for (; n - i >= 8 * PT_VEC; i += 8 * PT_VEC) {
		const pt_vec *from = (const pt_vec *)(const void *)&entry[i];
		pt_vec any = ((from[0] | from[1]) | (from[2] | from[3])) |
			     ((from[4] | from[5]) | (from[6] | from[7]));

		if (any[0] | any[1] | any[2] | any[3])
			break;
	}
	return i + pt_entries_plain.empty(entry + i, n - i);
}

static PT_WIDE unsigned wide_live(const uint64_t *entry, unsigned n)
{
	unsigned head = wide_head(entry, n);
	unsigned live = pt_entries_plain.live(entry, head);
	pt_vec empty = {0};
	unsigned vectors = 0;

	/* A comparison that holds is -1. */
	for (entry += head, n -= head; n >= PT_VEC; n -= PT_VEC, entry += PT_VEC, vectors++)
		empty -= (pt_vec)(*(const pt_vec *)(const void *)entry == 0);
	live += PT_VEC * vectors - (unsigned)(empty[0] + empty[1] + empty[2] + empty[3]);
	return live + pt_entries_plain.live(entry, n);
}

static PT_WIDE unsigned wide_match(const uint64_t *entry, unsigned n, uint64_t raw, uint64_t step,
				   uint64_t mask)
{
	unsigned i = wide_head(entry, n);
	unsigned same = pt_entries_plain.match(entry, i, raw, step, mask);

	if (same < i)
		return same;
	raw += i * step;

	pt_vec low = {raw, raw + step, raw + 2 * step, raw + 3 * step};
	const pt_vec one = {4 * step, 4 * step, 4 * step, 4 * step};
	const pt_vec two = one + one;
	pt_vec high = low + one;

	for (; n - i >= 2 * PT_VEC; i += 2 * PT_VEC) {
		const pt_vec *from = (const pt_vec *)(const void *)&entry[i];
		pt_vec differ = ((from[0] & mask) ^ low) | ((from[1] & mask) ^ high);

		if (differ[0] | differ[1] | differ[2] | differ[3])
			break;
		low += two;
		high += two;
	}
	return i + pt_entries_plain.match(entry + i, n - i, low[0], step, mask);
}

const struct pt_entries_ops pt_entries_wide = {
	.fill = wide_fill,
	.stream = wide_stream,
	.clear = wide_clear,
	.empty = wide_empty,
	.live = wide_live,
	.match = wide_match,
};

#endif
