// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scalable mode: context entries, PASID directories and PASID entries of a VT-d unit.
 *
 * Spec: "Scalable-Mode Context Entry", "Scalable-Mode PASID Directory Entry", "Scalable-Mode PASID
 * Table Entry"; "Guidance to Software for Invalidations".
 *
 * Kernel behaviour: drivers/iommu/intel/pasid.c of Linux 6.12. A device gets its directory, its
 * first table and its context entry when it is found and keeps them; attach and detach touch PASID
 * entries alone. Requests without a PASID use entry 0; tables for other PASIDs are made when one is
 * first attached and stay as long as the device. The context entry is written for the device's own
 * id only: a device behind a conventional bridge, which speaks under the bridge's, reaches nothing
 * in this mode.
 *
 * A unit may read an entry at any moment: what it says is written first and P last, and an entry in
 * use is cleared and forgotten before it gets new contents, unless one bit of its first word is all
 * that changes.
 */
#include "drv_vtd_priv.h"

#include "ats.h"
#include "iommufd/iommufd_uapi.h"

#define ENTRY_P       SIO_BIT(0)
#define ENTRY_ADDRESS SIO_MASK(63, 12)

#define CONTEXT_DTE    SIO_BIT(2)
#define CONTEXT_PASIDE SIO_BIT(3)
#define CONTEXT_PRE    SIO_BIT(4)
#define CONTEXT_PDTS   SIO_MASK(11, 9) /* 2^(PDTS + 7) directory entries */

#define PASID_AW    SIO_MASK(4, 2) /* first word */
#define PASID_PGTT  SIO_MASK(8, 6)
#define PASID_SLADE SIO_BIT(9)
#define PASID_DID   SIO_MASK(15, 0) /* second word */
#define PASID_PWSNP SIO_BIT(23)
#define PASID_PGSNP SIO_BIT(24)
#define PASID_SRE   SIO_BIT(0) /* third word */
#define PASID_FLPM  SIO_MASK(3, 2)
#define PASID_WPE   SIO_BIT(4)
#define PASID_EAFE  SIO_BIT(7)

#define PGTT_SECOND_STAGE UINT64_C(2)
#define PGTT_NESTED       UINT64_C(3)

/* A directory of one frame leads to 512 tables of 64 PASIDs each. */
#define DIRECTORY_FRAME_BITS 15u

struct sm_context {
	uint64_t word[4];
};

struct pasid_entry {
	uint64_t word[8];
};

/* The context entry of a requester; the lower half of a bus has a table of its own. */
static struct sm_context *context_at(const struct vtd_unit *vu, uint16_t rid)
{
	uint64_t link = *vtd_root_slot(vu, rid);
	struct sm_context *table = phys_ptr(vtd_phys(vu), link & SIO_PAGE_MASK);

	return link & ENTRY_P ? &table[rid & 0x7f] : NULL;
}

static uint64_t *directory_slot(const struct vtd_device *vdev, uint32_t pasid)
{
	uint64_t *directory = phys_ptr(vtd_phys(vdev->unit), vdev->pasid_directory);

	return &directory[pasid >> 6];
}

/* Of a PASID whose table is there. */
static struct pasid_entry *pasid_at(const struct vtd_link *link)
{
	uint64_t slot = *directory_slot(link->vdev, link->pasid);
	struct pasid_entry *table = phys_ptr(vtd_phys(link->vdev->unit), slot & ENTRY_ADDRESS);

	sio_assert(slot & ENTRY_P);
	return &table[link->pasid & 63];
}

bool vtd_pasid_table(struct vtd_device *vdev, uint32_t pasid)
{
	uint64_t *slot = directory_slot(vdev, pasid);
	struct phys *phys = vtd_phys(vdev->unit);
	pa_t table;

	if (*slot & ENTRY_P)
		return true;
	table = fail_table("vtd.device.pasid-table", phys);
	if (table == PA_NONE)
		return false;
	vtd_written(vdev->unit, phys_ptr(phys, table), SIO_PAGE_SIZE);
	__atomic_store_n(slot, table | ENTRY_P, __ATOMIC_RELEASE);
	vtd_written(vdev->unit, slot, sizeof(*slot));
	return true;
}

/* ---- context entries ---- */

static void context_store(struct vtd_unit *vu, struct sm_context *context, uint64_t value)
{
	__atomic_store_n(&context->word[0], value, __ATOMIC_RELEASE);
	vtd_written(vu, context, sizeof(*context));
}

static uint64_t context_value(const struct vtd_device *vdev)
{
	return vdev->pasid_directory | ENTRY_P |
	       SIO_FIELD_PREP(CONTEXT_PDTS, sio_lg2(vdev->directory_frames) + 2) |
	       (vdev->dev->max_pasids ? CONTEXT_PASIDE : 0) | (vdev->ats ? CONTEXT_DTE : 0) |
	       (vdev->page_requests ? CONTEXT_PRE : 0);
}

