// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: container, group and device files.
 *
 * A name under which nothing is open stands for descriptor -1.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

static int run_container(struct golden *g)
{
	int fd = sio_open(g->s->process, "/dev/vfio/vfio");

	golden_answer(g, fd < 0 ? -errno : 0);
	if (fd < 0)
		return 0;
	g->s->container = fd;
	return golden_bind_fd(g, rec_bare(g->op, 0), fd);
}

static void group_status(struct golden *g, int fd)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	long ret;

	status.argsz = (uint32_t)golden_number(g, "argsz", sizeof(status));
	ret = golden_ioctl(g, fd, VFIO_GROUP_GET_STATUS, &status);
	golden_answer(g, ret);
	if (ret >= 0)
		strbuf_add(&g->out, " status_flags=0x%x", status.flags);
}

static int run_group(struct golden *g)
{
	const char *name = rec_bare(g->op, 1);
	const struct golden_name *device = golden_find(g, GOLDEN_DEVICE, name);
	char path[32];
	int fd, rc;

	if (!device) {
		golden_bad(g, "group: no device \"%.80s\"", name);
		return g->rc;
	}
	snprintf(path, sizeof(path), "/dev/vfio/%d",
		 device->device ? sio_device_group(device->device) : -1);
	fd = sio_open(g->s->process, path);
	if (fd < 0) {
		golden_answer(g, -errno);
		return 0;
	}
	rc = golden_bind_fd(g, rec_bare(g->op, 0), fd);
	if (!rc)
		group_status(g, fd);
	return rc;
}

static int run_group_status(struct golden *g)
{
	group_status(g, golden_fd(g, rec_bare(g->op, 0)));
	return g->rc;
}

static int run_close(struct golden *g)
{
	struct golden_name *entry = golden_find(g, GOLDEN_FILE, rec_bare(g->op, 0));
	int rc = sio_close(g->s->process, entry ? entry->file.fd : -1);

	golden_answer(g, rc < 0 ? -errno : 0);
	if (!entry)
		return 0;
	if (entry->file.fd == g->s->container)
		g->s->container = -1;
	g->names.count--;
	memmove(entry, entry + 1,
		(size_t)(&g->names.entry[g->names.count] - entry) * sizeof(*entry));
	return 0;
}

static int run_set_container(struct golden *g)
{
	int container = golden_fd(g, rec_bare(g->op, 1));

	golden_answer(g, golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), VFIO_GROUP_SET_CONTAINER,
				      &container));
	return 0;
}

static int run_unset_container(struct golden *g)
{
	golden_answer(g, golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)),
				      VFIO_GROUP_UNSET_CONTAINER, NULL));
	return 0;
}

/* An ioctl whose argument is the second bare word, a number. */
static int by_value(struct golden *g, unsigned long request)
{
	uint64_t value = golden_bare_number(g, 1);

	if (g->rc)
		return g->rc;
	golden_answer(g, golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), request,
				      (void *)(uintptr_t)value));
	return 0;
}

static int run_set_iommu(struct golden *g)
{
	return by_value(g, VFIO_SET_IOMMU);
}

static int run_check_extension(struct golden *g)
{
	return by_value(g, VFIO_CHECK_EXTENSION);
}

static int run_api_version(struct golden *g)
{
	golden_answer(g, golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), VFIO_GET_API_VERSION,
				      NULL));
	return 0;
}

static void device_info(struct golden *g, int fd)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	long ret;

	info.argsz = (uint32_t)golden_number(g, "argsz", sizeof(info));
	ret = golden_ioctl(g, fd, VFIO_DEVICE_GET_INFO, &info);
	golden_answer(g, ret);
	if (ret >= 0)
		strbuf_add(&g->out, " flags=0x%x regions=%u irqs=%u", info.flags, info.num_regions,
			   info.num_irqs);
}

static int run_get_device(struct golden *g)
{
	const char *device = rec_bare(g->op, 2);
	const struct golden_name *entry = golden_find(g, GOLDEN_DEVICE, device);
	char name[128] = "";
	long fd;
	int rc;

	if (entry && entry->device)
		device = sio_device_bdf(entry->device);
	snprintf(name, sizeof(name), "%s", device);
	fd = golden_ioctl(g, golden_fd(g, rec_bare(g->op, 1)), VFIO_GROUP_GET_DEVICE_FD, name);
	if (fd < 0) {
		golden_answer(g, fd);
		return 0;
	}
	rc = golden_bind_fd(g, rec_bare(g->op, 0), (int)fd);
	if (rc)
		return rc;
	golden_find(g, GOLDEN_FILE, rec_bare(g->op, 0))->file.device =
		sio_device_find(g->s->machine, name);
	if (golden_number(g, "info", 1))
		device_info(g, (int)fd);
	else
		golden_answer(g, 0);
	return g->rc;
}

static int run_device_info(struct golden *g)
{
	device_info(g, golden_fd(g, rec_bare(g->op, 0)));
	return g->rc;
}

static int run_reset(struct golden *g)
{
	golden_answer(g,
		      golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), VFIO_DEVICE_RESET, NULL));
	return 0;
}

static int run_ioctl(struct golden *g)
{
	uint64_t cmd = golden_need(g, "cmd");
	uint8_t zeros[256] = {0};

	if (g->rc)
		return g->rc;
	golden_answer(g,
		      golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), (unsigned long)cmd, zeros));
	return 0;
}

const struct golden_word golden_file_words[] = {
	{"container", run_container, 1, 1, NULL},
	{"group", run_group, 2, 2, NULL},
	{"group_status", run_group_status, 1, 1, "argsz"},
	{"close", run_close, 1, 1, NULL},
	{"set_container", run_set_container, 2, 2, NULL},
	{"unset_container", run_unset_container, 1, 1, NULL},
	{"set_iommu", run_set_iommu, 2, 2, NULL},
	{"check_extension", run_check_extension, 2, 2, NULL},
	{"api_version", run_api_version, 1, 1, NULL},
	{"get_device", run_get_device, 3, 3, "info"},
	{"device_info", run_device_info, 1, 1, "argsz"},
	{"reset", run_reset, 1, 1, NULL},
	{"ioctl", run_ioctl, 1, 1, "cmd"},
	{NULL, NULL, 0, 0, NULL},
};
