/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay of recordings.
 *
 * Answers are compared field by field as text; "?" matches anything, group numbers match up to one
 * bijection per file.
 */
#ifndef SIM_TRACE_GOLDEN_H
#define SIM_TRACE_GOLDEN_H

#include "trace/session.h"

/* Takes over the loaded file. 0, -EINVAL, -ENOENT, -ENOMEM with a line in s->error. */
int golden_replay(struct session *s, struct text_file *file);

#endif
