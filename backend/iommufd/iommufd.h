/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iommufd as the rest of the kernel sees it: the file of /dev/iommu, devices that are bound to it,
 * and accesses of in-kernel users.
 *
 * A context is what lies behind one open of /dev/iommu (or of the VFIO container device, when
 * iommufd stands in for it). It lives while its file does; devices, accesses and event files keep
 * a reference on that file. All calls run under the machine's lock.
 *
 * Kernel behaviour: drivers/iommu/iommufd of Linux 6.12 and 7.2.
 */
#ifndef BACKEND_IOMMUFD_IOMMUFD_H
#define BACKEND_IOMMUFD_IOMMUFD_H

#include "core/file.h"
#include "core/iommu.h"

struct iommufd_ctx;
struct iommufd_device;
struct iommufd_access;

/* What one machine's contexts share. Zero-initialise; set `iommu`. */
struct iommufd_env {
	struct iommu *iommu;
	bool allow_unsafe_interrupts;
	bool noiommu;             /* no-IOMMU mode exists */
	uint64_t temp_memory_max; /* bytes of a batch of pages; 0: the usual 64 KiB */
	/* Command 0xa0 of a machine with the selftest interface; NULL: -ENOTTY. `size` was read. */
	long (*test_cmd)(struct iommufd_ctx *ctx, const struct caller *caller, uint64_t arg,
			 uint32_t size);
	/* With test_cmd: turn a source address of IOAS_COPY that a test flag says to be { n-th
	 * area, offset } into an iova, and take the flag away. NULL: there is no such flag. */
	void (*test_iova)(struct iommufd_ctx *ctx, uint32_t ioas_id, uint64_t *iova,
			  uint32_t *flags);
	unsigned live;                /* contexts */
	struct iommufd_ctx *contexts; /* oldest first */
};

/* open("/dev/iommu"): a file with one reference, or NULL and *error. */
struct file *iommufd_open(struct iommufd_env *env, int *error);
/* open("/dev/vfio/vfio") where iommufd provides it: accounting goes to locked_vm. */
struct file *iommufd_open_vfio(struct iommufd_env *env, int *error);
/* No process is left. Contexts that still live have mapped the files of each other, or their own;
 * the kernel never gets rid of those. */
void iommufd_env_fini(struct iommufd_env *env);
/* NULL: another kind of file. */
struct iommufd_ctx *iommufd_ctx_from_file(const struct file *file);
/* References on the file. */
struct iommufd_ctx *iommufd_ctx_get(struct iommufd_ctx *ctx);
void iommufd_ctx_put(struct iommufd_ctx *ctx);

/* A structure of `known` bytes of which the program knows user_size: what it lacks reads as zero;
 * what it has more must be zero, else -E2BIG. -EFAULT. */
int iommufd_copy_struct(const struct caller *caller, void *dst, uint32_t known, uint64_t src,
			uint32_t user_size);

/* ---- devices ---- */

/* Claims DMA ownership for the context. -EINVAL not coherent, -ENODEV no group, -EPERM interrupts
 * are not isolated or another owner, -EBUSY, -ENOMEM. *id is the DEVICE object's. */
int iommufd_device_bind(struct iommufd_ctx *ctx, struct iommu_device *dev,
			struct iommufd_device **idev, uint32_t *id);
/* Detached before. */
void iommufd_device_unbind(struct iommufd_device *idev);
/* *pt_id: IOAS or HWPT in, the HWPT's id out. IOMMU_NO_PASID is the device's own requests. */
int iommufd_device_attach(struct iommufd_device *idev, uint32_t pasid, uint32_t *pt_id);
int iommufd_device_replace(struct iommufd_device *idev, uint32_t pasid, uint32_t *pt_id);
/* Nothing attached: nothing happens. */
void iommufd_device_detach(struct iommufd_device *idev, uint32_t pasid);
bool iommufd_device_attached(const struct iommufd_device *idev, uint32_t pasid);
struct iommufd_ctx *iommufd_device_ctx(const struct iommufd_device *idev);
uint32_t iommufd_device_id(const struct iommufd_device *idev);
/* A device of the group is bound to the context (for reset permissions). */
bool iommufd_ctx_has_group(const struct iommufd_ctx *ctx, const struct iommu_group *group);
/* Its DEVICE id in the context, 0: not bound there. */
uint32_t iommufd_ctx_device_id(const struct iommufd_ctx *ctx, const struct iommu_device *dev);

/* ---- VFIO compatibility: the IOAS that VFIO ioctls work on ---- */

/* -ENODEV: none is set. */
int iommufd_vfio_ioas_id(struct iommufd_ctx *ctx, uint32_t *id);
/* Make one, if there is none. -EINVAL in no-IOMMU mode, -ENOMEM. */
int iommufd_vfio_ioas_create(struct iommufd_ctx *ctx);
/* A no-IOMMU group came. -EINVAL: there is a compat IOAS. */
int iommufd_vfio_set_noiommu(struct iommufd_ctx *ctx);

/* ---- accesses: in-kernel users of the mappings ---- */

struct iommufd_access_ops {
	bool needs_pin_pages;
	/* The pins in [iova, iova + len) must go before this returns, or soon. */
	void (*unmap)(void *data, uint64_t iova, uint64_t len);
};

enum { IOMMUFD_ACCESS_WRITE = 1, IOMMUFD_ACCESS_SLOW = 4 };

int iommufd_access_create(struct iommufd_ctx *ctx, const struct iommufd_access_ops *ops, void *data,
			  struct iommufd_access **access, uint32_t *id);
void iommufd_access_destroy(struct iommufd_access *access);
/* -ENOENT, -EINVAL attached already, -EADDRINUSE. */
int iommufd_access_attach(struct iommufd_access *access, uint32_t ioas_id);
int iommufd_access_replace(struct iommufd_access *access, uint32_t ioas_id);
void iommufd_access_detach(struct iommufd_access *access);
/* `pages` receives the physical address of each page touched by [iova, iova + len). */
int iommufd_access_pin(struct iommufd_access *access, uint64_t iova, uint64_t len, pa_t *pages,
		       unsigned flags);
/* Exactly a range that was pinned. */
void iommufd_access_unpin(struct iommufd_access *access, uint64_t iova, uint64_t len);
int iommufd_access_rw(struct iommufd_access *access, uint64_t iova, void *data, uint64_t len,
		      unsigned flags);

/* ---- for reports and tests ---- */

/* Invariants of all contexts: areas, reserved ranges, domains translate what areas say, pins,
 * charges, references. `thorough`: each page. NULL when all hold, else what does not. */
const char *iommufd_audit(const struct iommufd_env *env, bool thorough);
/* Pages that the contexts hold in the address space's pinned_vm / locked_vm. */
uint64_t iommufd_pinned_pages(const struct iommufd_env *env, const struct mm *mm);
uint64_t iommufd_locked_pages(const struct iommufd_env *env, const struct mm *mm);

/* Each run that iommufd pins, once for each time it is pinned, until `fn` says no. False: it did,
 * or there is no memory. */
bool iommufd_each_pin(const struct iommufd_env *env,
		      bool (*fn)(void *ctx, const struct pin_run *run), void *ctx);

struct iommufd_stats {
	uint64_t objects, areas, mapped_bytes, pinned_pages;
	unsigned domains;
};
void iommufd_stats(const struct iommufd_env *env, struct iommufd_stats *stats);

#endif
