// SPDX-License-Identifier: GPL-2.0-only
/* What a platform file's author reads when something is wrong in it. */
#include "platform/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "prng.h"

struct mistake {
	const char *text;
	const char *message; /* whole */
};

#define UNIT          "units = ( { include-all = true; } );\n"
#define EDU           "{ bdf = \"01:00.0\"; model = \"edu\"; }"
#define WIDE          "0xd2008c222f0606"
#define DEVICES(list) "devices = (\n" list ");\n"

static const struct mistake mistakes[] = {
	{"machine = { rom = \"1G\"; };", "p:1: unknown key \"rom\" in a machine, expected \"ram\""},
	{"unit = ( );", "p:1: unknown key \"unit\" in a platform, expected \"units\""},
	{"units = (\n{ snop-control = true; }\n);",
	 "p:2: unknown key \"snop-control\" in a unit, expected \"snoop-control\""},
	{DEVICES("{ bfd = \"1:0.0\"; }\n"),
	 "p:2: unknown key \"bfd\" in a device, expected \"bdf\""},
	{"units = ( { xyzzyplugh = 1; } );",
	 "p:1: unknown key \"xyzzyplugh\" in a unit, expected one of softiommu-platform(5)"},
	{"units = ( { aw-bits = 40; } );",
	 "p:1: aw-bits is not an address width, expected 39, 48 or 57"},
	{"units = ( { large-pages = true; } );",
	 "p:1: large-pages is true or false, expected a string"},
	{"units = ( { haw = 20; } );", "p:1: haw is 20, expected 32 to 52"},
	{"units = ( { haw = \"wide\"; } );", "p:1: haw is \"wide\", expected a number"},
	{"units = ( { haw = -1; } );", "p:1: haw is negative, expected a number"},
	{"units = ( { intremap = 1; } );", "p:1: intremap is a number, expected true or false"},
	{"units = ( { type = \"arm\"; } );", "p:1: type is \"arm\", expected \"amd\""},
	{"units = ( { type = \"amd\"; caching-mode = true; } );",
	 "p:1: unknown key \"caching-mode\" in a unit, expected one of softiommu-platform(5)"},
	{"units = ( { efr = 1; } );", "p:1: unknown key \"efr\" in a unit, expected \"eim\""},
	{"units = ( { fault-codes = \"qemu\"; } );",
	 "p:1: fault-codes is \"qemu\", expected \"qemu-7.2\""},
	{"units = ( {\nscalable-mode = true; ecap = 0xf00f4a; } );",
	 "p:1: unit dmar0: scalable-mode with an ecap without it, expected bit 43 of ecap set"},
	{"units = ( { quiet-hit = true; } );",
	 "p:1: unknown key \"quiet-hit\" in a unit, expected \"quiet-hits\""},
	{"units = ( { noncoherent = true; ecap = 0xf00f4b; } );",
	 "p:1: unit dmar0: noncoherent with an ecap that says otherwise, expected bit 0 of ecap "
	 "clear"},
	{"units = ( { base = 0x12345; } );",
	 "p:1: unit dmar0: base is not the start of a page, expected one"},
	{"units = ( { type = \"amd\"; ivhd-type = 0x12; } );",
	 "p:1: ivhd-type is no type of block, expected 0x10, 0x11 or 0x40"},
	{"units = ( { type = \"amd\"; levels = 3; } );", "p:1: levels is 3, expected 4 to 6"},
	{"units = ( { type = \"amd\"; devid = \"01:00.0\"; } );\n" DEVICES(EDU),
	 "p:1: unit ivhd0 is at 0000:01:00.0, which is a device, expected another devid"},
	{"units = ( { type = \"amd\"; devid = \"00:00.1\"; },\n"
	 "{ type = \"amd\"; devid = \"00:00.1\"; } );",
	 "p:2: unit ivhd1 is at 0000:00:00.1, where unit ivhd0 is, expected another devid"},
	{"units = ( { type = \"amd\"; aliases = (\n{ device = \"01:00.1\"; } ); } );",
	 "p:2: an alias is incomplete, expected { device = \"01:00.1\"; alias = \"01:00.0\"; }"},
	{"units = ( { type = \"amd\"; aliases = (\n"
	 "{ device = \"01:00.1\"; alias = \"01:00.0\"; } ); } );\n" DEVICES(EDU),
	 "p:2: the alias names 0000:01:00.1, expected a device of this platform"},
	{"units = ( { special = ( { id = 1; } ); } );",
	 "p:1: a special device is incomplete, expected { type = \"ioapic\"; id = 0; bdf = "
	 "\"00:14.0\"; }"},
	{"machine = { noiommu = 1; };", "p:1: noiommu is a number, expected true or false"},
	{"emulated = { };", "p:1: emulated is no list, expected ( { ... }, ... )"},
	{"emulated = (\n{ model = \"edu\"; } );",
	 "p:2: an emulated device has no name, expected name = \"V\""},
	{"emulated = ( { nam = \"V\"; } );",
	 "p:1: unknown key \"nam\" in a mdev, expected \"name\""},
	{"emulated = ( { name = \"V\"; model = \"nmve\"; } );",
	 "p:1: model is \"nmve\", expected \"nvme\""},
	{"emulated = ( { name = \"02:00.0\"; } );",
	 "p:1: the emulated device \"02:00.0\" has an address for a name, expected a name"},
	{"emulated = ( { name = \"V\"; },\n{ name = \"V\"; } );",
	 "p:2: the name \"V\" is taken by the device of line 1, expected another"},
	{"emulated = ( { name = \"E\"; } );\n"
	 "devices = ( { name = \"E\"; bdf = \"00:01.0\"; model = \"edu\"; } );",
	 "p:1: the name \"E\" is taken by the device of line 2, expected another"},
	{"units = { };", "p:1: units is no list, expected ( { ... }, ... )"},
	{"units = ( 5 );", "p:1: a unit is a number, expected a group { }"},
	{"units = ( { cap = " WIDE "; } );",
	 "p:1: the number " WIDE " needs more than 32 bits, expected the suffix L (" WIDE "L)"},
	{"machine = { ram = 17179869184; };", "p:1: the number 17179869184 needs more than 32 "
					      "bits, expected the suffix L (17179869184L)"},
	{"units = ( { cap = 0x1ffffffffffffffffL; } );",
	 "p:1: the number is too large, expected at most 64 bits"},
	{"machine = { ram = \"16Q\"; };", "p:1: ram is \"16Q\", expected a size such as \"16G\""},
	{"machine = { ram = \"1M\"; };",
	 "p:1: ram is 1048576, expected 67108864 to 70368744177664"},
	{"machine = { ram = \"65M\"; };",
	 "p:1: ram is no whole number of 2 MiB blocks, expected one"},
	{"machine = { ram = \"8T\"; };\nunits = ( { haw = 42; } );",
	 "p:2: unit dmar0 reaches 42 address bits (haw), less than the 8388608 MiB of ram, "
	 "expected a "
	 "wider unit or less memory"},
	{"units = ( {\nscope = ( \"01:00.0\" ); }, {\nscope = ( \"01:00.0\" ); } );\n" DEVICES(EDU),
	 "p:3: 0000:01:00.0 is claimed by unit dmar1 and by unit dmar0 (line 2), expected one "
	 "unit"},
	{"units = ( { scope = ( \"01:00.0\" ); } );",
	 "p:1: the scope of unit dmar0 names 0000:01:00.0, expected a device of this platform"},
	{"units = ( { segment = 1; scope = ( \"01:00.0\" ); } );\n" DEVICES(EDU),
	 "p:1: the scope of unit dmar0 names 0000:01:00.0, expected segment 0001"},
	{"units = ( { include-all = true; },\n{ include-all = true; } );",
	 "p:2: units dmar1 and dmar0 (line 1) both have include-all, expected one a segment"},
	{"units = ( { name = \"a\"; },\n{ name = \"a\"; } );",
	 "p:2: the name \"a\" is taken by the unit of line 1, expected another"},
	{DEVICES(EDU ",\n" EDU),
	 "p:3: 0000:01:00.0 is taken by the device of line 2, expected a free address"},
	{DEVICES("{ name = \"A\"; bdf = \"0:1.0\"; model = \"edu\"; },\n"
		 "{ name = \"A\"; bdf = \"00:02.0\"; model = \"edu\"; }"),
	 NULL},
	{DEVICES("{ name = \"A\"; bdf = \"00:01.0\"; model = \"edu\"; },\n"
		 "{ name = \"A\"; bdf = \"00:02.0\"; model = \"edu\"; }"),
	 "p:3: the name \"A\" is taken by the device of line 2, expected another"},
	{DEVICES("{ bdf = \"1:2:3:4\"; model = \"edu\"; }"),
	 "p:2: \"1:2:3:4\" is no PCI address, expected \"01:00.0\" or \"0000:01:00.0\""},
	{DEVICES("{ bdf = 5; model = \"edu\"; }"),
	 "p:2: bdf is a number, expected an address such as \"01:00.0\""},
	{DEVICES("{ model = \"edu\"; }"), "p:2: a device has no bdf, expected bdf = \"01:00.0\""},
	{DEVICES("{ bdf = \"00:01.0\"; }"), "p:2: a device has no model, expected model = \"edu\""},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"e1000\"; }"),
	 "p:2: model is \"e1000\", expected \"e1000e\""},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"edu\"; driver = \"vfio\"; }"),
	 "p:2: driver is \"vfio\", expected \"vfio-pci\""},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"edu\"; secondary-bus = 1; }"),
	 "p:2: a device of model edu has buses below it, expected a bridge"},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"pcie-root-port\"; }"),
	 "p:2: a bridge has no secondary-bus, expected its number"},
	{DEVICES("{ bdf = \"02:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1; }"),
	 "p:2: secondary-bus 1 is not below the bridge's own bus 2, expected a higher number"},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1;\n"
		 "  subordinate-bus = 3; },\n"
		 "{ bdf = \"00:02.0\"; model = \"pcie-root-port\"; secondary-bus = 3; }"),
	 "p:4: buses 3 to 3 overlap those of the bridge of line 2, expected others"},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1;\n"
		 "  subordinate-bus = 3; },\n"
		 "{ bdf = \"02:00.0\"; model = \"edu\"; }"),
	 "p:4: no bridge leads to bus 02, expected one with secondary-bus = 2 (the range of the "
	 "bridge "
	 "of line 2 has it)"},
	{UNIT DEVICES(
		 EDU) "rmrr = ( { first = 0x1000; last = 0x1ffe; devices = ( \"01:00.0\" ); } );",
	 "p:4: an rmrr is no range of whole pages, expected first = 0x...000 below last = "
	 "0x...fff"},
	{UNIT DEVICES(
		 EDU) "rmrr = ( { first = 0x1000; last = 0x1fff; devices = ( \"01:00.1\" ); } );",
	 "p:4: the rmrr names 0000:01:00.1, expected a device of this platform"},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"edu\"; aliases = ( \"01:02.0\" ); }"),
	 "p:2: aliases on bus 01, expected the device's own bus 00"},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"edu\"; aliases = 5; }"),
	 "p:2: aliases is no list of addresses, expected ( \"00:02.0\", ... )"},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"edu\"; acpi = \"A\"; driver = \"vfio-pci\"; }"),
	 "p:2: vfio-pci for a device on a platform bus, expected driver = \"host\" or \"none\""},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"edu\"; acpi = \"A\"; driver = \"pci-stub\"; }"),
	 "p:2: pci-stub for a device on a platform bus, expected driver = \"host\" or \"none\""},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"edu\"; acpi = \"A\"; acs = true; }"),
	 "p:2: a device on a platform bus has the key acs, expected a PCI function or no such key"},
	{DEVICES("{ bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1; },\n"
		 "{ bdf = \"01:00.0\"; model = \"edu\"; hid = \"X\"; }"),
	 "p:3: a device on a platform bus has an id of bus 01, which is below a bridge, expected a "
	 "root bus"},
	{"ivmd = ( { first = 0; last = 0xfff; read = false; write = false; } );",
	 "p:1: an ivmd allows nothing, expected read or write"},
	{"ivmd = ( { first = 0; last = 0xffe; } );",
	 "p:1: an ivmd is no range of whole pages, expected first = 0x...000 below last = "
	 "0x...fff"},
	{"ivmd = ( { first = 0; last = 0xfff; devices = ( \"00:01.0\" ); } );",
	 "p:1: the ivmd names 0000:00:01.0, expected a device of this platform"},
	{"atsr = ( { } );", "p:1: an atsr has no ports, expected ports or all-ports = true"},
	{"satc = ( { required = true; } );", "p:1: a satc has no devices, expected at least one"},
	{"rmrr = ( { first = 0x1000; last = 0x1fff; } );",
	 "p:1: an rmrr has no devices, expected at least one"},
	{"@include \"nowhere.cfg\"\n", "p:1: cannot include \"nowhere.cfg\": No such file or "
				       "directory, expected a readable file"},
	{"@include \"/\"\n",
	 "p:1: cannot include \"/\": Invalid argument, expected a readable file"},
	{"a = ;", "p:1: syntax error, expected libconfig syntax: key = value;"},
	{"machine = { };\nmachine = { };",
	 "p:2: duplicate setting name, expected libconfig syntax: key = value;"},
};

