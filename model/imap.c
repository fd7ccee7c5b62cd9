// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interval map: a B+tree with 32 slots a node.
 *
 * A leaf keeps `last`, `first` and `value` in separate arrays; unused `last` slots hold UINT64_MAX,
 * so that a search counts smaller keys without looking at the fill. An inner node has a child per
 * slot and a separator between neighbours: every entry below child i ends at or below sep[i], every
 * entry right of it ends above. A separator may be larger than any entry that is left of it; it
 * never lies. Leaves are chained both ways for walks.
 *
 * A change that may need nodes takes them all before it touches the tree, so it happens whole or
 * not at all. Erasing joins a node with its neighbour when both fit into one; it never allocates.
 */
#include "imap.h"

#include "recycle.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS      32u
#define LOW_FILL   (SLOTS / 4)
#define HEIGHT_MAX 16u

struct imap_node {
	uint64_t key[SLOTS]; /* leaf: last; inner: separators */
	unsigned n;          /* leaf: entries; inner: children */
	union {
		struct {
			struct imap_node *next, *prev;
			uint64_t first[SLOTS];
			uint64_t value[SLOTS];
		} leaf;
		struct imap_node *child[SLOTS];
	};
};

/* The way from the root to a leaf; level 0 is the root. */
struct path {
	struct imap_node *node[HEIGHT_MAX];
	unsigned slot[HEIGHT_MAX];
};

/*
 * Number of keys below x: one compare per cache line, then one line. A sanitizer need not look at
 * each of these: callers ask for the fill of the same node.
 */
static inline __attribute__((no_sanitize("address", "undefined"))) unsigned
keys_below(const struct imap_node *node, uint64_t x)
{
	const uint64_t *key = node->key;
	unsigned i =
		8u * ((unsigned)(key[7] < x) + (unsigned)(key[15] < x) + (unsigned)(key[23] < x));
	unsigned n = i;

	for (unsigned j = 0; j < 8; j++)
		n += (unsigned)(key[i + j] < x);
	return n;
}

static void node_reset(struct imap_node *node)
{
	memset(node->key, 0xff, sizeof(node->key));
	node->n = 0;
}

/* Make sure that `count` nodes are spare. */
static bool spare_fill(struct imap *map, unsigned count)
{
	struct imap_node *node = map->spare;

	while (node && count) {
		node = node->leaf.next;
		count--;
	}
	while (count--) {
		node = recycle_aligned_alloc("imap.node", sizeof(*node));
		if (!node)
			return false;
		node->leaf.next = map->spare;
		map->spare = node;
	}
	return true;
}

static struct imap_node *spare_take(struct imap *map)
{
	struct imap_node *node = map->spare;

	map->spare = node->leaf.next;
	node_reset(node);
	return node;
}

static void spare_give(struct imap *map, struct imap_node *node)
{
	node->leaf.next = map->spare;
	map->spare = node;
}

void imap_init(struct imap *map)
{
	memset(map, 0, sizeof(*map));
}

static void subtree_clear(struct imap *map, struct imap_node *node, unsigned height)
{
	for (unsigned i = 0; height > 1 && i < node->n; i++)
		subtree_clear(map, node->child[i], height - 1);
	spare_give(map, node);
}

void imap_clear(struct imap *map)
{
	if (map->root)
		subtree_clear(map, map->root, map->height);
	map->root = NULL;
	map->height = 0;
	map->count = 0;
}

void imap_fini(struct imap *map)
{
	imap_clear(map);
	while (map->spare) {
		struct imap_node *node = map->spare;

		map->spare = node->leaf.next;
		recycle_free(node);
	}
}

static struct imap_node *descend(const struct imap *map, uint64_t address, struct path *path)
{
	struct imap_node *node = map->root;

	for (unsigned level = 0; level + 1 < map->height; level++) {
		path->node[level] = node;
		path->slot[level] = keys_below(node, address);
		node = node->child[path->slot[level]];
	}
	path->node[map->height - 1] = node;
	path->slot[map->height - 1] = keys_below(node, address);
	return node;
}

