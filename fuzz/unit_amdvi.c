// SPDX-License-Identifier: GPL-2.0-only
/*
 * An AMD-Vi unit with every feature the model has but guest virtual APICs, by registers, memory and
 * DMA.
 *
 * What its registers are to be is from "IOMMU MMIO Registers", "Commands" and "Event Logging".
 */
#include "unit.h"

#include <inttypes.h>
#include <string.h>

#define READ_WRITE (UINT64_C(3) << 61)
#define EFR        UINT64_C(0x001740110000abdf)

#define AMD_DWORDS (0x2050u / 4)
static uint32_t now[AMD_DWORDS];
static struct naive_amd unit;

/* Dwords that can be written: offset, bits, bits that a 1 clears. */
static const struct amd_reg {
	uint16_t offset;
	uint32_t writable, clearable;
} regs[] = {
	{0x00, 0xfffff1ff, 0},
	{0x04, 0x000fffff, 0},
	{0x08, 0xfffff000, 0},
	{0x0c, 0x0f0fffff, 0},
	{0x10, 0xfffff000, 0},
	{0x14, 0x0f0fffff, 0},
	{0x18, 0x0003ffff, 0},
	{0x1c, 0x080c2000, 0},
	{0x20, 0xfffff003, 0},
	{0x24, 0x000fffff, 0},
	{0x28, 0xfffff000, 0},
	{0x2c, 0x000fffff, 0},
	{0x38, 0xfffff000, 0},
	{0x3c, 0x0f0fffff, 0},
	{0x40, 0xffffffff, 0},
	{0x44, 0xffffffff, 0},
	{0x48, 0xffffffff, 0},
	{0x4c, 0xffffffff, 0},
	{0x50, 0, 3},
	{0x158, 0x00710000, 0},
	{0x15c, 0xfffffffc, 0},
	{0x160, 0xffffffff, 0},
	{0x164, 0x0000ffff, 0},
	{0x170, 0xffffff04, 0},
	{0x174, 0xff0001ff, 0},
	{0x178, 0xffffff04, 0},
	{0x17c, 0xff0001ff, 0},
	{0x180, 0xffffff04, 0},
	{0x184, 0xff0001ff, 0},
	{0x2000, 0x0007fff0, 0},
	{0x2008, 0x0007fff0, 0},
	{0x2010, 0x0007fff0, 0},
	{0x2018, 0x0007fff0, 0},
	{0x2020, 0, 0x667},
	{0x2030, 0x0007fff0, 0},
	{0x2038, 0x0007fff0, 0},
};

static uint32_t *reg(unsigned offset)
{
	return &now[offset / 4];
}

static uint64_t reg64(unsigned offset)
{
	return (uint64_t)now[offset / 4 + 1] << 32 | now[offset / 4];
}

static void set64(unsigned offset, uint64_t value)
{
	now[offset / 4] = (uint32_t)value;
	now[offset / 4 + 1] = (uint32_t)(value >> 32);
}

static void reset(struct unit_fuzz *f)
{
	memset(now, 0, sizeof(now));
	unit = (struct naive_amd){.hw = f->hw};
	/* 256 entries. */
	*reg(0x0c) = *reg(0x14) = *reg(0x3c) = 8u << 24;
	set64(0x30, EFR);
	/* The MSI capability: four messages, 64 bits. */
	*reg(0x158) = 5 | 1u << 23 | 2u << 17;
	set64(0x1a0, sio_unit_read(f->unit, 0x1a0, 8));
}

/* All that are there, and a place where nothing is. */
static void check(struct unit_fuzz *f)
{
	for (unsigned at = 0; at < AMD_DWORDS * 4; at += 8) {
		uint64_t got;

		if (at == 0x60)
			at = 0x158;
		if (at == 0x1b0)
			at = 0x2000;
		got = sio_unit_read(f->unit, at, 8);
		if (got != reg64(at))
			story_fail(&f->story,
				   "the register at 0x%x is 0x%" PRIx64 ", expected 0x%" PRIx64, at,
				   got, reg64(at));
	}
}

