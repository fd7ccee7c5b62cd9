/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the simulated address space share.
 *
 * Two ordered maps make an address space: *areas* (what a vm_area_struct is to Linux) and *extents*
 * (what its page table entries are): runs of pages whose frames follow each other up or down. Both
 * are keyed by page number, address >> 12.
 *
 * Extents of private memory and of PFN maps lie in the address space. Shared memory and files keep
 * theirs in an object that areas refer to, so that unmapping drops nothing but the reference. Every
 * frame of an extent carries one reference for it, PFN extents excepted: they name no frame and
 * only remember which pages have a page table entry.
 *
 * Invariants (mm_sim_audit()):
 *  - an extent without EXTENT_COW owns its frames alone: reference count 1;
 *  - a frame under EXTENT_COW is never pinned: pinning makes the page the process's own first;
 *  - inside huge page areas extents are cut at 2 MiB only and start on 2 MiB frames;
 *  - mlocked is the sum of the locked areas' pages.
 */
#ifndef BACKEND_CORE_MM_SIM_PRIV_H
#define BACKEND_CORE_MM_SIM_PRIV_H

#include "core/mm_sim.h"
#include "imap.h"
#include "prng.h"

/* Pages of a huge page. */
#define HUGE_PAGES UINT64_C(512)

struct mm_object {
	struct phys *phys;
	struct imap pages;  /* extents, by page of the object */
	uint64_t limit;     /* pages from here on do not exist; UINT64_MAX: all do */
	uint64_t refs;      /* areas, of all address spaces */
	uint64_t writers;   /* shared areas of a file that write, or may be made to */
	struct area *areas; /* newest first */
};

struct area {
	uint64_t first, last; /* pages, inclusive */
	unsigned prot;
	enum mm_kind kind;
	enum mm_contiguity contiguity;
	bool hugetlb;
	bool locked;
	bool write_never;             /* mprotect cannot make it writable */
	struct mm_object *object;     /* shared memory and files, else NULL */
	uint64_t object_shift;        /* page of the address space minus page of the object */
	uint64_t pfn_shift;           /* MM_PFN: frame minus page */
	uint64_t pfn_mapped;          /* ... first frame of what was mapped, as file_offset below */
	struct file *file;            /* MM_PFN: held open by the area; may be NULL */
	uint64_t file_offset;         /* ... of what was mapped, however small this piece is now */
	struct mm_sim *sim;           /* whose area it is */
	struct area *next, *previous; /* of the object */
};

struct mm_sim {
	struct mm mm;
	struct phys *phys;
	struct prng rng;
	struct imap areas; /* value: struct area * */
	struct imap pages; /* extents of private areas and PFN maps */
	/* 2 MiB blocks that show the huge zero page, or did before they were split. */
	struct imap zero_blocks;
	uint64_t mlocked; /* pages of locked areas, part of mm.locked_pages */
};

static inline struct mm_sim *mm_sim_of(struct mm *mm)
{
	return sio_container_of(mm, struct mm_sim, mm);
}

static inline const struct mm_sim *mm_sim_of_const(const struct mm *mm)
{
	return (const struct mm_sim *)((const char *)mm - offsetof(struct mm_sim, mm));
}

static inline bool area_is_shared(const struct area *area)
{
	return area->kind == MM_SHARED || area->kind == MM_FILE_SHARED;
}

static inline uint64_t area_pages(const struct area *area)
{
	return area->last - area->first + 1;
}

static inline uint64_t page_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t page_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- extents: mm_sim_extent.c ---- */

enum {
	EXTENT_DOWN =
		1,      /* page i is in frame pfn - i, else pfn + i; clear when there is one page */
	EXTENT_COW = 2, /* others may map the frames: copy before writing or pinning */
	EXTENT_PFN = 4, /* page table entries of a PFN map, no references */
};

struct extent {
	uint64_t page;
	uint64_t n;
	uint64_t pfn; /* of the first page */
	unsigned flags;
};

static inline uint64_t extent_frame(const struct extent *x, uint64_t i)
{
	return x->flags & EXTENT_DOWN ? x->pfn - i : x->pfn + i;
}

/* Lowest frame: the frames are [low, low + n). */
static inline uint64_t extent_low(const struct extent *x)
{
	return x->flags & EXTENT_DOWN ? x->pfn - (x->n - 1) : x->pfn;
}

