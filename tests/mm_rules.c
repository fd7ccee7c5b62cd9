// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Linux does to memory that a device has pinned, one rule a test: which pages pinning accepts,
 * what munmap, madvise, mprotect, fork and exit leave to the device, and to whom writes show.
 */
#include "mm_fixture.h"

/* ---- what pinning accepts ---- */

START_TEST(pinning_needs_the_protection_asked_for)
{
	map_anon(VA, PAGE, MM_READ);
	map_anon(VA + PAGE, PAGE, 0);
	map_anon(VA + 2 * PAGE, PAGE, MM_WRITE);
	unpin(pin(VA, 1, false));
	ck_assert_int_eq(pin_error(VA, true), -EFAULT);
	ck_assert_int_eq(pin_error(VA + PAGE, false), -EFAULT);
	ck_assert_int_eq(pin_error(VA + PAGE, true), -EFAULT);
	unpin(pin(VA + 2 * PAGE, 1, true));
	ck_assert_int_eq(pin_error(VA + 2 * PAGE, false), -EFAULT);
}
END_TEST

START_TEST(holes_and_addresses_beyond_the_user_half_cannot_be_pinned)
{
	map_anon(VA, PAGE, RW);
	ck_assert_int_eq(pin_error(VA + PAGE, false), -EFAULT);
	ck_assert_int_eq(pin_error(VA - PAGE, false), -EFAULT);
	ck_assert_int_eq(pin_error(MM_USER_END, false), -EFAULT);
	ck_assert_int_eq(pin_error(UINT64_C(0xffff888000000000), false), -EFAULT);
	ck_assert_int_eq(pin_error(~UINT64_C(0) & SIO_PAGE_MASK, false), -EFAULT);
}
END_TEST

START_TEST(a_bad_page_after_good_ones_shortens_the_run)
{
	struct pin_run run;

	map_anon(VA, 4 * PAGE, RW);
	ck_assert_int_eq(mm_sim_protect(mm, VA + 2 * PAGE, PAGE, MM_READ), 0);
	ck_assert_int_eq(mm->ops->pin(mm, VA, 4, true, &run), 0);
	ck_assert_uint_eq(run.pages, 2);
	unpin(run);
	ck_assert_int_eq(pin_error(VA + 2 * PAGE, true), -EFAULT);
	unpin(pin(VA + 3 * PAGE, 1, true));
}
END_TEST

START_TEST(untouched_memory_is_pinned_as_zeros_of_its_own)
{
	struct pin_run run;

	map_anon(VA, 2 * PAGE, MM_READ);
	ck_assert_uint_eq(get(mm, VA), 0);
	ck_assert_uint_eq(phys_frames_total(phys), 0);
	run = pin(VA, 2, false);
	ck_assert_uint_eq(phys_frames_total(phys), 2);
	ck_assert_uint_eq(dev_get(run, 0), 0);
	ck_assert_uint_ne(run_pa(&run, 0), run_pa(&run, 1));
	/* What the process may write later reaches the device. */
	ck_assert_int_eq(mm_sim_protect(mm, VA, PAGE, RW), 0);
	put(mm, VA, 7);
	ck_assert_uint_eq(dev_get(run, 0), 7);
	unpin(run);
}
END_TEST

START_TEST(protection_changed_later_takes_nothing_from_the_device)
{
	struct pin_run run;

	map_anon(VA, PAGE, RW);
	put(mm, VA, 5);
	run = pin(VA, 1, true);
	ck_assert_int_eq(mm_sim_protect(mm, VA, PAGE, 0), 0);
	ck_assert_int_eq(pin_error(VA, false), -EFAULT);
	ck_assert_uint_eq(dev_get(run, 0), 5);
	dev_put(run, 0, 6);
	ck_assert_int_eq(mm_sim_protect(mm, VA, PAGE, RW), 0);
	ck_assert_uint_eq(get(mm, VA), 6);
	unpin(run);
}
END_TEST

