// SPDX-License-Identifier: GPL-2.0-only
/*
 * See acpi_make.h. "DMA Remapping Reporting Structure" of VT-d; "I/O Virtualization ACPI Table" of
 * AMD.
 */
#include "acpi_make.h"

#include "records.h"

#include <stdbool.h>

struct table {
	uint8_t *out;
	size_t len;
	struct prng rng;
	unsigned units, number;
};

static void put(struct table *t, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes && t->len < ACPI_MAKE_MAX; i++)
		t->out[t->len++] = (uint8_t)(i < 8 ? value >> 8 * i : 0);
}

static void put_text(struct table *t, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(t, (uint8_t)text[i], 1);
}

static void patch_len(struct table *t, size_t from)
{
	if (from + 4 > t->len)
		return;
	t->out[from + 2] = (uint8_t)(t->len - from);
	t->out[from + 3] = (uint8_t)((t->len - from) >> 8);
}

static unsigned below(struct table *t, unsigned n)
{
	return (unsigned)prng_below(&t->rng, n);
}

/* Now and then. */
static bool rarely(struct table *t)
{
	return below(t, 24) == 0;
}

/* ---- DMAR ---- */

static void put_scope(struct table *t, unsigned type)
{
	const unsigned hops = type == 2 ? 1 : 1 + below(t, 8) / 6;

	put(t, type, 1);
	put(t, 6 + 2 * hops, 1);
	put(t, 0, 2);
	put(t, type < 3 ? 0 : type == 5 ? below(t, 3) : t->number++, 1);
	put(t, 0, 1);
	for (unsigned i = 0; i < hops; i++) {
		/* Bridges and devices have their places. */
		unsigned device = i + 1 < hops || type == 2 ? below(t, 4) : 4 + below(t, 29);

		put(t, rarely(t) ? 31 + below(t, 2) : device & 31, 1);
		put(t, rarely(t) ? 7 + below(t, 2) : below(t, 8) / 7, 1);
	}
}

static void put_scopes(struct table *t, const uint8_t *types, unsigned kinds, unsigned least)
{
	for (unsigned n = least + below(t, 3); n; n--)
		put_scope(t, types[below(t, kinds)]);
}

static uint64_t register_base(unsigned n)
{
	return UINT64_C(0xfed90000) + n * UINT64_C(0x4000);
}

static void put_drhd(struct table *t)
{
	static const uint8_t types[] = {1, 1, 2, 3, 4, 5};

	put(t, below(t, 3) == 0, 1);
	put(t, rarely(t) ? below(t, 4) : 0, 1);
	put(t, below(t, 4) == 0 ? t->units : 0, 2);
	put(t, register_base(t->units++) + (rarely(t) ? 0x800 : 0), 8);
	put_scopes(t, types, sizeof(types), 0);
}

/* From one page up; now and then less, or beyond 39 bits. */
static void put_rmrr(struct table *t)
{
	static const uint8_t types[] = {1, 1, 2, 5};
	const uint64_t base = (rarely(t) ? UINT64_C(1) << 39 : 0x7b000000) + below(t, 64) * 0x1000;

	put(t, 0, 2);
	put(t, 0, 2);
	put(t, base, 8);
	put(t, base + below(t, 3) * 0x1000 - 1 + (rarely(t) ? 1 : 0), 8);
	put_scopes(t, types, sizeof(types), 1);
}

static void put_dmar(struct table *t, uint64_t record)
{
	static const uint8_t kinds[16] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6};
	static const uint8_t ports[] = {2}, devices[] = {1, 1, 5};
	const unsigned kind = kinds[record & 15];
	const size_t from = t->len;

	put(t, kind, 2);
	put(t, 0, 2);
	switch (kind) {
	case 0:
		put_drhd(t);
		break;
	case 1:
		put_rmrr(t);
		break;
	case 3:
		put(t, 0, 4);
		put(t, register_base(below(t, t->units + !t->units)), 8);
		put(t, rarely(t) ? UINT64_MAX : below(t, 4), 4);
		break;
	case 4:
		put(t, 0, 3);
		put(t, t->number++ % 3, 1);
		put_text(t, "\\_SB.A\0\0", rarely(t) ? 6 : 7 + below(t, 2));
		break;
	default:
		put(t, below(t, 2), 2);
		put(t, 0, 2);
		put_scopes(t, kind == 2 ? ports : devices, kind == 2 ? 1 : 3, 0);
		break;
	}
	patch_len(t, from);
}

/* ---- IVRS ---- */

static unsigned some_id(struct table *t)
{
	return t->number = t->number + 1 + below(t, 12);
}

static void put_entry(struct table *t, unsigned type, unsigned id)
{
	put(t, type, 1);
	put(t, id, 2);
	put(t, 0, 1);
}

