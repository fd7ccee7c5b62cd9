// SPDX-License-Identifier: GPL-2.0-only
/* See acpi_naive.h. "DMA Remapping Reporting Structure" of VT-d; "I/O Virtualization ACPI Table" of
 * AMD. */
#include "acpi_naive.h"

#include <string.h>

static uint64_t get(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

/* ---- DMAR ---- */

static const char *scope_differs(const uint8_t *at, const struct acpi_scope *scope)
{
	if (scope->type != at[0] || scope->id != at[4] || scope->bus != at[5])
		return "type, id or bus of a scope";
	if (scope->hops != (at[1] - 6) / 2 || memcmp(scope->path, at + 6, at[1] - 6u) != 0)
		return "the path of a scope";
	for (unsigned i = 6; i < at[1]; i += 2)
		if (at[i] > 31 || at[i + 1] > 7)
			return "a path to no device";
	return NULL;
}

static const char *fields_differ(const uint8_t *at, const struct acpi_dmar_entry *entry,
				 unsigned haw)
{
	const uint64_t base = get(at + 8, 8), limit = entry->type == 1 ? get(at + 16, 8) : 0;

	switch (entry->type) {
	case 0:
		if (entry->flags != at[4] || entry->segment != get(at + 6, 2) ||
		    entry->base != base || entry->size_lg2 != (at[5] & 15))
			return "a DRHD";
		return !base || base & 0xfff ? "registers that are not on a page" : NULL;
	case 1:
		if (entry->segment != get(at + 6, 2) || entry->base != base ||
		    entry->limit != limit)
			return "an RMRR";
		if (base & 0xfff || (limit & 0xfff) != 0xfff || limit < base || limit >> haw)
			return "an RMRR that is not pages in memory";
		return NULL;
	case 3:
		return entry->base != base || entry->proximity != get(at + 16, 4) ? "an RHSA"
										  : NULL;
	case 4:
		return entry->device != at[7] || strcmp(entry->name, (const char *)at + 8) != 0
			       ? "an ANDD"
			       : NULL;
	case 2:
	case 5:
		return entry->flags != at[4] || entry->segment != get(at + 6, 2) ? "an ATSR or SATC"
										 : NULL;
	default:
		return NULL;
	}
}

const char *naive_dmar_differs(const uint8_t *table, size_t len, const struct acpi_dmar *dmar)
{
	static const uint8_t fixed[] = {16, 24, 8, 0, 0, 8};
	unsigned n = 0, scopes = 0;

	if (dmar->haw != table[36] + 1 || dmar->flags != table[37] || dmar->haw < 32 ||
	    dmar->haw > 52)
		return "width or flags";
	for (size_t at = 48; at < len; at += get(table + at + 2, 2), n++) {
		const struct acpi_dmar_entry *entry = &dmar->entry[n];
		const size_t end = at + get(table + at + 2, 2);
		const char *wrong;

		if (n == dmar->entry_count || entry->offset != at || end > len)
			return "the number of structures";
		if (entry->type != get(table + at, 2) || entry->len != end - at)
			return "type or length of a structure";
		wrong = fields_differ(table + at, entry, dmar->haw);
		if (wrong || entry->type > 5 || !fixed[entry->type]) {
			if (wrong)
				return wrong;
			continue;
		}
		for (size_t s = at + fixed[entry->type]; s < end; s += table[s + 1], scopes++) {
			if (scopes == dmar->scope_count || dmar->scope[scopes].offset != s ||
			    dmar->scope[scopes].entry != n)
				return "the number of scopes";
			wrong = scope_differs(table + s, &dmar->scope[scopes]);
			if (wrong)
				return wrong;
		}
	}
	return n != dmar->entry_count || scopes != dmar->scope_count ? "what there is too much"
								     : NULL;
}

static bool dmar_same(const struct acpi_dmar_entry *a, const struct acpi_dmar_entry *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == ACPI_DRHD)
		return a->base == b->base && a->segment == b->segment &&
		       (a->flags & 1) == (b->flags & 1);
	if (a->type == ACPI_RMRR)
		return a->base == b->base && a->limit == b->limit && a->segment == b->segment;
	if (a->type == ACPI_RHSA)
		return a->base == b->base && a->proximity == b->proximity;
	return (a->flags & 1) == (b->flags & 1) && a->segment == b->segment;
}

