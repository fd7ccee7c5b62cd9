// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nested walk against a brute-force composition.
 *
 * A guest's x86-64 tables are written by hand into memory that only the second stage knows the way
 * to; the second stage is a flat array of guest pages, and a tree that holds the same. What each
 * request must come to follows from the raw entries and that array alone.
 */
#include "pt_fixture.h"

#include "prng.h"
#include "pt/pt_nested.h"

#include <string.h>

#define GUEST_PAGES 4096u /* 16 MiB of guest physical memory */
#define AREA        1024u /* pages of iova, two tables of leaves */
#define REQUESTS    400u
#define SEEDS       4u

struct guest_page {
	pa_t pa; /* PA_NONE: not mapped */
	uint8_t lg2, perm;
};

struct config {
	const struct pt_ops *second;
	bool first_marks, second_marks, snoop;
};

static const struct config configs[] = {
	{&pt_vtd_ss, false, false, false}, {&pt_vtd_ss, true, false, true},
	{&pt_vtd_ss, true, true, false},   {&pt_vtd_ss, false, true, true},
	{&pt_amd_v1, true, false, true},   {&pt_amd_v1, true, true, false},
};

static const iova_t area = 0x7f1234400000; /* indices 254, 72, 418, 0 */

struct world {
	const struct config *cfg;
	uint64_t seed;
	struct prng rng;
	struct pt second;
	struct pt_caps first_caps;
	struct guest_page page[GUEST_PAGES];
	uint64_t table[5]; /* gpa: levels 3, 2, 1, and two of level 0 */
};

static struct world world;

#define CHECK(w, cond)                                                              \
	((cond) ? (void)0                                                           \
		: ck_abort_msg("line %d: %s: seed %ju, config %d", __LINE__, #cond, \
			       (uintmax_t)(w)->seed, (int)((w)->cfg - configs)))

/* ---- building ---- */

static pa_t frames(unsigned count, unsigned align_lg2)
{
	uint64_t first;

	ck_assert_uint_eq(phys_frames_alloc(phys, count, align_lg2, &first), count);
	return first << 12;
}

static void map_guest(struct world *w, unsigned page, uint8_t lg2)
{
	const unsigned count = 1u << (lg2 - 12);
	uint8_t perm = PT_R | PT_W;
	struct pt_map_req req = {.iova = page * UINT64_C(4096), .count = 1, .size_lg2 = lg2};

	if (prng_below(&w->rng, 8) == 0)
		perm = (uint8_t)(1 + prng_below(&w->rng, 2));
	if (w->cfg->snoop && prng_below(&w->rng, 2))
		perm |= PT_SNP;
	req.oa = frames(count, lg2 - 12u);
	req.perm = perm;
	req.oa_step = (int64_t)1 << lg2;
	ck_assert_int_eq(w->second.ops->map(&w->second, &req).status, PT_DONE);
	for (unsigned i = 0; i < count; i++)
		w->page[page + i] = (struct guest_page){req.oa + i * 4096, lg2, perm};
}

static void map_all_guest(struct world *w)
{
	for (unsigned page = 0; page < GUEST_PAGES; page += 512) {
		if (prng_below(&w->rng, 3) == 0) {
			map_guest(w, page, 21);
			continue;
		}
		for (unsigned i = 0; i < 512; i++)
			map_guest(w, page + i, 12);
	}
}

/* A few pages disappear from the second stage, tables of the first among them. */
static void unmap_some(struct world *w)
{
	struct pt_gather gather = {0};

	for (unsigned i = 0; i < 40; i++) {
		unsigned page = (unsigned)prng_below(&w->rng, GUEST_PAGES);

		if (i == 0 && w->seed % 2)
			page = (unsigned)(w->table[prng_below(&w->rng, 5)] / 4096);
		if (w->page[page].pa == PA_NONE || w->page[page].lg2 != 12)
			continue;
		ck_assert_uint_eq(
			w->second.ops->unmap(&w->second, page * UINT64_C(4096), 4096, &gather).done,
			4096);
		w->page[page].pa = PA_NONE;
	}
	pt_gather_free(phys, &gather);
}

static uint64_t *guest_entry(struct world *w, uint64_t gpa)
{
	return phys_ptr(phys, w->page[gpa / 4096].pa + gpa % 4096);
}

