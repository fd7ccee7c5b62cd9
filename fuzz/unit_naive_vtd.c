// SPDX-License-Identifier: GPL-2.0-only
/* See unit_naive.h. The unit: 39 bits of host addresses, tables of 4 levels and 48 bits, pages of 2
 * MiB and 1 GiB (first stage: 2 MiB), snoop control, device TLBs, pass-through, PASIDs of 20 bits,
 * accessed and dirty bits of the second stage; no RPS. */
#include "unit_naive.h"

#define ABOVE_HOST (UINT64_MAX << 39)
#define ADDRESS    (UINT64_MAX << 12)

static struct naive_answer fault(unsigned code, bool silent)
{
	return (struct naive_answer){.kind = NAIVE_FAULT, .code = code, .silent = silent};
}

static bool is_interrupt_range(uint64_t address)
{
	return address >> 20 == 0xfee;
}

/* What the codes of a walk are, by mode. */
struct codes {
	unsigned top, table, read, write, reserved, interrupt, width;
};
static const struct codes legacy = {3, 7, 6, 5, 0xc, 0xe, 4};
static const struct codes scalable = {0x7b, 0x78, 0x79, 0x79, 0x7a, 0x87, 0x84};

static uint64_t second_reserved(unsigned level, bool leaf)
{
	uint64_t mask = ABOVE_HOST & naive_bits(UINT64_MAX, 51, 0);

	if (!leaf)
		mask |= 1 << 11 | (level > 1 ? 1 << 7 : 0);
	else if (level > 1)
		mask |= naive_bits(UINT64_MAX, 12 + 9 * (level - 1) - 13, 0) << 12;
	/* There is no page of 512 GiB. */
	if (level == 4)
		mask |= 1 << 7;
	return mask;
}

/* need: 1 to read, 2 to write. marks: accessed and dirty bits are kept. */
static struct naive_answer second_stage(const struct naive_vtd *unit, const struct codes *codes,
					uint64_t table, uint64_t iova, unsigned need, bool marks,
					bool snooped, bool silent)
{
	struct naive_answer out = {.kind = NAIVE_PASS};
	bool unmarked = false;

	for (unsigned level = 4; level; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t at = table + naive_bits(iova, shift + 8, shift) * 8, entry, want;
		bool leaf;

		if (!naive_word(unit->hw, at, &entry))
			return fault(level == 4 ? codes->top : codes->table, silent);
		if ((entry & need) != need)
			return fault(need & 2 ? codes->write : codes->read, silent);
		leaf = level == 1 || entry >> 7 & 1;
		if (entry & second_reserved(level, leaf))
			return fault(codes->reserved, silent);
		want = marks ? 1 << 8 | (leaf && need & 2 ? 1 << 9 : 0) : 0;
		if (want & ~entry)
			unmarked = true;
		out.mark[out.marks].pa = at;
		out.mark[out.marks++].bits = want;
		table = naive_bits(entry, 51, 12) << 12;
		if (leaf) {
			out.pa = (table & UINT64_MAX << shift) | naive_bits(iova, shift - 1, 0);
			break;
		}
	}
	if (unmarked && !snooped)
		return fault(0x7c, silent);
	if (is_interrupt_range(out.pa)) {
		out.kind = NAIVE_FAULT;
		out.code = codes->interrupt;
		out.silent = silent;
	}
	return out;
}

static struct naive_answer first_stage(const struct naive_vtd *unit, uint64_t table, uint64_t iova,
				       bool write, bool snooped, bool silent)
{
	struct naive_answer out = {.kind = NAIVE_PASS};
	bool unmarked = false;

	if (iova >> 47 && iova >> 47 != naive_bits(UINT64_MAX, 16, 0))
		return fault(0x80, silent);
	for (unsigned level = 4; level; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t at = table + naive_bits(iova, shift + 8, shift) * 8, entry, want, bad;
		bool leaf;

		if (!naive_word(unit->hw, at, &entry))
			return fault(level == 4 ? 0x73 : 0x70, silent);
		if (!(entry & 1))
			return fault(0x71, silent);
		if (!(entry & 4))
			return fault(0x81, silent);
		if (write && !(entry & 2))
			return fault(0x85, silent);
		leaf = level == 1 || entry >> 7 & 1;
		bad = ABOVE_HOST & naive_bits(UINT64_MAX, 51, 0);
		if (leaf && level > 2)
			bad |= 1 << 7;
		if (leaf && level > 1)
			bad |= naive_bits(UINT64_MAX, shift - 1, 13) << 13;
		if (entry & bad)
			return fault(0x72, silent);
		want = 1 << 5 | (leaf && write ? 1 << 6 : 0);
		if (want & ~entry)
			unmarked = true;
		out.mark[out.marks].pa = at;
		out.mark[out.marks++].bits = want;
		table = naive_bits(entry, 51, 12) << 12;
		if (leaf) {
			out.pa = (table & UINT64_MAX << shift) | naive_bits(iova, shift - 1, 0);
			break;
		}
	}
	if (unmarked && !snooped)
		return fault(0x90, silent);
	if (is_interrupt_range(out.pa)) {
		out.kind = NAIVE_FAULT;
		out.code = 0x87;
		out.silent = silent;
	}
	return out;
}

