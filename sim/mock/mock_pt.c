// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of mock domains, with pages of half the processor's size.
 *
 * One entry of `leaves` is a run of equal leaves at consecutive addresses: what one call mapped, or
 * what is left of it. Its value packs the frame (in half pages) and the size of a leaf. Which sizes
 * there are is the domain's: 6.12 knows half pages (and their 512-fold, if asked), 7.2 has a table
 * in AMD's format, where a leaf may have any power of two. A leaf is dirty as a whole.
 *
 * Kernel behaviour: drivers/iommu/iommufd/selftest.c; for 7.2 the generic page table's as well.
 *
 * Invariant (mock_domain_audit): each entry of `dirty` is one whole leaf.
 */
#include "mock/mock_priv.h"

#include <errno.h>

#define HALF_LG2 11u
#define LEAF_PFN SIO_MASK(47, 0)
#define LEAF_LG2 SIO_MASK(55, 48)
/* Entries of a table: bits of address that one level takes. */
#define LEVEL_LG2 9u

static unsigned entry_lg2(const struct imap_entry *entry)
{
	return (unsigned)SIO_FIELD_GET(LEAF_LG2, entry->value);
}

static pa_t entry_pa(const struct imap_entry *entry, iova_t iova)
{
	return (SIO_FIELD_GET(LEAF_PFN, entry->value) << HALF_LG2) + (iova - entry->first);
}

static uint64_t entry_value(pa_t pa, unsigned size_lg2)
{
	return pa >> HALF_LG2 | SIO_FIELD_PREP(LEAF_LG2, (uint64_t)size_lg2);
}

/* First and last address of the leaf of an entry that contains iova. */
static iova_t leaf_first(const struct imap_entry *entry, iova_t iova)
{
	return iova - (iova - entry->first) % SIO_BIT(entry_lg2(entry));
}

static iova_t leaf_last(const struct imap_entry *entry, iova_t iova)
{
	return leaf_first(entry, iova) + (SIO_BIT(entry_lg2(entry)) - 1);
}

/* ---- map ---- */

int mock_map_pages(struct iommu_domain *domain, const struct pt_map_req *req, uint64_t *mapped)
{
	struct mock_domain *mock = mock_domain_of(domain);
	const uint64_t size = SIO_BIT(req->size_lg2);
	/* Frames that go down are leaves of their own. */
	const bool up = req->oa_step > 0;
	const uint64_t step = up ? req->count * size : size;

	/* The format cannot say "no access"; the older mock asks nobody. */
	if (mock_is_7_2(domain->iommu) && !(req->perm & (PT_R | PT_W)))
		return -EINVAL;
	for (uint64_t n = 0; n < (up ? 1 : req->count); n++) {
		const iova_t iova = req->iova + n * step;
		const pa_t pa = req->oa + n * (uint64_t)req->oa_step;
		struct imap_entry entry = {iova, iova + (step - 1), entry_value(pa, req->size_lg2)},
				  old;

		if (imap_find(&mock->leaves, entry.first, entry.last, &old))
			return -EADDRINUSE;
		if (!imap_insert(&mock->leaves, entry))
			return -ENOMEM;
		*mapped += step;
	}
	return 0;
}

/* ---- unmap ---- */

/* Take [first, last] out of an entry. False: no memory, nothing changed. */
static bool entry_cut(struct imap *leaves, const struct imap_entry *entry, iova_t first,
		      iova_t last)
{
	const unsigned lg2 = entry_lg2(entry);
	struct imap_entry lower = *entry, upper = *entry;

	lower.last = first - 1;
	upper.first = last + 1;
	if (last < entry->last)
		upper.value = entry_value(entry_pa(entry, upper.first), lg2);
	if (first > entry->first) {
		imap_update(leaves, entry->first, lower);
		if (last == entry->last || imap_insert(leaves, upper))
			return true;
		imap_update(leaves, lower.first, *entry);
		return false;
	}
	if (last == entry->last)
		return imap_erase(leaves, entry->first, NULL);
	return imap_update(leaves, entry->last, upper);
}

static void forget_dirty(struct mock_domain *mock, iova_t first, iova_t last)
{
	struct imap_entry entry;

	while (imap_find(&mock->dirty, first, last, &entry))
		imap_erase(&mock->dirty, entry.first, NULL);
}

uint64_t mock_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2,
			  uint64_t count, struct iommu_gather *gather)
{
	struct mock_domain *mock = mock_domain_of(domain);
	const iova_t end = iova + ((count << size_lg2) - 1);
	uint64_t done = 0;
	struct imap_entry entry;

	(void)gather;
	/* Up to the first hole. */
	while (done <= end - iova && imap_find(&mock->leaves, iova + done, end, &entry) &&
	       entry.first <= iova + done) {
		const iova_t first = leaf_first(&entry, iova + done);
		const iova_t last = entry.last <= end ? entry.last : leaf_last(&entry, end);

		if (!entry_cut(&mock->leaves, &entry, first, last))
			break;
		forget_dirty(mock, first, last);
		done = last - iova + 1;
	}
	return done;
}

