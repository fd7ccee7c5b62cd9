// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty bitmaps: bits at odd addresses, of pages of several sizes, over areas and holes; and what
 * the commands refuse, in their order.
 */
#include "iommufd_rig.h"

#include "prng.h"

#define BASE UINT64_C(0x40000)

static struct rig rig;
static struct file *file;
static uint32_t ioas, hwpt, devid;
static struct iommufd_device *idev;

static struct iommu_domain *domain(void)
{
	return iommufd_hwpt_paging_find(iommufd_ctx_from_file(file), hwpt)->hwpt.domain;
}

static void map(uint64_t iova, uint64_t pages)
{
	struct iommu_ioas_map cmd = {.size = sizeof(cmd),
				     .flags = 7,
				     .ioas_id = ioas,
				     .user_va = RIG_VA,
				     .length = pages * PAGE,
				     .iova = iova};

	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_MAP, &cmd), 0);
}

static void open_kernel(const char *kernel, uint64_t pgsizes, uint32_t flags)
{
	struct iommu_hwpt_alloc cmd = {.size = sizeof(cmd), .flags = flags};
	int error;

	rig_open(&rig, kernel);
	rig.units[0].pgsizes = pgsizes;
	rig_boot(&rig);
	rig_memory(&rig, rig.task->mm, RIG_VA, RIG_PAGES, MM_RUN_WHOLE, 0);
	file = iommufd_open(&rig.env, &error);
	ck_assert_ptr_nonnull(file);
	ioas = (uint32_t)rig_ioas(&rig, file);
	ck_assert_int_eq(iommufd_device_bind(iommufd_ctx_from_file(file), rig.device[0], &idev,
					     &devid),
			 0);
	cmd.dev_id = devid;
	cmd.pt_id = ioas;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_HWPT_ALLOC, &cmd), 0);
	hwpt = cmd.out_hwpt_id;
}

