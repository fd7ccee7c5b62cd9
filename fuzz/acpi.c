// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a DMAR or IVRS: refused with one line, or platform text comes out of it; and if that
 * is a platform, its own table is a good one.
 *
 * What the parser made of a table is what its bytes say, and the table of the platform says the
 * same of units and memory again (acpi_naive.h).
 *
 * Bytes that begin with a signature are a table; length and checksum are made good, or hardly an
 * input would get past them. Others are records that become structures (acpi_make.h).
 */
#include "fuzz.h"

#include "acpi_make.h"
#include "acpi_naive.h"
#include "records.h"

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

static void same(const char *what, const char *wrong)
{
	if (wrong && !fuzz_bare())
		fail(what, wrong);
}

/* The platform that a text describes, as a table. False: it cannot be had. */
static bool rebuild(const char *text, bool dmar, struct acpi_buf *buf)
{
	struct platform *platform;
	char error[512] = "";
	int rc;

	if (platform_parse(text, "text", &platform, error, sizeof(error))) {
		check_line(error);
		return false;
	}
	rc = dmar ? acpi_dmar_build(platform, buf, error, sizeof(error))
		  : acpi_ivrs_build(platform, buf, error, sizeof(error));
	if (rc)
		check_line(error);
	platform_destroy(platform);
	return !rc;
}

static void try_dmar(const uint8_t *data, size_t size)
{
	char error[512] = "", *text = NULL;
	struct acpi_dmar dmar, again;
	struct acpi_buf buf = {0};

	if (acpi_dmar_parse(data, size, &dmar, error, sizeof(error))) {
		check_line(error);
		return;
	}
	same("a DMAR is misread", naive_dmar_differs(data, size, &dmar));
	if (acpi_dmar_text(&dmar, NULL, &text, error, sizeof(error))) {
		check_line(error);
	} else if (rebuild(text, true, &buf)) {
		if (acpi_dmar_parse(buf.data, buf.len, &again, error, sizeof(error)))
			fail("the DMAR of its platform is no good", error);
		same("the DMAR of its platform is misread",
		     naive_dmar_differs(buf.data, buf.len, &again));
		same("the DMAR of its platform says something else of",
		     naive_dmar_lost(&dmar, &again));
		acpi_dmar_fini(&again);
	}
	acpi_buf_fini(&buf);
	free(text);
	acpi_dmar_fini(&dmar);
}

static void try_ivrs(const uint8_t *data, size_t size)
{
	char error[512] = "", *text = NULL;
	struct acpi_ivrs ivrs, again;
	struct acpi_buf buf = {0};

	if (acpi_ivrs_parse(data, size, &ivrs, error, sizeof(error))) {
		check_line(error);
		return;
	}
	same("an IVRS is misread", naive_ivrs_differs(data, size, &ivrs));
	if (acpi_ivrs_text(&ivrs, NULL, &text, error, sizeof(error))) {
		check_line(error);
	} else if (rebuild(text, false, &buf)) {
		if (acpi_ivrs_parse(buf.data, buf.len, &again, error, sizeof(error)))
			fail("the IVRS of its platform is no good", error);
		same("the IVRS of its platform is misread",
		     naive_ivrs_differs(buf.data, buf.len, &again));
		same("the IVRS of its platform says something else of",
		     naive_ivrs_lost(&ivrs, &again));
		acpi_ivrs_fini(&again);
	}
	acpi_buf_fini(&buf);
	free(text);
	acpi_ivrs_fini(&ivrs);
}

static bool is_table(const uint8_t *data, size_t size)
{
	return size >= 4 && (!memcmp(data, "DMAR", 4) || !memcmp(data, "IVRS", 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (size > ACPI_MAKE_MAX)
		return 0;
	fuzz_counts->inputs++;
	fuzz_counts->operations++;
	copy = malloc(ACPI_MAKE_MAX);
	if (!copy)
		return 0;
	if (is_table(data, size))
		memcpy(copy, data, size);
	else
		size = acpi_make(data, size, copy);
	seal(copy, size);
	/* No more than there is, so that reading on is seen. */
	copy = realloc(copy, size);
	if (copy && copy[0] == 'D')
		try_dmar(copy, size);
	else if (copy)
		try_ivrs(copy, size);
	free(copy);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct prng rng = {seed};

	/* Tables by a few bytes; what they become is fuzzed the usual way. */
	if (is_table(data, size)) {
		for (uint64_t n = 1 + prng_below(&rng, 4); n && size > 40; n--)
			data[36 + prng_below(&rng, size - 36)] = (uint8_t)(prng_next(&rng) >> 24);
		return size;
	}
	return records_mutate(data, size, max_size, seed);
}
