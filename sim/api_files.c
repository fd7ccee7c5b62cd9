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
	if (!user_range(dst, len) || is_fenced(ua, dst, len))
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

/* What a system call returns: a value, or -1 and errno. */
static long answer(long rc)
{
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

int sio_open(struct sio_process *process, const char *path)
{
	int fd;

	machine_enter(process->machine, true);
	fd = machine_open(process, path);
	machine_leave(process->machine);
	return (int)answer(fd);
}

int sio_ioctl(struct sio_process *process, int fd, unsigned long request, void *arg)
{
	struct caller caller;
	struct file *file;
	long rc = -EBADF;

	machine_enter(process->machine, true);
	caller = machine_caller(process);
	file = fd_lookup(process->fds, fd);
	if (file) {
		/* The file outlives the call even if the call closes the descriptor. */
		file_get(file);
		process->machine->iommu.current = process->task;
		rc = file->ops->ioctl ? file->ops->ioctl(file, &caller, (unsigned int)request,
							 (uint64_t)(uintptr_t)arg)
				      : -ENOTTY;
		file_put(file);
		process->machine->iommu.current = NULL;
	}
	machine_leave(process->machine);
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
