// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups joining and leaving a container: which domain they share, and what IOVA space remains.
 *
 * A group first gets a domain of its own and is really attached to it, so its DMA faults, while the
 * checks run; then it moves to the first existing domain of the same driver and coherency that
 * takes it. Only when none does is the new domain filled with the mappings.
 *
 * The usable IOVA list is made anew beside the old one and replaces it as the last step.
 */
#include "type1/t1.h"

#include "recycle.h"
#include "seeded.h"

#include <errno.h>
#include <string.h>

/* Sizes that every domain offers; sizes below a page count as a page. */
void t1_pgsize_update(struct type1 *t1)
{
	t1->pgsize_bitmap = UINT64_MAX;
	for (unsigned i = 0; i < t1->domain_count; i++)
		t1->pgsize_bitmap &= t1->domain[i]->domain->pgsize_bitmap;
	if (!t1->domain_count && !t1_kernel(t1)->sub_page_bitmap)
		t1->pgsize_bitmap = SIO_PAGE_MASK;
	if (t1->pgsize_bitmap & ~SIO_PAGE_MASK && t1_kernel(t1)->sub_page_bitmap) {
		t1->pgsize_bitmap &= SIO_PAGE_MASK;
		t1->pgsize_bitmap |= SIO_PAGE_SIZE;
	}
}

/* ---- what older kernels ask of a group ---- */

static unsigned group_bus(const struct iommu_group *group)
{
	return iommu_group_first_device(group)->bus;
}

static bool group_is_on_one_bus(const struct iommu_group *group)
{
	for (const struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group)
		if (dev->bus != group->devices->bus)
			return false;
	return true;
}

/* Interrupts of the group cannot reach others. Before 6.1 the whole bus is asked, or the domain. */
static bool interrupts_are_safe(const struct type1 *t1, const struct iommu_group *group)
{
	if (t1->params->allow_unsafe_interrupts)
		return true;
	if (fail_at(FAIL_POINT("type1.attach.msi-isolated", FAIL_CAPABILITY, EPERM)))
		return false;
	switch (t1_kernel(t1)->intr_remap) {
	case INTR_REMAP_BUS:
	case INTR_REMAP_BUS_OR_MSI:
		return iommu_bus_capable(t1->iommu, group_bus(group), IOMMU_CAP_INTR_REMAP);
	default:
		return iommu_group_msi_isolated(group);
	}
}

/* DMA through the domain snoops from here on, if this kernel wants that and the units can. */
static bool make_coherent(const struct type1 *t1, struct iommu_domain *domain,
			  const struct iommu_group *group)
{
	switch (t1_kernel(t1)->coherency) {
	case COHERENCY_NONE:
		return false;
	case COHERENCY_BUS:
		return iommu_bus_capable(t1->iommu, group_bus(group),
					 IOMMU_CAP_ENFORCE_COHERENCY) &&
		       iommu_enforce_cache_coherency(domain);
	default:
		return iommu_enforce_cache_coherency(domain);
	}
}

/* ---- groups of a domain ---- */

static struct t1_domain *find_group(const struct type1 *t1, const struct iommu_group *group)
{
	for (unsigned d = 0; d < t1->domain_count; d++)
		for (unsigned g = 0; g < t1->domain[d]->group_count; g++)
			if (t1->domain[d]->group[g] == group)
				return t1->domain[d];
	return NULL;
}

/* Room for one more group, so that adding it cannot fail later. */
static int reserve_group(struct t1_domain *domain)
{
	struct iommu_group **grown =
		recycle_realloc("type1.attach.group", domain->group,
				(domain->group_count + 1) * sizeof(struct iommu_group *));

	if (!grown)
		return -ENOMEM;
	domain->group = grown;
	return 0;
}

static void add_group(struct t1_domain *domain, struct iommu_group *group)
{
	memmove(domain->group + 1, domain->group, domain->group_count * sizeof(*domain->group));
	domain->group[0] = group;
	domain->group_count++;
}

static void remove_group(struct t1_domain *domain, const struct iommu_group *group)
{
	unsigned at = 0;

	while (domain->group[at] != group)
		at++;
	domain->group_count--;
	memmove(domain->group + at, domain->group + at + 1,
		(domain->group_count - at) * sizeof(*domain->group));
}

/* ---- domains of a container ---- */

