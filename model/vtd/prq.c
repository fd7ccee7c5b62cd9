// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests of VT-d: the queue in memory that hardware fills and software empties, and the way
 * of the answers back.
 *
 * Source: Intel VT-d, "Page Request Queue", "Page Request Descriptor", "Page Request Status
 * Register", "Page Request Event", "Page Group Response Descriptor".
 *
 * A queue that is full sets PRS.PRO: from then on requests are lost, and of a group that a lost
 * request ends the unit itself says that it failed, until software clears PRO. The last slot is
 * never used, so that a full queue can be told from an empty one.
 */
#include "vtd/vtd_unit.h"

#define PRQ_BYTES      32u
#define PRQ_TYPE       UINT64_C(1)
#define PRQ_PP         SIO_BIT(8)
#define PRQ_RID        SIO_MASK(31, 16)
#define PRQ_PASID      SIO_MASK(51, 32)
#define PRQ_EXECUTE    SIO_BIT(52)
#define PRQ_PRIVILEGED SIO_BIT(53)
#define PRQ_READ       SIO_BIT(0)
#define PRQ_WRITE      SIO_BIT(1)
#define PRQ_LAST       SIO_BIT(2)
#define PRQ_GROUP      SIO_MASK(11, 3)

#define RESPONSE_PP    SIO_BIT(4)
#define RESPONSE_CODE  SIO_MASK(15, 12)
#define RESPONSE_RID   SIO_MASK(31, 16)
#define RESPONSE_PASID SIO_MASK(51, 32)
#define RESPONSE_GROUP SIO_MASK(11, 3)

/* An event is due once for all conditions that software has not cleared yet. */
static void status_set(struct vtd *vtd, uint64_t bit)
{
	const bool first = !(vtd->reg[VTD_PRS] & (PRS_PPR | PRS_PRO));

	vtd->reg[VTD_PRS] |= bit;
	if (first)
		vtd_event_raise(vtd, VTD_EVENT_PAGE_REQUEST);
}

void vtd_write_prs(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	(void)raw, (void)touched;
	if (!(vtd->reg[VTD_PRS] & (PRS_PPR | PRS_PRO)))
		vtd->reg[VTD_PECTL] &= ~EVENT_IP;
}

/* Write a record at the tail. False: there is no room for it. */
static bool queue_put(struct vtd *vtd, const struct ats_page_request *req)
{
	const uint64_t bytes = SIO_PAGE_SIZE << SIO_FIELD_GET(PQA_PQS, vtd->reg[VTD_PQA]);
	const uint64_t tail = vtd->reg[VTD_PQT] & (bytes - 1);
	const uint64_t next = (tail + PRQ_BYTES) & (bytes - 1);
	const uint64_t record[4] = {
		PRQ_TYPE | SIO_FIELD_PREP(PRQ_RID, req->requester) |
			(req->has_pasid ? PRQ_PP | SIO_FIELD_PREP(PRQ_PASID, req->pasid) : 0) |
			(req->has_pasid && req->execute ? PRQ_EXECUTE : 0) |
			(req->has_pasid && req->privileged ? PRQ_PRIVILEGED : 0),
		(req->iova & SIO_PAGE_MASK) | SIO_FIELD_PREP(PRQ_GROUP, req->group) |
			(req->read ? PRQ_READ : 0) | (req->write ? PRQ_WRITE : 0) |
			(req->last ? PRQ_LAST : 0),
	};
	const pa_t at = (vtd->reg[VTD_PQA] & PQA_ADDRESS) + tail;

	/* A queue that is not in memory takes nothing, as one that is full. */
	if (next == (vtd->reg[VTD_PQH] & (bytes - 1)) ||
	    !phys_is_ram(vtd->phys, at, sizeof(record)))
		return false;
	phys_write(vtd->phys, at, record, sizeof(record));
	vtd->reg[VTD_PQT] = next;
	return true;
}

static void answer(struct vtd *vtd, const struct ats_page_request *req, uint8_t code)
{
	const struct ats_response response = {
		.requester = req->requester,
		.has_pasid = req->has_pasid,
		.pasid = req->pasid,
		.group = req->group,
		.code = code,
	};

	/* Only the last request of a group asks for an answer. */
	if (req->last)
		ats_respond(&vtd->unit, &response);
}

/* 0: the tables let this function make page requests. */
static uint8_t request_blocked(const struct vtd *vtd, const struct ats_page_request *req,
			       bool *silent)
{
	struct vtd_sm_context context;

	*silent = false;
	if (!vtd->scalable)
		return VTD_PAGE_REQUEST_IN_LEGACY;
	if (!vtd_sm_context_cached(vtd, req->requester, &context))
		context = vtd_sm_context_read(vtd, req->requester, NULL);
	*silent = context.silent || (context.word & VTD_WORD_FPD);
	if (context.word)
		return (uint8_t)SIO_FIELD_GET(VTD_WORD_REASON, context.word);
	if (req->has_pasid && !context.pasid)
		return VTD_SM_PASID_DISABLED;
	return context.page_requests ? 0 : VTD_SM_NO_PAGE_REQUESTS;
}

/* A request that the tables do not allow is recorded as a fault and answered as invalid. */
static void request_refuse(struct vtd *vtd, const struct ats_page_request *req, uint8_t reason,
			   bool silent)
{
	const struct dma_req fault = {
		.requester = req->requester,
		.has_pasid = req->has_pasid,
		.pasid = req->pasid,
		.iova = req->iova,
		.kind = req->write ? DMA_WRITE : DMA_READ,
	};

	if (!silent)
		vtd_fault_record(vtd, &fault, reason);
	answer(vtd, req, ATS_RESPONSE_INVALID);
}

bool vtd_page_request(struct unit *unit, const struct ats_page_request *req)
{
	struct vtd *vtd = vtd_of(unit);
	uint8_t reason;
	bool silent;

	if (!vtd->caps.page_requests)
		return false;
	vtd_lock(vtd);
	reason = request_blocked(vtd, req, &silent);
	if (reason) {
		request_refuse(vtd, req, reason, silent);
	} else if (!(vtd->reg[VTD_PRS] & PRS_PRO) && queue_put(vtd, req)) {
		status_set(vtd, PRS_PPR);
	} else {
		status_set(vtd, PRS_PRO);
		answer(vtd, req, ATS_RESPONSE_FAILURE);
	}
	vtd_unlock(vtd);
	return true;
}

void vtd_page_group_response(struct vtd *vtd, uint64_t lo, uint64_t hi)
{
	const struct ats_response response = {
		.requester = (uint16_t)SIO_FIELD_GET(RESPONSE_RID, lo),
		.has_pasid = lo & RESPONSE_PP,
		.pasid = lo & RESPONSE_PP ? (uint32_t)SIO_FIELD_GET(RESPONSE_PASID, lo) : 0,
		.group = (uint16_t)SIO_FIELD_GET(RESPONSE_GROUP, hi),
		.code = (uint8_t)SIO_FIELD_GET(RESPONSE_CODE, lo),
	};

	ats_respond(&vtd->unit, &response);
}
