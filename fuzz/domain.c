// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as operations on domains of both drivers, on machines with all sorts of units.
 *
 * After every operation the tables of the domain in memory hold exactly what a list says, every
 * attached device reaches exactly that and detached ones nothing, and no unit was caught with a
 * translation that the tables no longer have. Audits hold at every sixteenth operation and at the
 * end, when every frame is back.
 *
 * A machine is made once for each platform and kernel, and reset between inputs.
 */
#include "fuzz.h"

#include "domain_kinds.h"
#include "domain_model.h"
#include "story.h"

#include "drv/drv_amdvi_priv.h"
#include "drv/drv_vtd_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE        UINT64_C(4096)
#define DOMAINS     3u
#define AUDIT_EVERY 16u

enum op {
	OP_MAP,
	OP_UNMAP,
	OP_DMA,
	OP_ATTACH,
	OP_DETACH,
	OP_ALLOC,
	OP_FREE,
	OP_ENFORCE,
	OP_TRACK,
	OP_DIRTY,
	OP_QUERY,
	OPS
};

static const uint8_t usual[OPS] = {24, 16, 6, 6, 2, 4, 2, 2, 3, 4, 2};

struct slot {
	struct iommu_domain *domain; /* NULL: free */
	struct domain_model model;
	unsigned attached; /* devices */
	bool tracking;
};

struct world {
	const struct machine_kind *kind;
	struct kept *kept;
	struct sio_machine *machine;
	struct sio_device *device[DEVICES];
	unsigned devices;
	struct slot *on[DEVICES]; /* NULL: nothing */
	struct slot slot[DOMAINS];
	uint64_t frames; /* that were in use at the start */
	uint64_t place;
	uint8_t weight[OPS];
	unsigned weights;
	struct story story;
};

static struct world world;
static struct flat seen;

/* ---- comparing ---- */

static const struct pt *table_of(const struct slot *slot)
{
	return slot->model.flat.format == FLAT_VTD ? &vtd_domain(slot->domain)->pt
						   : &amd_domain(slot->domain)->pt;
}

/* The tables in memory; accessed bits come and go. */
static void check_memory(const struct world *w, struct slot *slot)
{
	const struct pt *pt = table_of(slot);
	struct flat *flat = &slot->model.flat;
	const char *wrong;
	unsigned tables, at;

	seen.format = flat->format;
	seen.large_levels = flat->large_levels;
	seen.contiguous = flat->contiguous;
	seen.top_level = pt->top_level;
	wrong = flat_read(pt->phys, pt->root, &seen, &tables);
	if (wrong)
		story_fail(&w->story, "%s", wrong);
	for (at = 0; at < seen.count; at++)
		seen.leaf[at].accessed = at < flat->count && flat->leaf[at].accessed;
	at = flat_differs(&seen, flat);
	if (at < seen.count && (at == flat->count || seen.leaf[at].iova < flat->leaf[at].iova))
		story_fail(&w->story, "memory has a page at 0x%" PRIx64, seen.leaf[at].iova);
	if (at < flat->count && (at == seen.count || seen.leaf[at].iova > flat->leaf[at].iova))
		story_fail(&w->story, "memory has no page at 0x%" PRIx64, flat->leaf[at].iova);
	if (at < flat->count)
		story_fail(&w->story,
			   "the page at 0x%" PRIx64 " has 2^%u bytes at 0x%" PRIx64
			   " perm %#x dirty %d, expected 2^%u at 0x%" PRIx64 " perm %#x dirty %d",
			   seen.leaf[at].iova, seen.leaf[at].lg2, seen.leaf[at].oa,
			   seen.leaf[at].perm, seen.leaf[at].dirty, flat->leaf[at].lg2,
			   flat->leaf[at].oa, flat->leaf[at].perm, flat->leaf[at].dirty);
	story_compare(&w->story, "the number of tables", pt->table_count, tables);
}

/* Addresses that mean something else to a unit. */
static bool is_special(const struct world *w, uint64_t iova)
{
	return (iova >= PHYS_MSI_FIRST && iova <= PHYS_MSI_LAST) ||
	       (w->kind->amd && iova >> 32 >= 0xfd && iova >> 32 <= 0xff);
}

