// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building a machine from its platform, and taking it down again.
 *
 * The order is that of a boot: memory, units and buses; the driver brings the units up; functions
 * are discovered in order of their address, which gives the group numbers; host drivers bind; the
 * rest is bound to vfio-pci. Teardown runs backwards and cannot fail; it accepts a half built
 * machine.
 */
#include "machine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/dev.h"

#define ACS_PORT (ACS_SV | ACS_RR | ACS_CR | ACS_UF)

const char *sio_version(void)
{
	return SIO_VERSION;
}

struct boot {
	struct sio_machine *machine;
	char *error;
	size_t error_len;
};

SIO_PRINTF(3, 4) static int boot_error(const struct boot *boot, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(boot->error, boot->error_len, fmt, ap);
	va_end(ap);
	return rc;
}

static int boot_no_memory(const struct boot *boot)
{
	return boot_error(boot, -ENOMEM, "out of memory");
}

static int boot_platform(const struct boot *boot, const struct sio_machine_cfg *cfg)
{
	struct sio_machine *machine = boot->machine;
	const char *name = cfg->platform ? cfg->platform : "vtd48";
	const struct platform_unit *narrow;
	uint64_t ram;
	int rc;

	if (cfg->platform_text)
		rc = platform_parse(cfg->platform_text, cfg->platform ? cfg->platform : "platform",
				    &machine->platform, boot->error, boot->error_len);
	else
		rc = platform_load(name, &machine->platform, boot->error, boot->error_len);
	if (rc)
		return rc;
	ram = cfg->ram_bytes ? cfg->ram_bytes : machine->platform->ram_bytes;
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

static int boot_kernel(const struct boot *boot, const char *kernel)
{
	const struct personality *personality = personality_find(kernel), *known;
	char names[160] = "";

	if (!personality)
		personality = personality_for_kernel(kernel);
	boot->machine->iommu.personality = personality;
	if (personality)
		return 0;
	for (unsigned n = 0; (known = personality_at(n)); n++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 n ? ", " : "", known->name);
	return boot_error(boot, -EINVAL, "no kernel \"%.40s\", expected one of: %s", kernel, names);
}

static int boot_units(const struct boot *boot, bool strict)
{
	struct sio_machine *machine = boot->machine;
	const struct platform *platform = machine->platform;

	machine->fabric = dma_fabric_create(machine->phys);
	machine->port = machine->fabric ? dma_port_create(machine->fabric) : NULL;
	machine->unit = calloc(platform->unit_count + 1, sizeof(*machine->unit));
	if (!machine->port || !machine->unit)
		return boot_no_memory(boot);
	for (unsigned i = 0; i < platform->unit_count; i++) {
		const struct platform_unit *from = &platform->unit[i];
		struct machine_unit *to = &machine->unit[i];
		struct unit_env env = machine_unit_env;
		struct vtd_cfg cfg = {
			.name = from->name,
			.cap = from->cap,
			.ecap = from->ecap,
			.version = from->version,
			.haw = from->haw,
		};

		env.ctx = to;
		to->machine = machine;
		to->platform = from;
		to->unit = vtd_create(&cfg, machine->phys, machine->fabric, &env);
		if (!to->unit)
			return boot_no_memory(boot);
		machine->unit_count = i + 1;
		if (strict)
			to->unit->ops->set_strict(to->unit, true);
		if (from->include_all &&
		    !dma_fabric_claim_rest(machine->fabric, from->segment, to->unit))
			return boot_no_memory(boot);
	}
	return 0;
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
		.acs_ctrl = from->acs ? ACS_PORT : 0,
		.secondary_bus = from->secondary_bus,
		.subordinate_bus = from->subordinate_bus,
	};
	const char *why = "out of memory";

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
	return rc;
}

