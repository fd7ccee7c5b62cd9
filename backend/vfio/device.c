// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device file: open and close, device information, features, and the way to everything else.
 *
 * Kernel behaviour: drivers/vfio/vfio_main.c and vfio_pci_core.c. Several files may be open on one
 * device; the first open enables it and takes the configuration copy, the last close stops its DMA
 * and undoes what the user did to it. A file of the device's node (cdev.c) may do so once it is
 * bound to an iommufd; calls that belong to such files answer on a group's as the kernel does.
 */
#include "vfio/vfio.h"

#include <errno.h>
#include <linux/vfio.h>

#include "vfio/vfio_priv.h"
#include "recycle.h"

/* Requests and structures newer than the oldest header that this builds with. */
#define DEVICE_BIND_IOMMUFD            _IO(VFIO_TYPE, VFIO_BASE + 18)
#define DEVICE_ATTACH_IOMMUFD_PT       _IO(VFIO_TYPE, VFIO_BASE + 19)
#define DEVICE_DETACH_IOMMUFD_PT       _IO(VFIO_TYPE, VFIO_BASE + 20)
#define DEVICE_INFO_SIZE               24u
#define FEATURE_LOW_POWER_ENTRY        3u
#define FEATURE_LOW_POWER_ENTRY_WAKEUP 4u
#define FEATURE_LOW_POWER_EXIT         5u

bool vfio_device_memory_enabled(const struct vfio_device *dev)
{
	return !dev->low_power && pci_dev_power_state(dev->pci) < 3 &&
	       (dev->config->copy[PCIR_COMMAND] & PCI_CMD_MEMORY);
}

/* ---- first open, last close ---- */

static uint32_t decode_bits(const struct pci_dev *pci)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(pci->bar); i++) {
		if (pci->bar[i].kind == PCI_BAR_IO)
			bits |= PCI_CMD_IO;
		else if (pci->bar[i].kind != PCI_BAR_NONE)
			bits |= PCI_CMD_MEMORY;
	}
	return bits;
}

/* What its DMA goes through: a context of its own, or the group's container. */
static int take_iommu(struct vfio_device *dev, struct iommufd_ctx *ctx)
{
	return ctx ? vfio_iommufd_bind(dev, ctx) : vfio_group_use_container(dev->group);
}

static void give_up_iommu(struct vfio_device *dev)
{
	if (dev->iommufd)
		vfio_iommufd_unbind(dev);
	else
		vfio_group_unuse_container(dev->group);
}

static int first_open(struct vfio_device *dev, struct iommufd_ctx *ctx)
{
	struct pci_dev *pci = dev->pci;
	int rc = take_iommu(dev, ctx);
	uint32_t command;

	if (rc)
		return rc;
	/* Decoding on, DMA off, then a reset if one works: nothing of the last user is left. */
	command = pci_config_read(pci, PCIR_COMMAND, 2) &
		  ~(uint32_t)(PCI_CMD_MASTER | PCI_CMD_INTX_OFF);
	pci_config_write(pci, PCIR_COMMAND, 2, command | decode_bits(pci));
	dev->reset_works = vfio_reset_probe(dev);
	if (dev->reset_works)
		vfio_reset_function(dev);
	rc = vfio_config_init(dev);
	if (rc) {
		give_up_iommu(dev);
		return rc;
	}
	dev->low_power = false;
	vfio_irqs_init(dev);
	vfio_client_open(dev);
	return 0;
}

static void last_close(struct vfio_device *dev)
{
	struct pci_dev *pci = dev->pci;
	uint32_t command;

	vfio_client_close(dev);
	vfio_set_power_state(dev, 0);
	command = pci_config_read(pci, PCIR_COMMAND, 2);
	pci_config_write(pci, PCIR_COMMAND, 2, command & ~(uint32_t)PCI_CMD_MASTER);
	vfio_irqs_fini(dev);
	dev->low_power = false;
	dev->needs_reset = true;
	if (dev->reset_works) {
		vfio_reset_function(dev);
		dev->needs_reset = false;
	}
	vfio_restore_state(pci, dev->config->saved);
	vfio_config_fini(dev);
	vfio_reset_after_close(dev);
	give_up_iommu(dev);
}

int vfio_device_use(struct vfio_device *dev, struct iommufd_ctx *ctx)
{
	if (!dev->open_count) {
		int rc = first_open(dev, ctx);

		if (rc)
			return rc;
	}
	dev->open_count++;
	return 0;
}

void vfio_device_unuse(struct vfio_device *dev)
{
	if (--dev->open_count == 0)
		last_close(dev);
}

/* ---- information ---- */

