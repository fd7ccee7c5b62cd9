/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any sequence of register accesses, memory writes and DMA against one unit, through the public
 * hardware API. Whatever software does, the unit answers in bounded time, touches nothing but
 * emulated memory, and its invariants hold.
 *
 * Bytes become operations over a 64-page arena: values are biased to addresses in it with flag bits
 * set, registers to those that exist, so that most inputs build tables and queues that work.
 */
#ifndef FUZZ_UNIT_H
#define FUZZ_UNIT_H

#include "fuzz.h"

#include "softiommu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_PAGES   64u
#define UNIT_OPS_MAX 400u

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
		return unit_take(f, 8);
	}
}

static inline void unit_dma(struct unit_fuzz *f)
{
	static uint8_t buf[3 * 4096];
	uint64_t shape = unit_take(f, 1);
	struct sio_request request = {
		.requester = (uint16_t)(unit_take(f, 1) & 0x1ff),
		.has_pasid = (shape & 2) != 0,
		.pasid = (uint32_t)unit_take(f, 1),
		.address = shape & 4 ? unit_value(f) : unit_take(f, 3) << 4,
		.len = shape & 8 ? 4 : 1 + (size_t)unit_take(f, 2) % sizeof(buf),
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

static inline void unit_fuzz_run(const char *platform, const uint16_t *reg, unsigned regs,
				 const uint8_t *data, size_t size)
{
	struct sio_hw_cfg cfg = {.platform_text = platform, .strict = size && data[0] & 1};
	struct unit_fuzz f = {.data = data, .size = size, .reg = reg, .regs = regs};
	char why[512] = "";

	fuzz_counts->inputs++;
	if (sio_hw_create(&cfg, &f.hw, why, sizeof(why))) {
		fprintf(stderr, "unit: %s\n", why);
		abort();
	}
	f.unit = sio_hw_unit(f.hw, 0);
	f.arena = sio_hw_alloc(f.hw, UNIT_PAGES);
	for (unsigned i = 0; i < UNIT_OPS_MAX && f.size; i++)
		unit_step(&f);
	/* The fuzzer owns the memory's contents; the unit's own state has to be sound. */
	if (sio_hw_audit(f.hw, why, sizeof(why)) && !strstr(why, "free table frame")) {
		fprintf(stderr, "unit: %s\n", why);
		abort();
	}
	sio_hw_destroy(f.hw);
}

#endif
