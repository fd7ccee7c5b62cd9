// SPDX-License-Identifier: GPL-2.0-only
/*
 * Areas in domains: filling, emptying, and the list of domains of an address space.
 *
 * An area's pages are held once for all domains of its address space, from the first domain to come
 * until the last goes. With large pages off each page is mapped by a call of its own, so that it
 * can be cut out later.
 *
 * Kernel behaviour: iopt_area_fill_domains(), iopt_table_add_domain() and their like in
 * drivers/iommu/iommufd.
 */
#include "iommufd/io_pagetable_private.h"

#include <errno.h>
#include <stdlib.h>

/* ---- one area in one domain ---- */

static void unmap_to(const struct iopt_area *area, struct iommu_domain *domain, uint64_t bytes)
{
	if (bytes) {
		uint64_t done = iommu_unmap(domain, area->first, bytes);

		sio_assert(done == bytes);
	}
}

/* Page by page, or a run whose frames go down (and pages are whole). */
static int map_pieces(const struct io_pagetable *iopt, struct iommu_domain *domain, uint64_t iova,
		      const struct pin_run *run, uint64_t offset, uint64_t bytes, unsigned prot)
{
	const struct pt_run whole = {.oa = run->pa, .pages = run->pages, .oa_step = run->step};
	uint64_t done = 0;
	int rc = 0;

	if (!iopt->no_large_pages && !offset && bytes == run->pages * SIO_PAGE_SIZE &&
	    (domain->pgsize_bitmap & SIO_PAGE_SIZE))
		return iommu_map(domain, iova, &whole, prot);
	while (done < bytes && !rc) {
		const uint64_t at = offset + done, in_page = at % SIO_PAGE_SIZE;
		const pa_t pa = run->pa + (at / SIO_PAGE_SIZE) * (uint64_t)run->step + in_page;
		uint64_t len = SIO_PAGE_SIZE - in_page;

		if (len > bytes - done)
			len = bytes - done;
		rc = iommu_map_range(domain, iova + done, pa, len, prot);
		if (!rc)
			done += len;
	}
	if (rc && done)
		iommu_unmap(domain, iova, done);
	return rc;
}

int iopt_area_map(const struct io_pagetable *iopt, const struct iopt_area *area,
		  struct iommu_domain *domain)
{
	const uint64_t length = iopt_area_length(area);
	uint64_t done = 0;

	while (done < length) {
		const uint64_t byte = area->start + done, offset = byte % SIO_PAGE_SIZE;
		const uint64_t left = length - done;
		const uint64_t pages = (offset + left - 1) / SIO_PAGE_SIZE + 1;
		const struct pin_run run = iopt_pages_run(area->pages, byte / SIO_PAGE_SIZE, pages);
		uint64_t bytes = run.pages * SIO_PAGE_SIZE - offset;
		int rc;

		sio_assert(run.pages);
		if (bytes > left)
			bytes = left;
		if (run.step > 0 && !iopt->no_large_pages)
			rc = iommu_map_range(domain, area->first + done, run.pa + offset, bytes,
					     area->prot);
		else
			rc = map_pieces(iopt, domain, area->first + done, &run, offset, bytes,
					area->prot);
		if (rc) {
			unmap_to(area, domain, done);
			return rc;
		}
		done += bytes;
	}
	return 0;
}

void iopt_area_unmap(const struct iopt_area *area, struct iommu_domain *domain)
{
	unmap_to(area, domain, iopt_area_length(area));
}

/* ---- one area in all domains ---- */

static int hold(struct iopt_area *area)
{
	const uint64_t first = iopt_area_index(area, area->first);
	const uint64_t last = iopt_area_index(area, area->last);

	return iopt_pages_hold(area->pages, first, last);
}

static void let_go(struct iopt_area *area)
{
	iopt_pages_drop(area->pages, iopt_area_index(area, area->first),
			iopt_area_index(area, area->last));
	area->filled = false;
}

int iopt_area_fill(struct io_pagetable *iopt, struct iopt_area *area)
{
	unsigned mapped = 0;
	int rc;

	if (!iopt->domain_count)
		return 0;
	rc = hold(area);
	if (rc)
		return rc;
	while (!rc && mapped < iopt->domain_count) {
		rc = iopt_area_map(iopt, area, iopt->domains[mapped]);
		if (!rc)
			mapped++;
	}
	/* The limit is met last, when everything else worked. */
	if (!rc)
		rc = iopt_pages_settle(area->pages);
	area->filled = !rc;
	if (rc) {
		while (mapped)
			iopt_area_unmap(area, iopt->domains[--mapped]);
		let_go(area);
	}
	return rc;
}

