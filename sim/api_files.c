// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's files: open, ioctl, pread, pwrite, close, and eventfds.
 *
 * The caller's structures are memory of the program that uses the library, reached by address as
 * the kernel reaches user memory. Addresses that no user mapping has (the first 64 KiB, the kernel
 * half) answer EFAULT; what lies between is the caller's promise.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define USER_FIRST UINT64_C(0x10000)

static bool user_range(uint64_t address, size_t len)
{
	return address >= USER_FIRST && uaccess_ok(address, len);
}

static int user_copy_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	(void)ua;
	if (!len)
		return 0;
	if (!user_range(src, len))
		return -EFAULT;
	memcpy(dst, (const void *)(uintptr_t)src, len);
	return 0;
}

static int user_copy_out(const struct uaccess *ua, uint64_t dst, const void *src, size_t len)
{
	(void)ua;
	if (!len)
		return 0;
	if (!user_range(dst, len))
		return -EFAULT;
	memcpy((void *)(uintptr_t)dst, src, len);
	return 0;
}

static const struct uaccess program_memory = {
	.copy_in = user_copy_in,
	.copy_out = user_copy_out,
};

/* What a system call returns: a value, or -1 and errno. */
static long answer(long rc)
{
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

/* "12" of "/dev/vfio/12"; -1: not a group's name. */
static int group_number(const char *name)
{
	int id = 0;

	if (!isdigit((unsigned char)*name) || strlen(name) > 9 || (name[0] == '0' && name[1]))
		return -1;
	for (; *name; name++) {
		if (!isdigit((unsigned char)*name))
			return -1;
		id = id * 10 + (*name - '0');
	}
	return id;
}

static int file_open(struct sio_process *process, const char *path)
{
	static const char dir[] = "/dev/vfio/", noiommu[] = "noiommu-";
	struct vfio *vfio = process->machine->vfio;
	struct caller caller = machine_caller(process);
	struct file *file;
	const char *name = path + strlen(dir);
	int error = -ENOENT, group, fd;

	if (strncmp(path, dir, strlen(dir)))
		return -ENOENT;
	caller.ua = &program_memory;
	group = group_number(name);
	if (!strcmp(name, "vfio"))
		file = vfio_container_open(vfio, &error);
	else if (group >= 0)
		file = vfio_group_open(vfio, group, &caller, &error);
	else if (!strncmp(name, noiommu, strlen(noiommu)) &&
		 group_number(name + strlen(noiommu)) >= 0)
		file = vfio_noiommu_group_open(vfio, group_number(name + strlen(noiommu)), &caller,
					       &error);
	else
		return -ENOENT;
	if (!file)
		return error;
	fd = fd_install(process->fds, file);
	if (fd < 0)
		file_put(file);
	return fd;
}

int sio_open(struct sio_process *process, const char *path)
{
	int fd;

	machine_enter(process->machine, true);
	fd = file_open(process, path);
	machine_leave(process->machine);
	return (int)answer(fd);
}

int sio_ioctl(struct sio_process *process, int fd, unsigned long request, void *arg)
{
	struct sio_machine *machine = process->machine;
	struct caller caller;
	struct file *file;
	long rc = -EBADF;

	machine_enter(machine, true);
	caller = machine_caller(process);
	caller.ua = &program_memory;
	file = fd_lookup(process->fds, fd);
	if (file) {
		/*
		 * File and task outlive the call, even if a device's driver that the call asks for
		 * pages closes the descriptor, or the process ends meanwhile.
		 */
		file_get(file);
		task_get(caller.task);
		machine->iommu.current = caller.task;
		rc = file->ops->ioctl ? file->ops->ioctl(file, &caller, (unsigned int)request,
							 (uint64_t)(uintptr_t)arg)
				      : -ENOTTY;
		file_put(file);
		machine->iommu.current = NULL;
		task_put(caller.task);
	}
	machine_leave(machine);
	return (int)answer(rc);
}

int sio_close(struct sio_process *process, int fd)
{
	int rc;

	machine_enter(process->machine, true);
	process->machine->iommu.current = process->task;
	rc = fd_close(process->fds, fd);
	process->machine->iommu.current = NULL;
	machine_leave(process->machine);
	return (int)answer(rc);
}

static ssize_t file_transfer(struct sio_process *process, int fd, uint64_t buf, size_t len,
			     uint64_t offset, bool write)
{
	struct file *file = fd_lookup(process->fds, fd);
	struct caller caller = machine_caller(process);
	ssize_t rc = -EINVAL;

	caller.ua = &program_memory;
	if (!file)
		return -EBADF;
	file_get(file);
	if (write && file->ops->pwrite)
		rc = file->ops->pwrite(file, &caller, buf, len, offset);
	else if (!write && file->ops->pread)
		rc = file->ops->pread(file, &caller, buf, len, offset);
	file_put(file);
	return rc;
}

ssize_t sio_pread(struct sio_process *process, int fd, void *buf, size_t len, uint64_t offset)
{
	ssize_t rc;

	machine_enter(process->machine, true);
	rc = file_transfer(process, fd, (uintptr_t)buf, len, offset, false);
	machine_leave(process->machine);
	return answer(rc);
}

ssize_t sio_pwrite(struct sio_process *process, int fd, const void *buf, size_t len,
		   uint64_t offset)
{
	ssize_t rc;

	machine_enter(process->machine, true);
	rc = file_transfer(process, fd, (uintptr_t)buf, len, offset, true);
	machine_leave(process->machine);
	return answer(rc);
}

int sio_eventfd(struct sio_process *process)
{
	struct file *file;
	int fd = -ENOMEM;

	machine_enter(process->machine, true);
	file = eventfd_file_create();
	if (file)
		fd = fd_install(process->fds, file);
	if (file && fd < 0)
		file_put(file);
	machine_leave(process->machine);
	return (int)answer(fd);
}

int sio_eventfd_read(struct sio_process *process, int fd, uint64_t *count)
{
	struct file *file;
	int rc = 0;

	machine_enter(process->machine, true);
	file = fd_lookup(process->fds, fd);
	if (!file)
		rc = -EBADF;
	else if (!file_is_eventfd(file))
		rc = -EINVAL;
	else
		*count = eventfd_file_read(file);
	machine_leave(process->machine);
	return rc;
}
