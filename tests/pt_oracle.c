// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables against a flat array with one element per 4 KiB page.
 *
 * Random map, unmap, split, walk and dirty operations run over every format, width and set of page
 * sizes; a failure names the seed and the configuration.
 * After each, the outcome must be what the array predicts, the whole area must read back the same
 * through next and query, sampled (in small areas all) pages through walk and leaf_lg2, the tables
 * must be exactly those that the live leaves need, and the audits must hold.
 */
#include "harness.h"

#include "prng.h"
#include "pt/pt.h"

#define MIB        (UINT64_C(1) << 20)
#define GIB        (UINT64_C(1) << 30)
#define OPERATIONS 100
#define SEEDS      2

/* One page of the area; lg2 0: not mapped. */
struct page {
	pa_t oa;
	uint8_t lg2, perm;
	bool dirty;
};

struct config {
	const struct pt_ops *ops;
	uint8_t top_level, large_levels;
	bool contiguous;
	bool snoop, access_dirty;
	iova_t first; /* of the area */
	uint64_t pages;
};

#define UPPER(width) (~UINT64_C(0) << ((width)-1))

/* Each area lies across a border of its upper levels, or at the end of the width. */
static const struct config configs[] = {
	{&pt_vtd_ss, 2, 0x1, false, false, false, GIB - 3 * MIB, 1536},
	{&pt_vtd_ss, 2, 0x3, false, true, false, GIB - 10 * MIB, 6144},
	{&pt_vtd_ss, 2, 0x7, false, false, true, 510 * GIB, 2 * GIB / 4096},
	{&pt_vtd_ss, 3, 0x1, false, true, false, 512 * GIB - 5 * MIB, 2560},
	{&pt_vtd_ss, 3, 0x3, false, false, true, 512 * GIB - 10 * MIB, 6144},
	{&pt_vtd_ss, 3, 0x7, false, true, false, 511 * GIB, 2 * GIB / 4096},
	{&pt_vtd_ss, 4, 0x1, false, false, true, SIO_BIT(48) - 4 * MIB, 2048},
	{&pt_vtd_ss, 4, 0x3, false, true, true, SIO_BIT(57) - 16 * MIB, 4096},
	{&pt_vtd_ss, 4, 0x7, false, false, false, SIO_BIT(48) - GIB, 2 * GIB / 4096},
	/* x86-64: across a border, and at the ends of both halves. */
	{&pt_x86_64, 3, 0x1, false, false, false, 512 * GIB - 5 * MIB, 2560},
	{&pt_x86_64, 3, 0x3, false, false, true, SIO_BIT(47) - 16 * MIB, 4096},
	{&pt_x86_64, 3, 0x7, false, false, true, UPPER(48), 2 * GIB / 4096},
	{&pt_x86_64, 4, 0x3, false, false, true, SIO_BIT(56) - 16 * MIB, 4096},
	{&pt_x86_64, 4, 0x7, false, false, false, UPPER(57), 2 * GIB / 4096},
	{&pt_x86_64, 4, 0x3, false, false, true, -(16 * MIB), 4096},
	/* AMD v1: every height, with and without contiguous leaves and the defaults between them.
	 */
	{&pt_amd_v1, 0, 0x1, true, true, true, 0, 512},
	{&pt_amd_v1, 1, 0x3, true, true, false, GIB - 16 * MIB, 4096},
	{&pt_amd_v1, 2, 0x1, false, true, true, GIB - 3 * MIB, 1536},
	{&pt_amd_v1, 2, 0x7, true, true, true, 510 * GIB, 2 * GIB / 4096},
	{&pt_amd_v1, 3, 0x3, true, false, true, 512 * GIB - 16 * MIB, 8192},
	{&pt_amd_v1, 3, 0x5, true, true, true, 510 * GIB, 2 * GIB / 4096},
	{&pt_amd_v1, 4, 0x3, false, true, true, SIO_BIT(57) - 16 * MIB, 4096},
	{&pt_amd_v1, 5, 0x1, true, true, true, SIO_BIT(57) - 4 * MIB, 2048},
	{&pt_amd_v1, 5, 0x37, true, true, true, -(2 * GIB), 2 * GIB / 4096},
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
	struct pt_start start = {.table = w->pt.root, .level = w->pt.top_level, .perm = PT_ALL};

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

static bool size_granted(const struct config *cfg, unsigned lg2)
{
	unsigned level = (lg2 - 12) / 9;

	if (level > cfg->top_level)
		return false;
	return (lg2 - 12) % 9 ? cfg->contiguous : level == 0 || (cfg->large_levels >> level & 1);
}

/* The largest leaf that fits the area twice. */
static uint8_t largest_lg2(const struct config *cfg)
{
	uint8_t lg2 = 12;

	for (uint8_t try = 12; UINT64_C(2) << try <= cfg->pages * 4096; try++)
		if (size_granted(cfg, try) && cfg->first % (UINT64_C(1) << try) == 0)
			lg2 = try;
	return lg2;
}

static uint8_t random_lg2(struct world *w)
{
	const uint8_t largest = largest_lg2(w->cfg);
	uint8_t lg2;

	do
		lg2 = (uint8_t)(12 + prng_below(&w->rng, largest - 11u));
	while (!size_granted(w->cfg, lg2));
	return lg2;
}

/* What the driver asks for, and what the format makes of it. */
static uint8_t random_perm(struct world *w, uint8_t *granted)
{
	uint8_t perm = (uint8_t)(prng_below(&w->rng, 4) ? 3 : 1 + prng_below(&w->rng, 3));

	if (w->cfg->snoop && prng_below(&w->rng, 2))
		perm |= PT_SNP;
	if (w->cfg->ops != &pt_vtd_ss && prng_below(&w->rng, 3))
		perm |= PT_U;
	if (w->cfg->ops == &pt_x86_64)
		perm |= (uint8_t)((prng_below(&w->rng, 3) ? PT_X : 0) |
				  (prng_below(&w->rng, 3) ? 0 : PT_G));
	*granted = perm;
	if (w->cfg->ops == &pt_x86_64)
		*granted |= PT_R;
	return perm;
}

static void op_map(struct world *w)
{
	struct pt_map_req req = {.size_lg2 = random_lg2(w)};
	uint64_t size = UINT64_C(1) << req.size_lg2, pages = size / 4096;
	uint64_t index = prng_below(&w->rng, w->cfg->pages) & ~(pages - 1), done = 0;
	uint64_t room = (w->cfg->pages - index) / pages;
	struct pt_change got;
	uint8_t granted;

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
	req.perm = random_perm(w, &granted);
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
				.perm = granted,
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
	if (prng_below(&w->rng, 2)) { /* whole leaves of one size, which may cut larger ones */
		uint64_t pages = SIO_BIT(random_lg2(w) - 12);

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

/* What a leaf is split into, 0 for nothing. */
static uint8_t split_lg2(const struct config *cfg, uint8_t lg2)
{
	uint8_t base = (uint8_t)(lg2 - (lg2 - 12) % 9);

	if (lg2 > base && size_granted(cfg, base))
		return base;
	return base > 12 && size_granted(cfg, base - 9u) ? (uint8_t)(base - 9) : 0;
}

static void op_split(struct world *w)
{
	uint64_t index = prng_below(&w->rng, w->cfg->pages), first;
	const struct page page = w->page[index];
	enum pt_status got = w->pt.ops->split(&w->pt, iova_of(w, index) + 0x123);

	w->what = "split";
	if (!page.lg2 || !split_lg2(w->cfg, page.lg2)) {
		CHECK(w, got == PT_RANGE);
		return;
	}
	CHECK(w, got == PT_DONE);
	first = leaf_first(w, index);
	for (uint64_t i = 0; i < leaf_pages(&page); i++)
		w->page[first + i].lg2 = split_lg2(w->cfg, page.lg2);
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
				     .contiguous = w->cfg->contiguous,
				     .snoop = w->cfg->snoop,
				     .access_dirty = w->cfg->access_dirty,
				     .no_execute = true,
				     .write_protect = true};
	ck_assert(pt_init(&w->pt, w->phys, w->cfg->ops, &caps, w->cfg->top_level));
	w->no_marks = caps;
	w->no_marks.access_dirty = false;
	if (w->seed % 2)
		pt_caps_finish(&w->no_marks, w->cfg->ops);
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
		const uint64_t half = SIO_BIT(pt_width(w.pt.top_level) - 1);
		const iova_t halves[] = {0, w.cfg->ops == &pt_x86_64 ? -half : half};

		w.what = "unmap all";
		for (unsigned i = 0; i < 2; i++) {
			struct pt_change got = w.pt.ops->unmap(&w.pt, halves[i], half, &gather);

			CHECK(&w, got.status == PT_DONE);
			CHECK(&w, got.done == half);
		}
		CHECK(&w, w.pt.table_count == 1);
		pt_gather_free(w.phys, &gather);
	}
	world_fini(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pt_oracle");
	TCase *tc = tcase_create("page tables");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, random_operations_agree_with_a_flat_array, 0,
			    SEEDS * (int)SIO_ARRAY_SIZE(configs));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
