// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups joining and leaving: shared and separate domains, replay and its rollback, the IOVA list.
 */
#include "type1_fake.h"

#include "prng.h"

static struct fake fake;

static void setup(void)
{
	fake_setup(&fake);
}

static void teardown(void)
{
	fake_teardown(&fake);
}

static void boot(unsigned long type)
{
	fake_boot(&fake);
	fake_open(&fake, type);
}

START_TEST(groups_of_equal_units_share_a_domain)
{
	boot(VFIO_TYPE1v2_IOMMU);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(fake_attach_group(&fake, i), 0);
	ck_assert_uint_eq(fake.t1->domain_count, 1);
	/* The newest group stands first. */
	ck_assert_ptr_eq(t1_domain_group(fake.t1, 0, 0), fake.group[2]);
	ck_assert_ptr_eq(t1_domain_group(fake.t1, 0, 2), fake.group[0]);
	ck_assert_ptr_null(t1_domain_group(fake.t1, 0, 3));
	ck_assert_int_eq(fake_attach_group(&fake, 1), -EINVAL);
	fake_check(&fake);
	fake_detach_group(&fake, 1);
	fake_check(&fake);
}
END_TEST

START_TEST(units_that_differ_get_domains_of_their_own)
{
	fake.units[1].enforce = true;
	fake.units[2].driver = &fake_driver[1];
	boot(VFIO_TYPE1v2_IOMMU);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(fake_attach_group(&fake, i), 0);
	ck_assert_uint_eq(fake.t1->domain_count, 3);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, fake.t1, VFIO_DMA_CC_IOMMU), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_SEEDED), 0x1000, 0x200000, FAKE_RW), 0);
	fake_check(&fake);
	fake_detach_group(&fake, 2);
	fake_check(&fake);
	/* The first domain goes: the next one is asked where pages are. */
	fake_detach_group(&fake, 1);
	fake_check(&fake);
	ck_assert_int_eq(fake_unmap(&fake, 0x1000, 0x200000, 0), 0x200000);
	fake_check(&fake);
}
END_TEST

START_TEST(coherency_is_promised_only_when_all_domains_enforce_it)
{
	fake.units[0].enforce = true;
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, NULL, VFIO_DMA_CC_IOMMU), 0);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, fake.t1, VFIO_DMA_CC_IOMMU), 1);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, fake.t1, VFIO_DMA_CC_IOMMU), 1);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, fake.t1, VFIO_DMA_CC_IOMMU), 0);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, NULL, VFIO_UNMAP_ALL), 1);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, NULL, VFIO_UPDATE_VADDR), 0);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, fake.t1, VFIO_UPDATE_VADDR), 1);
	ck_assert_int_eq(t1_check_extension(&fake.iommu, fake.t1, 2), 0);
}
END_TEST

START_TEST(open_takes_the_types_of_the_personality)
{
	struct type1 *t1;

	fake_boot(&fake);
	ck_assert_int_eq(t1_open(&fake.iommu, &fake.params, 2, &t1), -EINVAL);
	ck_assert_int_eq(t1_open(&fake.iommu, &fake.params, 1ul << 32, &t1), -EINVAL);
	/* Nesting opens, and no driver has it: the group is refused. */
	fake_open(&fake, VFIO_TYPE1_NESTING_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), -EINVAL);
	fake.personality.set_iommu = SET_IOMMU_1_3;
	ck_assert_int_eq(t1_open(&fake.iommu, &fake.params, VFIO_TYPE1_NESTING_IOMMU, &t1),
			 -EINVAL);
}
END_TEST

START_TEST(unsafe_interrupts_must_be_allowed)
{
	fake.units[0].not_isolated = true;
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), -EPERM);
	ck_assert_ptr_eq(fake.group[0]->domain, fake.group[0]->blocking_domain);
	fake.params.allow_unsafe_interrupts = true;
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	fake_check(&fake);
}
END_TEST

START_TEST(the_last_group_takes_all_mappings_with_it)
{
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x1000, 0x4000, FAKE_RW), 0);
	fake_detach_group(&fake, 0);
	ck_assert_uint_eq(fake.t1->mapping_count, 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	fake_check(&fake);
}
END_TEST

