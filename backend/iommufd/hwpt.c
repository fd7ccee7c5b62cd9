// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware page tables: domains as objects of a context.
 *
 * A paging HWPT is a domain that shows an IOAS; it is filled when it is made, whether or not a
 * device is attached. A nested one translates a guest's tables to the addresses of its parent.
 *
 * Kernel behaviour: drivers/iommu/iommufd/hw_pagetable.c of Linux 6.12 and 7.2.
 */
#include "iommufd/iommufd_private.h"

#include <errno.h>
#include <stdlib.h>

#define INVALIDATE_ENTRIES_MAX (1u << 19)

struct iommufd_hwpt_paging *iommufd_hwpt_paging_find(struct iommufd_ctx *ctx, uint32_t id)
{
	struct iommufd_object *obj = iommufd_object_find(ctx, id, IOMMUFD_OBJ_HWPT_PAGING);

	return obj ? sio_container_of(obj, struct iommufd_hwpt_paging, hwpt.obj) : NULL;
}

struct iommufd_hwpt *iommufd_hwpt_find(struct iommufd_ctx *ctx, uint32_t id)
{
	struct iommufd_object *obj = iommufd_object_find(ctx, id, IOMMUFD_OBJ_NONE);

	if (!obj || (obj->type != IOMMUFD_OBJ_HWPT_PAGING && obj->type != IOMMUFD_OBJ_HWPT_NESTED))
		return NULL;
	return sio_container_of(obj, struct iommufd_hwpt, obj);
}

struct iommufd_hwpt_paging *iommufd_hwpt_base(struct iommufd_hwpt *hwpt)
{
	if (hwpt->obj.type == IOMMUFD_OBJ_HWPT_NESTED)
		return sio_container_of(hwpt, struct iommufd_hwpt_nested, hwpt)->parent;
	return sio_container_of(hwpt, struct iommufd_hwpt_paging, hwpt);
}

void iommufd_hwpt_put(struct iommufd_hwpt *hwpt)
{
	hwpt->obj.users--;
	if (hwpt->obj.type == IOMMUFD_OBJ_HWPT_PAGING && hwpt->obj.users == 1 &&
	    iommufd_hwpt_base(hwpt)->automatic)
		iommufd_object_destroy_user(hwpt->ctx, &hwpt->obj);
}

/* ---- the end ---- */

static void hwpt_fini(struct iommufd_hwpt *hwpt)
{
	if (hwpt->fault)
		iommufd_hwpt_drop_fault(hwpt);
	if (hwpt->domain)
		iommu_domain_free(hwpt->domain);
}

static void ioas_unlink(struct iommufd_hwpt_paging *paging)
{
	struct iommufd_ioas *ioas = paging->ioas;
	struct iommufd_hwpt_paging **at = &ioas->hwpts;

	while (*at != paging)
		at = &(*at)->next;
	*at = paging->next;
	if (!*at)
		ioas->hwpts_tail = at;
}

void iommufd_hwpt_paging_destroy(struct iommufd_object *obj)
{
	struct iommufd_hwpt_paging *paging =
		sio_container_of(obj, struct iommufd_hwpt_paging, hwpt.obj);

	if (paging->in_iopt) {
		ioas_unlink(paging);
		iopt_remove_domain(paging->ioas->iopt, paging->hwpt.domain);
	}
	hwpt_fini(&paging->hwpt);
	paging->ioas->obj.users--;
}

void iommufd_hwpt_nested_destroy(struct iommufd_object *obj)
{
	struct iommufd_hwpt_nested *nested =
		sio_container_of(obj, struct iommufd_hwpt_nested, hwpt.obj);

	hwpt_fini(&nested->hwpt);
	if (nested->viommu)
		nested->viommu->obj.users--;
	else
		nested->parent->hwpt.obj.users--;
}

/* ---- paging ---- */

static int paging_flags_check(const struct iommufd_ctx *ctx, const struct iommufd_device *idev,
			      uint32_t flags, const struct iommu_user_data *data)
{
	const struct iommu_driver *driver = idev->dev->driver;
	uint32_t valid = IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING;

	if (iommufd_is_7_2(ctx))
		valid |= IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID;
	if ((flags || data) && !driver->domain_alloc_user)
		return -EOPNOTSUPP;
	if (flags & ~valid)
		return -EOPNOTSUPP;
	if ((flags & IOMMU_HWPT_FAULT_ID_VALID) && (flags & IOMMU_HWPT_ALLOC_NEST_PARENT))
		return -EOPNOTSUPP;
	if ((flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) &&
	    (fail_at(FAIL_POINT("iommufd.hwpt.dirty-tracking", FAIL_CAPABILITY, EOPNOTSUPP)) ||
	     !driver->capable(idev->dev, IOMMU_CAP_DIRTY_TRACKING)))
		return -EOPNOTSUPP;
	return 0;
}

