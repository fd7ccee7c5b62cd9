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

#include "ats.h"
#include "iotlb.h"
#include "vtd/irte.h"
#include "vtd/regs.h"
#include "vtd/vtd.h"

#include <pthread.h>

#define VTD_RECORDS_MAX 256u

/* Fault reasons of legacy mode, and of what scalable mode adds to it. */
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
	VTD_TYPE_BLOCKED = 0xd,
	VTD_INTERRUPT_RANGE = 0xe,
	VTD_IRQ_RESERVED = 0x20,
	VTD_IRQ_INDEX = 0x21,
	VTD_IRTE_NOT_PRESENT = 0x22,
	VTD_IRTE_ACCESS = 0x23,
	VTD_IRTE_RESERVED = 0x24,
	VTD_IRQ_COMPATIBILITY = 0x25,
	VTD_IRQ_SOURCE = 0x26,
	VTD_POSTED_ACCESS = 0x27,
	VTD_POSTED_RESERVED = 0x28,
	VTD_PASID_IN_LEGACY = 0x31,
	VTD_PAGE_REQUEST_IN_LEGACY = 0x32,
	VTD_SM_NO_DEVICE_TLB = 0x44,
	VTD_SM_PASID_DISABLED = 0x45,
	VTD_SM_PASID_BEYOND = 0x46,
	VTD_SM_NO_PAGE_REQUESTS = 0x47,
	VTD_SM_RID_PASID_BEYOND = 0x48,
	VTD_SM_NO_EXECUTE_REQUESTS = 0x5c,
	VTD_SM_NO_SUPERVISOR_REQUESTS = 0x5d,
	VTD_FS_TABLE_TOP = 0x73,
	VTD_FS_TABLE = 0x70,
	VTD_FS_NOT_PRESENT = 0x71,
	VTD_FS_RESERVED = 0x72,
	VTD_NEST_BEYOND_WIDTH = 0x74,
	VTD_NEST_NO_READ_TABLE = 0x75,
	VTD_NEST_NO_READ = 0x76,
	VTD_NEST_NO_WRITE = 0x77,
	VTD_FS_NOT_CANONICAL = 0x80,
	VTD_FS_NO_USER = 0x81,
	VTD_FS_NO_EXECUTE = 0x82,
	VTD_FS_NO_WRITE = 0x85,
	VTD_FS_NO_READ = 0x86,
	VTD_SS_UNSNOOPED_MARK = 0x7c,
	VTD_FS_UNSNOOPED_MARK = 0x90,
	VTD_FS_MARK_FAILED = 0x91,
};

/* The codes of what both modes can meet, by mode and by what the unit is configured to report. */
struct vtd_codes {
	uint8_t root_address, root_access, root_absent, root_reserved;
	uint8_t context_access, context_absent, context_reserved;
	uint8_t directory_access, directory_absent, directory_reserved;
	uint8_t pasid_access, pasid_absent, pasid_reserved, pasid_invalid;
	uint8_t width, no_write, no_read, table_top, table, reserved, interrupt;
	uint8_t host_width; /* pass-through beyond the host address width, 0: not judged */
};

/*
 * A context word of the cache: what translates the requests of a requester, or of one PASID of it,
 * in 64 bits. IOTLB_WORD_WALK set: translated by the second-stage tables at ROOT, or, with PASS set
 * as well, by what entry SPACE of the pool says. Otherwise pass-through, or (FAULT) the reason in
 * the address field. Never 0.
 */
#define VTD_WORD_FAULT  SIO_BIT(62)
#define VTD_WORD_PASS   SIO_BIT(61)
#define VTD_WORD_FPD    SIO_BIT(60)
#define VTD_WORD_ATS    SIO_BIT(59)      /* translation and translated requests are answered */
#define VTD_WORD_TOP    SIO_MASK(58, 57) /* top level of the tables, minus 1 */
#define VTD_WORD_ROOT   SIO_MASK(56, 17) /* frame number */
#define VTD_WORD_SPACE  SIO_MASK(56, 17)
#define VTD_WORD_ABSENT SIO_BIT(58)      /* with FAULT: an entry was not present */
#define VTD_WORD_REASON SIO_MASK(24, 17) /* with FAULT */

