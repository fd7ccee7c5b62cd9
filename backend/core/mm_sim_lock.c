// SPDX-License-Identifier: GPL-2.0-only
/*
 * mlock and munlock.
 *
 * mlock tests the limit once for the whole request, then marks area after area up to the first
 * hole, then faults the pages in up to the first area that cannot be touched. What was marked stays
 * marked and counted whatever comes after. Huge pages and PFN maps are passed over: they count
 * nothing, but the limit test sees the size of the request all the same.
 */
#include "core/mm_sim_priv.h"

#include "fail.h"

#include <errno.h>

/* The pages of a request, rounded out. */
struct lock_range {
	uint64_t first;
	uint64_t pages; /* 0: nothing to do, also when rounding up wraps to 0 */
};

static struct lock_range lock_range(uint64_t va, uint64_t len)
{
	uint64_t bytes = len + va % SIO_PAGE_SIZE + (SIO_PAGE_SIZE - 1);

	return (struct lock_range){va >> SIO_PAGE_LG2, bytes >> SIO_PAGE_LG2};
}

static bool area_is_lockable(const struct area *area)
{
	return !area->hugetlb && area->kind != MM_PFN;
}

static uint64_t locked_in(const struct mm_sim *sim, uint64_t first, uint64_t last)
{
	const struct area *area = area_ceil(sim, first);
	uint64_t pages = 0;

	while (area && area->first <= last) {
		if (area->locked)
			pages += page_min(area->last, last) - page_max(area->first, first) + 1;
		area = area_ceil(sim, area->last + 1);
	}
	return pages;
}

static bool limit_allows(const struct mm_sim *sim, const struct task *task, bool capable,
			 const struct lock_range *range)
{
	uint64_t limit = task->rlimit_memlock >> SIO_PAGE_LG2;
	uint64_t wanted = range->pages + sim->mm.locked_pages;

	if (capable || wanted <= limit)
		return true;
	if (!range->pages)
		return false;
	return wanted - locked_in(sim, range->first, range->first + range->pages - 1) <= limit;
}

/* Set the lock of [first, last] up to the first hole. */
static int set_locked(struct mm_sim *sim, uint64_t first, uint64_t last, bool locked)
{
	uint64_t page = first;
	int rc = 0;

	while (!rc && page <= last) {
		struct area *area = area_at(sim, page);
		uint64_t end;

		if (!area) {
			rc = -ENOMEM;
			break;
		}
		end = page_min(area->last, last);
		if (area_is_lockable(area) && area->locked != locked) {
			rc = area_cut(sim, page);
			if (!rc)
				rc = area_cut(sim, end + 1);
			if (!rc)
				area_set_locked(sim, area_at(sim, page), locked);
		}
		page = end + 1;
	}
	area_join_range(sim, first, last + 1);
	return rc;
}

static int populate(struct mm_sim *sim, uint64_t first, uint64_t last)
{
	const struct area *area = area_ceil(sim, first);

	while (area && area->first <= last) {
		int rc = 0;

		if (area->kind != MM_PFN)
			rc = area_populate(sim, area, page_max(area->first, first),
					   page_min(area->last, last));
		/* mlock's own names for these two. */
		if (rc == -EFAULT)
			return -ENOMEM;
		if (rc == -ENOMEM)
			return -EAGAIN;
		area = area_ceil(sim, area->last + 1);
	}
	return 0;
}

/* Does the range run over the end of the 64-bit space? */
static bool lock_range_wraps(const struct lock_range *range)
{
	return range->pages > (UINT64_MAX >> SIO_PAGE_LG2) - range->first;
}

int mm_sim_lock(struct mm *mm, const struct task *task, uint64_t va, uint64_t len)
{
	struct mm_sim *sim = mm_sim_of(mm);
	struct lock_range range = lock_range(va, len);
	uint64_t last = range.first + range.pages - 1;
	const bool capable =
		task->cap_ipc_lock && !fail_at(FAIL_POINT("mm.lock.ipc-lock", FAIL_CAPABILITY));
	int rc;

	if (!task->rlimit_memlock && !capable)
		return -EPERM;
	if (!limit_allows(sim, task, capable, &range))
		return -ENOMEM;
	if (lock_range_wraps(&range))
		return -EINVAL;
	if (!range.pages)
		return 0;
	rc = set_locked(sim, range.first, last, true);
	return rc ? rc : populate(sim, range.first, last);
}

int mm_sim_unlock(struct mm *mm, uint64_t va, uint64_t len)
{
	struct lock_range range = lock_range(va, len);

	if (lock_range_wraps(&range))
		return -EINVAL;
	if (!range.pages)
		return 0;
	return set_locked(mm_sim_of(mm), range.first, range.first + range.pages - 1, false);
}
