// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device nodes: what a file may do before and after BIND, who excludes whom, attaching, and the
 * order in which files are closed. Answers as recorded from 6.12.117 and 7.2.13.
 */
#include "iommufd_client.h"

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

static void reboot(const char *kernel, const char *platform, const char *text)
{
	rig_halt(&rig);
	rig_boot_as(&rig, kernel, platform, text);
}

static int node_of(const char *device)
{
	return sio_device_cdev(sio_device_find(rig.machine, device));
}

START_TEST(nodes_come_with_kernel_6_3)
{
	reboot("6.1", "vtd48", NULL);
	ck_assert_int_eq(rig_iommufd(&rig), -ENOENT);
	ck_assert_int_eq(node_of("A"), -1);
	ck_assert_int_eq(rig_path(&rig, "/dev/vfio/devices/vfio0"), -ENOENT);
	reboot("6.3", "vtd48", NULL);
	ck_assert_int_ge(rig_iommufd(&rig), 0);
	ck_assert_int_ge(rig_path(&rig, "/dev/vfio/devices/vfio0"), 0);
}
END_TEST

/* Devices are bound in order of their address: G is 00:10.0, then A, B ... */
START_TEST(a_node_has_the_lowest_free_number)
{
	struct sio_device *a = sio_device_find(rig.machine, "A");
	struct sio_device *g = sio_device_find(rig.machine, "G");

	ck_assert_int_eq(node_of("G"), 0);
	ck_assert_int_eq(node_of("A"), 1);
	ck_assert_int_eq(node_of("F"), 6);
	ck_assert_int_eq(sio_device_unbind(g), 0);
	ck_assert_int_eq(sio_device_unbind(a), 0);
	ck_assert_int_eq(node_of("A"), -1);
	ck_assert_int_eq(rig_path(&rig, "/dev/vfio/devices/vfio1"), -ENOENT);
	ck_assert_int_eq(sio_device_bind(a, "vfio-pci"), 0);
	ck_assert_int_eq(sio_device_bind(g, "vfio-pci"), 0);
	ck_assert_int_eq(node_of("A"), 0);
	ck_assert_int_eq(node_of("G"), 1);
}
END_TEST

START_TEST(names_are_spelled_as_the_kernel_spells_them)
{
	static const char *const wrong[] = {
		"/dev/vfio/devices",
		"/dev/vfio/devices/",
		"/dev/vfio/devices/vfio",
		"/dev/vfio/devices/vfio7",
		"/dev/vfio/devices/vfio01",
		"/dev/vfio/devices/vfio-1",
		"/dev/vfio/devices/vfio0x",
		"/dev/vfio/devices/noiommu0",
		"/dev/iommu/",
		"/dev/iommufd",
		"/dev/vfio/devices/0",
		"/dev/vfio/devices/vfio 0",
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(rig_path(&rig, wrong[i]) == -ENOENT, "%s", wrong[i]);
}
END_TEST

START_TEST(before_bind_a_file_can_do_nothing)
{
	int d = rig_cdev(&rig, "A");
	struct vfio_device_info info = {.argsz = sizeof(info)};
	uint64_t address;

	ck_assert_int_eq(rig_ioctl(&rig, d, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, d, VFIO_DEVICE_RESET, NULL), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, d, 0x1234, NULL), -EINVAL);
	ck_assert_int_eq(rig_attach(&rig, d, 1), -EINVAL);
	ck_assert_int_eq(rig_detach(&rig, d), -EINVAL);
	ck_assert_int_eq(rig_read_errno(&rig, d, CONFIG(0), 4), EINVAL);
	ck_assert_int_eq(rig_read_errno(&rig, d, CONFIG(0), 0), EINVAL);
	ck_assert_int_eq(rig_write_errno(&rig, d, CONFIG(4), 2), EINVAL);
	ck_assert_int_eq(sio_mem_map_fd(rig.process, d, 0, 4096, 0, &address), -EINVAL);
}
END_TEST

