// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large memory costs little: a terabyte of one policy is a handful of extents and no real memory,
 * and each policy lays out frames as it says.
 */
#include "mm_fixture.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#define TIB (UINT64_C(1) << 40)

static void setup_2t(void)
{
	fixture_setup_ram(2 * TIB);
}

static void map_policy(uint64_t va, uint64_t len, enum mm_contiguity contiguity, bool hugetlb)
{
	struct mm_map_req req = {
		.va = va, .len = len, .prot = RW, .contiguity = contiguity, .hugetlb = hugetlb};

	ck_assert_int_eq(mm_sim_map(mm, &req), 0);
}

static long peak_rss_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* The longest run at each place until all is pinned; the number of pin calls. */
static unsigned pin_everything(uint64_t va, uint64_t pages, struct pin_run *runs, unsigned max)
{
	unsigned n = 0;

	for (uint64_t done = 0; done < pages; done += runs[n++].pages) {
		ck_assert_uint_lt(n, max);
		ck_assert_int_eq(mm->ops->pin(mm, va + done * PAGE, pages - done, true, &runs[n]),
				 0);
	}
	return n;
}

static const struct {
	enum mm_contiguity contiguity;
	bool hugetlb;
} big_cases[] = {
	{MM_RUN_WHOLE, false},
	{MM_RUN_2M, false},
	{MM_RUN_4K, false},
	{MM_RUN_2M, true},
};

START_TEST(a_terabyte_is_a_handful_of_extents)
{
	const uint64_t va = UINT64_C(0x10000000000);
	uint64_t pages = TIB / PAGE;
	struct pin_run runs[8];
	long before = peak_rss_kib();
	struct timespec t0, t1;
	unsigned n;

	map_policy(va, TIB, big_cases[_i].contiguity, big_cases[_i].hugetlb);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	n = pin_everything(va, pages, runs, 8);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	if (getenv("MM_TIMES"))
		printf("policy %d hugetlb %d: pin of 1 TiB %.2f ms, %zu extents\n",
		       (int)big_cases[_i].contiguity, big_cases[_i].hugetlb,
		       (double)(t1.tv_sec - t0.tv_sec) * 1e3 +
			       (double)(t1.tv_nsec - t0.tv_nsec) / 1e6,
		       mm_sim_extent_count(mm));
	ck_assert_uint_le(mm_sim_extent_count(mm), 4);
	ck_assert_uint_eq(phys_pins_total(phys), pages);
	audit(mm);
	for (unsigned i = 0; i < n; i++)
		unpin(runs[i]);
	/* Pinned again by another call it is as long, and cutting it costs an extent each time. */
	ck_assert_uint_eq(pin_everything(va, pages, runs, 8), n);
	ck_assert_int_eq(mm_sim_unmap(mm, va + TIB / 2, HUGE), 0);
	ck_assert_uint_le(mm_sim_extent_count(mm), 5);
	for (unsigned i = 0; i < n; i++)
		unpin(runs[i]);
	/* Counts of frames and nothing else: far less than a page of a page. */
	ck_assert_int_lt(peak_rss_kib() - before, 64 << 10);
}
END_TEST

START_TEST(large_areas_are_aligned_for_giant_pages)
{
	struct pin_run runs[8];

	map_policy(VA, TIB / 2, MM_RUN_WHOLE, false);
	ck_assert_uint_eq(pin_everything(VA, TIB / 2 / PAGE, runs, 8), 1);
	ck_assert_uint_eq(runs[0].pa % (UINT64_C(1) << 30), 0);
	unpin(runs[0]);
}
END_TEST

START_TEST(touching_one_page_takes_the_huge_page_around_it)
{
	struct pin_run run;

	/* From one page before a huge page to half of the next but one. */
	map_policy(VA - PAGE, PAGE + 2 * HUGE + HUGE / 2, MM_RUN_2M, false);
	put(mm, VA + HUGE + 5 * PAGE, 1);
	ck_assert_uint_eq(phys_frames_total(phys), HUGE_PAGES);
	run = pin(VA + HUGE, HUGE_PAGES, true);
	ck_assert_uint_eq(run.pa % HUGE, 0);
	ck_assert_int_eq(run.step, 4096);
	ck_assert_uint_eq(dev_get(run, 5), 1);
	unpin(run);
	put(mm, VA - PAGE, 2);
	ck_assert_uint_eq(phys_frames_total(phys), HUGE_PAGES + 1);
	put(mm, VA + 2 * HUGE, 3);
	ck_assert_uint_eq(phys_frames_total(phys), HUGE_PAGES + 2);
	run = pin(VA, HUGE_PAGES, true);
	ck_assert_uint_eq(run.pa % HUGE, 0);
	unpin(run);
}
END_TEST