START_TEST(a_run_goes_on_over_areas_whose_frames_are_adjacent)
{
	struct mm_map_req req = {.va = VA, .len = HUGE, .prot = RW, .contiguity = MM_RUN_WHOLE};

	ck_assert_int_eq(mm_sim_map(mm, &req), 0);
	ck_assert_int_eq(mm_sim_touch(mm, VA, HUGE), 0);
	ck_assert_int_eq(mm_sim_protect(mm, VA, PAGE, MM_READ), 0);
	unpin(pin(VA, HUGE_PAGES, false));
}
END_TEST

/* ---- PFN maps ---- */

#define BAR_LEN (16 * PAGE)

static uint8_t bar_bytes[BAR_LEN];

static bool bar_read(void *ctx, uint64_t offset, void *buf, uint64_t len)
{
	memcpy(buf, (uint8_t *)ctx + offset, len);
	return true;
}

static bool bar_write(void *ctx, uint64_t offset, const void *buf, uint64_t len)
{
	memcpy((uint8_t *)ctx + offset, buf, len);
	return true;
}

static pa_t map_bar(void)
{
	static const struct phys_window_ops ops = {bar_read, bar_write};
	pa_t pa = phys_window_place(phys, BAR_LEN);
	struct mm_map_req req = {
		.va = VA, .len = BAR_LEN, .prot = RW, .kind = MM_PFN, .pfn_pa = pa};

	memset(bar_bytes, 0, sizeof(bar_bytes));
	ck_assert(phys_window_add(phys, pa, pa + BAR_LEN - 1, &ops, bar_bytes));
	ck_assert_int_eq(mm_sim_map(mm, &req), 0);
	return pa;
}

START_TEST(device_memory_is_pinned_without_reference)
{
	pa_t pa = map_bar();
	struct pin_run run = pin(VA + PAGE, 15, true);

	ck_assert(run.reserved);
	ck_assert_uint_eq(run.pa, pa + PAGE);
	ck_assert_int_eq(run.step, 4096);
	ck_assert_uint_eq(phys_pins_total(phys), 0);
	ck_assert_int_eq(pin_error(VA + BAR_LEN, false), -EFAULT);
	put(mm, VA + 3 * PAGE, 9);
	ck_assert_uint_eq(bar_bytes[3 * PAGE], 9);
	bar_bytes[4 * PAGE] = 8;
	ck_assert_uint_eq(get(mm, VA + 4 * PAGE), 8);
	unpin(run);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, BAR_LEN), 0);
	ck_assert_uint_eq(mm_sim_extent_count(mm), 0);
}
END_TEST

START_TEST(read_only_device_memory_refuses_pins_for_writing)
{
	map_bar();
	ck_assert_int_eq(mm_sim_protect(mm, VA, PAGE, MM_READ), 0);
	ck_assert_int_eq(pin_error(VA, true), -EFAULT);
	unpin(pin(VA, 1, false));
	unpin(pin(VA + PAGE, 1, true));
}
END_TEST

START_TEST(device_memory_without_access_is_read_if_its_page_is_known)
{
	map_bar();
	put(mm, VA, 1);                  /* touched */
	unpin(pin(VA + PAGE, 1, false)); /* pinned before */
	ck_assert_int_eq(mm_sim_protect(mm, VA, BAR_LEN, 0), 0);
	unpin(pin(VA, 1, false));
	ck_assert_uint_eq(pin(VA, 2, false).pages, 2);
	ck_assert_int_eq(pin_error(VA, true), -EFAULT);
	ck_assert_int_eq(pin_error(VA + 2 * PAGE, false), -EFAULT);
	/* A new map of the same pages knows nothing. */
	ck_assert_int_eq(mm_sim_unmap(mm, VA, BAR_LEN), 0);
	map_kind(MM_PFN, VA, PAGE, 0);
	ck_assert_int_eq(pin_error(VA, false), -EFAULT);
}
END_TEST

START_TEST(device_memory_is_neither_locked_nor_discarded)
{
	struct task task = {.mm = mm, .cap_ipc_lock = true};

	map_bar();
	ck_assert_int_eq(mm_sim_discard(mm, VA, PAGE), -EINVAL);
	ck_assert_int_eq(mm_sim_lock(mm, &task, VA, BAR_LEN), 0);
	ck_assert_uint_eq(mm->locked_pages, 0);
}
END_TEST

/* ---- what happens to pinned pages ---- */

