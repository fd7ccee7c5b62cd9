// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an open device says about itself, byte for byte as a Linux 6.12 kernel answered QEMU about
 * an edu device, an 82574L and an NVMe controller on the root bus; and the calls that it refuses.
 */
#include "vfio_machine.h"

#include "harness.h"

static struct rig rig;

static void setup(void)
{
	rig_boot(&rig, "qemu-host", NULL);
}

static void teardown(void)
{
	rig_halt(&rig);
}

struct recorded {
	unsigned long request;
	const char *in, *out;
	long answer;
};

#define INFO        VFIO_DEVICE_GET_INFO
#define REGION_INFO VFIO_DEVICE_GET_REGION_INFO
#define IRQ         VFIO_DEVICE_GET_IRQ_INFO

static const struct recorded edu_calls[] = {
	{INFO, "1400000000000000000000000000000000000000",
	 "1400000002000000090000000500000000000000", 0},
	{INFO, "180000000000000000000000000000000000000000000000",
	 "180000000200000009000000050000000000000000000000", 0},
	{REGION_INFO, "2000000000000000000000000000000000000000000000000000000000000000",
	 "2000000007000000000000000000000000001000000000000000000000000000", 0},
	{REGION_INFO, "2000000000000000010000000000000000000000000000000000000000000000",
	 "2000000000000000010000000000000000000000000000000000000000010000", 0},
	{REGION_INFO, "2000000000000000050000000000000000000000000000000000000000000000",
	 "2000000000000000050000000000000000000000000000000000000000050000", 0},
	{REGION_INFO, "2000000000000000070000000000000000000000000000000000000000000000",
	 "2000000003000000070000000000000000010000000000000000000000070000", 0},
	{IRQ, "10000000000000000300000000000000", "10000000000000000300000000000000", -EINVAL},
	{IRQ, "10000000000000000400000000000000", "10000000090000000400000001000000", 0},
	{VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, "0c0000000000000000000000", "0c0000000000000000000000",
	 -ENODEV},
	{VFIO_DEVICE_FEATURE, "10000000010001000000000000000000",
	 "10000000010001000000000000000000", -ENOTTY},
	{VFIO_DEVICE_FEATURE,
	 "280000000b0001000000000002000000000000000100000000000000000000000000100000000000",
	 "280000000b0001000000000002000000000000000100000000000000000000000000100000000000",
	 -ENOTTY},
};

static const struct recorded nic_calls[] = {
	{INFO, "1400000000000000000000000000000000000000",
	 "1400000003000000090000000500000000000000", 0},
	{REGION_INFO, "2000000000000000000000000000000000000000000000000000000000000000",
	 "2000000007000000000000000000000000000200000000000000000000000000", 0},
	{REGION_INFO, "2000000000000000010000000000000000000000000000000000000000000000",
	 "2000000007000000010000000000000000000200000000000000000000010000", 0},
	{REGION_INFO, "2000000000000000020000000000000000000000000000000000000000000000",
	 "2000000003000000020000000000000020000000000000000000000000020000", 0},
	{REGION_INFO, "2000000000000000030000000000000000000000000000000000000000000000",
	 "280000000f000000030000000000000000400000000000000000000000030000", 0},
	{REGION_INFO,
	 "280000000f0000000300000000000000004000000000000000000000000300000000000000000000",
	 "280000000f0000000300000020000000004000000000000000000000000300000300010000000000", 0},
	{REGION_INFO, "2000000000000000060000000000000000000000000000000000000000000000",
	 "2000000001000000060000000000000000000400000000000000000000060000", 0},
	{REGION_INFO, "2000000000000000070000000000000000000000000000000000000000000000",
	 "2000000003000000070000000000000000100000000000000000000000070000", 0},
	{IRQ, "10000000000000000300000000000000", "10000000090000000300000001000000", 0},
	{IRQ, "10000000000000000400000000000000", "10000000090000000400000001000000", 0},
	{VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, "0c0000000000000000000000", "0c0000000000000000000000",
	 -ENODEV},
	{VFIO_DEVICE_SET_IRQS, "1400000021000000020000000000000000000000",
	 "1400000021000000020000000000000000000000", -EINVAL},
};

