// SPDX-License-Identifier: GPL-2.0-only
/* Failure plans: their text, which passages they fail, what they count, and all points there are.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "api_client.h"
#include "core/inject.h"
#include "report/report.h"

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

/* Points of this test. */
static int pin(void)
{
	return inject_here("test.one.pin", FAIL_PIN);
}

static int copy(void)
{
	return inject_here("test.one.copy", FAIL_COPY_IN);
}

static int attach(void)
{
	return inject_here("test.two.attach", FAIL_ATTACH, EBUSY, ENODEV);
}

static bool bug(void)
{
	return fail_at(FAIL_POINT("test.one.bug", FAIL_BUG));
}

static void set_plan(const char *text)
{
	ck_assert_msg(inject_plan(&plan, text, why) == 0, "%s: %s", text, why);
}

START_TEST(without_a_plan_nothing_fails_and_nothing_counts)
{
	ck_assert_int_eq(pin(), 0);
	ck_assert(!bug());
	fail_leave(NULL);
	ck_assert_int_eq(pin(), 0);
	ck_assert_uint_eq(plan.passages, 0);
}
END_TEST

START_TEST(the_nth_passage_fails_once)
{
	ck_assert_int_eq(pin(), 0);
	set_plan("test.one.pin:nth=3,errno=ENOMEM");
	ck_assert_int_eq(pin(), 0);
	ck_assert_int_eq(copy(), 0);
	ck_assert_int_eq(pin(), 0);
	ck_assert_int_eq(pin(), -ENOMEM);
	ck_assert_int_eq(pin(), 0);
	ck_assert_uint_eq(plan.passages, 4);
	ck_assert_uint_eq(plan.injected, 1);
	ck_assert_str_eq(plan.last->name, "test.one.pin");
}
END_TEST

START_TEST(a_point_answers_its_usual_errno_unless_told)
{
	set_plan("test.one.pin:nth=1");
	ck_assert_int_eq(pin(), -EFAULT);
	set_plan("test.two.attach:nth=1");
	ck_assert_int_eq(attach(), -EBUSY);
	set_plan("test.two.attach:nth=1,errno=ENODEV");
	ck_assert_int_eq(attach(), -ENODEV);
}
END_TEST

START_TEST(a_prefix_counts_over_its_points)
{
	set_plan("test.one.*:nth=3");
	ck_assert_int_eq(pin(), 0);
	ck_assert_int_eq(attach(), 0);
	ck_assert(!bug());
	ck_assert_int_eq(copy(), 0);
	ck_assert_int_eq(pin(), -EFAULT);
	ck_assert_uint_eq(plan.passages, 3);
}
END_TEST

START_TEST(a_kind_selects_its_points)
{
	set_plan("copy-in:nth=2");
	ck_assert_int_eq(copy(), 0);
	ck_assert_int_eq(pin(), 0);
	ck_assert_int_eq(copy(), -EFAULT);
}
END_TEST

START_TEST(a_star_counts_over_all_points_but_bugs)
{
	set_plan("*:nth=4");
	ck_assert_int_eq(pin(), 0);
	ck_assert(!bug());
	ck_assert_int_eq(copy(), 0);
	ck_assert_int_eq(attach(), 0);
	ck_assert(!bug());
	ck_assert_int_eq(copy(), -EFAULT);
	set_plan("test.one.bug:nth=1");
	ck_assert(bug());
	set_plan("bug:nth=1");
	ck_assert(bug());
}
END_TEST

/* 64 passages as bits. */
static uint64_t draw(const char *text)
{
	uint64_t bits = 0;

	set_plan(text);
	for (unsigned i = 0; i < 64; i++)
		bits |= (uint64_t)(pin() != 0) << i;
	ck_assert_uint_eq(plan.injected, (uint64_t)__builtin_popcountll(bits));
	return bits;
}

