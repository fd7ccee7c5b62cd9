/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session of fuzz/multi: the machine, its process and descriptors, and the reference beside them.
 *
 * multi_run.c does operations, multi_see.c looks at what came of them, multi.c makes sessions of
 * inputs and judges. There is one session at a time.
 */
#ifndef FUZZ_MULTI_RUN_H
#define FUZZ_MULTI_RUN_H

#include "machine.h"
#include "multi.h"
#include "records.h"
#include "softiommu.h"

#define MULTI_LINE  256u
#define MULTI_LINES (4 * RECORDS_MAX)

struct multi_session {
	struct multi_setup setup;
	char kernel[32];
	struct sio_machine *machine;
	struct sio_process *process;
	struct sio_device *device[MULTI_GROUPS];
	int container[MULTI_CONTAINERS], group[MULTI_GROUPS], fd[MULTI_GROUPS];
	struct multi m, before;
	const struct multi_op *op;
	unsigned rare; /* in force */
	uint64_t token;
	bool reserved_reached; /* by the device of a group that joins */
	bool came_and_went;    /* the group had joined when the call failed */
	char line[MULTI_LINES][MULTI_LINE];
	unsigned lines;
};
extern struct multi_session multi_now;

/* ---- multi.c ---- */

/* Print the session, the last line marked, and abort. */
__attribute__((noreturn, format(printf, 1, 2))) void multi_fail(const char *format, ...);
void multi_compare(const char *what, uint64_t got, uint64_t expected);

/* ---- multi_run.c ---- */

/* Do it. What a device copies and what is reported dirty is compared on the way. */
struct multi_answer multi_run(const struct multi_op *op);
struct multi_answer multi_run_leave(const struct multi_op *op);
/* Pins are nobody's in particular: the last who could give them back does, before he leaves. */
void multi_before_leaving(const struct multi_op *op);
/* A mapping is about to go: the device gives back what it holds of it. */
void multi_asked(void *user, struct sio_device *device, uint64_t iova, uint64_t size);
void multi_set_rare(unsigned rare);

/* ---- multi_see.c ---- */

/* One transfer, as the reference expects it. */
void multi_transfer(unsigned group, uint64_t iova, bool write);
/* Around the place of an operation, of every device. */
void multi_probe(const struct multi_op *op);
/* In the middle of a call, while something changes in a domain: for struct iommu's moment. */
void multi_moment(void *ctx, enum iommu_moment which);
void multi_audit(void);
/* Charges, pins, mappings, and what the hardware noticed. */
void multi_check_state(void);

#endif
