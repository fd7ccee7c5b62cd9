/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any sequence of register accesses, memory writes and DMA against one unit, through the public
 * hardware API. Whatever software does, the unit answers in bounded time, touches nothing but
 * emulated memory, and its invariants hold.
 *
 * Records of 8 bytes become operations over a 64-page arena: values are biased to addresses in it
 * with flag bits set, registers to those that exist. Most inputs begin with a unit that works: its
 * first pages are tables that translate, a queue and a log, which the operations then spoil.
 */
#ifndef FUZZ_UNIT_H
#define FUZZ_UNIT_H

#include "fuzz.h"

#include "records.h"
#include "softiommu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_PAGES 64u

/* What the unit that works translates for this requester: so many pages from 0 on. */
#define UNIT_DEVICE 0x18u
#define UNIT_MAPPED 16u
/* Pages of the arena: what a device is, three or four tables from the root down, what they map. */
enum {
	UNIT_ROOT,
	UNIT_CONTEXT,
	UNIT_TOP,
	UNIT_LEAVES = 5,
	UNIT_QUEUE = 8,
	UNIT_LOG,
	UNIT_DATA = 16
};

struct unit_fuzz {
	const uint8_t *data;
	size_t size;
	struct sio_hw *hw;
	struct sio_unit *unit;
	uint64_t arena;
	/* Offsets of registers, as many as there are of the vendor. */
	const uint16_t *reg;
	unsigned regs;
};

static inline uint64_t unit_take(struct unit_fuzz *f, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && f->size; i++, f->size--)
		value = value << 8 | *f->data++;
	return value;
}

/* An arena address with flags, a small number, or any bytes. */
static inline uint64_t unit_value(struct unit_fuzz *f)
{
	uint64_t how = unit_take(f, 1);

	switch (how & 3) {
	case 0:
	case 1:
		return f->arena + unit_take(f, 1) % UNIT_PAGES * 4096 + (how >> 2) +
		       ((how & 1) ? unit_take(f, 2) << 48 : 0);
	case 2:
		return unit_take(f, 2);
	default:
		/* Any bits, as far as the record has them, at any place. */
		return unit_take(f, 4) << (how >> 2 & 31) ^ unit_take(f, 1) << 56;
	}
}

/* A word of a page of the arena. */
static inline void unit_poke(struct unit_fuzz *f, unsigned page, unsigned index, uint64_t value)
{
	sio_hw_write(f->hw, f->arena + page * 4096u + index * 8u, &value, sizeof(value));
}

static inline uint64_t unit_page(const struct unit_fuzz *f, unsigned page)
{
	return f->arena + page * UINT64_C(4096);
}

/* A unit that was set up does what it was set up for. */
static inline void unit_check(struct unit_fuzz *f)
{
	for (unsigned i = 0; i < UNIT_MAPPED; i++) {
		uint64_t word = UINT64_C(0x1234567800000000) + i, got = 0;
		struct sio_request request = {.requester = UNIT_DEVICE,
					      .address = i * UINT64_C(4096),
					      .len = sizeof(got)};

		unit_poke(f, UNIT_DATA + i, 0, word);
		if (sio_hw_dma(f->hw, &request, &got, NULL) || got != word) {
			fprintf(stderr, "unit: page %u is not translated\n", i);
			abort();
		}
	}
}

static inline void unit_dma(struct unit_fuzz *f)
{
	static uint8_t buf[3 * 4096];
	uint64_t shape = unit_take(f, 1);
	struct sio_request request = {
		.requester = (uint16_t)(shape & 16 ? UNIT_DEVICE : unit_take(f, 1) * 2),
		.has_pasid = (shape & 2) != 0,
		.pasid = (uint32_t)(shape & 2 ? unit_take(f, 1) : 0),
		.address = shape & 4 ? unit_value(f) : unit_take(f, 3) << 4,
		.len = shape & 8 ? 4 : 1 + (size_t)unit_take(f, 1) * 48 % sizeof(buf),
		.write = shape & 1,
	};

	sio_hw_dma(f->hw, &request, buf, NULL);
}

static inline void unit_step(struct unit_fuzz *f)
{
	uint64_t op = unit_take(f, 1), at;

	fuzz_counts->operations++;
	switch (op & 7) {
	case 0:
	case 1:
	case 2:
		at = f->reg[unit_take(f, 1) % f->regs];
		sio_unit_write(f->unit, (uint32_t)at, op & 8 ? 4 : 8, unit_value(f));
		break;
	case 3:
		at = op & 8 ? unit_take(f, 2) : f->reg[unit_take(f, 1) % f->regs];
		sio_unit_read(f->unit, (uint32_t)at, op & 16 ? 4 : 8);
		break;
	case 4:
	case 5:
	case 6: {
		uint64_t value;

		at = f->arena + unit_take(f, 1) % UNIT_PAGES * 4096 + (op >> 3) * 8;
		if (op & 1)
			at += unit_take(f, 1) % 16 * 256;
		value = unit_value(f);
		sio_hw_write(f->hw, at, &value, sizeof(value));
		break;
	}
	default:
		unit_dma(f);
	}
}

/* `set_up`: tables, queue, log and registers of a unit that works. */
static inline void unit_fuzz_run(const char *platform, const uint16_t *reg, unsigned regs,
				 void (*set_up)(struct unit_fuzz *f), const uint8_t *data,
				 size_t size)
{
	static struct sio_hw *kept[2];
	const uint64_t head = records_get(data, size, -1);
	struct sio_hw_cfg cfg = {.platform_text = platform, .strict = head & 1};
	struct sio_hw **hw = &kept[head & 1];
	struct unit_fuzz f = {.reg = reg, .regs = regs};
	char why[512] = "";

	fuzz_counts->inputs++;
	if (*hw) {
		sio_hw_reset(*hw);
	} else if (sio_hw_create(&cfg, hw, why, sizeof(why))) {
		fprintf(stderr, "unit: %s\n", why);
		abort();
	}
	f.hw = *hw;
	f.unit = sio_hw_unit(f.hw, 0);
	f.arena = sio_hw_alloc(f.hw, UNIT_PAGES);
	if (head & 6) {
		set_up(&f);
		unit_check(&f);
	}
	for (size_t n = 0; n < records_count(size); n++) {
		f.data = data + (n + 1) * RECORD_BYTES;
		f.size = RECORD_BYTES;
		unit_step(&f);
	}
	/* The fuzzer owns the memory's contents; the unit's own state has to be sound. */
	if (sio_hw_audit(f.hw, why, sizeof(why)) && !strstr(why, "free table frame")) {
		fprintf(stderr, "unit: %s\n", why);
		abort();
	}
}

#endif
