/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second VT-d walker, by hand from the manual's tables and apart from everything in model/pt: raw
 * 64-bit words, masks written out. Driver and hardware model share one codec, so a wrong bit there
 * would cancel out; here it would not.
 *
 * Source: VT-d specification, "Root Entry", "Context Entry", "Second-Level Paging Entries".
 */
#ifndef TESTS_SECOND_WALK_H
#define TESTS_SECOND_WALK_H

#include "phys.h"
#include "unit.h"

#include <string.h>

struct second_leaf {
	uint64_t iova, pa, bytes;
	uint64_t raw;
	uint64_t at; /* address of the entry */
};

static inline uint64_t second_word(const struct phys *phys, uint64_t pa)
{
	uint64_t word = 0;

	memcpy(&word, phys_ptr(phys, pa), sizeof(word));
	return word;
}

/* Table root and number of levels that the unit's context entry gives a requester; false: not
 * present. */
static inline bool second_root(struct unit *unit, const struct phys *phys, uint16_t rid,
			       uint64_t *root, unsigned *levels, uint16_t *did)
{
	uint64_t table = unit->ops->mmio_read(unit, 0x20, 8) & ~UINT64_C(0xfff);
	uint64_t entry = second_word(phys, table + (uint64_t)(rid >> 8) * 16);
	uint64_t low, high;

	if (!(entry & 1))
		return false;
	table = (entry & ~UINT64_C(0xfff)) + (uint64_t)(rid & 0xff) * 16;
	low = second_word(phys, table);
	high = second_word(phys, table + 8);
	if (!(low & 1))
		return false;
	*root = low & ~UINT64_C(0xfff);
	*levels = (unsigned)(high & 7) + 2;
	*did = (uint16_t)(high >> 8);
	return true;
}

/* Every leaf below a table, in address order. `level` 1 is the table of 4 KiB leaves, as in the
 * manual. */
static inline void second_each(const struct phys *phys, uint64_t table, unsigned level,
			       uint64_t iova,
			       void (*leaf_cb)(void *ctx, const struct second_leaf *leaf),
			       void *ctx)
{
	unsigned shift = 12 + 9 * (level - 1);

	for (uint64_t i = 0; i < 512; i++) {
		uint64_t raw = second_word(phys, table + i * 8);
		uint64_t at = iova + (i << shift);

		if (!(raw & 3))
			continue;
		if (level == 1 || (raw & 0x80)) {
			struct second_leaf leaf = {.iova = at,
						   .bytes = UINT64_C(1) << shift,
						   .raw = raw,
						   .at = table + i * 8};

			leaf.pa = raw & UINT64_C(0x000ffffffffff000) & ~(leaf.bytes - 1);
			leaf_cb(ctx, &leaf);
		} else {
			second_each(phys, raw & UINT64_C(0x000ffffffffff000), level - 1, at,
				    leaf_cb, ctx);
		}
	}
}

struct second_search {
	uint64_t iova;
	struct second_leaf leaf;
	bool found;
};

static inline void second_match(void *ctx, const struct second_leaf *leaf)
{
	struct second_search *s = ctx;

	if (s->iova >= leaf->iova && s->iova - leaf->iova < leaf->bytes) {
		s->leaf = *leaf;
		s->found = true;
	}
}

/* The leaf that translates an address for a requester. */
static inline bool second_find(struct unit *unit, const struct phys *phys, uint16_t rid,
			       uint64_t iova, struct second_leaf *leaf)
{
	struct second_search s = {.iova = iova};
	unsigned levels;
	uint64_t root;
	uint16_t did;

	if (!second_root(unit, phys, rid, &root, &levels, &did))
		return false;
	second_each(phys, root, levels, 0, second_match, &s);
	*leaf = s.leaf;
	return s.found;
}

#endif