START_TEST(bind_looks_at_things_in_order)
{
	int f = rig_iommufd(&rig), d = rig_cdev(&rig, "A"), group = rig_group(&rig, "A");
	struct bind_arg bind = {.argsz = 15, .flags = 1, .iommufd = -1};

	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, NULL), -EFAULT);
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &bind), -EINVAL);
	bind.argsz = 16;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &bind), -EINVAL);
	bind.flags = 0;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &bind), -EINVAL);
	bind.iommufd = 77;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &bind), -EBUSY);
	rig_close(&rig, group);
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &bind), -EBADF);
	ck_assert_int_eq(rig_bind(&rig, d, d), -EBADFD);
	ck_assert_int_eq(rig_bind(&rig, d, rig.container), -EBADFD);
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	bind.iommufd = 77;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &bind), -EINVAL);
}
END_TEST

START_TEST(one_file_of_a_device_is_bound)
{
	int f = rig_iommufd(&rig), other = rig_iommufd(&rig);
	int d = rig_cdev(&rig, "A"), dup = rig_cdev(&rig, "A");
	struct vfio_device_info info = {.argsz = sizeof(info)};

	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ck_assert_int_eq(rig_bind(&rig, d, f), -EINVAL);
	ck_assert_int_eq(rig_bind(&rig, dup, f), -EINVAL);
	ck_assert_int_eq(rig_bind(&rig, dup, other), -EINVAL);
	ck_assert_int_eq(rig_bind(&rig, dup, dup), -EBADFD);
	ck_assert_int_eq(rig_ioctl(&rig, d, VFIO_DEVICE_GET_INFO, &info), 0);
	ck_assert_uint_eq(info.flags, 3);
	ck_assert_int_eq(rig_ioctl(&rig, dup, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	ck_assert_uint_eq(rig_read(&rig, d, CONFIG(0), 4), 0x11e81234);
	rig_close(&rig, d);
	ck_assert_int_eq(rig_bind(&rig, dup, other), 1);
}
END_TEST

START_TEST(group_and_node_exclude_each_other)
{
	int f = rig_iommufd(&rig), c = rig_cdev(&rig, "C"), d = rig_cdev(&rig, "D"), group;

	ck_assert_int_eq(rig_bind(&rig, c, f), 1);
	ck_assert_int_eq(rig_group(&rig, "C"), -EBUSY);
	/* A file that is not bound does not count. */
	rig_close(&rig, c);
	group = rig_group(&rig, "C");
	ck_assert_int_ge(group, 0);
	ck_assert_int_eq(rig_bind(&rig, d, f), -EBUSY);
	rig_close(&rig, group);
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
}
END_TEST

START_TEST(a_group_does_not_split_over_two_iommufds)
{
	int f = rig_iommufd(&rig), other = rig_iommufd(&rig);
	int c = rig_cdev(&rig, "C"), d = rig_cdev(&rig, "D");

	ck_assert_int_eq(rig_bind(&rig, c, f), 1);
	ck_assert_int_eq(rig_bind(&rig, d, other), -EPERM);
	ck_assert_int_eq(rig_bind(&rig, d, f), 2);
	rig_close(&rig, c);
	c = rig_cdev(&rig, "C");
	ck_assert_int_eq(rig_bind(&rig, c, other), -EPERM);
	rig_close(&rig, d);
	ck_assert_int_eq(rig_bind(&rig, c, other), 1);
}
END_TEST

START_TEST(a_group_with_a_host_driver_cannot_be_bound)
{
	ck_assert_int_eq(rig_bind(&rig, rig_cdev(&rig, "F"), rig_iommufd(&rig)), -EPERM);
}
END_TEST

/* As recorded: ids of automatic domains, replacement, what is destroyed when. */
START_TEST(attach_replaces_and_automatic_domains_go_when_unused)
{
	int f = rig_iommufd(&rig), d = rig_cdev(&rig, "A");
	struct attach_arg attach = {.argsz = 8};
	struct detach_arg detach = {.argsz = 4};

	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ck_assert_int_eq(rig_attach(&rig, d, 0), -ENOENT);
	ck_assert_int_eq(rig_attach(&rig, d, 99), -ENOENT);
	ck_assert_int_eq(rig_attach(&rig, d, 1), -EINVAL);
	ck_assert_int_eq(rig_ioas(&rig, f), 2);
	attach.pt_id = 2;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_ATTACH, &attach), -EINVAL);
	attach.argsz = 12;
	attach.flags = 1;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_ATTACH, &attach), -EINVAL);
	ck_assert_int_eq(rig_detach(&rig, d), 0);
	ck_assert_int_eq(rig_attach(&rig, d, 2), 3);
	ck_assert_int_eq(rig_attach(&rig, d, 2), 3);
	ck_assert_int_eq(rig_attach(&rig, d, 3), 3);
	ck_assert_int_eq(rig_destroy(&rig, f, 2), -EBUSY);
	ck_assert_int_eq(rig_destroy(&rig, f, 3), -EBUSY);
	ck_assert_int_eq(rig_destroy(&rig, f, 1), -EBUSY);
	ck_assert_int_eq(rig_ioas(&rig, f), 4);
	ck_assert_int_eq(rig_attach(&rig, d, 4), 5);
	ck_assert_int_eq(rig_destroy(&rig, f, 2), 0);
	ck_assert_int_eq(rig_destroy(&rig, f, 3), -ENOENT);
	ck_assert_int_eq(rig_detach(&rig, d), 0);
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_DETACH, &detach), -EINVAL);
	detach.argsz = 8;
	detach.flags = 1;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_DETACH, &detach), -EINVAL);
	ck_assert_int_eq(rig_destroy(&rig, f, 5), -ENOENT);
	ck_assert_int_eq(rig_destroy(&rig, f, 4), 0);
	ck_assert_int_eq(rig_destroy(&rig, f, 1), -EBUSY);
	ck_assert_int_eq(rig_attach(&rig, d, rig_ioas(&rig, f)), 3);
	rig_close(&rig, f);
	ck_assert_int_eq(rig_attach(&rig, d, 2), 3);
}
END_TEST

