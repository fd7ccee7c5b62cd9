// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD v1 entries, worked out by hand from the manual ("I/O Page Tables for Host Translations") and
 * compared with the bytes in memory and with what a walk makes of them.
 */
#include "pt_fixture.h"

#define RW UINT64_C(0x6000000000000000) /* IR and IW */

/* What the unit of a row lacks. */
enum { NO_CONTIGUOUS = 1, NO_LARGE = 2, HAW40 = 4, NO_512G = 8 };

static struct pt_caps row_caps(unsigned bits)
{
	struct pt_caps caps = {.haw = 52, .large_levels = 0x3f, .contiguous = true};

	if (bits & NO_CONTIGUOUS)
		caps.contiguous = false;
	if (bits & NO_LARGE)
		caps.large_levels = 1;
	if (bits & NO_512G)
		caps.large_levels = 0x37;
	if (bits & HAW40)
		caps.haw = 40;
	return caps;
}

/* ---- what the driver writes ---- */

struct leaf_row {
	uint8_t size_lg2, perm;
	pa_t oa;
	uint8_t level;   /* of the table that holds it */
	unsigned copies; /* entries that hold it */
	uint64_t raw;
};

static const struct leaf_row leaf_rows[] = {
	{12, PT_R | PT_W, 0x12345000, 0, 1, 0x6000000012345001},
	{12, PT_R, 0x12345000, 0, 1, 0x2000000012345001},
	{12, PT_W, 0x12345000, 0, 1, 0x4000000012345001},
	{12, PT_R | PT_W | PT_SNP, 0x12345000, 0, 1, 0x7000000012345001},
	{12, PT_R | PT_U, 0x12345000, 0, 1, 0x2800000012345001},
	{12, PT_R | PT_W | PT_A | PT_D, 0x12345000, 0, 1, 0x6000000012345061},
	{13, PT_R | PT_W, 0x12346000, 0, 2, 0x6000000012346e01},
	{14, PT_R | PT_W, 0x12344000, 0, 4, 0x6000000012345e01},
	{15, PT_R, 0x12340000, 0, 8, 0x2000000012343e01},
	{16, PT_R | PT_W, 0x12340000, 0, 16, 0x6000000012347e01},
	{20, PT_R | PT_W, 0x12300000, 0, 256, 0x600000001237fe01},
	{21, PT_R | PT_W, 0x12200000, 1, 1, 0x6000000012200001},
	{22, PT_R | PT_W, 0x12000000, 1, 2, 0x60000000121ffe01},
	{29, PT_R | PT_W | PT_SNP, 0x20000000, 1, 256, 0x700000002ffffe01},
	{30, PT_R | PT_W, 0x140000000, 2, 1, 0x6000000140000001},
	{31, PT_R | PT_W, 0x180000000, 2, 2, 0x60000001bffffe01},
	{38, PT_R | PT_W, 0x4000000000, 2, 256, 0x6000005ffffffe01},
	{40, PT_R | PT_W, 0x10000000000, 3, 2, 0x6000017ffffffe01},
	{48, PT_R | PT_W, 0x1000000000000, 4, 1, 0x6001000000000001},
	{51, PT_R | PT_W, 0x8000000000000, 4, 8, 0x600bfffffffffe01},
};

