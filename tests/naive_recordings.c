// SPDX-License-Identifier: GPL-2.0-only
/*
 * The naive reference of fuzz/type1 against real kernels: every recording of a type1 container, as
 * far as it can be said in operations of the encoding and the reference has rules for it.
 *
 * The reference is what fuzzing believes, so it must never contradict a recording. Where it or the
 * encoding has no word for a line that did something, the rest of that recording proves nothing
 * and is left; how much that is, by reason, is printed by the last test.
 */
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/personality.h"
#include "corpus/type1.h"
#include "harness.h"
#include "naive.h"
#include "trace/session.h"

#define COMPARED    80000u /* answers, at least */
#define REASONS     48u
#define INFO_ARGSZ  8192u /* of a recorded "info" that does not say */
#define LOCKED_TEXT "ret=0 VmLck="

static glob_t recordings;

/* ---- the sums ---- */

struct reason {
	const char *why;
	unsigned lines; /* that are not compared for it, itself among them */
	unsigned ends;  /* recordings whose rest is left */
};

static struct totals {
	unsigned files, whole, compared, charges;
	struct reason reason[REASONS];
	unsigned reasons;
} totals;

static void leave(const char *why, unsigned lines, bool end)
{
	struct reason *reason = totals.reason;

	while (reason < totals.reason + totals.reasons && strcmp(reason->why, why) != 0)
		reason++;
	ck_assert_uint_lt((unsigned)(reason - totals.reason), REASONS);
	if (reason == totals.reason + totals.reasons) {
		totals.reasons++;
		reason->why = why;
	}
	reason->lines += lines;
	reason->ends += end;
}

/* ---- what the reference answers, as a recording has it ---- */

