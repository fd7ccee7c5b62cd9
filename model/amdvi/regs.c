// SPDX-License-Identifier: GPL-2.0-only
/*
 * The register table of an AMD-Vi unit.
 *
 * Source: AMD IOMMU Specification, "IOMMU MMIO Registers", and for the MSI registers "MSI
 * Capability".
 *
 * The MSI registers are those of the PCI function; with EFR.MsiCapMmioSup the same bits also appear
 * among the MMIO registers. The low bits of the exclusion limit are taken as ones and read as 0.
 */
#include "amdvi/regs.h"

#include "amdvi/amdvi_unit.h"

#include <string.h>

struct amdvi_reg_desc {
	uint16_t offset;
	uint8_t width;
	uint64_t when; /* bits of the EFR, one of which must be set; 0: always there */
	uint64_t reset, writable, clearable;
	void (*written)(struct amdvi *amdvi, uint64_t before);
};

#define DWORD SIO_MASK(31, 0)
/* 256 entries, the smallest log or buffer. */
#define RING_RESET (UINT64_C(8) << 56)
#define RING_BITS  (RING_BASE | RING_LENGTH)
#define XT_BITS    (SIO_BIT(2) | SIO_MASK(40, 8) | SIO_MASK(63, 56))
#define STATUS_CLEARABLE                                                                        \
	(STATUS_EVENT_OVERFLOW | STATUS_EVENT_INT | STATUS_COMPLETE_INT | STATUS_PPR_OVERFLOW | \
	 STATUS_PPR_INT | STATUS_GA_OVERFLOW | STATUS_GA_INT)

static const struct amdvi_reg_desc descs[AMDVI_REGS] = {
	[AMDVI_DEVTAB] = {.offset = 0x0000,
			  .width = 8,
			  .writable = DEVTAB_BASE | DEVTAB_SIZE,
			  .written = amdvi_write_devtab},
	[AMDVI_CMDBUF] = {.offset = 0x0008,
			  .width = 8,
			  .reset = RING_RESET,
			  .writable = RING_BITS,
			  .written = amdvi_write_cmdbuf},
	[AMDVI_EVTLOG] = {.offset = 0x0010,
			  .width = 8,
			  .reset = RING_RESET,
			  .writable = RING_BITS,
			  .written = amdvi_write_evtlog},
	/* What is writable depends on the features: see control_bits(). */
	[AMDVI_CONTROL] = {.offset = 0x0018, .width = 8, .written = amdvi_write_control},
	[AMDVI_EXCL_BASE] = {.offset = 0x0020,
			     .width = 8,
			     .writable = SIO_MASK(51, 12) | EXCL_ENABLE | EXCL_ALLOW,
			     .written = amdvi_write_exclusion},
	[AMDVI_EXCL_LIMIT] = {.offset = 0x0028,
			      .width = 8,
			      .writable = SIO_MASK(51, 12),
			      .written = amdvi_write_exclusion},
	[AMDVI_EFR] = {.offset = 0x0030, .width = 8},
	[AMDVI_PPRLOG] = {.offset = 0x0038,
			  .width = 8,
			  .when = AMDVI_EFR_PPR,
			  .reset = RING_RESET,
			  .writable = RING_BITS,
			  .written = amdvi_write_pprlog},
	[AMDVI_HWEVT_HI] = {.offset = 0x0040,
			    .width = 8,
			    .when = AMDVI_EFR_HE,
			    .writable = ~UINT64_C(0)},
	[AMDVI_HWEVT_LO] = {.offset = 0x0048,
			    .width = 8,
			    .when = AMDVI_EFR_HE,
			    .writable = ~UINT64_C(0)},
	[AMDVI_HWEVT_STATUS] = {.offset = 0x0050,
				.width = 8,
				.when = AMDVI_EFR_HE,
				.clearable = HWEVT_VALID | HWEVT_OVERFLOW},
	[AMDVI_GALOG] = {.offset = 0x00e0,
			 .width = 8,
			 .when = AMDVI_EFR_GAM,
			 .reset = RING_RESET,
			 .writable = RING_BITS,
			 .written = amdvi_write_galog},
	[AMDVI_GALOG_TAIL_ADDR] = {.offset = 0x00e8,
				   .width = 8,
				   .when = AMDVI_EFR_GAM,
				   .writable = SIO_MASK(51, 3)},
	[AMDVI_MSI_HEADER] = {.offset = 0x0158,
			      .width = 4,
			      .when = AMDVI_EFR_MSI,
			      .writable = MSI_ENABLE | MSI_MULTIPLE},
	[AMDVI_MSI_ADDR_LO] = {.offset = 0x015c,
			       .width = 4,
			       .when = AMDVI_EFR_MSI,
			       .writable = SIO_MASK(31, 2)},
	[AMDVI_MSI_ADDR_HI] = {.offset = 0x0160,
			       .width = 4,
			       .when = AMDVI_EFR_MSI,
			       .writable = DWORD},
	[AMDVI_MSI_DATA] = {.offset = 0x0164,
			    .width = 4,
			    .when = AMDVI_EFR_MSI,
			    .writable = SIO_MASK(15, 0)},
	[AMDVI_XT_GENERAL] = {.offset = 0x0170,
			      .width = 8,
			      .when = AMDVI_EFR_XT,
			      .writable = XT_BITS},
	[AMDVI_XT_PPR] = {.offset = 0x0178, .width = 8, .when = AMDVI_EFR_XT, .writable = XT_BITS},
	[AMDVI_XT_GA] = {.offset = 0x0180, .width = 8, .when = AMDVI_EFR_XT, .writable = XT_BITS},
	[AMDVI_EFR2] = {.offset = 0x01a0, .width = 8},
	[AMDVI_CMD_HEAD] = {.offset = 0x2000, .width = 8, .writable = RING_POINTER},
	[AMDVI_CMD_TAIL] = {.offset = 0x2008,
			    .width = 8,
			    .writable = RING_POINTER,
			    .written = amdvi_write_cmd_tail},
	[AMDVI_EVT_HEAD] = {.offset = 0x2010, .width = 8, .writable = RING_POINTER},
	[AMDVI_EVT_TAIL] = {.offset = 0x2018, .width = 8, .writable = RING_POINTER},
	[AMDVI_STATUS] = {.offset = 0x2020, .width = 8, .clearable = STATUS_CLEARABLE},
	[AMDVI_PPR_HEAD] = {.offset = 0x2030,
			    .width = 8,
			    .when = AMDVI_EFR_PPR,
			    .writable = RING_POINTER},
	[AMDVI_PPR_TAIL] = {.offset = 0x2038,
			    .width = 8,
			    .when = AMDVI_EFR_PPR,
			    .writable = RING_POINTER},
	[AMDVI_GA_HEAD] = {.offset = 0x2040,
			   .width = 8,
			   .when = AMDVI_EFR_GAM,
			   .writable = GA_POINTER},
	[AMDVI_GA_TAIL] = {.offset = 0x2048,
			   .width = 8,
			   .when = AMDVI_EFR_GAM,
			   .writable = GA_POINTER},
};