void iopt_area_unfill(struct io_pagetable *iopt, struct iopt_area *area)
{
	if (!area->filled)
		return;
	for (unsigned i = 0; i < iopt->domain_count; i++)
		iopt_area_unmap(area, iopt->domains[i]);
	let_go(area);
}

/* ---- all areas in one domain ---- */

/* Areas below `end` show nothing in the domain any more; the last domain lets their pages go. */
static void empty_domain(struct io_pagetable *iopt, struct iommu_domain *domain, uint64_t end,
			 bool last_domain)
{
	struct imap_iter it = imap_iter(&iopt->areas, 0);
	struct imap_entry entry;

	while (imap_next(&it, &entry)) {
		struct iopt_area *area = iopt_area_from(&entry);

		if (end && area->first >= end)
			break;
		iopt_area_unmap(area, domain);
		if (last_domain)
			let_go(area);
	}
}

static int fill_domain(struct io_pagetable *iopt, struct iommu_domain *domain)
{
	struct imap_iter it = imap_iter(&iopt->areas, 0);
	struct imap_entry entry;
	int rc = 0;

	while (!rc && imap_next(&it, &entry)) {
		struct iopt_area *area = iopt_area_from(&entry);
		const bool held = area->filled;

		rc = held ? 0 : hold(area);
		if (rc)
			goto undo;
		rc = iopt_area_map(iopt, area, domain);
		if (!rc) {
			rc = iopt_pages_settle(area->pages);
			if (rc)
				iopt_area_unmap(area, domain);
		}
		if (!rc)
			area->filled = true;
		else if (!held)
			let_go(area);
		if (rc)
			goto undo;
	}
	return 0;

undo:
	if (entry.first)
		empty_domain(iopt, domain, entry.first, !iopt->domain_count);
	return rc;
}

static int reserve_outside(struct io_pagetable *iopt, const struct iommu_domain *domain)
{
	int rc = 0;

	if (domain->aperture_first)
		rc = iopt_reserve(iopt, 0, domain->aperture_first - 1, domain);
	if (!rc && domain->aperture_last != UINT64_MAX)
		rc = iopt_reserve(iopt, domain->aperture_last + 1, UINT64_MAX, domain);
	return rc;
}

int iopt_add_domain(struct io_pagetable *iopt, struct iommu_domain *domain)
{
	uint64_t alignment = domain->pgsize_bitmap & -domain->pgsize_bitmap;
	struct iommu_domain **domains;
	int rc;

	if (alignment < iopt->alignment)
		alignment = iopt->alignment;
	/* A page has to fit, wherever it lies. */
	if (alignment > SIO_PAGE_SIZE)
		return -EINVAL;
	rc = iopt_check_alignment(iopt, alignment);
	if (!rc)
		rc = reserve_outside(iopt, domain);
	if (rc)
		goto undo;
	domains = fail_realloc("iommufd.domain.list", iopt->domains,
			       (iopt->domain_count + 1) * sizeof(struct iommu_domain *));
	if (!domains) {
		rc = -ENOMEM;
		goto undo;
	}
	iopt->domains = domains;
	rc = fill_domain(iopt, domain);
	if (rc)
		goto undo;
	iopt->domains[iopt->domain_count++] = domain;
	iopt->alignment = alignment;
	return 0;

undo:
	iopt_unreserve(iopt, domain);
	return rc;
}

void iopt_remove_domain(struct io_pagetable *iopt, struct iommu_domain *domain)
{
	unsigned at = 0;

	while (iopt->domains[at] != domain)
		at++;
	iopt->domains[at] = iopt->domains[--iopt->domain_count];
	empty_domain(iopt, domain, 0, !iopt->domain_count);
	iopt_unreserve(iopt, domain);
	iopt_update_alignment(iopt);
}

uint64_t iopt_pgsizes(const struct io_pagetable *iopt)
{
	uint64_t sizes = UINT64_MAX;

	for (unsigned i = 0; i < iopt->domain_count; i++)
		sizes &= iopt->domains[i]->pgsize_bitmap;
	return sizes;
}

bool iopt_has_domain(const struct io_pagetable *iopt)
{
	return iopt->domain_count != 0;
}

struct iommu_domain *iopt_domain_at(const struct io_pagetable *iopt, unsigned n)
{
	return n < iopt->domain_count ? iopt->domains[n] : NULL;
}
