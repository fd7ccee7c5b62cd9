/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd on an IOMMU that is an array, for tests.
 *
 * Four devices, each behind a unit of its own whose page sizes, aperture and reserved regions the
 * test chooses; all units are of one driver. A domain keeps one record per 2048 bytes of the lowest
 * 4 MiB and of the last 64 KiB of the space, so that it can have pages of half the usual size. A
 * large page that is unmapped in part fails the test.
 *
 * The process has RIG_PAGES pages at RIG_VA, all with their number written into both halves, so
 * that a page is known by what is in it.
 */
#ifndef TESTS_IOMMUFD_RIG_H
#define TESTS_IOMMUFD_RIG_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#include "core/iommu_priv.h"
#include "core/memfd.h"
#include "core/mm_sim.h"
#include "iommufd/iommufd_private.h"
#include "phys.h"

#define RIG_DEVICES   4u
#define RIG_HALF      UINT64_C(2048)
#define RIG_SPAN      UINT64_C(0x400000)
#define RIG_TOP       (-UINT64_C(0x10000))
#define RIG_LOW_COUNT (RIG_SPAN / RIG_HALF)
#define RIG_COUNT     (RIG_LOW_COUNT + UINT64_C(0x10000) / RIG_HALF)
#define RIG_VA        UINT64_C(0x10000000)
#define RIG_PAGES     UINT64_C(256)
#define PAGE          SIO_PAGE_SIZE

struct rig_unit {
	uint64_t pgsizes;
	iova_t aperture_first, aperture_last;
	struct resv_region resv[3];
	unsigned resv_count;
	bool no_enforce;
};

struct rig_leaf {
	pa_t pa; /* of these 2048 bytes */
	uint8_t perm, size_lg2;
	bool begins; /* the first record of its page */
	bool dirty;
};

struct rig;

struct rig_domain {
	struct iommu_domain base;
	struct rig *rig;
	bool tracking;
	struct rig_leaf leaf[RIG_COUNT];
};

struct rig {
	struct phys *phys;
	struct topology topology;
	struct dma_fabric *fabric;
	struct unit unit;
	struct iommu iommu;
	struct iommu_probe probe;
	struct personality personality;
	struct rig_unit units[RIG_DEVICES];
	struct iommu_device *device[RIG_DEVICES];
	struct task *task;
	struct user *user;
	struct caller caller;
	struct iommufd_env env;
	unsigned domains;
	unsigned fail_map;     /* the n-th call from now on fails with EIO, 0: none */
	uint64_t largest_call; /* bytes of one map call */
	uint64_t dirty_reads;
};

static inline struct rig_domain *rig_domain(const struct iommu_domain *domain)
{
	return (struct rig_domain *)(uintptr_t)domain;
}

/* NULL: outside of both windows. */
static inline struct rig_leaf *rig_leaf(const struct iommu_domain *domain, iova_t iova)
{
	struct rig_domain *rd = rig_domain(domain);

	if (iova < RIG_SPAN)
		return &rd->leaf[iova / RIG_HALF];
	return iova >= RIG_TOP ? &rd->leaf[RIG_LOW_COUNT + (iova - RIG_TOP) / RIG_HALF] : NULL;
}

/* ---- driver ---- */

static inline int rig_alloc_user(struct iommu_device *dev, uint32_t flags,
				 const struct iommu_user_data *data, struct iommu_domain **out)
{
	const struct rig_unit *unit = dev->driver_data;
	struct rig_domain *rd = calloc(1, sizeof(*rd));

	(void)flags, (void)data;
	ck_assert_ptr_nonnull(rd);
	rd->rig = sio_container_of(dev->iommu, struct rig, iommu);
	rd->rig->domains++;
	rd->base.pgsize_bitmap = unit->pgsizes;
	rd->base.aperture_first = unit->aperture_first;
	rd->base.aperture_last = unit->aperture_last;
	rd->base.dirty_ops = flags & IOMMU_ALLOC_DIRTY_TRACKING;
	*out = &rd->base;
	return 0;
}

static inline int rig_alloc(struct iommu_device *dev, enum iommu_domain_type type,
			    struct iommu_domain **out)
{
	(void)type;
	return rig_alloc_user(dev, 0, NULL, out);
}

static inline void rig_free(struct iommu_domain *domain)
{
	rig_domain(domain)->rig->domains--;
	for (unsigned i = 0; i < RIG_COUNT; i++)
		if (rig_domain(domain)->leaf[i].perm)
			ck_abort_msg("a domain goes while it maps");
	free(rig_domain(domain));
}

