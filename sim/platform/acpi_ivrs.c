// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading an IVRS table.
 *
 * First every block by itself, then what they say together (acpi_ivrs_check.c). The start and the
 * end of a range are two entries that become one. Blocks of an unknown type, padding, and entries
 * of an unknown type whose size the type tells are skipped.
 *
 * Source: AMD I/O Virtualization Technology, "I/O Virtualization ACPI Table", "IVHD Device
 * Entries".
 */
#include "acpi_ivrs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INFO_AT    36u
#define BLOCKS_AT  48u
#define IVMD_LEN   32u
#define HID_FIXED  22u
#define BASE_ALIGN UINT64_C(0x4000)

struct ivrs_reader {
	struct acpi_reader reader;
	struct acpi_ivrs *ivrs;
	/* A range whose end has not come. */
	bool open;
	struct acpi_ivhd_entry range;
};

/* Bytes of the entry at `at`; 0: cannot be told. */
static unsigned entry_size(const uint8_t *at, size_t left)
{
	if (at[0] == ACPI_IVHD_HID)
		return left < HID_FIXED ? HID_FIXED : HID_FIXED + at[HID_FIXED - 1];
	return at[0] < 0x40 ? 4 : at[0] < 0x80 ? 8 : 0;
}

static int entry_add(struct ivrs_reader *in, struct acpi_ivhd *ivhd,
		     const struct acpi_ivhd_entry *entry)
{
	struct acpi_ivrs *ivrs = in->ivrs;
	struct acpi_ivhd_entry *more = acpi_grow(ivrs->entry, ivrs->entry_count, sizeof(*more));

	if (!more)
		return acpi_no_memory(&in->reader);
	ivrs->entry = more;
	more[ivrs->entry_count++] = *entry;
	ivhd->entry_count++;
	return 0;
}

static int parse_range_end(struct ivrs_reader *in, struct acpi_ivhd *ivhd,
			   const struct acpi_ivhd_entry *end)
{
	if (!in->open)
		return acpi_error(&in->reader, end->offset,
				  "the end of a range without its start, expected an entry of type "
				  "3, 0x43 or 0x47 before");
	if (end->first < in->range.first)
		return acpi_error(
			&in->reader, end->offset + 1,
			"a range from 0x%04x to 0x%04x, expected an end that is not below "
			"the start",
			in->range.first, end->first);
	in->open = false;
	in->range.last = end->first;
	return entry_add(in, ivhd, &in->range);
}

static int parse_special(struct ivrs_reader *in, struct acpi_ivhd *ivhd,
			 struct acpi_ivhd_entry *entry, const uint8_t *from)
{
	entry->handle = from[4];
	entry->first = entry->last = acpi_get16(from + 5);
	entry->variety = from[7];
	if (entry->variety != ACPI_SPECIAL_IOAPIC && entry->variety != ACPI_SPECIAL_HPET)
		return acpi_error(&in->reader, entry->offset + 7,
				  "a special device of variety %u, expected 1 (IOAPIC) or 2 (HPET)",
				  entry->variety);
	return entry_add(in, ivhd, entry);
}

static int parse_hid(struct ivrs_reader *in, struct acpi_ivhd *ivhd, struct acpi_ivhd_entry *entry,
		     const uint8_t *from)
{
	memcpy(entry->hid, from + 4, 8);
	memcpy(entry->cid, from + 12, 8);
	entry->uid_format = from[20];
	entry->uid_len = from[21];
	entry->uid = from + HID_FIXED;
	if (ivhd->type != 0x40)
		return acpi_error(&in->reader, entry->offset,
				  "an ACPI HID entry in a block of type 0x%02x, expected 0x40",
				  ivhd->type);
	if (!*entry->hid)
		return acpi_error(&in->reader, entry->offset + 4,
				  "an ACPI HID entry without a hardware id, expected one");
	if (entry->uid_format > 2 || (entry->uid_format == 0) != (entry->uid_len == 0) ||
	    (entry->uid_format == 1 && entry->uid_len != 8))
		return acpi_error(&in->reader, entry->offset + 20,
				  "a unique id of format %u and %u bytes, expected 0 and 0, 1 and "
				  "8, or 2 and at least 1",
				  entry->uid_format, entry->uid_len);
	return entry_add(in, ivhd, entry);
}

static int parse_range(struct ivrs_reader *in, const struct acpi_ivhd_entry *entry)
{
	in->open = true;
	in->range = *entry;
	return 0;
}

