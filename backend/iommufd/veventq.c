// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event queues of a vIOMMU: what the hardware tells a guest, read through a file.
 *
 * A queue holds up to `depth` events that were not read. An event more is lost: one header without
 * data then stands last, whose sequence number is that of the last event lost. It goes when an
 * event finds room behind it; the gap in the numbers stays.
 *
 * Kernel behaviour: drivers/iommu/iommufd/eventq.c of Linux 7.2.
 */
#include "iommufd/iommufd_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX (1u << 19)

struct veventq_file {
	struct file file;
	struct iommufd_veventq *queue;
};

static struct iommufd_veventq *queue_of(const struct file *file)
{
	return sio_container_of(file, struct veventq_file, file)->queue;
}

/* ---- events come ---- */

static uint32_t next_sequence(struct iommufd_veventq *queue)
{
	const uint32_t sequence = queue->sequence;

	queue->sequence = (sequence + 1) & INT32_MAX;
	return sequence;
}

static void lose_event(struct iommufd_veventq *queue)
{
	queue->lost = true;
	queue->lost_header.flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
	queue->lost_header.sequence = next_sequence(queue);
}

int iommufd_viommu_report_event(struct iommu_viommu *base, uint32_t type, const void *data,
				uint32_t len)
{
	struct iommufd_viommu *viommu = sio_container_of(base, struct iommufd_viommu, base);
	struct iommufd_veventq *queue = viommu->veventqs;
	struct iommufd_vevent *event;

	while (queue && queue->type != type)
		queue = queue->next;
	if (!queue)
		return -EOPNOTSUPP;
	if (queue->queued == queue->depth) {
		lose_event(queue);
		return 0;
	}
	event = fail_calloc("iommufd.veventq.event", 1, sizeof(*event) + len);
	if (!event) {
		lose_event(queue);
		return -ENOMEM;
	}
	event->len = len;
	memcpy(event->data, data, len);
	event->header.sequence = next_sequence(queue);
	queue->lost = false;
	*queue->events_tail = event;
	queue->events_tail = &event->next;
	queue->queued++;
	return 0;
}

/* ---- and are read ---- */

static void event_drop(struct iommufd_veventq *queue)
{
	struct iommufd_vevent *event = queue->events;

	queue->events = event->next;
	if (!queue->events)
		queue->events_tail = &queue->events;
	queue->queued--;
	free(event);
}

/* The record at the head of the queue. > 0: its bytes. */
static ssize_t read_record(struct iommufd_veventq *queue, const struct caller *caller, uint64_t buf,
			   size_t room)
{
	const struct iommufd_vevent *event = queue->events;
	const struct iommufd_vevent_header *header = event ? &event->header : &queue->lost_header;
	const size_t len = sizeof(*header) + (event ? event->len : 0);

	if (len > room)
		return -EINVAL;
	if (iommufd_copy_out(caller, buf, header, sizeof(*header)))
		return -EFAULT;
	if (event && iommufd_copy_out(caller, buf + sizeof(*header), event->data, event->len))
		return -EFAULT;
	if (event)
		event_drop(queue);
	else
		queue->lost = false;
	return (ssize_t)len;
}

static ssize_t veventq_pread(struct file *file, const struct caller *caller, uint64_t buf,
			     size_t len, uint64_t offset)
{
	struct iommufd_veventq *queue = queue_of(file);
	ssize_t done = 0, now = 0;

	if (offset)
		return -ESPIPE;
	if (len < sizeof(struct iommufd_vevent_header))
		return -EINVAL;
	while (queue->events || queue->lost) {
		now = read_record(queue, caller, buf + (uint64_t)done, len - (size_t)done);
		if (now < 0)
			break;
		done += now;
	}
	return done ? done : now;
}

static unsigned veventq_poll(struct file *file)
{
	const struct iommufd_veventq *queue = queue_of(file);

	return queue->events || queue->lost ? (unsigned)(POLLIN | POLLRDNORM) : 0;
}

