// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer's own parts: changes of inputs keep operations whole and repeat by seed, records speak
 * of live mappings, literals say what they are told to, and the naive reference answers as a kernel
 * was recorded to.
 */
#include "harness.h"

#include "corpus/ops.h"
#include "naive.h"
#include "prng.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/vfio.h>
#include <string.h>

#define INPUT_MAX (OPS_HEAD + 20 * OPS_RECORD)

/* Every fourth record claims to be a literal. */
static size_t random_input(struct prng *rng, uint8_t *data)
{
	size_t size = prng_below(rng, INPUT_MAX + 1);

	for (size_t i = 0; i < INPUT_MAX; i++)
		data[i] = (uint8_t)(prng_next(rng) >> 24);
	for (size_t i = OPS_HEAD + OPS_RECORD - 1; i < INPUT_MAX; i += OPS_RECORD)
		if (!prng_below(rng, 4))
			data[i] = OPS_LITERAL;
	return size;
}

/* Where the operations begin, found by reading on; returns their number. */
static unsigned split(const uint8_t *data, size_t size, size_t *start)
{
	unsigned count = 0;
	size_t at = OPS_HEAD;

	for (; at + 8 <= size; at += data[at + 7] == 0xee ? 32 : 8)
		start[count++] = at;
	start[count] = at < size ? at : size;
	return count;
}

static size_t whole(const uint8_t *data, size_t size)
{
	size_t start[INPUT_MAX];
	unsigned count = split(data, size, start);

	return count ? start[count] : OPS_HEAD;
}

START_TEST(operations_are_found_one_behind_the_other)
{
	struct prng rng = {(uint64_t)_i};
	size_t at[OPS_MAX + 1], start[INPUT_MAX];
	uint8_t data[INPUT_MAX];
	size_t size = random_input(&rng, data);
	unsigned count = ops_index(data, size, at);

	ck_assert_uint_eq(count, split(data, size, start));
	for (unsigned n = 0; n < count; n++)
		ck_assert_msg(at[n] == start[n], "seed %d", _i);
	ck_assert_uint_eq(at[count], start[count]);
}
END_TEST

