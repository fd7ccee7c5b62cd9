// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parser of recordings: see recording.h.
 *
 * Two passes: count lines and words, then cut. A list in brackets ("ranges=[a-b, c-d]") holds no
 * spaces, so words end at spaces alone.
 */
#include "trace/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char arrow[] = " => ";
static const char platform_file[] = "# platform-file:";

static void header_field(char *field, size_t size, const char *line, const char *key)
{
	if (text_take(&line, key) && !*field)
		snprintf(field, size, "%.*s", (int)strcspn(line, " \t"), line);
}

static bool is_on(const char *line, const char *key)
{
	return text_take(&line, key) && !strcmp(line, "on");
}

/* Room for all of the file was made beforehand. */
static void header_file(struct recording *rec, const char *line)
{
	if (!text_take(&line, platform_file) || (*line && *line++ != ' '))
		return;
	if (!rec->platform_file)
		rec->platform_file = calloc(1, rec->file.size + 1);
	if (rec->platform_file)
		sprintf(rec->platform_file + strlen(rec->platform_file), "%s\n", line);
}

static void header(struct recording *rec, const char *line)
{
	if (line[0] != '#')
		return;
	header_file(rec, line);
	rec->selftest |= is_on(line, "# selftest: ");
	rec->strict |= is_on(line, "# strict: ");
	header_field(rec->kernel, sizeof(rec->kernel), line, "# kernel: Linux ");
	header_field(rec->iommu, sizeof(rec->iommu), line, "# iommu: ");
	header_field(rec->platform, sizeof(rec->platform), line, "# platform: ");
	header_field(rec->container, sizeof(rec->container), line, "# container: ");
}

static bool is_instruction(const char *line)
{
	return text_take(&line, "# caps=");
}

static size_t count_words(const struct text_file *file)
{
	size_t words = file->lines;

	for (size_t i = 0; i < file->size; i++)
		words += file->data[i] == ' ' || file->data[i] == '\t';
	return words + 1;
}

static bool is_blank(const char *line)
{
	return !line[strspn(line, " \t")];
}

/* Cut `left` into the operation's name and words. */
static void cut_words(struct rec_op *op, char *left, struct rec_word **next)
{
	char *save = NULL;
	char *token = strtok_r(left, " \t", &save);

	op->name = token ? token : "";
	op->word = *next;
	while (token && (token = strtok_r(NULL, " \t", &save))) {
		char *equals = strchr(token, '=');

		if (equals)
			*equals = '\0';
		(*next)->key = equals ? token : NULL;
		(*next)->value = equals ? equals + 1 : token;
		(*next)++;
		op->words++;
	}
}

static int parse_line(struct recording *rec, unsigned i, char *copy, struct rec_word **next,
		      char *error, size_t error_len)
{
	char *line = rec->file.line[i];
	struct rec_op *op = &rec->op[rec->ops];
	char *split;

	*op = (struct rec_op){.line = i + 1, .text = line};
	if (is_instruction(line)) {
		op->name = "# caps";
		op->word = *next;
		op->words = 1;
		(*next)++->value = line + strlen("# caps=");
		rec->ops++;
		return 0;
	}
	split = strstr(line, arrow);
	if (!split)
		return text_error(error, error_len, rec->file.path, i + 1,
				  "expected \"operation => answer\"");
	*split = '\0';
	copy[split - line] = '\0';
	op->expected = split + strlen(arrow);
	cut_words(op, copy, next);
	if (!*op->name)
		return text_error(error, error_len, rec->file.path, i + 1,
				  "no operation before \"=>\"");
	rec->ops++;
	return 0;
}

int recording_parse(struct recording *rec, struct text_file *file, char *error, size_t error_len)
{
	struct rec_word *next;
	char *copy;
	int rc = 0;

	*rec = (struct recording){.file = *file};
	*file = (struct text_file){0};
	rec->op = calloc(rec->file.lines + 1u, sizeof(*rec->op));
	rec->copy = malloc(rec->file.size + 1);
	rec->words = calloc(count_words(&rec->file), sizeof(*rec->words));
	if (!rec->op || !rec->copy || !rec->words) {
		recording_fini(rec);
		return -ENOMEM;
	}
	memcpy(rec->copy, rec->file.data, rec->file.size + 1);
	next = rec->words;
	for (unsigned i = 0; i < rec->file.lines && !rc; i++) {
		const char *line = rec->file.line[i];

		header(rec, line);
		if (is_blank(line) || (line[0] == '#' && !is_instruction(line)))
			continue;
		copy = rec->copy + (line - rec->file.data);
		rc = parse_line(rec, i, copy, &next, error, error_len);
	}
	if (!rc && rec->file.cut && rec->file.lines)
		rc = text_error(error, error_len, rec->file.path, rec->file.lines,
				"the last line is cut");
	if (rc)
		recording_fini(rec);
	return rc;
}

bool recording_is_header(const char *line)
{
	static const char *const keys[] = {
		"# kernel: ",  "# iommu: ",    "# platform: ", "# container: ",
		platform_file, "# selftest: ", "# strict: ",
	};

	for (size_t i = 0; i < SIO_ARRAY_SIZE(keys); i++)
		if (!strncmp(line, keys[i], strlen(keys[i])))
			return true;
	return false;
}

void recording_fini(struct recording *rec)
{
	text_file_fini(&rec->file);
	free(rec->platform_file);
	free(rec->op);
	free(rec->copy);
	free(rec->words);
	*rec = (struct recording){0};
}

const char *rec_bare(const struct rec_op *op, unsigned n)
{
	for (unsigned i = 0; i < op->words; i++)
		if (!op->word[i].key && !n--)
			return op->word[i].value;
	return NULL;
}

const char *rec_value(const struct rec_op *op, const char *key)
{
	for (unsigned i = 0; i < op->words; i++)
		if (op->word[i].key && !strcmp(op->word[i].key, key))
			return op->word[i].value;
	return NULL;
}