static void probe(const struct world *w, unsigned device, uint64_t iova, bool write)
{
	struct sio_machine *machine = w->machine;
	struct dma_req req = {.requester = pci_requester_id(w->device[device]->fn),
			      .segment = w->device[device]->fn->segment,
			      .iova = iova,
			      .len = 4,
			      .kind = write ? DMA_WRITE : DMA_READ};
	struct slot *slot = w->on[device];
	struct flat_leaf *leaf = slot ? flat_find(&slot->model.flat, iova) : NULL;
	const char *name = w->kind->device[device];
	struct xlat x;

	if (is_special(w, iova))
		return;
	x = dma_translate(machine->port, &req);
	if (!leaf || !(leaf->perm & (write ? PT_W : PT_R))) {
		if (!x.reason)
			story_fail(&w->story, "%s of %s reaches 0x%" PRIx64 " at 0x%" PRIx64,
				   write ? "a write" : "a read", name, x.pa, iova);
		return;
	}
	/* Not every unit of those has large pages or so many levels, and no driver asks. */
	if (x.reason && w->kind->mixed)
		return;
	if (x.reason)
		story_fail(&w->story, "%s of %s at 0x%" PRIx64 " faults, reason %#x",
			   write ? "a write" : "a read", name, iova, x.reason);
	story_compare(&w->story, "what a device reaches", x.pa, leaf->oa + (iova - leaf->iova));
	leaf->dirty |= write && slot->tracking;
}

static void probe_all(const struct world *w, uint64_t iova)
{
	for (unsigned i = 0; i < w->devices; i++)
		probe(w, i, iova, false);
}

static void check_query(const struct world *w, const struct slot *slot, uint64_t iova,
			uint64_t max_pages)
{
	struct pt_run want = flat_query(&slot->model.flat, iova, max_pages);
	struct pt_run got = iommu_query(slot->domain, iova, max_pages);
	unsigned at = flat_at(&slot->model.flat, iova);
	iova_t found = 0;
	bool any = iommu_next(slot->domain, iova, UINT64_MAX, &found);

	story_compare(&w->story, "the pages of a run", got.pages, want.pages);
	if (want.pages) {
		story_compare(&w->story, "the address of a run", got.oa, want.oa);
		story_compare(&w->story, "the step of a run", (uint64_t)got.oa_step,
			      (uint64_t)want.oa_step);
		story_compare(&w->story, "the permissions of a run", got.perm, want.perm);
	}
	story_compare(&w->story, "whether there is a next page", any, at < slot->model.flat.count);
	if (any)
		story_compare(&w->story, "the next page", found,
			      slot->model.flat.leaf[at].iova < iova
				      ? iova
				      : slot->model.flat.leaf[at].iova);
}

static void check_stale(const struct world *w)
{
	struct sio_stale stale;
	const char *notice;

	if (sio_stale_next(w->machine, &stale))
		story_fail(&w->story, "%s", stale.text);
	while ((notice = sio_notice_next(w->machine)))
		story_fail(&w->story, "%s", notice);
}

static void check_all(struct world *w)
{
	if (fuzz_bare())
		return;
	machine_enter(w->machine, false);
	for (unsigned i = 0; i < DOMAINS; i++) {
		struct slot *slot = &w->slot[i];

		if (!slot->domain)
			continue;
		check_memory(w, slot);
		check_query(w, slot, w->place & -PAGE, 600);
		if (slot->model.flat.count) {
			const struct flat_leaf *leaf =
				&slot->model.flat
					 .leaf[w->place / PAGE * 31 % slot->model.flat.count];

			probe_all(w, leaf->iova + 0x123);
			probe_all(w, flat_last(leaf) - 3);
		}
	}
	probe_all(w, w->place);
	probe_all(w, w->place - PAGE);
	machine_leave(w->machine);
	check_stale(w);
}

static void audit(const struct world *w, bool thorough)
{
	char what[512];

	if (!fuzz_bare() && sio_audit(w->machine, thorough, what, sizeof(what)))
		story_fail(&w->story, "%s", what);
}

/* ---- records ---- */

static uint64_t border(const struct slot *slot, unsigned which)
{
	static const uint8_t power[] = {12, 21, 30, 39, 47, 48};
	const uint64_t end = slot->domain ? slot->domain->aperture_last + 1 : 0;

	which %= 10;
	if (which < 6)
		return UINT64_C(1) << power[which];
	return which < 8 ? end : which == 8 ? PHYS_MSI_FIRST : 0;
}

