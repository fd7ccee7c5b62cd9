// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every recording of a type1 container of every other kernel, under the personality that its header
 * asks for; and every recording of 6.12 that another kernel answered alike, under that kernel's.
 *
 * Files come from kernels.tar.xz and golden.tar.xz. A few answers are known to be another party's
 * than the kernel's; they are listed with their line, and nothing else may differ.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "trace/replay.h"

#define KERNELS_DIR SIO_TRACES_DIR "/kernels/"
#define GOLDEN_DIR  SIO_TRACES_DIR "/golden/"

static const char *const versions[] = {"3.16.0",  "4.19.78", "5.10.262", "6.1.192",
				       "6.17.13", "6.18.15", "7.2.13",   "7.3-rc7"};
static const char *const platforms[] = {"vtd48", "vtd48nosc", "vtd39", "vtd39sc", "vtd48noir"};

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

/*
 * - A write that hits a cached translation without write permission: the IOMMU that was recorded
 *   blocks it without a fault. We fault, as the manual says.
 * - 6.17.13 and 6.18.15, one session each: a read behind the PCI bridge faulted at a mapped
 *   address; no other session of theirs and no other kernel did.
 * - A process's map of a BAR keeps the device open after its descriptor is closed; here it does
 *   not.
 * - A huge zero page that a process writes to is split into small ones (5.10, 6.1); here the memory
 *   gets a huge page of its own, and more of it costs.
 * - 3.16.0, r1140: how much memory a map beyond the aperture touches depends on how much of it
 *   happened to be contiguous.
 */
static const struct {
	const char *version, *name;
	unsigned line;
} known[] = {
	{"3.16.0", "dma/h_dma_faults_v1.vtd", 58},
	{"3.16.0", "dma/h_dma_faults_v2.vtd", 58},
	{"4.19.78", "dma/h_dma_faults_v1.vtd", 58},
	{"4.19.78", "dma/h_dma_faults_v2.vtd", 58},
	{"5.10.262", "dma/h_dma_faults_v1.vtd", 58},
	{"5.10.262", "dma/h_dma_faults_v2.vtd", 58},
	{"6.17.13", "h_all_groups_v2.vtd48", 43},
	{"6.18.15", "h_all_groups_v2.vtd48", 43},
	{"3.16.0", "/h_bar_map_v", 41},
	{"4.19.78", "/h_bar_map_v", 41},
	{"5.10.262", "/h_bar_map_v", 41},
	{"5.10.262", "r2052_v2.vtd39", 82},
	{"6.1.192", "r2052_v2.vtd39", 82},
	{"3.16.0", "r1140_v2.vtd48", 74},
	{"3.16.0", "r1140_v2.vtd48", 101},
	{"3.16.0", "r1140_v2.vtd48", 104},
	{"3.16.0", "r1140_v2.vtd48", 113},
	{"3.16.0", "r1140_v2.vtd48", 127},
};

static bool is_known(const struct replay_difference *d)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (d->line == known[i].line && strstr(d->file, known[i].version) &&
		    strstr(d->file, known[i].name))
			return true;
	return false;
}

struct seen {
	unsigned known;
	char first[1024];
};

static void note_difference(void *ctx, const struct replay_difference *d)
{
	struct seen *seen = ctx;

	if (is_known(d))
		seen->known++;
	else if (!seen->first[0])
		snprintf(seen->first, sizeof(seen->first),
			 "%s:%u: %s\n  expected %s\n  got      %s", d->file, d->line, d->text,
			 d->expected, d->got);
}

START_TEST(every_answer_is_that_kernels)
{
	const struct recording *recording = &recordings[_i];
	struct seen seen = {0};
	struct replay_cfg cfg = {
		.kernel = recording->kernel,
		.strict = true,
		.audit_every = 7,
		.thorough = true,
		.difference = note_difference,
		.ctx = &seen,
	};
	struct replay_result result;
	char error[512];
	int rc = replay_file(recording->path, &cfg, &result, error, sizeof(error));

	ck_assert_msg(rc == 0, "%s", error);
	ck_assert_msg(result.different == seen.known, "%s\nreproduce: softiommu replay%s%s %s",
		      seen.first, recording->kernel ? " --kernel " : "",
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
	ck_assert_uint_eq(count, 1988);
	ck_assert_uint_eq(alike, 838);
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
