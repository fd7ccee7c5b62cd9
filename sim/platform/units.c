// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `units` section: IOMMU units, from raw capability values or from QEMU's property names.
 *
 * Without raw values CAP and ECAP are put together as QEMU's intel-iommu does it, so that
 * `aw-bits = 48; snoop-control = true;` is the unit that the same properties make there. A raw
 * value wins over what the names say. Source: VT-d, "Capability Register", "Extended Capability
 * Register".
 */
#include "parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vtd/vtd.h"

#define UNIT(field) offsetof(struct platform_unit, field)

/* 64 Ki domains, fault records at 0x220, page-selective up to 2^18 pages, drained reads and writes.
 */
#define CAP_ND    UINT64_C(6)
#define CAP_CM    SIO_BIT(7)
#define CAP_FRO   (UINT64_C(0x22) << 24)
#define CAP_PSI   SIO_BIT(39)
#define CAP_MAMV  (UINT64_C(18) << 48)
#define CAP_DRAIN (SIO_BIT(54) | SIO_BIT(55))
#define ECAP_QI   SIO_BIT(1)
#define ECAP_IR   SIO_BIT(3)
#define ECAP_EIM  SIO_BIT(4)
#define ECAP_PT   SIO_BIT(6)
#define ECAP_SC   SIO_BIT(7)
#define ECAP_IRO  (UINT64_C(0xf) << 8)
#define ECAP_MHMV (UINT64_C(0xf) << 20)

static int parse_type(struct parser *parser, const config_setting_t *setting, void *object)
{
	static const char *const types[] = {"intel"};
	unsigned index;

	(void)object;
	return setting_choice(parser, setting, types, SIO_ARRAY_SIZE(types), &index);
}

static int parse_aw_bits(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_unit *unit = object;
	int bits = config_setting_type(setting) == CONFIG_TYPE_INT ? config_setting_get_int(setting)
								   : 0;

	if (bits != 39 && bits != 48 && bits != 57)
		return parser_error(parser, parser_place(parser, setting),
				    "aw-bits is not an address width, expected 39, 48 or 57");
	unit->aw_bits = (uint8_t)bits;
	return 0;
}

static int parse_large_pages(struct parser *parser, const config_setting_t *setting, void *object)
{
	static const char *const choices[] = {"none", "2M", "2M,1G"};
	struct platform_unit *unit = object;
	unsigned index;
	int rc = setting_choice(parser, setting, choices, SIO_ARRAY_SIZE(choices), &index);

	if (rc)
		return rc;
	unit->large_levels = (uint8_t)((1u << index) - 1);
	return 0;
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
	struct platform_unit *unit = object;
	int rc = 0;

	if (!config_setting_is_list(setting) && !config_setting_is_array(setting))
		return parser_error(parser, parser_place(parser, setting),
				    "scope is no list, expected ( \"01:00.0\", ... )");
	for (int i = 0; i < config_setting_length(setting) && !rc; i++) {
		const config_setting_t *entry = config_setting_get_elem(setting, (unsigned)i);
		struct platform_claim claim = {
			.unit = (unsigned)(unit - parser->platform->unit),
			.place = parser_place(parser, entry),
		};

		rc = setting_bdf(parser, entry, &claim.segment, &claim.rid);
		if (!rc)
			rc = claim_add(parser, claim);
	}
	return rc;
}

