// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to an address space: pages pinned for users inside the kernel, and bytes moved.
 *
 * Pinned pages are those that the domains show, if there are any. Moving bytes pins for a moment,
 * unless it is the process itself that asks: then its own mapping is used, as the kernel's copy
 * does, whatever is pinned.
 *
 * Kernel behaviour: iommufd_access_pin_pages(), iommufd_access_rw() and what they call.
 */
#include "iommufd/io_pagetable_private.h"

#include <errno.h>

#include "core/mm.h"

/* ---- users ---- */

int iopt_add_access(struct io_pagetable *iopt, struct iopt_access_user *user)
{
	struct iopt_access_user **at = &iopt->accesses;

	if (user->needs_pin_pages) {
		int rc = iopt_check_alignment(iopt, SIO_PAGE_SIZE);

		if (rc)
			return rc;
	}
	while (*at)
		at = &(*at)->next;
	user->next = NULL;
	*at = user;
	iopt_update_alignment(iopt);
	return 0;
}

void iopt_remove_access(struct io_pagetable *iopt, struct iopt_access_user *user)
{
	struct iopt_access_user **at = &iopt->accesses;

	while (*at != user)
		at = &(*at)->next;
	*at = user->next;
	user->next = NULL;
	iopt_update_alignment(iopt);
}

/* ---- pins ---- */

/* The part of one area that a request meets. */
struct part {
	struct iopt_area *area;
	uint64_t first, last;             /* iova */
	uint64_t first_index, last_index; /* pages */
};

/* False: no area at `iova`. */
static bool part_at(const struct io_pagetable *iopt, uint64_t iova, uint64_t last,
		    struct part *part)
{
	part->area = iopt_area_find(iopt, iova, iova);
	if (!part->area)
		return false;
	part->first = iova;
	part->last = part->area->last < last ? part->area->last : last;
	part->first_index = iopt_area_index(part->area, part->first);
	part->last_index = iopt_area_index(part->area, part->last);
	return true;
}

/* Pages do not straddle areas: the part begins a page, and ends one unless it is the last. */
static bool part_is_aligned(const struct part *part, uint64_t last)
{
	const struct iopt_area *area = part->area;
	const uint64_t begin = area->start + (part->first - area->first);
	const uint64_t end = area->start + (part->last - area->first) + 1;

	return begin % SIO_PAGE_SIZE == 0 && (part->last == last || end % SIO_PAGE_SIZE == 0);
}

static bool permits(const struct iopt_area *area, bool write)
{
	return area->prot & (write ? IOMMU_WRITE : IOMMU_READ);
}

static int pin_part(const struct part *part, uint64_t last, bool write)
{
	struct iopt_pages *pages = part->area->pages;
	int rc;

	if (part->area->prevent_access || !part_is_aligned(part, last))
		return -EINVAL;
	if (!permits(part->area, write))
		return -EPERM;
	rc = iopt_pages_hold(pages, part->first_index, part->last_index);
	if (rc)
		return rc;
	rc = iopt_pages_settle(pages);
	if (rc) {
		iopt_pages_drop(pages, part->first_index, part->last_index);
		return rc;
	}
	part->area->accesses++;
	return 0;
}

/* The address of each page of the part. */
static pa_t *put_addresses(const struct part *part, pa_t *out)
{
	for (uint64_t i = part->first_index; i <= part->last_index;) {
		const struct pin_run run =
			iopt_pages_run(part->area->pages, i, part->last_index - i + 1);

		for (uint64_t n = 0; n < run.pages; n++)
			*out++ = run.pa + n * (uint64_t)run.step;
		i += run.pages;
	}
	return out;
}

static void unpin_range(struct io_pagetable *iopt, uint64_t iova, uint64_t last)
{
	struct part part;

	while (part_at(iopt, iova, last, &part)) {
		iopt_pages_drop(part.area->pages, part.first_index, part.last_index);
		part.area->accesses--;
		if (part.last == last)
			return;
		iova = part.last + 1;
	}
}

int iopt_pin(struct io_pagetable *iopt, uint64_t iova, uint64_t len, pa_t *pages, bool write)
{
	const uint64_t last = iova + (len - 1);
	uint64_t at = iova;
	int rc;

	for (;;) {
		struct part part;

		rc = part_at(iopt, at, last, &part) ? pin_part(&part, last, write) : -ENOENT;
		if (rc)
			break;
		pages = put_addresses(&part, pages);
		if (part.last == last)
			return 0;
		at = part.last + 1;
	}
	if (at != iova)
		unpin_range(iopt, iova, at - 1);
	return rc;
}

void iopt_unpin(struct io_pagetable *iopt, uint64_t iova, uint64_t len)
{
	unpin_range(iopt, iova, iova + (len - 1));
}

void iopt_lock_areas(struct io_pagetable *iopt, uint64_t iova, uint64_t len, bool lock)
{
	const uint64_t last = iova + (len - 1);
	struct part part;

	while (part_at(iopt, iova, last, &part)) {
		part.area->locks += lock ? 1u : -1u;
		if (part.last == last)
			return;
		iova = part.last + 1;
	}
}

/* ---- bytes ---- */

/* Through physical memory: pages that are held as they are, others pinned for the moment. */
static int rw_pages(struct iopt_pages *pages, uint64_t byte, uint8_t *data, uint64_t len,
		    bool write)
{
	struct phys *phys = pages->iommu->phys;

	for (uint64_t done = 0; done < len;) {
		const uint64_t at = byte + done, offset = at % SIO_PAGE_SIZE;
		const uint64_t left = SIO_PAGE_SIZE - offset;
		const uint64_t now = left < len - done ? left : len - done;
		struct pin_run run = iopt_pages_run(pages, at / SIO_PAGE_SIZE, 1);
		const bool held = run.pages != 0;
		int rc = held ? 0 : iopt_pages_pin(pages, at / SIO_PAGE_SIZE, 1, &run);

		if (rc)
			return rc;
		if (write)
			phys_write(phys, run.pa + offset, data + done, now);
		else
			phys_read(phys, run.pa + offset, data + done, now);
		if (!held)
			iopt_pages_unpin(pages, &run);
		done += now;
	}
	return 0;
}

static int rw_part(const struct io_pagetable *iopt, const struct part *part, uint8_t *data,
		   bool write, bool slow)
{
	struct iopt_area *area = part->area;
	struct iopt_pages *pages = area->pages;
	const uint64_t byte = area->start + (part->first - area->first);
	const uint64_t len = part->last - part->first + 1;
	const struct task *current = iopt->iommu->current;

	if (area->prevent_access)
		return -EINVAL;
	if (!permits(area, write))
		return -EPERM;
	if (pages->file || slow || !current || current->mm != pages->payer.mm)
		return rw_pages(pages, byte, data, len, write);
	return pages->payer.mm->ops->copy(pages->payer.mm, pages->va + byte, data, len, write);
}

int iopt_rw(struct io_pagetable *iopt, uint64_t iova, void *data, uint64_t len, bool write,
	    bool slow)
{
	const uint64_t last = iova + (len - 1);
	uint64_t at = iova;

	for (;;) {
		struct part part;
		int rc;

		if (!part_at(iopt, at, last, &part))
			return -ENOENT;
		rc = rw_part(iopt, &part, (uint8_t *)data + (at - iova), write, slow);
		if (rc || part.last == last)
			return rc;
		at = part.last + 1;
	}
}
