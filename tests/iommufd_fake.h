/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd on the driver of iommufd_fake_driver.h: the machine, a process, and its calls.
 *
 * The process has FK_MEMORY pages at FK_VA, no two of which are physical neighbours, and 2 MiB at
 * FK_VA_RUN that are one physical run. Commands themselves lie in the test's own memory.
 */
#ifndef TESTS_IOMMUFD_FAKE_H
#define TESTS_IOMMUFD_FAKE_H

#include "iommufd_fake_driver.h"

/* ---- process ---- */

struct fk_ua {
	struct uaccess ua; /* first */
	struct fk *fk;
};

/* Addresses are the test's own. */
static inline int fk_copy(const struct uaccess *ua, void *dst, const void *src, uint64_t user,
			  size_t len)
{
	struct fk *fk = ((const struct fk_ua *)(const void *)ua)->fk;

	if (len && (user < 2 * FK_BAD_ADDRESS || fk_step(fk)))
		return -EFAULT;
	memcpy(dst, src, len);
	return 0;
}

static inline int fk_copy_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	return fk_copy(ua, dst, (const void *)(uintptr_t)src, src, len);
}

static inline int fk_copy_out(const struct uaccess *ua, uint64_t dst, const void *src, size_t len)
{
	return fk_copy(ua, (void *)(uintptr_t)dst, src, dst, len);
}

static inline void fk_process(struct fk *fk)
{
	static struct fk_ua ua;
	const struct mm_map_req req = {
		.va = FK_VA,
		.len = FK_MEMORY * PAGE,
		.prot = MM_READ | MM_WRITE,
		.kind = MM_ANON,
		.contiguity = MM_RUN_4K,
	};
	const struct mm_map_req run = {
		.va = FK_VA + SIO_BIT(21),
		.len = SIO_BIT(21),
		.prot = MM_READ | MM_WRITE,
		.kind = MM_ANON,
		.hugetlb = true,
	};

	ua = (struct fk_ua){{fk_copy_in, fk_copy_out}, fk};
	fk->user = user_create();
	fk->task = task_create();
	ck_assert(fk->user && fk->task);
	*fk->task = (struct task){.mm = mm_sim_create(fk->phys, 7),
				  .user = fk->user,
				  .refs = 1,
				  .cap_ipc_lock = true,
				  .cap_sys_rawio = true,
				  .cap_sys_resource = true,
				  .rlimit_memlock = UINT64_MAX};
	ck_assert_ptr_nonnull(fk->task->mm);
	fk->user->refs++;
	fk->caller = (struct caller){.task = fk->task, .fds = fd_table_create(), .ua = &ua.ua};
	ck_assert_ptr_nonnull(fk->caller.fds);
	ck_assert_int_eq(mm_sim_map(fk->task->mm, &req), 0);
	ck_assert_int_eq(mm_sim_map(fk->task->mm, &run), 0);
	fk->iommu.current = fk->task;
}

/* Where the process has memory that is physically one run. */
#define FK_VA_RUN (FK_VA + SIO_BIT(21))

/* ---- machine ---- */

static inline int fk_probe(void *ctx, struct iommu_device *dev)
{
	static const struct {
		uint16_t rid;
		unsigned device;
	} map[] = {{8, 0}, {9, 1}, {10, 2}, {16, 3}, {24, 4}, {32, 5}};
	struct fk *fk = ctx;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(map); i++) {
		if (map[i].rid != dev->pci->rid)
			continue;
		dev->driver = &fk_driver;
		dev->driver_data = &fk->device[map[i].device];
		dev->instance = &fk->units[fk->device[map[i].device].unit];
		dev->max_pasids = fk->device[map[i].device].max_pasids;
		fk->device[map[i].device].dev = dev;
	}
	return 0;
}