/* The domain, as an empty HWPT of the IOAS. */
static int paging_new(struct iommufd_ctx *ctx, struct iommufd_ioas *ioas,
		      struct iommufd_device *idev, uint32_t flags,
		      const struct iommu_user_data *data, struct iommufd_hwpt_paging **out)
{
	struct iommufd_hwpt_paging *paging;
	int rc;

	paging = iommufd_object_alloc(ctx, sizeof(*paging), IOMMUFD_OBJ_HWPT_PAGING);
	if (!paging)
		return -ENOMEM;
	paging->hwpt.ctx = ctx;
	paging->hwpt.pasid = flags & IOMMU_HWPT_ALLOC_PASID;
	paging->nest_parent = flags & IOMMU_HWPT_ALLOC_NEST_PARENT;
	paging->ioas = ioas;
	ioas->obj.users++;
	rc = iommu_domain_alloc_user(idev->dev, flags & ~(uint32_t)IOMMU_HWPT_FAULT_ID_VALID, data,
				     &paging->hwpt.domain);
	if (rc) {
		paging->hwpt.domain = NULL;
		iommufd_object_abort_and_destroy(ctx, &paging->hwpt.obj);
		return rc;
	}
	*out = paging;
	return 0;
}

int iommufd_hwpt_paging_create(struct iommufd_ctx *ctx, struct iommufd_ioas *ioas,
			       struct iommufd_device *idev, uint32_t flags, const uint32_t *attach,
			       const struct iommu_user_data *data, struct iommufd_hwpt_paging **out)
{
	struct iommufd_hwpt_paging *paging;
	int rc = paging_flags_check(ctx, idev, flags, data);

	if (!rc)
		rc = paging_new(ctx, ioas, idev, flags, data, &paging);
	if (rc)
		return rc;
	/* Before anything is mapped: some formats say it in every entry. */
	if (idev->enforce_coherency) {
		paging->enforce_coherency = iommu_enforce_cache_coherency(paging->hwpt.domain);
		if (!paging->enforce_coherency) {
			rc = -EINVAL;
			goto abort;
		}
	}
	if (attach) {
		rc = iommufd_hwpt_attach_device(&paging->hwpt, idev, *attach);
		if (rc)
			goto abort;
	}
	rc = iopt_add_domain(ioas->iopt, paging->hwpt.domain);
	if (rc)
		goto detach;
	paging->in_iopt = true;
	*ioas->hwpts_tail = paging;
	ioas->hwpts_tail = &paging->next;
	*out = paging;
	return 0;

detach:
	if (attach)
		iommufd_hwpt_detach_device(idev, *attach);
abort:
	iommufd_object_abort_and_destroy(ctx, &paging->hwpt.obj);
	return rc;
}

/* ---- nested ---- */

static uint32_t nested_flags(const struct iommufd_ctx *ctx)
{
	return IOMMU_HWPT_FAULT_ID_VALID |
	       (iommufd_is_7_2(ctx) ? (uint32_t)IOMMU_HWPT_ALLOC_PASID : 0);
}

/* On a parent, or (viommu not NULL) on a vIOMMU of it. */
static int nested_new(struct iommufd_ctx *ctx, struct iommufd_hwpt_paging *parent,
		      struct iommufd_viommu *viommu, struct iommufd_device *idev, uint32_t flags,
		      const struct iommu_user_data *data, struct iommufd_hwpt **out)
{
	const uint32_t driver_flags = flags & ~(uint32_t)IOMMU_HWPT_FAULT_ID_VALID;
	struct iommufd_hwpt_nested *nested;
	int rc;

	nested = iommufd_object_alloc(ctx, sizeof(*nested), IOMMUFD_OBJ_HWPT_NESTED);
	if (!nested)
		return -ENOMEM;
	nested->hwpt.ctx = ctx;
	nested->hwpt.pasid = flags & IOMMU_HWPT_ALLOC_PASID;
	nested->parent = parent;
	nested->viommu = viommu;
	if (viommu) {
		viommu->obj.users++;
		rc = iommu_viommu_alloc_nested(&viommu->base, driver_flags, data,
					       &nested->hwpt.domain);
	} else {
		parent->hwpt.obj.users++;
		rc = iommu_domain_alloc_nested(idev->dev, parent->hwpt.domain, driver_flags, data,
					       &nested->hwpt.domain);
	}
	if (rc) {
		nested->hwpt.domain = NULL;
		iommufd_object_abort_and_destroy(ctx, &nested->hwpt.obj);
		return rc;
	}
	*out = &nested->hwpt;
	return 0;
}

