// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sums over the pages objects of a context, the move of charges to another process, and the audit
 * of an address space.
 *
 * Pages objects are shared by areas, also of several address spaces, and count once.
 */
#include "iommufd/io_pagetable_private.h"

#include <errno.h>
#include <stdlib.h>

/* ---- each pages object once ---- */

typedef int (*pages_fn)(struct iopt_pages *pages, void *ctx);

/* Call `fn` for each pages object of the iopts, in order of areas, until it answers not 0. */
static int for_each_pages(struct io_pagetable *const *iopts, unsigned count, pages_fn fn, void *ctx)
{
	struct imap seen;
	int rc = 0;

	imap_init(&seen);
	for (unsigned i = 0; i < count && !rc; i++) {
		struct imap_iter it = imap_iter(&iopts[i]->areas, 0);
		struct imap_entry entry;

		while (!rc && imap_next(&it, &entry)) {
			struct iopt_pages *pages = iopt_area_from(&entry)->pages;
			const uint64_t key = (uintptr_t)pages;
			struct imap_entry old;

			if (imap_find(&seen, key, key, &old))
				continue;
			if (!imap_insert(&seen, (struct imap_entry){key, key, 0}))
				rc = -ENOMEM;
			else
				rc = fn(pages, ctx);
		}
	}
	imap_fini(&seen);
	return rc;
}

/* ---- sums ---- */

struct sum {
	const struct mm *mm;
	enum iopt_account account;
	bool any_account;
	uint64_t total;
};

static int add_charge(struct iopt_pages *pages, void *ctx)
{
	struct sum *sum = ctx;

	if ((!sum->mm || pages->payer.mm == sum->mm) &&
	    (sum->any_account || pages->account == sum->account))
		sum->total += pages->charged;
	return 0;
}

uint64_t iopt_charged(struct io_pagetable *const *iopts, unsigned count, const struct mm *mm,
		      enum iopt_account account)
{
	struct sum sum = {.mm = mm, .account = account};

	for_each_pages(iopts, count, add_charge, &sum);
	return sum.total;
}

uint64_t iopt_pinned_vm(struct io_pagetable *const *iopts, unsigned count, const struct mm *mm)
{
	struct sum sum = {.mm = mm, .any_account = true};

	for_each_pages(iopts, count, add_charge, &sum);
	return sum.total;
}

struct run_visit {
	iopt_run_fn fn;
	void *ctx;
};

static int visit_runs(struct iopt_pages *pages, void *ctx)
{
	const struct run_visit *visit = ctx;

	return iopt_pages_each_run(pages, visit->fn, visit->ctx) ? 0 : -ENOMEM;
}

bool iopt_each_run(struct io_pagetable *const *iopts, unsigned count, iopt_run_fn fn, void *ctx)
{
	struct run_visit visit = {fn, ctx};

	return !for_each_pages(iopts, count, visit_runs, &visit);
}

/* ---- another process ---- */

bool iopt_has_user_memory(const struct io_pagetable *iopt)
{
	struct imap_iter it = imap_iter(&iopt->areas, 0);
	struct imap_entry entry;

	while (imap_next(&it, &entry)) {
		const struct iopt_pages *pages = iopt_area_from(&entry)->pages;

		if (!pages->file || pages->file->ops->unaccounted)
			return true;
	}
	return false;
}

struct change {
	struct task *task;
	uint64_t pages[IOPT_ACCOUNT_MM + 1]; /* to be charged, by mode */
	int rc;
};

/* The caller is not the one who pays already. */
static bool moves_charge(const struct iopt_pages *pages, const struct task *task)
{
	if (pages->account == IOPT_ACCOUNT_NONE)
		return false;
	return pages->payer.mm != task->mm ||
	       (pages->account == IOPT_ACCOUNT_USER && pages->payer.user != task->user);
}

static int add_change(struct iopt_pages *pages, void *ctx)
{
	struct change *change = ctx;

	if (moves_charge(pages, change->task))
		change->pages[pages->account] += pages->charged;
	return 0;
}

/* Everything that was charged goes to the caller; a process that is gone can give nothing back. */
static int move_pages(struct iopt_pages *pages, void *ctx)
{
	struct change *change = ctx;

	if (moves_charge(pages, change->task) &&
	    iopt_uncharge(&pages->payer, pages->account, pages->charged)) {
		change->rc = -EINVAL;
		return 0;
	}
	iopt_payer_drop(&pages->payer);
	iopt_payer_set(&pages->payer, change->task);
	return 0;
}

int iopt_change_process(struct io_pagetable *const *iopts, unsigned count,
			const struct caller *caller)
{
	struct change change = {.task = caller->task};
	struct iopt_payer payer;
	int rc = for_each_pages(iopts, count, add_change, &change);

	if (rc)
		return rc;
	iopt_payer_set(&payer, caller->task);
	rc = iopt_charge(&payer, IOPT_ACCOUNT_USER, change.pages[IOPT_ACCOUNT_USER]);
	if (!rc) {
		rc = iopt_charge(&payer, IOPT_ACCOUNT_MM, change.pages[IOPT_ACCOUNT_MM]);
		if (rc)
			iopt_uncharge(&payer, IOPT_ACCOUNT_USER, change.pages[IOPT_ACCOUNT_USER]);
	}
	iopt_payer_drop(&payer);
	if (rc)
		return rc;
	/* The same pages as above; without memory for the list nothing may be left half done. */
	for (unsigned i = 0; i < count; i++) {
		struct imap_iter it = imap_iter(&iopts[i]->areas, 0);
		struct imap_entry entry;

		/* Pages that moved already have the caller as payer, and are left alone. */
		while (imap_next(&it, &entry)) {
			struct iopt_pages *pages = iopt_area_from(&entry)->pages;

			if (pages->payer.task != caller->task ||
			    pages->payer.mm != caller->task->mm)
				move_pages(pages, &change);
		}
	}
	return change.rc;
}