START_TEST(unmap_leaves_the_device_the_old_page)
{
	struct pin_run run;

	map_anon(VA, PAGE, RW);
	put(mm, VA, 1);
	run = pin(VA, 1, true);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, PAGE), 0);
	map_anon(VA, PAGE, RW);
	ck_assert_uint_eq(get(mm, VA), 0);
	put(mm, VA, 2);
	ck_assert_uint_eq(dev_get(run, 0), 1);
	dev_put(run, 0, 3);
	ck_assert_uint_eq(get(mm, VA), 2);
	unpin(run);
	ck_assert_uint_eq(phys_frames_total(phys), 1);
}
END_TEST

START_TEST(discard_leaves_the_device_the_old_page)
{
	struct pin_run run;

	map_anon(VA, PAGE, RW);
	put(mm, VA, 1);
	run = pin(VA, 1, false);
	ck_assert_int_eq(mm_sim_discard(mm, VA, PAGE), 0);
	ck_assert_uint_eq(get(mm, VA), 0);
	ck_assert_uint_eq(dev_get(run, 0), 1);
	unpin(run);
}
END_TEST

START_TEST(discard_of_shared_memory_loses_nothing)
{
	struct pin_run run;

	map_kind(MM_SHARED, VA, PAGE, RW);
	map_kind(MM_FILE_SHARED, VA + PAGE, PAGE, RW);
	put(mm, VA, 1);
	put(mm, VA + PAGE, 2);
	run = pin(VA, 1, true);
	ck_assert_int_eq(mm_sim_discard(mm, VA, 2 * PAGE), 0);
	ck_assert_uint_eq(get(mm, VA), 1);
	ck_assert_uint_eq(get(mm, VA + PAGE), 2);
	dev_put(run, 0, 3);
	ck_assert_uint_eq(get(mm, VA), 3);
	unpin(run);
}
END_TEST

START_TEST(a_device_write_is_seen_in_every_kind_of_memory)
{
	for (enum mm_kind kind = MM_ANON; kind <= MM_FILE_PRIVATE; kind++) {
		struct pin_run run;

		map_kind(kind, VA, PAGE, RW);
		run = pin(VA, 1, true);
		dev_put(run, 0, 4);
		ck_assert_uint_eq(get(mm, VA), 4);
		put(mm, VA, 5);
		ck_assert_uint_eq(dev_get(run, 0), 5);
		unpin(run);
	}
}
END_TEST

START_TEST(a_private_file_page_is_copied_by_write_and_by_pin)
{
	struct mm_map_req req = {.va = VA + HUGE,
				 .len = 4 * PAGE,
				 .prot = RW,
				 .kind = MM_FILE_PRIVATE};
	struct pin_run run;

	map_kind(MM_FILE_SHARED, VA, 4 * PAGE, RW);
	put(mm, VA, 1);
	put(mm, VA + PAGE, 2);
	/* The same file again, privately, from its second page on. */
	ck_assert_int_eq(mm_map_object(mm, &req, area_at(mm_sim_of(mm), VA / PAGE)->object, 1), 0);
	ck_assert_uint_eq(get(mm, VA + HUGE), 2);
	put(mm, VA + PAGE, 3);
	ck_assert_uint_eq(get(mm, VA + HUGE), 3);
	run = pin(VA + HUGE, 1, false);
	ck_assert_uint_eq(dev_get(run, 0), 3);
	dev_put(run, 0, 4);
	ck_assert_uint_eq(get(mm, VA + HUGE), 4);
	ck_assert_uint_eq(get(mm, VA + PAGE), 3);
	put(mm, VA + HUGE + PAGE, 9);
	ck_assert_uint_eq(get(mm, VA + 2 * PAGE), 0);
	/* Discarded, the file shows again. */
	ck_assert_int_eq(mm_sim_discard(mm, VA + HUGE, PAGE), 0);
	ck_assert_uint_eq(get(mm, VA + HUGE), 3);
	ck_assert_uint_eq(dev_get(run, 0), 4);
	unpin(run);
}
END_TEST

/* ---- fork and exit ---- */

