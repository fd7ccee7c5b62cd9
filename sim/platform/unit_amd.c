// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-Vi units of a platform, from raw capability values or from names.
 *
 * Without raw values the extended features and the header of the unit's PCI capability are put
 * together from the names, the defaults being those of a unit as QEMU's amd-iommu shows it. A raw
 * value wins over what the names say. Source: AMD I/O Virtualization Technology, "Capability
 * Header", "IOMMU Extended Feature Register", "I/O Virtualization Hardware Definition Block".
 */
#include "parse.h"

#define UNIT(field)  offsetof(struct platform_unit, field)
#define ALIAS(field) offsetof(struct platform_alias, field)

/* A register window of 512 KiB holds the performance counters too. */
#define BASE_FIRST UINT64_C(0xf0000000)
#define BASE_STEP  UINT64_C(0x80000)
#define HAW_AMD    48u

/* What every unit here has, GATS as amd-iommu shows it, and what a type 3 capability consists of.
 */
#define EFR_ALWAYS \
	(AMDVI_EFR_PREFETCH | AMDVI_EFR_IA | AMDVI_EFR_HE | SIO_FIELD_PREP(AMDVI_EFR_GATS, 2))
#define CAP_ALWAYS (UINT64_C(0x3000f) | AMDVI_CAP_EFR | SIO_BIT(28))

static int parse_devid(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_unit *unit = object;
	uint16_t segment;

	return setting_bdf(parser, setting, &segment, &unit->devid);
}

static int parse_ivhd_type(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_unit *unit = object;
	int type = config_setting_type(setting) == CONFIG_TYPE_INT ? config_setting_get_int(setting)
								   : 0;

	if (type != 0x10 && type != 0x11 && type != 0x40)
		return parser_error(parser, parser_place(parser, setting),
				    "ivhd-type is no type of block, expected 0x10, 0x11 or 0x40");
	unit->ivhd_type = (uint8_t)type;
	return 0;
}

static int parse_rid(struct parser *parser, const config_setting_t *setting, uint16_t *rid)
{
	uint16_t segment;

	return setting_bdf(parser, setting, &segment, rid);
}

static int parse_alias_device(struct parser *parser, const config_setting_t *setting, void *object)
{
	return parse_rid(parser, setting, &((struct platform_alias *)object)->rid);
}

static int parse_alias_alias(struct parser *parser, const config_setting_t *setting, void *object)
{
	return parse_rid(parser, setting, &((struct platform_alias *)object)->alias);
}

static int alias_parse(struct parser *parser, const config_setting_t *group, void *object)
{
	static const struct key keys[] = {
		{"device", KEY_CALL, .call = parse_alias_device},
		{"alias", KEY_CALL, .call = parse_alias_alias},
	};
	const struct platform_alias *alias = object;
	int rc = keys_parse(parser, group, "alias", keys, SIO_ARRAY_SIZE(keys), object);

	if (!rc && (!config_setting_get_member(group, "device") ||
		    !config_setting_get_member(group, "alias")))
		rc = parser_error(
			parser, alias->place,
			"an alias is incomplete, expected { device = \"01:00.1\"; alias = "
			"\"01:00.0\"; }");
	return rc;
}

static int parse_aliases(struct parser *parser, const config_setting_t *setting, void *object)
{
	static const struct section section = {
		.name = "aliases",
		.size = sizeof(struct platform_alias),
		.place = ALIAS(place),
		.each = alias_parse,
	};
	struct platform_unit *unit = object;
	void *array = NULL;
	int rc = section_parse(parser, setting, &section, &array, &unit->alias_count);

	unit->alias = array;
	return rc;
}

