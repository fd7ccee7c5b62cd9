// SPDX-License-Identifier: GPL-2.0-only
/*
 * Platform text from an IVRS table.
 *
 * A table gives ids to units, most of them in ranges that no device uses; a platform lists devices.
 * Those of the known platform are looked up in the ranges. Without one, the devices are those that
 * entries name one by one, or in a range within one slot.
 *
 * The unit that serves what nothing names (include-all) is the one with the most ids that belong to
 * no device: a platform's own table gives such ids to that unit alone.
 *
 * Only blocks of the highest type count, as for Linux. What has no key is kept as a comment.
 */
#include "acpi_ivrs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

#define IDS        65536u
#define SLOT       8u    /* a range of more ids names no devices */
#define KEPT_FLAGS 0x2fu /* those that no other key says */

/* A value for each id, -1: none; the first to be filled in stays. */
struct ids {
	int32_t value[IDS];
	uint32_t next[IDS + 1]; /* an id at or behind this one that may be free */
};

struct ivrs_text {
	struct acpi_text text;
	const struct acpi_ivrs *ivrs;
	struct ids *owner; /* of the ids of `segment`: index of a block */
	struct ids *alias; /* of the unit at hand */
	int segment;       /* -1: none yet */
	int rest;          /* index of the block that serves the rest of the segment, -1 */
};

static void ids_init(struct ids *ids)
{
	for (unsigned i = 0; i < IDS; i++)
		ids->value[i] = -1;
	for (unsigned i = 0; i <= IDS; i++)
		ids->next[i] = i;
}

static unsigned ids_free_from(struct ids *ids, unsigned id)
{
	while (ids->next[id] != id) {
		ids->next[id] = ids->next[ids->next[id]];
		id = ids->next[id];
	}
	return id;
}

static void ids_fill(struct ids *ids, unsigned first, unsigned last, int32_t value)
{
	for (unsigned id = ids_free_from(ids, first); id <= last; id = ids_free_from(ids, id)) {
		ids->value[id] = value;
		ids->next[id] = id + 1;
	}
}

static bool counts(const struct ivrs_text *to, unsigned block)
{
	return to->ivrs->ivhd[block].type == to->ivrs->ivhd_type;
}

/* ---- the devices that a table names ---- */

static bool is_unit(const struct ivrs_text *to, uint16_t segment, uint16_t rid)
{
	for (unsigned i = 0; i < to->ivrs->ivhd_count; i++)
		if (counts(to, i) && to->ivrs->ivhd[i].segment == segment &&
		    to->ivrs->ivhd[i].devid == rid)
			return true;
	return false;
}

static int name_ids(struct ivrs_text *to, uint16_t segment, unsigned first, unsigned last)
{
	if (last - first >= SLOT)
		return 0;
	for (unsigned id = first; id <= last; id++)
		if (!is_unit(to, segment, (uint16_t)id) &&
		    !acpi_text_device(&to->text, segment, (uint16_t)id))
			return acpi_no_memory(&to->text.reader);
	return 0;
}

static bool uid_text(const struct acpi_ivhd_entry *entry, char *uid, size_t size)
{
	char text[256];

	*uid = '\0';
	if (!entry->uid_format)
		return true;
	if (entry->uid_format == 1)
		snprintf(text, sizeof(text), "%" PRIu64, acpi_get64(entry->uid));
	else
		snprintf(text, sizeof(text), "%.*s", entry->uid_len, (const char *)entry->uid);
	if (!acpi_text_is_name(text, size))
		return false;
	strcpy(uid, text);
	return true;
}

static int name_hid(struct ivrs_text *to, uint16_t segment, const struct acpi_ivhd_entry *entry)
{
	struct platform_device *device = acpi_text_device(&to->text, segment, entry->first);

	if (!device)
		return acpi_no_memory(&to->text.reader);
	strcpy(device->hid, entry->hid);
	if (acpi_text_is_name(entry->hid, sizeof(device->hid)) &&
	    uid_text(entry, device->uid, sizeof(device->uid)))
		return 0;
	return acpi_error(&to->text.reader, entry->offset + 4,
			  "a hardware or unique id has a blank, or is too long, expected at most 8 "
			  "characters");
}

