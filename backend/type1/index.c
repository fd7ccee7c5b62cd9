// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mappings of a container by address.
 *
 * An interval map holds them; its answers are those of the kernel's tree wherever that tree's shape
 * does not matter. Where it does (twin.h), a copy of the tree answers instead. The choice is made
 * while the container is empty: with no domain, or with a domain whose aperture reaches 2^64-1, a
 * mapping may come that ends there. Should that become possible later (a domain of another kind
 * joins), the tree is built from the mappings in address order.
 *
 * Invariant: each mapping is in exactly one of the two indexes.
 */
#include "type1/t1.h"

static struct t1_dma *entry_dma(const struct imap_entry *entry)
{
	return (struct t1_dma *)(uintptr_t)entry->value;
}

struct t1_dma *t1_dma_alloc(struct type1 *t1)
{
	if (fail_at(FAIL_POINT("type1.map.dma", FAIL_ALLOC)))
		return NULL;
	return pool_get(&t1->dma_pool);
}

void t1_dma_free(struct type1 *t1, struct t1_dma *dma)
{
	pool_put(&t1->dma_pool, dma);
}

/* A mapping that ends at 2^64 may come, or be left behind when some of the domains go. */
static bool tree_wanted(const struct type1 *t1)
{
	/* "Any mapping that overlaps" is the first one met from the root. */
	if (!t1_unmaps_in_order(t1) || t1_has_one_domain(t1))
		return true;
	if (t1_last_page_works(t1))
		return false;
	for (unsigned i = 0; i < t1->domain_count; i++)
		if (t1->domain[i]->domain->aperture_last == UINT64_MAX)
			return true;
	return !t1->domain_count;
}

static bool tree_build(struct type1 *t1)
{
	struct imap_iter it = imap_iter(&t1->map, 0);
	struct imap_entry entry;

	while (imap_next(&it, &entry)) {
		if (!twin_insert(&t1->twin, entry_dma(&entry))) {
			twin_fini(&t1->twin);
			return false;
		}
	}
	imap_clear(&t1->map);
	t1->twin_on = true;
	return true;
}

bool t1_link(struct type1 *t1, struct t1_dma *dma, uint64_t size)
{
	if (!t1->mapping_count)
		t1->twin_on = tree_wanted(t1);
	else if (!t1->twin_on && tree_wanted(t1) && !tree_build(t1))
		return false;

	if (t1->twin_on) {
		if (!twin_insert(&t1->twin, dma))
			return false;
	} else {
		struct imap_entry entry = {dma->iova, dma->iova + (size - 1), (uintptr_t)dma};

		if (!imap_insert(&t1->map, entry))
			return false;
	}
	t1->mapping_count++;
	return true;
}

void t1_unlink(struct type1 *t1, struct t1_dma *dma)
{
	bool found = true;

	if (t1->twin_on)
		twin_remove(&t1->twin, dma);
	else
		found = imap_erase(&t1->map, dma->iova, NULL);
	sio_assert(found);
	t1->mapping_count--;
}

struct t1_dma *t1_find(const struct type1 *t1, uint64_t start, uint64_t size)
{
	struct imap_entry entry;

	if (t1->twin_on)
		return twin_find(&t1->twin, start, size);
	/* Before 6.18 the end of such a range is 0: it lies left of every mapping. */
	if (size && start + size == 0 && !t1_last_page_works(t1))
		return NULL;
	if (size && start + (size - 1) < start)
		return NULL;
	if (!imap_find(&t1->map, start, size ? start + (size - 1) : start, &entry))
		return NULL;
	return entry_dma(&entry);
}

struct t1_dma *t1_first(const struct type1 *t1, uint64_t start, uint64_t size)
{
	if (t1->twin_on)
		return twin_first(&t1->twin, start, size);
	return t1_find(t1, start, size);
}

struct t1_dma *t1_lowest(const struct type1 *t1)
{
	struct imap_entry entry;

	if (t1->twin_on)
		return twin_lowest(&t1->twin);
	return imap_ceil(&t1->map, 0, &entry) ? entry_dma(&entry) : NULL;
}

struct t1_dma *t1_next(const struct type1 *t1, const struct t1_dma *dma)
{
	struct imap_entry entry;

	if (t1->twin_on)
		return twin_next(dma);
	if (dma->iova + dma->size == 0 || !imap_ceil(&t1->map, dma->iova + dma->size, &entry))
		return NULL;
	return entry_dma(&entry);
}

struct t1_dma *t1_prev(const struct type1 *t1, const struct t1_dma *dma)
{
	struct imap_entry entry;

	if (t1->twin_on)
		return twin_prev(dma);
	if (!dma->iova || !imap_floor(&t1->map, dma->iova - 1, &entry))
		return NULL;
	return entry_dma(&entry);
}

struct t1_walk t1_walk_from(const struct type1 *t1, iova_t from)
{
	struct t1_walk walk = {.tree = t1->twin_on};

	if (walk.tree)
		walk.next = twin_lowest(&t1->twin);
	else
		walk.it = imap_iter(&t1->map, from);
	return walk;
}

struct t1_walk t1_walk(const struct type1 *t1)
{
	return t1_walk_from(t1, 0);
}

struct t1_dma *t1_walk_next(struct t1_walk *walk)
{
	struct imap_entry entry;
	struct t1_dma *dma = walk->next;

	if (walk->tree) {
		if (dma)
			walk->next = twin_next(dma);
		return dma;
	}
	return imap_next(&walk->it, &entry) ? entry_dma(&entry) : NULL;
}
