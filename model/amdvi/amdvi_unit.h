/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inside of an AMD-Vi unit, shared by the files of this folder.
 *
 * One mutex guards the registers, the command buffer, the logs and the interrupt table cache.
 * Translations take it only to log an event, and then only after they have left their DMA port, so
 * that an invalidation that holds the mutex can wait for them. What translations read (`devtab`,
 * `control`, `exclusion`, `strict`, the caches) is written under the mutex with translations waited
 * for.
 *
 * Messages (event, completion, page request and guest interrupt log) are put into the outbox under
 * the mutex and sent by amdvi_unlock(), so that a handler may access the unit's registers.
 *
 * Four caches, each filled by what used it and emptied by its own command:
 *  - the device table cache: whole entries by requester id (devtab.c);
 *  - the IOTLB with its cache of lowest page tables (iotlb.h): host translations under the tag of
 * the domain id, guest and nested ones under that of the pair (domain id, PASID);
 *  - the interrupt table cache: entries by requester and index (intremap.c).
 * The context words of iotlb.h are not a cache of the architecture here: a word only opens the
 * short way of a hit for requesters of which the device table cache says that nothing but their
 * tables decides, and it goes when that entry or an exclusion register does.
 */
#ifndef MODEL_AMDVI_AMDVI_UNIT_H
#define MODEL_AMDVI_AMDVI_UNIT_H

#include "amdvi/amdvi.h"
#include "amdvi/regs.h"
#include "ats.h"
#include "iotlb.h"

#include <pthread.h>

/* ---- device table entries ---- */

struct amdvi_dte {
	uint64_t word[4];
};

#define DTE_V         SIO_BIT(0) /* word 0 */
#define DTE_TV        SIO_BIT(1)
#define DTE_HAD       SIO_MASK(8, 7)
#define DTE_MODE      SIO_MASK(11, 9)
#define DTE_ROOT      SIO_MASK(51, 12)
#define DTE_PPR       SIO_BIT(52)
#define DTE_GIOV      SIO_BIT(54)
#define DTE_GV        SIO_BIT(55)
#define DTE_GLX       SIO_MASK(57, 56)
#define DTE_GCR3_14   SIO_MASK(60, 58)
#define DTE_IR        SIO_BIT(61)
#define DTE_IW        SIO_BIT(62)
#define DTE_DOMAIN    SIO_MASK(15, 0) /* word 1 */
#define DTE_GCR3_30   SIO_MASK(31, 16)
#define DTE_IOTLB     SIO_BIT(32)
#define DTE_SE        SIO_BIT(33)
#define DTE_SA        SIO_BIT(34)
#define DTE_IOCTL     SIO_MASK(36, 35)
#define DTE_EX        SIO_BIT(39)
#define DTE_SYSMGT    SIO_MASK(41, 40)
#define DTE_GCR3_51   SIO_MASK(63, 43)
#define DTE_IV        SIO_BIT(0) /* word 2 */
#define DTE_INTTABLEN SIO_MASK(4, 1)
#define DTE_IG        SIO_BIT(5)
#define DTE_INTTABLE  SIO_MASK(51, 6)
#define DTE_GUESTMODE SIO_MASK(55, 54)
#define DTE_INIT_PASS SIO_BIT(56)
#define DTE_EINT_PASS SIO_BIT(57)
#define DTE_NMI_PASS  SIO_BIT(58)
#define DTE_INTCTL    SIO_MASK(61, 60)

/*
 * A slot is empty, being filled (the words belong to one thread), or full. It is filled only while
 * `filling` is set and emptied only between the two waits of an invalidation, so a reader that
 * finds it full reads words that stand still.
 */
struct amdvi_dte_slot {
	uint32_t state;    /* enum amdvi_slot_state */
	uint32_t reported; /* a page fault was logged since the entry was cached */
	struct amdvi_dte dte;
	uint64_t filled_at;
};
enum amdvi_slot_state { SLOT_EMPTY, SLOT_FILLING, SLOT_FULL };

/* ---- events ---- */

/* Flags of an event, bits 59:48 of its first 64 bits. */
#define EVENT_GN           0x001u /* the PASID is there, in place of the domain id */
#define EVENT_NX           0x002u /* execute request */
#define EVENT_US           0x004u /* user request with a PASID */
#define EVENT_I            0x008u /* an interrupt request */
#define EVENT_PR           0x010u /* the page, or interrupt entry, was present */
#define EVENT_RW           0x020u /* write */
#define EVENT_PE           0x040u /* not permitted */
#define EVENT_RZ           0x080u /* reserved bits, or a reserved encoding */
#define EVENT_TR           0x100u /* translation request */
#define EVENT_MASTER_ABORT 0x200u /* hardware errors: nothing answers at the address */
#define EVENT_TYPE(n)      ((unsigned)(n) << 9) /* INVALID_DEVICE_REQUEST */

