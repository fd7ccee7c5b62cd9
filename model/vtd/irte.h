/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interrupt entry cache of a VT-d unit: a copy of each interrupt remapping table entry that was
 * used, found by its index alone.
 *
 * Entries go by an interrupt entry cache invalidation only (and by a new table pointer in a unit
 * that says so), or are displaced by another index. An entry of the old table therefore answers
 * for the new one until software invalidates, as the manual warns.
 *
 * Source: Intel VT-d, "Interrupt Entry Cache", "Interrupt Entry Cache Invalidate Descriptor".
 */
#ifndef MODEL_VTD_IRTE_H
#define MODEL_VTD_IRTE_H

#include "base.h"

#define VTD_IRTE_CACHE_LG2 10u

struct vtd_irte {
	uint64_t lo, hi;
};

struct vtd_irte_slot {
	struct vtd_irte entry;
	uint64_t filled_at;
	uint32_t key; /* index + 1, 0: empty */
};

struct vtd_irtes {
	pa_t table;                 /* latched from IRTA */
	uint32_t count;             /* entries of the table, 0: none was set */
	bool extended;              /* 32-bit destinations */
	bool cached;                /* some slot may be in use */
	struct vtd_irte_slot *slot; /* NULL: the unit remaps no interrupts */
};

#endif
