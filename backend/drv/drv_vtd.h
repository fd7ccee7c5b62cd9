/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VT-d driver: programs units through emulated memory, registers and the invalidation queue
 * only, as drivers/iommu/intel does with second-stage tables.
 *
 * At probe it allocates the root table and a queue, sets the root pointer, invalidates globally,
 * enables translation and, where all units can, interrupt remapping. In legacy mode attach writes
 * the context entry of every alias (high half first, P last); in scalable mode the context entry is
 * there from the start and attach writes the PASID entry for requests without PASID. Unmap
 * invalidates after the whole gather (page-selective where CAP.PSI and MAMV allow, else
 * domain-selective) and frees tables only after that. Map invalidates only under caching mode.
 * Whatever a unit reads without snooping is flushed out of the processor's caches first.
 *
 * For iommufd, in scalable mode: domains of PASIDs, domains nested in others, dirty pages of the
 * second stage, page requests by way of the unit's queue. A function's translation cache is
 * switched on when the function is first attached.
 */
#ifndef BACKEND_DRV_DRV_VTD_H
#define BACKEND_DRV_DRV_VTD_H

#include "core/iommu.h"
#include "vtd/vtd.h"

/* A range of memory that firmware says some devices need mapped one to one (DMAR RMRR). */
struct drv_vtd_rmrr {
	uint64_t first, last;
	uint16_t segment;
	const uint16_t *rids; /* devices in scope */
	unsigned count;
	bool relaxable; /* USB or display devices */
};

struct drv_vtd_cfg {
	struct unit *const *units;
	unsigned unit_count;
	bool intremap; /* DMAR flag; remapping is on only when every unit has ECAP.IR */
	bool scalable; /* use scalable mode in units that have it (ECAP.SMTS, SLTS) */
	const struct drv_vtd_rmrr *rmrr;
	unsigned rmrr_count;
};

struct drv_vtd; /* all units of one machine */

/* Bring the units up. 0, -ENOMEM, -ENODEV (a unit does not answer). */
int drv_vtd_probe(struct iommu *iommu, const struct drv_vtd_cfg *cfg, struct drv_vtd **out);
/* Translation off, everything freed; all domains are gone already. */
void drv_vtd_remove(struct drv_vtd *drv);
/* Bind a device to its unit. Called by iommu_device_add through the hook that probe installs. */
int drv_vtd_device_probe(struct drv_vtd *drv, struct iommu_device *dev);
/* The fault event of some unit was raised: read its records into the fault list, clear them. Or its
 * page request event: report what is in the queue. */
void drv_vtd_fault_irq(struct drv_vtd *drv, uint64_t address, uint32_t data);
/* What the driver knows, for a machine on which nobody is at work; tables are memory. */
void drv_vtd_keep(struct drv_vtd *drv, struct keep *keep);
bool drv_vtd_intremap(const struct drv_vtd *drv);

extern const struct iommu_driver iommu_driver_vtd;

#endif
