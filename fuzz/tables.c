// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as operations on one page table, of any format, height and set of page sizes.
 *
 * After every operation the tables in memory are read by somebody who knows only the manuals, and
 * must hold exactly the leaves that a list says, in exactly the frames that the tree counts; what
 * was unlinked is all zero and is in the gather; walks, queries and the rest of the interface agree
 * with the list around the place of the operation. Now and then the n-th frame cannot be had. At
 * the end every frame is back.
 *
 * Addresses are near a live leaf, near a border of the format, or where the last operation was.
 */
#include "fuzz.h"

#include "flat.h"
#include "story.h"

#include "fail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE        UINT64_C(4096)
#define RAM         (UINT64_C(64) << 20)
#define AUDIT_EVERY 16u

enum kind { MAP, UNMAP, SPLIT, WALK, DIRTY, QUERY, NEXT, GROW, FAIL, FREE, KINDS };

/* Of each kind, how many of 64 it is when all are allowed. */
static const uint8_t usual[KINDS] = {20, 13, 4, 9, 7, 3, 2, 2, 3, 1};

struct world {
	struct phys *phys;
	struct pt pt;
	struct pt_caps no_marks; /* of a unit that sets neither accessed nor dirty bits */
	struct flat flat, seen;
	struct pt_gather gather; /* not freed yet */
	uint64_t base;           /* frames that are in use by nobody here */
	struct fail_plan plan;
	uint64_t fail_nth; /* 0: the next operation fails nowhere */
	uint8_t weight[KINDS];
	unsigned weights;
	uint64_t place; /* of the last operation */
	struct story story;
};

static struct world world;

static const struct pt_ops *const ops[] = {
	[FLAT_VTD] = &pt_vtd_ss, [FLAT_X86] = &pt_x86_64, [FLAT_AMD] = &pt_amd_v1};

/* ---- comparing ---- */

static void compare_leaf(const struct world *w, const struct flat_leaf *got,
			 const struct flat_leaf *want)
{
	if (got->iova != want->iova || got->lg2 != want->lg2)
		story_fail(&w->story,
			   "memory has a page of 2^%u at 0x%" PRIx64
			   ", expected 2^%u at 0x%" PRIx64,
			   got->lg2, got->iova, want->lg2, want->iova);
	if (got->oa != want->oa || got->perm != want->perm)
		story_fail(&w->story,
			   "the page at 0x%" PRIx64 " leads to 0x%" PRIx64
			   " perm %#x, expected 0x%" PRIx64 " perm %#x",
			   got->iova, got->oa, got->perm, want->oa, want->perm);
	if (got->accessed != want->accessed || got->dirty != want->dirty)
		story_fail(&w->story,
			   "the page at 0x%" PRIx64 " is accessed %d dirty %d, expected %d %d",
			   got->iova, got->accessed, got->dirty, want->accessed, want->dirty);
}

/* Frames in the gather are unlinked and empty. */
static void check_gather(struct world *w)
{
	uint32_t head = w->gather.head, count = 0;

	for (; head; count++) {
		pa_t table = (pa_t)(head - 1) * PAGE;
		int entry = flat_leftover(w->phys, table);

		if (count == w->gather.count)
			story_fail(&w->story, "the gather has more tables than it counts");
		if (entry >= 0)
			story_fail(&w->story, "a table was unlinked with entry %d in it", entry);
		head = phys_table_meta(w->phys, table)->next;
	}
	story_compare(&w->story, "the number of gathered tables", w->gather.count, count);
}

static void check_memory(struct world *w)
{
	const char *wrong;
	unsigned tables, at;

	w->seen.top_level = w->flat.top_level;
	wrong = flat_read(w->phys, w->pt.root, &w->seen, &tables);
	if (wrong)
		story_fail(&w->story, "%s", wrong);
	at = flat_differs(&w->seen, &w->flat);
	if (at < w->seen.count && at < w->flat.count)
		compare_leaf(w, &w->seen.leaf[at], &w->flat.leaf[at]);
	story_compare(&w->story, "the number of pages in memory", w->seen.count, w->flat.count);
	story_compare(&w->story, "the number of tables", w->pt.table_count, tables);
	story_compare(&w->story, "the number of frames in use", phys_table_count(w->phys) - w->base,
		      tables + w->gather.count);
	story_compare(&w->story, "the height", w->pt.top_level, w->flat.top_level);
}

