// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows of a context's descriptor: device pages that a driver lets a program map.
 *
 * Offsets begin at one page, the lowest free range is given. A mapping must show a window exactly;
 * each piece of it that exists in any process holds the owner.
 *
 * Kernel behaviour: iommufd_fops_mmap() of drivers/iommu/iommufd/main.c of Linux 7.2.
 */
#include "iommufd/iommufd_private.h"

#include <errno.h>
#include <stdlib.h>

static struct iommufd_mmap *window_find(const struct iommufd_ctx *ctx, uint64_t offset)
{
	struct iommufd_mmap *window = ctx->mmaps;

	while (window && window->offset != offset)
		window = window->next;
	return window;
}

int iommufd_viommu_mmap_alloc(struct iommu_viommu *base, pa_t pa, uint64_t len, uint64_t *offset)
{
	struct iommufd_viommu *viommu = sio_container_of(base, struct iommufd_viommu, base);
	struct iommufd_mmap **at = &viommu->ctx->mmaps,
			    *window = fail_calloc("iommufd.mmap.window", 1, sizeof(*window));

	if (!window)
		return -ENOMEM;
	window->offset = SIO_PAGE_SIZE;
	window->len = (len + SIO_PAGE_SIZE - 1) & SIO_PAGE_MASK;
	window->pa = pa;
	window->owner = &viommu->obj;
	for (; *at && (*at)->offset - window->offset < window->len; at = &(*at)->next)
		window->offset = (*at)->offset + (*at)->len;
	window->next = *at;
	*at = window;
	*offset = window->offset;
	return 0;
}

void iommufd_viommu_mmap_free(struct iommu_viommu *base, uint64_t offset)
{
	struct iommufd_viommu *viommu = sio_container_of(base, struct iommufd_viommu, base);
	struct iommufd_mmap **at = &viommu->ctx->mmaps, *window;

	while (*at && (*at)->offset != offset)
		at = &(*at)->next;
	window = *at;
	if (!window)
		return;
	*at = window->next;
	free(window);
}

int iommufd_mmap(struct iommufd_ctx *ctx, uint64_t offset, uint64_t len, bool shared, pa_t *pa)
{
	const struct iommufd_mmap *window;

	if (!shared)
		return -EINVAL;
	window = window_find(ctx, offset);
	if (!window || ((len + SIO_PAGE_SIZE - 1) & SIO_PAGE_MASK) != window->len)
		return -ENXIO;
	*pa = window->pa;
	return 0;
}

void iommufd_mmap_get(struct iommufd_ctx *ctx, uint64_t offset)
{
	struct iommufd_mmap *window = window_find(ctx, offset);

	if (!window)
		return;
	window->owner->users++;
	window->pieces++;
}

void iommufd_mmap_put(struct iommufd_ctx *ctx, uint64_t offset)
{
	struct iommufd_mmap *window = window_find(ctx, offset);

	if (!window)
		return;
	window->owner->users--;
	window->pieces--;
}

void iommufd_mmaps_free(struct iommufd_ctx *ctx)
{
	while (ctx->mmaps) {
		struct iommufd_mmap *window = ctx->mmaps;

		ctx->mmaps = window->next;
		free(window);
	}
}
