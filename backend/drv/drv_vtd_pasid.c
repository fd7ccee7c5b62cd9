// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scalable mode: context entries, PASID directories and PASID entries of a VT-d unit.
 *
 * Spec: "Scalable-Mode Context Entry", "Scalable-Mode PASID Directory Entry", "Scalable-Mode PASID
 * Table Entry"; "Guidance to Software for Invalidations".
 *
 * Kernel behaviour: drivers/iommu/intel/pasid.c of Linux 6.12. A device gets its directory, its
 * table and its context entry when it is found and keeps them; attach and detach touch the PASID
 * entry alone. Requests without a PASID use entry 0. The context entry is written for the device's
 * own id only: a device behind a conventional bridge, which speaks under the bridge's, reaches
 * nothing in this mode.
 *
 * A unit may read an entry at any moment: what it says is written first and P last, and an entry in
 * use is cleared and forgotten before it gets new contents.
 */
#include "drv_vtd_priv.h"

#define ENTRY_P SIO_BIT(0)

#define CONTEXT_PDTS SIO_MASK(11, 9) /* 2^(PDTS + 7) directory entries */
#define PDTS_PAGE    UINT64_C(2)

#define PASID_AW    SIO_MASK(4, 2) /* first word */
#define PASID_PGTT  SIO_MASK(8, 6)
#define PASID_DID   SIO_MASK(15, 0) /* second word */
#define PASID_PWSNP SIO_BIT(23)

#define PGTT_SECOND_STAGE UINT64_C(2)

/* Of requests without a PASID: context entries are written with this RID_PASID. */
#define NO_PASID 0u

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

static struct pasid_entry *pasid_at(const struct vtd_device *vdev)
{
	struct pasid_entry *table = phys_ptr(vtd_phys(vdev->unit), vdev->pasid_table);

	return &table[NO_PASID];
}

bool vtd_pasid_install(struct vtd_device *vdev)
{
	struct vtd_unit *vu = vdev->unit;
	struct phys *phys = vtd_phys(vu);
	const uint16_t rid = vdev->dev->pci->rid;
	struct sm_context *context;
	uint64_t *directory;

	vdev->pasid_directory = fail_table("vtd.device.pasid-directory", phys);
	vdev->pasid_table = fail_table("vtd.device.pasid-table", phys);
	if (vdev->pasid_directory == PA_NONE || vdev->pasid_table == PA_NONE ||
	    !vtd_context_table(vu, rid))
		return false;
	directory = phys_ptr(phys, vdev->pasid_directory);
	directory[NO_PASID >> 6] = vdev->pasid_table | ENTRY_P;
	vtd_written(vu, directory, SIO_PAGE_SIZE);
	vtd_written(vu, phys_ptr(phys, vdev->pasid_table), SIO_PAGE_SIZE);

	context = context_at(vu, rid);
	__atomic_store_n(&context->word[1], NO_PASID, __ATOMIC_RELAXED);
	__atomic_store_n(&context->word[0],
			 vdev->pasid_directory | SIO_FIELD_PREP(CONTEXT_PDTS, PDTS_PAGE) | ENTRY_P,
			 __ATOMIC_RELEASE);
	vtd_written(vu, context, sizeof(*context));
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

static void free_cleared(struct vtd_unit *vu, pa_t table)
{
	if (table == PA_NONE)
		return;
	drv_frames_free(vtd_phys(vu), table, 1);
	vtd_written(vu, phys_ptr(vtd_phys(vu), table), SIO_PAGE_SIZE);
}

void vtd_pasid_remove(struct vtd_device *vdev)
{
	struct vtd_unit *vu = vdev->unit;
	const uint16_t rid = vdev->dev->pci->rid;
	struct sm_context *context = context_at(vu, rid);

	if (context && (context->word[0] & ENTRY_P)) {
		vtd_pasid_clear(vdev);
		__atomic_store_n(&context->word[0], 0, __ATOMIC_RELEASE);
		vtd_written(vu, context, sizeof(*context));
		vtd_flush_context(vu, GRAN_FINE, 0, rid);
		vtd_flush_pasid_cache(vu, PASID_GRAN_DOMAIN, 0, 0);
		vtd_flush_iotlb(vu, GRAN_GLOBAL, 0);
	}
	free_cleared(vu, vdev->pasid_directory);
	free_cleared(vu, vdev->pasid_table);
	vdev->pasid_directory = vdev->pasid_table = PA_NONE;
}

static struct pasid_entry entry_for(const struct vtd_device *vdev, const struct vtd_domain *vd,
				    uint16_t did)
{
	return (struct pasid_entry){{
		vd->pt.root | ENTRY_P | SIO_FIELD_PREP(PASID_AW, vd->pt.top_level - 1u) |
			SIO_FIELD_PREP(PASID_PGTT, PGTT_SECOND_STAGE),
		SIO_FIELD_PREP(PASID_DID, did) | (vdev->unit->walk_snoop ? PASID_PWSNP : 0),
	}};
}

static bool entry_equals(const struct pasid_entry *a, const struct pasid_entry *b)
{
	uint64_t differ = 0;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(a->word); i++)
		differ |= a->word[i] ^ b->word[i];
	return !differ;
}

