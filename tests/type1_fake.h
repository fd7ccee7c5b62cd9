/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A type1 container on an IOMMU that is an array, for tests.
 *
 * Four groups of one device each, every one behind a driver whose aperture, page sizes, coherency
 * and reserved regions the test chooses. A domain keeps one record per page for the lowest 64 MiB
 * and the highest 1 MiB of the space. Unmapped pages stay "stale" until the domain is synced, and a
 * process memory that wraps the simulated one fails the test when a stale page is unpinned.
 */
#ifndef TESTS_TYPE1_FAKE_H
#define TESTS_TYPE1_FAKE_H

#include <errno.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#include "core/iommu_priv.h"
#include "core/mm_sim.h"
#include "imap.h"
#include "type1/t1.h"

#define FAKE_GROUPS    4u
#define FAKE_LOW_PAGES UINT64_C(16384)
#define FAKE_TOP_PAGES UINT64_C(256)
#define FAKE_PAGES     (FAKE_LOW_PAGES + FAKE_TOP_PAGES)
#define FAKE_TOP_IOVA  (-(FAKE_TOP_PAGES * SIO_PAGE_SIZE))
#define FAKE_LOG_BYTES 4096u
/* Where the test process has its memory: 32 MiB of each policy. */
#define FAKE_VA       UINT64_C(0x10000000)
#define FAKE_VA_PAGES UINT64_C(8192)

struct fake_unit {
	const struct iommu_driver *driver;
	uint64_t pgsizes;
	iova_t aperture_first, aperture_last;
	bool enforce, not_isolated, greedy;
	struct resv_region resv[3];
	unsigned resv_count;
};

struct fake_leaf {
	pa_t pa;
	uint8_t perm; /* 0: none */
	uint8_t size_lg2;
	bool stale; /* unmapped, not synced; pa still tells where it went */
};

struct fake_domain {
	struct iommu_domain base;
	const struct fake_unit *unit;
	struct fake_domain *next;
	struct fake_leaf leaf[FAKE_PAGES];
};

struct fake;

struct spy_mm {
	struct mm mm;
	struct mm *inner;
	struct fake *fake;
	uint64_t pin_most; /* pages that one pin call gives; 0: as many as asked */
};

struct fake {
	struct phys *phys;
	struct topology topology;
	struct dma_fabric *fabric;
	struct unit unit;
	struct iommu iommu;
	struct iommu_probe probe;
	struct personality personality;
	struct fake_unit units[FAKE_GROUPS];
	struct iommu_group *group[FAKE_GROUPS];
	struct fake_domain *domains;
	struct spy_mm *mm;
	struct caller caller;
	struct type1_params params;
	struct type1 *t1;
	bool logging;
	char log[FAKE_LOG_BYTES];
};

/* The driver's callbacks know no machine; a test program has one at a time. */
static struct fake *fake_now;

__attribute__((format(printf, 1, 2))) static inline void fake_note(const char *format, ...)
{
	size_t used = strlen(fake_now->log);
	va_list args;

	if (!fake_now->logging)
		return;
	va_start(args, format);
	vsnprintf(fake_now->log + used, FAKE_LOG_BYTES - used, format, args);
	va_end(args);
}

/* ---- driver ---- */

static inline struct fake_domain *fake_domain(const struct iommu_domain *domain)
{
	return (struct fake_domain *)(uintptr_t)domain;
}

/* The record of a page, NULL: outside both windows. */
static inline struct fake_leaf *fake_leaf(const struct iommu_domain *domain, iova_t iova)
{
	struct fake_domain *fd = fake_domain(domain);

	if (iova < FAKE_LOW_PAGES * SIO_PAGE_SIZE)
		return &fd->leaf[iova >> SIO_PAGE_LG2];
	if (iova >= FAKE_TOP_IOVA)
		return &fd->leaf[FAKE_LOW_PAGES + ((iova - FAKE_TOP_IOVA) >> SIO_PAGE_LG2)];
	return NULL;
}

static inline int fake_domain_alloc(struct iommu_device *dev, enum iommu_domain_type type,
				    struct iommu_domain **out)
{
	const struct fake_unit *unit = dev->driver_data;
	struct fake_domain *fd = calloc(1, sizeof(*fd));

