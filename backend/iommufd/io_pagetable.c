// SPDX-License-Identifier: GPL-2.0-only
/*
 * The address space of an IOAS: areas, allowed and reserved ranges, alignment, where an area goes
 * when the program does not say.
 *
 * Kernel behaviour: drivers/iommu/iommufd/io_pagetable.c of Linux 6.12 and 7.2.
 */
#include "iommufd/io_pagetable_private.h"

#include "seeded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Transparent huge pages: an automatic address is aligned to no more than one. */
#define ALIGNMENT_MAX SIO_BIT(21)
/* How often a range that accesses hold is asked for before that counts as stuck. */
#define UNMAP_TRIES 100u

struct iopt_area *iopt_area_from(const struct imap_entry *entry)
{
	return (struct iopt_area *)(uintptr_t)entry->value;
}

static struct imap_entry area_entry(struct iopt_area *area)
{
	return (struct imap_entry){area->first, area->last, (uintptr_t)area};
}

struct io_pagetable *iopt_create(struct iommu *iommu, uint64_t *temp_memory_max)
{
	struct io_pagetable *iopt = fail_calloc("iommufd.ioas.table", 1, sizeof(*iopt));

	if (!iopt)
		return NULL;
	iopt->iommu = iommu;
	iopt->temp_memory_max = temp_memory_max;
	iopt->alignment = 1;
	imap_init(&iopt->areas);
	return iopt;
}

static void area_free(struct iopt_area *area)
{
	iopt_pages_put(area->pages);
	free(area);
}

void iopt_destroy(struct io_pagetable *iopt)
{
	uint64_t bytes;

	sio_assert(!iopt->domain_count && !iopt->accesses);
	iopt_unmap_all(iopt, &bytes);
	sio_assert(!imap_count(&iopt->areas));
	imap_fini(&iopt->areas);
	free(iopt->allowed);
	free(iopt->reserved);
	free(iopt->domains);
	free(iopt);
}

struct iopt_area *iopt_area_find(const struct io_pagetable *iopt, uint64_t first, uint64_t last)
{
	struct imap_entry entry;

	return imap_find(&iopt->areas, first, last, &entry) ? iopt_area_from(&entry) : NULL;
}

bool iopt_area_at(const struct io_pagetable *iopt, uint64_t from, struct iopt_area_info *info)
{
	struct imap_entry entry;
	const struct iopt_area *area;

	if (!imap_ceil(&iopt->areas, from, &entry))
		return false;
	area = iopt_area_from(&entry);
	*info = (struct iopt_area_info){
		.first = area->first,
		.last = area->last,
		.user_va = area->source,
		.prot = area->prot,
		.file = area->pages->file != NULL,
		.filled = area->filled,
	};
	return true;
}

/* ---- reserved and allowed ranges ---- */

bool iopt_range_free(const struct io_pagetable *iopt, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < iopt->reserved_count && iopt->reserved[i].first <= last; i++)
		if (iopt->reserved[i].last >= first)
			return false;
	return true;
}

static bool is_allowed_listed(const struct io_pagetable *iopt, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < iopt->allowed_count; i++)
		if (iopt->allowed[i].first <= last && iopt->allowed[i].last >= first)
			return true;
	return false;
}

int iopt_reserve(struct io_pagetable *iopt, uint64_t first, uint64_t last, const void *owner)
{
	unsigned at = iopt->reserved_count;

	if (iopt_area_find(iopt, first, last) || is_allowed_listed(iopt, first, last))
		return -EADDRINUSE;
	if (iopt->reserved_count == iopt->reserved_slots) {
		unsigned slots = iopt->reserved_slots ? 2 * iopt->reserved_slots : 8;
		struct iopt_reserved *grown =
			fail_realloc("iommufd.reserve", iopt->reserved, slots * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		iopt->reserved = grown;
		iopt->reserved_slots = slots;
	}
	while (at && iopt->reserved[at - 1].first > first)
		at--;
	memmove(&iopt->reserved[at + 1], &iopt->reserved[at],
		(iopt->reserved_count - at) * sizeof(*iopt->reserved));
	iopt->reserved[at] = (struct iopt_reserved){first, last, owner};
	iopt->reserved_count++;
	return 0;
}

void iopt_unreserve(struct io_pagetable *iopt, const void *owner)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < iopt->reserved_count; i++)
		if (iopt->reserved[i].owner != owner)
			iopt->reserved[kept++] = iopt->reserved[i];
	iopt->reserved_count = kept;
}

