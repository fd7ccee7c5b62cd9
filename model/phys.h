/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Emulated physical memory.
 *
 * RAM is one reserved address range of the host: pa 0 is `base`, and physical to host is an
 * addition. Untouched RAM costs nothing. Three users share it:
 *
 *  - table frames (page tables, root and context tables, queues): taken from a pre-faulted arena of
 *    2 MiB chunks, handed out zeroed, reused last-in first-out;
 *  - page frames (the simulated memory of processes): allocated in runs, with a reference count
 *    (who maps it) and a pin count (who holds it for DMA) per frame. Counts are kept per 2 MiB
 * block as one number while the block is uniform and per frame only where it is not, so that a
 * terabyte pinned in large runs costs megabytes. A frame whose two counts are 0 is free again and
 * its contents read as zero;
 *  - the hole below 4 GiB, which is never RAM: windows (device BARs, the MSI range) live there and
 *    beyond the end of RAM, and are reached through an accessor.
 *
 * Frames and tables are allocated under the caller's control-plane lock. phys_ptr(), phys_read()
 * and phys_write() take no lock and may run on any thread.
 */
#ifndef MODEL_PHYS_H
#define MODEL_PHYS_H

#include "base.h"
#include "fail.h"

#define PHYS_HOLE_FIRST UINT64_C(0xc0000000)
#define PHYS_HOLE_LAST  UINT64_C(0xffffffff)
/* Writes here are message signalled interrupts, never memory. */
#define PHYS_MSI_FIRST UINT64_C(0xfee00000)
#define PHYS_MSI_LAST  UINT64_C(0xfeefffff)

struct phys_cfg {
	uint64_t ram_bytes;      /* 0: 16 GiB. Size of the reserved range, hole included */
	uint64_t prefault_bytes; /* of table arena, at creation; 0: one 2 MiB chunk */
};

struct flush_view;

struct phys {
	uint8_t *base;
	uint64_t ram_bytes;
	pa_t zero_page;           /* shared by all who only read; PA_NONE: not needed yet */
	struct phys_priv *priv;   /* allocator state, see phys.c */
	struct flush_view *views; /* of non-coherent units, see flush.h */
};

/* NULL: the range cannot be reserved. The caller owns the result. */
struct phys *phys_create(const struct phys_cfg *cfg);
void phys_destroy(struct phys *phys);
/*
 * As phys_create() left it, but for windows, which stay: all RAM is zero, nothing is allocated, and
 * addresses are given out in the same order as the first time. Host memory is kept for the next
 * use, so that this costs as much as was written. Whoever held a frame or table has forgotten it,
 * and nobody does DMA meanwhile.
 */
void phys_reset(struct phys *phys);
/*
 * Remember what the tables that are in use hold, to go back to that in the time that it takes to
 * copy them. NULL: no memory, or more is in use than a few tables. The caller owns the result.
 */
struct phys_kept;
struct phys_kept *phys_keep(const struct phys *phys);
void phys_kept_free(struct phys_kept *kept);
/* As many tables are in use as then, and those of then have as many entries. */
bool phys_kept_holds(const struct phys *phys, const struct phys_kept *kept);
/* As phys_reset(), but for the tables of then. Only if phys_kept_holds(). */
void phys_rewind(struct phys *phys, const struct phys_kept *kept);

/* Host address of RAM; no check, for addresses known to lie in RAM. */
static SIO_ALWAYS_INLINE void *phys_ptr(const struct phys *phys, pa_t pa)
{
	return phys->base + pa;
}

/* [pa, pa + len) lies in RAM wholly (len >= 1). */
static inline bool phys_is_ram(const struct phys *phys, pa_t pa, uint64_t len)
{
	pa_t last = pa + (len - 1);

	return last >= pa && last < phys->ram_bytes &&
	       (last < PHYS_HOLE_FIRST || pa > PHYS_HOLE_LAST);
}

/* Copy between a buffer and memory or a window. False: nothing answers there (bytes read are 0xff).
 */
