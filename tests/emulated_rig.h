/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine with emulated devices beside two behind units of their own, and one process whose
 * container they join. Each emulated device has a driver that gives back what it holds when asked,
 * as far as the test wants.
 */
#ifndef TESTS_EMULATED_RIG_H
#define TESTS_EMULATED_RIG_H

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "softiommu.h"

#define PAGE      UINT64_C(4096)
#define EMULATED  3u
#define DEVICES   5u /* the emulated ones V0 to V2, then A and B */
#define HELD_MOST 64u

static const char rig_platform[] =
	"machine = { ram = \"64M\"; };\n"
	"units = ( { scope = ( \"01:00.0\" ); snoop-control = true; },\n"
	"          { include-all = true; aw-bits = 39; } );\n"
	"devices = ( { bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1; acs = "
	"true; },\n"
	"  { bdf = \"00:02.0\"; model = \"pcie-root-port\"; secondary-bus = 2; acs = true; },\n"
	"  { name = \"A\"; bdf = \"01:00.0\"; model = \"edu\"; },\n"
	"  { name = \"B\"; bdf = \"02:00.0\"; model = \"edu\"; } );\n"
	"emulated = ( { name = \"V0\"; }, { name = \"V1\"; model = \"serial\"; },\n"
	"  { name = \"V2\"; } );\n";

enum { V0, V1, V2, A, B };

struct rig;

/* A device and its driver. */
struct rig_device {
	struct rig *rig;
	struct sio_device *device;
	int group, fd;            /* -1: closed */
	uint64_t held[HELD_MOST]; /* IOVA of each pin, as often as it was pinned */
	unsigned held_count;
	bool stubborn; /* does not unpin when asked */
	unsigned asked;
	uint64_t asked_iova, asked_size;
	void (*when_asked)(struct rig_device *dev);
};

struct rig {
	struct sio_machine *machine;
	struct sio_process *process;
	int container;
	struct rig_device dev[DEVICES];
	unsigned order[8], order_count; /* devices as they were asked */
};

static inline void rig_audit(const struct rig *rig)
{
	char what[256];

	ck_assert_msg(sio_audit(rig->machine, true, what, sizeof(what)) == 0, "%s", what);
}

static inline unsigned rig_give_back(struct rig_device *dev, uint64_t iova, uint64_t size)
{
	unsigned kept = 0, given = 0;

	for (unsigned i = 0; i < dev->held_count; i++) {
		if (dev->held[i] - iova >= size) {
			dev->held[kept++] = dev->held[i];
			continue;
		}
		ck_assert_int_eq(sio_device_unpin_pages(dev->device, dev->held[i], 1), 1);
		given++;
	}
	dev->held_count = kept;
	return given;
}

static inline void rig_asked(void *user, struct sio_device *device, uint64_t iova, uint64_t size)
{
	struct rig_device *dev = user;
	struct rig *rig = dev->rig;

	ck_assert_ptr_eq(device, dev->device);
	dev->asked++;
	dev->asked_iova = iova;
	dev->asked_size = size;
	if (rig->order_count < 8)
		rig->order[rig->order_count++] = (unsigned)(dev - rig->dev);
	rig_audit(rig);
	if (dev->when_asked)
		dev->when_asked(dev);
	if (!dev->stubborn)
		rig_give_back(dev, iova, size);
}

static inline void rig_boot(struct rig *rig, const char *kernel)
{
	static const char *const names[DEVICES] = {"V0", "V1", "V2", "A", "B"};
	struct sio_machine_cfg cfg = {.platform_text = rig_platform, .kernel = kernel};
	char error[256];

	memset(rig, 0, sizeof(*rig));
	ck_assert_msg(sio_machine_create(&cfg, &rig->machine, error, sizeof(error)) == 0, "%s",
		      error);
	rig->process = sio_process_create(rig->machine);
	rig->container = sio_open(rig->process, "/dev/vfio/vfio");
	for (unsigned i = 0; i < DEVICES; i++) {
		struct rig_device *dev = &rig->dev[i];

		dev->rig = rig;
		dev->group = dev->fd = -1;
		dev->device = sio_device_find(rig->machine, names[i]);
		if (dev->device && i < EMULATED)
			ck_assert_int_eq(sio_device_on_unmap(dev->device, rig_asked, dev), 0);
	}
}

static inline void rig_halt(struct rig *rig)
{
	rig_audit(rig);
	sio_machine_destroy(rig->machine);
}

static inline int rig_ioctl(const struct rig *rig, int fd, unsigned long request, void *arg)
{
	int rc = sio_ioctl(rig->process, fd, request, arg);

	rc = rc < 0 ? -errno : rc;
	rig_audit(rig);
	return rc;
}

static inline int rig_value(const struct rig *rig, int fd, unsigned long request,
			    unsigned long value)
{
	return rig_ioctl(rig, fd, request, (void *)value);
}

