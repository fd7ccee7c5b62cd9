/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for tests of the IOMMU core: the real topology and fabric, and a driver that only
 * writes down what it was asked.
 */
#ifndef TESTS_CORE_FAKE_H
#define TESTS_CORE_FAKE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/iommu_priv.h"

#define FAKE_CALLS_MAX 64u

struct fake_call {
	iova_t iova;
	pa_t oa;
	uint8_t size_lg2;
	uint64_t count;
};

struct fake_machine {
	struct iommu iommu;
	struct topology topo;
	struct unit unit;
	struct iommu_probe probe;
	/* what the driver saw and what it is to do */
	struct fake_call map[FAKE_CALLS_MAX];
	unsigned maps;
	uint64_t mapped, unmapped;
	unsigned syncs;
	unsigned fail_map;    /* the n-th map_pages fails with EFAULT, 0: none */
	unsigned fail_attach; /* the n-th attach fails with EINVAL, 0: none */
	unsigned attaches;
	uint64_t pgsizes;
	struct resv_region resv[4];
	unsigned resv_count;
	struct pci_function *resv_fn; /* whose regions these are */
	bool intremap;
};

struct fake_domain {
	struct iommu_domain base;
	struct fake_machine *machine;
	unsigned devices;
};

static inline struct fake_machine *fake_of(const struct iommu *iommu)
{
	return sio_container_of(iommu, struct fake_machine, iommu);
}

static inline struct fake_domain *fake_domain(const struct iommu_domain *domain)
{
	return sio_container_of(domain, struct fake_domain, base);
}

static inline int fake_domain_alloc(struct iommu_device *dev, enum iommu_domain_type type,
				    struct iommu_domain **out)
{
	struct fake_domain *domain = calloc(1, sizeof(*domain));

	(void)type;
	domain->machine = fake_of(dev->iommu);
	domain->base.pgsize_bitmap = domain->machine->pgsizes;
	domain->base.aperture_last = SIO_BIT(48) - 1;
	*out = &domain->base;
	return 0;
}

static inline void fake_domain_free(struct iommu_domain *domain)
{
	ck_assert_uint_eq(fake_domain(domain)->devices, 0);
	free(fake_domain(domain));
}

/* driver_data is the domain that the device is on. */
static inline int fake_attach(struct iommu_domain *domain, struct iommu_device *dev)
{
	struct fake_machine *machine = fake_of(dev->iommu);
	struct fake_domain *old = dev->driver_data;

	if (machine->fail_attach && ++machine->attaches == machine->fail_attach)
		return -EINVAL;
	if (old)
		old->devices--;
	dev->driver_data = fake_domain(domain);
	fake_domain(domain)->devices++;
	return 0;
}

static inline void fake_release(struct iommu_device *dev)
{
	struct fake_domain *old = dev->driver_data;

	if (old)
		old->devices--;
}

static inline int fake_map_pages(struct iommu_domain *domain, const struct pt_map_req *req,
				 uint64_t *mapped)
{
	struct fake_machine *machine = fake_domain(domain)->machine;

	ck_assert_uint_lt(machine->maps, FAKE_CALLS_MAX);
	machine->map[machine->maps++] =
		(struct fake_call){req->iova, req->oa, req->size_lg2, req->count};
	*mapped = 0;
	if (machine->maps == machine->fail_map)
		return -EFAULT;
	*mapped = req->count << req->size_lg2;
	machine->mapped += *mapped;
	return 0;
}

static inline uint64_t fake_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2,
					uint64_t count, struct iommu_gather *gather)
{
	struct fake_machine *machine = fake_domain(domain)->machine;

	(void)iova;
	machine->unmapped += count << size_lg2;
	gather->len += count << size_lg2;
	return count << size_lg2;
}

static inline void fake_iotlb_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	(void)gather;
	fake_domain(domain)->machine->syncs++;
}

static inline struct pt_run fake_query(const struct iommu_domain *domain, iova_t iova,
				       uint64_t max_pages)
{
	(void)domain, (void)iova, (void)max_pages;
	return (struct pt_run){0};
}

