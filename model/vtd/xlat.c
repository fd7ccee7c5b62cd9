// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation by a VT-d unit: the steps of one request, from early outs to the fills.
 *
 * Source: Intel VT-d, "Legacy Mode Address Translation", "Scalable Mode Address Translation",
 * "Handling Requests to Interrupt Address Range", "Zero-Length Reads", "Caching Mode".
 *
 * Choices where the manual leaves one:
 *  - Requests without PASID to the interrupt range are never translated. An aligned 4-byte write is
 *    an interrupt request. Anything else there is answered as an unsupported request by the root
 *    complex, and no DMA remapping fault is recorded for it.
 *  - A request that an IOTLB entry denies is blocked from the cache, without a look at memory, and
 *    recorded as a fault. QEMU's unit hands a cached page out with its permissions, and the
 * device's access is then dropped: with quiet_hits nothing is recorded.
 *  - A table of leaves is cached as soon as the walk reached it, whatever the leaf said.
 *  - Where the unit keeps accessed and dirty bits, and for first stages, tables are not cached, and
 *    a page is cached as writable only once it is dirty: the first write looks at memory again.
 *  - Requests to execute and privileged ones neither use nor fill the IOTLB.
 *
 * Nothing is cached that a later hit would have to check again: pages that touch the interrupt
 * range, as input or as output, are cached 4 KiB at a time, and never the range itself.
 */
#include "vtd/vtd_unit.h"

/* Steps of 1 MiB never straddle the interrupt range. */
#define UNTRANSLATED_LG2 20u

struct xlat vtd_faulted(uint8_t reason, const struct vtd_space *space)
{
	return (struct xlat){
		.reason = reason,
		.flags = space->word & VTD_WORD_FPD ? XLAT_SILENT : 0,
	};
}

uint16_t vtd_space_domain(const struct vtd_space *space)
{
	return vtd_word_is_wide(space->word) ? space->domain
					     : (uint16_t)(space->word & IOTLB_WORD_DOMAIN);
}

bool vtd_space_same(const struct vtd_space *a, const struct vtd_space *b)
{
	const uint64_t place = VTD_WORD_SPACE | IOTLB_WORD_SLOT;

	if (!vtd_word_is_wide(a->word) || !vtd_word_is_wide(b->word))
		return a->word == b->word;
	return !((a->word ^ b->word) & ~place) && a->kind == b->kind && a->flags == b->flags &&
	       a->domain == b->domain && a->pasid == b->pasid && a->first == b->first &&
	       a->first_level == b->first_level && a->second == b->second &&
	       a->second_level == b->second_level;
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
	if (__builtin_expect(req->has_pasid, 0) && !vtd_is_scalable(vtd)) {
		*x = (struct xlat){.reason = VTD_PASID_IN_LEGACY};
		return true;
	}
	return false;
}

/* First stages judge the width themselves. */
static SIO_ALWAYS_INLINE bool beyond_width(const struct vtd *vtd, const struct vtd_space *space,
					   iova_t iova)
{
	if (__builtin_expect(vtd_word_is_wide(space->word), 0))
		return space->kind == IOTLB_SECOND && iova >> vtd->width[space->second_level] != 0;
	return iova >> vtd->width[vtd_word_level(space->word)] != 0;
}

/* Why the address is too high for the space, 0: it is not. Pass-through of scalable mode has no
 * tables whose width could count: what counts is the host's. */
static SIO_ALWAYS_INLINE uint8_t beyond_reason(const struct vtd *vtd, const struct vtd_space *space,
					       bool pass, iova_t iova)
{
	const struct vtd_codes *codes = vtd_codes_now(vtd);

	if (pass && codes->host_width)
		return iova & vtd_above_width(vtd) ? codes->host_width : 0;
	return beyond_width(vtd, space, iova) ? codes->width : 0;
}

bool vtd_resolve_context(const struct vtd *vtd, const struct vtd_space *space,
			 const struct dma_req *req, struct xlat *x)
{
	const bool pass = (space->word & VTD_WORD_WIDE) == VTD_WORD_PASS;
	uint8_t beyond;

	if (space->word & VTD_WORD_FAULT) {
		*x = vtd_faulted((uint8_t)SIO_FIELD_GET(VTD_WORD_REASON, space->word), space);
		return true;
	}
	if (__builtin_expect(req->has_pasid, 0) && !vtd_privilege_ok(vtd, space, req, x))
		return true;
	beyond = beyond_reason(vtd, space, pass, req->iova);
	if (beyond) {
		*x = vtd_faulted(beyond, space);
		return true;
	}
	if (pass) {
		*x = identity(req);
		if (req->has_pasid && vtd_in_interrupt_range(req->iova))
			*x = vtd_faulted(vtd_codes_now(vtd)->interrupt, space);
		return true;
	}
	return false;
}