/* ---- look ---- */

struct pt_run mock_query(const struct iommu_domain *domain, iova_t iova, uint64_t max_pages)
{
	const struct mock_domain *mock = mock_domain_of(domain);
	struct imap_entry entry, next;
	struct pt_run run = {.oa_step = (int64_t)SIO_PAGE_SIZE, .perm = PT_R | PT_W};
	uint64_t bytes;

	if (!imap_find(&mock->leaves, iova, iova, &entry))
		return (struct pt_run){0};
	run.oa = entry_pa(&entry, iova);
	bytes = entry.last - iova + 1;
	while (bytes / SIO_PAGE_SIZE < max_pages &&
	       imap_find(&mock->leaves, iova + bytes, iova + bytes, &next) &&
	       entry_pa(&next, next.first) == run.oa + bytes)
		bytes += next.last - next.first + 1;
	/* The last page may be half a one. */
	run.pages = (bytes + SIO_PAGE_SIZE - 1) / SIO_PAGE_SIZE;
	if (run.pages > max_pages)
		run.pages = max_pages;
	return run;
}

bool mock_next(const struct iommu_domain *domain, iova_t from, iova_t last, iova_t *found)
{
	struct imap_entry entry;

	if (!imap_find(&mock_domain_of(domain)->leaves, from, last, &entry))
		return false;
	*found = entry.first > from ? entry.first : from;
	return true;
}

/* ---- dirty ---- */

int mock_set_dirty(struct mock_domain *mock, iova_t iova, bool *mapped)
{
	struct imap_entry entry, leaf = {0};

	*mapped = imap_find(&mock->leaves, iova, iova, &entry);
	if (!*mapped || imap_find(&mock->dirty, iova, iova, &leaf))
		return 0;
	leaf.first = leaf_first(&entry, iova);
	leaf.last = leaf_last(&entry, iova);
	return imap_insert(&mock->dirty, leaf) ? 0 : -ENOMEM;
}

/*
 * Bytes to report of a dirty leaf whose part [first, last] was asked for. The generic page table
 * forgets the last table entry of a leaf that is made of several, if the question reaches it.
 */
static uint64_t reported(const struct iommu_domain *domain, const struct imap_entry *leaf,
			 iova_t first, iova_t last)
{
	const uint64_t size = leaf->last - leaf->first + 1;
	const unsigned level = (sio_lg2(size) - HALF_LG2) / LEVEL_LG2;
	const uint64_t item = SIO_BIT(HALF_LG2 + level * LEVEL_LG2);

	if (!mock_is_7_2(domain->iommu) || size == item || last <= leaf->last - item)
		return last - first + 1;
	return first <= leaf->last - item ? leaf->last - item - first + 1 : 0;
}

int mock_read_dirty(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
		    struct iommu_gather *gather, iommu_dirty_fn hit, void *ctx)
{
	struct mock_domain *mock = mock_domain_of(domain);
	const iova_t end = iova + (len - 1);
	struct imap_entry leaf;

	(void)gather;
	/* The generic page table reads what is there, tracked or not. */
	if (hit && !mock->tracking && !mock_is_7_2(domain->iommu))
		return -EINVAL;
	while (imap_find(&mock->dirty, iova, end, &leaf)) {
		const iova_t first = leaf.first > iova ? leaf.first : iova;
		const iova_t last = leaf.last < end ? leaf.last : end;
		const uint64_t bytes = reported(domain, &leaf, first, last);

		if (hit && bytes)
			hit(ctx, first, bytes);
		if (clear)
			imap_erase(&mock->dirty, leaf.first, NULL);
		if (last == end)
			break;
		iova = last + 1;
	}
	return 0;
}

/* ---- the end ---- */

void mock_tables_fini(struct mock_domain *mock)
{
	imap_fini(&mock->leaves);
	imap_fini(&mock->dirty);
}

const char *mock_domain_audit(const struct iommu_domain *domain)
{
	const struct mock_domain *mock = mock_domain_of(domain);
	struct imap_iter it;
	struct imap_entry leaf, entry;
	const char *what;

	if (domain->type == IOMMU_DOMAIN_NESTED)
		return NULL;
	what = imap_audit(&mock->leaves);
	if (!what)
		what = imap_audit(&mock->dirty);
	it = imap_iter(&mock->dirty, 0);
	while (!what && imap_next(&it, &leaf))
		if (!imap_find(&mock->leaves, leaf.first, leaf.first, &entry) ||
		    leaf_first(&entry, leaf.first) != leaf.first ||
		    leaf_last(&entry, leaf.first) != leaf.last)
			what = "mock: what is dirty is no leaf";
	return what;
}