START_TEST(a_device_works_on_when_its_iommufd_is_closed)
{
	int f = rig_iommufd(&rig), d = rig_cdev(&rig, "A");
	uint64_t va = rig_memory(&rig, MIB);

	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ck_assert_int_eq(rig_ioas(&rig, f), 2);
	ck_assert_int_eq(rig_ioas_map(&rig, f, 2, 0x10000, va, 0x10000), 0);
	rig_poke(&rig, va, 0x1234);
	ck_assert_uint_eq(sio_process_vmpin(rig.process), 0);
	ck_assert_int_eq(rig_attach(&rig, d, 2), 3);
	ck_assert_uint_eq(sio_process_vmpin(rig.process), 64);
	rig_close(&rig, f);
	ck_assert_uint_eq(sio_process_vmpin(rig.process), 64);
	ck_assert(rig_dma_reads(&rig, "A", 0x10000, 0x1234));
	ck_assert_int_eq(rig_detach(&rig, d), 0);
	ck_assert(!rig_dma_reads(&rig, "A", 0x10000, 0));
	ck_assert_uint_eq(sio_process_vmpin(rig.process), 0);
	ck_assert_int_eq(rig_attach(&rig, d, 2), 3);
	ck_assert(rig_dma_reads(&rig, "A", 0x10000, 0x1234));
	rig_close(&rig, d);
	ck_assert_uint_eq(sio_process_vmpin(rig.process), 0);
}
END_TEST

