// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no key can tell alone of the units: which one serves which device, whose memory is reserved,
 * and whether every address fits.
 *
 * A bridge in a unit's scope stands for everything below it. The nearest scope entry on the way up
 * wins; a device that two units name is an error, as it is to firmware. Source: VT-d, "DMA
 * Remapping Reporting Structure", device scope; AMD I/O Virtualization Technology, "I/O
 * Virtualization Reporting Structure".
 */
#include "parse.h"

#include <inttypes.h>
#include <string.h>

static const struct platform_claim *claim_of(const struct parser *parser, uint16_t segment,
					     uint16_t rid)
{
	for (unsigned i = 0; i < parser->claim_count; i++)
		if (parser->claim[i].segment == segment && parser->claim[i].rid == rid)
			return &parser->claim[i];
	return NULL;
}

static int check_claims(struct parser *parser)
{
	const struct platform *platform = parser->platform;
	char bdf[16];

	for (unsigned i = 0; i < parser->claim_count; i++) {
		const struct platform_claim *claim = &parser->claim[i];
		const struct platform_claim *first = claim_of(parser, claim->segment, claim->rid);

		pci_format_bdf(bdf, claim->segment, claim->rid, true);
		if (first != claim)
			return parser_error(
				parser, claim->place,
				"%s is claimed by unit %s and by unit %s (line %u), expected one "
				"unit",
				bdf, platform->unit[claim->unit].name,
				platform->unit[first->unit].name, first->place.line);
		if (!platform_device_at(platform, claim->segment, claim->rid))
			return parser_error(
				parser, claim->place,
				"the scope of unit %s names %s, expected a device of this platform",
				platform->unit[claim->unit].name, bdf);
		if (claim->segment != platform->unit[claim->unit].segment)
			return parser_error(parser, claim->place,
					    "the scope of unit %s names %s, expected segment %04x",
					    platform->unit[claim->unit].name, bdf,
					    platform->unit[claim->unit].segment);
	}
	return 0;
}

static int include_all_unit(const struct platform *platform, uint16_t segment)
{
	for (unsigned i = 0; i < platform->unit_count; i++)
		if (platform->unit[i].include_all && platform->unit[i].segment == segment)
			return (int)i;
	return -1;
}

static int check_unit_names(struct parser *parser)
{
	const struct platform *platform = parser->platform;

	for (unsigned i = 0; i < platform->unit_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(platform->unit[i].name, platform->unit[j].name))
				return parser_error(
					parser, platform->unit[i].place,
					"the name \"%s\" is taken by the unit of line %u, "
					"expected another",
					platform->unit[i].name, platform->unit[j].place.line);
	return 0;
}

static int check_units(struct parser *parser)
{
	struct platform *platform = parser->platform;

	for (unsigned i = 0; i < platform->unit_count; i++) {
		const struct platform_unit *unit = &platform->unit[i];
		int all = include_all_unit(platform, unit->segment);

		if (unit->include_all && all != (int)i)
			return parser_error(
				parser, unit->place,
				"units %s and %s (line %u) both have include-all, expected one a "
				"segment",
				unit->name, platform->unit[all].name,
				platform->unit[all].place.line);
	}
	for (unsigned i = 0; i < platform->device_count; i++) {
		struct platform_device *device = &platform->device[i];
		const struct platform_device *at = device;
		const struct platform_claim *claim = NULL;

		for (; at && !claim; at = platform_bridge_above(platform, at))
			claim = claim_of(parser, at->segment, at->rid);
		device->unit =
			claim ? (int)claim->unit : include_all_unit(platform, device->segment);
	}
	return 0;
}

/* A list of addresses in a firmware section names devices of the platform. */
static int check_listed(struct parser *parser, const char *what, struct platform_place place,
			uint16_t segment, const uint16_t *rids, unsigned count)
{
	char bdf[16];

	for (unsigned i = 0; i < count; i++)
		if (!platform_device_at(parser->platform, segment, rids[i]))
			return parser_error(parser, place,
					    "the %s names %s, expected a device of this platform",
					    what, pci_format_bdf(bdf, segment, rids[i], true));
	return 0;
}

static unsigned device_haw(const struct platform *platform, uint16_t segment, uint16_t rid)
{
	const struct platform_device *device = platform_device_at(platform, segment, rid);

	return device && device->unit >= 0 ? platform->unit[device->unit].haw
					   : PLATFORM_HAW_DEFAULT;
}