static uint64_t get(const uint8_t *from, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

static void put_capability(const uint8_t *info, uint64_t at, struct strbuf *text)
{
	switch (get(info + at, 2)) {
	case 1:
		for (uint64_t i = 0; i < get(info + at + 8, 4); i++)
			strbuf_add(text, "%s0x%" PRIx64 "-0x%" PRIx64, i ? "," : " iova_ranges=[",
				   get(info + at + 16 + 16 * i, 8),
				   get(info + at + 24 + 16 * i, 8));
		strbuf_add(text, "]");
		break;
	case 2:
		strbuf_add(text, " migration=0x%" PRIx64 ":0x%" PRIx64, get(info + at + 16, 8),
			   get(info + at + 24, 8));
		break;
	default:
		strbuf_add(text, " dma_avail=%" PRIu64, get(info + at + 8, 4));
	}
}

static void put_info(const uint8_t *info, uint64_t argsz, bool usual, struct strbuf *text)
{
	uint64_t told = get(info, 4), at;

	strbuf_add(text, " flags=0x%" PRIx64 " pgsizes=0x%" PRIx64 " argsz=%" PRIu64,
		   get(info + 4, 4), get(info + 8, 8), usual && told == argsz ? INFO_ARGSZ : told);
	if (argsz < 24)
		return;
	strbuf_add(text, " cap_offset=%" PRIu64, get(info + 16, 4));
	if (!get(info + 16, 4))
		return;
	for (at = get(info + 16, 4); at; at = get(info + at + 4, 4))
		strbuf_add(text, "%s%" PRIu64 ":%" PRIu64,
			   at == get(info + 16, 4) ? " caps=[" : ",", get(info + at, 2),
			   get(info + at + 2, 2));
	strbuf_add(text, "]");
	for (at = get(info + 16, 4); at; at = get(info + at + 4, 4))
		put_capability(info, at, text);
}

/* Of the state before the operation is done. */
static void info_text(const struct naive *naive, const struct op *op, struct strbuf *text)
{
	uint8_t info[NAIVE_INFO_MAX] = {0}, care[NAIVE_INFO_MAX];
	uint64_t argsz = op->value ? op->value : sizeof(info);

	for (unsigned i = 0; i < 4; i++)
		info[i] = (uint8_t)(argsz >> (8 * i));
	naive_info(naive, op, info, care, sizeof(info));
	put_info(info, argsz, !op->value, text);
}

static void answer_text(const struct op *op, const struct naive_answer *answer, struct strbuf *text)
{
	char name[16];

	if (answer->error)
		strbuf_add(text, "ret=-1 errno=%s", session_errno_name(answer->error, name));
	else
		strbuf_add(text, "ret=%" PRIu64, op->kind == OP_EXTENSION ? answer->value : 0);
	if (op->kind == OP_UNMAP || op->kind == OP_INVALIDATE || op->kind == OP_UNMAP_ALL)
		strbuf_add(text, " size=0x%" PRIx64, answer->error ? op->size : answer->value);
}

/* ---- one recording ---- */

struct run {
	const char *path;
	const struct type1_session *session;
	unsigned lost; /* of session->lost, that many are behind us */
	unsigned compared;
	/* Some of what is mapped may have been the page of zeros, which is free; or it is past the
	 * operations. */
	bool uncharged;
};

static struct naive naive; /* large */

static void disagree(const struct run *run, const struct rec_op *line, const char *answer)
{
	ck_abort_msg("%s:%u: %s\n  recorded  %s\n  reference %s", run->path, line->line, line->text,
		     line->expected, answer);
}

/* "bitmap=00ff" or, of a long one, "bitmap=rle:00*5,ff*1"; how many bytes are shown. */
static size_t read_bitmap(const char *answer, uint8_t bits[OPS_BITMAP_MAX])
{
	const char *at = strstr(answer, " bitmap=");
	size_t count = 0;

	if (!at)
		return 0;
	at += strlen(" bitmap=");
	at += strncmp(at, "rle:", 4) ? 0 : 4;
	while (*at) {
		unsigned byte = 0, times = 1;
		int len = 0;

		if (sscanf(at, "%2x*%u%n", &byte, &times, &len) < 2)
			len = 2;
		at += len;
		at += *at == ',';
		for (unsigned i = 0; i < times && count < OPS_BITMAP_MAX; i++)
			bits[count++] = (uint8_t)byte;
	}
	return count;
}

/* Bit by bit: what must be set is, and what is set may be. */
static void compare_bitmap(const struct run *run, const struct op *op, const struct rec_op *line)
{
	uint8_t bits[OPS_BITMAP_MAX];
	char expected[64];

	if (read_bitmap(line->expected, bits) < op_bitmap_bytes(op))
		disagree(run, line, "a bitmap");
	for (uint64_t page = 0; page < op_bitmap_bytes(op) * 8; page++) {
		bool set, must, may;

		set = bits[page / 8] >> page % 8 & 1;
		naive_dirty(&naive, op, page, &must, &may);
		snprintf(expected, sizeof(expected), "bit %" PRIu64 " is %d", page, !set);
		if (set ? !may : must)
			disagree(run, line, expected);
	}
}

static void compare(struct run *run, const struct op *op, const struct rec_op *line,
		    const struct naive_answer *answer, const struct strbuf *info)
{
	struct strbuf text = {0};
	size_t len;

	answer_text(op, answer, &text);
	if (op->kind == OP_INFO && !answer->error)
		strbuf_add(&text, "%s", strbuf_text(info));
	len = text.len;
	if (strncmp(line->expected, strbuf_text(&text), len) ||
	    (line->expected[len] && (op->kind != OP_DIRTY || line->expected[len] != ' ')))
		disagree(run, line, strbuf_text(&text));
	strbuf_fini(&text);
	if (op->kind == OP_DIRTY && !answer->error)
		compare_bitmap(run, op, line);
	run->compared++;
}

/* "locked": what the process has been charged. */
static void compare_charge(struct run *run, const struct rec_op *line)
{
	uint64_t kib = naive_locked_pages(&naive, UINT_MAX) * (OPS_PAGE / 1024);
	char text[64];

	snprintf(text, sizeof(text), LOCKED_TEXT "%" PRIu64 " ", kib);
	if (strncmp(line->expected, text, strlen(text)) != 0)
		disagree(run, line, text);
	run->compared++;
	totals.charges++;
}

/* Why the operation cannot be compared; NULL: it can. */
static const char *unknown(const struct run *run, const struct op *op)
{
	const struct type1_session *s = run->session;
	const struct naive_process *process = &naive.process[0];
	uint64_t pages = naive_locked_pages(&naive, process->mm) + op->size / OPS_PAGE;

	if (s->other_platform && (op->kind == OP_INFO || op->kind == OP_EXTENSION))
		return "what another platform tells about itself";
	if (op->kind == OP_DMA)
		return "DMA, of which a recording has the bytes";
	if (naive.maps + 1 >= OPS_LIVE || naive.holds + NAIVE_PAGES > OPS_LIVE * NAIVE_PAGES)
		return "more mappings than the reference has room for";
	if (naive.blind)
		return "the reference: this kernel on this platform";
	if (!naive_knows(&naive, op))
		return op->kind == OP_MAP      ? "the reference: such a MAP"
		       : op->kind == OP_JOIN   ? "the reference: such a group"
		       : op->kind == OP_MEMORY ? "the reference: such a change of memory"
					       : "the reference: such an UNMAP";
	/* Up to 6.11 pages are counted by runs of frames: the encoding's memory lies otherwise. */
	if (op->kind == OP_MAP && naive.kernel < 612 && !process->privileged &&
	    pages > process->limit_pages)
		return "the limit, where it matters how memory lies";
	return NULL;
}

static bool has_effect(enum op_kind kind)
{
	return kind != OP_DMA && kind != OP_DIRTY && kind != OP_INFO && kind != OP_EXTENSION;
}

static bool has_failed(const struct rec_op *line)
{
	return line && line->expected && !strncmp(line->expected, "ret=-1 ", 7);
}

/* Whether the line, behind the last operation, changes no charge. */
static bool only_asks(const struct rec_op *line)
{
	static const char *const names[] = {"locked", "close",     "get_device", "group_status",
					    "check",  "container", "device_info"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], line->name))
			return true;
	return has_failed(line);
}

