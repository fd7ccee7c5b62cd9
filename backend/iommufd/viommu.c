// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMUs, the devices behind them as a guest knows them, and their hardware queues.
 *
 * A vIOMMU holds its parent, not a device: it outlives the one that it was made with. A vDEVICE
 * goes with its device and leaves a dead id. A hardware queue keeps its memory mapped and pinned by
 * an access that has an id of its own.
 *
 * Kernel behaviour: drivers/iommu/iommufd/viommu.c of Linux 7.2.
 */
#include "iommufd/iommufd_private.h"

#include <errno.h>
#include <stdlib.h>

struct iommufd_viommu *iommufd_viommu_find(struct iommufd_ctx *ctx, uint32_t id)
{
	struct iommufd_object *obj = iommufd_object_find(ctx, id, IOMMUFD_OBJ_VIOMMU);

	return obj ? sio_container_of(obj, struct iommufd_viommu, obj) : NULL;
}

/* ---- what a driver asks ---- */

static struct iommu_vdevice *vdevice_find(struct iommu_viommu *base, uint64_t virt_id)
{
	struct iommufd_viommu *viommu = sio_container_of(base, struct iommufd_viommu, base);

	for (struct iommufd_vdevice *vdev = viommu->vdevs; vdev; vdev = vdev->next)
		if (vdev->base.virt_id == virt_id)
			return &vdev->base;
	return NULL;
}

static bool virt_id_of(struct iommu_viommu *base, const struct iommu_device *dev, uint64_t *id)
{
	struct iommufd_viommu *viommu = sio_container_of(base, struct iommufd_viommu, base);

	for (struct iommufd_vdevice *vdev = viommu->vdevs; vdev; vdev = vdev->next) {
		if (vdev->base.dev == dev) {
			*id = vdev->base.virt_id;
			return true;
		}
	}
	return false;
}

/* ---- vIOMMU ---- */

void iommufd_viommu_destroy(struct iommufd_object *obj)
{
	struct iommufd_viommu *viommu = sio_container_of(obj, struct iommufd_viommu, obj);

	if (viommu->started && viommu->base.ops->destroy)
		viommu->base.ops->destroy(&viommu->base);
	viommu->parent->hwpt.obj.users--;
}

static int viommu_create(struct iommufd_ucmd *ucmd, struct iommufd_device *idev,
			 const struct iommu_viommu *probed, struct iommufd_hwpt_paging *parent,
			 struct iommufd_viommu **out)
{
	const struct iommu_viommu_alloc *cmd = ucmd->cmd;
	const struct iommu_user_data data = {cmd->type, cmd->data_len, cmd->data_uptr,
					     ucmd->caller};
	struct iommufd_viommu *viommu;
	int rc;

	viommu = iommufd_object_alloc(ucmd->ctx, sizeof(*viommu), IOMMUFD_OBJ_VIOMMU);
	if (!viommu)
		return -ENOMEM;
	viommu->ctx = ucmd->ctx;
	viommu->parent = parent;
	parent->hwpt.obj.users++;
	viommu->base = *probed;
	viommu->base.driver = idev->dev->driver;
	viommu->base.instance = idev->dev->instance;
	viommu->base.parent = parent->hwpt.domain;
	viommu->base.type = cmd->type;
	viommu->base.report_event = iommufd_viommu_report_event;
	viommu->base.mmap_alloc = iommufd_viommu_mmap_alloc;
	viommu->base.mmap_free = iommufd_viommu_mmap_free;
	viommu->base.vdevice_find = vdevice_find;
	viommu->base.virt_id = virt_id_of;
	rc = viommu->base.ops->init
		     ? viommu->base.ops->init(&viommu->base, idev->dev, data.len ? &data : NULL)
		     : 0;
	if (rc) {
		iommufd_object_abort_and_destroy(ucmd->ctx, &viommu->obj);
		return rc;
	}
	viommu->started = true;
	*out = viommu;
	return 0;
}

