/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a process, as far as DMA mappings depend on it.
 *
 * One interface, two implementations: *simulated* (mm_sim.h: areas with a contiguity policy, backed
 * by frames of emulated RAM) and *live* (the memory of a client process, a later part). The backend
 * pins and unpins pages through it and keeps locked_vm; everything else a process does to its
 * memory (mmap, mprotect, fork ...) belongs to the implementation.
 *
 * Reference counts: `refs` keeps the struct, `users` the address space. When users reaches 0 the
 * areas are gone (pages that are pinned stay), and accounting against the mm is skipped.
 */
#ifndef BACKEND_CORE_MM_H
#define BACKEND_CORE_MM_H

#include "rare.h"

struct mm;

/* Pages that were pinned together: page i is at pa + i * step. */
struct pin_run {
	pa_t pa;
	uint64_t pages;
	int64_t step;  /* +4096; -4096 when every page is its own physical run */
	bool reserved; /* PFN-mapped (a BAR): no reference was taken and nothing is charged */
};

struct mm_ops {
	/*
	 * Pin up to `max_pages` pages from `va` on (page aligned), for writing if `write`, faulting
	 * them in as long-term pins do. Fills one run (all reserved or all not) and returns 0; the
	 * run may be shorter than asked: call again. -EFAULT: the first page cannot be pinned.
	 * -ENOMEM.
	 */
	int (*pin)(struct mm *mm, uint64_t va, uint64_t max_pages, bool write, struct pin_run *run);
	/* Drop the pins of a run; works after the address space is gone. Reserved runs are ignored.
	 */
	void (*unpin)(struct mm *mm, const struct pin_run *run, bool dirty);
	/* The page at va is part of a larger one (a huge page), as its frame's counts are. NULL:
	 * no page is. */
	bool (*compound)(const struct mm *mm, uint64_t va);
	/*
	 * Read or write as the process itself would. 0; -EFAULT where it would get a signal, bytes
	 * before that are done.
	 */
	int (*copy)(struct mm *mm, uint64_t va, void *buf, uint64_t len, bool write);
	void (*destroy)(struct mm *mm);
};

/* A user of the system: pages that its processes locked through iommufd, whoever mapped them. */
struct user {
	uint32_t refs;
	uint64_t locked_pages;
};

struct user *user_create(void); /* one reference; NULL: no memory */
void user_put(struct user *user);

struct mm {
	const struct mm_ops *ops;
	uint32_t refs;
	uint32_t users;
	uint64_t locked_pages; /* mm->locked_vm: mlock and type1 charges */
	uint64_t pinned_pages; /* mm->pinned_vm: iommufd */
	bool pins_as_is;       /* a pin for reading takes what is there (before 6.2) */
	bool fork_shares_pins; /* pinned pages are copied on write like others (before 5.9) */
	struct rare *rare;     /* of the machine; NULL: nothing rare happens */
	bool charges_drift;    /* charges are taken back from others than who paid (before 6.1) */
	bool pfnmap_offset;    /* PFN maps are pinned whatever their protection (before 5.8) */
	bool huge_zero_splits; /* writing to the huge zero page takes small pages (5.8 to 6.12) */
};

static inline struct mm *mm_get(struct mm *mm)
{
	mm->refs++;
	return mm;
}

void mm_put(struct mm *mm);

static inline bool mm_alive(const struct mm *mm)
{
	return mm->users != 0;
}

/*
 * One process (thread group): whose memory, whose limits, which capabilities. Reference counted
 * because a mapping remembers its owner task beyond exit.
 */
struct task {
	struct mm *mm;
	struct user *user; /* NULL: limits of users are not met */
	uint32_t refs;
	bool exited;
	bool cap_ipc_lock;
	bool cap_sys_rawio;
	bool cap_sys_resource;
	uint64_t rlimit_memlock; /* bytes, soft limit; UINT64_MAX: infinity */
};

/* All zero, for its creator to fill in, one reference included. NULL: no memory. */
struct task *task_create(void);
struct task *task_get(struct task *task);
void task_put(struct task *task);

#endif
