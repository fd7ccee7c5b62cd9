// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer's own parts: changes of inputs keep records whole and repeat by seed, records speak of
 * live mappings, and the naive reference answers as a kernel was recorded to.
 */
#include "harness.h"

#include "naive.h"
#include "ops.h"
#include "prng.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#define INPUT_MAX (OPS_HEAD + 20 * OPS_RECORD)

static size_t random_input(struct prng *rng, uint8_t *data)
{
	size_t size = prng_below(rng, INPUT_MAX + 1);

	for (size_t i = 0; i < INPUT_MAX; i++)
		data[i] = (uint8_t)(prng_next(rng) >> 24);
	return size;
}

static size_t whole(size_t size)
{
	return OPS_HEAD + ops_count(size) * OPS_RECORD;
}

START_TEST(a_change_keeps_records_whole_and_repeats)
{
	struct prng rng = {(uint64_t)_i};
	uint8_t data[INPUT_MAX + 8], again[INPUT_MAX + 8];
	size_t size = random_input(&rng, data);

	memset(data + INPUT_MAX, 0x5a, 8);
	memcpy(again, data, sizeof(data));
	for (unsigned round = 0; round < 200; round++) {
		size_t before = size;

		size = ops_mutate(data, before, INPUT_MAX, round);
		ck_assert_uint_eq(size, whole(size));
		ck_assert_uint_le(size, INPUT_MAX);
		ck_assert_uint_ge(size, OPS_HEAD);
		ck_assert_uint_eq(ops_mutate(again, before, INPUT_MAX, round), size);
		ck_assert_msg(!memcmp(data, again, size), "seed %d, round %u", _i, round);
		for (unsigned i = 0; i < 8; i++)
			ck_assert_uint_eq(data[INPUT_MAX + i], 0x5a);
	}
}
END_TEST

static bool is_splice(const uint8_t *out, size_t size, const uint8_t *a, size_t a_size,
		      const uint8_t *b, size_t b_size)
{
	for (size_t cut = OPS_HEAD; cut <= size && cut <= whole(a_size); cut += OPS_RECORD) {
		size_t tail = size - cut;

		if (tail <= whole(b_size) - OPS_HEAD && !memcmp(out, a, cut) &&
		    !memcmp(out + cut, b + whole(b_size) - tail, tail))
			return true;
	}
	return false;
}

START_TEST(a_splice_is_a_beginning_and_an_end)
{
	struct prng rng = {(uint64_t)_i};
	uint8_t a[INPUT_MAX], b[INPUT_MAX], out[INPUT_MAX];
	size_t a_size = random_input(&rng, a), b_size = random_input(&rng, b);
	size_t most = OPS_HEAD + prng_below(&rng, 15) * OPS_RECORD;
	size_t size = ops_splice(a, a_size, b, b_size, out, most, (unsigned)_i);

	if (a_size < OPS_HEAD || b_size < OPS_HEAD) {
		ck_assert_uint_eq(size, 0);
		return;
	}
	ck_assert_uint_le(size, most);
	ck_assert_msg(is_splice(out, size, a, a_size, b, b_size), "seed %d", _i);
}
END_TEST

START_TEST(most_unmaps_touch_a_live_mapping)
{
	static struct ops_view view = {.live = {{0x200000, 0x203fff}, {0x500000, 0x5fffff}},
				       .count = 2};
	struct prng rng = {1};
	uint8_t data[INPUT_MAX];
	unsigned unmaps = 0, touch = 0;
	struct ops_setup setup;
	struct op op;

	for (unsigned round = 0; round < 500; round++) {
		random_input(&rng, data);
		ops_setup(&setup, data, INPUT_MAX);
		for (unsigned n = 0; n < ops_count(INPUT_MAX); n++) {
			ops_decode(&op, &setup, data, n, &view);
			ck_assert_uint_lt(op.kind, OP_KINDS);
			ck_assert_uint_ne(setup.weight[op.kind], 0);
			if (op.kind != OP_UNMAP)
				continue;
			unmaps++;
			for (unsigned i = 0; i < view.count; i++)
				touch += op.iova <= view.live[i].last &&
					 op.iova + op.size - 1 >= view.live[i].first;
		}
	}
	ck_assert_uint_gt(unmaps, 500);
	ck_assert_uint_gt(touch, unmaps / 2);
}
END_TEST

/* ---- the reference ---- */

