// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables against a flat array with one element per 4 KiB page.
 *
 * Random map, unmap, split, walk and dirty operations run over every width and set of page sizes.
 * After each, the outcome must be what the array predicts, the whole area must read back the same
 * through next and query, sampled (in small areas all) pages through walk and leaf_lg2, the tables
 * must be exactly those that the live leaves need, and the audits must hold.
 */
#include "harness.h"

#include <string.h>

#include "prng.h"
#include "pt/pt.h"
#include "pt/pt_entries.h"

#define MIB        (UINT64_C(1) << 20)
#define GIB        (UINT64_C(1) << 30)
#define OPERATIONS 100
#define SEEDS      3

/* One page of the area; lg2 0: not mapped. */
struct page {
	pa_t oa;
	uint8_t lg2, perm;
	bool dirty;
};

struct config {
	uint8_t top_level, large_levels;
	bool snoop, access_dirty;
	iova_t first; /* of the area */
	uint64_t pages;
};

/* Each area lies across a border of its upper levels, or at the end of the width. */
static const struct config configs[] = {
	{2, 0x1, false, false, GIB - 3 * MIB, 1536},
	{2, 0x3, true, false, GIB - 10 * MIB, 6144},
	{2, 0x7, false, true, 510 * GIB, 2 * GIB / 4096},
	{3, 0x1, true, false, 512 * GIB - 5 * MIB, 2560},
	{3, 0x3, false, true, 512 * GIB - 10 * MIB, 6144},
	{3, 0x7, true, false, 511 * GIB, 2 * GIB / 4096},
	{4, 0x1, false, true, (UINT64_C(1) << 48) - 4 * MIB, 2048},
	{4, 0x3, true, true, (UINT64_C(1) << 57) - 16 * MIB, 4096},
	{4, 0x7, false, false, (UINT64_C(1) << 48) - GIB, 2 * GIB / 4096},
};

struct world {
	const struct config *cfg;
	uint64_t seed;
	unsigned step;
	const char *what;
	struct prng rng;
	struct phys *phys;
	struct pt pt;
	struct pt_caps no_marks; /* of a unit that sets no accessed and dirty bits */
	struct page *page;
	uint64_t base_tables;
};

static _Noreturn void check_failed(const struct world *w, const char *cond, int line)
{
	ck_abort_msg("line %d: %s: seed %ju, config %td, step %u (%s)", line, cond,
		     (uintmax_t)w->seed, w->cfg - configs, w->step, w->what);
	abort();
}

/* Check records each assertion that holds, too; millions of them want something cheaper. */
#define CHECK(w, cond) ((cond) ? (void)0 : check_failed(w, #cond, __LINE__))

static uint64_t leaf_pages(const struct page *page)
{
	return (UINT64_C(1) << page->lg2) / 4096;
}

static iova_t iova_of(const struct world *w, uint64_t index)
{
	return w->cfg->first + index * 4096;
}

/* First page of the leaf that page `index` belongs to; the area is aligned to every leaf in it. */
static uint64_t leaf_first(const struct world *w, uint64_t index)
{
	uint64_t start = iova_of(w, index) & ~((UINT64_C(1) << w->page[index].lg2) - 1);

	return (start - w->cfg->first) / 4096;
}

/* ---- comparing ---- */

static struct pt_run expect_run(const struct world *w, uint64_t index, uint64_t max)
{
	const struct page *page = &w->page[index];
	struct pt_run run = {.oa = page->oa, .pages = 1, .oa_step = 4096, .perm = page->perm};

	if (!page->lg2)
		return (struct pt_run){.oa_step = 4096};
	if (max > w->cfg->pages - index)
		max = w->cfg->pages - index;
	if (max > 1 && page[1].lg2 && page[1].perm == page->perm && page[1].oa == page->oa - 4096)
		run.oa_step = -4096;
	while (run.pages < max && page[run.pages].lg2 && page[run.pages].perm == page->perm &&
	       page[run.pages].oa == page->oa + run.pages * (uint64_t)run.oa_step)
		run.pages++;
	return run;
}

static void check_query(const struct world *w, uint64_t index, uint64_t max)
{
	struct pt_run want = expect_run(w, index, max);
	uint64_t offset = index % 4096;
	struct pt_run got = w->pt.ops->query(&w->pt, iova_of(w, index) + offset, max);

	CHECK(w, got.pages == want.pages);
	CHECK(w, got.oa_step == want.oa_step);
	if (want.pages) {
		CHECK(w, got.oa == want.oa + offset);
		CHECK(w, got.perm == want.perm);
	}
}

