// SPDX-License-Identifier: GPL-2.0-only
/* What both units have in common: see unit.h. */
#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct unit_fuzz world;

/* ---- what went wrong ---- */

/* ---- records ---- */

uint64_t unit_take(struct unit_fuzz *f, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && f->size; i++, f->size--)
		value = value << 8 | *f->data++;
	return value;
}

/* An arena address with flags, a small number, or any bytes. */
uint64_t unit_value(struct unit_fuzz *f)
{
	uint64_t how = unit_take(f, 1);

	switch (how & 3) {
	case 0:
	case 1:
		return unit_page(f, (unsigned)unit_take(f, 1) % UNIT_PAGES) + (how >> 2) +
		       ((how & 1) ? unit_take(f, 2) << 48 : 0);
	case 2:
		return unit_take(f, 2);
	default:
		/* Any bits, as far as the record has them, at any place. */
		return unit_take(f, 4) << (how >> 2 & 31) ^ unit_take(f, 1) << 56;
	}
}

/* ---- the unit ---- */

static void event(void *ctx, const struct sio_event *event)
{
	struct unit_fuzz *f = ctx;

	if (event->kind == SIO_EVENT_STALE) {
		f->stale = true;
		snprintf(f->caught, sizeof(f->caught), "%s", event->text);
	}
	if (event->kind == SIO_EVENT_MSI && f->got_msis < UNIT_MSIS)
		f->got[f->got_msis++] = (struct unit_msi){event->address, event->data};
}

void unit_poke(struct unit_fuzz *f, unsigned page, unsigned index, uint64_t value)
{
	sio_hw_write(f->hw, unit_page(f, page) + index * 8u, &value, sizeof(value));
}

void unit_sends(struct unit_fuzz *f, unsigned cause, uint64_t address, uint32_t data)
{
	f->want[cause] = (struct unit_msi){address, data};
	f->want_msis |= 1u << cause;
}

/* ---- what the unit writes ---- */

void unit_stores(struct unit_fuzz *f, uint64_t pa, uint64_t value, unsigned len)
{
	struct unit_store *store = &f->store[f->stores];

	if (pa < unit_page(f, UNIT_QUEUE) || pa >= unit_page(f, UNIT_PAGES))
		f->clean = false;
	if (f->stores == UNIT_STORES)
		return;
	f->stores++;
	*store = (struct unit_store){.pa = pa, .len = len};
	memcpy(store->byte, &value, len);
	naive_word(f->hw, pa - 8, store->before);
	naive_word(f->hw, pa + len, store->after);
}

bool unit_word(struct unit_fuzz *f, uint64_t pa, uint64_t *word)
{
	uint8_t *bytes = (uint8_t *)word;

	if (!naive_word(f->hw, pa, word))
		return false;
	for (unsigned i = 0; i < f->stores; i++)
		for (unsigned at = 0; at < f->store[i].len; at++)
			if (f->store[i].pa + at - pa < 8)
				bytes[f->store[i].pa + at - pa] = f->store[i].byte[at];
	return true;
}

static void check_bytes(struct unit_fuzz *f, uint64_t pa, const uint8_t *want, unsigned len,
			bool around)
{
	uint64_t now = 0, expected = 0;

	memcpy(&expected, want, len);
	if (!naive_word(f->hw, pa, &now))
		return;
	/* Others may have been written over it, or beside it. */
	for (unsigned i = 0; i < f->stores; i++)
		if (f->store[i].pa < pa + 8 && f->store[i].pa + 8 > pa &&
		    (around || f->store[i].pa != pa))
			return;
	if (memcmp(&now, &expected, len) != 0)
		story_fail(&f->story,
			   "memory at 0x%" PRIx64 " is 0x%" PRIx64 ", expected 0x%" PRIx64, pa, now,
			   expected);
}

static void check_stores(struct unit_fuzz *f)
{
	for (unsigned i = 0; i < f->stores; i++) {
		const struct unit_store *store = &f->store[i];
		bool last = true;

		for (unsigned later = i + 1; later < f->stores; later++)
			last &= f->store[later].pa != store->pa;
		if (!last)
			continue;
		check_bytes(f, store->pa, store->byte, store->len, false);
		check_bytes(f, store->pa - 8, store->before, 8, true);
		check_bytes(f, store->pa + store->len, store->after, 8, true);
	}
}

static void begin(struct unit_fuzz *f)
{
	f->stale = false;
	f->stores = 0;
	f->got_msis = f->want_msis = 0;
}