static int name_devices(struct ivrs_text *to)
{
	const struct acpi_ivrs *ivrs = to->ivrs;
	int rc = 0;

	for (unsigned i = 0; i < ivrs->ivhd_count; i++) {
		const struct acpi_ivhd *ivhd = &ivrs->ivhd[i];

		for (unsigned j = 0; j < ivhd->entry_count && counts(to, i) && !rc; j++) {
			const struct acpi_ivhd_entry *entry = &ivrs->entry[ivhd->entry + j];

			if (entry->type == ACPI_IVHD_HID)
				rc = name_hid(to, ivhd->segment, entry);
			else if (acpi_ivhd_has_ids(entry))
				rc = name_ids(to, ivhd->segment, entry->first, entry->last);
		}
	}
	for (unsigned i = 0; i < ivrs->ivmd_count && !rc; i++)
		rc = name_ids(to, ivrs->ivmd[i].segment, ivrs->ivmd[i].first_id,
			      ivrs->ivmd[i].last_id);
	acpi_text_sort(&to->text);
	return rc;
}

/* ---- which unit has which id ---- */

/* Ids that belong to a device, or may come to: those of buses that the known platform uses. */
static void mark_used(const struct ivrs_text *to, struct ids *used)
{
	ids_init(used);
	for (unsigned i = acpi_text_from(&to->text, (uint16_t)to->segment, 0);
	     i < to->text.device_count && to->text.device[i].segment == to->segment; i++) {
		const struct platform_device *device = &to->text.device[i];
		unsigned bus = device->rid & 0xff00u;

		if (to->text.known)
			ids_fill(used, bus, bus | 0xff, 1);
		else
			ids_fill(used, device->rid, device->rid, 1);
		if (platform_is_bridge(device))
			ids_fill(used, PCI_RID(device->secondary_bus, 0),
				 PCI_RID(device->subordinate_bus, 0xff), 1);
	}
}

static int find_rest(struct ivrs_text *to)
{
	unsigned *count = calloc(to->ivrs->ivhd_count + 1u, sizeof(*count));

	if (!count)
		return acpi_no_memory(&to->text.reader);
	mark_used(to, to->alias);
	for (unsigned id = 0; id < IDS; id++)
		if (to->owner->value[id] >= 0 && to->alias->value[id] < 0)
			count[to->owner->value[id]]++;
	to->rest = -1;
	for (unsigned i = 0; i < to->ivrs->ivhd_count; i++)
		if (count[i] && (to->rest < 0 || count[i] > count[to->rest]))
			to->rest = (int)i;
	free(count);
	return 0;
}

/* Fill `owner` for a segment, unless it is there already. */
static int find_owners(struct ivrs_text *to, uint16_t segment)
{
	const struct acpi_ivrs *ivrs = to->ivrs;

	if (to->segment == segment)
		return 0;
	to->segment = segment;
	ids_init(to->owner);
	for (unsigned i = 0; i < ivrs->ivhd_count; i++) {
		const struct acpi_ivhd *ivhd = &ivrs->ivhd[i];

		for (unsigned j = 0; j < ivhd->entry_count; j++) {
			const struct acpi_ivhd_entry *entry = &ivrs->entry[ivhd->entry + j];

			if (counts(to, i) && ivhd->segment == segment && acpi_ivhd_has_ids(entry))
				ids_fill(to->owner, entry->first, entry->last, (int32_t)i);
		}
	}
	return find_rest(to);
}

/* Whose it would be if no scope named it. */
static int inherited_owner(const struct ivrs_text *to, const struct platform_device *device)
{
	const struct platform_device *above =
		to->text.known ? platform_bridge_above(to->text.known, device) : NULL;

	return above ? to->owner->value[above->rid] : to->rest;
}

static int text_scope(const struct ivrs_text *to, unsigned block)
{
	uint16_t segment = to->ivrs->ivhd[block].segment, *rids;
	unsigned count = 0, at = acpi_text_from(&to->text, segment, 0);

	rids = calloc(to->text.device_count - at + 1, sizeof(*rids));
	if (!rids)
		return acpi_no_memory(&to->text.reader);
	for (; at < to->text.device_count && to->text.device[at].segment == segment; at++) {
		const struct platform_device *device = &to->text.device[at];

		if (to->owner->value[device->rid] == (int)block &&
		    inherited_owner(to, device) != (int)block)
			rids[count++] = device->rid;
	}
	if (count)
		acpi_text_rids(to->text.out, "scope", segment, rids, count);
	free(rids);
	return 0;
}

