// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference for several containers: groups that come and go, and the addresses that are usable
 * meanwhile. See multi.h.
 *
 * The list of usable addresses is two ends, and what the groups that are there reserve between
 * them.
 */
#include "multi.h"

#include <errno.h>
#include <string.h>

#define V(major, minor) MULTI_V(major, minor)

static uint64_t aperture_last(const struct multi *m, unsigned group)
{
	unsigned bits = m->platform->amd && m->kernel >= V(6, 17) ? 48 : m->platform->bits[group];

	return bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static unsigned reserved(const struct multi *m, unsigned group, struct multi_range range[3])
{
	unsigned count = 0;

	range[count++] = (struct multi_range){0xfee00000, 0xfeefffff};
	if (m->platform->amd)
		range[count++] =
			(struct multi_range){UINT64_C(0xfd00000000), UINT64_C(0xffffffffff)};
	if (m->platform->direct[group].last)
		range[count++] = m->platform->direct[group];
	return count;
}

bool multi_reserves(const struct multi *m, unsigned group, uint64_t first, uint64_t last)
{
	struct multi_range range[3];
	unsigned count = reserved(m, group, range);

	for (unsigned i = 0; i < count; i++)
		if (first <= range[i].last && last >= range[i].first)
			return true;
	return false;
}

bool multi_usable(const struct multi *m, unsigned c, uint64_t first, uint64_t last)
{
	const struct multi_container *container = &m->container[c];

	if (!container->list_on)
		return true;
	if (first < container->low || last > container->high)
		return false;
	for (unsigned i = 0; i < MULTI_IOMMU; i++)
		if (m->in[i] == (int)c && multi_reserves(m, i, first, last))
			return false;
	return true;
}

/* The list keeps its own ends: what a group reserves there is lost when that group leaves. */
static void trim_ends(struct multi *m, unsigned c)
{
	struct multi_container *container = &m->container[c];
	struct multi_range range[3];

	for (unsigned round = 0; round < 3 * MULTI_IOMMU; round++) {
		unsigned group = round % MULTI_IOMMU, count;

		if (m->in[group] != (int)c)
			continue;
		count = reserved(m, group, range);
		for (unsigned i = 0; i < count; i++) {
			if (range[i].first <= container->low && range[i].last >= container->low)
				container->low = range[i].last + 1;
			if (range[i].first <= container->high && range[i].last >= container->high)
				container->high = range[i].first - 1;
		}
	}
}

static bool unit_is_used(const struct multi *m, unsigned c, unsigned unit)
{
	for (unsigned i = 0; i < MULTI_IOMMU; i++)
		if (m->in[i] == (int)c && m->platform->unit[i] == unit)
			return true;
	return false;
}

/* The first domain of a container gets all mappings, in order of their addresses. */
static int replay(const struct multi *m, unsigned c)
{
	const struct multi_container *container = &m->container[c];
	uint64_t charge = multi_charge(m), from = 0;

	for (;;) {
		const struct multi_map *next = NULL;
		int error;

		for (unsigned i = 0; i < container->maps; i++)
			if (container->map[i].iova >= from &&
			    (!next || container->map[i].iova < next->iova))
				next = &container->map[i];
		if (!next)
			return 0;
		error = multi_pin_all(m, next, next->lock_cap, &charge);
		if (error)
			return error;
		from = next->last + 1;
	}
}

static int join_domain(struct multi *m, const struct multi_op *op)
{
	struct multi_container *c = &m->container[op->container];
	uint64_t end = aperture_last(m, op->group);
	bool list = m->kernel >= V(5, 4);
	/* Up to 6.17 a search to the end of all addresses finds nothing. */
	bool asks = c->list_on && (c->high != UINT64_MAX || m->kernel >= V(6, 18));
	int error = 0;

	for (unsigned i = 0; i < c->maps && list; i++) {
		if (asks && c->map[i].last > end)
			return EINVAL;
		if (multi_reserves(m, op->group, c->map[i].iova, c->map[i].last))
			return EINVAL;
	}
	/* Nobody asked before: the hardware refuses, unless something else does before. */
	for (unsigned i = 0; i < c->maps && !error; i++)
		if (c->map[i].last > end)
			error = MULTI_ANY_ERROR;
	if (!error && !multi_has_domain(m, op->container))
		error = replay(m, op->container);
	/* What was pinned until then nobody gives back. */
	if (error && m->kernel < V(5, 10))
		m->leaky = m->lost = true;
	if (error || !list)
		return error;
	if (!c->list_on) {
		c->low = 0;
		c->high = UINT64_MAX;
		c->list_on = true;
	}
	if (c->high > end)
		c->high = end;
	return 0;
}

int multi_join(struct multi *m, const struct multi_op *op)
{
	int error = 0;

	if (m->in[op->group] >= 0)
		return EINVAL;
	if (multi_any_invalid(&m->container[op->container]))
		return EBUSY;
	if (op->group < MULTI_IOMMU)
		error = join_domain(m, op);
	if (error)
		return error;
	m->in[op->group] = (int)op->container;
	if (op->group < MULTI_IOMMU)
		m->tracks[op->group] = false;
	return 0;
}

/* With the domain of a unit goes what limited the ends. */
static void leave_list(struct multi *m, unsigned c, unsigned group)
{
	struct multi_container *container = &m->container[c];

	if (unit_is_used(m, c, m->platform->unit[group]))
		return;
	container->low = 0;
	container->high = UINT64_MAX;
	for (unsigned i = 0; i < MULTI_IOMMU; i++)
		if (m->in[i] == (int)c && aperture_last(m, i) < container->high)
			container->high = aperture_last(m, i);
}

int multi_leave(struct multi *m, const struct multi_op *op)
{
	unsigned c = (unsigned)m->in[op->group];
	struct multi_container *container;

	if (m->in[op->group] < 0)
		return EINVAL;
	container = &m->container[c];
	if (op->group < MULTI_IOMMU && container->list_on)
		trim_ends(m, c);
	m->in[op->group] = -1;
	if (op->group < MULTI_IOMMU && container->list_on)
		leave_list(m, c, op->group);
	if (!multi_is_member(m, c)) {
		container->maps = container->strays = 0;
		container->tracking = container->list_on = container->shifted = false;
		return 0;
	}
	if (!multi_has_domain(m, c))
		container->strays = 0;
	/* Nobody knows what it wrote. */
	if (op->group < MULTI_IOMMU && !m->tracks[op->group] && container->tracking &&
	    m->kernel >= V(5, 12))
		for (unsigned i = 0; i < container->maps; i++)
			memset(container->map[i].must, 0xff, sizeof(container->map[i].must));
	return 0;
}