static long get_info(struct vfio_device *dev, const struct caller *caller, uint64_t arg)
{
	/* argsz, flags, regions, interrupts, offset of capabilities (none), padding */
	uint32_t info[DEVICE_INFO_SIZE / 4] = {0};
	size_t minsz = offsetof(struct vfio_device_info, num_irqs) + sizeof(uint32_t);
	int rc = copy_from_caller("vfio.device.info.copy-in", caller, info, arg, minsz);

	if (rc)
		return rc;
	if (info[0] < minsz)
		return -EINVAL;
	info[1] = VFIO_DEVICE_FLAGS_PCI | (dev->reset_works ? VFIO_DEVICE_FLAGS_RESET : 0u);
	info[2] = VFIO_PCI_NUM_REGIONS;
	info[3] = vfio_irq_indexes(dev);
	return copy_to_caller("vfio.device.info.copy-out", caller, arg, info,
			      info[0] < DEVICE_INFO_SIZE ? info[0] : DEVICE_INFO_SIZE);
}

static long device_reset(struct vfio_device *dev)
{
	if (!dev->reset_works)
		return -EINVAL;
	/* No method finds the device ready again. */
	if (dev->pci->gone)
		return -ENOTTY;
	vfio_set_power_state(dev, 0);
	vfio_reset_function(dev);
	return 0;
}

/* ---- features ---- */

/* 1: do it; 0: it was only asked whether it exists. `need` is VFIO_DEVICE_FEATURE_SET or _GET. */
static int check_feature(uint32_t flags, size_t argsz, uint32_t need, size_t minsz)
{
	uint32_t both = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;

	if (flags & both & ~need)
		return -EINVAL;
	if (flags & VFIO_DEVICE_FEATURE_PROBE)
		return 0;
	if (!(flags & both) || argsz < minsz)
		return -EINVAL;
	return 1;
}

static long low_power_entry(struct vfio_device *dev)
{
	if (dev->low_power)
		return -EINVAL;
	dev->low_power = true;
	return 0;
}

/* The eventfd is for wakeups by the device itself; no model makes one. */
static long low_power_entry_wakeup(struct vfio_device *dev, const struct caller *caller,
				   uint64_t data)
{
	struct {
		int32_t eventfd;
		uint32_t reserved;
	} entry;
	struct file *file;

	if (copy_from_caller("vfio.device.low-power.copy-in", caller, &entry, data, sizeof(entry)))
		return -EFAULT;
	if (entry.eventfd < 0)
		return -EINVAL;
	file = fd_lookup(caller->fds, entry.eventfd);
	if (!file)
		return -EBADF;
	return file_is_eventfd(file) ? low_power_entry(dev) : -EINVAL;
}

/* Migration, DMA logging, SR-IOV tokens: no driver behind, so unknown, whatever the other flags. */
static long pci_feature(struct vfio_device *dev, const struct caller *caller, uint32_t flags,
			uint64_t data, size_t len)
{
	uint32_t feature = flags & VFIO_DEVICE_FEATURE_MASK;
	int rc;

	if (!dev->idev || feature < FEATURE_LOW_POWER_ENTRY || feature > FEATURE_LOW_POWER_EXIT)
		return -ENOTTY;
	rc = check_feature(flags, len, VFIO_DEVICE_FEATURE_SET,
			   feature == FEATURE_LOW_POWER_ENTRY_WAKEUP ? 8 : 0);
	if (rc != 1)
		return rc;
	if (feature == FEATURE_LOW_POWER_ENTRY)
		return low_power_entry(dev);
	if (feature == FEATURE_LOW_POWER_ENTRY_WAKEUP)
		return low_power_entry_wakeup(dev, caller, data);
	dev->low_power = false;
	return 0;
}

static long device_feature(struct vfio_device *dev, const struct caller *caller, uint64_t arg)
{
	const uint32_t both = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
	struct vfio_device_feature feature;
	size_t minsz = sizeof(feature);
	int rc = copy_from_caller("vfio.device.feature.copy-in", caller, &feature, arg, minsz);

	if (rc)
		return rc;
	if (feature.argsz < minsz)
		return -EINVAL;
	if (feature.flags & ~(VFIO_DEVICE_FEATURE_MASK | both | VFIO_DEVICE_FEATURE_PROBE))
		return -EINVAL;
	if (!(feature.flags & VFIO_DEVICE_FEATURE_PROBE) && (feature.flags & both) == both)
		return -EINVAL;
	return pci_feature(dev, caller, feature.flags, arg + minsz, feature.argsz - minsz);
}

/* ---- the file ---- */

/* The device may be pulled out at any time. The driver's removal then waits for the user, whom it
 * asks to let go. */
static void maybe_pull_out(struct vfio_device *dev)
{
	if (dev->pci->gone || !rare_due(&dev->group->vfio->iommu->rare, RARE_DEVICE_GONE))
		return;
	pci_dev_remove(dev->pci);
	if (dev->irqs.req)
		eventfd_file_signal(dev->irqs.req);
}

static struct vfio_device_file *df_of(struct file *file)
{
	struct vfio_device_file *df = sio_container_of(file, struct vfio_device_file, file);