/* ---- units ---- */

static uint64_t expand_efr(const struct acpi_ivhd *ivhd)
{
	uint64_t efr =
		(ivhd->flags & ACPI_IVHD_PREFETCH ? 1 : 0) | (ivhd->flags & ACPI_IVHD_PPR ? 2 : 0);

	for (unsigned i = 0; i < acpi_efr_field_count; i++)
		efr |= SIO_FIELD_PREP(acpi_efr_fields[i].efr,
				      SIO_FIELD_GET(acpi_efr_fields[i].condensed,
						    ivhd->attributes));
	return efr;
}

static const struct platform_unit *known_unit(const struct ivrs_text *to,
					      const struct acpi_ivhd *ivhd)
{
	const struct platform *known = to->text.known;

	for (unsigned i = 0; known && i < known->unit_count; i++)
		if (known->unit[i].type == PLATFORM_AMD &&
		    known->unit[i].segment == ivhd->segment && known->unit[i].devid == ivhd->devid)
			return &known->unit[i];
	return NULL;
}

static void text_features(FILE *out, const struct acpi_ivhd *ivhd,
			  const struct platform_unit *known)
{
	bool condensed = ivhd->type == 0x10;

	acpi_text_number(out, "efr",
			 !condensed ? ivhd->efr
			 : known    ? known->efr
				    : expand_efr(ivhd));
	if (condensed ? known && known->efr2 : ivhd->efr2)
		acpi_text_number(out, "efr2", condensed ? known->efr2 : ivhd->efr2);
	if (known)
		acpi_text_number(out, "ivhd-cap", known->ivhd_cap);
	else
		fprintf(out, " device-iotlb = %s;",
			ivhd->flags & ACPI_IVHD_IOTLB ? "true" : "false");
	fprintf(out, " ivhd-type = 0x%02x; ivhd-flags = 0x%x;",
		known ? known->ivhd_type : ivhd->type, ivhd->flags & KEPT_FLAGS);
}

/* The last entry that gives an id an alias counts. */
static void text_aliases(const struct ivrs_text *to, const struct acpi_ivhd *ivhd)
{
	FILE *out = to->text.out;
	char bdf[2][16];
	bool any = false;

	ids_init(to->alias);
	for (unsigned j = ivhd->entry_count; j-- > 0;) {
		const struct acpi_ivhd_entry *entry = &to->ivrs->entry[ivhd->entry + j];

		if (acpi_ivhd_is_alias(entry))
			ids_fill(to->alias, entry->first, entry->last, entry->alias);
	}
	for (unsigned i = acpi_text_from(&to->text, ivhd->segment, 0);
	     i < to->text.device_count && to->text.device[i].segment == ivhd->segment; i++) {
		uint16_t rid = to->text.device[i].rid;

		if (to->alias->value[rid] < 0)
			continue;
		fprintf(out, "%s\n      { device = \"%s\"; alias = \"%s\"; }",
			any ? "," : "\n    aliases = (",
			pci_format_bdf(bdf[0], ivhd->segment, rid, ivhd->segment != 0),
			pci_format_bdf(bdf[1], ivhd->segment, (uint16_t)to->alias->value[rid],
				       ivhd->segment != 0));
		any = true;
	}
	if (any)
		fprintf(out, " );");
}

static int text_specials(const struct ivrs_text *to, const struct acpi_ivhd *ivhd)
{
	struct platform_special *special = calloc(ivhd->entry_count + 1u, sizeof(*special));
	unsigned count = 0;

	if (!special)
		return acpi_no_memory(&to->text.reader);
	for (unsigned j = 0; j < ivhd->entry_count; j++) {
		const struct acpi_ivhd_entry *entry = &to->ivrs->entry[ivhd->entry + j];

		if (entry->type == ACPI_IVHD_SPECIAL)
			special[count++] = (struct platform_special){
				.kind = entry->variety == ACPI_SPECIAL_IOAPIC ? PLATFORM_IOAPIC
									      : PLATFORM_HPET,
				.id = entry->handle,
				.rid = entry->first,
			};
	}
	acpi_text_special(to->text.out, ivhd->segment, special, count);
	free(special);
	return 0;
}

