// SPDX-License-Identifier: GPL-2.0-only
/*
 * The red-black tree behind twin.h.
 *
 * Source: the balancing rules are those of Cormen, Leiserson, Rivest and Stein, "Red-Black Trees";
 * the searches are the comparisons of vfio_find_dma() and vfio_find_dma_first_node(), in 64 bits.
 *
 * Invariants (twin_audit): the root is black, no red node has a red child, every path from a node
 * to a leaf passes the same number of black nodes.
 */
#include "type1/twin.h"

#include "type1/t1.h"

void twin_init(struct twin *twin)
{
	twin->root = NULL;
	pool_init(&twin->pool, sizeof(struct twin_node));
}

void twin_fini(struct twin *twin)
{
	twin->root = NULL;
	pool_fini(&twin->pool);
}

static bool is_red(const struct twin_node *node)
{
	return node && node->red;
}

/* Hang `with` (may be NULL) where `old` hangs. */
static void replace_child(struct twin *twin, struct twin_node *old, struct twin_node *with)
{
	struct twin_node *parent = old->parent;

	if (!parent)
		twin->root = with;
	else if (parent->left == old)
		parent->left = with;
	else
		parent->right = with;
	if (with)
		with->parent = parent;
}

/* Turn node down to the left (its right child rises), or to the right. */
static void rotate(struct twin *twin, struct twin_node *node, bool left)
{
	struct twin_node *up = left ? node->right : node->left;
	struct twin_node *moved = left ? up->left : up->right;

	replace_child(twin, node, up);
	if (left) {
		up->left = node;
		node->right = moved;
	} else {
		up->right = node;
		node->left = moved;
	}
	node->parent = up;
	if (moved)
		moved->parent = node;
}

static void insert_fixup(struct twin *twin, struct twin_node *node)
{
	while (is_red(node->parent)) {
		struct twin_node *parent = node->parent;
		struct twin_node *grand = parent->parent;
		bool left = grand->left == parent;
		struct twin_node *uncle = left ? grand->right : grand->left;

		if (is_red(uncle)) {
			parent->red = false;
			uncle->red = false;
			grand->red = true;
			node = grand;
			continue;
		}
		if (node == (left ? parent->right : parent->left)) {
			rotate(twin, parent, left);
			parent = node;
		}
		parent->red = false;
		grand->red = true;
		rotate(twin, grand, !left);
		break;
	}
	twin->root->red = false;
}

bool twin_insert(struct twin *twin, struct t1_dma *dma)
{
	struct twin_node *node = pool_get(&twin->pool);
	struct twin_node **link = &twin->root, *parent = NULL;

	if (!node)
		return false;
	while (*link) {
		parent = *link;
		link = dma->iova <= parent->dma->iova ? &parent->left : &parent->right;
	}
	*node = (struct twin_node){.parent = parent, .dma = dma, .red = true};
	*link = node;
	dma->twin = node;
	insert_fixup(twin, node);
	return true;
}

/* `node` (may be NULL, hence `parent`) stands on a path that lacks one black node. */
static void remove_fixup(struct twin *twin, struct twin_node *node, struct twin_node *parent)
{
	while (node != twin->root && !is_red(node)) {
		bool left = parent->left == node;
		struct twin_node *sibling = left ? parent->right : parent->left;
		struct twin_node *near, *far;

		if (sibling->red) {
			sibling->red = false;
			parent->red = true;
			rotate(twin, parent, left);
			sibling = left ? parent->right : parent->left;
		}
		near = left ? sibling->left : sibling->right;
		far = left ? sibling->right : sibling->left;
		if (!is_red(near) && !is_red(far)) {
			sibling->red = true;
			node = parent;
			parent = node->parent;
			continue;
		}
		if (!is_red(far)) {
			near->red = false;
			sibling->red = true;
			rotate(twin, sibling, !left);
			far = sibling;
			sibling = near;
		}
		sibling->red = parent->red;
		parent->red = false;
		far->red = false;
		rotate(twin, parent, left);
		return;
	}
	if (node)
		node->red = false;
}

static struct twin_node *leftmost(struct twin_node *node)
{
	while (node && node->left)
		node = node->left;
	return node;
}

void twin_remove(struct twin *twin, struct t1_dma *dma)
{
	struct twin_node *node = dma->twin;
	struct twin_node *child, *parent;
	bool lost_black;

	if (node->left && node->right) {
		struct twin_node *next = leftmost(node->right);

		child = next->right;
		lost_black = !next->red;
		parent = next->parent == node ? next : next->parent;
		if (parent != next) {
			replace_child(twin, next, child);
			next->right = node->right;
			next->right->parent = next;
		}
		replace_child(twin, node, next);
		next->left = node->left;
		next->left->parent = next;
		next->red = node->red;
	} else {
		child = node->left ? node->left : node->right;
		parent = node->parent;
		lost_black = !node->red;
		replace_child(twin, node, child);
	}
	if (lost_black)
		remove_fixup(twin, child, parent);
	dma->twin = NULL;
	pool_put(&twin->pool, node);
}

struct t1_dma *twin_find(const struct twin *twin, uint64_t start, uint64_t size)
{
	const struct twin_node *node = twin->root;

	while (node) {
		if (start + size <= node->dma->iova)
			node = node->left;
		else if (start >= node->dma->iova + node->dma->size)
			node = node->right;
		else
			return node->dma;
	}
	return NULL;
}

struct t1_dma *twin_first(const struct twin *twin, uint64_t start, uint64_t size)
{
	const struct twin_node *node = twin->root;
	struct t1_dma *best = NULL;

	while (node) {
		if (start < node->dma->iova + node->dma->size) {
			best = node->dma;
			if (start >= best->iova)
				break;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	if (best && size && best->iova >= start + size)
		return NULL;
	return best;
}

struct t1_dma *twin_lowest(const struct twin *twin)
{
	const struct twin_node *node = leftmost(twin->root);

	return node ? node->dma : NULL;
}

struct t1_dma *twin_next(const struct t1_dma *dma)
{
	const struct twin_node *node = dma->twin;

	if (node->right)
		return leftmost(node->right)->dma;
	while (node->parent && node == node->parent->right)
		node = node->parent;
	return node->parent ? node->parent->dma : NULL;
}

struct t1_dma *twin_prev(const struct t1_dma *dma)
{
	const struct twin_node *node = dma->twin;

	if (node->left) {
		node = node->left;
		while (node->right)
			node = node->right;
		return node->dma;
	}
	while (node->parent && node == node->parent->left)
		node = node->parent;
	return node->parent ? node->parent->dma : NULL;
}

/* Black height of a subtree, -1 when a rule is broken. Depth is at most 2 log2(n). */
static int audit_subtree(const struct twin_node *node, size_t *count)
{
	int left, right;

	if (!node)
		return 0;
	(*count)++;
	if (node->dma->twin != node || (node->red && (is_red(node->left) || is_red(node->right))))
		return -1;
	if (node->left && (node->left->parent != node || node->left->dma->iova > node->dma->iova))
		return -1;
	if (node->right &&
	    (node->right->parent != node || node->right->dma->iova < node->dma->iova))
		return -1;
	left = audit_subtree(node->left, count);
	right = audit_subtree(node->right, count);
	if (left < 0 || left != right)
		return -1;
	return left + !node->red;
}

const char *twin_audit(const struct twin *twin, size_t *count)
{
	*count = 0;
	if (is_red(twin->root))
		return "the root of the mapping tree is red";
	if (audit_subtree(twin->root, count) < 0)
		return "the mapping tree breaks a red-black rule, its order or its links";
	return NULL;
}
