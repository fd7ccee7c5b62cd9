// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of a context: binding, and what a group of them is attached to.
 *
 * The devices of one IOMMU group share one record per context, because they share a domain: the
 * first to attach moves the group, the others join what it is on, the last to detach leaves the
 * group blocked. Reserved regions are each device's own, so each must attach for itself. A PASID is
 * a second attachment beside the device's own requests, which count as PASID 0.
 *
 * Kernel behaviour: drivers/iommu/iommufd/device.c of Linux 6.12 and 7.2.
 */
#include "iommufd/iommufd_private.h"

#include "seeded.h"

#include <errno.h>
#include <stdlib.h>

struct iommufd_device *iommufd_device_find(struct iommufd_ctx *ctx, uint32_t id)
{
	struct iommufd_object *obj = iommufd_object_find(ctx, id, IOMMUFD_OBJ_DEVICE);

	return obj ? sio_container_of(obj, struct iommufd_device, obj) : NULL;
}

/* ---- bind ---- */

/* The context's record of the group, with one reference more. NULL: no memory. */
static struct iommufd_group *group_get(struct iommufd_ctx *ctx, struct iommu_group *group)
{
	struct iommufd_group *igroup;

	for (igroup = ctx->groups; igroup; igroup = igroup->next) {
		if (igroup->group == group) {
			igroup->refs++;
			return igroup;
		}
	}
	igroup = fail_calloc("iommufd.bind.group", 1, sizeof(*igroup));
	if (!igroup)
		return NULL;
	*igroup = (struct iommufd_group){.ctx = ctx, .group = group, .refs = 1};
	igroup->next = ctx->groups;
	ctx->groups = igroup;
	return igroup;
}

static void group_put(struct iommufd_group *igroup)
{
	struct iommufd_group **at = &igroup->ctx->groups;

	if (--igroup->refs)
		return;
	sio_assert(!igroup->attachments);
	while (*at != igroup)
		at = &(*at)->next;
	*at = igroup->next;
	free(igroup);
}

static bool device_capable(const struct iommu_device *dev, enum iommu_cap cap)
{
	return dev->driver && dev->driver->capable(dev, cap);
}

/* A virtual device belongs to an object of the same context and does not keep it open. */
static bool keeps_context(const struct iommu_device *dev)
{
	return dev->pci != NULL;
}

/* Everything about a device but its claim. */
static int device_new(struct iommufd_ctx *ctx, struct iommu_device *dev,
		      struct iommufd_device **out)
{
	struct iommufd_device *idev;

	idev = iommufd_object_alloc(ctx, sizeof(*idev), IOMMUFD_OBJ_DEVICE);
	if (!idev)
		return -ENOMEM;
	idev->igroup = group_get(ctx, dev->group);
	if (!idev->igroup) {
		iommufd_object_abort(ctx, &idev->obj);
		return -ENOMEM;
	}
	idev->ctx = ctx;
	idev->dev = dev;
	idev->enforce_coherency = device_capable(dev, IOMMU_CAP_ENFORCE_COHERENCY);
	*out = idev;
	return 0;
}

int iommufd_device_bind(struct iommufd_ctx *ctx, struct iommu_device *dev,
			struct iommufd_device **out, uint32_t *id)
{
	struct iommufd_device *idev;
	int rc;

	if (fail_at(FAIL_POINT("iommufd.bind.coherent", FAIL_CAPABILITY, EINVAL)) ||
	    !device_capable(dev, IOMMU_CAP_CACHE_COHERENCY))
		return -EINVAL;
	if (!dev->group)
		return -ENODEV;
	if (dev->pci && !iommu_group_msi_isolated(dev->group) && !ctx->env->allow_unsafe_interrupts)
		return -EPERM;
	rc = iommu_device_claim_dma_owner(dev, ctx);
	if (rc)
		return rc;
	rc = device_new(ctx, dev, &idev);
	if (rc) {
		iommu_device_release_dma_owner(dev);
		return rc;
	}
	if (keeps_context(dev))
		iommufd_ctx_get(ctx);
	/* The driver's reference, so that a program cannot destroy it. */
	idev->obj.users++;
	iommufd_object_finalize(ctx, &idev->obj);
	*out = idev;
	*id = idev->obj.id;
	return 0;
}

void iommufd_device_destroy(struct iommufd_object *obj)
{
	struct iommufd_device *idev = sio_container_of(obj, struct iommufd_device, obj);

	iommufd_vdevice_device_gone(idev);
	iommu_device_release_dma_owner(idev->dev);
	group_put(idev->igroup);
}