static void adopt(struct unit_fuzz *f)
{
	static const uint16_t unknown[] = {0x40, 0x48, 0x50, 0x2018, 0x2020};

	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		set64(unknown[i], sio_unit_read(f->unit, unknown[i], 8));
}

/* ---- messages and logs ---- */

/* Causes: event, completion, page requests. */
static const struct {
	uint32_t status, enable, xt;
} causes[] = {{1 << 1, 1 << 3, 0x170}, {1 << 2, 1 << 4, 0x170}, {1 << 6, 1 << 14, 0x178}};

static void send(struct unit_fuzz *f, unsigned cause)
{
	const uint64_t xt = reg64(causes[cause].xt);
	const uint64_t destination = naive_bits(xt, 31, 8) | xt >> 56 << 24;

	if (*reg(0x1c) >> 19 & 1)
		unit_sends(f, cause,
			   0xfee00000 | (destination & 0xff) << 12 | destination >> 8 << 40 |
				   (xt & 4),
			   (uint32_t)(naive_bits(xt, 39, 32) | naive_bits(xt, 40, 40) << 8));
	else if (*reg(0x158) >> 16 & 1)
		unit_sends(f, cause, (uint64_t)*reg(0x160) << 32 | *reg(0x15c), *reg(0x164));
}

static void raise_cause(struct unit_fuzz *f, unsigned cause)
{
	if (*reg(0x2020) & causes[cause].status)
		return;
	*reg(0x2020) |= causes[cause].status;
	if (*reg(0x18) & causes[cause].enable)
		send(f, cause);
}

static uint64_t ring_bytes(unsigned at)
{
	const unsigned lg2 = *reg(at + 4) >> 24 & 15;

	return lg2 < 8 ? 0 : UINT64_C(16) << lg2;
}

static uint64_t ring_base(unsigned at)
{
	return naive_bits(reg64(at), 51, 12) << 12;
}

static void hardware_event(uint64_t lo, uint64_t hi)
{
	if (*reg(0x50) & 1) {
		*reg(0x50) |= 2;
		return;
	}
	*reg(0x50) |= 1;
	set64(0x40, lo);
	set64(0x48, hi);
}

static void log_event(struct unit_fuzz *f, uint64_t lo, uint64_t hi)
{
	const uint64_t bytes = ring_bytes(0x10);
	uint64_t tail, word;

	if (!(*reg(0x2020) >> 3 & 1))
		return;
	if (!bytes) {
		hardware_event(lo, hi);
		return;
	}
	tail = *reg(0x2018) & (bytes - 1);
	if (((tail + 16) & (bytes - 1)) == (*reg(0x2010) & (bytes - 1))) {
		*reg(0x2020) = (*reg(0x2020) | 1) & ~8u;
		if (*reg(0x18) & causes[0].enable)
			send(f, 0);
		return;
	}
	if (!naive_word(f->hw, ring_base(0x10) + tail, &word)) {
		hardware_event(lo, hi);
		return;
	}
	unit_stores(f, ring_base(0x10) + tail + 8, hi, 8);
	unit_stores(f, ring_base(0x10) + tail, lo, 8);
	set64(0x2018, (tail + 16) & (bytes - 1));
	raise_cause(f, 0);
}

/* ---- commands ---- */

/* The event's code that it ends with, 0: done. */
static unsigned run_wait(struct unit_fuzz *f, uint64_t lo, uint64_t hi)
{
	const uint64_t to = naive_bits(lo, 51, 3) << 3;
	uint64_t word;

	if (lo & 1) {
		if (!naive_word(f->hw, to, &word))
			return 6;
		unit_stores(f, to, hi, 8);
	}
	if (lo & 2)
		raise_cause(f, 1);
	return 0;
}

