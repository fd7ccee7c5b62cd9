// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs through a device file: widths, ends, decoding, the MSI-X table, the ROM, maps; and the edu
 * device's DMA started by its registers, as a driver in user space does it.
 */
#include "vfio_machine.h"

#include "harness.h"

#define BUFFER_ADDRESS 0x40000u

static struct rig rig;

static void setup(void)
{
	rig_boot(&rig, "qemu-host", NULL);
}

static void teardown(void)
{
	rig_halt(&rig);
}

START_TEST(edu_registers_answer)
{
	int fd = rig_open(&rig, "edu0", NULL);

	ck_assert_uint_eq(rig_read(&rig, fd, 0, 4), 0x010000ed);
	rig_write(&rig, fd, 4, 4, 0x12345678);
	ck_assert_uint_eq(rig_read(&rig, fd, 4, 4), 0xedcba987);
	rig_write(&rig, fd, 8, 4, 5);
	ck_assert_uint_eq(rig_read(&rig, fd, 8, 4), 120);
	/* 8 bytes at a multiple of 8 are one access, which these registers do not answer. */
	ck_assert_uint_eq(rig_read(&rig, fd, 0, 8), UINT64_MAX);
	rig_write(&rig, fd, 0x80, 8, 0x123456789abcdef0);
	ck_assert_uint_eq(rig_read(&rig, fd, 0x80, 8), 0x123456789abcdef0);
}
END_TEST

START_TEST(accesses_end_at_the_bar)
{
	uint8_t bytes[16];
	int fd = rig_open(&rig, "edu0", NULL);

	ck_assert_int_eq(sio_pread(rig.process, fd, bytes, 16, 0xffffc), 4);
	ck_assert_int_eq(rig_read_errno(&rig, fd, 0x100000, 1), EINVAL);
	ck_assert_int_eq(rig_read_errno(&rig, fd, REGION(1), 4), EINVAL);
	ck_assert_int_eq(rig_read_errno(&rig, fd, REGION(6), 4), EINVAL);
	ck_assert_int_eq(rig_write_errno(&rig, fd, REGION(6), 4), EINVAL);
	ck_assert_int_eq(rig_read_errno(&rig, fd, REGION(8), 1), EINVAL);
	ck_assert_int_eq(rig_read_errno(&rig, fd, REGION(9), 1), EINVAL);
	ck_assert_int_eq(rig_read_errno(&rig, fd, UINT64_C(1) << 62, 1), EINVAL);
	ck_assert_int_eq(sio_pread(rig.process, fd, bytes, 0, REGION(9)), 0);
	ck_assert_int_eq(sio_pread(rig.process, fd, (void *)16, 4, 0), -1);
	ck_assert_int_eq(errno, EFAULT);
}
END_TEST

START_TEST(memory_that_is_not_decoded_is_eio)
{
	int fd = rig_open(&rig, "nic0", NULL);

	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0), 4), 0x00100241);
	rig_write(&rig, fd, CONFIG(4), 2, 0x0001);
	ck_assert_int_eq(rig_read_errno(&rig, fd, REGION(0), 4), EIO);
	ck_assert_int_eq(rig_write_errno(&rig, fd, REGION(0), 4), EIO);
	ck_assert_int_eq(rig_read_errno(&rig, fd, REGION(6), 4), EIO);
	/* I/O BARs do not ask. */
	rig_write(&rig, fd, REGION(2), 4, 0x5400);
	rig_write(&rig, fd, REGION(2) + 4, 4, 0xcafe);
	rig_write(&rig, fd, CONFIG(4), 2, 0x0002);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 0x5400, 4), 0xcafe);
}
END_TEST

START_TEST(the_msix_table_is_out_of_reach)
{
	uint8_t bytes[32];
	int fd = rig_open(&rig, "disk0", NULL);

	rig_write(&rig, fd, REGION(0) + 0x2000, 8, 0);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 0x2000, 8), UINT64_MAX);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 0x2000 + 65 * 16 - 4, 4), 0xffffffff);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 0x2000 + 65 * 16, 4), 0);
	/* Across the border: the pending bits of the page before read as zero. */
	ck_assert_int_eq(sio_pread(rig.process, fd, bytes, 32, 0x1ff0), 32);
	for (unsigned i = 0; i < 32; i++)
		ck_assert_uint_eq(bytes[i], i < 16 ? 0 : 0xff);
}
END_TEST