START_TEST(closing_the_file_gives_the_device_back)
{
	int f = rig_iommufd(&rig), d = rig_cdev(&rig, "A"), group;
	struct sio_stats stats;

	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ck_assert_int_eq(rig_attach(&rig, d, rig_ioas(&rig, f)), 3);
	ck_assert_int_eq(sio_device_unbind(sio_device_find(rig.machine, "A")), -EBUSY);
	rig_close(&rig, d);
	sio_stats(rig.machine, &stats);
	ck_assert_uint_eq(stats.iommufd_objects, 1);
	group = rig_group(&rig, "A");
	ck_assert_int_ge(group, 0);
	ck_assert_uint_eq(rig_status(&rig, group), VFIO_GROUP_FLAGS_VIABLE);
	ck_assert_int_eq(sio_device_unbind(sio_device_find(rig.machine, "A")), 0);
}
END_TEST

START_TEST(a_file_of_the_node_keeps_the_driver)
{
	int d = rig_cdev(&rig, "A");

	ck_assert_int_eq(sio_device_unbind(sio_device_find(rig.machine, "A")), -EBUSY);
	rig_close(&rig, d);
	ck_assert_int_eq(sio_device_unbind(sio_device_find(rig.machine, "A")), 0);
}
END_TEST

START_TEST(a_file_of_a_group_is_no_node)
{
	int device = rig_open(&rig, "A", NULL), f = rig_iommufd(&rig);

	ck_assert_int_eq(rig_ioctl(&rig, device, DEVICE_BIND, NULL), -EFAULT);
	ck_assert_int_eq(rig_bind(&rig, device, f), -EINVAL);
	ck_assert_int_eq(rig_attach(&rig, device, 1), -ENOTTY);
	ck_assert_int_eq(rig_detach(&rig, device), -ENOTTY);
}
END_TEST

START_TEST(an_answer_that_cannot_be_written_undoes_the_call)
{
	int f = rig_iommufd(&rig), d = rig_cdev(&rig, "A"), group;

	ck_assert_int_eq(sio_inject(rig.machine, "copy-out:nth=1", NULL, 0), 0);
	ck_assert_int_eq(rig_bind(&rig, d, f), -EFAULT);
	group = rig_group(&rig, "A");
	ck_assert_int_ge(group, 0);
	rig_close(&rig, group);
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ck_assert_int_eq(rig_ioas(&rig, f), 2);
	ck_assert_int_eq(sio_inject(rig.machine, "copy-out:nth=1", NULL, 0), 0);
	ck_assert_int_eq(rig_attach(&rig, d, 2), -EFAULT);
	ck_assert_int_eq(rig_destroy(&rig, f, 2), 0);
}
END_TEST

static void close_if_open(int fd)
{
	if (fd >= 0)
		rig_close(&rig, fd);
}

/* The n-th allocation fails, wherever that is: what was begun is undone, and the next try works. */
START_TEST(any_allocation_may_fail)
{
	unsigned failed = 0;

	for (unsigned nth = 1; nth <= 64; nth++) {
		int f, d;
		long rc;
		char plan[32];

		snprintf(plan, sizeof(plan), "alloc:nth=%u", nth);
		ck_assert_int_eq(sio_inject(rig.machine, plan, NULL, 0), 0);
		f = rig_iommufd(&rig);
		d = rig_cdev(&rig, "A");
		rc = f < 0 ? f : d < 0 ? d : rig_bind(&rig, d, f);
		if (rc > 0)
			rc = rig_ioas(&rig, f);
		if (rc > 0)
			rc = rig_attach(&rig, d, rc);
		ck_assert_int_eq(sio_inject(rig.machine, "", NULL, 0), 0);
		/* ENOSPC: no id for the domain. */
		ck_assert_msg(rc > 0 || rc == -ENOMEM || rc == -ENOSPC, "allocation %u: %ld", nth,
			      rc);
		failed += rc < 0;
		close_if_open(d);
		close_if_open(f);
		ck_assert_uint_eq(sio_process_vmpin(rig.process), 0);
	}
	ck_assert_uint_gt(failed, 0);
	ck_assert_uint_lt(failed, 64);
}
END_TEST

/* ---- later kernels ---- */

