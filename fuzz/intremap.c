// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as interrupt requests through one unit of either vendor, and as changes of the entries
 * that decide about them.
 *
 * What must arrive, or be recorded, is worked out from the bytes of the entries by the manuals
 * ("Interrupt Remapping" of both) without any code of the model. A unit may go on with an entry
 * that it has seen until it is told to forget it, so each entry keeps what it was since then; after
 * an invalidation only what memory holds counts.
 */
#include "fuzz.h"

#include "story.h"

#include "softiommu.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTRIES  64u /* that are written, of the table */
#define VERSIONS 6u
#define DEVICES  3u

static const uint16_t devices[DEVICES] = {0x18, 0x1d, 0x100};

struct entry {
	uint64_t lo, hi;
};

/* What an entry is, and what it was since the unit had to forget it. */
struct slot {
	struct entry version[VERSIONS]; /* the last one is in memory */
	unsigned count;                 /* 0: zeros */
};

/* What became of a request. */
struct outcome {
	unsigned code; /* fault reason or event; 0: none */
	bool arrives, remapped, logical, level;
	uint8_t mode, vector;
	uint32_t destination;
};

struct world {
	bool amd;
	struct sio_hw *hw;
	struct sio_unit *unit;
	uint64_t table[DEVICES], queue, log, devtab; /* VT-d: one table for all */
	uint32_t tail;
	struct slot slot[DEVICES][ENTRIES];
	unsigned last; /* entry that something was about */
	/* VT-d. */
	bool remaps, compatible, extended, caching;
	uint32_t entries;
	/* AMD-Vi. */
	bool wide;
	uint64_t control[DEVICES]; /* third word of the device table entry */
	/* Of the request under way. */
	bool stale_allowed;
	struct outcome got;
	unsigned arrived;
	struct story story;
};

static struct world world;

/* ---- what went wrong ---- */

static void event(void *ctx, const struct sio_event *event)
{
	struct world *w = ctx;

	if (event->kind == SIO_EVENT_STALE && !w->stale_allowed)
		story_fail(&w->story, "%s", event->text);
	if (event->kind != SIO_EVENT_INTERRUPT)
		return;
	w->arrived++;
	w->got = (struct outcome){
		.arrives = true,
		.remapped = event->remapped,
		.logical = event->logical,
		.level = event->level,
		.mode = event->mode,
		.vector = event->vector,
		.destination = event->destination,
	};
}

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
	return value >> low & (UINT64_MAX >> (63 - (high - low)));
}

/* ---- what the manuals say of VT-d ---- */

static bool vtd_reserved(const struct world *w, struct entry e)
{
	unsigned mode = (unsigned)bits(e.lo, 7, 5);

	/* Bit 15: posted, which the unit cannot do. */
	if (bits(e.lo, 15, 12) || bits(e.lo, 31, 24) || bits(e.hi, 63, 20) ||
	    bits(e.hi, 19, 18) == 3)
		return true;
	if (!w->extended && (bits(e.lo, 39, 32) || bits(e.lo, 63, 48)))
		return true;
	return mode == 3 || mode == 6;
}

static bool vtd_source(struct entry e, uint16_t requester)
{
	static const uint16_t ignored[] = {0, 4, 6, 7};
	uint16_t id = (uint16_t)bits(e.hi, 15, 0);

	if (bits(e.hi, 19, 18) == 1)
		return !((id ^ requester) & ~ignored[bits(e.hi, 17, 16)]);
	if (bits(e.hi, 19, 18) == 2)
		return requester >> 8 >= id >> 8 && requester >> 8 <= (id & 0xff);
	return true;
}

static struct outcome vtd_entry(const struct world *w, struct entry e, uint16_t requester)
{
	struct outcome out = {.remapped = true};

