// SPDX-License-Identifier: GPL-2.0-only
/*
 * Platform text that says what an ACPI table says: the sections and values both tables share.
 *
 * Without a known platform the devices are those that the table names, of the model "generic" and
 * without a driver: the table says that they exist, not what they are.
 */
#include "acpi_priv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int acpi_text_open(struct acpi_text *text)
{
	*text->text = NULL;
	if (text->known) {
		text->device = text->known->device;
		text->device_count = text->known->device_count;
	}
	text->out = open_memstream(text->text, &text->len);
	return text->out ? 0 : acpi_no_memory(&text->reader);
}

int acpi_text_close(struct acpi_text *text, int rc)
{
	bool failed = text->out && ferror(text->out);

	if (text->out && fclose(text->out))
		failed = true;
	if (!text->known)
		free(text->device);
	if (!rc && failed)
		rc = acpi_no_memory(&text->reader);
	if (rc) {
		free(*text->text);
		*text->text = NULL;
	}
	return rc;
}

struct platform_device *acpi_text_device(struct acpi_text *text, uint16_t segment, uint16_t rid)
{
	struct platform_device *device =
		acpi_grow(text->device, text->device_count, sizeof(*device));

	if (!device)
		return NULL;
	text->device = device;
	device += text->device_count++;
	*device = (struct platform_device){
		.model = "generic",
		.segment = segment,
		.rid = rid,
		.type = PCI_RC_ENDPOINT,
		.typed = true,
		.driver = PLATFORM_NO_DRIVER,
		.acs_enabled = true,
		.dma_mask = UINT64_MAX,
		.unit = -1,
	};
	return device;
}

/* By place; of several that have one place, that on a platform bus says most. */
static int device_order(const void *left, const void *right)
{
	const struct platform_device *a = left, *b = right;

	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	if (a->rid != b->rid)
		return a->rid < b->rid ? -1 : 1;
	if (platform_is_acpi(a) != platform_is_acpi(b))
		return platform_is_acpi(a) ? -1 : 1;
	return strcmp(a->uid, b->uid);
}

void acpi_text_sort(struct acpi_text *text)
{
	unsigned kept = 0;

	if (text->known || !text->device_count)
		return;
	qsort(text->device, text->device_count, sizeof(*text->device), device_order);
	for (unsigned i = 1; i < text->device_count; i++) {
		const struct platform_device *last = &text->device[kept];

		if (last->segment != text->device[i].segment || last->rid != text->device[i].rid)
			text->device[++kept] = text->device[i];
	}
	text->device_count = kept + 1;
}