START_TEST(a_mapped_leaf_has_the_bytes_of_the_manual)
{
	const struct leaf_row *row = &leaf_rows[_i];
	const uint64_t size = SIO_BIT(row->size_lg2);
	const iova_t iova = ALL_FIVES & ~(size - 1);
	struct pt_map_req req = {iova, row->oa, 1, row->size_lg2, row->perm, (int64_t)size};
	struct pt_caps caps = row_caps(NO_512G);
	struct pt_gather gather = {0};
	struct pt pt;
	pa_t table;
	unsigned first;

	ck_assert(pt_init(&pt, phys, &pt_amd_v1, &caps, 5));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	table = pt.root;
	for (unsigned level = 5; level > row->level; level--) {
		uint64_t raw = entry_at(table, 5);

		/* A table entry: IR, IW, PR, the next level as the manual counts it. */
		ck_assert_uint_eq(raw & 0xfff0000000000fff, RW | (level << 9) | 1);
		table = raw & 0xffffffffff000;
	}
	first = 5 & ~(row->copies - 1);
	for (unsigned i = 0; i < row->copies; i++)
		ck_assert_msg(entry_at(table, first + i) == row->raw, "2^%u, copy %u is %#jx",
			      row->size_lg2, i, (uintmax_t)entry_at(table, first + i));
	ck_assert_uint_eq(entry_at(table, first + row->copies), 0);
	if (first)
		ck_assert_uint_eq(entry_at(table, first - 1), 0);
	ck_assert_uint_eq(pt.ops->leaf_lg2(&pt, iova + size - 1), row->size_lg2);
	ck_assert_ptr_null(pt_audit(&pt));
	/* All copies go at once, and not by half. */
	if (size > 4096)
		ck_assert_int_eq(pt.ops->unmap(&pt, iova, size / 2, &gather).status,
				 PT_PARTIAL_LEAF);
	ck_assert_uint_eq(entry_at(table, first), row->raw);
	ck_assert_uint_eq(pt.ops->unmap(&pt, iova, size, &gather).done, size);
	ck_assert_uint_eq(pt.table_count, 1);
	pt_gather_free(phys, &gather);
	pt_fini(&pt);
}
END_TEST

/* ---- what the unit reads ---- */

