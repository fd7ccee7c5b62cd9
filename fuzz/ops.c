// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records to operations, operations to text, and changes of inputs that keep records whole.
 *
 * Record: kind, base, place, length, two bytes of memory, flags, mistake. Invariant: decoding reads
 * nothing but the head, the record and the live mappings.
 */
#include "ops.h"

#include "prng.h"

#include <inttypes.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

/* Where a recording's buffers lie, so that the text of a session replays at the same addresses. */
#define AREA(k) (UINT64_C(0x1000000000) * (k) + 0x200000)

const struct ops_area ops_areas[OPS_AREAS] = {
	{"h", AREA(1), 1100, true, true},
	{"b", AREA(2), 64, true, false},
	{"r", AREA(3), 40, false, false},
};

const struct ops_platform ops_platforms[OPS_PLATFORMS] = {
	{"vtd48", {"A", "B", "G"}, {48, 48, 48}, {true, true, true}, {false}, false},
	{"vtd39", {"A", "B", "G"}, {39, 39, 39}, {false}, {false}, false},
	{"two-drhd", {"nic0", "disk0", "edu0"}, {48, 48, 48}, {true, false, false}, {false}, false},
	{"narrow",
	 {"wide0", "narrow0", "wide1"},
	 {48, 39, 48},
	 {true, false, true},
	 {false, true, false},
	 false},
	{"amdvi", {"A", "B", "G"}, {64, 64, 64}, {true, true, true}, {false}, true},
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
	[OP_DIRTY] = 3,     [OP_INFO] = 2,      [OP_EXTENSION] = 1,
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
		.entry_limit = head[2] & 4 ? 1 + head[3] % 16u : 65535,
	};
	swarm(setup, (uint64_t)head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16);
}

unsigned ops_count(size_t size)
{
	size_t count = size < OPS_HEAD ? 0 : (size - OPS_HEAD) / OPS_RECORD;

	return count < OPS_MAX ? (unsigned)count : OPS_MAX;
}

/* ---- records ---- */

enum { KIND, BASE, PLACE, LENGTH, MEMORY, MEMORY_HIGH, FLAGS, MISTAKE };

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

static uint64_t decode_iova(const uint8_t *record, const struct ops_range *live)
{
	unsigned place = record[PLACE];

	if (!live && (record[BASE] & 7) == 7)
		return borders[(record[BASE] >> 3) % BORDERS] + (place >> 4) * OPS_PAGE -
		       (place & 15) * OPS_PAGE;
	if (!live)
		return POOL + place % 96 * OPS_PAGE;
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
	static const uint64_t fixed[] = {512, 513, 1024, 511, 64, 65, 1099, 128};

	switch (which) {
	case 8:
		return 0;
	case 9:
		return OPS_PAGE / 2;
	case 10:
		return 0 - iova; /* ends with the space */
	case 11:
		return OPS_PAGE - iova; /* wraps by a page */
	case 12:
		return 0 - OPS_PAGE;
	case 13:
		return UINT64_C(1) << 63;
	case 14:
		return OPS_PAGE + 1;
	case 15:
		return OPS_PAGE;
	default:
		return fixed[which] * OPS_PAGE;
	}
}

static uint64_t decode_size(const uint8_t *record, const struct ops_range *live, uint64_t iova,
			    const struct ops_view *view)
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
	if (how == 3 && n >= 48)
		return decode_special_size(n - 48, iova);
	return (1 + n % 16) * OPS_PAGE;
}

/* What callers get wrong, one in sixteen of them. */
static void decode_mistake(struct op *op, uint8_t byte)
{
	if (byte < 0xf0)
		return;
	switch (byte & 7) {
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
		op->offset = 0 - OPS_PAGE - ops_areas[op->area].address; /* wraps from 2 pages on */
		break;
	case 6:
		op->flags |= 4;
		break;
	default:
		op->size += OPS_PAGE / 2;
	}
}

static void decode_value(struct op *op, const uint8_t *record)
{
	static const uint8_t extension[] = {1, 3, 4, 6, 9, 10, 2, 200};

	switch (op->kind) {
	case OP_LIMIT:
		op->value = record[LENGTH] & 1 ? record[PLACE] : record[PLACE] * 16u;
		break;
	case OP_EXTENSION:
		op->value = extension[record[PLACE] & 7];
		break;
	case OP_TRACK:
		op->value = (record[PLACE] & 3) != 0;
		break;
	default:
		op->value = record[PLACE] & 1;
	}
}