/* Leaf and slot of the lowest entry with last >= address; slot may be one past a leaf's end. */
static const struct imap_node *seek(const struct imap *map, uint64_t address, unsigned *slot)
{
	const struct imap_node *node = map->root;

	if (!node)
		return NULL;
	for (unsigned level = 1; level < map->height; level++)
		node = node->child[keys_below(node, address)];
	*slot = keys_below(node, address);
	if (*slot >= node->n && node->leaf.next) {
		node = node->leaf.next;
		*slot = 0;
	}
	return node;
}

/*
 * As descend(), to the entry that contains `address`. A separator above that address may lead to
 * the end of the leaf before it; the entry is then the first of the next leaf.
 */
static struct imap_node *descend_to(const struct imap *map, uint64_t address, struct path *path)
{
	struct imap_node *leaf = descend(map, address, path);
	unsigned bottom = map->height - 1;
	unsigned level = bottom;

	if (path->slot[bottom] >= leaf->n && leaf->leaf.next) {
		while (level-- > 0 && path->slot[level] + 1 == path->node[level]->n)
			;
		path->slot[level]++;
		for (; level < bottom; level++) {
			path->node[level + 1] = path->node[level]->child[path->slot[level]];
			path->slot[level + 1] = 0;
		}
		leaf = path->node[bottom];
	}
	if (path->slot[bottom] >= leaf->n || leaf->leaf.first[path->slot[bottom]] > address)
		return NULL;
	return leaf;
}

static struct imap_entry leaf_entry(const struct imap_node *leaf, unsigned slot)
{
	return (struct imap_entry){leaf->leaf.first[slot], leaf->key[slot], leaf->leaf.value[slot]};
}

bool imap_ceil(const struct imap *map, uint64_t address, struct imap_entry *out)
{
	unsigned slot = 0;
	const struct imap_node *leaf = seek(map, address, &slot);

	if (!leaf || slot >= leaf->n)
		return false;
	*out = leaf_entry(leaf, slot);
	return true;
}

bool imap_find(const struct imap *map, uint64_t first, uint64_t last, struct imap_entry *out)
{
	return imap_ceil(map, first, out) && out->first <= last;
}

bool imap_floor(const struct imap *map, uint64_t address, struct imap_entry *out)
{
	unsigned slot = 0;
	const struct imap_node *leaf = seek(map, address, &slot);

	if (!leaf)
		return false;
	if (slot < leaf->n && leaf->leaf.first[slot] <= address) {
		*out = leaf_entry(leaf, slot);
		return true;
	}
	if (slot == 0) {
		leaf = leaf->leaf.prev;
		if (!leaf)
			return false;
		slot = leaf->n;
	}
	if (slot == 0)
		return false;
	*out = leaf_entry(leaf, slot - 1);
	return true;
}

struct imap_iter imap_iter(const struct imap *map, uint64_t from)
{
	struct imap_iter it = {0};

	it.leaf = seek(map, from, &it.slot);
	return it;
}

bool imap_next(struct imap_iter *it, struct imap_entry *out)
{
	while (it->leaf && it->slot >= it->leaf->n) {
		it->leaf = it->leaf->leaf.next;
		it->slot = 0;
	}
	if (!it->leaf)
		return false;
	*out = leaf_entry(it->leaf, it->slot++);
	return true;
}

/* Open a gap at `slot`; the node has room. */
static void leaf_open(struct imap_node *leaf, unsigned slot, struct imap_entry entry)
{
	size_t tail = (leaf->n - slot) * sizeof(uint64_t);

	memmove(&leaf->key[slot + 1], &leaf->key[slot], tail);
	memmove(&leaf->leaf.first[slot + 1], &leaf->leaf.first[slot], tail);
	memmove(&leaf->leaf.value[slot + 1], &leaf->leaf.value[slot], tail);
	leaf->key[slot] = entry.last;
	leaf->leaf.first[slot] = entry.first;
	leaf->leaf.value[slot] = entry.value;
	leaf->n++;
}

/* Put `right` behind child `slot`; entries below that child end at or below `sep`. */
static void inner_open(struct imap_node *inner, unsigned slot, uint64_t sep,
		       struct imap_node *right)
{
	memmove(&inner->key[slot + 1], &inner->key[slot], (inner->n - 1 - slot) * sizeof(uint64_t));
	memmove(&inner->child[slot + 2], &inner->child[slot + 1],
		(inner->n - 1 - slot) * sizeof(inner->child[0]));
	inner->key[slot] = sep;
	inner->child[slot + 1] = right;
	inner->n++;
}

