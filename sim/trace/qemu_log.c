// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay of QEMU logs: groups, containers and memory. See qemu_log.h.
 *
 * Which container a memory event belongs to is not in the log. With one container there is no
 * question; with several (devices behind a virtual IOMMU) every change appears once for each, so a
 * map goes to the first container that has nothing there, an unmap to the first that has something
 * there. A device gets a container of its own when memory is added between its attaching and its
 * information: that is QEMU's listener telling a new container what there is.
 */
#include "trace/qemu_log.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/qemu_priv.h"

long qemu_ioctl(struct qemu_run *run, int fd, unsigned long request, void *arg)
{
	int ret = sio_ioctl(run->s->process, fd, request, arg);

	return ret < 0 ? -(long)errno : ret;
}

int qemu_done(struct qemu_run *run, const char *kind)
{
	const struct qemu_event *event = &run->import.event[run->at];
	struct session_op op = {
		.line = event->line,
		.kind = kind,
		.text = event->text,
		.expected = strbuf_text(&run->expected),
		.got = strbuf_text(&run->got),
	};

	if (run->expected.failed || run->got.failed)
		return -ENOMEM;
	op.same = !strcmp(op.expected, op.got);
	return session_operation(run->s, &op);
}

int qemu_done_ret(struct qemu_run *run, const char *kind, long ret)
{
	char name[16];

	strbuf_clear(&run->expected);
	strbuf_clear(&run->got);
	strbuf_add(&run->expected, "ret=0");
	if (ret < 0)
		strbuf_add(&run->got, "ret=-1 errno=%s", session_errno_name((int)-ret, name));
	else
		strbuf_add(&run->got, "ret=%ld", ret);
	return qemu_done(run, kind);
}

struct qemu_device *qemu_find_device(struct qemu_run *run, const char *name, int *rc)
{
	for (unsigned i = run->devices; i-- > 0;)
		if (!strcmp(run->device[i].name, name))
			return &run->device[i];
	*rc = session_error(run->s, run->import.event[run->at].line,
			    "device %s was not attached before", name);
	return NULL;
}

/* ---- attach ---- */

static bool is_memory(const struct qemu_event *event)
{
	return event->kind == QEMU_RAM_ADD || event->kind == QEMU_NOTIFY_MAP;
}

static bool wants_own_container(const struct qemu_run *run)
{
	for (unsigned i = run->at + 1; i < run->import.events; i++) {
		const struct qemu_event *event = &run->import.event[i];

		if (is_memory(event))
			return true;
		if (event->kind == QEMU_ATTACH || event->kind == QEMU_DEVICE_INFO)
			return false;
	}
	return false;
}

static int add_container(struct qemu_run *run, unsigned *index)
{
	struct qemu_container *all = realloc(run->container, (run->containers + 1) * sizeof(*all));

	if (!all)
		return -ENOMEM;
	run->container = all;
	*index = run->containers;
	all[*index] = (struct qemu_container){.fd = -1};
	imap_init(&all[*index].mapped);
	all[*index].fd = sio_open(run->s->process, "/dev/vfio/vfio");
	run->containers++;
	run->s->container = all[*index].fd;
	return 0;
}

/* The calls that QEMU makes on a container it has just opened. */
static long set_up_container(struct qemu_run *run, int fd)
{
	uint8_t buf[4096] = {0};
	struct vfio_iommu_type1_info *info = (struct vfio_iommu_type1_info *)buf;
	long ret = qemu_ioctl(run, fd, VFIO_SET_IOMMU, (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU);

	if (ret < 0)
		return ret;
	info->argsz = sizeof(*info);
	ret = qemu_ioctl(run, fd, VFIO_IOMMU_GET_INFO, info);
	if (ret < 0 || info->argsz > sizeof(buf))
		return ret;
	return qemu_ioctl(run, fd, VFIO_IOMMU_GET_INFO, info);
}

static long join_container(struct qemu_run *run, struct qemu_device *device, unsigned index,
			   bool is_new)
{
	struct qemu_container *container = &run->container[index];
	long ret;

	if (is_new) {
		ret = qemu_ioctl(run, container->fd, VFIO_GET_API_VERSION, NULL);
		if (ret >= 0)
			ret = qemu_ioctl(run, container->fd, VFIO_CHECK_EXTENSION,
					 (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU);
		if (ret < 0)
			return ret;
	}
	ret = qemu_ioctl(run, device->group_fd, VFIO_GROUP_SET_CONTAINER, &container->fd);
	if (ret < 0)
		return ret;
	if (is_new) {
		ret = set_up_container(run, container->fd);
		if (ret < 0)
			return ret;
	}
	container->groups++;
	device->container = index;
	return 0;
}

/* An open container that takes the group, else a new one. */
static int connect(struct qemu_run *run, struct qemu_device *device, long *ret)
{
	unsigned index;
	int rc;

	*ret = -ENOENT;
	if (!wants_own_container(run))
		for (unsigned i = 0; i < run->containers && *ret < 0; i++)
			if (run->container[i].fd >= 0)
				*ret = join_container(run, device, i, false);
	if (*ret >= 0)
		return 0;
	rc = add_container(run, &index);
	if (!rc)
		*ret = join_container(run, device, index, true);
	return rc;
}

static long open_group(struct qemu_run *run, struct qemu_device *device)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	char path[32];
	long ret;

	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device->device));
	device->group_fd = sio_open(run->s->process, path);
	if (device->group_fd < 0)
		return -errno;
	ret = qemu_ioctl(run, device->group_fd, VFIO_GROUP_GET_STATUS, &status);
	return ret < 0 || (status.flags & VFIO_GROUP_FLAGS_VIABLE) ? ret : -EPERM;
}

