// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IVRS table from a platform, as firmware would hand it out.
 *
 * A unit's ids are given as ranges of what it serves, with every id of the buses below its bridges:
 * the system may find more devices there. What INCLUDE_ALL is to a DMAR is here the ids that no
 * other unit has, or the entry for all devices where there is no other unit.
 *
 * Source: AMD I/O Virtualization Technology, "I/O Virtualization ACPI Table", "IVHD Device
 * Entries", "I/O Virtualization Memory Definition Block".
 */
#include "acpi_ivrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

#define IVRS_REVISION 2 /* blocks of type 0x11 and 0x40 may follow */
#define INFO_EFR      1u
#define IDS           65536u
#define CAP_IOTLB     (UINT32_C(1) << 24)
#define CAP_OFFSET    0x40 /* of the unit's capability in its configuration space */

/* GT to PASmax, as "IVHD IOMMU Feature Reporting Field" has them. */
const struct acpi_efr_field acpi_efr_fields[] = {
	{SIO_BIT(2), 1u << 0},                 /* XTSup */
	{SIO_BIT(3), 1u << 1},                 /* NXSup */
	{SIO_BIT(4), 1u << 2},                 /* GTSup */
	{SIO_MASK(15, 14), 3u << 3},           /* GLXSup */
	{SIO_BIT(6), 1u << 5},                 /* IASup */
	{SIO_BIT(7), 1u << 6},                 /* GASup */
	{SIO_BIT(8), 1u << 7},                 /* HESup */
	{SIO_MASK(36, 32), 0x1fu << 8},        /* PASmax */
	{SIO_MASK(13, 12), UINT32_C(3) << 28}, /* GATS */
	{SIO_MASK(11, 10), UINT32_C(3) << 30}, /* HATS */
};
const unsigned acpi_efr_field_count = SIO_ARRAY_SIZE(acpi_efr_fields);

struct ivrs_builder {
	struct acpi_builder base;
	uint8_t type;   /* of all hardware blocks */
	int16_t *owner; /* of each id of a segment: index of a unit, -1 */
};

/* ---- who has which id ---- */

static int include_all_unit(const struct platform *platform, uint16_t segment)
{
	for (unsigned i = 0; i < platform->unit_count; i++)
		if (platform->unit[i].include_all && platform->unit[i].segment == segment)
			return (int)i;
	return -1;
}

/* Devices are in order, so an inner bridge overwrites what an outer one said of its buses. */
static void find_owners(const struct ivrs_builder *builder, uint16_t segment)
{
	const struct platform *platform = builder->base.platform;
	int16_t rest = (int16_t)include_all_unit(platform, segment);

	for (unsigned id = 0; id < IDS; id++)
		builder->owner[id] = rest;
	for (unsigned i = 0; i < platform->device_count; i++) {
		const struct platform_device *device = &platform->device[i];

		if (device->segment != segment || !platform_is_bridge(device))
			continue;
		for (unsigned id = PCI_RID(device->secondary_bus, 0);
		     id < (device->subordinate_bus + 1u) << 8; id++)
			builder->owner[id] = (int16_t)device->unit;
	}
	for (unsigned i = 0; i < platform->device_count; i++)
		if (platform->device[i].segment == segment)
			builder->owner[platform->device[i].rid] = (int16_t)platform->device[i].unit;
}

/* ---- device entries ---- */

static void put_entry4(const struct ivrs_builder *builder, uint8_t type, unsigned id)
{
	acpi_put(builder->base.buf, type, 1);
	acpi_put(builder->base.buf, id, 2);
	acpi_put(builder->base.buf, 0, 1);
}

static void put_ids(const struct ivrs_builder *builder, unsigned n)
{
	for (unsigned id = 0; id < IDS; id++) {
		unsigned last = id;

		if (builder->owner[id] != (int)n)
			continue;
		while (last + 1 < IDS && builder->owner[last + 1] == (int)n)
			last++;
		if (last == IDS - 1 && !id) {
			put_entry4(builder, ACPI_IVHD_ALL, 0);
		} else if (last == id) {
			put_entry4(builder, ACPI_IVHD_SELECT, id);
		} else {
			put_entry4(builder, ACPI_IVHD_RANGE, id);
			put_entry4(builder, ACPI_IVHD_RANGE_END, last);
		}
		id = last;
	}
}

static int alias_order(const void *left, const void *right)
{
	const struct platform_alias *a = left, *b = right;

	return a->rid < b->rid ? -1 : a->rid > b->rid;
}