	if (!fd)
		return -ENOMEM;
	(void)type;
	fd->unit = unit;
	fd->base.pgsize_bitmap = unit->pgsizes;
	fd->base.aperture_first = unit->aperture_first;
	fd->base.aperture_last = unit->aperture_last;
	fd->next = fake_now->domains;
	fake_now->domains = fd;
	*out = &fd->base;
	return 0;
}

static inline void fake_domain_free(struct iommu_domain *domain)
{
	struct fake_domain **link = &fake_now->domains;

	while (*link != fake_domain(domain))
		link = &(*link)->next;
	*link = fake_domain(domain)->next;
	free(fake_domain(domain));
}

static inline int fake_attach(struct iommu_domain *domain, struct iommu_device *dev)
{
	const struct fake_unit *unit = dev->driver_data;

	/* A unit takes domains no wider than itself. */
	if (domain->type == IOMMU_DOMAIN_UNMANAGED && domain->aperture_last > unit->aperture_last)
		return -EINVAL;
	return 0;
}

static inline int fake_map_pages(struct iommu_domain *domain, const struct pt_map_req *req,
				 uint64_t *mapped)
{
	uint64_t each = SIO_BIT(req->size_lg2) / SIO_PAGE_SIZE;

	for (uint64_t i = 0; i < req->count; i++) {
		for (uint64_t page = 0; page < each; page++) {
			iova_t iova = req->iova + (i * each + page) * SIO_PAGE_SIZE;
			struct fake_leaf *leaf = fake_leaf(domain, iova);

			if (!leaf || iova < domain->aperture_first || iova > domain->aperture_last)
				return -EFAULT;
			ck_assert_msg(!leaf->perm || iova >= FAKE_TOP_IOVA, "mapped twice");
			*leaf = (struct fake_leaf){
				.pa = req->oa + i * (uint64_t)req->oa_step + page * SIO_PAGE_SIZE,
				.perm = req->perm & (PT_R | PT_W),
				.size_lg2 = req->size_lg2,
			};
		}
		*mapped += SIO_BIT(req->size_lg2);
	}
	fake_note("map%u %llx+%llu ", domain->id, (unsigned long long)req->iova,
		  (unsigned long long)(req->count * each));
	return 0;
}

static inline uint64_t fake_unmap_pages(struct iommu_domain *domain, iova_t iova, uint8_t size_lg2,
					uint64_t count, struct iommu_gather *gather)
{
	uint64_t len = count << size_lg2, done = 0;

	while (done < len) {
		struct fake_leaf *leaf = fake_leaf(domain, iova + done);
		uint64_t take = SIO_PAGE_SIZE;

		if (!leaf)
			break;
		if (leaf->perm)
			take = SIO_BIT(leaf->size_lg2);
		if (leaf->perm && ((iova + done) & (take - 1) || take > len - done) &&
		    !fake_domain(domain)->unit->greedy)
			break;
		for (uint64_t page = 0; page < take / SIO_PAGE_SIZE; page++) {
			leaf[page].stale = leaf[page].perm != 0;
			leaf[page].perm = 0;
		}
		done += take;
	}
	gather->len += done;
	fake_note("unmap%u %llx+%llu ", domain->id, (unsigned long long)iova,
		  (unsigned long long)(done / SIO_PAGE_SIZE));
	return done;
}

static inline void fake_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	(void)gather;
	for (uint64_t page = 0; page < FAKE_PAGES; page++)
		fake_domain(domain)->leaf[page].stale = false;
	fake_note("sync%u ", domain->id);
}

