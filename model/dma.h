/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device's DMA: split at pages, sent to the unit that serves the requester, translated,
 * performed.
 *
 * The fabric routes by (segment, requester id): the unit whose device scope names it, else the
 * segment's include-all unit, else none (the address is physical). It is set up once and read
 * without a lock.
 *
 * A port is one thread's right to translate while others change tables. It marks the thread as
 * active around each access, so that invalidation can wait until no translation begun before it is
 * still under way (dma_fabric_quiesce); with one port, used by the control plane's own thread, that
 * costs nothing.
 */
#ifndef MODEL_DMA_H
#define MODEL_DMA_H

#include "unit.h"

struct dma_fabric;
struct dma_port;

struct dma_fabric *dma_fabric_create(struct phys *phys);
void dma_fabric_destroy(struct dma_fabric *fabric);

/* Route one requester id to a unit. False: another unit claims it already (*taken_by set). */
bool dma_fabric_claim(struct dma_fabric *fabric, uint16_t segment, uint16_t requester,
		      struct unit *unit, const char **taken_by);
/* Whatever no other unit of the segment claims. False: the segment has an include-all unit. */
bool dma_fabric_claim_rest(struct dma_fabric *fabric, uint16_t segment, struct unit *unit);
struct unit *dma_fabric_route(const struct dma_fabric *fabric, uint16_t segment,
			      uint16_t requester);

/* One per thread that does DMA. NULL: no memory. */
struct dma_port *dma_port_create(struct dma_fabric *fabric);
void dma_port_destroy(struct dma_port *port);
/* Wait until every translation that was under way in another port has ended. */
void dma_fabric_quiesce(struct dma_fabric *fabric);

struct dma_result {
	uint64_t done; /* bytes moved before the first fault or bus error */
	struct dma_fault fault;
	bool bus_error; /* translated to an address where nothing answers */
};

/* Move req->len bytes between buf and memory; DMA_READ fills buf. */
struct dma_result dma_access(struct dma_port *port, const struct dma_req *req, void *buf);
/* Translate the first byte only, moving nothing. */
struct xlat dma_translate(struct dma_port *port, const struct dma_req *req);

#endif