bool vtd_pasid_install(struct vtd_device *vdev)
{
	struct vtd_unit *vu = vdev->unit;
	struct phys *phys = vtd_phys(vu);
	const uint16_t rid = vdev->dev->pci->rid;
	struct sm_context *context;
	unsigned frames = 1;

	while (frames << DIRECTORY_FRAME_BITS < vdev->dev->max_pasids)
		frames *= 2;
	vdev->directory_frames = frames;
	vdev->pasid_directory = drv_frames_alloc(phys, frames);
	if (vdev->pasid_directory == PA_NONE)
		return false;
	vtd_written(vu, phys_ptr(phys, vdev->pasid_directory), frames * SIO_PAGE_SIZE);
	if (!vtd_pasid_table(vdev, IOMMU_NO_PASID) || !vtd_context_table(vu, rid))
		return false;

	context = context_at(vu, rid);
	/* RID_PASID. */
	__atomic_store_n(&context->word[1], IOMMU_NO_PASID, __ATOMIC_RELAXED);
	context_store(vu, context, context_value(vdev));
	/* A unit in caching mode may remember that nothing was there, under domain id 0. */
	if (vu->caps.caching_mode) {
		vtd_flush_context(vu, GRAN_FINE, 0, rid);
		vtd_flush_pasid_cache(vu, PASID_GRAN_DOMAIN, 0, 0);
		vtd_flush_iotlb(vu, GRAN_DOMAIN, 0);
	} else {
		vtd_flush_write_buffer(vu);
	}
	return true;
}

void vtd_pasid_services(struct vtd_device *vdev)
{
	struct vtd_unit *vu = vdev->unit;
	const uint16_t rid = vdev->dev->pci->rid;
	struct sm_context *context = context_at(vu, rid);
	bool wanted = vdev->dev->pci->ats && vu->caps.device_tlb;

	/* Entry first: a function that is switched on may ask at once. */
	vdev->ats = wanted && ats_function_present(vu->unit, rid);
	if (context->word[0] != context_value(vdev)) {
		context_store(vu, context, context_value(vdev));
		vtd_flush_context(vu, GRAN_FINE, 0, rid);
	}
	if (vdev->ats)
		(void)ats_function_enable(vu->unit, rid, true, vdev->page_requests);
}

static void free_cleared(struct vtd_unit *vu, pa_t table, unsigned frames)
{
	drv_frames_free(vtd_phys(vu), table, frames);
	vtd_written(vu, phys_ptr(vtd_phys(vu), table), frames * SIO_PAGE_SIZE);
}

void vtd_pasid_remove(struct vtd_device *vdev)
{
	struct vtd_unit *vu = vdev->unit;
	const uint16_t rid = vdev->dev->pci->rid;
	struct sm_context *context = context_at(vu, rid);

	if (vdev->pasid_directory == PA_NONE)
		return;
	if (context && (context->word[0] & ENTRY_P)) {
		vtd_pasid_clear(&vdev->rid);
		context_store(vu, context, 0);
		vtd_flush_context(vu, GRAN_FINE, 0, rid);
		vtd_flush_pasid_cache(vu, PASID_GRAN_DOMAIN, 0, 0);
		vtd_flush_iotlb(vu, GRAN_GLOBAL, 0);
		if (vdev->ats)
			(void)ats_function_enable(vu->unit, rid, false, false);
	}
	for (uint32_t i = 0; i < vdev->directory_frames << DIRECTORY_FRAME_BITS; i += 64) {
		uint64_t slot = *directory_slot(vdev, i);

		if (slot & ENTRY_P)
			free_cleared(vu, slot & ENTRY_ADDRESS, 1);
	}
	free_cleared(vu, vdev->pasid_directory, vdev->directory_frames);
	vdev->pasid_directory = PA_NONE;
}

/* ---- PASID entries ---- */

static struct pasid_entry second_stage_for(const struct vtd_unit *vu, const struct vtd_domain *vd,
					   uint16_t did, uint64_t type)
{
	return (struct pasid_entry){{
		vd->pt.root | ENTRY_P | SIO_FIELD_PREP(PASID_AW, vd->pt.top_level - 1u) |
			SIO_FIELD_PREP(PASID_PGTT, type) | (vd->dirty_tracking ? PASID_SLADE : 0),
		SIO_FIELD_PREP(PASID_DID, did) | (vu->walk_snoop ? PASID_PWSNP : 0),
	}};
}