static void begin(void)
{
	open_kernel("6.12", RIG_HALF, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
}

static void end(void)
{
	const char *what = iommufd_audit(&rig.env, true);

	ck_assert_msg(!what, "%s", what);
	ck_assert_int_eq(rig_destroy(&rig, file, hwpt), 0);
	iommufd_device_unbind(idev);
	file_put(file);
	rig_close(&rig);
}

static long track(bool on)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {.size = sizeof(cmd),
						    .flags = on,
						    .hwpt_id = hwpt};

	return rig_ioctl(&rig, file, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static long query(uint64_t iova, uint64_t length, uint64_t page, void *bits, uint32_t flags)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {.size = sizeof(cmd),
						  .hwpt_id = hwpt,
						  .flags = flags,
						  .iova = iova,
						  .length = length,
						  .page_size = page,
						  .data = (uintptr_t)bits};

	return rig_ioctl(&rig, file, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

static void soil(uint64_t iova)
{
	rig_leaf(domain(), iova)->dirty = true;
}

/* Random pages, against one bit at a time; the bitmap lies where no word begins. */
START_TEST(bits_are_those_of_the_pages)
{
	struct prng rng = {(uint64_t)_i};
	const uint64_t page = SIO_BIT(11 + prng_below(&rng, 4)), size = 64 * PAGE;
	const uint64_t count = size / page;
	uint8_t bits[64], want[64], *at = bits + 1 + prng_below(&rng, 7);

	map(BASE, 20);
	map(BASE + 20 * PAGE, 44);
	ck_assert_int_eq(track(true), 0);
	for (unsigned round = 0; round < 60; round++) {
		const bool keep = prng_below(&rng, 2);
		uint64_t first = prng_below(&rng, count), n = 1 + prng_below(&rng, count - first);

		memset(bits, 0, sizeof(bits));
		memset(want, 0, sizeof(want));
		/* What stands there stays. */
		at[0] = want[0] = (uint8_t)prng_below(&rng, 256);
		for (uint64_t k = prng_below(&rng, 9); k; k--)
			soil(BASE + prng_below(&rng, size));
		for (uint64_t iova = BASE; iova < BASE + size; iova += RIG_HALF) {
			const uint64_t bit = (iova - BASE) / page - first;

			if (rig_leaf(domain(), iova)->dirty && (iova - BASE) / page >= first &&
			    bit < n)
				want[bit / 8] |= (uint8_t)(1u << bit % 8);
		}
		ck_assert_int_eq(query(BASE + first * page, n * page, page, at, keep), 0);
		ck_assert_msg(!memcmp(at, want, (n + 7) / 8), "seed %d round %u", _i, round);
		ck_assert_uint_eq(at[(n + 7) / 8], 0);
		for (uint64_t iova = BASE + first * page; !keep && iova < BASE + (first + n) * page;
		     iova += RIG_HALF)
			ck_assert(!rig_leaf(domain(), iova)->dirty);
	}
}
END_TEST

START_TEST(enabling_clears_and_off_reports_nothing)
{
	uint8_t bits[8] = {0};

	map(BASE, 4);
	soil(BASE);
	ck_assert_int_eq(query(BASE, 4 * PAGE, PAGE, bits, 1), 0);
	ck_assert_uint_eq(bits[0], 0);
	ck_assert_int_eq(track(true), 0);
	ck_assert(!rig_leaf(domain(), BASE)->dirty);
	soil(BASE + PAGE);
	ck_assert_int_eq(track(true), 0);
	ck_assert_int_eq(query(BASE, 4 * PAGE, PAGE, bits, 0), 0);
	ck_assert_uint_eq(bits[0], 0);
	soil(BASE + PAGE);
	ck_assert_int_eq(query(BASE, 4 * PAGE, PAGE, bits, 1), 0);
	ck_assert_uint_eq(bits[0], 2);
	ck_assert_int_eq(track(false), 0);
	ck_assert_int_eq(track(false), 0);
}
END_TEST

START_TEST(a_hole_ends_the_report_quietly)
{
	uint8_t bits[8] = {0};

	map(BASE, 2);
	map(BASE + 3 * PAGE, 2);
	ck_assert_int_eq(track(true), 0);
	soil(BASE + PAGE);
	soil(BASE + 3 * PAGE);
	ck_assert_int_eq(query(BASE, 5 * PAGE, PAGE, bits, 0), 0);
	ck_assert_uint_eq(bits[0], 2);
	ck_assert(rig_leaf(domain(), BASE + 3 * PAGE)->dirty);
	/* Nothing mapped at all is no error either. */
	ck_assert_int_eq(query(0, PAGE, PAGE, bits, 0), 0);
}
END_TEST

START_TEST(getting_refuses_in_this_order)
{
	uint8_t bits[8];
	struct iommu_hwpt_get_dirty_bitmap cmd = {.size = sizeof(cmd), .flags = 2, .hwpt_id = 99};

	map(BASE, 4);
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd), -EOPNOTSUPP);
	cmd.flags = 0;
	cmd.__reserved = 1;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd), -EOPNOTSUPP);
	cmd.__reserved = 0;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd), -ENOENT);
	ck_assert_int_eq(query(BASE, 0, 0, bits, 0), -EINVAL);
	ck_assert_int_eq(query(BASE + 1, UINT64_MAX, 0, bits, 0), -EOVERFLOW);
	ck_assert_int_eq(query(BASE + 1, PAGE, PAGE, bits, 0), -EINVAL);
	ck_assert_int_eq(query(BASE, 100, PAGE, bits, 0), -EINVAL);
	ck_assert_int_eq(query(BASE, PAGE, 0, bits, 0), -EINVAL);
	ck_assert_int_eq(query(BASE + RIG_HALF, PAGE, PAGE, bits, 0), -EINVAL);
	ck_assert_int_eq(query(BASE, PAGE + RIG_HALF, PAGE, bits, 0), -EINVAL);
	ck_assert_int_eq(track(true), 0);
	/* Memory that is not there is no error, as recorded. */
	soil(BASE);
	ck_assert_int_eq(query(BASE, PAGE, PAGE, (void *)16, 0), 0);
}
END_TEST

START_TEST(a_length_of_0_is_another_error_later)
{
	uint8_t bits[8];

	end();
	open_kernel("7.2", PAGE, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	ck_assert_int_eq(query(BASE, 0, PAGE, bits, 0), -EOVERFLOW);
	ck_assert_int_eq(query(0, 0, PAGE, bits, 0), 0);
}
END_TEST

START_TEST(domains_that_track_nothing)
{
	struct iommu_hwpt_set_dirty_tracking set = {.size = sizeof(set), .flags = 2};
	uint8_t bits[8];

	end();
	open_kernel("6.12", PAGE, 0);
	map(BASE, 4);
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_HWPT_SET_DIRTY_TRACKING, &set), -EOPNOTSUPP);
	set.flags = 1;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_HWPT_SET_DIRTY_TRACKING, &set), -ENOENT);
	ck_assert_int_eq(track(true), -EOPNOTSUPP);
	/* Told last. */
	ck_assert_int_eq(query(BASE, PAGE, 0, bits, 0), -EINVAL);
	ck_assert_int_eq(query(BASE, PAGE, PAGE, bits, 0), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd dirty pages");
	TCase *tcase = tcase_create("dirty");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_loop_test(tcase, bits_are_those_of_the_pages, 1, 9);
	tcase_add_test(tcase, enabling_clears_and_off_reports_nothing);
	tcase_add_test(tcase, a_hole_ends_the_report_quietly);
	tcase_add_test(tcase, getting_refuses_in_this_order);
	tcase_add_test(tcase, a_length_of_0_is_another_error_later);
	tcase_add_test(tcase, domains_that_track_nothing);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
