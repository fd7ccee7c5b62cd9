// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records to operations, operations to text and to literals.
 *
 * Record: kind, base, place, length, two bytes of memory, flags, mistake. Invariant: decoding reads
 * nothing but the head, the record, the words of a literal and the live mappings.
 */
#include "corpus/ops.h"

#include "prng.h"

#include <inttypes.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

/* Where a recording's buffers lie, so that the text of a session replays at the same addresses. */
#define AREA(k) (UINT64_C(0x1000000000) * (k) + 0x200000)

const struct ops_area ops_areas[OPS_AREAS] = {
	{.name = "h", .address = AREA(1), .pages = OPS_AREA_PAGES, .writable = true, .huge = true},
	{.name = "b", .address = AREA(2), .pages = 64, .writable = true},
	{.name = "r", .address = AREA(3), .pages = 40},
	{.name = "z", .address = AREA(4), .pages = 24, .anonymous = true},
	{.name = "p", .address = AREA(5), .pages = 96, .writable = true, .anonymous = true},
	{.name = "m", .address = AREA(6), .pages = 16, .writable = true, .device = true},
};

const struct ops_platform ops_platforms[OPS_PLATFORMS] = {
	{
		.name = "vtd48",
		.device = {"A", "B", "G"},
		.bits = {48, 48, 48},
		.snoops = {true, true, true},
		.other = "C",
	},
	{.name = "vtd39", .device = {"A", "B", "G"}, .bits = {39, 39, 39}, .other = "C"},
	{
		.name = "two-drhd",
		.device = {"nic0", "disk0", "edu0"},
		.bits = {48, 48, 48},
		.snoops = {true, false, false},
		.other = "edu1",
	},
	{
		.name = "narrow",
		.device = {"wide0", "narrow0", "wide1"},
		.bits = {48, 39, 48},
		.snoops = {true, false, true},
		.no_1g = {false, true, false},
	},
	{
		.name = "amdvi",
		.device = {"A", "B", "G"},
		.bits = {64, 64, 64},
		.snoops = {true, true, true},
		.amd = true,
		.other = "C",
	},
	{
		.name = "caching",
		.device = {"A", "B", "G"},
		.bits = {48, 48, 48},
		.snoops = {true, true, true},
		.caching = true,
	},
};

/* Pages where most mappings are made: 2 MiB borders on both sides. */
#define POOL UINT64_C(0x1f8000)

/* Addresses behind which something ends or begins: windows of interrupts and of HyperTransport,
 * apertures, the space. */
static const uint64_t borders[] = {
	0,
	UINT64_C(0x200000),
	UINT64_C(0x40000000),
	UINT64_C(0xfee00000),
	UINT64_C(0xfef00000),
	UINT64_C(1) << 32,
	UINT64_C(1) << 39,
	UINT64_C(0xfd00000000),
	UINT64_C(1) << 40,
	UINT64_C(1) << 48,
	UINT64_C(1) << 63,
	0,
};

#define BORDERS (sizeof(borders) / sizeof(borders[0]))

/* ---- the head ---- */

static const uint8_t usual[OP_KINDS] = {
	[OP_MAP] = 24,      [OP_UNMAP] = 12,    [OP_INVALIDATE] = 4, [OP_REVALIDATE] = 6,
	[OP_UNMAP_ALL] = 1, [OP_JOIN] = 4,      [OP_LEAVE] = 3,      [OP_DMA] = 8,
	[OP_LIMIT] = 2,     [OP_PRIVILEGE] = 1, [OP_HUGEPAGES] = 1,  [OP_TRACK] = 2,
	[OP_DIRTY] = 3,     [OP_INFO] = 7,      [OP_EXTENSION] = 1,  [OP_MEMORY] = 5,
	[OP_FORK] = 2,      [OP_EXEC] = 2,      [OP_EXIT] = 1,       [OP_FAIL] = 2,
};

/* Swarm testing: what is missing from a session lets the rest go further than a fair mixture. */
static void swarm(struct ops_setup *setup, uint64_t seed)
{
	struct prng rng = {seed};

	for (unsigned i = 0; i < OP_KINDS; i++) {
		unsigned chance = (unsigned)prng_below(&rng, 8);

		setup->weight[i] = usual[i];
		if (seed && i != OP_MAP && chance < 2)
			setup->weight[i] = 0;
		else if (seed && chance == 7)
			setup->weight[i] = (uint8_t)(usual[i] * 4);
		setup->weights += setup->weight[i];
	}
}