/* What the unit did of its own accord. */
static void check(struct unit_fuzz *f)
{
	unsigned n = 0;

	if (fuzz_bare())
		return;
	check_stores(f);
	for (unsigned cause = 0; cause < UNIT_MSIS; cause++) {
		if (!(f->want_msis >> cause & 1))
			continue;
		if (n == f->got_msis)
			story_fail(&f->story, "the message of cause %u is not sent", cause);
		story_compare(&f->story, "the address of a message", f->got[n].address,
			      f->want[cause].address);
		story_compare(&f->story, "the data of a message", f->got[n++].data,
			      f->want[cause].data);
	}
	story_compare(&f->story, "the number of messages", f->got_msis, n);
}

void unit_write(struct unit_fuzz *f, uint32_t offset, unsigned width, uint64_t value)
{
	begin(f);
	if (width == 4)
		value &= UINT32_MAX;
	story_note(&f->story, "write 0x%" PRIx32 " width=%u 0x%" PRIx64, offset, width, value);
	f->vendor->write(f, offset, width, value);
	sio_unit_write(f->unit, offset, width, value);
	check(f);
}

/* ---- DMA ---- */

static const struct sio_fault no_fault;

static bool is_arena(const struct unit_fuzz *f, uint64_t pa, size_t len)
{
	return pa + len > f->arena && pa < unit_page(f, UNIT_PAGES);
}

/* What the walk marks in the tables is there afterwards. Returns whether it marks anything. */
static bool check_marks(const struct unit_fuzz *f, const struct sio_request *request,
			const struct naive_answer *answer)
{
	bool any = false;

	for (unsigned i = 0; i < answer->marks; i++) {
		uint64_t word;

		any |= answer->mark[i].bits != 0;
		/* What it wrote came later. */
		if (request->write && answer->mark[i].pa + 8 > answer->pa &&
		    answer->mark[i].pa < answer->pa + request->len)
			continue;
		if (!naive_word(f->hw, answer->mark[i].pa, &word) || answer->mark[i].bits & ~word)
			story_fail(&f->story,
				   "the entry at 0x%" PRIx64 " is 0x%" PRIx64 " without 0x%" PRIx64,
				   answer->mark[i].pa, word, answer->mark[i].bits);
	}
	return any;
}

/* A table that a spoilt entry leads to may be something else as well, which its marks then change.
 */
static bool marks_others(const struct unit_fuzz *f, const struct naive_answer *answer)
{
	for (unsigned i = 0; i < answer->marks; i++) {
		uint64_t page = (answer->mark[i].pa - f->arena) / NAIVE_PAGE;

		if (answer->mark[i].bits && (page < UNIT_TOP || page > UNIT_LEAVES) &&
		    (page < UNIT_LEAVES_2 || page >= UNIT_TABLES_END))
			return true;
	}
	return false;
}

/* One page at most. Returns whether the outcome was known. */
static bool dma_piece(struct unit_fuzz *f, const struct sio_request *request)
{
	static uint8_t buf[4096], memory[4096];
	struct naive_answer answer = f->vendor->walk(f, request);
	struct sio_fault fault = no_fault;
	bool known, marked;
	int rc;

	/* Whether or not it is what happens, it may be cached from here on. */
	if (answer.kind == NAIVE_UNKNOWN || (answer.tag && answer.tag != naive_tag(UNIT_DOMAIN, 0)))
		f->others = true;
	memset(buf, (int)(request->address >> 12 ^ f->story.lines), sizeof(buf));
	rc = sio_hw_dma(f->hw, request, buf, &fault);
	if (f->stale && f->clean && !fuzz_bare())
		story_fail(&f->story, "%s", f->caught);
	known = answer.kind != NAIVE_UNKNOWN && !f->stale && (f->clean || f->strict);
	if (!known || fuzz_bare()) {
		f->vendor->adopt(f);
		f->got_msis = f->want_msis = 0;
		/* Where it went is unknown, too. */
		if (request->write && !rc)
			f->clean = false;
		return false;
	}
	if (answer.kind == NAIVE_FAULT) {
		story_compare(&f->story, "the result", (uint64_t)-rc, EACCES);
		story_compare(&f->story, "the reason", fault.reason, answer.code);
		f->vendor->fault(f, request, &answer);
		/* A cache that is stale may know another reason for the same event. */
		if (answer.perhaps || (answer.others && !f->clean)) {
			f->vendor->adopt(f);
			f->got_msis = f->want_msis = f->stores = 0;
		}
		f->clean &= !marks_others(f, &answer);
		return true;
	}
	if (answer.kind == NAIVE_NOBODY) {
		story_compare(&f->story, "the result where nobody answers", (uint64_t)-rc,
			      request->len ? EIO : 0);
		return true;
	}
	if (rc == -EACCES)
		story_fail(&f->story, "blocked for reason %#x, expected to reach 0x%" PRIx64,
			   fault.reason, answer.pa);
	marked = f->clean && check_marks(f, request, &answer);
	f->clean &= !marks_others(f, &answer);
	/* Tables may be anywhere; those that nobody spoiled are in the arena. */
	if (request->write && (!f->orderly || is_arena(f, answer.pa, request->len)))
		f->clean &= answer.pa >= unit_page(f, UNIT_TABLES_END) &&
			    answer.pa < unit_page(f, UNIT_PAGES);
	/* Perhaps it read what was marked for it. */
	if (marked && is_arena(f, answer.pa, request->len))
		return true;
	if (answer.pa + request->len > NAIVE_RAM)
		return true;
	story_compare(&f->story, "the result", (uint64_t)-rc, 0);
	if (sio_hw_read(f->hw, answer.pa, memory, request->len) ||
	    memcmp(memory, buf, request->len) != 0)
		story_fail(&f->story, "it went elsewhere than to 0x%" PRIx64, answer.pa);
	return true;
}