static inline struct pt_run fake_query(const struct iommu_domain *domain, iova_t iova,
				       uint64_t max_pages)
{
	const struct fake_leaf *leaf = fake_leaf(domain, iova), *end;
	struct pt_run run = {.oa_step = (int64_t)SIO_PAGE_SIZE};

	if (!leaf || !leaf->perm)
		return run;
	end = iova >= FAKE_TOP_IOVA ? fake_domain(domain)->leaf + FAKE_PAGES
				    : fake_domain(domain)->leaf + FAKE_LOW_PAGES;
	run.oa = leaf->pa;
	run.perm = leaf->perm;
	run.pages = 1;
	if (max_pages > 1 && leaf + 1 < end && leaf[1].perm &&
	    leaf[1].pa == leaf->pa - SIO_PAGE_SIZE)
		run.oa_step = -(int64_t)SIO_PAGE_SIZE;
	while (run.pages < max_pages && leaf + run.pages < end &&
	       leaf[run.pages].perm == run.perm &&
	       leaf[run.pages].pa == run.oa + run.pages * (uint64_t)run.oa_step)
		run.pages++;
	return run;
}

static inline bool fake_next(const struct iommu_domain *domain, iova_t from, iova_t last,
			     iova_t *found)
{
	for (uint64_t page = 0; page < FAKE_PAGES; page++) {
		iova_t iova = page < FAKE_LOW_PAGES
				      ? page * SIO_PAGE_SIZE
				      : FAKE_TOP_IOVA + (page - FAKE_LOW_PAGES) * SIO_PAGE_SIZE;

		if (iova + (SIO_PAGE_SIZE - 1) < from || iova > last ||
		    !fake_domain(domain)->leaf[page].perm)
			continue;
		*found = iova < from ? from : iova;
		return true;
	}
	return false;
}

static inline bool fake_enforce(struct iommu_domain *domain)
{
	return fake_domain(domain)->unit->enforce;
}

static inline bool fake_capable(const struct iommu_device *dev, enum iommu_cap cap)
{
	const struct fake_unit *unit = dev->driver_data;

	return cap != IOMMU_CAP_INTR_REMAP || !unit->not_isolated;
}

static inline int fake_reserved(const struct iommu_device *dev, struct resv_list *list)
{
	const struct fake_unit *unit = dev->driver_data;
	int rc = 0;

	for (unsigned i = 0; i < unit->resv_count && !rc; i++)
		rc = resv_list_add(list, unit->resv[i].first, unit->resv[i].last,
				   unit->resv[i].type);
	return rc;
}

#define FAKE_DRIVER                                                               \
	{                                                                         \
		.name = "fake", .domain_alloc = fake_domain_alloc,                \
		.domain_free = fake_domain_free, .attach = fake_attach,           \
		.map_pages = fake_map_pages, .unmap_pages = fake_unmap_pages,     \
		.iotlb_sync = fake_sync, .query = fake_query, .next = fake_next,  \
		.enforce_cache_coherency = fake_enforce, .capable = fake_capable, \
		.reserved = fake_reserved,                                        \
	}

/* Two kinds of IOMMU: domains of one never serve groups of the other. */
static const struct iommu_driver fake_driver[2] = {FAKE_DRIVER, FAKE_DRIVER};

/* ---- process ---- */

static inline bool spy_is_stale(const struct fake *fake, pa_t pa)
{
	for (const struct fake_domain *fd = fake->domains; fd; fd = fd->next)
		for (uint64_t page = 0; page < FAKE_PAGES; page++)
			if (fd->leaf[page].stale && fd->leaf[page].pa == pa)
				return true;
	return false;
}

static inline int spy_pin(struct mm *mm, uint64_t va, uint64_t max_pages, bool write,
			  struct pin_run *run)
{
	struct spy_mm *spy = sio_container_of(mm, struct spy_mm, mm);

	if (spy->pin_most && max_pages > spy->pin_most)
		max_pages = spy->pin_most;
	return spy->inner->ops->pin(spy->inner, va, max_pages, write, run);
}

static inline void spy_unpin(struct mm *mm, const struct pin_run *run, bool dirty)
{
	struct spy_mm *spy = sio_container_of(mm, struct spy_mm, mm);

	ck_assert_msg(!spy_is_stale(spy->fake, run->pa) &&
			      !spy_is_stale(spy->fake,
					    run->pa + (run->pages - 1) * (uint64_t)run->step),
		      "a page was released before the invalidation that covers it");
	fake_note("unpin+%llu ", (unsigned long long)run->pages);
	spy->inner->ops->unpin(spy->inner, run, dirty);
}

