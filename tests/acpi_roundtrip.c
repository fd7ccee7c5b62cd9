// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a platform to its tables and back: the same units, scopes and reserved memory.
 */
#include "acpi_fixture.h"

static const char *text_at(int n)
{
	const struct platform_preset *preset = n < 2 ? NULL : platform_preset_at((unsigned)n - 2);

	return n == 0 ? rich_intel : n == 1 ? rich_amd : preset ? preset->text : NULL;
}

static int texts(void)
{
	int count = 0;

	while (text_at(count))
		count++;
	return count;
}

/* Platform text of the table of one vendor; NULL: the platform has no unit of it. */
static char *through_dmar(const struct platform *platform, const struct platform *known)
{
	struct acpi_buf buf;
	struct acpi_dmar dmar;
	char *text = NULL, error[512] = "";
	int rc = acpi_dmar_build(platform, &buf, error, sizeof(error));

	if (rc == -2)
		return NULL;
	ck_assert_msg(rc == 0, "%s", error);
	ck_assert_msg(acpi_dmar_parse(buf.data, buf.len, &dmar, error, sizeof(error)) == 0, "%s",
		      error);
	ck_assert_msg(acpi_dmar_text(&dmar, known, &text, error, sizeof(error)) == 0, "%s", error);
	acpi_dmar_fini(&dmar);
	acpi_buf_fini(&buf);
	return text;
}

static char *through_ivrs(const struct platform *platform, const struct platform *known)
{
	struct acpi_buf buf;
	struct acpi_ivrs ivrs;
	char *text = NULL, error[512] = "";
	int rc = acpi_ivrs_build(platform, &buf, error, sizeof(error));

	if (rc == -2)
		return NULL;
	ck_assert_msg(rc == 0, "%s", error);
	ck_assert_msg(acpi_ivrs_parse(buf.data, buf.len, &ivrs, error, sizeof(error)) == 0, "%s",
		      error);
	ck_assert_msg(acpi_ivrs_text(&ivrs, known, &text, error, sizeof(error)) == 0, "%s", error);
	acpi_ivrs_fini(&ivrs);
	acpi_buf_fini(&buf);
	return text;
}

static const struct platform_unit *unit_named(const struct platform *platform, const char *name)
{
	for (unsigned i = 0; i < platform->unit_count; i++)
		if (!strcmp(platform->unit[i].name, name))
			return &platform->unit[i];
	ck_abort_msg("no unit %s", name);
}

static void same_unit(const struct platform_unit *a, const struct platform_unit *b)
{
	ck_assert_int_eq(a->type, b->type);
	ck_assert_uint_eq(a->haw, b->haw);
	ck_assert_uint_eq(a->segment, b->segment);
	ck_assert_msg(a->include_all == b->include_all, "include-all of unit %s", a->name);
	ck_assert_uint_eq(a->base, b->base);
	ck_assert(a->has_proximity == b->has_proximity);
	ck_assert_uint_eq(a->proximity, b->proximity);
	ck_assert_uint_eq(a->special_count, b->special_count);
	for (unsigned i = 0; i < a->special_count; i++) {
		ck_assert_int_eq(a->special[i].kind, b->special[i].kind);
		ck_assert_uint_eq(a->special[i].id, b->special[i].id);
		ck_assert_uint_eq(a->special[i].rid, b->special[i].rid);
	}
	ck_assert_uint_eq(a->cap, b->cap);
	ck_assert_uint_eq(a->ecap, b->ecap);
	ck_assert_uint_eq(a->version, b->version);
	ck_assert_int_eq(a->fault_codes, b->fault_codes);
	ck_assert(a->scalable_mode == b->scalable_mode);
	ck_assert(a->quiet_hits == b->quiet_hits);
	ck_assert_uint_eq(a->efr, b->efr);
	ck_assert_uint_eq(a->efr2, b->efr2);
	ck_assert_uint_eq(a->ivhd_cap, b->ivhd_cap);
	ck_assert_uint_eq(a->devid, b->devid);
	ck_assert_uint_eq(a->ivhd_type, b->ivhd_type);
	ck_assert_uint_eq(a->ivhd_flags, b->ivhd_flags);
}