static inline int rig_attach(struct iommu_domain *domain, struct iommu_device *dev)
{
	const struct rig_unit *unit = dev->driver_data;

	if (domain->type == IOMMU_DOMAIN_UNMANAGED && domain->pgsize_bitmap != unit->pgsizes)
		return -EINVAL;
	return 0;
}

static inline int rig_map_pages(struct iommu_domain *domain, const struct pt_map_req *req,
				uint64_t *mapped)
{
	struct rig *rig = rig_domain(domain)->rig;
	const uint64_t size = SIO_BIT(req->size_lg2);

	*mapped = 0;
	if (rig->fail_map && !--rig->fail_map)
		return -EIO;
	ck_assert(domain->pgsize_bitmap & size);
	if (!(req->perm & (PT_R | PT_W)))
		return -EINVAL;
	if (req->count * size > rig->largest_call)
		rig->largest_call = req->count * size;
	for (uint64_t i = 0; i < req->count; i++) {
		for (uint64_t done = 0; done < size; done += RIG_HALF) {
			struct rig_leaf *leaf = rig_leaf(domain, req->iova + *mapped + done);

			if (!leaf || leaf->perm)
				ck_abort_msg("mapped twice, or outside of the array");
			*leaf = (struct rig_leaf){
				.pa = req->oa + i * (uint64_t)req->oa_step + done,
				.perm = req->perm & (PT_R | PT_W),
				.size_lg2 = req->size_lg2,
				.begins = !done,
			};
		}
		*mapped += size;
	}
	return 0;
}

static inline uint64_t rig_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2,
				       uint64_t count, struct iommu_gather *gather)
{
	const uint64_t len = count << size_lg2;

	for (uint64_t done = 0; done < len;) {
		struct rig_leaf *leaf = rig_leaf(domain, iova + done);
		uint64_t size;

		if (!leaf || !leaf->perm)
			ck_abort_msg("unmapped what is not mapped");
		size = SIO_BIT(leaf->size_lg2);
		if (!leaf->begins || size > len - done)
			ck_abort_msg("part of a page is unmapped");
		for (uint64_t i = 0; i < size / RIG_HALF; i++)
			leaf[i] = (struct rig_leaf){0};
		done += size;
	}
	gather->len += len;
	return len;
}

static inline void rig_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	(void)domain, (void)gather;
}

/* Does a page of 4096 bytes at iova show that physical page? */
static inline bool rig_shows(const struct iommu_domain *domain, iova_t iova, pa_t pa)
{
	const struct rig_leaf *low = rig_leaf(domain, iova);
	const struct rig_leaf *high = rig_leaf(domain, iova + RIG_HALF);

	return low && low->perm && low->pa == pa && high && high->perm && high->pa == pa + RIG_HALF;
}

static inline struct pt_run rig_query(const struct iommu_domain *domain, iova_t iova,
				      uint64_t max_pages)
{
	const struct rig_leaf *leaf = rig_leaf(domain, iova);
	struct pt_run run = {.oa_step = (int64_t)PAGE};

	if (!leaf || !leaf->perm)
		return run;
	run.oa = leaf->pa + iova % RIG_HALF;
	run.perm = leaf->perm;
	run.pages = 1;
	if (iova % RIG_HALF || !rig_shows(domain, iova, run.oa))
		return run;
	if (max_pages > 1 && rig_shows(domain, iova + PAGE, run.oa - PAGE))
		run.oa_step = -(int64_t)PAGE;
	while (run.pages < max_pages && rig_shows(domain, iova + run.pages * PAGE,
						  run.oa + run.pages * (uint64_t)run.oa_step))
		run.pages++;
	return run;
}

static inline bool rig_next(const struct iommu_domain *domain, iova_t from, iova_t last,
			    iova_t *found)
{
	for (uint64_t i = from < RIG_SPAN ? from / RIG_HALF : RIG_LOW_COUNT; i < RIG_COUNT; i++) {
		iova_t iova =
			i < RIG_LOW_COUNT ? i * RIG_HALF : RIG_TOP + (i - RIG_LOW_COUNT) * RIG_HALF;

		if (iova + (RIG_HALF - 1) < from || iova > last ||
		    !rig_domain(domain)->leaf[i].perm)
			continue;
		*found = iova < from ? from : iova;
		return true;
	}
	return false;
}

static inline int rig_set_dirty(struct iommu_domain *domain, bool on)
{
	rig_domain(domain)->tracking = on;
	return 0;
}

