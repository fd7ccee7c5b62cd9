/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program does with /dev/iommu and device nodes, in a few calls on a rig's machine. All
 * answer as the kernel does inside: a value, or a negative errno; every call is audited after it.
 */
#ifndef TESTS_IOMMUFD_CLIENT_H
#define TESTS_IOMMUFD_CLIENT_H

#include "iommufd/iommufd_uapi.h"
#include "vfio_machine.h"

#define DEVICE_BIND   _IO(VFIO_TYPE, VFIO_BASE + 18)
#define DEVICE_ATTACH _IO(VFIO_TYPE, VFIO_BASE + 19)
#define DEVICE_DETACH _IO(VFIO_TYPE, VFIO_BASE + 20)

#define MIB (UINT64_C(1) << 20)

/* Of <linux/vfio.h>, which may be older than they are. */
struct bind_arg {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t devid;
	uint64_t token;
};
struct attach_arg {
	uint32_t argsz, flags, pt_id, pasid;
};
struct detach_arg {
	uint32_t argsz, flags, pasid;
};

static inline int rig_path(const struct rig *rig, const char *path)
{
	int fd = sio_open(rig->process, path);

	return fd < 0 ? -errno : fd;
}

static inline int rig_iommufd(const struct rig *rig)
{
	return rig_path(rig, "/dev/iommu");
}

/* The device's node, or -errno. */
static inline int rig_cdev(const struct rig *rig, const char *device)
{
	char path[48];

	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d",
		 sio_device_cdev(sio_device_find(rig->machine, device)));
	return rig_path(rig, path);
}

static inline void rig_close(const struct rig *rig, int fd)
{
	ck_assert_int_eq(sio_close(rig->process, fd), 0);
	rig_audit(rig);
}

/* The device's id. */
static inline long rig_bind(const struct rig *rig, int cdev, int iommufd)
{
	struct bind_arg bind = {.argsz = 16, .iommufd = iommufd};
	long rc = rig_ioctl(rig, cdev, DEVICE_BIND, &bind);

	return rc ? rc : (long)bind.devid;
}

/* The id of what it is attached to. */
static inline long rig_attach(const struct rig *rig, int cdev, long pt_id)
{
	struct attach_arg attach = {.argsz = 12, .pt_id = (uint32_t)pt_id};
	long rc = rig_ioctl(rig, cdev, DEVICE_ATTACH, &attach);

	return rc ? rc : (long)attach.pt_id;
}

static inline long rig_detach(const struct rig *rig, int cdev)
{
	struct detach_arg detach = {.argsz = 8};

	return rig_ioctl(rig, cdev, DEVICE_DETACH, &detach);
}

static inline long rig_ioas(const struct rig *rig, int iommufd)
{
	struct iommu_ioas_alloc alloc = {.size = sizeof(alloc)};
	long rc = rig_ioctl(rig, iommufd, IOMMU_IOAS_ALLOC, &alloc);

	return rc ? rc : (long)alloc.out_ioas_id;
}

static inline long rig_destroy(const struct rig *rig, int iommufd, long id)
{
	struct iommu_destroy destroy = {.size = sizeof(destroy), .id = (uint32_t)id};

	return rig_ioctl(rig, iommufd, IOMMU_DESTROY, &destroy);
}

static inline uint64_t rig_memory(const struct rig *rig, uint64_t size)
{
	const struct sio_mem mem = {.size = size, .prot = SIO_PROT_RW};
	uint64_t address = 0;

	ck_assert_int_eq(sio_mem_map(rig->process, &mem, &address), 0);
	return address;
}

static inline long rig_ioas_map(const struct rig *rig, int iommufd, long ioas, uint64_t iova,
				uint64_t va, uint64_t len)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = (uint32_t)ioas,
		.user_va = va,
		.length = len,
		.iova = iova,
	};

	return rig_ioctl(rig, iommufd, IOMMU_IOAS_MAP, &map);
}

/* Bytes. */
static inline long rig_ioas_unmap(const struct rig *rig, int iommufd, long ioas, uint64_t iova,
				  uint64_t len)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = (uint32_t)ioas,
		.iova = iova,
		.length = len,
	};
	long rc = rig_ioctl(rig, iommufd, IOMMU_IOAS_UNMAP, &unmap);

	return rc ? rc : (long)unmap.length;
}

/* The device reads 8 bytes at iova: true, and they are `want`; false, it was blocked. */
static inline bool rig_dma_reads(const struct rig *rig, const char *device, uint64_t iova,
				 uint64_t want)
{
	struct sio_fault fault;
	uint64_t got = 0;
	int rc = sio_dma_read(sio_device_find(rig->machine, device), iova, &got, sizeof(got),
			      &fault);

	if (rc) {
		ck_assert_int_eq(rc, -EACCES);
		return false;
	}
	ck_assert_uint_eq(got, want);
	return true;
}

static inline void rig_poke(const struct rig *rig, uint64_t va, uint64_t value)
{
	ck_assert_int_eq(sio_mem_write(rig->process, va, &value, sizeof(value)), 0);
}

/* CONTAINER_SET and VIABLE. */
static inline uint32_t rig_status(const struct rig *rig, int group)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};

	ck_assert_int_eq(rig_ioctl(rig, group, VFIO_GROUP_GET_STATUS, &status), 0);
	return status.flags;
}

#endif
