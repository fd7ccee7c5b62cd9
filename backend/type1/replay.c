// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay: a domain that joins a container gets every mapping that is already there.
 *
 * Pages come from the tables of the first domain. A mapping made while there was no domain was
 * never pinned: that happens now, from the memory and within the limit of the process that
 * attaches, and the charge goes to the mapping's owner. Failure takes everything out of the new
 * domain again and releases what was pinned here; the mappings stay as they were.
 *
 * A mapping whose end is 2^64 is skipped before 6.18: to the kernel its end is 0.
 */
#include "type1/t1.h"

#include "seeded.h"

#include <errno.h>

static int replay_mapped(struct type1 *t1, struct iommu_domain *domain, const struct t1_dma *dma)
{
	iova_t iova = dma->iova, last = iova + (dma->size - 1);

	for (;;) {
		uint64_t left = ((last - iova) >> SIO_PAGE_LG2) + 1;
		struct pt_run run;
		int rc;

		/* Mapped without a domain to ask. */
		if (!t1->domain_count)
			return -EINVAL;
		run = iommu_query(t1->domain[0]->domain, iova, left);
		if (!run.pages) {
			if (!iommu_next(t1->domain[0]->domain, iova, last, &iova))
				return 0;
			continue;
		}
		rc = iommu_map(domain, iova, &run, (unsigned)dma->prot | IOMMU_CACHE);
		if (rc || run.pages >= left)
			return rc;
		iova += run.pages * SIO_PAGE_SIZE;
	}
}

static int replay_unpinned(struct type1 *t1, struct iommu_domain *domain, struct t1_dma *dma,
			   struct task *task)
{
	struct t1_pinner pin = {
		.t1 = t1,
		.dma = dma,
		.task = task,
		.vaddr = dma->vaddr,
		.left = dma->size >> SIO_PAGE_LG2,
		.one_by_one = t1_has_pages(t1, dma),
	};
	uint64_t done = 0;
	int rc = 0;

	while (!rc && done < dma->size) {
		struct pin_run chunk;
		struct pt_run run;

		rc = t1_pin_chunk(&pin, &chunk);
		if (rc)
			break;
		run = t1_pt_run(&chunk);
		rc = iommu_map(domain, dma->iova + done, &run, (unsigned)dma->prot | IOMMU_CACHE);
		if (rc)
			t1_unpin_uncharge(t1, dma, dma->iova + done, &chunk);
		done += chunk.pages * SIO_PAGE_SIZE;
	}
	t1_pin_end(&pin);
	return rc;
}

/* Take one mapping out of the new domain; release its pages if they were pinned for it. */
static void unwind_dma(struct type1 *t1, struct iommu_domain *domain, struct t1_dma *dma)
{
	iova_t iova = dma->iova, last = iova + (dma->size - 1);

	if (dma->iommu_mapped) {
		iommu_unmap(domain, dma->iova, dma->size);
		return;
	}
	while (iommu_next(domain, iova, last, &iova)) {
		uint64_t left = ((last - iova) >> SIO_PAGE_LG2) + 1;
		struct pt_run run = iommu_query(domain, iova, left);
		struct pin_run pinned = t1_pin_run(&run);

		if (iommu_unmap(domain, iova, run.pages * SIO_PAGE_SIZE) == 0)
			return;
		t1_unpin_uncharge(t1, dma, iova, &pinned);
		if (run.pages >= left)
			return;
		iova += run.pages * SIO_PAGE_SIZE;
	}
}

/* Without a rollback translations go with the new domain, and pins stay: nobody finds them again.
 */
static void unwind(struct type1 *t1, struct iommu_domain *domain, struct t1_dma *dma)
{
	if (!t1_kernel(t1)->replay_rollback &&
	    (dma->iommu_mapped || t1_leak_replayed(t1, domain, dma)))
		return;
	unwind_dma(t1, domain, dma);
}

int t1_replay(struct type1 *t1, struct t1_domain *domain, const struct caller *caller)
{
	struct t1_walk walk = t1_walk(t1);
	struct t1_dma *dma;
	int rc = 0;

	while ((dma = t1_walk_next(&walk))) {
		if (!dma->size || t1_dma_is_stuck(t1, dma))
			continue;
		if (dma->iommu_mapped)
			rc = replay_mapped(t1, domain->domain, dma);
		else
			rc = replay_unpinned(t1, domain->domain, dma, caller->task);
		if (rc)
			break;
	}
	if (rc && SEEDED(T09))
		return rc;
	if (rc) {
		for (; dma; dma = t1_prev(t1, dma))
			if (dma->size && !t1_dma_is_stuck(t1, dma))
				unwind(t1, domain->domain, dma);
		return rc;
	}
	walk = t1_walk(t1);
	while ((dma = t1_walk_next(&walk)))
		dma->iommu_mapped = 1;
	return 0;
}
