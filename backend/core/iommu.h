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
struct keep;
struct task;
struct caller;
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

enum iommu_cap {
	IOMMU_CAP_CACHE_COHERENCY,
	IOMMU_CAP_INTR_REMAP,
	IOMMU_CAP_ENFORCE_COHERENCY,
	IOMMU_CAP_DIRTY_TRACKING
};

enum iommu_domain_type {
	IOMMU_DOMAIN_BLOCKED,
	IOMMU_DOMAIN_IDENTITY,
	IOMMU_DOMAIN_DMA,
	IOMMU_DOMAIN_UNMANAGED,
	IOMMU_DOMAIN_NESTED /* translates to the addresses of a parent; no map calls */
};

/* Bits of `prot` in map calls (as Linux's IOMMU_READ ...). */
enum { IOMMU_READ = 1, IOMMU_WRITE = 2, IOMMU_CACHE = 4 };

/* What an unmap has to invalidate before its pages and tables may be reused. Zero-initialise. */
struct iommu_gather {
	iova_t first, last; /* meaningful when len != 0 */
	uint64_t len;
	struct pt_gather tables;
};

/*
 * What a program hands to a driver when it makes a domain or a vIOMMU. Lengths were compared with
 * nothing yet: drivers use iommu_copy_user_data().
 */
struct iommu_user_data {
	uint32_t type, len;
	uint64_t uptr;
	const struct caller *caller;
};

/* Invalidation requests of a program; the driver sets `entry_num` to the number it did. */
struct iommu_user_array {
	uint32_t type, entry_len, entry_num;
	uint64_t uptr;
	const struct caller *caller;
};

/* Flags of domain_alloc_user, with the values of HWPT_ALLOC. */
enum {
	IOMMU_ALLOC_NEST_PARENT = 1,
	IOMMU_ALLOC_DIRTY_TRACKING = 2,
	IOMMU_ALLOC_FAULT = 4,
	IOMMU_ALLOC_PASID = 8
};

#define IOMMU_NO_PASID    0u
#define IOMMU_HW_INFO_MAX 64u

/* Called for each dirty part of a range. */
typedef void (*iommu_dirty_fn)(void *ctx, iova_t iova, uint64_t len);

struct iommu_viommu;
struct iommu_vdevice;
struct iommu_hw_queue;
struct iopf_fault;

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

	/* ---- for iommufd; any may be NULL: the driver has no such thing ---- */

	/* The unit's registers as a program sees them: *type (IOMMU_HW_INFO_TYPE_*), at most
	 * IOMMU_HW_INFO_MAX bytes. *type comes in as what was asked for, 0: any. -EOPNOTSUPP: the
	 * driver has no such type. */
	int (*hw_info)(struct iommu_device *dev, uint32_t *type, void *data, uint32_t *len);
	/* A paging domain with IOMMU_ALLOC_* flags and optional data (NULL: none). NULL: flags 0
	 * through domain_alloc. */
	int (*domain_alloc_user)(struct iommu_device *dev, uint32_t flags,
				 const struct iommu_user_data *data, struct iommu_domain **domain);
	/* A domain of type NESTED above a paging domain that was made with NEST_PARENT. */
	int (*domain_alloc_nested)(struct iommu_device *dev, struct iommu_domain *parent,
				   uint32_t flags, const struct iommu_user_data *data,
				   struct iommu_domain **domain);
	/* Requests for a nested domain, in order, up to the first bad one. */
	int (*cache_invalidate_user)(struct iommu_domain *domain, struct iommu_user_array *array);
	/* Only for domains with dirty_ops. Starting does not clear bits. -EINVAL, -ENOMEM. */
	int (*set_dirty_tracking)(struct iommu_domain *domain, bool on);
	/* Bits of mapped pages in the range; cleared ones join the gather. Nothing is reported
	 * while tracking is off, or with hit NULL, but bits are cleared all the same. */
	int (*read_dirty)(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
			  struct iommu_gather *gather, iommu_dirty_fn hit, void *ctx);
	/* Let requests with this PASID translate through the domain, instead of `old` (may be
	 * NULL). On failure everything is as before. */
	int (*set_pasid)(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid,
			 struct iommu_domain *old);
	void (*remove_pasid)(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid);
	/* Recoverable faults: turn the device's page requests on and off, answer one. */
	int (*iopf_enable)(struct iommu_device *dev);
	void (*iopf_disable)(struct iommu_device *dev);
	void (*page_response)(struct iommu_device *dev, const struct iopf_fault *last,
			      unsigned code);
	/* PASIDs are the business of a guest's tables: requests with one that is not attached go
	 * where a nested domain of the device's own requests sends them. */
	bool user_pasid_table;
	/* Fill viommu->ops for a type (never 0) that the driver has for this device, else
	 * -EOPNOTSUPP. */
	int (*viommu_probe)(struct iommu_device *dev, uint32_t type, struct iommu_viommu *viommu);
};

