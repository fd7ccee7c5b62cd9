// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual IOMMUs: making them, their devices and the dead ids those leave, nested page tables on
 * them, hardware queues with the memory that they hold, and windows that a program maps.
 */
#include "iommufd_fake.h"

static struct fk fk;
static struct iommufd_ctx *ctx;
static struct iommufd_device *idev, *peer, *far;
static long dev, ioas, parent;
static int fd;

/* Devices 3 and 4 are behind one unit, 5 behind another. */
static void setup_kernel(const char *kernel)
{
	fk_open(&fk, kernel);
	ctx = fk_ctx(&fk, &fd);
	fk_boot(&fk);
	idev = fk_bind(&fk, ctx, 3);
	peer = fk_bind(&fk, ctx, 4);
	far = fk_bind(&fk, ctx, 5);
	dev = iommufd_device_id(idev);
	ioas = fk_ioas(&fk, ctx);
	parent = fk_hwpt(&fk, ctx, dev, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT);
	ck_assert_int_gt(parent, 0);
}

static void setup(void)
{
	setup_kernel("7.2");
}

static void unbind(struct iommufd_device **which)
{
	if (!*which)
		return;
	iommufd_device_detach(*which, 0);
	iommufd_device_unbind(*which);
	*which = NULL;
}

static void teardown(void)
{
	unbind(&idev);
	unbind(&peer);
	unbind(&far);
	fk_close(&fk);
}

static long id_of(const struct iommufd_device *which)
{
	return iommufd_device_id(which);
}

/* ---- VIOMMU_ALLOC ---- */

static long viommu_cmd(struct iommu_viommu_alloc cmd)
{
	long rc;

	cmd.size = sizeof(cmd);
	rc = fk_ioctl(&fk, ctx, IOMMU_VIOMMU_ALLOC, &cmd);
	return rc ? rc : (long)cmd.out_viommu_id;
}

START_TEST(the_later_commands_do_not_exist_before_their_kernel)
{
	static const char *const kernels[] = {"6.3", "6.12", "6.18"};
	static const unsigned int later[] = {IOMMU_IOAS_MAP_FILE, IOMMU_VIOMMU_ALLOC,
					     IOMMU_VDEVICE_ALLOC, IOMMU_IOAS_CHANGE_PROCESS,
					     IOMMU_VEVENTQ_ALLOC, IOMMU_HW_QUEUE_ALLOC};
	uint32_t words[10] = {40};
	pa_t pa;

	teardown();
	setup_kernel(kernels[_i]);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(later); i++)
		ck_assert_int_eq(fk_ioctl(&fk, ctx, later[i], words), -ENOTTY);
	ck_assert_int_eq(ctx->file.ops->mmap(&ctx->file, PAGE, PAGE, true, &pa), -ENODEV);
}
END_TEST

START_TEST(a_viommu_is_refused_in_the_kernels_order)
{
	struct iommu_viommu_alloc cmd = {.flags = 1, .dev_id = 99, .hwpt_id = 99};
	const uint64_t data[4] = {0};
	long plain = fk_hwpt(&fk, ctx, dev, ioas, 0);

	ck_assert_int_eq(viommu_cmd(cmd), -EOPNOTSUPP);
	cmd.type = FK_VIOMMU;
	ck_assert_int_eq(viommu_cmd(cmd), -EOPNOTSUPP);
	cmd.flags = 0;
	cmd.type = 0;
	ck_assert_int_eq(viommu_cmd(cmd), -EOPNOTSUPP);
	cmd.type = FK_VIOMMU + 1;
	ck_assert_int_eq(viommu_cmd(cmd), -ENOENT);
	cmd.dev_id = (uint32_t)dev;
	ck_assert_int_eq(viommu_cmd(cmd), -EOPNOTSUPP);
	cmd.type = FK_VIOMMU;
	ck_assert_int_eq(viommu_cmd(cmd), -ENOENT);
	cmd.hwpt_id = (uint32_t)ioas;
	ck_assert_int_eq(viommu_cmd(cmd), -ENOENT);
	cmd.hwpt_id = (uint32_t)plain;
	ck_assert_int_eq(viommu_cmd(cmd), -EINVAL);
	cmd.hwpt_id = (uint32_t)parent;
	cmd.data_uptr = (uintptr_t)data;
	cmd.data_len = 7;
	ck_assert_int_eq(viommu_cmd(cmd), -EINVAL);
	cmd.data_len = 25;
	ck_assert_int_eq(viommu_cmd(cmd), -EINVAL);
	cmd.data_len = 24;
	cmd.data_uptr = FK_BAD_ADDRESS;
	ck_assert_int_eq(viommu_cmd(cmd), -EFAULT);
	ck_assert_uint_eq(fk_users(ctx, parent), 1);
	/* Not looked at: the reserved field, and the pointer without a length. */
	cmd.data_len = 0;
	cmd.__reserved = 1;
	ck_assert_int_gt(viommu_cmd(cmd), plain);
	fk_driver.viommu_probe = NULL;
	ck_assert_int_eq(viommu_cmd(cmd), -EOPNOTSUPP);
}
END_TEST

