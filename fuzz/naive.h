/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a type1 container answers, worked out the slow way.
 *
 * An array of mappings, the memory of the process by page, the groups that have joined, and the
 * rules of each kernel: every question is answered by looking at all of it. Nothing here is shared
 * with the emulated kernel or hardware.
 *
 * Kernels from 3.14 on are followed. What depends on the shape of a tree, on an address that a
 * kernel without a list of usable addresses hands down to the hardware, or on entries that end with
 * the space and are lost, is not known (naive_knows()); who does such a thing nevertheless makes
 * the reference blind: it answers nothing any more.
 */
#ifndef FUZZ_NAIVE_H
#define FUZZ_NAIVE_H

#include "ops.h"

struct naive_map {
	uint64_t iova, last, vaddr;
	uint32_t prot; /* flags of MAP_DMA */
	bool invalid;  /* has lost its address */
};

struct naive {
	unsigned kernel; /* 100 times the major number, and the minor one */
	const struct ops_platform *platform;
	bool blind, v2, privileged, tracking;
	unsigned entry_limit;
	uint64_t limit_pages;
	bool joined[OPS_GROUPS];
	struct naive_map map[OPS_LIVE];
	unsigned maps;
};

struct naive_answer {
	int error;      /* errno, 0: none */
	uint64_t value; /* UNMAP: bytes; EXTENSION: the answer */
};

#define NAIVE_RANGES 4u

struct naive_info {
	uint32_t flags;
	uint64_t pgsizes;
	bool has_ranges, has_avail;
	struct ops_range range[NAIVE_RANGES];
	unsigned ranges;
	uint32_t avail;
};

enum naive_dma { NAIVE_DMA_WORKS, NAIVE_DMA_FAULTS, NAIVE_DMA_UNKNOWN };

/* A process with an unlimited RLIMIT_MEMLOCK and an empty container. A kernel that is not followed,
 * or not on that platform, makes it blind. */
void naive_init(struct naive *naive, const char *kernel, const struct ops_setup *setup);
/* Whether there are rules for the operation, as things are. */
bool naive_knows(const struct naive *naive, const struct op *op);
/* Do what is known. For OP_INFO, OP_DIRTY and OP_DMA the rest of the answer is below. */
struct naive_answer naive_do(struct naive *naive, const struct op *op);
/* The live mappings, in no order that means anything. */
void naive_view(const struct naive *naive, struct ops_view *view);

/* ---- questions ---- */

void naive_info(const struct naive *naive, struct naive_info *info);
/* What DMA of the operation's group does, a group that has joined, and to what address. */
enum naive_dma naive_dma(const struct naive *naive, const struct op *op, uint64_t *vaddr);
/* Bit `page` of the bitmap of an OP_DIRTY that succeeds: it must be set; it may be, because
 * mappings are reported by words of 64 pages. */
void naive_dirty(const struct naive *naive, const struct op *op, uint64_t page, bool *must,
		 bool *may);
/* Each page of each mapping is charged, and pinned, once. */
uint64_t naive_locked_pages(const struct naive *naive);

#endif
