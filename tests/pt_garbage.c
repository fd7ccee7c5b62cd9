// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of random bytes: whatever lies in memory, a walk ends, stays in memory and in its arrays
 * (sanitizers watch), and gives the same answer with and without a trail, finished caps or not.
 *
 * Entries lean towards looking valid, with addresses of the few frames that hold tables, so that
 * walks go deep, in circles and into themselves.
 */
#include "pt_fixture.h"

#include "prng.h"
#include "pt/pt_nested.h"

#include <string.h>

#define FRAMES 24u
#define WALKS  4000u
#define SEEDS  6

static const struct pt_ops *const formats[] = {&pt_vtd_ss, &pt_x86_64, &pt_amd_v1};

static uint64_t random_raw(struct prng *rng, pa_t frames)
{
	uint64_t raw = prng_next(rng);

	switch (prng_below(rng, 8)) {
	case 0:
		return raw;
	case 1:
		return 0;
	case 2:
		raw &= SIO_MASK(51, 0);
		break;
	default:
		raw = (frames + prng_below(rng, FRAMES) * 4096) | (raw & 0xfff);
		if (prng_below(rng, 2))
			raw &= ~UINT64_C(0x880);
	}
	raw |= 0x7;
	if (prng_below(rng, 4))
		raw |= UINT64_C(3) << 61;
	else
		raw &= SIO_MASK(60, 0);
	return raw;
}

static struct pt_caps random_caps(struct prng *rng, const struct pt_ops *ops)
{
	uint64_t bits = prng_next(rng);
	struct pt_caps caps = {
		.haw = (uint8_t)(prng_below(rng, 2) ? 52 : 39 + prng_below(rng, 13)),
		.large_levels = (uint8_t)(bits | 1),
		.snoop = bits & 0x100,
		.ignore_snoop_leaf = bits & 0x200,
		.device_tlb = bits & 0x400,
		.access_dirty = bits & 0x800,
		.access_only = !(bits & 0x7000),
		.contiguous = bits & 0x8000,
		.execute = !(bits & 0x30000),
		.no_execute = bits & 0x40000,
		.ignore_no_execute = bits & 0x80000,
		.write_protect = bits & 0x100000,
		.extended_accessed = !(bits & 0x600000),
	};

	if (prng_below(rng, 3))
		pt_caps_finish(&caps, ops);
	return caps;
}

static struct pt_start random_start(struct prng *rng, const struct pt_ops *ops, pa_t frames)
{
	struct pt_start start = {
		.table = frames + prng_below(rng, FRAMES) * 4096,
		.level = (uint8_t)prng_below(rng, ops->format->top_level_max + 1u),
		.perm = (uint8_t)(prng_below(rng, 8) ? PT_ALL : prng_below(rng, 128)),
		.cached = prng_below(rng, 8) == 0,
	};

	if (prng_below(rng, 50) == 0)
		start.table = prng_next(rng) & SIO_MASK(51, 12);
	return start;
}

static unsigned random_need(struct prng *rng)
{
	unsigned need = 1 + (unsigned)prng_below(rng, 3);

	return need | (prng_below(rng, 3) ? 0 : PT_U) | (prng_below(rng, 3) ? 0 : PT_X);
}

/* Mostly within the lowest width, so that a walk begins at all; or next to its border. */
static iova_t random_iova(struct prng *rng)
{
	iova_t iova = prng_next(rng) >> prng_below(rng, 50);

	return prng_below(rng, 8) ? iova : ~iova;
}

static bool same(const struct pt_walk_result *a, const struct pt_walk_result *b)
{
	return a->fault == b->fault && a->level == b->level && a->size_lg2 == b->size_lg2 &&
	       a->perm == b->perm && a->oa == b->oa && a->leaf_table == b->leaf_table &&
	       a->table_perm == b->table_perm && a->present == b->present;
}

static uint64_t loop_seed(int loop)
{
	return 1 + (uint64_t)loop;
}

