// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes as operations of several containers. See multi.h.
 */
#include "multi.h"

#include <inttypes.h>
#include <stdio.h>

#define MIB      UINT64_C(0x100000)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *const multi_kernels[MULTI_KERNELS] = {"6.12", "3.14", "5.10", "5.12",
						  "6.1",  "6.18", "7.2"};

#define DEVICE(name, bdf) \
	"{ name = \"" name "\"; bdf = \"" bdf "\"; model = \"edu\"; type = \"rc-endpoint\"; }"
#define DEVICES                                                                                 \
	"machine = { ram = \"64M\"; };\n"                                                       \
	"devices = ( " DEVICE("A", "00:02.0") ", " DEVICE("B", "00:03.0") ",\n" DEVICE(         \
		"C", "00:04.0") ", " DEVICE("D", "00:05.0") " );\n"                             \
							    "emulated = ( { name = \"V0\"; }, " \
							    "{ name = \"V1\"; } );\n"

/* What firmware keeps begins at 0, or is in the middle of what clients use. */
const struct multi_platform multi_platforms[MULTI_PLATFORMS] = {
	{"narrow",
	 "vtd, 48 bits that snoop and 39 that do not",
	 DEVICES
	 "units = ( { name = \"dmar0\"; aw-bits = 39; large-pages = \"2M\";\n"
	 "    snoop-control = false; scope = ( \"00:04.0\", \"00:05.0\" ); },\n"
	 "  { name = \"dmar1\"; aw-bits = 48; large-pages = \"2M,1G\"; snoop-control = true;\n"
	 "    include-all = true; } );\n"
	 "rmrr = ( { first = 0; last = 0xfffff; devices = ( \"00:05.0\" ); },\n"
	 "  { first = 0x3000000; last = 0x30fffff; devices = ( \"00:03.0\" ); } );\n",
	 false,
	 {1, 1, 0, 0},
	 {48, 48, 39, 39},
	 {{0, 0}, {0x3000000, 0x30fffff}, {0, 0}, {0, 0xfffff}}},
	{"vtd-mixed",
	 "vtd, 48 bits and 4 KiB pages that do not snoop, 57 bits that do",
	 DEVICES
	 "units = ( { name = \"dmar0\"; aw-bits = 48; large-pages = \"none\";\n"
	 "    snoop-control = false; caching-mode = true; scope = ( \"00:02.0\" ); },\n"
	 "  { name = \"dmar1\"; aw-bits = 57; large-pages = \"2M,1G\"; snoop-control = true;\n"
	 "    include-all = true; } );\n"
	 "rmrr = ( { first = 0; last = 0x3fff; devices = ( \"00:02.0\" ); } );\n",
	 false,
	 {0, 1, 1, 1},
	 {48, 57, 57, 57},
	 {{0, 0x3fff}, {0, 0}, {0, 0}, {0, 0}}},
	{"amd-mixed",
	 "amd, two units, one of which caches absence",
	 DEVICES
	 "units = ( { type = \"amd\"; name = \"ivhd0\"; include-all = true; levels = 6; },\n"
	 "  { type = \"amd\"; name = \"ivhd1\"; scope = ( \"00:04.0\", \"00:05.0\" );\n"
	 "    levels = 6; np-cache = true; } );\n"
	 "ivmd = ( { first = 0; last = 0xffff; devices = ( \"00:05.0\" ); } );\n",
	 true,
	 {0, 0, 0, 0},
	 {64, 64, 64, 64},
	 {{0, 0}, {0, 0}, {0, 0}, {0, 0xffff}}},
	{"vtd48",
	 "vtd, one unit",
	 DEVICES "units = ( { name = \"dmar0\"; aw-bits = 48; snoop-control = true;\n"
		 "    include-all = true; } );\n",
	 false,
	 {0, 0, 0, 0},
	 {48, 48, 48, 48},
	 {{0, 0}, {0, 0}, {0, 0}, {0, 0}}},
};

const struct multi_area multi_areas[MULTI_AREAS] = {
	{UINT64_C(0x200000000), 1536, true, true},
	{UINT64_C(0x300000000), 96, true, false},
	{UINT64_C(0x400000000), 32, false, false},
};

