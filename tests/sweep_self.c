// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sweep itself: calls that are wrong on purpose are found out, and one that is right is not.
 */
#include "sweep_run.h"

static struct sio_machine *machine;
static struct sio_process *process;
static char problems[4096];

static void on_problem(void *ctx, const char *text)
{
	size_t at = strlen(problems);

	(void)ctx;
	snprintf(problems + at, sizeof(problems) - at, "%s\n", text);
}

/* ---- calls ---- */

static long undoes(const struct machine_call *call)
{
	struct mm *mm = call->process->task->mm;
	int rc;

	mm->locked_pages++;
	rc = inject_here("test.sweep.undoes", FAIL_ALLOC);
	mm->locked_pages--;
	return rc;
}

static long forgets_to_undo(const struct machine_call *call)
{
	struct mm *mm = call->process->task->mm;
	int rc;

	mm->locked_pages++;
	rc = inject_here("test.sweep.forgets", FAIL_ALLOC);
	if (rc)
		return rc;
	mm->locked_pages--;
	return 0;
}

static long answers_nonsense(const struct machine_call *call)
{
	(void)call;
	return inject_here("test.sweep.nonsense", FAIL_ALLOC) ? -EXDEV : 0;
}

static long half_succeeds(const struct machine_call *call)
{
	if (!inject_here("test.sweep.half", FAIL_ALLOC))
		call->process->task->mm->pinned_pages = 1;
	return 0;
}

/* A frame that nobody has any more. */
static long leaks(const struct machine_call *call)
{
	uint64_t pfn, got = phys_frames_alloc(call->process->machine->phys, 1, 0, &pfn);
	int rc = inject_here("test.sweep.leaks", FAIL_ALLOC);

	if (!rc && got)
		phys_frames_put(call->process->machine->phys, pfn, got);
	return rc;
}

static const struct {
	long (*run)(const struct machine_call *call);
	const char *problem; /* NULL: none */
	unsigned leaks;
} calls[] = {
	{undoes, NULL, 0},
	{forgets_to_undo,
	 "test.sweep.forgets failed: the call answers ENOMEM and yet changed "
	 "locked pages of process 0x0: 0x0, then 0x1",
	 0},
	{answers_nonsense, "test.sweep.nonsense failed: EXDEV is no answer of the call", 0},
	{half_succeeds, "test.sweep.half failed: the call answers 0 where it answered 0", 0},
	{leaks, "frames at the end: 1, at the start 0", 1},
};

START_TEST(a_call_that_is_wrong_is_found_out)
{
	struct sweep *sweep = sweep_create(&(struct sweep_cfg){.problem = on_problem});
	const struct sweep_result *result;

	ck_assert_ptr_nonnull(sweep);
	problems[0] = '\0';
	do {
		ck_assert_int_eq(sio_machine_create(NULL, &machine, NULL, 0), 0);
		sweep_begin(sweep, machine);
		process = sio_process_create(machine);
		ck_assert_ptr_nonnull(process);
		machine_call(&(struct machine_call){.process = process,
						    .name = "madvise",
						    .run = calls[_i].run});
		sweep_end(sweep);
		sio_machine_destroy(machine);
	} while (sweep_goes_on(sweep));
	result = sweep_result(sweep);
	ck_assert_uint_eq(result->calls, 1);
	ck_assert_uint_eq(result->points, 1);
	ck_assert_uint_eq(result->injected, 1);
	ck_assert_uint_eq(result->left_out, 0);
	ck_assert_uint_eq(result->leaks, calls[_i].leaks);
	if (calls[_i].problem)
		ck_assert_msg(strstr(problems, calls[_i].problem) != NULL, "%s", problems);
	ck_assert_msg((calls[_i].problem != NULL) == (result->problems != 0), "%s", problems);
	sweep_destroy(sweep);
}
END_TEST

static const struct {
	const char *text;
	bool sweep, wrong;
	uint32_t points, passes;
} plans[] = {
	{"sweep", true, false, 0, 0},
	{"sweep:max=7", true, false, 7, 0},
	{"sweep:max=7,passes=3", true, false, 7, 3},
	{"sweep:max=0", false, true, 0, 0},
	{"sweep:max=1x", false, true, 0, 0},
	{"sweep:", false, true, 0, 0},
	{"sweep:often", false, true, 0, 0},
	{"sweep:max=4294967296", false, true, 0, 0},
	{"sweeper:nth=1", false, false, 0, 0},
	{"type1.pin:nth=1", false, false, 0, 0},
};

START_TEST(a_plan_is_a_sweep_or_wrong_or_another)
{
	struct sweep_cfg cfg = {0};
	const char *why;

	ck_assert(sweep_parse(plans[_i].text, &cfg, &why) == plans[_i].sweep);
	ck_assert((why != NULL) == plans[_i].wrong);
	if (!plans[_i].sweep)
		return;
	ck_assert_uint_eq(cfg.max_points, plans[_i].points);
	ck_assert_uint_eq(cfg.max_passes, plans[_i].passes);
}
END_TEST

/* Points of one call beyond the bound are counted, not tried. */
static void three_maps(struct sweep_client *c)
{
	c->container = sio_open(c->process, "/dev/vfio/vfio");
	sweep_join(c, sweep_group(c, "A"));
	sio_ioctl(c->process, c->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
}

START_TEST(what_is_left_out_is_counted)
{
	struct sweep *sweep = sweep_create(&(struct sweep_cfg){.max_points = 1});
	const struct sweep_result *result = sweep_result(sweep);

	do {
		struct sweep_client c = {0};

		ck_assert_int_eq(sio_machine_create(NULL, &c.machine, NULL, 0), 0);
		sweep_begin(sweep, c.machine);
		c.process = sio_process_create(c.machine);
		three_maps(&c);
		sweep_end(sweep);
		sio_machine_destroy(c.machine);
	} while (sweep_goes_on(sweep));
	ck_assert_uint_eq(result->problems, 0);
	ck_assert_uint_gt(result->left_out, 0);
	ck_assert_uint_eq(result->left_out, result->points - result->injected);
	sweep_destroy(sweep);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sweep itself");
	TCase *tcase = tcase_create("sweep");

	tcase_add_loop_test(tcase, a_call_that_is_wrong_is_found_out, 0, SIO_ARRAY_SIZE(calls));
	tcase_add_loop_test(tcase, a_plan_is_a_sweep_or_wrong_or_another, 0, SIO_ARRAY_SIZE(plans));
	tcase_add_test(tcase, what_is_left_out_is_counted);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
