// SPDX-License-Identifier: GPL-2.0-only
/*
 * No-IOMMU mode: devices that nothing translates for, given to programs that are trusted with
 * physical addresses.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "softiommu.h"

/* Segment 0 has a unit, segment 1 has none; each has a device, the latter two. */
#define PLATFORM(noiommu)                                                      \
	"machine = { ram = \"64M\"; " noiommu " };\n"                          \
	"units = ( { include-all = true; } );\n"                               \
	"devices = ( { name = \"A\"; bdf = \"00:04.0\"; model = \"edu\"; },\n" \
	"  { name = \"N\"; bdf = \"0001:00:04.0\"; model = \"edu\"; },\n"      \
	"  { name = \"M\"; bdf = \"0001:00:05.0\"; model = \"edu\"; } );\n"    \
	"emulated = ( { name = \"V\"; } );\n"

#define EDU_SRC   0x80u
#define EDU_DST   0x88u
#define EDU_COUNT 0x90u
#define EDU_CMD   0x98u
#define CONFIG    (UINT64_C(7) << 40)

static struct sio_machine *machine;
static struct sio_process *process;
static int container;

static void boot(const char *text, const char *kernel)
{
	struct sio_machine_cfg cfg = {.platform_text = text, .kernel = kernel};
	char error[256];

	ck_assert_msg(sio_machine_create(&cfg, &machine, error, sizeof(error)) == 0, "%s", error);
	process = sio_process_create(machine);
	container = sio_open(process, "/dev/vfio/vfio");
}

static void audit(void)
{
	char what[256];

	ck_assert_msg(sio_audit(machine, true, what, sizeof(what)) == 0, "%s", what);
}

static void halt(void)
{
	audit();
	sio_machine_destroy(machine);
}

static int call(int fd, unsigned long request, void *arg)
{
	int rc = sio_ioctl(process, fd, request, arg);

	rc = rc < 0 ? -errno : rc;
	audit();
	return rc;
}

static int value(int fd, unsigned long request, unsigned long arg)
{
	return call(fd, request, (void *)arg);
}

/* Descriptor or -errno; `prefix` is "" or "noiommu-". */
static int open_group(const char *prefix, const char *name)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%s%d", prefix,
		 sio_device_group(sio_device_find(machine, name)));
	fd = sio_open(process, path);
	return fd < 0 ? -errno : fd;
}

static int join(int group)
{
	return call(group, VFIO_GROUP_SET_CONTAINER, &container);
}

static int open_device(int group, const char *name)
{
	char bdf[64];

	snprintf(bdf, sizeof(bdf), "%s", sio_device_bdf(sio_device_find(machine, name)));
	return call(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
}

START_TEST(a_device_without_an_iommu_needs_the_mode)
{
	static const struct {
		const char *text, *kernel;
		bool enable;
		int rc;
	} cases[] = {
		{PLATFORM(""), NULL, false, -EINVAL},
		{PLATFORM("noiommu = false;"), NULL, false, -EINVAL},
		{PLATFORM("noiommu = true;"), NULL, false, 0},
		{PLATFORM(""), NULL, true, 0},
		{PLATFORM("noiommu = true;"), "4.10", false, 0},
		{PLATFORM("noiommu = true;"), "4.4", true, -EINVAL},
		{PLATFORM("noiommu = true;"), "2012", true, -EINVAL},
	};
	struct sio_machine_cfg cfg = {
		.platform_text = cases[_i].text,
		.kernel = cases[_i].kernel,
		.noiommu = cases[_i].enable,
	};
	char error[256] = "";

	ck_assert_int_eq(sio_machine_create(&cfg, &machine, error, sizeof(error)), cases[_i].rc);
	if (cases[_i].rc)
		ck_assert_str_eq(error,
				 "platform: 0001:00:04.0 has no IOMMU, which vfio-pci needs: "
				 "expected a unit that serves it, noiommu = true and a kernel from "
				 "4.5 on, or another driver");
	else
		halt();
}
END_TEST

START_TEST(the_extension_depends_on_what_the_container_holds)
{
	int real, fake, other;

	boot(PLATFORM("noiommu = true;"), NULL);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 1);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU), 1);
	ck_assert_int_eq(sio_param(machine, "enable_unsafe_noiommu_mode", 2), -EINVAL);
	ck_assert_int_eq(sio_param(machine, "enable_unsafe_noiommu_mode", 0), 0);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 0);
	ck_assert_int_eq(sio_param(machine, "enable_unsafe_noiommu_mode", 1), 0);
	real = open_group("", "A");
	fake = open_group("noiommu-", "N");
	ck_assert_int_ge(real, 0);
	ck_assert_int_ge(fake, 0);
	ck_assert_int_eq(join(real), 0);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 0);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), -ENODEV);
	ck_assert_int_eq(join(fake), -EPERM);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 0);
	ck_assert_int_eq(join(fake), -EPERM);
	ck_assert_int_eq(call(real, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);

	ck_assert_int_eq(join(fake), 0);
	ck_assert_int_eq(join(real), -EPERM);
	other = open_group("", "V");
	ck_assert_int_eq(join(other), -EPERM); /* emulated groups are real ones here */
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 1);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), -ENODEV);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), 0);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), -EINVAL);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 1);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_UNMAP_ALL), 0);
	/* Empty again, it is as after open. */
	ck_assert_int_eq(call(fake, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU), 1);
	ck_assert_int_eq(join(other), 0);
	halt();
}
END_TEST

