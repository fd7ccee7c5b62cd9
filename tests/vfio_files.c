// SPDX-License-Identifier: GPL-2.0-only
/*
 * Container and group files: order of validation, exclusiveness, who keeps whom alive. The
 * sequences are those that a Linux 6.12 kernel answered in recorded sessions.
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

static uint32_t status_flags(int group)
{
	struct vfio_group_status status = {.argsz = sizeof(status), .flags = 0xdead};

	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_GET_STATUS, &status), 0);
	return status.flags;
}

static long set_iommu(int container, unsigned long type)
{
	return rig_ioctl_value(&rig, container, VFIO_SET_IOMMU, type);
}

static long get_info(int container)
{
	struct vfio_iommu_type1_info info = {.argsz = 16};

	return rig_ioctl(&rig, container, VFIO_IOMMU_GET_INFO, &info);
}

START_TEST(extensions_of_a_container_without_a_driver)
{
	static const int answers[] = {0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0};

	ck_assert_int_eq(rig_ioctl_value(&rig, rig.container, VFIO_GET_API_VERSION, 0), 0);
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		ck_assert_int_eq(rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, i),
				 answers[i]);
	ck_assert_int_eq(rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, 0xffffffff), 0);
}
END_TEST

START_TEST(a_container_without_a_driver_refuses_everything_else)
{
	ck_assert_int_eq(get_info(rig.container), -EINVAL);
	ck_assert_int_eq(rig_ioctl_value(&rig, rig.container, 0x3bff, 0), -EINVAL);
	ck_assert_int_eq(set_iommu(rig.container, VFIO_TYPE1_IOMMU), -EINVAL);
	ck_assert_int_eq(set_iommu(rig.container, 0), -EINVAL);
}
END_TEST

START_TEST(driver_is_chosen_by_extension_number)
{
	static const struct {
		unsigned long type;
		long answer;
	} row[] = {
		{0, -ENODEV},  {2, -ENODEV}, {4, -ENODEV}, {5, -ENODEV},
		{10, -ENODEV}, {7, -ENODEV}, {8, -ENODEV}, {9, -EINVAL},
		{99, -ENODEV}, {1, 0},       {1, -EINVAL}, {3, -EINVAL},
	};
	int group = rig_group(&rig, "A");

	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		ck_assert_msg(set_iommu(rig.container, row[i].type) == row[i].answer, "type %lu",
			      row[i].type);
	ck_assert_int_eq(rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, 4), 1);
	ck_assert_int_eq(rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, 10), 1);
	ck_assert_int_eq(rig_ioctl_value(&rig, rig.container, 0x3bff, 0), -ENOTTY);
}
END_TEST

START_TEST(set_container_validates_in_order)
{
	int other = sio_open(rig.process, "/dev/vfio/vfio");
	int group = rig_group(&rig, "A");
	int eventfd = sio_eventfd(rig.process);

	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_SET_CONTAINER, (void *)16), -EFAULT);
	ck_assert_int_eq(rig_join(&rig, group, -1), -EBADF);
	ck_assert_int_eq(rig_join(&rig, group, 999), -EBADF);
	ck_assert_int_eq(rig_join(&rig, group, group), -EBADFD);
	ck_assert_int_eq(rig_join(&rig, group, eventfd), -EBADFD);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(rig_join(&rig, group, -1), -EBADF);
	ck_assert_int_eq(rig_join(&rig, group, group), -EINVAL);
	ck_assert_int_eq(rig_join(&rig, group, other), -EINVAL);
	ck_assert_int_eq(status_flags(group), 3);
}
END_TEST

START_TEST(group_status_needs_its_whole_structure)
{
	struct vfio_group_status status = {.argsz = 7};
	int group = rig_group(&rig, "A");

	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_GET_STATUS, &status), -EINVAL);
	status.argsz = 0;
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_GET_STATUS, &status), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_GET_STATUS, (void *)16), -EFAULT);
	ck_assert_int_eq(status_flags(group), 1);
	ck_assert_int_eq(rig_ioctl_value(&rig, group, 0x3bff, 0), -ENOTTY);
	rig_recorded(&rig, group, VFIO_GROUP_GET_STATUS, "0800000000000000", "0800000001000000", 0);
}
END_TEST

START_TEST(a_group_with_a_host_driver_is_not_viable)
{
	int group = rig_group(&rig, "F");

	ck_assert_int_eq(status_flags(group), 0);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), -EPERM);
	ck_assert_int_eq(rig_device(&rig, group, "F"), -EINVAL);
	ck_assert_int_eq(status_flags(group), 0);
}
END_TEST

START_TEST(names_are_looked_up_before_the_container)
{
	static const struct {
		const char *name;
		long answer;
	} row[] = {
		{"0000:01:00.1", -ENODEV},  {"0000:02:00.0", -ENODEV},
		{"01:00.0", -ENODEV},       {"", -ENODEV},
		{"0000:01:00.0x", -ENODEV}, {"0000:01:00.0", -EINVAL},
		{"0000:01:00.0 ", -EINVAL}, {"0000:01:00.0 x=1", -EINVAL},
	};
	int group = rig_group(&rig, "A");
	char *name = malloc(8192);

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(name, 8192, "%s", row[i].name);
		ck_assert_msg(rig_ioctl(&rig, group, VFIO_GROUP_GET_DEVICE_FD, name) ==
				      row[i].answer,
			      "%s", row[i].name);
	}
	memset(name, 'x', 8192);
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_GET_DEVICE_FD, name), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_GET_DEVICE_FD, (void *)16), -EFAULT);
	/* A container without a driver is none. */
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(rig_device(&rig, group, "A"), -EINVAL);
	ck_assert_int_eq(set_iommu(rig.container, 3), 0);
	/* Spaces behind the name are nothing. */
	snprintf(name, 8192, "0000:01:00.0  ");
	ck_assert_int_ge(rig_ioctl(&rig, group, VFIO_GROUP_GET_DEVICE_FD, name), 0);
	/* The bridge of a group is no vfio device. */
	free(name);
}
END_TEST

