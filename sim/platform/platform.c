// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a platform: find the text, parse its sections, check what they say together.
 */
#include "platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

#define PLATFORM(field) offsetof(struct platform, field)

static int parse_machine(struct parser *parser, const config_setting_t *setting, void *object)
{
	static const struct key keys[] = {
		{"ram", KEY_BYTES, .offset = PLATFORM(ram_bytes), .min = PLATFORM_RAM_MIN,
		 .max = PLATFORM_RAM_MAX},
		{"intremap", KEY_BOOL, .offset = PLATFORM(intremap)},
		{"selftest", KEY_BOOL, .offset = PLATFORM(selftest)},
		{"noiommu", KEY_BOOL, .offset = PLATFORM(noiommu)},
	};
	int rc = keys_parse(parser, setting, "machine", keys, SIO_ARRAY_SIZE(keys), object);

	if (!rc && !sio_is_aligned(parser->platform->ram_bytes, PLATFORM_RAM_STEP))
		return parser_error(parser, parser_place(parser, setting),
				    "ram is no whole number of 2 MiB blocks, expected one");
	return rc;
}

static int parse_description(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform *platform = object;
	const char *text = config_setting_get_string(setting);

	if (!text)
		return parser_error(parser, parser_place(parser, setting),
				    "description is no string, expected \"...\"");
	platform->description = strdup(text);
	return platform->description ? 0 : parser_no_memory(parser);
}

static int parse_units(struct parser *parser, const config_setting_t *setting, void *object)
{
	(void)object;
	return units_parse(parser, setting);
}

static int parse_devices(struct parser *parser, const config_setting_t *setting, void *object)
{
	(void)object;
	return devices_parse(parser, setting);
}

static const struct key sections[] = {
	{"description", KEY_CALL, .call = parse_description},
	{"machine", KEY_CALL, .call = parse_machine},
	{"units", KEY_CALL, .call = parse_units},
	{"devices", KEY_CALL, .call = parse_devices},
	{"emulated", KEY_CALL, .call = emulated_parse_list},
	{"rmrr", KEY_CALL, .call = firmware_parse_rmrr},
	{"ivmd", KEY_CALL, .call = firmware_parse_ivmd},
	{"atsr", KEY_CALL, .call = firmware_parse_atsr},
	{"satc", KEY_CALL, .call = firmware_parse_satc},
};

static int read_config(struct parser *parser, const char *text)
{
	config_t *config = parser->platform->config;
	const char *slash = strrchr(parser->file, '/');
	struct platform_place place = {.file = parser->file};
	int rc;

	if (slash) {
		char dir[1024];

		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - parser->file), parser->file);
		config_set_include_dir(config, *dir ? dir : "/");
	}
	rc = text_check(parser, text, parser->file, 0);
	if (rc)
		return rc;
	if (config_read_string(config, text))
		return 0;
	place.line = (unsigned)config_error_line(config);
	if (config_error_file(config))
		place.file = parser_included(parser, config_error_file(config));
	return parser_error(parser, place, "%s, expected libconfig syntax: key = value;",
			    config_error_text(config));
}

static struct platform *platform_new(const char *text, const char *file)
{
	struct platform *platform = calloc(1, sizeof(*platform));
	config_t *config = calloc(1, sizeof(*config));

	if (!platform || !config) {
		free(platform);
		free(config);
		return NULL;
	}
	config_init(config);
	*platform = (struct platform){
		.name = strdup(file),
		.text = strdup(text),
		.ram_bytes = PLATFORM_RAM_DEFAULT,
		.intremap = true,
		.config = config,
	};
	if (!platform->name || !platform->text) {
		platform_destroy(platform);
		return NULL;
	}
	return platform;
}

int platform_parse(const char *text, const char *file, struct platform **platform, char *error,
		   size_t error_len)
{
	struct parser parser = {
		.file = file,
		.error = error,
		.error_len = error_len,
		.platform = platform_new(text, file),
	};
	int rc;

	*platform = NULL;
	if (!parser.platform)
		return parser_no_memory(&parser);
	parser.file = parser.platform->name;
	rc = read_config(&parser, text);
	if (!rc)
		rc = keys_parse(&parser, config_root_setting(parser.platform->config), "platform",
				sections, SIO_ARRAY_SIZE(sections), parser.platform);
	if (!rc)
		rc = platform_check(&parser);
	free(parser.claim);
	if (rc)
		platform_destroy(parser.platform);
	else
		*platform = parser.platform;
	return rc;
}

static int unknown_preset(const char *name, char *error, size_t error_len)
{
	const char *names[32], *nearest;
	unsigned count = 0;

	for (; count < SIO_ARRAY_SIZE(names) && platform_preset_at(count); count++)
		names[count] = platform_preset_at(count)->name;
	nearest = platform_nearest(name, names, count);
	if (nearest)
		snprintf(error, error_len,
			 "no platform \"%.40s\", expected \"%s\" or a file name with a "
			 "'/' or '.'",
			 name, nearest);
	else
		snprintf(error, error_len,
			 "no platform \"%.40s\", expected a name of `softiommu platform list` or a "
			 "file "
			 "name with a '/' or '.'",
			 name);
	return -ENOENT;
}

static int load_file(const char *name, struct platform **platform, char *error, size_t error_len)
{
	int rc;
	char *text = text_read(name, &rc);

	if (!text) {
		snprintf(error, error_len, "%s: %s, expected a platform file", name,
			 rc == EILSEQ ? "has a zero byte" : strerror(rc));
		return rc == ENOENT || rc == ENOMEM ? -rc : -EINVAL;
	}
	rc = platform_parse(text, name, platform, error, error_len);
	free(text);
	return rc;
}

int platform_load(const char *name, struct platform **platform, char *error, size_t error_len)
{
	const struct platform_preset *preset;

	*platform = NULL;
	if (strpbrk(name, "/."))
		return load_file(name, platform, error, error_len);
	for (unsigned i = 0; (preset = platform_preset_at(i)); i++)
		if (!strcmp(preset->name, name))
			return platform_parse(preset->text, name, platform, error, error_len);
	return unknown_preset(name, error, error_len);
}

void platform_destroy(struct platform *platform)
{
	if (!platform)
		return;
	for (unsigned i = 0; i < platform->rmrr_count; i++)
		free(platform->rmrr[i].rids);
	for (unsigned i = 0; i < platform->ivmd_count; i++)
		free(platform->ivmd[i].rids);
	for (unsigned i = 0; i < platform->atsr_count; i++)
		free(platform->atsr[i].rids);
	for (unsigned i = 0; i < platform->satc_count; i++)
		free(platform->satc[i].rids);
	for (unsigned i = 0; i < platform->unit_count; i++) {
		free(platform->unit[i].special);
		free(platform->unit[i].alias);
	}
	for (unsigned i = 0; i < platform->include_count; i++) {
		free(platform->include[i].name);
		free(platform->include[i].path);
	}
	free(platform->include);
	free(platform->rmrr);
	free(platform->ivmd);
	free(platform->atsr);
	free(platform->satc);
	free(platform->device);
	free(platform->emulated);
	free(platform->unit);
	if (platform->config)
		config_destroy(platform->config);
	free(platform->config);
	free(platform->description);
	free(platform->text);
	free(platform->name);
	free(platform);
}
