// SPDX-License-Identifier: GPL-2.0-only
/*
 * The translation cache and the page requests of a PCI function. See ats.h.
 *
 * Source: PCI Express Base, "Address Translation Services", "ATS Invalidation", "Page Request
 * Services".
 *
 * The cache is a small array searched in order and filled round robin. An entry that lacks the
 * permission asked for is no hit: the function asks again, since permissions may be added without
 * an invalidation. Answers without any permission are not kept.
 *
 * A function that takes its time with an invalidation request keeps using what it has until then.
 *
 * Invariant: entries of one address space do not overlap (ats_audit()).
 */
#include "ats.h"

#include "dma_port.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_DEFAULT 64u
#define ENTRIES_MAX     65536u
#define WAITING_MAX     32u /* requests that a function can have outstanding */
#define GROUPS          512u
#define PIECE_MAX       (UINT64_C(1) << 16)
#define SIZE_LG2_MAX    57u

struct ats_entry {
	bool used, has_pasid;
	uint8_t perm;
	uint8_t size_lg2;
	uint32_t pasid;
	iova_t first, last;
	pa_t pa; /* of first */
	uint64_t filled_at;
};

enum group_state {
	GROUP_FREE,
	GROUP_OPEN,   /* more requests may come */
	GROUP_CLOSED, /* the last was sent */
	GROUP_ANSWERED,
};

struct ats_group {
	uint8_t state; /* enum group_state */
	uint8_t code;
	bool has_pasid;
	uint32_t pasid;
};

struct ats_cache {
	struct ats_cache *next; /* of the same unit */
	struct dma_port *port;
	struct phys *phys;
	struct unit *unit; /* NULL: none serves this requester */
	uint16_t segment, requester;
	pthread_mutex_t lock; /* guards what follows */
	bool translation, page_requests;
	enum ats_manners manners;
	unsigned count, place, hint; /* entries; where the next fill goes; the last hit */
	unsigned waiting_count;
	struct ats_invalidation waiting[WAITING_MAX];
	struct ats_group group[GROUPS];
	struct ats_entry entry[];
};

/* ---- entries ---- */

static bool entry_covers(const struct ats_entry *entry, const struct dma_req *req)
{
	return entry->used && req->iova >= entry->first && req->iova <= entry->last &&
	       entry->has_pasid == req->has_pasid &&
	       (!entry->has_pasid || entry->pasid == req->pasid);
}

static struct ats_entry *entry_find(struct ats_cache *cache, const struct dma_req *req)
{
	struct ats_entry *entry = &cache->entry[cache->hint];

	if (entry_covers(entry, req))
		return entry;
	for (unsigned i = 0; i < cache->count; i++) {
		if (entry_covers(&cache->entry[i], req)) {
			cache->hint = i;
			return &cache->entry[i];
		}
	}
	return NULL;
}

static bool invalidation_covers(const struct ats_invalidation *inval, const struct ats_entry *entry)
{
	if (!entry->used || entry->first > inval->last || entry->last < inval->first ||
	    entry->has_pasid != inval->has_pasid)
		return false;
	return !inval->has_pasid || inval->global || inval->pasid == entry->pasid;
}

static void entries_remove(struct ats_cache *cache, const struct ats_invalidation *inval)
{
	for (unsigned i = 0; i < cache->count; i++) {
		if (invalidation_covers(inval, &cache->entry[i]))
			cache->entry[i].used = false;
	}
}

static unsigned entry_place(struct ats_cache *cache)
{
	unsigned place;

	for (place = 0; place < cache->count; place++) {
		if (!cache->entry[place].used)
			return place;
	}
	place = cache->place;
	cache->place = (place + 1) % cache->count;
	return place;
}

static void entry_fill(struct ats_cache *cache, const struct dma_req *req,
		       const struct ats_answer *answer)
{
	const uint64_t inside = SIO_BIT(answer->size_lg2) - 1;
	const struct ats_invalidation instead = {
		.has_pasid = req->has_pasid,
		.pasid = req->pasid,
		.first = req->iova & ~inside,
		.last = req->iova | inside,
	};
	unsigned place;

	entries_remove(cache, &instead);
	place = entry_place(cache);
	cache->entry[place] = (struct ats_entry){
		.used = true,
		.has_pasid = req->has_pasid,
		.perm = answer->perm,
		.size_lg2 = answer->size_lg2,
		.pasid = req->pasid,
		.first = instead.first,
		.last = instead.last,
		.pa = answer->pa - (req->iova & inside),
		.filled_at = answer->clock,
	};
	cache->hint = place;
}