START_TEST(mappings_made_without_a_domain_are_pinned_at_attach)
{
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_4K), 0x1000, 0x9000, FAKE_RW), 0);
	/* Nothing looks at the memory yet. */
	ck_assert_int_eq(fake_map(&fake, 0x1000, 0x100000, 0x1000, FAKE_RW), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	fake_check(&fake);
	ck_assert_int_eq(fake_attach_group(&fake, 0), -EFAULT);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	fake_check(&fake);
	ck_assert_int_eq(fake_unmap(&fake, 0x100000, 0x1000, 0), 0x1000);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 9);
	fake_check(&fake);
}
END_TEST

START_TEST(replay_is_held_to_the_limit_of_the_process_that_attaches)
{
	struct task *parent, *child;
	struct spy_mm *spy;

	boot(VFIO_TYPE1v2_IOMMU);
	parent = fake.caller.task;
	parent->cap_ipc_lock = false;
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x1000, 0x9000, FAKE_RW), 0);
	child = fake_task_create(&fake, &spy);
	fake_task_memory(spy);
	child->rlimit_memlock = 8 * SIO_PAGE_SIZE;
	fake.caller.task = child;
	ck_assert_int_eq(fake_attach_group(&fake, 0), -ENOMEM);
	child->rlimit_memlock = 9 * SIO_PAGE_SIZE;
	/* The owner's own limit is tested when the chunk is charged. */
	parent->rlimit_memlock = 8 * SIO_PAGE_SIZE;
	ck_assert_int_eq(fake_attach_group(&fake, 0), -ENOMEM);
	parent->rlimit_memlock = 9 * SIO_PAGE_SIZE;
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 9);
	ck_assert_uint_eq(spy->mm.locked_pages, 0);
	fake_check(&fake);
	fake.caller.task = parent;
	fake_detach_group(&fake, 0);
	fake_task_exit(child, spy);
}
END_TEST

/* The attaching process is never charged, so each one-page chunk is held to its limit alone. */
START_TEST(scattered_pages_pass_a_limit_that_one_run_would_not)
{
	struct task *parent, *child;
	struct spy_mm *spy;

	boot(VFIO_TYPE1v2_IOMMU);
	parent = fake.caller.task;
	parent->cap_ipc_lock = false;
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_4K), 0x1000, 0x9000, FAKE_RW), 0);
	child = fake_task_create(&fake, &spy);
	fake_task_memory(spy);
	fake.caller.task = child;
	child->rlimit_memlock = 0;
	ck_assert_int_eq(fake_attach_group(&fake, 0), -ENOMEM);
	child->rlimit_memlock = SIO_PAGE_SIZE;
	parent->rlimit_memlock = 7 * SIO_PAGE_SIZE;
	ck_assert_int_eq(fake_attach_group(&fake, 0), -ENOMEM);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	fake_check(&fake);
	parent->rlimit_memlock = 9 * SIO_PAGE_SIZE;
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 9);
	fake_check(&fake);
	fake.caller.task = parent;
	fake_detach_group(&fake, 0);
	fake_task_exit(child, spy);
}
END_TEST

START_TEST(a_narrow_unit_refuses_what_it_cannot_reach)
{
	fake.units[1].aperture_last = SIO_MASK(24, 0);
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x2000000, 0x1000, FAKE_RW), 0);
	ck_assert_int_eq(fake_attach_group(&fake, 1), -EINVAL);
	fake_check(&fake);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0x1000);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	/* The wide domain is not for the narrow unit. */
	ck_assert_uint_eq(fake.t1->domain_count, 2);
	ck_assert_uint_eq(fake.t1->iova.count, 1);
	ck_assert_uint_eq(fake.t1->iova.range[0].last, SIO_MASK(24, 0));
	fake_check(&fake);
	/* It leaves: the space is the wide one again, the MSI window cut out. */
	fake_detach_group(&fake, 1);
	ck_assert_uint_eq(fake.t1->iova.count, 2);
	ck_assert_uint_eq(fake.t1->iova.range[0].last, 0xfedfffff);
	ck_assert_uint_eq(fake.t1->iova.range[1].last, SIO_MASK(38, 0));
	fake_check(&fake);
}
END_TEST

