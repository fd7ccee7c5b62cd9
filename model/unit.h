/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An IOMMU unit as the rest of the machine sees it, and the request that reaches it.
 *
 * A request is a struct and so is the answer: a fault is a value, reported like silicon, never an
 * error code. Units translate without a lock: any thread that holds a port (struct dma_port) may
 * call translate() while the control plane changes tables and queues invalidations.
 */
#ifndef MODEL_UNIT_H
#define MODEL_UNIT_H

#include "base.h"
#include "phys.h"

#include <string.h>

enum dma_kind { DMA_READ, DMA_WRITE }; /* 1 << kind is the permission needed: PT_R, PT_W */

struct dma_req {
	uint16_t segment;
	uint16_t requester; /* bus << 8 | device << 3 | function */
	bool has_pasid;
	uint32_t pasid;
	iova_t iova;
	uint64_t len; /* bytes; 0 is a zero-length read */
	enum dma_kind kind;
	bool execute, privileged; /* of a request with PASID */
};

static SIO_ALWAYS_INLINE unsigned dma_need(const struct dma_req *req)
{
	return 1u << req->kind;
}

/* A blocked request, as the unit's fault log names it. reason 0: no fault. */
struct dma_fault {
	uint8_t reason; /* the manual's code */
	uint16_t requester;
	enum dma_kind kind;
	iova_t iova; /* of the first byte that faulted */
};

/* What else there is to say of a translation. */
enum xlat_flags {
	XLAT_SILENT =
		1, /* a fault that is not recorded: software asked for that, or the unit is so */
	XLAT_INTERRUPT = 2, /* a write that is an interrupt request, not a memory access */
	XLAT_UNSUPPORTED =
		4, /* answered as an unsupported request: nothing there, no fault either */
};

/* A translation of the first byte; it holds for the rest of the (1 << size_lg2)-byte page. */
struct xlat {
	uint8_t reason; /* 0: translated */
	uint8_t size_lg2;
	uint8_t perm;  /* PT_R, PT_W, PT_SNP */
	uint8_t flags; /* enum xlat_flags */
	pa_t pa;
};

/*
 * A translation that succeeded, its small fields written as one word: a caller that returns or
 * copies the struct whole would otherwise wait for four narrow stores to reach the cache.
 */
static SIO_ALWAYS_INLINE struct xlat xlat_success(pa_t pa, unsigned size_lg2, unsigned perm)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const uint64_t head = (uint64_t)size_lg2 << 8 | (uint64_t)perm << 16;
	struct xlat x;

	_Static_assert(offsetof(struct xlat, size_lg2) == 1 && offsetof(struct xlat, perm) == 2 &&
			       offsetof(struct xlat, pa) == sizeof(head),
		       "the fields are where the word puts them");
	memcpy(&x, &head, sizeof(head));
	x.pa = pa;
	return x;
#else
	return (struct xlat){.size_lg2 = (uint8_t)size_lg2, .perm = (uint8_t)perm, .pa = pa};
#endif
}

/* A cache hit that a fresh walk does not confirm. Only with strict checking. */
struct stale_use {
	const char *unit;
	/*
	 * "IOTLB", "context cache", "paging-structure cache", "device TLB", "interrupt entry
	 * cache".
	 */
	const char *cache;
	/* An interrupt entry: iova is its index, pa its low half as the unit holds it. */
	bool interrupt;
	uint16_t requester;
	uint16_t domain_id;
	enum dma_kind kind;
	iova_t iova;
	struct xlat cached;
	struct xlat fresh;  /* reason != 0: the tables no longer translate it */
	uint64_t filled_at; /* clock of the machine when the entry was cached */
};

/* How an interrupt is delivered: the delivery mode field of messages and of table entries. */
enum irq_mode {
	IRQ_FIXED = 0,
	IRQ_LOWEST_PRIORITY = 1,
	IRQ_SMI = 2,
	IRQ_NMI = 4,
	IRQ_INIT = 5,
	IRQ_EXTINT = 7,
};

/* A device's interrupt request after remapping: what reaches the processors. */
struct irq_message {
	uint16_t requester;
	bool remapped; /* by a table entry; false: the request said so itself */
	bool posted;   /* the notification of a posted interrupt */
	bool logical;  /* destination mode */
	bool redirect; /* redirection hint */
	bool level;    /* trigger mode */
	uint8_t mode;  /* enum irq_mode */
	uint8_t vector;
	uint32_t destination;
};

/* What a unit asks of the machine around it. Callbacks run on the thread that caused them. */
struct unit_env {
	void *ctx;
	/* A message signalled interrupt: fault, invalidation or page-request event. */
	void (*msi)(void *ctx, uint64_t address, uint32_t data);
	void (*stale)(void *ctx, const struct stale_use *use);
	/* Monotonic operation count of the machine, for stale_use.filled_at. May be NULL. */
	uint64_t (*clock)(void *ctx);
	/* A device's interrupt request, decoded. NULL: msi() gets it in the compatibility format.
	 */
	void (*interrupt)(void *ctx, const struct irq_message *irq);
};

/* Stale uses that one translation met, to be reported once it is over. */
struct unit_notes {
	unsigned count;
	struct stale_use stale[3];
};

struct unit;
struct keep;
struct iotlb;
struct ats_ops;
struct ats_cache;

struct unit_ops {
	/* Translate and report. For a thread that is sure that nobody invalidates meanwhile. */
	struct xlat (*translate)(struct unit *unit, const struct dma_req *req);
	/*
	 * The two halves of translate(), for the DMA fabric. resolve() runs after a lookup in `tlb`
	 * has missed (or, denied: found a page without the permission); it calls nobody back and
	 * takes no lock, so that invalidation can wait for it. notes->count is 0 on entry.
	 * conclude() records the fault and reports the notes, and may call back. It is needed only
	 * if there are any.
	 */
	struct xlat (*resolve)(struct unit *unit, const struct dma_req *req, bool denied,
			       struct unit_notes *notes);
	void (*conclude)(struct unit *unit, const struct dma_req *req, struct xlat x,
			 const struct unit_notes *notes);
	/* A device's interrupt request: a 4-byte write for which resolve() said XLAT_INTERRUPT. */
	void (*interrupt)(struct unit *unit, const struct dma_req *req, uint32_t data);
	uint64_t (*mmio_read)(struct unit *unit, uint32_t offset, unsigned width);
	void (*mmio_write)(struct unit *unit, uint32_t offset, unsigned width, uint64_t value);
	/* Compare every cache hit with a fresh walk and report differences to env.stale. */
	void (*set_strict)(struct unit *unit, bool on);
	const char *(*audit)(const struct unit *unit);
	/* The state after power-on; strict checking stays as it is. Nobody does DMA meanwhile, and
	 * what devices with translation caches keep is theirs. */
	void (*reset)(struct unit *unit);
	/*
	 * May be NULL: only reset() goes back. Nothing is cached: add what is to be put back; and
	 * when that has been done, empty the caches. Nobody does DMA meanwhile.
	 */
	void (*keep)(struct unit *unit, struct keep *keep);
	void (*rewind)(struct unit *unit);
	void (*destroy)(struct unit *unit);
	/* What devices with translation caches ask, see ats.h. NULL: nothing is answered. */
	const struct ats_ops *ats;
};

/* First member of every vendor's unit. */
struct unit {
	const struct unit_ops *ops;
	const char *name; /* "dmar0"; owned by the unit */
	struct iotlb *tlb;
	struct ats_cache *ats_functions; /* functions with a translation cache, see ats.h */
};

#endif
