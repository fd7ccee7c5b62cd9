// SPDX-License-Identifier: GPL-2.0-only
/* softiommu minimize: the shortest recording that still differs. */
#include "cli.h"

#include "corpus/minimize.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPT_LOOSE = 0x200, OPT_REPLAYS, OPT_TIMEOUT };

#define PROGRESS_REPLAYS 100u /* between two lines where there is no terminal */

struct options {
	struct cli_trace trace;
	const char *file, *out;
	uint64_t max_replays, timeout_s;
	bool loose, json, quiet;
};

struct progress {
	const struct options *options;
	struct timespec start;
	bool terminal, line;
};

static const struct argp_option option_list[] = {
	{"loose", OPT_LOOSE, NULL, 0, "any difference of that operation in that field will do", 2},
	{"max-replays", OPT_REPLAYS, "N", 0, "stop after so many replays", 2},
	{"timeout", OPT_TIMEOUT, "SECONDS", 0, "stop after that time, with what there is", 2},
	{"output", 'o', "FILE", 0, "write there instead of to standard output", 2},
	{"json", 'j', NULL, 0, "report as JSON; needs -o", 2},
	{"quiet", 'q', NULL, 0, "no progress", 2},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_LOOSE:
		options->loose = true;
		return 0;
	case OPT_REPLAYS:
		if (!cli_number(arg, &options->max_replays) || options->max_replays > UINT32_MAX)
			argp_error(state, "--max-replays %s: expected a number", arg);
		return 0;
	case OPT_TIMEOUT:
		if (!cli_number(arg, &options->timeout_s))
			argp_error(state, "--timeout %s: expected a number", arg);
		return 0;
	case 'o':
		options->out = arg;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->file)
			argp_error(state, "expected one FILE");
		options->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!options->file)
			argp_error(state, "expected a FILE");
		if (options->json && !options->out)
			argp_error(state, "--json needs -o: the result is no JSON");
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->trace;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool on_progress(void *ctx, unsigned replays, unsigned operations)
{
	struct progress *progress = ctx;
	struct timespec now;

	if (!progress->options->quiet && (progress->terminal || replays % PROGRESS_REPLAYS == 0)) {
		progress->line = progress->terminal;
		fprintf(stderr, "%s%s: %u replays, %u operations%s", progress->terminal ? "\r" : "",
			progress->options->file, replays, operations,
			progress->terminal ? "   " : "\n");
	}
	if (!progress->options->timeout_s)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - progress->start.tv_sec) >= progress->options->timeout_s;
}

static int report(const struct options *options, const struct minimize_result *result)
{
	if (options->json)
		return cli_json(json_pack("{s:s,s:s,s:i,s:i,s:i,s:b,s:s}", "file", options->file,
					  "output", options->out, "before", (int)result->before,
					  "after", (int)result->after, "replays",
					  (int)result->replays, "complete", result->complete,
					  "what", result->what));
	fprintf(stderr, "%s: %u of %u operations are left after %u replays%s\n%s: %s\n",
		options->file, result->after, result->before, result->replays,
		result->complete ? "" : ", stopped early", options->file, result->what);
	return CLI_OK;
}

/* The file's text; false: the error is printed. */
static bool load(const char *path, struct strbuf *text)
{
	const char *format = replay_format(path);
	struct text_file file;
	char error[512] = "";

	if (text_file_load(&file, path, error, sizeof(error))) {
		cli_error("%s", error);
		return false;
	}
	for (unsigned i = 0; i < file.lines; i++)
		strbuf_add(text, "%s\n", file.line[i]);
	text_file_fini(&file);
	if (format && !strcmp(format, "recording") && !text->failed)
		return true;
	cli_error("%s: %s", path,
		  text->failed ? strerror(ENOMEM)
		  : format     ? "expected a recording; softiommu convert makes one of this"
			       : "expected a recording");
	return false;
}

static int run(const struct options *options)
{
	struct progress progress = {.options = options, .terminal = isatty(STDERR_FILENO)};
	struct replay_cfg replay = cli_trace_cfg(&options->trace);
	const struct minimize_cfg cfg = {
		.replay = &replay,
		.loose = options->loose,
		.max_replays = (unsigned)options->max_replays,
		.progress = on_progress,
		.ctx = &progress,
	};
	struct minimize_result result;
	struct strbuf text = {0}, out = {0};
	char error[512] = "";
	int rc, status = CLI_BAD;

	replay.audit_every = 1;
	clock_gettime(CLOCK_MONOTONIC, &progress.start);
	if (load(options->file, &text)) {
		rc = minimize(options->file, strbuf_text(&text), text.len, &cfg, &out, &result,
			      error, sizeof(error));
		if (progress.line)
			fputc('\n', stderr);
		if (rc) {
			cli_error("%s", error[0] ? error : strerror(-rc));
		} else if (!result.found) {
			cli_error("%s: nothing differs", options->file);
			status = CLI_NO;
		} else {
			status = cli_write(options->out, strbuf_text(&out), out.len);
			if (status == CLI_OK)
				status = report(options, &result);
		}
	}
	strbuf_fini(&text);
	strbuf_fini(&out);
	return status;
}

int cmd_minimize(int argc, char **argv)
{
	static const struct argp_child children[] = {{&cli_trace_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.args_doc = "FILE",
		.doc = "Reduce a recording to the shortest that still differs, in the same answer "
		       "or audit, when it is replayed with the same options.\v"
		       "Exit status: 0 it was reduced, 1 nothing differs, 2 bad input or usage.",
		.children = children,
	};
	struct options options = {0};

	if (argp_parse(&argp, argc, argv, 0, NULL, &options))
		return CLI_BAD;
	return run(&options);
}
