/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A red-black tree of mappings with the shape that Linux's has.
 *
 * Before 6.18 a mapping that ends at 2^64 has the end 0 in the kernel's arithmetic, and which
 * mappings a search then misses depends on where in the tree that one stands. A container in which
 * such a mapping can come is indexed by this tree instead of the interval map, from its first
 * mapping on.
 *
 * Order is by iova alone, equal keys go left. Balance is the textbook algorithm with null leaves;
 * a node with two children is replaced by its in-order successor. Linux's tree takes the same
 * shapes.
 */
#ifndef BACKEND_TYPE1_TWIN_H
#define BACKEND_TYPE1_TWIN_H

#include "type1/pool.h"

struct t1_dma;

struct twin_node {
	struct twin_node *parent, *left, *right;
	struct t1_dma *dma;
	bool red;
};

struct twin {
	struct twin_node *root;
	struct pool pool;
};

void twin_init(struct twin *twin);
void twin_fini(struct twin *twin);
/* False: no memory. dma->twin is set. */
bool twin_insert(struct twin *twin, struct t1_dma *dma);
void twin_remove(struct twin *twin, struct t1_dma *dma);

/* The searches of vfio_iommu_type1, with its wrapping sums. NULL: none. */
struct t1_dma *twin_find(const struct twin *twin, uint64_t start, uint64_t size);
struct t1_dma *twin_first(const struct twin *twin, uint64_t start, uint64_t size);
struct t1_dma *twin_lowest(const struct twin *twin);
struct t1_dma *twin_next(const struct t1_dma *dma);
struct t1_dma *twin_prev(const struct t1_dma *dma);

/* Order, links, colours; NULL when all hold. *count receives the number of nodes. */
const char *twin_audit(const struct twin *twin, size_t *count);

#endif
