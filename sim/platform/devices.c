// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `devices` section: PCI functions, bridges, and devices on a platform bus.
 *
 * A device on a platform bus has a name in the ACPI namespace or a hardware id. To an IOMMU it is a
 * requester id like any other (DMAR's ANDD, IVHD's ACPI HID entry); no program can have it, since
 * vfio-pci binds PCI functions only.
 */
#include "parse.h"

#include <stdlib.h>
#include <string.h>

#include "dev/dev.h"

#define DEVICE(field) offsetof(struct platform_device, field)

/* Bridges have no device model; the name says what they are on the bus. */
static const struct {
	const char *model;
	enum pci_type type;
} bridges[] = {
	{"pcie-root-port", PCI_ROOT_PORT},           {"x3130-upstream", PCI_UPSTREAM_PORT},
	{"xio3130-downstream", PCI_DOWNSTREAM_PORT}, {"pcie-pci-bridge", PCI_BRIDGE_PCIE_TO_PCI},
	{"pci-bridge", PCI_BRIDGE_CONVENTIONAL},
};

static const struct {
	const char *name;
	enum pci_type type;
} types[] = {
	{"endpoint", PCI_ENDPOINT},
	{"rc-endpoint", PCI_RC_ENDPOINT},
	{"conventional", PCI_CONVENTIONAL},
	{"event-collector", PCI_RC_EVENT_COLLECTOR},
};

static const char *const drivers[] = {
	[PLATFORM_VFIO_PCI] = "vfio-pci",
	[PLATFORM_HOST] = "host",
	[PLATFORM_NO_DRIVER] = "none",
	[PLATFORM_PCI_STUB] = "pci-stub",
};

const char *platform_driver_name(enum platform_driver driver)
{
	return drivers[driver];
}

static int parse_bdf(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_device *device = object;

	return setting_bdf(parser, setting, &device->segment, &device->rid);
}

static int parse_model(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_device *device = object;
	const char *names[32];
	unsigned count = 0, index;
	int rc;

	for (; count < SIO_ARRAY_SIZE(bridges); count++)
		names[count] = bridges[count].model;
	for (unsigned i = 0; dev_model_at(i) && count < SIO_ARRAY_SIZE(names); i++)
		if (strcmp(dev_model_at(i)->name, "bridge"))
			names[count++] = dev_model_at(i)->name;
	rc = setting_choice(parser, setting, names, count, &index);
	if (rc)
		return rc;
	strncpy(device->model, names[index], sizeof(device->model) - 1);
	return 0;
}

static int parse_driver(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_device *device = object;
	unsigned index;
	int rc = setting_choice(parser, setting, drivers, SIO_ARRAY_SIZE(drivers), &index);

	device->driver = (enum platform_driver)index;
	return rc;
}

static int parse_type(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_device *device = object;
	const char *names[SIO_ARRAY_SIZE(types)];
	unsigned index;
	int rc;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(types); i++)
		names[i] = types[i].name;
	rc = setting_choice(parser, setting, names, SIO_ARRAY_SIZE(types), &index);
	if (rc)
		return rc;
	device->type = types[index].type;
	device->typed = true;
	return 0;
}

/* Other ids that the device's DMA carries, as for hardware that Linux lists as a quirk. */
static int parse_aliases(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_device *device = object;
	uint16_t segment, *rids = NULL;
	unsigned count = 0;
	int rc = setting_bdf_list(parser, setting, &segment, &rids, &count);

	if (!rc && count > SIO_ARRAY_SIZE(device->alias_devfns))
		rc = parser_error(parser, parser_place(parser, setting),
				  "aliases has %u entries, expected at most %zu", count,
				  SIO_ARRAY_SIZE(device->alias_devfns));
	/* The bus is compared when that of the device is known, whatever the order of keys. */
	for (unsigned i = 0; i < count && !rc; i++) {
		device->alias_devfns[i] = (uint8_t)rids[i];
		if (rids[i] >> 8 != rids[0] >> 8)
			rc = parser_error(parser, parser_place(parser, setting),
					  "aliases on two buses, expected the device's own");
	}
	device->alias_bus = count ? (uint8_t)(rids[0] >> 8) : 0;
	device->alias_count = (uint8_t)count;
	free(rids);
	return rc;
}

#define TEXT(field) \
	KEY_TEXT, .offset = DEVICE(field), .max = sizeof(((struct platform_device *)0)->field)