void iommufd_device_unbind(struct iommufd_device *idev)
{
	struct iommufd_ctx *ctx = idev->ctx;
	const bool keeps = keeps_context(idev->dev);

	idev->obj.users--;
	iommufd_object_destroy_user(ctx, &idev->obj);
	if (keeps)
		iommufd_ctx_put(ctx);
}

/* ---- attachments ---- */

static struct iommufd_attach *attach_find(const struct iommufd_group *igroup, uint32_t pasid)
{
	struct iommufd_attach *attach = igroup->attachments;

	while (attach && attach->pasid != pasid)
		attach = attach->next;
	return attach;
}

static bool attach_has(const struct iommufd_attach *attach, const struct iommufd_device *idev)
{
	for (unsigned i = 0; attach && i < attach->count; i++)
		if (attach->devices[i] == idev)
			return true;
	return false;
}

/* The group's record for the PASID, with room for one device more. NULL: no memory. */
static struct iommufd_attach *attach_room(struct iommufd_group *igroup, uint32_t pasid)
{
	struct iommufd_attach *attach = attach_find(igroup, pasid);
	struct iommufd_device **devices;

	if (!attach) {
		attach = fail_calloc("iommufd.attach.record", 1, sizeof(*attach));
		if (!attach)
			return NULL;
		attach->pasid = pasid;
		attach->next = igroup->attachments;
		igroup->attachments = attach;
	}
	devices = fail_realloc("iommufd.attach.devices", attach->devices,
			       (attach->count + 1) * sizeof(struct iommufd_device *));
	if (devices)
		attach->devices = devices;
	return devices ? attach : NULL;
}

/* No device is on it any more. */
static void attach_drop_empty(struct iommufd_group *igroup, uint32_t pasid)
{
	struct iommufd_attach **at = &igroup->attachments, *attach;

	while (*at && (*at)->pasid != pasid)
		at = &(*at)->next;
	attach = *at;
	if (!attach || attach->count)
		return;
	*at = attach->next;
	free(attach->devices);
	free(attach);
}

struct iommufd_hwpt *iommufd_device_hwpt(const struct iommufd_device *idev, uint32_t pasid)
{
	const struct iommufd_attach *attach = attach_find(idev->igroup, pasid);

	return attach_has(attach, idev) ? attach->hwpt : NULL;
}

bool iommufd_device_attached(const struct iommufd_device *idev, uint32_t pasid)
{
	return iommufd_device_hwpt(idev, pasid) != NULL;
}

/* Whose reserved regions an attachment needs: only the device's own requests meet them. */
static struct io_pagetable *resv_iopt(struct iommufd_hwpt *hwpt, uint32_t pasid)
{
	return pasid == IOMMU_NO_PASID ? iommufd_hwpt_base(hwpt)->ioas->iopt : NULL;
}

/* While PASIDs are attached, they and the device's own requests need domains made for that. */
static int pasid_compatible(const struct iommufd_group *igroup, const struct iommufd_hwpt *hwpt,
			    uint32_t pasid)
{
	const struct iommufd_attach *own = attach_find(igroup, IOMMU_NO_PASID);

	if (pasid == IOMMU_NO_PASID) {
		for (const struct iommufd_attach *at = igroup->attachments; at; at = at->next)
			if (at->pasid != IOMMU_NO_PASID && at->count && !hwpt->pasid)
				return -EINVAL;
		return 0;
	}
	if (!hwpt->pasid || (own && own->count && !own->hwpt->pasid))
		return -EINVAL;
	return 0;
}

/* ---- attach and detach ---- */

/* The first device of the group: the hardware changes. */
static int group_attach(struct iommufd_hwpt *hwpt, struct iommufd_device *idev, uint32_t pasid)
{
	int rc = pasid_compatible(idev->igroup, hwpt, pasid);

	if (rc)
		return rc;
	rc = hwpt->fault ? iommufd_fault_attach(idev) : 0;
	if (rc)
		return rc;
	if (pasid == IOMMU_NO_PASID)
		rc = iommu_attach_group(hwpt->domain, idev->igroup->group);
	else
		rc = iommu_attach_pasid(hwpt->domain, idev->dev, pasid);
	if (rc && hwpt->fault)
		iommufd_fault_detach(hwpt, idev, pasid);
	return rc;
}

static void group_detach(struct iommufd_hwpt *hwpt, struct iommufd_device *idev, uint32_t pasid)
{
	if (pasid == IOMMU_NO_PASID)
		iommu_detach_group(hwpt->domain, idev->igroup->group);
	else
		iommu_detach_pasid(hwpt->domain, idev->dev, pasid);
	if (hwpt->fault)
		iommufd_fault_detach(hwpt, idev, pasid);
}

