// SPDX-License-Identifier: GPL-2.0-only
/*
 * Platform text before libconfig sees it.
 *
 * libconfig cuts a number above 32 bits that lacks the suffix L without a word, stops at a zero
 * byte, and ends the program when an included name is a directory. All three become errors here, in
 * the file and in what it includes.
 */
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX      (UINT64_C(4) << 20)
#define INCLUDE_DEPTH 8u
#define NAME_MAX_LEN  1024

struct scan {
	struct parser *parser;
	const char *at;
	const char *file;
	unsigned line;
	unsigned depth;
	char before; /* last character that was no blank and no comment */
};

char *text_read(const char *file, int *error)
{
	FILE *in = fopen(file, "re");
	struct stat st;
	char *text = NULL;
	size_t len;

	*error = errno;
	if (!in)
		return NULL;
	if (fstat(fileno(in), &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > TEXT_MAX) {
		*error = EINVAL;
		goto out;
	}
	len = (size_t)st.st_size;
	text = malloc(len + 1);
	*error = ENOMEM;
	if (!text)
		goto out;
	len = fread(text, 1, len, in);
	text[len] = '\0';
	*error = 0;
	if (strlen(text) != len) {
		free(text);
		text = NULL;
		*error = EILSEQ;
	}
out:
	fclose(in);
	return text;
}

static int scan_error(const struct scan *scan, const char *what)
{
	struct parser *parser = scan->parser;

	snprintf(parser->error, parser->error_len, "%s:%u: %s", scan->file, scan->line, what);
	return -EINVAL;
}

/* A numeral that needs more than 32 bits must say so. */
static int scan_number(struct scan *scan)
{
	char *end, message[160];
	uint64_t value, limit = INT32_MAX;
	const char *digits = scan->at;

	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
		limit = UINT32_MAX;
	errno = 0;
	value = strtoull(digits, &end, limit == UINT32_MAX ? 16 : 10);
	scan->at = end;
	if (errno == ERANGE)
		return scan_error(scan, "the number is too large, expected at most 64 bits");
	if (*end == 'L' || value <= limit)
		return 0;
	snprintf(message, sizeof(message),
		 "the number %.*s needs more than 32 bits, expected the suffix L (%.*sL)",
		 (int)(end - digits), digits, (int)(end - digits), digits);
	return scan_error(scan, message);
}

static int scan_string(struct scan *scan)
{
	if (!scan->before || !strchr("=:([,\"", scan->before))
		return scan_error(scan, "a string where none may stand, expected key = \"...\"");
	scan->at++;
	while (*scan->at && *scan->at != '"') {
		if (*scan->at == '\n')
			scan->line++;
		if (*scan->at == '\\' && scan->at[1])
			scan->at++;
		scan->at++;
	}
	if (*scan->at)
		scan->at++;
	return 0;
}

static void scan_comment(struct scan *scan)
{
	bool block = scan->at[0] == '/' && scan->at[1] == '*';

	if (block)
		scan->at += 2;
	while (*scan->at) {
		if (block && scan->at[0] == '*' && scan->at[1] == '/') {
			scan->at += 2;
			return;
		}
		if (*scan->at == '\n') {
			if (!block)
				return;
			scan->line++;
		}
		scan->at++;
	}
}

/* Remember the path of an included file, for messages about what it holds. */
static bool include_add(struct platform *platform, const char *name, const char *path)
{
	struct platform_include *more;

	more = realloc(platform->include, (platform->include_count + 1) * sizeof(*more));
	if (!more)
		return false;
	platform->include = more;
	more += platform->include_count++;
	*more = (struct platform_include){.name = strdup(name), .path = strdup(path)};
	return more->name && more->path;
}

static int scan_included(struct scan *scan, const char *name)
{
	const char *dir = scan->parser->platform->config->include_dir;
	char path[2 * NAME_MAX_LEN], message[2 * NAME_MAX_LEN];
	bool relative = dir && *name != '/';
	char *text;
	int rc;

	snprintf(path, sizeof(path), "%s%s%s", relative ? dir : "", relative ? "/" : "", name);
	if (scan->depth == INCLUDE_DEPTH)
		return scan_error(scan, "includes nest too deep, expected at most 8 levels");
	text = text_read(path, &rc);
	if (!text) {
		snprintf(message, sizeof(message),
			 "cannot include \"%s\": %s, expected a readable file", name, strerror(rc));
		return scan_error(scan, message);
	}
	if (include_add(scan->parser->platform, name, path))
		rc = text_check(scan->parser, text, path, scan->depth + 1);
	else
		rc = parser_no_memory(scan->parser);
	free(text);
	return rc;
}

static int scan_include(struct scan *scan)
{
	char name[NAME_MAX_LEN];
	const char *from = scan->at + strlen("@include"), *end;

	from += strspn(from, " \t");
	end = *from == '"' ? strpbrk(from + 1, "\"\n\\") : NULL;
	if (!end || *end != '"' || end - from > NAME_MAX_LEN)
		return scan_error(scan, "a malformed @include, expected @include \"FILE\"");
	snprintf(name, sizeof(name), "%.*s", (int)(end - from - 1), from + 1);
	scan->at = end + 1;
	return scan_included(scan, name);
}

static void scan_name(struct scan *scan)
{
	while (isalnum((unsigned char)*scan->at) || (*scan->at && strchr("-_*", *scan->at)))
		scan->at++;
}

/* One token, of which the first character is `c`. */
static int scan_token(struct scan *scan, char c)
{
	if (c == '"')
		return scan_string(scan);
	if (c == '@' && !strncmp(scan->at, "@include", 8))
		return scan_include(scan);
	if (isdigit((unsigned char)c))
		return scan_number(scan);
	if (isalpha((unsigned char)c) || c == '*')
		scan_name(scan);
	else
		scan->at++;
	return 0;
}

int text_check(struct parser *parser, const char *text, const char *file, unsigned depth)
{
	struct scan scan = {.parser = parser, .at = text, .file = file, .line = 1, .depth = depth};
	int rc = 0;

	while (*scan.at && !rc) {
		char c = *scan.at;

		if (c == '#' || (c == '/' && (scan.at[1] == '/' || scan.at[1] == '*'))) {
			scan_comment(&scan);
		} else if (isspace((unsigned char)c)) {
			scan.line += c == '\n';
			scan.at++;
		} else {
			rc = scan_token(&scan, c);
			scan.before = c;
		}
	}
	return rc;
}
