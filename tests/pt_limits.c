// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables at their limits: requests that cannot be carried out, memory that runs out, audits of
 * what is wrong, and the vector loops against the plain ones.
 */
#include "harness.h"

#include <string.h>

#include "pt/pt.h"
#include "pt/pt_entries.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

START_TEST(a_request_out_of_range_changes_nothing)
{
	static const struct pt_map_req bad[] = {
		{SIO_BIT(48), 0, 1, 12, 3, 4096},        /* beyond the width */
		{SIO_BIT(48) - 4096, 0, 2, 12, 3, 4096}, /* its end is */
		{~UINT64_C(0xfff), 0, 2, 12, 3, 4096},   /* wraps */
		{0, 0, SIO_BIT(52), 12, 3, 4096},        /* as long as the space */
		{0, 0, ~UINT64_C(0), 12, 3, 4096},
		{0x1008, 0, 1, 12, 3, 4096}, /* misaligned */
		{0x1000, 0x2010, 1, 12, 3, 4096},
		{0x1000, 0x2000, 2, 12, 3, 100},
		{0x1000, 0x200000, 1, 21, 3, 0x200000},
		{0x200000, 0x1000, 1, 21, 3, 0x200000},
		{0, 0, 1, 30, 3, (int64_t)GIB}, /* 1 GiB leaves are not granted */
		{0, 0, 1, 39, 3, 0},
		{0, 0, 1, 13, 3, 0x2000}, /* no such size */
		{0, 0, 1, 0, 3, 1},
		{0, 0, 1, 255, 3, 0},
		{0, 0, 1, 12, 0, 4096}, /* neither R nor W */
		{0, 0, 1, 12, PT_SNP, 4096},
		{0, SIO_BIT(52), 1, 12, 3, 4096}, /* no room in an entry */
		{0, SIO_BIT(52) - 4096, 2, 12, 3, 4096},
		{0, 0x1000, 3, 12, 3, -4096}, /* below zero */
	};
	const struct phys_cfg ram = {.ram_bytes = 16 * MIB};
	const struct pt_caps caps = {.haw = 46, .large_levels = 0x3};
	struct phys *phys = phys_create(&ram);
	struct pt_gather gather = {0};
	struct pt pt;
	iova_t found;

	ck_assert_ptr_nonnull(phys);
	ck_assert(pt_init(&pt, phys, &pt_vtd_ss, &caps, 3));
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(bad); i++) {
		struct pt_change got = pt.ops->map(&pt, &bad[i]);

		ck_assert_msg(got.status == PT_RANGE && got.done == 0, "request %u", i);
		ck_assert(!pt.ops->next(&pt, 0, ~UINT64_C(0), &found));
	}
	ck_assert_int_eq(pt.ops->unmap(&pt, SIO_BIT(48), 4096, &gather).status, PT_RANGE);
	ck_assert_int_eq(pt.ops->unmap(&pt, 0, SIO_BIT(48) + 4096, &gather).status, PT_RANGE);
	ck_assert_int_eq(pt.ops->unmap(&pt, ~UINT64_C(0xfff), 8192, &gather).status, PT_RANGE);
	ck_assert_int_eq(pt.ops->unmap(&pt, 0x800, 4096, &gather).status, PT_RANGE);
	ck_assert_int_eq(pt.ops->unmap(&pt, 0, 0, &gather).status, PT_DONE);
	ck_assert_int_eq(pt.ops->split(&pt, SIO_BIT(48)), PT_RANGE);
	ck_assert_uint_eq(pt.ops->leaf_lg2(&pt, SIO_BIT(48)), 0);
	ck_assert_uint_eq(pt.ops->query(&pt, SIO_BIT(48), 1).pages, 0);
	ck_assert(!pt.ops->next(&pt, SIO_BIT(48), ~UINT64_C(0), &found));
	ck_assert(!pt.ops->next(&pt, 5, 4, &found));
	ck_assert_uint_eq(pt.table_count, 1);
	pt_fini(&pt);
	phys_destroy(phys);
}
END_TEST