START_TEST(each_mistake_has_its_message)
{
	const struct mistake *mistake = &mistakes[_i];
	struct platform *platform;
	char error[512] = "";
	int rc = platform_parse(mistake->text, "p", &platform, error, sizeof(error));

	if (!mistake->message) { /* any error will do: whether "0:1.0" is an address is not ours */
		ck_assert_int_eq(rc, -EINVAL);
		return;
	}
	ck_assert_str_eq(error, mistake->message);
	ck_assert_int_eq(rc, -EINVAL);
	ck_assert_ptr_null(platform);
}
END_TEST

START_TEST(a_quoted_line_break_does_not_break_the_message)
{
	static const char text[] = "devices = ( { bdf = \"0\n\n2:00.1\"; model = \"edu\"; } );\n";
	struct platform *platform;
	char error[512] = "";

	ck_assert_int_eq(platform_parse(text, "text", &platform, error, sizeof(error)), -EINVAL);
	ck_assert_ptr_null(strchr(error, '\n'));
	ck_assert_ptr_nonnull(strstr(error, "\"0??2:00.1\""));
}
END_TEST

START_TEST(an_unknown_preset_suggests_the_nearest)
{
	struct platform *platform;
	char error[512];

	ck_assert_int_eq(platform_load("vtd84", &platform, error, sizeof(error)), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "expected \"vtd48\""));
	ck_assert_int_eq(platform_load("./none.cfg", &platform, error, sizeof(error)), -ENOENT);
	ck_assert_str_eq(error, "./none.cfg: No such file or directory, expected a platform file");
	ck_assert_int_eq(platform_load("/", &platform, error, sizeof(error)), -EINVAL);
}
END_TEST

