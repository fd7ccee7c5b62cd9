// SPDX-License-Identifier: GPL-2.0-only
/*
 * A type1 container with 10^3 to 10^6 mappings of one page or one huge page each, in random order,
 * through the ioctls: lookups, pinning, accounting, page tables and invalidation are all in it.
 */
#include "bench_type1.h"

void bench_container(struct bench *bench);

/* The process's memory is small and mapped again and again. */
#define POOL_BYTES UINT64_C(0x10000000)

struct state {
	struct t1_rig rig;
	uint64_t *iova;
	uint64_t mappings, bytes;
};

static uint64_t vaddr_of(const struct state *s, uint64_t i)
{
	return RIG_VA + i * s->bytes % POOL_BYTES;
}

static void shuffle(uint64_t *list, uint64_t n)
{
	uint64_t seed = 42;

	for (uint64_t i = n - 1; i > 0; i--) {
		uint64_t j = bench_random(&seed) % (i + 1), t = list[i];

		list[i] = list[j];
		list[j] = t;
	}
}

static double map_all(struct state *s)
{
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < s->mappings; i++)
		if (rig_map(&s->rig, s->iova[i], vaddr_of(s, i), s->bytes))
			abort();
	return (double)(bench_now() - start) / (double)s->mappings;
}

static double unmap_all(struct state *s)
{
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < s->mappings; i++)
		if (rig_unmap(&s->rig, s->iova[i], s->bytes) != s->bytes)
			abort();
	return (double)(bench_now() - start) / (double)s->mappings;
}

/* MAP of what is mapped already: copy, checks, the overlap search. */
static void find_overlap(void *ctx, uint64_t n)
{
	struct state *s = ctx;
	uint64_t seed = 1234567;

	for (uint64_t i = 0; i < n; i++)
		bench_use((uint64_t)rig_map(&s->rig, s->iova[bench_random(&seed) % s->mappings],
					    RIG_VA, s->bytes));
}

/* One mapping more and less, among all the others. */
static void map_and_unmap(void *ctx, uint64_t n)
{
	struct state *s = ctx;
	uint64_t seed = 7654321;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t iova = s->iova[bench_random(&seed) % s->mappings];

		if (rig_unmap(&s->rig, iova, s->bytes) != s->bytes ||
		    rig_map(&s->rig, iova, vaddr_of(s, i), s->bytes))
			abort();
	}
}

static void report(struct bench *bench, const struct state *s, const char *what, double value,
		   const char *unit)
{
	char name[64];

	snprintf(name, sizeof(name), "%s, %lu of %s", what, (unsigned long)s->mappings,
		 s->bytes == SIO_PAGE_SIZE ? "4 KiB" : "2 MiB");
	bench_report(bench, "container", name, value, unit);
}

static void one_size(struct bench *bench, uint64_t mappings, uint64_t bytes)
{
	struct state s = {.mappings = mappings, .bytes = bytes};
	uint64_t looks = bench_quick(bench) ? 1000 : 200000, before;

	s.iova = malloc(mappings * sizeof(uint64_t));
	if (!s.iova)
		return;
	/* Above the interrupt window, every second place. */
	for (uint64_t i = 0; i < mappings; i++)
		s.iova[i] = (UINT64_C(1) << 32) + i * bytes * 2;
	shuffle(s.iova, mappings);
	rig_open(&s.rig, UINT64_C(1) << 35, 0);
	rig_memory(&s.rig, POOL_BYTES, MM_RUN_2M);
	rig_must(!mm_sim_touch(s.rig.caller.task->mm, RIG_VA, POOL_BYTES), "no memory");

	before = rig_rss_bytes();
	report(bench, &s, "map, first", map_all(&s), "ns/op");
	report(bench, &s, "memory, tables included",
	       (double)(rig_rss_bytes() - before) / (double)mappings, "bytes/mapping");
	report(bench, &s, "find overlap", bench_run(bench, find_overlap, &s, looks), "ns/op");
	report(bench, &s, "unmap and map", bench_run(bench, map_and_unmap, &s, looks), "ns/pair");
	report(bench, &s, "unmap", unmap_all(&s), "ns/op");
	report(bench, &s, "map, again", map_all(&s), "ns/op");
	rig_close(&s.rig);
	free(s.iova);
}

void bench_container(struct bench *bench)
{
	uint64_t most = bench_quick(bench) ? 1000 : 1000000;

	for (uint64_t n = 1000; n <= most; n *= 10) {
		one_size(bench, n, SIO_PAGE_SIZE);
		one_size(bench, n, UINT64_C(2) << 20);
	}
}