/* One leaf per 2 MiB takes a table each, until there are none. */
START_TEST(map_without_memory_keeps_what_was_done_and_no_more)
{
	const struct phys_cfg ram = {.ram_bytes = 16 * MIB};
	const struct pt_caps caps = {.haw = 46, .large_levels = 0x1};
	struct phys *phys = phys_create(&ram);
	struct pt_gather gather = {0};
	struct pt_change got = {0};
	uint64_t base, tables, made = 0;
	struct pt pt;

	ck_assert_ptr_nonnull(phys);
	base = phys_table_count(phys);
	ck_assert(pt_init(&pt, phys, &pt_vtd_ss, &caps, 4));
	/* Every fifth also needs new upper tables, to run out at different depths. */
	for (iova_t iova = 0; got.status == PT_DONE; iova += made % 5 ? 2 * MIB : SIO_BIT(39)) {
		struct pt_map_req req = {iova, 0x1000, 1, 12, PT_R, 4096};

		tables = pt.table_count;
		got = pt.ops->map(&pt, &req);
		made += got.status == PT_DONE;
		ck_assert_uint_le(made, 5000);
	}
	ck_assert_int_eq(got.status, PT_NOMEM);
	ck_assert_uint_eq(got.done, 0);
	ck_assert_uint_gt(made, 100);
	ck_assert_uint_eq(pt.table_count, tables);
	ck_assert_uint_eq(phys_table_count(phys), base + tables);
	ck_assert_ptr_null(pt_audit(&pt));
	/* A run that starts with memory and ends without keeps its first part. */
	got = pt.ops->unmap(&pt, 0, 2 * MIB, &gather);
	pt_gather_free(phys, &gather);
	ck_assert_int_eq(got.status, PT_DONE);
	struct pt_map_req run = {SIO_BIT(56) - MIB, 0x1000, 512, 12, PT_R, 4096};

	got = pt.ops->map(&pt, &run);
	ck_assert_int_eq(got.status, PT_NOMEM);
	ck_assert_uint_le(got.done, MIB);
	ck_assert_ptr_null(pt_audit(&pt));
	pt_fini(&pt);
	ck_assert_uint_eq(phys_table_count(phys), base);
	ck_assert_ptr_null(phys_audit(phys));
	phys_destroy(phys);
}
END_TEST

START_TEST(an_audit_names_what_is_wrong)
{
	const struct phys_cfg ram = {.ram_bytes = 16 * MIB};
	const struct pt_caps caps = {.haw = 46, .large_levels = 0x1};
	const struct pt_map_req req = {0, 0x1000, 4, 12, PT_R, 4096};
	struct phys *phys = phys_create(&ram);
	uint64_t bad = 0x5801, zero = 0, raw;
	struct pt pt;
	pa_t table;

	ck_assert_ptr_nonnull(phys);
	ck_assert(pt_init(&pt, phys, &pt_vtd_ss, &caps, 2));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	ck_assert_ptr_null(pt_audit(&pt));
	ck_assert(phys_read(phys, pt.root, &raw, 8) && phys_read(phys, raw & ~3u, &table, 8));
	table &= ~UINT64_C(3);
	raw = 0x5001;
	ck_assert(phys_write(phys, table + 32, &raw, 8));
	ck_assert_str_eq(pt_audit(&pt), "the live count of a table is wrong");
	ck_assert(phys_write(phys, table + 32, &bad, 8));
	ck_assert_str_eq(pt_audit(&pt), "an entry has reserved bits set");
	raw = 0x5000;
	ck_assert(phys_write(phys, table + 32, &raw, 8));
	ck_assert_str_eq(pt_audit(&pt), "an entry without permission is not zero");
	ck_assert(phys_write(phys, table + 32, &zero, 8));
	ck_assert_ptr_null(pt_audit(&pt));
	pt.table_count++;
	ck_assert_str_eq(pt_audit(&pt), "fewer tables are linked than were counted");
	pt.table_count -= 2;
	ck_assert_str_eq(pt_audit(&pt), "more tables are linked than were counted");
	pt.table_count++;
	pt_fini(&pt);
	phys_destroy(phys);
}
END_TEST

/* 1 TiB in 1 GiB leaves and 32 GiB in 2 MiB leaves are one run. */
START_TEST(a_query_of_large_leaves_is_one_run)
{
	const struct phys_cfg ram = {.ram_bytes = 16 * MIB};
	const struct pt_caps caps = {.haw = 46, .large_levels = 0x7};
	const struct pt_map_req big = {0, 0, 1024, 30, PT_R | PT_W, (int64_t)GIB};
	const struct pt_map_req small = {1024 * GIB, 1024 * GIB,  16384,
					 21,         PT_R | PT_W, (int64_t)(2 * MIB)};
	struct phys *phys = phys_create(&ram);
	struct pt_run run;
	struct pt pt;

	ck_assert_ptr_nonnull(phys);
	ck_assert(pt_init(&pt, phys, &pt_vtd_ss, &caps, 3));
	ck_assert_uint_eq(pt.ops->map(&pt, &big).done, 1024 * GIB);
	ck_assert_uint_eq(pt.ops->map(&pt, &small).done, 32 * GIB);
	run = pt.ops->query(&pt, 0x3000, ~UINT64_C(0));
	ck_assert_uint_eq(run.pages, (1024 + 32) * GIB / 4096 - 3);
	ck_assert_uint_eq(run.oa, 0x3000);
	ck_assert_int_eq(run.oa_step, 4096);
	pt_fini(&pt);
	phys_destroy(phys);
}
END_TEST