static int check_rmrr(struct parser *parser)
{
	const struct platform *platform = parser->platform;

	for (unsigned i = 0; i < platform->rmrr_count; i++) {
		const struct platform_rmrr *rmrr = &platform->rmrr[i];
		int rc = check_listed(parser, "rmrr", rmrr->place, rmrr->segment, rmrr->rids,
				      rmrr->count);

		if (rc)
			return rc;
		for (unsigned j = 0; j < rmrr->count; j++) {
			unsigned haw = device_haw(platform, rmrr->segment, rmrr->rids[j]);

			if (rmrr->last >> haw)
				return parser_error(parser, rmrr->place,
						    "the rmrr ends at 0x%" PRIx64
						    ", expected an address of at most %u bits",
						    rmrr->last, haw);
		}
	}
	return 0;
}

static int check_lists(struct parser *parser)
{
	const struct platform *platform = parser->platform;
	int rc = 0;

	for (unsigned i = 0; i < platform->ivmd_count && !rc; i++) {
		const struct platform_ivmd *ivmd = &platform->ivmd[i];

		rc = check_listed(parser, "ivmd", ivmd->place, ivmd->segment, ivmd->rids,
				  ivmd->count);
		if (!rc && ivmd->last >> 52)
			rc = parser_error(parser, ivmd->place,
					  "the ivmd ends at 0x%" PRIx64
					  ", expected an address of at most 52 bits",
					  ivmd->last);
	}
	for (unsigned i = 0; i < platform->atsr_count && !rc; i++)
		rc = check_listed(parser, "atsr", platform->atsr[i].place,
				  platform->atsr[i].segment, platform->atsr[i].rids,
				  platform->atsr[i].count);
	for (unsigned i = 0; i < platform->satc_count && !rc; i++)
		rc = check_listed(parser, "satc", platform->satc[i].place,
				  platform->satc[i].segment, platform->satc[i].rids,
				  platform->satc[i].count);
	return rc;
}

/* An AMD unit's own function is not one of the devices, nor that of another unit. */
static int check_devid(struct parser *parser, unsigned index)
{
	const struct platform *platform = parser->platform;
	const struct platform_unit *unit = &platform->unit[index];
	char bdf[16];

	pci_format_bdf(bdf, unit->segment, unit->devid, true);
	if (platform_device_at(platform, unit->segment, unit->devid))
		return parser_error(parser, unit->place,
				    "unit %s is at %s, which is a device, expected another devid",
				    unit->name, bdf);
	for (unsigned i = 0; i < index; i++) {
		const struct platform_unit *other = &platform->unit[i];

		if (other->type == PLATFORM_AMD && other->segment == unit->segment &&
		    other->devid == unit->devid)
			return parser_error(
				parser, unit->place,
				"unit %s is at %s, where unit %s is, expected another devid",
				unit->name, bdf, other->name);
	}
	return 0;
}

static int check_unit_alias(struct parser *parser, const struct platform_unit *unit,
			    const struct platform_alias *alias)
{
	char bdf[16];

	if (platform_device_at(parser->platform, unit->segment, alias->rid))
		return 0;
	return parser_error(parser, alias->place,
			    "the alias names %s, expected a device of this platform",
			    pci_format_bdf(bdf, unit->segment, alias->rid, true));
}

static int check_amd(struct parser *parser)
{
	const struct platform *platform = parser->platform;
	int rc = 0;

	for (unsigned i = 0; i < platform->unit_count && !rc; i++) {
		const struct platform_unit *unit = &platform->unit[i];

		if (unit->type != PLATFORM_AMD)
			continue;
		rc = check_devid(parser, i);
		for (unsigned j = 0; j < unit->alias_count && !rc; j++)
			rc = check_unit_alias(parser, unit, &unit->alias[j]);
	}
	return rc;
}

const struct platform_unit *platform_ram_excess(const struct platform *platform, uint64_t ram_bytes)
{
	for (unsigned i = 0; i < platform->unit_count; i++)
		if ((ram_bytes - 1) >> platform->unit[i].haw)
			return &platform->unit[i];
	return NULL;
}

static int check_memory(struct parser *parser)
{
	const struct platform *platform = parser->platform;
	const struct platform_unit *unit = platform_ram_excess(platform, platform->ram_bytes);

	if (!unit)
		return 0;
	return parser_error(parser, unit->place,
			    "unit %s reaches %u address bits (haw), less than the %" PRIu64
			    " MiB of ram, expected a wider unit or less memory",
			    unit->name, unit->haw, platform->ram_bytes >> 20);
}

int platform_check_firmware(struct parser *parser)
{
	static int (*const checks[])(struct parser * parser) = {
		check_unit_names, check_claims, check_units,  check_rmrr,
		check_lists,      check_amd,    check_memory,
	};
	int rc = 0;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(checks) && !rc; i++)
		rc = checks[i](parser);
	return rc;
}