int iommufd_hwpt_attach_device(struct iommufd_hwpt *hwpt, struct iommufd_device *idev,
			       uint32_t pasid)
{
	struct io_pagetable *iopt = resv_iopt(hwpt, pasid);
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach *attach = attach_find(igroup, pasid);
	uint64_t sw_msi_start;
	int rc;

	/* Before PASIDs only other devices of the group were looked at. */
	if (iommufd_is_7_2(idev->ctx) && attach_has(attach, idev))
		return -EBUSY;
	if (attach && attach->hwpt != hwpt)
		return -EINVAL;
	if (attach_has(attach, idev))
		return -EBUSY;
	attach = attach_room(igroup, pasid);
	if (!attach) {
		rc = -ENOMEM;
		goto drop;
	}
	rc = iopt ? iopt_reserve_device(iopt, idev->dev, &sw_msi_start) : 0;
	if (rc)
		goto drop;
	if (!attach->count) {
		rc = group_attach(hwpt, idev, pasid);
		if (rc)
			goto unreserve;
		attach->hwpt = hwpt;
	} else if (SEEDED(F03) && iopt) {
		rc = iopt_add_domain(iopt, iommufd_hwpt_base(hwpt)->hwpt.domain);
		if (rc)
			goto unreserve;
	}
	attach->devices[attach->count++] = idev;
	hwpt->obj.users++;
	return 0;

unreserve:
	if (iopt)
		iopt_unreserve(iopt, idev->dev);
drop:
	attach_drop_empty(igroup, pasid);
	return rc;
}

void iommufd_hwpt_detach_device(struct iommufd_device *idev, uint32_t pasid)
{
	struct iommufd_attach *attach = attach_find(idev->igroup, pasid);
	struct iommufd_hwpt *hwpt = attach->hwpt;
	struct io_pagetable *iopt = resv_iopt(hwpt, pasid);
	unsigned at = 0;

	while (attach->devices[at] != idev)
		at++;
	for (; at + 1 < attach->count; at++)
		attach->devices[at] = attach->devices[at + 1];
	if (!--attach->count) {
		group_detach(hwpt, idev, pasid);
		attach_drop_empty(idev->igroup, pasid);
	}
	if (iopt)
		iopt_unreserve(iopt, idev->dev);
	hwpt->obj.users--;
}

/* ---- replace ---- */

static void unreserve_all(const struct iommufd_attach *attach, struct io_pagetable *iopt)
{
	for (unsigned i = 0; i < attach->count; i++)
		iopt_unreserve(iopt, attach->devices[i]->dev);
}

static int reserve_all(const struct iommufd_attach *attach, struct io_pagetable *iopt)
{
	uint64_t sw_msi_start;

	for (unsigned i = 0; i < attach->count; i++) {
		int rc = iopt_reserve_device(iopt, attach->devices[i]->dev, &sw_msi_start);

		if (rc) {
			unreserve_all(attach, iopt);
			return rc;
		}
	}
	return 0;
}

static int group_replace(struct iommufd_hwpt *hwpt, struct iommufd_hwpt *old,
			 struct iommufd_device *idev, uint32_t pasid)
{
	int rc = pasid_compatible(idev->igroup, hwpt, pasid);

	if (rc)
		return rc;
	rc = hwpt->fault ? iommufd_fault_attach(idev) : 0;
	if (rc)
		return rc;
	if (pasid == IOMMU_NO_PASID)
		rc = iommu_replace_group(hwpt->domain, idev->igroup->group);
	else
		rc = iommu_replace_pasid(hwpt->domain, idev->dev, pasid);
	if (rc) {
		if (hwpt->fault)
			iommufd_fault_detach(hwpt, idev, pasid);
		return rc;
	}
	if (old->fault)
		iommufd_fault_detach(old, idev, pasid);
	return 0;
}

/*
 * Move the whole group. *old: what it was on, with one user left to drop; NULL: nothing changed.
 */
static int replace_device(struct iommufd_hwpt *hwpt, struct iommufd_device *idev, uint32_t pasid,
			  struct iommufd_hwpt **old)
{
	struct iommufd_attach *attach = attach_find(idev->igroup, pasid);
	struct io_pagetable *iopt = resv_iopt(hwpt, pasid), *old_iopt;
	int rc;