START_TEST(a_viommu_holds_its_parent_and_not_its_device)
{
	long viommu = fk_viommu(&fk, ctx, dev, parent);

	ck_assert_uint_eq(fk_users(ctx, parent), 2);
	ck_assert_uint_eq(fk_users(ctx, dev), 2);
	ck_assert_int_eq(fk_destroy(&fk, ctx, parent), -EBUSY);
	unbind(&idev);
	ck_assert_int_gt(fk_nested_hwpt(&fk, ctx, id_of(peer), viommu, 0), 0);
	ck_assert_uint_eq(fk_users(ctx, viommu), 2);
	/* A nested HWPT of a vIOMMU holds that one only. */
	ck_assert_uint_eq(fk_users(ctx, parent), 2);
	ck_assert_int_eq(fk_destroy(&fk, ctx, viommu), -EBUSY);
}
END_TEST

START_TEST(a_nested_hwpt_on_a_viommu_is_refused_in_the_kernels_order)
{
	long viommu = fk_viommu(&fk, ctx, dev, parent);

	ck_assert_int_eq(fk_hwpt(&fk, ctx, dev, viommu, 0), -EOPNOTSUPP);
	ck_assert_int_eq(fk_nested_hwpt(&fk, ctx, id_of(far), viommu, 1), -EINVAL);
	ck_assert_int_eq(fk_nested_hwpt(&fk, ctx, dev, viommu, 1), -EOPNOTSUPP);
	ck_assert_int_eq(fk_nested_hwpt(&fk, ctx, dev, viommu, IOMMU_HWPT_ALLOC_DIRTY_TRACKING),
			 -EOPNOTSUPP);
	ck_assert_int_eq(fk_nested_hwpt(&fk, ctx, dev, viommu, IOMMU_HWPT_FAULT_ID_VALID), -ENOENT);
	ck_assert_uint_eq(fk_users(ctx, viommu), 1);
	ck_assert_int_gt(fk_nested_hwpt(&fk, ctx, dev, viommu, IOMMU_HWPT_ALLOC_PASID), 0);
}
END_TEST

/* ---- vDEVICEs ---- */

START_TEST(a_vdevice_is_refused_in_the_kernels_order)
{
	long one = fk_viommu(&fk, ctx, dev, parent), two = fk_viommu(&fk, ctx, dev, parent);

	ck_assert_int_eq(fk_vdevice(&fk, ctx, 99, 98, 1), -ENOENT);
	ck_assert_int_eq(fk_vdevice(&fk, ctx, parent, dev, 1), -ENOENT);
	ck_assert_int_eq(fk_vdevice(&fk, ctx, one, 98, 1), -ENOENT);
	ck_assert_int_eq(fk_vdevice(&fk, ctx, one, ioas, 1), -ENOENT);
	ck_assert_int_eq(fk_vdevice(&fk, ctx, one, id_of(far), 1), -EINVAL);
	ck_assert_int_gt(fk_vdevice(&fk, ctx, one, dev, UINT64_MAX), 0);
	/* Once per device, on any vIOMMU; once per number, on each. */
	ck_assert_int_eq(fk_vdevice(&fk, ctx, one, dev, 2), -EEXIST);
	ck_assert_int_eq(fk_vdevice(&fk, ctx, two, dev, 2), -EEXIST);
	ck_assert_int_eq(fk_vdevice(&fk, ctx, one, id_of(peer), UINT64_MAX), -EEXIST);
	ck_assert_int_gt(fk_vdevice(&fk, ctx, two, id_of(peer), UINT64_MAX), 0);
	ck_assert_uint_eq(fk_users(ctx, one), 2);
	ck_assert_uint_eq(fk_users(ctx, dev), 2);
	ck_assert_int_eq(fk_destroy(&fk, ctx, one), -EBUSY);
}
END_TEST

