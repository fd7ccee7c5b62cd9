// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups whose container is an iommufd: by the container device that iommufd provides, and by an
 * iommufd descriptor. One test for each way in which that differs from a type1 container; answers
 * as recorded from 6.12.117.
 */
#include "iommufd_client.h"

#include "harness.h"

static struct rig rig;

static void setup(void)
{
	rig_boot_as(&rig, "6.12,iommufd_container", "vtd48", NULL);
}

static void teardown(void)
{
	rig_halt(&rig);
}

static void reboot(const char *kernel, const char *platform)
{
	rig_halt(&rig);
	rig_boot_as(&rig, kernel, platform, NULL);
}

static long map(uint64_t iova, uint64_t va, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg), .flags = flags, .vaddr = va, .iova = iova, .size = size};

	return rig_ioctl(&rig, rig.container, VFIO_IOMMU_MAP_DMA, &arg);
}

static long map_rw(uint64_t iova, uint64_t va, uint64_t size)
{
	return map(iova, va, size, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

/* The answer, and the size field as it is after the call. */
static long unmap(uint64_t iova, uint64_t size, uint64_t *left)
{
	struct vfio_iommu_type1_dma_unmap arg = {.argsz = 24, .iova = iova, .size = size};
	long rc = rig_ioctl(&rig, rig.container, VFIO_IOMMU_UNMAP_DMA, &arg);

	*left = arg.size;
	return rc;
}

struct info {
	uint32_t argsz, flags;
	uint64_t pgsizes;
	uint32_t cap_offset, pad;
	uint8_t rest[256];
};

static struct info get_info(void)
{
	struct info info = {.argsz = sizeof(info)};

	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info), 0);
	return info;
}

/* Nothing says what a domain could do: every page size, the whole address space in one range. */
static bool info_is_empty(void)
{
	struct info info = get_info();

	return info.pgsizes == 0xfffffffffffff000 && info.argsz == 72;
}

static long set_iommu(unsigned long type)
{
	return rig_ioctl_value(&rig, rig.container, VFIO_SET_IOMMU, type);
}

static long extension(unsigned long number)
{
	return rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, number);
}

/* A group in the container. */
static int joined(const char *device)
{
	int group = rig_group(&rig, device);

	ck_assert_int_ge(group, 0);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	return group;
}

static uint64_t pinned(void)
{
	return sio_process_vmpin(rig.process);
}

/* ---- row by row ---- */

START_TEST(a_container_without_a_group_knows_its_extensions)
{
	static const long before[] = {0, 1, 0, 1, -ENODEV, 0, 0, 0, 1, 1, 0};

	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_GET_API_VERSION, NULL), 0);
	for (unsigned i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		ck_assert_msg(extension(i) == before[i], "extension %u", i);
	joined("A");
	ck_assert_int_eq(extension(VFIO_DMA_CC_IOMMU), 1);
}
END_TEST

START_TEST(a_container_without_a_group_can_do_nothing)
{
	struct info info = {.argsz = sizeof(info)};
	uint64_t left;

	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info), -ENODEV);
	ck_assert_int_eq(map_rw(0, 0x100000, 0x1000), -ENODEV);
	ck_assert_int_eq(unmap(0, 0x1000, &left), -ENODEV);
	ck_assert_uint_eq(left, 0x1000);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1v2_IOMMU), -ENODEV);
	ck_assert_int_eq(set_iommu(0), -EINVAL);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1_NESTING_IOMMU), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_DIRTY_PAGES, NULL), -ENOTTY);
}
END_TEST

START_TEST(set_container_claims_nothing)
{
	int group = rig_group(&rig, "F");

	ck_assert_uint_eq(rig_status(&rig, group), 0);
	ck_assert_int_eq(rig_join(&rig, group, -1), -EBADF);
	ck_assert_int_eq(rig_join(&rig, group, group), -EBADFD);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), -EINVAL);
	/* Not viable, and nobody asked. */
	ck_assert_uint_eq(rig_status(&rig, group), 3);
	ck_assert_int_eq(rig_device(&rig, group, "F"), -EPERM);
	/* A host driver can have what was only put into the container. */
	joined("C");
	ck_assert_int_eq(sio_device_unbind(sio_device_find(rig.machine, "D")), 0);
	ck_assert_int_eq(sio_device_bind(sio_device_find(rig.machine, "D"), "e1000e"), 0);
}
END_TEST

