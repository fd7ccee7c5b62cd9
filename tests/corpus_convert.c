// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversions between traces, recordings and inputs of the fuzz target type1.
 *
 * Every input becomes a recording that holds; every recording's operations survive the way there
 * and back; where nothing was lost, the answers are still the recorded ones. QEMU's logs and the
 * ioctl dumps of the same runs become recordings that hold.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/personality.h"
#include "corpus/convert.h"
#include "corpus/transcript.h"
#include "harness.h"
#include "prng.h"
#include "trace/replay.h"

static glob_t corpora, inputs, recordings, traces;

static char *load(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	char *data;

	ck_assert_msg(file != NULL, "%s", path);
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	*size = (size_t)ftell(file);
	rewind(file);
	data = malloc(*size + 1);
	ck_assert(data != NULL);
	ck_assert_uint_eq(fread(data, 1, *size, file), *size);
	data[*size] = '\0';
	fclose(file);
	return data;
}

static void parse(struct recording *rec, const char *path, const char *text, size_t size)
{
	struct text_file file;
	char error[512] = "";

	ck_assert_int_eq(text_file_copy(&file, path, text, size, error, sizeof(error)), 0);
	ck_assert_msg(!recording_parse(rec, &file, error, sizeof(error)), "%s", error);
}

struct first {
	char text[1024];
};

static void keep_first(void *ctx, const struct replay_difference *d)
{
	struct first *first = ctx;

	if (!first->text[0])
		snprintf(first->text, sizeof(first->text), "%u: %s\n  expected %s\n  got      %s",
			 d->line, d->text, d->expected, d->got);
}

static void holds(const char *path, const struct strbuf *text)
{
	struct first first = {""};
	const struct replay_cfg cfg = {
		.audit_every = 16,
		.difference = keep_first,
		.ctx = &first,
	};
	struct replay_result result;
	char error[512] = "";

	ck_assert_msg(!replay_memory(path, strbuf_text(text), text->len, &cfg, &result, error,
				     sizeof(error)),
		      "%s", error);
	ck_assert_msg(!result.different, "%s as a recording, line %s", path, first.text);
	replay_result_fini(&result);
}

static void play(const char *path, const uint8_t *data, size_t size, struct strbuf *text)
{
	const struct type1_play how = {.name = path};
	char error[512] = "";

	*text = (struct strbuf){0};
	ck_assert_msg(!type1_play(&how, data, size, text, error, sizeof(error)), "%s: %s", path,
		      error);
}

static void same_ops(const char *path, const struct type1_session *a, const struct type1_session *b)
{
	char left[256], right[256];

	ck_assert_msg(a->ops == b->ops, "%s: %u operations, then %u", path, a->ops, b->ops);
	for (unsigned i = 0; i < a->ops; i++) {
		ops_text(&a->op[i].op, left, sizeof(left));
		ops_text(&b->op[i].op, right, sizeof(right));
		ck_assert_msg(!strcmp(left, right), "%s: operation %u is %s, then %s", path, i,
			      left, right);
	}
	ck_assert_uint_eq(a->setup.kernel, b->setup.kernel);
	ck_assert_uint_eq(a->setup.platform, b->setup.platform);
	ck_assert_uint_eq(a->setup.v2, b->setup.v2);
	ck_assert_uint_eq(a->setup.unprivileged, b->setup.unprivileged);
	ck_assert_uint_eq(a->setup.entry_limit, b->setup.entry_limit);
}

static void read_session(const char *path, const struct recording *rec,
			 struct type1_session *session)
{
	char error[512] = "";

	ck_assert_msg(!type1_read(session, rec, error, sizeof(error)), "%s: %s", path, error);
}

/* The recording becomes an input, and that a recording of the same operations: its session. */
static void there_and_back(const char *path, const struct type1_session *session,
			   struct recording *back, struct type1_session *again)
{
	struct strbuf text;
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(type1_encode(session, &data, &size), 0);
	play(path, data, size, &text);
	free(data);
	holds(path, &text);
	parse(back, path, strbuf_text(&text), text.len);
	strbuf_fini(&text);
	read_session(path, back, again);
	ck_assert_uint_eq(again->losts, 0);
	same_ops(path, session, again);
}