static int nested_on_parent(struct iommufd_ctx *ctx, struct iommufd_hwpt_paging *parent,
			    struct iommufd_device *idev, uint32_t flags,
			    const struct iommu_user_data *data, struct iommufd_hwpt **out)
{
	const struct iommu_driver *driver = idev->dev->driver;
	/* 6.12 had one operation for both kinds of domain. */
	const bool offers = iommufd_is_7_2(ctx) ? driver->domain_alloc_nested != NULL
						: driver->domain_alloc_user != NULL;

	if (flags & ~nested_flags(ctx) || !data->len || !offers)
		return -EOPNOTSUPP;
	if (parent->automatic || !parent->nest_parent || parent->hwpt.domain->driver != driver)
		return -EINVAL;
	return nested_new(ctx, parent, NULL, idev, flags, data, out);
}

static int nested_on_viommu(struct iommufd_ctx *ctx, struct iommufd_viommu *viommu,
			    struct iommufd_device *idev, uint32_t flags,
			    const struct iommu_user_data *data, struct iommufd_hwpt **out)
{
	if (viommu->base.instance != idev->dev->instance)
		return -EINVAL;
	if (flags & ~nested_flags(ctx) || !data->len || !viommu->base.ops->domain_alloc_nested)
		return -EOPNOTSUPP;
	return nested_new(ctx, viommu->parent, viommu, idev, flags, data, out);
}

/* ---- HWPT_ALLOC ---- */

static int hwpt_create(struct iommufd_ucmd *ucmd, struct iommufd_object *pt,
		       struct iommufd_device *idev, struct iommufd_hwpt **out)
{
	const struct iommu_hwpt_alloc *cmd = ucmd->cmd;
	const struct iommu_user_data data = {cmd->data_type, cmd->data_len, cmd->data_uptr,
					     ucmd->caller};
	struct iommufd_hwpt_paging *paging;
	int rc;

	switch (pt->type) {
	case IOMMUFD_OBJ_IOAS:
		rc = iommufd_hwpt_paging_create(ucmd->ctx,
						sio_container_of(pt, struct iommufd_ioas, obj),
						idev, cmd->flags, NULL, data.len ? &data : NULL,
						&paging);
		if (!rc)
			*out = &paging->hwpt;
		return rc;
	case IOMMUFD_OBJ_HWPT_PAGING:
		paging = sio_container_of(pt, struct iommufd_hwpt_paging, hwpt.obj);
		return nested_on_parent(ucmd->ctx, paging, idev, cmd->flags, &data, out);
	case IOMMUFD_OBJ_VIOMMU:
		return nested_on_viommu(ucmd->ctx, sio_container_of(pt, struct iommufd_viommu, obj),
					idev, cmd->flags, &data, out);
	default:
		return -EINVAL;
	}
}

int iommufd_cmd_hwpt_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_alloc *cmd = ucmd->cmd;
	struct iommufd_device *idev;
	struct iommufd_object *pt;
	struct iommufd_hwpt *hwpt;
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if ((cmd->data_type == IOMMU_HWPT_DATA_NONE) != !cmd->data_len)
		return -EINVAL;
	idev = iommufd_device_find(ucmd->ctx, cmd->dev_id);
	if (!idev)
		return -ENOENT;
	pt = iommufd_object_find(ucmd->ctx, cmd->pt_id, IOMMUFD_OBJ_NONE);
	if (!pt)
		return -EINVAL;
	rc = hwpt_create(ucmd, pt, idev, &hwpt);
	if (rc)
		return rc;
	if (cmd->flags & IOMMU_HWPT_FAULT_ID_VALID) {
		rc = iommufd_hwpt_set_fault(hwpt, cmd->fault_id);
		if (rc) {
			iommufd_object_abort_and_destroy(ucmd->ctx, &hwpt->obj);
			return rc;
		}
	}
	cmd->out_hwpt_id = hwpt->obj.id;
	return iommufd_ucmd_respond_object(ucmd, &hwpt->obj);
}