static void check_runs(const struct world *w)
{
	iova_t from = w->cfg->first, last = iova_of(w, w->cfg->pages) - 1, found;
	uint64_t at = 0;

	for (;;) {
		while (at < w->cfg->pages && !w->page[at].lg2)
			at++;
		if (!w->pt.ops->next(&w->pt, from, last, &found)) {
			CHECK(w, at == w->cfg->pages);
			return;
		}
		CHECK(w, found == iova_of(w, at));
		check_query(w, at, w->cfg->pages - at);
		at += expect_run(w, at, w->cfg->pages - at).pages;
		if (at == w->cfg->pages)
			return;
		from = iova_of(w, at);
	}
}

static struct pt_walk_result walk(const struct world *w, const struct pt_caps *caps, iova_t iova,
				  unsigned need)
{
	struct pt_start start = {.table = w->pt.root,
				 .level = w->pt.top_level,
				 .perm = PT_R | PT_W};

	return w->pt.ops->walk(w->phys, caps, start, iova, need, NULL, NULL);
}

/* Reading with a unit that marks nothing, so that the comparison changes nothing. */
static void check_page(struct world *w, uint64_t index)
{
	const struct page *page = &w->page[index];
	struct pt_walk_result res;

	CHECK(w, w->pt.ops->leaf_lg2(&w->pt, iova_of(w, index) + 0xabc) == page->lg2);
	res = walk(w, &w->no_marks, iova_of(w, index) + 0xabc, PT_R);
	if (!page->lg2 || !(page->perm & PT_R)) {
		CHECK(w, res.fault == PT_FAULT_READ);
		return;
	}
	CHECK(w, res.fault == PT_OK);
	CHECK(w, res.oa == page->oa + 0xabc);
	CHECK(w, res.perm == page->perm);
	CHECK(w, res.size_lg2 == page->lg2);
}

/* Tables that the live leaves need, root included. */
static uint64_t expect_tables(const struct world *w)
{
	iova_t seen[PT_LEVELS_MAX];
	uint64_t tables = 1;

	for (unsigned level = 0; level < PT_LEVELS_MAX; level++)
		seen[level] = ~UINT64_C(0);
	for (uint64_t i = 0; i < w->cfg->pages;) {
		iova_t iova = iova_of(w, i);

		if (!w->page[i].lg2) {
			i++;
			continue;
		}
		for (unsigned level = (w->page[i].lg2 - 12u) / 9; level < w->pt.top_level;
		     level++) {
			if (iova >> (21 + 9 * level) != seen[level])
				tables++;
			seen[level] = iova >> (21 + 9 * level);
		}
		i += leaf_pages(&w->page[i]);
	}
	return tables;
}

static void check_all(struct world *w)
{
	const bool small = w->cfg->pages < 10000;
	uint64_t pages = small ? w->cfg->pages : 300;
	const char *audit = pt_audit(&w->pt);

	if (audit)
		check_failed(w, audit, __LINE__);
	check_runs(w);
	for (uint64_t i = 0; i < pages; i++)
		check_page(w, small ? i : prng_below(&w->rng, w->cfg->pages));
	CHECK(w, w->pt.table_count == expect_tables(w));
	CHECK(w, phys_table_count(w->phys) == w->base_tables + w->pt.table_count);
}

/* ---- operations ---- */

static uint8_t random_lg2(struct world *w)
{
	uint8_t lg2;

	do
		lg2 = (uint8_t)(12 + 9 * prng_below(&w->rng, 3));
	while (!(w->cfg->large_levels >> ((lg2 - 12) / 9) & 1));
	return lg2;
}

static void op_map(struct world *w)
{
	struct pt_map_req req = {.size_lg2 = random_lg2(w)};
	uint64_t size = UINT64_C(1) << req.size_lg2, pages = size / 4096;
	uint64_t index = prng_below(&w->rng, w->cfg->pages) & ~(pages - 1), done = 0;
	uint64_t room = (w->cfg->pages - index) / pages;
	struct pt_change got;

	w->what = "map";
	req.count = 1 + prng_below(&w->rng, prng_below(&w->rng, 2) ? 8 : 1200);
	if (req.count > room)
		req.count = room;
	req.iova = iova_of(w, index);
	/* Close together, so that neighbouring mappings often join to one run. */
	req.oa = 4 * GIB * (1 + prng_below(&w->rng, 2)) +
		 (prng_below(&w->rng, 4) ? index * 4096 : 512 * GIB - index * 4096 - size);
	req.oa &= ~(size - 1);
	req.oa_step = (int64_t)size * (prng_below(&w->rng, 3) ? 1 : -1);
	if (prng_below(&w->rng, 10) == 0)
		req.oa_step = 0;
	if (req.oa_step < 0)
		req.oa += 1200 * size;
	req.perm = (uint8_t)(prng_below(&w->rng, 4) ? 3 : 1 + prng_below(&w->rng, 3));
	if (w->cfg->snoop && prng_below(&w->rng, 2))
		req.perm |= PT_SNP;
	for (; done < req.count; done++, index += pages) {
		uint64_t used = 0;

		while (used < pages && !w->page[index + used].lg2)
			used++;
		if (used < pages)
			break;
		for (uint64_t i = 0; i < pages; i++)
			w->page[index + i] = (struct page){
				.oa = req.oa + done * (uint64_t)req.oa_step + i * 4096,
				.lg2 = req.size_lg2,
				.perm = req.perm,
			};
	}
	got = w->pt.ops->map(&w->pt, &req);
	CHECK(w, got.done == done * size);
	CHECK(w, got.status == (done == req.count ? PT_DONE : PT_EXISTS));
}