/* Most of them are what a short session comes to, having done something before. */
static unsigned decode_limit(uint8_t byte)
{
	return byte & 48 ? 3 + byte % 4u : 1 + byte % 16u;
}

void ops_setup(struct ops_setup *setup, const uint8_t *data, size_t size)
{
	uint8_t head[OPS_HEAD] = {0};

	if (size)
		memcpy(head, data, size < OPS_HEAD ? size : OPS_HEAD);
	*setup = (struct ops_setup){
		.kernel = head[0],
		.platform = head[1] % OPS_PLATFORMS,
		.v2 = !(head[2] & 1),
		.unprivileged = head[2] & 2,
		.dare = (head[2] & 0xf0) == 0xf0,
		.device_memory = head[2] & 8,
		.entry_limit = head[2] & 4 || head[3] >= 128 ? decode_limit(head[3]) : 65535,
	};
	swarm(setup, (uint64_t)head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16);
}

bool ops_head(const struct ops_setup *setup, uint8_t head[OPS_HEAD])
{
	bool limited = setup->entry_limit != 65535;

	if (setup->kernel > UINT8_MAX || setup->platform >= OPS_PLATFORMS ||
	    (limited && (!setup->entry_limit || setup->entry_limit > 16)))
		return false;
	memset(head, 0, OPS_HEAD);
	head[0] = (uint8_t)setup->kernel;
	head[1] = (uint8_t)setup->platform;
	head[2] =
		(uint8_t)((setup->v2 ? 0 : 1) | (setup->unprivileged ? 2 : 0) | (limited ? 4 : 0) |
			  (setup->device_memory ? 8 : 0) | (setup->dare ? 0xf0 : 0));
	head[3] = limited ? (uint8_t)(setup->entry_limit - 1) : 0;
	return true;
}

/* ---- records ---- */

enum { KIND, BASE, PLACE, LENGTH, MEMORY, MEMORY_HIGH, FLAGS, MISTAKE };

unsigned ops_index(const uint8_t *data, size_t size, size_t *at)
{
	unsigned count = 0;
	size_t next = OPS_HEAD;

	while (count < OPS_MAX && next + OPS_RECORD <= size) {
		at[count++] = next;
		next += data[next + MISTAKE] == OPS_LITERAL ? OPS_BYTES_MAX : OPS_RECORD;
	}
	at[count] = next < size ? next : size;
	return count;
}

static enum op_kind decode_kind(const struct ops_setup *setup, uint8_t byte)
{
	unsigned left = (unsigned)byte * setup->weights / 256, kind = 0;

	while (left >= setup->weight[kind])
		left -= setup->weight[kind++];
	return (enum op_kind)kind;
}

/* NULL: the record is not about a live mapping. */
static const struct ops_range *decode_live(const uint8_t *record, const struct ops_view *view,
					   enum op_kind kind)
{
	/* Half of the new mappings are beside old ones; the rest is mostly about old ones. */
	if ((record[BASE] & 3) > (kind == OP_MAP ? 1 : 2) || !view->count)
		return NULL;
	return &view->live[(record[BASE] >> 2) % view->count];
}

static uint64_t decode_iova(const uint8_t *record, const struct ops_range *live, enum op_kind kind)
{
	unsigned place = record[PLACE];

	if (!live && (record[BASE] & 7) == 7)
		return borders[(record[BASE] >> 3) % BORDERS] + (place >> 4) * OPS_PAGE -
		       (place & 15) * OPS_PAGE;
	if (!live)
		return POOL + place % 96 * OPS_PAGE;
	/* What is mapped already is refused: mostly it goes on behind it. */
	if (kind == OP_MAP && (place & 7) < 3)
		return live->last + 1 + (place >= 128 ? place >> 3 & 15 : 0) * OPS_PAGE;
	switch (place & 7) {
	default:
		return live->first;
	case 4:
		return live->last + 1 + (place >> 6) * OPS_PAGE;
	case 5:
		return live->last + 1 - (1 + (place >> 6)) * OPS_PAGE;
	case 6:
		return live->first +
		       (place >> 3) % ((live->last - live->first) / OPS_PAGE + 1) * OPS_PAGE;
	case 7:
		return live->first - (place >> 3) * OPS_PAGE;
	}
}

