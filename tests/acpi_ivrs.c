// SPDX-License-Identifier: GPL-2.0-only
/*
 * IVRS tables read and written, against bytes worked out by hand from the specification.
 */
#include "acpi_fixture.h"

/* Extended features are present. */
#define FIXED "01000000 0000000000000000"
/* The smallest block: unit 00:00.2 at 0xf0000000, for all devices. */
#define IVHD_ALL "1000 1c00 0200 4000 000000f000000000 0000 0000 00000000 01000000"
/* A block of type 0x11 or 0x40, up to its entries; with entries it needs its length. */
#define IVHD_LONG(type, len, devid, base)                               \
	type "00 " len "00 " devid " 4000 " base " 0000 0000 00000000 " \
	     "d329000000000000 0000000000000000 "

static int parse(const struct bytes *bytes, struct acpi_ivrs *ivrs, char *error, size_t len)
{
	uint8_t *copy = exact_copy(bytes->at, bytes->len);
	int rc = acpi_ivrs_parse(copy, bytes->len, ivrs, error, len);

	free(copy);
	return rc;
}

static struct acpi_ivrs good(const char *blocks)
{
	struct bytes bytes = table("IVRS", FIXED, blocks);
	struct acpi_ivrs ivrs;
	char error[256] = "";

	ck_assert_msg(parse(&bytes, &ivrs, error, sizeof(error)) == 0, "%s", error);
	return ivrs;
}

