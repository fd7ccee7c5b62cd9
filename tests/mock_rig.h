/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine without IOMMU whose /dev/iommu answers the selftest ioctl, and the operations as calls.
 * Each answers as the kernel does inside: a value, or a negative errno.
 */
#ifndef TESTS_MOCK_RIG_H
#define TESTS_MOCK_RIG_H

#include "iommufd_client.h"
#include "base.h"
#include "mock/iommufd_test.h"

#define HALF    ((uint64_t)MOCK_PAGE_SIZE)
#define PAGE    UINT64_C(4096)
#define FIRST   ((uint64_t)MOCK_APERTURE_START)
#define BAD_PTR UINT64_C(0x1000) /* no process has memory there */

struct mock_rig {
	struct rig rig;
	int f;      /* /dev/iommu */
	long ioas;  /* 1 */
	bool later; /* 7.2 */
	/* Of the last mock domain. */
	uint32_t stdev, idev, hwpt;
};

static struct mock_rig mock;

static inline void mock_boot(const char *kernel)
{
	struct sio_machine_cfg cfg = {.kernel = kernel, .platform = "mock"};
	char error[256];

	memset(&mock, 0, sizeof(mock));
	ck_assert_msg(!sio_machine_create(&cfg, &mock.rig.machine, error, sizeof(error)), "%s",
		      error);
	mock.rig.process = sio_process_create(mock.rig.machine);
	ck_assert_ptr_nonnull(mock.rig.process);
	mock.later = !strcmp(kernel, "7.2");
	mock.f = rig_iommufd(&mock.rig);
	mock.ioas = rig_ioas(&mock.rig, mock.f);
	ck_assert_int_eq(mock.ioas, 1);
}

static const char *const mock_kernels[] = {"6.12", "7.2"};

/* Everything goes, and no page stays pinned. */
static inline void mock_halt(void)
{
	struct sio_stats stats;

	ck_assert_int_eq(sio_close(mock.rig.process, mock.f), 0);
	sio_stats(mock.rig.machine, &stats);
	ck_assert_uint_eq(stats.iommufd_objects, 0);
	ck_assert_uint_eq(stats.pinned_pages, 0);
	rig_halt(&mock.rig);
}

static inline long mock_op(uint32_t op, struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	cmd->op = op;
	return rig_ioctl(&mock.rig, mock.f, IOMMU_TEST_CMD, cmd);
}

/* ---- devices ---- */

static inline long mock_domain(long pt, uint32_t flags)
{
	struct iommu_test_cmd cmd = {.id = (uint32_t)pt, .mock_domain_flags = {.dev_flags = flags}};
	long rc =
		mock_op(flags ? IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS : IOMMU_TEST_OP_MOCK_DOMAIN, &cmd);

	if (!rc) {
		mock.stdev = cmd.mock_domain.out_stdev_id;
		mock.hwpt = cmd.mock_domain.out_hwpt_id;
		mock.idev = cmd.mock_domain.out_idev_id;
	}
	return rc;
}

/* The HWPT that it is on now. */
static inline long mock_replace(uint32_t stdev, long pt)
{
	struct iommu_test_cmd cmd = {.id = stdev, .mock_domain_replace = {(uint32_t)pt}};
	long rc = mock_op(IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &cmd);

	return rc ? rc : (long)cmd.mock_domain_replace.pt_id;
}

struct mock_hwpt {
	uint32_t flags, type, fault;
	const void *data;
	uint32_t len;
};

/* The new HWPT. */
static inline long mock_hwpt_alloc(long pt, const struct mock_hwpt *how)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = how->flags,
		.dev_id = mock.idev,
		.pt_id = (uint32_t)pt,
		.data_type = how->type,
		.data_len = how->len,
		.data_uptr = (uintptr_t)how->data,
		.fault_id = how->fault,
	};
	long rc = rig_ioctl(&mock.rig, mock.f, IOMMU_HWPT_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_hwpt_id;
}

static inline long mock_nested(long pt, uint32_t iotlb, uint32_t flags)
{
	return mock_hwpt_alloc(pt, &(struct mock_hwpt){.flags = flags,
						       .type = IOMMU_HWPT_DATA_SELFTEST,
						       .data = &iotlb,
						       .len = sizeof(iotlb)});
}

