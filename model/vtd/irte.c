// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt remapping: from a device's interrupt request to what reaches the processors.
 *
 * Source: Intel VT-d, "Interrupt Remapping", "Interrupt Requests in Remappable Format", "Interrupt
 * Remapping Table Entry", "Interrupt Posting", "Interrupt Remapping Fault Conditions".
 *
 * The steps are the manual's, in its order: the request's own bits, the index against the table's
 * size, the entry's presence, its reserved bits, the requester against the entry. A blocked request
 * vanishes (it is a posted write) and is recorded, with the index where the address would stand.
 *
 * What is cached is the entry, not the decision: a hit is checked against the requester again.
 * Under caching mode unusable entries are cached too, otherwise only usable ones.
 *
 * Invariant: a slot's key is 0 or one more than an index that leads to this slot
 * (vtd_irte_audit()).
 */
#include "vtd/vtd_unit.h"

#include <stdlib.h>
#include <string.h>

#define CAP_PI      SIO_BIT(59)
#define CAP_ESIRTPS SIO_BIT(62)

/* Message address and data, remappable format. */
#define REQUEST_REMAPPABLE  SIO_BIT(4)
#define REQUEST_SHV         SIO_BIT(3)
#define REQUEST_HANDLE_LOW  SIO_MASK(19, 5)
#define REQUEST_HANDLE_HIGH SIO_BIT(2)
#define REQUEST_SUBHANDLE   SIO_MASK(15, 0)

/* Compatibility format. */
#define MESSAGE_DESTINATION SIO_MASK(19, 12)
#define MESSAGE_RH          SIO_BIT(3)
#define MESSAGE_DM          SIO_BIT(2)
#define DATA_TM             SIO_BIT(15)
#define DATA_ASSERT         SIO_BIT(14)
#define DATA_DLM            SIO_MASK(10, 8)
#define DATA_VECTOR         SIO_MASK(7, 0)

#define IRTE_P           SIO_BIT(0)
#define IRTE_FPD         SIO_BIT(1)
#define IRTE_DM          SIO_BIT(2)
#define IRTE_RH          SIO_BIT(3)
#define IRTE_TM          SIO_BIT(4)
#define IRTE_DLM         SIO_MASK(7, 5)
#define IRTE_URGENT      SIO_BIT(14)
#define IRTE_POSTED      SIO_BIT(15)
#define IRTE_VECTOR      SIO_MASK(23, 16)
#define IRTE_DESTINATION SIO_MASK(63, 32)
#define IRTE_XAPIC       SIO_MASK(47, 40)
#define IRTE_POST_LOW    SIO_MASK(63, 38)
/* High half. */
#define IRTE_SID       SIO_MASK(15, 0)
#define IRTE_SQ        SIO_MASK(17, 16)
#define IRTE_SVT       SIO_MASK(19, 18)
#define IRTE_POST_HIGH SIO_MASK(63, 32)

#define REMAPPED_RESERVED_LO (SIO_MASK(14, 12) | SIO_MASK(31, 24))
#define XAPIC_RESERVED_LO    (SIO_MASK(39, 32) | SIO_MASK(63, 48))
#define REMAPPED_RESERVED_HI SIO_MASK(63, 20)
#define POSTED_RESERVED_LO   (SIO_MASK(7, 2) | SIO_MASK(13, 12) | SIO_MASK(37, 24))
#define POSTED_RESERVED_HI   SIO_MASK(31, 20)

/* The fifth quadword of a posted-interrupt descriptor, behind 256 request bits. */
#define POST_ON          SIO_BIT(0)
#define POST_SN          SIO_BIT(1)
#define POST_VECTOR      SIO_MASK(23, 16)
#define POST_DESTINATION SIO_MASK(63, 32)
#define POST_XAPIC       SIO_MASK(47, 40)
#define POST_RESERVED    (SIO_MASK(15, 2) | SIO_MASK(31, 24))
#define POST_BYTES       64u

