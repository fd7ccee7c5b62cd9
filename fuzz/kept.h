/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine that is kept from one input to the next: switched off and on at the end of each, so
 * that what an input leaves behind is found with that input.
 *
 * Blocks of memory that a machine does not get back are counted by its recycler: LeakSanitizer
 * finds as much, but looks through all memory of all machines for it, which takes longer than
 * hundreds of inputs; it is asked when the program ends.
 */
#ifndef FUZZ_KEPT_H
#define FUZZ_KEPT_H

#include "machine.h"
#include "recycle.h"
#include "softiommu.h"

#include <stdio.h>

struct kept {
	struct sio_machine *machine; /* NULL: none as yet */
	int64_t blocks;              /* that it has in use after a reset */
	bool used;
};

static inline int64_t kept_blocks(const struct kept *kept)
{
	return kept->machine->recycler ? kept->machine->recycler->live : 0;
}

/* A machine as new; the first time it is made. 0, or a negative errno and a line in `why`. */
static inline int kept_begin(struct kept *kept, const struct sio_machine_cfg *cfg, char *why,
			     size_t len)
{
	int rc = 0;

	if (kept->machine && !kept->used) {
		kept->used = true;
		return 0;
	}
	if (!kept->machine) {
		rc = sio_machine_create(cfg, &kept->machine, why, len);
		/* After its first process a machine has a user, which stays. */
		if (!rc)
			sio_process_create(kept->machine);
	}
	if (!rc)
		rc = sio_machine_reset(kept->machine);
	if (rc)
		return rc;
	if (!kept->used)
		kept->blocks = kept_blocks(kept);
	kept->used = true;
	return 0;
}

/* The input is over: NULL, or what is wrong, good until the next call. */
static inline const char *kept_end(struct kept *kept)
{
	static char text[64];

	if (sio_machine_reset(kept->machine))
		return "the machine does not come up again";
	kept->used = false;
	if (kept_blocks(kept) == kept->blocks)
		return NULL;
	snprintf(text, sizeof(text), "%lld blocks of memory are not given back",
		 (long long)(kept_blocks(kept) - kept->blocks));
	return text;
}

#endif
