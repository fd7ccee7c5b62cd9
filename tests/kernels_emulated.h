/* SPDX-License-Identifier: GPL-2.0-only */
/* As kernels_sequences.h: what the driver of an emulated device finds out about its kernel. */
#ifndef TESTS_KERNELS_EMULATED_H
#define TESTS_KERNELS_EMULATED_H

#include "kernels_sequences.h"

static char asked[4]; /* names of devices as they were asked for pages */

static inline void give_back(void *user, struct sio_device *device, uint64_t iova, uint64_t size)
{
	size_t used = strlen(asked);

	if (used < sizeof(asked) - 1)
		memcpy(asked + used, user, 2);
	sio_device_unpin_pages(device, iova, (unsigned)(size / PAGE));
}

static inline long make_emulated(void)
{
	struct sio_device *device;

	return sio_device_create_emulated(rig.machine, "V", NULL, &device);
}

/* A device with a driver that pins, its group in the container, open. The descriptor. */
static inline int join_pinning(const char *name)
{
	struct sio_device *device = sio_device_find(rig.machine, name);

	ck_assert_int_eq(sio_device_on_unmap(device, give_back, (void *)(uintptr_t)name), 0);
	group = rig_group(&rig, name);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	/* Only the first one finds no driver. */
	if (set_iommu(VFIO_TYPE1v2_IOMMU))
		ck_assert_int_eq(set_iommu(VFIO_TYPE1v2_IOMMU), -EINVAL);
	return rig_device(&rig, group, name);
}

/* An emulated device, alone in its container. */
static inline struct sio_device *emulated(const char *name)
{
	struct sio_device *device;

	ck_assert_int_eq(sio_device_create_emulated(rig.machine, name, NULL, &device), 0);
	ck_assert_int_ge(join_pinning(name), 0);
	return device;
}

static inline long pin(struct sio_device *device, uint64_t iova)
{
	uint64_t address;
	long rc = sio_device_pin_pages(device, iova, 1, SIO_PROT_RW, &address);

	rig_audit(&rig);
	return rc;
}

static inline long first_asked(void)
{
	struct sio_device *device = emulated("V");

	asked[0] = '\0';
	emulated("W");
	ck_assert_int_eq(map(0x100000, memory(1), PAGE), 0);
	ck_assert_int_eq(pin(device, 0x100000), 1);
	ck_assert_int_eq(unmap(0x100000, PAGE), PAGE);
	return asked[0];
}

static inline long pin_as(const char *name)
{
	ck_assert_int_ge(join_pinning(name), 0);
	ck_assert_int_eq(map(0x100000, memory(1), PAGE), 0);
	return pin(sio_device_find(rig.machine, name), 0x100000);
}

static inline long pin_behind_iommu(void)
{
	return pin_as("A");
}

static inline long pin_with_neighbour(void)
{
	return pin_as("slot0");
}

static inline long pin_device_memory(void)
{
	struct sio_device *device = emulated("V");
	uint64_t va;
	int fd = join_pinning("A");

	ck_assert_int_eq(sio_mem_map_fd(rig.process, fd, 0, PAGE, 0, &va), 0);
	ck_assert_int_eq(map(0x100000, va, PAGE), 0);
	return pin(device, 0x100000);
}

static inline long write_a_byte(void)
{
	struct sio_device *device = emulated("V");

	ck_assert_int_eq(map(0x100000, memory(1), PAGE), 0);
	return sio_device_dma_rw(device, NULL, 0x100000, "x", 1, true);
}

/* The first 64 bits that DIRTY_PAGES reports of a page. */
static inline long dirty_page(uint64_t iova)
{
	uint64_t bits = 0;
	struct {
		uint32_t argsz, flags; /* of struct vfio_iommu_type1_dirty_bitmap */
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} dirty;

	memset(&dirty, 0, sizeof(dirty));
	dirty.argsz = sizeof(dirty);
	dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	dirty.get.iova = iova;
	dirty.get.size = PAGE;
	dirty.get.bitmap.pgsize = PAGE;
	dirty.get.bitmap.size = sizeof(bits);
	dirty.get.bitmap.data = (void *)&bits;
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_DIRTY_PAGES, &dirty), 0);
	return (long)bits;
}

static inline long dirty_after_a_byte(void)
{
	struct sio_device *device = emulated("V");

	ck_assert_int_eq(map(0x100000, memory(1), PAGE), 0);
	ck_assert_int_eq(dirty_start(), 0);
	ck_assert_int_eq(sio_device_dma_rw(device, NULL, 0x100000, "x", 1, true), 0);
	return dirty_page(0x100000);
}

static inline long dirty_after_detach(void)
{
	int other;

	emulated("V");
	other = rig_group(&rig, "A");
	ck_assert_int_eq(rig_join(&rig, other, rig.container), 0);
	ck_assert_int_eq(map(0x100000, memory(1), PAGE), 0);
	ck_assert_int_eq(dirty_start(), 0);
	ck_assert_int_eq(rig_ioctl(&rig, other, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	return dirty_page(0x100000);
}

static inline long invalidate_beside_emulated(void)
{
	emulated("V");
	ck_assert_int_eq(map(0x100000, memory(1), PAGE), 0);
	return unmap_flags(0x100000, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR);
}

/* What a group costs that could not join, in KiB. */
static inline long charge_of_failed_replay(void)
{
	emulated("V");
	ck_assert_int_eq(map(0x100000, memory(1), PAGE), 0);
	ck_assert_int_eq(map(0x200000, memory(1), PAGE), 0);
	ck_assert_int_eq(sio_inject(rig.machine, "type1.pin:nth=2", NULL, 0), 0);
	ck_assert_int_ne(rig_join(&rig, rig_group(&rig, "A"), rig.container), 0);
	return (long)sio_process_vmlck(rig.process);
}

static inline long enable_noiommu(void)
{
	return sio_param(rig.machine, "enable_unsafe_noiommu_mode", 1);
}

#endif