static void keys_pad(struct imap_node *node, unsigned from)
{
	memset(&node->key[from], 0xff, (SLOTS - from) * sizeof(uint64_t));
}

/* Move the upper entries of a full leaf to a new one. Appending runs split at the end. */
static struct imap_node *leaf_split(struct imap *map, struct imap_node *left, bool append)
{
	struct imap_node *right = spare_take(map);
	unsigned keep = append ? SLOTS - 2 : SLOTS / 2;
	unsigned moved = SLOTS - keep;

	memcpy(right->key, &left->key[keep], moved * sizeof(uint64_t));
	memcpy(right->leaf.first, &left->leaf.first[keep], moved * sizeof(uint64_t));
	memcpy(right->leaf.value, &left->leaf.value[keep], moved * sizeof(uint64_t));
	keys_pad(left, keep);
	left->n = keep;
	right->n = moved;
	right->leaf.next = left->leaf.next;
	right->leaf.prev = left;
	if (right->leaf.next)
		right->leaf.next->leaf.prev = right;
	left->leaf.next = right;
	return right;
}

/* As leaf_split for an inner node; *sep is the separator that goes up. */
static struct imap_node *inner_split(struct imap *map, struct imap_node *left, bool append,
				     uint64_t *sep)
{
	struct imap_node *right = spare_take(map);
	unsigned keep = append ? SLOTS - 2 : SLOTS / 2;
	unsigned moved = SLOTS - keep;

	memcpy(right->key, &left->key[keep], (moved - 1) * sizeof(uint64_t));
	memcpy(right->child, &left->child[keep], moved * sizeof(left->child[0]));
	*sep = left->key[keep - 1];
	keys_pad(left, keep - 1);
	left->n = keep;
	right->n = moved;
	return right;
}

/* Hang `right` beside the node at `level` of the path, splitting upward as needed. */
static void insert_up(struct imap *map, struct path *path, unsigned level, uint64_t sep,
		      struct imap_node *right)
{
	while (level-- > 0) {
		struct imap_node *inner = path->node[level];
		unsigned slot = path->slot[level];
		struct imap_node *upper;
		uint64_t up;

		if (inner->n < SLOTS) {
			inner_open(inner, slot, sep, right);
			return;
		}
		upper = inner_split(map, inner, slot == SLOTS - 1, &up);
		if (slot < inner->n)
			inner_open(inner, slot, sep, right);
		else
			inner_open(upper, slot - inner->n, sep, right);
		sep = up;
		right = upper;
	}
	struct imap_node *root = spare_take(map);

	root->child[0] = map->root;
	root->child[1] = right;
	root->key[0] = sep;
	root->n = 2;
	map->root = root;
	map->height++;
}

bool imap_insert(struct imap *map, struct imap_entry entry)
{
	struct path path;
	struct imap_node *leaf;
	unsigned slot;

	if (!map->root) {
		if (!spare_fill(map, 1))
			return false;
		map->root = spare_take(map);
		map->root->leaf.next = map->root->leaf.prev = NULL;
		map->height = 1;
	}
	leaf = descend(map, entry.last, &path);
	slot = path.slot[map->height - 1];
	if (leaf->n == SLOTS) {
		struct imap_node *right;
		uint64_t sep;

		if (map->height == HEIGHT_MAX || !spare_fill(map, map->height + 1))
			return false;
		right = leaf_split(map, leaf, slot == SLOTS && !leaf->leaf.next);
		sep = leaf->key[leaf->n - 1];
		if (slot > leaf->n)
			leaf_open(right, slot - leaf->n, entry);
		else {
			leaf_open(leaf, slot, entry);
			sep = leaf->key[leaf->n - 1];
		}
		insert_up(map, &path, map->height - 1, sep, right);
	} else {
		leaf_open(leaf, slot, entry);
	}
	map->count++;
	return true;
}