/* INVALID_DEVICE_REQUEST, type. */
enum amdvi_invalid_request {
	INVALID_INTERRUPT_READ = 0, /* not an interrupt write in the interrupt range */
	INVALID_PRETRANSLATED = 1,  /* the device may not use translated addresses */
	INVALID_PORT_IO = 2,
	INVALID_SYSMGT_WRITE = 3,
	INVALID_SYSMGT_READ = 4,
	INVALID_INTERRUPT = 5,
	INVALID_RESERVED_RANGE = 6,
};

struct amdvi_event {
	uint8_t code;
	uint16_t flags;
	uint16_t requester;
	uint16_t domain;
	uint32_t pasid; /* with EVENT_GN */
	uint64_t address;
};

/* ---- interrupt table cache ---- */

#define AMDVI_IRTE_SLOTS 1024u

struct amdvi_irte {
	uint64_t lo, hi; /* hi only in 128-bit format */
};

struct amdvi_irte_slot {
	bool full;
	uint16_t requester, index;
	struct amdvi_irte irte;
	uint64_t filled_at;
};

/* ---- messages ---- */

enum amdvi_cause { CAUSE_EVENT, CAUSE_COMPLETE, CAUSE_PPR, CAUSE_GA, AMDVI_CAUSES };

struct amdvi_message {
	bool pending;
	uint32_t data;
	uint64_t address;
};

struct amdvi_exclusion {
	uint64_t base, limit; /* as the registers stand */
};

struct amdvi {
	struct unit unit; /* must be first */

	/* Read by translations. */
	struct iotlb *tlb;
	struct amdvi_caps caps;
	struct pt_caps host_caps[4];  /* by DTE.HAD: what the walk sets */
	struct pt_caps guest_caps[2]; /* [1]: sets accessed and dirty bits */
	uint64_t devtab, control;
	struct amdvi_exclusion exclusion;
	bool strict;
	struct amdvi_dte_slot *dte; /* 65536 */
	uint64_t dte_buses[4];      /* buses with a cached entry, so that sweeps skip the others */

	pthread_mutex_t lock;
	struct phys *phys;
	struct dma_fabric *fabric;
	struct unit_env env;
	struct amdvi_reg_map map;
	uint64_t reg[AMDVI_REGS];
	uint32_t config[4];
	bool invalidating;
	pa_t late_command; /* the last one that waits for a device's answer */
	bool irte_cached;  /* some slot may be full */
	struct amdvi_irte_slot irte[AMDVI_IRTE_SLOTS];
	struct amdvi_message outbox[AMDVI_CAUSES];
};

static inline struct amdvi *amdvi_of(struct unit *unit)
{
	return sio_container_of(unit, struct amdvi, unit);
}

static inline bool amdvi_in_interrupt_range(uint64_t address)
{
	return address >= PHYS_MSI_FIRST && address <= PHYS_MSI_LAST;
}

static inline uint64_t amdvi_control(const struct amdvi *amdvi)
{
	return __atomic_load_n(&amdvi->control, __ATOMIC_RELAXED);
}

/* Where the unit itself may read and write: registers of devices are out of its reach. */
static inline bool amdvi_reachable(const struct amdvi *amdvi, pa_t pa, uint64_t len)
{
	return phys_is_ram(amdvi->phys, pa, len);
}

/* When something is cached: asked for only with strict checking, which alone wants to know. */
static inline uint64_t amdvi_clock(const struct amdvi *amdvi)
{
	const bool strict = __atomic_load_n(&amdvi->strict, __ATOMIC_RELAXED);

	return strict && amdvi->env.clock ? amdvi->env.clock(amdvi->env.ctx) : 0;
}

/* ---- amdvi.c ---- */
void amdvi_lock(struct amdvi *amdvi);
/* Unlock, then send what is in the outbox. */
void amdvi_unlock(struct amdvi *amdvi);
/* Hooks of registers, called with the lock held after the register has its new value. */
void amdvi_write_control(struct amdvi *amdvi, uint64_t before);
void amdvi_write_devtab(struct amdvi *amdvi, uint64_t before);
void amdvi_write_exclusion(struct amdvi *amdvi, uint64_t before);
/* The MSI capability, which the PCI function and perhaps the registers show. */
uint32_t amdvi_config_value(const struct amdvi *amdvi, uint32_t offset);
void amdvi_config_set(struct amdvi *amdvi, uint32_t offset, uint32_t value);

