// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest translations of an AMD-Vi unit: from a PASID to its v2 tables, and through them, alone or
 * nested in the v1 tables.
 *
 * Source: AMD IOMMU Specification, "Guest CR3 Table", "I/O Page Tables for Guest Translations",
 * "Two-Level Translation".
 *
 * The guest CR3 table lies at a system physical address; what its entries and the v2 tables hold
 * are guest physical addresses where there are v1 tables as well. User pages are told from others,
 * and pages for execution, only in units that announce it (EFR.USSup, EFR.NXSup).
 */
#include "amdvi/amdvi_unit.h"

#include "pt/pt_nested.h"

#define GCR3_VALID    SIO_BIT(0)
#define GCR3_ADDRESS  SIO_MASK(51, 12)
#define GCR3_RESERVED (SIO_MASK(11, 1) | SIO_MASK(63, 52))

#define EFR_USER_PAGES SIO_BIT(37)

static void trail_add(struct amdvi_trail *trail, pa_t pa, uint64_t word)
{
	if (!trail || trail->entries == SIO_ARRAY_SIZE(trail->entry))
		return;
	trail->entry[trail->entries].what = "guest CR3";
	trail->entry[trail->entries].pa = pa;
	trail->entry[trail->entries].words = 1;
	trail->entry[trail->entries].word[0] = word;
	trail->entries++;
}

bool amdvi_gcr3_read(const struct amdvi *amdvi, const struct amdvi_path *path, pa_t *root,
		     struct xlat *fault, struct amdvi_trail *trail)
{
	pa_t table = path->gcr3;

	/* What the levels do not index must be zero. */
	*fault = amdvi_page_fault(path, PT_FAULT_READ, false);
	if (path->pasid >> (9 * path->gcr3_levels))
		return false;
	for (unsigned level = path->gcr3_levels; level-- > 0;) {
		const pa_t at = table + 8 * (path->pasid >> (9 * level) & 511u);
		uint64_t word;

		if (!amdvi_reachable(amdvi, at, sizeof(word))) {
			*fault = amdvi_fault(AMDVI_PAGE_TAB_HARDWARE_ERROR,
					     EVENT_MASTER_ABORT | EVENT_GN, at);
			return false;
		}
		word = __atomic_load_n((const uint64_t *)phys_ptr(amdvi->phys, at),
				       __ATOMIC_ACQUIRE);
		trail_add(trail, at, word);
		if (!(word & GCR3_VALID))
			return false;
		if (word & GCR3_RESERVED) {
			*fault = amdvi_page_fault(path, PT_FAULT_RESERVED, true);
			return false;
		}
		table = word & GCR3_ADDRESS;
	}
	*root = table;
	return true;
}

unsigned amdvi_guest_need(const struct amdvi *amdvi, const struct dma_req *req)
{
	unsigned need = dma_need(req);

	if ((amdvi->caps.efr & EFR_USER_PAGES) && !req->privileged)
		need |= PT_U;
	if ((amdvi->caps.efr & AMDVI_EFR_NX) && req->execute)
		need |= PT_X;
	return need;
}

static struct pt_start guest_start(const struct amdvi_path *path, pa_t root)
{
	return (struct pt_start){.table = root, .level = path->guest_top, .perm = PT_ALL};
}

/* Permissions for the IOTLB: a page that is not dirty yet is written by way of the tables. */
static uint8_t guest_fill_perm(unsigned perm)
{
	return (uint8_t)(perm & (PT_R | PT_SNP | (perm & PT_D ? PT_W : 0)));
}

static struct xlat guest_success(pa_t pa, unsigned size_lg2, unsigned perm,
				 struct amdvi_walked *walked)
{
	walked->fill_perm = guest_fill_perm(perm);
	return xlat_success(pa, size_lg2, perm & (PT_R | PT_W | PT_SNP));
}

static struct xlat resolve_plain(const struct amdvi *amdvi, const struct amdvi_path *path,
				 pa_t root, const struct dma_req *req, bool mark,
				 struct amdvi_walked *walked)
{
	const struct pt_start start = guest_start(path, root);
	const unsigned need = amdvi_guest_need(amdvi, req);
	struct pt_step step[PT_LEVELS_MAX];
	struct pt_walk_result walk;
	unsigned n = 0;
	pa_t table;

