// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-Vi units up and down, and the devices behind them.
 *
 * Source: AMD IOMMU specification, "Software and Platform Firmware Implementation Issues",
 * "Extended Feature Register"; kernel behaviour: drivers/iommu/amd of Linux 6.12 with v1 tables.
 */
#include "drv/drv_amdvi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drv_amdvi_priv.h"

/* Event interrupts: one vector per unit, 128 units per destination. */
#define EVENT_VECTOR     0x40u
#define EVENT_PER_TARGET 128u

/* Addresses of HyperTransport's own messages. */
#define HT_FIRST UINT64_C(0xfd00000000)
#define HT_LAST  UINT64_C(0xffffffffff)

#define DEVTAB_ADDRESS SIO_MASK(51, 12)
#define ENTRY_BYTES    32u

#define MSI_ENABLE SIO_BIT(16) /* in the capability's header */

/* ---- units ---- */

static void unit_down(struct amd_unit *au)
{
	struct phys *phys = amd_phys(au);

	if (au->devtab != PA_NONE && au->semaphore != PA_NONE)
		amd_write(au, REG_CONTROL, 0);
	drv_frames_free(phys, au->devtab, au->devtab_frames);
	drv_frames_free(phys, au->commands, AMD_RING_FRAMES);
	drv_frames_free(phys, au->events, AMD_RING_FRAMES);
	drv_frames_free(phys, au->semaphore, 1);
}

/* False: nothing answers. */
static bool unit_identify(struct amd_unit *au)
{
	uint32_t capability = amdvi_config_read(au->unit, AMDVI_CONFIG_CAPABILITY);

	au->features = amd_read(au, REG_FEATURES);
	au->drv->np_cache |= (capability & AMDVI_CAP_NP_CACHE) != 0;
	/* The capability's id, and a register that never reads as all ones. */
	return (capability & 0xff) == 0x0f && amd_read(au, REG_STATUS) != UINT64_MAX;
}

static int max_alias(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	uint16_t *last = ctx;

	(void)owner;
	if (rid > *last)
		*last = rid;
	return 0;
}

/* The highest id that some function, its alias, or a bus below a bridge can have. */
static uint16_t last_rid(const struct drv_amdvi *drv, const struct drv_amdvi_cfg *cfg)
{
	uint16_t last = cfg->last_rid;

	for (const struct pci_function *fn = drv->iommu->topology->first; fn; fn = fn->next) {
		(void)pci_for_each_dma_alias(fn, max_alias, &last);
		(void)max_alias(&last, fn, PCI_RID(fn->subordinate_bus, 0xff));
	}
	for (unsigned i = 0; i < cfg->alias_count; i++)
		(void)max_alias(&last, NULL, cfg->aliases[i].alias);
	return last;
}

static bool unit_alloc(struct amd_unit *au, uint16_t last)
{
	struct phys *phys = amd_phys(au);
	uint64_t bytes = (last + 1u) * ENTRY_BYTES;

	/* Whole buses, in a power of two of frames. */
	au->devtab_frames = 1;
	while (au->devtab_frames * SIO_PAGE_SIZE < bytes)
		au->devtab_frames *= 2;
	au->devtab_entries = (uint32_t)(au->devtab_frames * SIO_PAGE_SIZE / ENTRY_BYTES);
	au->devtab = fail_tables("amdvi.unit.devtab", phys, au->devtab_frames);
	au->commands = fail_tables("amdvi.unit.commands", phys, AMD_RING_FRAMES);
	au->events = fail_tables("amdvi.unit.events", phys, AMD_RING_FRAMES);
	au->semaphore = fail_table("amdvi.unit.semaphore", phys);
	return au->devtab != PA_NONE && au->commands != PA_NONE && au->events != PA_NONE &&
	       au->semaphore != PA_NONE;
}

static void unit_enable_events(struct amd_unit *au)
{
	const unsigned index = amd_unit_index(au), msi = AMDVI_CONFIG_MSI;
	const uint64_t address = PHYS_MSI_FIRST | (uint64_t)(index / EVENT_PER_TARGET % 256) << 12;

	amd_write(au, REG_EVENTS, au->events | AMD_RING_LENGTH);
	amd_write(au, REG_EVENT_HEAD, 0);
	amd_write(au, REG_EVENT_TAIL, 0);
	amd_write(au, REG_STATUS, STATUS_EVENT_INTERRUPT | STATUS_EVENT_OVERFLOW);
	amdvi_config_write(au->unit, msi + 4, (uint32_t)address);
	amdvi_config_write(au->unit, msi + 8, 0);
	amdvi_config_write(au->unit, msi + 0xc, EVENT_VECTOR + index % EVENT_PER_TARGET);
	amdvi_config_write(au->unit, msi, amdvi_config_read(au->unit, msi) | (uint32_t)MSI_ENABLE);
	amd_write(au, REG_CONTROL, amd_read(au, REG_CONTROL) | CONTROL_EVENTS | CONTROL_EVENT_IE);
}

