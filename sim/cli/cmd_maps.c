// SPDX-License-Identifier: GPL-2.0-only
/* softiommu maps: the IOVA space of each container and IOAS after a trace was replayed. */
#include "cli.h"

#include "report/report.h"

enum { OPT_AT = 0x200 };

struct options {
	struct cli_trace trace;
	const char *file;
	uint64_t at;
	bool json;
};

static const struct argp_option option_list[] = {
	{"replay", 'r', "FILE", 0, "the trace to replay first", 0},
	{"at", OPT_AT, "N", 0, "look after operation N, not at the end", 0},
	{"json", 'j', NULL, 0, "print JSON", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'r':
		options->file = arg;
		return 0;
	case OPT_AT:
		if (!cli_number(arg, &options->at) || !options->at)
			argp_error(state, "--at %s: expected a number from 1", arg);
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument %s, expected --replay FILE", arg);
		return 0;
	case ARGP_KEY_END:
		if (!options->file)
			argp_error(state, "expected --replay FILE");
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->trace;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int report(void *ctx, struct sio_machine *machine)
{
	const struct options *options = ctx;

	if (options->json)
		return cli_json(report_maps_json(machine));
	if (!report_maps(stdout, machine) && !options->at)
		fputs("The trace closed what it had opened; --at N looks after operation N.\n",
		      stderr);
	return CLI_OK;
}

int cmd_maps(int argc, char **argv)
{
	static const struct argp_child children[] = {{&cli_trace_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.doc = "Show what each container and each IOAS of iommufd maps, through which "
		       "domains, and what it could map.",
		.children = children,
	};
	struct options options = {0};
	struct cli_look look = {.report = report, .ctx = &options};

	if (argp_parse(&argp, argc, argv, 0, NULL, &options))
		return CLI_BAD;
	look.file = options.file;
	look.at = options.at;
	return cli_look(&options.trace, &look);
}