/* Tables that are filled past the caches hold what others would, among leaves that were there. */
START_TEST(millions_of_leaves_in_one_call)
{
	const struct phys_cfg ram = {.ram_bytes = 256 * MIB};
	const struct pt_caps caps = {.haw = 46, .large_levels = 0x7};
	const uint64_t count = (UINT64_C(8) << 20) + 1000, first = 0x7000;
	const int64_t step = _i ? -4096 : 4096;
	const uint64_t oa = UINT64_C(1) << 40, last = oa + (count - 1) * (uint64_t)step;
	const struct pt_map_req there = {first + (count << 12), 0x5000, 1, 12, PT_R, 4096};
	const struct pt_map_req req = {first, oa, count + 1, 12, PT_R | PT_W, step};
	struct phys *phys = phys_create(&ram);
	struct pt_gather gather = {0};
	struct pt_change change;
	struct pt_run run;
	struct pt pt;

	ck_assert_ptr_nonnull(phys);
	ck_assert(pt_init(&pt, phys, &pt_vtd_ss, &caps, 3));
	ck_assert_int_eq(pt.ops->map(&pt, &there).status, PT_DONE);
	change = pt.ops->map(&pt, &req);
	ck_assert_int_eq(change.status, PT_EXISTS);
	ck_assert_uint_eq(change.done, count << 12);
	run = pt.ops->query(&pt, first, ~UINT64_C(0));
	ck_assert_uint_eq(run.pages, count);
	ck_assert_uint_eq(run.oa, oa);
	ck_assert_int_eq(run.oa_step, step);
	run = pt.ops->query(&pt, first + ((count - 1) << 12), 1);
	ck_assert_uint_eq(run.oa, last);
	change = pt.ops->unmap(&pt, first, count << 12, &gather);
	ck_assert_uint_eq(change.done, count << 12);
	pt_gather_free(phys, &gather);
	ck_assert_ptr_null(pt_audit(&pt));
	ck_assert_ptr_null(phys_audit(phys));
	pt_fini(&pt);
	phys_destroy(phys);
}
END_TEST

/* Every start and length of a small run, with one entry that differs at every place. */
START_TEST(vector_loops_do_what_plain_loops_do)
{
	const struct pt_entries_ops *plain = &pt_entries_plain, *fast = pt_entries();
	static uint64_t a[128] __attribute__((aligned(64))), b[128] __attribute__((aligned(64)));
	static uint64_t table_a[512] __attribute__((aligned(64)));
	static uint64_t table_b[512] __attribute__((aligned(64)));
	const uint64_t step = (uint64_t)(_i ? -4096 : 4096), mask = ~UINT64_C(0x300);

	plain->stream(table_a, 0x700003, step);
	fast->stream(table_b, 0x700003, step);
	ck_assert_int_eq(memcmp(table_a, table_b, sizeof(table_a)), 0);
	ck_assert_uint_eq(table_a[511], 0x700003 + 511 * step);
	for (unsigned first = 0; first < 10; first++) {
		for (unsigned n = 0; n < 100; n++) {
			memset(a, 0x5a, sizeof(a));
			memset(b, 0x5a, sizeof(b));
			plain->fill(&a[first], n, 0x700003, step);
			fast->fill(&b[first], n, 0x700003, step);
			if (memcmp(a, b, sizeof(a)))
				ck_abort_msg("fill %u at %u", n, first);
			for (unsigned odd = 0; odd <= n; odd++) {
				a[first + odd] ^= 0x100; /* not in the mask */
				if (fast->match(&a[first], n, 0x700003, step, mask) != n)
					ck_abort_msg("match %u at %u", n, first);
				a[first + odd] ^= 0x1100;
				if (fast->match(&a[first], n, 0x700003, step, mask) != odd)
					ck_abort_msg("match %u of %u at %u", odd, n, first);
				a[first + odd] ^= 0x1000;
			}
			plain->clear(&a[first], n);
			fast->clear(&b[first], n);
			if (memcmp(a, b, sizeof(a)))
				ck_abort_msg("clear %u at %u", n, first);
			for (unsigned odd = 0; odd <= n; odd++) {
				uint64_t was = a[first + odd];

				a[first + odd] = UINT64_C(1) << 63;
				if (fast->empty(&a[first], n) != odd ||
				    fast->live(&a[first], n) != (odd < n))
					ck_abort_msg("live %u of %u at %u", odd, n, first);
				a[first + odd] = was;
			}
		}
	}
}
END_TEST