START_TEST(every_entry_reads_as_the_manual_lays_it_out)
{
	struct acpi_ivrs ivrs =
		good("400e 8200 0200 4000 000000f000000000 0100 0300 00e00100"
		     "d329000000000000 0800000000000000"
		     "00000000"                         /* padding */
		     "02 0800 d7"                       /* 00:01.0 */
		     "03 1000 01 04 1f00 00"            /* 00:02.0 to 00:03.7 */
		     "42 2800 00 00 a000 00"            /* 00:05.0 as 00:14.0 */
		     "43 00ff 00 00 a500 00 04 ffff 00" /* ff:00.0 to ff:1f.7 */
		     "46 3000 00 00000080"              /* 00:06.0, no ATS */
		     "47 4000 02 00000080 04 4700 00"   /* 00:08.0 to 00:08.7 */
		     "48 0000 d7 80 a000 01"            /* IOAPIC 128 */
		     "f0 9800 40 414d444930303230 0000000000000000 02 04 49443030"
		     "2008 2000 0000 0000 0000000000000000 0000007c00000000 0010000000000000"
		     "2103 2000 2800 0000 0000000000000000 0000007d00000000 0010000000000000"
		     "2205 2000 2800 3000 0100000000000000 0000007e00000000 0010000000000000");
	static const struct {
		unsigned type, first, last, alias, data;
	} want[] = {
		{ACPI_IVHD_SELECT, 0x08, 0x08, 0, 0xd7},
		{ACPI_IVHD_RANGE, 0x10, 0x1f, 0, 1},
		{ACPI_IVHD_ALIAS, 0x28, 0x28, 0xa0, 0},
		{ACPI_IVHD_ALIAS_RANGE, 0xff00, 0xffff, 0xa5, 0},
		{ACPI_IVHD_EXT_SELECT, 0x30, 0x30, 0, 0},
		{ACPI_IVHD_EXT_RANGE, 0x40, 0x47, 0, 2},
		{ACPI_IVHD_SPECIAL, 0xa0, 0xa0, 0, 0xd7},
		{ACPI_IVHD_HID, 0x98, 0x98, 0, 0x40},
	};

	ck_assert_uint_eq(ivrs.info, 1);
	ck_assert_uint_eq(ivrs.ivhd_type, 0x40);
	ck_assert_uint_eq(ivrs.ivhd_count, 1);
	ck_assert_uint_eq(ivrs.ivhd[0].flags, 0x0e);
	ck_assert_uint_eq(ivrs.ivhd[0].devid, 2);
	ck_assert_uint_eq(ivrs.ivhd[0].cap_offset, 0x40);
	ck_assert_uint_eq(ivrs.ivhd[0].base, 0xf0000000);
	ck_assert_uint_eq(ivrs.ivhd[0].segment, 1);
	ck_assert_uint_eq(ivrs.ivhd[0].info, 3);
	ck_assert_uint_eq(ivrs.ivhd[0].attributes, 0x1e000);
	ck_assert_uint_eq(ivrs.ivhd[0].efr, 0x29d3);
	ck_assert_uint_eq(ivrs.ivhd[0].efr2, 8);
	ck_assert_uint_eq(ivrs.entry_count, SIO_ARRAY_SIZE(want));
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(want); i++) {
		ck_assert_uint_eq(ivrs.entry[i].type, want[i].type);
		ck_assert_uint_eq(ivrs.entry[i].first, want[i].first);
		ck_assert_uint_eq(ivrs.entry[i].last, want[i].last);
		ck_assert_uint_eq(ivrs.entry[i].alias, want[i].alias);
		ck_assert_uint_eq(ivrs.entry[i].data, want[i].data);
	}
	ck_assert_uint_eq(ivrs.entry[4].ext, 0x80000000);
	ck_assert_uint_eq(ivrs.entry[6].handle, 128);
	ck_assert_uint_eq(ivrs.entry[6].variety, ACPI_SPECIAL_IOAPIC);
	ck_assert_str_eq(ivrs.entry[7].hid, "AMDI0020");
	ck_assert_uint_eq(ivrs.entry[7].uid_len, 4);
	ck_assert_mem_eq(ivrs.entry[7].uid, "ID00", 4);
	ck_assert_uint_eq(ivrs.ivmd_count, 3);
	ck_assert(ivrs.ivmd[0].all && ivrs.ivmd[0].flags == ACPI_IVMD_EXCL);
	ck_assert_uint_eq(ivrs.ivmd[1].first_id, 0x28);
	ck_assert_uint_eq(ivrs.ivmd[1].last_id, 0x28);
	ck_assert_uint_eq(ivrs.ivmd[2].last_id, 0x30);
	ck_assert_uint_eq(ivrs.ivmd[2].segment, 1);
	ck_assert_uint_eq(ivrs.ivmd[2].start, 0x7e000000);
	ck_assert_uint_eq(ivrs.ivmd[2].len, 0x1000);
	acpi_ivrs_fini(&ivrs);
}
END_TEST

