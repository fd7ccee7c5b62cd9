// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VT-d unit answers to functions with a translation cache: translation requests, translated
 * requests, and the completions of device-TLB invalidations.
 *
 * Source: Intel VT-d, "Device-TLB Operation", "Handling Requests to Interrupt Address Range",
 * "Fault Reason Encodings for DMA Remapping"; PCI Express Base, "Translation Completion".
 *
 * A function is served if its context entry says so (translation type 1, or DTE in scalable mode).
 * Choices where the manual leaves one:
 *  - a page that is not present or lacks the permission is no fault: the answer permits nothing;
 *  - tables that cannot be read abort the request, every other fault is an unsupported request;
 *    both are recorded as for an untranslated request;
 *  - the interrupt range is answered as "write, by untranslated requests only";
 *  - in scalable mode a request that means no write gets no write permission, so that a device
 *    cannot write to a page whose dirty bit nobody has set.
 */
#include "vtd/vtd_unit.h"

/* The reason why this requester is not served, 0: it is. */
static uint8_t refusal(const struct vtd *vtd, uint16_t requester, bool *silent)
{
	struct vtd_sm_context context;
	uint64_t word;

	if (vtd->scalable) {
		if (!vtd_sm_context_cached(vtd, requester, &context))
			context = vtd_sm_context_read(vtd, requester, NULL);
		word = context.word;
		*silent = context.silent || (word & VTD_WORD_FPD);
		if (!word)
			return context.device_tlb ? 0 : VTD_SM_NO_DEVICE_TLB;
	} else {
		word = iotlb_context(vtd->tlb, requester);
		if (!word)
			word = vtd_context_read(vtd, requester, NULL);
		*silent = word & VTD_WORD_FPD;
		if (!(word & VTD_WORD_FAULT))
			return word & VTD_WORD_ATS ? 0 : VTD_TYPE_BLOCKED;
	}
	return (uint8_t)SIO_FIELD_GET(VTD_WORD_REASON, word);
}

static struct ats_answer failed(enum ats_status status, uint8_t reason, bool silent)
{
	return (struct ats_answer){
		.status = (uint8_t)status,
		.reason = reason,
		.flags = silent ? XLAT_SILENT : 0,
	};
}

/* Not present, or present and not for this kind of access: the device may ask for the page. */
static bool is_page_fault(const struct vtd *vtd, uint8_t reason)
{
	switch (reason) {
	case VTD_NO_READ:
	case VTD_NO_WRITE:
	case VTD_FS_NOT_PRESENT:
	case VTD_FS_NO_READ:
	case VTD_FS_NO_WRITE:
	case VTD_FS_NO_USER:
	case VTD_FS_NO_EXECUTE:
	case VTD_NEST_NO_READ:
	case VTD_NEST_NO_WRITE:
		return true;
	default:
		return reason == vtd->codes->no_read || reason == vtd->codes->no_write;
	}
}

static bool is_access_error(const struct vtd *vtd, uint8_t reason)
{
	return reason == VTD_TABLE_ACCESS || reason == vtd->codes->table ||
	       reason == VTD_FS_TABLE || reason == VTD_FS_TABLE_TOP;
}

static struct ats_answer translated(const struct vtd *vtd, const struct dma_req *req, struct xlat x)
{
	struct ats_answer answer = {
		.status = ATS_SUCCESS,
		.perm = x.perm & (PT_R | PT_W),
		.size_lg2 = x.size_lg2,
		.untranslated = x.flags != 0,
		.pa = x.pa,
		.clock = vtd->env.clock ? vtd->env.clock(vtd->env.ctx) : 0,
	};

	if (vtd->scalable && req->kind == DMA_READ)
		answer.perm &= PT_R;
	return answer;
}

static struct ats_answer devtlb_translate(struct unit *unit, const struct dma_req *req,
					  struct unit_notes *notes)
{
	struct vtd *vtd = vtd_of(unit);
	struct dma_req probe = *req;
	bool silent = false;
	uint8_t reason;
	struct xlat x;

