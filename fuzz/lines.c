// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of texts, and their replay. Bytes seldom change alone: a text that is refused at its
 * second line finds out nothing about what the third would do.
 */
#include "lines.h"

#include "fuzz.h"

#include "prng.h"
#include "trace/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST      32u
#define NOTHING    16u /* bytes that are no text yet */
#define PIECE_MAX  4096u
#define INPUT_MAX  65536u
#define NUMBER_MAX 24u

struct text {
	uint8_t *data;
	size_t size, max_size;
	struct prng rng;
};

struct piece {
	size_t at, len;
};

/* `with` may be a part of the text. What does not fit is not done. */
static void replace(struct text *t, struct piece old, const void *with, size_t len)
{
	uint8_t copy[PIECE_MAX];

	if (len > sizeof(copy) || t->size - old.len + len > t->max_size)
		return;
	memcpy(copy, with, len);
	memmove(t->data + old.at + len, t->data + old.at + old.len, t->size - old.at - old.len);
	memcpy(t->data + old.at, copy, len);
	t->size += len - old.len;
}

static void append(struct text *t, const char *text)
{
	replace(t, (struct piece){t->size, 0}, text, strlen(text));
}

static size_t line_end(const uint8_t *data, size_t size, size_t at)
{
	const uint8_t *feed = memchr(data + at, '\n', size - at);

	return feed ? (size_t)(feed - data) + 1 : size;
}

/* The line of some byte, with its line feed: long lines come up more often, and have more to say.
 */
static struct piece some_line(struct text *t)
{
	struct piece line = {prng_below(&t->rng, t->size), 0};

	while (line.at && t->data[line.at - 1] != '\n')
		line.at--;
	line.len = line_end(t->data, t->size, line.at) - line.at;
	return line;
}

static bool is_number(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == 'x';
}

static bool is_word(uint8_t c)
{
	return c > ' ' && c != '=' && c != ',' && c != ':' && c != '(' && c != ')';
}

/* The run of such bytes at some place, or behind it; of no length: there is none. */
static struct piece some_run(struct text *t, bool (*in)(uint8_t c))
{
	struct piece run = {prng_below(&t->rng, t->size), 0};

	while (run.at < t->size && !in(t->data[run.at]))
		run.at++;
	while (run.at && run.at < t->size && in(t->data[run.at - 1]))
		run.at--;
	while (run.at + run.len < t->size && in(t->data[run.at + run.len]))
		run.len++;
	return run;
}

/* ---- changes ---- */

static void change_number(struct text *t)
{
	static const uint64_t edge[] = {0,
					1,
					8,
					0x800,
					0x1000,
					0x1ff000,
					0x200000,
					0x201000,
					0x40000000,
					0xfee00000,
					0xfedff000,
					UINT64_C(0x7ffffff000),
					UINT64_C(0xfffffffff000),
					UINT64_C(0x1000000000000),
					INT64_MAX,
					UINT64_C(0xfffffffffffff000),
					UINT64_MAX};
	static const uint64_t distance[] = {1, 0x1000, 0x1000, 0x2000, 0x200000};
	struct piece number = some_run(t, is_number), other;
	char text[NUMBER_MAX + 1] = "";
	uint64_t value;

	if (!number.len || number.len > NUMBER_MAX)
		return;
	memcpy(text, t->data + number.at, number.len);
	value = strtoull(text, NULL, 0);
	switch (prng_below(&t->rng, 4)) {
	case 0:
		value = edge[prng_below(&t->rng, sizeof(edge) / sizeof(edge[0]))];
		break;
	case 1:
		value += distance[prng_below(&t->rng, sizeof(distance) / sizeof(distance[0]))];
		break;
	case 2:
		value -= distance[prng_below(&t->rng, sizeof(distance) / sizeof(distance[0]))];
		break;
	default:
		other = some_run(t, is_number);
		replace(t, number, t->data + other.at, other.len);
		return;
	}
	snprintf(text, sizeof(text), strncmp(text, "0x", 2) ? "%" PRIu64 : "0x%" PRIx64, value);
	replace(t, number, text, strlen(text));
}

static void change_word(struct text *t)
{
	struct piece word = some_run(t, is_word), other = some_run(t, is_word);

	if (word.len && other.len)
		replace(t, word, t->data + other.at, other.len);
}

static void change_byte(struct text *t)
{
	uint8_t byte = (uint8_t)prng_below(&t->rng, 256);
	struct piece at = {prng_below(&t->rng, t->size), prng_below(&t->rng, 2)};

	replace(t, at, &byte, prng_below(&t->rng, 2));
}

static void copy_line(struct text *t, bool move)
{
	struct piece from = some_line(t), to = some_line(t);
	size_t before = t->size;

	to.len = 0;
	replace(t, to, t->data + from.at, from.len);
	if (!move || t->size == before)
		return;
	from.at += to.at <= from.at ? from.len : 0;
	replace(t, from, "", 0);
}

static void insert_line(struct text *t, const struct lines_words *words)
{
	const char *line = words->line[prng_below(&t->rng, words->lines)];
	struct piece to = some_line(t);

	to.len = 0;
	replace(t, to, line, strlen(line));
}

static void burst(struct text *t, const struct lines_words *words)
{
	t->size = 0;
	append(t, words->head[prng_below(&t->rng, words->heads)]);
	for (unsigned i = 0; i < BURST; i++)
		append(t, words->line[prng_below(&t->rng, words->lines)]);
}

size_t lines_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed,
		    const struct lines_words *words)
{
	struct text t = {data, size, max_size, {seed}};

	if (size < NOTHING) {
		burst(&t, words);
		return t.size;
	}
	switch (prng_below(&t.rng, 12)) {
	case 0:
	case 1:
		replace(&t, some_line(&t), "", 0);
		break;
	case 2:
		copy_line(&t, false);
		break;
	case 3:
		copy_line(&t, true);
		break;
	case 4:
	case 5:
	case 6:
		insert_line(&t, words);
		break;
	case 7:
		change_word(&t);
		break;
	case 8:
		change_byte(&t);
		break;
	default:
		change_number(&t);
	}
	return t.size;
}

size_t lines_splice(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
		    size_t max_size, unsigned seed)
{
	struct prng rng = {seed};
	size_t first, from;

	if (!a_size || !b_size)
		return 0;
	first = line_end(a, a_size, prng_below(&rng, a_size));
	from = line_end(b, b_size, prng_below(&rng, b_size));
	first = first < max_size ? first : max_size;
	b_size -= from;
	b_size = b_size < max_size - first ? b_size : max_size - first;
	memcpy(out, a, first);
	memcpy(out + first, b + from, b_size);
	return first + b_size;
}

/* ---- replay ---- */

static void fail(const char *format, const char *what)
{
	fprintf(stderr, "%s: %s\n", format, what);
	abort();
}

void lines_replay(const uint8_t *data, size_t size, const char *format)
{
	const struct replay_cfg cfg = {
		.format = format,
		.kernel = fuzz_kernel(),
		.platform = fuzz_platform(),
		.audit_every = fuzz_bare() ? 0 : 4,
		.thorough = true,
	};
	struct replay_result result;
	char error[512] = "";
	char *text;

	if (size > INPUT_MAX)
		return;
	fuzz_counts->inputs++;
	text = malloc(size + 1);
	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!replay_memory(format, text, size, &cfg, &result, error, sizeof(error))) {
		fuzz_counts->operations += result.operations;
		if (result.audit_failures)
			fail(format, result.first_audit);
		replay_result_fini(&result);
	} else if (!error[0] || strchr(error, '\n')) {
		fail(format, "refused without one line that says why");
	}
	free(text);
}
