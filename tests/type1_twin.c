// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree that stands in for Linux's, and what its shape decides for mappings that end at 2^64.
 *
 * Shape is compared with a second red-black tree written in another way (array, sentinel leaf, one
 * branch for each side). The answers around 2^64 are those that 6.12 gave on a unit whose aperture
 * has no end (recordings h_last_page_poison, h_last_page).
 */
#include "type1_fake.h"

#include "prng.h"

/* ---- a second red-black tree: node 0 is the sentinel ---- */

#define RB_MAX 600u

struct rb_node {
	unsigned parent, left, right;
	uint64_t key;
	bool red;
};

struct rb {
	struct rb_node n[RB_MAX];
	unsigned root;
};

static void rb_left_rotate(struct rb *t, unsigned x)
{
	unsigned y = t->n[x].right;

	t->n[x].right = t->n[y].left;
	if (t->n[y].left)
		t->n[t->n[y].left].parent = x;
	t->n[y].parent = t->n[x].parent;
	if (!t->n[x].parent)
		t->root = y;
	else if (x == t->n[t->n[x].parent].left)
		t->n[t->n[x].parent].left = y;
	else
		t->n[t->n[x].parent].right = y;
	t->n[y].left = x;
	t->n[x].parent = y;
}

static void rb_right_rotate(struct rb *t, unsigned x)
{
	unsigned y = t->n[x].left;

	t->n[x].left = t->n[y].right;
	if (t->n[y].right)
		t->n[t->n[y].right].parent = x;
	t->n[y].parent = t->n[x].parent;
	if (!t->n[x].parent)
		t->root = y;
	else if (x == t->n[t->n[x].parent].right)
		t->n[t->n[x].parent].right = y;
	else
		t->n[t->n[x].parent].left = y;
	t->n[y].right = x;
	t->n[x].parent = y;
}

static void rb_insert(struct rb *t, unsigned z, uint64_t key)
{
	unsigned x = t->root, y = 0;

	while (x) {
		y = x;
		x = key <= t->n[x].key ? t->n[x].left : t->n[x].right;
	}
	t->n[z] = (struct rb_node){.parent = y, .key = key, .red = true};
	if (!y)
		t->root = z;
	else if (key <= t->n[y].key)
		t->n[y].left = z;
	else
		t->n[y].right = z;
	while (t->n[t->n[z].parent].red) {
		unsigned p = t->n[z].parent, g = t->n[p].parent;

		if (p == t->n[g].left) {
			unsigned u = t->n[g].right;

			if (t->n[u].red) {
				t->n[p].red = t->n[u].red = false;
				t->n[g].red = true;
				z = g;
			} else {
				if (z == t->n[p].right) {
					z = p;
					rb_left_rotate(t, z);
				}
				t->n[t->n[z].parent].red = false;
				t->n[g].red = true;
				rb_right_rotate(t, g);
			}
		} else {
			unsigned u = t->n[g].left;

			if (t->n[u].red) {
				t->n[p].red = t->n[u].red = false;
				t->n[g].red = true;
				z = g;
			} else {
				if (z == t->n[p].left) {
					z = p;
					rb_right_rotate(t, z);
				}
				t->n[t->n[z].parent].red = false;
				t->n[g].red = true;
				rb_left_rotate(t, g);
			}
		}
	}
	t->n[t->root].red = false;
}

static void rb_transplant(struct rb *t, unsigned u, unsigned v)
{
	unsigned p = t->n[u].parent;

	if (!p)
		t->root = v;
	else if (u == t->n[p].left)
		t->n[p].left = v;
	else
		t->n[p].right = v;
	t->n[v].parent = p;
}