static void dma(struct unit_fuzz *f, struct sio_request request)
{
	const size_t room = NAIVE_PAGE - request.address % NAIVE_PAGE;

	begin(f);
	if (request.len > room)
		request.len = room;
	story_note(&f->story, "dma %#x pasid=%d %#x 0x%" PRIx64 " len=%zu %s", request.requester,
		   request.has_pasid, request.pasid, request.address, request.len,
		   request.write ? "write" : "read");
	dma_piece(f, &request);
	check(f);
}

/* Mostly small. */
static uint64_t some_pasid(uint64_t how)
{
	return how < 240 ? how % 80 : UINT64_C(1) << (how - 234);
}

static void do_dma(struct unit_fuzz *f)
{
	uint64_t shape = unit_take(f, 1);
	struct sio_request request = {
		.requester =
			(uint16_t)(shape & 48 || f->orderly ? UNIT_DEVICE : unit_take(f, 1) * 2),
		.has_pasid = (shape & 6) == 2,
		.pasid = (uint32_t)((shape & 6) != 2 ? 0
				    : f->orderly     ? 0
						     : some_pasid(unit_take(f, 1))),
		.len = shape & 8 ? 4 : (size_t)unit_take(f, 1) * 17,
		.write = shape & 1,
	};

	/* Mostly what is mapped. */
	if (shape >> 6)
		request.address = unit_take(f, 1) % (UNIT_MAPPED + 1) * NAIVE_PAGE +
				  (unit_take(f, 1) << 4) +
				  (shape >> 6 == 3 && shape & 4 ? 1 << 20 : 0);
	else
		request.address = shape & 4 ? unit_value(f) : unit_take(f, 3) << 4;
	/* Interrupts, and what lies behind them in the same table. */
	if (shape >> 6 == 3 && !request.has_pasid)
		request.address = UINT64_C(0xfee00000) + (request.address & 0x100ff0);
	dma(f, request);
}

/* A unit that was set up does what it was set up for. */
static void check_set_up(struct unit_fuzz *f)
{
	for (unsigned i = 0; i < UNIT_MAPPED; i += 7) {
		struct sio_request request = {.requester = UNIT_DEVICE,
					      .address = i * NAIVE_PAGE,
					      .len = 8};

		if (f->vendor->walk(f, &request).pa != unit_page(f, UNIT_DATA + i))
			story_fail(&f->story, "page %u is not set up", i);
		dma(f, request);
	}
}

/* ---- what spoils nothing ---- */

static void forget_all(struct unit_fuzz *f, uint64_t how)
{
	story_note(&f->story, "forget everything");
	f->vendor->forget(f, how);
	f->clean = true;
	f->others = false;
}

/* Around these pages, and beyond them. */
static void look(struct unit_fuzz *f, unsigned first, unsigned count, uint64_t how)
{
	for (unsigned i = 0; i < 3; i++) {
		unsigned page = i == 0 ? first : first + count - (i & 1);
		struct sio_request request = {.requester = UNIT_DEVICE,
					      .address = page * NAIVE_PAGE + 8,
					      .len = 8,
					      .write = how >> 6 == i};

		dma(f, request);
	}
}

/* What is changed and forgotten by itself was all that there is. */
static void imprecise(struct unit_fuzz *f)
{
	if (!f->orderly || f->others)
		f->clean = false;
}

static uint64_t some_leaf(const struct unit_fuzz *f, unsigned page, uint64_t what)
{
	return f->vendor->leaf(unit_page(f, UNIT_DATA + (unsigned)(what >> 3 ^ page * 5) % 48),
			       what >> 9 & 7 ? 3 : what >> 12 & 3);
}