/* One entry; its bytes are there. */
static int parse_entry(struct ivrs_reader *in, struct acpi_ivhd *ivhd, uint32_t at)
{
	const uint8_t *from = in->reader.data + at;
	struct acpi_ivhd_entry entry = {
		.offset = at,
		.type = from[0],
		.first = acpi_get16(from + 1),
		.last = acpi_get16(from + 1),
		.data = from[3],
	};

	if (in->open && entry.type != ACPI_IVHD_RANGE_END)
		return acpi_error(&in->reader, at,
				  "an entry of type 0x%02x in the range that starts at offset "
				  "0x%" PRIx32 ", expected its end (type 4)",
				  entry.type, in->range.offset);
	switch (entry.type) {
	case ACPI_IVHD_ALL:
		entry.first = 0;
		entry.last = UINT16_MAX;
		return entry_add(in, ivhd, &entry);
	case ACPI_IVHD_SELECT:
		return entry_add(in, ivhd, &entry);
	case ACPI_IVHD_RANGE:
		return parse_range(in, &entry);
	case ACPI_IVHD_RANGE_END:
		return parse_range_end(in, ivhd, &entry);
	case ACPI_IVHD_ALIAS:
		entry.alias = acpi_get16(from + 5);
		return entry_add(in, ivhd, &entry);
	case ACPI_IVHD_ALIAS_RANGE:
		entry.alias = acpi_get16(from + 5);
		return parse_range(in, &entry);
	case ACPI_IVHD_EXT_SELECT:
		entry.ext = acpi_get32(from + 4);
		return entry_add(in, ivhd, &entry);
	case ACPI_IVHD_EXT_RANGE:
		entry.ext = acpi_get32(from + 4);
		return parse_range(in, &entry);
	case ACPI_IVHD_SPECIAL:
		return parse_special(in, ivhd, &entry, from);
	case ACPI_IVHD_HID:
		return parse_hid(in, ivhd, &entry, from);
	default:
		return 0;
	}
}

static int parse_entries(struct ivrs_reader *in, struct acpi_ivhd *ivhd, uint32_t at, uint32_t end)
{
	int rc = 0;

	while (at < end && !rc) {
		unsigned size = entry_size(in->reader.data + at, end - at);

		if (!size)
			return acpi_error(&in->reader, at,
					  "an entry of type 0x%02x, expected a type below 0x80 or "
					  "0xf0",
					  in->reader.data[at]);
		if (size > end - at)
			return acpi_error(&in->reader, at,
					  "an entry of %u bytes with %" PRIu32
					  " left, expected one that fits",
					  size, end - at);
		rc = parse_entry(in, ivhd, at);
		at += size;
	}
	if (!rc && in->open)
		return acpi_error(&in->reader, end,
				  "the block ends in the range that starts at offset 0x%" PRIx32
				  ", expected its end (type 4)",
				  in->range.offset);
	return rc;
}

static int parse_ivhd(struct ivrs_reader *in, uint32_t at, uint16_t len)
{
	const uint8_t *from = in->reader.data + at;
	struct acpi_ivrs *ivrs = in->ivrs;
	struct acpi_ivhd *ivhd = acpi_grow(ivrs->ivhd, ivrs->ivhd_count, sizeof(*ivhd));
	unsigned fixed = from[0] == 0x10 ? 24 : 40;

	if (!ivhd)
		return acpi_no_memory(&in->reader);
	ivrs->ivhd = ivhd;
	if (len < fixed)
		return acpi_error(&in->reader, at + 2,
				  "an IVHD of type 0x%02x and %u bytes, expected at least %u",
				  from[0], len, fixed);
	ivhd += ivrs->ivhd_count++;
	*ivhd = (struct acpi_ivhd){
		.offset = at,
		.type = from[0],
		.flags = from[1],
		.devid = acpi_get16(from + 4),
		.cap_offset = acpi_get16(from + 6),
		.base = acpi_get64(from + 8),
		.segment = acpi_get16(from + 16),
		.info = acpi_get16(from + 18),
		.attributes = acpi_get32(from + 20),
		.entry = ivrs->entry_count,
	};
	if (fixed == 40) {
		ivhd->efr = acpi_get64(from + 24);
		ivhd->efr2 = acpi_get64(from + 32);
	}
	if (ivhd->type > ivrs->ivhd_type)
		ivrs->ivhd_type = ivhd->type;
	if (!ivhd->base || !sio_is_aligned(ivhd->base, BASE_ALIGN))
		return acpi_error(&in->reader, at + 8,
				  "registers at 0x%" PRIx64 ", expected a multiple of 0x%" PRIx64
				  " that is not 0",
				  ivhd->base, BASE_ALIGN);
	return parse_entries(in, ivhd, at + fixed, at + len);
}

