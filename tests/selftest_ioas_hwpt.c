// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's iommufd selftest: nested page tables with their caches and faults, attaching, and
 * what a device says of itself.
 */
#include "selftest_ioas.h"

#define NO_HWPT 0xffffu

/* ---- alloc_hwpt_nested ---- */

static void alloc_refused(struct st *s, uint32_t parent, uint32_t plain)
{
	const uint32_t idev = s->idev[0];
	struct iommu_hwpt_alloc cmd = {.dev_id = idev, .pt_id = parent};
	struct iommu_hwpt_selftest data = {.iotlb = IOMMU_TEST_IOTLB_DEFAULT};
	uint32_t id;

	/* Data without a type, a type without data, too little of it, and a type that the driver
	 * does not have. */
	cmd.data_uptr = (uintptr_t)&data;
	cmd.data_len = sizeof(data.iotlb);
	FAILS(EINVAL, st_hwpt_as(s, cmd, &id));
	cmd.data_type = IOMMU_HWPT_DATA_SELFTEST;
	cmd.data_len = 0;
	FAILS(EINVAL, st_hwpt_as(s, cmd, &id));
	cmd.data_len = sizeof(data.iotlb) - 1;
	FAILS(EINVAL, st_hwpt_as(s, cmd, &id));
	cmd.data_len = sizeof(data) + 1;
	FAILS(EINVAL, st_hwpt_as(s, cmd, &id));
	cmd.data_len = sizeof(data.iotlb);
	cmd.data_type = IOMMU_HWPT_DATA_VTD_S1;
	FAILS(EOPNOTSUPP, st_hwpt_as(s, cmd, &id));
	cmd.data_type = IOMMU_HWPT_DATA_SELFTEST;
	cmd.data_uptr = 0;
	FAILS(EFAULT, st_hwpt_as(s, cmd, &id));

	FAILS(EINVAL, st_nested(s, idev, plain, 0, 0, &id));
	FAILS(EINVAL, st_nested(s, idev, NO_HWPT, 0, 0, &id));
	FAILS(EINVAL, st_nested(s, idev, s->hwpt[0], 0, 0, &id));
	FAILS(ENOENT, st_nested(s, NO_HWPT, parent, 0, 0, &id));
	FAILS(EOPNOTSUPP, st_nested(s, idev, parent, IOMMU_HWPT_ALLOC_NEST_PARENT, 0, &id));
	FAILS(EOPNOTSUPP, st_nested(s, idev, parent, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 0, &id));
	FAILS(ENOENT, st_nested(s, idev, parent, IOMMU_HWPT_FAULT_ID_VALID, NO_HWPT, &id));
	/* Of later kernels: any domain may have faults, but a parent. */
	cmd = (struct iommu_hwpt_alloc){.flags = IOMMU_HWPT_FAULT_ID_VALID,
					.dev_id = idev,
					.pt_id = s->ioas,
					.fault_id = NO_HWPT};
	FAILS(s->later ? ENOENT : EOPNOTSUPP, st_hwpt_as(s, cmd, &id));
	cmd.flags |= IOMMU_HWPT_ALLOC_NEST_PARENT;
	FAILS(EOPNOTSUPP, st_hwpt_as(s, cmd, &id));
}

/* What is asked, and *count of them; it becomes the number done. */
static int invalidate(struct st *s, uint32_t hwpt, const void *entry, uint32_t type, uint32_t len,
		      uint32_t *count)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.data_uptr = (uintptr_t)entry,
		.data_type = type,
		.entry_len = len,
		.entry_num = *count,
	};
	int rc = st_ioctl(s, IOMMU_HWPT_INVALIDATE, &cmd);

	*count = cmd.entry_num;
	return rc;
}

static void invalidate_is(struct st *s, uint32_t hwpt, const void *entry, uint32_t len,
			  uint32_t count, int error, uint32_t done)
{
	ck_assert_int_eq(invalidate(s, hwpt, entry, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, len,
				    &count),
			 -error);
	ck_assert_uint_eq(count, done);
}

static int check_iotlb(struct st *s, uint32_t hwpt, uint32_t at, uint32_t value)
{
	struct iommu_test_cmd cmd = {.id = hwpt, .check_iotlb = {.id = at, .iotlb = value}};

	return st_test(s, IOMMU_TEST_OP_MD_CHECK_IOTLB, &cmd);
}

