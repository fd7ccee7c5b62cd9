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
 * What is to be said as it is, whatever lives and whatever the swarm has left out, is a literal: a
 * record with OPS_LITERAL as its last byte, whose first byte is the kind itself (bit 6: the
 * argument cannot be written; bit 7: the second process does it), and the three words of 8 bytes
 * that follow it, little endian: iova, size, and the address of the memory (MAP) or the value; for
 * a change of memory the first word is its address. For MAP and UNMAP of all sorts bytes 1 and 2
 * are argsz (65535: all ones of 32 bits) and 3 to 6 the flags; otherwise byte 4 is the group, and
 * bit 3 of byte 6 says that a device writes. What is cut off at the end is 0.
 *
 * The same bytes and the same live mappings always give the same operation.
 */
#ifndef CORPUS_OPS_H
#define CORPUS_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPS_HEAD       8u
#define OPS_RECORD     8u
#define OPS_WORDS      3u    /* that follow a literal */
#define OPS_LITERAL    0xeeu /* marks it */
#define OPS_MAX        256u  /* operations of one input that are looked at */
#define OPS_GROW       128u  /* operations up to which changes add more */
#define OPS_BYTES_MAX  (OPS_RECORD * (1 + OPS_WORDS)) /* of one operation */
#define OPS_PAGE       UINT64_C(4096)
#define OPS_GROUPS     3u
#define OPS_BITMAP_MAX (UINT64_C(1) << 10) /* bytes */

/* ---- what the operations are done to ---- */

/* Memory of the process; behind each area there is none. */
struct ops_area {
	const char *name;
	uint64_t address, pages;
	bool writable, huge; /* huge: from runs of 2 MiB */
	bool anonymous;      /* private; else shared */
	bool device;         /* registers of a device that no group is of */
};

#define OPS_AREAS      6u
#define OPS_AREA_PAGES 1100u /* of the largest */
#define OPS_PROCESSES  2u
extern const struct ops_area ops_areas[OPS_AREAS];

struct ops_platform {
	const char *name;
	const char *device[OPS_GROUPS]; /* each alone in its group */
	/* What the unit of each device is like, as the platform's file says. */
	unsigned bits[OPS_GROUPS]; /* of addresses; AMD-Vi 64 */
	bool snoops[OPS_GROUPS], no_1g[OPS_GROUPS];
	bool amd;
	bool caching;      /* units keep what they did not find: "vtd48" with caching-mode */
	const char *other; /* the device whose registers are memory; NULL: there is none */
};

#define OPS_PLATFORMS 6u
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
	OP_INFO,      /* argsz is `value`, 0: plenty */
	OP_EXTENSION, /* number `value` */
	OP_MEMORY,    /* of the process, `size` bytes of it: `value` is an enum ops_change */
	OP_FORK,      /* the second process comes from the first */
	OP_EXEC,
	OP_EXIT, /* of the second process */
	OP_FAIL, /* the next MAP meets a failure: at the `value`-th occasion */
	OP_KINDS
};

enum ops_change {
	OPS_UNMAP,
	OPS_RENEW, /* map again what was there in the beginning */
	OPS_NO_ACCESS,
	OPS_READ_ONLY,
	OPS_READ_WRITE,
	OPS_DISCARD,
	OPS_CHANGES
};

struct op {
	enum op_kind kind;
	uint64_t iova, size;
	uint32_t flags, argsz;
	unsigned area;
	uint64_t offset; /* in the area, may be behind it */
	unsigned group;
	bool write;
	bool read_only; /* the argument: nothing can be written back */
	unsigned actor; /* which process does it, if that is alive */
	uint64_t value;
};

static inline uint64_t op_vaddr(const struct op *op)
{
	return ops_areas[op->area].address + op->offset;
}

/* UNMAP that asks which pages are dirty: its argument has a bitmap of pages of OPS_PAGE. */
#define OPS_DIRTY_ARGSZ 48u
static inline bool op_has_bitmap(const struct op *op)
{
	return op->kind <= OP_UNMAP_ALL && op->kind != OP_MAP && op->kind != OP_REVALIDATE &&
	       op->flags & 1 && op->argsz >= OPS_DIRTY_ARGSZ;
}

/* Size of the buffer for the answer to it, and to OP_DIRTY: too small, if the range is very long.
 */
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
	bool device_memory;   /* a device's registers are mapped */
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
/* A head that says so, without a swarm. False: there is none. */
bool ops_head(const struct ops_setup *setup, uint8_t head[OPS_HEAD]);
/*
 * How many operations the input has, at most OPS_MAX, and in at[n], of OPS_MAX + 1 elements, where
 * the n-th begins, in bytes; the element behind the last says where it ends. What is too short for
 * a record, at the end, is no operation, but a literal may be cut short.
 */
unsigned ops_index(const uint8_t *data, size_t size, size_t *at);
/* The operation that begins at byte `at`, one of ops_index(). */
void ops_decode(struct op *op, const struct ops_setup *setup, const uint8_t *data, size_t size,
		size_t at, const struct ops_view *view);
/*
 * The operation as a literal, to bytes[OPS_BYTES_MAX]; the number of bytes. 0: it has no such form,
 * because argsz is too large.
 */
size_t ops_encode(const struct op *op, uint8_t *bytes);
/*
 * The operation has been done: with success, and for UNMAP, `bytes` went. Who plays an input
 * without the fuzz target finds out with this which mappings live, in the order that records refer
 * to. `joined` says which groups were in the container before.
 */
void ops_done(struct ops_view *view, bool joined[OPS_GROUPS], const struct op *op, uint64_t bytes);
/* As a line of a recording, without its answer and line feed. */
void ops_text(const struct op *op, char *text, size_t len);

/* ---- changing inputs ---- */

/*
 * One change of whole operations: one goes in, out, twice, changes its place with another, or one
 * byte or word of one changes; now and then a byte of the head; or a new session takes the place of
 * all. In place; the new size, at most max_size. The same seed makes the same change. What
 * ops_index() does not count is cut off.
 */
size_t ops_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed);
/* The head and the first operations of `a`, then the last ones of `b`: bytes written to `out`. */
size_t ops_splice(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
		  size_t max_size, unsigned seed);

#endif
