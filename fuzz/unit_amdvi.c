// SPDX-License-Identifier: GPL-2.0-only
/* An AMD-Vi unit with every feature the model has, by registers, memory and DMA. */
#include "unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char platform[] =
		"machine = { ram = \"64M\"; };\n"
		"units = ( { type = \"amd\"; name = \"ivhd0\"; include-all = true;\n"
		"            efr = 0x001740110000abdfL; } );\n"
		"devices = ( { bdf = \"00:03.0\"; model = \"edu\"; } );\n";
	static const uint16_t reg[] = {
		0x00,   0x08,   0x10,   0x18,   0x18,   0x18,   0x20,   0x28,   0x30,   0x38,
		0xe0,   0xe8,   0x15c,  0x160,  0x164,  0x170,  0x178,  0x180,  0x1a0,  0x2000,
		0x2008, 0x2008, 0x2010, 0x2018, 0x2020, 0x2030, 0x2038, 0x2040, 0x2048, 0x4000,
	};

	unit_fuzz_run(platform, reg, sizeof(reg) / sizeof(reg[0]), data, size);
	return 0;
}