struct qemu_device *qemu_add_device(struct qemu_run *run, const char *name, int *rc)
{
	unsigned line = run->import.event[run->at].line;
	struct qemu_device *all, *device;
	struct sio_device *placed;

	*rc = 0;
	for (unsigned i = 0; i < run->devices; i++) {
		if (strcmp(run->device[i].name, name))
			continue;
		*rc = session_error(run->s, line, "device %s is attached already", name);
		return NULL;
	}
	placed = placement_get(&run->placement, run->s, name, line, rc);
	if (!placed)
		return NULL;
	all = realloc(run->device, (run->devices + 1) * sizeof(*all));
	if (!all) {
		*rc = -ENOMEM;
		return NULL;
	}
	run->device = all;
	run->attached = true;
	device = &all[run->devices++];
	*device = (struct qemu_device){.device = placed, .group_fd = -1, .fd = -1};
	snprintf(device->name, sizeof(device->name), "%s", name);
	return device;
}

static int attach(struct qemu_run *run, const struct qemu_event *event)
{
	struct qemu_device *device;
	long ret;
	int rc;

	/* With iommufd the same event stands before what is done. */
	if (run->import.iommufd)
		return 0;
	device = qemu_add_device(run, event->name, &rc);
	if (!device)
		return rc;
	ret = open_group(run, device);
	if (ret >= 0)
		rc = connect(run, device, &ret);
	return rc ? rc : qemu_done_ret(run, "attach", ret);
}

/* ---- detach ---- */

static int put_device(struct qemu_run *run)
{
	struct qemu_device *device;
	int rc = 0;

	device = qemu_find_device(run, run->going, &rc);
	if (!device)
		return rc;
	rc = qemu_device_close(run, device);
	if (rc)
		return rc;
	run->was_put = true;
	run->put_group = device->group_fd;
	run->put_container = device->container;
	*device = run->device[--run->devices];
	run->going[0] = '\0';
	return qemu_done_ret(run, "detach", 0);
}

static int put_group(struct qemu_run *run, const struct qemu_event *event)
{
	struct qemu_container *container;
	long ret;

	if (!run->was_put)
		return session_error(run->s, event->line, "no device of the group was put before");
	ret = qemu_ioctl(run, run->put_group, VFIO_GROUP_UNSET_CONTAINER, NULL);
	container = ret < 0 ? NULL : &run->container[run->put_container];
	if (container && container->groups && !--container->groups) {
		sio_close(run->s->process, container->fd);
		if (run->s->container == container->fd)
			run->s->container = -1;
		container->fd = -1;
		imap_clear(&container->mapped);
	}
	if (run->put_group >= 0)
		sio_close(run->s->process, run->put_group);
	run->was_put = false;
	return qemu_done_ret(run, "detach", ret);
}

/* ---- memory ---- */

/* NULL: none is open, because attaching failed here as it did not in the run. */
static struct qemu_container *choose_container(struct qemu_run *run, const struct qemu_event *event)
{
	struct qemu_container *first = NULL;
	struct imap_entry entry;

	for (unsigned i = 0; i < run->containers; i++) {
		struct qemu_container *container = &run->container[i];
		bool there;

		if (container->fd < 0)
			continue;
		if (!first)
			first = container;
		there = imap_find(&container->mapped, event->n[0], event->n[1], &entry);
		if (there != is_memory(event))
			return container;
	}
	return first;
}