START_TEST(fork_copies_pinned_pages)
{
	struct pin_run run;
	struct mm *child;

	map_anon(VA, PAGE, RW);
	put(mm, VA, 1);
	run = pin(VA, 1, true);
	child = mm_sim_fork(mm);
	ck_assert_uint_eq(phys_frames_total(phys), 2);
	put(mm, VA, 2);
	ck_assert_uint_eq(dev_get(run, 0), 2);
	ck_assert_uint_eq(get(child, VA), 1);
	put(child, VA, 3);
	ck_assert_uint_eq(dev_get(run, 0), 2);
	dev_put(run, 0, 4);
	ck_assert_uint_eq(get(mm, VA), 4);
	ck_assert_uint_eq(get(child, VA), 3);
	ck_assert_uint_eq(phys_frames_total(phys), 2);
	audit(child);
	exit_mm(child);
	unpin(run);
}
END_TEST

START_TEST(fork_shares_pages_until_somebody_writes_or_pins)
{
	struct mm *child;
	struct pin_run run;

	map_anon(VA, 4 * PAGE, RW);
	for (unsigned i = 0; i < 4; i++)
		put(mm, VA + i * PAGE, (uint8_t)(10 + i));
	child = mm_sim_fork(mm);
	ck_assert_uint_eq(phys_frames_total(phys), 4);
	put(mm, VA, 1);
	ck_assert_uint_eq(get(child, VA), 10);
	put(child, VA + PAGE, 2);
	ck_assert_uint_eq(get(mm, VA + PAGE), 11);
	run = pin_in(child, VA + 2 * PAGE, 1, false);
	ck_assert_uint_eq(phys_frames_total(phys), 7);
	put(mm, VA + 2 * PAGE, 3);
	ck_assert_uint_eq(dev_get(run, 0), 12);
	dev_put(run, 0, 4);
	ck_assert_uint_eq(get(child, VA + 2 * PAGE), 4);
	audit(mm);
	audit(child);
	exit_mm(child);
	unpin(run);
	/* Alone again, the parent keeps its page. */
	put(mm, VA + 3 * PAGE, 5);
	ck_assert_uint_eq(phys_frames_total(phys), 4);
}
END_TEST

START_TEST(fork_shares_shared_memory_for_good)
{
	struct mm *child;
	struct pin_run run;

	map_kind(MM_SHARED, VA, 2 * PAGE, RW);
	put(mm, VA, 1);
	child = mm_sim_fork(mm);
	run = pin_in(child, VA, 1, true);
	put(mm, VA, 2);
	ck_assert_uint_eq(get(child, VA), 2);
	ck_assert_uint_eq(dev_get(run, 0), 2);
	put(child, VA + PAGE, 3);
	ck_assert_uint_eq(get(mm, VA + PAGE), 3);
	exit_mm(child);
	ck_assert_uint_eq(get(mm, VA + PAGE), 3);
	unpin(run);
}
END_TEST

START_TEST(fork_keeps_what_pages_of_device_memory_are_known)
{
	struct pin_run run;
	struct mm *child;

	map_bar();
	put(mm, VA, 1);
	child = mm_sim_fork(mm);
	ck_assert_int_eq(mm_sim_protect(child, VA, BAR_LEN, 0), 0);
	ck_assert_int_eq(child->ops->pin(child, VA, 1, false, &run), 0);
	ck_assert_int_eq(child->ops->pin(child, VA + PAGE, 1, false, &run), -EFAULT);
	audit(child);
	exit_mm(child);
}
END_TEST

START_TEST(huge_pages_are_copied_whole)
{
	struct pin_run run;
	struct mm *child;

	map_huge(VA, 3 * HUGE);
	put(mm, VA, 1);
	put(mm, VA + HUGE, 2);
	ck_assert_uint_eq(phys_frames_total(phys), 2 * HUGE_PAGES);
	run = pin(VA + 5 * PAGE, 1, true);
	child = mm_sim_fork(mm);
	ck_assert_uint_eq(phys_frames_total(phys), 3 * HUGE_PAGES);
	put(child, VA + HUGE + 7 * PAGE, 3);
	ck_assert_uint_eq(phys_frames_total(phys), 4 * HUGE_PAGES);
	ck_assert_uint_eq(get(child, VA + HUGE), 2);
	ck_assert_uint_eq(get(mm, VA + HUGE + 7 * PAGE), 0);
	ck_assert_uint_eq(get(child, VA), 1);
	put(mm, VA + 5 * PAGE, 8);
	ck_assert_uint_eq(dev_get(run, 0), 8);
	ck_assert_uint_eq(get(child, VA + 5 * PAGE), 0);
	audit(mm);
	audit(child);
	exit_mm(child);
	unpin(run);
}
END_TEST