/* ---- virtual IOMMUs: a slice of a physical one, given to a guest ---- */

struct iommu_viommu_ops {
	/* The parent domain and type are set. `data` may be NULL. */
	int (*init)(struct iommu_viommu *viommu, struct iommu_device *dev,
		    const struct iommu_user_data *data);
	void (*destroy)(struct iommu_viommu *viommu);
	/* NULL: -EOPNOTSUPP. */
	int (*domain_alloc_nested)(struct iommu_viommu *viommu, uint32_t flags,
				   const struct iommu_user_data *data,
				   struct iommu_domain **domain);
	int (*cache_invalidate)(struct iommu_viommu *viommu, struct iommu_user_array *array);
	/* NULL: nothing to do. */
	int (*vdevice_init)(struct iommu_vdevice *vdev);
	void (*vdevice_destroy)(struct iommu_vdevice *vdev);
	/* NULL: no queues. Types other than the driver's: false. */
	bool (*hw_queue_type)(const struct iommu_viommu *viommu, uint32_t type);
	int (*hw_queue_init)(struct iommu_hw_queue *queue);
	void (*hw_queue_destroy)(struct iommu_hw_queue *queue);
};

struct iommu_viommu {
	const struct iommu_viommu_ops *ops;
	const struct iommu_driver *driver; /* of its devices, and of what it makes */
	const void *instance;        /* which physical unit: iommu_device.instance of its devices */
	struct iommu_domain *parent; /* of any driver */
	uint32_t type;
	void *driver_data;
	/* Of iommufd. Post an event to the queue of that type: -EOPNOTSUPP there is none, 0 also
	 * when it was lost. */
	int (*report_event)(struct iommu_viommu *viommu, uint32_t type, const void *data,
			    uint32_t len);
	/* Of iommufd. Let the program mmap `len` bytes of physical memory: the offset to give it.
	 */
	int (*mmap_alloc)(struct iommu_viommu *viommu, pa_t pa, uint64_t len, uint64_t *offset);
	void (*mmap_free)(struct iommu_viommu *viommu, uint64_t offset);
	/* Of iommufd. The device that is known to the guest by that number; NULL: none. */
	struct iommu_vdevice *(*vdevice_find)(struct iommu_viommu *viommu, uint64_t virt_id);
	/* ... and the number of a device; false: it has none here. */
	bool (*virt_id)(struct iommu_viommu *viommu, const struct iommu_device *dev, uint64_t *id);
};

struct iommu_vdevice {
	struct iommu_viommu *viommu;
	struct iommu_device *dev; /* NULL: it went */
	uint64_t virt_id;
	void *driver_data;
};

struct iommu_hw_queue {
	struct iommu_viommu *viommu;
	uint32_t type, index;
	uint64_t iova, len;
	pa_t pa; /* of iova; physically contiguous */
	void *driver_data;
	/* Of iommufd. This queue needs that one: it cannot go first. */
	void (*depend)(struct iommu_hw_queue *queue, struct iommu_hw_queue *on);
};

/* 0, -EINVAL (other type; len below min or above known), -EFAULT. The tail that the program did not
 * give is zero. */
int iommu_copy_user_data(void *dst, uint32_t known, uint32_t min, uint32_t type,
			 const struct iommu_user_data *data);
/* Entry n of an array. -EINVAL: other type, entry_len below min or above known. -EFAULT. */
int iommu_copy_user_entry(void *dst, uint32_t known, uint32_t min, uint32_t type,
			  const struct iommu_user_array *array, uint32_t n);

/* ---- recoverable faults (page requests) ---- */

struct iopf_fault {
	struct iommu_device *dev;
	uint32_t pasid; /* meaningful with has_pasid */
	bool has_pasid, last;
	uint32_t grpid;
	uint32_t perm; /* IOMMU_PGFAULT_PERM_* */
	uint64_t addr;
};