static const struct {
	const char *blocks;
	const char *says; /* part of the message */
} bad[] = {
	{"", "offset 0x30: no IVHD"},
	{"1000 1700 0200 4000 000000f000000000 0000 0000 000000", "an IVHD of type 0x10 and 23"},
	{"1100 2700 0200 4000 000000f000000000 0000 0000 00000000 d329000000000000 00000000000000",
	 "an IVHD of type 0x11 and 39"},
	{"1000 1d00 0200 4000 000000f000000000 0000 0000 00000000 01000000",
	 "offset 0x30: a block of 29 bytes with 28 left"},
	{"1000 0200", "offset 0x30: a block of 2 bytes"},
	{"1000 1c00 0200 4000 0000000000000000 0000 0000 00000000 01000000",
	 "offset 0x38: registers at 0x0"},
	{"1000 1c00 0200 4000 001000f000000000 0000 0000 00000000 01000000",
	 "offset 0x38: registers at 0xf0001000"},
	/* entries */
	{"1000 1a00 0200 4000 000000f000000000 0000 0000 00000000 0100",
	 "offset 0x48: an entry of 4"},
	{"1000 1c00 0200 4000 000000f000000000 0000 0000 00000000 42000000",
	 "offset 0x48: an entry of 8 bytes with 4 left"},
	{"1000 1c00 0200 4000 000000f000000000 0000 0000 00000000 81000000",
	 "offset 0x48: an entry of type 0x81"},
	{"1000 1c00 0200 4000 000000f000000000 0000 0000 00000000 04080000",
	 "offset 0x48: the end of a range without its start"},
	{"1000 1c00 0200 4000 000000f000000000 0000 0000 00000000 03080000",
	 "offset 0x4c: the block ends in the range that starts at offset 0x48"},
	{"1000 2000 0200 4000 000000f000000000 0000 0000 00000000 03080000 02080000",
	 "offset 0x4c: an entry of type 0x02 in the range"},
	{"1000 2000 0200 4000 000000f000000000 0000 0000 00000000 03080000 04070000",
	 "offset 0x4d: a range from 0x0008 to 0x0007"},
	{"1000 2000 0200 4000 000000f000000000 0000 0000 00000000 480000 00 00 a000 03",
	 "offset 0x4f: a special device of variety 3"},
	{IVHD_LONG("11", "3e", "0200",
		   "000000f000000000") "f0 9800 00 414d444930303230 0000000000000000 00 00",
	 "an ACPI HID entry in a block of type 0x11"},
	{IVHD_LONG("40", "3e", "0200",
		   "000000f000000000") "f0 9800 00 0000000000000000 0000000000000000 00 00",
	 "offset 0x5c: an ACPI HID entry without"},
	{IVHD_LONG(
		 "40", "42", "0200",
		 "000000f000000000") "f0 9800 00 414d444930303230 0000000000000000 01 04 00000000",
	 "a unique id of format 1 and 4 bytes"},
	{IVHD_LONG("40", "3e", "0200",
		   "000000f000000000") "f0 9800 00 414d444930303230 0000000000000000 02 04",
	 "offset 0x58: an entry of 26 bytes with 22 left"},
	/* one device in two places */
	{"1000 2000 0200 4000 000000f000000000 0000 0000 00000000 02080000 02080000",
	 "offset 0x4c: the entry repeats that at offset 0x48"},
	{IVHD_ALL "1000 1c00 0240 4000 000008f000000000 0000 0000 00000000 02100000",
	 "offset 0x64: ids 0x0010 to 0x0010 overlap those that another unit has at offset 0x48"},
	{"1000 2000 0200 4000 000000f000000000 0000 0000 00000000 03080000 04100000"
	 "1000 2000 0240 4000 000008f000000000 0000 0000 00000000 03100000 04200000",
	 "ids 0x0010 to 0x0020 overlap"},
	{IVHD_ALL "1000 1800 0200 4000 000008f000000000 0000 0000 00000000",
	 "offset 0x50: unit 0x0002 is that"},
	{IVHD_ALL "1000 1800 0240 4000 000000f000000000 0000 0000 00000000",
	 "offset 0x54: registers at 0xf0000000 are those"},
	{"1000 2800 0200 4000 000000f000000000 0000 0000 00000000 480000 00 01 a000 01"
	 "480000 00 01 a100 01",
	 "offset 0x54: IOAPIC 1"},
	/* memory */
	{IVHD_ALL "2008 1f00 0000 0000 0000000000000000 0000007c00000000 00100000000000",
	 "an IVMD of 31 bytes"},
	{IVHD_ALL "2208 2000 0800 0700 0000000000000000 0000007c00000000 0010000000000000",
	 "devices 0x0008 to 0x0007"},
	{IVHD_ALL "2008 2000 0000 0000 0000000000000000 0000007c00000000 0000000000000000",
	 "memory of 0x0 bytes"},
	{IVHD_ALL "2008 2000 0000 0000 0000000000000000 00f0ffffffffffff 0110000000000000",
	 "memory of 0x1001 bytes from 0xfffffffffffff000"},
};