/* ---- event.c ---- */
/* A blocked request as a value. The rest of the event is made from it when it is logged. */
struct xlat amdvi_fault(enum amdvi_event_code code, unsigned flags, uint64_t detail);
unsigned amdvi_fault_flags(struct xlat x);
void amdvi_event_log(struct amdvi *amdvi, const struct amdvi_event *event);
/* Log what a translation faulted on. */
void amdvi_fault_log(struct amdvi *amdvi, const struct dma_req *req, struct xlat x);

/* ---- log.c ---- */
void amdvi_write_evtlog(struct amdvi *amdvi, uint64_t before);
void amdvi_write_pprlog(struct amdvi *amdvi, uint64_t before);
void amdvi_write_galog(struct amdvi *amdvi, uint64_t before);
/* Run bits follow the control register: set when a log is enabled, cleared when it is disabled. */
void amdvi_logs_control(struct amdvi *amdvi, uint64_t before, uint64_t now);
enum amdvi_log { LOG_EVENT, LOG_PPR, LOG_GA, AMDVI_LOGS };
/* False: the log does not run, is full, or lies where nothing answers. */
bool amdvi_log_append(struct amdvi *amdvi, enum amdvi_log log, const uint64_t words[2]);
/* Set a status bit; a message if it is new and software wants to hear of it. */
void amdvi_raise(struct amdvi *amdvi, enum amdvi_cause cause);
/* Messages for what is pending and has just been enabled. */
void amdvi_raise_enabled(struct amdvi *amdvi, uint64_t before, uint64_t now);
const char *amdvi_log_audit(const struct amdvi *amdvi);

/* ---- command.c ---- */
void amdvi_write_cmdbuf(struct amdvi *amdvi, uint64_t before);
void amdvi_write_cmd_tail(struct amdvi *amdvi, uint64_t before);
/* Work through the buffer until it is empty or a command is bad. */
void amdvi_commands_run(struct amdvi *amdvi);
/* The run bit follows the control register. */
void amdvi_commands_control(struct amdvi *amdvi, uint64_t before, uint64_t now);

/* A device has answered an invalidation, or did not in time; takes the lock. */
void amdvi_invalidated(struct unit *unit, uint16_t requester, bool in_time);

/* ---- inval.c ---- */
/* First and last step of an invalidation, around any number of removals; see iotlb.h. */
void amdvi_inval_begin(struct amdvi *amdvi);
void amdvi_inval_end(struct amdvi *amdvi);
struct amdvi_pages {
	uint16_t domain;
	uint32_t pasid;
	bool guest;       /* GN: addresses are of the guest context (domain, pasid) */
	bool directories; /* PDE: lowest page tables are forgotten as well */
	bool all;
	iova_t first, last;
};
/* [first, last] of an address with or without the size bit; `all`: everything. */
void amdvi_range_decode(uint64_t address, bool size, struct amdvi_pages *pages);
void amdvi_inval_pages(struct amdvi *amdvi, const struct amdvi_pages *pages);
void amdvi_inval_device(struct amdvi *amdvi, uint16_t requester);
void amdvi_inval_all(struct amdvi *amdvi);

/* ---- devtab.c ---- */
/* The entry as memory stands. False: *fault says why not. `pa` (or NULL) is where it lies. */
bool amdvi_dte_read(const struct amdvi *amdvi, uint16_t requester, struct amdvi_dte *dte, pa_t *pa,
		    struct xlat *fault);
/* The cached entry, if there is one. */
bool amdvi_dte_cached(const struct amdvi *amdvi, uint16_t requester, struct amdvi_dte *dte);
void amdvi_dte_fill(struct amdvi *amdvi, uint16_t requester, const struct amdvi_dte *dte);
/* Cached or read and then cached if `fill`. */
bool amdvi_dte_get(struct amdvi *amdvi, uint16_t requester, bool fill, struct amdvi_dte *dte,
		   struct xlat *fault);
/* Reserved bits, modes and lengths that this unit does not have. */
bool amdvi_dte_is_legal(const struct amdvi *amdvi, const struct amdvi_dte *dte);
/* Between the two waits of an invalidation. */
void amdvi_dte_drop(struct amdvi *amdvi, uint16_t requester);
void amdvi_dte_drop_all(struct amdvi *amdvi);

/* ---- xlat.c ---- */
/* By what tables a request is translated, once its device table entry was found good. */
struct amdvi_path {
	bool host, guest; /* both: nested */
	bool excluded;    /* the exclusion range is for this device */
	uint8_t had;      /* DTE.HAD */
	uint8_t io_perm;  /* PT_R, PT_W that the device table entry leaves */
	uint16_t domain;
	uint32_t pasid;
	struct pt_start root; /* of the v1 tables */
	pa_t gcr3;
	uint8_t gcr3_levels, guest_top;
};

