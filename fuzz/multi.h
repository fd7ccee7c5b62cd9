/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several containers, unlike units and emulated devices in one process: operations as bytes, and
 * what each must answer, worked out the slow way.
 *
 * An input is a head (kernel, platform, types of the containers, seed of the swarm) and records,
 * see records.h. Addresses are "the n-th live mapping, so many pages on" or "the n-th border, less
 * so many pages".
 *
 * The reference shares nothing with the emulated kernel. What it does not know is not done, or,
 * where only the doing shows it (a failure on demand that Linux does not undo either), ends the
 * session: `lost`.
 */
#ifndef FUZZ_MULTI_H
#define FUZZ_MULTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MULTI_PAGE       UINT64_C(4096)
#define MULTI_IOMMU      4u /* groups behind units */
#define MULTI_GROUPS     6u /* with the emulated ones */
#define MULTI_CONTAINERS 2u
#define MULTI_MAPS       12u   /* of a container, the limit of entries */
#define MULTI_PAGES      1552u /* of a mapping */
#define MULTI_WORDS      ((MULTI_PAGES + 63) / 64)
#define MULTI_AREAS      3u
#define MULTI_PLATFORMS  4u
#define MULTI_KERNELS    7u
#define MULTI_STRAYS     8u

#define MULTI_V(major, minor) ((major)*100u + (minor))

struct multi_range {
	uint64_t first, last;
};

struct multi_platform {
	const char *preset; /* whose kind it is */
	const char *name, *text;
	bool amd;
	/* Of each group behind a unit: the unit, its width, memory that firmware keeps for the
	 * device. Groups behind one unit share domains, others do not; on AMD all do. */
	unsigned unit[MULTI_IOMMU], bits[MULTI_IOMMU];
	struct multi_range direct[MULTI_IOMMU]; /* last 0: none */
};
extern const struct multi_platform multi_platforms[MULTI_PLATFORMS];
extern const char *const multi_kernels[MULTI_KERNELS];

/* Memory of the process, behind each area there is none. */
struct multi_area {
	uint64_t address, pages;
	bool writable, huge;
};
extern const struct multi_area multi_areas[MULTI_AREAS];

enum multi_kind {
	MULTI_MAP,
	MULTI_UNMAP,
	MULTI_UNMAP_ALL,
	MULTI_INVALIDATE,
	MULTI_REVALIDATE,
	MULTI_JOIN,
	MULTI_LEAVE,
	MULTI_PIN,
	MULTI_UNPIN,
	MULTI_RW,
	MULTI_DMA,
	MULTI_TRACK,
	MULTI_DIRTY,
	MULTI_LIMIT,
	MULTI_RARE,
	MULTI_RESET,
	MULTI_KINDS
};

struct multi_op {
	enum multi_kind kind;
	unsigned container, group;  /* of JOIN both, else the one that it is about */
	uint64_t iova, size, vaddr; /* RW: bytes; PIN, UNPIN: size in pages */
	uint32_t flags;
	uint64_t value; /* LIMIT: pages; TRACK: on; RARE: which */
	bool write, kernel_thread;
	unsigned nth, select; /* a failure on demand: the passage, 0 none; of which points */
};

struct multi_setup {
	unsigned kernel, platform;
	bool v2[MULTI_CONTAINERS];
	uint8_t seed[4];                  /* of the swarm */
	bool pure;                        /* nothing fails on demand */
	bool tracks;                      /* dirty pages from the beginning */
	bool emulated;                    /* no others join later */
	unsigned rare;                    /* that is in force at first */
	unsigned first[MULTI_CONTAINERS]; /* the group each begins with, if there is such a one */
};

struct multi_map {
	uint64_t iova, last, vaddr;
	uint32_t prot;
	bool invalid, lock_cap;
	uint8_t pins[MULTI_PAGES];                    /* by devices */
	uint64_t must[MULTI_WORDS], may[MULTI_WORDS]; /* dirty as far as recorded; perhaps so */
};

struct multi_container {
	bool v2, tracking, list_on, shifted;
	uint64_t low, high; /* of usable addresses */
	struct multi_map map[MULTI_MAPS];
	unsigned maps;
	struct multi_range stray[MULTI_STRAYS]; /* what a failed MAP may have left behind */
	unsigned strays;
};