START_TEST(a_bridge_is_no_device_of_its_group)
{
	int group = rig_group(&rig, "E");

	ck_assert_int_eq(rig_device(&rig, group, "0000:04:00.0"), -ENODEV);
}
END_TEST

START_TEST(a_group_file_is_exclusive)
{
	int group = rig_group(&rig, "C");

	ck_assert_int_eq(rig_group(&rig, "D"), -EBUSY);
	ck_assert_int_eq(rig_group(&rig, "C"), -EBUSY);
	sio_close(rig.process, group);
	ck_assert_int_ge(rig_group(&rig, "D"), 0);
	ck_assert_int_lt(sio_open(rig.process, "/dev/vfio/4096"), 0);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(open_devices_keep_their_group)
{
	int group, c, d;

	c = rig_open(&rig, "C", &group);
	d = rig_device(&rig, group, "D");
	ck_assert_int_ge(d, 0);
	sio_close(rig.process, group);
	ck_assert_int_eq(rig_group(&rig, "C"), -EBUSY);
	sio_close(rig.process, c);
	ck_assert_int_eq(rig_group(&rig, "C"), -EBUSY);
	rig_audit(&rig);
	sio_close(rig.process, d);
	group = rig_group(&rig, "C");
	ck_assert_int_ge(group, 0);
	ck_assert_int_eq(status_flags(group), 1);
}
END_TEST

START_TEST(two_files_on_one_device_live_on_their_own)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int group, first, second;

	first = rig_open(&rig, "A", &group);
	second = rig_device(&rig, group, "A");
	ck_assert_int_ge(second, 0);
	ck_assert_int_ne(first, second);
	ck_assert_int_eq(rig_ioctl_value(&rig, group, VFIO_GROUP_UNSET_CONTAINER, 0), -EBUSY);
	sio_close(rig.process, first);
	ck_assert_int_eq(rig_ioctl(&rig, second, VFIO_DEVICE_GET_INFO, &info), 0);
	ck_assert_int_eq(rig_ioctl_value(&rig, group, VFIO_GROUP_UNSET_CONTAINER, 0), -EBUSY);
	sio_close(rig.process, second);
	ck_assert_int_eq(status_flags(group), 3);
	ck_assert_int_eq(rig_ioctl_value(&rig, group, VFIO_GROUP_UNSET_CONTAINER, 0), 0);
	ck_assert_int_eq(rig_ioctl_value(&rig, group, VFIO_GROUP_UNSET_CONTAINER, 0), -EINVAL);
	ck_assert_int_eq(status_flags(group), 1);
}
END_TEST

START_TEST(the_last_group_takes_the_driver_away)
{
	int group, device;

	device = rig_open(&rig, "A", &group);
	ck_assert_int_eq(get_info(rig.container), 0);
	sio_close(rig.process, group);
	ck_assert_int_eq(get_info(rig.container), 0);
	sio_close(rig.process, device);
	ck_assert_int_eq(get_info(rig.container), -EINVAL);
	ck_assert_int_eq(set_iommu(rig.container, 1), -EINVAL);
	/* And it can be chosen anew, another type too. */
	device = rig_open(&rig, "A", NULL);
	ck_assert_int_ge(device, 0);
	ck_assert_int_eq(get_info(rig.container), 0);
}
END_TEST

