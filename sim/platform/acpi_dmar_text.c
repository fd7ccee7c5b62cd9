// SPDX-License-Identifier: GPL-2.0-only
/*
 * Platform text from a DMAR table.
 *
 * A table names devices by their path; a platform by bus numbers. With a known platform the path is
 * walked through its bridges. Without one, the bridges on all paths get numbers as firmware gives
 * them, depth first, around those that are root buses. The order of the scopes is that of the walk,
 * so one pass does it.
 *
 * What the platform has no key for is kept as a comment.
 */
#include "acpi_dmar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

struct dmar_text {
	struct acpi_text text;
	const struct acpi_dmar *dmar;
	uint16_t *rid; /* of each scope of the table */
};

/* ---- from paths to bus numbers ---- */

/* The bridges above the place that the walk has reached. */
struct walk {
	struct dmar_text *to;
	unsigned device[128]; /* indices */
	unsigned depth;
	uint16_t segment;
	uint8_t root;
	unsigned next_bus;
	bool is_root[256]; /* buses of the segment on which paths start */
};

static uint16_t scope_segment(const struct dmar_text *to, const struct acpi_scope *scope)
{
	return to->dmar->entry[scope->entry].segment;
}

static uint8_t hop_devfn(const struct acpi_scope *scope, unsigned hop)
{
	return PCI_DEVFN(scope->path[2 * hop], scope->path[2 * hop + 1]);
}

static void walk_root(struct walk *walk, const struct acpi_scope *scope)
{
	walk->depth = 0;
	walk->root = scope->bus;
	walk->next_bus = scope->bus + 1u;
}

/* The root buses of the segment that begins here. */
static void walk_segment(struct walk *walk, const struct acpi_scope *const *sorted, unsigned at)
{
	const struct dmar_text *to = walk->to;

	walk->segment = scope_segment(to, sorted[at]);
	memset(walk->is_root, 0, sizeof(walk->is_root));
	for (; at < to->dmar->scope_count && scope_segment(to, sorted[at]) == walk->segment; at++)
		walk->is_root[sorted[at]->bus] = true;
}

/* The bus below the first `depth` bridges. */
static uint8_t walk_bus(const struct walk *walk, unsigned depth)
{
	return depth ? walk->to->text.device[walk->device[depth - 1]].secondary_bus : walk->root;
}

/* What a bridge is, is a guess: a root port, then switches. */
static const char *const bridge_models[] = {"pcie-root-port", "x3130-upstream",
					    "xio3130-downstream"};
static const enum pci_type bridge_types[] = {PCI_ROOT_PORT, PCI_UPSTREAM_PORT, PCI_DOWNSTREAM_PORT};

static int walk_bridge(struct walk *walk, const struct acpi_scope *scope, uint8_t devfn)
{
	struct acpi_text *text = &walk->to->text;
	unsigned kind = walk->depth ? 2 - walk->depth % 2 : 0, bus = walk->next_bus++;
	struct platform_device *device;

	if (bus > 255 || walk->is_root[bus])
		return acpi_error(&text->reader, scope->offset,
				  "no bus number is left for a bridge of root bus %02x, expected "
				  "fewer bridges",
				  walk->root);
	device = acpi_text_device(text, walk->segment, PCI_RID(walk_bus(walk, walk->depth), devfn));
	if (!device)
		return acpi_no_memory(&text->reader);
	strcpy(device->model, bridge_models[kind]);
	device->type = bridge_types[kind];
	device->secondary_bus = device->subordinate_bus = (uint8_t)bus;
	for (unsigned i = 0; i < walk->depth; i++)
		text->device[walk->device[i]].subordinate_bus = (uint8_t)bus;
	walk->device[walk->depth++] = text->device_count - 1;
	return 0;
}

static const struct acpi_dmar_entry *andd_of(const struct acpi_dmar *dmar, uint8_t number)
{
	for (unsigned i = 0; i < dmar->entry_count; i++)
		if (dmar->entry[i].type == ACPI_ANDD && dmar->entry[i].device == number)
			return &dmar->entry[i];
	return NULL;
}

