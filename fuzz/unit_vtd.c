// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VT-d unit with every capability the model has, by registers, memory and DMA.
 *
 * What its registers are to be is from "Register Descriptions", "Queued Invalidation Interface" and
 * "Primary Fault Logging".
 */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CAP  UINT64_C(0x8d2078c106f0466)
#define ECAP UINT64_C(0x1e99ce4f050df)

#define RECORDS 8u
#define FRCD    0x100u
#define MAMV    18u

/* 32 bits each; registers of 64 bits are two. */
#define VTD_DWORDS 0x144u
static uint32_t now[VTD_DWORDS];
static unsigned next_record;
static struct naive_vtd unit;
/* A device TLB was to be invalidated, of which there is none here: nobody answered. */
static bool timed_out;
static uint16_t timed_out_id;

/* Registers that can be written: offset, bits, bits that a 1 clears. */
static const struct vtd_reg {
	uint16_t offset;
	uint32_t writable, clearable;
} regs[] = {
	{0x20, 0xfffffc00, 0},  {0x24, 0xffffffff, 0}, {0x28, 0xffffffff, 0},
	{0x2c, 0xe0000003, 0},  {0x34, 0, 0x71},       {0x38, 1u << 31, 0},
	{0x3c, 0xffffffff, 0},  {0x40, 0xfffffffc, 0}, {0x44, 0xffffffff, 0},
	{0x64, 1u << 31, 0},    {0x68, 0xffe00000, 0}, {0x6c, 0xffe00000, 0},
	{0x70, 0xffe00000, 0},  {0x74, 0xffffffff, 0}, {0x78, 0xffe00000, 0},
	{0x7c, 0xffffffff, 0},  {0x88, 0x0007fff0, 0}, {0x90, 0xfffff807, 0},
	{0x94, 0xffffffff, 0},  {0x9c, 0, 1},          {0xa0, 1u << 31, 0},
	{0xa4, 0xffffffff, 0},  {0xa8, 0xfffffffc, 0}, {0xac, 0xffffffff, 0},
	{0xb8, 0xfffff80f, 0},  {0xbc, 0xffffffff, 0}, {0xc0, 0x0007ffe0, 0},
	{0xc8, 0x0007ffe0, 0},  {0xd0, 0xfffff007, 0}, {0xd4, 0xffffffff, 0},
	{0xdc, 0, 3},           {0xe0, 1u << 31, 0},   {0xe4, 0xffffffff, 0},
	{0xe8, 0xfffffffc, 0},  {0xec, 0xffffffff, 0}, {0x500, 0xfffff07f, 0},
	{0x504, 0xffffffff, 0}, {0x508, 0, 0},         {0x50c, 0xb003ffff, 0},
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
	next_record = 0;
	timed_out = false;
	unit = (struct naive_vtd){.hw = f->hw};
	*reg(0x00) = (uint32_t)sio_unit_read(f->unit, 0, 4);
	set64(0x08, CAP);
	set64(0x10, ECAP);
	*reg(0x38) = *reg(0xa0) = *reg(0xe0) = 1u << 31;
}

static void check(struct unit_fuzz *f)
{
	for (unsigned at = 0; at < VTD_DWORDS * 4; at += 8) {
		uint64_t got;

		/* Between them is nothing but at the end of the records. */
		if (at == FRCD + RECORDS * 16 + 8)
			at = 0x500;
		got = sio_unit_read(f->unit, at, 8);
		if (got != reg64(at))
			story_fail(&f->story,
				   "the register at 0x%x is 0x%" PRIx64 ", expected 0x%" PRIx64, at,
				   got, reg64(at));
	}
}

/* Fault records, their index, and what tells of them. */
static void adopt(struct unit_fuzz *f)
{
	static const uint16_t status[] = {0x34, 0x38};
	unsigned used = RECORDS;

	for (unsigned i = 0; i < 2; i++)
		*reg(status[i]) = (uint32_t)sio_unit_read(f->unit, status[i], 4);
	for (unsigned i = 0; i < RECORDS; i++) {
		uint64_t lo = sio_unit_read(f->unit, FRCD + i * 16, 8);
		uint64_t hi = sio_unit_read(f->unit, FRCD + i * 16 + 8, 8);

		if (lo != reg64(FRCD + i * 16) || hi != reg64(FRCD + i * 16 + 8))
			used = i;
		set64(FRCD + i * 16, lo);
		set64(FRCD + i * 16 + 8, hi);
	}
	if (used < RECORDS)
		next_record = (used + 1) % RECORDS;
}