static const struct raw_case raw_rows[] = {
	/* level 1 of the manual: 4 KiB */
	{2, 0, RW | 0x12345001, 0, 0, PT_OK, 12, 3, 0x12345000, 0},
	{0, 0, RW | 0x12345001, 0, 0, PT_OK, 12, 3, 0x12345000, 0},
	{5, 0, RW | 0x12345001, 0, 0, PT_OK, 12, 3, 0x12345000, 0},
	{2, 0, 0x2000000012345001, 0, 0, PT_OK, 12, PT_R, 0x12345000, 0},
	{2, 0, 0x2000000012345001, 0, PT_W, PT_FAULT_WRITE, 0, 0, 0, 0},
	{2, 0, 0x4000000012345001, 0, PT_W, PT_OK, 12, PT_W, 0x12345000, 0},
	{2, 0, 0x4000000012345001, 0, 0, PT_FAULT_READ, 0, 0, 0, 0},
	{2, 0, 0x0000000012345001, 0, 0, PT_FAULT_READ, 0, 0, 0, 0},
	{2, 0, RW | 0x12345000, 0, 0, PT_FAULT_READ, 0, 0, 0, 0}, /* PR 0 */
	{2, 0, RW | 0x12345000, 0, PT_W, PT_FAULT_WRITE, 0, 0, 0, 0},
	{2, 0, 0x7000000012345001, 0, 0, PT_OK, 12, 3 | PT_SNP, 0x12345000, 0},
	{2, 0, 0x6800000012345001, 0, 0, PT_OK, 12, 3 | PT_U, 0x12345000, 0},
	{2, 0, 0xe00000001234519f, 0, 0, PT_OK, 12, 3, 0x12345000, 0}, /* 63, 8:7, 4:1 ignored */
	{2, 0, 0x6010000012345001, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{2, 0, 0x6400000012345001, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{2, 0, 0x4400000012345001, 0, 0, PT_FAULT_READ, 0, 0, 0, 0}, /* permission comes first */
	/* users and execution are nothing to this format */
	{2, 0, RW | 0x12345001, 0, PT_R | PT_X | PT_U, PT_OK, 12, 3, 0x12345000, 0},
	/* a table below the lowest */
	{2, 0, RW | 0x12345201, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{2, 0, RW | 0x12345c01, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	/* next level 7: the size is in the address */
	{2, 0, RW | 0x12346e01, 0, 0, PT_OK, 13, 3, 0x12346000, 0},
	{2, 0, RW | 0x12345e01, 0, 0, PT_OK, 14, 3, 0x12344000, 0},
	{2, 0, RW | 0x12343e01, 0, 0, PT_OK, 15, 3, 0x12340000, 0},
	{2, 0, RW | 0x12347e01, 0, 0, PT_OK, 16, 3, 0x12340000, 0},
	{2, 0, RW | 0x1237fe01, 0, 0, PT_OK, 20, 3, 0x12300000, 0},
	{2, 0, RW | 0x122ffe01, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0}, /* 2 MiB: not at this level */
	{2, 0, RW | 0x121ffe01, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0}, /* 4 MiB */
	{2, 0, RW | 0xffffffffffe01, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0}, /* no zero at all */
	{2, 0, RW | 0x12346e01, NO_CONTIGUOUS, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{2, 1, RW | 0x12346e01, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0}, /* 8 KiB one level up */
	{2, 1, RW | 0x122ffe01, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0}, /* 2 MiB is the default */
	{2, 1, RW | 0x121ffe01, 0, 0, PT_OK, 22, 3, 0x12000000, 0},
	{2, 1, RW | 0x2ffffe01, 0, 0, PT_OK, 29, 3, 0x20000000, 0},
	{3, 2, RW | 0x1bffffe01, 0, 0, PT_OK, 31, 3, 0x180000000, 0},
	{3, 3, RW | 0x17ffffffe01, 0, 0, PT_OK, 40, 3, 0x10000000000, 0},
	{4, 4, 0x600bfffffffffe01, 0, 0, PT_OK, 51, 3, 0x8000000000000, 0},
	{4, 4, 0x6007fffffffffe01, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0}, /* 2^52 */
	/* default sizes; address bits below are ignored */
	{2, 1, RW | 0x12200001, 0, 0, PT_OK, 21, 3, 0x12200000, 0},
	{2, 1, RW | 0x1234f001, 0, 0, PT_OK, 21, 3, 0x12200000, 0},
	{2, 1, RW | 0x12200001, NO_LARGE, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{2, 2, RW | 0x140000001, 0, 0, PT_OK, 30, 3, 0x140000000, 0},
	{3, 3, RW | 0x8000000001, 0, 0, PT_OK, 39, 3, 0x8000000000, 0},
	{3, 3, RW | 0x8000000001, NO_512G, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{5, 4, 0x6001000000000001, 0, 0, PT_OK, 48, 3, 0x1000000000000, 0},
	/* addresses beyond the host's width */
	{2, 0, RW | 0xfffffff001, HAW40, 0, PT_OK, 12, 3, 0xfffffff000, 0},
	{2, 0, RW | 0x10000000001, HAW40, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{4, 4, 0x6003fffffffffe01, HAW40, 0, PT_OK, 51, 3, 0,
	 0}, /* the ones are size, not address */
	{3, 1, RW | 0x10000000201, HAW40, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	/* tables */
	{5, 5, RW | 0xa01, 0, 0, PT_OK, 0, 0, 0, 5},
	{5, 1, RW | 0x201, 0, 0, PT_OK, 0, 0, 0, 1},
	{5, 3, RW | 0x601, 0, 0, PT_OK, 0, 0, 0, 3},
	{5, 3, 0xe0000000000007ff, 0, 0, PT_OK, 0, 0, 0, 3},     /* 63 and 8:1 are ignored */
	{5, 3, RW | 0x801, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0}, /* its own level */
	{5, 3, RW | 0xa01, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0}, /* higher: a loop otherwise */
	{5, 3, RW | 0xc01, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 0},
	{5, 3, 0x7000000000000601, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 3}, /* FC of a table */
	{5, 3, 0x6800000000000601, 0, 0, PT_FAULT_RESERVED, 0, 0, 0, 3},
	{5, 3, 0x4000000000000601, 0, 0, PT_FAULT_READ, 0, 0, 0, 3},
	/* a skipped level whose address bits are not zero: not translated */
	{5, 5, RW | 0x801, 0, 0, PT_FAULT_READ, 0, 0, 0, 0},
	{3, 2, RW | 0x201, 0, PT_W, PT_FAULT_WRITE, 0, 0, 0, 0},
};

static uint64_t link_to(pa_t lower, unsigned level)
{
	return RW | lower | level << 9 | 1;
}

START_TEST(an_entry_means_what_the_manual_says)
{
	const struct raw_case *row = &raw_rows[_i];
	struct pt_caps caps = row_caps(row->caps);
	const unsigned width = row->top_level == 5 ? 64 : 21u + 9u * row->top_level;

	check_raw(&pt_amd_v1, link_to, row, &caps, width);
	pt_caps_finish(&caps, &pt_amd_v1);
	check_raw(&pt_amd_v1, link_to, row, &caps, width);
}
END_TEST

START_TEST(a_table_entry_may_skip_levels_where_the_address_is_zero)
{
	struct pt_caps caps = row_caps(0);
	pa_t root = new_table(), leaves = new_table();
	struct pt_start start = {.table = root, .level = 5, .perm = PT_ALL};
	struct pt_walk_result res;

	put(root, 1, RW | leaves | 0x201); /* from level 6 to level 1 of the manual */
	put(leaves, 7, RW | 0x7001);
	for (unsigned finished = 0; finished < 2; finished++) {
		res = pt_amd_v1.walk(phys, &caps, start, SIO_BIT(57) | 0x7123, PT_W, NULL, NULL);
		ck_assert_int_eq(res.fault, PT_OK);
		ck_assert_uint_eq(res.oa, 0x7123);
		ck_assert_uint_eq(res.level, 0);
		for (unsigned bit = 21; bit < 57; bit++) {
			res = pt_amd_v1.walk(phys, &caps, start,
					     SIO_BIT(57) | SIO_BIT(bit) | 0x7123, PT_R, NULL, NULL);
			ck_assert_int_eq(res.fault, PT_FAULT_READ);
			ck_assert_uint_eq(res.level, 5);
			ck_assert(!res.present);
		}
		pt_caps_finish(&caps, &pt_amd_v1);
	}
}
END_TEST

START_TEST(six_levels_use_all_64_bits)
{
	struct pt_caps caps = row_caps(0);
	pa_t root = new_table();
	struct pt_start start = {.table = root, .level = 5, .perm = PT_ALL};
	pa_t lower = new_table();
	struct pt_walk_result res;

	put(root, 127, RW | lower | 0xa01);
	put(lower, 511, 0x6007000000000001); /* 256 TiB */
	res = pt_amd_v1.walk(phys, &caps, start, ~UINT64_C(0), PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_OK);
	ck_assert_uint_eq(res.oa, 0x7ffffffffffff);
	/* With five, an address above 57 bits is its own fault. */
	start = (struct pt_start){.table = lower, .level = 4, .perm = PT_ALL};
	res = pt_amd_v1.walk(phys, &caps, start, SIO_BIT(57), PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WIDTH);
	/* With one, above 21; but from a cache, a leaf table is only a part of the way. */
	start = (struct pt_start){.table = root, .level = 0, .perm = PT_ALL};
	res = pt_amd_v1.walk(phys, &caps, start, SIO_BIT(21), PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WIDTH);
	start.cached = true;
	res = pt_amd_v1.walk(phys, &caps, start, SIO_BIT(21), PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_READ);
}
END_TEST

static void count_hits(void *ctx, iova_t iova, uint64_t len)
{
	(void)iova;
	*(uint64_t *)ctx += len;
}

START_TEST(a_contiguous_leaf_is_dirty_if_one_copy_is)
{
	const struct pt_map_req req = {0x10000, 0x40000, 1, 16, PT_R | PT_W, 0x10000};
	struct pt_caps caps = row_caps(0);
	struct pt_start start;
	struct pt pt;
	uint64_t dirty = 0;
	pa_t table;

	caps.access_dirty = true;
	ck_assert(pt_init(&pt, phys, &pt_amd_v1, &caps, 1));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	start = (struct pt_start){.table = pt.root, .level = 1, .perm = PT_ALL};
	table = entry_at(pt.root, 0) & 0xffffffffff000;
	pt.ops->walk(phys, &pt.caps, start, 0x13000, PT_R, NULL, NULL);
	ck_assert_uint_eq(entry_at(table, 19), 0x6000000000047e21); /* A */
	pt.ops->dirty(&pt, 0, 0x100000, false, count_hits, &dirty);
	ck_assert_uint_eq(dirty, 0);
	pt.ops->walk(phys, &pt.caps, start, 0x1a000, PT_W, NULL, NULL);
	ck_assert_uint_eq(entry_at(table, 26), 0x6000000000047e61); /* A and D */
	ck_assert_uint_eq(entry_at(table, 25), 0x6000000000047e01);
	ck_assert_uint_eq(entry_at(pt.root, 0), RW | table | 0x221);
	/* Seen from any of its pages, and cleared in all copies. */
	pt.ops->dirty(&pt, 0x11000, 0x1000, true, count_hits, &dirty);
	ck_assert_uint_eq(dirty, 0x1000);
	ck_assert_uint_eq(entry_at(table, 26), 0x6000000000047e21);
	pt.caps.access_only = true;
	ck_assert_uint_eq(pt.ops->walk(phys, &pt.caps, start, 0x15000, PT_W, NULL, NULL).perm,
			  PT_R | PT_W | PT_A);
	ck_assert_uint_eq(entry_at(table, 21), 0x6000000000047e21);
	pt_fini(&pt);
}
END_TEST

START_TEST(a_split_contiguous_leaf_becomes_default_leaves)
{
	const struct pt_map_req req = {0x10000, 0x40000, 1, 16, PT_R | PT_SNP, 0x10000};
	struct pt_caps caps = row_caps(0);
	struct pt pt;
	pa_t table;

	ck_assert(pt_init(&pt, phys, &pt_amd_v1, &caps, 1));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	table = entry_at(pt.root, 0) & 0xffffffffff000;
	put(table, 20, entry_at(table, 20) | 0x40); /* dirty */
	ck_assert_int_eq(pt.ops->split(&pt, 0x1f000), PT_DONE);
	ck_assert_uint_eq(entry_at(table, 16), 0x3000000000040041);
	ck_assert_uint_eq(entry_at(table, 17), 0x3000000000041041);
	ck_assert_uint_eq(entry_at(table, 31), 0x300000000004f041);
	ck_assert_uint_eq(entry_at(table, 32), 0);
	ck_assert_ptr_null(pt_audit(&pt));
	pt_fini(&pt);
}
END_TEST

/* 1 TiB: two entries, and no leaf of 512 GiB to make of them. */
START_TEST(a_leaf_above_a_missing_size_is_split_one_level_lower)
{
	const struct pt_map_req req = {SIO_BIT(40), SIO_BIT(41), 1, 40, PT_R | PT_W, 0};
	struct pt_caps caps = row_caps(NO_512G);
	struct pt pt;
	pa_t low, high;

	ck_assert(pt_init(&pt, phys, &pt_amd_v1, &caps, 3));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	ck_assert_int_eq(pt.ops->split(&pt, SIO_BIT(40) + 5), PT_DONE);
	ck_assert_uint_eq(pt.table_count, 3);
	low = entry_at(pt.root, 2);
	high = entry_at(pt.root, 3);
	ck_assert_uint_eq(low & 0xfff0000000000fff, RW | 0x601);
	low &= 0xffffffffff000;
	high &= 0xffffffffff000;
	ck_assert_uint_eq(entry_at(low, 0), 0x6000020000000001);
	ck_assert_uint_eq(entry_at(low, 511), 0x6000027fc0000001);
	ck_assert_uint_eq(entry_at(high, 0), 0x6000028000000001);
	ck_assert_uint_eq(entry_at(high, 511), 0x600002ffc0000001);
	ck_assert_ptr_null(pt_audit(&pt));
	pt_fini(&pt);
}
END_TEST

START_TEST(an_audit_sees_a_copy_that_differs)
{
	const struct pt_map_req req = {0x10000, 0x40000, 1, 16, PT_R | PT_W, 0x10000};
	struct pt_caps caps = row_caps(0);
	struct pt pt;
	pa_t table;

	ck_assert(pt_init(&pt, phys, &pt_amd_v1, &caps, 0));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	table = pt.root;
	put(table, 20, entry_at(table, 20) | 0x60); /* marks may */
	ck_assert_ptr_null(pt_audit(&pt));
	put(table, 20, entry_at(table, 20) & ~SIO_BIT(62));
	ck_assert_str_eq(pt_audit(&pt), "the copies of a contiguous leaf differ");
	put(table, 20, entry_at(table, 20) | SIO_BIT(62));
	ck_assert_ptr_null(pt_audit(&pt));
	pt_fini(&pt);
}
END_TEST

START_TEST(a_tree_grows_at_its_root)
{
	const struct pt_map_req low = {0x1000, 0x5000, 1, 12, PT_R | PT_W, 4096};
	const struct pt_map_req high = {~UINT64_C(0xfff), 0x6000, 1, 12, PT_R, 4096};
	struct pt_caps caps = row_caps(0);
	struct pt_gather gather = {0};
	struct pt_start old;
	struct pt pt;

	ck_assert(pt_init(&pt, phys, &pt_amd_v1, &caps, 0));
	/* Empty: the same table, one level up. */
	old.table = pt.root;
	ck_assert_int_eq(pt_grow_root(&pt), PT_DONE);
	ck_assert_uint_eq(pt.root, old.table);
	ck_assert_uint_eq(pt.top_level, 1);
	ck_assert_int_eq(pt.ops->map(&pt, &high).status, PT_RANGE);
	ck_assert_int_eq(pt.ops->map(&pt, &low).status, PT_DONE);
	for (unsigned level = 2; level <= 5; level++) {
		old = (struct pt_start){.table = pt.root, .level = pt.top_level, .perm = PT_ALL};
		ck_assert_int_eq(pt_grow_root(&pt), PT_DONE);
		ck_assert_uint_eq(pt.top_level, level);
		ck_assert_uint_eq(entry_at(pt.root, 0), RW | old.table | level << 9 | 1);
		ck_assert_uint_eq(pt.ops->walk(phys, &caps, old, 0x1000, PT_W, NULL, NULL).oa,
				  0x5000);
		ck_assert_uint_eq(pt.ops->query(&pt, 0x1000, 9).oa, 0x5000);
		ck_assert_ptr_null(pt_audit(&pt));
	}
	ck_assert_int_eq(pt_grow_root(&pt), PT_RANGE);
	ck_assert_int_eq(pt.ops->map(&pt, &high).status, PT_DONE);
	ck_assert_uint_eq(pt.table_count, 11);
	ck_assert_uint_eq(pt.ops->unmap(&pt, 0x1000, 4096, &gather).done, 4096);
	ck_assert_uint_eq(pt.table_count, 6);
	ck_assert_ptr_null(pt_audit(&pt));
	pt_gather_free(phys, &gather);
	pt_fini(&pt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pt_golden_amd_v1");
	TCase *tc = tcase_create("amd v1");

	tcase_add_checked_fixture(tc, pt_setup, pt_teardown);
	tcase_add_loop_test(tc, a_mapped_leaf_has_the_bytes_of_the_manual, 0,
			    (int)SIO_ARRAY_SIZE(leaf_rows));
	tcase_add_loop_test(tc, an_entry_means_what_the_manual_says, 0,
			    (int)SIO_ARRAY_SIZE(raw_rows));
	tcase_add_test(tc, a_table_entry_may_skip_levels_where_the_address_is_zero);
	tcase_add_test(tc, six_levels_use_all_64_bits);
	tcase_add_test(tc, a_contiguous_leaf_is_dirty_if_one_copy_is);
	tcase_add_test(tc, a_split_contiguous_leaf_becomes_default_leaves);
	tcase_add_test(tc, a_leaf_above_a_missing_size_is_split_one_level_lower);
	tcase_add_test(tc, an_audit_sees_a_copy_that_differs);
	tcase_add_test(tc, a_tree_grows_at_its_root);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
