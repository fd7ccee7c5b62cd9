// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMAR tables read and written, against bytes worked out by hand from the specification.
 */
#include "acpi_fixture.h"

#include <stdio.h>

/* 39 bits of host address, interrupt remapping. */
#define FIXED "26 01 00000000000000000000"
/* One that serves everything, at 0xfed90000. */
#define DRHD_ALL "0000 1000 01 00 0000 0000d9fe00000000"

static int parse(const struct bytes *bytes, struct acpi_dmar *dmar, char *error, size_t len)
{
	uint8_t *copy = exact_copy(bytes->at, bytes->len);
	int rc = acpi_dmar_parse(copy, bytes->len, dmar, error, len);

	free(copy);
	return rc;
}

static struct acpi_dmar good(const char *structs)
{
	struct bytes bytes = table("DMAR", FIXED, structs);
	struct acpi_dmar dmar;
	char error[256] = "";

	ck_assert_msg(parse(&bytes, &dmar, error, sizeof(error)) == 0, "%s", error);
	return dmar;
}

START_TEST(every_structure_reads_as_the_manual_lays_it_out)
{
	struct acpi_dmar dmar = good("0000 2200 00 01 0000 0020d9fe00000000"
				     "01 08 0000 00 00 02 00"       /* 00:02.0 */
				     "02 0a 0000 00 40 1c 00 00 01" /* 40:1c.0, then 00.1 */
				     "0000 2800 01 00 0000 0010d9fe00000000"
				     "03 08 0000 02 f0 1f 00" /* IOAPIC 2 */
				     "04 08 0000 00 f0 0f 00" /* HPET 0 */
				     "05 08 0000 07 00 15 02" /* namespace device 7 */
				     "0100 2000 0000 0000 0000007c00000000 ffff7f7e00000000"
				     "01 08 0000 00 00 02 00"
				     "0200 1000 00 00 0000 02 08 0000 00 00 01 00"
				     "0300 1400 00000000 0020d9fe00000000 05000000"
				     "0400 1300 000000 07 5c5f53422e5000 00000000"
				     "0500 1000 01 00 0000 01 08 0000 00 00 02 00"
				     "0600 0800 11223344" /* a type of a later revision */);
	static const struct {
		unsigned type, scopes;
	} want[] = {{ACPI_DRHD, 2}, {ACPI_DRHD, 3}, {ACPI_RMRR, 1}, {ACPI_ATSR, 1},
		    {ACPI_RHSA, 0}, {ACPI_ANDD, 0}, {ACPI_SATC, 1}, {ACPI_DMAR_UNKNOWN, 0}};

	ck_assert_uint_eq(dmar.haw, 39);
	ck_assert_uint_eq(dmar.flags, ACPI_DMAR_INTR_REMAP);
	ck_assert_uint_eq(dmar.entry_count, SIO_ARRAY_SIZE(want));
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(want); i++) {
		ck_assert_uint_eq(dmar.entry[i].type, want[i].type);
		ck_assert_uint_eq(dmar.entry[i].scope_count, want[i].scopes);
	}
	ck_assert_uint_eq(dmar.entry[0].base, 0xfed92000);
	ck_assert_uint_eq(dmar.entry[0].size_lg2, 1);
	ck_assert_uint_eq(dmar.scope[1].type, ACPI_SCOPE_BRIDGE);
	ck_assert_uint_eq(dmar.scope[1].bus, 0x40);
	ck_assert_uint_eq(dmar.scope[1].hops, 2);
	ck_assert_uint_eq(dmar.scope[1].path[0], 0x1c);
	ck_assert_uint_eq(dmar.scope[1].path[3], 1);
	ck_assert_uint_eq(dmar.scope[2].id, 2);
	ck_assert_uint_eq(dmar.entry[1].flags, 1);
	ck_assert_uint_eq(dmar.entry[2].base, 0x7c000000);
	ck_assert_uint_eq(dmar.entry[2].limit, 0x7e7fffff);
	ck_assert_uint_eq(dmar.entry[4].proximity, 5);
	ck_assert_uint_eq(dmar.entry[5].device, 7);
	ck_assert_str_eq(dmar.entry[5].name, "\\_SB.P");
	ck_assert_uint_eq(dmar.entry[6].flags, 1);
	acpi_dmar_fini(&dmar);
}
END_TEST

