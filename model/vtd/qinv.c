// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invalidation queue of VT-d: descriptors of 128 or (IQA.DW) 256 bits in memory, fetched from
 * IQH up to IQT.
 *
 * Source: Intel VT-d, "Queued Invalidation Interface", "Queued Invalidation Ordering
 * Considerations", "Invalidation Queue Error Record Register".
 *
 * The queue is worked off while software writes IQT, so it is empty (IQH = IQT) whenever the unit
 * is idle, but for three cases:
 *  - IQE is set: a bad descriptor stops fetching with the head left at it, and clearing IQE fetches
 *    it again;
 *  - a wait descriptor is reached while a device has not answered an invalidation of its TLB yet:
 *    the head stays at it until the device answers or the unit gives up;
 *  - ITE is set: a device did not answer in time. The wait descriptor behind is aborted, that is
 *    passed over without a status write, and fetching goes on when software clears ITE.
 * A wait descriptor completes after everything before it: the waits that end an invalidation are
 * done before its status is written (see inval.c).
 *
 * Every type has a form of 128 bits and one of 256, whose upper half is reserved; the unit takes
 * both in either mode.
 */
#include "vtd/vtd_unit.h"

#include "ats.h"

#include <string.h>

struct descriptor {
	uint64_t lo, hi;
};

/* IQERCD.IQEI: why the queue stopped. 0 goes on. */
enum iqei {
	IQEI_NONE,
	IQEI_TAIL = 1,
	IQEI_FETCH = 2,
	IQEI_TYPE = 3,
	IQEI_RESERVED = 4,
	IQEI_ALIGNMENT = 6, /* the tail names half a 256-bit descriptor */
};

enum progress { QUEUE_GOES_ON, QUEUE_PAUSES };

#define DESC_TYPE           SIO_MASK(3, 0)
#define DESC_GRANULARITY    SIO_MASK(5, 4)
#define DESC_DID            SIO_MASK(31, 16)
#define DESC_SID            SIO_MASK(47, 32)
#define DESC_FM             SIO_MASK(49, 48)
#define DESC_AM             SIO_MASK(5, 0)
#define DESC_IH             SIO_BIT(6)
#define DESC_ADDRESS        SIO_MASK(63, 12)
#define DESC_PASID          SIO_MASK(51, 32)
#define DEVICE_S            SIO_BIT(0)
#define PASID_DEVICE_GLOBAL SIO_BIT(0)
#define PASID_DEVICE_S      SIO_BIT(11)
#define ECAP_PDS            SIO_BIT(42)
#define DEVICE_PFSID        (SIO_MASK(63, 52) | SIO_MASK(15, 12))
#define WAIT_IF             SIO_BIT(4)
#define WAIT_SW             SIO_BIT(5)
#define WAIT_PD             SIO_BIT(7)
#define WAIT_DATA           SIO_MASK(63, 32)
#define WAIT_ADDRESS        SIO_MASK(63, 2)

static enum iqei do_context(struct vtd *vtd, struct descriptor desc)
{
	const struct vtd_context_inval cmd = {
		.granularity = (uint8_t)SIO_FIELD_GET(DESC_GRANULARITY, desc.lo),
		.function_mask = (uint8_t)SIO_FIELD_GET(DESC_FM, desc.lo),
		.domain = (uint16_t)SIO_FIELD_GET(DESC_DID, desc.lo),
		.requester = (uint16_t)SIO_FIELD_GET(DESC_SID, desc.lo),
	};

	return vtd_inval_context(vtd, &cmd) ? IQEI_NONE : IQEI_RESERVED;
}

static enum iqei do_iotlb(struct vtd *vtd, struct descriptor desc)
{
	const struct vtd_iotlb_inval cmd = {
		.granularity = (uint8_t)SIO_FIELD_GET(DESC_GRANULARITY, desc.lo),
		.domain = (uint16_t)SIO_FIELD_GET(DESC_DID, desc.lo),
		.mask = (uint8_t)SIO_FIELD_GET(DESC_AM, desc.hi),
		.hint = desc.hi & DESC_IH,
		.address = desc.hi & DESC_ADDRESS,
	};

	return vtd_inval_iotlb(vtd, &cmd) ? IQEI_NONE : IQEI_RESERVED;
}

static struct vtd_pasid_inval pasid_command(struct descriptor desc)
{
	return (struct vtd_pasid_inval){
		.granularity = (uint8_t)SIO_FIELD_GET(DESC_GRANULARITY, desc.lo),
		.domain = (uint16_t)SIO_FIELD_GET(DESC_DID, desc.lo),
		.pasid = (uint32_t)SIO_FIELD_GET(DESC_PASID, desc.lo),
		.mask = (uint8_t)SIO_FIELD_GET(DESC_AM, desc.hi),
		.hint = desc.hi & DESC_IH,
		.address = desc.hi & DESC_ADDRESS,
	};
}

static enum iqei do_pasid_iotlb(struct vtd *vtd, struct descriptor desc)
{
	const struct vtd_pasid_inval cmd = pasid_command(desc);

