// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-Vi invalidation: what each command removes.
 *
 * Source: AMD IOMMU Specification, "Invalidating IOMMU Cached Information", the INVALIDATE
 * commands.
 *
 * A command removes exactly what it covers. The order that makes it safe against translations under
 * way is that of iotlb.h: amdvi_inval_begin() stops fills and waits for those under way; removals;
 * amdvi_inval_end() waits for the accesses that hit an entry before it went, and allows fills
 * again. Completion is told after that. The two waits are shared by all commands between two
 * completions.
 */
#include "amdvi/amdvi_unit.h"

/* The address that, with the size bit, stands for everything. */
#define INVALIDATE_ALL_PAGES (SIO_MASK(62, 12))

static void quiesce(struct amdvi *amdvi)
{
	if (amdvi->fabric)
		dma_fabric_quiesce(amdvi->fabric);
}

void amdvi_inval_begin(struct amdvi *amdvi)
{
	if (amdvi->invalidating)
		return;
	amdvi->invalidating = true;
	__atomic_store_n(&amdvi->tlb->filling, false, __ATOMIC_RELAXED);
	quiesce(amdvi);
	iotlb_renew_tags(amdvi->tlb);
}

void amdvi_inval_end(struct amdvi *amdvi)
{
	if (!amdvi->invalidating)
		return;
	quiesce(amdvi);
	__atomic_store_n(&amdvi->tlb->filling, true, __ATOMIC_RELEASE);
	amdvi->invalidating = false;
}

/*
 * "S: the size of the range is encoded in the address: the first zero bit from bit 12 upwards gives
 * its upper half." One page has no bit set, so S with bit 12 clear is 8 KiB.
 */
void amdvi_range_decode(uint64_t address, bool size, struct amdvi_pages *pages)
{
	uint64_t span = SIO_PAGE_SIZE - 1;

	pages->all = size && (address | SIO_BIT(63)) == (INVALIDATE_ALL_PAGES | SIO_BIT(63));
	if (pages->all)
		span = ~UINT64_C(0);
	else if (size)
		span = SIO_BIT(__builtin_ctzll(~(address | (SIO_PAGE_SIZE - 1))) + 1) - 1;
	pages->first = address & ~span;
	pages->last = address | span;
}

/*
 * "GN: the address is one of the PASID's." Without GN it is a host address: guest translations stay
 * but for nested ones, of which nobody remembers by what host addresses they came. Everything of a
 * domain, with its directories, is everything of its PASIDs too.
 */
void amdvi_inval_pages(struct amdvi *amdvi, const struct amdvi_pages *pages)
{
	const struct iotlb_pages range = {
		.domain = pages->domain,
		.keep_tables = !pages->directories,
		.first = pages->first,
		.last = pages->last,
	};
	const bool whole = pages->all && pages->directories;

	amdvi_inval_begin(amdvi);
	if (pages->guest && whole)
		iotlb_flush_pasid(amdvi->tlb, pages->domain, pages->pasid);
	else if (pages->guest)
		iotlb_flush_pasid_pages(amdvi->tlb, &range, pages->pasid);
	else if (whole)
		iotlb_flush_domain(amdvi->tlb, pages->domain);
	else
		iotlb_flush_pages(amdvi->tlb, &range);
}

void amdvi_inval_device(struct amdvi *amdvi, uint16_t requester)
{
	amdvi_inval_begin(amdvi);
	amdvi_dte_drop(amdvi, requester);
}

void amdvi_inval_all(struct amdvi *amdvi)
{
	amdvi_inval_begin(amdvi);
	amdvi_dte_drop_all(amdvi);
	amdvi_irte_drop_all(amdvi);
	iotlb_flush(amdvi->tlb);
}
