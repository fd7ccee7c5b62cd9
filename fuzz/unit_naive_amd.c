// SPDX-License-Identifier: GPL-2.0-only
/* See unit_naive.h. The unit: 48 bits of host addresses, v1 tables of up to 6 levels, guest tables
 * of 4 and 5, GCR3 tables of up to 3, PASIDs of 18 bits, accessed and dirty bits, NX; neither user
 * pages nor guest virtual APICs. */
#include "unit_naive.h"

#define ADDRESS    (naive_bits(UINT64_MAX, 51, 12) << 12)
#define ABOVE_HOST (naive_bits(UINT64_MAX, 51, 48) << 48)

/* Events, and their flags. */
enum { ILLEGAL_ENTRY = 1, PAGE_FAULT = 2, ENTRY_HARDWARE = 3, TABLE_HARDWARE = 4, INVALID = 8 };
#define GN    0x001u
#define PR    0x010u
#define PE    0x040u
#define RZ    0x080u
#define ABORT 0x200u

/* A device table entry and what it says of the request. */
struct path {
	const struct naive_amd *unit;
	const struct sio_request *request;
	uint64_t word[4];
	bool guest;
};

static struct naive_answer event(unsigned code, unsigned flags, uint64_t address)
{
	return (struct naive_answer){.kind = NAIVE_FAULT,
				     .code = code,
				     .flags = flags,
				     .address = address};
}

static struct naive_answer page_fault(const struct path *path, unsigned flags)
{
	return event(PAGE_FAULT, flags | (path->guest ? GN : 0), path->request->address);
}

static struct naive_answer unreadable(const struct path *path, uint64_t at)
{
	return event(TABLE_HARDWARE, ABORT | (path->guest ? GN : 0), at);
}

static void mark(struct naive_answer *out, uint64_t at, uint64_t bits)
{
	out->mark[out->marks].pa = at;
	out->mark[out->marks++].bits = bits;
}

/* ---- v1 tables ---- */

/* log2 of a leaf's bytes at a level, counted from 1; 0: not a size that is there. */
static unsigned leaf_size(uint64_t entry, unsigned level)
{
	const unsigned own = 12 + 9 * (level - 1);
	unsigned size = 13;

	if (naive_bits(entry, 11, 9) == 0)
		return level < 6 ? own : 0;
	while (size < 53 && entry >> (size - 1) & 1)
		size++;
	return size > own && size < own + 9 && size <= 51 ? size : 0;
}

static struct naive_answer host_tables(const struct path *path)
{
	const uint64_t iova = path->request->address, had = naive_bits(path->word[0], 8, 7);
	const unsigned need = path->request->write ? 2 : 1;
	unsigned level = (unsigned)naive_bits(path->word[0], 11, 9);
	uint64_t table = path->word[0] & ADDRESS;
	struct naive_answer out = {.kind = NAIVE_PASS};

	if (level < 6 && iova >> (12 + 9 * level))
		return page_fault(path, 0);
	for (;;) {
		const unsigned shift = 12 + 9 * (level - 1);
		const uint64_t at = table + (iova >> shift & 511) * 8;
		uint64_t entry;
		unsigned next, size;

		if (!naive_word(path->unit->hw, at, &entry))
			return unreadable(path, at);
		if (!(entry & 1))
			return page_fault(path, 0);
		if ((entry >> 61 & need) != need)
			return page_fault(path, PR | PE);
		next = (unsigned)naive_bits(entry, 11, 9);
		if (next == 0 || next == 7) {
			size = leaf_size(entry, level);
			/* Bits of the size are none of the address. */
			if (!size || naive_bits(entry, 58, 52) ||
			    entry & ABOVE_HOST & UINT64_MAX << size)
				return page_fault(path, PR | RZ);
			out.pa = (entry & ADDRESS & UINT64_MAX << size) |
				 naive_bits(iova, size - 1, 0);
			mark(&out, at, had ? 1 << 5 | (had == 3 && need == 2 ? 1 << 6 : 0) : 0);
			return out;
		}
		if (next >= level || naive_bits(entry, 60, 52) || entry & ABOVE_HOST)
			return page_fault(path, PR | RZ);
		/* Levels that are left out translate nothing but zeros. */
		if (next + 1 < level && naive_bits(iova, shift - 1, 12 + 9 * next))
			return page_fault(path, 0);
		mark(&out, at, had ? 1 << 5 : 0);
		table = entry & ADDRESS;
		level = next;
	}
}

