// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking of a domain, read into a program's bitmap.
 *
 * Bit n stands for the page at iova + n * page_size. Bits are only ever set: the program zeroes its
 * buffer. A dirty page of the hardware that is larger sets all bits that it covers. A range with a
 * hole is reported up to the hole, and that is no error.
 *
 * Kernel behaviour: iopt_read_and_clear_dirty_data() and drivers/iommu/iommufd/iova_bitmap.c. There
 * the bitmap is pinned in windows when a bit is to be set; where that fails nothing more is set,
 * without a word.
 */
#include "iommufd/io_pagetable_private.h"

#include "seeded.h"

#include <errno.h>
#include <string.h>

static int clear_all(const struct io_pagetable *iopt, struct iommu_domain *domain)
{
	struct imap_iter it = imap_iter(&iopt->areas, 0);
	struct imap_entry entry;
	int rc = 0;

	while (!rc && imap_next(&it, &entry)) {
		const struct iopt_area *area = iopt_area_from(&entry);

		rc = iommu_read_dirty(domain, area->first, iopt_area_length(area), true, NULL,
				      NULL);
	}
	return rc;
}

int iopt_set_dirty(struct io_pagetable *iopt, struct iommu_domain *domain, bool on)
{
	int rc = on ? clear_all(iopt, domain) : 0;

	return rc ? rc : iommu_set_dirty_tracking(domain, on);
}

int iopt_check_dirty(const struct io_pagetable *iopt, const struct iopt_dirty_query *query)
{
	const bool later = iopt->iommu->personality->iommufd == IOMMUFD_7_2;
	uint64_t last;

	if (!query->length && !later)
		return -EINVAL;
	if (__builtin_add_overflow(query->iova, query->length - 1, &last))
		return -EOVERFLOW;
	if (!sio_is_aligned(query->iova, iopt->alignment) ||
	    !sio_is_aligned(last + 1, iopt->alignment))
		return -EINVAL;
	if (!query->page_size)
		return -EINVAL;
	/* As a mask, whether or not it is a power of two. */
	if ((query->iova & (query->page_size - 1)) || ((last + 1) & (query->page_size - 1)))
		return -EINVAL;
	return 0;
}

/* ---- the program's bitmap ---- */

struct bitmap {
	const struct iopt_dirty_query *query;
	unsigned page_lg2;
	bool gone; /* its memory is missing: nothing more is reported */
};

static void bytes_or(struct bitmap *map, uint64_t byte, uint8_t bits)
{
	const struct caller *caller = map->query->caller;
	const uint64_t at = map->query->bitmap + byte;
	uint8_t value;

	if (copy_from_caller("iommufd.dirty.copy-in", caller, &value, at, 1)) {
		map->gone = true;
		return;
	}
	value |= bits;
	if (copy_to_caller("iommufd.dirty.copy-out", caller, at, &value, 1))
		map->gone = true;
}

/* Bytes [first, last) become all ones. */
static void bytes_set(struct bitmap *map, uint64_t first, uint64_t last)
{
	const struct caller *caller = map->query->caller;
	uint8_t ones[256];

	memset(ones, 0xff, sizeof(ones));
	while (first < last && !map->gone) {
		const uint64_t at = map->query->bitmap + first;
		const uint64_t now = last - first < sizeof(ones) ? last - first : sizeof(ones);

		if (copy_to_caller("iommufd.dirty.fill.copy-out", caller, at, ones, now))
			map->gone = true;
		first += now;
	}
}

static void bitmap_set(void *ctx, iova_t iova, uint64_t len)
{
	struct bitmap *map = ctx;
	const uint64_t offset = iova - map->query->iova;
	const uint64_t first = offset >> map->page_lg2;
	const uint64_t last = (offset + (len - 1)) >> map->page_lg2;
	const uint8_t head = (uint8_t)(0xffu << (first % 8));
	const uint8_t tail = (uint8_t)(0xffu >> (7 - last % 8));

	if (map->gone)
		return;
	if (first / 8 == last / 8) {
		bytes_or(map, first / 8, head & tail);
		return;
	}
	bytes_or(map, first / 8, head);
	bytes_set(map, first / 8 + 1, last / 8);
	bytes_or(map, last / 8, tail);
}

int iopt_read_dirty(struct io_pagetable *iopt, struct iommu_domain *domain,
		    const struct iopt_dirty_query *query)
{
	uint64_t last = query->iova + (query->length - 1);
	struct bitmap map = {
		.query = query,
		.page_lg2 = (unsigned)__builtin_ctzll(query->page_size),
	};
	uint64_t at = query->iova;

	if (!query->length)
		return 0;
	if (SEEDED(F04)) {
		/* Words of the bitmap, by the bytes that one stands for: 0 from 2^58 on. */
		const uint64_t word = 64 * query->page_size;
		const uint64_t end = query->iova + ((query->length - 1) / word + 1) * word;

		last = end - 1 < last ? end - 1 : last;
	}
	for (;;) {
		const struct iopt_area *area = iopt_area_find(iopt, at, at);
		uint64_t end;

		if (!area)
			return 0;
		end = area->last < last ? area->last : last;
		if (iommu_read_dirty(domain, at, end - at + 1, !query->no_clear, bitmap_set, &map))
			return 0;
		if (end == last)
			return 0;
		at = end + 1;
	}
}
