/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine with VT-d units for tests of the driver, and a second decoder of what the driver wrote:
 * root, context and page-table entries are taken apart here by hand, from raw memory.
 */
#ifndef TESTS_DRV_VTD_RIG_H
#define TESTS_DRV_VTD_RIG_H

#include "drv_rig.h"

#include "drv/drv_vtd.h"

/* The recordings' units. */
#define CAP_48     UINT64_C(0xd2008c222f0606)
#define CAP_39     UINT64_C(0xd2008c22260206)
#define ECAP_SC    UINT64_C(0xf00fca)
#define ECAP_NO_SC UINT64_C(0xf00f4a)

#define CAP_CM    SIO_BIT(7)
#define CAP_RWBF  SIO_BIT(4)
#define CAP_PSI   SIO_BIT(39)
#define CAP_SLLPS SIO_MASK(37, 34)
#define CAP_ND    SIO_MASK(2, 0)
#define ECAP_QI   SIO_BIT(1)
#define ECAP_IR   SIO_BIT(3)

struct rig_cfg {
	uint64_t cap[2], ecap[2];
	unsigned units;
	bool intremap, scalable;
	bool noncoherent; /* units with ECAP.C = 0 see only what was flushed */
	const struct drv_vtd_rmrr *rmrr;
	unsigned rmrr_count;
};

static inline void rig_units(struct rig *rig, const struct rig_cfg *cfg)
{
	const struct unit_env env = {.ctx = rig, .msi = rig_msi, .stale = rig_stale};

	for (unsigned i = 0; i < cfg->units; i++) {
		struct vtd_cfg unit = {.name = i ? "dmar1" : "dmar0",
				       .cap = cfg->cap[i],
				       .ecap = cfg->ecap[i],
				       .noncoherent = cfg->noncoherent};

		rig->unit[i] = vtd_create(&unit, rig->iommu.phys, rig->iommu.fabric, &env);
		ck_assert_ptr_nonnull(rig->unit[i]);
	}
}

static inline void rig_remove_vtd(struct rig *rig)
{
	drv_vtd_remove(rig->drv);
}

static inline void rig_open(struct rig *rig, const struct rig_cfg *cfg)
{
	const struct drv_vtd_cfg drv = {
		.units = rig->unit,
		.unit_count = cfg->units,
		.intremap = cfg->intremap,
		.scalable = cfg->scalable,
		.rmrr = cfg->rmrr,
		.rmrr_count = cfg->rmrr_count,
	};

	rig_start(rig);
	rig_units(rig, cfg);
	rig_routes(rig);
	rig->remove = rig_remove_vtd;
	ck_assert_int_eq(drv_vtd_probe(&rig->iommu, &drv, &rig->drv), 0);
	rig_discover(rig);
}

/* ---- the second decoder ---- */

struct raw_entry {
	uint64_t lo, hi;
};

/* The context entry of a requester, zero where the root entry is not present. */
static inline struct raw_entry raw_context(const struct rig *rig, unsigned unit, uint16_t rid)
{
	uint64_t rtaddr = rig->unit[unit]->ops->mmio_read(rig->unit[unit], 0x20, 8);
	pa_t root = (rtaddr & ~UINT64_C(0xfff)) + (pa_t)(rid >> 8) * 16;
	uint64_t lo = raw_word(rig, root);
	pa_t at = (lo & ~UINT64_C(0xfff)) + (pa_t)(rid & 0xff) * 16;

	rig_assert(!(rtaddr & 0xfff));
	rig_assert(!raw_word(rig, root + 8));
	rig_assert(!(lo & 0xffe));
	if (!(lo & 1))
		return (struct raw_entry){0};
	return (struct raw_entry){raw_word(rig, at), raw_word(rig, at + 8)};
}

struct raw_leaf {
	uint64_t entry; /* 0: not present */
	unsigned level; /* 1 is the table of 4 KiB leaves, as the manual counts */
	pa_t pa;
	bool r, w;
};

static inline struct raw_leaf raw_walk(const struct rig *rig, unsigned unit, uint16_t rid,
				       iova_t iova)
{
	struct raw_entry context = raw_context(rig, unit, rid);
	unsigned level = (unsigned)(context.hi & 7) + 2;
	pa_t table = context.lo & UINT64_C(0xfffffffffffff000);
	struct raw_leaf leaf = {.r = true, .w = true};

	if (!(context.lo & 1) || iova >> (12 + 9 * level))
		return (struct raw_leaf){0};
	for (;; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t entry = raw_word(rig, table + (iova >> shift & 511) * 8);
		uint64_t inside = (UINT64_C(1) << shift) - 1;

		if (!(entry & 3))
			return (struct raw_leaf){0};
		leaf.r &= entry & 1;
		leaf.w &= entry >> 1 & 1;
		if (level > 1 && !(entry & 0x80)) {
			/* Nothing but R, W and the address in a table entry. */
			rig_assert(!(entry & ~UINT64_C(0xffffffffff003)));
			table = entry & UINT64_C(0xffffffffff000);
			continue;
		}
		leaf.entry = entry;
		leaf.level = level;
		leaf.pa = (entry & UINT64_C(0xffffffffff000) & ~inside) + (iova & inside);
		return leaf;
	}
}

/* The n-th descriptor before the tail of the unit's queue; 1 is the last one. */
static inline struct raw_entry raw_descriptor(const struct rig *rig, unsigned unit, unsigned n)
{
	struct unit *u = rig->unit[unit];
	uint64_t tail = u->ops->mmio_read(u, 0x88, 8), base = u->ops->mmio_read(u, 0x90, 8);
	pa_t at = (base & ~UINT64_C(0xfff)) + (tail - n * 16u) % 4096;

	ck_assert_uint_eq(base & 0xfff, 0);
	return (struct raw_entry){raw_word(rig, at), raw_word(rig, at + 8)};
}

#endif
