// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space of devices that no preset has: conventional function level reset, masks of
 * message vectors, vendor capabilities, and registers that somebody else reset.
 *
 * The capabilities are given to edu0 before it is opened; what a user may see and write of them is
 * what the tables of Linux's vfio_pci_config.c allow.
 */
#include "vfio_machine.h"

#include "harness.h"
#include "machine.h"
#include "vfio/vfio.h"

static struct rig rig;
static struct pci_dev *pci;

static void setup(void)
{
	rig_boot(&rig, "qemu-host", NULL);
	pci = sio_device_find(rig.machine, "edu0")->pci;
}

static void teardown(void)
{
	rig_halt(&rig);
}

static uint64_t config(int fd, unsigned at, unsigned width)
{
	return rig_read(&rig, fd, CONFIG(at), width);
}

static void set_config(int fd, unsigned at, unsigned width, uint64_t value)
{
	rig_write(&rig, fd, CONFIG(at), width, value);
}

START_TEST(conventional_flr_resets_and_reads_zero)
{
	unsigned at;
	int fd;

	pci_dev_add_af(pci);
	at = pci->af_cap;
	fd = rig_open(&rig, "edu0", NULL);
	ck_assert_uint_eq(config(fd, at, 4), 0x03060013);
	/* edu: 4 holds the inverse of what was written. */
	rig_write(&rig, fd, REGION(0) + 4, 4, 0x0f0f0f0f);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 4, 4), 0xf0f0f0f0);
	set_config(fd, 4, 2, 6);
	set_config(fd, at + 4, 1, 0xfe);
	ck_assert_uint_eq(config(fd, at + 4, 1), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 4, 4), 0xf0f0f0f0);
	set_config(fd, at + 4, 1, 0x01);
	ck_assert_uint_eq(config(fd, at + 4, 1), 0);
	ck_assert_uint_ne(rig_read(&rig, fd, REGION(0) + 4, 4), 0xf0f0f0f0);
	ck_assert_uint_eq(config(fd, 4, 2), 6);
}
END_TEST

START_TEST(a_conventional_flr_bit_without_flr_does_nothing)
{
	int fd;

	pci_dev_add_af(pci);
	/* Transactions pending, but no FLR. */
	pci_dev_define(pci, pci->af_cap + PCIR_AF_CAP, 1, 0x01, 0);
	fd = rig_open(&rig, "edu0", NULL);
	rig_write(&rig, fd, REGION(0) + 4, 4, 0x0f0f0f0f);
	set_config(fd, pci->af_cap + 4u, 1, 0x01);
	ck_assert_uint_eq(config(fd, pci->af_cap + 4u, 1), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 4, 4), 0xf0f0f0f0);
}
END_TEST

START_TEST(mask_bits_of_vectors_are_the_devices_own)
{
	/* One vector in 64 bits with mask and pending bits: 24 bytes. */
	const unsigned at = pci_dev_add_cap(pci, PCI_CAPID_MSI, 24);
	int fd;

	pci_dev_define(pci, at + 2, 2, 0x0180, 0x0071);
	pci_dev_define(pci, at + 4, 4, 0, 0xfffffffc);
	pci_dev_define(pci, at + 16, 4, 0, 0xffffffff);
	fd = rig_open(&rig, "edu0", NULL);
	ck_assert_uint_eq(config(fd, at + 2, 2), 0x0180);
	set_config(fd, at + 4, 4, 0xfee00004);
	set_config(fd, at + 12, 2, 0x1234);
	set_config(fd, at + 16, 4, 0xa5a5a5a5);
	ck_assert_uint_eq(config(fd, at + 4, 4), 0xfee00004);
	ck_assert_uint_eq(config(fd, at + 12, 2), 0x1234);
	ck_assert_uint_eq(config(fd, at + 16, 4), 0xa5a5a5a5);
	/* The address and data are the kernel's; the masks reach the device. */
	ck_assert_uint_eq(pci_config_read(pci, at + 4, 4), 0);
	ck_assert_uint_eq(pci_config_read(pci, at + 16, 4), 0xa5a5a5a5);
	/* Pending bits are the device's too, which takes no write there. */
	set_config(fd, at + 20, 4, 0xffffffff);
	ck_assert_uint_eq(config(fd, at + 20, 4), 0);
}
END_TEST

