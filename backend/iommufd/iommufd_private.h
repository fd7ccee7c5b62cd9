/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects of an iommufd context, and what its files call of each other.
 *
 * object.c gives ids and counts references; main.c dispatches ioctls and closes; ioas.c, hwpt.c,
 * device.c, access.c, fault.c, veventq.c, viommu.c, hw_queue.c, mmap.c and vfio_compat.c are the
 * commands; io_pagetable.c and pages*.c do the mapping.
 *
 * References: `users` begins at 1 and is raised by whoever depends on the object for long: a HWPT
 * on its IOAS, a nested one on its parent or vIOMMU, each attachment on the HWPT and on the device,
 * the driver on the DEVICE, a HWPT and an open file on the FAULT, an access on the IOAS, a vIOMMU
 * on its parent, vDEVICEs, event queues and hardware queues on the vIOMMU. DESTROY needs 1.
 */
#ifndef BACKEND_IOMMUFD_IOMMUFD_PRIVATE_H
#define BACKEND_IOMMUFD_IOMMUFD_PRIVATE_H

#include "iommufd/io_pagetable.h"
#include "iommufd/iommufd.h"
#include "iommufd/iommufd_uapi.h"

enum iommufd_object_type {
	IOMMUFD_OBJ_NONE, /* any type, in look-ups */
	IOMMUFD_OBJ_DEVICE,
	IOMMUFD_OBJ_HWPT_PAGING,
	IOMMUFD_OBJ_HWPT_NESTED,
	IOMMUFD_OBJ_IOAS,
	IOMMUFD_OBJ_ACCESS,
	IOMMUFD_OBJ_FAULT,
	IOMMUFD_OBJ_VIOMMU,
	IOMMUFD_OBJ_VDEVICE,
	IOMMUFD_OBJ_VEVENTQ,
	IOMMUFD_OBJ_HW_QUEUE,
	IOMMUFD_OBJ_SELFTEST,
	IOMMUFD_OBJ_COUNT
};

/* First member of every object. */
struct iommufd_object {
	enum iommufd_object_type type;
	uint32_t id;
	unsigned users;
	bool visible;   /* look-ups find it */
	bool tombstone; /* its id is dead until the context goes */
};

struct iommufd_ctx {
	struct file file; /* of /dev/iommu; first */
	struct iommufd_env *env;
	struct iommu *iommu;
	struct iommufd_ctx *next; /* of the machine */
	/* By id - 1; NULL: free. */
	struct iommufd_object **objects;
	uint32_t object_slots, object_count;
	uint32_t object_lowest;    /* no id below it is free; 0: the first */
	enum iopt_account account; /* of callers without CAP_IPC_LOCK */
	bool noiommu;              /* a no-IOMMU group uses it as container */
	struct iommufd_ioas *vfio_ioas;
	struct iommufd_group *groups;
	struct iommufd_mmap *mmaps; /* windows that drivers offered, by offset */
};

struct iommufd_ioas {
	struct iommufd_object obj;
	struct io_pagetable *iopt;
	struct iommufd_hwpt_paging *hwpts; /* in order of creation */
	/* Order in which objects are made is the order of ids' life, not of ids. */
	struct iommufd_hwpt_paging **hwpts_tail;
};

/* Common part of both kinds of HWPT. */
struct iommufd_hwpt {
	struct iommufd_object obj;
	struct iommufd_ctx *ctx;
	struct iommu_domain *domain;
	struct iommufd_fault *fault; /* NULL: takes no faults */
	bool pasid;                  /* made with ALLOC_PASID */
};

struct iommufd_hwpt_paging {
	struct iommufd_hwpt hwpt;
	struct iommufd_ioas *ioas;
	bool automatic;
	bool enforce_coherency;
	bool nest_parent;
	bool in_iopt;                     /* filled with the IOAS's areas */
	struct iommufd_hwpt_paging *next; /* of the IOAS */
};

struct iommufd_hwpt_nested {
	struct iommufd_hwpt hwpt;
	struct iommufd_hwpt_paging *parent;
	struct iommufd_viommu *viommu; /* NULL: made on the parent */
};

/* The devices of one IOMMU group that are bound to one context, and what they are attached to. */
struct iommufd_attach {
	uint32_t pasid;
	struct iommufd_hwpt *hwpt;
	struct iommufd_device **devices;
	unsigned count;
	struct iommufd_attach *next;
};

struct iommufd_group {
	struct iommufd_ctx *ctx;
	struct iommu_group *group;
	unsigned refs; /* bound devices */
	struct iommufd_attach *attachments;
	struct iommufd_group *next;
};

