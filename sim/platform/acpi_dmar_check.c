// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the structures of a DMAR table say together.
 *
 * A device has one unit: no two DRHDs may name it, nor may one name a device below the bridge that
 * another names, since a bridge stands for everything below it. Scopes are compared by path, in the
 * order of a walk through the buses, so that whatever contains a scope is among those just passed.
 *
 * Source: VT-d, "Device Scope Structure", "DMA Remapping Hardware Unit Definition Structure".
 */
#include "acpi_dmar.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DRHD_MAX 1024u /* as Linux */

#define INCLUDE_ALL 1u

static bool is_pci(const struct acpi_scope *scope)
{
	return scope->type == ACPI_SCOPE_ENDPOINT || scope->type == ACPI_SCOPE_BRIDGE;
}

/* qsort() has no context; a scope's segment is that of its structure. */
struct keyed {
	const struct acpi_scope *scope;
	uint16_t segment, type;
};

static int keyed_order(const void *left, const void *right)
{
	const struct keyed *a = left, *b = right;
	unsigned hops = a->scope->hops < b->scope->hops ? a->scope->hops : b->scope->hops;
	int order;

	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	if (a->scope->bus != b->scope->bus)
		return a->scope->bus < b->scope->bus ? -1 : 1;
	order = memcmp(a->scope->path, b->scope->path, 2u * hops);
	if (order)
		return order;
	if (a->scope->hops != b->scope->hops)
		return a->scope->hops < b->scope->hops ? -1 : 1;
	if (a->scope->type != b->scope->type)
		return a->scope->type < b->scope->type ? -1 : 1;
	if (!is_pci(a->scope) && a->scope->id != b->scope->id)
		return a->scope->id < b->scope->id ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->scope->offset < b->scope->offset ? -1 : a->scope->offset > b->scope->offset;
}

const struct acpi_scope **acpi_scopes_sorted(const struct acpi_dmar *dmar)
{
	const struct acpi_scope **sorted = calloc(dmar->scope_count + 1u, sizeof(*sorted));
	struct keyed *keyed = calloc(dmar->scope_count + 1u, sizeof(*keyed));

	if (sorted && keyed) {
		for (unsigned i = 0; i < dmar->scope_count; i++) {
			const struct acpi_dmar_entry *entry = &dmar->entry[dmar->scope[i].entry];

			keyed[i] = (struct keyed){&dmar->scope[i], entry->segment, entry->type};
		}
		qsort(keyed, dmar->scope_count, sizeof(*keyed), keyed_order);
		for (unsigned i = 0; i < dmar->scope_count; i++)
			sorted[i] = keyed[i].scope;
	} else {
		free(sorted);
		sorted = NULL;
	}
	free(keyed);
	return sorted;
}

unsigned acpi_scopes_common(const struct acpi_dmar *dmar, const struct acpi_scope *a,
			    const struct acpi_scope *b)
{
	unsigned hops = a->hops < b->hops ? a->hops : b->hops, common = 0;

	if (dmar->entry[a->entry].segment != dmar->entry[b->entry].segment || a->bus != b->bus)
		return 0;
	while (common < hops && !memcmp(a->path + 2 * common, b->path + 2 * common, 2))
		common++;
	return common;
}

/* `outer` names the same device as `inner`, or a bridge above it. */
static bool contains(const struct acpi_dmar *dmar, const struct acpi_scope *outer,
		     const struct acpi_scope *inner)
{
	return outer->hops <= inner->hops && acpi_scopes_common(dmar, outer, inner) == outer->hops;
}

/* Two scopes that name one and the same thing, neighbours in the order. */
static int check_same(const struct acpi_reader *reader, const struct acpi_dmar *dmar,
		      const struct acpi_scope *a, const struct acpi_scope *b)
{
	const struct acpi_dmar_entry *of_a = &dmar->entry[a->entry], *of_b = &dmar->entry[b->entry];

	if (a->type != b->type || a->hops != b->hops || !contains(dmar, a, b))
		return 0;
	/* Memory may be reserved for a device more than once; several names may share an id. */
	if (of_a->type != of_b->type || (of_b->type == ACPI_RMRR && a->entry != b->entry) ||
	    (!is_pci(b) && a->id != b->id))
		return 0;
	return acpi_error(reader, b->offset,
			  "the scope names what that at offset 0x%" PRIx32
			  " names, expected each device in one %s, once",
			  a->offset, acpi_dmar_name(of_b));
}

