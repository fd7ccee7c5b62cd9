/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * softiommu: a machine with IOMMUs, in your test.
 *
 * A machine is built from a platform (a preset's name, or a libconfig file). Processes on it open
 * /dev/vfio files and /dev/iommu, and issue the ioctls of <linux/vfio.h> and <linux/iommufd.h> with
 * the real structures (<softiommu/iommufd.h> has those of the latter, for systems without it);
 * devices of it do DMA through the emulated IOMMU. Nothing needs root, a kernel module or hardware,
 * and many machines may live in one program.
 *
 * Errors: functions named after a system call (sio_open, sio_ioctl, sio_close, sio_pread,
 * sio_pwrite) return -1 and set errno, with the errno of the emulated kernel. All others return 0
 * or a negative errno value.
 *
 * sio_hw_create() at the end gives the hardware without the kernel: registers, memory and DMA, for
 * drivers of your own.
 *
 * Threads: calls on one machine are serialised by its own lock, so any thread may make them. DMA
 * from other threads than the one that maps goes through a sio_port of that thread and takes no
 * lock.
 */
#ifndef SOFTIOMMU_H
#define SOFTIOMMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct sio_machine;
struct sio_process;
struct sio_device;
struct sio_port;

/* ---- machine ---- */

struct sio_machine_cfg {
	const char *platform;      /* preset name or file name; NULL: "vtd48" */
	const char *platform_text; /* libconfig text instead, if not NULL */
	/* "6.12", "6.12,SWITCH"; NULL: "6.12". With the switch iommufd_container /dev/vfio/vfio is
	 * iommufd's in place of type1's. */
	const char *kernel;
	uint64_t ram_bytes; /* emulated RAM; 0: the platform's, or 16 GiB */
	uint64_t seed;      /* for seeded contiguity policies */
	bool strict;        /* compare every cached translation with a fresh walk */
	/* /dev/iommu answers the ioctl of the kernel's own test, with its mock devices; a platform
	 * can ask for that as well. */
	bool selftest;
	bool noiommu; /* enable no-IOMMU mode, as a platform can too */
};

/*
 * Build and boot a machine. On failure *machine is NULL and `error` (error_len bytes, may be NULL)
 * holds one line naming file, line and what was expected. -EINVAL bad platform or kernel, -ENOENT
 * no such platform, -ENOMEM.
 */
int sio_machine_create(const struct sio_machine_cfg *cfg, struct sio_machine **machine, char *error,
		       size_t error_len);
/* Processes still alive are ended first. */
void sio_machine_destroy(struct sio_machine *machine);
/*
 * Switch the machine off and on again: as a new machine of the same configuration, to the last
 * byte of memory, address and answer, at a small part of the price, and without taking more memory
 * each time. Processes are ended first; their handles are invalid, those of devices and ports stay.
 * No other call on the machine may be under way, DMA of other threads included.
 * -ENOMEM: the machine did not come up; it can only be destroyed, or reset again.
 */
int sio_machine_reset(struct sio_machine *machine);
const char *sio_version(void);

/* ---- processes ---- */

enum sio_cap {
	SIO_CAP_IPC_LOCK = 1,
	SIO_CAP_SYS_RAWIO = 2,
	SIO_CAP_SYS_RESOURCE = 4,
	SIO_CAP_ALL = 7
};

/* A process with an empty address space, all capabilities and no RLIMIT_MEMLOCK. NULL: no memory.
 * Owned by the machine until sio_process_exit(). */
struct sio_process *sio_process_create(struct sio_machine *machine);
/* fork(): shares open files, copies memory. NULL: no memory. */
struct sio_process *sio_process_fork(struct sio_process *parent);
/*
 * execve(): the same process, capabilities, limits and open files with an empty address space. What
 * devices reach of the old one they go on reaching. 0; -ENOMEM, and nothing has changed.
 */
int sio_process_exec(struct sio_process *process);
/* Closes its files, releases its memory; the handle is invalid afterwards. */
void sio_process_exit(struct sio_process *process);
void sio_process_set_caps(struct sio_process *process, unsigned caps);
/* Soft RLIMIT_MEMLOCK in bytes, UINT64_MAX: none. */
void sio_process_set_memlock(struct sio_process *process, uint64_t bytes);
/* VmLck and VmPin of /proc/PID/status, in KiB. */
uint64_t sio_process_vmlck(const struct sio_process *process);
uint64_t sio_process_vmpin(const struct sio_process *process);

/* ---- a process's memory: addresses are the simulated process's, not yours ---- */

enum sio_prot { SIO_PROT_NONE = 0, SIO_PROT_READ = 1, SIO_PROT_WRITE = 2, SIO_PROT_RW = 3 };
enum sio_mem_kind { SIO_MEM_ANON, SIO_MEM_SHARED, SIO_MEM_MEMFD, SIO_MEM_MEMFD_PRIVATE };
enum sio_contiguity { SIO_RUN_2M, SIO_RUN_4K, SIO_RUN_SEEDED, SIO_RUN_WHOLE };

struct sio_mem {
	uint64_t address; /* page aligned; 0: the machine chooses one */
	uint64_t size;
	unsigned prot; /* enum sio_prot */
	enum sio_mem_kind kind;
	enum sio_contiguity contiguity;
	bool hugetlb;
};

/* mmap(). *address receives where it is. -EINVAL, -ENOMEM. */
int sio_mem_map(struct sio_process *process, const struct sio_mem *mem, uint64_t *address);
/* mmap() of a device file's region, or of a window of iommufd: MAP_SHARED at offset; *address as
 * above. -EINVAL, -EBADF, -ENODEV no such file, -ENXIO no such window. */
int sio_mem_map_fd(struct sio_process *process, int fd, uint64_t offset, uint64_t size,
		   uint64_t wanted, uint64_t *address);
/* The same in full: memory files too, see below. */
struct sio_file_map {
	int fd;
	uint64_t offset; /* in the file */
	uint64_t size;
	uint64_t address;  /* page aligned; 0: the machine chooses one */
	unsigned prot;     /* enum sio_prot */
	bool private_copy; /* MAP_PRIVATE */
	bool executable;   /* PROT_EXEC */
};
/* -EBADF, -EINVAL, -ENODEV the file cannot be mapped, -EACCES, -EPERM, -ENOMEM; a device file or
 * iommufd says more. */
int sio_mem_map_file(struct sio_process *process, const struct sio_file_map *map,
		     uint64_t *address);
int sio_mem_unmap(struct sio_process *process, uint64_t address, uint64_t size);
int sio_mem_protect(struct sio_process *process, uint64_t address, uint64_t size, unsigned prot);
int sio_mem_discard(struct sio_process *process, uint64_t address, uint64_t size);
int sio_mem_lock(struct sio_process *process, uint64_t address, uint64_t size);
int sio_mem_unlock(struct sio_process *process, uint64_t address, uint64_t size);
/* Where in physical memory a byte is, as /proc/PID/pagemap tells. -EFAULT: nowhere, or not yet. */
int sio_mem_physical(struct sio_process *process, uint64_t address, uint64_t *physical);
/* As the process itself would read and write; -EFAULT where it would get a signal. */
int sio_mem_read(struct sio_process *process, uint64_t address, void *buf, size_t len);
int sio_mem_write(struct sio_process *process, uint64_t address, const void *buf, size_t len);

/* ---- files ---- */

/*
 * "/dev/vfio/vfio", "/dev/vfio/GROUP", "/dev/vfio/devices/vfioN" (see sio_device_cdev()),
 * "/dev/iommu"; "/dev/vfio/noiommu-GROUP" for a device without an IOMMU in no-IOMMU mode. A
 * descriptor of the process, or -1 and errno: ENOENT what the kernel does not have; nodes of
 * devices and iommufd come with 6.3.
 */
int sio_open(struct sio_process *process, const char *path);
/*
 * An ioctl with the structures of <linux/vfio.h> or <linux/iommufd.h>. `arg` and pointers inside
 * structures (dirty bitmaps, ranges, data of a driver) are yours and must be valid; addresses below
 * 64 KiB and in the kernel half answer EFAULT or EINVAL as the kernel does. Memory to be mapped,
 * `vaddr` of MAP_DMA and `user_va` of IOAS_MAP, is named by addresses of the simulated process.
 */
int sio_ioctl(struct sio_process *process, int fd, unsigned long request, void *arg);
int sio_close(struct sio_process *process, int fd);
/* Offsets from 2^63 on are negative: EINVAL. Files without a position (those of events and faults
 * of iommufd) are read and written at offset 0. */
ssize_t sio_pread(struct sio_process *process, int fd, void *buf, size_t len, uint64_t offset);
ssize_t sio_pwrite(struct sio_process *process, int fd, const void *buf, size_t len,
		   uint64_t offset);
/* lseek(SEEK_SET): 0, or -1 and ESPIPE (files of events and faults have no positions) or EBADF. */
int sio_seek(struct sio_process *process, int fd, uint64_t offset);
/* dup(): another descriptor of the same open file, or -1 and EBADF, EMFILE, ENOMEM. */
int sio_dup(struct sio_process *process, int fd);
/* What poll() would answer now: POLLIN, POLLOUT ... of <poll.h>; or -1 and EBADF. */
int sio_poll(struct sio_process *process, int fd);
/* eventfd2(), and its counter (which becomes 0). */
int sio_eventfd(struct sio_process *process);
int sio_eventfd_read(struct sio_process *process, int fd, uint64_t *count);

/* ---- memory files ---- */

/*
 * memfd_create() and ftruncate(): a descriptor of the process, or -1 and errno. Sealing is allowed.
 * sio_pread() and sio_pwrite() move bytes of it, maps of it share its pages.
 */
int sio_memfd(struct sio_process *process, uint64_t size);
struct sio_memfd_cfg {
	uint64_t size;
	enum sio_contiguity contiguity;
	bool hugetlb;   /* huge pages, the size is a multiple of 2 MiB */
	bool no_seals;  /* as a file on tmpfs: sealed against sealing */
	bool read_only; /* as opened O_RDONLY */
};
int sio_memfd_open(struct sio_process *process, const struct sio_memfd_cfg *cfg);
/* As the system calls: 0, or -1 and errno. EBADF, EINVAL (also another kind of file), EPERM. */
int sio_file_truncate(struct sio_process *process, int fd, uint64_t size);
/* fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) */
int sio_file_punch(struct sio_process *process, int fd, uint64_t offset, uint64_t len);
/* fcntl(F_ADD_SEALS), with F_SEAL_* of <linux/fcntl.h>; EBUSY. */
int sio_file_seal(struct sio_process *process, int fd, unsigned seals);

/* ---- devices and their DMA ---- */

/* By platform name ("A") or address ("0000:01:00.0", "01:00.0"). NULL: none. */
struct sio_device *sio_device_find(struct sio_machine *machine, const char *name);
/* "0000:01:00.0"; the name of an emulated device. This is what GET_DEVICE_FD wants. Lives as long
 * as the machine. */
const char *sio_device_bdf(const struct sio_device *device);
/* IOMMU group number, -1: none. */
int sio_device_group(const struct sio_device *device);
/* N of its node /dev/vfio/devices/vfioN, while it is bound to vfio-pci: the lowest that was free
 * then. -1: it has none. */
int sio_device_cdev(struct sio_device *device);

/*
 * Bind a device to a kernel driver, as a write to the driver's `bind` file does: "vfio-pci" makes
 * it one that programs can open; "pci-stub" and "pcieport" leave its DMA alone; any other name is a
 * driver that does DMA for the kernel.
 *
 * 0. -EBUSY: it has a driver, or a program owns the DMA of its group. -EINVAL: vfio-pci cannot take
 * it (a bridge, or no group); no name, or one of more than 31 characters. -EAGAIN: the IOMMU is not
 * ready. -ENOMEM. -ENOTRECOVERABLE: a kernel without DMA ownership, whose driver broke a group that
 * a program uses; that kernel stops here with a BUG. The driver is bound.
 */
int sio_device_bind(struct sio_device *device, const char *driver);
/*
 * Take it from its driver. -ENODEV: it has none. -EBUSY: vfio-pci waits, because a program has the
 * device or its node open (it was asked to let go, by the device's request interrupt) or, with
 * kernels from 4.15 on and before 6.1, has the group in a container of which this is the last
 * device. From 6.1 on that device takes its group out of the container, and the group's file
 * answers ENODEV.
 */
int sio_device_unbind(struct sio_device *device);
/* Copies the driver's name, empty: none. `name` has room for 32 bytes. */
void sio_device_driver(struct sio_device *device, char name[32]);

/* A request that the IOMMU blocked, as the kernel's log would name it. */
struct sio_fault {
	char unit[16];      /* "dmar0" */
	char requester[16]; /* "0000:01:00.0": the id on the bus, that of a bridge for devices below
			       one */
	uint8_t reason;     /* the manual's code (AMD: of the event); 0: no fault */
	bool is_read;
	uint16_t flags;   /* AMD: those of the event; VT-d: 0 */
	uint64_t address; /* page */
};

/*
 * The device reads (writes) `len` bytes of memory at `iova`. 0: done. -EACCES: the IOMMU blocked
 * it, *fault (may be NULL) says why; bytes before the faulting page were moved. -EIO: nothing
 * answers at the translated address. -ENODEV: the device was pulled out. -EINVAL: an emulated
 * device, which does no DMA. Bus master enable is not looked at here: this is the device's own
 * engine. Without an IOMMU `iova` is a physical address.
 */
int sio_dma_read(struct sio_device *device, uint64_t iova, void *buf, size_t len,
		 struct sio_fault *fault);
int sio_dma_write(struct sio_device *device, uint64_t iova, const void *buf, size_t len,
		  struct sio_fault *fault);
/* A request in full. */
struct sio_dma {
	uint64_t iova;
	size_t len;
	bool write;
	bool has_pasid;
	uint32_t pasid;
	/* By the device's own translation cache (platform key `ats`), as far as the driver has
	 * switched it on. */
	bool cached;
};
/* As sio_dma_read(). A page that the cache may not have, for want of a mapping or permission:
 * -EACCES with reason 0 and no fault anywhere. */
int sio_dma(struct sio_device *device, const struct sio_dma *dma, void *buf,
	    struct sio_fault *fault);
/* A page request (platform key `pri`), of a group of requests that the last one ends. */
struct sio_page_request {
	uint64_t iova;
	bool has_pasid;
	uint32_t pasid;
	bool read, write, execute, privileged;
	bool last;
	uint16_t group; /* 9 bits */
};
/* 0; -ENODEV: the device makes none, or nobody switched that on; -EBUSY: the group waits for an
 * answer already. */
int sio_page_request(struct sio_device *device, const struct sio_page_request *request);
/* The answer to a group, each once: its number and PCIe's code (0: success, 1: invalid, 15:
 * failure). False: none yet. */
bool sio_page_response_next(struct sio_device *device, uint16_t *group, unsigned *code);
/* For DMA from a thread of its own: create there, use there, destroy there. */
struct sio_port *sio_port_create(struct sio_machine *machine);
void sio_port_destroy(struct sio_port *port);
int sio_port_dma(struct sio_port *port, struct sio_device *device, uint64_t iova, void *buf,
		 size_t len, bool write, struct sio_fault *fault);
/* Faults that the driver read out of the units, oldest first. False: no more. */
bool sio_fault_next(struct sio_machine *machine, struct sio_fault *fault);

/* ---- the driver of a device: emulated devices, pinned pages ---- */

/*
 * An emulated device (mdev): no DMA of its own; its driver, which is your program, reaches memory
 * by the calls below. It is alone in a group that no IOMMU serves, and its file shows a PCI
 * function of `model` (as in platform files; NULL: "generic"). A platform can declare some as well.
 * The device lives as long as the machine. -EINVAL: no such model, or a name that is empty, longer
 * than 63 bytes or an address; -EEXIST; -ENOTTY: the kernel knows no such devices (before 4.10);
 * -ENOMEM.
 */
int sio_device_create_emulated(struct sio_machine *machine, const char *name, const char *model,
			       struct sio_device **device);

/*
 * UNMAP_DMA is about to remove the mapping [iova, iova + size), of which some device holds pages:
 * unpin them. Called on the thread of that ioctl, without locks: it may make any call but ending
 * the machine. When eleven rounds of asking have not helped, where a kernel would die of a bug, the
 * ioctl fails with EFAULT.
 */
typedef void sio_unmap_fn(void *user, struct sio_device *device, uint64_t iova, uint64_t size);

/*
 * The driver's callback, NULL: none. It counts from the next opening of the device's file until the
 * last one is closed. -EBUSY: the device is open; -ENODEV: no vfio driver has it.
 */
int sio_device_on_unmap(struct sio_device *device, sio_unmap_fn *call, void *user);

/*
 * Pin `pages` pages (1 to 512) from `iova` on, a whole page, for use as `prot` (enum sio_prot)
 * says; address[i] receives where page i is in physical memory. The device is open (before 6.0: its
 * group is in a container with a driver). A device behind an IOMMU may do this too, and is taken at
 * its word from then on: it dirties what it has pinned and nothing else.
 *
 * Returns `pages`; or, with no page pinned: -EINVAL not open, no page, no callback, no mapping
 * there or device memory; -E2BIG; -EACCES not TYPE1v2; -EBUSY some mapping has lost its address
 * (in 5.12: waits for another thread to give it one, -EFAULT once the container's file is closed);
 * -EPERM the mapping allows less; -ENODEV the mapper is gone; -ENOMEM its limit; -EFAULT its
 * memory; -ENOTTY the kernel, or the container, has no such call; the device's driver is another
 * one: -ENODEV.
 */
int sio_device_pin_pages(struct sio_device *device, uint64_t iova, unsigned pages, unsigned prot,
			 uint64_t *address);
/*
 * Undo one pin of each page; pages that are not pinned are passed over. Returns how many pages lie
 * before the first that no mapping has; -EINVAL if that is none; others as above. What is still
 * pinned when the last group leaves the container stays pinned and charged for ever, as in Linux.
 */
int sio_device_unpin_pages(struct sio_device *device, uint64_t iova, unsigned pages);
/*
 * Read (write) memory of mappings without pinning, in the context of `process`, NULL: of a kernel
 * thread. Mappings need to allow reading in both cases. 0; bytes before an error are done: -EINVAL
 * not open, no bytes, no mapping; -EPERM the mapping forbids it or the mapper is gone; -EFAULT its
 * memory, or `process` is not the mapper; -EBUSY, -ENOTTY, -ENODEV as above.
 */
int sio_device_dma_rw(struct sio_device *device, struct sio_process *process, uint64_t iova,
		      void *buf, size_t len, bool write);

/* ---- looking inside ---- */

/* Every invariant of every object. 0; or -EPROTO and one line in `what` (len bytes). `thorough`
 * compares every page of every table. */
int sio_audit(struct sio_machine *machine, bool thorough, char *what, size_t len);

/* What a cached translation was used for after its tables had changed. Only with cfg.strict. */
struct sio_stale {
	char text[256]; /* one line: cache, address, the mapping, the operation that forgot */
	uint64_t iova;  /* of an interrupt entry: its index */
	uint64_t mapped_by, unmapped_by; /* operation numbers, 0 unknown */
};
bool sio_stale_next(struct sio_machine *machine, struct sio_stale *stale);

/*
 * Where the kernel would have stopped instead of answering: one line, oldest first. NULL: no more.
 * The text is static.
 */
const char *sio_notice_next(struct sio_machine *machine);

struct sio_stats {
	uint64_t operations;
	uint64_t mappings, domains; /* of all containers and iommufds */
	uint64_t locked_pages;      /* charged by type1 containers */
	uint64_t table_pages;
	uint64_t pinned_pages;
	uint64_t faults;
	uint64_t iommufd_objects;
};
void sio_stats(struct sio_machine *machine, struct sio_stats *stats);

/* ---- failure on demand ---- */

/*
 * Every call site of the emulated kernel and hardware that can fail is a named point: allocations,
 * pins, tables, maps, invalidations, copies from and to the caller, capability checks, attaches.
 * A plan says which passage fails:
 *
 *   SELECTOR:nth=N[,errno=E]          the N-th passage through a selected point, 1 the next; once
 *   SELECTOR:prob=P,seed=S[,errno=E]  each with probability P, 0 < P <= 1, drawn from the seed
 *
 * SELECTOR is a point's name ("type1.pin"), a prefix ("type1.*"), a kind ("alloc") or "*". The
 * points of kind "bug" are mistakes of a driver and not failures: only their name or kind selects
 * them. An errno must be one that every selected point can answer; without one each answers its
 * usual one. The emulated kernel undoes what it had begun, as Linux does.
 *
 * The plan replaces the one before and starts counting anew; "" clears it. It covers what is done
 * through this machine on any thread. sio_audit(), sio_stats() and reports pass no points. 0;
 * -EINVAL with one line in `error` (error_len bytes, may be NULL), and the plan before stays;
 * -ENOMEM.
 */
int sio_inject(struct sio_machine *machine, const char *plan, char *error, size_t error_len);
/* Passages through selected points since the plan was set. 0 without a plan. */
uint64_t sio_inject_count(struct sio_machine *machine);
/* Failures injected since the plan was set: with nth=N, 0 or 1. */
uint64_t sio_injected(struct sio_machine *machine);
/* Name of the point that failed last under this plan; NULL: none. Lives as long as the program. */
const char *sio_inject_last(struct sio_machine *machine);

#define SIO_INJECT_ERRORS 6

struct sio_inject_point {
	const char *name; /* lives as long as the program */
	const char *kind; /* "alloc", "pin", "table", "map", "sync", "copy-in", "copy-out",
			     "capability", "attach", "bug" */
	bool bug;         /* not part of "*" and of prefixes */
	int error[SIO_INJECT_ERRORS]; /* errno values it may answer, the usual one first; 0 ends */
};

/* The n-th point in order of the names, the same for every machine. False: there are no more. */
bool sio_inject_point(unsigned n, struct sio_inject_point *point);
/* How often the n-th point was passed, selected or not, and how often it failed, since the plan was
 * set. 0 without a plan. */
uint64_t sio_inject_seen(struct sio_machine *machine, unsigned n);
uint64_t sio_inject_injected(struct sio_machine *machine, unsigned n);

/*
 * Legal rarities: what a kernel or a machine may do and hardly ever does. All answers stay
 * documented ones, and audits hold; what breaks is a client that takes the usual for the promised.
 * "NAME" makes it happen each time, "NAME:nth=N" at the N-th occasion from now on; several may be
 * on; "" turns all off. -EINVAL and one line in `error`: no such name.
 *
 *   map.busy         MAP_DMA: the IOMMU refuses a run with huge pages with EBUSY; kernels before
 *                    5.0 then map it page by page, later ones answer EBUSY
 *   map.small-pages  MAP_DMA and attach: a domain gets small pages where large ones would fit
 *   map.limit        MAP_DMA: the N-th mapping of containers opened from now on is over the limit
 *                    of entries, ENOSPC
 *   pin.scattered    memory touched from now on is not contiguous
 *   unmap.short      UNMAP_DMA of a TYPE1 container stops behind the first mapping; `size` says so
 *   sync.late        invalidations are put off until just before pages are unpinned
 *   group.unviable   a driver of the host has a device: GET_STATUS without VIABLE, SET_CONTAINER
 *                    EPERM; before the ownership of DMA GET_DEVICE_FD EINVAL
 *   device.gone      at the N-th call on a device file the device is pulled out: registers read as
 *                    ones, writes vanish, resets answer ENOTTY, GET_DEVICE_FD ENODEV, DMA ends, and
 *                    the request eventfd is signalled
 */
int sio_rare(struct sio_machine *machine, const char *text, char *error, size_t error_len);

struct sio_rarity {
	const char *name, *about; /* live as long as the program */
};
/* The n-th rarity. False: there are no more. */
bool sio_rarity(unsigned n, struct sio_rarity *rarity);
/* How often the n-th rarity happened since it was turned on. */
uint64_t sio_rare_happened(struct sio_machine *machine, unsigned n);

/* ---- parameters ---- */

/*
 * A module parameter: dma_entry_limit, disable_hugepages, allow_unsafe_interrupts of
 * vfio_iommu_type1; enable_unsafe_noiommu_mode of vfio (devices without an IOMMU are bound at boot,
 * if it was on then); iommufd.allow_unsafe_interrupts. -EINVAL; -ENOENT: this kernel has no such
 * parameter.
 */
int sio_param(struct sio_machine *machine, const char *name, uint64_t value);

/* ---- the hardware alone: your own driver instead of the emulated kernel ---- */

/*
 * Memory, IOMMU units and buses of a platform, as they are before a kernel boots: for the driver of
 * a hypervisor or of firmware, which programs the units through registers and memory like any
 * other. Calls on one sio_hw are serialised by it, so any thread may make them.
 */
struct sio_hw;
struct sio_unit;

enum sio_event_kind {
	SIO_EVENT_MSI,       /* the unit itself interrupts: faults, invalidations, page requests */
	SIO_EVENT_INTERRUPT, /* a device's interrupt request that the unit let through */
	SIO_EVENT_STALE, /* with cfg.strict: a cached translation that memory does not confirm */
};

struct sio_event {
	enum sio_event_kind kind;
	struct sio_unit *unit;
	uint64_t address; /* MSI: of the message. STALE: the device's address, or the index
			     of an interrupt entry */
	uint32_t data;    /* MSI */
	/* INTERRUPT: the requester id, and what reaches the processors. */
	uint16_t requester;
	bool remapped, posted, logical, level;
	uint8_t mode, vector; /* mode: the delivery mode field */
	uint32_t destination;
	const char *text; /* STALE: one line, valid during the call */
};

struct sio_hw_cfg {
	const char *platform;      /* preset name or file name; NULL: "vtd48" */
	const char *platform_text; /* libconfig text instead, if not NULL */
	uint64_t ram_bytes;        /* 0: the platform's */
	bool strict;               /* compare every cached translation with a fresh walk */
	/*
	 * May be NULL. Called on the thread whose access or DMA caused the event, before that
	 * returns. It may use registers and memory (sio_unit_*, sio_hw_read, sio_hw_write), and no
	 * other function of the same sio_hw.
	 */
	void (*event)(void *ctx, const struct sio_event *event);
	void *ctx;
};

/* Errors as those of sio_machine_create(). */
int sio_hw_create(const struct sio_hw_cfg *cfg, struct sio_hw **hw, char *error, size_t error_len);
void sio_hw_destroy(struct sio_hw *hw);
/*
 * Off and on again: units, devices and memory as sio_hw_create() left them, at a fraction of its
 * price. Pages that were allocated are so no more. No other call may be under way.
 */
void sio_hw_reset(struct sio_hw *hw);

/* The n-th unit in the platform's order; NULL: there are no more. Lives as long as the hw. */
struct sio_unit *sio_hw_unit(struct sio_hw *hw, unsigned n);
/* "dmar0", "ivhd0". */
const char *sio_unit_name(const struct sio_unit *unit);
/*
 * A register: `offset` into the unit's window, `width` 4 or 8 bytes, aligned to it. Anything else
 * reads as all ones and writes nothing.
 */
uint64_t sio_unit_read(struct sio_unit *unit, uint32_t offset, unsigned width);
void sio_unit_write(struct sio_unit *unit, uint32_t offset, unsigned width, uint64_t value);
/* A dword of the unit's PCI configuration space. All ones: the unit has none (VT-d). */
uint32_t sio_unit_config_read(struct sio_unit *unit, uint32_t offset);
void sio_unit_config_write(struct sio_unit *unit, uint32_t offset, uint32_t value);

/* Physical memory. 0; -EFAULT: nothing answers at some byte of it, which reads as 0xff. */
int sio_hw_read(struct sio_hw *hw, uint64_t address, void *buf, size_t len);
int sio_hw_write(struct sio_hw *hw, uint64_t address, const void *buf, size_t len);
/*
 * Flush the cache lines of a table out of the processor's caches: a unit that is `noncoherent` in
 * its platform reads what was last flushed. Other units need none.
 */
void sio_hw_flush(struct sio_hw *hw, uint64_t address, size_t len);
/*
 * `pages` zeroed pages that nothing else uses, adjacent and aligned to their number, which is a
 * power of two up to 512. SIO_NO_MEMORY: no such number, or memory is exhausted.
 */
#define SIO_NO_MEMORY UINT64_MAX
uint64_t sio_hw_alloc(struct sio_hw *hw, unsigned pages);
/* Give back what one sio_hw_alloc() returned, whole. */
void sio_hw_free(struct sio_hw *hw, uint64_t address, unsigned pages);

/* A request as it arrives at the root complex. */
struct sio_request {
	uint16_t segment;
	uint16_t requester; /* bus << 8 | device << 3 | function */
	bool has_pasid;
	uint32_t pasid;
	uint64_t address;
	size_t len;
	bool write;
};

/*
 * Do the request through the unit that serves the requester; where none does, the address is
 * physical. Results as those of sio_dma_read().
 */
int sio_hw_dma(struct sio_hw *hw, const struct sio_request *request, void *buf,
	       struct sio_fault *fault);
/*
 * How memory as it stands translates the request's first byte, caches bypassed: entries and levels
 * with their meaning, as `softiommu walk` shows them. len and write are not looked at.
 */
void sio_hw_walk(struct sio_hw *hw, const struct sio_request *request, FILE *out);
/* Invariants of memory and units. 0; or -EPROTO and one line in `what` (len bytes). */
int sio_hw_audit(struct sio_hw *hw, char *what, size_t len);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
