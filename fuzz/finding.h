/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a target that plays a program prints when something differs: the session as a recording.
 *
 * The lines are done again, on a machine of their own, which gives the answers in full; where the
 * session had another error or number, that is what is printed. The last line has the answer that
 * the reference wants, and a mark below it.
 */
#ifndef FUZZ_FINDING_H
#define FUZZ_FINDING_H

#include "trace/author.h"

#include <stdbool.h>
#include <stdio.h>

#define FINDING_LINE 512u

struct finding {
	FILE *out;
	struct author *author; /* NULL: no machine could be had */
	unsigned departed;     /* lines that are answered otherwise when they are done again */
	unsigned unsaid;       /* comments instead of operations */
	char error[256];
};

/* Prints the header; `cfg` is needed until the end. */
void finding_begin(struct finding *f, FILE *out, const struct author_cfg *cfg);
/* A line with its answer, or a comment. `rc`: what the session got, >= 0 or a negative errno
 * value. */
void finding_line(struct finding *f, long rc, const char *line);
/* The same without knowing what the session got: the answer, "" if there is none, until the next
 * line. */
const char *finding_do(struct finding *f, const char *line);
/* The value of an answer's field; "?": it has none. */
void finding_value(const char *answer, const char *key, char *value, size_t len);
/* A comment in the place of something that no line says. */
void finding_unsaid(struct finding *f, const char *comment);
/* The last line, with the answer that is wanted: all of it, which may end in "...". */
void finding_want(struct finding *f, const char *line, const char *wanted);
/* ... as it is here, but for the n-th field of that name. */
void finding_want_field(struct finding *f, const char *line, const char *key, unsigned n,
			const char *value);
/* ... but for these fields, "pinned=2 user=0". */
void finding_want_fields(struct finding *f, const char *line, const char *fields);
void finding_end(struct finding *f);

/* "ret=0 ...", "ret=-1 errno=EINVAL ...". */
void finding_answer(char *text, size_t len, long rc);

/* A bitmap as recordings write it; to be freed. */
char *finding_bitmap(const uint8_t *bytes, size_t len);

/* FUZZ_RECORD: a folder that gets every session as a recording, of which nothing differed. The file
 * of the next one, to be closed; NULL: not asked for. */
FILE *finding_record(void);

#endif
