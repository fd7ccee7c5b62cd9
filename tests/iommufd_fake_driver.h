/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver that has everything iommufd may ask for, for tests of its objects.
 *
 * Two units. Devices 0 to 2 are functions of one slot, and so one group; 3 and 4 are alone behind
 * the same unit; 5 is behind the other one. A domain is an array of pages in [0, FK_SPAN); the
 * driver writes down which domain each device, and each PASID of it, is on, and complains itself
 * when a domain goes while something uses it.
 *
 * Each step of the driver that may fail, and each copy of a command's structure, is counted by
 * `steps`; the step with the number `fail_step` fails.
 *
 * What belongs to a nested domain: {u32 value}. A vIOMMU's data: {u32 in, u32 out, u64 offset, u64
 * length of a window}.
 */
#ifndef TESTS_IOMMUFD_FAKE_DRIVER_H
#define TESTS_IOMMUFD_FAKE_DRIVER_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#include "core/iommu_priv.h"
#include "core/mm_sim.h"
#include "iommufd/iommufd_private.h"
#include "phys.h"

#define PAGE           SIO_PAGE_SIZE
#define FK_SPAN        UINT64_C(0x100000)
#define FK_PAGES       (FK_SPAN / PAGE)
#define FK_VA          UINT64_C(0x10000000)
#define FK_MEMORY      UINT64_C(64) /* pages of the process */
#define FK_DEVICES     6u
#define FK_PASIDS      8u
#define FK_NESTED      0x77u /* data type of nested domains, and of their invalidation */
#define FK_VIOMMU      0x88u /* type of vIOMMUs, their invalidation, events and queues */
#define FK_HW_INFO     0x99u
#define FK_ENTRIES     4u /* of a nested domain's cache */
#define FK_QUEUES      3u
#define FK_RESPONSES   32u
#define FK_BAD_ADDRESS UINT64_C(0x1000) /* no copy works there */

struct fk;

struct fk_leaf {
	pa_t pa;
	bool present, dirty;
};

struct fk_domain {
	struct iommu_domain base;
	struct fk *fk;
	unsigned model;     /* of the devices that it suits */
	unsigned on;        /* devices, and PASIDs of devices, that are on it */
	unsigned nested_on; /* nested domains above it, vIOMMUs */
	unsigned flags;
	bool tracking;
	struct fk_domain *parent;      /* nested */
	struct iommu_viommu *viommu;   /* made on it; NULL: none */
	uint32_t cache[FK_ENTRIES];    /* nested */
	struct fk_leaf leaf[FK_PAGES]; /* paging */
};

struct fk_device {
	struct fk *fk;
	struct iommu_device *dev;
	unsigned unit;
	unsigned model; /* attaches to other models' domains fail with EINVAL */
	bool no_dirty, no_coherency, no_pri, enforce, no_enforce;
	int attach_error; /* of the next attach to an unmanaged or nested domain; 0: none */
	int pasid_error;
	uint32_t max_pasids;
	struct resv_region resv[2];
	unsigned resv_count;
	struct fk_domain *domain, *pasid[FK_PASIDS];
	bool pri_on;
};

struct fk_queue {
	struct iommu_hw_queue *queue;
};

struct fk_response {
	unsigned device, code;
	uint32_t grpid;
};

struct fk {
	struct phys *phys;
	struct topology topology;
	struct dma_fabric *fabric;
	struct unit units[2];
	struct iommu iommu;
	struct iommu_probe probe;
	struct personality personality;
	struct fk_device device[FK_DEVICES];
	struct task *task;
	struct user *user;
	struct caller caller;
	struct iommufd_env env;
	bool no_intremap;
	unsigned domains, viommus, vdevices, queues;
	struct iommu_viommu *last_viommu;
	struct iommu_hw_queue *queue[FK_QUEUES];
	uint32_t window_pages; /* of a vIOMMU made with data */
	struct fk_response response[FK_RESPONSES];
	unsigned responses;
	uint64_t steps, fail_step;
	unsigned invalidated; /* entries, ever */
};

static struct iommu_driver fk_driver;

static inline struct fk *fk_of(const struct iommu *iommu)
{
	return sio_container_of(iommu, struct fk, iommu);
}

static inline struct fk_device *fk_device(const struct iommu_device *dev)
{
	return dev->driver_data;
}

static inline struct fk_domain *fk_domain(const struct iommu_domain *domain)
{
	return (struct fk_domain *)(uintptr_t)domain;
}

/* The step that is to fail? */
static inline bool fk_step(struct fk *fk)
{
	return ++fk->steps == fk->fail_step;
}

/* ---- driver: domains ---- */

