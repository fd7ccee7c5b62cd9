// SPDX-License-Identifier: GPL-2.0-only
/*
 * Views: memory as a reader sees it that passes the processors' caches by. What is written is there
 * once its cache line was flushed, 64 bytes at a time, and not before.
 */
#include "flush.h"
#include "harness.h"
#include "phys.h"

#define RAM UINT64_C(0x4000000)

static struct phys *phys;

static void setup(void)
{
	phys = phys_create(&(struct phys_cfg){.ram_bytes = RAM});
	ck_assert_ptr_nonnull(phys);
}

static void teardown(void)
{
	ck_assert_ptr_null(phys->views);
	phys_destroy(phys);
}

static void put(pa_t pa, uint64_t value)
{
	ck_assert(phys_write(phys, pa, &value, sizeof(value)));
}

static uint64_t seen(struct flush_view *view, pa_t pa)
{
	return *(uint64_t *)phys_ptr(flush_view_memory(view), pa);
}

START_TEST(a_view_shows_what_was_flushed_by_whole_lines)
{
	struct flush_view *view = flush_view_attach(phys);

	ck_assert_ptr_nonnull(view);
	for (pa_t pa = 0x1000; pa < 0x1100; pa += 8)
		put(pa, pa);
	ck_assert_uint_eq(seen(view, 0x1040), 0);
	/* One byte of a line, and the last byte of it with the first of the next. */
	flush_views(phys, 0x1047, 1);
	for (pa_t pa = 0x1000; pa < 0x1100; pa += 8)
		ck_assert_uint_eq(seen(view, pa), pa >= 0x1040 && pa < 0x1080 ? pa : 0);
	flush_views(phys, 0x107f, 2);
	for (pa_t pa = 0x1000; pa < 0x1100; pa += 8)
		ck_assert_uint_eq(seen(view, pa), pa >= 0x1040 && pa < 0x10c0 ? pa : 0);
	/* Nothing, or nothing that is memory. */
	flush_views(phys, 0x1000, 0);
	flush_views(phys, RAM, 8);
	flush_views(phys, RAM - 8, 16);
	ck_assert_uint_eq(seen(view, 0x1000), 0);
	ck_assert_uint_eq(seen(view, RAM - 8), 0);
	flush_view_reset(view);
	ck_assert_uint_eq(seen(view, 0x1040), 0);
	flush_view_detach(phys, view);
}
END_TEST

START_TEST(views_come_and_go_in_any_order)
{
	struct flush_view *view[3];

	for (unsigned first = 0; first < 3; first++) {
		for (unsigned i = 0; i < 3; i++) {
			view[i] = flush_view_attach(phys);
			ck_assert_ptr_nonnull(view[i]);
		}
		flush_view_detach(phys, view[first]);
		put(0x2000, 7 + first);
		flush_views(phys, 0x2000, 8);
		for (unsigned i = 1; i < 3; i++)
			ck_assert_uint_eq(seen(view[(first + i) % 3], 0x2000), 7 + first);
		flush_view_detach(phys, view[(first + 1) % 3]);
		flush_view_detach(phys, view[(first + 2) % 3]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("views");
	TCase *tcase = tcase_create("views");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_view_shows_what_was_flushed_by_whole_lines);
	tcase_add_test(tcase, views_come_and_go_in_any_order);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
