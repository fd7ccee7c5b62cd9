// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups: which devices cannot be told apart or kept apart, and in which domain they are.
 *
 * Kernel behaviour: pci_device_group() and iommu_attach_group() of drivers/iommu/iommu.c.
 *
 * Invariant (iommu_group_audit): a group has devices and is always on some domain, all of them on
 * the same. Whose DMA it does: owner.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/iommu_priv.h"

/* ---- which group a function belongs to ---- */

static struct iommu_group *group_of(const struct iommu *iommu, const struct pci_function *fn)
{
	const struct iommu_device *dev = iommu_device_find(iommu, fn->segment, fn->rid);

	return dev ? dev->group : NULL;
}

struct alias_search {
	const struct iommu *iommu;
	const struct pci_function *top; /* where the walk over the aliases ended */
	struct iommu_group *group;
};

static int alias_group(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	struct alias_search *search = ctx;

	(void)rid;
	search->top = owner;
	search->group = group_of(search->iommu, owner);
	return search->group != NULL;
}

static bool has_alias(const struct pci_function *fn, uint16_t rid)
{
	for (unsigned i = 0; i < fn->alias_count; i++) {
		if (fn->alias_devfns[i] == (rid & 0xff))
			return true;
	}
	return false;
}

static bool on_same_bus(const struct pci_function *a, const struct pci_function *b)
{
	return a->segment == b->segment && a->rid >> 8 == b->rid >> 8;
}

/* Group of the function, or of one that aliases it or that it aliases. `seen`: a bit per devfn. */
static struct iommu_group *alias_peer_group(const struct iommu *iommu,
					    const struct pci_function *fn, uint64_t seen[4])
{
	unsigned devfn = fn->rid & 0xff;
	struct iommu_group *group;

	if (seen[devfn / 64] & SIO_BIT(devfn % 64))
		return NULL;
	seen[devfn / 64] |= SIO_BIT(devfn % 64);
	group = group_of(iommu, fn);
	for (const struct pci_function *peer = iommu->topology->first; peer && !group;
	     peer = peer->next) {
		if (peer == fn || !on_same_bus(peer, fn))
			continue;
		if (has_alias(fn, peer->rid) || has_alias(peer, fn->rid))
			group = alias_peer_group(iommu, peer, seen);
	}
	return group;
}

/* Functions of one slot can reach each other inside the device unless each redirects upstream. */
static struct iommu_group *slot_group(const struct iommu *iommu, const struct pci_function *fn,
				      uint64_t seen[4])
{
	struct iommu_group *group = NULL;

	if (!fn->multifunction || pci_acs_enabled(fn, ACS_ISOLATED))
		return NULL;
	for (const struct pci_function *peer = iommu->topology->first; peer && !group;
	     peer = peer->next) {
		if (peer == fn || !on_same_bus(peer, fn) || peer->rid >> 3 != fn->rid >> 3)
			continue;
		if (!pci_acs_enabled(peer, ACS_ISOLATED))
			group = alias_peer_group(iommu, peer, seen);
	}
	return group;
}

/* An existing group that the function must join, NULL: it gets one of its own. */
static struct iommu_group *group_find_for(const struct iommu *iommu, const struct pci_function *fn)
{
	struct alias_search search = {.iommu = iommu, .top = fn};
	uint64_t seen[4] = {0};
	struct iommu_group *group;

	if (pci_for_each_dma_alias(fn, alias_group, &search))
		return search.group;

	/* From where DMA can be told apart, up to where it cannot turn round below the root. */
	fn = search.top;
	while (fn->parent && !pci_acs_path_enabled(fn->parent, ACS_ISOLATED)) {
		fn = fn->parent;
		group = group_of(iommu, fn);
		if (group)
			return group;
	}

	group = alias_peer_group(iommu, fn, seen);
	return group ? group : slot_group(iommu, fn, seen);
}

/* ---- domains of a group ---- */

