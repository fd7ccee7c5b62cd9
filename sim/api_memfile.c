// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's memory files: memfds and files of tmpfs, and descriptors that share a file.
 */
#include <errno.h>

#include "core/memfile.h"
#include "machine.h"

static int answer(int rc)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

static int memfile_open(struct sio_process *process, const struct memfile_cfg *cfg)
{
	int error, fd;
	struct file *file = memfile_create(process->machine->phys, cfg, &error);

	if (!file)
		return error;
	fd = fd_install(process->fds, file);
	if (fd < 0)
		file_put(file);
	return fd;
}

int sio_memfile(struct sio_process *process, const struct sio_memfile *memfile)
{
	static const enum mm_contiguity runs[] = {
		[SIO_RUN_2M] = MM_RUN_2M,
		[SIO_RUN_4K] = MM_RUN_4K,
		[SIO_RUN_SEEDED] = MM_RUN_SEEDED,
		[SIO_RUN_WHOLE] = MM_RUN_WHOLE,
	};
	struct memfile_cfg cfg = {
		.size = memfile->size,
		.hugetlb = memfile->hugetlb,
		.unsealable = memfile->unsealable,
		.read_only = memfile->read_only,
		.seed = process->machine->seed,
	};
	int fd;

	if ((unsigned)memfile->contiguity >= SIO_ARRAY_SIZE(runs))
		return answer(-EINVAL);
	cfg.contiguity = runs[memfile->contiguity];
	machine_enter(process->machine, true);
	fd = memfile_open(process, &cfg);
	machine_leave(process->machine);
	return answer(fd);
}

/* The memory file under a descriptor; NULL and *error. */
static struct file *memfile_get(struct sio_process *process, int fd, int *error)
{
	struct file *file = fd_lookup(process->fds, fd);

	*error = file ? -EINVAL : -EBADF;
	return file && file_is_memfile(file) ? file : NULL;
}

int sio_truncate(struct sio_process *process, int fd, uint64_t size)
{
	struct file *file;
	int rc;

	machine_enter(process->machine, true);
	file = memfile_get(process, fd, &rc);
	if (file)
		rc = memfile_truncate(file, size);
	machine_leave(process->machine);
	return answer(rc);
}

int sio_seal(struct sio_process *process, int fd, unsigned seals)
{
	struct file *file;
	int rc;

	machine_enter(process->machine, true);
	file = memfile_get(process, fd, &rc);
	if (file)
		rc = memfile_seal(file, seals);
	machine_leave(process->machine);
	return answer(rc);
}

int sio_punch(struct sio_process *process, int fd, uint64_t offset, uint64_t len)
{
	struct file *file;
	int rc;

	machine_enter(process->machine, true);
	file = memfile_get(process, fd, &rc);
	if (file)
		rc = memfile_punch(file, offset, len);
	machine_leave(process->machine);
	return answer(rc);
}

int sio_seek(struct sio_process *process, int fd, uint64_t offset)
{
	const struct file *file;
	int rc;

	(void)offset;
	machine_enter(process->machine, false);
	file = fd_lookup(process->fds, fd);
	rc = !file ? -EBADF : file->ops->stream ? -ESPIPE : 0;
	machine_leave(process->machine);
	return answer(rc);
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
	return answer(copy);
}