static struct pt_walk_result walk(const struct world *w, const struct pt_caps *caps, uint64_t iova,
				  unsigned need)
{
	struct pt_start start = {.table = w->pt.root, .level = w->pt.top_level, .perm = PT_ALL};

	return w->pt.ops->walk(w->phys, caps, start, iova, need, NULL, NULL);
}

/* What becomes of a request, of one kind of permission and, x86-64, by user or supervisor. */
static enum pt_fault expect_fault(const struct flat *flat, const struct flat_leaf *leaf,
				  uint64_t iova, unsigned need)
{
	unsigned missing;

	if (!flat_reaches(flat, iova))
		return PT_FAULT_WIDTH;
	if (!leaf)
		return need & PT_W ? PT_FAULT_WRITE : PT_FAULT_READ;
	if (flat->format != FLAT_X86)
		need &= PT_R | PT_W;
	missing = need & ~(unsigned)leaf->perm;
	if (missing & PT_U)
		return PT_FAULT_USER;
	if (missing & PT_W)
		return PT_FAULT_WRITE;
	return missing & PT_R ? PT_FAULT_READ : PT_OK;
}

static void check_walk(struct world *w, const struct pt_caps *caps, uint64_t iova, unsigned need)
{
	struct flat_leaf *leaf = flat_find(&w->flat, iova);
	struct pt_walk_result res = walk(w, caps, iova, need);

	story_compare(&w->story, "the fault of a walk", res.fault,
		      expect_fault(&w->flat, leaf, iova, need));
	if (res.fault != PT_OK)
		return;
	story_compare(&w->story, "the address of a walk", res.oa, leaf->oa + (iova - leaf->iova));
	story_compare(&w->story, "the page size of a walk", res.size_lg2, leaf->lg2);
	story_compare(&w->story, "the permissions of a walk", res.perm & (PT_R | PT_W | PT_ATTRS),
		      leaf->perm & (PT_R | PT_W | PT_ATTRS));
	if (!caps->access_dirty)
		return;
	leaf->accessed = true;
	leaf->dirty |= need & PT_W && !caps->access_only;
}

static void check_query(const struct world *w, uint64_t iova, uint64_t max_pages)
{
	struct pt_run want = flat_query(&w->flat, iova, max_pages);
	struct pt_run got = w->pt.ops->query(&w->pt, iova, max_pages);

	story_compare(&w->story, "the pages of a run", got.pages, want.pages);
	if (!want.pages)
		return;
	story_compare(&w->story, "the address of a run", got.oa, want.oa);
	story_compare(&w->story, "the step of a run", (uint64_t)got.oa_step,
		      (uint64_t)want.oa_step);
	story_compare(&w->story, "the permissions of a run", got.perm, want.perm);
}

static void check_next(const struct world *w, uint64_t from, uint64_t last)
{
	unsigned at = flat_at(&w->flat, from);
	bool want = at < w->flat.count && w->flat.leaf[at].iova <= last && from <= last;
	iova_t found = 0;

	story_compare(&w->story, "whether there is a next page",
		      w->pt.ops->next(&w->pt, from, last, &found), want);
	if (want)
		story_compare(&w->story, "the next page", found,
			      w->flat.leaf[at].iova > from ? w->flat.leaf[at].iova : from);
}

/* By a unit that marks nothing, so that looking changes nothing. */
static void check_place(struct world *w, uint64_t iova)
{
	struct flat_leaf *leaf = flat_find(&w->flat, iova);

	story_compare(&w->story, "the size of the leaf", w->pt.ops->leaf_lg2(&w->pt, iova),
		      leaf ? leaf->lg2 : 0);
	check_walk(w, &w->no_marks, iova, PT_R);
	check_walk(w, &w->no_marks, iova, PT_W);
	check_query(w, iova, 700);
	check_next(w, iova, UINT64_MAX);
}