	walk = pt_x86_64.walk(amdvi->phys, &amdvi->guest_caps[mark], start, req->iova, need, NULL,
			      NULL);
	if (walk.fault == PT_OK)
		return guest_success(walk.oa, walk.size_lg2, walk.perm, walked);
	if (walk.fault != PT_FAULT_TABLE && walk.fault != PT_FAULT_TABLE_TOP)
		return amdvi_page_fault(path, walk.fault, walk.present);
	walk = pt_x86_64.walk(amdvi->phys, &amdvi->guest_caps[0], start, req->iova, need, step, &n);
	table = n ? step[n - 1].entry.oa : root;
	return amdvi_fault(AMDVI_PAGE_TAB_HARDWARE_ERROR, EVENT_MASTER_ABORT | EVENT_GN,
			   table + 8 * (req->iova >> (SIO_PAGE_LG2 + 9u * walk.level) & 511));
}

static struct pt_nested nested_of(const struct amdvi *amdvi, const struct amdvi_path *path,
				  pa_t root, bool mark)
{
	return (struct pt_nested){
		.first = {&pt_x86_64, &amdvi->guest_caps[mark], guest_start(path, root)},
		.second = {&pt_amd_v1, &amdvi->host_caps[mark ? path->had : 0], path->root},
	};
}

static struct xlat resolve_nested(const struct amdvi *amdvi, const struct amdvi_path *path,
				  pa_t root, const struct dma_req *req, bool mark,
				  struct amdvi_walked *walked)
{
	const struct pt_nested nested = nested_of(amdvi, path, root, mark);
	const struct pt_nested_result walk =
		pt_nested_walk(amdvi->phys, &nested, req->iova, amdvi_guest_need(amdvi, req), NULL,
			       NULL);

	if (walk.fault == PT_OK)
		return guest_success(walk.oa, walk.size_lg2, walk.perm, walked);
	/* Of a table that cannot be read, the guest physical address is what is known. */
	if (walk.fault == PT_FAULT_TABLE || walk.fault == PT_FAULT_TABLE_TOP)
		return amdvi_fault(AMDVI_PAGE_TAB_HARDWARE_ERROR, EVENT_MASTER_ABORT | EVENT_GN,
				   walk.gpa);
	return amdvi_page_fault(path, walk.fault, walk.present);
}

struct xlat amdvi_resolve_guest(const struct amdvi *amdvi, const struct amdvi_path *path,
				const struct dma_req *req, bool mark, struct amdvi_walked *walked)
{
	struct xlat fault;
	pa_t root;

	*walked = (struct amdvi_walked){.leaf_table = PA_NONE};
	if (!amdvi_gcr3_read(amdvi, path, &root, &fault, NULL))
		return fault;
	return path->host ? resolve_nested(amdvi, path, root, req, mark, walked)
			  : resolve_plain(amdvi, path, root, req, mark, walked);
}

/* ---- reports ---- */

static void walk_nested(const struct amdvi *amdvi, const struct amdvi_path *path, pa_t root,
			const struct dma_req *req, struct amdvi_trail *trail)
{
	const struct pt_nested nested = nested_of(amdvi, path, root, false);
	struct pt_nested_step step[PT_NESTED_STEPS_MAX];
	unsigned n = 0;

	(void)pt_nested_walk(amdvi->phys, &nested, req->iova, amdvi_guest_need(amdvi, req), step,
			     &n);
	for (unsigned i = 0; i < n; i++) {
		if (step[i].where == PT_IN_FIRST && trail->steps < PT_LEVELS_MAX)
			trail->step[trail->steps++] = step[i].step;
		else if (step[i].where == PT_IN_SECOND_PAGE && trail->host_steps < PT_LEVELS_MAX)
			trail->host_step[trail->host_steps++] = step[i].step;
	}
}

void amdvi_walk_guest(const struct amdvi *amdvi, const struct amdvi_path *path,
		      const struct dma_req *req, struct amdvi_trail *trail)
{
	struct xlat fault;
	pa_t root;

	trail->guest = true;
	trail->nested = path->host;
	trail->top_level = path->guest_top;
	if (!amdvi_gcr3_read(amdvi, path, &root, &fault, trail))
		return;
	if (path->host)
		walk_nested(amdvi, path, root, req, trail);
	else
		pt_x86_64.walk(amdvi->phys, &amdvi->guest_caps[0], guest_start(path, root),
			       req->iova, amdvi_guest_need(amdvi, req), trail->step, &trail->steps);
}