/* Append all of `right` to `left`; `sep` divided them. Leaves are unchained. */
static void join(struct imap *map, struct imap_node *left, struct imap_node *right, bool leaves,
		 uint64_t sep)
{
	if (leaves) {
		size_t bytes = right->n * sizeof(uint64_t);

		memcpy(&left->key[left->n], right->key, bytes);
		memcpy(&left->leaf.first[left->n], right->leaf.first, bytes);
		memcpy(&left->leaf.value[left->n], right->leaf.value, bytes);
		left->leaf.next = right->leaf.next;
		if (left->leaf.next)
			left->leaf.next->leaf.prev = left;
	} else {
		left->key[left->n - 1] = sep;
		memcpy(&left->key[left->n], right->key, (right->n - 1) * sizeof(uint64_t));
		memcpy(&left->child[left->n], right->child, right->n * sizeof(right->child[0]));
	}
	left->n += right->n;
	spare_give(map, right);
}

static void inner_close(struct imap_node *inner, unsigned sep_slot)
{
	unsigned tail = inner->n - 2 - sep_slot;

	memmove(&inner->key[sep_slot], &inner->key[sep_slot + 1], tail * sizeof(uint64_t));
	memmove(&inner->child[sep_slot + 1], &inner->child[sep_slot + 2],
		tail * sizeof(inner->child[0]));
	inner->n--;
	keys_pad(inner, inner->n - 1);
}

/* Take out child `slot`; the range it covered falls to a neighbour. */
static void inner_drop(struct imap_node *inner, unsigned slot)
{
	unsigned tail = inner->n - 1 - slot;

	if (tail)
		memmove(&inner->key[slot], &inner->key[slot + 1], (tail - 1) * sizeof(uint64_t));
	memmove(&inner->child[slot], &inner->child[slot + 1], tail * sizeof(inner->child[0]));
	inner->n--;
	keys_pad(inner, inner->n ? inner->n - 1 : 0);
}

static void leaf_unchain(struct imap_node *leaf)
{
	if (leaf->leaf.next)
		leaf->leaf.next->leaf.prev = leaf->leaf.prev;
	if (leaf->leaf.prev)
		leaf->leaf.prev->leaf.next = leaf->leaf.next;
}

/*
 * From the leaf up: an empty node goes, also where no neighbour is there to join it (its parent's
 * only child); a sparse one joins its neighbour. A root with one child gives way to it.
 */
static void rebalance(struct imap *map, const struct path *path)
{
	for (unsigned level = map->height - 1; level > 0; level--) {
		struct imap_node *node = path->node[level];
		struct imap_node *parent = path->node[level - 1];
		unsigned slot = path->slot[level - 1];
		bool leaves = level == map->height - 1;

		if (node->n == 0) {
			if (leaves)
				leaf_unchain(node);
			inner_drop(parent, slot);
			spare_give(map, node);
			continue;
		}
		if (node->n > LOW_FILL || parent->n < 2)
			break;
		if (slot + 1 == parent->n)
			slot--;
		if (parent->child[slot]->n + parent->child[slot + 1]->n > SLOTS)
			break;
		join(map, parent->child[slot], parent->child[slot + 1], leaves, parent->key[slot]);
		inner_close(parent, slot);
	}
	while (map->height > 1 && map->root->n == 1) {
		struct imap_node *root = map->root;

		map->root = root->child[0];
		map->height--;
		spare_give(map, root);
	}
	if (map->root->n == 0) {
		spare_give(map, map->root);
		map->root = NULL;
		map->height = 0;
	}
}

bool imap_erase(struct imap *map, uint64_t address, struct imap_entry *out)
{
	struct path path;
	struct imap_node *leaf;
	unsigned slot, tail;

	if (!map->root)
		return false;
	leaf = descend_to(map, address, &path);
	if (!leaf)
		return false;
	slot = path.slot[map->height - 1];
	if (out)
		*out = leaf_entry(leaf, slot);
	tail = leaf->n - slot - 1;
	memmove(&leaf->key[slot], &leaf->key[slot + 1], tail * sizeof(uint64_t));
	memmove(&leaf->leaf.first[slot], &leaf->leaf.first[slot + 1], tail * sizeof(uint64_t));
	memmove(&leaf->leaf.value[slot], &leaf->leaf.value[slot + 1], tail * sizeof(uint64_t));
	leaf->n--;
	leaf->key[leaf->n] = UINT64_MAX;
	map->count--;
	if (leaf->n <= LOW_FILL)
		rebalance(map, &path);
	return true;
}

