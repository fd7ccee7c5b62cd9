// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are no PCI functions: they come and go while the machine runs.
 *
 * Kernel behaviour: iommu_device_register_bus() and iommu_release_device(), as the selftest of
 * iommufd uses them. Each has a group and a bus of its own.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/iommu_priv.h"

int iommu_device_add_virtual(struct iommu *iommu, const struct iommu_driver *driver,
			     void *driver_data, const void *instance, struct iommu_device **out)
{
	struct iommu_priv *priv = iommu->priv;
	struct iommu_device *dev;
	int rc;

	dev = fail_calloc("iommu.device.virtual", 1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->iommu = iommu;
	dev->driver = driver;
	dev->driver_data = driver_data;
	dev->instance = instance;
	dev->bus = ++priv->last_bus;
	rc = iommu_group_join(dev);
	if (rc) {
		if (driver->release)
			driver->release(dev);
		free(dev);
		return rc;
	}
	*priv->devices_tail = dev;
	priv->devices_tail = &dev->next;
	*out = dev;
	return 0;
}

void iommu_device_remove(struct iommu_device *dev)
{
	struct iommu_priv *priv = dev->iommu->priv;
	struct iommu_device **link = &priv->devices;

	sio_assert(!dev->iopf_users);
	while (*link != dev)
		link = &(*link)->next;
	*link = dev->next;
	if (priv->devices_tail == &dev->next)
		priv->devices_tail = link;
	/* A domain can go only when no device is on it any more. */
	if (dev->driver->release)
		dev->driver->release(dev);
	iommu_group_leave(dev);
	iommu_iopf_discard(dev);
	free(dev);
}