static inline int fk_domain_new(struct iommu_device *dev, struct fk_domain **out)
{
	struct fk *fk = fk_of(dev->iommu);
	struct fk_domain *domain;

	if (fk_step(fk))
		return -ENOMEM;
	domain = calloc(1, sizeof(*domain));
	ck_assert_ptr_nonnull(domain);
	domain->fk = fk;
	domain->model = fk_device(dev)->model;
	domain->base.pgsize_bitmap = PAGE;
	domain->base.aperture_last = FK_SPAN - 1;
	fk->domains++;
	*out = domain;
	return 0;
}

static inline int fk_alloc(struct iommu_device *dev, enum iommu_domain_type type,
			   struct iommu_domain **out)
{
	struct fk_domain *domain;
	int rc = fk_domain_new(dev, &domain);

	(void)type;
	if (!rc)
		*out = &domain->base;
	return rc;
}

static inline int fk_alloc_user(struct iommu_device *dev, uint32_t flags,
				const struct iommu_user_data *data, struct iommu_domain **out)
{
	struct fk_domain *domain;
	int rc;

	ck_assert_msg(!(flags & IOMMU_ALLOC_FAULT), "the driver sees the fault flag");
	if (data)
		return -EOPNOTSUPP;
	rc = fk_domain_new(dev, &domain);
	if (rc)
		return rc;
	domain->flags = flags;
	domain->base.dirty_ops = flags & IOMMU_ALLOC_DIRTY_TRACKING;
	domain->base.nest_parent = flags & IOMMU_ALLOC_NEST_PARENT;
	*out = &domain->base;
	return 0;
}

static inline int fk_nested(struct iommu_device *dev, struct fk *fk, struct fk_domain *parent,
			    const struct iommu_user_data *data, struct iommu_domain **out)
{
	struct fk_domain *domain;
	uint32_t value;
	int rc;

	if (data->type != FK_NESTED)
		return -EOPNOTSUPP;
	rc = iommu_copy_user_data(&value, sizeof(value), sizeof(value), FK_NESTED, data);
	if (rc)
		return rc;
	rc = fk_domain_new(dev ? dev : fk->device[3].dev, &domain);
	if (rc)
		return rc;
	domain->parent = parent;
	domain->model = parent->model;
	parent->nested_on++;
	for (unsigned i = 0; i < FK_ENTRIES; i++)
		domain->cache[i] = value;
	*out = &domain->base;
	return 0;
}

static inline int fk_alloc_nested(struct iommu_device *dev, struct iommu_domain *parent,
				  uint32_t flags, const struct iommu_user_data *data,
				  struct iommu_domain **out)
{
	ck_assert_msg(!(flags & IOMMU_ALLOC_FAULT), "the driver sees the fault flag");
	return fk_nested(dev, fk_of(dev->iommu), fk_domain(parent), data, out);
}

static inline void fk_domain_free(struct iommu_domain *base)
{
	struct fk_domain *domain = fk_domain(base);

	ck_assert_msg(!domain->on, "a domain goes while devices are on it");
	ck_assert_msg(!domain->nested_on, "a parent goes before what is on it");
	/* What firmware wants mapped stays in a default domain for good. */
	for (unsigned i = 0; i < FK_PAGES && base->type == IOMMU_DOMAIN_UNMANAGED; i++)
		ck_assert_msg(!domain->leaf[i].present, "a domain goes while it maps");
	if (domain->parent)
		domain->parent->nested_on--;
	domain->fk->domains--;
	free(domain);
}

static inline void fk_move(struct fk_domain **at, struct fk_domain *to)
{
	if (*at)
		(*at)->on--;
	*at = to;
	if (to)
		to->on++;
}

static inline int fk_attach(struct iommu_domain *base, struct iommu_device *dev)
{
	struct fk_domain *domain = fk_domain(base);
	struct fk_device *device = fk_device(dev);
	uint64_t virt_id;
	int rc = device->attach_error;

	/* Back to the domain of the system never fails; nor does an undone attach. */
	if (base->type == IOMMU_DOMAIN_UNMANAGED || base->type == IOMMU_DOMAIN_NESTED) {
		if (rc) {
			device->attach_error = 0;
			return rc;
		}
		if (domain->model != device->model)
			return -EINVAL;
		if (domain->flags & IOMMU_ALLOC_DIRTY_TRACKING && device->no_dirty)
			return -EINVAL;
		if (domain->viommu && !domain->viommu->virt_id(domain->viommu, dev, &virt_id))
			return -ENOENT;
		if (fk_step(device->fk))
			return -ENOMEM;
	}
	fk_move(&device->domain, domain);
	return 0;
}