static uint64_t random_flags(struct world *w)
{
	uint64_t flags = 0x7;

	if (prng_below(&w->rng, 8) == 0)
		flags = 1 + prng_below(&w->rng, 4) * 2; /* 1, 3, 5, 7 */
	if (prng_below(&w->rng, 8) == 0)
		flags |= UINT64_C(1) << 63;
	if (prng_below(&w->rng, 3) == 0)
		flags |= 0x20;
	return flags;
}

static void build_first(struct world *w)
{
	uint64_t flags = prng_below(&w->rng, 4) ? 0x7 : random_flags(w);

	for (unsigned i = 0; i < 5; i++) {
		bool again = true;

		while (again) {
			w->table[i] = prng_below(&w->rng, GUEST_PAGES) * 4096;
			again = false;
			for (unsigned k = 0; k < i; k++)
				again |= w->table[k] == w->table[i];
		}
		memset(guest_entry(w, w->table[i]), 0, 4096);
	}
	*guest_entry(w, w->table[0] + 254 * 8) = w->table[1] | 0x7;
	*guest_entry(w, w->table[1] + 72 * 8) = w->table[2] | flags;
	*guest_entry(w, w->table[2] + 418 * 8) = w->table[3] | 0x7;
	*guest_entry(w, w->table[2] + 419 * 8) = w->table[4] | random_flags(w);
	/* Now and then one leaf of 2 MiB. */
	if (prng_below(&w->rng, 3) == 0)
		*guest_entry(w, w->table[2] + 419 * 8) =
			(prng_below(&w->rng, 8) << 21) | random_flags(w) | 0x80;
	for (unsigned i = 0; i < 1024; i++) {
		uint64_t gpa = prng_below(&w->rng, GUEST_PAGES + 40u) * 4096;

		if (prng_below(&w->rng, 10))
			*guest_entry(w, w->table[3 + i / 512] + i % 512 * 8) =
				gpa | random_flags(w);
	}
}

/* ---- what must come of it ---- */

struct expected {
	enum pt_fault fault;
	enum pt_nested_where where;
	unsigned level, lg2, perm;
	uint64_t gpa;
	pa_t oa;
	unsigned asked; /* of the second stage that faults */
	unsigned used;  /* entries */
	uint64_t entry_gpa[4], raw[4];
};

static bool second_allows(const struct world *w, uint64_t gpa, unsigned need,
			  const struct guest_page **page)
{
	*page = &w->page[gpa / 4096 < GUEST_PAGES ? gpa / 4096 : 0];
	return gpa / 4096 < GUEST_PAGES && (*page)->pa != PA_NONE && !(need & ~(*page)->perm & 3u);
}

static void second_fault(struct expected *e, enum pt_nested_where where,
			 const struct guest_page *page, unsigned need, uint64_t gpa)
{
	const bool there = gpa / 4096 < GUEST_PAGES && page->pa != PA_NONE;
	const unsigned missing = need & ~(there ? page->perm : 0u);

	e->fault = missing & PT_W ? PT_FAULT_WRITE : PT_FAULT_READ;
	e->where = where;
	e->gpa = gpa;
	e->asked = need;
}

/* Raw bits to permissions, as the manual has them. */
static unsigned grants(uint64_t raw)
{
	return PT_R | (raw & 2 ? PT_W : 0) | (raw & 4 ? PT_U : 0) | (raw >> 63 ? 0 : PT_X);
}

/* Down the guest's tables; false: e says what stops the request. */
static bool expect_first(struct world *w, iova_t iova, unsigned need, struct expected *e)
{
	uint64_t table = w->table[0];
	const struct guest_page *page;

	e->perm = PT_ALL;
	for (e->level = 3;; e->level--) {
		uint64_t gpa = table + (iova >> (12 + 9 * e->level)) % 512 * 8, raw;
		unsigned denied;

		if (!second_allows(w, gpa, PT_R, &page)) {
			second_fault(e, PT_IN_SECOND_TABLE, page, PT_R, gpa);
			return false;
		}
		raw = *guest_entry(w, gpa);
		e->entry_gpa[e->used] = gpa;
		e->raw[e->used++] = raw;
		if (!(raw & 1)) {
			e->fault = need & PT_W ? PT_FAULT_WRITE : PT_FAULT_READ;
			return false;
		}
		e->perm &= grants(raw);
		denied = need & ~e->perm;
		if (denied) {
			e->fault = denied & PT_U   ? PT_FAULT_USER
				   : denied & PT_W ? PT_FAULT_WRITE
						   : PT_FAULT_EXECUTE;
			return false;
		}
		table = raw & 0xffffffffff000;
		if (e->level == 0 || (raw & 0x80))
			break;
	}
	e->lg2 = 12 + 9 * e->level;
	e->gpa = table + iova % (UINT64_C(1) << e->lg2);
	return true;
}

