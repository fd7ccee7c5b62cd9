// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables by themselves: map and unmap per page size and per run, walks per working set.
 *
 * Map and unmap are timed apart, in rounds of both; the median round counts. "tables exist" keeps
 * one leaf in every table, so that none is linked or freed; the others include that. Nothing behind
 * the tables is touched. Without a format's name it is the VT-d second stage. The nested walk is
 * that of x86-64 over an identity of 1 GiB in the second stage's smallest pages; x86-64 keeps
 * accessed and dirty bits, which are set already.
 *
 * "thr": independent random addresses, the generator (xorshift) included; "dep": each address
 * depends on the last translation.
 */
#include "bench.h"

#include "pt/pt.h"
#include "pt/pt_nested.h"

#include <stdio.h>
#include <stdlib.h>

void bench_pt(struct bench *bench);

#define MIB        (UINT64_C(1) << 20)
#define GIB        (UINT64_C(1) << 30)
#define ROUNDS_MAX 15u

struct rig {
	struct phys *phys;
	struct pt pt;
};

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "bench_pt: %s\n", what);
		exit(1);
	}
}

static void rig_init(struct rig *rig, const struct pt_ops *ops, unsigned top_level)
{
	const struct phys_cfg cfg = {.ram_bytes = GIB, .prefault_bytes = 40 * MIB};
	const struct pt_caps caps = {.haw = 46,
				     .large_levels = 0x7,
				     .snoop = true,
				     .contiguous = true,
				     .access_dirty = ops == &pt_x86_64};

	rig->phys = phys_create(&cfg);
	must(rig->phys && pt_init(&rig->pt, rig->phys, ops, &caps, top_level), "memory");
}

static void rig_fini(struct rig *rig)
{
	pt_fini(&rig->pt);
	phys_destroy(rig->phys);
}

static void map(struct rig *rig, iova_t iova, uint8_t size_lg2, uint64_t count)
{
	const uint8_t perm = rig->pt.ops == &pt_x86_64 ? PT_ALL | PT_A | PT_D : PT_R | PT_W;
	struct pt_map_req req = {iova, iova, count, size_lg2, perm, (int64_t)1 << size_lg2};

	must(rig->pt.ops->map(&rig->pt, &req).status == PT_DONE, "map");
}

static void unmap(struct rig *rig, iova_t iova, uint64_t len)
{
	struct pt_gather gather = {0};

	must(rig->pt.ops->unmap(&rig->pt, iova, len, &gather).done == len, "unmap");
	pt_gather_free(rig->phys, &gather);
}

/* ---- map and unmap ---- */

/* `calls` calls of `count` leaves each, every `stride` bytes from `first` on. */
struct job {
	const char *name;
	iova_t first;
	uint64_t stride, calls, count, per; /* per: divide by this */
	uint8_t size_lg2;
	bool tables_exist;
	const char *unit;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void job_run(struct bench *bench, struct rig *rig, const struct job *job)
{
	const unsigned rounds = bench_quick(bench) ? 1 : ROUNDS_MAX;
	const uint64_t len = job->count << job->size_lg2;
	const double ops = (double)(job->calls * job->per);
	double up[ROUNDS_MAX], down[ROUNDS_MAX];
	char name[64];

	/* The last page of each table's reach is not part of any job. */
	for (uint64_t at = 0; job->tables_exist && at < job->calls * job->stride + 2 * MIB;
	     at += 2 * MIB)
		map(rig, job->first + at + 2 * MIB - 4096, 12, 1);
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t start = bench_now(), middle;

		for (uint64_t i = 0; i < job->calls; i++)
			map(rig, job->first + i * job->stride, job->size_lg2, job->count);
		middle = bench_now();
		for (uint64_t i = 0; i < job->calls; i++)
			unmap(rig, job->first + i * job->stride, len);
		up[round] = (double)(middle - start) / ops;
		down[round] = (double)(bench_now() - middle) / ops;
	}
	for (uint64_t at = 0; job->tables_exist && at < job->calls * job->stride + 2 * MIB;
	     at += 2 * MIB)
		unmap(rig, job->first + at + 2 * MIB - 4096, 4096);
	qsort(up, rounds, sizeof(up[0]), by_value);
	qsort(down, rounds, sizeof(down[0]), by_value);
	snprintf(name, sizeof(name), "map %s", job->name);
	bench_report(bench, "pt", name, up[rounds / 2], job->unit);
	snprintf(name, sizeof(name), "unmap %s", job->name);
	bench_report(bench, "pt", name, down[rounds / 2], job->unit);
}

