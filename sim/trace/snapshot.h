/* SPDX-License-Identifier: GPL-2.0-only */
/* How much a machine has mapped, taken after every operation of a replay. */
#ifndef SIM_TRACE_SNAPSHOT_H
#define SIM_TRACE_SNAPSHOT_H

#include "trace/replay.h"

/*
 * Look at the machine after result->operations operations: `end` follows it as long as a container
 * is in use (a program's exit takes the containers away without unmapping anything), `fullest`
 * keeps the first look with the most mappings.
 */
void snapshot_take(struct sio_machine *machine, struct replay_result *result);

#endif
