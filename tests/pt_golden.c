// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-d second-stage entries, worked out by hand from the manual's tables ("Second-Stage Paging
 * Entries") and compared with the bytes in memory and with what a walk makes of them. Driver and
 * unit share one description of the format, so a wrong bit would cancel out everywhere but here.
 */
#include "pt_fixture.h"

/* haw 46, everything a server part has but snoop control, device TLB and accessed/dirty. */
static struct pt_caps plain_caps(void)
{
	return (struct pt_caps){.haw = 46, .large_levels = 0x7};
}

/* ---- what the driver writes ---- */

struct leaf_row {
	const char *what;
	iova_t iova;
	pa_t oa;
	uint8_t size_lg2, perm, top_level;
	unsigned index[5]; /* by level, from the iova by hand */
	uint64_t raw;
};

static const struct leaf_row leaf_rows[] = {
	{"4 KiB R|W",
	 0x7654321000,
	 0x12345000,
	 12,
	 PT_R | PT_W,
	 3,
	 {0x121, 0xa1, 0x1d9, 0},
	 0x12345003},
	{"4 KiB R", 0x1000, 0x12345000, 12, PT_R, 2, {1, 0, 0}, 0x12345001},
	{"4 KiB W", 0x200000, 0x3ffffffff000, 12, PT_W, 2, {0, 1, 0}, 0x3ffffffff002},
	{"4 KiB R|W snooped",
	 0x40000000,
	 0x12345000,
	 12,
	 PT_R | PT_W | PT_SNP,
	 3,
	 {0, 0, 1, 0},
	 0x12345803},
	{"2 MiB R|W", 0x400000, 0x12200000, 21, PT_R | PT_W, 3, {0, 2, 0, 0}, 0x12200083},
	{"2 MiB R snooped",
	 0xfffffe00000,
	 0x200000,
	 21,
	 PT_R | PT_SNP,
	 3,
	 {0, 511, 511, 31},
	 0x200881},
	{"1 GiB R|W", 0x80000000, 0x140000000, 30, PT_R | PT_W, 3, {0, 0, 2, 0}, 0x140000083},
	{"4 KiB at the top of 57 bits",
	 0x1fffffffffff000,
	 0xabcdef000,
	 12,
	 PT_R | PT_W,
	 4,
	 {511, 511, 511, 511, 511},
	 0xabcdef003},
	{"4 KiB at the top of 39 bits", 0x7ffffff000, 0, 12, PT_R | PT_W, 2, {511, 511, 511}, 0x3},
};

START_TEST(a_mapped_leaf_has_the_bytes_of_the_manual)
{
	const struct leaf_row *row = &leaf_rows[_i];
	struct pt_map_req req = {row->iova,     row->oa,   1,
				 row->size_lg2, row->perm, (int64_t)1 << row->size_lg2};
	unsigned leaf_level = (row->size_lg2 - 12u) / 9u;
	struct pt_caps caps = plain_caps();
	struct pt pt;
	pa_t table;

	caps.snoop = true;
	ck_assert(pt_init(&pt, phys, &pt_vtd_ss, &caps, row->top_level));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	table = pt.root;
	for (unsigned level = row->top_level; level > leaf_level; level--) {
		uint64_t raw = entry_at(table, row->index[level]);

		/* A table entry: R and W, the address, nothing else. */
		ck_assert_msg((raw & 0xfff0000000000fff) == 0x3, "%s: level %u is %#jx", row->what,
			      level, (uintmax_t)raw);
		table = raw & ~UINT64_C(0xfff);
	}
	ck_assert_msg(entry_at(table, row->index[leaf_level]) == row->raw, "%s: is %#jx", row->what,
		      (uintmax_t)entry_at(table, row->index[leaf_level]));
	ck_assert_uint_eq(pt.table_count, row->top_level - leaf_level + 1u);
	pt_fini(&pt);
}
END_TEST

