// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault queues: page requests of devices, read and answered through a file.
 *
 * A group of requests is queued, then read whole, then answered by the cookie that it got when it
 * was read. What waits when its attachment ends is answered INVALID.
 *
 * Cookies are the lowest free numbers. 0 counts as taken until a program answers it while any group
 * is unanswered: that frees the placeholder which the kernel's table of numbers starts with.
 *
 * Kernel behaviour: drivers/iommu/iommufd/fault.c of Linux 6.12, eventq.c of 7.2.
 */
#include "iommufd/iommufd_private.h"

#include "seeded.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct fault_file {
	struct file file;
	struct iommufd_fault *fault;
};

static struct iommufd_fault *fault_of(const struct file *file)
{
	return sio_container_of(file, struct fault_file, file)->fault;
}

/* ---- read ---- */

static struct iommu_hwpt_pgfault message(const struct iommufd_fault *queue,
					 const struct iopf_fault *fault, uint32_t cookie)
{
	return (struct iommu_hwpt_pgfault){
		.flags = (fault->has_pasid ? (uint32_t)IOMMU_PGFAULT_FLAGS_PASID_VALID : 0) |
			 (fault->last ? (uint32_t)IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0),
		.dev_id = iommufd_ctx_device_id(queue->ctx, fault->dev),
		.pasid = fault->has_pasid ? fault->pasid : 0,
		.grpid = fault->grpid,
		.perm = fault->perm,
		.addr = fault->addr,
		.cookie = cookie,
	};
}

/* Insert by cookie, the lowest free one. */
static void take_cookie(struct iommufd_fault *queue, struct iopf_group *group)
{
	struct iopf_group **at = &queue->unanswered;
	uint32_t cookie = queue->zero_free ? 0 : 1;

	while (*at && (*at)->cookie == cookie) {
		cookie++;
		at = &(*at)->next;
	}
	group->cookie = cookie;
	group->has_cookie = true;
	group->next = *at;
	*at = group;
}

/* One whole group at the head of the queue. */
static int read_group(struct iommufd_fault *queue, const struct caller *caller, uint64_t buf)
{
	struct iopf_group *group = queue->queued;

	queue->queued = group->next;
	take_cookie(queue, group);
	for (unsigned i = 0; i < group->count; i++) {
		const struct iommu_hwpt_pgfault record =
			message(queue, &group->faults[i], group->cookie);

		if (!iommufd_copy_out(caller, buf + i * sizeof(record), &record, sizeof(record)))
			continue;
		for (struct iopf_group **at = &queue->unanswered; *at; at = &(*at)->next) {
			if (*at == group) {
				*at = group->next;
				break;
			}
		}
		group->has_cookie = false;
		group->next = queue->queued;
		queue->queued = group;
		return -EFAULT;
	}
	return 0;
}

static ssize_t fault_pread(struct file *file, const struct caller *caller, uint64_t buf, size_t len,
			   uint64_t offset)
{
	const size_t bytes = sizeof(struct iommu_hwpt_pgfault);
	struct iommufd_fault *queue = fault_of(file);
	size_t done = 0;
	int rc = 0;

	if (offset || len % bytes)
		return -ESPIPE;
	while (queue->queued && done < len) {
		const size_t size = queue->queued->count * bytes;

		if (SEEDED(F10) && size > len - done)
			break;
		rc = size > len - done ? -EINVAL : read_group(queue, caller, buf + done);
		if (rc)
			break;
		done += size;
	}
	return done ? (ssize_t)done : rc;
}

/* ---- write ---- */

static int answer(struct iommufd_fault *queue, const struct iommu_hwpt_page_response *response)
{
	struct iopf_group **at = &queue->unanswered, *group;

	if (response->code != IOMMUFD_PAGE_RESP_SUCCESS &&
	    response->code != IOMMUFD_PAGE_RESP_INVALID)
		return -EINVAL;
	while (*at && (*at)->cookie != response->cookie)
		at = &(*at)->next;
	group = *at;
	if (!group) {
		if (!response->cookie && queue->unanswered)
			queue->zero_free = true;
		return -EINVAL;
	}
	*at = group->next;
	iopf_group_respond(group, response->code);
	return 0;
}

static ssize_t fault_pwrite(struct file *file, const struct caller *caller, uint64_t buf,
			    size_t len, uint64_t offset)
{
	struct iommufd_fault *queue = fault_of(file);
	struct iommu_hwpt_page_response response;
	size_t done = 0;
	int rc = 0;

	if (offset || len % sizeof(response))
		return -ESPIPE;
	for (; done < len; done += sizeof(response)) {
		rc = iommufd_copy_in(caller, &response, buf + done, sizeof(response));
		if (!rc)
			rc = answer(queue, &response);
		if (rc)
			break;
	}
	return done ? (ssize_t)done : rc;
}

static unsigned fault_poll(struct file *file)
{
	return POLLOUT | (fault_of(file)->queued ? (unsigned)(POLLIN | POLLRDNORM) : 0);
}

/* ---- the object ---- */

