// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device table entries of an AMD-Vi unit.
 *
 * Source: AMD IOMMU specification, "Device Table Entry Format"; kernel behaviour: drivers/iommu/amd
 * of Linux 6.12.
 *
 * An entry that is not valid lets everything pass, so all entries are valid from the start. Blocked
 * is "translated" without a table and without permission. A unit may read an entry at any moment:
 * root, mode and permissions lie in one word, which is stored at once; the domain id, in the next,
 * changes only while the entry is blocked and the unit has forgotten what it was.
 */
#include "drv_amdvi_priv.h"

#define DTE_V       SIO_BIT(0) /* first word */
#define DTE_TV      SIO_BIT(1)
#define DTE_HAD     SIO_MASK(8, 7) /* 3: accessed and dirty bits are set */
#define DTE_MODE    SIO_MASK(11, 9)
#define DTE_GIOV    SIO_BIT(54) /* requests without PASID are those of PASID 0 */
#define DTE_GV      SIO_BIT(55)
#define DTE_GCR3_14 SIO_MASK(60, 58) /* bits 14:12 of the guest CR3 table's address */
#define DTE_IR      SIO_BIT(61)
#define DTE_IW      SIO_BIT(62)
#define DTE_ID      SIO_MASK(15, 0) /* second word */
#define DTE_GCR3_30 SIO_MASK(31, 16)
#define DTE_GCR3_51 SIO_MASK(63, 43)
#define DTE_KEPT    SIO_MASK(41, 32) /* settings of the device, not of its domain */
#define DTE_IV      SIO_BIT(0)       /* third word; levels of v2 tables, 0 for four, stay 0 */

#define BLOCKED (DTE_V | DTE_TV)

struct entry {
	uint64_t word[4];
};

static struct entry *entry_at(const struct amd_unit *au, uint16_t rid)
{
	struct entry *table = phys_ptr(amd_phys(au), au->devtab);

	sio_assert(rid < au->devtab_entries);
	return &table[rid];
}

void amd_devtab_init(struct amd_unit *au)
{
	for (uint32_t rid = 0; rid < au->devtab_entries; rid++) {
		struct entry *entry = entry_at(au, (uint16_t)rid);

		entry->word[0] = BLOCKED;
		/* Interrupt control 0: until a table is given, interrupts are aborted. */
		entry->word[2] = au->drv->intremap ? DTE_IV : 0;
	}
}

static void entry_block(struct amd_unit *au, uint16_t rid)
{
	struct entry *entry = entry_at(au, rid);

	if (entry->word[0] == BLOCKED)
		return;
	__atomic_store_n(&entry->word[0], BLOCKED, __ATOMIC_RELEASE);
	amd_flush_entry(au, rid);
	sio_assert(amd_wait(au));
	__atomic_store_n(&entry->word[1], entry->word[1] & DTE_KEPT, __ATOMIC_RELAXED);
}

/* What the entry of a device on the domain says; the rest of it belongs to the device. */
static struct entry entry_for(const struct amd_domain *ad)
{
	if (ad->gcr3 != PA_NONE)
		/* One level of the guest CR3 table, and no v1 table. */
		return (struct entry){{
			DTE_V | DTE_TV | DTE_IR | DTE_IW | DTE_GV | DTE_GIOV |
				SIO_FIELD_PREP(DTE_GCR3_14, ad->gcr3 >> 12),
			ad->id | SIO_FIELD_PREP(DTE_GCR3_30, ad->gcr3 >> 15) |
				SIO_FIELD_PREP(DTE_GCR3_51, ad->gcr3 >> 31),
		}};
	return (struct entry){{
		DTE_V | DTE_TV | DTE_IR | DTE_IW | ad->pt.root |
			SIO_FIELD_PREP(DTE_MODE, ad->pt.top_level + 1u) |
			(ad->dirty_tracking ? DTE_HAD : 0),
		ad->id,
	}};
}

static bool entry_equals(const struct entry *entry, const struct entry *value)
{
	return entry->word[0] == value->word[0] && (entry->word[1] & ~DTE_KEPT) == value->word[1];
}

static void entry_set(struct amd_unit *au, uint16_t rid, const struct entry *value)
{
	struct entry *entry = entry_at(au, rid);

	/* Devices behind one bridge share its alias: the first of them has written it already. */
	if (entry_equals(entry, value))
		return;
	/* A table that grew keeps its domain: the first word alone changes. */
	if ((entry->word[1] & ~DTE_KEPT) != value->word[1]) {
		entry_block(au, rid);
		__atomic_store_n(&entry->word[1], (entry->word[1] & DTE_KEPT) | value->word[1],
				 __ATOMIC_RELAXED);
	}
	__atomic_store_n(&entry->word[0], value->word[0], __ATOMIC_RELEASE);
	amd_flush_entry(au, rid);
}

struct alias_job {
	struct amd_unit *au;
	struct entry value;
};

static int set_alias(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	struct alias_job *job = ctx;

	(void)owner;
	entry_set(job->au, rid, &job->value);
	return 0;
}

static int block_alias(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	struct alias_job *job = ctx;

	(void)owner;
	entry_block(job->au, rid);
	return 0;
}

static int differs_alias(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	const struct alias_job *job = ctx;

	(void)owner;
	return !entry_equals(entry_at(job->au, rid), &job->value);
}

/* Each id that the device may speak under: what the buses make of it, and what firmware says. */
static int each_alias(const struct amd_device *adev,
		      int (*fn)(void *ctx, const struct pci_function *owner, uint16_t rid),
		      struct alias_job *job)
{
	int rc = pci_for_each_dma_alias(adev->dev->pci, fn, job);

	if (!rc && adev->alias != adev->dev->pci->rid)
		rc = fn(job, adev->dev->pci, adev->alias);
	return rc;
}

void amd_entry_set(struct amd_device *adev, const struct amd_domain *ad)
{
	struct alias_job job = {.au = adev->unit, .value = entry_for(ad)};

	(void)each_alias(adev, set_alias, &job);
	sio_assert(amd_wait(adev->unit));
}

void amd_entry_block(struct amd_device *adev)
{
	struct alias_job job = {.au = adev->unit};

	(void)each_alias(adev, block_alias, &job);
}

const char *amd_entry_audit(const struct amd_device *adev, const struct amd_domain *ad)
{
	struct alias_job job = {.au = adev->unit, .value = entry_for(ad)};

	if (each_alias(adev, differs_alias, &job))
		return "a device table entry does not name the domain of its device";
	return NULL;
}
