// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold of a type1 container after every operation, computed anew from its parts.
 *
 * The page tables of the first domain say where pages lie, so they are the reference: the other
 * domains must agree, the frames must be pinned, and the number of charged frames must be the
 * mapping's share. Without a domain the share is what devices hold. Nothing but mappings may be
 * translated.
 *
 * From the lowest mapping (or leak of one) that ends at 2^64 upward, before 6.18, the kernel itself
 * keeps none of this: that part is left out, but for the pins, which are recorded (leak.c).
 */
#include "type1/t1.h"

#include <stdlib.h>

/* ---- index and counters ---- */

/* Lowest address above which translations are beyond control; 0: none. */
static iova_t poisoned_from(const struct type1 *t1)
{
	struct t1_walk walk = t1_walk(t1);
	const struct t1_dma *dma;
	iova_t from = 0;

	while ((dma = t1_walk_next(&walk)))
		if (t1_dma_is_stuck(t1, dma) && (!from || dma->iova < from))
			from = dma->iova;
	for (const struct t1_leak *leak = t1->params->leaks; leak; leak = leak->next)
		if (leak->t1 == t1 && (!from || leak->iova < from))
			from = leak->iova;
	return from;
}

static bool is_poisoned(const struct t1_dma *dma, iova_t poison)
{
	return poison && dma->iova + (dma->size - 1) >= poison;
}

/* In 2012 an entry's size can run below zero; it covers what it does not map. */
static bool is_bogus(const struct type1 *t1, const struct t1_dma *dma)
{
	return t1_has_one_domain(t1) && !dma->iommu_mapped;
}

static const char *audit_index(const struct type1 *t1)
{
	size_t nodes = 0;
	const char *what;

	if (t1->twin_on)
		what = twin_audit(&t1->twin, &nodes);
	else
		what = imap_audit(&t1->map);
	if (what)
		return what;
	if (imap_count(&t1->map) + nodes != t1->mapping_count)
		return "the number of mappings is not what the index holds";
	return NULL;
}

static const char *audit_mapping(const struct type1 *t1, const struct t1_dma *dma)
{
	/* What ended at 2^64 and maps nothing is there, without a page. */
	if (!dma->size && t1_kernel(t1)->map_end == MAP_END_NOTHING)
		return NULL;
	if (!dma->size || (dma->size | dma->iova) & (SIO_PAGE_SIZE - 1))
		return "a mapping is empty or not page aligned";
	if (!iova_list_contains(&t1->iova, dma->iova, dma->iova + (dma->size - 1)))
		return "a mapping lies outside the usable IOVA ranges";
	if (!dma->owner || !dma->owner->mappings)
		return "a mapping has no owner";
	if (!dma->prot)
		return "a mapping allows no access";
	if (t1->dirty_tracking != (dma->bitmap != NULL))
		return "a mapping has a bitmap exactly when dirty tracking is on: this one differs";
	return NULL;
}

static const char *audit_mappings(const struct type1 *t1, iova_t poison)
{
	struct t1_walk walk = t1_walk(t1);
	const struct t1_dma *dma, *below = NULL;
	size_t count = 0, invalid = 0;

	while ((dma = t1_walk_next(&walk))) {
		const char *what = audit_mapping(t1, dma);

		if (what)
			return what;
		/* Neither covers what its addresses say. */
		if (is_bogus(t1, dma) || !dma->size) {
			count++;
			continue;
		}
		if (below && !is_poisoned(dma, poison) &&
		    below->iova + (below->size - 1) >= dma->iova)
			return "two mappings overlap";
		count++;
		invalid += dma->vaddr_invalid;
		below = dma;
	}
	if (count != t1->mapping_count)
		return "the walk over the mappings misses some";
	if (t1->dma_avail + count != t1->dma_limit)
		return "mappings in use and available do not add up to the limit";
	if (invalid != t1->invalid_count)
		return "the count of invalidated mappings is wrong";
	return NULL;
}

/* ---- IOVA list ---- */

static const char *audit_reserved(const struct type1 *t1, const struct iommu_group *group)
{
	struct resv_list resv = {0};
	const char *what = NULL;

	if (iommu_group_reserved(group, &resv))
		return "no memory for the audit";
	for (unsigned r = 0; r < resv.count && !what; r++)
		for (unsigned i = 0; i < t1->iova.count; i++)
			if (resv_is_exclusive(&resv.region[r]) &&
			    resv.region[r].first <= t1->iova.range[i].last &&
			    resv.region[r].last >= t1->iova.range[i].first)
				what = "a reserved region lies in the usable IOVA ranges";
	resv_list_fini(&resv);
	return what;
}

