// SPDX-License-Identifier: GPL-2.0-only
/*
 * The register file of a VT-d unit. See regs.h.
 *
 * Invariant: every dword of the map belongs to one register; a register's value never has a bit
 * that is neither in its reset value, nor writable, nor set by the unit itself.
 */
#include "vtd/regs.h"

#include "vtd/vtd_unit.h"

#include <stdlib.h>
#include <string.h>

/* Which capability a register belongs to. */
enum vtd_when {
	WHEN_ALWAYS,
	WHEN_QI,
	WHEN_IR,
	WHEN_PAGE_REQUESTS,
	WHEN_LOW_PROTECTED,
	WHEN_HIGH_PROTECTED,
	WHEN_PROTECTED,
};

struct vtd_reg_desc {
	uint16_t offset; /* of IVA and IOTLB: from the place that ECAP.IRO names */
	uint8_t width;
	uint8_t when; /* enum vtd_when */
	uint64_t reset, writable, clearable;
	void (*written)(struct vtd *vtd, uint64_t raw, uint64_t touched);
};

#define DWORD SIO_MASK(31, 0)

static const struct vtd_reg_desc descs[VTD_REGS] = {
	[VTD_VER] = {.offset = 0x00, .width = 4},
	[VTD_CAP] = {.offset = 0x08, .width = 8},
	[VTD_ECAP] = {.offset = 0x10, .width = 8},
	/* Write only: reads as 0. */
	[VTD_GCMD] = {.offset = 0x18, .width = 4, .written = vtd_write_gcmd},
	[VTD_GSTS] = {.offset = 0x1c, .width = 4},
	[VTD_RTADDR] = {.offset = 0x20,
			.width = 8,
			.writable = RTADDR_ADDRESS | RTADDR_MODE_HI | RTADDR_SMT},
	[VTD_CCMD] = {.offset = 0x28,
		      .width = 8,
		      .writable = CCMD_ICC | CCMD_CIRG | CCMD_FM | CCMD_SID | CCMD_DID,
		      .written = vtd_write_ccmd},
	[VTD_FSTS] = {.offset = 0x34,
		      .width = 4,
		      .clearable = FSTS_PFO | FSTS_IQE | FSTS_ICE | FSTS_ITE,
		      .written = vtd_write_fsts},
	[VTD_FECTL] = {.offset = 0x38,
		       .width = 4,
		       .reset = EVENT_IM,
		       .writable = EVENT_IM,
		       .written = vtd_write_fectl},
	[VTD_FEDATA] = {.offset = 0x3c, .width = 4, .writable = DWORD},
	[VTD_FEADDR] = {.offset = 0x40, .width = 4, .writable = SIO_MASK(31, 2)},
	[VTD_FEUADDR] = {.offset = 0x44, .width = 4, .writable = DWORD},
	[VTD_PMEN] = {.offset = 0x64,
		      .width = 4,
		      .when = WHEN_PROTECTED,
		      .writable = PMEN_EPM,
		      .written = vtd_write_pmen},
	[VTD_PLMBASE] = {.offset = 0x68,
			 .width = 4,
			 .when = WHEN_LOW_PROTECTED,
			 .writable = SIO_MASK(31, 21)},
	[VTD_PLMLIMIT] = {.offset = 0x6c,
			  .width = 4,
			  .when = WHEN_LOW_PROTECTED,
			  .writable = SIO_MASK(31, 21)},
	[VTD_PHMBASE] = {.offset = 0x70,
			 .width = 8,
			 .when = WHEN_HIGH_PROTECTED,
			 .writable = SIO_MASK(63, 21)},
	[VTD_PHMLIMIT] = {.offset = 0x78,
			  .width = 8,
			  .when = WHEN_HIGH_PROTECTED,
			  .writable = SIO_MASK(63, 21)},
	[VTD_IQH] = {.offset = 0x80, .width = 8, .when = WHEN_QI},
	[VTD_IQT] = {.offset = 0x88,
		     .width = 8,
		     .when = WHEN_QI,
		     .writable = IQH_IQT,
		     .written = vtd_write_iqt},
	[VTD_IQA] = {.offset = 0x90,
		     .width = 8,
		     .when = WHEN_QI,
		     .writable = IQA_ADDRESS | IQA_QS | IQA_DW},
	[VTD_ICS] = {.offset = 0x9c,
		     .width = 4,
		     .when = WHEN_QI,
		     .clearable = ICS_IWC,
		     .written = vtd_write_ics},
	[VTD_IECTL] = {.offset = 0xa0,
		       .width = 4,
		       .when = WHEN_QI,
		       .reset = EVENT_IM,
		       .writable = EVENT_IM,
		       .written = vtd_write_iectl},
	[VTD_IEDATA] = {.offset = 0xa4, .width = 4, .when = WHEN_QI, .writable = DWORD},
	[VTD_IEADDR] = {.offset = 0xa8, .width = 4, .when = WHEN_QI, .writable = SIO_MASK(31, 2)},
	[VTD_IEUADDR] = {.offset = 0xac, .width = 4, .when = WHEN_QI, .writable = DWORD},
	[VTD_IQERCD] = {.offset = 0xb0, .width = 8, .when = WHEN_QI},
	[VTD_IRTA] = {.offset = 0xb8,
		      .width = 8,
		      .when = WHEN_IR,
		      .writable = SIO_MASK(63, 11) | SIO_MASK(3, 0)},
	[VTD_PQH] = {.offset = 0xc0,
		     .width = 8,
		     .when = WHEN_PAGE_REQUESTS,
		     .writable = SIO_MASK(18, 5)},
	[VTD_PQT] = {.offset = 0xc8,
		     .width = 8,
		     .when = WHEN_PAGE_REQUESTS,
		     .writable = SIO_MASK(18, 5)},
	[VTD_PQA] = {.offset = 0xd0,
		     .width = 8,
		     .when = WHEN_PAGE_REQUESTS,
		     .writable = SIO_MASK(63, 12) | SIO_MASK(2, 0)},
	[VTD_PRS] = {.offset = 0xdc,
		     .width = 4,
		     .when = WHEN_PAGE_REQUESTS,
		     .clearable = SIO_MASK(1, 0),
		     .written = vtd_write_prs},
	[VTD_PECTL] = {.offset = 0xe0,
		       .width = 4,
		       .when = WHEN_PAGE_REQUESTS,
		       .reset = EVENT_IM,
		       .writable = EVENT_IM,
		       .written = vtd_write_pectl},
	[VTD_PEDATA] = {.offset = 0xe4, .width = 4, .when = WHEN_PAGE_REQUESTS, .writable = DWORD},
	[VTD_PEADDR] = {.offset = 0xe8,
			.width = 4,
			.when = WHEN_PAGE_REQUESTS,
			.writable = SIO_MASK(31, 2)},
	[VTD_PEUADDR] = {.offset = 0xec, .width = 4, .when = WHEN_PAGE_REQUESTS, .writable = DWORD},
	[VTD_IVA] = {.offset = 0, .width = 8, .writable = IVA_ADDR | IVA_IH | IVA_AM},
	[VTD_IOTLB] = {.offset = 8,
		       .width = 8,
		       .writable = IOTLB_IVT | IOTLB_IIRG | SIO_MASK(49, 48) | IOTLB_DID,
		       .written = vtd_write_iotlb},
};