/* ---- requests; inside the port, with the cache's lock held ---- */

/* Where a page is, and for how many bytes more. */
struct place {
	struct ats_answer answer;
	uint64_t left;
};

static struct place place_hit(const struct ats_cache *cache, const struct ats_entry *entry,
			      const struct dma_req *req, struct unit_notes *notes)
{
	const pa_t pa = entry->pa + (req->iova - entry->first);
	const struct xlat cached = xlat_success(pa, entry->size_lg2, entry->perm);

	cache->unit->ops->ats->check(cache->unit, req, cached, entry->filled_at, notes);
	return (struct place){
		.answer = {.perm = entry->perm, .size_lg2 = entry->size_lg2, .pa = pa},
		.left = entry->last - req->iova + 1,
	};
}

static struct place place_miss(struct ats_cache *cache, const struct dma_req *req,
			       struct unit_notes *notes)
{
	struct place place = {.answer.status = ATS_UNSUPPORTED};
	struct ats_answer *answer = &place.answer;

	if (!cache->unit || !cache->unit->ops->ats)
		return place;
	*answer = cache->unit->ops->ats->translate(cache->unit, req, notes);
	if (answer->status != ATS_SUCCESS)
		return place;
	if (answer->size_lg2 > SIZE_LG2_MAX)
		answer->size_lg2 = SIZE_LG2_MAX;
	if (answer->perm && !answer->untranslated)
		entry_fill(cache, req, answer);
	place.left = SIO_BIT(answer->size_lg2) - (req->iova & (SIO_BIT(answer->size_lg2) - 1));
	return place;
}

static struct place place_find(struct ats_cache *cache, const struct dma_req *req,
			       struct unit_notes *notes)
{
	const struct ats_entry *entry = entry_find(cache, req);

	if (entry && (entry->perm & dma_need(req)))
		return place_hit(cache, entry, req, notes);
	return place_miss(cache, req, notes);
}

static void enter(struct ats_cache *cache)
{
	dma_port_enter(cache->port);
	pthread_mutex_lock(&cache->lock);
}

static void leave(struct ats_cache *cache)
{
	pthread_mutex_unlock(&cache->lock);
	dma_port_leave(cache->port);
}

static void conclude(const struct ats_cache *cache, const struct dma_req *req, struct xlat x,
		     const struct unit_notes *notes)
{
	if (x.reason || notes->count)
		cache->unit->ops->conclude(cache->unit, req, x, notes);
}

static struct dma_req own_request(const struct ats_cache *cache, const struct dma_req *req)
{
	struct dma_req own = *req;

	own.segment = cache->segment;
	own.requester = cache->requester;
	return own;
}

struct ats_answer ats_translate(struct ats_cache *cache, const struct dma_req *req)
{
	const struct dma_req own = own_request(cache, req);
	struct unit_notes notes = {.count = 0};
	struct place place = {.answer.status = ATS_UNSUPPORTED};

	enter(cache);
	if (cache->translation)
		place = place_find(cache, &own, &notes);
	leave(cache);
	conclude(cache, &own,
		 (struct xlat){.reason = place.answer.reason, .flags = place.answer.flags}, &notes);
	return place.answer;
}

/* ---- access ---- */

static bool copy(struct phys *phys, enum dma_kind kind, pa_t pa, void *buf, uint64_t len)
{
	return kind == DMA_READ ? phys_read(phys, pa, buf, len) : phys_write(phys, pa, buf, len);
}

/* A piece that is not memory, or goes the way of functions without a cache: outside the port. */
static uint64_t move_elsewhere(struct ats_cache *cache, const struct dma_req *req, pa_t pa,
			       bool untranslated, void *buf, struct ats_result *result)
{
	struct dma_result plain;

	if (!untranslated) {
		if (copy(cache->phys, req->kind, pa, buf, req->len))
			return req->len;
		result->outcome = ATS_NOWHERE;
		return 0;
	}
	plain = dma_access(cache->port, req, buf);
	result->fault = plain.fault;
	if (plain.fault.reason)
		result->outcome = ATS_BLOCKED;
	else if (plain.bus_error)
		result->outcome = ATS_NOWHERE;
	return plain.done;
}

/* Send a translated request, if the unit lets it pass: bytes moved. */
static uint64_t move_translated(struct ats_cache *cache, const struct dma_req *translated,
				void *buf, struct xlat *x)
{
	*x = cache->unit->ops->ats->admit(cache->unit, translated);
	if (x->reason || x->flags || !translated->len ||
	    !phys_is_ram(cache->phys, translated->iova, translated->len))
		return 0;
	copy(cache->phys, translated->kind, translated->iova, buf, translated->len);
	return translated->len;
}

