// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation by a VT-d unit in legacy mode: the steps of one request, from early outs to the
 * fills.
 *
 * Source: Intel VT-d, "Legacy Mode Address Translation", "Handling Requests to Interrupt Address
 * Range", "Zero-Length Reads", "Caching Mode".
 *
 * Choices where the manual leaves one:
 *  - Requests without PASID to the interrupt range are never translated. An aligned 4-byte write is
 *    an interrupt request. Anything else there is answered as an unsupported request by the root
 *    complex, and no DMA remapping fault is recorded for it.
 *  - A request that an IOTLB entry denies is blocked from the cache, without a look at memory.
 *  - A table of leaves is cached as soon as the walk reached it, whatever the leaf said.
 *
 * Nothing is cached that a later hit would have to check again: pages that touch the interrupt
 * range, as input or as output, are cached 4 KiB at a time, and never the range itself.
 */
#include "vtd/vtd_unit.h"

/* Steps of 1 MiB never straddle the interrupt range. */
#define UNTRANSLATED_LG2 20u

static struct xlat faulted(uint8_t reason, uint64_t word)
{
	return (struct xlat){
		.reason = reason,
		.flags = word & VTD_WORD_FPD ? XLAT_SILENT : 0,
	};
}

static struct xlat identity(const struct dma_req *req)
{
	return (struct xlat){
		.size_lg2 = UNTRANSLATED_LG2,
		.perm = PT_R | PT_W,
		.pa = req->iova,
	};
}

static struct xlat interrupt_request(const struct dma_req *req)
{
	struct xlat x = identity(req);
	bool dword = req->kind == DMA_WRITE && req->len == 4 && req->iova % 4 == 0;

	x.perm = PT_W;
	x.flags = dword ? XLAT_INTERRUPT : XLAT_UNSUPPORTED;
	return x;
}

/* Protected memory is out of reach of DMA that is not translated: an unsupported request. */
static struct xlat untranslated(const struct vtd *vtd, const struct dma_req *req)
{
	struct xlat x = identity(req);

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(vtd->protected); i++) {
		pa_t first = __atomic_load_n(&vtd->protected[i].first, __ATOMIC_RELAXED);
		pa_t last = __atomic_load_n(&vtd->protected[i].last, __ATOMIC_RELAXED);

		if (req->iova >= first && req->iova <= last)
			x.flags = XLAT_UNSUPPORTED;
	}
	return x;
}

bool vtd_resolve_early(const struct vtd *vtd, const struct dma_req *req, struct xlat *x)
{
	if (__builtin_expect(vtd_in_interrupt_range(req->iova) && !req->has_pasid, 0)) {
		*x = interrupt_request(req);
		return true;
	}
	if (__builtin_expect(!__atomic_load_n(&vtd->translating, __ATOMIC_RELAXED), 0)) {
		*x = untranslated(vtd, req);
		return true;
	}
	if (__builtin_expect(req->has_pasid, 0)) {
		*x = faulted(VTD_PASID_IN_LEGACY, 0);
		return true;
	}
	return false;
}

static SIO_ALWAYS_INLINE bool beyond_width(const struct vtd *vtd, uint64_t word, iova_t iova)
{
	return iova >> vtd->width[SIO_FIELD_GET(VTD_WORD_LEVEL, word)] != 0;
}

bool vtd_resolve_context(const struct vtd *vtd, uint64_t word, const struct dma_req *req,
			 struct xlat *x)
{
	if (word & VTD_WORD_FAULT) {
		*x = faulted((uint8_t)SIO_FIELD_GET(VTD_WORD_REASON, word), word);
		return true;
	}
	if (beyond_width(vtd, word, req->iova)) {
		*x = faulted(VTD_BEYOND_WIDTH, word);
		return true;
	}
	if (word & VTD_WORD_PASS) {
		*x = identity(req);
		return true;
	}
	return false;
}

