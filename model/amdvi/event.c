// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-Vi events: what went wrong, as a fault value and as the 16 bytes of an event log entry.
 *
 * Source: AMD IOMMU Specification, "Event Logging", the entries of each event code.
 *
 * A translation returns its fault as a struct xlat and may not log it yet. What the entry needs
 * beyond the request is carried in the fields that a fault does not use: flags in size_lg2 and
 * perm, and in pa the domain id (page faults) or the address that could not be read (hardware
 * errors).
 *
 * An event that the log cannot take because nothing answers at its address goes to the hardware
 * event registers, in units that have them.
 */
#include "amdvi/amdvi_unit.h"

/* Fields of an entry. */
#define EVENT_REQUESTER  SIO_MASK(15, 0)
#define EVENT_PASID_HIGH SIO_MASK(19, 16)
#define EVENT_DOMAIN     SIO_MASK(47, 32)
#define EVENT_PASID_LOW  SIO_MASK(47, 32)
#define EVENT_FLAGS      SIO_MASK(59, 48)
#define EVENT_CODE       SIO_MASK(63, 60)
/* Of INVALID_PPR_REQUEST, which is laid out as the page request log is; the tag is in `domain`. */
#define EVENT_PPR_PASID_LOW  SIO_MASK(31, 16)
#define EVENT_PPR_TAG        SIO_MASK(41, 32)
#define EVENT_PPR_PASID_HIGH SIO_MASK(45, 42)

struct xlat amdvi_fault(enum amdvi_event_code code, unsigned flags, uint64_t detail)
{
	return (struct xlat){
		.reason = (uint8_t)code,
		.perm = (uint8_t)flags,
		.size_lg2 = (uint8_t)(flags >> 8),
		.pa = detail,
	};
}

unsigned amdvi_fault_flags(struct xlat x)
{
	return x.perm | (unsigned)x.size_lg2 << 8;
}

static uint64_t encode(const struct amdvi_event *event)
{
	uint64_t word = SIO_FIELD_PREP(EVENT_CODE, event->code) |
			SIO_FIELD_PREP(EVENT_FLAGS, event->flags) |
			SIO_FIELD_PREP(EVENT_REQUESTER, event->requester);

	if (event->code == AMDVI_INVALID_PPR_REQUEST)
		return word | SIO_FIELD_PREP(EVENT_PPR_PASID_LOW, event->pasid) |
		       SIO_FIELD_PREP(EVENT_PPR_TAG, event->domain) |
		       SIO_FIELD_PREP(EVENT_PPR_PASID_HIGH, event->pasid >> 16);
	if (event->flags & EVENT_GN)
		return word | SIO_FIELD_PREP(EVENT_PASID_LOW, event->pasid) |
		       SIO_FIELD_PREP(EVENT_PASID_HIGH, event->pasid >> 16);
	return word | SIO_FIELD_PREP(EVENT_DOMAIN, event->domain);
}

/* "Hardware Event": the first is kept, of others only that there were some. */
static void hardware_event(struct amdvi *amdvi, const uint64_t words[2])
{
	uint64_t *status = &amdvi->reg[AMDVI_HWEVT_STATUS];

	if (!(amdvi->caps.efr & AMDVI_EFR_HE))
		return;
	if (*status & HWEVT_VALID) {
		*status |= HWEVT_OVERFLOW;
		return;
	}
	*status |= HWEVT_VALID;
	amdvi->reg[AMDVI_HWEVT_HI] = words[0];
	amdvi->reg[AMDVI_HWEVT_LO] = words[1];
}

void amdvi_event_log(struct amdvi *amdvi, const struct amdvi_event *event)
{
	const uint64_t words[2] = {encode(event), event->address};

	if (!(amdvi->reg[AMDVI_STATUS] & STATUS_EVENT_RUN))
		return;
	if (amdvi_log_append(amdvi, LOG_EVENT, words))
		amdvi_raise(amdvi, CAUSE_EVENT);
	else if (!(amdvi->reg[AMDVI_STATUS] & STATUS_EVENT_OVERFLOW))
		hardware_event(amdvi, words);
}

