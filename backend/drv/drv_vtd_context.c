// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root and context tables of a unit; context entries of legacy mode.
 *
 * Spec: "Root Entry", "Context Entry"; "Guidance to Software for Invalidations".
 *
 * A unit may read an entry at any moment. So the high half is written first and the low half, which
 * holds P, last; an entry in use is cleared and forgotten before it gets new contents. Context
 * tables are made when a bus is first used and stay as long as the unit.
 *
 * The ids that a device's DMA may carry, its aliases, have an entry each. From 6.11 on the kernel
 * invalidates the device's own id once for each of them (intel_context_flush_present()), so that a
 * unit goes on using what it cached of an alias.
 *
 * In scalable mode what attach and detach change is a PASID entry instead (drv_vtd_pasid.c).
 */
#include "drv_vtd_priv.h"

#define ENTRY_P       SIO_BIT(0)
#define ENTRY_ADDRESS SIO_MASK(63, 12)
#define CONTEXT_AW    SIO_MASK(2, 0)
#define CONTEXT_DID   SIO_MASK(23, 8)

struct context_entry {
	uint64_t lo, hi;
};

static struct context_entry context_load(const struct context_entry *entry)
{
	return (struct context_entry){
		.lo = __atomic_load_n(&entry->lo, __ATOMIC_ACQUIRE),
		.hi = __atomic_load_n(&entry->hi, __ATOMIC_RELAXED),
	};
}

static void context_store(struct context_entry *entry, struct context_entry value)
{
	__atomic_store_n(&entry->hi, value.hi, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->lo, value.lo, __ATOMIC_RELEASE);
}

uint64_t *vtd_root_slot(const struct vtd_unit *vu, uint16_t rid)
{
	uint64_t *root = phys_ptr(vtd_phys(vu), vu->root);

	/* Scalable mode: the high word leads to the upper half of the bus. */
	return &root[(rid >> 8) * 2 + (vu->scalable && rid & 0x80)];
}

bool vtd_context_table(struct vtd_unit *vu, uint16_t rid)
{
	uint64_t *slot = vtd_root_slot(vu, rid);
	pa_t table;

	if (*slot & ENTRY_P)
		return true;
	table = fail_table("vtd.attach.context", vtd_phys(vu));
	if (table == PA_NONE)
		return false;
	vtd_written(vu, phys_ptr(vtd_phys(vu), table), SIO_PAGE_SIZE);
	__atomic_store_n(slot, table | ENTRY_P, __ATOMIC_RELEASE);
	vtd_written(vu, slot, sizeof(*slot));
	return true;
}

/* The context entry of a requester, NULL if its bus has no table yet. */
static struct context_entry *context_find(const struct vtd_unit *vu, uint16_t rid)
{
	uint64_t low = __atomic_load_n(vtd_root_slot(vu, rid), __ATOMIC_RELAXED);
	struct context_entry *table;

	if (!(low & ENTRY_P))
		return NULL;
	table = phys_ptr(vtd_phys(vu), low & ENTRY_ADDRESS);
	return &table[rid & 0xff];
}

static int prepare_alias(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	(void)owner;
	return !vtd_context_table(ctx, rid);
}

bool vtd_context_prepare(struct vtd_device *vdev)
{
	return vdev->unit->scalable ||
	       !pci_for_each_dma_alias(vdev->dev->pci, prepare_alias, vdev->unit);
}

/* An entry of a device, for one of its ids. */
struct alias_job {
	struct vtd_unit *vu;
	uint16_t own;
	struct context_entry value;
};

static void entry_clear(const struct alias_job *job, uint16_t rid)
{
	struct vtd_unit *vu = job->vu;
	bool own = vu->drv->iommu->personality->vtd_alias_kept;
	struct context_entry *entry = context_find(vu, rid);
	uint16_t did;

	if (!entry || !(entry->lo & ENTRY_P))
		return;
	did = (uint16_t)SIO_FIELD_GET(CONTEXT_DID, entry->hi);
	__atomic_store_n(&entry->lo, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->hi, 0, __ATOMIC_RELAXED);
	vtd_written(vu, entry, sizeof(*entry));
	vtd_flush_context(vu, GRAN_FINE, did, own ? job->own : rid);
	vtd_flush_iotlb(vu, GRAN_DOMAIN, did);
}

