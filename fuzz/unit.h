/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any sequence of register accesses, memory writes and DMA against one unit, through the public
 * hardware API.
 *
 * Records of 8 bytes become operations over a 64-page arena: values are biased to addresses in it
 * with flag bits set, registers to those that exist. Most inputs begin with a unit that works: its
 * first pages are tables that translate, a queue and a log, which the operations then spoil. Some
 * inputs spoil nothing: they change leaves and invalidate, by any of the ways there are.
 *
 * After every operation all registers are what a second set of them, written from the manuals, has
 * (unit_vtd.c, unit_amdvi.c). DMA goes where a walk by memory alone leads (unit_naive.h), and what
 * it is blocked for is recorded, whenever no cache can know better: with strict checking, if the
 * unit was not caught with a stale translation; without, if nothing changed since all was
 * forgotten, or what changed was invalidated. In that case it must not be caught either.
 */
#ifndef FUZZ_UNIT_H
#define FUZZ_UNIT_H

#include "fuzz.h"

#include "story.h"
#include "unit_naive.h"

#define UNIT_PAGES 64u

/* What the unit that works translates for this requester: so many pages from 0 on. */
#define UNIT_DEVICE 0x18u
#define UNIT_DOMAIN 7u
#define UNIT_MAPPED 16u
/* Pages of the arena: what a device is, three or four tables from the root down, what they map. */
enum {
	UNIT_ROOT,
	UNIT_CONTEXT,
	UNIT_TOP,
	UNIT_LEAVES = 5,
	UNIT_PASIDS, /* directory, and table */
	UNIT_QUEUE = 8,
	UNIT_LOG,
	UNIT_LEAVES_2 = 12,
	UNIT_TABLES_END = 16,
	UNIT_DATA = 16
};

#define UNIT_MSIS 8u

struct unit_msi {
	uint64_t address;
	uint32_t data;
};

/* The unit writes `len` bytes at pa; around them stands what was there. */
struct unit_store {
	uint64_t pa;
	unsigned len;
	uint8_t byte[8], before[8], after[8];
};
#define UNIT_STORES 64u

/* A word of the arena. */
struct unit_slot {
	unsigned page, index;
};
#define UNIT_SLOTS 24u

struct unit_fuzz {
	const struct unit_vendor *vendor;
	const uint8_t *data;
	size_t size;
	struct sio_hw *hw;
	struct sio_unit *unit;
	uint64_t head, arena;
	bool strict;
	bool orderly;    /* tables are changed by remap() only */
	bool clean;      /* no cache holds what memory does not say */
	bool stale;      /* the unit was caught with a translation in this operation */
	bool through;    /* the device is not translated */
	unsigned leaves; /* page of the arena that has the leaves */
	bool others;     /* not only what was set up may be cached since all was forgotten */
	char caught[STORY_LINE];
	/* Messages of this operation, and those that there ought to be. */
	struct unit_msi got[UNIT_MSIS], want[UNIT_MSIS];
	unsigned got_msis, want_msis; /* how many; one bit each */
	/* What it ought to write in this operation. */
	struct unit_store store[UNIT_STORES];
	unsigned stores;
	struct story story;
};

/* What is the vendor's. */
struct unit_vendor {
	const char *name, *platform;
	const uint16_t *reg; /* offsets, those that are written often several times */
	unsigned regs;
	/* Tables, queue, log and registers of a unit that works. */
	void (*set_up)(struct unit_fuzz *f);
	/* The second set of registers: as after power-on. */
	void (*reset)(struct unit_fuzz *f);
	/* Before a write: what the registers will be. */
	void (*write)(struct unit_fuzz *f, uint32_t offset, unsigned width, uint64_t value);
	/* All registers are what they ought to be. */
	void (*check)(struct unit_fuzz *f);
	struct naive_answer (*walk)(struct unit_fuzz *f, const struct sio_request *request);
	/* A request was blocked: what is recorded. */
	void (*fault)(struct unit_fuzz *f, const struct sio_request *request,
		      const struct naive_answer *answer);
	/* What is recorded is unknown: take over what the registers are. */
	void (*adopt)(struct unit_fuzz *f);
	/* Everything is forgotten. */
	void (*forget)(struct unit_fuzz *f, uint64_t how);
	/* Forget so many leaves, a power of two and aligned, of UNIT_DOMAIN. */
	void (*forget_leaves)(struct unit_fuzz *f, unsigned first, unsigned count, uint64_t how);
	/* A leaf of the unit that works, and what leads to a table of leaves. */
	uint64_t (*leaf)(uint64_t page, unsigned perm);
	uint64_t (*last_table)(uint64_t page);
	/* The same permissions in a leaf, of memory from 0 on, where there was an entry for a
	 * table. */
	uint64_t (*large_leaf)(uint64_t entry, uint64_t how);
	/* Have the device of the unit that works translated, or let through; forget what it was. */
	void (*redevice)(struct unit_fuzz *f, bool through, uint64_t how);
	/* The words that decide about a page of it, in the arena; how many there are. */
	unsigned (*used)(struct unit_fuzz *f, unsigned page, struct unit_slot *slot);
	/* A value for a register, of those that mean something there. */
	uint64_t (*value)(struct unit_fuzz *f, uint32_t offset);
	/* A command that is good, or nearly, into the queue and the tail behind it. */
	void (*submit)(struct unit_fuzz *f);
};

/* So many bytes of the record, zeros when it has no more; a value of any kind. */
uint64_t unit_take(struct unit_fuzz *f, unsigned bytes);
uint64_t unit_value(struct unit_fuzz *f);

/* A word of a page of the arena, and its address. */
void unit_poke(struct unit_fuzz *f, unsigned page, unsigned index, uint64_t value);
static inline uint64_t unit_page(const struct unit_fuzz *f, unsigned page)
{
	return f->arena + page * NAIVE_PAGE;
}

/* Write a register, of the unit and of the second set. */
void unit_write(struct unit_fuzz *f, uint32_t offset, unsigned width, uint64_t value);
/* The unit ought to write this there, 8 bytes at most; told before it happens. */
void unit_stores(struct unit_fuzz *f, uint64_t pa, uint64_t value, unsigned len);
/* Memory as it is after what the unit ought to write. False: nothing is there. */
bool unit_word(struct unit_fuzz *f, uint64_t pa, uint64_t *word);
/* The unit ought to send this message; of one cause the last one counts, low causes come first. */
void unit_sends(struct unit_fuzz *f, unsigned cause, uint64_t address, uint32_t data);

void unit_fuzz_run(const struct unit_vendor *vendor, const uint8_t *data, size_t size);

#endif