/* Bits of the control register that this unit has. */
static uint64_t control_bits(const struct amdvi_caps *caps)
{
	static const struct {
		uint64_t when, bits;
	} feature[] = {
		{AMDVI_EFR_PPR, CTRL_PPR_LOG | CTRL_PPR_INT | CTRL_PPR},
		{AMDVI_EFR_GT, CTRL_GT},
		{AMDVI_EFR_GA, CTRL_GA},
		{AMDVI_EFR_GAM, CTRL_GAM | CTRL_GA_LOG | CTRL_GA_INT},
		{AMDVI_EFR_EPH, CTRL_EPH},
		{AMDVI_EFR_XT, CTRL_XT | CTRL_XT_INT},
		/* Segmented tables, guest logs and the like stay out. */
	};
	/* Timeout and the HyperTransport attributes are kept and have no effect. */
	uint64_t bits = SIO_MASK(12, 0) | CTRL_IRT_CACHE_OFF;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(feature); i++) {
		if (caps->efr & feature[i].when)
			bits |= feature[i].bits;
	}
	return bits;
}

static uint64_t writable(const struct amdvi *amdvi, unsigned reg)
{
	return reg == AMDVI_CONTROL ? control_bits(&amdvi->caps) : descs[reg].writable;
}

void amdvi_regs_init(struct amdvi *amdvi)
{
	memset(&amdvi->map, 0, sizeof(amdvi->map));
	for (unsigned reg = 0; reg < AMDVI_REGS; reg++) {
		const struct amdvi_reg_desc *desc = &descs[reg];

		if (desc->when && !(amdvi->caps.efr & desc->when))
			continue;
		for (unsigned i = 0; i < desc->width / 4u; i++)
			amdvi->map.owner[desc->offset / 4 + i] = (uint8_t)(reg + 1);
	}
}

