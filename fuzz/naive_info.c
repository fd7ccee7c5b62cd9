// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a container tells about itself, by the reference: GET_INFO byte by byte, extensions, and
 * bitmaps of dirty pages.
 *
 * Source: the text of <linux/vfio.h> and recordings of the kernels named.
 */
#include "naive.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

/* VFIO_TYPE1_NESTING_IOMMU, which headers from 6.13 on call something else. */
#define NESTING 6u

#define V(major, minor) ((major)*100u + (minor))

/* ---- GET_INFO ---- */

static uint64_t group_pgsizes(const struct naive *naive, unsigned group)
{
	if (naive->platform->amd && naive->kernel >= V(7, 2))
		return UINT64_C(0x7f7ffffff000);
	if (naive->platform->amd)
		return naive->kernel >= V(6, 12) ? UINT64_C(0xfff7ffffff000)
						 : UINT64_C(0xffffff7ffffff000);
	if (naive->kernel < V(5, 12))
		return ~(OPS_PAGE - 1);
	return naive->platform->no_1g[group] ? 0x201000 : 0x40201000;
}

static unsigned usable(const struct naive *naive, struct ops_range range[3])
{
	uint64_t from = 0, last = naive_common_last(naive);
	unsigned holes, count = 0;
	struct ops_range hole[2];

	holes = naive_reserved(naive, hole);
	for (unsigned i = 0; i < holes && hole[i].last < last; i++) {
		range[count++] = (struct ops_range){from, hole[i].first - 1};
		from = hole[i].last + 1;
	}
	range[count++] = (struct ops_range){from, last};
	return count;
}

static uint8_t *put(uint8_t *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*to++ = (uint8_t)(value >> (8 * i));
	return to;
}

/* Number, version, and where the next one begins: behind `bytes` bytes. */
static uint8_t *put_cap(const uint8_t *start, uint8_t *to, unsigned id, unsigned bytes, bool more)
{
	uint64_t next = more ? (uint64_t)(to - start) + bytes : 0;

	return put(put(put(to, id, 2), 1, 2), next, 4);
}

/* Everything that there is to say, with room for all of it; returns its length. */
static size_t tell(const struct naive *naive, uint8_t *buf, uint8_t *care)
{
	unsigned count, avail = naive->kernel < V(6, 6) ? 12 : 16;
	uint64_t pgsizes = UINT64_MAX;
	struct ops_range range[3];
	uint8_t *to = buf + 24;

	for (unsigned i = 0; i < OPS_GROUPS; i++)
		pgsizes &= naive->joined[i] ? group_pgsizes(naive, i) : UINT64_MAX;
	put(buf + 4, naive->kernel < V(4, 4) ? 0 : naive->kernel < V(5, 4) ? 1 : 3, 4);
	put(buf + 8, pgsizes, 8);
	if (naive->kernel < V(5, 4))
		return 16;
	if (naive->kernel >= V(5, 8)) {
		to = put_cap(buf, to, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 32, true);
		to = put(put(put(to, 0, 8), OPS_PAGE, 8), UINT64_C(1) << 28, 8);
		/* The stack's bytes. */
		memset(care + 24 + 12, naive->kernel >= V(6, 6), 4);
	}
	if (naive->kernel >= V(5, 10)) {
		to = put_cap(buf, to, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, avail, true);
		to = put(to, naive->entry_limit - naive->maps, avail - 8);
	}
	count = usable(naive, range);
	to = put(put_cap(buf, to, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 0, false), count, 8);
	for (unsigned i = 0; i < count; i++)
		to = put(put(to, range[i].first, 8), range[i].last, 8);
	return (size_t)(to - buf);
}

struct naive_answer naive_info(const struct naive *naive, const struct op *op, uint8_t *buf,
			       uint8_t *care, size_t len)
{
	uint64_t argsz = op->value ? op->value : len;
	uint8_t all[NAIVE_INFO_MAX] = {0};
	size_t told, head;

	memset(care, 1, len);
	if (argsz < 16)
		return (struct naive_answer){.error = EINVAL};
	if (op->read_only && naive->kernel < V(4, 4))
		return (struct naive_answer){.value = 16};
	if (op->read_only)
		return (struct naive_answer){.error = EFAULT};
	told = tell(naive, all, care);
	head = naive->kernel < V(5, 4) || argsz < 24 ? 16 : 24;
	if (naive->kernel >= V(5, 4) && argsz < 24)
		head = (size_t)argsz;
	put(all, naive->kernel >= V(5, 4) && argsz < told ? told : argsz, 4);
	put(all + 16, argsz < told || told == 16 ? 0 : 24, 8);
	memcpy(buf, all, head);
	if (told > 16 && argsz >= told)
		memcpy(buf, all, told);
	return (struct naive_answer){0};
}

/* ---- CHECK_EXTENSION ---- */

uint64_t naive_extension(const struct naive *naive, uint64_t number)
{
	bool driver = naive->joined[0] || naive->joined[1] || naive->joined[2], snoops = driver;

	for (unsigned i = 0; i < OPS_GROUPS; i++)
		/* From 4.4 on, before 6.1, the whole bus was asked. */
		if (naive->joined[i] || (naive->kernel >= V(4, 4) && naive->kernel < V(6, 1)))
			snoops &= naive->platform->snoops[i];
	return number == VFIO_TYPE1_IOMMU || number == VFIO_TYPE1v2_IOMMU ||
	       (number == VFIO_DMA_CC_IOMMU && snoops) ||
	       (number == NESTING && naive->kernel >= V(4, 4) && naive->kernel < V(6, 17)) ||
	       (number == VFIO_UNMAP_ALL && naive->kernel >= V(5, 12)) ||
	       (number == VFIO_UPDATE_VADDR && naive->kernel >= V(5, 12) && driver);
}

/* ---- dirty pages ---- */

void naive_dirty(const struct naive *naive, const struct op *op, uint64_t page, bool *must,
		 bool *may)
{
	uint64_t word = page / 64;
	unsigned reported = 0;

	*must = *may = false;
	/* Up to 6.17 a range that ends with the space holds nothing. */
	if (naive->kernel < V(6, 18) && op->iova + (op->size - 1) == UINT64_MAX)
		return;
	for (unsigned i = 0; i < naive->maps; i++) {
		const struct naive_map *map = &naive->map[i];
		uint64_t first = (map->iova - op->iova) / OPS_PAGE;
		uint64_t last = (map->last - op->iova) / OPS_PAGE;

		if (map->iova < op->iova || map->last > op->iova + op->size - 1)
			continue;
		/* No device here says what it writes, so all it can reach counts as written. */
		*must |= page >= first && page <= last;
		*may |= word >= first / 64 && word <= last / 64;
		reported++;
	}
	/* Before 5.12 UNMAP took mappings in the order of a tree, and a word that is written once
	 * more, for the first page of the range, loses what others had put there. */
	if (op->kind == OP_UNMAP && naive->kernel < V(5, 12) && reported > 1)
		*must = false;
}
