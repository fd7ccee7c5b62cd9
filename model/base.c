// SPDX-License-Identifier: GPL-2.0-only
/* The end of the road for broken invariants; words that are mostly zero. */
#include "base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void sio_assert_fail(const char *cond, const char *file, int line)
{
	fprintf(stderr, "softiommu: internal error: %s:%d: %s does not hold\n", file, line, cond);
	abort();
}

__attribute__((no_sanitize("address", "undefined"))) bool sio_words_zero(const uint64_t *words,
									 unsigned n)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < n; i++)
		any |= __atomic_load_n(&words[i], __ATOMIC_RELAXED);
	return !any;
}
