// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pin counts of a whole machine: each frame is pinned once for every mapping that holds it, and
 * once for every page that devices hold through the pin interface.
 *
 * The runs of all containers, and of other holders, are collected as ranges of frames and swept in
 * address order; the number of ranges open at a frame must be its pin count.
 */
#include "type1/t1.h"

#include <stdlib.h>

/* A frame number at which the expected count changes by `by`. */
struct pin_edge {
	uint64_t pfn;
	int64_t by;
};

struct pin_edges {
	struct pin_edge *edge;
	size_t count, room;
	const struct phys *phys;
};

static bool edges_add(struct pin_edges *edges, uint64_t pfn, int64_t by)
{
	if (edges->count == edges->room) {
		size_t room = edges->room ? edges->room * 2 : 256;
		struct pin_edge *grown = nofail_realloc("an audit is no operation", edges->edge,
							room * sizeof(*grown));

		if (!grown)
			return false;
		edges->edge = grown;
		edges->room = room;
	}
	edges->edge[edges->count++] = (struct pin_edge){pfn, by};
	return true;
}

static bool edges_add_run(struct pin_edges *edges, const struct phys *phys,
			  const struct pin_run *run)
{
	struct pin_run rest = *run;

	while (rest.pages) {
		uint64_t first = rest.pa >> SIO_PAGE_LG2, pages;
		bool ram;

		pages = t1_run_split(phys, &rest, &ram);
		if (rest.step < 0)
			first -= pages - 1;
		if (ram && (!edges_add(edges, first, 1) || !edges_add(edges, first + pages, -1)))
			return false;
		rest.pa += pages * (uint64_t)rest.step;
		rest.pages -= pages;
	}
	return true;
}

static bool edges_add_mapping(struct pin_edges *edges, const struct type1 *t1,
			      const struct t1_dma *dma)
{
	const struct iommu_domain *domain = t1->domain[0]->domain;
	iova_t iova = dma->iova, last = iova + (dma->size - 1);

	while (iommu_next(domain, iova, last, &iova)) {
		uint64_t left = ((last - iova) >> SIO_PAGE_LG2) + 1;
		struct pt_run run = iommu_query(domain, iova, left);
		struct pin_run pinned = t1_pin_run(&run);

		if (!edges_add_run(edges, t1->iommu->phys, &pinned))
			return false;
		if (run.pages >= left)
			break;
		iova += run.pages * SIO_PAGE_SIZE;
	}
	return true;
}

static bool edges_add_pages(struct pin_edges *edges, const struct type1 *t1)
{
	struct imap_iter it = imap_iter(&t1->emulated.pages, 0);
	struct imap_entry e;

	while (imap_next(&it, &e)) {
		const struct t1_page *page = (const struct t1_page *)(uintptr_t)e.value;
		struct pin_run run = {.pa = page->pa, .pages = 1, .step = (int64_t)SIO_PAGE_SIZE};

		if (!edges_add_run(edges, t1->iommu->phys, &run))
			return false;
	}
	return true;
}

static bool edges_add_container(struct pin_edges *edges, const struct type1 *t1)
{
	struct t1_walk walk = t1_walk(t1);
	const struct t1_dma *dma;

	if (!edges_add_pages(edges, t1))
		return false;
	if (!t1->domain_count)
		return true;
	while ((dma = t1_walk_next(&walk))) {
		/* 2012: it holds nothing, and lies over others that do. */
		if (t1_has_one_domain(t1) && !dma->iommu_mapped)
			continue;
		if (!t1_dma_is_stuck(t1, dma) && !edges_add_mapping(edges, t1, dma))
			return false;
	}
	return true;
}

static bool edges_add_leaks(struct pin_edges *edges, const struct type1_params *params,
			    const struct phys *phys)
{
	for (const struct t1_leak *leak = params->leaks; leak; leak = leak->next)
		for (size_t i = 0; i < leak->run_count; i++)
			if (!edges_add_run(edges, phys, &leak->run[i]))
				return false;
	return true;
}

static bool edges_add_more(void *ctx, const struct pin_run *run)
{
	struct pin_edges *edges = ctx;

	return edges_add_run(edges, edges->phys, run);
}

static int edge_compare(const void *left, const void *right)
{
	const struct pin_edge *a = left, *b = right;

	return (a->pfn > b->pfn) - (a->pfn < b->pfn);
}

/* Pins on [from, end) are `expected` throughout. */
static bool pins_are(const struct phys *phys, uint64_t from, uint64_t end, int64_t expected)
{
	uint64_t first, count;
	uint32_t pins;

	while (from < end) {
		bool any = phys_pinned_run(phys, from, &first, &count, &pins);

		if (!any || first >= end)
			return expected == 0;
		if (first > from || pins != expected)
			return false;
		from = first + count;
	}
	return true;
}

static const char *sweep(struct pin_edges *edges, const struct phys *phys)
{
	uint64_t from = 0;
	int64_t expected = 0;

	if (edges->count)
		qsort(edges->edge, edges->count, sizeof(*edges->edge), edge_compare);
	for (size_t i = 0; i <= edges->count; i++) {
		uint64_t pfn = i < edges->count ? edges->edge[i].pfn : UINT64_MAX;

		if (!pins_are(phys, from, pfn, expected))
			return expected ? "a frame has another pin count than mappings that hold it"
					: "a frame is pinned that no mapping holds";
		if (i < edges->count)
			expected += edges->edge[i].by;
		from = pfn;
	}
	return NULL;
}

const char *t1_audit_all_pins(struct type1 *const *list, unsigned n,
			      const struct type1_params *params, const struct t1_more_pins *more,
			      struct phys *phys)
{
	struct pin_edges edges = {.phys = phys};
	const char *what = NULL;
	bool ok = !params || edges_add_leaks(&edges, params, phys);

	for (unsigned i = 0; ok && i < n; i++)
		ok = edges_add_container(&edges, list[i]);
	if (ok && more)
		ok = more->each(more->source, edges_add_more, &edges);
	what = ok ? sweep(&edges, phys) : "no memory for the audit";
	free(edges.edge);
	return what;
}

const char *t1_audit_pins_leaks(struct type1 *const *list, unsigned n,
				const struct type1_params *params, struct phys *phys)
{
	return t1_audit_all_pins(list, n, params, NULL, phys);
}

const char *t1_audit_pins(struct type1 *const *list, unsigned n, struct phys *phys)
{
	return t1_audit_pins_leaks(list, n, n ? list[0]->params : NULL, phys);
}