START_TEST(pinned_pages_outlive_the_process)
{
	struct pin_run run;

	map_anon(VA, 8 * PAGE, RW);
	ck_assert_int_eq(mm_sim_touch(mm, VA, 4 * PAGE), 0);
	put(mm, VA, 1);
	run = pin(VA, 2, true);
	mm_sim_exit(mm);
	ck_assert(!mm_alive(mm));
	ck_assert_uint_eq(phys_frames_total(phys), 2);
	ck_assert_uint_eq(dev_get(run, 0), 1);
	dev_put(run, 1, 2);
	ck_assert_int_eq(pin_error(VA, false), -EFAULT);
	ck_assert_uint_eq(mm->locked_pages, 0);
	unpin(run);
	ck_assert_uint_eq(phys_frames_total(phys), 0);
}
END_TEST

/* ---- munmap, mprotect, madvise by themselves ---- */

START_TEST(unmap_accepts_holes_and_refuses_odd_requests)
{
	map_anon(VA, PAGE, RW);
	map_anon(VA + 4 * PAGE, PAGE, RW);
	ck_assert_int_eq(mm_sim_unmap(mm, VA + 1, PAGE), -EINVAL);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, 0), -EINVAL);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, ~UINT64_C(0)), -EINVAL);
	ck_assert_int_eq(mm_sim_unmap(mm, MM_USER_END, PAGE), -EINVAL);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, 4 * PAGE + 1), 0); /* rounded up */
	ck_assert_int_eq(mm_sim_unmap(mm, VA, 5 * PAGE), 0);
	ck_assert(!mm_sim_area(mm, 0, &(struct mm_map_req){0}));
}
END_TEST

START_TEST(huge_pages_are_not_cut)
{
	map_huge(VA, 2 * HUGE);
	put(mm, VA, 1);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, PAGE), -EINVAL);
	ck_assert_int_eq(mm_sim_unmap(mm, VA + PAGE, HUGE - PAGE), -EINVAL);
	ck_assert_int_eq(mm_sim_protect(mm, VA, PAGE, MM_READ), -EINVAL);
	ck_assert_int_eq(mm_sim_protect(mm, VA, PAGE, RW), 0); /* no change, no cut */
	ck_assert_int_eq(mm_sim_discard(mm, VA + PAGE, HUGE), -EINVAL);
	ck_assert_int_eq(mm_sim_discard(mm, VA, HUGE - PAGE), 0); /* rounded down to nothing */
	ck_assert_uint_eq(get(mm, VA), 1);
	ck_assert_int_eq(mm_sim_discard(mm, VA, HUGE + PAGE), 0);
	ck_assert_uint_eq(get(mm, VA), 0);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, HUGE), 0);
	ck_assert_int_eq(pin_error(VA, true), -EFAULT);
	unpin(pin(VA + 2 * HUGE - PAGE, 1, true));
}
END_TEST

START_TEST(protect_stops_at_the_first_hole)
{
	map_anon(VA, 2 * PAGE, RW);
	map_anon(VA + 3 * PAGE, PAGE, RW);
	ck_assert_int_eq(mm_sim_protect(mm, VA + 1, PAGE, MM_READ), -EINVAL);
	ck_assert_int_eq(mm_sim_protect(mm, VA, 0, MM_READ), 0);
	ck_assert_int_eq(mm_sim_protect(mm, VA + PAGE, 3 * PAGE, MM_READ), -ENOMEM);
	unpin(pin(VA, 1, true));
	ck_assert_int_eq(pin_error(VA + PAGE, true), -EFAULT);
	unpin(pin(VA + 3 * PAGE, 1, true));
	ck_assert_int_eq(mm_sim_protect(mm, VA + 2 * PAGE, 2 * PAGE, MM_READ), -ENOMEM);
	unpin(pin(VA + 3 * PAGE, 1, true));
	ck_assert_int_eq(mm_sim_protect(mm, VA, ~UINT64_C(0), MM_READ), -ENOMEM);
}
END_TEST

