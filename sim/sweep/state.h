/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a machine's clients can tell about it, as a list of facts that can be compared.
 *
 * A fact is a kind, which object it is about, and a value. Two looks at machines in the same state
 * give the same list. Facts about physical addresses are marked: they differ between two runs of
 * one program of which one was disturbed, but not before and after a call that changed nothing.
 *
 * Left out is what a failed call may leave behind for as long as its domain or process lives, and
 * no client can see: empty table pages, pages that were faulted in, what caches hold.
 */
#ifndef SIM_SWEEP_STATE_H
#define SIM_SWEEP_STATE_H

#include "machine.h"

struct state_fact {
	const char *what; /* static text */
	uint64_t of, value;
	bool physical;
};

struct state {
	struct state_fact *fact;
	size_t count, room;
	bool failed; /* no memory: the list is not complete */
};

/*
 * Look at a machine; the lock is held. The list is made anew, its memory reused. Also compares the
 * page tables with what the units make of them, at pages of up to a few dozen mappings: NULL, or
 * what does not agree.
 */
const char *state_take(struct state *state, struct sio_machine *machine);
void state_fini(struct state *state);

/* The first fact in which two lists differ, as "mappings of container 0: 3, then 4" in `text`.
 * False: they are the same. */
bool state_differs(const struct state *before, const struct state *after, char *text, size_t len);
/* Of all facts but the physical ones. */
uint64_t state_digest(const struct state *state);

/* What has to be back where it was when all clients are gone. */
struct state_counters {
	uint64_t pins, tables, frames;
	uint64_t lost;    /* pages that mappings ending at 2^64 left locked, before 6.18 */
	unsigned domains; /* of containers: groups keep their own */
	unsigned containers, open_groups;
};
struct state_counters state_counters(struct sio_machine *machine);

#endif
