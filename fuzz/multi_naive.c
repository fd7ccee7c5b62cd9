// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference for several containers and emulated devices, rule by rule in the order in which a
 * kernel tests them. See multi.h.
 *
 * Source: the observable behaviour of vfio_iommu_type1 as recorded, and the text of <linux/vfio.h>.
 * What a container costs is one page for each page of each mapping while it has a domain, and one
 * for each page that devices hold while it has none.
 */
#include "multi.h"

#include <errno.h>
#include <string.h>

#define V(major, minor) MULTI_V(major, minor)
#define REPORT_MAX      (UINT64_C(1) << 28) /* bytes that a report of dirty pages is asked for */

void multi_init(struct multi *m, unsigned kernel, const struct multi_setup *setup)
{
	memset(m, 0, sizeof(*m));
	m->kernel = kernel;
	m->platform = &multi_platforms[setup->platform];
	m->lock_cap = true;
	m->limit = UINT32_MAX;
	for (unsigned i = 0; i < MULTI_GROUPS; i++)
		m->in[i] = -1;
	for (unsigned i = 0; i < MULTI_CONTAINERS; i++)
		m->container[i].v2 = setup->v2[i];
}

/* ---- the state, looked at ---- */

static unsigned members(const struct multi *m, unsigned c, unsigned from, unsigned to)
{
	unsigned count = 0;

	for (unsigned i = from; i < to; i++)
		count += m->in[i] == (int)c;
	return count;
}

bool multi_is_member(const struct multi *m, unsigned c)
{
	return members(m, c, 0, MULTI_GROUPS) != 0;
}

bool multi_has_domain(const struct multi *m, unsigned c)
{
	return members(m, c, 0, MULTI_IOMMU) != 0;
}

unsigned multi_emulated(const struct multi *m, unsigned c)
{
	return members(m, c, MULTI_IOMMU, MULTI_GROUPS);
}

uint64_t multi_pages_of(const struct multi_map *map)
{
	return (map->last - map->iova) / MULTI_PAGE + 1;
}

static uint64_t held(const struct multi_map *map)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < multi_pages_of(map); i++)
		count += map->pins[i] != 0;
	return count;
}

uint64_t multi_charge(const struct multi *m)
{
	uint64_t sum = 0;

	for (unsigned c = 0; c < MULTI_CONTAINERS; c++)
		for (unsigned i = 0; i < m->container[c].maps; i++)
			sum += multi_has_domain(m, c) ? multi_pages_of(&m->container[c].map[i])
						      : held(&m->container[c].map[i]);
	return sum;
}

uint64_t multi_pins(const struct multi *m)
{
	uint64_t sum = 0;

	for (unsigned c = 0; c < MULTI_CONTAINERS; c++)
		for (unsigned i = 0; i < m->container[c].maps; i++)
			sum += held(&m->container[c].map[i]) +
			       (multi_has_domain(m, c) ? multi_pages_of(&m->container[c].map[i])
						       : 0);
	return sum;
}

struct multi_map *multi_find(struct multi *m, unsigned c, uint64_t iova)
{
	for (unsigned i = 0; i < m->container[c].maps; i++)
		if (iova >= m->container[c].map[i].iova && iova <= m->container[c].map[i].last)
			return &m->container[c].map[i];
	return NULL;
}

bool multi_is_memory(uint64_t vaddr, bool write)
{
	for (unsigned i = 0; i < MULTI_AREAS; i++)
		if (vaddr >= multi_areas[i].address &&
		    (vaddr - multi_areas[i].address) / MULTI_PAGE < multi_areas[i].pages)
			return multi_areas[i].writable || !write;
	return false;
}

bool multi_any_invalid(const struct multi_container *c)
{
	for (unsigned i = 0; i < c->maps; i++)
		if (c->map[i].invalid)
			return true;
	return false;
}

static bool overlaps(const struct multi_container *c, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < c->maps; i++)
		if (c->map[i].iova <= last && c->map[i].last >= first)
			return true;
	return false;
}

/* A mapping has both pages, the one before `iova` and that at it. */
bool multi_cuts(const struct multi_container *c, uint64_t iova)
{
	for (unsigned i = 0; i < c->maps; i++)
		if (c->map[i].iova < iova && c->map[i].last >= iova)
			return true;
	return false;
}

/* ---- what is not known ---- */

