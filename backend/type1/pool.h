/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A free list over slabs, for records of one size that come and go by the million.
 *
 * Memory goes back to the C library only when the pool ends; a record given back is the next one
 * taken, so that a map and unmap pair touches the same cache line again and again.
 */
#ifndef BACKEND_TYPE1_POOL_H
#define BACKEND_TYPE1_POOL_H

#include "base.h"

struct pool_slab;

struct pool {
	size_t item_bytes; /* at least a pointer, a multiple of 8 */
	void *free;
	struct pool_slab *slabs;
	size_t next_items; /* size of the next slab */
};

void pool_init(struct pool *pool, size_t item_bytes);
void pool_fini(struct pool *pool);
/* A zeroed record, NULL: no memory. */
void *pool_get(struct pool *pool);
void pool_put(struct pool *pool, void *item);

#endif
