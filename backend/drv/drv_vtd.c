// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-d units up and down, and the devices behind them.
 *
 * Spec: "Register Descriptions" (global command and status), "Guidance to Software"; kernel
 * behaviour: drivers/iommu/intel in legacy or scalable mode, with every device translated from the
 * start.
 */
#include "drv/drv_vtd.h"

#include <errno.h>
#include <stdlib.h>

#include "drv_vtd_priv.h"

/* Fault events: one vector per unit, 128 units per destination. */
#define FAULT_VECTOR     0x40u
#define FAULT_PER_TARGET 128u

/* One page of interrupt remapping entries: 2^(7 + 1). */
#define IRTA_SIZE UINT64_C(7)
#define IRTA_EIME SIO_BIT(11)

bool vtd_global_command(const struct vtd_unit *vu, uint64_t bit, bool on)
{
	uint64_t status = vtd_read(vu, REG_GSTS, 4) & ~GCMD_ONE_SHOT;

	vtd_write(vu, REG_GCMD, 4, on ? status | bit : status & ~bit);
	/* The write buffer is flushed when its status bit is clear again. */
	if (bit == GCMD_WBF)
		on = false;
	return drv_poll(vu->unit, REG_GSTS, 4, bit, on ? bit : 0);
}

/* ---- units ---- */

static void unit_down(struct vtd_unit *vu)
{
	struct phys *phys = vtd_phys(vu);

	if (vu->root != PA_NONE) {
		(void)vtd_global_command(vu, GCMD_TE, false);
		vtd_write(vu, REG_FECTL, 4, SIO_BIT(31));
		vtd_context_free_all(vu);
		phys_table_free(phys, vu->root);
	}
	if (vu->remap != PA_NONE)
		(void)vtd_global_command(vu, GCMD_IRE, false);
	if (vu->queue != PA_NONE)
		(void)vtd_global_command(vu, GCMD_QIE, false);
	drv_frames_free(phys, vu->remap, 1);
	drv_frames_free(phys, vu->queue, vtd_queue_frames(vu));
	drv_frames_free(phys, vu->status, 1);
	drv_frames_free(phys, vu->requests, vtd_prq_frames());
	free(vu->dids);
}

/* What the registers say; false: nothing answers, or not with a unit. */
static bool unit_identify(struct vtd_unit *vu)
{
	uint64_t version = vtd_read(vu, REG_VER, 4);

	if (version == UINT32_MAX || !version)
		return false;
	/* The host address width comes from firmware's table, not from a register. */
	vu->caps = vtd_caps_decode(vtd_read(vu, REG_CAP, 8), vtd_read(vu, REG_ECAP, 8),
				   vtd_caps(vu->unit)->haw);
	if (vtd_caps_check(&vu->caps) || !(vu->caps.sagaw & 0x0e))
		return false;
	vu->top_level = (uint8_t)(sio_lg2(vu->caps.sagaw & 0x0eu) + 1);
	vu->width = (uint8_t)pt_width(vu->top_level);
	if (vu->width > vu->caps.mgaw)
		vu->width = vu->caps.mgaw;
	/* A unit whose tables have first stages only stays in legacy mode. */
	vu->scalable = vu->drv->scalable && vu->caps.scalable && vu->caps.second_stage;
	vu->walk_snoop = vu->scalable && vu->caps.walk_snoop;
	vu->coherent = vu->scalable ? vu->walk_snoop : vu->caps.coherent;
	return true;
}

static bool unit_alloc(struct vtd_unit *vu)
{
	struct phys *phys = vtd_phys(vu);

	vu->dids = fail_calloc("vtd.unit.domain-ids", (vu->caps.domain_ids + 63) / 64,
			       sizeof(*vu->dids));
	vu->root = fail_table("vtd.unit.root", phys);
	if (vu->caps.qi) {
		vu->queue = fail_tables("vtd.unit.queue", phys, vtd_queue_frames(vu));
		vu->status = fail_table("vtd.unit.status", phys);
		if (vu->queue == PA_NONE || vu->status == PA_NONE)
			return false;
	}
	if (vu->scalable && vu->caps.page_requests) {
		vu->requests = drv_frames_alloc(phys, vtd_prq_frames());
		if (vu->requests == PA_NONE)
			return false;
	}
	return vu->dids && vu->root != PA_NONE;
}

