// SPDX-License-Identifier: GPL-2.0-only
/*
 * The behaviours that older containers are known for, each by name: what 2012 cuts and merges, what
 * the first posting of several domains refused, whom the client's way round 4.15 serves, groups on
 * two buses behind one unit, and who gets a group under the DMA ownership proposed in 2021.
 */
#include <limits.h>

#include "type1_fake.h"

#define PAGE SIO_PAGE_SIZE

static struct fake fake;

static void boot_as(const char *kernel, unsigned long type)
{
	char error[256] = "";

	fake_setup(&fake);
	ck_assert_msg(personality_parse(kernel, &fake.personality, error, sizeof(error)), "%s",
		      error);
	fake.iommu.current = fake.caller.task;
	fake_boot(&fake);
	fake_open(&fake, type);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
}

static uint64_t va(uint64_t page)
{
	return fake_va(MM_RUN_WHOLE) + page * PAGE;
}

/* The entry with last >= from is [first, last] pages. */
static void entry_is(uint64_t from, uint64_t first, uint64_t last)
{
	struct t1_mapping mapping;

	ck_assert(t1_mapping_at(fake.t1, from * PAGE, &mapping));
	ck_assert_uint_eq(mapping.first, first * PAGE);
	ck_assert_uint_eq(mapping.last, last * PAGE + (PAGE - 1));
	ck_assert_uint_eq(mapping.vaddr - mapping.first, va(0));
	ck_assert_uint_eq(mapping.locked_pages, last - first + 1);
}

static uint64_t entries(void)
{
	struct t1_stats stats;

	t1_stats(fake.t1, &stats);
	return stats.mappings;
}

static void map_pages(uint64_t first, uint64_t pages)
{
	ck_assert_int_eq(fake_map(&fake, va(first), first * PAGE, pages * PAGE, FAKE_RW), 0);
	fake_check(&fake);
}

static void unmap_pages(uint64_t first, uint64_t pages)
{
	ck_assert_int_ge(fake_unmap(&fake, first * PAGE, pages * PAGE, 0), 0);
	fake_check(&fake);
}

/* A size beyond the end of the space; 2012 writes nothing back, so the answer is that size. */
static void unmap_round(uint64_t first, uint64_t pages)
{
	ck_assert_int_eq(fake_unmap(&fake, first * PAGE, pages * PAGE, 0), (long)(pages * PAGE));
	fake_check(&fake);
}

/* 2012 and 3.11 cut alike, as long as no page is larger than what is cut. */
static const char *const one_domain[] = {"2012", "3.11"};

/* It is found by no search, so it may begin within another, and has no page of its own. */
START_TEST(what_ends_with_the_space_in_3_14_maps_nothing_and_overlaps_nothing)
{
	boot_as("3.14", VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	ck_assert_int_eq(fake_map(&fake, PAGE, 20 * PAGE, 0 - 20 * PAGE, FAKE_RW), 0);
	fake_check(&fake);
	ck_assert_uint_eq(fake.t1->mapping_count, 2);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 16);
	unmap_pages(16, 16);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	fake_teardown(&fake);
}
END_TEST