START_TEST(every_step_asks_for_rawio)
{
	int group, device;

	boot(PLATFORM("noiommu = true;"), NULL);
	sio_process_set_caps(process, SIO_CAP_IPC_LOCK);
	ck_assert_int_eq(open_group("noiommu-", "N"), -EPERM);
	sio_process_set_caps(process, SIO_CAP_SYS_RAWIO);
	group = open_group("noiommu-", "N");
	ck_assert_int_ge(group, 0);
	ck_assert_int_eq(open_group("noiommu-", "N"), -EBUSY);
	sio_process_set_caps(process, 0);
	ck_assert_int_eq(open_group("noiommu-", "N"), -EPERM); /* before EBUSY */
	/* A container first: what is no container is EBADFD, whatever the group. */
	ck_assert_int_eq(call(group, VFIO_GROUP_SET_CONTAINER, &group), -EBADFD);
	ck_assert_int_eq(join(group), -EPERM);
	sio_process_set_caps(process, SIO_CAP_SYS_RAWIO);
	ck_assert_int_eq(join(group), 0);
	ck_assert_int_eq(join(group), -EINVAL);
	ck_assert_int_eq(open_device(group, "N"), -EINVAL); /* no driver yet */
	sio_process_set_caps(process, 0);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), -ENODEV);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), -EPERM);
	ck_assert_int_eq(open_device(group, "N"), -EINVAL);
	sio_process_set_caps(process, SIO_CAP_SYS_RAWIO);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), 0);
	sio_process_set_caps(process, 0);
	ck_assert_int_eq(open_device(group, "M"), -ENODEV);
	ck_assert_int_eq(open_device(group, "N"), -EPERM);
	sio_process_set_caps(process, SIO_CAP_SYS_RAWIO);
	device = open_device(group, "N");
	ck_assert_int_ge(device, 0);
	sio_process_set_caps(process, 0);
	ck_assert_int_ge(open_device(group, "N"), 0); /* it is open already */
	halt();
}
END_TEST

START_TEST(before_6_1_the_capability_is_asked_earlier)
{
	int group;

	boot(PLATFORM("noiommu = true;"), _i ? "5.10" : "4.10");
	group = open_group("noiommu-", "N");
	sio_process_set_caps(process, 0);
	ck_assert_int_eq(call(group, VFIO_GROUP_SET_CONTAINER, &group), -EPERM);
	ck_assert_int_eq(join(group), -EPERM);
	sio_process_set_caps(process, SIO_CAP_SYS_RAWIO);
	ck_assert_int_eq(join(group), 0);
	sio_process_set_caps(process, 0);
	ck_assert_int_eq(open_device(group, "M"), -EINVAL);
	sio_process_set_caps(process, SIO_CAP_SYS_RAWIO);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), 0);
	ck_assert_int_ge(open_device(group, "N"), 0);
	sio_process_set_caps(process, 0);
	ck_assert_int_eq(open_device(group, "M"), -EPERM); /* before its name */
	ck_assert_int_eq(open_device(group, "N"), -EPERM); /* though it is open */
	halt();
}
END_TEST

