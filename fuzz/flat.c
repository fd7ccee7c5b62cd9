// SPDX-License-Identifier: GPL-2.0-only
/* The leaves that ought to be there, and those that memory holds: see flat.h. */
#include "flat.h"

#include <string.h>

#define PAGE UINT64_C(4096)

static uint64_t bytes(unsigned lg2)
{
	return UINT64_C(1) << lg2;
}

/* ---- what can be there ---- */

static unsigned width(const struct flat *flat)
{
	static const uint8_t bits[] = {21, 30, 39, 48, 57, 64};

	return bits[flat->top_level];
}

bool flat_reaches(const struct flat *flat, uint64_t iova)
{
	unsigned bits = width(flat);

	if (flat->format == FLAT_X86)
		return iova < bytes(bits - 1) || iova >= -bytes(bits - 1);
	return bits == 64 || iova < bytes(bits);
}

bool flat_spans(const struct flat *flat, uint64_t first, uint64_t last)
{
	if (first > last || !flat_reaches(flat, first) || !flat_reaches(flat, last))
		return false;
	return flat->format != FLAT_X86 || first >> 63 == last >> 63;
}

bool flat_has_size(const struct flat *flat, unsigned lg2)
{
	static const uint8_t largest[] = {[FLAT_VTD] = 48, [FLAT_X86] = 30, [FLAT_AMD] = 51};

	if (lg2 < 12 || lg2 > largest[flat->format] || (lg2 - 12) / 9 > flat->top_level)
		return false;
	if ((lg2 - 12) % 9)
		return flat->format == FLAT_AMD && flat->contiguous;
	return lg2 == 12 || (flat->large_levels >> (lg2 - 12) / 9 & 1);
}

