/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What programs do to find out which kernel they are on: sequences of operations, each of which
 * comes to one number. Shared by the tests of kernels and of their single switches.
 */
#ifndef TESTS_KERNELS_SEQUENCES_H
#define TESTS_KERNELS_SEQUENCES_H

#include "vfio_machine.h"

#define PAGE UINT64_C(0x1000)
#define LAST (-PAGE)

static struct rig rig;
static int group = -1;

static inline long set_iommu(unsigned long type)
{
	return rig_ioctl_value(&rig, rig.container, VFIO_SET_IOMMU, type);
}

/* Group A in the container, and the driver on. */
static inline void use(unsigned long type)
{
	group = rig_group(&rig, "A");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(set_iommu(type), 0);
}

/* The newest type that there is. */
static inline void use_v2(void)
{
	bool v2 = rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU);

	use(v2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU);
}

static inline uint64_t memory(uint64_t pages)
{
	struct sio_mem mem = {.size = pages * PAGE,
			      .prot = SIO_PROT_RW,
			      .contiguity = SIO_RUN_WHOLE};
	uint64_t va;

	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &va), 0);
	return va;
}

static inline long map_flags(uint64_t iova, uint64_t va, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .vaddr = va, .iova = iova, .size = size};

	return rig_ioctl(&rig, rig.container, VFIO_IOMMU_MAP_DMA, &map);
}

static inline long map(uint64_t iova, uint64_t va, uint64_t size)
{
	return map_flags(iova, va, size, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

/* What stands in the structure afterwards, or -errno. */
static inline long unmap_flags(uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .flags = flags,
						   .iova = iova,
						   .size = size};
	long rc = rig_ioctl(&rig, rig.container, VFIO_IOMMU_UNMAP_DMA, &unmap);

	return rc ? rc : (long)unmap.size;
}

static inline long unmap(uint64_t iova, uint64_t size)
{
	return unmap_flags(iova, size, 0);
}

static inline long dirty_start(void)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {.argsz = sizeof(dirty),
						      .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START};

	return rig_ioctl(&rig, rig.container, VFIO_IOMMU_DIRTY_PAGES, &dirty);
}

static inline long extension(unsigned long number)
{
	use(VFIO_TYPE1_IOMMU);
	return rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, number);
}

/* ---- sequences ---- */

static inline long open_type(unsigned long type)
{
	group = rig_group(&rig, "A");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	return set_iommu(type);
}

static inline long open_v1(void)
{
	return open_type(VFIO_TYPE1_IOMMU);
}

static inline long open_v2(void)
{
	return open_type(VFIO_TYPE1v2_IOMMU);
}

static inline long open_nesting(void)
{
	return open_type(VFIO_TYPE1_NESTING_IOMMU);
}

static inline long ask_dma_cc(void)
{
	return extension(VFIO_DMA_CC_IOMMU);
}

static inline long ask_unmap_all(void)
{
	return extension(VFIO_UNMAP_ALL);
}

static inline long ask_update_vaddr(void)
{
	return extension(VFIO_UPDATE_VADDR);
}

static inline long join_bad_fd(void)
{
	group = rig_group(&rig, "A");
	return rig_join(&rig, group, -1);
}

static inline long join_closed_fd(void)
{
	group = rig_group(&rig, "A");
	return rig_join(&rig, group, 999);
}

static inline long join_twice_closed_fd(void)
{
	use(VFIO_TYPE1_IOMMU);
	return rig_join(&rig, group, 999);
}

static inline long join_another_file(void)
{
	group = rig_group(&rig, "A");
	return rig_join(&rig, group, group);
}

static inline long join_unviable(void)
{
	group = rig_group(&rig, "F");
	return rig_join(&rig, group, rig.container);
}

static inline long open_device_unviable(void)
{
	if (join_unviable() || set_iommu(VFIO_TYPE1_IOMMU))
		return -EPERM;
	return rig_device(&rig, group, "F");
}

static inline long open_unknown_device(void)
{
	group = rig_group(&rig, "A");
	return rig_device(&rig, group, "0000:99:00.0");
}

static inline long device_irqs(void)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int fd;

	use(VFIO_TYPE1_IOMMU);
	fd = rig_device(&rig, group, "A");
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_GET_INFO, &info), 0);
	return info.num_irqs;
}