static void check_all(struct world *w)
{
	if (fuzz_bare())
		return;
	check_gather(w);
	check_memory(w);
	check_place(w, w->place);
	check_place(w, w->place - 1);
	if (w->flat.count) {
		const struct flat_leaf *leaf = &w->flat.leaf[w->place / PAGE * 31 % w->flat.count];

		check_place(w, leaf->iova + 0xabc);
		check_place(w, flat_last(leaf) + 1);
	}
}

static void audit(struct world *w)
{
	const char *wrong = fuzz_bare() ? NULL : pt_audit(&w->pt);

	if (!wrong && !fuzz_bare())
		wrong = phys_audit(w->phys);
	if (wrong)
		story_fail(&w->story, "%s", wrong);
}

/* ---- records ---- */

/* Borders of the formats, and where something else begins. */
static uint64_t border(const struct world *w, unsigned which)
{
	static const uint8_t power[] = {21, 30, 39, 48, 57};
	unsigned width = pt_width(w->pt.top_level);

	which %= 12;
	if (which < 5)
		return SIO_BIT(power[which]);
	switch (which) {
	case 5:
	case 6:
		return width < 64 ? SIO_BIT(width) : 0;
	case 7:
		return SIO_BIT(width - 1);
	case 8:
		return -SIO_BIT(width - 1);
	case 9:
		return UINT64_C(0xfee00000);
	case 10:
		return 3 * SIO_BIT(30);
	default:
		return 0;
	}
}

/* Pages from there on, or back. */
static uint64_t shift_pages(unsigned how)
{
	static const int16_t pages[16] = {0, 0,  0,   -1, 1,   2,    -2,  3,
					  8, 16, 511, -8, 512, -512, 513, -16};

	return (uint64_t)(int64_t)pages[how & 15] * PAGE;
}

static uint64_t where(const struct world *w, uint64_t record)
{
	unsigned which = record >> 8 & 0xff, how = record >> 16 & 0xff;
	uint64_t at;

	if ((how & 3) == 3)
		at = w->place;
	else if ((how & 3) == 2 || !w->flat.count)
		at = border(w, which);
	else if (how & 4)
		at = flat_last(&w->flat.leaf[which * 7 % w->flat.count]) + 1;
	else
		at = w->flat.leaf[which * 7 % w->flat.count].iova;
	at += shift_pages(how >> 4);
	/* Nearly always something that can be translated. */
	if (how & 8 || flat_reaches(&w->flat, at))
		return at;
	return at & (SIO_BIT(pt_width(w->pt.top_level) - 1) - 1);
}

/* A size that can be had, small ones more often; now and then one that perhaps cannot. */
static unsigned size_of(const struct world *w, unsigned how)
{
	unsigned sizes[52], n = 0;

	if ((how & 7) == 7)
		return 12 + (how >> 3);
	for (unsigned lg2 = 12; lg2 < 52; lg2++)
		if (flat_has_size(&w->flat, lg2))
			sizes[n++] = lg2;
	if (how & 4 && n > 10)
		n = 10;
	else if (how & 2 && n > 3)
		n = 3;
	return how & 1 ? 12 : sizes[(how >> 3) % n];
}

/* How many; now and then what a table holds, and around it. */
static uint64_t count_of(unsigned how)
{
	static const uint16_t many[16] = {1,  2,  7,  8,   15,  16,  17,  63,
					  64, 65, 16, 511, 512, 513, 600, 1};

	return (how & 0x70) < 0x60 ? 1 + (how & 3) : many[how & 15];
}

/* The leaf that a record means; those of more than one page or entry are rare, and worth more. */
static struct flat_leaf *leaf_of(struct world *w, uint64_t record)
{
	unsigned at = (record >> 8 & 0xff) * 7;

	if (!w->flat.count)
		return NULL;
	for (unsigned tries = 0; record >> 62 && tries < w->flat.count; tries++, at++)
		if (w->flat.leaf[at % w->flat.count].lg2 > 12)
			break;
	return &w->flat.leaf[at % w->flat.count];
}

