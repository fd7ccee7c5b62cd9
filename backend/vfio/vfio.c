// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine's VFIO state: which devices are bound, in which groups; audit of the references.
 *
 * A group is there for its devices. When the last one is taken from vfio-pci while a program has
 * the group's file open, the file is what is left of it.
 *
 * Kernel behaviour: vfio_main.c and vfio_group_find_or_alloc() of drivers/vfio.
 */
#include "vfio/vfio.h"

#include <errno.h>
#include <stdlib.h>

#include "vfio/vfio_priv.h"

struct vfio *vfio_create(const struct vfio_cfg *cfg)
{
	struct vfio *vfio = fail_calloc("vfio.create", 1, sizeof(*vfio));

	if (!vfio)
		return NULL;
	vfio->iommu = cfg->iommu;
	vfio->noiommu = cfg->noiommu && cfg->iommu->personality->noiommu;
	vfio->params.dma_entry_limit = 65535;
	return vfio;
}

static void device_free(struct vfio_device *dev)
{
	struct iommu_device *idev = dev->idev;

	sio_assert(!dev->open_count);
	if (idev) {
		idev->vfio_bound = false;
		iommu_device_unbind(idev);
	}
	free(dev->name);
	free(dev);
}

/* The group's number is free for another vfio group. */
static void group_unlink(struct vfio_group *group)
{
	struct vfio_group **at = &group->vfio->groups;

	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	group->iommu_group->vfio = NULL;
	/* What VFIO made goes with it. */
	if (group->iommu_group->bare)
		iommu_bare_group_destroy(group->iommu_group);
	group->iommu_group = NULL;
}

void vfio_group_closed(struct vfio_group *group)
{
	if (group->devices)
		return;
	if (group->iommu_group)
		group_unlink(group);
	free(group);
}

void vfio_destroy(struct vfio *vfio)
{
	sio_assert(!vfio->containers);
	while (vfio->groups) {
		struct vfio_group *group = vfio->groups;

		sio_assert(!group->opened);
		while (group->devices) {
			struct vfio_device *dev = group->devices;

			group->devices = dev->next;
			device_free(dev);
		}
		vfio_group_closed(group);
	}
	t1_leaks_free(&vfio->params);
	free(vfio);
}

struct type1_params *vfio_params(struct vfio *vfio)
{
	return &vfio->params;
}

int vfio_set_noiommu(struct vfio *vfio, bool noiommu)
{
	if (!vfio->iommu->personality->noiommu)
		return -ENOENT;
	vfio->noiommu = noiommu;
	return 0;
}

struct vfio_group *vfio_group_create(struct vfio *vfio, struct iommu_group *iommu_group,
				     enum vfio_group_kind kind)
{
	struct vfio_group *group = fail_calloc("vfio.bind.group", 1, sizeof(*group));
	struct vfio_group **at = &vfio->groups;

	if (!group)
		return NULL;
	group->vfio = vfio;
	group->kind = kind;
	group->iommu_group = iommu_group;
	iommu_group->vfio = group;
	while (*at)
		at = &(*at)->next;
	*at = group;
	return group;
}

/* The group that a device without one gets in no-IOMMU mode. */
static int noiommu_group(struct vfio *vfio, struct iommu_device *idev, struct vfio_group **group)
{
	struct iommu_group *bare = idev->group;
	int rc;

	/* A program still has the file of the group that the device was in before. */
	if (bare) {
		*group = bare->vfio;
		return 0;
	}
	rc = iommu_bare_group_create(vfio->iommu, idev, &bare);
	if (rc)
		return rc;
	*group = vfio_group_create(vfio, bare, VFIO_GROUP_NOIOMMU);
	if (*group)
		return 0;
	iommu_bare_group_destroy(bare);
	return -ENOMEM;
}

static int group_for(struct vfio *vfio, struct iommu_device *idev, struct vfio_group **group)
{
	if (idev->group ? idev->group->bare : vfio->noiommu)
		return noiommu_group(vfio, idev, group);
	/* Without a group there is no isolation; without coherency user space could not restore it.
	 */
	if (!idev->group || !idev->driver ||
	    fail_at(FAIL_POINT("vfio.bind.coherent", FAIL_CAPABILITY, EINVAL)) ||
	    !idev->driver->capable(idev, IOMMU_CAP_CACHE_COHERENCY))
		return -EINVAL;
	*group = idev->group->vfio;
	if (!*group)
		*group = vfio_group_create(vfio, idev->group, VFIO_GROUP_IOMMU);
	return *group ? 0 : -ENOMEM;
}