static struct pasid_entry entry_for(const struct vtd_link *link, const struct vtd_domain *vd,
				    uint16_t did)
{
	const struct vtd_unit *vu = link->vdev->unit;
	const struct vtd_stage1 *stage1 = &vd->stage1;
	struct pasid_entry entry;

	if (!vd->parent)
		return second_stage_for(vu, vd, did, PGTT_SECOND_STAGE);
	entry = second_stage_for(vu, vd->parent, did, PGTT_NESTED);
	if (vd->parent->snoop)
		entry.word[1] |= PASID_PGSNP;
	entry.word[2] = (stage1->root & ENTRY_ADDRESS) |
			SIO_FIELD_PREP(PASID_FLPM, stage1->width == 57 ? 1 : 0) |
			(stage1->flags & IOMMU_VTD_S1_SRE ? PASID_SRE : 0) |
			(stage1->flags & IOMMU_VTD_S1_EAFE ? PASID_EAFE : 0) |
			(stage1->flags & IOMMU_VTD_S1_WPE ? PASID_WPE : 0);
	return entry;
}

/* Bits in which two entries differ, of the first word and of all others. */
static void entry_compare(const struct pasid_entry *a, const struct pasid_entry *b, uint64_t *first,
			  uint64_t *others)
{
	*first = a->word[0] ^ b->word[0];
	*others = 0;
	for (unsigned i = 1; i < SIO_ARRAY_SIZE(a->word); i++)
		*others |= a->word[i] ^ b->word[i];
}

static void entry_store(struct vtd_unit *vu, struct pasid_entry *entry,
			const struct pasid_entry *value)
{
	for (unsigned i = 1; i < SIO_ARRAY_SIZE(value->word); i++)
		__atomic_store_n(&entry->word[i], value->word[i], __ATOMIC_RELAXED);
	__atomic_store_n(&entry->word[0], value->word[0], __ATOMIC_RELEASE);
	vtd_written(vu, entry, sizeof(*entry));
}

/* Whatever was cached by way of an entry that changed; `type` is its kind of translation. */
static void entry_forget(const struct vtd_link *link, uint16_t did, uint64_t type)
{
	struct vtd_unit *vu = link->vdev->unit;

	vtd_flush_pasid_cache(vu, PASID_GRAN_PASID, did, link->pasid);
	if (type == PGTT_NESTED)
		vtd_flush_first_stage(vu, did, link->pasid, 0, UINT64_MAX, false);
	else
		vtd_flush_iotlb(vu, GRAN_DOMAIN, did);
	vtd_flush_device(link, 0, UINT64_MAX);
}

void vtd_pasid_clear(struct vtd_link *link)
{
	struct pasid_entry *entry = pasid_at(link);
	const uint64_t type = SIO_FIELD_GET(PASID_PGTT, entry->word[0]);
	const uint16_t did = (uint16_t)SIO_FIELD_GET(PASID_DID, entry->word[1]);

	if (!(entry->word[0] & ENTRY_P))
		return;
	__atomic_store_n(&entry->word[0], 0, __ATOMIC_RELEASE);
	entry_store(link->vdev->unit, entry, &(struct pasid_entry){{0}});
	entry_forget(link, did, type);
}

void vtd_pasid_set(struct vtd_link *link, const struct vtd_domain *vd, uint16_t did)
{
	struct pasid_entry *entry = pasid_at(link), value = entry_for(link, vd, did);
	struct vtd_unit *vu = link->vdev->unit;
	uint64_t first, others;

	entry_compare(entry, &value, &first, &others);
	if (!first && !others)
		return;
	/* Dirty tracking alone: the entry stays in use. */
	if (!others && first == PASID_SLADE) {
		entry_store(vu, entry, &value);
		entry_forget(link, did, SIO_FIELD_GET(PASID_PGTT, value.word[0]));
		return;
	}
	vtd_pasid_clear(link);
	entry_store(vu, entry, &value);
	if (!vu->caps.caching_mode) {
		vtd_flush_write_buffer(vu);
		return;
	}
	/* Absence is remembered under domain id 0, what a walk found missing under the domain's. */
	vtd_flush_pasid_cache(vu, PASID_GRAN_PASID, 0, link->pasid);
	vtd_flush_pasid_cache(vu, PASID_GRAN_PASID, did, link->pasid);
	vtd_flush_iotlb(vu, GRAN_DOMAIN, did);
}

const char *vtd_pasid_audit(const struct vtd_link *link, const struct vtd_domain *vd, uint16_t did)
{
	const struct vtd_device *vdev = link->vdev;
	const struct sm_context *context = context_at(vdev->unit, vdev->dev->pci->rid);
	struct pasid_entry value = entry_for(link, vd, did);
	uint64_t first, others;

	if (!context || context->word[0] != context_value(vdev))
		return "a context entry does not say what is known of its device";
	entry_compare(pasid_at(link), &value, &first, &others);
	if (first || others)
		return "a PASID entry does not name the domain of its device";
	return NULL;
}
