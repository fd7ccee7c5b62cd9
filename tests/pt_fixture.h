/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables made by hand, for the tests of page table formats: a memory, frames in it, raw entries,
 * and one check of what a walk makes of a single raw entry. Nothing here asks a format how it
 * encodes.
 */
#ifndef TESTS_PT_FIXTURE_H
#define TESTS_PT_FIXTURE_H

#include "harness.h"

#include "pt/pt.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static struct phys *phys;

static inline void pt_setup(void)
{
	const struct phys_cfg ram = {.ram_bytes = 64 * MIB};

	phys = phys_create(&ram);
	ck_assert_ptr_nonnull(phys);
}

static inline void pt_teardown(void)
{
	phys_destroy(phys);
}

static inline pa_t new_table(void)
{
	pa_t table = phys_table_alloc(phys);

	ck_assert_uint_ne(table, PA_NONE);
	return table;
}

static inline void put(pa_t table, unsigned index, uint64_t raw)
{
	ck_assert(phys_write(phys, table + index * 8, &raw, sizeof(raw)));
}

static inline uint64_t entry_at(pa_t table, unsigned index)
{
	uint64_t raw;

	ck_assert(phys_read(phys, table + index * 8, &raw, sizeof(raw)));
	return raw;
}

/* A raw entry in a table at `level`, and what a walk that reaches it must say. */
struct raw_case {
	uint8_t top_level, level;
	uint64_t raw;  /* of a table entry without the address */
	unsigned caps; /* bits, the test's own */
	unsigned need; /* 0: PT_R */
	enum pt_fault fault;
	uint8_t lg2;   /* leaf: its size */
	uint8_t perm;  /* leaf: of the whole walk, below tables that grant everything */
	uint64_t page; /* leaf: where it leads */
	uint8_t next;  /* table entry: 1 + level of the next table */
};

/* Index 5 at every level: 5 << 57 | 5 << 48 | 5 << 39 | 5 << 30 | 5 << 21 | 5 << 12. */
#define ALL_FIVES UINT64_C(0x0a05028140a05678)

/*
 * Build the way to the entry with tables that `link` makes, walk with and without a trail, compare.
 * `width` bits of the address are used.
 */
static inline void check_raw(const struct pt_ops *ops, uint64_t (*link)(pa_t lower, unsigned level),
			     const struct raw_case *c, const struct pt_caps *caps, unsigned width)
{
	const iova_t iova = ALL_FIVES & (width < 64 ? SIO_BIT(width) - 1 : ~UINT64_C(0));
	const unsigned need = c->need ? c->need : PT_R;
	pa_t table = new_table(), lower = c->next ? new_table() : 0;
	struct pt_start start = {.table = table, .level = c->top_level, .perm = PT_ALL};
	enum pt_fault fault = c->next && c->fault == PT_OK ? PT_FAULT_READ : c->fault;
	unsigned end = c->next && c->fault == PT_OK ? c->next - 1u : c->level;
	struct pt_step steps[PT_LEVELS_MAX];
	struct pt_walk_result res, plain;
	unsigned nsteps;

	for (unsigned level = c->top_level; level > c->level; level--) {
		pa_t below = new_table();

		put(table, 5, link(below, level));
		table = below;
	}
	put(table, 5, c->raw | lower);
	res = ops->walk(phys, caps, start, iova, need, steps, &nsteps);
	ck_assert_msg(res.fault == fault && res.level == end, "raw %#jx: fault %d at level %u",
		      (uintmax_t)c->raw, res.fault, res.level);
	ck_assert_uint_eq(steps[c->top_level - c->level].raw, c->raw | lower);
	ck_assert_uint_eq(steps[c->top_level - c->level].entry_pa, table + 40);
	if (res.fault == PT_OK) {
		ck_assert_msg(res.oa == c->page + iova % SIO_BIT(c->lg2), "raw %#jx: oa %#jx",
			      (uintmax_t)c->raw, (uintmax_t)res.oa);
		ck_assert_uint_eq(res.size_lg2, c->lg2);
		ck_assert_msg(res.perm == c->perm, "raw %#jx: perm %#x", (uintmax_t)c->raw,
			      res.perm);
		ck_assert(res.present);
	}
	plain = ops->walk(phys, caps, start, iova, need, NULL, NULL);
	ck_assert_int_eq(plain.fault, res.fault);
	ck_assert_uint_eq(plain.level, res.level);
	ck_assert_uint_eq(plain.oa, res.oa);
	ck_assert_uint_eq(plain.size_lg2, res.size_lg2);
	ck_assert_uint_eq(plain.perm, res.perm);
	ck_assert_uint_eq(plain.present, res.present);
	ck_assert_uint_eq(plain.leaf_table, res.leaf_table);
	ck_assert_uint_eq(plain.table_perm, res.table_perm);
}

#endif