int iommufd_cmd_viommu_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	struct iommu_viommu probed = {0};
	struct iommufd_hwpt_paging *parent;
	struct iommufd_viommu *viommu;
	struct iommufd_device *idev;
	int rc;

	if (cmd->flags || cmd->type == IOMMU_VIOMMU_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	idev = iommufd_device_find(ucmd->ctx, cmd->dev_id);
	if (!idev)
		return -ENOENT;
	if (!idev->dev->driver->viommu_probe)
		return -EOPNOTSUPP;
	rc = idev->dev->driver->viommu_probe(idev->dev, cmd->type, &probed);
	if (rc)
		return rc;
	parent = iommufd_hwpt_paging_find(ucmd->ctx, cmd->hwpt_id);
	if (!parent)
		return -ENOENT;
	if (!parent->nest_parent)
		return -EINVAL;
	rc = viommu_create(ucmd, idev, &probed, parent, &viommu);
	if (rc)
		return rc;
	cmd->out_viommu_id = viommu->obj.id;
	return iommufd_ucmd_respond_object(ucmd, &viommu->obj);
}

/* ---- vDEVICE ---- */

void iommufd_vdevice_destroy(struct iommufd_object *obj)
{
	struct iommufd_vdevice *vdev = sio_container_of(obj, struct iommufd_vdevice, obj);
	struct iommufd_vdevice **at = &vdev->viommu->vdevs;

	if (vdev->started && vdev->viommu->base.ops->vdevice_destroy)
		vdev->viommu->base.ops->vdevice_destroy(&vdev->base);
	while (*at != vdev)
		at = &(*at)->next;
	*at = vdev->next;
	vdev->idev->vdev = NULL;
	vdev->viommu->obj.users--;
}

void iommufd_vdevice_device_gone(struct iommufd_device *idev)
{
	if (idev->vdev)
		iommufd_object_tombstone(idev->ctx, &idev->vdev->obj);
}

static int vdevice_create(struct iommufd_viommu *viommu, struct iommufd_device *idev,
			  uint64_t virt_id, struct iommufd_vdevice **out)
{
	struct iommufd_vdevice *vdev =
		iommufd_object_alloc(viommu->ctx, sizeof(*vdev), IOMMUFD_OBJ_VDEVICE);
	int rc;

	if (!vdev)
		return -ENOMEM;
	vdev->viommu = viommu;
	vdev->idev = idev;
	vdev->base = (struct iommu_vdevice){&viommu->base, idev->dev, virt_id, NULL};
	vdev->next = viommu->vdevs;
	viommu->vdevs = vdev;
	viommu->obj.users++;
	idev->vdev = vdev;
	rc = viommu->base.ops->vdevice_init ? viommu->base.ops->vdevice_init(&vdev->base) : 0;
	if (rc) {
		iommufd_object_abort_and_destroy(viommu->ctx, &vdev->obj);
		return rc;
	}
	vdev->started = true;
	*out = vdev;
	return 0;
}

int iommufd_cmd_vdevice_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	struct iommufd_viommu *viommu = iommufd_viommu_find(ucmd->ctx, cmd->viommu_id);
	struct iommufd_vdevice *vdev;
	struct iommufd_device *idev;
	int rc;

	if (!viommu)
		return -ENOENT;
	idev = iommufd_device_find(ucmd->ctx, cmd->dev_id);
	if (!idev)
		return -ENOENT;
	if (viommu->base.instance != idev->dev->instance)
		return -EINVAL;
	if (idev->vdev || vdevice_find(&viommu->base, cmd->virt_id))
		return -EEXIST;
	rc = vdevice_create(viommu, idev, cmd->virt_id, &vdev);
	if (rc)
		return rc;
	cmd->out_vdevice_id = vdev->obj.id;
	return iommufd_ucmd_respond_object(ucmd, &vdev->obj);
}
