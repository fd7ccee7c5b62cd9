/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The AMD-Vi driver's own structures and the registers it uses.
 *
 * drv_amdvi.c brings units up and down, drv_amdvi_cmd.c invalidates, drv_amdvi_devtab.c writes
 * device table entries, drv_amdvi_domain.c and drv_amdvi_map.c hold the domain operations,
 * drv_amdvi_user.c those that programs ask for through iommufd, drv_amdvi_event.c reads the event
 * log.
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification, "MMIO Registers", "Device
 * Table", "Commands", "Event Logging".
 */
#ifndef BACKEND_DRV_DRV_AMDVI_PRIV_H
#define BACKEND_DRV_DRV_AMDVI_PRIV_H

#include "drv/drv.h"
#include "drv/drv_amdvi.h"

enum amd_reg {
	REG_DEVTAB = 0x0000,
	REG_COMMANDS = 0x0008,
	REG_EVENTS = 0x0010,
	REG_CONTROL = 0x0018,
	REG_EXCLUSION_BASE = 0x0020,
	REG_EXCLUSION_LIMIT = 0x0028,
	REG_FEATURES = 0x0030,
	REG_COMMAND_HEAD = 0x2000,
	REG_COMMAND_TAIL = 0x2008,
	REG_EVENT_HEAD = 0x2010,
	REG_EVENT_TAIL = 0x2018,
	REG_STATUS = 0x2020,
};

#define CONTROL_ENABLE   SIO_BIT(0)
#define CONTROL_EVENTS   SIO_BIT(2)
#define CONTROL_EVENT_IE SIO_BIT(3)
#define CONTROL_COMMANDS SIO_BIT(12)
#define CONTROL_GUEST    SIO_BIT(16)

#define STATUS_EVENT_OVERFLOW  SIO_BIT(0)
#define STATUS_EVENT_INTERRUPT SIO_BIT(1)
#define STATUS_EVENT_RUN       SIO_BIT(3)

/* Rings of 512 entries of 16 bytes: two pages, length code 9. */
#define AMD_RING_ENTRIES 512u
#define AMD_RING_BYTES   (AMD_RING_ENTRIES * 16u)
#define AMD_RING_FRAMES  2u
#define AMD_RING_LENGTH  (UINT64_C(9) << 56)

/* Domain id 0 marks entries without a domain. */
#define AMD_DOMAIN_IDS 65536u

struct amd_unit {
	struct drv_amdvi *drv;
	struct unit *unit;
	uint64_t features;
	uint16_t segment; /* of the first device that is bound to it */
	pa_t devtab;
	uint32_t devtab_entries;
	unsigned devtab_frames;
	pa_t commands, events;
	unsigned tail; /* next free command */
	pa_t semaphore;
	uint64_t ticket; /* what the last completion wait stored there */
};

struct amd_unity {
	uint64_t first, last;
	uint16_t segment;
	uint16_t *rids; /* NULL: all */
	unsigned count;
};

struct drv_amdvi {
	struct iommu *iommu;
	struct iommu_probe probe;
	struct amd_unit *units;
	unsigned unit_count;
	struct drv_amdvi_alias *aliases;
	unsigned alias_count;
	struct amd_unity *unity;
	unsigned unity_count;
	bool intremap;
	bool np_cache;                            /* some unit caches that a page is not present */
	uint64_t domain_ids[AMD_DOMAIN_IDS / 64]; /* one bit per id in use */
};

struct amd_domain {
	struct iommu_domain base;
	struct drv_amdvi *drv;
	struct pt pt; /* root PA_NONE: the blocking domain */
	pa_t gcr3;    /* v2 tables: the guest CR3 table that leads to them; v1: PA_NONE */
	uint16_t id;
	bool dirty_tracking;
	struct amd_device *devices;
	unsigned refs[]; /* devices behind each unit */
};

/* iommu_device.driver_data */
struct amd_device {
	struct iommu_device *dev;
	struct amd_unit *unit;
	struct amd_domain *domain; /* NULL: blocked */
	struct amd_device *next;   /* on the same domain */
	uint16_t alias;            /* by firmware's table; its own id if there is none */
};