START_TEST(the_rom_ends_in_ones)
{
	int fd = rig_open(&rig, "nic0", NULL);

	ck_assert_uint_eq(rig_read(&rig, fd, REGION(6), 2), 0xaa55);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(6) + 0x18, 2), 0x1c);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(6) + 0x1c, 4), 0x52494350);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(6) + 0x20, 4), 0x10d38086);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(6) + 0x200, 8), UINT64_MAX);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(6) + 0x3fffc, 4), 0xffffffff);
	ck_assert_int_eq(rig_read_errno(&rig, fd, REGION(6) + 0x40000, 4), EINVAL);
	ck_assert_int_eq(rig_write_errno(&rig, fd, REGION(6), 4), EINVAL);
}
END_TEST

START_TEST(only_memory_bars_are_mapped)
{
	static const struct {
		const char *device;
		uint64_t offset, size;
		int answer;
	} row[] = {
		{"edu0", REGION(0), 0x100000, 0},
		{"edu0", REGION(0) + 0xff000, 0x1000, 0},
		{"edu0", REGION(0) + 0xff000, 0x2000, -EINVAL},
		{"edu0", REGION(0), 0x101000, -EINVAL},
		{"edu0", REGION(1), 0x1000, -EINVAL},
		{"edu0", REGION(6), 0x1000, -EINVAL},
		{"edu0", REGION(7), 0x1000, -EINVAL},
		{"edu0", REGION(9), 0x1000, -EINVAL},
		{"nic0", REGION(2), 0x1000, -EINVAL},
		{"nic0", REGION(3), 0x4000, 0},
		{"disk0", REGION(0), 0x4000, 0},
		{"disk0", REGION(1), 0x1000, -EINVAL},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int group, fd = rig_open(&rig, row[i].device, &group);
		uint64_t address = 0;

		ck_assert_msg(sio_mem_map_fd(rig.process, fd, row[i].offset, row[i].size, 0,
					     &address) == row[i].answer,
			      "row %u", i);
		if (!row[i].answer)
			ck_assert_int_eq(sio_mem_unmap(rig.process, address, row[i].size), 0);
		sio_close(rig.process, fd);
		sio_close(rig.process, group);
	}
}
END_TEST

/* The group can be opened a second time only when the device has been closed. */
static bool is_closed(const char *device)
{
	int group = rig_group(&rig, device);

	if (group >= 0)
		sio_close(rig.process, group);
	return group >= 0;
}

START_TEST(a_map_keeps_the_device_open)
{
	struct sio_process *child;
	int group, fd = rig_open(&rig, "edu0", &group);
	uint64_t address = 0, other = 0;

	ck_assert_int_eq(sio_mem_map_fd(rig.process, fd, 0, 0x3000, 0, &address), 0);
	ck_assert_int_eq(sio_mem_map_fd(rig.process, fd, 0, 0x1000, 0, &other), 0);
	sio_close(rig.process, fd);
	sio_close(rig.process, group);
	ck_assert(!is_closed("edu0"));
	/* The middle of one, all of the other, and what is left but for a page. */
	ck_assert_int_eq(sio_mem_unmap(rig.process, address + 0x1000, 0x1000), 0);
	ck_assert_int_eq(sio_mem_unmap(rig.process, other, 0x1000), 0);
	ck_assert_int_eq(sio_mem_unmap(rig.process, address, 0x1000), 0);
	ck_assert(!is_closed("edu0"));
	child = sio_process_fork(rig.process);
	ck_assert_ptr_nonnull(child);
	ck_assert_int_eq(sio_mem_unmap(rig.process, address + 0x2000, 0x1000), 0);
	ck_assert(!is_closed("edu0"));
	sio_process_exit(child);
	ck_assert(is_closed("edu0"));
}
END_TEST

/* ---- DMA ---- */

static void map_memory(uint64_t address, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = 3, .vaddr = address, .iova = iova, .size = size};

	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_MAP_DMA, &map), 0);
}

static void start_dma(int fd, uint64_t from, uint64_t to, uint64_t len, uint64_t command)
{
	rig_write(&rig, fd, 0x80, 8, from);
	rig_write(&rig, fd, 0x88, 8, to);
	rig_write(&rig, fd, 0x90, 8, len);
	rig_write(&rig, fd, 0x98, 8, command | 1);
	ck_assert_uint_eq(rig_read(&rig, fd, 0x98, 8) & 1, 0);
}

