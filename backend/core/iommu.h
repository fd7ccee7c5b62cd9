/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOMMU core: drivers, domains, groups, ownership, reserved regions.
 *
 * The layer that Linux has in drivers/iommu/iommu.c: it decides page sizes and order of operations
 * and leaves every register and table to a driver (backend/drv). All calls return 0 or -errno in
 * the order and with the values Linux has, under the machine's lock.
 */
#ifndef BACKEND_CORE_IOMMU_H
#define BACKEND_CORE_IOMMU_H

#include "dma.h"
#include "inject.h"
#include "owner.h"
#include "personality.h"
#include "rare.h"
#include "pt/pt.h"
#include "topology.h"

struct iommu;
struct task;
struct iommu_domain;
struct iommu_group;
struct iommu_device;
struct iommu_driver;

/* ---- reserved regions ---- */

enum resv_type { RESV_DIRECT, RESV_DIRECT_RELAXABLE, RESV_RESERVED, RESV_MSI, RESV_SW_MSI };

struct resv_region {
	uint64_t first, last;
	enum resv_type type;
};

/* Sorted by first, then type; equal types that touch are merged. Owned by the caller. */
struct resv_list {
	struct resv_region *region;
	unsigned count;
};
void resv_list_fini(struct resv_list *list);

/* ---- what a driver offers ---- */

enum iommu_cap { IOMMU_CAP_CACHE_COHERENCY, IOMMU_CAP_INTR_REMAP, IOMMU_CAP_ENFORCE_COHERENCY };

enum iommu_domain_type {
	IOMMU_DOMAIN_BLOCKED,
	IOMMU_DOMAIN_IDENTITY,
	IOMMU_DOMAIN_DMA,
	IOMMU_DOMAIN_UNMANAGED
};

/* Bits of `prot` in map calls (as Linux's IOMMU_READ ...). */
enum { IOMMU_READ = 1, IOMMU_WRITE = 2, IOMMU_CACHE = 4 };

/* What an unmap has to invalidate before its pages and tables may be reused. Zero-initialise. */
struct iommu_gather {
	iova_t first, last; /* meaningful when len != 0 */
	uint64_t len;
	struct pt_gather tables;
};

struct iommu_driver {
	const char *name; /* "intel", "amd" */
	/* A domain for this device's unit. -ENOMEM, -EINVAL, ... */
	int (*domain_alloc)(struct iommu_device *dev, enum iommu_domain_type type,
			    struct iommu_domain **domain);
	void (*domain_free)(struct iommu_domain *domain);
	/* Make the device translate through the domain (its context entries, aliases included). */
	int (*attach)(struct iommu_domain *domain, struct iommu_device *dev);
	/* `count` pages of 2^size_lg2 bytes; *mapped bytes are done whatever is returned. PT_SNP in
	 * req->perm stands for IOMMU_CACHE: the driver decides what that means in its tables. */
	int (*map_pages)(struct iommu_domain *domain, const struct pt_map_req *req,
			 uint64_t *mapped);
	/* Bytes unmapped (a large leaf may be more than asked), 0: nothing there. No invalidation.
	 */
	uint64_t (*unmap_pages)(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2,
				uint64_t count, struct iommu_gather *gather);
	/* Invalidate what the gather covers, then free its tables. */
	void (*iotlb_sync)(struct iommu_domain *domain, struct iommu_gather *gather);
	struct pt_run (*query)(const struct iommu_domain *domain, iova_t iova, uint64_t max_pages);
	bool (*next)(const struct iommu_domain *domain, iova_t from, iova_t last, iova_t *found);
	/* True: every later leaf snoops, whatever its prot. */
	bool (*enforce_cache_coherency)(struct iommu_domain *domain);
	bool (*capable)(const struct iommu_device *dev, enum iommu_cap cap);
	/* Make a new domain a nesting one. No driver here can; NULL: it does not know the question.
	 */
	int (*enable_nesting)(struct iommu_domain *domain);
	/* Append this device's regions. 0 or -ENOMEM. */
	int (*reserved)(const struct iommu_device *dev, struct resv_list *list);
	const char *(*domain_audit)(const struct iommu_domain *domain);
	/* The device leaves; it is attached to nothing that matters any more. Frees driver_data. */
	void (*release)(struct iommu_device *dev);
};