static struct naive naive;

static void begin(const char *kernel, bool v2)
{
	struct ops_setup setup = {.platform = 4, .v2 = v2, .entry_limit = 65535};
	struct op join = {.kind = OP_JOIN};

	naive_init(&naive, kernel, &setup);
	ck_assert(naive_knows(&naive, &join));
	ck_assert_int_eq(naive_do(&naive, &join).error, 0);
}

static int map(uint64_t iova, uint64_t size, uint32_t flags)
{
	struct op op = {.kind = OP_MAP,
			.iova = iova,
			.size = size,
			.flags = flags,
			.argsz = sizeof(struct vfio_iommu_type1_dma_map)};

	ck_assert(naive_knows(&naive, &op));
	return naive_do(&naive, &op).error;
}

/* Bytes, or -errno. */
static int64_t unmap(uint64_t iova, uint64_t size, uint32_t flags)
{
	struct op op = {.kind = OP_UNMAP,
			.iova = iova,
			.size = size,
			.flags = flags,
			.argsz = sizeof(struct vfio_iommu_type1_dma_unmap)};
	struct naive_answer answer;

	ck_assert(naive_knows(&naive, &op));
	answer = naive_do(&naive, &op);
	return answer.error ? -answer.error : (int64_t)answer.value;
}

/* The first operations of a recording of 6.12.117 on AMD-Vi, TYPE1v2, seed 31032. */
START_TEST(the_reference_answers_as_a_recorded_kernel)
{
	struct op join = {.kind = OP_JOIN, .group = 2};

	begin("6.12", true);
	ck_assert_int_eq(map(0xfe063000, 0x1000, 3), 0);
	ck_assert_int_eq(unmap(0xfe063000, 0x4000, 0), 0x1000);
	ck_assert_int_eq(map(0xfe00c000, 0xf000, 3), 0);
	ck_assert_int_eq(unmap(0xfe00c000, 0xf000, 4), 0xf000);
	ck_assert_int_eq(map(0xfe00a000, 0x1ff000, 3), EEXIST);
	ck_assert_int_eq(map(0xfe02d000, 0xe000, 3), 0);
	ck_assert_int_eq(map(0xfe03b000, 0x2000, 1), 0);
	ck_assert_int_eq(naive_do(&naive, &join).error, EBUSY);
	ck_assert_int_eq(map(0xfe03f000, 0, 2), EINVAL);
	ck_assert_int_eq(map(0xfe04e000, 0x1000, 3), 0);
	ck_assert_int_eq(map(0xfe03b000, 0x33000, 3), EEXIST);
	ck_assert_int_eq(unmap(0xfe04e000, 0x1000, 0), 0x1000);
	ck_assert_int_eq(unmap(0xfe036000, 0x5000, 0), -EINVAL);
	/* VmLck=124 */
	ck_assert_uint_eq(naive_locked_pages(&naive), 31);
}
END_TEST

START_TEST(the_reference_knows_what_it_does_not_know)
{
	struct op op = {.kind = OP_MAP, .iova = UINT64_MAX - 4095, .size = 4096, .flags = 3};

	begin("6.12", true);
	ck_assert(!naive_knows(&naive, &op));
	begin("6.18", true);
	ck_assert(naive_knows(&naive, &op));
	begin("5.10", false);
	op = (struct op){.kind = OP_UNMAP, .iova = 0x3000, .size = 0x8000};
	ck_assert_int_eq(map(0x2000, 0x2000, 3), 0);
	ck_assert_int_eq(unmap(0x3000, 0x8000, 0), 0);
	ck_assert_int_eq(map(0x4000, 0x1000, 3), 0);
	ck_assert(!naive_knows(&naive, &op));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("the fuzzer's own parts");
	TCase *ops = tcase_create("ops"), *reference = tcase_create("reference");

	tcase_add_loop_test(ops, a_change_keeps_records_whole_and_repeats, 0, 20);
	tcase_add_loop_test(ops, a_splice_is_a_beginning_and_an_end, 0, 200);
	tcase_add_test(ops, most_unmaps_touch_a_live_mapping);
	suite_add_tcase(suite, ops);
	tcase_add_test(reference, the_reference_answers_as_a_recorded_kernel);
	tcase_add_test(reference, the_reference_knows_what_it_does_not_know);
	suite_add_tcase(suite, reference);
	return run_suite(suite);
}