/* ---- guest tables ---- */

static struct naive_answer guest_tables(const struct path *path, uint64_t table)
{
	const unsigned levels = (unsigned)naive_bits(path->word[2], 55, 54) + 4;
	const unsigned width = 12 + 9 * levels;
	const uint64_t iova = path->request->address, high = iova >> (width - 1);
	struct naive_answer out = {.kind = NAIVE_PASS};

	if (high && high != UINT64_MAX >> (width - 1))
		return page_fault(path, 0);
	for (unsigned level = levels;; level--) {
		const unsigned shift = 12 + 9 * (level - 1);
		const uint64_t at = table + (iova >> shift & 511) * 8;
		uint64_t entry, bad = ABOVE_HOST;
		bool leaf;

		if (!naive_word(path->unit->hw, at, &entry))
			return unreadable(path, at);
		if (!(entry & 1))
			return page_fault(path, 0);
		if (path->request->write && !(entry & 2))
			return page_fault(path, PR | PE);
		leaf = level == 1 || entry >> 7 & 1;
		if (leaf && level > 3)
			bad |= 1 << 7;
		if (leaf && level > 1)
			bad |= naive_bits(UINT64_MAX, shift - 1, 13) << 13;
		if (entry & bad)
			return page_fault(path, PR | RZ);
		mark(&out, at, 1 << 5 | (leaf && path->request->write ? 1 << 6 : 0));
		table = entry & ADDRESS;
		if (leaf) {
			out.pa = (table & UINT64_MAX << shift) | naive_bits(iova, shift - 1, 0);
			return out;
		}
	}
}

static struct naive_answer by_gcr3(const struct path *path)
{
	const unsigned levels = (unsigned)naive_bits(path->word[0], 57, 56) + 1;
	const uint32_t pasid = path->request->has_pasid ? path->request->pasid : 0;
	uint64_t table = naive_bits(path->word[0], 60, 58) << 12 |
			 naive_bits(path->word[1], 31, 16) << 15 |
			 naive_bits(path->word[1], 63, 43) << 31;

	if (pasid >> 9 * levels)
		return page_fault(path, 0);
	for (unsigned level = levels; level--;) {
		const uint64_t at = table + (pasid >> 9 * level & 511) * 8;
		uint64_t entry;

		if (!naive_word(path->unit->hw, at, &entry))
			return unreadable(path, at);
		if (!(entry & 1))
			return page_fault(path, 0);
		if (naive_bits(entry, 11, 1) || entry >> 52)
			return page_fault(path, PR | RZ);
		table = entry & ADDRESS;
	}
	return guest_tables(path, table);
}

/* ---- the device table ---- */

static bool is_illegal(const uint64_t *word)
{
	const unsigned had = (unsigned)naive_bits(word[0], 8, 7);

	if (naive_bits(word[0], 6, 2) || word[0] >> 63 || naive_bits(word[2], 53, 52) ||
	    naive_bits(word[3], 14, 0) || naive_bits(word[3], 53, 48))
		return true;
	if ((word[0] & 3) == 3 && naive_bits(word[0], 11, 9) == 7)
		return true;
	if (naive_bits(word[1], 36, 35) == 3 || had == 2)
		return true;
	if (word[2] & 1 && (naive_bits(word[2], 61, 60) == 3 || naive_bits(word[2], 4, 1) > 11))
		return true;
	return word[0] >> 55 & 1 &&
	       (naive_bits(word[0], 57, 56) == 3 || naive_bits(word[2], 55, 54) > 1);
}