START_TEST(nodes_have_a_name_of_their_own)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	int group;

	boot(PLATFORM("noiommu = true;"), NULL);
	/* Numbers go on where those of real groups end; the emulated device comes last. */
	ck_assert_int_eq(sio_device_group(sio_device_find(machine, "A")), 0);
	ck_assert_int_eq(sio_device_group(sio_device_find(machine, "N")), 1);
	ck_assert_int_eq(sio_device_group(sio_device_find(machine, "M")), 2);
	ck_assert_int_eq(sio_device_group(sio_device_find(machine, "V")), 3);
	ck_assert_int_eq(open_group("", "N"), -ENOENT);
	ck_assert_int_eq(open_group("noiommu-", "A"), -ENOENT);
	ck_assert_int_eq(open_group("noiommu-", "V"), -ENOENT);
	ck_assert_int_eq(sio_open(process, "/dev/vfio/noiommu-"), -1);
	ck_assert_int_eq(sio_open(process, "/dev/vfio/noiommu-01"), -1);
	group = open_group("noiommu-", "N");
	ck_assert_int_eq(call(group, VFIO_GROUP_GET_STATUS, &status), 0);
	ck_assert_uint_eq(status.flags, VFIO_GROUP_FLAGS_VIABLE);
	ck_assert_int_eq(join(group), 0);
	ck_assert_int_eq(call(group, VFIO_GROUP_GET_STATUS, &status), 0);
	ck_assert_uint_eq(status.flags, VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
	halt();
}
END_TEST

/* Two groups in one container, the driver on, both devices open. */
static int open_both(int *other)
{
	int first = open_group("noiommu-", "N"), second = open_group("noiommu-", "M"), device;

	ck_assert_int_eq(join(first), 0);
	ck_assert_int_eq(value(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), 0);
	ck_assert_int_eq(join(second), 0);
	device = open_device(first, "N");
	*other = open_device(second, "M");
	ck_assert_int_ge(device, 0);
	ck_assert_int_ge(*other, 0);
	ck_assert_int_eq(call(first, VFIO_GROUP_UNSET_CONTAINER, NULL), -EBUSY);
	return device;
}

START_TEST(there_is_nothing_to_map_or_pin)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map), .flags = 3, .size = 4096};
	struct vfio_iommu_type1_info info = {.argsz = sizeof(info)};
	struct sio_device *device;
	uint64_t address;
	int other, rc;

	boot(PLATFORM("noiommu = true;"), _i ? "5.10" : NULL);
	device = sio_device_find(machine, "N");
	open_both(&other);
	ck_assert_int_eq(value(container, VFIO_GET_API_VERSION, 0), VFIO_API_VERSION);
	ck_assert_int_eq(call(container, VFIO_IOMMU_MAP_DMA, &map), -ENOTTY);
	ck_assert_int_eq(call(container, VFIO_IOMMU_UNMAP_DMA, &map), -ENOTTY);
	ck_assert_int_eq(call(container, VFIO_IOMMU_GET_INFO, &info), -ENOTTY);
	rc = sio_device_pin_pages(device, 0, 1, SIO_PROT_RW, &address);
	ck_assert_int_eq(rc, _i ? -EPERM : -ENOTTY);
	rc = sio_device_dma_rw(device, NULL, 0, &address, 1, false);
	ck_assert_int_eq(rc, _i ? -EPERM : -ENOTTY);
	halt();
}
END_TEST

static void edu_write(int fd, uint64_t at, uint64_t number, size_t width)
{
	ck_assert_int_eq(sio_pwrite(process, fd, &number, width, at), (ssize_t)width);
}

START_TEST(a_bus_master_reaches_physical_memory)
{
	const struct sio_mem mem = {.size = 8192, .prot = SIO_PROT_RW};
	uint64_t va, from, to;
	char text[16] = "";
	int other, device;

	boot(PLATFORM("noiommu = true;"), NULL);
	device = open_both(&other);
	ck_assert_int_eq(sio_mem_map(process, &mem, &va), 0);
	ck_assert_int_eq(sio_mem_physical(process, va, &from), -EFAULT); /* not there yet */
	ck_assert_int_eq(sio_mem_physical(process, 4096, &from), -EFAULT);
	ck_assert_int_eq(sio_mem_write(process, va + 16, "untranslated", 13), 0);
	ck_assert_int_eq(sio_mem_write(process, va + 4096, "", 1), 0);
	ck_assert_int_eq(sio_mem_physical(process, va + 16, &from), 0);
	ck_assert_int_eq(sio_mem_physical(process, va + 4096, &to), 0);
	edu_write(device, CONFIG + 4, 6, 2); /* memory, bus master */
	edu_write(device, EDU_SRC, from, 8);
	edu_write(device, EDU_DST, 0x40000, 8);
	edu_write(device, EDU_COUNT, 13, 8);
	edu_write(device, EDU_CMD, 1, 8); /* into the device */
	edu_write(device, EDU_SRC, 0x40000, 8);
	edu_write(device, EDU_DST, to, 8);
	edu_write(device, EDU_CMD, 3, 8); /* and out again */
	ck_assert_int_eq(sio_mem_read(process, va + 4096, text, 13), 0);
	ck_assert_str_eq(text, "untranslated");
	ck_assert_int_eq(sio_dma_write(sio_device_find(machine, "M"), from, "U", 1, NULL), 0);
	ck_assert_int_eq(sio_mem_read(process, va + 16, text, 13), 0);
	ck_assert_str_eq(text, "Untranslated");
	/* Beyond memory nothing answers. */
	ck_assert_int_eq(sio_dma_read(sio_device_find(machine, "M"), UINT64_C(1) << 40, text, 1,
				      NULL),
			 -EIO);
	halt();
}
END_TEST

