// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-d fault recording, and the events (messages) of faults and of invalidation waits.
 *
 * Source: Intel VT-d, "Primary Fault Logging", "Fault Recording Registers", "Fault Event",
 * "Invalidation Completion Event".
 *
 * A fault is written into the next fault recording register. When that one is still in use the unit
 * sets PFO and drops every later fault until software clears it: a lost fault is correct behaviour
 * here. The manual lets a unit collapse faults of one requester while a record of it is pending;
 * this one records each.
 *
 * Invariant: FSTS.PPF is set exactly when some recording register has F set (vtd_fault_audit()).
 */
#include "vtd/vtd_unit.h"

/* ---- events ---- */

static const struct {
	enum vtd_reg control, data, address, upper;
} event_regs[VTD_EVENTS] = {
	[VTD_EVENT_FAULT] = {VTD_FECTL, VTD_FEDATA, VTD_FEADDR, VTD_FEUADDR},
	[VTD_EVENT_INVALIDATION] = {VTD_IECTL, VTD_IEDATA, VTD_IEADDR, VTD_IEUADDR},
};

/* Send what is pending, if software does not mask it. */
static void event_try(struct vtd *vtd, enum vtd_event event)
{
	uint64_t *control = &vtd->reg[event_regs[event].control];

	if (!(*control & EVENT_IP) || (*control & EVENT_IM))
		return;
	*control &= ~EVENT_IP;
	vtd->outbox[event] = (struct vtd_message){
		.pending = true,
		.data = (uint32_t)vtd->reg[event_regs[event].data],
		.address = vtd->reg[event_regs[event].upper] << 32 |
			   vtd->reg[event_regs[event].address],
	};
}

void vtd_event_raise(struct vtd *vtd, enum vtd_event event)
{
	vtd->reg[event_regs[event].control] |= EVENT_IP;
	event_try(vtd, event);
}

void vtd_write_fectl(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	(void)raw, (void)touched;
	event_try(vtd, VTD_EVENT_FAULT);
}

void vtd_write_iectl(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	(void)raw, (void)touched;
	event_try(vtd, VTD_EVENT_INVALIDATION);
}

/* "Software servicing the interrupt condition by clearing IWC": IP goes with it. */
void vtd_write_ics(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	(void)raw, (void)touched;
	if (!(vtd->reg[VTD_ICS] & ICS_IWC))
		vtd->reg[VTD_IECTL] &= ~EVENT_IP;
}

/* ---- status ---- */

void vtd_fault_status(struct vtd *vtd, uint64_t bits)
{
	bool first = !(vtd->reg[VTD_FSTS] & FSTS_EVENT);

	vtd->reg[VTD_FSTS] |= bits;
	if (first)
		vtd_event_raise(vtd, VTD_EVENT_FAULT);
}

static void status_settled(struct vtd *vtd)
{
	if (!(vtd->reg[VTD_FSTS] & FSTS_EVENT))
		vtd->reg[VTD_FECTL] &= ~EVENT_IP;
}

void vtd_write_fsts(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	(void)touched;
	if (raw & FSTS_IQE)
		vtd->reg[VTD_IQERCD] &= ~IQERCD_IQEI;
	status_settled(vtd);
	/* "When IQE is cleared the unit fetches from the head again." */
	vtd_queue_run(vtd);
}

static bool any_record(const struct vtd *vtd)
{
	for (unsigned i = 0; i < vtd_record_count(&vtd->caps); i++) {
		if (vtd->record[i][1] & FRCD_F)
			return true;
	}
	return false;
}

void vtd_write_record(struct vtd *vtd)
{
	if (!any_record(vtd))
		vtd->reg[VTD_FSTS] &= ~FSTS_PPF;
	status_settled(vtd);
}

/* ---- recording ---- */

void vtd_fault_record(struct vtd *vtd, const struct dma_req *req, uint8_t reason)
{
	uint64_t *record = vtd->record[vtd->next_record];
	unsigned index = vtd->next_record;

	if (vtd->reg[VTD_FSTS] & FSTS_PFO)
		return;
	if (record[1] & FRCD_F) {
		vtd_fault_status(vtd, FSTS_PFO);
		return;
	}
	record[0] = req->iova & SIO_PAGE_MASK;
	record[1] = FRCD_F | (req->kind == DMA_READ ? FRCD_T : 0) |
		    SIO_FIELD_PREP(FRCD_FR, reason) | SIO_FIELD_PREP(FRCD_SID, req->requester);
	if (req->has_pasid)
		record[1] |= FRCD_PP | SIO_FIELD_PREP(FRCD_PASID, req->pasid);
	vtd->next_record = (index + 1) % vtd_record_count(&vtd->caps);
	if (vtd->reg[VTD_FSTS] & FSTS_PPF)
		return;
	vtd->reg[VTD_FSTS] &= ~FSTS_FRI;
	vtd_fault_status(vtd, FSTS_PPF | SIO_FIELD_PREP(FSTS_FRI, index));
}

const char *vtd_fault_audit(const struct vtd *vtd)
{
	const uint64_t fsts = vtd->reg[VTD_FSTS];

	if (!(fsts & FSTS_PPF) != !any_record(vtd))
		return "FSTS.PPF does not tell whether a fault is recorded";
	if (SIO_FIELD_GET(FSTS_FRI, fsts) >= vtd_record_count(&vtd->caps))
		return "FSTS.FRI names no recording register";
	if ((vtd->reg[VTD_FECTL] & EVENT_IP) && !(fsts & FSTS_EVENT))
		return "a fault event is pending without a cause";
	if ((vtd->reg[VTD_FECTL] & (EVENT_IP | EVENT_IM)) == EVENT_IP)
		return "a fault event is pending though it is not masked";
	if ((vtd->reg[VTD_IECTL] & (EVENT_IP | EVENT_IM)) == EVENT_IP)
		return "an invalidation event is pending though it is not masked";
	return NULL;
}

/* ---- text ---- */

const char *vtd_fault_text(uint8_t reason)
{
	static const char *const text[] = {
		[VTD_ROOT_NOT_PRESENT] = "root entry not present",
		[VTD_CONTEXT_NOT_PRESENT] = "context entry not present",
		[VTD_CONTEXT_INVALID] = "context entry invalid",
		[VTD_BEYOND_WIDTH] = "address beyond the guest address width",
		[VTD_NO_WRITE] = "no write permission, or page not present",
		[VTD_NO_READ] = "no read permission, or page not present",
		[VTD_TABLE_ACCESS] = "page table cannot be read",
		[VTD_ROOT_ACCESS] = "root table cannot be read",
		[VTD_CONTEXT_ACCESS] = "context table cannot be read",
		[VTD_ROOT_RESERVED] = "reserved bits in a root entry",
		[VTD_CONTEXT_RESERVED] = "reserved bits in a context entry",
		[VTD_PAGE_RESERVED] = "reserved bits in a page table entry",
		[0xd] = "request blocked by the translation type of the context entry",
		[VTD_INTERRUPT_RANGE] = "translated to the interrupt address range",
		[0x20] = "reserved bits in an interrupt request",
		[0x21] = "interrupt index beyond the table",
		[0x22] = "interrupt entry not present",
		[0x23] = "interrupt table cannot be read",
		[0x24] = "reserved bits in an interrupt entry",
		[0x25] = "compatibility interrupt blocked",
		[0x26] = "interrupt request of the wrong source",
		[VTD_PASID_IN_LEGACY] = "request with PASID in legacy mode",
	};

	return reason < SIO_ARRAY_SIZE(text) ? text[reason] : NULL;
}
