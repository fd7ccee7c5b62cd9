// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine's hardware from its platform: memory, units, buses, functions, and who routes where.
 *
 * Nothing here knows a kernel; sio_hw_create() stops after it.
 */
#include "machine_boot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/dev.h"

#define ACS_PORT (ACS_SV | ACS_RR | ACS_CR | ACS_UF)

int boot_error(const struct boot *boot, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(boot->error, boot->error_len, fmt, ap);
	va_end(ap);
	return rc;
}

int boot_no_memory(const struct boot *boot)
{
	return boot_error(boot, -ENOMEM, "out of memory");
}

static int boot_platform(const struct boot *boot)
{
	struct sio_machine *machine = boot->machine;
	const char *name = boot->platform ? boot->platform : "vtd48";
	const struct platform_unit *narrow;
	uint64_t ram;
	int rc;

	if (boot->platform_text)
		rc = platform_parse(boot->platform_text,
				    boot->platform ? boot->platform : "platform",
				    &machine->platform, boot->error, boot->error_len);
	else
		rc = platform_load(name, &machine->platform, boot->error, boot->error_len);
	if (rc)
		return rc;
	for (unsigned i = 0; i < machine->platform->unit_count; i++)
		machine->platform->unit[i].quiet_hits |= boot->extra.quiet_hits;
	ram = boot->ram_bytes ? boot->ram_bytes : machine->platform->ram_bytes;
	if (ram < PLATFORM_RAM_MIN || ram > PLATFORM_RAM_MAX ||
	    !sio_is_aligned(ram, PLATFORM_RAM_STEP))
		return boot_error(boot, -EINVAL,
				  "%" PRIu64
				  " bytes of ram, expected 64 MiB to 64 TiB in steps of 2 MiB",
				  ram);
	narrow = platform_ram_excess(machine->platform, ram);
	if (narrow)
		return boot_error(boot, -EINVAL,
				  "%s: unit %s reaches %u address bits, expected at most %" PRIu64
				  " MiB of ram",
				  machine->platform->name, narrow->name, narrow->haw,
				  SIO_BIT(narrow->haw) >> 20);
	machine->phys = phys_create(&(struct phys_cfg){.ram_bytes = ram});
	return machine->phys ? 0 : boot_no_memory(boot);
}

static struct unit *unit_create(struct sio_machine *machine, const struct platform_unit *from,
				const struct unit_env *env)
{
	struct amdvi_cfg amdvi;
	struct vtd_cfg vtd;

	if (from->type == PLATFORM_AMD) {
		amdvi = platform_amdvi_cfg(from);
		return amdvi_create(&amdvi, machine->phys, machine->fabric, env);
	}
	vtd = platform_vtd_cfg(from);
	return vtd_create(&vtd, machine->phys, machine->fabric, env);
}

static int boot_unit(const struct boot *boot, const struct platform_unit *from,
		     struct machine_unit *to)
{
	struct sio_machine *machine = boot->machine;
	struct unit_env env = *boot->env;

	env.ctx = to;
	to->machine = machine;
	to->platform = from;
	to->unit = unit_create(machine, from, &env);
	if (!to->unit)
		return boot_no_memory(boot);
	machine->unit_count++;
	if (boot->strict)
		to->unit->ops->set_strict(to->unit, true);
	if (from->include_all && !dma_fabric_claim_rest(machine->fabric, from->segment, to->unit))
		return boot_no_memory(boot);
	return 0;
}

static int boot_units(const struct boot *boot)
{
	struct sio_machine *machine = boot->machine;
	const struct platform *platform = machine->platform;
	int rc = 0;

	machine->fabric = dma_fabric_create(machine->phys);
	machine->port = machine->fabric ? dma_port_create(machine->fabric) : NULL;
	machine->unit = calloc(platform->unit_count + 1, sizeof(*machine->unit));
	if (!machine->port || !machine->unit)
		return boot_no_memory(boot);
	for (unsigned i = 0; i < platform->unit_count && !rc; i++)
		rc = boot_unit(boot, &platform->unit[i], &machine->unit[i]);
	return rc;
}

/* What firmware calls an alias is an id that the device's DMA carries. */
static void firmware_aliases(const struct platform *platform, const struct platform_device *from,
			     struct pci_function *fn)
{
	const struct platform_unit *unit = &platform->unit[from->unit];

	for (unsigned i = 0; i < unit->alias_count; i++) {
		const struct platform_alias *alias = &unit->alias[i];

		if (alias->rid == fn->rid && alias->alias != fn->rid &&
		    alias->alias >> 8 == fn->rid >> 8 &&
		    fn->alias_count < SIO_ARRAY_SIZE(fn->alias_devfns))
			fn->alias_devfns[fn->alias_count++] = (uint8_t)alias->alias;
	}
}

