/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line's own pieces.
 *
 * Results go to standard output, everything else to standard error. Exit status: 0 what was asked
 * holds, 1 it does not, 2 bad usage or bad input.
 */
#ifndef SIM_CLI_CLI_H
#define SIM_CLI_CLI_H

#include <argp.h>
#include <jansson.h>
#include <stdio.h>

#include "trace/replay.h"

enum { CLI_OK = 0, CLI_NO = 1, CLI_BAD = 2 };

struct cli_command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

int cmd_platform(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_walk(int argc, char **argv);
int cmd_maps(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_minimize(int argc, char **argv);
int cmd_kernels(int argc, char **argv);

/* "softiommu: ..." on standard error. */
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Print and release; NULL: out of memory. CLI_OK or CLI_BAD. */
int cli_json(json_t *json);
/* A whole number, decimal or 0x; the whole text is used. */
bool cli_number(const char *text, uint64_t *value);

/* A result's bytes to a file; NULL or "-": standard output. CLI_OK or CLI_BAD. */
int cli_write(const char *path, const void *bytes, size_t size);

/* Options that every command with a trace takes; `argp` child whose input is the struct. */
#define CLI_PLACES 64
#define CLI_RARE   16
struct cli_trace {
	const char *platform, *kernel, *format, *inject;
	const char *place[CLI_PLACES];
	unsigned places;
	const char *rare[CLI_RARE];
	unsigned rares;
	bool selftest, strict;
};
extern const struct argp cli_trace_argp;
struct replay_cfg cli_trace_cfg(const struct cli_trace *trace);

/*
 * Replay a file for a report on the machine: `report` is called once, after operation `at`, or at
 * the end when `at` is 0 or never comes. Exit status.
 */
struct cli_look {
	const char *file;
	uint64_t at;
	int (*report)(void *ctx, struct sio_machine *machine);
	void *ctx;
};
int cli_look(const struct cli_trace *trace, const struct cli_look *look);

#endif
