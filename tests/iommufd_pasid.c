// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs of an iommufd's devices: attachments beside the device's own, which of them go together,
 * and what each holds.
 */
#include "iommufd_fake.h"

static struct fk fk;
static struct iommufd_ctx *ctx;
static struct iommufd_device *idev[FK_DEVICES];
static long ioas, plain, pasid_hwpt, second;
static int fd;

static void setup(void)
{
	fk_open(&fk, "7.2");
	fk.device[4].max_pasids = 0;
	fk.device[5].max_pasids = 1;
	ctx = fk_ctx(&fk, &fd);
	fk_boot(&fk);
	for (unsigned i = 0; i < FK_DEVICES; i++)
		idev[i] = fk_bind(&fk, ctx, i);
	ioas = fk_ioas(&fk, ctx);
	plain = fk_hwpt(&fk, ctx, iommufd_device_id(idev[3]), ioas, 0);
	pasid_hwpt = fk_hwpt(&fk, ctx, iommufd_device_id(idev[3]), ioas, IOMMU_HWPT_ALLOC_PASID);
	second = fk_hwpt(&fk, ctx, iommufd_device_id(idev[3]), ioas, IOMMU_HWPT_ALLOC_PASID);
	ck_assert_int_gt(second, pasid_hwpt);
}

static void teardown(void)
{
	for (unsigned i = 0; i < FK_DEVICES; i++) {
		for (uint32_t pasid = 0; pasid < 2 * FK_PASIDS; pasid++)
			iommufd_device_detach(idev[i], pasid);
		iommufd_device_unbind(idev[i]);
	}
	fk_close(&fk);
}

START_TEST(a_pasid_is_attached_replaced_and_detached_by_itself)
{
	const long dev = iommufd_device_id(idev[3]);

	ck_assert_int_eq(fk_attach_pt(idev[3], 5, pasid_hwpt), pasid_hwpt);
	ck_assert(iommufd_device_attached(idev[3], 5));
	ck_assert(!iommufd_device_attached(idev[3], 0));
	ck_assert_ptr_eq(fk.device[3].pasid[5], fk_domain_of(ctx, pasid_hwpt));
	ck_assert(fk_blocked(&fk, 3));
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 2);
	ck_assert_uint_eq(fk_users(ctx, dev), 3);
	ck_assert_int_eq(fk_destroy(&fk, ctx, pasid_hwpt), -EBUSY);
	ck_assert_int_eq(fk_replace_pt(idev[3], 5, pasid_hwpt), pasid_hwpt);
	ck_assert_int_eq(fk_replace_pt(idev[3], 5, second), second);
	ck_assert_ptr_eq(fk.device[3].pasid[5], fk_domain_of(ctx, second));
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 1);
	ck_assert_uint_eq(fk_users(ctx, second), 2);
	ck_assert_uint_eq(fk_users(ctx, dev), 3);
	/* It never was attached: harmless. */
	iommufd_device_detach(idev[3], 6);
	iommufd_device_detach(idev[3], 5);
	iommufd_device_detach(idev[3], 5);
	ck_assert_ptr_null(fk.device[3].pasid[5]);
	ck_assert_uint_eq(fk_users(ctx, dev), 2);
	ck_assert_int_eq(fk_destroy(&fk, ctx, second), 0);
}
END_TEST

START_TEST(targets_of_a_pasid_are_refused)
{
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, 99), -ENOENT);
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, iommufd_device_id(idev[3])), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, plain), -EINVAL);
	/* An automatic domain has no PASID flag. */
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, ioas), -EINVAL);
	ck_assert_int_eq(fk_replace_pt(idev[3], 5, second), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(idev[3], FK_PASIDS, pasid_hwpt), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(idev[5], 1, pasid_hwpt), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(idev[3], FK_PASIDS - 1, pasid_hwpt), pasid_hwpt);
	ck_assert_int_eq(fk_replace_pt(idev[3], FK_PASIDS - 1, ioas), -EINVAL);
	ck_assert_int_eq(fk_replace_pt(idev[3], FK_PASIDS - 1, plain), -EINVAL);
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 2);
	ck_assert_uint_eq(fk_users(ctx, ioas), 4);
}
END_TEST

START_TEST(an_attachment_that_is_there_is_busy)
{
	long automatic;

	ck_assert_int_eq(fk_attach_pt(idev[3], 5, pasid_hwpt), pasid_hwpt);
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, pasid_hwpt), -EBUSY);
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, second), -EBUSY);
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, plain), -EBUSY);
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, ioas), -EBUSY);
	/* PASID 0 is the device itself. */
	ck_assert_int_eq(fk_attach_pt(idev[3], 0, pasid_hwpt), pasid_hwpt);
	ck_assert_int_eq(fk_attach_pt(idev[3], 0, second), -EBUSY);
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 3);
	ck_assert_uint_eq(fk_users(ctx, iommufd_device_id(idev[3])), 4);
	automatic = fk_attach_pt(idev[0], 0, ioas);
	ck_assert_int_gt(automatic, second);
	ck_assert_int_eq(fk_attach_pt(idev[0], 0, ioas), -EBUSY);
}
END_TEST

