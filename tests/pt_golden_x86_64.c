// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64 entries, worked out by hand from the manuals ("First-Stage Paging Entries" of VT-d, "I/O
 * Page Tables for Guest Translations" of AMD) and compared with the bytes in memory and with what a
 * walk makes of them.
 */
#include "pt_fixture.h"

#define XD  UINT64_C(0x8000000000000000)
#define ALL (PT_R | PT_W | PT_X | PT_U)

/* How the unit of a row differs. */
enum { NO_NX = 1, IGNORE_XD = 2, ONLY_2M = 4, NO_LARGE = 8, NO_WP = 16 };

static struct pt_caps row_caps(unsigned bits)
{
	return (struct pt_caps){
		.haw = 46,
		.large_levels = bits & NO_LARGE  ? 0x1
				: bits & ONLY_2M ? 0x3
						 : 0x7,
		.no_execute = !(bits & (NO_NX | IGNORE_XD)),
		.ignore_no_execute = bits & IGNORE_XD,
		.write_protect = !(bits & NO_WP),
	};
}

/* ---- what the driver writes ---- */

struct leaf_row {
	uint8_t size_lg2, perm;
	iova_t iova;
	pa_t oa;
	uint8_t top_level;
	unsigned index[5]; /* by level, from the iova by hand */
	uint64_t raw;
};

static const struct leaf_row leaf_rows[] = {
	{12, ALL, 0x7654321000, 0x12345000, 3, {0x121, 0xa1, 0x1d9, 0}, 0x12345007},
	{12, PT_R | PT_X, 0x1000, 0x12345000, 3, {1}, 0x12345001},
	{12, PT_W | PT_X, 0x1000, 0x12345000, 3, {1}, 0x12345003},
	{12, PT_R | PT_U, 0x1000, 0x12345000, 3, {1}, 0x8000000012345005},
	{12, ALL | PT_A | PT_D, 0x1000, 0x12345000, 3, {1}, 0x12345067},
	{12, ALL | PT_A, 0x1000, 0x12345000, 4, {1}, 0x12345027},
	{12, ALL | PT_G, 0x1000, 0x12345000, 3, {1}, 0x12345107},
	{21, ALL, 0x400000, 0x12200000, 3, {0, 2}, 0x12200087},
	{30, ALL | PT_A | PT_D, 0x80000000, 0x140000000, 3, {0, 0, 2}, 0x1400000e7},
	/* the ends of the halves: 47 bits below, and everything above copied from bit 47 */
	{12, ALL, 0x7ffffffff000, 0x1000, 3, {511, 511, 511, 255}, 0x1007},
	{12, ALL, 0xffff800000000000, 0x1000, 3, {0, 0, 0, 256}, 0x1007},
	{12, ALL, 0xfffffffffffff000, 0x1000, 3, {511, 511, 511, 511}, 0x1007},
	{12, ALL, 0xfffffffffffff000, 0x1000, 4, {511, 511, 511, 511, 511}, 0x1007},
	{12, ALL, 0xff00000000000000, 0x1000, 4, {0, 0, 0, 0, 256}, 0x1007},
	{21, ALL, 0xffffffffffe00000, 0x200000, 3, {0, 511, 511, 511}, 0x200087},
};

START_TEST(a_mapped_leaf_has_the_bytes_of_the_manual)
{
	const struct leaf_row *row = &leaf_rows[_i];
	struct pt_map_req req = {row->iova,     row->oa,   1,
				 row->size_lg2, row->perm, (int64_t)1 << row->size_lg2};
	unsigned leaf_level = (row->size_lg2 - 12u) / 9u;
	struct pt_caps caps = row_caps(0);
	struct pt pt;
	pa_t table;

	ck_assert(pt_init(&pt, phys, &pt_x86_64, &caps, row->top_level));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	table = pt.root;
	for (unsigned level = row->top_level; level > leaf_level; level--) {
		uint64_t raw = entry_at(table, row->index[level]);

		/* A table entry: P, R/W, U/S, A. */
		ck_assert_uint_eq(raw & 0xfff0000000000fff, 0x27);
		table = raw & ~UINT64_C(0xfff);
	}
	ck_assert_msg(entry_at(table, row->index[leaf_level]) == row->raw, "row %d: is %#jx", _i,
		      (uintmax_t)entry_at(table, row->index[leaf_level]));
	ck_assert_ptr_null(pt_audit(&pt));
	pt_fini(&pt);
}
END_TEST

/* ---- what the unit reads ---- */