/* The same for AMD v1, whose sizes are its own. */
START_TEST(a_size_that_is_not_granted_changes_nothing)
{
	static const struct {
		struct pt_map_req req;
		bool contiguous;
	} bad[] = {
		{{0, 0, 1, 13, 3, 8192}, false},
		{{0x1000, 0, 1, 13, 3, 8192}, true}, /* misaligned */
		{{0, 0x1000, 1, 13, 3, 8192}, true},
		{{0, 0, 2, 13, 3, 4096}, true},
		{{0, 0, 1, 39, 3, 0}, true}, /* 512 GiB */
		{{0, 0, 1, 52, 3, 0}, true},
		{{0, 0, 1, 57, 3, 0}, true},
		{{0, 0, 1, 63, 3, 0}, true},
		{{SIO_BIT(63), 0, 5, 51, PT_SNP, 0}, true}, /* neither R nor W */
		{{-SIO_BIT(51), 0, 2, 51, 3, 0}, true},     /* wraps */
	};
	const struct phys_cfg ram = {.ram_bytes = 16 * MIB};
	struct pt_caps caps = {.haw = 52, .large_levels = 0x37};
	struct phys *phys = phys_create(&ram);
	struct pt_gather gather = {0};
	iova_t found;

	ck_assert_ptr_nonnull(phys);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(bad); i++) {
		struct pt pt;

		caps.contiguous = bad[i].contiguous;
		ck_assert(pt_init(&pt, phys, &pt_amd_v1, &caps, 5));
		ck_assert_msg(pt.ops->map(&pt, &bad[i].req).status == PT_RANGE, "request %u", i);
		ck_assert(!pt.ops->next(&pt, 0, ~UINT64_C(0), &found));
		ck_assert_int_eq(
			pt.ops->unmap(&pt, SIO_BIT(63), SIO_BIT(63) + 4096, &gather).status,
			PT_RANGE);
		ck_assert_uint_eq(pt.table_count, 1);
		pt_fini(&pt);
	}
	phys_destroy(phys);
}
END_TEST

/* 64 tables for the 64 entries of a leaf: all or none. */
START_TEST(a_split_without_memory_changes_nothing)
{
	const struct phys_cfg ram = {.ram_bytes = 16 * MIB};
	const struct pt_caps caps = {.haw = 52, .large_levels = 0x1, .contiguous = true};
	const struct pt_map_req req = {0, 0, 1, 27, PT_R | PT_W, 0};
	struct phys *phys = phys_create(&ram);
	unsigned taken = 0;
	uint64_t before;
	struct pt pt;
	static pa_t frame[4096];

	ck_assert_ptr_nonnull(phys);
	ck_assert(pt_init(&pt, phys, &pt_amd_v1, &caps, 1));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	while ((frame[taken] = phys_table_alloc(phys)) != PA_NONE)
		taken++;
	ck_assert_uint_gt(taken, 64);
	for (unsigned i = 0; i < 40; i++)
		phys_table_free(phys, frame[--taken]);
	before = phys_table_count(phys);
	ck_assert_int_eq(pt.ops->split(&pt, 5 * MIB), PT_NOMEM);
	ck_assert_uint_eq(phys_table_count(phys), before);
	ck_assert_uint_eq(pt.ops->leaf_lg2(&pt, 5 * MIB), 27);
	ck_assert_ptr_null(pt_audit(&pt));
	for (unsigned i = 0; i < 24; i++)
		phys_table_free(phys, frame[--taken]);
	ck_assert_int_eq(pt.ops->split(&pt, 5 * MIB), PT_DONE);
	ck_assert_uint_eq(pt.ops->leaf_lg2(&pt, 5 * MIB), 12);
	ck_assert_uint_eq(pt.table_count, 65);
	ck_assert_ptr_null(pt_audit(&pt));
	while (taken)
		phys_table_free(phys, frame[--taken]);
	pt_fini(&pt);
	ck_assert_ptr_null(phys_audit(phys));
	phys_destroy(phys);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pt_limits");
	TCase *tc = tcase_create("limits");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_request_out_of_range_changes_nothing);
	tcase_add_test(tc, a_size_that_is_not_granted_changes_nothing);
	tcase_add_test(tc, map_without_memory_keeps_what_was_done_and_no_more);
	tcase_add_test(tc, a_split_without_memory_changes_nothing);
	tcase_add_test(tc, an_audit_names_what_is_wrong);
	tcase_add_test(tc, a_query_of_large_leaves_is_one_run);
	tcase_add_loop_test(tc, millions_of_leaves_in_one_call, 0, 2);
	tcase_add_loop_test(tc, vector_loops_do_what_plain_loops_do, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