static inline void fk_release(struct iommu_device *dev)
{
	fk_move(&fk_device(dev)->domain, NULL);
}

static inline int fk_map_pages(struct iommu_domain *base, const struct pt_map_req *req,
			       uint64_t *mapped)
{
	struct fk_domain *domain = fk_domain(base);

	*mapped = 0;
	ck_assert_uint_eq(req->size_lg2, SIO_PAGE_LG2);
	for (uint64_t i = 0; i < req->count; i++) {
		struct fk_leaf *leaf = &domain->leaf[req->iova / PAGE + i];

		if (fk_step(domain->fk))
			return -EIO;
		ck_assert_uint_lt(req->iova / PAGE + i, FK_PAGES);
		ck_assert_msg(!leaf->present, "mapped twice");
		*leaf = (struct fk_leaf){req->oa + i * (uint64_t)req->oa_step, true, false};
		*mapped += PAGE;
	}
	return 0;
}

static inline uint64_t fk_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2,
				      uint64_t count, struct iommu_gather *gather)
{
	ck_assert_uint_eq(size_lg2, SIO_PAGE_LG2);
	for (uint64_t i = 0; i < count; i++) {
		struct fk_leaf *leaf = &fk_domain(domain)->leaf[iova / PAGE + i];

		ck_assert_msg(leaf->present, "unmapped what is not mapped");
		*leaf = (struct fk_leaf){0};
	}
	gather->len += count * PAGE;
	return count * PAGE;
}

static inline void fk_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	(void)domain, (void)gather;
}

static inline struct pt_run fk_query(const struct iommu_domain *domain, iova_t iova,
				     uint64_t max_pages)
{
	const struct fk_leaf *leaf = &fk_domain(domain)->leaf[iova / PAGE];
	struct pt_run run = {.oa_step = (int64_t)PAGE};

	if (iova >= FK_SPAN || !leaf->present || !max_pages)
		return run;
	run.oa = leaf->pa + iova % PAGE;
	run.perm = PT_R | PT_W;
	run.pages = 1;
	return run;
}

static inline bool fk_next(const struct iommu_domain *domain, iova_t from, iova_t last,
			   iova_t *found)
{
	for (uint64_t page = from / PAGE; page < FK_PAGES && page * PAGE <= last; page++) {
		if (!fk_domain(domain)->leaf[page].present)
			continue;
		*found = page * PAGE < from ? from : page * PAGE;
		return true;
	}
	return false;
}

static inline bool fk_enforce(struct iommu_domain *domain)
{
	(void)domain;
	return !fk_domain(domain)->fk->device[0].no_enforce;
}

static inline bool fk_capable(const struct iommu_device *dev, enum iommu_cap cap)
{
	const struct fk_device *device = fk_device(dev);

	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return !device->no_coherency;
	case IOMMU_CAP_INTR_REMAP:
		return !device->fk->no_intremap;
	case IOMMU_CAP_ENFORCE_COHERENCY:
		return device->enforce;
	case IOMMU_CAP_DIRTY_TRACKING:
		return !device->no_dirty;
	}
	return false;
}

static inline int fk_reserved(const struct iommu_device *dev, struct resv_list *list)
{
	const struct fk_device *device = fk_device(dev);
	int rc = 0;

	for (unsigned i = 0; i < device->resv_count && !rc; i++)
		rc = resv_list_add(list, device->resv[i].first, device->resv[i].last,
				   device->resv[i].type);
	return rc;
}

static inline int fk_set_dirty(struct iommu_domain *domain, bool on)
{
	if (fk_step(fk_domain(domain)->fk))
		return -ENOMEM;
	fk_domain(domain)->tracking = on;
	return 0;
}

static inline int fk_read_dirty(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
				struct iommu_gather *gather, iommu_dirty_fn hit, void *ctx)
{
	(void)gather;
	for (uint64_t at = iova; at - iova < len; at += PAGE) {
		struct fk_leaf *leaf = &fk_domain(domain)->leaf[at / PAGE];

		if (!leaf->dirty)
			continue;
		if (hit && fk_domain(domain)->tracking)
			hit(ctx, at, PAGE);
		if (clear)
			leaf->dirty = false;
	}
	return 0;
}