enum irte_svt { SVT_NONE, SVT_REQUESTER, SVT_BUSES, SVT_RESERVED };

/* One request on its way. */
struct request {
	const struct dma_req *req;
	uint32_t data;
	uint32_t index;
	bool indexed; /* index tells something */
	bool silent;  /* a fault is not recorded */
	bool passes;  /* to the processors as it came */
	bool deliver; /* irq is filled in */
	bool stale;   /* use is filled in */
	struct irq_message irq;
	struct stale_use use;
};

/* ---- cache ---- */

bool vtd_irte_init(struct vtd *vtd)
{
	if (!vtd->caps.intremap)
		return true;
	vtd->irtes.slot = fail_calloc("vtd.create.irte-cache", 1u << VTD_IRTE_CACHE_LG2,
				      sizeof(*vtd->irtes.slot));
	return vtd->irtes.slot != NULL;
}

void vtd_irte_fini(struct vtd *vtd)
{
	free(vtd->irtes.slot);
	vtd->irtes.slot = NULL;
}

void vtd_irte_flush(struct vtd *vtd)
{
	if (vtd->irtes.cached)
		memset(vtd->irtes.slot, 0, sizeof(*vtd->irtes.slot) << VTD_IRTE_CACHE_LG2);
	vtd->irtes.cached = false;
}

void vtd_irte_reset(struct vtd *vtd)
{
	vtd_irte_flush(vtd);
	vtd->irtes.table = 0;
	vtd->irtes.count = 0;
	vtd->irtes.extended = false;
}

void vtd_irte_flush_some(struct vtd *vtd, uint16_t index, unsigned mask_lg2)
{
	for (unsigned i = 0; i < 1u << VTD_IRTE_CACHE_LG2; i++) {
		struct vtd_irte_slot *slot = &vtd->irtes.slot[i];

		if (slot->key && ((uint64_t)(slot->key - 1) ^ index) >> mask_lg2 == 0)
			slot->key = 0;
	}
}

const char *vtd_irte_audit(const struct vtd *vtd)
{
	const uint32_t slots = 1u << VTD_IRTE_CACHE_LG2;

	for (uint32_t i = 0; vtd->irtes.slot && i < slots; i++) {
		const uint32_t key = vtd->irtes.slot[i].key;

		if (key && !vtd->irtes.cached)
			return "an interrupt entry is cached where a flush would not look";
		if (key && ((key - 1) % slots != i || key > 65536))
			return "an interrupt entry is cached where no lookup finds it";
	}
	return NULL;
}

void vtd_irte_latch(struct vtd *vtd)
{
	const uint64_t irta = vtd->reg[VTD_IRTA];

	vtd->irtes.table = irta & IRTA_ADDRESS;
	vtd->irtes.count = 2u << SIO_FIELD_GET(IRTA_SIZE, irta);
	vtd->irtes.extended = vtd->caps.eim && (irta & IRTA_EIME);
	if (vtd->caps.cap & CAP_ESIRTPS)
		vtd_irte_flush(vtd);
}

/* ---- entries ---- */

/* False: nothing can be read there. */
static bool entry_read(const struct vtd *vtd, uint32_t index, struct vtd_irte *entry)
{
	struct vtd_entry raw;

	if (!vtd_entry_read(vtd, vtd->irtes.table + index * sizeof(*entry), &raw))
		return false;
	*entry = (struct vtd_irte){.lo = raw.lo, .hi = raw.hi};
	return true;
}

