// SPDX-License-Identifier: GPL-2.0-only
/* softiommu: one program, a command for each thing it does. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"
#include "seeded.h"
#include "softiommu.h"

static const struct cli_command commands[] = {
	{"replay", "replay traces and compare every answer", cmd_replay},
	{"platform", "list, show and check machines, and their ACPI tables", cmd_platform},
	{"walk", "show the page walk of one address", cmd_walk},
	{"maps", "show what each container or IOAS maps", cmd_maps},
	{"convert", "convert between traces, recordings and inputs of fuzzers", cmd_convert},
	{"minimize", "the shortest recording that still differs", cmd_minimize},
	{"kernels", "list the kernels that are answered as", cmd_kernels},
};

void cli_error(const char *fmt, ...)
{
	va_list ap;

	fputs("softiommu: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int cli_json(json_t *json)
{
	int rc = json ? json_dumpf(json, stdout, JSON_INDENT(2)) : -1;

	json_decref(json);
	if (rc) {
		cli_error("the result cannot be written as JSON");
		return CLI_BAD;
	}
	putchar('\n');
	return CLI_OK;
}

int cli_write(const char *path, const void *bytes, size_t size)
{
	bool named = path && strcmp(path, "-") != 0;
	FILE *out = named ? fopen(path, "wb") : stdout;
	bool good = out && fwrite(bytes, 1, size, out) == size;

	if (out && (named ? fclose(out) : fflush(out)))
		good = false;
	if (!good)
		cli_error("%s: %s", named ? path : "standard output", strerror(errno));
	return good ? CLI_OK : CLI_BAD;
}

bool cli_number(const char *text, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && !*end;
}

static void print_version(FILE *out, struct argp_state *state)
{
	(void)state;
	fprintf(out, "softiommu %s\n", sio_version());
}

static int run_command(const struct argp_state *state, const char *name)
{
	const char *names[SIO_ARRAY_SIZE(commands)], *nearest;
	char full[64];
	char **argv = state->argv + state->next - 1;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(commands); i++) {
		names[i] = commands[i].name;
		if (strcmp(commands[i].name, name))
			continue;
		snprintf(full, sizeof(full), "softiommu %s", name);
		argv[0] = full;
		return commands[i].run(state->argc - state->next + 1, argv);
	}
	nearest = platform_nearest(name, names, SIO_ARRAY_SIZE(commands));
	if (nearest)
		cli_error("no command \"%s\", expected \"%s\"", name, nearest);
	else
		cli_error("no command \"%s\", see softiommu --help", name);
	return CLI_BAD;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	int *status = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		*status = run_command(state, arg);
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The list of commands, made from the table. */
static char *filter(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t len;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	out = open_memstream(&list, &len);
	if (!out)
		return NULL;
	fputs("Commands:\n", out);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`softiommu COMMAND --help' tells more about each.\n\n"
	      "Exit status: 0 what was asked holds, 1 it does not, 2 bad usage or input.",
	      out);
	fclose(out);
	return list;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "A software IOMMU: machines with VT-d and AMD-Vi units, VFIO and iommufd on "
		       "top of them.\v",
		.help_filter = filter,
	};
	int status = CLI_BAD;

#ifdef SIO_SEEDED_BUGS
	if (getenv("SIO_BUG") && !seeded_choose(getenv("SIO_BUG"))) {
		cli_error("SIO_BUG=%s: no such bug", getenv("SIO_BUG"));
		return CLI_BAD;
	}
#endif
	argp_err_exit_status = CLI_BAD;
	argp_program_version_hook = print_version;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &status))
		return CLI_BAD;
	if (fflush(stdout) || ferror(stdout)) {
		cli_error("standard output: %s", strerror(errno));
		return CLI_BAD;
	}
	return status;
}