/* A path leads through bridges only. */
static int check_kind(const struct acpi_reader *reader, const struct acpi_dmar *dmar,
		      const struct acpi_scope *a, const struct acpi_scope *b)
{
	if (a->type != ACPI_SCOPE_ENDPOINT || !is_pci(b) || !contains(dmar, a, b) ||
	    (a->hops == b->hops && b->type == ACPI_SCOPE_ENDPOINT))
		return 0;
	return acpi_error(reader, b->offset,
			  "the scope takes for a bridge what that at offset 0x%" PRIx32
			  " names as an endpoint, expected them to agree",
			  a->offset);
}

struct nest {
	const struct acpi_scope *scope[128]; /* each below the one before; a path has 124 hops */
	unsigned depth;
};

/* `scope` is below no bridge of another unit. */
static int check_nest(const struct acpi_reader *reader, const struct acpi_dmar *dmar,
		      struct nest *nest, const struct acpi_scope *scope)
{
	const struct acpi_scope *outer;

	if (dmar->entry[scope->entry].type != ACPI_DRHD || !is_pci(scope))
		return 0;
	while (nest->depth && !contains(dmar, nest->scope[nest->depth - 1], scope))
		nest->depth--;
	outer = nest->depth ? nest->scope[nest->depth - 1] : NULL;
	if (outer && outer->entry != scope->entry)
		return acpi_error(reader, scope->offset,
				  "the scope lies below the bridge that another unit names at "
				  "offset 0x%" PRIx32 ", expected each device in one DRHD",
				  outer->offset);
	nest->scope[nest->depth++] = scope;
	return 0;
}

static int check_scopes(const struct acpi_reader *reader, const struct acpi_dmar *dmar)
{
	const struct acpi_scope **sorted = acpi_scopes_sorted(dmar);
	const struct acpi_scope *endpoint = NULL;
	struct nest nest = {.depth = 0};
	int rc = 0;

	if (!sorted)
		return acpi_no_memory(reader);
	for (unsigned i = 0; i < dmar->scope_count && !rc; i++) {
		if (i)
			rc = check_same(reader, dmar, sorted[i - 1], sorted[i]);
		if (endpoint && !rc)
			rc = check_kind(reader, dmar, endpoint, sorted[i]);
		if (!rc)
			rc = check_nest(reader, dmar, &nest, sorted[i]);
		if (sorted[i]->type == ACPI_SCOPE_ENDPOINT)
			endpoint = sorted[i];
	}
	free(sorted);
	return rc;
}

/* The units that precede entry n, compared with it. */
static int check_drhd(const struct acpi_reader *reader, const struct acpi_dmar *dmar, unsigned n)
{
	const struct acpi_dmar_entry *entry = &dmar->entry[n];
	uint64_t last = entry->base + (SIO_PAGE_SIZE << entry->size_lg2) - 1;

	for (unsigned i = 0; i < n; i++) {
		const struct acpi_dmar_entry *other = &dmar->entry[i];

		if (other->type != ACPI_DRHD)
			continue;
		if (other->base <= last &&
		    entry->base <= other->base + (SIO_PAGE_SIZE << other->size_lg2) - 1)
			return acpi_error(reader, entry->offset + 8,
					  "registers at 0x%" PRIx64 " overlap those of the DRHD at "
					  "offset 0x%" PRIx32 ", expected an address of its own",
					  entry->base, other->offset);
		if (other->segment == entry->segment && other->flags & INCLUDE_ALL)
			return acpi_error(
				reader, entry->offset,
				"a DRHD after the one with INCLUDE_ALL at offset 0x%" PRIx32
				", expected that to be the segment's last",
				other->offset);
	}
	return 0;
}

