// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference for several containers: pages that devices hold, what they copy and reach, and
 * what is dirty. See multi.h.
 */
#include "multi.h"

#include <errno.h>
#include <string.h>

#define V(major, minor) MULTI_V(major, minor)

/* ---- pages for devices ---- */

void multi_mark(const struct multi *m, unsigned c, struct multi_map *map, uint64_t page, bool sure)
{
	if (!m->container[c].tracking)
		return;
	if (sure)
		map->must[page / 64] |= UINT64_C(1) << (page % 64);
	else
		map->may[page / 64] |= UINT64_C(1) << (page % 64);
}

static int pin_page(struct multi *m, const struct multi_op *op, uint64_t iova)
{
	struct multi_map *map = multi_find(m, op->container, iova);
	uint64_t page;

	if (!map)
		return EINVAL;
	if (op->flags & ~map->prot)
		return EPERM;
	page = (iova - map->iova) / MULTI_PAGE;
	if (!map->pins[page]) {
		if (!multi_is_memory(map->vaddr + page * MULTI_PAGE, map->prot & 2))
			return EFAULT;
		if (!multi_has_domain(m, op->container) && !map->lock_cap &&
		    multi_charge(m) + 1 > m->limit)
			return ENOMEM;
		multi_mark(m, op->container, map, page, true);
	}
	map->pins[page]++;
	return 0;
}

static void unpin_page(struct multi *m, const struct multi_op *op, uint64_t iova)
{
	struct multi_map *map = multi_find(m, op->container, iova);
	uint64_t page = (iova - map->iova) / MULTI_PAGE;

	if (map->pins[page])
		map->pins[page]--;
}

struct multi_answer multi_do_pin(struct multi *m, const struct multi_op *op)
{
	struct multi_answer answer = {0};

	if (op->size > 512)
		return (struct multi_answer){.error = E2BIG};
	if (!m->container[op->container].v2)
		return (struct multi_answer){.error = EACCES};
	if (multi_any_invalid(&m->container[op->container]))
		return (struct multi_answer){.error = EBUSY};
	for (uint64_t i = 0; i < op->size; i++) {
		answer.error = pin_page(m, op, op->iova + i * MULTI_PAGE);
		if (!answer.error)
			continue;
		while (i-- > 0)
			unpin_page(m, op, op->iova + i * MULTI_PAGE);
		return answer;
	}
	if (op->group < MULTI_IOMMU)
		m->tracks[op->group] = true;
	answer.value = op->size;
	return answer;
}

struct multi_answer multi_do_unpin(struct multi *m, const struct multi_op *op)
{
	uint64_t i = 0;

	if (!m->container[op->container].v2)
		return (struct multi_answer){.error = EACCES};
	for (; i < op->size && multi_find(m, op->container, op->iova + i * MULTI_PAGE); i++)
		unpin_page(m, op, op->iova + i * MULTI_PAGE);
	return (struct multi_answer){.error = i ? 0 : EINVAL, .value = i};
}

/*
 * A mapping's part of it is done as a whole, and only then the pages are dirty. What runs past
 * the end of the space goes on at 0.
 */
int multi_do_rw(struct multi *m, const struct multi_op *op)
{
	uint64_t at = op->iova, left = op->size;

	if (multi_any_invalid(&m->container[op->container]))
		return EBUSY;
	while (left) {
		struct multi_map *map = multi_find(m, op->container, at);
		uint64_t part, from, to;

		if (!map)
			return EINVAL;
		if (!(map->prot & 1) || (op->write && !(map->prot & 2)))
			return EPERM;
		part = left - 1 < map->last - at ? left : map->last - at + 1;
		from = (at - map->iova) / MULTI_PAGE;
		to = (at + (part - 1) - map->iova) / MULTI_PAGE;
		for (uint64_t page = from; page <= to; page++)
			if (!multi_is_memory(map->vaddr + page * MULTI_PAGE, op->write))
				return EFAULT;
		for (uint64_t page = from; op->write && page <= to; page++)
			multi_mark(m, op->container, map, page, true);
		at += part;
		left -= part;
	}
	return 0;
}

/* ---- DMA, dirty pages ---- */

enum multi_dma multi_dma(struct multi *m, unsigned group, uint64_t iova, bool write,
			 uint64_t *vaddr)
{
	const struct multi_map *map;

	if (iova >= 0xfee00000 && iova <= 0xfeefffff)
		return MULTI_DMA_UNKNOWN;
	if (m->in[group] < 0)
		return multi_reserves(m, group, iova, iova) ? MULTI_DMA_UNKNOWN : MULTI_DMA_FAULTS;
	if (multi_near_stray(&m->container[m->in[group]], iova, iova))
		return MULTI_DMA_UNKNOWN;
	map = multi_find(m, (unsigned)m->in[group], iova);
	if (!map)
		return MULTI_DMA_FAULTS;
	/* Some kernels let devices read what is there for writing only. */
	if (!(map->prot & (write ? 2 : 1)))
		return write ? MULTI_DMA_FAULTS : MULTI_DMA_UNKNOWN;
	*vaddr = map->vaddr + (iova - map->iova);
	return MULTI_DMA_WORKS;
}

void multi_dirty(const struct multi *m, unsigned c, const struct multi_map *map, uint64_t page,
		 bool *must, bool *may)
{
	uint64_t bit = UINT64_C(1) << (page % 64);

	*must = map->must[page / 64] & bit;
	for (unsigned i = 0; i < MULTI_IOMMU; i++)
		*must |= m->in[i] == (int)c && !m->tracks[i];
	*may = *must || map->may[page / 64] & bit || m->container[c].shifted;
}

void multi_dirty_done(struct multi_map *map)
{
	memset(map->must, 0, sizeof(map->must));
	memset(map->may, 0, sizeof(map->may));
	for (uint64_t i = 0; i < multi_pages_of(map); i++)
		if (map->pins[i])
			map->must[i / 64] |= UINT64_C(1) << (i % 64);
}

int multi_do_track(struct multi *m, const struct multi_op *op)
{
	struct multi_container *c = &m->container[op->container];

	if (!multi_is_member(m, op->container))
		return EINVAL;
	if (m->kernel < V(5, 8))
		return ENOTTY;
	if (!c->v2)
		return EACCES;
	for (unsigned i = 0; i < c->maps && op->value && !c->tracking; i++)
		multi_dirty_done(&c->map[i]);
	if (!op->value)
		c->shifted = false;
	c->tracking = op->value;
	return 0;
}

int multi_do_dirty(const struct multi *m, const struct multi_op *op)
{
	const struct multi_container *c = &m->container[op->container];

	if (!multi_is_member(m, op->container))
		return EINVAL;
	if (m->kernel < V(5, 8))
		return ENOTTY;
	if (!c->v2)
		return EACCES;
	return !c->tracking || (op->iova | op->size) % MULTI_PAGE || multi_cuts(c, op->iova) ||
			       multi_cuts(c, op->iova + op->size)
		       ? EINVAL
		       : 0;
}