/* ---- domains ---- */

struct iommu_domain {
	const struct iommu_driver *driver;
	struct iommu *iommu;
	enum iommu_domain_type type;
	uint64_t pgsize_bitmap;
	iova_t aperture_first, aperture_last;
	uint32_t id;               /* of the machine, in order of creation; for reports */
	unsigned attached;         /* groups */
	struct iommu_gather late;  /* invalidation that was put off */
	struct iommu_domain *next; /* of the machine, newest first */
};

int iommu_domain_alloc(struct iommu_group *group, struct iommu_domain **domain);
void iommu_domain_free(struct iommu_domain *domain);

/*
 * Map [iova, iova + len) in page sizes as iommu_pgsize chooses; pages of 4 KiB at step -4096.
 * -EINVAL: iova, pa or len not aligned to the smallest page size; driver's errno; on error all of
 * it is unmapped again. `run` spacing as struct pt_run.
 */
int iommu_map(struct iommu_domain *domain, iova_t iova, const struct pt_run *run, unsigned prot);
/* Unmap and invalidate. Bytes done. */
uint64_t iommu_unmap(struct iommu_domain *domain, iova_t iova, uint64_t len);
/* Unmap without invalidation; iommu_iotlb_sync() follows before anything is reused. */
uint64_t iommu_unmap_fast(struct iommu_domain *domain, iova_t iova, uint64_t len,
			  struct iommu_gather *gather);
void iommu_iotlb_sync(struct iommu_domain *domain, struct iommu_gather *gather);
/* Do the invalidations that were put off: due before what they cover is reused, and at the latest
 * when the call that asked for them ends. */
void iommu_sync_late(struct iommu *iommu);
/* Translation as the tables say it, offset of iova included; pages 0 (and oa 0): none. */
struct pt_run iommu_query(const struct iommu_domain *domain, iova_t iova, uint64_t max_pages);
/* Lowest translated iova in [from, last]; false: none. */
bool iommu_next(const struct iommu_domain *domain, iova_t from, iova_t last, iova_t *found);
bool iommu_enforce_cache_coherency(struct iommu_domain *domain);
/* -EINVAL: the driver does not know what that is; else what it says. */
int iommu_enable_nesting(struct iommu_domain *domain);
const char *iommu_domain_audit(const struct iommu_domain *domain);

/* ---- devices and groups ---- */

/* A PCI function known to the IOMMU core. */
struct iommu_device {
	struct pci_function *pci;
	struct iommu_group *group;
	struct iommu *iommu;
	struct unit *unit;                 /* that translates it; NULL: none */
	const struct iommu_driver *driver; /* of that unit; NULL: no IOMMU */
	void *driver_data;
	struct iommu_device *next_in_group;
	unsigned bus;              /* 0: PCI; another number: a bus of its own */
	char bound_to[32];         /* the kernel driver; empty: none */
	bool host_driver;          /* ... and that one uses the DMA API */
	bool vfio_bound;           /* bound to vfio-pci */
	bool require_direct;       /* firmware wants memory mapped one to one at all times */
	struct iommu_device *next; /* of the machine, in order of discovery */
};

struct iommu_group {
	int id;
	bool bare; /* no domain ever: see iommu_bare_group_create() */
	struct iommu *iommu;
	struct iommu_device *devices;
	struct iommu_domain *default_domain;
	struct iommu_domain *blocking_domain;
	struct iommu_domain *domain; /* now */
	/* Whose DMA it does; see owner.h. */
	enum dma_owner_type owner_type; /* with the 2021 form only */
	unsigned owner_count;
	const void *owner; /* NULL with owner_count: host drivers */
	/* PASIDs of its devices that are attached to domains of their own; whoever attaches one
	 * counts it. While there is any, the group cannot change hands. */
	unsigned pasid_count;
	struct iommu_group *next; /* by id */
	void *vfio;               /* the vfio group behind it; not used here */
};

