// SPDX-License-Identifier: GPL-2.0-only
/* softiommu platform: presets, machines, platform files, and the tables of their firmware. */
#include "cmd_platform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"
#include "report/report.h"

static const struct argp_option option_list[] = {
	{"json", 'j', NULL, 0, "print JSON", 0},
	{"text", 't', NULL, 0, "show: print the platform file itself", 0},
	{"kernel", 'k', "K", 0, "boot this kernel", 0},
	{"output", 'o', "DIR", 0, "acpi: where to write the tables (default: here)", 0},
	{"platform", 'p', "P", 0, "import: what a table cannot say is as in this platform", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct platform_options *options = state->input;

	switch (key) {
	case 'j':
		options->json = true;
		return 0;
	case 't':
		options->text = true;
		return 0;
	case 'k':
		options->kernel = arg;
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	case 'p':
		options->known = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "too many arguments");
		*(state->arg_num ? &options->name : &options->action) = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int list(const struct platform_options *options)
{
	const struct platform_preset *preset;
	json_t *json = json_array();
	struct platform *platform;
	char error[512];

	for (unsigned n = 0; (preset = platform_preset_at(n)); n++) {
		if (platform_load(preset->name, &platform, error, sizeof(error))) {
			cli_error("%s", error);
			json_decref(json);
			return CLI_BAD;
		}
		json_array_append_new(json, json_pack("{s:s,s:s}", "name", preset->name,
						      "description", platform->description));
		if (!options->json)
			printf("%-10s  %s\n", preset->name, platform->description);
		platform_destroy(platform);
	}
	if (options->json)
		return cli_json(json);
	json_decref(json);
	return CLI_OK;
}

static int boot(const struct platform_options *options, struct sio_machine **machine, char *error,
		size_t len)
{
	struct sio_machine_cfg cfg = {.platform = options->name, .kernel = options->kernel};

	return sio_machine_create(&cfg, machine, error, len);
}

static int show_text(const struct platform_options *options)
{
	struct platform *platform;
	char error[512];

	if (platform_load(options->name, &platform, error, sizeof(error))) {
		cli_error("%s", error);
		return CLI_BAD;
	}
	fputs(platform->text, stdout);
	platform_destroy(platform);
	return CLI_OK;
}

static int show(const struct platform_options *options)
{
	struct sio_machine *machine;
	char error[512];
	int status = CLI_OK;

	if (options->text)
		return show_text(options);
	if (boot(options, &machine, error, sizeof(error))) {
		cli_error("%s", error);
		return CLI_BAD;
	}
	if (options->json)
		status = cli_json(report_machine_json(machine));
	else
		report_machine(stdout, machine);
	sio_machine_destroy(machine);
	return status;
}

static int check_answer(const struct platform_options *options, const char *name, const char *error)
{
	if (options->json)
		return cli_json(
			json_pack("{s:s,s:b,s:s?}", "file", name, "ok", !error, "error", error));
	if (error)
		cli_error("%s", error);
	else
		printf("%s: ok\n", name);
	return CLI_OK;
}

/* A file's name needs no '/' here: `check` takes files only. */
static int check(const struct platform_options *options)
{
	struct platform_options file = *options;
	struct sio_machine *machine;
	char path[4096], error[512];
	int rc, status;

	snprintf(path, sizeof(path), "%s%s", strpbrk(options->name, "/.") ? "" : "./",
		 options->name);
	file.name = path;
	rc = boot(&file, &machine, error, sizeof(error));
	if (rc == -ENOENT || rc == -ENOMEM) {
		cli_error("%s", error);
		return CLI_BAD;
	}
	status = check_answer(options, options->name, rc ? error : NULL);
	sio_machine_destroy(machine);
	return rc ? CLI_BAD : status;
}

int cmd_platform(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.args_doc = "list\nshow PLATFORM\ncheck FILE\nacpi PLATFORM\nimport TABLE",
		.doc = "Machines: the presets, what one consists of, whether a platform file is "
		       "valid, the ACPI tables DMAR and IVRS of its firmware, a platform file for "
		       "such a table.\v"
		       "PLATFORM is a preset, or a file if it has a '/' or '.'. See "
		       "softiommu-platform(5).",
	};
	static const struct {
		const char *name;
		bool wants_name;
		int (*run)(const struct platform_options *options);
	} actions[] = {
		{"list", false, list},
		{"show", true, show},
		{"check", true, check},
		{"acpi", true, platform_acpi},
		{"import", true, platform_import},
	};
	struct platform_options options = {0};

	if (argp_parse(&argp, argc, argv, 0, NULL, &options))
		return CLI_BAD;
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(actions); i++) {
		if (strcmp(options.action, actions[i].name))
			continue;
		if (actions[i].wants_name == (options.name != NULL))
			return actions[i].run(&options);
		cli_error("platform %s: expected %s", options.action,
			  options.name ? "no argument" : "an argument");
		return CLI_BAD;
	}
	cli_error("platform: no action \"%s\", expected list, show, check, acpi or import",
		  options.action);
	return CLI_BAD;
}
