// SPDX-License-Identifier: GPL-2.0-only
/*
 * Planted crashes, to prove that a campaign can fail: SIO_BUG=canary and the names below put one in
 * force, whatever the target. Each belongs to one of the detectors; a harness that misses one would
 * miss every real defect of that kind.
 *
 * It stands between the engine and the target (the linker's --wrap), so that no target knows of it,
 * and strikes after the input that completes CANARY_AFTER operations. An input that has no
 * operations counts as one.
 *
 * Only in builds with SIO_SEEDED_BUGS.
 */
#include "canary.h"

#include "fuzz.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANARY_AFTER 500u

/* The names are the linker's. */
int __real_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum { NONE, VERDICT, ADDRESS, UNDEFINED, LEAK } canary;

bool canary_choose(const char *name)
{
	static const char *const names[] = {
		[VERDICT] = "canary",
		[ADDRESS] = "canary-address",
		[UNDEFINED] = "canary-undefined",
		[LEAK] = "canary-leak",
	};

	for (unsigned i = VERDICT; i <= LEAK; i++)
		if (!strcmp(name, names[i])) {
			canary = i;
			return true;
		}
	return false;
}

/* What it does must not be seen through by the compiler. */
static void strike(void)
{
	volatile int *volatile place = malloc(sizeof(*place));

	if (!place)
		return;
	*place = INT_MAX;
	switch (canary) {
	case VERDICT:
		fprintf(stderr, "canary: a planted difference\n");
		abort();
	case ADDRESS:
		free((void *)place);
		*place = 0;
		break;
	case UNDEFINED:
		*place = *place + 1;
		break;
	case LEAK:
		place = NULL;
		return;
	case NONE:
		break;
	}
	free((void *)place);
}

int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t before = fuzz_counts->operations;
	static uint64_t done;
	int result = __real_LLVMFuzzerTestOneInput(data, size);

	if (canary == NONE)
		return result;
	done += fuzz_counts->operations > before ? fuzz_counts->operations - before : 1;
	if (done >= CANARY_AFTER)
		strike();
	return result;
}