/* ---- operations ---- */

/* The next operation, and only that, meets the failure that was asked for. */
static struct fail_plan *enter(struct world *w)
{
	w->plan.nth = w->fail_nth;
	w->plan.passages = w->plan.injected = 0;
	return fail_enter(w->fail_nth ? &w->plan : NULL);
}

/* True: it did. */
static bool leave(struct world *w, struct fail_plan *outer)
{
	bool failed = w->fail_nth && w->plan.injected;

	fail_leave(outer);
	w->fail_nth = 0;
	return failed;
}

static struct pt_map_req make_map(const struct world *w, uint64_t record)
{
	unsigned shape = record >> 24 & 0xff, flags = record >> 32 & 0xff, to = record >> 40 & 0xff;
	struct pt_map_req req = {.size_lg2 = (uint8_t)size_of(w, shape)};
	const uint64_t size = SIO_BIT(req.size_lg2);

	req.iova = where(w, record);
	req.count = count_of((unsigned)(record >> 48));
	if (req.count > FLAT_LEAVES_MAX - w->flat.count)
		req.count = FLAT_LEAVES_MAX - w->flat.count;
	/* Close together, so that neighbours often join to one run. */
	req.oa = (to & 3) * SIO_BIT(32) + (req.iova & (SIO_BIT(39) - 1));
	req.oa_step = (int64_t)size;
	if ((to & 0x1c) == 0x1c)
		req.oa_step = to & 0x20 ? 0 : -(int64_t)size;
	if ((to & 0xe0) == 0xe0)
		req.oa = SIO_BIT(52) - size * (1 + (to & 15));
	if ((to & 0xfc) != 0x80) {
		req.iova &= -size;
		req.oa &= -size;
	}
	if (req.oa_step < 0)
		req.oa += req.count * size;
	req.perm = flags & 3 ? flags & 3 : (flags & 0xfc) == 0x40 ? 0 : 3;
	if (w->flat.format != FLAT_VTD)
		req.perm |= flags & PT_U;
	if (w->flat.format == FLAT_X86)
		req.perm |= flags & (PT_X | PT_G);
	else if (w->pt.caps.snoop)
		req.perm |= flags & PT_SNP;
	if (w->pt.caps.access_dirty && (flags & 0x18) == 0x18)
		req.perm |= PT_A | PT_D;
	return req;
}

static void do_map(struct world *w, uint64_t record)
{
	struct pt_map_req req = make_map(w, record);
	const uint64_t size = SIO_BIT(req.size_lg2);
	struct fail_plan *outer;
	struct pt_change got, want;
	bool failed;

	story_note(&w->story,
		   "map iova=0x%" PRIx64 " oa=0x%" PRIx64 " size=2^%u count=%" PRIu64
		   " step=%" PRId64 " perm=%#x",
		   req.iova, req.oa, req.size_lg2, req.count, req.oa_step, req.perm);
	w->place = req.iova + req.count * size;
	outer = enter(w);
	got = w->pt.ops->map(&w->pt, &req);
	failed = leave(w, outer);
	if (failed) {
		story_compare(&w->story, "the status without memory", got.status, PT_NOMEM);
		story_compare(&w->story, "the part of a page that was mapped", got.done % size, 0);
		if (got.done / size >= req.count)
			story_fail(&w->story, "all was mapped without memory");
		req.count = got.done / size;
		want = flat_map(&w->flat, &req);
		story_compare(&w->story, "what was mapped without memory", got.done, want.done);
		return;
	}
	want = flat_map(&w->flat, &req);
	story_compare(&w->story, "the status", got.status, want.status);
	story_compare(&w->story, "the bytes done", got.done, want.done);
}

