/* SPDX-License-Identifier: GPL-2.0-only */
/* A VT-d machine with one device in one type1 container, and a process, for benchmarks. */
#ifndef TESTS_BENCH_BENCH_TYPE1_H
#define TESTS_BENCH_BENCH_TYPE1_H

#include "bench.h"

#include "core/mm_sim.h"
#include "drv/drv_vtd.h"
#include "type1/type1.h"

#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 48 bits, 4 KiB to 1 GiB pages, snoop control, interrupt remapping, page-selective invalidation.
 */
#define RIG_CAP  UINT64_C(0xd2008c222f0606)
#define RIG_ECAP UINT64_C(0xf00fca)
#define RIG_VA   UINT64_C(0x100000000000)

struct t1_rig {
	struct topology topology;
	struct iommu iommu;
	struct unit *unit;
	struct drv_vtd *drv;
	struct iommu_group *group;
	struct type1_params params;
	struct type1 *t1;
	struct caller caller;
};

static inline void rig_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "benchmark: %s\n", what);
	exit(1);
}

static inline int rig_copy_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	(void)ua;
	memcpy(dst, (const void *)(uintptr_t)src, len);
	return 0;
}

static inline int rig_copy_out(const struct uaccess *ua, uint64_t dst, const void *src, size_t len)
{
	(void)ua;
	memcpy((void *)(uintptr_t)dst, src, len);
	return 0;
}

static const struct uaccess rig_ua = {.copy_in = rig_copy_in, .copy_out = rig_copy_out};

static inline void rig_msi(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx;
	(void)address;
	(void)data;
}

static inline void rig_open(struct t1_rig *rig, uint64_t ram_bytes, uint64_t table_bytes)
{
	const struct phys_cfg phys = {.ram_bytes = ram_bytes, .prefault_bytes = table_bytes};
	const struct vtd_cfg vtd = {.name = "dmar0", .cap = RIG_CAP, .ecap = RIG_ECAP};
	const struct unit_env env = {.msi = rig_msi};
	const struct pci_function fn = {.rid = PCI_RID(0, PCI_DEVFN(1, 0)),
					.type = PCI_RC_ENDPOINT};
	struct pci_function *added;
	struct iommu_device *dev;
	const char *why;

	*rig = (struct t1_rig){0};
	topology_init(&rig->topology);
	added = topology_add(&rig->topology, &fn, &why);
	rig->iommu.topology = &rig->topology;
	rig->iommu.phys = phys_create(&phys);
	rig_must(added && rig->iommu.phys, "no memory for the machine");
	rig->iommu.fabric = dma_fabric_create(rig->iommu.phys);
	rig_must(rig->iommu.fabric, "no memory for the machine");
	rig->unit = vtd_create(&vtd, rig->iommu.phys, rig->iommu.fabric, &env);
	rig_must(rig->unit && dma_fabric_claim_rest(rig->iommu.fabric, 0, rig->unit), "no unit");
	rig_must(!iommu_init(&rig->iommu), "no IOMMU core");
	rig_must(!drv_vtd_probe(&rig->iommu,
				&(struct drv_vtd_cfg){.units = &rig->unit,
						      .unit_count = 1,
						      .intremap = true},
				&rig->drv),
		 "the unit does not come up");
	rig_must(!iommu_device_add(&rig->iommu, added, &dev), "no device");
	rig->group = dev->group;
	rig_must(!iommu_group_claim(rig->group, rig), "the group is not free");

	rig->caller.ua = &rig_ua;
	rig->caller.task = task_create();
	rig_must(rig->caller.task, "no memory for the process");
	*rig->caller.task = (struct task){
		.mm = mm_sim_create(rig->iommu.phys, 1),
		.refs = 1,
		.cap_ipc_lock = true,
		.rlimit_memlock = UINT64_MAX,
	};
	rig_must(rig->caller.task->mm, "no memory for the process");
	rig->params = (struct type1_params){.dma_entry_limit = UINT32_MAX,
					    .allow_unsafe_interrupts = true};
	rig_must(!t1_open(&rig->iommu, &rig->params, VFIO_TYPE1v2_IOMMU, &rig->t1), "no container");
	rig_must(!t1_attach_group(rig->t1, rig->group, &rig->caller), "the group does not attach");
}

static inline void rig_close(struct t1_rig *rig)
{
	t1_detach_group(rig->t1, rig->group);
	t1_release(rig->t1);
	task_put(rig->caller.task);
	iommu_group_release(rig->group);
	iommu_fini(&rig->iommu);
	drv_vtd_remove(rig->drv);
	rig->unit->ops->destroy(rig->unit);
	dma_fabric_destroy(rig->iommu.fabric);
	phys_destroy(rig->iommu.phys);
	topology_fini(&rig->topology);
}

static inline void rig_memory(struct t1_rig *rig, uint64_t len, enum mm_contiguity contiguity)
{
	const struct mm_map_req req = {.va = RIG_VA,
				       .len = len,
				       .prot = MM_READ | MM_WRITE,
				       .contiguity = contiguity};

	rig_must(!mm_sim_map(rig->caller.task->mm, &req), "no memory for the guest");
}

static inline long rig_map(struct t1_rig *rig, uint64_t iova, uint64_t vaddr, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = 3, .vaddr = vaddr, .iova = iova, .size = size};

	return t1_ioctl(rig->t1, &rig->caller, VFIO_IOMMU_MAP_DMA, (uintptr_t)&map);
}

static inline uint64_t rig_unmap(struct t1_rig *rig, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .iova = iova,
						   .size = size};
	long rc = t1_ioctl(rig->t1, &rig->caller, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&unmap);

	return rc ? 0 : unmap.size;
}

/* Resident memory of this program. */
static inline uint64_t rig_rss_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long total, resident = 0;

	if (file) {
		if (fscanf(file, "%lu %lu", &total, &resident) != 2)
			resident = 0;
		fclose(file);
	}
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

#endif
