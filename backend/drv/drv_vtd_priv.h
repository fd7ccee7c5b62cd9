/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VT-d driver's own structures and the registers it uses.
 *
 * drv_vtd.c brings units up and down, drv_vtd_inv.c invalidates, drv_vtd_context.c writes root and
 * context entries, drv_vtd_pasid.c those of scalable mode, drv_vtd_domain.c and drv_vtd_map.c hold
 * the domain operations, drv_vtd_coherency.c makes writes visible to units that do not snoop,
 * drv_vtd_fault.c reads fault records.
 *
 * Source: Intel Virtualization Technology for Directed I/O, "Register Descriptions", "Root Entry",
 * "Context Entry", "Queued Invalidation Interface".
 */
#ifndef BACKEND_DRV_DRV_VTD_PRIV_H
#define BACKEND_DRV_DRV_VTD_PRIV_H

#include "drv/drv.h"
#include "drv/drv_vtd.h"

enum vtd_reg {
	REG_VER = 0x00,
	REG_CAP = 0x08,
	REG_ECAP = 0x10,
	REG_GCMD = 0x18,
	REG_GSTS = 0x1c,
	REG_RTADDR = 0x20,
	REG_CCMD = 0x28,
	REG_FSTS = 0x34,
	REG_FECTL = 0x38,
	REG_FEDATA = 0x3c,
	REG_FEADDR = 0x40,
	REG_FEUADDR = 0x44,
	REG_IQT = 0x88,
	REG_IQA = 0x90,
	REG_IRTA = 0xb8,
};

/* GCMD and GSTS have the same bits. */
#define GCMD_TE       SIO_BIT(31)
#define GCMD_SRTP     SIO_BIT(30)
#define GCMD_SFL      SIO_BIT(29)
#define GCMD_WBF      SIO_BIT(27)
#define GCMD_QIE      SIO_BIT(26)
#define GCMD_IRE      SIO_BIT(25)
#define GCMD_SIRTP    SIO_BIT(24)
#define GCMD_CFI      SIO_BIT(23)
#define GCMD_ONE_SHOT (GCMD_SRTP | GCMD_SFL | GCMD_WBF | GCMD_SIRTP)

#define FSTS_PFO   SIO_BIT(0)
#define FSTS_PPF   SIO_BIT(1)
#define FSTS_IQE   SIO_BIT(4)
#define FSTS_ICE   SIO_BIT(5)
#define FSTS_ITE   SIO_BIT(6)
#define FSTS_PRO   SIO_BIT(7)
#define FSTS_FRI   SIO_MASK(15, 8)
#define FSTS_CLEAR (FSTS_PFO | FSTS_IQE | FSTS_ICE | FSTS_ITE | FSTS_PRO)

#define RTADDR_SCALABLE SIO_BIT(10)

/* Granularity of an invalidation; the same numbers in descriptors and registers. */
enum vtd_gran { GRAN_GLOBAL = 1, GRAN_DOMAIN = 2, GRAN_FINE = 3 };
enum vtd_pasid_gran { PASID_GRAN_DOMAIN = 0, PASID_GRAN_PASID = 1, PASID_GRAN_GLOBAL = 3 };

struct vtd_unit {
	struct drv_vtd *drv;
	struct unit *unit;
	struct vtd_caps caps;
	uint16_t segment;  /* of the first device that is bound to it */
	uint8_t top_level; /* of the deepest table that the unit takes */
	uint8_t width;     /* bits of the addresses it translates */
	bool scalable;     /* scalable mode: devices have PASID tables */
	bool walk_snoop;   /* scalable mode: page walks can be told to snoop, and are */
	bool coherent;     /* page walks see what is written without a flush */
	pa_t root;
	pa_t queue;     /* PA_NONE: the unit has none, registers are used */
	pa_t status;    /* where wait descriptors report */
	pa_t remap;     /* interrupt remapping table, PA_NONE: none */
	unsigned tail;  /* next free descriptor */
	uint64_t *dids; /* one bit per domain id in use */
	uint64_t fault_address;
	uint32_t fault_data;
};

struct vtd_rmrr {
	uint64_t first, last;
	uint16_t segment;
	uint16_t *rids;
	unsigned count;
	bool relaxable;
};

struct drv_vtd {
	struct iommu *iommu;
	struct iommu_probe probe;
	struct vtd_unit *units;
	unsigned unit_count;
	struct vtd_rmrr *rmrr;
	unsigned rmrr_count;
	bool intremap;
	bool scalable; /* asked for; a unit follows if it can */
};

/* A domain as one unit knows it. Kept with refs 0 so that a device can come back without memory. */
struct vtd_user {
	struct vtd_unit *unit;
	unsigned refs; /* devices */
	uint16_t did;  /* 0: none */
};

struct vtd_domain {
	struct iommu_domain base;
	struct pt pt;  /* root PA_NONE: the blocking domain */
	uint8_t width; /* bits: of the table and of every unit that used it */
	bool snoop;    /* every later leaf snoops */
	bool ever_mapped;
	iova_t mapped_end; /* no translation lies at or above it */
	struct vtd_user *users;
	unsigned user_count;
	struct vtd_device *devices;
};

/* iommu_device.driver_data */
struct vtd_device {
	struct iommu_device *dev;
	struct vtd_unit *unit;
	struct vtd_domain *domain; /* NULL: blocked */
	struct vtd_device *next;   /* on the same domain */
	/* Scalable mode, else PA_NONE. */
	pa_t pasid_directory, pasid_table;
};

