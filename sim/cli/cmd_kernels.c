// SPDX-License-Identifier: GPL-2.0-only
/* softiommu kernels: the kernels that can be answered as, and the switches in which they differ. */
#include "cli.h"

#include <string.h>

#include "core/personality.h"

struct options {
	const char *kernel;
	bool json, switches;
};

static const struct argp_option option_list[] = {
	{"json", 'j', NULL, 0, "print JSON", 0},
	{"switches", 's', NULL, 0, "list the switches and their values instead", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'j':
		options->json = true;
		return 0;
	case 's':
		options->switches = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->kernel)
			argp_error(state, "too many arguments");
		options->kernel = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static unsigned value_count(const struct personality_switch *about)
{
	unsigned n = 0;

	if (about->yes_no)
		return 2;
	while (n < PERSONALITY_VALUES && about->value[n].name)
		n++;
	return n;
}

/* What a value of a switch means, in words. */
static const char *meaning(const struct personality_switch *about, unsigned value)
{
	if (about->yes_no)
		return value ? "yes" : "no";
	return about->value[value].what;
}

/* ---- kernels ---- */

/* `before` NULL: all switches, else those in which `kernel` differs from it. */
static void print_kernel(const struct personality *kernel, const struct personality *before)
{
	const struct personality_switch *about;

	for (unsigned n = 0; (about = personality_switch_at(n)); n++) {
		unsigned value = personality_get(kernel, n);
		char setting[64];

		if (before && personality_get(before, n) == value)
			continue;
		personality_setting(n, value, setting, sizeof(setting));
		printf("    %-26s %s: %s\n", setting, about->what, meaning(about, value));
	}
}

static json_t *kernel_json(const struct personality *kernel, const struct personality *before)
{
	json_t *changes = json_array();

	for (unsigned n = 0; personality_switch_at(n); n++) {
		unsigned value = personality_get(kernel, n);
		char setting[64];

		if (before && personality_get(before, n) == value)
			continue;
		personality_setting(n, value, setting, sizeof(setting));
		json_array_append_new(changes, json_string(setting));
	}
	return changes;
}

static int list_kernels(const struct options *options)
{
	const struct personality *kernel, *before = NULL;
	json_t *json = json_array();

	for (unsigned n = 0; (kernel = personality_at(n)); before = kernel, n++) {
		json_array_append_new(json, json_pack("{s:s,s:s,s:b,s:o}", "name", kernel->name,
						      "about", personality_about(n), "default",
						      kernel == personality_find(NULL), "changes",
						      kernel_json(kernel, before)));
		if (options->json)
			continue;
		printf("%s%-8s %s\n", n ? "\n" : "", kernel->name, personality_about(n));
		print_kernel(kernel, before);
	}
	if (options->json)
		return cli_json(json);
	json_decref(json);
	return CLI_OK;
}

static int show_kernel(const struct options *options)
{
	struct personality kernel;
	char error[512];

	if (!personality_parse(options->kernel, &kernel, error, sizeof(error))) {
		cli_error("%s", error);
		return CLI_BAD;
	}
	if (options->json)
		return cli_json(json_pack("{s:s,s:o}", "name", kernel.name, "switches",
					  kernel_json(&kernel, NULL)));
	printf("%s\n", kernel.name);
	print_kernel(&kernel, NULL);
	return CLI_OK;
}

/* ---- switches ---- */

/* "3.14 4.4 ...": the kernels with this value. */
static void kernels_with(unsigned n, unsigned value, char *text, size_t len)
{
	const struct personality *kernel;
	size_t used = 0;

	text[0] = '\0';
	for (unsigned k = 0; (kernel = personality_at(k)) && used < len; k++)
		if (personality_get(kernel, n) == value)
			used += (size_t)snprintf(text + used, len - used, "%s%s", used ? " " : "",
						 kernel->name);
}

static int list_switches(const struct options *options)
{
	const struct personality_switch *about;
	json_t *json = json_array();

	for (unsigned n = 0; (about = personality_switch_at(n)); n++) {
		json_t *values = json_array();

		if (!options->json)
			printf("%s%s\n", n ? "\n" : "", about->what);
		for (unsigned v = 0; v < value_count(about); v++) {
			char setting[64], kernels[256];

			personality_setting(n, v, setting, sizeof(setting));
			kernels_with(n, v, kernels, sizeof(kernels));
			json_array_append_new(values, json_pack("{s:s,s:s,s:s}", "setting", setting,
								"meaning", meaning(about, v),
								"kernels", kernels));
			if (!options->json)
				printf("    %-26s %s (%s)\n", setting, meaning(about, v),
				       kernels[0] ? kernels : "no kernel");
		}
		json_array_append_new(json, json_pack("{s:s,s:s,s:o}", "switch", about->key,
						      "about", about->what, "values", values));
	}
	if (options->json)
		return cli_json(json);
	json_decref(json);
	return CLI_OK;
}

int cmd_kernels(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_list,
		.parser = parse,
		.args_doc = "[KERNEL[,SWITCH...]]",
		.doc = "The kernels that softiommu answers as, each with what it changes against "
		       "the one before; or all switches of one.\v"
		       "A switch after a kernel's name changes that behaviour alone: "
		       "--kernel 6.12,unmap_wrap_4_15.",
	};
	struct options options = {0};

	if (argp_parse(&argp, argc, argv, 0, NULL, &options))
		return CLI_BAD;
	if (options.switches)
		return list_switches(&options);
	return options.kernel ? show_kernel(&options) : list_kernels(&options);
}