START_TEST(a_probability_is_drawn_from_the_seed)
{
	uint64_t once = draw("test.one.pin:prob=0.5,seed=7"), expected = 0;
	struct prng rng = {.state = 7};

	for (unsigned i = 0; i < 64; i++)
		expected |= (uint64_t)(prng_next(&rng) >> 63 == 0) << i;
	ck_assert_uint_eq(once, expected);
	ck_assert_uint_eq(draw("test.one.pin:prob=0.5,seed=7"), once);
	ck_assert_uint_eq(draw("test.one.pin:seed=7,prob=0.500"), once);
	ck_assert_uint_ne(draw("test.one.pin:prob=0.5,seed=8"), once);
	ck_assert_uint_eq(draw("test.one.pin:prob=1,seed=0"), UINT64_MAX);
	ck_assert_uint_eq(draw("test.one.pin:prob=1.000,seed=0,errno=EINTR"), UINT64_MAX);
}
END_TEST

START_TEST(counters_tell_what_was_passed_and_what_failed)
{
	const struct fail_point *point, *none = NULL;
	uint64_t seen = 0, injected = 0;

	set_plan("test.one.pin:nth=2");
	for (unsigned i = 0; i < 3; i++)
		(void)pin();
	(void)copy();
	for (size_t n = 0; (point = fail_point_at(n)); n++) {
		struct fail_count count = fail_plan_count(&plan, point);

		seen += count.seen;
		injected += count.injected;
		if (!strcmp(point->name, "test.one.pin"))
			ck_assert_uint_eq(count.seen, 3);
		if (!strcmp(point->name, "test.one.copy"))
			ck_assert_uint_eq(count.seen, 1);
		if (!strcmp(point->name, "test.two.attach"))
			none = point;
	}
	ck_assert_uint_eq(seen, 4);
	ck_assert_uint_eq(injected, 1);
	ck_assert_uint_eq(fail_plan_count(&plan, none).seen, 0);
	set_plan("*:nth=9");
	ck_assert_uint_eq(plan.passages + plan.injected, 0);
	ck_assert_ptr_null(plan.last);
	set_plan("");
	ck_assert_uint_eq(fail_plan_count(&plan, none).seen, 0);
}
END_TEST

static const struct {
	const char *text, *why;
} bad_plans[] = {
	{"pin", "missing"},
	{"test.one.pin", "missing"},
	{"test.one.pin:", "unknown option"},
	{"test.one.pin:nth=", "from 1 up"},
	{"test.one.pin:nth=0", "from 1 up"},
	{"test.one.pin:nth=-1", "from 1 up"},
	{"test.one.pin:nth=1x", "from 1 up"},
	{"test.one.pin:nth=99999999999999999999999", "from 1 up"},
	{"test.one.pin:nth=1,", "unknown option"},
	{"test.one.pin:nth=1,,errno=EFAULT", "unknown option"},
	{"test.one.pin:nth=1,errno=EWHAT", "name of an error"},
	{"test.one.pin:nth=1,errno=14", "name of an error"},
	{"test.one.pin:nth=1,errno=", "name of an error"},
	{"test.one.pin:errno=EFAULT", "missing"},
	{"test.one.pin:every=2", "unknown option"},
	{"test.one.pin:nth=1,prob=0.5,seed=1", "exclude"},
	{"test.one.pin:nth=1,seed=1", "exclude"},
	{"test.one.pin:prob=0.5", "seed=S"},
	{"test.one.pin:seed=1", "prob=P"},
	{"test.one.pin:prob=0,seed=1", "up to 1"},
	{"test.one.pin:prob=1.1,seed=1", "up to 1"},
	{"test.one.pin:prob=2,seed=1", "up to 1"},
	{"test.one.pin:prob=-1,seed=1", "up to 1"},
	{"test.one.pin:prob=0.,seed=1", "up to 1"},
	{"test.one.pin:prob=0.1e3,seed=1", "up to 1"},
	{"test.one.pin:prob=0.0000000001,seed=1", "up to 1"},
	{"test.one.pin:prob=1,seed=x", "seed= wants"},
	{"test.one.pin:prob=1,seed=", "seed= wants"},
	{"test.one.pi:nth=1", "\"test.one.pi\""},
	{"test.one.pin2:nth=1", "\"test.one.pin2\""},
	{"none:nth=1", "\"none\""},
	{"nothing.*:nth=1", "\"nothing.*\""},
	{"test*one:nth=1", "\"test*one\""},
	{":nth=1", "\"\""},
	{"test.one.pin:nth=1,errno=EBUSY",
	 "test.one.pin cannot answer EBUSY; it answers EFAULT, ENOMEM, EINTR"},
	{"test.two.attach:nth=1,errno=ENOMEM",
	 "test.two.attach cannot answer ENOMEM; it answers EBUSY, ENODEV"},
	{"test.one.bug:nth=1,errno=EIO", "test.one.bug cannot answer EIO; it answers no errno"},
	{"test.*:nth=1,errno=ENOMEM", "test.one.copy cannot answer ENOMEM; it answers EFAULT"},
};

