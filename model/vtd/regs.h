/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The register file of a VT-d unit: one table of registers, each with its writable and
 * write-1-to-clear bits, and what happens after a write.
 *
 * Source: Intel VT-d, "Register Descriptions". Registers of a feature that the capabilities do not
 * announce do not exist: they read as 0 and ignore writes. Accesses of 1, 2, 4 and 8 bytes work; a
 * 64-bit command register acts when its top byte, which holds the command bit, is written.
 */
#ifndef MODEL_VTD_REGS_H
#define MODEL_VTD_REGS_H

#include "base.h"

struct vtd;

enum vtd_reg {
	VTD_VER,
	VTD_CAP,
	VTD_ECAP,
	VTD_GCMD,
	VTD_GSTS,
	VTD_RTADDR,
	VTD_CCMD,
	VTD_FSTS,
	VTD_FECTL,
	VTD_FEDATA,
	VTD_FEADDR,
	VTD_FEUADDR,
	VTD_PMEN,
	VTD_PLMBASE,
	VTD_PLMLIMIT,
	VTD_PHMBASE,
	VTD_PHMLIMIT,
	VTD_IQH,
	VTD_IQT,
	VTD_IQA,
	VTD_ICS,
	VTD_IECTL,
	VTD_IEDATA,
	VTD_IEADDR,
	VTD_IEUADDR,
	VTD_IQERCD,
	VTD_IRTA,
	VTD_PQH,
	VTD_PQT,
	VTD_PQA,
	VTD_PRS,
	VTD_PECTL,
	VTD_PEDATA,
	VTD_PEADDR,
	VTD_PEUADDR,
	VTD_IVA,
	VTD_IOTLB,
	VTD_REGS
};

/* GCMD and GSTS. */
#define GCMD_TE    SIO_BIT(31)
#define GCMD_SRTP  SIO_BIT(30)
#define GCMD_WBF   SIO_BIT(27)
#define GCMD_QIE   SIO_BIT(26)
#define GCMD_IRE   SIO_BIT(25)
#define GCMD_SIRTP SIO_BIT(24)
#define GCMD_CFI   SIO_BIT(23)

#define RTADDR_ADDRESS SIO_MASK(63, 12)
#define RTADDR_SMT     SIO_BIT(10)
/* With or without SMT: a table mode that is reserved, or "abort DMA", which no unit here has. */
#define RTADDR_MODE_HI SIO_BIT(11)

#define CCMD_ICC  SIO_BIT(63)
#define CCMD_CIRG SIO_MASK(62, 61)
#define CCMD_CAIG SIO_MASK(60, 59)
#define CCMD_FM   SIO_MASK(33, 32)
#define CCMD_SID  SIO_MASK(31, 16)
#define CCMD_DID  SIO_MASK(15, 0)

#define IOTLB_IVT  SIO_BIT(63)
#define IOTLB_IIRG SIO_MASK(61, 60)
#define IOTLB_IAIG SIO_MASK(58, 57)
#define IOTLB_DID  SIO_MASK(47, 32)
#define IVA_ADDR   SIO_MASK(63, 12)
#define IVA_IH     SIO_BIT(6)
#define IVA_AM     SIO_MASK(5, 0)

#define FSTS_PFO   SIO_BIT(0)
#define FSTS_PPF   SIO_BIT(1)
#define FSTS_IQE   SIO_BIT(4)
#define FSTS_ICE   SIO_BIT(5)
#define FSTS_ITE   SIO_BIT(6)
#define FSTS_FRI   SIO_MASK(15, 8)
#define FSTS_EVENT (FSTS_PFO | FSTS_PPF | FSTS_IQE | FSTS_ICE | FSTS_ITE)

/* FECTL, IECTL, PECTL. */
#define EVENT_IM SIO_BIT(31)
#define EVENT_IP SIO_BIT(30)

#define PMEN_EPM SIO_BIT(31)
#define PMEN_PRS SIO_BIT(0)

#define IQA_ADDRESS   SIO_MASK(63, 12)
#define IQA_QS        SIO_MASK(2, 0)
#define IQA_DW        SIO_BIT(11)
#define IQH_IQT       SIO_MASK(18, 4)
#define ICS_IWC       SIO_BIT(0)
#define IQERCD_IQEI   SIO_MASK(3, 0)
#define IQERCD_ITESID SIO_MASK(47, 32)
#define IQERCD_ICESID SIO_MASK(63, 48)

#define IRTA_ADDRESS SIO_MASK(63, 12)
#define IRTA_EIME    SIO_BIT(11)
#define IRTA_SIZE    SIO_MASK(3, 0)

#define PQA_ADDRESS SIO_MASK(63, 12)
#define PQA_PQS     SIO_MASK(2, 0)
#define PRS_PPR     SIO_BIT(0)
#define PRS_PRO     SIO_BIT(1)

/* High word of a fault recording register. */
#define FRCD_F     SIO_BIT(63)
#define FRCD_T     SIO_BIT(62)
#define FRCD_PASID SIO_MASK(59, 40)
#define FRCD_FR    SIO_MASK(39, 32)
#define FRCD_PP    SIO_BIT(31)
#define FRCD_EXE   SIO_BIT(30)
#define FRCD_PRIV  SIO_BIT(29)
#define FRCD_SID   SIO_MASK(15, 0)

/* Which dword belongs to which register: index of the register plus 1, 0 for none. */
struct vtd_reg_map {
	uint16_t *owner;
	uint32_t dwords;
};

/* False: no memory. Sets reset values. */
bool vtd_regs_init(struct vtd *vtd);
/* Values after power-on, fault records included. */
void vtd_regs_reset(struct vtd *vtd);
void vtd_regs_fini(struct vtd *vtd);
/* The unit's lock is held. */
uint64_t vtd_regs_read(const struct vtd *vtd, uint32_t offset, unsigned width);
void vtd_regs_write(struct vtd *vtd, uint32_t offset, unsigned width, uint64_t value);

struct vtd_caps;
/* NULL: no two registers that the capabilities place overlap. */
const char *vtd_regs_overlap(const struct vtd_caps *caps);

#endif
