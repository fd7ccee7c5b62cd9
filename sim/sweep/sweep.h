/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sweep: every call that a client makes is made to fail at each point that it passes, one after
 * the other, until it passes untouched.
 *
 * The client is run several times (passes), each on a new machine, and notices nothing. The first
 * pass lets all calls through and records what each answered, what state it left, and how many
 * failure points it passed. In later passes a call is repeated with its 1st, 2nd, 3rd ... passage
 * failing. Such a call
 *
 *   refused    answered a documented errno and changed nothing: it is simply made once more;
 *   late       answered an errno after all was done, as the kernel does where it can no longer go
 *              back: the state must be that of success, and the client gets the recorded answer;
 *   tolerated  succeeded all the same, with the recorded answer and state;
 *   changed    did something else that the kernel does too (sweep_known() lists those): the client
 *              lives with it, and is not disturbed further in this pass.
 *
 * Anything else is a problem. After each failure all audits are made and the units' walks compared
 * with the tables; at the end of a pass the processes end, and every counter must be where it was.
 * Points of a call behind one that does not let it be repeated are reached in the next pass.
 *
 * A client must make the same calls when it gets the same answers. Threads: one.
 */
#ifndef SIM_SWEEP_SWEEP_H
#define SIM_SWEEP_SWEEP_H

#include "machine.h"

#define SWEEP_MAX_POINTS 256u
#define SWEEP_MAX_PASSES 64u

struct sweep;

struct sweep_cfg {
	uint32_t max_points; /* that fail in one call, the first ones; 0: SWEEP_MAX_POINTS */
	uint32_t max_passes; /* 0: SWEEP_MAX_PASSES */
	void *ctx;
	void (*problem)(void *ctx, const char *text); /* one line */
	/* In pass `pass` (0: the untouched one) `done` calls of `total` (0: not known) are over. */
	void (*progress)(void *ctx, unsigned pass, uint64_t done, uint64_t total);
};

struct sweep_result {
	unsigned passes;
	uint64_t calls;    /* of the client, in one pass */
	uint64_t points;   /* passages in the untouched pass */
	uint64_t injected; /* failures */
	uint64_t refused, late, tolerated, changed;
	uint64_t left_out; /* passages beyond max_points or max_passes */
	uint64_t audits, leaks, problems;
	char first_problem[512];
};

/* "sweep", "sweep:max=N[,passes=N]": fills the bounds. False: another plan (*why NULL), or a bad
 * one and *why (static text) says so. */
bool sweep_parse(const char *text, struct sweep_cfg *cfg, const char **why);

/* NULL: no memory. */
struct sweep *sweep_create(const struct sweep_cfg *cfg);
void sweep_destroy(struct sweep *sweep);
/* A pass begins: the machine is new, its clients come now. */
void sweep_begin(struct sweep *sweep, struct sio_machine *machine);
/* The pass is over: ends the machine's processes and looks for what was left behind. Does nothing
 * when the sweep follows no machine. */
void sweep_end(struct sweep *sweep);
/* After sweep_end(): another pass is due. */
bool sweep_goes_on(const struct sweep *sweep);
const struct sweep_result *sweep_result(const struct sweep *sweep);

/* Passages and failures of one point in all passes, repeats included. */
struct fail_count sweep_count(const struct sweep *sweep, const struct fail_point *point);

/* ---- the machine's side ---- */

/* What machine_call() does while a sweep follows the machine. */
long sweep_call(struct sweep *sweep, const struct machine_call *call);

/* ---- what a failed call may answer and leave behind: known.c ---- */

enum sweep_outcome { SWEEP_REFUSED, SWEEP_LATE, SWEEP_TOLERATED, SWEEP_CHANGED };

/* The kernel's call can answer this (positive) errno. */
bool sweep_documented(const struct machine_call *call, int error);
/* Why a call that failed at this point ends so in the kernel; NULL: it does not. */
const char *sweep_known(const struct machine_call *call, const struct fail_point *point,
			enum sweep_outcome outcome);
/* "MAP_DMA", "open". */
const char *sweep_call_name(const struct machine_call *call);

#endif
