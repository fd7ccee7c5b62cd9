/* SPDX-License-Identifier: GPL-2.0-only */
/* What every fuzz target defines: libFuzzer's entry point. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
