/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inside of a VT-d unit, shared by the files of this folder.
 *
 * One mutex guards the registers, the queue and the fault records. Translations take it only to
 * record a fault, and then only after they have left their DMA port, so that an invalidation that
 * holds the mutex can wait for them. What translations read (`root`, `translating`, `strict`, the
 * caches) is written under the mutex with translations shut out or waited for.
 *
 * Messages (fault and invalidation events) are put into the outbox under the mutex and sent by
 * vtd_unlock(), so that a handler may access the unit's registers.
 */
#ifndef MODEL_VTD_VTD_UNIT_H
#define MODEL_VTD_VTD_UNIT_H

#include "iotlb.h"
#include "vtd/regs.h"
#include "vtd/vtd.h"

#include <pthread.h>

#define VTD_RECORDS_MAX 256u

/* Fault reasons of legacy mode. */
enum vtd_reason {
	VTD_ROOT_NOT_PRESENT = 0x1,
	VTD_CONTEXT_NOT_PRESENT = 0x2,
	VTD_CONTEXT_INVALID = 0x3,
	VTD_BEYOND_WIDTH = 0x4,
	VTD_NO_WRITE = 0x5,
	VTD_NO_READ = 0x6,
	VTD_TABLE_ACCESS = 0x7,
	VTD_ROOT_ACCESS = 0x8,
	VTD_CONTEXT_ACCESS = 0x9,
	VTD_ROOT_RESERVED = 0xa,
	VTD_CONTEXT_RESERVED = 0xb,
	VTD_PAGE_RESERVED = 0xc,
	VTD_INTERRUPT_RANGE = 0xe,
	VTD_PASID_IN_LEGACY = 0x31,
};

/*
 * A context word of the cache: a decoded context entry in 64 bits. IOTLB_WORD_WALK set: translated
 * by the tables at ROOT with their top at LEVEL. Otherwise pass-through, or (FAULT) the reason in
 * the address field. Never 0.
 */
#define VTD_WORD_FAULT  SIO_BIT(62)
#define VTD_WORD_PASS   SIO_BIT(61)
#define VTD_WORD_FPD    SIO_BIT(60)
#define VTD_WORD_LEVEL  SIO_MASK(58, 56)
#define VTD_WORD_ROOT   SIO_MASK(55, 16) /* frame number */
#define VTD_WORD_REASON SIO_MASK(23, 16) /* with FAULT */

struct vtd_message {
	bool pending;
	uint32_t data;
	uint64_t address;
};

enum vtd_event { VTD_EVENT_FAULT, VTD_EVENT_INVALIDATION, VTD_EVENTS };

/* Memory that DMA may not reach while it is not translated. */
struct vtd_protected {
	pa_t first, last; /* first > last: none */
};

struct vtd {
	struct unit unit; /* must be first */

	/* Read by translations. */
	struct iotlb *tlb;
	struct vtd_caps caps;
	struct pt_caps pt_caps;
	const struct pt_ops *pt;
	uint8_t width[8]; /* bits of an address, by the top level of its tables */
	pa_t root;
	bool translating, strict;
	struct vtd_protected protected[2];

	pthread_mutex_t lock;
	struct phys *phys;
	struct dma_fabric *fabric;
	struct unit_env env;
	struct vtd_reg_map map;
	uint64_t reg[VTD_REGS];
	uint64_t record[VTD_RECORDS_MAX][2];
	unsigned next_record;
	bool invalidating;
	struct vtd_message outbox[VTD_EVENTS];
};

static inline struct vtd *vtd_of(struct unit *unit)
{
	return sio_container_of(unit, struct vtd, unit);
}

/* 1 to 256. */
static inline unsigned vtd_record_count(const struct vtd_caps *caps)
{
	return caps->fault_records ? caps->fault_records : VTD_RECORDS_MAX;
}

static inline bool vtd_in_interrupt_range(uint64_t address)
{
	return address >= PHYS_MSI_FIRST && address <= PHYS_MSI_LAST;
}

/* ---- vtd.c ---- */
void vtd_lock(struct vtd *vtd);
/* Unlock, then send what is in the outbox. */
void vtd_unlock(struct vtd *vtd);
/* Hooks of registers, called with the lock held: raw is what software wrote, touched which bits. */
void vtd_write_gcmd(struct vtd *vtd, uint64_t raw, uint64_t touched);
void vtd_write_pmen(struct vtd *vtd, uint64_t raw, uint64_t touched);
/* Lookups may use the caches iff translation is on and strict checking off. */
void vtd_update_open(struct vtd *vtd);

