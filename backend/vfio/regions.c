// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: what they are, reads and writes of BARs, maps of BARs.
 *
 * Kernel behaviour: vfio_pci_ioctl_get_region_info(), vfio_pci_bar_rw() and vfio_pci_core_mmap() of
 * drivers/vfio/pci. Accesses reach the device in the widest naturally aligned pieces; the MSI-X
 * table never does, because its entries belong to the kernel.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#include "vfio/vfio_priv.h"

#define MSIX_ENTRY_BYTES 16u

/* Memory BARs own the pages that they touch: the machine places small ones on pages of their own.
 */
static bool bar_mappable(const struct pci_bar *bar)
{
	if (bar->kind != PCI_BAR_MEM32 && bar->kind != PCI_BAR_MEM64)
		return false;
	return bar->size >= SIO_PAGE_SIZE || sio_is_aligned(bar->address, SIO_PAGE_SIZE);
}

static void describe_bar(const struct pci_dev *pci, struct vfio_region_info *info, bool *msix)
{
	const struct pci_bar *bar = &pci->bar[info->index];

	info->size = bar->kind == PCI_BAR_NONE ? 0 : bar->size;
	info->flags = 0;
	if (!info->size)
		return;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (!bar_mappable(bar))
		return;
	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	*msix = pci->msix_cap && pci->msix_bar == info->index;
}

/* The capability that says that the MSI-X table may be mapped too: a header, nothing more. */
static int add_msix_mappable(const struct caller *caller, uint64_t arg,
			     struct vfio_region_info *info)
{
	static const struct vfio_info_cap_header cap = {
		.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
		.version = 1,
	};

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->cap_offset = 0;
	if (info->argsz < sizeof(*info) + sizeof(cap)) {
		info->argsz = sizeof(*info) + sizeof(cap);
		return 0;
	}
	info->cap_offset = sizeof(*info);
	return copy_to_caller("vfio.region.cap.copy-out", caller, arg + sizeof(*info), &cap,
			      sizeof(cap));
}

long vfio_region_info(struct vfio_device *dev, const struct caller *caller, uint64_t arg)
{
	const struct pci_dev *pci = dev->pci;
	struct vfio_region_info info;
	bool msix = false;
	int rc = copy_from_caller("vfio.region.copy-in", caller, &info, arg, sizeof(info));

	if (rc)
		return rc;
	if (info.argsz < sizeof(info))
		return -EINVAL;
	switch (info.index) {
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		describe_bar(pci, &info, &msix);
		/* An emulated BAR is nowhere in physical space. */
		if (!dev->idev) {
			info.flags &= ~(uint32_t)VFIO_REGION_INFO_FLAG_MMAP;
			msix = false;
		}
		break;
	case VFIO_PCI_ROM_REGION_INDEX:
		/* The size of the BAR, not of the image; but without an image there is no region.
		 */
		info.size = pci->rom ? pci->rom_size : 0;
		info.flags = info.size ? VFIO_REGION_INFO_FLAG_READ : 0;
		break;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		info.size = pci->config_size;
		info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
		break;
	default: /* the VGA region too: no device here decodes VGA */
		return -EINVAL;
	}
	info.offset = (uint64_t)info.index << VFIO_REGION_SHIFT;
	rc = msix ? add_msix_mappable(caller, arg, &info) : 0;
	return rc ? rc : copy_to_caller("vfio.region.copy-out", caller, arg, &info, sizeof(info));
}

/* ---- read and write ---- */

struct bar_access {
	struct vfio_device *dev;
	const struct caller *caller;
	unsigned index; /* 0 to 5, or the ROM */
	bool write;
	bool memory; /* needs decoding on */
	/* [hole_first, hole_end) does not reach the device. */
	uint64_t hole_first, hole_end;
};