struct iommufd_device {
	struct iommufd_object obj;
	struct iommufd_ctx *ctx;
	struct iommufd_group *igroup;
	struct iommu_device *dev;
	struct iommufd_vdevice *vdev;
	bool enforce_coherency;
};

struct iommufd_access {
	struct iommufd_object obj;
	struct iommufd_ctx *ctx;
	struct iommufd_ioas *ioas;       /* NULL: detached, or detaching */
	struct iommufd_ioas *ioas_unpin; /* pins may still be dropped there */
	const struct iommufd_access_ops *ops;
	void *data;
	struct iopt_access_user user;
	bool internal; /* of a hardware queue: a program cannot name it */
};

/* A page request queue and its file. */
struct iommufd_fault {
	struct iommufd_object obj;
	struct iommufd_ctx *ctx;
	struct iopf_group *queued;     /* not yet read, oldest first */
	struct iopf_group *unanswered; /* read; by cookie */
	bool zero_free;                /* the cookie 0 is given out like others */
};

struct iommufd_vevent {
	struct iommufd_vevent *next;
	struct iommufd_vevent_header header;
	uint32_t len;
	uint8_t data[];
};

/* The events of one type of a vIOMMU, and their file. */
struct iommufd_veventq {
	struct iommufd_object obj;
	struct iommufd_ctx *ctx;
	struct iommufd_viommu *viommu;
	uint32_t type, depth;
	uint32_t queued; /* events, without the header below */
	uint32_t sequence;
	struct iommufd_vevent *events, **events_tail;
	/* While `lost`: stands last in the queue, says that events after the ones before it were
	 * lost. */
	struct iommufd_vevent_header lost_header;
	bool lost;
	struct iommufd_veventq *next; /* of the vIOMMU */
};

struct iommufd_hw_queue {
	struct iommufd_object obj;
	struct iommu_hw_queue base;
	struct iommufd_viommu *viommu;
	struct iommufd_access *access; /* holds the pages; NULL: not yet */
	bool pinned, started;
	struct iommufd_hw_queue *needs; /* this one cannot go first; NULL: none */
};

/* A window of the descriptor that mmap() shows. */
struct iommufd_mmap {
	uint64_t offset, len;
	pa_t pa;
	struct iommufd_object *owner; /* one user per piece that is mapped */
	unsigned pieces;
	struct iommufd_mmap *next; /* by offset */
};

struct iommufd_viommu {
	struct iommufd_object obj;
	struct iommu_viommu base;
	struct iommufd_ctx *ctx;
	struct iommufd_hwpt_paging *parent;
	bool started; /* the driver's init worked */
	struct iommufd_vdevice *vdevs;
	struct iommufd_veventq *veventqs;
};

struct iommufd_vdevice {
	struct iommufd_object obj;
	struct iommu_vdevice base;
	struct iommufd_viommu *viommu;
	struct iommufd_device *idev;
	bool started; /* the driver's init worked */
	struct iommufd_vdevice *next;
};

/* ---- object.c ---- */

/*
 * Zeroed object of `bytes` with the lowest free id, not yet visible. NULL: no memory. It becomes
 * visible with iommufd_object_finalize(), which cannot fail; before that iommufd_object_abort()
 * undoes it (the caller tears down what it put inside; abort_and_destroy does that too).
 */
void *iommufd_object_alloc(struct iommufd_ctx *ctx, size_t bytes, enum iommufd_object_type type);
void iommufd_object_finalize(struct iommufd_ctx *ctx, struct iommufd_object *obj);
void iommufd_object_abort(struct iommufd_ctx *ctx, struct iommufd_object *obj);
void iommufd_object_abort_and_destroy(struct iommufd_ctx *ctx, struct iommufd_object *obj);
/* NULL: missing, another type (OBJ_NONE: any), not visible. No reference is taken: the machine's
 * lock is held for the whole command. */
struct iommufd_object *iommufd_object_find(struct iommufd_ctx *ctx, uint32_t id,
					   enum iommufd_object_type type);
/* DESTROY: -ENOENT, -EBUSY users. */
int iommufd_object_remove(struct iommufd_ctx *ctx, uint32_t id);
/* By whoever made it and holds the only reference: the driver's own device, access ... */
void iommufd_object_destroy_user(struct iommufd_ctx *ctx, struct iommufd_object *obj);
/* The object is gone but its id stays taken: DESTROY says ENOENT. Frees the object. */
void iommufd_object_tombstone(struct iommufd_ctx *ctx, struct iommufd_object *obj);
/* Everything, leaves first, in passes by id; the context closes. */
void iommufd_object_destroy_all(struct iommufd_ctx *ctx);
/* The n-th visible object by id. */
struct iommufd_object *iommufd_object_at(const struct iommufd_ctx *ctx, uint32_t *position);