START_TEST(a_run_of_leaves_steps_by_its_spacing)
{
	static const struct pt_map_req up = {0x1fe000, 0x5000, 4, 12, PT_R | PT_W, 4096};
	static const struct pt_map_req down = {0x5fe000, 0x9000, 4, 12, PT_R, -4096};
	struct pt_caps caps = plain_caps();
	struct pt pt;
	pa_t directory, low, high;

	ck_assert(pt_init(&pt, phys, &pt_vtd_ss, &caps, 2));
	ck_assert_uint_eq(pt.ops->map(&pt, &up).done, 4 * 4096);
	ck_assert_uint_eq(pt.ops->map(&pt, &down).done, 4 * 4096);
	directory = entry_at(pt.root, 0) & ~UINT64_C(3);
	low = entry_at(directory, 0) & ~UINT64_C(3);
	high = entry_at(directory, 1) & ~UINT64_C(3);
	ck_assert_uint_eq(entry_at(low, 509), 0);
	ck_assert_uint_eq(entry_at(low, 510), 0x5003);
	ck_assert_uint_eq(entry_at(low, 511), 0x6003);
	ck_assert_uint_eq(entry_at(high, 0), 0x7003);
	ck_assert_uint_eq(entry_at(high, 1), 0x8003);
	ck_assert_uint_eq(entry_at(high, 2), 0);
	low = entry_at(directory, 2) & ~UINT64_C(3);
	high = entry_at(directory, 3) & ~UINT64_C(3);
	ck_assert_uint_eq(entry_at(low, 510), 0x9001);
	ck_assert_uint_eq(entry_at(low, 511), 0x8001);
	ck_assert_uint_eq(entry_at(high, 0), 0x7001);
	ck_assert_uint_eq(entry_at(high, 1), 0x6001);
	pt_fini(&pt);
}
END_TEST

START_TEST(a_split_leaf_becomes_512_of_the_next_size)
{
	static const struct pt_map_req req = {GIB, 5 * GIB, 1, 30, PT_R | PT_SNP, GIB};
	struct pt_caps caps = plain_caps();
	struct pt pt;
	pa_t directory, table;

	caps.snoop = true;
	ck_assert(pt_init(&pt, phys, &pt_vtd_ss, &caps, 2));
	ck_assert_int_eq(pt.ops->map(&pt, &req).status, PT_DONE);
	ck_assert_uint_eq(entry_at(pt.root, 1), 0x140000881);
	ck_assert_int_eq(pt.ops->split(&pt, GIB + 0x345678), PT_DONE);
	directory = entry_at(pt.root, 1) - 3;
	ck_assert_uint_eq(entry_at(directory, 0), 0x140000881);
	ck_assert_uint_eq(entry_at(directory, 1), 0x140200881);
	ck_assert_uint_eq(entry_at(directory, 511), 0x17fe00881);
	ck_assert_int_eq(pt.ops->split(&pt, GIB + 0x345678), PT_DONE);
	table = entry_at(directory, 1) - 3;
	ck_assert_uint_eq(entry_at(table, 0), 0x140200801);
	ck_assert_uint_eq(entry_at(table, 511), 0x1403ff801);
	ck_assert_int_eq(pt.ops->split(&pt, GIB + 0x345678), PT_RANGE);
	ck_assert_ptr_null(pt_audit(&pt));
	pt_fini(&pt);
}
END_TEST

/* ---- what the unit reads ---- */

enum {
	SC = 1,
	SCALABLE = 2,
	DT = 4,
	NO_LARGE = 8,
	ONLY_2M = 16,
	HAW39 = 32,
	HAW52 = 64,
	L512G = 128
};

/* An entry put at `level` of a hand-made tree. A walk for a read ends there, or, for a table entry
 * that is accepted, one level lower at an empty entry. */
struct raw_row {
	uint8_t top_level, level;
	uint64_t raw; /* a table entry: without its address */
	unsigned caps;
	enum pt_fault fault;
};