static const struct key unit_keys[] = {
	{"type", KEY_CALL, .call = parse_type},
	{"name", KEY_TEXT, .offset = UNIT(name), .max = sizeof(((struct platform_unit *)0)->name)},
	{"cap", KEY_U64, .offset = UNIT(cap)},
	{"ecap", KEY_U64, .offset = UNIT(ecap)},
	{"version", KEY_U8, .offset = UNIT(version), .min = 0x10, .max = 0x7f},
	{"haw", KEY_U8, .offset = UNIT(haw), .min = 32, .max = 52},
	{"segment", KEY_U16, .offset = UNIT(segment)},
	{"include-all", KEY_BOOL, .offset = UNIT(include_all)},
	{"scope", KEY_CALL, .call = parse_scope},
	{"aw-bits", KEY_CALL, .call = parse_aw_bits},
	{"large-pages", KEY_CALL, .call = parse_large_pages},
	{"snoop-control", KEY_BOOL, .offset = UNIT(snoop_control)},
	{"intremap", KEY_BOOL, .offset = UNIT(intremap)},
	{"eim", KEY_BOOL, .offset = UNIT(eim)},
	{"caching-mode", KEY_BOOL, .offset = UNIT(caching_mode)},
	{"pt", KEY_BOOL, .offset = UNIT(pt)},
	{"psi", KEY_BOOL, .offset = UNIT(psi)},
	{"fault-records", KEY_U8, .offset = UNIT(fault_records), .min = 1, .max = 200},
};

static uint64_t synthesize_cap(const struct platform_unit *unit)
{
	/* Widths up to the unit's own: bit 1 is 39 bits, bit 2 48, bit 3 57. */
	uint64_t sagaw = (SIO_BIT((unit->aw_bits - 30u) / 9 + 1) - 1) & ~UINT64_C(1);

	return CAP_ND | sagaw << 8 | (uint64_t)(unit->aw_bits - 1) << 16 | CAP_FRO |
	       (uint64_t)unit->large_levels << 34 | (uint64_t)(unit->fault_records - 1) << 40 |
	       CAP_DRAIN | (unit->psi ? CAP_PSI | CAP_MAMV : 0) | (unit->caching_mode ? CAP_CM : 0);
}

static uint64_t synthesize_ecap(const struct platform_unit *unit)
{
	return ECAP_QI | ECAP_IRO | (unit->pt ? ECAP_PT : 0) | (unit->snoop_control ? ECAP_SC : 0) |
	       (unit->intremap ? ECAP_IR | ECAP_MHMV : 0) |
	       (unit->intremap && unit->eim ? ECAP_EIM : 0);
}

static int unit_finish(struct parser *parser, const config_setting_t *group,
		       struct platform_unit *unit)
{
	struct vtd_caps caps;
	const char *why;

	if (!config_setting_get_member(group, "cap"))
		unit->cap = synthesize_cap(unit);
	if (!config_setting_get_member(group, "ecap"))
		unit->ecap = synthesize_ecap(unit);
	caps = vtd_caps_decode(unit->cap, unit->ecap, unit->haw);
	why = vtd_caps_check(&caps);
	if (why && !strcmp(why, "out of memory"))
		return parser_no_memory(parser);
	if (why)
		return parser_error(parser, unit->place,
				    "unit %s: %s, expected a unit that can be built", unit->name,
				    why);
	return 0;
}

int units_parse(struct parser *parser, const config_setting_t *list)
{
	struct platform *platform = parser->platform;
	unsigned count = (unsigned)config_setting_length(list);
	int rc = 0;

	if (!config_setting_is_list(list))
		return parser_error(parser, parser_place(parser, list),
				    "units is no list, expected ( { ... }, ... )");
	platform->unit = calloc(count ? count : 1, sizeof(*platform->unit));
	if (!platform->unit)
		return parser_no_memory(parser);
	for (unsigned i = 0; i < count && !rc; i++) {
		const config_setting_t *group = config_setting_get_elem(list, i);
		struct platform_unit *unit = &platform->unit[i];

		*unit = (struct platform_unit){
			.place = parser_place(parser, group),
			.haw = PLATFORM_HAW_DEFAULT,
			.aw_bits = 48,
			.large_levels = 3,
			.fault_records = 1,
			.intremap = true,
			.pt = true,
			.psi = true,
		};
		snprintf(unit->name, sizeof(unit->name), "dmar%u", i);
		platform->unit_count = i + 1;
		rc = keys_parse(parser, group, "unit", unit_keys, SIO_ARRAY_SIZE(unit_keys), unit);
		if (!rc)
			rc = unit_finish(parser, group, unit);
	}
	return rc;
}
