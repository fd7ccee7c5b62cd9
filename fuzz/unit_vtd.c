// SPDX-License-Identifier: GPL-2.0-only
/* A VT-d unit with every capability the model has, by registers, memory and DMA. */
#include "unit.h"

/* One device on four levels, the queue, translation on. */
static void set_up(struct unit_fuzz *f)
{
	unit_poke(f, UNIT_ROOT, 0, unit_page(f, UNIT_CONTEXT) | 1);
	/* Width of four levels, domain 7. */
	unit_poke(f, UNIT_CONTEXT, UNIT_DEVICE * 2, unit_page(f, UNIT_TOP) | 1);
	unit_poke(f, UNIT_CONTEXT, UNIT_DEVICE * 2 + 1, 7 << 8 | 2);
	for (unsigned page = UNIT_TOP; page < UNIT_LEAVES; page++)
		unit_poke(f, page, 0, unit_page(f, page + 1) | 3);
	for (unsigned i = 0; i < UNIT_MAPPED; i++)
		unit_poke(f, UNIT_LEAVES, i, unit_page(f, UNIT_DATA + i) | 3);
	sio_unit_write(f->unit, 0x20, 8, unit_page(f, UNIT_ROOT));
	sio_unit_write(f->unit, 0x18, 4, 1u << 30);
	sio_unit_write(f->unit, 0x90, 8, unit_page(f, UNIT_QUEUE));
	sio_unit_write(f->unit, 0x18, 4, 1u << 26);
	sio_unit_write(f->unit, 0x18, 4, 1u << 31 | 1u << 26);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char platform[] =
		"machine = { ram = \"64M\"; };\n"
		"units = ( { name = \"dmar0\"; include-all = true; haw = 39;\n"
		"            cap = 0x8d2078c106f0466L; ecap = 0x1e99ce4f050dfL; } );\n"
		"devices = ( { bdf = \"00:03.0\"; model = \"edu\"; } );\n";
	static const uint16_t reg[] = {
		0x00, 0x08, 0x10,  0x18,  0x18,  0x18,  0x1c,  0x20,  0x20,  0x28,  0x2c,  0x34,
		0x38, 0x3c, 0x40,  0x44,  0x58,  0x64,  0x68,  0x80,  0x88,  0x88,  0x8c,  0x90,
		0x90, 0x9c, 0xa0,  0xa4,  0xa8,  0xb0,  0xb8,  0xc0,  0xc8,  0xd0,  0xdc,  0xe0,
		0xe4, 0xe8, 0x100, 0x400, 0x500, 0x504, 0x508, 0x50c, 0x400, 0x408, 0x410,
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