static void do_unmap(struct world *w, uint64_t record)
{
	unsigned shape = record >> 24 & 0xff;
	uint64_t len, iova = where(w, record), keep = record >> 32 & 7;
	struct pt_change got, want;

	len = count_of((unsigned)(record >> 48)) << size_of(w, shape);
	if (shape == 0xff)
		len -= 0x800;
	if ((record >> 40 & 7) == 0) {
		const struct flat_leaf *leaf = flat_find(&w->flat, iova);

		if (leaf) {
			iova = leaf->iova;
			len += SIO_BIT(leaf->lg2) - PAGE;
		}
	}
	story_note(&w->story, "unmap iova=0x%" PRIx64 " len=0x%" PRIx64, iova, len);
	w->place = iova;
	got = w->pt.ops->unmap(&w->pt, iova, len, &w->gather);
	want = flat_unmap(&w->flat, iova, len);
	story_compare(&w->story, "the status", got.status, want.status);
	story_compare(&w->story, "the bytes done", got.done, want.done);
	if (keep && !fuzz_bare())
		check_gather(w);
	if (keep)
		pt_gather_free(w->phys, &w->gather);
}

static void do_split(struct world *w, uint64_t record)
{
	uint64_t iova = where(w, record) + (record >> 24 & 0xfff);
	struct fail_plan *outer;
	enum pt_status got;
	unsigned lg2;
	bool fits;

	w->seen = w->flat;
	lg2 = flat_split(&w->flat, iova, &fits);
	story_note(&w->story, "split iova=0x%" PRIx64 "%s", iova,
		   fits ? "" : " is too large for this");
	w->place = iova;
	if (!fits)
		return;
	outer = enter(w);
	got = w->pt.ops->split(&w->pt, iova);
	if (leave(w, outer)) {
		story_compare(&w->story, "the status without memory", got, PT_NOMEM);
		w->flat = w->seen;
		return;
	}
	story_compare(&w->story, "the status", got, lg2 ? PT_DONE : PT_RANGE);
}

static void do_walk(struct world *w, uint64_t record)
{
	static const uint8_t needs[] = {PT_R, PT_W, PT_W, PT_R | PT_W, PT_R | PT_U, PT_W | PT_U};
	unsigned need = needs[(record >> 24 & 0xff) % sizeof(needs)];
	uint64_t iova = where(w, record) + (record >> 32 & 0xfff);
	const struct flat_leaf *leaf = record >> 56 & 3 ? NULL : flat_find(&w->flat, iova);

	/* Any of the entries of a leaf, and nearly always of one. */
	if (!leaf && record >> 60)
		leaf = leaf_of(w, record);
	if (leaf)
		iova = leaf->iova + (iova % PAGE + (record >> 48) * PAGE) % SIO_BIT(leaf->lg2);
	story_note(&w->story, "walk iova=0x%" PRIx64 " need=%#x", iova, need);
	w->place = iova;
	check_walk(w, &w->pt.caps, iova, need);
}

struct hits {
	struct world *w;
	uint64_t first, last;
	unsigned at; /* the leaf whose turn it is */
	bool clear;
};

static void dirty_hit(void *ctx, iova_t iova, uint64_t len)
{
	struct hits *hits = ctx;
	struct flat_leaf *leaf = flat_next_dirty(&hits->w->flat, &hits->at, hits->last);
	uint64_t first, last;

	if (!leaf)
		story_fail(&hits->w->story, "0x%" PRIx64 " is reported dirty", iova);
	first = leaf->iova > hits->first ? leaf->iova : hits->first;
	last = flat_last(leaf) < hits->last ? flat_last(leaf) : hits->last;
	story_compare(&hits->w->story, "the start of what is dirty", iova, first);
	story_compare(&hits->w->story, "the length of what is dirty", len, last - first + 1);
	if (hits->clear)
		leaf->dirty = false;
}

