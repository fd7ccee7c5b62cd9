// SPDX-License-Identifier: GPL-2.0-only
/* The whole way of a byte: a program opens a container, maps memory, and a device writes into it.
 */
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "softiommu.h"

START_TEST(a_device_writes_into_mapped_memory_and_nowhere_else)
{
	struct sio_machine *machine;
	struct sio_fault fault;
	char path[32], text[6] = "";
	uint64_t memory;

	/* A machine, a process on it, one of its devices. */
	ck_assert_int_eq(sio_machine_create(NULL, &machine, NULL, 0), 0);
	struct sio_process *me = sio_process_create(machine);
	struct sio_device *device = sio_device_find(machine, "A");

	/* The calls of any VFIO program. */
	int container = sio_open(me, "/dev/vfio/vfio");
	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device));
	int group = sio_open(me, path);
	sio_ioctl(me, group, VFIO_GROUP_SET_CONTAINER, &container);
	sio_ioctl(me, container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
	sio_mem_map(me, &(struct sio_mem){.size = 0x10000, .prot = SIO_PROT_RW}, &memory);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = memory,
		.iova = 0x100000,
		.size = 0x10000,
	};
	ck_assert_int_eq(sio_ioctl(me, container, VFIO_IOMMU_MAP_DMA, &map), 0);

	/* The device's own DMA, through the emulated IOMMU. */
	ck_assert_int_eq(sio_dma_write(device, 0x100ffe, "hello", 6, NULL), 0);
	ck_assert_int_eq(sio_mem_read(me, memory + 0xffe, text, 6), 0);
	ck_assert_str_eq(text, "hello");
	ck_assert_int_ne(sio_dma_write(device, 0x200000, "hello", 6, &fault), 0);
	ck_assert_uint_eq(fault.address, 0x200000);
	sio_machine_destroy(machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api example");
	TCase *tc = tcase_create("example");

	tcase_add_test(tc, a_device_writes_into_mapped_memory_and_nowhere_else);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