START_TEST(a_vdevice_that_goes_frees_its_id_unless_its_device_took_it)
{
	long viommu = fk_viommu(&fk, ctx, dev, parent);
	long vdev = fk_vdevice(&fk, ctx, viommu, dev, 0);

	ck_assert_int_eq(fk_destroy(&fk, ctx, vdev), 0);
	ck_assert_int_eq(fk_vdevice(&fk, ctx, viommu, dev, 0), vdev);
	unbind(&idev);
	/* The number and the vIOMMU are free at once, the id is dead. */
	ck_assert_uint_eq(fk.vdevices, 0);
	ck_assert_uint_eq(fk_users(ctx, viommu), 1);
	ck_assert_int_eq(fk_destroy(&fk, ctx, vdev), -ENOENT);
	ck_assert_int_eq(fk_vdevice(&fk, ctx, viommu, id_of(peer), 0), dev);
	ck_assert_int_eq(fk_ioas(&fk, ctx), vdev + 1);
	ck_assert_int_eq(fk_destroy(&fk, ctx, dev), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, viommu), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, parent), 0);
}
END_TEST

START_TEST(an_attach_to_a_nested_hwpt_of_a_viommu_needs_a_vdevice_there)
{
	long viommu = fk_viommu(&fk, ctx, dev, parent), vdev;
	long nested = fk_nested_hwpt(&fk, ctx, dev, viommu, 0);

	ck_assert_int_eq(fk_attach_pt(idev, 0, nested), -ENOENT);
	vdev = fk_vdevice(&fk, ctx, viommu, dev, 4);
	ck_assert_int_eq(fk_attach_pt(idev, 0, nested), nested);
	/* It may go: nothing changes until the next attach. */
	ck_assert_int_eq(fk_destroy(&fk, ctx, vdev), 0);
	ck_assert_int_eq(fk_replace_pt(idev, 0, nested), nested);
	ck_assert_int_eq(fk_replace_pt(idev, 0, parent), parent);
	ck_assert_int_eq(fk_replace_pt(idev, 0, nested), -ENOENT);
}
END_TEST

START_TEST(invalidation_through_a_viommu_finds_devices_by_their_number)
{
	uint64_t ids[3] = {7, 8, 9};
	struct iommu_hwpt_invalidate cmd = {.size = sizeof(cmd),
					    .data_uptr = (uintptr_t)ids,
					    .data_type = FK_VIOMMU,
					    .entry_len = 8,
					    .entry_num = 3};
	long viommu = fk_viommu(&fk, ctx, dev, parent), vdev;

	cmd.hwpt_id = (uint32_t)viommu;
	vdev = fk_vdevice(&fk, ctx, viommu, dev, 7);
	fk_vdevice(&fk, ctx, viommu, id_of(peer), 9);
	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_HWPT_INVALIDATE, &cmd), -ENOENT);
	ck_assert_uint_eq(cmd.entry_num, 1);
	cmd.entry_num = 1;
	ck_assert_int_eq(fk_destroy(&fk, ctx, vdev), 0);
	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_HWPT_INVALIDATE, &cmd), -ENOENT);
	ck_assert_uint_eq(cmd.entry_num, 0);
	cmd.data_uptr = (uintptr_t)&ids[2];
	cmd.entry_num = 1;
	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_HWPT_INVALIDATE, &cmd), 0);
}
END_TEST

/* ---- hardware queues ---- */

/* A vIOMMU whose IOAS has 16 pages in one physical run at 0, 8 scattered ones after them. */
static long queue_viommu(void)
{
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0, FK_VA_RUN, 16), 0);
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 16 * PAGE, FK_VA, 8), 0);
	return fk_viommu(&fk, ctx, dev, parent);
}