START_TEST(a_token_is_for_functions_of_sr_iov)
{
	struct {
		struct bind_arg bind;
		uint8_t tail[8];
	} arg = {.bind = {.argsz = 32, .flags = 1, .token = 8}};
	uint8_t token[16] = {1};
	int f, d;

	reboot("7.2", "vtd48", NULL);
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	arg.bind.iommufd = f;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &arg), -EFAULT);
	arg.bind.token = (uintptr_t)token;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &arg), -EINVAL);
	arg.bind.flags = 2;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &arg), -EINVAL);
	arg.bind.flags = 0;
	arg.tail[7] = 1;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &arg), -E2BIG);
	arg.tail[7] = 0;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_BIND, &arg), 0);
	ck_assert_uint_eq(arg.bind.devid, 1);
}
END_TEST

/* With 6.12 what lies behind the structure is nobody's. */
START_TEST(without_tokens_the_tail_is_not_looked_at)
{
	struct bind_arg bind = {.argsz = 24, .iommufd = rig_iommufd(&rig), .token = UINT64_MAX};

	ck_assert_int_eq(rig_ioctl(&rig, rig_cdev(&rig, "A"), DEVICE_BIND, &bind), 0);
}
END_TEST

static long attach_pasid(int d, uint32_t pasid, long pt)
{
	struct attach_arg attach = {.argsz = 16, .flags = 1, .pt_id = (uint32_t)pt, .pasid = pasid};
	long rc = rig_ioctl(&rig, d, DEVICE_ATTACH, &attach);

	return rc ? rc : (long)attach.pt_id;
}

static long detach_pasid(int d, uint32_t pasid)
{
	struct detach_arg detach = {.argsz = 12, .flags = 1, .pasid = pasid};

	return rig_ioctl(&rig, d, DEVICE_DETACH, &detach);
}

static long hwpt(int f, long device, long ioas, uint32_t flags)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = flags,
		.dev_id = (uint32_t)device,
		.pt_id = (uint32_t)ioas,
	};
	long rc = rig_ioctl(&rig, f, IOMMU_HWPT_ALLOC, &alloc);

	return rc ? rc : (long)alloc.out_hwpt_id;
}

static bool pasid_reads(uint32_t pasid, uint64_t iova, uint64_t want)
{
	const struct sio_dma dma = {.iova = iova, .len = 8, .has_pasid = true, .pasid = pasid};
	uint64_t got = 0;

	if (sio_dma(sio_device_find(rig.machine, "A"), &dma, &got, NULL))
		return false;
	ck_assert_uint_eq(got, want);
	return true;
}

START_TEST(a_pasid_is_an_attachment_of_its_own)
{
	uint64_t va;
	long ioas, other, first, second;
	int f, d;

	reboot("7.2", "vtd57nest", NULL);
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	va = rig_memory(&rig, MIB);
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ioas = rig_ioas(&rig, f);
	other = rig_ioas(&rig, f);
	ck_assert_int_eq(rig_ioas_map(&rig, f, ioas, 0x10000, va, 0x1000), 0);
	ck_assert_int_eq(rig_ioas_map(&rig, f, other, 0x10000, va + 0x1000, 0x1000), 0);
	rig_poke(&rig, va, 0xaa);
	rig_poke(&rig, va + 0x1000, 0xbb);
	first = hwpt(f, 1, ioas, IOMMU_HWPT_ALLOC_PASID);
	second = hwpt(f, 1, other, IOMMU_HWPT_ALLOC_PASID);
	ck_assert_int_gt(first, 0);
	ck_assert_int_gt(second, 0);
	/* An automatic domain is none for PASIDs. */
	ck_assert_int_eq(attach_pasid(d, 5, ioas), -EINVAL);
	ck_assert_int_eq(attach_pasid(d, 5, first), first);
	ck_assert(pasid_reads(5, 0x10000, 0xaa));
	ck_assert(!pasid_reads(6, 0x10000, 0));
	/* Again is a replacement. */
	ck_assert_int_eq(attach_pasid(d, 5, second), second);
	ck_assert(pasid_reads(5, 0x10000, 0xbb));
	ck_assert_int_eq(attach_pasid(d, 3, first), first);
	ck_assert_int_eq(attach_pasid(d, 9, first), first);
	ck_assert(pasid_reads(3, 0x10000, 0xaa));
	ck_assert_int_eq(rig_destroy(&rig, f, first), -EBUSY);
	ck_assert_int_eq(attach_pasid(d, 1u << 20, first), -EINVAL);
	ck_assert_int_eq(attach_pasid(d, UINT32_MAX, first), -ENOSPC);
	ck_assert_int_eq(attach_pasid(d, 1u << 31, first), -ENOSPC);
	ck_assert_int_eq(detach_pasid(d, 5), 0);
	ck_assert_int_eq(detach_pasid(d, 5), 0);
	ck_assert(!pasid_reads(5, 0x10000, 0));
	ck_assert(pasid_reads(9, 0x10000, 0xaa));
	ck_assert_int_eq(rig_destroy(&rig, f, second), 0);
	rig_close(&rig, d);
	ck_assert_int_eq(rig_destroy(&rig, f, first), 0);
}
END_TEST

