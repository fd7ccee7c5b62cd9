// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an AMD-Vi unit answers to devices with a translation cache of their own, and the page
 * request log.
 *
 * Source: AMD IOMMU Specification, "Remote IOTLB", "Translation Requests", "Peripheral Page Request
 * (PPR) Logging", "INVALID_DEVICE_REQUEST Event", "INVALID_PPR_REQUEST Event".
 *
 * A translation request that finds no page, or no permission, is answered with none and logs
 * nothing; the device asks again by a page request. One that the device table entry does not allow
 * is unsupported, one that met an error of the tables is aborted; both log.
 */
#include "amdvi/amdvi_unit.h"

#define PPR_TYPE_REQUEST UINT64_C(1)
#define PPR_TYPE         SIO_MASK(63, 60)
#define PPR_FLAGS        SIO_MASK(59, 48)
#define PPR_PASID_HIGH   SIO_MASK(45, 42)
#define PPR_TAG          SIO_MASK(41, 32)
#define PPR_PASID_LOW    SIO_MASK(31, 16)
#define PPR_REQUESTER    SIO_MASK(15, 0)

#define PPR_EXECUTE 0x002u
#define PPR_READ    0x004u
#define PPR_WRITE   0x020u
#define PPR_USER    0x040u
#define PPR_PASID   0x100u
#define PPR_LAST    0x200u /* of the tag: the last request of its group */

/* INVALID_DEVICE_REQUEST with TR: what is wrong with a translation request. */
enum { INVALID_TRANSLATION_ADDRESS, INVALID_TRANSLATION_DISABLED };

static struct xlat not_allowed(unsigned type)
{
	return amdvi_fault(AMDVI_INVALID_DEVICE_REQUEST, EVENT_TYPE(type), 0);
}

/* A page: from the IOTLB or the tables. A write request is answered with what is there for reads.
 */
static struct xlat page_of(struct amdvi *amdvi, const struct amdvi_path *path,
			   const struct dma_req *req, bool fill)
{
	struct xlat x = amdvi_resolve_path(amdvi, path, req, fill);
	struct dma_req reading = *req;

	if (x.reason != AMDVI_IO_PAGE_FAULT || req->kind == DMA_READ)
		return x;
	reading.kind = DMA_READ;
	return amdvi_resolve_path(amdvi, path, &reading, fill);
}

/* Everything but the form of the answer. */
static struct xlat translate(struct amdvi *amdvi, const struct dma_req *req)
{
	const bool fill = __atomic_load_n(&amdvi->tlb->filling, __ATOMIC_ACQUIRE);
	struct amdvi_path path;
	struct dma_req judged = *req;
	struct amdvi_dte dte;
	struct xlat x;

	if (amdvi_in_interrupt_range(req->iova) && !req->has_pasid)
		return not_allowed(INVALID_TRANSLATION_ADDRESS);
	if (!amdvi_dte_get(amdvi, req->requester, fill, &dte, &x))
		return x;
	if (!(dte.word[0] & DTE_V) || !(dte.word[1] & DTE_IOTLB))
		return not_allowed(INVALID_TRANSLATION_DISABLED);
	/* Permission is part of the answer, so that the entry's own is judged for either kind. */
	if (amdvi_resolve_dte(amdvi, &dte, &judged, &x, &path)) {
		if (x.reason != AMDVI_IO_PAGE_FAULT || req->kind == DMA_READ)
			return x;
		judged.kind = DMA_READ;
		if (amdvi_resolve_dte(amdvi, &dte, &judged, &x, &path))
			return x;
	}
	return page_of(amdvi, &path, &judged, fill);
}

struct xlat amdvi_ats_fault(struct amdvi *amdvi, const struct dma_req *req)
{
	return translate(amdvi, req);
}

static struct ats_answer ats_translate_request(struct unit *unit, const struct dma_req *req,
					       struct unit_notes *notes)
{
	struct amdvi *amdvi = amdvi_of(unit);
	struct xlat x;

	if (!(amdvi_control(amdvi) & CTRL_ENABLE))
		return (struct ats_answer){.status = ATS_UNSUPPORTED};
	/* With strict checking, what answers from the unit's own caches is compared on the way. */
	if (__atomic_load_n(&amdvi->strict, __ATOMIC_RELAXED))
		(void)amdvi_resolve_strict(amdvi, req, notes);
	x = translate(amdvi, req);
	if (x.reason == AMDVI_IO_PAGE_FAULT)
		return (struct ats_answer){.size_lg2 = SIO_PAGE_LG2};
	if (x.reason)
		return (struct ats_answer){
			.status = x.reason == AMDVI_INVALID_DEVICE_REQUEST ? ATS_UNSUPPORTED
									   : ATS_ABORTED,
			.reason = x.reason,
			.flags = AMDVI_XLAT_TR,
		};
	return (struct ats_answer){
		.perm = x.perm & (PT_R | PT_W),
		.size_lg2 = x.size_lg2,
		.untranslated = x.flags & AMDVI_XLAT_UNTRANSLATED,
		.pa = x.pa,
		.clock = amdvi_clock(amdvi),
	};
}