static void domain_destroy(struct t1_domain *domain)
{
	if (domain->domain)
		iommu_domain_free(domain->domain);
	recycle_free(domain->group);
	recycle_free(domain);
}

static int domain_create(struct type1 *t1, struct iommu_group *group, struct t1_domain **out)
{
	struct t1_domain **grown =
		recycle_realloc("type1.attach.domains", t1->domain,
				(t1->domain_count + 1) * sizeof(struct t1_domain *));
	struct t1_domain *domain;
	int rc;

	if (!grown)
		return -ENOMEM;
	t1->domain = grown;
	domain = recycle_calloc("type1.attach.domain", sizeof(*domain));
	if (!domain)
		return -ENOMEM;
	rc = reserve_group(domain);
	if (!rc) {
		rc = iommu_domain_alloc(group, &domain->domain);
		/* Whatever is wrong with the domain itself; our own memory is another matter. */
		if (rc && t1_kernel(t1)->domain_eio)
			rc = -EIO;
	}
	if (!rc && t1->nesting)
		rc = iommu_enable_nesting(domain->domain);
	if (rc) {
		domain_destroy(domain);
		return rc;
	}
	*out = domain;
	return 0;
}

static void add_domain(struct type1 *t1, struct t1_domain *domain)
{
	memmove(t1->domain + 1, t1->domain, t1->domain_count * sizeof(*t1->domain));
	t1->domain[0] = domain;
	t1->domain_count++;
	t1_pgsize_update(t1);
}

static void remove_domain(struct type1 *t1, struct t1_domain *domain)
{
	unsigned at = 0;

	while (t1->domain[at] != domain)
		at++;
	domain_destroy(domain);
	t1->domain_count--;
	memmove(t1->domain + at, t1->domain + at + 1,
		(t1->domain_count - at) * sizeof(struct t1_domain *));
}

/* ---- IOVA space ---- */

/* Mappings lie outside what an aperture would leave. Not asked while the list is empty. */
static bool aperture_conflicts(const struct type1 *t1, iova_t first, iova_t last)
{
	const struct iova_list *list = &t1->iova;
	iova_t low, high;

	if (!list->count)
		return false;
	low = list->range[0].first;
	high = list->range[list->count - 1].last;
	if (first > high || last < low)
		return true;
	if (first > low && t1_find(t1, low, first - low))
		return true;
	return last < high && t1_find(t1, last + 1, high - last);
}

static bool reserved_conflicts(const struct type1 *t1, const struct resv_list *resv)
{
	for (unsigned i = 0; i < resv->count; i++) {
		const struct resv_region *region = &resv->region[i];

		if (resv_is_exclusive(region) &&
		    t1_find(t1, region->first, region->last - region->first + 1))
			return true;
	}
	return false;
}

/* The list as it will be with this group's domain in the container. */
static int iova_with_group(struct type1 *t1, const struct iommu_domain *domain,
			   const struct iommu_group *group, struct iova_list *list)
{
	struct resv_list resv = {0};
	int rc;

	if (!t1_has_iova_list(t1))
		return 0;
	if (aperture_conflicts(t1, domain->aperture_first, domain->aperture_last))
		return -EINVAL;
	rc = iommu_group_reserved(group, &resv);
	if (!rc && reserved_conflicts(t1, &resv))
		rc = -EINVAL;
	if (!rc)
		rc = iova_list_copy(&t1->iova, list);
	if (!rc)
		rc = iova_list_resize(list, domain->aperture_first, domain->aperture_last);
	if (!rc)
		rc = iova_list_exclude(list, &resv);
	resv_list_fini(&resv);
	if (rc)
		iova_list_fini(list);
	return rc;
}

/* After a domain left: the list's ends become those of the remaining apertures. */
static void iova_expand(const struct type1 *t1, struct iova_list *list)
{
	iova_t first = 0, last = UINT64_MAX;

	if (!list->count)
		return;
	for (unsigned i = 0; i < t1->domain_count; i++) {
		const struct iommu_domain *domain = t1->domain[i]->domain;

		if (domain->aperture_first > first)
			first = domain->aperture_first;
		if (domain->aperture_last < last)
			last = domain->aperture_last;
	}
	list->range[0].first = first;
	list->range[list->count - 1].last = last;
}

static int exclude_group(struct iova_list *list, const struct iommu_group *group)
{
	struct resv_list resv = {0};
	int rc = iommu_group_reserved(group, &resv);

	if (!rc)
		rc = iova_list_exclude(list, &resv);
	resv_list_fini(&resv);
	return rc;
}

