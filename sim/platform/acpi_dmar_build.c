// SPDX-License-Identifier: GPL-2.0-only
/*
 * A DMAR table from a platform, as firmware would hand it out.
 *
 * Units in the platform's order, but INCLUDE_ALL last in its segment; a unit's scope is the fewest
 * names that cover what it serves: a bridge stands for all below it. Devices are given by the path
 * from their root bus, since firmware cannot know the bus numbers that the system will assign.
 *
 * The platform knows one thing that a table cannot say: a device below a bridge of another unit.
 *
 * Source: VT-d, "DMA Remapping Reporting Structure" and the sections on each structure.
 */
#include "acpi_dmar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

#define DMAR_REVISION 1
#define INCLUDE_ALL   1u
#define HOPS_MAX      124u /* what a scope's length can say */

static bool is_drhd(const struct platform_unit *unit)
{
	return unit->type == PLATFORM_INTEL;
}

/* The number that a device on a platform bus has in the table: by its place among them. */
static unsigned andd_number(const struct platform *platform, const struct platform_device *device)
{
	unsigned number = 1;

	for (const struct platform_device *at = platform->device; at < device; at++)
		number += platform_is_acpi(at);
	return number;
}

struct scope {
	uint8_t type, flags, id;
	uint16_t segment, rid;
};

static int put_scope(const struct acpi_builder *builder, struct scope scope)
{
	uint16_t path[HOPS_MAX];
	struct platform_device at = {.segment = scope.segment, .rid = scope.rid};
	const struct platform_device *bridge = &at;
	unsigned hops = 0;

	for (; bridge; bridge = platform_bridge_above(builder->platform, bridge)) {
		if (hops == HOPS_MAX)
			return acpi_build_error(builder,
						"a device is below %u bridges, expected fewer",
						HOPS_MAX);
		path[hops++] = bridge->rid;
	}
	acpi_put(builder->buf, scope.type, 1);
	acpi_put(builder->buf, 6 + 2 * hops, 1);
	acpi_put(builder->buf, scope.flags, 2);
	acpi_put(builder->buf, scope.id, 1);
	acpi_put(builder->buf, path[hops - 1] >> 8, 1);
	while (hops--) {
		acpi_put(builder->buf, path[hops] >> 3 & 0x1f, 1);
		acpi_put(builder->buf, path[hops] & 7, 1);
	}
	return 0;
}

static int put_device(const struct acpi_builder *builder, const struct platform_device *device)
{
	struct scope scope = {
		.type = platform_is_bridge(device) ? ACPI_SCOPE_BRIDGE
			: platform_is_acpi(device) ? ACPI_SCOPE_NAMESPACE
						   : ACPI_SCOPE_ENDPOINT,
		.segment = device->segment,
		.rid = device->rid,
	};

	if (scope.type == ACPI_SCOPE_NAMESPACE)
		scope.id = (uint8_t)andd_number(builder->platform, device);
	return put_scope(builder, scope);
}

static int put_rids(const struct acpi_builder *builder, uint16_t segment, const uint16_t *rids,
		    unsigned count)
{
	int rc = 0;

	for (unsigned i = 0; i < count && !rc; i++)
		rc = put_device(builder, platform_device_at(builder->platform, segment, rids[i]));
	return rc;
}

/* Whether the unit's scope must name the device; -EINVAL if that cannot be said. */
static int must_name(const struct acpi_builder *builder, const struct platform_device *device,
		     unsigned n)
{
	const struct platform *platform = builder->platform;
	const struct platform_device *above = platform_bridge_above(platform, device);
	const struct platform_unit *other;
	char bdf[16];

	if (device->unit != (int)n)
		return 0;
	if (platform_is_acpi(device))
		return 1; /* INCLUDE_ALL is about PCI devices only */
	if (above && above->unit == (int)n)
		return 0;
	other = above && above->unit >= 0 ? &platform->unit[above->unit] : NULL;
	if (other && !other->include_all)
		return acpi_build_error(builder,
					"unit %s serves %s, which is below a bridge of unit %s, "
					"expected a bridge and what is below it to share a unit",
					platform->unit[n].name,
					pci_format_bdf(bdf, device->segment, device->rid, true),
					other->name);
	return !platform->unit[n].include_all;
}

static int put_drhd(const struct acpi_builder *builder, unsigned n)
{
	const struct platform *platform = builder->platform;
	const struct platform_unit *unit = &platform->unit[n];
	size_t from = builder->buf->len;
	int rc = 0;

	acpi_put(builder->buf, ACPI_DRHD, 2);
	acpi_put(builder->buf, 0, 2);
	acpi_put(builder->buf, unit->include_all ? INCLUDE_ALL : 0, 1);
	acpi_put(builder->buf, 0, 1); /* one page of registers */
	acpi_put(builder->buf, unit->segment, 2);
	acpi_put(builder->buf, unit->base, 8);
	for (unsigned i = 0; i < unit->special_count && !rc; i++)
		rc = put_scope(builder,
			       (struct scope){.type = unit->special[i].kind == PLATFORM_IOAPIC
							      ? ACPI_SCOPE_IOAPIC
							      : ACPI_SCOPE_HPET,
					      .id = unit->special[i].id,
					      .segment = unit->segment,
					      .rid = unit->special[i].rid});
	for (unsigned i = 0; i < platform->device_count && !rc; i++) {
		rc = must_name(builder, &platform->device[i], n);
		if (rc > 0)
			rc = put_device(builder, &platform->device[i]);
	}
	acpi_patch_len(builder->buf, from + 2, from);
	return rc;
}

