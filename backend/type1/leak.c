// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mappings leave behind: pins that nobody takes back any more.
 *
 * Pages that a device has not unpinned when the last group goes stay pinned. The kernel warns.
 * Before 5.9 pages that a replay pinned before it failed stay pinned and charged.
 *
 * The third case are mappings that end at 2^64.
 *
 * Before 6.18 such a mapping's end is 0 in the kernel's arithmetic, so the loop that should unmap
 * and unpin it does not run: when it goes, its translations, pins and charge stay. Nothing can be
 * read back from the page tables later (a second mapping of the last page replaces them, and the
 * domain goes with the container), so the runs are recorded while they are pinned. The record
 * serves audits only, and lives with the machine's module parameters because the pins outlive the
 * container.
 */
#include "type1/t1.h"

#include <errno.h>
#include <stdlib.h>

static struct t1_leak **leak_of(struct type1 *t1, const struct t1_dma *dma)
{
	struct t1_leak **link = &t1->params->leaks;

	while (*link && (*link)->dma != dma)
		link = &(*link)->next;
	return link;
}

int t1_leak_begin(struct type1 *t1, const struct t1_dma *dma)
{
	struct t1_leak *leak = fail_calloc("type1.leak.begin", 1, sizeof(*leak));

	if (!leak)
		return -ENOMEM;
	*leak = (struct t1_leak){
		.next = t1->params->leaks,
		.t1 = t1,
		.dma = dma,
		.iova = dma->iova,
	};
	t1->params->leaks = leak;
	return 0;
}

static int leak_add(struct t1_leak *leak, const struct pin_run *run)
{
	struct pin_run *grown =
		fail_realloc("type1.leak.add", leak->run, (leak->run_count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[leak->run_count++] = *run;
	leak->run = grown;
	return 0;
}

int t1_leak_add(struct type1 *t1, const struct t1_dma *dma, const struct pin_run *run)
{
	return leak_add(*leak_of(t1, dma), run);
}

static void leak_free(struct t1_leak *leak)
{
	if (leak->mm)
		mm_put(leak->mm);
	free(leak->run);
	free(leak);
}

void t1_leak_end(struct type1 *t1, const struct t1_dma *dma, bool leaked)
{
	struct t1_leak **link = leak_of(t1, dma);
	struct t1_leak *leak = *link;

	if (!leak)
		return;
	leak->dma = NULL;
	if (leaked && leak->run_count) {
		leak->mm = mm_get(dma->owner->mm);
		leak->pages = dma->locked_pages;
		return;
	}
	*link = leak->next;
	leak_free(leak);
}

/* A record of what is left behind for good, with what was paid for it. */
static void leak_keep(struct type1 *t1, struct t1_leak *leak, const struct t1_dma *dma,
		      uint64_t charged)
{
	leak->mm = mm_get(dma->owner->mm);
	leak->pages = charged;
	leak->next = t1->params->leaks;
	t1->params->leaks = leak;
}

bool t1_leak_pages(struct type1 *t1, const struct t1_dma *dma)
{
	struct t1_pages walk = t1_pages(t1, dma, dma->iova, dma->iova + (dma->size - 1));
	struct t1_leak *leak = fail_calloc("type1.leak.pages", 1, sizeof(*leak));
	const struct t1_page *page;
	iova_t iova;

	while (leak && (page = t1_pages_next(&walk, &iova))) {
		struct pin_run run = {.pa = page->pa, .pages = 1, .step = (int64_t)SIO_PAGE_SIZE};

		if (!leak_add(leak, &run))
			continue;
		leak_free(leak);
		leak = NULL;
	}
	if (!leak)
		return false;
	leak_keep(t1, leak, dma, dma->locked_pages);
	return true;
}

bool t1_leak_replayed(struct type1 *t1, const struct iommu_domain *domain, struct t1_dma *dma)
{
	iova_t iova = dma->iova, last = iova + (dma->size - 1);
	struct t1_leak *leak = fail_calloc("type1.leak.replayed", 1, sizeof(*leak));
	uint64_t charged = 0;

	while (leak && iommu_next(domain, iova, last, &iova)) {
		uint64_t left = ((last - iova) >> SIO_PAGE_LG2) + 1;
		struct pt_run found = iommu_query(domain, iova, left);
		struct pin_run run = t1_pin_run(&found);

		if (leak_add(leak, &run)) {
			leak_free(leak);
			leak = NULL;
			break;
		}
		charged += t1_replay_price(t1, dma, iova, &run);
		if (run.pages >= left)
			break;
		iova += run.pages * SIO_PAGE_SIZE;
	}
	if (!leak)
		return false;
	leak_keep(t1, leak, dma, charged);
	dma->locked_pages -= charged;
	return true;
}

void t1_leak_container_gone(struct type1 *t1)
{
	for (struct t1_leak *leak = t1->params->leaks; leak; leak = leak->next)
		if (leak->t1 == t1)
			leak->t1 = NULL;
}

void t1_leaks_free(struct type1_params *params)
{
	while (params->leaks) {
		struct t1_leak *leak = params->leaks;

		params->leaks = leak->next;
		leak_free(leak);
	}
}

uint64_t t1_leaked_pages(const struct type1_params *params, const struct mm *mm)
{
	uint64_t pages = 0;

	for (const struct t1_leak *leak = params->leaks; leak; leak = leak->next)
		if (leak->mm == mm)
			pages += leak->pages;
	return pages;
}
