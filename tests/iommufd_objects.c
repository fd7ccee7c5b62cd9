// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects of a context: ids, references, the order in which things go, and what the dispatcher of
 * ioctls makes of sizes.
 */
#include "iommufd_rig.h"

static struct rig rig;
static struct file *file;

static struct iommufd_ctx *ctx(void)
{
	return iommufd_ctx_from_file(file);
}

static void audit(void)
{
	const char *what = iommufd_audit(&rig.env, true);

	ck_assert_msg(!what, "%s", what);
}

static void begin_as(const char *kernel)
{
	int error;

	rig_open(&rig, kernel);
	rig_boot(&rig);
	file = iommufd_open(&rig.env, &error);
	ck_assert_ptr_nonnull(file);
}

static void begin(void)
{
	begin_as("7.2");
}

static void end(void)
{
	if (file) {
		audit();
		file_put(file);
	}
	file = NULL;
	rig_close(&rig);
}

/* A HWPT of the IOAS for a bound device. */
static long hwpt_new(uint32_t device, uint32_t pt, uint32_t flags)
{
	struct iommu_hwpt_alloc cmd = {.size = sizeof(cmd),
				       .flags = flags,
				       .dev_id = device,
				       .pt_id = pt};
	long rc = rig_ioctl(&rig, file, IOMMU_HWPT_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_hwpt_id;
}

static struct iommufd_device *bind(unsigned i, uint32_t *id)
{
	struct iommufd_device *idev;

	ck_assert_int_eq(iommufd_device_bind(ctx(), rig.device[i], &idev, id), 0);
	return idev;
}

START_TEST(the_lowest_free_id_is_given)
{
	for (long i = 1; i <= 40; i++)
		ck_assert_int_eq(rig_ioas(&rig, file), i);
	ck_assert_int_eq(rig_destroy(&rig, file, 17), 0);
	ck_assert_int_eq(rig_destroy(&rig, file, 3), 0);
	audit();
	ck_assert_int_eq(rig_ioas(&rig, file), 3);
	ck_assert_int_eq(rig_ioas(&rig, file), 17);
	ck_assert_int_eq(rig_ioas(&rig, file), 41);
}
END_TEST

START_TEST(ids_that_never_were_are_missing)
{
	static const uint32_t ids[] = {0, 2, 16, 17, 0x7fffffff, 0x80000000, 0xffffffff};

	ck_assert_int_eq(rig_ioas(&rig, file), 1);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(ids); i++)
		ck_assert_int_eq(rig_destroy(&rig, file, ids[i]), -ENOENT);
	ck_assert_int_eq(rig_destroy(&rig, file, 1), 0);
	ck_assert_int_eq(rig_destroy(&rig, file, 1), -ENOENT);
}
END_TEST

START_TEST(an_id_is_reserved_before_its_object_shows)
{
	struct iommufd_ioas *ioas = iommufd_ioas_create(ctx());
	struct iommufd_object *obj = &ioas->obj;

	ck_assert_uint_eq(obj->id, 1);
	ck_assert_ptr_null(iommufd_ioas_find(ctx(), 1));
	ck_assert_int_eq(rig_destroy(&rig, file, 1), -ENOENT);
	ck_assert_int_eq(rig_ioas(&rig, file), 2);
	iommufd_object_abort_and_destroy(ctx(), obj);
	ck_assert_int_eq(rig_ioas(&rig, file), 1);
}
END_TEST

static int deaf_copy_out(const struct uaccess *ua, uint64_t dst, const void *src, size_t len)
{
	(void)ua, (void)dst, (void)src, (void)len;
	return -EFAULT;
}

START_TEST(an_answer_that_cannot_be_written_leaves_nothing)
{
	static const struct uaccess deaf = {.copy_in = rig_copy_in, .copy_out = deaf_copy_out};
	struct iommu_ioas_alloc cmd = {.size = sizeof(cmd)};

	rig.caller.ua = &deaf;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_ALLOC, &cmd), -EFAULT);
	audit();
	rig.caller.ua = &rig_ua;
	ck_assert_int_eq(rig_ioas(&rig, file), 1);
}
END_TEST

