/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The address space of an IOAS: areas, allowed and reserved ranges, the domains that are filled
 * with it, and the pages behind the areas.
 *
 * An *area* is a slice of iova that shows a slice of a *pages* object: a range of a process's
 * memory, or of a file. Pages objects are shared by areas (copies, splits). A page is pinned once,
 * whatever uses it: the domains of all areas, and accesses. Where the addresses of pinned pages are
 * found: in the record of pages that accesses pinned; else in the tables of the storage domain of
 * an area that covers them; else they are not pinned.
 *
 * Invariants (iopt_audit): areas are disjoint and touch no reserved range; each filled area
 * translates, in each domain, to its pages, and nothing else does; a pages object holds exactly the
 * pins that its filled areas and accesses need, and its charge is that number.
 *
 * Kernel behaviour: drivers/iommu/iommufd/io_pagetable.c and pages.c of Linux 6.12 and 7.2.
 */
#ifndef BACKEND_IOMMUFD_IO_PAGETABLE_H
#define BACKEND_IOMMUFD_IO_PAGETABLE_H

#include "core/file.h"
#include "core/iommu.h"
#include "imap.h"

struct io_pagetable;
struct iopt_area;
struct iopt_pages;

enum iopt_account { IOPT_ACCOUNT_NONE, IOPT_ACCOUNT_USER, IOPT_ACCOUNT_MM };

struct iopt_range {
	uint64_t first, last;
};

/* What MAP gives: memory of the caller, or a file. */
struct iopt_source {
	const struct caller *caller;
	uint64_t uptr;     /* byte address; unused with a file */
	struct file *file; /* NULL: memory. A reference is taken */
	uint64_t start;    /* byte offset in the file */
	uint64_t length;
	bool writable;
};

struct io_pagetable *iopt_create(struct iommu *iommu, uint64_t *temp_memory_max);
/* No domain, no access. Areas go. */
void iopt_destroy(struct io_pagetable *iopt);

/* ---- areas; `prot` is IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE ---- */

/* Fixed: *iova is where. Automatic: *iova receives it. Errors as IOAS_MAP after its id. */
int iopt_map(struct io_pagetable *iopt, const struct iopt_source *source, enum iopt_account account,
	     uint64_t *iova, unsigned prot, bool fixed);
/* The same pages at another place. Errors as IOAS_COPY after its ids. */
int iopt_copy(struct io_pagetable *dst, struct io_pagetable *src, uint64_t src_iova,
	      uint64_t length, uint64_t *dst_iova, unsigned prot, bool fixed);
/* Every byte of the range is in some area: 0, else -EINVAL length 0 or wrap, -ENOENT. */
int iopt_check_source(const struct io_pagetable *iopt, uint64_t iova, uint64_t length);
/* *unmapped: bytes, also on failure; nothing there is 0 and 0 bytes. -EINVAL length 0, -EOVERFLOW,
 * -ENOENT an area sticks out, -EBUSY, -EDEADLOCK. */
int iopt_unmap(struct io_pagetable *iopt, uint64_t iova, uint64_t length, uint64_t *unmapped);
int iopt_unmap_all(struct io_pagetable *iopt, uint64_t *unmapped);
/* Cut the areas that contain these bytes, so that one ends at each; a byte that is an area's first
 * leaves that whole. For TYPE1 containers. -EINVAL, -EBUSY, -ENOMEM. */
int iopt_cut(struct io_pagetable *iopt, const uint64_t *iovas, unsigned count);

/* ---- ranges ---- */

/* Replaces the list, which ascends; takes the array over on success. -EADDRINUSE. */
int iopt_set_allowed(struct io_pagetable *iopt, struct iopt_range *ranges, unsigned count);
/* Gaps between reserved ranges: the n-th. False: past the end. */
bool iopt_usable_at(const struct io_pagetable *iopt, unsigned n, struct iopt_range *range);
/* -EADDRINUSE an area or allowed range is there. `owner` may be NULL: for the iopt's life. */
int iopt_reserve(struct io_pagetable *iopt, uint64_t first, uint64_t last, const void *owner);
void iopt_unreserve(struct io_pagetable *iopt, const void *owner);
/* The device's regions, but relaxable ones, with the device as owner. *sw_msi_start: 2^64-1 none.
 * -EADDRINUSE, -EINVAL both kinds of MSI window, -ENOMEM; on failure none is reserved. */
int iopt_reserve_device(struct io_pagetable *iopt, struct iommu_device *dev,
			uint64_t *sw_msi_start);

