// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty page tracking: one bitmap per mapping, reported as the kernel reports it.
 *
 * A group behind an IOMMU cannot say what it wrote, so while one is in the container every page of
 * a mapping that the IOMMU translates counts as dirty. Pages that devices hold (pages.c) are dirty
 * when tracking starts, and again after each report.
 *
 * A mapping's bitmap has one word more than its pages need. A report whose base is not a multiple
 * of 64 pages below the mapping shifts it in place by the difference, ORs the whole first user word
 * in and leaves it shifted; clearing afterwards covers the mapping's pages only. What was shifted
 * beyond them shows up in a later report with another base. Clients see this, so it is kept.
 */
#include "type1/t1.h"

#include "recycle.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#define BITMAP_BYTES_MAX (UINT64_C(1) << 28)
#define BITMAP_PAGES_MAX UINT64_C(0x7fffffff)
#define DIRTY_FLAGS                                                             \
	(VFIO_IOMMU_DIRTY_PAGES_FLAG_START | VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP | \
	 VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP)

_Static_assert(sizeof(struct vfio_bitmap) == sizeof(struct t1_bitmap_arg), "same layout");

static uint64_t words_of(uint64_t bits)
{
	return bits / 64 + (bits % 64 != 0);
}

/* ---- bitmaps of mappings ---- */

int t1_bitmap_alloc(struct t1_dma *dma, uint64_t pgsize)
{
	uint64_t pages = dma->size / pgsize;

	if (pages > BITMAP_PAGES_MAX)
		return -EINVAL;
	dma->bitmap =
		recycle_calloc("type1.dirty.bitmap", (words_of(pages) + 1) * sizeof(uint64_t));
	return dma->bitmap ? 0 : -ENOMEM;
}

static void bitmap_free(struct t1_dma *dma)
{
	recycle_free(dma->bitmap);
	dma->bitmap = NULL;
}

static void bitmap_assign(uint64_t *bitmap, uint64_t bits, bool value)
{
	uint64_t whole = bits / 64, tail = bits % 64 ? SIO_MASK(bits % 64 - 1, 0) : 0;

	memset(bitmap, value ? 0xff : 0, whole * sizeof(*bitmap));
	if (!tail)
		return;
	if (value)
		bitmap[whole] |= tail;
	else
		bitmap[whole] &= ~tail;
}

/* Shift `words` words left by 0 < shift < 64 bits, as one number; the top falls off. */
static void bitmap_shift(uint64_t *bitmap, uint64_t words, unsigned shift)
{
	for (uint64_t i = words; i-- > 1;)
		bitmap[i] = bitmap[i] << shift | bitmap[i - 1] >> (64 - shift);
	bitmap[0] <<= shift;
}

static uint64_t dma_pages(const struct type1 *t1, const struct t1_dma *dma)
{
	return dma->size / t1_pgsize(t1);
}

void t1_bitmap_mark(const struct type1 *t1, struct t1_dma *dma, iova_t iova, uint64_t pages)
{
	const uint64_t pgsize = t1_pgsize(t1);

	if (!dma->bitmap)
		return;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t bit = (iova - dma->iova + i * SIO_PAGE_SIZE) / pgsize;

		dma->bitmap[bit / 64] |= SIO_BIT(bit % 64);
	}
}

void t1_bitmap_fill_all(struct type1 *t1)
{
	struct t1_walk walk = t1_walk(t1);
	struct t1_dma *dma;

	while ((dma = t1_walk_next(&walk)))
		bitmap_assign(dma->bitmap, dma_pages(t1, dma), true);
}

int t1_bitmap_report(struct type1 *t1, const struct caller *caller, struct t1_dma *dma, iova_t base,
		     uint64_t data)
{
	uint64_t pages = dma_pages(t1, dma);
	uint64_t offset = (dma->iova - base) / t1_pgsize(t1);
	unsigned shift = (unsigned)(offset % 64);
	uint64_t words = words_of(pages + shift);
	uint64_t user = data + offset / 64 * sizeof(uint64_t);

	if (t1->untracked_groups && dma->iommu_mapped)
		bitmap_assign(dma->bitmap, pages, true);
	if (shift) {
		uint64_t neighbour;
		int rc;

		bitmap_shift(dma->bitmap, words, shift);
		rc = copy_from_caller("type1.dirty.report.copy-in", caller, &neighbour, user,
				      sizeof(neighbour));
		if (rc)
			return rc;
		dma->bitmap[0] |= neighbour;
	}
	return copy_to_caller("type1.dirty.report.copy-out", caller, user, dma->bitmap,
			      words * sizeof(uint64_t));
}

/* ---- arguments ---- */