/* "Pre-translated requests from a device whose entry has I = 0" are invalid. */
static struct xlat ats_admit(struct unit *unit, const struct dma_req *req)
{
	struct amdvi *amdvi = amdvi_of(unit);
	const bool fill = __atomic_load_n(&amdvi->tlb->filling, __ATOMIC_ACQUIRE);
	const struct xlat pass = xlat_success(req->iova, SIO_PAGE_LG2, PT_R | PT_W);
	struct amdvi_dte dte;
	struct xlat fault;

	if (!(amdvi_control(amdvi) & CTRL_ENABLE))
		return pass;
	if (!amdvi_dte_get(amdvi, req->requester, fill, &dte, &fault))
		return fault;
	if (!(dte.word[0] & DTE_V) || !(dte.word[1] & DTE_IOTLB))
		return amdvi_fault(AMDVI_INVALID_DEVICE_REQUEST, EVENT_TYPE(INVALID_PRETRANSLATED),
				   0);
	return pass;
}

static void ats_check(struct unit *unit, const struct dma_req *req, struct xlat cached,
		      uint64_t filled_at, struct unit_notes *notes)
{
	const struct amdvi *amdvi = amdvi_of(unit);
	struct amdvi_dte dte;
	struct stale_use *use;
	struct xlat fresh;

	if (!__atomic_load_n(&amdvi->strict, __ATOMIC_RELAXED) ||
	    notes->count == SIO_ARRAY_SIZE(notes->stale))
		return;
	if (amdvi_dte_read(amdvi, req->requester, &dte, NULL, &fresh))
		fresh = amdvi_resolve_fresh(amdvi, &dte, req);
	if (!fresh.reason && fresh.pa == cached.pa && (fresh.perm & dma_need(req)))
		return;
	use = &notes->stale[notes->count++];
	*use = (struct stale_use){
		.unit = unit->name,
		.cache = "device TLB",
		.requester = req->requester,
		.kind = req->kind,
		.iova = req->iova,
		.cached = cached,
		.fresh = fresh,
		.filled_at = filled_at,
	};
}

/* ---- page requests ---- */

static uint64_t encode(const struct ats_page_request *req)
{
	const uint64_t pasid = req->has_pasid ? req->pasid : 0;
	const unsigned flags = (req->execute ? PPR_EXECUTE : 0) | (req->read ? PPR_READ : 0) |
			       (req->write ? PPR_WRITE : 0) | (req->privileged ? 0 : PPR_USER) |
			       (req->has_pasid ? PPR_PASID : 0);

	return SIO_FIELD_PREP(PPR_TYPE, PPR_TYPE_REQUEST) | SIO_FIELD_PREP(PPR_FLAGS, flags) |
	       SIO_FIELD_PREP(PPR_PASID_HIGH, pasid >> 16) |
	       SIO_FIELD_PREP(PPR_TAG, req->group | (req->last ? PPR_LAST : 0)) |
	       SIO_FIELD_PREP(PPR_PASID_LOW, pasid) | SIO_FIELD_PREP(PPR_REQUESTER, req->requester);
}

static void log_invalid(struct amdvi *amdvi, const struct ats_page_request *req)
{
	const struct amdvi_event event = {
		.code = AMDVI_INVALID_PPR_REQUEST,
		.flags = (uint16_t)((req->has_pasid ? EVENT_GN : 0) | (req->write ? EVENT_RW : 0)),
		.requester = req->requester,
		.domain = (uint16_t)(req->group | (req->last ? PPR_LAST : 0)),
		.pasid = req->has_pasid ? req->pasid : 0,
		.address = req->iova & SIO_PAGE_MASK,
	};

	amdvi_event_log(amdvi, &event);
}

/* The device may send page requests, and the unit takes them. */
static bool may_request(struct amdvi *amdvi, const struct ats_page_request *req)
{
	const uint64_t needed = DTE_V | DTE_PPR;
	struct amdvi_dte dte;
	struct xlat fault;

	return (amdvi->control & CTRL_PPR) &&
	       amdvi_dte_get(amdvi, req->requester, true, &dte, &fault) &&
	       (dte.word[0] & needed) == needed && amdvi_dte_is_legal(amdvi, &dte);
}

static bool ats_take_request(struct unit *unit, const struct ats_page_request *req)
{
	struct amdvi *amdvi = amdvi_of(unit);
	const uint64_t words[2] = {encode(req), req->iova & SIO_PAGE_MASK};
	bool taken = false;

	amdvi_lock(amdvi);
	if (amdvi->control & CTRL_ENABLE) {
		if (!may_request(amdvi, req))
			log_invalid(amdvi, req);
		else
			taken = amdvi_log_append(amdvi, LOG_PPR, words);
		if (taken)
			amdvi_raise(amdvi, CAUSE_PPR);
	}
	amdvi_unlock(amdvi);
	return taken;
}

const struct ats_ops amdvi_ats_ops = {
	.translate = ats_translate_request,
	.admit = ats_admit,
	.check = ats_check,
	.page_request = ats_take_request,
	.invalidated = amdvi_invalidated,
};
