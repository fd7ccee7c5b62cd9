// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fuzz/multi did as lines of a recording. See multi_run.h.
 *
 * Containers are c0 and c1, groups g0 to g5 and open devices f0 to f5, memory is a0 to a2, at
 * addresses that are aligned as those of the session. What devices give back because they are asked
 * to is no line: "dev_on_unmap" does the same.
 */
#include "multi_run.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char *const device[MULTI_GROUPS] = {"A", "B", "C", "D", "V0", "V1"};

__attribute__((format(printf, 2, 3))) static void say(char *line, const char *format, ...)
{
	const size_t at = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + at, FINDING_LINE - at, format, args);
	va_end(args);
}

/* ---- how a session begins ---- */

static bool has_emulated(void)
{
	return multi_now.group[MULTI_GROUPS - 1] >= 0;
}

__attribute__((format(printf, 2, 3))) static void begin(struct finding *f, const char *format, ...)
{
	char line[FINDING_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	finding_do(f, line);
}

static void print_start(struct finding *f)
{
	const unsigned groups = has_emulated() ? MULTI_GROUPS : MULTI_IOMMU;

	begin(f, "param dma_entry_limit %u", MULTI_MAPS);
	for (unsigned i = 0; i < groups; i++)
		begin(f, "device %s %s", device[i], device[i]);
	for (unsigned i = 0; i < MULTI_AREAS; i++)
		begin(f,
		      "buffer a%u size=0x%" PRIx64 " prot=%s huge=%d kind=shared align=0x%" PRIx64,
		      i, multi_areas[i].pages * MULTI_PAGE, multi_areas[i].writable ? "rw" : "r",
		      multi_areas[i].huge, multi_areas[i].address);
	for (unsigned i = 0; i < MULTI_IOMMU; i++)
		begin(f, "dev_relaxed %s", device[i]);
	for (unsigned i = 0; i < MULTI_CONTAINERS; i++)
		begin(f, "container c%u", i);
	for (unsigned i = 0; i < groups; i++) {
		begin(f, "group g%u %s", i, device[i]);
		begin(f, "dev_on_unmap %s", device[i]);
	}
}

/* ---- lines ---- */

/* "buf=a0 off=0x1000"; false: it is none of the areas, nor behind one. */
static bool say_memory(char *line, uint64_t vaddr)
{
	for (unsigned i = MULTI_AREAS; i-- > 0;) {
		if (vaddr < multi_areas[i].address)
			continue;
		say(line, " buf=a%u off=0x%" PRIx64, i, vaddr - multi_areas[i].address);
		return true;
	}
	return false;
}

static uint64_t bitmap_bytes(uint64_t size)
{
	uint64_t bytes = (size / MULTI_PAGE + 63) / 64 * 8;

	return bytes ? bytes : 8;
}

static void say_unmap(char *line, const struct multi_line *l)
{
	say(line, "unmap c%u iova=0x%" PRIx64 " size=0x%" PRIx64 " flags=%u", l->container, l->iova,
	    l->size, l->flags);
	if (l->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
		say(line, " pgsize=4096 bitmap_size=%" PRIu64, bitmap_bytes(l->size));
}

static void say_map(char *line, const struct multi_line *l)
{
	say(line, "map c%u iova=0x%" PRIx64, l->container, l->iova);
	if (!say_memory(line, l->vaddr)) {
		line[0] = '\0';
		say(line, "map_raw c%u iova=0x%" PRIx64 " vaddr=0x%" PRIx64, l->container, l->iova,
		    l->vaddr);
	}
	say(line, " size=0x%" PRIx64 " flags=%u", l->size, l->flags);
}

static void say_group(char *line, const struct multi_line *l)
{
	switch (l->word) {
	case MULTI_SAY_SET_CONTAINER:
		say(line, "set_container g%u c%u", l->group, l->container);
		break;
	case MULTI_SAY_UNSET_CONTAINER:
		say(line, "unset_container g%u", l->group);
		break;
	case MULTI_SAY_SET_IOMMU:
		say(line, "set_iommu c%u %u", l->container, l->flags);
		break;
	case MULTI_SAY_GET_DEVICE:
		say(line, "get_device f%u g%u %s info=0", l->group, l->group, device[l->group]);
		break;
	case MULTI_SAY_CLOSE:
		say(line, "close f%u", l->group);
		break;
	default:
		say(line, "reset f%u", l->group);
	}
}

static void say_device(char *line, const struct multi_line *l)
{
	static const char *const prots[] = {"none", "r", "w", "rw"};

	switch (l->word) {
	case MULTI_SAY_PIN:
		say(line, "dev_pin %s iova=0x%" PRIx64 " pages=%" PRIu64 " prot=%s",
		    device[l->group], l->iova, l->size, prots[l->flags & 3]);
		break;
	case MULTI_SAY_UNPIN:
		say(line, "dev_unpin %s iova=0x%" PRIx64 " pages=%" PRIu64, device[l->group],
		    l->iova, l->size);
		break;
	case MULTI_SAY_RW:
		say(line, "dev_rw %s iova=0x%" PRIx64 " len=%" PRIu64 " write=%u kernel=%u",
		    device[l->group], l->iova, l->size, l->flags & 1, l->flags >> 1);
		break;
	default:
		say(line, "dev_%s %s iova=0x%" PRIx64 " len=8", l->flags ? "write" : "read",
		    device[l->group], l->iova);
		if (l->flags)
			say(line, " seed=%" PRIu64, l->size);
	}
}

static void line_of(char *line, const struct multi_line *l)
{
	line[0] = '\0';
	switch ((enum multi_word)l->word) {
	case MULTI_SAY_MAP:
		say_map(line, l);
		break;
	case MULTI_SAY_UNMAP:
		say_unmap(line, l);
		break;
	case MULTI_SAY_TRACK:
		say(line, "dirty c%u raw flags=%u", l->container, l->flags);
		break;
	case MULTI_SAY_DIRTY:
		say(line,
		    "dirty c%u get iova=0x%" PRIx64 " size=0x%" PRIx64
		    " pgsize=4096 bitmap_size=%" PRIu64,
		    l->container, l->iova, l->size, bitmap_bytes(l->size));
		break;
	case MULTI_SAY_LIMIT:
		say(line, "rlimit_memlock %" PRIu64, l->size);
		break;
	case MULTI_SAY_RARE:
		say(line, "rare %s", *multi_rarity(l->flags) ? multi_rarity(l->flags) : "off");
		break;
	case MULTI_SAY_INJECT:
		say(line, "inject %s nth=%" PRIu64, multi_selector(l->flags), l->size);
		break;
	case MULTI_SAY_INJECT_OFF:
		say(line, "inject off");
		break;
	case MULTI_SAY_EXIT:
		say(line, "exit");
		break;
	case MULTI_SAY_PIN:
	case MULTI_SAY_UNPIN:
	case MULTI_SAY_RW:
	case MULTI_SAY_DMA:
		say_device(line, l);
		break;
	default:
		say_group(line, l);
	}
}

/* What a line needs before it: one rarity ends before the next; a device reads what was just put
 * there; capabilities come with a limit of their own. */
static void before(struct finding *f, const struct multi_line *l)
{
	char line[FINDING_LINE] = "";

	if (l->word == MULTI_SAY_RARE && *multi_rarity(l->flags))
		finding_do(f, "rare off");
	if (l->word == MULTI_SAY_LIMIT)
		finding_do(f, l->flags ? "# caps=all" : "# caps=no_ipc_lock");
	if (l->word != MULTI_SAY_DMA || l->flags || !l->vaddr)
		return;
	for (unsigned i = 0; i < MULTI_AREAS; i++)
		if (multi_areas[i].writable &&
		    l->vaddr - multi_areas[i].address < multi_areas[i].pages * MULTI_PAGE) {
			say(line, "fillseq a%u off=0x%" PRIx64 " size=8 seed=%" PRIu64, i,
			    l->vaddr - multi_areas[i].address, l->size);
			finding_do(f, line);
		}
}

/* ---- the whole ---- */

static void print_line(struct finding *f, const struct multi_line *l)
{
	char line[FINDING_LINE];

	before(f, l);
	line_of(line, l);
	finding_line(f, l->rc, line);
}

void multi_print(struct finding *f, FILE *out, unsigned end)
{
	const struct author_cfg cfg = {.name = "multi",
				       .kernel = multi_now.kernel,
				       .platform = multi_now.m.platform->preset,
				       .platform_file = multi_now.m.platform->text,
				       .container = "type1",
				       .strict = true};

	finding_begin(f, out, &cfg);
	print_start(f);
	for (unsigned i = 0; i < end; i++)
		print_line(f, &multi_now.line[i]);
}

void multi_print_mark(struct finding *f, const char *what)
{
	fprintf(stderr, "# ^^^ multi: %s\n", what);
	finding_end(f);
	abort();
}

void multi_fail_answer(const char *what, const char *wanted, const char *key)
{
	const struct multi_line *l = &multi_now.line[multi_now.answered];
	char line[FINDING_LINE];
	struct finding f;

	multi_print(&f, stderr, multi_now.answered);
	before(&f, l);
	line_of(line, l);
	if (key)
		finding_want_field(&f, line, key, 0, wanted);
	else
		finding_want(&f, line, wanted);
	multi_print_mark(&f, what);
}

void multi_fail_number(const char *what, const char *key, uint64_t expected)
{
	char wanted[32];

	snprintf(wanted, sizeof(wanted), "0x%" PRIx64, expected);
	multi_fail_answer(what, wanted, key);
}

void multi_fail_asked(const char *what, const char *line, const char *wanted)
{
	struct finding f;

	multi_print(&f, stderr, multi_now.lines);
	finding_want(&f, line, wanted);
	multi_print_mark(&f, what);
}

void multi_fail_counts(const char *what, const char *fields)
{
	struct finding f;

	multi_print(&f, stderr, multi_now.lines);
	finding_want_fields(&f, "stats", fields);
	multi_print_mark(&f, what);
}

void multi_fail_reached(const char *what, unsigned group, uint64_t iova)
{
	char line[FINDING_LINE] = "";
	unsigned joins = multi_now.lines;
	struct finding f;

	/* The transfers that follow are of no interest. */
	while (joins && multi_now.line[joins - 1].word != MULTI_SAY_SET_CONTAINER)
		joins--;
	joins -= joins != 0;
	multi_print(&f, stderr, joins);
	say(line, "dev_watch %s iova=0x%" PRIx64, device[group], iova);
	finding_do(&f, line);
	for (unsigned i = joins; i < multi_now.lines && multi_now.line[i].word != MULTI_SAY_DMA;
	     i++)
		print_line(&f, &multi_now.line[i]);
	snprintf(line, sizeof(line), "dev_watched %s", device[group]);
	finding_want(&f, line, "ret=0 reached=0");
	multi_print_mark(&f, what);
}

/* As "fillseq" and "dev_write" make bytes of a seed. */
static uint32_t crc_of(uint32_t seed)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < sizeof(bytes); i++) {
		seed = seed * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(seed >> 24);
	}
	return (uint32_t)crc32(crc32(0, NULL, 0), bytes, sizeof(bytes));
}

void multi_fail_bytes(const char *what)
{
	const struct multi_line *l = &multi_now.line[multi_now.answered];
	char line[FINDING_LINE] = "", wanted[64];

	snprintf(wanted, sizeof(wanted), "ret=0 crc32=0x%08x", crc_of((uint32_t)l->size));
	if (!l->flags)
		multi_fail_answer(what, wanted, NULL);
	for (unsigned i = 0; i < MULTI_AREAS; i++)
		if (l->vaddr - multi_areas[i].address < multi_areas[i].pages * MULTI_PAGE)
			say(line, "check a%u off=0x%" PRIx64 " size=8", i,
			    l->vaddr - multi_areas[i].address);
	multi_fail_asked(what, line, wanted);
}