/* ---- events ---- */

/* By the offset of the control register: an event that is pending and not masked is sent. */
static void event_try(struct unit_fuzz *f, unsigned at)
{
	if (*reg(at) >> 30 != 1)
		return;
	*reg(at) = 0;
	unit_sends(f, at == 0x38 ? 0 : at == 0xa0 ? 1 : 2, reg64(at + 8), *reg(at + 4));
}

static void event_raise(struct unit_fuzz *f, unsigned at)
{
	*reg(at) |= 1u << 30;
	event_try(f, at);
}

static void status_set(struct unit_fuzz *f, uint32_t bits)
{
	const bool first = !(*reg(0x34) & 0x73);

	*reg(0x34) |= bits;
	if (first)
		event_raise(f, 0x38);
}

static void status_settled(void)
{
	if (!(*reg(0x34) & 0x73))
		*reg(0x38) &= ~(1u << 30);
}

/* ---- the queue ---- */

/* IQERCD's code, 0: it is good. Waits are carried out. */
static unsigned run_wait(struct unit_fuzz *f, uint64_t lo, uint64_t hi)
{
	uint64_t word;

	if (lo >> 7 & 1 || lo >> 8 & 0xffffff || hi & 3)
		return 4;
	if (lo >> 5 & 1) {
		if (hi > NAIVE_RAM - 4 || !naive_word(f->hw, hi & ~UINT64_C(7), &word))
			return 2;
		unit_stores(f, hi, lo >> 32, 4);
	}
	if (lo >> 4 & 1 && !(*reg(0x9c) & 1)) {
		*reg(0x9c) |= 1;
		event_raise(f, 0xa0);
	}
	return 0;
}

static unsigned run_one(struct unit_fuzz *f, uint64_t lo, uint64_t hi)
{
	const unsigned type = lo & 15, granularity = lo >> 4 & 3;
	static const struct {
		uint64_t lo, hi; /* reserved */
	} forms[] = {
		[1] = {UINT64_C(0xfffc00000000ffc0), UINT64_MAX},
		[2] = {UINT64_C(0xffffffff0000ff00), 0xf80},
		[3] = {UINT64_C(0xffff0000ffe0fff0), 0xffe},
		[4] = {UINT64_C(0xffff000007ffffe0), UINT64_MAX},
		[6] = {UINT64_C(0xfff000000000ffc0), 0xf80},
		[7] = {UINT64_C(0xfff000000000ffc0), UINT64_MAX},
		[8] = {UINT64_C(0xfff000000000fe00), 0x7fe},
		[9] = {UINT64_C(0xfff0000000000fe0), UINT64_C(0xfffffffffffff003)},
	};

	if (type == 5)
		return run_wait(f, lo, hi);
	if (!type || type > 9)
		return 3;
	if (lo & forms[type].lo || hi & forms[type].hi)
		return 4;
	if (type <= 2 && !granularity)
		return 4;
	if ((type == 2 || type == 6) && granularity == 3 && (hi & 63) > MAMV)
		return 4;
	if ((type == 6 && granularity < 2) || (type == 7 && granularity == 2))
		return 4;
	if (type == 3 || type == 8) {
		timed_out = true;
		timed_out_id = (uint16_t)(lo >> (type == 3 ? 32 : 16));
	}
	return 0;
}

/* A wait behind an invalidation that nobody answered is passed over, and the queue stops there. */
static bool abort_wait(struct unit_fuzz *f)
{
	if (!timed_out)
		return false;
	timed_out = false;
	*reg(0xb4) = (*reg(0xb4) & ~0xffffu) | timed_out_id;
	status_set(f, 1 << 6);
	return true;
}

