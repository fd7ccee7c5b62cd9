// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's calls may answer, and where a failed one leaves something behind.
 *
 * Sources: the ioctls of drivers/vfio in Linux 6.12 and before, and the manual pages of the system
 * calls. An entry in the list of exceptions is a place where Linux itself fails after the fact or
 * goes on without; everything else must leave the state alone.
 */
#include <errno.h>
#include <fnmatch.h>
#include <linux/vfio.h>

#include "sweep/sweep.h"

#define ERRNOS 10

/* Kinds of files use the same numbers. */
static const struct {
	const char *file;
	unsigned long request;
	const char *name;
	int error[ERRNOS];
} requests[] = {
	{"container", VFIO_GET_API_VERSION, "GET_API_VERSION", {0}},
	{"container", VFIO_CHECK_EXTENSION, "CHECK_EXTENSION", {0}},
	{"container",
	 VFIO_SET_IOMMU,
	 "SET_IOMMU",
	 {EINVAL, ENODEV, ENOMEM, EPERM, EBUSY, EIO, ENOSPC}},
	{"group", VFIO_GROUP_GET_STATUS, "GROUP_GET_STATUS", {EFAULT, EINVAL}},
	{"group",
	 VFIO_GROUP_SET_CONTAINER,
	 "SET_CONTAINER",
	 {EFAULT, EINVAL, EBADF, EBADFD, EPERM, EBUSY, ENOMEM, ENODEV, EIO, ENOSPC}},
	{"group", VFIO_GROUP_UNSET_CONTAINER, "UNSET_CONTAINER", {EINVAL, EBUSY}},
	{"group",
	 VFIO_GROUP_GET_DEVICE_FD,
	 "GET_DEVICE_FD",
	 {EFAULT, EINVAL, ENODEV, ENOMEM, EMFILE, EIO, EPERM}},
	{"device", VFIO_DEVICE_GET_INFO, "DEVICE_GET_INFO", {EFAULT, EINVAL, ENOMEM}},
	{"device", VFIO_DEVICE_GET_REGION_INFO, "GET_REGION_INFO", {EFAULT, EINVAL, ENOMEM}},
	{"device", VFIO_DEVICE_GET_IRQ_INFO, "GET_IRQ_INFO", {EFAULT, EINVAL}},
	{"device",
	 VFIO_DEVICE_SET_IRQS,
	 "SET_IRQS",
	 {EFAULT, EINVAL, ENOMEM, ENOTTY, EBADF, ENOSPC, EBUSY, EIO}},
	{"device", VFIO_DEVICE_RESET, "DEVICE_RESET", {EINVAL, ENOTTY}},
	{"device",
	 VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
	 "HOT_RESET_INFO",
	 {EFAULT, EINVAL, ENODEV, ENOMEM, ENOSPC, EPERM}},
	{"device",
	 VFIO_DEVICE_PCI_HOT_RESET,
	 "HOT_RESET",
	 {EFAULT, EINVAL, ENODEV, ENOMEM, EBADF, EPERM, ENOTTY}},
	{"device", VFIO_DEVICE_FEATURE, "DEVICE_FEATURE", {EFAULT, EINVAL, ENOTTY, EBADF, ENOMEM}},
	{"container", VFIO_IOMMU_GET_INFO, "GET_INFO", {EFAULT, EINVAL, ENOMEM}},
	{"container",
	 VFIO_IOMMU_MAP_DMA,
	 "MAP_DMA",
	 {EFAULT, EINVAL, EEXIST, ENOSPC, ENOMEM, ENOENT, EBUSY, EINTR, EOVERFLOW, EPERM}},
	{"container",
	 VFIO_IOMMU_UNMAP_DMA,
	 "UNMAP_DMA",
	 {EFAULT, EINVAL, ENOMEM, EOVERFLOW, ENOENT}},
	{"container",
	 VFIO_IOMMU_DIRTY_PAGES,
	 "DIRTY_PAGES",
	 {EFAULT, EINVAL, EACCES, ENOMEM, EOVERFLOW}},
};

