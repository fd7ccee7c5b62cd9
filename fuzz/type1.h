/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session of fuzz/type1: the machine, its processes and descriptors, and the reference beside
 * them.
 *
 * type1_run.c does operations and looks at what came of them; type1.c makes sessions of inputs.
 */
#ifndef FUZZ_TYPE1_H
#define FUZZ_TYPE1_H

#include "kept.h"
#include "naive.h"
#include "softiommu.h"

#define WATCHED 16u
#define LINES   (2 * (OPS_MAX + OPS_GROUPS + 1))

/* A line of the session; most are never written out. */
struct line {
	struct op op;
	int set_iommu; /* not 0: that type, instead of the operation */
	bool answered;
	struct naive_answer answer;
};

struct client {
	struct ops_setup setup;
	const char *kernel;
	const struct ops_platform *platform;
	struct kept *kept;
	struct sio_machine *machine;
	struct sio_process *process[OPS_PROCESSES]; /* NULL: not alive */
	struct sio_device *device[OPS_GROUPS];
	int container, group[OPS_GROUPS];
	bool joined[OPS_GROUPS];
	bool has_limit; /* the kernel has one for mappings */
	struct naive naive;
	struct ops_view view;
	uint64_t token;   /* never the same twice in memory */
	uint64_t fail_at; /* OP_FAIL: 0, none */

	/* Registers of a device as memory of the process. */
	int other_container, other_group, other_device;
	uint64_t registers_offset, registers_pa;

	/* Pages that a device reached before the operation: a frame that nobody pins any more must
	 * not be reached any more. */
	struct {
		uint64_t iova, pfn;
	} watched[WATCHED];
	unsigned watches;
	const struct mm_ops *real_memory;

	/* Bits of the dirty bitmap that an UNMAP has to give, and that it may give. */
	uint64_t must[OPS_BITMAP_MAX / 8], may[OPS_BITMAP_MAX / 8];

	struct line line[LINES];
	unsigned lines;
};

/* Print the session as a recording, the last line marked, and abort. */
__attribute__((noreturn, format(printf, 2, 3))) void client_fail(const struct client *s,
								 const char *format, ...);
void client_compare(const struct client *s, const char *what, uint64_t got, uint64_t expected);
/* ioctl() of the process: what it returns, or -errno. */
int client_ioctl(const struct client *s, unsigned process, int fd, unsigned long request,
		 void *arg);
/* mmap() of an area's pages, as they were in the beginning. 0, or -errno. */
int client_map_memory(struct client *s, unsigned process, unsigned area, uint64_t first,
		      uint64_t pages);
/* The process's memory is watched from now on: each time it gets a new one. */
void client_watch_memory(struct client *s, struct sio_process *process);

/* ---- type1_run.c ---- */

/* Do it. Answers of a kind that the reference knows in detail are compared on the way. */
struct naive_answer client_run(struct client *s, const struct op *op);
/* One transfer, as the reference expects it; nothing if the group has not joined. */
void client_dma(struct client *s, const struct op *op);
/* Whether the device reaches something at the address, and where. */
bool client_reaches(const struct client *s, unsigned group, uint64_t iova, bool write,
		    uint64_t *pa);
/* All pages of a live mapping, or a sample of them: they are what the reference says. */
void client_sweep(struct client *s, unsigned map);

#endif
