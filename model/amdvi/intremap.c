// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-Vi interrupt remapping: a device's message, the interrupt table entry that it names, and what
 * reaches the processors; and the cache of those entries.
 *
 * Source: AMD IOMMU Specification, "Interrupt Remapping", "Interrupt Remapping Tables", "Interrupt
 * Virtualization Tables with Guest Virtual APIC Enabled", "Guest Virtual APIC Log".
 *
 * The mode field of the message (data bits 10:8) decides who is asked: fixed and arbitrated
 * requests go by IntCtl, the others by a pass bit each. It overlaps the index, so software keeps
 * tables to 512 entries.
 *
 * An interrupt that is blocked logs an I/O page fault with the I flag, unless the entry (SupIOPF)
 * or, for an entry that does not exist, the device table entry (IG) says not to.
 */
#include "amdvi/amdvi_unit.h"

#define MESSAGE_INDEX       SIO_MASK(10, 0)
#define MESSAGE_MODE        SIO_MASK(10, 8)
#define MESSAGE_VECTOR      SIO_MASK(7, 0)
#define MESSAGE_TRIGGER     SIO_BIT(15)
#define MESSAGE_ASSERT      SIO_BIT(14)
#define ADDRESS_DESTINATION SIO_MASK(19, 12)
#define ADDRESS_REDIRECT    SIO_BIT(3)
#define ADDRESS_LOGICAL     SIO_BIT(2)

#define IRTE_VALID       SIO_BIT(0)
#define IRTE_SUPPRESS    SIO_BIT(1)
#define IRTE_TYPE        SIO_MASK(4, 2)
#define IRTE_EOI         SIO_BIT(5)
#define IRTE_LOGICAL     SIO_BIT(6)
#define IRTE_GUEST       SIO_BIT(7)
#define IRTE32_DEST      SIO_MASK(15, 8)
#define IRTE32_VECTOR    SIO_MASK(23, 16)
#define IRTE32_RESERVED  (SIO_MASK(31, 24) | IRTE_GUEST)
#define IRTE128_DEST_LO  SIO_MASK(31, 8)
#define IRTE128_VECTOR   SIO_MASK(7, 0) /* high word */
#define IRTE128_DEST_HI  SIO_MASK(63, 56)
#define IRTE128_RESERVED (SIO_MASK(11, 8) | SIO_MASK(55, 52))
#define GUEST_LOG        SIO_BIT(2)
#define GUEST_RUNNING    SIO_BIT(6)
#define GUEST_TAG        SIO_MASK(63, 32)
#define GUEST_PAGE       SIO_MASK(51, 12) /* high word */

#define INTTABLE_ALIGN UINT64_C(128)
/* Interrupt request register of an APIC page: 32 bits in each 16 bytes. */
#define APIC_IRR 0x200u

#define GALOG_GUEST_INTERRUPT UINT64_C(1)

enum intctl { INTCTL_ABORT, INTCTL_PASS, INTCTL_REMAP };

/* One interrupt on its way. */
struct request {
	const struct dma_req *req;
	uint32_t data;
	struct amdvi_dte dte;
	bool passes;  /* as it came */
	bool arrives; /* as `irq` says */
	struct irq_message irq;
	bool stale;
	struct stale_use use;
};

/* ---- the cache ---- */

static struct amdvi_irte_slot *slot_of(struct amdvi *amdvi, uint16_t requester, unsigned index)
{
	return &amdvi->irte[(requester * 61u + index) % AMDVI_IRTE_SLOTS];
}

void amdvi_irte_drop(struct amdvi *amdvi, uint16_t requester)
{
	for (unsigned i = 0; amdvi->irte_cached && i < AMDVI_IRTE_SLOTS; i++) {
		if (amdvi->irte[i].requester == requester)
			amdvi->irte[i].full = false;
	}
}

void amdvi_irte_drop_all(struct amdvi *amdvi)
{
	for (unsigned i = 0; amdvi->irte_cached && i < AMDVI_IRTE_SLOTS; i++)
		amdvi->irte[i].full = false;
	amdvi->irte_cached = false;
}

/* ---- events ---- */