START_TEST(what_is_used_is_busy)
{
	uint32_t devid, pt;
	struct iommufd_device *idev = bind(0, &devid);
	long ioas = rig_ioas(&rig, file), hwpt = hwpt_new(devid, (uint32_t)ioas, 0);

	ck_assert_int_gt(hwpt, 0);
	/* The driver holds the device, the HWPT the IOAS. */
	ck_assert_int_eq(rig_destroy(&rig, file, devid), -EBUSY);
	ck_assert_int_eq(rig_destroy(&rig, file, (uint32_t)ioas), -EBUSY);
	pt = (uint32_t)hwpt;
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), 0);
	audit();
	ck_assert_int_eq(rig_destroy(&rig, file, (uint32_t)hwpt), -EBUSY);
	iommufd_device_detach(idev, 0);
	audit();
	ck_assert_int_eq(rig_destroy(&rig, file, (uint32_t)ioas), -EBUSY);
	ck_assert_int_eq(rig_destroy(&rig, file, (uint32_t)hwpt), 0);
	ck_assert_int_eq(rig_destroy(&rig, file, (uint32_t)ioas), 0);
	iommufd_device_unbind(idev);
	ck_assert_int_eq(rig_destroy(&rig, file, devid), -ENOENT);
}
END_TEST

START_TEST(an_automatic_domain_goes_with_its_last_user)
{
	uint32_t devid, pt;
	struct iommufd_device *idev = bind(0, &devid);
	uint32_t ioas = (uint32_t)rig_ioas(&rig, file);

	pt = ioas;
	ck_assert_int_eq(iommufd_device_attach(idev, 0, &pt), 0);
	ck_assert_uint_ne(pt, ioas);
	ck_assert_int_eq(rig_destroy(&rig, file, pt), -EBUSY);
	ck_assert_int_eq(rig_destroy(&rig, file, ioas), -EBUSY);
	audit();
	iommufd_device_detach(idev, 0);
	ck_assert_int_eq(rig_destroy(&rig, file, pt), -ENOENT);
	ck_assert_int_eq(rig_destroy(&rig, file, ioas), 0);
	iommufd_device_unbind(idev);
}
END_TEST

START_TEST(an_access_holds_its_ioas_and_the_context)
{
	static const struct iommufd_access_ops ops = {.needs_pin_pages = true};
	struct iommufd_access *access;
	uint32_t id, first = (uint32_t)rig_ioas(&rig, file), second;

	second = (uint32_t)rig_ioas(&rig, file);
	ck_assert_int_eq(iommufd_access_create(ctx(), &ops, NULL, &access, &id), 0);
	ck_assert_int_eq(rig_destroy(&rig, file, id), -EBUSY);
	ck_assert_int_eq(iommufd_access_replace(access, first), -ENOENT);
	ck_assert_int_eq(iommufd_access_attach(access, 99), -ENOENT);
	ck_assert_int_eq(iommufd_access_attach(access, first), 0);
	ck_assert_int_eq(iommufd_access_attach(access, first), -EINVAL);
	ck_assert_int_eq(rig_destroy(&rig, file, first), -EBUSY);
	audit();
	ck_assert_int_eq(iommufd_access_replace(access, second), 0);
	ck_assert_int_eq(rig_destroy(&rig, file, first), 0);
	ck_assert_int_eq(rig_destroy(&rig, file, second), -EBUSY);
	audit();
	/* The descriptor is closed; the objects stay until the access goes. */
	file_put(file);
	file = NULL;
	ck_assert_uint_eq(rig.env.live, 1);
	iommufd_access_destroy(access);
	ck_assert_uint_eq(rig.env.live, 0);
}
END_TEST

static long map(uint32_t ioas, uint64_t iova)
{
	struct iommu_ioas_map cmd = {.size = sizeof(cmd),
				     .flags = 7,
				     .ioas_id = ioas,
				     .user_va = RIG_VA,
				     .length = 4 * PAGE,
				     .iova = iova};

	return rig_ioctl(&rig, file, IOMMU_IOAS_MAP, &cmd);
}

