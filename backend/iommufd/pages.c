// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages objects: pinning once for all users, and the charge for it.
 *
 * Each extent of `held` is a run of pages whose frames go up or down, with the number of users that
 * hold it. Its value packs that: frame number, direction, count. The sum of all extents is what is
 * pinned.
 *
 * Kernel behaviour: drivers/iommu/iommufd/pages.c. There, frame numbers are kept in the page table
 * of one of the domains, or in an array for accesses, and read back; here one map keeps them, which
 * no caller can tell. Pages are charged after they were pinned; a refusal unpins them.
 */
#include "iommufd/io_pagetable_private.h"

#include "seeded.h"

#include <errno.h>
#include <stdlib.h>

#define HELD_PFN   SIO_MASK(39, 0)
#define HELD_DOWN  SIO_BIT(40)
#define HELD_COUNT SIO_MASK(63, 41)
#define HELD_ONE   SIO_BIT(41)

static uint64_t entry_pages(const struct imap_entry *entry)
{
	return entry->last - entry->first + 1;
}

static uint64_t entry_users(const struct imap_entry *entry)
{
	return SIO_FIELD_GET(HELD_COUNT, entry->value);
}

/* The pages [first, last] of an extent as a run. */
static struct pin_run entry_run(const struct imap_entry *entry, uint64_t first, uint64_t last)
{
	const bool down = entry->value & HELD_DOWN;
	const uint64_t pfn = entry->value & HELD_PFN, skip = first - entry->first;

	return (struct pin_run){
		.pa = (down ? pfn - skip : pfn + skip) << SIO_PAGE_LG2,
		.pages = last - first + 1,
		.step = down ? -(int64_t)SIO_PAGE_SIZE : (int64_t)SIO_PAGE_SIZE,
	};
}

static uint64_t run_value(const struct pin_run *run)
{
	return run->pa >> SIO_PAGE_LG2 | (run->step < 0 && run->pages > 1 ? HELD_DOWN : 0);
}

/* ---- life ---- */

struct iopt_pages *iopt_pages_create(struct iommu *iommu, const struct iopt_source *source,
				     enum iopt_account account)
{
	struct iopt_pages *pages = fail_calloc("iommufd.map.pages", 1, sizeof(*pages));
	uint64_t start = source->file ? source->start : source->uptr;

	if (!pages)
		return NULL;
	pages->refs = 1;
	pages->iommu = iommu;
	iopt_payer_set(&pages->payer, source->caller->task);
	pages->writable = source->writable;
	pages->account = account;
	pages->count = (start % SIO_PAGE_SIZE + source->length - 1) / SIO_PAGE_SIZE + 1;
	if (source->file) {
		pages->file = file_get(source->file);
		pages->file_page = start / SIO_PAGE_SIZE;
		if (source->file->ops->unaccounted)
			pages->account = IOPT_ACCOUNT_NONE;
	} else {
		pages->va = start & SIO_PAGE_MASK;
	}
	held_init(&pages->held);
	return pages;
}

struct iopt_pages *iopt_pages_get(struct iopt_pages *pages)
{
	pages->refs++;
	return pages;
}

void iopt_pages_put(struct iopt_pages *pages)
{
	if (--pages->refs)
		return;
	sio_assert(!pages->pinned && !pages->charged);
	held_fini(&pages->held);
	if (pages->file)
		file_put(pages->file);
	iopt_payer_drop(&pages->payer);
	free(pages);
}

/* ---- pinning ---- */

int iopt_pages_pin(struct iopt_pages *pages, uint64_t index, uint64_t max, struct pin_run *run)
{
	int rc;

	rc = inject_here("iommufd.pin", FAIL_PIN);
	if (rc)
		return rc;
	if (pages->file) {
		if (!pages->file->ops->pin)
			return -EINVAL;
		return pages->file->ops->pin(pages->file, pages->file_page + index, max,
					     pages->writable, run);
	}
	if (!mm_alive(pages->payer.mm))
		return -EFAULT;
	rc = pages->payer.mm->ops->pin(pages->payer.mm, pages->va + index * SIO_PAGE_SIZE, max,
				       pages->writable, run);
	if (rc)
		return rc;
	/* Memory of a device has no pages that could be pinned. */
	if (run->reserved) {
		pages->payer.mm->ops->unpin(pages->payer.mm, run, false);
		return -EFAULT;
	}
	return 0;
}