static int boot_driver(const struct boot *boot)
{
	struct sio_machine *machine = boot->machine;
	const struct platform *platform = machine->platform;
	struct unit **units = calloc(machine->unit_count + 1, sizeof(struct unit *));
	struct drv_vtd_rmrr *rmrr = calloc(platform->rmrr_count + 1, sizeof(*rmrr));
	struct drv_vtd_cfg cfg = {
		.units = units,
		.unit_count = machine->unit_count,
		.intremap = platform->intremap,
		.rmrr = rmrr,
		.rmrr_count = platform->rmrr_count,
	};
	int rc = -ENOMEM;

	if (units && rmrr) {
		for (unsigned i = 0; i < machine->unit_count; i++)
			units[i] = machine->unit[i].unit;
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
	return rc ? boot_error(boot, rc, "%s: the units cannot be brought up: %s", platform->name,
			       strerror(-rc))
		  : 0;
}

static int boot_bind(const struct boot *boot, struct sio_device *device)
{
	struct sio_machine *machine = boot->machine;
	int rc = 0;

	if (device->platform->driver == PLATFORM_HOST && device->iommu->group)
		rc = iommu_device_use_default(device->iommu);
	else if (device->platform->driver == PLATFORM_VFIO_PCI && device->pci)
		rc = vfio_device_bind(machine->vfio, device->iommu, device->pci);
	if (rc)
		return boot_error(boot, rc, "%s: %s: its driver does not bind: %s",
				  machine->platform->name, device->bdf, strerror(-rc));
	return 0;
}

static int boot_system(const struct boot *boot)
{
	struct sio_machine *machine = boot->machine;
	int rc = boot_driver(boot);

	for (unsigned i = 0; i < machine->device_count && !rc; i++) {
		struct sio_device *device = &machine->device[i];

		rc = iommu_device_add(&machine->iommu, device->fn, &device->iommu);
		if (rc)
			return boot_error(boot, rc, "%s: %s: the IOMMU does not take it: %s",
					  machine->platform->name, device->bdf, strerror(-rc));
	}
	if (rc)
		return rc;
	machine->vfio = vfio_create(&(struct vfio_cfg){.iommu = &machine->iommu});
	if (!machine->vfio)
		return boot_no_memory(boot);
	for (unsigned i = 0; i < machine->device_count && !rc; i++)
		rc = boot_bind(boot, &machine->device[i]);
	return rc;
}

static int boot_machine(const struct boot *boot, const struct sio_machine_cfg *cfg)
{
	struct sio_machine *machine = boot->machine;
	int rc = boot_kernel(boot, cfg->kernel);

	if (!rc)
		rc = boot_platform(boot, cfg);
	if (!rc)
		rc = boot_units(boot, cfg->strict);
	if (!rc)
		rc = boot_devices(boot);
	if (rc)
		return rc;
	machine->iommu.phys = machine->phys;
	machine->iommu.topology = &machine->topology;
	machine->iommu.fabric = machine->fabric;
	machine->iommu.strict = cfg->strict;
	rc = iommu_init(&machine->iommu);
	return rc ? boot_no_memory(boot) : boot_system(boot);
}

int sio_machine_create(const struct sio_machine_cfg *cfg, struct sio_machine **out, char *error,
		       size_t error_len)
{
	static const struct sio_machine_cfg defaults;
	char line[512] = "";
	struct boot boot = {.error = line, .error_len = sizeof(line)};
	struct sio_machine *machine = calloc(1, sizeof(*machine));
	int rc;

	*out = NULL;
	boot.machine = machine;
	if (!machine) {
		rc = boot_no_memory(&boot);
	} else {
		cfg = cfg ? cfg : &defaults;
		machine->seed = cfg->seed;
		pthread_mutex_init(&machine->lock, NULL);
		pthread_mutex_init(&machine->event_lock, NULL);
		rc = boot_machine(&boot, cfg);
	}
	if (error && error_len)
		snprintf(error, error_len, "%s", line);
	if (rc) {
		sio_machine_destroy(machine);
		return rc;
	}
	machine_settle(machine);
	*out = machine;
	return 0;
}

static void unbind_devices(struct sio_machine *machine)
{
	for (unsigned i = 0; i < machine->device_count; i++) {
		struct sio_device *device = &machine->device[i];

		if (device->iommu && device->iommu->host_driver)
			iommu_device_unuse_default(device->iommu);
	}
}

static void destroy_devices(struct sio_machine *machine)
{
	for (unsigned i = 0; i < machine->device_count; i++) {
		struct pci_dev *pci = machine->device[i].pci;

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

void sio_machine_destroy(struct sio_machine *machine)
{
	if (!machine)
		return;
	machine_processes_end(machine);
	if (machine->vfio)
		vfio_destroy(machine->vfio);
	unbind_devices(machine);
	/* Groups and their default domains go while the driver can still free them. */
	iommu_fini(&machine->iommu);
	if (machine->drv)
		drv_vtd_remove(machine->drv);
	destroy_devices(machine);
	destroy_hardware(machine);
	platform_destroy(machine->platform);
	pthread_mutex_destroy(&machine->event_lock);
	pthread_mutex_destroy(&machine->lock);
	free(machine);
}