static inline int rig_read_dirty(struct iommu_domain *domain, iova_t iova, uint64_t len, bool clear,
				 struct iommu_gather *gather, iommu_dirty_fn hit, void *ctx)
{
	(void)gather;
	rig_domain(domain)->rig->dirty_reads++;
	for (uint64_t at = iova & ~(RIG_HALF - 1); at - iova < len || at < iova; at += RIG_HALF) {
		struct rig_leaf *leaf = rig_leaf(domain, at);
		const uint64_t first = at < iova ? iova : at;
		const uint64_t end = at + RIG_HALF < iova + len ? at + RIG_HALF : iova + len;

		if (!leaf || !leaf->dirty)
			continue;
		if (hit && rig_domain(domain)->tracking)
			hit(ctx, first, end - first);
		if (clear)
			leaf->dirty = false;
	}
	return 0;
}

static inline bool rig_enforce(struct iommu_domain *domain)
{
	(void)domain;
	return true;
}

static inline bool rig_capable(const struct iommu_device *dev, enum iommu_cap cap)
{
	const struct rig_unit *unit = dev->driver_data;

	return cap != IOMMU_CAP_ENFORCE_COHERENCY || !unit->no_enforce;
}

static inline int rig_reserved(const struct iommu_device *dev, struct resv_list *list)
{
	const struct rig_unit *unit = dev->driver_data;
	int rc = 0;

	for (unsigned i = 0; i < unit->resv_count && !rc; i++)
		rc = resv_list_add(list, unit->resv[i].first, unit->resv[i].last,
				   unit->resv[i].type);
	return rc;
}

static const struct iommu_driver rig_driver = {
	.name = "rig",
	.domain_alloc = rig_alloc,
	.domain_alloc_user = rig_alloc_user,
	.domain_free = rig_free,
	.attach = rig_attach,
	.map_pages = rig_map_pages,
	.unmap_pages = rig_unmap_pages,
	.iotlb_sync = rig_sync,
	.query = rig_query,
	.next = rig_next,
	.enforce_cache_coherency = rig_enforce,
	.capable = rig_capable,
	.reserved = rig_reserved,
	.set_dirty_tracking = rig_set_dirty,
	.read_dirty = rig_read_dirty,
};

/* ---- process ---- */

static inline int rig_copy_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	(void)ua;
	if (len && src < 65536)
		return -EFAULT;
	memcpy(dst, (const void *)(uintptr_t)src, len);
	return 0;
}

static inline int rig_copy_out(const struct uaccess *ua, uint64_t dst, const void *src, size_t len)
{
	(void)ua;
	if (len && dst < 65536)
		return -EFAULT;
	memcpy((void *)(uintptr_t)dst, src, len);
	return 0;
}

static const struct uaccess rig_ua = {.copy_in = rig_copy_in, .copy_out = rig_copy_out};

static inline void rig_memory(struct rig *rig, struct mm *mm, uint64_t va, uint64_t pages,
			      enum mm_contiguity contiguity, uint64_t number)
{
	const struct mm_map_req req = {
		.va = va,
		.len = pages * PAGE,
		.prot = MM_READ | MM_WRITE,
		.kind = MM_ANON,
		.contiguity = contiguity,
	};

	(void)rig;
	ck_assert_int_eq(mm_sim_map(mm, &req), 0);
	for (uint64_t i = 0; i < 2 * pages; i++) {
		const uint64_t stamp = 2 * number + i;

		if (mm_sim_write(mm, va + i * RIG_HALF, &stamp, sizeof(stamp)))
			ck_abort_msg("memory cannot be written");
	}
}

static inline struct task *rig_task(struct rig *rig, uint64_t seed)
{
	struct task *task = task_create();

	ck_assert_ptr_nonnull(task);
	*task = (struct task){.mm = mm_sim_create(rig->phys, seed),
			      .user = rig->user,
			      .refs = 1,
			      .cap_ipc_lock = true,
			      .cap_sys_rawio = true,
			      .cap_sys_resource = true,
			      .rlimit_memlock = UINT64_MAX};
	ck_assert_ptr_nonnull(task->mm);
	rig->user->refs++;
	return task;
}

static inline void rig_task_exit(struct task *task)
{
	mm_sim_exit(task->mm);
	task->exited = true;
	task_put(task);
}

/* ---- machine ---- */

static inline int rig_probe(void *ctx, struct iommu_device *dev)
{
	struct rig *rig = ctx;

	dev->driver = &rig_driver;
	dev->driver_data = &rig->units[(dev->pci->rid >> 3) - 1];
	return 0;
}