/* An UNMAP that also wrote a bitmap took away what one without does; whether it could be done. */
static bool unmap_with_bitmap(struct run *run, const struct rec_op *line)
{
	struct op op = {.kind = OP_UNMAP, .argsz = sizeof(struct vfio_iommu_type1_dma_unmap)};
	struct naive_answer answer;
	char text[64];

	if (!rec_value(line, "pgsize") || !rec_value(line, "iova") || !rec_value(line, "size") ||
	    !text_number(rec_value(line, "iova"), &op.iova) ||
	    !text_number(rec_value(line, "size"), &op.size) || !naive_knows(&naive, &op))
		return false;
	answer = naive_do(&naive, &op);
	snprintf(text, sizeof(text), "ret=0 size=0x%" PRIx64 " ", answer.value);
	if (answer.error || strncmp(line->expected, text, strlen(text)) != 0)
		disagree(run, line, text);
	run->compared++;
	return true;
}

/* What stands between the operations. Why the rest is left; NULL: it is not. */
static const char *pass_lines(struct run *run, unsigned before)
{
	const struct type1_session *s = run->session;

	for (; run->lost < s->losts && s->lost[run->lost].line->line < before; run->lost++) {
		const struct type1_lost *lost = &s->lost[run->lost];

		if (lost->loss == TYPE1_LOST && !strcmp(lost->why, "UNMAP with a bitmap") &&
		    unmap_with_bitmap(run, lost->line))
			continue;
		if (lost->loss == TYPE1_LOST)
			return lost->why;
		/* Nothing comes that would have another answer: that is why they are forgiven. */
		run->uncharged |= before == UINT_MAX && !only_asks(lost->line);
		if (strcmp(lost->line->name, "locked") != 0)
			leave(lost->why, 1, false);
		else if (run->uncharged)
			leave("charges, of what is not known", 1, false);
		else if (!naive.blind)
			compare_charge(run, lost->line);
		else
			leave(lost->why, 1, false);
	}
	return NULL;
}