	return vtd_inval_pasid_iotlb(vtd, &cmd) ? IQEI_NONE : IQEI_RESERVED;
}

static enum iqei do_pasid_cache(struct vtd *vtd, struct descriptor desc)
{
	const struct vtd_pasid_inval cmd = pasid_command(desc);

	return vtd_inval_pasid(vtd, &cmd) ? IQEI_NONE : IQEI_RESERVED;
}

/* The unit's own caches are emptied first: what the device asks for again must not be stale. */
static void send_to_device(struct vtd *vtd, const struct ats_invalidation *inval)
{
	vtd_inval_end(vtd);
	if (ats_invalidate(&vtd->unit, inval) != ATS_INVAL_TIMED_OUT)
		return;
	vtd->device_timeout = true;
	vtd->device_timeout_id = inval->requester;
}

/* The physical function's id is there only with ECAP.DIT. */
static bool names_function(const struct vtd *vtd, struct descriptor desc)
{
	return !vtd->caps.device_tlb_throttle && (desc.lo & DEVICE_PFSID);
}

static enum iqei do_device_tlb(struct vtd *vtd, struct descriptor desc)
{
	struct ats_invalidation inval = {.requester = (uint16_t)SIO_FIELD_GET(DESC_SID, desc.lo)};

	if (names_function(vtd, desc))
		return IQEI_RESERVED;
	ats_decode_range(desc.hi & DESC_ADDRESS, desc.hi & DEVICE_S, &inval.first, &inval.last);
	send_to_device(vtd, &inval);
	return IQEI_NONE;
}

static enum iqei do_pasid_device_tlb(struct vtd *vtd, struct descriptor desc)
{
	struct ats_invalidation inval = {
		/* Where the other types have the domain id. */
		.requester = (uint16_t)SIO_FIELD_GET(DESC_DID, desc.lo),
		.has_pasid = true,
		.global = desc.hi & PASID_DEVICE_GLOBAL,
		.pasid = (uint32_t)SIO_FIELD_GET(DESC_PASID, desc.lo),
	};

	if (names_function(vtd, desc))
		return IQEI_RESERVED;
	ats_decode_range(desc.hi & DESC_ADDRESS, desc.hi & PASID_DEVICE_S, &inval.first,
			 &inval.last);
	send_to_device(vtd, &inval);
	return IQEI_NONE;
}

static enum iqei do_page_group_response(struct vtd *vtd, struct descriptor desc)
{
	vtd_page_group_response(vtd, desc.lo, desc.hi);
	return IQEI_NONE;
}

static enum iqei do_interrupt(struct vtd *vtd, struct descriptor desc)
{
	if (desc.lo & SIO_BIT(4))
		vtd_irte_flush_some(vtd, (uint16_t)SIO_FIELD_GET(DESC_SID, desc.lo),
				    (unsigned)SIO_FIELD_GET(SIO_MASK(31, 27), desc.lo));
	else
		vtd_irte_flush(vtd);
	return IQEI_NONE;
}

/* Where the unit itself may read and write: registers of devices are out of its reach. */
static bool reachable(const struct vtd *vtd, pa_t pa, uint64_t len)
{
	return phys_is_ram(vtd->phys, pa, len);
}

static enum iqei do_wait(struct vtd *vtd, struct descriptor desc)
{
	uint32_t status = (uint32_t)SIO_FIELD_GET(WAIT_DATA, desc.lo);

	/* Page requests are in their queue as soon as they are made: there is nothing to drain. */
	if ((desc.lo & WAIT_PD) && !(vtd->caps.ecap & ECAP_PDS))
		return IQEI_RESERVED;
	/* Everything fetched before is complete from here on. */
	vtd_inval_end(vtd);
	if (desc.lo & WAIT_SW) {
		if (!reachable(vtd, desc.hi & WAIT_ADDRESS, sizeof(status)))
			return IQEI_FETCH;
		phys_write(vtd->phys, desc.hi & WAIT_ADDRESS, &status, sizeof(status));
	}
	if ((desc.lo & WAIT_IF) && !(vtd->reg[VTD_ICS] & ICS_IWC)) {
		vtd->reg[VTD_ICS] |= ICS_IWC;
		vtd_event_raise(vtd, VTD_EVENT_INVALIDATION);
	}
	return IQEI_NONE;
}

struct descriptor_type {
	enum iqei (*run)(struct vtd *vtd, struct descriptor desc);
	uint64_t needs; /* ECAP bits */
	struct descriptor reserved;
};

