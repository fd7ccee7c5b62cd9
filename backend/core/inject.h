/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults on demand: named points where the kernel may fail, and a plan that says which time it
 * does.
 *
 * A point is passed by calling inject_point(); it answers 0, or the negative errno that the plan
 * wants there. Counting starts when the plan is set. Without a plan a point costs one load and a
 * branch.
 */
#ifndef BACKEND_CORE_INJECT_H
#define BACKEND_CORE_INJECT_H

#include "base.h"

enum inject_id {
	INJECT_NONE,
	INJECT_ALLOC,        /* "alloc": any small allocation, ENOMEM */
	INJECT_PIN,          /* "type1.pin": pinning a batch of pages, EFAULT */
	INJECT_PT_ALLOC,     /* "pt.alloc": a page-table page, ENOMEM */
	INJECT_IOMMU_MAP,    /* "iommu.map": one run mapped in one domain, ENOMEM */
	INJECT_IOMMU_ATTACH, /* "iommu.attach": a device attached to a domain, ENOMEM */
	INJECT_COPY_IN,      /* "copy.in": EFAULT */
	INJECT_COPY_OUT,     /* "copy.out": EFAULT */
	INJECT_SKIP_IOTLB, /* "drv.skip-iotlb": a driver bug, not a kernel behaviour: the n-th IOTLB
			    * invalidation is left out. Nonzero answer means leave it out */
	INJECT_COUNT,
};

struct inject {
	enum inject_id id;
	int error;    /* negative errno to answer; 0 in the plan: the point's usual one */
	uint64_t nth; /* 1: the next time */
	uint64_t seen[INJECT_COUNT];
};

int inject_point(struct inject *inject, enum inject_id id);
/* "type1.pin:nth=3,errno=EFAULT"; "" clears. 0, or -EINVAL with *why (static text) set. */
int inject_plan(struct inject *inject, const char *plan, const char **why);
const char *inject_name(enum inject_id id);

#endif