static int put_drhds(const struct acpi_builder *builder)
{
	const struct platform *platform = builder->platform;
	int rc = 0;

	for (unsigned all = 0; all < 2; all++)
		for (unsigned i = 0; i < platform->unit_count && !rc; i++)
			if (is_drhd(&platform->unit[i]) && platform->unit[i].include_all == all)
				rc = put_drhd(builder, i);
	return rc;
}

static int put_rmrr(const struct acpi_builder *builder, const struct platform_rmrr *rmrr)
{
	size_t from = builder->buf->len;
	int rc;

	acpi_put(builder->buf, ACPI_RMRR, 2);
	acpi_put(builder->buf, 0, 4);
	acpi_put(builder->buf, rmrr->segment, 2);
	acpi_put(builder->buf, rmrr->first, 8);
	acpi_put(builder->buf, rmrr->last, 8);
	rc = put_rids(builder, rmrr->segment, rmrr->rids, rmrr->count);
	acpi_patch_len(builder->buf, from + 2, from);
	return rc;
}

/* ATSR and SATC have one form. */
static int put_ats(const struct acpi_builder *builder, enum acpi_dmar_type type,
		   const struct platform_ats *ats)
{
	size_t from = builder->buf->len;
	int rc;

	acpi_put(builder->buf, type, 2);
	acpi_put(builder->buf, 0, 2);
	acpi_put(builder->buf, ats->all, 2);
	acpi_put(builder->buf, ats->segment, 2);
	rc = put_rids(builder, ats->segment, ats->rids, ats->count);
	acpi_patch_len(builder->buf, from + 2, from);
	return rc;
}

static void put_rhsa(const struct acpi_builder *builder, const struct platform_unit *unit)
{
	acpi_put(builder->buf, ACPI_RHSA, 2);
	acpi_put(builder->buf, 20, 2);
	acpi_put(builder->buf, 0, 4);
	acpi_put(builder->buf, unit->base, 8);
	acpi_put(builder->buf, unit->proximity, 4);
}

static int put_andd(const struct acpi_builder *builder, const struct platform_device *device)
{
	unsigned number = andd_number(builder->platform, device);
	size_t name = strlen(device->acpi) + 1;
	char bdf[16];

	if (name == 1 || number > UINT8_MAX)
		return acpi_build_error(
			builder, "device %s %s",
			pci_format_bdf(bdf, device->segment, device->rid, true),
			name == 1 ? "is on a platform bus and has no path, expected acpi = "
				    "\"\\\\_SB....\""
				  : "is one too many on a platform bus, expected at most 255");
	acpi_put(builder->buf, ACPI_ANDD, 2);
	acpi_put(builder->buf, 8 + name, 2);
	acpi_put(builder->buf, 0, 3);
	acpi_put(builder->buf, number, 1);
	acpi_put_text(builder->buf, device->acpi, name);
	return 0;
}

/* Structures stand in the order of their types. */
static int put_structs(const struct acpi_builder *builder)
{
	const struct platform *platform = builder->platform;
	int rc = put_drhds(builder);

	for (unsigned i = 0; i < platform->rmrr_count && !rc; i++)
		rc = put_rmrr(builder, &platform->rmrr[i]);
	for (unsigned i = 0; i < platform->atsr_count && !rc; i++)
		rc = put_ats(builder, ACPI_ATSR, &platform->atsr[i]);
	for (unsigned i = 0; i < platform->unit_count && !rc; i++)
		if (is_drhd(&platform->unit[i]) && platform->unit[i].has_proximity)
			put_rhsa(builder, &platform->unit[i]);
	for (unsigned i = 0; i < platform->device_count && !rc; i++) {
		const struct platform_device *device = &platform->device[i];

		if (platform_is_acpi(device) && device->unit >= 0 &&
		    is_drhd(&platform->unit[device->unit]))
			rc = put_andd(builder, device);
	}
	for (unsigned i = 0; i < platform->satc_count && !rc; i++)
		rc = put_ats(builder, ACPI_SATC, &platform->satc[i]);
	return rc;
}

static void put_fixed(const struct acpi_builder *builder, unsigned haw)
{
	acpi_put_header(builder->buf, builder->table, DMAR_REVISION);
	acpi_put(builder->buf, haw - 1, 1);
	acpi_put(builder->buf, builder->platform->intremap ? ACPI_DMAR_INTR_REMAP : 0, 1);
	acpi_put_text(builder->buf, "", 10);
}

/* What was built is read back: addresses may overlap, ids be taken twice. */
static int check_built(const struct acpi_builder *builder)
{
	struct acpi_dmar dmar;
	int rc = acpi_dmar_parse(builder->buf->data, builder->buf->len, &dmar, builder->error,
				 builder->error_len);

	acpi_dmar_fini(&dmar);
	return rc;
}

int acpi_dmar_build(const struct platform *platform, struct acpi_buf *buf, char *error,
		    size_t error_len)
{
	struct acpi_builder builder = {"DMAR", platform, buf, error, error_len};
	unsigned haw = 0;
	int rc;

	*buf = (struct acpi_buf){0};
	for (unsigned i = 0; i < platform->unit_count; i++)
		if (is_drhd(&platform->unit[i]) && platform->unit[i].haw > haw)
			haw = platform->unit[i].haw;
	if (!haw) {
		acpi_build_error(&builder, "no VT-d unit, expected at least one");
		return -ENOENT;
	}
	put_fixed(&builder, haw);
	rc = put_structs(&builder);
	if (!rc)
		rc = acpi_build_finish(&builder);
	if (!rc)
		rc = check_built(&builder);
	if (rc)
		acpi_buf_fini(buf);
	return rc;
}
