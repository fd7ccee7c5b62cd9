// SPDX-License-Identifier: GPL-2.0-only
/* softiommu walk: the page walk of one address after a trace was replayed. */
#include "cli.h"

#include "machine.h"
#include "report/report.h"

enum { OPT_AT = 0x200, OPT_PASID };

struct options {
	struct cli_trace trace;
	const char *file, *bdf;
	struct report_address address;
	uint64_t at;
	bool json;
};

static const struct argp_option option_list[] = {
	{"replay", 'r', "FILE", 0, "the trace to replay first", 0},
	{"at", OPT_AT, "N", 0, "look after operation N, not at the end", 0},
	{"pasid", OPT_PASID, "N", 0, "the device's request carries this PASID", 0},
	{"json", 'j', NULL, 0, "print JSON", 0},
	{0},
};

static void parse_argument(struct options *options, const char *arg, struct argp_state *state)
{
	if (state->arg_num == 0)
		options->bdf = arg;
	else if (state->arg_num > 1)
		argp_error(state, "too many arguments");
	else if (!cli_number(arg, &options->address.iova))
		argp_error(state, "%s is no address, expected a number such as 0x10000", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	uint64_t value;

	switch (key) {
	case 'r':
		options->file = arg;
		return 0;
	case OPT_AT:
		if (!cli_number(arg, &options->at) || !options->at)
			argp_error(state, "--at %s: expected a number from 1", arg);
		return 0;
	case OPT_PASID:
		if (!cli_number(arg, &value) || value > 0xfffff)
			argp_error(state, "--pasid %s: expected a number of 20 bits", arg);
		options->address.pasid = (uint32_t)value;
		options->address.has_pasid = true;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		parse_argument(options, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num != 2 || !options->file)
			argp_error(state, "expected --replay FILE, a device and an address");
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
	struct sio_device *device = sio_device_find(machine, options->bdf);

	if (!device) {
		cli_error("the platform has no device %s, see softiommu platform show",
			  options->bdf);
		return CLI_BAD;
	}
	if (device_is_emulated(device)) {
		cli_error("%s is emulated: no IOMMU translates for it", options->bdf);
		return CLI_BAD;
	}
	if (options->json)
		return cli_json(report_walk_json(device, &options->address));
	report_walk(stdout, device, &options->address);
	return CLI_OK;
}

int cmd_walk(int argc, char **argv)
{
	static const struct argp_child children[] = {{&cli_trace_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.args_doc = "BDF IOVA",
		.doc = "Show how an address of a device is translated, level by level, with raw "
		       "entries and their meaning.\vBDF is the platform's address or name of the "
		       "device.",
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
