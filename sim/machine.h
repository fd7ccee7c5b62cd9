/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine from inside: what the public API, the replay and the reports share.
 *
 * The machine owns everything below it. One lock serialises the control plane; it is not recursive,
 * and only code that the outside calls takes it (machine_enter, machine_leave). Interrupts of units
 * and stale translations arrive on whatever thread caused them, a unit's lock held; they are queued
 * under a lock of their own and handled when the machine's lock is given back.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <pthread.h>

#include "ats.h"
#include "core/file.h"
#include "core/iommu.h"
#include "core/mm_sim.h"
#include "drv/drv_amdvi.h"
#include "drv/drv_vtd.h"
#include "iommufd/iommufd.h"
#include "pcidev.h"
#include "platform/platform.h"
#include "recycle.h"
#include "softiommu.h"
#include "vfio/vfio.h"

#define MACHINE_EVENTS 64u
#define MACHINE_FAULTS 1024u
#define MACHINE_STALES 256u

struct machine_irq {
	uint64_t address;
	uint32_t data;
};

/* A unit that was caught using a stale entry, and when. */
struct machine_stale {
	struct stale_use use;
	uint16_t segment;
};

/* Context of one unit's callbacks. */
struct machine_unit {
	struct sio_machine *machine;
	struct unit *unit;
	const struct platform_unit *platform;
};

struct sio_device {
	struct sio_machine *machine;
	const struct platform_device *platform;
	struct pci_function *fn;
	struct pci_dev *pci; /* NULL: a bridge */
	struct iommu_device *iommu;
	struct ats_cache *ats; /* NULL: no translation cache */
	char bdf[16];

	/* What its driver wants to be told. */
	sio_unmap_fn *unmap;
	void *unmap_user;

	/* An emulated device: no platform_device, no iommu; fn is its own, and in no topology. */
	char *name;
	bool of_platform;
	struct vfio_device *vfio; /* NULL: the kernel knows no such devices */
	struct sio_device *next;
};

/* The memory of the program that uses the library, as its calls reach it. */
struct machine_program {
	struct uaccess ua;
	uint64_t fence, fence_len; /* cannot be written */
};

static inline bool device_is_emulated(const struct sio_device *device)
{
	return device->name != NULL;
}

struct sio_process {
	struct sio_machine *machine;
	struct machine_program program;
	struct task *task;
	struct fd_table *fds;
	uint64_t next_address; /* where the search for a free place begins */
	struct sio_process *next;
};

/* Public name of a unit of a sio_hw. */
struct sio_unit {
	struct sio_hw *hw;
	struct unit *unit;
	const struct platform_unit *platform;
};

struct sio_port {
	struct sio_machine *machine;
	struct dma_port *dma;
};

/* One call of a client's program, as data, so that it can be made again. */
struct machine_call {
	struct sio_process *process;
	const char *name;      /* "ioctl": the system call that it stands for */
	unsigned long request; /* of an ioctl, else 0 */
	/* Makes the call, under the machine's lock: >= 0, or a negative errno value. */
	long (*run)(const struct machine_call *call);
	int fd;
	uint64_t arg; /* what the client gave: a value, an address of its own or of the process */
	uint64_t len, offset;
	void *more; /* whatever else run() needs */
};

/* Sees every call that clients make, and makes it, with machine_call_once(). */
struct machine_tap {
	long (*call)(void *ctx, const struct machine_call *call);
	void *ctx;
};

struct sweep;

struct sio_machine {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* somebody did something */
	unsigned waiters;       /* for that */
	struct platform *platform;
	struct phys *phys;
	struct topology topology;
	struct dma_fabric *fabric;
	struct dma_port *port; /* of the control plane, under the lock */
	struct machine_unit *unit;
	unsigned unit_count;
	struct personality personality;
	struct iommu iommu;
	struct drv_vtd *drv;     /* NULL: no VT-d unit */
	struct drv_amdvi *amdvi; /* NULL: no AMD unit */
	bool booted;             /* the drivers take interrupts */
	struct vfio *vfio;
	struct iommufd_env iommufd;
	struct sio_hw *hw;         /* the hardware alone: whose machine this is, else NULL */
	struct sio_device *device; /* in order of (segment, rid) */
	unsigned device_count;
	bool noiommu;                  /* asked for at creation */
	struct sio_device *emulated;   /* in order of creation */
	struct sio_process *processes; /* newest first */
	struct user *user;             /* whose they are; NULL: there was none yet */
	uint64_t seed;
	struct machine_kept *kept;     /* the system as it was booted; NULL: a reset boots anew */
	bool numbered;                 /* machine_operation() counts operations, not the calls */
	struct sweep *sweep;           /* repeats the clients' calls; NULL: none */
	const struct machine_tap *tap; /* else; NULL: none */
	const struct uaccess *ua;      /* how the clients' own memory is reached, NULL: as it is */
	struct fail_plan *outer_plan;  /* of the thread that holds the lock */
	struct recycler *recycler;     /* NULL: memory was short */
	struct recycler *outer_recycler; /* of the thread that holds the lock */