struct multi {
	unsigned kernel;
	const struct multi_platform *platform;
	bool lost, leaky;     /* leaky: the kernel itself keeps something */
	int in[MULTI_GROUPS]; /* container, -1: none */
	bool tracks[MULTI_IOMMU];
	struct multi_container container[MULTI_CONTAINERS];
	bool lock_cap;
	uint64_t limit; /* pages */
};

#define MULTI_ANY_ERROR (-1)

struct multi_answer {
	int error; /* errno, 0, or MULTI_ANY_ERROR */
	uint64_t value;
};

enum multi_dma { MULTI_DMA_WORKS, MULTI_DMA_FAULTS, MULTI_DMA_UNKNOWN };

/* ---- multi_ops.c ---- */

void multi_setup(struct multi_setup *setup, const uint8_t *head);
/* Against what is live now. */
void multi_decode(struct multi_op *op, const struct multi_setup *setup, const uint8_t *record,
		  const struct multi *m);
/* The plan of a failure: "type1.pin:nth=3". */
void multi_plan(const struct multi_op *op, char *text, size_t len);
/* Which points those are: "type1.pin". */
const char *multi_selector(unsigned n);
/* "map.busy"; "": none. */
const char *multi_rarity(unsigned n);

/* ---- multi_naive.c: the state, looked at; MAP and UNMAP ---- */

void multi_init(struct multi *m, unsigned kernel, const struct multi_setup *setup);
/* Whether there are rules for the operation, as things are. */
bool multi_knows(const struct multi *m, const struct multi_op *op);
struct multi_answer multi_do(struct multi *m, const struct multi_op *op);

bool multi_is_member(const struct multi *m, unsigned container);
bool multi_has_domain(const struct multi *m, unsigned container);
unsigned multi_emulated(const struct multi *m, unsigned container);
uint64_t multi_charge(const struct multi *m);
uint64_t multi_pins(const struct multi *m);
/* The mapping with the address; NULL: none. */
struct multi_map *multi_find(struct multi *m, unsigned container, uint64_t iova);
bool multi_any_invalid(const struct multi_container *c);
/* Pages of a mapping for a domain, beside what is charged: 0, EFAULT, ENOMEM. */
int multi_pin_all(const struct multi *m, const struct multi_map *map, bool lock_cap,
		  uint64_t *charge);
uint64_t multi_pages_of(const struct multi_map *map);
bool multi_is_memory(uint64_t vaddr, bool write);
/* What a failed MAP may have left behind is near. */
bool multi_near_stray(const struct multi_container *c, uint64_t first, uint64_t last);
/* A mapping has both pages, the one before `iova` and that at it. */
bool multi_cuts(const struct multi_container *c, uint64_t iova);

/* ---- multi_pages.c: pages that devices hold, what they copy and reach, what is dirty ---- */

struct multi_answer multi_do_pin(struct multi *m, const struct multi_op *op);
struct multi_answer multi_do_unpin(struct multi *m, const struct multi_op *op);
int multi_do_rw(struct multi *m, const struct multi_op *op);
int multi_do_track(struct multi *m, const struct multi_op *op);
int multi_do_dirty(const struct multi *m, const struct multi_op *op);
/* What DMA of a group behind a unit does there, and to which address. */
enum multi_dma multi_dma(struct multi *m, unsigned group, uint64_t iova, bool write,
			 uint64_t *vaddr);
/* The page of a mapping in a report: it must be dirty, or may. */
void multi_dirty(const struct multi *m, unsigned container, const struct multi_map *map,
		 uint64_t page, bool *must, bool *may);
/* The report is over. */
void multi_dirty_done(struct multi_map *map);
void multi_mark(const struct multi *m, unsigned container, struct multi_map *map, uint64_t page,
		bool sure);

/* ---- multi_groups.c: groups that come and go, usable addresses ---- */

bool multi_reserves(const struct multi *m, unsigned group, uint64_t first, uint64_t last);
bool multi_usable(const struct multi *m, unsigned container, uint64_t first, uint64_t last);
int multi_join(struct multi *m, const struct multi_op *op);
int multi_leave(struct multi *m, const struct multi_op *op);

#endif
