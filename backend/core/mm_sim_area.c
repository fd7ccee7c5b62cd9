// SPDX-License-Identifier: GPL-2.0-only
/*
 * Areas: mmap, munmap, mprotect and madvise(MADV_DONTNEED) of a simulated address space.
 *
 * Order of tests, errno values and what is done before an error are those of Linux 6.12: munmap
 * checks first and then removes everything; mprotect works area by area and stops at the first
 * hole; madvise goes on behind holes and reports them at the end. A huge page is never cut: EINVAL.
 *
 * An area holds the file that it maps open, so removing one may close a device: what that does to
 * other address spaces' pins and charges comes after the area has left this one.
 *
 * Invariant: areas that meet and differ in nothing are one area, huge page areas excepted: those
 * are never joined (VM_DONTEXPAND), which shows when a request is refused in the second of two; nor
 * are areas of a file that counts them.
 */
#include "core/mm_sim_priv.h"

#include "core/file.h"
#include "phys.h"
#include "recycle.h"

#include <errno.h>
#include <stdlib.h>

static struct area *entry_area(const struct imap_entry *e)
{
	return (struct area *)(uintptr_t)e->value;
}

static struct imap_entry area_entry(const struct area *area)
{
	return (struct imap_entry){
		.first = area->first,
		.last = area->last,
		.value = (uintptr_t)area,
	};
}

struct area *area_at(const struct mm_sim *sim, uint64_t page)
{
	struct imap_entry e;

	return imap_find(&sim->areas, page, page, &e) ? entry_area(&e) : NULL;
}

struct area *area_ceil(const struct mm_sim *sim, uint64_t page)
{
	struct imap_entry e;

	return imap_ceil(&sim->areas, page, &e) ? entry_area(&e) : NULL;
}

/* ---- objects ---- */

static struct mm_object *object_create(struct phys *phys)
{
	struct mm_object *object = recycle_calloc("mm.map.object", sizeof(*object));

	if (!object)
		return NULL;
	object->phys = phys;
	object->limit = UINT64_MAX;
	imap_init(&object->pages);
	return object;
}

static void object_put(struct mm_object *object)
{
	if (!object || --object->refs)
		return;
	extent_drop_all(&object->pages, object->phys);
	recycle_free(object);
}

int object_drop(struct mm_object *object, uint64_t first, uint64_t last, bool copies)
{
	for (struct area *area = object->areas; copies && area; area = area->next) {
		const uint64_t shift = area->object_shift;
		const uint64_t low = page_max(first, area->first - shift);
		const uint64_t high = page_min(last, area->last - shift);

		if (area->kind == MM_FILE_PRIVATE && low <= high &&
		    !extent_drop(&area->sim->pages, object->phys, low + shift, high + shift))
			return -ENOMEM;
	}
	return extent_drop(&object->pages, object->phys, first, last) ? 0 : -ENOMEM;
}

static bool writes_object(const struct area *area)
{
	return area->kind == MM_FILE_SHARED && !area->write_never;
}

static void object_add_area(struct mm_object *object, struct area *area)
{
	object->refs++;
	object->writers += writes_object(area);
	area->previous = NULL;
	area->next = object->areas;
	if (area->next)
		area->next->previous = area;
	object->areas = area;
}

static void object_remove_area(struct mm_object *object, struct area *area)
{
	if (area->previous)
		area->previous->next = area->next;
	else
		object->areas = area->next;
	if (area->next)
		area->next->previous = area->previous;
	object->writers -= writes_object(area);
	object_put(object);
}

bool area_in_file(const struct area *area, uint64_t page, struct area *inside)
{
	*inside = *area;
	if (!area->object || area->object->limit == UINT64_MAX)
		return true;
	if (page - area->object_shift >= area->object->limit)
		return false;
	inside->last = page_min(area->last, area->object->limit - 1 + area->object_shift);
	return true;
}