static uint64_t where(const struct world *w, const struct slot *slot, uint64_t record)
{
	static const int16_t pages[16] = {0, 0,  0,   -1, 1,   2,    -2,  3,
					  8, 16, 511, -8, 512, -512, 513, -16};
	unsigned which = record >> 16 & 0xff, how = record >> 24 & 0xff;
	const struct flat *flat = &slot->model.flat;
	uint64_t at;

	if ((how & 3) == 3)
		at = w->place;
	else if ((how & 3) == 2 || !flat->count)
		at = border(slot, which);
	else if (how & 4)
		at = flat_last(&flat->leaf[which * 7 % flat->count]) + 1;
	else
		at = flat->leaf[which * 7 % flat->count].iova;
	at += (uint64_t)(int64_t)pages[how >> 4] * PAGE;
	if (how & 8 || !slot->domain || at <= slot->domain->aperture_last)
		return at & -PAGE;
	return at & slot->domain->aperture_last & -PAGE;
}

/* From a page to some of the largest, and a bit more or less. */
static uint64_t length(const struct slot *slot, unsigned shape)
{
	static const uint16_t units[8] = {1, 1, 2, 3, 4, 8, 16, 100};
	static const uint8_t sizes[8] = {12, 12, 12, 21, 21, 21, 30, 16};
	uint64_t len = (uint64_t)units[shape & 7] << sizes[shape >> 3 & 7];

	if (slot->model.flat.format == FLAT_AMD && (shape & 0x38) == 0x38)
		len = UINT64_C(1) << (12 + (shape & 7) * 3);
	/* Not millions of pages, where there are none but the smallest. */
	if (!(slot->model.sizes & SIO_MASK(40, 20)) && len > 4096 * PAGE)
		len = 4096 * PAGE;
	if (len > PAGE && shape & 0x40)
		len += shape & 0x80 ? PAGE : -PAGE;
	return len;
}

/* ---- operations ---- */

static void do_map(struct world *w, struct slot *slot, uint64_t record)
{
	unsigned flags = record >> 40 & 0xff, to = record >> 48 & 0xff;
	uint64_t len = length(slot, record >> 32 & 0xff), iova = where(w, slot, record), pa;
	unsigned room = FLAT_LEAVES_MAX - slot->model.flat.count - 1;
	struct fail_plan *outer;
	struct domain_map map;
	struct pt_run run;
	int got, want;
	bool fails;

	if (record >> 56 & 1)
		iova &= -(len & -len);
	if (iova + (len - 1) < iova)
		len = -iova;
	/* Where the kernel stops at a BUG, layers above never come. */
	if (!(iova + len) && slot->model.flat.format == FLAT_VTD)
		iova -= PAGE;
	/* Mostly aligned like the address, as memory in large pages is. */
	pa = (UINT64_C(4) << 30) + ((uint64_t)(to & 7) << 30) + (iova & (SIO_BIT(30) - 1));
	if ((to & 0x38) == 0x38)
		pa += PAGE;
	map = (struct domain_map){
		.iova = iova,
		.pa = pa,
		.len = len,
		.descending = (to & 0xc0) == 0xc0 && len <= 16 * PAGE,
		.perm = flags & 3      ? flags & 3
			: flags & 0xfc ? 3
				       : 0,
	};
	story_note(&w->story,
		   "map %td iova=0x%" PRIx64 " pa=0x%" PRIx64 " len=0x%" PRIx64 "%s prot=%u",
		   slot - w->slot, iova, pa, len, map.descending ? " descending" : "", map.perm);
	w->place = iova + len;
	if (domain_map_pages(&slot->model, &map, room) == room)
		return;
	run = (struct pt_run){.oa = pa,
			      .pages = len / PAGE,
			      .oa_step = map.descending ? -(int64_t)PAGE : (int64_t)PAGE};
	/* Where nothing was, nothing is when a table cannot be had. */
	fails = (record >> 57 & 7) == 1 && domain_is_empty(&slot->model, iova, iova + (len - 1));
	outer = fail_enter(fails ? fail_next(1 + (record >> 60)) : fail_current);
	got = iommu_map(slot->domain, iova, &run, map.perm | (flags & 4 ? IOMMU_CACHE : 0));
	fail_leave(outer);
	if (fails && fail_met()) {
		story_compare(&w->story, "the error without memory", (uint64_t)-got, ENOMEM);
		slot->model.ever_mapped = true;
		return;
	}
	want = domain_map(&slot->model, &map);
	story_compare(&w->story, "the error", (uint64_t)-got, (uint64_t)-want);
	/* Whoever maps over something on AMD-Vi has to tell the units. */
	if (slot->model.unflushed) {
		struct iommu_gather gather = {.first = iova, .last = iova + (len - 1), .len = len};

		iommu_iotlb_sync(slot->domain, &gather);
	}
}

