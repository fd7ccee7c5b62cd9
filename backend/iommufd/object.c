// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects of a context: ids and references.
 *
 * An id is taken when the object is allocated and shows it only when everything about it worked, so
 * that a command that fails leaves nothing behind. The lowest free id is given next.
 *
 * Kernel behaviour: drivers/iommu/iommufd/main.c of Linux 6.12; tombstones are those of 7.x. The
 * kernel's short-term references have no counterpart: a command runs under the machine's lock.
 */
#include "iommufd/iommufd_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- ids ---- */

static bool slots_grow(struct iommufd_ctx *ctx)
{
	uint32_t slots = ctx->object_slots ? 2 * ctx->object_slots : 16;
	struct iommufd_object **objects =
		fail_realloc("iommufd.object.slots", ctx->objects, slots * sizeof(*objects));

	if (!objects)
		return false;
	memset(objects + ctx->object_slots, 0, (slots - ctx->object_slots) * sizeof(*objects));
	ctx->objects = objects;
	ctx->object_slots = slots;
	return true;
}

static bool id_take(struct iommufd_ctx *ctx, struct iommufd_object *obj)
{
	uint32_t at = ctx->object_lowest;

	while (at < ctx->object_slots && ctx->objects[at])
		at++;
	if (at == ctx->object_slots && (at >= INT32_MAX / 2 || !slots_grow(ctx)))
		return false;
	ctx->objects[at] = obj;
	ctx->object_lowest = at + 1;
	ctx->object_count++;
	obj->id = at + 1;
	return true;
}

static void id_free(struct iommufd_ctx *ctx, uint32_t id)
{
	ctx->objects[id - 1] = NULL;
	ctx->object_count--;
	if (ctx->object_lowest > id - 1)
		ctx->object_lowest = id - 1;
}

/* ---- making ---- */

void *iommufd_object_alloc(struct iommufd_ctx *ctx, size_t bytes, enum iommufd_object_type type)
{
	struct iommufd_object *obj = fail_calloc("iommufd.object", 1, bytes);

	if (!obj)
		return NULL;
	obj->type = type;
	obj->users = 1;
	if (!id_take(ctx, obj)) {
		free(obj);
		return NULL;
	}
	return obj;
}

void iommufd_object_finalize(struct iommufd_ctx *ctx, struct iommufd_object *obj)
{
	sio_assert(ctx->objects[obj->id - 1] == obj && !obj->visible);
	obj->visible = true;
}

void iommufd_object_abort(struct iommufd_ctx *ctx, struct iommufd_object *obj)
{
	sio_assert(!obj->visible && obj->users == 1);
	id_free(ctx, obj->id);
	free(obj);
}

void iommufd_object_abort_and_destroy(struct iommufd_ctx *ctx, struct iommufd_object *obj)
{
	iommufd_destructor(obj)(obj);
	iommufd_object_abort(ctx, obj);
}

/* ---- finding ---- */

struct iommufd_object *iommufd_object_find(struct iommufd_ctx *ctx, uint32_t id,
					   enum iommufd_object_type type)
{
	struct iommufd_object *obj;

	if (!id || id > ctx->object_slots)
		return NULL;
	obj = ctx->objects[id - 1];
	if (!obj || !obj->visible || (type != IOMMUFD_OBJ_NONE && obj->type != type))
		return NULL;
	return obj;
}

struct iommufd_object *iommufd_object_at(const struct iommufd_ctx *ctx, uint32_t *position)
{
	while (*position < ctx->object_slots) {
		struct iommufd_object *obj = ctx->objects[(*position)++];

		if (obj && obj->visible)
			return obj;
	}
	return NULL;
}

/* ---- going ---- */

/* The id is free before the destructor runs, as in the kernel. */
static void destroy(struct iommufd_ctx *ctx, struct iommufd_object *obj)
{
	id_free(ctx, obj->id);
	if (ctx->vfio_ioas && &ctx->vfio_ioas->obj == obj)
		ctx->vfio_ioas = NULL;
	iommufd_destructor(obj)(obj);
	free(obj);
}

int iommufd_object_remove(struct iommufd_ctx *ctx, uint32_t id)
{
	struct iommufd_object *obj = iommufd_object_find(ctx, id, IOMMUFD_OBJ_NONE);

	if (!obj)
		return -ENOENT;
	if (obj->users != 1)
		return -EBUSY;
	destroy(ctx, obj);
	return 0;
}

void iommufd_object_destroy_user(struct iommufd_ctx *ctx, struct iommufd_object *obj)
{
	sio_assert(obj->users == 1);
	destroy(ctx, obj);
}

void iommufd_object_tombstone(struct iommufd_ctx *ctx, struct iommufd_object *obj)
{
	/* Marks a slot whose object is gone: never visible, so no look-up meets it. */
	static struct iommufd_object dead = {.tombstone = true};

	sio_assert(obj->users == 1);
	ctx->objects[obj->id - 1] = &dead;
	iommufd_destructor(obj)(obj);
	free(obj);
}

void iommufd_object_destroy_all(struct iommufd_ctx *ctx)
{
	bool progress = true;

	while (progress) {
		progress = false;
		for (uint32_t i = 0; i < ctx->object_slots; i++) {
			struct iommufd_object *obj = ctx->objects[i];

			if (!obj || obj->tombstone || obj->users != 1)
				continue;
			destroy(ctx, obj);
			progress = true;
		}
	}
	for (uint32_t i = 0; i < ctx->object_slots; i++)
		sio_assert(!ctx->objects[i] || ctx->objects[i]->tombstone);
	free(ctx->objects);
	ctx->objects = NULL;
	ctx->object_slots = ctx->object_count = 0;
}
