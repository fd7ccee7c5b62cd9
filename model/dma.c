// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA fabric: which unit a requester's DMA goes to, the ports, and the access itself.
 *
 * An access is cut where the translation may change: at the end of the page that was found, and at
 * 64 KiB, so that a thread that waits for the port waits for one piece only. The piece is
 * translated and copied between enter and leave; faults, interrupts and windows (another device's
 * registers) come after leave, because they call back into code that may take locks or do DMA
 * itself.
 *
 * Invariant: routes are sorted by (segment, requester), no pair twice.
 */
#include "dma.h"

#include "dma_port.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE_MAX SIO_BIT(16)
/* An address that nobody translates: steps of 1 MiB never straddle the interrupt range. */
#define UNTRANSLATED_LG2 20u

#define SPINS_BEFORE_YIELD  64u
#define YIELDS_BEFORE_FORCE 64u

struct route {
	uint32_t key; /* segment << 16 | requester */
	struct unit *unit;
};

struct dma_fabric {
	struct phys *phys;
	bool membarrier;
	struct route *routes;
	size_t route_count;
	struct route *rest; /* key: segment */
	size_t rest_count;
	pthread_mutex_t lock; /* ports, gates */
	struct dma_port *ports;
};

_Thread_local const void *dma_thread;

/* ---- the fabric ---- */