static inline long map_to_the_end(void)
{
	use_v2();
	return map(LAST, memory(1), PAGE);
}

static inline long map_to_the_end_is_noticed(void)
{
	long notices = 0;

	map_to_the_end();
	while (sio_notice_next(rig.machine))
		notices++;
	return notices;
}

static inline long map_over_the_end(void)
{
	use_v2();
	return map(LAST, memory(2), 2 * PAGE);
}

static inline long map_reserved(void)
{
	use_v2();
	return map(0xfee00000, memory(1), PAGE);
}

static inline long map_beyond_aperture(void)
{
	use_v2();
	return map(UINT64_C(1) << 48, memory(1), PAGE);
}

static inline long map_third_of_two(void)
{
	uint64_t va = memory(3);

	sio_param(rig.machine, "dma_entry_limit", 2);
	use_v2();
	ck_assert_int_eq(map(0x1000, va, PAGE), 0);
	ck_assert_int_eq(map(0x5000, va + PAGE, PAGE), 0);
	return map(0x9000, va + 2 * PAGE, PAGE);
}

static inline long count_neighbours(void)
{
	uint64_t va = memory(2);
	struct sio_stats stats;

	use_v2();
	ck_assert_int_eq(map(0x1000, va, PAGE), 0);
	ck_assert_int_eq(map(0x2000, va + PAGE, PAGE), 0);
	sio_stats(rig.machine, &stats);
	return (long)stats.mappings;
}

static inline long unmap_over_the_end(void)
{
	use(VFIO_TYPE1_IOMMU);
	return unmap(LAST - PAGE, 3 * PAGE);
}

static inline long unmap_to_the_end(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x5000, memory(1), PAGE), 0);
	return unmap(0x1000, -UINT64_C(0x1000));
}

static inline long unmap_nothing(void)
{
	use(VFIO_TYPE1_IOMMU);
	return unmap(0x1000, 0);
}

/* The upper mapping was made first, so it is the root of the tree. */
static inline long unmap_across_two(void)
{
	uint64_t va = memory(64);

	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x20000, va, 0x10000), 0);
	ck_assert_int_eq(map(0x10000, va + 0x20000, 0x10000), 0);
	return unmap(0x1f000, 0x2000);
}

static inline long unmap_front(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(16), 0x10000), 0);
	return unmap(0x10000, PAGE);
}

static inline long unmap_front_v2(void)
{
	use_v2();
	ck_assert_int_eq(map(0x10000, memory(16), 0x10000), 0);
	return unmap(0x10000, PAGE);
}

static inline long unmap_as_child(void)
{
	struct sio_process *parent = rig.process;
	long size;

	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	rig.process = sio_process_fork(parent);
	ck_assert_ptr_nonnull(rig.process);
	size = unmap(0x10000, PAGE);
	rig.process = parent;
	return size;
}

/* The parent's count after its child unmapped what it had mapped. */
static inline long charge_after_child(void)
{
	unmap_as_child();
	return (long)sio_process_vmlck(rig.process);
}

static inline long unmap_all(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	return unmap_flags(0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}

static inline long invalidate_vaddr(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	return unmap_flags(0x10000, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR);
}

static inline long charge_of_untouched(void)
{
	struct sio_mem mem = {.size = PAGE, .prot = SIO_PROT_RW, .contiguity = SIO_RUN_4K};
	uint64_t va;

	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &va), 0);
	use_v2();
	ck_assert_int_eq(map_flags(0x10000, va, PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	return (long)sio_process_vmlck(rig.process);
}

static inline struct vfio_iommu_type1_info info_of_driver(void)
{
	struct vfio_iommu_type1_info info = {.argsz = 16};

	use_v2();
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info), 0);
	return info;
}

static inline long info_flags(void)
{
	return info_of_driver().flags;
}

static inline long info_argsz(void)
{
	return info_of_driver().argsz;
}

static inline long info_pgsizes(void)
{
	return (long)info_of_driver().iova_pgsizes;
}

static inline long info_unwritable(void)
{
	struct vfio_iommu_type1_info info = {.argsz = 16};

	use_v2();
	ck_assert_int_eq(sio_inject(rig.machine, "copy-out:nth=1,errno=EFAULT", NULL, 0), 0);
	return rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info);
}

static inline long dirty_v1(void)
{
	use(VFIO_TYPE1_IOMMU);
	return dirty_start();
}