START_TEST(a_group_keeps_a_closed_container)
{
	int group, device;

	device = rig_open(&rig, "A", &group);
	sio_close(rig.process, rig.container);
	rig_audit(&rig);
	ck_assert_int_eq(status_flags(group), 3);
	ck_assert_int_eq(rig_ioctl_value(&rig, group, VFIO_GROUP_UNSET_CONTAINER, 0), -EBUSY);
	sio_close(rig.process, group);
	ck_assert_int_eq(rig_group(&rig, "A"), -EBUSY);
	sio_close(rig.process, device);
	group = rig_group(&rig, "A");
	ck_assert_int_eq(status_flags(group), 1);
	rig.container = sio_open(rig.process, "/dev/vfio/vfio");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
}
END_TEST

START_TEST(a_group_joins_a_container_that_has_a_driver)
{
	int device = rig_open(&rig, "A", NULL);
	int group = rig_group(&rig, "B"), second;

	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	second = rig_device(&rig, group, "B");
	ck_assert_int_ge(second, 0);
	sio_close(rig.process, device);
	sio_close(rig.process, second);
	sio_close(rig.process, group);
}
END_TEST

START_TEST(groups_that_cannot_all_attach_leave_no_trace)
{
	char error[128];
	int a = rig_group(&rig, "A"), b = rig_group(&rig, "B"), c = rig_group(&rig, "C");

	ck_assert_int_eq(rig_join(&rig, a, rig.container), 0);
	ck_assert_int_eq(rig_join(&rig, b, rig.container), 0);
	ck_assert_int_eq(rig_join(&rig, c, rig.container), 0);
	for (unsigned nth = 1;; nth++) {
		char plan[64];
		long rc;

		snprintf(plan, sizeof(plan), "iommu.attach:nth=%u,errno=ENOMEM", nth);
		ck_assert_int_eq(sio_inject(rig.machine, plan, error, sizeof(error)), 0);
		rc = set_iommu(rig.container, 3);
		if (!rc) {
			ck_assert_uint_gt(nth, 1);
			break;
		}
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_uint_lt(nth, 64);
	}
}
END_TEST

START_TEST(failing_allocations_and_copies_leave_no_trace)
{
	static const char *const points[] = {"alloc", "copy-in", "copy-out"};
	char error[128], plan[64];

	for (unsigned p = 0; p < 3; p++) {
		for (unsigned nth = 1; nth < 40; nth++) {
			struct vfio_group_status status = {.argsz = sizeof(status)};
			int group, device;

			snprintf(plan, sizeof(plan), "%s:nth=%u", points[p], nth);
			ck_assert_int_eq(sio_inject(rig.machine, plan, error, sizeof(error)), 0);
			group = rig_group(&rig, "A");
			if (group < 0)
				continue;
			rig_ioctl(&rig, group, VFIO_GROUP_GET_STATUS, &status);
			rig_join(&rig, group, rig.container);
			set_iommu(rig.container, 3);
			device = rig_device(&rig, group, "A");
			if (device >= 0)
				sio_close(rig.process, device);
			rig_audit(&rig);
			sio_close(rig.process, group);
			rig_audit(&rig);
		}
	}
	sio_inject(rig.machine, "", error, sizeof(error));
	ck_assert_int_ge(rig_open(&rig, "A", NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio files");
	TCase *tcase = tcase_create("container and group");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, extensions_of_a_container_without_a_driver);
	tcase_add_test(tcase, a_container_without_a_driver_refuses_everything_else);
	tcase_add_test(tcase, driver_is_chosen_by_extension_number);
	tcase_add_test(tcase, set_container_validates_in_order);
	tcase_add_test(tcase, group_status_needs_its_whole_structure);
	tcase_add_test(tcase, a_group_with_a_host_driver_is_not_viable);
	tcase_add_test(tcase, names_are_looked_up_before_the_container);
	tcase_add_test(tcase, a_bridge_is_no_device_of_its_group);
	tcase_add_test(tcase, a_group_file_is_exclusive);
	tcase_add_test(tcase, open_devices_keep_their_group);
	tcase_add_test(tcase, two_files_on_one_device_live_on_their_own);
	tcase_add_test(tcase, the_last_group_takes_the_driver_away);
	tcase_add_test(tcase, a_group_keeps_a_closed_container);
	tcase_add_test(tcase, a_group_joins_a_container_that_has_a_driver);
	tcase_add_test(tcase, groups_that_cannot_all_attach_leave_no_trace);
	tcase_add_test(tcase, failing_allocations_and_copies_leave_no_trace);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
