/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a pages object holds: an interval map of which a single entry needs no memory.
 *
 * Most pages objects have one extent all their life, and there may be a million of them. The entry
 * lies in the struct until a second one comes; then both are in the map, and later ones too.
 *
 * Invariant: with `single` set the map is empty. Operations are those of imap.h.
 */
#ifndef BACKEND_IOMMUFD_HELD_H
#define BACKEND_IOMMUFD_HELD_H

#include "imap.h"

struct held {
	bool single;
	struct imap_entry one; /* meaningful with `single` */
	struct imap map;
};

static inline void held_init(struct held *held)
{
	held->single = false;
	imap_init(&held->map);
}

static inline void held_fini(struct held *held)
{
	imap_fini(&held->map);
}

static inline bool held_find(const struct held *held, uint64_t first, uint64_t last,
			     struct imap_entry *out)
{
	if (!held->single)
		return imap_find(&held->map, first, last, out);
	if (held->one.first > last || held->one.last < first)
		return false;
	*out = held->one;
	return true;
}

static inline bool held_insert(struct held *held, struct imap_entry entry)
{
	if (!held->single && !imap_count(&held->map)) {
		held->one = entry;
		held->single = true;
		return true;
	}
	if (held->single) {
		if (!imap_insert(&held->map, held->one))
			return false;
		held->single = false;
	}
	return imap_insert(&held->map, entry);
}

static inline void held_update(struct held *held, uint64_t address, struct imap_entry entry)
{
	if (held->single)
		held->one = entry;
	else
		imap_update(&held->map, address, entry);
}

static inline void held_erase(struct held *held, uint64_t address)
{
	if (held->single)
		held->single = false;
	else
		imap_erase(&held->map, address, NULL);
}

/* In order; starts at the lowest entry. */
struct held_iter {
	const struct held *held;
	struct imap_iter map;
	bool done;
};

static inline struct held_iter held_iter(const struct held *held)
{
	return (struct held_iter){held, imap_iter(&held->map, 0), false};
}

static inline bool held_next(struct held_iter *it, struct imap_entry *out)
{
	if (!it->held->single)
		return imap_next(&it->map, out);
	if (it->done)
		return false;
	*out = it->held->one;
	it->done = true;
	return true;
}

#endif