static void blocked(struct amdvi *amdvi, const struct request *request, enum amdvi_event_code code,
		    unsigned flags, uint64_t address)
{
	const struct amdvi_event event = {
		.code = (uint8_t)code,
		.flags = (uint16_t)(flags | EVENT_I | EVENT_RW),
		.requester = request->req->requester,
		.domain = (uint16_t)SIO_FIELD_GET(DTE_DOMAIN, request->dte.word[1]),
		.address = address,
	};

	amdvi_event_log(amdvi, &event);
}

static void page_fault(struct amdvi *amdvi, const struct request *request, unsigned flags)
{
	blocked(amdvi, request, AMDVI_IO_PAGE_FAULT, flags, request->req->iova);
}

/* ---- the entry ---- */

static bool is_wide(const struct amdvi *amdvi)
{
	return amdvi->control & CTRL_GA;
}

static pa_t entry_address(const struct amdvi *amdvi, const struct request *request, unsigned index)
{
	const pa_t table = request->dte.word[2] & DTE_INTTABLE & ~(INTTABLE_ALIGN - 1);

	return table + index * (is_wide(amdvi) ? 16u : 4u);
}

static bool entry_read(const struct amdvi *amdvi, pa_t at, struct amdvi_irte *irte)
{
	*irte = (struct amdvi_irte){0};
	if (!amdvi_reachable(amdvi, at, is_wide(amdvi) ? 16 : 4))
		return false;
	if (is_wide(amdvi)) {
		const uint64_t *words = phys_ptr(amdvi->phys, at);

		irte->lo = __atomic_load_n(&words[0], __ATOMIC_ACQUIRE);
		irte->hi = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
	} else {
		irte->lo = __atomic_load_n((const uint32_t *)phys_ptr(amdvi->phys, at),
					   __ATOMIC_RELAXED);
	}
	return true;
}

/* With strict checking: the cached entry against the table. */
static void entry_check(struct amdvi *amdvi, struct request *request,
			const struct amdvi_irte_slot *slot, pa_t at)
{
	struct amdvi_irte fresh;

	if (!amdvi->strict)
		return;
	if (entry_read(amdvi, at, &fresh) && fresh.lo == slot->irte.lo && fresh.hi == slot->irte.hi)
		return;
	request->stale = true;
	request->use = (struct stale_use){
		.unit = amdvi->unit.name,
		.cache = "interrupt entry cache",
		.interrupt = true,
		.requester = slot->requester,
		.domain_id = (uint16_t)SIO_FIELD_GET(DTE_DOMAIN, request->dte.word[1]),
		.kind = DMA_WRITE,
		.iova = slot->index,
		.cached = {.pa = slot->irte.lo},
		.fresh = {.pa = fresh.lo},
		.filled_at = slot->filled_at,
	};
}

/* Only entries in use are cached. False: the event is logged. */
static bool entry_get(struct amdvi *amdvi, struct request *request, unsigned index,
		      struct amdvi_irte *irte)
{
	const uint16_t requester = request->req->requester;
	struct amdvi_irte_slot *slot = slot_of(amdvi, requester, index);
	const pa_t at = entry_address(amdvi, request, index);

	if (slot->full && slot->requester == requester && slot->index == index) {
		entry_check(amdvi, request, slot, at);
		*irte = slot->irte;
		return true;
	}
	if (!entry_read(amdvi, at, irte)) {
		blocked(amdvi, request, AMDVI_PAGE_TAB_HARDWARE_ERROR, EVENT_MASTER_ABORT, at);
		return false;
	}
	if ((irte->lo & IRTE_VALID) && !(amdvi->control & CTRL_IRT_CACHE_OFF)) {
		*slot = (struct amdvi_irte_slot){
			.full = true,
			.requester = requester,
			.index = (uint16_t)index,
			.irte = *irte,
			.filled_at = amdvi_clock(amdvi),
		};
		amdvi->irte_cached = true;
	}
	return true;
}

/* Guest mode needs the feature and its enable bit; 32-bit entries do not have it. */
static bool is_malformed(const struct amdvi *amdvi, const struct amdvi_irte *irte)
{
	if (!is_wide(amdvi))
		return (irte->lo & IRTE32_RESERVED) || SIO_FIELD_GET(IRTE_TYPE, irte->lo) > 1;
	if (irte->hi & IRTE128_RESERVED)
		return true;
	if (irte->lo & IRTE_GUEST)
		return !(amdvi->control & CTRL_GAM);
	return SIO_FIELD_GET(IRTE_TYPE, irte->lo) > 1;
}

