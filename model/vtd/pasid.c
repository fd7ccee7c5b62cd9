// SPDX-License-Identifier: GPL-2.0-only
/*
 * The caches of scalable mode: context entries by requester, and PASID entries by requester and
 * PASID (the "PASID cache").
 *
 * Source: Intel VT-d, "Context-Cache", "PASID-Cache", "Invalidation of Translation Caches".
 *
 * A PASID entry is one word, as in legacy mode; what does not fit lies in a pool, whose entries are
 * written once and stay until both caches are emptied to make room. For requests without PASID the
 * outcome of both lookups is left in iotlb.context as a shortcut, so that a hit costs what it costs
 * in legacy mode. A shortcut goes whenever one of its two entries does.
 *
 * Lookups take no lock. Fills take `lock`, under which nobody waits for anything, and only while
 * the unit's caches may be filled; removal happens with fills stopped, see iotlb.h.
 */
#include "vtd/vtd_unit.h"

#include <stdlib.h>
#include <string.h>

#define LINES_LG2  12u
#define SPACES_MAX 8192u

#define LINE_USED      SIO_BIT(63)
#define LINE_REQUESTER SIO_MASK(47, 32)
#define LINE_PASID     SIO_MASK(31, 0)

struct cached_context {
	bool valid;
	struct vtd_sm_context context;
	uint64_t filled_at;
};

struct vtd_scalable {
	pthread_mutex_t lock;
	uint64_t buses[4]; /* with a context entry */
	struct cached_context context[65536];
	struct iotlb_entry line[1u << LINES_LG2]; /* key: requester and PASID; value: word */
	uint64_t line_filled_at[1u << LINES_LG2];
	struct vtd_space space[SPACES_MAX];
	uint32_t spaces;
	bool full; /* a space found no room */
};

bool vtd_sm_init(struct vtd *vtd)
{
	if (!vtd->caps.scalable)
		return true;
	/* Zeroed lazily by the host: what is never used costs nothing. */
	vtd->sm = fail_calloc("vtd.create.scalable", 1, sizeof(*vtd->sm));
	if (!vtd->sm)
		return false;
	pthread_mutex_init(&vtd->sm->lock, NULL);
	return true;
}

void vtd_sm_fini(struct vtd *vtd)
{
	if (!vtd->sm)
		return;
	pthread_mutex_destroy(&vtd->sm->lock);
	free(vtd->sm);
}

void vtd_sm_reset(struct vtd *vtd)
{
	if (!vtd->sm)
		return;
	vtd_sm_flush_contexts(vtd);
	vtd_sm_flush_spaces(vtd);
	vtd->sm->spaces = 0;
	vtd->sm->full = false;
}

static uint64_t now(const struct vtd *vtd)
{
	return vtd->env.clock ? vtd->env.clock(vtd->env.ctx) : 0;
}

/* Caching mode caches entries that are not present as well; other faults are never cached. */
static bool may_cache(const struct vtd *vtd, uint64_t word)
{
	return !(word & VTD_WORD_FAULT) || (vtd->caps.caching_mode && (word & VTD_WORD_ABSENT));
}

/* ---- context entries ---- */

bool vtd_sm_context_cached(const struct vtd *vtd, uint16_t requester,
			   struct vtd_sm_context *context)
{
	const struct cached_context *cached;

	if (!vtd->sm)
		return false;
	cached = &vtd->sm->context[requester];
	if (!__atomic_load_n(&cached->valid, __ATOMIC_ACQUIRE))
		return false;
	*context = cached->context;
	return true;
}

