/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine of drv_rig.h with a VT-d unit that has all that iommufd can ask for, functions A and
 * B with translation caches, page requests and PASIDs, and a program whose memory is the test's
 * own.
 */
#ifndef TESTS_DRV_USER_RIG_H
#define TESTS_DRV_USER_RIG_H

#include "drv_vtd_rig.h"

#include <string.h>

#include "ats.h"
#include "core/file.h"
#include "iommufd/iommufd_uapi.h"

#define CAP_FL5LP SIO_BIT(60)

#define ECAP_DT    SIO_BIT(2)
#define ECAP_NEST  SIO_BIT(26)
#define ECAP_PRS   SIO_BIT(29)
#define ECAP_SRS   SIO_BIT(31)
#define ECAP_EAFS  SIO_BIT(34)
#define ECAP_SLADS SIO_BIT(45)
/* 48 bits, coherent, scalable mode with both stages, PASIDs of 20 bits, page walks that snoop. */
#define ECAP_STAGES \
	(UINT64_C(0x480000f00f4b) | SIO_BIT(40) | UINT64_C(19) << 35 | SIO_BIT(47) | SIO_BIT(48))
#define ECAP_ALL (ECAP_STAGES | ECAP_NEST | ECAP_SRS | ECAP_SLADS | ECAP_DT | ECAP_PRS)

#define USER_PASID_BITS 20u

struct user_rig {
	struct rig rig; /* first: drv_rig.h's functions take it */
	struct ats_cache *ats_a, *ats_b;
	struct vtd_cfg unit;
};

static inline int user_copy_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	(void)ua;
	/* The first page is nobody's. */
	if (src < 4096)
		return -EFAULT;
	memcpy(dst, (const void *)(uintptr_t)src, len);
	return 0;
}

static inline const struct caller *user_caller(void)
{
	static const struct uaccess ua = {.copy_in = user_copy_in};
	static const struct caller caller = {.ua = &ua};

	return &caller;
}

static inline struct ats_cache *user_function(struct user_rig *u, uint16_t rid, bool services)
{
	struct pci_function *fn = topology_find(&u->rig.topo, 0, rid);
	struct ats_cache *cache;

	fn->pasid_bits = USER_PASID_BITS;
	if (!services)
		return NULL;
	fn->ats = fn->pri = true;
	cache = ats_create(u->rig.port,
			   &(struct ats_cfg){.phys = u->rig.iommu.phys, .requester = rid});
	ck_assert_ptr_nonnull(cache);
	return cache;
}

/* `services`: translation caches and page requests. kernel NULL: the default. */
static inline void user_open(struct user_rig *u, uint64_t cap, uint64_t ecap, bool services,
			     const char *kernel)
{
	const struct unit_env env = {.ctx = &u->rig, .msi = rig_msi, .stale = rig_stale};
	const struct drv_vtd_cfg drv = {.units = u->rig.unit, .unit_count = 1, .scalable = true};

	rig_start(&u->rig);
	u->rig.iommu.personality = personality_find(kernel);
	u->unit = (struct vtd_cfg){.name = "dmar0", .cap = cap, .ecap = ecap};
	u->rig.unit[0] = vtd_create(&u->unit, u->rig.iommu.phys, u->rig.iommu.fabric, &env);
	ck_assert_ptr_nonnull(u->rig.unit[0]);
	rig_routes(&u->rig);
	u->ats_a = user_function(u, RID_A, services);
	u->ats_b = user_function(u, RID_B, services);
	u->rig.remove = rig_remove_vtd;
	ck_assert_int_eq(drv_vtd_probe(&u->rig.iommu, &drv, &u->rig.drv), 0);
	rig_discover(&u->rig);
	u->rig.unit[0]->ops->set_strict(u->rig.unit[0], true);
}

static inline void user_close(struct user_rig *u)
{
	const char *what = u->ats_a ? ats_audit(u->ats_a) : NULL;

	ck_assert_msg(!what, "%s", what);
	/* They outlive the driver, which switches them off. */
	rig_audit(&u->rig);
	iommu_fini(&u->rig.iommu);
	ck_assert_int_eq(iommu_init(&u->rig.iommu), 0);
	ats_destroy(u->ats_a);
	ats_destroy(u->ats_b);
	rig_close(&u->rig);
}

static inline struct iommu_device *user_device(struct user_rig *u, uint16_t rid)
{
	return iommu_device_find(&u->rig.iommu, 0, rid);
}

static inline struct iommu_domain *user_domain(struct user_rig *u, uint32_t flags)
{
	struct iommu_domain *domain;

	ck_assert_int_eq(iommu_domain_alloc_user(user_device(u, RID_A), flags, NULL, &domain), 0);
	return domain;
}

static inline void user_claim(struct user_rig *u, uint16_t rid)
{
	ck_assert_int_eq(iommu_group_claim(rig_group(&u->rig, rid), u), 0);
}

static inline void user_release(struct user_rig *u, uint16_t rid)
{
	struct iommu_group *group = rig_group(&u->rig, rid);

	iommu_detach_group(group->domain, group);
	iommu_group_release(group);
}

/* Fault reason of a one-word access of a function, 0 if it went through. */
static inline uint8_t user_dma(struct user_rig *u, uint16_t rid, uint32_t pasid, iova_t iova,
			       enum dma_kind dir, uint32_t *word)
{
	struct dma_req req = {
		.requester = rid,
		.has_pasid = pasid != IOMMU_NO_PASID,
		.pasid = pasid,
		.iova = iova,
		.len = 4,
		.kind = dir,
	};

	return dma_access(u->rig.port, &req, word).fault.reason;
}

#endif