/* AMD-Vi stops at the first hole, and is asked from where a page begins. */
static void clip_unmap(const struct slot *slot, uint64_t *iova, uint64_t *len)
{
	const struct flat *flat = &slot->model.flat;
	unsigned at = flat_at(flat, *iova);
	uint64_t end;

	if (flat->format == FLAT_VTD || at == flat->count || flat->leaf[at].iova > *iova)
		return;
	*iova = flat->leaf[at].iova;
	end = flat_last(&flat->leaf[at]);
	while (end != UINT64_MAX && at + 1 < flat->count && flat->leaf[at + 1].iova == end + 1)
		end = flat_last(&flat->leaf[++at]);
	if (*len - 1 > end - *iova)
		*len = end - *iova + 1;
}

static void unmap_one(struct world *w, struct slot *slot, uint64_t iova, uint64_t len,
		      struct iommu_gather *gather)
{
	uint64_t got;

	if (iova + (len - 1) < iova)
		len = -iova;
	clip_unmap(slot, &iova, &len);
	story_note(&w->story, "unmap %td iova=0x%" PRIx64 " len=0x%" PRIx64 "%s", slot - w->slot,
		   iova, len, gather ? "" : " and sync");
	w->place = iova;
	got = gather ? iommu_unmap_fast(slot->domain, iova, len, gather)
		     : iommu_unmap(slot->domain, iova, len);
	story_compare(&w->story, "the bytes unmapped", got, domain_unmap(&slot->model, iova, len));
}

static void do_unmap(struct world *w, struct slot *slot, uint64_t record)
{
	uint64_t len = length(slot, record >> 32 & 0xff), iova = where(w, slot, record);
	struct iommu_gather gather = {0};

	if (record >> 40 & 1) {
		unmap_one(w, slot, iova, len, NULL);
		return;
	}
	unmap_one(w, slot, iova, len, &gather);
	/* Two ranges, one invalidation. */
	if ((record >> 41 & 3) == 0 && w->story.lines < RECORDS_MAX)
		unmap_one(w, slot, w->place + len + (record >> 48) * PAGE, len, &gather);
	iommu_iotlb_sync(slot->domain, &gather);
}

static void do_dma(struct world *w, struct slot *slot, uint64_t record)
{
	uint64_t iova = where(w, slot, record) + (record >> 32 & 0xffc);
	const struct flat_leaf *leaf = flat_find(&slot->model.flat, iova);

	/* Any place of a large page. */
	if (leaf)
		iova = leaf->iova +
		       ((record >> 44 & 0xffff) * PAGE + iova % PAGE) % SIO_BIT(leaf->lg2);
	story_note(&w->story, "dma iova=0x%" PRIx64 " %s", iova,
		   record >> 60 & 1 ? "write" : "read");
	w->place = iova;
	for (unsigned i = 0; i < w->devices; i++)
		probe(w, i, iova, record >> 60 & 1);
}

static struct iommu_group *group_of(const struct world *w, unsigned device)
{
	return w->device[device]->iommu->group;
}

static void detach(struct world *w, unsigned device)
{
	struct slot *slot = w->on[device];

	if (!slot)
		return;
	iommu_detach_group(slot->domain, group_of(w, device));
	slot->attached--;
	w->on[device] = NULL;
}

/* Tables of AMD v1 take every address, whatever the domain says of itself. */
static uint64_t last_of(const struct slot *slot)
{
	return slot->model.flat.format == FLAT_AMD ? UINT64_MAX : slot->domain->aperture_last;
}