START_TEST(reserved_regions_conflict_with_mappings)
{
	fake.units[1].resv[0] = (struct resv_region){0x200000, 0x2fffff, RESV_RESERVED};
	fake.units[2].resv[0] = (struct resv_region){0x200000, 0x2fffff, RESV_DIRECT_RELAXABLE};
	fake.units[3].resv[0] = (struct resv_region){0, SIO_MASK(38, 0), RESV_RESERVED};
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x2ff000, 0x1000, FAKE_RW), 0);
	ck_assert_int_eq(fake_attach_group(&fake, 1), -EINVAL);
	ck_assert_int_eq(fake_attach_group(&fake, 2), 0);
	ck_assert_int_eq(fake_unmap(&fake, 0x2ff000, 0x1000, 0), 0x1000);
	/* Nothing would remain. */
	ck_assert_int_eq(fake_attach_group(&fake, 3), -EINVAL);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	fake_check(&fake);
}
END_TEST

START_TEST(a_region_at_the_edge_is_not_given_back)
{
	fake.units[0].resv_count = 0;
	fake.units[1].resv[0] = (struct resv_region){0, 0xfff, RESV_RESERVED};
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	ck_assert_uint_eq(fake.t1->iova.range[0].first, 0x1000);
	/* The domain stays, so the list's own edge is kept. */
	fake_detach_group(&fake, 1);
	ck_assert_uint_eq(fake.t1->iova.count, 1);
	ck_assert_uint_eq(fake.t1->iova.range[0].first, 0x1000);
	fake_check(&fake);
}
END_TEST

START_TEST(page_sizes_are_those_that_all_domains_have)
{
	struct t1_stats stats;

	fake.units[1].pgsizes = SIO_BIT(12) | SIO_BIT(30);
	fake.units[1].enforce = true;
	fake.units[2].pgsizes = SIO_BIT(11) | SIO_BIT(16);
	fake.units[2].driver = &fake_driver[1];
	boot(VFIO_TYPE1v2_IOMMU);
	t1_stats(fake.t1, &stats);
	ck_assert_uint_eq(stats.pgsize_bitmap, SIO_PAGE_MASK);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	t1_stats(fake.t1, &stats);
	ck_assert_uint_eq(stats.pgsize_bitmap, SIO_BIT(12));
	fake_detach_group(&fake, 1);
	t1_stats(fake.t1, &stats);
	ck_assert_uint_eq(stats.pgsize_bitmap, SIO_BIT(12) | SIO_BIT(21));
	ck_assert_uint_eq(stats.groups, 1);
	fake_check(&fake);
}
END_TEST

/* Replay fails at each of its steps: the container is as it was, the group is off. */
START_TEST(a_failing_replay_is_undone)
{
	for (unsigned nth = 1;; nth++) {
		char plan[40], why[INJECT_ERROR_LEN];
		uint64_t seen;
		int rc;

		fake_setup(&fake);
		fake.units[1].enforce = true;
		boot(VFIO_TYPE1v2_IOMMU);
		if (_i)
			ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
		ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_SEEDED), 0x1000, 0x30000, FAKE_RW),
				 0);
		ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_SEEDED), 0x40000, 0x30000, 1), 0);
		snprintf(plan, sizeof(plan), "iommu.map:nth=%u", nth);
		ck_assert_int_eq(inject_plan(&fake.iommu.inject, plan, why), 0);
		rc = fake_attach_group(&fake, 1);
		seen = fake.iommu.inject.passages;
		fail_plan_clear(&fake.iommu.inject);
		/* The first map is the probe's, whose failure is none. */
		ck_assert_int_eq(rc, seen < nth || nth == 1 ? 0 : -ENOMEM);
		if (rc)
			ck_assert_ptr_eq(fake.group[1]->domain, fake.group[1]->blocking_domain);
		ck_assert_uint_eq(fake.mm->mm.locked_pages, _i || !rc ? 0x60 : 0);
		fake_check(&fake);
		fake_teardown(&fake);
		if (seen < nth)
			break;
	}
}
END_TEST

/* ---- the IOVA list against one bit per page ---- */