static const struct key device_keys[] = {
	{"name", TEXT(name)},
	{"acpi", TEXT(acpi)},
	{"hid", TEXT(hid)},
	{"uid", TEXT(uid)},
	{"bdf", KEY_CALL, .call = parse_bdf},
	{"model", KEY_CALL, .call = parse_model},
	{"driver", KEY_CALL, .call = parse_driver},
	{"type", KEY_CALL, .call = parse_type},
	{"acs", KEY_BOOL, .offset = DEVICE(acs)},
	{"acs-enabled", KEY_BOOL, .offset = DEVICE(acs_enabled)},
	{"aliases", KEY_CALL, .call = parse_aliases},
	{"ats", KEY_BOOL, .offset = DEVICE(ats)},
	{"multifunction", KEY_BOOL, .offset = DEVICE(multifunction)},
	{"dma-mask", KEY_U64, .offset = DEVICE(dma_mask)},
	{"secondary-bus", KEY_U8, .offset = DEVICE(secondary_bus), .min = 1},
	{"subordinate-bus", KEY_U8, .offset = DEVICE(subordinate_bus), .min = 1},
};

/* Models without a PCI Express capability. */
static bool is_conventional(const char *model)
{
	return !strcmp(model, "edu") || !strcmp(model, "serial") || !strcmp(model, "generic");
}

static int function_finish(struct parser *parser, struct platform_device *device)
{
	if (device->secondary_bus || device->subordinate_bus)
		return parser_error(parser, device->place,
				    "a device of model %s has buses below it, expected a bridge",
				    device->model);
	if (!device->typed && is_conventional(device->model))
		device->type = PCI_CONVENTIONAL;
	return 0;
}

/* It stands by itself on the root bus, as a group of its own. */
static int acpi_finish(struct parser *parser, const config_setting_t *group,
		       struct platform_device *device)
{
	static const char *const pci_only[] = {"type",          "acs", "acs-enabled",
					       "multifunction", "ats", "aliases"};

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(pci_only); i++)
		if (config_setting_get_member(group, pci_only[i]))
			return parser_error(parser, device->place,
					    "a device on a platform bus has the key %s, expected a "
					    "PCI function or no such key",
					    pci_only[i]);
	if (platform_is_bridge(device))
		return parser_error(parser, device->place,
				    "a bridge on a platform bus, expected a device");
	if (!config_setting_get_member(group, "driver"))
		device->driver = PLATFORM_HOST;
	if (device->driver == PLATFORM_VFIO_PCI || device->driver == PLATFORM_PCI_STUB)
		return parser_error(parser, device->place,
				    "%s for a device on a platform bus, expected driver = "
				    "\"host\" or \"none\"",
				    platform_driver_name(device->driver));
	device->type = PCI_RC_ENDPOINT;
	device->typed = true;
	return function_finish(parser, device);
}

static int bridge_finish(struct parser *parser, const config_setting_t *group,
			 struct platform_device *device)
{
	if (device->typed || config_setting_get_member(group, "driver"))
		return parser_error(parser, device->place,
				    "a bridge has a type or driver, expected its model alone");
	device->driver = PLATFORM_NO_DRIVER;
	if (!device->secondary_bus)
		return parser_error(parser, device->place,
				    "a bridge has no secondary-bus, expected its number");
	if (!device->subordinate_bus)
		device->subordinate_bus = device->secondary_bus;
	return 0;
}

/* A bridge's type follows from its model; a function's from its model and where it sits. */
static int device_finish(struct parser *parser, const config_setting_t *group,
			 struct platform_device *device)
{
	static const char *const required[] = {"bdf", "model"};

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(required); i++)
		if (!config_setting_get_member(group, required[i]))
			return parser_error(parser, device->place,
					    "a device has no %s, expected %s = \"%s\"", required[i],
					    required[i], i ? "edu" : "01:00.0");
	if (device->alias_count && device->alias_bus != device->rid >> 8)
		return parser_error(parser, device->place,
				    "aliases on bus %02x, expected the device's own bus %02x",
				    device->alias_bus, device->rid >> 8);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(bridges); i++)
		if (!strcmp(device->model, bridges[i].model))
			device->type = bridges[i].type;
	if (platform_is_acpi(device))
		return acpi_finish(parser, group, device);
	return platform_is_bridge(device) ? bridge_finish(parser, group, device)
					  : function_finish(parser, device);
}

static int device_parse(struct parser *parser, const config_setting_t *group, void *object)
{
	struct platform_device *device = object;
	int rc;

	device->type = PCI_ENDPOINT;
	device->dma_mask = UINT64_MAX;
	device->acs_enabled = true;
	device->unit = -1;
	rc = keys_parse(parser, group, "device", device_keys, SIO_ARRAY_SIZE(device_keys), device);
	return rc ? rc : device_finish(parser, group, device);
}

int devices_parse(struct parser *parser, const config_setting_t *list)
{
	static const struct section section = {
		.name = "devices",
		.size = sizeof(struct platform_device),
		.place = DEVICE(place),
		.each = device_parse,
	};
	void *array = NULL;
	int rc = section_parse(parser, list, &section, &array, &parser->platform->device_count);

	parser->platform->device = array;
	return rc;
}
