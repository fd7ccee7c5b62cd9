// SPDX-License-Identifier: GPL-2.0-only
/*
 * UNMAP_DMA, and the removal of a mapping.
 *
 * Removal order: every domain but the first is unmapped, each with its own invalidation. Then the
 * first domain is walked, because its tables say where the pages are: up to 512 runs are unmapped
 * without invalidation, invalidated together, and only then unpinned. One un-charge ends it.
 *
 * Where the kernel unmaps run by run, runs that lie side by side are taken out of the tables here
 * by one call before their common invalidation: same tables, same invalidation. Only a domain whose
 * leaf is larger than the page that was asked for (fgsp) is unmapped leaf by leaf, as it tells us
 * the length that went. Pages of one long run are released together, after the last of the
 * invalidations that cover them.
 */
#include "type1/t1.h"

#include "recycle.h"
#include "seeded.h"

#include <errno.h>
#include <linux/vfio.h>

/* Runs remembered before an invalidation (VFIO_IOMMU_TLB_SYNC_MAX). */
#define SYNC_RUNS 512u
/* Read so much ahead of clearing it that the entries are still in the processor's caches. */
#define AHEAD_PAGES UINT64_C(16384)

/* Runs read from the tables, side by side from `first` on. */
struct unmapper {
	struct type1 *t1;
	struct t1_dma *dma;
	struct iommu_domain *domain;
	struct iommu_gather gather;
	iova_t first;
	uint64_t bytes;      /* of the runs */
	uint64_t removed;    /* of these already out of the tables (fgsp) */
	uint64_t pages;      /* that the runs count as: a descending run is one run a page */
	uint64_t charged;    /* pages unpinned so far that were charged */
	unsigned runs_max;   /* that one invalidation covers */
	bool refused;        /* a leaf is there but does not go: that ends the walk */
	struct pin_run held; /* invalidated, not unpinned yet */
	unsigned run_count;
	struct pin_run run[SYNC_RUNS];
};

/* Unpin what is held back, unless `next` goes on where it ends; then hold back both. */
static void unmapper_release(struct unmapper *u, const struct pin_run *next)
{
	struct pin_run *held = &u->held;

	if (next && next->step == held->step &&
	    next->pa == held->pa + held->pages * (uint64_t)held->step) {
		held->pages += next->pages;
		return;
	}
	if (held->pages)
		u->charged += t1_unpin(u->t1, u->dma, held);
	*held = next ? *next : (struct pin_run){0};
}

/* Invalidate, then release what is remembered. False: a run refuses to go, and stays pinned. */
static bool unmapper_sync(struct unmapper *u)
{
	uint64_t done = u->removed;
	iova_t iova = u->first;
	bool ok = true;

	if (!u->run_count)
		return true;
	for (unsigned i = 0; SEEDED(X02) && i < u->run_count; i++)
		u->charged += t1_unpin(u->t1, u->dma, &u->run[i]);
	if (done < u->bytes)
		done += iommu_unmap_fast(u->domain, u->first + done, u->bytes - done, &u->gather);
	if (SEEDED(X01))
		u->gather.len = 0;
	iommu_iotlb_sync(u->domain, &u->gather);
	for (unsigned i = 0; i < u->run_count && ok; i++) {
		struct pin_run *run = &u->run[i];
		uint64_t bytes = run->pages * SIO_PAGE_SIZE;

		if (done < bytes) {
			/* The fast way stopped short: once more for this run, alone. */
			done += iommu_unmap(u->domain, iova + done, bytes - done);
			ok = done >= bytes;
			if (!ok)
				run->pages = done >> SIO_PAGE_LG2;
		}
		if (!SEEDED(X02))
			unmapper_release(u, run);
		iova += bytes;
		done -= ok ? bytes : done;
	}
	u->gather = (struct iommu_gather){0};
	u->run_count = 0;
	u->bytes = u->removed = u->pages = 0;
	return ok;
}

static void unmapper_add(struct unmapper *u, iova_t iova, const struct pt_run *run)
{
	if (!u->run_count)
		u->first = iova;
	u->run[u->run_count++] = t1_pin_run(run);
	u->bytes += run->pages * SIO_PAGE_SIZE;
	u->pages += run->oa_step < 0 ? run->pages : 1;
}

/* One leaf, as large as the unit says it was: it went together with the page that was asked for. */
static struct pt_run unmapper_take_leaf(struct unmapper *u, iova_t iova)
{
	struct pt_run run = iommu_query(u->domain, iova, 1);
	uint64_t got;

	if (!run.pages)
		return run;
	got = iommu_unmap_fast(u->domain, iova, SIO_PAGE_SIZE, &u->gather);
	if (!got)
		got = iommu_unmap(u->domain, iova, SIO_PAGE_SIZE);
	u->refused = !got;
	u->removed += got;
	run.pages = got >> SIO_PAGE_LG2;
	run.oa_step = (int64_t)SIO_PAGE_SIZE;
	return run;
}

