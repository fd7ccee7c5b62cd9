// SPDX-License-Identifier: GPL-2.0-only
/*
 * The container file (/dev/vfio/vfio).
 *
 * Kernel behaviour: drivers/vfio/container.c. A container has a driver only while it has a group:
 * anyone may open one, and only a group gives the right to allocate IOMMU resources. The last group
 * to leave takes the driver, and with it all mappings, away. Drivers are tried most recently
 * registered first; type1 is the only one.
 */
#include "vfio/vfio.h"

#include <errno.h>
#include <linux/vfio.h>

#include "vfio/vfio_priv.h"
#include "recycle.h"

struct container_file {
	struct file file;
	struct vfio_container *container;
};

static void container_put(struct vfio_container *container)
{
	struct vfio_container **at = &container->vfio->containers;

	if (--container->refs)
		return;
	while (*at != container)
		at = &(*at)->next;
	*at = container->next;
	recycle_free(container);
}

/* ---- groups come and go ---- */

bool vfio_container_is_closed(const struct vfio_container *container)
{
	unsigned groups = 0;

	for (const struct vfio_group *g = container->groups; g; g = g->next_in_container)
		groups++;
	return container->refs == groups;
}

static int attach_group(struct type1 *t1, struct vfio_group *group, const struct caller *caller)
{
	if (group->kind == VFIO_GROUP_EMULATED)
		return t1_attach_emulated(t1, group->iommu_group);
	return t1_attach_group(t1, group->iommu_group, caller);
}

int vfio_container_attach(struct vfio_container *container, struct vfio_group *group,
			  const struct caller *caller)
{
	bool noiommu = group->kind == VFIO_GROUP_NOIOMMU;
	int rc = 0;

	if (vfio_group_forbids(group, caller))
		return -EPERM;
	if (container->groups && container->noiommu != noiommu)
		return -EPERM;
	if (group->kind == VFIO_GROUP_IOMMU)
		rc = iommu_group_claim(group->iommu_group, container);
	if (rc)
		return rc;
	if (container->t1) {
		rc = attach_group(container->t1, group, caller);
		if (rc) {
			if (group->kind == VFIO_GROUP_IOMMU)
				iommu_group_release(group->iommu_group);
			return rc;
		}
	}
	group->container = container;
	container->noiommu = noiommu;
	group->next_in_container = container->groups;
	container->groups = group;
	container->refs++;
	return 0;
}

void vfio_container_detach(struct vfio_group *group)
{
	struct vfio_container *container = group->container;
	struct vfio_group **at = &container->groups;

	if (container->t1)
		t1_detach_group(container->t1, group->iommu_group);
	if (group->kind == VFIO_GROUP_IOMMU)
		iommu_group_release(group->iommu_group);
	while (*at != group)
		at = &(*at)->next_in_container;
	*at = group->next_in_container;
	group->next_in_container = NULL;
	group->container = NULL;
	if (container->t1 && !container->groups) {
		t1_release(container->t1);
		container->t1 = NULL;
	}
	if (!container->groups)
		container->noiommu = container->noiommu_driver = false;
	container_put(container);
}

/* All groups or none. */
static int attach_all(struct vfio_container *container, struct type1 *t1,
		      const struct caller *caller)
{
	unsigned attached = 0;
	int rc = 0;

	for (struct vfio_group *g = container->groups; g && !rc; g = g->next_in_container) {
		rc = attach_group(t1, g, caller);
		if (!rc)
			attached++;
	}
	if (!rc)
		return 0;
	/* Undo in reverse: the list has no back links, and a failure may take its time. */
	while (attached--) {
		struct vfio_group *g = container->groups;

		for (unsigned i = 0; i < attached; i++)
			g = g->next_in_container;
		t1_detach_group(t1, g->iommu_group);
	}
	return rc;
}

/* The driver that keeps no mappings: whoever may have it programs devices with physical addresses.
 */
static long set_noiommu(struct vfio_container *container, const struct caller *caller, uint64_t arg)
{
	if (arg != VFIO_NOIOMMU_IOMMU || !container->vfio->noiommu)
		return -ENODEV;
	if (!caller->task->cap_sys_rawio)
		return -EPERM;
	container->noiommu_driver = true;
	return 0;
}

static long set_iommu(struct vfio_container *container, const struct caller *caller, uint64_t arg)
{
	struct vfio *vfio = container->vfio;
	struct type1 *t1;
	int rc;

	if (!container->groups || vfio_container_has_driver(container))
		return -EINVAL;
	if (container->noiommu)
		return set_noiommu(container, caller, arg);
	/* Also extensions that are no IOMMU type get past this, and fail in open. */
	if (t1_check_extension(vfio->iommu, NULL, arg) <= 0)
		return -ENODEV;
	rc = t1_open(vfio->iommu, &vfio->params, arg, &t1);
	if (rc)
		return rc;
	rc = attach_all(container, t1, caller);
	if (rc) {
		t1_release(t1);
		return rc;
	}
	container->t1 = t1;
	return 0;
}

static long check_extension(const struct vfio_container *container, uint64_t arg)
{
	int rc;

	/* The no-IOMMU driver never takes part beside real groups, nor type1 beside others. */
	if (container->noiommu || (arg == VFIO_NOIOMMU_IOMMU && !container->groups))
		return arg == VFIO_NOIOMMU_IOMMU && container->vfio->noiommu;
	rc = t1_check_extension(container->vfio->iommu, container->t1, arg);
	return rc > 0 || container->t1 ? rc : 0;
}

/* ---- the file ---- */

static long container_ioctl(struct file *file, const struct caller *caller, unsigned int cmd,
			    uint64_t arg)
{
	struct vfio_container *container =
		sio_container_of(file, struct container_file, file)->container;

	switch (cmd) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return check_extension(container, arg);
	case VFIO_SET_IOMMU:
		return set_iommu(container, caller, arg);
	default:
		if (container->noiommu_driver)
			return -ENOTTY;
		return container->t1 ? t1_ioctl(container->t1, caller, cmd, arg) : -EINVAL;
	}
}

static void container_release(struct file *file)
{
	struct container_file *cf = sio_container_of(file, struct container_file, file);

	container_put(cf->container);
	recycle_free(cf);
}

static const struct file_ops container_ops = {
	.kind = "container",
	.ioctl = container_ioctl,
	.release = container_release,
};

struct vfio_container *vfio_container_from_file(const struct file *file)
{
	if (file->ops != &container_ops)
		return NULL;
	return ((const struct container_file *)file)->container;
}

struct file *vfio_container_open(struct vfio *vfio, int *error)
{
	struct container_file *cf = recycle_calloc("vfio.container.file", sizeof(*cf));
	struct vfio_container *container =
		recycle_calloc("vfio.container.open", sizeof(*container));
	struct vfio_container **at = &vfio->containers;

	if (!cf || !container) {
		recycle_free(cf);
		recycle_free(container);
		*error = -ENOMEM;
		return NULL;
	}
	container->vfio = vfio;
	container->refs = 1;
	while (*at)
		at = &(*at)->next;
	*at = container;
	cf->file.ops = &container_ops;
	cf->file.refs = 1;
	cf->container = container;
	return &cf->file;
}