/* Of a register base the first RHSA counts. */
static bool counts(const struct acpi_dmar *dmar, const struct acpi_dmar_entry *entry)
{
	if (entry->type == ACPI_RHSA && entry->proximity > UINT16_MAX)
		return false;
	for (const struct acpi_dmar_entry *other = dmar->entry;
	     entry->type == ACPI_RHSA && other < entry; other++)
		if (other->type == ACPI_RHSA && other->base == entry->base)
			return false;
	return entry->type == ACPI_DRHD || entry->type == ACPI_RMRR || entry->type == ACPI_RHSA ||
	       (entry->type == ACPI_ATSR && entry->flags & 1);
}

const char *naive_dmar_lost(const struct acpi_dmar *from, const struct acpi_dmar *to)
{
	static const char *const names[] = {"a DRHD", "an RMRR", "an ATSR", "an RHSA"};
	unsigned specials[2] = {0};

	if ((from->flags & 1) != (to->flags & 1) || from->haw != to->haw)
		return "width or interrupt remapping";
	for (unsigned i = 0; i < from->entry_count; i++) {
		unsigned j = 0;

		if (!counts(from, &from->entry[i]))
			continue;
		while (j < to->entry_count && !dmar_same(&from->entry[i], &to->entry[j]))
			j++;
		if (j == to->entry_count)
			return names[from->entry[i].type];
	}
	/* What is there now and was not. */
	for (unsigned j = 0; j < to->entry_count; j++) {
		unsigned i = 0;

		while (i < from->entry_count && !dmar_same(&from->entry[i], &to->entry[j]))
			i++;
		if (i == from->entry_count && to->entry[j].type != ACPI_ANDD)
			return "a structure too much";
	}
	for (unsigned i = 0; i < from->scope_count; i++)
		specials[0] += (from->scope[i].type >> 1 == 1 && from->scope[i].type & 1) ||
			       from->scope[i].type == ACPI_SCOPE_HPET;
	for (unsigned i = 0; i < to->scope_count; i++)
		specials[1] += (to->scope[i].type >> 1 == 1 && to->scope[i].type & 1) ||
			       to->scope[i].type == ACPI_SCOPE_HPET;
	return specials[0] != specials[1] ? "the scope of an IOAPIC or HPET" : NULL;
}

/* ---- IVRS ---- */

static const char *entry_differs(const uint8_t *at, const uint8_t *end,
				 const struct acpi_ivhd_entry *entry)
{
	const unsigned id = (unsigned)get(at + 1, 2);

	if (entry->type != at[0])
		return "the type of an entry";
	switch (at[0]) {
	case 1:
		return entry->first != 0 || entry->last != UINT16_MAX ? "an entry of all ids"
								      : NULL;
	case 0x48:
		return entry->handle != at[4] || entry->first != get(at + 5, 2) ||
				       entry->last != entry->first || entry->variety != at[7] ||
				       at[7] < 1 || at[7] > 2
			       ? "a special device"
			       : NULL;
	case 3:
	case 0x43:
	case 0x47:
		at += at[0] == 3 ? 4 : 8;
		if (at >= end || at[0] != 4 || entry->first != id ||
		    entry->last != get(at + 1, 2) || entry->last < entry->first)
			return "a range";
		at -= entry->type == 3 ? 4 : 8;
		break;
	case 0xf0:
		if (strncmp(entry->hid, (const char *)at + 4, 8) != 0 || entry->uid_len != at[21] ||
		    entry->uid_format != at[20] || memcmp(entry->uid, at + 22, at[21]) != 0)
			return "an ACPI device";
		break;
	default:
		break;
	}
	if (at[0] != 3 && at[0] != 0x43 && at[0] != 0x47 &&
	    (entry->first != id || entry->last != id))
		return "the id of an entry";
	if ((at[0] & 0xfe) == 0x42 && entry->alias != get(at + 5, 2))
		return "an alias";
	return (at[0] & 0xfe) == 0x46 && entry->ext != get(at + 4, 4) ? "an extended entry" : NULL;
}

/* The entries of one block. */
static const char *ivhd_differs(const uint8_t *at, const struct acpi_ivrs *ivrs,
				const struct acpi_ivhd *ivhd)
{
	const uint8_t *end = at + get(at + 2, 2);
	unsigned n = ivhd->entry;

	if (ivhd->type != at[0] || ivhd->flags != at[1] || ivhd->devid != get(at + 4, 2) ||
	    ivhd->base != get(at + 8, 8) || ivhd->segment != get(at + 16, 2) ||
	    ivhd->attributes != get(at + 20, 4))
		return "an IVHD";
	if (at[0] != 0x10 && (ivhd->efr != get(at + 24, 8) || ivhd->efr2 != get(at + 32, 8)))
		return "the features of an IVHD";
	for (at += at[0] == 0x10 ? 24 : 40; at < end;) {
		const char *wrong;

		/* Padding, types that nobody knows, and ends of ranges. */
		if (at[0] && at[0] != 4 && at[0] != 0x40 &&
		    (at[0] < 4 ||
		     (at[0] >= 0x42 && at[0] <= 0x48 && at[0] != 0x44 && at[0] != 0x45) ||
		     at[0] == 0xf0)) {
			if (n == ivhd->entry + ivhd->entry_count)
				return "the number of entries";
			wrong = entry_differs(at, end, &ivrs->entry[n++]);
			if (wrong)
				return wrong;
		}
		at += at[0] == 0xf0 ? 22 + at[21] : at[0] < 0x40 ? 4 : 8;
	}
	return n != ivhd->entry + ivhd->entry_count ? "entries too many" : NULL;
}

