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

static const struct {
	unsigned long request;
	const char *name;
	int error[ERRNOS];
} requests[] = {
	{VFIO_GET_API_VERSION, "GET_API_VERSION", {0}},
	{VFIO_CHECK_EXTENSION, "CHECK_EXTENSION", {0}},
	{VFIO_SET_IOMMU, "SET_IOMMU", {EINVAL, ENODEV, ENOMEM, EPERM, EBUSY, EIO}},
	{VFIO_GROUP_GET_STATUS, "GROUP_GET_STATUS", {EFAULT, EINVAL}},
	{VFIO_GROUP_SET_CONTAINER,
	 "SET_CONTAINER",
	 {EFAULT, EINVAL, EBADF, EBADFD, EPERM, EBUSY, ENOMEM, ENODEV, EIO}},
	{VFIO_GROUP_UNSET_CONTAINER, "UNSET_CONTAINER", {EINVAL, EBUSY}},
	{VFIO_GROUP_GET_DEVICE_FD,
	 "GET_DEVICE_FD",
	 {EFAULT, EINVAL, ENODEV, ENOMEM, EMFILE, EIO, EPERM}},
	{VFIO_DEVICE_GET_INFO, "DEVICE_GET_INFO", {EFAULT, EINVAL, ENOMEM}},
	{VFIO_DEVICE_GET_REGION_INFO, "GET_REGION_INFO", {EFAULT, EINVAL, ENOMEM}},
	{VFIO_DEVICE_GET_IRQ_INFO, "GET_IRQ_INFO", {EFAULT, EINVAL}},
	{VFIO_DEVICE_SET_IRQS,
	 "SET_IRQS",
	 {EFAULT, EINVAL, ENOMEM, ENOTTY, EBADF, ENOSPC, EBUSY, EIO}},
	{VFIO_DEVICE_RESET, "DEVICE_RESET", {EINVAL, ENOTTY}},
	{VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
	 "HOT_RESET_INFO",
	 {EFAULT, EINVAL, ENODEV, ENOMEM, ENOSPC, EPERM}},
	{VFIO_DEVICE_PCI_HOT_RESET,
	 "HOT_RESET",
	 {EFAULT, EINVAL, ENODEV, ENOMEM, EBADF, EPERM, ENOTTY}},
	{VFIO_DEVICE_FEATURE, "DEVICE_FEATURE", {EFAULT, EINVAL, ENOTTY, EBADF, ENOMEM}},
	{VFIO_IOMMU_GET_INFO, "GET_INFO", {EFAULT, EINVAL, ENOMEM}},
	{VFIO_IOMMU_MAP_DMA,
	 "MAP_DMA",
	 {EFAULT, EINVAL, EEXIST, ENOSPC, ENOMEM, ENOENT, EBUSY, EINTR, EOVERFLOW, EPERM}},
	{VFIO_IOMMU_UNMAP_DMA, "UNMAP_DMA", {EFAULT, EINVAL, ENOMEM, EOVERFLOW, ENOENT}},
	{VFIO_IOMMU_DIRTY_PAGES, "DIRTY_PAGES", {EFAULT, EINVAL, EACCES, ENOMEM, EOVERFLOW}},
};

static const struct {
	const char *name;
	int error[ERRNOS];
} calls[] = {
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
	{"exit", {0}},
};

static bool holds(const int error[ERRNOS], int wanted)
{
	for (unsigned i = 0; i < ERRNOS && error[i]; i++)
		if (error[i] == wanted)
			return true;
	return false;
}

bool sweep_documented(const struct machine_call *call, int error)
{
	for (size_t i = 0; call->request && i < SIO_ARRAY_SIZE(requests); i++)
		if (requests[i].request == call->request)
			return holds(requests[i].error, error);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i].name, call->name))
			return holds(calls[i].error, error);
	return false;
}

const char *sweep_call_name(const struct machine_call *call)
{
	for (size_t i = 0; call->request && i < SIO_ARRAY_SIZE(requests); i++)
		if (requests[i].request == call->request)
			return requests[i].name;
	return call->name;
}

/* `call` is a name as sweep_call_name() gives it, `point` a pattern; "*" is any. */
static const struct {
	const char *call, *point;
	enum sweep_outcome outcome;
	const char *reason;
} exceptions[] = {
	{"UNMAP_DMA", "*copy*out*", SWEEP_LATE,
	 "the mappings are gone before the size is copied to the caller"},
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