static const struct raw_row raw_rows[] = {
	/* 4 KiB leaf */
	{2, 0, 0x12345003, 0, PT_OK},
	{2, 0, 0x12345083, 0, PT_OK},             /* PS is ignored */
	{2, 0, 0x12345083, NO_LARGE, PT_OK},      /* also without large pages */
	{2, 0, 0x1234547b, 0, PT_OK},             /* memory type, IPAT, bit 10 */
	{2, 0, 0x12345303, 0, PT_OK},             /* A and D are ignored without support */
	{2, 0, 0xbff0000012345003, 0, PT_OK},     /* 61:52 and 63 are ignored */
	{2, 0, 0x12345803, 0, PT_FAULT_RESERVED}, /* SNP without snoop control */
	{2, 0, 0x12345803, SC, PT_OK},
	{2, 0, 0x12345803, SCALABLE, PT_OK},
	{2, 0, 0x4000000012345003, 0, PT_FAULT_RESERVED}, /* TM without device TLB */
	{2, 0, 0x4000000012345003, DT, PT_OK},
	{2, 0, 0x3ffffffff003, 0, PT_OK}, /* the last page of 46 bits */
	{2, 0, 0x400000000003, 0, PT_FAULT_RESERVED},
	{2, 0, 0x8000000000003, 0, PT_FAULT_RESERVED},
	{2, 0, 0x7ffffff003, HAW39, PT_OK},
	{2, 0, 0x8000000003, HAW39, PT_FAULT_RESERVED},
	{2, 0, 0xffffffffff003, HAW52, PT_OK},
	{2, 0, 0x12345804, 0, PT_FAULT_READ},         /* not present: reserved bits do not matter */
	{2, 0, 0x4000000012345802, 0, PT_FAULT_READ}, /* write only: permission comes first */
	{2, 0, 0x12345801, 0, PT_FAULT_RESERVED},
	/* 2 MiB leaf: 20:12 reserved */
	{3, 1, 0x12200083, 0, PT_OK},
	{3, 1, 0x12201083, 0, PT_FAULT_RESERVED},
	{3, 1, 0x12300083, 0, PT_FAULT_RESERVED},
	{3, 1, 0x12200883, 0, PT_FAULT_RESERVED},
	{3, 1, 0x12200883, SC, PT_OK},
	{3, 1, 0x12201883, SC, PT_FAULT_RESERVED},
	{3, 1, 0x12200083, NO_LARGE, PT_FAULT_RESERVED},
	{3, 1, 0x4000000012200083, 0, PT_FAULT_RESERVED},
	{3, 1, 0x4000000012200083, DT, PT_OK},
	{3, 1, 0x12201082, 0, PT_FAULT_READ},
	/* 1 GiB leaf: 29:12 reserved */
	{3, 2, 0x140000083, 0, PT_OK},
	{3, 2, 0x140000083, ONLY_2M, PT_FAULT_RESERVED},
	{3, 2, 0x160000083, 0, PT_FAULT_RESERVED},
	{3, 2, 0x140200083, 0, PT_FAULT_RESERVED},
	{3, 2, 0x140001083, 0, PT_FAULT_RESERVED},
	{3, 2, 0x140000883, 0, PT_FAULT_RESERVED},
	{3, 2, 0x140000883, SC, PT_OK},
	{2, 2, 0x140000083, 0, PT_OK}, /* in the root of 3 levels */
	/* level 4 of the manual: PS is reserved, unless 512 GiB pages exist */
	{3, 3, 0x83, 0, PT_FAULT_RESERVED},
	{3, 3, 0x83, L512G, PT_OK},
	{3, 3, 0x40000083, L512G, PT_FAULT_RESERVED},
	/* 5 levels */
	{4, 4, 0x83, 0, PT_FAULT_RESERVED},
	{4, 4, 0x83, L512G, PT_FAULT_RESERVED},
	{4, 3, 0x83, 0, PT_FAULT_RESERVED},
	{4, 0, 0x12345003, 0, PT_OK},
	/* table entries at every level */
	{4, 1, 0x3, 0, PT_OK},
	{4, 2, 0x3, 0, PT_OK},
	{4, 3, 0x3, 0, PT_OK},
	{4, 4, 0x3, 0, PT_OK},
	{4, 1, 0xbff000000000077b, 0, PT_OK}, /* ignored bits */
	{4, 1, 0x803, SC, PT_FAULT_RESERVED}, /* SNP never */
	{4, 2, 0x803, SC | SCALABLE, PT_FAULT_RESERVED},
	{4, 3, 0x803, SC, PT_FAULT_RESERVED},
	{4, 4, 0x803, SC, PT_FAULT_RESERVED},
	{4, 1, 0x4000000000000003, 0, PT_FAULT_RESERVED},
	{4, 4, 0x4000000000000003, 0, PT_FAULT_RESERVED},
	{4, 4, 0x4000000000000003, DT, PT_OK},
	{4, 2, 0x400000000003, 0, PT_FAULT_RESERVED}, /* above the host's width */
	{4, 2, 0x200000000003, 0, PT_FAULT_TABLE},    /* within it, but no memory there */
	{4, 2, 0x802, 0, PT_FAULT_READ},
	{4, 2, 0x0, 0, PT_FAULT_READ},
};

