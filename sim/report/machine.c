// SPDX-License-Identifier: GPL-2.0-only
/* The machine as lspci and the boot log would show it: units, devices, groups. */
#include "report.h"

#include <inttypes.h>
#include <string.h>

static const char *const type_names[] = {
	[PCI_ENDPOINT] = "endpoint",           [PCI_RC_ENDPOINT] = "rc-endpoint",
	[PCI_CONVENTIONAL] = "conventional",   [PCI_ROOT_PORT] = "root port",
	[PCI_UPSTREAM_PORT] = "upstream port", [PCI_DOWNSTREAM_PORT] = "downstream port",
	[PCI_BRIDGE_PCIE_TO_PCI] = "bridge",   [PCI_BRIDGE_PCI_TO_PCIE] = "bridge",
	[PCI_BRIDGE_CONVENTIONAL] = "bridge",  [PCI_RC_EVENT_COLLECTOR] = "event collector",
};

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
	report_unit(out, &machine->unit[index]);
	show_scope(out, machine, index);
}

/* ---- devices and groups ---- */

static const char *device_unit(const struct sio_device *device)
{
	return device->iommu->unit ? device->iommu->unit->name : "no unit";
}

static const char *device_driver(const struct sio_device *device)
{
	return *device->iommu->bound_to ? device->iommu->bound_to : "none";
}

static const char *device_type(const struct platform_device *platform)
{
	return platform_is_acpi(platform) ? "platform bus" : type_names[platform->type];
}

static void show_device(FILE *out, const struct sio_device *device)
{
	const struct platform_device *platform = device->platform;
	char group[24] = "no group";

	if (device->iommu->group)
		snprintf(group, sizeof(group), "group %d", device->iommu->group->id);
	fprintf(out, "  %s  %-8s  %-15s  %-12s  %-8s  %-7s  %s", device->bdf,
		*platform->name ? platform->name : "-", platform->model, device_type(platform),
		device_driver(device), device_unit(device), group);
	if (platform_is_bridge(platform))
		fprintf(out, "  bus %02x-%02x", platform->secondary_bus, platform->subordinate_bus);
	if (platform->acs)
		fprintf(out, "  ACS%s", platform->acs_enabled ? "" : " off");
	if (platform->ats)
		fprintf(out, "  ATS");
	for (unsigned i = 0; i < device->fn->alias_count; i++)
		fprintf(out, "%s%02x.%x", i ? " " : "  alias ", device->fn->alias_devfns[i] >> 3,
			device->fn->alias_devfns[i] & 7u);
	if (platform_is_acpi(platform))
		fprintf(out, "  %s", *platform->acpi ? platform->acpi : platform->hid);
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
	json_object_set_new(json, "type", json_string(device_type(platform)));
	json_object_set_new(json, "driver", json_string(device_driver(device)));
	if (platform_is_acpi(platform))
		json_object_set_new(json, "acpi",
				    json_string(*platform->acpi ? platform->acpi : platform->hid));
	json_object_set_new(json, "acs", json_boolean(platform->acs && platform->acs_enabled));
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

static void show_emulated(FILE *out, const struct sio_machine *machine)
{
	if (machine->emulated)
		fprintf(out, "emulated\n");
	for (const struct sio_device *device = machine->emulated; device; device = device->next)
		fprintf(out, "  %s  %s  group %d\n", device->name, device->pci->model,
			vfio_device_group(device->vfio));
}

static json_t *emulated_json(const struct sio_machine *machine)
{
	json_t *list = json_array();

	for (const struct sio_device *device = machine->emulated; device; device = device->next)
		json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "name", device->name,
						      "model", device->pci->model, "group",
						      vfio_device_group(device->vfio)));
	return list;
}

/* Devices that the IOMMU core does not know. */
static void show_members(FILE *out, const struct sio_machine *machine,
			 const struct iommu_group *group)
{
	if (group->devices) {
		fprintf(out, " without an IOMMU");
		return;
	}
	for (const struct sio_device *device = machine->emulated; device; device = device->next)
		if (vfio_device_group(device->vfio) == group->id)
			fprintf(out, " %s, emulated", device->name);
}

static void show_groups(FILE *out, const struct sio_machine *machine)
{
	const struct iommu_group *group;
	char bdf[16];

	fprintf(out, "groups\n");
	for (int id = 0; (group = iommu_group_find(&machine->iommu, id)); id++) {
		fprintf(out, "  group %d:", id);
		for (const struct iommu_device *dev = group->devices; dev;
		     dev = dev->next_in_group) {
			if (dev->pci)
				fprintf(out, " %s",
					pci_format_bdf(bdf, dev->pci->segment, dev->pci->rid,
						       true));
			else
				fprintf(out, " virtual%u", dev->bus);
		}
		if (group->bare)
			show_members(out, machine, group);
		show_reserved(out, group);
		fprintf(out, "\n");
	}
}

void report_machine(FILE *out, struct sio_machine *machine)
{
	const struct platform *platform = machine->platform;
	char size[REPORT_TEXT];

	machine_look(machine);
	fprintf(out, "platform %s", platform->name);
	if (platform->description)
		fprintf(out, ": %s", platform->description);
	fprintf(out, "\n  memory %s, kernel %s, interrupt remapping %s\n",
		report_size(size, machine->phys->ram_bytes), machine->iommu.personality->name,
		machine_intremap(machine) ? "on" : "off");
	fprintf(out, "units\n");
	for (unsigned i = 0; i < machine->unit_count; i++)
		show_unit(out, machine, i);
	fprintf(out, "devices\n");
	for (unsigned i = 0; i < machine->device_count; i++)
		show_device(out, &machine->device[i]);
	show_emulated(out, machine);
	show_groups(out, machine);
	machine_leave(machine);
}

json_t *report_machine_json(struct sio_machine *machine)
{
	const struct platform *platform = machine->platform;
	json_t *json = json_object(), *units = json_array(), *devices = json_array();

	machine_look(machine);
	for (unsigned i = 0; i < machine->unit_count; i++)
		json_array_append_new(units, report_unit_json(&machine->unit[i]));
	for (unsigned i = 0; i < machine->device_count; i++)
		json_array_append_new(devices, device_json(&machine->device[i]));
	if (machine->emulated)
		json_object_set_new(json, "emulated", emulated_json(machine));
	json_object_set_new(json, "platform", json_string(platform->name));
	json_object_set_new(json, "description",
			    platform->description ? json_string(platform->description)
						  : json_null());
	json_object_set_new(json, "ram", report_hex(machine->phys->ram_bytes));
	json_object_set_new(json, "kernel", json_string(machine->iommu.personality->name));
	json_object_set_new(json, "intremap", json_boolean(machine_intremap(machine)));
	json_object_set_new(json, "units", units);
	json_object_set_new(json, "devices", devices);
	machine_leave(machine);
	return json;
}