static int text_ivhd(struct ivrs_text *to, unsigned block)
{
	const struct acpi_ivhd *ivhd = &to->ivrs->ivhd[block];
	const struct platform_unit *known = known_unit(to, ivhd);
	FILE *out = to->text.out;
	int rc = find_owners(to, ivhd->segment);

	if (rc)
		return rc;
	fprintf(out, "\n  { type = \"amd\";");
	if (known) {
		acpi_text_string(out, "name", known->name);
		fprintf(out, " haw = %u;", known->haw);
		if (known->has_proximity)
			fprintf(out, " proximity = %u;", known->proximity);
	}
	if (ivhd->segment)
		fprintf(out, " segment = %u;", ivhd->segment);
	acpi_text_bdf(out, "devid", ivhd->segment, ivhd->devid);
	acpi_text_number(out, "base", ivhd->base);
	if (to->rest == (int)block)
		fprintf(out, " include-all = true;");
	fprintf(out, "\n   ");
	text_features(out, ivhd, known);
	rc = text_scope(to, block);
	text_aliases(to, ivhd);
	if (!rc)
		rc = text_specials(to, ivhd);
	fprintf(out, " }");
	return rc;
}

static int text_units(struct ivrs_text *to)
{
	bool any = false;
	int rc = 0;

	fprintf(to->text.out, "units = (");
	for (unsigned i = 0; i < to->ivrs->ivhd_count && !rc; i++) {
		if (!counts(to, i))
			continue;
		fprintf(to->text.out, "%s", any ? "," : "");
		any = true;
		rc = text_ivhd(to, i);
	}
	fprintf(to->text.out, "\n);\n");
	return rc;
}

/* ---- memory ---- */

static bool same_memory(const struct acpi_ivmd *a, const struct acpi_ivmd *b)
{
	return !a->all && !b->all && a->segment == b->segment && a->start == b->start &&
	       a->len == b->len && a->flags == b->flags;
}

/* The devices of `count` blocks with one memory range. */
static uint16_t *ivmd_rids(const struct ivrs_text *to, const struct acpi_ivmd *ivmd, unsigned count,
			   unsigned *found)
{
	uint16_t *rids = calloc(to->text.device_count + 1u, sizeof(*rids));

	*found = 0;
	for (unsigned i = 0; rids && i < to->text.device_count; i++) {
		const struct platform_device *device = &to->text.device[i];
		bool in = false;

		for (unsigned j = 0; j < count && !in; j++)
			in = device->segment == ivmd[j].segment &&
			     ivmd[j].first_id <= device->rid && device->rid <= ivmd[j].last_id;
		if (in)
			rids[(*found)++] = device->rid;
	}
	return rids;
}

/* Linux rounds to whole pages, and takes an exclusion range for a mapping with both rights. */
static void text_ivmd(const struct ivrs_text *to, const struct acpi_ivmd *ivmd,
		      const uint16_t *rids, unsigned count)
{
	bool excluded = ivmd->flags & ACPI_IVMD_EXCL;
	FILE *out = to->text.out;

	fprintf(out, "\n  {");
	acpi_text_number(out, "first", sio_align_down(ivmd->start, SIO_PAGE_SIZE));
	acpi_text_number(out, "last", (ivmd->start + (ivmd->len - 1)) | (SIO_PAGE_SIZE - 1));
	if (ivmd->segment)
		fprintf(out, " segment = %u;", ivmd->segment);
	if (excluded)
		fprintf(out, " exclusion = true;");
	if (!excluded || ivmd->flags & (ACPI_IVMD_IR | ACPI_IVMD_IW))
		fprintf(out, " read = %s; write = %s;",
			ivmd->flags & ACPI_IVMD_IR ? "true" : "false",
			ivmd->flags & ACPI_IVMD_IW ? "true" : "false");
	if (count)
		acpi_text_rids(out, "devices", ivmd->segment, rids, count);
	fprintf(out, " }");
}