START_TEST(pasid_structures_are_longer)
{
	struct attach_arg attach = {.argsz = 15, .flags = 1, .pt_id = 99};
	struct detach_arg detach = {.argsz = 11, .flags = 1};
	int d;

	reboot("7.2", "vtd57nest", NULL);
	d = rig_cdev(&rig, "A");
	ck_assert_int_eq(rig_bind(&rig, d, rig_iommufd(&rig)), 1);
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_ATTACH, &attach), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_DETACH, &detach), -EINVAL);
	attach.argsz = 16;
	detach.argsz = 12;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_ATTACH, &attach), -ENOENT);
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_DETACH, &detach), 0);
	attach.flags = 3;
	detach.flags = 3;
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_ATTACH, &attach), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, d, DEVICE_DETACH, &detach), -EINVAL);
}
END_TEST

/* PASID 0 is the device itself to iommufd, and a PASID like others to the node. */
START_TEST(pasid_zero_is_the_device_itself)
{
	long first;
	int f, d;

	reboot("7.2", "vtd57nest", NULL);
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	first = hwpt(f, 1, rig_ioas(&rig, f), IOMMU_HWPT_ALLOC_PASID);
	ck_assert_int_eq(rig_attach(&rig, d, first), first);
	ck_assert_int_eq(attach_pasid(d, 0, first), -EBUSY);
	ck_assert_int_eq(rig_detach(&rig, d), 0);
	ck_assert_int_eq(attach_pasid(d, 0, first), first);
	ck_assert_int_eq(rig_attach(&rig, d, first), -EBUSY);
	ck_assert_int_eq(rig_detach(&rig, d), 0);
	ck_assert_int_eq(rig_attach(&rig, d, first), -EBUSY);
	ck_assert_int_eq(detach_pasid(d, 0), 0);
	ck_assert_int_eq(rig_attach(&rig, d, first), first);
}
END_TEST

/* ---- resets ---- */

struct reset_info {
	uint32_t argsz, flags, count;
	struct vfio_pci_dependent_device devices[4];
};

static struct reset_info reset_info(int d)
{
	struct reset_info info = {.argsz = sizeof(info)};

	ck_assert_int_eq(rig_ioctl(&rig, d, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info), 0);
	return info;
}

static long hot_reset(int d, uint32_t count)
{
	uint32_t reset[4] = {sizeof(reset), 0, count, 0};

	return rig_ioctl(&rig, d, VFIO_DEVICE_PCI_HOT_RESET, reset);
}

