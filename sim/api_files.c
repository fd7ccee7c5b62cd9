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
#include "sweep/sweep.h"

#define USER_FIRST UINT64_C(0x10000)

bool machine_user_range(uint64_t address, size_t len)
{
	return address >= USER_FIRST && uaccess_ok(address, len);
}

static int user_copy_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	(void)ua;
	if (!len)
		return 0;
	if (!machine_user_range(src, len))
		return -EFAULT;
	memcpy(dst, (const void *)(uintptr_t)src, len);
	return 0;
}

static int user_copy_out(const struct uaccess *ua, uint64_t dst, const void *src, size_t len)
{
	(void)ua;
	if (!len)
		return 0;
	if (!machine_user_range(dst, len))
		return -EFAULT;
	memcpy((void *)(uintptr_t)dst, src, len);
	return 0;
}

const struct uaccess machine_program_memory = {
	.copy_in = user_copy_in,
	.copy_out = user_copy_out,
};

long machine_call_once(const struct machine_call *call)
{
	struct sio_machine *machine = call->process->machine;
	struct task *task = call->process->task;
	long rc;

	machine_enter(machine, true);
	/* The task outlives the call, even if the process ends in it or meanwhile. */
	task_get(task);
	machine->iommu.current = task;
	rc = call->run(call);
	machine->iommu.current = NULL;
	task_put(task);
	machine_leave(machine);
	return rc;
}

long machine_call(const struct machine_call *call)
{
	struct sweep *sweep = call->process->machine->sweep;

	return sweep ? sweep_call(sweep, call) : machine_call_once(call);
}

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

static struct caller program_caller(const struct sio_process *process)
{
	const struct uaccess *ua = process->machine->ua;
	struct caller caller = machine_caller(process);

	caller.ua = ua ? ua : &machine_program_memory;
	return caller;
}

static long file_open(const struct machine_call *call)
{
	static const char dir[] = "/dev/vfio/", noiommu[] = "noiommu-";
	struct sio_process *process = call->process;
	struct vfio *vfio = process->machine->vfio;
	struct caller caller = program_caller(process);
	const char *path = call->more;
	struct file *file;
	const char *name = path + strlen(dir);
	int error = -ENOENT, group, fd;

	if (strncmp(path, dir, strlen(dir)))
		return -ENOENT;
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
	return (int)answer(machine_call(&(struct machine_call){
		.process = process,
		.name = "open",
		.run = file_open,
		.more = (void *)(uintptr_t)path,
	}));
}

static long file_ioctl(const struct machine_call *call)
{
	struct caller caller = program_caller(call->process);
	struct file *file = fd_lookup(call->process->fds, call->fd);
	long rc = -ENOTTY;

	if (!file)
		return -EBADF;
	/* The file outlives the call, even if a device's driver that the call asks for pages closes
	 * the descriptor. */
	file_get(file);
	if (file->ops->ioctl)
		rc = file->ops->ioctl(file, &caller, (unsigned int)call->request, call->arg);
	file_put(file);
	return rc;
}

int sio_ioctl(struct sio_process *process, int fd, unsigned long request, void *arg)
{
	return (int)answer(machine_call(&(struct machine_call){
		.process = process,
		.name = "ioctl",
		.request = request,
		.run = file_ioctl,
		.fd = fd,
		.arg = (uintptr_t)arg,
	}));
}

static long file_close(const struct machine_call *call)
{
	return fd_close(call->process->fds, call->fd);
}

int sio_close(struct sio_process *process, int fd)
{
	return (int)answer(machine_call(&(struct machine_call){
		.process = process,
		.name = "close",
		.run = file_close,
		.fd = fd,
	}));
}

static long file_read(const struct machine_call *call)
{
	struct file *file = fd_lookup(call->process->fds, call->fd);
	struct caller caller = program_caller(call->process);
	ssize_t rc = -EINVAL;

	if (!file)
		return -EBADF;
	file_get(file);
	if (file->ops->pread)
		rc = file->ops->pread(file, &caller, call->arg, call->len, call->offset);
	file_put(file);
	return rc;
}

static long file_write(const struct machine_call *call)
{
	struct file *file = fd_lookup(call->process->fds, call->fd);
	struct caller caller = program_caller(call->process);
	ssize_t rc = -EINVAL;

	if (!file)
		return -EBADF;
	file_get(file);
	if (file->ops->pwrite)
		rc = file->ops->pwrite(file, &caller, call->arg, call->len, call->offset);
	file_put(file);
	return rc;
}

ssize_t sio_pread(struct sio_process *process, int fd, void *buf, size_t len, uint64_t offset)
{
	return answer(machine_call(&(struct machine_call){
		.process = process,
		.name = "pread",
		.run = file_read,
		.fd = fd,
		.arg = (uintptr_t)buf,
		.len = len,
		.offset = offset,
	}));
}

ssize_t sio_pwrite(struct sio_process *process, int fd, const void *buf, size_t len,
		   uint64_t offset)
{
	return answer(machine_call(&(struct machine_call){
		.process = process,
		.name = "pwrite",
		.run = file_write,
		.fd = fd,
		.arg = (uintptr_t)buf,
		.len = len,
		.offset = offset,
	}));
}

static long eventfd_open(const struct machine_call *call)
{
	struct file *file = eventfd_file_create();
	int fd;

	if (!file)
		return -ENOMEM;
	fd = fd_install(call->process->fds, file);
	if (fd < 0)
		file_put(file);
	return fd;
}

int sio_eventfd(struct sio_process *process)
{
	return (int)answer(machine_call(&(struct machine_call){
		.process = process,
		.name = "eventfd",
		.run = eventfd_open,
	}));
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