static const char *const selectors[] = {
	"*",         "type1.*", "iommu.map",    "type1.pin", "alloc",
	"table",     "iommu.*", "type1.page.*", "attach",    "type1.attach.*",
	"pt.*",      "map",     "pin",          "copy-in",   "type1.dirty.bitmap",
	"iommu.map",
};

static const char *const rarities[] = {
	"",          "map.busy",      "map.small-pages", "unmap.short",
	"sync.late", "pin.scattered", "map.busy",        "",
};

const char *multi_rarity(unsigned n)
{
	return rarities[n % COUNT(rarities)];
}

void multi_setup(struct multi_setup *setup, const uint8_t *head)
{
	*setup = (struct multi_setup){
		/* Half of all inputs are of the default kernel. */
		.kernel = head[0] & 1 ? 0 : head[0] / 2 % MULTI_KERNELS,
		.platform = head[1] % MULTI_PLATFORMS,
		.v2 = {(head[1] & 0x1c) != 0, (head[1] & 0x60) != 0},
		.pure = head[1] & 0x80,
		.seed = {head[2], head[3], head[4], head[5]},
		.rare = head[5] >> 5,
		.first = {head[6] % MULTI_GROUPS, head[7] % (2 * MULTI_GROUPS)},
	};
	setup->tracks = head[7] & 0x40;
	/* Alone, emulated devices have their own rules about charges and dirty pages. */
	setup->emulated = (head[6] & 0xc0) == 0xc0;
	if (head[6] & 0x80)
		setup->first[0] = MULTI_IOMMU + head[6] % 2;
}

/* Half of the inputs leave out a quarter of the kinds, the other half fewer. */
static enum multi_kind decode_kind(const struct multi_setup *setup, uint8_t byte)
{
	static const uint8_t weight[MULTI_KINDS] = {
		[MULTI_MAP] = 17,       [MULTI_UNMAP] = 8,      [MULTI_UNMAP_ALL] = 1,
		[MULTI_INVALIDATE] = 4, [MULTI_REVALIDATE] = 4, [MULTI_JOIN] = 9,
		[MULTI_LEAVE] = 5,      [MULTI_PIN] = 8,        [MULTI_UNPIN] = 4,
		[MULTI_RW] = 10,        [MULTI_DMA] = 4,        [MULTI_TRACK] = 5,
		[MULTI_DIRTY] = 8,      [MULTI_LIMIT] = 3,      [MULTI_RARE] = 3,
		[MULTI_RESET] = 1,
	};
	const uint8_t *seed = setup->seed;
	uint32_t off = (seed[0] | (uint32_t)seed[1] << 8) & (seed[2] | (uint32_t)seed[3] << 8);
	unsigned sum = 0, at, effective[MULTI_KINDS];

	if (seed[0] & 1)
		off &= off >> 3;
	off &= ~(1u << MULTI_MAP | 1u << MULTI_JOIN);
	for (unsigned k = 0; k < MULTI_KINDS; k++) {
		effective[k] = off >> k & 1 ? 0 : weight[k];
		sum += effective[k];
	}
	at = byte * sum / 256;
	for (unsigned k = 0; k < MULTI_KINDS; k++) {
		if (at < effective[k])
			return (enum multi_kind)k;
		at -= effective[k];
	}
	return MULTI_MAP;
}

/* Old kernels hand any address down to the hardware: they get those that every unit has. */
static uint64_t decode_border(const struct multi *m, uint8_t byte)
{
	static const uint64_t border[] = {
		0,
		MIB,
		2 * MIB,
		4 * MIB,
		8 * MIB,
		0x3000000,
		0x3100000,
		0x4000000,
		UINT64_C(1) << 32,
		0xfee00000,
		0xfef00000,
		UINT64_C(1) << 38,
		(UINT64_C(1) << 39) - 16 * MULTI_PAGE,
		(UINT64_C(1) << 39) + MIB,
		(UINT64_C(1) << 48) - 2 * MIB,
		UINT64_C(0xfd00000000),
	};

	return border[byte % (m->kernel < MULTI_V(5, 4) ? 9 : 16)];
}