static int access_device(const struct bar_access *access, uint64_t user, uint64_t offset,
			 unsigned width)
{
	struct pci_dev *pci = access->dev->pci;
	uint64_t value = 0; /* little-endian in memory, as on the bus */
	int rc;

	if (access->write) {
		rc = copy_from_caller("vfio.bar.write.copy-in", access->caller, &value, user,
				      width);
		if (rc)
			return rc;
	}
	if (access->memory && !vfio_device_memory_enabled(access->dev))
		return -EIO;
	if (access->write) {
		pci_bar_write(pci, access->index, offset, width, value);
		return 0;
	}
	if (access->index == VFIO_PCI_ROM_REGION_INDEX)
		memcpy(&value, pci->rom + offset, width);
	else
		value = pci_bar_read(pci, access->index, offset, width);
	return copy_to_caller("vfio.bar.read.copy-out", access->caller, user, &value, width);
}

/* Reads of the hole give ones, writes are dropped. */
static int access_hole(const struct bar_access *access, uint64_t user, uint64_t len)
{
	uint8_t ones[256];
	int rc = 0;

	if (access->write)
		return 0;
	memset(ones, 0xff, sizeof(ones));
	while (len && !rc) {
		uint64_t piece = len < sizeof(ones) ? len : sizeof(ones);

		rc = copy_to_caller("vfio.bar.hole.copy-out", access->caller, user, ones, piece);
		user += piece;
		len -= piece;
	}
	return rc;
}

static ssize_t access_range(const struct bar_access *access, uint64_t user, uint64_t len,
			    uint64_t offset)
{
	uint64_t done = 0;

	while (done < len) {
		uint64_t at = offset + done, left = len - done;
		int rc;

		if (at >= access->hole_first && at < access->hole_end) {
			if (left > access->hole_end - at)
				left = access->hole_end - at;
			rc = access_hole(access, user + done, left);
		} else {
			if (at < access->hole_first && left > access->hole_first - at)
				left = access->hole_first - at;
			left = pci_access_width(at, left);
			rc = access_device(access, user + done, at, (unsigned)left);
		}
		if (rc)
			return rc;
		done += left;
	}
	return (ssize_t)done;
}

ssize_t vfio_bar_rw(struct vfio_device *dev, const struct caller *caller, uint64_t buf, size_t len,
		    uint64_t offset, bool write)
{
	const struct pci_dev *pci = dev->pci;
	struct bar_access access = {
		.dev = dev,
		.caller = caller,
		.index = (unsigned)(offset >> VFIO_REGION_SHIFT),
		.write = write,
		.memory = true,
	};
	uint64_t size;

	offset &= VFIO_REGION_MASK;
	if (access.index == VFIO_PCI_ROM_REGION_INDEX) {
		size = pci->rom_size;
		/* An image shorter than its BAR ends in ones. */
		access.hole_first = pci->rom_len;
		access.hole_end = size;
	} else {
		const struct pci_bar *bar = &pci->bar[access.index];

		size = bar->kind == PCI_BAR_NONE ? 0 : bar->size;
		access.memory = bar->kind != PCI_BAR_IO;
		if (pci->msix_cap && pci->msix_bar == access.index) {
			access.hole_first = pci->msix_offset;
			access.hole_end =
				pci->msix_offset + (uint64_t)pci->msix_count * MSIX_ENTRY_BYTES;
		}
	}
	if (offset >= size)
		return -EINVAL;
	if (access.index == VFIO_PCI_ROM_REGION_INDEX && !pci->rom)
		return -ENOMEM;
	return access_range(&access, buf, len < size - offset ? len : size - offset, offset);
}

int vfio_bar_mmap(struct vfio_device *dev, uint64_t offset, uint64_t len, bool shared, pa_t *pa)
{
	uint64_t index = offset >> VFIO_REGION_SHIFT;
	const struct pci_bar *bar;
	uint64_t room;

	if (!shared || index >= VFIO_PCI_ROM_REGION_INDEX || !dev->idev)
		return -EINVAL;
	bar = &dev->pci->bar[index];
	if (!bar_mappable(bar))
		return -EINVAL;
	offset &= VFIO_REGION_MASK;
	room = (bar->size + SIO_PAGE_SIZE - 1) & SIO_PAGE_MASK;
	if (offset > room || len > room - offset)
		return -EINVAL;
	*pa = bar->address + offset;
	return 0;
}