static const char *audit_iova_list(const struct type1 *t1)
{
	const struct iova_list *list = &t1->iova;

	for (unsigned i = 0; i < list->count; i++) {
		if (list->range[i].first > list->range[i].last)
			return "a usable IOVA range is backwards";
		if (i && list->range[i].first <= list->range[i - 1].last)
			return "usable IOVA ranges are not in order";
	}
	for (unsigned d = 0; d < t1->domain_count; d++) {
		const struct iommu_domain *domain = t1->domain[d]->domain;

		if (!t1_has_iova_list(t1))
			continue;
		if (!list->count)
			return "a domain, but no usable IOVA range";
		if (list->range[0].first < domain->aperture_first ||
		    list->range[list->count - 1].last > domain->aperture_last)
			return "a usable IOVA range lies outside an aperture";
		for (unsigned g = 0; g < t1->domain[d]->group_count; g++) {
			const char *what = audit_reserved(t1, t1->domain[d]->group[g]);

			if (what)
				return what;
		}
	}
	return NULL;
}

/* ---- domains ---- */

static const char *audit_domains(const struct type1 *t1)
{
	uint64_t sizes = t1->domain_count ? UINT64_MAX : SIO_PAGE_MASK;
	unsigned groups = 0;

	for (unsigned d = 0; d < t1->domain_count; d++) {
		const struct t1_domain *domain = t1->domain[d];
		const char *what = iommu_domain_audit(domain->domain);

		if (what)
			return what;
		if (!domain->group_count && !t1_has_one_domain(t1))
			return "a domain has no group";
		for (unsigned g = 0; g < domain->group_count; g++)
			if (domain->group[g]->domain != domain->domain)
				return "a group is not attached to the domain that lists it";
		groups += domain->group_count;
		sizes &= domain->domain->pgsize_bitmap;
	}
	if (sizes & ~SIO_PAGE_MASK && t1_kernel(t1)->sub_page_bitmap)
		sizes = (sizes & SIO_PAGE_MASK) | SIO_PAGE_SIZE;
	/* A group that joins a domain may take large pages from it, which the container learns of
	 * only with the next domain. */
	if ((sizes & -sizes) != t1_pgsize(t1))
		return "the smallest page is not the smallest that all domains have";
	if (groups != t1->untracked_groups + t1->emulated.tracking_count)
		return "the count of groups that cannot track is wrong";
	return NULL;
}

/* ---- translations ---- */

static bool perm_is_right(const struct type1 *t1, unsigned perm, unsigned prot)
{
	perm &= PT_R | PT_W;
	if (perm == ((prot & IOMMU_READ ? PT_R : 0u) | (prot & IOMMU_WRITE ? PT_W : 0u)))
		return true;
	return prot == IOMMU_WRITE && perm == (PT_R | PT_W) && t1_kernel(t1)->write_only_readable;
}

static const char *audit_pinned(const struct phys *phys, const struct pin_run *run)
{
	uint64_t first = run->pa >> SIO_PAGE_LG2, pinned, count;
	uint32_t pins;

	if (run->step < 0)
		first -= run->pages - 1;
	for (uint64_t pfn = first; pfn < first + run->pages; pfn = pinned + count)
		if (!phys_pinned_run(phys, pfn, &pinned, &count, &pins) || pinned > pfn)
			return "a mapped page is not pinned";
	return NULL;
}

/* Every domain but the first translates the run as the first one does. */
static const char *audit_other_domains(const struct type1 *t1, const struct t1_dma *dma,
				       iova_t iova, const struct pt_run *run)
{
	for (unsigned d = 1; d < t1->domain_count; d++) {
		for (uint64_t page = 0; page < run->pages;) {
			struct pt_run other =
				iommu_query(t1->domain[d]->domain, iova + page * SIO_PAGE_SIZE,
					    run->pages - page);

			if (!other.pages)
				return "a mapped page is not translated in every domain";
			if (other.oa != run->oa + page * (uint64_t)run->oa_step ||
			    (other.pages > 1 && other.oa_step != run->oa_step))
				return "two domains translate a page differently";
			if (!perm_is_right(t1, other.perm, (unsigned)dma->prot))
				return "a translation has another permission than its mapping";
			page += other.pages;
		}
	}
	return NULL;
}

/* One run of the first domain; *charged grows by the pages that cost something. */
static const char *audit_run(const struct type1 *t1, const struct t1_dma *dma, iova_t iova,
			     const struct pt_run *run, uint64_t *charged)
{
	struct pin_run rest = t1_pin_run(run);

	if (!perm_is_right(t1, run->perm, (unsigned)dma->prot))
		return "a translation has another permission than its mapping";
	while (rest.pages) {
		struct pin_run part = rest;
		const char *what;
		bool ram;

		part.pages = t1_run_split(t1->iommu->phys, &rest, &ram);
		if (ram) {
			what = audit_pinned(t1->iommu->phys, &part);
			if (what)
				return what;
			*charged += part.pages;
		}
		rest.pa += part.pages * (uint64_t)rest.step;
		rest.pages -= part.pages;
	}
	return audit_other_domains(t1, dma, iova, run);
}

