/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session of fuzz/multi: the machine, its process and descriptors, and the reference beside them.
 *
 * multi_run.c does operations, multi_words.c prints them, multi_see.c looks at what came of them,
 * multi.c makes sessions of inputs and judges. There is one session at a time.
 */
#ifndef FUZZ_MULTI_RUN_H
#define FUZZ_MULTI_RUN_H

#include "finding.h"
#include "kept.h"
#include "multi.h"
#include "records.h"
#include "softiommu.h"

#define MULTI_LINES 32768u
#define MULTI_FIELD 400u

/* What is done, a line of a recording each; the names are multi_words.c's. */
enum multi_word {
	MULTI_SAY_MAP,
	MULTI_SAY_UNMAP,
	MULTI_SAY_SET_CONTAINER,
	MULTI_SAY_UNSET_CONTAINER,
	MULTI_SAY_SET_IOMMU,
	MULTI_SAY_GET_DEVICE,
	MULTI_SAY_CLOSE,
	MULTI_SAY_RESET,
	MULTI_SAY_PIN,
	MULTI_SAY_UNPIN,
	MULTI_SAY_RW,
	MULTI_SAY_DMA,
	MULTI_SAY_TRACK,
	MULTI_SAY_DIRTY,
	MULTI_SAY_LIMIT,
	MULTI_SAY_RARE,
	MULTI_SAY_INJECT,
	MULTI_SAY_INJECT_OFF,
	MULTI_SAY_EXIT
};

/* Fields mean what multi_words.c makes of them. */
struct multi_line {
	uint8_t word, container, group, flags;
	int32_t rc;
	uint64_t iova, size, vaddr;
};

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
	bool reserved_reached;               /* by the device of a group that joins */
	uint64_t reached;                    /* where */
	bool came_and_went;                  /* the group had joined when the call failed */
	unsigned lines, answered;            /* the line that has the operation's answer */
	struct multi_line line[MULTI_LINES]; /* stays as it was from one session to the next */
};
extern struct multi_session multi_now;

/* ---- multi.c ---- */

/* Print the session, the last line marked, and abort. */
__attribute__((noreturn, format(printf, 1, 2))) void multi_fail(const char *format, ...);
void multi_compare(const char *what, uint64_t got, uint64_t expected);

/* ---- multi_words.c ---- */

/* Something was done. */
static inline void multi_note(struct multi_line line, long rc)
{
	if (multi_now.lines == MULTI_LINES)
		return;
	line.rc = (int32_t)rc;
	multi_now.answered = multi_now.lines;
	multi_now.line[multi_now.lines++] = line;
}

/* The session as a recording, up to the line `end`. */
void multi_print(struct finding *f, FILE *out, unsigned end);
__attribute__((noreturn)) void multi_print_mark(struct finding *f, const char *what);
/*
 * The operation's answer should be `wanted`, or with `key` that field of it. Prints the session up
 * to there, and aborts.
 */
__attribute__((noreturn)) void multi_fail_answer(const char *what, const char *wanted,
						 const char *key);
/* That field of it should be another address or size. */
__attribute__((noreturn)) void multi_fail_number(const char *what, const char *key,
						 uint64_t expected);
/* The last line is right, but "stats" should have these numbers. */
__attribute__((noreturn)) void multi_fail_counts(const char *what, const char *fields);
/* The last line is right, but if one asked `line` then, the answer should be `wanted`. */
__attribute__((noreturn)) void multi_fail_asked(const char *what, const char *line,
						const char *wanted);
/* The device of a group that joins reached this meanwhile. */
__attribute__((noreturn)) void multi_fail_reached(const char *what, unsigned group, uint64_t iova);
/* What a device transferred last is not what was sent. */
__attribute__((noreturn)) void multi_fail_bytes(const char *what);

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
