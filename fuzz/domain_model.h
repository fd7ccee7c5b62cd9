/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a domain of each driver holds after map and unmap, said page by page.
 *
 * Kernel behaviour: iommu_map() and iommu_unmap() take the largest page that fits at each place, of
 * those that the domain has. VT-d keeps a page of the same size or larger that is in the way, and
 * clears smaller ones; AMD-Vi replaces whatever there is, larger pages as a whole. Both unmap whole
 * pages. VT-d passes over what is not mapped, and does nothing if the range begins inside a page.
 */
#ifndef FUZZ_DOMAIN_MODEL_H
#define FUZZ_DOMAIN_MODEL_H

#include "flat.h"

struct domain_model {
	struct flat flat;
	uint64_t sizes; /* bit n: pages of 2^n bytes */
	uint64_t last;  /* highest address */
	bool write_only_readable;
	bool snoop;       /* every later page of VT-d snoops */
	bool ever_mapped; /* or tried */
	/* What AMD-Vi replaced without telling units: the caller has to. */
	bool unflushed;
};

struct domain_map {
	uint64_t iova, pa, len;
	bool descending; /* pages of 4 KiB each below the one before */
	unsigned perm;   /* PT_R, PT_W */
};

/* How many pages it takes, at most `most`. */
unsigned domain_map_pages(const struct domain_model *model, const struct domain_map *map,
			  unsigned most);
bool domain_is_empty(const struct domain_model *model, uint64_t first, uint64_t last);
/* 0 or -errno. There is room for all pages. */
int domain_map(struct domain_model *model, const struct domain_map *map);
/* Bytes, as iommu_unmap() says. */
uint64_t domain_unmap(struct domain_model *model, uint64_t iova, uint64_t len);

#endif
