/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The nested walk: a first stage that lives in the address space of a second.
 *
 * Source: Intel VT-d, "Nested Translation"; AMD I/O Virtualization, "Two-level Translation" (v2
 * over v1). Every table of the first stage, its root included, has a guest physical address (gpa);
 * each access to an entry is translated by the second stage, for reading and, when the walker sets
 * A or D, for writing. So is the address that the first stage yields, for what the request needs.
 *
 * A and D of the first stage are set once everything else has succeeded: a request that faults
 * leaves no marks in the first stage. The second stage is marked by each walk through it.
 */
#ifndef MODEL_PT_PT_NESTED_H
#define MODEL_PT_PT_NESTED_H

#include "pt/pt.h"

/* One of the two. start.table of the first stage is a gpa. caps should be finished. */
struct pt_stage {
	const struct pt_ops *ops;
	const struct pt_caps *caps;
	struct pt_start start;
};

struct pt_nested {
	struct pt_stage first, second;
};

/* What the walk was doing when it ended. */
enum pt_nested_where {
	PT_IN_FIRST,        /* judging an entry of the first stage; without fault: done */
	PT_IN_SECOND_TABLE, /* the second stage, for a table of the first */
	PT_IN_SECOND_PAGE,  /* the second stage, for the address that the first stage yielded */
};

struct pt_nested_result {
	enum pt_fault fault;
	enum pt_nested_where where;
	uint8_t first_level;  /* where the first stage ended, or whose table was looked for */
	uint8_t second_level; /* where the last walk through the second stage ended */
	uint8_t size_lg2;     /* the smaller page of the two stages: what may be cached as one */
	/*
	 * R and W as both stages grant them, X, U, G of the first (X of both, if the second judges
	 * it), SNP of the second. A and D if each stage that keeps them has them.
	 */
	uint8_t perm;
	uint8_t first_perm, second_perm; /* each stage's own */
	bool present;    /* the entry at which the walk ended is: told apart from "denied" */
	bool need_write; /* a fault of the second stage: it was asked for write permission */
	uint64_t gpa;    /* what the first stage yielded, or what the second stage failed for */
	pa_t oa;         /* of the iova itself */
};

/* One step, for reports. entry_pa is that of memory in both stages. */
struct pt_nested_step {
	struct pt_step step;
	enum pt_nested_where where; /* whose entry it is, and for what */
};

/* Second-stage steps for each table of the first stage and for the page, and the tables' own. */
#define PT_NESTED_STEPS_MAX ((PT_LEVELS_MAX + 1) * PT_LEVELS_MAX + PT_LEVELS_MAX)

/*
 * Translate. `need` as for a walk. `steps` (PT_NESTED_STEPS_MAX of them, or NULL) receives the
 * trail, *nsteps its length; what is walked again to set A and D does not appear.
 */
struct pt_nested_result pt_nested_walk(const struct phys *phys, const struct pt_nested *nested,
				       iova_t iova, unsigned need, struct pt_nested_step *steps,
				       unsigned *nsteps);

#endif