	if (!(e.lo & 1))
		out.code = 0x22;
	else if (vtd_reserved(w, e))
		out.code = 0x24;
	else if (!vtd_source(e, requester))
		out.code = 0x26;
	else
		out.arrives = true;
	/* Fault processing disabled: blocked, and nobody is told. */
	if (out.code && e.lo & 2)
		out.code = 0;
	out.logical = e.lo >> 2 & 1;
	out.level = e.lo >> 4 & 1;
	out.mode = (uint8_t)bits(e.lo, 7, 5);
	out.vector = (uint8_t)bits(e.lo, 23, 16);
	out.destination = (uint32_t)(w->extended ? bits(e.lo, 63, 32) : bits(e.lo, 47, 40));
	return out;
}

/* A message that says itself what it is; where both vendors have the same. */
static struct outcome as_it_came(uint64_t address, uint32_t data)
{
	return (struct outcome){
		.arrives = true,
		.logical = address >> 2 & 1,
		.level = data >> 15 & 1,
		.mode = (uint8_t)bits(data, 10, 8),
		.vector = (uint8_t)data,
		.destination = (uint32_t)bits(address, 19, 12),
	};
}

/* Without looking at an entry; *index: that one is to be asked. */
static bool vtd_decide(const struct world *w, uint64_t address, uint32_t data, struct outcome *out,
		       uint32_t *index)
{
	bool subhandle = address >> 3 & 1;

	*out = (struct outcome){0};
	if (!w->remaps || !(address >> 4 & 1)) {
		*out = as_it_came(address, data);
		if (w->remaps && (!w->compatible || w->extended))
			*out = (struct outcome){.code = 0x25};
		return true;
	}
	if (subhandle ? data >> 16 : data) {
		out->code = 0x20;
		return true;
	}
	*index = (uint32_t)(bits(address, 19, 5) | (address >> 2 & 1) << 15);
	*index += subhandle ? data & 0xffff : 0;
	if (*index >= w->entries)
		out->code = 0x21;
	return out->code;
}

/* ---- what the manuals say of AMD-Vi ---- */

static struct outcome amd_entry(const struct world *w, struct entry e, uint16_t requester)
{
	struct outcome out = {.remapped = true, .arrives = true};
	bool wrong;

	(void)requester;
	if (w->wide)
		wrong = bits(e.hi, 11, 8) || bits(e.hi, 55, 52) || e.lo & 0x80 ||
			bits(e.lo, 4, 2) > 1;
	else
		wrong = bits(e.lo, 31, 24) || e.lo & 0x80 || bits(e.lo, 4, 2) > 1;
	if (!(e.lo & 1) || wrong) {
		out.arrives = false;
		out.code = e.lo & 2 ? 0 : 2;
	}
	out.logical = e.lo >> 6 & 1;
	out.level = e.lo >> 5 & 1;
	out.mode = (uint8_t)bits(e.lo, 4, 2);
	out.vector = (uint8_t)(w->wide ? bits(e.hi, 7, 0) : bits(e.lo, 23, 16));
	out.destination = (uint32_t)(w->wide ? bits(e.lo, 31, 8) | bits(e.hi, 63, 56) << 24
					     : bits(e.lo, 15, 8));
	return out;
}

static bool amd_decide(uint64_t control, uint64_t address, uint32_t data, struct outcome *out,
		       uint32_t *index)
{
	static const uint8_t pass[8] = {[4] = 58, [5] = 56, [7] = 57};
	unsigned mode = (unsigned)bits(data, 10, 8);

	*out = as_it_came(address, data);
	if (!(control & 1))
		return true;
	if (mode > 1) {
		if (!pass[mode] || !(control >> pass[mode] & 1))
			*out = (struct outcome){.code = 2};
		return true;
	}
	if (bits(control, 61, 60) == 1)
		return true;
	*out = (struct outcome){.code = control >> 5 & 1 ? 0 : 2};
	*index = data & 0x7ff;
	return bits(control, 61, 60) != 2 || *index >> bits(control, 4, 1);
}

/* ---- the unit's side ---- */

static void set_global(const struct world *w, uint32_t bit, bool on)
{
	uint32_t now = (uint32_t)sio_unit_read(w->unit, 0x1c, 4) & 0x96ffffff;

	sio_unit_write(w->unit, 0x18, 4, on ? now | bit : now & ~bit);
}

