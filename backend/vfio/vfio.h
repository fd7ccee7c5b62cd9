/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of /dev/vfio: container, group and device descriptors.
 *
 * A group takes an iommufd descriptor as container too, and a device has a node of its own; both
 * need iommufd (iommufd/iommufd.h).
 *
 * Each file's ioctls answer as drivers/vfio does: validation order, argsz rules, errno. The
 * structures are those of <linux/vfio.h>.
 */
#ifndef BACKEND_VFIO_VFIO_H
#define BACKEND_VFIO_VFIO_H

#include "core/file.h"
#include "core/iommu.h"
#include "pcidev.h"
#include "type1/type1.h"

struct vfio;
struct vfio_device;

struct vfio_cfg {
	struct iommu *iommu;
	bool noiommu;
};

/* One per machine. NULL: no memory. */
struct vfio *vfio_create(const struct vfio_cfg *cfg);
void vfio_destroy(struct vfio *vfio);
/* Groups, devices and parameters while nothing is open; and before they are put back. */
struct keep;
void vfio_keep(struct vfio *vfio, struct keep *keep);
void vfio_rewind(struct vfio *vfio);
struct type1_params *vfio_params(struct vfio *vfio);
/* The parameter enable_unsafe_noiommu_mode, which may change at run time. -ENOENT: a kernel before
 * 4.5 has none. */
int vfio_set_noiommu(struct vfio *vfio, bool noiommu);

/* Bind a function to vfio-pci: a vfio device, and a vfio group if its IOMMU group has none. A
 * function without an IOMMU gets a group of its own in no-IOMMU mode. The pci_dev outlives it.
 * -EBUSY it has a driver, -EINVAL no group or not coherent, -ENOMEM. */
int vfio_device_bind(struct vfio *vfio, struct iommu_device *dev, struct pci_dev *pci);
/*
 * Take it from vfio-pci. -ENODEV: vfio-pci does not have it. -EBUSY: a program has it or its node
 * open (and was asked by interrupt to let go), or, by the personality's `last_device`, has its
 * group in a container; the kernel waits here. With the group's last device the group goes: its
 * open file answers -ENODEV from then on.
 */
int vfio_device_unbind(struct vfio *vfio, struct iommu_device *dev);
/*
 * A driver was bound to a device of a group. True: without DMA ownership that breaks a group which
 * a program uses, and the kernel stops with a BUG.
 */
bool vfio_driver_breaks_group(const struct vfio *vfio, const struct iommu_device *dev);
/* The device behind a function that is bound, NULL: it is not. */
struct vfio_device *vfio_device_find(const struct vfio *vfio, const struct iommu_device *dev);

/* ---- emulated devices: a driver on the CPU does their DMA (mdev) ---- */

/*
 * A device without an IOMMU, in a group of its own. `name` is what GET_DEVICE_FD calls it; `pci`,
 * which is in no topology and outlives it, is what its file shows. -ENOTTY: the kernel knows no
 * such devices (before 4.10), -ENOMEM.
 */
int vfio_emulated_create(struct vfio *vfio, const char *name, struct pci_dev *pci,
			 struct vfio_device **dev);
/* Number of the device's group. */
int vfio_device_group(const struct vfio_device *dev);
/*
 * Whom UNMAP asks for the device's pages, from its next opening on; NULL: nobody. It may be called
 * without the machine's lock. -EBUSY: the device is open.
 */
int vfio_device_on_unmap(struct vfio_device *dev,
			 void (*dma_unmap)(void *ctx, iova_t iova, uint64_t size), void *ctx);
/*
 * What the device's driver calls: t1_pin_pages(), t1_unpin_pages(), t1_dma_rw() of the container
 * that the device's group is in. Before them -EINVAL: no page, an address inside a page, or the
 * device is not open (before 6.0: its group is in no container with a driver); -E2BIG more than 512
 * pages; -ENOTTY no such call in this kernel or container; -EPERM no-IOMMU mode, before 6.0;
 * -EFAULT instead of T1_WAIT when nobody can end the wait.
 */
int vfio_device_pin_pages(struct vfio_device *dev, iova_t iova, unsigned pages, unsigned prot,
			  pa_t *pa);
int vfio_device_unpin_pages(struct vfio_device *dev, iova_t iova, unsigned pages);
int vfio_device_dma_rw(struct vfio_device *dev, const struct task *task, iova_t iova, void *buf,
		       uint64_t len, bool write);

/* open("/dev/vfio/vfio"), open("/dev/vfio/N"): a file with one reference, or NULL and *error (a
 * negative errno: -ENOENT no such group, -EBUSY it is open, -ENOMEM). */
struct file *vfio_container_open(struct vfio *vfio, int *error);
struct file *vfio_group_open(struct vfio *vfio, int group_id, const struct caller *caller,
			     int *error);
/* open("/dev/vfio/noiommu-N"); -EPERM: CAP_SYS_RAWIO is missing. */
struct file *vfio_noiommu_group_open(struct vfio *vfio, int group_id, const struct caller *caller,
				     int *error);
/* open("/dev/vfio/devices/vfioN"). -ENOENT no such device, or a kernel without nodes; -ENOMEM. */
struct file *vfio_node_open(struct vfio *vfio, unsigned index, int *error);
/* N of the device's node, the lowest that was free when it was bound; -1: it has none. */
int vfio_device_node(const struct vfio *vfio, const struct iommu_device *dev);

/* The n-th live container of the machine, oldest first, NULL past the end; containers without a
 * driver are skipped. */
struct type1 *vfio_container_at(const struct vfio *vfio, unsigned n);
/* Container, group and device references agree, and t1_audit() of each; NULL when all hold. */
const char *vfio_audit(const struct vfio *vfio, bool thorough);

#endif