START_TEST(a_change_keeps_operations_whole_and_repeats)
{
	struct prng rng = {(uint64_t)_i};
	uint8_t data[INPUT_MAX + 8], again[INPUT_MAX + 8];
	size_t size = random_input(&rng, data);

	memset(data + INPUT_MAX, 0x5a, 8);
	memcpy(again, data, sizeof(data));
	for (unsigned round = 0; round < 200; round++) {
		size_t before = size;

		size = ops_mutate(data, before, INPUT_MAX, round);
		ck_assert_uint_eq(size, whole(data, size));
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
	size_t a_at[INPUT_MAX], b_at[INPUT_MAX], b_end = whole(b, b_size);
	unsigned a_count = split(a, a_size, a_at), b_count = split(b, b_size, b_at);

	for (unsigned i = 0; i <= a_count && a_at[i] <= size; i++)
		for (unsigned k = 0; k <= b_count; k++)
			if (a_at[i] + b_end - b_at[k] == size && !memcmp(out, a, a_at[i]) &&
			    !memcmp(out + a_at[i], b + b_at[k], size - a_at[i]))
				return true;
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
	unsigned unmaps = 0, touch = 0, count;
	size_t at[OPS_MAX + 1];
	struct ops_setup setup;
	struct op op;

	for (unsigned round = 0; round < 500; round++) {
		random_input(&rng, data);
		ops_setup(&setup, data, INPUT_MAX);
		count = ops_index(data, INPUT_MAX, at);
		for (unsigned n = 0; n < count; n++) {
			ops_decode(&op, &setup, data, INPUT_MAX, at[n], &view);
			ck_assert_uint_lt(op.kind, OP_KINDS);
			if (data[at[n] + OPS_RECORD - 1] == OPS_LITERAL)
				continue;
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

START_TEST(an_input_without_operations_becomes_a_whole_session)
{
	static uint8_t data[4096];
	size_t at[OPS_MAX + 1], size = ops_mutate(data, 0, sizeof(data), (unsigned)_i);

	ck_assert_uint_eq(ops_index(data, size, at), 64);
	ck_assert_uint_eq(at[64], size);
}
END_TEST

/* ---- literals ---- */

static struct op decode_first(const uint8_t *data, size_t size)
{
	static struct ops_view view = {.live = {{0x200000, 0x203fff}}, .count = 1};
	struct ops_setup setup;
	struct op op;

	ops_setup(&setup, data, size);
	ops_decode(&op, &setup, data, size, OPS_HEAD, &view);
	return op;
}

/* clang-format off */
static const uint8_t literal_map[OPS_HEAD + OPS_BYTES_MAX] = {
	0, 0, 0, 0, 0xff, 0xff, 0xff, 0,
	0, 0x20, 0x00, 0x0b, 0, 0, 0x80, 0xee, /* MAP, argsz 32, flags 0x8000000b */
	0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
	0x01, 0, 0, 0, 0, 0, 0, 0x80,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};
/* clang-format on */

START_TEST(a_literal_is_taken_as_it_stands)
{
	struct op op = decode_first(literal_map, sizeof(literal_map));

	ck_assert_int_eq(op.kind, OP_MAP);
	ck_assert_uint_eq(op.argsz, 32);
	ck_assert_uint_eq(op.flags, 0x8000000b);
	ck_assert_uint_eq(op.iova, 0x1122334455667788);
	ck_assert_uint_eq(op.size, 0x8000000000000001);
	ck_assert_uint_eq(op_vaddr(&op), UINT64_MAX);
}
END_TEST

START_TEST(a_literal_that_is_cut_short_reads_zeroes)
{
	size_t size = OPS_HEAD + OPS_RECORD + (size_t)_i;
	struct op op = decode_first(literal_map, size);
	uint64_t iova = UINT64_C(0x1122334455667788), vaddr = UINT64_MAX;

	/* _i bytes of the words are there. */
	if (_i < 8)
		iova &= (UINT64_C(1) << (8 * _i)) - 1;
	if (_i < 24)
		vaddr = _i > 16 ? (UINT64_C(1) << (8 * (_i - 16))) - 1 : 0;
	ck_assert_uint_eq(op.iova, iova);
	ck_assert_uint_eq(op.size, _i < 9 ? 0 : _i < 16 ? 1 : UINT64_C(0x8000000000000001));
	ck_assert_uint_eq(op_vaddr(&op), vaddr);
}
END_TEST

START_TEST(every_operation_has_a_literal)
{
	struct prng rng = {(uint64_t)_i};
	uint8_t data[INPUT_MAX] = {0}, literal[OPS_HEAD + OPS_BYTES_MAX] = {0};
	char text[160], again[160];
	struct op op, back;

	random_input(&rng, data);
	op = decode_first(data, sizeof(data));
	ck_assert_uint_eq(ops_encode(&op, literal + OPS_HEAD), OPS_BYTES_MAX);
	back = decode_first(literal, sizeof(literal));
	ops_text(&op, text, sizeof(text));
	ops_text(&back, again, sizeof(again));
	ck_assert_str_eq(text, again);
	if (op.kind != OP_MEMORY)
		ck_assert_uint_eq(back.iova, op.iova);
	ck_assert_uint_eq(back.size, op.size);
	if (op.kind == OP_DMA)
		ck_assert_uint_eq(back.write, op.write);
	if (op.kind <= OP_UNMAP_ALL) {
		ck_assert_uint_eq(back.flags, op.flags);
		ck_assert_uint_eq(back.argsz, op.argsz);
	}
}
END_TEST

START_TEST(an_argsz_that_does_not_fit_has_no_literal)
{
	struct op op = {.kind = OP_MAP, .argsz = 65535};
	uint8_t bytes[OPS_HEAD + OPS_BYTES_MAX] = {0};

	ck_assert_uint_eq(ops_encode(&op, bytes + OPS_HEAD), 0);
	op.argsz = UINT32_MAX;
	ck_assert_uint_eq(ops_encode(&op, bytes + OPS_HEAD), OPS_BYTES_MAX);
	ck_assert_uint_eq(decode_first(bytes, sizeof(bytes)).argsz, UINT32_MAX);
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
	ck_assert_uint_eq(naive_locked_pages(&naive, UINT_MAX), 31);
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
	TCase *ops = tcase_create("ops"), *literals = tcase_create("literals");
	TCase *reference = tcase_create("reference");

	tcase_add_loop_test(ops, operations_are_found_one_behind_the_other, 0, 200);
	tcase_add_loop_test(ops, a_change_keeps_operations_whole_and_repeats, 0, 20);
	tcase_add_loop_test(ops, a_splice_is_a_beginning_and_an_end, 0, 200);
	tcase_add_test(ops, most_unmaps_touch_a_live_mapping);
	tcase_add_loop_test(ops, an_input_without_operations_becomes_a_whole_session, 0, 20);
	suite_add_tcase(suite, ops);
	tcase_add_test(literals, a_literal_is_taken_as_it_stands);
	tcase_add_loop_test(literals, a_literal_that_is_cut_short_reads_zeroes, 0, 24 + 1);
	tcase_add_loop_test(literals, every_operation_has_a_literal, 0, 2000);
	tcase_add_test(literals, an_argsz_that_does_not_fit_has_no_literal);
	suite_add_tcase(suite, literals);
	tcase_add_test(reference, the_reference_answers_as_a_recorded_kernel);
	tcase_add_test(reference, the_reference_knows_what_it_does_not_know);
	suite_add_tcase(suite, reference);
	return run_suite(suite);
}