static void rb_remove_fixup(struct rb *t, unsigned x)
{
	while (x != t->root && !t->n[x].red) {
		unsigned p = t->n[x].parent, w;

		if (x == t->n[p].left) {
			w = t->n[p].right;
			if (t->n[w].red) {
				t->n[w].red = false;
				t->n[p].red = true;
				rb_left_rotate(t, p);
				w = t->n[p].right;
			}
			if (!t->n[t->n[w].left].red && !t->n[t->n[w].right].red) {
				t->n[w].red = true;
				x = p;
				continue;
			}
			if (!t->n[t->n[w].right].red) {
				t->n[t->n[w].left].red = false;
				t->n[w].red = true;
				rb_right_rotate(t, w);
				w = t->n[p].right;
			}
			t->n[w].red = t->n[p].red;
			t->n[p].red = t->n[t->n[w].right].red = false;
			rb_left_rotate(t, p);
		} else {
			w = t->n[p].left;
			if (t->n[w].red) {
				t->n[w].red = false;
				t->n[p].red = true;
				rb_right_rotate(t, p);
				w = t->n[p].left;
			}
			if (!t->n[t->n[w].left].red && !t->n[t->n[w].right].red) {
				t->n[w].red = true;
				x = p;
				continue;
			}
			if (!t->n[t->n[w].left].red) {
				t->n[t->n[w].right].red = false;
				t->n[w].red = true;
				rb_left_rotate(t, w);
				w = t->n[p].left;
			}
			t->n[w].red = t->n[p].red;
			t->n[p].red = t->n[t->n[w].left].red = false;
			rb_right_rotate(t, p);
		}
		x = t->root;
	}
	t->n[x].red = false;
}

static void rb_remove(struct rb *t, unsigned z)
{
	bool black = !t->n[z].red;
	unsigned x;

	if (!t->n[z].left) {
		x = t->n[z].right;
		rb_transplant(t, z, x);
	} else if (!t->n[z].right) {
		x = t->n[z].left;
		rb_transplant(t, z, x);
	} else {
		unsigned y = t->n[z].right;

		while (t->n[y].left)
			y = t->n[y].left;
		black = !t->n[y].red;
		x = t->n[y].right;
		if (t->n[y].parent == z) {
			t->n[x].parent = y;
		} else {
			rb_transplant(t, y, x);
			t->n[y].right = t->n[z].right;
			t->n[t->n[y].right].parent = y;
		}
		rb_transplant(t, z, y);
		t->n[y].left = t->n[z].left;
		t->n[t->n[y].left].parent = y;
		t->n[y].red = t->n[z].red;
	}
	if (black)
		rb_remove_fixup(t, x);
}

static bool same_shape(const struct rb *t, unsigned n, const struct twin_node *node)
{
	if (!n || !node)
		return !n && !node;
	return t->n[n].key == node->dma->iova && t->n[n].red == node->red &&
	       same_shape(t, t->n[n].left, node->left) && same_shape(t, t->n[n].right, node->right);
}

/* Keys from a small set, so that equal ones happen. */
START_TEST(two_trees_take_the_same_shape)
{
	static struct t1_dma dma[RB_MAX];
	static struct rb rb;
	bool live[RB_MAX] = {false};
	struct prng rng = {.state = (uint64_t)_i};
	struct twin twin;
	size_t count;

	memset(&rb, 0, sizeof(rb));
	twin_init(&twin);
	for (unsigned step = 0; step < 3000; step++) {
		unsigned at = 1 + (unsigned)prng_below(&rng, RB_MAX - 1);

		if (live[at]) {
			twin_remove(&twin, &dma[at]);
			rb_remove(&rb, at);
		} else {
			dma[at] =
				(struct t1_dma){.iova = prng_below(&rng, 900) << 12, .size = 4096};
			ck_assert(twin_insert(&twin, &dma[at]));
			rb_insert(&rb, at, dma[at].iova);
		}
		live[at] = !live[at];
		ck_assert_msg(same_shape(&rb, rb.root, twin.root), "seed %d, step %u", _i, step);
		ck_assert_ptr_null(twin_audit(&twin, &count));
	}
	twin_fini(&twin);
}
END_TEST