static void op_unmap(struct world *w)
{
	uint64_t index = prng_below(&w->rng, w->cfg->pages), end, at;
	uint64_t most = prng_below(&w->rng, 2) ? 20 : w->cfg->pages;
	struct pt_gather gather = {0};
	uint64_t tables = w->pt.table_count;
	struct pt_change got;

	w->what = "unmap";
	end = index + 1 + prng_below(&w->rng, most);
	if (prng_below(&w->rng, 2)) { /* whole leaves of the largest size */
		uint64_t pages = SIO_BIT(9 * sio_lg2(w->cfg->large_levels));

		index &= ~(pages - 1);
		end = (end + pages - 1) & ~(pages - 1);
	}
	if (end > w->cfg->pages)
		end = w->cfg->pages;
	for (at = index; at < end;) {
		uint64_t pages = w->page[at].lg2 ? leaf_pages(&w->page[at]) : 1;

		if (w->page[at].lg2 && (leaf_first(w, at) != at || at + pages > end))
			break;
		for (uint64_t i = 0; i < pages; i++)
			w->page[at + i] = (struct page){0};
		at += pages;
	}
	got = w->pt.ops->unmap(&w->pt, iova_of(w, index), (end - index) * 4096, &gather);
	CHECK(w, got.done == (at - index) * 4096);
	CHECK(w, got.status == (at == end ? PT_DONE : PT_PARTIAL_LEAF));
	CHECK(w, gather.count == tables - w->pt.table_count);
	CHECK(w, (gather.count == 0) == (gather.head == 0));
	pt_gather_free(w->phys, &gather);
	CHECK(w, gather.count == 0);
}

static void op_split(struct world *w)
{
	uint64_t index = prng_below(&w->rng, w->cfg->pages), first;
	const struct page page = w->page[index];
	enum pt_status got = w->pt.ops->split(&w->pt, iova_of(w, index) + 0x123);

	w->what = "split";
	if (page.lg2 <= 12) {
		CHECK(w, got == PT_RANGE);
		return;
	}
	CHECK(w, got == PT_DONE);
	first = leaf_first(w, index);
	for (uint64_t i = 0; i < leaf_pages(&page); i++)
		w->page[first + i].lg2 = (uint8_t)(page.lg2 - 9);
}

static void op_write(struct world *w)
{
	for (unsigned i = 0; i < 20; i++) {
		uint64_t index = prng_below(&w->rng, w->cfg->pages), first;
		const struct page page = w->page[index];
		struct pt_walk_result res = walk(w, &w->pt.caps, iova_of(w, index), PT_W);

		w->what = "write";
		if (!page.lg2 || !(page.perm & PT_W)) {
			CHECK(w, res.fault == PT_FAULT_WRITE);
			continue;
		}
		CHECK(w, res.fault == PT_OK);
		first = leaf_first(w, index);
		for (uint64_t k = 0; k < leaf_pages(&page); k++)
			w->page[first + k].dirty = w->cfg->access_dirty;
	}
}

struct dirty_seen {
	struct world *w;
	uint64_t at, end; /* pages before `at` have been judged */
	bool clear;
};

static void skip_clean(struct dirty_seen *seen, uint64_t to)
{
	for (; seen->at < to; seen->at++)
		CHECK(seen->w, !seen->w->page[seen->at].dirty);
}

static void dirty_hit(void *ctx, iova_t iova, uint64_t len)
{
	struct dirty_seen *seen = ctx;
	uint64_t index = (iova - seen->w->cfg->first) / 4096;

	CHECK(seen->w, index >= seen->at && index + len / 4096 <= seen->end);
	CHECK(seen->w, index == seen->at || leaf_first(seen->w, index) == index);
	skip_clean(seen, index);
	for (; seen->at < index + len / 4096; seen->at++)
		CHECK(seen->w, seen->w->page[seen->at].dirty);
}

