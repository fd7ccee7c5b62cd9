/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables without tables: the leaves that ought to be there, as a list in order of address,
 * changed by the rules of map, unmap and split and by nothing else.
 *
 * Beside it a reader of the tables in memory that was written from the manuals ("Second-Stage
 * Paging Entries", "First-Stage Paging Entries" of VT-d; "I/O Page Tables" of AMD-Vi): it knows
 * each bit of an entry, and takes every bit that has no business there for wrong. It shares nothing
 * with the formats that it judges.
 */
#ifndef FUZZ_FLAT_H
#define FUZZ_FLAT_H

#include "pt/pt.h"

enum flat_format { FLAT_VTD, FLAT_X86, FLAT_AMD };

#define FLAT_LEAVES_MAX 4096u

struct flat_leaf {
	uint64_t iova, oa;
	uint8_t lg2;  /* 2^lg2 bytes */
	uint8_t perm; /* PT_R, PT_W, PT_SNP, PT_X, PT_U, PT_G */
	bool accessed, dirty;
};

struct flat {
	enum flat_format format;
	uint8_t top_level;
	uint8_t large_levels; /* bit n: leaves at level n */
	bool contiguous;      /* AMD: other sizes too */
	unsigned count;
	struct flat_leaf leaf[FLAT_LEAVES_MAX];
};

static inline uint64_t flat_last(const struct flat_leaf *leaf)
{
	return leaf->iova + ((UINT64_C(1) << leaf->lg2) - 1);
}

/* The address can be translated by a tree of this height at all. */
bool flat_reaches(const struct flat *flat, uint64_t iova);
/* Both ends can, and everything between them. */
bool flat_spans(const struct flat *flat, uint64_t first, uint64_t last);
/* A leaf of this size can be had. */
bool flat_has_size(const struct flat *flat, unsigned lg2);
/* The first leaf that ends at or above the address; flat->count: none. */
unsigned flat_at(const struct flat *flat, uint64_t iova);
/* The leaf that holds the address; NULL: none. */
struct flat_leaf *flat_find(struct flat *flat, uint64_t iova);

/* What the functions of a tree are to answer; the list changes accordingly. There is room. */
struct pt_change flat_map(struct flat *flat, const struct pt_map_req *req);
struct pt_change flat_unmap(struct flat *flat, uint64_t iova, uint64_t len);
/* 0: what is at the address cannot be split; else the size of the pieces, which are put in place if
 * there is room, *fits. */
unsigned flat_split(struct flat *flat, uint64_t iova, bool *fits);
/* From *at on, the next leaf that is dirty and begins at or below `last`; NULL: none. */
struct flat_leaf *flat_next_dirty(struct flat *flat, unsigned *at, uint64_t last);
struct pt_run flat_query(const struct flat *flat, uint64_t iova, uint64_t max_pages);

/*
 * What the tables in memory hold, into `out`, which says what they may; *tables is how many there
 * are. NULL, or what is wrong. Reads phys->base only.
 */
const char *flat_read(const struct phys *phys, pa_t root, struct flat *out, unsigned *tables);
/* The entry of an unlinked table that is not zero; -1: none. */
int flat_leftover(const struct phys *phys, pa_t table);
/* The first leaf of two lists that differs; the number of the shorter: none does. */
unsigned flat_differs(const struct flat *a, const struct flat *b);

#endif