/* ---- the object ---- */

static void veventq_release(struct file *file)
{
	struct veventq_file *open = sio_container_of(file, struct veventq_file, file);
	struct iommufd_ctx *ctx = open->queue->ctx;

	open->queue->obj.users--;
	free(open);
	iommufd_ctx_put(ctx);
}

static const struct file_ops veventq_file_ops = {
	.kind = "veventq",
	.stream = true,
	.pread = veventq_pread,
	.poll = veventq_poll,
	.release = veventq_release,
};

void iommufd_veventq_destroy(struct iommufd_object *obj)
{
	struct iommufd_veventq *queue = sio_container_of(obj, struct iommufd_veventq, obj);
	struct iommufd_veventq **at = &queue->viommu->veventqs;

	while (queue->events)
		event_drop(queue);
	while (*at != queue)
		at = &(*at)->next;
	*at = queue->next;
	queue->viommu->obj.users--;
}

static struct file *veventq_file_create(struct iommufd_veventq *queue)
{
	struct veventq_file *open = fail_calloc("iommufd.veventq.file", 1, sizeof(*open));

	if (!open)
		return NULL;
	open->file = (struct file){&veventq_file_ops, 1};
	open->queue = queue;
	queue->obj.users++;
	iommufd_ctx_get(queue->ctx);
	return &open->file;
}

/* A queue of the vIOMMU, not yet visible. */
static struct iommufd_veventq *veventq_create(struct iommufd_viommu *viommu, uint32_t type,
					      uint32_t depth)
{
	struct iommufd_veventq *queue =
		iommufd_object_alloc(viommu->ctx, sizeof(*queue), IOMMUFD_OBJ_VEVENTQ);

	if (!queue)
		return NULL;
	queue->ctx = viommu->ctx;
	queue->viommu = viommu;
	queue->type = type;
	queue->depth = depth;
	queue->events_tail = &queue->events;
	queue->next = viommu->veventqs;
	viommu->veventqs = queue;
	viommu->obj.users++;
	return queue;
}

static int veventq_check(struct iommufd_ucmd *ucmd, struct iommufd_viommu **viommu)
{
	const struct iommu_veventq_alloc *cmd = ucmd->cmd;
	const struct iommufd_veventq *other;

	if (cmd->flags || cmd->__reserved || cmd->type == IOMMU_VEVENTQ_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!cmd->veventq_depth || cmd->veventq_depth > DEPTH_MAX)
		return -EINVAL;
	*viommu = iommufd_viommu_find(ucmd->ctx, cmd->viommu_id);
	if (!*viommu)
		return -ENOENT;
	for (other = (*viommu)->veventqs; other; other = other->next)
		if (other->type == cmd->type)
			return -EEXIST;
	return 0;
}

int iommufd_cmd_veventq_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_veventq_alloc *cmd = ucmd->cmd;
	struct iommufd_veventq *queue;
	struct iommufd_viommu *viommu;
	struct file *file;
	int fd, rc = veventq_check(ucmd, &viommu);

	if (rc)
		return rc;
	queue = veventq_create(viommu, cmd->type, cmd->veventq_depth);
	if (!queue)
		return -ENOMEM;
	file = veventq_file_create(queue);
	fd = file ? fd_install(ucmd->caller->fds, file) : -ENOMEM;
	if (fd < 0) {
		if (file)
			file_put(file);
		iommufd_object_abort_and_destroy(ucmd->ctx, &queue->obj);
		return fd;
	}
	cmd->out_veventq_id = queue->obj.id;
	cmd->out_veventq_fd = (uint32_t)fd;
	rc = iommufd_ucmd_respond(ucmd);
	if (rc) {
		fd_close(ucmd->caller->fds, fd);
		iommufd_object_abort_and_destroy(ucmd->ctx, &queue->obj);
		return rc;
	}
	iommufd_object_finalize(ucmd->ctx, &queue->obj);
	return 0;
}
