// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slabs and their free list. The first slab is small, because most containers hold few mappings;
 * each further one doubles up to POOL_ITEMS_MAX. The address sanitizer takes a free record for
 * memory that nobody may touch.
 */
#include "type1/pool.h"

#include "poison.h"
#include "recycle.h"

#include <string.h>

#define POOL_ITEMS_MIN ((size_t)32)
#define POOL_ITEMS_MAX ((size_t)4096)
#define POOL_ALIGN     ((size_t)64)

struct pool_slab {
	struct pool_slab *next;
	size_t items;
	uint8_t pad[POOL_ALIGN - sizeof(void *) -
		    sizeof(size_t)]; /* the first record starts a cache line */
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

		unpoison(slab->item, slab->items * pool->item_bytes);
		recycle_free(slab);
		slab = next;
	}
	pool_init(pool, pool->item_bytes);
}

static bool pool_grow(struct pool *pool)
{
	size_t items = pool->next_items;
	size_t bytes = sizeof(struct pool_slab) + items * pool->item_bytes;
	struct pool_slab *slab = recycle_aligned_alloc("type1.pool.slab", bytes);

	if (!slab)
		return false;
	slab->items = items;
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
	unpoison(item, pool->item_bytes);
	memcpy(&pool->free, item, sizeof(pool->free));
	memset(item, 0, pool->item_bytes);
	return item;
}

void pool_put(struct pool *pool, void *item)
{
	memcpy(item, &pool->free, sizeof(pool->free));
	pool->free = item;
	poison(item, pool->item_bytes);
}