/* Everything but the devices, which fk_boot() finds as the test configured them. */
static inline void fk_open(struct fk *fk, const char *kernel)
{
	memset(fk, 0, sizeof(*fk));
	fk_driver = fk_driver_full();
	for (unsigned i = 0; i < FK_DEVICES; i++)
		fk->device[i] = (struct fk_device){
			.fk = fk,
			.unit = i == 5,
			.model = 1,
			.max_pasids = FK_PASIDS,
		};
	fk->window_pages = 2;
	fk->phys = phys_create(&(struct phys_cfg){.ram_bytes = SIO_BIT(28)});
	ck_assert_ptr_nonnull(fk->phys);
	topology_init(&fk->topology);
	fk->fabric = dma_fabric_create(fk->phys);
	ck_assert_ptr_nonnull(fk->fabric);
	ck_assert(dma_fabric_claim_rest(fk->fabric, 0, &fk->units[0]));
	fk->personality = *personality_find(kernel);
	fk->iommu.phys = fk->phys;
	fk->iommu.topology = &fk->topology;
	fk->iommu.fabric = fk->fabric;
	fk->iommu.personality = &fk->personality;
	ck_assert_int_eq(iommu_init(&fk->iommu), 0);
	fk->probe = (struct iommu_probe){.device = fk_probe, .ctx = fk};
	iommu_probe_add(&fk->iommu, &fk->probe);
	fk->env.iommu = &fk->iommu;
	fk_process(fk);
}

static inline void fk_boot(struct fk *fk)
{
	static const uint16_t rids[FK_DEVICES] = {8, 9, 10, 16, 24, 32};
	const char *why;

	for (unsigned i = 0; i < FK_DEVICES; i++) {
		const struct pci_function fn = {.rid = rids[i],
						.type = PCI_RC_ENDPOINT,
						.multifunction = i < 3};

		ck_assert_ptr_nonnull(topology_add(&fk->topology, &fn, &why));
	}
	for (struct pci_function *fn = fk->topology.first; fn; fn = fn->next) {
		struct iommu_device *dev;

		ck_assert_int_eq(iommu_device_add(&fk->iommu, fn, &dev), 0);
	}
	ck_assert_ptr_eq(fk->device[0].dev->group, fk->device[2].dev->group);
	ck_assert_ptr_ne(fk->device[0].dev->group, fk->device[3].dev->group);
}

/* The n-th step of the driver, or copy of a command's structure, from now on fails. 0: none. */
static inline void fk_fail_step(struct fk *fk, uint64_t nth)
{
	fk->fail_step = nth ? fk->steps + nth : 0;
}

/* The n-th point that is passed from now on fails, whichever it is. 0: none. */
static inline void fk_fail_point(struct fk *fk, uint64_t nth)
{
	char plan[32] = "", why[INJECT_ERROR_LEN];

	fail_leave(NULL);
	if (nth)
		snprintf(plan, sizeof(plan), "*:nth=%llu", (unsigned long long)nth);
	ck_assert_msg(!inject_plan(&fk->iommu.inject, plan, why), "%s", why);
	if (nth)
		fail_enter(&fk->iommu.inject);
}

static inline void fk_audit(const struct fk *fk)
{
	const char *what = iommu_audit(&fk->iommu);

	ck_assert_msg(!what, "%s", what);
	what = iommufd_audit(&fk->env, true);
	ck_assert_msg(!what, "%s", what);
}

/* The process exits; nothing may be left of what it did. */
static inline void fk_close(struct fk *fk)
{
	fk_fail_step(fk, 0);
	fk_fail_point(fk, 0);
	fd_table_destroy(fk->caller.fds);
	ck_assert_uint_eq(fk->env.live, 0);
	mm_sim_exit(fk->task->mm);
	fk->task->exited = true;
	task_put(fk->task);
	ck_assert_uint_eq(fk->user->refs, 1);
	user_put(fk->user);
	fk_audit(fk);
	for (unsigned i = 0; i < FK_DEVICES; i++)
		ck_assert(!fk->device[i].pri_on);
	iommu_fini(&fk->iommu);
	ck_assert_uint_eq(fk->domains, 0);
	ck_assert_uint_eq(fk->viommus, 0);
	ck_assert_uint_eq(fk->vdevices, 0);
	ck_assert_uint_eq(fk->queues, 0);
	ck_assert_uint_eq(phys_pins_total(fk->phys), 0);
	ck_assert_uint_eq(phys_frames_total(fk->phys), 0);
	dma_fabric_destroy(fk->fabric);
	topology_fini(&fk->topology);
	phys_destroy(fk->phys);
}

