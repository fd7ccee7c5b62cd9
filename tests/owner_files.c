// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel drivers beside a program: which drivers make a group unusable, what happens when one is
 * bound or taken away while a program has the group, and two programs at one group. By kernel.
 *
 * 5.12 has no DMA ownership, 6.1 and 6.12 have mainline's, and the proposal of 2021 is a switch.
 */
#include "vfio_machine.h"

#include "harness.h"

#define PROPOSAL  "6.1,dma_ownership_2021"
#define COMPANION "0000:06:00.1" /* in the group of F, bound to a host driver at boot */

static struct rig rig;

static void boot(const char *kernel)
{
	rig_boot_as(&rig, kernel, "vtd48", NULL);
}

static struct sio_device *device(const char *name)
{
	struct sio_device *found = sio_device_find(rig.machine, name);

	ck_assert_msg(found != NULL, "no device %s", name);
	return found;
}

static int bind_driver(const char *name, const char *driver)
{
	int rc = sio_device_bind(device(name), driver);

	rig_audit(&rig);
	return rc;
}

static int unbind_driver(const char *name)
{
	int rc = sio_device_unbind(device(name));

	rig_audit(&rig);
	return rc;
}

static void driver_is(const char *name, const char *driver)
{
	char bound[32];

	sio_device_driver(device(name), bound);
	ck_assert_str_eq(bound, driver);
}

/* 1: viable, 2: in a container; or -errno. */
static long group_status(int group)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	long rc = rig_ioctl(&rig, group, VFIO_GROUP_GET_STATUS, &status);

	return rc ? rc : (long)status.flags;
}

static long set_iommu(int container)
{
	return rig_ioctl_value(&rig, container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU);
}

static long unset(int group)
{
	return rig_ioctl_value(&rig, group, VFIO_GROUP_UNSET_CONTAINER, 0);
}

/* ---- a driver that is there first ---- */

START_TEST(a_group_with_a_host_driver_is_refused_by_errno_of_the_form)
{
	static const struct {
		const char *kernel;
		long set_container, get_device;
	} rows[] = {
		{"2012", 0, -EINVAL},
		{"5.12", 0, -EINVAL},
		{"6.1", -EPERM, -EINVAL},
		{PROPOSAL, -EBUSY, -EINVAL},
		{"6.12", -EPERM, -EINVAL},
		{"6.12,dma_ownership_2021", -EBUSY, -EINVAL},
		{"7.2", -EPERM, -EINVAL},
		{"4.15,dma_ownership_2021", -EBUSY, -EINVAL},
		{"6.12,dma_ownership_none", 0, -EINVAL},
	};
	int group;

	boot(rows[_i].kernel);
	group = rig_group(&rig, "F");
	ck_assert_int_eq(group_status(group), 0);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), rows[_i].set_container);
	ck_assert_int_eq(set_iommu(rig.container), rows[_i].set_container ? -EINVAL : 0);
	ck_assert_int_eq(rig_device(&rig, group, "F"), rows[_i].get_device);
	ck_assert_int_eq(group_status(group), rows[_i].set_container ? 0 : 2);
	rig_halt(&rig);
}
END_TEST

START_TEST(the_group_is_free_when_the_host_driver_goes)
{
	static const char *const kernels[] = {"2012", "5.12", "6.12", PROPOSAL};
	int group;

	boot(kernels[_i]);
	driver_is(COMPANION, "host");
	ck_assert_int_eq(unbind_driver(COMPANION), 0);
	driver_is(COMPANION, "");
	group = rig_group(&rig, "F");
	ck_assert_int_eq(group_status(group), 1);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(set_iommu(rig.container), 0);
	ck_assert_int_ge(rig_device(&rig, group, "F"), 0);
	ck_assert_int_eq(group_status(group), 3);
	rig_halt(&rig);
}
END_TEST