static void unit_enable_faults(struct vtd_unit *vu, unsigned index)
{
	vu->fault_address = PHYS_MSI_FIRST | (uint64_t)(index / FAULT_PER_TARGET % 256) << 12;
	vu->fault_data = FAULT_VECTOR + index % FAULT_PER_TARGET;
	vtd_write(vu, REG_FSTS, 4, vtd_read(vu, REG_FSTS, 4) & FSTS_CLEAR);
	vtd_write(vu, REG_FEDATA, 4, vu->fault_data);
	vtd_write(vu, REG_FEADDR, 4, vu->fault_address);
	vtd_write(vu, REG_FEUADDR, 4, 0);
	vtd_write(vu, REG_FECTL, 4, 0);
}

/* The root table is the unit's from here on. False: it does not take it. */
static bool unit_set_root(struct vtd_unit *vu)
{
	vtd_written(vu, phys_ptr(vtd_phys(vu), vu->root), SIO_PAGE_SIZE);
	vtd_write(vu, REG_RTADDR, 8, vu->root | (vu->scalable ? RTADDR_SCALABLE : 0));
	if (!vtd_global_command(vu, GCMD_SRTP, true))
		return false;
	/* Some units forget all by themselves. */
	if (vu->caps.implied_root_flush)
		return true;
	vtd_flush_context(vu, GRAN_GLOBAL, 0, 0);
	if (vu->scalable)
		vtd_flush_pasid_cache(vu, PASID_GRAN_GLOBAL, 0, 0);
	vtd_flush_iotlb(vu, GRAN_GLOBAL, 0);
	return true;
}

/* Registers, tables, queue; translation is on afterwards. */
static int unit_up(struct vtd_unit *vu, unsigned index)
{
	vu->root = vu->queue = vu->status = vu->remap = vu->requests = PA_NONE;
	if (!unit_identify(vu))
		return -ENODEV;
	if (!unit_alloc(vu))
		return -ENOMEM;
	if (vtd_read(vu, REG_GSTS, 4) & GCMD_TE && !vtd_global_command(vu, GCMD_TE, false))
		return -ENODEV;
	if (vtd_read(vu, REG_GSTS, 4) & GCMD_QIE && !vtd_global_command(vu, GCMD_QIE, false))
		return -ENODEV;
	unit_enable_faults(vu, index);
	vtd_flush_write_buffer(vu);
	if (!vtd_queue_enable(vu))
		return -ENODEV;
	vtd_prq_enable(vu, index);
	if (!unit_set_root(vu))
		return -ENODEV;
	return vtd_global_command(vu, GCMD_TE, true) ? 0 : -ENODEV;
}

/*
 * Interrupts go through a table without entries: what a device sends without having been given one
 * is blocked. `eim`: all units know extended destination ids.
 */
static int unit_remap_interrupts(struct vtd_unit *vu, bool eim)
{
	vu->remap = fail_table("vtd.unit.remap", vtd_phys(vu));
	if (vu->remap == PA_NONE)
		return -ENOMEM;
	vtd_written(vu, phys_ptr(vtd_phys(vu), vu->remap), SIO_PAGE_SIZE);
	vtd_write(vu, REG_IRTA, 8, vu->remap | (eim ? IRTA_EIME : 0) | IRTA_SIZE);
	if (!vtd_global_command(vu, GCMD_SIRTP, true))
		return -ENODEV;
	vtd_flush_interrupts(vu);
	if (!vtd_global_command(vu, GCMD_IRE, true))
		return -ENODEV;
	/* No way around the table for interrupts of the old format. */
	return vtd_global_command(vu, GCMD_CFI, false) ? 0 : -ENODEV;
}

/* One switch for the machine: all units remap interrupts, or none does. */
static int remap_interrupts(struct drv_vtd *drv)
{
	bool eim = true;
	int rc = 0;

	for (unsigned i = 0; i < drv->unit_count; i++) {
		drv->intremap &= drv->units[i].caps.intremap && drv->units[i].queue != PA_NONE;
		eim &= drv->units[i].caps.eim;
	}
	for (unsigned i = 0; drv->intremap && i < drv->unit_count && !rc; i++)
		rc = unit_remap_interrupts(&drv->units[i], eim);
	return rc;
}