static void do_dirty(struct world *w, uint64_t record)
{
	uint64_t iova = where(w, record), len, odd = record >> 40 & 0xff;
	struct hits hits = {.w = w, .clear = record >> 32 & 1};
	struct flat_leaf *leaf;

	len = count_of((unsigned)(record >> 48)) << size_of(w, record >> 24 & 0xff);
	if (odd < 8) {
		iova += odd * 0x123;
		len += odd * 0x77;
	} else if (odd < 32) {
		len = -iova + (odd < 24 ? PAGE : 0);
	} else if (odd < 160) {
		/* All there is, of the half in which that lies. */
		iova &= -SIO_BIT(63);
		len = SIO_BIT(63);
	}
	story_note(&w->story, "dirty iova=0x%" PRIx64 " len=0x%" PRIx64 "%s", iova, len,
		   hits.clear ? " clear" : "");
	w->place = iova;
	hits.first = iova;
	hits.last = iova + (len - 1) < iova ? UINT64_MAX : iova + (len - 1);
	hits.at = len ? flat_at(&w->flat, iova) : w->flat.count;
	w->pt.ops->dirty(&w->pt, iova, len, hits.clear, dirty_hit, &hits);
	leaf = flat_next_dirty(&w->flat, &hits.at, hits.last);
	if (leaf)
		story_fail(&w->story, "the dirty page at 0x%" PRIx64 " is not reported",
			   leaf->iova);
}

static void do_query(struct world *w, uint64_t record)
{
	uint64_t iova = where(w, record) + (record >> 24 & 0xfff);
	uint64_t max = record >> 36 & 1 ? count_of((unsigned)(record >> 48)) : record >> 48;

	story_note(&w->story, "query iova=0x%" PRIx64 " max=%" PRIu64, iova, max);
	w->place = iova;
	check_query(w, iova, max);
}

static void do_next(struct world *w, uint64_t record)
{
	uint64_t from = where(w, record), last;

	last = from + (count_of((unsigned)(record >> 48)) << size_of(w, record >> 24 & 0xff));
	story_note(&w->story, "next from=0x%" PRIx64 " last=0x%" PRIx64, from, last);
	w->place = from;
	check_next(w, from, last);
}

/* What was found from the old root is found from it still. */
static void check_old_root(struct world *w, struct pt_start start)
{
	const struct flat_leaf *leaf = &w->flat.leaf[w->place / PAGE % w->flat.count];
	struct pt_walk_result res;

	res = w->pt.ops->walk(w->phys, &w->no_marks, start, leaf->iova, leaf->perm & (PT_R | PT_W),
			      NULL, NULL);
	story_compare(&w->story, "the address from the old root", res.oa, leaf->oa);
}

static void do_grow(struct world *w)
{
	static const uint8_t highest[] = {[FLAT_VTD] = 4, [FLAT_X86] = 0, [FLAT_AMD] = 5};
	struct pt_start start = {.table = w->pt.root, .level = w->pt.top_level, .perm = PT_ALL};
	bool can = w->flat.top_level < highest[w->flat.format];
	struct fail_plan *outer;
	enum pt_status got;

	story_note(&w->story, "grow");
	outer = enter(w);
	got = pt_grow_root(&w->pt);
	if (leave(w, outer)) {
		story_compare(&w->story, "the status without memory", got, PT_NOMEM);
		return;
	}
	story_compare(&w->story, "the status", got, can ? PT_DONE : PT_RANGE);
	w->flat.top_level = (uint8_t)(w->flat.top_level + can);
	if (can && w->flat.count)
		check_old_root(w, start);
}

static void step(struct world *w, uint64_t record)
{
	unsigned pick = (unsigned)(record & 0xff) * w->weights / 256, kind = 0;

	while (pick >= w->weight[kind])
		pick -= w->weight[kind++];
	switch ((enum kind)kind) {
	case MAP:
		do_map(w, record);
		break;
	case UNMAP:
		do_unmap(w, record);
		break;
	case SPLIT:
		do_split(w, record);
		break;
	case WALK:
		do_walk(w, record);
		break;
	case DIRTY:
		do_dirty(w, record);
		break;
	case QUERY:
		do_query(w, record);
		break;
	case NEXT:
		do_next(w, record);
		break;
	case GROW:
		do_grow(w);
		break;
	case FAIL:
		w->fail_nth = 1 + (record >> 8 & 3);
		story_note(&w->story, "fail nth=%" PRIu64, w->fail_nth);
		break;
	default:
		story_note(&w->story, "free");
		pt_gather_free(w->phys, &w->gather);
	}
}