bool multi_near_stray(const struct multi_container *c, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < c->strays; i++)
		if (first <= c->stray[i].last && last >= c->stray[i].first)
			return true;
	return false;
}

static bool knows_unmap(const struct multi *m, const struct multi_op *op)
{
	const struct multi_container *c = &m->container[op->container];
	uint64_t last = op->iova + op->size - 1;

	if (m->kernel < V(5, 12) && (op->kind != MULTI_UNMAP || !c->v2))
		return false;
	if (op->kind == MULTI_UNMAP_ALL)
		return true;
	if (op->kind == MULTI_UNMAP && op->flags && op->size > REPORT_MAX)
		return false;
	return last >= op->iova && last != UINT64_MAX &&
	       (op->kind != MULTI_UNMAP || !multi_near_stray(c, op->iova, last));
}

static bool knows_map(const struct multi *m, const struct multi_op *op)
{
	const struct multi_container *c = &m->container[op->container];
	uint64_t last = op->iova + op->size - 1;

	if (last < op->iova || last == UINT64_MAX || op->size > MULTI_PAGES * MULTI_PAGE)
		return false;
	/* Before there was a list of usable addresses, it was the hardware that refused. */
	if (m->kernel < V(5, 4) && last >> 39)
		return false;
	/* Later tables reach farther than the addresses that are said to be usable. */
	if (m->platform->amd && m->kernel >= V(6, 17) && last >> 48)
		return false;
	/* Before there was a limit, the reference has one. */
	if (m->kernel < V(5, 1) && c->maps == MULTI_MAPS)
		return false;
	return c->strays < MULTI_STRAYS && !multi_near_stray(c, op->iova, last);
}

bool multi_knows(const struct multi *m, const struct multi_op *op)
{
	bool emulated = op->group >= MULTI_IOMMU;
	/* Before 6.1 who wants memory without an address waits for it. */
	bool waits = m->kernel < V(6, 1) && multi_any_invalid(&m->container[op->container]);

	if (emulated && m->kernel < V(4, 10))
		return false;
	switch (op->kind) {
	case MULTI_MAP:
		return knows_map(m, op);
	case MULTI_UNMAP:
	case MULTI_UNMAP_ALL:
	case MULTI_INVALIDATE:
		return knows_unmap(m, op);
	case MULTI_REVALIDATE:
		return m->kernel >= V(5, 12) && op->iova + op->size - 1 > op->iova;
	case MULTI_JOIN:
		/* Who shares a domain with whom was decided by what all units could. */
		return emulated || m->kernel >= V(6, 1) || m->platform->unit[op->group] == 1 ||
		       m->platform->unit[0] == m->platform->unit[3];
	case MULTI_DIRTY:
		return op->size <= REPORT_MAX;
	case MULTI_PIN:
	case MULTI_UNPIN:
		return m->kernel >= V(5, 8) && m->in[op->group] >= 0 && !waits;
	case MULTI_RW:
		return m->kernel >= V(5, 10) && m->in[op->group] >= 0 && !waits;
	default:
		return true;
	}
}

/* ---- MAP and UNMAP ---- */

/* Page by page: the first that cannot be pinned, or is one too many, decides. */
int multi_pin_all(const struct multi *m, const struct multi_map *map, bool lock_cap,
		  uint64_t *charge)
{
	for (uint64_t i = 0; i < multi_pages_of(map); i++) {
		if (!multi_is_memory(map->vaddr + i * MULTI_PAGE, map->prot & 2))
			return EFAULT;
		if (map->pins[i])
			continue;
		if (!lock_cap && *charge + 1 > m->limit)
			return ENOMEM;
		++*charge;
	}
	return 0;
}

static int do_map(struct multi *m, const struct multi_op *op)
{
	struct multi_container *c = &m->container[op->container];
	uint64_t last = op->iova + op->size - 1, charge = multi_charge(m);
	struct multi_map *map;
	int error = 0;

	if (!multi_is_member(m, op->container) || (op->iova | op->size | op->vaddr) % MULTI_PAGE)
		return EINVAL;
	if (overlaps(c, op->iova, last))
		return EEXIST;
	if (c->maps == MULTI_MAPS)
		return ENOSPC;
	if (!multi_usable(m, op->container, op->iova, last))
		return EINVAL;
	map = &c->map[c->maps];
	memset(map, 0, sizeof(*map));
	map->iova = op->iova;
	map->last = last;
	map->vaddr = op->vaddr;
	map->prot = op->flags;
	map->lock_cap = m->lock_cap;
	if (multi_has_domain(m, op->container))
		error = multi_pin_all(m, map, m->lock_cap, &charge);
	c->maps += !error;
	return error;
}