START_TEST(a_malformed_block_is_refused_at_its_offset)
{
	struct bytes bytes = table("IVRS", FIXED, bad[_i].blocks);
	struct acpi_ivrs ivrs;
	char error[256] = "";

	ck_assert_int_eq(parse(&bytes, &ivrs, error, sizeof(error)), -22);
	ck_assert_msg(strstr(error, bad[_i].says) != NULL, "got \"%s\", expected \"%s\"", error,
		      bad[_i].says);
	check_line("IVRS", error);
	ck_assert_ptr_null(ivrs.table);
}
END_TEST

/* As on real machines: a range, part of it with an alias; the same ids in blocks of two types. */
START_TEST(what_overlaps_within_a_unit_is_accepted)
{
	struct acpi_ivrs ivrs =
		good("1000 2c00 0200 4000 000000f000000000 0000 0000 00000000"
		     "03080000 04feff00 4300ff00 00a50000 04ffff00" IVHD_LONG(
			     "11", "30", "0200", "000000f000000000") "03080000 04feff00");

	ck_assert_uint_eq(ivrs.ivhd_count, 2);
	ck_assert_uint_eq(ivrs.ivhd_type, 0x11);
	acpi_ivrs_fini(&ivrs);
}
END_TEST

/* The checksum is made good each time: what is damaged is read. */
START_TEST(no_damage_reads_outside_the_table)
{
	struct platform *platform = platform_of(rich_amd), *again;
	struct acpi_buf buf;
	char error[512];

	ck_assert_int_eq(acpi_ivrs_build(platform, &buf, error, sizeof(error)), 0);
	ck_assert_uint_lt(buf.len, sizeof(((struct bytes *)0)->at));
	for (size_t at = 0; at < 2 * buf.len; at++) {
		static const uint8_t values[] = {0x04, 0xff};

		for (unsigned v = 0; v < (at < buf.len ? SIO_ARRAY_SIZE(values) : 1); v++) {
			struct bytes bytes = {.len = buf.len};
			struct acpi_ivrs ivrs;
			char *text;

			memcpy(bytes.at, buf.data, buf.len);
			if (at < buf.len)
				bytes.at[at] = values[v];
			else
				bytes.len = at - buf.len;
			seal(&bytes);
			if (parse(&bytes, &ivrs, error, sizeof(error))) {
				check_line("IVRS", error);
				continue;
			}
			if (acpi_ivrs_text(&ivrs, NULL, &text, error, sizeof(error)))
				check_line("IVRS", error);
			else if (!platform_parse(text, "text", &again, error, sizeof(error)))
				platform_destroy(again);
			free(text);
			acpi_ivrs_fini(&ivrs);
		}
	}
	acpi_buf_fini(&buf);
	platform_destroy(platform);
}
END_TEST

