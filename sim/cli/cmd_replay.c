// SPDX-License-Identifier: GPL-2.0-only
/* softiommu replay: replay traces, compare every answer, audit, and say what it came to. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay_sweep.h"
#include "report/report.h"

enum { OPT_AUDIT_EVERY = 0x200, OPT_THOROUGH };

#define PROGRESS_LINES 1000u /* operations between two lines where there is no terminal */
#define SHOWN_MAX      50u   /* differences printed a file; all are counted */

struct options {
	struct cli_trace trace;
	uint64_t audit_every;
	bool thorough, json, quiet;
	bool sweeps; /* the plan is a sweep with these bounds */
	struct sweep_cfg sweep;
	char **file;
	unsigned files;
};

/* One file on its way. */
struct run {
	const struct options *options;
	const char *file;
	FILE *text; /* machine and differences, until the progress lines are over */
	json_t *differences, *notes;
	json_t *machine;
	char *domains; /* report_containers() when there were most domains */
	uint64_t domains_at, domains_most;
	uint64_t shown, next_progress;
	bool machine_shown, progress_shown;
};

static const struct argp_option option_list[] = {
	{"audit-every", OPT_AUDIT_EVERY, "N", 0, "audit after every Nth operation (1), 0: never",
	 2},
	{"thorough", OPT_THOROUGH, NULL, 0, "audits compare every page of every table", 2},
	{"json", 'j', NULL, 0, "print JSON", 2},
	{"quiet", 'q', NULL, 0, "only differences and the verdict", 2},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_AUDIT_EVERY:
		if (!cli_number(arg, &options->audit_every) || options->audit_every > UINT32_MAX)
			argp_error(state, "--audit-every %s: expected a number", arg);
		return 0;
	case OPT_THOROUGH:
		options->thorough = true;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->file = state->argv + state->next;
		options->files = (unsigned)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "expected at least one FILE");
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->trace;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- while it runs ---- */

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct run *run = ctx;
	bool terminal = isatty(STDERR_FILENO);

	if (run->options->quiet || (!terminal && done < run->next_progress))
		return;
	run->next_progress = done - done % PROGRESS_LINES + PROGRESS_LINES;
	run->progress_shown = terminal;
	fprintf(stderr, "%s%s: %" PRIu64 " of %" PRIu64 " operations%s", terminal ? "\r" : "",
		run->file, done, total, terminal ? "" : "\n");
}

static void on_difference(void *ctx, const struct replay_difference *d)
{
	struct run *run = ctx;

	json_array_append_new(run->differences,
			      json_pack("{s:i,s:I,s:s,s:s,s:s}", "line", (int)d->line, "operation",
					(json_int_t)d->operation, "text", d->text, "expected",
					d->expected, "got", d->got));
	if (run->shown++ >= SHOWN_MAX)
		return;
	fprintf(run->text,
		"%s:%u: operation %" PRIu64 " differs: %s\n  expected %s\n  got      %s\n", d->file,
		d->line, d->operation, d->text, d->expected, d->got);
}

static void on_note(void *ctx, const char *text)
{
	struct run *run = ctx;

	json_array_append_new(run->notes, json_string(text));
	/* A stale translation is a result, not a remark about the trace. */
	if (!strncmp(text, "stale: ", 7))
		fprintf(run->text, "%s: %s\n", run->file, text);
	else if (!run->options->quiet)
		fprintf(stderr, "%s: note: %s\n", run->file, text);
}

static void keep_domains(struct run *run, const struct replay_view *view)
{
	size_t len;
	FILE *out;

	free(run->domains);
	run->domains = NULL;
	out = open_memstream(&run->domains, &len);
	if (!out)
		return;
	report_containers(out, view->machine);
	fclose(out);
}

static void after_operation(void *ctx, const struct replay_view *view)
{
	struct run *run = ctx;
	struct sio_stats stats;

	if (!run->machine_shown) {
		run->machine_shown = true;
		if (run->options->json)
			run->machine = report_machine_json(view->machine);
		else if (!run->options->quiet)
			report_machine(stdout, view->machine);
	}
	if (run->options->quiet || run->options->json)
		return;
	sio_stats(view->machine, &stats);
	if (stats.domains <= run->domains_most)
		return;
	run->domains_most = stats.domains;
	run->domains_at = view->operation;
	keep_domains(run, view);
}

/* ---- what it came to ---- */

