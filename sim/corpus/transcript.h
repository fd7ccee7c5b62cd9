/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traces of other formats as recordings: what their replay has the process do, one line a call.
 *
 * Calls on containers, groups, device files and memory are lines; a recording has no words for
 * others (interrupts, registers of devices), which are left out. The answers are those of the same
 * lines done again, so that the recording holds.
 */
#ifndef CORPUS_TRANSCRIPT_H
#define CORPUS_TRANSCRIPT_H

#include "trace/replay.h"
#include "trace/text.h"

/* cfg: platform, kernel, format, place. 0; -EINVAL, -ENOENT, -ENOMEM with a line in error. */
int transcript_make(const char *path, const struct replay_cfg *cfg, struct strbuf *out, char *error,
		    size_t error_len);

#endif