/*
 * One interval from the list's first to its last address, minus the regions of all groups that are
 * left. A region that touched an edge is not given back: the edge is taken from the list itself.
 */
static int iova_rebuild(struct type1 *t1, struct iova_list *list)
{
	if (!list->count)
		return -EINVAL;
	list->range[0].last = list->range[list->count - 1].last;
	list->count = 1;
	for (unsigned d = 0; d < t1->domain_count; d++) {
		for (unsigned g = 0; g < t1->domain[d]->group_count; g++) {
			int rc = exclude_group(list, t1->domain[d]->group[g]);

			if (rc)
				return rc;
		}
	}
	return 0;
}

static void iova_replace(struct type1 *t1, struct iova_list *list)
{
	iova_list_fini(&t1->iova);
	t1->iova = *list;
}

/* ---- attach ---- */

static void probe_fgsp(struct t1_domain *domain, iova_t iova, const struct pt_run *run)
{
	if (iommu_map(domain->domain, iova, run, IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE))
		return;
	if (iommu_unmap(domain->domain, iova, SIO_PAGE_SIZE) == SIO_PAGE_SIZE)
		iommu_unmap(domain->domain, iova + SIO_PAGE_SIZE, SIO_PAGE_SIZE);
	else
		domain->fgsp = true;
}

/*
 * Does the IOMMU unmap a page on its own when its neighbour is mapped too? Two contiguous zeroed
 * pages are mapped in the first place of the list that has room (before 6.2 at address 0, whatever
 * the aperture and reserved regions), and the first is unmapped.
 */
static void test_fgsp(struct type1 *t1, struct t1_domain *domain, const struct iova_list *list)
{
	const uint64_t two = 2 * SIO_PAGE_SIZE;
	struct phys *phys = t1->iommu->phys;
	uint64_t pfn = 0, got = fail_frames("type1.attach.probe-pages", phys, 2, 1, &pfn);
	unsigned where = SEEDED(T16) ? FGSP_AT_0 : t1_kernel(t1)->fgsp;
	struct pt_run run = {.oa = pfn << SIO_PAGE_LG2,
			     .pages = 2,
			     .oa_step = (int64_t)SIO_PAGE_SIZE};

	if (got == 2 && where == FGSP_AT_0)
		probe_fgsp(domain, 0, &run);
	for (unsigned i = 0; got == 2 && where == FGSP_RESERVED && i < list->count; i++) {
		iova_t start = (list->range[i].first + two - 1) & ~(two - 1);
		iova_t last = list->range[i].last;

		if (start < list->range[i].first || start >= last || last - start < two)
			continue;
		probe_fgsp(domain, start, &run);
		break;
	}
	iommu_sync_late(t1->iommu);
	if (got)
		phys_frames_put(phys, pfn, got);
}

/* Groups on two buses behind one unit shared no domain in the first posting of several domains. */
static bool domains_match(const struct type1 *t1, const struct t1_domain *domain,
			  const struct t1_domain *own, const struct iommu_group *group)
{
	if (domain->enforce != own->enforce)
		return false;
	if (t1_kernel(t1)->match == MATCH_BUS_PROT)
		return group_bus(domain->group[0]) == group_bus(group);
	return domain->domain->driver == own->domain->driver;
}

/*
 * Move the group from its own new domain to the first existing one that matches and takes it.
 * *joined: it did. A failure to come back to the new domain is an error.
 */
static int join_existing(struct type1 *t1, struct t1_domain *own, struct iommu_group *group,
			 bool *joined)
{
	*joined = false;
	for (unsigned i = 0; i < t1->domain_count; i++) {
		struct t1_domain *domain = t1->domain[i];
		int rc;

		if (!domains_match(t1, domain, own, group))
			continue;
		rc = reserve_group(domain);
		if (rc) {
			iommu_detach_group(own->domain, group);
			return rc;
		}
		iommu_detach_group(own->domain, group);
		if (!iommu_attach_group(domain->domain, group)) {
			add_group(domain, group);
			*joined = true;
			return 0;
		}
		rc = iommu_attach_group(own->domain, group);
		if (rc)
			return rc;
	}
	return 0;
}