static void entry_set(const struct alias_job *job, uint16_t rid)
{
	const struct context_entry value = job->value;
	struct vtd_unit *vu = job->vu;
	struct context_entry *entry = context_find(vu, rid), now = context_load(entry);

	/* Devices behind one bridge share its alias: the first of them has written it already. */
	if (now.lo == value.lo && now.hi == value.hi)
		return;
	entry_clear(job, rid);
	context_store(entry, value);
	vtd_written(vu, entry, sizeof(*entry));
	/* A unit in caching mode may remember that nothing was there, under domain id 0. */
	if (vu->caps.caching_mode) {
		vtd_flush_context(vu, GRAN_FINE, 0, rid);
		vtd_flush_iotlb(vu, GRAN_DOMAIN, (uint16_t)SIO_FIELD_GET(CONTEXT_DID, value.hi));
	} else {
		vtd_flush_write_buffer(vu);
	}
}

static struct context_entry entry_for(const struct vtd_domain *vd, uint16_t did)
{
	/* AW counts levels from two; levels count from zero at the leaves. Translation type 0. */
	return (struct context_entry){
		.lo = vd->pt.root | ENTRY_P,
		.hi = SIO_FIELD_PREP(CONTEXT_AW, vd->pt.top_level - 1u) |
		      SIO_FIELD_PREP(CONTEXT_DID, did),
	};
}

static int set_alias(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	(void)owner;
	entry_set(ctx, rid);
	return 0;
}

static int clear_alias(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	(void)owner;
	entry_clear(ctx, rid);
	return 0;
}

static int differs_alias(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	const struct alias_job *job = ctx;
	const struct context_entry *entry = context_find(job->vu, rid);

	(void)owner;
	return !entry || entry->lo != job->value.lo || entry->hi != job->value.hi;
}

void vtd_context_set(struct vtd_link *link, const struct vtd_domain *vd, uint16_t did)
{
	const struct vtd_device *vdev = link->vdev;
	struct alias_job job = {.vu = vdev->unit, .own = vdev->dev->pci->rid};

	if (vdev->unit->scalable) {
		vtd_pasid_set(link, vd, did);
		return;
	}
	job.value = entry_for(vd, did);
	(void)pci_for_each_dma_alias(vdev->dev->pci, set_alias, &job);
}

void vtd_context_clear(struct vtd_link *link)
{
	const struct vtd_device *vdev = link->vdev;
	struct alias_job job = {.vu = vdev->unit, .own = vdev->dev->pci->rid};

	if (vdev->unit->scalable)
		vtd_pasid_clear(link);
	else
		(void)pci_for_each_dma_alias(vdev->dev->pci, clear_alias, &job);
}

const char *vtd_context_audit(const struct vtd_link *link, const struct vtd_domain *vd,
			      uint16_t did)
{
	const struct vtd_device *vdev = link->vdev;
	struct alias_job job = {.vu = vdev->unit};

	if (vdev->unit->scalable)
		return vtd_pasid_audit(link, vd, did);
	job.value = entry_for(vd, did);
	if (pci_for_each_dma_alias(vdev->dev->pci, differs_alias, &job))
		return "a context entry does not name the domain of its device";
	return NULL;
}

void vtd_context_free_all(struct vtd_unit *vu)
{
	uint64_t *root = phys_ptr(vtd_phys(vu), vu->root);

	/* The high words are zero in legacy mode. */
	for (unsigned i = 0; i < 512; i++) {
		if (!(root[i] & ENTRY_P))
			continue;
		/* Frames go back zeroed: a device that was never blocked left its entry behind. */
		drv_frames_free(vtd_phys(vu), root[i] & ENTRY_ADDRESS, 1);
		root[i] = 0;
	}
}