	/* Filled on any thread, under `event_lock`. */
	pthread_mutex_t event_lock;
	bool events; /* something of what follows is new; may be read without the lock */
	struct machine_irq irq[MACHINE_EVENTS];
	unsigned irq_count;
	bool irq_lost; /* the queue was full */
	struct machine_stale stale_new[MACHINE_EVENTS];
	unsigned stale_new_count;
	uint64_t stale_lost;

	/* Filled from those, under the machine's lock: rings, oldest first. */
	struct iommu_fault fault[MACHINE_FAULTS];
	unsigned fault_first, fault_count;
	uint64_t faults;
	struct sio_stale stale[MACHINE_STALES];
	unsigned stale_first, stale_count;
};

/* What only a replay asks for: the machine is the one that a trace was recorded on. */
struct machine_extra {
	bool quiet_hits; /* VT-d units have quiet-hits, whatever the platform says */
};

/* sio_machine_create() with more to say. */
int machine_create(const struct sio_machine_cfg *cfg, const struct machine_extra *extra,
		   struct sio_machine **out, char *error, size_t error_len);

/* Take the lock; `counts`: the call is an operation of its own. */
void machine_enter(struct sio_machine *machine, bool counts);
/* Take the lock to look inside: no failure plan is in force until machine_leave(). */
void machine_look(struct sio_machine *machine);
/* Handle what arrived meanwhile, give the lock back. */
void machine_leave(struct sio_machine *machine);
/* Give the lock back until another call has been made. */
void machine_wait(struct sio_machine *machine);
/* Handle queued interrupts and stale reports now; the lock is held. */
void machine_settle(struct sio_machine *machine);
/* One line of `len` bytes: which cache still holds what, for which requester. */
void machine_stale_text(const struct stale_use *use, uint16_t segment, char *text, size_t len);
/* From now on operations are what the caller numbers, and this is the number of the next one. */
void machine_operation(struct sio_machine *machine, uint64_t number);

/* Interrupts arrived (some were lost): the drivers look what their units have to say. */
void machine_drivers_irq(struct sio_machine *machine, const struct machine_irq *irq, unsigned count,
			 bool lost);
/* Every unit remaps interrupts, and the kernel uses that. */
bool machine_intremap(const struct sio_machine *machine);

/* Callbacks of units; ctx is a struct machine_unit. */
extern const struct unit_env machine_unit_env;

/* Bind a device to a kernel driver by name; the lock is held. As sio_device_bind(). */
int machine_driver_bind(struct sio_device *device, const char *name);

/* open(): a descriptor of the process, or -errno; the lock is held. */
int machine_open(struct sio_process *process, const char *path);
/* The caller that a process's calls have; their addresses are of the program's own memory. */
struct caller machine_caller(const struct sio_process *process);
/* From now on this memory of the program cannot be written by the process's calls, as if it were
 * mapped read-only; len 0: all can. */
void machine_fence(struct sio_process *process, const void *start, size_t len);
/* Make a call, or have the sweep make it as often as it likes, or the tap. */
long machine_call(const struct machine_call *call);
/* Take the lock, make the call, give the lock back. */
long machine_call_once(const struct machine_call *call);
/* The memory of the program that uses the library, reached by address. */
extern const struct uaccess machine_program_memory;
/* Addresses that a program can have: not in the first 64 KiB, not in the kernel half. */
bool machine_user_range(uint64_t address, size_t len);
/* End all processes, newest first. */
void machine_processes_end(struct sio_machine *machine);
/* dma_access() with the answers of the public API: 0, -EACCES and *fault (may be NULL), -EIO. */
int machine_transfer(const struct sio_machine *machine, struct dma_port *port,
		     const struct dma_req *req, void *buf, struct sio_fault *fault);
/* What a request was blocked for, in the public form. */
void machine_fault_of(const struct sio_machine *machine, const struct dma_req *req,
		      const struct dma_fault *from, struct sio_fault *to);
void machine_fault_format(const struct iommu_fault *fault, struct sio_fault *out);
/* An emulated device by name, NULL: none; a new one: 0, -ENOTTY, -ENOMEM. */
struct sio_device *machine_emulated_find(const struct sio_machine *machine, const char *name);
int machine_emulated_create(struct sio_machine *machine, const char *name, const char *model,
			    struct sio_device **device);
/* One of the platform's, which survives a reset. */
int machine_emulated_boot(struct sio_machine *machine, const char *name, const char *model);
/* The system ends: those made at run time go, the others are as new. */
void machine_emulated_end(struct sio_machine *machine);
void machine_emulated_free(struct sio_machine *machine);
struct sio_device *machine_device_at(struct sio_machine *machine, uint16_t segment, uint16_t rid);

#endif
