// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation by a VT-d unit: ns per request, hits and misses, with every check and without a lock.
 *
 * "thr": independent random addresses; "dep": each address depends on the last translation. The
 * generator of random addresses (xorshift) is inside every figure. "inline" measures what a device
 * model that includes dma_port.h pays, "call" the function dma_translate(). The frames that the
 * tables point to are never touched, so that the figure is the translation's alone.
 */
#include "bench.h"

#include "dma_port.h"
#include "vtd/vtd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUESTER 0x0100
#define DOMAIN    5
#define IOVA_BASE UINT64_C(0x100000000)
#define LEAF_BASE UINT64_C(0x400000000)

struct rig {
	struct phys *phys;
	struct dma_fabric *fabric;
	struct dma_port *port;
	struct unit *unit;
	struct pt pt;
	pa_t queue, status;
	uint32_t tail;
	uint64_t mask; /* of the random address: the working set */
	uint64_t none; /* 0, which the compiler does not know */
	uint64_t seed;
};

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "bench_translate: %s\n", what);
		exit(1);
	}
}

static void put64(struct rig *rig, pa_t pa, uint64_t lo, uint64_t hi)
{
	uint64_t entry[2] = {lo, hi};

	must(phys_write(rig->phys, pa, entry, sizeof(entry)), "table write");
}

static void mmio(struct rig *rig, uint32_t offset, unsigned width, uint64_t value)
{
	rig->unit->ops->mmio_write(rig->unit, offset, width, value);
}

/* A page-selective or domain-selective invalidation and a wait, as a driver queues them. */
static void invalidate(struct rig *rig, iova_t iova, bool page)
{
	put64(rig, rig->queue + rig->tail, 2 | (page ? 3u : 2u) << 4 | DOMAIN << 16,
	      page ? iova : 0);
	rig->tail = (rig->tail + 16) % 4096;
	put64(rig, rig->queue + rig->tail, 5 | 1u << 5 | UINT64_C(1) << 32, rig->status);
	rig->tail = (rig->tail + 16) % 4096;
	mmio(rig, 0x88, 8, rig->tail);
}

static void rig_unit(struct rig *rig)
{
	const struct unit_env env = {0};
	const struct vtd_cfg cfg = {.name = "dmar0",
				    .cap = UINT64_C(0xd2008c222f0606),
				    .ecap = 0xf00fca};
	pa_t root = phys_table_alloc(rig->phys), context = phys_table_alloc(rig->phys);

	rig->unit = vtd_create(&cfg, rig->phys, rig->fabric, &env);
	must(rig->unit && dma_fabric_claim_rest(rig->fabric, 0, rig->unit), "unit");
	put64(rig, root + 16 * (REQUESTER >> 8), context | 1, 0);
	put64(rig, context + 16 * (REQUESTER & 0xff), rig->pt.root | 1, 2 | DOMAIN << 8);
	rig->queue = phys_table_alloc(rig->phys);
	rig->status = phys_table_alloc(rig->phys);
	mmio(rig, 0x20, 8, root);
	mmio(rig, 0x18, 4, UINT64_C(1) << 30);
	mmio(rig, 0x90, 8, rig->queue);
	mmio(rig, 0x18, 4, UINT64_C(1) << 26);
	mmio(rig, 0x18, 4, UINT64_C(1) << 26 | UINT64_C(1) << 31);
}

static void rig_init(struct rig *rig, uint64_t bytes, unsigned size_lg2)
{
	const struct phys_cfg cfg = {.prefault_bytes = 2 * (bytes >> 9)};
	const struct pt_caps caps = {.haw = 46, .large_levels = 7, .snoop = true};
	const struct pt_map_req map = {
		.iova = IOVA_BASE,
		.oa = LEAF_BASE,
		.count = bytes >> size_lg2,
		.size_lg2 = (uint8_t)size_lg2,
		.perm = PT_R | PT_W,
		.oa_step = (int64_t)SIO_BIT(size_lg2),
	};

	*rig = (struct rig){.mask = bytes - 1, .seed = UINT64_C(0x9e3779b97f4a7c15)};
	rig->phys = phys_create(&cfg);
	must(rig->phys, "phys");
	rig->fabric = dma_fabric_create(rig->phys);
	must(rig->fabric, "fabric");
	must(pt_init(&rig->pt, rig->phys, &pt_vtd_ss, &caps, 3), "tables");
	must(rig->pt.ops->map(&rig->pt, &map).status == PT_DONE, "map");
	rig_unit(rig);
	rig->port = dma_port_create(rig->fabric);
	must(rig->port, "port");
}

static void rig_fini(struct rig *rig)
{
	dma_port_destroy(rig->port);
	rig->unit->ops->destroy(rig->unit);
	dma_fabric_destroy(rig->fabric);
	pt_fini(&rig->pt);
	phys_destroy(rig->phys);
}