START_TEST(a_hardware_queue_is_refused_in_the_kernels_order)
{
	struct iommu_hw_queue_alloc cmd = {.size = sizeof(cmd),
					   .type = 0,
					   .nesting_parent_iova = 1,
					   .viommu_id = 99};
	long viommu = queue_viommu();
	const unsigned users = fk_users(ctx, ioas);

#define TRY() fk_ioctl(&fk, ctx, IOMMU_HW_QUEUE_ALLOC, &cmd)
	ck_assert_int_eq(TRY(), -EOPNOTSUPP);
	cmd.type = FK_VIOMMU + 1;
	cmd.flags = 1;
	ck_assert_int_eq(TRY(), -EOPNOTSUPP);
	cmd.flags = 0;
	ck_assert_int_eq(TRY(), -EINVAL);
	cmd.nesting_parent_iova = 2;
	cmd.length = UINT64_MAX;
	ck_assert_int_eq(TRY(), -EOVERFLOW);
	cmd.nesting_parent_iova = 1;
	ck_assert_int_eq(TRY(), -ENOENT);
	cmd.viommu_id = (uint32_t)parent;
	ck_assert_int_eq(TRY(), -ENOENT);
	cmd.viommu_id = (uint32_t)viommu;
	ck_assert_int_eq(TRY(), -EOPNOTSUPP);
	cmd.type = FK_VIOMMU;
	/* Pages are counted before any is looked at. */
	ck_assert_int_eq(TRY(), -ERANGE);
	cmd.nesting_parent_iova = 0;
	ck_assert_int_eq(TRY(), -ERANGE);
	cmd.length = UINT64_MAX - PAGE + 1;
	ck_assert_int_eq(TRY(), -ENOMEM);
	cmd.length = 25 * PAGE;
	ck_assert_int_eq(TRY(), -ENOENT);
	cmd.length = 16 * PAGE + 1;
	ck_assert_int_eq(TRY(), -EFAULT);
	cmd.length = 16 * PAGE;
	cmd.index = FK_QUEUES;
	ck_assert_int_eq(TRY(), -EINVAL);
	cmd.index = 1;
	ck_assert_int_eq(TRY(), -EIO);
	ck_assert_uint_eq(fk_users(ctx, ioas), users);
	ck_assert_uint_eq(fk_users(ctx, viommu), 1);
	fk_audit(&fk);
	cmd.index = 0;
	ck_assert_int_eq(TRY(), 0);
	ck_assert_int_eq(TRY(), -EEXIST);
#undef TRY
}
END_TEST

START_TEST(a_queue_needs_memory_that_it_may_read)
{
	struct iommu_ioas_map map = {.size = sizeof(map),
				     .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE,
				     .ioas_id = (uint32_t)ioas,
				     .user_va = FK_VA_RUN,
				     .length = PAGE,
				     .iova = 0x40 * PAGE};
	long viommu = queue_viommu();

	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_IOAS_MAP, &map), 0);
	ck_assert_int_eq(fk_hw_queue(&fk, ctx, viommu, 0, 0x40 * PAGE, 8), -EPERM);
}
END_TEST

START_TEST(a_queue_has_two_ids_and_knows_where_it_lies)
{
	long viommu = queue_viommu();
	long queue = fk_hw_queue(&fk, ctx, viommu, 0, PAGE + 0x80, 2 * PAGE);
	struct fk_domain *domain = fk_domain_of(ctx, parent);

	ck_assert_int_eq(queue, viommu + 1);
	ck_assert_uint_eq(fk.queue[0]->pa, domain->leaf[1].pa + 0x80);
	ck_assert_uint_eq(fk.queue[0]->iova, PAGE + 0x80);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue + 1), -EBUSY);
	ck_assert_int_eq(fk_attach_pt(peer, 0, queue + 1), -EINVAL);
	ck_assert_int_eq(fk_vdevice(&fk, ctx, queue + 1, dev, 1), -ENOENT);
	ck_assert_int_eq(fk_ioas(&fk, ctx), queue + 2);
	ck_assert_uint_eq(fk_users(ctx, viommu), 2);
	ck_assert_uint_eq(fk_users(ctx, ioas), 3);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue), -ENOENT);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue + 1), -ENOENT);
	ck_assert_int_eq(fk_ioas(&fk, ctx), queue);
	ck_assert_uint_eq(fk_users(ctx, ioas), 2);
}
END_TEST