START_TEST(every_input_is_a_recording_that_holds)
{
	const char *path = inputs.gl_pathv[_i];
	struct type1_session session, again;
	struct recording rec, back;
	struct strbuf text;
	size_t size;
	char *data = load(path, &size);

	play(path, (const uint8_t *)data, size, &text);
	free(data);
	holds(path, &text);
	parse(&rec, path, strbuf_text(&text), text.len);
	strbuf_fini(&text);
	read_session(path, &rec, &session);
	/* Only a device that moves no bytes leaves something out, and that is a comment. */
	ck_assert_uint_eq(session.losts, 0);
	there_and_back(path, &session, &back, &again);
	type1_session_fini(&again);
	recording_fini(&back);
	type1_session_fini(&session);
	recording_fini(&rec);
}
END_TEST

START_TEST(random_inputs_are_recordings_that_hold)
{
	struct prng rng = {(uint64_t)_i};
	uint8_t data[OPS_HEAD + 40 * OPS_RECORD];
	struct strbuf text;
	char name[32];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(prng_next(&rng) >> 24);
	snprintf(name, sizeof(name), "seed %d", _i);
	play(name, data, 1 + prng_below(&rng, sizeof(data)), &text);
	holds(name, &text);
	strbuf_fini(&text);
}
END_TEST

static unsigned lost(const struct type1_session *session)
{
	unsigned count = 0;

	for (unsigned i = 0; i < session->losts; i++)
		count += session->lost[i].loss == TYPE1_LOST;
	return count;
}

/*
 * Nothing is missing, and the answers do not hang on which memory it is: up to 5.11 kernels pin by
 * runs of frames, and before 6.12 (as recorded from 6.1) so they compare with RLIMIT_MEMLOCK.
 */
static bool comparable(const struct type1_session *session)
{
	bool limited = session->setup.unprivileged;

	for (unsigned i = 0; i < session->ops; i++)
		limited |= session->op[i].op.kind == OP_LIMIT;
	if (limited && strcmp(personality_at(session->setup.kernel)->name, "6.12") != 0)
		return false;
	return !lost(session) && !session->other_platform && !session->other_devices &&
	       personality_at(session->setup.kernel)->batched_pinning;
}

/* Bitmaps show what earlier questions left in them, of which some are no operations here. */
static size_t answer_len(const char *answer)
{
	const char *bitmap = strstr(answer, " bitmap=");

	return bitmap ? (size_t)(bitmap - answer) : strlen(answer) + 1;
}

static void same_answers(const char *path, const struct type1_session *a,
			 const struct type1_session *b)
{
	for (unsigned i = 0; i < a->ops; i++) {
		const struct rec_op *left = a->op[i].line, *right = b->op[i].line;

		if (!left || !right || !left->expected || a->op[i].op.kind == OP_DMA)
			continue;
		ck_assert_msg(!strncmp(left->expected, right->expected, answer_len(left->expected)),
			      "%s:%u: %s\n  recorded  %s\n  converted %s", path, left->line,
			      left->text, left->expected, right->expected);
	}
}

START_TEST(operations_survive_the_way_there_and_back)
{
	const char *path = recordings.gl_pathv[_i];
	struct type1_session session, again;
	struct recording rec, back;
	size_t size;
	char *text = load(path, &size);

	parse(&rec, path, text, size);
	free(text);
	read_session(path, &rec, &session);
	if (session.ops <= OPS_MAX) {
		there_and_back(path, &session, &back, &again);
		if (comparable(&session))
			same_answers(path, &session, &again);
		type1_session_fini(&again);
		recording_fini(&back);
	}
	type1_session_fini(&session);
	recording_fini(&rec);
}
END_TEST