void amdvi_regs_reset(struct amdvi *amdvi)
{
	for (unsigned reg = 0; reg < AMDVI_REGS; reg++)
		amdvi->reg[reg] = descs[reg].reset;
	amdvi->reg[AMDVI_EFR] = amdvi->caps.efr;
	amdvi->reg[AMDVI_EFR2] = amdvi->caps.efr2;
	/* Capability id 5, 64-bit addresses, four messages offered. */
	amdvi->reg[AMDVI_MSI_HEADER] = 5 | SIO_BIT(23) | UINT64_C(2) << 17;
}

/* Register at a byte offset, AMDVI_REGS if there is none. */
static unsigned reg_at(const struct amdvi *amdvi, uint64_t offset)
{
	unsigned owner = offset < AMDVI_MMIO_BYTES ? amdvi->map.owner[offset / 4] : 0;

	return owner ? owner - 1 : AMDVI_REGS;
}

uint64_t amdvi_regs_read(const struct amdvi *amdvi, uint32_t offset, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++) {
		uint64_t at = (uint64_t)offset + i;
		unsigned reg = reg_at(amdvi, at);

		if (reg < AMDVI_REGS)
			value |= (amdvi->reg[reg] >> (8 * (at - descs[reg].offset)) & 0xff)
				 << (8 * i);
	}
	return value;
}

/* A write that touches some bytes of one register. */
static void reg_write(struct amdvi *amdvi, unsigned reg, uint64_t raw, uint64_t touched)
{
	const struct amdvi_reg_desc *desc = &descs[reg];
	const uint64_t set = writable(amdvi, reg) & touched, before = amdvi->reg[reg];

	amdvi->reg[reg] = ((before & ~set) | (raw & set)) & ~(raw & desc->clearable);
	if (desc->written)
		desc->written(amdvi, before);
}

void amdvi_regs_write(struct amdvi *amdvi, uint32_t offset, unsigned width, uint64_t value)
{
	uint64_t at = offset, end = (uint64_t)offset + width;

	while (at < end) {
		unsigned reg = reg_at(amdvi, at), bytes, shift;
		uint64_t base, stop, touched;

		if (reg == AMDVI_REGS) {
			at = (at | 3) + 1;
			continue;
		}
		base = descs[reg].offset;
		stop = base + descs[reg].width;
		bytes = (unsigned)((end < stop ? end : stop) - at);
		shift = 8 * (unsigned)(at - base);
		touched = SIO_MASK(8 * bytes - 1, 0) << shift;
		reg_write(amdvi, reg, value >> (8 * (at - offset)) << shift & touched, touched);
		at += bytes;
	}
}

/* ---- the PCI function ---- */

uint32_t amdvi_config_value(const struct amdvi *amdvi, uint32_t offset)
{
	switch (offset) {
	case AMDVI_CONFIG_CAPABILITY:
		return amdvi->caps.capability;
	case AMDVI_CONFIG_MSI:
		return (uint32_t)amdvi->reg[AMDVI_MSI_HEADER];
	case AMDVI_CONFIG_MSI + 4:
		return (uint32_t)amdvi->reg[AMDVI_MSI_ADDR_LO];
	case AMDVI_CONFIG_MSI + 8:
		return (uint32_t)amdvi->reg[AMDVI_MSI_ADDR_HI];
	case AMDVI_CONFIG_MSI + 12:
		return (uint32_t)amdvi->reg[AMDVI_MSI_DATA];
	case AMDVI_CONFIG_CAPABILITY + 0x10:
		/* Sizes of addresses: physical in 14:8, virtual in 21:15. */
		return (uint32_t)amdvi->caps.haw << 8 | 64u << 15;
	default:
		return offset > AMDVI_CONFIG_CAPABILITY && offset < AMDVI_CONFIG_CAPABILITY + 0x10
			       ? amdvi->config[(offset - AMDVI_CONFIG_CAPABILITY) / 4]
			       : 0;
	}
}

void amdvi_config_set(struct amdvi *amdvi, uint32_t offset, uint32_t value)
{
	if (offset >= AMDVI_CONFIG_MSI && offset <= AMDVI_CONFIG_MSI + 12 && offset % 4 == 0) {
		unsigned reg = AMDVI_MSI_HEADER + (offset - AMDVI_CONFIG_MSI) / 4;

		reg_write(amdvi, reg, value, DWORD);
	} else if (offset == AMDVI_CONFIG_CAPABILITY + 4 && !(amdvi->config[1] & 1)) {
		/* "Enable: locked once set." The register window itself is placed by the machine.
		 */
		amdvi->config[1] = value & 0xffffc001u;
	} else if (offset == AMDVI_CONFIG_CAPABILITY + 8 && !(amdvi->config[1] & 1)) {
		amdvi->config[2] = value;
	}
}