static void op_dirty(struct world *w)
{
	struct dirty_seen seen = {.w = w, .at = prng_below(&w->rng, w->cfg->pages)};
	uint64_t first = seen.at;

	w->what = "dirty";
	seen.end = first + 1 + prng_below(&w->rng, w->cfg->pages - first);
	seen.clear = prng_below(&w->rng, 2);
	w->pt.ops->dirty(&w->pt, iova_of(w, first), (seen.end - first) * 4096, seen.clear,
			 dirty_hit, &seen);
	skip_clean(&seen, seen.end);
	if (!seen.clear)
		return;
	for (uint64_t i = first; i < seen.end; i++) {
		uint64_t leaf = w->page[i].dirty ? leaf_first(w, i) : 0;

		if (!w->page[i].dirty)
			continue;
		for (uint64_t k = leaf_pages(&w->page[i]); k-- > 0;)
			w->page[leaf + k].dirty = false;
	}
}

static void op_query(struct world *w)
{
	w->what = "query";
	for (unsigned i = 0; i < 20; i++)
		check_query(w, prng_below(&w->rng, w->cfg->pages),
			    1 + prng_below(&w->rng, i < 10 ? 8 : w->cfg->pages));
}

/* ---- the sequences ---- */

static void world_init(struct world *w, int loop)
{
	const struct phys_cfg ram = {.ram_bytes = 256 * MIB};

	*w = (struct world){
		.cfg = &configs[(unsigned)loop % SIO_ARRAY_SIZE(configs)],
		.seed = 1 + (unsigned)loop / SIO_ARRAY_SIZE(configs),
		.what = "start",
	};
	w->rng.state = w->seed * 1000 + (unsigned)loop;
	w->phys = phys_create(&ram);
	ck_assert_ptr_nonnull(w->phys);
	w->page = calloc(w->cfg->pages, sizeof(*w->page));
	ck_assert_ptr_nonnull(w->page);
	w->base_tables = phys_table_count(w->phys);
	const struct pt_caps caps = {.haw = 46,
				     .large_levels = w->cfg->large_levels,
				     .snoop = w->cfg->snoop,
				     .access_dirty = w->cfg->access_dirty};
	ck_assert(pt_init(&w->pt, w->phys, &pt_vtd_ss, &caps, w->cfg->top_level));
	w->no_marks = caps;
	w->no_marks.access_dirty = false;
	if (w->seed % 2)
		pt_caps_finish(&w->no_marks, &pt_vtd_ss);
}

static void world_fini(struct world *w)
{
	pt_fini(&w->pt);
	w->what = "end";
	CHECK(w, phys_table_count(w->phys) == w->base_tables);
	CHECK(w, phys_audit(w->phys) == NULL);
	phys_destroy(w->phys);
	free(w->page);
}

START_TEST(random_operations_agree_with_a_flat_array)
{
	static void (*const ops[])(struct world *) = {op_map,   op_map,   op_map,
						      op_unmap, op_unmap, op_split,
						      op_write, op_dirty, op_query};
	struct pt_gather gather = {0};
	struct world w;

	world_init(&w, _i);
	for (w.step = 0; w.step < OPERATIONS; w.step++) {
		ops[prng_below(&w.rng, SIO_ARRAY_SIZE(ops))](&w);
		check_all(&w);
	}
	/* Half of the runs leave their leaves to pt_fini. */
	if (w.seed % 2) {
		struct pt_change got =
			w.pt.ops->unmap(&w.pt, 0, SIO_BIT(pt_width(w.pt.top_level)), &gather);

		w.what = "unmap all";
		CHECK(&w, got.status == PT_DONE);
		CHECK(&w, got.done == SIO_BIT(pt_width(w.pt.top_level)));
		CHECK(&w, w.pt.table_count == 1);
		pt_gather_free(w.phys, &gather);
	}
	world_fini(&w);
}
END_TEST

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

/* Every start and length of a small run, with one entry that differs at every place. */
START_TEST(vector_loops_do_what_plain_loops_do)
{
	const struct pt_entries_ops *plain = &pt_entries_plain, *fast = pt_entries();
	static uint64_t a[128] __attribute__((aligned(64))), b[128] __attribute__((aligned(64)));
	const uint64_t step = (uint64_t)(_i ? -4096 : 4096), mask = ~UINT64_C(0x300);

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

int main(void)
{
	Suite *suite = suite_create("pt_oracle");
	TCase *tc = tcase_create("vtd second stage");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, random_operations_agree_with_a_flat_array, 0,
			    SEEDS * (int)SIO_ARRAY_SIZE(configs));
	tcase_add_loop_test(tc, vector_loops_do_what_plain_loops_do, 0, 2);
	tcase_add_test(tc, a_request_out_of_range_changes_nothing);
	tcase_add_test(tc, map_without_memory_keeps_what_was_done_and_no_more);
	tcase_add_test(tc, an_audit_names_what_is_wrong);
	tcase_add_test(tc, a_query_of_large_leaves_is_one_run);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