/* ---- legacy mode ---- */

static struct naive_answer by_context(const struct naive_vtd *unit,
				      const struct sio_request *request, uint64_t lo, uint64_t hi)
{
	const bool silent = lo >> 1 & 1;
	struct naive_answer out;

	/* Tables of 4 levels are all there are, and translation type 3 is none. */
	if (naive_bits(hi, 2, 0) != 2 || naive_bits(lo, 3, 2) == 3)
		return fault(3, silent);
	if (request->address >> 48)
		return fault(4, silent);
	if (naive_bits(lo, 3, 2) == 2) {
		out = (struct naive_answer){.kind = NAIVE_PASS, .pa = request->address};
	} else {
		out = second_stage(unit, &legacy, lo & ADDRESS, request->address,
				   request->write ? 2 : 1, false, true, silent);
		/* Reads of nothing may go where only writes may. */
		if (!request->len && !request->write && out.kind == NAIVE_FAULT && out.code == 6) {
			struct naive_answer other =
				second_stage(unit, &legacy, lo & ADDRESS, request->address, 2,
					     false, true, silent);

			if (other.kind == NAIVE_PASS || other.code != 5)
				out = other;
		}
	}
	out.tag = naive_tag(naive_bits(hi, 23, 8), 0);
	return out;
}

static struct naive_answer in_legacy(const struct naive_vtd *unit,
				     const struct sio_request *request)
{
	const unsigned bus = request->requester >> 8, devfn = request->requester & 0xff;
	uint64_t at = (unit->root & ADDRESS) + bus * 16, lo, hi;

	if (!naive_word(unit->hw, at, &lo) || !naive_word(unit->hw, at + 8, &hi))
		return fault(8, false);
	if (!(lo & 1))
		return fault(1, false);
	if (naive_bits(lo, 11, 1) || lo & ABOVE_HOST || hi)
		return fault(0xa, false);
	at = (lo & ADDRESS) + devfn * 16;
	if (!naive_word(unit->hw, at, &lo) || !naive_word(unit->hw, at + 8, &hi))
		return fault(9, false);
	if (!(lo & 1))
		return fault(2, lo >> 1 & 1);
	if (naive_bits(lo, 11, 4) || lo & ABOVE_HOST || hi >> 7 & 1 || hi >> 24)
		return fault(0xb, false);
	return by_context(unit, request, lo, hi);
}

/* ---- scalable mode ---- */

static struct naive_answer by_pasid(const struct naive_vtd *unit, const struct sio_request *request,
				    const uint64_t *entry, bool silent)
{
	const unsigned type = (unsigned)naive_bits(entry[0], 8, 6);
	const bool first = type == 1 || type == 3, second = type == 2 || type == 3;
	const bool snooped = entry[1] >> 23 & 1;
	struct naive_answer out;

	for (unsigned i = 3; i < 8; i++)
		if (entry[i])
			return fault(0x5a, silent);
	if (entry[0] >> 5 & 1 || naive_bits(entry[0], 11, 10) || naive_bits(entry[1], 22, 16) ||
	    (second && entry[0] & ABOVE_HOST))
		return fault(0x5a, silent);
	if (first &&
	    (naive_bits(entry[2], 6, 5) || naive_bits(entry[2], 11, 8) || entry[2] & ABOVE_HOST))
		return fault(0x5a, silent);
	if (!type || type > 4 || (first && naive_bits(entry[2], 3, 2)) ||
	    (second && naive_bits(entry[0], 4, 2) != 2))
		return fault(0x5b, silent);
	/* Nested, with extended accessed bits, or reads of nothing. */
	if (type == 3 || (first && entry[2] >> 7 & 1) || !request->len)
		return (struct naive_answer){.kind = NAIVE_UNKNOWN};
	if (type == 4) {
		if (request->address & ABOVE_HOST)
			return fault(0x83, silent);
		if (is_interrupt_range(request->address))
			return fault(0x87, silent);
		out = (struct naive_answer){.kind = NAIVE_PASS, .pa = request->address};
	} else if (type == 1) {
		out = first_stage(unit, entry[2] & ADDRESS, request->address, request->write,
				  snooped, silent);
	} else if (request->address >> 48) {
		out = fault(0x84, silent);
	} else {
		out = second_stage(unit, &scalable, entry[0] & ADDRESS, request->address,
				   request->write ? 2 : 1, entry[0] >> 9 & 1, snooped, silent);
	}
	out.tag = naive_tag(entry[1], type == 1 && request->has_pasid ? request->pasid : 0);
	return out;
}