/* Each type's destructor: everything but the id and the struct, which object.c frees. main.c has
 * the table; the mock registers that of OBJ_SELFTEST through struct iommufd_selftest. */
typedef void (*iommufd_destroy_fn)(struct iommufd_object *obj);
void iommufd_ioas_destroy(struct iommufd_object *obj);
void iommufd_hwpt_paging_destroy(struct iommufd_object *obj);
void iommufd_hwpt_nested_destroy(struct iommufd_object *obj);
void iommufd_device_destroy(struct iommufd_object *obj);
void iommufd_access_destroy_object(struct iommufd_object *obj);
void iommufd_fault_destroy(struct iommufd_object *obj);
void iommufd_viommu_destroy(struct iommufd_object *obj);
void iommufd_vdevice_destroy(struct iommufd_object *obj);
void iommufd_veventq_destroy(struct iommufd_object *obj);
void iommufd_hw_queue_destroy(struct iommufd_object *obj);
/* The one of that type. */
iommufd_destroy_fn iommufd_destructor(const struct iommufd_object *obj);
/* First member of what a selftest interface allocates as OBJ_SELFTEST. */
struct iommufd_selftest {
	struct iommufd_object obj;
	void (*destroy)(struct iommufd_selftest *self);
};

/* ---- main.c ---- */

/* A command that runs: the structure was copied in and its size validated. */
struct iommufd_ucmd {
	struct iommufd_ctx *ctx;
	const struct caller *caller;
	uint64_t arg;
	uint32_t user_size; /* what the program said */
	uint32_t known;     /* the structure's full size */
	void *cmd;
};

/* Write the structure back, min(user_size, known) bytes. 0 or -EFAULT. */
int iommufd_ucmd_respond(const struct iommufd_ucmd *ucmd);
/* The same for a command that made an object: it becomes visible, or is destroyed again. */
int iommufd_ucmd_respond_object(const struct iommufd_ucmd *ucmd, struct iommufd_object *obj);
int iommufd_copy_in(const struct caller *caller, void *dst, uint64_t src, size_t len);
int iommufd_copy_out(const struct caller *caller, uint64_t dst, const void *src, size_t len);
/* Later commands exist: the 7.2 level. */
bool iommufd_is_7_2(const struct iommufd_ctx *ctx);

/* Commands: 0 or -errno. */
int iommufd_cmd_destroy(struct iommufd_ucmd *ucmd);
int iommufd_cmd_ioas_alloc(struct iommufd_ucmd *ucmd);
int iommufd_cmd_ioas_allow_iovas(struct iommufd_ucmd *ucmd);
int iommufd_cmd_ioas_copy(struct iommufd_ucmd *ucmd);
int iommufd_cmd_ioas_iova_ranges(struct iommufd_ucmd *ucmd);
int iommufd_cmd_ioas_map(struct iommufd_ucmd *ucmd);
int iommufd_cmd_ioas_unmap(struct iommufd_ucmd *ucmd);
int iommufd_cmd_option(struct iommufd_ucmd *ucmd);
int iommufd_cmd_vfio_ioas(struct iommufd_ucmd *ucmd);
int iommufd_cmd_hwpt_alloc(struct iommufd_ucmd *ucmd);
int iommufd_cmd_get_hw_info(struct iommufd_ucmd *ucmd);
int iommufd_cmd_hwpt_set_dirty(struct iommufd_ucmd *ucmd);
int iommufd_cmd_hwpt_get_dirty(struct iommufd_ucmd *ucmd);
int iommufd_cmd_hwpt_invalidate(struct iommufd_ucmd *ucmd);
int iommufd_cmd_fault_alloc(struct iommufd_ucmd *ucmd);
int iommufd_cmd_ioas_map_file(struct iommufd_ucmd *ucmd);
int iommufd_cmd_viommu_alloc(struct iommufd_ucmd *ucmd);
int iommufd_cmd_vdevice_alloc(struct iommufd_ucmd *ucmd);
int iommufd_cmd_ioas_change_process(struct iommufd_ucmd *ucmd);
int iommufd_cmd_veventq_alloc(struct iommufd_ucmd *ucmd);
int iommufd_cmd_hw_queue_alloc(struct iommufd_ucmd *ucmd);

/* ---- ioas.c ---- */