START_TEST(four_kilobyte_pages_have_no_physical_neighbours)
{
	uint64_t previous = 0;

	map_policy(VA, HUGE, MM_RUN_4K, false);
	/* Upward, then downward, then the rest at once. */
	for (uint64_t i = 0; i < 64; i++)
		put(mm, VA + i * PAGE, 1);
	for (uint64_t i = 128; i > 64; i--)
		put(mm, VA + i * PAGE, 1);
	for (uint64_t i = 0; i < HUGE_PAGES; i++) {
		struct pin_run run = pin(VA + i * PAGE, 1, true);

		ck_assert_uint_ne(run.pa, previous + PAGE);
		previous = run.pa;
		unpin(run);
		ck_assert_int_eq(mm_sim_touch(mm, VA + 256 * PAGE, 256 * PAGE), 0);
	}
	/* Faulted in together they are one extent that goes down. */
	ck_assert_int_eq(pin(VA + 256 * PAGE, 256, true).step, -4096);
	for (uint64_t i = 0; i < 256; i++) {
		struct pin_run run = pin(VA + (256 + i) * PAGE, 1, true);

		unpin(run);
		unpin(run);
	}
}
END_TEST

START_TEST(seeded_runs_are_short_and_repeatable)
{
	static struct pin_run runs[2][20000];
	unsigned n[2];

	for (unsigned k = 0; k < 2; k++) {
		struct phys *other = phys_create(&(struct phys_cfg){.ram_bytes = TIB});
		struct mm_map_req req = {.va = VA,
					 .len = 16384 * PAGE,
					 .prot = RW,
					 .contiguity = MM_RUN_SEEDED};
		struct mm *seeded = mm_sim_create(other, 42);

		n[k] = 0;
		ck_assert_int_eq(mm_sim_map(seeded, &req), 0);
		for (uint64_t done = 0; done < 16384; done += runs[k][n[k]++].pages) {
			struct pin_run *run = &runs[k][n[k]];

			ck_assert_int_eq(seeded->ops->pin(seeded, VA + done * PAGE, 16384 - done,
							  true, run),
					 0);
			ck_assert_uint_le(run->pages, 512);
		}
		audit(seeded);
		for (unsigned i = 0; i < n[k]; i++)
			seeded->ops->unpin(seeded, &runs[k][i], false);
		mm_put(seeded);
		ck_assert_ptr_null(phys_audit(other));
		phys_destroy(other);
	}
	ck_assert_uint_gt(n[0], 30);
	ck_assert_uint_eq(n[0], n[1]);
	for (unsigned i = 0; i < n[0]; i++)
		ck_assert(runs[0][i].pa == runs[1][i].pa && runs[0][i].pages == runs[1][i].pages);
}
END_TEST

START_TEST(pages_written_one_by_one_become_one_extent)
{
	map_policy(VA, 4 * HUGE, MM_RUN_WHOLE, false);
	for (uint64_t i = 0; i < 4 * HUGE_PAGES; i++)
		put(mm, VA + i * PAGE, 1);
	ck_assert_uint_le(mm_sim_extent_count(mm), 2);
}
END_TEST

START_TEST(fork_of_a_large_process_copies_only_what_is_pinned)
{
	struct pin_run low, high;
	struct mm *child;

	map_policy(VA, TIB, MM_RUN_WHOLE, false);
	ck_assert_int_eq(mm_sim_touch(mm, VA, TIB), 0);
	low = pin(VA + 1000 * PAGE, 3, true);
	high = pin(VA + TIB - 1000 * PAGE, 700, true);
	dev_put(low, 1, 77);
	child = mm_sim_fork(mm);
	ck_assert_ptr_nonnull(child);
	ck_assert_uint_eq(phys_frames_total(phys), TIB / PAGE + 703);
	ck_assert_uint_eq(get(child, VA + 1001 * PAGE), 77);
	audit(mm);
	audit(child);
	exit_mm(child);
	unpin(low);
	unpin(high);
	put(mm, VA + 5 * PAGE, 1);
	ck_assert_uint_eq(phys_frames_total(phys), TIB / PAGE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mm large");
	TCase *tc = tcase_create("large");

	tcase_add_checked_fixture(tc, setup_2t, fixture_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_terabyte_is_a_handful_of_extents, 0,
			    (int)SIO_ARRAY_SIZE(big_cases));
	tcase_add_test(tc, large_areas_are_aligned_for_giant_pages);
	tcase_add_test(tc, touching_one_page_takes_the_huge_page_around_it);
	tcase_add_test(tc, four_kilobyte_pages_have_no_physical_neighbours);
	tcase_add_test(tc, seeded_runs_are_short_and_repeatable);
	tcase_add_test(tc, pages_written_one_by_one_become_one_extent);
	tcase_add_test(tc, fork_of_a_large_process_copies_only_what_is_pinned);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
