/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shortest recording that still differs: operations are taken out, then what is said of
 * buffers, then sizes are made smaller, as long as the replay goes wrong in the same way.
 *
 * The same way is: the first answer that differs is of the same operation, in the same fields, with
 * the same two values of the first one (loosely: of an operation of that name, in that field); or
 * an audit fails with the same words; or stale translations are used. No operation of the result
 * can be taken out.
 */
#ifndef CORPUS_MINIMIZE_H
#define CORPUS_MINIMIZE_H

#include "trace/replay.h"
#include "trace/text.h"

struct minimize_cfg {
	const struct replay_cfg *replay; /* its callbacks are not called */
	bool loose;
	unsigned max_replays; /* 0: any number; with fewer, the result may not be the shortest */
	/* Called after each replay; true: stop. NULL: none. */
	bool (*progress)(void *ctx, unsigned replays, unsigned operations);
	void *ctx;
};

struct minimize_result {
	unsigned replays, before, after; /* operations */
	bool found;                      /* something goes wrong at all */
	bool complete;                   /* nothing was left untried */
	char what[600];                  /* goes wrong, in one line */
};

/*
 * Minimize the recording `text`; the result is added to `out`, if something goes wrong. 0; -EINVAL
 * with a line in error, -ENOENT, -ENOMEM.
 */
int minimize(const char *name, const char *text, size_t size, const struct minimize_cfg *cfg,
	     struct strbuf *out, struct minimize_result *result, char *error, size_t error_len);

#endif