static void put(const struct world *w, uint64_t at, struct entry e, size_t len)
{
	if (sio_hw_write(w->hw, at, &e, len))
		story_fail(&w->story, "memory does not answer at 0x%" PRIx64, at);
}

/* A command of 16 bytes; the unit is done with it when this returns. */
static void submit(struct world *w, uint64_t lo, uint64_t hi)
{
	uint32_t head, at_head = w->amd ? 0x2000 : 0x80, at_tail = w->amd ? 0x2008 : 0x88;

	put(w, w->queue + w->tail, (struct entry){lo, hi}, 16);
	w->tail = (w->tail + 16) % 4096;
	sio_unit_write(w->unit, at_tail, 8, w->tail);
	head = (uint32_t)sio_unit_read(w->unit, at_head, 8);
	if (head != w->tail)
		story_fail(&w->story, "a command is refused: the head is at %#x, the tail at %#x",
			   head, w->tail);
}

/* Only what memory holds counts. */
static void forget(struct slot *slot)
{
	if (slot->count > 1)
		slot->version[0] = slot->version[slot->count - 1];
	slot->count = slot->count ? 1 : 0;
}

/* Tables of AMD-Vi belong to a device; of VT-d, 2^mask entries around one index, 16: all. */
static void invalidate(struct world *w, unsigned device, unsigned index, unsigned mask)
{
	if (w->amd && mask < 16)
		submit(w, devices[device] | UINT64_C(5) << 60, 0);
	else if (w->amd)
		submit(w, UINT64_C(8) << 60, 0);
	else if (mask < 16)
		submit(w, 4 | 1 << 4 | (uint64_t)mask << 27 | (uint64_t)index << 32, 0);
	else
		submit(w, 4, 0);
	story_note(&w->story, "invalidate device=%u index=%u mask=%u", device, index, mask);
	for (unsigned d = 0; d < DEVICES; d++)
		for (unsigned i = 0; i < ENTRIES; i++)
			if (mask >= 16 || (w->amd ? d == device : (i ^ index) >> mask == 0))
				forget(&w->slot[d][i]);
}

static void store(struct world *w, unsigned device, unsigned index, struct entry e)
{
	size_t len = w->amd && !w->wide ? 4 : 16;
	struct slot *slot = &w->slot[device][index];

	put(w, w->table[device] + index * len, e, len);
	if (slot->count == VERSIONS)
		invalidate(w, device, index, 0);
	/* It was zero before it was first written. */
	if (!slot->count)
		slot->version[slot->count++] = (struct entry){0};
	slot->version[slot->count++] = e;
}

/* ---- records of faults ---- */

static void clear_faults(struct world *w)
{
	if (w->amd) {
		sio_unit_write(w->unit, 0x2010, 8, sio_unit_read(w->unit, 0x2018, 8));
		sio_unit_write(w->unit, 0x2020, 8, 0x7f);
		return;
	}
	for (unsigned i = 0; i <= bits(sio_unit_read(w->unit, 0x08, 8), 47, 40); i++)
		sio_unit_write(w->unit,
			       (uint32_t)bits(sio_unit_read(w->unit, 0x08, 8), 33, 24) * 16 +
				       i * 16 + 8,
			       8, UINT64_C(1) << 63);
	sio_unit_write(w->unit, 0x34, 4, 0xfd);
}

/* The one record there is: its code; 0: none. */
static unsigned vtd_fault(const struct world *w, uint16_t requester, uint32_t index)
{
	uint64_t cap = sio_unit_read(w->unit, 0x08, 8), hi, lo;
	unsigned code = 0;

	for (unsigned i = 0; i <= bits(cap, 47, 40); i++) {
		uint32_t at = (uint32_t)(bits(cap, 33, 24) + i) * 16;

		lo = sio_unit_read(w->unit, at, 8);
		hi = sio_unit_read(w->unit, at + 8, 8);
		if (!(hi >> 63))
			continue;
		if (code)
			story_fail(&w->story, "one request is recorded twice");
		code = (unsigned)bits(hi, 39, 32);
		if (bits(hi, 15, 0) != requester)
			story_fail(&w->story, "the fault is recorded for %#x",
				   (unsigned)bits(hi, 15, 0));
		/* Without an index there is none to record. */
		if (code != 0x20 && code != 0x25 && lo >> 48 != index)
			story_fail(&w->story, "the fault is recorded with index %u, expected %u",
				   (unsigned)(lo >> 48), index);
	}
	return code;
}