#define MODEL_PAGES 256u

static void model_check(const struct iova_list *list, const bool *valid, uint64_t seed)
{
	for (unsigned page = 0; page < MODEL_PAGES; page++) {
		iova_t iova = page * SIO_PAGE_SIZE;

		ck_assert_msg(iova_list_contains(list, iova, iova + 0xfff) == valid[page],
			      "seed %llu, page %u", (unsigned long long)seed, page);
	}
	for (unsigned i = 1; i < list->count; i++)
		ck_assert_uint_gt(list->range[i].first, list->range[i - 1].last);
}

START_TEST(cutting_the_list_agrees_with_a_bit_per_page)
{
	struct prng rng = {.state = (uint64_t)_i};
	struct iova_list list = {0};
	bool valid[MODEL_PAGES];
	unsigned left = MODEL_PAGES;

	memset(valid, true, sizeof(valid));
	ck_assert_int_eq(iova_list_resize(&list, 0, MODEL_PAGES * SIO_PAGE_SIZE - 1), 0);
	for (unsigned step = 0; step < 12 && left; step++) {
		uint64_t a = prng_below(&rng, MODEL_PAGES), n = 1 + prng_below(&rng, 40);
		uint64_t b = a + n > MODEL_PAGES ? MODEL_PAGES : a + n;
		bool resize = prng_below(&rng, 4) == 0;
		struct resv_region region = {a * SIO_PAGE_SIZE, b * SIO_PAGE_SIZE - 1,
					     prng_below(&rng, 5) ? RESV_MSI
								 : RESV_DIRECT_RELAXABLE};
		struct resv_list resv = {&region, 1};
		int rc = 0;

		if (resize) {
			region.first = a / 4 * SIO_PAGE_SIZE;
			region.last = (MODEL_PAGES - n) * SIO_PAGE_SIZE - 1;
			rc = iova_list_resize(&list, region.first, region.last);
		} else {
			rc = iova_list_exclude(&list, &resv);
		}
		left = 0;
		for (unsigned page = 0; page < MODEL_PAGES; page++) {
			iova_t iova = page * SIO_PAGE_SIZE;
			bool inside = iova >= region.first && iova <= region.last;

			if (resize && !inside)
				valid[page] = false;
			if (!resize && inside && region.type != RESV_DIRECT_RELAXABLE)
				valid[page] = false;
			left += valid[page];
		}
		ck_assert_int_eq(rc, left || resize ? 0 : -EINVAL);
		if (left)
			model_check(&list, valid, (uint64_t)_i);
	}
	iova_list_fini(&list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("type1 attach");
	TCase *attach = tcase_create("attach"), *loops = tcase_create("loops");

	tcase_add_checked_fixture(attach, setup, teardown);
	tcase_add_test(attach, groups_of_equal_units_share_a_domain);
	tcase_add_test(attach, units_that_differ_get_domains_of_their_own);
	tcase_add_test(attach, coherency_is_promised_only_when_all_domains_enforce_it);
	tcase_add_test(attach, open_takes_the_types_of_the_personality);
	tcase_add_test(attach, unsafe_interrupts_must_be_allowed);
	tcase_add_test(attach, the_last_group_takes_all_mappings_with_it);
	tcase_add_test(attach, mappings_made_without_a_domain_are_pinned_at_attach);
	tcase_add_test(attach, replay_is_held_to_the_limit_of_the_process_that_attaches);
	tcase_add_test(attach, scattered_pages_pass_a_limit_that_one_run_would_not);
	tcase_add_test(attach, a_narrow_unit_refuses_what_it_cannot_reach);
	tcase_add_test(attach, reserved_regions_conflict_with_mappings);
	tcase_add_test(attach, a_region_at_the_edge_is_not_given_back);
	tcase_add_test(attach, page_sizes_are_those_that_all_domains_have);
	suite_add_tcase(suite, attach);

	tcase_add_loop_test(loops, a_failing_replay_is_undone, 0, 2);
	tcase_add_loop_test(loops, cutting_the_list_agrees_with_a_bit_per_page, 1, 500);
	suite_add_tcase(suite, loops);
	return run_suite(suite);
}
