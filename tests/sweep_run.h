/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sweeps of small clients: every point that they pass fails once, and what comes of it is counted
 * over all clients of a test program.
 *
 * Clients do not look at their answers: in a pass that was disturbed for good, calls fail.
 */
#ifndef TESTS_SWEEP_RUN_H
#define TESTS_SWEEP_RUN_H

#include <errno.h>
#include <fnmatch.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "sweep/sweep.h"

#define MIB UINT64_C(0x100000)

struct sweep_client {
	struct sio_machine *machine;
	struct sio_process *process;
	int container;
};

struct sweep_total {
	struct sweep_result sum;
	unsigned clients;
	uint64_t seen[1024], injected[1024]; /* of each point, in order of the names */
};

/* Of all sweeps of the program; printed by sweep_print(). */
static struct sweep_total sweep_total;

static inline void sweep_problem(void *ctx, const char *text)
{
	printf("%s: %s\n", (const char *)ctx, text);
}

static inline void sweep_add(const struct sweep *sweep)
{
	const struct sweep_result *result = sweep_result(sweep);
	const struct fail_point *point;

	sweep_total.clients++;
	sweep_total.sum.passes += result->passes;
	sweep_total.sum.calls += result->calls;
	sweep_total.sum.points += result->points;
	sweep_total.sum.injected += result->injected;
	sweep_total.sum.refused += result->refused;
	sweep_total.sum.late += result->late;
	sweep_total.sum.tolerated += result->tolerated;
	sweep_total.sum.changed += result->changed;
	sweep_total.sum.left_out += result->left_out;
	sweep_total.sum.audits += result->audits;
	sweep_total.sum.leaks += result->leaks;
	sweep_total.sum.problems += result->problems;
	for (size_t i = 0; (point = fail_point_at(i)) && i < 1024; i++) {
		struct fail_count count = sweep_count(sweep, point);

		sweep_total.seen[i] += count.seen;
		sweep_total.injected[i] += count.injected;
	}
}

/* Sweep a client of a machine; its problems fail the test. */
static inline void sweep_machine(const char *name, const struct sio_machine_cfg *machine_cfg,
				 void (*client)(struct sweep_client *client))
{
	struct sweep_cfg cfg = {.ctx = (void *)(uintptr_t)name,
				.problem = sweep_problem,
				.max_passes = 256};
	struct sweep *sweep = sweep_create(&cfg);
	struct sweep_result result;

	ck_assert_ptr_nonnull(sweep);
	do {
		struct sweep_client c = {0};
		char error[512] = "";

		ck_assert_msg(!sio_machine_create(machine_cfg, &c.machine, error, sizeof(error)),
			      "%s", error);
		/* Its oldest unit does not remap interrupts: nothing could be attached. */
		if (!strcmp(machine_cfg->platform, "vtd-mixed"))
			sio_param(c.machine, "allow_unsafe_interrupts", 1);
		sweep_begin(sweep, c.machine);
		c.process = sio_process_create(c.machine);
		ck_assert_ptr_nonnull(c.process);
		client(&c);
		sweep_end(sweep);
		sio_machine_destroy(c.machine);
	} while (sweep_goes_on(sweep));
	result = *sweep_result(sweep);
	sweep_add(sweep);
	sweep_destroy(sweep);
	ck_assert_uint_gt(result.injected, 0);
	ck_assert_msg(!result.problems, "%s: %s", name, result.first_problem);
	ck_assert_msg(!result.left_out, "%s: %llu points were left out", name,
		      (unsigned long long)result.left_out);
}

/* Why no client of a program passes a point: first pattern that its name matches. */
struct sweep_reason {
	const char *point, *reason;
};