/* A block that asks for nothing: neither rights nor exclusion. */
static bool is_idle(const struct acpi_ivmd *ivmd)
{
	unsigned rights = ivmd->flags & (ACPI_IVMD_IR | ACPI_IVMD_IW);

	return !(ivmd->flags & ACPI_IVMD_EXCL) && (!(ivmd->flags & ACPI_IVMD_UNITY) || !rights);
}

static int text_ivmds(const struct ivrs_text *to)
{
	const struct acpi_ivrs *ivrs = to->ivrs;
	bool any = false;

	for (unsigned i = 0, run; i < ivrs->ivmd_count; i += run) {
		const struct acpi_ivmd *ivmd = &ivrs->ivmd[i];
		unsigned count;
		uint16_t *rids;

		for (run = 1; i + run < ivrs->ivmd_count && same_memory(ivmd, ivmd + run);)
			run++;
		rids = ivmd_rids(to, ivmd, ivmd->all ? 0 : run, &count);
		if (!rids)
			return acpi_no_memory(&to->text.reader);
		if ((ivmd->all || count) && !is_idle(ivmd)) {
			fprintf(to->text.out, "%s", any ? "," : "ivmd = (");
			any = true;
			text_ivmd(to, ivmd, rids, count);
		}
		free(rids);
	}
	if (any)
		fprintf(to->text.out, "\n);\n");
	return 0;
}

/* ---- the whole ---- */

static void text_comments(const struct ivrs_text *to)
{
	const struct acpi_ivrs *ivrs = to->ivrs;
	FILE *out = to->text.out;

	for (unsigned i = 0; i < ivrs->ivhd_count; i++)
		if (!counts(to, i))
			fprintf(out,
				"# offset 0x%" PRIx32 ": an IVHD of type 0x%02x gives way to those "
				"of type 0x%02x\n",
				ivrs->ivhd[i].offset, ivrs->ivhd[i].type, ivrs->ivhd_type);
	for (unsigned i = 0; i < ivrs->entry_count; i++) {
		const struct acpi_ivhd_entry *entry = &ivrs->entry[i];

		if (acpi_ivhd_is_alias(entry) && entry->last - entry->first >= (int)SLOT)
			fprintf(out,
				"# offset 0x%" PRIx32 ": ids 0x%04x to 0x%04x use the id 0x%04x\n",
				entry->offset, entry->first, entry->last, entry->alias);
	}
	for (unsigned i = 0; i < ivrs->ivmd_count; i++) {
		const struct acpi_ivmd *ivmd = &ivrs->ivmd[i];

		if (is_idle(ivmd) || (!ivmd->all && ivmd->last_id - ivmd->first_id >= (int)SLOT))
			fprintf(out,
				"# offset 0x%" PRIx32 ": memory 0x%" PRIx64 ", 0x%" PRIx64
				" bytes, for ids 0x%04x to 0x%04x, flags 0x%02x\n",
				ivmd->offset, ivmd->start, ivmd->len, ivmd->first_id, ivmd->last_id,
				ivmd->flags);
	}
}

static int write_text(struct ivrs_text *to)
{
	int rc;

	to->owner = malloc(sizeof(*to->owner));
	to->alias = malloc(sizeof(*to->alias));
	if (!to->owner || !to->alias)
		return acpi_no_memory(&to->text.reader);
	rc = to->text.known ? 0 : name_devices(to);
	if (rc)
		return rc;
	acpi_text_machine(&to->text, 52, !to->text.known || to->text.known->intremap);
	text_comments(to);
	rc = text_units(to);
	if (rc)
		return rc;
	acpi_text_devices(&to->text);
	return text_ivmds(to);
}

int acpi_ivrs_text(const struct acpi_ivrs *ivrs, const struct platform *known, char **text,
		   char *error, size_t error_len)
{
	struct ivrs_text to = {
		.text = {.text = text, .known = known, .reader = {.table = "IVRS"}},
		.ivrs = ivrs,
		.segment = -1,
	};
	int rc;

	to.text.reader.error = error;
	to.text.reader.error_len = error_len;
	rc = acpi_text_open(&to.text);
	if (!rc)
		rc = write_text(&to);
	rc = acpi_text_close(&to.text, rc);
	free(to.owner);
	free(to.alias);
	return rc;
}
