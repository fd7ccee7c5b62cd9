// SPDX-License-Identifier: GPL-2.0-only
/* How the core cuts ranges into page sizes: worked examples, and a greedy page-by-page oracle. */
#include "core_fake.h"
#include "harness.h"
#include "prng.h"

static struct fake_machine machine;
static struct iommu_domain *domain;

static void setup(void)
{
	fake_open(&machine);
}

static void teardown(void)
{
	iommu_domain_free(domain);
	fake_close(&machine);
}

static void open_domain(uint64_t pgsizes)
{
	struct iommu_group *group = fake_single(&machine);

	machine.pgsizes = pgsizes;
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
}

static int map(iova_t iova, pa_t pa, uint64_t len)
{
	struct pt_run run = {.oa = pa, .pages = len / 4096, .oa_step = 4096};

	return iommu_map(domain, iova, &run, IOMMU_READ | IOMMU_WRITE);
}

static void expect_call(unsigned n, unsigned size_lg2, uint64_t count)
{
	ck_assert_uint_lt(n, machine.maps);
	ck_assert_uint_eq(machine.map[n].size_lg2, size_lg2);
	ck_assert_uint_eq(machine.map[n].count, count);
}

START_TEST(congruent_range_changes_to_the_larger_size_at_its_boundary)
{
	open_domain(SIO_BIT(12) | SIO_BIT(21) | SIO_BIT(30));
	ck_assert_int_eq(map(0x1ff000, 0x1ff000, 0x401000), 0);
	ck_assert_uint_eq(machine.maps, 2);
	expect_call(0, 12, 1);
	expect_call(1, 21, 2);
}
END_TEST

START_TEST(incongruent_range_is_one_chunk_of_small_pages)
{
	open_domain(SIO_BIT(12) | SIO_BIT(21) | SIO_BIT(30));
	ck_assert_int_eq(map(0x1ff000, 0x200000, 0x401000), 0);
	ck_assert_uint_eq(machine.maps, 1);
	expect_call(0, 12, 1025);
}
END_TEST

START_TEST(every_power_of_two_is_used_where_the_unit_has_it)
{
	open_domain(UINT64_C(0xfff7ffffff000));
	ck_assert_int_eq(map(0x1000, 0x1000, 0x7000), 0);
	ck_assert_uint_eq(machine.maps, 3);
	expect_call(0, 12, 1);
	expect_call(1, 13, 1);
	expect_call(2, 14, 1);
}
END_TEST

START_TEST(range_up_to_the_end_of_64_bits_is_cut_like_any_other)
{
	const iova_t iova = UINT64_C(0xffffffffffffd000);

	open_domain(UINT64_C(0xfff7ffffff000));
	ck_assert_int_eq(map(iova, 0x5000, 0x3000), 0);
	ck_assert_uint_eq(machine.maps, 2);
	expect_call(0, 12, 1);
	expect_call(1, 13, 1);
	ck_assert_uint_eq(iommu_unmap(domain, iova, 0x3000), 0x3000);
	ck_assert_uint_eq(machine.syncs, 1);
}
END_TEST

START_TEST(descending_frames_are_mapped_in_one_call)
{
	struct pt_run run = {.oa = 0x803000, .pages = 4, .oa_step = -4096};

	open_domain(SIO_BIT(12) | SIO_BIT(21));
	ck_assert_int_eq(iommu_map(domain, 0x200000, &run, IOMMU_READ), 0);
	ck_assert_uint_eq(machine.maps, 1);
	expect_call(0, 12, 4);
	ck_assert_uint_eq(machine.map[0].oa, 0x803000);
	/* Running below address 0 is no range of memory. */
	run.oa = 0x2000;
	ck_assert_int_eq(iommu_map(domain, 0x400000, &run, IOMMU_READ), -EINVAL);
}
END_TEST

START_TEST(misaligned_map_is_refused_and_misaligned_unmap_does_nothing)
{
	open_domain(SIO_BIT(13) | SIO_BIT(21));
	ck_assert_int_eq(map(0x1000, 0, 0x2000), -EINVAL);
	ck_assert_int_eq(map(0, 0x1000, 0x2000), -EINVAL);
	ck_assert_int_eq(map(0, 0, 0x1000), -EINVAL);
	ck_assert_uint_eq(machine.maps, 0);
	ck_assert_uint_eq(iommu_unmap(domain, 0x1000, 0x2000), 0);
	ck_assert_uint_eq(machine.syncs, 0);
}
END_TEST

START_TEST(failed_map_takes_back_what_it_did_and_nothing_else)
{
	open_domain(SIO_BIT(12) | SIO_BIT(21));
	machine.fail_map = 2;
	ck_assert_int_eq(map(0x1ff000, 0x1ff000, 0x401000), -EFAULT);
	ck_assert_uint_eq(machine.mapped, 4096);
	ck_assert_uint_eq(machine.unmapped, 4096);
	ck_assert_uint_eq(machine.syncs, 1);
}
END_TEST

START_TEST(injected_failure_comes_before_the_driver)
{
	char why[INJECT_ERROR_LEN];

	open_domain(SIO_BIT(12));
	ck_assert_int_eq(inject_plan(&machine.iommu.inject, "iommu.map:nth=2,errno=EBUSY", why), 0);
	ck_assert_int_eq(map(0, 0, 0x1000), 0);
	ck_assert_int_eq(map(0x1000, 0, 0x1000), -EBUSY);
	ck_assert_int_eq(map(0x1000, 0, 0x1000), 0);
	ck_assert_uint_eq(machine.maps, 2);
}
END_TEST

