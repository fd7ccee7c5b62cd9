// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine that has run a session takes no memory for the next ones like it: whatever a process, a
 * container and its mappings need is what earlier ones left. The linker leads every call of the C
 * library's allocator to a counter (see CMakeLists.txt).
 */
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdio.h>

#include "harness.h"
#include "prng.h"
#include "softiommu.h"

#define MIB      (UINT64_C(1) << 20)
#define AREA     (UINT64_C(4) << 20)
#define PAGE     UINT64_C(4096)
#define SESSIONS 16u
#define WARM_UP  6u

static uint64_t taken;

#define COUNTED(name, params, args)        \
	void *__real_##name params;        \
	void *__wrap_##name params;        \
	void *__wrap_##name params         \
	{                                  \
		taken++;                   \
		return __real_##name args; \
	}

COUNTED(malloc, (size_t size), (size))
COUNTED(calloc, (size_t count, size_t size), (count, size))
COUNTED(realloc, (void *old, size_t size), (old, size))
COUNTED(aligned_alloc, (size_t align, size_t size), (align, size))

/* Check's own assertions take memory. */
static void must(bool ok)
{
	if (!ok)
		ck_abort();
}

static void map(struct sio_process *process, int container, uint64_t area, struct prng *rng)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = area + prng_below(rng, AREA / PAGE) * PAGE,
		.iova = MIB + prng_below(rng, AREA / PAGE) * PAGE,
		.size = (1 + prng_below(rng, 16)) * PAGE,
	};

	sio_ioctl(process, container, VFIO_IOMMU_MAP_DMA, &map);
}

static void unmap(struct sio_process *process, int container, struct prng *rng)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = MIB + prng_below(rng, AREA / PAGE) * PAGE,
		.size = (1 + prng_below(rng, 64)) * PAGE,
	};

	sio_ioctl(process, container, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

/* A process with memory of two kinds, a container with a group and a device, 32 operations. */
static void session(struct sio_machine *machine, uint64_t seed)
{
	struct vfio_iommu_type1_info info = {.argsz = sizeof(info)};
	struct sio_process *process = sio_process_create(machine);
	struct sio_device *device = sio_device_find(machine, "A");
	int container = sio_open(process, "/dev/vfio/vfio"), group;
	struct prng rng = {seed};
	uint64_t area[2];
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device));
	group = sio_open(process, path);
	must(!sio_ioctl(process, group, VFIO_GROUP_SET_CONTAINER, &container));
	must(!sio_ioctl(process, container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU));
	must(sio_ioctl(process, group, VFIO_GROUP_GET_DEVICE_FD,
		       (void *)(uintptr_t)sio_device_bdf(device)) >= 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct sio_mem mem = {.size = AREA,
					    .prot = SIO_PROT_RW,
					    .kind = i ? SIO_MEM_SHARED : SIO_MEM_ANON};

		must(!sio_mem_map(process, &mem, &area[i]));
	}
	for (unsigned i = 0; i < 32; i++) {
		if (prng_below(&rng, 3))
			map(process, container, area[i % 2], &rng);
		else
			unmap(process, container, &rng);
	}
	must(!sio_ioctl(process, container, VFIO_IOMMU_GET_INFO, &info));
	must(!sio_machine_reset(machine));
}

static const char *const kernels[] = {"4.4", "4.19", "5.10", "6.1", "6.12", "6.18"};

START_TEST(a_session_after_others_takes_no_memory)
{
	const struct sio_machine_cfg cfg = {.platform = "vtd48", .kernel = kernels[_i]};
	struct sio_machine *machine;
	char error[256];

	ck_assert_msg(!sio_machine_create(&cfg, &machine, error, sizeof(error)), "%s", error);
	for (unsigned round = 0; round <= WARM_UP; round++) {
		taken = 0;
		for (unsigned seed = 0; seed < SESSIONS; seed++)
			session(machine, seed);
	}
	ck_assert_msg(!taken, "%s: memory was taken %llu times in %u sessions", kernels[_i],
		      (unsigned long long)taken, SESSIONS);
	sio_machine_destroy(machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine_allocations");
	TCase *tcase = tcase_create("machine_allocations");

	tcase_add_loop_test(tcase, a_session_after_others_takes_no_memory, 0,
			    sizeof(kernels) / sizeof(kernels[0]));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
