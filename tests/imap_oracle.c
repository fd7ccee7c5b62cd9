// SPDX-License-Identifier: GPL-2.0-only
/* The interval map against a flat array of owners, address by address. */
#include "harness.h"

#include "imap.h"
#include "prng.h"

#include <string.h>

#define SPACE 4096u
#define STEPS 5000u

struct oracle {
	struct imap map;
	struct prng rng;
	uint64_t owner[SPACE]; /* value of the entry that covers the address, 0 none */
	uint64_t next_value;
	uint64_t seed;
	unsigned longest;
};

static uint64_t below(struct oracle *o, uint64_t bound)
{
	return prng_below(&o->rng, bound);
}

static void paint(struct oracle *o, struct imap_entry e, uint64_t value)
{
	for (uint64_t a = e.first; a <= e.last; a++)
		o->owner[a] = value;
}

static void step_insert(struct oracle *o)
{
	struct imap_entry e = {.first = below(o, SPACE)};
	struct imap_entry hit;
	bool taken = false;

	e.last = e.first + below(o, o->longest);
	if (e.last >= SPACE)
		e.last = SPACE - 1;
	for (uint64_t a = e.first; a <= e.last; a++)
		taken |= o->owner[a] != 0;
	ck_assert_msg(imap_find(&o->map, e.first, e.last, &hit) == taken, "seed %lu", o->seed);
	if (taken)
		return;
	e.value = ++o->next_value;
	ck_assert(imap_insert(&o->map, e));
	paint(o, e, e.value);
}

static void step_look(struct oracle *o)
{
	uint64_t at = below(o, SPACE), up = at, down = at + 1;
	struct imap_entry e;

	while (up < SPACE && !o->owner[up])
		up++;
	while (down > 0 && !o->owner[down - 1])
		down--;
	ck_assert_msg(imap_ceil(&o->map, at, &e) == (up < SPACE), "seed %lu", o->seed);
	if (up < SPACE)
		ck_assert_uint_eq(e.value, o->owner[up]);
	ck_assert_msg(imap_floor(&o->map, at, &e) == (down > 0), "seed %lu", o->seed);
	if (down > 0)
		ck_assert_uint_eq(e.value, o->owner[down - 1]);
}

static void step_erase(struct oracle *o)
{
	uint64_t at = below(o, SPACE);
	struct imap_entry e;
	bool there = imap_erase(&o->map, at, &e);

	ck_assert_msg(there == (o->owner[at] != 0), "seed %lu", o->seed);
	if (there) {
		ck_assert_uint_eq(e.value, o->owner[at]);
		paint(o, e, 0);
	}
}

/* Grow into free neighbours, or shrink to a part. */
static void step_update(struct oracle *o)
{
	struct imap_entry e, to;

	if (!imap_ceil(&o->map, below(o, SPACE), &e))
		return;
	to = e;
	if (below(o, 2)) {
		while (to.last + 1 < SPACE && !o->owner[to.last + 1] && to.last < e.last + 9)
			to.last++;
		while (to.first > 0 && !o->owner[to.first - 1] && to.first + 9 > e.first)
			to.first--;
	} else {
		to.first += below(o, e.last - e.first + 1);
		to.last -= below(o, to.last - to.first + 1);
	}
	paint(o, e, 0);
	paint(o, to, e.value);
	ck_assert_msg(imap_update(&o->map, e.first, to), "seed %lu", o->seed);
}

START_TEST(random_changes_agree_with_a_flat_array)
{
	struct oracle o = {.seed = (uint64_t)_i + 1};

	o.rng.state = o.seed;
	o.longest = 1 + (unsigned)below(&o, 24);
	imap_init(&o.map);
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned grow = i < STEPS / 2 ? 6 : 2;
		uint64_t pick = below(&o, 10);

		if (pick < grow)
			step_insert(&o);
		else if (pick < 7)
			step_erase(&o);
		else if (pick < 8)
			step_update(&o);
		step_look(&o);
		if (i % 61 == 0) {
			const char *why = imap_audit(&o.map);

			ck_assert_msg(!why, "seed %lu step %u: %s", o.seed, i, why);
		}
	}
	imap_fini(&o.map);
}
END_TEST

