/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A simulated address space: areas, pages, copy on write, mlock, on frames of emulated RAM.
 *
 * Only what mappings and device DMA can show is modelled, by extents and never page by page where a
 * run will do. Sources: mmap(2), mprotect(2), madvise(2), mlock(2), fork(2) as Linux 6.12 answers.
 *
 * All addresses are user addresses of the simulated process, lengths in bytes. Calls return 0 or
 * -errno as the system call would. The caller holds the machine's lock.
 */
#ifndef BACKEND_CORE_MM_SIM_H
#define BACKEND_CORE_MM_SIM_H

#include "mm.h"
#include "phys.h"

struct file;

enum { MM_READ = 1, MM_WRITE = 2 };

enum mm_kind {
	MM_ANON,         /* private anonymous */
	MM_SHARED,       /* shared anonymous */
	MM_FILE_SHARED,  /* memfd mapped shared */
	MM_FILE_PRIVATE, /* memfd mapped private */
	MM_PFN,          /* PFN-mapped device memory: pa given, no page structs */
};

/* How physical pages follow each other when memory is faulted in. */
enum mm_contiguity {
	MM_RUN_2M,     /* 2 MiB runs, aligned like the addresses (transparent huge pages) */
	MM_RUN_4K,     /* no two neighbouring pages are physical neighbours */
	MM_RUN_SEEDED, /* runs of seeded random length, 1 to 512 pages */
	MM_RUN_WHOLE,  /* as long as the allocator can */
};

struct mm_map_req {
	uint64_t va; /* fixed, page aligned */
	uint64_t len;
	unsigned prot;
	enum mm_kind kind;
	bool hugetlb; /* MAP_HUGETLB: 2 MiB pages; cuts inside one are refused */
	enum mm_contiguity contiguity;
	bool write_never; /* mprotect to writable: -EACCES */
	pa_t pfn_pa;      /* MM_PFN */
	/* MM_PFN: stays open as long as any of it is mapped, and is told of the pieces; NULL:
	 * nothing does. */
	struct file *file;
	uint64_t file_offset;
};

/* User addresses end below this. */
#define MM_USER_END UINT64_C(0x7ffffffff000)

struct mm *mm_sim_create(struct phys *phys, uint64_t seed);
/* The child's address space after fork: areas copied, pinned private pages copied now, rest shared
 * copy-on-write, no locks and no charges inherited. NULL: no memory. */
struct mm *mm_sim_fork(struct mm *parent);
/* Exit or exec: all areas go; pinned pages stay with their pins. */
void mm_sim_exit(struct mm *mm);

/*
 * Replaces what was there. Whatever takes the last page of a file's map away (munmap, a map over
 * it, exit) may close the file, with all that follows from that.
 */
int mm_sim_map(struct mm *mm, const struct mm_map_req *req);
int mm_sim_unmap(struct mm *mm, uint64_t va, uint64_t len);                  /* munmap */
int mm_sim_protect(struct mm *mm, uint64_t va, uint64_t len, unsigned prot); /* mprotect */
int mm_sim_discard(struct mm *mm, uint64_t va, uint64_t len);                /* MADV_DONTNEED */
/* mlock by `task` (its limit and capability count) / munlock. */
int mm_sim_lock(struct mm *mm, const struct task *task, uint64_t va, uint64_t len);
int mm_sim_unlock(struct mm *mm, uint64_t va, uint64_t len);
/* Access as the process would: -EFAULT where it would get a signal; bytes before it are done. */
int mm_sim_read(struct mm *mm, uint64_t va, void *buf, uint64_t len);
int mm_sim_write(struct mm *mm, uint64_t va, const void *buf, uint64_t len);
/* Where in physical memory the byte at va is, as /proc/PID/pagemap shows it. False: nowhere yet. */
bool mm_sim_physical(struct mm *mm, uint64_t va, pa_t *pa);
/* Touch every page: write if the area is writable, else read. */
int mm_sim_touch(struct mm *mm, uint64_t va, uint64_t len);
/* The area at or above va, for reports. False: none. */
bool mm_sim_area(const struct mm *mm, uint64_t va, struct mm_map_req *out);

/* Frames, references and pins agree with the areas; NULL when all hold, else what does not. */
const char *mm_sim_audit(const struct mm *mm);

#endif
