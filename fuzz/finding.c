// SPDX-License-Identifier: GPL-2.0-only
/*
 * Findings as recordings: see finding.h.
 *
 * With a seeded bug in force the machine that does the lines again has it too, so the answers of
 * all lines but the last are those that lead there.
 */
#include "finding.h"

#include "fuzz.h"

#include "trace/session.h"

#include <stdlib.h>
#include <string.h>

/* As many bytes of a bitmap are in a recording. */
#define SHOWN_BYTES 8192u

void finding_begin(struct finding *f, FILE *out, const struct author_cfg *cfg)
{
	const char *text;
	size_t len;

	*f = (struct finding){.out = out};
	if (author_create(&f->author, cfg, f->error, sizeof(f->error))) {
		fprintf(out, "# kernel: Linux %s\n# no machine: %s\n", cfg->kernel, f->error);
		return;
	}
	text = author_text(f->author, &len);
	fprintf(out, "%s", text ? text : "");
}

void finding_answer(char *text, size_t len, long rc)
{
	char name[16];

	if (rc < 0)
		snprintf(text, len, "ret=-1 errno=%s ...", session_errno_name((int)-rc, name));
	else
		snprintf(text, len, "ret=%ld ...", rc);
}

/* The answer, "" if there is none. */
static const char *perform(struct finding *f, const char *line)
{
	const char *answer = "";

	if (f->author && author_line(f->author, line, &answer)) {
		fprintf(f->out, "# %s\n", f->error);
		return "";
	}
	return answer;
}

static bool same_error(const char *answer, const char *own)
{
	const size_t len = strlen(own) - 4; /* without " ..." */

	return !strncmp(answer, own, len) && (!answer[len] || answer[len] == ' ');
}

void finding_line(struct finding *f, long rc, const char *line)
{
	const char *answer = perform(f, line);
	char own[64];

	if (line[0] == '#') {
		fprintf(f->out, "%s\n", line);
		return;
	}
	finding_answer(own, sizeof(own), rc);
	if (same_error(answer, own)) {
		fprintf(f->out, "%s => %s\n", line, answer);
		return;
	}
	f->departed++;
	fprintf(f->out, "%s => %s\n", line, own);
}

const char *finding_do(struct finding *f, const char *line)
{
	const char *answer = perform(f, line);

	if (line[0] == '#')
		fprintf(f->out, "%s\n", line);
	else
		fprintf(f->out, "%s => %s\n", line, *answer ? answer : "ret=? ...");
	return answer;
}

void finding_unsaid(struct finding *f, const char *comment)
{
	f->unsaid++;
	fprintf(f->out, "# %s\n", comment);
}

/* "key=value" in an answer, the n-th of that name; NULL: it has none. */
static const char *find_field(const char *answer, const char *key, unsigned n)
{
	const size_t len = strlen(key);

	for (const char *at = answer; *at; at += strspn(at, " ")) {
		if (!strncmp(at, key, len) && at[len] == '=' && !n--)
			return at + len + 1;
		at += strcspn(at, " ");
	}
	return NULL;
}

void finding_value(const char *answer, const char *key, char *value, size_t len)
{
	const char *field = find_field(answer, key, 0);

	snprintf(value, len, "%.*s", field ? (int)strcspn(field, " ") : 1, field ? field : "?");
}

char *finding_bitmap(const uint8_t *bytes, size_t len)
{
	const size_t most = len < SHOWN_BYTES ? len : SHOWN_BYTES;
	struct strbuf text = {0};

	if (most > 16)
		strbuf_add(&text, "rle:");
	for (size_t i = 0, run; i < most; i += run) {
		for (run = 1; most > 16 && i + run < most && bytes[i + run] == bytes[i];)
			run++;
		if (most > 16)
			strbuf_add(&text, "%s%02x*%zu", i ? "," : "", bytes[i], run);
		else
			strbuf_add(&text, "%02x", bytes[i]);
	}
	return text.data;
}

void finding_want(struct finding *f, const char *line, const char *wanted)
{
	perform(f, line);
	fprintf(f->out, "%s => %s\n", line, wanted);
}

void finding_want_field(struct finding *f, const char *line, const char *key, unsigned n,
			const char *value)
{
	const char *answer = perform(f, line), *field = find_field(answer, key, n);

	if (field)
		fprintf(f->out, "%s => %.*s%s%s\n", line, (int)(field - answer), answer, value,
			field + strcspn(field, " "));
	else
		fprintf(f->out, "%s => %s\n", line, *answer ? answer : "ret=? ...");
	f->departed += !field;
}

void finding_want_fields(struct finding *f, const char *line, const char *fields)
{
	const char *answer = perform(f, line), *end;
	char key[32], value[64];

	fprintf(f->out, "%s =>", line);
	for (; *answer; answer = end + strspn(end, " ")) {
		end = answer + strcspn(answer, " ");
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(answer, "= "), answer);
		finding_value(fields, key, value, sizeof(value));
		if (find_field(fields, key, 0))
			fprintf(f->out, " %s=%s", key, value);
		else
			fprintf(f->out, " %.*s", (int)(end - answer), answer);
	}
	fputc('\n', f->out);
}

void finding_end(struct finding *f)
{
	if (f->departed)
		fprintf(f->out, "# %u lines are answered otherwise when they are done again\n",
			f->departed);
	if (f->unsaid)
		fprintf(f->out, "# %u comments stand for what a recording has no word for\n",
			f->unsaid);
	if (f->author)
		author_destroy(f->author);
	f->author = NULL;
}

FILE *finding_record(void)
{
	static unsigned sessions;
	const char *folder = getenv("FUZZ_RECORD");
	char path[4096];
	FILE *out;

	if (!folder)
		return NULL;
	snprintf(path, sizeof(path), "%s/%u.txt", folder, sessions++);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		exit(2);
	}
	return out;
}