START_TEST(everything_works_without_a_driver_chosen)
{
	uint64_t va = rig_memory(&rig, MIB), left;

	joined("A");
	ck_assert(info_is_empty());
	ck_assert_int_eq(map_rw(0x10000, va, 0x10000), 0);
	ck_assert_int_eq(unmap(0x10000, 0x10000, &left), 0);
	ck_assert_uint_eq(left, 0x10000);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1_IOMMU), 0);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1_NESTING_IOMMU), -EINVAL);
}
END_TEST

START_TEST(the_first_device_file_binds_and_attaches)
{
	int group = rig_group(&rig, "A"), device;
	uint64_t va = rig_memory(&rig, MIB);

	ck_assert_int_eq(rig_device(&rig, group, "A"), -EINVAL);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(rig_device(&rig, group, "B"), -ENODEV);
	ck_assert_int_eq(map_rw(0x10000, va, 0x10000), 0);
	ck_assert_uint_eq(pinned(), 0);
	device = rig_device(&rig, group, "A");
	ck_assert_int_ge(device, 0);
	ck_assert_uint_eq(pinned(), 64);
	ck_assert_uint_eq(sio_process_vmlck(rig.process), 0);
	ck_assert_uint_eq(get_info().pgsizes, 0x40201000);
	rig_poke(&rig, va, 77);
	ck_assert(rig_dma_reads(&rig, "A", 0x10000, 77));
}
END_TEST

START_TEST(a_device_that_cannot_attach_is_unbound_again)
{
	int group = joined("A");
	uint64_t va = rig_memory(&rig, MIB), left;

	/* Where the interrupts' window will be. */
	ck_assert_int_eq(map_rw(0xfee00000, va, 0x1000), 0);
	ck_assert_int_eq(rig_device(&rig, group, "A"), -EADDRINUSE);
	ck_assert_int_eq(unmap(0xfee00000, 0x1000, &left), 0);
	/* Memory that is not there. */
	ck_assert_int_eq(map_rw(0x10000, va + 64 * MIB, 0x1000), 0);
	ck_assert_int_eq(rig_device(&rig, group, "A"), -EFAULT);
	ck_assert_uint_eq(pinned(), 0);
	ck_assert_int_eq(unmap(0x10000, 0x1000, &left), 0);
	/* No permission at all. */
	ck_assert_int_eq(map(0x10000, va, 0x1000, 0), 0);
	ck_assert_int_eq(rig_device(&rig, group, "A"), -EINVAL);
	ck_assert_int_eq(unmap(0x10000, 0x1000, &left), 0);
	ck_assert_uint_eq(left, 0x1000);
	ck_assert_int_ge(rig_device(&rig, group, "A"), 0);
}
END_TEST

START_TEST(a_cleared_ioas_is_no_container)
{
	struct iommu_vfio_ioas clear = {.size = sizeof(clear), .op = IOMMU_VFIO_IOAS_CLEAR};
	int group = joined("A");

	ck_assert_int_eq(rig_ioctl(&rig, rig.container, IOMMU_VFIO_IOAS, &clear), 0);
	ck_assert_int_eq(rig_device(&rig, group, "A"), -ENODEV);
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_ge(rig_device(&rig, group, "A"), 0);
}
END_TEST