static int device_set_domain(struct iommu_device *dev, struct iommu_domain *domain)
{
	int rc;

	/* Firmware keeps using its memory through the IOMMU: blocking it would break the device. */
	if (dev->require_direct && domain->type == IOMMU_DOMAIN_BLOCKED)
		return -EINVAL;
	rc = inject_here("iommu.attach", FAIL_ATTACH);
	return rc ? rc : dev->driver->attach(domain, dev);
}

/* Record the move; both counts are groups. */
static void group_note_domain(struct iommu_group *group, struct iommu_domain *domain)
{
	if (group->domain)
		group->domain->attached--;
	group->domain = domain;
	domain->attached++;
}

int iommu_group_set_domain(struct iommu_group *group, struct iommu_domain *domain)
{
	struct iommu_device *dev, *undo;
	int rc = 0;

	if (group->domain == domain)
		return 0;
	iommu_sync_late(group->iommu);
	for (dev = group->devices; dev; dev = dev->next_in_group) {
		rc = device_set_domain(dev, domain);
		if (rc)
			goto err_undo;
	}
	group_note_domain(group, domain);
	return 0;

err_undo:
	for (undo = group->devices; undo != dev; undo = undo->next_in_group) {
		int undo_rc = undo->driver->attach(group->domain, undo);

		/* A domain that a device just left takes it back: drivers keep what that needs. */
		sio_assert(undo_rc == 0);
	}
	return rc;
}

void iommu_group_restore_domain(struct iommu_group *group, struct iommu_domain *domain)
{
	if (group->domain == domain)
		return;
	for (struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group) {
		int rc = dev->driver->attach(domain, dev);

		sio_assert(rc == 0);
	}
	group_note_domain(group, domain);
}

/* Map one to one what firmware asked for, as far as it is not mapped yet. */
static int direct_map_region(struct iommu_domain *domain, const struct resv_region *region)
{
	iova_t iova = sio_align_down(region->first, SIO_PAGE_SIZE);
	uint64_t pages = (region->last - iova) / SIO_PAGE_SIZE + 1;
	int rc = 0;

	while (pages && !rc) {
		struct pt_run run = iommu_query(domain, iova, pages);
		uint64_t step = run.pages;
		iova_t mapped;

		if (!step) {
			step = pages;
			if (iommu_next(domain, iova, region->last, &mapped))
				step = (mapped - iova) / SIO_PAGE_SIZE;
			run = (struct pt_run){.oa = iova,
					      .pages = step,
					      .oa_step = (int64_t)SIO_PAGE_SIZE};
			rc = iommu_map(domain, iova, &run, IOMMU_READ | IOMMU_WRITE);
		}
		iova += step * SIO_PAGE_SIZE;
		pages -= step;
	}
	return rc;
}

static int device_direct_map(struct iommu_device *dev, struct iommu_domain *domain)
{
	struct resv_list list = {0};
	int rc = iommu_device_reserved(dev, &list);

	if (rc)
		return rc;
	for (unsigned i = 0; i < list.count; i++) {
		enum resv_type type = list.region[i].type;

		if (type == RESV_DIRECT)
			dev->require_direct = true;
		if (type != RESV_DIRECT && type != RESV_DIRECT_RELAXABLE)
			continue;
		/* A region beyond the unit's width is firmware's fault and costs a warning only. */
		rc = direct_map_region(domain, &list.region[i]);
		if (rc == -ENOMEM)
			break;
		rc = 0;
	}
	resv_list_fini(&list);
	return rc;
}

/* ---- life of a group ---- */

void iommu_group_link(struct iommu_priv *priv, struct iommu_group *group)
{
	struct iommu_group **link = &priv->groups;

	group->id = 0;
	for (; *link && (*link)->id == group->id; link = &(*link)->next)
		group->id++;
	group->next = *link;
	*link = group;
}