/* One operation; why it ends here, or NULL. */
static const char *step(struct run *run, const struct type1_op *at)
{
	const struct rec_op *line = at->line;
	const char *why = line ? pass_lines(run, line->line) : NULL;
	struct strbuf info = {0};
	struct naive_answer answer;

	if (why)
		return why;
	why = unknown(run, &at->op);
	if (why && has_effect(at->op.kind) && !has_failed(line))
		return why;
	if (why) {
		leave(why, 1, false);
		return NULL;
	}
	if (at->op.kind == OP_INFO)
		info_text(&naive, &at->op, &info);
	answer = naive_do(&naive, &at->op);
	run->uncharged |= at->op.kind == OP_MAP && !(at->op.flags & VFIO_DMA_MAP_FLAG_WRITE) &&
			  naive.kernel < 603;
	run->uncharged &= naive.maps != 0;
	if (line && line->expected)
		compare(run, &at->op, line, &answer, &info);
	strbuf_fini(&info);
	return NULL;
}

static void run_session(struct run *run)
{
	const struct type1_session *s = run->session;
	const char *why = NULL;
	unsigned i = 0;

	naive_init(&naive, personality_at(s->setup.kernel)->name, &s->setup);
	while (i < s->ops && !why)
		why = step(run, &s->op[i++]);
	if (!why)
		why = pass_lines(run, UINT_MAX);
	if (why)
		leave(why, s->ops - i + s->losts - run->lost, true);
	totals.files++;
	totals.whole += !why;
	totals.compared += run->compared;
}

START_TEST(the_reference_gives_every_recorded_answer)
{
	const char *path = recordings.gl_pathv[_i];
	struct type1_session session;
	struct run run = {.path = path, .session = &session};
	struct text_file file;
	struct recording rec;
	char error[512] = "";

	ck_assert_msg(!text_file_load(&file, path, error, sizeof(error)), "%s", error);
	ck_assert_msg(!recording_parse(&rec, &file, error, sizeof(error)), "%s", error);
	ck_assert_msg(!type1_read(&session, &rec, error, sizeof(error)), "%s", error);
	run_session(&run);
	type1_session_fini(&session);
	recording_fini(&rec);
}
END_TEST

static int more_lines(const void *a, const void *b)
{
	const struct reason *left = a, *right = b;

	return (left->lines < right->lines) - (left->lines > right->lines);
}

/* If this gets less, either of reference and encoding has forgotten something. */
START_TEST(most_of_what_is_recorded_is_compared)
{
	qsort(totals.reason, totals.reasons, sizeof(totals.reason[0]), more_lines);
	printf("%u recordings, %u to their end; %u answers compared, %u charges among them\n",
	       totals.files, totals.whole, totals.compared, totals.charges);
	for (unsigned i = 0; i < totals.reasons; i++) {
		printf("%7u lines left, %4u ends: %s\n", totals.reason[i].lines,
		       totals.reason[i].ends, totals.reason[i].why);
	}
	ck_assert_uint_ge(totals.compared, COMPARED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("naive_recordings");
	TCase *tcase = tcase_create("type1");
	int failed;

	glob(SIO_TRACES_DIR "/golden/{type1,type1v2}/*.golden", GLOB_BRACE, NULL, &recordings);
	glob(SIO_TRACES_DIR "/kernels/*/{type1,type1v2}/*.golden", GLOB_BRACE | GLOB_APPEND, NULL,
	     &recordings);
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, the_reference_gives_every_recorded_answer, 0,
			    (int)recordings.gl_pathc);
	tcase_add_test(tcase, most_of_what_is_recorded_is_compared);
	suite_add_tcase(suite, tcase);
	failed = run_suite(suite);
	globfree(&recordings);
	return failed;
}
