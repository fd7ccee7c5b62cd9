/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Platforms that use all that a table can say, and tables put together byte by byte.
 */
#ifndef TESTS_ACPI_FIXTURE_H
#define TESTS_ACPI_FIXTURE_H

#include "harness.h"
#include "platform/acpi.h"

#include <stdio.h>
#include <string.h>

/* Two segments, switches, a conventional bridge, platform-bus devices, all structures. */
static const char *const rich_intel =
	"machine = { ram = \"4G\"; intremap = true; };\n"
	"units = (\n"
	"  { name = \"gfx\"; scope = ( \"00:02.0\" ); haw = 39; proximity = 0; },\n"
	"  { name = \"io\"; scope = ( \"00:1c.0\", \"00:1d.0\", \"40:00.0\" ); haw = 39; },\n"
	"  { name = \"rest\"; include-all = true; haw = 39; proximity = 3;\n"
	"    special = ( { type = \"ioapic\"; id = 2; bdf = \"f0:1f.0\"; },\n"
	"                { type = \"hpet\"; id = 0; bdf = \"f0:0f.0\"; } ); },\n"
	"  { name = \"far\"; segment = 1; haw = 39; scope = ( \"0001:00:01.0\" ); },\n"
	"  { name = \"far-rest\"; segment = 1; haw = 39; include-all = true; } );\n"
	"devices = (\n"
	"  { bdf = \"00:02.0\"; model = \"edu\"; type = \"rc-endpoint\"; ats = true; },\n"
	"  { bdf = \"00:15.0\"; model = \"generic\"; acpi = \"\\\\_SB.PCI0.I2C0\"; },\n"
	"  { bdf = \"00:15.1\"; model = \"generic\"; acpi = \"\\\\_SB.PCI0.I2C1\"; },\n"
	"  { bdf = \"00:1c.0\"; model = \"pcie-root-port\"; secondary-bus = 1;\n"
	"    subordinate-bus = 6; },\n"
	"  { bdf = \"01:00.0\"; model = \"x3130-upstream\"; secondary-bus = 2;\n"
	"    subordinate-bus = 6; },\n"
	"  { bdf = \"02:00.0\"; model = \"xio3130-downstream\"; secondary-bus = 3; },\n"
	"  { bdf = \"02:01.0\"; model = \"xio3130-downstream\"; secondary-bus = 5;\n"
	"    subordinate-bus = 6; },\n"
	"  { name = \"deep\"; bdf = \"03:00.0\"; model = \"nvme\"; ats = true; },\n"
	"  { bdf = \"05:00.0\"; model = \"pcie-pci-bridge\"; secondary-bus = 6; },\n"
	"  { name = \"old\"; bdf = \"06:04.0\"; model = \"edu\"; },\n"
	"  { bdf = \"00:1d.0\"; model = \"e1000e\"; },\n"
	"  { bdf = \"00:1f.0\"; model = \"serial\"; driver = \"host\"; },\n"
	"  { bdf = \"40:00.0\"; model = \"pcie-root-port\"; secondary-bus = 0x41; },\n"
	"  { bdf = \"41:00.0\"; model = \"e1000e\"; acs = true; },\n"
	"  { bdf = \"0001:00:01.0\"; model = \"edu\"; },\n"
	"  { bdf = \"0001:00:02.0\"; model = \"edu\"; } );\n"
	"rmrr = ( { first = 0x7c000000; last = 0x7e7fffff; devices = ( \"00:02.0\" );\n"
	"           relaxable = true; },\n"
	"         { first = 0x7b000000; last = 0x7b0fffff;\n"
	"           devices = ( \"06:04.0\", \"00:1d.0\", \"00:02.0\", \"01:00.0\" ); } );\n"
	"atsr = ( { ports = ( \"00:1c.0\" ); }, { segment = 1; all-ports = true; } );\n"
	"satc = ( { devices = ( \"00:02.0\" ); required = true; } );\n";