bool imap_update(struct imap *map, uint64_t address, struct imap_entry entry)
{
	struct path path;
	struct imap_node *leaf;
	unsigned slot, level;

	if (!map->root)
		return false;
	leaf = descend_to(map, address, &path);
	if (!leaf)
		return false;
	slot = path.slot[map->height - 1];
	leaf->key[slot] = entry.last;
	leaf->leaf.first[slot] = entry.first;
	leaf->leaf.value[slot] = entry.value;
	/* The separators on both sides of this leaf have to keep it reachable. */
	for (level = map->height - 1; level-- > 0;)
		if (path.slot[level] + 1 < path.node[level]->n) {
			uint64_t *sep = &path.node[level]->key[path.slot[level]];

			if (*sep < entry.last)
				*sep = entry.last;
			break;
		}
	for (level = map->height - 1; level-- > 0;)
		if (path.slot[level] > 0) {
			uint64_t *sep = &path.node[level]->key[path.slot[level] - 1];

			if (*sep >= entry.first)
				*sep = entry.first - 1;
			break;
		}
	return true;
}

static size_t subtree_nodes(const struct imap_node *node, unsigned height)
{
	size_t n = 1;

	for (unsigned i = 0; height > 1 && i < node->n; i++)
		n += subtree_nodes(node->child[i], height - 1);
	return n;
}

size_t imap_bytes(const struct imap *map)
{
	size_t nodes = map->root ? subtree_nodes(map->root, map->height) : 0;

	for (const struct imap_node *node = map->spare; node; node = node->leaf.next)
		nodes++;
	return nodes * sizeof(struct imap_node);
}

struct audit {
	const struct imap_node *leaf; /* expected next in the chain */
	uint64_t next_first;          /* entries from here on */
	size_t count;
	bool started, at_end;
};

static const char *audit_leaf(struct audit *audit, const struct imap_node *leaf, uint64_t upper)
{
	if (audit->started && audit->leaf != leaf)
		return "leaves are not chained in order";
	for (unsigned i = 0; i < leaf->n; i++) {
		if (leaf->leaf.first[i] > leaf->key[i])
			return "entry is inverted";
		if (audit->at_end || leaf->leaf.first[i] < audit->next_first)
			return "entries overlap or are out of order";
		if (leaf->key[i] > upper)
			return "entry beyond its separator";
		audit->at_end = leaf->key[i] == UINT64_MAX;
		audit->next_first = leaf->key[i] + 1;
	}
	audit->count += leaf->n;
	audit->leaf = leaf->leaf.next;
	audit->started = true;
	return NULL;
}

static const char *audit_node(struct audit *audit, const struct imap_node *node, unsigned height,
			      uint64_t upper)
{
	const char *why;

	if (node->n > SLOTS || node->n == 0)
		return "node fill out of range";
	for (unsigned i = height > 1 ? node->n - 1 : node->n; i < SLOTS; i++)
		if (node->key[i] != UINT64_MAX)
			return "unused key slot is not padded";
	if (height == 1)
		return audit_leaf(audit, node, upper);
	for (unsigned i = 0; i < node->n; i++) {
		uint64_t bound = i + 1 < node->n ? node->key[i] : upper;

		if (bound > upper)
			return "separators are out of order";
		why = audit_node(audit, node->child[i], height - 1, bound);
		if (why)
			return why;
	}
	return NULL;
}

const char *imap_audit(const struct imap *map)
{
	struct audit audit = {0};
	struct imap_entry e, found;
	const char *why;

	if (!map->root)
		return map->count ? "empty tree with a count" : NULL;
	why = audit_node(&audit, map->root, map->height, UINT64_MAX);
	if (why)
		return why;
	if (audit.leaf)
		return "leaf chain goes on past the last leaf";
	if (audit.count != map->count)
		return "count differs from entries";
	for (struct imap_iter it = imap_iter(map, 0); imap_next(&it, &e);)
		if (!imap_ceil(map, e.last, &found) || found.last != e.last ||
		    !imap_find(map, e.first, e.first, &found) || found.first != e.first)
			return "entry cannot be found by its address";
	return NULL;
}
