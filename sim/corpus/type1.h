/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions of a type1 container: recordings as operations of the encoding in ops.h, and back.
 *
 * The encoding has a machine, a process and memory of its own (ops_platforms, ops_areas), and one
 * container. A recording's memory is laid over that: what a buffer holds lies in an area of the
 * same protection, as far before its end or behind it. Where the recording has something that the
 * encoding has not, it is lost, and said to be.
 */
#ifndef CORPUS_TYPE1_H
#define CORPUS_TYPE1_H

#include "corpus/ops.h"
#include "trace/recording.h"
#include "trace/text.h"

/* What became of a line that is no operation here. */
enum type1_loss {
	TYPE1_OBSERVED, /* it only asks, or failed: what follows goes on as recorded */
	TYPE1_LOST,     /* it did something, so what follows may have other answers */
	TYPE1_LOSSES
};

struct type1_lost {
	enum type1_loss loss;
	const struct rec_op *line;
	const char *why; /* a constant */
};

struct type1_op {
	struct op op;
	const struct rec_op *line; /* of the answer; NULL: the recording implies it */
};

struct type1_session {
	struct ops_setup setup; /* kernel, platform, v2, unprivileged, entry_limit */
	struct type1_op *op;    /* the first is the first group's JOIN, as in all inputs */
	unsigned ops, op_room;
	struct type1_lost *lost;
	unsigned losts, lost_room;
	const char *device[OPS_GROUPS]; /* of the recording, by group; NULL: not used */
	bool other_platform;            /* the nearest stands for the recording's */
	bool other_devices;
	bool moved; /* some address is not the recorded one */
};

/* Pointers go into the recording. 0; -EINVAL: not of a type1 container, a line in error;
 * -ENOMEM. */
int type1_read(struct type1_session *session, const struct recording *rec, char *error,
	       size_t error_len);
void type1_session_fini(struct type1_session *session);

/*
 * The session as an input of the fuzz target, from malloc(). 0; -EINVAL: the head has no room for
 * its kernel; -ENOMEM; -E2BIG: only its first OPS_MAX operations are in it.
 */
int type1_encode(const struct type1_session *session, uint8_t **data, size_t *size);

/*
 * A recording has one process, memory of its own, and arguments that can be written to, and nothing
 * fails by plan: what is beyond that is a comment in it.
 */
struct type1_play {
	const char *name;              /* of the input, for errors */
	const char *kernel, *platform; /* instead of those of the input, NULL: none */
	unsigned *unsaid;              /* how many operations are but comments; NULL: nobody asks */
};
/* An input as a recording, with the answers that the emulator gives. 0, -EINVAL, -ENOMEM. */
int type1_play(const struct type1_play *play, const uint8_t *data, size_t size, struct strbuf *out,
	       char *error, size_t error_len);

#endif