/* ---- the set of areas ---- */

void area_set_locked(struct mm_sim *sim, struct area *area, bool locked)
{
	uint64_t pages = area_pages(area);

	if (area->locked == locked)
		return;
	area->locked = locked;
	if (locked) {
		sim->mlocked += pages;
		sim->mm.locked_pages += pages;
	} else {
		sim->mlocked -= pages;
		sim->mm.locked_pages -= pages;
	}
}

/* Its file wants to know how many pieces of maps there are. */
static bool area_is_counted(const struct area *area)
{
	return area->file && area->file->ops->mmap_open;
}

int area_add(struct mm_sim *sim, const struct area *model)
{
	struct area *area = recycle_calloc("mm.area", sizeof(*area));

	if (!area)
		return -ENOMEM;
	*area = *model;
	area->sim = sim;
	if (!imap_insert(&sim->areas, area_entry(area))) {
		recycle_free(area);
		return -ENOMEM;
	}
	if (area->object)
		object_add_area(area->object, area);
	if (area->file)
		file_get(area->file);
	if (area_is_counted(area))
		area->file->ops->mmap_open(area->file, area->file_offset);
	return 0;
}

/* An area that is in no set any more. */
static void area_release(struct area *area)
{
	if (area->object)
		object_remove_area(area->object, area);
	if (area_is_counted(area))
		area->file->ops->mmap_close(area->file, area->file_offset);
	if (area->file)
		file_put(area->file);
	recycle_free(area);
}

static void area_free(struct mm_sim *sim, struct area *area)
{
	area_set_locked(sim, area, false);
	area_release(area);
}

void area_drop_all(struct mm_sim *sim)
{
	struct imap_iter it = imap_iter(&sim->areas, 0);
	struct imap_entry e;

	while (imap_next(&it, &e))
		area_free(sim, entry_area(&e));
	imap_fini(&sim->areas);
}

int area_cut(struct mm_sim *sim, uint64_t page)
{
	struct area *area = area_at(sim, page);
	struct area high;
	int rc;

	if (!area || area->first == page)
		return 0;
	if (area->hugetlb && page % HUGE_PAGES)
		return -EINVAL;
	high = *area;
	high.first = page;
	area->last = page - 1;
	imap_update(&sim->areas, area->first, area_entry(area));
	rc = area_add(sim, &high);
	if (rc) {
		area->last = high.last;
		imap_update(&sim->areas, area->first, area_entry(area));
	}
	return rc;
}

static bool areas_match(const struct area *a, const struct area *b)
{
	return a->last + 1 == b->first && !a->hugetlb && a->prot == b->prot && a->kind == b->kind &&
	       a->contiguity == b->contiguity && !b->hugetlb && a->locked == b->locked &&
	       a->object == b->object && a->object_shift == b->object_shift &&
	       a->pfn_shift == b->pfn_shift && a->file == b->file && !area_is_counted(a) &&
	       a->write_never == b->write_never;
}

void area_join_range(struct mm_sim *sim, uint64_t first, uint64_t last)
{
	struct area *a = area_ceil(sim, first ? first - 1 : 0);

	while (a && a->last <= last) {
		struct area *b = area_at(sim, a->last + 1);

		if (!b || !areas_match(a, b)) {
			a = area_ceil(sim, a->last + 1);
			continue;
		}
		imap_erase(&sim->areas, b->first, NULL);
		a->last = b->last;
		imap_update(&sim->areas, a->first, area_entry(a));
		area_release(b);
	}
}

/* ---- munmap ---- */

static int unmap_pages(struct mm_sim *sim, uint64_t first, uint64_t last)
{
	struct area *area;
	int rc;

	rc = area_cut(sim, first);
	if (!rc)
		rc = area_cut(sim, last + 1);
	if (!rc && !extent_drop(&sim->pages, sim->phys, first, last))
		rc = -ENOMEM;
	if (rc) {
		area_join_range(sim, first, last + 1);
		return rc;
	}
	zero_blocks_forget(sim, first, last);
	while ((area = area_ceil(sim, first)) && area->first <= last) {
		imap_erase(&sim->areas, area->first, NULL);
		area_free(sim, area);
	}
	return 0;
}

