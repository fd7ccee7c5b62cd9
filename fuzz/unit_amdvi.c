// SPDX-License-Identifier: GPL-2.0-only
/* An AMD-Vi unit with every feature the model has, by registers, memory and DMA. */
#include "unit.h"

#define READ_WRITE (UINT64_C(3) << 61)

/* One device on four levels, commands and events. */
static void set_up(struct unit_fuzz *f)
{
	/* Valid, translated, four levels; domain 7. */
	unit_poke(f, UNIT_ROOT, UNIT_DEVICE * 4, unit_page(f, UNIT_TOP) | READ_WRITE | 4 << 9 | 3);
	unit_poke(f, UNIT_ROOT, UNIT_DEVICE * 4 + 1, 7);
	for (unsigned page = UNIT_TOP; page < UNIT_LEAVES; page++)
		unit_poke(f, page, 0,
			  unit_page(f, page + 1) | READ_WRITE |
				  (uint64_t)(UNIT_LEAVES - page) << 9 | 1);
	for (unsigned i = 0; i < UNIT_MAPPED; i++)
		unit_poke(f, UNIT_LEAVES, i, unit_page(f, UNIT_DATA + i) | READ_WRITE | 1);
	sio_unit_write(f->unit, 0x00, 8, unit_page(f, UNIT_ROOT));
	sio_unit_write(f->unit, 0x08, 8, unit_page(f, UNIT_QUEUE) | UINT64_C(8) << 56);
	sio_unit_write(f->unit, 0x10, 8, unit_page(f, UNIT_LOG) | UINT64_C(8) << 56);
	/* On, with event log and commands. */
	sio_unit_write(f->unit, 0x18, 8, 1 | 1 << 2 | 1 << 12);
}

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

	unit_fuzz_run(platform, reg, sizeof(reg) / sizeof(reg[0]), set_up, data, size);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return records_mutate(data, size, max_size, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed)
{
	return records_splice(data1, size1, data2, size2, out, max_out_size, seed);
}