static unsigned run_one(struct unit_fuzz *f, uint64_t at, uint64_t lo, uint64_t hi)
{
	static const struct {
		uint64_t lo, hi; /* reserved */
	} forms[] = {
		[1] = {UINT64_C(0x0ff0000000000000), 0},
		[2] = {UINT64_C(0x0fffffffffff0000), UINT64_MAX},
		[3] = {UINT64_C(0x0fff0000fff00000), 0xff8},
		[4] = {0, 0xfca},
		[5] = {UINT64_C(0x0fffffffffff0000), UINT64_MAX},
		[6] = {UINT64_C(0x0ff0000000ff0000), 0xfea},
		[7] = {UINT64_C(0x0ff00000ffff0000), UINT64_C(0xffff0c00fffffffb)},
		[8] = {UINT64_C(0x0fffffffffffffff), UINT64_MAX},
	};
	const unsigned code = (unsigned)(lo >> 60);

	if (!code || code > 8 || lo & forms[code].lo || hi & forms[code].hi)
		return 5;
	if (code == 1)
		return run_wait(f, lo, hi);
	/* No device here has a TLB: nobody answers. */
	if (code == 4)
		log_event(f, UINT64_C(7) << 60 | (lo & 0xffff), at);
	if (code == 6)
		f->others = true;
	return 0;
}

static void run_commands(struct unit_fuzz *f)
{
	const uint64_t bytes = ring_bytes(0x08);
	uint64_t head, tail;
	unsigned code = 0;

	if (!(*reg(0x2020) >> 4 & 1) || !bytes)
		return;
	head = *reg(0x2000) & (bytes - 1);
	tail = *reg(0x2008) & (bytes - 1);
	while (head != tail) {
		const uint64_t at = ring_base(0x08) + head;
		uint64_t lo, hi;

		code = !unit_word(f, at, &lo) || !unit_word(f, at + 8, &hi)
			       ? 6
			       : run_one(f, at, lo, hi);
		if (code) {
			*reg(0x2020) &= ~(1u << 4);
			*reg(0x2000) = (uint32_t)head;
			log_event(f, (uint64_t)code << 60 | (code == 6 ? UINT64_C(0x200) << 48 : 0),
				  at);
			return;
		}
		head = (head + 16) & (bytes - 1);
	}
	*reg(0x2000) = (uint32_t)head;
}

/* ---- writes ---- */

static void control_log(unsigned enable, unsigned run, unsigned overflow, uint32_t before)
{
	const uint32_t need = 1 | 1u << enable;

	if ((*reg(0x18) & need) != need)
		*reg(0x2020) &= ~(1u << run);
	else if ((before & need) != need && !(*reg(0x2020) >> overflow & 1))
		*reg(0x2020) |= 1u << run;
}

static void control(struct unit_fuzz *f, uint32_t before)
{
	const uint32_t both = 1 | 1 << 12, after = *reg(0x18);

	unit.control = reg64(0x18);
	control_log(2, 3, 0, before);
	control_log(13, 7, 5, before);
	if ((after & both) != both)
		*reg(0x2020) &= ~(1u << 4);
	else if ((before & both) != both)
		*reg(0x2020) |= 1 << 4;
	run_commands(f);
	for (unsigned cause = 0; cause < 3; cause++)
		if (after & ~before & causes[cause].enable && *reg(0x2020) & causes[cause].status)
			send(f, cause);
}

static void write_dword(unsigned offset, uint32_t value)
{
	for (unsigned i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		const struct amd_reg *desc = &regs[i];

		if (desc->offset == offset)
			*reg(offset) =
				((*reg(offset) & ~desc->writable) | (value & desc->writable)) &
				~(value & desc->clearable);
	}
}

static void write(struct unit_fuzz *f, uint32_t offset, unsigned width, uint64_t value)
{
	const uint32_t before = *reg(0x18);
	const uint64_t table = unit.table;

	if (offset % width || offset / 4 + width / 4 > AMD_DWORDS)
		return;
	write_dword(offset, (uint32_t)value);
	if (width == 8)
		write_dword(offset + 4, (uint32_t)(value >> 32));
	unit.table = reg64(0x00);
	unit.exclusion_base = reg64(0x20);
	unit.exclusion_limit = reg64(0x28);
	/* What is cached is of another table. */
	f->clean &= table == unit.table;
	switch (offset & ~7u) {
	case 0x08:
		set64(0x2000, 0);
		set64(0x2008, 0);
		break;
	case 0x10:
		set64(0x2010, 0);
		set64(0x2018, 0);
		break;
	case 0x18:
		control(f, before);
		break;
	case 0x38:
		set64(0x2030, 0);
		set64(0x2038, 0);
		break;
	case 0x2008:
		run_commands(f);
		break;
	default:
		break;
	}
}

