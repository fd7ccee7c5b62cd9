/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine with AMD-Vi units for tests of the driver, and a second decoder of what the driver
 * wrote: device table entries, page-table entries and commands are taken apart here by hand, from
 * raw memory.
 */
#ifndef TESTS_DRV_AMDVI_RIG_H
#define TESTS_DRV_AMDVI_RIG_H

#include "drv_rig.h"

#include "drv/drv_amdvi.h"

/* The recordings' unit. Its capability has NpCache. */
#define EFR          UINT64_C(0x29d3)
#define EFR_IA       UINT64_C(0x40)
#define CAPABILITY   UINT32_C(0x1f03000f)
#define CAP_NP_CACHE (UINT32_C(1) << 26)

struct rig_cfg {
	uint64_t efr[2];
	uint32_t capability[2];
	unsigned units;
	bool intremap;
	const struct drv_amdvi_alias *aliases;
	unsigned alias_count;
	const struct drv_amdvi_unity *unity;
	unsigned unity_count;
};

static inline void rig_remove_amdvi(struct rig *rig)
{
	drv_amdvi_remove(rig->amd);
}

/* Memory, buses, units; rig_probe() goes on. */
static inline void rig_prepare(struct rig *rig, const struct rig_cfg *cfg)
{
	const struct unit_env env = {.ctx = rig, .msi = rig_msi, .stale = rig_stale};

	rig_start(rig);
	rig->remove = rig_remove_amdvi;
	for (unsigned i = 0; i < cfg->units; i++) {
		struct amdvi_cfg unit = {.name = i ? "ivhd1" : "ivhd0",
					 .efr = cfg->efr[i],
					 .capability = cfg->capability[i],
					 .devid = 2};

		rig->unit[i] = amdvi_create(&unit, rig->iommu.phys, rig->iommu.fabric, &env);
		ck_assert_ptr_nonnull(rig->unit[i]);
	}
	rig_routes(rig);
}

static inline void rig_probe(struct rig *rig, const struct rig_cfg *cfg)
{
	const struct drv_amdvi_cfg drv = {
		.units = rig->unit,
		.unit_count = cfg->units,
		.intremap = cfg->intremap,
		.aliases = cfg->aliases,
		.alias_count = cfg->alias_count,
		.unity = cfg->unity,
		.unity_count = cfg->unity_count,
	};

	ck_assert_int_eq(drv_amdvi_probe(&rig->iommu, &drv, &rig->amd), 0);
	rig_discover(rig);
}

static inline void rig_open(struct rig *rig, const struct rig_cfg *cfg)
{
	rig_prepare(rig, cfg);
	rig_probe(rig, cfg);
}

/* ---- the second decoder ---- */

static inline uint64_t raw_reg(const struct rig *rig, unsigned unit, uint32_t offset)
{
	return rig->unit[unit]->ops->mmio_read(rig->unit[unit], offset, 8);
}

struct raw_dte {
	uint64_t word[4];
};

/* As ck_assert, where it is asked so often that recording each success would take minutes. */
#define raw_must(cond) ((cond) ? (void)0 : ck_abort_msg("%s does not hold", #cond))

static inline struct raw_dte raw_dte(const struct rig *rig, unsigned unit, uint16_t rid)
{
	uint64_t reg = raw_reg(rig, unit, 0x0000);
	pa_t at = (reg & UINT64_C(0xffffffffff000)) + (pa_t)rid * 32;
	struct raw_dte dte;

	raw_must((uint64_t)rid * 32 < ((reg & 0x1ff) + 1) * 4096);
	for (unsigned i = 0; i < 4; i++)
		dte.word[i] = raw_word(rig, at + i * 8);
	return dte;
}

static inline unsigned raw_mode(const struct rig *rig, unsigned unit, uint16_t rid)
{
	return (unsigned)(raw_dte(rig, unit, rid).word[0] >> 9 & 7);
}

static inline uint16_t raw_domain(const struct rig *rig, unsigned unit, uint16_t rid)
{
	return (uint16_t)raw_dte(rig, unit, rid).word[1];
}

struct raw_leaf {
	uint64_t entry; /* 0: not present */
	unsigned level; /* 1 is the table of 4 KiB leaves, as the manual counts */
	uint64_t bytes, first;
	pa_t pa;
	bool r, w;
};

/* Size of a leaf with next level 7: twice the lowest zero bit of the address. */
static inline uint64_t raw_size(uint64_t entry)
{
	unsigned bit = 12;

	while (entry >> bit & 1)
		bit++;
	return UINT64_C(2) << bit;
}

static inline struct raw_leaf raw_walk(const struct rig *rig, unsigned unit, uint16_t rid,
				       iova_t iova)
{
	struct raw_dte dte = raw_dte(rig, unit, rid);
	unsigned level = (unsigned)(dte.word[0] >> 9 & 7);
	pa_t table = dte.word[0] & UINT64_C(0xffffffffff000);
	struct raw_leaf leaf = {.r = dte.word[0] >> 61 & 1, .w = dte.word[0] >> 62 & 1};

	if ((dte.word[0] & 3) != 3 || !level || (level < 6 && iova >> (12 + 9 * level)))
		return (struct raw_leaf){0};
	for (;;) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t entry = raw_word(rig, table + (iova >> shift & 511) * 8);
		unsigned next = (unsigned)(entry >> 9 & 7);

		if (!(entry & 1)) {
			raw_must(entry == 0);
			return (struct raw_leaf){0};
		}
		leaf.r &= entry >> 61 & 1;
		leaf.w &= entry >> 62 & 1;
		if (next && next != 7) {
			/* P, IR, IW, level and address: nothing else in a table entry. */
			raw_must(!(entry & ~UINT64_C(0x600ffffffffffe01)));
			raw_must(next == level - 1);
			table = entry & UINT64_C(0xffffffffff000);
			level = next;
			continue;
		}
		leaf.entry = entry;
		leaf.level = level;
		leaf.bytes = next ? raw_size(entry) : UINT64_C(1) << shift;
		leaf.first = iova & ~(leaf.bytes - 1);
		leaf.pa = (entry & UINT64_C(0xffffffffff000) & ~(leaf.bytes - 1)) +
			  (iova - leaf.first);
		/* Forced coherent. */
		raw_must(entry >> 60 & 1);
		return leaf;
	}
}

struct raw_command {
	uint32_t dword[4];
};

/* The n-th command before the tail; 1 is the last one. */
static inline struct raw_command raw_command(const struct rig *rig, unsigned unit, unsigned n)
{
	uint64_t base = raw_reg(rig, unit, 0x0008), tail = raw_reg(rig, unit, 0x2008);
	uint64_t bytes = (UINT64_C(1) << (base >> 56 & 15)) * 16;
	pa_t at = (base & UINT64_C(0xffffffffff000)) + (tail + bytes - n * 16u) % bytes;
	struct raw_command command;

	ck_assert(phys_read(rig->iommu.phys, at, &command, sizeof(command)));
	return command;
}

#endif
