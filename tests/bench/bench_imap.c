// SPDX-License-Identifier: GPL-2.0-only
/* The interval map at 10^3 to 10^6 separate 4 KiB ranges, random order. */
#include "bench.h"

#include "imap.h"

#include <stdio.h>
#include <stdlib.h>

void bench_imap(struct bench *bench);

struct state {
	struct imap map;
	uint64_t *key;
	uint64_t keys;
	bool dependent;
};

static void insert_all(void *ctx, uint64_t n)
{
	struct state *s = ctx;

	imap_clear(&s->map);
	for (uint64_t i = 0; i < n; i++)
		if (!imap_insert(&s->map,
				 (struct imap_entry){s->key[i], s->key[i] + 0xfff, s->key[i]}))
			abort();
}

static void find(void *ctx, uint64_t n)
{
	struct state *s = ctx;
	struct imap_entry e = {0};
	uint64_t seed = 1234567, carry = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t key = s->key[(bench_random(&seed) + carry) % s->keys];

		imap_find(&s->map, key, key + 0xfff, &e);
		/* Zero that the processor cannot know: it makes the next address wait for this one.
		 */
		carry = s->dependent ? e.value & 1 : 0;
		bench_use(e.value);
	}
}

static double erase_all(struct state *s)
{
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < s->keys; i++)
		imap_erase(&s->map, s->key[s->keys - 1 - i], NULL);
	return (double)(bench_now() - start) / (double)s->keys;
}

static void one_size(struct bench *bench, uint64_t n)
{
	struct state s = {.key = malloc(n * sizeof(uint64_t)), .keys = n};
	uint64_t seed = 42, looks = bench_quick(bench) ? 1000 : 1000000;
	char name[64];

	if (!s.key)
		return;
	for (uint64_t i = 0; i < n; i++)
		s.key[i] = i << 14;
	for (uint64_t i = n - 1; i > 0; i--) {
		uint64_t j = bench_random(&seed) % (i + 1), t = s.key[i];

		s.key[i] = s.key[j];
		s.key[j] = t;
	}
	imap_init(&s.map);
	snprintf(name, sizeof(name), "insert, %lu ranges", n);
	bench_report(bench, "imap", name, bench_run(bench, insert_all, &s, n), "ns/op");
	snprintf(name, sizeof(name), "find, %lu ranges", n);
	bench_report(bench, "imap", name, bench_run(bench, find, &s, looks), "ns/op");
	s.dependent = true;
	snprintf(name, sizeof(name), "find, %lu ranges, dependent", n);
	bench_report(bench, "imap", name, bench_run(bench, find, &s, looks), "ns/op");
	snprintf(name, sizeof(name), "memory, %lu ranges", n);
	bench_report(bench, "imap", name, (double)imap_bytes(&s.map) / (double)n, "bytes/range");
	snprintf(name, sizeof(name), "erase, %lu ranges", n);
	bench_report(bench, "imap", name, erase_all(&s), "ns/op");
	imap_fini(&s.map);
	free(s.key);
}

void bench_imap(struct bench *bench)
{
	uint64_t most = bench_quick(bench) ? 10000 : 1000000;

	for (uint64_t n = 1000; n <= most; n *= 10)
		one_size(bench, n);
}
