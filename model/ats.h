/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The translation cache ("device TLB") and the page requests of a PCI function, whatever the vendor
 * of the unit above it.
 *
 * A function with address translation services asks its unit for a translation, keeps the answer,
 * and from then on sends *translated* requests, which the unit lets pass without a look at any
 * table. What it keeps goes away only by an invalidation request that software queues at the unit:
 * until that arrives, a page that was unmapped is still reached.
 *
 *   device model -> ats_access() -> cache hit: unit's admit(), then memory
 *                                -> miss: unit's translate(), fill, and so on
 *   unit's queue -> ats_invalidate() -> entries gone -> completion, or none in time
 *   device model -> ats_page_request() -> unit's queue ... software ... -> ats_respond()
 *
 * Threads: one thread uses a function (through its port); invalidations and responses may come from
 * any other, with the unit's lock held. The cache's mutex is taken inside the port and held for one
 * access, so that no access by an entry outlives the removal of it. Under it nobody takes the
 * unit's lock. Functions are created and destroyed while nobody else uses their unit.
 *
 * Source: PCI Express Base, "Address Translation Services", "Page Request Services".
 */
#ifndef MODEL_ATS_H
#define MODEL_ATS_H

#include "dma.h"

/* ---- what a unit answers ---- */

enum ats_status {
	ATS_SUCCESS,
	ATS_UNSUPPORTED, /* the unit does not translate for this function */
	ATS_ABORTED,     /* the unit met an error of its own */
};

/* The completion of a translation request. */
struct ats_answer {
	uint8_t status;    /* enum ats_status */
	uint8_t reason;    /* a fault to be recorded, 0: none. SUCCESS never has one */
	uint8_t flags;     /* enum xlat_flags of that fault */
	uint8_t perm;      /* PT_R, PT_W; 0: not present, ask with a page request */
	uint8_t size_lg2;  /* pa holds for so much around the address */
	bool untranslated; /* the page is to be reached by untranslated requests only */
	pa_t pa;           /* of the first byte */
	uint64_t clock;    /* of the machine, 0 if the unit does not keep it */
};

/* A page request message: "let me reach this page". */
struct ats_page_request {
	uint16_t requester;
	bool has_pasid;
	uint32_t pasid;
	iova_t iova; /* of a page */
	bool read, write, execute, privileged;
	bool last;      /* of its group */
	uint16_t group; /* 9 bits */
};

/*
 * What a vendor's unit implements (unit_ops.ats). translate, admit and check run inside a DMA port:
 * they call nobody back and take no lock. What is to be recorded comes later through
 * unit_ops.conclude.
 */
struct ats_ops {
	/* A translation request of req->len bytes at least 1; kind DMA_READ: no write is meant. */
	struct ats_answer (*translate)(struct unit *unit, const struct dma_req *req,
				       struct unit_notes *notes);
	/* A translated request, req->iova being physical: reason 0 lets it pass. */
	struct xlat (*admit)(struct unit *unit, const struct dma_req *req);
	/* A hit in a function's cache: with strict checking, note it if memory says otherwise. */
	void (*check)(struct unit *unit, const struct dma_req *req, struct xlat cached,
		      uint64_t filled_at, struct unit_notes *notes);
	/* False: nobody takes page requests, and none will be answered. */
	bool (*page_request)(struct unit *unit, const struct ats_page_request *req);
	/* An invalidation that ats_invalidate() left waiting was answered, or timed out. */
	void (*invalidated)(struct unit *unit, uint16_t requester, bool in_time);
	/* May be NULL. After that: an answer came for which the unit does not wait any more. */
	void (*unexpected)(struct unit *unit, uint16_t requester);
};

/* ---- what a unit sends; the unit's lock may be held ---- */

struct ats_invalidation {
	uint16_t requester;
	bool has_pasid;
	bool global; /* with PASID: of every PASID */
	uint32_t pasid;
	iova_t first, last; /* [0, ~0]: everything */
};