/* ---- faults ---- */

static struct naive_answer walk(struct unit_fuzz *f, const struct sio_request *request)
{
	(void)f;
	return naive_amd(&unit, request);
}

static void fault(struct unit_fuzz *f, const struct sio_request *request,
		  const struct naive_answer *answer)
{
	uint64_t flags = answer->flags | (request->write ? 0x20 : 0), lo;

	if (answer->silent)
		return;
	if (request->has_pasid)
		flags |= 4;
	if (request->has_pasid && answer->code != 3)
		flags |= 1;
	lo = (uint64_t)answer->code << 60 | flags << 48 | request->requester;
	if (!(flags & 1))
		lo |= (uint64_t)answer->domain << 32;
	else if (request->has_pasid)
		lo |= (uint64_t)(request->pasid & 0xffff) << 32 |
		      (uint64_t)(request->pasid >> 16 & 15) << 16;
	log_event(f, lo, answer->address);
}

/* ---- invalidation ---- */

static bool queue_works(const struct unit_fuzz *f)
{
	return *reg(0x2020) >> 4 & 1 &&
	       reg64(0x08) == (unit_page(f, UNIT_QUEUE) | UINT64_C(8) << 56) &&
	       *reg(0x2000) == *reg(0x2008);
}

static void put(struct unit_fuzz *f, uint64_t lo, uint64_t hi)
{
	if (!queue_works(f)) {
		unit_write(f, 0x18, 8, reg64(0x18) & ~(UINT64_C(1) << 12));
		unit_write(f, 0x08, 8, unit_page(f, UNIT_QUEUE) | UINT64_C(8) << 56);
		unit_write(f, 0x18, 8, reg64(0x18) | 1 | 1 << 12);
	}
	unit_poke(f, UNIT_QUEUE, *reg(0x2008) / 8, lo);
	unit_poke(f, UNIT_QUEUE, *reg(0x2008) / 8 + 1, hi);
	unit_write(f, 0x2008, 8, (*reg(0x2008) + 16) % 4096);
}

static void forget(struct unit_fuzz *f, uint64_t how)
{
	(void)how;
	put(f, UINT64_C(8) << 60, 0);
}

static bool is_guest(const struct unit_fuzz *f)
{
	return f->head >> 5 & 1;
}

/* By pages, around any of them; all of the domain; everything. */
static void forget_leaves(struct unit_fuzz *f, unsigned first, unsigned count, uint64_t how)
{
	const uint64_t lo = UINT64_C(3) << 60 | (uint64_t)UNIT_DOMAIN << 32;
	/* All ones below the upper half of the range. */
	const uint64_t size = count > 1 ? (count / 2 - 1) * NAIVE_PAGE | 1 : 0;
	uint64_t hi = first * NAIVE_PAGE | size;

	if ((how & 14) == 2) {
		put(f, UINT64_C(8) << 60, 0);
		return;
	}
	if ((how & 14) == 4)
		hi = UINT64_C(0x7ffffffffffff001) | 2;
	if (!(how & 1))
		hi |= 2;
	put(f, lo, hi | (is_guest(f) ? 4 : 0));
}

/* No tables: the identity. */
static void redevice(struct unit_fuzz *f, bool through, uint64_t how)
{
	const uint64_t tables = UINT64_C(3) << 54 | 7 << 9;
	uint64_t word;

	naive_word(f->hw, unit_page(f, UNIT_ROOT) + UNIT_DEVICE * 32, &word);
	word &= ~tables;
	if (!through)
		word |= is_guest(f) ? UINT64_C(3) << 54 : 4 << 9;
	unit_poke(f, UNIT_ROOT, UNIT_DEVICE * 4, word);
	put(f, how & 7 ? UINT64_C(2) << 60 | UNIT_DEVICE : UINT64_C(8) << 60, 0);
}