static inline long mock_invalidate(long id, const void *data, uint32_t len, uint32_t *count)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = (uint32_t)id,
		.data_uptr = (uintptr_t)data,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
		.entry_len = len,
		.entry_num = *count,
	};
	long rc = rig_ioctl(&mock.rig, mock.f, IOMMU_HWPT_INVALIDATE, &cmd);

	*count = cmd.entry_num;
	return rc;
}

/* ---- looks ---- */

static inline long mock_check_map(long hwpt, uint64_t iova, uint64_t length, uint64_t uptr)
{
	struct iommu_test_cmd cmd = {.id = (uint32_t)hwpt, .check_map = {iova, length, uptr}};

	return mock_op(IOMMU_TEST_OP_MD_CHECK_MAP, &cmd);
}

static inline long mock_check_refs(uint64_t uptr, uint64_t length, uint32_t refs)
{
	struct iommu_test_cmd cmd = {.check_refs = {length, uptr, refs}};

	return mock_op(IOMMU_TEST_OP_MD_CHECK_REFS, &cmd);
}

static inline long mock_check_iotlb(long hwpt, uint32_t id, uint32_t value)
{
	struct iommu_test_cmd cmd = {.id = (uint32_t)hwpt, .check_iotlb = {id, value}};

	return mock_op(IOMMU_TEST_OP_MD_CHECK_IOTLB, &cmd);
}

static inline long mock_check_cache(long idev, uint32_t id, uint32_t value)
{
	struct iommu_test_cmd cmd = {.id = (uint32_t)idev, .check_dev_cache = {id, value}};

	return mock_op(IOMMU_TEST_OP_DEV_CHECK_CACHE, &cmd);
}

/* ---- accesses ---- */

/* Its descriptor. */
static inline long mock_access(long ioas, uint32_t flags)
{
	struct iommu_test_cmd cmd = {.id = (uint32_t)ioas, .create_access = {.flags = flags}};
	long rc = mock_op(IOMMU_TEST_OP_CREATE_ACCESS, &cmd);

	return rc ? rc : (long)cmd.create_access.out_access_fd;
}

/* The item's number. */
static inline long mock_pin(long access, uint64_t iova, uint64_t length, uint64_t uptr,
			    uint32_t flags)
{
	struct iommu_test_cmd cmd = {
		.id = (uint32_t)access,
		.access_pages = {.flags = flags, .iova = iova, .length = length, .uptr = uptr},
	};
	long rc = mock_op(IOMMU_TEST_OP_ACCESS_PAGES, &cmd);

	return rc ? rc : (long)cmd.access_pages.out_access_pages_id;
}

static inline long mock_unpin(long access, long item)
{
	struct iommu_test_cmd cmd = {.id = (uint32_t)access,
				     .destroy_access_pages = {(uint32_t)item}};

	return mock_op(IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, &cmd);
}

static inline long mock_rw(long access, uint64_t iova, uint64_t length, const void *data,
			   uint32_t flags)
{
	struct iommu_test_cmd cmd = {
		.id = (uint32_t)access,
		.access_rw = {iova, length, (uintptr_t)data, flags},
	};

	return mock_op(IOMMU_TEST_OP_ACCESS_RW, &cmd);
}

static inline long mock_access_replace(long access, long ioas)
{
	struct iommu_test_cmd cmd = {.id = (uint32_t)access,
				     .access_replace_ioas = {(uint32_t)ioas}};

	return mock_op(IOMMU_TEST_OP_ACCESS_REPLACE_IOAS, &cmd);
}

/* ---- memory ---- */

/* Pages that have nothing to do with each other, each its own and written. */
static inline uint64_t mock_memory(uint64_t size)
{
	const struct sio_mem mem = {.size = size, .prot = SIO_PROT_RW, .contiguity = SIO_RUN_4K};
	uint64_t address = 0;

	ck_assert_int_eq(sio_mem_map(mock.rig.process, &mem, &address), 0);
	for (uint64_t at = 0; at < size; at += PAGE)
		rig_poke(&mock.rig, address + at, at);
	return address;
}

static inline long mock_map(long ioas, uint64_t iova, uint64_t va, uint64_t len)
{
	return rig_ioas_map(&mock.rig, mock.f, ioas, iova, va, len);
}

static inline long mock_unmap(long ioas, uint64_t iova, uint64_t len)
{
	return rig_ioas_unmap(&mock.rig, mock.f, ioas, iova, len);
}

static inline long mock_destroy(long id)
{
	return rig_destroy(&mock.rig, mock.f, id);
}

#endif