/* iommufd alone has no page sizes of containers. */
static void show_snapshot(const char *when, const struct replay_snapshot *snapshot)
{
	char size[REPORT_TEXT], pages[REPORT_TEXT];

	report_pgsizes(pages, snapshot->pgsize_bitmap);
	printf("%s (operation %" PRIu64 "): %" PRIu64 " mappings, %s mapped, %" PRIu64
	       " pages locked, %s%s%s%u domain%s\n",
	       when, snapshot->at_operation, snapshot->mappings,
	       report_size(size, snapshot->mapped_bytes), snapshot->locked_pages,
	       *pages ? "pages " : "", pages, *pages ? ", " : "", snapshot->domains,
	       snapshot->domains == 1 ? "" : "s");
}

static void show_kinds(const struct replay_result *result)
{
	printf("operations\n");
	for (unsigned i = 0; i < result->kinds; i++) {
		const struct replay_kind *kind = &result->kind[i];

		printf("  %8" PRIu64 "  %s", kind->count, kind->name);
		if (kind->failed)
			printf(" (%" PRIu64 " failed as recorded)", kind->failed);
		printf("\n");
	}
}

static void show_verdict(const struct run *run, const struct replay_result *result)
{
	if (run->shown > SHOWN_MAX)
		printf("%" PRIu64 " more differences\n", run->shown - SHOWN_MAX);
	if (result->audit_failures)
		printf("%" PRIu64 " of %" PRIu64 " audits fail, first %s\n", result->audit_failures,
		       result->audits, result->first_audit);
	else if (!run->options->quiet)
		printf("%" PRIu64 " audits, all hold\n", result->audits);
	if (result->stale)
		printf("%" PRIu64 " stale translation%s used\n", result->stale,
		       result->stale == 1 ? "" : "s");
}

static void show_result(const struct run *run, const struct replay_result *result)
{
	if (!run->options->quiet) {
		show_kinds(result);
		show_snapshot("at its fullest", &result->fullest);
		show_snapshot("at the end", &result->end);
		if (run->domains)
			printf("with the most domains (operation %" PRIu64 ")\n%s", run->domains_at,
			       run->domains);
	}
	show_verdict(run, result);
}

static json_t *snapshot_json(const struct replay_snapshot *snapshot)
{
	json_t *json = json_object();

	json_object_set_new(json, "operation", json_integer((json_int_t)snapshot->at_operation));
	json_object_set_new(json, "mappings", json_integer((json_int_t)snapshot->mappings));
	json_object_set_new(json, "mapped-bytes", report_hex(snapshot->mapped_bytes));
	json_object_set_new(json, "locked-pages", json_integer((json_int_t)snapshot->locked_pages));
	json_object_set_new(json, "page-sizes", report_hex(snapshot->pgsize_bitmap));
	json_object_set_new(json, "domains", json_integer(snapshot->domains));
	return json;
}

static json_t *result_json(const struct run *run, const struct replay_result *result)
{
	json_t *json = json_object(), *kinds = json_array();

	for (unsigned i = 0; i < result->kinds; i++)
		json_array_append_new(kinds,
				      json_pack("{s:s,s:I,s:I}", "name", result->kind[i].name,
						"count", (json_int_t)result->kind[i].count,
						"failed", (json_int_t)result->kind[i].failed));
	json_object_set_new(json, "file", json_string(run->file));
	json_object_set_new(json, "machine", json_incref(run->machine));
	json_object_set_new(json, "operations", json_integer((json_int_t)result->operations));
	json_object_set_new(json, "different", json_integer((json_int_t)result->different));
	json_object_set_new(json, "differences", json_incref(run->differences));
	json_object_set_new(json, "notes", json_incref(run->notes));
	json_object_set_new(json, "kinds", kinds);
	json_object_set_new(json, "audits", json_integer((json_int_t)result->audits));
	json_object_set_new(json, "audit-failures",
			    json_integer((json_int_t)result->audit_failures));
	json_object_set_new(json, "first-audit", json_string(result->first_audit));
	json_object_set_new(json, "stale", json_integer((json_int_t)result->stale));
	json_object_set_new(json, "fullest", snapshot_json(&result->fullest));
	json_object_set_new(json, "end", snapshot_json(&result->end));
	json_object_set_new(json, "containers", report_maps_json(result->machine));
	return json;
}

/* ---- files ---- */