START_TEST(without_64_bits_the_data_follow_the_address)
{
	const unsigned at = pci_dev_add_cap(pci, PCI_CAPID_MSI, 10);
	int fd;

	pci_dev_define(pci, at + 2, 2, 0, 0x0071);
	fd = rig_open(&rig, "edu0", NULL);
	set_config(fd, at + 4, 4, 0xfee00004);
	set_config(fd, at + 8, 4, 0x12345678);
	ck_assert_uint_eq(config(fd, at + 8, 2), 0x5678);
	/* Two bytes of data, and then what belongs to no capability. */
	ck_assert_uint_eq(pci_config_read(pci, at + 8, 4), 0);
}
END_TEST

START_TEST(a_vendor_capability_is_passed_through)
{
	const unsigned at = pci_dev_add_cap(pci, PCI_CAPID_VENDOR, 8);
	int fd;

	pci_dev_define(pci, at + 2, 1, 8, 0);
	pci_dev_define(pci, at + 4, 4, 0x11223344, 0x00ffff00);
	fd = rig_open(&rig, "edu0", NULL);
	ck_assert_uint_eq(config(fd, at, 4), 0x00080009);
	set_config(fd, at, 4, 0xffffffff);
	ck_assert_uint_eq(config(fd, at, 4), 0x00080009);
	set_config(fd, at + 4, 4, 0xaabbccdd);
	ck_assert_uint_eq(config(fd, at + 4, 4), 0x11bbcc44);
	ck_assert_uint_eq(pci_config_read(pci, at + 4, 4), 0x11bbcc44);
}
END_TEST

/* Its length is a byte of its own, which may say anything. */
START_TEST(a_capability_that_does_not_fit_is_hidden)
{
	static const struct {
		uint8_t id, len;
	} hidden[] = {{PCI_CAPID_VENDOR, 0},
		      {PCI_CAPID_VENDOR, 1},
		      {PCI_CAPID_VENDOR, 255},
		      {0x0c, 0}};
	const unsigned at = pci_dev_add_cap(pci, hidden[_i].id, 8);
	const unsigned next = pci_dev_add_cap(pci, PCI_CAPID_VENDOR, 4);
	int fd;

	pci_dev_define(pci, at + 2, 1, hidden[_i].len, 0);
	pci_dev_define(pci, next + 2, 1, 4, 0);
	fd = rig_open(&rig, "edu0", NULL);
	/* The list goes on behind it: MSI at 0x40, then the next. */
	ck_assert_uint_eq(config(fd, 0x34, 1), 0x40);
	ck_assert_uint_eq(config(fd, 0x41, 1), next);
	ck_assert_uint_eq(config(fd, next, 4), 0x00040009);
	ck_assert_uint_eq(config(fd, next + 1, 1), 0);
}
END_TEST

START_TEST(a_list_that_loops_ends)
{
	const unsigned at = pci_dev_add_cap(pci, PCI_CAPID_VENDOR, 4);
	int fd;

	pci_dev_define(pci, at + 1, 1, 0x40, 0);
	pci_dev_define(pci, at + 2, 1, 4, 0);
	fd = rig_open(&rig, "edu0", NULL);
	ck_assert_uint_eq(config(fd, 0x34, 1), 0x40);
	ck_assert_uint_eq(config(fd, 0x40, 1), PCI_CAPID_MSI);
	ck_assert_uint_eq(config(fd, at, 1), PCI_CAPID_VENDOR);
}
END_TEST

