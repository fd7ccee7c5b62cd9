/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An AMD-Vi unit on a bench: memory, a fabric, a port and one unit, driven by registers and memory
 * only.
 *
 * Tables are laid by hand at fixed addresses, with a builder of its own (rig_slot), so that a
 * mistake shared by driver and walker cannot hide here.
 */
#ifndef TESTS_AMDVI_RIG_H
#define TESTS_AMDVI_RIG_H

#include "amdvi/amdvi.h"
#include "dma_port.h"
#include "harness.h"

#include <string.h>

#define EFR_RECORDED UINT64_C(0x29d3)
#define CAP_RECORDED 0x1f03000fu
#define CAP_NO_NP    (CAP_RECORDED & ~0x04000000u)
/* Everything that adds translations: six levels, GT, three GCR3 levels, 20-bit PASIDs, HA, HD. */
#define EFR_FULL UINT64_C(0x00130013000099d7)

#define R_DEVTAB     0x00
#define R_CMDBUF     0x08
#define R_EVTLOG     0x10
#define R_CONTROL    0x18
#define R_EXCL_BASE  0x20
#define R_EXCL_LIMIT 0x28
#define R_EFR        0x30
#define R_PPRLOG     0x38
#define R_CMD_HEAD   0x2000
#define R_CMD_TAIL   0x2008
#define R_EVT_HEAD   0x2010
#define R_EVT_TAIL   0x2018
#define R_STATUS     0x2020
#define R_PPR_HEAD   0x2030
#define R_PPR_TAIL   0x2038

#define C_ENABLE     UINT64_C(1)
#define C_EVENT_LOG  (UINT64_C(1) << 2)
#define C_EVENT_INT  (UINT64_C(1) << 3)
#define C_WAIT_INT   (UINT64_C(1) << 4)
#define C_COMMAND    (UINT64_C(1) << 12)
#define C_PPR_LOG    (UINT64_C(1) << 13)
#define C_PPR_INT    (UINT64_C(1) << 14)
#define C_PPR        (UINT64_C(1) << 15)
#define C_GT         (UINT64_C(1) << 16)
#define C_GA         (UINT64_C(1) << 17)
#define C_ALL_BUT_GA (C_ENABLE | C_EVENT_LOG | C_COMMAND | C_GT)

/* Where things lie. */
#define PA_CMD       0x100000u /* 256 commands */
#define PA_EVT       0x102000u /* 256 events */
#define PA_PPR       0x104000u
#define PA_WAIT      0x106000u
#define PA_DEVTAB    0x400000u /* 65536 entries */
#define PA_TOP       0x700000u
#define PA_POKED_END 0x2000000u               /* of what tests write themselves */
#define PA_NOWHERE   UINT64_C(0x300000000000) /* beyond RAM, within 52 bits */

#define RID 0x0108 /* 01:01.0 */
#define DID 7

/* Bits of a v1 entry. */
#define V1_LEAF  UINT64_C(0x6000000000000001) /* present, IR, IW */
#define V1_READ  UINT64_C(0x2000000000000001)
#define V1_WRITE UINT64_C(0x4000000000000001)