static unsigned used(struct unit_fuzz *f, unsigned page, struct unit_slot *slot)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 4; i++)
		slot[n++] = (struct unit_slot){UNIT_ROOT, UNIT_DEVICE * 4 + i};
	/* What it is, is most of it. */
	slot[n++] = slot[0];
	if (is_guest(f))
		slot[n++] = (struct unit_slot){UNIT_PASIDS, 0};
	for (unsigned table = UNIT_TOP; table < UNIT_LEAVES; table++)
		slot[n++] = (struct unit_slot){table, 0};
	slot[n++] = (struct unit_slot){f->leaves, page};
	return n;
}

/* ---- set up ---- */

static uint64_t host_leaf(uint64_t page, unsigned perm)
{
	return perm ? page | (uint64_t)perm << 61 | 1 : 0;
}

static uint64_t guest_leaf(uint64_t page, unsigned perm)
{
	return perm ? page | 5 | (perm & 2) : 0;
}

static uint64_t host_table(uint64_t page)
{
	return page | READ_WRITE | 1 << 9 | 1;
}

static uint64_t guest_table(uint64_t page)
{
	return page | 7;
}

/* Of the size of its level, or of any; or a table that is not next below. */
static uint64_t host_large(uint64_t entry, uint64_t how)
{
	const uint64_t others = entry & ~(naive_bits(UINT64_MAX, 51, 9) << 9);

	if (how & 8)
		return (entry & ~(UINT64_C(7) << 9)) | (how & 7) << 9;
	if (!how)
		return others;
	return others | 7 << 9 | ((UINT64_C(1) << (how * 3 + how / 2)) - 1) << 12;
}

static uint64_t guest_large(uint64_t entry, uint64_t how)
{
	return (entry & 7) | 1 << 7 | (how ? UINT64_C(1) << (7 + how * 2) : 0);
}

static void set_up_guest(struct unit_fuzz *f)
{
	const uint64_t gcr3 = unit_page(f, UNIT_PASIDS);

	/* Guest tables of four levels for requests without PASID as well, GCR3 of one. */
	unit_poke(f, UNIT_ROOT, UNIT_DEVICE * 4,
		  READ_WRITE | UINT64_C(3) << 54 | naive_bits(gcr3, 14, 12) << 58 | 3);
	unit_poke(f, UNIT_ROOT, UNIT_DEVICE * 4 + 1,
		  UNIT_DOMAIN | naive_bits(gcr3, 30, 15) << 16 | gcr3 >> 31 << 43);
	for (unsigned pasid = 0; pasid < 3; pasid++)
		unit_poke(f, UNIT_PASIDS, pasid, unit_page(f, UNIT_TOP) | 1);
}

/* One device on four levels, commands and events. */
static void set_up(struct unit_fuzz *f)
{
	const uint64_t marks = f->head >> 9 & 1 ? 3 : f->head >> 10 & 1;

	/* Valid, translated, four levels. */
	if (is_guest(f)) {
		set_up_guest(f);
	} else {
		unit_poke(f, UNIT_ROOT, UNIT_DEVICE * 4,
			  unit_page(f, UNIT_TOP) | READ_WRITE | 4 << 9 | marks << 7 | 3);
		unit_poke(f, UNIT_ROOT, UNIT_DEVICE * 4 + 1, UNIT_DOMAIN);
	}
	for (unsigned page = UNIT_TOP; page < UNIT_LEAVES; page++)
		unit_poke(f, page, 0,
			  is_guest(f) ? unit_page(f, page + 1) | 7
				      : unit_page(f, page + 1) | READ_WRITE |
						(uint64_t)(UNIT_LEAVES - page) << 9 | 1);
	for (unsigned i = 0; i < UNIT_MAPPED; i++)
		unit_poke(f, UNIT_LEAVES, i, f->vendor->leaf(unit_page(f, UNIT_DATA + i), 3));
	/* Behind the interrupts. */
	unit_poke(f, UNIT_TOP + 1, 3,
		  f->vendor->last_table(unit_page(f, UNIT_TOP + 2)) ^ (is_guest(f) ? 0 : 3 << 9));
	unit_poke(f, UNIT_TOP + 2, 0x1f7, f->vendor->last_table(unit_page(f, UNIT_LEAVES)));
	unit_poke(f, UNIT_LEAVES, 256, f->vendor->leaf(unit_page(f, UNIT_DATA + 40), 3));
	unit_write(f, 0x00, 8, unit_page(f, UNIT_ROOT));
	unit_write(f, 0x08, 8, unit_page(f, UNIT_QUEUE) | UINT64_C(8) << 56);
	unit_write(f, 0x10, 8, unit_page(f, UNIT_LOG) | UINT64_C(8) << 56);
	/* On, with event log, commands and guest tables. */
	unit_write(f, 0x18, 8, 1 | 1 << 2 | 1 << 12 | 1 << 16);
	f->clean = true;
}

