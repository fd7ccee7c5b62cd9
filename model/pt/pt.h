/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables: one walk, one map, one unmap, one query; a description per format.
 *
 * Vocabulary, used everywhere: iova is the address going in, oa the address coming out. A *table*
 * is a 4 KiB frame of 512 *entries*; an entry is empty, a *leaf* (translates) or a *table entry*
 * (points to a lower table). Level 0 is always the table of 4 KiB leaves, whatever the vendor calls
 * it; a leaf at level 1 is 2 MiB, at level 2 1 GiB, at level 3 512 GiB: the *default* size of the
 * level. A format may have *contiguous* leaves of a power of two times that size, below the default
 * of the next level: 2^k adjacent entries of one table, its *copies*, that hold the same. A table
 * entry may *skip* levels, if the format lets it: then the address bits in between are zero. The
 * address of a *sign-extended* format repeats its top bit upwards (is canonical), so that its space
 * has two halves at the two ends of the 64 bits, and nothing in between.
 *
 * Two *stages* can be nested: the first goes from iova to a guest physical address, the second from
 * there to memory, and the first stage's own tables are found through the second (pt_nested.h).
 *
 * Permissions: R, W, X (execute) and U (a user, that is an unprivileged, request) are what an entry
 * grants and what a request *needs*; all entries of a walk must grant it. A format judges only what
 * it knows: the second stage has no U, x86-64 can forbid W but not R. *Attributes* (SNP, G) are
 * those of the leaf alone; *marks* are A (accessed) and D (dirty).
 *
 * The algorithms in pt_walk.h and pt_map.h are always-inline functions that take
 * `const struct pt_format *`; each format's .c file instantiates them once by passing its constant,
 * so the calls through the description fold away. Callers reach a format through struct pt_ops, one
 * indirect call for a whole range and none per level.
 *
 * Writers hold the owner's lock. Walkers take none: they load entries with relaxed atomics, and a
 * table that was unlinked goes to the caller's gather list and is freed only after the invalidation
 * that covers it completed.
 *
 * Free on collapse: a table whose last entry becomes empty is unlinked from its parent at once, up
 * to but not including the root, and joins the gather list. Installing a large leaf over an *empty*
 * position never finds a lower table, because of that rule. Split: an unmap that covers part of a
 * large leaf is refused by pt_unmap (it returns the bytes done so far); pt_split replaces a large
 * leaf by smaller ones with the same attributes first: a contiguous one by leaves of the default
 * size in its place, another by tables of leaves one level lower.
 *
 * Writers read back what they wrote themselves, so they decode with pt_caps_own, which reserves
 * nothing; only walkers and pt_audit judge reserved bits.
 */
#ifndef MODEL_PT_PT_H
#define MODEL_PT_PT_H

#include "phys.h"

#define PT_LEVELS_MAX 6u

/* Permissions and attributes of a translation, independent of the format. */
enum pt_perm {
	PT_R = 1,
	PT_W = 2,
	PT_SNP = 4, /* snoop: SNP of the VT-d second stage, FC (forced coherent) of AMD v1 */
	PT_A = 8,   /* accessed: of a walk, or to be set in new leaves */
	PT_D = 16,  /* dirty, the same */
	PT_X = 32,  /* execute. x86-64: a leaf mapped without it gets XD */
	PT_U = 64,  /* user requests. AMD v1: the U bit of the leaf, which nothing judges */
	PT_G = 128, /* x86-64: global, a translation of every address space */
};

/* All that entries can grant; a walk begins with it at a root. */
#define PT_ALL   ((unsigned)(PT_R | PT_W | PT_X | PT_U))
#define PT_ATTRS ((unsigned)(PT_SNP | PT_G))

enum pt_kind { PT_EMPTY, PT_TABLE, PT_LEAF, PT_RESERVED };