/* Addresses of HyperTransport. False: translated as any other. */
static bool is_special(const struct path *path, struct naive_answer *out)
{
	const uint64_t iova = path->request->address;
	const unsigned ports = (unsigned)naive_bits(path->word[1], 36, 35);
	const unsigned management = (unsigned)naive_bits(path->word[1], 41, 40);
	const bool write = path->request->write;
	unsigned type = 6;

	*out = (struct naive_answer){.kind = NAIVE_PASS, .pa = iova};
	if (iova >> 25 == UINT64_C(0xfdfc000000) >> 25) {
		if (ports)
			return ports != 2;
		type = 2;
	} else if (iova >> 20 == UINT64_C(0xfdf9100000) >> 20) {
		if (management == 3 || (write && management == 1))
			return management != 3;
		type = write ? 3 : 4;
	} else if (iova >> 24 == UINT64_C(0xfdf8000000) >> 24) {
		type = write ? 5 : 0;
	}
	*out = event(INVALID, type << 9, iova);
	return true;
}

static bool is_excluded(const struct path *path)
{
	const uint64_t base = path->unit->exclusion_base, limit = path->unit->exclusion_limit;
	const uint64_t page = path->request->address >> 12;

	if (!(base & 1) || !(base & 2 || path->word[1] >> 39 & 1))
		return false;
	return page >= base >> 12 && page <= limit >> 12;
}

static struct naive_answer by_entry(struct path *path)
{
	const struct sio_request *request = path->request;
	const uint64_t *word = path->word;
	const unsigned need = request->write ? 2 : 1;
	struct naive_answer out = {.kind = NAIVE_PASS, .pa = request->address};
	bool host = naive_bits(word[0], 11, 9) != 0;

	if (!(word[0] & 1))
		return out;
	if (is_illegal(word))
		return event(ILLEGAL_ENTRY, RZ, request->address);
	if (request->address >> 32 >= 0xfd && request->address >> 32 <= 0xff &&
	    !request->has_pasid && is_special(path, &out))
		return out;
	path->guest = word[0] >> 55 & 1 && path->unit->control >> 16 & 1 &&
		      (request->has_pasid || word[0] >> 54 & 1);
	if (!(word[0] & 2) || (request->has_pasid && (!path->guest || request->pasid >> 18)))
		return page_fault(path, 0);
	out = (struct naive_answer){.kind = NAIVE_PASS, .pa = request->address};
	if (!request->has_pasid && is_excluded(path))
		return out;
	if ((word[0] >> 61 & need) != need)
		return page_fault(path, PR | PE);
	if (path->guest && host)
		return (struct naive_answer){.kind = NAIVE_UNKNOWN};
	if (!path->guest && !host)
		return out;
	out = path->guest ? by_gcr3(path) : host_tables(path);
	out.tag =
		naive_tag(word[1], path->guest && request->has_pasid ? request->pasid & 0x7fff : 0);
	return out;
}

struct naive_answer naive_amd(const struct naive_amd *unit, const struct sio_request *request)
{
	const uint64_t address = request->address, entry = request->requester * 32u;
	struct path path = {.unit = unit, .request = request};
	struct naive_answer out = {.kind = NAIVE_PASS, .pa = address};

	if (address >> 20 == 0xfee && !request->has_pasid) {
		if (request->write && request->len == 4 && address % 4 == 0)
			out.kind = NAIVE_UNKNOWN;
		else if (unit->control & 1)
			out = event(INVALID, 0, address);
		else
			out.kind = NAIVE_NOBODY;
		return out;
	}
	if (!(unit->control & 1))
		return out;
	if (entry >= (naive_bits(unit->table, 8, 0) + 1) * NAIVE_PAGE)
		return event(ILLEGAL_ENTRY, 0, address);
	for (unsigned i = 0; i < 4; i++)
		if (!naive_word(unit->hw, (unit->table & ADDRESS) + entry + i * 8, &path.word[i]))
			return event(ENTRY_HARDWARE, ABORT, (unit->table & ADDRESS) + entry);
	out = by_entry(&path);
	/* Events of page faults may be suppressed, all or those behind the first. */
	out.others = out.code == PAGE_FAULT;
	out.perhaps = out.others && path.word[1] >> 33 & 1;
	out.silent = out.code == PAGE_FAULT && path.word[1] >> 34 & 1;
	if (out.code == PAGE_FAULT || out.code == TABLE_HARDWARE)
		out.domain = (uint16_t)path.word[1];
	return out;
}