/* With the group attached to its own domain: everything up to the point of no return. */
static int settle(struct type1 *t1, struct t1_domain *own, struct iommu_group *group,
		  const struct caller *caller, struct iova_list *list)
{
	bool joined;
	int rc;

	rc = iova_with_group(t1, own->domain, group, list);
	if (rc)
		goto err_detach;
	rc = -EPERM;
	if (!interrupts_are_safe(t1, group))
		goto err_detach;
	own->enforce = make_coherent(t1, own->domain, group);

	rc = join_existing(t1, own, group, &joined);
	if (rc)
		goto err_list;
	if (joined) {
		domain_destroy(own);
		return 0;
	}
	if (t1_kernel(t1)->fgsp == FGSP_LEAVES)
		own->fgsp = true;
	else if (t1_kernel(t1)->fgsp != FGSP_NO_PROBE)
		test_fgsp(t1, own, list);
	rc = t1_replay(t1, own, caller);
	if (rc)
		goto err_detach;
	add_group(own, group);
	add_domain(t1, own);
	return 0;

err_detach:
	iommu_detach_group(own->domain, group);
err_list:
	iova_list_fini(list);
	return rc;
}

static int attach_new(struct type1 *t1, struct iommu_group *group, const struct caller *caller)
{
	struct iova_list list = {0};
	struct t1_domain *own = NULL;
	int rc;

	rc = domain_create(t1, group, &own);
	if (rc)
		return rc;
	rc = iommu_attach_group(own->domain, group);
	if (!rc)
		rc = settle(t1, own, group, caller, &list);
	if (rc) {
		domain_destroy(own);
		return rc;
	}
	if (t1_has_iova_list(t1))
		iova_replace(t1, &list);
	t1->untracked_groups++;
	return 0;
}

/* To the one domain: nothing needs to be filled, its tables are there. */
static int attach_only(struct type1 *t1, struct iommu_group *group)
{
	struct t1_domain *domain = t1->domain[0];
	int rc = reserve_group(domain);

	if (!rc && t1_kernel(t1)->intr_remap != INTR_REMAP_OPEN && !interrupts_are_safe(t1, group))
		rc = -EPERM;
	if (!rc)
		rc = iommu_attach_group(domain->domain, group);
	if (rc)
		return rc;
	t1_pgsize_update(t1);
	add_group(domain, group);
	t1->untracked_groups++;
	return 0;
}

int t1_attach_group(struct type1 *t1, struct iommu_group *group, const struct caller *caller)
{
	const struct task *outer = t1->iommu->current;
	int rc;

	/* Replay may pin, and an invalidated mapping has no address to pin from. */
	if (t1->invalid_count)
		return -EBUSY;
	if (find_group(t1, group))
		return -EINVAL;
	if (t1_kernel(t1)->one_bus && !group_is_on_one_bus(group))
		return -EINVAL;
	t1->iommu->current = caller->task;
	rc = t1_has_one_domain(t1) ? attach_only(t1, group) : attach_new(t1, group, caller);
	t1->iommu->current = outer;
	return rc;
}

/* ---- detach ---- */

static void leave_domain(struct type1 *t1, struct t1_domain *domain, struct iommu_group *group,
			 struct iova_list *list)
{
	iommu_detach_group(domain->domain, group);
	remove_group(domain, group);
	if (domain->group_count || t1_has_one_domain(t1))
		return;
	/* Ownership of a group is what allows mappings: with the last domain they all go. */
	if (t1->domain_count == 1 && t1->emulated.group_count)
		t1_reaccount(t1);
	else if (t1->domain_count == 1)
		t1_remove_all(t1);
	remove_domain(t1, domain);
	iova_expand(t1, list);
	t1_pgsize_update(t1);
}

void t1_detach_group(struct type1 *t1, struct iommu_group *group)
{
	struct t1_domain *domain = find_group(t1, group);
	struct iova_list list;

	if (t1_detach_emulated(t1, group))
		return;
	/* Without memory for a copy the old list stays: narrower than it could be. */
	iova_list_copy(&t1->iova, &list);
	if (domain)
		leave_domain(t1, domain, group, &list);
	if (!t1_has_iova_list(t1) || iova_rebuild(t1, &list))
		iova_list_fini(&list);
	else
		iova_replace(t1, &list);
	if (!domain || !t1_forget_tracking(t1, group))
		return;
	t1->untracked_groups--;
	if (t1->dirty_tracking && t1_kernel(t1)->full_dirty_on_detach && !SEEDED(T11))
		t1_bitmap_fill_all(t1);
}