/* ---- firmware's reserved memory ---- */

static int rmrr_copy(struct drv_vtd *drv, const struct drv_vtd_cfg *cfg)
{
	drv->rmrr = fail_calloc("vtd.probe.rmrr", cfg->rmrr_count + 1u, sizeof(*drv->rmrr));
	if (!drv->rmrr)
		return -ENOMEM;
	for (unsigned i = 0; i < cfg->rmrr_count; i++) {
		const struct drv_vtd_rmrr *from = &cfg->rmrr[i];
		struct vtd_rmrr *to = &drv->rmrr[drv->rmrr_count++];

		*to = (struct vtd_rmrr){
			.first = from->first,
			.last = from->last,
			.segment = from->segment,
			.rids = fail_calloc("vtd.probe.rmrr-rids", from->count + 1u,
					    sizeof(*to->rids)),
			.count = from->count,
			.relaxable = from->relaxable,
		};
		if (!to->rids)
			return -ENOMEM;
		for (unsigned n = 0; n < from->count; n++)
			to->rids[n] = from->rids[n];
	}
	return 0;
}

/* The device is in scope, or below a bridge that is. */
static bool rmrr_covers(const struct vtd_rmrr *rmrr, const struct pci_function *fn)
{
	if (fn->segment != rmrr->segment)
		return false;
	for (; fn; fn = fn->parent) {
		for (unsigned i = 0; i < rmrr->count; i++) {
			if (rmrr->rids[i] == fn->rid)
				return true;
		}
	}
	return false;
}

static int vtd_reserved(const struct iommu_device *dev, struct resv_list *list)
{
	const struct vtd_device *vdev = dev->driver_data;
	const struct drv_vtd *drv = vdev->unit->drv;
	int rc = 0;

	for (unsigned i = 0; i < drv->rmrr_count && !rc; i++) {
		const struct vtd_rmrr *rmrr = &drv->rmrr[i];

		if (rmrr_covers(rmrr, dev->pci))
			rc = resv_list_add(list, rmrr->first, rmrr->last,
					   rmrr->relaxable ? RESV_DIRECT_RELAXABLE : RESV_DIRECT);
	}
	if (rc)
		return rc;
	return resv_list_add(list, PHYS_MSI_FIRST, PHYS_MSI_LAST, RESV_MSI);
}

/* ---- devices ---- */

/* Of the PASIDs that both the unit and the function know. */
static unsigned pasid_bits(const struct vtd_unit *vu, const struct pci_function *fn)
{
	return fn->pasid_bits < vu->caps.pasid_bits ? fn->pasid_bits : vu->caps.pasid_bits;
}

int drv_vtd_device_probe(struct drv_vtd *drv, struct iommu_device *dev)
{
	struct vtd_unit *vu = NULL;
	struct vtd_device *vdev;

	for (unsigned i = 0; i < drv->unit_count && !vu; i++) {
		if (drv->units[i].unit == dev->unit)
			vu = &drv->units[i];
	}
	if (!vu)
		return -ENODEV;
	vdev = fail_calloc("vtd.device", 1, sizeof(*vdev));
	if (!vdev)
		return -ENOMEM;
	vdev->dev = dev;
	vdev->unit = vu;
	vdev->rid.vdev = vdev;
	vdev->pasid_directory = PA_NONE;
	dev->instance = vu->unit;
	if (vu->scalable && vu->caps.pasid && dev->pci->pasid_bits)
		dev->max_pasids = 1u << pasid_bits(vu, dev->pci);
	if (vu->scalable && !vtd_pasid_install(vdev)) {
		vtd_pasid_remove(vdev);
		free(vdev);
		return -ENOMEM;
	}
	vu->segment = dev->pci->segment;
	vdev->next = vu->devices;
	vu->devices = vdev;
	dev->driver = &iommu_driver_vtd;
	dev->driver_data = vdev;
	return 0;
}

static int probe_device(void *ctx, struct iommu_device *dev)
{
	return drv_vtd_device_probe(ctx, dev);
}

