/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine with one or two units for tests of the drivers, whatever the vendor: buses, the IOMMU
 * core, and the steps that tests take. The vendors' rigs (drv_vtd_rig.h, drv_amdvi_rig.h) make the
 * units, probe the driver and take apart by hand what it wrote.
 */
#ifndef TESTS_DRV_RIG_H
#define TESTS_DRV_RIG_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/iommu.h"

#define RIG_RAM SIO_BIT(28)

struct drv_vtd;
struct drv_amdvi;

struct rig {
	struct iommu iommu;
	struct topology topo;
	struct unit *unit[2]; /* 1 serves bus 2 and what lies on it, 0 the rest */
	struct drv_vtd *drv;
	struct drv_amdvi *amd;
	void (*remove)(struct rig *rig); /* the driver goes */
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

/* Memory, buses and core; units and driver come next. */
static inline void rig_start(struct rig *rig)
{
	*rig = (struct rig){0};
	rig_topology(rig);
	rig->iommu.topology = &rig->topo;
	rig->iommu.phys = phys_create(&(struct phys_cfg){.ram_bytes = RIG_RAM});
	ck_assert_ptr_nonnull(rig->iommu.phys);
	rig->iommu.fabric = dma_fabric_create(rig->iommu.phys);
	ck_assert_ptr_nonnull(rig->iommu.fabric);
	rig->port = dma_port_create(rig->iommu.fabric);
	ck_assert_ptr_nonnull(rig->port);
	ck_assert_int_eq(iommu_init(&rig->iommu), 0);
	fail_enter(&rig->iommu.inject);
}

static inline void rig_routes(struct rig *rig)
{
	const char *taken;

	if (rig->unit[1])
		ck_assert(dma_fabric_claim(rig->iommu.fabric, 0, RID_B, rig->unit[1], &taken));
	ck_assert(dma_fabric_claim_rest(rig->iommu.fabric, 0, rig->unit[0]));
}

/* The driver is there: find the functions. */
static inline void rig_discover(struct rig *rig)
{
	struct iommu_device *dev;

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
		rig->remove(rig);
	fail_leave(NULL);
	iommu_fini(&rig->iommu);
	if (!rig->units_first)
		rig->remove(rig);
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

/* For loops over many pages: an assertion of Check costs a write each time that it holds. */
#define rig_assert(cond) ((cond) ? (void)0 : ck_abort_msg("%s", #cond))

static inline uint64_t raw_word(const struct rig *rig, pa_t pa)
{
	uint64_t word;

	rig_assert(phys_read(rig->iommu.phys, pa, &word, sizeof(word)));
	return word;
}

#endif
