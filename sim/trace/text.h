/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text of traces: whole files as lines, numbers, hexadecimal bytes, strings that grow.
 *
 * Invariant: a line never holds a newline or a NUL; the last line of a file that does not end in a
 * newline is known to be cut (text_file.cut).
 */
#ifndef SIM_TRACE_TEXT_H
#define SIM_TRACE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base.h"

struct text_file {
	const char *path;
	char *data;
	size_t size;
	char **line; /* line[0] is line 1 of the file */
	unsigned lines;
	bool cut; /* the last line has no newline */
};

/* Plain or gzip. 0; -ENOENT, -EINVAL (unreadable, binary, too large), -ENOMEM with a line in error.
 */
int text_file_load(struct text_file *file, const char *path, char *error, size_t error_len);
/* From memory, copied; as text_file_load(). */
int text_file_copy(struct text_file *file, const char *path, const char *text, size_t size,
		   char *error, size_t error_len);
void text_file_fini(struct text_file *file);

/* "path:line: message" (line 0: "path: message") into error; returns -EINVAL. */
SIO_PRINTF(5, 6)
int text_error(char *error, size_t error_len, const char *path, unsigned line, const char *format,
	       ...);
int text_verror(char *error, size_t error_len, const char *path, unsigned line, const char *format,
		va_list args);

/* The whole string is one number, decimal or 0x hexadecimal, that fits. */
bool text_number(const char *text, uint64_t *value);
/* A number at *text, at most `max`; *text moves behind it. `base` 16 also takes a 0x prefix. */
bool text_take_number(const char **text, unsigned base, uint64_t max, uint64_t *value);
/* A literal at *text; *text moves behind it. */
bool text_take(const char **text, const char *literal);
/* Hexadecimal digits of `digits` characters into bytes; false: odd length or no digit. */
bool text_hex(const char *text, size_t digits, uint8_t *bytes);

/* A string that grows; after a failed allocation it stays as it is and `failed` is set. */
struct strbuf {
	char *data;
	size_t len, room;
	bool failed;
};

SIO_PRINTF(2, 3)
void strbuf_add(struct strbuf *buf, const char *format, ...);
void strbuf_clear(struct strbuf *buf);
void strbuf_fini(struct strbuf *buf);
/* Never NULL. */
const char *strbuf_text(const struct strbuf *buf);

#endif
