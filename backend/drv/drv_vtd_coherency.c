// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making what the driver wrote visible to units that read memory past the processor's caches.
 *
 * Spec: "Extended Capability Register" (C: page-walk coherency, SMPWC: scalable-mode page-walk
 * coherency). Root, context, PASID and interrupt entries follow C; page tables follow C in legacy
 * mode and SMPWC in scalable mode. The invalidation queue is always coherent.
 *
 * A table that is new to a tree is flushed whole, since its frame may have been flushed last with
 * other contents; in a table that was there, only the entries of the range are. A range is flushed
 * before anything that depends on it: before a root is given to a unit, and before the invalidation
 * after which the caller counts on the change.
 */
#include "drv_vtd_priv.h"

#include "flush.h"

void vtd_written(const struct vtd_unit *vu, const void *entry, uint64_t len)
{
	const struct phys *phys = vtd_phys(vu);

	if (!vu->caps.coherent)
		phys_table_flush(phys, (pa_t)((const uint8_t *)entry - phys->base), len);
}

static bool domain_needs_flush(const struct vtd_domain *vd)
{
	for (const struct vtd_domain *child = vd->children; child; child = child->sibling) {
		if (domain_needs_flush(child))
			return true;
	}
	for (unsigned i = 0; i < vd->user_count; i++) {
		if (vd->users[i].refs && !vd->users[i].unit->coherent)
			return true;
	}
	return false;
}

/* The entries of a table for [first, last], and those of the tables below. */
static void flush_table(const struct pt *pt, pa_t table, unsigned level, iova_t first, iova_t last,
			bool fresh)
{
	const unsigned shift = SIO_PAGE_LG2 + 9 * level;
	const unsigned low = first >> shift & 511, high = last >> shift & 511;
	const uint64_t *entries = phys_ptr(pt->phys, table), inside = SIO_BIT(shift) - 1;

	if (fresh)
		phys_table_flush(pt->phys, table, SIO_PAGE_SIZE);
	else
		phys_table_flush(pt->phys, table + low * 8, (high - low + 1) * 8);
	for (unsigned i = low; level && i <= high; i++) {
		struct pt_entry entry = pt->ops->format->decode(entries[i], level, &pt_caps_own);

		if (entry.kind == PT_TABLE)
			flush_table(pt, entry.oa, level - 1, i == low ? first & inside : 0,
				    i == high ? last & inside : inside, fresh);
	}
}

void vtd_pages_written(const struct vtd_domain *vd, iova_t first, iova_t last, bool fresh)
{
	if (domain_needs_flush(vd) && vd->pt.phys->views)
		flush_table(&vd->pt, vd->pt.root, vd->pt.top_level, first, last, fresh);
}

void vtd_tree_written(const struct vtd_domain *vd, const struct vtd_unit *vu)
{
	if (!vu->coherent && vd->pt.phys->views)
		flush_table(&vd->pt, vd->pt.root, vd->pt.top_level, 0,
			    SIO_BIT(pt_width(vd->pt.top_level)) - 1, true);
}
