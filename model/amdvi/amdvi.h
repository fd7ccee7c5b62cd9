/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An AMD-Vi remapping unit (IOMMU): registers, device table, caches, command buffer, event and page
 * request logs, interrupt remapping, configured by its extended feature registers and its PCI
 * capability header alone.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification, "Data Structures", "Commands",
 * "Event Logging", "Peripheral Page Requests", "Interrupt Remapping", "Registers".
 *
 * Everything software can do to the unit goes through amdvi's unit_ops.mmio_read/mmio_write, its
 * PCI configuration space and memory. Caches are filled by translations and emptied by commands
 * only; nothing else reaches into them.
 */
#ifndef MODEL_AMDVI_AMDVI_H
#define MODEL_AMDVI_AMDVI_H

#include "dma.h"
#include "pt/pt.h"
#include "unit.h"

/* Extended feature register. */
#define AMDVI_EFR_PREFETCH SIO_BIT(0)
#define AMDVI_EFR_PPR      SIO_BIT(1)
#define AMDVI_EFR_XT       SIO_BIT(2)
#define AMDVI_EFR_NX       SIO_BIT(3)
#define AMDVI_EFR_GT       SIO_BIT(4)
#define AMDVI_EFR_IA       SIO_BIT(6)
#define AMDVI_EFR_GA       SIO_BIT(7)
#define AMDVI_EFR_HE       SIO_BIT(8)
#define AMDVI_EFR_PC       SIO_BIT(9)
#define AMDVI_EFR_HATS     SIO_MASK(11, 10)
#define AMDVI_EFR_GATS     SIO_MASK(13, 12)
#define AMDVI_EFR_GLX      SIO_MASK(15, 14)
#define AMDVI_EFR_GAM      SIO_MASK(23, 21)
#define AMDVI_EFR_PASMAX   SIO_MASK(36, 32)
#define AMDVI_EFR_MSI      SIO_BIT(46)
#define AMDVI_EFR_GIO      SIO_BIT(48)
#define AMDVI_EFR_HA       SIO_BIT(49)
#define AMDVI_EFR_EPH      SIO_BIT(50)
#define AMDVI_EFR_HD       SIO_BIT(52)

/* PCI capability header. */
#define AMDVI_CAP_IOTLB    SIO_BIT(24)
#define AMDVI_CAP_HT       SIO_BIT(25)
#define AMDVI_CAP_NP_CACHE SIO_BIT(26)
#define AMDVI_CAP_EFR      SIO_BIT(27)

struct amdvi_cfg {
	const char *name;
	uint64_t efr;
	uint64_t efr2;
	uint32_t capability; /* header of the PCI capability; 0: 0x1f03000f */
	uint16_t devid;      /* the unit's own PCI function */
	uint8_t haw;         /* host address width in bits, 0: 52 */
	/* Judge device table entries by the masks of early emulated units, which reserve guest
	 * fields. */
	bool old_reserved_masks;
};

/* Decoded capabilities; behaviour follows these. */
struct amdvi_caps {
	uint64_t efr, efr2;
	uint32_t capability;
	uint8_t haw;
	uint8_t host_levels;  /* largest paging mode, 4 to 6 */
	uint8_t guest_levels; /* 4 or 5 */
	uint8_t gcr3_levels;  /* 1 to 3 */
	uint8_t pasid_bits;   /* 1 to 20 */
	bool np_cache, device_tlb, guest, old_reserved_masks;
};

struct amdvi_caps amdvi_caps_decode(const struct amdvi_cfg *cfg);
/* NULL when the registers can describe a unit that this model implements, else why not. */
const char *amdvi_caps_check(const struct amdvi_caps *caps);

/* NULL: no memory. `fabric` is where invalidation waits for translations under way. */
struct unit *amdvi_create(const struct amdvi_cfg *cfg, struct phys *phys, struct dma_fabric *fabric,
			  const struct unit_env *env);
const struct amdvi_caps *amdvi_caps(const struct unit *unit);

/*
 * The PCI function of the unit, as far as the IOMMU and MSI capabilities: offsets 0x40 to 0x77 of
 * its configuration space. Whatever else is there reads as 0.
 */
#define AMDVI_CONFIG_CAPABILITY 0x40u
#define AMDVI_CONFIG_MSI        0x64u /* header; +4 and +8 address, +0xc data */
uint32_t amdvi_config_read(struct unit *unit, uint32_t offset);
void amdvi_config_write(struct unit *unit, uint32_t offset, uint32_t value);

/* Event codes: also the reason of a fault (struct xlat, struct dma_fault). */
enum amdvi_event_code {
	AMDVI_ILLEGAL_DEV_TABLE_ENTRY = 1,
	AMDVI_IO_PAGE_FAULT = 2,
	AMDVI_DEV_TAB_HARDWARE_ERROR = 3,
	AMDVI_PAGE_TAB_HARDWARE_ERROR = 4,
	AMDVI_ILLEGAL_COMMAND_ERROR = 5,
	AMDVI_COMMAND_HARDWARE_ERROR = 6,
	AMDVI_IOTLB_INV_TIMEOUT = 7,
	AMDVI_INVALID_DEVICE_REQUEST = 8,
	AMDVI_INVALID_PPR_REQUEST = 9,
};

/* Text of an event code, NULL if the code is none of the manual's. */
const char *amdvi_event_text(uint8_t code);

/* The whole translation of an address as memory stands now, caches bypassed: for reports. */
struct amdvi_trail {
	struct {
		const char *what; /* "device table", "guest CR3" */
		pa_t pa;
		unsigned words;
		uint64_t word[4];
	} entry[4];
	unsigned entries;
	/* Of the tables that the device's address indexes: v2 if `guest`, else v1. */
	struct pt_step step[PT_LEVELS_MAX];
	unsigned steps;
	/* Nested: the v1 walk of the guest physical address that the v2 tables lead to. */
	struct pt_step host_step[PT_LEVELS_MAX];
	unsigned host_steps;
	bool guest, nested;
	uint16_t domain_id;
	uint8_t top_level;
	struct xlat result;
};
void amdvi_walk(struct unit *unit, const struct dma_req *req, struct amdvi_trail *trail);

#endif