static const struct recorded nvme_calls[] = {
	{INFO, "180000000000000000000000000000000000000000000000",
	 "180000000300000009000000050000000000000000000000", 0},
	{REGION_INFO, "2000000000000000000000000000000000000000000000000000000000000000",
	 "280000000f000000000000000000000000400000000000000000000000000000", 0},
	{REGION_INFO,
	 "280000000f0000000000000000000000004000000000000000000000000000000000000000000000",
	 "280000000f0000000000000020000000004000000000000000000000000000000300010000000000", 0},
	{REGION_INFO, "2000000000000000010000000000000000000000000000000000000000000000",
	 "2000000000000000010000000000000000000000000000000000000000010000", 0},
	{IRQ, "10000000000000000200000000000000", "10000000010000000200000041000000", 0},
	{IRQ, "10000000000000000300000000000000", "10000000090000000300000001000000", 0},
};

static void check_calls(const char *device, const struct recorded *call, size_t n)
{
	int fd = rig_open(&rig, device, NULL);

	for (size_t i = 0; i < n; i++)
		rig_recorded(&rig, fd, call[i].request, call[i].in, call[i].out, call[i].answer);
}

START_TEST(edu_answers_as_recorded)
{
	check_calls("edu0", edu_calls, sizeof(edu_calls) / sizeof(edu_calls[0]));
}
END_TEST

START_TEST(e1000e_answers_as_recorded)
{
	check_calls("nic0", nic_calls, sizeof(nic_calls) / sizeof(nic_calls[0]));
}
END_TEST

START_TEST(nvme_answers_as_recorded)
{
	check_calls("disk0", nvme_calls, sizeof(nvme_calls) / sizeof(nvme_calls[0]));
}
END_TEST

START_TEST(info_writes_no_more_than_argsz_and_24_bytes)
{
	uint8_t info[64];
	uint32_t argsz;
	int fd = rig_open(&rig, "edu0", NULL);

	for (argsz = 16; argsz <= 40; argsz += 4) {
		size_t wrote = argsz < 24 ? argsz : 24;

		memset(info, 0xaa, sizeof(info));
		memcpy(info, &argsz, 4);
		ck_assert_int_eq(rig_ioctl(&rig, fd, INFO, info), 0);
		ck_assert_int_eq(memcmp(info, &argsz, 4), 0);
		for (size_t i = wrote; i < sizeof(info); i++)
			ck_assert_uint_eq(info[i], 0xaa);
		for (size_t i = 16; i < wrote; i++)
			ck_assert_uint_eq(info[i], 0);
	}
	argsz = 15;
	memcpy(info, &argsz, 4);
	ck_assert_int_eq(rig_ioctl(&rig, fd, INFO, info), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, fd, INFO, (void *)16), -EFAULT);
}
END_TEST

START_TEST(regions_past_the_last_are_refused)
{
	struct vfio_region_info info = {.argsz = sizeof(info), .index = 8};
	int fd = rig_open(&rig, "edu0", NULL);

	ck_assert_int_eq(rig_ioctl(&rig, fd, REGION_INFO, &info), -EINVAL); /* VGA */
	info.index = 9;
	ck_assert_int_eq(rig_ioctl(&rig, fd, REGION_INFO, &info), -EINVAL);
	info.index = 0;
	info.argsz = 31;
	ck_assert_int_eq(rig_ioctl(&rig, fd, REGION_INFO, &info), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, fd, REGION_INFO, (void *)16), -EFAULT);
	info.argsz = 32;
	info.index = 6;
	ck_assert_int_eq(rig_ioctl(&rig, fd, REGION_INFO, &info), 0);
	ck_assert_uint_eq(info.size, 0);
	ck_assert_uint_eq(info.flags, 0);
}
END_TEST

