/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inside of a DMA port, and the translation hit as an inline function, for callers to whom a
 * function call matters.
 *
 * A port marks each access (dma_port_enter, dma_port_leave) with plain stores. The thread that
 * waits for it makes up for the missing fence with one membarrier() system call
 * (dma_fabric_quiesce): once that returns, either the port's mark is visible, or the access began
 * afterwards and sees everything that was written before the call. Where membarrier is not to be
 * had, `gate` is never the port's thread and each access takes dma_port_enter_slow, which marks
 * with an atomic exchange.
 *
 * `gate` also holds a port back: a waiting thread that has lost patience takes it away, and the
 * next access queues on the fabric's mutex. Nothing that calls back runs between enter and leave.
 */
#ifndef MODEL_DMA_PORT_H
#define MODEL_DMA_PORT_H

#include "dma.h"
#include "iotlb.h"

/* Names the thread, once it has used a port: its own address. */
extern __attribute__((tls_model("initial-exec"))) _Thread_local const void *dma_thread;

#define DMA_ROUTE_NONE UINT64_MAX

struct dma_port {
	const void *gate; /* the thread that may enter without ceremony, never NULL */
	const void *user; /* the thread that entered last */
	uint32_t active;  /* between enter and leave */
	uint64_t route;   /* the requester asked for last, as dma_route_key() */
	struct unit *unit;
	struct iotlb *tlb;
	struct dma_fabric *fabric;
	struct dma_port *next;
};

/* A request with PASID never equals a remembered route: such requests take the long way. */
static SIO_ALWAYS_INLINE uint64_t dma_route_key(const struct dma_req *req)
{
	return (uint64_t)req->has_pasid << 32 | (uint64_t)req->segment << 16 | req->requester;
}

void dma_port_enter_slow(struct dma_port *port);

static SIO_ALWAYS_INLINE void dma_port_enter(struct dma_port *port)
{
	if (__builtin_expect(__atomic_load_n(&port->gate, __ATOMIC_RELAXED) != dma_thread, 0)) {
		dma_port_enter_slow(port);
		return;
	}
	__atomic_store_n(&port->active, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static SIO_ALWAYS_INLINE void dma_port_leave(struct dma_port *port)
{
	__atomic_store_n(&port->active, 0, __ATOMIC_RELEASE);
}

/* Between enter and leave: look up for the requester that this port asked for last. */
static SIO_ALWAYS_INLINE enum iotlb_answer
dma_lookup(const struct dma_port *port, const struct dma_req *req, struct xlat *x, uint64_t *tag)
{
	*tag = 0;
	if (__builtin_expect(port->route != dma_route_key(req), 0))
		return IOTLB_MISS;
	return iotlb_lookup(port->tlb, req->requester, req->iova, dma_need(req), x, tag);
}

/* The rest of a translation after a lookup that did not hit: walk, leave, report. */
struct xlat dma_translate_rest(struct dma_port *port, const struct dma_req *req, uint64_t tag,
			       bool denied);

/* dma_translate(), with the hit in the caller's code. */
static SIO_ALWAYS_INLINE struct xlat dma_translate_inline(struct dma_port *port,
							  const struct dma_req *req)
{
	enum iotlb_answer answer;
	struct dma_req copy;
	struct xlat x;
	uint64_t tag;

	dma_port_enter(port);
	answer = dma_lookup(port, req, &x, &tag);
	if (__builtin_expect(answer == IOTLB_HIT, 1)) {
		dma_port_leave(port);
		return x;
	}
	/* A copy, so that the caller's request can live in registers. */
	copy = *req;
	return dma_translate_rest(port, &copy, tag, answer == IOTLB_DENIED);
}

#endif
