// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invalidation queue of VT-d: 128-bit descriptors in memory, fetched from IQH up to IQT.
 *
 * Source: Intel VT-d, "Queued Invalidation Interface", "Queued Invalidation Ordering
 * Considerations".
 *
 * The queue is worked off while software writes IQT, so it is empty (IQH = IQT) whenever the unit
 * is idle, unless IQE is set: a bad descriptor stops fetching with the head left at it, and
 * clearing IQE fetches it again. A wait descriptor completes after everything before it: the waits
 * that end an invalidation are done before its status is written (see inval.c).
 *
 * There is no device TLB and no interrupt entry cache here: their invalidations complete at once.
 */
#include "vtd/vtd_unit.h"

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
};

#define DESC_TYPE        SIO_MASK(3, 0)
#define DESC_GRANULARITY SIO_MASK(5, 4)
#define DESC_DID         SIO_MASK(31, 16)
#define DESC_SID         SIO_MASK(47, 32)
#define DESC_FM          SIO_MASK(49, 48)
#define DESC_AM          SIO_MASK(5, 0)
#define DESC_IH          SIO_BIT(6)
#define DESC_ADDRESS     SIO_MASK(63, 12)
#define DEVICE_PFSID     (SIO_MASK(63, 52) | SIO_MASK(15, 12))
#define WAIT_IF          SIO_BIT(4)
#define WAIT_SW          SIO_BIT(5)
#define WAIT_DATA        SIO_MASK(63, 32)
#define WAIT_ADDRESS     SIO_MASK(63, 2)

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

static enum iqei do_device_tlb(struct vtd *vtd, struct descriptor desc)
{
	/* The physical function's id is there only with ECAP.DIT. */
	return !(vtd->caps.ecap & SIO_BIT(41)) && (desc.lo & DEVICE_PFSID) ? IQEI_RESERVED
									   : IQEI_NONE;
}

static enum iqei do_interrupt(struct vtd *vtd, struct descriptor desc)
{
	(void)vtd, (void)desc;
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
	uint64_t needs; /* an ECAP bit, 0: always there */
	struct descriptor reserved;
};

static const struct descriptor_type types[16] = {
	[1] = {do_context, 0, {UINT64_C(0xfffc00000000ffc0), ~UINT64_C(0)}},
	[2] = {do_iotlb, 0, {UINT64_C(0xffffffff0000ff00), UINT64_C(0xf80)}},
	[3] = {do_device_tlb, SIO_BIT(2), {UINT64_C(0x000f0000ffe00ff0), UINT64_C(0xffe)}},
	[4] = {do_interrupt, SIO_BIT(3), {UINT64_C(0xffff000007ffffe0), ~UINT64_C(0)}},
	[5] = {do_wait, 0, {UINT64_C(0xffffff80), UINT64_C(0x3)}},
};

static enum iqei run_descriptor(struct vtd *vtd, struct descriptor desc)
{
	const struct descriptor_type *type = &types[desc.lo & DESC_TYPE];

	if (!type->run || (type->needs && !(vtd->caps.ecap & type->needs)))
		return IQEI_TYPE;
	if ((desc.lo & type->reserved.lo) || (desc.hi & type->reserved.hi))
		return IQEI_RESERVED;
	return type->run(vtd, desc);
}

static uint64_t queue_bytes(const struct vtd *vtd)
{
	return SIO_PAGE_SIZE << SIO_FIELD_GET(IQA_QS, vtd->reg[VTD_IQA]);
}

/* Fetch and run the descriptor at the head. */
static enum iqei run_head(struct vtd *vtd)
{
	pa_t at = (vtd->reg[VTD_IQA] & IQA_ADDRESS) + vtd->reg[VTD_IQH];
	struct descriptor desc;

	if (!reachable(vtd, at, sizeof(desc)))
		return IQEI_FETCH;
	memcpy(&desc, phys_ptr(vtd->phys, at), sizeof(desc));
	return run_descriptor(vtd, desc);
}

void vtd_queue_run(struct vtd *vtd)
{
	uint64_t *head = &vtd->reg[VTD_IQH], tail = vtd->reg[VTD_IQT];
	enum iqei error = IQEI_NONE;

	if (!(vtd->reg[VTD_GSTS] & GCMD_QIE) || (vtd->reg[VTD_FSTS] & FSTS_IQE))
		return;
	if (tail >= queue_bytes(vtd) || *head >= queue_bytes(vtd))
		error = IQEI_TAIL;
	while (!error && *head != tail) {
		error = run_head(vtd);
		if (!error)
			*head = (*head + sizeof(struct descriptor)) % queue_bytes(vtd);
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