int iopt_reserve_device(struct io_pagetable *iopt, struct iommu_device *dev, uint64_t *sw_msi_start)
{
	unsigned hardware = 0, software = 0;
	struct resv_list list = {0};
	int rc = iommu_device_reserved(dev, &list);

	*sw_msi_start = UINT64_MAX;
	for (unsigned i = 0; !rc && i < list.count; i++) {
		const struct resv_region *region = &list.region[i];

		if (region->type == RESV_DIRECT_RELAXABLE)
			continue;
		if (region->type == RESV_MSI)
			hardware++;
		if (region->type == RESV_SW_MSI) {
			*sw_msi_start = region->first;
			software++;
		}
		rc = iopt_reserve(iopt, region->first, region->last, dev);
	}
	/* One way for interrupts, and one window at most if a driver has to map it. */
	if (!rc && ((hardware && software) || software > 1))
		rc = -EINVAL;
	if (rc)
		iopt_unreserve(iopt, dev);
	resv_list_fini(&list);
	return rc;
}

int iopt_set_allowed(struct io_pagetable *iopt, struct iopt_range *ranges, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!iopt_range_free(iopt, ranges[i].first, ranges[i].last))
			return -EADDRINUSE;
	free(iopt->allowed);
	iopt->allowed = ranges;
	iopt->allowed_count = count;
	return 0;
}

bool iopt_usable_at(const struct io_pagetable *iopt, unsigned n, struct iopt_range *range)
{
	uint64_t next = 0; /* everything below was looked at */
	unsigned i = 0;

	for (;;) {
		uint64_t first = next;

		for (; i < iopt->reserved_count && iopt->reserved[i].first <= next; i++) {
			if (iopt->reserved[i].last == UINT64_MAX)
				return false;
			if (iopt->reserved[i].last >= next)
				next = iopt->reserved[i].last + 1;
		}
		if (next != first)
			continue;
		range->first = first;
		range->last = i < iopt->reserved_count ? iopt->reserved[i].first - 1 : UINT64_MAX;
		if (!n--)
			return true;
		if (i == iopt->reserved_count)
			return false;
		next = iopt->reserved[i].first;
	}
}

/* ---- alignment ---- */

uint64_t iopt_alignment(const struct io_pagetable *iopt)
{
	return iopt->alignment;
}

int iopt_check_alignment(const struct io_pagetable *iopt, uint64_t alignment)
{
	struct imap_iter it = imap_iter(&iopt->areas, 0);
	struct imap_entry entry;

	if (alignment <= iopt->alignment)
		return 0;
	while (imap_next(&it, &entry)) {
		const struct iopt_area *area = iopt_area_from(&entry);

		if (!sio_is_aligned(area->first | iopt_area_length(area) |
					    (area->start % SIO_PAGE_SIZE),
				    alignment))
			return -EADDRINUSE;
	}
	return 0;
}

void iopt_update_alignment(struct io_pagetable *iopt)
{
	uint64_t alignment = iopt->no_large_pages ? SIO_PAGE_SIZE : 1;

	for (unsigned i = 0; i < iopt->domain_count; i++) {
		const uint64_t sizes = iopt->domains[i]->pgsize_bitmap;

		if ((sizes & -sizes) > alignment)
			alignment = sizes & -sizes;
	}
	for (const struct iopt_access_user *user = iopt->accesses; user; user = user->next)
		if (user->needs_pin_pages && alignment < SIO_PAGE_SIZE)
			alignment = SIO_PAGE_SIZE;
	iopt->alignment = alignment;
}

bool iopt_large_pages(const struct io_pagetable *iopt)
{
	return !iopt->no_large_pages;
}

int iopt_set_large_pages(struct io_pagetable *iopt, bool on)
{
	int rc;

	if (on == !iopt->no_large_pages)
		return 0;
	if (!on) {
		if (iopt->domain_count && imap_count(&iopt->areas))
			return -EINVAL;
		rc = iopt_check_alignment(iopt, SIO_PAGE_SIZE);
		if (rc)
			return rc;
	}
	iopt->no_large_pages = !on;
	iopt_update_alignment(iopt);
	return 0;
}

/* ---- where an area goes ---- */

static uint64_t round_up_pow2(uint64_t value)
{
	return value <= 1 ? 1 : SIO_BIT(sio_lg2(value - 1) + 1);
}

