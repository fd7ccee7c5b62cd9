// SPDX-License-Identifier: GPL-2.0-only
/*
 * Our own header of /dev/iommu has the sizes, offsets and codes of the published interface.
 */
#include "iommufd/iommufd_uapi.h"

#include "iommufd_uapi_facts.h"

#include "harness.h"

START_TEST(codes_have_no_direction_and_no_size)
{
	static const unsigned codes[] = {IOMMU_DESTROY, IOMMU_IOAS_MAP, IOMMU_HW_QUEUE_ALLOC};

	/* Everything else was checked when this was compiled. */
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		ck_assert_uint_eq(_IOC_DIR(codes[i]), _IOC_NONE);
		ck_assert_uint_eq(_IOC_SIZE(codes[i]), 0);
		ck_assert_uint_eq(_IOC_TYPE(codes[i]), ';');
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd interface");
	TCase *tcase = tcase_create("facts");

	tcase_add_test(tcase, codes_have_no_direction_and_no_size);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