START_TEST(edu_moves_memory_through_the_iommu)
{
	struct sio_mem mem = {.size = 0x10000, .prot = SIO_PROT_RW};
	int fd = rig_open(&rig, "edu0", NULL);
	struct sio_fault fault;
	uint64_t address;
	char text[32] = "";

	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &address), 0);
	ck_assert_int_eq(sio_mem_write(rig.process, address, "sixteen letters.", 16), 0);
	map_memory(address, 0x100000, mem.size);

	/* Without bus master nothing moves, and nothing is reported. */
	start_dma(fd, 0x100000, BUFFER_ADDRESS, 16, 0);
	start_dma(fd, BUFFER_ADDRESS, 0x102000, 16, 2);
	ck_assert_int_eq(sio_mem_read(rig.process, address + 0x2000, text, 16), 0);
	ck_assert_str_eq(text, "");

	rig_write(&rig, fd, CONFIG(4), 2, 6);
	start_dma(fd, 0x100000, BUFFER_ADDRESS + 100, 16, 0);
	start_dma(fd, BUFFER_ADDRESS + 100, 0x102000, 16, 2);
	ck_assert_int_eq(sio_mem_read(rig.process, address + 0x2000, text, 16), 0);
	ck_assert_str_eq(text, "sixteen letters.");
	ck_assert(!sio_fault_next(rig.machine, &fault));

	/* An address that is not mapped. */
	start_dma(fd, BUFFER_ADDRESS, 0x200000, 16, 2);
	ck_assert(sio_fault_next(rig.machine, &fault));
	ck_assert_uint_eq(fault.reason, 5);
	ck_assert_uint_eq(fault.address, 0x200000);
	ck_assert_str_eq(fault.requester, "0000:00:03.0");
	ck_assert(!fault.is_read);
}
END_TEST

START_TEST(a_reset_leaves_mappings_and_the_bus_master_bit)
{
	struct sio_mem mem = {.size = 0x1000, .prot = SIO_PROT_RW};
	int fd = rig_open(&rig, "disk0", NULL);
	uint64_t address;
	char text[8] = "";

	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &address), 0);
	ck_assert_int_eq(sio_mem_write(rig.process, address, "here", 4), 0);
	map_memory(address, 0x100000, mem.size);
	rig_write(&rig, fd, CONFIG(4), 2, 6);
	ck_assert_int_eq(rig_ioctl_value(&rig, fd, VFIO_DEVICE_RESET, 0), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, CONFIG(4), 2), 6);
	ck_assert_int_eq(sio_dma_read(sio_device_find(rig.machine, "disk0"), 0x100000, text, 4,
				      NULL),
			 0);
	ck_assert_str_eq(text, "here");
}
END_TEST

/* One device's BAR, mapped by the process, mapped again for DMA, reached by another device. */
START_TEST(a_device_reaches_the_bar_of_another)
{
	int edu = rig_open(&rig, "edu0", NULL), disk = rig_open(&rig, "disk0", NULL);
	uint32_t enable = 1, ready = 0;
	uint64_t address;

	ck_assert_int_eq(sio_mem_map_fd(rig.process, disk, REGION(0), 0x4000, 0, &address), 0);
	map_memory(address, 0x800000, 0x4000);
	ck_assert_int_eq(sio_dma_write(sio_device_find(rig.machine, "edu0"), 0x800014, &enable, 4,
				       NULL),
			 0);
	ck_assert_uint_eq(rig_read(&rig, disk, REGION(0) + 0x1c, 4), 1);
	rig_write(&rig, edu, CONFIG(4), 2, 6);
	start_dma(edu, 0x80001c, BUFFER_ADDRESS, 4, 0);
	ck_assert_int_eq(sio_dma_read(sio_device_find(rig.machine, "edu0"), 0x80001c, &ready, 4,
				      NULL),
			 0);
	ck_assert_uint_eq(ready, 1);
	/* Decoding off: nothing answers on the bus. */
	rig_write(&rig, disk, CONFIG(4), 2, 4);
	ck_assert_int_eq(sio_dma_read(sio_device_find(rig.machine, "edu0"), 0x80001c, &ready, 4,
				      NULL),
			 -EIO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio bars");
	TCase *tcase = tcase_create("regions");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, edu_registers_answer);
	tcase_add_test(tcase, accesses_end_at_the_bar);
	tcase_add_test(tcase, memory_that_is_not_decoded_is_eio);
	tcase_add_test(tcase, the_msix_table_is_out_of_reach);
	tcase_add_test(tcase, the_rom_ends_in_ones);
	tcase_add_test(tcase, only_memory_bars_are_mapped);
	tcase_add_test(tcase, a_map_keeps_the_device_open);
	tcase_add_test(tcase, edu_moves_memory_through_the_iommu);
	tcase_add_test(tcase, a_reset_leaves_mappings_and_the_bus_master_bit);
	tcase_add_test(tcase, a_device_reaches_the_bar_of_another);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