struct pt_start vtd_start_root(uint64_t word)
{
	return (struct pt_start){
		.table = SIO_FIELD_GET(VTD_WORD_ROOT, word) << SIO_PAGE_LG2,
		.level = (uint8_t)SIO_FIELD_GET(VTD_WORD_LEVEL, word),
		.perm = PT_R | PT_W,
	};
}

struct pt_start vtd_start_cached(uint64_t value)
{
	return (struct pt_start){
		.table = value & IOTLB_VALUE_PA,
		.level = 0,
		.perm = (uint8_t)(value & IOTLB_VALUE_PERM),
	};
}

static bool touches_interrupt_range(uint64_t address, unsigned size_lg2)
{
	uint64_t first = address & ~(SIO_BIT(size_lg2) - 1);

	return first <= PHYS_MSI_LAST && first + (SIO_BIT(size_lg2) - 1) >= PHYS_MSI_FIRST;
}

static struct xlat walked(uint64_t word, const struct dma_req *req,
			  const struct pt_walk_result *walk)
{
	static const uint8_t reasons[] = {
		[PT_FAULT_WIDTH] = VTD_BEYOND_WIDTH,
		[PT_FAULT_READ] = VTD_NO_READ,
		[PT_FAULT_WRITE] = VTD_NO_WRITE,
		[PT_FAULT_RESERVED] = VTD_PAGE_RESERVED,
		[PT_FAULT_TABLE_TOP] = VTD_CONTEXT_INVALID,
		[PT_FAULT_TABLE] = VTD_TABLE_ACCESS,
	};
	struct xlat x = {.size_lg2 = walk->size_lg2,
			 .perm = walk->perm & (PT_R | PT_W | PT_SNP),
			 .pa = walk->oa};

	if (walk->fault != PT_OK)
		return faulted(reasons[walk->fault], word);
	if (vtd_in_interrupt_range(walk->oa))
		return faulted(VTD_INTERRUPT_RANGE, word);
	if (walk->size_lg2 > SIO_PAGE_LG2 && (touches_interrupt_range(req->iova, walk->size_lg2) ||
					      touches_interrupt_range(walk->oa, walk->size_lg2)))
		x.size_lg2 = SIO_PAGE_LG2;
	return x;
}

/* A zero-length read may go to a page that is only writable, where the unit has ZLR. */
static bool zero_length_allowed(const struct vtd *vtd, const struct dma_req *req)
{
	return req->len == 0 && req->kind == DMA_READ && vtd->caps.zlr;
}

struct xlat vtd_resolve_tables(const struct vtd *vtd, uint64_t word, struct pt_start start,
			       const struct dma_req *req, struct pt_walk_result *walk)
{
	*walk = vtd->pt->walk(vtd->phys, &vtd->pt_caps, start, req->iova, dma_need(req), NULL,
			      NULL);
	if (__builtin_expect(walk->fault == PT_FAULT_READ, 0) && zero_length_allowed(vtd, req)) {
		struct pt_walk_result writable =
			vtd->pt->walk(vtd->phys, &vtd->pt_caps, start, req->iova, PT_W, NULL, NULL);

		if (writable.fault != PT_FAULT_WRITE)
			*walk = writable;
	}
	return walked(word, req, walk);
}

struct xlat vtd_resolve_cached(const struct vtd *vtd, uint64_t word, const struct dma_req *req,
			       uint64_t value, unsigned size_lg2)
{
	uint8_t reason = (uint8_t)SIO_FIELD_GET(IOTLB_VALUE_REASON, value);
	unsigned need = dma_need(req);

	if (zero_length_allowed(vtd, req) && (value & PT_W))
		need = PT_W;
	if ((value & need) == need)
		return iotlb_xlat(value, size_lg2, req->iova);
	/* "Not present" is cached once for both kinds of access. */
	if (reason == 0 || reason == VTD_NO_READ)
		reason = req->kind == DMA_READ ? VTD_NO_READ : VTD_NO_WRITE;
	return faulted(reason, word);
}

