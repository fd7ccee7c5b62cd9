/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Three machines that are alike, and one program on each: mappings by a type1 container, by an
 * iommufd as container, and by an iommufd with the device's own node.
 */
#ifndef TESTS_IOMMUFD_SIDES_H
#define TESTS_IOMMUFD_SIDES_H

#include "iommufd_client.h"

#include "harness.h"

enum { TYPE1, COMPAT, NATIVE, SIDES };

static const char *const side_names[SIDES] = {"type1 v2", "compat", "native"};

struct side {
	int kind;
	struct rig rig;
	int fd; /* what maps: container or iommufd */
	long ioas;
	uint64_t memory;
};

struct dma_range {
	uint64_t iova, va, size;
	uint32_t flags; /* VFIO's READ 1, WRITE 2 */
};

static inline int side_errno(long rc)
{
	return rc < 0 ? -errno : (int)rc;
}

static inline int side_map(struct side *side, const struct dma_range *range)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = range->flags,
		.vaddr = range->va,
		.iova = range->iova,
		.size = range->size,
	};
	struct iommu_ioas_map native = {
		.size = sizeof(native),
		.ioas_id = (uint32_t)side->ioas,
		.user_va = range->va,
		.length = range->size,
		.iova = range->iova,
	};

	if (side->kind != NATIVE)
		return side_errno(sio_ioctl(side->rig.process, side->fd, VFIO_IOMMU_MAP_DMA, &map));
	native.flags = IOMMU_IOAS_MAP_FIXED_IOVA |
		       (range->flags & VFIO_DMA_MAP_FLAG_READ ? IOMMU_IOAS_MAP_READABLE : 0u) |
		       (range->flags & VFIO_DMA_MAP_FLAG_WRITE ? IOMMU_IOAS_MAP_WRITEABLE : 0u) |
		       (range->flags & ~3u) << 1;
	return side_errno(sio_ioctl(side->rig.process, side->fd, IOMMU_IOAS_MAP, &native));
}

/* *size is what the structure says afterwards. */
static inline int side_unmap(struct side *side, uint32_t flags, uint64_t iova, uint64_t *size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .flags = flags,
						   .iova = iova,
						   .size = *size};
	struct iommu_ioas_unmap native = {
		.size = sizeof(native),
		.ioas_id = (uint32_t)side->ioas,
		.iova = iova,
		.length = flags & VFIO_DMA_UNMAP_FLAG_ALL ? UINT64_MAX : *size,
	};
	int rc;

	if (side->kind != NATIVE) {
		rc = sio_ioctl(side->rig.process, side->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
		*size = unmap.size;
	} else {
		rc = sio_ioctl(side->rig.process, side->fd, IOMMU_IOAS_UNMAP, &native);
		*size = native.length;
	}
	return side_errno(rc);
}

/* Device `name` joins: with its group, or by its node. 0 or -errno. */
static inline int side_add(struct side *side, const char *name)
{
	const struct rig *rig = &side->rig;
	int fd;
	long rc;

	if (side->kind == NATIVE) {
		fd = rig_cdev(rig, name);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_gt(rig_bind(rig, fd, side->fd), 0);
		rc = rig_attach(rig, fd, side->ioas);
		return rc < 0 ? (int)rc : 0;
	}
	fd = rig_group(rig, name);
	ck_assert_int_ge(fd, 0);
	rc = rig_join(rig, fd, side->fd);
	if (rc)
		return (int)rc;
	if (!side->ioas) {
		rc = rig_ioctl_value(rig, side->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
		ck_assert_int_eq(rc, 0);
		side->ioas = 1;
	}
	rc = rig_device(rig, fd, name);
	return rc < 0 ? (int)rc : 0;
}

/* One device in place, `bytes` of memory at the same address on each side. entry_limit 0: the
 * usual. */
static inline void sides_boot(struct side sides[SIDES], const char *kernel, const char *platform,
			      unsigned entry_limit, uint64_t bytes)
{
	for (int kind = 0; kind < SIDES; kind++) {
		struct side *side = &sides[kind];

		*side = (struct side){.kind = kind};
		rig_boot_as(&side->rig, kernel, platform, NULL);
		if (entry_limit)
			ck_assert_int_eq(sio_param(side->rig.machine, "dma_entry_limit",
						   entry_limit),
					 0);
		if (kind == TYPE1) {
			side->fd = side->rig.container;
		} else {
			ck_assert_int_eq(sio_close(side->rig.process, side->rig.container), 0);
			side->fd = rig_iommufd(&side->rig);
			ck_assert_int_ge(side->fd, 0);
		}
		if (kind == NATIVE)
			side->ioas = rig_ioas(&side->rig, side->fd);
		ck_assert_int_eq(side_add(side,
					  sio_device_find(side->rig.machine, "A") ? "A" : "wide0"),
				 0);
		side->memory = rig_memory(&side->rig, bytes);
		ck_assert_uint_eq(side->memory, sides[TYPE1].memory);
	}
}

static inline void sides_halt(struct side sides[SIDES])
{
	for (int kind = 0; kind < SIDES; kind++)
		rig_halt(&sides[kind].rig);
}

#endif
