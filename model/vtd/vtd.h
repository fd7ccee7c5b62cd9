/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An Intel VT-d remapping unit (DRHD): registers, memory-resident tables, caches, queued
 * invalidation and fault recording, configured by its CAP and ECAP values alone.
 *
 * Source: Intel Virtualization Technology for Directed I/O, "Register Descriptions", "Legacy Mode
 * Address Translation", "Caching Translation Information", "Queued Invalidation Interface", "Fault
 * Logging".
 *
 * Everything software can do to the unit goes through vtd's unit_ops.mmio_read/mmio_write and
 * through memory. Caches are filled by translations and emptied by invalidation commands only;
 * nothing else reaches into them.
 */
#ifndef MODEL_VTD_VTD_H
#define MODEL_VTD_VTD_H

#include "dma.h"
#include "pt/pt.h"
#include "unit.h"

/* Which codes a unit reports in scalable mode. */
enum vtd_fault_codes {
	VTD_FAULTS_MANUAL,
	VTD_FAULTS_QEMU_7_2, /* those of legacy mode, and 0x58 for all PASID structures */
};

struct vtd_cfg {
	const char *name;
	uint64_t cap;
	uint64_t ecap;
	uint8_t version;     /* VER register, 0: 0x10 (1.0) */
	uint8_t haw;         /* host address width in bits, 0: 46 */
	uint8_t fault_codes; /* enum vtd_fault_codes */
	/* What a cached page does not permit is blocked without a fault, as QEMU's unit does it. */
	bool quiet_hits;
	/* Take ECAP.C = 0 at its word: what a driver wrote is not seen before phys_table_flush().
	 */
	bool noncoherent;
};

/* Decoded capabilities; behaviour follows these bits. */
struct vtd_caps {
	uint64_t cap, ecap;
	uint32_t domain_ids;  /* CAP.ND */
	uint8_t mgaw;         /* bits */
	uint8_t sagaw;        /* bit n: n + 2 levels */
	uint8_t large_levels; /* bit 0 always, bit n from SLLPS */
	uint8_t mamv;
	uint8_t fault_records; /* NFR */
	uint16_t fault_offset; /* FRO in bytes */
	uint16_t iotlb_offset; /* IRO in bytes */
	uint8_t haw;
	bool caching_mode, psi, rwbf, zlr;
	bool coherent, qi, device_tlb, intremap, eim, pass_through, snoop_control;
	bool device_tlb_throttle; /* DIT: invalidations name the physical function */
	bool execute, supervisor; /* ERS, SRS */
	bool extended_accessed;   /* EAFS */
	bool page_requests;       /* PRS */
	bool scalable;            /* SMTS; the fields from here on are false without it */
	bool first_stage, second_stage, nested; /* FLTS, SLTS, NEST */
	bool first_1g, first_5level;            /* FL1GP, FL5LP */
	bool second_dirty;                      /* SLADS */
	bool walk_snoop;                        /* SMPWC */
	bool rid_pasid;                         /* RPS */
	bool pasid;
	uint8_t pasid_bits;      /* PSS */
	bool implied_root_flush; /* ESRTPS */
};

struct vtd_caps vtd_caps_decode(uint64_t cap, uint64_t ecap, uint8_t haw);
/* NULL when the pair can describe a unit that this model implements, else why not. */
const char *vtd_caps_check(const struct vtd_caps *caps);

/* NULL: no memory. `fabric` is where invalidation waits for translations under way. */
struct unit *vtd_create(const struct vtd_cfg *cfg, struct phys *phys, struct dma_fabric *fabric,
			const struct unit_env *env);
const struct vtd_caps *vtd_caps(const struct unit *unit);

/* The whole translation of an address as memory stands now, caches bypassed: for reports. */
struct vtd_trail {
	struct {
		const char *what; /* "root", "context", "pasid-directory", "pasid" */
		pa_t pa;
		uint64_t lo, hi; /* the first two words; hi is 0 where there is one */
	} entry[4];
	unsigned entries;
	struct pt_step step[PT_LEVELS_MAX]; /* of the only stage, or of the first of two */
	unsigned steps;
	bool nested, first_stage;             /* what `step` holds; nested: `second` too */
	struct pt_step second[PT_LEVELS_MAX]; /* nested: of the final address */
	unsigned seconds;
	uint16_t domain_id;
	uint32_t pasid; /* scalable mode */
	uint8_t top_level;
	struct xlat result;
};
void vtd_walk(struct unit *unit, const struct dma_req *req, struct vtd_trail *trail);

/* Text of a fault reason, NULL if the code is none of the manual's. */
const char *vtd_fault_text(uint8_t reason);

#endif
