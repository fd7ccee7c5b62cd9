// SPDX-License-Identifier: GPL-2.0-only
/*
 * Platform objects filled from tables of keys, and the messages when that fails.
 *
 * Every message has the form "file:line: what, expected what". The first error ends the parse.
 */
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a message quotes may hold line breaks; the message is one line all the same. */
static void one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

int parser_error(struct parser *parser, struct platform_place place, const char *fmt, ...)
{
	va_list ap;
	int used = snprintf(parser->error, parser->error_len, "%s:%u: ", place.file, place.line);

	va_start(ap, fmt);
	if (used >= 0 && (size_t)used < parser->error_len)
		vsnprintf(parser->error + used, parser->error_len - (size_t)used, fmt, ap);
	va_end(ap);
	one_line(parser->error);
	return -EINVAL;
}

int parser_no_memory(struct parser *parser)
{
	snprintf(parser->error, parser->error_len, "%s: out of memory", parser->file);
	return -ENOMEM;
}

struct platform_place parser_place(const struct parser *parser, const config_setting_t *setting)
{
	const char *file = config_setting_source_file(setting);

	return (struct platform_place){
		.file = file ? parser_included(parser, file) : parser->file,
		.line = config_setting_source_line(setting),
	};
}

const char *parser_included(const struct parser *parser, const char *name)
{
	const struct platform *platform = parser->platform;

	for (unsigned i = 0; i < platform->include_count; i++)
		if (!strcmp(platform->include[i].name, name))
			return platform->include[i].path;
	return name;
}

#define WORD_MAX 47u

/*
 * How far apart two words are: letters added, left out, changed, or swapped with their neighbour
 * (optimal string alignment); a word cut short is near whatever is missing.
 */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MAX + 1], len_a = (unsigned)strlen(a), len_b = (unsigned)strlen(b);

	if (len_a > WORD_MAX || len_b > WORD_MAX)
		return UINT32_MAX;
	if (len_a >= 3 && !strncmp(a, b, len_a))
		return 1;
	for (unsigned j = 0; j <= len_b; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= len_a; i++) {
		unsigned *now = row[i % 3], *above = row[(i + 2) % 3],
			 *two_above = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= len_b; j++) {
			now[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
			if (above[j] + 1 < now[j])
				now[j] = above[j] + 1;
			if (now[j - 1] + 1 < now[j])
				now[j] = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two_above[j - 2] + 1 < now[j])
				now[j] = two_above[j - 2] + 1;
		}
	}
	return row[len_a % 3][len_b];
}

const char *platform_nearest(const char *word, const char *const *list, unsigned count)
{
	unsigned best = (unsigned)strlen(word) / 2 + 2;
	const char *nearest = NULL;

	for (unsigned i = 0; i < count; i++) {
		unsigned distance = edit_distance(word, list[i]);

		if (distance < best) {
			best = distance;
			nearest = list[i];
		}
	}
	return nearest;
}

static const char *type_name(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a number";
	case CONFIG_TYPE_FLOAT:
		return "a fraction";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	default:
		return "a list";
	}
}

static int wrong_type(struct parser *parser, const config_setting_t *setting, const char *expected)
{
	const char *name = config_setting_name(setting);

	return parser_error(parser, parser_place(parser, setting), "%s is %s, expected %s",
			    name ? name : "the entry", type_name(setting), expected);
}

/* "16G", "0x1000"; the whole string must be used. */
static bool number_of_text(const char *text, bool with_suffix, uint64_t *value)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	char *end;
	unsigned shift = 0;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno)
		return false;
	if (with_suffix && *end && (suffix = strchr(suffixes, toupper((unsigned char)*end)))) {
		shift = 10u * (unsigned)(suffix - suffixes + 1);
		end++;
	}
	if (*end || *value > UINT64_MAX >> shift)
		return false;
	*value <<= shift;
	return true;
}

