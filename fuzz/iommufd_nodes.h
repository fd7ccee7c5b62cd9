/* SPDX-License-Identifier: GPL-2.0-only */
/* Nodes of functions on PCI: opened, bound, attached; operations of the iommufd target. */
#ifndef FUZZ_IOMMUFD_NODES_H
#define FUZZ_IOMMUFD_NODES_H

#include "iommufd_objects.h"

/* ---- functions on PCI ---- */

static inline void node_close(struct target *t, struct device *d)
{
	child_end(t);
	sio_close(t->c.process, d->fd);
	note(t, d->fd, 0, "close %%");
	detached(t, d);
	d->fd = -1;
	d->id = 0;
}

static inline void node_open(struct target *t, struct device *d)
{
	struct {
		uint32_t argsz, flags;
		int32_t iommufd;
		uint32_t devid;
	} bind = {.argsz = sizeof(bind)};
	char path[48];
	int rc;

	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", sio_device_cdev(d->real));
	d->fd = sio_open(t->c.process, path);
	d->fd = d->fd < 0 ? -errno : d->fd;
	note(t, d->fd, d->fd < 0 ? d->fd : 0, "cdev %s %c", d->fd < 0 ? "x" : "%",
	     "ABCD"[d - t->device]);
	if (d->fd < 0 && !t->injected)
		differ(t, "a node does not open");
	if (d->fd < 0)
		return;
	rc = call(t, d->fd, NODE_BIND, &bind, sizeof(bind));
	if (rc) {
		expect(t, "bind", rc, 0);
		node_close(t, d);
		return;
	}
	d->id = bind.devid;
}

/* A BIND that fails, or to another context, and the end of it: nothing is left. */
static inline void node_try(struct target *t, const struct device *d, bool elsewhere)
{
	struct {
		uint32_t argsz, flags;
		int32_t iommufd;
		uint32_t devid;
	} bind = {.argsz = sizeof(bind)};
	const unsigned before = count_of(t, IOMMUFD_OBJ_NONE);
	int fd, rc, want = elsewhere ? 0 : -EFAULT;
	char path[48];

	for (unsigned i = 0; i < REAL; i++)
		if (elsewhere && t->device[i].id && t->device[i].group == d->group)
			want = -EPERM;
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", sio_device_cdev(d->real));
	fd = sio_open(t->c.process, path);
	if (fd >= 0)
		note(t, fd, 0, "cdev %% %c", "ABCD"[d - t->device]);
	if (elsewhere)
		bind.iommufd = sio_open(t->c.process, "/dev/iommu");
	if (elsewhere && bind.iommufd >= 0)
		note(t, bind.iommufd, 0, "iommufd %%");
	arena_sealed = !elsewhere;
	rc = call(t, fd, NODE_BIND, &bind, sizeof(bind));
	arena_sealed = false;
	if (fd >= 0 && bind.iommufd >= 0)
		expect(t, "bind", rc, want);
	if (!sio_close(t->c.process, fd))
		note(t, fd, 0, "close %%");
	if (elsewhere && !sio_close(t->c.process, bind.iommufd))
		note(t, bind.iommufd, 0, "close %%");
	if (count_of(t, IOMMUFD_OBJ_NONE) != before)
		fail_counts(t, "a device was bound for a moment and left an object", "objects=%u",
			    before);
}

static inline void node_attach(struct target *t, struct device *d, uint32_t pt)
{
	struct {
		uint32_t argsz, flags, pt_id;
	} attach = {.argsz = sizeof(attach), .pt_id = pt};
	const bool replace = d->hwpt;
	int want, rc;

	if (hwpts_full(t))
		return;
	/* Where the failure was tells whether reserved regions went; here that cannot be seen. */
	if (replace && model_of(t, pt) && t->injected) {
		inject_off(t);
	}
	want = want_attach(t, d, pt, replace);
	rc = call(t, d->fd, NODE_ATTACH, &attach, sizeof(attach));
	check_attach(t, d, pt, replace, want, rc, attach.pt_id);
}

static inline void do_node(struct target *t)
{
	uint64_t how = take(t, 1);
	/* Rather one of the two in one group. */
	static const uint8_t which[] = {0, 1, 2, 3, 3, 0, 2, 3};
	struct device *d = &t->device[which[take(t, 1) % SIO_ARRAY_SIZE(which)]];
	struct {
		uint32_t argsz, flags;
	} detach = {.argsz = sizeof(detach)};
	uint32_t pt = any_pt(t), on = group_hwpt(t, d->group);

	/* Where the rest of its group is. */
	if (on && how & 8)
		pt = how & 0x20 ? on : hwpt_of(t, on)->ioas;
	if (d->fd < 0 && how >= 0xe0 && !t->child && !t->injected)
		node_try(t, d, how & 8);
	if (d->fd < 0)
		node_open(t, d);
	if (d->fd < 0)
		return;
	if ((how & 7) < 5) {
		node_attach(t, d, pt);
	} else if ((how & 7) < 7) {
		expect(t, "detach", call(t, d->fd, NODE_DETACH, &detach, sizeof(detach)), 0);
		detached(t, d);
	} else {
		node_close(t, d);
	}
}

#endif
