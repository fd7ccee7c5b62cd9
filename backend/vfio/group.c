// SPDX-License-Identifier: GPL-2.0-only
/*
 * The group file (/dev/vfio/N; /dev/vfio/noiommu-N when nothing translates the group's DMA).
 *
 * Kernel behaviour: drivers/vfio/group.c. One open file at a time, because whoever holds it decides
 * about the whole group. An open device holds the group's file, so the group leaves its container
 * when the last descriptor of the group and of its devices is closed, in whatever order.
 */
#include "vfio/vfio.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#include "vfio/vfio_priv.h"
#include "recycle.h"

struct group_file {
	struct file file;
	struct vfio_group *group;
};

static const struct personality *kernel_of(const struct vfio_group *group)
{
	return group->vfio->iommu->personality;
}

bool vfio_group_forbids(const struct vfio_group *group, const struct caller *caller)
{
	return group->kind == VFIO_GROUP_NOIOMMU && !caller->task->cap_sys_rawio;
}

static bool has_iommu(const struct vfio_group *group)
{
	return group->container || group->iommufd;
}

/* There is something that devices could be opened through. */
static bool has_driver(const struct vfio_group *group)
{
	return group->iommufd || (group->container && vfio_container_has_driver(group->container));
}

int vfio_group_use_container(struct vfio_group *group)
{
	if (!has_driver(group))
		return -EINVAL;
	file_get(group->opened);
	group->container_users++;
	return 0;
}

void vfio_group_unuse_container(struct vfio_group *group)
{
	group->container_users--;
	file_put(group->opened);
}

/*
 * Drivers that are known to leave DMA alone, and bridges: a group with a bridge in it cannot be
 * used without it.
 */
bool vfio_companion_allowed(const struct iommu_device *dev)
{
	const struct personality *kernel = dev->iommu->personality;

	if (!*dev->bound_to || dev->vfio_bound || !strcmp(dev->bound_to, "pci-stub"))
		return true;
	switch ((enum pers_companions)kernel->companions) {
	case COMPANIONS_PORT:
		return !strcmp(dev->bound_to, "pcieport");
	case COMPANIONS_BRIDGE:
		return pci_is_bridge(dev->pci);
	case COMPANIONS_STUB:
		break;
	}
	return false;
}

static bool is_viable(const struct vfio_group *group)
{
	if (rare_due(&group->vfio->iommu->rare, RARE_GROUP_UNVIABLE))
		return false;
	for (const struct iommu_device *dev = group->iommu_group->devices; dev;
	     dev = dev->next_in_group)
		if (!vfio_companion_allowed(dev))
			return false;
	return true;
}

static long get_status(struct vfio_group *group, const struct caller *caller, uint64_t arg)
{
	struct vfio_group_status status;
	int rc =
		copy_from_caller("vfio.group.status.copy-in", caller, &status, arg, sizeof(status));

	if (rc)
		return rc;
	if (status.argsz < sizeof(status))
		return -EINVAL;
	if (!group->iommu_group)
		return -ENODEV;
	status.flags = 0;
	if (!kernel_of(group)->dma_ownership)
		status.flags = (has_iommu(group) ? VFIO_GROUP_FLAGS_CONTAINER_SET : 0u) |
			       (is_viable(group) ? VFIO_GROUP_FLAGS_VIABLE : 0u);
	else if (has_iommu(group))
		status.flags = VFIO_GROUP_FLAGS_CONTAINER_SET | VFIO_GROUP_FLAGS_VIABLE;
	else if (!iommu_group_claimed(group->iommu_group) &&
		 !rare_due(&group->vfio->iommu->rare, RARE_GROUP_UNVIABLE))
		status.flags = VFIO_GROUP_FLAGS_VIABLE;
	return copy_to_caller("vfio.group.status.copy-out", caller, arg, &status, sizeof(status));
}

/*
 * An iommufd as container claims nothing and attaches nothing, the devices do that; but from now on
 * it has an IOAS for the container's calls.
 */
static int join_iommufd(struct vfio_group *group, struct iommufd_ctx *ctx)
{
	int rc = iommufd_vfio_ioas_create(ctx);

	if (!rc)
		group->iommufd = iommufd_ctx_get(ctx);
	return rc;
}

static void leave_iommufd(struct vfio_group *group)
{
	if (group->iommufd)
		iommufd_ctx_put(group->iommufd);
	group->iommufd = NULL;
}

static long set_container(struct vfio_group *group, const struct caller *caller, uint64_t arg)
{
	struct vfio_container *container;
	struct iommufd_ctx *ctx;
	struct file *file;
	int32_t fd;
	int rc = copy_from_caller("vfio.group.set-container.copy-in", caller, &fd, arg, sizeof(fd));

	if (rc)
		return rc;
	/* Before 6.1 a negative number is no argument at all, and the group is looked at first. */
	if (!kernel_of(group)->set_container_fd_first && (fd < 0 || has_iommu(group)))
		return -EINVAL;
	if (!kernel_of(group)->set_container_fd_first && vfio_group_forbids(group, caller))
		return -EPERM;
	file = fd_lookup(caller->fds, fd);
	if (!file)
		return -EBADF;
	if (has_iommu(group))
		return -EINVAL;
	if (!group->iommu_group)
		return -ENODEV;
	container = vfio_container_from_file(file);
	if (container)
		return vfio_container_attach(container, group, caller);
	ctx = iommufd_ctx_from_file(file);
	if (ctx)
		return join_iommufd(group, ctx);
	return kernel_of(group)->set_container_ebadfd ? -EBADFD : -EINVAL;
}