/* As much of a run as the records have room for: a descending one needs a record a page. */
static uint64_t unmapper_room(const struct unmapper *u, const struct pt_run *run)
{
	uint64_t room = u->runs_max - u->pages;

	return run->oa_step < 0 && run->pages > room ? room : run->pages;
}

/* Record a run, in pieces with an invalidation between them if need be. */
static bool unmapper_take(struct unmapper *u, iova_t iova, struct pt_run run)
{
	while (run.pages) {
		struct pt_run part = run;

		part.pages = unmapper_room(u, &run);
		unmapper_add(u, iova, &part);
		if (u->pages >= u->runs_max && !unmapper_sync(u))
			return false;
		iova += part.pages * SIO_PAGE_SIZE;
		run.oa += part.pages * (uint64_t)run.oa_step;
		run.pages -= part.pages;
	}
	return true;
}

/* The run at iova. A descending one, which is recorded page by page, may come in parts. */
static struct pt_run unmapper_query(const struct unmapper *u, iova_t iova, uint64_t left)
{
	struct pt_run run = iommu_query(u->domain, iova, left < AHEAD_PAGES ? left : AHEAD_PAGES);

	if (run.pages < AHEAD_PAGES || run.oa_step < 0)
		return run;
	return iommu_query(u->domain, iova, left);
}

/* All leaves of the domain in the mapping, in address order. */
static void unmapper_walk(struct unmapper *u, bool fgsp)
{
	iova_t iova = u->dma->iova, last = iova + (u->dma->size - 1);

	for (;;) {
		uint64_t left = ((last - iova) >> SIO_PAGE_LG2) + 1;
		struct pt_run run =
			fgsp ? unmapper_take_leaf(u, iova) : unmapper_query(u, iova, left);

		if (run.pages) {
			if (!unmapper_take(u, iova, run) || run.pages >= left)
				return;
			iova += run.pages * SIO_PAGE_SIZE;
			continue;
		}
		if (!unmapper_sync(u) || u->refused || !iommu_next(u->domain, iova, last, &iova))
			return;
	}
}

uint64_t t1_unmap_unpin(struct type1 *t1, struct t1_dma *dma)
{
	struct unmapper u; /* 16 KiB of runs: only its head is initialised */

	if (!dma->size || !t1->domain_count)
		return 0;
	for (unsigned i = 1; i < t1->domain_count; i++)
		iommu_unmap(t1->domain[i]->domain, dma->iova, dma->size);
	if (t1_dma_is_stuck(t1, dma))
		return 0;

	u.t1 = t1;
	u.dma = dma;
	u.domain = t1->domain[0]->domain;
	u.gather = (struct iommu_gather){0};
	u.bytes = u.removed = u.pages = u.charged = 0;
	u.run_count = 0;
	u.runs_max = t1_kernel(t1)->batched_sync ? SYNC_RUNS : 1;
	u.refused = false;
	u.held = (struct pin_run){0};
	unmapper_walk(&u, t1->domain[0]->fgsp);
	unmapper_sync(&u);
	unmapper_release(&u, NULL);
	dma->iommu_mapped = 0;
	return u.charged;
}

void t1_remove_dma(struct type1 *t1, struct t1_dma *dma)
{
	t1_uncharge(t1, dma, t1_unmap_unpin(t1, dma));
	if (t1_has_pages(t1, dma))
		t1_pages_abandon(t1, dma);
	if (t1->params->leaks)
		t1_leak_end(t1, dma, t1_dma_is_stuck(t1, dma));
	t1_unlink(t1, dma);
	t1_owner_drop(t1, dma);
	recycle_free(dma->bitmap);
	if (dma->vaddr_invalid)
		t1->invalid_count--;
	t1_dma_free(t1, dma);
	t1->dma_avail++;
}

void t1_remove_all(struct type1 *t1)
{
	struct t1_dma *dma;

	while ((dma = t1_lowest(t1)))
		t1_remove_dma(t1, dma);
}

/* ---- the ioctl ---- */

/* struct vfio_iommu_type1_dma_unmap without its open end. */
struct unmap_arg {
	uint32_t argsz, flags;
	uint64_t iova, size;
};

_Static_assert(sizeof(struct unmap_arg) == sizeof(struct vfio_iommu_type1_dma_unmap), "ABI");

struct unmap_req {
	struct unmap_arg arg;
	struct t1_bitmap_arg bitmap;
	uint64_t size; /* of the search: all of the space for ALL */
	bool all, vaddr, dirty;
	uint64_t removed;         /* bytes, so far */
	const struct t1_dma *ask; /* the mapping that clients were asked for last */
	unsigned rounds;          /* of asking for it, after the first */
};