void iopt_pages_unpin(struct iopt_pages *pages, const struct pin_run *run)
{
	if (pages->file)
		pages->file->ops->unpin(pages->file, run, pages->writable);
	else
		pages->payer.mm->ops->unpin(pages->payer.mm, run, pages->writable);
}

/* Begin an extent at `index`, if it lies inside one. False: no memory. */
static bool cut(struct iopt_pages *pages, uint64_t index)
{
	struct imap_entry entry, upper;
	struct pin_run run;

	if (!held_find(&pages->held, index, index, &entry) || entry.first == index)
		return true;
	run = entry_run(&entry, index, entry.last);
	upper = (struct imap_entry){index, entry.last,
				    run_value(&run) | (entry.value & HELD_COUNT)};
	entry.last = index - 1;
	if (entry_pages(&entry) == 1)
		entry.value &= ~HELD_DOWN;
	/* Shrink first: entries never overlap. */
	held_update(&pages->held, entry.first, entry);
	if (held_insert(&pages->held, upper))
		return true;
	run = entry_run(&entry, entry.first, entry.last);
	entry.last = upper.last;
	/* Whole again: what the upper part continues tells the direction. */
	if ((upper.value & HELD_DOWN) || (upper.value & HELD_PFN) < (entry.value & HELD_PFN))
		entry.value |= HELD_DOWN;
	held_update(&pages->held, entry.first, entry);
	return false;
}

/* Count in [first, last], which is held whole and cut at both ends. */
static void count_users(struct iopt_pages *pages, uint64_t first, uint64_t last, bool up)
{
	struct imap_entry entry;
	bool unpinned = false; /* what came just before */

	while (first <= last && held_find(&pages->held, first, last, &entry)) {
		first = entry.last + 1;
		entry.value += up ? HELD_ONE : -HELD_ONE;
		if ((entry.value & HELD_COUNT) && !(SEEDED(F02) && unpinned)) {
			held_update(&pages->held, entry.first, entry);
		} else {
			struct pin_run run = entry_run(&entry, entry.first, entry.last);

			held_erase(&pages->held, entry.first);
			pages->pinned -= run.pages;
			iopt_pages_unpin(pages, &run);
			unpinned = true;
		}
		if (!first)
			break;
	}
}

/* Pin [first, last], where nothing is held. *done: pages, also on failure. */
static int pin_gap(struct iopt_pages *pages, uint64_t first, uint64_t last, uint64_t *done)
{
	const uint64_t want = last - first + 1;

	for (*done = 0; *done < want;) {
		struct pin_run run;
		struct imap_entry entry;
		int rc = iopt_pages_pin(pages, first + *done, want - *done, &run);

		if (rc)
			return rc;
		entry = (struct imap_entry){first + *done, first + *done + run.pages - 1,
					    run_value(&run) | HELD_ONE};
		if (!held_insert(&pages->held, entry)) {
			iopt_pages_unpin(pages, &run);
			return -ENOMEM;
		}
		pages->pinned += run.pages;
		*done += run.pages;
	}
	return 0;
}

int iopt_pages_hold(struct iopt_pages *pages, uint64_t first, uint64_t last)
{
	uint64_t at = first;

	if (!cut(pages, first) || (last + 1 && !cut(pages, last + 1)))
		return -ENOMEM;
	while (at <= last) {
		struct imap_entry entry;
		uint64_t end = last, done;
		bool held = held_find(&pages->held, at, last, &entry);
		int rc = 0;

		if (held && entry.first <= at) {
			end = entry.last;
			if (entry_users(&entry) == SIO_FIELD_GET(HELD_COUNT, HELD_COUNT))
				rc = -ENOMEM;
			else
				count_users(pages, at, end, true);
			done = 0;
		} else {
			if (held)
				end = entry.first - 1;
			rc = pin_gap(pages, at, end, &done);
		}
		if (rc) {
			if (at + done > first)
				count_users(pages, first, at + done - 1, false);
			return rc;
		}
		at = end + 1;
	}
	return 0;
}

void iopt_pages_drop(struct iopt_pages *pages, uint64_t first, uint64_t last)
{
	count_users(pages, first, last, false);
	iopt_pages_settle(pages);
}