/* Change leaves of the unit that works, and have them forgotten. */
static void remap(struct unit_fuzz *f)
{
	const unsigned count = 1u << unit_take(f, 1) % 5;
	const unsigned first = (unsigned)unit_take(f, 1) % UNIT_MAPPED & -count;
	const uint64_t how = unit_take(f, 1), what = unit_take(f, 2);

	story_note(&f->story, "remap %u pages from %u", count, first);
	for (unsigned i = 0; i < count; i++)
		if (what >> i & 1)
			unit_poke(f, f->leaves, first + i, some_leaf(f, i, what));
	imprecise(f);
	f->vendor->forget_leaves(f, first, count, how);
	look(f, first, count, how);
}

/* Another table of leaves in place of the one there is. */
static void retable(struct unit_fuzz *f)
{
	const uint64_t how = unit_take(f, 1), what = unit_take(f, 2);

	story_note(&f->story, "another table of leaves");
	f->leaves = UNIT_LEAVES + UNIT_LEAVES_2 - f->leaves;
	for (unsigned i = 0; i < UNIT_MAPPED; i++)
		unit_poke(f, f->leaves, i, some_leaf(f, i, what));
	unit_poke(f, UNIT_LEAVES - 1, 0, f->vendor->last_table(unit_page(f, f->leaves)));
	imprecise(f);
	f->vendor->forget_leaves(f, 0, UNIT_MAPPED, how & ~UINT64_C(1));
	look(f, (unsigned)what % UNIT_MAPPED, 1, how);
}

static void redevice(struct unit_fuzz *f)
{
	const uint64_t how = unit_take(f, 1), page = unit_take(f, 1) % UNIT_MAPPED;

	f->through = !f->through;
	story_note(&f->story, "the device is %s", f->through ? "let through" : "translated");
	imprecise(f);
	f->vendor->redevice(f, f->through, how);
	look(f, (unsigned)page, 1, how);
}

static uint64_t spoiled(struct unit_fuzz *f, uint64_t word)
{
	const uint64_t address = naive_bits(UINT64_MAX, 51, 12) << 12, how = unit_take(f, 1);

	switch (how & 15) {
	case 0:
		return (word & ~address) | UINT64_C(0xfee00000) | (how >> 4 << 12);
	case 1:
		return (word & ~address) | NAIVE_RAM;
	case 2:
		return (word & ~address) | UINT64_C(1) << (36 + (how >> 4));
	case 3:
	case 4:
		return f->vendor->large_leaf(word, how >> 4);
	default:
		return word ^ UINT64_C(1) << (unit_take(f, 1) & 63);
	}
}

/* Change one of the words that decide about a page, look what becomes of it, and undo it. */
static void spoil(struct unit_fuzz *f)
{
	const unsigned page = (unsigned)unit_take(f, 1) % UNIT_MAPPED;
	const uint64_t how = unit_take(f, 1);
	struct unit_slot slot[UNIT_SLOTS];
	const unsigned n = f->vendor->used(f, page, slot);
	const struct unit_slot *at = &slot[unit_take(f, 1) % n];
	const struct unit_slot *with = &slot[(how >> 1 ^ page) % n];
	uint64_t word, other, now;

	naive_word(f->hw, unit_page(f, at->page) + at->index * 8, &word);
	if (f->orderly && f->through)
		redevice(f);
	unit_poke(f, at->page, at->index, spoiled(f, word));
	/* Two things at once. */
	naive_word(f->hw, unit_page(f, with->page) + with->index * 8, &other);
	if ((how & 0xc0) == 0x40 && with != at)
		unit_poke(f, with->page, with->index, other ^ 2);
	naive_word(f->hw, unit_page(f, at->page) + at->index * 8, &now);
	story_note(&f->story, "spoil word %u of page %u from 0x%" PRIx64 " to 0x%" PRIx64,
		   at->index, at->page, word, now);
	f->clean = false;
	if (how & 3)
		forget_all(f, how >> 2);
	for (unsigned i = 0; i < 2; i++) {
		struct sio_request request = {.requester = UNIT_DEVICE,
					      .has_pasid = (how & 0x30) == 0x30,
					      .address = page * NAIVE_PAGE + (how >> 3 & 0x18),
					      .len = how & 4 && how & 8 ? 0 : 8,
					      .write = i != (how >> 3 & 1)};

		/* With an index that is not 0, of a level where all others are. */
		if (i && (how & 0xc0) == 0x80)
			request.address |= UINT64_C(1) << (21 + (how & 3) * 9);
		dma(f, request);
	}
	if ((how & 0xc0) == 0x40)
		unit_poke(f, with->page, with->index, other);
	unit_poke(f, at->page, at->index, word);
	f->clean = false;
	if (f->orderly || how & 3)
		forget_all(f, how >> 4);
}

