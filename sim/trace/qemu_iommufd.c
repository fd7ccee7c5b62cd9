// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay of QEMU logs: runs with an iommufd. See qemu_log.h.
 *
 * These logs name descriptors, objects and results, so that there is no question which address
 * space a map belongs to. Ids are compared; a failed call is recorded as -1, its errno is not known
 * but where nothing was there to unmap. GET_HW_INFO and IOAS_IOVA_RANGES leave no event.
 */
#include "trace/qemu_priv.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd/iommufd_uapi.h"

#define NODE_BIND   _IO(VFIO_TYPE, VFIO_BASE + 18)
#define NODE_ATTACH _IO(VFIO_TYPE, VFIO_BASE + 19)
#define NODE_DETACH _IO(VFIO_TYPE, VFIO_BASE + 20)

static int iommufd_of(const struct qemu_run *run, uint64_t recorded)
{
	for (unsigned i = run->iommufds; i-- > 0;)
		if (run->iommufd[i].recorded == recorded && run->iommufd[i].fd >= 0)
			return run->iommufd[i].fd;
	return -1;
}

/* "ret=0 id=N", or the errno of a call that succeeded when it was recorded. */
static int done_id(struct qemu_run *run, const char *kind, long ret, uint64_t want, uint32_t got)
{
	if (ret < 0)
		return qemu_done_ret(run, kind, ret);
	strbuf_clear(&run->expected);
	strbuf_clear(&run->got);
	strbuf_add(&run->expected, "ret=0 id=%llu", (unsigned long long)want);
	strbuf_add(&run->got, "ret=%ld id=%u", ret, got);
	return qemu_done(run, kind);
}

/* The result in parentheses. */
static int done_word(struct qemu_run *run, const char *kind, const char *want, long ret)
{
	strbuf_clear(&run->expected);
	strbuf_clear(&run->got);
	strbuf_add(&run->expected, "ret=%s", want);
	strbuf_add(&run->got, "ret=%ld", ret < 0 ? -1 : ret);
	return qemu_done(run, kind);
}

static int connect(struct qemu_run *run, const struct qemu_event *event)
{
	struct qemu_iommufd *all;

	/* Each device of the object connects to it; the first opens the file. */
	if (iommufd_of(run, event->n[0]) >= 0)
		return 0;
	all = realloc(run->iommufd, (run->iommufds + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	run->iommufd = all;
	all += run->iommufds++;
	*all = (struct qemu_iommufd){event->n[0], sio_open(run->s->process, "/dev/iommu")};
	return qemu_done_ret(run, "open", all->fd < 0 ? -errno : 0);
}

static int bind(struct qemu_run *run, const struct qemu_event *event)
{
	struct vfio_device_bind_arg {
		uint32_t argsz, flags;
		int32_t iommufd;
		uint32_t out_devid;
	} arg = {.argsz = sizeof(arg), .iommufd = iommufd_of(run, event->n[0])};
	struct qemu_device *device;
	char path[48];
	long ret;
	int rc;

	device = qemu_add_device(run, event->name, &rc);
	if (!device)
		return rc;
	device->node = true;
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", sio_device_cdev(device->device));
	device->fd = sio_open(run->s->process, path);
	ret = device->fd < 0 ? -errno : qemu_ioctl(run, device->fd, NODE_BIND, &arg);
	return done_id(run, "bind", ret, event->n[2], arg.out_devid);
}

static int node_info(struct qemu_run *run, struct qemu_device *device,
		     const struct qemu_event *event)
{
	const uint64_t want[3] = {event->n[3], event->n[2], event->n[1]};

	return qemu_device_info(run, device, want);
}

static int ioas_alloc(struct qemu_run *run, const struct qemu_event *event)
{
	struct iommu_ioas_alloc cmd = {.size = sizeof(cmd)};
	long ret = qemu_ioctl(run, iommufd_of(run, event->n[0]), IOMMU_IOAS_ALLOC, &cmd);

	return done_id(run, "ioas-alloc", ret, event->n[1], cmd.out_ioas_id);
}

static int hwpt_alloc(struct qemu_run *run, const struct qemu_event *event)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = (uint32_t)event->n[3],
		.dev_id = (uint32_t)event->n[1],
		.pt_id = (uint32_t)event->n[2],
		.data_type = (uint32_t)event->n[4],
	};
	long ret;

	if (event->n[5])
		return session_error(run->s, event->line,
				     "the log does not hold the data of a nested page table");
	ret = qemu_ioctl(run, iommufd_of(run, event->n[0]), IOMMU_HWPT_ALLOC, &cmd);
	if (strcmp(event->word, "0"))
		return done_word(run, "hwpt-alloc", event->word, ret);
	return done_id(run, "hwpt-alloc", ret, event->n[7], cmd.out_hwpt_id);
}