static unsigned amd_fault(const struct world *w, uint16_t requester)
{
	uint64_t head = sio_unit_read(w->unit, 0x2010, 8), tail = sio_unit_read(w->unit, 0x2018, 8);
	struct entry e;

	if (head == tail)
		return 0;
	if ((tail - head) % 4096 != 16)
		story_fail(&w->story, "one request is recorded twice");
	if (sio_hw_read(w->hw, w->log + head, &e, sizeof(e)))
		story_fail(&w->story, "the event log cannot be read");
	if (bits(e.lo, 15, 0) != requester)
		story_fail(&w->story, "the event is logged for %#x", (unsigned)bits(e.lo, 15, 0));
	/* Flags: an interrupt. */
	if (!(e.lo >> (32 + 16 + 3) & 1))
		story_fail(&w->story, "the event is not one of an interrupt");
	return (unsigned)(e.lo >> 60);
}

/* ---- operations ---- */

/* Mostly one that something is known of. */
static unsigned index_of(struct world *w, uint64_t record)
{
	unsigned any = record >> 16 & (ENTRIES - 1);

	if (record >> 22 & 2)
		return w->last;
	return w->last = record >> 22 & 1 ? any & 7 : any;
}

static bool is_same(const struct outcome *a, const struct outcome *b)
{
	if (a->code != b->code || a->arrives != b->arrives)
		return false;
	return !a->arrives ||
	       (a->remapped == b->remapped && a->logical == b->logical && a->level == b->level &&
		a->mode == b->mode && a->vector == b->vector && a->destination == b->destination);
}

/* One of what the entry is and may be remembered as. */
static bool is_expected(const struct world *w, unsigned device, uint32_t index)
{
	static const struct slot none;
	const struct slot *slot = index < ENTRIES ? &w->slot[w->amd ? device : 0][index] : &none;
	struct entry e = {0};

	for (unsigned i = 0; i <= slot->count; i++) {
		struct outcome want;

		if (i < slot->count)
			e = slot->version[i];
		else if (slot->count)
			break;
		/* Not present is not remembered, unless the unit says that it does. */
		if (i + 1 < slot->count && !(e.lo & 1) && !w->caching)
			continue;
		want = w->amd ? amd_entry(w, e, devices[device]) : vtd_entry(w, e, devices[device]);
		if (is_same(&want, &w->got))
			return true;
	}
	return false;
}

static void request(struct world *w, unsigned device, uint64_t address, uint32_t data)
{
	struct sio_request dma = {.requester = devices[device],
				  .address = address,
				  .len = 4,
				  .write = true};
	struct outcome want;
	uint32_t index = 0;
	bool decided;

	story_note(&w->story, "request device=%u address=0x%" PRIx64 " data=%#x", device, address,
		   data);
	clear_faults(w);
	decided = w->amd ? amd_decide(w->control[device], address, data, &want, &index)
			 : vtd_decide(w, address, data, &want, &index);
	w->stale_allowed =
		!decided && index < ENTRIES && w->slot[w->amd ? device : 0][index].count > 1;
	w->got = (struct outcome){0};
	w->arrived = 0;
	(void)sio_hw_dma(w->hw, &dma, &data, NULL);
	w->got.code = w->amd ? amd_fault(w, devices[device]) : vtd_fault(w, devices[device], index);
	if (w->arrived > 1)
		story_fail(&w->story, "one request arrives %u times", w->arrived);
	if (decided ? !is_same(&want, &w->got) : !is_expected(w, device, index))
		story_fail(&w->story,
			   "index %u: code %#x arrives %d remapped %d logical %d level %d mode %u "
			   "vector %#x destination %#x",
			   index, w->got.code, w->got.arrives, w->got.remapped, w->got.logical,
			   w->got.level, w->got.mode, w->got.vector, w->got.destination);
}