struct pt_start vtd_start_root(const struct vtd_space *space)
{
	if (__builtin_expect(vtd_word_is_wide(space->word), 0))
		return (struct pt_start){.table = space->second,
					 .level = space->second_level,
					 .perm = PT_ALL};
	return (struct pt_start){
		.table = SIO_FIELD_GET(VTD_WORD_ROOT, space->word) << SIO_PAGE_LG2,
		.level = (uint8_t)vtd_word_level(space->word),
		.perm = PT_ALL,
	};
}

struct pt_start vtd_start_cached(uint64_t value)
{
	return (struct pt_start){
		.table = value & IOTLB_VALUE_PA,
		.level = 0,
		.perm = (uint8_t)((PT_ALL & ~(unsigned)(PT_R | PT_W)) | (value & IOTLB_VALUE_PERM)),
		.cached = true,
	};
}

static bool touches_interrupt_range(uint64_t address, unsigned size_lg2)
{
	uint64_t first = address & ~(SIO_BIT(size_lg2) - 1);

	return first <= PHYS_MSI_LAST && first + (SIO_BIT(size_lg2) - 1) >= PHYS_MSI_FIRST;
}

static uint8_t second_reason(const struct vtd_codes *codes, enum pt_fault fault)
{
	switch (fault) {
	case PT_FAULT_WIDTH:
		return codes->width;
	case PT_FAULT_WRITE:
		return codes->no_write;
	case PT_FAULT_RESERVED:
		return codes->reserved;
	case PT_FAULT_TABLE_TOP:
		return codes->table_top;
	case PT_FAULT_TABLE:
		return codes->table;
	default:
		return codes->no_read;
	}
}

struct xlat vtd_walked(const struct vtd *vtd, const struct vtd_space *space,
		       const struct dma_req *req, const struct pt_walk_result *walk)
{
	struct xlat x = {.size_lg2 = walk->size_lg2,
			 .perm = walk->perm & (PT_R | PT_W | PT_SNP),
			 .pa = walk->oa};

	if (vtd_in_interrupt_range(walk->oa))
		return vtd_faulted(vtd_codes_now(vtd)->interrupt, space);
	if (walk->size_lg2 > SIO_PAGE_LG2 && (touches_interrupt_range(req->iova, walk->size_lg2) ||
					      touches_interrupt_range(walk->oa, walk->size_lg2)))
		x.size_lg2 = SIO_PAGE_LG2;
	if (vtd_word_is_wide(space->word) && (space->flags & VTD_SPACE_PAGE_SNOOP))
		x.perm |= PT_SNP;
	return x;
}

/* A zero-length read may go to a page that is only writable, where the unit has ZLR. */
static bool zero_length_allowed(const struct vtd *vtd, const struct dma_req *req)
{
	return req->len == 0 && req->kind == DMA_READ && vtd->caps.zlr;
}

/* Plain spaces have nothing to decide: this is the way of every usual miss. */
static SIO_ALWAYS_INLINE struct pt_walk_result walk_second(const struct vtd *vtd,
							   const struct vtd_space *space,
							   struct pt_start start, iova_t iova,
							   unsigned need, uint8_t *reason)
{
	if (__builtin_expect(vtd_word_is_wide(space->word), 0))
		return vtd_walk_second(vtd, space, start, iova, need, reason);
	return vtd->pt->walk(vtd->tables,
			     vtd_is_scalable(vtd) ? &vtd->pt_caps_sm[0] : &vtd->pt_caps, start,
			     iova, need, NULL, NULL);
}

struct xlat vtd_resolve_tables(const struct vtd *vtd, const struct vtd_space *space,
			       struct pt_start start, const struct dma_req *req,
			       struct pt_walk_result *walk)
{
	const bool wide = vtd_word_is_wide(space->word);
	uint8_t reason = 0;
	struct xlat x;

