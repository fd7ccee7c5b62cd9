// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock devices as objects of a context: made, bound and attached at once; destroyed by a program.
 *
 * Kernel behaviour: drivers/iommu/iommufd/selftest.c.
 */
#include "mock/mock_priv.h"

#include <errno.h>

struct mock_object {
	struct iommufd_selftest base;
	struct iommu_device *dev;
	struct iommufd_device *idev;
};

static struct mock_object *object_find(const struct iommufd_ucmd *ucmd)
{
	struct iommufd_object *obj =
		iommufd_object_find(ucmd->ctx, mock_cmd_of(ucmd)->id, IOMMUFD_OBJ_SELFTEST);

	return obj ? sio_container_of(obj, struct mock_object, base.obj) : NULL;
}

/* ---- life ---- */

/* PASIDs too: here no device goes with one attached, in the kernel that breaks its counts. */
static void detach_all(struct iommufd_device *idev)
{
	const struct iommufd_attach *at = idev->igroup->attachments;

	while (at) {
		const uint32_t pasid = at->pasid;

		at = at->next;
		iommufd_device_detach(idev, pasid);
	}
}

static void object_fini(struct mock_object *object)
{
	detach_all(object->idev);
	iommufd_device_unbind(object->idev);
	mock_device_destroy(object->dev);
}

static void object_destroy(struct iommufd_selftest *self)
{
	object_fini(sio_container_of(self, struct mock_object, base));
}

/* Device, binding, attachment: all or nothing. */
static int object_init(struct mock_object *object, struct iommufd_ctx *ctx, uint32_t flags,
		       uint32_t *pt_id, uint32_t *idev_id)
{
	int rc = mock_device_create(ctx->env, flags, &object->dev);

	if (rc)
		return rc;
	rc = iommufd_device_bind(ctx, object->dev, &object->idev, idev_id);
	if (rc)
		goto err_device;
	rc = iommufd_device_attach(object->idev, IOMMU_NO_PASID, pt_id);
	if (rc)
		goto err_bind;
	return 0;

err_bind:
	iommufd_device_unbind(object->idev);
err_device:
	mock_device_destroy(object->dev);
	return rc;
}

long mock_op_domain(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const uint32_t flags =
		cmd->op == IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS ? cmd->mock_domain_flags.dev_flags : 0;
	uint32_t pt_id = cmd->id, idev_id;
	struct mock_object *object;
	int rc;

	object = iommufd_object_alloc(ucmd->ctx, sizeof(*object), IOMMUFD_OBJ_SELFTEST);
	if (!object)
		return -ENOMEM;
	object->base.destroy = object_destroy;
	rc = object_init(object, ucmd->ctx, flags, &pt_id, &idev_id);
	if (rc) {
		iommufd_object_abort(ucmd->ctx, &object->base.obj);
		return rc;
	}
	cmd->mock_domain.out_hwpt_id = pt_id;
	cmd->mock_domain.out_stdev_id = object->base.obj.id;
	cmd->mock_domain.out_idev_id = idev_id;
	return iommufd_ucmd_respond_object(ucmd, &object->base.obj);
}

long mock_op_replace(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const struct mock_object *object = object_find(ucmd);
	int rc;

	if (!object)
		return -ENOENT;
	rc = iommufd_device_replace(object->idev, IOMMU_NO_PASID, &cmd->mock_domain_replace.pt_id);
	return rc ? rc : iommufd_ucmd_respond(ucmd);
}

/* ---- what the device does by itself; any device of the context ---- */

long mock_op_iopf(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const struct iommufd_device *idev =
		iommufd_device_find(ucmd->ctx, cmd->trigger_iopf.dev_id);

	if (!idev)
		return -ENOENT;
	/* The device does not learn whether anybody listens. */
	iommu_report_fault(&(struct iopf_fault){
		.dev = idev->dev,
		.pasid = cmd->trigger_iopf.pasid,
		.has_pasid = cmd->trigger_iopf.pasid != IOMMU_NO_PASID,
		.last = true,
		.grpid = cmd->trigger_iopf.grpid,
		.perm = cmd->trigger_iopf.perm,
		.addr = cmd->trigger_iopf.addr,
	});
	return 0;
}

/* -ENOENT: no such device, or not a mock one. */
static struct mock_device *device_find(const struct iommufd_ucmd *ucmd, uint32_t id)
{
	const struct iommufd_device *idev = iommufd_device_find(ucmd->ctx, id);

	return idev ? mock_device_of(idev->dev) : NULL;
}

long mock_op_vevent(struct iommufd_ucmd *ucmd)
{
	const struct mock_device *mdev =
		device_find(ucmd, mock_cmd_of(ucmd)->trigger_vevent.dev_id);
	struct iommu_viommu_event_selftest event;

	if (!mdev || !mdev->viommu || !mdev->virt_id)
		return -ENOENT;
	event.virt_id = (uint32_t)mdev->virt_id;
	return mdev->viommu->report_event(mdev->viommu, IOMMU_VEVENTQ_TYPE_SELFTEST, &event,
					  sizeof(event));
}

long mock_op_check_cache(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const struct mock_device *mdev = device_find(ucmd, cmd->id);

	if (!mdev)
		return -ENOENT;
	if (cmd->check_dev_cache.id > MOCK_DEV_CACHE_ID_MAX ||
	    mdev->cache[cmd->check_dev_cache.id] != cmd->check_dev_cache.cache)
		return -EINVAL;
	return 0;
}

/* ---- PASIDs ---- */

long mock_op_pasid_attach(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const struct mock_object *object = object_find(ucmd);
	const uint32_t pasid = cmd->pasid_attach.pasid;
	int rc;

	if (!object)
		return -ENOENT;
	rc = iommufd_device_attach(object->idev, pasid, &cmd->pasid_attach.pt_id);
	if (rc)
		return rc;
	rc = iommufd_ucmd_respond(ucmd);
	if (rc)
		iommufd_device_detach(object->idev, pasid);
	return rc;
}

long mock_op_pasid_replace(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const struct mock_object *object = object_find(ucmd);
	int rc;

	if (!object)
		return -ENOENT;
	rc = iommufd_device_replace(object->idev, cmd->pasid_attach.pasid,
				    &cmd->pasid_attach.pt_id);
	return rc ? rc : iommufd_ucmd_respond(ucmd);
}

long mock_op_pasid_detach(struct iommufd_ucmd *ucmd)
{
	const struct mock_object *object = object_find(ucmd);

	if (!object)
		return -ENOENT;
	iommufd_device_detach(object->idev, mock_cmd_of(ucmd)->pasid_detach.pasid);
	return 0;
}

long mock_op_pasid_check(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const struct mock_object *object = object_find(ucmd);
	const struct iommufd_hwpt *attached, *hwpt;

	if (!object)
		return -ENOENT;
	attached = iommufd_device_hwpt(object->idev, cmd->pasid_check.pasid);
	if (!cmd->pasid_check.hwpt_id)
		return attached ? -EINVAL : 0;
	if (!iommufd_object_find(ucmd->ctx, cmd->pasid_check.hwpt_id, IOMMUFD_OBJ_NONE))
		return -ENOENT;
	hwpt = iommufd_hwpt_find(ucmd->ctx, cmd->pasid_check.hwpt_id);
	return hwpt && hwpt == attached ? 0 : -EINVAL;
}
