// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every recording of a type1 container of a real kernel, operation by operation: all answers equal,
 * every audit holds.
 *
 * One loop test runs over the files of golden.tar.xz, on VT-d units in legacy and scalable mode and
 * on AMD-Vi. Those of iommufd are replayed by replay_iommufd.
 */
#include <glob.h>
#include <stdio.h>

#include "harness.h"
#include "trace/replay.h"

static glob_t files;

struct first {
	char text[1024];
};

static void keep_first(void *ctx, const struct replay_difference *d)
{
	struct first *first = ctx;

	if (!first->text[0])
		snprintf(first->text, sizeof(first->text),
			 "%s:%u: %s\n  expected %s\n  got      %s", d->file, d->line, d->text,
			 d->expected, d->got);
}

START_TEST(every_recorded_answer_is_given)
{
	const char *path = files.gl_pathv[_i];
	struct first first = {""};
	struct replay_cfg cfg = {
		.strict = true,
		.audit_every = 5,
		.thorough = true,
		.difference = keep_first,
		.ctx = &first,
	};
	struct replay_result result;
	char error[512];
	int rc = replay_file(path, &cfg, &result, error, sizeof(error));

	ck_assert_msg(rc == 0, "%s", error);
	ck_assert_msg(result.different == 0,
		      "%llu of %llu differ, first %s\nreproduce: softiommu replay %s",
		      (unsigned long long)result.different, (unsigned long long)result.operations,
		      first.text, path);
	ck_assert_msg(result.audit_failures == 0, "%s: %s", path, result.first_audit);
	ck_assert_msg(result.stale == 0, "%s: %llu stale translations", path,
		      (unsigned long long)result.stale);
	ck_assert_uint_gt(result.operations, 0);
	replay_result_fini(&result);
}
END_TEST

START_TEST(the_archive_is_complete)
{
	ck_assert_uint_eq(files.gl_pathc, 666);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay_golden");
	TCase *tcase = tcase_create("recordings");
	int failed;

	glob(SIO_TRACES_DIR "/golden/{dma,type1,type1v2}/*.golden", GLOB_BRACE, NULL, &files);
	tcase_set_timeout(tcase, 600);
	tcase_add_test(tcase, the_archive_is_complete);
	tcase_add_loop_test(tcase, every_recorded_answer_is_given, 0, (int)files.gl_pathc);
	suite_add_tcase(suite, tcase);
	failed = run_suite(suite);
	globfree(&files);
	return failed;
}