enum { IOPF_SUCCESS = 0, IOPF_INVALID = 1 };

/* A whole group; faults[count - 1] is the last request. Owned by the handler until it responds. */
struct iopf_group {
	struct iommu_device *dev;
	struct iommu_domain *domain;
	uint32_t pasid; /* that is attached to the domain; 0: the device itself is */
	struct iopf_fault *faults;
	unsigned count;
	struct iopf_group *next; /* of whoever holds it */
	uint32_t cookie;
	bool has_cookie;
};

/*
 * A driver received a page request. Requests are gathered until the last of their group, which goes
 * to the handler of the domain that the device (or its PASID) is attached to; without one the group
 * is answered INVALID. 0, -EINVAL nobody handles it, -ENOMEM.
 */
int iommu_report_fault(const struct iopf_fault *fault);
/* Answer a group and free it. */
void iopf_group_respond(struct iopf_group *group, unsigned code);
/* Free without an answer. */
void iopf_group_free(struct iopf_group *group);

/* ---- domains ---- */

struct iommu_domain {
	const struct iommu_driver *driver;
	struct iommu *iommu;
	enum iommu_domain_type type;
	uint64_t pgsize_bitmap;
	iova_t aperture_first, aperture_last;
	uint32_t id;              /* of the machine, in order of creation; for reports */
	unsigned attached;        /* groups, and PASIDs of devices */
	struct iommu_gather late; /* invalidation that was put off */
	bool dirty_ops;           /* the driver can track dirty pages in it */
	bool nest_parent;
	/* Takes over the group. NULL: the domain takes no faults. */
	void (*iopf_handler)(struct iommu_domain *domain, struct iopf_group *group);
	void *handler_ctx;
	struct iommu_domain *next; /* of the machine, newest first */
};

int iommu_domain_alloc(struct iommu_group *group, struct iommu_domain **domain);
/* As the driver operations of the same names; -EOPNOTSUPP where there is none. */
int iommu_domain_alloc_user(struct iommu_device *dev, uint32_t flags,
			    const struct iommu_user_data *data, struct iommu_domain **domain);
int iommu_domain_alloc_nested(struct iommu_device *dev, struct iommu_domain *parent, uint32_t flags,
			      const struct iommu_user_data *data, struct iommu_domain **domain);
int iommu_viommu_alloc_nested(struct iommu_viommu *viommu, uint32_t flags,
			      const struct iommu_user_data *data, struct iommu_domain **domain);
int iommu_set_dirty_tracking(struct iommu_domain *domain, bool on);
/*
 * Bits as the driver has them, by the part of each dirty page that lies in the range; what was
 * cleared is invalidated before this returns. hit may be NULL: nothing is reported. While tracking
 * is off nothing is reported either; what was left dirty before is cleared if asked. -EOPNOTSUPP:
 * no dirty_ops; -EINVAL: the range wraps.
 */
int iommu_read_dirty(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
		     iommu_dirty_fn hit, void *ctx);
void iommu_domain_free(struct iommu_domain *domain);

/*
 * Map [iova, iova + len) in page sizes as iommu_pgsize chooses; pages of 4 KiB at step -4096.
 * -EINVAL: iova, pa or len not aligned to the smallest page size; driver's errno; on error all of
 * it is unmapped again. `run` spacing as struct pt_run.
 */
int iommu_map(struct iommu_domain *domain, iova_t iova, const struct pt_run *run, unsigned prot);
/* The same for `len` bytes at consecutive addresses, in units of the smallest page size. */
int iommu_map_range(struct iommu_domain *domain, iova_t iova, pa_t pa, uint64_t len, unsigned prot);
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
	unsigned bus;               /* 0: PCI; another number: a bus of its own */
	char bound_to[32];          /* the kernel driver; empty: none */
	bool host_driver;           /* ... and that one uses the DMA API */
	bool vfio_bound;            /* bound to vfio-pci */
	bool require_direct;        /* firmware wants memory mapped one to one at all times */
	const void *instance;       /* which IOMMU: the unit, or what a driver without units says */
	uint32_t max_pasids;        /* 0: no PASIDs */
	unsigned iopf_users;        /* attachments that want page requests; see iommu_iopf_enable */
	struct iopf_fault *partial; /* requests whose group is not complete */
	unsigned partial_count;
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
	/* Attached PASIDs, ascending; owned. While there is any, the group cannot change hands. */
	struct iommu_pasid {
		uint32_t pasid;
		struct iommu_domain *domain;
	} * pasids;
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
 * serves, which joins it, or NULL. The group lives until it is destroyed, or as long as the
 * machine. -ENOMEM.
 */