struct xlat amdvi_resolve(struct unit *unit, const struct dma_req *req, bool denied,
			  struct unit_notes *notes);
/* What needs no device table entry. False: go on. */
bool amdvi_resolve_early(const struct amdvi *amdvi, const struct dma_req *req, struct xlat *x);
/* What the entry alone decides. False: the tables of *path decide. */
bool amdvi_resolve_dte(const struct amdvi *amdvi, const struct amdvi_dte *dte,
		       const struct dma_req *req, struct xlat *x, struct amdvi_path *path);
/* What a walk found, as far as the caches are concerned. */
struct amdvi_walked {
	pa_t leaf_table; /* PA_NONE: none that may be cached */
	uint8_t table_perm;
	uint8_t fill_perm; /* what may be cached: no W while D is not set, 0: nothing */
	bool absent;       /* not present: the fault is cached where such are */
};
/* A page fault as the walk found it. */
struct xlat amdvi_page_fault(const struct amdvi_path *path, enum pt_fault fault, bool present);
/* By the tables of the path as memory stands. `mark`: set accessed and dirty bits. */
struct xlat amdvi_resolve_tables(const struct amdvi *amdvi, const struct amdvi_path *path,
				 const struct dma_req *req, bool mark, struct amdvi_walked *walked);
/* By the lowest table alone, which a cache remembers. */
struct xlat amdvi_resolve_below(const struct amdvi *amdvi, const struct amdvi_path *path,
				uint64_t table, const struct dma_req *req, bool mark,
				struct amdvi_walked *walked);
/* What an IOTLB entry answers. False: nothing, the tables have to be asked again. */
bool amdvi_resolve_cached(const struct amdvi_path *path, const struct dma_req *req, uint64_t value,
			  unsigned size_lg2, struct xlat *x);
/* As a request that misses the IOTLB: from a cached table or the root; fills if it may. */
struct xlat amdvi_resolve_miss(struct amdvi *amdvi, const struct amdvi_path *path,
			       const struct dma_req *req, bool fill);
/* From the IOTLB, else as above. */
struct xlat amdvi_resolve_path(struct amdvi *amdvi, const struct amdvi_path *path,
			       const struct dma_req *req, bool fill);
/* The tag that entries for this request have, 0: none. */
uint64_t amdvi_tag(struct amdvi *amdvi, const struct amdvi_path *path, const struct dma_req *req,
		   bool fill);
/* Everything from memory, no trace left. */
struct xlat amdvi_resolve_fresh(const struct amdvi *amdvi, const struct amdvi_dte *dte,
				const struct dma_req *req);
/* Open the short way of a hit to a requester, if its entry allows. */
void amdvi_open_short_way(struct amdvi *amdvi, uint16_t requester, const struct amdvi_dte *dte);

/* ---- guest.c ---- */
/* The root of a PASID's v2 tables. False: *fault says why not. `trail` may be NULL. */
bool amdvi_gcr3_read(const struct amdvi *amdvi, const struct amdvi_path *path, pa_t *root,
		     struct xlat *fault, struct amdvi_trail *trail);
/* By the v2 tables, nested in the v1 tables if the path has both. */
struct xlat amdvi_resolve_guest(const struct amdvi *amdvi, const struct amdvi_path *path,
				const struct dma_req *req, bool mark, struct amdvi_walked *walked);
void amdvi_walk_guest(const struct amdvi *amdvi, const struct amdvi_path *path,
		      const struct dma_req *req, struct amdvi_trail *trail);
/* What of a guest page a request needs. */
unsigned amdvi_guest_need(const struct amdvi *amdvi, const struct dma_req *req);

/* ---- ats.c ---- */
extern const struct ats_ops amdvi_ats_ops;
/* The flag, beside enum xlat_flags, of a fault that a translation request met. */
#define AMDVI_XLAT_TR 0x80u
/* The flag, for translations inside the unit only, of a page that no device may cache. */
#define AMDVI_XLAT_UNTRANSLATED 0x40u
/* What a translation request faulted on, with all that an event needs. */
struct xlat amdvi_ats_fault(struct amdvi *amdvi, const struct dma_req *req);

/* ---- intremap.c ---- */
void amdvi_interrupt(struct unit *unit, const struct dma_req *req, uint32_t data);
void amdvi_irte_drop(struct amdvi *amdvi, uint16_t requester);
void amdvi_irte_drop_all(struct amdvi *amdvi);

/* ---- strict.c ---- */
struct xlat amdvi_resolve_strict(struct amdvi *amdvi, const struct dma_req *req,
				 struct unit_notes *notes);

#endif