START_TEST(the_walk_visits_every_mapping_in_order_both_ways)
{
	static struct t1_dma dma[RB_MAX];
	struct prng rng = {.state = 5};
	const struct t1_dma *at, *below = NULL;
	struct twin twin;
	unsigned seen = 0;

	twin_init(&twin);
	for (unsigned i = 0; i < RB_MAX; i++) {
		dma[i] = (struct t1_dma){.iova = prng_next(&rng) << 12, .size = 4096};
		ck_assert(twin_insert(&twin, &dma[i]));
	}
	for (at = twin_lowest(&twin); at; at = twin_next(at), seen++) {
		ck_assert_ptr_eq(twin_prev(at), below);
		if (below)
			ck_assert_uint_ge(at->iova, below->iova);
		below = at;
	}
	ck_assert_uint_eq(seen, RB_MAX);
	twin_fini(&twin);
}
END_TEST

/* ---- mappings that end at 2^64 ---- */

static struct fake fake;

#define LAST UINT64_C(0xfffffffffffff000)

static void setup(void)
{
	fake_setup(&fake);
	for (unsigned i = 0; i < FAKE_GROUPS; i++)
		fake.units[i].aperture_last = UINT64_MAX;
	fake.units[1].enforce = true;
}

static void teardown(void)
{
	fake_teardown(&fake);
}

static void boot(void)
{
	fake_boot(&fake);
	fake_open(&fake, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
}

static long map_at(uint64_t iova, uint64_t size)
{
	long rc = fake_map(&fake, fake_va(MM_RUN_2M), iova, size, FAKE_RW);

	fake_check(&fake);
	return rc;
}

static long unmap_at(uint64_t iova, uint64_t size, uint32_t flags)
{
	long rc = fake_unmap(&fake, iova, size, flags);

	fake_check(&fake);
	return rc;
}

START_TEST(the_last_page_poisons_searches_as_recorded)
{
	boot();
	ck_assert(fake.t1->iova.range[1].last == UINT64_MAX);
	ck_assert_int_eq(map_at(LAST, 0x1000), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 1);
	ck_assert_int_eq(map_at(LAST, 0x1000), 0);
	ck_assert_int_eq(map_at(LAST - 0x1000, 0x2000), 0);
	ck_assert_int_eq(map_at(LAST - 0x1000, 0x1000), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 5);
	ck_assert_int_eq(unmap_at(LAST, 0x1000, 0), 0);
	ck_assert_int_eq(unmap_at(LAST - 0x1000, 0x2000, 0), 0);
	ck_assert_int_eq(unmap_at(LAST - 0x1000, 0x1000, 0), 0);
	ck_assert_int_eq(map_at(0x1000, 0x1000), 0);
	ck_assert_int_eq(map_at(0x1000, 0x1000), -EEXIST);
	/* A mapping at the root hides what lies to its left from UNMAP, not from MAP. */
	ck_assert_int_eq(unmap_at(0x1000, 0x1000, 0), 0);
	ck_assert_int_eq(map_at(0x3000, 0x1000), 0);
	ck_assert_int_eq(unmap_at(0, 0x100000, 0), 0);
	ck_assert_int_eq(unmap_at(0, 0, 6), 0);
	ck_assert_int_eq(unmap_at(0, 0, 2), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 7);
	ck_assert_uint_eq(fake.t1->dma_avail, 65529);
	/* The container goes; four pages stay charged and pinned for ever. */
	fake_detach_group(&fake, 0);
	fake_check(&fake);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 4);
	ck_assert_uint_eq(t1_leaked_pages(&fake.params, &fake.mm->mm), 4);
	/* Both mappings of the last page and the one of two pages hold the same first page. */
	ck_assert_uint_eq(phys_pins_total(fake.phys), 4);
}
END_TEST

START_TEST(unmap_all_takes_it_along_when_an_ordinary_mapping_is_met_first)
{
	boot();
	ck_assert_int_eq(map_at(0x1000, 0x1000), 0);
	ck_assert_int_eq(map_at(0x3000, 0x1000), 0);
	ck_assert_int_eq(map_at(LAST, 0x1000), 0);
	ck_assert_int_eq(unmap_at(0, 0, 2), 0x3000);
	ck_assert_uint_eq(fake.t1->dma_avail, 65535);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 1);
	ck_assert_uint_eq(phys_pins_total(fake.phys), 1);
}
END_TEST