	maybe_pull_out(df->dev);
	return df;
}

static long driver_ioctl(struct vfio_device *dev, const struct caller *caller, unsigned int cmd,
			 uint64_t arg)
{
	switch (cmd) {
	case VFIO_DEVICE_FEATURE:
		return device_feature(dev, caller, arg);
	case VFIO_DEVICE_GET_INFO:
		return get_info(dev, caller, arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return vfio_region_info(dev, caller, arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return vfio_irq_info(dev, caller, arg);
	case VFIO_DEVICE_SET_IRQS:
		return vfio_irqs_ioctl(dev, caller, arg);
	case VFIO_DEVICE_RESET:
		return device_reset(dev);
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return dev->idev ? vfio_hot_reset_info(dev, caller, arg) : -ENOTTY;
	case VFIO_DEVICE_PCI_HOT_RESET:
		return dev->idev ? vfio_hot_reset(dev, caller, arg) : -ENOTTY;
	default:
		return -ENOTTY;
	}
}

static long device_ioctl(struct file *file, const struct caller *caller, unsigned int cmd,
			 uint64_t arg)
{
	struct vfio_device_file *df = df_of(file);

	if (cmd == DEVICE_BIND_IOMMUFD && vfio_has_nodes(df->dev->group->vfio))
		return vfio_node_bind(df, caller, arg);
	if (!df->granted)
		return -EINVAL;
	if (df->node && cmd == DEVICE_ATTACH_IOMMUFD_PT)
		return vfio_node_attach(df, caller, arg);
	if (df->node && cmd == DEVICE_DETACH_IOMMUFD_PT)
		return vfio_node_detach(df, caller, arg);
	return driver_ioctl(df->dev, caller, cmd, arg);
}

static ssize_t device_rw(const struct vfio_device_file *df, const struct caller *caller,
			 uint64_t buf, size_t len, uint64_t offset, bool write)
{
	uint64_t index = offset >> VFIO_REGION_SHIFT;
	struct vfio_device *dev = df->dev;

	if (!df->granted)
		return -EINVAL;
	if (!len)
		return 0;
	offset &= VFIO_REGION_MASK;
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return vfio_config_rw(dev, caller, buf, len, offset, write);
	if (index == VFIO_PCI_ROM_REGION_INDEX && write)
		return -EINVAL;
	if (index <= VFIO_PCI_ROM_REGION_INDEX)
		return vfio_bar_rw(dev, caller, buf, len, offset | index << VFIO_REGION_SHIFT,
				   write);
	return -EINVAL;
}

static ssize_t device_pread(struct file *file, const struct caller *caller, uint64_t buf,
			    size_t len, uint64_t offset)
{
	return device_rw(df_of(file), caller, buf, len, offset, false);
}

static ssize_t device_pwrite(struct file *file, const struct caller *caller, uint64_t buf,
			     size_t len, uint64_t offset)
{
	return device_rw(df_of(file), caller, buf, len, offset, true);
}

static int device_mmap(struct file *file, uint64_t offset, uint64_t len, bool shared, pa_t *pa)
{
	const struct vfio_device_file *df = df_of(file);

	return df->granted ? vfio_bar_mmap(df->dev, offset, len, shared, pa) : -EINVAL;
}

static void device_release(struct file *file)
{
	struct vfio_device_file *df = df_of(file);

	if (df->node)
		vfio_node_closed(df);
	else if (df->granted)
		vfio_device_unuse(df->dev);
	recycle_free(df);
}

static const struct file_ops device_ops = {
	.kind = "device",
	.ioctl = device_ioctl,
	.pread = device_pread,
	.pwrite = device_pwrite,
	.mmap = device_mmap,
	.release = device_release,
};

struct vfio_device_file *vfio_device_file_create(struct vfio_device *dev)
{
	struct vfio_device_file *df = recycle_calloc("vfio.device.open", sizeof(*df));

	if (!df)
		return NULL;
	df->file.ops = &device_ops;
	df->file.refs = 1;
	df->dev = dev;
	return df;
}

/* The first open through a group with an iommufd attaches too: the program has no call for that. */
static int use_by_group(struct vfio_device *dev)
{
	int rc = vfio_device_use(dev, dev->group->iommufd);

	if (rc || dev->open_count > 1 || !dev->iommufd)
		return rc;
	rc = vfio_iommufd_attach_compat(dev);
	if (rc)
		vfio_device_unuse(dev);
	return rc;
}

int vfio_device_open(struct vfio_device *dev, struct file **file)
{
	struct vfio_device_file *df;
	int rc;

	if (!dev->group->container && !dev->group->iommufd)
		return -EINVAL;
	df = vfio_device_file_create(dev);
	if (!df)
		return -ENOMEM;
	rc = use_by_group(dev);
	if (rc) {
		recycle_free(df);
		return rc;
	}
	df->granted = true;
	*file = &df->file;
	return 0;
}