/* As a set: a table has them in order of device. */
static void same_aliases(const struct platform_unit *a, const struct platform_unit *b)
{
	ck_assert_uint_eq(a->alias_count, b->alias_count);
	for (unsigned i = 0; i < a->alias_count; i++) {
		bool found = false;

		for (unsigned j = 0; j < b->alias_count; j++)
			found |= a->alias[i].rid == b->alias[j].rid &&
				 a->alias[i].alias == b->alias[j].alias;
		ck_assert_msg(found, "alias %u of unit %s", i, a->name);
	}
}

static void same_device(const struct platform_device *a, const struct platform_device *b)
{
	ck_assert_uint_eq(a->segment, b->segment);
	ck_assert_uint_eq(a->rid, b->rid);
	ck_assert_str_eq(a->name, b->name);
	ck_assert_str_eq(a->model, b->model);
	ck_assert_str_eq(a->acpi, b->acpi);
	ck_assert_str_eq(a->hid, b->hid);
	ck_assert_str_eq(a->uid, b->uid);
	ck_assert_int_eq(a->type, b->type);
	ck_assert_int_eq(a->driver, b->driver);
	ck_assert(a->acs == b->acs && a->acs_enabled == b->acs_enabled && a->ats == b->ats);
	ck_assert(a->multifunction == b->multifunction);
	ck_assert_uint_eq(a->secondary_bus, b->secondary_bus);
	ck_assert_uint_eq(a->subordinate_bus, b->subordinate_bus);
	ck_assert_uint_eq(a->dma_mask, b->dma_mask);
	ck_assert_uint_eq(a->alias_count, b->alias_count);
	ck_assert_mem_eq(a->alias_devfns, b->alias_devfns, sizeof(a->alias_devfns));
}

/* Those of the vendor that the table is about; the devices of other units have none. */
static void same_platform(const struct platform *a, const struct platform *b,
			  enum platform_unit_type type)
{
	unsigned units = 0;

	for (unsigned i = 0; i < a->unit_count; i++) {
		if (a->unit[i].type != type)
			continue;
		units++;
		same_unit(&a->unit[i], unit_named(b, a->unit[i].name));
		same_aliases(&a->unit[i], unit_named(b, a->unit[i].name));
	}
	ck_assert_uint_eq(units, b->unit_count);
	ck_assert_uint_eq(a->device_count, b->device_count);
	for (unsigned i = 0; i < a->device_count; i++) {
		int old = a->device[i].unit, new = b->device[i].unit;
		char bdf[16];

		same_device(&a->device[i], &b->device[i]);
		pci_format_bdf(bdf, a->device[i].segment, a->device[i].rid, true);
		if (old < 0 || a->unit[old].type != type)
			ck_assert_msg(new < 0, "%s has a unit now", bdf);
		else
			ck_assert_msg(new >= 0 && !strcmp(a->unit[old].name, b->unit[new].name),
				      "%s has another unit", bdf);
	}
	ck_assert_uint_eq(a->ram_bytes, b->ram_bytes);
	ck_assert(a->intremap == b->intremap);
}

static void same_rids(const uint16_t *a, unsigned count_a, const uint16_t *b, unsigned count_b)
{
	ck_assert_uint_eq(count_a, count_b);
	if (count_a)
		ck_assert_mem_eq(a, b, count_a * sizeof(*a));
}

static void same_ats(const struct platform_ats *a, unsigned count_a, const struct platform_ats *b,
		     unsigned count_b)
{
	ck_assert_uint_eq(count_a, count_b);
	for (unsigned i = 0; i < count_a; i++) {
		ck_assert_uint_eq(a[i].segment, b[i].segment);
		ck_assert(a[i].all == b[i].all);
		same_rids(a[i].rids, a[i].count, b[i].rids, b[i].count);
	}
}

static void same_rmrrs(const struct platform *a, const struct platform *b)
{
	ck_assert_uint_eq(a->rmrr_count, b->rmrr_count);
	for (unsigned i = 0; i < a->rmrr_count; i++) {
		ck_assert_uint_eq(a->rmrr[i].first, b->rmrr[i].first);
		ck_assert_uint_eq(a->rmrr[i].last, b->rmrr[i].last);
		ck_assert_uint_eq(a->rmrr[i].segment, b->rmrr[i].segment);
		ck_assert(a->rmrr[i].relaxable == b->rmrr[i].relaxable);
		same_rids(a->rmrr[i].rids, a->rmrr[i].count, b->rmrr[i].rids, b->rmrr[i].count);
	}
}

