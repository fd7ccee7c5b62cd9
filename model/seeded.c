// SPDX-License-Identifier: GPL-2.0-only
/* The names of the seeded bugs and which of them is in force: in builds that have any. */
#include "seeded.h"

#ifdef SIO_SEEDED_BUGS

#include <string.h>

#define SEEDED_NAME(id) #id,

static const char *const names[] = {"none", SEEDED_BUGS(SEEDED_NAME)};

enum seeded_bug seeded_bug;

const char *seeded_name(enum seeded_bug which)
{
	return names[which];
}

bool seeded_choose(const char *name)
{
	for (int i = 0; i < SEEDED_COUNT; i++)
		if (!strcmp(names[i], name)) {
			seeded_bug = (enum seeded_bug)i;
			return true;
		}
	return false;
}

#else

/* An empty file is not C. */
_Static_assert(SEEDED_NONE == 0, "no bug is the default");

#endif