unsigned flat_at(const struct flat *flat, uint64_t iova)
{
	unsigned low = 0, high = flat->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (flat_last(&flat->leaf[middle]) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct flat_leaf *flat_find(struct flat *flat, uint64_t iova)
{
	unsigned at = flat_at(flat, iova);

	return at < flat->count && flat->leaf[at].iova <= iova ? &flat->leaf[at] : NULL;
}

/* ---- changes ---- */

/* n leaves go out at `at`, and there is room for m others. Leaf by leaf, because the memmove() of
 * sanitizers goes byte by byte. */
static void replace(struct flat *flat, unsigned at, unsigned n, unsigned m)
{
	struct flat_leaf *to = &flat->leaf[at + m];
	const struct flat_leaf *from = &flat->leaf[at + n];
	unsigned rest = flat->count - at - n;

	for (unsigned i = 0; m < n && i < rest; i++)
		to[i] = from[i];
	for (unsigned i = rest; m > n && i-- > 0;)
		to[i] = from[i];
	flat->count += m - n;
}

/* What of the permissions asked for an entry says. */
static uint8_t said(const struct flat *flat, unsigned perm)
{
	switch (flat->format) {
	case FLAT_VTD:
		return (uint8_t)(perm & (PT_R | PT_W | PT_SNP));
	case FLAT_X86:
		return (uint8_t)((perm & (PT_W | PT_U | PT_X | PT_G)) | PT_R);
	default:
		return (uint8_t)(perm & (PT_R | PT_W | PT_U | PT_SNP));
	}
}

static bool can_map(const struct flat *flat, const struct pt_map_req *req)
{
	uint64_t size = bytes(req->size_lg2 & 63), last = req->iova, oa = req->oa;

	if (!flat_has_size(flat, req->size_lg2) || !(req->perm & (PT_R | PT_W)))
		return false;
	if ((req->iova | req->oa | (uint64_t)req->oa_step) % size || req->oa >> 52)
		return false;
	for (uint64_t n = 1; n < req->count; n++) {
		last += size;
		oa += (uint64_t)req->oa_step;
		if (last < size || oa >> 52)
			return false;
	}
	return flat_spans(flat, req->iova, last + (size - 1));
}

struct pt_change flat_map(struct flat *flat, const struct pt_map_req *req)
{
	struct pt_change change = {.status = PT_DONE};
	unsigned at = flat_at(flat, req->iova), n = 0;
	uint64_t size, room;

	if (!req->count)
		return change;
	if (!can_map(flat, req))
		return (struct pt_change){.status = PT_RANGE};
	size = bytes(req->size_lg2);
	room = at == flat->count                 ? req->count
	       : flat->leaf[at].iova < req->iova ? 0
						 : (flat->leaf[at].iova - req->iova) / size;
	if (room < req->count)
		change.status = PT_EXISTS;
	n = (unsigned)(room < req->count ? room : req->count);
	replace(flat, at, 0, n);
	for (unsigned i = 0; i < n; i++)
		flat->leaf[at + i] = (struct flat_leaf){
			.iova = req->iova + i * size,
			.oa = req->oa + i * (uint64_t)req->oa_step,
			.lg2 = req->size_lg2,
			.perm = said(flat, req->perm),
			.accessed = req->perm & PT_A,
			.dirty = req->perm & PT_D,
		};
	change.done = n * size;
	return change;
}

struct pt_change flat_unmap(struct flat *flat, uint64_t iova, uint64_t len)
{
	uint64_t last = iova + (len - 1);
	unsigned at = flat_at(flat, iova), end = at;

	if (!len)
		return (struct pt_change){.status = PT_DONE};
	if ((iova | len) % PAGE || !flat_spans(flat, iova, last))
		return (struct pt_change){.status = PT_RANGE};
	while (end < flat->count && flat->leaf[end].iova >= iova &&
	       flat_last(&flat->leaf[end]) <= last)
		end++;
	replace(flat, at, end - at, 0);
	if (at == flat->count || flat->leaf[at].iova > last)
		return (struct pt_change){.status = PT_DONE, .done = len};
	if (flat->leaf[at].iova < iova)
		return (struct pt_change){.status = PT_PARTIAL_LEAF};
	return (struct pt_change){.status = PT_PARTIAL_LEAF, .done = flat->leaf[at].iova - iova};
}

unsigned flat_split(struct flat *flat, uint64_t iova, bool *fits)
{
	struct flat_leaf *leaf = flat_find(flat, iova), whole;
	unsigned at, lg2, n;

	*fits = true;
	if (!leaf)
		return 0;
	whole = *leaf;
	at = (unsigned)(leaf - flat->leaf);
	lg2 = whole.lg2 - (whole.lg2 - 12u) % 9;
	if (lg2 == whole.lg2 || !flat_has_size(flat, lg2))
		lg2 = lg2 > 12 ? lg2 - 9 : 0;
	if (!lg2 || !flat_has_size(flat, lg2))
		return 0;
	*fits = bytes(whole.lg2 - lg2) <= FLAT_LEAVES_MAX - flat->count;
	if (!*fits)
		return lg2;
	n = 1u << (whole.lg2 - lg2);
	replace(flat, at, 1, n);
	for (unsigned i = 0; i < n; i++) {
		flat->leaf[at + i] = whole;
		flat->leaf[at + i].lg2 = (uint8_t)lg2;
		flat->leaf[at + i].iova += i * bytes(lg2);
		flat->leaf[at + i].oa += i * bytes(lg2);
	}
	return lg2;
}

struct flat_leaf *flat_next_dirty(struct flat *flat, unsigned *at, uint64_t last)
{
	while (*at < flat->count && !flat->leaf[*at].dirty)
		++*at;
	if (*at == flat->count || flat->leaf[*at].iova > last)
		return NULL;
	return &flat->leaf[(*at)++];
}

/* Where page `n` of those that begin at leaf `at` lies, and how many follow it in its leaf. */
struct flat_page {
	uint64_t oa, rest;
};

static bool page_at(const struct flat *flat, uint64_t iova, unsigned perm, struct flat_page *page)
{
	unsigned at = flat_at(flat, iova);
	const struct flat_leaf *leaf = &flat->leaf[at];

	if (at == flat->count || leaf->iova > iova || leaf->perm != perm)
		return false;
	page->oa = leaf->oa + (iova - leaf->iova);
	page->rest = (flat_last(leaf) - iova) / PAGE;
	return true;
}

struct pt_run flat_query(const struct flat *flat, uint64_t iova, uint64_t max_pages)
{
	struct pt_run run = {.oa_step = (int64_t)PAGE};
	unsigned at = flat_at(flat, iova);
	const uint64_t first = iova & -PAGE;
	struct flat_page page = {0};

	if (!max_pages || at == flat->count || flat->leaf[at].iova > iova)
		return run;
	run.perm = flat->leaf[at].perm;
	(void)page_at(flat, first, run.perm, &page);
	run.oa = page.oa + iova % PAGE;
	run.pages = 1 + page.rest;
	while (run.pages < max_pages) {
		uint64_t next = first + run.pages * PAGE, start = run.oa & -PAGE;

		if (!next || !page_at(flat, next, run.perm, &page))
			break;
		if (run.pages == 1 && page.oa == start - PAGE)
			run.oa_step = -(int64_t)PAGE;
		if (page.oa != start + run.pages * (uint64_t)run.oa_step)
			break;
		run.pages += run.oa_step > 0 ? 1 + page.rest : 1;
	}
	if (run.pages > max_pages)
		run.pages = max_pages;
	return run;
}

/* ---- what memory holds ---- */

struct reader {
	const struct phys *phys;
	struct flat *out;
	unsigned tables;
	const char *wrong;
};

#define ADDRESS UINT64_C(0x000ffffffffff000)

/* An entry taken apart. */
struct raw {
	enum { RAW_NONE, RAW_TABLE, RAW_LEAF, RAW_BAD } kind;
	struct flat_leaf leaf; /* iova is 0 */
	uint64_t table, rest;  /* rest: bits that are nowhere accounted for */
};

static bool bit(uint64_t raw, unsigned n)
{
	return raw >> n & 1;
}

static struct raw take_vtd(uint64_t raw, unsigned level)
{
	struct raw e = {.kind = raw & 3 ? RAW_LEAF : raw ? RAW_BAD : RAW_NONE};

	if (level && !bit(raw, 7)) {
		e.kind = (raw & 3) == 3 ? RAW_TABLE : raw ? RAW_BAD : RAW_NONE;
		e.table = raw & ADDRESS;
		e.rest = raw & ~(ADDRESS | 3 | 1 << 8);
		return e;
	}
	e.leaf = (struct flat_leaf){
		.oa = raw & ADDRESS,
		.lg2 = (uint8_t)(12 + 9 * level),
		.perm = (uint8_t)((raw & 3) | (bit(raw, 11) ? PT_SNP : 0)),
		.accessed = bit(raw, 8),
		.dirty = bit(raw, 9),
	};
	e.rest = raw & ~(ADDRESS | 3 | 1 << 8 | 1 << 9 | 1 << 11 | (level ? 1 << 7 : 0));
	return e;
}

static struct raw take_x86(uint64_t raw, unsigned level)
{
	struct raw e = {.kind = bit(raw, 0) ? RAW_LEAF : raw ? RAW_BAD : RAW_NONE};

	if (level && bit(raw, 0) && !bit(raw, 7)) {
		e.kind = RAW_TABLE;
		e.table = raw & ADDRESS;
		/* Present, writable, for users, and accessed before anyone looks. */
		e.rest = (raw & ~ADDRESS) ^ 0x27;
		return e;
	}
	e.leaf = (struct flat_leaf){
		.oa = raw & ADDRESS,
		.lg2 = (uint8_t)(12 + 9 * level),
		.perm = (uint8_t)(PT_R | (bit(raw, 1) ? PT_W : 0) | (bit(raw, 2) ? PT_U : 0) |
				  (bit(raw, 8) ? PT_G : 0) | (bit(raw, 63) ? 0 : PT_X)),
		.accessed = bit(raw, 5),
		.dirty = bit(raw, 6),
	};
	e.rest = raw & ~(ADDRESS | 0x7 | 3 << 5 | 1 << 8 | UINT64_C(1) << 63 | (level ? 0x80 : 0));
	return e;
}

static struct raw take_amd(uint64_t raw, unsigned level)
{
	struct raw e = {.kind = bit(raw, 0) ? RAW_LEAF : raw ? RAW_BAD : RAW_NONE};
	unsigned next = raw >> 9 & 7, lg2 = 12 + 9 * level;
	uint64_t oa = raw & ADDRESS;

	if (bit(raw, 0) && next && next < 7) {
		e.kind = next == level ? RAW_TABLE : RAW_BAD;
		e.table = oa;
		e.rest = (raw & ~(ADDRESS | 0xe00 | 1 << 5)) ^ (UINT64_C(3) << 61 | 1);
		return e;
	}
	if (next == 7) {
		/* As many ones from bit 12 as the size has beyond 8 KiB, then a zero. */
		for (lg2 = 13; lg2 < 52 && bit(oa, lg2 - 1); lg2++)
			;
		oa &= ~(bytes(lg2) - 1);
		if (lg2 <= 12 + 9 * level || lg2 >= 21 + 9 * level)
			e.kind = RAW_BAD;
	}
	e.leaf = (struct flat_leaf){
		.oa = oa,
		.lg2 = (uint8_t)lg2,
		.perm = (uint8_t)((bit(raw, 61) ? PT_R : 0) | (bit(raw, 62) ? PT_W : 0) |
				  (bit(raw, 59) ? PT_U : 0) | (bit(raw, 60) ? PT_SNP : 0)),
		.accessed = bit(raw, 5),
		.dirty = bit(raw, 6),
	};
	e.rest = raw & ~(ADDRESS | 0xe00 | 3 << 5 | 1 | UINT64_C(15) << 59);
	return e;
}

static struct raw take(const struct flat *flat, uint64_t raw, unsigned level)
{
	struct raw e = flat->format == FLAT_VTD   ? take_vtd(raw, level)
		       : flat->format == FLAT_X86 ? take_x86(raw, level)
						  : take_amd(raw, level);

	if (e.kind == RAW_LEAF &&
	    (!flat_has_size(flat, e.leaf.lg2) || e.leaf.oa % bytes(e.leaf.lg2)))
		e.kind = RAW_BAD;
	if (e.kind != RAW_NONE && e.rest)
		e.kind = RAW_BAD;
	return e;
}

/* All entries of a leaf say the same, but for marks, which count wherever they are. */
static unsigned read_leaf(struct reader *r, const uint64_t *entry, unsigned i, unsigned level,
			  struct flat_leaf leaf)
{
	unsigned copies = 1u << (leaf.lg2 - 12) % 9;
	const uint64_t marks = r->out->format == FLAT_VTD ? 3 << 8 : 3 << 5;

	if (i % copies) {
		r->wrong = "a leaf of several entries begins in the middle";
		return 1;
	}
	for (unsigned k = 1; k < copies; k++) {
		struct raw other = take(r->out, entry[i + k], level);

		if ((entry[i + k] ^ entry[i]) & ~marks)
			r->wrong = "the entries of a leaf differ";
		leaf.accessed |= other.leaf.accessed;
		leaf.dirty |= other.leaf.dirty;
	}
	if (r->out->count == FLAT_LEAVES_MAX)
		r->wrong = "there are more leaves than were ever mapped";
	else
		r->out->leaf[r->out->count++] = leaf;
	return copies;
}

static void read_table(struct reader *r, pa_t table, unsigned level, uint64_t base)
{
	const uint64_t *entry = (const uint64_t *)(const void *)(r->phys->base + table);
	unsigned copies = 1;

	if (table % PAGE || table >= r->phys->ram_bytes || ++r->tables > 4096) {
		r->wrong = "a table lies outside memory, or in itself";
		return;
	}
	for (unsigned i = 0; i < 512 && !r->wrong; i += copies) {
		uint64_t iova = base + ((uint64_t)i << (12 + 9 * level));
		struct raw e;

		copies = 1;
		if (!entry[i])
			continue;
		if (level == 5 && i >= 128) {
			r->wrong = "an entry lies above all addresses";
			return;
		}
		if (level == r->out->top_level && r->out->format == FLAT_X86 && i >= 256)
			iova |= -bytes(width(r->out) - 1);
		e = take(r->out, entry[i], level);
		e.leaf.iova = iova;
		if (e.kind == RAW_BAD)
			r->wrong = "an entry is none of the format";
		else if (e.kind == RAW_TABLE)
			read_table(r, e.table, level - 1, iova);
		else if (e.kind == RAW_LEAF)
			copies = read_leaf(r, entry, i, level, e.leaf);
	}
}

const char *flat_read(const struct phys *phys, pa_t root, struct flat *out, unsigned *tables)
{
	struct reader r = {.phys = phys, .out = out};

	out->count = 0;
	read_table(&r, root, out->top_level, 0);
	*tables = r.tables;
	return r.wrong;
}

int flat_leftover(const struct phys *phys, pa_t table)
{
	const uint64_t *entry = (const uint64_t *)(const void *)(phys->base + table);

	for (int i = 0; i < 512; i++)
		if (entry[i])
			return i;
	return -1;
}

unsigned flat_differs(const struct flat *a, const struct flat *b)
{
	unsigned n = 0;

	while (n < a->count && n < b->count) {
		const struct flat_leaf *x = &a->leaf[n], *y = &b->leaf[n];

		if (x->iova != y->iova || x->oa != y->oa || x->lg2 != y->lg2 ||
		    x->perm != y->perm || x->accessed != y->accessed || x->dirty != y->dirty)
			break;
		n++;
	}
	return n;
}
