// SPDX-License-Identifier: GPL-2.0-only
/* Every preset boots, audits clean, and is the machine that it says it is. */
#include "harness.h"
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct sio_machine *boot(const char *platform)
{
	struct sio_machine *machine;
	char error[512] = "";
	int rc = sio_machine_create(&(struct sio_machine_cfg){.platform = platform}, &machine,
				    error, sizeof(error));

	ck_assert_msg(rc == 0, "%s: %s", platform, error);
	return machine;
}

static int group_of(struct sio_machine *machine, const char *name)
{
	const struct sio_device *device = sio_device_find(machine, name);

	ck_assert_msg(device != NULL, "no device %s", name);
	return sio_device_group(device);
}

START_TEST(each_preset_boots_and_audits_clean)
{
	struct sio_machine *machine = boot(platform_preset_at((unsigned)_i)->name);
	char what[256];

	ck_assert_msg(sio_audit(machine, true, what, sizeof(what)) == 0, "%s", what);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(each_preset_reads_back_from_its_own_text)
{
	const struct platform_preset *preset = platform_preset_at((unsigned)_i);
	struct platform *platform, *again;
	char error[512];

	ck_assert_int_eq(platform_load(preset->name, &platform, error, sizeof(error)), 0);
	ck_assert_int_eq(platform_parse(platform->text, "copy", &again, error, sizeof(error)), 0);
	ck_assert_uint_eq(again->unit_count, platform->unit_count);
	ck_assert_uint_eq(again->device_count, platform->device_count);
	ck_assert_ptr_nonnull(platform->description);
	platform_destroy(again);
	platform_destroy(platform);
}
END_TEST

static const struct {
	const char *platform;
	uint64_t cap, ecap;
} recorded[] = {
	{"vtd48", 0xd2008c222f0606, 0xf00fca},         {"vtd48nosc", 0xd2008c222f0606, 0xf00f4a},
	{"vtd39", 0xd2008c22260206, 0xf00f4a},         {"vtd39sc", 0xd2008c22260206, 0xf00fca},
	{"vtd48noir", 0xd2008c222f0606, 0xfc2},        {"qemu-host", 0xd2008c222f0606, 0xf00fca},
	{"vtd48sm", 0xd2008c222f0606, 0x480080f00f4a},
};

START_TEST(names_make_the_capabilities_that_real_units_showed)
{
	struct platform *platform;
	char error[512];

	ck_assert_int_eq(platform_load(recorded[_i].platform, &platform, error, sizeof(error)), 0);
	ck_assert_uint_eq(platform->unit[0].cap, recorded[_i].cap);
	ck_assert_uint_eq(platform->unit[0].ecap, recorded[_i].ecap);
	platform_destroy(platform);
}
END_TEST

START_TEST(an_amd_unit_without_raw_values_is_that_of_the_recordings)
{
	static const char text[] = "units = ( { type = \"amd\"; include-all = true; } );";
	struct platform *platform, *preset;
	char error[512];

	ck_assert_int_eq(platform_parse(text, "p", &platform, error, sizeof(error)), 0);
	ck_assert_int_eq(platform_load("amdvi", &preset, error, sizeof(error)), 0);
	ck_assert_uint_eq(platform->unit[0].efr, 0x29d3);
	ck_assert_uint_eq(platform->unit[0].ivhd_cap, 0x1f03000f);
	ck_assert_uint_eq(preset->unit[0].efr, 0x29d3);
	ck_assert_uint_eq(preset->unit[0].ivhd_cap, 0x1f03000f);
	ck_assert_str_eq(platform->unit[0].name, "ivhd0");
	platform_destroy(preset);
	platform_destroy(platform);
}
END_TEST

START_TEST(amd_names_choose_their_bits)
{
	static const char text[] =
		"units = ( { type = \"amd\"; levels = 4; ppr = false; gt = false; ga = false;\n"
		"            xtsup = true; access-dirty = true; np-cache = false;\n"
		"            device-iotlb = false; ht-tunnel = false; },\n"
		"          { type = \"amd\"; } );";
	struct platform *platform;
	char error[512];

	ck_assert_int_eq(platform_parse(text, "p", &platform, error, sizeof(error)), 0);
	/* 0 prefetch, 2 XT, 6 IA, 8 HE, 13 GATS, 49 HA, 52 HD. */
	ck_assert_uint_eq(platform->unit[0].efr, 0x12000000002145);
	ck_assert_uint_eq(platform->unit[0].ivhd_cap, 0x1803000f);
	ck_assert_uint_eq(platform->unit[0].ivhd_flags, 0);
	ck_assert_uint_eq(platform->unit[0].devid, 0x0002);
	ck_assert_uint_eq(platform->unit[1].devid, 0x2002);
	ck_assert_str_eq(platform->unit[1].name, "ivhd1");
	platform_destroy(platform);
}
END_TEST

START_TEST(a_raw_value_wins_over_names)
{
	static const char text[] = "units = ( { aw-bits = 39; snoop-control = true;\n"
				   "cap = 0xd2008c222f0606L; ecap = \"0xf00f4a\"; } );";
	struct platform *platform;
	char error[512];

	ck_assert_int_eq(platform_parse(text, "p", &platform, error, sizeof(error)), 0);
	ck_assert_uint_eq(platform->unit[0].cap, 0xd2008c222f0606);
	ck_assert_uint_eq(platform->unit[0].ecap, 0xf00f4a);
	platform_destroy(platform);
}
END_TEST

START_TEST(groups_are_those_of_the_recordings)
{
	struct sio_machine *machine = boot("vtd48");
	static const char *const alone[] = {"A", "B", "C", "E", "F", "G"};

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(alone); i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert_int_ne(group_of(machine, alone[i]), group_of(machine, alone[j]));
	ck_assert_int_eq(group_of(machine, "C"), group_of(machine, "D"));
	ck_assert_int_eq(group_of(machine, "E"), group_of(machine, "04:00.0"));
	ck_assert_int_eq(group_of(machine, "F"), group_of(machine, "0000:06:00.1"));
	ck_assert_int_eq(group_of(machine, "A"), group_of(machine, "01:00.0"));
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(groups_of_an_amd_machine_are_those_of_the_recordings)
{
	struct sio_machine *machine = boot("amdvi");
	static const char *const alone[] = {"A", "B", "C", "E", "F", "G"};

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(alone); i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert_int_ne(group_of(machine, alone[i]), group_of(machine, alone[j]));
	ck_assert_int_eq(group_of(machine, "C"), group_of(machine, "D"));
	ck_assert_int_eq(group_of(machine, "E"), group_of(machine, "01:00.0"));
	ck_assert_int_eq(group_of(machine, "F"), group_of(machine, "00:14.1"));
	ck_assert_int_eq(group_of(machine, "A"), group_of(machine, "00:11.0"));
	sio_machine_destroy(machine);
}
END_TEST

/* Names separated by blanks; the first one stands for the group. */
static const struct {
	const char *together, *apart;
} grouping[] = {
	{"rc", "00:03.0 00:04.0"},              /* integrated into the root complex */
	{"acs", "00:04.0 acs-off"},             /* behind a port that isolates */
	{"acs-off 00:05.0", "no-acs"},          /* ACS is there and switched off */
	{"no-acs 00:06.0", "acs"},              /* no ACS */
	{"slot0 slot1", "00:07.0"},             /* functions of one slot */
	{"split0", "split1 00:08.0"},           /* the same, with ACS of their own */
	{"switch0 07:00.0", "switch1 06:00.0"}, /* below a port of a switch */
	{"pci0 pci1 0a:00.0", "00:0a.0"},       /* all under the id of the bridge */
	{"quirk aliased", "rc"},                /* one under the id of the other */
	{"uart", "i2c rc"},                     /* on a platform bus */
};

START_TEST(a_group_has_who_cannot_be_told_or_kept_apart)
{
	struct sio_machine *machine = boot("groups");
	char words[128];
	const char *first;
	int group;

	strcpy(words, grouping[_i].together);
	first = strtok(words, " ");
	group = group_of(machine, first);
	ck_assert_int_ge(group, 0);
	for (const char *word; (word = strtok(NULL, " "));)
		ck_assert_msg(group_of(machine, word) == group, "%s is not with %s", word, first);
	strcpy(words + 64, grouping[_i].apart);
	for (char *word = strtok(words + 64, " "); word; word = strtok(NULL, " "))
		ck_assert_msg(group_of(machine, word) != group, "%s is with %s", word,
			      grouping[_i].together);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(a_device_on_a_platform_bus_does_dma_through_its_unit)
{
	struct sio_machine *machine = boot("groups");
	struct sio_device *uart = sio_device_find(machine, "uart");
	uint32_t word = 0;

	ck_assert_str_eq(uart->iommu->unit->name, "dmar0");
	ck_assert_int_eq(sio_dma_write(uart, 0x100000, &word, 4, NULL), -EACCES);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(units_of_two_vendors_share_a_machine)
{
	static const char text[] =
		"units = ( { segment = 0; include-all = true; },\n"
		"          { type = \"amd\"; segment = 1; include-all = true; } );\n"
		"devices = ( { name = \"a\"; bdf = \"0000:00:01.0\"; model = \"edu\"; },\n"
		"            { name = \"b\"; bdf = \"0001:00:01.0\"; model = \"edu\"; } );\n";
	struct sio_machine *machine;
	char error[512];

	ck_assert_msg(sio_machine_create(&(struct sio_machine_cfg){.platform_text = text}, &machine,
					 error, sizeof(error)) == 0,
		      "%s", error);
	ck_assert_str_eq(sio_device_find(machine, "a")->iommu->driver->name, "intel");
	ck_assert_str_eq(sio_device_find(machine, "b")->iommu->driver->name, "amd");
	ck_assert_int_eq(sio_audit(machine, true, error, sizeof(error)), 0);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(qemu_host_has_the_group_numbers_of_its_recordings)
{
	struct sio_machine *machine = boot("qemu-host");

	ck_assert_int_eq(group_of(machine, "00:03.0"), 2);
	ck_assert_int_eq(group_of(machine, "00:04.0"), 3);
	ck_assert_int_eq(group_of(machine, "00:05.0"), 4);
	ck_assert_int_eq(group_of(machine, "00:06.0"), 5);
	ck_assert_int_eq(group_of(machine, "00:07.0"), 6);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(a_bridge_in_a_scope_takes_everything_below_it)
{
	static const char text[] =
		"units = ( { name = \"below\"; scope = ( \"00:01.0\" ); },\n"
		"          { name = \"rest\"; include-all = true; } );\n"
		"devices = (\n"
		"{ bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1;\n"
		"  subordinate-bus = 2; acs = true; },\n"
		"{ bdf = \"01:00.0\"; model = \"pcie-pci-bridge\"; secondary-bus = 2; },\n"
		"{ name = \"deep\"; bdf = \"02:03.0\"; model = \"edu\"; },\n"
		"{ name = \"root\"; bdf = \"00:05.0\"; model = \"edu\"; } );\n";
	struct sio_machine *machine;
	char error[512];

	ck_assert_msg(sio_machine_create(&(struct sio_machine_cfg){.platform_text = text}, &machine,
					 error, sizeof(error)) == 0,
		      "%s", error);
	ck_assert_str_eq(sio_device_find(machine, "deep")->iommu->unit->name, "below");
	ck_assert_str_eq(sio_device_find(machine, "00:01.0")->iommu->unit->name, "below");
	ck_assert_str_eq(sio_device_find(machine, "root")->iommu->unit->name, "rest");
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(a_device_that_no_unit_serves_has_no_group)
{
	static const char text[] =
		"units = ( { scope = ( \"00:01.0\" ); } );\n"
		"devices = ( { bdf = \"00:01.0\"; model = \"edu\"; },\n"
		"{ bdf = \"00:02.0\"; model = \"edu\"; driver = \"none\"; } );\n";
	struct sio_machine *machine;
	char error[512];
	uint32_t word = 0x12345678;

	ck_assert_msg(sio_machine_create(&(struct sio_machine_cfg){.platform_text = text}, &machine,
					 error, sizeof(error)) == 0,
		      "%s", error);
	ck_assert_int_eq(group_of(machine, "00:01.0"), 0);
	ck_assert_int_eq(group_of(machine, "00:02.0"), -1);
	/* Its DMA is not translated: the address is physical. */
	ck_assert_int_eq(sio_dma_write(sio_device_find(machine, "00:02.0"), 0x100000, &word, 4,
				       NULL),
			 0);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(a_machine_without_units_or_devices_boots)
{
	struct sio_machine *machine;
	char what[256];

	ck_assert_int_eq(sio_machine_create(&(struct sio_machine_cfg){.platform_text = ""},
					    &machine, what, sizeof(what)),
			 0);
	ck_assert_int_eq(sio_audit(machine, true, what, sizeof(what)), 0);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(a_machine_refuses_what_it_cannot_be)
{
	static const struct {
		struct sio_machine_cfg cfg;
		const char *message;
	} cases[] = {
		{{.platform = "nothing-like-it"}, "no platform \"nothing-like-it\""},
		{{.kernel = "1.0"}, "no kernel \"1.0\", expected one of: "},
		{{.ram_bytes = UINT64_C(1) << 50}, "bytes of ram, expected 64 MiB to 64 TiB"},
		{{.ram_bytes = (UINT64_C(1) << 30) + 1}, "1073741825 bytes of ram, expected"},
		{{.platform = "laptop", .ram_bytes = UINT64_C(1) << 40},
		 "unit dmar0 reaches 39 address bits"},
	};

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(cases); i++) {
		struct sio_machine *machine = (void *)1;
		char error[512];

		ck_assert_int_lt(sio_machine_create(&cases[i].cfg, &machine, error, sizeof(error)),
				 0);
		ck_assert_ptr_null(machine);
		ck_assert_msg(strstr(error, cases[i].message) != NULL, "%s", error);
	}
}
END_TEST

static int preset_count(void)
{
	int n = 0;

	while (platform_preset_at((unsigned)n))
		n++;
	return n;
}

int main(void)
{
	Suite *suite = suite_create("platform presets");
	TCase *tc = tcase_create("presets");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, each_preset_boots_and_audits_clean, 0, preset_count());
	tcase_add_loop_test(tc, each_preset_reads_back_from_its_own_text, 0, preset_count());
	tcase_add_loop_test(tc, names_make_the_capabilities_that_real_units_showed, 0,
			    (int)SIO_ARRAY_SIZE(recorded));
	tcase_add_test(tc, a_raw_value_wins_over_names);
	tcase_add_test(tc, groups_are_those_of_the_recordings);
	tcase_add_test(tc, an_amd_unit_without_raw_values_is_that_of_the_recordings);
	tcase_add_test(tc, amd_names_choose_their_bits);
	tcase_add_test(tc, groups_of_an_amd_machine_are_those_of_the_recordings);
	tcase_add_loop_test(tc, a_group_has_who_cannot_be_told_or_kept_apart, 0,
			    (int)SIO_ARRAY_SIZE(grouping));
	tcase_add_test(tc, a_device_on_a_platform_bus_does_dma_through_its_unit);
	tcase_add_test(tc, units_of_two_vendors_share_a_machine);
	tcase_add_test(tc, qemu_host_has_the_group_numbers_of_its_recordings);
	tcase_add_test(tc, a_bridge_in_a_scope_takes_everything_below_it);
	tcase_add_test(tc, a_device_that_no_unit_serves_has_no_group);
	tcase_add_test(tc, a_machine_without_units_or_devices_boots);
	tcase_add_test(tc, a_machine_refuses_what_it_cannot_be);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
