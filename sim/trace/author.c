// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings that are made, not read: see author.h.
 *
 * Invariant: every line that named something is kept until the end, because names point into it.
 */
#include "trace/author.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/golden_priv.h"

struct author {
	struct session session;
	struct replay_cfg cfg;
	struct replay_result result; /* the machine */
	struct golden golden;
	struct recording header;
	struct recording *line;
	unsigned lines, room;
	struct strbuf text;
};

/* A file of one line or of a few. */
static int parse(struct author *author, const char *text, struct recording *rec)
{
	struct session *s = &author->session;
	struct text_file file;
	int rc = text_file_copy(&file, s->path, text, strlen(text), s->error, s->error_len);

	return rc ? rc : recording_parse(rec, &file, s->error, s->error_len);
}

/* Each line a comment. */
static void add_file(struct strbuf *text, const char *file)
{
	while (file && *file) {
		const size_t len = strcspn(file, "\n");

		strbuf_add(text, "# platform-file: %.*s\n", (int)len, file);
		file += len + (file[len] == '\n');
	}
}

static int boot(struct author *author, const struct author_cfg *cfg)
{
	struct strbuf *text = &author->text;
	int rc;

	if (cfg->kernel)
		strbuf_add(text, "# kernel: Linux %s\n", cfg->kernel);
	if (cfg->platform)
		strbuf_add(text, "# platform: %s\n", cfg->platform);
	if (cfg->container)
		strbuf_add(text, "# container: %s\n", cfg->container);
	add_file(text, cfg->platform_file);
	if (cfg->selftest)
		strbuf_add(text, "# selftest: on\n");
	if (cfg->strict)
		strbuf_add(text, "# strict: on\n");
	if (text->failed)
		return -ENOMEM;
	rc = parse(author, strbuf_text(text), &author->header);
	return rc ? rc : golden_boot(&author->session, &author->header);
}

int author_create(struct author **author, const struct author_cfg *cfg, char *error,
		  size_t error_len)
{
	struct author *a = calloc(1, sizeof(*a));
	int rc;

	*author = a;
	if (!a)
		return -ENOMEM;
	a->cfg.kernel = cfg->kernel;
	a->cfg.platform = cfg->platform_file ? NULL : cfg->platform;
	a->session = (struct session){
		.path = cfg->name,
		.cfg = &a->cfg,
		.result = &a->result,
		.error = error,
		.error_len = error_len,
		.container = -1,
	};
	a->golden.s = &a->session;
	a->golden.contiguity = SIO_RUN_4K;
	rc = boot(a, cfg);
	if (rc) {
		author_destroy(a);
		*author = NULL;
	}
	return rc;
}

static struct recording *next_line(struct author *author)
{
	if (author->lines == author->room) {
		unsigned room = author->room ? author->room * 2 : 64;
		struct recording *line = realloc(author->line, room * sizeof(*line));

		if (!line)
			return NULL;
		author->line = line;
		author->room = room;
	}
	return &author->line[author->lines];
}

static int perform(struct author *author, const char *line, const char *expected)
{
	struct recording *rec = next_line(author);
	struct strbuf text = {0};
	int rc = -ENOMEM;

	strbuf_add(&text, "%s%s\n", line, expected);
	if (rec && !text.failed)
		rc = parse(author, strbuf_text(&text), rec);
	strbuf_fini(&text);
	if (rc)
		return rc;
	author->lines++;
	rc = golden_check(&author->session, rec);
	return rc ? rc : golden_perform(&author->golden, &rec->op[0]);
}

int author_line(struct author *author, const char *line, const char **answer)
{
	const char *caps = line, *got = "";
	int rc = 0;

	if (answer)
		*answer = got;
	if (line[0] != '#') {
		rc = perform(author, line, " => ret=?");
		got = strbuf_text(&author->golden.out);
	} else if (text_take(&caps, "# caps=")) {
		rc = perform(author, line, "");
	}
	if (rc)
		return rc;
	strbuf_add(&author->text, "%s%s%s\n", line, *got ? " => " : "", got);
	if (answer)
		*answer = got;
	return author->text.failed ? -ENOMEM : 0;
}

const char *author_text(const struct author *author, size_t *len)
{
	*len = author->text.len;
	return author->text.failed ? NULL : strbuf_text(&author->text);
}

struct sio_machine *author_machine(struct author *author)
{
	return author->session.machine;
}

void author_destroy(struct author *author)
{
	golden_fini(&author->golden);
	if (author->session.machine)
		sio_machine_destroy(author->session.machine);
	for (unsigned i = 0; i < author->lines; i++)
		recording_fini(&author->line[i]);
	free(author->line);
	recording_fini(&author->header);
	strbuf_fini(&author->text);
	free(author);
}