static uint64_t decode_special_size(unsigned which, uint64_t iova)
{
	static const uint64_t fixed[] = {512, 513, 1024, 511, 64, 65};

	switch (which) {
	case 8:
		return 0;
	case 9:
		return OPS_PAGE / 2;
	default:
		return 0 - iova; /* ends with the space */
	case 6:
	case 11:
		return OPS_PAGE - iova; /* wraps by a page */
	case 12:
		return 0 - OPS_PAGE;
	case 13:
		return UINT64_C(1) << 63;
	case 14:
		return OPS_PAGE + 1;
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
		return fixed[which] * OPS_PAGE;
	}
}

static uint64_t decode_size(const uint8_t *record, const struct ops_range *live, uint64_t iova,
			    enum op_kind kind, const struct ops_view *view)
{
	unsigned how = record[LENGTH] & 3, n = record[LENGTH] >> 2;
	const struct ops_range *to;

	if ((how == 0 || (how == 2 && record[PLACE] & 8)) && live)
		return live->last - live->first + 1;
	if (how == 1 && view->count) {
		to = &view->live[n % view->count];
		if (to->last >= iova)
			return to->last - iova + 1;
	}
	/* No memory is as large as most of what ends with the space. */
	if (how == 3 && 0 - iova <= 64 * OPS_PAGE)
		return 0 - iova;
	/* Every end of UNMAP is tested, and nearly every MAP of such a size is refused. */
	if (how == 3 && kind == OP_UNMAP && n & 1)
		return 0 - iova;
	if (how == 3 && (n % 4 == 0 || kind == OP_UNMAP))
		return decode_special_size(n / 4, iova);
	/* Small ones leave room for others beside them. */
	return (1 + n % (n < 32 ? 4 : 16)) * OPS_PAGE;
}

/* What callers get wrong, one in sixteen of them. */
static bool has_flags(enum op_kind kind)
{
	return kind <= OP_UNMAP_ALL;
}

/* Where flags and kind disagree, flags are what counts. */
static enum op_kind kind_of_flags(const struct op *op)
{
	if (op->kind == OP_MAP || op->kind == OP_REVALIDATE)
		return op->flags & VFIO_DMA_MAP_FLAG_VADDR ? OP_REVALIDATE : OP_MAP;
	if (op->flags & VFIO_DMA_UNMAP_FLAG_ALL)
		return OP_UNMAP_ALL;
	return op->flags & VFIO_DMA_UNMAP_FLAG_VADDR ? OP_INVALIDATE : OP_UNMAP;
}

static void decode_mistake(struct op *op, const uint8_t *record)
{
	const uint8_t byte = record[MISTAKE];

	if (byte < 0xf0)
		return;
	switch (byte & 15) {
	case 0:
		op->iova += OPS_PAGE / 2;
		break;
	case 1:
		op->argsz = 16;
		break;
	case 2:
		op->flags |= 8;
		break;
	case 3:
		op->flags = 0;
		break;
	case 4:
		op->offset += 1;
		break;
	case 5:
	case 8:
		op->offset = 0 - OPS_PAGE - ops_areas[op->area].address; /* wraps from 2 pages on */
		break;
	case 6:
		op->flags |= 4;
		break;
	case 7:
		op->size += OPS_PAGE / 2;
		break;
	case 9:
		/* Flags that do not go together, each as large as it has to be. */
		if (!has_flags(op->kind))
			break;
		op->flags ^= 1u << (record[PLACE] & 3);
		op->kind = kind_of_flags(op);
		if (op->kind != OP_MAP && op->kind != OP_REVALIDATE)
			op->argsz = OPS_DIRTY_ARGSZ;
		break;
	default:
		op->read_only = true;
	}
}

/* Mostly about what is charged by now, so that what comes next fits just so. */
static uint64_t decode_memlock(const uint8_t *record, const struct ops_view *view)
{
	uint64_t pages = 0;

	switch (record[LENGTH] & 3) {
	case 0:
		return record[PLACE] * UINT64_C(16);
	case 1:
		return record[PLACE];
	case 2:
		return record[PLACE] % 16u;
	default:
		for (unsigned i = 0; i < view->count; i++)
			pages += (view->live[i].last - view->live[i].first) / OPS_PAGE + 1;
		return pages + record[PLACE] % 16u;
	}
}