START_TEST(queues_go_in_falling_order)
{
	long viommu = queue_viommu(), queue[3];

	for (uint32_t i = 0; i < 3; i++)
		queue[i] = fk_hw_queue(&fk, ctx, viommu, i, i * PAGE, PAGE);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue[0]), -EBUSY);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue[1]), -EBUSY);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue[2]), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue[0]), -EBUSY);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue[1]), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue[0]), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, viommu), 0);
}
END_TEST

START_TEST(memory_of_a_queue_cannot_be_unmapped)
{
	struct iommu_ioas_unmap all = {.size = sizeof(all),
				       .ioas_id = (uint32_t)ioas,
				       .length = UINT64_MAX};
	long viommu = fk_viommu(&fk, ctx, dev, parent), one, two;

	for (uint64_t i = 0; i < 4; i++)
		ck_assert_int_eq(fk_map(&fk, ctx, ioas, 2 * i * PAGE, FK_VA_RUN + 2 * i * PAGE, 2),
				 0);
	/* Across the second and the third area. */
	one = fk_hw_queue(&fk, ctx, viommu, 0, 3 * PAGE + 8, PAGE);
	two = fk_hw_queue(&fk, ctx, viommu, 1, 4 * PAGE, 8);
	ck_assert_int_gt(two, one);
	/* Below them an area is gone before the locked one is met. */
	ck_assert_int_eq(fk_unmap(&fk, ctx, ioas, 0, 8), -EBUSY);
	ck_assert_int_eq(fk_unmap(&fk, ctx, ioas, 0, 2), -ENOENT);
	ck_assert_int_eq(fk_unmap(&fk, ctx, ioas, 2 * PAGE, 1), -EBUSY);
	ck_assert_int_eq(fk_unmap(&fk, ctx, ioas, 6 * PAGE, 1), -ENOENT);
	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_IOAS_UNMAP, &all), -EBUSY);
	ck_assert_int_eq(fk_destroy(&fk, ctx, two), 0);
	ck_assert_int_eq(fk_unmap(&fk, ctx, ioas, 4 * PAGE, 2), -EBUSY);
	ck_assert_int_eq(fk_destroy(&fk, ctx, one), 0);
	ck_assert_int_eq(fk_unmap(&fk, ctx, ioas, 4 * PAGE, 2), 0);
	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_IOAS_UNMAP, &all), 0);
	ck_assert_uint_eq(all.length, 4 * PAGE);
	ck_assert_uint_eq(phys_pins_total(fk.phys), 0);
}
END_TEST

START_TEST(a_queue_keeps_its_pages_when_the_device_is_gone)
{
	long viommu = queue_viommu(), queue;
	const unsigned pinned = 24;

	queue = fk_hw_queue(&fk, ctx, viommu, 0, 0, 16 * PAGE);
	ck_assert_int_gt(queue, 0);
	ck_assert_uint_eq(phys_pins_total(fk.phys), pinned);
	unbind(&idev);
	ck_assert_int_eq(fk_destroy(&fk, ctx, viommu), -EBUSY);
	ck_assert_uint_eq(phys_pins_total(fk.phys), pinned);
	fk_audit(&fk);
}
END_TEST

/* ---- windows ---- */

struct window {
	uint32_t in, out;
	uint64_t offset, length;
};

static long window_viommu(struct window *window, uint32_t pages)
{
	*window = (struct window){.in = 0x1234};
	fk.window_pages = pages;
	return viommu_cmd((struct iommu_viommu_alloc){.type = FK_VIOMMU,
						      .dev_id = (uint32_t)dev,
						      .hwpt_id = (uint32_t)parent,
						      .data_len = sizeof(*window),
						      .data_uptr = (uintptr_t)window});
}

static int map_window(uint64_t offset, uint64_t len, bool shared)
{
	pa_t pa = 0;
	int rc = ctx->file.ops->mmap(&ctx->file, offset, len, shared, &pa);

	if (!rc)
		ck_assert_uint_eq(pa, UINT64_C(0xfe000000));
	return rc;
}

