// SPDX-License-Identifier: GPL-2.0-only
/*
 * softiommu convert: traces, recordings and inputs of fuzz targets, one into the other.
 *
 * A recording stands in the middle: what is read becomes one, and what is written comes from it.
 * Bytes as hexadecimal text are a second form of an input.
 */
#include "cli.h"

#include "corpus/convert.h"
#include "corpus/transcript.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_FROM = 0x200, OPT_TO, OPT_TARGET, OPT_JSON };

static const char recording[] = "recording", corpus[] = "corpus", hex[] = "hex";
static const char *const sources[] = {recording, "qemu-log", "ioctl-dump", corpus, hex, NULL};
static const char *const results[] = {recording, corpus, hex, NULL};

struct options {
	const char *from, *to, *target, *platform, *kernel, *out, *file;
	bool json;
};

/* What is under way: the bytes of an input, or the text of a recording. */
struct work {
	const struct options *options;
	const struct corpus_target *target;
	uint8_t *data;
	size_t size;
	struct strbuf text;
	struct convert_report report;
	unsigned unsaid; /* operations of an input that are comments in the recording */
	char error[512];
};

static const struct argp_option option_list[] = {
	{"from", OPT_FROM, "F", 0, "recording, qemu-log, ioctl-dump, corpus or hex (by content)",
	 1},
	{"to", OPT_TO, "F", 0,
	 "recording, corpus or hex (corpus from a recording, else a recording; hex or corpus of "
	 "other targets)",
	 1},
	{"target", OPT_TARGET, "T", 0, "the fuzz target whose corpus it is (type1)", 1},
	{"output", 'o', "FILE", 0, "write there instead of to standard output", 1},
	{"platform", 'p', "P", 0, "the machine that answers", 1},
	{"kernel", 'k', "K", 0, "the kernel that answers", 1},
	{"json", OPT_JSON, NULL, 0, "report as JSON; needs -o", 2},
	{0},
};