static void put_alias(const struct ivrs_builder *builder, uint8_t type,
		      const struct platform_alias *alias)
{
	put_entry4(builder, type, alias->rid);
	acpi_put(builder->base.buf, 0, 1);
	acpi_put(builder->base.buf, alias->alias, 2);
	acpi_put(builder->base.buf, 0, 1);
}

/* Neighbours that share an alias become a range. */
static void put_aliases(const struct ivrs_builder *builder, const struct platform_unit *unit)
{
	struct platform_alias *alias = calloc(unit->alias_count + 1u, sizeof(*alias));

	if (!alias) {
		builder->base.buf->error = -ENOMEM;
		return;
	}
	if (unit->alias_count)
		memcpy(alias, unit->alias, unit->alias_count * sizeof(*alias));
	qsort(alias, unit->alias_count, sizeof(*alias), alias_order);
	for (unsigned i = 0; i < unit->alias_count; i++) {
		unsigned last = i;

		while (last + 1 < unit->alias_count && alias[last + 1].alias == alias[i].alias &&
		       alias[last + 1].rid == alias[last].rid + 1)
			last++;
		put_alias(builder, last > i ? ACPI_IVHD_ALIAS_RANGE : ACPI_IVHD_ALIAS, &alias[i]);
		if (last > i)
			put_entry4(builder, ACPI_IVHD_RANGE_END, alias[last].rid);
		i = last;
	}
	free(alias);
}

static void put_specials(const struct ivrs_builder *builder, const struct platform_unit *unit)
{
	for (unsigned i = 0; i < unit->special_count; i++) {
		const struct platform_special *special = &unit->special[i];

		put_entry4(builder, ACPI_IVHD_SPECIAL, 0);
		acpi_put(builder->base.buf, special->id, 1);
		acpi_put(builder->base.buf, special->rid, 2);
		acpi_put(builder->base.buf,
			 special->kind == PLATFORM_IOAPIC ? ACPI_SPECIAL_IOAPIC : ACPI_SPECIAL_HPET,
			 1);
	}
}

/* Devices on a platform bus have an id and a hardware id; only the newest blocks can say so. */
static int put_hids(const struct ivrs_builder *builder, unsigned n)
{
	const struct platform *platform = builder->base.platform;
	char bdf[16];

	for (unsigned i = 0; i < platform->device_count; i++) {
		const struct platform_device *device = &platform->device[i];
		size_t uid = strlen(device->uid);

		if (device->unit != (int)n || !platform_is_acpi(device))
			continue;
		if (!*device->hid || builder->type != 0x40)
			return acpi_build_error(
				&builder->base, "device %s is on a platform bus, expected %s",
				pci_format_bdf(bdf, device->segment, device->rid, true),
				*device->hid ? "ivhd-type = 0x40 for its unit" : "a hid");
		put_entry4(builder, ACPI_IVHD_HID, device->rid);
		acpi_put_text(builder->base.buf, device->hid, 8);
		acpi_put(builder->base.buf, 0, 8);
		acpi_put(builder->base.buf, uid ? 2 : 0, 1);
		acpi_put(builder->base.buf, uid, 1);
		acpi_put_text(builder->base.buf, device->uid, uid);
	}
	return 0;
}

/* ---- blocks ---- */

static uint32_t condense_efr(uint64_t efr)
{
	uint32_t condensed = 0;

	for (unsigned i = 0; i < acpi_efr_field_count; i++)
		condensed |= (uint32_t)SIO_FIELD_PREP(acpi_efr_fields[i].condensed,
						      SIO_FIELD_GET(acpi_efr_fields[i].efr, efr));
	return condensed;
}

static uint8_t ivhd_flags(const struct platform_unit *unit, uint8_t type)
{
	unsigned flags = unit->ivhd_flags | (unit->ivhd_cap & CAP_IOTLB ? ACPI_IVHD_IOTLB : 0);

	if (type == 0x10)
		flags |= (unit->efr & 1 ? ACPI_IVHD_PREFETCH : 0) |
			 (unit->efr & 2 ? ACPI_IVHD_PPR : 0);
	return (uint8_t)flags;
}

static int put_ivhd(const struct ivrs_builder *builder, unsigned n)
{
	const struct platform_unit *unit = &builder->base.platform->unit[n];
	struct acpi_buf *buf = builder->base.buf;
	size_t from = buf->len;
	int rc;

	acpi_put(buf, builder->type, 1);
	acpi_put(buf, ivhd_flags(unit, builder->type), 1);
	acpi_put(buf, 0, 2);
	acpi_put(buf, unit->devid, 2);
	acpi_put(buf, CAP_OFFSET, 2);
	acpi_put(buf, unit->base, 8);
	acpi_put(buf, unit->segment, 2);
	acpi_put(buf, 0, 2);
	acpi_put(buf, builder->type == 0x10 ? condense_efr(unit->efr) : 0, 4);
	if (builder->type != 0x10) {
		acpi_put(buf, unit->efr, 8);
		acpi_put(buf, unit->efr2, 8);
	}
	find_owners(builder, unit->segment);
	put_ids(builder, n);
	put_aliases(builder, unit);
	rc = put_hids(builder, n);
	put_specials(builder, unit);
	acpi_patch_len(buf, from + 2, from);
	return rc;
}