/* {u32 index, u32 must be 0}; an index of no entry ends it. */
static inline int fk_invalidate(struct iommu_domain *domain, struct iommu_user_array *array)
{
	const uint32_t count = array->entry_num;
	uint32_t entry[2];
	int rc = 0;

	array->entry_num = 0;
	if (array->type != FK_NESTED)
		return -EINVAL;
	for (uint32_t i = 0; i < count && !rc; i++) {
		rc = iommu_copy_user_entry(entry, sizeof(entry), 4, FK_NESTED, array, i);
		if (!rc && (entry[1] || entry[0] >= FK_ENTRIES))
			rc = -EINVAL;
		if (rc)
			break;
		fk_domain(domain)->cache[entry[0]] = 0;
		fk_domain(domain)->fk->invalidated++;
		array->entry_num++;
	}
	return rc;
}

static inline int fk_hw_info(struct iommu_device *dev, uint32_t *type, void *data, uint32_t *len)
{
	const uint32_t info[2] = {0xc0ffee, fk_device(dev)->unit};

	if (*type && *type != FK_HW_INFO)
		return -EOPNOTSUPP;
	*type = FK_HW_INFO;
	memcpy(data, info, sizeof(info));
	*len = sizeof(info);
	return 0;
}

/* ---- driver: PASIDs and page requests ---- */

static inline int fk_set_pasid(struct iommu_domain *domain, struct iommu_device *dev,
			       uint32_t pasid, struct iommu_domain *old)
{
	struct fk_device *device = fk_device(dev);
	int rc = device->pasid_error;

	ck_assert_uint_lt(pasid, FK_PASIDS);
	ck_assert_ptr_eq(device->pasid[pasid], old);
	device->pasid_error = 0;
	if (!rc && fk_step(device->fk))
		rc = -ENOMEM;
	if (!rc)
		fk_move(&device->pasid[pasid], fk_domain(domain));
	return rc;
}

static inline void fk_remove_pasid(struct iommu_domain *domain, struct iommu_device *dev,
				   uint32_t pasid)
{
	ck_assert_ptr_eq(fk_device(dev)->pasid[pasid], domain);
	fk_move(&fk_device(dev)->pasid[pasid], NULL);
}

static inline int fk_iopf_enable(struct iommu_device *dev)
{
	struct fk_device *device = fk_device(dev);

	if (device->no_pri)
		return -ENODEV;
	if (fk_step(device->fk))
		return -ENOMEM;
	ck_assert(!device->pri_on);
	device->pri_on = true;
	return 0;
}

static inline void fk_iopf_disable(struct iommu_device *dev)
{
	ck_assert(fk_device(dev)->pri_on);
	fk_device(dev)->pri_on = false;
}

static inline void fk_page_response(struct iommu_device *dev, const struct iopf_fault *last,
				    unsigned code)
{
	struct fk *fk = fk_of(dev->iommu);

	fk->response[fk->responses++ % FK_RESPONSES] =
		(struct fk_response){(unsigned)(fk_device(dev) - fk->device), code, last->grpid};
}

/* ---- driver: vIOMMUs ---- */

static inline int fk_viommu_init(struct iommu_viommu *viommu, struct iommu_device *dev,
				 const struct iommu_user_data *data)
{
	struct {
		uint32_t in, out;
		uint64_t offset, length;
	} own;
	struct fk *fk = fk_of(dev->iommu);
	struct frame {
		uint64_t offset;
	} *window = NULL;
	int rc = 0;

	if (fk_step(fk))
		return -ENOMEM;
	if (data) {
		rc = iommu_copy_user_data(&own, sizeof(own), 8, FK_VIOMMU, data);
		if (rc)
			return rc;
		window = calloc(1, sizeof(*window));
		ck_assert_ptr_nonnull(window);
		own.out = own.in;
		own.length = fk->window_pages * PAGE;
		rc = viommu->mmap_alloc(viommu, UINT64_C(0xfe000000), own.length, &own.offset);
		if (rc) {
			free(window);
			return rc;
		}
		window->offset = own.offset;
		rc = iommufd_copy_out(data->caller, data->uptr, &own, data->len);
		if (rc) {
			viommu->mmap_free(viommu, own.offset);
			free(window);
			return rc;
		}
	}
	viommu->driver_data = window;
	fk_domain(viommu->parent)->nested_on++;
	fk->viommus++;
	fk->last_viommu = viommu;
	return 0;
}

static inline void fk_viommu_destroy(struct iommu_viommu *viommu)
{
	struct fk *fk = fk_of(viommu->parent->iommu);
	uint64_t *window = viommu->driver_data;

	if (window)
		viommu->mmap_free(viommu, *window);
	free(window);
	fk_domain(viommu->parent)->nested_on--;
	fk->viommus--;
	if (fk->last_viommu == viommu)
		fk->last_viommu = NULL;
}