/* Caching mode: what did not translate is remembered as well, until it is invalidated. */
static void fill_fault(struct vtd *vtd, uint64_t word, uint64_t tag, const struct dma_req *req,
		       const struct pt_walk_result *walk)
{
	struct dma_req other = *req;
	struct pt_walk_result again;
	struct xlat x;

	if (walk->fault == PT_FAULT_RESERVED) {
		iotlb_fill_fault(vtd->tlb, tag, req->iova, VTD_PAGE_RESERVED);
	} else if (walk->fault == PT_FAULT_READ || walk->fault == PT_FAULT_WRITE) {
		/* The page may be there for the other kind of access. */
		other.kind = req->kind == DMA_READ ? DMA_WRITE : DMA_READ;
		other.len = 1;
		x = vtd_resolve_tables(vtd, word, vtd_start_root(word), &other, &again);
		if (x.reason)
			iotlb_fill_fault(vtd->tlb, tag, req->iova, VTD_NO_READ);
		else
			iotlb_fill_page(vtd->tlb, tag, req->iova, x);
	}
}

struct xlat vtd_resolve_miss(struct vtd *vtd, uint64_t word, const struct dma_req *req, bool fill)
{
	uint64_t tag = fill ? iotlb_tag_get(vtd->tlb, (uint16_t)word) : iotlb_tag(vtd->tlb, word);
	struct pt_walk_result walk;
	struct pt_start start;
	uint64_t table;
	struct xlat x;

	if (iotlb_find_table(vtd->tlb, tag, req->iova, &table))
		start = vtd_start_cached(table);
	else
		start = vtd_start_root(word);
	x = vtd_resolve_tables(vtd, word, start, req, &walk);
	if (!fill)
		return x;
	if (walk.leaf_table != PA_NONE)
		iotlb_fill_table(vtd->tlb, tag, req->iova, walk.leaf_table, walk.table_perm);
	if (x.reason == 0)
		iotlb_fill_page(vtd->tlb, tag, req->iova, x);
	else if (vtd->caps.caching_mode)
		fill_fault(vtd, word, tag, req, &walk);
	return x;
}

void vtd_context_fill(struct vtd *vtd, uint16_t requester, uint64_t word)
{
	uint64_t reason = word & VTD_WORD_FAULT ? SIO_FIELD_GET(VTD_WORD_REASON, word) : 0;
	bool absent = reason == VTD_ROOT_NOT_PRESENT || reason == VTD_CONTEXT_NOT_PRESENT;

	/* Under caching mode "not present" is cached too, under domain id 0, which a fault word
	 * has. */
	if (reason == 0 || (absent && vtd->caps.caching_mode))
		iotlb_fill_context(vtd->tlb, requester, word);
}

struct xlat vtd_resolve(struct unit *unit, const struct dma_req *req, bool denied,
			struct unit_notes *notes)
{
	struct vtd *vtd = vtd_of(unit);
	/* Read first: see "Fills and invalidation" in iotlb.h. */
	const bool fill = __atomic_load_n(&vtd->tlb->filling, __ATOMIC_ACQUIRE);
	uint64_t word, value;
	unsigned size_lg2;
	struct xlat x;

	if (vtd_resolve_early(vtd, req, &x))
		return x;
	if (__atomic_load_n(&vtd->strict, __ATOMIC_RELAXED))
		return vtd_resolve_strict(vtd, req, notes);
	word = iotlb_context(vtd->tlb, req->requester);
	if (!word) {
		word = vtd_context_read(vtd, req->requester, NULL);
		if (fill)
			vtd_context_fill(vtd, req->requester, word);
		/* The lookup stopped before it came to the IOTLB. */
		denied = true;
	}
	if (vtd_resolve_context(vtd, word, req, &x))
		return x;
	if (denied) {
		size_lg2 = iotlb_peek(vtd->tlb, iotlb_tag(vtd->tlb, word), req->iova, &value);
		if (size_lg2)
			return vtd_resolve_cached(vtd, word, req, value, size_lg2);
	}
	return vtd_resolve_miss(vtd, word, req, fill);
}