static int group_create(struct iommu_device *dev, struct iommu_group **out)
{
	struct iommu_group *group = fail_calloc("iommu.group.create", 1, sizeof(*group));
	int rc;

	if (!group)
		return -ENOMEM;
	group->iommu = dev->iommu;
	rc = iommu_domain_create(dev, IOMMU_DOMAIN_DMA, &group->default_domain);
	if (rc) {
		free(group);
		return rc;
	}
	*out = group;
	return 0;
}

void iommu_group_destroy(struct iommu_group *group)
{
	iommu_pasids_free(group);
	if (group->domain)
		group->domain->attached--;
	if (group->blocking_domain)
		iommu_domain_free(group->blocking_domain);
	if (group->default_domain)
		iommu_domain_free(group->default_domain);
	free(group);
}

int iommu_group_join(struct iommu_device *dev)
{
	struct iommu_priv *priv = dev->iommu->priv;
	struct iommu_group *group = dev->pci ? group_find_for(dev->iommu, dev->pci) : NULL;
	struct iommu_device **link;
	bool fresh = !group;
	int rc = 0;

	if (fresh)
		rc = group_create(dev, &group);
	if (rc)
		return rc;
	rc = device_direct_map(dev, group->default_domain);
	if (!rc)
		rc = device_set_domain(dev, group->domain ? group->domain : group->default_domain);
	if (rc) {
		if (fresh)
			iommu_group_destroy(group);
		return rc;
	}
	if (fresh) {
		group_note_domain(group, group->default_domain);
		iommu_group_link(priv, group);
	}
	for (link = &group->devices; *link; link = &(*link)->next_in_group)
		;
	*link = dev;
	dev->group = group;
	return 0;
}

void iommu_group_leave(struct iommu_device *dev)
{
	struct iommu_group *group = dev->group, **at = &dev->iommu->priv->groups;
	struct iommu_device **link = &group->devices;

	while (*link != dev)
		link = &(*link)->next_in_group;
	*link = dev->next_in_group;
	dev->group = NULL;
	if (group->devices)
		return;
	sio_assert(!group->owner_count && !group->pasid_count);
	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	iommu_group_destroy(group);
}

struct iommu_group *iommu_group_find(const struct iommu *iommu, int id)
{
	struct iommu_group *group = iommu->priv->groups;

	while (group && group->id != id)
		group = group->next;
	return group;
}

struct iommu_device *iommu_group_first_device(const struct iommu_group *group)
{
	return group->devices;
}

bool iommu_group_msi_isolated(const struct iommu_group *group)
{
	for (const struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group) {
		if (!dev->driver->capable(dev, IOMMU_CAP_INTR_REMAP))
			return false;
	}
	return true;
}

bool iommu_bus_capable(const struct iommu *iommu, unsigned bus, enum iommu_cap cap)
{
	for (const struct iommu_device *dev = iommu->priv->devices; dev; dev = dev->next) {
		if (dev->driver && dev->bus == bus && !dev->driver->capable(dev, cap))
			return false;
	}
	return true;
}

int iommu_attach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	if (group->domain != group->default_domain && group->domain != group->blocking_domain)
		return -EBUSY;
	if (!group->devices || group->devices->driver != domain->driver)
		return -EINVAL;
	return iommu_group_set_domain(group, domain);
}

void iommu_detach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	(void)domain;
	iommu_group_restore_domain(group, iommu_owner_idle_domain(group));
}

int iommu_replace_group(struct iommu_domain *domain, struct iommu_group *group)
{
	if (!group->devices || group->devices->driver != domain->driver)
		return -EINVAL;
	return iommu_group_set_domain(group, domain);
}

/* ---- audit ---- */

const char *iommu_group_audit(const struct iommu_group *group)
{
	const char *what;

	if (group->bare)
		return iommu_bare_group_audit(group);
	if (!group->devices)
		return "a group has no device";
	if (!group->domain)
		return "a group is on no domain";
	for (const struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group) {
		if (dev->group != group)
			return "a group lists a device of another group";
	}
	what = iommu_owner_audit(group);
	return what ? what : iommu_pasid_audit(group);
}