static inline struct vtd_domain *vtd_domain(const struct iommu_domain *domain)
{
	return sio_container_of(domain, struct vtd_domain, base);
}

static inline uint64_t vtd_read(const struct vtd_unit *vu, uint32_t offset, unsigned width)
{
	return vu->unit->ops->mmio_read(vu->unit, offset, width);
}

static inline void vtd_write(const struct vtd_unit *vu, uint32_t offset, unsigned width,
			     uint64_t value)
{
	vu->unit->ops->mmio_write(vu->unit, offset, width, value);
}

static inline struct phys *vtd_phys(const struct vtd_unit *vu)
{
	return vu->drv->iommu->phys;
}

/* drv_vtd.c: set (on) or clear one bit of GCMD, or trigger a one-shot bit, and wait until the unit
 * did it. */
bool vtd_global_command(const struct vtd_unit *vu, uint64_t bit, bool on);

/* ---- drv_vtd_inv.c ---- */

unsigned vtd_queue_frames(const struct vtd_unit *vu);
bool vtd_queue_enable(struct vtd_unit *vu);
void vtd_flush_context(struct vtd_unit *vu, enum vtd_gran gran, uint16_t did, uint16_t rid);
/* Whole unit or whole domain; counts as an injection point. */
void vtd_flush_iotlb(struct vtd_unit *vu, enum vtd_gran gran, uint16_t did);
/* Pages of one domain, or all of it where the unit cannot. leaf_only: no table changed. */
void vtd_flush_range(struct vtd_unit *vu, uint16_t did, iova_t first, iova_t last, bool leaf_only);
void vtd_flush_write_buffer(struct vtd_unit *vu);
/* Scalable mode only. */
void vtd_flush_pasid_cache(struct vtd_unit *vu, enum vtd_pasid_gran gran, uint16_t did,
			   uint32_t pasid);
/* All interrupt entries; the unit has a queue. */
void vtd_flush_interrupts(struct vtd_unit *vu);
/* Address mask that covers all pages of [first, last]; *base is the address to give with it. */
unsigned vtd_psi_mask(iova_t first, iova_t last, iova_t *base);

/* ---- drv_vtd_context.c ---- */

/* The word of the root table that leads to a requester's context entry. */
uint64_t *vtd_root_slot(const struct vtd_unit *vu, uint16_t rid);
/* Have the context table that the requester's entry lies in. False: no memory. */
bool vtd_context_table(struct vtd_unit *vu, uint16_t rid);
/* Have what attaching the device will need, for all its aliases. False: no memory. */
bool vtd_context_prepare(struct vtd_device *vdev);
/* Point every alias of the device at the domain / at nothing. */
void vtd_context_set(struct vtd_device *vdev, const struct vtd_domain *vd, uint16_t did);
void vtd_context_clear(struct vtd_device *vdev);
const char *vtd_context_audit(const struct vtd_device *vdev, const struct vtd_domain *vd,
			      uint16_t did);
void vtd_context_free_all(struct vtd_unit *vu);

/* ---- drv_vtd_pasid.c: the same in scalable mode, for the device's own id ---- */

/* Give a new device its directory, table and context entry. False: no memory, see remove. */
bool vtd_pasid_install(struct vtd_device *vdev);
/* Take them away, as far as they are there. */
void vtd_pasid_remove(struct vtd_device *vdev);
void vtd_pasid_set(struct vtd_device *vdev, const struct vtd_domain *vd, uint16_t did);
void vtd_pasid_clear(struct vtd_device *vdev);
const char *vtd_pasid_audit(const struct vtd_device *vdev, const struct vtd_domain *vd,
			    uint16_t did);

/* ---- drv_vtd_coherency.c ---- */

/* The unit reads root, context, PASID and interrupt entries: these bytes of them changed. */
void vtd_written(const struct vtd_unit *vu, const void *entry, uint64_t len);
/* Entries of the domain's table for [first, last] changed. `fresh`: there may be new tables. */
void vtd_pages_written(const struct vtd_domain *vd, iova_t first, iova_t last, bool fresh);
/* The unit is about to be given the whole table. */
void vtd_tree_written(const struct vtd_domain *vd, const struct vtd_unit *vu);

/* ---- drv_vtd_domain.c ---- */

int vtd_domain_alloc(struct iommu_device *dev, enum iommu_domain_type type,
		     struct iommu_domain **domain);
void vtd_domain_free(struct iommu_domain *domain);
int vtd_domain_attach(struct iommu_domain *domain, struct iommu_device *dev);
void vtd_domain_leave(struct vtd_device *vdev);
bool vtd_domain_enforce(struct iommu_domain *domain);
int vtd_domain_nest(struct iommu_domain *domain);
const char *vtd_domain_audit(const struct iommu_domain *domain);

/* ---- drv_vtd_map.c ---- */

int vtd_map_pages(struct iommu_domain *domain, const struct pt_map_req *req, uint64_t *mapped);
uint64_t vtd_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2, uint64_t count,
			 struct iommu_gather *gather);
void vtd_iotlb_sync(struct iommu_domain *domain, struct iommu_gather *gather);
struct pt_run vtd_query(const struct iommu_domain *domain, iova_t iova, uint64_t max_pages);
bool vtd_next(const struct iommu_domain *domain, iova_t from, iova_t last, iova_t *found);

#endif