int iommu_bare_group_create(struct iommu *iommu, struct iommu_device *dev,
			    struct iommu_group **group);
void iommu_bare_group_destroy(struct iommu_group *group);
struct iommu_group *iommu_group_find(const struct iommu *iommu, int id);
struct iommu_device *iommu_device_find(const struct iommu *iommu, uint16_t segment, uint16_t rid);
/*
 * A device that is no PCI function (pci NULL), with a group and a bus of its own and the given
 * driver; its domains come from that driver. -ENOMEM, driver's. It leaves by iommu_device_remove(),
 * detached and unclaimed.
 */
int iommu_device_add_virtual(struct iommu *iommu, const struct iommu_driver *driver,
			     void *driver_data, const void *instance, struct iommu_device **dev);
void iommu_device_remove(struct iommu_device *dev);

/* Attach all devices of a group. -EBUSY: it is on neither its default nor its blocking domain;
 * -EINVAL: the domain is another driver's; the driver's. On failure the group stays where it was.
 */
int iommu_attach_group(struct iommu_domain *domain, struct iommu_group *group);
/* Back to the blocking domain while it is owned (mainline), else to the default domain. Never
 * fails. */
void iommu_detach_group(struct iommu_domain *domain, struct iommu_group *group);
/* From one domain straight to another, all devices; on failure all are on the old one. -EINVAL:
 * the domain is another driver's; driver's. */
int iommu_replace_group(struct iommu_domain *domain, struct iommu_group *group);
/*
 * One PASID of every device of the group. -EINVAL: not below a device's limit (a device without
 * any PASID support takes all, and nothing is programmed), PASID 0, a domain of another driver, or
 * (replace) not attached; -EBUSY: attached already; -EOPNOTSUPP; driver's.
 */
int iommu_attach_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid);
int iommu_replace_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid);
void iommu_detach_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid);
/* The device has the ATS capability, and may use it. */
bool iommu_device_has_ats(const struct iommu_device *dev);
/*
 * Counted: page requests are on while anyone wants them. -ENODEV: the device, or what is above it,
 * makes or takes none; driver's. Off: requests of incomplete groups are forgotten.
 */
int iommu_iopf_enable(struct iommu_device *dev);
void iommu_iopf_disable(struct iommu_device *dev);
int iommu_group_reserved(const struct iommu_group *group, struct resv_list *list);
/* Of one device; the list is the caller's, whatever it held is overwritten. -ENOMEM, driver's. */
int iommu_device_reserved(const struct iommu_device *dev, struct resv_list *list);
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
/*
 * Moments inside a call at which the kernel lets others run or look, told to a program that
 * explores such schedules. The machine's lock is held; what may be done with it differs.
 */
enum iommu_moment {
	/* MAP, UNMAP: arguments are read, the container's lock is not taken yet. Whoever is told
	 * may give the machine's lock back meanwhile. */
	IOMMU_MOMENT_UNLOCKED,
	/* A mapper of AMD-Vi looks at tables that it shares with others, without a lock of the
	 * driver. The lock may be given back if the mapper's caller holds no lock either. */
	IOMMU_MOMENT_TABLES,
	/* A run has been mapped: devices may do DMA, under the lock, and nothing else. */
	IOMMU_MOMENT_MAPPED,
};

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
	void (*moment)(void *ctx, enum iommu_moment which); /* NULL: nobody is told */
	void *moment_ctx;
	struct iommu_priv *priv;
};

static inline void iommu_moment(const struct iommu *iommu, enum iommu_moment which)
{
	if (__builtin_expect(iommu->moment != NULL, 0))
		iommu->moment(iommu->moment_ctx, which);
}

int iommu_init(struct iommu *iommu);
void iommu_fini(struct iommu *iommu);
/* As iommu_init() left it, for another boot; drivers are gone. What was set by others stays. */
void iommu_reset(struct iommu *iommu);
/* All that nobody's use changes for good, for a machine on which nobody is at work. */
void iommu_keep(const struct iommu *iommu, struct keep *keep);
/* Nobody is at work again: drop what owners left. False: not all of it can be put back. */
bool iommu_can_rewind(struct iommu *iommu);
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