static const struct key amd_keys[] = {
	{"efr", KEY_U64, .offset = UNIT(efr)},
	{"efr2", KEY_U64, .offset = UNIT(efr2)},
	{"ivhd-cap", KEY_U32, .offset = UNIT(ivhd_cap)},
	{"devid", KEY_CALL, .call = parse_devid},
	{"ivhd-type", KEY_CALL, .call = parse_ivhd_type},
	{"ivhd-flags", KEY_U8, .offset = UNIT(ivhd_flags)},
	{"aliases", KEY_CALL, .call = parse_aliases},
	{"levels", KEY_U8, .offset = UNIT(levels), .min = 4, .max = 6},
	{"np-cache", KEY_BOOL, .offset = UNIT(np_cache)},
	{"device-iotlb", KEY_BOOL, .offset = UNIT(device_iotlb)},
	{"ht-tunnel", KEY_BOOL, .offset = UNIT(ht_tunnel)},
	{"ppr", KEY_BOOL, .offset = UNIT(ppr)},
	{"xtsup", KEY_BOOL, .offset = UNIT(xtsup)},
	{"gt", KEY_BOOL, .offset = UNIT(gt)},
	{"ga", KEY_BOOL, .offset = UNIT(ga)},
	{"old-reserved-masks", KEY_BOOL, .offset = UNIT(old_reserved_masks)},
	{"access-dirty", KEY_BOOL, .offset = UNIT(access_dirty)},
};

static uint64_t synthesize_efr(const struct platform_unit *unit)
{
	return EFR_ALWAYS | SIO_FIELD_PREP(AMDVI_EFR_HATS, unit->levels - 4u) |
	       (unit->ppr ? AMDVI_EFR_PPR : 0) | (unit->xtsup ? AMDVI_EFR_XT : 0) |
	       (unit->gt ? AMDVI_EFR_GT : 0) | (unit->ga ? AMDVI_EFR_GA : 0) |
	       (unit->access_dirty ? AMDVI_EFR_HA | AMDVI_EFR_HD : 0);
}

static uint32_t synthesize_ivhd_cap(const struct platform_unit *unit)
{
	return (uint32_t)(CAP_ALWAYS | (unit->device_iotlb ? AMDVI_CAP_IOTLB : 0) |
			  (unit->ht_tunnel ? AMDVI_CAP_HT : 0) |
			  (unit->np_cache ? AMDVI_CAP_NP_CACHE : 0));
}

/* The function that holds the unit's capability is function 2 of a root bus's device 0. */
static void amd_defaults(struct platform_unit *unit, unsigned n)
{
	unit->haw = HAW_AMD;
	unit->base = BASE_FIRST + n * BASE_STEP;
	unit->devid = PCI_RID(n * 0x20 & 0xff, PCI_DEVFN(0, 2));
	unit->ivhd_type = 0x11;
	unit->levels = 6;
	unit->np_cache = unit->device_iotlb = unit->ht_tunnel = true;
	unit->ppr = unit->gt = unit->ga = true;
}

struct amdvi_cfg platform_amdvi_cfg(const struct platform_unit *unit)
{
	return (struct amdvi_cfg){
		.name = unit->name,
		.efr = unit->efr,
		.efr2 = unit->efr2,
		.capability = unit->ivhd_cap,
		.devid = unit->devid,
		.haw = unit->haw,
		.old_reserved_masks = unit->old_reserved_masks,
	};
}

static int amd_finish(struct parser *parser, const config_setting_t *group,
		      struct platform_unit *unit)
{
	struct amdvi_cfg cfg;
	struct amdvi_caps caps;
	const char *why;

	if (!config_setting_get_member(group, "efr"))
		unit->efr = synthesize_efr(unit);
	if (!config_setting_get_member(group, "ivhd-cap"))
		unit->ivhd_cap = synthesize_ivhd_cap(unit);
	if (!config_setting_get_member(group, "ivhd-flags"))
		unit->ivhd_flags = unit->ht_tunnel ? 1 : 0;
	cfg = platform_amdvi_cfg(unit);
	caps = amdvi_caps_decode(&cfg);
	why = amdvi_caps_check(&caps);
	if (why)
		return parser_error(parser, unit->place,
				    "unit %s: %s, expected a unit that can be built", unit->name,
				    why);
	return 0;
}

const struct unit_vendor unit_amd = {
	.type = "amd",
	.prefix = "ivhd",
	.keys = amd_keys,
	.count = SIO_ARRAY_SIZE(amd_keys),
	.defaults = amd_defaults,
	.finish = amd_finish,
};
