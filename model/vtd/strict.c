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
			      const struct dma_req *req, const struct vtd_space *space)
{
	struct stale_use *use = &notes->stale[notes->count++];

	*use = (struct stale_use){
		.unit = vtd->unit.name,
		.cache = cache,
		.requester = req->requester,
		.domain_id = vtd_space_domain(space),
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

/* What the request would get from this space, by the tables alone. */
static struct xlat outcome(const struct vtd *vtd, const struct vtd_space *space,
			   const struct dma_req *req)
{
	struct xlat x;

	if (vtd_resolve_context(vtd, space, req, &x))
		return x;
	return vtd_resolve_unmarked(vtd, space, req);
}

/* A space that a cache answered with, and what memory would have answered. */
static void note_space(struct vtd *vtd, struct unit_notes *notes, const char *cache,
		       const struct dma_req *req, const struct vtd_space *cached,
		       const struct vtd_space *fresh, uint64_t filled_at)
{
	struct stale_use *use;

	if (vtd_space_same(cached, fresh))
		return;
	use = note(vtd, notes, cache, req, cached);
	use->cached = outcome(vtd, cached, req);
	use->fresh = outcome(vtd, fresh, req);
	use->filled_at = filled_at;
}

static struct vtd_space strict_legacy(struct vtd *vtd, const struct dma_req *req, bool fill,
				      struct unit_notes *notes)
{
	uint64_t word = __atomic_load_n(&vtd->tlb->context[req->requester], __ATOMIC_ACQUIRE);
	struct vtd_space fresh = {.word = vtd_context_read(vtd, req->requester, NULL)};
	struct vtd_space cached;

	if (!word) {
		if (fill)
			vtd_context_fill(vtd, req->requester, fresh.word);
		return fresh;
	}
	cached = vtd_space_of(vtd, word);
	note_space(vtd, notes, "context cache", req, &cached, &fresh,
		   iotlb_context_filled_at(vtd->tlb, req->requester));
	return cached;
}

static bool context_same(const struct vtd_sm_context *a, const struct vtd_sm_context *b)
{
	if (a->word || b->word)
		return a->word == b->word;
	return a->directory == b->directory && a->rid_pasid == b->rid_pasid &&
	       a->pasid_bits == b->pasid_bits && a->device_tlb == b->device_tlb &&
	       a->pasid == b->pasid && a->page_requests == b->page_requests &&
	       a->silent == b->silent;
}

/* The space that a context entry leads to, by memory alone. */
static struct vtd_space follow(const struct vtd *vtd, const struct vtd_sm_context *context,
			       const struct dma_req *req, uint32_t *pasid)
{
	struct vtd_space space = {.word = context->word};

	*pasid = 0;
	if (!space.word)
		space.word = vtd_sm_pasid_of(vtd, context, req, pasid);
	if (space.word)
		return space;
	space = vtd_sm_space_read(vtd, context, *pasid, NULL);
	space.word |= vtd_sm_context_bits(context);
	return space;
}

static struct vtd_sm_context strict_context(struct vtd *vtd, const struct dma_req *req, bool fill,
					    struct unit_notes *notes)
{
	struct vtd_sm_context fresh = vtd_sm_context_read(vtd, req->requester, NULL), cached;
	struct vtd_space by_cached, by_fresh;
	struct stale_use *use;
	uint32_t pasid;

	if (!vtd_sm_context_cached(vtd, req->requester, &cached)) {
		if (fill)
			vtd_sm_context_fill(vtd, req->requester, &fresh);
		return fresh;
	}
	if (!context_same(&cached, &fresh)) {
		by_cached = follow(vtd, &cached, req, &pasid);
		by_fresh = follow(vtd, &fresh, req, &pasid);
		use = note(vtd, notes, "context cache", req, &by_cached);
		use->cached = outcome(vtd, &by_cached, req);
		use->fresh = outcome(vtd, &by_fresh, req);
		use->filled_at = vtd_sm_context_filled_at(vtd, req->requester);
	}
	return cached;
}

/* Each of the two caches judged against memory, given what came before it. */
static struct vtd_space strict_scalable(struct vtd *vtd, const struct dma_req *req, bool fill,
					struct unit_notes *notes)
{
	struct vtd_sm_context context = strict_context(vtd, req, fill, notes);
	uint32_t pasid;
	struct vtd_space fresh = follow(vtd, &context, req, &pasid), cached;

	if (context.word || vtd_sm_pasid_of(vtd, &context, req, &pasid))
		return fresh;
	if (vtd_sm_space_cached(vtd, req->requester, pasid, &cached)) {
		cached.word |= vtd_sm_context_bits(&context);
		note_space(vtd, notes, "PASID cache", req, &cached, &fresh,
			   vtd_sm_space_filled_at(vtd, req->requester, pasid));
		return cached;
	}
	if (fill) {
		vtd_sm_space_fill(vtd, req, &context, pasid, &fresh);
		fresh.word |= vtd_sm_context_bits(&context);
	}
	return fresh;
}

static enum iotlb_array array_of_size(unsigned size_lg2)
{
	return size_lg2 == 12 ? IOTLB_SMALL : size_lg2 == 21 ? IOTLB_LARGE : IOTLB_HUGE;
}

static void strict_table(struct vtd *vtd, const struct vtd_space *space, const struct dma_req *req,
			 struct unit_notes *notes)
{
	uint64_t tag = iotlb_tag(vtd->tlb, space->word);
	struct pt_walk_result walk;
	struct xlat cached, fresh;
	struct stale_use *use;
	uint64_t table;

	/* A wide space has no table in the caches. */
	if (vtd_word_is_wide(space->word) || !iotlb_find_table(vtd->tlb, tag, req->iova, &table))
		return;
	cached = vtd_resolve_tables(vtd, space, vtd_start_cached(table), req, &walk);
	fresh = outcome(vtd, space, req);
	if (same(cached, fresh))
		return;
	use = note(vtd, notes, "paging-structure cache", req, space);
	use->cached = cached;
	use->fresh = fresh;
	use->filled_at = iotlb_filled_at(vtd->tlb, IOTLB_TABLES, tag, req->iova);
}

/* A page is cached without W while it is not dirty: that alone makes no difference. */
static bool confirms(const struct vtd_space *space, struct xlat fresh, struct xlat cached)
{
	if (vtd_word_is_wide(space->word) && vtd_space_marks(space) && !fresh.reason &&
	    !cached.reason)
		fresh.perm &= cached.perm | (uint8_t)~PT_W;
	return same(fresh, cached);
}

struct xlat vtd_resolve_strict(struct vtd *vtd, const struct dma_req *req, struct unit_notes *notes)
{
	const bool fill = __atomic_load_n(&vtd->tlb->filling, __ATOMIC_ACQUIRE);
	struct vtd_space space = vtd_is_scalable(vtd) ? strict_scalable(vtd, req, fill, notes)
						      : strict_legacy(vtd, req, fill, notes);
	uint64_t tag = iotlb_tag(vtd->tlb, space.word), value;
	struct xlat cached, fresh;
	struct stale_use *use;
	unsigned size_lg2;

	if (vtd_resolve_context(vtd, &space, req, &cached))
		return cached;
	size_lg2 =
		req->execute || req->privileged ? 0 : iotlb_peek(vtd->tlb, tag, req->iova, &value);
	if (!size_lg2 || !vtd_resolve_cached(vtd, &space, req, value, size_lg2, &cached)) {
		strict_table(vtd, &space, req, notes);
		return vtd_resolve_miss(vtd, &space, req, fill);
	}
	fresh = outcome(vtd, &space, req);
	if (!confirms(&space, fresh, cached)) {
		use = note(vtd, notes, "IOTLB", req, &space);
		use->cached = cached;
		use->fresh = fresh;
		use->filled_at = iotlb_filled_at(vtd->tlb, array_of_size(size_lg2), tag, req->iova);
	}
	return cached;
}
