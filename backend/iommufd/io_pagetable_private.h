/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Areas and pages, as the files that implement an IO address space share them.
 *
 * A pages object keeps one map of what it holds: extents of pages by index, each with the frame of
 * its first page, the direction in which frames follow, and how many users hold it. A user is a
 * filled area (one that domains translate) or the pages of one access. Extents are cut where a
 * user's range begins or ends and never joined again, so that taking a user away changes counts
 * only, and cannot fail.
 */
#ifndef BACKEND_IOMMUFD_IO_PAGETABLE_PRIVATE_H
#define BACKEND_IOMMUFD_IO_PAGETABLE_PRIVATE_H

#include "iommufd/held.h"
#include "iommufd/io_pagetable.h"

/* Whose count changes and whose limit counts. References are held on all. */
struct iopt_payer {
	struct task *task;
	struct mm *mm;
	struct user *user; /* NULL: none */
};

struct iopt_pages {
	unsigned refs; /* areas */
	struct iommu *iommu;
	struct iopt_payer payer; /* who mapped it */
	/* Memory of that process ... */
	uint64_t va; /* page aligned */
	/* ... or a file. */
	struct file *file;  /* NULL: memory */
	uint64_t file_page; /* index in the file of page 0 */
	uint64_t count;     /* pages */
	bool writable;
	enum iopt_account account;
	struct held held; /* see pages.c */
	uint64_t pinned;  /* pages in `held` */
	uint64_t charged; /* as of the last charge */
};

struct iopt_area {
	uint64_t first, last; /* iova */
	struct iopt_pages *pages;
	uint64_t start;  /* byte of the pages object that `first` shows */
	uint64_t source; /* user address (file: offset) of `first`, for reports */
	unsigned prot;
	bool filled;         /* the domains translate it, its pages are held */
	bool prevent_access; /* it is about to be unmapped */
	unsigned accesses;   /* pins of accesses in it */
	unsigned locks;
};

struct iopt_reserved {
	uint64_t first, last;
	const void *owner;
};

struct io_pagetable {
	struct iommu *iommu;
	uint64_t *temp_memory_max;
	struct imap areas; /* value: struct iopt_area * */
	struct iopt_range *allowed;
	unsigned allowed_count;
	struct iopt_reserved *reserved; /* by first; they may overlap */
	unsigned reserved_count, reserved_slots;
	struct iommu_domain **domains; /* in order of arrival; the last takes a leaver's place */
	unsigned domain_count;
	struct iopt_access_user *accesses;
	uint64_t alignment;
	bool no_large_pages;
};

static inline uint64_t iopt_area_length(const struct iopt_area *area)
{
	return area->last - area->first + 1;
}

/* The page of the pages object behind an iova of the area. */
static inline uint64_t iopt_area_index(const struct iopt_area *area, uint64_t iova)
{
	return (area->start + (iova - area->first)) / SIO_PAGE_SIZE;
}

struct iopt_area *iopt_area_from(const struct imap_entry *entry);

/* ---- io_pagetable.c ---- */

/* The lowest area that shares an address with [first, last]; NULL: none. */
struct iopt_area *iopt_area_find(const struct io_pagetable *iopt, uint64_t first, uint64_t last);
/* No reserved range meets [first, last]. */
bool iopt_range_free(const struct io_pagetable *iopt, uint64_t first, uint64_t last);
/* Every area would suit the alignment: 0, -EADDRINUSE. */
int iopt_check_alignment(const struct io_pagetable *iopt, uint64_t alignment);
/* Work the alignment out again, after something went. */
void iopt_update_alignment(struct io_pagetable *iopt);

/* ---- pages.c ---- */

/* One reference. NULL: no memory. */
struct iopt_pages *iopt_pages_create(struct iommu *iommu, const struct iopt_source *source,
				     enum iopt_account account);
struct iopt_pages *iopt_pages_get(struct iopt_pages *pages);
void iopt_pages_put(struct iopt_pages *pages);
/* One user more of the pages [first, last]: pin what is not held. -EFAULT, -EINVAL, -ENOMEM; then
 * nothing changed. The charge is settled by iopt_pages_settle(). */
int iopt_pages_hold(struct iopt_pages *pages, uint64_t first, uint64_t last);
/* One user less; what nobody holds is unpinned. Never fails. Settles. */
void iopt_pages_drop(struct iopt_pages *pages, uint64_t first, uint64_t last);
/* A user of pages up to `lower` and on becomes two users: up to `lower`, and from `upper` on. The
 * two are neighbours, or the same page, which then counts twice. -ENOMEM. */
int iopt_pages_split(struct iopt_pages *pages, uint64_t lower, uint64_t upper);
/* Make the charge what is pinned. -ENOMEM the limit, -EINVAL the process is gone. */
int iopt_pages_settle(struct iopt_pages *pages);
/* The held run that begins at page `index`, at most `max` pages. 0 pages: not held. */
struct pin_run iopt_pages_run(const struct iopt_pages *pages, uint64_t index, uint64_t max);
/* Pin a run for a moment (iopt_pages_unpin), held or not. */
int iopt_pages_pin(struct iopt_pages *pages, uint64_t index, uint64_t max, struct pin_run *run);
void iopt_pages_unpin(struct iopt_pages *pages, const struct pin_run *run);
/* Each held run, in order of pages, until `fn` says no: false then. */
bool iopt_pages_each_run(const struct iopt_pages *pages, iopt_run_fn fn, void *ctx);
const char *iopt_pages_audit(const struct iopt_pages *pages);

/* A payer of its own references / of the task as it is now. */
void iopt_payer_set(struct iopt_payer *payer, struct task *task);
void iopt_payer_drop(struct iopt_payer *payer);
/* -ENOMEM the limit, -EINVAL the process is gone. */
int iopt_charge(const struct iopt_payer *payer, enum iopt_account account, uint64_t pages);
/* -EINVAL: nothing was given back, because the process is gone. */
int iopt_uncharge(const struct iopt_payer *payer, enum iopt_account account, uint64_t pages);

/* ---- fill.c: areas in domains ---- */

/* Let all domains of the iopt show the area. On failure none does. */
int iopt_area_fill(struct io_pagetable *iopt, struct iopt_area *area);
void iopt_area_unfill(struct io_pagetable *iopt, struct iopt_area *area);
/* One domain, of areas whose pages are held. */
int iopt_area_map(const struct io_pagetable *iopt, const struct iopt_area *area,
		  struct iommu_domain *domain);
void iopt_area_unmap(const struct iopt_area *area, struct iommu_domain *domain);

#endif