START_TEST(a_malformed_plan_is_refused_and_changes_nothing)
{
	set_plan("test.one.pin:nth=2");
	ck_assert_int_eq(pin(), 0);
	ck_assert_int_eq(inject_plan(&plan, bad_plans[_i].text, why), -EINVAL);
	ck_assert_msg(strstr(why, bad_plans[_i].why), "%s: %s", bad_plans[_i].text, why);
	ck_assert_int_eq(pin(), -EFAULT);
}
END_TEST

START_TEST(a_plan_is_in_force_on_its_thread_until_it_is_left)
{
	struct fail_plan other = {0}, *outer;

	set_plan("test.one.pin:nth=1");
	ck_assert_int_eq(inject_plan(&other, "test.one.copy:nth=1", why), 0);
	outer = fail_enter(&other);
	ck_assert_int_eq(pin(), 0);
	ck_assert_int_eq(copy(), -EFAULT);
	fail_leave(outer);
	outer = fail_enter(NULL);
	ck_assert_int_eq(pin(), 0);
	fail_leave(outer);
	ck_assert_int_eq(pin(), -EFAULT);
	fail_plan_clear(&other);
}
END_TEST

static void *pin_elsewhere(void *result)
{
	*(int *)result = pin();
	return NULL;
}

START_TEST(another_thread_knows_nothing_of_the_plan)
{
	pthread_t thread;
	int result = 1;

	set_plan("test.one.pin:nth=1");
	ck_assert_int_eq(pthread_create(&thread, NULL, pin_elsewhere, &result), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(pin(), -EFAULT);
}
END_TEST

static bool is_name(const char *name)
{
	for (const char *at = name; *at; at++)
		if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) &&
		    !strchr(".-", *at))
			return false;
	return strchr(name, '.') != NULL;
}

/* The section is an array: a gap or a foreign object in it would show as a point without name. */
START_TEST(every_point_has_a_name_of_its_own_and_named_errnos)
{
	const char *before = "";
	size_t count, n;

	ck_assert_ptr_nonnull(fail_points(&count));
	for (n = 0; n < count; n++) {
		const struct fail_point *point = fail_point_at(n);
		char text[128];

		ck_assert_ptr_nonnull(point);
		ck_assert_msg(strcmp(before, point->name) < 0, "%s twice", point->name);
		ck_assert_msg(is_name(point->name), "%s", point->name);
		ck_assert_uint_lt(point->kind, FAIL_KINDS);
		for (unsigned i = 0; inject_answer(point, i); i++)
			ck_assert_ptr_nonnull(inject_errno_name(inject_answer(point, i)));
		snprintf(text, sizeof(text), "%s:nth=1", point->name);
		set_plan(text);
		before = point->name;
	}
	ck_assert_ptr_null(fail_point_at(n));
	ck_assert_uint_gt(n, 150);
}
END_TEST

/* ---- through the public API ---- */

