// SPDX-License-Identifier: GPL-2.0-only
/* What the commands that replay a trace share: their options, and a look at the machine. */
#include "cli.h"

#include "core/inject.h"
#include "softiommu.h"

#include <stdlib.h>
#include <string.h>

enum { OPT_PLACE = 0x100, OPT_INJECT, OPT_RARE, OPT_SELFTEST, OPT_STRICT };

static const struct argp_option options[] = {
	{"platform", 'p', "P", 0, "the machine: a preset or a platform file", 1},
	{"kernel", 'k', "K", 0, "answer as this kernel (default: the recorded one)", 1},
	{"format", 'f', "F", 0, "auto, recording, qemu-log or ioctl-dump", 1},
	{"place", OPT_PLACE, "BDF=DEVICE", 0, "this device of the trace is that of the platform",
	 1},
	{"inject", OPT_INJECT, "PLAN", 0,
	 "plan a failure: type1.pin:nth=3,errno=EFAULT; 'list' prints what can fail", 1},
	{"rare", OPT_RARE, "NAME[:nth=N]", 0,
	 "something legal that hardly ever happens; 'list' prints what there is", 1},
	{"selftest", OPT_SELFTEST, NULL, 0, "answer the ioctl of the kernel's iommufd test", 1},
	{"strict", OPT_STRICT, NULL, 0, "compare every cached translation with memory", 1},
	{0},
};

/* A line for each point: its name, its kind, and the errnos that it may answer. */
static void list_points(void)
{
	const struct fail_point *point;

	for (size_t n = 0; (point = fail_point_at(n)); n++) {
		printf("%-32s %-10s", point->name, fail_kind_name(point->kind));
		for (unsigned i = 0; inject_answer(point, i); i++)
			printf(" %s", inject_errno_name(inject_answer(point, i)));
		printf("%s\n", inject_answer(point, 0) ? "" : " -");
	}
}

static void list_rarities(void)
{
	struct sio_rarity rarity;

	for (unsigned n = 0; sio_rarity(n, &rarity); n++)
		printf("%-16s %s\n", rarity.name, rarity.about);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct cli_trace *trace = state->input;

	switch (key) {
	case 'p':
		trace->platform = arg;
		return 0;
	case 'k':
		trace->kernel = arg;
		return 0;
	case 'f':
		trace->format = arg;
		return 0;
	case OPT_PLACE:
		if (trace->places == CLI_PLACES)
			argp_error(state, "more than %d --place options", CLI_PLACES);
		trace->place[trace->places++] = arg;
		return 0;
	case OPT_INJECT:
		if (!strcmp(arg, "list")) {
			list_points();
			exit(fflush(stdout) ? CLI_BAD : CLI_OK);
		}
		trace->inject = arg;
		return 0;
	case OPT_SELFTEST:
		trace->selftest = true;
		return 0;
	case OPT_RARE:
		if (!strcmp(arg, "list")) {
			list_rarities();
			exit(fflush(stdout) ? CLI_BAD : CLI_OK);
		}
		if (trace->rares == CLI_RARE)
			argp_error(state, "more than %d --rare options", CLI_RARE);
		trace->rare[trace->rares++] = arg;
		return 0;
	case OPT_STRICT:
		trace->strict = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cli_trace_argp = {.options = options, .parser = parse};

struct replay_cfg cli_trace_cfg(const struct cli_trace *trace)
{
	return (struct replay_cfg){
		.platform = trace->platform,
		.kernel = trace->kernel,
		.format = trace->format,
		.place = trace->place,
		.place_count = trace->places,
		.inject = trace->inject,
		.selftest = trace->selftest,
		.rare = trace->rare,
		.rare_count = trace->rares,
		.strict = trace->strict,
	};
}

struct look_state {
	const struct cli_look *look;
	bool done;
	int status;
};

static void after_operation(void *ctx, const struct replay_view *view)
{
	struct look_state *state = ctx;

	if (state->done || view->operation != state->look->at)
		return;
	state->status = state->look->report(state->look->ctx, view->machine);
	state->done = true;
}

int cli_look(const struct cli_trace *trace, const struct cli_look *look)
{
	struct look_state state = {.look = look, .status = CLI_BAD};
	struct replay_cfg cfg = cli_trace_cfg(trace);
	struct replay_result result;
	char error[512] = "";

	cfg.ctx = &state;
	cfg.after_operation = after_operation;
	if (replay_file(look->file, &cfg, &result, error, sizeof(error))) {
		cli_error("%s", error);
		return CLI_BAD;
	}
	if (look->at && !state.done) {
		cli_error("%s has %llu operations, expected at least %llu", look->file,
			  (unsigned long long)result.operations, (unsigned long long)look->at);
		state.status = CLI_BAD;
	} else if (!state.done) {
		state.status = look->report(look->ctx, result.machine);
	}
	replay_result_fini(&result);
	return state.status;
}
