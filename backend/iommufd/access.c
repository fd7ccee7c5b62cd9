// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses: users of an IOAS inside the kernel, that pin pages or move bytes.
 *
 * An access is an object of the context, whose number a program may see but not use. It is in one
 * IOAS at a time. Changing it takes the old one's pins away through the owner's callback first;
 * while that runs the access has no IOAS, so that nothing new can be pinned.
 *
 * Kernel behaviour: iommufd_access_*() of drivers/iommu/iommufd/device.c.
 */
#include "iommufd/iommufd_private.h"

#include <errno.h>
#include <stdlib.h>

static void user_unmap(void *data, uint64_t iova, uint64_t len)
{
	const struct iommufd_access *access = data;

	if (access->ops->unmap)
		access->ops->unmap(access->data, iova, len);
}

static struct iommufd_access *create(struct iommufd_ctx *ctx, const struct iommufd_access_ops *ops,
				     void *data, bool internal)
{
	struct iommufd_access *access =
		iommufd_object_alloc(ctx, sizeof(*access), IOMMUFD_OBJ_ACCESS);

	if (!access)
		return NULL;
	access->ctx = ctx;
	access->ops = ops;
	access->data = data;
	access->internal = internal;
	access->user = (struct iopt_access_user){ops->needs_pin_pages, user_unmap, access, NULL};
	/* The owner's reference: a program cannot destroy it. */
	access->obj.users++;
	return access;
}

int iommufd_access_create(struct iommufd_ctx *ctx, const struct iommufd_access_ops *ops, void *data,
			  struct iommufd_access **out, uint32_t *id)
{
	struct iommufd_access *access = create(ctx, ops, data, false);

	if (!access)
		return -ENOMEM;
	iommufd_object_finalize(ctx, &access->obj);
	/* Its file keeps the context. */
	iommufd_ctx_get(ctx);
	*out = access;
	*id = access->obj.id;
	return 0;
}

int iommufd_access_create_internal(struct iommufd_ctx *ctx, struct iommufd_access **out)
{
	static const struct iommufd_access_ops ops = {.needs_pin_pages = true};
	struct iommufd_access *access = create(ctx, &ops, NULL, true);

	if (!access)
		return -ENOMEM;
	iommufd_object_finalize(ctx, &access->obj);
	*out = access;
	return 0;
}

void iommufd_access_destroy_object(struct iommufd_object *obj)
{
	struct iommufd_access *access = sio_container_of(obj, struct iommufd_access, obj);

	if (access->ioas)
		iommufd_access_detach(access);
}

void iommufd_access_destroy(struct iommufd_access *access)
{
	struct iommufd_ctx *ctx = access->ctx;
	const bool internal = access->internal;

	access->obj.users--;
	iommufd_object_destroy_user(ctx, &access->obj);
	if (!internal)
		iommufd_ctx_put(ctx);
}

/* ---- which IOAS ---- */

/* `ioas` NULL: none. On failure the access is where it was, its pins are gone. */
static int change_ioas(struct iommufd_access *access, struct iommufd_ioas *ioas)
{
	struct iommufd_ioas *old = access->ioas;
	int rc;

	/* The owner's callback is in the middle of another change. */
	if (old != access->ioas_unpin)
		return -EBUSY;
	if (old == ioas)
		return 0;
	access->ioas = NULL;
	/* It is on one list at a time. */
	if (old)
		iopt_remove_access(old->iopt, &access->user);
	rc = ioas ? iopt_add_access(ioas->iopt, &access->user) : 0;
	if (rc) {
		/* Nothing came in between that would not fit any more. */
		if (old)
			sio_assert(!iopt_add_access(old->iopt, &access->user));
		access->ioas = old;
		return rc;
	}
	if (ioas)
		ioas->obj.users++;
	if (old) {
		user_unmap(access, 0, UINT64_MAX);
		old->obj.users--;
	}
	access->ioas = access->ioas_unpin = ioas;
	return 0;
}

int iommufd_access_attach(struct iommufd_access *access, uint32_t ioas_id)
{
	struct iommufd_ioas *ioas;

	if (access->ioas)
		return -EINVAL;
	ioas = iommufd_ioas_find(access->ctx, ioas_id);
	return ioas ? change_ioas(access, ioas) : -ENOENT;
}

int iommufd_access_replace(struct iommufd_access *access, uint32_t ioas_id)
{
	struct iommufd_ioas *ioas;

	if (!access->ioas)
		return -ENOENT;
	ioas = iommufd_ioas_find(access->ctx, ioas_id);
	return ioas ? change_ioas(access, ioas) : -ENOENT;
}

void iommufd_access_detach(struct iommufd_access *access)
{
	if (access->ioas)
		change_ioas(access, NULL);
}

/* ---- pages and bytes ---- */

int iommufd_access_pin(struct iommufd_access *access, uint64_t iova, uint64_t len, pa_t *pages,
		       unsigned flags)
{
	if (!len)
		return -EINVAL;
	if (iova + (len - 1) < iova)
		return -EOVERFLOW;
	if (!access->ioas)
		return -ENOENT;
	return iopt_pin(access->ioas->iopt, iova, len, pages, flags & IOMMUFD_ACCESS_WRITE);
}

void iommufd_access_unpin(struct iommufd_access *access, uint64_t iova, uint64_t len)
{
	if (access->ioas_unpin)
		iopt_unpin(access->ioas_unpin->iopt, iova, len);
}

int iommufd_access_rw(struct iommufd_access *access, uint64_t iova, void *data, uint64_t len,
		      unsigned flags)
{
	if (!len)
		return -EINVAL;
	if (iova + (len - 1) < iova)
		return -EOVERFLOW;
	if (!access->ioas)
		return -ENOENT;
	return iopt_rw(access->ioas->iopt, iova, data, len, flags & IOMMUFD_ACCESS_WRITE,
		       flags & IOMMUFD_ACCESS_SLOW);
}
