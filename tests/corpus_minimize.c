// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shortest recording that still differs: recordings of real kernels get a wrong answer, or are
 * replayed as another kernel; what is left differs in the same way, and by brute force no line of
 * it can be taken out.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corpus/minimize.h"
#include "harness.h"
#include "prng.h"
#include "trace/recording.h"

static glob_t recordings;

/* The first difference of a replay, all of it; empty: none, or it does not replay. */
struct first {
	char text[256], expected[256], got[256];
};

static void keep_first(void *ctx, const struct replay_difference *d)
{
	struct first *first = ctx;

	if (first->text[0])
		return;
	snprintf(first->text, sizeof(first->text), "%s", d->text);
	snprintf(first->expected, sizeof(first->expected), "%s", d->expected);
	snprintf(first->got, sizeof(first->got), "%s", d->got);
}

static struct first replay(const char *text, const char *kernel)
{
	struct first first = {"", "", ""};
	const struct replay_cfg cfg = {.kernel = kernel, .difference = keep_first, .ctx = &first};
	struct replay_result result;
	char error[512];

	if (replay_memory("test", text, strlen(text), &cfg, &result, error, sizeof(error)))
		return (struct first){"", "", ""};
	replay_result_fini(&result);
	return first;
}

static bool same(const struct first *a, const struct first *b)
{
	return !strcmp(a->text, b->text) && !strcmp(a->expected, b->expected) &&
	       !strcmp(a->got, b->got);
}

static char *load(const char *path)
{
	struct strbuf text = {0};
	struct text_file file;
	char error[256], *copy;

	ck_assert_msg(!text_file_load(&file, path, error, sizeof(error)), "%s", error);
	for (unsigned i = 0; i < file.lines; i++)
		strbuf_add(&text, "%s\n", file.line[i]);
	copy = strdup(strbuf_text(&text));
	ck_assert(copy != NULL);
	text_file_fini(&file);
	strbuf_fini(&text);
	return copy;
}

static void shorten(const char *text, const char *kernel, struct strbuf *out,
		    struct minimize_result *result)
{
	const struct replay_cfg replay_as = {.kernel = kernel, .audit_every = 1};
	const struct minimize_cfg cfg = {.replay = &replay_as};
	char error[512] = "";

	*out = (struct strbuf){0};
	ck_assert_msg(!minimize("test", text, strlen(text), &cfg, out, result, error,
				sizeof(error)),
		      "%s", error);
}

/* Without the line that begins at `at`. */
static char *without(const char *text, const char *at)
{
	char *copy = strdup(text), *gap = copy + (at - text);

	ck_assert(copy != NULL);
	memmove(gap, strchr(gap, '\n') + 1, strlen(strchr(gap, '\n')));
	return copy;
}

static void check_minimal(const char *path, const char *text, const char *kernel)
{
	struct first all = replay(text, kernel), less;

	ck_assert_msg(all.text[0], "%s: what is left does not differ:\n%s", path, text);
	for (const char *at = text; *at; at = strchr(at, '\n') + 1) {
		char *shorter;

		if (*at == '#' && strncmp(at, "# caps=", 7) != 0)
			continue;
		shorter = without(text, at);
		less = replay(shorter, kernel);
		free(shorter);
		ck_assert_msg(!same(&all, &less), "%s: \"%.*s\" is not needed in\n%s", path,
			      (int)strcspn(at, "\n"), at, text);
	}
}

static void check(const char *path, const char *text, const char *kernel, bool *found)
{
	struct strbuf out, again;
	struct minimize_result result, repeated;

	shorten(text, kernel, &out, &result);
	shorten(text, kernel, &again, &repeated);
	ck_assert_str_eq(strbuf_text(&out), strbuf_text(&again));
	ck_assert_uint_eq(result.replays, repeated.replays);
	ck_assert(result.complete);
	*found = result.found;
	if (result.found) {
		ck_assert_uint_le(result.after, result.before);
		check_minimal(path, strbuf_text(&out), kernel);
	} else {
		ck_assert_uint_eq(out.len, 0);
	}
	strbuf_fini(&out);
	strbuf_fini(&again);
}

/* The answer of the n-th operation of that name that ends so becomes another. */
static char *plant(const char *text, const char *name, const char *right, const char *wrong,
		   uint64_t n)
{
	struct strbuf out = {0};
	char *copy;

	while (*text) {
		size_t len = strcspn(text, "\n"), end = strlen(right);
		bool hit = !strncmp(text, name, strlen(name)) && len > end &&
			   !strncmp(text + len - end, right, end) && n-- == 0;

		strbuf_add(&out, "%.*s%s\n", (int)(hit ? len - end : len), text, hit ? wrong : "");
		text += len + 1;
	}
	copy = strdup(strbuf_text(&out));
	ck_assert(copy != NULL);
	strbuf_fini(&out);
	return copy;
}

START_TEST(a_planted_answer_is_left_with_what_it_needs)
{
	static const struct {
		const char *name, *right, *wrong;
	} wrongs[] = {
		{"map ", "=> ret=0", "=> ret=-1 errno=ENOSPC"},
		{"unmap ", "size=0x1000", "size=0x0"},
		{"map ", "=> ret=-1 errno=EEXIST", "=> ret=0"},
	};
	struct prng rng = {(uint64_t)_i};
	const char *path = recordings.gl_pathv[prng_below(&rng, recordings.gl_pathc)];
	size_t which = (size_t)_i % 3;
	char *text = load(path), *wrong;
	bool found;

	wrong = plant(text, wrongs[which].name, wrongs[which].right, wrongs[which].wrong,
		      prng_below(&rng, 4));
	check(path, wrong, NULL, &found);
	ck_assert_msg(found == (strcmp(text, wrong) != 0), "seed %d: %s", _i, path);
	free(text);
	free(wrong);
}
END_TEST