/* The entry that the walker would have to mark. */
static bool wants_mark(const struct world *w, const struct expected *e, unsigned i, unsigned need)
{
	uint64_t marks = 0x20 | (i + 1 == e->used && (need & PT_W) ? 0x40 : 0);

	return w->cfg->first_marks && (e->raw[i] & marks) != marks;
}

static struct expected expect(struct world *w, iova_t iova, unsigned need)
{
	struct expected e = {.where = PT_IN_FIRST};
	const struct guest_page *page, *table;

	if (!expect_first(w, iova, need, &e))
		return e;
	if (!second_allows(w, e.gpa, need, &page)) {
		second_fault(&e, PT_IN_SECOND_PAGE, page, need & 3, e.gpa);
		return e;
	}
	for (unsigned i = 0; i < e.used; i++) {
		if (!wants_mark(w, &e, i, need) ||
		    second_allows(w, e.entry_gpa[i], PT_R | PT_W, &table))
			continue;
		second_fault(&e, PT_IN_SECOND_TABLE, table, PT_R | PT_W, e.entry_gpa[i]);
		e.level = 3 - i;
		return e;
	}
	e.oa = page->pa + iova % 4096;
	e.perm &= page->perm | PT_X | PT_U;
	e.perm |= page->perm & PT_SNP;
	if (page->lg2 < e.lg2)
		e.lg2 = page->lg2;
	return e;
}

/* ---- comparing ---- */

static void check_marks(struct world *w, const struct expected *e, unsigned need)
{
	for (unsigned i = 0; i < e->used; i++) {
		uint64_t now = *guest_entry(w, e->entry_gpa[i]), want = e->raw[i];

		if (e->fault == PT_OK && w->cfg->first_marks)
			want |= 0x20 | (i + 1 == e->used && (need & PT_W) ? 0x40 : 0);
		CHECK(w, now == want);
	}
}

static void check_steps(struct world *w, const struct expected *e,
			const struct pt_nested_step *steps, unsigned n)
{
	unsigned own = 0;

	CHECK(w, n <= PT_NESTED_STEPS_MAX);
	for (unsigned i = 0; i < n; i++) {
		if (steps[i].where != PT_IN_FIRST)
			continue;
		CHECK(w, own < e->used);
		CHECK(w, steps[i].step.raw == e->raw[own]);
		CHECK(w, steps[i].step.level == 3 - own);
		CHECK(w, phys_ptr(phys, steps[i].step.entry_pa) ==
				 (void *)guest_entry(w, e->entry_gpa[own]));
		own++;
	}
	CHECK(w, own == e->used);
}

static void check_request(struct world *w, iova_t iova, unsigned need, bool trail)
{
	const struct pt_nested nested = {
		.first = {&pt_x86_64,
			  &w->first_caps,
			  {.table = w->table[0], .level = 3, .perm = PT_ALL}},
		.second = {w->second.ops,
			   &w->second.caps,
			   {.table = w->second.root, .level = w->second.top_level, .perm = PT_ALL}},
	};
	struct expected e = expect(w, iova, need);
	struct pt_nested_step steps[PT_NESTED_STEPS_MAX];
	struct pt_nested_result res;
	unsigned n = 0;

	res = pt_nested_walk(phys, &nested, iova, need, trail ? steps : NULL, trail ? &n : NULL);
	CHECK(w, res.fault == e.fault);
	CHECK(w, res.where == e.where);
	CHECK(w, res.first_level == e.level);
	if (e.fault == PT_OK || e.where != PT_IN_FIRST)
		CHECK(w, res.gpa == e.gpa);
	if (e.fault == PT_OK) {
		CHECK(w, res.oa == e.oa);
		CHECK(w, res.size_lg2 == e.lg2);
		CHECK(w, (res.perm & ~(PT_A | PT_D)) == e.perm);
		CHECK(w, !!(res.perm & PT_A) == (w->cfg->first_marks || w->cfg->second_marks));
		if (need & PT_W)
			CHECK(w, !!(res.perm & PT_D) == !!(res.perm & PT_A));
	} else {
		CHECK(w, res.oa == PA_NONE);
		CHECK(w, res.where == PT_IN_FIRST || res.need_write == !!(e.asked & PT_W));
	}
	check_marks(w, &e, need);
	if (trail)
		check_steps(w, &e, steps, n);
}

