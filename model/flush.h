/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables in memory as a unit sees them whose reads do not look into the processors' caches.
 *
 * Such a unit (VT-d: ECAP.C clear) sees what software wrote to a table only once software has
 * flushed it out of the caches. Each non-coherent unit has a *view*: a shadow of memory, empty at
 * first, that changes only by phys_table_flush(). A driver calls that after every write to a table
 * that such a unit reads, as a kernel executes cache line flushes; a flush that it forgot shows as
 * a table that still is what it was. Nothing but table reads goes through a view: queues, status
 * writes and DMA data are coherent.
 *
 * Views are attached and detached while nobody else uses the memory.
 */
#ifndef MODEL_FLUSH_H
#define MODEL_FLUSH_H

#include "phys.h"

struct flush_view;

/* NULL: no memory, or the range cannot be reserved. */
struct flush_view *flush_view_attach(struct phys *phys);
void flush_view_detach(struct phys *phys, struct flush_view *view);
/* Nothing was ever flushed. */
void flush_view_reset(struct flush_view *view);
/* To read tables from: addresses as in the memory that it shadows. */
struct phys *flush_view_memory(struct flush_view *view);
void flush_views(const struct phys *phys, pa_t pa, uint64_t len);

/* Whole cache lines around [pa, pa + len). Costs a comparison where every unit is coherent. */
static inline void phys_table_flush(const struct phys *phys, pa_t pa, uint64_t len)
{
	if (__builtin_expect(phys->views != NULL, 0))
		flush_views(phys, pa, len);
}

#endif