static const char *one_of(struct argp_state *state, const char *const *list, const char *text)
{
	for (; *list; list++)
		if (!strcmp(*list, text))
			return *list;
	argp_error(state, "no format \"%s\" there, see --help", text);
	return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_FROM:
		options->from = one_of(state, sources, arg);
		return 0;
	case OPT_TO:
		options->to = one_of(state, results, arg);
		return 0;
	case OPT_TARGET:
		options->target = arg;
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	case 'o':
		options->out = arg;
		return 0;
	case 'p':
		options->platform = arg;
		return 0;
	case 'k':
		options->kernel = arg;
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
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- reading ---- */

static int read_bytes(struct work *work)
{
	const char *path = work->options->file;
	FILE *file = fopen(path, "rb");
	char block[4096];
	size_t got;

	if (!file) {
		cli_error("%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	while ((got = fread(block, 1, sizeof(block), file)) > 0) {
		uint8_t *more = realloc(work->data, work->size + got + 1);

		if (!more)
			break;
		work->data = more;
		memcpy(work->data + work->size, block, got);
		work->size += got;
		work->data[work->size] = '\0';
	}
	if (ferror(file) || got) {
		cli_error("%s: %s", path, strerror(errno));
		fclose(file);
		return -EINVAL;
	}
	fclose(file);
	return 0;
}

/* Whether inputs of the target are known by their operations; of the others, bytes are all. */
static bool knows_operations(const struct work *work)
{
	return work->target->play != NULL;
}

/* An input may be any bytes: it is what nothing else is. */
static const char *find_source(struct work *work)
{
	const char *from = work->options->from;

	if (!from && knows_operations(work))
		from = replay_format(work->options->file);
	if (!from && work->data && convert_hex_detect((const char *)work->data))
		from = hex;
	return from ? from : corpus;
}

static const char *find_result(const struct work *work, const char *from)
{
	if (work->options->to)
		return work->options->to;
	if (!knows_operations(work))
		return !strcmp(from, hex) ? corpus : hex;
	return !strcmp(from, recording) ? corpus : recording;
}

static int take_hex(struct work *work)
{
	uint8_t *data = NULL;
	size_t size = 0;
	int rc = convert_hex_read(work->options->file, work->data ? (const char *)work->data : "",
				  &data, &size, work->error, sizeof(work->error));

	free(work->data);
	work->data = data;
	work->size = size;
	return rc;
}

static int take_trace(struct work *work, const char *from)
{
	const struct replay_cfg cfg = {
		.platform = work->options->platform,
		.kernel = work->options->kernel,
		.format = from,
	};

	return transcript_make(work->options->file, &cfg, &work->text, work->error,
			       sizeof(work->error));
}

/* The file as it is, but unpacked. */
static int take_recording(struct work *work)
{
	struct text_file file;
	int rc = text_file_load(&file, work->options->file, work->error, sizeof(work->error));

	for (unsigned i = 0; i < file.lines && !rc; i++)
		strbuf_add(&work->text, "%s\n", file.line[i]);
	if (!rc)
		text_file_fini(&file);
	return rc ? rc : work->text.failed ? -ENOMEM : 0;
}

static int play_input(struct work *work)
{
	const struct type1_play play = {
		.unsaid = &work->unsaid,
		.name = work->options->file,
		.kernel = work->options->kernel,
		.platform = work->options->platform,
	};

	return work->target->play(&play, work->data, work->size, &work->text, work->error,
				  sizeof(work->error));
}

/* ---- writing ---- */

static int encode(struct work *work)
{
	struct recording rec;
	struct text_file file;
	int rc = text_file_copy(&file, work->options->file, strbuf_text(&work->text),
				work->text.len, work->error, sizeof(work->error));

	free(work->data);
	work->data = NULL;
	if (!rc)
		rc = recording_parse(&rec, &file, work->error, sizeof(work->error));
	if (rc)
		return rc;
	rc = work->target->encode(&rec, &work->data, &work->size, &work->report, work->error,
				  sizeof(work->error));
	/* Lines are told while they are there. */
	for (unsigned i = 0; i < work->report.losses && !rc; i++) {
		struct convert_loss *loss = &work->report.loss[i];

		if (!work->options->json)
			fprintf(stderr, "%s:%u: %s%u %s%s: %s\n", work->options->file,
				loss->first_line, loss->matters ? "lost, " : "left out, ",
				loss->count, loss->count == 1 ? "line, " : "lines, first this, ",
				loss->why, loss->first);
	}
	recording_fini(&rec);
	return rc;
}

static void show_report(const struct work *work)
{
	const struct convert_report *report = &work->report;
	const char *file = work->options->file;

	if (work->unsaid)
		fprintf(stderr,
			"%s: %u operations are comments: recordings have no words for them\n", file,
			work->unsaid);
	if (report->other_platform)
		fprintf(stderr, "%s: another platform stands for the recorded one\n", file);
	if (report->other_devices)
		fprintf(stderr, "%s: other devices stand for the recorded ones\n", file);
	if (report->moved)
		fprintf(stderr, "%s: memory has other addresses\n", file);
	if (report->cut)
		fprintf(stderr, "%s: only the first %u operations are in the input\n", file,
			OPS_MAX);
}

static int show_json(const struct work *work)
{
	const struct convert_report *report = &work->report;
	json_t *json = json_object(), *losses = json_array();

	for (unsigned i = 0; i < report->losses; i++)
		json_array_append_new(losses,
				      json_pack("{s:s,s:b,s:i,s:i}", "why", report->loss[i].why,
						"matters", report->loss[i].matters, "count",
						(int)report->loss[i].count, "line",
						(int)report->loss[i].first_line));
	json_object_set_new(json, "file", json_string(work->options->file));
	json_object_set_new(json, "output", json_string(work->options->out));
	json_object_set_new(json, "operations", json_integer(report->operations));
	json_object_set_new(json, "comments", json_integer(work->unsaid));
	json_object_set_new(json, "other-platform", json_boolean(report->other_platform));
	json_object_set_new(json, "other-devices", json_boolean(report->other_devices));
	json_object_set_new(json, "memory-moved", json_boolean(report->moved));
	json_object_set_new(json, "cut", json_boolean(report->cut));
	json_object_set_new(json, "left-out", losses);
	return cli_json(json);
}

static int convert(struct work *work, const char *from, const char *to)
{
	bool traced = from != corpus && from != hex && strcmp(from, corpus) && strcmp(from, hex);
	int rc = 0;

	if (!strcmp(from, hex))
		rc = take_hex(work);
	else if (!strcmp(from, recording))
		rc = take_recording(work);
	else if (traced)
		rc = take_trace(work, from);
	if (!rc && !traced && !strcmp(to, recording))
		rc = play_input(work);
	else if (!rc && traced && strcmp(to, recording))
		rc = encode(work);
	if (!rc && !strcmp(to, hex)) {
		strbuf_clear(&work->text);
		rc = convert_hex_write(work->data, work->size, &work->text);
	}
	return rc;
}

static int finish(struct work *work, const char *to)
{
	bool lost = work->report.cut || work->unsaid;
	int status;

	if (!strcmp(to, corpus))
		status = cli_write(work->options->out, work->data, work->size);
	else
		status = cli_write(work->options->out, strbuf_text(&work->text), work->text.len);
	for (unsigned i = 0; i < work->report.losses; i++)
		lost |= work->report.loss[i].matters;
	show_report(work);
	if (work->options->json && status == CLI_OK)
		status = show_json(work);
	return status == CLI_OK && lost ? CLI_NO : status;
}

static bool choose_target(struct work *work)
{
	const char *name = work->options->target ? work->options->target : "type1";

	work->target = corpus_target_find(name);
	if (work->target)
		return true;
	for (unsigned n = 0; corpus_target_at(n); n++)
		strbuf_add(&work->text, " %s", corpus_target_at(n)->name);
	cli_error("--target %s: there is none, expected one of%s", name, strbuf_text(&work->text));
	return false;
}

/* Without operations there is no recording. */
static bool is_possible(const struct work *work, const char *from, const char *to)
{
	bool bytes = (!strcmp(from, corpus) || !strcmp(from, hex)) && strcmp(to, recording) != 0;

	if (!bytes && !knows_operations(work))
		cli_error("--target %s: its inputs are not known by their operations, expected "
			  "corpus and hex",
			  work->target->name);
	return bytes || knows_operations(work);
}

static int run(struct work *work, const char *from, const char *to)
{
	int rc = convert(work, from, to);

	if (!rc)
		return finish(work, to);
	cli_error("%s", work->error[0] ? work->error : strerror(-rc));
	return CLI_BAD;
}

int cmd_convert(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.args_doc = "FILE",
		.doc = "Convert a QEMU log or an ioctl dump to a recording, a recording to an "
		       "input of a fuzz target, and such an input to a recording or to text.\v"
		       "What the result cannot hold is told on standard error. Exit status: 0 all "
		       "was converted that has an effect, 1 not, 2 bad input or usage.",
	};
	struct options options = {0};
	struct work work = {.options = &options};
	const char *from, *to;
	int status = CLI_BAD;

	if (argp_parse(&argp, argc, argv, 0, NULL, &options))
		return CLI_BAD;
	if (choose_target(&work) && !read_bytes(&work)) {
		from = find_source(&work);
		to = find_result(&work, from);
		if (is_possible(&work, from, to))
			status = run(&work, from, to);
	}
	free(work.data);
	strbuf_fini(&work.text);
	return status;
}
