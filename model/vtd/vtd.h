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

struct vtd_cfg {
	const char *name;
	uint64_t cap;
	uint64_t ecap;
	uint8_t version; /* VER register, 0: 0x10 (1.0) */
	uint8_t haw;     /* host address width in bits, 0: 46 */
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
		const char *what; /* "root", "context" */
		pa_t pa;
		uint64_t lo, hi;
	} entry[2];
	unsigned entries;
	struct pt_step step[PT_LEVELS_MAX];
	unsigned steps;
	uint16_t domain_id;
	uint8_t top_level;
	struct xlat result;
};
void vtd_walk(struct unit *unit, const struct dma_req *req, struct vtd_trail *trail);

/* Text of a fault reason, NULL if the code is none of the manual's. */
const char *vtd_fault_text(uint8_t reason);

#endif
