// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the blocks of an IVRS table say together.
 *
 * A device id belongs to one unit: among blocks of one type, which all describe the same machine,
 * no two units may name it. Within a unit a later entry overrides an earlier one (firmware gives a
 * range its settings and part of it an alias), but the same ids twice in the same kind of entry are
 * an error.
 *
 * Source: AMD I/O Virtualization Technology, "IVHD Device Entries".
 */
#include "acpi_ivrs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define IVHD_MAX 1024u

struct span {
	const struct acpi_ivhd *ivhd;
	const struct acpi_ivhd_entry *entry;
};

static int span_order(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	if (a->ivhd->type != b->ivhd->type)
		return a->ivhd->type < b->ivhd->type ? -1 : 1;
	if (a->ivhd->segment != b->ivhd->segment)
		return a->ivhd->segment < b->ivhd->segment ? -1 : 1;
	if (a->entry->first != b->entry->first)
		return a->entry->first < b->entry->first ? -1 : 1;
	if (a->entry->last != b->entry->last)
		return a->entry->last < b->entry->last ? -1 : 1;
	if (acpi_ivhd_is_alias(a->entry) != acpi_ivhd_is_alias(b->entry))
		return acpi_ivhd_is_alias(a->entry) ? 1 : -1;
	if (a->entry->type != b->entry->type)
		return a->entry->type < b->entry->type ? -1 : 1;
	return a->entry->offset < b->entry->offset ? -1 : a->entry->offset > b->entry->offset;
}

/* `widest`: of those before `span`, the one that reaches furthest. */
static int check_span(const struct acpi_reader *reader, const struct span *widest,
		      const struct span *previous, const struct span *span)
{
	const struct acpi_ivhd_entry *entry = span->entry, *other = widest->entry;

	if (widest->ivhd != span->ivhd && widest->ivhd->type == span->ivhd->type &&
	    widest->ivhd->segment == span->ivhd->segment && entry->first <= other->last)
		return acpi_error(reader, entry->offset,
				  "ids 0x%04x to 0x%04x overlap those that another unit has at "
				  "offset 0x%" PRIx32 ", expected each device in one unit",
				  entry->first, entry->last, other->offset);
	other = previous->entry;
	if (previous->ivhd != span->ivhd || other->type != entry->type ||
	    other->first != entry->first || other->last != entry->last)
		return 0;
	return acpi_error(reader, entry->offset,
			  "the entry repeats that at offset 0x%" PRIx32 ", expected each once",
			  other->offset);
}

static int check_spans(const struct acpi_reader *reader, struct span *span, unsigned count)
{
	const struct span *widest = span;
	int rc = 0;

	qsort(span, count, sizeof(*span), span_order);
	for (unsigned i = 1; i < count && !rc; i++) {
		rc = check_span(reader, widest, &span[i - 1], &span[i]);
		if (widest->ivhd->type != span[i].ivhd->type ||
		    widest->ivhd->segment != span[i].ivhd->segment ||
		    span[i].entry->last > widest->entry->last)
			widest = &span[i];
	}
	return rc;
}

static int check_ids(const struct acpi_reader *reader, const struct acpi_ivrs *ivrs)
{
	struct span *span = calloc(ivrs->entry_count + 1u, sizeof(*span));
	unsigned count = 0;
	int rc = 0;

	if (!span)
		return acpi_no_memory(reader);
	for (unsigned i = 0; i < ivrs->ivhd_count; i++)
		for (unsigned j = 0; j < ivrs->ivhd[i].entry_count; j++) {
			const struct acpi_ivhd_entry *entry = &ivrs->entry[ivrs->ivhd[i].entry + j];

			if (acpi_ivhd_has_ids(entry))
				span[count++] = (struct span){&ivrs->ivhd[i], entry};
		}
	if (count)
		rc = check_spans(reader, span, count);
	free(span);
	return rc;
}

/* IOAPICs and HPETs are numbered machine-wide; `type`: of the blocks that count. */
static int check_specials(const struct acpi_reader *reader, const struct acpi_ivrs *ivrs,
			  uint8_t type)
{
	uint32_t at[3][256] = {{0}};

	for (unsigned i = 0; i < ivrs->ivhd_count; i++) {
		const struct acpi_ivhd *ivhd = &ivrs->ivhd[i];

		for (unsigned j = 0; j < ivhd->entry_count && ivhd->type == type; j++) {
			const struct acpi_ivhd_entry *entry = &ivrs->entry[ivhd->entry + j];

			if (entry->type != ACPI_IVHD_SPECIAL)
				continue;
			if (at[entry->variety][entry->handle])
				return acpi_error(reader, entry->offset + 4,
						  "%s %u is that of offset 0x%" PRIx32
						  ", expected another",
						  entry->variety == ACPI_SPECIAL_IOAPIC ? "IOAPIC"
											: "HPET",
						  entry->handle, at[entry->variety][entry->handle]);
			at[entry->variety][entry->handle] = entry->offset;
		}
	}
	return 0;
}

static int check_unit(const struct acpi_reader *reader, const struct acpi_ivrs *ivrs, unsigned n)
{
	const struct acpi_ivhd *ivhd = &ivrs->ivhd[n];

	for (unsigned i = 0; i < n; i++) {
		const struct acpi_ivhd *other = &ivrs->ivhd[i];

		if (other->type != ivhd->type)
			continue;
		if (other->segment == ivhd->segment && other->devid == ivhd->devid)
			return acpi_error(reader, ivhd->offset + 4,
					  "unit 0x%04x is that of the IVHD at offset 0x%" PRIx32
					  ", expected another",
					  ivhd->devid, other->offset);
		if (other->base == ivhd->base)
			return acpi_error(reader, ivhd->offset + 8,
					  "registers at 0x%" PRIx64
					  " are those of the IVHD at offset 0x%" PRIx32
					  ", expected an address of its own",
					  ivhd->base, other->offset);
	}
	return 0;
}

int acpi_ivrs_check(const struct acpi_reader *reader, const struct acpi_ivrs *ivrs)
{
	static const uint8_t types[] = {0x10, 0x11, 0x40};
	int rc = 0;

	if (!ivrs->ivhd_count)
		return acpi_error(reader, reader->len, "no IVHD, expected at least one");
	if (ivrs->ivhd_count > IVHD_MAX)
		return acpi_error(reader, ivrs->ivhd[IVHD_MAX].offset,
				  "one more IVHD, expected at most %u", IVHD_MAX);
	for (unsigned i = 0; i < ivrs->ivhd_count && !rc; i++)
		rc = check_unit(reader, ivrs, i);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(types) && !rc; i++)
		rc = check_specials(reader, ivrs, types[i]);
	return rc ? rc : check_ids(reader, ivrs);
}
