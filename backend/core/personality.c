// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which kernels we can answer as.
 *
 * One row per kernel series, oldest first; a row is listed only when every part answers as it says.
 */
#include "core/personality.h"

#include <stdlib.h>
#include <string.h>

static const struct personality personalities[] = {
	{
		.name = "6.12",
		.type1_types = 1u << 1 | 1u << 3 | 1u << 6,
		.write_only_readable = true,
	},
};

#define PERSONALITY_DEFAULT "6.12"

/* "6.12.117" -> 6 * 65536 + 12; 0 when it does not begin with two numbers. */
static unsigned long kernel_series(const char *version)
{
	unsigned long major, minor;
	char *end;

	if (version[0] < '0' || version[0] > '9')
		return 0;
	major = strtoul(version, &end, 10);
	if (end[0] != '.' || end[1] < '0' || end[1] > '9')
		return 0;
	minor = strtoul(end + 1, &end, 10);
	if (major > 0xffff || minor > 0xffff)
		return 0;
	/* "6.12", "6.12.117", "6.12-rc3", "6.12+"; but not "6.12x". */
	if (*end && !strchr(".-+", *end))
		return 0;
	return major << 16 | minor;
}

const struct personality *personality_find(const char *name)
{
	if (!name)
		name = PERSONALITY_DEFAULT;
	for (size_t i = 0; i < SIO_ARRAY_SIZE(personalities); i++) {
		if (!strcmp(personalities[i].name, name))
			return &personalities[i];
	}
	return NULL;
}

const struct personality *personality_for_kernel(const char *version)
{
	const struct personality *best = NULL;
	unsigned long wanted = kernel_series(version);

	for (size_t i = 0; i < SIO_ARRAY_SIZE(personalities); i++) {
		if (kernel_series(personalities[i].name) <= wanted)
			best = &personalities[i];
	}
	return best;
}

const struct personality *personality_at(unsigned n)
{
	return n < SIO_ARRAY_SIZE(personalities) ? &personalities[n] : NULL;
}