uint64_t iopt_alignment(const struct io_pagetable *iopt);
bool iopt_large_pages(const struct io_pagetable *iopt);
/* -EINVAL a domain and an area exist; -EADDRINUSE an area does not fit. */
int iopt_set_large_pages(struct io_pagetable *iopt, bool on);
/* AND over the domains, all ones without one. */
uint64_t iopt_pgsizes(const struct io_pagetable *iopt);
bool iopt_has_domain(const struct io_pagetable *iopt);

/* ---- domains ---- */

/* Alignment, aperture, fill. -EINVAL, -EADDRINUSE, -EFAULT, -ENOMEM, driver's; all undone then. */
int iopt_add_domain(struct io_pagetable *iopt, struct iommu_domain *domain);
void iopt_remove_domain(struct io_pagetable *iopt, struct iommu_domain *domain);

/* Dirty tracking of one domain of the iopt; starting clears all areas' bits. */
int iopt_set_dirty(struct io_pagetable *iopt, struct iommu_domain *domain, bool on);

struct iopt_dirty_query {
	uint64_t iova, length, page_size;
	uint64_t bitmap; /* user address of the bits, ORed into */
	bool no_clear;
	const struct caller *caller;
};
/* Validation after the id and before "no dirty ops" is iopt_check_dirty()'s, in the kernel's order.
 */
int iopt_check_dirty(const struct io_pagetable *iopt, const struct iopt_dirty_query *query);
int iopt_read_dirty(struct io_pagetable *iopt, struct iommu_domain *domain,
		    const struct iopt_dirty_query *query);

/* ---- accesses ---- */

/* `unmap` asks the owner to drop pins in an area's range. *id identifies the access to the iopt.
 * -EADDRINUSE: it needs page alignment and an area has none. */
struct iopt_access_user {
	bool needs_pin_pages;
	void (*unmap)(void *data, uint64_t iova, uint64_t len);
	void *data;
	struct iopt_access_user *next; /* the iopt's */
};
int iopt_add_access(struct io_pagetable *iopt, struct iopt_access_user *user);
void iopt_remove_access(struct io_pagetable *iopt, struct iopt_access_user *user);
int iopt_pin(struct io_pagetable *iopt, uint64_t iova, uint64_t len, pa_t *pages, bool write);
/* What was pinned by one iopt_pin() of the same range. */
void iopt_unpin(struct io_pagetable *iopt, uint64_t iova, uint64_t len);
/* Moves bytes; page by page if `slow`. */
int iopt_rw(struct io_pagetable *iopt, uint64_t iova, void *data, uint64_t len, bool write,
	    bool slow);
/* Areas that are pinned by a hardware queue cannot be unmapped: counted. */
void iopt_lock_areas(struct io_pagetable *iopt, uint64_t iova, uint64_t len, bool lock);

/* ---- process change ---- */

/* Memory of a process is mapped somewhere: its owner cannot change. */
bool iopt_has_user_memory(const struct io_pagetable *iopt);
/* Move all charges of file pages to the caller; pages shared by several iopts once: `seen` numbers
 * one change. */
int iopt_change_process(struct io_pagetable *const *iopts, unsigned count,
			const struct caller *caller);

/* ---- for reports, the mock, tests ---- */

struct iopt_area_info {
	uint64_t first, last;
	uint64_t user_va; /* of its first byte; a file's offset */
	unsigned prot;
	bool file;
	bool filled; /* domains translate it */
};
/* The lowest area with last >= from. */
bool iopt_area_at(const struct io_pagetable *iopt, uint64_t from, struct iopt_area_info *info);
struct iommu_domain *iopt_domain_at(const struct io_pagetable *iopt, unsigned n);
const char *iopt_audit(const struct io_pagetable *iopt, bool thorough);
/* What users pay for is the sum of what was charged to them: NULL, else what does not hold. The
 * iopts are all of the machine. */
const char *iopt_audit_users(struct io_pagetable *const *iopts, unsigned count);
/* Sums over pages objects, each counted once: give iopts of one context together. */
uint64_t iopt_charged(struct io_pagetable *const *iopts, unsigned count, const struct mm *mm,
		      enum iopt_account account);
uint64_t iopt_pinned_vm(struct io_pagetable *const *iopts, unsigned count, const struct mm *mm);
/* Each pinned run once per pages object that holds it. False: no memory, or `fn` said so. */
typedef bool (*iopt_run_fn)(void *ctx, const struct pin_run *run);
bool iopt_each_run(struct io_pagetable *const *iopts, unsigned count, iopt_run_fn fn, void *ctx);

#endif