static inline struct amd_domain *amd_domain(const struct iommu_domain *domain)
{
	return sio_container_of(domain, struct amd_domain, base);
}

static inline uint64_t amd_read(const struct amd_unit *au, uint32_t offset)
{
	return au->unit->ops->mmio_read(au->unit, offset, 8);
}

static inline void amd_write(const struct amd_unit *au, uint32_t offset, uint64_t value)
{
	au->unit->ops->mmio_write(au->unit, offset, 8, value);
}

static inline struct phys *amd_phys(const struct amd_unit *au)
{
	return au->drv->iommu->phys;
}

static inline unsigned amd_unit_index(const struct amd_unit *au)
{
	return (unsigned)(au - au->drv->units);
}

/* ---- drv_amdvi_cmd.c ---- */

void amd_commands_enable(struct amd_unit *au);
/* Forget everything. False: the unit does not execute commands. */
bool amd_flush_all(struct amd_unit *au);
void amd_flush_entry(struct amd_unit *au, uint16_t rid);
/* Pages of one domain; counts as an injection point. */
void amd_flush_range(struct amd_unit *au, const struct amd_domain *ad, iova_t first, iova_t last);
/* The address field, size included, of an invalidation of [first, last]. */
uint64_t amd_flush_address(iova_t first, iova_t last);
/* Wait until everything asked before is done. False: it is not, and never will be. */
bool amd_wait(struct amd_unit *au);

/* ---- drv_amdvi_devtab.c ---- */

/* Block every id of the unit's table. */
void amd_devtab_init(struct amd_unit *au);
/* Point every alias of the device at the domain / at nothing. */
void amd_entry_set(struct amd_device *adev, const struct amd_domain *ad);
void amd_entry_block(struct amd_device *adev);
const char *amd_entry_audit(const struct amd_device *adev, const struct amd_domain *ad);

/* ---- drv_amdvi_domain.c ---- */

int amd_domain_alloc(struct iommu_device *dev, enum iommu_domain_type type,
		     struct iommu_domain **domain);
/* With v2 tables. */
int amd_domain_alloc_guest(struct iommu_device *dev, struct iommu_domain **domain);
void amd_domain_free(struct iommu_domain *domain);
int amd_domain_attach(struct iommu_domain *domain, struct iommu_device *dev);
void amd_domain_leave(struct amd_device *adev);
bool amd_domain_enforce(struct iommu_domain *domain);
/* Invalidate pages in every unit that has devices on the domain, and wait. */
void amd_domain_flush(struct amd_domain *ad, iova_t first, iova_t last);
/* The table got another root: rewrite the entries of all devices. */
void amd_domain_update(struct amd_domain *ad);
const char *amd_domain_audit(const struct iommu_domain *domain);

/* ---- drv_amdvi_user.c ---- */

bool amd_tracks_dirty(const struct amd_unit *au);
/* All units have v2 tables for requests with a PASID and without. */
bool amd_knows_pasids(const struct drv_amdvi *drv);
int amd_hw_info(struct iommu_device *dev, uint32_t *type, void *data, uint32_t *len);
int amd_domain_alloc_user(struct iommu_device *dev, uint32_t flags,
			  const struct iommu_user_data *data, struct iommu_domain **domain);
int amd_set_dirty_tracking(struct iommu_domain *domain, bool on);
int amd_read_dirty(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
		   struct iommu_gather *gather, iommu_dirty_fn hit, void *ctx);
int amd_viommu_probe(struct iommu_device *dev, uint32_t type, struct iommu_viommu *viommu);

/* ---- drv_amdvi_map.c ---- */

/* Last address that the table can translate now. */
iova_t amd_table_last(const struct amd_domain *ad);

int amd_map_pages(struct iommu_domain *domain, const struct pt_map_req *req, uint64_t *mapped);
uint64_t amd_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2, uint64_t count,
			 struct iommu_gather *gather);
void amd_iotlb_sync(struct iommu_domain *domain, struct iommu_gather *gather);
struct pt_run amd_query(const struct iommu_domain *domain, iova_t iova, uint64_t max_pages);
bool amd_next(const struct iommu_domain *domain, iova_t from, iova_t last, iova_t *found);

#endif
