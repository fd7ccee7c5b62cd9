// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IOAS with one VT-d domain, through the ioctls: one large mapping of memory in runs of 2 MiB,
 * and up to 10^6 areas of one page in random order.
 */
#include "bench_type1.h"

#include "iommufd/iommufd_private.h"

void bench_iommufd(struct bench *bench);

#define BASE       (UINT64_C(1) << 32)
#define POOL_BYTES UINT64_C(0x10000000)

struct state {
	struct t1_rig rig;
	struct iommufd_env env;
	struct file *file;
	struct iommufd_device *idev;
	uint32_t ioas;
	uint64_t *iova;
	uint64_t areas;
};

/* The device leaves its container for an IOAS. */
static void state_open(struct state *s, uint64_t ram_bytes, uint64_t memory)
{
	struct iommu_ioas_alloc alloc = {.size = sizeof(alloc)};
	uint32_t id, pt;
	int error;

	rig_open(&s->rig, ram_bytes, 0);
	rig_memory(&s->rig, memory, MM_RUN_2M);
	rig_must(!mm_sim_touch(s->rig.caller.task->mm, RIG_VA, memory), "no memory");
	t1_detach_group(s->rig.t1, s->rig.group);
	iommu_group_release(s->rig.group);
	s->env.iommu = &s->rig.iommu;
	s->file = iommufd_open(&s->env, &error);
	rig_must(s->file, "no iommufd");
	rig_must(!iommufd_device_bind(iommufd_ctx_from_file(s->file),
				      iommu_group_first_device(s->rig.group), &s->idev, &id),
		 "the device does not bind");
	rig_must(!s->file->ops->ioctl(s->file, &s->rig.caller, IOMMU_IOAS_ALLOC, (uintptr_t)&alloc),
		 "no IOAS");
	s->ioas = pt = alloc.out_ioas_id;
	rig_must(!iommufd_device_attach(s->idev, IOMMU_NO_PASID, &pt),
		 "the device does not attach");
}

static void state_close(struct state *s)
{
	iommufd_device_detach(s->idev, IOMMU_NO_PASID);
	iommufd_device_unbind(s->idev);
	file_put(s->file);
	rig_must(!iommu_group_claim(s->rig.group, &s->rig), "the group is not free");
	rig_must(!t1_attach_group(s->rig.t1, s->rig.group, &s->rig.caller), "no way back");
	rig_close(&s->rig);
}

static void map(struct state *s, uint64_t iova, uint64_t va, uint64_t length)
{
	struct iommu_ioas_map cmd = {.size = sizeof(cmd),
				     .flags = 7,
				     .ioas_id = s->ioas,
				     .user_va = va,
				     .length = length,
				     .iova = iova};

	if (s->file->ops->ioctl(s->file, &s->rig.caller, IOMMU_IOAS_MAP, (uintptr_t)&cmd))
		abort();
}

static void unmap(struct state *s, uint64_t iova, uint64_t length)
{
	struct iommu_ioas_unmap cmd = {.size = sizeof(cmd),
				       .ioas_id = s->ioas,
				       .iova = iova,
				       .length = length};

	if (s->file->ops->ioctl(s->file, &s->rig.caller, IOMMU_IOAS_UNMAP, (uintptr_t)&cmd))
		abort();
}

/* ---- one large mapping ---- */

struct large {
	struct state state;
	uint64_t bytes;
};

static void map_and_unmap_large(void *ctx, uint64_t n)
{
	struct large *large = ctx;

	while (n--) {
		map(&large->state, BASE, RIG_VA, large->bytes);
		unmap(&large->state, BASE, large->bytes);
	}
}

static void large_mapping(struct bench *bench)
{
	static struct large large;
	const uint64_t gib = bench_quick(bench) ? 1 : 16;
	char name[64];
	double ns;

	large = (struct large){.bytes = gib << 30};
	state_open(&large.state, UINT64_C(2) * large.bytes + (UINT64_C(1) << 32), large.bytes);
	ns = bench_run(bench, map_and_unmap_large, &large, bench_quick(bench) ? 2 : 20);
	snprintf(name, sizeof(name), "map and unmap %lu GiB in 2 MiB runs", (unsigned long)gib);
	bench_report(bench, "iommufd", name, ns, "ns/pair");
	state_close(&large.state);
}

/* ---- many areas ---- */

static uint64_t va_of(uint64_t i)
{
	return RIG_VA + i * SIO_PAGE_SIZE % POOL_BYTES;
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
	const uint64_t start = bench_now();

	for (uint64_t i = 0; i < s->areas; i++)
		map(s, s->iova[i], va_of(i), SIO_PAGE_SIZE);
	return (double)(bench_now() - start) / (double)s->areas;
}

static double unmap_all(struct state *s)
{
	const uint64_t start = bench_now();

	for (uint64_t i = 0; i < s->areas; i++)
		unmap(s, s->iova[i], SIO_PAGE_SIZE);
	return (double)(bench_now() - start) / (double)s->areas;
}

static void report(struct bench *bench, const struct state *s, const char *what, double value,
		   const char *unit)
{
	char name[64];

	snprintf(name, sizeof(name), "%s, %lu areas of 4 KiB", what, (unsigned long)s->areas);
	bench_report(bench, "iommufd", name, value, unit);
}

static void many_areas(struct bench *bench, uint64_t areas)
{
	static struct state s;
	uint64_t before;

	s = (struct state){.areas = areas, .iova = malloc(areas * sizeof(uint64_t))};
	if (!s.iova)
		return;
	/* Every second place. */
	for (uint64_t i = 0; i < areas; i++)
		s.iova[i] = BASE + 2 * i * SIO_PAGE_SIZE;
	shuffle(s.iova, areas);
	state_open(&s, UINT64_C(1) << 35, POOL_BYTES);
	before = rig_rss_bytes();
	report(bench, &s, "map", map_all(&s), "ns/op");
	report(bench, &s, "memory, tables included",
	       (double)(rig_rss_bytes() - before) / (double)areas, "bytes/area");
	report(bench, &s, "unmap", unmap_all(&s), "ns/op");
	state_close(&s);
	free(s.iova);
}

void bench_iommufd(struct bench *bench)
{
	const uint64_t most = bench_quick(bench) ? 1000 : 1000000;

	large_mapping(bench);
	for (uint64_t n = 1000; n <= most; n *= 1000)
		many_areas(bench, n);
}
