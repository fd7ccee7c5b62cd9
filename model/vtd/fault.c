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
	[VTD_EVENT_PAGE_REQUEST] = {VTD_PECTL, VTD_PEDATA, VTD_PEADDR, VTD_PEUADDR},
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

void vtd_write_pectl(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	(void)raw, (void)touched;
	event_try(vtd, VTD_EVENT_PAGE_REQUEST);
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
	if (raw & FSTS_ITE)
		vtd->reg[VTD_IQERCD] &= ~IQERCD_ITESID;
	if (raw & FSTS_ICE)
		vtd->reg[VTD_IQERCD] &= ~IQERCD_ICESID;
	status_settled(vtd);
	/* "When IQE or ITE is cleared the unit fetches from the head again." */
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
		record[1] |= FRCD_PP | SIO_FIELD_PREP(FRCD_PASID, req->pasid) |
			     (req->execute ? FRCD_EXE : 0) | (req->privileged ? FRCD_PRIV : 0);
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
	if ((vtd->reg[VTD_PECTL] & (EVENT_IP | EVENT_IM)) == EVENT_IP)
		return "a page request event is pending though it is not masked";
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
		[VTD_TYPE_BLOCKED] = "request blocked by the translation type of the context entry",
		[VTD_INTERRUPT_RANGE] = "translated to the interrupt address range",
		[VTD_IRQ_RESERVED] = "reserved bits in an interrupt request",
		[VTD_IRQ_INDEX] = "interrupt index beyond the table",
		[VTD_IRTE_NOT_PRESENT] = "interrupt entry not present",
		[VTD_IRTE_ACCESS] = "interrupt table cannot be read",
		[VTD_IRTE_RESERVED] = "reserved bits in an interrupt entry",
		[VTD_IRQ_COMPATIBILITY] = "compatibility interrupt blocked",
		[VTD_IRQ_SOURCE] = "interrupt request of the wrong source",
		[VTD_POSTED_ACCESS] = "posted-interrupt descriptor cannot be accessed",
		[VTD_POSTED_RESERVED] = "reserved bits in a posted-interrupt descriptor",
		[0x30] = "root table address or table mode invalid",
		[VTD_PASID_IN_LEGACY] = "request with PASID in legacy mode",
		[0x32] = "page group request in legacy mode",
		[0x38] = "root table cannot be read (scalable mode)",
		[0x39] = "root entry not present (scalable mode)",
		[0x3a] = "reserved bits in a root entry (scalable mode)",
		[0x40] = "context table cannot be read (scalable mode)",
		[0x41] = "context entry not present (scalable mode)",
		[0x42] = "reserved bits in a context entry (scalable mode)",
		[0x43] = "context entry invalid (scalable mode)",
		[VTD_SM_NO_DEVICE_TLB] = "device TLB not enabled in the context entry",
		[VTD_SM_PASID_DISABLED] = "PASID not enabled in the context entry",
		[VTD_SM_PASID_BEYOND] = "PASID beyond the directory or the unit's limit",
		[0x47] = "page requests not enabled in the context entry",
		[VTD_SM_RID_PASID_BEYOND] = "RID_PASID beyond the directory",
		[0x50] = "PASID directory cannot be read",
		[0x51] = "PASID directory entry not present",
		[0x52] = "reserved bits in a PASID directory entry",
		[0x58] = "PASID table cannot be read",
		[0x59] = "PASID entry not present",
		[0x5a] = "reserved bits in a PASID entry",
		[0x5b] = "PASID entry invalid",
		[VTD_SM_NO_EXECUTE_REQUESTS] = "execute requests not enabled for the PASID",
		[VTD_SM_NO_SUPERVISOR_REQUESTS] = "supervisor requests not enabled for the PASID",
		[VTD_FS_TABLE] = "first-stage table cannot be read",
		[VTD_FS_NOT_PRESENT] = "first-stage entry not present",
		[VTD_FS_RESERVED] = "reserved bits in a first-stage entry",
		[VTD_FS_TABLE_TOP] = "first-stage top table cannot be read",
		[VTD_NEST_BEYOND_WIDTH] = "first-stage entry beyond the guest address width",
		[VTD_NEST_NO_READ_TABLE] = "second stage forbids to read the first-stage top table",
		[VTD_NEST_NO_READ] = "second stage forbids to read a first-stage table",
		[VTD_NEST_NO_WRITE] = "second stage forbids to mark a first-stage table",
		[0x78] = "second-stage table cannot be read",
		[0x79] = "no second-stage permission, or page not present",
		[0x7a] = "reserved bits in a second-stage entry",
		[0x7b] = "second-stage table pointer invalid",
		[VTD_SS_UNSNOOPED_MARK] = "second-stage table to be marked is not snooped",
		[VTD_FS_NOT_CANONICAL] = "address not canonical",
		[VTD_FS_NO_USER] = "user request to a page of the supervisor",
		[VTD_FS_NO_EXECUTE] = "no execute permission",
		[0x83] = "address beyond what the unit translates",
		[0x84] = "address beyond the guest address width (scalable mode)",
		[VTD_FS_NO_WRITE] = "no write permission",
		[VTD_FS_NO_READ] = "no read permission",
		[0x87] = "translated to the interrupt address range (scalable mode)",
		[VTD_FS_UNSNOOPED_MARK] = "first-stage table to be marked is not snooped",
		[VTD_FS_MARK_FAILED] = "first-stage table could not be marked",
	};

	return reason < SIO_ARRAY_SIZE(text) ? text[reason] : NULL;
}