static inline void spy_destroy(struct mm *mm)
{
	struct spy_mm *spy = sio_container_of(mm, struct spy_mm, mm);

	mm_put(spy->inner);
	free(spy);
}

static const struct mm_ops spy_ops = {.pin = spy_pin, .unpin = spy_unpin, .destroy = spy_destroy};

static inline struct task *fake_task_create(struct fake *fake, struct spy_mm **out)
{
	struct task *task = task_create();
	struct spy_mm *spy = calloc(1, sizeof(*spy));

	ck_assert_ptr_nonnull(task);
	ck_assert_ptr_nonnull(spy);
	spy->mm = (struct mm){.ops = &spy_ops, .refs = 1, .users = 1};
	spy->inner = mm_sim_create(fake->phys, 7);
	spy->fake = fake;
	ck_assert_ptr_nonnull(spy->inner);
	*task = (struct task){.mm = &spy->mm,
			      .refs = 1,
			      .cap_ipc_lock = true,
			      .rlimit_memlock = UINT64_MAX};
	*out = spy;
	return task;
}

static inline uint64_t fake_va(enum mm_contiguity contiguity)
{
	return FAKE_VA * (1 + (uint64_t)contiguity);
}

static inline void fake_task_memory(struct spy_mm *spy)
{
	for (unsigned c = MM_RUN_2M; c <= MM_RUN_WHOLE; c++) {
		struct mm_map_req req = {
			.va = fake_va((enum mm_contiguity)c),
			.len = FAKE_VA_PAGES * SIO_PAGE_SIZE,
			.prot = MM_READ | MM_WRITE,
			.kind = MM_ANON,
			.contiguity = (enum mm_contiguity)c,
		};

		ck_assert_int_eq(mm_sim_map(spy->inner, &req), 0);
	}
}

/* The process ends: its address space goes, what it pinned stays. */
static inline void fake_task_exit(struct task *task, struct spy_mm *spy)
{
	mm_sim_exit(spy->inner);
	spy->mm.users = 0;
	task->exited = true;
	task_put(task);
}

static inline int fake_copy_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	(void)ua;
	if (src < 65536)
		return -EFAULT;
	memcpy(dst, (const void *)(uintptr_t)src, len);
	return 0;
}

static inline int fake_copy_out(const struct uaccess *ua, uint64_t dst, const void *src, size_t len)
{
	(void)ua;
	if (dst < 65536)
		return -EFAULT;
	memcpy((void *)(uintptr_t)dst, src, len);
	return 0;
}

static const struct uaccess fake_ua = {.copy_in = fake_copy_in, .copy_out = fake_copy_out};

/* ---- machine ---- */

static inline int fake_probe(void *ctx, struct iommu_device *dev)
{
	struct fake *fake = ctx;
	struct fake_unit *unit = &fake->units[(dev->pci->rid >> 3) - 1];

	dev->driver = unit->driver;
	dev->driver_data = unit;
	return 0;
}

/* A machine whose units are all 39 bits wide with 4 KiB and 2 MiB pages and an MSI window. */
static inline void fake_setup(struct fake *fake)
{
	struct phys_cfg cfg = {.ram_bytes = UINT64_C(1) << 30};

	memset(fake, 0, sizeof(*fake));
	fake_now = fake;
	for (unsigned i = 0; i < FAKE_GROUPS; i++)
		fake->units[i] = (struct fake_unit){
			.driver = &fake_driver[0],
			.pgsizes = SIO_BIT(12) | SIO_BIT(21),
			.aperture_last = SIO_MASK(38, 0),
			.resv = {{0xfee00000, 0xfeefffff, RESV_MSI}},
			.resv_count = 1,
		};
	fake->params = (struct type1_params){.dma_entry_limit = 65535};
	fake->phys = phys_create(&cfg);
	ck_assert_ptr_nonnull(fake->phys);
	topology_init(&fake->topology);
	fake->fabric = dma_fabric_create(fake->phys);
	ck_assert_ptr_nonnull(fake->fabric);
	ck_assert(dma_fabric_claim_rest(fake->fabric, 0, &fake->unit));
	fake->personality = *personality_find("6.12");
	fake->iommu.phys = fake->phys;
	fake->iommu.topology = &fake->topology;
	fake->iommu.fabric = fake->fabric;
	fake->iommu.personality = &fake->personality;
	ck_assert_int_eq(iommu_init(&fake->iommu), 0);
	fail_enter(&fake->iommu.inject);
	fake->probe = (struct iommu_probe){.device = fake_probe, .ctx = fake};
	iommu_probe_add(&fake->iommu, &fake->probe);
	fake->caller = (struct caller){.task = fake_task_create(fake, &fake->mm), .ua = &fake_ua};
	fake_task_memory(fake->mm);
}