static const struct multi_map *live(const struct multi *m, unsigned c, uint8_t byte)
{
	const struct multi_container *container = &m->container[c];

	return container->maps ? &container->map[byte % container->maps] : NULL;
}

static void decode_range(struct multi_op *op, const uint8_t *record, const struct multi *m)
{
	const struct multi_map *map = live(m, op->container, record[2]);
	unsigned how = record[3] & 7;

	op->iova = decode_border(m, record[2]);
	op->size = (1 + record[4] % 24) * MULTI_PAGE;
	if (how < 3)
		op->iova += (uint64_t)(record[3] >> 3) * MULTI_PAGE;
	else if (how < 5)
		op->iova += (uint64_t)(record[3] >> 3) * 2 * MIB;
	else if (map && how == 5)
		op->iova = map->last + 1;
	else if (map && how == 6)
		op->iova = map->iova + (uint64_t)(record[3] >> 3) * MULTI_PAGE;
	else if (map)
		op->iova = map->iova - (1u + (record[3] >> 5)) * MULTI_PAGE;
	if (record[4] < 0xb0)
		return;
	/* As large as a huge page, or more, and mostly aligned so. */
	op->size = 2 * MIB;
	if (record[4] >= 0xf8)
		op->size = 4 * MIB;
	else if (record[4] & 1)
		op->size += (record[4] & 0x3e) * 8 * MULTI_PAGE;
	if (record[4] & 6)
		op->iova &= ~(2 * MIB - 1);
}

static void decode_map(struct multi_op *op, const uint8_t *record, const struct multi *m)
{
	const struct multi_area *area;
	unsigned which = record[5] % 16;

	decode_range(op, record, m);
	area = &multi_areas[op->size >= 2 * MIB || which < 5 ? 0 : which < 13 ? 1 : 2];
	op->vaddr = area->address + record[6] % (area->pages + 2) * MULTI_PAGE;
	if (area->huge && record[6] & (op->size >= 2 * MIB ? 3 : 1))
		op->vaddr = area->address + (record[6] >> 1) % 3u * 2 * MIB;
	op->flags = record[7] >= 0x40 || !(record[7] & 3) ? 3 : record[7] & 3;
	if (record[7] == 4)
		op->iova += 512;
	if (!area->writable && !(record[7] & 8))
		op->flags = 1;
}

/* A live mapping as a whole, mostly. */
static void decode_unmap(struct multi_op *op, const uint8_t *record, const struct multi *m)
{
	const struct multi_map *map = live(m, op->container, record[2]);

	decode_range(op, record, m);
	op->flags = op->kind == MULTI_UNMAP && m->kernel >= MULTI_V(5, 8) && !(record[5] & 3);
	if (!map || record[3] >= 0xe0)
		return;
	op->iova = map->iova;
	op->size = map->last - map->iova + 1;
	op->vaddr = map->vaddr;
	if (record[4] >= 0xe0)
		op->size += (record[4] & 31) * MULTI_PAGE;
	else if (record[4] >= 0xd0)
		op->iova += MULTI_PAGE;
}

/* Pages, or bytes, in or near a mapping of the device's container. */
static void decode_access(struct multi_op *op, const uint8_t *record, const struct multi *m)
{
	unsigned c = m->in[op->group] < 0 ? 0 : (unsigned)m->in[op->group];
	const struct multi_map *map = live(m, c, record[2]);
	uint64_t pages = map ? (map->last - map->iova) / MULTI_PAGE + 1 : 8;

	op->container = c;
	op->iova = map ? map->iova : decode_border(m, record[2]);
	op->iova += record[3] % (pages + 2) * MULTI_PAGE;
	op->size = op->kind == MULTI_RW ? 1u + record[4] : 1u + record[4] % 8;
	if (op->kind == MULTI_PIN && record[4] == 0xff)
		op->size = 513;
	if (op->kind == MULTI_RW && record[4] >= 0xf0)
		op->size = (record[4] & 7) * 1500u + 1;
	/* Mostly across a border of pages. */
	if (op->kind == MULTI_RW && record[5] & 3)
		op->iova += MULTI_PAGE - 1 - record[5] % 64;
	op->flags = record[7] & 3 ? record[7] & 3 : 3;
	op->write = record[6] & 1;
	op->kernel_thread = record[6] & 2;
}