/* What the unit grants; filled from its capability registers and the same for driver and walker. */
struct pt_caps {
	uint8_t haw;            /* host address width: address bits above are reserved */
	uint8_t large_levels;   /* bit n: a leaf at level n is allowed (bit 0 always) */
	bool snoop;             /* SNP is defined, not reserved */
	bool ignore_snoop_leaf; /* scalable mode: bit 11 of a leaf is ignored without snoop control
				 */
	bool device_tlb;        /* TM (bit 62) is defined, not reserved */
	bool access_dirty;      /* walker sets A and D */
	bool access_only;       /* ... but not D (AMD v1, HAD 1) */
	bool contiguous;        /* AMD v1: leaves of other than the default sizes are allowed */
	bool execute;           /* VT-d second stage: X (bit 2) is judged, not ignored */
	bool no_execute;        /* x86-64: XD (bit 63) is judged (NXE); else it is reserved */
	bool ignore_no_execute; /* x86-64: without no_execute XD is ignored, not reserved */
	bool write_protect;     /* x86-64: W is judged for supervisor requests too (WPE) */
	bool extended_accessed; /* x86-64: the walker sets EA (bit 10) with A (EAFE) */
	/*
	 * Derived from the fields above by pt_caps_finish(): reserved bits by kind (0 table entry,
	 * 1 leaf) and level. A walk without them (has_masks false) works them out first: the same
	 * answer at a higher price.
	 */
	bool has_masks;
	bool quick; /* masks, nothing to set in memory, and nothing but R and W to judge */
	uint64_t reserved[2][PT_LEVELS_MAX];
};

struct pt_entry {
	enum pt_kind kind;
	uint8_t next_level; /* table: its level */
	uint8_t size_lg2;   /* leaf */
	uint8_t perm;       /* enum pt_perm; PT_ALL is ANDed along the walk */
	pa_t oa;            /* leaf: start of the page; table: the next table */
};

struct pt_format {
	const char *name;
	bool sign_extend;     /* canonical addresses */
	bool has_contiguous;  /* contiguous leaves exist, if caps allow them */
	uint8_t leaf_lg2_max; /* largest leaf that an entry can express */
	uint8_t top_level_max;
	/* Lowest level a root can have. A walk that starts below it comes from a paging-structure
	 * cache: its iova was judged against the width when that was filled. */
	uint8_t root_level_min;
	/*
	 * Decode a raw entry of a table at `level`. Permission is judged by the caller before
	 * PT_RESERVED is (the order of both manuals), so perm is filled for reserved entries too;
	 * an entry that is not present has none. caps are finished. A and D are not decoded.
	 */
	struct pt_entry (*decode)(uint64_t raw, unsigned level, const struct pt_caps *caps);
	/* What of PT_ALL an entry grants. */
	unsigned (*perm)(uint64_t raw, const struct pt_caps *caps);
	/* What entries must grant for a request that needs `need`: never 0. */
	unsigned (*judged)(unsigned need, const struct pt_caps *caps);
	/*
	 * A quick look: a regular table entry one level down (a regular leaf) that permits `need`
	 * and has no reserved bit. False costs time only: then decode judges. need is judged().
	 */
	bool (*is_table)(uint64_t raw, unsigned level, unsigned need, const struct pt_caps *caps);
	bool (*is_leaf)(uint64_t raw, unsigned level, unsigned need, const struct pt_caps *caps);
	/* Without marks. The address of a leaf lies in place: oa + n is encoded as the entry + n,
	 * n a multiple of the size. The level is (size_lg2 - 12) / 9. */
	uint64_t (*encode_leaf)(pa_t oa, unsigned size_lg2, unsigned perm);
	/* An entry, in a table at `level`, that points to `table`. */
	uint64_t (*encode_table)(pa_t table, unsigned level);
	/* Reserved bits of an entry at `level`; for a leaf that is not allowed there, of its
	 * marker. */
	uint64_t (*reserved)(unsigned level, bool leaf, const struct pt_caps *caps);
	uint64_t oa_mask;  /* address bits of an entry */
	uint64_t accessed; /* bits that the walker sets, 0 if the format has none */
	uint64_t dirty;
	uint64_t extended_accessed;
};

