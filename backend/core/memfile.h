/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that are memory: memfd, and unlinked files of tmpfs.
 *
 * Their pages can be pinned through the descriptor (file_ops.pin) as long as they lie before the
 * file's end, and mapped by processes, which then share them. Sources: memfd_create(2), fcntl(2)
 * "File Sealing", ftruncate(2), fallocate(2) as Linux 6.12 and 7.2 answer.
 *
 * All calls run under the machine's lock.
 */
#ifndef BACKEND_CORE_MEMFILE_H
#define BACKEND_CORE_MEMFILE_H

#include "core/file.h"
#include "core/mm_sim.h"

/* Values of F_ADD_SEALS. */
enum {
	MEMFILE_SEAL_SEAL = 1,
	MEMFILE_SEAL_SHRINK = 2,
	MEMFILE_SEAL_GROW = 4,
	MEMFILE_SEAL_WRITE = 8,
	MEMFILE_SEALS_ALL = 15,
};

struct memfile_cfg {
	uint64_t size;   /* bytes */
	bool hugetlb;    /* 2 MiB pages; the size is a multiple of that */
	bool unsealable; /* no memfd: it has no seals */
	bool read_only;  /* opened without the right to write */
	enum mm_contiguity contiguity;
	uint64_t seed;
};

/* A file with one reference, on frames of `phys`, which outlives it. NULL and *error: -EINVAL,
 * -ENOMEM. */
struct file *memfile_create(struct phys *phys, const struct memfile_cfg *cfg, int *error);
bool file_is_memfile(const struct file *file);
/* ftruncate(). -EINVAL, -EPERM sealed, -ENOMEM. */
int memfile_truncate(struct file *file, uint64_t size);
/* F_ADD_SEALS. -EPERM no seals or no more, -EINVAL, -EBUSY: mapped or pinned. */
int memfile_seal(struct file *file, unsigned seals);
/* FALLOC_FL_PUNCH_HOLE. -EBADF read-only, -EPERM sealed, -EINVAL, -ENOMEM. */
int memfile_punch(struct file *file, uint64_t offset, uint64_t len);
/* mmap(MAP_SHARED) from `offset` on, as mm_sim_map() with req->va, len and prot. -EACCES: writable
 * and the file is not; -EPERM: writable and sealed. */
int memfile_map(struct file *file, struct mm *mm, const struct mm_map_req *req, uint64_t offset);

#endif
