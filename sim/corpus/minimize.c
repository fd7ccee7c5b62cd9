// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delta debugging of recordings: see minimize.h. The method is ddmin of Zeller and Hildebrandt,
 * from the end on, because what comes later hangs on what came before.
 *
 * Invariant: the lines that are kept go wrong in the way of `symptom`; a trial that does not is
 * undone.
 */
#include "corpus/minimize.h"

#include "trace/recording.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)

enum wrong { NOTHING, DIFFERENCE, AUDIT, STALE };

struct symptom {
	enum wrong wrong;
	unsigned line;                         /* of the input, from 0 */
	char name[32], field[32], fields[256]; /* the first that differs, all of them */
	char expected[128], got[128];          /* of the field */
	char text[256], answer[256];           /* the operation, and what it gave */
};

struct line {
	char *text;
	bool is_operation, kept;
};

struct minimizer {
	const char *name;
	const struct minimize_cfg *cfg;
	struct minimize_result *result;
	struct line *line;
	unsigned lines;
	unsigned *origin; /* of the n-th line of a trial */
	struct symptom symptom;
	bool stopped;
	int rc; /* no memory */
};

/* ---- one replay ---- */

/* Length of a field; a call that failed is one with its errno. */
static size_t field_len(const char *text)
{
	size_t len = strcspn(text, " ");

	if (!strncmp(text, "ret=-1 errno=", 13))
		len += 1 + strcspn(text + len + 1, " ");
	return len;
}

/* "size=0x1000 ...": the first field that is not the same, "" for the whole, and its values. */
static void note_field(struct symptom *symptom, const char *expected, size_t e, const char *got,
		       size_t g)
{
	const char *equals = memchr(expected, '=', e), *ours = memchr(got, '=', g);
	const size_t at = strlen(symptom->fields);
	const int len = equals ? (int)(equals - expected) : 0;

	if (!at) {
		snprintf(symptom->field, sizeof(symptom->field), "%.*s", len, expected);
		snprintf(symptom->expected, sizeof(symptom->expected), "%.*s",
			 equals ? (int)(expected + e - equals - 1) : (int)e,
			 equals ? equals + 1 : expected);
		snprintf(symptom->got, sizeof(symptom->got), "%.*s",
			 ours ? (int)(got + g - ours - 1) : (int)g, ours ? ours + 1 : got);
	}
	snprintf(symptom->fields + at, sizeof(symptom->fields) - at, "%.*s,", len, expected);
}

static void find_fields(const char *expected, const char *got, struct symptom *symptom)
{
	while ((*expected || *got) && strcmp(expected, "...")) {
		size_t e = field_len(expected), g = field_len(got);
		const char *equals = memchr(expected, '=', e);

		if ((e != g || memcmp(expected, got, e)) &&
		    !(equals && (!strncmp(equals, "=?", 2) || !strncmp(expected, "group=", 6))))
			note_field(symptom, expected, e, got, g);
		expected += e + strspn(expected + e, " ");
		got += g + strspn(got + g, " ");
	}
}

struct trial {
	const struct minimizer *m;
	struct symptom symptom;
};

static void on_difference(void *ctx, const struct replay_difference *d)
{
	struct trial *trial = ctx;
	struct symptom *symptom = &trial->symptom;

	if (symptom->wrong)
		return;
	symptom->wrong = DIFFERENCE;
	symptom->line = trial->m->origin[d->line - 1];
	snprintf(symptom->name, sizeof(symptom->name), "%.*s", (int)strcspn(d->text, " "), d->text);
	snprintf(symptom->text, sizeof(symptom->text), "%s", d->text);
	snprintf(symptom->answer, sizeof(symptom->answer), "%s", d->got);
	find_fields(d->expected, d->got, symptom);
}

/* Numbers say where, not what. */
static void without_numbers(char *to, size_t len, const char *from)
{
	size_t at = 0;

	while (*from && at + 1 < len) {
		if (isdigit((unsigned char)*from)) {
			to[at++] = '#';
			while (isxdigit((unsigned char)*from) || *from == 'x')
				from++;
		} else {
			to[at++] = *from++;
		}
	}
	to[at] = '\0';
}