/* ---- operations ---- */

static void poke(struct unit_fuzz *f, uint64_t op)
{
	unsigned page = (unsigned)unit_take(f, 1);
	uint64_t at, value, now;

	/* Mostly tables. */
	page = page & 0x80 ? page % UNIT_TABLES_END : page % UNIT_PAGES;
	at = unit_page(f, page) + (op >> 3 & 15) * 8 + unit_take(f, 1) % 16 * 256;
	value = unit_value(f);
	/* Or one bit of what is there. */
	if (op & 0x80 && naive_word(f->hw, at, &now))
		value = now ^ UINT64_C(1) << (value & 63);
	if (f->orderly && page < UNIT_TABLES_END)
		return;
	story_note(&f->story, "poke 0x%" PRIx64 " 0x%" PRIx64, at - f->arena, value);
	sio_hw_write(f->hw, at, &value, sizeof(value));
	f->clean &= page >= UNIT_TABLES_END;
}

static void step(struct unit_fuzz *f)
{
	uint64_t op = unit_take(f, 1), at;

	fuzz_counts->operations++;
	switch (op & 7) {
	case 0:
	case 1:
		at = f->vendor->reg[unit_take(f, 1) % f->vendor->regs];
		if (f->orderly && op & 8)
			retable(f);
		else if (f->orderly)
			remap(f);
		else
			unit_write(f, (uint32_t)at, op & 8 ? 4 : 8,
				   op & 0x30 ? f->vendor->value(f, (uint32_t)at) : unit_value(f));
		break;
	case 2:
		f->vendor->submit(f);
		break;
	case 3:
		if (!(op & 0x18))
			forget_all(f, op >> 5);
		else if ((op & 0x18) == 8)
			redevice(f);
		else
			remap(f);
		break;
	case 4:
		poke(f, op);
		break;
	case 5:
		spoil(f);
		break;
	default:
		do_dma(f);
	}
	if (!fuzz_bare())
		f->vendor->check(f);
}

/* ---- one input ---- */

/* No two words of what can be mapped are the same, so that it is seen where something came from. */
static void fill(struct unit_fuzz *f)
{
	uint64_t words[512];

	for (unsigned page = UNIT_DATA; page < UNIT_PAGES; page++) {
		for (unsigned i = 0; i < 512; i++)
			words[i] = UINT64_C(0x5c00000000000000) | page << 12 | i << 3;
		sio_hw_write(f->hw, unit_page(f, page), words, sizeof(words));
	}
}

void unit_fuzz_run(const struct unit_vendor *vendor, const uint8_t *data, size_t size)
{
	static struct sio_hw *kept[2];
	const uint64_t head = records_get(data, size, -1);
	struct sio_hw **hw = &kept[head & 1];
	struct unit_fuzz *f = &world;
	struct sio_hw_cfg cfg = {.platform_text = vendor->platform,
				 .strict = head & 1,
				 .event = event,
				 .ctx = f};
	char why[512] = "";

	fuzz_counts->inputs++;
	*f = (struct unit_fuzz){.vendor = vendor, .head = head, .strict = head & 1};
	snprintf(f->story.target, sizeof(f->story.target), "unit, %s%s", vendor->name,
		 f->strict ? ", strict" : "");
	if (*hw) {
		sio_hw_reset(*hw);
	} else if (sio_hw_create(&cfg, hw, why, sizeof(why))) {
		fprintf(stderr, "unit: %s\n", why);
		abort();
	}
	f->hw = *hw;
	f->unit = sio_hw_unit(f->hw, 0);
	f->arena = sio_hw_alloc(f->hw, UNIT_PAGES);
	fill(f);
	f->clean = true;
	f->leaves = UNIT_LEAVES;
	vendor->reset(f);
	if (head & 6) {
		vendor->set_up(f);
		check_set_up(f);
		f->orderly = (head & 24) == 24;
	}
	for (size_t n = 0; n < records_count(size); n++) {
		f->data = data + (n + 1) * RECORD_BYTES;
		f->size = RECORD_BYTES;
		step(f);
	}
	/* The fuzzer owns the memory's contents; the unit's own state has to be sound. */
	if (sio_hw_audit(f->hw, why, sizeof(why)) && !strstr(why, "free table frame"))
		story_fail(&f->story, "%s", why);
}
