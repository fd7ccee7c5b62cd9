// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text of traces: see text.h.
 *
 * Files are read through zlib, which hands plain files through unchanged. A NUL byte means that the
 * file is no text (QEMU's "simple" backend writes binary traces), and is refused with its line.
 */
#include "trace/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FILE_LIMIT ((size_t)1 << 30)

int text_verror(char *error, size_t error_len, const char *path, unsigned line, const char *format,
		va_list args)
{
	int len;

	if (!error || !error_len)
		return -EINVAL;
	if (line)
		len = snprintf(error, error_len, "%s:%u: ", path, line);
	else
		len = snprintf(error, error_len, "%s: ", path);
	if (len >= 0 && (size_t)len < error_len)
		vsnprintf(error + len, error_len - (size_t)len, format, args);
	return -EINVAL;
}

int text_error(char *error, size_t error_len, const char *path, unsigned line, const char *format,
	       ...)
{
	va_list args;

	va_start(args, format);
	text_verror(error, error_len, path, line, format, args);
	va_end(args);
	return -EINVAL;
}

static int read_all(struct text_file *file, gzFile in, char *error, size_t error_len)
{
	size_t room = 0;

	for (;;) {
		char *data;
		int got, zerr;

		if (room - file->size < 65536) {
			room = room ? room * 2 : 262144;
			data = room <= FILE_LIMIT ? realloc(file->data, room + 1) : NULL;
			if (!data)
				return -ENOMEM;
			file->data = data;
		}
		got = gzread(in, file->data + file->size, 65536);
		if (got < 0)
			return text_error(error, error_len, file->path, 0, "cannot read: %s",
					  gzerror(in, &zerr));
		if (!got)
			break;
		file->size += (size_t)got;
	}
	file->data[file->size] = '\0';
	return 0;
}

static int split_lines(struct text_file *file, char *error, size_t error_len)
{
	char *end = file->data + file->size, *at, *newline, *nul;
	size_t lines = 1;

	for (at = file->data; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		lines++;
	if (lines > UINT32_MAX / 2)
		return text_error(error, error_len, file->path, 0, "too many lines");
	file->line = malloc(lines * sizeof(*file->line));
	if (!file->line)
		return -ENOMEM;
	for (at = file->data; at < end; at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(end - at));
		file->cut = !newline;
		if (!newline)
			newline = end;
		*newline = '\0';
		nul = memchr(at, '\0', (size_t)(newline - at));
		if (nul)
			return text_error(error, error_len, file->path, file->lines + 1,
					  "not a text file: NUL byte");
		if (newline > at && newline[-1] == '\r')
			newline[-1] = '\0';
		file->line[file->lines++] = at;
	}
	return 0;
}

int text_file_load(struct text_file *file, const char *path, char *error, size_t error_len)
{
	gzFile in;
	int rc;

	*file = (struct text_file){.path = path};
	in = gzopen(path, "rb");
	if (!in) {
		rc = errno == ENOENT ? -ENOENT : errno == ENOMEM ? -ENOMEM : -EINVAL;
		text_error(error, error_len, path, 0, "cannot open: %s", strerror(errno));
		return rc;
	}
	rc = read_all(file, in, error, error_len);
	/* A truncated gzip file reads well until it is closed. */
	if (gzclose_r(in) != Z_OK && !rc)
		rc = text_error(error, error_len, path, 0, "the compressed file is damaged or cut");
	if (!rc)
		rc = split_lines(file, error, error_len);
	if (rc)
		text_file_fini(file);
	return rc;
}

int text_file_copy(struct text_file *file, const char *path, const char *text, size_t size,
		   char *error, size_t error_len)
{
	int rc;

	*file = (struct text_file){.path = path, .size = size, .data = malloc(size + 1)};
	if (!file->data)
		return -ENOMEM;
	memcpy(file->data, text, size);
	file->data[size] = '\0';
	rc = split_lines(file, error, error_len);
	if (rc)
		text_file_fini(file);
	return rc;
}

void text_file_fini(struct text_file *file)
{
	free(file->line);
	free(file->data);
	*file = (struct text_file){0};
}

static int digit(char c, unsigned base)
{
	int value = -1;

	if (c >= '0' && c <= '9')
		value = c - '0';
	else if (c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	return value < (int)base ? value : -1;
}

bool text_take_number(const char **text, unsigned base, uint64_t max, uint64_t *value)
{
	const char *at = *text;
	uint64_t sum = 0;
	int d;

	if (base == 16 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
		at += 2;
	if (digit(*at, base) < 0)
		return false;
	for (; (d = digit(*at, base)) >= 0; at++)
		if (__builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)d, &sum))
			return false;
	if (sum > max)
		return false;
	*text = at;
	*value = sum;
	return true;
}

bool text_number(const char *text, uint64_t *value)
{
	unsigned base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;

	return text_take_number(&text, base, UINT64_MAX, value) && !*text;
}

bool text_take(const char **text, const char *literal)
{
	size_t len = strlen(literal);

	if (strncmp(*text, literal, len))
		return false;
	*text += len;
	return true;
}

bool text_hex(const char *text, size_t digits, uint8_t *bytes)
{
	if (digits % 2)
		return false;
	for (size_t i = 0; i < digits; i += 2) {
		int hi = digit(text[i], 16);
		int lo = digit(text[i + 1], 16);

		if (hi < 0 || lo < 0)
			return false;
		bytes[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

static bool strbuf_reserve(struct strbuf *buf, size_t more)
{
	size_t room = buf->room ? buf->room : 256;
	char *data;

	while (room - buf->len <= more)
		room *= 2;
	if (room == buf->room)
		return true;
	data = realloc(buf->data, room);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->room = room;
	return true;
}

void strbuf_add(struct strbuf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0 || !strbuf_reserve(buf, (size_t)len))
		return;
	va_start(args, format);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}

void strbuf_clear(struct strbuf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

void strbuf_fini(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf){0};
}

const char *strbuf_text(const struct strbuf *buf)
{
	return buf->data ? buf->data : "";
}
