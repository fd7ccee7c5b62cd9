// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces with a first stage, alone or over a second, and accessed and dirty bits.
 *
 * Source: Intel VT-d, "First-Stage Translation", "Nested Translation", "Accessed, Extended
 * Accessed, and Dirty Flags", "Fault Reason Encodings for DMA Remapping".
 *
 * A unit can set bits in a table only if it reads the table past the processors' caches (snoops).
 * Where it does not, a bit that would have to be set is a fault of its own. QEMU's unit sets them
 * in any case, so one that reports QEMU's codes does too.
 */
#include "vtd/vtd_unit.h"

#include "pt/pt_nested.h"

#include <string.h>

bool vtd_space_marks(const struct vtd_space *space)
{
	return space->kind != IOTLB_SECOND || (space->flags & VTD_SPACE_SLADE);
}

/* Table reads of the space see what processors have in their caches, and bits can be set. */
static bool snoops(const struct vtd *vtd, const struct vtd_space *space)
{
	return vtd->fault_codes == VTD_FAULTS_QEMU_7_2 || (space->flags & VTD_SPACE_WALK_SNOOP);
}

/* Memory as a walk of the space's tables sees it. */
static const struct phys *tables_of(const struct vtd *vtd, const struct vtd_space *space)
{
	return vtd_word_is_wide(space->word) && (space->flags & VTD_SPACE_WALK_SNOOP) ? vtd->phys
										      : vtd->tables;
}

bool vtd_privilege_ok(const struct vtd *vtd, const struct vtd_space *space,
		      const struct dma_req *req, struct xlat *x)
{
	/* Privilege is a matter of the first stage. */
	if (!vtd_word_is_wide(space->word) || space->kind == IOTLB_SECOND)
		return true;
	(void)vtd;
	if (req->execute && !(space->flags & VTD_SPACE_ERE)) {
		*x = vtd_faulted(VTD_SM_NO_EXECUTE_REQUESTS, space);
		return false;
	}
	if (req->privileged && !(space->flags & VTD_SPACE_SRE)) {
		*x = vtd_faulted(VTD_SM_NO_SUPERVISOR_REQUESTS, space);
		return false;
	}
	return true;
}

/* ---- the second stage ---- */

static const struct pt_caps *second_caps(const struct vtd *vtd, const struct vtd_space *space,
					 bool mark)
{
	if (!vtd_is_scalable(vtd))
		return &vtd->pt_caps;
	return &vtd->pt_caps_sm[mark && vtd_word_is_wide(space->word) &&
				(space->flags & VTD_SPACE_SLADE) && snoops(vtd, space)];
}

/* A table entry that a marking walk would have changed. */
static bool unmarked(const struct pt_step *steps, unsigned n, const struct pt_format *format,
		     bool write)
{
	for (unsigned i = 0; i < n; i++) {
		if (!(steps[i].raw & format->accessed))
			return true;
	}
	return write && n && !(steps[n - 1].raw & format->dirty);
}

/* Second stage with SLADE whose tables are not snooped. */
static struct pt_walk_result walk_unsnooped(const struct vtd *vtd, const struct vtd_space *space,
					    struct pt_start start, iova_t iova, unsigned need,
					    uint8_t *reason)
{
	struct pt_step steps[PT_LEVELS_MAX];
	struct pt_walk_result walk;
	unsigned n = 0;

	walk = vtd->pt->walk(tables_of(vtd, space), second_caps(vtd, space, false), start, iova,
			     need, steps, &n);
	if (walk.fault == PT_OK && unmarked(steps, n, vtd->pt->format, need & PT_W))
		*reason = VTD_SS_UNSNOOPED_MARK;
	else if (need & PT_W)
		walk.perm |= PT_D;
	return walk;
}

struct pt_walk_result vtd_walk_second(const struct vtd *vtd, const struct vtd_space *space,
				      struct pt_start start, iova_t iova, unsigned need,
				      uint8_t *reason)
{
	const bool marks = vtd_word_is_wide(space->word) && (space->flags & VTD_SPACE_SLADE);

	if (__builtin_expect(marks, 0) && !snoops(vtd, space))
		return walk_unsnooped(vtd, space, start, iova, need, reason);
	return vtd->pt->walk(tables_of(vtd, space), second_caps(vtd, space, true), start, iova,
			     need, NULL, NULL);
}

/* ---- first stage ---- */

