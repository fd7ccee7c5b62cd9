// SPDX-License-Identifier: GPL-2.0-only
/*
 * Booting a kernel on a machine's hardware, and taking both down again.
 *
 * The order is that of a boot: the hardware is there; drivers bring the units up; functions
 * are discovered in order of their address, which gives the group numbers; host drivers bind; the
 * rest is bound to vfio-pci. Teardown runs backwards and cannot fail; it accepts a half built
 * machine.
 */
#include "machine_boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock/mock.h"

const char *sio_version(void)
{
	return SIO_VERSION;
}

static int boot_kernel(const struct boot *boot, const char *kernel)
{
	struct sio_machine *machine = boot->machine;

	if (!personality_parse(kernel, &machine->personality, boot->error, boot->error_len))
		return -EINVAL;
	machine->iommu.personality = &machine->personality;
	return 0;
}

static int boot_bind(const struct boot *boot, struct sio_device *device)
{
	enum platform_driver driver = device->platform->driver;
	int rc = 0;

	/* A bridge has no function that vfio-pci could give away. */
	if (driver == PLATFORM_NO_DRIVER || (driver == PLATFORM_VFIO_PCI && !device->pci))
		return 0;
	rc = machine_driver_bind(device, platform_driver_name(driver));
	if (rc == -EINVAL && driver == PLATFORM_VFIO_PCI && !device->iommu->group)
		return boot_error(boot, rc,
				  "%s: %s has no IOMMU, which vfio-pci needs: expected a unit that "
				  "serves it, noiommu = true and a kernel from 4.5 on, or another "
				  "driver",
				  boot->machine->platform->name, device->bdf);
	if (rc)
		return boot_error(boot, rc, "%s: %s: its driver does not bind: %s",
				  boot->machine->platform->name, device->bdf, strerror(-rc));
	return 0;
}

/* A kernel without emulated devices has no driver that would make them. */
static int boot_emulated(const struct boot *boot)
{
	struct sio_machine *machine = boot->machine;
	const struct platform *platform = machine->platform;

	for (unsigned i = 0; i < platform->emulated_count; i++) {
		const struct platform_emulated *from = &platform->emulated[i];
		int rc = machine_emulated_boot(machine, from->name, from->model);

		if (rc && rc != -ENOTTY)
			return boot_error(boot, rc, "%s: emulated device %s: %s", platform->name,
					  from->name, strerror(-rc));
	}
	return 0;
}

/* No-IOMMU mode as distributions build it. */
void machine_iommufd_init(struct sio_machine *machine)
{
	machine->iommufd = (struct iommufd_env){.iommu = &machine->iommu, .noiommu = true};
}

int machine_boot_system(const struct boot *boot)
{
	struct sio_machine *machine = boot->machine;
	int rc = machine_boot_drivers(boot);

	for (unsigned i = 0; i < machine->device_count && !rc; i++) {
		struct sio_device *device = &machine->device[i];

		rc = iommu_device_add(&machine->iommu, device->fn, &device->iommu);
		if (rc)
			return boot_error(boot, rc, "%s: %s: the IOMMU does not take it: %s",
					  machine->platform->name, device->bdf, strerror(-rc));
	}
	if (rc)
		return rc;
	machine->vfio = vfio_create(&(struct vfio_cfg){
		.iommu = &machine->iommu,
		.noiommu = machine->noiommu || machine->platform->noiommu,
	});
	if (!machine->vfio)
		return boot_no_memory(boot);
	machine_iommufd_init(machine);
	if (boot->selftest || machine->platform->selftest)
		mock_enable(&machine->iommufd);
	for (unsigned i = 0; i < machine->device_count && !rc; i++)
		rc = boot_bind(boot, &machine->device[i]);
	return rc ? rc : boot_emulated(boot);
}

static int boot_machine(const struct boot *boot, const struct sio_machine_cfg *cfg)
{
	struct sio_machine *machine = boot->machine;
	int rc = boot_kernel(boot, cfg->kernel);

	if (!rc)
		rc = boot_hardware(boot);
	if (rc)
		return rc;
	machine->iommu.phys = machine->phys;
	machine->iommu.topology = &machine->topology;
	machine->iommu.fabric = machine->fabric;
	machine->iommu.strict = cfg->strict;
	rc = iommu_init(&machine->iommu);
	return rc ? boot_no_memory(boot) : machine_boot_system(boot);
}

int machine_create(const struct sio_machine_cfg *cfg, const struct machine_extra *extra,
		   struct sio_machine **out, char *error, size_t error_len)
{
	char line[512] = "";
	struct boot boot = {
		.error = line,
		.error_len = sizeof(line),
		.machine = machine_new(),
		.extra = *extra,
	};
	int rc;

	*out = NULL;
	boot.platform = cfg->platform;
	boot.platform_text = cfg->platform_text;
	boot.ram_bytes = cfg->ram_bytes;
	boot.strict = cfg->strict;
	boot.selftest = cfg->selftest;
	boot.env = &machine_unit_env;
	if (!boot.machine) {
		rc = boot_no_memory(&boot);
	} else {
		boot.machine->seed = cfg->seed;
		boot.machine->noiommu = cfg->noiommu;
		rc = boot_machine(&boot, cfg);
	}
	if (error && error_len)
		snprintf(error, error_len, "%s", line);
	if (rc) {
		sio_machine_destroy(boot.machine);
		return rc;
	}
	machine_settle(boot.machine);
	*out = boot.machine;
	return 0;
}

int sio_machine_create(const struct sio_machine_cfg *cfg, struct sio_machine **out, char *error,
		       size_t error_len)
{
	static const struct sio_machine_cfg defaults;
	const struct machine_extra extra = {0};

	return machine_create(cfg ? cfg : &defaults, &extra, out, error, error_len);
}

static void unbind_devices(struct sio_machine *machine)
{
	for (unsigned i = 0; i < machine->device_count; i++)
		if (machine->device[i].iommu)
			iommu_device_unbind(machine->device[i].iommu);
}

void machine_end_use(struct sio_machine *machine)
{
	machine_processes_end(machine);
	/* No file is left but those that keep each other. */
	iommufd_env_fini(&machine->iommufd);
}

void machine_end_system(struct sio_machine *machine)
{
	machine_end_use(machine);
	if (machine->vfio)
		vfio_destroy(machine->vfio);
	machine->vfio = NULL;
	machine_emulated_end(machine);
	unbind_devices(machine);
	/* Groups and their default domains go with the driver that can free them. */
	machine_remove_drivers(machine);
	for (unsigned i = 0; i < machine->device_count; i++)
		machine->device[i].iommu = NULL;
}

void sio_machine_destroy(struct sio_machine *machine)
{
	if (!machine)
		return;
	machine_kept_free(machine);
	machine_end_system(machine);
	iommu_fini(&machine->iommu);
	machine_free(machine);
}