void vtd_sm_context_fill(struct vtd *vtd, uint16_t requester, const struct vtd_sm_context *context)
{
	struct vtd_scalable *sm = vtd->sm;
	struct cached_context *cached;

	if (!sm || !may_cache(vtd, context->word))
		return;
	cached = &sm->context[requester];
	pthread_mutex_lock(&sm->lock);
	if (!cached->valid) {
		cached->context = *context;
		cached->filled_at = now(vtd);
		sm->buses[requester >> 14] |= SIO_BIT(requester >> 8 & 63);
		__atomic_store_n(&cached->valid, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&sm->lock);
}

uint64_t vtd_sm_context_filled_at(const struct vtd *vtd, uint16_t requester)
{
	return vtd->sm->context[requester].filled_at;
}

uint64_t vtd_sm_context_bits(const struct vtd_sm_context *context)
{
	return (context->silent ? VTD_WORD_FPD : 0) | (context->device_tlb ? VTD_WORD_ATS : 0);
}

/* ---- spaces ---- */

static uint64_t line_key(uint16_t requester, uint32_t pasid)
{
	return LINE_USED | SIO_FIELD_PREP(LINE_REQUESTER, requester) | pasid;
}

static unsigned line_index(uint64_t key)
{
	return (unsigned)(iotlb_mix(key) >> (64 - LINES_LG2));
}

/* The key of a line in use, else 0. */
static uint64_t line_found(const struct iotlb_entry *line)
{
	return line->value ? line->check ^ iotlb_mix(line->value) : 0;
}

static void drop_shortcut(struct vtd *vtd, uint16_t requester)
{
	__atomic_store_n(&vtd->tlb->context[requester], 0, __ATOMIC_RELAXED);
}

struct vtd_space vtd_space_of(const struct vtd *vtd, uint64_t word)
{
	struct vtd_space space = {.word = word};

	if (!vtd_word_is_wide(word))
		return space;
	space = vtd->sm->space[SIO_FIELD_GET(VTD_WORD_SPACE, word)];
	space.word = word;
	return space;
}

bool vtd_sm_space_cached(const struct vtd *vtd, uint16_t requester, uint32_t pasid,
			 struct vtd_space *space)
{
	const uint64_t key = line_key(requester, pasid);
	uint64_t word;

	if (!vtd->sm || !iotlb_match(&vtd->sm->line[line_index(key)], key, &word) || !word)
		return false;
	*space = vtd_space_of(vtd, word);
	return true;
}

/* Give a wide space its place in the pool and its slot. False: there is no room. */
static bool pool_add(struct vtd *vtd, struct vtd_space *space)
{
	const uint32_t variant = space->kind == IOTLB_SECOND ? space->flags : space->pasid;
	struct vtd_scalable *sm = vtd->sm;
	uint32_t slot;

	slot = iotlb_slot_get(vtd->tlb, space->kind, space->domain, variant);
	if (slot == IOTLB_SLOTS || sm->spaces == SPACES_MAX) {
		__atomic_store_n(&sm->full, true, __ATOMIC_RELAXED);
		return false;
	}
	space->word = (space->word & ~(VTD_WORD_SPACE | IOTLB_WORD_SLOT)) |
		      SIO_FIELD_PREP(VTD_WORD_SPACE, sm->spaces) | slot;
	sm->space[sm->spaces++] = *space;
	return true;
}

/* Enter a space under its key. False: it is of no kind that is cached, or there is no room. */
static bool line_enter(struct vtd *vtd, uint64_t key, struct vtd_space *space)
{
	struct vtd_scalable *sm = vtd->sm;
	struct iotlb_entry *line = &sm->line[line_index(key)];
	const uint64_t displaced = line_found(line);

	if (!may_cache(vtd, space->word))
		return false;
	if (vtd_word_is_wide(space->word) && !pool_add(vtd, space))
		return false;
	if (displaced)
		drop_shortcut(vtd, (uint16_t)SIO_FIELD_GET(LINE_REQUESTER, displaced));
	iotlb_put(line, key, space->word);
	sm->line_filled_at[line_index(key)] = now(vtd);
	return true;
}

void vtd_sm_space_fill(struct vtd *vtd, const struct dma_req *req,
		       const struct vtd_sm_context *context, uint32_t pasid,
		       struct vtd_space *space)
{
	const uint64_t key = line_key(req->requester, pasid);
	struct vtd_scalable *sm = vtd->sm;
	bool cached;

	if (!sm)
		return;
	pthread_mutex_lock(&sm->lock);
	/* Another thread may have been here first. */
	cached = vtd_sm_space_cached(vtd, req->requester, pasid, space) ||
		 line_enter(vtd, key, space);
	if (cached && !req->has_pasid && sm->context[req->requester].valid)
		iotlb_fill_context(vtd->tlb, req->requester,
				   space->word | vtd_sm_context_bits(context));
	pthread_mutex_unlock(&sm->lock);
}

uint64_t vtd_sm_space_filled_at(const struct vtd *vtd, uint16_t requester, uint32_t pasid)
{
	return vtd->sm->line_filled_at[line_index(line_key(requester, pasid))];
}

/* ---- removal ---- */

static void drop_context(struct vtd *vtd, uint16_t requester)
{
	__atomic_store_n(&vtd->sm->context[requester].valid, false, __ATOMIC_RELAXED);
	drop_shortcut(vtd, requester);
}

void vtd_sm_flush_contexts(struct vtd *vtd)
{
	if (!vtd->sm)
		return;
	for (uint32_t bus = 0; bus < 256; bus++) {
		if (!(vtd->sm->buses[bus / 64] & SIO_BIT(bus % 64)))
			continue;
		for (uint32_t i = bus << 8; i < (bus + 1) << 8; i++)
			drop_context(vtd, (uint16_t)i);
	}
	memset(vtd->sm->buses, 0, sizeof(vtd->sm->buses));
}

void vtd_sm_flush_context(struct vtd *vtd, uint16_t requester, uint16_t ignore)
{
	const uint32_t base = requester & ~ignore & 0xffffu;

	if (!vtd->sm)
		return;
	for (uint32_t bits = ignore;; bits = (bits - 1) & ignore) {
		drop_context(vtd, (uint16_t)(base | bits));
		if (bits == 0)
			break;
	}
}

/* Drop the lines of a domain, of one PASID in it, or all. */
struct line_filter {
	bool all, any_pasid;
	uint16_t domain;
	uint32_t pasid;
};

static void drop_lines(struct vtd *vtd, const struct line_filter *filter)
{
	struct vtd_scalable *sm = vtd->sm;

	for (uint32_t i = 0; sm && i < 1u << LINES_LG2; i++) {
		const uint64_t key = line_found(&sm->line[i]);
		struct vtd_space space;

		if (!key)
			continue;
		space = vtd_space_of(vtd, sm->line[i].value);
		if (!filter->all && vtd_space_domain(&space) != filter->domain)
			continue;
		if (!filter->all && !filter->any_pasid &&
		    SIO_FIELD_GET(LINE_PASID, key) != filter->pasid)
			continue;
		drop_shortcut(vtd, (uint16_t)SIO_FIELD_GET(LINE_REQUESTER, key));
		__atomic_store_n(&sm->line[i].check, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&sm->line[i].value, 0, __ATOMIC_RELAXED);
	}
}

void vtd_sm_flush_domain(struct vtd *vtd, uint16_t domain)
{
	drop_lines(vtd, &(struct line_filter){.domain = domain, .any_pasid = true});
}

void vtd_sm_flush_pasid(struct vtd *vtd, uint16_t domain, uint32_t pasid)
{
	drop_lines(vtd, &(struct line_filter){.domain = domain, .pasid = pasid});
}

void vtd_sm_flush_spaces(struct vtd *vtd)
{
	drop_lines(vtd, &(struct line_filter){.all = true});
}

void vtd_sm_renew(struct vtd *vtd)
{
	if (!vtd->sm || !(vtd->sm->full || vtd->tlb->pairs_full))
		return;
	/* The pool begins anew, so nothing may name a place in it; a cache may drop what it likes.
	 */
	vtd_sm_flush_spaces(vtd);
	iotlb_flush_contexts(vtd->tlb);
	vtd->sm->spaces = 0;
	vtd->sm->full = false;
}

/* ---- audit ---- */

const char *vtd_sm_audit(const struct vtd *vtd)
{
	const struct vtd_scalable *sm = vtd->sm;

	for (uint32_t i = 0; sm && i < 1u << LINES_LG2; i++) {
		const uint64_t key = line_found(&sm->line[i]), word = sm->line[i].value;

		if (!key)
			continue;
		if (line_index(key) != i)
			return "a PASID cache line lies where no lookup finds it";
		if (vtd_word_is_wide(word) && SIO_FIELD_GET(VTD_WORD_SPACE, word) >= sm->spaces)
			return "a PASID cache line names a space that was never entered";
		if (vtd_word_is_wide(word) && (word & IOTLB_WORD_SLOT) >= IOTLB_SLOTS)
			return "a PASID cache line names a slot that does not exist";
	}
	return NULL;
}
