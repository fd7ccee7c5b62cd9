// SPDX-License-Identifier: GPL-2.0-only
/* Failure plans: their text, which passages they fail, and what they count. */
#include <stdio.h>
#include <string.h>

#include "core/inject.h"
#include "harness.h"

static struct fail_plan plan;
static char why[INJECT_ERROR_LEN];

static void setup(void)
{
	plan = (struct fail_plan){0};
	fail_enter(&plan);
}

static void teardown(void)
{
	fail_leave(NULL);
	fail_plan_clear(&plan);
}

/* Points of this test, whose names sort before and behind all others. */
static int pin(void)
{
	return inject_here("aaa.test.pin", FAIL_PIN);
}

static int copy(void)
{
	return inject_here("aaa.test.copy", FAIL_COPY_IN);
}

START_TEST(the_nth_passage_fails_once)
{
	ck_assert_int_eq(pin(), 0);
	ck_assert_int_eq(inject_plan(&plan, "aaa.test.pin:nth=3,errno=ENOMEM", why), 0);
	ck_assert_int_eq(pin(), 0);
	ck_assert_int_eq(copy(), 0);
	ck_assert_int_eq(pin(), 0);
	ck_assert_int_eq(pin(), -ENOMEM);
	ck_assert_int_eq(pin(), 0);
	ck_assert_uint_eq(plan.passages, 4);
	ck_assert_uint_eq(plan.injected, 1);
	ck_assert_str_eq(plan.last->name, "aaa.test.pin");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inject_plans");
	TCase *tc = tcase_create("plans");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_nth_passage_fails_once);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