#define VTD_WORD_WIDE (IOTLB_WORD_WALK | VTD_WORD_PASS)

static SIO_ALWAYS_INLINE bool vtd_word_is_wide(uint64_t word)
{
	return (word & VTD_WORD_WIDE) == VTD_WORD_WIDE;
}

/* Of a word that is neither a fault nor wide. */
static SIO_ALWAYS_INLINE unsigned vtd_word_level(uint64_t word)
{
	return (unsigned)SIO_FIELD_GET(VTD_WORD_TOP, word) + 1;
}

static inline uint64_t vtd_word_fault(uint8_t reason, bool absent, bool silent)
{
	return VTD_WORD_FAULT | SIO_FIELD_PREP(VTD_WORD_REASON, reason) |
	       (absent ? VTD_WORD_ABSENT : 0) | (silent ? VTD_WORD_FPD : 0);
}

enum vtd_space_flags {
	VTD_SPACE_SRE = 1,   /* requests with supervisor privilege are let in */
	VTD_SPACE_WPE = 2,   /* and respect write protection */
	VTD_SPACE_EAFE = 4,  /* extended accessed bits */
	VTD_SPACE_SLADE = 8, /* accessed and dirty bits of the second stage */
	VTD_SPACE_ERE = 16,  /* execute requests are let in */
	VTD_SPACE_PAGE_SNOOP = 32,
	VTD_SPACE_WALK_SNOOP = 64, /* tables are read past no processor's cache */
};

/* An address space: what a context word says and, if the word is wide, what it has no room for. */
struct vtd_space {
	uint64_t word;
	enum iotlb_pair_kind kind;
	uint8_t flags; /* enum vtd_space_flags */
	uint8_t first_level, second_level;
	uint16_t domain;
	uint32_t pasid;
	pa_t first, second; /* roots */
};

struct vtd_message {
	bool pending;
	uint32_t data;
	uint64_t address;
};

/* Index of pt_caps_fs. */
enum vtd_fs_caps { VTD_FS_WPE = 1, VTD_FS_EAFE = 2, VTD_FS_UNMARKED = 4 };

enum vtd_event { VTD_EVENT_FAULT, VTD_EVENT_INVALIDATION, VTD_EVENT_PAGE_REQUEST, VTD_EVENTS };

/* Memory that DMA may not reach while it is not translated. */
struct vtd_protected {
	pa_t first, last; /* first > last: none */
};

struct vtd {
	struct unit unit; /* must be first */

	/* Read by translations. */
	struct iotlb *tlb;
	struct vtd_caps caps;
	const struct vtd_codes *codes; /* by the mode */
	bool scalable;
	struct pt_caps pt_caps;       /* of second-stage tables, legacy mode */
	struct pt_caps pt_caps_sm[2]; /* scalable mode, without and with SLADE */
	struct pt_caps pt_caps_fs[8]; /* of first-stage tables, by enum vtd_fs_caps */
	const struct pt_ops *pt;
	uint8_t width[8]; /* bits of an address, by the top level of its tables */
	uint64_t root;    /* RTADDR as it was latched: address, and whether the mode is reserved */
	bool translating, strict;
	struct vtd_scalable *sm; /* caches of scalable mode, NULL for a unit without */
	struct vtd_protected protected[2];