static void do_attach(struct world *w, struct slot *slot, unsigned device, uint64_t record)
{
	struct slot *old = w->on[device];
	bool replace = old && record >> 32 & 1;
	int rc;

	story_note(&w->story, "attach %s %td%s", w->kind->device[device], slot - w->slot,
		   replace ? " replacing" : "");
	if (!replace)
		detach(w, device);
	rc = replace ? iommu_replace_group(slot->domain, group_of(w, device))
		     : iommu_attach_group(slot->domain, group_of(w, device));
	if (!w->kind->mixed)
		story_compare(&w->story, "the error", (uint64_t)-rc,
			      !w->kind->amd && slot->model.snoop && !w->kind->snoops ? EINVAL : 0);
	if (rc) {
		story_compare(&w->story, "the error", (uint64_t)-rc, EINVAL);
		return;
	}
	if (old && replace)
		old->attached--;
	slot->attached++;
	w->on[device] = slot;
	/* Geometry is that of all units now. */
	slot->model.sizes = slot->domain->pgsize_bitmap;
	slot->model.last = last_of(slot);
}

/* Pages of what sizes, up to which address: what is known of a domain before any is used. */
static void check_geometry(const struct world *w, const struct slot *slot)
{
	const struct iommu_domain *domain = slot->domain;
	uint64_t last;

	if (w->kind->mixed)
		return;
	last = w->kind->bits ? SIO_BIT(w->kind->bits) - 1 : UINT64_MAX;
	if (slot->model.flat.format == FLAT_X86)
		last = SIO_BIT(47) - 1;
	else if (w->kind->amd && w->machine->personality.amd_aperture_48)
		last = SIO_BIT(48) - 1;
	story_compare(&w->story, "the last address", domain->aperture_last, last);
	if (slot->model.flat.format == FLAT_AMD)
		story_compare(&w->story, "the page sizes", domain->pgsize_bitmap & 0x800000ffff,
			      UINT64_C(0xf000));
	else
		story_compare(&w->story, "the page sizes", domain->pgsize_bitmap, 0x40201000);
}

static void do_alloc(struct world *w, struct slot *slot, unsigned device, uint64_t record)
{
	static const uint8_t choices[8] = {0,
					   0,
					   0,
					   IOMMU_ALLOC_DIRTY_TRACKING,
					   IOMMU_ALLOC_DIRTY_TRACKING,
					   IOMMU_ALLOC_PASID,
					   IOMMU_ALLOC_PASID,
					   0};
	uint32_t flags = choices[record >> 32 & 7];
	struct domain_model *model = &slot->model;
	bool v2 = w->kind->amd && flags & IOMMU_ALLOC_PASID;
	int rc;

	if (slot->domain)
		return;
	story_note(&w->story, "alloc %td for %s flags=%u", slot - w->slot, w->kind->device[device],
		   flags);
	rc = iommu_domain_alloc_user(w->device[device]->iommu, flags, NULL, &slot->domain);
	if (rc) {
		slot->domain = NULL;
		story_compare(&w->story, "the error", (uint64_t)-rc, EOPNOTSUPP);
		story_compare(&w->story, "whether flags are refused", flags != 0, true);
		return;
	}
	model->flat.format = v2 ? FLAT_X86 : w->kind->amd ? FLAT_AMD : FLAT_VTD;
	model->flat.top_level = v2 ? 3 : w->kind->amd ? 5 : 4;
	model->flat.large_levels = v2 || !w->kind->amd ? 7 : 0x17;
	model->flat.contiguous = model->flat.format == FLAT_AMD;
	model->flat.count = 0;
	model->sizes = slot->domain->pgsize_bitmap;
	model->last = last_of(slot);
	model->write_only_readable = w->machine->personality.write_only_readable;
	model->snoop = model->ever_mapped = false;
	slot->tracking = false;
	check_geometry(w, slot);
}

static void do_free(struct world *w, struct slot *slot)
{
	if (slot->attached)
		return;
	story_note(&w->story, "free %td", slot - w->slot);
	iommu_domain_free(slot->domain);
	slot->domain = NULL;
	slot->model.flat.count = 0;
}

static void do_enforce(struct world *w, struct slot *slot)
{
	struct domain_model *model = &slot->model;
	bool got = iommu_enforce_cache_coherency(slot->domain), want = true;

	story_note(&w->story, "enforce %td => %d", slot - w->slot, got);
	if (model->flat.format == FLAT_VTD)
		want = model->snoop ||
		       (!model->ever_mapped && (!slot->attached || w->kind->snoops));
	/* Whose units they are decides; at least nothing that is mapped may go on not snooping. */
	if (w->kind->mixed && !model->ever_mapped)
		want = got;
	story_compare(&w->story, "whether coherency is enforced", got, want);
	model->snoop |= got && model->flat.format == FLAT_VTD;
}