START_TEST(closing_destroys_leaves_first)
{
	uint32_t first, second;
	struct iommufd_device *a, *b;
	uint32_t ida, idb, pt;

	rig_memory(&rig, rig.task->mm, RIG_VA, 8, MM_RUN_4K, 0);
	first = (uint32_t)rig_ioas(&rig, file);
	a = bind(0, &ida);
	b = bind(1, &idb);
	second = (uint32_t)rig_ioas(&rig, file);
	ck_assert_int_gt(hwpt_new(ida, first, 0), 0);
	ck_assert_int_gt(hwpt_new(idb, second, 0), 0);
	ck_assert_int_gt(hwpt_new(ida, second, 0), 0);
	pt = first;
	ck_assert_int_eq(iommufd_device_attach(b, 0, &pt), 0);
	ck_assert_int_eq(map(first, 0), 0);
	ck_assert_int_eq(map(second, 0x10000), 0);
	audit();
	/* Devices keep the context; then everything goes, whatever order ids have. */
	iommufd_device_detach(b, 0);
	file_put(file);
	file = NULL;
	ck_assert_uint_eq(rig.env.live, 1);
	iommufd_device_unbind(a);
	iommufd_device_unbind(b);
	ck_assert_uint_eq(rig.env.live, 0);
	ck_assert_uint_eq(phys_pins_total(rig.phys), 0);
}
END_TEST

START_TEST(a_dead_id_is_never_given_again)
{
	struct iommufd_ioas *ioas;

	ck_assert_int_eq(rig_ioas(&rig, file), 1);
	ck_assert_int_eq(rig_ioas(&rig, file), 2);
	ioas = iommufd_ioas_find(ctx(), 1);
	iommufd_object_tombstone(ctx(), &ioas->obj);
	ck_assert_int_eq(rig_destroy(&rig, file, 1), -ENOENT);
	ck_assert_int_eq(rig_ioas(&rig, file), 3);
	ck_assert_int_eq(rig_destroy(&rig, file, 2), 0);
	ck_assert_int_eq(rig_ioas(&rig, file), 2);
	ck_assert_int_eq(rig_destroy(&rig, file, 1), -ENOENT);
	audit();
}
END_TEST

/* ---- dispatch ---- */

static const struct {
	unsigned cmd, size, min;
	bool later;
} commands[] = {
	{IOMMU_DESTROY, 8, 8, false},
	{IOMMU_IOAS_ALLOC, 12, 12, false},
	{IOMMU_IOAS_ALLOW_IOVAS, 24, 24, false},
	{IOMMU_IOAS_COPY, 40, 40, false},
	{IOMMU_IOAS_IOVA_RANGES, 32, 32, false},
	{IOMMU_IOAS_MAP, 40, 40, false},
	{IOMMU_IOAS_UNMAP, 24, 24, false},
	{IOMMU_OPTION, 24, 24, false},
	{IOMMU_VFIO_IOAS, 12, 12, false},
	{IOMMU_HWPT_ALLOC, 48, 24, false},
	{IOMMU_GET_HW_INFO, 40, 32, false},
	{IOMMU_HWPT_SET_DIRTY_TRACKING, 16, 16, false},
	{IOMMU_HWPT_GET_DIRTY_BITMAP, 48, 48, false},
	{IOMMU_HWPT_INVALIDATE, 32, 32, false},
	{IOMMU_FAULT_QUEUE_ALLOC, 16, 16, false},
	{IOMMU_IOAS_MAP_FILE, 40, 40, true},
	{IOMMU_VIOMMU_ALLOC, 40, 24, true},
	{IOMMU_VDEVICE_ALLOC, 24, 24, true},
	{IOMMU_IOAS_CHANGE_PROCESS, 8, 8, true},
	{IOMMU_VEVENTQ_ALLOC, 32, 28, true},
	{IOMMU_HW_QUEUE_ALLOC, 40, 40, true},
};