START_TEST(a_device_stays_with_its_first_container)
{
	int group = joined("A"), device = rig_device(&rig, group, "A"), again, other;
	uint64_t va = rig_memory(&rig, MIB);

	ck_assert_int_ge(device, 0);
	ck_assert_int_eq(map_rw(0x10000, va, 0x1000), 0);
	rig_poke(&rig, va, 5);
	other = rig_path(&rig, "/dev/vfio/vfio");
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	ck_assert_int_eq(rig_device(&rig, group, "A"), -EINVAL);
	ck_assert_int_eq(rig_join(&rig, group, other), 0);
	again = rig_device(&rig, group, "A");
	ck_assert_int_ge(again, 0);
	rig_close(&rig, device);
	ck_assert(rig_dma_reads(&rig, "A", 0x10000, 5));
	rig_close(&rig, again);
	ck_assert(!rig_dma_reads(&rig, "A", 0x10000, 0));
	/* Nobody has it open: now the other one counts. */
	ck_assert_int_ge(rig_device(&rig, group, "A"), 0);
	ck_assert(!rig_dma_reads(&rig, "A", 0x10000, 0));
}
END_TEST

START_TEST(status_tells_the_container_or_the_owner)
{
	int group = rig_group(&rig, "A"), device;

	ck_assert_uint_eq(rig_status(&rig, group), 1);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_uint_eq(rig_status(&rig, group), 3);
	device = rig_device(&rig, group, "A");
	ck_assert_uint_eq(rig_status(&rig, group), 3);
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	ck_assert_uint_eq(rig_status(&rig, group), 0);
	rig_close(&rig, device);
	ck_assert_uint_eq(rig_status(&rig, group), 1);
}
END_TEST

START_TEST(unset_succeeds_and_devices_go_on)
{
	int group = joined("A"), device = rig_device(&rig, group, "A");
	uint64_t va = rig_memory(&rig, MIB);

	ck_assert_int_eq(map_rw(0x10000, va, 0x1000), 0);
	rig_poke(&rig, va, 6);
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_UNSET_CONTAINER, NULL), -EINVAL);
	ck_assert(rig_dma_reads(&rig, "A", 0x10000, 6));
	ck_assert_uint_eq(rig_read(&rig, device, CONFIG(0), 4), 0x11e81234);
}
END_TEST

START_TEST(a_group_is_opened_again_beside_its_devices)
{
	int group = joined("C"), c = rig_device(&rig, group, "C"), d = rig_device(&rig, group, "D");

	ck_assert_int_ge(c, 0);
	ck_assert_int_ge(d, 0);
	ck_assert_int_eq(rig_group(&rig, "C"), -EBUSY);
	rig_close(&rig, group);
	group = rig_group(&rig, "C");
	ck_assert_int_ge(group, 0);
	ck_assert_uint_eq(rig_status(&rig, group), 0);
	rig_close(&rig, c);
	ck_assert_int_eq(rig_group(&rig, "C"), -EBUSY);
	rig_close(&rig, d);
	ck_assert_uint_eq(rig_status(&rig, group), 1);
}
END_TEST

START_TEST(a_closed_group_is_free_for_the_node_but_the_device_is_not)
{
	int group = joined("A"), device = rig_device(&rig, group, "A"), f = rig_iommufd(&rig);
	int node = rig_cdev(&rig, "A");

	ck_assert_int_eq(rig_bind(&rig, node, f), -EBUSY);
	rig_close(&rig, group);
	ck_assert_int_eq(rig_bind(&rig, node, f), -EINVAL);
	rig_close(&rig, device);
	ck_assert_int_eq(rig_bind(&rig, node, f), 1);
}
END_TEST

START_TEST(the_context_lives_for_groups_and_devices)
{
	int group = joined("A"), device = rig_device(&rig, group, "A");
	uint64_t va = rig_memory(&rig, MIB);
	struct sio_stats stats;

	ck_assert_int_eq(map_rw(0x10000, va, 0x10000), 0);
	rig_poke(&rig, va, 8);
	rig_close(&rig, rig.container);
	ck_assert_uint_eq(pinned(), 64);
	rig_close(&rig, group);
	ck_assert(rig_dma_reads(&rig, "A", 0x10000, 8));
	ck_assert_uint_eq(pinned(), 64);
	rig_close(&rig, device);
	ck_assert_uint_eq(pinned(), 0);
	sio_stats(rig.machine, &stats);
	ck_assert_uint_eq(stats.iommufd_objects, 0);
}
END_TEST

