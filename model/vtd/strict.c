// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strict checking of a VT-d unit: every cache hit is compared with memory, and used all the same.
 *
 * A difference is noted, not acted on: the device sees what it would see on silicon, and the report
 * says that it should not have. Each cache is judged alone: an IOTLB hit against the tables of the
 * context that was used, the context against the context table. With strict checking on, the short
 * way of a hit is closed, so each request comes here.
 *
 * A hit between a change of the tables and the invalidation that covers it is legal and is noted
 * nevertheless; check with DMA and changes taking turns.
 */
#include "vtd/vtd_unit.h"

static struct stale_use *note(struct vtd *vtd, struct unit_notes *notes, const char *cache,
			      const struct dma_req *req, uint64_t word)
{
	struct stale_use *use = &notes->stale[notes->count++];

	*use = (struct stale_use){
		.unit = vtd->unit.name,
		.cache = cache,
		.requester = req->requester,
		.domain_id = (uint16_t)(word & IOTLB_WORD_DOMAIN),
		.kind = req->kind,
		.iova = req->iova,
	};
	return use;
}

static bool same(struct xlat a, struct xlat b)
{
	if (a.reason || b.reason)
		return a.reason == b.reason;
	return a.pa == b.pa && a.perm == b.perm;
}

/* What the request would get from this context, by the tables alone. */
static struct xlat outcome(const struct vtd *vtd, uint64_t word, const struct dma_req *req)
{
	struct pt_walk_result walk;
	struct xlat x;

	if (vtd_resolve_context(vtd, word, req, &x))
		return x;
	return vtd_resolve_tables(vtd, word, vtd_start_root(word), req, &walk);
}

static uint64_t strict_context(struct vtd *vtd, const struct dma_req *req, bool fill,
			       struct unit_notes *notes)
{
	uint64_t cached = iotlb_context(vtd->tlb, req->requester);
	uint64_t fresh = vtd_context_read(vtd, req->requester, NULL);

	if (!cached) {
		if (fill)
			vtd_context_fill(vtd, req->requester, fresh);
		return fresh;
	}
	if (cached != fresh) {
		struct stale_use *use = note(vtd, notes, "context cache", req, cached);

		use->cached = outcome(vtd, cached, req);
		use->fresh = outcome(vtd, fresh, req);
		use->filled_at = iotlb_context_filled_at(vtd->tlb, req->requester);
	}
	return cached;
}

static enum iotlb_array array_of_size(unsigned size_lg2)
{
	return size_lg2 == 12 ? IOTLB_SMALL : size_lg2 == 21 ? IOTLB_LARGE : IOTLB_HUGE;
}

static void strict_table(struct vtd *vtd, uint64_t word, const struct dma_req *req,
			 struct unit_notes *notes)
{
	uint64_t tag = iotlb_tag(vtd->tlb, word);
	struct pt_walk_result walk;
	struct xlat cached, fresh;
	struct stale_use *use;
	uint64_t table;

	if (!iotlb_find_table(vtd->tlb, tag, req->iova, &table))
		return;
	cached = vtd_resolve_tables(vtd, word, vtd_start_cached(table), req, &walk);
	fresh = outcome(vtd, word, req);
	if (same(cached, fresh))
		return;
	use = note(vtd, notes, "paging-structure cache", req, word);
	use->cached = cached;
	use->fresh = fresh;
	use->filled_at = iotlb_filled_at(vtd->tlb, IOTLB_TABLES, tag, req->iova);
}

struct xlat vtd_resolve_strict(struct vtd *vtd, const struct dma_req *req, struct unit_notes *notes)
{
	const bool fill = __atomic_load_n(&vtd->tlb->filling, __ATOMIC_ACQUIRE);
	uint64_t word = strict_context(vtd, req, fill, notes), value;
	uint64_t tag = iotlb_tag(vtd->tlb, word);
	struct xlat cached, fresh;
	struct stale_use *use;
	unsigned size_lg2;

	if (vtd_resolve_context(vtd, word, req, &cached))
		return cached;
	size_lg2 = iotlb_peek(vtd->tlb, tag, req->iova, &value);
	if (!size_lg2) {
		strict_table(vtd, word, req, notes);
		return vtd_resolve_miss(vtd, word, req, fill);
	}
	cached = vtd_resolve_cached(vtd, word, req, value, size_lg2);
	fresh = outcome(vtd, word, req);
	if (!same(cached, fresh)) {
		use = note(vtd, notes, "IOTLB", req, word);
		use->cached = cached;
		use->fresh = fresh;
		use->filled_at = iotlb_filled_at(vtd->tlb, array_of_size(size_lg2), tag, req->iova);
	}
	return cached;
}