START_TEST(sizes_are_judged_before_anything_else)
{
	const unsigned cmd = commands[_i].cmd, size = commands[_i].size;
	union {
		uint32_t size;
		uint8_t bytes[8192];
	} arg;

	/* All ones: whatever the command makes of it, no object appears. */
	memset(&arg, 0xff, sizeof(arg));
	arg.size = commands[_i].min - 1;
	ck_assert_int_eq(rig_ioctl(&rig, file, cmd, &arg), -EINVAL);
	arg.size = 0;
	ck_assert_int_eq(rig_ioctl(&rig, file, cmd, &arg), -EINVAL);
	memset(&arg, 0, sizeof(arg));
	for (unsigned extra = 1; extra < 5000; extra += 499) {
		arg.size = size + extra;
		arg.bytes[size + extra - 1] = 1;
		ck_assert_int_eq(rig_ioctl(&rig, file, cmd, &arg), -E2BIG);
		arg.bytes[size + extra - 1] = 0;
	}
	ck_assert_int_eq(file->ops->ioctl(file, &rig.caller, cmd, 0), -EFAULT);
	/* Direction and size bits are part of the code. */
	arg.size = size;
	ck_assert_int_eq(rig_ioctl(&rig, file, cmd | 0x40000000u, &arg), -ENOTTY);
	ck_assert_int_eq(rig_ioctl(&rig, file, cmd | 8u << 16, &arg), -ENOTTY);
	ck_assert_int_eq(rig_ioctl(&rig, file, cmd ^ 0x100u, &arg), -ENOTTY);
	audit();
}
END_TEST

START_TEST(an_older_kernel_lacks_the_later_commands)
{
	uint64_t arg[8] = {64};

	end();
	begin_as("6.12");
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(commands); i++)
		if (commands[i].later)
			ck_assert_int_eq(rig_ioctl(&rig, file, commands[i].cmd, arg), -ENOTTY);
	ck_assert_int_eq(rig_ioctl(&rig, file, 0x3b95, arg), -ENOTTY);
	ck_assert_int_eq(rig_ioctl(&rig, file, 0x3ba0, arg), -ENOTTY);
}
END_TEST

START_TEST(a_short_structure_gets_a_short_answer)
{
	uint32_t devid;
	struct iommufd_device *idev = bind(0, &devid);
	struct {
		struct iommu_hwpt_alloc cmd;
	} arg = {{.size = 24, .dev_id = devid}};

	arg.cmd.pt_id = (uint32_t)rig_ioas(&rig, file);
	/* What lies behind its 24 bytes is neither read nor written. */
	arg.cmd.data_type = 0xdead;
	arg.cmd.data_len = 77;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_HWPT_ALLOC, &arg), 0);
	ck_assert_uint_eq(arg.cmd.data_type, 0xdead);
	ck_assert_int_eq(rig_destroy(&rig, file, arg.cmd.out_hwpt_id), 0);
	iommufd_device_unbind(idev);
}
END_TEST

START_TEST(kernels_before_6_3_have_no_iommufd)
{
	int error = 0;

	end();
	rig_open(&rig, "6.1");
	ck_assert_ptr_null(iommufd_open(&rig.env, &error));
	ck_assert_int_eq(error, -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd objects");
	TCase *tcase = tcase_create("objects");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, the_lowest_free_id_is_given);
	tcase_add_test(tcase, ids_that_never_were_are_missing);
	tcase_add_test(tcase, an_id_is_reserved_before_its_object_shows);
	tcase_add_test(tcase, an_answer_that_cannot_be_written_leaves_nothing);
	tcase_add_test(tcase, what_is_used_is_busy);
	tcase_add_test(tcase, an_automatic_domain_goes_with_its_last_user);
	tcase_add_test(tcase, an_access_holds_its_ioas_and_the_context);
	tcase_add_test(tcase, closing_destroys_leaves_first);
	tcase_add_test(tcase, a_dead_id_is_never_given_again);
	tcase_add_loop_test(tcase, sizes_are_judged_before_anything_else, 0,
			    (int)SIO_ARRAY_SIZE(commands));
	tcase_add_test(tcase, an_older_kernel_lacks_the_later_commands);
	tcase_add_test(tcase, a_short_structure_gets_a_short_answer);
	tcase_add_test(tcase, kernels_before_6_3_have_no_iommufd);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