/* What a path ends at: a function, a device on a platform bus, or nothing a platform lists. */
static int walk_end(struct walk *walk, const struct acpi_scope *scope, uint16_t rid)
{
	struct acpi_text *text = &walk->to->text;
	const struct acpi_dmar_entry *andd;
	struct platform_device *device;

	if (scope->type != ACPI_SCOPE_ENDPOINT && scope->type != ACPI_SCOPE_NAMESPACE)
		return 0;
	device = acpi_text_device(text, walk->segment, rid);
	if (!device)
		return acpi_no_memory(&text->reader);
	if (scope->hops > 1)
		device->type = PCI_ENDPOINT;
	if (scope->type == ACPI_SCOPE_ENDPOINT)
		return 0;
	andd = andd_of(walk->to->dmar, scope->id);
	if (!acpi_text_is_name(andd->name, sizeof(device->acpi)))
		return acpi_error(&text->reader, andd->offset + 8,
				  "the name of an ANDD has a blank, or is too long, expected at "
				  "most %zu characters",
				  sizeof(device->acpi) - 1);
	strcpy(device->acpi, andd->name);
	return 0;
}

static int walk_scope(struct walk *walk, const struct acpi_scope *scope,
		      const struct acpi_scope *previous)
{
	unsigned bridges = scope->hops - (scope->type != ACPI_SCOPE_BRIDGE ? 1u : 0u), common;
	uint16_t *rid = &walk->to->rid[scope - walk->to->dmar->scope];
	int rc = 0;

	if (!previous || scope->bus != walk->root ||
	    scope_segment(walk->to, previous) != walk->segment)
		walk_root(walk, scope);
	else if ((common = acpi_scopes_common(walk->to->dmar, previous, scope)) < walk->depth)
		walk->depth = common;
	while (walk->depth < bridges && !rc)
		rc = walk_bridge(walk, scope, hop_devfn(scope, walk->depth));
	if (rc)
		return rc;
	if (scope->type == ACPI_SCOPE_BRIDGE) {
		*rid = walk->to->text.device[walk->device[walk->depth - 1]].rid;
		return 0;
	}
	*rid = PCI_RID(walk_bus(walk, bridges), hop_devfn(scope, bridges));
	return walk_end(walk, scope, *rid);
}

static int number_buses(struct dmar_text *to, const struct acpi_scope *const *sorted)
{
	struct walk walk = {.to = to};
	int rc = 0;

	for (unsigned i = 0; i < to->dmar->scope_count && !rc; i++) {
		const struct acpi_scope *previous = i ? sorted[i - 1] : NULL;

		if (!previous || scope_segment(to, previous) != scope_segment(to, sorted[i])) {
			walk_segment(&walk, sorted, i);
			previous = NULL;
		}
		rc = walk_scope(&walk, sorted[i], previous);
	}
	return rc;
}

/* Through the bridges of the known platform; what a unit's interrupt sources are, it need not say.
 */
static int find_known(struct dmar_text *to, const struct acpi_scope *scope)
{
	const struct platform *known = to->text.known;
	uint16_t segment = scope_segment(to, scope), rid = 0;
	const struct platform_device *device = NULL;
	unsigned bus = scope->bus;
	char bdf[16];

	for (unsigned i = 0; i < scope->hops; i++) {
		bool last = i + 1u == scope->hops;

		rid = PCI_RID(bus, hop_devfn(scope, i));
		device = platform_device_at(known, segment, rid);
		if (last && (scope->type == ACPI_SCOPE_IOAPIC || scope->type == ACPI_SCOPE_HPET))
			break;
		if (!device ||
		    platform_is_bridge(device) != (!last || scope->type == ACPI_SCOPE_BRIDGE))
			return acpi_error(&to->text.reader, scope->offset,
					  "the scope names %s, expected a %s of platform %s",
					  pci_format_bdf(bdf, segment, rid, true),
					  last && scope->type != ACPI_SCOPE_BRIDGE ? "device"
										   : "bridge",
					  known->name);
		bus = device->secondary_bus;
	}
	to->rid[scope - to->dmar->scope] = rid;
	return 0;
}

static int find_buses(struct dmar_text *to)
{
	const struct acpi_scope **sorted;
	int rc = 0;

	to->rid = calloc(to->dmar->scope_count + 1u, sizeof(*to->rid));
	if (!to->rid)
		return acpi_no_memory(&to->text.reader);
	if (to->text.known) {
		for (unsigned i = 0; i < to->dmar->scope_count && !rc; i++)
			rc = find_known(to, &to->dmar->scope[i]);
		return rc;
	}
	sorted = acpi_scopes_sorted(to->dmar);
	if (!sorted)
		return acpi_no_memory(&to->text.reader);
	rc = number_buses(to, sorted);
	free(sorted);
	return rc;
}

/* ---- the text ---- */

