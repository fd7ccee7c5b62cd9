// SPDX-License-Identifier: GPL-2.0-only
/*
 * open() of the machine's device nodes: VFIO's container, groups and devices, and iommufd.
 *
 * Which nodes there are depends on the kernel; what is not there is ENOENT.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "machine.h"

/* "12" as the kernel would write it; -1: not a number, or one that no node has. */
static int node_number(const char *text)
{
	int number = 0;

	if (!isdigit((unsigned char)*text) || strlen(text) > 9 || (text[0] == '0' && text[1]))
		return -1;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		number = number * 10 + (*text - '0');
	}
	return number;
}

/* The rest of `text` behind `head`; NULL: it begins otherwise. */
static const char *after(const char *text, const char *head)
{
	size_t len = strlen(head);

	return strncmp(text, head, len) ? NULL : text + len;
}

static struct file *container_open(struct sio_machine *machine, int *error)
{
	return machine->personality.iommufd_container ? iommufd_open_vfio(&machine->iommufd, error)
						      : vfio_container_open(machine->vfio, error);
}

static struct file *node_open(struct sio_process *process, const char *path, int *error)
{
	struct sio_machine *machine = process->machine;
	struct caller caller = machine_caller(process);
	const char *name;
	int number;

	*error = -ENOENT;
	if (!strcmp(path, "/dev/iommu"))
		return iommufd_open(&machine->iommufd, error);
	if (!strcmp(path, "/dev/vfio/vfio"))
		return container_open(machine, error);
	name = after(path, "/dev/vfio/devices/vfio");
	if (name) {
		number = node_number(name);
		return number < 0 ? NULL : vfio_node_open(machine->vfio, (unsigned)number, error);
	}
	name = after(path, "/dev/vfio/noiommu-");
	if (name) {
		number = node_number(name);
		return number < 0 ? NULL
				  : vfio_noiommu_group_open(machine->vfio, number, &caller, error);
	}
	name = after(path, "/dev/vfio/");
	number = name ? node_number(name) : -1;
	return number < 0 ? NULL : vfio_group_open(machine->vfio, number, &caller, error);
}

int machine_open(struct sio_process *process, const char *path)
{
	int error, fd;
	struct file *file = node_open(process, path, &error);

	if (!file)
		return error;
	fd = fd_install(process->fds, file);
	if (fd < 0)
		file_put(file);
	return fd;
}
