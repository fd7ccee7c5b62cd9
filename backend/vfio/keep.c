// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO's state as a boot left it: groups and devices that nobody has open, and the parameters.
 */
#include "vfio/vfio_priv.h"

#include "keep.h"

#include <stddef.h>

/* What the last user found out, and did to it, means nothing once it is closed. */
static void keep_device(struct keep *keep, struct vfio_device *dev)
{
	keep_shape(keep, dev, offsetof(struct vfio_device, by_node));
	keep_bytes(keep, &dev->by_node, sizeof(dev->by_node));
	keep_shape(keep, &dev->iommufd, sizeof(dev->iommufd));
	keep_shape(keep, &dev->attached, sizeof(dev->attached));
	keep_shape(keep, &dev->pasid, sizeof(dev->pasid));
	keep_shape(keep, &dev->pasid_count, sizeof(dev->pasid_count));
	keep_shape(keep, &dev->config, sizeof(dev->config));
	keep_shape(keep, &dev->irqs.trigger, sizeof(dev->irqs.trigger));
	keep_shape(keep, &dev->irqs.unmask, sizeof(dev->irqs.unmask));
	keep_shape(keep, &dev->irqs.err, sizeof(dev->irqs.err));
	keep_shape(keep, &dev->irqs.req, sizeof(dev->irqs.req));
	keep_bytes(keep, &dev->irqs, sizeof(dev->irqs));
	keep_bytes(keep, &dev->reset_works, sizeof(dev->reset_works));
	keep_bytes(keep, &dev->needs_reset, sizeof(dev->needs_reset));
	keep_bytes(keep, &dev->low_power, sizeof(dev->low_power));
	if (dev->open_count || dev->node_files)
		keep->failed = true;
}

static void keep_group(struct keep *keep, const struct vfio_group *group)
{
	keep_shape(keep, group, sizeof(*group));
	for (struct vfio_device *dev = group->devices; dev; dev = dev->next)
		keep_device(keep, dev);
	if (group->opened || group->container)
		keep->failed = true;
}

void vfio_keep(struct vfio *vfio, struct keep *keep)
{
	keep_shape(keep, &vfio->groups, sizeof(vfio->groups));
	keep_shape(keep, &vfio->containers, sizeof(vfio->containers));
	keep_bytes(keep, &vfio->noiommu, sizeof(vfio->noiommu));
	keep_bytes(keep, &vfio->params, sizeof(vfio->params));
	for (const struct vfio_group *group = vfio->groups; group; group = group->next)
		keep_group(keep, group);
	if (vfio->containers || vfio->params.leaks)
		keep->failed = true;
}

void vfio_rewind(struct vfio *vfio)
{
	t1_leaks_free(&vfio->params);
}