START_TEST(the_device_and_its_pasids_need_domains_made_for_that)
{
	ck_assert_int_eq(fk_attach_pt(idev[3], 0, plain), plain);
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, pasid_hwpt), -EINVAL);
	ck_assert_int_eq(fk_replace_pt(idev[3], 0, pasid_hwpt), pasid_hwpt);
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, pasid_hwpt), pasid_hwpt);
	ck_assert_int_eq(fk_replace_pt(idev[3], 0, plain), -EINVAL);
	ck_assert_int_eq(fk_replace_pt(idev[3], 0, ioas), -EINVAL);
	ck_assert_int_eq(fk_replace_pt(idev[3], 0, second), second);
	/* Detached meanwhile. */
	iommufd_device_detach(idev[3], 0);
	ck_assert_int_eq(fk_attach_pt(idev[3], 0, plain), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(idev[3], 0, ioas), -EINVAL);
	iommufd_device_detach(idev[3], 5);
	ck_assert_int_eq(fk_attach_pt(idev[3], 0, plain), plain);
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 1);
}
END_TEST

START_TEST(a_device_without_pasids_takes_all_and_programs_none)
{
	ck_assert_int_eq(fk_attach_pt(idev[4], 2 * FK_PASIDS - 1, pasid_hwpt), pasid_hwpt);
	ck_assert_int_eq(fk_attach_pt(idev[4], 2, pasid_hwpt), pasid_hwpt);
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 3);
	ck_assert_uint_eq(fk_domain_of(ctx, pasid_hwpt)->on, 0);
	ck_assert_int_eq(fk_replace_pt(idev[4], 2, second), second);
	iommufd_device_detach(idev[4], 2);
	ck_assert_uint_eq(fk_users(ctx, second), 1);
}
END_TEST

START_TEST(a_group_has_one_hwpt_per_pasid)
{
	struct fk_domain *domain = fk_domain_of(ctx, pasid_hwpt);

	ck_assert_int_eq(fk_attach_pt(idev[0], 3, pasid_hwpt), pasid_hwpt);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_eq(fk.device[i].pasid[3], domain);
	ck_assert_int_eq(fk_attach_pt(idev[1], 3, second), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(idev[1], 3, pasid_hwpt), pasid_hwpt);
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 3);
	/* Another device's PASIDs count for the group. */
	ck_assert_int_eq(fk_attach_pt(idev[2], 0, plain), -EINVAL);
	ck_assert_int_eq(fk_replace_pt(idev[2], 3, second), -EINVAL);
	ck_assert_int_eq(fk_replace_pt(idev[1], 3, second), second);
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 1);
	ck_assert_uint_eq(fk_users(ctx, second), 3);
	iommufd_device_detach(idev[0], 3);
	ck_assert_ptr_eq(fk.device[0].pasid[3], fk_domain_of(ctx, second));
	iommufd_device_detach(idev[1], 3);
	ck_assert_ptr_null(fk.device[0].pasid[3]);
}
END_TEST

START_TEST(a_driver_that_refuses_keeps_what_was)
{
	fk.device[2].pasid_error = -EIO;
	ck_assert_int_eq(fk_attach_pt(idev[0], 3, pasid_hwpt), -EIO);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_null(fk.device[i].pasid[3]);
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 1);
	ck_assert_int_eq(fk_attach_pt(idev[0], 3, pasid_hwpt), pasid_hwpt);
	fk.device[2].pasid_error = -ENOMEM;
	ck_assert_int_eq(fk_replace_pt(idev[0], 3, second), -ENOMEM);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_eq(fk.device[i].pasid[3], fk_domain_of(ctx, pasid_hwpt));
	ck_assert_uint_eq(fk_users(ctx, second), 1);
	ck_assert_uint_eq(fk_users(ctx, pasid_hwpt), 2);
}
END_TEST

START_TEST(pasids_meet_no_reserved_regions)
{
	fk.device[3].resv[0] = (struct resv_region){0, PAGE - 1, RESV_RESERVED};
	fk.device[3].resv_count = 1;
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0, FK_VA, 1), 0);
	ck_assert_int_eq(fk_attach_pt(idev[3], 0, pasid_hwpt), -EADDRINUSE);
	ck_assert_int_eq(fk_attach_pt(idev[3], 1, pasid_hwpt), pasid_hwpt);
}
END_TEST

START_TEST(a_nested_hwpt_serves_a_pasid_without_a_vdevice)
{
	const long dev = iommufd_device_id(idev[3]);
	long parent =
		fk_hwpt(&fk, ctx, dev, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_PASID);
	long viommu = fk_viommu(&fk, ctx, dev, parent);
	long nested = fk_nested_hwpt(&fk, ctx, dev, viommu, IOMMU_HWPT_ALLOC_PASID);

	ck_assert_int_gt(nested, 0);
	ck_assert_int_eq(fk_attach_pt(idev[3], 0, nested), -ENOENT);
	ck_assert_int_eq(fk_attach_pt(idev[3], 5, nested), nested);
	ck_assert_int_eq(fk_attach_pt(idev[3], 0, parent), parent);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd_pasid");
	TCase *tc = tcase_create("pasid");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_pasid_is_attached_replaced_and_detached_by_itself);
	tcase_add_test(tc, targets_of_a_pasid_are_refused);
	tcase_add_test(tc, an_attachment_that_is_there_is_busy);
	tcase_add_test(tc, the_device_and_its_pasids_need_domains_made_for_that);
	tcase_add_test(tc, a_device_without_pasids_takes_all_and_programs_none);
	tcase_add_test(tc, a_group_has_one_hwpt_per_pasid);
	tcase_add_test(tc, a_driver_that_refuses_keeps_what_was);
	tcase_add_test(tc, pasids_meet_no_reserved_regions);
	tcase_add_test(tc, a_nested_hwpt_serves_a_pasid_without_a_vdevice);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
