// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every recording about iommufd, operation by operation: all answers equal, every audit holds.
 *
 * On 6.12: sessions with device nodes on VT-d and AMD-Vi, sessions with the selftest's mock
 * devices, and containers that iommufd provides. On 7.2 the same where it answered otherwise, what
 * is new there, and under its personality all recordings of 6.12 that it answered alike.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "trace/replay.h"

#define GOLDEN_DIR SIO_TRACES_DIR "/golden/"
#define LATER_DIR  SIO_TRACES_DIR "/kernels/7.2.13/"

struct recording {
	char *path;
	const char *kernel; /* NULL: the header's */
};

static struct recording *recordings;
static size_t count;
/* Where the recordings of each sort begin. */
static size_t later, alike;

static void add(const char *path, const char *kernel)
{
	struct recording *grown = realloc(recordings, (count + 1) * sizeof(*grown));

	if (!grown)
		abort();
	recordings = grown;
	recordings[count++] = (struct recording){strdup(path), kernel};
}

static void find(const char *pattern)
{
	glob_t files = {0};

	if (!glob(pattern, GLOB_BRACE, NULL, &files))
		for (size_t i = 0; i < files.gl_pathc; i++)
			add(files.gl_pathv[i], NULL);
	globfree(&files);
}

static void find_alike(void)
{
	char path[512], line[256];
	FILE *list = fopen(LATER_DIR "SAME.txt", "r");

	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "iommufd/", 8) && strncmp(line, "compat/", 7))
			continue;
		snprintf(path, sizeof(path), GOLDEN_DIR "%s", line);
		add(path, "7.2.13");
	}
	if (list)
		fclose(list);
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
	const struct recording *recording = &recordings[_i];
	struct first first = {""};
	struct replay_cfg cfg = {
		.kernel = recording->kernel,
		.strict = true,
		.audit_every = 5,
		.thorough = true,
		.difference = keep_first,
		.ctx = &first,
	};
	struct replay_result result;
	char error[512];
	int rc = replay_file(recording->path, &cfg, &result, error, sizeof(error));

	ck_assert_msg(rc == 0, "%s", error);
	ck_assert_msg(result.different == 0,
		      "%llu of %llu differ, first %s\nreproduce: softiommu replay%s%s %s",
		      (unsigned long long)result.different, (unsigned long long)result.operations,
		      first.text, recording->kernel ? " --kernel " : "",
		      recording->kernel ? recording->kernel : "", recording->path);
	ck_assert_msg(result.audit_failures == 0, "%s: %s", recording->path, result.first_audit);
	ck_assert_msg(result.stale == 0, "%s: %llu stale translations", recording->path,
		      (unsigned long long)result.stale);
	ck_assert_uint_gt(result.operations, 0);
	replay_result_fini(&result);
}
END_TEST

START_TEST(the_archives_are_complete)
{
	ck_assert_uint_eq(later, 594);
	ck_assert_uint_eq(alike - later, 278);
	ck_assert_uint_eq(count - alike, 369);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay_iommufd");
	TCase *tcase = tcase_create("recordings");
	int failed;

	find(GOLDEN_DIR "{iommufd,compat}/*.golden");
	later = count;
	find(LATER_DIR "{iommufd,iommufd-new,compat}/*.golden");
	alike = count;
	find_alike();
	tcase_set_timeout(tcase, 600);
	tcase_add_test(tcase, the_archives_are_complete);
	tcase_add_loop_test(tcase, every_recorded_answer_is_given, 0, (int)count);
	suite_add_tcase(suite, tcase);
	failed = run_suite(suite);
	for (size_t i = 0; i < count; i++)
		free(recordings[i].path);
	free(recordings);
	return failed;
}