/* ---- calls: an id (or 0), or -errno ---- */

/* /dev/iommu as a descriptor of the process; closed by fk_close() at the latest. */
static inline struct iommufd_ctx *fk_ctx(struct fk *fk, int *fd)
{
	int error;
	struct file *file = iommufd_open(&fk->env, &error);

	ck_assert_ptr_nonnull(file);
	*fd = fd_install(fk->caller.fds, file);
	ck_assert_int_ge(*fd, 0);
	return iommufd_ctx_from_file(file);
}

static inline long fk_ioctl(struct fk *fk, struct iommufd_ctx *ctx, unsigned int cmd, void *arg)
{
	return ctx->file.ops->ioctl(&ctx->file, &fk->caller, cmd, (uintptr_t)arg);
}

static inline long fk_destroy(struct fk *fk, struct iommufd_ctx *ctx, long id)
{
	struct iommu_destroy cmd = {sizeof(cmd), (uint32_t)id};

	return fk_ioctl(fk, ctx, IOMMU_DESTROY, &cmd);
}

static inline long fk_ioas(struct fk *fk, struct iommufd_ctx *ctx)
{
	struct iommu_ioas_alloc cmd = {.size = sizeof(cmd)};
	long rc = fk_ioctl(fk, ctx, IOMMU_IOAS_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_ioas_id;
}

static inline long fk_map(struct fk *fk, struct iommufd_ctx *ctx, long ioas, uint64_t iova,
			  uint64_t va, uint64_t pages)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = (uint32_t)ioas,
		.user_va = va,
		.length = pages * PAGE,
		.iova = iova,
	};

	return fk_ioctl(fk, ctx, IOMMU_IOAS_MAP, &cmd);
}

static inline long fk_unmap(struct fk *fk, struct iommufd_ctx *ctx, long ioas, uint64_t iova,
			    uint64_t pages)
{
	struct iommu_ioas_unmap cmd = {sizeof(cmd), (uint32_t)ioas, iova, pages * PAGE};

	return fk_ioctl(fk, ctx, IOMMU_IOAS_UNMAP, &cmd);
}

static inline long fk_hwpt_cmd(struct fk *fk, struct iommufd_ctx *ctx, struct iommu_hwpt_alloc cmd)
{
	long rc;

	cmd.size = sizeof(cmd);
	rc = fk_ioctl(fk, ctx, IOMMU_HWPT_ALLOC, &cmd);
	return rc ? rc : (long)cmd.out_hwpt_id;
}

static inline long fk_hwpt(struct fk *fk, struct iommufd_ctx *ctx, long dev, long pt,
			   uint32_t flags)
{
	return fk_hwpt_cmd(fk, ctx,
			   (struct iommu_hwpt_alloc){.flags = flags,
						     .dev_id = (uint32_t)dev,
						     .pt_id = (uint32_t)pt});
}

/* On a parent or a vIOMMU. */
static inline long fk_nested_hwpt(struct fk *fk, struct iommufd_ctx *ctx, long dev, long pt,
				  uint32_t flags)
{
	uint32_t value = 5;

	return fk_hwpt_cmd(fk, ctx,
			   (struct iommu_hwpt_alloc){.flags = flags,
						     .dev_id = (uint32_t)dev,
						     .pt_id = (uint32_t)pt,
						     .data_type = FK_NESTED,
						     .data_len = sizeof(value),
						     .data_uptr = (uintptr_t)&value});
}

static inline long fk_fault_queue(struct fk *fk, struct iommufd_ctx *ctx, int *fd)
{
	struct iommu_fault_alloc cmd = {.size = sizeof(cmd)};
	long rc = fk_ioctl(fk, ctx, IOMMU_FAULT_QUEUE_ALLOC, &cmd);

	if (rc)
		return rc;
	*fd = (int)cmd.out_fault_fd;
	return (long)cmd.out_fault_id;
}