START_TEST(the_answer_is_that_of_both_stages)
{
	static const unsigned needs[] = {PT_R,        PT_W,        PT_R | PT_W,       PT_R | PT_U,
					 PT_W | PT_U, PT_R | PT_X, PT_R | PT_X | PT_U};
	struct world *w = &world;
	struct pt_caps caps = {.haw = 46, .large_levels = 3};

	*w = (struct world){.cfg = &configs[(unsigned)_i % SIO_ARRAY_SIZE(configs)],
			    .seed = 1 + (unsigned)_i / SIO_ARRAY_SIZE(configs)};
	w->rng.state = w->seed * 1000 + (unsigned)_i;
	caps.snoop = w->cfg->snoop;
	caps.access_dirty = w->cfg->second_marks;
	ck_assert(pt_init(&w->second, phys, w->cfg->second, &caps, 2));
	w->first_caps = (struct pt_caps){.haw = 46,
					 .large_levels = 7,
					 .no_execute = true,
					 .write_protect = true,
					 .access_dirty = w->cfg->first_marks};
	if (w->seed % 2)
		pt_caps_finish(&w->first_caps, &pt_x86_64);
	map_all_guest(w);
	build_first(w);
	for (unsigned i = 0; i < REQUESTS; i++) {
		iova_t iova = area + prng_below(&w->rng, AREA * UINT64_C(4096));
		unsigned need = needs[prng_below(&w->rng, SIO_ARRAY_SIZE(needs))];

		if (i == REQUESTS / 2)
			unmap_some(w);
		check_request(w, iova, need, i % 2);
	}
	pt_fini(&w->second);
}
END_TEST

START_TEST(what_lies_outside_memory_is_told_apart)
{
	struct world *w = &world;
	struct pt_caps caps = {.haw = 46, .large_levels = 3};
	struct pt_map_req away = {0, SIO_BIT(40), 2, 12, PT_R | PT_W, 4096};
	struct pt_map_req here = {0x10000, 0, 1, 12, PT_R | PT_W, 4096};
	struct pt_nested nested;
	struct pt_nested_result res;
	pa_t root = new_table();

	ck_assert(pt_init(&w->second, phys, &pt_vtd_ss, &caps, 2));
	here.oa = root;
	ck_assert_int_eq(w->second.ops->map(&w->second, &away).status, PT_DONE);
	ck_assert_int_eq(w->second.ops->map(&w->second, &here).status, PT_DONE);
	caps.large_levels = 7;
	nested = (struct pt_nested){
		.first = {&pt_x86_64, &caps, {.table = 0x1000, .level = 3, .perm = PT_ALL}},
		.second = {&pt_vtd_ss,
			   &w->second.caps,
			   {.table = w->second.root, .level = 2, .perm = PT_ALL}},
	};
	/* The guest's root leads nowhere, or is beyond the second stage's width, or a lower one. */
	res = pt_nested_walk(phys, &nested, 0, PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_TABLE_TOP);
	ck_assert_int_eq(res.where, PT_IN_FIRST);
	nested.first.start.table = SIO_BIT(39);
	res = pt_nested_walk(phys, &nested, 0, PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WIDTH);
	ck_assert_int_eq(res.where, PT_IN_SECOND_TABLE);
	ck_assert_uint_eq(res.gpa, SIO_BIT(39));
	nested.first.start.table = 0x10000;
	put(root, 0, 0x1007);
	res = pt_nested_walk(phys, &nested, 0, PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_TABLE);
	ck_assert_uint_eq(res.first_level, 2);
	res = pt_nested_walk(phys, &nested, SIO_BIT(47), PT_R, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_FAULT_WIDTH);
	ck_assert_int_eq(res.where, PT_IN_FIRST);
	/* A root that points to itself is a table at every level and a page at the end. */
	put(root, 0, 0x10007);
	nested.first.caps = &caps;
	caps.access_dirty = true;
	res = pt_nested_walk(phys, &nested, 0x123, PT_W, NULL, NULL);
	ck_assert_int_eq(res.fault, PT_OK);
	ck_assert_uint_eq(res.oa, root + 0x123);
	ck_assert_uint_eq(entry_at(root, 0), 0x10067);
	pt_fini(&w->second);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pt_nested");
	TCase *tc = tcase_create("nested");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, pt_setup, pt_teardown);
	tcase_add_loop_test(tc, the_answer_is_that_of_both_stages, 0,
			    SEEDS * (int)SIO_ARRAY_SIZE(configs));
	tcase_add_test(tc, what_lies_outside_memory_is_told_apart);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