static void bench_change(struct bench *bench)
{
	/* Strides leave the last page of every 2 MiB, or all of every second 2 MiB, alone. */
	const struct job jobs[] = {
		{"4 KiB, tables exist", 4 * GIB, 64 * 1024, 2000, 1, 1, 12, true, "ns/call"},
		{"4 KiB, a table each", 4 * GIB, 2 * MIB, 2000, 1, 1, 12, false, "ns/call"},
		{"2 MiB", 4 * GIB, 2 * MIB, 2000, 1, 1, 21, false, "ns/call"},
		{"1 GiB", 64 * GIB, GIB, 200, 1, 1, 30, false, "ns/call"},
		{"256 x 4 KiB, tables exist", 4 * GIB, 2 * MIB, 64, 256, 1, 12, true, "ns/call"},
		{"511 x 4 KiB, tables exist", 4 * GIB, 2 * MIB, 64, 511, 1, 12, true, "ns/call"},
		{"512 x 4 KiB, a new table", 4 * GIB, 2 * MIB, 64, 512, 1, 12, false, "ns/call"},
		{"256 x 2 MiB", 64 * GIB, GIB, 32, 256, 1, 21, false, "ns/call"},
		{"1 GiB as 2 MiB", 64 * GIB, GIB, 32, 512, 1, 21, false, "ns/call"},
		{"1 GiB as 4 KiB", 4 * GIB, GIB, 1, 262144, 1000, 12, false, "us/call"},
		{"16 GiB as 4 KiB, per page", 64 * GIB, 16 * GIB, 1, 4194304, 4194304, 12, false,
		 "ns/page"},
	};
	struct rig rig;

	rig_init(&rig, &pt_vtd_ss, 3);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(jobs); i++)
		if (!bench_quick(bench) || jobs[i].count < 1000000)
			job_run(bench, &rig, &jobs[i]);
	rig_fini(&rig);
}

static void bench_change_others(struct bench *bench)
{
	const struct job x86[] = {
		{"x86-64, 4 KiB, tables exist", 4 * GIB, 64 * 1024, 2000, 1, 1, 12, true,
		 "ns/call"},
		{"x86-64, 1 GiB as 4 KiB", 4 * GIB, GIB, 1, 262144, 1000, 12, false, "us/call"},
	};
	const struct job amd[] = {
		{"AMD v1, 4 KiB, tables exist", 4 * GIB, 64 * 1024, 2000, 1, 1, 12, true,
		 "ns/call"},
		{"AMD v1, 1 GiB as 4 KiB", 4 * GIB, GIB, 1, 262144, 1000, 12, false, "us/call"},
		{"AMD v1, 1 GiB as 64 KiB", 4 * GIB, GIB, 1, 16384, 1000, 16, false, "us/call"},
		{"AMD v1, 64 KiB, tables exist", 4 * GIB, 128 * 1024, 2000, 1, 1, 16, true,
		 "ns/call"},
	};
	struct rig rig;

	rig_init(&rig, &pt_x86_64, 3);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(x86); i++)
		job_run(bench, &rig, &x86[i]);
	rig_fini(&rig);
	rig_init(&rig, &pt_amd_v1, 3);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(amd); i++)
		job_run(bench, &rig, &amd[i]);
	rig_fini(&rig);
}

/* ---- walk, query ---- */

struct walks {
	struct rig *rig;
	struct pt_start start;
	struct pt_caps caps;
	uint64_t mask, seed;
	bool dependent;
};

static void walk(void *ctx, uint64_t n)
{
	struct walks *w = ctx;
	uint64_t carry = 0;

	while (n--) {
		iova_t iova = (4 * GIB) + ((bench_random(&w->seed) + carry) & w->mask);
		struct pt_walk_result res = w->rig->pt.ops->walk(w->rig->phys, &w->caps, w->start,
								 iova, PT_R, NULL, NULL);

		/* Zero that the processor cannot know: the next address waits for this one. */
		carry = w->dependent ? (res.oa ^ iova) & 1 : 0;
		bench_use(res.oa + res.fault);
	}
}

static void query(void *ctx, uint64_t n)
{
	struct walks *w = ctx;

	while (n--)
		bench_use(w->rig->pt.ops->query(&w->rig->pt, 4 * GIB, ~UINT64_C(0)).pages);
}

