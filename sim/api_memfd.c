// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's memory files. Bytes of them move by sio_pread() and sio_pwrite(), maps of them
 * are made by sio_mem_map_file().
 */
#include <errno.h>

#include "core/memfd.h"
#include "machine.h"

/* What a system call returns: a value, or -1 and errno. */
static int answer(int rc)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

int sio_memfd_open(struct sio_process *process, const struct sio_memfd_cfg *cfg)
{
	static const enum mm_contiguity runs[] = {
		[SIO_RUN_2M] = MM_RUN_2M,
		[SIO_RUN_4K] = MM_RUN_4K,
		[SIO_RUN_SEEDED] = MM_RUN_SEEDED,
		[SIO_RUN_WHOLE] = MM_RUN_WHOLE,
	};
	struct memfd_cfg file_cfg = {
		.size = cfg->size,
		.seed = process->machine->seed,
		.hugetlb = cfg->hugetlb,
		.sealable = !cfg->no_seals,
		.read_only = cfg->read_only,
	};
	struct file *file;
	int fd = 0;

	if ((unsigned)cfg->contiguity >= SIO_ARRAY_SIZE(runs))
		return answer(-EINVAL);
	file_cfg.contiguity = runs[cfg->contiguity];
	machine_enter(process->machine, true);
	file = memfd_create_file(process->machine->phys, &file_cfg, &fd);
	if (file) {
		fd = fd_install(process->fds, file);
		if (fd < 0)
			file_put(file);
	}
	machine_leave(process->machine);
	return answer(fd);
}

int sio_memfd(struct sio_process *process, uint64_t size)
{
	return sio_memfd_open(process, &(struct sio_memfd_cfg){.size = size});
}

enum change { TRUNCATE, PUNCH, SEAL };

static int file_change(struct sio_process *process, int fd, enum change change, uint64_t a,
		       uint64_t b)
{
	struct file *file;
	int rc = -EBADF;

	machine_enter(process->machine, true);
	file = fd_lookup(process->fds, fd);
	if (file && !file_is_memfd(file))
		rc = -EINVAL;
	else if (file && change == TRUNCATE)
		rc = memfd_truncate(file, a);
	else if (file && change == PUNCH)
		rc = memfd_punch(file, a, b);
	else if (file)
		rc = memfd_seal(file, (unsigned)a);
	machine_leave(process->machine);
	return answer(rc);
}

int sio_file_truncate(struct sio_process *process, int fd, uint64_t size)
{
	return file_change(process, fd, TRUNCATE, size, 0);
}

int sio_file_punch(struct sio_process *process, int fd, uint64_t offset, uint64_t len)
{
	return file_change(process, fd, PUNCH, offset, len);
}

int sio_file_seal(struct sio_process *process, int fd, unsigned seals)
{
	return file_change(process, fd, SEAL, seals, 0);
}
