// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks that are used again: contents and places as those of the C library's, whatever was freed
 * before, and nobody reaches one that is free.
 */
#include "recycle.h"

#include "harness.h"
#include "poison.h"
#include "prng.h"

#define BLOCKS 100u

static struct recycler *recycler;

static void setup(void)
{
	recycler = recycler_create();
	ck_assert_ptr_nonnull(recycler);
	recycle_enter(recycler);
}

static void teardown(void)
{
	recycle_leave(NULL);
	recycler_destroy(recycler);
}

/* What a block holds, kept beside it. */
struct model {
	uint8_t *block;
	size_t size;
	uint8_t seed;
	bool aligned;
};

static uint8_t byte_of(const struct model *m, size_t at)
{
	return (uint8_t)(m->seed + at * 7);
}

static void check(const struct model *m, size_t upto)
{
	size_t differ = 0;

	for (size_t i = 0; i < upto; i++)
		differ += m->block[i] != byte_of(m, i);
	ck_assert_uint_eq(differ, 0);
}

static void fill(struct model *m, size_t from)
{
	for (size_t i = from; i < m->size; i++)
		m->block[i] = byte_of(m, i);
}

static void take(struct model *m, struct prng *rng)
{
	size_t differ = 0;

	m->aligned = prng_below(rng, 2);
	m->size = prng_below(rng, UINT64_C(1) << prng_below(rng, 18));
	m->seed = (uint8_t)prng_next(rng);
	m->block = m->aligned ? recycle_aligned_alloc("test.recycle.aligned", m->size)
			      : recycle_calloc("test.recycle.zeroed", m->size);
	ck_assert_ptr_nonnull(m->block);
	ck_assert_uint_eq((uintptr_t)m->block % (m->aligned ? 64 : 16), 0);
	for (size_t i = 0; i < m->size && !m->aligned; i++)
		differ += m->block[i] != 0;
	ck_assert_uint_eq(differ, 0);
	fill(m, 0);
}

static void resize(struct model *m, struct prng *rng)
{
	size_t old = m->size;

	m->size = prng_below(rng, UINT64_C(1) << prng_below(rng, 18));
	m->block = recycle_realloc("test.recycle.resized", m->block, m->size);
	ck_assert_ptr_nonnull(m->block);
	check(m, old < m->size ? old : m->size);
	fill(m, old < m->size ? old : m->size);
}

START_TEST(blocks_hold_what_was_written_until_they_are_freed)
{
	struct prng rng = {(uint64_t)_i};
	struct model model[BLOCKS] = {{0}};

	for (unsigned step = 0; step < 1000; step++) {
		struct model *m = &model[prng_below(&rng, BLOCKS)];

		/* Some of it with nothing in force: where a block comes from does not matter. */
		recycle_enter(prng_below(&rng, 8) ? recycler : NULL);
		if (!m->block) {
			take(m, &rng);
			continue;
		}
		check(m, m->size);
		if (!m->aligned && prng_below(&rng, 3) == 0) {
			resize(m, &rng);
			continue;
		}
		recycle_free(m->block);
		m->block = NULL;
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		recycle_free(model[i].block);
}
END_TEST

START_TEST(a_freed_block_is_taken_again_and_zeroed)
{
	void *first[RECYCLE_KEPT];
	bool again = false;

	for (unsigned i = 0; i < RECYCLE_KEPT; i++) {
		first[i] = recycle_calloc("test.recycle.again", 200);
		ck_assert_ptr_nonnull(first[i]);
		memset(first[i], 0xff, 200);
	}
	for (unsigned i = 0; i < RECYCLE_KEPT; i++)
		recycle_free(first[i]);
	for (unsigned i = 0; i < RECYCLE_KEPT; i++) {
		uint8_t *block = recycle_calloc("test.recycle.again", 200);

		for (unsigned at = 0; at < 200; at++)
			ck_assert_uint_eq(block[at], 0);
		again |= block == first[0];
		recycle_free(block);
	}
	ck_assert(again);
}
END_TEST

START_TEST(what_is_not_in_use_is_poisoned)
{
#ifdef SIO_ASAN
	uint8_t *block = recycle_calloc("test.recycle.poison", 40), *next;

	ck_assert(!__asan_address_is_poisoned(block) && !__asan_address_is_poisoned(block + 39));
	ck_assert(__asan_address_is_poisoned(block + 40));
	ck_assert_ptr_eq(recycle_realloc("test.recycle.poison", block, 56), block);
	ck_assert(!__asan_address_is_poisoned(block + 55));
	ck_assert(__asan_address_is_poisoned(block + 56));
	recycle_free(block);
	ck_assert(__asan_address_is_poisoned(block) && __asan_address_is_poisoned(block + 39));
	/* Not at once: a late use is to be noticed. */
	next = recycle_calloc("test.recycle.poison", 40);
	ck_assert_ptr_ne(next, block);
	recycle_free(next);
#endif
}
END_TEST

START_TEST(what_cannot_be_had_is_no_block)
{
	void *block = recycle_calloc("test.recycle.huge", 100);

	ck_assert_ptr_null(recycle_calloc("test.recycle.huge", SIZE_MAX - 100));
	ck_assert_ptr_null(recycle_aligned_alloc("test.recycle.huge", SIZE_MAX));
	ck_assert_ptr_null(recycle_realloc("test.recycle.huge", block, SIZE_MAX - 64));
	recycle_free(block);
	recycle_free(NULL);
	recycler_destroy(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recycle");
	TCase *tcase = tcase_create("recycle");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, blocks_hold_what_was_written_until_they_are_freed, 0, 5);
	tcase_add_test(tcase, a_freed_block_is_taken_again_and_zeroed);
	tcase_add_test(tcase, what_is_not_in_use_is_poisoned);
	tcase_add_test(tcase, what_cannot_be_had_is_no_block);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
