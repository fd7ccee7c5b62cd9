/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a type1 container answers, worked out the slow way.
 *
 * An array of mappings, the memory of two processes by page, the groups that have joined, and the
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

#include "corpus/ops.h"

/* Pages of memory are numbered; the number is what a page is, wherever it is mapped. */
#define NAIVE_NONE   0u         /* private memory that nobody has touched: zeros */
#define NAIVE_ZERO   1u         /* the zero page, pinned */
#define NAIVE_FIRST  0x1000u    /* ordinary pages from here on */
#define NAIVE_DEVICE 0x80000000 /* registers: and the page of the area */

struct naive_page {
	uint32_t id;
	bool mapped, shared;
	bool copied;  /* private, and another process has it too, until one writes */
	uint8_t prot; /* 1 read, 2 write */
};

#define NAIVE_PAGES (OPS_AREA_PAGES + 240u) /* of all areas */

struct naive_process {
	bool alive, privileged;
	unsigned mm; /* the number of its address space, never used twice */
	uint64_t limit_pages;
	struct naive_page page[NAIVE_PAGES];
};

struct naive_map {
	uint64_t iova, last, vaddr;
	uint32_t prot; /* flags of MAP_DMA */
	bool invalid;  /* has lost its address */
	unsigned mm;   /* who pays */
	uint64_t paid; /* pages */
	size_t first;  /* of naive.held: what its pages are */
};

struct naive {
	unsigned kernel; /* 100 times the major number, and the minor one */
	const struct ops_platform *platform;
	bool blind, v2, tracking, device_memory;
	unsigned entry_limit;
	bool joined[OPS_GROUPS];
	struct naive_map map[OPS_LIVE];
	unsigned maps;
	uint64_t lost[OPS_LIVE]; /* iova of what 3.14 notes without mapping it */
	unsigned losts;
	struct naive_process process[OPS_PROCESSES];
	unsigned last_mm;
	uint32_t last_id;
	size_t holds;
	uint32_t held[OPS_LIVE * NAIVE_PAGES]; /* the last: not cleared */
};

struct naive_answer {
	int error;      /* errno, 0: none */
	uint64_t value; /* UNMAP: bytes; EXTENSION: the answer */
};

enum naive_dma { NAIVE_DMA_WORKS, NAIVE_DMA_FAULTS, NAIVE_DMA_UNKNOWN };

/* A process with an unlimited RLIMIT_MEMLOCK and an empty container. A kernel that is not followed,
 * or not on that platform, makes it blind; so does NULL, for who wants no more than an idea of
 * which mappings there are. */
void naive_init(struct naive *naive, const char *kernel, const struct ops_setup *setup);
/* Whether there are rules for the operation, as things are. */
bool naive_knows(const struct naive *naive, const struct op *op);
/* Do what is known. For OP_INFO, OP_DIRTY and OP_DMA the rest of the answer is below. */
struct naive_answer naive_do(struct naive *naive, const struct op *op);
/* The live mappings, in no order that means anything. */
void naive_view(const struct naive *naive, struct ops_view *view);

/* ---- questions ---- */

/* What DMA of the operation's group does, a group that has joined; and where it ends up: the
 * address in the memory of who mapped it, and the page. */
enum naive_dma naive_dma(const struct naive *naive, const struct op *op, uint64_t *vaddr,
			 uint32_t *id);
/* Each page of each mapping is charged to its address space, and pinned, once; device memory is
 * neither. UINT_MAX: of all address spaces. */
uint64_t naive_locked_pages(const struct naive *naive, unsigned mm);
/* Last address that all groups reach. */
uint64_t naive_common_last(const struct naive *naive);
/* What no device of the platform may have mapped: how many. */
unsigned naive_reserved(const struct naive *naive, struct ops_range range[2]);

/* ---- memory of the processes: naive_memory.c ---- */

void naive_memory_init(struct naive *naive, bool privileged);
/* NULL: the process has nothing there. */
struct naive_page *naive_page(struct naive *naive, unsigned process, uint64_t vaddr);
/* Whether the page can be pinned so, and whether there are rules for it; then what is pinned. */
bool naive_can_pin(const struct naive *naive, unsigned process, uint64_t vaddr, bool write);
bool naive_knows_pin(const struct naive *naive, unsigned process, uint64_t vaddr, bool write);
uint32_t naive_pin(struct naive *naive, unsigned process, uint64_t vaddr, bool write);
/* The process writes to a page that it may write to. */
void naive_write(struct naive *naive, struct naive_page *page);
/* OP_MEMORY, OP_FORK, OP_EXEC, OP_EXIT. */
bool naive_knows_change(const struct naive *naive, const struct op *op);
int naive_change(struct naive *naive, const struct op *op);

/* ---- what it tells: naive_info.c ---- */

#define NAIVE_INFO_MAX 256u

/*
 * What OP_INFO writes to `buf`, of `len` bytes, that holds the argument; care[i] is 0 where the
 * kernel leaves what happens to be there. The answer.
 */
struct naive_answer naive_info(const struct naive *naive, const struct op *op, uint8_t *buf,
			       uint8_t *care, size_t len);
uint64_t naive_extension(const struct naive *naive, uint64_t number);
/* Bit `page` of the bitmap of an OP_DIRTY that succeeds: it must be set; it may be, because
 * mappings are reported by words of 64 pages. */
void naive_dirty(const struct naive *naive, const struct op *op, uint64_t page, bool *must,
		 bool *may);

#endif
