/* SPDX-License-Identifier: GPL-2.0-only */
/* What every fuzz target defines, libFuzzer's entry point; and what a target can define. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Change an input in place, or make one of two: the size of the result, at most the largest. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed);

/* ---- what every target does, so that campaigns can be measured (common.c) ---- */

/* Totals over all inputs; in the file FUZZ_COUNTS, two numbers of the host, if that is set. */
struct fuzz_counts {
	uint64_t inputs, operations; /* begun */
};
extern struct fuzz_counts *fuzz_counts;

/* The kernel, or the platform, that every input is to use; NULL: the input chooses. */
const char *fuzz_kernel(void);
const char *fuzz_platform(void);
/* FUZZ_BARE: neither reference nor audits, to measure the emulator alone. */
bool fuzz_bare(void);
/*
 * Whether an input is long enough for a session, and no longer than is sensible. Asked here because
 * libFuzzer begins with the empty input, and gives up where that runs no code that it looks into.
 */
bool fuzz_is_session(size_t size, size_t least);
/*
 * Blocks that malloc() gave since the first call, less those that came back; 0 unless libFuzzer
 * counts them too. Blocks that are known to stay are made up for by fuzz_give_back(), so that it
 * does not look for leaks in vain.
 */
int64_t fuzz_taken(void);
void fuzz_give_back(int64_t blocks);

#endif