static int setting_number(struct parser *parser, const config_setting_t *setting, bool with_suffix,
			  uint64_t *value)
{
	const char *expected = with_suffix ? "a size such as \"16G\"" : "a number";
	const char *text;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
		if (config_setting_get_format(setting) == CONFIG_FORMAT_HEX) {
			*value = (uint32_t)config_setting_get_int(setting);
			return 0;
		}
		if (config_setting_get_int(setting) >= 0) {
			*value = (uint64_t)config_setting_get_int(setting);
			return 0;
		}
		return parser_error(parser, parser_place(parser, setting),
				    "%s is negative, expected %s", config_setting_name(setting),
				    expected);
	case CONFIG_TYPE_INT64:
		*value = (uint64_t)config_setting_get_int64(setting);
		return 0;
	case CONFIG_TYPE_STRING:
		text = config_setting_get_string(setting);
		if (number_of_text(text, with_suffix, value))
			return 0;
		return parser_error(parser, parser_place(parser, setting),
				    "%s is \"%.40s\", expected %s", config_setting_name(setting),
				    text, expected);
	default:
		return wrong_type(parser, setting, expected);
	}
}

static int parse_number(struct parser *parser, const config_setting_t *setting,
			const struct key *key, void *field)
{
	uint64_t value = 0, max = key->max;
	int rc = setting_number(parser, setting, key->kind == KEY_BYTES, &value);

	if (rc)
		return rc;
	if (!max)
		max = key->kind == KEY_U8    ? UINT8_MAX
		      : key->kind == KEY_U16 ? UINT16_MAX
		      : key->kind == KEY_U32 ? UINT32_MAX
					     : UINT64_MAX;
	if (value < key->min || value > max)
		return parser_error(parser, parser_place(parser, setting),
				    "%s is %" PRIu64 ", expected %" PRIu64 " to %" PRIu64,
				    key->name, value, key->min, max);
	if (key->kind == KEY_U8)
		*(uint8_t *)field = (uint8_t)value;
	else if (key->kind == KEY_U16)
		*(uint16_t *)field = (uint16_t)value;
	else if (key->kind == KEY_U32)
		*(uint32_t *)field = (uint32_t)value;
	else
		*(uint64_t *)field = value;
	return 0;
}

static int parse_text(struct parser *parser, const config_setting_t *setting, const struct key *key,
		      char *field)
{
	const char *text;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		return wrong_type(parser, setting, "a string");
	text = config_setting_get_string(setting);
	if (!*text || strlen(text) >= key->max)
		return parser_error(parser, parser_place(parser, setting),
				    "%s is %zu characters long, expected 1 to %u", key->name,
				    strlen(text), (unsigned)key->max - 1);
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c))
			return parser_error(parser, parser_place(parser, setting),
					    "%s has a blank or control character, expected a name",
					    key->name);
	strcpy(field, text);
	return 0;
}

static int parse_key(struct parser *parser, const config_setting_t *setting, const struct key *key,
		     void *object)
{
	void *field = (char *)object + key->offset;

	switch (key->kind) {
	case KEY_BOOL:
		if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
			return wrong_type(parser, setting, "true or false");
		*(bool *)field = config_setting_get_bool(setting) != 0;
		return 0;
	case KEY_TEXT:
		return parse_text(parser, setting, key, field);
	case KEY_CALL:
		return key->call(parser, setting, object);
	default:
		return parse_number(parser, setting, key, field);
	}
}

static int unknown_key(struct parser *parser, const config_setting_t *setting, const char *what,
		       const struct key *keys, unsigned count)
{
	const char *names[40], *name = config_setting_name(setting), *nearest;
	unsigned n = 0;

	for (; n < count && n < SIO_ARRAY_SIZE(names); n++)
		names[n] = keys[n].name;
	nearest = platform_nearest(name, names, n);
	if (nearest)
		return parser_error(parser, parser_place(parser, setting),
				    "unknown key \"%.40s\" in a %s, expected \"%s\"", name, what,
				    nearest);
	return parser_error(parser, parser_place(parser, setting),
			    "unknown key \"%.40s\" in a %s, expected one of softiommu-platform(5)",
			    name, what);
}

