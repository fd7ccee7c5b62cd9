/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inputs that are a head of 8 bytes and records of 8 bytes each, one an operation: how they are
 * taken apart, and how they change a whole record at a time.
 */
#ifndef FUZZ_RECORDS_H
#define FUZZ_RECORDS_H

#include "prng.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RECORD_BYTES ((size_t)8)
#define RECORDS_MAX  ((size_t)128) /* of one input that are looked at */
/* An input without any gets so many at once. */
#define RECORDS_BURST 32u

static inline size_t records_count(size_t size)
{
	size_t count = size < RECORD_BYTES ? 0 : size / RECORD_BYTES - 1;

	return count < RECORDS_MAX ? count : RECORDS_MAX;
}

/* Record n, or the head for n = -1; missing bytes are 0. Low bytes first. */
static inline uint64_t records_get(const uint8_t *data, size_t size, ptrdiff_t n)
{
	size_t at = (size_t)(n + 1) * RECORD_BYTES;
	uint64_t value = 0;

	for (size_t i = RECORD_BYTES; i-- > 0;)
		value = value << 8 | (at + i < size ? data[at + i] : 0);
	return value;
}

static inline void records_fill(struct prng *rng, uint8_t *bytes, size_t count)
{
	while (count--)
		*bytes++ = (uint8_t)(prng_next(rng) >> 24);
}

/*
 * How often each of n kinds of operations happens in one input: as usual, twice as often, or never;
 * the first always does. Returns the sum.
 */
static inline unsigned records_swarm(uint8_t *weight, const uint8_t *usual, unsigned n,
				     uint64_t seed)
{
	struct prng rng = {seed};
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned how = (unsigned)prng_below(&rng, 8);

		weight[i] = (uint8_t)(how == 0 && i ? 0 : usual[i] << (how > 5));
		sum += weight[i];
	}
	return sum;
}

static inline uint8_t *records_at(uint8_t *data, size_t n)
{
	return data + (n + 1) * RECORD_BYTES;
}

/* A gap of n records at `at`, of `count`. */
static inline void records_part(uint8_t *data, size_t at, size_t count, size_t n)
{
	memmove(records_at(data, at + n), records_at(data, at), (count - at) * RECORD_BYTES);
}

/*
 * One change, in place: records go in, out, twice, change places, or one byte of one changes; now
 * and then a byte of the head, or all is new. The new size, at most max_size; the same seed, the
 * same change.
 */
static inline size_t records_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct prng rng = {seed};
	size_t count = records_count(size), most = records_count(max_size), at, n;
	unsigned how = (unsigned)prng_below(&rng, 16);
	uint64_t keep;

	if (!most)
		return size < max_size ? size : max_size;
	/* What was found so far says little about what else there is: begin again now and then. */
	if (!count || prng_below(&rng, 8) == 0) {
		n = most < RECORDS_BURST ? most : RECORDS_BURST;
		records_fill(&rng, data, (n + 1) * RECORD_BYTES);
		return (n + 1) * RECORD_BYTES;
	}
	at = prng_below(&rng, count);
	n = 1 + prng_below(&rng, how & 1 ? 8 : 1);
	if (how < 6 && n <= most - count) {
		records_part(data, at, count, n);
		if (how < 4)
			records_fill(&rng, records_at(data, at), n * RECORD_BYTES);
		else
			memmove(records_at(data, at), records_at(data, prng_below(&rng, count + 1)),
				n * RECORD_BYTES);
		count += n;
	} else if (how < 8 && n < count - at) {
		memmove(records_at(data, at), records_at(data, at + n),
			(count - at - n) * RECORD_BYTES);
		count -= n;
	} else if (how < 10) {
		uint8_t *other = records_at(data, prng_below(&rng, count));

		memcpy(&keep, other, sizeof(keep));
		memmove(other, records_at(data, at), sizeof(keep));
		memcpy(records_at(data, at), &keep, sizeof(keep));
	} else if (how < 15) {
		records_fill(&rng, records_at(data, at) + prng_below(&rng, RECORD_BYTES), 1);
	} else {
		records_fill(&rng, data + prng_below(&rng, RECORD_BYTES), 1);
	}
	return (count + 1) * RECORD_BYTES;
}

/* The head and the first records of `a`, then the last ones of `b`: bytes written to `out`. */
static inline size_t records_splice(const uint8_t *a, size_t a_size, const uint8_t *b,
				    size_t b_size, uint8_t *out, size_t max_size, unsigned seed)
{
	struct prng rng = {seed};
	size_t most = records_count(max_size), head, tail;

	if (a_size < RECORD_BYTES || b_size < RECORD_BYTES || max_size < RECORD_BYTES)
		return 0;
	head = prng_below(&rng, records_count(a_size) + 1);
	tail = prng_below(&rng, records_count(b_size) + 1);
	if (head > most)
		head = most;
	if (tail > most - head)
		tail = most - head;
	memcpy(out, a, (head + 1) * RECORD_BYTES);
	memcpy(out + (head + 1) * RECORD_BYTES,
	       b + (records_count(b_size) - tail + 1) * RECORD_BYTES, tail * RECORD_BYTES);
	return (head + tail + 1) * RECORD_BYTES;
}

#endif
