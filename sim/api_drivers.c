// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's kernel drivers: which one has a device, by name.
 *
 * Kernel behaviour: the `bind` and `unbind` files of a driver in sysfs. A driver is no more than
 * its name and what it does with DMA; vfio-pci is the one that makes files of a device.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

int machine_driver_bind(struct sio_device *device, const char *name)
{
	bool is_function = device->pci && !platform_is_acpi(device->platform);
	struct vfio *vfio = device->machine->vfio;
	int rc;

	if (name && !strcmp(name, "vfio-pci"))
		return is_function ? vfio_device_bind(vfio, device->iommu, device->pci) : -EINVAL;
	rc = iommu_device_bind(device->iommu, name);
	/* The probe is tried again some time; whoever wrote to the file sees this. */
	if (rc == -IOMMU_EPROBE_DEFER)
		return -EAGAIN;
	if (!rc && vfio_driver_breaks_group(vfio, device->iommu))
		return -ENOTRECOVERABLE;
	return rc;
}

int sio_device_bind(struct sio_device *device, const char *driver)
{
	int rc;

	if (device_is_emulated(device))
		return -EINVAL;
	machine_enter(device->machine, true);
	rc = machine_driver_bind(device, driver);
	machine_leave(device->machine);
	return rc;
}

int sio_device_unbind(struct sio_device *device)
{
	int rc;

	if (device_is_emulated(device))
		return -ENODEV;
	machine_enter(device->machine, true);
	rc = device->iommu->vfio_bound ? vfio_device_unbind(device->machine->vfio, device->iommu)
				       : iommu_device_unbind(device->iommu);
	machine_leave(device->machine);
	return rc;
}

void sio_device_driver(struct sio_device *device, char name[32])
{
	*name = '\0';
	if (device_is_emulated(device))
		return;
	machine_enter(device->machine, false);
	snprintf(name, sizeof(device->iommu->bound_to), "%s", device->iommu->bound_to);
	machine_leave(device->machine);
}