START_TEST(discard_goes_on_behind_holes)
{
	map_anon(VA, PAGE, RW);
	map_anon(VA + 2 * PAGE, PAGE, RW);
	put(mm, VA, 1);
	put(mm, VA + 2 * PAGE, 2);
	ck_assert_int_eq(mm_sim_discard(mm, VA, 3 * PAGE), -ENOMEM);
	ck_assert_uint_eq(get(mm, VA), 0);
	ck_assert_uint_eq(get(mm, VA + 2 * PAGE), 0);
	ck_assert_int_eq(mm_sim_discard(mm, VA + 1, PAGE), -EINVAL);
	ck_assert_int_eq(mm_sim_discard(mm, VA, 0), 0);
	ck_assert_int_eq(mm_sim_discard(mm, VA + 4 * PAGE, PAGE), -ENOMEM);
	ck_assert_int_eq(mm_sim_discard(mm, VA, ~UINT64_C(0)), -EINVAL);
}
END_TEST

START_TEST(discard_of_locked_memory_is_refused_where_it_is_locked)
{
	struct task task = {.mm = mm, .cap_ipc_lock = true};

	map_anon(VA, 3 * PAGE, RW);
	for (unsigned i = 0; i < 3; i++)
		put(mm, VA + i * PAGE, 1);
	ck_assert_int_eq(mm_sim_lock(mm, &task, VA + PAGE, PAGE), 0);
	ck_assert_int_eq(mm_sim_discard(mm, VA, 3 * PAGE), -EINVAL);
	ck_assert_uint_eq(get(mm, VA), 0);
	ck_assert_uint_eq(get(mm, VA + PAGE), 1);
	ck_assert_uint_eq(get(mm, VA + 2 * PAGE), 1);
}
END_TEST

START_TEST(mapping_over_something_replaces_it)
{
	struct task task = {.mm = mm, .cap_ipc_lock = true};

	map_anon(VA, 4 * PAGE, RW);
	put(mm, VA + PAGE, 1);
	ck_assert_int_eq(mm_sim_lock(mm, &task, VA, 4 * PAGE), 0);
	ck_assert_uint_eq(mm->locked_pages, 4);
	map_anon(VA + PAGE, 2 * PAGE, RW);
	ck_assert_uint_eq(get(mm, VA + PAGE), 0);
	ck_assert_uint_eq(mm->locked_pages, 2);
}
END_TEST

START_TEST(map_refuses_odd_requests)
{
	struct mm_map_req req = {.va = VA + 1, .len = PAGE, .prot = RW};

	ck_assert_int_eq(mm_sim_map(mm, &req), -EINVAL);
	req = (struct mm_map_req){.va = VA, .len = 0, .prot = RW};
	ck_assert_int_eq(mm_sim_map(mm, &req), -EINVAL);
	req = (struct mm_map_req){.va = VA, .len = ~UINT64_C(0), .prot = RW};
	ck_assert_int_eq(mm_sim_map(mm, &req), -ENOMEM);
	req = (struct mm_map_req){.va = MM_USER_END - PAGE, .len = 2 * PAGE, .prot = RW};
	ck_assert_int_eq(mm_sim_map(mm, &req), -ENOMEM);
	req = (struct mm_map_req){.va = VA + PAGE, .len = PAGE, .prot = RW, .hugetlb = true};
	ck_assert_int_eq(mm_sim_map(mm, &req), -EINVAL);
	req = (struct mm_map_req){.va = VA, .len = PAGE, .prot = 8};
	ck_assert_int_eq(mm_sim_map(mm, &req), -EINVAL);
	/* Huge pages are rounded up to. */
	req = (struct mm_map_req){.va = VA, .len = PAGE, .prot = RW, .hugetlb = true};
	ck_assert_int_eq(mm_sim_map(mm, &req), 0);
	ck_assert(mm_sim_area(mm, 0, &req));
	ck_assert_uint_eq(req.len, HUGE);
}
END_TEST