static int boot_function(const struct boot *boot, struct sio_device *device)
{
	struct sio_machine *machine = boot->machine;
	const struct platform_device *from = device->platform;
	struct pci_function fn = {
		.segment = from->segment,
		.rid = from->rid,
		.type = from->type,
		.multifunction = from->multifunction,
		.has_acs = from->acs,
		.acs_cap = from->acs ? ACS_PORT : 0,
		.acs_ctrl = from->acs && from->acs_enabled ? ACS_PORT : 0,
		.secondary_bus = from->secondary_bus,
		.subordinate_bus = from->subordinate_bus,
		.alias_count = from->alias_count,
		.ats = from->ats,
		.pri = from->pri,
		.pasid_bits = from->pasid_bits,
		.pasid_execute = from->pasid_execute,
		.pasid_privileged = from->pasid_privileged,
	};
	const char *why = "out of memory";

	memcpy(fn.alias_devfns, from->alias_devfns, sizeof(fn.alias_devfns));
	if (from->unit >= 0)
		firmware_aliases(machine->platform, from, &fn);
	snprintf(fn.name, sizeof(fn.name), "%s", from->name);
	device->machine = machine;
	pci_format_bdf(device->bdf, from->segment, from->rid, true);
	device->fn = topology_add(&machine->topology, &fn, &why);
	/* The parser has refused a place that is taken: what is left is memory. */
	if (!device->fn)
		return boot_error(boot, -ENOMEM, "%s: %s: %s", machine->platform->name, device->bdf,
				  why);
	if (platform_is_bridge(from))
		return 0;
	device->pci = dev_create(from->model, device->fn, machine->port,
				 &(struct dev_cfg){.dma_mask = from->dma_mask});
	if (!device->pci || !dev_bars_place(device->pci, machine->phys))
		return boot_no_memory(boot);
	return 0;
}

struct alias_claim {
	struct sio_machine *machine;
	struct unit *unit;
	const char *taken_by;
};

static int alias_claim(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	struct alias_claim *claim = ctx;

	return !dma_fabric_claim(claim->machine->fabric, owner->segment, rid, claim->unit,
				 &claim->taken_by);
}

/* Every id that the function's DMA may carry goes to its unit, bridges' ids included. */
static int boot_route(const struct boot *boot, const struct sio_device *device)
{
	struct sio_machine *machine = boot->machine;
	struct alias_claim claim = {.machine = machine};

	if (device->platform->unit < 0)
		return 0;
	claim.unit = machine->unit[device->platform->unit].unit;
	if (machine->platform->unit[device->platform->unit].include_all)
		return 0;
	if (!pci_for_each_dma_alias(device->fn, alias_claim, &claim))
		return 0;
	return claim.taken_by
		       ? boot_error(boot, -EINVAL,
				    "%s: DMA of %s passes a bridge of unit %s, expected its own "
				    "unit %s to serve both",
				    machine->platform->name, device->bdf, claim.taken_by,
				    claim.unit->name)
		       : boot_no_memory(boot);
}

/* Translation caches are known to the units that serve their functions. */
static int boot_ats(const struct boot *boot, struct sio_device *device)
{
	struct sio_machine *machine = boot->machine;
	const struct ats_cfg cfg = {
		.phys = machine->phys,
		.segment = device->fn->segment,
		.requester = pci_requester_id(device->fn),
	};

	if (!device->platform->ats)
		return 0;
	device->ats = ats_create(machine->port, &cfg);
	return device->ats ? 0 : boot_no_memory(boot);
}

static int boot_devices(const struct boot *boot)
{
	struct sio_machine *machine = boot->machine;
	const struct platform *platform = machine->platform;
	int rc = 0;

	topology_init(&machine->topology);
	machine->device = calloc(platform->device_count + 1, sizeof(*machine->device));
	if (!machine->device)
		return boot_no_memory(boot);
	machine->device_count = platform->device_count;
	for (unsigned i = 0; i < machine->device_count && !rc; i++) {
		machine->device[i].platform = &platform->device[i];
		rc = boot_function(boot, &machine->device[i]);
	}
	for (unsigned i = 0; i < machine->device_count && !rc; i++)
		rc = boot_route(boot, &machine->device[i]);
	for (unsigned i = 0; i < machine->device_count && !rc; i++)
		rc = boot_ats(boot, &machine->device[i]);
	return rc;
}

struct sio_machine *machine_new(void)
{
	struct sio_machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return NULL;
	pthread_mutex_init(&machine->lock, NULL);
	pthread_cond_init(&machine->changed, NULL);
	pthread_mutex_init(&machine->event_lock, NULL);
	machine->recycler = recycler_create();
	return machine;
}

int boot_hardware(const struct boot *boot)
{
	int rc = boot_platform(boot);

	if (!rc)
		rc = boot_units(boot);
	return rc ? rc : boot_devices(boot);
}

static void destroy_devices(struct sio_machine *machine)
{
	for (unsigned i = 0; i < machine->device_count; i++) {
		struct pci_dev *pci = machine->device[i].pci;

		ats_destroy(machine->device[i].ats);
		if (pci)
			dev_destroy(pci);
	}
	free(machine->device);
	topology_fini(&machine->topology);
}

static void destroy_hardware(struct sio_machine *machine)
{
	for (unsigned i = 0; i < machine->unit_count; i++)
		machine->unit[i].unit->ops->destroy(machine->unit[i].unit);
	free(machine->unit);
	if (machine->port)
		dma_port_destroy(machine->port);
	if (machine->fabric)
		dma_fabric_destroy(machine->fabric);
	if (machine->phys)
		phys_destroy(machine->phys);
}

void machine_free(struct sio_machine *machine)
{
	machine_emulated_free(machine);
	if (machine->user)
		user_put(machine->user);
	destroy_devices(machine);
	destroy_hardware(machine);
	platform_destroy(machine->platform);
	pthread_mutex_destroy(&machine->event_lock);
	pthread_cond_destroy(&machine->changed);
	pthread_mutex_destroy(&machine->lock);
	recycler_destroy(machine->recycler);
	free(machine);
}