static bool entry_has_reserved(const struct vtd *vtd, const struct vtd_irte *entry)
{
	const uint64_t mode = SIO_FIELD_GET(IRTE_DLM, entry->lo);

	if (SIO_FIELD_GET(IRTE_SVT, entry->hi) == SVT_RESERVED)
		return true;
	if (entry->lo & IRTE_POSTED)
		return !(vtd->caps.cap & CAP_PI) || (entry->lo & POSTED_RESERVED_LO) ||
		       (entry->hi & POSTED_RESERVED_HI);
	/* Delivery modes 3 and 6 stand for nothing. */
	return mode == 3 || mode == 6 || (entry->lo & REMAPPED_RESERVED_LO) ||
	       (!vtd->irtes.extended && (entry->lo & XAPIC_RESERVED_LO)) ||
	       (entry->hi & REMAPPED_RESERVED_HI);
}

static bool entry_admits(const struct vtd_irte *entry, uint16_t requester)
{
	/* How many of the function number's bits do not matter: none, the third, more. */
	static const uint16_t ignore[] = {0, 4, 6, 7};
	const uint16_t sid = (uint16_t)SIO_FIELD_GET(IRTE_SID, entry->hi);
	const unsigned bus = requester >> 8;

	switch ((enum irte_svt)SIO_FIELD_GET(IRTE_SVT, entry->hi)) {
	case SVT_NONE:
		return true;
	case SVT_REQUESTER:
		return ((sid ^ requester) & ~ignore[SIO_FIELD_GET(IRTE_SQ, entry->hi)]) == 0;
	case SVT_BUSES:
		return bus >= sid >> 8 && bus <= (sid & 0xff);
	case SVT_RESERVED:
		break;
	}
	return false;
}

static uint8_t entry_fault(const struct vtd *vtd, const struct vtd_irte *entry)
{
	if (!(entry->lo & IRTE_P))
		return VTD_IRTE_NOT_PRESENT;
	return entry_has_reserved(vtd, entry) ? VTD_IRTE_RESERVED : 0;
}

/* Strict checking: the entry is used as it was cached, and told of if memory has another one. */
static void check_hit(struct vtd *vtd, struct request *request, const struct vtd_irte_slot *slot)
{
	struct vtd_irte fresh = {0};
	uint8_t reason = VTD_IRTE_ACCESS;

	if (request->index < vtd->irtes.count && entry_read(vtd, request->index, &fresh))
		reason = entry_fault(vtd, &fresh);
	if (fresh.lo == slot->entry.lo && fresh.hi == slot->entry.hi)
		return;
	request->stale = true;
	request->use = (struct stale_use){
		.unit = vtd->unit.name,
		.cache = "interrupt entry cache",
		.interrupt = true,
		.requester = request->req->requester,
		.kind = DMA_WRITE,
		.iova = request->index,
		.cached = {.reason = entry_fault(vtd, &slot->entry), .pa = slot->entry.lo},
		.fresh = {.reason = reason, .pa = fresh.lo},
		.filled_at = slot->filled_at,
	};
}

/* The entry at the request's index, from the cache or from memory; a fault reason or 0. */
static uint8_t entry_get(struct vtd *vtd, struct request *request, struct vtd_irte *entry)
{
	struct vtd_irte_slot *slot =
		&vtd->irtes.slot[request->index & ((1u << VTD_IRTE_CACHE_LG2) - 1)];
	uint8_t reason;

	if (slot->key == request->index + 1) {
		if (vtd->strict)
			check_hit(vtd, request, slot);
		*entry = slot->entry;
		return entry_fault(vtd, entry);
	}
	if (!entry_read(vtd, request->index, entry))
		return VTD_IRTE_ACCESS;
	reason = entry_fault(vtd, entry);
	if (reason == 0 || vtd->caps.caching_mode) {
		*slot = (struct vtd_irte_slot){
			.entry = *entry,
			.filled_at = vtd->env.clock ? vtd->env.clock(vtd->env.ctx) : 0,
			.key = request->index + 1,
		};
		vtd->irtes.cached = true;
	}
	return reason;
}

/* ---- posting ---- */

/*
 * Memory learns of writes through phys_write() only (see phys.h); the atomic ones below would be
 * lost in a frame that nobody has written yet, in which the last word is 0 as well.
 */
