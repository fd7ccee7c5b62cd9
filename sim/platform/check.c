// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no key can tell alone: places taken twice, bus ranges, which unit serves which device, and
 * whether every address fits.
 *
 * A bridge in a unit's scope stands for everything below it. The nearest scope entry on the way up
 * wins; a device that two units name is an error, as it is to firmware. Source: VT-d, "DMA
 * Remapping Reporting Structure", device scope.
 */
#include "parse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static unsigned rid_bus(uint16_t rid)
{
	return rid >> 8;
}

static int device_order(const void *left, const void *right)
{
	const struct platform_device *a = left, *b = right;
	uint32_t key_a = (uint32_t)a->segment << 16 | a->rid,
		 key_b = (uint32_t)b->segment << 16 | b->rid;

	if (key_a != key_b)
		return key_a < key_b ? -1 : 1;
	return a->place.line < b->place.line ? -1 : a->place.line > b->place.line;
}

static struct platform_device *device_at(const struct platform *platform, uint16_t segment,
					 uint16_t rid)
{
	struct platform_device key = {.segment = segment, .rid = rid};

	for (unsigned i = 0; i < platform->device_count; i++)
		if (platform->device[i].segment == key.segment &&
		    platform->device[i].rid == key.rid)
			return &platform->device[i];
	return NULL;
}

/* The bridge whose secondary bus this is, NULL on a root bus. */
static const struct platform_device *bridge_above(const struct platform *platform,
						  const struct platform_device *device)
{
	for (unsigned i = 0; i < platform->device_count; i++) {
		const struct platform_device *bridge = &platform->device[i];

		if (platform_is_bridge(bridge) && bridge->segment == device->segment &&
		    bridge->secondary_bus == rid_bus(device->rid))
			return bridge;
	}
	return NULL;
}

