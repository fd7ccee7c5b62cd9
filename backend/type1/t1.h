/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inside of a type1 container, shared by the files of this folder.
 *
 * A mapping (struct t1_dma) is one entry of the container's tree, exactly as the user made it. A
 * domain is one set of page tables with the groups that use it; the list has the newest first, and
 * "the first domain" is the one whose tables are asked where a page is.
 *
 * Where a page lies is recorded in the page tables only, as in the kernel: unmap and replay read it
 * back. So a page is unpinned only after the invalidation that covers its translation.
 */
#ifndef BACKEND_TYPE1_T1_H
#define BACKEND_TYPE1_T1_H

#include "imap.h"
#include "seeded.h"
#include "type1/iova_list.h"
#include "type1/pool.h"
#include "type1/twin.h"
#include "type1/type1.h"

/* Who pays for mappings: the mapper's memory, limit and capability as they were when it mapped. */
struct t1_owner {
	struct t1_owner *next;
	struct task *task;
	struct mm *mm; /* the task may have another one since (exec) */
	size_t mappings;
	bool lock_cap;
};

/* One cache line: a container may hold a million. */
struct t1_dma {
	iova_t iova;
	uint64_t size; /* grows while pages are pinned and mapped */
	uint64_t vaddr;
	uint64_t locked_pages;
	struct t1_owner *owner;
	uint64_t *bitmap; /* while dirty tracking is on */
	struct twin_node *twin;
	uint64_t op : 56; /* of the machine, when it was made */
	uint64_t prot : 2;
	uint64_t skewed : 1; /* the kernel itself loses count of its charge, see pages.c */
	uint64_t iommu_mapped : 1;
	uint64_t vaddr_invalid : 1;
};

/* A page that devices hold through the pin interface. */
struct t1_page {
	struct t1_dma *dma;
	pa_t pa;
	uint32_t refs;
	bool reserved; /* no reference was taken, nothing is charged */
};

/* What devices without an IOMMU of their own have to do with a container. */
struct t1_emulated {
	struct iommu_group **group; /* newest first */
	unsigned group_count;
	/* Groups behind an IOMMU that have pinned pages: they report what they dirty. */
	struct iommu_group **tracking;
	unsigned tracking_count;
	struct t1_client *clients; /* in the order in which they are told */
	uint64_t round;            /* of telling them */
	struct imap pages;         /* struct t1_page by page number of its IOVA */
};

struct t1_domain {
	struct iommu_domain *domain;
	bool enforce;               /* cache coherency is enforced */
	bool fgsp;                  /* unmapping one page takes a larger leaf with it */
	struct iommu_group **group; /* newest first */
	unsigned group_count;
};

struct type1 {
	struct iommu *iommu;
	struct type1_params *params;
	bool v2, nesting;
	bool dirty_tracking;
	uint32_t dma_limit; /* at open */
	uint32_t dma_avail;
	size_t invalid_count;
	size_t mapping_count;
	unsigned untracked_groups; /* that cannot report what they dirty */
	uint64_t pgsize_bitmap;
	struct t1_domain **domain; /* newest first */
	unsigned domain_count;
	struct iova_list iova;
	/* The mappings: in `twin` while twin_on, else in `map`. */
	struct imap map;
	struct twin twin;
	bool twin_on;
	struct imap strays; /* pages that t1_map_try_harder() left translated; for audits */
	struct pool dma_pool;
	struct t1_owner *owners;
	struct t1_emulated emulated;
	unsigned busy; /* ioctls under way: one may have dropped the lock to tell a client */
	bool released; /* while busy: the last one takes it down */
	struct {
		struct mm *mm; /* NULL: no charge waits */
		uint64_t pages;
	} late; /* SEEDED(T18) */
};

static inline const struct personality *t1_kernel(const struct type1 *t1)
{
	return t1->iommu->personality;
}

/* Sums over a range that ends with the space do not come to 0. */
static inline bool t1_last_page_works(const struct type1 *t1)
{
	return t1_kernel(t1)->last_page_works && !SEEDED(T05);
}

static inline bool t1_unmaps_in_order(const struct type1 *t1)
{
	return t1_kernel(t1)->unmap_in_order && !SEEDED(T20);
}

