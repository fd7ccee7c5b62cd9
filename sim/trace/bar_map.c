// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs as memory: see bar_map.h. Source: the region interface of <linux/vfio.h>.
 */
#include "trace/bar_map.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

static int region(struct session *s, int fd, struct vfio_region_info *info)
{
	info->argsz = sizeof(*info);
	return sio_ioctl(s->process, fd, VFIO_DEVICE_GET_REGION_INFO, info) < 0 ? -errno : 0;
}

int bar_enable(struct session *s, int device_fd)
{
	struct vfio_region_info config = {.index = VFIO_PCI_CONFIG_REGION_INDEX};
	uint16_t command;
	int rc = region(s, device_fd, &config);

	if (rc)
		return rc;
	if (sio_pread(s->process, device_fd, &command, sizeof(command),
		      config.offset + PCI_COMMAND) != sizeof(command))
		return -EIO;
	if (command & PCI_COMMAND_MEMORY)
		return 0;
	command |= PCI_COMMAND_MEMORY;
	if (sio_pwrite(s->process, device_fd, &command, sizeof(command),
		       config.offset + PCI_COMMAND) != sizeof(command))
		return -EIO;
	return 0;
}

int bar_map(struct session *s, int device_fd, uint32_t index, uint64_t vaddr)
{
	struct vfio_region_info info = {.index = index};
	int rc = region(s, device_fd, &info);

	return rc ? rc
		  : sio_mem_map_fd(s->process, device_fd, info.offset, info.size, vaddr, &vaddr);
}