static void do_track(struct world *w, struct slot *slot, uint64_t record)
{
	bool on = record >> 32 & 3;
	int rc = iommu_set_dirty_tracking(slot->domain, on);

	story_note(&w->story, "track %td %d", slot - w->slot, on);
	story_compare(&w->story, "the error", (uint64_t)-rc,
		      slot->domain->dirty_ops ? 0 : EOPNOTSUPP);
	if (!rc)
		slot->tracking = on;
}

struct hits {
	struct world *w;
	struct slot *slot;
	uint64_t first, last;
	unsigned at;
};

static void dirty_hit(void *ctx, iova_t iova, uint64_t len)
{
	struct hits *hits = ctx;
	const struct flat_leaf *leaf =
		flat_next_dirty(&hits->slot->model.flat, &hits->at, hits->last);
	uint64_t first, last;

	if (!leaf)
		story_fail(&hits->w->story, "0x%" PRIx64 " is reported dirty", iova);
	first = leaf->iova > hits->first ? leaf->iova : hits->first;
	last = flat_last(leaf) < hits->last ? flat_last(leaf) : hits->last;
	story_compare(&hits->w->story, "the start of what is dirty", iova, first);
	story_compare(&hits->w->story, "the length of what is dirty", len, last - first + 1);
}

static void do_dirty(struct world *w, struct slot *slot, uint64_t record)
{
	uint64_t iova = where(w, slot, record), len = length(slot, record >> 32 & 0xff);
	struct hits hits = {.w = w, .slot = slot};
	bool clear = record >> 40 & 1;
	const struct flat_leaf *left;
	int rc;

	if (record >> 41 & 1) {
		iova = 0;
		len = UINT64_MAX & -PAGE;
	}
	if (iova + (len - 1) < iova)
		len = -iova;
	story_note(&w->story, "dirty %td iova=0x%" PRIx64 " len=0x%" PRIx64 "%s", slot - w->slot,
		   iova, len, clear ? " clear" : "");
	w->place = iova;
	hits.first = iova;
	hits.last = iova + (len - 1);
	hits.at = flat_at(&slot->model.flat, iova);
	rc = iommu_read_dirty(slot->domain, iova, len, clear, dirty_hit, &hits);
	story_compare(&w->story, "the error", (uint64_t)-rc,
		      slot->domain->dirty_ops ? 0 : EOPNOTSUPP);
	if (rc)
		return;
	left = slot->tracking ? flat_next_dirty(&slot->model.flat, &hits.at, hits.last) : NULL;
	if (left)
		story_fail(&w->story, "the dirty page at 0x%" PRIx64 " is not reported",
			   left->iova);
	hits.at = flat_at(&slot->model.flat, iova);
	for (struct flat_leaf *leaf;
	     clear && (leaf = flat_next_dirty(&slot->model.flat, &hits.at, hits.last));)
		leaf->dirty = false;
}

static void do_query(struct world *w, const struct slot *slot, uint64_t record)
{
	uint64_t iova = where(w, slot, record) + (record >> 32 & 0xfff);

	story_note(&w->story, "query %td iova=0x%" PRIx64, slot - w->slot, iova);
	check_query(w, slot, iova, record >> 48);
}

static void step(struct world *w, uint64_t record)
{
	unsigned pick = (unsigned)(record & 0xff) * w->weights / 256, kind = 0;
	unsigned device = (unsigned)(record >> 10 & 0x3f) % w->devices;
	struct slot *slot = &w->slot[(record >> 8 & 3) % DOMAINS];

	while (pick >= w->weight[kind])
		pick -= w->weight[kind++];
	/* Nothing goes without a domain, and most things are about one that is in use. */
	if (!slot->domain)
		kind = OP_ALLOC;
	switch ((enum op)kind) {
	case OP_MAP:
		do_map(w, slot, record);
		break;
	case OP_UNMAP:
		do_unmap(w, slot, record);
		break;
	case OP_DMA:
		do_dma(w, slot, record);
		break;
	case OP_ATTACH:
		do_attach(w, slot, device, record);
		break;
	case OP_DETACH:
		story_note(&w->story, "detach %s", w->kind->device[device]);
		detach(w, device);
		break;
	case OP_ALLOC:
		do_alloc(w, slot, device, record);
		break;
	case OP_FREE:
		do_free(w, slot);
		break;
	case OP_ENFORCE:
		do_enforce(w, slot);
		break;
	case OP_TRACK:
		do_track(w, slot, record);
		break;
	case OP_DIRTY:
		do_dirty(w, slot, record);
		break;
	default:
		do_query(w, slot, record);
	}
}