int t1_bitmap_arg_check(const struct t1_bitmap_arg *bitmap, uint64_t size)
{
	uint64_t pages;

	if (!uaccess_ok(bitmap->data, bitmap->size) || !bitmap->pgsize)
		return -EINVAL;
	pages = size >> __builtin_ctzll(bitmap->pgsize);
	if (!pages || !bitmap->size || bitmap->size > BITMAP_BYTES_MAX ||
	    bitmap->size < words_of(pages) * sizeof(uint64_t))
		return -EINVAL;
	return 0;
}

/* ---- the ioctl ---- */

static int dirty_start(struct type1 *t1)
{
	struct t1_walk walk = t1_walk(t1);
	struct t1_dma *dma;
	int rc;

	if (t1->dirty_tracking)
		return 0;
	while ((dma = t1_walk_next(&walk))) {
		rc = t1_bitmap_alloc(dma, t1_pgsize(t1));
		if (rc)
			goto err_bitmaps;
		t1_pages_mark_dirty(t1, dma);
	}
	t1->dirty_tracking = true;
	return 0;

err_bitmaps:
	walk = t1_walk(t1);
	while ((dma = t1_walk_next(&walk)))
		bitmap_free(dma);
	return rc;
}

static void dirty_stop(struct type1 *t1)
{
	struct t1_walk walk = t1_walk(t1);
	struct t1_dma *dma;

	t1->dirty_tracking = false;
	while ((dma = t1_walk_next(&walk)))
		bitmap_free(dma);
}

struct dirty_get {
	uint64_t iova, size;
	struct t1_bitmap_arg bitmap;
};

_Static_assert(sizeof(struct vfio_iommu_type1_dirty_bitmap_get) == sizeof(struct dirty_get),
	       "same layout");

static int dirty_get_range_check(const struct type1 *t1, const struct dirty_get *get)
{
	if (t1_kernel(t1)->eoverflow) {
		if (!get->size)
			return -EINVAL;
		if (get->iova + (get->size - 1) < get->iova)
			return -EOVERFLOW;
		return 0;
	}
	/* A range that ends at 2^64 is refused too. */
	return get->iova + get->size < get->iova ? -EINVAL : 0;
}

/* The range may cover many mappings and holes, but not cut a mapping. */
static int dirty_get_check(const struct type1 *t1, const struct dirty_get *get)
{
	uint64_t mask = t1_pgsize(t1) - 1;
	const struct t1_dma *dma;

	if (get->bitmap.pgsize != mask + 1 || get->iova & mask || !get->size || get->size & mask)
		return -EINVAL;
	if (!t1->dirty_tracking)
		return -EINVAL;
	dma = t1_find(t1, get->iova, 1);
	if (dma && dma->iova != get->iova)
		return -EINVAL;
	dma = t1_find(t1, get->iova + (get->size - 1), 0);
	if (dma && dma->iova + dma->size != get->iova + get->size)
		return -EINVAL;
	return 0;
}

static long dirty_get(struct type1 *t1, const struct caller *caller, uint64_t arg)
{
	struct dirty_get get;
	struct t1_walk walk;
	struct t1_dma *dma;
	int rc;

	rc = copy_from_caller("type1.dirty.get.copy-in", caller, &get, arg, sizeof(get));
	if (!rc)
		rc = dirty_get_range_check(t1, &get);
	if (!rc)
		rc = t1_bitmap_arg_check(&get.bitmap, get.size);
	if (!rc)
		rc = dirty_get_check(t1, &get);
	if (rc)
		return rc;
	walk = t1_walk_from(t1, get.iova);
	while ((dma = t1_walk_next(&walk))) {
		if (dma->iova < get.iova)
			continue;
		if (dma->iova > get.iova + (get.size - 1))
			break;
		rc = t1_bitmap_report(t1, caller, dma, get.iova, get.bitmap.data);
		if (rc)
			return rc;
		bitmap_assign(dma->bitmap, dma_pages(t1, dma), false);
		t1_pages_mark_dirty(t1, dma);
	}
	return 0;
}

long t1_dirty_pages(struct type1 *t1, const struct caller *caller, uint64_t arg)
{
	struct vfio_iommu_type1_dirty_bitmap dirty;
	int rc;

	if (!t1->v2)
		return -EACCES;
	rc = copy_from_caller("type1.dirty.copy-in", caller, &dirty, arg, sizeof(dirty));
	if (rc)
		return rc;
	if (dirty.argsz < sizeof(dirty) || dirty.flags & ~(uint32_t)DIRTY_FLAGS)
		return -EINVAL;
	switch (dirty.flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return dirty_start(t1);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		if (t1->dirty_tracking)
			dirty_stop(t1);
		return 0;
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		if (dirty.argsz - sizeof(dirty) < sizeof(struct dirty_get))
			return -EINVAL;
		return dirty_get(t1, caller, arg + sizeof(dirty));
	default:
		return -EINVAL;
	}
}