static struct pt_caps row_caps(unsigned bits)
{
	struct pt_caps caps = plain_caps();

	caps.snoop = bits & SC;
	caps.ignore_snoop_leaf = bits & SCALABLE;
	caps.device_tlb = bits & DT;
	if (bits & NO_LARGE)
		caps.large_levels = 0x1;
	if (bits & ONLY_2M)
		caps.large_levels = 0x3;
	if (bits & L512G)
		caps.large_levels = 0xf;
	if (bits & HAW39)
		caps.haw = 39;
	if (bits & HAW52)
		caps.haw = 52;
	return caps;
}

/* The entry's index is 5 at every level: 5 << 48 | 5 << 39 | 5 << 30 | 5 << 21 | 5 << 12. */
static const iova_t all_fives = 0x5028140a05678;

static void raw_row_walk(const struct raw_row *row, const struct pt_caps *caps)
{
	pa_t table = new_table(), root = table;
	bool pointer = row->level > 0 && !(row->raw & 0x80);
	struct pt_start start = {.table = root, .level = row->top_level, .perm = PT_R | PT_W};
	struct pt_step steps[PT_LEVELS_MAX];
	struct pt_walk_result res, plain;
	const iova_t iova = all_fives & SIO_MASK(20 + 9 * row->top_level, 0);
	unsigned nsteps, end = row->level;

	for (unsigned level = row->top_level; level > row->level; level--) {
		pa_t lower = new_table();

		put(table, 5, lower | 3);
		table = lower;
	}
	put(table, 5, row->raw | (pointer ? new_table() : 0));
	if (pointer && (row->fault == PT_OK || row->fault == PT_FAULT_TABLE))
		end--;
	res = pt_vtd_ss.walk(phys, caps, start, iova, PT_R, steps, &nsteps);
	ck_assert_msg(res.fault == (pointer && row->fault == PT_OK ? PT_FAULT_READ : row->fault),
		      "raw %#jx at level %u: fault %d", (uintmax_t)row->raw, row->level, res.fault);
	ck_assert_uint_eq(res.level, end);
	ck_assert_uint_eq(nsteps, row->top_level - end + (res.fault != PT_FAULT_TABLE));
	ck_assert_uint_eq(steps[row->top_level - row->level].raw & ~SIO_MASK(51, 12),
			  row->raw & ~SIO_MASK(51, 12));
	ck_assert_uint_eq(steps[row->top_level - row->level].entry_pa, table + 40);
	if (res.fault == PT_OK) {
		uint64_t size = UINT64_C(1) << (12 + 9 * row->level);
		uint64_t page = row->raw & SIO_MASK(51, 12);

		ck_assert_uint_eq(res.oa, page + iova % size);
		ck_assert_uint_eq(res.size_lg2, 12u + 9u * row->level);
		ck_assert_uint_eq(res.perm & (PT_R | PT_W), row->raw & 3);
		ck_assert_uint_eq(!!(res.perm & PT_SNP), caps->snoop && (row->raw & 0x800));
	}
	/* Without a trail it is another path to the same answer. */
	plain = pt_vtd_ss.walk(phys, caps, start, iova, PT_R, NULL, NULL);
	ck_assert_int_eq(plain.fault, res.fault);
	ck_assert_uint_eq(plain.level, end);
	ck_assert_uint_eq(plain.oa, res.oa);
	ck_assert_uint_eq(plain.size_lg2, res.size_lg2);
	ck_assert_uint_eq(plain.perm, res.perm);
	ck_assert_uint_eq(plain.table_perm, res.table_perm);
	ck_assert_uint_eq(plain.leaf_table, end == 0 && res.fault != PT_FAULT_TABLE
						    ? steps[nsteps - 1].entry_pa - 40
						    : PA_NONE);
}