static const struct {
	const char *structs;
	const char *says; /* part of the message */
} bad[] = {
	{"", "offset 0x30: no DRHD"},
	{"0000 0f00 01 00 0000 0000d9fe000000", "offset 0x32: a DRHD of 15 bytes"},
	{"0000 1100 01 00 0000 0000d9fe00000000", "offset 0x30: a structure of 17 bytes"},
	{"0000 0300", "offset 0x30: a structure of 3 bytes"},
	{DRHD_ALL "000000", "offset 0x40: a structure of 0 bytes with 3 left"},
	{"0000 1000 01 00 0000 0000000000000000", "offset 0x38: registers at 0x0"},
	{"0000 1000 01 00 0000 0001d9fe00000000", "offset 0x38: registers at 0xfed90100"},
	{"0000 1000 01 01 0000 0010d9fe00000000", "a multiple of their size 0x2000"},
	{DRHD_ALL "0000 1000 00 00 0000 0010d9fe00000000", "offset 0x40: a DRHD after the one"},
	{"0000 1000 00 00 0000 0000d9fe00000000" DRHD_ALL, "offset 0x48: registers at 0xfed90000"},
	/* device scopes */
	{"0000 1700 00 00 0000 0000d9fe00000000 01 07 0000 00 00 02",
	 "offset 0x40: a device scope"},
	{"0000 1600 00 00 0000 0000d9fe00000000 01 06 0000 00 00", "offset 0x40: a device scope"},
	{"0000 1800 00 00 0000 0000d9fe00000000 01 0a 0000 00 00 02 00",
	 "offset 0x40: a device scope of 10 bytes with 8 left"},
	{"0000 1100 00 00 0000 0000d9fe00000000 01", "a device scope of 0 bytes with 1 left"},
	{"0000 1800 00 00 0000 0000d9fe00000000 06 08 0000 00 00 02 00",
	 "type 6, expected one of 1"},
	{"0000 1800 00 00 0000 0000d9fe00000000 01 08 0000 00 00 20 00", "offset 0x46: path 20.0"},
	{"0000 1800 00 00 0000 0000d9fe00000000 05 08 0000 03 00 02 00", "namespace device 3"},
	/* one device in two places */
	{"0000 2000 00 00 0000 0000d9fe00000000 01 08 0000 00 00 02 00 01 08 0000 00 00 02 00",
	 "offset 0x48: the scope names what that at offset 0x40 names"},
	{"0000 1800 00 00 0000 0000d9fe00000000 01 08 0000 00 00 02 00"
	 "0000 1800 00 00 0000 0010d9fe00000000 01 08 0000 00 00 02 00",
	 "offset 0x58: the scope names what that at offset 0x40 names"},
	{"0000 1800 00 00 0000 0000d9fe00000000 02 08 0000 00 00 1c 00"
	 "0000 1a00 00 00 0000 0010d9fe00000000 01 0a 0000 00 00 1c 00 00 00",
	 "offset 0x58: the scope lies below the bridge that another unit names at offset 0x40"},
	{"0000 1a00 00 00 0000 0000d9fe00000000 01 0a 0000 00 00 1c 00 00 00"
	 "0000 2400 00 00 0000 0010d9fe00000000 02 08 0000 00 00 1c 00"
	 "02 0c 0000 00 00 1c 00 01 00 00 00",
	 "offset 0x40: the scope lies below"},
	{"0000 1800 00 00 0000 0000d9fe00000000 01 08 0000 00 00 1c 00"
	 "0000 1a00 00 00 0000 0010d9fe00000000 01 0a 0000 00 00 1c 00 00 00",
	 "offset 0x58: the scope takes for a bridge"},
	{"0000 1800 00 00 0000 0000d9fe00000000 03 08 0000 02 f0 1f 00"
	 "0000 1800 00 00 0000 0010d9fe00000000 03 08 0000 02 f0 1e 00",
	 "offset 0x5c: IOAPIC 2"},
	/* the others */
	{DRHD_ALL "0100 1800 0000 0000 0000007c00000000 ffff7f7e00000000", "an RMRR without a"},
	{DRHD_ALL "0100 2000 0000 0000 0100007c00000000 ffff7f7e00000000 0108000000000200",
	 "offset 0x48: an RMRR from 0x7c000001"},
	{DRHD_ALL "0100 2000 0000 0000 0000007c00000000 ffffff7b00000000 0108000000000200",
	 "offset 0x50: an RMRR from"},
	{DRHD_ALL "0100 2000 0000 0000 0000007c00000000 ffffffff80000000 0108000000000200",
	 "offset 0x50: an RMRR to 0x80ffffffff, expected an address of at most 39 bits"},
	{DRHD_ALL "0100 2000 0000 0000 0000007c00000000 ffff7f7e00000000 0308000000000200",
	 "offset 0x58: a device scope of type 3"},
	{DRHD_ALL "0100 2800 0000 0000 0000007c00000000 ffff7f7e00000000 0108000000000200"
		  "0108000000000200",
	 "expected each device in one RMRR, once"},
	{DRHD_ALL "0200 1000 00 00 0000 0108000000000200", "type 1, expected one of 2"},
	{DRHD_ALL "0300 1400 00000000 0020d9fe00000000 05000000", "an RHSA for registers at"},
	{DRHD_ALL "0300 1300 00000000 0020d9fe00000000 050000", "a RHSA of 19 bytes"},
	{DRHD_ALL "0400 0800 000000 07", "an ANDD without a name"},
	{DRHD_ALL "0400 0a00 000000 07 4141", "an ANDD without a name"},
	{DRHD_ALL "0400 0a00 000000 07 4100 0400 0a00 000000 07 4200", "device number 7 is that"},
};