	pthread_mutex_t lock;
	struct phys *phys;
	struct phys *tables;     /* memory as table reads see it: `phys`, or its flushed view */
	struct flush_view *view; /* NULL: `tables` is `phys` */
	uint8_t fault_codes;     /* enum vtd_fault_codes */
	uint32_t version;        /* what the version register says */
	bool quiet_hits;
	struct dma_fabric *fabric;
	struct unit_env env;
	struct vtd_reg_map map;
	uint64_t reg[VTD_REGS];
	uint64_t record[VTD_RECORDS_MAX][2];
	unsigned next_record;
	bool invalidating;
	/* Invalidations of device TLBs since the last wait descriptor: one was not answered. */
	bool device_timeout;
	uint16_t device_timeout_id;
	struct vtd_message outbox[VTD_EVENTS];
	struct vtd_irtes irtes;
};

static inline struct vtd *vtd_of(struct unit *unit)
{
	return sio_container_of(unit, struct vtd, unit);
}

static SIO_ALWAYS_INLINE bool vtd_is_scalable(const struct vtd *vtd)
{
	return __atomic_load_n(&vtd->scalable, __ATOMIC_RELAXED);
}

static inline const struct vtd_codes *vtd_codes_now(const struct vtd *vtd)
{
	return __atomic_load_n(&vtd->codes, __ATOMIC_RELAXED);
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
void vtd_write_pectl(struct vtd *vtd, uint64_t raw, uint64_t touched);
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

struct vtd_pasid_inval {
	uint8_t granularity; /* as the descriptor has it */
	uint16_t domain;
	uint32_t pasid;
	uint8_t mask;
	bool hint;
	iova_t address;
};

/* First and last step of an invalidation, around any number of removals; see iotlb.h. */
void vtd_inval_begin(struct vtd *vtd);
void vtd_inval_end(struct vtd *vtd);
/* The granularity that was done, 0: no valid command. */
unsigned vtd_inval_context(struct vtd *vtd, const struct vtd_context_inval *cmd);
unsigned vtd_inval_iotlb(struct vtd *vtd, const struct vtd_iotlb_inval *cmd);
/* The PASID cache, and the IOTLB by PASID. False: no valid command. */
bool vtd_inval_pasid(struct vtd *vtd, const struct vtd_pasid_inval *cmd);
bool vtd_inval_pasid_iotlb(struct vtd *vtd, const struct vtd_pasid_inval *cmd);
void vtd_write_ccmd(struct vtd *vtd, uint64_t raw, uint64_t touched);
void vtd_write_iotlb(struct vtd *vtd, uint64_t raw, uint64_t touched);

/* ---- qinv.c ---- */
void vtd_write_iqt(struct vtd *vtd, uint64_t raw, uint64_t touched);
/* Work through the queue until it is empty or a descriptor is bad. */
void vtd_queue_run(struct vtd *vtd);

/* ---- irte.c ---- */
bool vtd_irte_init(struct vtd *vtd);
void vtd_irte_fini(struct vtd *vtd);
/* No table, nothing cached. */
void vtd_irte_reset(struct vtd *vtd);
const char *vtd_irte_audit(const struct vtd *vtd);
/* Latch the table that IRTA names. */
void vtd_irte_latch(struct vtd *vtd);
/* An interrupt entry cache invalidation: all, or 2^mask_lg2 entries around index. */
void vtd_irte_flush(struct vtd *vtd);
void vtd_irte_flush_some(struct vtd *vtd, uint16_t index, unsigned mask_lg2);
void vtd_interrupt(struct unit *unit, const struct dma_req *req, uint32_t data);

/* ---- prq.c ---- */
void vtd_write_prs(struct vtd *vtd, uint64_t raw, uint64_t touched);
bool vtd_page_request(struct unit *unit, const struct ats_page_request *req);
/* A page group response descriptor, its reserved bits checked. */
void vtd_page_group_response(struct vtd *vtd, uint64_t lo, uint64_t hi);

/* ---- devtlb.c ---- */
extern const struct ats_ops vtd_ats_ops;

/* ---- context.c ---- */
struct vtd_entry {
	uint64_t lo, hi;
};

#define VTD_ENTRY_P    SIO_BIT(0)
#define VTD_ENTRY_FPD  SIO_BIT(1)
#define VTD_ENTRY_ADDR SIO_MASK(63, 12)

/* Address bits that no table may have set. */
uint64_t vtd_above_width(const struct vtd *vtd);
/* Two adjacent words, the first with acquire. False: nothing can be read there. */
bool vtd_entry_read(const struct vtd *vtd, pa_t pa, struct vtd_entry *entry);
void vtd_trail_add(struct vtd_trail *trail, const char *what, pa_t pa, struct vtd_entry entry);
/* Decode the context of a requester from memory, legacy mode. `trail` may be NULL. */
uint64_t vtd_context_read(const struct vtd *vtd, uint16_t requester, struct vtd_trail *trail);

/* ---- scalable.c: the tables of scalable mode ---- */
/* A context entry of scalable mode, decoded. word: 0, or a fault word. */
struct vtd_sm_context {
	uint64_t word;
	pa_t directory;
	uint32_t rid_pasid;
	uint8_t pasid_bits; /* that the directory covers */
	bool device_tlb, pasid, page_requests, silent;
};

struct vtd_sm_context vtd_sm_context_read(const struct vtd *vtd, uint16_t requester,
					  struct vtd_trail *trail);
/* The PASID that a request uses there. Not 0: the fault word that it gets instead. */
uint64_t vtd_sm_pasid_of(const struct vtd *vtd, const struct vtd_sm_context *context,
			 const struct dma_req *req, uint32_t *pasid);
struct vtd_space vtd_sm_space_read(const struct vtd *vtd, const struct vtd_sm_context *context,
				   uint32_t pasid, struct vtd_trail *trail);
extern const struct vtd_codes vtd_codes_legacy;
const struct vtd_codes *vtd_codes_of(const struct vtd *vtd, bool scalable);

/* ---- pasid.c: context and PASID caches of scalable mode ---- */
/* False: no memory. Nothing to do for a unit without scalable mode. */
bool vtd_sm_init(struct vtd *vtd);
void vtd_sm_fini(struct vtd *vtd);
/* Nothing cached, all of the pool free; with fills stopped. */
void vtd_sm_reset(struct vtd *vtd);
/* What the caches hold for a requester. False: nothing. */
bool vtd_sm_context_cached(const struct vtd *vtd, uint16_t requester,
			   struct vtd_sm_context *context);
bool vtd_sm_space_cached(const struct vtd *vtd, uint16_t requester, uint32_t pasid,
			 struct vtd_space *space);
void vtd_sm_context_fill(struct vtd *vtd, uint16_t requester, const struct vtd_sm_context *context);
/* Gives the space a slot if it is cached. A request without PASID leaves the requester's word. */
void vtd_sm_space_fill(struct vtd *vtd, const struct dma_req *req,
		       const struct vtd_sm_context *context, uint32_t pasid,
		       struct vtd_space *space);
/* What the context entry adds to the word of a space. */
uint64_t vtd_sm_context_bits(const struct vtd_sm_context *context);
uint64_t vtd_sm_space_filled_at(const struct vtd *vtd, uint16_t requester, uint32_t pasid);
uint64_t vtd_sm_context_filled_at(const struct vtd *vtd, uint16_t requester);
/* Removal, between the two waits of an invalidation. */
void vtd_sm_flush(struct vtd *vtd);
void vtd_sm_flush_contexts(struct vtd *vtd);
void vtd_sm_flush_context(struct vtd *vtd, uint16_t requester, uint16_t ignore);
void vtd_sm_flush_domain(struct vtd *vtd, uint16_t domain);
void vtd_sm_flush_pasid(struct vtd *vtd, uint16_t domain, uint32_t pasid);
void vtd_sm_flush_spaces(struct vtd *vtd);
/* Make room, if there was none, before a fill; fills stopped and none under way. */
void vtd_sm_renew(struct vtd *vtd);
const char *vtd_sm_audit(const struct vtd *vtd);

/* ---- xlat.c ---- */
struct xlat vtd_resolve(struct unit *unit, const struct dma_req *req, bool denied,
			struct unit_notes *notes);
/* What needs no context: the interrupt range, translation off, a PASID. False: go on. */
bool vtd_resolve_early(const struct vtd *vtd, const struct dma_req *req, struct xlat *x);
/* The space that a cached word stands for. */
struct vtd_space vtd_space_of(const struct vtd *vtd, uint64_t word);
uint16_t vtd_space_domain(const struct vtd_space *space);
/* Both stand for the same tables, treated in the same way. */
bool vtd_space_same(const struct vtd_space *a, const struct vtd_space *b);
/* Of a request by the tables of either mode as memory stands, nothing cached. */
struct vtd_space vtd_space_read(const struct vtd *vtd, const struct dma_req *req,
				struct vtd_trail *trail);
/* What the context alone decides: its faults, the width, pass-through. False: the tables decide. */
bool vtd_resolve_context(const struct vtd *vtd, const struct vtd_space *space,
			 const struct dma_req *req, struct xlat *x);
/* By the tables as memory stands, nothing cached. */
struct xlat vtd_resolve_tables(const struct vtd *vtd, const struct vtd_space *space,
			       struct pt_start start, const struct dma_req *req,
			       struct pt_walk_result *walk);
/* The answer that a walk without fault makes. */
struct xlat vtd_walked(const struct vtd *vtd, const struct vtd_space *space,
		       const struct dma_req *req, const struct pt_walk_result *walk);
struct pt_start vtd_start_root(const struct vtd_space *space);
struct pt_start vtd_start_cached(uint64_t value);
/* What an IOTLB entry answers, which may be a fault. False: the tables have to be asked. */
bool vtd_resolve_cached(const struct vtd *vtd, const struct vtd_space *space,
			const struct dma_req *req, uint64_t value, unsigned size_lg2,
			struct xlat *x);
/* As a request that misses the IOTLB: from a cached table or the root; fills if it may. */
struct xlat vtd_resolve_miss(struct vtd *vtd, const struct vtd_space *space,
			     const struct dma_req *req, bool fill);
/* Cache a context word, if it is of a kind that the unit caches. */
void vtd_context_fill(struct vtd *vtd, uint16_t requester, uint64_t word);
/* A fault as the space has it recorded or not. */
struct xlat vtd_faulted(uint8_t reason, const struct vtd_space *space);

/* ---- stages.c: spaces with a first stage, and marks (accessed and dirty bits) ---- */
/* Whether the request has a privilege that the space lets in. False: *x is the fault. */
bool vtd_privilege_ok(const struct vtd *vtd, const struct vtd_space *space,
		      const struct dma_req *req, struct xlat *x);
/* The unit keeps accessed and dirty bits for the space. */
bool vtd_space_marks(const struct vtd_space *space);
/* By both stages or the first alone. `trail` may be NULL; a report leaves no marks. */
struct xlat vtd_resolve_stages(const struct vtd *vtd, const struct vtd_space *space,
			       const struct dma_req *req, struct pt_walk_result *walk,
			       struct vtd_trail *trail);
/* As vtd_resolve_tables() from the root, for reports: nothing is marked. */
struct xlat vtd_resolve_unmarked(const struct vtd *vtd, const struct vtd_space *space,
				 const struct dma_req *req);
/* The second-stage walk of any space. */
struct pt_walk_result vtd_walk_second(const struct vtd *vtd, const struct vtd_space *space,
				      struct pt_start start, iova_t iova, unsigned need,
				      uint8_t *reason);

/* ---- strict.c ---- */
struct xlat vtd_resolve_strict(struct vtd *vtd, const struct dma_req *req,
			       struct unit_notes *notes);

#endif