struct total {
	uint64_t operations, different;
	json_t *files;
	unsigned replayed;
	int status;
};

static int replay_run(struct run *run, struct replay_result *result)
{
	const struct options *options = run->options;
	struct replay_cfg cfg = cli_trace_cfg(&options->trace);
	char error[512] = "";
	int rc;

	cfg.audit_every = (unsigned)options->audit_every;
	cfg.thorough = options->thorough;
	cfg.ctx = run;
	cfg.progress = on_progress;
	cfg.difference = on_difference;
	cfg.note = on_note;
	cfg.after_operation = after_operation;
	rc = replay_file(run->file, &cfg, result, error, sizeof(error));
	if (run->progress_shown)
		fputc('\n', stderr);
	if (rc)
		cli_error("%s", *error ? error : strerror(-rc));
	return rc;
}

static int sweep_file(const struct options *options, const char *file, json_t *json)
{
	return replay_sweep(
		&(struct replay_sweep){
			.trace = &options->trace,
			.file = file,
			.bounds = options->sweep,
			.quiet = options->quiet,
			.json = options->json,
		},
		json);
}

static void one_file(const struct options *options, const char *file, struct total *total)
{
	struct run run = {.options = options, .file = file, .next_progress = PROGRESS_LINES};
	struct replay_result result;
	char *text = NULL;
	size_t len;
	int status = CLI_BAD;

	run.differences = json_array();
	run.notes = json_array();
	run.text = open_memstream(&text, &len);
	if (run.text && !replay_run(&run, &result)) {
		fclose(run.text);
		run.text = NULL;
		if (options->json) {
			json_array_append_new(total->files, result_json(&run, &result));
		} else {
			fputs(text, stdout);
			show_result(&run, &result);
			/* An emulator that went wrong may not survive the end of its machine. */
			fflush(stdout);
		}
		total->replayed++;
		total->operations += result.operations;
		total->different += result.different;
		status =
			result.different || result.audit_failures || result.stale ? CLI_NO : CLI_OK;
		replay_result_fini(&result);
		if (options->sweeps) {
			size_t last = json_array_size(total->files) - 1;
			int swept = sweep_file(options, file, json_array_get(total->files, last));

			status = swept > status ? swept : status;
		}
	}
	if (run.text)
		fclose(run.text);
	free(text);
	free(run.domains);
	json_decref(run.machine);
	json_decref(run.differences);
	json_decref(run.notes);
	if (status > total->status)
		total->status = status;
}

static int finish_json(struct total *total)
{
	json_t *json = json_object();
	int rc;

	json_object_set_new(json, "files", total->files);
	json_object_set_new(json, "operations", json_integer((json_int_t)total->operations));
	json_object_set_new(json, "different", json_integer((json_int_t)total->different));
	rc = cli_json(json);
	return rc > total->status ? rc : total->status;
}

/* False: the plan is a sweep, but a bad one. */
static bool take_sweep(struct options *options)
{
	const char *why = NULL;

	options->sweep =
		(struct sweep_cfg){.max_points = SWEEP_MAX_POINTS, .max_passes = SWEEP_MAX_PASSES};
	if (!options->trace.inject)
		return true;
	options->sweeps = sweep_parse(options->trace.inject, &options->sweep, &why);
	if (options->sweeps)
		options->trace.inject = NULL;
	if (why)
		cli_error("--inject %s: %s", options->trace.inject, why);
	return !why;
}

int cmd_replay(int argc, char **argv)
{
	static const struct argp_child children[] = {{&cli_trace_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.args_doc = "FILE...",
		.doc = "Replay traces on an emulated machine and compare every answer that they "
		       "carry.\v"
		       "The last line is `N operations, M differ'. Exit status: 0 all answers and "
		       "audits hold, 1 not, 2 bad input or usage.",
		.children = children,
	};
	struct options options = {.audit_every = 1};
	struct total total = {0};

	if (argp_parse(&argp, argc, argv, 0, NULL, &options))
		return CLI_BAD;
	if (!take_sweep(&options))
		return CLI_BAD;
	total.files = json_array();
	for (unsigned i = 0; i < options.files; i++)
		one_file(&options, options.file[i], &total);
	if (options.json)
		return finish_json(&total);
	json_decref(total.files);
	if (total.replayed)
		printf("%" PRIu64 " operations, %" PRIu64 " differ\n", total.operations,
		       total.different);
	return total.status;
}