static const struct {
	const char *text, *blocks;
} built[] = {
	/* A unit alone in its segment has the entry for all; 0x10 has the features condensed. */
	{"units = ( { type = \"amd\"; include-all = true; ivhd-type = 0x10; efr = 0x29d3;\n"
	 "            devid = \"00:00.2\"; base = 0xf0000000L; ivhd-flags = 0x0e;\n"
	 "            ivhd-cap = 0x1b03000f; special = (\n"
	 "  { type = \"hpet\"; id = 1; bdf = \"00:14.0\"; } ); } );\n"
	 "devices = ( { bdf = \"00:05.0\"; model = \"edu\"; } );\n",
	 /* flags: prefetch, PPR, IOTLB; HATS 2, GATS 2, HE, GA, IA, GT */
	 "10de 2400 0200 4000 000000f000000000 0000 0000 e40000a0 01000000"
	 "48 0000 00 01 a000 02"},
	/* Ids of a bridge's buses; neighbours become a range, also those with one alias. */
	{"units = ( { type = \"amd\"; efr = 0x29d3; devid = \"00:00.2\"; base = 0xf0000000L;\n"
	 "            ivhd-cap = 0x1a03000f; ivhd-flags = 0; scope = ( \"00:01.0\", \"00:05.0\" "
	 ");\n"
	 "            aliases = ( { device = \"01:00.1\"; alias = \"01:00.0\"; },\n"
	 "                        { device = \"01:00.2\"; alias = \"01:00.0\"; },\n"
	 "                        { device = \"00:05.0\"; alias = \"00:06.0\"; } ); } );\n"
	 "devices = ( { bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1; },\n"
	 "  { bdf = \"01:00.1\"; model = \"edu\"; }, { bdf = \"01:00.2\"; model = \"edu\"; },\n"
	 "  { bdf = \"00:05.0\"; model = \"edu\"; }, { bdf = \"00:06.0\"; model = \"edu\"; } );\n"
	 "ivmd = ( { first = 0x7c000000; last = 0x7c000fff; write = false;\n"
	 "           devices = ( \"00:05.0\", \"01:00.1\", \"01:00.2\" ); },\n"
	 "         { first = 0x7d000000; last = 0x7d001fff; exclusion = true; } );\n",
	 "1100 4c00 0200 4000 000000f000000000 0000 0000 00000000"
	 "d329000000000000 0000000000000000"
	 "02 0800 00 02 2800 00 03 0001 00 04 ff01 00"
	 "42 2800 00 00 3000 00 43 0101 00 00 0001 00 04 0201 00"
	 "2103 2000 2800 0000 0000000000000000 0000007c00000000 0010000000000000"
	 "2203 2000 0101 0201 0000000000000000 0000007c00000000 0010000000000000"
	 "200e 2000 0000 0000 0000000000000000 0000007d00000000 0020000000000000"},
};

START_TEST(a_built_table_has_the_bytes_of_the_manual)
{
	struct platform *platform = platform_of(built[_i].text);
	struct bytes want = table("IVRS", FIXED, built[_i].blocks);
	struct acpi_buf buf;
	char error[256] = "";

	ck_assert_msg(acpi_ivrs_build(platform, &buf, error, sizeof(error)) == 0, "%s", error);
	ck_assert_uint_eq(buf.len, want.len);
	for (size_t i = 36; i < want.len; i++)
		ck_assert_msg(buf.data[i] == want.at[i], "offset 0x%zx: 0x%02x, expected 0x%02x", i,
			      buf.data[i], want.at[i]);
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
		{"units = ( { include-all = true; } );", -2, "no AMD-Vi unit"},
		{"units = ( { type = \"amd\"; include-all = true; ivhd-type = 0x11; } );\n"
		 "devices = ( { bdf = \"00:15.0\"; model = \"generic\"; hid = \"AMDI0020\"; } );",
		 -22, "expected ivhd-type = 0x40"},
		{"units = ( { type = \"amd\"; base = 0x4000; }, { type = \"amd\"; base = 0x4000; } "
		 ");",
		 -22, "registers at 0x4000 are those"},
	};
	struct acpi_buf buf;
	char error[256];

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(cases); i++) {
		struct platform *platform = platform_of(cases[i].text);

		ck_assert_int_eq(acpi_ivrs_build(platform, &buf, error, sizeof(error)),
				 cases[i].rc);
		ck_assert_msg(strstr(error, cases[i].says) != NULL, "got \"%s\"", error);
		check_line("IVRS", error);
		platform_destroy(platform);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("acpi_ivrs");
	TCase *tc = tcase_create("ivrs");

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, every_entry_reads_as_the_manual_lays_it_out);
	tcase_add_loop_test(tc, a_malformed_block_is_refused_at_its_offset, 0,
			    (int)SIO_ARRAY_SIZE(bad));
	tcase_add_test(tc, what_overlaps_within_a_unit_is_accepted);
	tcase_add_test(tc, no_damage_reads_outside_the_table);
	tcase_add_loop_test(tc, a_built_table_has_the_bytes_of_the_manual, 0,
			    (int)SIO_ARRAY_SIZE(built));
	tcase_add_test(tc, what_a_table_cannot_say_is_refused);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