static inline long dirty_v2(void)
{
	use_v2();
	return dirty_start();
}

static inline long read_write_only(void)
{
	struct sio_device *device = sio_device_find(rig.machine, "A");
	char byte;

	use_v2();
	ck_assert_int_ge(rig_device(&rig, group, "A"), 0);
	ck_assert_int_eq(map_flags(0x10000, memory(1), PAGE, VFIO_DMA_MAP_FLAG_WRITE), 0);
	return sio_dma_read(device, 0x10000, &byte, 1, NULL) == 0;
}

/* ---- more than one process ---- */

static inline long in_child(long (*run)(void))
{
	struct sio_process *parent = rig.process;
	long answer;

	rig.process = sio_process_fork(parent);
	ck_assert_ptr_nonnull(rig.process);
	answer = run();
	sio_process_exit(rig.process);
	rig.process = parent;
	return answer;
}

static inline long child_unmaps(void)
{
	ck_assert_int_ge(unmap(0x10000, PAGE), 0);
	return (long)sio_process_vmlck(rig.process);
}

/* The child's own count. */
static inline long charge_of_child(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	return in_child(child_unmaps);
}

static inline long child_invalidates(void)
{
	return unmap_flags(0x10000, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR);
}

static inline long invalidate_as_child(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	return in_child(child_invalidates);
}

static inline long child_gives_address(void)
{
	map_flags(0x10000, PAGE, PAGE, VFIO_DMA_MAP_FLAG_VADDR);
	return (long)sio_process_vmlck(rig.process);
}

/* The count of the child that gave a mapping its new address. */
static inline long charge_after_new_vaddr(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	unmap_flags(0x10000, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR);
	return in_child(child_gives_address);
}

static inline long charge_after_exec(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	ck_assert_int_eq(sio_process_exec(rig.process), 0);
	unmap(0x10000, PAGE);
	return (long)sio_process_vmlck(rig.process);
}

static inline void limit_pages(uint64_t pages)
{
	sio_process_set_caps(rig.process, SIO_CAP_SYS_RAWIO);
	sio_process_set_memlock(rig.process, pages * PAGE);
}

static inline long child_maps_below_zero(void)
{
	unmap(0x10000, 3 * PAGE);
	limit_pages(1);
	return map(0x20000, memory(3), 3 * PAGE);
}

static inline long map_below_zero(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(3), 3 * PAGE), 0);
	return in_child(child_maps_below_zero);
}

/* What the device reads of a page that the parent wrote after a fork. */
static inline long write_after_fork(void)
{
	uint64_t va = memory(1);
	char byte = 0;

	use_v2();
	ck_assert_int_eq(map(0x10000, va, PAGE), 0);
	ck_assert_int_eq(sio_mem_write(rig.process, va, "a", 1), 0);
	ck_assert_ptr_nonnull(sio_process_fork(rig.process));
	ck_assert_int_eq(sio_mem_write(rig.process, va, "b", 1), 0);
	ck_assert_int_eq(sio_dma_read(sio_device_find(rig.machine, "A"), 0x10000, &byte, 1, NULL),
			 0);
	return byte;
}

/* ---- what pages cost ---- */

static inline uint64_t memory_at(uint64_t va, uint64_t pages, enum sio_mem_kind kind,
				 enum sio_contiguity contiguity)
{
	struct sio_mem mem = {.address = va,
			      .size = pages * PAGE,
			      .prot = SIO_PROT_RW,
			      .kind = kind,
			      .contiguity = contiguity};

	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &va), 0);
	return va;
}