START_TEST(traces_of_qemu_become_recordings_that_hold)
{
	const char *path = traces.gl_pathv[_i];
	const struct replay_cfg cfg = {0};
	struct strbuf text = {0};
	char error[512] = "";
	int rc = transcript_make(path, &cfg, &text, error, sizeof(error));

	if (strstr(path, "iommufd")) {
		ck_assert_int_eq(rc, -EINVAL);
		ck_assert_msg(strstr(error, "type1") != NULL, "%s", error);
	} else {
		ck_assert_msg(!rc, "%s", error);
		holds(path, &text);
	}
	strbuf_fini(&text);
}
END_TEST

START_TEST(bytes_are_text_and_back)
{
	struct prng rng = {(uint64_t)_i};
	size_t size = prng_below(&rng, 100), back_size = 0;
	uint8_t data[100] = {0}, *back;
	struct strbuf text = {0};
	char error[128] = "";

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(prng_next(&rng) >> 24);
	ck_assert_int_eq(convert_hex_write(data, size, &text), 0);
	ck_assert(!size || convert_hex_detect(strbuf_text(&text)));
	ck_assert_msg(!convert_hex_read("hex", strbuf_text(&text), &back, &back_size, error,
					sizeof(error)),
		      "%s", error);
	ck_assert_uint_eq(back_size, size);
	ck_assert(!memcmp(back, data, size));
	free(back);
	strbuf_fini(&text);
}
END_TEST

START_TEST(every_fuzz_target_has_inputs_that_convert)
{
	const char *name = strrchr(corpora.gl_pathv[_i], '/') + 1;
	const struct corpus_target *target = corpus_target_find(name);

	ck_assert_msg(target != NULL, "fuzz/corpus/%s is of no target", name);
	ck_assert_int_eq(target->play != NULL, !strcmp(name, "type1"));
	ck_assert_int_eq(target->encode != NULL, !strcmp(name, "type1"));
}
END_TEST

START_TEST(text_that_is_no_bytes_is_refused_with_its_line)
{
	static const char *const bad[] = {
		"00000000: 0\n",      "00000000: 00\n00000002: 11\n",
		"00000000: 00  11\n", "00000000: zz\n",
		"0000000x: 00\n",
	};
	char error[128] = "";
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(convert_hex_read("f", bad[_i], &data, &size, error, sizeof(error)),
			 -EINVAL);
	ck_assert_msg(strstr(error, _i == 1 ? "f:2: expected" : "f:1: expected") != NULL, "%s",
		      error);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("corpus_convert");
	TCase *tcase = tcase_create("type1"), *other = tcase_create("other");
	int failed;

	glob(SIO_SOURCE_DIR "/fuzz/corpus/*", 0, NULL, &corpora);
	glob(SIO_SOURCE_DIR "/fuzz/corpus/type1/*", 0, NULL, &inputs);
	glob(SIO_TRACES_DIR "/golden/{type1,type1v2}/*.golden", GLOB_BRACE, NULL, &recordings);
	glob(SIO_TRACES_DIR "/kernels/*/{type1,type1v2}/*.golden", GLOB_BRACE | GLOB_APPEND, NULL,
	     &recordings);
	glob(SIO_TRACES_DIR "/qemu/*/{qemu-trace.log*,vfio-ioctls.txt}", GLOB_BRACE, NULL, &traces);
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, every_input_is_a_recording_that_holds, 0, (int)inputs.gl_pathc);
	tcase_add_loop_test(tcase, random_inputs_are_recordings_that_hold, 0, 100);
	tcase_add_loop_test(tcase, operations_survive_the_way_there_and_back, 0,
			    (int)recordings.gl_pathc);
	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(other, traces_of_qemu_become_recordings_that_hold, 0,
			    (int)traces.gl_pathc);
	tcase_add_loop_test(other, every_fuzz_target_has_inputs_that_convert, 0,
			    (int)corpora.gl_pathc);
	tcase_add_loop_test(other, bytes_are_text_and_back, 0, 100);
	tcase_add_loop_test(other, text_that_is_no_bytes_is_refused_with_its_line, 0, 5);
	suite_add_tcase(suite, other);
	failed = run_suite(suite);
	globfree(&corpora);
	globfree(&inputs);
	globfree(&recordings);
	globfree(&traces);
	return failed;
}