bool phys_read(const struct phys *phys, pa_t pa, void *buf, uint64_t len);
bool phys_write(struct phys *phys, pa_t pa, const void *buf, uint64_t len);

/* ---- table frames: 4 KiB, zeroed ---- */

/* What the owner of a table keeps beside it; `next` chains freed tables (0 ends, 1 + index). */
struct phys_table_meta {
	uint16_t live; /* entries in use */
	uint16_t level;
	uint32_t next;
};

/* A zeroed table frame, PA_NONE when RAM is exhausted. */
pa_t phys_table_alloc(struct phys *phys);
/* `count` adjacent, aligned frames (queues, context tables); count is a power of two up to 512. */
pa_t phys_tables_alloc(struct phys *phys, unsigned count);
/* The same, each call a point where no frame is left on demand. */
#define fail_table(name, phys) \
	(fail_at(FAIL_POINT(name, FAIL_TABLE)) ? PA_NONE : phys_table_alloc(phys))
#define fail_tables(name, phys, count) \
	(fail_at(FAIL_POINT(name, FAIL_TABLE)) ? PA_NONE : phys_tables_alloc(phys, count))
/* Give back one frame. The caller has zeroed it (a page table that emptied is zero already). */
void phys_table_free(struct phys *phys, pa_t pa);
void phys_tables_free(struct phys *phys, pa_t pa, unsigned count);
struct phys_table_meta *phys_table_meta(struct phys *phys, pa_t pa);
/* Table frames in use now. */
uint64_t phys_table_count(const struct phys *phys);

/* ---- page frames: pfn = pa >> 12 ---- */

/*
 * Allocate up to `want` adjacent frames, the first aligned to 2^align_lg2 frames, each with one
 * reference. Returns how many (0: RAM exhausted); *first is the lowest pfn. New frames read as
 * zero.
 */
uint64_t phys_frames_alloc(struct phys *phys, uint64_t want, unsigned align_lg2, uint64_t *first);
/* The same, each call a point where no frame is left on demand. */
#define fail_frames(name, phys, want, align_lg2, first) \
	(fail_at(FAIL_POINT(name, FAIL_ALLOC)) ? 0      \
					       : phys_frames_alloc(phys, want, align_lg2, first))
/* One more / one less reference on each of n frames; a frame with no reference and no pin is freed.
 */
void phys_frames_get(struct phys *phys, uint64_t pfn, uint64_t n);
void phys_frames_put(struct phys *phys, uint64_t pfn, uint64_t n);
/* One more / one less pin on each of n frames. */
void phys_frames_pin(struct phys *phys, uint64_t pfn, uint64_t n);
void phys_frames_unpin(struct phys *phys, uint64_t pfn, uint64_t n);
uint32_t phys_frame_refs(const struct phys *phys, uint64_t pfn);
uint32_t phys_frame_pins(const struct phys *phys, uint64_t pfn);
/* Lowest run of equal, nonzero pin count at or above `pfn`. False: none. For audits. */
bool phys_pinned_run(const struct phys *phys, uint64_t pfn, uint64_t *first, uint64_t *n,
		     uint32_t *pins);
/* Sum of all pin counts; frames with a reference or pin. */
uint64_t phys_pins_total(const struct phys *phys);
uint64_t phys_frames_total(const struct phys *phys);

/* ---- windows ---- */

struct phys_window_ops {
	bool (*read)(void *ctx, uint64_t offset, void *buf, uint64_t len);
	bool (*write)(void *ctx, uint64_t offset, const void *buf, uint64_t len);
};

/* Answer for [first, last], outside RAM. False: overlaps RAM or another window, or no memory. */
bool phys_window_add(struct phys *phys, pa_t first, pa_t last, const struct phys_window_ops *ops,
		     void *ctx);
void phys_window_remove(struct phys *phys, pa_t first);
/* A free, size-aligned place for a window of `len` bytes (a power of two): the hole, else above
 * RAM. */
pa_t phys_window_place(const struct phys *phys, uint64_t len);

/* Counts, free lists and arena agree; NULL when all hold, else what does not. */
const char *phys_audit(const struct phys *phys);

#endif
