// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a DMAR table.
 *
 * First every structure by itself, then what they say together (acpi_dmar_check.c). A structure of
 * an unknown type is skipped by its length; an unknown kind of device scope is an error, because
 * what it would add to a unit cannot be told.
 *
 * Source: VT-d, "DMA Remapping Reporting Structure" and the sections on each structure.
 */
#include "acpi_dmar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HAW_AT      36u
#define FLAGS_AT    37u
#define STRUCTS_AT  48u
#define SCOPE_FIXED 6u
#define HAW_MIN     32u /* what a platform can have */
#define HAW_MAX     52u

#define SCOPES(a) (1u << (a))
#define SCOPES_PCI \
	(SCOPES(ACPI_SCOPE_ENDPOINT) | SCOPES(ACPI_SCOPE_BRIDGE) | SCOPES(ACPI_SCOPE_NAMESPACE))
#define SCOPES_ALL (SCOPES_PCI | SCOPES(ACPI_SCOPE_IOAPIC) | SCOPES(ACPI_SCOPE_HPET))

static const struct {
	const char *name;
	uint8_t fixed;  /* bytes before the device scopes */
	uint8_t scopes; /* which kinds may follow */
} kinds[] = {
	[ACPI_DRHD] = {"DRHD", 16, SCOPES_ALL},
	[ACPI_RMRR] = {"RMRR", 24, SCOPES_PCI},
	[ACPI_ATSR] = {"ATSR", 8, SCOPES(ACPI_SCOPE_BRIDGE)},
	[ACPI_RHSA] = {"RHSA", 20, 0},
	[ACPI_ANDD] = {"ANDD", 8, 0},
	[ACPI_SATC] = {"SATC", 8, SCOPES_PCI},
};

const char *acpi_dmar_name(const struct acpi_dmar_entry *entry)
{
	return entry->type < ACPI_DMAR_UNKNOWN ? kinds[entry->type].name : "structure";
}

struct dmar_reader {
	struct acpi_reader reader;
	struct acpi_dmar *dmar;
};

static int check_path(const struct acpi_reader *reader, const struct acpi_scope *scope)
{
	for (unsigned i = 0; i < scope->hops; i++)
		if (scope->path[2 * i] > 31 || scope->path[2 * i + 1] > 7)
			return acpi_error(reader, scope->offset + SCOPE_FIXED + 2 * i,
					  "path %02x.%x, expected a device up to 1f and a function "
					  "up to 7",
					  scope->path[2 * i], scope->path[2 * i + 1]);
	return 0;
}

/* One device scope at `at`, of which `left` bytes belong to the structure. */
static int parse_scope(struct dmar_reader *in, const struct acpi_dmar_entry *entry, uint32_t at,
		       size_t left)
{
	const uint8_t *from = in->reader.data + at;
	struct acpi_dmar *dmar = in->dmar;
	struct acpi_scope *scope;

	if (left < SCOPE_FIXED + 2 || from[1] < SCOPE_FIXED + 2 || from[1] % 2 || from[1] > left)
		return acpi_error(&in->reader, at,
				  "a device scope of %u bytes with %zu left, expected an even "
				  "number from %u on that fits",
				  left > 1 ? from[1] : 0u, left, SCOPE_FIXED + 2);
	if (from[0] > ACPI_SCOPE_NAMESPACE || !(kinds[entry->type].scopes & SCOPES(from[0])))
		return acpi_error(&in->reader, at, "a device scope of type %u, expected one of %s",
				  from[0],
				  kinds[entry->type].scopes == SCOPES_ALL   ? "1 to 5"
				  : kinds[entry->type].scopes == SCOPES_PCI ? "1, 2 and 5"
									    : "2");
	scope = acpi_grow(dmar->scope, dmar->scope_count, sizeof(*scope));
	if (!scope)
		return acpi_no_memory(&in->reader);
	dmar->scope = scope;
	scope += dmar->scope_count++;
	*scope = (struct acpi_scope){
		.offset = at,
		.entry = (unsigned)(entry - dmar->entry),
		.type = from[0],
		.flags = from[2],
		.id = from[4],
		.bus = from[5],
		.hops = (uint8_t)((from[1] - SCOPE_FIXED) / 2),
		.path = from + SCOPE_FIXED,
	};
	return check_path(&in->reader, scope);
}

static int parse_scopes(struct dmar_reader *in, struct acpi_dmar_entry *entry)
{
	uint32_t at = entry->offset + kinds[entry->type].fixed, end = entry->offset + entry->len;
	int rc = 0;

	entry->scope = in->dmar->scope_count;
	while (at < end && !rc) {
		rc = parse_scope(in, entry, at, end - at);
		at += rc ? 0 : in->reader.data[at + 1];
	}
	entry->scope_count = in->dmar->scope_count - entry->scope;
	return rc;
}

static int parse_drhd(struct dmar_reader *in, struct acpi_dmar_entry *entry, const uint8_t *from)
{
	uint64_t size;

	entry->flags = from[4];
	entry->size_lg2 = from[5] & 0xf;
	entry->segment = acpi_get16(from + 6);
	entry->base = acpi_get64(from + 8);
	size = SIO_PAGE_SIZE << entry->size_lg2;
	if (!entry->base || !sio_is_aligned(entry->base, size) || entry->base > UINT64_MAX - size)
		return acpi_error(&in->reader, entry->offset + 8,
				  "registers at 0x%" PRIx64 ", expected a multiple of their size "
				  "0x%" PRIx64 " that is not 0",
				  entry->base, size);
	return 0;
}