static const char *audit_translation(const struct type1 *t1, const struct t1_dma *dma,
				     bool thorough)
{
	uint64_t pages = dma->size >> SIO_PAGE_LG2, charged = 0;

	for (uint64_t page = 0; page < pages;) {
		iova_t iova = dma->iova + page * SIO_PAGE_SIZE;
		struct pt_run run = iommu_query(t1->domain[0]->domain, iova, pages - page);
		const char *what;

		if (!run.pages)
			return "a mapped page is not translated";
		what = audit_run(t1, dma, iova, &run, &charged);
		if (what)
			return what;
		if (!thorough)
			return NULL;
		page += run.pages;
	}
	/* The share of an owner that died is not kept. */
	if (mm_alive(dma->owner->mm) && !dma->skewed && charged != dma->locked_pages)
		return "a mapping is charged for another number of pages than it holds";
	return NULL;
}

/* Nothing in [first, last] is translated but what is known to be left behind. */
static bool is_gap(const struct type1 *t1, const struct iommu_domain *domain, iova_t first,
		   iova_t last)
{
	struct imap_entry stray;
	iova_t found;

	while (first <= last && iommu_next(domain, first, last, &found)) {
		if (!imap_find(&t1->strays, found, found, &stray))
			return false;
		if (stray.last >= last)
			return true;
		first = stray.last + 1;
	}
	return true;
}

/* Without a domain nothing is translated, and only what devices hold is charged. */
static const char *audit_unmapped(const struct type1 *t1, const struct t1_dma *dma)
{
	uint64_t charged = 0;

	for (uint64_t page = dma->iova >> SIO_PAGE_LG2, left = dma->size >> SIO_PAGE_LG2;
	     left && imap_count(&t1->emulated.pages); page++, left--) {
		struct imap_entry e;
		const struct t1_page *held;

		/* From one page that is held to the next. */
		if (!imap_ceil(&t1->emulated.pages, page, &e) || e.first - page >= left)
			break;
		left -= e.first - page;
		page = e.first;
		held = (const struct t1_page *)(uintptr_t)e.value;
		charged += held->dma == dma && phys_is_ram(t1->iommu->phys, held->pa, 1) &&
			   held->pa != t1->iommu->phys->zero_page;
	}
	if (mm_alive(dma->owner->mm) && !dma->skewed && charged != dma->locked_pages)
		return "a mapping without a domain is charged for other pages than devices hold";
	return NULL;
}

/* Nothing is translated between the mappings. */
static const char *audit_gaps(const struct type1 *t1, const struct iommu_domain *domain,
			      iova_t poison)
{
	struct t1_walk walk = t1_walk(t1);
	iova_t from = 0;
	const struct t1_dma *dma;

	while ((dma = t1_walk_next(&walk)) && !is_poisoned(dma, poison)) {
		if (!dma->iommu_mapped || !dma->size)
			continue;
		if (dma->iova > from && !is_gap(t1, domain, from, dma->iova - 1))
			return "a domain translates an address that no mapping covers";
		from = dma->iova + dma->size;
		if (!from)
			return NULL;
	}
	if (poison ? poison > from && !is_gap(t1, domain, from, poison - 1)
		   : !is_gap(t1, domain, from, UINT64_MAX))
		return "a domain translates an address that no mapping covers";
	return NULL;
}

static const char *audit_translations(const struct type1 *t1, iova_t poison, bool thorough)
{
	struct t1_walk walk = t1_walk(t1);
	const struct t1_dma *dma;
	const char *what;

	for (unsigned d = 0; d < t1->domain_count; d++) {
		what = audit_gaps(t1, t1->domain[d]->domain, poison);
		if (what)
			return what;
	}
	while ((dma = t1_walk_next(&walk))) {
		if (!dma->size || is_bogus(t1, dma))
			continue;
		if (dma->iommu_mapped != (t1->domain_count != 0) && !t1_dma_is_stuck(t1, dma))
			return "a mapping is in the IOMMU exactly when there is a domain: not this "
			       "one";
		if (is_poisoned(dma, poison))
			continue;
		what = t1->domain_count ? audit_translation(t1, dma, thorough)
					: audit_unmapped(t1, dma);
		if (what)
			return what;
	}
	return NULL;
}

static const char *audit_all(const struct type1 *t1, bool thorough)
{
	iova_t poison = poisoned_from(t1);
	const char *what;

	what = audit_index(t1);
	if (!what)
		what = audit_mappings(t1, poison);
	if (!what)
		what = audit_iova_list(t1);
	if (!what)
		what = audit_domains(t1);
	if (!what)
		what = audit_translations(t1, poison, thorough);
	if (!what)
		what = t1_emulated_audit(t1);
	return what;
}

const char *t1_audit(const struct type1 *t1, bool thorough)
{
	/* The audit is no operation: it neither fails by plan nor counts towards one. */
	struct fail_plan *plan = fail_enter(NULL);
	const char *what;

	what = audit_all(t1, thorough);
	fail_leave(plan);
	return what;
}