/* Tables, rings, registers; every device is blocked afterwards. */
static int unit_up(struct amd_unit *au, uint16_t last)
{
	au->devtab = au->commands = au->events = au->semaphore = PA_NONE;
	if (!unit_identify(au))
		return -ENODEV;
	if (!unit_alloc(au, last))
		return -ENOMEM;
	amd_devtab_init(au);
	amd_write(au, REG_CONTROL, 0);
	amd_write(au, REG_DEVTAB, (au->devtab & DEVTAB_ADDRESS) | (au->devtab_frames - 1));
	amd_write(au, REG_EXCLUSION_BASE, 0);
	amd_write(au, REG_EXCLUSION_LIMIT, 0);
	amd_commands_enable(au);
	unit_enable_events(au);
	amd_write(au, REG_CONTROL,
		  amd_read(au, REG_CONTROL) | CONTROL_ENABLE |
			  (au->features & AMDVI_EFR_GT ? CONTROL_GUEST : 0));
	return amd_flush_all(au) ? 0 : -ENODEV;
}

/* ---- what firmware said ---- */

static int firmware_copy(struct drv_amdvi *drv, const struct drv_amdvi_cfg *cfg)
{
	drv->aliases =
		fail_calloc("amdvi.probe.aliases", cfg->alias_count + 1u, sizeof(*drv->aliases));
	drv->unity = fail_calloc("amdvi.probe.unity", cfg->unity_count + 1u, sizeof(*drv->unity));
	if (!drv->aliases || !drv->unity)
		return -ENOMEM;
	for (; drv->alias_count < cfg->alias_count; drv->alias_count++)
		drv->aliases[drv->alias_count] = cfg->aliases[drv->alias_count];
	while (drv->unity_count < cfg->unity_count) {
		const struct drv_amdvi_unity *from = &cfg->unity[drv->unity_count];
		struct amd_unity *to = &drv->unity[drv->unity_count++];

		*to = (struct amd_unity){
			.first = from->first & SIO_PAGE_MASK,
			.last = from->last | ~SIO_PAGE_MASK,
			.segment = from->segment,
			.count = from->count,
		};
		if (!from->rids)
			continue;
		to->rids =
			fail_calloc("amdvi.probe.unity-rids", from->count + 1u, sizeof(*to->rids));
		if (!to->rids)
			return -ENOMEM;
		for (unsigned n = 0; n < from->count; n++)
			to->rids[n] = from->rids[n];
	}
	return 0;
}

static bool unity_covers(const struct amd_unity *unity, const struct pci_function *fn)
{
	if (fn->segment != unity->segment)
		return false;
	for (unsigned i = 0; unity->rids && i < unity->count; i++) {
		if (unity->rids[i] == fn->rid)
			return true;
	}
	return !unity->rids;
}

static int amd_reserved(const struct iommu_device *dev, struct resv_list *list)
{
	const struct amd_device *adev = dev->driver_data;
	const struct drv_amdvi *drv = adev->unit->drv;
	int rc = 0;

	for (unsigned i = 0; i < drv->unity_count && !rc; i++) {
		const struct amd_unity *unity = &drv->unity[i];

		if (unity_covers(unity, dev->pci))
			rc = resv_list_add(list, unity->first, unity->last, RESV_DIRECT);
	}
	if (!rc)
		rc = resv_list_add(list, PHYS_MSI_FIRST, PHYS_MSI_LAST, RESV_MSI);
	if (!rc)
		rc = resv_list_add(list, HT_FIRST, HT_LAST, RESV_RESERVED);
	return rc;
}

/* ---- devices ---- */

static uint16_t firmware_alias(const struct drv_amdvi *drv, const struct pci_function *fn)
{
	for (unsigned i = 0; i < drv->alias_count; i++) {
		if (drv->aliases[i].segment == fn->segment && drv->aliases[i].rid == fn->rid)
			return drv->aliases[i].alias;
	}
	return fn->rid;
}

/* Have an alias on the same bus known to whoever forms groups. */
static void alias_announce(struct pci_function *fn, uint16_t alias)
{
	if (alias == fn->rid || alias >> 8 != fn->rid >> 8)
		return;
	for (unsigned i = 0; i < fn->alias_count; i++) {
		if (fn->alias_devfns[i] == (alias & 0xff))
			return;
	}
	if (fn->alias_count < SIO_ARRAY_SIZE(fn->alias_devfns))
		fn->alias_devfns[fn->alias_count++] = (uint8_t)alias;
}

/* Of the PASIDs that both the unit and the function know. */
static unsigned pasid_bits(const struct amd_unit *au, const struct pci_function *fn)
{
	unsigned bits = (unsigned)SIO_FIELD_GET(AMDVI_EFR_PASMAX, au->features) + 1;

	return fn->pasid_bits < bits ? fn->pasid_bits : bits;
}