static void do_request(struct world *w, unsigned device, uint64_t record)
{
	unsigned index = index_of(w, record), shape = record >> 24 & 0xff;
	uint32_t data = 0;
	uint64_t address = 0xfee00000;

	if (w->amd) {
		data = index | (shape & 0xe0) << 3 | (shape & 0x10 ? 1 << 15 : 0);
		/* Mostly of a kind that is remapped, and now and then beyond the table. */
		if (shape & 0xc)
			data = index | (shape & 1) << 8 | ((shape & 0xf0) == 0xf0 ? 0x400 : 0);
		request(w, device, address | (record >> 32 & 0xff) << 12 | (shape & 2 ? 4 : 0),
			data);
		return;
	}
	if ((shape & 0xf) == 0xf) {
		request(w, device, address | (record >> 32 & 0xfffec), (uint32_t)(record >> 40));
		return;
	}
	address |= 1 << 4;
	if (shape & 1) {
		unsigned sub = (unsigned)(record >> 32) % (index + 1);

		address |= 1 << 3;
		index -= sub;
		data = sub | ((shape & 0xf0) == 0xf0 ? 1u << 16 : 0);
	} else if ((shape & 0xf0) == 0xf0) {
		data = 1u << (record >> 32 & 31);
	}
	if ((shape & 0xfe) == 0x42)
		index = w->entries - 1 + (record >> 40 & 1);
	address |= (uint64_t)(index & 0x7fff) << 5 | (uint64_t)(index >> 15 & 1) << 2;
	request(w, device, address, data);
}

static struct entry make_entry(const struct world *w, uint64_t record)
{
	uint64_t random = record >> 24;
	struct prng rng = {record};
	struct entry e;

	if (w->amd && !w->wide) {
		e.lo = 1 | (random & 0x63) | (random >> 8 & 0xffff) << 8 | (random & 4);
		e.hi = 0;
	} else if (w->amd) {
		e.lo = 1 | (random & 0x66) | (prng_next(&rng) << 8);
		e.hi = (random & 0xff) | (prng_next(&rng) & (UINT64_C(0xff) << 56));
	} else {
		/* A requester, a range of buses, or nothing that is checked. */
		e.lo = 1 | (random & 0x1e) | (random & 0xff) << 16 |
		       (random >> 8 & 7) << (random & 0x20 ? 5 : 20) | (random >> 16 & 0xff) << 40;
		e.hi = devices[random % DEVICES] ^ (random >> 24 & 0xf);
		e.hi |= (random >> 28 & 3) << 16 | (random >> 30 & 3) << 18;
		if (w->extended)
			e.lo |= prng_next(&rng) << 32;
	}
	/* Not there, or with one bit more. */
	if ((random >> 32 & 7) == 0)
		e.lo &= ~UINT64_C(1);
	if ((random >> 32 & 0x38) == 0)
		*(prng_below(&rng, 2) ? &e.lo : &e.hi) ^= UINT64_C(1) << prng_below(&rng, 64);
	if (w->amd && !w->wide)
		e = (struct entry){e.lo & UINT32_MAX, 0};
	return e;
}

static void do_write(struct world *w, unsigned device, uint64_t record)
{
	unsigned index = index_of(w, record), how = (unsigned)(record >> 60);
	unsigned owner = w->amd ? device : 0;
	struct entry e = make_entry(w, record);

	story_note(&w->story, "entry %u of %u is 0x%016" PRIx64 " 0x%016" PRIx64, index, owner,
		   e.lo, e.hi);
	store(w, owner, index, e);
	if (how < 12)
		invalidate(w, owner, index, how < 8 ? 0 : how < 11 ? how - 8 : 16);
}