/* The device's group into the container: 0 or -errno. */
static inline int rig_join(struct rig *rig, unsigned i)
{
	struct rig_device *dev = &rig->dev[i];
	char path[32];

	if (dev->group < 0) {
		snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(dev->device));
		dev->group = sio_open(rig->process, path);
		ck_assert_int_ge(dev->group, 0);
	}
	return rig_ioctl(rig, dev->group, VFIO_GROUP_SET_CONTAINER, &rig->container);
}

static inline int rig_leave(struct rig *rig, unsigned i)
{
	return rig_ioctl(rig, rig->dev[i].group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

static inline void rig_open(struct rig *rig, unsigned i)
{
	struct rig_device *dev = &rig->dev[i];
	char name[64];

	snprintf(name, sizeof(name), "%s", sio_device_bdf(dev->device));
	dev->fd = rig_ioctl(rig, dev->group, VFIO_GROUP_GET_DEVICE_FD, name);
	ck_assert_int_ge(dev->fd, 0);
}

static inline void rig_close(struct rig *rig, unsigned i)
{
	ck_assert_int_eq(sio_close(rig->process, rig->dev[i].fd), 0);
	rig->dev[i].fd = -1;
	rig_audit(rig);
}

/* A container of TYPE1v2 with one device, open. */
static inline void rig_start(struct rig *rig, const char *kernel, unsigned i)
{
	rig_boot(rig, kernel);
	ck_assert_int_eq(rig_join(rig, i), 0);
	ck_assert_int_eq(rig_value(rig, rig->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	rig_open(rig, i);
}

static inline uint64_t rig_memory(const struct rig *rig, uint64_t pages)
{
	struct sio_mem mem = {.size = pages * PAGE, .prot = SIO_PROT_RW};
	uint64_t address = 0;

	ck_assert_int_eq(sio_mem_map(rig->process, &mem, &address), 0);
	return address;
}

static inline int rig_map_as(const struct rig *rig, uint64_t iova, uint64_t vaddr, uint64_t pages,
			     uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
					       .flags = flags,
					       .vaddr = vaddr,
					       .iova = iova,
					       .size = pages * PAGE};

	return rig_ioctl(rig, rig->container, VFIO_IOMMU_MAP_DMA, &map);
}

static inline int rig_map(const struct rig *rig, uint64_t iova, uint64_t vaddr, uint64_t pages)
{
	return rig_map_as(rig, iova, vaddr, pages,
			  VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

/* Pages unmapped, or -errno. */
static inline int64_t rig_unmap(const struct rig *rig, uint64_t iova, uint64_t pages,
				uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .flags = flags,
						   .iova = iova,
						   .size = pages * PAGE};
	int rc = rig_ioctl(rig, rig->container, VFIO_IOMMU_UNMAP_DMA, &unmap);

	return rc < 0 ? rc : (int64_t)(unmap.size / PAGE);
}

/* Pin one page, and remember it. */
static inline int rig_pin(struct rig *rig, unsigned i, uint64_t iova)
{
	struct rig_device *dev = &rig->dev[i];
	uint64_t address;
	int rc = sio_device_pin_pages(dev->device, iova, 1, SIO_PROT_RW, &address);

	if (rc == 1) {
		ck_assert_uint_lt(dev->held_count, HELD_MOST);
		dev->held[dev->held_count++] = iova;
	}
	rig_audit(rig);
	return rc;
}

/* Pages that the process is charged for. */
static inline uint64_t rig_locked(const struct rig *rig)
{
	return sio_process_vmlck(rig->process) / 4;
}

static inline uint64_t rig_pinned(const struct rig *rig)
{
	struct sio_stats stats;

	sio_stats(rig->machine, &stats);
	return stats.pinned_pages;
}

/* Pins that the test takes back itself. */
static inline int rig_pin_many(const struct rig *rig, unsigned i, uint64_t iova, unsigned pages,
			       unsigned prot)
{
	static uint64_t address[1024];

	return sio_device_pin_pages(rig->dev[i].device, iova, pages, prot, address);
}

/* DIRTY_PAGES with START or STOP. */
static inline int rig_dirty(const struct rig *rig, uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {.argsz = sizeof(dirty), .flags = flags};

	return rig_ioctl(rig, rig->container, VFIO_IOMMU_DIRTY_PAGES, &dirty);
}

/* The dirty bits of up to 64 pages from `iova` on. */
static inline uint64_t rig_dirty_bits(const struct rig *rig, uint64_t iova, uint64_t pages)
{
	struct {
		uint32_t argsz, flags; /* of struct vfio_iommu_type1_dirty_bitmap */
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} dirty;
	uint64_t bits = 0;
	__u64 *data = (__u64 *)(void *)&bits;

	memset(&dirty, 0, sizeof(dirty));
	dirty.argsz = sizeof(dirty);
	dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	dirty.get.iova = iova;
	dirty.get.size = pages * PAGE;
	dirty.get.bitmap.pgsize = PAGE;
	dirty.get.bitmap.size = 8;
	dirty.get.bitmap.data = data;
	ck_assert_int_eq(rig_ioctl(rig, rig->container, VFIO_IOMMU_DIRTY_PAGES, &dirty), 0);
	return bits;
}

#endif
