/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine with VT-d units for tests of the driver, and a second decoder of what the driver wrote:
 * root, context and page-table entries are taken apart here by hand, from raw memory.
 */
#ifndef TESTS_DRV_VTD_RIG_H
#define TESTS_DRV_VTD_RIG_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "drv/drv_vtd.h"

/* The recordings' units. */
#define CAP_48     UINT64_C(0xd2008c222f0606)
#define CAP_39     UINT64_C(0xd2008c22260206)
#define ECAP_SC    UINT64_C(0xf00fca)
#define ECAP_NO_SC UINT64_C(0xf00f4a)

#define CAP_CM    SIO_BIT(7)
#define CAP_RWBF  SIO_BIT(4)
#define CAP_PSI   SIO_BIT(39)
#define CAP_SLLPS SIO_MASK(37, 34)
#define CAP_ND    SIO_MASK(2, 0)
#define ECAP_QI   SIO_BIT(1)
#define ECAP_IR   SIO_BIT(3)

#define RIG_RAM SIO_BIT(28)

struct rig_cfg {
	uint64_t cap[2], ecap[2];
	unsigned units; /* unit 1 serves bus 2 and what lies on it, unit 0 the rest */
	bool intremap;
	const struct drv_vtd_rmrr *rmrr;
	unsigned rmrr_count;
};

struct rig {
	struct iommu iommu;
	struct topology topo;
	struct unit *unit[2];
	struct drv_vtd *drv;
	struct dma_port *port;
	struct iommu_domain *domain;
	unsigned msis, stale;
	uint64_t msi_address;
	uint32_t msi_data;
	bool units_first; /* teardown: the driver goes before the core */
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

	(void)use;
	rig->stale++;
}

static inline void rig_port(struct rig *rig, uint8_t dev, uint8_t bus, uint8_t last_bus)
{
	const char *why;

	ck_assert_ptr_nonnull(topology_add(&rig->topo,
					   &(struct pci_function){
						   .rid = PCI_RID(0, PCI_DEVFN(dev, 0)),
						   .type = PCI_ROOT_PORT,
						   .has_acs = true,
						   .acs_cap = ACS_ISOLATED,
						   .acs_ctrl = ACS_ISOLATED,
						   .secondary_bus = bus,
						   .subordinate_bus = last_bus,
					   },
					   &why));
}

static inline void rig_function(struct rig *rig, uint8_t bus, uint8_t dev, enum pci_type type,
				uint8_t below)
{
	const char *why;

	ck_assert_ptr_nonnull(topology_add(&rig->topo,
					   &(struct pci_function){
						   .rid = PCI_RID(bus, PCI_DEVFN(dev, 0)),
						   .type = type,
						   .secondary_bus = below,
						   .subordinate_bus = below,
					   },
					   &why));
}

/* A at 01:00.0, B at 02:00.0, E at 05:01.0 behind a PCIe-to-PCI bridge at 04:00.0. */
static inline void rig_topology(struct rig *rig)
{
	topology_init(&rig->topo);
	rig_port(rig, 1, 1, 1);
	rig_port(rig, 2, 2, 2);
	rig_port(rig, 4, 4, 5);
	rig_function(rig, 1, 0, PCI_ENDPOINT, 0);
	rig_function(rig, 2, 0, PCI_ENDPOINT, 0);
	rig_function(rig, 4, 0, PCI_BRIDGE_PCIE_TO_PCI, 5);
	rig_function(rig, 5, 1, PCI_CONVENTIONAL, 0);
}

#define RID_A     PCI_RID(1, 0)
#define RID_B     PCI_RID(2, 0)
#define RID_E     PCI_RID(5, PCI_DEVFN(1, 0))
#define RID_E_BUS PCI_RID(5, 0)

