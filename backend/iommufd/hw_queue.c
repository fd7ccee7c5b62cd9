// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware queues: guest memory that a physical IOMMU reads commands from.
 *
 * The memory has to be mapped in the parent's IOAS, readable and physically contiguous. While the
 * queue lives its pages are pinned and the areas that show them cannot be unmapped.
 *
 * Kernel behaviour: iommufd_hw_queue_alloc_ioctl() of drivers/iommu/iommufd/viommu.c of Linux 7.2.
 */
#include "iommufd/iommufd_private.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t page_start(const struct iommufd_hw_queue *queue)
{
	return queue->base.iova & SIO_PAGE_MASK;
}

/* Bytes of the pages that the queue touches. */
static uint64_t page_bytes(const struct iommufd_hw_queue *queue)
{
	const uint64_t last = queue->base.iova + (queue->base.len - 1);

	return (last & SIO_PAGE_MASK) - page_start(queue) + SIO_PAGE_SIZE;
}

/* -ERANGE: those bytes cannot be counted. -ENOMEM: more addresses than the kernel allocates. */
static int page_count(const struct iommufd_hw_queue *queue, uint64_t *count)
{
	uint64_t bytes;

	if (__builtin_add_overflow(queue->base.iova % SIO_PAGE_SIZE, queue->base.len, &bytes) ||
	    __builtin_add_overflow(bytes, SIO_PAGE_SIZE - 1, &bytes))
		return -ERANGE;
	*count = bytes / SIO_PAGE_SIZE;
	return *count > INT32_MAX / sizeof(uint64_t) ? -ENOMEM : 0;
}

static void depend(struct iommu_hw_queue *base, struct iommu_hw_queue *on)
{
	struct iommufd_hw_queue *queue = sio_container_of(base, struct iommufd_hw_queue, base);

	queue->needs = sio_container_of(on, struct iommufd_hw_queue, base);
	queue->needs->obj.users++;
}

void iommufd_hw_queue_destroy(struct iommufd_object *obj)
{
	struct iommufd_hw_queue *queue = sio_container_of(obj, struct iommufd_hw_queue, obj);
	struct iommufd_viommu *viommu = queue->viommu;

	if (queue->started && viommu->base.ops->hw_queue_destroy)
		viommu->base.ops->hw_queue_destroy(&queue->base);
	if (queue->needs)
		queue->needs->obj.users--;
	if (queue->pinned) {
		iopt_lock_areas(viommu->parent->ioas->iopt, page_start(queue), page_bytes(queue),
				false);
		iommufd_access_unpin(queue->access, page_start(queue), page_bytes(queue));
	}
	if (queue->access)
		iommufd_access_destroy(queue->access);
	viommu->obj.users--;
}

/* Where the pages are, if they are one physical run. */
static int pin_run(struct iommufd_hw_queue *queue, uint64_t count)
{
	const uint64_t first = page_start(queue), bytes = page_bytes(queue);
	pa_t *pages;
	int rc;

	/* Before the allocation, which is then bounded by what is mapped. */
	rc = iopt_check_source(queue->viommu->parent->ioas->iopt, first, bytes);
	if (rc)
		return rc;
	pages = fail_calloc("iommufd.hw-queue.pages", count, sizeof(*pages));
	if (!pages)
		return -ENOMEM;
	rc = iommufd_access_pin(queue->access, first, bytes, pages, 0);
	if (rc)
		goto out;
	for (uint64_t i = 1; i < count && !rc; i++)
		if (pages[i] != pages[0] + i * SIO_PAGE_SIZE)
			rc = -EFAULT;
	if (rc) {
		iommufd_access_unpin(queue->access, first, bytes);
		goto out;
	}
	iopt_lock_areas(queue->viommu->parent->ioas->iopt, first, bytes, true);
	queue->pinned = true;
	queue->base.pa = pages[0] + queue->base.iova % SIO_PAGE_SIZE;
out:
	free(pages);
	return rc;
}

static int queue_start(struct iommufd_hw_queue *queue)
{
	struct iommufd_viommu *viommu = queue->viommu;
	uint64_t count;
	int rc = page_count(queue, &count);

	if (!rc)
		rc = iommufd_access_create_internal(viommu->ctx, &queue->access);
	if (!rc)
		rc = iommufd_access_attach(queue->access, viommu->parent->ioas->obj.id);
	if (!rc)
		rc = pin_run(queue, count);
	if (!rc)
		rc = viommu->base.ops->hw_queue_init(&queue->base);
	queue->started = !rc;
	return rc;
}

static int queue_check(struct iommufd_ucmd *ucmd, struct iommufd_viommu **viommu)
{
	const struct iommu_hw_queue_alloc *cmd = ucmd->cmd;

	if (cmd->flags || cmd->type == IOMMU_HW_QUEUE_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!cmd->length)
		return -EINVAL;
	if (cmd->nesting_parent_iova + (cmd->length - 1) < cmd->nesting_parent_iova)
		return -EOVERFLOW;
	*viommu = iommufd_viommu_find(ucmd->ctx, cmd->viommu_id);
	if (!*viommu)
		return -ENOENT;
	if (!(*viommu)->base.ops->hw_queue_init || !(*viommu)->base.ops->hw_queue_type ||
	    !(*viommu)->base.ops->hw_queue_type(&(*viommu)->base, cmd->type))
		return -EOPNOTSUPP;
	return 0;
}

int iommufd_cmd_hw_queue_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_queue_alloc *cmd = ucmd->cmd;
	struct iommufd_hw_queue *queue;
	struct iommufd_viommu *viommu;
	int rc = queue_check(ucmd, &viommu);

	if (rc)
		return rc;
	queue = iommufd_object_alloc(ucmd->ctx, sizeof(*queue), IOMMUFD_OBJ_HW_QUEUE);
	if (!queue)
		return -ENOMEM;
	queue->viommu = viommu;
	viommu->obj.users++;
	queue->base = (struct iommu_hw_queue){
		.viommu = &viommu->base,
		.type = cmd->type,
		.index = cmd->index,
		.iova = cmd->nesting_parent_iova,
		.len = cmd->length,
		.depend = depend,
	};
	rc = queue_start(queue);
	if (rc) {
		iommufd_object_abort_and_destroy(ucmd->ctx, &queue->obj);
		return rc;
	}
	cmd->out_hw_queue_id = queue->obj.id;
	return iommufd_ucmd_respond_object(ucmd, &queue->obj);
}
