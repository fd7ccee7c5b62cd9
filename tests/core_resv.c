// SPDX-License-Identifier: GPL-2.0-only
/* Reserved regions: order and merging, against one bit per address and type. */
#include "core_fake.h"
#include "harness.h"
#include "prng.h"

#define ADDRESSES 64u
#define TYPES     5u

START_TEST(equal_types_that_overlap_or_touch_become_one)
{
	struct resv_list list = {0};

	ck_assert_int_eq(resv_list_add(&list, 0x3000, 0x3fff, RESV_DIRECT), 0);
	ck_assert_int_eq(resv_list_add(&list, 0x1000, 0x1fff, RESV_DIRECT), 0);
	ck_assert_int_eq(resv_list_add(&list, 0x1800, 0x27ff, RESV_MSI), 0);
	ck_assert_int_eq(resv_list_add(&list, 0x2000, 0x2fff, RESV_DIRECT), 0);
	ck_assert_int_eq(resv_list_add(&list, 0xf000, UINT64_MAX, RESV_MSI), 0);
	ck_assert_int_eq(resv_list_add(&list, 0xffff, UINT64_MAX, RESV_MSI), 0);
	resv_list_merge(&list);
	ck_assert_uint_eq(list.count, 3);
	ck_assert_uint_eq(list.region[0].first, 0x1000);
	ck_assert_uint_eq(list.region[0].last, 0x3fff);
	ck_assert_int_eq(list.region[1].type, RESV_MSI);
	ck_assert_uint_eq(list.region[2].last, UINT64_MAX);
	resv_list_fini(&list);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

/* The list covers exactly the set bits, is sorted, and no two regions of a type touch. */
static void check_list(const struct resv_list *list, bool set[TYPES][ADDRESSES])
{
	bool seen[TYPES][ADDRESSES] = {{false}};

	for (unsigned i = 0; i < list->count; i++) {
		const struct resv_region *region = &list->region[i];

		ck_assert(i == 0 || list->region[i - 1].first <= region->first);
		ck_assert(region->first == 0 || !seen[region->type][region->first - 1]);
		for (uint64_t at = region->first; at <= region->last; at++) {
			ck_assert(set[region->type][at]);
			ck_assert(!seen[region->type][at]);
			seen[region->type][at] = true;
		}
	}
	for (unsigned type = 0; type < TYPES; type++)
		for (unsigned at = 0; at < ADDRESSES; at++)
			ck_assert(seen[type][at] == set[type][at]);
}

START_TEST(random_lists_cover_what_was_added)
{
	struct prng prng = {0};
	uint64_t seed = 0x4e5 + (uint64_t)_i;

	printf("seed %#llx\n", (unsigned long long)seed);
	prng.state = seed;
	for (unsigned round = 0; round < 300; round++) {
		bool set[TYPES][ADDRESSES] = {{false}};
		struct resv_list list = {0};

		for (unsigned n = (unsigned)(prng_next(&prng) % 12); n; n--) {
			uint64_t first = prng_next(&prng) % ADDRESSES;
			uint64_t last = first + prng_next(&prng) % (ADDRESSES - first);
			unsigned type = (unsigned)(prng_next(&prng) % TYPES);

			for (uint64_t at = first; at <= last; at++)
				set[type][at] = true;
			ck_assert_int_eq(resv_list_add(&list, first, last, (enum resv_type)type),
					 0);
		}
		resv_list_merge(&list);
		check_list(&list, set);
		resv_list_fini(&list);
	}
}
END_TEST

START_TEST(group_list_is_the_union_of_its_devices)
{
	struct fake_machine machine;
	struct resv_list list;
	char why[INJECT_ERROR_LEN];

	fake_open(&machine);
	machine.resv[0] = (struct resv_region){0xfee00000, 0xfeefffff, RESV_MSI};
	machine.resv[1] = (struct resv_region){0x1000, 0x1fff, RESV_RESERVED};
	machine.resv_count = 2;
	for (uint8_t n = 0; n < 2; n++)
		fake_function(&machine, &(struct pci_function){.rid = PCI_RID(0, n),
							       .type = PCI_CONVENTIONAL,
							       .multifunction = true});
	fake_boot(&machine);
	ck_assert_int_eq(iommu_group_reserved(iommu_group_find(&machine.iommu, 0), &list), 0);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.region[0].first, 0x1000);
	ck_assert_uint_eq(list.region[1].first, 0xfee00000);
	resv_list_fini(&list);
	ck_assert_int_eq(inject_plan(&machine.iommu.inject, "alloc:nth=1", why), 0);
	ck_assert_int_eq(iommu_group_reserved(iommu_group_find(&machine.iommu, 0), &list), -ENOMEM);
	ck_assert_ptr_null(list.region);
	fake_close(&machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_resv");
	TCase *tc = tcase_create("resv");

	tcase_add_test(tc, equal_types_that_overlap_or_touch_become_one);
	tcase_add_loop_test(tc, random_lists_cover_what_was_added, 0, 4);
	tcase_add_test(tc, group_list_is_the_union_of_its_devices);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
