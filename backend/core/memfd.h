/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory files: memfd_create(2), files on tmpfs and hugetlbfs, as far as mappings and pins show.
 *
 * A file's pages are an object of simulated memory (mm_sim.h): maps of it in any address space and
 * pins of it (file_ops.pin) share them. Pages that are pinned outlive truncation and holes.
 *
 * Kernel behaviour: mm/memfd.c, mm/shmem.c and fs/hugetlbfs of Linux 6.12.
 */
#ifndef BACKEND_CORE_MEMFD_H
#define BACKEND_CORE_MEMFD_H

#include "file.h"
#include "mm_sim.h"

/* What F_ADD_SEALS knows. */
enum { MEMFD_SEAL_SEAL = 1, MEMFD_SEAL_SHRINK = 2, MEMFD_SEAL_GROW = 4, MEMFD_SEAL_WRITE = 8 };
enum { MEMFD_SEAL_FUTURE_WRITE = 16, MEMFD_SEAL_EXEC = 32, MEMFD_SEAL_ALL = 63 };

/* No file is larger. */
#define MEMFD_BYTES_MAX SIO_BIT(46)

struct memfd_cfg {
	uint64_t size; /* bytes */
	uint64_t seed; /* for seeded contiguity */
	enum mm_contiguity contiguity;
	bool hugetlb;   /* pages of 2 MiB; the size is a multiple */
	bool sealable;  /* MFD_ALLOW_SEALING */
	bool read_only; /* how it was opened */
};

/* One reference, or NULL and *error: -EINVAL the size, -ENOMEM. */
struct file *memfd_create_file(struct phys *phys, const struct memfd_cfg *cfg, int *error);
bool file_is_memfd(const struct file *file);

/* ftruncate(). -EINVAL read-only or no size for it, -EPERM sealed, -ENOMEM. */
int memfd_truncate(struct file *file, uint64_t size);
/* fallocate() with a hole: whole pages go, the rest is zeroed. -EBADF read-only, -EINVAL, -EPERM
 * sealed, -ENOMEM. */
int memfd_punch(struct file *file, uint64_t offset, uint64_t len);
/* F_ADD_SEALS. -EPERM read-only or sealed against it, -EINVAL, -EBUSY for a seal against writing
 * while a shared map could write, or a page is pinned. */
int memfd_seal(struct file *file, unsigned seals);

/*
 * mmap(): req without its kind, which is shared or private. -EINVAL, -EACCES write shared through
 * a read-only descriptor, -EPERM write shared where it is sealed, -ENOMEM.
 */
int memfd_map(struct file *file, struct mm *mm, const struct mm_map_req *req, uint64_t offset,
	      bool shared);

#endif
