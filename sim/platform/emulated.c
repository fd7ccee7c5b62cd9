// SPDX-License-Identifier: GPL-2.0-only
/*
 * The `emulated` section: devices whose DMA a driver on the CPU does (mdev).
 *
 * Such a device is on no bus that an IOMMU sees, so it has a name instead of an address.
 */
#include "parse.h"

#include <string.h>

#include "dev/dev.h"

#define EMULATED(field) offsetof(struct platform_emulated, field)

static int parse_model(struct parser *parser, const config_setting_t *setting, void *object)
{
	struct platform_emulated *device = object;
	const char *names[32];
	unsigned count = 0, index;
	int rc;

	for (unsigned i = 0; dev_model_at(i) && count < SIO_ARRAY_SIZE(names); i++)
		if (strcmp(dev_model_at(i)->name, "bridge"))
			names[count++] = dev_model_at(i)->name;
	rc = setting_choice(parser, setting, names, count, &index);
	if (rc)
		return rc;
	strncpy(device->model, names[index], sizeof(device->model) - 1);
	return 0;
}

static const struct key emulated_keys[] = {
	{"name", KEY_TEXT, .offset = EMULATED(name),
	 .max = sizeof(((struct platform_emulated *)0)->name)},
	{"model", KEY_CALL, .call = parse_model},
};

static int emulated_parse(struct parser *parser, const config_setting_t *group, void *object)
{
	struct platform_emulated *device = object;
	uint16_t segment, rid;
	int rc;

	strcpy(device->model, "generic");
	rc = keys_parse(parser, group, "mdev", emulated_keys, SIO_ARRAY_SIZE(emulated_keys),
			device);
	if (rc)
		return rc;
	if (!*device->name)
		return parser_error(parser, device->place,
				    "an emulated device has no name, expected name = \"V\"");
	if (pci_parse_bdf(device->name, &segment, &rid))
		return parser_error(
			parser, device->place,
			"the emulated device \"%s\" has an address for a name, expected "
			"a name",
			device->name);
	return 0;
}

int emulated_parse_list(struct parser *parser, const config_setting_t *list, void *object)
{
	static const struct section section = {
		.name = "emulated",
		.size = sizeof(struct platform_emulated),
		.place = EMULATED(place),
		.each = emulated_parse,
	};
	struct platform *platform = object;
	void *array = NULL;
	int rc = section_parse(parser, list, &section, &array, &platform->emulated_count);

	platform->emulated = array;
	return rc;
}

int emulated_check(struct parser *parser)
{
	const struct platform *platform = parser->platform;

	for (unsigned i = 0; i < platform->emulated_count; i++) {
		const struct platform_emulated *device = &platform->emulated[i];
		unsigned line = 0;

		for (unsigned j = 0; j < platform->device_count; j++)
			if (!strcmp(device->name, platform->device[j].name))
				line = platform->device[j].place.line;
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(device->name, platform->emulated[j].name))
				line = platform->emulated[j].place.line;
		if (line)
			return parser_error(parser, device->place,
					    "the name \"%s\" is taken by the device of line %u, "
					    "expected another",
					    device->name, line);
	}
	return 0;
}