/* A table tree and its root. Owned by a driver (writer); a walker only needs root, top_level, caps.
 */
struct pt {
	struct phys *phys;
	const struct pt_ops *ops;
	struct pt_caps caps;
	pa_t root;
	uint8_t top_level;    /* 2: 39 bits, 3: 48, 4: 57, 5: 64 */
	uint64_t table_count; /* root included */
};

/* Tables unlinked and not yet freed. Zero-initialise. */
struct pt_gather {
	uint32_t head; /* 1 + frame index, chained through phys_table_meta.next */
	uint32_t count;
};

enum pt_fault {
	PT_OK,
	PT_FAULT_WIDTH,     /* iova above the table's width, or not canonical */
	PT_FAULT_READ,      /* no read permission, or not present, for a read */
	PT_FAULT_WRITE,     /* no write permission, or not present, for a write */
	PT_FAULT_RESERVED,  /* reserved bit set */
	PT_FAULT_TABLE_TOP, /* the root table cannot be read (outside RAM) */
	PT_FAULT_TABLE,     /* a lower table cannot be read */
	PT_FAULT_USER,      /* a user request to a page of the supervisor */
	PT_FAULT_EXECUTE,   /* no execute permission */
	PT_FAULT_MARK,      /* nested: A or D could not be set, the entry changes all the time */
};

/* One step of a walk, for reports: the entry as it stood in memory. */
struct pt_step {
	uint8_t level;
	pa_t entry_pa;
	uint64_t raw;
	struct pt_entry entry;
};

struct pt_walk_result {
	enum pt_fault fault;
	uint8_t level;    /* where the walk ended */
	uint8_t size_lg2; /* of the leaf */
	uint8_t perm;     /* of the whole walk */
	pa_t oa;          /* of the iova itself, offset included */
	pa_t leaf_table;  /* the level 0 table that was read, PA_NONE if the walk ended above it */
	uint8_t table_perm; /* permissions accumulated above leaf_table */
	bool present;       /* the entry at which the walk ended is: told apart from "denied" */
};

/* Where to begin: the root, or what a paging-structure cache remembers. */
struct pt_start {
	pa_t table;
	uint8_t level;
	uint8_t perm; /* PT_ALL at the root */
	bool cached;  /* not the root, whatever the level */
};

/* Outcome of a driver-side change. `done` bytes were changed whatever the status. */
enum pt_status { PT_DONE, PT_NOMEM, PT_EXISTS, PT_RANGE, PT_PARTIAL_LEAF };
struct pt_change {
	enum pt_status status;
	uint64_t done;
};

/* `count` leaves of 2^size_lg2 bytes from iova on; oa advances by step_pages pages per leaf. */
struct pt_map_req {
	iova_t iova;
	pa_t oa;
	uint64_t count;
	uint8_t size_lg2;
	uint8_t perm;
	int64_t oa_step; /* bytes: normally the leaf size; -4096 for frames in descending order */
};

/* A run of equal spacing: `pages` 4 KiB pages from the queried iova, oa moving by oa_step each. */
struct pt_run {
	pa_t oa;
	uint64_t pages;
	int64_t oa_step; /* +4096, or -4096 */
	uint8_t perm;    /* of the whole run */
};