static const struct platform_unit *known_unit(const struct dmar_text *to,
					      const struct acpi_dmar_entry *drhd)
{
	const struct platform *known = to->text.known;

	for (unsigned i = 0; known && i < known->unit_count; i++)
		if (known->unit[i].type == PLATFORM_INTEL && known->unit[i].base == drhd->base)
			return &known->unit[i];
	return NULL;
}

static void text_known_unit(FILE *out, const struct platform_unit *unit)
{
	acpi_text_string(out, "name", unit->name);
	acpi_text_number(out, "cap", unit->cap);
	acpi_text_number(out, "ecap", unit->ecap);
	if (unit->version)
		acpi_text_number(out, "version", unit->version);
	if (unit->scalable_mode)
		fprintf(out, " scalable-mode = true;");
	if (unit->fault_codes == PLATFORM_CODES_QEMU_7_2)
		fprintf(out, " fault-codes = \"qemu-7.2\";");
	if (unit->quiet_hits)
		fprintf(out, " quiet-hits = true;");
}

/* The scopes of an entry that platforms list as devices, in `rids` (scope_count of them). */
static unsigned device_rids(const struct dmar_text *to, const struct acpi_dmar_entry *entry,
			    uint16_t *rids)
{
	unsigned count = 0;

	for (unsigned i = entry->scope; i < entry->scope + entry->scope_count; i++)
		if (to->dmar->scope[i].type != ACPI_SCOPE_IOAPIC &&
		    to->dmar->scope[i].type != ACPI_SCOPE_HPET)
			rids[count++] = to->rid[i];
	return count;
}

static unsigned specials(const struct dmar_text *to, const struct acpi_dmar_entry *entry,
			 struct platform_special *special)
{
	unsigned count = 0;

	for (unsigned i = entry->scope; i < entry->scope + entry->scope_count; i++) {
		const struct acpi_scope *scope = &to->dmar->scope[i];

		if (scope->type == ACPI_SCOPE_IOAPIC || scope->type == ACPI_SCOPE_HPET)
			special[count++] = (struct platform_special){
				.kind = scope->type == ACPI_SCOPE_IOAPIC ? PLATFORM_IOAPIC
									 : PLATFORM_HPET,
				.id = scope->id,
				.rid = to->rid[i],
			};
	}
	return count;
}

static void text_proximity(const struct dmar_text *to, const struct acpi_dmar_entry *drhd)
{
	for (unsigned i = 0; i < to->dmar->entry_count; i++) {
		const struct acpi_dmar_entry *rhsa = &to->dmar->entry[i];

		if (rhsa->type != ACPI_RHSA || rhsa->base != drhd->base)
			continue;
		if (rhsa->proximity <= UINT16_MAX)
			fprintf(to->text.out, " proximity = %" PRIu32 ";", rhsa->proximity);
		return;
	}
}

static int text_drhd(const struct dmar_text *to, const struct acpi_dmar_entry *drhd)
{
	const struct platform_unit *known = known_unit(to, drhd);
	uint16_t *rids = calloc(drhd->scope_count + 1u, sizeof(*rids));
	struct platform_special *special = calloc(drhd->scope_count + 1u, sizeof(*special));
	FILE *out = to->text.out;
	unsigned count;
	int rc = rids && special ? 0 : acpi_no_memory(&to->text.reader);

	if (rc)
		goto out;
	fprintf(out, "\n  {");
	if (known)
		text_known_unit(out, known);
	fprintf(out, "\n    haw = %u;", known ? known->haw : to->dmar->haw);
	if (drhd->segment)
		fprintf(out, " segment = %u;", drhd->segment);
	acpi_text_number(out, "base", drhd->base);
	text_proximity(to, drhd);
	if (drhd->flags & 1)
		fprintf(out, " include-all = true;");
	count = device_rids(to, drhd, rids);
	if (count)
		acpi_text_rids(out, "scope", drhd->segment, rids, count);
	acpi_text_special(out, drhd->segment, special, specials(to, drhd, special));
	fprintf(out, " }");
out:
	free(rids);
	free(special);
	return rc;
}

static bool is_relaxable(const struct dmar_text *to, const struct acpi_dmar_entry *rmrr)
{
	const struct platform *known = to->text.known;

	for (unsigned i = 0; known && i < known->rmrr_count; i++)
		if (known->rmrr[i].first == rmrr->base && known->rmrr[i].last == rmrr->limit &&
		    known->rmrr[i].segment == rmrr->segment)
			return known->rmrr[i].relaxable;
	return false;
}