static int probe_device(void *ctx, struct iommu_device *dev)
{
	struct drv_amdvi *drv = ctx;
	struct amd_unit *au = NULL;
	struct amd_device *adev;
	uint16_t last = dev->pci->rid;

	for (unsigned i = 0; i < drv->unit_count && !au; i++) {
		if (drv->units[i].unit == dev->unit)
			au = &drv->units[i];
	}
	if (!au)
		return -ENODEV;
	(void)pci_for_each_dma_alias(dev->pci, max_alias, &last);
	if (last >= au->devtab_entries)
		return -ENODEV;
	adev = fail_calloc("amdvi.device", 1, sizeof(*adev));
	if (!adev)
		return -ENOMEM;
	adev->dev = dev;
	adev->unit = au;
	dev->instance = au->unit;
	if (amd_knows_pasids(drv) && dev->pci->pasid_bits)
		dev->max_pasids = 1u << pasid_bits(au, dev->pci);
	adev->alias = firmware_alias(drv, dev->pci);
	alias_announce(dev->pci, adev->alias);
	au->segment = dev->pci->segment;
	dev->driver = &iommu_driver_amdvi;
	dev->driver_data = adev;
	return 0;
}

static void amd_release(struct iommu_device *dev)
{
	struct amd_device *adev = dev->driver_data;

	amd_domain_leave(adev);
	free(adev);
	dev->driver_data = NULL;
}

static bool amd_capable(const struct iommu_device *dev, enum iommu_cap cap)
{
	const struct amd_device *adev = dev->driver_data;

	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
	case IOMMU_CAP_ENFORCE_COHERENCY:
		/* Forced coherency is a bit of every leaf. */
		return true;
	case IOMMU_CAP_INTR_REMAP:
		return adev->unit->drv->intremap;
	case IOMMU_CAP_DIRTY_TRACKING:
		return amd_tracks_dirty(adev->unit);
	}
	return false;
}

const struct iommu_driver iommu_driver_amdvi = {
	.name = "amd",
	.domain_alloc = amd_domain_alloc,
	.domain_free = amd_domain_free,
	.attach = amd_domain_attach,
	.map_pages = amd_map_pages,
	.unmap_pages = amd_unmap_pages,
	.iotlb_sync = amd_iotlb_sync,
	.query = amd_query,
	.next = amd_next,
	.enforce_cache_coherency = amd_domain_enforce,
	.capable = amd_capable,
	.reserved = amd_reserved,
	.domain_audit = amd_domain_audit,
	.release = amd_release,
	.hw_info = amd_hw_info,
	.domain_alloc_user = amd_domain_alloc_user,
	.set_dirty_tracking = amd_set_dirty_tracking,
	.read_dirty = amd_read_dirty,
	.viommu_probe = amd_viommu_probe,
};

/* ---- all of them ---- */

static void drv_free(struct drv_amdvi *drv)
{
	for (unsigned i = 0; i < drv->unit_count; i++)
		unit_down(&drv->units[i]);
	for (unsigned i = 0; i < drv->unity_count; i++)
		free(drv->unity[i].rids);
	free(drv->unity);
	free(drv->aliases);
	free(drv->units);
	free(drv);
}

void drv_amdvi_remove(struct drv_amdvi *drv)
{
	/* Whatever devices are left would be served by units that are gone. */
	if (drv->iommu->priv)
		iommu_devices_drop(drv->iommu);
	iommu_probe_remove(drv->iommu, &drv->probe);
	drv_free(drv);
}

int drv_amdvi_probe(struct iommu *iommu, const struct drv_amdvi_cfg *cfg, struct drv_amdvi **out)
{
	struct drv_amdvi *drv = fail_calloc("amdvi.probe", 1, sizeof(*drv));
	uint16_t last;
	int rc = -ENOMEM;

	if (!drv)
		return -ENOMEM;
	drv->iommu = iommu;
	drv->probe = (struct iommu_probe){.device = probe_device, .ctx = drv};
	/* Id 0 stands for no domain. */
	drv->domain_ids[0] = 1;
	drv->intremap = cfg->intremap && cfg->unit_count;
	drv->units = fail_calloc("amdvi.probe.units", cfg->unit_count + 1u, sizeof(*drv->units));
	if (!drv->units)
		goto err_free;
	rc = firmware_copy(drv, cfg);
	if (rc)
		goto err_free;
	last = last_rid(drv, cfg);
	for (unsigned i = 0; i < cfg->unit_count; i++) {
		struct amd_unit *au = &drv->units[drv->unit_count++];

		au->drv = drv;
		au->unit = cfg->units[i];
		rc = unit_up(au, last);
		if (rc)
			goto err_free;
	}
	iommu_probe_add(iommu, &drv->probe);
	*out = drv;
	return 0;

err_free:
	drv_free(drv);
	return rc;
}

bool drv_amdvi_intremap(const struct drv_amdvi *drv)
{
	return drv->intremap;
}