struct pt_ops {
	const struct pt_format *format;
	/* Translate. `need` is PT_R and/or PT_W, PT_X with PT_R for an execute request, PT_U for a
	 * user request. `steps` (PT_LEVELS_MAX of them, or NULL) receives the trail, *nsteps its
	 * length. Sets A and D where caps grant them and the walk succeeds. */
	struct pt_walk_result (*walk)(const struct phys *phys, const struct pt_caps *caps,
				      struct pt_start start, iova_t iova, unsigned need,
				      struct pt_step *steps, unsigned *nsteps);
	/* Fill leaves. On PT_NOMEM and PT_EXISTS the leaves done so far stay; the caller unmaps
	 * them. PT_RANGE, nothing changed: beyond the width, misaligned, a size that caps do not
	 * grant, an oa that an entry cannot hold, neither PT_R nor PT_W. */
	struct pt_change (*map)(struct pt *pt, const struct pt_map_req *req);
	/* Clear every leaf in [iova, iova + len). Empty positions are skipped and count as done.
	 * PT_PARTIAL_LEAF: the range cuts the leaf at iova + done, which stays. PT_RANGE, nothing
	 * changed: beyond the width or not made of whole pages. */
	struct pt_change (*unmap)(struct pt *pt, iova_t iova, uint64_t len,
				  struct pt_gather *gather);
	/* The longest run of equal perm and spacing that starts at iova, at most max_pages; pages
	 * is 0 when iova is not translated. Steps of +4096 win; -4096 needs at least two pages. oa
	 * is that of iova itself, offset included; A and D neither end a run nor appear in perm. */
	struct pt_run (*query)(const struct pt *pt, iova_t iova, uint64_t max_pages);
	/* Lowest translated iova >= from (and <= last). False: none. Skips empty subtrees whole. */
	bool (*next)(const struct pt *pt, iova_t from, iova_t last, iova_t *found);
	/* Leaf that contains iova, as it stands: its size_lg2, 0 if none. */
	unsigned (*leaf_lg2)(const struct pt *pt, iova_t iova);
	/* Replace the large leaf at iova by smaller ones, A and D included: a contiguous leaf by
	 * leaves of its level's default size, if caps grant them, else any by leaves one level
	 * lower. Translations do not change, so nothing has to be invalidated. PT_NOMEM; PT_RANGE:
	 * no large leaf there, or caps do not grant the smaller size. */
	enum pt_status (*split)(struct pt *pt, iova_t iova);
	/* D bit of the leaves in [iova, iova + len): calls back for each dirty leaf with the part
	 * of it that lies in the range, clears if asked. A contiguous leaf is dirty if one of its
	 * copies is, and is cleared in all. hit() must not change the tree. */
	void (*dirty)(struct pt *pt, iova_t iova, uint64_t len, bool clear,
		      void (*hit)(void *ctx, iova_t iova, uint64_t len), void *ctx);
};

extern const struct pt_ops pt_vtd_ss; /* VT-d second stage */
extern const struct pt_ops pt_x86_64; /* VT-d first stage, AMD v2 */
extern const struct pt_ops pt_amd_v1;

/* Width in bits of a tree whose root is at top_level. With six levels it is all 64. */
static inline unsigned pt_width(unsigned top_level)
{
	return top_level > 4 ? 64u : 21u + 9u * top_level;
}

/* The format judges this much of a request: what of a cached translation must permit it. */
static inline unsigned pt_judged(const struct pt_ops *ops, const struct pt_caps *caps,
				 unsigned need)
{
	return ops->format->judged(need, caps);
}

/* Reserved bits that a driver checks in its own entries: none. */
extern const struct pt_caps pt_caps_own;

/* Fill the derived fields, once, after the others are set; a walker's caps should be finished. */
void pt_caps_finish(struct pt_caps *caps, const struct pt_ops *ops);

/* An empty tree. False: no memory for the root. */
bool pt_init(struct pt *pt, struct phys *phys, const struct pt_ops *ops, const struct pt_caps *caps,
	     unsigned top_level);
/*
 * One level more: the old root is what entry 0 of the new root points to. Units have to be told of
 * the new root afterwards; a walk from the old one stays right until then. PT_RANGE: there is no
 * higher level, or the format is sign-extended.
 */
enum pt_status pt_grow_root(struct pt *pt);
/* Free every table, populated or not. Never fails, never allocates. */
void pt_fini(struct pt *pt);
/* Free what a gather holds; the invalidation that covers it has completed. */
void pt_gather_free(struct phys *phys, struct pt_gather *gather);

/* Live counts, links and reserved bits of the whole tree; NULL when all hold, else what does not.
 */
const char *pt_audit(const struct pt *pt);

#endif