struct placement {
	uint64_t length, alignment, page_offset;
};

/* Move *first up to where the area would begin in [*first, last]; false: it does not fit. */
static bool fits(const struct placement *place, uint64_t *first, uint64_t last)
{
	uint64_t start;

	if (__builtin_add_overflow(*first, place->alignment - 1, &start) && !SEEDED(F05))
		return false;
	start = (start & ~(place->alignment - 1)) | place->page_offset;
	if (start >= last || last - start < place->length - 1)
		return false;
	*first = start;
	return true;
}

/* The end of what is used from `at` on without a gap; at itself: nothing is. */
static uint64_t used_until(const struct io_pagetable *iopt, uint64_t at, bool *used)
{
	struct imap_entry entry;

	*used = imap_find(&iopt->areas, at, at, &entry);
	if (*used)
		return entry.last;
	for (unsigned i = 0; i < iopt->reserved_count && iopt->reserved[i].first <= at; i++) {
		if (iopt->reserved[i].last >= at) {
			*used = true;
			return iopt->reserved[i].last;
		}
	}
	return at;
}

/* The last address of the hole that begins at `at`. */
static uint64_t hole_last(const struct io_pagetable *iopt, uint64_t at)
{
	struct imap_entry entry;
	uint64_t last = UINT64_MAX;

	if (imap_ceil(&iopt->areas, at, &entry))
		last = entry.first - 1;
	for (unsigned i = 0; i < iopt->reserved_count; i++) {
		if (iopt->reserved[i].first > at) {
			if (iopt->reserved[i].first - 1 < last)
				last = iopt->reserved[i].first - 1;
			break;
		}
	}
	return last;
}

/* The first hole of [first, last] that takes it. */
static bool place_in(const struct io_pagetable *iopt, const struct placement *place, uint64_t first,
		     uint64_t last, uint64_t *iova)
{
	uint64_t at = first;

	if (!fits(place, &at, last))
		return false;
	while (at <= last) {
		bool used;
		uint64_t end = used_until(iopt, at, &used);

		if (!used) {
			end = hole_last(iopt, at);
			if (end > last)
				end = last;
			*iova = at;
			if (fits(place, iova, end))
				return true;
		}
		if (end >= last)
			return false;
		at = end + 1;
	}
	return false;
}

static int place_area(const struct io_pagetable *iopt, uint64_t source, uint64_t length,
		      uint64_t *iova)
{
	const uint64_t lowest = SIO_PAGE_SIZE, highest = UINT64_MAX - SIO_PAGE_SIZE;
	struct placement place = {.length = length, .page_offset = source % SIO_PAGE_SIZE};

	if (!length || length >= UINT64_MAX / 2)
		return -EOVERFLOW;
	place.alignment = round_up_pow2(length);
	if (source && (source & -source) < place.alignment)
		place.alignment = source & -source;
	if (place.alignment > ALIGNMENT_MAX)
		place.alignment = ALIGNMENT_MAX;
	if (place.alignment < iopt->alignment)
		return -EINVAL;
	if (!iopt->allowed_count)
		return place_in(iopt, &place, lowest, highest, iova) ? 0 : -ENOSPC;
	for (unsigned i = 0; i < iopt->allowed_count; i++) {
		uint64_t first = iopt->allowed[i].first, last = iopt->allowed[i].last;

		/* Ranges that touch count as one; the list is in order. */
		while (i + 1 < iopt->allowed_count && iopt->allowed[i + 1].first == last + 1)
			last = iopt->allowed[++i].last;
		if (first < lowest)
			first = lowest;
		if (last > highest)
			last = highest;
		if (first <= last && place_in(iopt, &place, first, last, iova))
			return 0;
	}
	return -ENOSPC;
}