START_TEST(another_kernel_is_told_by_a_few_lines)
{
	static const char *const kernels[] = {"5.10", "6.18", "4.19", "3.16"};
	struct prng rng = {(uint64_t)_i};
	const char *path = recordings.gl_pathv[prng_below(&rng, recordings.gl_pathc)];
	char *text = load(path);
	bool found;

	check(path, text, kernels[_i % 4], &found);
	free(text);
}
END_TEST

START_TEST(an_unmap_of_a_wrong_size_needs_its_mapping_alone)
{
	static const char session[] = "# kernel: Linux 6.12\n"
				      "# generated: by hand\n"
				      "# platform: vtd48\n"
				      "device A 01:00.0 => ret=0 group=9\n"
				      "device B 02:00.0 => ret=0 group=10\n"
				      "buffer b size=0x400000 huge=1 => ret=0\n"
				      "container c => ret=0\n"
				      "group g A => ret=0 status_flags=0x1\n"
				      "set_container g c => ret=0\n"
				      "set_iommu c 3 => ret=0\n"
				      "map c iova=0 buf=b off=0x10000 size=0x8000 => ret=0\n"
				      "map c iova=0x10000 buf=b size=0x20000 => ret=0\n"
				      "locked => ret=0 VmLck=160 VmPin=0\n"
				      "unmap c iova=0 size=0x8000 => ret=0 size=0x10000\n"
				      "locked => ret=0 VmLck=128 VmPin=0\n";
	static const char shortest[] = "# kernel: Linux 6.12\n"
				       "# platform: vtd48\n"
				       "device A 01:00.0 => ret=0 group=9\n"
				       "buffer b size=0x1000 => ret=0\n"
				       "container c => ret=0\n"
				       "group g A => ret=0 status_flags=0x1\n"
				       "set_container g c => ret=0\n"
				       "set_iommu c 3 => ret=0\n"
				       "map c iova=0 buf=b size=0x1000 => ret=0\n"
				       "unmap c iova=0 size=0x1000 => ret=0 size=0x10000\n"
				       "# ^^^ size=0x1000\n";
	struct minimize_result result;
	struct strbuf out;

	shorten(session, NULL, &out, &result);
	ck_assert_str_eq(strbuf_text(&out), shortest);
	ck_assert_uint_eq(result.before, 12);
	ck_assert_uint_eq(result.after, 8);
	strbuf_fini(&out);
}
END_TEST

static bool stop_at_once(void *ctx, unsigned replays, unsigned operations)
{
	(void)ctx;
	(void)replays;
	(void)operations;
	return true;
}

START_TEST(who_stops_early_gets_what_there_is)
{
	const struct replay_cfg replay_as = {.kernel = "5.10"};
	const struct minimize_cfg cfg = {.replay = &replay_as, .progress = stop_at_once};
	char *text = load(SIO_TRACES_DIR "/golden/type1v2/h_vaddr_v2.vtd48.golden"), error[512];
	struct first before = replay(text, "5.10"), after;
	struct minimize_result result;
	struct strbuf out = {0};

	ck_assert_int_eq(minimize("test", text, strlen(text), &cfg, &out, &result, error,
				  sizeof(error)),
			 0);
	ck_assert(result.found && !result.complete);
	ck_assert_uint_eq(result.replays, 1);
	after = replay(strbuf_text(&out), "5.10");
	ck_assert(same(&before, &after));
	strbuf_fini(&out);
	free(text);
}
END_TEST

START_TEST(what_is_no_recording_is_refused_with_its_line)
{
	static const char text[] = "container c => ret=0\nno_such_operation => ret=0\n";
	const struct replay_cfg replay_as = {0};
	const struct minimize_cfg cfg = {.replay = &replay_as};
	struct minimize_result result;
	struct strbuf out = {0};
	char error[512] = "";

	ck_assert_int_eq(minimize("f", text, strlen(text), &cfg, &out, &result, error,
				  sizeof(error)),
			 -EINVAL);
	ck_assert_msg(!strncmp(error, "f:2: ", 5), "%s", error);
	strbuf_fini(&out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("corpus_minimize");
	TCase *tcase = tcase_create("minimize");
	int failed;

	glob(SIO_TRACES_DIR "/golden/{type1,type1v2}/*.golden", GLOB_BRACE, NULL, &recordings);
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, a_planted_answer_is_left_with_what_it_needs, 0, 15);
	tcase_add_loop_test(tcase, another_kernel_is_told_by_a_few_lines, 0, 12);
	tcase_add_test(tcase, an_unmap_of_a_wrong_size_needs_its_mapping_alone);
	tcase_add_test(tcase, who_stops_early_gets_what_there_is);
	tcase_add_test(tcase, what_is_no_recording_is_refused_with_its_line);
	suite_add_tcase(suite, tcase);
	failed = run_suite(suite);
	globfree(&recordings);
	return failed;
}