unsigned acpi_text_from(const struct acpi_text *text, uint16_t segment, uint16_t rid)
{
	unsigned low = 0, high = text->device_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct platform_device *device = &text->device[middle];

		if (device->segment < segment || (device->segment == segment && device->rid < rid))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* libconfig's numbers are signed; what they cannot hold stands in a string. */
void acpi_text_number(FILE *out, const char *key, uint64_t value)
{
	if (value > INT64_MAX)
		fprintf(out, " %s = \"0x%" PRIx64 "\";", key, value);
	else
		fprintf(out, " %s = 0x%" PRIx64 "%s;", key, value, value > INT32_MAX ? "L" : "");
}

void acpi_text_bdf(FILE *out, const char *key, uint16_t segment, uint16_t rid)
{
	char bdf[16];

	fprintf(out, " %s = \"%s\";", key, pci_format_bdf(bdf, segment, rid, segment != 0));
}

void acpi_text_rids(FILE *out, const char *key, uint16_t segment, const uint16_t *rids,
		    unsigned count)
{
	char bdf[16];

	fprintf(out, "\n    %s = (", key);
	for (unsigned i = 0; i < count; i++)
		fprintf(out, "%s%s\"%s\"", i ? "," : "", i && i % 6 == 0 ? "\n      " : " ",
			pci_format_bdf(bdf, segment, rids[i], segment != 0));
	fprintf(out, " );");
}

void acpi_text_string(FILE *out, const char *key, const char *text)
{
	fprintf(out, " %s = \"", key);
	for (; *text; text++)
		fprintf(out, *text == '\\' || *text == '"' ? "\\%c" : "%c", *text);
	fprintf(out, "\";");
}

void acpi_text_special(FILE *out, uint16_t segment, const struct platform_special *special,
		       unsigned count)
{
	char bdf[16];

	if (!count)
		return;
	fprintf(out, "\n    special = (");
	for (unsigned i = 0; i < count; i++)
		fprintf(out, "%s\n      { type = \"%s\"; id = %u; bdf = \"%s\"; }", i ? "," : "",
			special[i].kind == PLATFORM_IOAPIC ? "ioapic" : "hpet", special[i].id,
			pci_format_bdf(bdf, segment, special[i].rid, segment != 0));
	fprintf(out, " );");
}

bool acpi_text_is_name(const char *name, size_t size)
{
	if (!*name || strlen(name) >= size)
		return false;
	while (isgraph((unsigned char)*name))
		name++;
	return !*name;
}

void acpi_text_machine(struct acpi_text *text, unsigned haw, bool intremap)
{
	uint64_t ram = text->known ? text->known->ram_bytes : PLATFORM_RAM_DEFAULT;

	if (ram > UINT64_C(1) << haw)
		ram = UINT64_C(1) << haw;
	fprintf(text->out, "description = \"from the %s of a machine\";\n", text->reader.table);
	fprintf(text->out, "machine = { ram = \"%" PRIu64 "M\"; intremap = %s; };\n", ram >> 20,
		intremap ? "true" : "false");
}

static void text_bool(FILE *out, const char *key, bool value, bool by_default)
{
	if (value != by_default)
		fprintf(out, " %s = %s;", key, value ? "true" : "false");
}

static void text_names(FILE *out, const struct platform_device *device)
{
	if (*device->name)
		acpi_text_string(out, "name", device->name);
	if (*device->acpi)
		acpi_text_string(out, "acpi", device->acpi);
	if (*device->hid)
		acpi_text_string(out, "hid", device->hid);
	if (*device->uid)
		acpi_text_string(out, "uid", device->uid);
	acpi_text_bdf(out, "bdf", device->segment, device->rid);
	acpi_text_string(out, "model", device->model);
}

static const char *type_name(enum pci_type type)
{
	return type == PCI_ENDPOINT             ? "endpoint"
	       : type == PCI_CONVENTIONAL       ? "conventional"
	       : type == PCI_RC_EVENT_COLLECTOR ? "event-collector"
						: "rc-endpoint";
}

static void text_function(FILE *out, const struct platform_device *device)
{
	uint16_t alias[SIO_ARRAY_SIZE(device->alias_devfns)];

	fprintf(out, " driver = \"%s\";", platform_driver_name(device->driver));
	if (!platform_is_acpi(device))
		acpi_text_string(out, "type", type_name(device->type));
	for (unsigned i = 0; i < device->alias_count; i++)
		alias[i] = PCI_RID(device->rid >> 8, device->alias_devfns[i]);
	if (device->alias_count)
		acpi_text_rids(out, "aliases", device->segment, alias, device->alias_count);
}

static void text_device(FILE *out, const struct platform_device *device)
{
	fprintf(out, "\n  {");
	text_names(out, device);
	if (platform_is_bridge(device))
		fprintf(out, " secondary-bus = %u; subordinate-bus = %u;", device->secondary_bus,
			device->subordinate_bus);
	else
		text_function(out, device);
	text_bool(out, "acs", device->acs, false);
	text_bool(out, "acs-enabled", device->acs_enabled, true);
	text_bool(out, "ats", device->ats, false);
	text_bool(out, "multifunction", device->multifunction, false);
	if (device->dma_mask != UINT64_MAX)
		fprintf(out, " dma-mask = \"0x%" PRIx64 "\";", device->dma_mask);
	fprintf(out, " }");
}

void acpi_text_devices(struct acpi_text *text)
{
	fprintf(text->out, "devices = (");
	for (unsigned i = 0; i < text->device_count; i++) {
		fprintf(text->out, "%s", i ? "," : "");
		text_device(text->out, &text->device[i]);
	}
	fprintf(text->out, "\n);\n");
}