static int check_iova(const struct io_pagetable *iopt, uint64_t iova, uint64_t length)
{
	uint64_t last;

	if (!sio_is_aligned(iova, iopt->alignment))
		return -EINVAL;
	if (__builtin_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	if (!iopt_range_free(iopt, iova, last))
		return -EINVAL;
	return iopt_area_find(iopt, iova, last) ? -EEXIST : 0;
}

/* `source`: the address that automatic placement looks at. */
static int find_place(const struct io_pagetable *iopt, uint64_t source, uint64_t length, bool fixed,
		      uint64_t *iova)
{
	if (!length || !sio_is_aligned(length, iopt->alignment))
		return -EINVAL;
	return fixed ? check_iova(iopt, *iova, length) : place_area(iopt, source, length, iova);
}

/* ---- mapping ---- */

/* A reference on the pages is the area's. It is not filled. */
static int area_insert(struct io_pagetable *iopt, struct iopt_pages *pages,
		       const struct iopt_area *like, struct iopt_area **out)
{
	struct iopt_area *area;

	if ((like->prot & IOMMU_WRITE) && !pages->writable)
		return -EPERM;
	if (!sio_is_aligned(like->start % SIO_PAGE_SIZE, iopt->alignment))
		return -EINVAL;
	area = fail_malloc("iommufd.map.area", sizeof(*area));
	if (!area)
		return -ENOMEM;
	*area = *like;
	area->pages = iopt_pages_get(pages);
	if (!imap_insert(&iopt->areas, area_entry(area))) {
		area_free(area);
		return -ENOMEM;
	}
	*out = area;
	return 0;
}

static void area_remove(struct io_pagetable *iopt, struct iopt_area *area)
{
	iopt_area_unfill(iopt, area);
	imap_erase(&iopt->areas, area->first, NULL);
	area_free(area);
}

int iopt_map(struct io_pagetable *iopt, const struct iopt_source *source, enum iopt_account account,
	     uint64_t *iova, unsigned prot, bool fixed)
{
	const uint64_t from = source->file ? source->start : source->uptr;
	const bool later = iopt->iommu->personality->iommufd == IOMMUFD_7_2;
	struct iopt_area like = {.start = from % SIO_PAGE_SIZE, .source = from, .prot = prot};
	struct iopt_pages *pages;
	struct iopt_area *area;
	uint64_t end;
	const bool wraps = __builtin_add_overflow(from, source->length, &end) && !SEEDED(F01);
	int rc;

	/* 7.2 tests the end of a buffer before it counts pages. */
	if (!source->length)
		return -EINVAL;
	if (later && !source->file && wraps)
		return -EOVERFLOW;
	if (source->length > UINT64_MAX - SIO_PAGE_SIZE)
		return -EINVAL;
	if (!source->file && wraps)
		return -EOVERFLOW;
	rc = find_place(iopt, from, source->length, fixed, iova);
	if (rc)
		return rc;
	pages = iopt_pages_create(iopt->iommu, source, account);
	if (!pages)
		return -ENOMEM;
	like.first = *iova;
	like.last = *iova + (source->length - 1);
	rc = area_insert(iopt, pages, &like, &area);
	iopt_pages_put(pages);
	if (rc)
		return rc;
	rc = iopt_area_fill(iopt, area);
	if (rc)
		area_remove(iopt, area);
	return rc;
}

/* ---- copies ---- */

int iopt_check_source(const struct io_pagetable *iopt, uint64_t iova, uint64_t length)
{
	uint64_t last, at = iova;

	if (!length)
		return -EINVAL;
	if (__builtin_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	for (;;) {
		const struct iopt_area *area = iopt_area_find(iopt, at, at);

		if (!area)
			return -ENOENT;
		if (area->last >= last)
			return 0;
		at = area->last + 1;
	}
}

/* Take away the areas of a copy that did not work. */
static void remove_range(struct io_pagetable *iopt, uint64_t first, uint64_t length)
{
	struct iopt_area *area;

	while (length && (area = iopt_area_find(iopt, first, first + (length - 1))))
		area_remove(iopt, area);
}

/* The pieces of [src_iova, + length), one area each, from dst_iova on. *done: bytes, always. */
static int insert_copies(struct io_pagetable *dst, const struct io_pagetable *src,
			 uint64_t src_iova, uint64_t length, uint64_t dst_iova, unsigned prot,
			 uint64_t *done)
{
	for (*done = 0; *done < length;) {
		const uint64_t at = src_iova + *done;
		const struct iopt_area *from = iopt_area_find(src, at, at);
		struct iopt_area like = {.first = dst_iova + *done, .prot = prot}, *area;
		uint64_t bytes = from->last - at + 1;
		int rc;

		if (bytes > length - *done || !bytes)
			bytes = length - *done;
		like.last = like.first + (bytes - 1);
		like.start = from->start + (at - from->first);
		like.source = from->source + (at - from->first);
		rc = area_insert(dst, from->pages, &like, &area);
		if (rc)
			return rc;
		*done += bytes;
	}
	return 0;
}

int iopt_copy(struct io_pagetable *dst, struct io_pagetable *src, uint64_t src_iova,
	      uint64_t length, uint64_t *dst_iova, unsigned prot, bool fixed)
{
	const struct iopt_area *first = iopt_area_find(src, src_iova, src_iova);
	uint64_t done, filled = 0;
	int rc;

	rc = find_place(dst, first->source + (src_iova - first->first), length, fixed, dst_iova);
	if (rc)
		return rc;
	rc = insert_copies(dst, src, src_iova, length, *dst_iova, prot, &done);
	while (!rc && filled < length) {
		struct iopt_area *area =
			iopt_area_find(dst, *dst_iova + filled, *dst_iova + filled);

		rc = iopt_area_fill(dst, area);
		filled += iopt_area_length(area);
	}
	if (rc)
		remove_range(dst, *dst_iova, done);
	return rc;
}

/* ---- unmapping ---- */

/* Those who pinned pages of the area are to let go. */
static void notify_unmap(struct io_pagetable *iopt, const struct iopt_area *area)
{
	const uint64_t first = area->first, length = iopt_area_length(area);

	for (struct iopt_access_user *user = iopt->accesses; user; user = user->next)
		user->unmap(user->data, first, length);
}

static int unmap_range(struct io_pagetable *iopt, uint64_t first, uint64_t last, uint64_t *unmapped)
{
	unsigned tries = 0;
	struct iopt_area *area;

	*unmapped = 0;
	while ((area = iopt_area_find(iopt, first, last))) {
		if (area->locks)
			return -EBUSY;
		if (area->first < first || area->last > last)
			return -ENOENT;
		if (area->first != first)
			tries = 0;
		if (area->accesses) {
			first = area->first;
			area->prevent_access = true;
			notify_unmap(iopt, area);
			if (++tries > UNMAP_TRIES)
				return -EDEADLOCK;
			continue;
		}
		*unmapped += iopt_area_length(area);
		area_remove(iopt, area);
	}
	return 0;
}

int iopt_unmap(struct io_pagetable *iopt, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	uint64_t last;
	int rc;

	*unmapped = 0;
	if (!length)
		return -EINVAL;
	if (__builtin_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	rc = unmap_range(iopt, iova, last, unmapped);
	if (SEEDED(F06) && rc)
		*unmapped = 0;
	return rc;
}

int iopt_unmap_all(struct io_pagetable *iopt, uint64_t *unmapped)
{
	return unmap_range(iopt, 0, UINT64_MAX, unmapped);
}

/* ---- cutting ---- */

static int area_cut(struct io_pagetable *iopt, struct iopt_area *area, uint64_t iova)
{
	const uint64_t skip = iova - area->first;
	struct iopt_area *upper;

	if (area->prevent_access)
		return -EBUSY;
	if (!sio_is_aligned(iova | (area->start + skip), iopt->alignment))
		return -EINVAL;
	if (area->accesses || (area->filled && !iopt->no_large_pages))
		return -EINVAL;
	upper = fail_malloc("iommufd.cut.area", sizeof(*upper));
	if (!upper)
		return -ENOMEM;
	*upper = *area;
	upper->first = iova;
	upper->start += skip;
	upper->source += skip;
	/* Each half is a user of its own pages; the page at the cut may belong to both. */
	if (area->filled && iopt_pages_split(area->pages, iopt_area_index(area, iova - 1),
					     iopt_area_index(upper, iova))) {
		free(upper);
		return -ENOMEM;
	}
	area->last = iova - 1;
	imap_update(&iopt->areas, area->first, area_entry(area));
	if (imap_insert(&iopt->areas, area_entry(upper))) {
		iopt_pages_get(upper->pages);
		return 0;
	}
	if (area->filled && iopt_area_index(area, iova - 1) == iopt_area_index(upper, iova))
		iopt_pages_drop(area->pages, iopt_area_index(upper, iova),
				iopt_area_index(upper, iova));
	area->last = upper->last;
	imap_update(&iopt->areas, area->first, area_entry(area));
	free(upper);
	return -ENOMEM;
}

int iopt_cut(struct io_pagetable *iopt, const uint64_t *iovas, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct iopt_area *area = iopt_area_find(iopt, iovas[i], iovas[i]);
		int rc;

		if (!area || area->first == iovas[i] || area->last == iovas[i])
			continue;
		rc = area_cut(iopt, area, iovas[i] + 1);
		if (rc)
			return rc;
	}
	return 0;
}