static unsigned run_queue_head(struct unit_fuzz *f, unsigned size)
{
	const uint64_t at = (reg64(0x90) & ~UINT64_C(0xfff)) + *reg(0x80);
	uint64_t word[4] = {0};

	for (unsigned i = 0; i < size / 8; i++)
		if (!unit_word(f, at + i * 8, &word[i]))
			return 2;
	if ((word[2] || word[3]) && word[0] & 15 && (word[0] & 15) <= 9)
		return 4;
	if ((word[0] & 15) == 5 && abort_wait(f))
		return 0;
	return run_one(f, word[0], word[1]);
}

static void run_queue(struct unit_fuzz *f)
{
	const uint32_t bytes = 4096u << (*reg(0x90) & 7), size = *reg(0x90) >> 11 & 1 ? 32 : 16;
	const uint32_t tail = *reg(0x88);
	unsigned wrong = 0;

	if (!(*reg(0x1c) >> 26 & 1) || *reg(0x34) & 0x50)
		return;
	if (tail >= bytes || *reg(0x80) >= bytes)
		wrong = 1;
	else if (tail % size || *reg(0x80) % size)
		wrong = 6;
	while (!wrong && *reg(0x80) != tail && !(*reg(0x34) & 0x40)) {
		wrong = run_queue_head(f, size);
		if (!wrong)
			*reg(0x80) = (*reg(0x80) + size) % bytes;
	}
	if (!wrong)
		return;
	*reg(0xb0) = (*reg(0xb0) & ~15u) | wrong;
	status_set(f, 1 << 4);
}

/* ---- writes ---- */

static void global_command(struct unit_fuzz *f, uint32_t value)
{
	const uint32_t shots = value & 0x41000000, changed = (value ^ *reg(0x1c)) & 0x86800000;

	if (shots >> 30) {
		unit.root = reg64(0x20);
		/* What is cached is of other tables. */
		f->clean = false;
	}
	*reg(0x1c) |= shots;
	*reg(0x1c) ^= changed;
	unit.on = *reg(0x1c) >> 31;
	if (changed >> 26 & 1) {
		*reg(0x80) = 0;
		if (*reg(0x1c) >> 26 & 1)
			run_queue(f);
	}
}

/* With the queue on, commands by registers do nothing. */
static bool by_registers(void)
{
	return !(*reg(0x1c) >> 26 & 1);
}

static void context_command(uint32_t value)
{
	uint32_t done = by_registers() ? *reg(0x2c) >> 29 & 3 : 0;

	if (value >> 31)
		*reg(0x2c) = (*reg(0x2c) & 0x67ffffff) | done << 27;
}

static void iotlb_command(uint32_t value)
{
	uint32_t done = by_registers() ? *reg(0x50c) >> 28 & 3 : 0;

	if (done == 3 && (*reg(0x500) & 63) > MAMV)
		done = 0;
	if (value >> 31)
		*reg(0x50c) = (*reg(0x50c) & 0x79ffffff) | done << 25;
}

static void protect(void)
{
	unit.protect = *reg(0x64) >> 31;
	unit.low_first = *reg(0x68);
	unit.low_last = *reg(0x6c) | 0x1fffff;
	unit.high_first = reg64(0x70);
	unit.high_last = reg64(0x78) | 0x1fffff;
	*reg(0x64) = (*reg(0x64) & ~1u) | unit.protect;
}

static void clear_record(unsigned offset, uint32_t value)
{
	bool any = false;

	if (offset % 16 != 12 || !(value >> 31))
		return;
	*reg(offset) &= ~(1u << 31);
	for (unsigned i = 0; i < RECORDS; i++)
		any |= *reg(FRCD + i * 16 + 12) >> 31;
	if (!any)
		*reg(0x34) &= ~2u;
	status_settled();
}

static void clear_status(struct unit_fuzz *f, uint32_t value)
{
	if (value >> 4 & 1)
		*reg(0xb0) &= ~15u;
	if (value >> 5 & 1)
		*reg(0xb4) &= 0xffff;
	if (value >> 6 & 1)
		*reg(0xb4) &= ~0xffffu;
	status_settled();
	run_queue(f);
}

