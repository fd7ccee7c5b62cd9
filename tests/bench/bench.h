/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Benchmarks: ns per operation as JSON, with the machine's own limits in the same run.
 *
 * Every tests/bench/bench_NAME.c defines one `void bench_NAME(struct bench *)`, listed in
 * bench_main.c. A benchmark measures with bench_run(), which repeats and keeps the median, and
 * reports with bench_report(). Benchmarks never assert a time: figures are read beside the limits
 * of the same run.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench;

/* Monotonic nanoseconds. */
uint64_t bench_now(void);

/* A value the compiler must believe is used. */
static inline void bench_use(uint64_t value)
{
	__asm__ volatile("" : : "r"(value) : "memory");
}

/* xorshift64: about 1 ns in a chain of independent accesses. */
static inline uint64_t bench_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/* Call body(ctx, n), which performs n operations, several times; median ns per operation. */
double bench_run(struct bench *bench, void (*body)(void *ctx, uint64_t n), void *ctx, uint64_t n);
/* One result: group "translate", name "hit, 4096 pages, dependent", unit "ns/op". */
void bench_report(struct bench *bench, const char *group, const char *name, double value,
		  const char *unit);
/* Small sizes, for a smoke test. */
bool bench_quick(const struct bench *bench);
/*
 * A limit measured at the start of the run, in ns: "load L1", "load L2", "load L3", "load DRAM"
 * (dependent), "fill L2", "fill DRAM" (one table entry), "mutex", "page fault". 0: no such limit.
 */
double bench_limit(const struct bench *bench, const char *name);

#endif
