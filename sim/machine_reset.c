// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switching a machine off and on again.
 *
 * Everything that runs ends in the order of a shutdown, the hardware goes to the state after
 * power-on, and the same kernel boots again. What is kept is what does not change in use: the
 * platform, memory that the host has already backed, buses, routes, ports. Nothing of the old life
 * is left in place: a reset machine answers like a new one. The second reset and those after it
 * mostly need no boot: machine_keep.c puts back what the first one booted.
 */
#include "machine_boot.h"

void machine_power_on(struct sio_machine *machine)
{
	for (unsigned i = 0; i < machine->unit_count; i++)
		machine->unit[i].unit->ops->reset(machine->unit[i].unit);
	for (unsigned i = 0; i < machine->device_count; i++) {
		if (machine->device[i].pci)
			pci_dev_power_on(machine->device[i].pci);
	}
	phys_reset(machine->phys);
}

void machine_forget_events(struct sio_machine *machine)
{
	pthread_mutex_lock(&machine->event_lock);
	machine->irq_count = machine->stale_new_count = 0;
	machine->irq_lost = false;
	__atomic_store_n(&machine->events, false, __ATOMIC_RELAXED);
	machine->stale_lost = 0;
	pthread_mutex_unlock(&machine->event_lock);
	machine->fault_first = machine->fault_count = 0;
	machine->faults = 0;
	machine->stale_first = machine->stale_count = 0;
	machine->numbered = false;
	__atomic_store_n(&machine->iommu.op, 0, __ATOMIC_RELAXED);
}

int sio_machine_reset(struct sio_machine *machine)
{
	char line[256];
	const struct boot boot = {.machine = machine,
				  .error = line,
				  .error_len = sizeof(line),
				  .selftest = machine->iommufd.test_cmd != NULL};
	int rc;

	machine_enter(machine, false);
	/* Boot is not what the plan was made for. */
	fail_plan_clear(&machine->iommu.inject);
	machine_end_use(machine);
	if (machine_rewind(machine)) {
		machine_forget_events(machine);
		machine_leave(machine);
		return 0;
	}
	machine_end_system(machine);
	iommu_reset(&machine->iommu);
	machine_power_on(machine);
	machine_forget_events(machine);
	rc = machine_boot_system(&boot);
	machine_settle(machine);
	if (!rc)
		machine_keep(machine);
	machine_leave(machine);
	return rc;
}
