/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of backend/vfio share.
 *
 * References: a container lives as long as its file or a group in it; a group's file lives as long
 * as a descriptor or a device of the group that is open through a type1 container (the device's
 * first open takes a reference on it); the file of a device keeps nothing but itself. A device
 * lives as long as it is bound to vfio-pci, a group as long as it has devices or an open file.
 *
 * An iommufd as container is different: the group only keeps the context, and each device has its
 * own tie to that from its first open to its last close, whatever becomes of the group meanwhile.
 */
#ifndef BACKEND_VFIO_VFIO_PRIV_H
#define BACKEND_VFIO_VFIO_PRIV_H

#include "iommufd/iommufd.h"
#include "vfio/vfio.h"

#include <linux/vfio.h>

/* The region index is the top of the file offset. */
#define VFIO_REGION_SHIFT 40u
#define VFIO_REGION_MASK  (SIO_BIT(VFIO_REGION_SHIFT) - 1)

struct vfio_container {
	struct vfio *vfio;
	unsigned refs;
	struct type1 *t1;            /* NULL: this driver is not selected */
	bool noiommu_driver;         /* selected: it does nothing */
	bool noiommu;                /* its groups have no IOMMU; real and such groups do not mix */
	struct vfio_group *groups;   /* most recently added first */
	struct vfio_container *next; /* of the machine, oldest first */
};

enum vfio_group_kind {
	VFIO_GROUP_IOMMU,
	VFIO_GROUP_EMULATED, /* of one device whose DMA the CPU does */
	VFIO_GROUP_NOIOMMU,  /* of one device whose DMA nothing translates */
};

struct vfio_group {
	struct vfio *vfio;
	enum vfio_group_kind kind;
	struct iommu_group
		*iommu_group;        /* NULL: it went with its last device; only a file is left */
	struct vfio_device *devices; /* in order of binding */
	struct file *opened;         /* the one open file */
	struct vfio_container *container;
	struct iommufd_ctx *iommufd; /* in the container's place; a reference. NULL: none */
	unsigned container_users;    /* devices that are open through the container */
	unsigned node_users;         /* ... and through their node: the group cannot be opened */
	struct vfio_group *next_in_container;
	struct vfio_group *next; /* of the machine */
};

/* Which interrupts are on: VFIO_PCI_INTX_IRQ_INDEX and so on, or none. */
#define VFIO_IRQ_NONE UINT32_MAX

struct vfio_irqs {
	uint32_t type;
	struct file **trigger; /* eventfd of each vector, NULL: none. One reference each */
	uint32_t count;        /* vectors that `trigger` holds */
	uint32_t enabled;      /* MSI: vectors allocated when it was turned on */
	struct file *unmask;   /* eventfd that unmasks INTx */
	bool masked;           /* INTx: by the user, or by itself after it fired */
	bool disabled;         /* INTx: by the command register */
	bool line;             /* INTx: level on the wire */
	struct file *err, *req;
};

/* The configuration space of an open device as its user sees it. Parallel arrays, one byte each. */
struct vfio_config {
	uint8_t copy[PCI_CFG_EXT_SIZE];  /* the virtual bits */
	uint8_t virt[PCI_CFG_EXT_SIZE];  /* which bits are virtual */
	uint8_t write[PCI_CFG_EXT_SIZE]; /* which bits a write may change */
	uint8_t cap[PCI_CFG_EXT_SIZE];   /* capability that the byte belongs to */
	uint8_t saved[PCI_CFG_EXT_SIZE]; /* the device's bytes at open, restored at close */
	uint32_t bars[7];                /* the device's own, ROM last: for repair after a reset */
	uint8_t msi_qmax;                /* log2 of the vectors that MSI control may ask for */
	bool bars_dirty;
};

struct vfio_device {
	struct vfio_group *group;
	struct iommu_device *idev; /* NULL: emulated */
	struct pci_dev *pci;
	char *name;               /* emulated: for GET_DEVICE_FD */
	bool has_client;          /* its driver can be asked for pinned pages: `client` is set */
	struct t1_client client;  /* in the container while the device is open */
	unsigned index;           /* of its node */
	unsigned node_files;      /* files of the node, bound or not */
	unsigned open_count;      /* files that may use the device */
	struct vfio_device *next; /* in the group */