int mm_sim_unmap(struct mm *mm, uint64_t va, uint64_t len)
{
	uint64_t first = va >> SIO_PAGE_LG2;

	if (!sio_is_aligned(va, SIO_PAGE_SIZE) || va > MM_USER_END || len > MM_USER_END - va ||
	    !len)
		return -EINVAL;
	return unmap_pages(mm_sim_of(mm), first, (va + (len - 1)) >> SIO_PAGE_LG2);
}

/* ---- mmap ---- */

static int check_map(const struct mm_map_req *req, uint64_t *len)
{
	uint64_t unit = req->hugetlb ? HUGE_PAGES * SIO_PAGE_SIZE : SIO_PAGE_SIZE;

	if (!sio_is_aligned(req->va, unit) || !req->len || (req->prot > (MM_READ | MM_WRITE)))
		return -EINVAL;
	if ((unsigned)req->kind > MM_PFN || (unsigned)req->contiguity > MM_RUN_WHOLE)
		return -EINVAL;
	if (req->kind == MM_PFN && (req->hugetlb || !sio_is_aligned(req->pfn_pa, SIO_PAGE_SIZE)))
		return -EINVAL;
	if (req->len > MM_USER_END || req->va > MM_USER_END - req->len)
		return -ENOMEM;
	*len = sio_align_down(req->len + (unit - 1), unit);
	return *len > MM_USER_END - req->va ? -ENOMEM : 0;
}

int mm_map_object(struct mm *mm, const struct mm_map_req *req, struct mm_object *object,
		  uint64_t index)
{
	struct mm_sim *sim = mm_sim_of(mm);
	uint64_t len = 0;
	int rc = check_map(req, &len);
	struct area area = {
		.first = req->va >> SIO_PAGE_LG2,
		.last = (req->va + (len - 1)) >> SIO_PAGE_LG2,
		.prot = req->prot,
		.kind = req->kind,
		.contiguity = req->contiguity,
		.hugetlb = req->hugetlb,
		.write_never = req->write_never,
		.object = object,
		.file = req->kind == MM_PFN ? req->file : NULL,
		.file_offset = req->file_offset,
	};

	if (rc)
		return rc;
	if (!mm_alive(mm))
		return -EINVAL;
	if (req->kind == MM_PFN) {
		area.pfn_mapped = req->pfn_pa >> SIO_PAGE_LG2;
		area.pfn_shift = area.pfn_mapped - area.first;
		area.file = req->file;
	}
	if (req->kind != MM_ANON && req->kind != MM_PFN && !object)
		area.object = object_create(sim->phys);
	if (req->kind != MM_ANON && req->kind != MM_PFN && !area.object)
		return -ENOMEM;
	if (area.object) {
		area.object_shift = area.first - index;
		area.object->refs++; /* ours, until the area has one */
	}
	rc = unmap_pages(sim, area.first, area.last);
	if (!rc)
		rc = area_add(sim, &area);
	object_put(area.object);
	if (!rc)
		area_join_range(sim, area.first, area.last);
	return rc;
}

int mm_sim_map(struct mm *mm, const struct mm_map_req *req)
{
	return mm_map_object(mm, req, NULL, 0);
}

/* ---- mprotect ---- */

static int protect_area(struct mm_sim *sim, struct area *area, uint64_t first, uint64_t last,
			unsigned prot)
{
	int rc;

	/* Nothing to change is looked at first: then even half a huge page is accepted. */
	if (area->prot == prot)
		return 0;
	if ((prot & MM_WRITE) && area->write_never)
		return -EACCES;
	rc = area_cut(sim, page_max(first, area->first));
	if (!rc)
		rc = area_cut(sim, last + 1);
	if (!rc)
		area_at(sim, page_max(first, area->first))->prot = prot;
	return rc;
}