static void post_touch(struct vtd *vtd, pa_t pa)
{
	const uint64_t nothing = 0;
	uint64_t words[POST_BYTES / 8];
	uint64_t any = 0;

	phys_read(vtd->phys, pa, words, sizeof(words));
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(words); i++)
		any |= words[i];
	if (!any)
		phys_write(vtd->phys, pa + POST_BYTES - 8, &nothing, sizeof(nothing));
}

/* Set the request bit; a notification goes out unless one is outstanding or held back. */
static uint8_t post(struct vtd *vtd, struct request *request, const struct vtd_irte *entry)
{
	const pa_t pa = SIO_FIELD_GET(IRTE_POST_HIGH, entry->hi) << 32 |
			SIO_FIELD_GET(IRTE_POST_LOW, entry->lo) << 6;
	const unsigned vector = (unsigned)SIO_FIELD_GET(IRTE_VECTOR, entry->lo);
	uint64_t *descriptor, control;

	if (!phys_is_ram(vtd->phys, pa, POST_BYTES))
		return VTD_POSTED_ACCESS;
	post_touch(vtd, pa);
	descriptor = phys_ptr(vtd->phys, pa);
	control = __atomic_load_n(&descriptor[4], __ATOMIC_ACQUIRE);
	if (control & POST_RESERVED)
		return VTD_POSTED_RESERVED;
	__atomic_fetch_or(&descriptor[vector / 64], SIO_BIT(vector % 64), __ATOMIC_SEQ_CST);
	do {
		if ((control & POST_ON) || ((control & POST_SN) && !(entry->lo & IRTE_URGENT)))
			return 0;
	} while (!__atomic_compare_exchange_n(&descriptor[4], &control, control | POST_ON, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	request->deliver = true;
	request->irq.posted = true;
	request->irq.vector = (uint8_t)SIO_FIELD_GET(POST_VECTOR, control);
	request->irq.destination =
		(uint32_t)SIO_FIELD_GET(vtd->irtes.extended ? POST_DESTINATION : POST_XAPIC,
					control);
	return 0;
}

/* ---- requests ---- */

static void remap(const struct vtd *vtd, struct request *request, const struct vtd_irte *entry)
{
	struct irq_message *irq = &request->irq;

	request->deliver = true;
	irq->logical = entry->lo & IRTE_DM;
	irq->redirect = entry->lo & IRTE_RH;
	irq->level = entry->lo & IRTE_TM;
	irq->mode = (uint8_t)SIO_FIELD_GET(IRTE_DLM, entry->lo);
	irq->vector = (uint8_t)SIO_FIELD_GET(IRTE_VECTOR, entry->lo);
	irq->destination =
		(uint32_t)SIO_FIELD_GET(vtd->irtes.extended ? IRTE_DESTINATION : IRTE_XAPIC,
					entry->lo);
}

/* "interrupt_index = handle + subhandle if SHV is set, else handle." */
static uint8_t request_index(struct request *request)
{
	const uint64_t address = request->req->iova, data = request->data;
	const bool sub = address & REQUEST_SHV;

	if (sub ? data >> 16 != 0 : data != 0)
		return VTD_IRQ_RESERVED;
	request->index = (uint32_t)(SIO_FIELD_GET(REQUEST_HANDLE_LOW, address) |
				    SIO_FIELD_GET(REQUEST_HANDLE_HIGH, address) << 15);
	request->index += sub ? (uint32_t)(data & REQUEST_SUBHANDLE) : 0;
	request->indexed = true;
	return 0;
}

static uint8_t request_remappable(struct vtd *vtd, struct request *request)
{
	struct vtd_irte entry = {0};
	uint8_t reason = request_index(request);

	if (reason)
		return reason;
	if (request->index >= vtd->irtes.count)
		return VTD_IRQ_INDEX;
	reason = entry_get(vtd, request, &entry);
	request->silent = entry.lo & IRTE_FPD;
	if (reason)
		return reason;
	if (!entry_admits(&entry, request->req->requester))
		return VTD_IRQ_SOURCE;
	request->irq.remapped = true;
	if (entry.lo & IRTE_POSTED)
		return post(vtd, request, &entry);
	remap(vtd, request, &entry);
	return 0;
}

/* Blocked: the reason. 0: to be delivered, or posted without a notification. */
static uint8_t request_decide(struct vtd *vtd, struct request *request)
{
	const uint64_t status = vtd->reg[VTD_GSTS];
	const bool allowed = (status & GCMD_CFI) && !vtd->irtes.extended;

	if ((status & GCMD_IRE) && (request->req->iova & REQUEST_REMAPPABLE))
		return request_remappable(vtd, request);
	if ((status & GCMD_IRE) && !allowed)
		return VTD_IRQ_COMPATIBILITY;
	request->passes = true;
	return 0;
}

static void request_record(struct vtd *vtd, const struct request *request, uint8_t reason)
{
	const struct dma_req fault = {
		.requester = request->req->requester,
		.kind = DMA_WRITE,
		.iova = request->indexed ? (uint64_t)request->index << 48 : 0,
	};

	vtd_fault_record(vtd, &fault, reason);
}

static struct irq_message decode(const struct request *request)
{
	const uint64_t address = request->req->iova;

	return (struct irq_message){
		.requester = request->req->requester,
		.logical = address & MESSAGE_DM,
		.redirect = address & MESSAGE_RH,
		.level = request->data & DATA_TM,
		.mode = (uint8_t)SIO_FIELD_GET(DATA_DLM, request->data),
		.vector = (uint8_t)SIO_FIELD_GET(DATA_VECTOR, request->data),
		.destination = (uint32_t)SIO_FIELD_GET(MESSAGE_DESTINATION, address),
	};
}

/* A remapped interrupt as a message; a destination above 255 goes where x2APIC has it. */
static void send_encoded(const struct vtd *vtd, const struct irq_message *irq)
{
	const uint64_t address = PHYS_MSI_FIRST |
				 SIO_FIELD_PREP(MESSAGE_DESTINATION, irq->destination & 0xff) |
				 (uint64_t)(irq->destination & ~UINT32_C(0xff)) << 32 |
				 (irq->redirect ? MESSAGE_RH : 0) | (irq->logical ? MESSAGE_DM : 0);
	const uint64_t data = SIO_FIELD_PREP(DATA_VECTOR, irq->vector) |
			      SIO_FIELD_PREP(DATA_DLM, irq->mode) |
			      (irq->level ? DATA_TM | DATA_ASSERT : 0);

	vtd->env.msi(vtd->env.ctx, address, (uint32_t)data);
}

static void request_deliver(const struct vtd *vtd, struct request *request)
{
	if (request->passes)
		request->irq = decode(request);
	if (vtd->env.interrupt)
		vtd->env.interrupt(vtd->env.ctx, &request->irq);
	else if (vtd->env.msi && request->passes)
		vtd->env.msi(vtd->env.ctx, request->req->iova, request->data);
	else if (vtd->env.msi)
		send_encoded(vtd, &request->irq);
}

void vtd_interrupt(struct unit *unit, const struct dma_req *req, uint32_t data)
{
	struct vtd *vtd = vtd_of(unit);
	struct request request = {.req = req, .data = data, .irq.requester = req->requester};
	uint8_t reason;

	vtd_lock(vtd);
	reason = request_decide(vtd, &request);
	/* Only faults that were found behind a readable entry obey its fault-processing-disable. */
	if (reason && !request.silent)
		request_record(vtd, &request, reason);
	vtd_unlock(vtd);
	if (request.stale && vtd->env.stale)
		vtd->env.stale(vtd->env.ctx, &request.use);
	if (reason == 0 && (request.passes || request.deliver))
		request_deliver(vtd, &request);
}
