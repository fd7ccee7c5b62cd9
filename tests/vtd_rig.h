/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VT-d unit on a bench: memory, a fabric, a port and one unit, driven by registers and memory
 * only.
 *
 * Tables are laid by hand at fixed addresses, with a builder of its own (rig_map), so that a
 * mistake shared by driver and walker cannot hide here.
 */
#ifndef TESTS_VTD_RIG_H
#define TESTS_VTD_RIG_H

#include "dma_port.h"
#include "harness.h"
#include "vtd/vtd.h"

#include <string.h>

#define CAP_VTD48  UINT64_C(0xd2008c222f0606)
#define ECAP_VTD48 UINT64_C(0xf00fca)
#define CAP_CM     (UINT64_C(1) << 7)
#define CAP_ZLR    (UINT64_C(1) << 22)
#define CAP_NFR(n) ((uint64_t)((n)-1) << 40)

#define R_GCMD    0x18
#define R_GSTS    0x1c
#define R_RTADDR  0x20
#define R_CCMD    0x28
#define R_FSTS    0x34
#define R_FECTL   0x38
#define R_FEDATA  0x3c
#define R_FEADDR  0x40
#define R_FEUADDR 0x44
#define R_IQH     0x80
#define R_IQT     0x88
#define R_IQA     0x90
#define R_ICS     0x9c
#define R_IECTL   0xa0
#define R_IEDATA  0xa4
#define R_IEADDR  0xa8
#define R_IEUADDR 0xac
#define R_IQERCD  0xb0
#define R_IVA     0xf0
#define R_IOTLB   0xf8
#define R_FRCD    0x220

#define G_TE   0x80000000u
#define G_SRTP 0x40000000u
#define G_QIE  0x04000000u

/* Where things lie. */
#define PA_ROOT    0x10000u
#define PA_CONTEXT 0x11000u /* of bus 1 */
#define PA_QUEUE   0x12000u
#define PA_STATUS  0x14000u
#define PA_TOP     0x20000u
#define PA_DATA    0x10000000u
#define PA_NOWHERE UINT64_C(0x300000000000) /* beyond RAM, within 46 bits */

#define RID 0x0108 /* 01:01.0 */
#define DID 7

struct rig {
	struct phys *phys;
	struct dma_fabric *fabric;
	struct dma_port *port;
	struct unit *unit;
	uint32_t tail, gcmd, waits;
	pa_t next_table;
	uint64_t clock;
	unsigned msis, stales;
	uint64_t msi_address;
	uint32_t msi_data;
	struct stale_use stale[8];
};

static inline void rig_msi(void *ctx, uint64_t address, uint32_t data)
{
	struct rig *rig = ctx;

	rig->msis++;
	rig->msi_address = address;
	rig->msi_data = data;
}

static inline void rig_stale(void *ctx, const struct stale_use *use)
{
	struct rig *rig = ctx;

	ck_assert_uint_lt(rig->stales, 8);
	rig->stale[rig->stales++] = *use;
}

static inline uint64_t rig_clock(void *ctx)
{
	return ((struct rig *)ctx)->clock;
}

static inline uint64_t rd(struct rig *rig, uint32_t offset, unsigned width)
{
	return rig->unit->ops->mmio_read(rig->unit, offset, width);
}

static inline void wr(struct rig *rig, uint32_t offset, unsigned width, uint64_t value)
{
	rig->unit->ops->mmio_write(rig->unit, offset, width, value);
}

static inline uint64_t mem(struct rig *rig, pa_t pa)
{
	uint64_t value;

	ck_assert(phys_read(rig->phys, pa, &value, 8));
	return value;
}

static inline void poke(struct rig *rig, pa_t pa, uint64_t value)
{
	ck_assert(phys_write(rig->phys, pa, &value, 8));
}

static inline void poke2(struct rig *rig, pa_t pa, uint64_t lo, uint64_t hi)
{
	poke(rig, pa + 8, hi);
	poke(rig, pa, lo);
}

/* Change bits of GCMD the way drivers do: status without the one-shot bits, plus or minus one. */
static inline void gcmd(struct rig *rig, uint32_t set, uint32_t clear)
{
	uint32_t status = (uint32_t)rd(rig, R_GSTS, 4) & 0x96ffffffu;

	wr(rig, R_GCMD, 4, (status | set) & ~clear);
}

/* Memory and a unit that is switched off. */
static inline void rig_init_cfg(struct rig *rig, const struct vtd_cfg *cfg)
{
	const struct phys_cfg memory = {.ram_bytes = UINT64_C(1) << 33};
	const struct unit_env env = {.ctx = rig,
				     .msi = rig_msi,
				     .stale = rig_stale,
				     .clock = rig_clock};

	memset(rig, 0, sizeof(*rig));
	rig->next_table = PA_TOP + 0x1000;
	rig->phys = phys_create(&memory);
	ck_assert_ptr_nonnull(rig->phys);
	rig->fabric = dma_fabric_create(rig->phys);
	ck_assert_ptr_nonnull(rig->fabric);
	rig->unit = vtd_create(cfg, rig->phys, rig->fabric, &env);
	ck_assert_ptr_nonnull(rig->unit);
	ck_assert_ptr_null(vtd_caps_check(vtd_caps(rig->unit)));
	ck_assert(dma_fabric_claim_rest(rig->fabric, 0, rig->unit));
	rig->port = dma_port_create(rig->fabric);
	ck_assert_ptr_nonnull(rig->port);
}