static uint32_t wide_destination(const struct amdvi_irte *irte)
{
	return (uint32_t)(SIO_FIELD_GET(IRTE128_DEST_LO, irte->lo) |
			  SIO_FIELD_GET(IRTE128_DEST_HI, irte->hi) << 24);
}

/* Into the virtual APIC page; then its processor is told, or the log. */
static void deliver_guest(struct amdvi *amdvi, struct request *request,
			  const struct amdvi_irte *irte)
{
	const unsigned vector = (unsigned)SIO_FIELD_GET(IRTE128_VECTOR, irte->hi);
	const pa_t word = (irte->hi & GUEST_PAGE) + APIC_IRR + vector / 32 * 16;
	const uint64_t entry[2] = {
		SIO_FIELD_GET(GUEST_TAG, irte->lo) | (uint64_t)request->req->requester << 32 |
			GALOG_GUEST_INTERRUPT << 60,
	};
	uint32_t requests;

	if (!amdvi_reachable(amdvi, word, sizeof(requests))) {
		blocked(amdvi, request, AMDVI_PAGE_TAB_HARDWARE_ERROR, EVENT_MASTER_ABORT, word);
		return;
	}
	phys_read(amdvi->phys, word, &requests, sizeof(requests));
	requests |= UINT32_C(1) << vector % 32;
	phys_write(amdvi->phys, word, &requests, sizeof(requests));
	if (irte->lo & GUEST_RUNNING) {
		request->arrives = true;
		request->irq.posted = true;
		request->irq.vector = (uint8_t)vector;
		request->irq.destination = wide_destination(irte);
	} else if ((irte->lo & GUEST_LOG) && amdvi_log_append(amdvi, LOG_GA, entry)) {
		amdvi_raise(amdvi, CAUSE_GA);
	}
}

static void deliver(struct amdvi *amdvi, struct request *request, const struct amdvi_irte *irte)
{
	request->irq.remapped = true;
	if (irte->lo & IRTE_GUEST) {
		deliver_guest(amdvi, request, irte);
		return;
	}
	request->arrives = true;
	request->irq.logical = irte->lo & IRTE_LOGICAL;
	request->irq.mode = (uint8_t)SIO_FIELD_GET(IRTE_TYPE, irte->lo);
	request->irq.vector = (uint8_t)(is_wide(amdvi) ? SIO_FIELD_GET(IRTE128_VECTOR, irte->hi)
						       : SIO_FIELD_GET(IRTE32_VECTOR, irte->lo));
	request->irq.destination = is_wide(amdvi) ? wide_destination(irte)
						  : (uint32_t)SIO_FIELD_GET(IRTE32_DEST, irte->lo);
	/* "RqEoi: an interrupt that needs an EOI", which is what level means. */
	request->irq.level = irte->lo & IRTE_EOI;
}

static void remap(struct amdvi *amdvi, struct request *request)
{
	const unsigned index = (unsigned)SIO_FIELD_GET(MESSAGE_INDEX, request->data);
	struct amdvi_irte irte;

	if (index >> SIO_FIELD_GET(DTE_INTTABLEN, request->dte.word[2])) {
		if (!(request->dte.word[2] & DTE_IG))
			page_fault(amdvi, request, 0);
		return;
	}
	if (!entry_get(amdvi, request, index, &irte))
		return;
	if (!(irte.lo & IRTE_VALID)) {
		if (!(irte.lo & IRTE_SUPPRESS))
			page_fault(amdvi, request, 0);
	} else if (is_malformed(amdvi, &irte)) {
		if (!(irte.lo & IRTE_SUPPRESS))
			page_fault(amdvi, request, EVENT_PR | EVENT_RZ);
	} else {
		deliver(amdvi, request, &irte);
	}
}

/* ---- the device table entry ---- */

static void by_control(struct amdvi *amdvi, struct request *request)
{
	switch ((enum intctl)SIO_FIELD_GET(DTE_INTCTL, request->dte.word[2])) {
	case INTCTL_PASS:
		request->passes = true;
		break;
	case INTCTL_REMAP:
		remap(amdvi, request);
		break;
	case INTCTL_ABORT:
	default:
		if (!(request->dte.word[2] & DTE_IG))
			page_fault(amdvi, request, EVENT_PE);
		break;
	}
}