START_TEST(a_malformed_structure_is_refused_at_its_offset)
{
	struct bytes bytes = table("DMAR", FIXED, bad[_i].structs);
	struct acpi_dmar dmar;
	char error[256] = "";

	ck_assert_int_eq(parse(&bytes, &dmar, error, sizeof(error)), -22);
	ck_assert_msg(strstr(error, bad[_i].says) != NULL, "got \"%s\", expected \"%s\"", error,
		      bad[_i].says);
	check_line("DMAR", error);
	ck_assert_ptr_null(dmar.table);
}
END_TEST

START_TEST(a_malformed_header_is_refused_at_its_offset)
{
	static const struct {
		unsigned at;
		uint8_t value;
		bool sealed;
		const char *says;
	} cases[] = {
		{0, 'X', true, "offset 0x0: signature 58 4d 41 52"},
		{4, 63, false, "offset 0x4: length 63, expected the 64 bytes"},
		{8, 0, true, "offset 0x8: revision 0"},
		{20, 0xee, false, "offset 0x9: checksum"},
		{36, 0xff, true, "offset 0x24: host address width - 1 is 255"},
		{36, 30, true, "offset 0x24: host address width - 1 is 30"},
	};
	struct acpi_dmar dmar;
	char error[256];

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(cases); i++) {
		struct bytes bytes = table("DMAR", FIXED, DRHD_ALL);

		bytes.at[cases[i].at] = cases[i].value;
		if (cases[i].sealed)
			seal(&bytes);
		ck_assert_int_eq(parse(&bytes, &dmar, error, sizeof(error)), -22);
		ck_assert_msg(strstr(error, cases[i].says) != NULL, "got \"%s\", expected \"%s\"",
			      error, cases[i].says);
	}
}
END_TEST