/* Clients were asked, without the lock: begin again with what is there now. */
#define UNMAP_AGAIN    1
#define ASK_ROUNDS_MAX 10u

static uint32_t unmap_flags(const struct type1 *t1)
{
	const struct personality *kernel = t1_kernel(t1);

	return (kernel->dirty ? VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP : 0u) |
	       (kernel->unmap_all ? VFIO_DMA_UNMAP_FLAG_ALL : 0u) |
	       (kernel->vaddr ? VFIO_DMA_UNMAP_FLAG_VADDR : 0u);
}

static int unmap_read(struct type1 *t1, const struct caller *caller, uint64_t arg,
		      struct unmap_req *req)
{
	struct unmap_arg *unmap = &req->arg;
	int rc;

	rc = copy_from_caller("type1.unmap.copy-in", caller, unmap, arg, sizeof(*unmap));
	if (rc)
		return rc;
	if (unmap->argsz < sizeof(*unmap) || unmap->flags & ~unmap_flags(t1))
		return -EINVAL;
	req->all = unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL;
	req->vaddr = unmap->flags & VFIO_DMA_UNMAP_FLAG_VADDR;
	req->dirty = unmap->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	if (!req->dirty)
		return 0;
	if (req->all || req->vaddr)
		return -EINVAL;
	if (unmap->argsz < sizeof(*unmap) + sizeof(struct vfio_bitmap))
		return -EINVAL;
	rc = copy_from_caller("type1.unmap.bitmap.copy-in", caller, &req->bitmap,
			      arg + sizeof(*unmap), sizeof(req->bitmap));
	if (rc)
		return rc;
	return t1_bitmap_arg_check(&req->bitmap, unmap->size);
}

/* The range's end is refused; ranges that nobody tests find what their wrapped end lets them. */
static bool unmap_wraps(const struct type1 *t1, uint64_t iova, uint64_t size)
{
	if (SEEDED(T03))
		return false;
	switch (SEEDED(T04) ? UNMAP_WRAP_4_15 : t1_kernel(t1)->unmap_wrap) {
	case UNMAP_WRAP_4_15:
		return iova + size < iova;
	case UNMAP_WRAP_5_0:
		return iova + (size - 1) < iova;
	default:
		return false;
	}
}

static int unmap_check_range(const struct type1 *t1, struct unmap_req *req)
{
	uint64_t iova = req->arg.iova, size = req->arg.size, mask = t1_pgsize(t1) - 1;

	if (req->vaddr && t1->emulated.group_count &&
	    t1_kernel(t1)->vaddr_pins == VADDR_PINS_REFUSED && !SEEDED(T14))
		return -EBUSY;
	if (iova & mask)
		return -EINVAL;
	if (req->all) {
		if (iova || size)
			return -EINVAL;
		req->size = UINT64_MAX;
		return 0;
	}
	if (!size || size & mask)
		return -EINVAL;
	if (unmap_wraps(t1, iova, size))
		return t1_kernel(t1)->eoverflow ? -EOVERFLOW : -EINVAL;
	req->size = size;
	if (req->dirty && (!t1->dirty_tracking || req->bitmap.pgsize != mask + 1))
		return -EINVAL;
	return 0;
}

/* v2 refuses to cut a mapping at either end of the range. */
static int unmap_check_cut(const struct type1 *t1, const struct unmap_req *req)
{
	iova_t iova = req->arg.iova, last = iova + (req->size - 1);
	const struct t1_dma *dma;

	if (!t1->v2 || req->all)
		return 0;
	/* By no byte a mapping that starts right there is not seen: the answer is the same. */
	dma = t1_find(t1, iova, t1_kernel(t1)->find_first_size);
	if (dma && dma->iova != iova)
		return -EINVAL;
	if (!dma || dma->iova + (dma->size - 1) != last)
		dma = t1_find(t1, last, 0);
	if (dma && dma->iova + dma->size != iova + req->size)
		return -EINVAL;
	return 0;
}

/* 4.10 to 5.11: only the process that mapped may unmap; for others the call ends here, quietly. */
static bool unmap_is_allowed(const struct type1 *t1, const struct caller *caller,
			     const struct t1_dma *dma)
{
	const struct task *owner = dma->owner->task;

	if (!t1_kernel(t1)->unmap_own_mm)
		return true;
	return owner->mm && mm_alive(owner->mm) && owner->mm == caller->task->mm;
}

/* TYPE1 promises no more than that the size says what went. */
static bool stops_short(const struct type1 *t1, uint64_t removed)
{
	return !t1->v2 && removed && rare_due(&t1->iommu->rare, RARE_UNMAP_SHORT);
}

/*
 * Devices hold pages of the mapping: ask for them. A client that does not give them back has the
 * kernel die of a bug after ten more rounds; here that is an error.
 */
