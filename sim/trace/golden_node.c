// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: device nodes, and what is done with an iommufd through them.
 *
 * "bind" names the device's object like its file. The structures grew at their ends with later
 * kernels: what lies behind the size given is zero here.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

/* Calls of device nodes, for headers that are older than they are. */
#define NODE_BIND   _IO(VFIO_TYPE, VFIO_BASE + 18)
#define NODE_ATTACH _IO(VFIO_TYPE, VFIO_BASE + 19)
#define NODE_DETACH _IO(VFIO_TYPE, VFIO_BASE + 20)

#define FLAG_PASID 1u

struct node_bind {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t out_devid;
};

struct node_attach {
	uint32_t argsz, flags, pt_id, pasid;
};

struct node_detach {
	uint32_t argsz, flags, pasid;
};

/* Sizes without a PASID. */
#define ATTACH_BYTES offsetof(struct node_attach, pasid)
#define DETACH_BYTES offsetof(struct node_detach, pasid)

static int run_cdev(struct golden *g)
{
	const char *name = rec_bare(g->op, 1);
	const struct golden_name *device = golden_find(g, GOLDEN_DEVICE, name);
	char path[64];
	int fd;

	if (!device) {
		golden_bad(g, "cdev: no device \"%.80s\"", name);
		return g->rc;
	}
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d",
		 device->device ? sio_device_cdev(device->device) : -1);
	fd = sio_open(g->s->process, path);
	golden_answer(g, fd < 0 ? -errno : 0);
	return fd < 0 ? 0 : golden_bind_fd(g, rec_bare(g->op, 0), fd);
}

/* A call on the node of the first bare word. True: it succeeded. */
static bool call(struct golden *g, unsigned long request, void *arg)
{
	long ret;

	if (g->rc)
		return false;
	ret = golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), request, arg);
	golden_answer(g, ret);
	return ret >= 0;
}

static int run_bind(struct golden *g)
{
	struct {
		struct node_bind bind;
		uint64_t later[8];
	} arg = {
		.bind =
			{
				.argsz = (uint32_t)golden_number(g, "argsz", sizeof(arg.bind)),
				.flags = (uint32_t)golden_number(g, "flags", 0),
				.iommufd = golden_fd(g, rec_bare(g->op, 1)),
			},
	};
	const char *name = rec_bare(g->op, 0);
	bool done;

	if (golden_number(g, "ro", 0))
		machine_fence(g->s->process, &arg, sizeof(arg));
	done = call(g, NODE_BIND, &arg);
	machine_fence(g->s->process, NULL, 0);
	if (!done)
		return g->rc;
	strbuf_add(&g->out, " id=%u", arg.bind.out_devid);
	return golden_bind_object(g, name, "", arg.bind.out_devid) ? 0 : -ENOMEM;
}

static int attach(struct golden *g, uint32_t flags, size_t size)
{
	struct {
		struct node_attach attach;
		uint64_t later[8];
	} arg = {
		.attach =
			{
				.argsz = (uint32_t)golden_number(g, "argsz", size),
				.flags = (uint32_t)golden_number(g, "flags", flags),
				.pt_id = golden_object_id(g, rec_bare(g->op, 1)),
				.pasid = (uint32_t)golden_number(g, "pasid", 0),
			},
	};
	const char *as = rec_value(g->op, "as");

	if (!call(g, NODE_ATTACH, &arg))
		return g->rc;
	strbuf_add(&g->out, " id=%u", arg.attach.pt_id);
	return as && !golden_bind_object(g, as, "", arg.attach.pt_id) ? -ENOMEM : 0;
}

static int detach(struct golden *g, uint32_t flags, size_t size)
{
	struct {
		struct node_detach detach;
		uint64_t later[8];
	} arg = {
		.detach =
			{
				.argsz = (uint32_t)golden_number(g, "argsz", size),
				.flags = (uint32_t)golden_number(g, "flags", flags),
				.pasid = (uint32_t)golden_number(g, "pasid", 0),
			},
	};

	call(g, NODE_DETACH, &arg);
	return g->rc;
}

static int run_attach(struct golden *g)
{
	return attach(g, 0, ATTACH_BYTES);
}

static int run_detach(struct golden *g)
{
	return detach(g, 0, DETACH_BYTES);
}

static int run_attach_pasid(struct golden *g)
{
	return attach(g, FLAG_PASID, sizeof(struct node_attach));
}

static int run_detach_pasid(struct golden *g)
{
	return detach(g, FLAG_PASID, sizeof(struct node_detach));
}

const struct golden_word golden_node_words[] = {
	{"cdev", run_cdev, 2, 2, NULL},
	{"bind", run_bind, 2, 2, "flags argsz ro"},
	{"attach", run_attach, 2, 2, "as flags argsz"},
	{"detach", run_detach, 1, 1, "flags argsz"},
	{"attach_pasid", run_attach_pasid, 2, 2, "pasid as flags argsz"},
	{"detach_pasid", run_detach_pasid, 1, 1, "pasid flags argsz"},
	{NULL, NULL, 0, 0, NULL},
};
