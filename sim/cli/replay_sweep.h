/* SPDX-License-Identifier: GPL-2.0-only */
/* softiommu replay --inject sweep: every call of a trace fails at every point that it passes. */
#ifndef SIM_CLI_REPLAY_SWEEP_H
#define SIM_CLI_REPLAY_SWEEP_H

#include "cli.h"
#include "sweep/sweep.h"

struct replay_sweep {
	const struct cli_trace *trace; /* its plan is not looked at */
	const char *file;
	struct sweep_cfg bounds; /* max_points and max_passes */
	bool quiet, json;
};

/*
 * Replay the file as often as it takes. Prints what it came to, or adds it to `json` as "sweep".
 * Exit status: CLI_NO: a failure left something behind; CLI_BAD: the file cannot be replayed.
 */
int replay_sweep(const struct replay_sweep *what, json_t *json);

#endif