static inline void rig_init_off(struct rig *rig, uint64_t cap, uint64_t ecap)
{
	const struct vtd_cfg cfg = {.name = "dmar0", .cap = cap, .ecap = ecap};

	rig_init_cfg(rig, &cfg);
}

/* On: bus 1 has a context table in which RID is in domain DID, 4 levels, empty tables. */
static inline void rig_start(struct rig *rig, uint64_t ecap)
{
	poke2(rig, PA_ROOT + 16 * 1, PA_CONTEXT | 1, 0);
	poke2(rig, PA_CONTEXT + 16 * 8, PA_TOP | 1, 2 | DID << 8);
	wr(rig, R_RTADDR, 8, PA_ROOT);
	gcmd(rig, G_SRTP, 0);
	if (ecap & 2) {
		wr(rig, R_IQA, 8, PA_QUEUE);
		gcmd(rig, G_QIE, 0);
	}
	gcmd(rig, G_TE, 0);
}

/* Translating. */
static inline void rig_init(struct rig *rig, uint64_t cap, uint64_t ecap)
{
	rig_init_off(rig, cap, ecap);
	rig_start(rig, ecap);
}

static inline void rig_fini(struct rig *rig)
{
	const char *wrong = rig->unit->ops->audit(rig->unit);

	ck_assert_msg(!wrong, "audit: %s", wrong);
	dma_port_destroy(rig->port);
	rig->unit->ops->destroy(rig->unit);
	dma_fabric_destroy(rig->fabric);
	phys_destroy(rig->phys);
}

/* Where the entry for iova lies at `level` (0: leaves) of the tables at PA_TOP; makes tables. */
static inline pa_t rig_slot(struct rig *rig, uint64_t iova, unsigned level)
{
	pa_t table = PA_TOP;

	for (unsigned l = 3; l > level; l--) {
		pa_t slot = table + 8 * (iova >> (12 + 9 * l) & 511);

		if (!(mem(rig, slot) & 3)) {
			poke(rig, slot, rig->next_table | 3);
			rig->next_table += 0x1000;
		}
		table = mem(rig, slot) & UINT64_C(0xffffffffff000);
	}
	return table + 8 * (iova >> (12 + 9 * level) & 511);
}

/* A 4 KiB leaf: address and the low bits as given (1 read, 2 write). */
static inline void rig_map(struct rig *rig, uint64_t iova, uint64_t leaf)
{
	poke(rig, rig_slot(rig, iova, 0), leaf);
}

static inline void queue_push(struct rig *rig, uint64_t lo, uint64_t hi)
{
	poke2(rig, PA_QUEUE + rig->tail, lo, hi);
	rig->tail = (rig->tail + 16) % 4096;
}

static inline void queue_kick(struct rig *rig)
{
	wr(rig, R_IQT, 8, rig->tail);
}

/* A wait descriptor with status write; it must complete. */
static inline void queue_wait(struct rig *rig)
{
	uint32_t token = ++rig->waits;

	queue_push(rig, 5 | 1 << 5 | (uint64_t)token << 32, PA_STATUS);
	queue_kick(rig);
	ck_assert_uint_eq((uint32_t)mem(rig, PA_STATUS), token);
	ck_assert_uint_eq(rd(rig, R_IQH, 8), rig->tail);
}

static inline void flush_iotlb_page(struct rig *rig, uint16_t did, uint64_t address, unsigned am,
				    bool ih)
{
	queue_push(rig, 2 | 3 << 4 | (uint64_t)did << 16, address | (uint64_t)ih << 6 | am);
	queue_wait(rig);
}

static inline void flush_iotlb_domain(struct rig *rig, uint16_t did)
{
	queue_push(rig, 2 | 2 << 4 | (uint64_t)did << 16, 0);
	queue_wait(rig);
}

static inline void flush_iotlb(struct rig *rig)
{
	queue_push(rig, 2 | 1 << 4, 0);
	queue_wait(rig);
}

static inline void flush_context(struct rig *rig, unsigned granularity, uint16_t did, uint16_t rid)
{
	queue_push(rig, 1 | granularity << 4 | (uint64_t)did << 16 | (uint64_t)rid << 32, 0);
	queue_wait(rig);
}

static inline struct xlat request(struct rig *rig, uint16_t rid, uint64_t iova, enum dma_kind kind)
{
	const struct dma_req req = {.requester = rid, .iova = iova, .len = 8, .kind = kind};

	return dma_translate(rig->port, &req);
}

static inline struct xlat rread(struct rig *rig, uint64_t iova)
{
	return request(rig, RID, iova, DMA_READ);
}

static inline struct xlat rwrite(struct rig *rig, uint64_t iova)
{
	return request(rig, RID, iova, DMA_WRITE);
}

#define ck_translates(x, to)                     \
	do {                                     \
		struct xlat x_ = (x);            \
		ck_assert_uint_eq(x_.reason, 0); \
		ck_assert_uint_eq(x_.pa, to);    \
	} while (0)

#define ck_faults(x, why) ck_assert_uint_eq((x).reason, why)

#endif