	*old = NULL;
	if (!attach_has(attach, idev))
		return -EINVAL;
	if (attach->hwpt == hwpt)
		return 0;
	old_iopt = resv_iopt(attach->hwpt, pasid);
	if (iopt != old_iopt) {
		rc = reserve_all(attach, iopt);
		if (rc)
			return rc;
	}
	rc = group_replace(hwpt, attach->hwpt, idev, pasid);
	if (rc) {
		/* The kernel does this also when the old regions were the same ones. */
		if (iopt)
			unreserve_all(attach, iopt);
		/* The kernel's own mistake, where the regions are those of another IOAS too. */
		if (SEEDED(F09) && old_iopt)
			unreserve_all(attach, old_iopt);
		return rc;
	}
	if (iopt != old_iopt)
		unreserve_all(attach, old_iopt);
	*old = attach->hwpt;
	attach->hwpt = hwpt;
	hwpt->obj.users += attach->count;
	(*old)->obj.users -= attach->count - 1;
	return 0;
}

/* ---- what the target is ---- */

/* Attach or replace; *old as replace_device(). */
static int change_to(struct iommufd_hwpt *hwpt, struct iommufd_device *idev, uint32_t pasid,
		     bool replace, struct iommufd_hwpt **old)
{
	*old = NULL;
	return replace ? replace_device(hwpt, idev, pasid, old)
		       : iommufd_hwpt_attach_device(hwpt, idev, pasid);
}

/* None of the IOAS's automatic domains suits the device: one more. */
static int new_auto_domain(struct iommufd_ioas *ioas, struct iommufd_device *idev, uint32_t pasid,
			   bool replace, uint32_t *pt_id, struct iommufd_hwpt **old)
{
	struct iommufd_hwpt_paging *paging;
	int rc;

	/* An attachment comes before the domain is filled, and a PASID never gets one: the flag is
	 * missing. */
	rc = iommufd_hwpt_paging_create(idev->ctx, ioas, idev, 0, replace ? NULL : &pasid, NULL,
					&paging);
	if (rc)
		return rc;
	rc = replace ? replace_device(&paging->hwpt, idev, pasid, old) : 0;
	if (rc) {
		iommufd_object_abort_and_destroy(idev->ctx, &paging->hwpt.obj);
		return rc;
	}
	paging->automatic = true;
	*pt_id = paging->hwpt.obj.id;
	iommufd_object_finalize(idev->ctx, &paging->hwpt.obj);
	return 0;
}

static int change_to_ioas(struct iommufd_ioas *ioas, struct iommufd_device *idev, uint32_t pasid,
			  bool replace, uint32_t *pt_id, struct iommufd_hwpt **old)
{
	for (struct iommufd_hwpt_paging *paging = ioas->hwpts; paging; paging = paging->next) {
		int rc;

		if (!paging->automatic)
			continue;
		rc = change_to(&paging->hwpt, idev, pasid, replace, old);
		/* Incompatible: the next one may do. */
		if (rc == -EINVAL)
			continue;
		if (!rc)
			*pt_id = paging->hwpt.obj.id;
		return rc;
	}
	return new_auto_domain(ioas, idev, pasid, replace, pt_id, old);
}

static int change_pt(struct iommufd_device *idev, uint32_t pasid, uint32_t *pt_id, bool replace)
{
	struct iommufd_object *obj = iommufd_object_find(idev->ctx, *pt_id, IOMMUFD_OBJ_NONE);
	struct iommufd_hwpt *old = NULL;
	int rc;

	if (!obj)
		return -ENOENT;
	if (obj->type == IOMMUFD_OBJ_IOAS)
		rc = change_to_ioas(sio_container_of(obj, struct iommufd_ioas, obj), idev, pasid,
				    replace, pt_id, &old);
	else if (obj->type == IOMMUFD_OBJ_HWPT_PAGING || obj->type == IOMMUFD_OBJ_HWPT_NESTED)
		rc = change_to(sio_container_of(obj, struct iommufd_hwpt, obj), idev, pasid,
			       replace, &old);
	else
		return -EINVAL;
	if (old)
		iommufd_hwpt_put(old);
	return rc;
}

int iommufd_device_attach(struct iommufd_device *idev, uint32_t pasid, uint32_t *pt_id)
{
	int rc = change_pt(idev, pasid, pt_id, false);

	if (!rc)
		idev->obj.users++;
	return rc;
}

int iommufd_device_replace(struct iommufd_device *idev, uint32_t pasid, uint32_t *pt_id)
{
	return change_pt(idev, pasid, pt_id, true);
}