START_TEST(a_machine_counts_what_its_plan_selects)
{
	struct sio_machine *machine = client_machine(NULL), *other = client_machine(NULL);
	struct client c = client_open(machine, "A");
	uint64_t va = client_memory(&c, MIB);
	struct sio_inject_point point;
	uint64_t seen = 0, injected = 0;
	char error[256];

	ck_assert_uint_eq(sio_inject_count(machine), 0);
	ck_assert_int_eq(sio_inject(machine, "type1.map.*:nth=2", error, sizeof(error)), 0);
	ck_assert_int_eq(client_map(&c, 0x100000, va, MIB), -ENOMEM);
	ck_assert_uint_eq(sio_injected(machine), 1);
	ck_assert_uint_eq(sio_injected(other), 0);
	ck_assert_str_eq(sio_inject_last(machine), "type1.map.dma");
	ck_assert_ptr_null(sio_inject_last(other));
	ck_assert_uint_eq(sio_inject_count(machine), 2);
	for (unsigned n = 0; sio_inject_point(n, &point); n++) {
		seen += sio_inject_seen(machine, n);
		injected += sio_inject_injected(machine, n);
		if (!strcmp(point.name, "type1.map.copy-in")) {
			ck_assert_str_eq(point.kind, "copy-in");
			ck_assert(!point.bug);
			ck_assert_int_eq(point.error[0], EFAULT);
			ck_assert_int_eq(point.error[1], 0);
			ck_assert_uint_eq(sio_inject_seen(machine, n), 1);
		}
	}
	ck_assert_uint_ge(seen, 2);
	ck_assert_uint_eq(injected, 1);
	client_audit(&c);
	ck_assert_uint_ge(sio_inject_count(machine), 2);
	ck_assert_int_eq(client_map(&c, 0x100000, va, MIB), 0);
	ck_assert_int_eq(sio_inject(machine, "", error, sizeof(error)), 0);
	ck_assert_uint_eq(sio_inject_count(machine), 0);
	ck_assert_ptr_null(sio_inject_last(machine));
	sio_machine_destroy(machine);
	sio_machine_destroy(other);
}
END_TEST

START_TEST(looking_inside_passes_no_point)
{
	struct sio_machine *machine = client_machine(NULL);
	struct client c = client_open(machine, "A");
	struct sio_stats stats;
	char error[256];
	FILE *out;

	ck_assert_int_eq(client_map(&c, 0x100000, client_memory(&c, MIB), MIB), 0);
	ck_assert_int_eq(sio_inject(machine, "*:nth=1", error, sizeof(error)), 0);
	client_audit(&c);
	sio_stats(machine, &stats);
	out = fopen("/dev/null", "w");
	report_machine(out, machine);
	report_containers(out, machine);
	fclose(out);
	ck_assert_uint_eq(sio_inject_count(machine), 0);
	ck_assert_uint_eq(sio_injected(machine), 0);
	sio_machine_destroy(machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inject_plans");
	TCase *tc = tcase_create("plans"), *api = tcase_create("api");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, without_a_plan_nothing_fails_and_nothing_counts);
	tcase_add_test(tc, the_nth_passage_fails_once);
	tcase_add_test(tc, a_point_answers_its_usual_errno_unless_told);
	tcase_add_test(tc, a_prefix_counts_over_its_points);
	tcase_add_test(tc, a_kind_selects_its_points);
	tcase_add_test(tc, a_star_counts_over_all_points_but_bugs);
	tcase_add_test(tc, a_probability_is_drawn_from_the_seed);
	tcase_add_test(tc, counters_tell_what_was_passed_and_what_failed);
	tcase_add_loop_test(tc, a_malformed_plan_is_refused_and_changes_nothing, 0,
			    (int)SIO_ARRAY_SIZE(bad_plans));
	tcase_add_test(tc, a_plan_is_in_force_on_its_thread_until_it_is_left);
	tcase_add_test(tc, another_thread_knows_nothing_of_the_plan);
	tcase_add_test(tc, every_point_has_a_name_of_its_own_and_named_errnos);
	suite_add_tcase(suite, tc);

	tcase_add_test(api, a_machine_counts_what_its_plan_selects);
	tcase_add_test(api, looking_inside_passes_no_point);
	suite_add_tcase(suite, api);
	return run_suite(suite);
}
