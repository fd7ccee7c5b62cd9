// SPDX-License-Identifier: GPL-2.0-only
/*
 * The drivers of a machine's units: what firmware tells each of them, and whose interrupt it was.
 *
 * A machine may have units of both vendors; each driver takes those of its own.
 */
#include "machine_boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The registers of fault and page request events, for an interrupt whose message was lost. */
#define VTD_FEDATA 0x3cu
#define VTD_PEDATA 0xe4u

static int driver_error(const struct boot *boot, int rc)
{
	return rc ? boot_error(boot, rc, "%s: the units cannot be brought up: %s",
			       boot->machine->platform->name, strerror(-rc))
		  : 0;
}

static unsigned select_units(const struct sio_machine *machine, enum platform_unit_type type,
			     struct unit **units)
{
	unsigned count = 0;

	for (unsigned i = 0; i < machine->unit_count; i++)
		if (machine->unit[i].platform->type == type)
			units[count++] = machine->unit[i].unit;
	return count;
}

static int boot_vtd(const struct boot *boot)
{
	struct sio_machine *machine = boot->machine;
	const struct platform *platform = machine->platform;
	struct unit **units = calloc(machine->unit_count + 1, sizeof(struct unit *));
	struct drv_vtd_rmrr *rmrr = calloc(platform->rmrr_count + 1, sizeof(*rmrr));
	struct drv_vtd_cfg cfg = {
		.units = units,
		.intremap = platform->intremap,
		.scalable = platform->scalable_mode,
		.rmrr = rmrr,
		.rmrr_count = platform->rmrr_count,
	};
	int rc = -ENOMEM;

	if (units && rmrr) {
		cfg.unit_count = select_units(machine, PLATFORM_INTEL, units);
		for (unsigned i = 0; i < platform->rmrr_count; i++)
			rmrr[i] = (struct drv_vtd_rmrr){
				.first = platform->rmrr[i].first,
				.last = platform->rmrr[i].last,
				.segment = platform->rmrr[i].segment,
				.rids = platform->rmrr[i].rids,
				.count = platform->rmrr[i].count,
				.relaxable = platform->rmrr[i].relaxable,
			};
		rc = drv_vtd_probe(&machine->iommu, &cfg, &machine->drv);
	}
	free(units);
	free(rmrr);
	return driver_error(boot, rc);
}

static unsigned amd_aliases(const struct platform *platform, struct drv_amdvi_alias *alias)
{
	unsigned count = 0;

	for (unsigned i = 0; i < platform->unit_count; i++)
		for (unsigned j = 0; j < platform->unit[i].alias_count; j++, count++)
			if (alias)
				alias[count] = (struct drv_amdvi_alias){
					.segment = platform->unit[i].segment,
					.rid = platform->unit[i].alias[j].rid,
					.alias = platform->unit[i].alias[j].alias,
				};
	return count;
}

static int boot_amdvi(const struct boot *boot)
{
	struct sio_machine *machine = boot->machine;
	const struct platform *platform = machine->platform;
	struct unit **units = calloc(machine->unit_count + 1, sizeof(struct unit *));
	struct drv_amdvi_unity *unity = calloc(platform->ivmd_count + 1, sizeof(*unity));
	struct drv_amdvi_alias *alias = calloc(amd_aliases(platform, NULL) + 1, sizeof(*alias));
	struct drv_amdvi_cfg cfg = {
		.units = units,
		.intremap = platform->intremap,
		.unity = unity,
		.unity_count = platform->ivmd_count,
		.aliases = alias,
	};
	int rc = -ENOMEM;

	if (units && unity && alias) {
		cfg.unit_count = select_units(machine, PLATFORM_AMD, units);
		cfg.alias_count = amd_aliases(platform, alias);
		for (unsigned i = 0; i < platform->ivmd_count; i++)
			unity[i] = (struct drv_amdvi_unity){
				.first = platform->ivmd[i].first,
				.last = platform->ivmd[i].last,
				.segment = platform->ivmd[i].segment,
				.rids = platform->ivmd[i].rids,
				.count = platform->ivmd[i].count,
			};
		rc = drv_amdvi_probe(&machine->iommu, &cfg, &machine->amdvi);
	}
	free(units);
	free(unity);
	free(alias);
	return driver_error(boot, rc);
}

/* A driver whose hardware is not there is not loaded. */
int machine_boot_drivers(const struct boot *boot)
{
	const struct platform *platform = boot->machine->platform;
	bool has[2] = {false, false};
	int rc = 0;

	for (unsigned i = 0; i < platform->unit_count; i++)
		has[platform->unit[i].type] = true;
	if (has[PLATFORM_INTEL])
		rc = boot_vtd(boot);
	if (has[PLATFORM_AMD] && !rc)
		rc = boot_amdvi(boot);
	boot->machine->booted = !rc;
	return rc;
}

void machine_remove_drivers(struct sio_machine *machine)
{
	machine->booted = false;
	if (machine->amdvi)
		drv_amdvi_remove(machine->amdvi);
	if (machine->drv)
		drv_vtd_remove(machine->drv);
	machine->amdvi = NULL;
	machine->drv = NULL;
}

bool machine_intremap(const struct sio_machine *machine)
{
	if (!machine->drv && !machine->amdvi)
		return false;
	return (!machine->drv || drv_vtd_intremap(machine->drv)) &&
	       (!machine->amdvi || drv_amdvi_intremap(machine->amdvi));
}

/* As if the event whose data, address and upper address registers these are had been raised. */
static void vtd_lost_irq(struct sio_machine *machine, struct unit *unit, uint32_t registers)
{
	uint64_t data = unit->ops->mmio_read(unit, registers, 4);
	uint64_t address = unit->ops->mmio_read(unit, registers + 4, 4);

	address |= unit->ops->mmio_read(unit, registers + 8, 4) << 32;
	drv_vtd_fault_irq(machine->drv, address, (uint32_t)data);
}

static void vtd_lost_irqs(struct sio_machine *machine)
{
	for (unsigned i = 0; i < machine->unit_count; i++) {
		if (machine->unit[i].platform->type != PLATFORM_INTEL)
			continue;
		vtd_lost_irq(machine, machine->unit[i].unit, VTD_FEDATA);
		vtd_lost_irq(machine, machine->unit[i].unit, VTD_PEDATA);
	}
}

void machine_drivers_irq(struct sio_machine *machine, const struct machine_irq *irq, unsigned count,
			 bool lost)
{
	for (unsigned i = 0; i < count && machine->drv; i++)
		drv_vtd_fault_irq(machine->drv, irq[i].address, irq[i].data);
	if (lost && machine->drv)
		vtd_lost_irqs(machine);
	if ((count || lost) && machine->amdvi)
		drv_amdvi_event_irq(machine->amdvi);
}
