// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO's container ioctls on a descriptor of iommufd.
 */
#include <linux/vfio.h>

#include "iommufd_rig.h"

static struct rig rig;
static struct file *file;

static void open_vfio(bool vfio)
{
	int error;

	file = vfio ? iommufd_open_vfio(&rig.env, &error) : iommufd_open(&rig.env, &error);
	ck_assert_ptr_nonnull(file);
}

static void begin(void)
{
	rig_open(&rig, "6.12");
	rig.units[1].resv[0] = (struct resv_region){0x30000, 0x3ffff, RESV_MSI};
	rig.units[1].resv_count = 1;
	rig.units[2].pgsizes = RIG_HALF;
	rig_boot(&rig);
	rig_memory(&rig, rig.task->mm, RIG_VA, RIG_PAGES, MM_RUN_4K, 0);
	open_vfio(true);
}

static void end(void)
{
	const char *what = iommufd_audit(&rig.env, true);

	ck_assert_msg(!what, "%s", what);
	file_put(file);
	rig_close(&rig);
}

static struct iommufd_ctx *ctx(void)
{
	return iommufd_ctx_from_file(file);
}

static long plain(unsigned cmd, uint64_t arg)
{
	return file->ops->ioctl(file, &rig.caller, cmd, arg);
}

static long vfio_ioas(uint16_t op, uint32_t id, uint16_t reserved)
{
	struct iommu_vfio_ioas cmd = {.size = sizeof(cmd),
				      .ioas_id = id,
				      .op = op,
				      .__reserved = reserved};
	long rc = rig_ioctl(&rig, file, IOMMU_VFIO_IOAS, &cmd);

	return rc ? rc : (long)cmd.ioas_id;
}

/* Size as it came back, and the answer. */
static long unmap(uint64_t iova, uint64_t size, uint32_t flags, uint64_t *back)
{
	struct vfio_iommu_type1_dma_unmap cmd = {.argsz = sizeof(cmd),
						 .flags = flags,
						 .iova = iova,
						 .size = size};
	long rc = rig_ioctl(&rig, file, VFIO_IOMMU_UNMAP_DMA, &cmd);

	*back = cmd.size;
	return rc;
}

static long map(uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd), .flags = flags, .vaddr = RIG_VA, .iova = iova, .size = size};

	return rig_ioctl(&rig, file, VFIO_IOMMU_MAP_DMA, &cmd);
}

START_TEST(the_compat_ioas_is_set_and_cleared)
{
	uint32_t id;

	ck_assert_int_eq(vfio_ioas(IOMMU_VFIO_IOAS_GET, 0, 1), -EOPNOTSUPP);
	ck_assert_int_eq(vfio_ioas(3, 0, 0), -EOPNOTSUPP);
	ck_assert_int_eq(vfio_ioas(IOMMU_VFIO_IOAS_GET, 0, 0), -ENODEV);
	ck_assert_int_eq(vfio_ioas(IOMMU_VFIO_IOAS_SET, 1, 0), -ENOENT);
	ck_assert_int_eq(iommufd_vfio_ioas_id(ctx(), &id), -ENODEV);
	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(vfio_ioas(IOMMU_VFIO_IOAS_GET, 0, 0), 1);
	ck_assert_int_eq(rig_ioas(&rig, file), 2);
	ck_assert_int_eq(vfio_ioas(IOMMU_VFIO_IOAS_SET, 2, 0), 2);
	ck_assert_int_eq(vfio_ioas(IOMMU_VFIO_IOAS_GET, 0, 0), 2);
	/* Destroyed, it is the compat IOAS no more. */
	ck_assert_int_eq(rig_destroy(&rig, file, 2), 0);
	ck_assert_int_eq(vfio_ioas(IOMMU_VFIO_IOAS_GET, 0, 0), -ENODEV);
	ck_assert_int_eq(vfio_ioas(IOMMU_VFIO_IOAS_CLEAR, 0, 0), 0);
	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(iommufd_vfio_ioas_id(ctx(), &id), 0);
	ck_assert_uint_eq(id, 2);
	ck_assert_int_eq(iommufd_vfio_set_noiommu(ctx()), -EINVAL);
}
END_TEST