/* The user's copy says that memory decodes, the device says no: somebody has reset it. */
START_TEST(bars_come_back_before_they_decode_again)
{
	int fd = rig_open(&rig, "edu0", NULL);
	uint64_t bar;

	set_config(fd, 4, 2, 2);
	bar = pci_config_read(pci, PCIR_BAR0, 4);
	ck_assert_uint_ne(bar, 0);
	pci_dev_define(pci, PCIR_COMMAND, 2, 0, 0x547);
	pci_config_write(pci, PCIR_BAR0, 4, 0);
	/* Not for a write that leaves decoding off. */
	set_config(fd, 4, 2, 0x0400);
	ck_assert_uint_eq(pci_config_read(pci, PCIR_BAR0, 4), 0);
	set_config(fd, 4, 2, 2);
	pci_dev_define(pci, PCIR_COMMAND, 2, 0, 0x547);
	set_config(fd, 4, 2, 2);
	ck_assert_uint_eq(pci_config_read(pci, PCIR_BAR0, 4), bar);
	ck_assert_uint_eq(config(fd, 4, 2), 2);
}
END_TEST

START_TEST(the_read_request_size_is_no_less_than_the_payload_size)
{
	struct pci_dev *disk = sio_device_find(rig.machine, "disk0")->pci;
	const unsigned control = disk->pcie_cap + PCIR_PCIE_DEVCTL;
	int fd;

	/* The system's payload size: 512 bytes, code 2. */
	pci_config_write(disk, control, 2, 2u << 5);
	fd = rig_open(&rig, "disk0", NULL);
	set_config(fd, control, 2, 1u << 12);
	/* The user reads what it wrote, the device requests no less than it may receive. */
	ck_assert_uint_eq(config(fd, control, 2) & 0x7000, 1u << 12);
	ck_assert_uint_eq(pci_config_read(disk, control, 2) & 0x7000, 2u << 12);
	set_config(fd, control, 2, 4u << 12);
	ck_assert_uint_eq(pci_config_read(disk, control, 2) & 0x70e0, 4u << 12 | 2u << 5);
}
END_TEST

START_TEST(power_states_in_between_need_their_capability_bits)
{
	unsigned csr;
	int fd;

	pci_dev_add_pm(pci);
	csr = pci->pm_cap + PCIR_PM_CSR;
	/* D2 alone: bit 10 of PMC. */
	pci_dev_define(pci, pci->pm_cap + PCIR_PM_PMC, 2, 0x0403, 0);
	fd = rig_open(&rig, "edu0", NULL);
	set_config(fd, csr, 2, 1);
	ck_assert_uint_eq(config(fd, csr, 2) & 3, 0);
	set_config(fd, csr, 2, 2);
	ck_assert_uint_eq(config(fd, csr, 2) & 3, 2);
	set_config(fd, csr, 2, 0);
	pci_dev_define(pci, pci->pm_cap + PCIR_PM_PMC, 2, 0x0203, 0);
	set_config(fd, csr, 2, 2);
	ck_assert_uint_eq(config(fd, csr, 2) & 3, 0);
	set_config(fd, csr, 2, 1);
	ck_assert_uint_eq(config(fd, csr, 2) & 3, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio capabilities");
	TCase *tcase = tcase_create("capabilities");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, conventional_flr_resets_and_reads_zero);
	tcase_add_test(tcase, a_conventional_flr_bit_without_flr_does_nothing);
	tcase_add_test(tcase, mask_bits_of_vectors_are_the_devices_own);
	tcase_add_test(tcase, without_64_bits_the_data_follow_the_address);
	tcase_add_test(tcase, a_vendor_capability_is_passed_through);
	tcase_add_loop_test(tcase, a_capability_that_does_not_fit_is_hidden, 0, 4);
	tcase_add_test(tcase, a_list_that_loops_ends);
	tcase_add_test(tcase, bars_come_back_before_they_decode_again);
	tcase_add_test(tcase, the_read_request_size_is_no_less_than_the_payload_size);
	tcase_add_test(tcase, power_states_in_between_need_their_capability_bits);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
