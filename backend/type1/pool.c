// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slabs and their free list. The first slab is small, because most containers hold few mappings;
 * each further one doubles up to POOL_ITEMS_MAX.
 */
#include "type1/pool.h"

#include "fail.h"

#include <string.h>

#define POOL_ITEMS_MIN ((size_t)32)
#define POOL_ITEMS_MAX ((size_t)4096)
#define POOL_ALIGN     ((size_t)64)

struct pool_slab {
	struct pool_slab *next;
	uint8_t pad[POOL_ALIGN - sizeof(void *)]; /* the first record starts a cache line */
	uint8_t item[];
};

void pool_init(struct pool *pool, size_t item_bytes)
{
	*pool = (struct pool){.item_bytes = item_bytes, .next_items = POOL_ITEMS_MIN};
}

void pool_fini(struct pool *pool)
{
	struct pool_slab *slab = pool->slabs;

	while (slab) {
		struct pool_slab *next = slab->next;

		free(slab);
		slab = next;
	}
	pool_init(pool, pool->item_bytes);
}

static bool pool_grow(struct pool *pool)
{
	size_t items = pool->next_items;
	size_t bytes = sizeof(struct pool_slab) + items * pool->item_bytes;
	struct pool_slab *slab = fail_aligned_alloc("type1.pool.slab", POOL_ALIGN,
						    (bytes + POOL_ALIGN - 1) & ~(POOL_ALIGN - 1));

	if (!slab)
		return false;
	slab->next = pool->slabs;
	pool->slabs = slab;
	/* Linked from the last to the first, so that records are taken in address order. */
	for (size_t i = items; i > 0; i--)
		pool_put(pool, slab->item + (i - 1) * pool->item_bytes);
	if (items < POOL_ITEMS_MAX)
		pool->next_items = items * 2;
	return true;
}

void *pool_get(struct pool *pool)
{
	void *item;

	if (!pool->free && !pool_grow(pool))
		return NULL;
	item = pool->free;
	memcpy(&pool->free, item, sizeof(pool->free));
	memset(item, 0, pool->item_bytes);
	return item;
}

void pool_put(struct pool *pool, void *item)
{
	memcpy(item, &pool->free, sizeof(pool->free));
	pool->free = item;
}