static uint64_t value(struct unit_fuzz *f, uint32_t offset)
{
	const uint64_t how = unit_take(f, 1);

	switch (offset) {
	case 0x00:
		return unit_page(f, UNIT_ROOT) | how % 3;
	case 0x08:
	case 0x10:
		return unit_page(f, offset == 8 ? UNIT_QUEUE : UNIT_LOG) | (7 + how % 4) << 56;
	case 0x18:
		return reg64(0x18) ^ (UINT64_C(1) << how % 20) ^ (how & 128) << 44;
	case 0x20:
	case 0x28:
		return how % 20 << 12 | how >> 6;
	case 0x2000:
	case 0x2008:
	case 0x2010:
	case 0x2018:
		return how & 1 ? how << 3 & 0xff0 : (4096u << (how >> 1 & 1)) - (how & 32);
	default:
		return unit_value(f);
	}
}

/* Any command, mostly without reserved bits; waits store into the arena. */
static void submit(struct unit_fuzz *f)
{
	const uint64_t how = unit_take(f, 1), code = how & 1 ? 1 : 1 + (how >> 1 & 7);
	uint64_t lo = code << 60, hi = 0;

	if (code == 1) {
		lo |= unit_page(f, UNIT_DATA + (how & 15)) + unit_take(f, 1) * 8;
		lo |= how >> 1 & 7;
		hi = unit_take(f, 3);
	} else {
		lo |= unit_take(f, 1);
		if (code == 3 || code == 6)
			lo |= unit_take(f, 1) << 32;
		if (code == 3 || code == 4)
			hi = unit_take(f, 2) << 8 & ~UINT64_C(0xff0);
	}
	/* One bit more. */
	if (how >> 6 == 3)
		*(unit_take(f, 1) & 1 ? &lo : &hi) ^= UINT64_C(1) << (unit_take(f, 1) & 63);
	put(f, lo, hi);
}

static const char platform[] = "machine = { ram = \"64M\"; };\n"
			       "units = ( { type = \"amd\"; name = \"ivhd0\"; include-all = true;\n"
			       "            efr = 0x001740110000abdfL; } );\n"
			       "devices = ( { bdf = \"00:03.0\"; model = \"edu\"; } );\n";

static const uint16_t offsets[] = {
	0x00,   0x08,   0x10,   0x18,   0x18,   0x18,   0x20,   0x28,   0x30,
	0x38,   0x40,   0x50,   0xe0,   0xe8,   0x158,  0x15c,  0x160,  0x164,
	0x170,  0x178,  0x180,  0x1a0,  0x14,   0x2000, 0x2008, 0x2008, 0x2010,
	0x2018, 0x2020, 0x2020, 0x2030, 0x2038, 0x2040, 0x2048, 0x4000,
};

static const struct unit_vendor vendor[2] = {
	{"AMD-Vi",      platform,  offsets,    sizeof(offsets) / sizeof(offsets[0]),
	 set_up,        reset,     write,      check,
	 walk,          fault,     adopt,      forget,
	 forget_leaves, host_leaf, host_table, host_large,
	 redevice,      used,      value,      submit},
	{"AMD-Vi",      platform,   offsets,     sizeof(offsets) / sizeof(offsets[0]),
	 set_up,        reset,      write,       check,
	 walk,          fault,      adopt,       forget,
	 forget_leaves, guest_leaf, guest_table, guest_large,
	 redevice,      used,       value,       submit},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unit_fuzz_run(&vendor[records_get(data, size, -1) >> 5 & 1], data, size);
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