static const struct {
	const char *kernel, *function, *driver;
	bool viable;
} companions[] = {
	{"2012", COMPANION, "e1000e", false},
	{"2012", COMPANION, "pci-stub", true},
	{"2012", COMPANION, "pcieport", false},
	{"3.11", COMPANION, "pcieport", true},
	{"3.16", COMPANION, "pcieport", true},
	{"4.4", COMPANION, "pcieport", false},
	{"5.12", COMPANION, "e1000e", false},
	{"5.12", COMPANION, "pci-stub", true},
	{"6.1", COMPANION, "e1000e", false},
	{"6.1", COMPANION, "pci-stub", true},
	{"6.1", COMPANION, "pcieport", true},
	{PROPOSAL, COMPANION, "e1000e", false},
	{PROPOSAL, COMPANION, "pci-stub", true},
	{PROPOSAL, COMPANION, "pcieport", true},
	{"6.12", COMPANION, "vfio-pci", true},
	{"5.12", COMPANION, "vfio-pci", true},
	/* The bridge above E, which is in its group. */
	{"2012", "0000:04:00.0", "pcieport", false},
	{"3.14", "0000:04:00.0", "pcieport", true},
	{"3.14", "0000:04:00.0", "shpchp", false},
	{"4.4", "0000:04:00.0", "shpchp", true},
	{"5.12", "0000:04:00.0", "shpchp", true},
	{"6.12", "0000:04:00.0", "shpchp", false},
	{"6.12", "0000:04:00.0", "pcieport", true},
	{PROPOSAL, "0000:04:00.0", "shpchp", false},
};

START_TEST(companions_by_driver_and_kernel)
{
	const char *function = companions[_i].function;
	bool bridge = strcmp(function, COMPANION) != 0;
	int group;

	boot(companions[_i].kernel);
	if (!bridge)
		ck_assert_int_eq(unbind_driver(COMPANION), 0);
	ck_assert_int_eq(bind_driver(function, companions[_i].driver), 0);
	driver_is(function, companions[_i].driver);
	group = rig_group(&rig, bridge ? "E" : "F");
	ck_assert_msg(group_status(group) == companions[_i].viable, "%s beside %s in %s",
		      companions[_i].driver, function, companions[_i].kernel);
	ck_assert_int_eq(rig_join(&rig, group, rig.container) == 0 &&
				 set_iommu(rig.container) == 0 &&
				 rig_device(&rig, group, bridge ? "E" : "F") >= 0,
			 companions[_i].viable);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_platform_can_say_that_a_companion_does_nothing)
{
	int group;

	rig_boot(&rig, NULL,
		 "units = ( { name = \"dmar0\"; include-all = true; } );\n"
		 "devices = (\n"
		 "  { name = \"A\"; bdf = \"00:02.0\"; model = \"edu\"; },\n"
		 "  { name = \"B\"; bdf = \"00:02.1\"; model = \"edu\"; driver = \"pci-stub\"; } "
		 ");\n");
	driver_is("A", "vfio-pci");
	driver_is("B", "pci-stub");
	group = rig_group(&rig, "A");
	ck_assert_int_eq(group_status(group), 1);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(rig_device(&rig, group, "B"), -ENODEV);
	rig_halt(&rig);
}
END_TEST

/* ---- a driver that comes while a program has the group ---- */

