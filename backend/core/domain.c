// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: a range is cut into the page sizes that the domain offers, and given to its driver.
 *
 * Kernel behaviour: iommu_pgsize(), iommu_map(), iommu_unmap() of drivers/iommu/iommu.c. A map that
 * fails has removed what it did; an unmap may remove more than asked when the driver meets a large
 * page, and stops where the driver removes nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/iommu_priv.h"

/* What "huge" means to a run that is refused. */
#define LARGE_PAGE (UINT64_C(2) << 20)

void iommu_domain_enrol(struct iommu *iommu, const struct iommu_driver *driver,
			enum iommu_domain_type type, struct iommu_domain *domain)
{
	domain->driver = driver;
	domain->iommu = iommu;
	domain->type = type;
	domain->attached = 0;
	domain->late = (struct iommu_gather){0};
	domain->id = ++iommu->priv->next_domain;
	domain->next = iommu->priv->domains;
	iommu->priv->domains = domain;
}

int iommu_domain_create(struct iommu_device *dev, enum iommu_domain_type type,
			struct iommu_domain **out)
{
	struct iommu *iommu = dev->iommu;
	int rc;

	rc = inject_here("iommu.domain.create", FAIL_ALLOC);
	if (!rc)
		rc = dev->driver->domain_alloc(dev, type, out);
	if (!rc)
		iommu_domain_enrol(iommu, dev->driver, type, *out);
	return rc;
}

int iommu_domain_alloc(struct iommu_group *group, struct iommu_domain **domain)
{
	struct iommu_device *dev = iommu_group_first_device(group);

	if (!dev)
		return -ENODEV;
	return iommu_domain_create(dev, IOMMU_DOMAIN_UNMANAGED, domain);
}

void iommu_domain_free(struct iommu_domain *domain)
{
	struct iommu_domain **link = &domain->iommu->priv->domains;

	sio_assert(domain->attached == 0);
	iommu_sync_late(domain->iommu);
	while (*link != domain)
		link = &(*link)->next;
	*link = domain->next;
	domain->driver->domain_free(domain);
}

static bool domain_is_paging(const struct iommu_domain *domain)
{
	return domain->type == IOMMU_DOMAIN_DMA || domain->type == IOMMU_DOMAIN_UNMANAGED;
}

static uint64_t lowest_bit(uint64_t value)
{
	return value & -value;
}

/* Bits 0 to n. */
static uint64_t bits_through(unsigned n)
{
	return ~UINT64_C(0) >> (63 - n);
}

uint64_t iommu_pgsize(uint64_t bitmap, iova_t iova, pa_t pa, uint64_t len, uint64_t *count)
{
	uint64_t merged = iova | pa, sizes, size, next, to_boundary, needed;

	sizes = bitmap & bits_through(sio_lg2(len));
	if (merged)
		sizes &= bits_through(sio_lg2(lowest_bit(merged)));
	sio_assert(sizes != 0);
	size = SIO_BIT(sio_lg2(sizes));

	/*
	 * Stop at the boundary of the next larger size when a page of that size can follow there:
	 * both addresses reach the boundary together and enough of the range lies behind it.
	 */
	next = lowest_bit(bitmap & ~bits_through(sio_lg2(size)));
	if (next && sio_is_aligned(iova ^ pa, next)) {
		to_boundary = next - (merged & (next - 1));
		if (!__builtin_add_overflow(to_boundary, next, &needed) && needed <= len)
			len = to_boundary;
	}
	*count = len / size;
	return size;
}

/* The domain cannot take the run as it is, though it has pages that large. */
static bool is_busy(struct iommu_domain *domain, iova_t iova, pa_t pa, uint64_t len)
{
	uint64_t count;

	return domain->iommu->rare.any && len &&
	       iommu_pgsize(domain->pgsize_bitmap, iova, pa, len, &count) >= LARGE_PAGE &&
	       rare_pass(&domain->iommu->rare, RARE_MAP_BUSY);
}

