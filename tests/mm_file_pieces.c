// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file that counts the pieces of its maps: what mmap, munmap, mprotect, fork and exit tell it,
 * and that each piece keeps the file open.
 */
#include "core/file.h"
#include "core/mm_sim.h"

#include <check.h>

#include "harness.h"

#define VA     UINT64_C(0x100000000)
#define PAGE   SIO_PAGE_SIZE
#define OFFSET 0x7000u

struct counted {
	struct file file;
	int pieces;
	bool released;
};

static void piece_opened(struct file *file, uint64_t offset)
{
	ck_assert_uint_eq(offset, OFFSET);
	sio_container_of(file, struct counted, file)->pieces++;
}

static void piece_closed(struct file *file, uint64_t offset)
{
	ck_assert_uint_eq(offset, OFFSET);
	sio_container_of(file, struct counted, file)->pieces--;
}

static void released(struct file *file)
{
	sio_container_of(file, struct counted, file)->released = true;
}

static const struct file_ops counted_ops = {
	.kind = "counted",
	.mmap_open = piece_opened,
	.mmap_close = piece_closed,
	.release = released,
};

static struct phys *phys;
static struct mm *mm;
static struct counted counted;

static void setup(void)
{
	phys = phys_create(&(struct phys_cfg){.ram_bytes = UINT64_C(64) << 20});
	ck_assert_ptr_nonnull(phys);
	mm = mm_sim_create(phys, 1);
	ck_assert_ptr_nonnull(mm);
	counted = (struct counted){.file = {&counted_ops, 1}};
}

static void map_at(uint64_t va, uint64_t pages)
{
	const struct mm_map_req req = {
		.va = va,
		.len = pages * PAGE,
		.prot = MM_READ | MM_WRITE,
		.kind = MM_PFN,
		.pfn_pa = UINT64_C(1) << 40,
		.file = &counted.file,
		.file_offset = OFFSET,
	};

	ck_assert_int_eq(mm_sim_map(mm, &req), 0);
}

static void mm_end(struct mm *it)
{
	mm_sim_exit(it);
	mm_put(it);
}

static void teardown(void)
{
	mm_end(mm);
	ck_assert_int_eq(counted.pieces, 0);
	if (!counted.released)
		file_put(&counted.file);
	ck_assert(counted.released);
	ck_assert_ptr_null(phys_audit(phys));
	phys_destroy(phys);
}

START_TEST(a_hole_makes_two_pieces)
{
	map_at(VA, 8);
	ck_assert_int_eq(counted.pieces, 1);
	ck_assert_int_eq(mm_sim_unmap(mm, VA + 3 * PAGE, PAGE), 0);
	ck_assert_int_eq(counted.pieces, 2);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, 2 * PAGE), 0);
	ck_assert_int_eq(counted.pieces, 2);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, 4 * PAGE), 0);
	ck_assert_int_eq(counted.pieces, 1);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, 8 * PAGE), 0);
	ck_assert_int_eq(counted.pieces, 0);
}
END_TEST

START_TEST(pieces_that_meet_stay_apart)
{
	map_at(VA, 4);
	ck_assert_int_eq(mm_sim_protect(mm, VA + PAGE, PAGE, MM_READ), 0);
	ck_assert_int_eq(counted.pieces, 3);
	ck_assert_int_eq(mm_sim_protect(mm, VA + PAGE, PAGE, MM_READ | MM_WRITE), 0);
	ck_assert_int_eq(counted.pieces, 3);
}
END_TEST

START_TEST(a_map_over_another_takes_its_place)
{
	map_at(VA, 4);
	map_at(VA, 4);
	ck_assert_int_eq(counted.pieces, 1);
	map_at(VA + PAGE, 2);
	ck_assert_int_eq(counted.pieces, 3);
}
END_TEST

START_TEST(fork_adds_and_exit_takes_away)
{
	struct mm *child;

	map_at(VA, 4);
	ck_assert_int_eq(mm_sim_unmap(mm, VA + PAGE, PAGE), 0);
	child = mm_sim_fork(mm);
	ck_assert_ptr_nonnull(child);
	ck_assert_int_eq(counted.pieces, 4);
	ck_assert_ptr_null(mm_sim_audit(child));
	mm_end(child);
	ck_assert_int_eq(counted.pieces, 2);
}
END_TEST

START_TEST(the_last_piece_closes_the_file)
{
	map_at(VA, 4);
	file_put(&counted.file);
	ck_assert(!counted.released);
	ck_assert_int_eq(mm_sim_unmap(mm, VA, PAGE), 0);
	ck_assert(!counted.released);
	ck_assert_int_eq(mm_sim_unmap(mm, VA + PAGE, 3 * PAGE), 0);
	ck_assert(counted.released);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mm file pieces");
	TCase *tc = tcase_create("pieces");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_hole_makes_two_pieces);
	tcase_add_test(tc, pieces_that_meet_stay_apart);
	tcase_add_test(tc, a_map_over_another_takes_its_place);
	tcase_add_test(tc, fork_adds_and_exit_takes_away);
	tcase_add_test(tc, the_last_piece_closes_the_file);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