static void do_invalidate(struct world *w, unsigned device, uint64_t record)
{
	invalidate(w, w->amd ? device : 0, index_of(w, record),
		   record >> 24 & 3 ? (unsigned)(record >> 26 & 7) : 16);
}

/* Entries mean something else from here on. */
static void forget_all(struct world *w)
{
	struct entry none = {0};

	for (unsigned d = 0; d < DEVICES; d++)
		for (unsigned i = 0; i < ENTRIES; i++)
			if (w->slot[d][i].count) {
				put(w, w->table[d] + i * 16, none, 16);
				w->slot[d][i].count = 0;
			}
	if (w->amd)
		for (unsigned d = 0; d < DEVICES; d++)
			for (unsigned i = 0; i < ENTRIES; i++)
				put(w, w->table[d] + i * 4, none, 4);
	invalidate(w, 0, 0, 16);
}

static void vtd_change(struct world *w, uint64_t record)
{
	unsigned how = record >> 16 & 7, size = record >> 24 & 7;

	if (how < 2) {
		w->remaps = !w->remaps;
		set_global(w, 1u << 25, w->remaps);
	} else if (how < 4) {
		w->compatible = !w->compatible;
		set_global(w, 1u << 23, w->compatible);
	} else {
		w->extended = record >> 32 & 1;
		/* From 64 entries up. */
		w->entries = 64u << size;
		sio_unit_write(w->unit, 0xb8, 8,
			       w->table[0] | (w->extended ? 1 << 11 : 0) | (5 + size));
		set_global(w, 1u << 24, true);
		invalidate(w, 0, 0, 16);
	}
	story_note(&w->story, "remapping %d compatible %d extended %d entries %u", w->remaps,
		   w->compatible, w->extended, w->entries);
}

static void amd_control(struct world *w, unsigned device)
{
	/* Valid and translated, mode 0, reads and writes: DMA is of no interest. */
	const uint64_t entry[4] = {UINT64_C(0x6000000000000003), 7, w->control[device], 0};

	if (sio_hw_write(w->hw, w->devtab + devices[device] * 32u, entry, sizeof(entry)))
		story_fail(&w->story, "memory does not answer at the device table");
	submit(w, devices[device] | UINT64_C(2) << 60, 0);
	invalidate(w, device, 0, 0);
}

static void amd_change(struct world *w, unsigned device, uint64_t record)
{
	static const uint8_t control[8] = {2, 2, 2, 2, 2, 1, 0, 2};
	static const uint8_t lengths[8] = {6, 6, 7, 8, 9, 9, 6, 10};

	if ((record >> 16 & 7) == 0) {
		forget_all(w);
		w->wide = !w->wide;
		sio_unit_write(w->unit, 0x18, 8, 0x1005 | (w->wide ? 1 << 17 : 0));
		story_note(&w->story, "entries of %u bytes", w->wide ? 16 : 4);
		invalidate(w, 0, 0, 16);
		return;
	}
	/* IV, length, IG, table, pass bits, IntCtl. */
	w->control[device] = (record >> 24 & 7) != 0;
	w->control[device] |= (uint64_t)lengths[record >> 27 & 7] << 1 | w->table[device];
	w->control[device] |= (record >> 30 & 1) << 5 | (record >> 31 & 7) << 56;
	w->control[device] |= (uint64_t)control[record >> 34 & 7] << 60;
	story_note(&w->story, "device %u is 0x%016" PRIx64, device, w->control[device]);
	amd_control(w, device);
}

static void step(struct world *w, uint64_t record)
{
	unsigned pick = record & 0xff, device = (record >> 8 & 0xff) % DEVICES;

	if (pick < 120)
		do_request(w, device, record);
	else if (pick < 220)
		do_write(w, device, record);
	else if (pick < 236)
		do_invalidate(w, device, record);
	else if (w->amd)
		amd_change(w, device, record);
	else
		vtd_change(w, record);
}

/* ---- one input ---- */