static void decode_dirty(struct multi_op *op, const uint8_t *record, const struct multi *m)
{
	const struct multi_map *map = live(m, op->container, record[2]), *other;

	decode_range(op, record, m);
	if (!map)
		return;
	op->iova = map->iova;
	op->size = map->last - map->iova + 1;
	other = live(m, op->container, record[3]);
	if (record[4] >= 0xd0 && other->iova > map->iova && other->last - map->iova < 64 * MIB)
		op->size = other->last - map->iova + 1;
	if (record[4] == 0xcf)
		op->size += MULTI_PAGE;
}

/* The next group that is in a container; rather in one with mappings. */
static unsigned next_member(const struct multi *m, unsigned group)
{
	unsigned member = group;

	for (unsigned i = 0; i < MULTI_GROUPS; i++) {
		unsigned other = (group + i) % MULTI_GROUPS;

		if (m->in[other] >= 0 && m->container[m->in[other]].maps)
			return other;
		if (m->in[member] < 0)
			member = other;
	}
	return member;
}

/* Mostly a container that is in use, and a device that is in one. */
static void choose_who(struct multi_op *op, const struct multi *m)
{
	if (op->kind != MULTI_JOIN && !multi_is_member(m, op->container))
		op->container ^= 1;
	if (op->kind == MULTI_PIN || op->kind == MULTI_UNPIN || op->kind == MULTI_RW)
		op->group = next_member(m, op->group);
	for (unsigned i = 0; op->kind == MULTI_LEAVE && i < MULTI_GROUPS && m->in[op->group] < 0;
	     i++)
		op->group = (op->group + 1) % MULTI_GROUPS;
}

static void decode_rest(struct multi_op *op, const uint8_t *record, const struct multi *m)
{
	switch (op->kind) {
	case MULTI_MAP:
		decode_map(op, record, m);
		break;
	case MULTI_UNMAP:
	case MULTI_INVALIDATE:
	case MULTI_REVALIDATE:
		decode_unmap(op, record, m);
		break;
	case MULTI_DMA:
		op->group %= MULTI_IOMMU;
		decode_access(op, record, m);
		break;
	case MULTI_PIN:
	case MULTI_UNPIN:
	case MULTI_RW:
		decode_access(op, record, m);
		break;
	case MULTI_DIRTY:
		decode_dirty(op, record, m);
		break;
	case MULTI_LIMIT:
		op->value = record[2] & 1 ? UINT32_MAX : record[3];
		op->write = record[2] & 2;
		break;
	case MULTI_RARE:
		op->value = record[2] % COUNT(rarities);
		break;
	default:
		op->value = (record[2] & 7) != 0;
		op->flags = record[3] & 1;
	}
}

void multi_decode(struct multi_op *op, const struct multi_setup *setup, const uint8_t *record,
		  const struct multi *m)
{
	*op = (struct multi_op){
		.kind = decode_kind(setup, record[0]),
		.container = record[1] & 0x80 ? 1 : 0,
		.group = record[1] % (m->kernel < MULTI_V(4, 10) ? MULTI_IOMMU : MULTI_GROUPS),
	};
	/* Some have something fail. */
	if (!setup->pure && (record[1] >> 4 & 7) <= (m->kernel < MULTI_V(5, 0) ? 3 : 1) &&
	    op->kind <= MULTI_DIRTY) {
		op->select = record[6] / 2 % COUNT(selectors);
		op->nth = 1 + (record[5] & 1 ? record[7] % 8 : record[7] * 2u);
	}
	if (setup->emulated && op->kind == MULTI_JOIN && m->kernel >= MULTI_V(4, 10))
		op->group = MULTI_IOMMU + op->group % 2;
	choose_who(op, m);
	decode_rest(op, record, m);
}

const char *multi_selector(unsigned n)
{
	return selectors[n % COUNT(selectors)];
}

void multi_plan(const struct multi_op *op, char *text, size_t len)
{
	snprintf(text, len, "%s:nth=%u", selectors[op->select], op->nth);
}