START_TEST(a_device_may_leave_and_come_back)
{
	struct sio_device *device;
	int group;
	char name[32];

	boot(PLATFORM("noiommu = true;"), _i ? "5.10" : NULL);
	device = sio_device_find(machine, "N");
	ck_assert_int_eq(sio_device_unbind(device), 0);
	audit();
	ck_assert_int_eq(sio_device_group(device), -1);
	ck_assert_int_eq(sio_open(process, "/dev/vfio/noiommu-1"), -1);
	ck_assert_int_eq(errno, ENOENT);
	/* A driver of the host needs no group. */
	ck_assert_int_eq(sio_device_bind(device, "edu"), 0);
	ck_assert_int_eq(sio_device_group(device), -1);
	ck_assert_int_eq(sio_device_unbind(device), 0);
	ck_assert_int_eq(sio_param(machine, "enable_unsafe_noiommu_mode", 0), 0);
	ck_assert_int_eq(sio_device_bind(device, "vfio-pci"), -EINVAL);
	ck_assert_int_eq(sio_param(machine, "enable_unsafe_noiommu_mode", 1), 0);
	ck_assert_int_eq(sio_device_bind(device, "vfio-pci"), 0);
	sio_device_driver(device, name);
	ck_assert_str_eq(name, "vfio-pci");
	audit();
	/* While a program has the group's file. */
	group = open_group("noiommu-", "N");
	ck_assert_int_eq(sio_device_unbind(device), 0);
	audit();
	ck_assert_int_eq(join(group), _i ? 0 : -ENODEV);
	ck_assert_int_eq(sio_close(process, group), 0);
	audit();
	ck_assert_int_eq(sio_machine_reset(machine), 0);
	ck_assert_int_eq(sio_device_group(device), 1);
	halt();
}
END_TEST

START_TEST(old_kernels_have_no_such_parameter)
{
	static const char plain[] = "machine = { ram = \"64M\"; noiommu = true; };\n"
				    "units = ( { include-all = true; } );\n"
				    "devices = ( { name = \"A\"; bdf = \"00:04.0\"; "
				    "model = \"edu\"; } );\n";

	boot(plain, _i ? "4.4" : "4.10");
	ck_assert_int_eq(sio_param(machine, "enable_unsafe_noiommu_mode", 1), _i ? -ENOENT : 0);
	ck_assert_int_eq(value(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), !_i);
	halt();
}
END_TEST

static Suite *build_suite(void)
{
	Suite *suite = suite_create("vfio no-IOMMU mode");
	TCase *tcase = tcase_create("no-IOMMU");

	tcase_add_loop_test(tcase, a_device_without_an_iommu_needs_the_mode, 0, 7);
	tcase_add_test(tcase, the_extension_depends_on_what_the_container_holds);
	tcase_add_test(tcase, every_step_asks_for_rawio);
	tcase_add_loop_test(tcase, before_6_1_the_capability_is_asked_earlier, 0, 2);
	tcase_add_test(tcase, nodes_have_a_name_of_their_own);
	tcase_add_loop_test(tcase, there_is_nothing_to_map_or_pin, 0, 2);
	tcase_add_test(tcase, a_bus_master_reaches_physical_memory);
	tcase_add_loop_test(tcase, a_device_may_leave_and_come_back, 0, 2);
	tcase_add_loop_test(tcase, old_kernels_have_no_such_parameter, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	Suite *suite = build_suite();

	return run_suite(suite);
}
