/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bench of vtd_rig.h with a unit in scalable mode: RID has a context entry, a PASID directory
 * with one PASID table, and PASID 0 of it is translated by the second-stage tables at PA_TOP.
 */
#ifndef TESTS_VTD_SM_RIG_H
#define TESTS_VTD_SM_RIG_H

#include "vtd_rig.h"

/* The pair of QEMU's unit in scalable mode: second stage only, no snoop control. */
#define ECAP_VTD48SM UINT64_C(0x480080f00f4a)

#define B(n)       (UINT64_C(1) << (n))
#define ECAP_C     B(0)
#define ECAP_DT    B(2)
#define ECAP_SC    B(7)
#define ECAP_NEST  B(26)
#define ECAP_PRS   B(29)
#define ECAP_ERS   B(30)
#define ECAP_SRS   B(31)
#define ECAP_EAFS  B(34)
#define ECAP_PASID (B(40) | UINT64_C(19) << 35)
#define ECAP_SLADS B(45)
#define ECAP_FLTS  B(47)
#define ECAP_SMPWC B(48)
#define ECAP_RPS   B(49)
#define CAP_FL1GP  B(56)
#define CAP_FL5LP  B(60)
#define CAP_ESRTPS B(63)

/* A server's: everything that scalable mode has. */
#define CAP_SERVER (CAP_VTD48 | CAP_FL1GP | CAP_FL5LP)
#define ECAP_SERVER                                                                      \
	(ECAP_VTD48SM | ECAP_C | ECAP_SC | ECAP_NEST | ECAP_ERS | ECAP_SRS | ECAP_EAFS | \
	 ECAP_PASID | ECAP_SLADS | ECAP_FLTS | ECAP_SMPWC | ECAP_RPS)

#define RTADDR_SM  0x400u
#define PA_DIR     0x15000u
#define PA_PASIDS  0x16000u
#define PA_UPPER   0x17000u /* context table of functions from 16.0 on */
#define PA_FIRST   0x18000u /* a first-stage top table */
#define SM_CONTEXT (PA_CONTEXT + 32 * 8)

#define PGTT_FIRST  (1u << 6)
#define PGTT_SECOND (2u << 6)
#define PGTT_NESTED (3u << 6)
#define PGTT_PASS   (4u << 6)
#define AW48        (2u << 2)
#define PWSNP       B(23)

/* The three words of a PASID entry that mean something. */
static inline void sm_pasid(struct rig *rig, uint32_t pasid, uint64_t w0, uint64_t w1, uint64_t w2)
{
	const pa_t pa = PA_PASIDS + 64 * (pa_t)pasid;

	poke(rig, pa + 16, w2);
	poke(rig, pa + 8, w1);
	poke(rig, pa, w0);
}

/* As rig_init(), in scalable mode and with the codes of `codes`. */
static inline void sm_init(struct rig *rig, uint64_t cap, uint64_t ecap, enum vtd_fault_codes codes)
{
	const struct vtd_cfg cfg = {.name = "dmar0",
				    .cap = cap,
				    .ecap = ecap,
				    .fault_codes = (uint8_t)codes};

	rig_init_cfg(rig, &cfg);
	poke2(rig, PA_ROOT + 16 * 1, PA_CONTEXT | 1, PA_UPPER | 1);
	poke2(rig, SM_CONTEXT, PA_DIR | (ecap & ECAP_PASID ? 8 : 0) | 1, 0);
	poke(rig, PA_DIR, PA_PASIDS | 1);
	sm_pasid(rig, 0, PA_TOP | PGTT_SECOND | AW48 | 1, DID, 0);
	wr(rig, R_RTADDR, 8, PA_ROOT | RTADDR_SM);
	gcmd(rig, G_SRTP, 0);
	wr(rig, R_IQA, 8, PA_QUEUE);
	gcmd(rig, G_QIE, 0);
	gcmd(rig, G_TE, 0);
}

static inline struct xlat prequest(struct rig *rig, uint32_t pasid, uint64_t iova,
				   enum dma_kind kind)
{
	const struct dma_req req = {.requester = RID,
				    .has_pasid = true,
				    .pasid = pasid,
				    .iova = iova,
				    .len = 8,
				    .kind = kind};

	return dma_translate(rig->port, &req);
}

static inline void flush_pasid_cache(struct rig *rig, unsigned granularity, uint16_t did,
				     uint32_t pasid)
{
	queue_push(rig, 7 | granularity << 4 | (uint64_t)did << 16 | (uint64_t)pasid << 32, 0);
	queue_wait(rig);
}

static inline void flush_pasid_iotlb(struct rig *rig, uint16_t did, uint32_t pasid)
{
	queue_push(rig, 6 | 2 << 4 | (uint64_t)did << 16 | (uint64_t)pasid << 32, 0);
	queue_wait(rig);
}

/* Where the first-stage entry for iova lies at `level` of the 4-level tables at `top`. */
static inline pa_t first_slot(struct rig *rig, pa_t top, uint64_t iova, unsigned level)
{
	pa_t table = top;

	for (unsigned l = 3; l > level; l--) {
		pa_t slot = table + 8 * (iova >> (12 + 9 * l) & 511);

		if (!(mem(rig, slot) & 1)) {
			poke(rig, slot, rig->next_table | 7);
			rig->next_table += 0x1000;
		}
		table = mem(rig, slot) & UINT64_C(0xffffffffff000);
	}
	return table + 8 * (iova >> (12 + 9 * level) & 511);
}

#endif