/* The checksum is made good each time: what is damaged is read. */
START_TEST(no_damage_reads_outside_the_table)
{
	struct platform *platform = platform_of(rich_intel), *again;
	struct acpi_buf buf;
	char error[512];

	ck_assert_int_eq(acpi_dmar_build(platform, &buf, error, sizeof(error)), 0);
	ck_assert_uint_lt(buf.len, sizeof(((struct bytes *)0)->at));
	for (size_t at = 0; at < 2 * buf.len; at++) {
		static const uint8_t values[] = {0x00, 0x01, 0x7f, 0xff};

		for (unsigned v = 0; v < (at < buf.len ? SIO_ARRAY_SIZE(values) : 1); v++) {
			struct bytes bytes = {.len = buf.len};
			struct acpi_dmar dmar;
			char *text;

			memcpy(bytes.at, buf.data, buf.len);
			if (at < buf.len)
				bytes.at[at] = values[v];
			else
				bytes.len = at - buf.len;
			seal(&bytes);
			if (parse(&bytes, &dmar, error, sizeof(error))) {
				check_line("DMAR", error);
				continue;
			}
			if (acpi_dmar_text(&dmar, NULL, &text, error, sizeof(error)))
				check_line("DMAR", error);
			else if (!platform_parse(text, "text", &again, error, sizeof(error)))
				platform_destroy(again);
			free(text);
			acpi_dmar_fini(&dmar);
		}
	}
	acpi_buf_fini(&buf);
	platform_destroy(platform);
}
END_TEST

START_TEST(a_built_table_has_the_bytes_of_the_manual)
{
	struct platform *platform = platform_of(
		"units = ( { include-all = true; base = 0xfed91000L; haw = 39; },\n"
		"  { scope = ( \"00:1c.0\", \"00:02.0\" ); base = 0xfed90000L; haw = 36; } );\n"
		"machine = { ram = \"1G\"; };\n"
		"devices = ( { bdf = \"00:02.0\"; model = \"edu\"; },\n"
		"  { bdf = \"00:1c.0\"; model = \"pcie-root-port\"; secondary-bus = 4; },\n"
		"  { bdf = \"04:00.1\"; model = \"nvme\"; },\n"
		"  { bdf = \"00:1f.0\"; model = \"serial\"; } );\n"
		"rmrr = ( { first = 0x7c000000; last = 0x7c000fff;\n"
		"           devices = ( \"04:00.1\" ); } );\n");
	struct bytes want = table("DMAR", FIXED,
				  "0000 2000 00 00 0000 0000d9fe00000000"
				  "01 08 0000 00 00 02 00 02 08 0000 00 00 1c 00"
				  "0000 1000 01 00 0000 0010d9fe00000000"
				  "0100 2200 0000 0000 0000007c00000000 ff0f007c00000000"
				  "01 0a 0000 00 00 1c 00 00 01");
	struct acpi_buf buf;
	char error[256] = "";

	ck_assert_msg(acpi_dmar_build(platform, &buf, error, sizeof(error)) == 0, "%s", error);
	ck_assert_uint_eq(buf.len, want.len);
	ck_assert_mem_eq(buf.data + 36, want.at + 36, want.len - 36);
	ck_assert_uint_eq(buf.data[8], 1);
	acpi_buf_fini(&buf);
	platform_destroy(platform);
}
END_TEST

