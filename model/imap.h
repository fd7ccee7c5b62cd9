/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interval map: disjoint inclusive ranges [first, last], each with one 64-bit value.
 *
 * One B+tree with wide nodes, ordered by `last`, serves mappings, memory areas, page extents and
 * windows. Keys lie apart from the payload so that a search touches two or three cache lines.
 * Ranges must not overlap; the caller checks with imap_find() before it inserts.
 * Not thread safe. Entries move on insert and erase: hold values, not pointers into the map.
 */
#ifndef MODEL_IMAP_H
#define MODEL_IMAP_H

#include "base.h"

struct imap_node;

struct imap_entry {
	uint64_t first;
	uint64_t last; /* inclusive */
	uint64_t value;
};

struct imap {
	struct imap_node *root;
	struct imap_node *spare; /* recycled nodes: a reset map allocates nothing */
	size_t count;
	unsigned height;
};

void imap_init(struct imap *map);
/* Free everything; the map is empty and usable again afterwards. */
void imap_fini(struct imap *map);
/* Remove all entries, keep the memory for reuse. */
void imap_clear(struct imap *map);

static inline size_t imap_count(const struct imap *map)
{
	return map->count;
}

/* Insert a range that overlaps none. False: out of memory, nothing changed. */
bool imap_insert(struct imap *map, struct imap_entry entry);

/* Lowest entry that shares an address with [first, last]. */
bool imap_find(const struct imap *map, uint64_t first, uint64_t last, struct imap_entry *out);
/* Lowest entry with entry.last >= address. Successor iteration: imap_ceil(map, e.last + 1, &e). */
bool imap_ceil(const struct imap *map, uint64_t address, struct imap_entry *out);
/* Highest entry with entry.first <= address. */
bool imap_floor(const struct imap *map, uint64_t address, struct imap_entry *out);

/* Remove the entry that contains `address`; *out (if not NULL) receives it. Never allocates. */
bool imap_erase(struct imap *map, uint64_t address, struct imap_entry *out);
/*
 * Change bounds and value of the entry that contains `address`. The new range must not reach a
 * neighbour. Never allocates. False: no such entry.
 */
bool imap_update(struct imap *map, uint64_t address, struct imap_entry entry);

/*
 * In-order walk that costs one pointer step per entry:
 *	for (struct imap_iter it = imap_iter(map, from); imap_next(&it, &e);) ...
 * starts at the lowest entry with last >= from. The map must not change during the walk.
 */
struct imap_iter {
	const struct imap_node *leaf;
	unsigned slot;
};
struct imap_iter imap_iter(const struct imap *map, uint64_t from);
bool imap_next(struct imap_iter *it, struct imap_entry *out);

/* Bytes of memory that the map holds. */
size_t imap_bytes(const struct imap *map);
/* Order, disjointness, fill and count; NULL when all hold, else what does not. */
const char *imap_audit(const struct imap *map);

#endif