static void blocked(struct ats_result *result, const struct dma_req *req, uint8_t reason)
{
	result->outcome = ATS_BLOCKED;
	result->fault = (struct dma_fault){reason, req->requester, req->kind, req->iova};
}

/* As much as one translation covers; 0 when nothing more can be moved, result->outcome says why. */
static uint64_t access_piece(struct ats_cache *cache, const struct dma_req *req, void *buf,
			     struct ats_result *result)
{
	struct unit_notes notes = {.count = 0};
	struct dma_req piece = *req, translated;
	struct xlat x = {0};
	struct place place;
	uint64_t done = 0;
	bool permitted;

	enter(cache);
	place = place_find(cache, req, &notes);
	permitted = place.answer.status == ATS_SUCCESS && (place.answer.perm & dma_need(req));
	piece.len = piece.len < place.left ? piece.len : place.left;
	piece.len = piece.len < PIECE_MAX ? piece.len : PIECE_MAX;
	translated = piece;
	translated.iova = place.answer.pa;
	if (permitted && !place.answer.untranslated)
		done = move_translated(cache, &translated, buf, &x);
	leave(cache);

	if (place.answer.status != ATS_SUCCESS) {
		x = (struct xlat){.reason = place.answer.reason, .flags = place.answer.flags};
		conclude(cache, req, x, &notes);
		blocked(result, req, x.reason);
		return 0;
	}
	conclude(cache, x.reason ? &translated : req, x, &notes);
	if (!permitted)
		result->outcome = ATS_NOT_PERMITTED;
	else if (x.reason || x.flags)
		blocked(result, &translated, x.reason);
	else if (!done && piece.len)
		done = move_elsewhere(cache, &piece, place.answer.pa, place.answer.untranslated,
				      buf, result);
	return done;
}

static struct ats_result access_plain(struct ats_cache *cache, const struct dma_req *req, void *buf)
{
	struct ats_result result = {0};

	result.done = move_elsewhere(cache, req, 0, true, buf, &result);
	return result;
}

static bool is_on(struct ats_cache *cache)
{
	bool on;

	pthread_mutex_lock(&cache->lock);
	on = cache->translation;
	pthread_mutex_unlock(&cache->lock);
	return on;
}

struct ats_result ats_access(struct ats_cache *cache, const struct dma_req *req, void *buf)
{
	struct dma_req rest = own_request(cache, req);
	struct ats_result result = {0};
	uint8_t *at = buf; /* may be NULL when there is nothing to move */
	uint64_t n;

	if (!is_on(cache))
		return access_plain(cache, &rest, buf);
	do {
		n = access_piece(cache, &rest, at, &result);
		at = n ? at + n : at;
		result.done += n;
		rest.iova += n;
		rest.len -= n;
	} while (n && rest.len && result.outcome == ATS_OK);
	return result;
}

struct ats_result ats_access_translated(struct ats_cache *cache, enum dma_kind kind, pa_t pa,
					void *buf, uint64_t len)
{
	const struct dma_req req = {
		.segment = cache->segment,
		.requester = cache->requester,
		.iova = pa,
		.len = len,
		.kind = kind,
	};
	const struct unit_notes notes = {.count = 0};
	struct ats_result result = {0};
	struct xlat x = {0};

	if (!cache->unit || !cache->unit->ops->ats) {
		blocked(&result, &req, 0);
		return result;
	}
	enter(cache);
	result.done = move_translated(cache, &req, buf, &x);
	leave(cache);
	conclude(cache, &req, x, &notes);
	if (x.reason || x.flags)
		blocked(&result, &req, x.reason);
	else if (!result.done && len)
		result.done = move_elsewhere(cache, &req, pa, false, buf, &result);
	return result;
}

/* ---- invalidation ---- */

void ats_decode_range(uint64_t address, bool size, iova_t *first, iova_t *last)
{
	const uint64_t ones = ~(address | (SIO_PAGE_SIZE - 1));
	uint64_t inside = SIO_PAGE_SIZE - 1;

	/* The lowest zero bit from the page number on is the upper half of the range. */
	if (size)
		inside = ones ? ((ones & -ones) << 1) - 1 : UINT64_MAX;
	*first = address & ~inside;
	*last = address | inside;
}

static struct ats_cache *function_find(const struct unit *unit, uint16_t requester)
{
	struct ats_cache *cache = unit->ats_functions;

