// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each container maps, through which domains, and why there is more than one of them.
 *
 * What iommufd contexts map follows: they are the other way to have devices (iommufds.c).
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

/* Units that the domain's groups are behind, each once. */
static void show_domain_units(FILE *out, const struct type1 *t1, unsigned n)
{
	const struct iommu_group *group, *earlier;

	for (unsigned m = 0; (group = t1_domain_group(t1, n, m)); m++) {
		const struct unit *unit = report_group_unit(group);
		bool seen = false;

		for (unsigned i = 0; i < m && (earlier = t1_domain_group(t1, n, i)); i++)
			seen |= report_group_unit(earlier) == unit;
		if (unit && !seen)
			fprintf(out, " %s", unit->name);
	}
}

static void show_domain(FILE *out, const struct type1 *t1, unsigned n)
{
	const struct iommu_group *group;
	bool enforce;
	const struct iommu_domain *domain = t1_domain_at(t1, n, &enforce);
	char pages[REPORT_TEXT];

	fprintf(out, "    domain %u: %s, pages %s, addresses up to 0x%" PRIx64 ", units",
		domain->id, enforce ? "snoop control enforced" : "snoop control not enforced",
		report_pgsizes(pages, domain->pgsize_bitmap), domain->aperture_last);
	show_domain_units(out, t1, n);
	fprintf(out, ", groups");
	for (unsigned m = 0; (group = t1_domain_group(t1, n, m)); m++)
		fprintf(out, " %d", group->id);
	fprintf(out, "\n");
}

/* A group joins a domain only if both enforce coherency or both do not, and the driver can share
 * it. */
static void show_why(FILE *out, const struct type1 *t1)
{
	const struct iommu_domain *first, *other;
	bool first_enforces, enforces, coherency = false, pages = false, width = false;

	first = t1_domain_at(t1, 0, &first_enforces);
	for (unsigned n = 1; (other = t1_domain_at(t1, n, &enforces)); n++) {
		coherency |= enforces != first_enforces;
		pages |= other->pgsize_bitmap != first->pgsize_bitmap;
		width |= other->aperture_last != first->aperture_last;
	}
	fprintf(out, "    why several: the units differ in%s%s%s%s%s%s\n",
		coherency ? " snoop control" : "", coherency && pages ? "," : "",
		pages ? " page sizes" : "", (coherency || pages) && width ? "," : "",
		width ? " address width" : "",
		coherency || pages || width ? "" : " what they can share");
}

static void show_emulated(FILE *out, const struct type1 *t1)
{
	const struct iommu_group *group;

	if (t1_emulated_group(t1, 0))
		fprintf(out, "    emulated: groups");
	for (unsigned n = 0; (group = t1_emulated_group(t1, n)); n++)
		fprintf(out, " %d", group->id);
	if (t1_emulated_group(t1, 0))
		fprintf(out, "; devices hold %" PRIu64 " pages\n", t1_device_pages(t1));
}

static void show_container(FILE *out, const struct type1 *t1, unsigned index)
{
	char size[REPORT_TEXT], pages[REPORT_TEXT];
	struct t1_stats stats;
	bool enforce;

	t1_stats(t1, &stats);
	fprintf(out,
		"  container %u: type1%s, %" PRIu64 " mappings, %s mapped, %" PRIu64
		" pages locked, pages %s, %u group%s, %u domain%s%s\n",
		index, stats.v2 ? " v2" : "", stats.mappings, report_size(size, stats.mapped_bytes),
		stats.locked_pages, report_pgsizes(pages, stats.pgsize_bitmap), stats.groups,
		stats.groups == 1 ? "" : "s", stats.domains, stats.domains == 1 ? "" : "s",
		stats.dirty_tracking ? ", dirty tracking" : "");
	for (unsigned n = 0; t1_domain_at(t1, n, &enforce); n++)
		show_domain(out, t1, n);
	show_emulated(out, t1);
	if (stats.domains > 1)
		show_why(out, t1);
}

static void show_space(FILE *out, const struct type1 *t1)
{
	struct t1_mapping mapping;
	iova_t first, last, from = 0;
	char size[REPORT_TEXT];

	for (unsigned n = 0; t1_iova_range_at(t1, n, &first, &last); n++)
		fprintf(out, "    usable 0x%016" PRIx64 "-0x%016" PRIx64 "\n", first, last);
	while (t1_mapping_at(t1, from, &mapping)) {
		fprintf(out,
			"    0x%016" PRIx64 "-0x%016" PRIx64 " %s %s at 0x%" PRIx64 ", %" PRIu64
			" pages locked, by operation %" PRIu64 "%s%s\n",
			mapping.first, mapping.last, report_prot(mapping.prot),
			report_size(size, mapping.last - mapping.first + 1), mapping.vaddr,
			mapping.locked_pages, mapping.op,
			mapping.iommu_mapped ? "" : ", not in the IOMMU",
			mapping.vaddr_invalid ? ", address invalid" : "");
		from = mapping.last + 1;
		if (!from)
			break;
	}
}