enum ats_inval_state {
	ATS_INVAL_DONE,
	ATS_INVAL_WAITS,     /* invalidated() will tell */
	ATS_INVAL_TIMED_OUT, /* no such function, it is switched off, or it does not answer */
};

/* What an invalidation request covers: one page, or (size, the S bit) what the address encodes. */
void ats_decode_range(uint64_t address, bool size, iova_t *first, iova_t *last);
enum ats_inval_state ats_invalidate(struct unit *unit, const struct ats_invalidation *inval);
/* Some function of the unit has an invalidation request that it has not answered yet. */
bool ats_waiting(const struct unit *unit);

enum ats_response_code {
	ATS_RESPONSE_SUCCESS = 0,
	ATS_RESPONSE_INVALID = 1,
	ATS_RESPONSE_FAILURE = 0xf,
};

/* A page group response message. */
struct ats_response {
	uint16_t requester;
	bool has_pasid;
	uint32_t pasid;
	uint16_t group;
	uint8_t code; /* enum ats_response_code */
};

/* False: no such function, or it has no such group open; the message is lost. */
bool ats_respond(struct unit *unit, const struct ats_response *response);

/* ---- the function's side ---- */

struct ats_cfg {
	struct phys *phys;
	uint16_t segment, requester;
	unsigned entries; /* 0: 64 */
};

/*
 * NULL: no memory. Both services are off. The port and its fabric outlive the function, and the
 * unit that serves the requester has claimed it before.
 */
struct ats_cache *ats_create(struct dma_port *port, const struct ats_cfg *cfg);
void ats_destroy(struct ats_cache *cache);

/* The enable bits of the two capabilities. Whatever is cached goes when translation is switched
 * on. Switching page requests on or off forgets open groups. */
void ats_enable(struct ats_cache *cache, bool translation, bool page_requests);

/* A function of that id has a translation cache. */
bool ats_function_present(const struct unit *unit, uint16_t requester);
/* ats_enable() by whoever configures the function, from the other side of the bus. False: there is
 * none. */
bool ats_function_enable(struct unit *unit, uint16_t requester, bool translation,
			 bool page_requests);

enum ats_outcome {
	ATS_OK,
	ATS_NOT_PERMITTED, /* not present, or not for this kind of access: nothing was recorded */
	ATS_BLOCKED,       /* as `fault` says, if its reason is not 0 */
	ATS_NOWHERE,       /* translated to an address where nothing answers */
};

struct ats_result {
	uint64_t done; /* bytes moved before the first that could not be */
	enum ats_outcome outcome;
	struct dma_fault fault;
};

/* As dma_access(), by translated requests where translation is on. segment and requester of the
 * request are the function's own, whatever *req says. */
struct ats_result ats_access(struct ats_cache *cache, const struct dma_req *req, void *buf);
/* A translation request for req's first byte, cached as any; for prefetching. */
struct ats_answer ats_translate(struct ats_cache *cache, const struct dma_req *req);
/* A translated request to an address of the device's own invention. */
struct ats_result ats_access_translated(struct ats_cache *cache, enum dma_kind kind, pa_t pa,
					void *buf, uint64_t len);

/* False: page requests are off, or the group is in use already and was closed or answered. */
bool ats_page_request(struct ats_cache *cache, const struct ats_page_request *req);
/* The answer to a group, once; false: none yet. The group is free again afterwards. */
bool ats_next_response(struct ats_cache *cache, struct ats_response *response);

/* How the function treats invalidation requests: at once, when ats_complete() says, or never. */
enum ats_manners { ATS_PROMPT, ATS_LATER, ATS_MUTE };
void ats_set_manners(struct ats_cache *cache, enum ats_manners manners);
/*
 * Do the invalidations that wait and complete them; in_time false: the unit had given up waiting
 * before that, so the answer is unexpected. Returns how many there were.
 */
unsigned ats_complete(struct ats_cache *cache, bool in_time);

/* Entries in use; for tests and reports. */
unsigned ats_count(struct ats_cache *cache);
/* NULL when all hold, else what does not. */
const char *ats_audit(struct ats_cache *cache);

#endif