/* n pages of x from its page `skip` on. */
struct extent extent_sub(const struct extent *x, uint64_t skip, uint64_t n);
/* a and then b as one extent. False: b does not follow a. */
bool extent_join(const struct extent *a, const struct extent *b, struct extent *out);
/* The extent that holds `page`, from that page on. */
bool extent_at(const struct imap *map, uint64_t page, struct extent *out);
/* The whole of the lowest extent that ends at or above `page`. */
bool extent_ceil(const struct imap *map, uint64_t page, struct extent *out);
/* Make `page` a border between extents. False: no memory, nothing changed. */
bool extent_cut(struct imap *map, uint64_t page);
/* Record x where nothing is. False: no memory. */
bool extent_add(struct imap *map, const struct extent *x);
/* Let x take the place of the extent with exactly its pages. */
void extent_set(struct imap *map, const struct extent *x);
/* Forget [first, last] and give back its frames' references. False: no memory, nothing changed. */
bool extent_drop(struct imap *map, struct phys *phys, uint64_t first, uint64_t last);
/* Forget everything. Never fails. */
void extent_drop_all(struct imap *map, struct phys *phys);

/* ---- areas: mm_sim_area.c ---- */

struct area *area_at(const struct mm_sim *sim, uint64_t page);
struct area *area_ceil(const struct mm_sim *sim, uint64_t page);
/* Make `page` a border between areas. -EINVAL: inside a huge page. -ENOMEM. */
int area_cut(struct mm_sim *sim, uint64_t page);
/* Join areas that meet in or around [first, last] and differ in nothing. */
void area_join_range(struct mm_sim *sim, uint64_t first, uint64_t last);
/* Count an area's pages as locked, or no longer. */
void area_set_locked(struct mm_sim *sim, struct area *area, bool locked);
/* Record a copy of *area where nothing is, with a reference on its object. */
int area_add(struct mm_sim *sim, const struct area *area);
void area_drop_all(struct mm_sim *sim);
/* As mm_sim_map(), with an object that exists, from its page `index` on. NULL: a new one. */
int mm_map_object(struct mm *mm, const struct mm_map_req *req, struct mm_object *object,
		  uint64_t index);

/* What of the area exists of its file, from `page` on: a copy that ends there. False: nothing, an
 * access gets a signal. */
bool area_in_file(const struct area *area, uint64_t page, struct area *inside);
/* Pages [first, last] of the object go; with `copies` those that private areas made of them, too.
 * -ENOMEM: the object is as it was. */
int object_drop(struct mm_object *object, uint64_t first, uint64_t last, bool copies);

/* ---- faults: mm_sim_fault.c, mm_sim_frames.c ---- */

/* Where the pages of an area are recorded: key = page - shift. */
struct page_space {
	struct imap *map;
	uint64_t shift;
};

struct page_space area_space(struct mm_sim *sim, const struct area *area);
/*
 * Give `n` pages from `page` on new frames, laid out by the area's policy, with the contents of
 * `from` (NULL: zeros). They are a gap, or part of one copy-on-write extent that is replaced.
 * Returns how many pages were done before memory ran out.
 */
uint64_t frames_fill(struct mm_sim *sim, const struct area *area, struct page_space space,
		     uint64_t page, uint64_t n, const struct extent *from);
/*
 * Make up to n pages from `page` on present and the area's own, as a write fault does. *out: the
 * run that begins at `page`, at least one page. -ENOMEM.
 */
int page_fault(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n,
	       struct extent *out);
/* Record page table entries in a PFN map. -ENOMEM. */
int page_fault_pfn(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n);
/* Fault in [first, last] as the process touching each page does. -EFAULT, -ENOMEM. */
int area_populate(struct mm_sim *sim, const struct area *area, uint64_t first, uint64_t last);

/* ---- zero pages: mm_sim_zero.c ---- */

/*
 * Pin what is there where nothing is: the small zero page, which is reserved, so that nobody pays
 * for it; or for memory that takes huge pages the huge one, which is a page like any other.
 */
int zero_page_pin(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n,
		  struct pin_run *run);
/* [page, page + n) of an area is read where nothing is. -ENOMEM. */
int zero_page_seen(struct mm_sim *sim, const struct area *area, uint64_t page, uint64_t n);
/* A page is about to be made. True: its block shows the huge zero page, or did, and gets small
 * pages from now on. */
bool zero_block_split(struct mm_sim *sim, uint64_t page);
/* [first, last] goes: whole blocks in it take huge pages again. */
void zero_blocks_forget(struct mm_sim *sim, uint64_t first, uint64_t last);
/* Fork. False: no memory. */
bool zero_blocks_copy(struct mm_sim *to, const struct mm_sim *from);

/* ---- pinning: mm_sim_pin.c ---- */

int sim_pin(struct mm *mm, uint64_t va, uint64_t max_pages, bool write, struct pin_run *run);
void sim_unpin(struct mm *mm, const struct pin_run *run, bool dirty);
/* mm_sim_access.c */
int sim_copy(struct mm *mm, uint64_t va, void *buf, uint64_t len, bool write);

/* ---- for tests ---- */

/* Extents recorded for this address space, those of its objects included. */
size_t mm_sim_extent_count(const struct mm *mm);

#endif
