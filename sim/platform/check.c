// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no key can tell alone of the devices: places taken twice, bus ranges, the bridges on the
 * way.
 *
 * Devices on a platform bus have ids on the bus and no place in the tree: no bridge leads to them,
 * and they are no function of a slot.
 */
#include "parse.h"

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

struct platform_device *platform_device_at(const struct platform *platform, uint16_t segment,
					   uint16_t rid)
{
	for (unsigned i = 0; i < platform->device_count; i++)
		if (platform->device[i].segment == segment && platform->device[i].rid == rid)
			return &platform->device[i];
	return NULL;
}

const struct platform_device *platform_bridge_above(const struct platform *platform,
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
	return 0;
}

static int check_bridge(struct parser *parser, const struct platform_device *bridge)
{
	const struct platform *platform = parser->platform;
	const struct platform_device *above = platform_bridge_above(platform, bridge);

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

	if (platform_is_acpi(device) || platform_bridge_above(platform, device))
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
		if (platform_is_acpi(device) && platform_bridge_above(platform, device))
			return parser_error(parser, device->place,
					    "a device on a platform bus has an id of bus %02x, "
					    "which is below a bridge, expected a root bus",
					    rid_bus(device->rid));
		if (!device->typed && device->type == PCI_ENDPOINT &&
		    !platform_bridge_above(platform, device))
			device->type = PCI_RC_ENDPOINT;
		/* Two functions in one slot: both are parts of a multifunction device. */
		if (next && next->segment == device->segment &&
		    next->rid >> 3 == device->rid >> 3 && !platform_is_acpi(device) &&
		    !platform_is_acpi(next))
			device->multifunction = device[1].multifunction = true;
	}
	return rc;
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
		rc = emulated_check(parser);
	return rc ? rc : platform_check_firmware(parser);
}
