/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine with one process, and short ways to open its VFIO files. Structures travel as bytes, so
 * that tests can quote what a kernel answered.
 */
#ifndef TESTS_VFIO_MACHINE_H
#define TESTS_VFIO_MACHINE_H

#include <check.h>
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softiommu.h"

#define REGION(index) ((uint64_t)(index) << 40)
#define CONFIG(at)    (REGION(VFIO_PCI_CONFIG_REGION_INDEX) + (at))

struct rig {
	struct sio_machine *machine;
	struct sio_process *process;
	int container;
};

/* `kernel` NULL: the default; `text` NULL: the preset `platform`. */
static inline void rig_boot_as(struct rig *rig, const char *kernel, const char *platform,
			       const char *text)
{
	struct sio_machine_cfg cfg = {.kernel = kernel,
				      .platform = platform,
				      .platform_text = text};
	char error[256];
	int rc = sio_machine_create(&cfg, &rig->machine, error, sizeof(error));

	ck_assert_msg(rc == 0, "%s", error);
	rig->process = sio_process_create(rig->machine);
	ck_assert_ptr_nonnull(rig->process);
	rig->container = sio_open(rig->process, "/dev/vfio/vfio");
	ck_assert_int_ge(rig->container, 0);
}

static inline void rig_boot(struct rig *rig, const char *platform, const char *text)
{
	rig_boot_as(rig, NULL, platform, text);
}

static inline void rig_audit(const struct rig *rig)
{
	char what[256] = "";

	ck_assert_msg(sio_audit(rig->machine, true, what, sizeof(what)) == 0, "%s", what);
}

static inline void rig_halt(struct rig *rig)
{
	rig_audit(rig);
	sio_machine_destroy(rig->machine);
}

static inline long rig_ioctl(const struct rig *rig, int fd, unsigned long request, void *arg)
{
	long rc = sio_ioctl(rig->process, fd, request, arg);

	rig_audit(rig);
	return rc < 0 ? -errno : rc;
}

static inline long rig_ioctl_value(const struct rig *rig, int fd, unsigned long request,
				   unsigned long value)
{
	return rig_ioctl(rig, fd, request, (void *)value); /* NOLINT: the value is the argument */
}

/* The group's descriptor, or -errno. */
static inline int rig_group(const struct rig *rig, const char *device)
{
	struct sio_device *found = sio_device_find(rig->machine, device);
	char path[32];
	int fd;

	ck_assert_msg(found != NULL, "no device %s", device);
	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(found));
	fd = sio_open(rig->process, path);
	return fd < 0 ? -errno : fd;
}

static inline long rig_join(const struct rig *rig, int group, int container)
{
	return rig_ioctl(rig, group, VFIO_GROUP_SET_CONTAINER, &container);
}

static inline int rig_device(const struct rig *rig, int group, const char *device)
{
	struct sio_device *found = sio_device_find(rig->machine, device);
	char name[32];

	snprintf(name, sizeof(name), "%s", found ? sio_device_bdf(found) : device);
	return (int)rig_ioctl(rig, group, VFIO_GROUP_GET_DEVICE_FD, name);
}

/* Group in the container, driver on, device open: all the way. */
static inline int rig_open(struct rig *rig, const char *device, int *group)
{
	int group_fd = rig_group(rig, device), fd;

	ck_assert_int_ge(group_fd, 0);
	ck_assert_int_eq(rig_join(rig, group_fd, rig->container), 0);
	/* 2012 and 3.11 know the first type only. */
	if (sio_ioctl(rig->process, rig->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU))
		sio_ioctl(rig->process, rig->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU);
	fd = rig_device(rig, group_fd, device);
	ck_assert_int_ge(fd, 0);
	if (group)
		*group = group_fd;
	return fd;
}

static inline uint64_t rig_read(const struct rig *rig, int fd, uint64_t at, unsigned width)
{
	uint64_t value = 0;

	ck_assert_int_eq(sio_pread(rig->process, fd, &value, width, at), width);
	return value;
}

static inline void rig_write(const struct rig *rig, int fd, uint64_t at, unsigned width,
			     uint64_t value)
{
	ck_assert_int_eq(sio_pwrite(rig->process, fd, &value, width, at), width);
	rig_audit(rig);
}

/* pread / pwrite that fails: the errno; 0 when it does not. */
static inline int rig_read_errno(const struct rig *rig, int fd, uint64_t at, unsigned width)
{
	uint8_t buf[64];

	return sio_pread(rig->process, fd, buf, width, at) < 0 ? errno : 0;
}

static inline int rig_write_errno(const struct rig *rig, int fd, uint64_t at, unsigned width)
{
	uint8_t buf[64] = {0};

	return sio_pwrite(rig->process, fd, buf, width, at) < 0 ? errno : 0;
}

static inline size_t hex_bytes(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return n;
}

/* An ioctl as recorded: structure before and after, in memory order, and the answer. */
static inline void rig_recorded(const struct rig *rig, int fd, unsigned long request,
				const char *in, const char *out, long answer)
{
	uint8_t bytes[256] = {0}, want[256];
	size_t n = hex_bytes(in, bytes);
	long rc = rig_ioctl(rig, fd, request, bytes);

	ck_assert_msg(rc == answer, "%#lx %s: %ld, not %ld", request, in, rc, answer);
	ck_assert_uint_eq(hex_bytes(out, want), n);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(bytes[i] == want[i], "%#lx %s: byte %zu is %02x, not %02x", request,
			      in, i, bytes[i], want[i]);
}

#endif
