/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the IOMMU core share with each other and with drivers.
 *
 * A driver that brought its units up adds a probe. Each device that is added afterwards is offered
 * to the probes in turn, until one says that the device's unit is its own: so units of several
 * vendors live in one machine.
 */
#ifndef BACKEND_CORE_IOMMU_PRIV_H
#define BACKEND_CORE_IOMMU_PRIV_H

#include "core/iommu.h"

#define IOMMU_FAULTS_MAX  1024u
#define IOMMU_JOURNAL_MAX 16384u
#define IOMMU_NOTICES_MAX 64u

struct iommu_probe {
	/* dev->unit is known. 0: dev->driver and driver_data are set; -ENODEV: not my unit;
	 * -ENOMEM. */
	int (*device)(void *ctx, struct iommu_device *dev);
	void *ctx;
	struct iommu_probe *next;
};

struct iommu_priv {
	struct iommu_probe *probes;
	struct iommu_device *devices, **devices_tail;
	struct iommu_group *groups; /* by id */
	unsigned last_bus;          /* of a virtual device */
	struct iommu_domain *domains;
	uint32_t next_domain;
	struct iommu_fault faults[IOMMU_FAULTS_MAX];
	unsigned fault_first, fault_count;
	uint64_t faults_dropped;
	const char *notices[IOMMU_NOTICES_MAX];
	unsigned notice_first, notice_count;
	struct iommu_journal_entry *journal; /* ring; allocated by the first event */
	uint64_t journal_count;              /* events ever written */
};

/* The probe belongs to the driver; it is used until it is removed. */
void iommu_probe_add(struct iommu *iommu, struct iommu_probe *probe);
void iommu_probe_remove(struct iommu *iommu, struct iommu_probe *probe);
/* Forget all devices, groups and their default and blocking domains. */
void iommu_devices_drop(struct iommu *iommu);

/* Largest page size for the first page of a range, and how many of it (*count) may follow at once.
 */
uint64_t iommu_pgsize(uint64_t bitmap, iova_t iova, pa_t pa, uint64_t len, uint64_t *count);

int iommu_domain_create(struct iommu_device *dev, enum iommu_domain_type type,
			struct iommu_domain **domain);

/* A domain that a driver has just made becomes one of the machine's. */
void iommu_domain_enrol(struct iommu *iommu, const struct iommu_driver *driver,
			enum iommu_domain_type type, struct iommu_domain *domain);

void iommu_journal_add(struct iommu *iommu, const struct iommu_journal_entry *entry);

/* Find or make the device's group and join it. -ENOMEM, driver's. */
int iommu_group_join(struct iommu_device *dev);
/* Out of the group, which goes with its last device; the driver has released the device. */
void iommu_group_leave(struct iommu_device *dev);
/* Into the list, with the lowest number that no group has. */
void iommu_group_link(struct iommu_priv *priv, struct iommu_group *group);
void iommu_group_destroy(struct iommu_group *group);
/* Move all devices or none; 0, the driver's error, -EINVAL: a device needs direct mappings. */
int iommu_group_set_domain(struct iommu_group *group, struct iommu_domain *domain);
/* The same to the default or blocking domain, where a device can always go back to. */
void iommu_group_restore_domain(struct iommu_group *group, struct iommu_domain *domain);
const char *iommu_group_audit(const struct iommu_group *group);
const char *iommu_bare_group_audit(const struct iommu_group *group);

/* Where the group is when nobody has attached it to a domain: with an owner of mainline's form the
 * blocking domain, else the default domain. */
struct iommu_domain *iommu_owner_idle_domain(const struct iommu_group *group);
const char *iommu_owner_audit(const struct iommu_group *group);
/* What a PASID of the group is attached to, NULL: nothing. */
struct iommu_domain *iommu_pasid_domain(const struct iommu_group *group, uint32_t pasid);
/* Forget all PASIDs of a group whose devices are gone. */
void iommu_pasids_free(struct iommu_group *group);
const char *iommu_pasid_audit(const struct iommu_group *group);
/* Forget page requests whose group is not complete: the device forgot them, or nobody wants them.
 */
void iommu_iopf_discard(struct iommu_device *dev);

/* Append one region, unsorted. */
int resv_list_add(struct resv_list *list, uint64_t first, uint64_t last, enum resv_type type);
/* Sort by first, then type; merge equal types that overlap or touch. */
void resv_list_merge(struct resv_list *list);

#endif
