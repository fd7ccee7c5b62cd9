/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The register file of an AMD-Vi unit: one table of registers, each with its writable and
 * write-1-to-clear bits, and what happens after a write.
 *
 * Source: AMD IOMMU Specification, "IOMMU MMIO Registers". Registers of a feature that the extended
 * feature register does not announce do not exist: they read as 0 and ignore writes. So do the
 * performance counters, of which this unit has no bank. Accesses of 1, 2, 4 and 8 bytes work.
 */
#ifndef MODEL_AMDVI_REGS_H
#define MODEL_AMDVI_REGS_H

#include "base.h"

struct amdvi;

enum amdvi_reg {
	AMDVI_DEVTAB,
	AMDVI_CMDBUF,
	AMDVI_EVTLOG,
	AMDVI_CONTROL,
	AMDVI_EXCL_BASE,
	AMDVI_EXCL_LIMIT,
	AMDVI_EFR,
	AMDVI_PPRLOG,
	AMDVI_HWEVT_HI,
	AMDVI_HWEVT_LO,
	AMDVI_HWEVT_STATUS,
	AMDVI_GALOG,
	AMDVI_GALOG_TAIL_ADDR,
	AMDVI_MSI_HEADER,
	AMDVI_MSI_ADDR_LO,
	AMDVI_MSI_ADDR_HI,
	AMDVI_MSI_DATA,
	AMDVI_XT_GENERAL,
	AMDVI_XT_PPR,
	AMDVI_XT_GA,
	AMDVI_EFR2,
	AMDVI_CMD_HEAD,
	AMDVI_CMD_TAIL,
	AMDVI_EVT_HEAD,
	AMDVI_EVT_TAIL,
	AMDVI_STATUS,
	AMDVI_PPR_HEAD,
	AMDVI_PPR_TAIL,
	AMDVI_GA_HEAD,
	AMDVI_GA_TAIL,
	AMDVI_REGS
};

#define AMDVI_MMIO_BYTES 0x2050u /* up to the end of the last register */

#define DEVTAB_BASE SIO_MASK(51, 12)
#define DEVTAB_SIZE SIO_MASK(8, 0)
#define RING_BASE   SIO_MASK(51, 12)
#define RING_LENGTH SIO_MASK(59, 56)

#define CTRL_ENABLE        SIO_BIT(0)
#define CTRL_EVENT_LOG     SIO_BIT(2)
#define CTRL_EVENT_INT     SIO_BIT(3)
#define CTRL_COMPLETE_INT  SIO_BIT(4)
#define CTRL_COMMAND       SIO_BIT(12)
#define CTRL_PPR_LOG       SIO_BIT(13)
#define CTRL_PPR_INT       SIO_BIT(14)
#define CTRL_PPR           SIO_BIT(15)
#define CTRL_GT            SIO_BIT(16)
#define CTRL_GA            SIO_BIT(17)
#define CTRL_GAM           SIO_MASK(27, 25)
#define CTRL_GA_LOG        SIO_BIT(28)
#define CTRL_GA_INT        SIO_BIT(29)
#define CTRL_EPH           SIO_BIT(45)
#define CTRL_XT            SIO_BIT(50)
#define CTRL_XT_INT        SIO_BIT(51)
#define CTRL_IRT_CACHE_OFF SIO_BIT(59)

#define EXCL_ENABLE SIO_BIT(0)
#define EXCL_ALLOW  SIO_BIT(1)

#define STATUS_EVENT_OVERFLOW SIO_BIT(0)
#define STATUS_EVENT_INT      SIO_BIT(1)
#define STATUS_COMPLETE_INT   SIO_BIT(2)
#define STATUS_EVENT_RUN      SIO_BIT(3)
#define STATUS_COMMAND_RUN    SIO_BIT(4)
#define STATUS_PPR_OVERFLOW   SIO_BIT(5)
#define STATUS_PPR_INT        SIO_BIT(6)
#define STATUS_PPR_RUN        SIO_BIT(7)
#define STATUS_GA_RUN         SIO_BIT(8)
#define STATUS_GA_OVERFLOW    SIO_BIT(9)
#define STATUS_GA_INT         SIO_BIT(10)

#define HWEVT_VALID    SIO_BIT(0)
#define HWEVT_OVERFLOW SIO_BIT(1)

#define MSI_ENABLE   SIO_BIT(16)
#define MSI_MULTIPLE SIO_MASK(22, 20)

#define RING_POINTER SIO_MASK(18, 4)
#define GA_POINTER   SIO_MASK(15, 3)

/* Which dword belongs to which register: index of the register plus 1, 0 for none. */
struct amdvi_reg_map {
	uint8_t owner[AMDVI_MMIO_BYTES / 4];
};

/* Sets reset values. */
void amdvi_regs_init(struct amdvi *amdvi);
/* Values after power-on. */
void amdvi_regs_reset(struct amdvi *amdvi);
/* The unit's lock is held. */
uint64_t amdvi_regs_read(const struct amdvi *amdvi, uint32_t offset, unsigned width);
void amdvi_regs_write(struct amdvi *amdvi, uint32_t offset, unsigned width, uint64_t value);

#endif
