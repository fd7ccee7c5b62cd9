/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inputs that are text of one operation a line, and what their targets share: changes of whole
 * lines, of words and of numbers, and a replay that holds or says why not.
 */
#ifndef FUZZ_LINES_H
#define FUZZ_LINES_H

#include <stddef.h>
#include <stdint.h>

/* What a format's texts are made of; each line with its line feed. */
struct lines_words {
	const char *const *head; /* how one begins, several lines each */
	unsigned heads;
	const char *const *line; /* what can follow: mostly one line each */
	unsigned lines;
};

/*
 * One change, in place; the new size, at most max_size. A text that says next to nothing becomes a
 * head and 32 lines. The same seed makes the same change.
 */
size_t lines_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed,
		    const struct lines_words *words);
/* The first lines of `a`, then the last ones of `b`: bytes written to `out`. */
size_t lines_splice(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
		    size_t max_size, unsigned seed);

/*
 * Replay the text as a trace of `format` (trace/replay.h): with all audits holding whatever its
 * answers are, or refused with one line; else it aborts.
 */
void lines_replay(const uint8_t *data, size_t size, const char *format);

#endif