/* ---- one input ---- */

static bool any_table(const void *ctx, const struct fail_point *point)
{
	(void)ctx;
	return point->kind == FAIL_TABLE;
}

static struct pt_caps choose(struct flat *flat, uint64_t head)
{
	static const uint8_t levels[3][8] = {
		[FLAT_VTD] = {7, 7, 7, 3, 3, 1, 0xf, 5},
		[FLAT_X86] = {7, 7, 7, 7, 3, 3, 1, 5},
		[FLAT_AMD] = {0x17, 0x17, 0x17, 7, 3, 1, 0x1f, 5},
	};
	static const uint8_t tops[3][8] = {
		[FLAT_VTD] = {2, 3, 4, 2, 3, 1, 3, 2},
		[FLAT_X86] = {3, 4, 3, 4, 3, 4, 3, 4},
		[FLAT_AMD] = {2, 2, 2, 3, 4, 5, 1, 0},
	};

	flat->format = (enum flat_format)((head & 0xff) % 3);
	flat->top_level = tops[flat->format][head >> 8 & 7];
	flat->large_levels = levels[flat->format][head >> 11 & 7];
	flat->contiguous = flat->format == FLAT_AMD && (head >> 14 & 3);
	flat->count = 0;
	return (struct pt_caps){
		.haw = 52,
		.large_levels = flat->large_levels,
		.contiguous = flat->contiguous,
		.snoop = head >> 16 & 1,
		.access_dirty = head >> 17 & 3,
		.no_execute = true,
		.write_protect = true,
	};
}

static void begin(struct world *w, uint64_t head)
{
	const struct phys_cfg ram = {.ram_bytes = RAM};
	struct pt_caps caps;

	if (!w->phys) {
		w->phys = phys_create(&ram);
		if (!w->phys || !fail_plan_set(&w->plan, any_table, NULL))
			abort();
	}
	phys_reset(w->phys);
	w->base = phys_table_count(w->phys);
	w->gather = (struct pt_gather){0};
	w->fail_nth = w->place = 0;
	w->weights = records_swarm(w->weight, usual, KINDS, head >> 24);
	caps = choose(&w->flat, head);
	w->seen.format = w->flat.format;
	w->seen.large_levels = w->flat.large_levels;
	w->seen.contiguous = w->flat.contiguous;
	w->no_marks = caps;
	w->no_marks.access_dirty = false;
	pt_caps_finish(&w->no_marks, ops[w->flat.format]);
	if (!pt_init(&w->pt, w->phys, ops[w->flat.format], &caps, w->flat.top_level))
		abort();
	story_begin(&w->story, "tables");
	snprintf(w->story.head, sizeof(w->story.head),
		 "%s, root at level %u at first, large levels %#x%s%s",
		 ops[w->flat.format]->format->name, w->flat.top_level, w->flat.large_levels,
		 w->flat.contiguous ? ", contiguous" : "", caps.access_dirty ? ", marks" : "");
}

static void end(struct world *w)
{
	const char *wrong;

	story_note(&w->story, "# the end");
	pt_gather_free(w->phys, &w->gather);
	audit(w);
	pt_fini(&w->pt);
	story_compare(&w->story, "the number of frames left in use", phys_table_count(w->phys),
		      w->base);
	wrong = phys_audit(w->phys);
	if (wrong)
		story_fail(&w->story, "%s", wrong);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = &world;
	size_t count = records_count(size);

	fuzz_counts->inputs++;
	begin(w, records_get(data, size, -1));
	for (size_t n = 0; n < count; n++) {
		fuzz_counts->operations++;
		step(w, records_get(data, size, (ptrdiff_t)n));
		check_all(w);
		if (n % AUDIT_EVERY == AUDIT_EVERY - 1)
			audit(w);
	}
	end(w);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return records_mutate(data, size, max_size, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed)
{
	return records_splice(data1, size1, data2, size2, out, max_out_size, seed);
}