static void write_kept(struct minimizer *m, struct strbuf *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->lines; i++)
		if (m->line[i].kept) {
			m->origin[n++] = i;
			strbuf_add(text, "%s\n", m->line[i].text);
		}
}

static unsigned operations(const struct minimizer *m)
{
	unsigned count = 0;

	for (unsigned i = 0; i < m->lines; i++)
		count += m->line[i].kept && m->line[i].is_operation;
	return count;
}

/* What goes wrong with the lines that are kept. 0 or as replay_memory(). */
static int try_kept(struct minimizer *m, struct symptom *symptom, char *error, size_t error_len)
{
	struct trial trial = {.m = m};
	struct replay_cfg cfg = *m->cfg->replay;
	struct replay_result result;
	struct strbuf text = {0};
	int rc = -ENOMEM;

	cfg.ctx = &trial;
	cfg.progress = NULL;
	cfg.note = NULL;
	cfg.after_operation = NULL;
	cfg.difference = on_difference;
	write_kept(m, &text);
	if (!text.failed)
		rc = replay_memory(m->name, strbuf_text(&text), text.len, &cfg, &result, error,
				   error_len);
	strbuf_fini(&text);
	m->result->replays++;
	if (!rc) {
		if (!trial.symptom.wrong && result.audit_failures) {
			const char *what = strstr(result.first_audit, ": ");

			trial.symptom.wrong = AUDIT;
			without_numbers(trial.symptom.text, sizeof(trial.symptom.text),
					what ? what + 2 : result.first_audit);
		} else if (!trial.symptom.wrong && result.stale) {
			trial.symptom.wrong = STALE;
		}
		replay_result_fini(&result);
	}
	*symptom = trial.symptom;
	if (m->cfg->progress && m->cfg->progress(m->cfg->ctx, m->result->replays, operations(m)))
		m->stopped = true;
	if (m->cfg->max_replays && m->result->replays >= m->cfg->max_replays)
		m->stopped = true;
	return rc;
}

static bool same_symptom(const struct minimizer *m, const struct symptom *want,
			 const struct symptom *got)
{
	if (want->wrong != got->wrong)
		return false;
	if (want->wrong == AUDIT)
		return m->cfg->loose || !strcmp(want->text, got->text);
	if (want->wrong == STALE)
		return true;
	if (strcmp(want->name, got->name) || strcmp(want->field, got->field))
		return false;
	return m->cfg->loose ||
	       (want->line == got->line && !strcmp(want->expected, got->expected) &&
		!strcmp(want->got, got->got) && !strcmp(want->fields, got->fields));
}

/* Whether the kept lines still go wrong so. A recording that does not replay does not. */
static bool still(struct minimizer *m, const struct symptom *want)
{
	struct symptom symptom;
	char error[64];
	int rc;

	if (m->stopped || m->rc)
		return false;
	rc = try_kept(m, &symptom, error, sizeof(error));
	if (rc == -ENOMEM)
		m->rc = rc;
	return !rc && same_symptom(m, want, &symptom);
}

/* ---- operations ---- */

static unsigned kept_list(const struct minimizer *m, unsigned *list)
{
	unsigned count = 0;

	for (unsigned i = 0; i < m->lines; i++)
		if (m->line[i].kept && m->line[i].is_operation)
			list[count++] = i;
	return count;
}

static void set_kept(struct minimizer *m, const unsigned *list, unsigned count, bool kept)
{
	for (unsigned i = 0; i < count; i++)
		m->line[list[i]].kept = kept;
}

/* One pass from the end over pieces of `size`; true: something went. */
static bool remove_pieces(struct minimizer *m, unsigned *list, unsigned size)
{
	unsigned count = kept_list(m, list);
	bool any = false;

	while (count && !m->stopped) {
		unsigned piece = size < count ? size : count;

		count -= piece;
		set_kept(m, list + count, piece, false);
		if (still(m, &m->symptom))
			any = true;
		else
			set_kept(m, list + count, piece, true);
	}
	return any;
}

static void remove_operations(struct minimizer *m, unsigned *list)
{
	for (unsigned size = operations(m) / 2; size > 1; size /= 2)
		remove_pieces(m, list, size);
	while (remove_pieces(m, list, 1))
		;
}

