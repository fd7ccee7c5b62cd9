// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parser of ioctl dumps: see ioctl_dump.h for the format.
 */
#include "trace/ioctl_dump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t dump_u32(const uint8_t *bytes, size_t len, size_t offset)
{
	uint32_t value = 0;

	if (offset + sizeof(value) <= len)
		memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

uint64_t dump_u64(const uint8_t *bytes, size_t len, size_t offset)
{
	uint64_t value = 0;

	if (offset + sizeof(value) <= len)
		memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

/* "<seq> <tid> <sec>.<nsec> <ns> fd=" */
static bool take_head(const char **at)
{
	uint64_t number;

	return text_take_number(at, 10, UINT64_MAX, &number) && text_take(at, " ") &&
	       text_take_number(at, 10, UINT32_MAX, &number) && text_take(at, " ") &&
	       text_take_number(at, 10, UINT64_MAX, &number) && text_take(at, ".") &&
	       text_take_number(at, 10, 999999999, &number) && text_take(at, " ") &&
	       text_take_number(at, 10, UINT64_MAX, &number) && text_take(at, " fd=");
}

bool ioctl_dump_detect(const char *line)
{
	return take_head(&line);
}

static bool take_signed(const char **at, int64_t *value)
{
	bool negative = text_take(at, "-");
	uint64_t number;

	if (!text_take_number(at, 10, INT64_MAX, &number))
		return false;
	*value = negative ? -(int64_t)number : (int64_t)number;
	return true;
}

/* A word up to `end`, which is cut off. */
static char *take_word(char **at, char end)
{
	char *word = *at, *stop = strchr(word, end);

	if (!stop || stop == word)
		return NULL;
	*stop = '\0';
	*at = stop + 1;
	return word;
}

static bool take_bytes(char **at, uint8_t **next, const uint8_t **bytes, uint32_t *len)
{
	char *word = take_word(at, ' ');
	size_t digits;

	if (!word)
		return false;
	*bytes = *next;
	if (!strcmp(word, "-"))
		return true;
	digits = strlen(word);
	if (digits / 2 > UINT16_MAX || !text_hex(word, digits, *next))
		return false;
	*len = (uint32_t)(digits / 2);
	*next += digits / 2;
	return true;
}

static const char *parse_fields(struct dump_line *line, char *at, uint8_t **next)
{
	const char *text = at;
	uint64_t number;
	char *word;
	int64_t err;

	if (!take_head(&text))
		return "expected \"sequence thread time duration fd=\"";
	if (!text_take_number(&text, 10, INT32_MAX, &number) || !text_take(&text, "("))
		return "expected fd=NUMBER(FILE)";
	line->recorded_fd = (int)number;
	at += text - at;
	line->path = take_word(&at, ')');
	if (!line->path || *at != ' ')
		return "expected fd=NUMBER(FILE)";
	text = at + 1;
	if (!text_take_number(&text, 16, UINT32_MAX, &number) || !text_take(&text, " "))
		return "expected the request's number";
	line->request = (uint32_t)number;
	at += text - at;
	line->name = take_word(&at, ' ');
	text = at;
	line->by_value = text_take(&text, "arg=val:");
	if (!line->name || (!line->by_value && !text_take(&text, "arg=ptr:")) ||
	    !text_take_number(&text, 16, UINT64_MAX, &line->value) || !text_take(&text, " in="))
		return "expected NAME arg=val:NUMBER or arg=ptr:NUMBER";
	at += text - at;
	if (!take_bytes(&at, next, &line->in, &line->in_len))
		return "in= is no string of hexadecimal bytes";
	word = at;
	if (strncmp(word, "out=", 4))
		return "expected out=BYTES";
	at += 4;
	if (!take_bytes(&at, next, &line->out, &line->out_len))
		return "out= is no string of hexadecimal bytes";
	text = at;
	if (!text_take(&text, "ret=") || !take_signed(&text, &line->ret) ||
	    !text_take(&text, " errno=") || !take_signed(&text, &err) || *text)
		return "expected ret=NUMBER errno=NUMBER at the end";
	if (err < 0 || err > 4095 || (line->ret < 0) != (err != 0))
		return "ret and errno do not agree";
	line->err = (int)err;
	return NULL;
}

static int parse_line(struct dump *dump, struct session *s, unsigned i, char *copy, uint8_t **next)
{
	struct dump_line *line = &dump->line[dump->lines];
	const char *why;

	*line = (struct dump_line){
		.line = i + 1,
		.text = dump->text.line[i],
		.file = DUMP_NONE,
		.other = DUMP_NONE,
		.bar_file = DUMP_NONE,
	};
	why = parse_fields(line, copy, next);
	if (why)
		return session_error(s, i + 1, "%s", why);
	dump->lines++;
	return 0;
}

int dump_parse(struct dump *dump, struct session *s)
{
	size_t size = dump->text.size;
	uint8_t *next;
	int rc = 0;

	/* The lines' copy is cut into words; the bytes of a line take half of its digits. */
	dump->bytes = malloc(size + 1 + size / 2 + 1);
	dump->line = calloc(dump->text.lines + 1u, sizeof(*dump->line));
	if (!dump->bytes || !dump->line)
		return -ENOMEM;
	memcpy(dump->bytes, dump->text.data, size + 1);
	next = dump->bytes + size + 1;
	for (unsigned i = 0; i < dump->text.lines && !rc; i++) {
		const char *text = dump->text.line[i];

		if (*text && *text != '#')
			rc = parse_line(dump, s, i, (char *)dump->bytes + (text - dump->text.data),
					&next);
	}
	if (!rc && dump->text.cut)
		rc = session_error(s, dump->text.lines, "the last line is cut");
	if (!rc && !dump->lines)
		rc = session_error(s, 0, "no ioctl in the file");
	return rc;
}
