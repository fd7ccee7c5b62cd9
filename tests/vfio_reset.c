// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets: which devices have one, what it touches, and resets of a whole bus.
 */
#include "vfio_machine.h"

#include "harness.h"

static struct rig rig;

static void setup(void)
{
	rig_boot(&rig, "vtd48", NULL);
}

static void teardown(void)
{
	rig_halt(&rig);
}

static uint32_t info_flags(int fd)
{
	struct vfio_device_info info = {.argsz = 16};

	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_GET_INFO, &info), 0);
	return info.flags;
}

/* edu has no reset of its own: only being alone behind a port or bridge gives it one. */
START_TEST(place_on_the_bus_decides_about_reset)
{
	static const struct {
		const char *device;
		uint32_t flags;
		long reset, hot_info;
	} row[] = {
		{"A", 3, 0, -ENOSPC},       {"B", 3, 0, -ENOSPC}, {"C", 2, -EINVAL, -ENOSPC},
		{"D", 2, -EINVAL, -ENOSPC}, {"E", 3, 0, -ENOSPC}, {"G", 2, -EINVAL, -ENODEV},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int group, fd = rig_open(&rig, row[i].device, &group);
		uint32_t info[3] = {12, 0, 0};

		ck_assert_msg(info_flags(fd) == row[i].flags, "%s", row[i].device);
		ck_assert_int_eq(rig_ioctl_value(&rig, fd, VFIO_DEVICE_RESET, 0), row[i].reset);
		ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info),
				 row[i].hot_info);
		sio_close(rig.process, fd);
		sio_close(rig.process, group);
	}
}
END_TEST

START_TEST(a_reset_clears_the_device_and_keeps_its_configuration)
{
	int fd = rig_open(&rig, "A", NULL);

	rig_write(&rig, fd, 4, 4, 0x1111);
	rig_write(&rig, fd, CONFIG(4), 2, 0x0006);
	rig_write(&rig, fd, CONFIG(0x0c), 1, 0x20);
	ck_assert_int_eq(rig_ioctl_value(&rig, fd, VFIO_DEVICE_RESET, 0), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, 4, 4), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, CONFIG(4), 2), 0x0006);
	ck_assert_uint_eq(rig_read(&rig, fd, CONFIG(0x0c), 1), 0x20);
}
END_TEST

START_TEST(a_device_is_reset_between_users)
{
	int group, fd = rig_open(&rig, "A", &group);

	rig_write(&rig, fd, 4, 4, 0x1111);
	sio_close(rig.process, fd);
	fd = rig_device(&rig, group, "A");
	ck_assert_uint_eq(rig_read(&rig, fd, 4, 4), 0);
}
END_TEST

/* C and D share a slot: neither can be reset alone, but both together once nobody uses them. */
START_TEST(a_shared_bus_is_reset_after_the_last_close)
{
	int group, c = rig_open(&rig, "C", &group), d = rig_device(&rig, group, "D");

	rig_write(&rig, c, 4, 4, 0x1111);
	rig_write(&rig, d, 4, 4, 0x2222);
	sio_close(rig.process, c);
	ck_assert_uint_eq(rig_read(&rig, d, 4, 4), 0xffffdddd);
	c = rig_device(&rig, group, "C");
	ck_assert_uint_eq(rig_read(&rig, c, 4, 4), 0xffffeeee);
	sio_close(rig.process, c);
	sio_close(rig.process, d);
	c = rig_device(&rig, group, "C");
	d = rig_device(&rig, group, "D");
	ck_assert_uint_eq(rig_read(&rig, c, 4, 4), 0);
	ck_assert_uint_eq(rig_read(&rig, d, 4, 4), 0);
}
END_TEST

START_TEST(hot_reset_info_lists_the_bus)
{
	int group, fd = rig_open(&rig, "C", &group);
	uint32_t info[3 + 4] = {12 + 16, 0xff, 0};
	uint32_t id = (uint32_t)sio_device_group(sio_device_find(rig.machine, "C"));

	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info), 0);
	ck_assert_uint_eq(info[0], 28);
	ck_assert_uint_eq(info[1], 0);
	ck_assert_uint_eq(info[2], 2);
	ck_assert_uint_eq(info[3], id);
	ck_assert_uint_eq(info[4], 0x00030000); /* segment 0, bus 3, 00.0 */
	ck_assert_uint_eq(info[5], id);
	ck_assert_uint_eq(info[6], 0x01030000);
	info[0] = 27;
	info[2] = 99;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info), -ENOSPC);
	ck_assert_uint_eq(info[2], 2);
	ck_assert_uint_eq(info[1], 0);
	info[0] = 11;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, (void *)16),
			 -EFAULT);
}
END_TEST

START_TEST(hot_reset_asks_for_the_groups)
{
	int group, other, fd = rig_open(&rig, "C", &group), d = rig_device(&rig, group, "D");
	int root, root_group;
	struct {
		uint32_t argsz, flags, count;
		int32_t fds[3];
	} reset = {.argsz = 12};

	other = rig_group(&rig, "A");
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, (void *)16), -EFAULT);
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);
	reset.count = 1;
	reset.fds[0] = group;
	reset.argsz = 11;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);
	reset.argsz = sizeof(reset);
	reset.flags = 1;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);
	reset.flags = 0;
	reset.count = 3;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);
	reset.count = 1;
	reset.fds[0] = 999;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EBADF);
	reset.fds[0] = rig.container;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);
	reset.fds[0] = other;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), -EINVAL);

	rig_write(&rig, fd, 4, 4, 0x1111);
	rig_write(&rig, d, 4, 4, 0x2222);
	rig_write(&rig, d, CONFIG(4), 2, 6);
	reset.fds[0] = group;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, 4, 4), 0);
	ck_assert_uint_eq(rig_read(&rig, d, 4, 4), 0);
	ck_assert_uint_eq(rig_read(&rig, d, CONFIG(4), 2), 6);
	reset.count = 2;
	reset.fds[1] = group;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), 0);
	reset.fds[1] = other;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_PCI_HOT_RESET, &reset), 0);

	root = rig_open(&rig, "G", &root_group);
	reset.count = 1;
	reset.fds[0] = root_group;
	ck_assert_int_eq(rig_ioctl(&rig, root, VFIO_DEVICE_PCI_HOT_RESET, &reset), -ENODEV);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio reset");
	TCase *tcase = tcase_create("resets");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, place_on_the_bus_decides_about_reset);
	tcase_add_test(tcase, a_reset_clears_the_device_and_keeps_its_configuration);
	tcase_add_test(tcase, a_device_is_reset_between_users);
	tcase_add_test(tcase, a_shared_bus_is_reset_after_the_last_close);
	tcase_add_test(tcase, hot_reset_info_lists_the_bus);
	tcase_add_test(tcase, hot_reset_asks_for_the_groups);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