/* The sizes that this run is cut into. */
static uint64_t sizes_for_run(struct iommu_domain *domain)
{
	if (rare_due(&domain->iommu->rare, RARE_MAP_SMALL))
		return lowest_bit(domain->pgsize_bitmap);
	return domain->pgsize_bitmap;
}

/* Descending frames are pages of the smallest size each, whatever their alignment. */
static int map_descending(struct iommu_domain *domain, const struct pt_map_req *req, uint64_t len,
			  uint64_t *mapped)
{
	struct pt_map_req chunk = *req;

	chunk.size_lg2 = SIO_PAGE_LG2;
	chunk.oa_step = -(int64_t)SIO_PAGE_SIZE;
	while (*mapped < len) {
		uint64_t done = 0;
		int rc;

		chunk.iova = req->iova + *mapped;
		chunk.oa = req->oa - *mapped;
		chunk.count = (len - *mapped) / SIO_PAGE_SIZE;
		rc = domain->driver->map_pages(domain, &chunk, &done);
		*mapped += done;
		if (rc)
			return rc;
		sio_assert(done != 0);
	}
	return 0;
}

static int map_ascending(struct iommu_domain *domain, const struct pt_map_req *req, uint64_t len,
			 uint64_t *mapped)
{
	uint64_t sizes = sizes_for_run(domain);
	struct pt_map_req chunk = *req;

	while (*mapped < len) {
		uint64_t size, done = 0;
		int rc;

		chunk.iova = req->iova + *mapped;
		chunk.oa = req->oa + *mapped;
		size = iommu_pgsize(sizes, chunk.iova, chunk.oa, len - *mapped, &chunk.count);
		chunk.size_lg2 = (uint8_t)sio_lg2(size);
		chunk.oa_step = (int64_t)size;
		rc = domain->driver->map_pages(domain, &chunk, &done);
		*mapped += done;
		if (rc)
			return rc;
		sio_assert(done != 0);
	}
	return 0;
}

static uint64_t unmap_pages(struct iommu_domain *domain, iova_t iova, uint64_t len,
			    struct iommu_gather *gather)
{
	uint64_t unmapped = 0;

	if (!domain_is_paging(domain) ||
	    !sio_is_aligned(iova | len, lowest_bit(domain->pgsize_bitmap)))
		return 0;
	while (unmapped < len) {
		uint64_t count, done;
		uint64_t size = iommu_pgsize(domain->pgsize_bitmap, iova + unmapped,
					     iova + unmapped, len - unmapped, &count);

		done = domain->driver->unmap_pages(domain, iova + unmapped, (uint8_t)sio_lg2(size),
						   count, gather);
		if (!done)
			break;
		unmapped += done;
	}
	return unmapped;
}

static void journal(struct iommu_domain *domain, bool unmap, iova_t iova, uint64_t len)
{
	struct iommu *iommu = domain->iommu;

	if (!iommu->strict || !len)
		return;
	iommu_journal_add(iommu, &(struct iommu_journal_entry){
					 .op = iommu->op,
					 .domain = domain->id,
					 .unmap = unmap,
					 .first = iova,
					 .last = iova + (len - 1),
				 });
}

static unsigned perm_of_prot(unsigned prot)
{
	return (prot & IOMMU_READ ? PT_R : 0u) | (prot & IOMMU_WRITE ? PT_W : 0u) |
	       (prot & IOMMU_CACHE ? PT_SNP : 0u);
}