static void vtd_release(struct iommu_device *dev)
{
	struct vtd_device *vdev = dev->driver_data, **link = &vdev->unit->devices;

	vtd_pasids_release(vdev);
	vtd_context_clear(&vdev->rid);
	vtd_link_leave(&vdev->rid);
	while (*link != vdev)
		link = &(*link)->next;
	*link = vdev->next;
	if (vdev->unit->scalable)
		vtd_pasid_remove(vdev);
	free(vdev);
	dev->driver_data = NULL;
}

static bool vtd_capable(const struct iommu_device *dev, enum iommu_cap cap)
{
	const struct vtd_device *vdev = dev->driver_data;

	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return true;
	case IOMMU_CAP_INTR_REMAP:
		return vdev->unit->drv->intremap;
	case IOMMU_CAP_ENFORCE_COHERENCY:
		return vdev->unit->caps.snoop_control;
	case IOMMU_CAP_DIRTY_TRACKING:
		return vtd_tracks_dirty(vdev->unit);
	}
	return false;
}

const struct iommu_driver iommu_driver_vtd = {
	.name = "intel",
	.domain_alloc = vtd_domain_alloc,
	.domain_free = vtd_domain_free,
	.attach = vtd_domain_attach,
	.map_pages = vtd_map_pages,
	.unmap_pages = vtd_unmap_pages,
	.iotlb_sync = vtd_iotlb_sync,
	.query = vtd_query,
	.next = vtd_next,
	.enforce_cache_coherency = vtd_domain_enforce,
	.enable_nesting = vtd_domain_nest,
	.capable = vtd_capable,
	.reserved = vtd_reserved,
	.domain_audit = vtd_domain_audit,
	.release = vtd_release,
	.hw_info = vtd_hw_info,
	.domain_alloc_user = vtd_domain_alloc_user,
	.domain_alloc_nested = vtd_domain_alloc_nested,
	.cache_invalidate_user = vtd_cache_invalidate_user,
	.set_dirty_tracking = vtd_set_dirty_tracking,
	.read_dirty = vtd_read_dirty,
	.set_pasid = vtd_set_pasid,
	.remove_pasid = vtd_remove_pasid,
	.iopf_enable = vtd_iopf_enable,
	.iopf_disable = vtd_iopf_disable,
	.page_response = vtd_page_response,
};

/* ---- all of them ---- */

static void drv_free(struct drv_vtd *drv)
{
	for (unsigned i = 0; i < drv->unit_count; i++)
		unit_down(&drv->units[i]);
	for (unsigned i = 0; i < drv->rmrr_count; i++)
		free(drv->rmrr[i].rids);
	free(drv->rmrr);
	free(drv->units);
	free(drv);
}

void drv_vtd_remove(struct drv_vtd *drv)
{
	/* Whatever devices are left would be served by units that are gone. */
	if (drv->iommu->priv)
		iommu_devices_drop(drv->iommu);
	iommu_probe_remove(drv->iommu, &drv->probe);
	drv_free(drv);
}

int drv_vtd_probe(struct iommu *iommu, const struct drv_vtd_cfg *cfg, struct drv_vtd **out)
{
	struct drv_vtd *drv = fail_calloc("vtd.probe", 1, sizeof(*drv));
	int rc = -ENOMEM;

	if (!drv)
		return -ENOMEM;
	drv->iommu = iommu;
	drv->probe = (struct iommu_probe){.device = probe_device, .ctx = drv};
	drv->units = fail_calloc("vtd.probe.units", cfg->unit_count + 1u, sizeof(*drv->units));
	if (!drv->units)
		goto err_free;
	rc = rmrr_copy(drv, cfg);
	if (rc)
		goto err_free;
	drv->intremap = cfg->intremap && cfg->unit_count;
	drv->scalable = cfg->scalable;
	for (unsigned i = 0; i < cfg->unit_count; i++) {
		struct vtd_unit *vu = &drv->units[drv->unit_count++];

		vu->drv = drv;
		vu->unit = cfg->units[i];
		rc = unit_up(vu, i);
		if (rc)
			goto err_free;
	}
	rc = remap_interrupts(drv);
	if (rc)
		goto err_free;
	iommu_probe_add(iommu, &drv->probe);
	*out = drv;
	return 0;

err_free:
	drv_free(drv);
	return rc;
}

bool drv_vtd_intremap(const struct drv_vtd *drv)
{
	return drv->intremap;
}
