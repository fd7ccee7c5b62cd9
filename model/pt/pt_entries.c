// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of entries: the plain loops. What is not vectorised here is in pt_entries_wide.c.
 */
#include "pt/pt_entries.h"

#define PT_NO_TSAN __attribute__((no_sanitize("thread")))

static PT_NO_TSAN void plain_fill(uint64_t *entry, unsigned n, uint64_t raw, uint64_t step)
{
	for (unsigned i = 0; i < n; i++, raw += step)
		__atomic_store_n(&entry[i], raw, __ATOMIC_RELEASE);
}

static void plain_stream(uint64_t *table, uint64_t raw, uint64_t step)
{
	plain_fill(table, 512, raw, step);
}

static PT_NO_TSAN void plain_clear(uint64_t *entry, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__atomic_store_n(&entry[i], 0, __ATOMIC_RELAXED);
}

static PT_NO_TSAN unsigned plain_empty(const uint64_t *entry, unsigned n)
{
	unsigned i = 0;

	while (i < n && !entry[i])
		i++;
	return i;
}

static PT_NO_TSAN unsigned plain_live(const uint64_t *entry, unsigned n)
{
	unsigned live = 0;

	for (unsigned i = 0; i < n; i++)
		live += entry[i] != 0;
	return live;
}

static PT_NO_TSAN unsigned plain_match(const uint64_t *entry, unsigned n, uint64_t raw,
				       uint64_t step, uint64_t mask)
{
	unsigned i = 0;

	for (; i < n && (entry[i] & mask) == raw; i++)
		raw += step;
	return i;
}

const struct pt_entries_ops pt_entries_plain = {
	.fill = plain_fill,
	.stream = plain_stream,
	.clear = plain_clear,
	.empty = plain_empty,
	.live = plain_live,
	.match = plain_match,
};