static void begin_vtd(struct world *w)
{
	w->table[0] = w->table[1] = w->table[2] = sio_hw_alloc(w->hw, 32);
	w->queue = sio_hw_alloc(w->hw, 1);
	w->entries = 64;
	w->remaps = true;
	w->compatible = w->extended = false;
	sio_unit_write(w->unit, 0x90, 8, w->queue);
	set_global(w, 1u << 26, true);
	sio_unit_write(w->unit, 0xb8, 8, w->table[0] | 5);
	set_global(w, 1u << 24, true);
	invalidate(w, 0, 0, 16);
	set_global(w, 1u << 25, true);
}

static void begin_amd(struct world *w)
{
	w->queue = sio_hw_alloc(w->hw, 1);
	w->log = sio_hw_alloc(w->hw, 1);
	w->devtab = sio_hw_alloc(w->hw, 4);
	w->wide = false;
	/* 512 devices, 256 commands and events. */
	sio_unit_write(w->unit, 0x00, 8, w->devtab | 3);
	sio_unit_write(w->unit, 0x08, 8, w->queue | UINT64_C(8) << 56);
	sio_unit_write(w->unit, 0x10, 8, w->log | UINT64_C(8) << 56);
	sio_unit_write(w->unit, 0x18, 8, 0x1005);
	for (unsigned d = 0; d < DEVICES; d++) {
		w->table[d] = sio_hw_alloc(w->hw, 8);
		w->control[d] = 1 | 6 << 1 | w->table[d] | UINT64_C(2) << 60;
		amd_control(w, d);
	}
}

static const char *platform_of(bool amd, bool caching)
{
	if (amd)
		return "machine = { ram = \"64M\"; };\n"
		       "units = ( { type = \"amd\"; name = \"ivhd0\"; include-all = true;\n"
		       "            efr = 0x001740110000abdfL; } );\n"
		       "devices = ( { bdf = \"00:03.0\"; model = \"edu\"; } );\n";
	return caching ? "machine = { ram = \"64M\"; };\n"
			 "units = ( { name = \"dmar0\"; include-all = true; haw = 39;\n"
			 "            cap = 0xd2078c106f04e6L; ecap = 0x1e99ce4f050dfL; } );\n"
			 "devices = ( { bdf = \"00:03.0\"; model = \"edu\"; } );\n"
		       : "machine = { ram = \"64M\"; };\n"
			 "units = ( { name = \"dmar0\"; include-all = true; haw = 39;\n"
			 "            cap = 0xd2078c106f0466L; ecap = 0x1e99ce4f050dfL; } );\n"
			 "devices = ( { bdf = \"00:03.0\"; model = \"edu\"; } );\n";
}

static void begin(struct world *w, uint64_t head)
{
	static struct sio_hw *kept[3];
	struct sio_hw_cfg cfg = {.strict = true, .event = event, .ctx = w};
	struct sio_hw **hw;
	char why[512] = "";

	w->amd = head & 1;
	w->caching = !w->amd && head >> 1 & 1;
	hw = &kept[w->amd ? 2 : w->caching];
	cfg.platform_text = platform_of(w->amd, w->caching);
	w->tail = w->last = 0;
	story_begin(&w->story, w->amd ? "intremap, AMD-Vi" : "intremap, VT-d");
	memset(w->slot, 0, sizeof(w->slot));
	w->stale_allowed = true;
	if (*hw) {
		sio_hw_reset(*hw);
	} else if (sio_hw_create(&cfg, hw, why, sizeof(why))) {
		fprintf(stderr, "intremap: %s\n", why);
		abort();
	}
	w->hw = *hw;
	w->unit = sio_hw_unit(w->hw, 0);
	if (w->amd)
		begin_amd(w);
	else
		begin_vtd(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = &world;
	size_t count = records_count(size);
	char why[512];

	fuzz_counts->inputs++;
	begin(w, records_get(data, size, -1));
	for (size_t n = 0; n < count && w->story.lines < RECORDS_MAX - 8; n++) {
		fuzz_counts->operations++;
		step(w, records_get(data, size, (ptrdiff_t)n));
	}
	if (sio_hw_audit(w->hw, why, sizeof(why)))
		story_fail(&w->story, "%s", why);
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
