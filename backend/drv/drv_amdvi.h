/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The AMD-Vi driver: programs units through emulated memory, registers, the command buffer and the
 * event log only, as drivers/iommu/amd of Linux 6.12 does with v1 page tables.
 *
 * At probe it allocates the device table, the command buffer and the event log and enables the
 * unit; every device is blocked until it is attached. Attach writes the device table entry of the
 * device and of all ids that its DMA may carry. A domain starts with three levels and grows at the
 * root. Unmap invalidates after the whole gather, with one size-encoded command, and frees tables
 * only after that. Map invalidates only what it replaced, and under NpCache what it added.
 */
#ifndef BACKEND_DRV_DRV_AMDVI_H
#define BACKEND_DRV_DRV_AMDVI_H

#include "amdvi/amdvi.h"
#include "core/iommu.h"

/*
 * The unit looks DMA of `rid` up as `alias` (IVHD alias entries). An alias on the same bus becomes
 * one of the function's DMA aliases, so that both share a group.
 */
struct drv_amdvi_alias {
	uint16_t segment;
	uint16_t rid, alias;
};

/* Memory that firmware says some devices need mapped one to one (IVMD, exclusion ranges too). */
struct drv_amdvi_unity {
	uint64_t first, last; /* rounded out to pages */
	uint16_t segment;
	const uint16_t *rids; /* NULL: every device of the segment */
	unsigned count;
};

struct drv_amdvi_cfg {
	struct unit *const *units;
	unsigned unit_count;
	bool intremap; /* firmware knows every IOAPIC: remapping is on */
	/* Highest requester id that a device table has to hold, 0: as the topology needs. */
	uint16_t last_rid;
	const struct drv_amdvi_alias *aliases;
	unsigned alias_count;
	const struct drv_amdvi_unity *unity;
	unsigned unity_count;
};

struct drv_amdvi; /* all units of one machine */

/* Bring the units up. 0, -ENOMEM, -ENODEV (a unit does not answer). */
int drv_amdvi_probe(struct iommu *iommu, const struct drv_amdvi_cfg *cfg, struct drv_amdvi **out);
/* Units off, everything freed; all domains are gone already. */
void drv_amdvi_remove(struct drv_amdvi *drv);
/*
 * Some interrupt arrived: read every unit's event log into the fault list. One call serves all
 * units, because an interrupt that finds an empty log does no harm.
 */
void drv_amdvi_event_irq(struct drv_amdvi *drv);
bool drv_amdvi_intremap(const struct drv_amdvi *drv);

extern const struct iommu_driver iommu_driver_amdvi;

#endif