void iommufd_device_detach(struct iommufd_device *idev, uint32_t pasid)
{
	struct iommufd_hwpt *hwpt = iommufd_device_hwpt(idev, pasid);

	if (!hwpt)
		return;
	hwpt->obj.users++;
	iommufd_hwpt_detach_device(idev, pasid);
	iommufd_hwpt_put(hwpt);
	idev->obj.users--;
}

/* ---- who is here ---- */

struct iommufd_ctx *iommufd_device_ctx(const struct iommufd_device *idev)
{
	return idev->ctx;
}

uint32_t iommufd_device_id(const struct iommufd_device *idev)
{
	return idev->obj.id;
}

bool iommufd_ctx_has_group(const struct iommufd_ctx *ctx, const struct iommu_group *group)
{
	const struct iommufd_group *igroup = ctx->groups;

	while (igroup && igroup->group != group)
		igroup = igroup->next;
	return igroup != NULL;
}

uint32_t iommufd_ctx_device_id(const struct iommufd_ctx *ctx, const struct iommu_device *dev)
{
	struct iommufd_object *obj;
	uint32_t position = 0;

	while ((obj = iommufd_object_at(ctx, &position))) {
		if (obj->type == IOMMUFD_OBJ_DEVICE &&
		    sio_container_of(obj, struct iommufd_device, obj)->dev == dev)
			return obj->id;
	}
	return 0;
}

/* ---- GET_HW_INFO ---- */

/* Zeroes for the part of the program's buffer that the driver's structure does not fill. */
static int clear_user(const struct caller *caller, uint64_t to, uint32_t len)
{
	static const uint8_t zero[256];

	for (uint32_t done = 0; done < len;) {
		uint32_t now = len - done < sizeof(zero) ? len - done : (uint32_t)sizeof(zero);

		if (iommufd_copy_out(caller, to + done, zero, now))
			return -EFAULT;
		done += now;
	}
	return 0;
}

static uint64_t hw_capabilities(const struct iommufd_ctx *ctx, const struct iommu_device *dev)
{
	uint64_t caps = 0;

	if (device_capable(dev, IOMMU_CAP_DIRTY_TRACKING))
		caps |= IOMMU_HW_CAP_DIRTY_TRACKING;
	if (!iommufd_is_7_2(ctx))
		return caps;
	if (!iommu_device_has_ats(dev))
		caps |= IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED;
	/* A driver that has PASIDs switches on whatever the function can do with them. */
	if (dev->pci && dev->max_pasids && dev->pci->pasid_execute)
		caps |= IOMMU_HW_CAP_PCI_PASID_EXEC;
	if (dev->pci && dev->max_pasids && dev->pci->pasid_privileged)
		caps |= IOMMU_HW_CAP_PCI_PASID_PRIV;
	return caps;
}

int iommufd_cmd_get_hw_info(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_info *cmd = ucmd->cmd;
	/* The test program that comes with 6.12 asks by type already. */
	const bool by_type = iommufd_is_7_2(ucmd->ctx) || ucmd->ctx->env->test_cmd;
	const uint32_t flags = by_type ? (uint32_t)IOMMU_HW_INFO_FLAG_INPUT_TYPE : 0;
	uint8_t data[IOMMU_HW_INFO_MAX];
	uint32_t len = 0, type, copied;
	struct iommufd_device *idev;
	int rc;

	if (cmd->flags & ~flags)
		return -EOPNOTSUPP;
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(cmd->__reserved); i++)
		if (cmd->__reserved[i])
			return -EOPNOTSUPP;
	idev = iommufd_device_find(ucmd->ctx, cmd->dev_id);
	if (!idev)
		return -ENOENT;
	type = cmd->flags & IOMMU_HW_INFO_FLAG_INPUT_TYPE ? cmd->in_data_type : 0;
	if (idev->dev->driver->hw_info) {
		rc = idev->dev->driver->hw_info(idev->dev, &type, data, &len);
		if (rc)
			return rc;
	} else {
		type = IOMMU_HW_INFO_TYPE_NONE;
	}
	copied = cmd->data_len < len ? cmd->data_len : len;
	if (copied && iommufd_copy_out(ucmd->caller, cmd->data_uptr, data, copied))
		return -EFAULT;
	if (clear_user(ucmd->caller, cmd->data_uptr + copied, cmd->data_len - copied))
		return -EFAULT;
	cmd->out_data_type = type;
	cmd->data_len = len;
	cmd->out_max_pasid_log2 =
		idev->dev->max_pasids ? (uint8_t)sio_lg2(idev->dev->max_pasids) : 0;
	cmd->out_capabilities = hw_capabilities(ucmd->ctx, idev->dev);
	return iommufd_ucmd_respond(ucmd);
}
