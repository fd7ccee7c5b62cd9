// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `units` section: IOMMU units, with the keys that every type has.
 *
 * The key `type` decides which other keys there are, wherever in the group it stands.
 */
#include "parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT(field)    offsetof(struct platform_unit, field)
#define SPECIAL(field) offsetof(struct platform_special, field)

static const struct unit_vendor *const vendors[] = {
	[PLATFORM_INTEL] = &unit_intel,
	[PLATFORM_AMD] = &unit_amd,
};

static int parse_type(struct parser *parser, const config_setting_t *setting, void *object)
{
	const char *names[SIO_ARRAY_SIZE(vendors)];
	struct platform_unit *unit = object;
	unsigned index;
	int rc;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(vendors); i++)
		names[i] = vendors[i]->type;
	rc = setting_choice(parser, setting, names, SIO_ARRAY_SIZE(names), &index);
	if (!rc)
		unit->type = (enum platform_unit_type)index;
	return rc;
}

static int claim_add(struct parser *parser, struct platform_claim claim)
{
	struct platform_claim *more =
		realloc(parser->claim, (parser->claim_count + 1) * sizeof(*more));

	if (!more)
		return parser_no_memory(parser);
	parser->claim = more;
	parser->claim[parser->claim_count++] = claim;
	return 0;
}

static int parse_scope(struct parser *parser, const config_setting_t *setting, void *object)
{
	int rc = 0;

	(void)object;
	if (!config_setting_is_list(setting) && !config_setting_is_array(setting))
		return parser_error(parser, parser_place(parser, setting),
				    "scope is no list, expected ( \"01:00.0\", ... )");
	for (int i = 0; i < config_setting_length(setting) && !rc; i++) {
		const config_setting_t *entry = config_setting_get_elem(setting, (unsigned)i);
		struct platform_claim claim = {
			.unit = parser->platform->unit_count - 1,
			.place = parser_place(parser, entry),
		};

		rc = setting_bdf(parser, entry, &claim.segment, &claim.rid);
		if (!rc)
			rc = claim_add(parser, claim);
	}
	return rc;
}

/* ---- interrupt controllers and timers ---- */

static int parse_special_type(struct parser *parser, const config_setting_t *setting, void *object)
{
	static const char *const kinds[] = {"ioapic", "hpet"};
	struct platform_special *special = object;
	unsigned index;
	int rc = setting_choice(parser, setting, kinds, SIO_ARRAY_SIZE(kinds), &index);

	special->kind = (enum platform_special_kind)index;
	return rc;
}

static int parse_special_bdf(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_special *special = object;
	uint16_t segment;

	return setting_bdf(parser, setting, &segment, &special->rid);
}

static int special_parse(struct parser *parser, const config_setting_t *group, void *object)
{
	static const struct key keys[] = {
		{"type", KEY_CALL, .call = parse_special_type},
		{"id", KEY_U8, .offset = SPECIAL(id)},
		{"bdf", KEY_CALL, .call = parse_special_bdf},
	};
	const struct platform_special *special = object;
	int rc = keys_parse(parser, group, "special device", keys, SIO_ARRAY_SIZE(keys), object);

	if (!rc &&
	    (!config_setting_get_member(group, "type") || !config_setting_get_member(group, "bdf")))
		rc = parser_error(
			parser, special->place,
			"a special device is incomplete, expected { type = \"ioapic\"; id "
			"= 0; bdf = \"00:14.0\"; }");
	return rc;
}

static int parse_special(struct parser *parser, const config_setting_t *setting, void *object)
{
	static const struct section section = {
		.name = "special",
		.size = sizeof(struct platform_special),
		.place = SPECIAL(place),
		.each = special_parse,
	};
	struct platform_unit *unit = object;
	void *array = NULL;
	int rc = section_parse(parser, setting, &section, &array, &unit->special_count);

	unit->special = array;
	return rc;
}

/* ---- the section ---- */

#define KEYS_MAX 32u

static const struct key common_keys[] = {
	{"type", KEY_CALL, .call = parse_type},
	{"name", KEY_TEXT, .offset = UNIT(name), .max = sizeof(((struct platform_unit *)0)->name)},
	{"haw", KEY_U8, .offset = UNIT(haw), .min = 32, .max = 52},
	{"segment", KEY_U16, .offset = UNIT(segment)},
	{"include-all", KEY_BOOL, .offset = UNIT(include_all)},
	{"scope", KEY_CALL, .call = parse_scope},
	{"base", KEY_U64, .offset = UNIT(base)},
	{"proximity", KEY_U16, .offset = UNIT(proximity)},
	{"special", KEY_CALL, .call = parse_special},
};

static int unit_parse(struct parser *parser, const config_setting_t *group, void *object)
{
	const config_setting_t *type =
		config_setting_is_group(group) ? config_setting_get_member(group, "type") : NULL;
	struct platform_unit *unit = object;
	const struct unit_vendor *vendor;
	struct key keys[KEYS_MAX];
	unsigned n;
	int rc = type ? parse_type(parser, type, unit) : 0;

	if (rc)
		return rc;
	vendor = vendors[unit->type];
	n = parser->units_of[unit->type]++;
	snprintf(unit->name, sizeof(unit->name), "%s%u", vendor->prefix, n);
	vendor->defaults(unit, n);
	sio_assert(SIO_ARRAY_SIZE(common_keys) + vendor->count <= KEYS_MAX);
	memcpy(keys, common_keys, sizeof(common_keys));
	memcpy(keys + SIO_ARRAY_SIZE(common_keys), vendor->keys, vendor->count * sizeof(*keys));
	rc = keys_parse(parser, group, "unit", keys, SIO_ARRAY_SIZE(common_keys) + vendor->count,
			unit);
	if (rc)
		return rc;
	unit->has_proximity = config_setting_get_member(group, "proximity") != NULL;
	if (!sio_is_aligned(unit->base, SIO_PAGE_SIZE))
		return parser_error(parser, unit->place,
				    "unit %s: base is not the start of a page, expected one",
				    unit->name);
	return vendor->finish(parser, group, unit);
}

int units_parse(struct parser *parser, const config_setting_t *list)
{
	static const struct section section = {
		.name = "units",
		.size = sizeof(struct platform_unit),
		.place = UNIT(place),
		.each = unit_parse,
	};

	void *array = NULL;
	int rc = section_parse(parser, list, &section, &array, &parser->platform->unit_count);

	parser->platform->unit = array;
	return rc;
}