static const struct raw_case raw_rows[] = {
	/* 4 KiB */
	{3, 0, 0x12345007, 0, 0, PT_OK, 12, ALL, 0x12345000, 0},
	{4, 0, 0x12345007, 0, 0, PT_OK, 12, ALL, 0x12345000, 0},
	{3, 0, 0x12345001, 0, 0, PT_OK, 12, PT_R | PT_X, 0x12345000, 0},
	{3, 0, 0x12345001, 0, PT_W, PT_FAULT_WRITE, 0, 0, 0, 0},
	{3, 0, 0x12345001, NO_WP, PT_W, PT_OK, 12, PT_R | PT_X, 0x12345000, 0}, /* supervisor */
	{3, 0, 0x12345005, NO_WP, PT_W | PT_U, PT_FAULT_WRITE, 0, 0, 0, 0},     /* user */
	{3, 0, 0x12345001, 0, PT_R | PT_U, PT_FAULT_USER, 0, 0, 0, 0},
	{3, 0, 0x12345001, 0, PT_W | PT_U, PT_FAULT_USER, 0, 0, 0, 0}, /* told before the write */
	{3, 0, 0x12345005, 0, PT_R | PT_U, PT_OK, 12, PT_R | PT_X | PT_U, 0x12345000, 0},
	{3, 0, 0x12345000, 0, 0, PT_FAULT_READ, 0, 0, 0, 0}, /* not present */
	{3, 0, 0x12345006, 0, PT_W, PT_FAULT_WRITE, 0, 0, 0, 0},
	{3, 0, 0x12345002, NO_WP, PT_W, PT_FAULT_WRITE, 0, 0, 0, 0},
	{3, 0, 0x12345000, 0, PT_R | PT_U, PT_FAULT_READ, 0, 0, 0, 0},
	{3, 0, 0x12345107, 0, 0, PT_OK, 12, ALL | PT_G, 0x12345000, 0},
	{3, 0, 0x12345eff, 0, 0, PT_OK, 12, ALL, 0x12345000, 0}, /* A D PAT PWT PCD EA 9 11 */
	{3, 0, 0x7ff0000012345007, 0, 0, PT_OK, 12, ALL, 0x12345000, 0}, /* 62:52 are ignored */
	{3, 0, XD | 0x12345007, 0, 0, PT_OK, 12, PT_R | PT_W | PT_U, 0x12345000, 0},
	{3, 0, XD | 0x12345007, 0, PT_R | PT_X, PT_FAULT_EXECUTE, 0, 0, 0, 0},
	{3, 0, XD | 0x12345007, NO_NX, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{3, 0, XD | 0x12345007, IGNORE_XD, PT_R | PT_X, PT_OK, 12, ALL, 0x12345000, 0},
	{3, 0, 0x12345007, NO_NX, PT_R | PT_X, PT_OK, 12, ALL, 0x12345000, 0},
	{3, 0, 0x400000000007, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0}, /* beyond 46 bits */
	{3, 0, 0x3ffffffff007, 0, 0, PT_OK, 12, ALL, 0x3ffffffff000, 0},
	/* 2 MiB: bit 12 is PAT, 20:13 are reserved */
	{3, 1, 0x12200087, 0, 0, PT_OK, 21, ALL, 0x12200000, 0},
	{3, 1, 0x12201087, 0, 0, PT_OK, 21, ALL, 0x12200000, 0},
	{3, 1, 0x12202087, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{3, 1, 0x12300087, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{3, 1, 0x12302081, 0, PT_W, PT_FAULT_WRITE, 0, 0, 0, 0}, /* permission comes first */
	{3, 1, 0x12200087, NO_LARGE, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{3, 1, 0x122001e7, 0, 0, PT_OK, 21, ALL | PT_G, 0x12200000, 0},
	/* 1 GiB: 29:13 are reserved */
	{3, 2, 0x140000087, 0, 0, PT_OK, 30, ALL, 0x140000000, 0},
	{4, 2, 0x140001087, 0, 0, PT_OK, 30, ALL, 0x140000000, 0},
	{3, 2, 0x140002087, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{3, 2, 0x160000087, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{3, 2, 0x140000087, ONLY_2M, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{3, 2, XD | 0x140000087, 0, PT_R | PT_X, PT_FAULT_EXECUTE, 0, 0, 0, 0},
	/* no larger leaves */
	{3, 3, 0x87, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{4, 3, 0x87, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{4, 4, 0x87, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	/* tables */
	{4, 4, 0x7, 0, 0, PT_OK, 0, 0, 0, 4},
	{4, 3, 0x7, 0, 0, PT_OK, 0, 0, 0, 3},
	{3, 2, 0x7, 0, 0, PT_OK, 0, 0, 0, 2},
	{3, 1, 0x7, 0, 0, PT_OK, 0, 0, 0, 1},
	{3, 1, 0x7ff0000000000f7f, 0, 0, PT_OK, 0, 0, 0, 1}, /* all that is ignored */
	{3, 1, 0x5, 0, PT_W, PT_FAULT_WRITE, 0, 0, 0, 1},
	{3, 2, 0x3, 0, PT_R | PT_U, PT_FAULT_USER, 0, 0, 0, 1},
	{4, 4, XD | 0x7, 0, PT_R | PT_X, PT_FAULT_EXECUTE, 0, 0, 0, 4},
	{4, 4, XD | 0x7, 0, 0, PT_OK, 0, 0, 0, 4},
	{4, 4, XD | 0x7, NO_NX, 0, PT_FAULT_RESERVED, 0, 0, 0, 4},
	{3, 2, 0x400000000007, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
};

static uint64_t link_to(pa_t lower, unsigned level)
{
	(void)level;
	return lower | 0x27;
}

START_TEST(an_entry_means_what_the_manual_says)
{
	const struct raw_case *row = &raw_rows[_i];
	struct pt_caps caps = row_caps(row->caps);

	check_raw(&pt_x86_64, link_to, row, &caps, 20u + 9u * row->top_level);
	pt_caps_finish(&caps, &pt_x86_64);
	check_raw(&pt_x86_64, link_to, row, &caps, 20u + 9u * row->top_level);
}
END_TEST

START_TEST(permissions_are_those_of_all_entries)
{
	static const struct {
		uint64_t upper, leaf;
		unsigned perm;
	} rows[] = {
		{0x7, 0x7, ALL},
		{0x5, 0x7, PT_R | PT_U | PT_X},
		{0x3, 0x7, PT_R | PT_W | PT_X},
		{0x7, 0x3, PT_R | PT_W | PT_X},
		{XD | 0x7, 0x7, PT_R | PT_W | PT_U},
		{XD | 0x1, 0x7, PT_R},
	};
	struct pt_caps caps = row_caps(0);

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		pa_t table[4] = {new_table(), new_table(), new_table(), new_table()};
		struct pt_start start = {.table = table[3], .level = 3, .perm = PT_ALL};

		put(table[3], 0, table[2] | 0x7);
		put(table[2], 0, table[1] | rows[i].upper);
		put(table[1], 0, table[0] | 0x7);
		put(table[0], 1, 0x5000 | rows[i].leaf);
		for (unsigned need = 0; need < 128; need++) {
			struct pt_walk_result res;

			if (!(need & (PT_R | PT_W)) || (need & ~PT_ALL))
				continue;
			res = pt_x86_64.walk(phys, &caps, start, 0x1000, need, NULL, NULL);
			ck_assert_uint_eq(res.fault == PT_OK, !(need & ~rows[i].perm));
			if (res.fault == PT_OK)
				ck_assert_uint_eq(res.perm, rows[i].perm);
			ck_assert(res.present);
		}
		pt_caps_finish(&caps, &pt_x86_64);
	}
}
END_TEST

START_TEST(an_address_that_is_not_canonical_is_its_own_fault)
{
	static const struct {
		uint8_t top_level;
		iova_t iova;
		bool canonical;
	} rows[] = {
		{3, 0x7fffffffffff, true},      {3, 0x800000000000, false},
		{3, 0xffff7fffffffffff, false}, {3, 0xffff800000000000, true},
		{3, 0xfffeffffffffffff, false}, {3, ~UINT64_C(0), true},
		{3, 0x1000000000000, false},    {4, 0xffffffffffffff, true},
		{4, 0x100000000000000, false},  {4, 0xff00000000000000, true},
		{4, 0xfeffffffffffffff, false}, {4, 0x800000000000, true},
	};
	struct pt_caps caps = row_caps(0);
	pa_t root = new_table();

	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
			struct pt_start start = {.table = root,
						 .level = rows[i].top_level,
						 .perm = PT_ALL};
			struct pt_walk_result res =
				pt_x86_64.walk(phys, &caps, start, rows[i].iova, PT_R, NULL, NULL);

			ck_assert_int_eq(res.fault,
					 rows[i].canonical ? PT_FAULT_READ : PT_FAULT_WIDTH);
		}
		pt_caps_finish(&caps, &pt_x86_64);
	}
}
END_TEST

START_TEST(accessed_and_dirty_are_set_where_the_walk_went)
{
	struct pt_caps caps = row_caps(0);
	pa_t table[4] = {new_table(), new_table(), new_table(), new_table()};
	struct pt_start start = {.table = table[3], .level = 3, .perm = PT_ALL};
	struct pt_walk_result res;

	put(table[3], 0, table[2] | 0x7);
	put(table[2], 0, table[1] | 0x7);
	put(table[1], 0, table[0] | 0x7);
	put(table[1], 1, 0x200087);
	put(table[0], 1, 0x5007);
	put(table[0], 2, 0x6005);
	caps.access_dirty = true;
	pt_caps_finish(&caps, &pt_x86_64);
	res = pt_x86_64.walk(phys, &caps, start, 0x2000, PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WRITE);
	ck_assert_uint_eq(entry_at(table[3], 0), table[2] | 0x7);
	res = pt_x86_64.walk(phys, &caps, start, 0x1000, PT_R, NULL, NULL);
	ck_assert_uint_eq(res.perm, ALL | PT_A);
	for (unsigned level = 1; level < 4; level++)
		ck_assert_uint_eq(entry_at(table[level], 0), table[level - 1] | 0x27);
	ck_assert_uint_eq(entry_at(table[0], 1), 0x5027);
	res = pt_x86_64.walk(phys, &caps, start, 0x1000, PT_W, NULL, NULL);
	ck_assert_uint_eq(res.perm, ALL | PT_A | PT_D);
	ck_assert_uint_eq(entry_at(table[0], 1), 0x5067);
	/* Marked already: the same answers, and a read sees that it is dirty. */
	ck_assert_uint_eq(pt_x86_64.walk(phys, &caps, start, 0x1000, PT_W, NULL, NULL).perm,
			  ALL | PT_A | PT_D);
	ck_assert_uint_eq(pt_x86_64.walk(phys, &caps, start, 0x1000, PT_R, NULL, NULL).perm,
			  ALL | PT_A | PT_D);
	/* A supervisor's write to a read-only page, where that is not forbidden, makes it dirty. */
	caps.write_protect = false;
	res = pt_x86_64.walk(phys, &caps, start, 0x2000, PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_OK);
	ck_assert_uint_eq(entry_at(table[0], 2), 0x6065);
	/* The extended flag goes with A, in all entries. */
	caps.extended_accessed = true;
	res = pt_x86_64.walk(phys, &caps, start, 0x3fffff, PT_W, NULL, NULL);
	ck_assert_uint_eq(res.oa, 0x3fffff);
	ck_assert_uint_eq(entry_at(table[1], 1), 0x2004e7);
	ck_assert_uint_eq(entry_at(table[2], 0), table[1] | 0x427);
}
END_TEST

START_TEST(the_two_halves_are_searched_and_freed_as_one)
{
	const struct pt_map_req low = {0x7ffffffff000, 0x1000, 1, 12, ALL, 4096};
	const struct pt_map_req high = {0xffff800000000000, 0x2000, 1, 12, ALL, 4096};
	const struct pt_map_req over = {0x7ffffffff000, 0x1000, 2, 12, ALL, 4096};
	const struct pt_map_req hole = {0x800000000000, 0x1000, 1, 12, ALL, 4096};
	struct pt_caps caps = row_caps(0);
	struct pt_gather gather = {0};
	struct pt pt;
	iova_t found;

	ck_assert(pt_init(&pt, phys, &pt_x86_64, &caps, 3));
	ck_assert_int_eq(pt.ops->map(&pt, &over).status, PT_RANGE);
	ck_assert_int_eq(pt.ops->map(&pt, &hole).status, PT_RANGE);
	ck_assert_int_eq(pt.ops->map(&pt, &low).status, PT_DONE);
	ck_assert_int_eq(pt.ops->map(&pt, &high).status, PT_DONE);
	ck_assert(pt.ops->next(&pt, 0, ~UINT64_C(0), &found) && found == low.iova);
	ck_assert(pt.ops->next(&pt, 0x800000000000, ~UINT64_C(0), &found) && found == high.iova);
	ck_assert(!pt.ops->next(&pt, 0x800000000000, 0xffff7fffffffffff, &found));
	ck_assert(!pt.ops->next(&pt, high.iova + 4096, ~UINT64_C(0), &found));
	/* The runs do not join across the gap. */
	ck_assert_uint_eq(pt.ops->query(&pt, low.iova, 2).pages, 1);
	ck_assert_int_eq(pt.ops->unmap(&pt, low.iova, 8192, &gather).status, PT_RANGE);
	ck_assert_int_eq(pt_grow_root(&pt), PT_RANGE);
	ck_assert_uint_eq(pt.table_count, 7);
	pt_fini(&pt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pt_golden_x86_64");
	TCase *tc = tcase_create("x86-64");

	tcase_add_checked_fixture(tc, pt_setup, pt_teardown);
	tcase_add_loop_test(tc, a_mapped_leaf_has_the_bytes_of_the_manual, 0,
			    (int)SIO_ARRAY_SIZE(leaf_rows));
	tcase_add_loop_test(tc, an_entry_means_what_the_manual_says, 0,
			    (int)SIO_ARRAY_SIZE(raw_rows));
	tcase_add_test(tc, permissions_are_those_of_all_entries);
	tcase_add_test(tc, an_address_that_is_not_canonical_is_its_own_fault);
	tcase_add_test(tc, accessed_and_dirty_are_set_where_the_walk_went);
	tcase_add_test(tc, the_two_halves_are_searched_and_freed_as_one);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
