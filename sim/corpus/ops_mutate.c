// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of inputs that keep operations whole: a literal and its words stay together.
 *
 * Invariant: what comes out is a head and operations, nothing behind them; only a literal may be
 * cut short at the end.
 */
#include "corpus/ops.h"

#include "prng.h"

#include <string.h>

#define BURST 64u

struct input {
	uint8_t *data;
	size_t size, max_size;
	size_t at[OPS_MAX + 1];
	unsigned count;
};

static void fill(struct prng *rng, uint8_t *bytes, size_t count)
{
	while (count--)
		*bytes++ = (uint8_t)(prng_next(rng) >> 24);
}

/* Literals of random words say nothing that a kernel would look at twice, and would swallow
 * what follows them. */
static void fill_record(struct prng *rng, uint8_t *record)
{
	fill(rng, record, OPS_RECORD);
	if (record[OPS_RECORD - 1] == OPS_LITERAL)
		record[OPS_RECORD - 1] = 0;
}

static size_t length(const struct input *in, unsigned n)
{
	return in->at[n + 1] - in->at[n];
}

/* Room for `len` bytes before the n-th operation. */
static uint8_t *open_gap(struct input *in, unsigned n, size_t len)
{
	uint8_t *gap = in->data + in->at[n];

	memmove(gap + len, gap, in->size - in->at[n]);
	in->size += len;
	return gap;
}

static void remove_one(struct input *in, unsigned n)
{
	memmove(in->data + in->at[n], in->data + in->at[n + 1], in->size - in->at[n + 1]);
	in->size -= length(in, n);
}

/* A literal that was cut short gets its zeroes, or goes where there is no room for them. */
static void complete(struct input *in)
{
	uint8_t *last = in->data + in->at[in->count - 1];
	size_t len = length(in, in->count - 1);

	if (last[OPS_RECORD - 1] != OPS_LITERAL || len == OPS_BYTES_MAX)
		return;
	if (in->at[in->count - 1] + OPS_BYTES_MAX <= in->max_size) {
		memset(last + len, 0, OPS_BYTES_MAX - len);
		in->at[in->count] = in->at[in->count - 1] + OPS_BYTES_MAX;
	} else {
		in->count--;
	}
	in->size = in->at[in->count];
}

/* Nothing can be found out by changing nothing: an input without operations gets many at once. */
static void burst(struct input *in, struct prng *rng)
{
	for (unsigned i = 0; i < BURST && in->size + OPS_RECORD <= in->max_size; i++) {
		fill_record(rng, in->data + in->size);
		in->size += OPS_RECORD;
	}
}

/* One more, new or as another. */
static void add_one(struct input *in, struct prng *rng, bool copy)
{
	unsigned n = (unsigned)prng_below(rng, in->count + UINT64_C(1)), from;
	uint8_t bytes[OPS_BYTES_MAX];
	size_t len = OPS_RECORD;

	if (copy) {
		from = (unsigned)prng_below(rng, in->count);
		len = length(in, from);
		memcpy(bytes, in->data + in->at[from], len);
	} else {
		fill_record(rng, bytes);
	}
	if (in->size + len <= in->max_size)
		memcpy(open_gap(in, n, len), bytes, len);
}

static void swap_two(struct input *in, unsigned a, unsigned b)
{
	uint8_t first[OPS_BYTES_MAX], second[OPS_BYTES_MAX];
	unsigned low = a < b ? a : b, high = a < b ? b : a;
	size_t first_len = length(in, low), second_len = length(in, high), between;
	uint8_t *start = in->data + in->at[low];

	if (low == high)
		return;
	between = in->at[high] - in->at[low + 1];
	memcpy(first, start, first_len);
	memcpy(second, in->data + in->at[high], second_len);
	memmove(start + second_len, start + first_len, between);
	memcpy(start, second, second_len);
	memcpy(start + second_len + between, first, first_len);
}

/* A byte; or one of a literal's words goes up or down by some pages. */
static void change_one(struct input *in, struct prng *rng, unsigned n)
{
	size_t words = length(in, n) / OPS_RECORD - 1, which = prng_below(rng, words + 1);
	uint8_t *bytes = in->data + in->at[n] + which * OPS_RECORD;
	uint64_t word = 0, pages = 1 + prng_below(rng, 16);

	if (!which) {
		fill(rng, bytes + prng_below(rng, OPS_RECORD), 1);
		return;
	}
	for (unsigned i = 0; i < OPS_RECORD; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	word += prng_below(rng, 2) ? pages * OPS_PAGE : 0 - pages * OPS_PAGE;
	for (unsigned i = 0; i < OPS_RECORD; i++)
		bytes[i] = (uint8_t)(word >> (8 * i));
}

size_t ops_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct prng rng = {seed};
	struct input in = {.data = data, .max_size = max_size};
	unsigned how = (unsigned)prng_below(&rng, 16), n;

	if (max_size < OPS_HEAD + OPS_RECORD)
		return size < max_size ? size : max_size;
	if (size < OPS_HEAD)
		fill(&rng, data + size, OPS_HEAD - size);
	in.count = ops_index(data, size, in.at);
	in.size = in.count ? in.at[in.count] : OPS_HEAD;
	if (in.count)
		complete(&in);
	if (!in.count) {
		burst(&in, &rng);
		return in.size;
	}
	n = (unsigned)prng_below(&rng, in.count);
	/* What is kept is what went somewhere new, which is not what most sessions are like. */
	if (prng_below(&rng, 4)) {
		fill(&rng, data, OPS_HEAD);
		in.size = OPS_HEAD;
		burst(&in, &rng);
	} else if (how < 4 && in.count < OPS_GROW)
		add_one(&in, &rng, how == 3);
	else if (how < 6 && in.count > 1)
		remove_one(&in, n);
	else if (how < 9)
		swap_two(&in, n, (unsigned)prng_below(&rng, in.count));
	else if (how < 15)
		change_one(&in, &rng, n);
	else
		fill(&rng, data + prng_below(&rng, OPS_HEAD), 1);
	return in.size;
}

size_t ops_splice(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
		  size_t max_size, unsigned seed)
{
	struct prng rng = {seed};
	size_t a_at[OPS_MAX + 1], b_at[OPS_MAX + 1], head_size, tail_size;
	unsigned head, from, b_count;

	if (a_size < OPS_HEAD || b_size < OPS_HEAD || max_size < OPS_HEAD)
		return 0;
	head = (unsigned)prng_below(&rng, ops_index(a, a_size, a_at) + UINT64_C(1));
	b_count = ops_index(b, b_size, b_at);
	from = (unsigned)prng_below(&rng, b_count + UINT64_C(1));
	while (a_at[head] > max_size)
		head--;
	head_size = a_at[head];
	while (from < b_count && b_at[b_count] - b_at[from] > max_size - head_size)
		from++;
	tail_size = b_at[b_count] - b_at[from];
	memcpy(out, a, head_size);
	memcpy(out + head_size, b + b_at[from], tail_size);
	return head_size + tail_size;
}