struct rig {
	struct phys *phys;
	struct dma_fabric *fabric;
	struct dma_port *port;
	struct unit *unit;
	uint32_t cmd_tail, evt_head;
	uint64_t waits;
	pa_t next_table;
	uint64_t clock;
	unsigned msis, stales, irqs;
	uint64_t msi_address;
	uint32_t msi_data;
	struct stale_use stale[8];
	bool poked[PA_POKED_END / SIO_PAGE_SIZE];
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

static inline uint64_t rd(struct rig *rig, uint32_t offset)
{
	return rig->unit->ops->mmio_read(rig->unit, offset, 8);
}

static inline void wr(struct rig *rig, uint32_t offset, uint64_t value)
{
	rig->unit->ops->mmio_write(rig->unit, offset, 8, value);
}

static inline uint64_t mem(struct rig *rig, pa_t pa)
{
	uint64_t value;

	ck_assert(phys_read(rig->phys, pa, &value, 8));
	return value;
}

/* As a processor writes it: whole, and after what it wrote before. */
static inline void poke(struct rig *rig, pa_t pa, uint64_t value)
{
	ck_assert_uint_lt(pa, PA_POKED_END);
	/* A page that was never written reads as zero: the first time memory has to be told. */
	if (!rig->poked[pa >> SIO_PAGE_LG2]) {
		rig->poked[pa >> SIO_PAGE_LG2] = true;
		ck_assert(phys_write(rig->phys, pa, &value, sizeof(value)));
		return;
	}
	__atomic_store_n((uint64_t *)phys_ptr(rig->phys, pa), value, __ATOMIC_RELEASE);
}

static inline void control(struct rig *rig, uint64_t set, uint64_t clear)
{
	wr(rig, R_CONTROL, (rd(rig, R_CONTROL) | set) & ~clear);
}

/* Memory and a unit that is switched off, with its device table and rings in place. */
static inline void rig_init_off(struct rig *rig, const struct amdvi_cfg *cfg)
{
	const struct phys_cfg memory = {.ram_bytes = UINT64_C(1) << 33};
	const struct unit_env env = {rig, rig_msi, rig_stale, rig_clock, NULL};

	memset(rig, 0, sizeof(*rig));
	rig->next_table = PA_TOP + 0x1000;
	rig->phys = phys_create(&memory);
	ck_assert_ptr_nonnull(rig->phys);
	rig->fabric = dma_fabric_create(rig->phys);
	ck_assert_ptr_nonnull(rig->fabric);
	rig->unit = amdvi_create(cfg, rig->phys, rig->fabric, &env);
	ck_assert_ptr_nonnull(rig->unit);
	ck_assert_ptr_null(amdvi_caps_check(amdvi_caps(rig->unit)));
	ck_assert(dma_fabric_claim_rest(rig->fabric, 0, rig->unit));
	rig->port = dma_port_create(rig->fabric);
	ck_assert_ptr_nonnull(rig->port);
	wr(rig, R_DEVTAB, PA_DEVTAB | 511);
	wr(rig, R_CMDBUF, PA_CMD | UINT64_C(8) << 56);
	wr(rig, R_EVTLOG, PA_EVT | UINT64_C(8) << 56);
	if (cfg->efr & AMDVI_EFR_PPR)
		wr(rig, R_PPRLOG, PA_PPR | UINT64_C(8) << 56);
	/* Capability and MSI as software sets them up: 64-bit, vector 0x41 to processor 3. */
	amdvi_config_write(rig->unit, 0x68, 0xfee03000);
	amdvi_config_write(rig->unit, 0x6c, 0);
	amdvi_config_write(rig->unit, 0x70, 0x41);
	amdvi_config_write(rig->unit, 0x64, 1u << 16);
}

static inline void rig_dte(struct rig *rig, uint16_t rid, uint64_t w0, uint64_t w1, uint64_t w2)
{
	const pa_t at = PA_DEVTAB + 32 * (pa_t)rid;

	poke(rig, at + 8, w1);
	poke(rig, at + 16, w2);
	poke(rig, at, w0);
}

/* Word 0 of an entry with v1 tables at PA_TOP: valid, IR, IW. */
static inline uint64_t dte_v1(unsigned mode)
{
	return UINT64_C(0x6000000000000003) | (uint64_t)mode << 9 | PA_TOP;
}

/* Translating: RID is in domain DID, v1 tables of four levels, empty. */
static inline void rig_init(struct rig *rig, uint64_t efr, uint32_t capability)
{
	const struct amdvi_cfg cfg = {.name = "ivhd0", .efr = efr, .capability = capability};

	rig_init_off(rig, &cfg);
	rig_dte(rig, RID, dte_v1(4), DID, 0);
	wr(rig, R_CONTROL, C_ALL_BUT_GA);
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

/* Where the v1 entry for iova lies at `level` (0: leaves) of the four-level tables at PA_TOP. */
static inline pa_t rig_slot(struct rig *rig, uint64_t iova, unsigned level)
{
	pa_t table = PA_TOP;

	for (unsigned l = 3; l > level; l--) {
		pa_t slot = table + 8 * (iova >> (12 + 9 * l) & 511);

		if (!(mem(rig, slot) & 1)) {
			poke(rig, slot, V1_LEAF | rig->next_table | (uint64_t)l << 9);
			rig->next_table += 0x1000;
		}
		table = mem(rig, slot) & UINT64_C(0xffffffffff000);
	}
	return table + 8 * (iova >> (12 + 9 * level) & 511);
}

static inline void rig_map(struct rig *rig, uint64_t iova, uint64_t leaf)
{
	poke(rig, rig_slot(rig, iova, 0), leaf);
}

static inline void push(struct rig *rig, uint64_t lo, uint64_t hi)
{
	poke(rig, PA_CMD + rig->cmd_tail, lo);
	poke(rig, PA_CMD + rig->cmd_tail + 8, hi);
	rig->cmd_tail = (rig->cmd_tail + 16) % 4096;
}

static inline void kick(struct rig *rig)
{
	wr(rig, R_CMD_TAIL, rig->cmd_tail);
}

/* COMPLETION_WAIT with store; it must complete. */
static inline void wait_done(struct rig *rig)
{
	uint64_t token = ++rig->waits | UINT64_C(0xabcd) << 48;

	push(rig, UINT64_C(1) << 60 | PA_WAIT | 1, token);
	kick(rig);
	ck_assert_uint_eq(mem(rig, PA_WAIT), token);
	ck_assert_uint_eq(rd(rig, R_CMD_HEAD), rig->cmd_tail);
}

static inline void flush_device(struct rig *rig, uint16_t rid)
{
	push(rig, UINT64_C(2) << 60 | rid, 0);
	wait_done(rig);
}

/* INVALIDATE_IOMMU_PAGES: the high word as given (S 1, PDE 2, GN 4, address). */
static inline void flush_pages(struct rig *rig, uint16_t domain, uint32_t pasid, uint64_t hi)
{
	push(rig, UINT64_C(3) << 60 | (uint64_t)domain << 32 | pasid, hi);
	wait_done(rig);
}

#define ALL_PAGES UINT64_C(0x7ffffffffffff003) /* S and PDE */

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

static inline struct xlat pasid_request(struct rig *rig, uint32_t pasid, uint64_t iova,
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

/* Exactly one event was logged since the last look, and it is this one. */
#define ck_event(rig, lo, hi)                                                          \
	do {                                                                           \
		ck_assert_uint_eq(rd(rig, R_EVT_TAIL), ((rig)->evt_head + 16) % 4096); \
		ck_assert_uint_eq(mem(rig, PA_EVT + (rig)->evt_head), lo);             \
		ck_assert_uint_eq(mem(rig, PA_EVT + (rig)->evt_head + 8), hi);         \
		(rig)->evt_head = ((rig)->evt_head + 16) % 4096;                       \
		wr(rig, R_EVT_HEAD, (rig)->evt_head);                                  \
	} while (0)

#define ck_no_event(rig) ck_assert_uint_eq(rd(rig, R_EVT_TAIL), (rig)->evt_head)

/* Skip what has been logged. */
static inline void forget_events(struct rig *rig)
{
	rig->evt_head = (uint32_t)rd(rig, R_EVT_TAIL);
	wr(rig, R_EVT_HEAD, rig->evt_head);
}

#define ck_translates(x, to)                     \
	do {                                     \
		struct xlat x_ = (x);            \
		ck_assert_uint_eq(x_.reason, 0); \
		ck_assert_uint_eq(x_.pa, to);    \
	} while (0)

#define ck_faults(x, why) ck_assert_uint_eq((x).reason, why)

#endif