/* ---- words ---- */

static const char *const spare[] = {"huge", "align", "touch", "kind", "prot", "off", "fill"};

/* Keys that can be left out, of operations that are left as they are otherwise. */
static char *without_word(const char *text, const char *key)
{
	char *copy, *at;
	char pattern[16];

	snprintf(pattern, sizeof(pattern), " %s=", key);
	copy = strdup(text);
	at = copy ? strstr(copy, pattern) : NULL;
	if (!at || (strstr(copy, " => ") && at > strstr(copy, " => "))) {
		free(copy);
		return NULL;
	}
	memmove(at, at + 1 + strcspn(at + 1, " "), strlen(at + 1 + strcspn(at + 1, " ")) + 1);
	return copy;
}

static bool try_text(struct minimizer *m, struct line *line, char *text)
{
	char *old = line->text;

	line->text = text;
	if (still(m, &m->symptom)) {
		free(old);
		return true;
	}
	line->text = old;
	free(text);
	return false;
}

static bool remove_words(struct minimizer *m)
{
	bool any = false;

	for (unsigned i = 0; i < m->lines; i++)
		for (size_t k = 0; k < SIO_ARRAY_SIZE(spare); k++) {
			struct line *line = &m->line[i];
			char *text = line->kept && line->is_operation
					     ? without_word(line->text, spare[k])
					     : NULL;

			if (text)
				any |= try_text(m, line, text);
		}
	return any;
}

/* ---- sizes ---- */

/* A copy with every "size=<from>" replaced; NULL: none is there, or no memory (m->rc). */
static char *with_size(struct minimizer *m, const char *text, const char *from, const char *to)
{
	struct strbuf out = {0};
	const char *at = text, *next;
	size_t len = strlen(from);
	char *copy = NULL;
	bool any = false;

	while ((next = strstr(at, " size="))) {
		const char *value = next + 6;
		bool same = !strncmp(value, from, len) && (value[len] == ' ' || !value[len]);

		strbuf_add(&out, "%.*s%s", (int)(value - at), at, same ? to : "");
		at = value + (same ? len : 0);
		any |= same;
	}
	strbuf_add(&out, "%s", at);
	if (any && !out.failed)
		copy = strdup(strbuf_text(&out));
	if (any && !copy)
		m->rc = -ENOMEM;
	strbuf_fini(&out);
	return copy;
}

/* All lines at once, answers too; true: it still goes wrong, and stays so. */
static bool try_size(struct minimizer *m, const char *from, const char *to)
{
	struct symptom old = m->symptom;
	char **before = calloc(m->lines, sizeof(*before));
	bool good;

	if (!before) {
		m->rc = -ENOMEM;
		return false;
	}
	for (unsigned i = 0; i < m->lines; i++) {
		char *text = m->line[i].kept ? with_size(m, m->line[i].text, from, to) : NULL;

		if (!text)
			continue;
		before[i] = m->line[i].text;
		m->line[i].text = text;
	}
	/* The values that differ may be that size themselves. */
	if (!strcmp(m->symptom.field, "size") && !strcmp(m->symptom.expected, from))
		snprintf(m->symptom.expected, sizeof(m->symptom.expected), "%s", to);
	if (!strcmp(m->symptom.field, "size") && !strcmp(m->symptom.got, from))
		snprintf(m->symptom.got, sizeof(m->symptom.got), "%s", to);
	good = still(m, &m->symptom);
	for (unsigned i = 0; i < m->lines; i++) {
		if (!before[i])
			continue;
		if (good) {
			free(before[i]);
		} else {
			free(m->line[i].text);
			m->line[i].text = before[i];
		}
	}
	if (!good)
		m->symptom = old;
	free(before);
	return good;
}

/* The first size of a line, as it is written; false: none, or not more than a page. */
static bool size_of(const char *text, char from[32], uint64_t *value)
{
	const char *at = strstr(text, " size=");

	if (!at)
		return false;
	snprintf(from, 32, "%.*s", (int)strcspn(at + 6, " "), at + 6);
	return text_number(from, value) && *value > PAGE;
}