static inline int fk_viommu_nested(struct iommu_viommu *viommu, uint32_t flags,
				   const struct iommu_user_data *data, struct iommu_domain **out)
{
	struct fk_domain *parent = fk_domain(viommu->parent);
	int rc;

	ck_assert_msg(!(flags & IOMMU_ALLOC_FAULT), "the driver sees the fault flag");
	rc = fk_nested(NULL, parent->fk, parent, data, out);
	if (!rc)
		fk_domain(*out)->viommu = viommu;
	return rc;
}

/* {u64 virt_id}: all of them are read first. */
static inline int fk_viommu_invalidate(struct iommu_viommu *viommu, struct iommu_user_array *array)
{
	struct fk *fk = fk_of(viommu->parent->iommu);
	const uint32_t count = array->entry_num;
	uint64_t id;
	int rc = 0;

	array->entry_num = 0;
	if (array->type != FK_VIOMMU)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		rc = iommu_copy_user_entry(&id, sizeof(id), sizeof(id), FK_VIOMMU, array, i);
		if (!rc && !viommu->vdevice_find(viommu, id))
			rc = -ENOENT;
		if (rc)
			break;
		fk->invalidated++;
		array->entry_num++;
	}
	return rc;
}

static inline int fk_vdevice_init(struct iommu_vdevice *vdev)
{
	struct fk *fk = fk_of(vdev->dev->iommu);

	if (fk_step(fk))
		return -ENOMEM;
	vdev->driver_data = fk;
	fk->vdevices++;
	return 0;
}

static inline void fk_vdevice_destroy(struct iommu_vdevice *vdev)
{
	struct fk *fk = vdev->driver_data;

	fk->vdevices--;
}

static inline bool fk_queue_type(const struct iommu_viommu *viommu, uint32_t type)
{
	(void)viommu;
	return type == FK_VIOMMU;
}

static inline int fk_queue_init(struct iommu_hw_queue *queue)
{
	struct fk *fk = fk_of(queue->viommu->parent->iommu);

	if (queue->index >= FK_QUEUES)
		return -EINVAL;
	if (fk->queue[queue->index])
		return -EEXIST;
	if (queue->index && !fk->queue[queue->index - 1])
		return -EIO;
	if (fk_step(fk))
		return -ENOMEM;
	if (queue->index)
		queue->depend(queue, fk->queue[queue->index - 1]);
	fk->queue[queue->index] = queue;
	fk->queues++;
	return 0;
}

static inline void fk_queue_destroy(struct iommu_hw_queue *queue)
{
	struct fk *fk = fk_of(queue->viommu->parent->iommu);

	ck_assert_ptr_eq(fk->queue[queue->index], queue);
	fk->queue[queue->index] = NULL;
	fk->queues--;
}

static const struct iommu_viommu_ops fk_viommu_ops = {
	.init = fk_viommu_init,
	.destroy = fk_viommu_destroy,
	.domain_alloc_nested = fk_viommu_nested,
	.cache_invalidate = fk_viommu_invalidate,
	.vdevice_init = fk_vdevice_init,
	.vdevice_destroy = fk_vdevice_destroy,
	.hw_queue_type = fk_queue_type,
	.hw_queue_init = fk_queue_init,
	.hw_queue_destroy = fk_queue_destroy,
};

static inline int fk_viommu_probe(struct iommu_device *dev, uint32_t type,
				  struct iommu_viommu *viommu)
{
	(void)dev;
	if (type != FK_VIOMMU)
		return -EOPNOTSUPP;
	viommu->ops = &fk_viommu_ops;
	return 0;
}

/* A test may take operations away; fk_open() puts all of them back. */
static inline struct iommu_driver fk_driver_full(void)
{
	return (struct iommu_driver){
		.name = "fk",
		.domain_alloc = fk_alloc,
		.domain_free = fk_domain_free,
		.attach = fk_attach,
		.map_pages = fk_map_pages,
		.unmap_pages = fk_unmap_pages,
		.iotlb_sync = fk_sync,
		.query = fk_query,
		.next = fk_next,
		.enforce_cache_coherency = fk_enforce,
		.capable = fk_capable,
		.reserved = fk_reserved,
		.release = fk_release,
		.hw_info = fk_hw_info,
		.domain_alloc_user = fk_alloc_user,
		.domain_alloc_nested = fk_alloc_nested,
		.cache_invalidate_user = fk_invalidate,
		.set_dirty_tracking = fk_set_dirty,
		.read_dirty = fk_read_dirty,
		.set_pasid = fk_set_pasid,
		.remove_pasid = fk_remove_pasid,
		.iopf_enable = fk_iopf_enable,
		.iopf_disable = fk_iopf_disable,
		.page_response = fk_page_response,
		.viommu_probe = fk_viommu_probe,
	};
}

#endif