static int ask_for_pages(struct type1 *t1, struct unmap_req *req, const struct t1_dma *dma)
{
	if (req->ask != dma) {
		req->ask = dma;
		req->rounds = 0;
	} else if (++req->rounds > ASK_ROUNDS_MAX) {
		return -EFAULT;
	}
	t1_tell_clients(t1, dma);
	return UNMAP_AGAIN;
}

/* Report what is dirty, if that was asked for, and remove the mapping. */
static int remove_one(struct type1 *t1, const struct caller *caller, struct unmap_req *req,
		      struct t1_dma *dma)
{
	int rc = 0;

	if (t1_has_pages(t1, dma))
		return ask_for_pages(t1, req, dma);
	if (req->dirty)
		rc = t1_bitmap_report(t1, caller, dma, req->arg.iova, req->bitmap.data);
	if (rc)
		return rc;
	req->removed += dma->size;
	t1_remove_dma(t1, dma);
	return 0;
}

/* A second invalidation of one mapping undoes every mark that this call made. */
static int invalidate_range(struct type1 *t1, const struct caller *caller, struct t1_dma *first,
			    iova_t last, uint64_t *size)
{
	struct t1_dma *dma;

	for (dma = first; dma && dma->iova <= last; dma = t1_next(t1, dma)) {
		if (!unmap_is_allowed(t1, caller, dma))
			break;
		if (dma->vaddr_invalid)
			goto undo;
		dma->vaddr_invalid = 1;
		t1->invalid_count++;
		*size += dma->size;
	}
	return 0;

undo:
	for (struct t1_dma *marked = first; marked != dma; marked = t1_next(t1, marked)) {
		marked->vaddr_invalid = 0;
		t1->invalid_count--;
	}
	*size = 0;
	return -EINVAL;
}

static int remove_range(struct type1 *t1, const struct caller *caller, struct unmap_req *req,
			struct t1_dma *first, iova_t last)
{
	struct t1_dma *dma = first, *next;
	int rc;

	for (; dma && dma->iova <= last; dma = next) {
		if (!unmap_is_allowed(t1, caller, dma) || stops_short(t1, req->removed))
			break;
		/* Saves the search when the range ends with this mapping. */
		next = dma->iova + (dma->size - 1) >= last && !t1->twin_on ? NULL
									   : t1_next(t1, dma);
		rc = remove_one(t1, caller, req, dma);
		if (rc)
			return rc;
	}
	return 0;
}

/* Up to 5.11: whatever mapping the tree shows first, again and again. */
static int remove_overlaps(struct type1 *t1, const struct caller *caller, struct unmap_req *req)
{
	iova_t iova = req->arg.iova;
	struct t1_dma *dma;
	int rc;

	while ((dma = t1_find(t1, iova, req->size))) {
		if (!t1->v2 && dma->iova < iova)
			break;
		if (!unmap_is_allowed(t1, caller, dma) || stops_short(t1, req->removed))
			break;
		rc = remove_one(t1, caller, req, dma);
		if (rc)
			return rc;
	}
	return 0;
}

static int remove_found(struct type1 *t1, const struct caller *caller, struct unmap_req *req)
{
	iova_t last = req->arg.iova + (req->size - 1);
	struct t1_dma *dma;

	if (!t1_unmaps_in_order(t1) && !req->all && !req->vaddr)
		return remove_overlaps(t1, caller, req);
	dma = t1_first(t1, req->arg.iova, req->size);
	/* v1: a range that starts inside a mapping removes nothing, and succeeds. */
	if (dma && !t1->v2 && dma->iova < req->arg.iova)
		dma = NULL;
	if (req->vaddr)
		return invalidate_range(t1, caller, dma, last, &req->removed);
	return remove_range(t1, caller, req, dma, last);
}

long t1_unmap_dma(struct type1 *t1, const struct caller *caller, uint64_t arg)
{
	struct unmap_req req = {0};
	int rc;

	rc = unmap_read(t1, caller, arg, &req);
	if (rc)
		return rc;
	t1_before_lock(t1, caller);
	rc = unmap_check_range(t1, &req);
	if (!rc)
		rc = unmap_check_cut(t1, &req);
	if (!rc)
		rc = remove_found(t1, caller, &req);
	while (rc == UNMAP_AGAIN) {
		/* From 5.12 on a mapping that is cut by now just ends the call. */
		rc = unmap_check_cut(t1, &req);
		if (rc && t1_unmaps_in_order(t1))
			rc = 0;
		else if (!rc)
			rc = remove_found(t1, caller, &req);
	}
	if (rc)
		return rc;
	req.arg.size = req.removed;
	return t1_copy_back("type1.unmap.copy-out", t1, caller, arg, &req.arg, sizeof(req.arg));
}