START_TEST(reserved_bits_are_those_of_the_manual)
{
	struct pt_caps caps = row_caps(raw_rows[_i].caps);

	raw_row_walk(&raw_rows[_i], &caps);
	pt_caps_finish(&caps, &pt_vtd_ss);
	raw_row_walk(&raw_rows[_i], &caps);
}
END_TEST

START_TEST(permissions_are_those_of_the_whole_walk)
{
	struct pt_caps caps = plain_caps();
	pa_t root = new_table(), directory = new_table(), table = new_table();
	struct pt_start start = {.table = root, .level = 2, .perm = PT_R | PT_W};
	struct pt_walk_result res;

	put(root, 0, directory | 3);
	put(directory, 0, table | 1);
	put(table, 1, 0x7003);
	res = pt_vtd_ss.walk(phys, &caps, start, 0x1234, PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_OK);
	ck_assert_uint_eq(res.perm, PT_R);
	ck_assert_uint_eq(res.oa, 0x7234);
	ck_assert_uint_eq(res.leaf_table, table);
	ck_assert_uint_eq(res.table_perm, PT_R);
	/* The write ends at the entry that denies it. */
	res = pt_vtd_ss.walk(phys, &caps, start, 0x1234, PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WRITE);
	ck_assert_uint_eq(res.level, 1);
	res = pt_vtd_ss.walk(phys, &caps, start, 0x1234, PT_R | PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WRITE);
	/* From a paging-structure cache, with what it remembers. */
	start = (struct pt_start){.table = table, .level = 0, .perm = PT_R};
	res = pt_vtd_ss.walk(phys, &caps, start, 0x40001234, PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_OK);
	ck_assert_uint_eq(res.oa, 0x7234);
	ck_assert_uint_eq(res.perm, PT_R);
	res = pt_vtd_ss.walk(phys, &caps, start, 0x40001234, PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WRITE);
	ck_assert_uint_eq(res.level, 0);
}
END_TEST

START_TEST(an_address_beyond_the_width_is_its_own_fault)
{
	static const iova_t beyond[] = {[1] = UINT64_C(1) << 30,
					[2] = UINT64_C(1) << 39,
					[3] = UINT64_C(1) << 48,
					[4] = UINT64_C(1) << 57};
	struct pt_caps caps = plain_caps();
	struct pt_start start = {.table = new_table(), .level = (uint8_t)_i, .perm = PT_R | PT_W};
	struct pt_walk_result res;

	res = pt_vtd_ss.walk(phys, &caps, start, beyond[_i], PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WIDTH);
	res = pt_vtd_ss.walk(phys, &caps, start, ~UINT64_C(0), PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WIDTH);
	res = pt_vtd_ss.walk(phys, &caps, start, beyond[_i] - 1, PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WRITE);
}
END_TEST