	while (cache && cache->requester != requester)
		cache = cache->next;
	return cache;
}

/* Remember it; what does not fit widens the last one to everything. */
static void wait_add(struct ats_cache *cache, const struct ats_invalidation *inval)
{
	if (cache->waiting_count < WAITING_MAX) {
		cache->waiting[cache->waiting_count++] = *inval;
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		cache->waiting[i] = (struct ats_invalidation){
			.requester = cache->requester,
			.has_pasid = i == 1,
			.global = true,
			.last = UINT64_MAX,
		};
}

enum ats_inval_state ats_invalidate(struct unit *unit, const struct ats_invalidation *inval)
{
	struct ats_cache *cache = function_find(unit, inval->requester);
	enum ats_inval_state state = ATS_INVAL_TIMED_OUT;

	if (!cache)
		return state;
	pthread_mutex_lock(&cache->lock);
	if (cache->translation && cache->manners == ATS_PROMPT) {
		entries_remove(cache, inval);
		state = ATS_INVAL_DONE;
	} else if (cache->translation && cache->manners == ATS_LATER) {
		wait_add(cache, inval);
		state = ATS_INVAL_WAITS;
	}
	pthread_mutex_unlock(&cache->lock);
	return state;
}

bool ats_waiting(const struct unit *unit)
{
	bool waiting = false;

	for (struct ats_cache *cache = unit->ats_functions; cache; cache = cache->next) {
		pthread_mutex_lock(&cache->lock);
		waiting |= cache->waiting_count != 0;
		pthread_mutex_unlock(&cache->lock);
	}
	return waiting;
}

void ats_set_manners(struct ats_cache *cache, enum ats_manners manners)
{
	pthread_mutex_lock(&cache->lock);
	cache->manners = manners;
	pthread_mutex_unlock(&cache->lock);
}

/* The end of the wait: how many invalidations it was for. */
static unsigned waiting_end(struct ats_cache *cache, bool in_time)
{
	unsigned done;

	pthread_mutex_lock(&cache->lock);
	done = cache->waiting_count;
	for (unsigned i = 0; i < done; i++)
		entries_remove(cache, &cache->waiting[i]);
	cache->waiting_count = 0;
	pthread_mutex_unlock(&cache->lock);
	if (done)
		cache->unit->ops->ats->invalidated(cache->unit, cache->requester, in_time);
	return done;
}

unsigned ats_complete(struct ats_cache *cache, bool in_time)
{
	const unsigned done = waiting_end(cache, in_time);

	if (done && !in_time && cache->unit->ops->ats->unexpected)
		cache->unit->ops->ats->unexpected(cache->unit, cache->requester);
	return done;
}

/* ---- page requests ---- */

/* Enter the request in its group. False: the group is not open for it. */
static bool group_join(struct ats_cache *cache, const struct ats_page_request *req)
{
	struct ats_group *group = &cache->group[req->group % GROUPS];

	if (!cache->page_requests || req->group >= GROUPS)
		return false;
	if (group->state == GROUP_FREE)
		*group = (struct ats_group){
			.has_pasid = req->has_pasid,
			.pasid = req->has_pasid ? req->pasid : 0,
		};
	else if (group->state != GROUP_OPEN || group->has_pasid != req->has_pasid ||
		 (group->has_pasid && group->pasid != req->pasid))
		return false;
	group->state = req->last ? GROUP_CLOSED : GROUP_OPEN;
	return true;
}

bool ats_page_request(struct ats_cache *cache, const struct ats_page_request *req)
{
	struct ats_page_request own = *req;
	bool taken;

	own.requester = cache->requester;
	pthread_mutex_lock(&cache->lock);
	taken = cache->unit && cache->unit->ops->ats && group_join(cache, &own);
	pthread_mutex_unlock(&cache->lock);
	if (!taken)
		return false;
	if (cache->unit->ops->ats->page_request(cache->unit, &own))
		return true;
	pthread_mutex_lock(&cache->lock);
	cache->group[own.group].state = GROUP_FREE;
	pthread_mutex_unlock(&cache->lock);
	return false;
}

bool ats_respond(struct unit *unit, const struct ats_response *response)
{
	struct ats_cache *cache = function_find(unit, response->requester);
	struct ats_group *group;
	bool expected;

	if (!cache || response->group >= GROUPS)
		return false;
	pthread_mutex_lock(&cache->lock);
	group = &cache->group[response->group];
	expected = group->state == GROUP_CLOSED && group->has_pasid == response->has_pasid &&
		   (!group->has_pasid || group->pasid == response->pasid);
	if (expected) {
		group->state = GROUP_ANSWERED;
		group->code = response->code;
	}
	pthread_mutex_unlock(&cache->lock);
	return expected;
}

bool ats_next_response(struct ats_cache *cache, struct ats_response *response)
{
	unsigned i = 0;

	pthread_mutex_lock(&cache->lock);
	while (i < GROUPS && cache->group[i].state != GROUP_ANSWERED)
		i++;
	if (i < GROUPS) {
		*response = (struct ats_response){
			.requester = cache->requester,
			.has_pasid = cache->group[i].has_pasid,
			.pasid = cache->group[i].pasid,
			.group = (uint16_t)i,
			.code = cache->group[i].code,
		};
		cache->group[i].state = GROUP_FREE;
	}
	pthread_mutex_unlock(&cache->lock);
	return i < GROUPS;
}

/* ---- life ---- */

struct ats_cache *ats_create(struct dma_port *port, const struct ats_cfg *cfg)
{
	unsigned count = cfg->entries ? cfg->entries : ENTRIES_DEFAULT;
	struct ats_cache *cache;

	count = count < ENTRIES_MAX ? count : ENTRIES_MAX;
	cache = fail_calloc("ats.create", 1, sizeof(*cache) + count * sizeof(cache->entry[0]));
	if (!cache)
		return NULL;
	cache->port = port;
	cache->phys = cfg->phys;
	cache->unit = dma_fabric_route(port->fabric, cfg->segment, cfg->requester);
	cache->segment = cfg->segment;
	cache->requester = cfg->requester;
	cache->count = count;
	pthread_mutex_init(&cache->lock, NULL);
	if (cache->unit) {
		cache->next = cache->unit->ats_functions;
		cache->unit->ats_functions = cache;
	}
	return cache;
}

void ats_destroy(struct ats_cache *cache)
{
	struct ats_cache **link;

	if (!cache)
		return;
	/* A function that is gone answers nothing any more. */
	waiting_end(cache, false);
	if (cache->unit) {
		for (link = &cache->unit->ats_functions; *link != cache; link = &(*link)->next)
			;
		*link = cache->next;
	}
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

void ats_enable(struct ats_cache *cache, bool translation, bool page_requests)
{
	/* What was asked for while it was on is answered before it is off. */
	if (!translation)
		ats_complete(cache, true);
	pthread_mutex_lock(&cache->lock);
	if (translation && !cache->translation) {
		for (unsigned i = 0; i < cache->count; i++)
			cache->entry[i].used = false;
	}
	if (page_requests != cache->page_requests)
		memset(cache->group, 0, sizeof(cache->group));
	cache->translation = translation;
	cache->page_requests = page_requests;
	pthread_mutex_unlock(&cache->lock);
}

bool ats_function_present(const struct unit *unit, uint16_t requester)
{
	return function_find(unit, requester) != NULL;
}

bool ats_function_enable(struct unit *unit, uint16_t requester, bool translation,
			 bool page_requests)
{
	struct ats_cache *cache = function_find(unit, requester);

	if (cache)
		ats_enable(cache, translation, page_requests);
	return cache != NULL;
}

unsigned ats_count(struct ats_cache *cache)
{
	unsigned used = 0;

	pthread_mutex_lock(&cache->lock);
	for (unsigned i = 0; i < cache->count; i++)
		used += cache->entry[i].used;
	pthread_mutex_unlock(&cache->lock);
	return used;
}

static const char *entries_audit(const struct ats_cache *cache)
{
	for (unsigned i = 0; i < cache->count; i++) {
		const struct ats_entry *entry = &cache->entry[i];
		const struct ats_invalidation same = {
			.has_pasid = entry->has_pasid,
			.pasid = entry->pasid,
			.first = entry->first,
			.last = entry->last,
		};

		if (!entry->used)
			continue;
		if (!entry->perm)
			return "a device TLB entry permits nothing";
		if (entry->last - entry->first != SIO_BIT(entry->size_lg2) - 1)
			return "a device TLB entry is not of its size";
		for (unsigned j = 0; j < i; j++) {
			if (invalidation_covers(&same, &cache->entry[j]))
				return "two device TLB entries overlap";
		}
	}
	return NULL;
}

const char *ats_audit(struct ats_cache *cache)
{
	const char *wrong;

	pthread_mutex_lock(&cache->lock);
	wrong = entries_audit(cache);
	pthread_mutex_unlock(&cache->lock);
	return wrong;
}