static inline bool fake_next(const struct iommu_domain *domain, iova_t from, iova_t last,
			     iova_t *found)
{
	(void)domain, (void)from, (void)last, (void)found;
	return false;
}

static inline bool fake_capable(const struct iommu_device *dev, enum iommu_cap cap)
{
	return cap != IOMMU_CAP_INTR_REMAP || fake_of(dev->iommu)->intremap;
}

static inline int fake_reserved(const struct iommu_device *dev, struct resv_list *list)
{
	const struct fake_machine *machine = fake_of(dev->iommu);
	int rc = 0;

	if (machine->resv_fn && machine->resv_fn != dev->pci)
		return 0;
	for (unsigned i = 0; i < machine->resv_count && !rc; i++)
		rc = resv_list_add(list, machine->resv[i].first, machine->resv[i].last,
				   machine->resv[i].type);
	return rc;
}

static const struct iommu_driver fake_driver = {
	.name = "fake",
	.domain_alloc = fake_domain_alloc,
	.domain_free = fake_domain_free,
	.attach = fake_attach,
	.map_pages = fake_map_pages,
	.unmap_pages = fake_unmap_pages,
	.iotlb_sync = fake_iotlb_sync,
	.query = fake_query,
	.next = fake_next,
	.capable = fake_capable,
	.reserved = fake_reserved,
	.release = fake_release,
};

static inline int fake_probe(void *ctx, struct iommu_device *dev)
{
	struct fake_machine *machine = ctx;

	if (dev->unit != &machine->unit)
		return -ENODEV;
	dev->driver = &fake_driver;
	return 0;
}

static inline void fake_open(struct fake_machine *machine)
{
	*machine = (struct fake_machine){
		.unit = {.name = "fake0"},
		.pgsizes = SIO_BIT(12) | SIO_BIT(21) | SIO_BIT(30),
	};
	topology_init(&machine->topo);
	machine->iommu.phys = phys_create(&(struct phys_cfg){.ram_bytes = SIO_BIT(26)});
	ck_assert_ptr_nonnull(machine->iommu.phys);
	machine->iommu.topology = &machine->topo;
	machine->iommu.fabric = dma_fabric_create(machine->iommu.phys);
	ck_assert_ptr_nonnull(machine->iommu.fabric);
	ck_assert(dma_fabric_claim_rest(machine->iommu.fabric, 0, &machine->unit));
	ck_assert_int_eq(iommu_init(&machine->iommu), 0);
	fail_enter(&machine->iommu.inject);
	machine->probe = (struct iommu_probe){.device = fake_probe, .ctx = machine};
	iommu_probe_add(&machine->iommu, &machine->probe);
}

static inline void fake_close(struct fake_machine *machine)
{
	const char *what = iommu_audit(&machine->iommu);

	ck_assert_msg(!what, "%s", what);
	fail_leave(NULL);
	iommu_fini(&machine->iommu);
	dma_fabric_destroy(machine->iommu.fabric);
	phys_destroy(machine->iommu.phys);
	topology_fini(&machine->topo);
}

static inline struct pci_function *fake_function(struct fake_machine *machine,
						 const struct pci_function *fn)
{
	const char *why;
	struct pci_function *added = topology_add(&machine->topo, fn, &why);

	ck_assert_msg(added != NULL, "%s", why);
	return added;
}

/* All functions become devices, in order of discovery. */
static inline void fake_boot(struct fake_machine *machine)
{
	struct iommu_device *dev;

	for (struct pci_function *fn = machine->topo.first; fn; fn = fn->next)
		ck_assert_int_eq(iommu_device_add(&machine->iommu, fn, &dev), 0);
}

/* A single endpoint at 00:10.0 and its group. */
static inline struct iommu_group *fake_single(struct fake_machine *machine)
{
	fake_function(machine, &(struct pci_function){.rid = PCI_RID(0, PCI_DEVFN(0x10, 0)),
						      .type = PCI_ENDPOINT});
	fake_boot(machine);
	return iommu_group_find(&machine->iommu, 0);
}

#endif
