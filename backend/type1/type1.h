/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VFIO type1 IOMMU backend: who maps what, in which domains, charged to whom.
 *
 * One struct type1 per container with a driver selected. Entry points are those that the container
 * file calls; errno and order are those of the personality's kernel (vfio_iommu_type1 of Linux 6.12
 * by default). All calls run under the machine's lock.
 */
#ifndef BACKEND_TYPE1_TYPE1_H
#define BACKEND_TYPE1_TYPE1_H

#include "core/file.h"
#include "core/iommu.h"

struct t1_leak;

/*
 * Module parameters; one set per machine, may change at run time (the limit is read at open). It
 * outlives every container of the machine.
 */
struct type1_params {
	uint32_t dma_entry_limit; /* 65535 */
	bool disable_hugepages;
	bool allow_unsafe_interrupts;
	/* What mappings that end at 2^64 keep for ever (before 6.18); zero-initialise,
	 * t1_leaks_free(). */
	struct t1_leak *leaks;
};

/* Forget the record of leaked pins, when the machine ends. */
void t1_leaks_free(struct type1_params *params);

struct type1;

/* SET_IOMMU argument 1, 3 (6 where the personality offers it): 0, -EINVAL, -ENOMEM. */
int t1_open(struct iommu *iommu, struct type1_params *params, unsigned long arg,
	    struct type1 **out);
/* All groups were detached already. */
void t1_release(struct type1 *t1);
/* `caller` is whose memory a replay pins. 0, -EBUSY, -EINVAL, -EPERM, -ENOMEM, driver's. */
int t1_attach_group(struct type1 *t1, struct iommu_group *group, const struct caller *caller);
/*
 * A bare group, whose devices reach memory only through the calls below: nothing is attached.
 * -EBUSY, -EINVAL, -ENOMEM.
 */
int t1_attach_emulated(struct type1 *t1, struct iommu_group *group);
/* Either kind. */
void t1_detach_group(struct type1 *t1, struct iommu_group *group);
/* t1 NULL: no driver selected yet. */
int t1_check_extension(const struct iommu *iommu, const struct type1 *t1, unsigned long extension);
/* Every ioctl but those of the container itself; -ENOTTY: unknown. */
long t1_ioctl(struct type1 *t1, const struct caller *caller, unsigned int cmd, uint64_t arg);

/* ---- devices that the CPU emulates, and others that pin pages ---- */

/*
 * The kernel would sleep: some mapping waits for its new address (UNMAP and MAP with VADDR), and
 * only another call can give it one. The caller drops the machine's lock and tries again later.
 */
#define T1_WAIT (-512)

/*
 * Whom UNMAP asks for pinned pages back. `dma_unmap` gets the whole mapping's range and may drop
 * the machine's lock; what stays pinned after eleven rounds of asking is a bug that the kernel dies
 * of: the ioctl ends with -EFAULT. The record belongs to the caller and is in one container at
 * most.
 */
struct t1_client {
	void (*dma_unmap)(void *ctx, iova_t iova, uint64_t size);
	void *ctx;
	struct t1_client *next;
	uint64_t told; /* in which round */
};
void t1_client_add(struct type1 *t1, struct t1_client *client);
void t1_client_remove(struct type1 *t1, struct t1_client *client);

/*
 * Pin pages for a device of `group` that uses them as `prot` says; pa[i] is where page i lies.
 * Returns how many (all of them), or -EACCES v1, -EBUSY or T1_WAIT, -EINVAL nobody could be asked
 * to give them back, no mapping or no page; -EPERM, -ENODEV the mapper is gone, -ENOMEM, -EFAULT.
 * On failure no page is pinned. A page may be pinned many times.
 */
int t1_pin_pages(struct type1 *t1, struct iommu_group *group, iova_t iova, unsigned pages,
		 unsigned prot, pa_t *pa);
/* Pages looked at before the first that no mapping has; -EINVAL: the first already; -EACCES: v1. */
int t1_unpin_pages(struct type1 *t1, iova_t iova, unsigned pages);
/*
 * Copy between a buffer and the mapper's memory. `task`: in whose context, NULL: a kernel thread.
 * 0; -EBUSY or T1_WAIT, -EINVAL no mapping, -EPERM, -EFAULT. What was copied before an error stays.
 */
int t1_dma_rw(struct type1 *t1, const struct task *task, iova_t iova, void *buf, uint64_t len,
	      bool write);

/* ---- for reports and tests ---- */

struct t1_stats {
	uint64_t mappings;
	uint64_t mapped_bytes;
	uint64_t locked_pages; /* sum of the mappings' shares */
	uint64_t pgsize_bitmap;
	uint32_t dma_avail;
	unsigned domains;
	unsigned groups;
	bool dirty_tracking;
	bool v2;
};

struct t1_mapping {
	iova_t first, last;
	uint64_t vaddr;
	unsigned prot; /* IOMMU_READ | IOMMU_WRITE */
	bool iommu_mapped;
	bool vaddr_invalid;
	uint64_t locked_pages;
	uint64_t op; /* the machine's operation that made it */
};

void t1_stats(const struct type1 *t1, struct t1_stats *stats);
/* Lowest mapping with last >= from. False: none. */
bool t1_mapping_at(const struct type1 *t1, iova_t from, struct t1_mapping *out);
/* The n-th domain of the container's list; NULL past the end. *enforce: coherency is enforced. */
struct iommu_domain *t1_domain_at(const struct type1 *t1, unsigned n, bool *enforce);
/* The m-th group of that domain, NULL past the end. */
struct iommu_group *t1_domain_group(const struct type1 *t1, unsigned n, unsigned m);
/* The n-th emulated group, NULL past the end. */
struct iommu_group *t1_emulated_group(const struct type1 *t1, unsigned n);
/* Pages that devices hold through the pin interface, each once. */
uint64_t t1_device_pages(const struct type1 *t1);
/* The n-th usable IOVA range. False: past the end. */
bool t1_iova_range_at(const struct type1 *t1, unsigned n, iova_t *first, iova_t *last);
/* The invariants of a type1 container (disjoint mappings, all domains translate exactly them, pins,
 * charges, counters, IOVA list); NULL when all hold, else what does not. `thorough`: each page of
 * each domain too, else each mapping's first run. */
const char *t1_audit(const struct type1 *t1, bool thorough);

/*
 * Pages of mm's locked_vm that this container's mappings hold. What a mapping that ended at 2^64
 * left behind is in t1_leaked_pages(). Charges of an mm that has died are not taken back.
 */
uint64_t t1_charged_pages(const struct type1 *t1, const struct mm *mm);
uint64_t t1_leaked_pages(const struct type1_params *params, const struct mm *mm);
/*
 * Every frame's pin count is the number of mappings of these containers that hold it, leaks
 * included. `params` may be NULL when no mapping can leak. NULL when it holds, else what does not.
 */
const char *t1_audit_pins_leaks(struct type1 *const *list, unsigned n,
				const struct type1_params *params, struct phys *phys);
/* The same beside other holders of pins: `more` calls add(ctx) for each run that they hold; false:
 * no memory. NULL: there are none. */
typedef bool (*t1_pin_fn)(void *ctx, const struct pin_run *run);
struct t1_more_pins {
	bool (*each)(const void *source, t1_pin_fn add, void *ctx);
	const void *source;
};
const char *t1_audit_all_pins(struct type1 *const *list, unsigned n,
			      const struct type1_params *params, const struct t1_more_pins *more,
			      struct phys *phys);
const char *t1_audit_pins(struct type1 *const *list, unsigned n, struct phys *phys);

#endif
