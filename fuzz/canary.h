/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_CANARY_H
#define FUZZ_CANARY_H

#include <stdbool.h>

/* Put a planted crash in force, once for the process; false: there is none of that name. */
bool canary_choose(const char *name);

#endif