START_TEST(a_host_driver_does_not_get_a_group_in_use)
{
	static const char *const kernels[] = {"6.1", "6.12", "7.2", PROPOSAL};
	int group, fd;

	boot(kernels[_i]);
	ck_assert_int_eq(unbind_driver(COMPANION), 0);
	fd = rig_open(&rig, "F", &group);
	ck_assert_int_eq(bind_driver(COMPANION, "e1000e"), -EBUSY);
	driver_is(COMPANION, "");
	ck_assert_int_eq(group_status(group), 3);
	sio_close(rig.process, fd);
	ck_assert_int_eq(bind_driver(COMPANION, "e1000e"), -EBUSY);
	ck_assert_int_eq(unset(group), 0);
	ck_assert_int_eq(bind_driver(COMPANION, "e1000e"), 0);
	/* And now the program does not get it. */
	ck_assert_int_eq(group_status(group), 0);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), _i == 3 ? -EBUSY : -EPERM);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_host_driver_in_a_group_in_use_was_a_bug)
{
	static const char *const kernels[] = {"2012", "3.16", "4.15", "5.12"};
	int group, fd;

	boot(kernels[_i]);
	ck_assert_int_eq(unbind_driver(COMPANION), 0);
	fd = rig_open(&rig, "F", &group);
	ck_assert_int_eq(bind_driver(COMPANION, "e1000e"), -ENOTRECOVERABLE);
	driver_is(COMPANION, "e1000e");
	ck_assert_int_eq(group_status(group), 2);
	ck_assert_int_eq(rig_device(&rig, group, "F"), -EINVAL);
	sio_close(rig.process, fd);
	ck_assert_int_eq(unset(group), 0);
	/* Of a group that nobody uses it does not care. */
	ck_assert_int_eq(unbind_driver(COMPANION), 0);
	ck_assert_int_eq(bind_driver(COMPANION, "e1000e"), 0);
	ck_assert_int_eq(group_status(group), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_container_alone_is_use_enough)
{
	int group;

	boot("5.12");
	ck_assert_int_eq(unbind_driver(COMPANION), 0);
	group = rig_group(&rig, "F");
	ck_assert_int_eq(bind_driver(COMPANION, "pci-stub"), 0);
	ck_assert_int_eq(unbind_driver(COMPANION), 0);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(bind_driver(COMPANION, "e1000e"), -ENOTRECOVERABLE);
	rig_halt(&rig);
}
END_TEST

START_TEST(drivers_that_leave_dma_alone_come_and_go)
{
	static const char *const kernels[] = {"2012", "5.12", "6.12", PROPOSAL};
	int group, fd;

	boot(kernels[_i]);
	ck_assert_int_eq(unbind_driver(COMPANION), 0);
	fd = rig_open(&rig, "F", &group);
	ck_assert_int_eq(bind_driver(COMPANION, "pci-stub"), 0);
	ck_assert_int_eq(group_status(group), 3);
	ck_assert_int_eq(unbind_driver(COMPANION), 0);
	/* A second device of the group for the program. */
	ck_assert_int_eq(bind_driver(COMPANION, "vfio-pci"), 0);
	ck_assert_int_ge(rig_device(&rig, group, COMPANION), 0);
	ck_assert_int_ge(fd, 0);
	rig_halt(&rig);
}
END_TEST

/* ---- devices taken from vfio-pci ---- */

START_TEST(an_open_device_is_asked_for_and_waited_for)
{
	int group, fd, event;
	uint64_t count = 0;
	uint8_t bytes[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	struct vfio_irq_set request = {
		.argsz = sizeof(bytes),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_REQ_IRQ_INDEX,
		.count = 1,
	};

	boot(_i ? "5.12" : "6.12");
	fd = rig_open(&rig, "A", &group);
	ck_assert_int_eq(unbind_driver("A"), -EBUSY);
	event = sio_eventfd(rig.process);
	memcpy(bytes, &request, sizeof(request));
	memcpy(bytes + sizeof(request), &event, sizeof(int32_t));
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_SET_IRQS, bytes), 0);
	ck_assert_int_eq(unbind_driver("A"), -EBUSY);
	ck_assert_int_eq(sio_eventfd_read(rig.process, event, &count), 0);
	ck_assert_uint_eq(count, 1);
	driver_is("A", "vfio-pci");
	sio_close(rig.process, fd);
	ck_assert_int_eq(unset(group), 0);
	ck_assert_int_eq(unbind_driver("A"), 0);
	driver_is("A", "");
	rig_halt(&rig);
}
END_TEST

