// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: arguments, names and answers, which all operations share.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void golden_bad(struct golden *g, const char *format, ...)
{
	va_list args;

	if (g->rc)
		return;
	va_start(args, format);
	g->rc = text_verror(g->s->error, g->s->error_len, g->s->path, g->op->line, format, args);
	va_end(args);
}

/* A number of any length: the recorder took what did not fit for the largest that does. */
static bool is_number(const char *text)
{
	const char *digits = text_take(&text, "0x") ? "0123456789abcdefABCDEF" : "0123456789";

	return *text && !text[strspn(text, digits)];
}

static uint64_t number(struct golden *g, const char *what, const char *text)
{
	uint64_t value = 0;

	if (!text_number(text, &value) && is_number(text))
		return UINT64_MAX;
	if (!text_number(text, &value))
		golden_bad(g, "%s: \"%.80s\" is no number", what, text);
	return value;
}

uint64_t golden_number(struct golden *g, const char *key, uint64_t absent)
{
	const char *text = rec_value(g->op, key);

	return text ? number(g, key, text) : absent;
}

uint64_t golden_need(struct golden *g, const char *key)
{
	if (!rec_value(g->op, key))
		golden_bad(g, "%s needs %s=", g->op->name, key);
	return golden_number(g, key, 0);
}

uint64_t golden_bare_number(struct golden *g, unsigned n)
{
	return number(g, g->op->name, rec_bare(g->op, n));
}

static bool is_called(const struct golden_name *entry, const char *name)
{
	size_t len = strlen(entry->name);

	return !strncmp(entry->name, name, len) && !strcmp(entry->suffix, name + len);
}

struct golden_name *golden_find(struct golden *g, enum golden_space space, const char *name)
{
	for (unsigned i = g->names.count; i-- > 0;)
		if (g->names.entry[i].space == space && is_called(&g->names.entry[i], name))
			return &g->names.entry[i];
	return NULL;
}

struct golden_name *golden_bind(struct golden *g, enum golden_space space, const char *name)
{
	struct golden_names *names = &g->names;
	struct golden_name *entry;

	if (names->count == names->room) {
		unsigned room = names->room ? names->room * 2 : 16;

		entry = realloc(names->entry, room * sizeof(*entry));
		if (!entry)
			return NULL;
		names->entry = entry;
		names->room = room;
	}
	entry = &names->entry[names->count++];
	*entry = (struct golden_name){.space = space, .name = name, .suffix = ""};
	return entry;
}

int golden_bind_fd(struct golden *g, const char *name, int fd)
{
	struct golden_name *entry = golden_bind(g, GOLDEN_FILE, name);

	if (!entry)
		return -ENOMEM;
	entry->file.fd = fd;
	return 0;
}

int golden_fd(struct golden *g, const char *name)
{
	const struct golden_name *entry = golden_find(g, GOLDEN_FILE, name);

	return entry ? entry->file.fd : -1;
}

const struct golden_name *golden_buffer(struct golden *g, const char *name)
{
	const struct golden_name *entry = name ? golden_find(g, GOLDEN_BUFFER, name) : NULL;

	if (!entry)
		golden_bad(g, "%s: no buffer \"%.80s\"", g->op->name, name ? name : "");
	return entry;
}

bool golden_names_copy(struct golden_names *to, const struct golden_names *from)
{
	*to = (struct golden_names){0};
	if (!from->count)
		return true;
	to->entry = malloc(from->count * sizeof(*to->entry));
	if (!to->entry)
		return false;
	memcpy(to->entry, from->entry, from->count * sizeof(*to->entry));
	to->count = from->count;
	to->room = from->count;
	return true;
}

void golden_answer(struct golden *g, long ret)
{
	char buf[16];

	if (ret < 0)
		strbuf_add(&g->out, "ret=-1 errno=%s", session_errno_name((int)-ret, buf));
	else
		strbuf_add(&g->out, "ret=%ld", ret);
}

long golden_ioctl(struct golden *g, int fd, unsigned long request, void *arg)
{
	int ret = sio_ioctl(g->s->process, fd, request, arg);

	return ret < 0 ? -(long)errno : ret;
}

void golden_put_bytes(struct golden *g, const uint8_t *bytes, size_t len)
{
	if (len <= 16) {
		for (size_t i = 0; i < len; i++)
			strbuf_add(&g->out, "%02x", bytes[i]);
		return;
	}
	strbuf_add(&g->out, "rle:");
	for (size_t i = 0, run; i < len; i += run) {
		for (run = 1; i + run < len && bytes[i + run] == bytes[i];)
			run++;
		strbuf_add(&g->out, "%s%02x*%zu", i ? "," : "", bytes[i], run);
	}
}