static void entry_store(struct vtd_unit *vu, struct pasid_entry *entry,
			const struct pasid_entry *value)
{
	for (unsigned i = 1; i < SIO_ARRAY_SIZE(value->word); i++)
		__atomic_store_n(&entry->word[i], value->word[i], __ATOMIC_RELAXED);
	__atomic_store_n(&entry->word[0], value->word[0], __ATOMIC_RELEASE);
	vtd_written(vu, entry, sizeof(*entry));
}

void vtd_pasid_clear(struct vtd_device *vdev)
{
	struct pasid_entry *entry = pasid_at(vdev);
	struct vtd_unit *vu = vdev->unit;
	uint16_t did = (uint16_t)SIO_FIELD_GET(PASID_DID, entry->word[1]);

	if (!(entry->word[0] & ENTRY_P))
		return;
	__atomic_store_n(&entry->word[0], 0, __ATOMIC_RELEASE);
	entry_store(vu, entry, &(struct pasid_entry){{0}});
	vtd_flush_pasid_cache(vu, PASID_GRAN_PASID, did, NO_PASID);
	vtd_flush_iotlb(vu, GRAN_DOMAIN, did);
}

void vtd_pasid_set(struct vtd_device *vdev, const struct vtd_domain *vd, uint16_t did)
{
	struct pasid_entry *entry = pasid_at(vdev), value = entry_for(vdev, vd, did);
	struct vtd_unit *vu = vdev->unit;

	if (entry_equals(entry, &value))
		return;
	vtd_pasid_clear(vdev);
	entry_store(vu, entry, &value);
	if (!vu->caps.caching_mode) {
		vtd_flush_write_buffer(vu);
		return;
	}
	/* Absence is remembered under domain id 0, what a walk found missing under the domain's. */
	vtd_flush_pasid_cache(vu, PASID_GRAN_PASID, 0, NO_PASID);
	vtd_flush_pasid_cache(vu, PASID_GRAN_PASID, did, NO_PASID);
	vtd_flush_iotlb(vu, GRAN_DOMAIN, did);
}

const char *vtd_pasid_audit(const struct vtd_device *vdev, const struct vtd_domain *vd,
			    uint16_t did)
{
	const struct sm_context *context = context_at(vdev->unit, vdev->dev->pci->rid);
	struct pasid_entry value = entry_for(vdev, vd, did);

	if (!context || (context->word[0] & SIO_MASK(63, 12)) != vdev->pasid_directory)
		return "a context entry does not name the PASID directory of its device";
	if (!entry_equals(pasid_at(vdev), &value))
		return "a PASID entry does not name the domain of its device";
	return NULL;
}
