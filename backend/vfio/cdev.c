// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node of a device (/dev/vfio/devices/vfioN): a file without a group, which an iommufd context
 * gives its rights.
 *
 * Anyone may open the node, any number of times; such a file can do nothing but BIND_IOMMUFD. One
 * file of a device can be bound, and while it is, the group cannot be opened. Attaching chooses
 * what the device's requests translate through.
 *
 * Kernel behaviour: drivers/vfio/device_cdev.c of Linux 6.12 and 7.2.
 */
#include "vfio/vfio.h"

#include <errno.h>
#include <stdlib.h>

#include "vfio/vfio_priv.h"

/* Structures and flags newer than the oldest header that this builds with. */
#define BIND_FLAG_TOKEN 1u
#define FLAG_PASID      1u
#define TOKEN_BYTES     16u

struct bind_iommufd {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t devid;
	uint64_t token;
};
#define BIND_MIN offsetof(struct bind_iommufd, token)

struct attach_pt {
	uint32_t argsz, flags, pt_id, pasid;
};
#define ATTACH_MIN offsetof(struct attach_pt, pasid)

struct detach_pt {
	uint32_t argsz, flags, pasid;
};
#define DETACH_MIN offsetof(struct detach_pt, pasid)

static struct vfio *vfio_of(const struct vfio_device_file *df)
{
	return df->dev->group->vfio;
}

static const struct personality *kernel_of(const struct vfio_device_file *df)
{
	return vfio_of(df)->iommu->personality;
}

/* ---- BIND ---- */

/* Before tokens the structure ended here, and whatever lies behind is nobody's. */
static int read_bind_untokened(const struct caller *caller, uint64_t arg, struct bind_iommufd *bind)
{
	int rc = copy_from_caller("vfio.node.bind.copy-in", caller, bind, arg, BIND_MIN);

	if (rc)
		return rc;
	return bind->argsz < BIND_MIN || bind->flags || bind->iommufd < 0 ? -EINVAL : 0;
}

static int read_bind(const struct vfio_device_file *df, const struct caller *caller, uint64_t arg,
		     struct bind_iommufd *bind)
{
	uint32_t argsz;
	int rc;

	if (!kernel_of(df)->cdev_token)
		return read_bind_untokened(caller, arg, bind);
	rc = copy_from_caller("vfio.node.bind.size.copy-in", caller, &argsz, arg, sizeof(argsz));
	if (rc)
		return rc;
	if (argsz < BIND_MIN)
		return -EINVAL;
	rc = iommufd_copy_struct(caller, bind, sizeof(*bind), arg, argsz);
	if (rc)
		return rc;
	return bind->flags & ~BIND_FLAG_TOKEN || bind->iommufd < 0 ? -EINVAL : 0;
}

/* A token belongs to functions of SR-IOV, and no device here is one. */
static int check_token(const struct caller *caller, const struct bind_iommufd *bind)
{
	uint8_t token[TOKEN_BYTES];
	int rc;

	if (!(bind->flags & BIND_FLAG_TOKEN))
		return 0;
	rc = copy_from_caller("vfio.node.bind.token.copy-in", caller, token, bind->token,
			      sizeof(token));
	return rc ? rc : -EINVAL;
}

/* The device through this file from now on. */
static int grant(struct vfio_device_file *df, const struct caller *caller, uint64_t arg,
		 struct iommufd_ctx *ctx)
{
	struct vfio_device *dev = df->dev;
	uint32_t id;
	int rc;

	/* Only a group gives several files of one device. */
	if (dev->open_count)
		return -EINVAL;
	rc = vfio_device_use(dev, ctx);
	if (rc)
		return rc;
	id = iommufd_device_id(dev->iommufd);
	rc = copy_to_caller("vfio.node.bind.copy-out", caller,
			    arg + offsetof(struct bind_iommufd, devid), &id, sizeof(id));
	if (rc) {
		vfio_device_unuse(dev);
		return rc;
	}
	df->granted = true;
	dev->by_node = true;
	dev->group->node_users++;
	return 0;
}

long vfio_node_bind(struct vfio_device_file *df, const struct caller *caller, uint64_t arg)
{
	struct bind_iommufd bind = {0};
	struct iommufd_ctx *ctx;
	struct file *file;
	int rc = read_bind(df, caller, arg, &bind);

	if (rc)
		return rc;
	if (!df->node)
		return -EINVAL;
	if (df->dev->group->opened)
		return -EBUSY;
	if (df->granted)
		return -EINVAL;
	rc = check_token(caller, &bind);
	if (rc)
		return rc;
	file = fd_lookup(caller->fds, bind.iommufd);
	if (!file)
		return -EBADF;
	ctx = iommufd_ctx_from_file(file);
	return ctx ? grant(df, caller, arg, ctx) : -EBADFD;
}