static int check_units(const struct acpi_reader *reader, const struct acpi_dmar *dmar)
{
	unsigned units = 0;
	int rc = 0;

	for (unsigned i = 0; i < dmar->entry_count && !rc; i++) {
		if (dmar->entry[i].type != ACPI_DRHD)
			continue;
		if (++units > DRHD_MAX)
			return acpi_error(reader, dmar->entry[i].offset,
					  "one more DRHD, expected at most %u", DRHD_MAX);
		rc = check_drhd(reader, dmar, i);
	}
	if (!rc && !units)
		return acpi_error(reader, reader->len, "no DRHD, expected at least one");
	return rc;
}

static int check_rhsa(const struct acpi_reader *reader, const struct acpi_dmar *dmar,
		      const struct acpi_dmar_entry *entry)
{
	for (unsigned i = 0; i < dmar->entry_count; i++)
		if (dmar->entry[i].type == ACPI_DRHD && dmar->entry[i].base == entry->base)
			return 0;
	return acpi_error(reader, entry->offset + 8,
			  "an RHSA for registers at 0x%" PRIx64 ", expected those of a DRHD",
			  entry->base);
}

static int check_names(const struct acpi_reader *reader, const struct acpi_dmar *dmar)
{
	uint32_t at[256] = {0};

	for (unsigned i = 0; i < dmar->entry_count; i++) {
		const struct acpi_dmar_entry *entry = &dmar->entry[i];

		if (entry->type != ACPI_ANDD)
			continue;
		if (at[entry->device])
			return acpi_error(
				reader, entry->offset + 7,
				"device number %u is that of the ANDD at offset 0x%" PRIx32
				", expected another",
				entry->device, at[entry->device]);
		at[entry->device] = entry->offset;
	}
	for (unsigned i = 0; i < dmar->scope_count; i++)
		if (dmar->scope[i].type == ACPI_SCOPE_NAMESPACE && !at[dmar->scope[i].id])
			return acpi_error(reader, dmar->scope[i].offset + 4,
					  "a scope names namespace device %u, expected an ANDD of "
					  "that number",
					  dmar->scope[i].id);
	return 0;
}

/* IOAPICs and namespace devices have numbers of their own, whatever ids they use on the bus. */
static int check_ids(const struct acpi_reader *reader, const struct acpi_dmar *dmar)
{
	uint32_t at[ACPI_SCOPE_NAMESPACE + 1][256] = {{0}};

	for (unsigned i = 0; i < dmar->scope_count; i++) {
		const struct acpi_scope *scope = &dmar->scope[i];

		if (dmar->entry[scope->entry].type != ACPI_DRHD ||
		    (scope->type != ACPI_SCOPE_IOAPIC && scope->type != ACPI_SCOPE_NAMESPACE))
			continue;
		if (at[scope->type][scope->id])
			return acpi_error(reader, scope->offset + 4,
					  "%s %u has a scope at offset 0x%" PRIx32
					  " already, expected one",
					  scope->type == ACPI_SCOPE_IOAPIC ? "IOAPIC"
									   : "namespace device",
					  scope->id, at[scope->type][scope->id]);
		at[scope->type][scope->id] = scope->offset;
	}
	return 0;
}

int acpi_dmar_check(const struct acpi_reader *reader, const struct acpi_dmar *dmar)
{
	int rc = check_units(reader, dmar);

	for (unsigned i = 0; i < dmar->entry_count && !rc; i++) {
		const struct acpi_dmar_entry *entry = &dmar->entry[i];

		if (entry->type == ACPI_RMRR && !entry->scope_count)
			rc = acpi_error(reader, entry->offset + 24,
					"an RMRR without a device scope, expected at least one");
		else if (entry->type == ACPI_RHSA)
			rc = check_rhsa(reader, dmar, entry);
	}
	if (!rc)
		rc = check_names(reader, dmar);
	if (!rc)
		rc = check_ids(reader, dmar);
	return rc ? rc : check_scopes(reader, dmar);
}