int vfio_device_bind(struct vfio *vfio, struct iommu_device *idev, struct pci_dev *pci)
{
	struct vfio_device **at;
	struct vfio_group *group;
	struct vfio_device *dev;
	int rc;

	if (*idev->bound_to)
		return -EBUSY;
	rc = group_for(vfio, idev, &group);
	if (rc)
		return rc;
	dev = fail_calloc("vfio.bind.device", 1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->group = group;
	dev->idev = idev;
	dev->pci = pci;
	dev->index = vfio_node_index(vfio);
	dev->irqs.type = VFIO_IRQ_NONE;
	for (at = &group->devices; *at; at = &(*at)->next)
		;
	*at = dev;
	/* It manages DMA itself, so nobody is asked. */
	iommu_device_bind(idev, "vfio-pci");
	idev->vfio_bound = true;
	return 0;
}

struct vfio_device *vfio_device_find(const struct vfio *vfio, const struct iommu_device *idev)
{
	for (const struct vfio_group *g = vfio->groups; g; g = g->next)
		for (struct vfio_device *dev = g->devices; dev; dev = dev->next)
			if (idev && dev->idev == idev)
				return dev;
	return NULL;
}

static struct vfio_device **device_link(struct vfio_group *group, const struct iommu_device *idev)
{
	struct vfio_device **at = group ? &group->devices : NULL;

	while (at && *at && (*at)->idev != idev)
		at = &(*at)->next;
	return at && *at ? at : NULL;
}

/* The group's last device leaves. */
static void group_empty(struct vfio_group *group)
{
	const struct personality *kernel = group->vfio->iommu->personality;

	if (kernel->last_device == LAST_DEVICE_DETACHES) {
		if (group->container)
			vfio_container_detach(group);
		group_unlink(group);
	}
	if (!group->opened)
		vfio_group_closed(group);
}

int vfio_device_unbind(struct vfio *vfio, struct iommu_device *idev)
{
	struct vfio_group *group = idev->group ? idev->group->vfio : NULL;
	struct vfio_device **at = device_link(group, idev), *dev;

	if (!at)
		return -ENODEV;
	dev = *at;
	/* A file of the node keeps the device registered, bound or not. */
	if (dev->open_count || dev->node_files) {
		vfio_irqs_request_release(dev);
		return -EBUSY;
	}
	if (vfio->iommu->personality->last_device == LAST_DEVICE_WAITS && group->container &&
	    dev == group->devices && !dev->next)
		return -EBUSY;
	*at = dev->next;
	device_free(dev);
	if (!group->devices)
		group_empty(group);
	return 0;
}

bool vfio_driver_breaks_group(const struct vfio *vfio, const struct iommu_device *idev)
{
	const struct vfio_group *group = idev->group ? idev->group->vfio : NULL;

	return !vfio->iommu->personality->dma_ownership && group && group->container &&
	       !vfio_companion_allowed(idev);
}

struct type1 *vfio_container_at(const struct vfio *vfio, unsigned n)
{
	for (const struct vfio_container *c = vfio->containers; c; c = c->next) {
		if (c->t1 && n-- == 0)
			return c->t1;
	}
	return NULL;
}

/* ---- audit ---- */

static const char *audit_device(const struct vfio_device *dev)
{
	if ((dev->open_count != 0) != (dev->config != NULL))
		return "vfio device: configuration copy of a closed device, or none of an "
		       "open one";
	if (dev->open_count == 0 && pci_dev_bus_master(dev->pci))
		return "vfio device: a closed device masters the bus";
	if (dev->by_node && (dev->open_count != 1 || !dev->iommufd || !dev->node_files))
		return "vfio device: its node's file is not the only one, or has no iommufd";
	if (vfio_iommufd_audit(dev))
		return vfio_iommufd_audit(dev);
	return vfio_irqs_audit(dev);
}

/* Devices that are open through a type1 container count in `users`. */
static const char *audit_devices(const struct vfio_group *group, unsigned *users)
{
	unsigned nodes = 0;

	for (const struct vfio_device *dev = group->devices; dev; dev = dev->next) {
		const char *what = audit_device(dev);

		if (what)
			return what;
		*users += dev->open_count && !dev->iommufd;
		nodes += dev->by_node;
	}
	if (nodes != group->node_users)
		return "vfio group: node users are not the devices that are bound by their node";
	if (nodes && group->opened)
		return "vfio group: open while a device is bound by its node";
	return NULL;
}

static const char *audit_group(const struct vfio_group *group)
{
	unsigned open = 0;
	const char *what = audit_devices(group, &open);

	if (what)
		return what;
	if (open != group->container_users)
		return "vfio group: users are not the open devices";
	if (group->iommufd && (group->container || !group->opened))
		return "vfio group: an iommufd beside a container, or without an open file";
	if (open && !group->container)
		return "vfio group: a device is open without a container";
	if (group->container && !group->opened)
		return "vfio group: in a container without an open file";
	if (group->opened && group->opened->refs < open + (open ? 0u : 1u))
		return "vfio group: the file has fewer references than open devices";
	if (group->iommu_group && group->iommu_group->bare != (group->kind != VFIO_GROUP_IOMMU))
		return "vfio group: its kind is not that of its IOMMU group";
	if (group->container && group->container->noiommu != (group->kind == VFIO_GROUP_NOIOMMU))
		return "vfio group: in a container of another kind";
	if (group->container && group->kind == VFIO_GROUP_IOMMU &&
	    group->vfio->iommu->personality->dma_ownership &&
	    !iommu_group_claimed(group->iommu_group))
		return "vfio group: in a container without DMA ownership";
	return NULL;
}

static const char *audit_container(const struct vfio_container *container, bool thorough)
{
	unsigned groups = 0;

	for (const struct vfio_group *g = container->groups; g; g = g->next_in_container) {
		if (g->container != container)
			return "vfio container: holds a group that names another one";
		groups++;
	}
	if (container->t1 && container->noiommu)
		return "vfio container: type1 beside groups without an IOMMU";
	if (vfio_container_has_driver(container) && !groups)
		return "vfio container: driver selected without a group";
	if (container->refs != groups && container->refs != groups + 1)
		return "vfio container: references are not its file and groups";
	return container->t1 ? t1_audit(container->t1, thorough) : NULL;
}

const char *vfio_audit(const struct vfio *vfio, bool thorough)
{
	const char *what = NULL;

	for (const struct vfio_group *g = vfio->groups; g && !what; g = g->next)
		what = audit_group(g);
	for (const struct vfio_container *c = vfio->containers; c && !what; c = c->next)
		what = audit_container(c, thorough);
	return what;
}