/*
 * Groups as pci_device_group() builds them; ids ascend in order of (segment, rid) discovery, as a
 * boot does. Called for each function after the topology is complete. -ENOMEM, -ENODEV.
 */
int iommu_device_add(struct iommu *iommu, struct pci_function *fn, struct iommu_device **dev);
/*
 * A group without an IOMMU behind it, with the next free number. `dev` is a device that no driver
 * serves, which joins it, or NULL. The group lives as long as the machine. -ENOMEM.
 */
int iommu_bare_group_create(struct iommu *iommu, struct iommu_device *dev,
			    struct iommu_group **group);
struct iommu_group *iommu_group_find(const struct iommu *iommu, int id);
struct iommu_device *iommu_device_find(const struct iommu *iommu, uint16_t segment, uint16_t rid);

/* Attach all devices of a group. -EBUSY: it is on neither its default nor its blocking domain;
 * -EINVAL: the domain is another driver's; the driver's. On failure the group stays where it was.
 */
int iommu_attach_group(struct iommu_domain *domain, struct iommu_group *group);
/* Back to the blocking domain while it is owned (mainline), else to the default domain. Never
 * fails. */
void iommu_detach_group(struct iommu_domain *domain, struct iommu_group *group);
int iommu_group_reserved(const struct iommu_group *group, struct resv_list *list);
bool iommu_group_msi_isolated(const struct iommu_group *group);
/* Every device of a bus that is behind an IOMMU has it. */
bool iommu_bus_capable(const struct iommu *iommu, unsigned bus, enum iommu_cap cap);
struct iommu_device *iommu_group_first_device(const struct iommu_group *group);

/* ---- faults that drivers reported, oldest first: the kernel log's DMAR lines ---- */

struct iommu_fault {
	const char *unit;
	uint16_t segment, requester;
	uint8_t reason; /* VT-d: fault reason; AMD-Vi: event code */
	uint16_t flags; /* AMD-Vi: the event's; VT-d: 0 */
	bool is_read;
	uint64_t address; /* page */
};

/* ---- notices: where the kernel would not have answered; a line each, oldest first ---- */

/* `text` is a literal. What does not fit any more is dropped. */
void iommu_notice(struct iommu *iommu, const char *text);
/* NULL: no more. */
const char *iommu_notice_next(struct iommu *iommu);

/* ---- journal of table changes, kept only with strict checking, for stale reports ---- */

struct iommu_journal_entry {
	uint64_t op; /* the machine's operation count */
	uint32_t domain;
	bool unmap;
	iova_t first, last;
};

/* The core's state in one machine. */
struct iommu {
	struct phys *phys;
	struct topology *topology;
	struct dma_fabric *fabric;
	const struct personality *personality;
	struct fail_plan inject;    /* in force while an operation of the machine runs */
	const struct task *current; /* whose call is under way; NULL: nobody's, or one that exits */
	struct rare rare;
	bool late;   /* some domain has an invalidation that was put off */
	uint64_t op; /* operations so far; the machine counts it up */
	bool strict;
	struct iommu_priv *priv;
};

int iommu_init(struct iommu *iommu);
void iommu_fini(struct iommu *iommu);
/* As iommu_init() left it, for another boot; drivers are gone. What was set by others stays. */
void iommu_reset(struct iommu *iommu);
void iommu_fault_report(struct iommu *iommu, const struct iommu_fault *fault);
bool iommu_fault_next(struct iommu *iommu, struct iommu_fault *fault);
/* Faults forgotten because nobody fetched them in time. */
uint64_t iommu_faults_dropped(const struct iommu *iommu);
/* Latest journal entries that cover iova: the unmap, and the map before it. False: none kept. */
bool iommu_journal_find(const struct iommu *iommu, iova_t iova, struct iommu_journal_entry *map,
			struct iommu_journal_entry *unmap);
/* Groups, owners, domains, tables, reserved regions; NULL when all hold, else what does not. */
const char *iommu_audit(const struct iommu *iommu);

#endif