START_TEST(a_reset_names_devices_by_id)
{
	int f = rig_iommufd(&rig), c = rig_cdev(&rig, "C"), d = rig_cdev(&rig, "D");
	uint32_t small[3] = {12, 9, 9};
	struct reset_info info;

	ck_assert_int_eq(rig_bind(&rig, c, f), 1);
	info = reset_info(c);
	ck_assert_uint_eq(info.flags, 3);
	ck_assert_uint_eq(info.count, 2);
	ck_assert_uint_eq(info.devices[0].group_id, 1);
	/* Not bound, but of a group that is. */
	ck_assert_uint_eq(info.devices[1].group_id, 0);
	ck_assert_uint_eq(info.devices[1].devfn, 1);
	ck_assert_int_eq(rig_bind(&rig, d, f), 2);
	ck_assert_uint_eq(reset_info(c).devices[1].group_id, 2);
	ck_assert_uint_eq(reset_info(d).devices[0].group_id, 1);
	ck_assert_int_eq(rig_ioctl(&rig, c, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, small), -ENOSPC);
	ck_assert_uint_eq(small[2], 2);
	ck_assert_int_eq(hot_reset(c, 1), -EINVAL);
	ck_assert_int_eq(hot_reset(c, 0), 0);
}
END_TEST

/* Two functions of a slot that isolate themselves: a group each, one bus. */
static const char two_groups[] =
	"description = \"t\"; machine = { ram = \"1G\"; };\n"
	"units = ( { name = \"dmar0\"; include-all = true; aw-bits = 48; intremap = true; } );\n"
	"devices = ( { bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1;\n"
	"  acs = true; },\n"
	" { name = \"X\"; bdf = \"01:00.0\"; model = \"edu\"; type = \"endpoint\"; acs = true; },\n"
	" { name = \"Y\"; bdf = \"01:00.1\"; model = \"edu\"; type = \"endpoint\"; acs = true; } "
	");\n";

START_TEST(a_reset_needs_everything_it_reaches)
{
	int f, other, x, y;

	reboot(NULL, NULL, two_groups);
	f = rig_iommufd(&rig);
	other = rig_iommufd(&rig);
	x = rig_cdev(&rig, "X");
	y = rig_cdev(&rig, "Y");
	ck_assert_int_ne(sio_device_group(sio_device_find(rig.machine, "X")),
			 sio_device_group(sio_device_find(rig.machine, "Y")));
	ck_assert_int_eq(rig_bind(&rig, x, f), 1);
	ck_assert_uint_eq(reset_info(x).flags, 1);
	ck_assert_uint_eq(reset_info(x).devices[1].group_id, UINT32_MAX);
	ck_assert_int_eq(hot_reset(x, 0), -EINVAL);
	ck_assert_int_eq(rig_bind(&rig, y, other), 1);
	ck_assert_uint_eq(reset_info(x).devices[1].group_id, UINT32_MAX);
	ck_assert_int_eq(hot_reset(x, 0), -EINVAL);
	rig_close(&rig, y);
	y = rig_cdev(&rig, "Y");
	ck_assert_int_eq(rig_bind(&rig, y, f), 2);
	ck_assert_uint_eq(reset_info(x).flags, 3);
	ck_assert_int_eq(hot_reset(x, 0), 0);
	rig_close(&rig, y);
	ck_assert_int_eq(sio_device_unbind(sio_device_find(rig.machine, "Y")), 0);
	ck_assert_uint_eq(reset_info(x).devices[1].group_id, UINT32_MAX);
	ck_assert_int_eq(hot_reset(x, 0), -EINVAL);
}
END_TEST

/* ---- any order ---- */

/* What the kernel's rules make of the files of C and D, which share a group. */
struct oracle {
	int iommufd[2];
	int group;      /* descriptor, -1 */
	int file[2][2]; /* of a device: descriptor, -1 */
	int bound[2];   /* which file, -1 */
	int context[2]; /* which iommufd, of a bound device */
};

static long expect_bind(const struct oracle *o, unsigned device, unsigned file, int context)
{
	if (o->group >= 0)
		return -EBUSY;
	if (o->bound[device] == (int)file || o->bound[device] >= 0)
		return -EINVAL;
	return o->bound[!device] >= 0 && o->context[!device] != context ? -EPERM : 0;
}

