// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a fuzzer pays besides the operations themselves: a machine created and destroyed, or reset,
 * for each sequence of 32 type1 operations.
 */
#include "bench.h"

#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>

#include "softiommu.h"

void bench_machine(struct bench *bench);

#define OPERATIONS 32u
#define MIB        (UINT64_C(1) << 20)

struct state {
	struct sio_machine_cfg cfg;
	struct sio_machine *machine;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void create_and_destroy(void *ctx, uint64_t n)
{
	const struct state *s = ctx;
	struct sio_machine *machine;

	while (n--) {
		must(!sio_machine_create(&s->cfg, &machine, NULL, 0));
		sio_machine_destroy(machine);
	}
}

static void reset(void *ctx, uint64_t n)
{
	const struct state *s = ctx;

	while (n--)
		must(!sio_machine_reset(s->machine));
}

static void map_and_unmap(struct sio_process *process, int container, uint64_t va, uint64_t i)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
					       .flags = VFIO_DMA_MAP_FLAG_READ,
					       .vaddr = va + i * 4096,
					       .iova = MIB + i * 8192,
					       .size = 4096};
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .iova = map.iova,
						   .size = map.size};

	must(!sio_ioctl(process, container, VFIO_IOMMU_MAP_DMA, &map));
	/* Every other one stays, for the end of the process. */
	if (i % 2)
		must(!sio_ioctl(process, container, VFIO_IOMMU_UNMAP_DMA, &unmap));
}

/* A process, a container with a group, memory, and maps and unmaps, all of them answered 0. */
static void sequence(struct sio_machine *machine)
{
	struct sio_process *process = sio_process_create(machine);
	int container = sio_open(process, "/dev/vfio/vfio"), group;
	char path[32];
	uint64_t va;

	snprintf(path, sizeof(path), "/dev/vfio/%d",
		 sio_device_group(sio_device_find(machine, "A")));
	group = sio_open(process, path);
	must(!sio_ioctl(process, group, VFIO_GROUP_SET_CONTAINER, &container));
	must(!sio_ioctl(process, container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU));
	must(!sio_mem_map(process, &(struct sio_mem){.size = MIB, .prot = SIO_PROT_RW}, &va));
	for (uint64_t i = 0; i < OPERATIONS * 2 / 3; i++)
		map_and_unmap(process, container, va, i);
}

static void sequences(void *ctx, uint64_t n)
{
	const struct state *s = ctx;

	while (n--) {
		sequence(s->machine);
		must(!sio_machine_reset(s->machine));
	}
}

static void one_platform(struct bench *bench, const char *platform)
{
	struct state s = {.cfg = {.platform = platform}};
	uint64_t n = bench_quick(bench) ? 5 : 2000;
	char name[64];

	must(!sio_machine_create(&s.cfg, &s.machine, NULL, 0));
	snprintf(name, sizeof(name), "create and destroy, %s", platform);
	bench_report(bench, "machine", name, bench_run(bench, create_and_destroy, &s, n / 5) / 1000,
		     "us");
	snprintf(name, sizeof(name), "reset, %s", platform);
	bench_report(bench, "machine", name, bench_run(bench, reset, &s, n) / 1000, "us");
	snprintf(name, sizeof(name), "32 type1 operations and reset, %s", platform);
	bench_report(bench, "machine", name, bench_run(bench, sequences, &s, n) / 1000, "us");
	sio_machine_destroy(s.machine);
}

void bench_machine(struct bench *bench)
{
	one_platform(bench, "vtd48");
	one_platform(bench, "amdvi");
}