START_TEST(a_root_outside_memory_is_told_from_a_lower_table)
{
	static const pa_t nowhere[] = {64 * MIB, 64 * MIB - 8, 0xfee00000, ~UINT64_C(0xfff),
				       UINT64_C(1) << 45};
	struct pt_caps caps = plain_caps();
	struct pt_start start = {.table = nowhere[_i], .level = 3, .perm = PT_R | PT_W};
	struct pt_step steps[PT_LEVELS_MAX];
	struct pt_walk_result res;
	unsigned nsteps = 9;

	res = pt_vtd_ss.walk(phys, &caps, start, 0, PT_R, steps, &nsteps);
	ck_assert_int_eq(res.fault, PT_FAULT_TABLE_TOP);
	ck_assert_uint_eq(nsteps, 0);
	start = (struct pt_start){.table = nowhere[_i], .level = 0, .perm = PT_R | PT_W};
	res = pt_vtd_ss.walk(phys, &caps, start, 0, PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_TABLE);
	ck_assert_uint_eq(res.leaf_table, PA_NONE);
}
END_TEST

START_TEST(accessed_and_dirty_are_set_where_the_walk_went)
{
	struct pt_caps caps = plain_caps();
	pa_t root = new_table(), directory = new_table(), table = new_table();
	struct pt_start start = {.table = root, .level = 2, .perm = PT_R | PT_W};
	struct pt_walk_result res;

	put(root, 0, directory | 3);
	put(directory, 0, table | 3);
	put(directory, 1, 0x200083);
	put(table, 1, 0x7003);
	put(table, 2, 0x8001);
	res = pt_vtd_ss.walk(phys, &caps, start, 0x1000, PT_W, NULL, NULL);
	ck_assert_uint_eq(res.perm, PT_R | PT_W);
	ck_assert_uint_eq(entry_at(table, 1), 0x7003);

	caps.access_dirty = true;
	res = pt_vtd_ss.walk(phys, &caps, start, 0x2000, PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WRITE);
	ck_assert_uint_eq(entry_at(root, 0), directory | 3);
	res = pt_vtd_ss.walk(phys, &caps, start, 0x2000, PT_R, NULL, NULL);
	ck_assert_uint_eq(res.perm, PT_R | PT_A);
	ck_assert_uint_eq(entry_at(root, 0), directory | 0x103);
	ck_assert_uint_eq(entry_at(directory, 0), table | 0x103);
	ck_assert_uint_eq(entry_at(table, 2), 0x8101);
	res = pt_vtd_ss.walk(phys, &caps, start, 0x1000, PT_W, NULL, NULL);
	ck_assert_uint_eq(res.perm, PT_R | PT_W | PT_A | PT_D);
	ck_assert_uint_eq(entry_at(directory, 0), table | 0x103);
	ck_assert_uint_eq(entry_at(table, 1), 0x7303);
	res = pt_vtd_ss.walk(phys, &caps, start, 0x3fffff, PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_OK);
	ck_assert_uint_eq(entry_at(directory, 1), 0x200383);
	/* A later read sees that the entry is dirty and changes nothing. */
	res = pt_vtd_ss.walk(phys, &caps, start, 0x3fffff, PT_R, NULL, NULL);
	ck_assert_uint_eq(res.perm, PT_R | PT_W | PT_A | PT_D);
}
END_TEST