START_TEST(mappings_outlive_the_last_group_and_the_last_device)
{
	int group = joined("A"), device = rig_device(&rig, group, "A");
	uint64_t va = rig_memory(&rig, MIB), left;

	ck_assert_int_eq(map_rw(0x10000, va, 0x10000), 0);
	ck_assert_uint_eq(get_info().argsz, 88);
	rig_close(&rig, device);
	ck_assert_uint_eq(pinned(), 0);
	ck_assert(info_is_empty());
	rig_close(&rig, group);
	ck_assert(info_is_empty());
	ck_assert_int_eq(map_rw(0x10000, va, 0x10000), -EEXIST);
	ck_assert_int_eq(unmap(0x10000, 0x10000, &left), 0);
	ck_assert_uint_eq(left, 0x10000);
	ck_assert_int_eq(map_rw(0x30000, va, 0x10000), 0);
	group = joined("A");
	ck_assert_int_ge(rig_device(&rig, group, "A"), 0);
	ck_assert_uint_eq(pinned(), 64);
}
END_TEST

START_TEST(two_groups_share_what_is_mapped)
{
	int a = joined("A"), b = joined("B"), first, second;
	uint64_t va = rig_memory(&rig, MIB);

	first = rig_device(&rig, a, "A");
	ck_assert_int_eq(map_rw(0x10000, va, 0x10000), 0);
	second = rig_device(&rig, b, "B");
	rig_poke(&rig, va, 9);
	ck_assert_uint_eq(pinned(), 64);
	ck_assert(rig_dma_reads(&rig, "A", 0x10000, 9));
	ck_assert(rig_dma_reads(&rig, "B", 0x10000, 9));
	rig_close(&rig, first);
	ck_assert(!rig_dma_reads(&rig, "A", 0x10000, 0));
	ck_assert(rig_dma_reads(&rig, "B", 0x10000, 9));
	ck_assert_uint_eq(pinned(), 64);
	rig_close(&rig, second);
	ck_assert_uint_eq(pinned(), 0);
}
END_TEST

START_TEST(units_that_differ_need_a_domain_each)
{
	struct sio_stats stats;
	int a, b;

	reboot("6.12,iommufd_container", "vtd-mixed");
	ck_assert_int_eq(sio_param(rig.machine, "iommufd.allow_unsafe_interrupts", 1), 0);
	a = joined("new");
	b = joined("old");
	ck_assert_int_ge(rig_device(&rig, a, "new"), 0);
	ck_assert_int_ge(rig_device(&rig, b, "old"), 0);
	sio_stats(rig.machine, &stats);
	ck_assert_uint_eq(stats.domains, 2);
}
END_TEST

/* pinned_vm always, locked_vm only of those whom a limit binds. */
START_TEST(charges_go_where_the_caller_has_a_limit)
{
	int group = joined("A"), device = rig_device(&rig, group, "A");
	uint64_t va = rig_memory(&rig, MIB), left;

	ck_assert_int_ge(device, 0);
	sio_process_set_caps(rig.process, 0);
	sio_process_set_memlock(rig.process, 0x10000);
	ck_assert_int_eq(map_rw(0x10000, va, 0x10000), 0);
	ck_assert_uint_eq(pinned(), 64);
	ck_assert_uint_eq(sio_process_vmlck(rig.process), 64);
	ck_assert_int_eq(map_rw(0x40000, va + 0x10000, 0x1000), -ENOMEM);
	ck_assert_uint_eq(pinned(), 64);
	ck_assert_int_eq(unmap(0x10000, 0x10000, &left), 0);
	ck_assert_uint_eq(sio_process_vmlck(rig.process), 0);
	sio_process_set_caps(rig.process, SIO_CAP_ALL);
	ck_assert_int_eq(map_rw(0x10000, va, 0x20000), 0);
	ck_assert_uint_eq(pinned(), 128);
	ck_assert_uint_eq(sio_process_vmlck(rig.process), 0);
}
END_TEST