START_TEST(journal_names_the_unmap_and_the_map_before_it)
{
	struct iommu_journal_entry mapped, unmapped;

	open_domain(SIO_BIT(12));
	machine.iommu.strict = true;
	machine.iommu.op = 7;
	ck_assert_int_eq(map(0x10000, 0, 0x4000), 0);
	ck_assert(!iommu_journal_find(&machine.iommu, 0x11000, &mapped, &unmapped));
	machine.iommu.op = 9;
	ck_assert_uint_eq(iommu_unmap(domain, 0x10000, 0x4000), 0x4000);
	ck_assert(iommu_journal_find(&machine.iommu, 0x11000, &mapped, &unmapped));
	ck_assert_uint_eq(mapped.op, 7);
	ck_assert_uint_eq(unmapped.op, 9);
	ck_assert_uint_eq(unmapped.last, 0x13fff);
	ck_assert(!iommu_journal_find(&machine.iommu, 0x14000, &mapped, &unmapped));
	/* The ring forgets the oldest. */
	for (unsigned i = 0; i < IOMMU_JOURNAL_MAX; i++)
		ck_assert_uint_eq(iommu_unmap(domain, 0x50000, 0x1000), 0x1000);
	ck_assert(!iommu_journal_find(&machine.iommu, 0x11000, &mapped, &unmapped));
}
END_TEST

/* Largest size that fits, judged one page at a time. */
static uint64_t greedy(uint64_t bitmap, uint64_t iova, uint64_t pa, uint64_t len)
{
	uint64_t best = 0;

	for (unsigned n = 12; n < 52; n++) {
		uint64_t size = UINT64_C(1) << n;

		if (bitmap & size && iova % size == 0 && pa % size == 0 && size <= len)
			best = size;
	}
	return best;
}

static void compare_with_greedy(uint64_t bitmap, uint64_t iova, uint64_t pa, uint64_t len)
{
	while (len) {
		uint64_t count, size = iommu_pgsize(bitmap, iova, pa, len, &count);

		ck_assert_uint_ge(count, 1);
		for (; count; count--) {
			ck_assert_uint_eq(size, greedy(bitmap, iova, pa, len));
			iova += size;
			pa += size;
			len -= size;
		}
	}
}

START_TEST(chunks_agree_with_a_greedy_choice_of_each_page)
{
	struct prng prng = {0};
	uint64_t seed = 0x5107 + (uint64_t)_i;

	printf("seed %#llx\n", (unsigned long long)seed);
	open_domain(SIO_BIT(12));
	prng.state = seed;
	for (unsigned round = 0; round < 200; round++) {
		uint64_t bitmap = 4096 | (prng_next(&prng) & 0x7fff000);
		uint64_t iova = (prng_next(&prng) & 0x3ffff) << 12;
		uint64_t pa = (prng_next(&prng) & 0x3ffff) << 12;
		uint64_t len = ((prng_next(&prng) & 0x7fff) + 1) << 12;

		/* Congruent and aligned ranges would hardly ever come by chance. */
		if (round % 3 == 1)
			pa = iova + ((prng_next(&prng) & 15) << 21);
		if (round % 3 == 2)
			iova &= ~UINT64_C(0x1fffff);
		compare_with_greedy(bitmap, iova, pa, len);
	}
}
END_TEST

START_TEST(top_of_the_address_space_does_not_overflow)
{
	uint64_t count;

	open_domain(SIO_BIT(12));
	ck_assert_uint_eq(iommu_pgsize(SIO_BIT(12) | SIO_BIT(63), UINT64_C(0xfffffffffffff000),
				       UINT64_C(0xfffffffffffff000), 0x1000, &count),
			  0x1000);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(iommu_pgsize(SIO_BIT(12) | SIO_BIT(63), SIO_BIT(63) - 0x1000,
				       SIO_BIT(63) - 0x1000, SIO_BIT(63) + 0x1000, &count),
			  0x1000);
	ck_assert_uint_eq(count, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_pgsize");
	TCase *tc = tcase_create("pgsize");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, congruent_range_changes_to_the_larger_size_at_its_boundary);
	tcase_add_test(tc, incongruent_range_is_one_chunk_of_small_pages);
	tcase_add_test(tc, every_power_of_two_is_used_where_the_unit_has_it);
	tcase_add_test(tc, range_up_to_the_end_of_64_bits_is_cut_like_any_other);
	tcase_add_test(tc, descending_frames_are_mapped_in_one_call);
	tcase_add_test(tc, misaligned_map_is_refused_and_misaligned_unmap_does_nothing);
	tcase_add_test(tc, failed_map_takes_back_what_it_did_and_nothing_else);
	tcase_add_test(tc, injected_failure_comes_before_the_driver);
	tcase_add_test(tc, journal_names_the_unmap_and_the_map_before_it);
	tcase_add_loop_test(tc, chunks_agree_with_a_greedy_choice_of_each_page, 0, 4);
	tcase_add_test(tc, top_of_the_address_space_does_not_overflow);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
