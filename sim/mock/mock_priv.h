/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the mock share: the driver's devices, domains and vIOMMUs, and the operations
 * of the ioctl by file.
 */
#ifndef SIM_MOCK_MOCK_PRIV_H
#define SIM_MOCK_MOCK_PRIV_H

#include "fail.h"
#include "imap.h"
#include "iommufd/iommufd_private.h"
#include "mock/iommufd_test.h"
#include "mock/mock.h"

struct mock_device {
	uint32_t flags;
	uint32_t cache[MOCK_DEV_CACHE_NUM];
	/* Of the nested domain that the device is attached to, and what the device was called there
	 * when it came. */
	struct iommu_viommu *viommu;
	uint64_t virt_id;
	bool pasid_fails; /* the next change of the reserved PASID */
};

/* A paging domain. */
struct mock_domain {
	struct iommu_domain base;
	bool tracking;
	struct imap leaves; /* by iova, one run of equal leaves each; see mock_pt.c */
	struct imap dirty;  /* whole leaves */
};

struct mock_nested {
	struct iommu_domain base;
	struct iommu_viommu *viommu; /* NULL: made on the parent */
	uint32_t iotlb[MOCK_NESTED_DOMAIN_IOTLB_NUM];
};

static inline struct mock_domain *mock_domain_of(const struct iommu_domain *domain)
{
	return sio_container_of(domain, struct mock_domain, base);
}

static inline struct mock_nested *mock_nested_of(const struct iommu_domain *domain)
{
	return sio_container_of(domain, struct mock_nested, base);
}

static inline bool mock_is_7_2(const struct iommu *iommu)
{
	return iommu->personality->iommufd == IOMMUFD_7_2;
}

/* ---- mock_driver.c ---- */

/* The driver of this kernel. */
const struct iommu_driver *mock_driver(const struct iommu *iommu);
/* A device that stands alone on its bus. -EINVAL flags, -ENOMEM. */
int mock_device_create(struct iommufd_env *env, uint32_t flags, struct iommu_device **dev);
/* Detached and unbound. */
void mock_device_destroy(struct iommu_device *dev);
/* NULL: another driver's. */
struct mock_device *mock_device_of(const struct iommu_device *dev);
/* The nested domain that a program's data describes. */
int mock_nested_alloc(const struct iommu_user_data *data, bool later, struct mock_nested **nested);

/* ---- mock_pt.c: driver operations on tables ---- */

int mock_map_pages(struct iommu_domain *domain, const struct pt_map_req *req, uint64_t *mapped);
uint64_t mock_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2,
			  uint64_t count, struct iommu_gather *gather);
struct pt_run mock_query(const struct iommu_domain *domain, iova_t iova, uint64_t max_pages);
bool mock_next(const struct iommu_domain *domain, iova_t from, iova_t last, iova_t *found);
int mock_read_dirty(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
		    struct iommu_gather *gather, iommu_dirty_fn hit, void *ctx);
const char *mock_domain_audit(const struct iommu_domain *domain);
void mock_tables_fini(struct mock_domain *mock);
/* A device wrote: *mapped tells whether anything is there. -ENOMEM. */
int mock_set_dirty(struct mock_domain *mock, iova_t iova, bool *mapped);

/* ---- mock_viommu.c ---- */

int mock_viommu_probe(struct iommu_device *dev, uint32_t type, struct iommu_viommu *viommu);

/* ---- operations; all begin with a command that was copied in ---- */

static inline struct iommu_test_cmd *mock_cmd_of(const struct iommufd_ucmd *ucmd)
{
	return ucmd->cmd;
}

/* mock_object.c: mock devices as objects of a context */
long mock_op_domain(struct iommufd_ucmd *ucmd);
long mock_op_replace(struct iommufd_ucmd *ucmd);
long mock_op_check_cache(struct iommufd_ucmd *ucmd);
long mock_op_iopf(struct iommufd_ucmd *ucmd);
long mock_op_vevent(struct iommufd_ucmd *ucmd);
long mock_op_pasid_attach(struct iommufd_ucmd *ucmd);
long mock_op_pasid_replace(struct iommufd_ucmd *ucmd);
long mock_op_pasid_detach(struct iommufd_ucmd *ucmd);
long mock_op_pasid_check(struct iommufd_ucmd *ucmd);

/* mock_check.c: what domains and pages hold */
long mock_op_reserved(struct iommufd_ucmd *ucmd);
long mock_op_check_map(struct iommufd_ucmd *ucmd);
long mock_op_check_refs(struct iommufd_ucmd *ucmd);
long mock_op_check_iotlb(struct iommufd_ucmd *ucmd);
long mock_op_memory_limit(struct iommufd_ucmd *ucmd);
long mock_op_dirty(struct iommufd_ucmd *ucmd);
/* The page that the process has at an address. -EFAULT, -ENOMEM. */
int mock_user_page(const struct iommufd_ucmd *ucmd, uint64_t uptr, pa_t *pa);

/* mock_access.c: a user of mappings inside the kernel */
long mock_op_access_create(struct iommufd_ucmd *ucmd);
long mock_op_access_replace(struct iommufd_ucmd *ucmd);
long mock_op_access_pages(struct iommufd_ucmd *ucmd);
long mock_op_access_unpin(struct iommufd_ucmd *ucmd);
long mock_op_access_rw(struct iommufd_ucmd *ucmd);
/* { n-th area, offset } as an iova; no such area, or no IOAS: 0. */
uint64_t mock_nth_iova(const struct iommufd_ioas *ioas, uint64_t iova);

/* mock_dmabuf.c: memory of the kernel as a DMA buffer */
long mock_op_dmabuf_get(struct iommufd_ucmd *ucmd);
long mock_op_dmabuf_revoke(struct iommufd_ucmd *ucmd);

#endif