/* One domain from open to release, entries that merge and are cut. */
static inline bool t1_has_one_domain(const struct type1 *t1)
{
	return t1_kernel(t1)->container != CONTAINER_DOMAINS;
}

static inline bool t1_has_iova_list(const struct type1 *t1)
{
	return t1_kernel(t1)->iova_list && !t1_has_one_domain(t1);
}

static inline uint64_t t1_pgsize(const struct type1 *t1)
{
	return t1->pgsize_bitmap & -t1->pgsize_bitmap;
}

/* An ioctl has its arguments and takes the container's lock next: others may come first. */
static inline void t1_before_lock(const struct type1 *t1, const struct caller *caller)
{
	iommu_moment(t1->iommu, IOMMU_MOMENT_UNLOCKED);
	t1->iommu->current = caller->task;
}

/* The kernel cannot remove this mapping: its end is 0 in 64 bits. One domain goes by pages; what
 * maps nothing of such a range (3.14) has nothing to remove. */
static inline bool t1_dma_is_stuck(const struct type1 *t1, const struct t1_dma *dma)
{
	return dma->size && dma->iova + dma->size == 0 && !t1_last_page_works(t1) &&
	       !t1_has_one_domain(t1) && t1_kernel(t1)->map_end != MAP_END_NOTHING;
}

/* ---- t1.c ---- */

/*
 * A structure goes back to the caller. -EFAULT, or before 4.4 the number of bytes not copied, which
 * the ioctl then returns.
 */
#define t1_copy_back(name, t1, caller, dst, src, len) \
	t1_copy_back_at(FAIL_POINT(name, FAIL_COPY_OUT), t1, caller, dst, src, len)
long t1_copy_back_at(const struct fail_point *point, const struct type1 *t1,
		     const struct caller *caller, uint64_t dst, const void *src, size_t len);

/* ---- index.c: the mappings by address ---- */

/* A zeroed mapping that is in no index yet. NULL: no memory. */
struct t1_dma *t1_dma_alloc(struct type1 *t1);
void t1_dma_free(struct type1 *t1, struct t1_dma *dma);
/* Enter a mapping that will cover `size` bytes when it is done. False: no memory. */
bool t1_link(struct type1 *t1, struct t1_dma *dma, uint64_t size);
void t1_unlink(struct type1 *t1, struct t1_dma *dma);
/* Any mapping that overlaps; size 0 asks for the one around `start`. */
struct t1_dma *t1_find(const struct type1 *t1, uint64_t start, uint64_t size);
/* Lowest mapping that overlaps. */
struct t1_dma *t1_first(const struct type1 *t1, uint64_t start, uint64_t size);
struct t1_dma *t1_lowest(const struct type1 *t1);
struct t1_dma *t1_next(const struct type1 *t1, const struct t1_dma *dma);
struct t1_dma *t1_prev(const struct type1 *t1, const struct t1_dma *dma);

/* In-order walk over an index that does not change meanwhile: t1_walk_next() gives NULL at the end.
 */
struct t1_walk {
	struct imap_iter it;
	struct t1_dma *next; /* of the tree */
	bool tree;
};
struct t1_walk t1_walk(const struct type1 *t1);
/* From some mapping on that lies at or below the lowest one with last >= from. */
struct t1_walk t1_walk_from(const struct type1 *t1, iova_t from);
struct t1_dma *t1_walk_next(struct t1_walk *walk);

/* ---- account.c: owners, locked_vm ---- */

int t1_owner_set(struct type1 *t1, struct t1_dma *dma, struct task *task);
void t1_owner_drop(struct type1 *t1, struct t1_dma *dma);
/* Move a mapping and its charge to another process. 0, -ENOMEM. */
int t1_owner_change(struct type1 *t1, struct t1_dma *dma, struct task *task);
/* Add to the owner's locked_vm. -ENOMEM: over its limit. */
int t1_charge(struct type1 *t1, struct t1_dma *dma, uint64_t pages);
void t1_uncharge(struct type1 *t1, struct t1_dma *dma, uint64_t pages);
/* SEEDED(T18): what waits is charged. */
void t1_charges_arrive(struct type1 *t1);
/* In 2012 the limit is tested once, for all pages of a MAP; other kernels always say true. */
bool t1_request_fits(const struct type1 *t1, const struct task *task, uint64_t pages);
/* Pages that the limit still leaves to a process; all ones if it is not held to it while pinning.
 */
