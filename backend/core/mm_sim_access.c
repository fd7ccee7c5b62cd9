// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process's own reads and writes.
 *
 * Reading untouched memory shows zeros (or the file) and allocates no frame. Writing faults first,
 * so a page shared copy-on-write is copied before. As on x86, an area with any access at all can be
 * read. PFN maps go to the bus: a device that does not answer reads as all ones, which is no
 * signal.
 */
#include "core/mm_sim_priv.h"

#include "phys.h"

#include <errno.h>
#include <string.h>

/* One piece of an access: `len` bytes at `offset` in its first page. */
struct piece {
	uint64_t page;
	uint64_t offset;
	uint64_t len;
	uint8_t *buf;
	bool write;
};

static uint64_t piece_pages(const struct piece *piece)
{
	return (piece->offset + piece->len + SIO_PAGE_SIZE - 1) >> SIO_PAGE_LG2;
}

static void piece_limit(struct piece *piece, uint64_t pages)
{
	if (pages < piece_pages(piece))
		piece->len = (pages << SIO_PAGE_LG2) - piece->offset;
}

static void bus_copy(struct phys *phys, pa_t pa, const struct piece *piece, uint64_t done,
		     uint64_t len)
{
	if (piece->write)
		phys_write(phys, pa, piece->buf + done, len);
	else
		phys_read(phys, pa, piece->buf + done, len);
}

/* Move the piece to or from the frames of x, which covers it. */
static void extent_copy(struct phys *phys, const struct extent *x, const struct piece *piece)
{
	uint64_t done = 0;

	if (!(x->flags & EXTENT_DOWN)) {
		bus_copy(phys, (x->pfn << SIO_PAGE_LG2) + piece->offset, piece, 0, piece->len);
		return;
	}
	while (done < piece->len) {
		uint64_t at = piece->offset + done;
		uint64_t in_page = at % SIO_PAGE_SIZE;
		uint64_t len = page_min(piece->len - done, SIO_PAGE_SIZE - in_page);
		pa_t pa = extent_frame(x, at >> SIO_PAGE_LG2) << SIO_PAGE_LG2;

		bus_copy(phys, pa + in_page, piece, done, len);
		done += len;
	}
}

/* Read from `map` as far as one extent or one gap goes. False: a gap, nothing was read. */
static bool read_extent(struct phys *phys, const struct imap *map, uint64_t key,
			struct piece *piece)
{
	struct extent x;

	if (extent_at(map, key, &x)) {
		piece_limit(piece, x.n);
		extent_copy(phys, &x, piece);
		return true;
	}
	if (extent_ceil(map, key, &x))
		piece_limit(piece, x.page - key);
	return false;
}

static int read_piece(struct mm_sim *sim, const struct area *area, struct piece *piece)
{
	struct page_space space = area_space(sim, area);

	if (read_extent(sim->phys, space.map, piece->page - space.shift, piece))
		return 0;
	if (area->kind == MM_FILE_PRIVATE &&
	    read_extent(sim->phys, &area->object->pages, piece->page - area->object_shift, piece))
		return 0;
	memset(piece->buf, 0, piece->len);
	return zero_page_seen(sim, area, piece->page, piece_pages(piece));
}

static int access_pfn(struct mm_sim *sim, const struct area *area, const struct piece *piece)
{
	pa_t pa = (piece->page + area->pfn_shift) << SIO_PAGE_LG2;
	int rc = page_fault_pfn(sim, area, piece->page, piece_pages(piece));

	if (!rc)
		bus_copy(sim->phys, pa + piece->offset, piece, 0, piece->len);
	return rc;
}

static int access_piece(struct mm_sim *sim, const struct area *whole, struct piece *piece)
{
	struct area inside, *area = &inside;
	struct extent x;
	int rc;

	if (!(piece->write ? whole->prot & MM_WRITE : whole->prot) ||
	    !area_in_file(whole, piece->page, &inside))
		return -EFAULT;
	piece_limit(piece, area->last - piece->page + 1);
	if (area->kind == MM_PFN)
		return access_pfn(sim, area, piece);
	if (!piece->write)
		return read_piece(sim, area, piece);
	rc = page_fault(sim, area, piece->page, piece_pages(piece), &x);
	if (rc)
		return rc;
	piece_limit(piece, x.n);
	extent_copy(sim->phys, &x, piece);
	return 0;
}

static int access_memory(struct mm_sim *sim, uint64_t va, uint8_t *buf, uint64_t len, bool write)
{
	while (len) {
		struct piece piece = {
			.page = va >> SIO_PAGE_LG2,
			.offset = va % SIO_PAGE_SIZE,
			.len = page_min(len, MM_USER_END),
			.buf = buf,
			.write = write,
		};
		const struct area *area = area_at(sim, piece.page);
		int rc = area ? access_piece(sim, area, &piece) : -EFAULT;

		if (rc)
			return rc;
		va += piece.len;
		buf += piece.len;
		len -= piece.len;
	}
	return 0;
}

int sim_copy(struct mm *mm, uint64_t va, void *buf, uint64_t len, bool write)
{
	return access_memory(mm_sim_of(mm), va, buf, len, write);
}

int mm_sim_read(struct mm *mm, uint64_t va, void *buf, uint64_t len)
{
	return access_memory(mm_sim_of(mm), va, buf, len, false);
}

int mm_sim_write(struct mm *mm, uint64_t va, const void *buf, uint64_t len)
{
	/* Only read from when `write` is set. */
	return access_memory(mm_sim_of(mm), va, (uint8_t *)(uintptr_t)buf, len, true);
}

bool mm_sim_physical(struct mm *mm, uint64_t va, pa_t *pa)
{
	struct mm_sim *sim = mm_sim_of(mm);
	uint64_t page = va >> SIO_PAGE_LG2;
	const struct area *area = area_at(sim, page);
	struct page_space space;
	struct extent x;

	if (!area)
		return false;
	*pa = va % SIO_PAGE_SIZE;
	if (area->kind == MM_PFN) {
		*pa += (page + area->pfn_shift) << SIO_PAGE_LG2;
		return true;
	}
	space = area_space(sim, area);
	if (!extent_at(space.map, page - space.shift, &x) &&
	    (area->kind != MM_FILE_PRIVATE ||
	     !extent_at(&area->object->pages, page - area->object_shift, &x)))
		return false;
	*pa += x.pfn << SIO_PAGE_LG2;
	return true;
}

int mm_sim_touch(struct mm *mm, uint64_t va, uint64_t len)
{
	struct mm_sim *sim = mm_sim_of(mm);
	uint64_t page = va >> SIO_PAGE_LG2;
	uint64_t last;

	if (!len)
		return 0;
	if (__builtin_add_overflow(va, len - 1, &last))
		last = ~UINT64_C(0);
	last >>= SIO_PAGE_LG2;
	while (page <= last) {
		const struct area *area = area_at(sim, page);
		int rc;

		if (!area)
			return -EFAULT;
		rc = area_populate(sim, area, page, page_min(last, area->last));
		if (rc)
			return rc;
		page = area->last + 1;
	}
	return 0;
}