START_TEST(the_last_device_leaves_a_group_in_its_container_before_4_15)
{
	int group;

	boot("4.10");
	group = rig_group(&rig, "A");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(set_iommu(rig.container), 0);
	ck_assert_int_eq(unbind_driver("A"), 0);
	ck_assert_int_eq(group_status(group), 3);
	ck_assert_int_eq(rig_device(&rig, group, "A"), -ENODEV);
	ck_assert_int_eq(bind_driver("A", "vfio-pci"), 0);
	ck_assert_int_ge(rig_device(&rig, group, "A"), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(the_last_device_waits_for_the_container_from_4_15_on)
{
	int group;

	boot(_i ? "5.12" : "4.15");
	group = rig_group(&rig, "C");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(unbind_driver("D"), 0);
	ck_assert_int_eq(unbind_driver("C"), -EBUSY);
	ck_assert_int_eq(unset(group), 0);
	ck_assert_int_eq(unbind_driver("C"), 0);
	/* The open file keeps the group. */
	ck_assert_int_eq(rig_group(&rig, "C"), -EBUSY);
	ck_assert_int_eq(group_status(group), 1);
	sio_close(rig.process, group);
	ck_assert_int_eq(rig_group(&rig, "C"), -ENOENT);
	rig_halt(&rig);
}
END_TEST

START_TEST(the_last_device_takes_its_group_along_from_6_1_on)
{
	struct vfio_iommu_type1_info info = {.argsz = sizeof(info)};
	int group, again;

	boot(_i ? PROPOSAL : "6.12");
	group = rig_group(&rig, "A");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(set_iommu(rig.container), 0);
	ck_assert_int_eq(unbind_driver("A"), 0);
	/* The container lost its only group, the file its meaning. */
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info), -EINVAL);
	ck_assert_int_eq(group_status(group), -ENODEV);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), -ENODEV);
	ck_assert_int_eq(rig_join(&rig, group, 999), -EBADF);
	ck_assert_int_eq(unset(group), -EINVAL);
	ck_assert_int_eq(rig_device(&rig, group, "A"), -ENODEV);
	ck_assert_int_eq(rig_group(&rig, "A"), -ENOENT);
	/* The DMA is free again: for a driver, or for a new group of vfio-pci. */
	ck_assert_int_eq(bind_driver("A", "e1000e"), 0);
	ck_assert_int_eq(unbind_driver("A"), 0);
	ck_assert_int_eq(bind_driver("A", "vfio-pci"), 0);
	again = rig_group(&rig, "A");
	ck_assert_int_ge(again, 0);
	ck_assert_int_eq(rig_join(&rig, again, rig.container), 0);
	ck_assert_int_eq(group_status(group), -ENODEV);
	sio_close(rig.process, group);
	ck_assert_int_eq(group_status(again), 3);
	rig_halt(&rig);
}
END_TEST