	/* While open. */
	bool by_node;                   /* the one file is the node's */
	struct iommufd_device *iommufd; /* NULL: through a type1 container */
	bool attached;                  /* its own requests, to something of the iommufd */
	uint32_t *pasid;                /* that are attached, ascending */
	unsigned pasid_count;
	struct vfio_config *config;
	struct vfio_irqs irqs;
	bool reset_works;
	bool needs_reset;
	bool low_power; /* the user let go of power: memory does not answer */
};

/* A file on a device. */
struct vfio_device_file {
	struct file file;
	struct vfio_device *dev;
	bool node;    /* of the device's node; else from its group */
	bool granted; /* it may use the device: from BIND on, or from its group at once */
};

struct vfio {
	struct iommu *iommu;
	bool noiommu;
	struct type1_params params;
	struct vfio_group *groups;
	struct vfio_container *containers;
};

/* ---- container.c ---- */

/* NULL: another kind of file. */
struct vfio_container *vfio_container_from_file(const struct file *file);
static inline bool vfio_container_has_driver(const struct vfio_container *container)
{
	return container->t1 || container->noiommu_driver;
}
/* The last file on the container was closed; groups keep it. */
bool vfio_container_is_closed(const struct vfio_container *container);
int vfio_container_attach(struct vfio_container *container, struct vfio_group *group,
			  const struct caller *caller);
void vfio_container_detach(struct vfio_group *group);

/* ---- vfio.c ---- */

/* The group's file was closed: free the group if it has no devices either. */
void vfio_group_closed(struct vfio_group *group);

/* ---- group.c ---- */

struct vfio_group *vfio_group_from_file(const struct file *file);
struct vfio_group *vfio_group_create(struct vfio *vfio, struct iommu_group *iommu_group,
				     enum vfio_group_kind kind);
/* CAP_SYS_RAWIO is missing, which a group without an IOMMU asks for. */
bool vfio_group_forbids(const struct vfio_group *group, const struct caller *caller);
/* A user of the group's container: 0, -EINVAL without container or driver. */
int vfio_group_use_container(struct vfio_group *group);
void vfio_group_unuse_container(struct vfio_group *group);
/* Without DMA ownership: this device does not keep a program from using the group. */
bool vfio_companion_allowed(const struct iommu_device *dev);

/* ---- emulated.c ---- */

/* The first file on a device was opened, the last one closed. */
void vfio_client_open(struct vfio_device *dev);
void vfio_client_close(struct vfio_device *dev);

/* ---- device.c ---- */

/* A new file on the device through its group, with one reference. */
int vfio_device_open(struct vfio_device *dev, struct file **file);
/* A file with one reference that may do nothing yet. NULL: no memory. */
struct vfio_device_file *vfio_device_file_create(struct vfio_device *dev);
/* One file more may use the device; the first one binds it to the context, or (NULL) uses the
 * container of its group, and enables it. */
int vfio_device_use(struct vfio_device *dev, struct iommufd_ctx *ctx);
/* One less; the last one disables it and gives it up. */
void vfio_device_unuse(struct vfio_device *dev);
/* BARs answer: decoding is on as far as the user knows, and the device is powered. */
bool vfio_device_memory_enabled(const struct vfio_device *dev);

/* ---- cdev.c ---- */

/* BIND_IOMMUFD, on files of groups too, which it refuses. */
long vfio_node_bind(struct vfio_device_file *df, const struct caller *caller, uint64_t arg);
long vfio_node_attach(struct vfio_device_file *df, const struct caller *caller, uint64_t arg);
long vfio_node_detach(struct vfio_device_file *df, const struct caller *caller, uint64_t arg);
void vfio_node_closed(struct vfio_device_file *df);
/* The kernel has iommufd, and so the nodes. */
bool vfio_has_nodes(const struct vfio *vfio);
/* The lowest number that no device's node has. */
unsigned vfio_node_index(const struct vfio *vfio);

/* ---- iommufd.c ---- */