START_TEST(the_last_address_of_the_space_is_an_address)
{
	struct imap map;
	struct imap_entry e;

	imap_init(&map);
	ck_assert(imap_insert(&map, (struct imap_entry){UINT64_MAX, UINT64_MAX, 7}));
	ck_assert(imap_insert(&map, (struct imap_entry){0, 0, 8}));
	for (uint64_t i = 1; i < 200; i++)
		ck_assert(imap_insert(&map, (struct imap_entry){i * 16, i * 16 + 3, i}));
	ck_assert(imap_find(&map, UINT64_MAX, UINT64_MAX, &e));
	ck_assert_uint_eq(e.value, 7);
	ck_assert(imap_ceil(&map, 200 * 16, &e));
	ck_assert_uint_eq(e.value, 7);
	ck_assert(imap_floor(&map, UINT64_MAX - 1, &e));
	ck_assert_uint_eq(e.value, 199);
	ck_assert_ptr_null(imap_audit(&map));
	ck_assert(imap_erase(&map, UINT64_MAX, &e));
	ck_assert(!imap_ceil(&map, 200 * 16, &e));
	imap_fini(&map);
}
END_TEST

START_TEST(a_cleared_map_reuses_its_nodes)
{
	struct imap map;
	size_t bytes;

	imap_init(&map);
	for (uint64_t i = 0; i < 10000; i++)
		ck_assert(imap_insert(&map, (struct imap_entry){i * 2, i * 2, i}));
	bytes = imap_bytes(&map);
	imap_clear(&map);
	ck_assert_uint_eq(imap_count(&map), 0);
	for (uint64_t i = 0; i < 10000; i++)
		ck_assert(imap_insert(&map, (struct imap_entry){i * 2, i * 2, i}));
	ck_assert_uint_eq(imap_bytes(&map), bytes);
	imap_fini(&map);
}
END_TEST

/* Sparse nodes beside full ones: a node may empty with no neighbour to join. */
START_TEST(a_map_filled_in_random_order_empties_in_any_order)
{
	const uint64_t n = 12800;
	struct prng rng = {(uint64_t)_i + 1};
	uint64_t *key = malloc(n * sizeof(*key));
	struct imap map;
	struct imap_entry e;

	imap_init(&map);
	for (uint64_t i = 0; i < n; i++)
		key[i] = i * 4;
	for (uint64_t i = n - 1; i > 0; i--) {
		uint64_t j = prng_below(&rng, i + 1), t = key[i];

		key[i] = key[j];
		key[j] = t;
	}
	for (unsigned round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < n; i++)
			if (!imap_insert(&map, (struct imap_entry){key[i], key[i] + 3, i}))
				ck_abort_msg("no memory");
		for (uint64_t left = n; left > 0; left--) {
			bool low = round == 0   ? imap_ceil(&map, 0, &e)
				   : round == 1 ? imap_floor(&map, UINT64_MAX, &e)
						: imap_find(&map, key[left - 1], key[left - 1], &e);

			if (!low || !imap_erase(&map, e.first, NULL))
				ck_abort_msg("seed %d round %u: %lu entries are lost", _i + 1,
					     round, left);
			if (left % 197 == 0)
				ck_assert_ptr_null(imap_audit(&map));
		}
		ck_assert_uint_eq(imap_count(&map), 0);
	}
	imap_fini(&map);
	free(key);
}
END_TEST

START_TEST(a_walk_visits_every_entry_in_order)
{
	struct imap map;
	struct imap_entry e;
	uint64_t n = 0;

	imap_init(&map);
	for (uint64_t i = 1000; i-- > 0;)
		ck_assert(imap_insert(&map, (struct imap_entry){i * 10, i * 10 + 9, i}));
	for (struct imap_iter it = imap_iter(&map, 5005); imap_next(&it, &e); n++)
		ck_assert_uint_eq(e.value, 500 + n);
	ck_assert_uint_eq(n, 500);
	imap_fini(&map);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("imap");
	TCase *tc = tcase_create("oracle");

	tcase_add_loop_test(tc, random_changes_agree_with_a_flat_array, 0, 12);
	tcase_add_test(tc, the_last_address_of_the_space_is_an_address);
	tcase_add_test(tc, a_cleared_map_reuses_its_nodes);
	tcase_add_loop_test(tc, a_map_filled_in_random_order_empties_in_any_order, 0, 6);
	tcase_add_test(tc, a_walk_visits_every_entry_in_order);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