	if (__builtin_expect(wide, 0) && space->kind != IOTLB_SECOND) {
		x = vtd_resolve_stages(vtd, space, req, walk, NULL);
		return x.reason ? x : vtd_walked(vtd, space, req, walk);
	}
	*walk = walk_second(vtd, space, start, req->iova, dma_need(req), &reason);
	if (__builtin_expect(walk->fault == PT_FAULT_READ, 0) && zero_length_allowed(vtd, req)) {
		struct pt_walk_result writable =
			walk_second(vtd, space, start, req->iova, PT_W, &reason);

		if (writable.fault != PT_FAULT_WRITE)
			*walk = writable;
	}
	if (reason)
		return vtd_faulted(reason, space);
	if (walk->fault != PT_OK)
		return vtd_faulted(second_reason(vtd_codes_now(vtd), walk->fault), space);
	return vtd_walked(vtd, space, req, walk);
}

bool vtd_resolve_cached(const struct vtd *vtd, const struct vtd_space *space,
			const struct dma_req *req, uint64_t value, unsigned size_lg2,
			struct xlat *x)
{
	const struct vtd_codes *codes = vtd_codes_now(vtd);
	uint8_t reason = (uint8_t)SIO_FIELD_GET(IOTLB_VALUE_REASON, value);
	unsigned need = dma_need(req);

	if (zero_length_allowed(vtd, req) && (value & PT_W))
		need = PT_W;
	if ((value & need) == need) {
		*x = iotlb_xlat(value, size_lg2, req->iova);
		return true;
	}
	/* Perhaps not dirty yet. */
	if (vtd_word_is_wide(space->word) && vtd_space_marks(space))
		return false;
	/* "Not present" is cached once for both kinds of access, with the code of legacy mode. */
	if (reason == 0 || reason == VTD_NO_READ)
		reason = req->kind == DMA_READ ? codes->no_read : codes->no_write;
	else
		reason = codes->reserved;
	*x = vtd_faulted(reason, space);
	if (vtd->quiet_hits && (value & IOTLB_VALUE_PERM))
		x->flags |= XLAT_SILENT;
	return true;
}

/* Caching mode: what did not translate is remembered as well, until it is invalidated. */
static void fill_fault(struct vtd *vtd, const struct vtd_space *space, uint64_t tag,
		       const struct dma_req *req, const struct pt_walk_result *walk)
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
		x = vtd_resolve_tables(vtd, space, vtd_start_root(space), &other, &again);
		if (x.reason)
			iotlb_fill_fault(vtd->tlb, tag, req->iova, VTD_NO_READ);
		else
			iotlb_fill_page(vtd->tlb, tag, req->iova, x);
	}
}

/* The rest of a miss in a wide space. */
static struct xlat miss_wide(struct vtd *vtd, const struct vtd_space *space,
			     const struct dma_req *req, bool fill)
{
	struct pt_walk_result walk;
	struct xlat x = vtd_resolve_tables(vtd, space, vtd_start_root(space), req, &walk), kept = x;

	if (!fill || x.reason || req->execute || req->privileged)
		return x;
	if (vtd_space_marks(space) && !(walk.perm & PT_D))
		kept.perm &= (uint8_t)~PT_W;
	iotlb_fill_page(vtd->tlb, iotlb_tag_get(vtd->tlb, space->word & IOTLB_WORD_SLOT), req->iova,
			kept);
	return x;
}

struct xlat vtd_resolve_miss(struct vtd *vtd, const struct vtd_space *space,
			     const struct dma_req *req, bool fill)
{
	struct pt_walk_result walk;
	struct pt_start start;
	uint64_t table, tag;
	struct xlat x;

	if (__builtin_expect(vtd_word_is_wide(space->word), 0))
		return miss_wide(vtd, space, req, fill);
	tag = fill ? iotlb_tag_get(vtd->tlb, space->word & IOTLB_WORD_SLOT)
		   : iotlb_tag(vtd->tlb, space->word);
	if (iotlb_find_table(vtd->tlb, tag, req->iova, &table))
		start = vtd_start_cached(table);
	else
		start = vtd_start_root(space);
	x = vtd_resolve_tables(vtd, space, start, req, &walk);
	if (!fill)
		return x;
	if (walk.leaf_table != PA_NONE)
		iotlb_fill_table(vtd->tlb, tag, req->iova, walk.leaf_table, walk.table_perm);
	if (x.reason == 0)
		iotlb_fill_page(vtd->tlb, tag, req->iova, x);
	else if (vtd->caps.caching_mode)
		fill_fault(vtd, space, tag, req, &walk);
	return x;
}

void vtd_context_fill(struct vtd *vtd, uint16_t requester, uint64_t word)
{
	/* Under caching mode "not present" is cached too, under domain id 0, which a fault word
	 * has. */
	if (!(word & VTD_WORD_FAULT) || ((word & VTD_WORD_ABSENT) && vtd->caps.caching_mode))
		iotlb_fill_context(vtd->tlb, requester, word);
}