static void bench_walk_set(struct bench *bench, const struct pt_ops *ops, uint64_t bytes,
			   const char *what)
{
	struct rig rig;
	struct walks w = {.rig = &rig, .mask = bytes - 1, .seed = 88172645463325252u};
	/* Short enough that most repetitions run undisturbed. */
	uint64_t n = bench_quick(bench) ? 1000 : 100000;
	char name[64];

	rig_init(&rig, ops, 3);
	map(&rig, 4 * GIB, 12, bytes / 4096);
	w.caps = rig.pt.caps;
	w.start = (struct pt_start){.table = rig.pt.root, .level = 3, .perm = PT_ALL};
	walk(&w, 4 * n);
	snprintf(name, sizeof(name), "walk, 4 levels, %s of 4 KiB pages, thr", what);
	bench_report(bench, "pt", name, bench_run(bench, walk, &w, n), "ns/op");
	w.dependent = true;
	snprintf(name, sizeof(name), "walk, 4 levels, %s of 4 KiB pages, dep", what);
	bench_report(bench, "pt", name, bench_run(bench, walk, &w, n), "ns/op");
	snprintf(name, sizeof(name), "query of one run, %s of 4 KiB pages", what);
	bench_report(bench, "pt", name, bench_run(bench, query, &w, 4) * 4096 / (double)bytes,
		     "ns/page");
	rig_fini(&rig);
}

/* ---- nested walk ---- */

struct nested_walks {
	const struct phys *phys;
	struct pt_nested nested;
	uint64_t mask, seed;
};

static void walk_nested(void *ctx, uint64_t n)
{
	struct nested_walks *w = ctx;

	while (n--) {
		iova_t iova = 4 * GIB + (bench_random(&w->seed) & w->mask);
		struct pt_nested_result res =
			pt_nested_walk(w->phys, &w->nested, iova, PT_R, NULL, NULL);

		bench_use(res.oa + res.fault);
	}
}

static struct pt_stage stage_of(const struct pt *pt)
{
	return (struct pt_stage){
		.ops = pt->ops,
		.caps = &pt->caps,
		.start = {.table = pt->root, .level = pt->top_level, .perm = PT_ALL},
	};
}

static void bench_nested(struct bench *bench, const struct pt_ops *ops, const char *name)
{
	const struct pt_caps caps = {.haw = 46, .large_levels = 0x1};
	const struct pt_map_req all = {0, 0, GIB / 4096, 12, PT_R | PT_W, 4096};
	struct pt_map_req req = {4 * GIB, 0, 16 * MIB / 4096, 12, PT_ALL | PT_A | PT_D, 4096};
	struct nested_walks w = {.mask = 16 * MIB - 1, .seed = 88172645463325252u};
	struct rig first;
	struct pt second;

	rig_init(&first, &pt_x86_64, 3);
	must(pt_init(&second, first.phys, ops, &caps, 3), "memory");
	must(second.ops->map(&second, &all).status == PT_DONE, "map");
	must(first.pt.ops->map(&first.pt, &req).status == PT_DONE, "map");
	w.phys = first.phys;
	w.nested = (struct pt_nested){.first = stage_of(&first.pt), .second = stage_of(&second)};
	must(pt_nested_walk(w.phys, &w.nested, 4 * GIB, PT_W, NULL, NULL).fault == PT_OK, "walk");
	bench_report(bench, "pt", name,
		     bench_run(bench, walk_nested, &w, bench_quick(bench) ? 1000 : 50000), "ns/op");
	pt_fini(&second);
	rig_fini(&first);
}

void bench_pt(struct bench *bench)
{
	bench_change(bench);
	bench_change_others(bench);
	bench_walk_set(bench, &pt_vtd_ss, 16 * MIB, "16 MiB");
	bench_walk_set(bench, &pt_x86_64, 16 * MIB, "x86-64, 16 MiB");
	bench_walk_set(bench, &pt_amd_v1, 16 * MIB, "AMD v1, 16 MiB");
	bench_nested(bench, &pt_vtd_ss, "nested walk, 4 levels over 4 of VT-d, 16 MiB, thr");
	bench_nested(bench, &pt_amd_v1, "nested walk, 4 levels over 4 of AMD v1, 16 MiB, thr");
	if (bench_quick(bench))
		return;
	bench_walk_set(bench, &pt_vtd_ss, 256 * MIB, "256 MiB");
	bench_walk_set(bench, &pt_vtd_ss, GIB, "1 GiB");
	bench_walk_set(bench, &pt_vtd_ss, 16 * GIB, "16 GiB");
}