int iopt_pages_split(struct iopt_pages *pages, uint64_t lower, uint64_t upper)
{
	if (lower == upper)
		return iopt_pages_hold(pages, lower, lower);
	return cut(pages, upper) ? 0 : -ENOMEM;
}

struct pin_run iopt_pages_run(const struct iopt_pages *pages, uint64_t index, uint64_t max)
{
	struct imap_entry entry;
	struct pin_run run;

	if (!max || !held_find(&pages->held, index, index, &entry))
		return (struct pin_run){0};
	run = entry_run(&entry, index, entry.last - index < max ? entry.last : index + (max - 1));
	/* Extents that were cut, or pinned one after the other, may still be one run. */
	while (run.step > 0 && run.pages < max &&
	       held_find(&pages->held, index + run.pages, index + run.pages, &entry)) {
		const uint64_t room = max - run.pages, n = entry_pages(&entry);

		if (entry_run(&entry, entry.first, entry.first).pa !=
			    run.pa + run.pages * SIO_PAGE_SIZE ||
		    (entry.value & HELD_DOWN))
			break;
		run.pages += n < room ? n : room;
	}
	return run;
}

/* ---- charges ---- */

void iopt_payer_set(struct iopt_payer *payer, struct task *task)
{
	*payer = (struct iopt_payer){task_get(task), mm_get(task->mm), task->user};
	if (payer->user)
		payer->user->refs++;
}

void iopt_payer_drop(struct iopt_payer *payer)
{
	if (payer->user)
		user_put(payer->user);
	mm_put(payer->mm);
	task_put(payer->task);
}

/* The count that the mode names; NULL: none. */
static uint64_t *counter(const struct iopt_payer *payer, enum iopt_account account)
{
	if (account == IOPT_ACCOUNT_USER)
		return payer->user ? &payer->user->locked_pages : NULL;
	return account == IOPT_ACCOUNT_MM ? &payer->mm->locked_pages : NULL;
}

int iopt_charge(const struct iopt_payer *payer, enum iopt_account account, uint64_t pages)
{
	const uint64_t limit = payer->task->rlimit_memlock >> SIO_PAGE_LG2;
	uint64_t *count = counter(payer, account);

	if (account == IOPT_ACCOUNT_MM && !mm_alive(payer->mm))
		return -EINVAL;
	if (count) {
		if (*count > limit || pages > limit - *count)
			return -ENOMEM;
		*count += pages;
	}
	payer->mm->pinned_pages += pages;
	return 0;
}

int iopt_uncharge(const struct iopt_payer *payer, enum iopt_account account, uint64_t pages)
{
	uint64_t *count = counter(payer, account);

	if (account == IOPT_ACCOUNT_MM && !mm_alive(payer->mm))
		return -EINVAL;
	if (count)
		*count -= pages;
	payer->mm->pinned_pages -= pages;
	return 0;
}

int iopt_pages_settle(struct iopt_pages *pages)
{
	int rc = 0;

	if (pages->pinned > pages->charged)
		rc = iopt_charge(&pages->payer, pages->account, pages->pinned - pages->charged);
	else if (pages->pinned < pages->charged)
		iopt_uncharge(&pages->payer, pages->account, pages->charged - pages->pinned);
	if (!rc)
		pages->charged = pages->pinned;
	return rc;
}

bool iopt_pages_each_run(const struct iopt_pages *pages, iopt_run_fn fn, void *ctx)
{
	struct held_iter it = held_iter(&pages->held);
	struct imap_entry entry;

	while (held_next(&it, &entry)) {
		const struct pin_run run = entry_run(&entry, entry.first, entry.last);

		if (!fn(ctx, &run))
			return false;
	}
	return true;
}

/* ---- audit ---- */

const char *iopt_pages_audit(const struct iopt_pages *pages)
{
	struct held_iter it = held_iter(&pages->held);
	struct imap_entry entry;
	uint64_t sum = 0;

	while (held_next(&it, &entry)) {
		sum += entry_pages(&entry);
		if (!entry_users(&entry))
			return "iommufd pages: an extent without users";
		if (entry.last >= pages->count)
			return "iommufd pages: an extent beyond the last page";
	}
	if (sum != pages->pinned)
		return "iommufd pages: pinned pages are miscounted";
	if (pages->charged != pages->pinned)
		return "iommufd pages: charge differs from what is pinned";
	return imap_audit(&pages->held.map);
}