static bool reg_exists(const struct vtd_caps *caps, enum vtd_reg reg)
{
	const bool low = caps->cap & SIO_BIT(5), high = caps->cap & SIO_BIT(6);

	switch ((enum vtd_when)descs[reg].when) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_QI:
		return caps->qi;
	case WHEN_IR:
		return caps->intremap;
	case WHEN_PAGE_REQUESTS:
		return caps->ecap & SIO_BIT(29);
	case WHEN_LOW_PROTECTED:
		return low;
	case WHEN_HIGH_PROTECTED:
		return high;
	case WHEN_PROTECTED:
		return low || high;
	}
	return false;
}

static uint32_t reg_offset(const struct vtd_caps *caps, unsigned reg)
{
	/* Halves of fault recording registers come after the table's registers. */
	if (reg >= VTD_REGS)
		return caps->fault_offset + 8 * (reg - VTD_REGS);
	if (reg == VTD_IVA || reg == VTD_IOTLB)
		return caps->iotlb_offset + descs[reg].offset;
	return descs[reg].offset;
}

static unsigned reg_width(unsigned reg)
{
	return reg < VTD_REGS ? descs[reg].width : 8;
}

/* Enter every register that exists; false: two of them claim one dword. */
static bool map_fill(const struct vtd_caps *caps, uint16_t *owner)
{
	for (unsigned reg = 0; reg < VTD_REGS + 2 * vtd_record_count(caps); reg++) {
		uint32_t first = reg_offset(caps, reg) / 4;

		if (reg < VTD_REGS && !reg_exists(caps, (enum vtd_reg)reg))
			continue;
		for (uint32_t i = first; i < first + reg_width(reg) / 4; i++) {
			if (owner[i])
				return false;
			owner[i] = (uint16_t)(reg + 1);
		}
	}
	return true;
}

/* Dwords up to the end of the last register. */
static uint32_t map_dwords(const struct vtd_caps *caps)
{
	uint32_t faults = reg_offset(caps, VTD_REGS + 2 * vtd_record_count(caps)) / 4;
	uint32_t iotlb = caps->iotlb_offset / 4 + 4;
	uint32_t fixed = 0x100 / 4, most = faults > iotlb ? faults : iotlb;

	return most > fixed ? most : fixed;
}

