// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `devices` and `rmrr` sections: PCI functions, bridges, and memory that firmware reserves for
 * some of them.
 */
#include "parse.h"

#include <stdlib.h>
#include <string.h>

#include "dev/dev.h"

#define DEVICE(field) offsetof(struct platform_device, field)
#define RMRR(field)   offsetof(struct platform_rmrr, field)

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
	static const char *const drivers[] = {"vfio-pci", "host", "none"};
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

static const struct key device_keys[] = {
	{"name", KEY_TEXT, .offset = DEVICE(name),
	 .max = sizeof(((struct platform_device *)0)->name)},
	{"bdf", KEY_CALL, .call = parse_bdf},
	{"model", KEY_CALL, .call = parse_model},
	{"driver", KEY_CALL, .call = parse_driver},
	{"type", KEY_CALL, .call = parse_type},
	{"acs", KEY_BOOL, .offset = DEVICE(acs)},
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
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(bridges); i++)
		if (!strcmp(device->model, bridges[i].model))
			device->type = bridges[i].type;
	if (!platform_is_bridge(device)) {
		if (device->secondary_bus || device->subordinate_bus)
			return parser_error(
				parser, device->place,
				"a device of model %s has buses below it, expected a bridge",
				device->model);
		if (!device->typed && is_conventional(device->model))
			device->type = PCI_CONVENTIONAL;
		return 0;
	}
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

int devices_parse(struct parser *parser, const config_setting_t *list)
{
	struct platform *platform = parser->platform;
	unsigned count = (unsigned)config_setting_length(list);
	int rc = 0;

	if (!config_setting_is_list(list))
		return parser_error(parser, parser_place(parser, list),
				    "devices is no list, expected ( { ... }, ... )");
	platform->device = calloc(count ? count : 1, sizeof(*platform->device));
	if (!platform->device)
		return parser_no_memory(parser);
	for (unsigned i = 0; i < count && !rc; i++) {
		const config_setting_t *group = config_setting_get_elem(list, i);
		struct platform_device *device = &platform->device[i];

		*device = (struct platform_device){
			.place = parser_place(parser, group),
			.type = PCI_ENDPOINT,
			.dma_mask = UINT64_MAX,
			.unit = -1,
		};
		platform->device_count = i + 1;
		rc = keys_parse(parser, group, "device", device_keys, SIO_ARRAY_SIZE(device_keys),
				device);
		if (!rc)
			rc = device_finish(parser, group, device);
	}
	return rc;
}

static int parse_rmrr_devices(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_rmrr *rmrr = object;
	unsigned count = (unsigned)config_setting_length(setting);
	int rc = 0;

	if ((!config_setting_is_list(setting) && !config_setting_is_array(setting)) || !count)
		return parser_error(
			parser, parser_place(parser, setting),
			"devices is no list of addresses, expected ( \"00:02.0\", ... )");
	rmrr->rids = calloc(count, sizeof(*rmrr->rids));
	if (!rmrr->rids)
		return parser_no_memory(parser);
	for (unsigned i = 0; i < count && !rc; i++) {
		const config_setting_t *entry = config_setting_get_elem(setting, i);
		uint16_t segment;

		rc = setting_bdf(parser, entry, &segment, &rmrr->rids[i]);
		if (rc)
			return rc;
		if (i && segment != rmrr->segment)
			return parser_error(parser, parser_place(parser, entry),
					    "devices of two segments, expected one for each rmrr");
		rmrr->segment = segment;
		rmrr->count = i + 1;
	}
	return rc;
}

static const struct key rmrr_keys[] = {
	{"first", KEY_U64, .offset = RMRR(first)},
	{"last", KEY_U64, .offset = RMRR(last)},
	{"devices", KEY_CALL, .call = parse_rmrr_devices},
	{"relaxable", KEY_BOOL, .offset = RMRR(relaxable)},
};

static int rmrr_finish(struct parser *parser, const struct platform_rmrr *rmrr)
{
	if (!rmrr->count)
		return parser_error(parser, rmrr->place,
				    "an rmrr has no devices, expected at least one");
	if (!sio_is_aligned(rmrr->first, SIO_PAGE_SIZE) ||
	    !sio_is_aligned(rmrr->last + 1, SIO_PAGE_SIZE) || rmrr->first >= rmrr->last)
		return parser_error(
			parser, rmrr->place,
			"an rmrr is no range of whole pages, expected first = 0x...000 below last "
			"= 0x...fff");
	return 0;
}

int rmrr_parse(struct parser *parser, const config_setting_t *list)
{
	struct platform *platform = parser->platform;
	unsigned count = (unsigned)config_setting_length(list);
	int rc = 0;

	if (!config_setting_is_list(list))
		return parser_error(parser, parser_place(parser, list),
				    "rmrr is no list, expected ( { ... }, ... )");
	platform->rmrr = calloc(count ? count : 1, sizeof(*platform->rmrr));
	if (!platform->rmrr)
		return parser_no_memory(parser);
	for (unsigned i = 0; i < count && !rc; i++) {
		const config_setting_t *group = config_setting_get_elem(list, i);
		struct platform_rmrr *rmrr = &platform->rmrr[i];

		rmrr->place = parser_place(parser, group);
		platform->rmrr_count = i + 1;
		rc = keys_parse(parser, group, "rmrr", rmrr_keys, SIO_ARRAY_SIZE(rmrr_keys), rmrr);
		if (!rc)
			rc = rmrr_finish(parser, rmrr);
	}
	return rc;
}