START_TEST(extensions)
{
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned long ext = 0; ext < 20; ext++) {
			const bool one = ext == VFIO_TYPE1_IOMMU || ext == VFIO_TYPE1v2_IOMMU ||
					 ext == 9 /* UNMAP_ALL */;

			if (ext != VFIO_DMA_CC_IOMMU)
				ck_assert_int_eq(plain(VFIO_CHECK_EXTENSION, ext), one);
		}
		ck_assert_int_eq(plain(VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU), i ? 1 : -ENODEV);
		ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	}
	ck_assert_int_eq(plain(VFIO_GET_API_VERSION, 0), 0);
	rig.env.noiommu = true;
	ck_assert_int_eq(plain(VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU), 1);
	ck_assert_int_eq(plain(_IO(VFIO_TYPE, VFIO_BASE + 17), 0), -ENOTTY); /* DIRTY_PAGES */
	ck_assert_int_eq(plain(_IO(VFIO_TYPE, VFIO_BASE + 99), 0), -ENOTTY);
}
END_TEST

START_TEST(a_context_without_iommu)
{
	uint64_t back;

	rig.env.noiommu = true;
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), -EINVAL);
	ck_assert_int_eq(iommufd_vfio_set_noiommu(ctx()), 0);
	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), -EINVAL);
	ck_assert_int_eq(plain(VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU), 0);
	ck_assert_int_eq(plain(VFIO_CHECK_EXTENSION, 9), 0);
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), -EINVAL);
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), 0);
	rig.task->cap_sys_rawio = false;
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU), -EPERM);
	ck_assert_int_eq(map(0, PAGE, 3), -ENODEV);
	ck_assert_int_eq(unmap(0, PAGE, 0, &back), -ENODEV);
}
END_TEST

START_TEST(set_iommu_chooses_the_kind_of_unmap)
{
	uint32_t id;
	struct iommufd_device *idev;
	uint32_t pt;

	ck_assert_int_eq(plain(VFIO_SET_IOMMU, 2), -EINVAL);
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), -ENODEV);
	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	ck_assert_int_eq(map(0, RIG_HALF, 3), -EINVAL);
	/* Back to large pages; then not to small ones again under a domain with areas. */
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	iopt_set_large_pages(iommufd_ioas_find(ctx(), 1)->iopt, true);
	ck_assert_int_eq(iommufd_device_bind(ctx(), rig.device[0], &idev, &id), 0);
	pt = 1;
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), 0);
	ck_assert_int_eq(map(0, PAGE, 3), 0);
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), -EINVAL);
	iommufd_device_detach(idev, 0);
	iommufd_device_unbind(idev);
}
END_TEST

START_TEST(map_refuses)
{
	struct vfio_iommu_type1_dma_map cmd = {.argsz = 31};
	struct iommufd_device *idev;
	uint32_t id, pt = 1;

	ck_assert_int_eq(plain(VFIO_IOMMU_MAP_DMA, 16), -EFAULT);
	ck_assert_int_eq(rig_ioctl(&rig, file, VFIO_IOMMU_MAP_DMA, &cmd), -EINVAL);
	ck_assert_int_eq(map(0, PAGE, 4), -EINVAL);
	ck_assert_int_eq(map(0, PAGE, 3), -ENODEV);
	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(map(0, 0, 3), -EINVAL);
	ck_assert_int_eq(map(0, PAGE, 3), 0);
	ck_assert_int_eq(map(0, PAGE, 3), -EEXIST);
	ck_assert_int_eq(map(-PAGE, PAGE, 3), 0);
	/* No permission: an area, until a domain would have to show it. */
	ck_assert_int_eq(map(0x10000, PAGE, 0), 0);
	ck_assert_int_eq(iommufd_device_bind(ctx(), rig.device[0], &idev, &id), 0);
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), -EADDRINUSE);
	ck_assert_int_eq(unmap(-PAGE, PAGE, 0, &(uint64_t){0}), 0);
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), -EINVAL);
	ck_assert_int_eq(unmap(0x10000, PAGE, 0, &(uint64_t){0}), 0);
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), 0);
	ck_assert_int_eq(map(0x10000, PAGE, 0), -EINVAL);
	iommufd_device_detach(idev, 0);
	iommufd_device_unbind(idev);
}
END_TEST