START_TEST(interrupt_indexes_of_edu)
{
	static const struct {
		uint32_t index, flags, count;
		long answer;
	} row[] = {
		{0, 7, 1, 0},       {1, 9, 1, 0}, {2, 9, 0, 0},
		{3, 0, 0, -EINVAL}, {4, 9, 1, 0}, {5, 0, 0, -EINVAL},
	};
	int fd = rig_open(&rig, "edu0", NULL);

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct vfio_irq_info info = {.argsz = sizeof(info), .index = row[i].index};

		ck_assert_int_eq(rig_ioctl(&rig, fd, IRQ, &info), row[i].answer);
		ck_assert_uint_eq(info.flags, row[i].flags);
		ck_assert_uint_eq(info.count, row[i].count);
		info.argsz = 15;
		ck_assert_int_eq(rig_ioctl(&rig, fd, IRQ, &info), -EINVAL);
	}
}
END_TEST

/* Flags that a device function of the kernel would see first are judged first. */
START_TEST(features_are_validated_before_they_are_unknown)
{
	static const struct {
		uint32_t argsz, flags;
		long answer;
	} row[] = {
		{7, 0x10001, -EINVAL}, {8, 0x80001, -EINVAL}, {8, 0x30001, -EINVAL},
		{8, 0x70001, -ENOTTY}, {8, 0x10000, -ENOTTY}, {8, 0x10002, -ENOTTY},
		{8, 0x20006, -ENOTTY}, {8, 0x1000b, -ENOTTY}, {8, 0, -ENOTTY},
		{8, 0x40003, 0},       {8, 0x60003, 0},       {8, 0x50003, -EINVAL},
		{8, 0x10003, -EINVAL}, {8, 3, -EINVAL},       {15, 0x20004, -EINVAL},
		{8, 0x20003, 0},       {8, 0x20003, -EINVAL}, {8, 0x20005, 0},
		{8, 0x20005, 0},
	};
	int fd = rig_open(&rig, "edu0", NULL);

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint32_t feature[4] = {row[i].argsz, row[i].flags, 0, 0};

		ck_assert_msg(rig_ioctl(&rig, fd, VFIO_DEVICE_FEATURE, feature) == row[i].answer,
			      "row %u", i);
	}
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_FEATURE, (void *)16), -EFAULT);
}
END_TEST

START_TEST(a_device_without_power_does_not_answer)
{
	uint32_t entry[2] = {8, VFIO_DEVICE_FEATURE_SET | 3};
	uint32_t leave[2] = {8, VFIO_DEVICE_FEATURE_SET | 5};
	int fd = rig_open(&rig, "edu0", NULL);

	ck_assert_uint_eq(rig_read(&rig, fd, 0, 4), 0x010000ed);
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_FEATURE, entry), 0);
	ck_assert_int_eq(rig_read_errno(&rig, fd, 0, 4), EIO);
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_FEATURE, leave), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, 0, 4), 0x010000ed);
}
END_TEST

START_TEST(calls_of_device_nodes_are_not_for_group_files)
{
	uint32_t bind[4] = {16, 0, 0, 0};
	uint32_t attach[3] = {12, 0, 1};
	int fd = rig_open(&rig, "edu0", NULL);

	ck_assert_int_eq(rig_ioctl(&rig, fd, _IO(VFIO_TYPE, VFIO_BASE + 18), bind), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, fd, _IO(VFIO_TYPE, VFIO_BASE + 18), (void *)16), -EFAULT);
	ck_assert_int_eq(rig_ioctl(&rig, fd, _IO(VFIO_TYPE, VFIO_BASE + 19), attach), -ENOTTY);
	ck_assert_int_eq(rig_ioctl(&rig, fd, _IO(VFIO_TYPE, VFIO_BASE + 20), attach), -ENOTTY);
	ck_assert_int_eq(rig_ioctl_value(&rig, fd, 0x3bff, 0), -ENOTTY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio device");
	TCase *tcase = tcase_create("information");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, edu_answers_as_recorded);
	tcase_add_test(tcase, e1000e_answers_as_recorded);
	tcase_add_test(tcase, nvme_answers_as_recorded);
	tcase_add_test(tcase, info_writes_no_more_than_argsz_and_24_bytes);
	tcase_add_test(tcase, regions_past_the_last_are_refused);
	tcase_add_test(tcase, interrupt_indexes_of_edu);
	tcase_add_test(tcase, features_are_validated_before_they_are_unknown);
	tcase_add_test(tcase, a_device_without_power_does_not_answer);
	tcase_add_test(tcase, calls_of_device_nodes_are_not_for_group_files);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
