/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine that is kept from one input to the next: switched off and on at the end of each, so
 * that what an input leaves behind is found with that input.
 *
 * Blocks that a machine does not get back are counted by its recycler; LeakSanitizer finds those
 * that did not come from there.
 */
#ifndef FUZZ_KEPT_H
#define FUZZ_KEPT_H

#include "fuzz.h"
#include "machine.h"
#include "recycle.h"
#include "softiommu.h"

#include <stdio.h>

struct kept {
	struct sio_machine *machine; /* NULL: none as yet */
	int64_t live, rings;         /* blocks in use and for further use, after a reset */
	bool used;
};

static inline int64_t kept_live(const struct kept *kept)
{
	return kept->machine->recycler ? kept->machine->recycler->live : 0;
}

static inline int64_t kept_rings(const struct kept *kept)
{
	const struct recycler *recycler = kept->machine->recycler;
	int64_t blocks = 0;

	for (unsigned i = 0; recycler && i < 2 * RECYCLE_SIZES; i++)
		blocks += recycler->ring[i / RECYCLE_SIZES][i % RECYCLE_SIZES].count;
	return blocks;
}

/* After its first process a machine has a user, which stays. */
static inline int kept_create(struct kept *kept, const struct sio_machine_cfg *cfg, char *why,
			      size_t len)
{
	int64_t before = fuzz_taken();
	int rc = sio_machine_create(cfg, &kept->machine, why, len);

	if (rc)
		return rc;
	sio_process_create(kept->machine);
	rc = sio_machine_reset(kept->machine);
	kept->live = kept_live(kept);
	kept->rings = kept_rings(kept);
	fuzz_give_back(fuzz_taken() - before);
	return rc;
}

/* A machine as new; the first time it is made. 0, or a negative errno and a line in `why`. */
static inline int kept_begin(struct kept *kept, const struct sio_machine_cfg *cfg, char *why,
			     size_t len)
{
	int rc = !kept->machine ? kept_create(kept, cfg, why, len)
		 : kept->used   ? sio_machine_reset(kept->machine)
				: 0;

	kept->used = !rc;
	return rc;
}

/* The input is over: NULL, or what is wrong, good until the next call. */
static inline const char *kept_end(struct kept *kept)
{
	static char text[64];
	int64_t rings;

	if (sio_machine_reset(kept->machine))
		return "the machine does not come up again";
	kept->used = false;
	if (kept_live(kept) != kept->live) {
		snprintf(text, sizeof(text), "%lld blocks of memory are not given back",
			 (long long)(kept_live(kept) - kept->live));
		return text;
	}
	rings = kept_rings(kept);
	fuzz_give_back(rings - kept->rings);
	kept->rings = rings;
	return NULL;
}

#endif