static inline long charge_of_border(void)
{
	const uint64_t va = UINT64_C(0x100000000);

	memory_at(va, 1, SIO_MEM_SHARED, SIO_RUN_WHOLE);
	memory_at(va + PAGE, 1, SIO_MEM_ANON, SIO_RUN_WHOLE);
	use_v2();
	ck_assert_int_eq(map_flags(0x10000, va, 2 * PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	return (long)sio_process_vmlck(rig.process);
}

/* Of two pages in a part of a huge page, one of which has been written. */
static inline long charge_beside_touched(void)
{
	const uint64_t va = UINT64_C(0x100000000);

	memory_at(va, 8, SIO_MEM_ANON, SIO_RUN_2M);
	ck_assert_int_eq(sio_mem_write(rig.process, va + PAGE, "x", 1), 0);
	use_v2();
	ck_assert_int_eq(map_flags(0x10000, va, 2 * PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	return (long)sio_process_vmlck(rig.process);
}

/* Of the last page of a MAP that failed at its second: were pages beyond touched? */
static inline long charge_after_failure(void)
{
	uint64_t va = memory_at(0, 4, SIO_MEM_ANON, SIO_RUN_4K);

	use_v2();
	limit_pages(1);
	ck_assert_int_eq(map(0x10000, va, 4 * PAGE), -ENOMEM);
	ck_assert_int_eq(map_flags(0x10000, va + 3 * PAGE, PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	return (long)sio_process_vmlck(rig.process);
}

static inline uint64_t bar_memory(uint64_t pages)
{
	int fd = rig_device(&rig, group, "A");
	uint64_t va;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(sio_mem_map_fd(rig.process, fd, REGION(0), pages * PAGE, 0, &va), 0);
	return va;
}

static inline long map_bar_over_limit(void)
{
	uint64_t va;

	use_v2();
	va = bar_memory(2);
	limit_pages(1);
	return map(0x10000, va, 2 * PAGE);
}

static inline long map_protected_bar(void)
{
	uint64_t va;

	use_v2();
	va = bar_memory(1);
	ck_assert_int_eq(sio_mem_protect(rig.process, va, PAGE, SIO_PROT_NONE), 0);
	return map_flags(0x10000, va, PAGE, VFIO_DMA_MAP_FLAG_READ);
}

/* ---- what UNMAP removes, and how ---- */

static inline long unmap_of_large_page(void)
{
	struct sio_mem mem = {.size = 512 * PAGE, .prot = SIO_PROT_RW, .hugetlb = true};
	uint64_t va;

	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &va), 0);
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x200000, va, 512 * PAGE), 0);
	return unmap(0x200000, PAGE);
}

static inline long unmap_with_hole(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x18000, memory(1), PAGE), 0);
	return unmap(0x10000, 16 * PAGE);
}

/* Two runs go; the driver forgets the second invalidation, if there is one. */
static inline long second_invalidation(void)
{
	struct sio_device *device = sio_device_find(rig.machine, "A");
	uint64_t va = memory_at(0, 2, SIO_MEM_ANON, SIO_RUN_4K);
	char byte;

	use_v2();
	ck_assert_int_eq(map(0x10000, va, 2 * PAGE), 0);
	ck_assert_int_eq(sio_dma_read(device, 0x10000, &byte, 1, NULL), 0);
	ck_assert_int_eq(sio_dma_read(device, 0x11000, &byte, 1, NULL), 0);
	ck_assert_int_eq(sio_inject(rig.machine, "drv.skip-iotlb:nth=2", NULL, 0), 0);
	ck_assert_int_eq(sio_ioctl(rig.process, rig.container, VFIO_IOMMU_UNMAP_DMA,
				   &(struct vfio_iommu_type1_dma_unmap){.argsz = 24,
									.iova = 0x10000,
									.size = 2 * PAGE}),
			 0);
	return sio_dma_read(device, 0x11000, &byte, 1, NULL) == 0;
}

/* ---- the end of the address space ---- */

static inline long charge_of_last_page(void)
{
	use_v2();
	map(LAST, memory(1), PAGE);
	return (long)sio_process_vmlck(rig.process);
}

static inline long map_last_page_twice(void)
{
	use_v2();
	map(LAST, memory(1), PAGE);
	return map(LAST, memory(1), PAGE);
}

