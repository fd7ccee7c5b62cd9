/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes as operations on a type1 container.
 *
 * An input is a head of OPS_HEAD bytes and records of OPS_RECORD bytes each; what is short at the
 * end is left out. The head chooses kernel, platform and container, and the seed of the swarm: per
 * input, some kinds of operations never happen and others often. A record does not name an address
 * but says "the n-th live mapping, and so many pages on" or "the n-th border, less so many pages",
 * and is resolved when its turn comes: nearly every string of bytes is a session that gets far.
 *
 * The same bytes and the same live mappings always give the same operation.
 */
#ifndef FUZZ_OPS_H
#define FUZZ_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPS_HEAD       8u
#define OPS_RECORD     8u
#define OPS_MAX        128u /* records of one input that are looked at */
#define OPS_PAGE       UINT64_C(4096)
#define OPS_GROUPS     3u
#define OPS_BITMAP_MAX (UINT64_C(1) << 10) /* bytes */

/* ---- what the operations are done to ---- */

/* Memory of the process; behind each area there is none. */
struct ops_area {
	const char *name;
	uint64_t address, pages;
	bool writable, huge; /* huge: from runs of 2 MiB */
};

#define OPS_AREAS 3u
extern const struct ops_area ops_areas[OPS_AREAS];

struct ops_platform {
	const char *name;
	const char *device[OPS_GROUPS]; /* each alone in its group */
	/* What the unit of each device is like, as the platform's file says. */
	unsigned bits[OPS_GROUPS]; /* of addresses; AMD-Vi 64 */
	bool snoops[OPS_GROUPS], no_1g[OPS_GROUPS];
	bool amd;
};

#define OPS_PLATFORMS 5u
extern const struct ops_platform ops_platforms[OPS_PLATFORMS];

/* ---- operations ---- */

enum op_kind {
	OP_MAP,
	OP_UNMAP,
	OP_INVALIDATE, /* UNMAP with VADDR */
	OP_REVALIDATE, /* MAP with VADDR */
	OP_UNMAP_ALL,
	OP_JOIN,  /* SET_CONTAINER, and for the first group SET_IOMMU */
	OP_LEAVE, /* UNSET_CONTAINER */
	OP_DMA,
	OP_LIMIT,     /* RLIMIT_MEMLOCK becomes `value` pages */
	OP_PRIVILEGE, /* CAP_IPC_LOCK: `value` says whether */
	OP_HUGEPAGES, /* the parameter disable_hugepages becomes `value` */
	OP_TRACK,     /* dirty pages: start, or stop when `value` is 0 */
	OP_DIRTY,     /* get them */
	OP_INFO,
	OP_EXTENSION, /* number `value` */
	OP_KINDS
};

struct op {
	enum op_kind kind;
	uint64_t iova, size;
	uint32_t flags, argsz;
	unsigned area;
	uint64_t offset; /* in the area, may be behind it */
	unsigned group;
	bool write;
	uint64_t value;
};

static inline uint64_t op_vaddr(const struct op *op)
{
	return ops_areas[op->area].address + op->offset;
}

/* Size of the buffer for the answer to OP_DIRTY: too small, if the range is very long. */
static inline uint64_t op_bitmap_bytes(const struct op *op)
{
	uint64_t bytes = (op->size / OPS_PAGE + 63) / 64 * 8;

	return bytes <= OPS_BITMAP_MAX ? bytes : 8;
}

/* What the head says. */
struct ops_setup {
	unsigned kernel; /* any number */
	unsigned platform;
	bool v2, unprivileged;
	bool dare;            /* also what the reference does not know */
	unsigned entry_limit; /* of mappings */
	uint8_t weight[OP_KINDS];
	unsigned weights; /* their sum, not 0 */
};

struct ops_range {
	uint64_t first, last;
};

#define OPS_LIVE (OPS_MAX + 1u)

/* What records refer to. */
struct ops_view {
	struct ops_range live[OPS_LIVE];
	unsigned count;
};

/* Missing bytes are 0. */
void ops_setup(struct ops_setup *setup, const uint8_t *data, size_t size);
/* How many records the input has, at most OPS_MAX. */
unsigned ops_count(size_t size);
/* The n-th, 0 <= n < ops_count(size). */
void ops_decode(struct op *op, const struct ops_setup *setup, const uint8_t *data, unsigned n,
		const struct ops_view *view);
/* As a line of a recording, without its answer and line feed. */
void ops_text(const struct op *op, char *text, size_t len);

/* ---- changing inputs ---- */

/*
 * One change of whole records: one goes in, out, twice, changes its place with another, or one byte
 * of one changes; now and then a byte of the head. In place; the new size, at most max_size. The
 * same seed makes the same change.
 */
size_t ops_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed);
/* The head and the first records of `a`, then the last ones of `b`: bytes written to `out`. */
size_t ops_splice(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
		  size_t max_size, unsigned seed);

#endif