START_TEST(a_domain_attached_later_does_not_translate_it)
{
	iova_t found;

	boot();
	ck_assert_int_eq(map_at(LAST, 0x1000), 0);
	ck_assert_int_eq(map_at(0x1000, 0x1000), 0);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	fake_check(&fake);
	ck_assert(iommu_next(t1_domain_at(fake.t1, 0, NULL), 0x1000, 0x1fff, &found));
	ck_assert(!iommu_next(t1_domain_at(fake.t1, 0, NULL), LAST, UINT64_MAX, &found));
	ck_assert(iommu_next(t1_domain_at(fake.t1, 1, NULL), LAST, UINT64_MAX, &found));
}
END_TEST

START_TEST(one_that_fails_half_way_is_removed_properly)
{
	uint64_t end = fake_va(MM_RUN_4K) + FAKE_VA_PAGES * SIO_PAGE_SIZE;

	boot();
	ck_assert_int_eq(fake_map(&fake, end - 0x2000, LAST - 0x2000, 0x3000, FAKE_RW), -EFAULT);
	fake_check(&fake);
	ck_assert_uint_eq(phys_pins_total(fake.phys), 0);
	ck_assert_ptr_null(fake.params.leaks);
}
END_TEST

START_TEST(without_a_domain_nothing_is_pinned_and_nothing_leaks)
{
	fake_boot(&fake);
	fake_open(&fake, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(map_at(LAST, 0x1000), 0);
	ck_assert_int_eq(map_at(0x1000, 0x1000), 0);
	ck_assert_int_eq(unmap_at(0x1000, 0x1000, 0), 0);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	fake_check(&fake);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 1);
}
END_TEST

START_TEST(the_corrected_kernel_removes_it)
{
	fake.personality.last_page_works = true;
	fake.personality.eoverflow = true;
	boot();
	ck_assert_int_eq(map_at(LAST, 0x1000), 0);
	ck_assert_int_eq(map_at(LAST, 0x1000), -EEXIST);
	ck_assert_int_eq(map_at(0x1000, 0x1000), 0);
	ck_assert_int_eq(unmap_at(0x1000, 0x1000, 0), 0x1000);
	ck_assert_int_eq(unmap_at(LAST - 0x1000, 0x2000, 0), 0x1000);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	ck_assert(!fake.t1->twin_on);
}
END_TEST

/* A wide domain joins a container whose mappings are in the interval map already. */
START_TEST(the_tree_is_built_when_it_becomes_necessary)
{
	fake.units[0].aperture_last = SIO_MASK(38, 0);
	boot();
	ck_assert_int_eq(map_at(0x1000, 0x1000), 0);
	ck_assert(!fake.t1->twin_on);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	ck_assert_int_eq(map_at(0x3000, 0x1000), 0);
	ck_assert(fake.t1->twin_on);
	fake_detach_group(&fake, 0);
	ck_assert_int_eq(map_at(LAST, 0x1000), 0);
	ck_assert_int_eq(unmap_at(0x1000, 0x1000, 0), 0x1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("type1 mapping tree");
	TCase *shape = tcase_create("shape"), *top = tcase_create("top");

	tcase_set_timeout(shape, 60);
	tcase_add_loop_test(shape, two_trees_take_the_same_shape, 1, 5);
	tcase_add_test(shape, the_walk_visits_every_mapping_in_order_both_ways);
	suite_add_tcase(suite, shape);

	tcase_add_checked_fixture(top, setup, teardown);
	tcase_add_test(top, the_last_page_poisons_searches_as_recorded);
	tcase_add_test(top, unmap_all_takes_it_along_when_an_ordinary_mapping_is_met_first);
	tcase_add_test(top, a_domain_attached_later_does_not_translate_it);
	tcase_add_test(top, one_that_fails_half_way_is_removed_properly);
	tcase_add_test(top, without_a_domain_nothing_is_pinned_and_nothing_leaks);
	tcase_add_test(top, the_corrected_kernel_removes_it);
	tcase_add_test(top, the_tree_is_built_when_it_becomes_necessary);
	suite_add_tcase(suite, top);
	return run_suite(suite);
}
