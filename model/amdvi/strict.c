// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strict checking of an AMD-Vi unit: every cache hit is compared with memory, and used all the
 * same.
 *
 * A difference is noted, not acted on: the device sees what it would see on silicon, and the report
 * says that it should not have. Each cache is judged alone: an IOTLB hit against the tables of the
 * device table entry that was used, the entry against the device table. With strict checking on,
 * the short way of a hit is closed, so each request comes here. The interrupt table cache is
 * compared where it is used (intremap.c).
 *
 * A hit between a change of the tables and the command that covers it is legal and is noted
 * nevertheless; check with DMA and changes taking turns.
 */
#include "amdvi/amdvi_unit.h"

#include <string.h>

static struct stale_use *note(const struct amdvi *amdvi, struct unit_notes *notes,
			      const char *cache, const struct dma_req *req, uint16_t domain)
{
	struct stale_use *use = &notes->stale[notes->count++];

	*use = (struct stale_use){
		.unit = amdvi->unit.name,
		.cache = cache,
		.requester = req->requester,
		.domain_id = domain,
		.kind = req->kind,
		.iova = req->iova,
	};
	return use;
}

/* A cached page may lack the permission that a dirty bit is still to pay for. */
static bool same(struct xlat cached, struct xlat fresh)
{
	if (cached.reason || fresh.reason)
		return cached.reason == fresh.reason;
	return cached.pa == fresh.pa && !(cached.perm & ~fresh.perm);
}

/* False: the device table cannot be asked and no entry is cached; *fault says why. */
static bool strict_dte(struct amdvi *amdvi, const struct dma_req *req, bool fill,
		       struct unit_notes *notes, struct amdvi_dte *dte, struct xlat *fault)
{
	const bool cached = amdvi_dte_cached(amdvi, req->requester, dte);
	struct amdvi_dte fresh;
	struct stale_use *use;
	struct xlat after;
	bool readable;

	readable = amdvi_dte_read(amdvi, req->requester, &fresh, NULL, fault);
	after = readable ? amdvi_resolve_fresh(amdvi, &fresh, req) : *fault;
	if (!cached) {
		if (readable && fill)
			amdvi_dte_fill(amdvi, req->requester, &fresh);
		*dte = fresh;
		return readable;
	}
	if (!readable || memcmp(dte, &fresh, sizeof(fresh)) != 0) {
		use = note(amdvi, notes, "device table cache", req,
			   (uint16_t)SIO_FIELD_GET(DTE_DOMAIN, dte->word[1]));
		use->cached = amdvi_resolve_fresh(amdvi, dte, req);
		use->fresh = after;
		use->filled_at = amdvi->dte[req->requester].filled_at;
	}
	return true;
}

static enum iotlb_array array_of_size(unsigned size_lg2)
{
	return size_lg2 == 12 ? IOTLB_SMALL : size_lg2 == 21 ? IOTLB_LARGE : IOTLB_HUGE;
}

static void strict_table(const struct amdvi *amdvi, const struct amdvi_path *path, uint64_t tag,
			 const struct dma_req *req, struct unit_notes *notes)
{
	struct amdvi_walked walked;
	struct xlat cached, fresh;
	struct stale_use *use;
	uint64_t table;

	if (path->guest || !iotlb_find_table(amdvi->tlb, tag, req->iova, &table))
		return;
	cached = amdvi_resolve_below(amdvi, path, table, req, false, &walked);
	fresh = amdvi_resolve_tables(amdvi, path, req, false, &walked);
	if (same(cached, fresh))
		return;
	use = note(amdvi, notes, "paging-structure cache", req, path->domain);
	use->cached = cached;
	use->fresh = fresh;
	use->filled_at = iotlb_filled_at(amdvi->tlb, IOTLB_TABLES, tag, req->iova);
}

static void strict_page(const struct amdvi *amdvi, const struct amdvi_path *path, uint64_t tag,
			const struct dma_req *req, struct unit_notes *notes)
{
	struct amdvi_walked walked;
	struct xlat cached, fresh;
	struct stale_use *use;
	unsigned size_lg2;
	uint64_t value;

	size_lg2 = iotlb_peek(amdvi->tlb, tag, req->iova, &value);
	if (!size_lg2 || !value || !amdvi_resolve_cached(path, req, value, size_lg2, &cached)) {
		strict_table(amdvi, path, tag, req, notes);
		return;
	}
	fresh = amdvi_resolve_tables(amdvi, path, req, false, &walked);
	if (same(cached, fresh))
		return;
	use = note(amdvi, notes, "IOTLB", req, path->domain);
	use->cached = cached;
	use->fresh = fresh;
	use->filled_at = iotlb_filled_at(amdvi->tlb, array_of_size(size_lg2), tag, req->iova);
}

struct xlat amdvi_resolve_strict(struct amdvi *amdvi, const struct dma_req *req,
				 struct unit_notes *notes)
{
	const bool fill = __atomic_load_n(&amdvi->tlb->filling, __ATOMIC_ACQUIRE);
	struct amdvi_path path;
	struct amdvi_dte dte;
	struct xlat x;

	if (!strict_dte(amdvi, req, fill, notes, &dte, &x))
		return x;
	if (amdvi_resolve_dte(amdvi, &dte, req, &x, &path))
		return x;
	strict_page(amdvi, &path, amdvi_tag(amdvi, &path, req, fill), req, notes);
	x = amdvi_resolve_path(amdvi, &path, req, fill);
	x.flags &= (uint8_t)~AMDVI_XLAT_UNTRANSLATED;
	return x;
}