static long unset_container(struct vfio_group *group)
{
	if (!has_iommu(group))
		return -EINVAL;
	if (group->container_users)
		return -EBUSY;
	if (group->container)
		vfio_container_detach(group);
	leave_iommufd(group);
	return 0;
}

/* ---- devices by name ---- */

/* A string of at most a page, its final zero included. */
static int copy_name(const struct caller *caller, uint64_t arg, char *name)
{
	for (size_t i = 0; i < SIO_PAGE_SIZE; i++) {
		if (copy_from_caller("vfio.group.device-name.copy-in", caller, name + i, arg + i,
				     1))
			return -EFAULT;
		if (!name[i])
			return 0;
	}
	return -EINVAL;
}

/*
 * 1: this device; 0: not this one; -EINVAL: this one, with options behind the name. The only option
 * is the token of an SR-IOV function's owner, and no device here is one.
 */
static int name_matches(const struct vfio_device *dev, const char *name)
{
	const struct pci_function *fn = dev->pci->fn;
	char own[16];
	size_t len;

	if (dev->name)
		return !strcmp(name, dev->name);
	pci_format_bdf(own, fn->segment, fn->rid, true);
	len = strlen(own);
	if (strncmp(name, own, len))
		return 0;
	name += len;
	if (*name && *name != ' ')
		return 0;
	return name[strspn(name, " ")] ? -EINVAL : 1;
}

static long get_device_fd(struct vfio_group *group, const struct caller *caller, uint64_t arg)
{
	char name[SIO_PAGE_SIZE];
	struct vfio_device *dev;
	struct file *file;
	int rc = copy_name(caller, arg, name);

	if (rc)
		return rc;
	/* Before 6.1 the group is looked at first, and only here its viability. */
	if (!kernel_of(group)->device_fd_name_first && !has_driver(group))
		return -EINVAL;
	if (!kernel_of(group)->dma_ownership && group->iommu_group && !is_viable(group))
		return -EINVAL;
	if (!kernel_of(group)->device_fd_name_first && vfio_group_forbids(group, caller))
		return -EPERM;
	for (dev = group->devices; dev; dev = dev->next) {
		rc = name_matches(dev, name);
		if (rc)
			break;
	}
	if (rc < 0)
		return rc;
	if (!dev || dev->pci->gone)
		return -ENODEV;
	/* A device that is open already is opened again without a question. */
	if (has_driver(group) && !dev->open_count && vfio_group_forbids(group, caller))
		return -EPERM;
	rc = vfio_device_open(dev, &file);
	if (rc)
		return rc;
	rc = fd_install(caller->fds, file);
	if (rc < 0)
		file_put(file);
	return rc;
}

/* ---- the file ---- */

static long group_ioctl(struct file *file, const struct caller *caller, unsigned int cmd,
			uint64_t arg)
{
	struct vfio_group *group = sio_container_of(file, struct group_file, file)->group;

	switch (cmd) {
	case VFIO_GROUP_GET_DEVICE_FD:
		return get_device_fd(group, caller, arg);
	case VFIO_GROUP_GET_STATUS:
		return get_status(group, caller, arg);
	case VFIO_GROUP_SET_CONTAINER:
		return set_container(group, caller, arg);
	case VFIO_GROUP_UNSET_CONTAINER:
		return unset_container(group);
	default:
		return -ENOTTY;
	}
}

static void group_release(struct file *file)
{
	struct group_file *gf = sio_container_of(file, struct group_file, file);
	struct vfio_group *group = gf->group;

	sio_assert(!group->container_users);
	if (group->container)
		vfio_container_detach(group);
	leave_iommufd(group);
	group->opened = NULL;
	vfio_group_closed(group);
	recycle_free(gf);
}

static const struct file_ops group_ops = {
	.kind = "group",
	.ioctl = group_ioctl,
	.release = group_release,
};

struct vfio_group *vfio_group_from_file(const struct file *file)
{
	return file->ops == &group_ops ? ((const struct group_file *)file)->group : NULL;
}

static struct file *group_open(struct vfio_group *group, const struct caller *caller, int *error)
{
	struct group_file *gf;

	if (vfio_group_forbids(group, caller) || group->opened || group->node_users) {
		*error = vfio_group_forbids(group, caller) ? -EPERM : -EBUSY;
		return NULL;
	}
	gf = recycle_calloc("vfio.group.open", sizeof(*gf));
	if (!gf) {
		*error = -ENOMEM;
		return NULL;
	}
	gf->file.ops = &group_ops;
	gf->file.refs = 1;
	gf->group = group;
	group->opened = &gf->file;
	return &gf->file;
}

static struct file *open_by_name(struct vfio *vfio, int group_id, bool noiommu,
				 const struct caller *caller, int *error)
{
	for (struct vfio_group *group = vfio->groups; group; group = group->next)
		if (group->iommu_group->id == group_id &&
		    noiommu == (group->kind == VFIO_GROUP_NOIOMMU))
			return group_open(group, caller, error);
	*error = -ENOENT;
	return NULL;
}

struct file *vfio_group_open(struct vfio *vfio, int group_id, const struct caller *caller,
			     int *error)
{
	return open_by_name(vfio, group_id, false, caller, error);
}

struct file *vfio_noiommu_group_open(struct vfio *vfio, int group_id, const struct caller *caller,
				     int *error)
{
	return open_by_name(vfio, group_id, true, caller, error);
}