START_TEST(execution_is_judged_where_the_unit_has_it)
{
	struct pt_caps caps = plain_caps();
	pa_t root = new_table(), directory = new_table(), table = new_table();
	struct pt_start start = {.table = root, .level = 2, .perm = PT_ALL};

	put(root, 0, directory | 7);
	put(directory, 0, table | 7);
	put(table, 1, 0x7007);
	put(table, 2, 0x8003);
	for (unsigned finished = 0; finished < 2; finished++) {
		struct pt_walk_result res;

		caps.execute = false;
		if (finished)
			pt_caps_finish(&caps, &pt_vtd_ss);
		res = pt_vtd_ss.walk(phys, &caps, start, 0x2000, PT_R | PT_X, NULL, NULL);
		ck_assert_int_eq(res.fault, PT_OK);
		ck_assert_uint_eq(res.perm, PT_R | PT_W);
		caps.execute = true;
		if (finished)
			pt_caps_finish(&caps, &pt_vtd_ss);
		res = pt_vtd_ss.walk(phys, &caps, start, 0x2000, PT_R | PT_X, NULL, NULL);
		ck_assert_int_eq(res.fault, PT_FAULT_EXECUTE);
		res = pt_vtd_ss.walk(phys, &caps, start, 0x1000, PT_R | PT_X, NULL, NULL);
		ck_assert_int_eq(res.fault, PT_OK);
		ck_assert_uint_eq(res.perm, PT_R | PT_W | PT_X);
	}
}
END_TEST

/* The answer is the same when there is nothing left to mark, and nothing else is. */
START_TEST(a_marked_entry_is_read_as_it_is_marked)
{
	struct pt_caps caps = plain_caps();
	pa_t root = new_table(), directory = new_table(), table = new_table();
	struct pt_start start = {.table = root, .level = 2, .perm = PT_ALL};

	caps.access_dirty = true;
	pt_caps_finish(&caps, &pt_vtd_ss);
	put(root, 0, directory | 0x103);
	put(directory, 0, table | 0x103);
	put(table, 1, 0x7303);
	put(table, 2, 0x8103);
	put(table, 3, 0x9003);
	ck_assert_uint_eq(pt_vtd_ss.walk(phys, &caps, start, 0x1000, PT_W, NULL, NULL).perm,
			  PT_R | PT_W | PT_A | PT_D);
	ck_assert_uint_eq(pt_vtd_ss.walk(phys, &caps, start, 0x1000, PT_R, NULL, NULL).perm,
			  PT_R | PT_W | PT_A | PT_D);
	ck_assert_uint_eq(pt_vtd_ss.walk(phys, &caps, start, 0x2000, PT_R, NULL, NULL).perm,
			  PT_R | PT_W | PT_A);
	ck_assert_uint_eq(entry_at(table, 2), 0x8103);
	ck_assert_uint_eq(pt_vtd_ss.walk(phys, &caps, start, 0x2000, PT_W, NULL, NULL).perm,
			  PT_R | PT_W | PT_A | PT_D);
	ck_assert_uint_eq(entry_at(table, 2), 0x8303);
	ck_assert_uint_eq(pt_vtd_ss.walk(phys, &caps, start, 0x3000, PT_R, NULL, NULL).perm,
			  PT_R | PT_W | PT_A);
	ck_assert_uint_eq(entry_at(table, 3), 0x9103);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pt_golden");
	TCase *tc = tcase_create("vtd second stage");

	tcase_add_checked_fixture(tc, pt_setup, pt_teardown);
	tcase_add_loop_test(tc, a_mapped_leaf_has_the_bytes_of_the_manual, 0,
			    (int)SIO_ARRAY_SIZE(leaf_rows));
	tcase_add_test(tc, a_run_of_leaves_steps_by_its_spacing);
	tcase_add_test(tc, a_split_leaf_becomes_512_of_the_next_size);
	tcase_add_loop_test(tc, reserved_bits_are_those_of_the_manual, 0,
			    (int)SIO_ARRAY_SIZE(raw_rows));
	tcase_add_test(tc, permissions_are_those_of_the_whole_walk);
	tcase_add_loop_test(tc, an_address_beyond_the_width_is_its_own_fault, 1, 5);
	tcase_add_loop_test(tc, a_root_outside_memory_is_told_from_a_lower_table, 0, 5);
	tcase_add_test(tc, accessed_and_dirty_are_set_where_the_walk_went);
	tcase_add_test(tc, execution_is_judged_where_the_unit_has_it);
	tcase_add_test(tc, a_marked_entry_is_read_as_it_is_marked);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