static int parse_ivmd(struct ivrs_reader *in, uint32_t at, uint16_t len)
{
	const uint8_t *from = in->reader.data + at;
	struct acpi_ivrs *ivrs = in->ivrs;
	struct acpi_ivmd *ivmd = acpi_grow(ivrs->ivmd, ivrs->ivmd_count, sizeof(*ivmd));

	if (!ivmd)
		return acpi_no_memory(&in->reader);
	ivrs->ivmd = ivmd;
	if (len != IVMD_LEN)
		return acpi_error(&in->reader, at + 2, "an IVMD of %u bytes, expected %u", len,
				  IVMD_LEN);
	ivmd += ivrs->ivmd_count++;
	*ivmd = (struct acpi_ivmd){
		.offset = at,
		.flags = from[1],
		.all = from[0] == 0x20,
		.segment = acpi_get16(from + 8),
		.first_id = acpi_get16(from + 4),
		.last_id = acpi_get16(from + (from[0] == 0x22 ? 6 : 4)),
		.start = acpi_get64(from + 16),
		.len = acpi_get64(from + 24),
	};
	if (ivmd->all) {
		ivmd->first_id = 0;
		ivmd->last_id = UINT16_MAX;
	}
	if (ivmd->last_id < ivmd->first_id)
		return acpi_error(&in->reader, at + 6,
				  "devices 0x%04x to 0x%04x, expected an end that is not below the "
				  "start",
				  ivmd->first_id, ivmd->last_id);
	if (!ivmd->len || ivmd->start > UINT64_MAX - (ivmd->len - 1))
		return acpi_error(&in->reader, at + 24,
				  "memory of 0x%" PRIx64 " bytes from 0x%" PRIx64
				  ", expected a range that is not empty and does not wrap",
				  ivmd->len, ivmd->start);
	return 0;
}

static int parse_block(struct ivrs_reader *in, uint32_t at, uint16_t len)
{
	switch (in->reader.data[at]) {
	case 0x10:
	case 0x11:
	case 0x40:
		return parse_ivhd(in, at, len);
	case 0x20:
	case 0x21:
	case 0x22:
		return parse_ivmd(in, at, len);
	default:
		return 0;
	}
}

static int parse_blocks(struct ivrs_reader *in)
{
	size_t len = in->reader.len;
	int rc = 0;

	for (uint32_t at = BLOCKS_AT; at < len && !rc;) {
		uint16_t own = len - at < 4 ? 0 : acpi_get16(in->reader.data + at + 2);

		if (own < 4 || own > len - at)
			return acpi_error(&in->reader, at,
					  "a block of %u bytes with %zu left, expected at least 4 "
					  "that fit",
					  own, len - at);
		rc = parse_block(in, at, own);
		at += own;
	}
	return rc;
}

int acpi_ivrs_parse(const void *data, size_t len, struct acpi_ivrs *ivrs, char *error,
		    size_t error_len)
{
	struct ivrs_reader in = {
		.reader = {"IVRS", data, len, error, error_len},
		.ivrs = ivrs,
	};
	int rc = acpi_check_header(&in.reader, BLOCKS_AT);

	*ivrs = (struct acpi_ivrs){0};
	if (rc)
		return rc;
	ivrs->table = malloc(len);
	if (!ivrs->table)
		return acpi_no_memory(&in.reader);
	memcpy(ivrs->table, data, len);
	in.reader.data = ivrs->table;
	ivrs->info = acpi_get32(in.reader.data + INFO_AT);
	rc = parse_blocks(&in);
	if (!rc)
		rc = acpi_ivrs_check(&in.reader, ivrs);
	if (rc)
		acpi_ivrs_fini(ivrs);
	return rc;
}

void acpi_ivrs_fini(struct acpi_ivrs *ivrs)
{
	free(ivrs->table);
	free(ivrs->ivhd);
	free(ivrs->entry);
	free(ivrs->ivmd);
	*ivrs = (struct acpi_ivrs){0};
}