static int check_names(struct parser *parser)
{
	const struct platform *platform = parser->platform;
	char bdf[16];

	for (unsigned i = 0; i < platform->device_count; i++) {
		const struct platform_device *device = &platform->device[i];
		const struct platform_device *previous = i ? device - 1 : NULL;

		if (previous && previous->segment == device->segment &&
		    previous->rid == device->rid)
			return parser_error(
				parser, device->place,
				"%s is taken by the device of line %u, expected a free address",
				pci_format_bdf(bdf, device->segment, device->rid, true),
				previous->place.line);
		for (unsigned j = 0; j < i; j++)
			if (*device->name && !strcmp(device->name, platform->device[j].name))
				return parser_error(
					parser, device->place,
					"the name \"%s\" is taken by the device of line %u, "
					"expected another",
					device->name, platform->device[j].place.line);
	}
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

static int check_bridge(struct parser *parser, const struct platform_device *bridge)
{
	const struct platform *platform = parser->platform;
	const struct platform_device *above = bridge_above(platform, bridge);

	if (bridge->secondary_bus <= rid_bus(bridge->rid))
		return parser_error(
			parser, bridge->place,
			"secondary-bus %u is not below the bridge's own bus %u, expected a higher "
			"number",
			bridge->secondary_bus, rid_bus(bridge->rid));
	if (bridge->subordinate_bus < bridge->secondary_bus)
		return parser_error(
			parser, bridge->place,
			"subordinate-bus %u is below secondary-bus %u, expected it not to be",
			bridge->subordinate_bus, bridge->secondary_bus);
	if (above && bridge->subordinate_bus > above->subordinate_bus)
		return parser_error(
			parser, bridge->place,
			"subordinate-bus %u is outside the range of the bridge above (line %u), "
			"expected at most %u",
			bridge->subordinate_bus, above->place.line, above->subordinate_bus);
	for (const struct platform_device *other = platform->device; other < bridge; other++) {
		bool nested = other->secondary_bus <= rid_bus(bridge->rid) &&
			      rid_bus(bridge->rid) <= other->subordinate_bus;

		if (platform_is_bridge(other) && other->segment == bridge->segment && !nested &&
		    bridge->secondary_bus <= other->subordinate_bus &&
		    other->secondary_bus <= bridge->subordinate_bus)
			return parser_error(
				parser, bridge->place,
				"buses %u to %u overlap those of the bridge of line %u, expected "
				"others",
				bridge->secondary_bus, bridge->subordinate_bus, other->place.line);
	}
	return 0;
}

/* A bus inside some bridge's range has a bridge that leads to it. */
static int check_reachable(struct parser *parser, const struct platform_device *device)
{
	const struct platform *platform = parser->platform;

	if (bridge_above(platform, device))
		return 0;
	for (unsigned i = 0; i < platform->device_count; i++) {
		const struct platform_device *bridge = &platform->device[i];

		if (platform_is_bridge(bridge) && bridge->segment == device->segment &&
		    bridge->secondary_bus <= rid_bus(device->rid) &&
		    rid_bus(device->rid) <= bridge->subordinate_bus)
			return parser_error(
				parser, device->place,
				"no bridge leads to bus %02x, expected one with secondary-bus = %u "
				"(the range of the bridge of line %u has it)",
				rid_bus(device->rid), rid_bus(device->rid), bridge->place.line);
	}
	return 0;
}

static int check_topology(struct parser *parser)
{
	struct platform *platform = parser->platform;
	int rc = 0;

	for (unsigned i = 0; i < platform->device_count && !rc; i++) {
		struct platform_device *device = &platform->device[i];
		const struct platform_device *next =
			i + 1 < platform->device_count ? device + 1 : NULL;

		if (platform_is_bridge(device))
			rc = check_bridge(parser, device);
		if (!rc)
			rc = check_reachable(parser, device);
		if (!device->typed && device->type == PCI_ENDPOINT &&
		    !bridge_above(platform, device))
			device->type = PCI_RC_ENDPOINT;
		/* Two functions in one slot: both are parts of a multifunction device. */
		if (next && next->segment == device->segment && next->rid >> 3 == device->rid >> 3)
			device->multifunction = device[1].multifunction = true;
	}
	return rc;
}

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
		if (!device_at(platform, claim->segment, claim->rid))
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

		for (; at && !claim; at = bridge_above(platform, at))
			claim = claim_of(parser, at->segment, at->rid);
		device->unit =
			claim ? (int)claim->unit : include_all_unit(platform, device->segment);
	}
	return 0;
}

static int check_rmrr(struct parser *parser)
{
	const struct platform *platform = parser->platform;
	char bdf[16];

	for (unsigned i = 0; i < platform->rmrr_count; i++) {
		const struct platform_rmrr *rmrr = &platform->rmrr[i];

		for (unsigned j = 0; j < rmrr->count; j++) {
			const struct platform_device *device =
				device_at(platform, rmrr->segment, rmrr->rids[j]);
			unsigned haw = PLATFORM_HAW_DEFAULT;

			if (!device)
				return parser_error(
					parser, rmrr->place,
					"the rmrr names %s, expected a device of this platform",
					pci_format_bdf(bdf, rmrr->segment, rmrr->rids[j], true));
			if (device->unit >= 0)
				haw = platform->unit[device->unit].haw;
			if (rmrr->last >> haw)
				return parser_error(parser, rmrr->place,
						    "the rmrr ends at 0x%" PRIx64
						    ", expected an address of at most %u bits",
						    rmrr->last, haw);
		}
	}
	return 0;
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

int platform_check(struct parser *parser)
{
	struct platform *platform = parser->platform;
	int rc;

	if (platform->device_count)
		qsort(platform->device, platform->device_count, sizeof(*platform->device),
		      device_order);
	rc = check_names(parser);
	if (!rc)
		rc = check_topology(parser);
	if (!rc)
		rc = check_claims(parser);
	if (!rc)
		rc = check_units(parser);
	if (!rc)
		rc = check_rmrr(parser);
	return rc ? rc : check_memory(parser);
}
