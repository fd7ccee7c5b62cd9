// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-d units of a platform, from raw capability values or from QEMU's property names.
 *
 * Without raw values CAP and ECAP are put together as QEMU's intel-iommu does it, so that
 * `aw-bits = 48; snoop-control = true;` is the unit that the same properties make there. A raw
 * value wins over what the names say. Source: VT-d, "Capability Register", "Extended Capability
 * Register".
 */
#include "parse.h"

#include <string.h>

#define UNIT(field) offsetof(struct platform_unit, field)

/* Registers of the first unit and from one to the next, as QEMU places them. */
#define BASE_FIRST UINT64_C(0xfed90000)
#define BASE_STEP  UINT64_C(0x1000)

/* 64 Ki domains, fault records at 0x220, page-selective up to 2^18 pages, drained reads and writes.
 */
#define CAP_ND    UINT64_C(6)
#define CAP_CM    SIO_BIT(7)
#define CAP_FRO   (UINT64_C(0x22) << 24)
#define CAP_PSI   SIO_BIT(39)
#define CAP_MAMV  (UINT64_C(18) << 48)
#define CAP_DRAIN (SIO_BIT(54) | SIO_BIT(55))
#define ECAP_C    SIO_BIT(0)
#define ECAP_QI   SIO_BIT(1)
#define ECAP_IR   SIO_BIT(3)
#define ECAP_EIM  SIO_BIT(4)
#define ECAP_PT   SIO_BIT(6)
#define ECAP_SC   SIO_BIT(7)
#define ECAP_IRO  (UINT64_C(0xf) << 8)
#define ECAP_MHMV (UINT64_C(0xf) << 20)
#define ECAP_DT   SIO_BIT(2)
#define ECAP_SRS  SIO_BIT(31)
#define ECAP_SMTS SIO_BIT(43)
#define ECAP_SLTS SIO_BIT(46)

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

static int parse_fault_codes(struct parser *parser, const config_setting_t *setting, void *object)
{
	static const char *const choices[] = {"manual", "qemu-7.2"};
	struct platform_unit *unit = object;
	unsigned index;
	int rc = setting_choice(parser, setting, choices, SIO_ARRAY_SIZE(choices), &index);

	unit->fault_codes = (enum platform_fault_codes)index;
	return rc;
}

static const struct key intel_keys[] = {
	{"cap", KEY_U64, .offset = UNIT(cap)},
	{"ecap", KEY_U64, .offset = UNIT(ecap)},
	{"version", KEY_U8, .offset = UNIT(version), .min = 0x10, .max = 0x7f},
	{"aw-bits", KEY_CALL, .call = parse_aw_bits},
	{"large-pages", KEY_CALL, .call = parse_large_pages},
	{"snoop-control", KEY_BOOL, .offset = UNIT(snoop_control)},
	{"intremap", KEY_BOOL, .offset = UNIT(intremap)},
	{"eim", KEY_BOOL, .offset = UNIT(eim)},
	{"caching-mode", KEY_BOOL, .offset = UNIT(caching_mode)},
	{"device-iotlb", KEY_BOOL, .offset = UNIT(device_iotlb)},
	{"pt", KEY_BOOL, .offset = UNIT(pt)},
	{"psi", KEY_BOOL, .offset = UNIT(psi)},
	{"fault-records", KEY_U8, .offset = UNIT(fault_records), .min = 1, .max = 200},
	{"quiet-hits", KEY_BOOL, .offset = UNIT(quiet_hits)},
	{"noncoherent", KEY_BOOL, .offset = UNIT(noncoherent)},
	{"scalable-mode", KEY_BOOL, .offset = UNIT(scalable_mode)},
	{"fault-codes", KEY_CALL, .call = parse_fault_codes},
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
	       (unit->intremap && unit->eim ? ECAP_EIM : 0) | (unit->device_iotlb ? ECAP_DT : 0) |
	       (unit->scalable_mode ? ECAP_SMTS | ECAP_SLTS | ECAP_SRS : 0);
}

static void intel_defaults(struct platform_unit *unit, unsigned n)
{
	unit->haw = PLATFORM_HAW_DEFAULT;
	unit->base = BASE_FIRST + n * BASE_STEP;
	unit->aw_bits = 48;
	unit->large_levels = 3;
	unit->fault_records = 1;
	unit->intremap = unit->pt = unit->psi = true;
}

struct vtd_cfg platform_vtd_cfg(const struct platform_unit *unit)
{
	return (struct vtd_cfg){
		.name = unit->name,
		.cap = unit->cap,
		.ecap = unit->ecap,
		.version = unit->version,
		.haw = unit->haw,
		.fault_codes = unit->fault_codes == PLATFORM_CODES_QEMU_7_2 ? VTD_FAULTS_QEMU_7_2
									    : VTD_FAULTS_MANUAL,
		.quiet_hits = unit->quiet_hits,
		.noncoherent = unit->noncoherent,
	};
}

static int intel_finish(struct parser *parser, const config_setting_t *group,
			struct platform_unit *unit)
{
	struct vtd_caps caps;
	const char *why;

	if (!config_setting_get_member(group, "cap"))
		unit->cap = synthesize_cap(unit);
	if (!config_setting_get_member(group, "ecap"))
		unit->ecap = synthesize_ecap(unit);
	if (unit->scalable_mode && !(unit->ecap & ECAP_SMTS))
		return parser_error(parser, unit->place,
				    "unit %s: scalable-mode with an ecap without it, expected bit "
				    "43 of ecap set",
				    unit->name);
	parser->platform->scalable_mode |= unit->scalable_mode;
	if (unit->noncoherent && unit->ecap & ECAP_C)
		return parser_error(parser, unit->place,
				    "unit %s: noncoherent with an ecap that says otherwise, "
				    "expected bit 0 of ecap clear",
				    unit->name);
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

const struct unit_vendor unit_intel = {
	.type = "intel",
	.prefix = "dmar",
	.keys = intel_keys,
	.count = SIO_ARRAY_SIZE(intel_keys),
	.defaults = intel_defaults,
	.finish = intel_finish,
};
