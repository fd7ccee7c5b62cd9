// SPDX-License-Identifier: GPL-2.0-only
/*
 * softiommu platform acpi, import: between platforms and the tables that firmware hands out.
 *
 * Tables are files of raw bytes with the names that acpixtract gives them, so that they go where
 * those go: into iasl, into a virtual machine's -acpitable, or back in here.
 */
#include "cmd_platform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/acpi.h"

/* ---- acpi ---- */

static int table_write(const struct platform_options *options, const char *name,
		       const struct acpi_buf *table)
{
	const char *dir = options->output ? options->output : ".";
	char path[4096];
	bool written;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) {
		cli_error("%s: the name is too long", dir);
		return CLI_BAD;
	}
	file = fopen(path, "wb");
	written = file && fwrite(table->data, 1, table->len, file) == table->len;
	if (file && fclose(file))
		written = false;
	if (!written) {
		cli_error("%s: %s", path, strerror(errno));
		return CLI_BAD;
	}
	if (!options->json)
		printf("%s: %zu bytes\n", path, table->len);
	return CLI_OK;
}

struct table {
	const char *name;
	enum platform_unit_type type;
	int (*build)(const struct platform *platform, struct acpi_buf *buf, char *error,
		     size_t error_len);
};

static const struct table tables[] = {
	{"dmar.dat", PLATFORM_INTEL, acpi_dmar_build},
	{"ivrs.dat", PLATFORM_AMD, acpi_ivrs_build},
};

static bool has_unit(const struct platform *platform, enum platform_unit_type type)
{
	for (unsigned i = 0; i < platform->unit_count; i++)
		if (platform->unit[i].type == type)
			return true;
	return false;
}

static int table_make(const struct platform_options *options, const struct platform *platform,
		      const struct table *table, json_t *list)
{
	struct acpi_buf buf = {0};
	char error[512] = "";
	int status = CLI_BAD;

	if (table->build(platform, &buf, error, sizeof(error)))
		cli_error("%s", error);
	else
		status = table_write(options, table->name, &buf);
	json_array_append_new(list, json_pack("{s:s,s:I}", "file", table->name, "bytes",
					      (json_int_t)buf.len));
	acpi_buf_fini(&buf);
	return status;
}

int platform_acpi(const struct platform_options *options)
{
	json_t *list = json_array();
	struct platform *platform;
	int status = CLI_OK;
	char error[512];

	if (platform_load(options->name, &platform, error, sizeof(error))) {
		cli_error("%s", error);
		json_decref(list);
		return CLI_BAD;
	}
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(tables) && !status; i++)
		if (has_unit(platform, tables[i].type))
			status = table_make(options, platform, &tables[i], list);
	if (!status && !platform->unit_count) {
		cli_error("%s has no unit, expected one", options->name);
		status = CLI_BAD;
	}
	platform_destroy(platform);
	if (!status && options->json)
		return cli_json(list);
	json_decref(list);
	return status;
}

/* ---- import ---- */

/* One table's bytes, to be freed. NULL: told why. */
static uint8_t *table_read(const char *name, size_t *len)
{
	uint8_t *data = malloc(ACPI_TABLE_MAX + 1);
	FILE *file = fopen(name, "rb");

	if (!data || !file) {
		cli_error("%s: %s", name, strerror(errno));
		goto err_free;
	}
	*len = fread(data, 1, ACPI_TABLE_MAX + 1, file);
	if (ferror(file) || *len > ACPI_TABLE_MAX) {
		cli_error("%s: %s", name,
			  ferror(file) ? strerror(errno) : "too large, expected an ACPI table");
		goto err_free;
	}
	fclose(file);
	return data;

err_free:
	if (file)
		fclose(file);
	free(data);
	return NULL;
}

static int dmar_text(const uint8_t *data, size_t len, const struct platform *known, char **text,
		     char *error, size_t error_len)
{
	struct acpi_dmar dmar = {0};
	int rc = acpi_dmar_parse(data, len, &dmar, error, error_len);

	if (rc)
		return rc;
	rc = acpi_dmar_text(&dmar, known, text, error, error_len);
	acpi_dmar_fini(&dmar);
	return rc;
}

static int ivrs_text(const uint8_t *data, size_t len, const struct platform *known, char **text,
		     char *error, size_t error_len)
{
	struct acpi_ivrs ivrs = {0};
	int rc = acpi_ivrs_parse(data, len, &ivrs, error, error_len);

	if (rc)
		return rc;
	rc = acpi_ivrs_text(&ivrs, known, text, error, error_len);
	acpi_ivrs_fini(&ivrs);
	return rc;
}

static int table_text(const uint8_t *data, size_t len, const struct platform *known, char **text,
		      char *error, size_t error_len)
{
	if (len >= 4 && !memcmp(data, "DMAR", 4))
		return dmar_text(data, len, known, text, error, error_len);
	if (len >= 4 && !memcmp(data, "IVRS", 4))
		return ivrs_text(data, len, known, text, error, error_len);
	snprintf(error, error_len,
		 "no table of IOMMUs, expected one with the signature DMAR or IVRS");
	return -EINVAL;
}

int platform_import(const struct platform_options *options)
{
	struct platform *known = NULL;
	char *text = NULL, error[512] = "";
	uint8_t *data;
	size_t len;
	int rc;

	if (options->known && platform_load(options->known, &known, error, sizeof(error))) {
		cli_error("%s", error);
		return CLI_BAD;
	}
	data = table_read(options->name, &len);
	rc = data ? table_text(data, len, known, &text, error, sizeof(error)) : -ENOENT;
	if (data && rc)
		cli_error("%s: %s", options->name, error);
	if (!rc)
		fputs(text, stdout);
	free(text);
	free(data);
	platform_destroy(known);
	return rc ? CLI_BAD : CLI_OK;
}
