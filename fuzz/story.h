/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a target that plays no program has done with an input, a line an operation, to be told when
 * something is wrong.
 */
#ifndef FUZZ_STORY_H
#define FUZZ_STORY_H

#include "records.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STORY_LINE 160u

struct story {
	char head[STORY_LINE];   /* where it happens: a comment */
	char target[STORY_LINE]; /* whose story it is */
	char line[RECORDS_MAX * 2 + 8][STORY_LINE];
	unsigned lines;
};

/* Nothing has happened as yet; `head` is to be filled in. */
static inline void story_begin(struct story *story, const char *target)
{
	snprintf(story->target, sizeof(story->target), "%s", target);
	story->head[0] = '\0';
	story->lines = 0;
}

/* What there is no room for is left out. */
__attribute__((format(printf, 2, 3))) static inline void story_note(struct story *story,
								    const char *format, ...)
{
	va_list args;

	if (story->lines == sizeof(story->line) / sizeof(story->line[0]))
		return;
	va_start(args, format);
	vsnprintf(story->line[story->lines++], STORY_LINE, format, args);
	va_end(args);
}

/* Tell it, with what is wrong after the last line, and abort. */
__attribute__((noreturn, format(printf, 2, 3))) static inline void
story_fail(const struct story *story, const char *format, ...)
{
	va_list args;

	if (story->head[0])
		fprintf(stderr, "# %s\n", story->head);
	for (unsigned i = 0; i < story->lines; i++)
		fprintf(stderr, "%s\n", story->line[i]);
	fprintf(stderr, "# ^^^ %s: ", story->target);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static inline void story_compare(const struct story *story, const char *what, uint64_t got,
				 uint64_t expected)
{
	if (got != expected)
		story_fail(story, "%s is 0x%" PRIx64 ", expected 0x%" PRIx64, what, got, expected);
}

#endif