int mm_sim_protect(struct mm *mm, uint64_t va, uint64_t len, unsigned prot)
{
	struct mm_sim *sim = mm_sim_of(mm);
	uint64_t first = va >> SIO_PAGE_LG2;
	uint64_t page = first;
	uint64_t last;
	int rc = 0;

	if (!sio_is_aligned(va, SIO_PAGE_SIZE))
		return -EINVAL;
	if (!len)
		return 0;
	if (va + len < va || va + len > ~UINT64_C(0) - (SIO_PAGE_SIZE - 1))
		return -ENOMEM;
	if (prot > (MM_READ | MM_WRITE))
		return -EINVAL;
	last = (va + (len - 1)) >> SIO_PAGE_LG2;
	while (!rc && page <= last) {
		struct area *area = area_at(sim, page);
		uint64_t end;

		if (!area) {
			rc = -ENOMEM;
			break;
		}
		end = page_min(area->last, last);
		rc = protect_area(sim, area, page, end, prot);
		page = end + 1;
	}
	area_join_range(sim, first, last + 1);
	return rc;
}

/* ---- madvise(MADV_DONTNEED) ---- */

static int discard_area(struct mm_sim *sim, const struct area *area, uint64_t first, uint64_t last)
{
	if (area->hugetlb) {
		if (first % HUGE_PAGES)
			return -EINVAL;
		if (last - first + 1 < HUGE_PAGES)
			return 0;
		last = sio_align_down(last + 1, HUGE_PAGES) - 1;
	} else if (area->locked || area->kind == MM_PFN) {
		return -EINVAL;
	}
	/* Shared pages stay in their object; only page table entries go, which nobody can see. */
	if (area_is_shared(area))
		return 0;
	if (!extent_drop(&sim->pages, sim->phys, first, last))
		return -ENOMEM;
	zero_blocks_forget(sim, first, last);
	return 0;
}

int mm_sim_discard(struct mm *mm, uint64_t va, uint64_t len)
{
	struct mm_sim *sim = mm_sim_of(mm);
	uint64_t page = va >> SIO_PAGE_LG2;
	uint64_t last;
	int hole = 0;

	if (!sio_is_aligned(va, SIO_PAGE_SIZE))
		return -EINVAL;
	if (!len)
		return 0;
	if (len > ~UINT64_C(0) - (SIO_PAGE_SIZE - 1) || va + (len - 1) < va)
		return -EINVAL;
	last = (va + (len - 1)) >> SIO_PAGE_LG2;
	while (page <= last) {
		const struct area *area = area_ceil(sim, page);
		int rc;

		if (!area || area->first > page)
			hole = -ENOMEM;
		if (!area || area->first > last)
			break;
		rc = discard_area(sim, area, page_max(page, area->first),
				  page_min(area->last, last));
		if (rc)
			return rc;
		page = area->last + 1;
	}
	return hole;
}

/* ---- reports ---- */

bool mm_sim_area(const struct mm *mm, uint64_t va, struct mm_map_req *out)
{
	const struct area *area = area_ceil(mm_sim_of_const(mm), va >> SIO_PAGE_LG2);

	if (!area)
		return false;
	*out = (struct mm_map_req){
		.va = area->first << SIO_PAGE_LG2,
		.len = area_pages(area) << SIO_PAGE_LG2,
		.prot = area->prot,
		.kind = area->kind,
		.hugetlb = area->hugetlb,
		.contiguity = area->contiguity,
	};
	if (area->kind == MM_PFN) {
		out->pfn_pa = (area->first + area->pfn_shift) << SIO_PAGE_LG2;
		out->file = area->file;
	}
	return true;
}