static void invalidation_refused(struct st *s, uint32_t hwpt, uint32_t parent)
{
	struct iommu_hwpt_invalidate_selftest entry[2] = {{0, 0}, {0, 0}};
	const uint32_t len = sizeof(entry[0]);
	struct {
		struct iommu_hwpt_invalidate_selftest entry;
		uint32_t more;
	} longer = {{0, 0}, 0};
	uint32_t count = 1;

	/* No entry asks whether the type is known. */
	invalidate_is(s, hwpt, entry, len, 0, 0, 0);
	count = 0;
	FAILS(EINVAL,
	      invalidate(s, hwpt, entry, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID, len, &count));
	count = 1;
	FAILS(EINVAL,
	      invalidate(s, hwpt, entry, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID, len, &count));
	ck_assert_uint_eq(count, 0);
	invalidate_is(s, hwpt, entry, 0, 1, EINVAL, 0);
	invalidate_is(s, hwpt, entry, len - 1, 1, EINVAL, 0);
	invalidate_is(s, hwpt, &longer, sizeof(longer), 1, EINVAL, 0);
	invalidate_is(s, hwpt, NULL, len, 1, EINVAL, 0);
	entry[0].flags = 0xffffffff;
	invalidate_is(s, hwpt, entry, len, 1, EOPNOTSUPP, 0);
	entry[0] = (struct iommu_hwpt_invalidate_selftest){.iotlb_id = 4};
	invalidate_is(s, hwpt, entry, len, 1, EINVAL, 0);
	/* Not a nested one. */
	count = 1;
	FAILS(s->later ? EINVAL : ENOENT,
	      invalidate(s, parent, entry, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, len, &count));
	ck_assert_uint_eq(count, 0);
	OK(st_check_iotlb(s, hwpt, IOMMU_TEST_IOTLB_DEFAULT));
}

static void invalidation(struct st *s, uint32_t hwpt)
{
	struct iommu_hwpt_invalidate_selftest entry[4] = {{0, 0}, {0, 4}};
	const uint32_t len = sizeof(entry[0]);

	/* Up to the first that is wrong. */
	invalidate_is(s, hwpt, entry, len, 2, EINVAL, 1);
	OK(check_iotlb(s, hwpt, 0, 0));
	OK(check_iotlb(s, hwpt, 1, IOMMU_TEST_IOTLB_DEFAULT));
	FAILS(EINVAL, check_iotlb(s, hwpt, 4, 0));
	entry[0].iotlb_id = 1;
	entry[1].iotlb_id = 2;
	invalidate_is(s, hwpt, entry, len, 2, 0, 2);
	OK(check_iotlb(s, hwpt, 2, 0));
	OK(check_iotlb(s, hwpt, 3, IOMMU_TEST_IOTLB_DEFAULT));
	entry[0] = (struct iommu_hwpt_invalidate_selftest){IOMMU_TEST_INVALIDATE_FLAG_ALL, 0};
	invalidate_is(s, hwpt, entry, len, 1, 0, 1);
	OK(st_check_iotlb(s, hwpt, 0));
}

/* The device moves between nested tables; what it is on cannot go. */
static void attach_nested(struct st *s, const uint32_t *nested, uint32_t iopf, int fault_fd)
{
	const uint32_t stdev = s->stdev[0], idev = s->idev[0];

	FAILS(ENOENT, st_replace(s, stdev, NO_HWPT));
	OK(st_replace(s, stdev, nested[0]));
	FAILS(EBUSY, st_destroy(s, nested[0]));
	OK(st_replace(s, stdev, nested[1]));
	FAILS(EBUSY, st_destroy(s, nested[1]));
	OK(st_destroy(s, nested[0]));

	OK(st_replace(s, stdev, iopf));
	FAILS(EBUSY, st_destroy(s, iopf));
	st_fault_roundtrip(s, idev, fault_fd);
	OK(st_replace(s, stdev, s->ioas));
	OK(st_destroy(s, nested[1]));
	OK(st_destroy(s, iopf));
}

static void alloc_hwpt_nested(struct st *s)
{
	uint32_t plain, parent[2], nested[2], iopf, fault, id;
	int fault_fd;

	if (!s->domains) {
		FAILS(ENOENT, st_hwpt(s, 0, s->ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, &id));
		FAILS(ENOENT, st_nested(s, 0, s->ioas, 0, 0, &id));
		FAILS(ENOENT, st_nested(s, 0, NO_HWPT, 0, 0, &id));
		return;
	}
	OK(st_hwpt(s, s->idev[0], s->ioas, 0, &plain));
	for (unsigned i = 0; i < 2; i++)
		OK(st_hwpt(s, s->idev[0], s->ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, &parent[i]));
	alloc_refused(s, parent[0], plain);

	for (unsigned i = 0; i < 2; i++) {
		OK(st_nested(s, s->idev[0], parent[0], 0, 0, &nested[i]));
		OK(st_check_iotlb(s, nested[i], IOMMU_TEST_IOTLB_DEFAULT));
	}
	fault = st_fault_queue(s, &fault_fd);
	OK(st_nested(s, s->idev[0], parent[0], IOMMU_HWPT_FAULT_ID_VALID, fault, &iopf));
	OK(st_check_iotlb(s, iopf, IOMMU_TEST_IOTLB_DEFAULT));
	FAILS(EINVAL, st_nested(s, s->idev[0], nested[0], 0, 0, &id));
	FAILS(EBUSY, st_destroy(s, parent[0]));
	FAILS(EBUSY, st_destroy(s, fault));

	invalidation_refused(s, nested[0], parent[0]);
	invalidation(s, nested[0]);
	attach_nested(s, nested, iopf, fault_fd);
	OK(st_destroy(s, parent[0]));
	OK(st_destroy(s, parent[1]));
	OK(st_destroy(s, plain));
	/* Its file uses it. */
	FAILS(EBUSY, st_destroy(s, fault));
	OK(sio_close(s->process, fault_fd));
	OK(st_destroy(s, fault));
}