void ops_decode(struct op *op, const struct ops_setup *setup, const uint8_t *data, unsigned n,
		const struct ops_view *view)
{
	const uint8_t *record = data + OPS_HEAD + (size_t)n * OPS_RECORD;
	enum op_kind kind = decode_kind(setup, record[KIND]);
	const struct ops_range *live = decode_live(record, view, kind);
	unsigned page = record[MEMORY_HIGH] | (record[MEMORY] & 0xf0u) << 4;

	*op = (struct op){
		.kind = kind,
		.iova = decode_iova(record, live),
		.group = record[MEMORY] % OPS_GROUPS,
		.area = (record[MEMORY] & 7) < 4   ? 0
			: (record[MEMORY] & 7) < 7 ? 1
						   : 2,
		.write = record[FLAGS] & 8,
	};
	op->size = decode_size(record, live, op->iova, view);
	/* A few pages are behind the area. */
	op->offset = page % (ops_areas[op->area].pages + 4) * OPS_PAGE;
	decode_value(op, record);
	switch (op->kind) {
	case OP_MAP:
		op->argsz = sizeof(struct vfio_iommu_type1_dma_map);
		op->flags = (record[FLAGS] & 3) ? record[FLAGS] & 3 : 3;
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
	default:
		op->argsz = sizeof(struct vfio_iommu_type1_dma_unmap);
		op->flags = op->kind == OP_INVALIDATE ? 4 : 0;
	}
	if (op->kind != OP_DMA)
		decode_mistake(op, record[MISTAKE]);
}

/* ---- text ---- */

static void text_range(const struct op *op, char *text, size_t len)
{
	const char *verb = op->kind == OP_MAP || op->kind == OP_REVALIDATE ? "map_raw" : "unmap";
	int at = snprintf(text, len, "%s c iova=0x%" PRIx64 " size=0x%" PRIx64 " flags=%" PRIu32,
			  verb, op->iova, op->size, op->flags);

	if (at > 0 && (size_t)at < len && verb[0] == 'm')
		at += snprintf(text + at, len - (size_t)at, " vaddr=0x%" PRIx64, op_vaddr(op));
	if (at > 0 && (size_t)at < len && op->argsz == 16)
		snprintf(text + at, len - (size_t)at, " argsz=16");
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
		snprintf(text, len, "info c");
		break;
	case OP_EXTENSION:
		snprintf(text, len, "check_extension c %" PRIu64, op->value);
		break;
	default:
		text_range(op, text, len);
	}
}

/* ---- changing inputs ---- */

static void fill(struct prng *rng, uint8_t *bytes, size_t count)
{
	while (count--)
		*bytes++ = (uint8_t)(prng_next(rng) >> 24);
}

static uint8_t *record_at(uint8_t *data, size_t n)
{
	return data + OPS_HEAD + n * OPS_RECORD;
}

static void swap_records(uint8_t *a, uint8_t *b)
{
	uint8_t keep[OPS_RECORD];

	memcpy(keep, a, OPS_RECORD);
	memcpy(a, b, OPS_RECORD);
	memcpy(b, keep, OPS_RECORD);
}

size_t ops_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct prng rng = {seed};
	size_t count = ops_count(size), most = ops_count(max_size), at;
	unsigned how = (unsigned)prng_below(&rng, 16);

	if (max_size < OPS_HEAD + OPS_RECORD)
		return size < max_size ? size : max_size;
	if (size < OPS_HEAD)
		fill(&rng, data + size, OPS_HEAD - size);
	if (!count || (how < 4 && count < most)) {
		/* One more, new or as another. */
		at = prng_below(&rng, count + 1);
		memmove(record_at(data, at + 1), record_at(data, at), (count - at) * OPS_RECORD);
		if (how < 3 || !count)
			fill(&rng, record_at(data, at), OPS_RECORD);
		else
			memmove(record_at(data, at),
				record_at(data, (at + 1 + prng_below(&rng, count)) % (count + 1)),
				OPS_RECORD);
		return OPS_HEAD + (count + 1) * OPS_RECORD;
	}
	at = prng_below(&rng, count);
	if (how < 6 && count > 1) {
		memmove(record_at(data, at), record_at(data, at + 1),
			(count - at - 1) * OPS_RECORD);
		count--;
	} else if (how < 9) {
		swap_records(record_at(data, at), record_at(data, prng_below(&rng, count)));
	} else if (how < 15) {
		fill(&rng, record_at(data, at) + prng_below(&rng, OPS_RECORD), 1);
	} else {
		fill(&rng, data + prng_below(&rng, OPS_HEAD), 1);
	}
	return OPS_HEAD + count * OPS_RECORD;
}

size_t ops_splice(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
		  size_t max_size, unsigned seed)
{
	struct prng rng = {seed};
	size_t most = ops_count(max_size), head, tail;

	if (a_size < OPS_HEAD || b_size < OPS_HEAD || max_size < OPS_HEAD)
		return 0;
	head = prng_below(&rng, ops_count(a_size) + UINT64_C(1));
	tail = prng_below(&rng, ops_count(b_size) + UINT64_C(1));
	if (head > most)
		head = most;
	if (tail > most - head)
		tail = most - head;
	memcpy(out, a, OPS_HEAD + head * OPS_RECORD);
	memcpy(out + OPS_HEAD + head * OPS_RECORD,
	       b + OPS_HEAD + (ops_count(b_size) - tail) * OPS_RECORD, tail * OPS_RECORD);
	return OPS_HEAD + (head + tail) * OPS_RECORD;
}
