// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every recording of a type1 container of every other kernel, under the personality that its header
 * asks for; and every recording of 6.12 that another kernel answered alike, under that kernel's.
 *
 * Files come from kernels.tar.xz and golden.tar.xz. Those about the type1 container are taken, of
 * every kernel and every platform.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "trace/replay.h"

#define KERNELS_DIR    SIO_TRACES_DIR "/kernels/"
#define DIFFERENCE_MAX 1024
#define GOLDEN_DIR     SIO_TRACES_DIR "/golden/"

static const char *const versions[] = {"3.16.0",  "4.19.78", "5.10.262", "6.1.192",
				       "6.17.13", "6.18.15", "7.2.13",   "7.3-rc7"};
static const char *const platforms[] = {"vtd48",     "vtd48nosc", "vtd39", "vtd39sc",
					"vtd48noir", "vtd48sm",   "amdvi"};

struct recording {
	char *path;
	const char *kernel; /* NULL: the header's */
};

static struct recording *recordings;
static size_t count, alike;

static void add(const char *path, const char *kernel)
{
	struct recording *grown = realloc(recordings, (count + 1) * sizeof(*grown));

	if (!grown)
		abort();
	recordings = grown;
	recordings[count++] = (struct recording){strdup(path), kernel};
}

static void find_different(const char *version)
{
	for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++) {
		char pattern[512];
		glob_t files = {0};

		snprintf(pattern, sizeof(pattern), KERNELS_DIR "%s/{dma,type1,type1v2}/*.%s.golden",
			 version, platforms[i]);
		if (!glob(pattern, GLOB_BRACE, NULL, &files))
			for (size_t n = 0; n < files.gl_pathc; n++)
				add(files.gl_pathv[n], NULL);
		globfree(&files);
	}
}

/* Recordings of iommufd are replayed by replay_iommufd. */
static bool is_of_type1(const char *name)
{
	return !strncmp(name, "dma/", 4) || !strncmp(name, "type1", 5);
}

static bool is_emulated(const char *name)
{
	for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++) {
		char part[32];

		snprintf(part, sizeof(part), ".%s.golden", platforms[i]);
		if (strstr(name, part))
			return true;
	}
	return false;
}

static void find_alike(const char *version)
{
	char path[512], line[256];
	FILE *list;

	snprintf(path, sizeof(path), KERNELS_DIR "%s/SAME.txt", version);
	list = fopen(path, "r");
	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		if (!is_of_type1(line) || !is_emulated(line))
			continue;
		snprintf(path, sizeof(path), GOLDEN_DIR "%s", line);
		add(path, version);
		alike++;
	}
	if (list)
		fclose(list);
}

static void note_difference(void *ctx, const struct replay_difference *d)
{
	char *first = ctx;

	if (!*first)
		snprintf(first, DIFFERENCE_MAX, "%s:%u: %s\n  expected %s\n  got      %s", d->file,
			 d->line, d->text, d->expected, d->got);
}

START_TEST(every_answer_is_that_kernels)
{
	const struct recording *recording = &recordings[_i];
	char first[DIFFERENCE_MAX] = "";
	struct replay_cfg cfg = {
		.kernel = recording->kernel,
		.strict = true,
		.audit_every = 7,
		.thorough = true,
		.difference = note_difference,
		.ctx = first,
	};
	struct replay_result result;
	char error[512];
	int rc = replay_file(recording->path, &cfg, &result, error, sizeof(error));

	ck_assert_msg(rc == 0, "%s", error);
	ck_assert_msg(result.different == 0, "%s\nreproduce: softiommu replay%s%s %s", first,
		      recording->kernel ? " --kernel " : "",
		      recording->kernel ? recording->kernel : "", recording->path);
	ck_assert_msg(result.audit_failures == 0, "%s: %s", recording->path, result.first_audit);
	ck_assert_msg(result.stale == 0, "%s: %llu stale translations", recording->path,
		      (unsigned long long)result.stale);
	ck_assert_uint_gt(result.operations, 0);
	replay_result_fini(&result);
}
END_TEST

START_TEST(the_archive_is_complete)
{
	ck_assert_uint_eq(count, 2849);
	ck_assert_uint_eq(alike, 1093);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay_kernels");
	TCase *tcase = tcase_create("recordings");
	int failed;

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		find_different(versions[i]);
		find_alike(versions[i]);
	}
	tcase_set_timeout(tcase, 600);
	tcase_add_test(tcase, the_archive_is_complete);
	tcase_add_loop_test(tcase, every_answer_is_that_kernels, 0, (int)count);
	suite_add_tcase(suite, tcase);
	failed = run_suite(suite);
	for (size_t i = 0; i < count; i++)
		free(recordings[i].path);
	free(recordings);
	return failed;
}