START_TEST(windows_are_given_from_the_lowest_free_offset)
{
	struct window a, b, c;
	long first = window_viommu(&a, 2), second = window_viommu(&b, 1);

	ck_assert_uint_eq(a.out, 0x1234);
	ck_assert_uint_eq(a.offset, PAGE);
	ck_assert_uint_eq(b.offset, 3 * PAGE);
	ck_assert_int_eq(fk_destroy(&fk, ctx, first), 0);
	/* One page fits into the gap, three do not. */
	first = window_viommu(&a, 1);
	ck_assert_uint_eq(a.offset, PAGE);
	window_viommu(&c, 3);
	ck_assert_uint_eq(c.offset, 4 * PAGE);
	ck_assert_int_gt(second, 0);
	ck_assert_int_gt(first, 0);
}
END_TEST

START_TEST(a_map_shows_exactly_a_window)
{
	struct window window;
	long viommu = window_viommu(&window, 2);

	ck_assert_int_gt(viommu, 0);
	ck_assert_int_eq(map_window(PAGE, 2 * PAGE, false), -EINVAL);
	ck_assert_int_eq(map_window(0, 2 * PAGE, true), -ENXIO);
	ck_assert_int_eq(map_window(PAGE, PAGE, true), -ENXIO);
	ck_assert_int_eq(map_window(PAGE, 3 * PAGE, true), -ENXIO);
	ck_assert_int_eq(map_window(2 * PAGE, PAGE, true), -ENXIO);
	ck_assert_int_eq(map_window(PAGE, PAGE + 1, true), 0);
	ck_assert_int_eq(map_window(PAGE, 2 * PAGE, true), 0);
	ck_assert(ctx->file.ops->mmap_noexec);
	ck_assert_int_eq(fk_destroy(&fk, ctx, viommu), 0);
	ck_assert_int_eq(map_window(PAGE, 2 * PAGE, true), -ENXIO);
}
END_TEST

START_TEST(each_piece_of_a_map_holds_the_owner)
{
	struct window window;
	long viommu = window_viommu(&window, 2);

	ctx->file.ops->mmap_open(&ctx->file, window.offset);
	ctx->file.ops->mmap_open(&ctx->file, window.offset);
	ck_assert_uint_eq(fk_users(ctx, viommu), 3);
	ctx->file.ops->mmap_close(&ctx->file, window.offset);
	ck_assert_int_eq(fk_destroy(&fk, ctx, viommu), -EBUSY);
	ctx->file.ops->mmap_close(&ctx->file, window.offset);
	ck_assert_int_eq(fk_destroy(&fk, ctx, viommu), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd_viommu");
	TCase *tc = tcase_create("viommu");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, the_later_commands_do_not_exist_before_their_kernel, 0, 3);
	tcase_add_test(tc, a_viommu_is_refused_in_the_kernels_order);
	tcase_add_test(tc, a_viommu_holds_its_parent_and_not_its_device);
	tcase_add_test(tc, a_nested_hwpt_on_a_viommu_is_refused_in_the_kernels_order);
	tcase_add_test(tc, a_vdevice_is_refused_in_the_kernels_order);
	tcase_add_test(tc, a_vdevice_that_goes_frees_its_id_unless_its_device_took_it);
	tcase_add_test(tc, an_attach_to_a_nested_hwpt_of_a_viommu_needs_a_vdevice_there);
	tcase_add_test(tc, invalidation_through_a_viommu_finds_devices_by_their_number);
	tcase_add_test(tc, a_hardware_queue_is_refused_in_the_kernels_order);
	tcase_add_test(tc, a_queue_needs_memory_that_it_may_read);
	tcase_add_test(tc, a_queue_has_two_ids_and_knows_where_it_lies);
	tcase_add_test(tc, queues_go_in_falling_order);
	tcase_add_test(tc, memory_of_a_queue_cannot_be_unmapped);
	tcase_add_test(tc, a_queue_keeps_its_pages_when_the_device_is_gone);
	tcase_add_test(tc, windows_are_given_from_the_lowest_free_offset);
	tcase_add_test(tc, a_map_shows_exactly_a_window);
	tcase_add_test(tc, each_piece_of_a_map_holds_the_owner);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
