// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay of recordings: checks the file, then does one operation after the other and compares.
 *
 * Every line is checked against the table of operations before the first is done, so that a file
 * with an unknown operation or key changes nothing.
 */
#include "trace/golden.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/golden_priv.h"

static const struct golden_word *const tables[] = {
	golden_process_words, golden_memory_words, golden_file_words,    golden_container_words,
	golden_dma_words,     golden_ioas_words,   golden_node_words,    golden_hwpt_words,
	golden_viommu_words,  golden_events_words, golden_memfile_words, golden_mock_words,
	golden_device_words,  golden_inside_words,
};

/* The container device that is iommufd's. */
static const char compat_container[] = "iommufd-compat";

static const struct golden_word *find_word(const char *name)
{
	for (unsigned t = 0; t < SIO_ARRAY_SIZE(tables); t++)
		for (const struct golden_word *w = tables[t]; w->name; w++)
			if (!strcmp(w->name, name))
				return w;
	return NULL;
}

static bool key_allowed(const char *keys, const char *key)
{
	size_t len = strlen(key);
	const char *at = keys;

	while (len && at && (at = strstr(at, key))) {
		if ((at == keys || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
		at++;
	}
	return false;
}

static int check_op(struct session *s, const struct rec_op *op)
{
	const struct golden_word *word = find_word(op->name);
	unsigned bare = 0;

	if (!word)
		return session_error(s, op->line, "unknown operation \"%.80s\"", op->name);
	for (unsigned i = 0; i < op->words; i++) {
		const char *key = op->word[i].key;

		if (!key)
			bare++;
		else if (!key_allowed(word->keys, key))
			return session_error(s, op->line, "%s takes no \"%.80s=\"", op->name, key);
	}
	if (bare < word->bare_min || bare > word->bare_max)
		return session_error(s, op->line, "%s takes %u to %u names, not %u", op->name,
				     word->bare_min, word->bare_max, bare);
	return 0;
}

int golden_check(struct session *s, const struct recording *rec)
{
	int rc = 0;

	if (*rec->container && strcmp(rec->container, "type1") &&
	    strcmp(rec->container, compat_container))
		return session_error(s, 0, "unknown container \"%s\"", rec->container);
	if (!rec->ops)
		return session_error(s, 0, "no operation in the file");
	for (unsigned i = 0; i < rec->ops && !rc; i++)
		rc = check_op(s, &rec->op[i]);
	return rc;
}

/* ---- replay ---- */

int golden_perform(struct golden *g, const struct rec_op *op)
{
	int rc;

	g->op = op;
	g->rc = 0;
	strbuf_clear(&g->out);
	rc = find_word(op->name)->run(g);
	if (!rc)
		rc = g->rc;
	return !rc && g->out.failed ? -ENOMEM : rc;
}

/* The answer is not ours, and hangs on something that recordings do not tell. */
static bool is_undetermined(struct golden *g, const struct session_op *done, const char *contiguous)
{
	if (golden_is_left_over(g, done->expected, done->got)) {
		session_note(g->s, "line %u: taken for what an earlier session left in the unit",
			     done->line);
		return true;
	}
	if (golden_is_between(g, done->expected, done->got, contiguous)) {
		session_note(g->s, "line %u: taken for a matter of how long runs of memory were",
			     done->line);
		return true;
	}
	return false;
}

static int step(struct golden *g, const struct rec_op *op, const char *contiguous)
{
	struct session_op done = {.line = op->line, .kind = op->name, .text = op->text};
	int rc = golden_perform(g, op);

	if (rc || !op->expected)
		return rc;
	done.expected = op->expected;
	done.got = strbuf_text(&g->out);
	done.same = golden_same_answer(g, done.expected, done.got);
	if (!done.same)
		done.same = is_undetermined(g, &done, contiguous);
	done.failed = !strncmp(done.expected, "ret=-1 ", 7);
	return g->rc ? g->rc : session_operation(g->s, &done);
}

int golden_boot(struct session *s, const struct recording *rec)
{
	struct session_machine machine = {
		.platform = *rec->platform ? rec->platform : NULL,
		.kernel = *rec->kernel ? rec->kernel : NULL,
		.platform_file = rec->platform_file,
		.selftest = rec->selftest,
		.strict = rec->strict,
		.iommufd_container = !strcmp(rec->container, compat_container),
		/* The header tells how QEMU's unit was made. */
		.emulated_vtd = !strcmp(rec->iommu, "vtd"),
	};
	int rc = session_boot(s, &machine);

	/* Recordings are made with this module parameter on. */
	return rc ? rc : sio_param(s->machine, "allow_unsafe_interrupts", 1);
}

void golden_fini(struct golden *g)
{
	golden_device_fini(g);
	for (unsigned i = 0; i < g->frames; i++)
		free(g->frame[i].names.entry);
	free(g->frame);
	free(g->names.entry);
	free(g->group);
	strbuf_fini(&g->out);
}

int golden_replay(struct session *s, struct text_file *file)
{
	struct golden_layout layout = {0};
	struct golden g = {.s = s};
	struct recording rec;
	int rc;

	rc = recording_parse(&rec, file, s->error, s->error_len);
	if (rc)
		return rc;
	g.behind = !strncmp(rec.kernel, "6.12.", 5);
	rc = golden_check(s, &rec);
	if (!rc)
		rc = golden_layout_choose(s, &rec, &layout);
	if (!rc)
		rc = golden_boot(s, &rec);
	g.contiguity = layout.contiguity;
	s->total = rec.ops;
	for (unsigned i = 0; i < rec.ops && !rc; i++)
		rc = step(&g, &rec.op[i], layout.answer ? layout.answer[i] : NULL);
	golden_fini(&g);
	golden_layout_fini(&layout);
	recording_fini(&rec);
	return rc;
}