START_TEST(the_other_devices_of_a_group_go_on)
{
	static const char *const kernels[] = {"2012", "4.15", "6.12", PROPOSAL};
	int group, c;

	boot(kernels[_i]);
	c = rig_open(&rig, "C", &group);
	ck_assert_int_eq(unbind_driver("D"), 0);
	ck_assert_int_eq(rig_device(&rig, group, "D"), -ENODEV);
	ck_assert_int_eq(group_status(group), 3);
	rig_read(&rig, c, CONFIG(0), 4);
	ck_assert_int_eq(bind_driver("D", "vfio-pci"), 0);
	ck_assert_int_ge(rig_device(&rig, group, "D"), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_device_has_at_most_one_driver)
{
	boot(NULL);
	ck_assert_int_eq(bind_driver("A", "e1000e"), -EBUSY);
	ck_assert_int_eq(bind_driver("A", "vfio-pci"), -EBUSY);
	ck_assert_int_eq(unbind_driver("A"), 0);
	ck_assert_int_eq(unbind_driver("A"), -ENODEV);
	ck_assert_int_eq(bind_driver("A", ""), -EINVAL);
	ck_assert_int_eq(bind_driver("A", NULL), -EINVAL);
	ck_assert_int_eq(bind_driver("A", "0123456789012345678901234567890123"), -EINVAL);
	ck_assert_int_eq(bind_driver("0000:04:00.0", "vfio-pci"), -EINVAL);
	ck_assert_int_eq(bind_driver("A", "nvme"), 0);
	ck_assert_int_eq(bind_driver("A", "vfio-pci"), -EBUSY);
	driver_is("A", "nvme");
	ck_assert_int_eq(rig_group(&rig, "A"), -ENOENT);
	rig_halt(&rig);
}
END_TEST

START_TEST(binding_that_runs_out_of_memory_leaves_no_trace)
{
	char error[128], plan[32];
	int rc = -ENOMEM;

	boot(NULL);
	ck_assert_int_eq(unbind_driver("A"), 0);
	for (unsigned nth = 1; rc; nth++) {
		snprintf(plan, sizeof(plan), "alloc:nth=%u", nth);
		ck_assert_int_eq(sio_inject(rig.machine, plan, error, sizeof(error)), 0);
		rc = bind_driver("A", "vfio-pci");
		ck_assert(rc == 0 || rc == -ENOMEM);
		driver_is("A", rc ? "" : "vfio-pci");
		ck_assert_uint_lt(nth, 16);
	}
	ck_assert_int_eq(sio_inject(rig.machine, "", error, sizeof(error)), 0);
	ck_assert_int_ge(rig_group(&rig, "A"), 0);
	rig_halt(&rig);
}
END_TEST

/* ---- two programs ---- */

START_TEST(a_group_is_in_one_container)
{
	static const char *const kernels[] = {"2012", "5.12", "6.12", PROPOSAL};
	struct rig other;
	int group, theirs;

	boot(kernels[_i]);
	other = rig;
	other.process = sio_process_create(rig.machine);
	other.container = sio_open(other.process, "/dev/vfio/vfio");
	group = rig_group(&rig, "A");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(rig_group(&other, "A"), -EBUSY);
	/* Another group of the same machine is nobody's yet. */
	theirs = rig_group(&other, "B");
	ck_assert_int_eq(rig_join(&other, theirs, other.container), 0);
	ck_assert_int_eq(rig_join(&rig, group, sio_open(rig.process, "/dev/vfio/vfio")), -EINVAL);
	sio_close(rig.process, group);
	group = rig_group(&other, "A");
	ck_assert_int_ge(group, 0);
	ck_assert_int_eq(rig_join(&other, group, other.container), 0);
	ck_assert_int_eq(rig_group(&rig, "A"), -EBUSY);
	rig_halt(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("owner files");
	TCase *tcase = tcase_create("drivers and programs");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_group_with_a_host_driver_is_refused_by_errno_of_the_form, 0,
			    9);
	tcase_add_loop_test(tcase, the_group_is_free_when_the_host_driver_goes, 0, 4);
	tcase_add_loop_test(tcase, companions_by_driver_and_kernel, 0,
			    sizeof(companions) / sizeof(companions[0]));
	tcase_add_test(tcase, a_platform_can_say_that_a_companion_does_nothing);
	tcase_add_loop_test(tcase, a_host_driver_does_not_get_a_group_in_use, 0, 4);
	tcase_add_loop_test(tcase, a_host_driver_in_a_group_in_use_was_a_bug, 0, 4);
	tcase_add_test(tcase, a_container_alone_is_use_enough);
	tcase_add_loop_test(tcase, drivers_that_leave_dma_alone_come_and_go, 0, 4);
	tcase_add_loop_test(tcase, an_open_device_is_asked_for_and_waited_for, 0, 2);
	tcase_add_test(tcase, the_last_device_leaves_a_group_in_its_container_before_4_15);
	tcase_add_loop_test(tcase, the_last_device_waits_for_the_container_from_4_15_on, 0, 2);
	tcase_add_loop_test(tcase, the_last_device_takes_its_group_along_from_6_1_on, 0, 2);
	tcase_add_loop_test(tcase, the_other_devices_of_a_group_go_on, 0, 4);
	tcase_add_test(tcase, a_device_has_at_most_one_driver);
	tcase_add_test(tcase, binding_that_runs_out_of_memory_leaves_no_trace);
	tcase_add_loop_test(tcase, a_group_is_in_one_container, 0, 4);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
