// SPDX-License-Identifier: GPL-2.0-only
/* What this machine can do at best: loads per cache level, table fill, a lock, a page fault. */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void bench_limits(struct bench *bench);

#define LINE 64u

struct chase {
	void **start;
};

static void chase(void *ctx, uint64_t n)
{
	void **at = ((struct chase *)ctx)->start;

	while (n--)
		at = *at;
	bench_use((uint64_t)at);
}

static void *huge_alloc(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0, bytes);
	return p;
}

/* One random cycle through all lines of a buffer. */
static double dependent_load(struct bench *bench, size_t bytes)
{
	size_t lines = bytes / LINE;
	char *buf = huge_alloc(bytes);
	uint32_t *order = malloc(lines * sizeof(*order));
	uint64_t seed = 88172645463325252u;
	struct chase ctx;
	double ns = 0;

	if (buf && order) {
		for (size_t i = 0; i < lines; i++)
			order[i] = (uint32_t)i;
		for (size_t i = lines - 1; i > 0; i--) {
			size_t j = bench_random(&seed) % (i + 1);
			uint32_t t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		for (size_t i = 0; i < lines; i++)
			*(void **)(buf + order[i] * (size_t)LINE) =
				buf + order[(i + 1) % lines] * (size_t)LINE;
		ctx.start = (void **)(buf + order[0] * (size_t)LINE);
		chase(&ctx, lines < 1000000 ? lines : 1000000);
		ns = bench_run(bench, chase, &ctx, bench_quick(bench) ? 10000 : 1000000);
	}
	free(order);
	if (buf)
		munmap(buf, bytes);
	return ns;
}

struct fill {
	uint64_t *entry;
	size_t entries;
};

static void fill(void *ctx, uint64_t n)
{
	const struct fill *f = ctx;

	for (uint64_t done = 0; done < n; done += f->entries) {
		uint64_t *entry = f->entry;
		uint64_t value = done << 12 | 3;

		for (size_t i = 0; i < f->entries; i++)
			entry[i] = value + (i << 12);
		bench_use((uint64_t)entry);
	}
}

static double table_fill(struct bench *bench, size_t bytes)
{
	struct fill f = {huge_alloc(bytes), bytes / 8};
	double ns;

	if (!f.entry)
		return 0;
	ns = bench_run(bench, fill, &f,
		       bench_quick(bench) ? f.entries : f.entries * (bytes < 1 << 22 ? 64 : 1));
	munmap(f.entry, bytes);
	return ns;
}

static void mutex(void *ctx, uint64_t n)
{
	while (n--) {
		pthread_mutex_lock(ctx);
		pthread_mutex_unlock(ctx);
	}
}

static void page_fault(void *ctx, uint64_t n)
{
	size_t bytes = n * 4096;
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)ctx;
	if (p == MAP_FAILED)
		return;
	madvise(p, bytes, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < bytes; at += 4096)
		p[at] = 1;
	munmap(p, bytes);
}

void bench_limits(struct bench *bench)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	size_t dram = bench_quick(bench) ? (size_t)16 << 20 : (size_t)512 << 20;

	bench_report(bench, "limit", "load L1", dependent_load(bench, 16 << 10), "ns");
	bench_report(bench, "limit", "load L2", dependent_load(bench, 384 << 10), "ns");
	bench_report(bench, "limit", "load L3", dependent_load(bench, 4 << 20), "ns");
	bench_report(bench, "limit", "load DRAM", dependent_load(bench, dram), "ns");
	bench_report(bench, "limit", "fill L2", table_fill(bench, 256 << 10), "ns/entry");
	bench_report(bench, "limit", "fill DRAM", table_fill(bench, dram), "ns/entry");
	bench_report(bench, "limit", "mutex", bench_run(bench, mutex, &lock, 1000000), "ns");
	bench_report(bench, "limit", "page fault", bench_run(bench, page_fault, NULL, 2000), "ns");
}