static void decode_value(struct op *op, const uint8_t *record, const struct ops_view *view)
{
	static const uint8_t extension[] = {1, 3, 4, 6, 9, 10, 2, 200};
	static const uint8_t argsz[] = {15, 16, 20, 24, 56, 72, 88, 119, 120, 135, 136, 140};
	uint8_t place = record[PLACE];

	switch (op->kind) {
	case OP_INFO:
		op->value = place < 128 ? 0 : argsz[place % sizeof(argsz)];
		op->read_only = record[LENGTH] >= 192;
		break;
	case OP_MEMORY:
		op->value = place % OPS_CHANGES;
		break;
	case OP_FAIL:
		op->value = 1 + place % 12u;
		break;
	case OP_LIMIT:
		op->value = decode_memlock(record, view);
		break;
	case OP_EXTENSION:
		op->value = extension[place & 7];
		break;
	case OP_TRACK:
		op->value = (place & 3) != 0;
		break;
	default:
		op->value = place & 1;
	}
}

/* Mostly of the large area, whose runs take large pages. */
static unsigned decode_area(const struct ops_setup *setup, uint8_t byte)
{
	static const uint8_t area[16] = {0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5, 5, 5};

	if (area[byte & 15] == 5 && !setup->device_memory)
		return 0;
	return area[byte & 15];
}

/* A change of memory hits what mappings have, which are mostly small: not all of the large area. */
static void decode_memory(struct op *op, const struct ops_setup *setup, const uint8_t *record)
{
	if (!op->area)
		op->area = setup->device_memory ? 5 : 4;
	if (ops_areas[op->area].device)
		op->value %= OPS_RENEW + 1u;
	op->offset = record[MEMORY_HIGH] % ops_areas[op->area].pages * OPS_PAGE;
	op->size = (1 + record[LENGTH] % (ops_areas[op->area].device ? 8u : 32u)) * OPS_PAGE;
	if (record[LENGTH] >= 192) {
		op->offset = 0;
		op->size = ops_areas[op->area].pages * OPS_PAGE;
	}
	if (op->offset + op->size > ops_areas[op->area].pages * OPS_PAGE)
		op->size = ops_areas[op->area].pages * OPS_PAGE - op->offset;
}

static void decode_record(struct op *op, const struct ops_setup *setup, const uint8_t *record,
			  const struct ops_view *view)
{
	enum op_kind kind = decode_kind(setup, record[KIND]);
	const struct ops_range *live = decode_live(record, view, kind);
	unsigned page = record[MEMORY_HIGH] | (record[MEMORY] & 0xf0u) << 4;

	*op = (struct op){
		.kind = kind,
		.iova = decode_iova(record, live, kind),
		.group = record[MEMORY] % OPS_GROUPS,
		.area = decode_area(setup, record[MEMORY]),
		.write = record[FLAGS] & 8,
		.actor = record[FLAGS] >> 5 == 7,
	};
	op->size = decode_size(record, live, op->iova, kind, view);
	/* A few pages are behind the area. */
	op->offset = page % (ops_areas[op->area].pages + 4) * OPS_PAGE;
	decode_value(op, record, view);
	switch (op->kind) {
	case OP_MAP:
		op->argsz = sizeof(struct vfio_iommu_type1_dma_map);
		op->flags = (record[FLAGS] & 3) ? record[FLAGS] & 3 : 3;
		/* Most of what is to be written to what cannot be is refused all alike. */
		if (!ops_areas[op->area].writable && record[FLAGS] & 20)
			op->flags = VFIO_DMA_MAP_FLAG_READ;
		break;
	case OP_REVALIDATE:
		op->argsz = sizeof(struct vfio_iommu_type1_dma_map);
		op->flags = 4;
		break;
	case OP_UNMAP_ALL:
		op->iova = 0;
		op->size = 0;
		op->argsz = sizeof(struct vfio_iommu_type1_dma_unmap);
		op->flags = record[FLAGS] & 16 ? 6 : 2;
		break;
	case OP_MEMORY:
		decode_memory(op, setup, record);
		return;
	default:
		op->argsz = sizeof(struct vfio_iommu_type1_dma_unmap);
		op->flags = op->kind == OP_INVALIDATE ? 4 : 0;
		if (op->kind == OP_UNMAP && (record[FLAGS] & 28) == 28) {
			op->argsz = OPS_DIRTY_ARGSZ;
			op->flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
		}
	}
	/* Giving a mapping an address is what another process is there for. */
	if (op->kind == OP_REVALIDATE || op->kind == OP_EXEC)
		op->actor = record[FLAGS] >> 7;
	if (op->kind != OP_DMA)
		decode_mistake(op, record);
}