START_TEST(pages_are_charged_to_locked_vm)
{
	struct iommufd_device *idev;
	uint32_t id, pt = 1;

	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(iommufd_device_bind(ctx(), rig.device[0], &idev, &id), 0);
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), 0);
	rig.task->cap_ipc_lock = false;
	rig.task->rlimit_memlock = 2 * PAGE;
	ck_assert_int_eq(map(0, 3 * PAGE, 3), -ENOMEM);
	ck_assert_int_eq(map(0, 2 * PAGE, 3), 0);
	ck_assert_uint_eq(rig.task->mm->locked_pages, 2);
	ck_assert_uint_eq(iommufd_locked_pages(&rig.env, rig.task->mm), 2);
	ck_assert_uint_eq(iommufd_pinned_pages(&rig.env, rig.task->mm), 2);
	ck_assert_uint_eq(rig.user->locked_pages, 0);
	iommufd_device_detach(idev, 0);
	ck_assert_uint_eq(rig.task->mm->locked_pages, 0);
	iommufd_device_unbind(idev);
}
END_TEST

START_TEST(unmap_tells_what_it_removed)
{
	uint64_t back;

	ck_assert_int_eq(unmap(0, PAGE, 2, &back), -ENODEV);
	ck_assert_uint_eq(back, PAGE);
	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(unmap(0, PAGE, 1, &back), -EINVAL);
	ck_assert_int_eq(unmap(0, PAGE, 2, &back), -EINVAL);
	ck_assert_uint_eq(back, PAGE);
	ck_assert_int_eq(unmap(0, PAGE, 0, &back), 0);
	ck_assert_uint_eq(back, 0);
	ck_assert_int_eq(unmap(0, 0, 0, &back), -EINVAL);
	ck_assert_int_eq(unmap(-PAGE, 2 * PAGE, 0, &back), -EOVERFLOW);
	ck_assert_uint_eq(back, 0);
	ck_assert_int_eq(map(0, 2 * PAGE, 3), 0);
	ck_assert_int_eq(map(2 * PAGE, 2 * PAGE, 3), 0);
	/* The first goes, the second is cut: that is said with both. */
	ck_assert_int_eq(unmap(0, 3 * PAGE, 0, &back), -ENOENT);
	ck_assert_uint_eq(back, 2 * PAGE);
	ck_assert_int_eq(unmap(0, 0, 2, &back), 0);
	ck_assert_uint_eq(back, 2 * PAGE);
	ck_assert_int_eq(unmap(0, 0, 2, &back), 0);
	ck_assert_uint_eq(back, 0);
}
END_TEST

START_TEST(type1_cuts_at_both_ends)
{
	struct iommufd_device *idev;
	uint32_t id, pt = 1;
	uint64_t back;

	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(plain(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	ck_assert_int_eq(iommufd_device_bind(ctx(), rig.device[0], &idev, &id), 0);
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), 0);
	ck_assert_int_eq(map(0, 8 * PAGE, 3), 0);
	ck_assert_int_eq(unmap(2 * PAGE, 3 * PAGE, 0, &back), 0);
	ck_assert_uint_eq(back, 3 * PAGE);
	ck_assert_ptr_null(iommufd_audit(&rig.env, true));
	ck_assert_uint_eq(rig.task->mm->pinned_pages, 5);
	/* A cut inside a page fails before anything is done, the size untouched. */
	ck_assert_int_eq(unmap(0, PAGE + 1, 0, &back), -EINVAL);
	ck_assert_uint_eq(back, PAGE + 1);
	ck_assert_int_eq(unmap(PAGE, 6 * PAGE, 0, &back), 0);
	ck_assert_uint_eq(back, 3 * PAGE);
	ck_assert_uint_eq(rig.task->mm->pinned_pages, 2);
	iommufd_device_detach(idev, 0);
	iommufd_device_unbind(idev);
}
END_TEST