static void put_range(struct table *t, unsigned type)
{
	const unsigned first = some_id(t);

	put_entry(t, type, first);
	if (type >= 0x40)
		put(t, type == 0x43 ? some_id(t) << 8 : below(t, 2) << 31, 4);
	put_entry(t, 4, rarely(t) ? first - 1 : first + below(t, 6));
	t->number += 6;
}

static void put_ivhd_entry(struct table *t, unsigned block)
{
	static const uint8_t types[] = {2, 2, 2, 3, 3, 0x42, 0x42, 0x43, 0x46, 0x47, 0x48, 0xf0, 0};
	const unsigned type = types[below(t, sizeof(types))];

	switch (type) {
	case 3:
	case 0x43:
	case 0x47:
		put_range(t, type);
		break;
	case 0x42:
	case 0x46:
		put_entry(t, type, some_id(t));
		put(t, type == 0x42 ? some_id(t) << 8 : 0, 4);
		break;
	case 0x48:
		put_entry(t, type, 0);
		put(t, t->number++ & 255, 1);
		put(t, some_id(t), 2);
		put(t, rarely(t) ? 3 : 1 + below(t, 2), 1);
		break;
	case 0xf0:
		if (block != 0x40)
			break;
		put_entry(t, type, some_id(t));
		put_text(t, "AMDI0020", 8);
		put(t, 0, 8);
		put(t, 2, 1);
		put(t, 4, 1);
		put_text(t, "\\_A1", 4);
		break;
	default:
		put_entry(t, type, some_id(t));
	}
}

static void put_ivhd(struct table *t, uint64_t record)
{
	/* Mostly one type for all, and all ids for one. */
	static const uint8_t types[] = {0x11, 0x11, 0x11, 0x40, 0x10};
	const unsigned type = types[record >> 8 & 7 ? 0 : 2 + (record >> 11) % 3];
	const size_t from = t->len;

	put(t, type, 1);
	put(t, below(t, 16) | below(t, 2) << 4, 1);
	put(t, 0, 2);
	put(t, 2 + t->units * 0x100, 2);
	put(t, 0x40, 2);
	put(t, UINT64_C(0xfd000000) + t->units++ * UINT64_C(0x80000), 8);
	put(t, 0, 2);
	put(t, 0, 2);
	put(t, prng_next(&t->rng) & 0xffff, 4);
	if (type != 0x10) {
		put(t, UINT64_C(0x00174011000002df) | below(t, 2) << 10, 8);
		put(t, 0, 8);
	}
	for (unsigned n = 1 + below(t, 6); n; n--)
		put_ivhd_entry(t, type);
	if (t->units == 1 && below(t, 8) == 0)
		put_entry(t, 1, 0);
	patch_len(t, from);
}

static void put_ivmd(struct table *t)
{
	const unsigned type = 0x20 + below(t, 3), first = below(t, 64);
	const size_t from = t->len;

	put(t, type, 1);
	put(t, rarely(t) ? below(t, 16) : 1 | below(t, 4) << 1 | (below(t, 3) == 0 ? 8u : 0), 1);
	put(t, 0, 2);
	put(t, first, 2);
	put(t, type == 0x22 ? first + below(t, 8) - (rarely(t) ? 1u : 0) : below(t, 4) * 9, 2);
	put(t, 0, 8);
	put(t, 0x90000000 + below(t, 256) * 0x10000 + (rarely(t) ? 0x10 : 0), 8);
	put(t, rarely(t) ? 0 : 0x1000 * (1 + below(t, 4)), 8);
	patch_len(t, from);
}

/* ---- both ---- */

static void put_header(struct table *t, bool dmar, uint64_t head)
{
	static const uint8_t odd_widths[] = {30, 31, 51, 52};
	const unsigned width = head >> 8 & 15 ? 38 : odd_widths[head >> 12 & 3];

	put_text(t, dmar ? "DMAR" : "IVRS", 4);
	put(t, 0, 4);
	put(t, 1, 1);
	put(t, 0, 27);
	if (dmar) {
		put(t, width, 1);
		put(t, head >> 16 & 7, 1);
		put(t, 0, 10);
	} else {
		put(t, 0x00203041 | (head >> 16 & 3), 4);
		put(t, 0, 8);
	}
}

size_t acpi_make(const uint8_t *data, size_t size, uint8_t *out)
{
	const uint64_t head = records_get(data, size, -1);
	struct table t = {.out = out};
	size_t count = records_count(size);

	put_header(&t, head & 1, head);
	if (count > 12)
		count = 1 + count % 12;
	for (size_t n = 0; n < count && t.len < ACPI_MAKE_MAX / 2; n++) {
		const uint64_t record = records_get(data, size, (ptrdiff_t)n);

		t.rng.state = record;
		if (head & 1)
			put_dmar(&t, record);
		else if (n == 0 || record & 6)
			put_ivhd(&t, record);
		else
			put_ivmd(&t);
	}
	return t.len;
}
