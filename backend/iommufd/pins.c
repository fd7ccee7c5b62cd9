// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all contexts of a machine pin, run by run: for the audit that compares it, together with
 * what type1 containers pin, with the counts of the frames.
 */
#include "iommufd/iommufd_private.h"

#include <stdlib.h>

bool iommufd_each_pin(const struct iommufd_env *env,
		      bool (*fn)(void *ctx, const struct pin_run *run), void *ctx)
{
	unsigned count;
	struct io_pagetable **iopts = iommufd_iopts(env, &count);
	bool ok = iopts && iopt_each_run(iopts, count, fn, ctx);

	free(iopts);
	return ok;
}
