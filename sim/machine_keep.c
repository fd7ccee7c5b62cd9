// SPDX-License-Identifier: GPL-2.0-only
/*
 * A booted system, remembered so that a reset need not boot it again.
 *
 * Once everything that ran has ended, a system differs from the one that was booted in little:
 * numbers that were given out, caches, queues that have moved on, parameters. Each part says what
 * that is for itself (see keep.h); whatever else has changed (a driver was bound, a device pulled
 * out, a table is left) makes the reset boot after all. So do platforms with something in them that
 * does not know how to go back: units of AMD, devices with translation caches, emulated devices,
 * the selftest's mock devices.
 */
#include "machine_boot.h"

#include <stdlib.h>

#include "keep.h"

struct machine_kept {
	struct keep keep;
	struct phys_kept *phys;
};

static bool is_plain(const struct sio_machine *machine)
{
	for (unsigned i = 0; i < machine->device_count; i++)
		if (machine->device[i].ats)
			return false;
	for (unsigned i = 0; i < machine->unit_count; i++)
		if (!machine->unit[i].unit->ops->keep)
			return false;
	return machine->drv && !machine->amdvi && !machine->emulated && machine->vfio &&
	       !machine->iommufd.test_cmd;
}

/* Nothing has happened yet that somebody could ask for. */
static bool is_silent(const struct sio_machine *machine)
{
	return !machine->irq_count && !machine->stale_new_count && !machine->fault_count &&
	       !machine->faults && !machine->stale_count && !machine->iommu.op;
}

static void keep_hardware(struct sio_machine *machine, struct keep *keep)
{
	for (unsigned i = 0; i < machine->unit_count; i++)
		machine->unit[i].unit->ops->keep(machine->unit[i].unit, keep);
	for (unsigned i = 0; i < machine->device_count; i++) {
		struct pci_dev *pci = machine->device[i].pci;

		keep_shape(keep, &machine->device[i].iommu, sizeof(machine->device[i].iommu));
		if (pci)
			keep_shape(keep, &pci->gone, sizeof(pci->gone));
	}
}

void machine_keep(struct sio_machine *machine)
{
	struct machine_kept *kept;

	machine_kept_free(machine);
	if (!is_plain(machine) || !is_silent(machine))
		return;
	kept = nofail_calloc("without copies it only takes longer to go back", 1, sizeof(*kept));
	if (!kept)
		return;
	machine->kept = kept;
	keep_shape(&kept->keep, &machine->emulated, sizeof(machine->emulated));
	keep_shape(&kept->keep, &machine->noiommu, sizeof(machine->noiommu));
	keep_hardware(machine, &kept->keep);
	iommu_keep(&machine->iommu, &kept->keep);
	drv_vtd_keep(machine->drv, &kept->keep);
	vfio_keep(machine->vfio, &kept->keep);
	kept->phys = phys_keep(machine->phys);
	if (kept->keep.failed || !kept->phys)
		machine_kept_free(machine);
}

bool machine_rewind(struct sio_machine *machine)
{
	const struct machine_kept *kept = machine->kept;

	if (!kept || !iommu_can_rewind(&machine->iommu) || !keep_holds(&kept->keep) ||
	    !phys_kept_holds(machine->phys, kept->phys))
		return false;
	vfio_rewind(machine->vfio);
	for (unsigned i = 0; i < machine->device_count; i++)
		if (machine->device[i].pci)
			pci_dev_power_on(machine->device[i].pci);
	keep_restore(&kept->keep);
	for (unsigned i = 0; i < machine->unit_count; i++)
		machine->unit[i].unit->ops->rewind(machine->unit[i].unit);
	phys_rewind(machine->phys, kept->phys);
	machine_iommufd_init(machine);
	return true;
}

void machine_kept_free(struct sio_machine *machine)
{
	if (!machine->kept)
		return;
	keep_fini(&machine->kept->keep);
	phys_kept_free(machine->kept->phys);
	free(machine->kept);
	machine->kept = NULL;
}