static int node_attach(struct qemu_run *run, const struct qemu_device *device,
		       const struct qemu_event *event)
{
	struct {
		uint32_t argsz, flags, pt_id;
	} arg = {.argsz = sizeof(arg), .pt_id = (uint32_t)event->n[2]};

	return qemu_done_ret(run, "attach", qemu_ioctl(run, device->fd, NODE_ATTACH, &arg));
}

static int node_detach(struct qemu_run *run, const struct qemu_device *device)
{
	struct {
		uint32_t argsz, flags;
	} arg = {.argsz = sizeof(arg)};

	snprintf(run->going, sizeof(run->going), "%s", device->name);
	return qemu_done_ret(run, "detach", qemu_ioctl(run, device->fd, NODE_DETACH, &arg));
}

/* The device that was detached is closed; with the last of them, the file too. */
static int disconnect(struct qemu_run *run, const struct qemu_event *event)
{
	int fd = iommufd_of(run, event->n[0]);
	struct qemu_device *device;
	int rc = 0;

	device = *run->going ? qemu_find_device(run, run->going, &rc) : NULL;
	if (device)
		rc = qemu_device_close(run, device);
	if (rc)
		return rc;
	if (device)
		*device = run->device[--run->devices];
	run->going[0] = '\0';
	for (unsigned i = 0; i < run->iommufds && !event->n[1] && fd >= 0; i++) {
		if (run->iommufd[i].fd != fd)
			continue;
		sio_close(run->s->process, fd);
		run->iommufd[i].fd = -1;
	}
	return qemu_done_ret(run, "close", 0);
}

/* ---- memory ---- */

static int map(struct qemu_run *run, const struct qemu_event *event)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 (event->n[5] ? 0u : IOMMU_IOAS_MAP_WRITEABLE),
		.ioas_id = (uint32_t)event->n[1],
		.user_va = event->n[4],
		.length = event->n[3],
		.iova = event->n[2],
	};
	struct qemu_device *device;
	long ret;
	int rc = 0;

	if (event->n[6]) {
		device = qemu_find_device(run, event->name, &rc);
		if (device)
			rc = qemu_device_map_bar(run, device, (unsigned)event->n[6] - 1,
						 event->n[7]);
		if (rc)
			return rc;
	}
	ret = qemu_ioctl(run, iommufd_of(run, event->n[0]), IOMMU_IOAS_MAP, &cmd);
	return done_word(run, "MAP", event->word, ret);
}

static int unmap(struct qemu_run *run, const struct qemu_event *event)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = (uint32_t)event->n[1],
		.iova = event->n[2],
		.length = event->n[3],
	};
	long ret = qemu_ioctl(run, iommufd_of(run, event->n[0]), IOMMU_IOAS_UNMAP, &cmd);
	char name[16];

	if (event->kind == QEMU_IOAS_UNMAP)
		return done_word(run, "UNMAP", event->word, ret);
	strbuf_clear(&run->expected);
	strbuf_clear(&run->got);
	strbuf_add(&run->expected, "ret=-1 errno=ENOENT");
	strbuf_add(&run->got, ret < 0 ? "ret=-1 errno=%s" : "ret=0",
		   session_errno_name((int)-ret, name));
	return qemu_done(run, "UNMAP");
}

static int free_id(struct qemu_run *run, const struct qemu_event *event)
{
	struct iommu_destroy cmd = {.size = sizeof(cmd), .id = (uint32_t)event->n[1]};
	long ret = qemu_ioctl(run, iommufd_of(run, event->n[0]), IOMMU_DESTROY, &cmd);

	return done_word(run, "destroy", event->word, ret);
}

/* ---- all events ---- */

static int device_event(struct qemu_run *run, const struct qemu_event *event)
{
	struct qemu_device *device;
	int rc = 0;

	device = qemu_find_device(run, event->name, &rc);
	if (!device)
		return rc;
	switch (event->kind) {
	case QEMU_NODE_INFO:
		return node_info(run, device, event);
	case QEMU_NODE_ATTACH:
		return node_attach(run, device, event);
	default: /* QEMU_NODE_DETACH */
		return node_detach(run, device);
	}
}

int qemu_iommufd_event(struct qemu_run *run, const struct qemu_event *event)
{
	switch (event->kind) {
	case QEMU_IOMMUFD:
		return connect(run, event);
	case QEMU_IOMMUFD_GONE:
		return disconnect(run, event);
	case QEMU_BIND:
		return bind(run, event);
	case QEMU_IOAS_ALLOC:
		return ioas_alloc(run, event);
	case QEMU_HWPT_ALLOC:
		return hwpt_alloc(run, event);
	case QEMU_IOAS_MAP:
		return map(run, event);
	case QEMU_IOAS_UNMAP:
	case QEMU_IOAS_UNMAP_NONE:
		return unmap(run, event);
	case QEMU_FREE_ID:
		return free_id(run, event);
	default:
		return device_event(run, event);
	}
}
