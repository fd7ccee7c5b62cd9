/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory behind a trace's user addresses: which areas the recorded process had.
 *
 * A trace shows pieces of memory as they are mapped for DMA; pieces that touch or overlap are one
 * area. Addresses are the recorded ones, so that they can be compared.
 */
#ifndef SIM_TRACE_AREAS_H
#define SIM_TRACE_AREAS_H

#include "trace/session.h"

struct area {
	uint64_t first, last;
};

struct areas {
	struct area *area; /* sorted and disjoint */
	unsigned count, room;
};

/* Whole pages, where a process can have memory at all. */
bool area_possible(uint64_t address, uint64_t size);
/* Add a piece; false: no memory. Pieces that no process could have are left out. */
bool areas_add(struct areas *areas, uint64_t address, uint64_t size);
/* Some byte of the range lies in an area. */
bool areas_touch(const struct areas *areas, uint64_t address, uint64_t size);
/* Map all areas / the parts of them that lie in a range. 0 or -errno. */
int areas_map(const struct areas *areas, struct session *s);
int areas_map_range(const struct areas *areas, struct session *s, uint64_t address, uint64_t size);
void areas_fini(struct areas *areas);

#endif