/* ---- literals ---- */

static uint64_t get_number(const uint8_t *bytes, unsigned count)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < count; i++)
		number |= (uint64_t)bytes[i] << (8 * i);
	return number;
}

static void put_number(uint8_t *bytes, unsigned count, uint64_t number)
{
	for (unsigned i = 0; i < count; i++)
		bytes[i] = (uint8_t)(number >> (8 * i));
}

static void decode_literal(struct op *op, const uint8_t *bytes)
{
	uint64_t third = get_number(bytes + 3 * OPS_RECORD, 8);

	*op = (struct op){
		.kind = (enum op_kind)(bytes[KIND] % 64 % OP_KINDS),
		.read_only = bytes[KIND] & 64,
		.actor = bytes[KIND] >> 7,
		.iova = get_number(bytes + OPS_RECORD, 8),
		.size = get_number(bytes + 2 * OPS_RECORD, 8),
		.offset = third - ops_areas[0].address,
		.value = third,
	};
	if (has_flags(op->kind)) {
		op->argsz = (uint32_t)get_number(bytes + BASE, 2);
		if (op->argsz == UINT16_MAX)
			op->argsz = UINT32_MAX;
		op->flags = (uint32_t)get_number(bytes + LENGTH, 4);
		op->kind = kind_of_flags(op);
	} else {
		op->group = bytes[MEMORY] % OPS_GROUPS;
		op->write = bytes[FLAGS] & 8;
	}
	/* A device's 8 bytes lie in one page; a limit is not more than all pages there are. */
	if (op->kind == OP_DMA)
		op->iova &= ~(OPS_PAGE - 1);
	if (op->kind == OP_LIMIT && op->value > UINT64_MAX / OPS_PAGE)
		op->value = UINT64_MAX / OPS_PAGE;
	if (op->kind == OP_PRIVILEGE || op->kind == OP_HUGEPAGES || op->kind == OP_TRACK)
		op->value = op->value != 0;
	if (op->kind == OP_MEMORY) {
		op->offset = op->iova - ops_areas[0].address;
		op->value %= OPS_CHANGES;
	}
}

size_t ops_encode(const struct op *op, uint8_t *bytes)
{
	bool map = op->kind == OP_MAP || op->kind == OP_REVALIDATE;

	if (has_flags(op->kind) && op->argsz >= UINT16_MAX && op->argsz != UINT32_MAX)
		return 0;
	memset(bytes, 0, OPS_BYTES_MAX);
	bytes[KIND] = (uint8_t)(op->kind | (op->read_only ? 64u : 0u) | op->actor << 7);
	bytes[MISTAKE] = OPS_LITERAL;
	if (has_flags(op->kind)) {
		put_number(bytes + BASE, 2, op->argsz);
		put_number(bytes + LENGTH, 4, op->flags);
	} else {
		bytes[MEMORY] = (uint8_t)op->group;
		bytes[FLAGS] = op->write ? 8 : 0;
	}
	put_number(bytes + OPS_RECORD, 8, op->kind == OP_MEMORY ? op_vaddr(op) : op->iova);
	put_number(bytes + 2 * OPS_RECORD, 8, op->size);
	put_number(bytes + 3 * OPS_RECORD, 8, map ? op_vaddr(op) : op->value);
	return OPS_BYTES_MAX;
}

void ops_decode(struct op *op, const struct ops_setup *setup, const uint8_t *data, size_t size,
		size_t at, const struct ops_view *view)
{
	uint8_t whole[OPS_BYTES_MAX] = {0};

	if (data[at + MISTAKE] != OPS_LITERAL) {
		decode_record(op, setup, data + at, view);
		return;
	}
	memcpy(whole, data + at, size - at < OPS_BYTES_MAX ? size - at : OPS_BYTES_MAX);
	decode_literal(op, whole);
}

/* ---- what lives ---- */

static void forget(struct ops_view *view, uint64_t first, uint64_t last)
{
	for (unsigned i = view->count; i-- > 0;)
		if (view->live[i].first >= first && view->live[i].first <= last)
			view->live[i] = view->live[--view->count];
}