struct vtd_space vtd_space_read(const struct vtd *vtd, const struct dma_req *req,
				struct vtd_trail *trail)
{
	struct vtd_sm_context context;
	struct vtd_space space = {0};
	uint32_t pasid;

	if (!vtd_is_scalable(vtd)) {
		space.word = vtd_context_read(vtd, req->requester, trail);
		return space;
	}
	context = vtd_sm_context_read(vtd, req->requester, trail);
	space.word = context.word;
	if (space.word)
		return space;
	space.word = vtd_sm_pasid_of(vtd, &context, req, &pasid);
	if (space.word)
		return space;
	if (trail)
		trail->pasid = pasid;
	space = vtd_sm_space_read(vtd, &context, pasid, trail);
	space.word |= vtd_sm_context_bits(&context);
	return space;
}

/* Scalable mode: by the two caches or, where they miss, by memory. */
static struct vtd_space find_space(struct vtd *vtd, const struct dma_req *req, bool fill)
{
	struct vtd_sm_context context;
	struct vtd_space space = {0};
	uint32_t pasid;

	if (!vtd_sm_context_cached(vtd, req->requester, &context)) {
		context = vtd_sm_context_read(vtd, req->requester, NULL);
		if (fill)
			vtd_sm_context_fill(vtd, req->requester, &context);
	}
	space.word = context.word;
	if (!space.word)
		space.word = vtd_sm_pasid_of(vtd, &context, req, &pasid);
	if (space.word)
		return space;
	if (!vtd_sm_space_cached(vtd, req->requester, pasid, &space))
		space = vtd_sm_space_read(vtd, &context, pasid, NULL);
	if (fill)
		vtd_sm_space_fill(vtd, req, &context, pasid, &space);
	space.word |= vtd_sm_context_bits(&context);
	return space;
}

static __attribute__((noinline)) struct xlat resolve_scalable(struct vtd *vtd,
							      const struct dma_req *req, bool fill)
{
	struct vtd_space space = find_space(vtd, req, fill);
	uint64_t value;
	unsigned size_lg2;
	struct xlat x;

	if (vtd_resolve_context(vtd, &space, req, &x))
		return x;
	size_lg2 =
		req->execute || req->privileged
			? 0
			: iotlb_peek(vtd->tlb, iotlb_tag(vtd->tlb, space.word), req->iova, &value);
	if (size_lg2 && vtd_resolve_cached(vtd, &space, req, value, size_lg2, &x))
		return x;
	return vtd_resolve_miss(vtd, &space, req, fill);
}

struct xlat vtd_resolve(struct unit *unit, const struct dma_req *req, bool denied,
			struct unit_notes *notes)
{
	struct vtd *vtd = vtd_of(unit);
	/* Read first: see "Fills and invalidation" in iotlb.h. */
	const bool fill = __atomic_load_n(&vtd->tlb->filling, __ATOMIC_ACQUIRE);
	struct vtd_space space;
	unsigned size_lg2;
	uint64_t value;
	struct xlat x;

	if (vtd_resolve_early(vtd, req, &x))
		return x;
	if (__atomic_load_n(&vtd->strict, __ATOMIC_RELAXED))
		return vtd_resolve_strict(vtd, req, notes);
	/* Only wide words have more to them than the word. */
	space.word = __atomic_load_n(&vtd->tlb->context[req->requester], __ATOMIC_ACQUIRE);
	if (vtd_is_scalable(vtd) && (!space.word || req->has_pasid))
		return resolve_scalable(vtd, req, fill);
	if (__builtin_expect(vtd_word_is_wide(space.word), 0))
		space = vtd_space_of(vtd, space.word);
	if (!space.word) {
		space.word = vtd_context_read(vtd, req->requester, NULL);
		if (fill)
			vtd_context_fill(vtd, req->requester, space.word);
		/* The lookup stopped before it came to the IOTLB. */
		denied = true;
	}
	if (vtd_resolve_context(vtd, &space, req, &x))
		return x;
	if (denied) {
		size_lg2 = iotlb_peek(vtd->tlb, iotlb_tag(vtd->tlb, space.word), req->iova, &value);
		if (size_lg2 && vtd_resolve_cached(vtd, &space, req, value, size_lg2, &x))
			return x;
	}
	return vtd_resolve_miss(vtd, &space, req, fill);
}