/* Requests that no table holds an entry for. */
static void by_pass_bit(struct amdvi *amdvi, struct request *request, enum irq_mode mode)
{
	const uint64_t word = request->dte.word[2];

	request->passes = (mode == IRQ_NMI && (word & DTE_NMI_PASS)) ||
			  (mode == IRQ_INIT && (word & DTE_INIT_PASS)) ||
			  (mode == IRQ_EXTINT && (word & DTE_EINT_PASS));
	if (!request->passes)
		page_fault(amdvi, request, EVENT_PE);
}

static void decide(struct amdvi *amdvi, struct request *request)
{
	const enum irq_mode mode = (enum irq_mode)SIO_FIELD_GET(MESSAGE_MODE, request->data);
	struct xlat fault;

	request->passes = !(amdvi->control & CTRL_ENABLE);
	if (request->passes)
		return;
	if (!amdvi_dte_get(amdvi, request->req->requester, true, &request->dte, &fault)) {
		request->dte = (struct amdvi_dte){0};
		blocked(amdvi, request, (enum amdvi_event_code)fault.reason,
			amdvi_fault_flags(fault), fault.pa ? fault.pa : request->req->iova);
		return;
	}
	if (!(request->dte.word[2] & DTE_IV))
		request->passes = true;
	else if (!amdvi_dte_is_legal(amdvi, &request->dte))
		blocked(amdvi, request, AMDVI_ILLEGAL_DEV_TABLE_ENTRY, EVENT_RZ,
			request->req->iova);
	else if (mode == IRQ_FIXED || mode == IRQ_LOWEST_PRIORITY)
		by_control(amdvi, request);
	else
		by_pass_bit(amdvi, request, mode);
}

/* ---- out ---- */

static struct irq_message decode(const struct request *request)
{
	const uint64_t address = request->req->iova;

	return (struct irq_message){
		.requester = request->req->requester,
		.logical = address & ADDRESS_LOGICAL,
		.redirect = address & ADDRESS_REDIRECT,
		.level = request->data & MESSAGE_TRIGGER,
		.mode = (uint8_t)SIO_FIELD_GET(MESSAGE_MODE, request->data),
		.vector = (uint8_t)SIO_FIELD_GET(MESSAGE_VECTOR, request->data),
		.destination = (uint32_t)SIO_FIELD_GET(ADDRESS_DESTINATION, address),
	};
}

/* As a message; a destination above 255 goes where x2APIC has it. */
static void send_encoded(const struct amdvi *amdvi, const struct irq_message *irq)
{
	const uint64_t address = PHYS_MSI_FIRST |
				 SIO_FIELD_PREP(ADDRESS_DESTINATION, irq->destination & 0xff) |
				 (uint64_t)(irq->destination & ~UINT32_C(0xff)) << 32 |
				 (irq->logical ? ADDRESS_LOGICAL : 0);
	const uint64_t data = SIO_FIELD_PREP(MESSAGE_VECTOR, irq->vector) |
			      SIO_FIELD_PREP(MESSAGE_MODE, irq->mode) |
			      (irq->level ? MESSAGE_TRIGGER | MESSAGE_ASSERT : 0);

	amdvi->env.msi(amdvi->env.ctx, address, (uint32_t)data);
}

static void send(const struct amdvi *amdvi, struct request *request)
{
	if (request->passes)
		request->irq = decode(request);
	if (amdvi->env.interrupt)
		amdvi->env.interrupt(amdvi->env.ctx, &request->irq);
	else if (amdvi->env.msi && request->passes)
		amdvi->env.msi(amdvi->env.ctx, request->req->iova, request->data);
	else if (amdvi->env.msi)
		send_encoded(amdvi, &request->irq);
}

void amdvi_interrupt(struct unit *unit, const struct dma_req *req, uint32_t data)
{
	struct amdvi *amdvi = amdvi_of(unit);
	struct request request = {.req = req, .data = data, .irq.requester = req->requester};

	amdvi_lock(amdvi);
	decide(amdvi, &request);
	amdvi_unlock(amdvi);
	if (request.stale && amdvi->env.stale)
		amdvi->env.stale(amdvi->env.ctx, &request.use);
	if (request.passes || request.arrives)
		send(amdvi, &request);
}