/* Points that only a boot passes, or a machine without a kernel: other tests fail those. */
#define SWEEP_BOOT_REASONS                                                              \
	{"*.create*", "passed at boot"}, {"*.probe*", "passed at boot"},                \
		{"*.init", "passed at boot"},                                           \
		{"*.device", "passed at boot, as devices are found"},                   \
		{"*.device.*", "passed at boot, as devices are found"},                 \
		{"*.unit.*", "passed at boot, as units are brought up"},                \
		{"*.bind.*", "passed at boot, as devices are bound"},                   \
		{"*.add", "passed at boot, as the machine is put together"},            \
		{"dma.fabric.*", "passed at boot, as the machine is put together"},     \
		{"flush.*", "passed with several ports that do DMA on threads"},        \
		{"iotlb.*", "passed at boot, or with several ports"},                   \
	{                                                                               \
		"*.attach.context", "tables of a bus that has none yet: passed at boot" \
	}

static inline const char *sweep_reason_for(const struct sweep_reason *reasons, const char *name)
{
	for (; reasons->point; reasons++)
		if (!fnmatch(reasons->point, name, 0))
			return reasons->reason;
	return "no client here does what leads to it";
}

static inline void sweep_print(const struct sweep_reason *reasons)
{
	const struct sweep_result *sum = &sweep_total.sum;
	const struct fail_point *point;
	unsigned reached = 0, never = 0;

	for (size_t i = 0; (point = fail_point_at(i)) && i < 1024; i++) {
		reached += sweep_total.seen[i] != 0;
		never += sweep_total.seen[i] == 0;
	}
	printf("%u clients, %llu calls, %u passes\n", sweep_total.clients,
	       (unsigned long long)sum->calls, sum->passes);
	printf("%u points reached, %llu passages, %llu failures injected\n", reached,
	       (unsigned long long)sum->points, (unsigned long long)sum->injected);
	printf("%llu refused and nothing changed, %llu failed late, %llu tolerated, %llu changed "
	       "something that the kernel changes too\n",
	       (unsigned long long)sum->refused, (unsigned long long)sum->late,
	       (unsigned long long)sum->tolerated, (unsigned long long)sum->changed);
	printf("%llu audits, leaks %llu, problems %llu\n", (unsigned long long)sum->audits,
	       (unsigned long long)sum->leaks, (unsigned long long)sum->problems);
	printf("%u points never reached%s\n", never, never ? ":" : "");
	for (size_t i = 0; (point = fail_point_at(i)) && i < 1024; i++)
		if (!sweep_total.seen[i])
			printf("  %s: %s\n", point->name, sweep_reason_for(reasons, point->name));
}

/* ---- what clients do ---- */

static inline int sweep_group(const struct sweep_client *c, const char *device)
{
	struct sio_device *found = sio_device_find(c->machine, device);
	char path[32];

	ck_assert_msg(found != NULL, "no device %s", device);
	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(found));
	return sio_open(c->process, path);
}

static inline int sweep_join(const struct sweep_client *c, int group)
{
	int container = c->container;

	return sio_ioctl(c->process, group, VFIO_GROUP_SET_CONTAINER, &container);
}

static inline int sweep_device(const struct sweep_client *c, int group, const char *device)
{
	char name[32];

	snprintf(name, sizeof(name), "%s", sio_device_bdf(sio_device_find(c->machine, device)));
	return sio_ioctl(c->process, group, VFIO_GROUP_GET_DEVICE_FD, name);
}

static inline uint64_t sweep_memory(const struct sweep_client *c, uint64_t size,
				    enum sio_contiguity contiguity)
{
	struct sio_mem mem = {.size = size, .prot = SIO_PROT_RW, .contiguity = contiguity};
	uint64_t address = 0;

	sio_mem_map(c->process, &mem, &address);
	return address;
}

static inline int sweep_map(const struct sweep_client *c, uint64_t iova, uint64_t vaddr,
			    uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .vaddr = vaddr, .iova = iova, .size = size};

	return sio_ioctl(c->process, c->container, VFIO_IOMMU_MAP_DMA, &map);
}

static inline int64_t sweep_unmap(const struct sweep_client *c, uint64_t iova, uint64_t size,
				  uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .flags = flags,
						   .iova = iova,
						   .size = size};

	if (sio_ioctl(c->process, c->container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -1;
	return (int64_t)unmap.size;
}

#define SWEEP_RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

#endif