static void write_file(const char *path, const char *text, size_t len)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fwrite(text, 1, len, out), len);
	fclose(out);
}

START_TEST(an_error_in_an_included_file_names_that_file)
{
	static const char outer[] = "machine = { ram = \"1G\"; };\n@include \"inner.cfg\"\n";
	char dir[] = "/tmp/softiommu-test-XXXXXX", path[64], inner[64], error[512], expected[160];
	struct platform *platform;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/outer.cfg", dir);
	snprintf(inner, sizeof(inner), "%s/inner.cfg", dir);
	write_file(path, outer, strlen(outer));

	write_file(inner, "units = (\n{ haw = 5; } );\n", 25);
	ck_assert_int_eq(platform_load(path, &platform, error, sizeof(error)), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:2: haw is 5, expected 32 to 52", inner);
	ck_assert_str_eq(error, expected);

	write_file(inner, "x = 0x123456789;\n", 17);
	ck_assert_int_eq(platform_load(path, &platform, error, sizeof(error)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "inner.cfg:1: the number 0x123456789 needs"));

	write_file(inner, "@include \"inner.cfg\"\n", 21);
	ck_assert_int_eq(platform_load(path, &platform, error, sizeof(error)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "includes nest too deep"));

	write_file(inner, "units = ( );\n\0", 14);
	ck_assert_int_eq(platform_load(path, &platform, error, sizeof(error)), -EINVAL);

	write_file(inner, UNIT, strlen(UNIT));
	ck_assert_int_eq(platform_load(path, &platform, error, sizeof(error)), 0);
	ck_assert_uint_eq(platform->unit_count, 1);
	platform_destroy(platform);
	unlink(inner);
	unlink(path);
	rmdir(dir);
}
END_TEST

/* Any bytes give a platform or an error line of the usual form. */
static void parse_any(const char *text, uint64_t seed)
{
	struct platform *platform;
	char error[512] = "";

	if (!platform_parse(text, "p", &platform, error, sizeof(error)))
		platform_destroy(platform);
	else
		ck_assert_msg(!strncmp(error, "p:", 2) && strstr(error, ", expected "),
			      "seed %llu: %s", (unsigned long long)seed, error);
}

START_TEST(no_bytes_crash_the_parser)
{
	static const char spice[] = "(){}[];=\"\\,@#/*-0xL\n";
	const char *text = platform_preset_at((unsigned)_i)->text;
	struct prng rng = {.state = (uint64_t)_i + 1};
	char *bytes = strdup(text);
	size_t len = strlen(text);

	for (unsigned n = 0; n < 400; n++) {
		uint64_t seed = rng.state;

		memcpy(bytes, text, len + 1);
		for (uint64_t changes = 1 + prng_below(&rng, 3); changes; changes--) {
			uint64_t at = prng_below(&rng, len), what = prng_next(&rng);

			bytes[at] =
				what & 256 ? (char)(what & 255) : spice[what % (sizeof(spice) - 1)];
		}
		parse_any(bytes, seed);
		bytes[prng_below(&rng, len)] = '\0';
		parse_any(bytes, seed);
	}
	free(bytes);
}
END_TEST

START_TEST(deep_nesting_is_an_error)
{
	char *text = calloc(1, 60001);

	memset(text, '(', 60000);
	memcpy(text, "a = ", 4);
	parse_any(text, 0);
	free(text);
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
	Suite *suite = suite_create("platform errors");
	TCase *tc = tcase_create("messages");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, each_mistake_has_its_message, 0, (int)SIO_ARRAY_SIZE(mistakes));
	tcase_add_test(tc, a_quoted_line_break_does_not_break_the_message);
	tcase_add_test(tc, an_unknown_preset_suggests_the_nearest);
	tcase_add_test(tc, an_error_in_an_included_file_names_that_file);
	tcase_add_loop_test(tc, no_bytes_crash_the_parser, 0, preset_count());
	tcase_add_test(tc, deep_nesting_is_an_error);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
