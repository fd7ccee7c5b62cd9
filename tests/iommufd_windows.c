// SPDX-License-Identifier: GPL-2.0-only
/* Windows of an iommufd descriptor: where they are given, who finds them, what holds their owner.
 */
#include "harness.h"

#include <errno.h>

#include "iommufd/iommufd_private.h"

static struct iommufd_ctx ctx;
static struct iommufd_viommu viommu;

static void setup(void)
{
	ctx = (struct iommufd_ctx){0};
	viommu = (struct iommufd_viommu){.ctx = &ctx, .obj.users = 1};
}

static uint64_t offer(pa_t pa, uint64_t len)
{
	uint64_t offset = 0;

	ck_assert_int_eq(iommufd_viommu_mmap_alloc(&viommu.base, pa, len, &offset), 0);
	return offset;
}

START_TEST(the_lowest_free_range_from_one_page_on_is_given)
{
	pa_t pa = 0;

	ck_assert_uint_eq(offer(0x10000, 0x2000), 0x1000);
	ck_assert_uint_eq(offer(0x20000, 1), 0x3000);
	ck_assert_uint_eq(offer(0x30000, 0x1001), 0x4000);
	iommufd_viommu_mmap_free(&viommu.base, 0x3000);
	/* Too large for the hole; then one that fits. */
	ck_assert_uint_eq(offer(0x40000, 0x2000), 0x6000);
	ck_assert_uint_eq(offer(0x50000, 0x1000), 0x3000);
	ck_assert_int_eq(iommufd_mmap(&ctx, 0x3000, 0x1000, true, &pa), 0);
	ck_assert_uint_eq(pa, 0x50000);
	iommufd_viommu_mmap_free(&viommu.base, 0x1000);
	ck_assert_uint_eq(offer(0x60000, 0x1000), 0x1000);
	ck_assert_uint_eq(offer(0x70000, 0x1000), 0x2000);
	iommufd_mmaps_free(&ctx);
	ck_assert_ptr_null(ctx.mmaps);
}
END_TEST

START_TEST(a_map_shows_a_window_whole_and_shared)
{
	pa_t pa = 0;

	offer(0x10000, 0x2000);
	ck_assert_int_eq(iommufd_mmap(&ctx, 0x1000, 0x2000, false, &pa), -EINVAL);
	ck_assert_int_eq(iommufd_mmap(&ctx, 0x1000, 0x1000, true, &pa), -ENXIO);
	ck_assert_int_eq(iommufd_mmap(&ctx, 0x1000, 0x3000, true, &pa), -ENXIO);
	ck_assert_int_eq(iommufd_mmap(&ctx, 0x2000, 0x1000, true, &pa), -ENXIO);
	ck_assert_int_eq(iommufd_mmap(&ctx, 0, 0x2000, true, &pa), -ENXIO);
	ck_assert_uint_eq(pa, 0);
	ck_assert_int_eq(iommufd_mmap(&ctx, 0x1000, 0x1001, true, &pa), 0);
	ck_assert_uint_eq(pa, 0x10000);
	iommufd_mmaps_free(&ctx);
}
END_TEST

START_TEST(each_piece_of_a_map_holds_the_owner)
{
	offer(0x10000, 0x2000);
	for (unsigned n = 1; n <= 2; n++) {
		iommufd_mmap_get(&ctx, 0x1000);
		ck_assert_uint_eq(viommu.obj.users, 1 + n);
		ck_assert_uint_eq(ctx.mmaps->pieces, n);
	}
	/* There is no window: nobody is held, and nothing is freed. */
	iommufd_mmap_get(&ctx, 0x2000);
	iommufd_mmap_put(&ctx, 0x9000);
	iommufd_viommu_mmap_free(&viommu.base, 0x2000);
	ck_assert_uint_eq(viommu.obj.users, 3);
	ck_assert_ptr_nonnull(ctx.mmaps);
	iommufd_mmap_put(&ctx, 0x1000);
	iommufd_mmap_put(&ctx, 0x1000);
	ck_assert_uint_eq(viommu.obj.users, 1);
	ck_assert_uint_eq(ctx.mmaps->pieces, 0);
	iommufd_viommu_mmap_free(&viommu.base, 0x1000);
	ck_assert_ptr_null(ctx.mmaps);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd windows");
	TCase *tcase = tcase_create("windows");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, the_lowest_free_range_from_one_page_on_is_given);
	tcase_add_test(tcase, a_map_shows_a_window_whole_and_shared);
	tcase_add_test(tcase, each_piece_of_a_map_holds_the_owner);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