/* Read, then written to beside what was read: the first time a reader finds the huge zero page. */
static inline long charge_beside_written(void)
{
	struct sio_mem mem = {.size = 512 * PAGE, .prot = SIO_PROT_RW, .contiguity = SIO_RUN_2M};
	uint64_t va = UINT64_C(1) << 40;

	mem.address = va;
	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &va), 0);
	use_v2();
	ck_assert_int_eq(map_flags(0x10000, va, PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	ck_assert_int_eq(map(0x20000, va + PAGE, PAGE), 0);
	ck_assert_int_eq(unmap(0x10000, PAGE), PAGE);
	ck_assert_int_eq(unmap(0x20000, PAGE), PAGE);
	ck_assert_int_eq(map_flags(0x10000, va + 2 * PAGE, PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	return (long)sio_process_vmlck(rig.process);
}

/* Device E's DMA carries the id of the bridge above it. Its old domain lives on with device A. */
static inline long move_behind_bridge(void)
{
	struct sio_device *device = sio_device_find(rig.machine, "E");
	int first = rig.container, bridged, fd;
	long reads;
	char byte;

	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	bridged = rig_group(&rig, "E");
	ck_assert_int_eq(rig_join(&rig, bridged, first), 0);
	fd = rig_device(&rig, bridged, "E");
	ck_assert_int_eq(sio_dma_read(device, 0x10000, &byte, 1, NULL), 0);
	sio_close(rig.process, fd);
	sio_close(rig.process, bridged);
	rig.container = sio_open(rig.process, "/dev/vfio/vfio");
	bridged = rig_group(&rig, "E");
	ck_assert_int_eq(rig_join(&rig, bridged, rig.container), 0);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1_IOMMU), 0);
	ck_assert_int_ge(rig_device(&rig, bridged, "E"), 0);
	ck_assert_int_eq(map(0x20000, memory(1), PAGE), 0);
	reads = sio_dma_read(device, 0x20000, &byte, 1, NULL) == 0;
	rig.container = first;
	return reads;
}

static inline long unmap_last_page(void)
{
	use_v2();
	map(LAST, memory(1), PAGE);
	return unmap(LAST, PAGE);
}

static inline long dirty_get_to_the_end(void)
{
	uint64_t bits[2] = {0};
	struct {
		uint32_t argsz, flags;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {.argsz = sizeof(arg),
		 .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		 .get = {.iova = LAST,
			 .size = PAGE,
			 .bitmap = {.pgsize = PAGE, .size = 8, .data = (void *)bits}}};

	use_v2();
	dirty_start();
	return rig_ioctl(&rig, rig.container, VFIO_IOMMU_DIRTY_PAGES, &arg);
}

/* ---- domains ---- */

/* On a machine with two unlike units. */
static inline void use_both_units(void)
{
	int other = rig_group(&rig, "narrow0");

	group = rig_group(&rig, "wide0");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1_IOMMU), 0);
	ck_assert_int_eq(rig_join(&rig, other, rig.container), 0);
}

static inline long domains_of_two_units(void)
{
	struct sio_stats stats;

	use_both_units();
	sio_stats(rig.machine, &stats);
	return (long)stats.domains;
}

static inline long dma_cc_of_snooping_unit(void)
{
	group = rig_group(&rig, "wide0");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1_IOMMU), 0);
	return rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU);
}

static inline long open_without_tables(void)
{
	ck_assert_int_eq(sio_inject(rig.machine, "table:nth=1", NULL, 0), 0);
	return open_v1();
}

/* The first run that is mapped fails: a probe, or the user's. */
static inline long map_after_probe(void)
{
	uint64_t va = memory(1);

	group = rig_group(&rig, "A");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(sio_inject(rig.machine, "iommu.map:nth=1", NULL, 0), 0);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1_IOMMU), 0);
	return map(0x10000, va, PAGE);
}

/* ---- capabilities of GET_INFO ---- */

struct caps {
	long ids; /* decimal digits, in order of the chain */
	long padding;
	uint64_t iova_last;
};

static inline struct caps read_caps(void)
{
	union {
		struct vfio_iommu_type1_info info;
		uint8_t bytes[1024];
	} u = {.info.argsz = sizeof(u)};
	struct caps caps = {0};
	uint32_t at = 0;

	use_v2();
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &u), 0);
	if (u.info.flags & VFIO_IOMMU_INFO_CAPS)
		at = u.info.cap_offset;
	while (at) {
		struct vfio_info_cap_header head;
		uint32_t count;

		memcpy(&head, u.bytes + at, sizeof(head));
		memcpy(&count, u.bytes + at + 8, sizeof(count));
		caps.ids = caps.ids * 10 + head.id;
		if (head.id == VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION)
			caps.padding = u.bytes[at + 12] != 0;
		if (head.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			memcpy(&caps.iova_last, u.bytes + at + 8 + 16 * count, 8);
		at = head.next;
	}
	return caps;
}

static inline long info_caps(void)
{
	return read_caps().ids;
}

static inline long info_padding(void)
{
	return read_caps().padding;
}

static inline long info_last_address(void)
{
	return (long)read_caps().iova_last;
}

#endif
