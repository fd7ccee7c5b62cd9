/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay of QEMU's trace log: its events done as the calls that QEMU makes.
 *
 * The log names what happened, not every call: attaching a device is one event for a dozen calls.
 * What it does not say is invented and noted: permissions (all mappings are read-write), the memory
 * behind "notify MAP", the container where there are several. Answers that it carries (device,
 * region and interrupt information, a reset's result) are compared; of all else QEMU's going on
 * says that it succeeded.
 */
#ifndef SIM_TRACE_QEMU_LOG_H
#define SIM_TRACE_QEMU_LOG_H

#include "trace/session.h"

/* True: the line is one of an event. */
bool qemu_log_detect(const char *line, const char *next);
/* Takes over the loaded file. 0, -EINVAL, -ENOENT, -ENOMEM with a line in s->error. */
int qemu_log_replay(struct session *s, struct text_file *file);

#endif
