/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Legal rarities: what the kernel or the hardware may do and hardly ever does.
 *
 * A rarity is no failure of ours: every answer stays one that is documented, and all audits hold.
 * Clients that take the usual for the promised break on them. Each is off until it is asked for,
 * and then happens each time, or the N-th time only.
 */
#ifndef BACKEND_CORE_RARE_H
#define BACKEND_CORE_RARE_H

#include "base.h"

enum rare_id {
	RARE_MAP_BUSY,       /* "map.busy" */
	RARE_MAP_SMALL,      /* "map.small-pages" */
	RARE_PIN_SCATTERED,  /* "pin.scattered" */
	RARE_UNMAP_SHORT,    /* "unmap.short" */
	RARE_SYNC_LATE,      /* "sync.late" */
	RARE_GROUP_UNVIABLE, /* "group.unviable" */
	RARE_DEVICE_GONE,    /* "device.gone" */
	RARE_ENTRY_LIMIT,    /* "map.limit" */
	RARE_COUNT,
};

/* All zero: nothing rare happens. One per machine, under its lock. */
struct rare {
	struct {
		bool on;
		uint64_t nth;      /* the occasion at which it happens; 0: each */
		uint64_t seen;     /* occasions since it was asked for */
		uint64_t happened; /* times */
	} of[RARE_COUNT];
	bool any;
};

#define RARE_ERROR_LEN 160u

/* "NAME" or "NAME:nth=N" turns one on, from now on counted anew; "" turns all off. -EINVAL with one
 * line in `why` (RARE_ERROR_LEN bytes), and nothing changed. */
int rare_plan(struct rare *rare, const char *text, char *why);
const char *rare_name(enum rare_id id);
/* What happens, in one line. */
const char *rare_about(enum rare_id id);

/* Count an occasion; true: now. */
bool rare_pass(struct rare *rare, enum rare_id id);

static inline bool rare_due(struct rare *rare, enum rare_id id)
{
	return __builtin_expect(rare->any, 0) && rare_pass(rare, id);
}

/* For a limit that the N-th of something meets: N - 1, or 0 without N, if that is below `usual`. */
uint64_t rare_limit(struct rare *rare, enum rare_id id, uint64_t usual);

#endif