static void put_ivmd(const struct ivrs_builder *builder, const struct platform_ivmd *ivmd,
		     unsigned first, unsigned last)
{
	struct acpi_buf *buf = builder->base.buf;

	acpi_put(buf, !ivmd->count ? 0x20 : first == last ? 0x21 : 0x22, 1);
	acpi_put(buf,
		 (ivmd->exclusion ? ACPI_IVMD_EXCL : ACPI_IVMD_UNITY) |
			 (ivmd->read ? ACPI_IVMD_IR : 0) | (ivmd->write ? ACPI_IVMD_IW : 0),
		 1);
	acpi_put(buf, 32, 2);
	acpi_put(buf, first, 2);
	acpi_put(buf, first == last ? 0 : last, 2);
	acpi_put(buf, ivmd->segment, 8);
	acpi_put(buf, ivmd->first, 8);
	acpi_put(buf, ivmd->last - ivmd->first + 1, 8);
}

/* Neighbours, in the order in which they are listed, become a range. */
static void put_ivmds(const struct ivrs_builder *builder, const struct platform_ivmd *ivmd)
{
	if (!ivmd->count)
		put_ivmd(builder, ivmd, 0, 0);
	for (unsigned i = 0; i < ivmd->count; i++) {
		unsigned last = i;

		while (last + 1 < ivmd->count && ivmd->rids[last + 1] == ivmd->rids[last] + 1)
			last++;
		put_ivmd(builder, ivmd, ivmd->rids[i], ivmd->rids[last]);
		i = last;
	}
}

static int put_blocks(const struct ivrs_builder *builder)
{
	const struct platform *platform = builder->base.platform;
	int rc = 0;

	for (unsigned i = 0; i < platform->unit_count && !rc; i++)
		if (platform->unit[i].type == PLATFORM_AMD)
			rc = put_ivhd(builder, i);
	for (unsigned i = 0; i < platform->ivmd_count && !rc; i++)
		put_ivmds(builder, &platform->ivmd[i]);
	return rc;
}

static void put_fixed(const struct ivrs_builder *builder)
{
	acpi_put_header(builder->base.buf, builder->base.table, IVRS_REVISION);
	acpi_put(builder->base.buf, INFO_EFR, 4);
	acpi_put(builder->base.buf, 0, 8);
}

/*
 * Systems look at the blocks of the highest type alone, so the unit with the newest decides for
 * all. 0: no unit of ours.
 */
static uint8_t highest_type(const struct platform *platform)
{
	uint8_t type = 0;

	for (unsigned i = 0; i < platform->unit_count; i++)
		if (platform->unit[i].type == PLATFORM_AMD && platform->unit[i].ivhd_type > type)
			type = platform->unit[i].ivhd_type;
	return type;
}

/* What was built is read back: addresses may be taken twice, ids repeated. */
static int check_built(const struct ivrs_builder *builder)
{
	struct acpi_ivrs ivrs;
	int rc = acpi_ivrs_parse(builder->base.buf->data, builder->base.buf->len, &ivrs,
				 builder->base.error, builder->base.error_len);

	acpi_ivrs_fini(&ivrs);
	return rc;
}

int acpi_ivrs_build(const struct platform *platform, struct acpi_buf *buf, char *error,
		    size_t error_len)
{
	struct ivrs_builder builder = {
		.base = {"IVRS", platform, buf, error, error_len},
		.type = highest_type(platform),
	};
	int rc = 0;

	*buf = (struct acpi_buf){0};
	if (!builder.type) {
		acpi_build_error(&builder.base, "no AMD-Vi unit, expected at least one");
		return -ENOENT;
	}
	builder.owner = calloc(IDS, sizeof(*builder.owner));
	if (!builder.owner)
		buf->error = -ENOMEM;
	else
		put_fixed(&builder);
	if (builder.owner)
		rc = put_blocks(&builder);
	free(builder.owner);
	if (!rc)
		rc = acpi_build_finish(&builder.base);
	if (!rc)
		rc = check_built(&builder);
	if (rc)
		acpi_buf_fini(buf);
	return rc;
}