START_TEST(what_a_table_cannot_say_is_refused)
{
	static const struct {
		const char *text;
		int rc;
		const char *says;
	} cases[] = {
		{"units = ( { type = \"amd\"; include-all = true; } );", -2, "no VT-d unit"},
		{"units = ( { scope = ( \"00:1c.0\" ); }, { name = \"in\"; scope = ( \"04:00.0\" "
		 "); } "
		 ");\n"
		 "devices = ( { bdf = \"00:1c.0\"; model = \"pcie-root-port\"; secondary-bus = 4; "
		 "},\n"
		 "  { bdf = \"04:00.0\"; model = \"nvme\"; } );",
		 -22, "unit in serves 0000:04:00.0, which is below a bridge of unit dmar0"},
		{"units = ( { base = 0x1000; }, { base = 0x1000; } );", -22, "overlap those of"},
		{"units = ( { include-all = true; } );\n"
		 "devices = ( { bdf = \"00:15.0\"; model = \"generic\"; hid = \"ABCD0001\"; } );",
		 -22, "is on a platform bus and has no path"},
	};
	struct acpi_buf buf;
	char error[256];

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(cases); i++) {
		struct platform *platform = platform_of(cases[i].text);

		ck_assert_int_eq(acpi_dmar_build(platform, &buf, error, sizeof(error)),
				 cases[i].rc);
		ck_assert_msg(strstr(error, cases[i].says) != NULL, "got \"%s\"", error);
		check_line("DMAR", error);
		platform_destroy(platform);
	}
}
END_TEST

/* Bus numbers that no platform gives are those that firmware would, depth first. */
START_TEST(buses_on_a_path_are_numbered_depth_first)
{
	struct acpi_dmar dmar = good("0000 2e00 00 00 0000 0040d9fe00000000"
				     "01 0c 0000 00 00 1d 00 00 00 05 00"
				     "01 0a 0000 00 00 1c 00 00 00"
				     "01 08 0000 00 40 00 03" DRHD_ALL);
	struct platform *platform;
	char *text, error[256] = "";

	ck_assert_msg(acpi_dmar_text(&dmar, NULL, &text, error, sizeof(error)) == 0, "%s", error);
	platform = platform_of(text);
	ck_assert_uint_eq(platform->device_count, 6);
	ck_assert_uint_eq(platform->device[0].rid, PCI_RID(0, PCI_DEVFN(0x1c, 0)));
	ck_assert_uint_eq(platform->device[0].secondary_bus, 1);
	ck_assert_uint_eq(platform->device[0].subordinate_bus, 1);
	ck_assert_uint_eq(platform->device[1].rid, PCI_RID(0, PCI_DEVFN(0x1d, 0)));
	ck_assert_uint_eq(platform->device[1].secondary_bus, 2);
	ck_assert_uint_eq(platform->device[1].subordinate_bus, 3);
	ck_assert_uint_eq(platform->device[2].rid, PCI_RID(1, 0));
	ck_assert_uint_eq(platform->device[3].rid, PCI_RID(2, 0));
	ck_assert_uint_eq(platform->device[4].rid, PCI_RID(3, PCI_DEVFN(5, 0)));
	ck_assert_uint_eq(platform->device[5].rid, PCI_RID(0x40, 3));
	for (unsigned i = 0; i < platform->device_count; i++)
		ck_assert_int_eq(platform->device[i].unit,
				 platform_is_bridge(&platform->device[i]) ? 1 : 0);
	platform_destroy(platform);
	free(text);
	acpi_dmar_fini(&dmar);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("acpi_dmar");
	TCase *tc = tcase_create("dmar");

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, every_structure_reads_as_the_manual_lays_it_out);
	tcase_add_loop_test(tc, a_malformed_structure_is_refused_at_its_offset, 0,
			    (int)SIO_ARRAY_SIZE(bad));
	tcase_add_test(tc, a_malformed_header_is_refused_at_its_offset);
	tcase_add_test(tc, no_damage_reads_outside_the_table);
	tcase_add_test(tc, a_built_table_has_the_bytes_of_the_manual);
	tcase_add_test(tc, what_a_table_cannot_say_is_refused);
	tcase_add_test(tc, buses_on_a_path_are_numbered_depth_first);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