static void same_ivmds(const struct platform *a, const struct platform *b)
{
	ck_assert_uint_eq(a->ivmd_count, b->ivmd_count);
	for (unsigned i = 0; i < a->ivmd_count; i++) {
		ck_assert_uint_eq(a->ivmd[i].first, b->ivmd[i].first);
		ck_assert_uint_eq(a->ivmd[i].last, b->ivmd[i].last);
		ck_assert_uint_eq(a->ivmd[i].segment, b->ivmd[i].segment);
		ck_assert(a->ivmd[i].read == b->ivmd[i].read);
		ck_assert(a->ivmd[i].write == b->ivmd[i].write);
		ck_assert(a->ivmd[i].exclusion == b->ivmd[i].exclusion);
		same_rids(a->ivmd[i].rids, a->ivmd[i].count, b->ivmd[i].rids, b->ivmd[i].count);
	}
}

START_TEST(a_platform_comes_back_from_its_tables)
{
	struct platform *platform = platform_of(text_at(_i)), *again;
	char *dmar = through_dmar(platform, platform), *ivrs = through_ivrs(platform, platform);

	/* Tables are about units. */
	ck_assert(dmar || ivrs || !platform->unit_count);
	if (dmar) {
		again = platform_of(dmar);
		same_platform(platform, again, PLATFORM_INTEL);
		same_rmrrs(platform, again);
		same_ats(platform->atsr, platform->atsr_count, again->atsr, again->atsr_count);
		same_ats(platform->satc, platform->satc_count, again->satc, again->satc_count);
		platform_destroy(again);
	}
	if (ivrs) {
		again = platform_of(ivrs);
		same_platform(platform, again, PLATFORM_AMD);
		same_ivmds(platform, again);
		platform_destroy(again);
	}
	free(dmar);
	free(ivrs);
	platform_destroy(platform);
}
END_TEST

static struct acpi_buf dmar_of(const struct platform *platform)
{
	struct acpi_buf buf;
	char error[512] = "";

	ck_assert_msg(acpi_dmar_build(platform, &buf, error, sizeof(error)) == 0, "%s", error);
	return buf;
}

/* Without the platform at hand: what a table does not say makes no difference to the table. */
START_TEST(a_dmar_of_an_unknown_machine_gives_the_same_table_again)
{
	struct platform *platform = platform_of(text_at(_i)), *again;
	char *text = through_dmar(platform, NULL);
	struct acpi_buf first, second;

	if (text) {
		again = platform_of(text);
		first = dmar_of(platform);
		second = dmar_of(again);
		ck_assert_uint_eq(first.len, second.len);
		ck_assert_mem_eq(first.data, second.data, first.len);
		acpi_buf_fini(&first);
		acpi_buf_fini(&second);
		platform_destroy(again);
	}
	free(text);
	platform_destroy(platform);
}
END_TEST

START_TEST(an_ivrs_of_an_unknown_machine_gives_a_platform)
{
	struct platform *platform = platform_of(text_at(_i)), *again;
	char *text = through_ivrs(platform, NULL);

	if (text) {
		again = platform_of(text);
		for (unsigned i = 0, n = 0; i < platform->unit_count; i++) {
			if (platform->unit[i].type != PLATFORM_AMD)
				continue;
			ck_assert_uint_eq(again->unit[n].devid, platform->unit[i].devid);
			ck_assert_uint_eq(again->unit[n].base, platform->unit[i].base);
			ck_assert_uint_eq(again->unit[n].efr, platform->unit[i].efr);
			n++;
		}
		platform_destroy(again);
	}
	free(text);
	platform_destroy(platform);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("acpi_roundtrip");
	TCase *tc = tcase_create("roundtrip");

	tcase_add_loop_test(tc, a_platform_comes_back_from_its_tables, 0, texts());
	tcase_add_loop_test(tc, a_dmar_of_an_unknown_machine_gives_the_same_table_again, 0,
			    texts());
	tcase_add_loop_test(tc, an_ivrs_of_an_unknown_machine_gives_a_platform, 0, texts());
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