static int text_named(const struct dmar_text *to, const struct acpi_dmar_entry *entry)
{
	uint16_t *rids = calloc(entry->scope_count + 1u, sizeof(*rids));
	bool atsr = entry->type == ACPI_ATSR, all = entry->flags & 1;
	FILE *out = to->text.out;
	unsigned count;

	if (!rids)
		return acpi_no_memory(&to->text.reader);
	count = atsr && all ? 0 : device_rids(to, entry, rids);
	fprintf(out, "\n  {");
	if (entry->type == ACPI_RMRR) {
		acpi_text_number(out, "first", entry->base);
		acpi_text_number(out, "last", entry->limit);
		if (is_relaxable(to, entry))
			fprintf(out, " relaxable = true;");
	} else if (all) {
		fprintf(out, " %s = true;", atsr ? "all-ports" : "required");
	}
	if (atsr && entry->segment)
		fprintf(out, " segment = %u;", entry->segment);
	if (count)
		acpi_text_rids(out, atsr ? "ports" : "devices", entry->segment, rids, count);
	fprintf(out, " }");
	free(rids);
	return 0;
}

/* One structure's text; those without anything that a platform can hold are left out. */
static bool has_text(const struct acpi_dmar_entry *entry)
{
	return entry->type == ACPI_DRHD || entry->type == ACPI_RMRR || entry->scope_count ||
	       (entry->type == ACPI_ATSR && entry->flags & 1);
}

static int text_section(const struct dmar_text *to, enum acpi_dmar_type type, const char *name)
{
	bool any = false;
	int rc = 0;

	for (unsigned i = 0; i < to->dmar->entry_count && !rc; i++) {
		const struct acpi_dmar_entry *entry = &to->dmar->entry[i];

		if (entry->type != type || !has_text(entry))
			continue;
		if (any)
			fprintf(to->text.out, ",");
		else
			fprintf(to->text.out, "%s = (", name);
		any = true;
		rc = type == ACPI_DRHD ? text_drhd(to, entry) : text_named(to, entry);
	}
	if (any)
		fprintf(to->text.out, "\n);\n");
	return rc;
}

/* What no key can say. */
static void text_comments(const struct dmar_text *to)
{
	FILE *out = to->text.out;

	if (to->dmar->flags & ACPI_DMAR_X2APIC_OPT_OUT)
		fprintf(out, "# the firmware asks for no x2APIC\n");
	if (to->dmar->flags & ACPI_DMAR_PLATFORM_OPT_IN)
		fprintf(out, "# the firmware asks for protection from external devices\n");
	for (unsigned i = 0; i < to->dmar->entry_count; i++) {
		const struct acpi_dmar_entry *entry = &to->dmar->entry[i];

		if (entry->type >= ACPI_DMAR_UNKNOWN ||
		    (entry->type == ACPI_RHSA && entry->proximity > UINT16_MAX))
			fprintf(out, "# offset 0x%" PRIx32 ": a structure of type %u is left out\n",
				entry->offset, entry->type);
		if (entry->type == ACPI_DRHD && entry->size_lg2)
			fprintf(out, "# offset 0x%" PRIx32 ": %u pages of registers\n",
				entry->offset, 1u << entry->size_lg2);
	}
}

static int write_text(struct dmar_text *to)
{
	int rc = find_buses(to);

	if (rc)
		return rc;
	acpi_text_sort(&to->text);
	acpi_text_machine(&to->text, to->dmar->haw, to->dmar->flags & ACPI_DMAR_INTR_REMAP);
	text_comments(to);
	rc = text_section(to, ACPI_DRHD, "units");
	if (rc)
		return rc;
	acpi_text_devices(&to->text);
	rc = text_section(to, ACPI_RMRR, "rmrr");
	if (!rc)
		rc = text_section(to, ACPI_ATSR, "atsr");
	return rc ? rc : text_section(to, ACPI_SATC, "satc");
}

int acpi_dmar_text(const struct acpi_dmar *dmar, const struct platform *known, char **text,
		   char *error, size_t error_len)
{
	struct dmar_text to = {
		.text = {.text = text, .known = known, .reader = {.table = "DMAR"}},
		.dmar = dmar,
	};
	int rc;

	to.text.reader.error = error;
	to.text.reader.error_len = error_len;
	rc = acpi_text_open(&to.text);
	if (!rc)
		rc = write_text(&to);
	rc = acpi_text_close(&to.text, rc);
	free(to.rid);
	return rc;
}