static int parse_rmrr(struct dmar_reader *in, struct acpi_dmar_entry *entry, const uint8_t *from)
{
	entry->segment = acpi_get16(from + 6);
	entry->base = acpi_get64(from + 8);
	entry->limit = acpi_get64(from + 16);
	if (!sio_is_aligned(entry->base, SIO_PAGE_SIZE))
		return acpi_error(&in->reader, entry->offset + 8,
				  "an RMRR from 0x%" PRIx64 ", expected a multiple of 4096",
				  entry->base);
	if (!sio_is_aligned(entry->limit + 1, SIO_PAGE_SIZE) || entry->limit <= entry->base)
		return acpi_error(&in->reader, entry->offset + 16,
				  "an RMRR from 0x%" PRIx64 " to 0x%" PRIx64
				  ", expected a limit 0x...fff above the base",
				  entry->base, entry->limit);
	if (entry->limit >> in->dmar->haw)
		return acpi_error(&in->reader, entry->offset + 16,
				  "an RMRR to 0x%" PRIx64
				  ", expected an address of at most %u bits",
				  entry->limit, in->dmar->haw);
	return 0;
}

static int parse_andd(struct dmar_reader *in, struct acpi_dmar_entry *entry, const uint8_t *from)
{
	size_t len = entry->len - 8u;

	entry->device = from[7];
	entry->name = (const char *)from + 8;
	if (!len || !memchr(entry->name, 0, len) || !*entry->name)
		return acpi_error(&in->reader, entry->offset + 8,
				  "an ANDD without a name that ends in a zero byte, expected one "
				  "within its %u bytes",
				  entry->len);
	return 0;
}

static int parse_fields(struct dmar_reader *in, struct acpi_dmar_entry *entry)
{
	const uint8_t *from = in->reader.data + entry->offset;

	switch (entry->type) {
	case ACPI_DRHD:
		return parse_drhd(in, entry, from);
	case ACPI_RMRR:
		return parse_rmrr(in, entry, from);
	case ACPI_RHSA:
		entry->base = acpi_get64(from + 8);
		entry->proximity = acpi_get32(from + 16);
		return 0;
	case ACPI_ANDD:
		return parse_andd(in, entry, from);
	default: /* ATSR, SATC */
		entry->flags = from[4];
		entry->segment = acpi_get16(from + 6);
		return 0;
	}
}

/* One structure at `at`; its length is good. */
static int parse_struct(struct dmar_reader *in, uint32_t at, uint16_t len)
{
	struct acpi_dmar *dmar = in->dmar;
	struct acpi_dmar_entry *entry = acpi_grow(dmar->entry, dmar->entry_count, sizeof(*entry));
	int rc;

	if (!entry)
		return acpi_no_memory(&in->reader);
	dmar->entry = entry;
	entry += dmar->entry_count++;
	entry->offset = at;
	entry->len = len;
	entry->type = acpi_get16(in->reader.data + at);
	if (entry->type >= ACPI_DMAR_UNKNOWN)
		return 0;
	if (len < kinds[entry->type].fixed)
		return acpi_error(&in->reader, at + 2, "a %s of %u bytes, expected at least %u",
				  kinds[entry->type].name, len, kinds[entry->type].fixed);
	rc = parse_fields(in, entry);
	if (!rc && kinds[entry->type].scopes)
		rc = parse_scopes(in, entry);
	return rc;
}

static int parse_structs(struct dmar_reader *in)
{
	size_t len = in->reader.len;
	int rc = 0;

	for (uint32_t at = STRUCTS_AT; at < len && !rc;) {
		uint16_t own = len - at < 4 ? 0 : acpi_get16(in->reader.data + at + 2);

		if (own < 4 || own > len - at)
			return acpi_error(&in->reader, at,
					  "a structure of %u bytes with %zu left, expected at "
					  "least 4 that fit",
					  own, len - at);
		rc = parse_struct(in, at, own);
		at += own;
	}
	return rc;
}

int acpi_dmar_parse(const void *data, size_t len, struct acpi_dmar *dmar, char *error,
		    size_t error_len)
{
	struct dmar_reader in = {{"DMAR", data, len, error, error_len}, dmar};
	int rc = acpi_check_header(&in.reader, STRUCTS_AT);

	*dmar = (struct acpi_dmar){0};
	if (rc)
		return rc;
	dmar->haw = (uint8_t)(in.reader.data[HAW_AT] + 1);
	dmar->flags = in.reader.data[FLAGS_AT];
	if (dmar->haw < HAW_MIN || dmar->haw > HAW_MAX)
		return acpi_error(&in.reader, HAW_AT,
				  "host address width - 1 is %u, expected %u to %u",
				  in.reader.data[HAW_AT], HAW_MIN - 1, HAW_MAX - 1);
	dmar->table = malloc(len);
	if (!dmar->table)
		return acpi_no_memory(&in.reader);
	memcpy(dmar->table, data, len);
	in.reader.data = dmar->table;
	rc = parse_structs(&in);
	if (!rc)
		rc = acpi_dmar_check(&in.reader, dmar);
	if (rc)
		acpi_dmar_fini(dmar);
	return rc;
}

void acpi_dmar_fini(struct acpi_dmar *dmar)
{
	free(dmar->table);
	free(dmar->entry);
	free(dmar->scope);
	*dmar = (struct acpi_dmar){0};
}