	if (vtd_in_interrupt_range(req->iova) && !req->has_pasid)
		return (struct ats_answer){.perm = PT_W,
					   .size_lg2 = SIO_PAGE_LG2,
					   .untranslated = true,
					   .pa = req->iova};
	if (!__atomic_load_n(&vtd->translating, __ATOMIC_RELAXED))
		return failed(ATS_UNSUPPORTED, 0, false);
	reason = refusal(vtd, req->requester, &silent);
	if (reason)
		return failed(ATS_UNSUPPORTED, reason, silent);
	probe.len = 1;
	x = vtd_resolve(unit, &probe, true, notes);
	/* What may not be written may still be read. */
	if (x.reason && req->kind == DMA_WRITE && is_page_fault(vtd, x.reason)) {
		probe.kind = DMA_READ;
		notes->count = 0;
		x = vtd_resolve(unit, &probe, true, notes);
		x.perm &= PT_R;
	}
	if (!x.reason)
		return translated(vtd, req, x);
	if (is_page_fault(vtd, x.reason))
		return (struct ats_answer){.size_lg2 = SIO_PAGE_LG2};
	return failed(is_access_error(vtd, x.reason) ? ATS_ABORTED : ATS_UNSUPPORTED, x.reason,
		      x.flags & XLAT_SILENT);
}

static struct xlat devtlb_admit(struct unit *unit, const struct dma_req *req)
{
	const struct vtd *vtd = vtd_of(unit);
	struct xlat x = {.pa = req->iova, .perm = PT_R | PT_W, .size_lg2 = SIO_PAGE_LG2};
	bool silent = false;

	if (!__atomic_load_n(&vtd->translating, __ATOMIC_RELAXED) ||
	    vtd_in_interrupt_range(req->iova)) {
		x.flags = XLAT_UNSUPPORTED;
		return x;
	}
	x.reason = refusal(vtd, req->requester, &silent);
	x.flags = x.reason && silent ? XLAT_SILENT : 0;
	return x;
}

/* Less than memory grants is legal, and so is a smaller page. */
static bool confirms(struct xlat fresh, struct xlat cached)
{
	return fresh.reason == 0 && fresh.pa == cached.pa && !(cached.perm & ~fresh.perm);
}

static void devtlb_check(struct unit *unit, const struct dma_req *req, struct xlat cached,
			 uint64_t filled_at, struct unit_notes *notes)
{
	const struct vtd *vtd = vtd_of(unit);
	struct vtd_trail trail;

	if (!__atomic_load_n(&vtd->strict, __ATOMIC_RELAXED) ||
	    notes->count == SIO_ARRAY_SIZE(notes->stale))
		return;
	vtd_walk(unit, req, &trail);
	if (confirms(trail.result, cached))
		return;
	notes->stale[notes->count++] = (struct stale_use){
		.unit = vtd->unit.name,
		.cache = "device TLB",
		.requester = req->requester,
		.domain_id = trail.domain_id,
		.kind = req->kind,
		.iova = req->iova,
		.cached = cached,
		.fresh = trail.result,
		.filled_at = filled_at,
	};
}

/* The wait descriptor behind it goes on, or is given up. */
static void devtlb_invalidated(struct unit *unit, uint16_t requester, bool in_time)
{
	struct vtd *vtd = vtd_of(unit);

	vtd_lock(vtd);
	if (!in_time) {
		vtd->device_timeout = true;
		vtd->device_timeout_id = requester;
	}
	vtd_queue_run(vtd);
	vtd_unlock(vtd);
}

/* The tag of the request is free again, so its completion is an error, of the first such device. */
static void devtlb_unexpected(struct unit *unit, uint16_t requester)
{
	struct vtd *vtd = vtd_of(unit);

	vtd_lock(vtd);
	if (!(vtd->reg[VTD_FSTS] & FSTS_ICE)) {
		vtd->reg[VTD_IQERCD] &= ~IQERCD_ICESID;
		vtd->reg[VTD_IQERCD] |= SIO_FIELD_PREP(IQERCD_ICESID, requester);
		vtd_fault_status(vtd, FSTS_ICE);
	}
	vtd_unlock(vtd);
}

const struct ats_ops vtd_ats_ops = {
	.translate = devtlb_translate,
	.admit = devtlb_admit,
	.check = devtlb_check,
	.page_request = vtd_page_request,
	.invalidated = devtlb_invalidated,
	.unexpected = devtlb_unexpected,
};
