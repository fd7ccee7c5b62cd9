/* SPDX-License-Identifier: GPL-2.0-only */
/* What a VFIO program does, in a few calls; any failure fails the test. */
#ifndef TESTS_API_CLIENT_H
#define TESTS_API_CLIENT_H

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "softiommu.h"

#define MIB (UINT64_C(1) << 20)

struct client {
	struct sio_machine *machine;
	struct sio_process *process;
	struct sio_device *device;
	int container, group, fd;
	uint64_t memory; /* for tests that keep one area */
};

static inline struct sio_machine *client_machine(const struct sio_machine_cfg *cfg)
{
	struct sio_machine *machine;
	char error[512] = "";

	ck_assert_msg(sio_machine_create(cfg, &machine, error, sizeof(error)) == 0, "%s", error);
	return machine;
}

static inline int client_open_group(const struct client *c, const char *device)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%d",
		 sio_device_group(sio_device_find(c->machine, device)));
	return sio_open(c->process, path);
}

/* A container with one device's group, and the device's file. */
static inline struct client client_open(struct sio_machine *machine, const char *device)
{
	struct client c = {.machine = machine};

	c.process = sio_process_create(machine);
	ck_assert_ptr_nonnull(c.process);
	c.device = sio_device_find(machine, device);
	ck_assert_ptr_nonnull(c.device);
	c.container = sio_open(c.process, "/dev/vfio/vfio");
	ck_assert_int_ge(c.container, 0);
	c.group = client_open_group(&c, device);
	ck_assert_int_ge(c.group, 0);
	ck_assert_int_eq(sio_ioctl(c.process, c.group, VFIO_GROUP_SET_CONTAINER, &c.container), 0);
	ck_assert_int_eq(sio_ioctl(c.process, c.container, VFIO_SET_IOMMU,
				   (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU),
			 0);
	c.fd = sio_ioctl(c.process, c.group, VFIO_GROUP_GET_DEVICE_FD,
			 (void *)(uintptr_t)sio_device_bdf(c.device));
	ck_assert_int_ge(c.fd, 0);
	return c;
}

/* Put a group into the container: 0 or -errno. */
static inline int client_join(const struct client *c, int group)
{
	int container = c->container;

	return sio_ioctl(c->process, group, VFIO_GROUP_SET_CONTAINER, &container) ? -errno : 0;
}

static inline void client_set_iommu(const struct client *c, unsigned long type)
{
	ck_assert_int_eq(sio_ioctl(c->process, c->container, VFIO_SET_IOMMU, (void *)type), 0);
}

/* GET_INFO: page sizes and usable ranges (at most `most` are stored); how many ranges there are. */
static inline unsigned client_info(const struct client *c, uint64_t *pgsizes,
				   struct vfio_iova_range *range, unsigned most)
{
	char buf[4096] = {0};
	struct vfio_iommu_type1_info *info = (void *)buf;
	struct vfio_info_cap_header *cap;

	info->argsz = sizeof(buf);
	ck_assert_int_eq(sio_ioctl(c->process, c->container, VFIO_IOMMU_GET_INFO, info), 0);
	*pgsizes = info->iova_pgsizes;
	for (uint32_t at = info->cap_offset; at; at = cap->next) {
		struct vfio_iommu_type1_info_cap_iova_range *list = (void *)(buf + at);

		cap = (void *)(buf + at);
		if (cap->id != VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			continue;
		for (uint32_t i = 0; i < list->nr_iovas && i < most; i++)
			range[i] = list->iova_ranges[i];
		return list->nr_iovas;
	}
	return 0;
}

static inline uint64_t client_memory(const struct client *c, uint64_t size)
{
	struct sio_mem mem = {.size = size, .prot = SIO_PROT_RW};
	uint64_t address = 0;

	ck_assert_int_eq(sio_mem_map(c->process, &mem, &address), 0);
	return address;
}

/* 0 or -errno. */
static inline int client_map(const struct client *c, uint64_t iova, uint64_t vaddr, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = vaddr,
		.iova = iova,
		.size = size,
	};

	return sio_ioctl(c->process, c->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

/* Bytes unmapped, or -errno. */
static inline int64_t client_unmap(const struct client *c, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .iova = iova,
						   .size = size};

	if (sio_ioctl(c->process, c->container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -errno;
	return (int64_t)unmap.size;
}

static inline void client_audit(const struct client *c)
{
	char what[256];

	ck_assert_msg(sio_audit(c->machine, true, what, sizeof(what)) == 0, "%s", what);
}

#endif