START_TEST(info_tells_the_full_size_always)
{
	struct info info = {.argsz = 16};

	joined("A");
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info), 0);
	ck_assert_uint_eq(info.argsz, 72);
	ck_assert_uint_eq(info.cap_offset, 0);
	info.argsz = sizeof(info);
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info), 0);
	ck_assert_uint_eq(info.argsz, 72);
	ck_assert_uint_eq(info.cap_offset, 24);
}
END_TEST

START_TEST(a_failed_unmap_tells_what_it_removed)
{
	uint64_t va = rig_memory(&rig, MIB), left;

	joined("A");
	ck_assert_int_eq(set_iommu(VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(map_rw(0x10000, va, 0x4000), 0);
	ck_assert_int_eq(map_rw(0x14000, va, 0x4000), 0);
	ck_assert_int_eq(unmap(0x10000, 0x6000, &left), -ENOENT);
	ck_assert_uint_eq(left, 0x4000);
	ck_assert_int_eq(unmap(0x15000, 0x1000, &left), -ENOENT);
	ck_assert_uint_eq(left, 0);
	ck_assert_int_eq(unmap(0x10000, 0, &left), -EINVAL);
}
END_TEST

/* The device is opened by a child, the memory is the parent's that mapped it. */
START_TEST(pages_are_those_of_whoever_mapped)
{
	uint64_t va = rig_memory(&rig, MIB);
	struct sio_process *parent = rig.process;
	int group = joined("A");

	ck_assert_int_eq(map_rw(0x10000, va, 0x1000), 0);
	rig_poke(&rig, va, 0x11);
	rig.process = sio_process_fork(parent);
	ck_assert_ptr_nonnull(rig.process);
	rig_poke(&rig, va, 0x22);
	ck_assert_int_ge(rig_device(&rig, group, "A"), 0);
	ck_assert(rig_dma_reads(&rig, "A", 0x10000, 0x11));
	ck_assert_uint_eq(pinned(), 0);
	ck_assert_uint_eq(sio_process_vmpin(parent), 4);
	sio_process_exit(rig.process);
	rig.process = parent;
	ck_assert_uint_eq(pinned(), 0);
}
END_TEST

/* amdvi: no aperture, so only the interrupts' window and the vendor's hole are in the way. */
START_TEST(a_range_may_end_with_the_address_space)
{
	uint64_t va, left;
	int group;

	reboot("6.12,iommufd_container", "amdvi");
	va = rig_memory(&rig, MIB);
	group = joined("A");
	ck_assert_int_ge(rig_device(&rig, group, "A"), 0);
	ck_assert_int_eq(map_rw(UINT64_MAX - 0xfff, va, 0x1000), 0);
	ck_assert_int_eq(map_rw(UINT64_MAX - 0xfff, va, 0x1000), -EEXIST);
	ck_assert_int_eq(map_rw(UINT64_MAX - 0xfff, va, 0x2000), -EOVERFLOW);
	ck_assert_int_eq(unmap(UINT64_MAX - 0xfff, 0x1000, &left), 0);
	ck_assert_uint_eq(left, 0x1000);
}
END_TEST

/* ---- by an iommufd descriptor ---- */

START_TEST(an_iommufd_is_a_container_too)
{
	uint64_t va;
	int f, group, device;
	long id;

	reboot("6.12", "vtd48");
	f = rig_iommufd(&rig);
	group = rig_group(&rig, "A");
	va = rig_memory(&rig, MIB);
	ck_assert_int_eq(rig_join(&rig, group, f), 0);
	device = rig_device(&rig, group, "A");
	ck_assert_int_ge(device, 0);
	rig_poke(&rig, va, 3);
	/* The compat IOAS is an object like others. */
	id = 1;
	ck_assert_int_eq(rig_ioas_map(&rig, f, id, 0x10000, va, 0x1000), 0);
	ck_assert(rig_dma_reads(&rig, "A", 0x10000, 3));
	rig.container = f;
	ck_assert_uint_eq(get_info().pgsizes, 0x40201000);
	/* Type1's own container cannot have the group meanwhile. */
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	ck_assert_int_eq(rig_join(&rig, group, rig_path(&rig, "/dev/vfio/vfio")), -EPERM);
	rig_close(&rig, device);
	ck_assert_int_eq(rig_join(&rig, group, rig_path(&rig, "/dev/vfio/vfio")), 0);
}
END_TEST

START_TEST(old_kernels_know_no_other_container)
{
	reboot("6.1", "vtd48");
	ck_assert_int_eq(rig_iommufd(&rig), -ENOENT);
}
END_TEST

/* A reset by a device file of a group shows groups, whatever its container. */
START_TEST(a_hot_reset_goes_by_groups)
{
	int group = joined("C"), device = rig_device(&rig, group, "C");
	uint32_t info[3 + 3 * 2] = {sizeof(info)};
	uint32_t reset[4] = {sizeof(reset), 0, 0, (uint32_t)group};

	ck_assert_int_eq(rig_ioctl(&rig, device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info), 0);
	ck_assert_uint_eq(info[1], 0);
	ck_assert_uint_eq(info[3], (uint32_t)sio_device_group(sio_device_find(rig.machine, "C")));
	ck_assert_int_eq(rig_ioctl(&rig, device, VFIO_DEVICE_PCI_HOT_RESET, reset), -EINVAL);
	reset[2] = 1;
	ck_assert_int_eq(rig_ioctl(&rig, device, VFIO_DEVICE_PCI_HOT_RESET, reset), 0);
}
END_TEST

START_TEST(the_last_device_leaves_and_the_iommufd_stays)
{
	struct sio_device *a = sio_device_find(rig.machine, "A");
	int group = joined("A"), device = rig_device(&rig, group, "A");

	ck_assert_int_eq(sio_device_unbind(a), -EBUSY);
	rig_close(&rig, device);
	ck_assert_int_eq(sio_device_unbind(a), 0);
	rig_audit(&rig);
	ck_assert(info_is_empty());
	ck_assert_int_eq(rig_ioctl(&rig, group, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	ck_assert_int_eq(rig_join(&rig, group, rig.container), -ENODEV);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio compat group");
	TCase *tc = tcase_create("rows");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_container_without_a_group_knows_its_extensions);
	tcase_add_test(tc, a_container_without_a_group_can_do_nothing);
	tcase_add_test(tc, set_container_claims_nothing);
	tcase_add_test(tc, everything_works_without_a_driver_chosen);
	tcase_add_test(tc, the_first_device_file_binds_and_attaches);
	tcase_add_test(tc, a_device_that_cannot_attach_is_unbound_again);
	tcase_add_test(tc, a_cleared_ioas_is_no_container);
	tcase_add_test(tc, a_device_stays_with_its_first_container);
	tcase_add_test(tc, status_tells_the_container_or_the_owner);
	tcase_add_test(tc, unset_succeeds_and_devices_go_on);
	tcase_add_test(tc, a_group_is_opened_again_beside_its_devices);
	tcase_add_test(tc, a_closed_group_is_free_for_the_node_but_the_device_is_not);
	tcase_add_test(tc, the_context_lives_for_groups_and_devices);
	tcase_add_test(tc, mappings_outlive_the_last_group_and_the_last_device);
	tcase_add_test(tc, two_groups_share_what_is_mapped);
	tcase_add_test(tc, units_that_differ_need_a_domain_each);
	tcase_add_test(tc, charges_go_where_the_caller_has_a_limit);
	tcase_add_test(tc, info_tells_the_full_size_always);
	tcase_add_test(tc, a_failed_unmap_tells_what_it_removed);
	tcase_add_test(tc, pages_are_those_of_whoever_mapped);
	tcase_add_test(tc, a_range_may_end_with_the_address_space);
	tcase_add_test(tc, an_iommufd_is_a_container_too);
	tcase_add_test(tc, old_kernels_know_no_other_container);
	tcase_add_test(tc, a_hot_reset_goes_by_groups);
	tcase_add_test(tc, the_last_device_leaves_and_the_iommufd_stays);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