void vfio_node_closed(struct vfio_device_file *df)
{
	struct vfio_device *dev = df->dev;

	dev->node_files--;
	if (!df->granted)
		return;
	dev->group->node_users--;
	dev->by_node = false;
	vfio_device_unuse(dev);
}

/* ---- ATTACH, DETACH ---- */

/* Read `head` bytes, and up to `full` when the PASID flag says so. */
static int read_pt(const struct vfio_device_file *df, const struct caller *caller, uint64_t arg,
		   void *pt, size_t head, size_t full)
{
	const uint32_t known = kernel_of(df)->cdev_pasid ? FLAG_PASID : 0u;
	const uint32_t *words = pt; /* argsz, flags */
	int rc = copy_from_caller("vfio.node.attach.copy-in", caller, pt, arg, head);

	if (rc)
		return rc;
	if (words[0] < head || words[1] & ~known)
		return -EINVAL;
	if (!(words[1] & FLAG_PASID))
		return 0;
	if (words[0] < full)
		return -EINVAL;
	return copy_from_caller("vfio.node.attach.pasid.copy-in", caller, (uint8_t *)pt + head,
				arg + head, full - head);
}

long vfio_node_attach(struct vfio_device_file *df, const struct caller *caller, uint64_t arg)
{
	struct attach_pt attach = {0};
	int rc = read_pt(df, caller, arg, &attach, ATTACH_MIN, sizeof(attach));

	if (rc)
		return rc;
	if (attach.flags & FLAG_PASID)
		rc = vfio_iommufd_attach_pasid(df->dev, attach.pasid, &attach.pt_id);
	else
		rc = vfio_iommufd_attach(df->dev, &attach.pt_id);
	if (rc)
		return rc;
	rc = copy_to_caller("vfio.node.attach.copy-out", caller,
			    arg + offsetof(struct attach_pt, pt_id), &attach.pt_id,
			    sizeof(attach.pt_id));
	/* Whatever was attached now, it is the device's own requests that lose their domain. */
	if (rc)
		vfio_iommufd_detach(df->dev);
	return rc;
}

long vfio_node_detach(struct vfio_device_file *df, const struct caller *caller, uint64_t arg)
{
	struct detach_pt detach = {0};
	int rc = read_pt(df, caller, arg, &detach, DETACH_MIN, sizeof(detach));

	if (rc)
		return rc;
	if (detach.flags & FLAG_PASID)
		vfio_iommufd_detach_pasid(df->dev, detach.pasid);
	else
		vfio_iommufd_detach(df->dev);
	return 0;
}

/* ---- the node ---- */

bool vfio_has_nodes(const struct vfio *vfio)
{
	return vfio->iommu->personality->iommufd != IOMMUFD_NONE;
}

static struct vfio_device *device_at(const struct vfio *vfio, unsigned index)
{
	for (struct vfio_group *group = vfio->groups; group; group = group->next)
		for (struct vfio_device *dev = group->devices; dev; dev = dev->next)
			if (dev->index == index)
				return dev;
	return NULL;
}

unsigned vfio_node_index(const struct vfio *vfio)
{
	unsigned index = 0;

	while (device_at(vfio, index))
		index++;
	return index;
}

int vfio_device_node(const struct vfio *vfio, const struct iommu_device *idev)
{
	const struct vfio_group *group = idev->group ? idev->group->vfio : NULL;

	if (!vfio_has_nodes(vfio) || !group)
		return -1;
	for (const struct vfio_device *dev = group->devices; dev; dev = dev->next)
		if (dev->idev == idev)
			return (int)dev->index;
	return -1;
}

struct file *vfio_node_open(struct vfio *vfio, unsigned index, int *error)
{
	struct vfio_device *dev = vfio_has_nodes(vfio) ? device_at(vfio, index) : NULL;
	struct vfio_device_file *df;

	*error = -ENOENT;
	if (!dev)
		return NULL;
	*error = -ENOMEM;
	df = vfio_device_file_create(dev);
	if (!df)
		return NULL;
	*error = 0;
	df->node = true;
	dev->node_files++;
	return &df->file;
}
