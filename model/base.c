// SPDX-License-Identifier: GPL-2.0-only
/* The end of the road for broken invariants. */
#include "base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void sio_assert_fail(const char *cond, const char *file, int line)
{
	fprintf(stderr, "softiommu: internal error: %s:%d: %s does not hold\n", file, line, cond);
	abort();
}