void ops_done(struct ops_view *view, bool joined[OPS_GROUPS], const struct op *op, uint64_t bytes)
{
	uint64_t last = op->iova + op->size - 1;
	bool any = false;

	switch (op->kind) {
	case OP_MAP:
		if (view->count < OPS_LIVE)
			view->live[view->count++] = (struct ops_range){op->iova, last};
		break;
	case OP_UNMAP_ALL:
		if (bytes && !(op->flags & VFIO_DMA_UNMAP_FLAG_VADDR))
			forget(view, 0, UINT64_MAX);
		break;
	case OP_UNMAP:
		if (bytes)
			forget(view, op->iova, last);
		break;
	case OP_JOIN:
	case OP_LEAVE:
		joined[op->group] = op->kind == OP_JOIN;
		for (unsigned i = 0; i < OPS_GROUPS; i++)
			any |= joined[i];
		if (!any)
			view->count = 0;
		break;
	default:
		break;
	}
}

/* ---- text ---- */

static void text_range(const struct op *op, char *text, size_t len)
{
	bool map = op->kind == OP_MAP || op->kind == OP_REVALIDATE;
	const char *verb = map ? "map_raw" : "unmap";
	size_t usual_argsz = map ? sizeof(struct vfio_iommu_type1_dma_map)
				 : sizeof(struct vfio_iommu_type1_dma_unmap);
	int at = snprintf(text, len, "%s c iova=0x%" PRIx64 " size=0x%" PRIx64 " flags=%" PRIu32,
			  verb, op->iova, op->size, op->flags);

	if (at > 0 && (size_t)at < len && map)
		at += snprintf(text + at, len - (size_t)at, " vaddr=0x%" PRIx64, op_vaddr(op));
	if (at > 0 && (size_t)at < len && op->argsz != usual_argsz)
		at += snprintf(text + at, len - (size_t)at, " argsz=%" PRIu32, op->argsz);
	if (at > 0 && (size_t)at < len && op_has_bitmap(op))
		snprintf(text + at, len - (size_t)at, " pgsize=4096 bitmap_size=%" PRIu64,
			 op_bitmap_bytes(op));
}

static void text_memory(const struct op *op, char *text, size_t len)
{
	static const char *const name[OPS_CHANGES] = {"unmap",     "renew",      "no access",
						      "read only", "read write", "discard"};

	snprintf(text, len, "# memory of process %u: %s 0x%" PRIx64 " size=0x%" PRIx64, op->actor,
		 name[op->value], op_vaddr(op), op->size);
}

void ops_text(const struct op *op, char *text, size_t len)
{
	switch (op->kind) {
	case OP_JOIN:
		snprintf(text, len, "set_container g%u c", op->group);
		break;
	case OP_LEAVE:
		snprintf(text, len, "unset_container g%u", op->group);
		break;
	case OP_DMA:
		snprintf(text, len, "# device d%u %s 8 bytes at 0x%" PRIx64, op->group,
			 op->write ? "writes" : "reads", op->iova + 16);
		break;
	case OP_LIMIT:
		snprintf(text, len, "rlimit_memlock %" PRIu64, op->value * OPS_PAGE);
		break;
	case OP_PRIVILEGE:
		snprintf(text, len, "# caps=%s", op->value ? "all" : "no_ipc_lock");
		break;
	case OP_HUGEPAGES:
		snprintf(text, len, "param disable_hugepages %" PRIu64, op->value);
		break;
	case OP_TRACK:
		snprintf(text, len, "dirty c %s", op->value ? "start" : "stop");
		break;
	case OP_DIRTY:
		snprintf(text, len,
			 "dirty c get iova=0x%" PRIx64 " size=0x%" PRIx64
			 " pgsize=4096 bitmap_size=%" PRIu64,
			 op->iova, op->size, op_bitmap_bytes(op));
		break;
	case OP_INFO:
		snprintf(text, len, "%sinfo c", op->value || op->read_only ? "# " : "");
		break;
	case OP_MEMORY:
		text_memory(op, text, len);
		break;
	case OP_FORK:
		snprintf(text, len, "# fork");
		break;
	case OP_EXEC:
		snprintf(text, len, "# process %u: exec", op->actor);
		break;
	case OP_EXIT:
		snprintf(text, len, "# process 1: exit");
		break;
	case OP_FAIL:
		snprintf(text, len, "# the next map meets a failure, occasion %" PRIu64, op->value);
		break;
	case OP_EXTENSION:
		snprintf(text, len, "check_extension c %" PRIu64, op->value);
		break;
	default:
		text_range(op, text, len);
	}
}