int keys_parse(struct parser *parser, const config_setting_t *group, const char *what,
	       const struct key *keys, unsigned count, void *object)
{
	if (!config_setting_is_group(group))
		return parser_error(parser, parser_place(parser, group),
				    "a %s is %s, expected a group { }", what, type_name(group));
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		const struct key *key = keys;
		int rc;

		while (key < keys + count && strcmp(key->name, config_setting_name(setting)))
			key++;
		if (key == keys + count)
			return unknown_key(parser, setting, what, keys, count);
		rc = parse_key(parser, setting, key, object);
		if (rc)
			return rc;
	}
	return 0;
}

int setting_bdf(struct parser *parser, const config_setting_t *setting, uint16_t *segment,
		uint16_t *rid)
{
	const char *text;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		return wrong_type(parser, setting, "an address such as \"01:00.0\"");
	text = config_setting_get_string(setting);
	if (!pci_parse_bdf(text, segment, rid))
		return parser_error(
			parser, parser_place(parser, setting),
			"\"%.40s\" is no PCI address, expected \"01:00.0\" or \"0000:01:00.0\"",
			text);
	return 0;
}

int setting_bdf_list(struct parser *parser, const config_setting_t *setting, uint16_t *segment,
		     uint16_t **rids, unsigned *count)
{
	unsigned length = (unsigned)config_setting_length(setting);

	if ((!config_setting_is_list(setting) && !config_setting_is_array(setting)) || !length)
		return parser_error(parser, parser_place(parser, setting),
				    "%s is no list of addresses, expected ( \"00:02.0\", ... )",
				    config_setting_name(setting));
	*rids = calloc(length, sizeof(**rids));
	if (!*rids)
		return parser_no_memory(parser);
	for (unsigned i = 0; i < length; i++) {
		const config_setting_t *entry = config_setting_get_elem(setting, i);
		uint16_t its;
		int rc = setting_bdf(parser, entry, &its, &(*rids)[i]);

		if (rc)
			return rc;
		if (i && its != *segment)
			return parser_error(parser, parser_place(parser, entry),
					    "%s of two segments, expected one",
					    config_setting_name(setting));
		*segment = its;
		*count = i + 1;
	}
	return 0;
}

int section_parse(struct parser *parser, const config_setting_t *list,
		  const struct section *section, void **array, unsigned *count)
{
	unsigned length = (unsigned)config_setting_length(list);
	int rc = 0;

	if (!config_setting_is_list(list))
		return parser_error(parser, parser_place(parser, list),
				    "%s is no list, expected ( { ... }, ... )", section->name);
	*array = calloc(length ? length : 1, section->size);
	if (!*array)
		return parser_no_memory(parser);
	for (unsigned i = 0; i < length && !rc; i++) {
		const config_setting_t *group = config_setting_get_elem(list, i);
		char *object = (char *)*array + i * section->size;

		*(struct platform_place *)(void *)(object + section->place) =
			parser_place(parser, group);
		*count = i + 1;
		rc = section->each(parser, group, object);
	}
	return rc;
}

int setting_choice(struct parser *parser, const config_setting_t *setting, const char *const *list,
		   unsigned count, unsigned *index)
{
	const char *name = config_setting_name(setting), *text, *nearest;
	char all[256] = "";

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		return wrong_type(parser, setting, "a string");
	text = config_setting_get_string(setting);
	for (*index = 0; *index < count; (*index)++)
		if (!strcmp(text, list[*index]))
			return 0;
	nearest = platform_nearest(text, list, count);
	for (unsigned i = 0; !nearest && i < count; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s\"%s\"",
			 i ? ", " : "one of ", list[i]);
	if (nearest)
		snprintf(all, sizeof(all), "\"%s\"", nearest);
	return parser_error(parser, parser_place(parser, setting), "%s is \"%.40s\", expected %s",
			    name, text, all);
}