static const struct pt_caps *first_caps(const struct vtd *vtd, const struct vtd_space *space,
					bool mark)
{
	return &vtd->pt_caps_fs[(space->flags & VTD_SPACE_WPE ? VTD_FS_WPE : 0) |
				(space->flags & VTD_SPACE_EAFE ? VTD_FS_EAFE : 0) |
				(mark && snoops(vtd, space) ? 0 : VTD_FS_UNMARKED)];
}

static struct pt_start first_start(const struct vtd_space *space)
{
	return (struct pt_start){.table = space->first,
				 .level = space->first_level,
				 .perm = PT_ALL};
}

static unsigned first_need(const struct dma_req *req)
{
	const bool user = !(req->has_pasid && req->privileged);

	return dma_need(req) | (user ? PT_U : 0) |
	       (req->has_pasid && req->execute ? PT_R | PT_X : 0);
}

static uint8_t first_reason(enum pt_fault fault, bool present)
{
	switch (fault) {
	case PT_FAULT_WIDTH:
		return VTD_FS_NOT_CANONICAL;
	case PT_FAULT_READ:
		return present ? VTD_FS_NO_READ : VTD_FS_NOT_PRESENT;
	case PT_FAULT_WRITE:
		return present ? VTD_FS_NO_WRITE : VTD_FS_NOT_PRESENT;
	case PT_FAULT_RESERVED:
		return VTD_FS_RESERVED;
	case PT_FAULT_TABLE_TOP:
		return VTD_FS_TABLE_TOP;
	case PT_FAULT_TABLE:
		return VTD_FS_TABLE;
	case PT_FAULT_USER:
		return present ? VTD_FS_NO_USER : VTD_FS_NOT_PRESENT;
	case PT_FAULT_EXECUTE:
		return present ? VTD_FS_NO_EXECUTE : VTD_FS_NOT_PRESENT;
	default:
		return VTD_FS_MARK_FAILED;
	}
}

static struct xlat stage_faulted(const struct vtd_space *space, struct pt_walk_result *walk,
				 enum pt_fault fault, uint8_t reason)
{
	*walk = (struct pt_walk_result){.fault = fault, .oa = PA_NONE, .leaf_table = PA_NONE};
	return vtd_faulted(reason, space);
}

static struct xlat resolve_first(const struct vtd *vtd, const struct vtd_space *space,
				 const struct dma_req *req, struct pt_walk_result *walk,
				 struct vtd_trail *trail)
{
	const bool mark = !trail, need_steps = trail || !snoops(vtd, space);
	struct pt_step steps[PT_LEVELS_MAX];
	unsigned n = 0;

	*walk = pt_x86_64.walk(tables_of(vtd, space), first_caps(vtd, space, mark),
			       first_start(space), req->iova, first_need(req),
			       need_steps ? steps : NULL, need_steps ? &n : NULL);
	if (trail) {
		memcpy(trail->step, steps, sizeof(*steps) * n);
		trail->steps = n;
		trail->first_stage = true;
	}
	if (walk->fault != PT_OK)
		return stage_faulted(space, walk, walk->fault,
				     first_reason(walk->fault, walk->present));
	if (!snoops(vtd, space) && unmarked(steps, n, pt_x86_64.format, req->kind == DMA_WRITE))
		return stage_faulted(space, walk, PT_FAULT_MARK, VTD_FS_UNSNOOPED_MARK);
	if (req->kind == DMA_WRITE)
		walk->perm |= PT_D;
	return (struct xlat){0};
}

/* ---- both stages ---- */

static uint8_t nested_reason(const struct vtd *vtd, const struct vtd_space *space,
			     const struct pt_nested_result *res)
{
	const struct vtd_codes *codes = vtd_codes_now(vtd);

	if (res->where == PT_IN_FIRST)
		return first_reason(res->fault, res->present);
	switch (res->fault) {
	case PT_FAULT_WIDTH:
		return VTD_NEST_BEYOND_WIDTH;
	case PT_FAULT_RESERVED:
		return codes->reserved;
	case PT_FAULT_TABLE_TOP:
		/* Or the entry of the first stage itself, which the second translated. */
		return codes->table_top;
	case PT_FAULT_TABLE:
		return codes->table;
	case PT_FAULT_READ:
	case PT_FAULT_WRITE:
	case PT_FAULT_EXECUTE:
		break;
	default:
		return VTD_FS_MARK_FAILED;
	}
	if (res->where == PT_IN_SECOND_PAGE)
		return res->fault == PT_FAULT_WRITE ? codes->no_write : codes->no_read;
	if (res->need_write)
		return VTD_NEST_NO_WRITE;
	return res->first_level == space->first_level ? VTD_NEST_NO_READ_TABLE : VTD_NEST_NO_READ;
}