static void step(struct oracle *o, uint32_t dice)
{
	static const char *const names[] = {"C", "D"};
	unsigned device = dice & 1, file = dice >> 1 & 1, context = dice >> 2 & 1;
	int *fd = &o->file[device][file];
	long rc;

	switch (dice >> 3 & 3) {
	case 0:
		if (*fd >= 0) {
			rig_close(&rig, *fd);
			*fd = -1;
			if (o->bound[device] == (int)file)
				o->bound[device] = -1;
		} else {
			*fd = rig_cdev(&rig, names[device]);
			ck_assert_int_ge(*fd, 0);
		}
		break;
	case 1:
		if (dice & 0x20)
			break;
		if (o->group >= 0) {
			rig_close(&rig, o->group);
			o->group = -1;
			break;
		}
		rc = rig_group(&rig, names[device]);
		if (o->bound[0] >= 0 || o->bound[1] >= 0)
			ck_assert_int_eq(rc, -EBUSY);
		else
			ck_assert_int_ge(rc, 0);
		o->group = rc < 0 ? -1 : (int)rc;
		break;
	default:
		if (*fd < 0)
			break;
		rc = rig_bind(&rig, *fd, o->iommufd[context]);
		if (rc >= 0) {
			ck_assert_int_eq(expect_bind(o, device, file, (int)context), 0);
			o->bound[device] = (int)file;
			o->context[device] = (int)context;
			ck_assert_int_gt(rig_attach(&rig, *fd, 1), 0);
		} else {
			ck_assert_int_eq(rc, expect_bind(o, device, file, (int)context));
		}
	}
}

START_TEST(files_in_any_order_follow_the_rules)
{
	struct oracle o = {.group = -1, .file = {{-1, -1}, {-1, -1}}, .bound = {-1, -1}};
	uint32_t x = 4711 + (uint32_t)_i;

	for (unsigned i = 0; i < 2; i++) {
		o.iommufd[i] = rig_iommufd(&rig);
		ck_assert_int_eq(rig_ioas(&rig, o.iommufd[i]), 1);
	}
	for (unsigned i = 0; i < 300; i++) {
		x = x * 1664525 + 1013904223;
		step(&o, x >> 20);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio cdev");
	TCase *tc = tcase_create("nodes");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nodes_come_with_kernel_6_3);
	tcase_add_test(tc, a_node_has_the_lowest_free_number);
	tcase_add_test(tc, names_are_spelled_as_the_kernel_spells_them);
	tcase_add_test(tc, before_bind_a_file_can_do_nothing);
	tcase_add_test(tc, bind_looks_at_things_in_order);
	tcase_add_test(tc, one_file_of_a_device_is_bound);
	tcase_add_test(tc, group_and_node_exclude_each_other);
	tcase_add_test(tc, a_group_does_not_split_over_two_iommufds);
	tcase_add_test(tc, a_group_with_a_host_driver_cannot_be_bound);
	tcase_add_test(tc, attach_replaces_and_automatic_domains_go_when_unused);
	tcase_add_test(tc, a_device_works_on_when_its_iommufd_is_closed);
	tcase_add_test(tc, closing_the_file_gives_the_device_back);
	tcase_add_test(tc, a_file_of_the_node_keeps_the_driver);
	tcase_add_test(tc, a_file_of_a_group_is_no_node);
	tcase_add_test(tc, an_answer_that_cannot_be_written_undoes_the_call);
	tcase_add_test(tc, any_allocation_may_fail);
	tcase_add_test(tc, a_token_is_for_functions_of_sr_iov);
	tcase_add_test(tc, without_tokens_the_tail_is_not_looked_at);
	tcase_add_test(tc, a_pasid_is_an_attachment_of_its_own);
	tcase_add_test(tc, pasid_structures_are_longer);
	tcase_add_test(tc, pasid_zero_is_the_device_itself);
	tcase_add_test(tc, a_reset_names_devices_by_id);
	tcase_add_test(tc, a_reset_needs_everything_it_reaches);
	tcase_add_loop_test(tc, files_in_any_order_follow_the_rules, 0, 4);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