/* Four units, aliases, memory, and devices that only blocks of type 0x40 can name. */
static const char *const rich_amd =
	"machine = { ram = \"4G\"; };\n"
	"units = (\n"
	"  { type = \"amd\"; name = \"a\"; ivhd-type = 0x40; devid = \"00:00.2\"; efr = 0x29d3;\n"
	"    include-all = true; ivhd-flags = 0x0e;\n"
	"    special = ( { type = \"ioapic\"; id = 128; bdf = \"00:14.0\"; },\n"
	"                { type = \"hpet\"; id = 0; bdf = \"00:14.0\"; } );\n"
	"    aliases = ( { device = \"00:05.0\"; alias = \"00:05.1\"; },\n"
	"                { device = \"02:04.0\"; alias = \"02:00.0\"; },\n"
	"                { device = \"02:04.1\"; alias = \"02:00.0\"; } ); },\n"
	"  { type = \"amd\"; name = \"b\"; ivhd-type = 0x40; devid = \"40:00.2\";\n"
	"    scope = ( \"40:01.0\", \"00:06.0\" ); },\n"
	"  { type = \"amd\"; name = \"c\"; ivhd-type = 0x40; devid = \"80:00.2\";\n"
	"    efr = 0x400019f3; ivhd-cap = 0x1b03000f; scope = ( \"80:01.0\" ); },\n"
	"  { type = \"amd\"; name = \"d\"; ivhd-type = 0x40; segment = 1;\n"
	"    devid = \"0001:00:00.2\"; include-all = true; } );\n"
	"devices = (\n"
	"  { bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1;\n"
	"    subordinate-bus = 2; },\n"
	"  { bdf = \"01:00.0\"; model = \"pcie-pci-bridge\"; secondary-bus = 2; },\n"
	"  { bdf = \"02:04.0\"; model = \"edu\"; }, { bdf = \"02:04.1\"; model = \"edu\"; },\n"
	"  { bdf = \"00:05.0\"; model = \"edu\"; }, { bdf = \"00:06.0\"; model = \"edu\"; },\n"
	"  { bdf = \"00:13.0\"; model = \"generic\"; hid = \"AMDI0020\"; uid = \"ID00\"; },\n"
	"  { bdf = \"00:13.1\"; model = \"generic\"; hid = \"AMDI0020\"; },\n"
	"  { bdf = \"40:01.0\"; model = \"pcie-root-port\"; secondary-bus = 0x41;\n"
	"    subordinate-bus = 0x4f; },\n"
	"  { bdf = \"41:00.0\"; model = \"nvme\"; },\n"
	"  { bdf = \"80:01.0\"; model = \"e1000e\"; },\n"
	"  { bdf = \"0001:00:01.0\"; model = \"edu\"; } );\n"
	"ivmd = ( { first = 0x7c000000; last = 0x7c0fffff; devices = ( \"00:05.0\" ); },\n"
	"         { first = 0x7d000000; last = 0x7d000fff; write = false;\n"
	"           devices = ( \"02:04.0\", \"02:04.1\", \"41:00.0\" ); },\n"
	"         { first = 0x7e000000; last = 0x7e000fff; segment = 1; exclusion = true; } );\n";

static inline struct platform *platform_of(const char *text)
{
	struct platform *platform;
	char error[512] = "";

	ck_assert_msg(platform_parse(text, "text", &platform, error, sizeof(error)) == 0,
		      "%s, in\n%s", error, text);
	return platform;
}

/* ---- tables by hand ---- */

struct bytes {
	uint8_t at[4096];
	size_t len;
};

static inline void put(struct bytes *bytes, uint64_t value, unsigned n)
{
	for (; n--; value >>= 8)
		bytes->at[bytes->len++] = (uint8_t)value;
}

/* "drhd 3 0102": text is copied, pairs of hexadecimal digits after it are bytes. */
static inline void put_hex(struct bytes *bytes, const char *hex)
{
	unsigned value;

	for (; *hex; hex++)
		if (*hex != ' ' && sscanf(hex, "%2x", &value) == 1) {
			put(bytes, value, 1);
			hex++;
		}
}

/* Length and checksum of what is there. */
static inline void seal(struct bytes *bytes)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < 4; i++)
		bytes->at[4 + i] = (uint8_t)(bytes->len >> 8 * i);
	bytes->at[9] = 0;
	for (size_t i = 0; i < bytes->len; i++)
		sum = (uint8_t)(sum + bytes->at[i]);
	bytes->at[9] = (uint8_t)-sum;
}

/* A header of 48 bytes, then the structures given as hexadecimal text. */
static inline struct bytes table(const char *signature, const char *fixed, const char *structs)
{
	struct bytes bytes = {.len = 0};

	for (unsigned i = 0; i < 4; i++)
		put(&bytes, (uint8_t)signature[i], 1);
	put_hex(&bytes, "00000000 01 00 4f454d494420 4f454d5441424c45 01000000 4352454f 01000000");
	put_hex(&bytes, fixed);
	put_hex(&bytes, structs);
	seal(&bytes);
	return bytes;
}

/* In memory of its very length, so that a sanitizer sees a read beyond it. */
static inline uint8_t *exact_copy(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

/* A refusal is one line that begins with the table's name. */
static inline void check_line(const char *signature, const char *error)
{
	ck_assert_msg(!strncmp(error, signature, 4) && !strchr(error, '\n'), "message \"%s\"",
		      error);
}

#endif
