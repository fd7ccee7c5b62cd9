// SPDX-License-Identifier: GPL-2.0-only
/*
 * Legal rarities: their names, what they are, and when they are due. See rare.h.
 */
#include "core/rare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *about;
} rarities[RARE_COUNT] = {
	[RARE_MAP_BUSY] = {"map.busy",
			   "the IOMMU refuses a run with pages of 2 MiB or more: EBUSY; "
			   "before 5.0 the kernel then maps page by page"},
	[RARE_MAP_SMALL] = {"map.small-pages", "a domain gets a run in pages of its smallest size"},
	[RARE_PIN_SCATTERED] = {"pin.scattered",
				"memory that appears has no two neighbouring pages side by side"},
	[RARE_UNMAP_SHORT] = {"unmap.short",
			      "UNMAP of a TYPE1 container leaves mappings behind the "
			      "first one; the size says so"},
	[RARE_SYNC_LATE] = {"sync.late",
			    "an invalidation happens as late as it may: before pages are unpinned"},
	[RARE_GROUP_UNVIABLE] =
		{"group.unviable",
		 "a driver of the host has a device of the group: not viable, EPERM"},
	[RARE_DEVICE_GONE] = {"device.gone",
			      "an open device is pulled out: reads are all ones, "
			      "resets ENOTTY, its file cannot be opened again: ENODEV"},
	[RARE_ENTRY_LIMIT] = {"map.limit",
			      "the N-th mapping of a container is one too many: ENOSPC"},
};

const char *rare_name(enum rare_id id)
{
	return rarities[id].name;
}

const char *rare_about(enum rare_id id)
{
	return rarities[id].about;
}

/* "" or ":nth=N"; false: neither. */
static bool parse_nth(const char *text, uint64_t *nth)
{
	char *end;

	*nth = 0;
	if (!*text)
		return true;
	if (strncmp(text, ":nth=", 5) || text[5] < '0' || text[5] > '9')
		return false;
	errno = 0;
	*nth = strtoull(text + 5, &end, 10);
	return *nth && !errno && !*end;
}

int rare_plan(struct rare *rare, const char *text, char *why)
{
	size_t len = strcspn(text, ":");
	uint64_t nth;

	why[0] = '\0';
	if (!*text) {
		*rare = (struct rare){0};
		return 0;
	}
	for (unsigned id = 0; id < RARE_COUNT; id++) {
		if (strlen(rarities[id].name) != len || strncmp(rarities[id].name, text, len))
			continue;
		if (!parse_nth(text + len, &nth)) {
			snprintf(why, RARE_ERROR_LEN,
				 "the form is %s or %s:nth=N, with N from 1 up", rarities[id].name,
				 rarities[id].name);
			return -EINVAL;
		}
		rare->any = true;
		rare->of[id].on = true;
		rare->of[id].nth = nth;
		rare->of[id].seen = rare->of[id].happened = 0;
		return 0;
	}
	snprintf(why, RARE_ERROR_LEN, "no rarity \"%.*s\"", len < 80 ? (int)len : 80, text);
	return -EINVAL;
}

bool rare_pass(struct rare *rare, enum rare_id id)
{
	if (!rare->of[id].on)
		return false;
	rare->of[id].seen++;
	if (rare->of[id].nth && rare->of[id].seen != rare->of[id].nth)
		return false;
	rare->of[id].happened++;
	return true;
}

uint64_t rare_limit(struct rare *rare, enum rare_id id, uint64_t usual)
{
	uint64_t limit = rare->of[id].nth ? rare->of[id].nth - 1 : 0;

	if (!rare->of[id].on)
		return usual;
	rare->of[id].seen++;
	rare->of[id].happened++;
	return limit < usual ? limit : usual;
}
