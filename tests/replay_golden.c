// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every recording of a real kernel, operation by operation: all answers equal, every audit holds.
 *
 * One loop test runs over the files of golden.tar.xz whose platform is emulated. The others must be
 * refused before anything is replayed.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "trace/replay.h"

static const char *const replayed[] = {"vtd48", "vtd48nosc", "vtd39", "vtd39sc", "vtd48noir"};
static const char *const refused[] = {"amdvi", "vtd48sm"};

static glob_t replayed_files, refused_files;

static void find_files(glob_t *files, const char *const *platforms, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char pattern[512];

		snprintf(pattern, sizeof(pattern), SIO_TRACES_DIR "/golden/*/*.%s.golden",
			 platforms[i]);
		glob(pattern, files->gl_pathc ? GLOB_APPEND : 0, NULL, files);
	}
}

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
	const char *path = replayed_files.gl_pathv[_i];
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

START_TEST(a_recording_of_another_machine_is_refused)
{
	const char *path = refused_files.gl_pathv[_i];
	struct replay_cfg cfg = {0};
	struct replay_result result;
	char error[512];

	ck_assert_int_eq(replay_file(path, &cfg, &result, error, sizeof(error)), -EINVAL);
	ck_assert_msg(strstr(error, "not emulated") && strstr(error, path), "%s", error);
	ck_assert_uint_eq(result.operations, 0);
	ck_assert_ptr_null(result.machine);
	replay_result_fini(&result);
}
END_TEST

START_TEST(the_archive_is_complete)
{
	ck_assert_uint_eq(replayed_files.gl_pathc, 446);
	ck_assert_uint_eq(refused_files.gl_pathc, 220);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay_golden");
	TCase *tcase = tcase_create("recordings");
	int failed;

	find_files(&replayed_files, replayed, sizeof(replayed) / sizeof(replayed[0]));
	find_files(&refused_files, refused, sizeof(refused) / sizeof(refused[0]));
	tcase_set_timeout(tcase, 600);
	tcase_add_test(tcase, the_archive_is_complete);
	tcase_add_loop_test(tcase, every_recorded_answer_is_given, 0, (int)replayed_files.gl_pathc);
	tcase_add_loop_test(tcase, a_recording_of_another_machine_is_refused, 0,
			    (int)refused_files.gl_pathc);
	suite_add_tcase(suite, tcase);
	failed = run_suite(suite);
	globfree(&replayed_files);
	globfree(&refused_files);
	return failed;
}