START_TEST(areas_that_become_equal_are_one_again)
{
	struct mm_map_req req;

	map_anon(VA, 8 * PAGE, RW);
	ck_assert_int_eq(mm_sim_protect(mm, VA + 2 * PAGE, 2 * PAGE, MM_READ), 0);
	ck_assert(mm_sim_area(mm, VA, &req));
	ck_assert_uint_eq(req.len, 2 * PAGE);
	ck_assert_int_eq(mm_sim_protect(mm, VA + 2 * PAGE, 2 * PAGE, RW), 0);
	map_anon(VA + 8 * PAGE, PAGE, RW);
	ck_assert(mm_sim_area(mm, VA, &req));
	ck_assert_uint_eq(req.va, VA);
	ck_assert_uint_eq(req.len, 9 * PAGE);
}
END_TEST

/* ---- the process's own access ---- */

START_TEST(access_ends_where_the_process_would_get_a_signal)
{
	uint8_t buf[3 * PAGE];

	map_anon(VA, 2 * PAGE, RW);
	ck_assert_int_eq(mm_sim_protect(mm, VA + PAGE, PAGE, MM_READ), 0);
	memset(buf, 1, sizeof(buf));
	ck_assert_int_eq(mm_sim_write(mm, VA + PAGE - 8, buf, 16), -EFAULT);
	ck_assert_uint_eq(get(mm, VA + PAGE - 1), 1);
	ck_assert_uint_eq(get(mm, VA + PAGE), 0);
	ck_assert_int_eq(mm_sim_read(mm, VA, buf, sizeof(buf)), -EFAULT);
	ck_assert_uint_eq(buf[PAGE - 1], 1);
	ck_assert_uint_eq(buf[PAGE], 0);
	ck_assert_int_eq(mm_sim_read(mm, VA, buf, 0), 0);
	ck_assert_int_eq(mm_sim_read(mm, ~UINT64_C(0), buf, 2), -EFAULT);
	ck_assert_int_eq(mm_sim_touch(mm, VA, 2 * PAGE), 0);
	ck_assert_int_eq(mm_sim_touch(mm, VA, 2 * PAGE + 1), -EFAULT);
	ck_assert_int_eq(mm_sim_touch(mm, VA, ~UINT64_C(0)), -EFAULT);
}
END_TEST

START_TEST(large_accesses_cross_pages_and_areas)
{
	static uint8_t out[64 * PAGE], in[64 * PAGE];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 + i / PAGE);
	map_anon(VA, 16 * PAGE, RW);
	map_kind(MM_SHARED, VA + 16 * PAGE, 16 * PAGE, RW);
	map_kind(MM_FILE_PRIVATE, VA + 32 * PAGE, 33 * PAGE, RW);
	ck_assert_int_eq(mm_sim_write(mm, VA + 100, out, sizeof(out)), 0);
	ck_assert_int_eq(mm_sim_read(mm, VA + 100, in, sizeof(in)), 0);
	ck_assert_mem_eq(in, out, sizeof(in));
}
END_TEST

START_TEST(memory_exhaustion_is_an_error_and_loses_nothing)
{
	struct pin_run run;
	uint64_t pages = UINT64_C(512) << 8; /* 512 MiB on a machine of 256 MiB */

	map_anon(VA, pages * PAGE, RW);
	put(mm, VA, 1);
	ck_assert_int_eq(mm_sim_touch(mm, VA, pages * PAGE), -ENOMEM);
	ck_assert_int_eq(mm->ops->pin(mm, VA + (pages - 1) * PAGE, 1, true, &run), -ENOMEM);
	ck_assert_uint_eq(get(mm, VA), 1);
	audit(mm);
	ck_assert_int_eq(mm->ops->pin(mm, VA, pages, true, &run), 0);
	/* No room to copy what is pinned. */
	ck_assert_ptr_null(mm_sim_fork(mm));
	audit(mm);
	unpin(run);
}
END_TEST