static inline uint64_t xorshift(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

/* The four loops differ in two constants, which the compiler folds. */
static inline __attribute__((always_inline)) void loop(struct rig *rig, struct dma_port *port,
						       uint64_t n, bool dependent, bool call)
{
	struct dma_req req = {.requester = REQUESTER, .len = 8, .kind = DMA_READ};
	uint64_t x = rig->seed, last = 0;
	const uint64_t none = rig->none;

	for (uint64_t i = 0; i < n; i++) {
		struct xlat t;

		x = xorshift(x);
		req.iova = IOVA_BASE + ((x ^ (dependent ? last : 0)) & rig->mask & ~UINT64_C(4095));
		t = call ? dma_translate(port, &req) : dma_translate_inline(port, &req);
		/* A dependence that changes nothing. */
		last = dependent ? t.pa & none : last + t.pa;
	}
	bench_use(last);
}

static void thr_inline(void *ctx, uint64_t n)
{
	struct rig *rig = ctx;

	loop(rig, rig->port, n, false, false);
}

static void dep_inline(void *ctx, uint64_t n)
{
	struct rig *rig = ctx;

	loop(rig, rig->port, n, true, false);
}

static void thr_call(void *ctx, uint64_t n)
{
	struct rig *rig = ctx;

	loop(rig, rig->port, n, false, true);
}

static void dep_call(void *ctx, uint64_t n)
{
	struct rig *rig = ctx;

	loop(rig, rig->port, n, true, true);
}

static void measure(struct bench *bench, struct rig *rig, const char *what)
{
	static const struct {
		const char *name;
		void (*body)(void *ctx, uint64_t n);
	} loops[] = {
		{"thr, inline", thr_inline},
		{"dep, inline", dep_inline},
		{"thr, call", thr_call},
		{"dep, call", dep_call},
	};
	uint64_t n = bench_quick(bench) ? 20000 : 2000000;
	char name[80];

	for (size_t i = 0; i < SIO_ARRAY_SIZE(loops); i++) {
		snprintf(name, sizeof(name), "%s, %s", what, loops[i].name);
		bench_report(bench, "translate", name, bench_run(bench, loops[i].body, rig, n),
			     "ns/op");
	}
}

/* ---- two threads translate while a third invalidates ---- */

struct crowd {
	struct rig *rig;
	pthread_barrier_t start;
	uint64_t n;
	double ns[2];
	unsigned running;
};

struct crowd_thread {
	struct crowd *crowd;
	unsigned index;
};

/* CPU time of the calling thread: three threads may share fewer processors. */
static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void *crowd_translate(void *arg)
{
	struct crowd_thread *self = arg;
	struct crowd *crowd = self->crowd;
	struct dma_port *port = dma_port_create(crowd->rig->fabric);
	uint64_t begin;

	must(port, "port");
	pthread_barrier_wait(&crowd->start);
	begin = thread_ns();
	loop(crowd->rig, port, crowd->n, false, false);
	crowd->ns[self->index] = (double)(thread_ns() - begin) / (double)crowd->n;
	dma_port_destroy(port);
	__atomic_fetch_sub(&crowd->running, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void measure_crowd(struct bench *bench, struct rig *rig)
{
	struct crowd crowd = {.rig = rig, .n = bench_quick(bench) ? 50000 : 20000000, .running = 2};
	struct crowd_thread threads[2] = {{&crowd, 0}, {&crowd, 1}};
	uint64_t invalidations = 0, begin;
	pthread_t handles[2];

	pthread_barrier_init(&crowd.start, NULL, 3);
	for (int i = 0; i < 2; i++)
		must(!pthread_create(&handles[i], NULL, crowd_translate, &threads[i]), "thread");
	pthread_barrier_wait(&crowd.start);
	begin = bench_now();
	for (; __atomic_load_n(&crowd.running, __ATOMIC_ACQUIRE); invalidations++)
		invalidate(rig, IOVA_BASE + (invalidations * 4096 & rig->mask), true);
	bench_report(bench, "translate", "2 threads, third invalidates: CPU per translation",
		     (crowd.ns[0] + crowd.ns[1]) / 2, "ns/op");
	bench_report(bench, "translate", "2 threads, third invalidates: per invalidation",
		     (double)(bench_now() - begin) / (double)(invalidations ? invalidations : 1),
		     "ns/op");
	for (int i = 0; i < 2; i++)
		pthread_join(handles[i], NULL);
	pthread_barrier_destroy(&crowd.start);
}

static void page_flushes(void *ctx, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		invalidate(ctx, IOVA_BASE + (i * 4096 & 0xfffff), true);
}

static void domain_flushes(void *ctx, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		invalidate(ctx, 0, false);
}

void bench_translate(struct bench *bench);

void bench_translate(struct bench *bench)
{
	const unsigned miss_lg2 = bench_quick(bench) ? 28 : 34;
	struct rig rig;

	rig_init(&rig, SIO_BIT(miss_lg2), 12);
	rig.mask = SIO_BIT(12) - 1;
	measure(bench, &rig, "hit, 1 page");
	rig.mask = SIO_BIT(24) - 1;
	measure(bench, &rig, "hit, 4096 pages");
	measure_crowd(bench, &rig);
	bench_report(bench, "translate", "queued page invalidation with wait",
		     bench_run(bench, page_flushes, &rig, 20000), "ns/op");
	bench_report(bench, "translate", "queued domain invalidation with wait",
		     bench_run(bench, domain_flushes, &rig, 20000), "ns/op");
	rig.mask = SIO_BIT(28) - 1;
	measure(bench, &rig, "miss, 256 MiB of 4 KiB pages");
	rig.mask = SIO_BIT(miss_lg2) - 1;
	measure(bench, &rig, bench_quick(bench) ? "miss, small" : "miss, 16 GiB of 4 KiB pages");
	rig_fini(&rig);

	rig_init(&rig, SIO_BIT(30), 21);
	measure(bench, &rig, "hit, 512 pages of 2 MiB");
	rig_fini(&rig);
}