START_TEST(unmap_that_covers_an_entry_removes_it)
{
	boot_as(one_domain[_i], VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	unmap_pages(8, 32);
	ck_assert_uint_eq(entries(), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	fake_teardown(&fake);
}
END_TEST

START_TEST(unmap_of_the_low_part_moves_the_start_up)
{
	boot_as(one_domain[_i], VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	unmap_pages(8, 12);
	ck_assert_uint_eq(entries(), 1);
	entry_is(0, 20, 31);
	fake_teardown(&fake);
}
END_TEST

START_TEST(unmap_of_the_high_part_shrinks_the_entry)
{
	boot_as(one_domain[_i], VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	unmap_pages(28, 12);
	ck_assert_uint_eq(entries(), 1);
	entry_is(0, 16, 27);
	fake_teardown(&fake);
}
END_TEST

START_TEST(unmap_of_the_middle_splits_the_entry)
{
	boot_as(one_domain[_i], VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	unmap_pages(20, 4);
	ck_assert_uint_eq(entries(), 2);
	entry_is(0, 16, 19);
	entry_is(20, 24, 31);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 12);
	fake_teardown(&fake);
}
END_TEST

START_TEST(a_mapping_merges_with_the_neighbour_below)
{
	boot_as(one_domain[_i], VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	map_pages(32, 4);
	ck_assert_uint_eq(entries(), 1);
	entry_is(0, 16, 35);
	fake_teardown(&fake);
}
END_TEST

START_TEST(a_mapping_merges_with_the_neighbour_above)
{
	boot_as(one_domain[_i], VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	map_pages(12, 4);
	ck_assert_uint_eq(entries(), 1);
	entry_is(0, 12, 31);
	fake_teardown(&fake);
}
END_TEST

START_TEST(a_mapping_between_two_makes_one_of_three)
{
	boot_as(one_domain[_i], VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	map_pages(48, 16);
	ck_assert_uint_eq(entries(), 2);
	map_pages(32, 16);
	ck_assert_uint_eq(entries(), 1);
	entry_is(0, 16, 63);
	fake_teardown(&fake);
}
END_TEST

START_TEST(neighbours_of_another_protection_stay_apart)
{
	boot_as(one_domain[_i], VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	ck_assert_int_eq(fake_map(&fake, va(32), 32 * PAGE, PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	ck_assert_uint_eq(entries(), 2);
	fake_check(&fake);
	fake_teardown(&fake);
}
END_TEST

START_TEST(unmap_of_size_0_in_2012_splits_an_entry)
{
	boot_as("2012", VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	unmap_pages(20, 0);
	ck_assert_uint_eq(entries(), 2);
	entry_is(0, 16, 19);
	entry_is(20, 20, 31);
	fake_teardown(&fake);
}
END_TEST

START_TEST(unmap_to_the_end_in_2012_runs_a_size_below_zero)
{
	boot_as("2012", VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	ck_assert_int_ge(fake_unmap(&fake, 8 * PAGE, -(8 * PAGE), 0), LONG_MIN);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	/* The entry now reaches from 0 to where it ended, and keeps others out. */
	ck_assert_int_eq(fake_map(&fake, va(2), 2 * PAGE, PAGE, FAKE_RW), -EEXIST);
	ck_assert_int_eq(fake_map(&fake, va(32), 32 * PAGE, PAGE, FAKE_RW), 0);
	fake_check(&fake);
	fake_teardown(&fake);
}
END_TEST

/* What is below the start stays and is the entry's; the rest of it is now said to begin at 0. */
START_TEST(unmap_to_the_end_from_inside_an_entry_in_2012_keeps_what_is_below)
{
	boot_as("2012", VFIO_TYPE1_IOMMU);
	map_pages(16, 16);
	map_pages(40, 4);
	unmap_round(20, 0 - UINT64_C(20));
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 4);
	ck_assert_uint_eq(entries(), 3);
	ck_assert_int_eq(fake_map(&fake, va(2), 2 * PAGE, PAGE, FAKE_RW), -EEXIST);
	ck_assert_int_eq(fake_map(&fake, va(43), 43 * PAGE, PAGE, FAKE_RW), -EEXIST);
	map_pages(44, 1);
	unmap_pages(0, 64);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	ck_assert_uint_eq(entries(), 0);
	fake_teardown(&fake);
}
END_TEST

/* Pages go from the start to the end of the space and on from 0; entries are then said to begin
 * where the range ends. */
START_TEST(unmap_that_wraps_from_inside_an_entry_in_2012_takes_low_pages_along)
{
	boot_as("2012", VFIO_TYPE1_IOMMU);
	map_pages(2, 4);
	map_pages(16, 16);
	map_pages(40, 4);
	unmap_round(20, 4 - UINT64_C(20));
	/* 4 and 5, and 16 to 19. */
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 6);
	map_pages(0, 2);
	ck_assert_int_eq(fake_map(&fake, va(2), 2 * PAGE, PAGE, FAKE_RW), -EEXIST);
	ck_assert_int_eq(fake_map(&fake, va(36), 36 * PAGE, PAGE, FAKE_RW), -EEXIST);
	unmap_pages(0, 64);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	ck_assert_uint_eq(entries(), 0);
	fake_teardown(&fake);
}
END_TEST

START_TEST(unmap_that_wraps_below_all_entries_in_2012_does_nothing_when_none_is_above)
{
	boot_as("2012", VFIO_TYPE1_IOMMU);
	map_pages(2, 4);
	unmap_round(20, 4 - UINT64_C(20));
	ck_assert_uint_eq(entries(), 1);
	entry_is(0, 2, 5);
	fake_teardown(&fake);
}
END_TEST

/* It is found, by its bytes behind the start, and then there is nothing between start and end. */
START_TEST(unmap_whose_end_wraps_into_the_entry_leaves_it_whole_in_3_11)
{
	boot_as("3.11", VFIO_TYPE1_IOMMU);
	map_pages(16, 9);
	ck_assert_int_eq(fake_unmap(&fake, 19 * PAGE, UINT64_MAX - (PAGE - 1), 0), 0);
	fake_check(&fake);
	ck_assert_uint_eq(entries(), 1);
	entry_is(0, 16, 24);
	fake_teardown(&fake);
}
END_TEST

START_TEST(the_posting_of_2014_never_opens)
{
	struct type1 *t1;

	fake_setup(&fake);
	ck_assert(personality_parse("rfc2014", &fake.personality, NULL, 0));
	fake_boot(&fake);
	for (unsigned long type = 0; type < 10; type++)
		ck_assert_int_eq(t1_open(&fake.iommu, &fake.params, type, &t1), -EINVAL);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, NULL, VFIO_TYPE1_IOMMU), 1);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, NULL, VFIO_TYPE1v2_IOMMU), 0);
	fake_teardown(&fake);
}
END_TEST

/* The client: EINVAL for a range up to 2^64 makes it try once more, one page shorter. */
static long client_unmap(uint64_t iova, uint64_t size, bool *shortened)
{
	long removed = fake_unmap(&fake, iova, size, 0);

	*shortened = false;
	if (removed != -EINVAL || !size || iova + size)
		return removed;
	*shortened = true;
	return fake_unmap(&fake, iova, size - PAGE, 0);
}

START_TEST(the_clients_way_round_is_for_4_15_alone)
{
	const struct personality *kernel;

	for (unsigned k = 0; (kernel = personality_at(k)); k++) {
		bool is_4_15 = !strcmp(kernel->name, "4.15"), shortened;
		long removed;

		if (kernel->container != CONTAINER_DOMAINS || kernel->set_iommu == SET_IOMMU_NONE)
			continue;
		boot_as(kernel->name, VFIO_TYPE1v2_IOMMU);
		map_pages(16, 16);
		removed = client_unmap(8 * PAGE, -(8 * PAGE), &shortened);
		ck_assert_msg(shortened == is_4_15, "%s", kernel->name);
		/* Without the way round, kernels before 6.18 succeed and remove nothing. */
		ck_assert_msg(removed == (is_4_15 || kernel->last_page_works ? 0x10000 : 0),
			      "%s: %ld", kernel->name, removed);
		fake_check(&fake);
		fake_teardown(&fake);
	}
}
END_TEST

static unsigned domains_of_two_buses(const char *kernel)
{
	struct t1_stats stats;

	boot_as(kernel, VFIO_TYPE1_IOMMU);
	fake.group[1]->devices->bus = 1;
	map_pages(16, 16);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	fake_check(&fake);
	t1_stats(fake.t1, &stats);
	fake_teardown(&fake);
	return stats.domains;
}

START_TEST(groups_on_two_buses_behind_one_unit_share_a_domain_but_in_the_posting)
{
	ck_assert_uint_eq(domains_of_two_buses("2012"), 1);
	ck_assert_uint_eq(domains_of_two_buses("rfc2014,set_iommu_1_3"), 2);
	ck_assert_uint_eq(domains_of_two_buses("3.14"), 1);
	ck_assert_uint_eq(domains_of_two_buses("6.12"), 1);
}
END_TEST

START_TEST(interrupts_of_the_whole_bus_count_before_6_1)
{
	static const struct {
		const char *kernel;
		int answer;
	} rows[] = {{"3.14", 0}, {"4.4", -EPERM}, {"5.12", -EPERM}, {"6.1", 0}, {"6.12", 0}};

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		fake_setup(&fake);
		fake.units[3].not_isolated = true;
		ck_assert(personality_parse(rows[i].kernel, &fake.personality, NULL, 0));
		fake_boot(&fake);
		fake_open(&fake, VFIO_TYPE1_IOMMU);
		ck_assert_int_eq(fake_attach_group(&fake, 0), rows[i].answer);
		ck_assert_int_eq(fake_attach_group(&fake, 3), -EPERM);
		fake_teardown(&fake);
	}
}
END_TEST

START_TEST(dma_ownership_of_2021_knows_users_by_type_and_cookie)
{
	static const int file, other_file;
	struct iommu_group *group;
	struct iommu_device *dev;

	fake_setup(&fake);
	ck_assert(personality_parse("5.12,dma_ownership_2021", &fake.personality, NULL, 0));
	fake_boot(&fake);
	group = fake.group[0];
	dev = group->devices;
	iommu_group_release(group);
	/* A kernel driver first: nobody else gets in, whichever cookie. */
	ck_assert_int_eq(iommu_device_bind(dev, "e1000e"), 0);
	ck_assert_int_eq(iommu_group_claim(group, &file), -EBUSY);
	ck_assert_int_eq(iommu_group_owner_set(group, DMA_OWNER_PRIVATE_DOMAIN, NULL), -EBUSY);
	ck_assert_int_eq(iommu_device_unbind(dev), 0);
	/* A user first: as often as it likes, and no other, and no driver. */
	ck_assert_int_eq(iommu_group_claim(group, &file), 0);
	ck_assert_int_eq(iommu_group_claim(group, &file), 0);
	ck_assert_int_eq(iommu_group_claim(group, &other_file), -EBUSY);
	ck_assert_int_eq(iommu_device_bind(dev, "e1000e"), -EBUSY);
	ck_assert_int_eq(iommu_device_bind(dev, "pci-stub"), 0);
	iommu_group_release(group);
	ck_assert_int_eq(iommu_group_claim(group, &other_file), -EBUSY);
	iommu_group_release(group);
	/* The cookie is still there, and means nothing. */
	ck_assert_ptr_eq(group->owner, &file);
	ck_assert_int_eq(iommu_group_claim(group, &other_file), 0);
	fake_teardown(&fake);
}
END_TEST

START_TEST(a_switch_changes_one_behaviour_alone)
{
	struct personality now, with;
	unsigned differ = 0;
	char error[256];

	ck_assert(personality_parse("6.12", &now, NULL, 0));
	ck_assert(personality_parse("6.12,unmap_wrap_4_15", &with, NULL, 0));
	for (unsigned n = 0; personality_switch_at(n); n++)
		differ += personality_get(&now, n) != personality_get(&with, n);
	ck_assert_uint_eq(differ, 1);
	ck_assert_uint_eq(with.unmap_wrap, UNMAP_WRAP_4_15);
	ck_assert_str_eq(with.name, "6.12,unmap_wrap_4_15");
	ck_assert(!personality_parse("6.12,unmap_wrap_4_16", &with, error, sizeof(error)));
	ck_assert(strstr(error, "unmap_wrap_4_16"));
	ck_assert(!personality_parse("1.0", &with, error, sizeof(error)));
	ck_assert(!personality_parse("", &with, error, sizeof(error)));
}
END_TEST

/* What a personality's settings say, parsed again, is that personality. */
START_TEST(every_setting_can_be_written)
{
	const struct personality *kernel;

	for (unsigned k = 0; (kernel = personality_at(k)); k++) {
		for (unsigned n = 0; personality_switch_at(n); n++) {
			struct personality parsed;
			char text[128] = "6.12,";

			personality_setting(n, personality_get(kernel, n), text + 5,
					    sizeof(text) - 5);
			ck_assert_msg(personality_parse(text, &parsed, NULL, 0), "%s", text);
			ck_assert_uint_eq(personality_get(&parsed, n), personality_get(kernel, n));
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernels seed");
	TCase *tcase = tcase_create("behaviours");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, unmap_that_covers_an_entry_removes_it, 0, 2);
	tcase_add_loop_test(tcase, unmap_of_the_low_part_moves_the_start_up, 0, 2);
	tcase_add_loop_test(tcase, unmap_of_the_high_part_shrinks_the_entry, 0, 2);
	tcase_add_loop_test(tcase, unmap_of_the_middle_splits_the_entry, 0, 2);
	tcase_add_loop_test(tcase, a_mapping_merges_with_the_neighbour_below, 0, 2);
	tcase_add_loop_test(tcase, a_mapping_merges_with_the_neighbour_above, 0, 2);
	tcase_add_loop_test(tcase, a_mapping_between_two_makes_one_of_three, 0, 2);
	tcase_add_loop_test(tcase, neighbours_of_another_protection_stay_apart, 0, 2);
	tcase_add_test(tcase, unmap_of_size_0_in_2012_splits_an_entry);
	tcase_add_test(tcase, unmap_to_the_end_in_2012_runs_a_size_below_zero);
	tcase_add_test(tcase, unmap_to_the_end_from_inside_an_entry_in_2012_keeps_what_is_below);
	tcase_add_test(tcase, unmap_that_wraps_from_inside_an_entry_in_2012_takes_low_pages_along);
	tcase_add_test(tcase,
		       unmap_that_wraps_below_all_entries_in_2012_does_nothing_when_none_is_above);
	tcase_add_test(tcase, unmap_whose_end_wraps_into_the_entry_leaves_it_whole_in_3_11);
	tcase_add_test(tcase, the_posting_of_2014_never_opens);
	tcase_add_test(tcase, the_clients_way_round_is_for_4_15_alone);
	tcase_add_test(tcase,
		       groups_on_two_buses_behind_one_unit_share_a_domain_but_in_the_posting);
	tcase_add_test(tcase, interrupts_of_the_whole_bus_count_before_6_1);
	tcase_add_test(tcase, what_ends_with_the_space_in_3_14_maps_nothing_and_overlaps_nothing);
	tcase_add_test(tcase, dma_ownership_of_2021_knows_users_by_type_and_cookie);
	tcase_add_test(tcase, a_switch_changes_one_behaviour_alone);
	tcase_add_test(tcase, every_setting_can_be_written);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