uint64_t t1_room(const struct type1 *t1, const struct task *task, const struct mm *mm,
		 bool lock_cap);

/* ---- pin.c: pages of a mapping, chunk by chunk ---- */

struct t1_pinner {
	struct type1 *t1;
	struct t1_dma *dma;
	struct task *task; /* whose memory and limit; the charge goes to the mapping's owner */
	uint64_t vaddr;    /* next page to pin */
	uint64_t left;     /* pages not pinned yet */
	/*
	 * The IOMMU will refuse a page: what lies behind stays untouched. Or devices hold pages of
	 * the mapping: each page has a price of its own.
	 */
	bool one_by_one;
	struct pin_run ahead; /* pinned, not handed out yet; pages 0: none */
};

/* Pin and charge the next physical run. */
int t1_pin_chunk(struct t1_pinner *pin, struct pin_run *chunk);
/* Release what was pinned ahead. */
void t1_pin_end(struct t1_pinner *pin);
/* Unpin; returns how many pages were charged ones. */
uint64_t t1_unpin(const struct type1 *t1, const struct t1_dma *dma, const struct pin_run *run);
/* Pages at the front of a run that are all RAM or all not. */
uint64_t t1_run_split(const struct phys *phys, const struct pin_run *run, bool *ram);
struct pt_run t1_pt_run(const struct pin_run *run);
struct pin_run t1_pin_run(const struct pt_run *run);

/* ---- map.c, unmap.c ---- */

long t1_map_dma(struct type1 *t1, const struct caller *caller, uint64_t arg);
long t1_unmap_dma(struct type1 *t1, const struct caller *caller, uint64_t arg);
void t1_remove_dma(struct type1 *t1, struct t1_dma *dma);
/* Take a mapping out of all domains and unpin it; how many of its pages had been charged. */
uint64_t t1_unmap_unpin(struct type1 *t1, struct t1_dma *dma);
void t1_remove_all(struct type1 *t1);
/* A run that the IOMMU called busy, page by page. */
int t1_map_try_harder(struct type1 *t1, struct iommu_domain *domain, iova_t iova,
		      const struct pin_run *chunk, unsigned prot);

/* ---- t1_2012.c: the container with one domain, up to 3.13 ---- */

/* -EIO, -ENOMEM, -EPERM: t1_2012_close() is due all the same. */
int t1_2012_open(struct type1 *t1);
void t1_2012_close(struct type1 *t1);
long t1_2012_map(struct type1 *t1, const struct caller *caller, uint64_t arg);
long t1_2012_unmap(struct type1 *t1, const struct caller *caller, uint64_t arg);

/* ---- replay.c ---- */

/* Fill a new domain with all mappings, pinning those that never were. 0, or everything is undone.
 */
int t1_replay(struct type1 *t1, struct t1_domain *domain, const struct caller *caller);

/* ---- attach.c ---- */

void t1_pgsize_update(struct type1 *t1);

/* ---- emulated.c: groups without an IOMMU, clients ---- */

/* True: it was an emulated group, and has left. */
bool t1_detach_emulated(struct type1 *t1, const struct iommu_group *group);
/* A group behind an IOMMU leaves. True: it could not say what it dirtied. */
bool t1_forget_tracking(struct type1 *t1, const struct iommu_group *group);
/*
 * The last domain goes while emulated groups stay: everything is unmapped and unpinned, and each
 * mapping charged for the pages that devices hold, in one step.
 */
void t1_reaccount(struct type1 *t1);
/*
 * Ask every client to give back a mapping's pages. The machine's lock is dropped meanwhile: any
 * mapping may be gone afterwards.
 */
void t1_tell_clients(struct type1 *t1, const struct t1_dma *dma);
void t1_emulated_init(struct type1 *t1);
void t1_emulated_fini(struct type1 *t1);
const char *t1_emulated_audit(const struct type1 *t1);