const char *vtd_regs_overlap(const struct vtd_caps *caps)
{
	/* Both offsets are 10 bits of 16 bytes, and there are at most 256 records of 16 bytes. */
	uint16_t owner[(0x3ff + 256) * 16 / 4] = {0};

	sio_assert(map_dwords(caps) <= SIO_ARRAY_SIZE(owner));
	return map_fill(caps, owner) ? NULL : "CAP.FRO or ECAP.IRO: registers overlap";
}

bool vtd_regs_init(struct vtd *vtd)
{
	vtd->map.dwords = map_dwords(&vtd->caps);
	vtd->map.owner =
		fail_calloc("vtd.create.registers", vtd->map.dwords, sizeof(*vtd->map.owner));
	if (!vtd->map.owner)
		return false;
	sio_assert(map_fill(&vtd->caps, vtd->map.owner));
	return true;
}

void vtd_regs_reset(struct vtd *vtd)
{
	for (unsigned reg = 0; reg < VTD_REGS; reg++)
		vtd->reg[reg] = descs[reg].reset;
	vtd->reg[VTD_VER] = vtd->version;
	vtd->reg[VTD_CAP] = vtd->caps.cap;
	vtd->reg[VTD_ECAP] = vtd->caps.ecap;
	memset(vtd->record, 0, vtd_record_count(&vtd->caps) * sizeof(vtd->record[0]));
	vtd->next_record = 0;
}

void vtd_regs_fini(struct vtd *vtd)
{
	free(vtd->map.owner);
}

/* Register at a byte offset, VTD_REGS + 2 * VTD_RECORDS_MAX if there is none. */
static unsigned reg_at(const struct vtd *vtd, uint64_t offset)
{
	unsigned owner = offset / 4 < vtd->map.dwords ? vtd->map.owner[offset / 4] : 0;

	return owner ? owner - 1 : VTD_REGS + 2 * VTD_RECORDS_MAX;
}

static uint64_t reg_value(const struct vtd *vtd, unsigned reg)
{
	unsigned half = reg - VTD_REGS;

	if (reg < VTD_REGS)
		return vtd->reg[reg];
	return half < 2 * VTD_RECORDS_MAX ? vtd->record[half / 2][half % 2] : 0;
}

uint64_t vtd_regs_read(const struct vtd *vtd, uint32_t offset, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++) {
		uint64_t at = (uint64_t)offset + i;
		unsigned reg = reg_at(vtd, at);

		if (reg < VTD_REGS + 2 * VTD_RECORDS_MAX) {
			uint64_t byte = at - reg_offset(&vtd->caps, reg);

			value |= (reg_value(vtd, reg) >> (8 * byte) & 0xff) << (8 * i);
		}
	}
	return value;
}

/* Bits that units without scalable mode do not have. */
static uint64_t reg_undefined(const struct vtd *vtd, unsigned reg)
{
	if (vtd->caps.scalable)
		return 0;
	return reg == VTD_RTADDR ? RTADDR_MODE_HI | RTADDR_SMT : reg == VTD_IQA ? IQA_DW : 0;
}

/* A write that touches some bytes of one register. */
static void reg_write(struct vtd *vtd, unsigned reg, uint64_t raw, uint64_t touched)
{
	unsigned half = reg - VTD_REGS;

	if (reg < VTD_REGS) {
		const struct vtd_reg_desc *desc = &descs[reg];
		uint64_t set = desc->writable & touched & ~reg_undefined(vtd, reg);

		vtd->reg[reg] = ((vtd->reg[reg] & ~set) | (raw & set)) & ~(raw & desc->clearable);
		if (desc->written)
			desc->written(vtd, raw, touched);
	} else if (half % 2 && (raw & FRCD_F)) {
		vtd->record[half / 2][1] &= ~FRCD_F;
		vtd_write_record(vtd);
	}
}

void vtd_regs_write(struct vtd *vtd, uint32_t offset, unsigned width, uint64_t value)
{
	uint64_t at = offset, end = (uint64_t)offset + width;

	while (at < end) {
		unsigned reg = reg_at(vtd, at), bytes, shift;
		uint64_t base, touched;

		if (reg == VTD_REGS + 2 * VTD_RECORDS_MAX) {
			at = (at | 3) + 1;
			continue;
		}
		base = reg_offset(&vtd->caps, reg);
		bytes = (unsigned)((end < base + reg_width(reg) ? end : base + reg_width(reg)) -
				   at);
		shift = 8 * (unsigned)(at - base);
		touched = SIO_MASK(8 * bytes - 1, 0) << shift;
		reg_write(vtd, reg, value >> (8 * (at - offset)) << shift & touched, touched);
		at += bytes;
	}
}