static int do_revalidate(struct multi *m, const struct multi_op *op)
{
	struct multi_container *c = &m->container[op->container];
	struct multi_map *map = multi_find(m, op->container, op->iova);
	uint64_t last = op->iova + op->size - 1;

	if (!multi_is_member(m, op->container) || (op->iova | op->size | op->vaddr) % MULTI_PAGE)
		return EINVAL;
	if (!overlaps(c, op->iova, last))
		return ENOENT;
	if (!map || !map->invalid || map->iova != op->iova || map->last != last)
		return EINVAL;
	map->invalid = false;
	return 0;
}

/* Only what starts in the range goes, or loses its address. */
static bool starts_in(const struct multi_map *map, uint64_t first, uint64_t last)
{
	return map->iova >= first && map->iova <= last;
}

static struct multi_answer invalidate(struct multi_container *c, uint64_t first, uint64_t last)
{
	struct multi_answer answer = {0};

	for (unsigned i = 0; i < c->maps; i++)
		if (starts_in(&c->map[i], first, last) && c->map[i].invalid)
			return (struct multi_answer){.error = EINVAL};
	for (unsigned i = 0; i < c->maps; i++)
		if (starts_in(&c->map[i], first, last)) {
			c->map[i].invalid = true;
			answer.value += c->map[i].last - c->map[i].iova + 1;
		}
	return answer;
}

static struct multi_answer do_unmap(struct multi *m, const struct multi_op *op)
{
	struct multi_container *c = &m->container[op->container];
	bool all = op->kind == MULTI_UNMAP_ALL;
	bool vaddr = op->kind == MULTI_INVALIDATE || (all && op->flags);
	uint64_t first = all ? 0 : op->iova, last = all ? UINT64_MAX : op->iova + op->size - 1;
	struct multi_answer answer = {0}, invalid = {.error = EINVAL};

	if (!multi_is_member(m, op->container))
		return invalid;
	if (vaddr && m->kernel >= V(6, 1) && multi_emulated(m, op->container))
		return (struct multi_answer){.error = EBUSY};
	if (!all && (op->iova | op->size) % MULTI_PAGE)
		return invalid;
	if (op->kind == MULTI_UNMAP && op->flags && !c->tracking)
		return invalid;
	if (!all && c->v2 && (multi_cuts(c, first) || multi_cuts(c, last + 1)))
		return invalid;
	if (!all && multi_cuts(c, first))
		return answer;
	if (vaddr)
		return invalidate(c, first, last);
	for (unsigned i = c->maps; i-- > 0;)
		if (starts_in(&c->map[i], first, last)) {
			answer.value += c->map[i].last - c->map[i].iova + 1;
			if (i != --c->maps)
				c->map[i] = c->map[c->maps];
		}
	return answer;
}

/* ---- all of them ---- */

struct multi_answer multi_do(struct multi *m, const struct multi_op *op)
{
	switch (op->kind) {
	case MULTI_MAP:
		return (struct multi_answer){.error = do_map(m, op)};
	case MULTI_UNMAP:
	case MULTI_UNMAP_ALL:
	case MULTI_INVALIDATE:
		return do_unmap(m, op);
	case MULTI_REVALIDATE:
		return (struct multi_answer){.error = do_revalidate(m, op)};
	case MULTI_JOIN:
		return (struct multi_answer){.error = multi_join(m, op)};
	case MULTI_LEAVE:
		return (struct multi_answer){.error = multi_leave(m, op)};
	case MULTI_PIN:
		return multi_do_pin(m, op);
	case MULTI_UNPIN:
		return multi_do_unpin(m, op);
	case MULTI_RW:
		return (struct multi_answer){.error = multi_do_rw(m, op)};
	case MULTI_TRACK:
		return (struct multi_answer){.error = multi_do_track(m, op)};
	case MULTI_DIRTY:
		return (struct multi_answer){.error = multi_do_dirty(m, op)};
	case MULTI_LIMIT:
		m->limit = op->value;
		m->lock_cap = op->write;
		return (struct multi_answer){0};
	default:
		return (struct multi_answer){0};
	}
}
