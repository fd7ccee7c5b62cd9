/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing recordings: lines without answers are done on an emulated machine, which gives them.
 *
 * The result replays without a difference on the same platform as the same kernel, because the
 * same code does its lines. Comments that are no instruction go through as they are.
 */
#ifndef SIM_TRACE_AUTHOR_H
#define SIM_TRACE_AUTHOR_H

#include "trace/replay.h"

struct author;

/* What the header says; kernel and platform are what answers. */
struct author_cfg {
	const char *name;          /* for errors, kept by the author */
	const char *kernel;        /* NULL: the default personality */
	const char *platform;      /* NULL: the default platform */
	const char *container;     /* "type1", or NULL: iommufd */
	const char *platform_file; /* its text; `platform` is a name only then */
	bool selftest, strict;
};

/* 0: to be destroyed. -EINVAL, -ENOENT, -ENOMEM with a line in error. */
int author_create(struct author **author, const struct author_cfg *cfg, char *error,
		  size_t error_len);
/*
 * Do a line, "map c iova=0x1000 ...", or add a comment, and add it to the text with its answer.
 * *answer (may be NULL) is that, "" for what has none, until the next line. 0; -EINVAL: no such
 * operation, nothing is added; -ENOMEM.
 */
int author_line(struct author *author, const char *line, const char **answer);
/* All lines so far; the author's. NULL: memory ran out on the way. */
const char *author_text(const struct author *author, size_t *len);
struct sio_machine *author_machine(struct author *author);
void author_destroy(struct author *author);

#endif