static inline void rig_open(struct rig *rig, const char *kernel)
{
	memset(rig, 0, sizeof(*rig));
	for (unsigned i = 0; i < RIG_DEVICES; i++)
		rig->units[i] = (struct rig_unit){
			.pgsizes = PAGE,
			.aperture_last = RIG_SPAN - 1,
		};
	rig->phys = phys_create(&(struct phys_cfg){.ram_bytes = SIO_BIT(28)});
	ck_assert_ptr_nonnull(rig->phys);
	topology_init(&rig->topology);
	rig->fabric = dma_fabric_create(rig->phys);
	ck_assert_ptr_nonnull(rig->fabric);
	ck_assert(dma_fabric_claim_rest(rig->fabric, 0, &rig->unit));
	rig->personality = *personality_find(kernel);
	rig->iommu.phys = rig->phys;
	rig->iommu.topology = &rig->topology;
	rig->iommu.fabric = rig->fabric;
	rig->iommu.personality = &rig->personality;
	ck_assert_int_eq(iommu_init(&rig->iommu), 0);
	rig->probe = (struct iommu_probe){.device = rig_probe, .ctx = rig};
	iommu_probe_add(&rig->iommu, &rig->probe);
	rig->user = user_create();
	ck_assert_ptr_nonnull(rig->user);
	rig->task = rig_task(rig, 7);
	rig->caller = (struct caller){.task = rig->task, .fds = fd_table_create(), .ua = &rig_ua};
	ck_assert_ptr_nonnull(rig->caller.fds);
	rig->env.iommu = &rig->iommu;
	rig->iommu.current = rig->task;
}

/* Find the devices; the units are as the test wants them. */
static inline void rig_boot(struct rig *rig)
{
	const char *why;

	for (unsigned i = 0; i < RIG_DEVICES; i++) {
		const struct pci_function fn = {.rid = (uint16_t)((i + 1) << 3),
						.type = PCI_RC_ENDPOINT};
		struct pci_function *added = topology_add(&rig->topology, &fn, &why);

		ck_assert_ptr_nonnull(added);
		ck_assert_int_eq(iommu_device_add(&rig->iommu, added, &rig->device[i]), 0);
	}
}

/* A domain of device i; freed with iommu_domain_free(). */
static inline struct iommu_domain *rig_domain_new(struct rig *rig, unsigned i)
{
	struct iommu_domain *domain;

	ck_assert_int_eq(iommu_domain_alloc_user(rig->device[i], IOMMU_ALLOC_DIRTY_TRACKING, NULL,
						 &domain),
			 0);
	return domain;
}

static inline void rig_close(struct rig *rig)
{
	const char *what;

	fd_table_destroy(rig->caller.fds);
	ck_assert_uint_eq(rig->env.live, 0);
	rig_task_exit(rig->task);
	ck_assert_uint_eq(rig->user->locked_pages, 0);
	ck_assert_uint_eq(rig->user->refs, 1);
	user_put(rig->user);
	what = iommu_audit(&rig->iommu);
	ck_assert_msg(!what, "%s", what);
	iommu_fini(&rig->iommu);
	ck_assert_uint_eq(rig->domains, 0);
	ck_assert_uint_eq(phys_pins_total(rig->phys), 0);
	ck_assert_uint_eq(phys_frames_total(rig->phys), 0);
	dma_fabric_destroy(rig->fabric);
	topology_fini(&rig->topology);
	phys_destroy(rig->phys);
}

/* The stamp behind a physical address: half pages count. */
static inline uint64_t rig_stamp(const struct rig *rig, pa_t pa)
{
	uint64_t stamp = 0;

	if (!phys_read(rig->phys, pa, &stamp, sizeof(stamp)))
		ck_abort_msg("nothing answers at %llx", (unsigned long long)pa);
	return stamp;
}

/* ---- ioctls ---- */

static inline long rig_ioctl(struct rig *rig, struct file *file, unsigned int cmd, void *arg)
{
	return file->ops->ioctl(file, &rig->caller, cmd, (uintptr_t)arg);
}

/* An id, or -errno. */
static inline long rig_ioas(struct rig *rig, struct file *file)
{
	struct iommu_ioas_alloc cmd = {.size = sizeof(cmd)};
	long rc = rig_ioctl(rig, file, IOMMU_IOAS_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_ioas_id;
}

static inline long rig_destroy(struct rig *rig, struct file *file, uint32_t id)
{
	struct iommu_destroy cmd = {.size = sizeof(cmd), .id = id};

	return rig_ioctl(rig, file, IOMMU_DESTROY, &cmd);
}

#endif
