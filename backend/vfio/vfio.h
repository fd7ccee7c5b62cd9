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
struct type1_params *vfio_params(struct vfio *vfio);

/* Bind a function to vfio-pci: a vfio device, and a vfio group if its IOMMU group has none. The
 * pci_dev outlives it. -EBUSY it has a driver, -EINVAL no group or not coherent, -ENOMEM. */
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

/* open("/dev/vfio/vfio"), open("/dev/vfio/N"): a file with one reference, or NULL and *error (a
 * negative errno: -ENOENT no such group, -EBUSY it is open, -ENOMEM). */
struct file *vfio_container_open(struct vfio *vfio, int *error);
struct file *vfio_group_open(struct vfio *vfio, int group_id, const struct caller *caller,
			     int *error);
/* open("/dev/vfio/devices/vfioN"). -ENOENT no such device, or a kernel without nodes; -ENOMEM. */
struct file *vfio_node_open(struct vfio *vfio, unsigned index, int *error);
/* N of the device's node, the lowest that was free when it was bound; -1: it has none. */
int vfio_device_node(const struct vfio *vfio, const struct iommu_device *dev);

/* The device behind a device file, NULL if it is another kind of file. */
struct pci_dev *vfio_file_pci_dev(const struct file *file);
/* The type1 instance behind a container file, NULL: other kind of file, or no driver selected. */
struct type1 *vfio_file_type1(const struct file *file);
/* The n-th live container of the machine, oldest first, NULL past the end; containers without a
 * driver are skipped. */
struct type1 *vfio_container_at(const struct vfio *vfio, unsigned n);
/* Container, group and device references agree, and t1_audit() of each; NULL when all hold. */
const char *vfio_audit(const struct vfio *vfio, bool thorough);

#endif