/*
 * "SA: suppress all I/O page fault events. SE: suppress those that follow the first, until the
 * device table entry is fetched again." The entry that counts is the cached one.
 */
static bool is_suppressed(struct amdvi *amdvi, uint16_t requester)
{
	struct amdvi_dte_slot *slot = &amdvi->dte[requester];
	struct amdvi_dte dte;

	if (!amdvi_dte_cached(amdvi, requester, &dte))
		return false;
	if (dte.word[1] & DTE_SA)
		return true;
	return __atomic_exchange_n(&slot->reported, 1, __ATOMIC_RELAXED) && (dte.word[1] & DTE_SE);
}

/* Flags of the request itself. */
static unsigned request_flags(const struct dma_req *req)
{
	return (req->kind == DMA_WRITE ? EVENT_RW : 0) | (req->execute ? EVENT_NX : 0) |
	       (req->has_pasid && !req->privileged ? EVENT_US : 0);
}

void amdvi_fault_log(struct amdvi *amdvi, const struct dma_req *req, struct xlat x)
{
	const bool by_translation_request = x.flags & AMDVI_XLAT_TR;
	struct amdvi_event event = {
		.code = x.reason,
		.requester = req->requester,
		.pasid = req->has_pasid ? req->pasid : 0,
		.address = req->iova,
	};
	struct amdvi_dte dte;

	/* On its way through the device, such a fault has lost all but its reason. */
	if (by_translation_request)
		x = amdvi_ats_fault(amdvi, req);
	if (x.reason != event.code)
		x = amdvi_fault((enum amdvi_event_code)event.code, 0, 0);
	event.flags = (uint16_t)(amdvi_fault_flags(x) | request_flags(req) |
				 (by_translation_request ? EVENT_TR : 0));

	switch ((enum amdvi_event_code)x.reason) {
	case AMDVI_IO_PAGE_FAULT:
		if (is_suppressed(amdvi, req->requester))
			return;
		event.domain = (uint16_t)x.pa;
		break;
	case AMDVI_DEV_TAB_HARDWARE_ERROR:
		event.address = x.pa;
		break;
	case AMDVI_PAGE_TAB_HARDWARE_ERROR:
		event.address = x.pa;
		if (amdvi_dte_cached(amdvi, req->requester, &dte))
			event.domain = (uint16_t)SIO_FIELD_GET(DTE_DOMAIN, dte.word[1]);
		break;
	default:
		break;
	}
	if (req->has_pasid && event.code != AMDVI_DEV_TAB_HARDWARE_ERROR)
		event.flags |= EVENT_GN;
	amdvi_event_log(amdvi, &event);
}

const char *amdvi_event_text(uint8_t code)
{
	static const char *const text[] = {
		[AMDVI_ILLEGAL_DEV_TABLE_ENTRY] = "illegal device table entry",
		[AMDVI_IO_PAGE_FAULT] = "I/O page fault",
		[AMDVI_DEV_TAB_HARDWARE_ERROR] = "device table cannot be read",
		[AMDVI_PAGE_TAB_HARDWARE_ERROR] = "page table cannot be read",
		[AMDVI_ILLEGAL_COMMAND_ERROR] = "illegal command",
		[AMDVI_COMMAND_HARDWARE_ERROR] = "command buffer cannot be read",
		[AMDVI_IOTLB_INV_TIMEOUT] = "device did not answer an invalidation",
		[AMDVI_INVALID_DEVICE_REQUEST] = "invalid device request",
		[AMDVI_INVALID_PPR_REQUEST] = "invalid page request",
	};

	return code < SIO_ARRAY_SIZE(text) ? text[code] : NULL;
}