struct info {
	uint32_t argsz, flags;
	uint64_t pgsizes;
	uint32_t cap_offset, pad;
	uint8_t caps[104];
};

static long get_info(struct info *info, uint32_t argsz)
{
	memset(info, 0xee, sizeof(*info));
	info->argsz = argsz;
	info->flags = 0;
	return rig_ioctl(&rig, file, VFIO_IOMMU_GET_INFO, info);
}

START_TEST(get_info_writes_the_pieces_that_fit)
{
	/* DMA_AVAIL at 24, then the ranges at 40: three of them make 104 bytes in all. */
	static const uint8_t avail[16] = {3, 0, 1, 0, 40, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0};
	static const uint8_t head[16] = {1, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0};
	struct iommufd_device *idev;
	uint32_t id, pt = 1;
	uint64_t range[4];
	struct info info;

	ck_assert_int_eq(get_info(&info, 15), -EINVAL);
	ck_assert_int_eq(get_info(&info, 16), -ENODEV);
	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(get_info(&info, 16), 0);
	ck_assert_uint_eq(info.pgsizes, ~(PAGE - 1));
	ck_assert_uint_eq(info.argsz, 72);
	ck_assert_uint_eq(info.cap_offset, 0xeeeeeeee);
	ck_assert_int_eq(iommufd_device_bind(ctx(), rig.device[1], &idev, &id), 0);
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), 0);
	ck_assert_int_eq(get_info(&info, 87), 0);
	ck_assert_uint_eq(info.argsz, 88);
	ck_assert_uint_eq(info.cap_offset, 0);
	ck_assert_uint_eq(info.flags, 3);
	ck_assert_uint_eq(info.pgsizes, PAGE);
	ck_assert_mem_eq(info.caps, avail, sizeof(avail));
	ck_assert_uint_eq(info.caps[16], 0xee);
	ck_assert_int_eq(get_info(&info, sizeof(info)), 0);
	ck_assert_uint_eq(info.argsz, 88);
	ck_assert_uint_eq(info.cap_offset, 24);
	ck_assert_mem_eq(info.caps + 16, head, sizeof(head));
	memcpy(range, info.caps + 32, sizeof(range));
	ck_assert(range[0] == 0 && range[1] == 0x2ffff);
	ck_assert(range[2] == 0x40000 && range[3] == RIG_SPAN - 1);
	iommufd_device_detach(idev, 0);
	iommufd_device_unbind(idev);
}
END_TEST

START_TEST(pages_below_4096_bytes_are_told_as_4096)
{
	struct iommufd_device *idev;
	uint32_t id, pt = 1;
	struct info info;

	ck_assert_int_eq(iommufd_vfio_ioas_create(ctx()), 0);
	ck_assert_int_eq(iommufd_device_bind(ctx(), rig.device[2], &idev, &id), 0);
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), 0);
	ck_assert_int_eq(get_info(&info, sizeof(info)), 0);
	ck_assert_uint_eq(info.pgsizes, PAGE);
	iommufd_device_detach(idev, 0);
	iommufd_device_unbind(idev);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd as VFIO container");
	TCase *tcase = tcase_create("compat");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, the_compat_ioas_is_set_and_cleared);
	tcase_add_test(tcase, extensions);
	tcase_add_test(tcase, a_context_without_iommu);
	tcase_add_test(tcase, set_iommu_chooses_the_kind_of_unmap);
	tcase_add_test(tcase, map_refuses);
	tcase_add_test(tcase, pages_are_charged_to_locked_vm);
	tcase_add_test(tcase, unmap_tells_what_it_removed);
	tcase_add_test(tcase, type1_cuts_at_both_ends);
	tcase_add_test(tcase, get_info_writes_the_pieces_that_fit);
	tcase_add_test(tcase, pages_below_4096_bytes_are_told_as_4096);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