static const char *ivmd_differs(const uint8_t *at, const struct acpi_ivmd *ivmd)
{
	const uint64_t first = at[0] == 0x20 ? 0 : get(at + 4, 2);
	const uint64_t last = at[0] == 0x20 ? UINT16_MAX : at[0] == 0x21 ? first : get(at + 6, 2);

	if (ivmd->flags != at[1] || ivmd->all != (at[0] == 0x20) || ivmd->first_id != first ||
	    ivmd->last_id != last || ivmd->start != get(at + 16, 8) || ivmd->len != get(at + 24, 8))
		return "an IVMD";
	return last < first || !ivmd->len ? "an IVMD of nothing" : NULL;
}

const char *naive_ivrs_differs(const uint8_t *table, size_t len, const struct acpi_ivrs *ivrs)
{
	unsigned ivhds = 0, ivmds = 0;
	const char *wrong = NULL;

	for (size_t at = 48; at < len && !wrong; at += get(table + at + 2, 2)) {
		if (table[at] == 0x10 || table[at] == 0x11 || table[at] == 0x40)
			wrong = ivhds == ivrs->ivhd_count
					? "the number of IVHDs"
					: ivhd_differs(table + at, ivrs, &ivrs->ivhd[ivhds++]);
		else if (table[at] >= 0x20 && table[at] <= 0x22)
			wrong = ivmds == ivrs->ivmd_count
					? "the number of IVMDs"
					: ivmd_differs(table + at, &ivrs->ivmd[ivmds++]);
	}
	if (!wrong && (ivhds != ivrs->ivhd_count || ivmds != ivrs->ivmd_count))
		return "blocks too many";
	return wrong;
}

static bool ivhd_same(const struct acpi_ivhd *a, const struct acpi_ivhd *b)
{
	return a->devid == b->devid && a->base == b->base && a->segment == b->segment &&
	       ((a->flags ^ b->flags) & 0x0f) == 0 && (a->type == 0x10 || a->efr == b->efr);
}

static unsigned count_specials(const struct acpi_ivrs *ivrs)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ivrs->ivhd_count; i++)
		for (unsigned j = 0;
		     ivrs->ivhd[i].type == ivrs->ivhd_type && j < ivrs->ivhd[i].entry_count; j++)
			n += ivrs->entry[ivrs->ivhd[i].entry + j].type == ACPI_IVHD_SPECIAL;
	return n;
}

/* Of an IVMD: the rights, and the pages. */
static bool ivmd_same(const struct acpi_ivmd *a, const struct acpi_ivmd *b)
{
	const unsigned rights = a->flags & 6;

	if (a->segment != b->segment || ((a->flags ^ b->flags) & 8))
		return false;
	/* An exclusion range has both. */
	if (!(a->flags & 8 && !rights) && rights != (b->flags & 6u))
		return false;
	return a->start >> 12 == b->start >> 12 &&
	       (a->start + (a->len - 1)) >> 12 == (b->start + (b->len - 1)) >> 12;
}

const char *naive_ivrs_lost(const struct acpi_ivrs *from, const struct acpi_ivrs *to)
{
	for (unsigned i = 0; i < from->ivhd_count; i++) {
		unsigned j = 0;

		if (from->ivhd[i].type != from->ivhd_type)
			continue;
		while (j < to->ivhd_count && !ivhd_same(&from->ivhd[i], &to->ivhd[j]))
			j++;
		if (j == to->ivhd_count)
			return "an IVHD";
	}
	for (unsigned j = 0; j < to->ivmd_count; j++) {
		unsigned i = 0;

		while (i < from->ivmd_count && !ivmd_same(&from->ivmd[i], &to->ivmd[j]))
			i++;
		if (i == from->ivmd_count)
			return "an IVMD too much";
	}
	return count_specials(from) != count_specials(to) ? "a special device" : NULL;
}