/* From the directory that a context entry names. */
static struct naive_answer by_directory(const struct naive_vtd *unit,
					const struct sio_request *request, uint64_t directory,
					uint32_t pasid, bool silent)
{
	uint64_t word, entry[8], at = (directory & ADDRESS) + pasid / 64 * 8;

	if (!naive_word(unit->hw, at, &word))
		return fault(0x50, silent);
	silent |= word >> 1 & 1;
	if (!(word & 1))
		return fault(0x51, silent);
	if (naive_bits(word, 11, 2) || word & ABOVE_HOST)
		return fault(0x52, silent);
	at = (word & ADDRESS) + pasid % 64 * 64;
	for (unsigned i = 0; i < 8; i++)
		if (!naive_word(unit->hw, at + i * 8, &entry[i]))
			return fault(0x58, silent);
	silent |= entry[0] >> 1 & 1;
	if (!(entry[0] & 1))
		return fault(0x59, silent);
	return by_pasid(unit, request, entry, silent);
}

static struct naive_answer in_scalable(const struct naive_vtd *unit,
				       const struct sio_request *request)
{
	const unsigned bus = request->requester >> 8, devfn = request->requester & 0xff;
	uint64_t at = (unit->root & ADDRESS) + bus * 16, half, word[4];
	uint32_t pasid = request->has_pasid ? request->pasid : 0;
	bool silent;

	if (unit->root >> 11 & 1 || unit->root & ABOVE_HOST)
		return fault(0x30, false);
	if (!naive_word(unit->hw, at, &word[0]) || !naive_word(unit->hw, at + 8, &word[1]))
		return fault(0x38, false);
	half = word[devfn >> 7];
	if (!(half & 1))
		return fault(0x39, false);
	if (naive_bits(half, 11, 1) || half & ABOVE_HOST)
		return fault(0x3a, false);
	at = (half & ADDRESS) + (devfn & 127) * 32;
	for (unsigned i = 0; i < 4; i++)
		if (!naive_word(unit->hw, at + i * 8, &word[i]))
			return fault(0x40, false);
	silent = word[0] >> 1 & 1;
	if (!(word[0] & 1))
		return fault(0x41, silent);
	if (naive_bits(word[0], 8, 5) || word[0] & ABOVE_HOST || word[1] >> 21 || word[2] ||
	    word[3])
		return fault(0x42, false);
	if (request->has_pasid && !(word[0] >> 3 & 1))
		return fault(0x45, silent);
	if (request->has_pasid && (pasid >> 20 || pasid >> (naive_bits(word[0], 11, 9) + 13)))
		return fault(0x46, silent);
	return by_directory(unit, request, word[0], pasid, silent);
}

struct naive_answer naive_vtd(const struct naive_vtd *unit, const struct sio_request *request)
{
	const uint64_t address = request->address;
	struct naive_answer out = {.kind = NAIVE_PASS, .pa = address};

	if (is_interrupt_range(address) && !request->has_pasid) {
		out.kind = request->write && request->len == 4 && address % 4 == 0 ? NAIVE_UNKNOWN
										   : NAIVE_NOBODY;
		return out;
	}
	if (!unit->on) {
		if (unit->protect && ((address >= unit->low_first && address <= unit->low_last) ||
				      (address >= unit->high_first && address <= unit->high_last)))
			out.kind = NAIVE_NOBODY;
		return out;
	}
	if (naive_bits(unit->root, 11, 10))
		return in_scalable(unit, request);
	if (request->has_pasid)
		return fault(0x31, false);
	return in_legacy(unit, request);
}