static bool shrink_sizes(struct minimizer *m)
{
	bool any = false;

	for (unsigned i = 0; i < m->lines && !m->stopped; i++) {
		char from[32], to[32];
		uint64_t value;
		bool done = false;

		if (!m->line[i].kept || !m->line[i].is_operation ||
		    !size_of(m->line[i].text, from, &value))
			continue;
		for (uint64_t size = PAGE; size <= value / 2 && !done; size *= 2) {
			snprintf(to, sizeof(to), "0x%" PRIx64, size);
			done = try_size(m, from, to);
		}
		any |= done;
	}
	return any;
}

/* ---- the whole ---- */

static int take_lines(struct minimizer *m, const struct text_file *file)
{
	m->line = calloc(file->lines + 1u, sizeof(*m->line));
	m->origin = calloc(file->lines + 1u, sizeof(*m->origin));
	if (!m->line || !m->origin)
		return -ENOMEM;
	for (; m->lines < file->lines; m->lines++) {
		const char *text = file->line[m->lines], *caps = text;
		struct line *line = &m->line[m->lines];
		bool blank = !text[strspn(text, " \t")];

		line->text = strdup(text);
		if (!line->text)
			return -ENOMEM;
		line->is_operation = text_take(&caps, "# caps=") || (text[0] != '#' && !blank);
		line->kept = line->is_operation || recording_is_header(text);
	}
	return 0;
}

static void reduce(struct minimizer *m, unsigned *list)
{
	bool changed;

	/* What comes behind the first difference has no part in it. */
	if (m->symptom.wrong == DIFFERENCE)
		for (unsigned i = m->symptom.line + 1; i < m->lines; i++)
			m->line[i].kept = false;
	do {
		remove_operations(m, list);
		changed = remove_words(m);
		changed |= shrink_sizes(m);
	} while (changed && !m->stopped);
}

static void write_result(struct minimizer *m, struct strbuf *out)
{
	for (unsigned i = 0; i < m->lines; i++) {
		if (!m->line[i].kept)
			continue;
		strbuf_add(out, "%s\n", m->line[i].text);
		if (m->symptom.wrong == DIFFERENCE && !m->cfg->loose && i == m->symptom.line)
			strbuf_add(out, "# ^^^ %s=%s\n", m->symptom.field, m->symptom.got);
	}
}

static void describe(struct minimizer *m)
{
	const struct symptom *s = &m->symptom;
	char *what = m->result->what;
	size_t len = sizeof(m->result->what);

	if (s->wrong == DIFFERENCE)
		snprintf(what, len, "line %u: %s => %s", s->line + 1, s->text, s->answer);
	else if (s->wrong == AUDIT)
		snprintf(what, len, "an audit fails: %s", s->text);
	else if (s->wrong == STALE)
		snprintf(what, len, "stale translations are used");
}

static int run(struct minimizer *m, struct strbuf *out, char *error, size_t error_len)
{
	unsigned *list = calloc(m->lines + 1u, sizeof(*list));
	int rc = list ? try_kept(m, &m->symptom, error, error_len) : -ENOMEM;

	m->result->before = m->result->after = operations(m);
	m->result->found = !rc && m->symptom.wrong;
	if (m->result->found) {
		describe(m);
		reduce(m, list);
		m->result->after = operations(m);
		write_result(m, out);
		rc = out->failed ? -ENOMEM : m->rc;
	}
	m->result->complete = !m->stopped;
	free(list);
	return rc;
}

int minimize(const char *name, const char *text, size_t size, const struct minimize_cfg *cfg,
	     struct strbuf *out, struct minimize_result *result, char *error, size_t error_len)
{
	struct minimizer m = {.name = name, .cfg = cfg, .result = result};
	struct text_file file;
	int rc = text_file_copy(&file, name, text, size, error, error_len);

	*result = (struct minimize_result){0};
	if (rc)
		return rc;
	rc = take_lines(&m, &file);
	if (!rc)
		rc = run(&m, out, error, error_len);
	for (unsigned i = 0; i < m.lines; i++)
		free(m.line[i].text);
	free(m.line);
	free(m.origin);
	text_file_fini(&file);
	return rc;
}