/* True: membarrier() works here and this process may use the expedited form. */
static bool membarrier_register(void)
{
#if defined(__SANITIZE_THREAD__)
	return false; /* the race detector does not know this way of ordering */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return false;
#endif
#endif
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

struct dma_fabric *dma_fabric_create(struct phys *phys)
{
	struct dma_fabric *fabric = fail_calloc("dma.fabric.create", 1, sizeof(*fabric));

	if (!fabric)
		return NULL;
	fabric->phys = phys;
	fabric->membarrier = membarrier_register();
	pthread_mutex_init(&fabric->lock, NULL);
	return fabric;
}

void dma_fabric_destroy(struct dma_fabric *fabric)
{
	if (!fabric)
		return;
	sio_assert(fabric->ports == NULL);
	pthread_mutex_destroy(&fabric->lock);
	free(fabric->routes);
	free(fabric->rest);
	free(fabric);
}

/* Position of the first route that is not below `key`. */
static size_t route_place(const struct route *routes, size_t count, uint32_t key)
{
	size_t low = 0;

	while (low < count) {
		size_t mid = low + (count - low) / 2;

		if (routes[mid].key < key)
			low = mid + 1;
		else
			count = mid;
	}
	return low;
}

/* The unit that has `key` already, else NULL with *place set to where it belongs. */
static struct unit *route_find(const struct route *routes, size_t count, uint32_t key,
			       size_t *place)
{
	*place = route_place(routes, count, key);
	return *place < count && routes[*place].key == key ? routes[*place].unit : NULL;
}

static bool route_insert(struct route **routes, size_t *count, size_t place, struct route route)
{
	struct route *grown =
		fail_realloc("dma.fabric.route", *routes, (*count + 1) * sizeof(*grown));

	if (!grown)
		return false;
	memmove(&grown[place + 1], &grown[place], (*count - place) * sizeof(*grown));
	grown[place] = route;
	*routes = grown;
	(*count)++;
	return true;
}

/* Ports remember a route; a new one may change what they remember. */
static void forget_routes(struct dma_fabric *fabric)
{
	pthread_mutex_lock(&fabric->lock);
	for (struct dma_port *port = fabric->ports; port; port = port->next)
		port->route = DMA_ROUTE_NONE;
	pthread_mutex_unlock(&fabric->lock);
}

bool dma_fabric_claim(struct dma_fabric *fabric, uint16_t segment, uint16_t requester,
		      struct unit *unit, const char **taken_by)
{
	struct route route = {(uint32_t)segment << 16 | requester, unit};
	size_t place;
	struct unit *owner = route_find(fabric->routes, fabric->route_count, route.key, &place);

	*taken_by = owner ? owner->name : NULL;
	if (owner)
		return owner == unit;
	forget_routes(fabric);
	return route_insert(&fabric->routes, &fabric->route_count, place, route);
}

bool dma_fabric_claim_rest(struct dma_fabric *fabric, uint16_t segment, struct unit *unit)
{
	size_t place;
	struct unit *owner = route_find(fabric->rest, fabric->rest_count, segment, &place);

	if (owner)
		return owner == unit;
	forget_routes(fabric);
	return route_insert(&fabric->rest, &fabric->rest_count, place,
			    (struct route){segment, unit});
}

struct unit *dma_fabric_route(const struct dma_fabric *fabric, uint16_t segment, uint16_t requester)
{
	uint32_t key = (uint32_t)segment << 16 | requester;
	size_t place;
	struct unit *unit = route_find(fabric->routes, fabric->route_count, key, &place);

	return unit ? unit : route_find(fabric->rest, fabric->rest_count, segment, &place);
}

/* ---- ports ---- */

/* The gate of a port that everybody has to queue for. */
static const char nobody;

static const void *thread_self(void)
{
	if (!dma_thread)
		dma_thread = &dma_thread;
	return dma_thread;
}

struct dma_port *dma_port_create(struct dma_fabric *fabric)
{
	struct dma_port *port =
		fail_aligned_alloc("dma.port.create", 64, (sizeof(*port) + 63) / 64 * 64);

	if (!port)
		return NULL;
	*port = (struct dma_port){
		.gate = fabric->membarrier ? thread_self() : &nobody,
		.user = thread_self(),
		.route = DMA_ROUTE_NONE,
		.fabric = fabric,
	};
	pthread_mutex_lock(&fabric->lock);
	port->next = fabric->ports;
	fabric->ports = port;
	pthread_mutex_unlock(&fabric->lock);
	return port;
}

void dma_port_destroy(struct dma_port *port)
{
	struct dma_port **link;

	if (!port)
		return;
	pthread_mutex_lock(&port->fabric->lock);
	for (link = &port->fabric->ports; *link != port; link = &(*link)->next)
		;
	*link = port->next;
	pthread_mutex_unlock(&port->fabric->lock);
	free(port);
}

void dma_port_enter_slow(struct dma_port *port)
{
	struct dma_fabric *fabric = port->fabric;
	const void *self = thread_self();

	if (__atomic_load_n(&port->user, __ATOMIC_RELAXED) != self || fabric->membarrier) {
		/* Waits here while an invalidation that lost patience holds the port back. */
		pthread_mutex_lock(&fabric->lock);
		__atomic_store_n(&port->user, self, __ATOMIC_RELAXED);
		if (fabric->membarrier)
			__atomic_store_n(&port->gate, self, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&fabric->lock);
	}
	__atomic_exchange_n(&port->active, 1, __ATOMIC_SEQ_CST);
}

static bool port_is_active(struct dma_port *port)
{
	/* A write, so that without membarrier one of the two sides sees the other's. */
	return __atomic_fetch_add(&port->active, 0, __ATOMIC_SEQ_CST) != 0;
}

static void port_wait(struct dma_port *port)
{
	for (unsigned spins = 0; port_is_active(port); spins++) {
		if (spins < SPINS_BEFORE_YIELD)
			continue;
		sched_yield();
		if (spins == SPINS_BEFORE_YIELD + YIELDS_BEFORE_FORCE) {
			__atomic_store_n(&port->gate, &nobody, __ATOMIC_RELAXED);
			__atomic_store_n(&port->user, &nobody, __ATOMIC_RELAXED);
		}
	}
}

static bool port_is_foreign(const struct dma_port *port)
{
	return __atomic_load_n(&port->user, __ATOMIC_RELAXED) != thread_self();
}

void dma_fabric_quiesce(struct dma_fabric *fabric)
{
	bool foreign = false;

	pthread_mutex_lock(&fabric->lock);
	for (struct dma_port *port = fabric->ports; port; port = port->next)
		foreign |= port_is_foreign(port);
	if (foreign && fabric->membarrier)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	for (struct dma_port *port = fabric->ports; foreign && port; port = port->next) {
		if (port_is_foreign(port))
			port_wait(port);
	}
	pthread_mutex_unlock(&fabric->lock);
}

/* ---- translation ---- */

static void port_route(struct dma_port *port, const struct dma_req *req)
{
	port->unit = dma_fabric_route(port->fabric, req->segment, req->requester);
	port->tlb = port->unit ? port->unit->tlb : NULL;
	/* Only what has a unit is remembered: a remembered route always has caches to look in. */
	port->route = port->unit ? dma_route_key(req) & UINT32_MAX : DMA_ROUTE_NONE;
}

/* Between enter and leave, after a lookup that did not hit; the caller concludes after leave. */
static struct xlat port_resolve(struct dma_port *port, const struct dma_req *req, bool denied,
				struct unit_notes *notes)
{
	enum iotlb_answer answer;
	struct xlat x;
	uint64_t tag;

	notes->count = 0;
	if (__builtin_expect(port->route != dma_route_key(req), 0)) {
		port_route(port, req);
		if (!port->unit)
			return (struct xlat){.size_lg2 = UNTRANSLATED_LG2,
					     .perm = 3,
					     .pa = req->iova};
		answer = dma_lookup(port, req, &x, &tag);
		if (answer == IOTLB_HIT)
			return x;
		denied = answer == IOTLB_DENIED;
	}
	return port->unit->ops->resolve(port->unit, req, denied, notes);
}

static SIO_ALWAYS_INLINE void port_conclude(const struct dma_port *port, const struct dma_req *req,
					    struct xlat x, const struct unit_notes *notes)
{
	if (__builtin_expect(x.reason || notes->count, 0))
		port->unit->ops->conclude(port->unit, req, x, notes);
}

/* Between enter and leave: the misses that need no help from the unit. */
static SIO_ALWAYS_INLINE bool port_walk_leaf(const struct dma_port *port, const struct dma_req *req,
					     uint64_t tag, bool denied, struct xlat *x)
{
	return tag && !denied && iotlb_walk_leaf(port->tlb, tag, req->iova, dma_need(req), x);
}

static __attribute__((noinline)) struct xlat translate_slow(struct dma_port *port,
							    const struct dma_req *req, bool denied)
{
	struct unit_notes notes;
	struct xlat x = port_resolve(port, req, denied, &notes);

	dma_port_leave(port);
	port_conclude(port, req, x, &notes);
	return x;
}

__attribute__((noinline)) struct xlat
dma_translate_rest(struct dma_port *port, const struct dma_req *req, uint64_t tag, bool denied)
{
	struct xlat x;

	if (!port_walk_leaf(port, req, tag, denied, &x))
		return translate_slow(port, req, denied);
	dma_port_leave(port);
	return x;
}

struct xlat dma_translate(struct dma_port *port, const struct dma_req *req)
{
	enum iotlb_answer answer;
	struct xlat x;
	uint64_t tag;

	dma_port_enter(port);
	answer = dma_lookup(port, req, &x, &tag);
	if (__builtin_expect(answer != IOTLB_HIT, 0))
		return dma_translate_rest(port, req, tag, answer == IOTLB_DENIED);
	dma_port_leave(port);
	return x;
}

/* ---- access ---- */

static bool copy(struct phys *phys, enum dma_kind kind, pa_t pa, void *buf, uint64_t len)
{
	return kind == DMA_READ ? phys_read(phys, pa, buf, len) : phys_write(phys, pa, buf, len);
}

/* A device's register, an interrupt message, or an address where nobody answers. */
static bool access_elsewhere(struct dma_port *port, const struct dma_req *req, struct xlat x,
			     void *buf, uint64_t len)
{
	struct phys *phys = port->fabric->phys;
	uint32_t data;

	if (x.flags & XLAT_UNSUPPORTED)
		return false;
	if (x.flags & XLAT_INTERRUPT) {
		memcpy(&data, buf, sizeof(data));
		port->unit->ops->interrupt(port->unit, req, data);
		return true;
	}
	return copy(phys, req->kind, x.pa, buf, len);
}

/* One piece: 0 bytes when it faulted or nothing answered, with *result saying which. */
static uint64_t access_piece(struct dma_port *port, const struct dma_req *req, void *buf,
			     struct dma_result *result)
{
	struct phys *phys = port->fabric->phys;
	struct unit_notes notes;
	uint64_t len = req->len;
	enum iotlb_answer answer;
	bool in_ram = false;
	struct xlat x;
	uint64_t tag;

	dma_port_enter(port);
	notes.count = 0;
	answer = dma_lookup(port, req, &x, &tag);
	if (answer != IOTLB_HIT && !port_walk_leaf(port, req, tag, answer == IOTLB_DENIED, &x))
		x = port_resolve(port, req, answer == IOTLB_DENIED, &notes);
	if (x.reason == 0) {
		uint64_t page_left = SIO_BIT(x.size_lg2) - (x.pa & (SIO_BIT(x.size_lg2) - 1));

		len = len < page_left ? len : page_left;
		len = len < PIECE_MAX ? len : PIECE_MAX;
		in_ram = x.flags == 0 && len && phys_is_ram(phys, x.pa, len);
		if (in_ram)
			copy(phys, req->kind, x.pa, buf, len);
	}
	dma_port_leave(port);
	port_conclude(port, req, x, &notes);
	if (x.reason) {
		result->fault = (struct dma_fault){x.reason, req->requester, req->kind, req->iova};
		return 0;
	}
	if (in_ram || len == 0)
		return len;
	result->bus_error = !access_elsewhere(port, req, x, buf, len);
	return result->bus_error ? 0 : len;
}

struct dma_result dma_access(struct dma_port *port, const struct dma_req *req, void *buf)
{
	struct dma_result result = {0};
	struct dma_req rest = *req;
	uint8_t *at = buf; /* may be NULL when there is nothing to move */
	uint64_t n;

	do {
		n = access_piece(port, &rest, at, &result);
		at = n ? at + n : at;
		result.done += n;
		rest.iova += n;
		rest.len -= n;
	} while (n && rest.len);
	return result;
}