static bool show_all(FILE *out, struct sio_machine *machine, bool with_space)
{
	const struct type1 *t1;
	unsigned n;

	machine_look(machine);
	for (n = 0; (t1 = vfio_container_at(machine->vfio, n)); n++) {
		show_container(out, t1, n);
		if (with_space)
			show_space(out, t1);
	}
	n += report_iommufds(out, machine, with_space);
	machine_leave(machine);
	if (!n)
		fprintf(out, "  no container or iommufd is in use\n");
	return n != 0;
}

void report_containers(FILE *out, struct sio_machine *machine)
{
	show_all(out, machine, false);
}

bool report_maps(FILE *out, struct sio_machine *machine)
{
	return show_all(out, machine, true);
}

/* ---- JSON ---- */

static json_t *domain_json(const struct type1 *t1, unsigned n)
{
	const struct iommu_group *group;
	bool enforce;
	const struct iommu_domain *domain = t1_domain_at(t1, n, &enforce);
	json_t *json = json_object(), *groups = json_array();

	for (unsigned m = 0; (group = t1_domain_group(t1, n, m)); m++) {
		const struct unit *unit = report_group_unit(group);
		json_t *entry = json_object();

		json_object_set_new(entry, "group", json_integer(group->id));
		json_object_set_new(entry, "unit", unit ? json_string(unit->name) : json_null());
		json_array_append_new(groups, entry);
	}
	json_object_set_new(json, "domain", json_integer(domain->id));
	json_object_set_new(json, "snoop-control", json_boolean(enforce));
	json_object_set_new(json, "page-sizes", report_hex(domain->pgsize_bitmap));
	json_object_set_new(json, "last", report_hex(domain->aperture_last));
	json_object_set_new(json, "groups", groups);
	return json;
}

static json_t *emulated_json(const struct type1 *t1)
{
	const struct iommu_group *group;
	json_t *groups = json_array();

	for (unsigned n = 0; (group = t1_emulated_group(t1, n)); n++)
		json_array_append_new(groups, json_integer(group->id));
	return json_pack("{s:o, s:I}", "groups", groups, "pages", (json_int_t)t1_device_pages(t1));
}

static json_t *space_json(const struct type1 *t1)
{
	struct t1_mapping mapping;
	iova_t from = 0;
	json_t *list = json_array();

	while (t1_mapping_at(t1, from, &mapping)) {
		json_t *json = json_object();

		json_object_set_new(json, "first", report_hex(mapping.first));
		json_object_set_new(json, "last", report_hex(mapping.last));
		json_object_set_new(json, "vaddr", report_hex(mapping.vaddr));
		json_object_set_new(json, "prot", json_string(report_prot(mapping.prot)));
		json_object_set_new(json, "locked-pages",
				    json_integer((json_int_t)mapping.locked_pages));
		json_object_set_new(json, "operation", json_integer((json_int_t)mapping.op));
		json_array_append_new(list, json);
		from = mapping.last + 1;
		if (!from)
			break;
	}
	return list;
}

static json_t *container_json(const struct type1 *t1)
{
	json_t *json = json_object(), *domains = json_array(), *usable = json_array();
	struct t1_stats stats;
	iova_t first, last;
	bool enforce;

	t1_stats(t1, &stats);
	for (unsigned n = 0; t1_domain_at(t1, n, &enforce); n++)
		json_array_append_new(domains, domain_json(t1, n));
	for (unsigned n = 0; t1_iova_range_at(t1, n, &first, &last); n++) {
		json_t *range = json_object();

		json_object_set_new(range, "first", report_hex(first));
		json_object_set_new(range, "last", report_hex(last));
		json_array_append_new(usable, range);
	}
	json_object_set_new(json, "type", json_string(stats.v2 ? "type1v2" : "type1"));
	json_object_set_new(json, "mappings", json_integer((json_int_t)stats.mappings));
	json_object_set_new(json, "mapped-bytes", report_hex(stats.mapped_bytes));
	json_object_set_new(json, "locked-pages", json_integer((json_int_t)stats.locked_pages));
	json_object_set_new(json, "page-sizes", report_hex(stats.pgsize_bitmap));
	json_object_set_new(json, "dma-avail", json_integer((json_int_t)stats.dma_avail));
	json_object_set_new(json, "domains", domains);
	if (t1_emulated_group(t1, 0))
		json_object_set_new(json, "emulated", emulated_json(t1));
	json_object_set_new(json, "usable", usable);
	json_object_set_new(json, "space", space_json(t1));
	return json;
}

json_t *report_maps_json(struct sio_machine *machine)
{
	json_t *json = json_array();
	const struct type1 *t1;

	machine_look(machine);
	for (unsigned n = 0; (t1 = vfio_container_at(machine->vfio, n)); n++)
		json_array_append_new(json, container_json(t1));
	report_iommufds_json(json, machine);
	machine_leave(machine);
	return json;
}