/* `descending`: pages of 4 KiB whose frames go down from oa. */
static int map_len(struct iommu_domain *domain, iova_t iova, pa_t pa, uint64_t len, bool descending,
		   unsigned prot)
{
	struct pt_map_req req = {.iova = iova, .oa = pa, .perm = (uint8_t)perm_of_prot(prot)};
	uint64_t mapped = 0;
	int rc;

	rc = inject_here("iommu.map", FAIL_MAP);
	if (rc)
		return rc;
	if (!domain_is_paging(domain))
		return -EINVAL;
	if (!sio_is_aligned(iova | pa | len, lowest_bit(domain->pgsize_bitmap)))
		return -EINVAL;
	/* Descending pages need the 4 KiB size and must not run below address 0. */
	if (descending &&
	    (!(domain->pgsize_bitmap & SIO_PAGE_SIZE) || (len && pa < len - SIO_PAGE_SIZE)))
		return -EINVAL;
	if (!descending && is_busy(domain, iova, pa, len))
		return -EBUSY;
	iommu_sync_late(domain->iommu);
	rc = descending ? map_descending(domain, &req, len, &mapped)
			: map_ascending(domain, &req, len, &mapped);
	if (rc) {
		struct iommu_gather gather = {0};

		unmap_pages(domain, iova, mapped, &gather);
		iommu_iotlb_sync(domain, &gather);
		return rc;
	}
	journal(domain, false, iova, len);
	iommu_moment(domain->iommu, IOMMU_MOMENT_MAPPED);
	return 0;
}

int iommu_map(struct iommu_domain *domain, iova_t iova, const struct pt_run *run, unsigned prot)
{
	if (run->pages > UINT64_MAX / SIO_PAGE_SIZE)
		return -EINVAL;
	return map_len(domain, iova, run->oa, run->pages * SIO_PAGE_SIZE, run->oa_step < 0, prot);
}

int iommu_map_range(struct iommu_domain *domain, iova_t iova, pa_t pa, uint64_t len, unsigned prot)
{
	return map_len(domain, iova, pa, len, false, prot);
}

uint64_t iommu_unmap_fast(struct iommu_domain *domain, iova_t iova, uint64_t len,
			  struct iommu_gather *gather)
{
	uint64_t unmapped = unmap_pages(domain, iova, len, gather);

	journal(domain, true, iova, unmapped);
	return unmapped;
}

uint64_t iommu_unmap(struct iommu_domain *domain, iova_t iova, uint64_t len)
{
	struct iommu_gather gather = {0};
	uint64_t unmapped = iommu_unmap_fast(domain, iova, len, &gather);

	iommu_iotlb_sync(domain, &gather);
	return unmapped;
}

static void sync_domain(struct iommu_domain *domain)
{
	if (domain->late.len || domain->late.tables.count)
		domain->driver->iotlb_sync(domain, &domain->late);
	domain->late = (struct iommu_gather){0};
}

void iommu_sync_late(struct iommu *iommu)
{
	if (!iommu->late)
		return;
	iommu->late = false;
	for (struct iommu_domain *domain = iommu->priv->domains; domain; domain = domain->next)
		sync_domain(domain);
}

void iommu_iotlb_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	if (gather->len || gather->tables.count) {
		if (rare_due(&domain->iommu->rare, RARE_SYNC_LATE)) {
			/* One at a time: what was put off before does not wait any longer. */
			sync_domain(domain);
			domain->late = *gather;
			domain->iommu->late = true;
		} else {
			domain->driver->iotlb_sync(domain, gather);
		}
	}
	*gather = (struct iommu_gather){0};
}

struct pt_run iommu_query(const struct iommu_domain *domain, iova_t iova, uint64_t max_pages)
{
	if (!domain_is_paging(domain) || !max_pages)
		return (struct pt_run){0};
	return domain->driver->query(domain, iova, max_pages);
}

bool iommu_next(const struct iommu_domain *domain, iova_t from, iova_t last, iova_t *found)
{
	return domain_is_paging(domain) && from <= last &&
	       domain->driver->next(domain, from, last, found);
}

bool iommu_enforce_cache_coherency(struct iommu_domain *domain)
{
	if (fail_at(FAIL_POINT("iommu.enforce-coherency", FAIL_CAPABILITY)))
		return false;
	return domain->driver->enforce_cache_coherency &&
	       domain->driver->enforce_cache_coherency(domain);
}

int iommu_enable_nesting(struct iommu_domain *domain)
{
	return domain->driver->enable_nesting ? domain->driver->enable_nesting(domain) : -EINVAL;
}

const char *iommu_domain_audit(const struct iommu_domain *domain)
{
	return domain->driver->domain_audit ? domain->driver->domain_audit(domain) : NULL;
}