int vfio_iommufd_bind(struct vfio_device *dev, struct iommufd_ctx *ctx);
/* Detaches everything before. */
void vfio_iommufd_unbind(struct vfio_device *dev);
/* Attach, or replace what it is attached to; *pt_id receives the HWPT's. */
int vfio_iommufd_attach(struct vfio_device *dev, uint32_t *pt_id);
void vfio_iommufd_detach(struct vfio_device *dev);
/* To the IOAS that stands for the container; -ENODEV: there is none. */
int vfio_iommufd_attach_compat(struct vfio_device *dev);
/* -ENOSPC: no PASID is that large. */
int vfio_iommufd_attach_pasid(struct vfio_device *dev, uint32_t pasid, uint32_t *pt_id);
void vfio_iommufd_detach_pasid(struct vfio_device *dev, uint32_t pasid);
/* What a context is told of a device that a reset reaches: its id there, or one of these. */
#define VFIO_DEVID_OWNED     0u
#define VFIO_DEVID_NOT_OWNED UINT32_MAX
uint32_t vfio_iommufd_reset_id(const struct vfio_device *dev, const struct iommufd_ctx *ctx);
const char *vfio_iommufd_audit(const struct vfio_device *dev);

/* ---- regions.c ---- */

long vfio_region_info(struct vfio_device *dev, const struct caller *caller, uint64_t arg);
ssize_t vfio_bar_rw(struct vfio_device *dev, const struct caller *caller, uint64_t buf, size_t len,
		    uint64_t offset, bool write);
int vfio_bar_mmap(struct vfio_device *dev, uint64_t offset, uint64_t len, bool shared, pa_t *pa);

/* ---- pci_perms.c: which bits are whose ---- */

void vfio_perms_header(struct vfio_config *config);
/*
 * Set the masks of the capability `id` at `at`; its length. 0: it is hidden from the user, and its
 * bytes stay nobody's.
 */
unsigned vfio_perms_cap(struct vfio_config *config, const struct pci_dev *pci, uint8_t id,
			unsigned at);
/* 0: hidden; four bytes are set up all the same, in case it heads the list. */
unsigned vfio_perms_ext_cap(struct vfio_config *config, uint16_t id, unsigned at);

/* ---- pci_config.c ---- */

/* Values of vfio_config.cap beside capability ids. */
enum { VFIO_CAP_HEADER = 0x00, VFIO_CAP_NOBODY = 0xff };

int vfio_config_init(struct vfio_device *dev);
void vfio_config_fini(struct vfio_device *dev);
/* Through the PM capability, if there is one; 0 to 3. */
void vfio_set_power_state(struct vfio_device *dev, unsigned state);
ssize_t vfio_config_rw(struct vfio_device *dev, const struct caller *caller, uint64_t buf,
		       size_t len, uint64_t offset, bool write);

static inline uint32_t vfio_config_get(const uint8_t *at, unsigned width)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint32_t)at[i] << (8 * i);
	return value;
}

static inline void vfio_config_put(uint8_t *at, unsigned width, uint32_t value)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

/* ---- irqs.c ---- */

/* Kinds of interrupts: the last is the request to be released, from 4.0 on. */
static inline uint32_t vfio_irq_indexes(const struct vfio_device *dev)
{
	return dev->group->vfio->iommu->personality->device_req_irq ? VFIO_PCI_NUM_IRQS
								    : VFIO_PCI_REQ_IRQ_INDEX;
}
uint32_t vfio_irq_count(const struct vfio_device *dev, uint32_t index);
long vfio_irq_info(struct vfio_device *dev, const struct caller *caller, uint64_t arg);
long vfio_irqs_ioctl(struct vfio_device *dev, const struct caller *caller, uint64_t arg);
void vfio_irqs_init(struct vfio_device *dev);
void vfio_irqs_fini(struct vfio_device *dev);
/* Ask whoever has the device open to let go of it. */
void vfio_irqs_request_release(struct vfio_device *dev);
/* The command register's INTx disable bit, as the user set it. */
void vfio_intx_set_disabled(struct vfio_device *dev, bool disabled);
const char *vfio_irqs_audit(const struct vfio_device *dev);

/* ---- reset.c ---- */

/* Some function reset works on this device. */
bool vfio_reset_probe(const struct vfio_device *dev);
/* Reset the function; what the PCI core saves is restored. */
void vfio_reset_function(struct vfio_device *dev);
/* Put back what the PCI core saves of a function's configuration, from a copy of all of it. */
void vfio_restore_state(struct pci_dev *pci, const uint8_t *saved);
/* Reset the whole bus after a close, when all its devices are closed and one still needs it. */
void vfio_reset_after_close(struct vfio_device *dev);
long vfio_hot_reset_info(struct vfio_device *dev, const struct caller *caller, uint64_t arg);
long vfio_hot_reset(struct vfio_device *dev, const struct caller *caller, uint64_t arg);

#endif