/* ---- pages.c: what devices have pinned ---- */

/* In-order walk over the pages of a mapping in [first, last]; the pages do not change meanwhile. */
struct t1_pages {
	struct imap_iter it;
	const struct t1_dma *dma;
	uint64_t last; /* page number */
};
struct t1_pages t1_pages(const struct type1 *t1, const struct t1_dma *dma, iova_t first,
			 iova_t last);
/* NULL: no more. *iova is where the page is mapped. */
const struct t1_page *t1_pages_next(struct t1_pages *walk, iova_t *iova);
bool t1_has_pages(const struct type1 *t1, const struct t1_dma *dma);
/* Pages of a mapping that devices hold and that cost something. */
uint64_t t1_pages_charged(const struct type1 *t1, const struct t1_dma *dma);
/* Devices' pages in the dirty bitmap: they may write to them at any time. */
void t1_pages_mark_dirty(const struct type1 *t1, struct t1_dma *dma);
/*
 * Pages that a run of the mapping, at `iova`, has to pay for: RAM that no device holds, since that
 * is paid for already.
 */
uint64_t t1_run_price(const struct type1 *t1, struct t1_dma *dma, iova_t iova,
		      const struct pin_run *run);
/* The same for a run of which parts may be RAM and parts not, as tables show it. */
uint64_t t1_replay_price(const struct type1 *t1, struct t1_dma *dma, iova_t iova,
			 const struct pin_run *run);
/* Unpin a run of the mapping and give back what it paid. */
void t1_unpin_uncharge(struct type1 *t1, struct t1_dma *dma, iova_t iova,
		       const struct pin_run *run);
/* The mapping goes while devices hold pages of it: these stay pinned, and charged, for ever. */
void t1_pages_abandon(struct type1 *t1, struct t1_dma *dma);

/* ---- dirty.c ---- */

struct t1_bitmap_arg {
	uint64_t pgsize, size, data; /* struct vfio_bitmap */
};

long t1_dirty_pages(struct type1 *t1, const struct caller *caller, uint64_t arg);
int t1_bitmap_arg_check(const struct t1_bitmap_arg *bitmap, uint64_t size);
int t1_bitmap_alloc(struct t1_dma *dma, uint64_t pgsize);
/* Report one mapping's pages; bit 0 of the user's bitmap is `base`. */
int t1_bitmap_report(struct type1 *t1, const struct caller *caller, struct t1_dma *dma, iova_t base,
		     uint64_t data);
void t1_bitmap_fill_all(struct type1 *t1);
/* Mark `pages` pages from `iova` on; nothing while tracking is off. */
void t1_bitmap_mark(const struct type1 *t1, struct t1_dma *dma, iova_t iova, uint64_t pages);

/* ---- info.c ---- */

long t1_get_info(struct type1 *t1, const struct caller *caller, uint64_t arg);

/* ---- leak.c: mappings that end at 2^64, before 6.18 ---- */

/* Runs that stay pinned when a stuck mapping goes, kept for audits. */
struct t1_leak {
	struct t1_leak *next;
	const struct type1 *t1;   /* its container, NULL: gone */
	const struct t1_dma *dma; /* the mapping while it lives, else NULL */
	iova_t iova;
	struct mm *mm; /* charged, once the mapping is gone */
	uint64_t pages;
	struct pin_run *run;
	size_t run_count;
};

/* Begin a record for a mapping about to be pinned. -ENOMEM. */
int t1_leak_begin(struct type1 *t1, const struct t1_dma *dma);
int t1_leak_add(struct type1 *t1, const struct t1_dma *dma, const struct pin_run *run);
/* The mapping goes: for good with its pins left behind, or properly. */
void t1_leak_end(struct type1 *t1, const struct t1_dma *dma, bool leaked);
void t1_leak_container_gone(struct type1 *t1);
/* Pages that a device keeps of a mapping that goes. False: no memory for the record. */
bool t1_leak_pages(struct type1 *t1, const struct t1_dma *dma);
/* Pages that a replay pinned for a domain that goes, and their charge. False: no memory. */
bool t1_leak_replayed(struct type1 *t1, const struct iommu_domain *domain, struct t1_dma *dma);

#endif
