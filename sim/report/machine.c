// SPDX-License-Identifier: GPL-2.0-only
/* The machine as lspci and the boot log would show it: units, devices, groups. */
#include "report.h"

#include <inttypes.h>
#include <string.h>

static const char *const driver_names[] = {
	[PLATFORM_VFIO_PCI] = "vfio-pci",
	[PLATFORM_HOST] = "host",
	[PLATFORM_NO_DRIVER] = "none",
};

static const char *const type_names[] = {
	[PCI_ENDPOINT] = "endpoint",           [PCI_RC_ENDPOINT] = "rc-endpoint",
	[PCI_CONVENTIONAL] = "conventional",   [PCI_ROOT_PORT] = "root port",
	[PCI_UPSTREAM_PORT] = "upstream port", [PCI_DOWNSTREAM_PORT] = "downstream port",
	[PCI_BRIDGE_PCIE_TO_PCI] = "bridge",   [PCI_BRIDGE_PCI_TO_PCIE] = "bridge",
	[PCI_BRIDGE_CONVENTIONAL] = "bridge",  [PCI_RC_EVENT_COLLECTOR] = "event collector",
};

/* ---- units ---- */

static uint64_t unit_pgsizes(const struct vtd_caps *caps)
{
	uint64_t bitmap = SIO_PAGE_SIZE;

	for (unsigned level = 1; level < 8; level++)
		if (caps->large_levels >> level & 1)
			bitmap |= SIO_PAGE_SIZE << 9 * level;
	return bitmap;
}

/* Widths of the tables that the unit walks: "39 48". */
static const char *unit_widths(char buf[REPORT_TEXT], const struct vtd_caps *caps)
{
	buf[0] = '\0';
	for (unsigned bit = 1; bit < 5; bit++) {
		size_t used = strlen(buf);

		if (caps->sagaw >> bit & 1)
			snprintf(buf + used, REPORT_TEXT - used, "%s%u", used ? " " : "",
				 30 + 9 * bit);
	}
	return buf;
}

struct feature {
	const char *name, *key;
	size_t offset;
};

static const struct feature features[] = {
	{"snoop control", "snoop-control", offsetof(struct vtd_caps, snoop_control)},
	{"interrupt remapping", "intremap", offsetof(struct vtd_caps, intremap)},
	{"extended interrupts", "eim", offsetof(struct vtd_caps, eim)},
	{"queued invalidation", "queued-invalidation", offsetof(struct vtd_caps, qi)},
	{"page-selective invalidation", "psi", offsetof(struct vtd_caps, psi)},
	{"pass-through", "pt", offsetof(struct vtd_caps, pass_through)},
	{"device TLBs", "device-tlb", offsetof(struct vtd_caps, device_tlb)},
	{"coherent walks", "coherent", offsetof(struct vtd_caps, coherent)},
	{"caching mode", "caching-mode", offsetof(struct vtd_caps, caching_mode)},
	{"write-buffer flushing", "rwbf", offsetof(struct vtd_caps, rwbf)},
	{"zero-length reads", "zlr", offsetof(struct vtd_caps, zlr)},
};

static bool has_feature(const struct vtd_caps *caps, const struct feature *feature)
{
	return *((const bool *)((const char *)caps + feature->offset));
}

static void show_scope(FILE *out, const struct sio_machine *machine, unsigned unit)
{
	const struct platform *platform = machine->platform;
	char bdf[16];

	fprintf(out, "        serves");
	if (platform->unit[unit].include_all)
		fprintf(out, " all that no other unit of segment %04x serves:",
			platform->unit[unit].segment);
	for (unsigned i = 0; i < platform->device_count; i++)
		if (platform->device[i].unit == (int)unit)
			fprintf(out, " %s",
				pci_format_bdf(bdf, platform->device[i].segment,
					       platform->device[i].rid,
					       platform->device[i].segment != 0));
	fprintf(out, "\n");
}

static void show_unit(FILE *out, const struct sio_machine *machine, unsigned index)
{
	const struct unit *unit = machine->unit[index].unit;
	const struct vtd_caps *caps = vtd_caps(unit);
	char widths[REPORT_TEXT], pages[REPORT_TEXT];
	const char *comma = "";

	fprintf(out, "  %s: VT-d, table widths %s, guest addresses of %u bits, pages %s\n",
		unit->name, unit_widths(widths, caps), caps->mgaw,
		report_pgsizes(pages, unit_pgsizes(caps)));
	fprintf(out, "        cap 0x%016" PRIx64 " ecap 0x%016" PRIx64 "\n", caps->cap, caps->ecap);
	fprintf(out, "        host addresses of %u bits, %u domains, %u fault record%s\n",
		caps->haw, caps->domain_ids, caps->fault_records,
		caps->fault_records == 1 ? "" : "s");
	fprintf(out, "        ");
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(features); i++) {
		if (!has_feature(caps, &features[i]))
			continue;
		fprintf(out, "%s%s", comma, features[i].name);
		comma = ", ";
	}
	fprintf(out, "%s\n", *comma ? "" : "no optional features");
	if (!caps->snoop_control)
		fprintf(out, "        no snoop control\n");
	show_scope(out, machine, index);
}

