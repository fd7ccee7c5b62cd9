// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second reader: ACPICA's disassembler finds nothing to complain about in our tables.
 *
 * It reads every byte of a table by its own tables of fields and says so where they do not add up.
 * Where the program iasl is missing the tests are passed over, and say so.
 *
 * That of Debian 12 is older than SATC and IVHD type 0x40; these are left to the bytes that the
 * other tests have worked out by hand.
 */
#include "acpi_fixture.h"

#include <unistd.h>

static bool have_iasl(void)
{
	return system("iasl -v >/dev/null 2>&1") == 0;
}

static char *file_text(const char *dir, const char *name)
{
	static char text[1 << 18];
	char path[256];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "no %s", path);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

static void remove_all(const char *dir)
{
	static const char *const names[] = {"table.dat", "table.dsl", "out"};
	char path[256];

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* What iasl makes of a table; static, until the next call. */
static const char *disassemble(const struct acpi_buf *table)
{
	static const char *const complaints[] = {"nvalid",    "ncorrect",    "nknown",
						 "rror:",     "arning",      "**",
						 "too short", "Zero length", "Could not"};
	char dir[] = "/tmp/sio-acpi-XXXXXX", path[64], command[256];
	const char *out;
	FILE *file;
	int status;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/table.dat", dir);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(table->data, 1, table->len, file), table->len);
	fclose(file);
	snprintf(command, sizeof(command), "cd %s && iasl -d table.dat >out 2>&1", dir);
	status = system(command);
	out = file_text(dir, "out");
	ck_assert_msg(status == 0, "iasl: %s", out);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < SIO_ARRAY_SIZE(complaints); i++)
			ck_assert_msg(strstr(out, complaints[i]) == NULL,
				      "iasl says \"%s\": %.400s", complaints[i],
				      strstr(out, complaints[i]));
		out = file_text(dir, "table.dsl");
	}
	remove_all(dir);
	return out;
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned count = 0;

	for (; (text = strstr(text, what)); text++)
		count++;
	return count;
}

/* Without what is younger than Debian's iasl. */
static void age(struct platform *platform)
{
	for (unsigned i = 0; i < platform->satc_count; i++)
		free(platform->satc[i].rids);
	platform->satc_count = 0;
	for (unsigned i = 0; i < platform->unit_count; i++)
		if (platform->unit[i].ivhd_type == 0x40)
			platform->unit[i].ivhd_type = 0x11;
	for (unsigned i = 0; i < platform->device_count; i++)
		*platform->device[i].hid = '\0';
}

static void check_dmar(const struct platform *platform, unsigned units)
{
	struct acpi_buf table;
	const char *text;
	char error[512] = "";

	ck_assert_msg(!acpi_dmar_build(platform, &table, error, sizeof(error)), "%s", error);
	text = disassemble(&table);
	ck_assert_uint_eq(count_of(text, "[Hardware Unit Definition]"), units);
	ck_assert_uint_eq(count_of(text, "[Reserved Memory Region]"), platform->rmrr_count);
	ck_assert_uint_eq(count_of(text, "[Root Port ATS Capability]"), platform->atsr_count);
	acpi_buf_fini(&table);
}

static void check_ivrs(const struct platform *platform, unsigned units)
{
	struct acpi_buf table;
	const char *text;
	char error[512] = "";

	ck_assert_msg(!acpi_ivrs_build(platform, &table, error, sizeof(error)), "%s", error);
	text = disassemble(&table);
	ck_assert_uint_eq(count_of(text, "[Hardware Definition Block"), units);
	ck_assert_uint_ge(count_of(text, "[Memory Definition Block"), platform->ivmd_count);
	acpi_buf_fini(&table);
}

static void check_platform(struct platform *platform)
{
	unsigned units[2] = {0};

	age(platform);
	for (unsigned i = 0; i < platform->unit_count; i++)
		units[platform->unit[i].type]++;
	if (units[PLATFORM_INTEL])
		check_dmar(platform, units[PLATFORM_INTEL]);
	if (units[PLATFORM_AMD])
		check_ivrs(platform, units[PLATFORM_AMD]);
}

START_TEST(iasl_reads_the_tables_of_every_preset)
{
	struct platform *platform = platform_of(platform_preset_at((unsigned)_i)->text);

	check_platform(platform);
	platform_destroy(platform);
}
END_TEST

START_TEST(iasl_reads_a_dmar_of_every_structure)
{
	struct platform *platform = platform_of(rich_intel);

	check_platform(platform);
	platform_destroy(platform);
}
END_TEST

START_TEST(iasl_reads_an_ivrs_of_every_entry)
{
	struct platform *platform = platform_of(rich_amd);

	check_platform(platform);
	platform_destroy(platform);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("acpi_iasl");
	TCase *tc = tcase_create("iasl");
	int presets = 0;

	if (!have_iasl()) {
		puts("iasl (acpica-tools) is not installed: nothing compared");
		return 0;
	}
	while (platform_preset_at((unsigned)presets))
		presets++;
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, iasl_reads_the_tables_of_every_preset, 0, presets);
	tcase_add_test(tc, iasl_reads_a_dmar_of_every_structure);
	tcase_add_test(tc, iasl_reads_an_ivrs_of_every_entry);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