static void fault_release(struct file *file)
{
	struct fault_file *open = sio_container_of(file, struct fault_file, file);
	struct iommufd_ctx *ctx = open->fault->ctx;

	open->fault->obj.users--;
	free(open);
	iommufd_ctx_put(ctx);
}

static const struct file_ops fault_file_ops = {
	.kind = "fault",
	.stream = true,
	.pread = fault_pread,
	.pwrite = fault_pwrite,
	.poll = fault_poll,
	.release = fault_release,
};

void iommufd_fault_destroy(struct iommufd_object *obj)
{
	struct iommufd_fault *queue = sio_container_of(obj, struct iommufd_fault, obj);

	sio_assert(!queue->queued && !queue->unanswered);
}

static struct file *fault_file_create(struct iommufd_fault *queue)
{
	struct fault_file *open = fail_calloc("iommufd.fault.file", 1, sizeof(*open));

	if (!open)
		return NULL;
	open->file = (struct file){&fault_file_ops, 1};
	open->fault = queue;
	queue->obj.users++;
	iommufd_ctx_get(queue->ctx);
	return &open->file;
}

int iommufd_cmd_fault_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_fault_alloc *cmd = ucmd->cmd;
	struct iommufd_fault *queue;
	struct file *file;
	int fd, rc;

	if (cmd->flags)
		return -EOPNOTSUPP;
	queue = iommufd_object_alloc(ucmd->ctx, sizeof(*queue), IOMMUFD_OBJ_FAULT);
	if (!queue)
		return -ENOMEM;
	queue->ctx = ucmd->ctx;
	file = fault_file_create(queue);
	fd = file ? fd_install(ucmd->caller->fds, file) : -ENOMEM;
	if (fd < 0) {
		if (file)
			file_put(file);
		iommufd_object_abort_and_destroy(ucmd->ctx, &queue->obj);
		return fd;
	}
	cmd->out_fault_id = queue->obj.id;
	cmd->out_fault_fd = (uint32_t)fd;
	rc = iommufd_ucmd_respond(ucmd);
	if (rc) {
		/* The file goes first: it looks at the object when it does. */
		if (SEEDED(F07)) {
			queue->obj.users--;
			iommufd_object_abort_and_destroy(ucmd->ctx, &queue->obj);
		}
		fd_close(ucmd->caller->fds, fd);
		if (!SEEDED(F07))
			iommufd_object_abort_and_destroy(ucmd->ctx, &queue->obj);
		return rc;
	}
	iommufd_object_finalize(ucmd->ctx, &queue->obj);
	return 0;
}

/* ---- HWPTs that use it ---- */

static void queue_fault(struct iommu_domain *domain, struct iopf_group *group)
{
	struct iommufd_fault *queue = domain->handler_ctx;
	struct iopf_group **at = &queue->queued;

	while (*at)
		at = &(*at)->next;
	group->next = NULL;
	*at = group;
}

int iommufd_hwpt_set_fault(struct iommufd_hwpt *hwpt, uint32_t fault_id)
{
	struct iommufd_object *obj = iommufd_object_find(hwpt->ctx, fault_id, IOMMUFD_OBJ_FAULT);

	if (!obj)
		return -ENOENT;
	hwpt->fault = sio_container_of(obj, struct iommufd_fault, obj);
	hwpt->domain->iopf_handler = queue_fault;
	hwpt->domain->handler_ctx = hwpt->fault;
	obj->users++;
	return 0;
}

/* Answer what waits of the domain; of one attachment to it, or (`of` NULL) of all. */
static void drop_groups(struct iopf_group **list, const struct iommu_domain *domain,
			const struct iommu_group *of, uint32_t pasid)
{
	while (*list) {
		struct iopf_group *group = *list;

		if (group->domain != domain ||
		    (of && (group->dev->group != of || group->pasid != pasid))) {
			list = &group->next;
			continue;
		}
		*list = group->next;
		iopf_group_respond(group, IOPF_INVALID);
	}
}

void iommufd_hwpt_drop_fault(struct iommufd_hwpt *hwpt)
{
	drop_groups(&hwpt->fault->queued, hwpt->domain, NULL, IOMMU_NO_PASID);
	drop_groups(&hwpt->fault->unanswered, hwpt->domain, NULL, IOMMU_NO_PASID);
	hwpt->fault->obj.users--;
	hwpt->fault = NULL;
}

int iommufd_fault_attach(struct iommufd_device *idev)
{
	struct iommu_device *first = idev->igroup->group->devices;

	for (struct iommu_device *dev = first; dev; dev = dev->next_in_group) {
		int rc = iommu_iopf_enable(dev);

		if (!rc)
			continue;
		for (; first != dev; first = first->next_in_group)
			iommu_iopf_disable(first);
		return rc;
	}
	return 0;
}

void iommufd_fault_detach(struct iommufd_hwpt *hwpt, struct iommufd_device *idev, uint32_t pasid)
{
	struct iommu_group *group = idev->igroup->group;

	drop_groups(&hwpt->fault->queued, hwpt->domain, group, pasid);
	if (!SEEDED(F11))
		drop_groups(&hwpt->fault->unanswered, hwpt->domain, group, pasid);
	for (struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group)
		iommu_iopf_disable(dev);
}