/* Accessed and dirty bits of both stages, when none can be set. */
static uint8_t nested_unmarked(const struct vtd *vtd, const struct vtd_space *space,
			       const struct pt_nested_step *steps, unsigned n, bool write)
{
	const uint64_t accessed = pt_x86_64.format->accessed;
	bool slade = space->flags & VTD_SPACE_SLADE;
	const struct pt_step *first = NULL, *second = NULL;

	for (unsigned i = 0; i < n; i++) {
		if (steps[i].where == PT_IN_FIRST) {
			first = &steps[i].step;
			if (!(first->raw & accessed))
				return VTD_FS_UNSNOOPED_MARK;
		} else {
			second = &steps[i].step;
			if (slade && !(second->raw & vtd->pt->format->accessed))
				return VTD_SS_UNSNOOPED_MARK;
		}
	}
	if (write && first && !(first->raw & pt_x86_64.format->dirty))
		return VTD_FS_UNSNOOPED_MARK;
	if (write && slade && second && !(second->raw & vtd->pt->format->dirty))
		return VTD_SS_UNSNOOPED_MARK;
	return 0;
}

/* A trail has room for the steps of the first stage and for those of the final address. */
static void nested_trail(struct vtd_trail *trail, const struct pt_nested_step *steps, unsigned n)
{
	trail->nested = true;
	trail->first_stage = true;
	for (unsigned i = 0; i < n; i++) {
		if (steps[i].where == PT_IN_FIRST && trail->steps < PT_LEVELS_MAX)
			trail->step[trail->steps++] = steps[i].step;
		else if (steps[i].where == PT_IN_SECOND_PAGE && trail->seconds < PT_LEVELS_MAX)
			trail->second[trail->seconds++] = steps[i].step;
	}
}

static struct xlat resolve_nested(const struct vtd *vtd, const struct vtd_space *space,
				  const struct dma_req *req, struct pt_walk_result *walk,
				  struct vtd_trail *trail)
{
	const bool mark = !trail, need_steps = trail || !snoops(vtd, space);
	const struct pt_nested nested = {
		.first = {&pt_x86_64, first_caps(vtd, space, mark), first_start(space)},
		.second = {vtd->pt,
			   second_caps(vtd, space, mark),
			   {.table = space->second, .level = space->second_level, .perm = PT_ALL}},
	};
	struct pt_nested_step steps[PT_NESTED_STEPS_MAX];
	struct pt_nested_result res;
	uint8_t reason = 0;
	unsigned n = 0;

	res = pt_nested_walk(tables_of(vtd, space), &nested, req->iova, first_need(req),
			     need_steps ? steps : NULL, &n);
	if (trail)
		nested_trail(trail, steps, n);
	if (res.fault != PT_OK)
		reason = nested_reason(vtd, space, &res);
	else if (res.gpa >> vtd->width[space->second_level])
		reason = VTD_NEST_BEYOND_WIDTH;
	else if (!snoops(vtd, space))
		reason = nested_unmarked(vtd, space, steps, n, req->kind == DMA_WRITE);
	if (reason)
		return stage_faulted(space, walk, res.fault ? res.fault : PT_FAULT_MARK, reason);
	*walk = (struct pt_walk_result){
		.size_lg2 = res.size_lg2,
		.perm = (uint8_t)(res.perm | (req->kind == DMA_WRITE ? PT_D : 0)),
		.oa = res.oa,
		.leaf_table = PA_NONE,
		.present = true,
	};
	return (struct xlat){0};
}

struct xlat vtd_resolve_stages(const struct vtd *vtd, const struct vtd_space *space,
			       const struct dma_req *req, struct pt_walk_result *walk,
			       struct vtd_trail *trail)
{
	return space->kind == IOTLB_NESTED ? resolve_nested(vtd, space, req, walk, trail)
					   : resolve_first(vtd, space, req, walk, trail);
}

struct xlat vtd_resolve_unmarked(const struct vtd *vtd, const struct vtd_space *space,
				 const struct dma_req *req)
{
	struct vtd_space silent = *space;
	struct vtd_trail trail = {0};
	struct pt_walk_result walk;
	struct xlat x;

	if (!vtd_word_is_wide(space->word) || space->kind == IOTLB_SECOND) {
		silent.flags &= (uint8_t)~VTD_SPACE_SLADE;
		return vtd_resolve_tables(vtd, &silent, vtd_start_root(space), req, &walk);
	}
	x = vtd_resolve_stages(vtd, space, req, &walk, &trail);
	return x.reason ? x : vtd_walked(vtd, space, req, &walk);
}
