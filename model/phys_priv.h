/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of emulated RAM share: layout and table arena (phys.c), contents
 * (phys_contents.c), page frames (phys_frames.c). */
#ifndef MODEL_PHYS_PRIV_H
#define MODEL_PHYS_PRIV_H

#include "imap.h"
#include "phys.h"

#define BLOCK_LG2        21u
#define BLOCK_BYTES      (UINT64_C(1) << BLOCK_LG2)
#define FRAMES_PER_BLOCK 512u
#define TABLE_ORDERS     10u /* runs of 1 to 512 table frames */

/* Counts of a 2 MiB block of page frames. */
struct block {
	uint32_t refs : 31;    /* uniform: of every frame; detailed: frames with any count */
	uint32_t detailed : 1; /* counts stand in phys_priv.frame */
	uint32_t pins;         /* uniform only */
};

struct frame_counts {
	uint32_t refs;
	uint32_t pins;
};

struct window {
	pa_t first, last;
	const struct phys_window_ops *ops;
	void *ctx;
};

struct phys_priv {
	/* Virtual reservations over all of RAM: what is not used costs nothing. */
	struct phys_table_meta *meta; /* per frame */
	struct frame_counts *frame;   /* per frame */
	struct block *block;          /* per 2 MiB */
	uint64_t *written;            /* a bit per frame: phys_write() since it was last cleared */
	uint64_t *written_blocks;     /* a bit per 2 MiB: some frame of it may be written */
	uint8_t *is_tables;           /* per 2 MiB: a chunk of tables, written without notice */

	/* Tables: 2 MiB chunks from the bottom up to low_end, then from the top down. */
	uint64_t low_next, low_end;
	uint64_t top;                      /* page frames end here, tables begin */
	uint64_t low_touched, top_touched; /* chunks up to, and from here on were touched before */
	uint64_t prefault_bytes;
	pa_t chunk_next, chunk_end;        /* the chunk being handed out */
	uint32_t free_table[TABLE_ORDERS]; /* 1 + frame index, chained through meta.next */
	uint64_t tables;

	/* Page frames: from frames_first up to bump, and recycled runs below bump. */
	uint64_t frames_first, bump; /* pfn */
	struct imap recycled;        /* runs of free pfns */
	uint64_t lost;               /* free frames that no memory was left to remember */
	uint64_t frames, pins;

	struct window *window; /* sorted by first */
	unsigned windows;
};

/* phys_contents.c: make n frames read as zero / all that was ever written, tables aside. */
void phys_contents_clear(struct phys *phys, uint64_t pfn, uint64_t n);
void phys_contents_reset(struct phys *phys);
/* phys.c: the window that answers at pa, NULL: none. */
const struct window *phys_window_find(const struct phys *phys, pa_t pa);
/* phys_frames.c: forget all counts. */
void phys_frames_reset(struct phys *phys);

const char *phys_frames_audit(const struct phys *phys);

#endif
