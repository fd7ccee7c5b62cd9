// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains of the VT-d driver: geometry, which units use one, snoop control.
 *
 * Kernel behaviour: drivers/iommu/intel of Linux 6.12, second stage only. A domain takes the
 * geometry of the unit that it was made for. Another unit may join if it can walk the domain's
 * table and reach everything mapped in it; excess top levels of the table are dropped for it. A
 * nested domain has an id of its own and no table: what counts is the parent's.
 *
 * Invariants (vtd_domain_audit): a domain has one id per unit that some device of it is behind;
 * each context or PASID entry of each of its devices holds the domain's root, width and that id.
 */
#include <errno.h>

#include "drv_vtd_priv.h"

#include "recycle.h"
#include "seeded.h"

/* ---- domain ids ---- */

/*
 * The lowest free id: caching mode tags absent entries with 0, and scalable mode keeps 1 for tables
 * that are not second stage.
 */
static int did_alloc(struct vtd_unit *vu, uint16_t *did)
{
	int rc = inject_here("vtd.attach.domain-id", FAIL_ALLOC, ENOSPC, ENOMEM);

	if (rc)
		return rc;
	for (uint32_t id = vu->scalable ? 2 : 1; id < vu->caps.domain_ids; id++) {
		uint64_t *word = &vu->dids[id / 64];

		if (*word == UINT64_MAX) {
			id |= 63;
			continue;
		}
		if (*word & SIO_BIT(id % 64))
			continue;
		*word |= SIO_BIT(id % 64);
		*did = (uint16_t)id;
		return 0;
	}
	return -ENOSPC;
}

static void did_free(struct vtd_user *user)
{
	if (user->did)
		user->unit->dids[user->did / 64] &= ~SIO_BIT(user->did % 64);
	user->did = 0;
}

/* ---- geometry ---- */

/*
 * Page sizes that Linux uses of what the unit has: 4 KiB, 2 MiB, 1 GiB. Up to 5.11 the driver took
 * every multiple of 4 KiB and cut it up itself.
 */
static uint64_t unit_pgsizes(const struct vtd_unit *vu)
{
	uint64_t bitmap = SIO_PAGE_SIZE;

	if (vu->drv->iommu->personality->vtd_every_pgsize)
		return SIO_PAGE_MASK;
	if (vu->caps.large_levels & 2)
		bitmap |= SIO_BIT(21);
	if (vu->caps.large_levels & 4)
		bitmap |= SIO_BIT(30);
	return bitmap;
}

/* The domain now ends at `width` bits, whatever it could reach before. */
static void domain_set_width(struct vtd_domain *vd, unsigned width)
{
	vd->width = (uint8_t)width;
	vd->base.aperture_first = 0;
	vd->base.aperture_last = SIO_BIT(width) - 1;
}