struct iommufd_ioas *iommufd_ioas_find(struct iommufd_ctx *ctx, uint32_t id);
/* Not yet visible. */
struct iommufd_ioas *iommufd_ioas_create(struct iommufd_ctx *ctx);

/* ---- hwpt.c ---- */

struct iommufd_hwpt_paging *iommufd_hwpt_paging_find(struct iommufd_ctx *ctx, uint32_t id);
/* Either kind; NULL: neither. */
struct iommufd_hwpt *iommufd_hwpt_find(struct iommufd_ctx *ctx, uint32_t id);
/* A new HWPT of the IOAS, not yet visible. `attach`: the group is attached, by this PASID, before
 * the domain is filled; NULL: it is not. Errors of HWPT_ALLOC and of an attachment. */
int iommufd_hwpt_paging_create(struct iommufd_ctx *ctx, struct iommufd_ioas *ioas,
			       struct iommufd_device *idev, uint32_t flags, const uint32_t *attach,
			       const struct iommu_user_data *data,
			       struct iommufd_hwpt_paging **out);
/* The paging HWPT whose IOAS this translates through: itself, or the parent. */
struct iommufd_hwpt_paging *iommufd_hwpt_base(struct iommufd_hwpt *hwpt);
/* One user less; an automatic one without users goes. */
void iommufd_hwpt_put(struct iommufd_hwpt *hwpt);

/* ---- device.c ---- */

struct iommufd_device *iommufd_device_find(struct iommufd_ctx *ctx, uint32_t id);
/* What the device is attached to with this PASID, NULL: nothing. */
struct iommufd_hwpt *iommufd_device_hwpt(const struct iommufd_device *idev, uint32_t pasid);
/* Attach one device to a HWPT (5.2); used by hwpt_paging_create(). */
int iommufd_hwpt_attach_device(struct iommufd_hwpt *hwpt, struct iommufd_device *idev,
			       uint32_t pasid);
void iommufd_hwpt_detach_device(struct iommufd_device *idev, uint32_t pasid);

/* ---- fault.c ---- */

/* The object and the handler; takes a user of the fault queue. */
int iommufd_hwpt_set_fault(struct iommufd_hwpt *hwpt, uint32_t fault_id);
void iommufd_hwpt_drop_fault(struct iommufd_hwpt *hwpt);
/* An attachment to a HWPT with a queue begins: page requests go on, errors as iommu_iopf_enable().
 * It ends: what waits of it is answered. */
int iommufd_fault_attach(struct iommufd_device *idev);
void iommufd_fault_detach(struct iommufd_hwpt *hwpt, struct iommufd_device *idev, uint32_t pasid);

/* ---- viommu.c ---- */

struct iommufd_viommu *iommufd_viommu_find(struct iommufd_ctx *ctx, uint32_t id);
/* The device is going: its vDEVICE becomes a tombstone. */
void iommufd_vdevice_device_gone(struct iommufd_device *idev);
/* Event of a queue's type; -EOPNOTSUPP no such queue. (veventq.c) */
int iommufd_viommu_report_event(struct iommu_viommu *viommu, uint32_t type, const void *data,
				uint32_t len);

/* ---- mmap.c ---- */

/* mmap() of the context's file: -EINVAL private, -ENXIO not exactly a window. */
int iommufd_mmap(struct iommufd_ctx *ctx, uint64_t offset, uint64_t len, bool shared, pa_t *pa);
/* A piece of a window came to be mapped, or went. */
void iommufd_mmap_get(struct iommufd_ctx *ctx, uint64_t offset);
void iommufd_mmap_put(struct iommufd_ctx *ctx, uint64_t offset);
void iommufd_mmaps_free(struct iommufd_ctx *ctx);
/* Callbacks of drivers, see struct iommu_viommu. */
int iommufd_viommu_mmap_alloc(struct iommu_viommu *viommu, pa_t pa, uint64_t len, uint64_t *offset);
void iommufd_viommu_mmap_free(struct iommu_viommu *viommu, uint64_t offset);

/* ---- access.c ---- */

/* For a hardware queue: an access that no program can name, with an id of its own. */
int iommufd_access_create_internal(struct iommufd_ctx *ctx, struct iommufd_access **access);

/* ---- audit.c ---- */

/* The address spaces of all contexts, to be freed. NULL: no memory. */
struct io_pagetable **iommufd_iopts(const struct iommufd_env *env, unsigned *count);

/* ---- vfio_compat.c ---- */

long iommufd_vfio_ioctl(struct iommufd_ctx *ctx, const struct caller *caller, unsigned int cmd,
			uint64_t arg);

#endif