/* ---- the rest ---- */

static void hwpt_attach(struct st *s)
{
	struct st_mock mock;

	if (!s->domains) {
		FAILS(ENOENT, st_mock(s, NO_HWPT, &mock));
		return;
	}
	OK(st_mock(s, s->hwpt[0], &mock));
	ck_assert_uint_eq(mock.hwpt, s->hwpt[0]);
}

struct info {
	uint32_t len, type;
	uint8_t pasid_lg2;
	uint64_t capabilities;
};

static int hw_info(struct st *s, uint32_t idev, void *data, uint32_t len, const uint32_t *type,
		   struct info *info)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = type ? IOMMU_HW_INFO_FLAG_INPUT_TYPE : 0,
		.dev_id = idev,
		.data_len = len,
		.data_uptr = (uintptr_t)data,
		.in_data_type = type ? *type : 0,
	};
	int rc = st_ioctl(s, IOMMU_GET_HW_INFO, &cmd);

	*info = (struct info){cmd.data_len, cmd.out_data_type, cmd.out_max_pasid_log2,
			      cmd.out_capabilities};
	return rc;
}

/* A buffer of `len` bytes gets what fits, zeroes behind, and the true length. */
static void info_with_buffer(struct st *s, uint32_t len, const uint32_t *type)
{
	const struct iommu_test_hw_info want = {0, IOMMU_HW_INFO_SELFTEST_REGVAL};
	uint8_t bytes[sizeof(want) + 24];
	struct info info;

	memset(bytes, 0xa5, sizeof(bytes));
	OK(hw_info(s, s->idev[0], bytes, len, type, &info));
	ck_assert_uint_eq(info.type, IOMMU_HW_INFO_TYPE_SELFTEST);
	ck_assert_uint_eq(info.len, sizeof(want));
	ck_assert_int_eq(memcmp(bytes, &want, len < sizeof(want) ? len : sizeof(want)), 0);
	for (uint32_t i = sizeof(want); i < sizeof(bytes); i++)
		ck_assert_uint_eq(bytes[i], i < len ? 0 : 0xa5);
	for (uint32_t i = len; i < sizeof(want); i++)
		ck_assert_uint_eq(bytes[i], 0xa5);
}

static void get_hw_info(struct st *s)
{
	static const uint32_t native = IOMMU_HW_INFO_TYPE_DEFAULT,
			      selftest = IOMMU_HW_INFO_TYPE_SELFTEST, wrong = 0xdeadbeef;
	struct iommu_test_hw_info data;
	struct info info;

	if (!s->domains) {
		FAILS(ENOENT, hw_info(s, s->idev[0], &data, sizeof(data), NULL, &info));
		FAILS(ENOENT, hw_info(s, s->idev[0], NULL, 0, NULL, &info));
		return;
	}
	OK(hw_info(s, s->idev[0], NULL, 0, NULL, &info));
	ck_assert_uint_eq(info.len, sizeof(data));
	FAILS(EFAULT, hw_info(s, s->idev[0], NULL, sizeof(data), NULL, &info));
	info_with_buffer(s, sizeof(data), NULL);
	info_with_buffer(s, sizeof(data), &native);
	info_with_buffer(s, sizeof(data), &selftest);
	info_with_buffer(s, sizeof(data) + 8, NULL);
	info_with_buffer(s, sizeof(data) / 2, NULL);
	FAILS(EOPNOTSUPP, hw_info(s, s->idev[0], &data, sizeof(data), &wrong, &info));

	OK(hw_info(s, s->idev[0], NULL, 0, NULL, &info));
	ck_assert_uint_eq(info.pasid_lg2, 0);
	if (!s->pasid_idev)
		return;
	OK(hw_info(s, s->pasid_idev, NULL, 0, NULL, &info));
	ck_assert_uint_eq(info.pasid_lg2, MOCK_PASID_WIDTH);
}

static const struct st_case cases[] = {
	{"iommufd_ioas", "alloc_hwpt_nested", alloc_hwpt_nested},
	{"iommufd_ioas", "hwpt_attach", hwpt_attach},
	{"iommufd_ioas", "get_hw_info", get_hw_info},
};

int main(void)
{
	const struct st_program program = {.name = "ioas_hwpt",
					   .cases = cases,
					   .count = SIO_ARRAY_SIZE(cases),
					   .setup = st_ioas_setup};

	return st_main(&program);
}