/* Find the devices; the units are as the test wants them. */
static inline void fake_boot(struct fake *fake)
{
	const char *why;

	for (unsigned i = 0; i < FAKE_GROUPS; i++) {
		struct pci_function fn = {.rid = (uint16_t)((i + 1) << 3), .type = PCI_RC_ENDPOINT};
		struct iommu_device *dev;
		struct pci_function *added = topology_add(&fake->topology, &fn, &why);

		ck_assert_ptr_nonnull(added);
		ck_assert_int_eq(iommu_device_add(&fake->iommu, added, &dev), 0);
		fake->group[i] = dev->group;
		ck_assert_int_eq(iommu_group_claim(dev->group, fake), 0);
	}
}

static inline void fake_open(struct fake *fake, unsigned long type)
{
	ck_assert_int_eq(t1_open(&fake->iommu, &fake->params, type, &fake->t1), 0);
}

static inline int fake_attach_group(struct fake *fake, unsigned i)
{
	return t1_attach_group(fake->t1, fake->group[i], &fake->caller);
}

static inline void fake_detach_group(struct fake *fake, unsigned i)
{
	t1_detach_group(fake->t1, fake->group[i]);
}

static inline void fake_check(struct fake *fake)
{
	const char *what = t1_audit(fake->t1, true);

	if (!what)
		what = t1_audit_pins(&fake->t1, 1, fake->phys);
	if (!what)
		what = phys_audit(fake->phys);
	ck_assert_msg(!what, "%s", what);
}

/* Detach what is attached, release, and look for what was left behind. */
static inline void fake_teardown(struct fake *fake)
{
	fake->logging = false;
	if (fake->t1) {
		for (unsigned i = 0; i < FAKE_GROUPS; i++)
			if (fake->group[i]->domain != fake->group[i]->blocking_domain &&
			    fake->group[i]->domain != fake->group[i]->default_domain)
				t1_detach_group(fake->t1, fake->group[i]);
		t1_release(fake->t1);
	}
	ck_assert_ptr_null(t1_audit_pins_leaks(NULL, 0, &fake->params, fake->phys));
	ck_assert_uint_eq(fake->mm->mm.locked_pages, t1_leaked_pages(&fake->params, &fake->mm->mm));
	t1_leaks_free(&fake->params);
	task_put(fake->caller.task);
	for (unsigned i = 0; i < FAKE_GROUPS; i++)
		if (fake->group[i] && iommu_group_claimed(fake->group[i]))
			iommu_group_release(fake->group[i]);
	fail_leave(NULL);
	iommu_fini(&fake->iommu);
	ck_assert_ptr_null(fake->domains);
	dma_fabric_destroy(fake->fabric);
	topology_fini(&fake->topology);
	phys_destroy(fake->phys);
}

/* ---- ioctls ---- */

static inline long fake_map(struct fake *fake, uint64_t vaddr, uint64_t iova, uint64_t size,
			    uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .vaddr = vaddr, .iova = iova, .size = size};

	return t1_ioctl(fake->t1, &fake->caller, VFIO_IOMMU_MAP_DMA, (uintptr_t)&map);
}

/* Size removed, or -errno. */
static inline long fake_unmap(struct fake *fake, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .flags = flags,
						   .iova = iova,
						   .size = size};
	long rc = t1_ioctl(fake->t1, &fake->caller, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&unmap);

	return rc ? rc : (long)unmap.size;
}

#define FAKE_RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

#endif