static unsigned min_width(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

int vtd_domain_alloc_paging(struct iommu_device *dev, struct vtd_domain **out)
{
	const struct vtd_device *vdev = dev->driver_data;
	const struct vtd_unit *vu = vdev->unit;
	struct pt_caps caps = {
		.haw = vu->caps.haw,
		.large_levels = vu->caps.large_levels & 7,
		.snoop = vu->caps.snoop_control,
		.device_tlb = vu->caps.device_tlb,
	};
	struct vtd_domain *vd;

	vd = recycle_calloc("vtd.domain", sizeof(*vd));
	if (!vd)
		return -ENOMEM;
	if (!pt_init(&vd->pt, vtd_phys(vu), &pt_vtd_ss, &caps, vu->top_level)) {
		recycle_free(vd);
		return -ENOMEM;
	}
	domain_set_width(vd, vu->width);
	vd->base.pgsize_bitmap = unit_pgsizes(vu);
	*out = vd;
	return 0;
}

int vtd_domain_alloc(struct iommu_device *dev, enum iommu_domain_type type,
		     struct iommu_domain **out)
{
	struct vtd_domain *vd;
	int rc = 0;

	if (type == IOMMU_DOMAIN_IDENTITY)
		return -EINVAL;
	if (type == IOMMU_DOMAIN_BLOCKED) {
		vd = recycle_calloc("vtd.domain.blocked", sizeof(*vd));
		if (!vd)
			return -ENOMEM;
		vd->pt.root = PA_NONE;
	} else {
		rc = vtd_domain_alloc_paging(dev, &vd);
	}
	if (!rc)
		*out = &vd->base;
	return rc;
}

/* A nested domain goes before its parent does. */
static void domain_leave_parent(struct vtd_domain *vd)
{
	struct vtd_domain **link;

	if (!vd->parent)
		return;
	for (link = &vd->parent->children; *link != vd; link = &(*link)->sibling)
		;
	*link = vd->sibling;
}

void vtd_domain_free(struct iommu_domain *domain)
{
	struct vtd_domain *vd = vtd_domain(domain);

	sio_assert(!vd->links && !vd->children);
	domain_leave_parent(vd);
	for (unsigned i = 0; i < vd->user_count; i++)
		did_free(&vd->users[i]);
	if (vd->pt.root != PA_NONE)
		pt_fini(&vd->pt);
	recycle_free(vd->users);
	recycle_free(vd);
}

/* ---- users ---- */

struct vtd_user *vtd_domain_user(const struct vtd_domain *vd, const struct vtd_unit *vu)
{
	for (unsigned i = 0; i < vd->user_count; i++) {
		if (vd->users[i].unit == vu)
			return &vd->users[i];
	}
	return NULL;
}

/* One more device of the unit. */
static int domain_use(struct vtd_domain *vd, struct vtd_unit *vu, struct vtd_user **out)
{
	struct vtd_user *user = vtd_domain_user(vd, vu);
	int rc;

	if (!user) {
		user = recycle_realloc("vtd.attach.user", vd->users,
				       (vd->user_count + 1) * sizeof(*user));
		if (!user)
			return -ENOMEM;
		vd->users = user;
		user += vd->user_count++;
		*user = (struct vtd_user){.unit = vu};
	}
	if (!user->did) {
		rc = did_alloc(vu, &user->did);
		if (rc)
			return rc;
	}
	user->refs++;
	*out = user;
	return 0;
}

static void domain_unuse(struct vtd_domain *vd, struct vtd_unit *vu)
{
	struct vtd_user *user = vtd_domain_user(vd, vu);

	sio_assert(user && user->refs);
	user->refs--;
	/* A default domain keeps its id: going back to it must not fail for want of one. */
	if (!user->refs && vd->base.type != IOMMU_DOMAIN_DMA)
		did_free(user);
}

/* ---- dropping excess levels ---- */

static bool unit_walks(const struct vtd_unit *vu, unsigned top_level)
{
	/* SAGAW bit n: n + 2 levels, so the top one is n + 1. */
	return top_level >= 1 && vu->caps.sagaw & 1u << (top_level - 1);
}

static bool users_walk(const struct vtd_domain *vd, unsigned top)
{
	for (unsigned i = 0; i < vd->user_count; i++) {
		if (vd->users[i].refs && !unit_walks(vd->users[i].unit, top))
			return false;
	}
	return true;
}

/* All units that use the table, and `extra`, can walk one with this top level. */
static bool domain_walkable(const struct vtd_domain *vd, const struct vtd_unit *extra, unsigned top)
{
	for (const struct vtd_domain *child = vd->children; child; child = child->sibling) {
		if (!users_walk(child, top))
			return false;
	}
	return users_walk(vd, top) && unit_walks(extra, top);
}

static void rewrite_links(struct vtd_domain *vd)
{
	for (struct vtd_link *link = vd->links; link; link = link->next)
		vtd_context_set(link, vd, vtd_domain_user(vd, link->vdev->unit)->did);
}

void vtd_domain_rewrite(struct vtd_domain *vd)
{
	rewrite_links(vd);
	for (struct vtd_domain *child = vd->children; child; child = child->sibling)
		rewrite_links(child);
}

/* Make the table below the root's first entry the root. Nothing lies above its reach. */
static int domain_drop_level(struct vtd_domain *vd)
{
	struct phys *phys = vd->pt.phys;
	uint64_t *entries = phys_ptr(phys, vd->pt.root);
	pa_t old = vd->pt.root;
	struct pt_entry first =
		vd->pt.ops->format->decode(entries[0], vd->pt.top_level, &vd->pt.caps);
	struct pt shallow;

	if (first.kind == PT_TABLE) {
		shallow = vd->pt;
		shallow.root = first.oa;
		shallow.top_level = first.next_level;
		shallow.table_count--;
	} else if (!pt_init(&shallow, phys, vd->pt.ops, &vd->pt.caps, vd->pt.top_level - 1u)) {
		return -ENOMEM;
	}
	vd->pt = shallow;
	if (first.kind != PT_TABLE)
		vtd_pages_written(vd, 0, 0, true);
	/* Every unit forgets the old root before its frame goes back. */
	vtd_domain_rewrite(vd);
	entries[0] = 0;
	phys_table_free(phys, old);
	return 0;
}

static int domain_fit_levels(struct vtd_domain *vd, const struct vtd_unit *vu)
{
	unsigned top = vd->pt.top_level;
	int rc = 0;

	if (top > vu->top_level)
		top = vu->top_level;
	if (!domain_walkable(vd, vu, top))
		return -EINVAL;
	while (vd->pt.top_level > top && !rc)
		rc = domain_drop_level(vd);
	if (!rc)
		domain_set_width(vd, min_width(vd->width, pt_width(vd->pt.top_level)));
	return rc;
}

/* ---- attach ---- */

/* May a device behind this unit use the table? Checks in the kernel's order. */
static int table_accepts(struct vtd_domain *vd, const struct vtd_unit *vu)
{
	if (vd->snoop && !vu->caps.snoop_control)
		return -EINVAL;
	if (vd->base.dirty_ops && !vtd_tracks_dirty(vu))
		return -EINVAL;
	if (vd->mapped_end > SIO_BIT(vu->width))
		return -EINVAL;
	return domain_fit_levels(vd, vu);
}

void vtd_link_leave(struct vtd_link *link)
{
	struct vtd_domain *vd = link->domain;
	struct vtd_link **at;

	if (!vd)
		return;
	for (at = &vd->links; *at != link; at = &(*at)->next)
		;
	*at = link->next;
	link->domain = NULL;
	domain_unuse(vd, link->vdev->unit);
}

int vtd_link_attach(struct vtd_domain *vd, struct vtd_link *link)
{
	struct vtd_unit *vu = link->vdev->unit;
	struct vtd_domain *table = vd->parent ? vd->parent : vd;
	struct vtd_user *user;
	int rc;

	if (link->domain == vd)
		return 0;
	rc = table_accepts(table, vu);
	if (!rc && vd->parent)
		rc = vtd_nested_accepts(vd, vu);
	if (!rc)
		rc = domain_use(vd, vu, &user);
	if (rc)
		return rc;
	/* From here on nothing fails. The old id is given back after the unit forgot it. */
	domain_set_width(table, min_width(table->width, vu->width));
	table->base.pgsize_bitmap &= unit_pgsizes(vu);
	/* Of the first device behind the unit: it has not been told of changes so far. */
	if (user->refs == 1)
		vtd_tree_written(table, vu);
	vtd_context_set(link, vd, user->did);
	vtd_link_leave(link);
	link->domain = vd;
	link->next = vd->links;
	vd->links = link;
	return 0;
}

int vtd_domain_attach(struct iommu_domain *domain, struct iommu_device *dev)
{
	struct vtd_device *vdev = dev->driver_data;

	if (domain->type == IOMMU_DOMAIN_BLOCKED) {
		vtd_context_clear(&vdev->rid);
		vtd_link_leave(&vdev->rid);
		return 0;
	}
	if (!vtd_context_prepare(vdev))
		return -ENOMEM;
	if (vdev->unit->scalable)
		vtd_pasid_services(vdev);
	return vtd_link_attach(vtd_domain(domain), &vdev->rid);
}

bool vtd_domain_enforce(struct iommu_domain *domain)
{
	struct vtd_domain *vd = vtd_domain(domain);

	if (vd->snoop)
		return true;
	/* Leaves written before would go on not snooping. */
	if (vd->pt.root == PA_NONE || (vd->ever_mapped && !SEEDED(V06)))
		return false;
	for (unsigned i = 0; i < vd->user_count; i++) {
		if (vd->users[i].refs && !vd->users[i].unit->caps.snoop_control)
			return false;
	}
	vd->pt.caps.snoop = true;
	pt_caps_finish(&vd->pt.caps, vd->pt.ops);
	vd->snoop = true;
	return true;
}

/* Before nesting moved to its own interface the driver made first-stage domains of this. */
int vtd_domain_nest(struct iommu_domain *domain)
{
	return domain->iommu->personality->vtd_nesting_enodev ? -ENODEV : -EINVAL;
}

/* ---- audit ---- */

static unsigned user_links(const struct vtd_domain *vd, const struct vtd_unit *vu)
{
	unsigned links = 0;

	for (const struct vtd_link *link = vd->links; link; link = link->next)
		links += link->vdev->unit == vu;
	return links;
}

const char *vtd_domain_audit(const struct iommu_domain *domain)
{
	struct vtd_domain *vd = vtd_domain(domain);
	const char *what = NULL;

	if (domain->type == IOMMU_DOMAIN_BLOCKED)
		return vd->links ? "the blocking domain lists a device" : NULL;
	if (!vd->parent)
		what = pt_audit(&vd->pt);
	for (unsigned i = 0; i < vd->user_count && !what; i++) {
		const struct vtd_user *user = &vd->users[i];

		if (user_links(vd, user->unit) != user->refs)
			what = "a domain's device count for a unit is wrong";
		else if (user->refs && !user->did)
			what = "a domain is in use without a domain id";
		else if (user->did && !(user->unit->dids[user->did / 64] & SIO_BIT(user->did % 64)))
			what = "a domain id is in use and marked free";
	}
	for (const struct vtd_link *link = vd->links; link && !what; link = link->next)
		what = vtd_context_audit(link, vd, vtd_domain_user(vd, link->vdev->unit)->did);
	return what;
}