static const struct {
	const char *name;
	int error[ERRNOS];
} calls[] = {
	{"ioctl", {ENOTTY, EINVAL, EFAULT}},
	{"open", {ENOENT, EBUSY, ENOMEM, EMFILE, EPERM, ENODEV}},
	{"close", {EBADF}},
	{"pread", {EFAULT, EINVAL, EBADF, EIO, ENOMEM, EPERM}},
	{"pwrite", {EFAULT, EINVAL, EBADF, EIO, ENOMEM, EPERM}},
	{"eventfd", {EMFILE, ENOMEM}},
	{"mmap", {EINVAL, ENOMEM, EBADF, ENODEV, EAGAIN, EPERM}},
	{"munmap", {EINVAL, ENOMEM}},
	{"mprotect", {EINVAL, ENOMEM, EACCES}},
	{"madvise", {EINVAL, ENOMEM}},
	{"mlock", {EINVAL, ENOMEM, EAGAIN, EPERM}},
	{"munlock", {EINVAL, ENOMEM}},
	{"read", {EFAULT, ENOMEM}},
	{"write", {EFAULT, ENOMEM}},
	{"fork", {ENOMEM, EAGAIN}},
	{"exec", {ENOMEM}},
	{"exit", {0}},
};

static bool holds(const int error[ERRNOS], int wanted)
{
	for (unsigned i = 0; i < ERRNOS && error[i]; i++)
		if (error[i] == wanted)
			return true;
	return false;
}

/* In `requests`; -1: no ioctl, or one that nobody knows. */
static int request_of(const struct machine_call *call)
{
	const struct file *file = call->request ? fd_lookup(call->process->fds, call->fd) : NULL;

	for (size_t i = 0; file && i < SIO_ARRAY_SIZE(requests); i++)
		if (requests[i].request == call->request &&
		    !strcmp(requests[i].file, file->ops->kind))
			return (int)i;
	return -1;
}

bool sweep_documented(const struct machine_call *call, int error)
{
	int request = request_of(call);

	if (request >= 0)
		return holds(requests[request].error, error);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i].name, call->name))
			return holds(calls[i].error, error);
	return false;
}

const char *sweep_call_name(const struct machine_call *call)
{
	int request = request_of(call);

	return request >= 0 ? requests[request].name : call->name;
}

/* `call` is a name as sweep_call_name() gives it, `point` a pattern; "*" is any. */
static const struct {
	const char *call, *point;
	enum sweep_outcome outcome;
	const char *reason;
} exceptions[] = {
	{"UNMAP_DMA", "*copy-out", SWEEP_LATE,
	 "the mappings are gone before the size is copied to the caller"},
	{"GET_INFO", "*copy-out", SWEEP_LATE,
	 "before 4.4 the answer is the number of bytes that were not copied"},
	{"SET_*", "iommu.enforce-coherency", SWEEP_CHANGED,
	 "a unit that cannot enforce coherency gives a domain that does not"},
	{"SET_*", "*attach*", SWEEP_CHANGED,
	 "a group that no existing domain takes gets a domain of its own"},
	{"SET_*", "pt.root", SWEEP_CHANGED,
	 "a group that no existing domain takes gets a domain of its own"},
	{"UNSET_CONTAINER", "type1.iova.*", SWEEP_CHANGED,
	 "without memory for a new list of usable addresses the old, narrower one stays"},
	{"UNSET_CONTAINER", "iommu.*res*", SWEEP_CHANGED,
	 "without memory for a new list of usable addresses the old, narrower one stays"},
	{"close", "type1.iova.*", SWEEP_CHANGED,
	 "without memory for a new list of usable addresses the old, narrower one stays"},
	{"close", "iommu.*res*", SWEEP_CHANGED,
	 "without memory for a new list of usable addresses the old, narrower one stays"},
	{"GET_DEVICE_FD", "vfio.device.*", SWEEP_CHANGED,
	 "the device was enabled before, and its registers stay in reach"},
	{"UNMAP_DMA", "type1.dirty.report.*", SWEEP_CHANGED,
	 "mappings whose dirty pages were reported are gone already"},
	{"mmap", "mm.area", SWEEP_CHANGED,
	 "before 6.12 what was there is gone before the new area is made"},
	{"mlock", "*", SWEEP_CHANGED, "areas are locked before their pages are faulted in"},
	{"munlock", "mm.area", SWEEP_CHANGED,
	 "areas below the one that cannot be cut are unlocked already"},
	{"mprotect", "mm.area", SWEEP_CHANGED,
	 "areas below the one that cannot be cut have the new protection already"},
};

const char *sweep_known(const struct machine_call *call, const struct fail_point *point,
			enum sweep_outcome outcome)
{
	const char *name = sweep_call_name(call);

	for (size_t i = 0; i < SIO_ARRAY_SIZE(exceptions); i++)
		if (exceptions[i].outcome == outcome && !fnmatch(exceptions[i].call, name, 0) &&
		    !fnmatch(exceptions[i].point, point->name, 0))
			return exceptions[i].reason;
	return NULL;
}