/* ---- one input ---- */

/* Attached once, a device has all that it keeps for ever. */
static void claim(struct world *w, unsigned device)
{
	struct iommu_domain *domain;
	struct iommu_group *group;

	w->device[device] = sio_device_find(w->machine, w->kind->device[device]);
	if (!w->device[device])
		story_fail(&w->story, "there is no %s", w->kind->device[device]);
	group = group_of(w, device);
	story_compare(&w->story, "the error of a claim", (uint64_t)-iommu_group_claim(group, w), 0);
	story_compare(&w->story, "the error of the first domain",
		      (uint64_t)-iommu_domain_alloc(group, &domain), 0);
	story_compare(&w->story, "the error of the first attach",
		      (uint64_t)-iommu_attach_group(domain, group), 0);
	iommu_detach_group(domain, group);
	iommu_domain_free(domain);
}

static void begin(struct world *w, uint64_t head)
{
	w->kind = machine_kind_of(fuzz_platform(), head & 0xff);
	if (!w->kind) {
		fprintf(stderr, "domain: there is no platform %s\n", fuzz_platform());
		abort();
	}
	w->place = 0;
	w->kept = machine_of(w->kind, fuzz_kernel(), head >> 8 & 1, head >> 12 & 3);
	w->machine = w->kept->machine;
	story_begin(&w->story, "domain");
	snprintf(w->story.head, sizeof(w->story.head), "platform: %s, kernel: Linux %s",
		 w->kind->name, w->machine->personality.name);
	/* Before 5.12 drivers cut pages up themselves, or refuse to map over others. */
	if (w->machine->personality.vtd_every_pgsize || w->machine->personality.amd_map_busy) {
		fprintf(stderr, "domain: Linux %s is older than what is known here\n",
			w->machine->personality.name);
		exit(2);
	}
	w->weights = records_swarm(w->weight, usual, OPS, head >> 16);
	for (unsigned i = 0; i < DOMAINS; i++) {
		w->slot[i].domain = NULL;
		w->slot[i].attached = 0;
		w->slot[i].model.flat.count = 0;
	}
	machine_enter(w->machine, false);
	for (w->devices = 0; w->devices < DEVICES && w->kind->device[w->devices]; w->devices++) {
		w->on[w->devices] = NULL;
		claim(w, w->devices);
	}
	w->frames = phys_table_count(w->machine->phys);
	/* One domain with a device on it: only then there is something to see. */
	do_alloc(w, &w->slot[0], 0, head >> 9);
	if (!w->slot[0].domain)
		do_alloc(w, &w->slot[0], 0, 0);
	do_attach(w, &w->slot[0], 0, 0);
	machine_leave(w->machine);
}

static void end(struct world *w)
{
	const char *wrong;

	audit(w, false);
	machine_enter(w->machine, false);
	for (unsigned i = 0; i < w->devices; i++)
		detach(w, i);
	for (unsigned i = 0; i < DOMAINS; i++)
		if (w->slot[i].domain)
			do_free(w, &w->slot[i]);
	story_compare(&w->story, "the number of frames left in use",
		      phys_table_count(w->machine->phys), w->frames);
	probe_all(w, w->place);
	machine_leave(w->machine);
	check_stale(w);
	audit(w, true);
	wrong = kept_end(w->kept);
	if (wrong)
		story_fail(&w->story, "%s", wrong);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = &world;
	size_t count = records_count(size);

	fuzz_counts->inputs++;
	begin(w, records_get(data, size, -1));
	for (size_t n = 0; n < count && w->story.lines < RECORDS_MAX - 4; n++) {
		fuzz_counts->operations++;
		machine_enter(w->machine, true);
		step(w, records_get(data, size, (ptrdiff_t)n));
		machine_leave(w->machine);
		check_all(w);
		if (n % AUDIT_EVERY == AUDIT_EVERY - 1)
			audit(w, false);
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
