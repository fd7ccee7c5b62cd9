// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all contexts of a machine pin, run by run: for the audit that compares it, together with
 * what type1 containers pin, with the counts of the frames.
 *
 * Pages objects are shared by the address spaces of one context and never by two.
 */
#include "iommufd/iommufd_private.h"

#include <stdlib.h>

static unsigned collect(const struct iommufd_ctx *ctx, struct io_pagetable **iopts)
{
	struct iommufd_object *obj;
	uint32_t position = 0;
	unsigned count = 0;

	while ((obj = iommufd_object_at(ctx, &position)))
		if (obj->type == IOMMUFD_OBJ_IOAS)
			iopts[count++] = sio_container_of(obj, struct iommufd_ioas, obj)->iopt;
	return count;
}

static bool each_pin_of(const struct iommufd_ctx *ctx, iopt_run_fn fn, void *to)
{
	struct io_pagetable **iopts = calloc(ctx->object_count + 1, sizeof(struct io_pagetable *));
	bool ok;

	if (!iopts)
		return false;
	ok = iopt_each_run(iopts, collect(ctx, iopts), fn, to);
	free(iopts);
	return ok;
}

bool iommufd_each_pin(const struct iommufd_env *env,
		      bool (*fn)(void *ctx, const struct pin_run *run), void *ctx)
{
	for (const struct iommufd_ctx *it = env->contexts; it; it = it->next)
		if (!each_pin_of(it, fn, ctx))
			return false;
	return true;
}