static inline long fk_fault_hwpt(struct fk *fk, struct iommufd_ctx *ctx, long dev, long pt,
				 uint32_t flags, long fault)
{
	return fk_hwpt_cmd(fk, ctx,
			   (struct iommu_hwpt_alloc){.flags = flags | IOMMU_HWPT_FAULT_ID_VALID,
						     .dev_id = (uint32_t)dev,
						     .pt_id = (uint32_t)pt,
						     .fault_id = (uint32_t)fault});
}

static inline long fk_viommu(struct fk *fk, struct iommufd_ctx *ctx, long dev, long hwpt)
{
	struct iommu_viommu_alloc cmd = {.size = sizeof(cmd),
					 .type = FK_VIOMMU,
					 .dev_id = (uint32_t)dev,
					 .hwpt_id = (uint32_t)hwpt};
	long rc = fk_ioctl(fk, ctx, IOMMU_VIOMMU_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_viommu_id;
}

static inline long fk_vdevice(struct fk *fk, struct iommufd_ctx *ctx, long viommu, long dev,
			      uint64_t virt_id)
{
	struct iommu_vdevice_alloc cmd = {.size = sizeof(cmd),
					  .viommu_id = (uint32_t)viommu,
					  .dev_id = (uint32_t)dev,
					  .virt_id = virt_id};
	long rc = fk_ioctl(fk, ctx, IOMMU_VDEVICE_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_vdevice_id;
}

static inline long fk_veventq(struct fk *fk, struct iommufd_ctx *ctx, long viommu, uint32_t type,
			      uint32_t depth, int *fd)
{
	struct iommu_veventq_alloc cmd = {.size = sizeof(cmd),
					  .viommu_id = (uint32_t)viommu,
					  .type = type,
					  .veventq_depth = depth};
	long rc = fk_ioctl(fk, ctx, IOMMU_VEVENTQ_ALLOC, &cmd);

	if (rc)
		return rc;
	*fd = (int)cmd.out_veventq_fd;
	return (long)cmd.out_veventq_id;
}

static inline long fk_hw_queue(struct fk *fk, struct iommufd_ctx *ctx, long viommu, uint32_t index,
			       uint64_t iova, uint64_t length)
{
	struct iommu_hw_queue_alloc cmd = {.size = sizeof(cmd),
					   .viommu_id = (uint32_t)viommu,
					   .type = FK_VIOMMU,
					   .index = index,
					   .nesting_parent_iova = iova,
					   .length = length};
	long rc = fk_ioctl(fk, ctx, IOMMU_HW_QUEUE_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_hw_queue_id;
}

/* ---- devices ---- */

static inline struct iommufd_device *fk_bind(struct fk *fk, struct iommufd_ctx *ctx, unsigned n)
{
	struct iommufd_device *idev;
	uint32_t id;

	ck_assert_int_eq(iommufd_device_bind(ctx, fk->device[n].dev, &idev, &id), 0);
	return idev;
}

/* The HWPT, or -errno. */
static inline long fk_attach_pt(struct iommufd_device *idev, uint32_t pasid, long pt)
{
	uint32_t id = (uint32_t)pt;
	int rc = iommufd_device_attach(idev, pasid, &id);

	return rc ? rc : (long)id;
}

static inline long fk_replace_pt(struct iommufd_device *idev, uint32_t pasid, long pt)
{
	uint32_t id = (uint32_t)pt;
	int rc = iommufd_device_replace(idev, pasid, &id);

	return rc ? rc : (long)id;
}

static inline unsigned fk_users(struct iommufd_ctx *ctx, long id)
{
	struct iommufd_object *obj = iommufd_object_find(ctx, (uint32_t)id, IOMMUFD_OBJ_NONE);

	return obj ? obj->users : 0;
}

/* The domain behind a HWPT. */
static inline struct fk_domain *fk_domain_of(struct iommufd_ctx *ctx, long hwpt)
{
	struct iommufd_hwpt *found = iommufd_hwpt_find(ctx, (uint32_t)hwpt);

	ck_assert_ptr_nonnull(found);
	return fk_domain(found->domain);
}

static inline bool fk_blocked(const struct fk *fk, unsigned n)
{
	return fk->device[n].domain == fk_domain(fk->device[n].dev->group->blocking_domain);
}

#endif