/* mlock(2): "EINVAL: the result of the addition addr+len was less than addr". */
START_TEST(locks_of_nothing_or_beyond_the_space_change_nothing)
{
	struct task task = {.mm = mm, .cap_ipc_lock = true, .rlimit_memlock = UINT64_MAX};

	map_anon(VA, 4 * PAGE, RW);
	ck_assert_int_eq(mm_sim_lock(mm, &task, VA, 0), 0);
	ck_assert_int_eq(mm_sim_unlock(mm, VA, 0), 0);
	ck_assert_int_eq(mm_sim_lock(mm, &task, VA, UINT64_MAX - VA / 2), -EINVAL);
	ck_assert_int_eq(mm_sim_unlock(mm, VA, UINT64_MAX - VA / 2), -EINVAL);
	ck_assert_uint_eq(mm->locked_pages, 0);
	ck_assert_int_eq(mm_sim_lock(mm, &task, VA, 2 * PAGE), 0);
	/* Without the right nothing more is locked while the limit is exceeded already. */
	task.cap_ipc_lock = false;
	task.rlimit_memlock = PAGE;
	ck_assert_int_eq(mm_sim_lock(mm, &task, VA, 0), -ENOMEM);
	ck_assert_int_eq(mm_sim_lock(mm, &task, VA, PAGE), -ENOMEM);
	ck_assert_uint_eq(mm->locked_pages, 2);
	ck_assert_int_eq(mm_sim_unlock(mm, VA, 4 * PAGE), 0);
	ck_assert_uint_eq(mm->locked_pages, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mm rules");
	TCase *tc = tcase_create("rules");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_add_test(tc, pinning_needs_the_protection_asked_for);
	tcase_add_test(tc, holes_and_addresses_beyond_the_user_half_cannot_be_pinned);
	tcase_add_test(tc, a_bad_page_after_good_ones_shortens_the_run);
	tcase_add_test(tc, untouched_memory_is_pinned_as_zeros_of_its_own);
	tcase_add_test(tc, protection_changed_later_takes_nothing_from_the_device);
	tcase_add_test(tc, a_run_goes_on_over_areas_whose_frames_are_adjacent);
	tcase_add_test(tc, device_memory_is_pinned_without_reference);
	tcase_add_test(tc, read_only_device_memory_refuses_pins_for_writing);
	tcase_add_test(tc, device_memory_without_access_is_read_if_its_page_is_known);
	tcase_add_test(tc, device_memory_is_neither_locked_nor_discarded);
	tcase_add_test(tc, unmap_leaves_the_device_the_old_page);
	tcase_add_test(tc, discard_leaves_the_device_the_old_page);
	tcase_add_test(tc, discard_of_shared_memory_loses_nothing);
	tcase_add_test(tc, a_device_write_is_seen_in_every_kind_of_memory);
	tcase_add_test(tc, a_private_file_page_is_copied_by_write_and_by_pin);
	tcase_add_test(tc, fork_copies_pinned_pages);
	tcase_add_test(tc, fork_shares_pages_until_somebody_writes_or_pins);
	tcase_add_test(tc, fork_shares_shared_memory_for_good);
	tcase_add_test(tc, fork_keeps_what_pages_of_device_memory_are_known);
	tcase_add_test(tc, huge_pages_are_copied_whole);
	tcase_add_test(tc, pinned_pages_outlive_the_process);
	tcase_add_test(tc, unmap_accepts_holes_and_refuses_odd_requests);
	tcase_add_test(tc, huge_pages_are_not_cut);
	tcase_add_test(tc, protect_stops_at_the_first_hole);
	tcase_add_test(tc, discard_goes_on_behind_holes);
	tcase_add_test(tc, discard_of_locked_memory_is_refused_where_it_is_locked);
	tcase_add_test(tc, mapping_over_something_replaces_it);
	tcase_add_test(tc, map_refuses_odd_requests);
	tcase_add_test(tc, areas_that_become_equal_are_one_again);
	tcase_add_test(tc, access_ends_where_the_process_would_get_a_signal);
	tcase_add_test(tc, large_accesses_cross_pages_and_areas);
	tcase_add_test(tc, memory_exhaustion_is_an_error_and_loses_nothing);
	tcase_add_test(tc, locks_of_nothing_or_beyond_the_space_change_nothing);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