static void written(struct unit_fuzz *f, unsigned offset, uint32_t value)
{
	if (offset >= FRCD && offset < FRCD + RECORDS * 16)
		clear_record(offset, value);
	switch (offset) {
	case 0x18:
		global_command(f, value);
		break;
	case 0x2c:
		context_command(value);
		break;
	case 0x34:
		clear_status(f, value);
		break;
	case 0x38:
	case 0xa0:
	case 0xe0:
		event_try(f, offset);
		break;
	case 0x64:
		protect();
		break;
	case 0x88:
		run_queue(f);
		break;
	case 0x9c:
	case 0xdc:
		if (!*reg(offset))
			*reg(offset + 4) &= ~(1u << 30);
		break;
	case 0x50c:
		iotlb_command(value);
		break;
	default:
		break;
	}
}

static void write_dword(unsigned offset, uint32_t value)
{
	for (unsigned i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		const struct vtd_reg *desc = &regs[i];

		if (desc->offset == offset)
			*reg(offset) =
				((*reg(offset) & ~desc->writable) | (value & desc->writable)) &
				~(value & desc->clearable);
	}
}

/* Both halves of a register change before it acts; two registers act one after the other. */
static bool is_wide(unsigned offset)
{
	static const uint16_t wide[] = {0x20, 0x28, 0x70, 0x78, 0x80, 0x88,  0x90,
					0xb0, 0xb8, 0xc0, 0xc8, 0xd0, 0x500, 0x508};

	for (unsigned i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (wide[i] == offset)
			return true;
	return false;
}

static void write(struct unit_fuzz *f, uint32_t offset, unsigned width, uint64_t value)
{
	if (offset % width || offset / 4 + width / 4 > VTD_DWORDS)
		return;
	write_dword(offset, (uint32_t)value);
	if (width == 8 && is_wide(offset)) {
		write_dword(offset + 4, (uint32_t)(value >> 32));
		written(f, offset, (uint32_t)value);
		written(f, offset + 4, (uint32_t)(value >> 32));
		return;
	}
	written(f, offset, (uint32_t)value);
	/* The tail acts whichever half is written. */
	if (width == 4 && offset == 0x8c)
		run_queue(f);
	if (width == 8) {
		write_dword(offset + 4, (uint32_t)(value >> 32));
		written(f, offset + 4, (uint32_t)(value >> 32));
	}
}

/* ---- faults ---- */

static struct naive_answer walk(struct unit_fuzz *f, const struct sio_request *request)
{
	(void)f;
	return naive_vtd(&unit, request);
}

static void fault(struct unit_fuzz *f, const struct sio_request *request,
		  const struct naive_answer *answer)
{
	const unsigned at = FRCD + next_record * 16;
	uint64_t high = UINT64_C(1) << 63 | (uint64_t)!request->write << 62 |
			(uint64_t)answer->code << 32 | request->requester;

	if (answer->silent || *reg(0x34) & 1)
		return;
	if (*reg(at + 12) >> 31) {
		status_set(f, 1);
		return;
	}
	if (request->has_pasid)
		high |= (uint64_t)(request->pasid & 0xfffff) << 40 | UINT64_C(1) << 31;
	set64(at, request->address & ~UINT64_C(0xfff));
	set64(at + 8, high);
	if (!(*reg(0x34) & 2)) {
		*reg(0x34) &= ~0xff00u;
		status_set(f, 2 | next_record << 8);
	}
	next_record = (next_record + 1) % RECORDS;
}

/* ---- invalidation ---- */

/* A queue that works, whatever it was before. */
static void start_queue(struct unit_fuzz *f)
{
	const uint32_t keep = *reg(0x1c) & 0x82800000;

	unit_write(f, 0x18, 4, keep);
	unit_write(f, 0x34, 4, 0x70);
	unit_write(f, 0x88, 8, 0);
	unit_write(f, 0x90, 8, unit_page(f, UNIT_QUEUE));
	unit_write(f, 0x18, 4, keep | 1u << 26);
}

static bool queue_works(const struct unit_fuzz *f)
{
	return *reg(0x1c) >> 26 & 1 && !(*reg(0x34) & 0x50) &&
	       reg64(0x90) == unit_page(f, UNIT_QUEUE) && *reg(0x80) == *reg(0x88);
}

/* Descriptors of 16 bytes. */
static void put(struct unit_fuzz *f, uint64_t lo, uint64_t hi)
{
	if (!queue_works(f))
		start_queue(f);
	unit_poke(f, UNIT_QUEUE, *reg(0x88) / 8, lo);
	unit_poke(f, UNIT_QUEUE, *reg(0x88) / 8 + 1, hi);
	unit_write(f, 0x88, 8, (*reg(0x88) + 16) % 4096);
}

static void by_registers_only(struct unit_fuzz *f)
{
	if (by_registers())
		return;
	unit_write(f, 0x18, 4, *reg(0x1c) & 0x82800000);
}

static bool is_scalable(void)
{
	return naive_bits(unit.root, 11, 10) != 0;
}

static void forget(struct unit_fuzz *f, uint64_t how)
{
	/* The PASID cache has no register. */
	if (how & 1 && !is_scalable()) {
		by_registers_only(f);
		unit_write(f, 0x28, 8, UINT64_C(5) << 61);
		unit_write(f, 0x508, 8, UINT64_C(9) << 60);
		return;
	}
	put(f, 1 | 1 << 4, 0);
	put(f, 7 | 3 << 4, 0);
	put(f, 2 | 1 << 4, 0);
}

/* By pages, around any of them; by the domain; everything. By registers or by the queue. */
static void forget_leaves(struct unit_fuzz *f, unsigned first, unsigned count, uint64_t how)
{
	const unsigned more = how >> 5 == 7 ? (unsigned)how & 14 : 0;
	const unsigned mask = (unsigned)__builtin_ctz(count) + more;
	const uint64_t address = (first + (how >> 4 & (count - 1))) * NAIVE_PAGE;
	const uint64_t which = mask | (how & 1) << 6 | address;
	const unsigned granularity = how & 6 ? 3 : 1 + (how >> 3 & 1);
	const bool first_stage = is_scalable() && f->head >> 8 & 1;

	if (first_stage) {
		put(f, 6 | (granularity == 3 ? 3u : 2u) << 4 | UNIT_DOMAIN << 16,
		    granularity == 3 ? which : 0);
		return;
	}
	if (how & 8 && !is_scalable()) {
		by_registers_only(f);
		unit_write(f, 0x500, 8, which);
		unit_write(f, 0x508, 8,
			   (UINT64_C(8) | granularity) << 60 | (uint64_t)UNIT_DOMAIN << 32);
		return;
	}
	put(f, 2 | granularity << 4 | UNIT_DOMAIN << 16, granularity == 3 ? which : 0);
}

/* The device by itself or as a function that is not told from it; its domain; everything. */
static void redevice(struct unit_fuzz *f, bool through, uint64_t how)
{
	static const uint8_t ignored[] = {0, 4, 6, 7};
	const unsigned granularity = how & 3 ? 3 : 1 + (how >> 2 & 1), mask = how >> 4 & 3;
	const uint64_t source = UNIT_DEVICE ^ (ignored[mask] & how >> 2);
	uint64_t word;

	if (is_scalable()) {
		naive_word(f->hw, unit_page(f, UNIT_PASIDS + 1), &word);
		word &= ~(UINT64_C(7) << 6);
		word |= (through ? UINT64_C(4) : f->head >> 8 & 1 ? 1 : 2) << 6;
		unit_poke(f, UNIT_PASIDS + 1, 0, word);
		put(f,
		    7 |
			    (granularity == 3   ? 1u
			     : granularity == 2 ? 0
						: 3)
				    << 4 |
			    UNIT_DOMAIN << 16,
		    0);
		return;
	}
	unit_poke(f, UNIT_CONTEXT, UNIT_DEVICE * 2,
		  unit_page(f, UNIT_TOP) | (through ? 2 << 2 : 0) | 1);
	if (how & 8) {
		by_registers_only(f);
		unit_write(f, 0x28, 8,
			   (UINT64_C(4) | granularity) << 61 | (uint64_t)mask << 32 | source << 16 |
				   UNIT_DOMAIN);
		return;
	}
	put(f, 1 | granularity << 4 | UNIT_DOMAIN << 16 | source << 32 | (uint64_t)mask << 48, 0);
}

static unsigned used(struct unit_fuzz *f, unsigned page, struct unit_slot *slot)
{
	unsigned n = 0;

	slot[n++] = (struct unit_slot){UNIT_ROOT, 0};
	slot[n++] = (struct unit_slot){UNIT_ROOT, 1};
	if (is_scalable()) {
		for (unsigned i = 0; i < 4; i++)
			slot[n++] = (struct unit_slot){UNIT_CONTEXT, UNIT_DEVICE * 4 + i};
		slot[n++] = (struct unit_slot){UNIT_PASIDS, 0};
		for (unsigned i = 0; i < 8; i++)
			slot[n++] = (struct unit_slot){UNIT_PASIDS + 1, i};
	} else {
		slot[n++] = (struct unit_slot){UNIT_CONTEXT, UNIT_DEVICE * 2};
		slot[n++] = (struct unit_slot){UNIT_CONTEXT, UNIT_DEVICE * 2 + 1};
	}
	for (unsigned table = UNIT_TOP; table < UNIT_LEAVES; table++)
		slot[n++] = (struct unit_slot){table, 0};
	slot[n++] = (struct unit_slot){f->leaves, page};
	return n;
}

/* ---- set up ---- */

static uint64_t leaf(uint64_t page, unsigned perm)
{
	return page | perm;
}

/* The first stage's say present, writable, user. */
static uint64_t first_leaf(uint64_t page, unsigned perm)
{
	return page | (perm ? 5 | (perm & 2) : 0);
}

static uint64_t table(uint64_t page)
{
	return page | 3;
}

static uint64_t first_table(uint64_t page)
{
	return page | 7;
}

/* With a bit more, of those that a page has no use for, or of snooping. */
static uint64_t large(uint64_t entry, uint64_t how)
{
	return (entry & 7) | 1 << 7 | (how ? UINT64_C(1) << (7 + how * 2) : 0);
}

static void set_up_pasids(struct unit_fuzz *f)
{
	const bool first = f->head >> 8 & 1;
	const uint64_t marks = f->head >> 9 & 1;

	/* Device 3, functions of the lower half; PASIDs on. */
	unit_poke(f, UNIT_CONTEXT, UNIT_DEVICE * 4, unit_page(f, UNIT_PASIDS) | 1 << 3 | 1);
	unit_poke(f, UNIT_PASIDS, 0, unit_page(f, UNIT_PASIDS + 1) | 1);
	for (unsigned pasid = 0; pasid < 3; pasid++) {
		unit_poke(f, UNIT_PASIDS + 1, pasid * 8,
			  (first ? 1 << 6 : unit_page(f, UNIT_TOP) | 2 << 6 | 2 << 2 | marks << 9) |
				  1);
		unit_poke(f, UNIT_PASIDS + 1, pasid * 8 + 1, UNIT_DOMAIN | 1 << 23);
		if (first)
			unit_poke(f, UNIT_PASIDS + 1, pasid * 8 + 2, unit_page(f, UNIT_TOP));
	}
}

/* One device on four levels, the queue, translation on. */
static void set_up(struct unit_fuzz *f)
{
	const bool scalable = f->head >> 5 & 1;

	unit_poke(f, UNIT_ROOT, 0, unit_page(f, UNIT_CONTEXT) | 1);
	/* Width of four levels. */
	if (scalable) {
		set_up_pasids(f);
	} else {
		unit_poke(f, UNIT_CONTEXT, UNIT_DEVICE * 2, unit_page(f, UNIT_TOP) | 1);
		unit_poke(f, UNIT_CONTEXT, UNIT_DEVICE * 2 + 1, UNIT_DOMAIN << 8 | 2);
	}
	for (unsigned page = UNIT_TOP; page < UNIT_LEAVES; page++)
		unit_poke(f, page, 0, f->vendor->last_table(unit_page(f, page + 1)));
	for (unsigned i = 0; i < UNIT_MAPPED; i++)
		unit_poke(f, UNIT_LEAVES, i, f->vendor->leaf(unit_page(f, UNIT_DATA + i), 3));
	/* Behind the interrupts. */
	unit_poke(f, UNIT_TOP + 1, 3, f->vendor->last_table(unit_page(f, UNIT_TOP + 2)));
	unit_poke(f, UNIT_TOP + 2, 0x1f7, f->vendor->last_table(unit_page(f, UNIT_LEAVES)));
	unit_poke(f, UNIT_LEAVES, 256, f->vendor->leaf(unit_page(f, UNIT_DATA + 40), 3));
	unit_write(f, 0x20, 8, unit_page(f, UNIT_ROOT) | (scalable ? 1 << 10 : 0));
	unit_write(f, 0x18, 4, 1u << 30);
	unit_write(f, 0x90, 8, unit_page(f, UNIT_QUEUE));
	unit_write(f, 0x18, 4, 1u << 26);
	unit_write(f, 0x18, 4, 1u << 31 | 1u << 26);
	f->clean = true;
}

static uint64_t value(struct unit_fuzz *f, uint32_t offset)
{
	const uint64_t how = unit_take(f, 1);

	switch (offset) {
	case 0x18:
		return (unit_take(f, 1) << 24 & 0xc7000000) ^ *reg(0x1c);
	case 0x68:
	case 0x6c:
	case 0x70:
	case 0x78:
		return how % 4 << 21;
	case 0x64:
		return how << 31;
	case 0x80:
	case 0x88:
		return how & 1 ? how << 3 & 0xff0 : (4096u << (how >> 1 & 3)) - (how & 16);
	case 0x90:
		return unit_page(f, UNIT_QUEUE) | (how & 7 ? 0 : how >> 3 & 7) | (how & 128) << 4;
	case 0x500:
		return (how & 15) << 12 | unit_take(f, 1) % 24;
	default:
		return unit_value(f);
	}
}

/* Any type, mostly without reserved bits; waits store into the arena. */
static void submit(struct unit_fuzz *f)
{
	const uint64_t how = unit_take(f, 1), type = how & 1 ? 5 : how >> 1 & 15;
	uint64_t lo = type, hi = 0;

	if (type == 5) {
		lo |= (how >> 1 & 7) << 4 | unit_take(f, 3) << 32;
		hi = unit_page(f, UNIT_DATA + (how & 15)) + unit_take(f, 1) * 4;
	} else {
		lo |= unit_take(f, 1) << 4 & 0xff0;
		lo |= unit_take(f, 1) << 16;
		hi = type == 2 || type == 6 ? unit_take(f, 2) << 4 & 0xff07f : 0;
	}
	/* One bit more, or the tail at an end. */
	if (how >> 5 == 6 && !f->orderly)
		unit_write(f, 0x88, 8, (4096u << unit_take(f, 1) % 4) - (how & 16));
	if (how >> 5 == 7 || how >> 5 == 4)
		*(unit_take(f, 1) & 1 ? &lo : &hi) ^= UINT64_C(1) << (unit_take(f, 1) & 63);
	put(f, lo, hi);
}

static const char platform[] =
	"machine = { ram = \"64M\"; };\n"
	"units = ( { name = \"dmar0\"; include-all = true; haw = 39;\n"
	"            cap = 0x8d2078c106f0466L; ecap = 0x1e99ce4f050dfL; } );\n"
	"devices = ( { bdf = \"00:03.0\"; model = \"edu\"; } );\n";

static const uint16_t offsets[] = {
	0x00, 0x08, 0x10,  0x18,  0x18,  0x18,  0x1c,  0x20,  0x20,  0x28,  0x2c, 0x34,
	0x38, 0x3c, 0x40,  0x44,  0x58,  0x64,  0x68,  0x80,  0x88,  0x88,  0x8c, 0x90,
	0x90, 0x9c, 0xa0,  0xa4,  0xa8,  0xb0,  0xb8,  0xc0,  0xc8,  0xd0,  0xdc, 0xe0,
	0xe4, 0xe8, 0x100, 0x108, 0x118, 0x10c, 0x500, 0x504, 0x508, 0x50c, 0x70, 0x78,
};

static const struct unit_vendor vendor[2] = {
	{"VT-d",        platform, offsets, sizeof(offsets) / sizeof(offsets[0]),
	 set_up,        reset,    write,   check,
	 walk,          fault,    adopt,   forget,
	 forget_leaves, leaf,     table,   large,
	 redevice,      used,     value,   submit},
	{"VT-d",        platform,   offsets,     sizeof(offsets) / sizeof(offsets[0]),
	 set_up,        reset,      write,       check,
	 walk,          fault,      adopt,       forget,
	 forget_leaves, first_leaf, first_table, large,
	 redevice,      used,       value,       submit},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t head = records_get(data, size, -1);

	unit_fuzz_run(&vendor[head >> 5 & 1 & head >> 8], data, size);
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
