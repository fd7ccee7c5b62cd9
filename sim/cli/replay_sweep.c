// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sweeps of traces: see replay_sweep.h, and sweep/sweep.h for what a sweep is.
 *
 * The trace is replayed once a pass. Its answers are not compared here, but that is what the passes
 * do among themselves: the first one records what each call answers.
 */
#include "replay_sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_CALLS 4096u /* between two lines where there is no terminal */
#define SHOWN_MAX      50u

struct progress {
	const struct replay_sweep *what;
	json_t *problems;
	uint64_t shown, calls;
	bool terminal, line;
};

static void end_line(struct progress *progress)
{
	if (progress->line)
		fputc('\n', stderr);
	progress->line = false;
}

static void on_problem(void *ctx, const char *text)
{
	struct progress *progress = ctx;

	json_array_append_new(progress->problems, json_string(text));
	if (progress->what->json || progress->shown++ >= SHOWN_MAX)
		return;
	end_line(progress);
	printf("%s: sweep, %s\n", progress->what->file, text);
}

static void on_progress(void *ctx, unsigned pass, uint64_t done, uint64_t total)
{
	struct progress *progress = ctx;
	unsigned step = progress->terminal ? 64 : PROGRESS_CALLS;

	if (progress->what->quiet || ++progress->calls % step)
		return;
	progress->line = progress->terminal;
	fprintf(stderr, "%s%s: sweep, pass %u: %" PRIu64, progress->terminal ? "\r" : "",
		progress->what->file, pass + 1, done);
	if (total)
		fprintf(stderr, " of %" PRIu64, total);
	fprintf(stderr, " calls%s", progress->terminal ? "  " : "\n");
}

/* Points that some call passed. */
static unsigned points_reached(const struct sweep *sweep)
{
	size_t count;
	const struct fail_point *points = fail_points(&count);
	unsigned reached = 0;

	for (size_t i = 0; i < count; i++)
		reached += sweep_count(sweep, &points[i]).seen != 0;
	return reached;
}

static void show(const struct sweep *sweep, const struct progress *progress)
{
	const struct sweep_result *result = sweep_result(sweep);

	if (progress->shown > SHOWN_MAX)
		printf("%" PRIu64 " more problems\n", progress->shown - SHOWN_MAX);
	printf("sweep: %" PRIu64 " calls pass %u points %" PRIu64 " times; %" PRIu64
	       " failures injected in %u passes\n",
	       result->calls, points_reached(sweep), result->points, result->injected,
	       result->passes);
	if (!progress->what->quiet)
		printf("  %8" PRIu64 "  refused, nothing changed\n  %8" PRIu64
		       "  answered an error after all was done, as the kernel does\n  %8" PRIu64
		       "  tolerated\n  %8" PRIu64 "  changed something that the kernel changes\n",
		       result->refused, result->late, result->tolerated, result->changed);
	if (result->left_out)
		printf("  %8" PRIu64 "  left out: more than %u in one call, or %u passes\n",
		       result->left_out, progress->what->bounds.max_points,
		       progress->what->bounds.max_passes);
	printf("sweep: %" PRIu64 " audits, leaks %" PRIu64 ", problems %" PRIu64 "\n",
	       result->audits, result->leaks, result->problems);
}

static json_t *sweep_json(const struct sweep *sweep, json_t *problems)
{
	const struct sweep_result *result = sweep_result(sweep);
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{"passes", result->passes},
		{"calls", result->calls},
		{"reached", points_reached(sweep)},
		{"points", result->points},
		{"injected", result->injected},
		{"refused", result->refused},
		{"late", result->late},
		{"tolerated", result->tolerated},
		{"changed", result->changed},
		{"left-out", result->left_out},
		{"audits", result->audits},
		{"leaks", result->leaks},
	};
	json_t *json = json_object();

	for (size_t i = 0; i < SIO_ARRAY_SIZE(fields); i++)
		json_object_set_new(json, fields[i].name,
				    json_integer((json_int_t)fields[i].value));
	json_object_set(json, "problems", problems);
	return json;
}

static int run_passes(const struct replay_sweep *what, struct sweep *sweep)
{
	struct replay_cfg cfg = cli_trace_cfg(what->trace);
	int rc;

	cfg.sweep = sweep;
	do {
		struct replay_result result;
		char error[512] = "";

		rc = replay_file(what->file, &cfg, &result, error, sizeof(error));
		if (rc)
			cli_error("%s", *error ? error : strerror(-rc));
		else
			replay_result_fini(&result);
	} while (!rc && sweep_goes_on(sweep));
	return rc;
}

int replay_sweep(const struct replay_sweep *what, json_t *json)
{
	struct progress progress = {.what = what, .terminal = isatty(STDERR_FILENO)};
	struct sweep_cfg cfg = what->bounds;
	struct sweep *sweep;
	int status = CLI_BAD;

	progress.problems = json_array();
	cfg.ctx = &progress;
	cfg.problem = on_problem;
	cfg.progress = on_progress;
	sweep = sweep_create(&cfg);
	if (!sweep) {
		cli_error("%s", strerror(ENOMEM));
	} else if (!run_passes(what, sweep)) {
		end_line(&progress);
		if (json)
			json_object_set_new(json, "sweep", sweep_json(sweep, progress.problems));
		else
			show(sweep, &progress);
		status = sweep_result(sweep)->problems ? CLI_NO : CLI_OK;
	}
	end_line(&progress);
	sweep_destroy(sweep);
	json_decref(progress.problems);
	return status;
}