static const struct descriptor_type types[16] = {
	[1] = {do_context, 0, {UINT64_C(0xfffc00000000ffc0), ~UINT64_C(0)}},
	[2] = {do_iotlb, 0, {UINT64_C(0xffffffff0000ff00), UINT64_C(0xf80)}},
	[3] = {do_device_tlb, SIO_BIT(2), {UINT64_C(0x000f0000ffe00ff0), UINT64_C(0xffe)}},
	[4] = {do_interrupt, SIO_BIT(3), {UINT64_C(0xffff000007ffffe0), ~UINT64_C(0)}},
	[5] = {do_wait, 0, {UINT64_C(0xffffff00), UINT64_C(0x3)}},
	[6] = {do_pasid_iotlb, SIO_BIT(43), {UINT64_C(0xfff000000000ffc0), UINT64_C(0xf80)}},
	[7] = {do_pasid_cache, SIO_BIT(43), {UINT64_C(0xfff000000000ffc0), ~UINT64_C(0)}},
	[8] = {do_pasid_device_tlb, SIO_BIT(43) | SIO_BIT(2), {0xe00, UINT64_C(0x7fe)}},
	[9] = {do_page_group_response,
	       SIO_BIT(29),
	       {UINT64_C(0xfff0000000000fe0), UINT64_C(0xfffffffffffff003)}},
};

static enum iqei run_descriptor(struct vtd *vtd, struct descriptor desc)
{
	const struct descriptor_type *type = &types[desc.lo & DESC_TYPE];

	if (!type->run || (vtd->caps.ecap & type->needs) != type->needs)
		return IQEI_TYPE;
	if ((desc.lo & type->reserved.lo) || (desc.hi & type->reserved.hi))
		return IQEI_RESERVED;
	return type->run(vtd, desc);
}

static uint64_t queue_bytes(const struct vtd *vtd)
{
	return SIO_PAGE_SIZE << SIO_FIELD_GET(IQA_QS, vtd->reg[VTD_IQA]);
}

static uint64_t descriptor_bytes(const struct vtd *vtd)
{
	return vtd->reg[VTD_IQA] & IQA_DW ? 32 : 16;
}

/* A wait descriptor cannot complete yet, or never: then it is passed over. */
static enum progress before_wait(struct vtd *vtd)
{
	if (ats_waiting(&vtd->unit))
		return QUEUE_PAUSES;
	if (!vtd->device_timeout)
		return QUEUE_GOES_ON;
	vtd->device_timeout = false;
	vtd->reg[VTD_IQH] = (vtd->reg[VTD_IQH] + descriptor_bytes(vtd)) % queue_bytes(vtd);
	vtd->reg[VTD_IQERCD] &= ~IQERCD_ITESID;
	vtd->reg[VTD_IQERCD] |= SIO_FIELD_PREP(IQERCD_ITESID, vtd->device_timeout_id);
	vtd_inval_end(vtd);
	vtd_fault_status(vtd, FSTS_ITE);
	return QUEUE_PAUSES;
}

/* Fetch and run the descriptor at the head. */
static enum iqei run_head(struct vtd *vtd, enum progress *progress)
{
	const uint64_t bytes = descriptor_bytes(vtd);
	pa_t at = (vtd->reg[VTD_IQA] & IQA_ADDRESS) + vtd->reg[VTD_IQH];
	struct descriptor desc, upper = {0};

	if (!reachable(vtd, at, bytes))
		return IQEI_FETCH;
	memcpy(&desc, phys_ptr(vtd->phys, at), sizeof(desc));
	if (bytes > sizeof(desc))
		memcpy(&upper, phys_ptr(vtd->phys, at + sizeof(desc)), sizeof(upper));
	if ((upper.lo || upper.hi) && types[desc.lo & DESC_TYPE].run)
		return IQEI_RESERVED;
	if (types[desc.lo & DESC_TYPE].run == do_wait)
		*progress = before_wait(vtd);
	return *progress == QUEUE_PAUSES ? IQEI_NONE : run_descriptor(vtd, desc);
}

static enum iqei bad_tail(const struct vtd *vtd)
{
	const uint64_t head = vtd->reg[VTD_IQH], tail = vtd->reg[VTD_IQT];

	if (tail >= queue_bytes(vtd) || head >= queue_bytes(vtd))
		return IQEI_TAIL;
	return (head | tail) % descriptor_bytes(vtd) ? IQEI_ALIGNMENT : IQEI_NONE;
}

void vtd_queue_run(struct vtd *vtd)
{
	uint64_t *head = &vtd->reg[VTD_IQH], tail = vtd->reg[VTD_IQT];
	enum progress progress = QUEUE_GOES_ON;
	enum iqei error;

	if (!(vtd->reg[VTD_GSTS] & GCMD_QIE) || (vtd->reg[VTD_FSTS] & (FSTS_IQE | FSTS_ITE)))
		return;
	error = bad_tail(vtd);
	while (!error && *head != tail) {
		error = run_head(vtd, &progress);
		if (progress == QUEUE_PAUSES)
			break;
		if (!error)
			*head = (*head + descriptor_bytes(vtd)) % queue_bytes(vtd);
	}
	vtd_inval_end(vtd);
	if (error) {
		vtd->reg[VTD_IQERCD] &= ~IQERCD_IQEI;
		vtd->reg[VTD_IQERCD] |= SIO_FIELD_PREP(IQERCD_IQEI, error);
		vtd_fault_status(vtd, FSTS_IQE);
	}
}

void vtd_write_iqt(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	(void)raw, (void)touched;
	vtd_queue_run(vtd);
}