/* ---- fault.c ---- */
void vtd_write_fsts(struct vtd *vtd, uint64_t raw, uint64_t touched);
void vtd_write_fectl(struct vtd *vtd, uint64_t raw, uint64_t touched);
void vtd_write_iectl(struct vtd *vtd, uint64_t raw, uint64_t touched);
void vtd_write_ics(struct vtd *vtd, uint64_t raw, uint64_t touched);
/* F bits were cleared by software. */
void vtd_write_record(struct vtd *vtd);
void vtd_fault_record(struct vtd *vtd, const struct dma_req *req, uint8_t reason);
/* Set bits of FSTS; a fault event if it is the first. */
void vtd_fault_status(struct vtd *vtd, uint64_t bits);
/* An event is due: sent, or pending while masked. */
void vtd_event_raise(struct vtd *vtd, enum vtd_event event);
const char *vtd_fault_audit(const struct vtd *vtd);

/* ---- inval.c ---- */
enum vtd_granularity { VTD_GLOBAL = 1, VTD_DOMAIN = 2, VTD_SELECTIVE = 3 };

struct vtd_context_inval {
	uint8_t granularity, function_mask;
	uint16_t domain, requester;
};

struct vtd_iotlb_inval {
	uint8_t granularity, mask;
	bool hint;
	uint16_t domain;
	iova_t address;
};

/* First and last step of an invalidation, around any number of removals; see iotlb.h. */
void vtd_inval_begin(struct vtd *vtd);
void vtd_inval_end(struct vtd *vtd);
/* The granularity that was done, 0: no valid command. */
unsigned vtd_inval_context(struct vtd *vtd, const struct vtd_context_inval *cmd);
unsigned vtd_inval_iotlb(struct vtd *vtd, const struct vtd_iotlb_inval *cmd);
void vtd_write_ccmd(struct vtd *vtd, uint64_t raw, uint64_t touched);
void vtd_write_iotlb(struct vtd *vtd, uint64_t raw, uint64_t touched);

/* ---- qinv.c ---- */
void vtd_write_iqt(struct vtd *vtd, uint64_t raw, uint64_t touched);
/* Work through the queue until it is empty or a descriptor is bad. */
void vtd_queue_run(struct vtd *vtd);

/* ---- context.c ---- */
/* Decode the context of a requester from memory. `trail` may be NULL. */
uint64_t vtd_context_read(const struct vtd *vtd, uint16_t requester, struct vtd_trail *trail);

/* ---- xlat.c ---- */
struct xlat vtd_resolve(struct unit *unit, const struct dma_req *req, bool denied,
			struct unit_notes *notes);
/* What needs no context: the interrupt range, translation off, a PASID. False: go on. */
bool vtd_resolve_early(const struct vtd *vtd, const struct dma_req *req, struct xlat *x);
/* What the context alone decides: its faults, the width, pass-through. False: the tables decide. */
bool vtd_resolve_context(const struct vtd *vtd, uint64_t word, const struct dma_req *req,
			 struct xlat *x);
/* By the tables as memory stands, nothing cached. */
struct xlat vtd_resolve_tables(const struct vtd *vtd, uint64_t word, struct pt_start start,
			       const struct dma_req *req, struct pt_walk_result *walk);
struct pt_start vtd_start_root(uint64_t word);
struct pt_start vtd_start_cached(uint64_t value);
/* What an IOTLB entry answers, which may be a fault. */
struct xlat vtd_resolve_cached(const struct vtd *vtd, uint64_t word, const struct dma_req *req,
			       uint64_t value, unsigned size_lg2);
/* As a request that misses the IOTLB: from a cached table or the root; fills if it may. */
struct xlat vtd_resolve_miss(struct vtd *vtd, uint64_t word, const struct dma_req *req, bool fill);
/* Cache a context word, if it is of a kind that the unit caches. */
void vtd_context_fill(struct vtd *vtd, uint16_t requester, uint64_t word);

/* ---- strict.c ---- */
struct xlat vtd_resolve_strict(struct vtd *vtd, const struct dma_req *req,
			       struct unit_notes *notes);

#endif
