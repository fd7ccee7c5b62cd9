// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a DMAR or IVRS: refused with one line, or platform text comes out of it; and if that
 * is a platform, its own table is a good one.
 *
 * Length and checksum are made good, or hardly an input would get past them.
 */
#include "fuzz.h"

#include "platform/acpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const char *error)
{
	fprintf(stderr, "acpi: %s: %s\n", what, error);
	abort();
}

static void check_line(const char *error)
{
	if (!error[0] || strchr(error, '\n'))
		fail("refused without one line that says why", error);
}

static void seal(uint8_t *data, size_t size)
{
	uint8_t sum = 0;

	if (size < 36)
		return;
	for (unsigned i = 0; i < 4; i++)
		data[4 + i] = (uint8_t)(size >> 8 * i);
	data[9] = 0;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + data[i]);
	data[9] = (uint8_t)-sum;
}

static char *dmar_text(const uint8_t *data, size_t size, char *error, size_t error_len)
{
	struct acpi_dmar dmar;
	char *text = NULL;

	if (acpi_dmar_parse(data, size, &dmar, error, error_len)) {
		check_line(error);
		return NULL;
	}
	if (acpi_dmar_text(&dmar, NULL, &text, error, error_len))
		check_line(error);
	acpi_dmar_fini(&dmar);
	return text;
}

static char *ivrs_text(const uint8_t *data, size_t size, char *error, size_t error_len)
{
	struct acpi_ivrs ivrs;
	char *text = NULL;

	if (acpi_ivrs_parse(data, size, &ivrs, error, error_len)) {
		check_line(error);
		return NULL;
	}
	if (acpi_ivrs_text(&ivrs, NULL, &text, error, error_len))
		check_line(error);
	acpi_ivrs_fini(&ivrs);
	return text;
}

/* The build reads its own table back. */
static void rebuild(const char *text, bool dmar, char *error, size_t error_len)
{
	struct platform *platform;
	struct acpi_buf buf;
	int rc;

	if (platform_parse(text, "text", &platform, error, error_len)) {
		check_line(error);
		return;
	}
	rc = dmar ? acpi_dmar_build(platform, &buf, error, error_len)
		  : acpi_ivrs_build(platform, &buf, error, error_len);
	if (rc)
		check_line(error);
	acpi_buf_fini(&buf);
	platform_destroy(platform);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool dmar = size && data[0] == 'D';
	char error[512] = "", *text;
	uint8_t *copy;

	if (size > 8192)
		return 0;
	fuzz_counts->inputs++;
	copy = malloc(size ? size : 1);
	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	seal(copy, size);
	text = dmar ? dmar_text(copy, size, error, sizeof(error))
		    : ivrs_text(copy, size, error, sizeof(error));
	if (text)
		rebuild(text, dmar, error, sizeof(error));
	free(text);
	free(copy);
	return 0;
}