static int map(struct qemu_run *run, const struct qemu_event *event)
{
	struct vfio_iommu_type1_dma_map req = {
		.argsz = sizeof(req),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = event->n[2],
		.iova = event->n[0],
		.size = event->n[1] - event->n[0] + 1,
	};
	struct qemu_container *container = choose_container(run, event);
	unsigned bar = event->kind == QEMU_RAM_ADD ? (unsigned)event->n[3] : 0;
	struct imap_entry entry = {event->n[0], event->n[1], 0};
	struct qemu_device *device;
	long ret;
	int rc = 0;

	if (!container && !run->attached)
		return session_error(run->s, event->line, "memory is added before any device");
	if (bar) {
		device = qemu_find_device(run, event->name, &rc);
		if (device)
			rc = qemu_device_map_bar(run, device, bar - 1, event->n[2]);
		if (rc)
			return rc;
		req.vaddr += req.iova & (device->bar[bar - 1].size - 1);
	}
	ret = qemu_ioctl(run, container ? container->fd : -1, VFIO_IOMMU_MAP_DMA, &req);
	if (container)
		run->s->container = container->fd;
	if (ret >= 0 && !imap_insert(&container->mapped, entry))
		return -ENOMEM;
	return qemu_done_ret(run, "MAP", ret);
}

static long unmap_range(struct qemu_run *run, int fd, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap req = {
		.argsz = sizeof(req),
		.iova = iova,
		.size = size,
	};

	return qemu_ioctl(run, fd, VFIO_IOMMU_UNMAP_DMA, &req);
}

static int unmap(struct qemu_run *run, const struct qemu_event *event)
{
	struct qemu_container *container = choose_container(run, event);
	uint64_t first = event->n[0], size = event->n[1] - first + 1;
	struct imap_entry entry;
	long ret;
	int fd;

	if (!container && !run->attached)
		return session_error(run->s, event->line, "memory is removed before any device");
	fd = container ? container->fd : -1;
	if (size) {
		ret = unmap_range(run, fd, first, size);
	} else {
		/* 2^64 bytes have no size: two halves, as QEMU does it. */
		ret = unmap_range(run, fd, 0, UINT64_C(1) << 63);
		if (ret >= 0)
			ret = unmap_range(run, fd, UINT64_C(1) << 63, UINT64_C(1) << 63);
	}
	if (container)
		run->s->container = fd;
	while (ret >= 0 && imap_find(&container->mapped, first, event->n[1], &entry))
		imap_erase(&container->mapped, entry.first, NULL);
	return qemu_done_ret(run, "UNMAP", ret);
}

/* ---- all events ---- */

static int step(struct qemu_run *run, const struct qemu_event *event)
{
	if (event->kind >= QEMU_IOMMUFD && event->kind <= QEMU_FREE_ID)
		return qemu_iommufd_event(run, event);
	if (run->import.iommufd && event->kind >= QEMU_RAM_ADD && event->kind <= QEMU_NOTIFY_UNMAP)
		return 0;
	switch (event->kind) {
	case QEMU_ATTACH:
		return attach(run, event);
	case QEMU_RAM_ADD:
	case QEMU_NOTIFY_MAP:
		return map(run, event);
	case QEMU_REGION_DEL:
	case QEMU_NOTIFY_UNMAP:
		return unmap(run, event);
	case QEMU_DETACH:
	case QEMU_REGION_GONE:
		snprintf(run->going, sizeof(run->going), "%s", event->name);
		return 0;
	case QEMU_PUT_DEVICE:
		return put_device(run);
	case QEMU_PUT_GROUP:
		return put_group(run, event);
	default:
		return qemu_device_event(run, event);
	}
}

static void put_notes(struct qemu_run *run)
{
	const struct qemu_import *import = &run->import;

	if (!import->iommufd)
		session_note(run->s, "the log names no permissions: every mapping is read-write");
	if (import->notifies)
		session_note(
			run->s,
			"%u \"notify MAP\" without a host address: memory invented for them, one "
			"area for each contiguous range",
			import->notifies);
	if (import->skipped)
		session_note(run->s, "%u lines are no known event and were skipped",
			     import->skipped);
}

static void qemu_run_fini(struct qemu_run *run)
{
	for (unsigned i = 0; i < run->containers; i++)
		imap_fini(&run->container[i].mapped);
	free(run->container);
	free(run->iommufd);
	free(run->device);
	free(run->eventfd);
	qemu_import_fini(&run->import);
	placement_fini(&run->placement);
	strbuf_fini(&run->expected);
	strbuf_fini(&run->got);
}

int qemu_log_replay(struct session *s, struct text_file *file)
{
	struct session_machine machine = {.platform = "qemu-host"};
	struct qemu_run run = {.s = s, .import.text = *file, .put_group = -1};
	int rc;

	*file = (struct text_file){0};
	rc = qemu_import(&run.import, s);
	if (!rc)
		rc = session_boot(s, &machine);
	if (!rc) {
		put_notes(&run);
		rc = areas_map(&run.import.areas, s);
	}
	s->total = run.import.events;
	for (; run.at < run.import.events && !rc; run.at++)
		rc = step(&run, &run.import.event[run.at]);
	qemu_run_fini(&run);
	return rc;
}