static inline void rig_units(struct rig *rig, const struct rig_cfg *cfg)
{
	const struct unit_env env = {.ctx = rig, .msi = rig_msi, .stale = rig_stale};
	const char *taken;

	for (unsigned i = 0; i < cfg->units; i++) {
		struct vtd_cfg unit = {.name = i ? "dmar1" : "dmar0",
				       .cap = cfg->cap[i],
				       .ecap = cfg->ecap[i]};

		rig->unit[i] = vtd_create(&unit, rig->iommu.phys, rig->iommu.fabric, &env);
		ck_assert_ptr_nonnull(rig->unit[i]);
	}
	if (cfg->units == 2)
		ck_assert(dma_fabric_claim(rig->iommu.fabric, 0, RID_B, rig->unit[1], &taken));
	ck_assert(dma_fabric_claim_rest(rig->iommu.fabric, 0, rig->unit[0]));
}

static inline void rig_open(struct rig *rig, const struct rig_cfg *cfg)
{
	struct iommu_device *dev;

	*rig = (struct rig){0};
	rig_topology(rig);
	rig->iommu.topology = &rig->topo;
	rig->iommu.phys = phys_create(&(struct phys_cfg){.ram_bytes = RIG_RAM});
	ck_assert_ptr_nonnull(rig->iommu.phys);
	rig->iommu.fabric = dma_fabric_create(rig->iommu.phys);
	ck_assert_ptr_nonnull(rig->iommu.fabric);
	rig_units(rig, cfg);
	rig->port = dma_port_create(rig->iommu.fabric);
	ck_assert_ptr_nonnull(rig->port);
	ck_assert_int_eq(iommu_init(&rig->iommu), 0);
	ck_assert_int_eq(drv_vtd_probe(&rig->iommu,
				       &(struct drv_vtd_cfg){.units = rig->unit,
							     .unit_count = cfg->units,
							     .intremap = cfg->intremap,
							     .rmrr = cfg->rmrr,
							     .rmrr_count = cfg->rmrr_count},
				       &rig->drv),
			 0);
	for (struct pci_function *fn = rig->topo.first; fn; fn = fn->next)
		ck_assert_int_eq(iommu_device_add(&rig->iommu, fn, &dev), 0);
}

static inline void rig_audit(const struct rig *rig)
{
	const char *what = iommu_audit(&rig->iommu);

	ck_assert_msg(!what, "%s", what);
	for (unsigned i = 0; i < 2; i++) {
		what = rig->unit[i] ? rig->unit[i]->ops->audit(rig->unit[i]) : NULL;
		ck_assert_msg(!what, "%s", what);
	}
}

static inline void rig_close(struct rig *rig)
{
	rig_audit(rig);
	if (rig->units_first)
		drv_vtd_remove(rig->drv);
	iommu_fini(&rig->iommu);
	if (!rig->units_first)
		drv_vtd_remove(rig->drv);
	/* Every table, queue and root went back. */
	ck_assert_uint_eq(phys_table_count(rig->iommu.phys), 0);
	dma_port_destroy(rig->port);
	for (unsigned i = 0; i < 2; i++) {
		if (rig->unit[i])
			rig->unit[i]->ops->destroy(rig->unit[i]);
	}
	dma_fabric_destroy(rig->iommu.fabric);
	phys_destroy(rig->iommu.phys);
	topology_fini(&rig->topo);
}

static inline struct iommu_group *rig_group(struct rig *rig, uint16_t rid)
{
	return iommu_device_find(&rig->iommu, 0, rid)->group;
}

/* Claim a group and attach it to a new domain. */
static inline struct iommu_domain *rig_attach(struct rig *rig, uint16_t rid)
{
	struct iommu_group *group = rig_group(rig, rid);
	struct iommu_domain *domain;

	ck_assert_int_eq(iommu_group_claim(group, rig), 0);
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	return domain;
}

static inline void rig_detach(struct rig *rig, uint16_t rid, struct iommu_domain *domain)
{
	iommu_detach_group(domain, rig_group(rig, rid));
	iommu_group_release(rig_group(rig, rid));
}