static json_t *unit_json(const struct machine_unit *from)
{
	const struct vtd_caps *caps = vtd_caps(from->unit);
	json_t *json = json_object(), *widths = json_array();

	for (unsigned bit = 1; bit < 5; bit++)
		if (caps->sagaw >> bit & 1)
			json_array_append_new(widths, json_integer(30 + 9 * bit));
	json_object_set_new(json, "name", json_string(from->unit->name));
	json_object_set_new(json, "type", json_string("intel"));
	json_object_set_new(json, "cap", report_hex(caps->cap));
	json_object_set_new(json, "ecap", report_hex(caps->ecap));
	json_object_set_new(json, "segment", json_integer(from->platform->segment));
	json_object_set_new(json, "include-all", json_boolean(from->platform->include_all));
	json_object_set_new(json, "table-widths", widths);
	json_object_set_new(json, "mgaw", json_integer(caps->mgaw));
	json_object_set_new(json, "haw", json_integer(caps->haw));
	json_object_set_new(json, "domains", json_integer(caps->domain_ids));
	json_object_set_new(json, "fault-records", json_integer(caps->fault_records));
	json_object_set_new(json, "page-sizes", report_hex(unit_pgsizes(caps)));
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(features); i++)
		json_object_set_new(json, features[i].key,
				    json_boolean(has_feature(caps, &features[i])));
	return json;
}

/* ---- devices and groups ---- */

static const char *device_unit(const struct sio_device *device)
{
	return device->iommu->unit ? device->iommu->unit->name : "no unit";
}

static void show_device(FILE *out, const struct sio_device *device)
{
	const struct platform_device *platform = device->platform;
	char group[24] = "no group";

	if (device->iommu->group)
		snprintf(group, sizeof(group), "group %d", device->iommu->group->id);
	fprintf(out, "  %s  %-8s  %-15s  %-12s  %-8s  %-7s  %s", device->bdf,
		*platform->name ? platform->name : "-", platform->model, type_names[platform->type],
		driver_names[platform->driver], device_unit(device), group);
	if (platform_is_bridge(platform))
		fprintf(out, "  bus %02x-%02x", platform->secondary_bus, platform->subordinate_bus);
	if (platform->acs)
		fprintf(out, "  ACS");
	fprintf(out, "\n");
}

static json_t *device_json(const struct sio_device *device)
{
	const struct platform_device *platform = device->platform;
	json_t *json = json_object();

	json_object_set_new(json, "bdf", json_string(device->bdf));
	json_object_set_new(json, "name",
			    *platform->name ? json_string(platform->name) : json_null());
	json_object_set_new(json, "model", json_string(platform->model));
	json_object_set_new(json, "type", json_string(type_names[platform->type]));
	json_object_set_new(json, "driver", json_string(driver_names[platform->driver]));
	json_object_set_new(json, "acs", json_boolean(platform->acs));
	json_object_set_new(json, "unit",
			    device->iommu->unit ? json_string(device->iommu->unit->name)
						: json_null());
	json_object_set_new(json, "group",
			    device->iommu->group ? json_integer(device->iommu->group->id)
						 : json_null());
	return json;
}

static void show_reserved(FILE *out, const struct iommu_group *group)
{
	static const char *const names[] = {
		[RESV_DIRECT] = "direct",     [RESV_DIRECT_RELAXABLE] = "direct-relaxable",
		[RESV_RESERVED] = "reserved", [RESV_MSI] = "msi",
		[RESV_SW_MSI] = "sw-msi",
	};
	struct resv_list list = {0};

	if (iommu_group_reserved(group, &list) == 0)
		for (unsigned i = 0; i < list.count; i++)
			fprintf(out, "; %s 0x%" PRIx64 "-0x%" PRIx64, names[list.region[i].type],
				list.region[i].first, list.region[i].last);
	resv_list_fini(&list);
}

static void show_groups(FILE *out, const struct sio_machine *machine)
{
	const struct iommu_group *group;
	char bdf[16];

	fprintf(out, "groups\n");
	for (int id = 0; (group = iommu_group_find(&machine->iommu, id)); id++) {
		fprintf(out, "  group %d:", id);
		for (const struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group)
			fprintf(out, " %s",
				pci_format_bdf(bdf, dev->pci->segment, dev->pci->rid, true));
		show_reserved(out, group);
		fprintf(out, "\n");
	}
}

void report_machine(FILE *out, struct sio_machine *machine)
{
	const struct platform *platform = machine->platform;
	char size[REPORT_TEXT];

	machine_enter(machine, false);
	fprintf(out, "platform %s", platform->name);
	if (platform->description)
		fprintf(out, ": %s", platform->description);
	fprintf(out, "\n  memory %s, kernel %s, interrupt remapping %s\n",
		report_size(size, machine->phys->ram_bytes), machine->iommu.personality->name,
		drv_vtd_intremap(machine->drv) ? "on" : "off");
	fprintf(out, "units\n");
	for (unsigned i = 0; i < machine->unit_count; i++)
		show_unit(out, machine, i);
	fprintf(out, "devices\n");
	for (unsigned i = 0; i < machine->device_count; i++)
		show_device(out, &machine->device[i]);
	show_groups(out, machine);
	machine_leave(machine);
}

json_t *report_machine_json(struct sio_machine *machine)
{
	const struct platform *platform = machine->platform;
	json_t *json = json_object(), *units = json_array(), *devices = json_array();

	machine_enter(machine, false);
	for (unsigned i = 0; i < machine->unit_count; i++)
		json_array_append_new(units, unit_json(&machine->unit[i]));
	for (unsigned i = 0; i < machine->device_count; i++)
		json_array_append_new(devices, device_json(&machine->device[i]));
	json_object_set_new(json, "platform", json_string(platform->name));
	json_object_set_new(json, "description",
			    platform->description ? json_string(platform->description)
						  : json_null());
	json_object_set_new(json, "ram", report_hex(machine->phys->ram_bytes));
	json_object_set_new(json, "kernel", json_string(machine->iommu.personality->name));
	json_object_set_new(json, "intremap", json_boolean(drv_vtd_intremap(machine->drv)));
	json_object_set_new(json, "units", units);
	json_object_set_new(json, "devices", devices);
	machine_leave(machine);
	return json;
}
