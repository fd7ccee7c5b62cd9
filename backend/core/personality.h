/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which kernel we answer as: behaviours that differ between versions, as data.
 *
 * A personality is looked up by name ("6.12") and never changes while a machine lives. Code asks
 * for the behaviour, not for the version.
 */
#ifndef BACKEND_CORE_PERSONALITY_H
#define BACKEND_CORE_PERSONALITY_H

#include "base.h"

struct personality {
	const char *name;     /* "6.12" */
	uint32_t type1_types; /* bit n: SET_IOMMU n is offered (1 TYPE1, 3 TYPE1v2, 6 NESTING) */
	bool write_only_readable; /* VT-d: a write-only mapping also gets R (5.10 to 6.17) */
	bool last_page_works;     /* ranges ending at 2^64 are found and removed (6.18) */
	bool range_eoverflow; /* a range whose end wraps answers EOVERFLOW (6.18), else EINVAL */
};

/* NULL: no personality of that name. NULL as name: the default, 6.12. */
const struct personality *personality_find(const char *name);
/* The personality for a recorded kernel ("6.12.117"): its own series, else the newest not above. */
const struct personality *personality_for_kernel(const char *version);
/* The n-th, NULL past the end. */
const struct personality *personality_at(unsigned n);

#endif
