// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's files: ioctl, pread, pwrite, poll, close, and eventfds.
 *
 * The caller's structures are memory of the program that uses the library, reached by address as
 * the kernel reaches user memory. Addresses that no user mapping has (the first 64 KiB, the kernel
 * half) answer EFAULT; what lies between is the caller's promise.
 */
#include <errno.h>
#include <poll.h>
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

static bool is_fenced(const struct uaccess *ua, uint64_t address, size_t len)
{
	const struct machine_program *program = sio_container_of(ua, struct machine_program, ua);

	return program->fence_len && address < program->fence + program->fence_len &&
	       program->fence < address + len;
}

static int user_copy_out(const struct uaccess *ua, uint64_t dst, const void *src, size_t len)
{
	if (!len)
		return 0;
	if (!machine_user_range(dst, len) || is_fenced(ua, dst, len))
		return -EFAULT;
	memcpy((void *)(uintptr_t)dst, src, len);
	return 0;
}

const struct uaccess machine_program_memory = {
	.copy_in = user_copy_in,
	.copy_out = user_copy_out,
};

void machine_fence(struct sio_process *process, const void *start, size_t len)
{
	machine_enter(process->machine, false);
	process->program.fence = (uintptr_t)start;
	process->program.fence_len = len;
	machine_leave(process->machine);
}

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

	const struct machine_tap *tap = call->process->machine->tap;

	if (!sweep && tap)
		return tap->call(tap->ctx, call);
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

/* `program` is the process's own, copied: the process may end in the call. */
static struct caller program_caller(const struct sio_process *process,
				    struct machine_program *program)
{
	const struct uaccess *ua = process->machine->ua;
	struct caller caller = machine_caller(process);

	*program = process->program;
	caller.ua = ua ? ua : &program->ua;
	return caller;
}

static long file_open(const struct machine_call *call)
{
	return machine_open(call->process, call->more);
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
	struct machine_program program;
	struct caller caller = program_caller(call->process, &program);
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
	struct machine_program program;
	struct caller caller = program_caller(call->process, &program);
	ssize_t rc = -EINVAL;

	/* A negative position is looked at before the descriptor. */
	if (call->offset > INT64_MAX)
		return -EINVAL;
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
	struct machine_program program;
	struct caller caller = program_caller(call->process, &program);
	ssize_t rc = -EINVAL;

	/* A negative position is looked at before the descriptor. */
	if (call->offset > INT64_MAX)
		return -EINVAL;
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

int sio_seek(struct sio_process *process, int fd, uint64_t offset)
{
	const struct file *file;
	int rc;

	machine_enter(process->machine, false);
	file = fd_lookup(process->fds, fd);
	rc = !file ? -EBADF : file->ops->stream ? -ESPIPE : offset > INT64_MAX ? -EINVAL : 0;
	machine_leave(process->machine);
	return (int)answer(rc);
}

int sio_dup(struct sio_process *process, int fd)
{
	struct file *file;
	int copy = -EBADF;

	machine_enter(process->machine, true);
	file = fd_lookup(process->fds, fd);
	if (file) {
		copy = fd_install(process->fds, file_get(file));
		if (copy < 0)
			file_put(file);
	}
	machine_leave(process->machine);
	return (int)answer(copy);
}

int sio_poll(struct sio_process *process, int fd)
{
	const struct file *file;
	int events = -EBADF;

	machine_enter(process->machine, false);
	machine_settle(process->machine);
	file = fd_lookup(process->fds, fd);
	if (file && file->ops->poll)
		events = (int)file->ops->poll(fd_lookup(process->fds, fd));
	else if (file)
		events = POLLIN | POLLOUT;
	machine_leave(process->machine);
	return (int)answer(events);
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