/* ---- dirty pages ---- */

int iommufd_cmd_hwpt_set_dirty(struct iommufd_ucmd *ucmd)
{
	const struct iommu_hwpt_set_dirty_tracking *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *paging;

	if (cmd->flags & ~(uint32_t)IOMMU_HWPT_DIRTY_TRACKING_ENABLE)
		return -EOPNOTSUPP;
	paging = iommufd_hwpt_paging_find(ucmd->ctx, cmd->hwpt_id);
	if (!paging)
		return -ENOENT;
	if (!paging->hwpt.domain->dirty_ops)
		return -EOPNOTSUPP;
	return iopt_set_dirty(paging->ioas->iopt, paging->hwpt.domain,
			      cmd->flags & IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
}

int iommufd_cmd_hwpt_get_dirty(struct iommufd_ucmd *ucmd)
{
	const struct iommu_hwpt_get_dirty_bitmap *cmd = ucmd->cmd;
	const struct iopt_dirty_query query = {
		.iova = cmd->iova,
		.length = cmd->length,
		.page_size = cmd->page_size,
		.bitmap = cmd->data,
		.no_clear = cmd->flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR,
		.caller = ucmd->caller,
	};
	struct iommufd_hwpt_paging *paging;
	int rc;

	if (cmd->flags & ~(uint32_t)IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR || cmd->__reserved)
		return -EOPNOTSUPP;
	paging = iommufd_hwpt_paging_find(ucmd->ctx, cmd->hwpt_id);
	if (!paging)
		return -ENOENT;
	rc = iopt_check_dirty(paging->ioas->iopt, &query);
	if (rc)
		return rc;
	if (!paging->hwpt.domain->dirty_ops)
		return -EOPNOTSUPP;
	return iopt_read_dirty(paging->ioas->iopt, paging->hwpt.domain, &query);
}

/* ---- HWPT_INVALIDATE ---- */

/* *done is the number of entries that were carried out, whatever is returned. */
static int invalidate(struct iommufd_ctx *ctx, const struct iommu_hwpt_invalidate *cmd,
		      const struct caller *caller, uint32_t *done)
{
	struct iommu_user_array array = {cmd->data_type, cmd->entry_len, cmd->entry_num,
					 cmd->data_uptr, caller};
	struct iommufd_object *obj;
	struct iommufd_hwpt *hwpt;
	struct iommufd_viommu *viommu;
	int rc = -EOPNOTSUPP;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->entry_num &&
	    (!cmd->data_uptr || !cmd->entry_len || cmd->entry_len > SIO_PAGE_SIZE ||
	     cmd->entry_num > INVALIDATE_ENTRIES_MAX))
		return -EINVAL;
	obj = iommufd_object_find(ctx, cmd->hwpt_id, IOMMUFD_OBJ_NONE);
	if (!obj || (!iommufd_is_7_2(ctx) && obj->type != IOMMUFD_OBJ_HWPT_NESTED))
		return -ENOENT;
	if (obj->type == IOMMUFD_OBJ_HWPT_NESTED) {
		hwpt = sio_container_of(obj, struct iommufd_hwpt, obj);
		if (!hwpt->domain->driver->cache_invalidate_user)
			return rc;
		rc = hwpt->domain->driver->cache_invalidate_user(hwpt->domain, &array);
	} else if (obj->type == IOMMUFD_OBJ_VIOMMU) {
		viommu = sio_container_of(obj, struct iommufd_viommu, obj);
		if (!viommu->base.ops->cache_invalidate)
			return rc;
		rc = viommu->base.ops->cache_invalidate(&viommu->base, &array);
	} else {
		return -EINVAL;
	}
	*done = array.entry_num;
	return rc;
}

int iommufd_cmd_hwpt_invalidate(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_invalidate *cmd = ucmd->cmd;
	uint32_t done = 0;
	int rc = invalidate(ucmd->ctx, cmd, ucmd->caller, &done);

	cmd->entry_num = done;
	return iommufd_ucmd_respond(ucmd) ? -EFAULT : rc;
}