static pa_t garbage(struct prng *rng)
{
	pa_t frames = phys_tables_alloc(phys, 32);

	ck_assert_uint_ne(frames, PA_NONE);
	for (unsigned i = 0; i < FRAMES * 512; i++)
		put(frames, i, random_raw(rng, frames));
	return frames;
}

START_TEST(a_walk_of_garbage_ends_and_agrees_with_itself)
{
	struct prng rng = {.state = loop_seed(_i)};
	pa_t frames = garbage(&rng);
	unsigned good = 0;

	for (unsigned i = 0; i < WALKS; i++) {
		const struct pt_ops *ops = formats[prng_below(&rng, SIO_ARRAY_SIZE(formats))];
		struct pt_caps caps = random_caps(&rng, ops);
		struct pt_start start = random_start(&rng, ops, frames);
		unsigned need = random_need(&rng), n = 99;
		iova_t iova = random_iova(&rng);
		struct pt_step steps[PT_LEVELS_MAX];
		struct pt_walk_result first, traced, again;

		first = ops->walk(phys, &caps, start, iova, need, NULL, NULL);
		traced = ops->walk(phys, &caps, start, iova, need, steps, &n);
		again = ops->walk(phys, &caps, start, iova, need, NULL, NULL);
		ck_assert_msg(n <= start.level + 1u, "seed %ju, walk %u", (uintmax_t)loop_seed(_i),
			      i);
		/* The first may have set marks on its own way: only then may it differ. */
		ck_assert_msg(same(&traced, &again), "seed %ju, walk %u", (uintmax_t)loop_seed(_i),
			      i);
		ck_assert_msg(caps.access_dirty || same(&first, &again), "seed %ju, walk %u",
			      (uintmax_t)loop_seed(_i), i);
		good += first.fault == PT_OK;
		if (first.fault == PT_OK)
			ck_assert_uint_eq(first.oa & 0xfff, iova & 0xfff);
	}
	ck_assert_uint_gt(good, WALKS / 20);
}
END_TEST

START_TEST(a_nested_walk_of_garbage_ends_and_agrees_with_itself)
{
	struct prng rng = {.state = loop_seed(_i) * 77};
	pa_t frames = garbage(&rng);
	unsigned good = 0;

	for (unsigned i = 0; i < WALKS; i++) {
		const struct pt_ops *one = formats[prng_below(&rng, SIO_ARRAY_SIZE(formats))];
		const struct pt_ops *two = formats[prng_below(&rng, SIO_ARRAY_SIZE(formats))];
		struct pt_caps first = random_caps(&rng, one), second = random_caps(&rng, two);
		const struct pt_nested nested = {
			.first = {one, &first, random_start(&rng, one, frames)},
			.second = {two, &second, random_start(&rng, two, frames)},
		};
		struct pt_nested_step steps[PT_NESTED_STEPS_MAX];
		struct pt_nested_result res, again;
		unsigned need = random_need(&rng), n = 99;
		iova_t iova = random_iova(&rng);

		(void)pt_nested_walk(phys, &nested, iova, need, NULL, NULL);
		res = pt_nested_walk(phys, &nested, iova, need, steps, &n);
		again = pt_nested_walk(phys, &nested, iova, need, NULL, NULL);
		ck_assert_msg(n <= PT_NESTED_STEPS_MAX && res.fault == again.fault &&
				      res.where == again.where && res.oa == again.oa &&
				      res.perm == again.perm && res.gpa == again.gpa,
			      "seed %ju, walk %u", (uintmax_t)loop_seed(_i), i);
		good += res.fault == PT_OK;
	}
	ck_assert_uint_gt(good, WALKS / 200);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pt_garbage");
	TCase *tc = tcase_create("random bytes");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, pt_setup, pt_teardown);
	tcase_add_loop_test(tc, a_walk_of_garbage_ends_and_agrees_with_itself, 0, SEEDS);
	tcase_add_loop_test(tc, a_nested_walk_of_garbage_ends_and_agrees_with_itself, 0, SEEDS);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