/* ---- audit ---- */

/* ctx: a map from user to the sum of the charges. */
static int add_to_user(struct iopt_pages *pages, void *ctx)
{
	const uint64_t key = (uintptr_t)pages->payer.user;
	struct imap_entry entry;
	struct imap *sums = ctx;

	if (pages->account != IOPT_ACCOUNT_USER || !key)
		return 0;
	if (!imap_find(sums, key, key, &entry))
		return imap_insert(sums, (struct imap_entry){key, key, pages->charged}) ? 0
											: -ENOMEM;
	entry.value += pages->charged;
	imap_update(sums, key, entry);
	return 0;
}

const char *iopt_audit_users(struct io_pagetable *const *iopts, unsigned count)
{
	const char *what = NULL;
	struct imap_entry entry;
	struct imap_iter it;
	struct imap sums;

	imap_init(&sums);
	if (for_each_pages(iopts, count, add_to_user, &sums))
		what = "iommufd: no memory for the audit";
	it = imap_iter(&sums, 0);
	while (!what && imap_next(&it, &entry))
		if (((const struct user *)(uintptr_t)entry.first)->locked_pages != entry.value)
			what = "iommufd: a user pays for other pages than are charged to it";
	imap_fini(&sums);
	return what;
}

/* Each page of the area, or its first and last byte, is where the domain says. */
static const char *audit_translation(const struct iopt_area *area,
				     const struct iommu_domain *domain, bool thorough)
{
	const uint64_t length = iopt_area_length(area);

	for (uint64_t done = 0; done < length;) {
		const uint64_t byte = area->start + done, offset = byte % SIO_PAGE_SIZE;
		const uint64_t max = (offset + (length - done) - 1) / SIO_PAGE_SIZE + 1;
		const struct pin_run run = iopt_pages_run(area->pages, byte / SIO_PAGE_SIZE, max);
		const struct pt_run found =
			iommu_query(domain, area->first + done, offset ? 1 : run.pages);
		uint64_t bytes;

		if (!run.pages)
			return "iommufd: a filled area's page is not held";
		if (!found.pages || found.oa != run.pa + offset)
			return "iommufd: a domain does not translate to an area's page";
		if (found.pages > 1 && found.oa_step != run.step)
			return "iommufd: a domain's pages follow each other the other way";
		bytes = (found.pages < run.pages ? found.pages : run.pages) * SIO_PAGE_SIZE -
			offset;
		if (!thorough)
			return NULL;
		done += bytes;
	}
	return NULL;
}

static const char *audit_area(const struct io_pagetable *iopt, const struct iopt_area *area,
			      bool thorough)
{
	if (!iopt_range_free(iopt, area->first, area->last))
		return "iommufd: an area touches a reserved range";
	if (!sio_is_aligned(area->first | iopt_area_length(area) | area->start % SIO_PAGE_SIZE,
			    iopt->alignment))
		return "iommufd: an area is not aligned";
	if (area->filled != (iopt->domain_count != 0))
		return "iommufd: an area is filled without a domain, or not filled with one";
	for (unsigned i = 0; i < iopt->domain_count; i++) {
		const char *what = audit_translation(area, iopt->domains[i], thorough);

		if (what)
			return what;
	}
	return iopt_pages_audit(area->pages);
}

/* What a domain translates between areas is too much. */
static const char *audit_gaps(const struct io_pagetable *iopt, const struct iommu_domain *domain)
{
	struct imap_entry entry;
	uint64_t from = 0, found;

	for (;;) {
		const bool more = imap_ceil(&iopt->areas, from, &entry);
		const uint64_t end = more ? entry.first : UINT64_MAX;

		if ((!more || end > from) &&
		    iommu_next(domain, from, more ? end - 1 : UINT64_MAX, &found))
			return "iommufd: a domain translates what no area shows";
		if (!more || entry.last == UINT64_MAX)
			return NULL;
		from = entry.last + 1;
	}
}

const char *iopt_audit(const struct io_pagetable *iopt, bool thorough)
{
	struct imap_iter it = imap_iter(&iopt->areas, 0);
	const char *what = imap_audit(&iopt->areas);
	struct imap_entry entry;

	while (!what && imap_next(&it, &entry))
		what = audit_area(iopt, iopt_area_from(&entry), thorough);
	for (unsigned i = 0; !what && i < iopt->allowed_count; i++)
		if (!iopt_range_free(iopt, iopt->allowed[i].first, iopt->allowed[i].last))
			what = "iommufd: an allowed range touches a reserved one";
	for (unsigned i = 0; !what && i < iopt->domain_count; i++)
		what = audit_gaps(iopt, iopt->domains[i]);
	return what;
}