static inline int rig_map(struct iommu_domain *domain, iova_t iova, pa_t pa, uint64_t len,
			  unsigned prot)
{
	struct pt_run run = {.oa = pa, .pages = len / 4096, .oa_step = 4096};

	return iommu_map(domain, iova, &run, prot);
}

/* Fault reason of a one-word DMA read or write, 0 if it went through. */
static inline uint8_t rig_dma(struct rig *rig, uint16_t rid, iova_t iova, enum dma_kind kind,
			      uint32_t *word)
{
	struct dma_req req = {.requester = rid, .iova = iova, .len = 4, .kind = kind};

	return dma_access(rig->port, &req, word).fault.reason;
}

/* ---- the second decoder ---- */

struct raw_entry {
	uint64_t lo, hi;
};

static inline uint64_t raw_word(const struct rig *rig, pa_t pa)
{
	uint64_t word;

	ck_assert(phys_read(rig->iommu.phys, pa, &word, sizeof(word)));
	return word;
}

/* The context entry of a requester, zero where the root entry is not present. */
static inline struct raw_entry raw_context(const struct rig *rig, unsigned unit, uint16_t rid)
{
	uint64_t rtaddr = rig->unit[unit]->ops->mmio_read(rig->unit[unit], 0x20, 8);
	pa_t root = (rtaddr & ~UINT64_C(0xfff)) + (pa_t)(rid >> 8) * 16;
	uint64_t lo = raw_word(rig, root);
	pa_t at = (lo & ~UINT64_C(0xfff)) + (pa_t)(rid & 0xff) * 16;

	ck_assert_uint_eq(rtaddr & 0xfff, 0);
	ck_assert_uint_eq(raw_word(rig, root + 8), 0);
	ck_assert_uint_eq(lo & 0xffe, 0);
	if (!(lo & 1))
		return (struct raw_entry){0};
	return (struct raw_entry){raw_word(rig, at), raw_word(rig, at + 8)};
}

struct raw_leaf {
	uint64_t entry; /* 0: not present */
	unsigned level; /* 1 is the table of 4 KiB leaves, as the manual counts */
	pa_t pa;
	bool r, w;
};

static inline struct raw_leaf raw_walk(const struct rig *rig, unsigned unit, uint16_t rid,
				       iova_t iova)
{
	struct raw_entry context = raw_context(rig, unit, rid);
	unsigned level = (unsigned)(context.hi & 7) + 2;
	pa_t table = context.lo & UINT64_C(0xfffffffffffff000);
	struct raw_leaf leaf = {.r = true, .w = true};

	if (!(context.lo & 1) || iova >> (12 + 9 * level))
		return (struct raw_leaf){0};
	for (;; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t entry = raw_word(rig, table + (iova >> shift & 511) * 8);
		uint64_t inside = (UINT64_C(1) << shift) - 1;

		if (!(entry & 3))
			return (struct raw_leaf){0};
		leaf.r &= entry & 1;
		leaf.w &= entry >> 1 & 1;
		if (level > 1 && !(entry & 0x80)) {
			/* Nothing but R, W and the address in a table entry. */
			ck_assert_uint_eq(entry & ~UINT64_C(0xffffffffff003), 0);
			table = entry & UINT64_C(0xffffffffff000);
			continue;
		}
		leaf.entry = entry;
		leaf.level = level;
		leaf.pa = (entry & UINT64_C(0xffffffffff000) & ~inside) + (iova & inside);
		return leaf;
	}
}

/* The n-th descriptor before the tail of the unit's queue; 1 is the last one. */
static inline struct raw_entry raw_descriptor(const struct rig *rig, unsigned unit, unsigned n)
{
	struct unit *u = rig->unit[unit];
	uint64_t tail = u->ops->mmio_read(u, 0x88, 8), base = u->ops->mmio_read(u, 0x90, 8);
	pa_t at = (base & ~UINT64_C(0xfff)) + (tail - n * 16u) % 4096;

	ck_assert_uint_eq(base & 0xfff, 0);
	return (struct raw_entry){raw_word(rig, at), raw_word(rig, at + 8)};
}

#endif
