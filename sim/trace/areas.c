// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory areas of a trace: see areas.h.
 */
#include "trace/areas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define USER_END UINT64_C(0x7ffffffff000)

bool area_possible(uint64_t address, uint64_t size)
{
	return size && sio_is_aligned(address | size, SIO_PAGE_SIZE) && address >= 65536 &&
	       address < USER_END && size <= USER_END - address;
}

/* Index of the first area that ends at or behind address. */
static unsigned lower(const struct areas *areas, uint64_t address)
{
	unsigned lo = 0, hi = areas->count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (areas->area[mid].last < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool areas_add(struct areas *areas, uint64_t address, uint64_t size)
{
	struct area piece = {address, address + size - 1};
	unsigned at, end;

	if (!area_possible(address, size))
		return true;
	if (areas->count == areas->room) {
		unsigned room = areas->room ? areas->room * 2 : 16;
		struct area *area = realloc(areas->area, room * sizeof(*area));

		if (!area)
			return false;
		areas->area = area;
		areas->room = room;
	}
	/* Neighbours touch without overlapping: look one byte further on both sides. */
	at = lower(areas, piece.first - 1);
	for (end = at; end < areas->count && areas->area[end].first <= piece.last + 1; end++) {
		if (areas->area[end].first < piece.first)
			piece.first = areas->area[end].first;
		if (areas->area[end].last > piece.last)
			piece.last = areas->area[end].last;
	}
	memmove(&areas->area[at + 1], &areas->area[end],
		(areas->count - end) * sizeof(*areas->area));
	areas->area[at] = piece;
	areas->count = areas->count - (end - at) + 1;
	return true;
}

bool areas_touch(const struct areas *areas, uint64_t address, uint64_t size)
{
	unsigned at = lower(areas, address);

	return size && at < areas->count && areas->area[at].first <= address + size - 1;
}

static int map_one(struct session *s, uint64_t first, uint64_t last)
{
	struct sio_mem mem = {
		.address = first,
		.size = last - first + 1,
		.prot = SIO_PROT_RW,
		.kind = SIO_MEM_ANON,
		.contiguity = SIO_RUN_2M,
	};

	return sio_mem_map(s->process, &mem, &mem.address);
}

int areas_map_range(const struct areas *areas, struct session *s, uint64_t address, uint64_t size)
{
	uint64_t last = address + size - 1;
	int rc = 0;

	for (unsigned at = lower(areas, address); at < areas->count && !rc; at++) {
		const struct area *area = &areas->area[at];

		if (area->first > last)
			break;
		rc = map_one(s, area->first > address ? area->first : address,
			     area->last < last ? area->last : last);
	}
	return rc;
}

int areas_map(const struct areas *areas, struct session *s)
{
	return areas_map_range(areas, s, 0, USER_END);
}

void areas_fini(struct areas *areas)
{
	free(areas->area);
	*areas = (struct areas){0};
}
