// SPDX-License-Identifier: GPL-2.0-only
/*
 * The selftest ioctl, operation by operation: what each does and every errno that it knows. What
 * 7.2 added is in mock_viommu.c; recordings of real kernels are replayed elsewhere.
 */
#include "mock_rig.h"

#include "harness.h"
#include "prng.h"

/* ---- the ioctl ---- */

START_TEST(the_structure_may_be_shorter_and_longer_within_limits)
{
	struct {
		struct iommu_test_cmd cmd;
		uint8_t tail[8];
	} arg = {.cmd = {.size = 67, .op = IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT}};

	mock_boot(mock_kernels[_i]);
	arg.cmd.memory_limit.limit = 4096;
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_TEST_CMD, &arg), -EINVAL);
	arg.cmd.size = 68;
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_TEST_CMD, &arg), 0);
	arg.cmd.size = sizeof(arg);
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_TEST_CMD, &arg), 0);
	arg.tail[7] = 1;
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_TEST_CMD, &arg), -E2BIG);
	ck_assert_int_eq(rig_ioctl_value(&mock.rig, mock.f, IOMMU_TEST_CMD, 8), -EFAULT);
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_TEST_CMD | 1u << 30, &arg), -ENOTTY);
	mock_halt();
}
END_TEST

START_TEST(operations_that_the_kernel_does_not_have_are_not_supported)
{
	static const uint32_t none[] = {0, 24, 25, 99, UINT32_MAX};
	struct iommu_test_cmd cmd = {0};

	mock_boot(mock_kernels[_i]);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(none); i++)
		ck_assert_int_eq(mock_op(none[i], &cmd), -EOPNOTSUPP);
	for (uint32_t op = IOMMU_TEST_OP_DEV_CHECK_CACHE; op <= IOMMU_TEST_OP_DMABUF_REVOKE; op++)
		ck_assert_int_eq(mock_op(op, &cmd) == -EOPNOTSUPP, !mock.later);
	mock_halt();
}
END_TEST

START_TEST(a_machine_has_it_only_when_asked)
{
	static const char asks[] = "machine = { selftest = true; };";
	const struct sio_machine_cfg cfgs[] = {
		{.platform = "vtd48"},
		{.platform = "vtd48", .selftest = true},
		{.platform_text = asks},
	};
	struct iommu_test_cmd cmd = {.size = sizeof(cmd),
				     .op = IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
				     .memory_limit = {12}};
	struct rig rig = {0};

	ck_assert_int_eq(sio_machine_create(&cfgs[_i], &rig.machine, NULL, 0), 0);
	rig.process = sio_process_create(rig.machine);
	ck_assert_int_eq(rig_ioctl(&rig, rig_iommufd(&rig), IOMMU_TEST_CMD, &cmd),
			 _i ? 0 : -ENOTTY);
	rig_halt(&rig);
}
END_TEST

/* ---- reserved ranges, memory limit ---- */

static long reserve(long ioas, uint64_t start, uint64_t length)
{
	struct iommu_test_cmd cmd = {.id = (uint32_t)ioas, .add_reserved = {start, length}};

	return mock_op(IOMMU_TEST_OP_ADD_RESERVED, &cmd);
}

START_TEST(reserved_ranges_keep_mappings_out)
{
	uint64_t va;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(4 * PAGE);
	ck_assert_int_eq(reserve(99, 0, PAGE), -ENOENT);
	ck_assert_int_eq(reserve(mock.ioas, 0, 0), -EINVAL);
	ck_assert_int_eq(reserve(mock.ioas, UINT64_MAX, 2), -EOVERFLOW);
	ck_assert_int_eq(reserve(mock.ioas, FIRST, PAGE), 0);
	ck_assert_int_eq(reserve(mock.ioas, FIRST, PAGE), 0);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST + PAGE - 1, va, 1), -EINVAL);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST + PAGE, va, PAGE), 0);
	ck_assert_int_eq(reserve(mock.ioas, FIRST + PAGE, 1), -EADDRINUSE);
	mock_halt();
}
END_TEST

START_TEST(a_memory_limit_holds_one_element_at_least)
{
	struct iommu_test_cmd cmd = {.memory_limit = {11}};
	uint64_t va;

	mock_boot(mock_kernels[_i]);
	ck_assert_int_eq(mock_op(IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT, &cmd), -EINVAL);
	cmd.memory_limit.limit = 16;
	ck_assert_int_eq(mock_op(IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT, &cmd), 0);
	va = mock_memory(64 * PAGE);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST, va, 64 * PAGE), 0);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST, 64 * PAGE, va), 0);
	mock_halt();
}
END_TEST

/* ---- devices ---- */

START_TEST(a_mock_device_takes_three_ids_and_gives_them_back)
{
	const uint32_t bad[] = {8, 16, UINT32_MAX, 2};

	mock_boot(mock_kernels[_i]);
	ck_assert_int_eq(mock_domain(99, 0), -ENOENT);
	/* 6.12 knows devices with huge pages. */
	for (unsigned i = 0; i < (mock.later ? 4u : 3u); i++)
		ck_assert_int_eq(mock_domain(99, bad[i]), -EINVAL);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
		ck_assert_uint_eq(mock.stdev, 2);
		ck_assert_uint_eq(mock.idev, 3);
		ck_assert_uint_eq(mock.hwpt, 4);
		ck_assert_int_eq(mock_domain(mock.idev, 0), -EINVAL);
		ck_assert_int_eq(mock_destroy(3), -EBUSY);
		ck_assert_int_eq(mock_destroy(4), -EBUSY);
		ck_assert_int_eq(mock_destroy(2), 0);
		ck_assert_int_eq(mock_destroy(4), -ENOENT);
	}
	mock_halt();
}
END_TEST

START_TEST(devices_with_dirty_tracking_and_without_do_not_mix)
{
	const struct mock_hwpt dirty = {.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING};
	struct iommu_hw_info info = {.size = sizeof(info)};
	long hwpt;

	mock_boot(mock_kernels[_i]);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	hwpt = mock_hwpt_alloc(mock.ioas, &dirty);
	ck_assert_int_eq(hwpt, 5);
	info.dev_id = mock.idev;
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_GET_HW_INFO, &info), 0);
	ck_assert_uint_eq(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING, 1);
	ck_assert_uint_eq(info.out_data_type, IOMMU_HW_INFO_TYPE_SELFTEST);
	ck_assert_uint_eq(info.data_len, 8);
	ck_assert_uint_eq(info.out_max_pasid_log2, 0);
	ck_assert_int_eq(mock_domain(mock.ioas, MOCK_FLAGS_DEVICE_NO_DIRTY), 0);
	ck_assert_int_eq(mock_hwpt_alloc(mock.ioas, &dirty), -EOPNOTSUPP);
	ck_assert_int_eq(mock_replace(mock.stdev, hwpt), -EINVAL);
	ck_assert_int_eq(mock_domain(hwpt, MOCK_FLAGS_DEVICE_NO_DIRTY), -EINVAL);
	info.data_len = 0;
	info.dev_id = mock.idev;
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_GET_HW_INFO, &info), 0);
	ck_assert_uint_eq(info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING, 0);
	mock_halt();
}
END_TEST

START_TEST(hardware_info_can_be_asked_for_by_type)
{
	const uint32_t types[] = {0, IOMMU_HW_INFO_TYPE_SELFTEST, IOMMU_HW_INFO_TYPE_INTEL_VTD};
	struct iommu_test_hw_info data;

	mock_boot(mock_kernels[_i]);
	ck_assert_int_eq(mock_domain(mock.ioas, MOCK_FLAGS_DEVICE_PASID), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct iommu_hw_info info = {
			.size = sizeof(info),
			.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
			.dev_id = mock.idev,
			.data_len = sizeof(data),
			.data_uptr = (uintptr_t)&data,
			.in_data_type = types[i],
		};

		memset(&data, 0xff, sizeof(data));
		ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_GET_HW_INFO, &info),
				 i < 2 ? 0 : -EOPNOTSUPP);
		if (i == 2)
			break;
		ck_assert_uint_eq(info.out_max_pasid_log2, MOCK_PASID_WIDTH);
		ck_assert_uint_eq(data.flags, 0);
		ck_assert_uint_eq(data.test_reg, 0xdeadbeef);
	}
	mock_halt();
}
END_TEST

START_TEST(replacing_moves_the_device_and_drops_automatic_domains)
{
	uint64_t va;
	long other, manual;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(PAGE);
	other = rig_ioas(&mock.rig, mock.f);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST, va, PAGE), 0);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 1), 0);
	ck_assert_int_eq(mock_replace(99, other), -ENOENT);
	ck_assert_int_eq(mock_replace(mock.idev, other), -ENOENT);
	ck_assert_int_eq(mock_replace(mock.stdev, 99), -ENOENT);
	ck_assert_int_eq(mock_replace(mock.stdev, mock.stdev), -EINVAL);
	ck_assert_int_eq(mock_replace(mock.stdev, mock.ioas), mock.hwpt);
	ck_assert_int_gt(mock_replace(mock.stdev, other), 0);
	ck_assert_int_eq(mock_destroy(mock.hwpt), -ENOENT);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 0), 0);
	manual = mock_hwpt_alloc(mock.ioas, &(struct mock_hwpt){0});
	ck_assert_int_gt(manual, 0);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 1), 0);
	ck_assert_int_eq(mock_replace(mock.stdev, manual), manual);
	ck_assert_int_eq(mock_destroy(manual), -EBUSY);
	mock_halt();
}
END_TEST

/* ---- what is translated and pinned ---- */

START_TEST(check_map_compares_half_pages)
{
	uint64_t va, other;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(4 * PAGE);
	other = mock_memory(4 * PAGE);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST + HALF, va + HALF, 2 * PAGE), 0);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST + HALF, 2 * PAGE, va + HALF), 0);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST + PAGE, HALF, va + PAGE), 0);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST + PAGE, HALF, va + PAGE + HALF), -EINVAL);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST + PAGE, HALF, other + PAGE), -EINVAL);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST, HALF, va), -EINVAL);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST + HALF, 2 * PAGE + HALF, va + HALF),
			 -EINVAL);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST + HALF, HALF, BAD_PTR), -EFAULT);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST + 1, HALF, va), -EINVAL);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST, 1, va), -EINVAL);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST, HALF, va + 1), -EINVAL);
	ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST, 2 * HALF, UINT64_MAX - HALF + 1),
			 -EINVAL);
	ck_assert_int_eq(mock_check_map(mock.ioas, FIRST, HALF, va), -ENOENT);
	/* Which test is first. */
	ck_assert_int_eq(mock_check_map(99, FIRST, 1, va), mock.later ? -ENOENT : -EINVAL);
	mock_halt();
}
END_TEST

START_TEST(check_refs_counts_pins_of_small_pages)
{
	const struct sio_mem huge = {.size = 4 * MIB, .prot = SIO_PROT_RW, .hugetlb = true};
	const struct sio_mem thp = {.size = 4 * MIB, .prot = SIO_PROT_RW};
	uint64_t va, large;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(8 * PAGE);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST, va + HALF, 2 * PAGE), 0);
	ck_assert_int_eq(mock_check_refs(va, 3 * PAGE, 1), 0);
	ck_assert_int_eq(mock_check_refs(va, 4 * PAGE, 1), -EIO);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 0), -EIO);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST + MIB, va, PAGE), 0);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 2), 0);
	ck_assert_int_eq(mock_check_refs(va + 1, PAGE, 1), -EINVAL);
	ck_assert_int_eq(mock_check_refs(va, PAGE + 1, 1), -EINVAL);
	ck_assert_int_eq(mock_check_refs(UINT64_MAX - PAGE + 1, 2 * PAGE, 1), -EINVAL);
	ck_assert_int_eq(mock_check_refs(BAD_PTR, PAGE, 0), -EFAULT);
	ck_assert_int_eq(mock_check_refs(va, 0, 7), 0);
	/* What the counts of a huge page say is nobody's business. */
	ck_assert_int_eq(sio_mem_map(mock.rig.process, &huge, &large), 0);
	ck_assert_int_eq(mock_check_refs(large, 4 * MIB, 77), 0);
	/* A transparent one is huge while it is whole. */
	ck_assert_int_eq(sio_mem_map(mock.rig.process, &thp, &large), 0);
	rig_poke(&mock.rig, large, 1);
	rig_poke(&mock.rig, large + 2 * MIB, 1);
	ck_assert_int_eq(mock_check_refs(large, 4 * MIB, 77), 0);
	ck_assert_int_eq(sio_mem_unmap(mock.rig.process, large + 3 * MIB, PAGE), 0);
	ck_assert_int_eq(mock_check_refs(large, 2 * MIB, 77), 0);
	ck_assert_int_eq(mock_check_refs(large + 2 * MIB, PAGE, 77), -EIO);
	ck_assert_int_eq(mock_check_refs(large + 2 * MIB, PAGE, 0), 0);
	mock_halt();
}
END_TEST

/* Halves [first, last) of `halves`, mapped so that the first is at FIRST. */
static void check_aligned_map(uint64_t va, uint64_t first, uint64_t last, uint64_t halves)
{
	const uint64_t length = (last - first) * HALF;

	ck_assert_int_eq(mock_map(mock.ioas, FIRST, va + first * HALF, length), 0);
	for (uint64_t i = 0; i < halves; i++) {
		const bool inside = i >= first && i < last;

		ck_assert_int_eq(mock_check_map(mock.hwpt, FIRST + (i - first) * HALF, HALF,
						va + i * HALF),
				 inside ? 0 : -EINVAL);
	}
	for (uint64_t page = 0; page < halves / 2; page++)
		ck_assert_int_eq(mock_check_refs(va + page * PAGE, PAGE,
						 2 * page + 1 >= first && 2 * page < last),
				 0);
	ck_assert_int_eq(mock_unmap(mock.ioas, FIRST, length), (long)length);
	ck_assert_int_eq(mock_check_refs(va, halves * HALF, 0), 0);
}

START_TEST(every_beginning_and_end_in_half_pages)
{
	const uint64_t halves = 8;
	uint64_t va;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(halves * HALF);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	for (uint64_t first = 0; first < halves; first++)
		for (uint64_t last = first + 1; last <= halves; last++)
			check_aligned_map(va, first, last, halves);
	mock_halt();
}
END_TEST

/* ---- accesses ---- */

START_TEST(pins_are_refused_for_many_reasons)
{
	uint64_t va;
	long access, plain;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(4 * PAGE);
	ck_assert_int_eq(mock_access(99, 0), -ENOENT);
	ck_assert_int_eq(mock_access(mock.ioas, 2), -EOPNOTSUPP);
	access = mock_access(mock.ioas, MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	plain = mock_access(mock.ioas, 0);
	ck_assert_int_gt(access, 0);
	ck_assert_int_gt(plain, 0);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST, va, 2 * PAGE), 0);
	ck_assert_int_eq(mock_pin(access, FIRST, 16 * MIB + 1, 0, 0), -ENOMEM);
	ck_assert_int_eq(mock_pin(access, FIRST, PAGE, 0, 2), -EOPNOTSUPP);
	ck_assert_int_eq(mock_pin(99, FIRST, PAGE, 0, 0), -EBADFD);
	ck_assert_int_eq(mock_pin(mock.f, FIRST, PAGE, 0, 0), -EBADFD);
	ck_assert_int_eq(mock_pin(plain, FIRST, PAGE, 0, 0), -EOPNOTSUPP);
	ck_assert_int_eq(mock_pin(access, FIRST, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(mock_pin(access, FIRST + 1, PAGE, 0, 0), -EINVAL);
	ck_assert_int_eq(mock_pin(access, UINT64_MAX, 2, 0, 0), -EOVERFLOW);
	ck_assert_int_eq(mock_pin(access, FIRST, 3 * PAGE, 0, 0), -ENOENT);
	ck_assert_int_eq(mock_pin(access, FIRST, PAGE, va + PAGE, 0), -EBADE);
	ck_assert_int_eq(mock_pin(access, FIRST, PAGE, BAD_PTR, 0), -EFAULT);
	ck_assert_int_eq(mock_check_refs(va, 2 * PAGE, 0), 0);
	ck_assert_int_eq(mock_unpin(access, 0), -ENOENT);
	ck_assert_int_eq(mock_unpin(99, 0), -EBADFD);
	ck_assert_int_eq(mock_access_replace(99, mock.ioas), -EBADFD);
	ck_assert_int_eq(mock_access_replace(access, 99), -ENOENT);
	rig_close(&mock.rig, (int)access);
	rig_close(&mock.rig, (int)plain);
	mock_halt();
}
END_TEST

START_TEST(pins_live_until_they_are_dropped_unmapped_or_closed)
{
	uint64_t va;
	long access, item[3];

	mock_boot(mock_kernels[_i]);
	va = mock_memory(4 * PAGE);
	access = mock_access(mock.ioas, MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	ck_assert_int_eq(mock_map(mock.ioas, PAGE, va, 2 * PAGE), 0);
	ck_assert_int_eq(mock_map(mock.ioas, 3 * PAGE, va + 2 * PAGE, 2 * PAGE), 0);
	item[0] = mock_pin(access, PAGE, 4 * PAGE, va, 0);
	item[1] = mock_pin(access, PAGE, PAGE, va, MOCK_FLAGS_ACCESS_WRITE);
	item[2] = mock_pin(access, 4 * PAGE, 1, va + 3 * PAGE, 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(item[i], i);
	ck_assert_int_eq(mock_check_refs(va, 4 * PAGE, 1), 0);
	ck_assert_int_eq(mock_unpin(access, 0), 0);
	ck_assert_int_eq(mock_unpin(access, 0), -ENOENT);
	ck_assert_int_eq(mock_check_refs(va + PAGE, 2 * PAGE, 0), 0);
	ck_assert_int_eq(mock_unmap(mock.ioas, PAGE, 2 * PAGE), (long)(2 * PAGE));
	ck_assert_int_eq(mock_unpin(access, item[1]), -ENOENT);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 0), 0);
	ck_assert_int_eq(mock_check_refs(va + 3 * PAGE, PAGE, 1), 0);
	ck_assert_int_eq(mock_destroy(mock.ioas), -EBUSY);
	rig_close(&mock.rig, (int)access);
	ck_assert_int_eq(mock_check_refs(va, 4 * PAGE, 0), 0);
	ck_assert_int_eq(mock_destroy(mock.ioas), 0);
	mock_halt();
}
END_TEST

START_TEST(accesses_move_between_address_spaces)
{
	uint64_t va;
	long access[3], other;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(4 * PAGE);
	other = rig_ioas(&mock.rig, mock.f);
	ck_assert_int_eq(mock_map(mock.ioas, PAGE, va, PAGE), 0);
	ck_assert_int_eq(mock_map(other, PAGE, va + PAGE, PAGE), 0);
	for (unsigned i = 0; i < 3; i++) {
		access[i] = mock_access(mock.ioas, MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
		ck_assert_int_eq(mock_pin(access[i], PAGE, PAGE, va, 0), 0);
	}
	ck_assert_int_eq(mock_access_replace(access[1], other), 0);
	ck_assert_int_eq(mock_pin(access[1], PAGE, PAGE, va + PAGE, 0), 1);
	ck_assert_int_eq(mock_unpin(access[1], 0), -ENOENT);
	ck_assert_int_eq(mock_unpin(access[0], 0), 0);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 1), 0);
	/* What stayed behind is still asked to let go. */
	ck_assert_int_eq(mock_unmap(mock.ioas, PAGE, PAGE), (long)PAGE);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 0), 0);
	ck_assert_int_eq(mock_access_replace(access[1], other), 0);
	ck_assert_int_eq(mock_check_refs(va + PAGE, PAGE, 1), 0);
	for (unsigned i = 0; i < 3; i++)
		rig_close(&mock.rig, (int)access[i]);
	mock_halt();
}
END_TEST

START_TEST(an_access_that_does_not_fit_elsewhere_stays)
{
	uint64_t va;
	long access, other;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(2 * PAGE);
	other = rig_ioas(&mock.rig, mock.f);
	ck_assert_int_eq(mock_map(other, 1, va + 1, 1), 0);
	ck_assert_int_eq(mock_map(mock.ioas, PAGE, va, PAGE), 0);
	access = mock_access(mock.ioas, MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	ck_assert_int_eq(mock_pin(access, PAGE, PAGE, va, 0), 0);
	ck_assert_int_eq(mock_access(other, MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES), -EADDRINUSE);
	ck_assert_int_eq(mock_access_replace(access, other), -EADDRINUSE);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 1), 0);
	ck_assert_int_eq(mock_unmap(mock.ioas, PAGE, PAGE), (long)PAGE);
	ck_assert_int_eq(mock_check_refs(va, PAGE, 0), 0);
	rig_close(&mock.rig, (int)access);
	mock_halt();
}
END_TEST

/* Two areas, and a copy of what they are to show. */
static uint8_t shadow[4 * 4096];

static void random_transfers(long access, uint64_t va, struct prng *rng)
{
	for (unsigned i = 0; i < 60; i++) {
		const uint64_t at = prng_below(rng, sizeof(shadow));
		const uint64_t len = 1 + prng_below(rng, sizeof(shadow) - at);
		const uint32_t slow = prng_below(rng, 2) ? MOCK_ACCESS_RW_SLOW_PATH : 0;
		uint8_t buf[sizeof(shadow)], now[sizeof(shadow)];

		for (uint64_t n = 0; n < len; n++)
			buf[n] = (uint8_t)prng_below(rng, 256);
		if (prng_below(rng, 2)) {
			memcpy(shadow + at, buf, len);
			ck_assert_int_eq(mock_rw(access, FIRST + at, len, buf,
						 slow | MOCK_ACCESS_RW_WRITE),
					 0);
		} else {
			ck_assert_int_eq(mock_rw(access, FIRST + at, len, buf, slow), 0);
			ck_assert_mem_eq(buf, shadow + at, len);
		}
		ck_assert_int_eq(sio_mem_read(mock.rig.process, va, now, sizeof(now)), 0);
		ck_assert_mem_eq(now, shadow, sizeof(now));
	}
}

START_TEST(bytes_move_between_areas_and_the_caller)
{
	struct prng rng = {.state = 0x6d6f636b + (uint64_t)_i};
	uint8_t byte = 0;
	uint64_t va;
	long access;

	mock_boot(mock_kernels[_i % 2]);
	va = mock_memory(sizeof(shadow));
	memset(shadow, 0x5a, sizeof(shadow));
	ck_assert_int_eq(sio_mem_write(mock.rig.process, va, shadow, sizeof(shadow)), 0);
	access = mock_access(mock.ioas, 0);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST, va, PAGE), 0);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST + PAGE, va + PAGE, 3 * PAGE), 0);
	if (_i >= 2)
		ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	random_transfers(access, va, &rng);
	ck_assert_int_eq(mock_rw(access, FIRST, 16 * MIB + 1, &byte, 0), -ENOMEM);
	ck_assert_int_eq(mock_rw(access, FIRST, 1, &byte, 2), -EOPNOTSUPP);
	ck_assert_int_eq(mock_rw(99, FIRST, 1, &byte, 0), -EBADFD);
	ck_assert_int_eq(mock_rw(access, FIRST, 0, &byte, 0), -EINVAL);
	ck_assert_int_eq(mock_rw(access, FIRST - 1, 1, &byte, 0), -ENOENT);
	ck_assert_int_eq(mock_rw(access, UINT64_MAX, 2, shadow, 0), -EOVERFLOW);
	ck_assert_int_eq(mock_rw(access, FIRST, 1, NULL, 0), -EFAULT);
	ck_assert_int_eq(mock_rw(access, FIRST, 1, NULL, MOCK_ACCESS_RW_WRITE), -EFAULT);
	rig_close(&mock.rig, (int)access);
	mock_halt();
}
END_TEST

/* ---- addresses by number ---- */

static uint64_t nth(uint32_t area, uint32_t offset)
{
	return (uint64_t)offset << 32 | area;
}

START_TEST(areas_can_be_named_by_number_and_offset)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.dst_ioas_id = 1,
		.src_ioas_id = 1,
		.length = PAGE,
		.dst_iova = FIRST + MIB,
	};
	uint64_t va, word = 0;
	long access, pins;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(4 * PAGE);
	access = mock_access(mock.ioas, 0);
	pins = mock_access(mock.ioas, MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST, va, PAGE), 0);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST + 4 * PAGE, va + PAGE, 2 * PAGE), 0);
	ck_assert_int_eq(mock_rw(access, nth(1, 4096), 8, &word, MOCK_FLAGS_ACCESS_SYZ), 0);
	ck_assert_uint_eq(word, 2 * PAGE);
	ck_assert_int_eq(mock_rw(access, nth(2, 0), 8, &word, MOCK_FLAGS_ACCESS_SYZ), -ENOENT);
	ck_assert_int_eq(mock_pin(pins, nth(1, 0), PAGE, va + PAGE, MOCK_FLAGS_ACCESS_SYZ), 0);
	copy.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | MOCK_FLAGS_ACCESS_SYZ;
	copy.src_iova = nth(1, 4096);
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_IOAS_COPY, &copy), 0);
	ck_assert_int_eq(mock_rw(access, FIRST + MIB, 8, &word, 0), 0);
	ck_assert_uint_eq(word, 2 * PAGE);
	rig_close(&mock.rig, (int)access);
	rig_close(&mock.rig, (int)pins);
	mock_halt();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mock commands");
	TCase *tc = tcase_create("operations");

	tcase_add_loop_test(tc, the_structure_may_be_shorter_and_longer_within_limits, 0, 2);
	tcase_add_loop_test(tc, operations_that_the_kernel_does_not_have_are_not_supported, 0, 2);
	tcase_add_loop_test(tc, a_machine_has_it_only_when_asked, 0, 3);
	tcase_add_loop_test(tc, reserved_ranges_keep_mappings_out, 0, 2);
	tcase_add_loop_test(tc, a_memory_limit_holds_one_element_at_least, 0, 2);
	tcase_add_loop_test(tc, a_mock_device_takes_three_ids_and_gives_them_back, 0, 2);
	tcase_add_loop_test(tc, devices_with_dirty_tracking_and_without_do_not_mix, 0, 2);
	tcase_add_loop_test(tc, hardware_info_can_be_asked_for_by_type, 0, 2);
	tcase_add_loop_test(tc, replacing_moves_the_device_and_drops_automatic_domains, 0, 2);
	tcase_add_loop_test(tc, check_map_compares_half_pages, 0, 2);
	tcase_add_loop_test(tc, check_refs_counts_pins_of_small_pages, 0, 2);
	tcase_add_loop_test(tc, every_beginning_and_end_in_half_pages, 0, 2);
	tcase_add_loop_test(tc, pins_are_refused_for_many_reasons, 0, 2);
	tcase_add_loop_test(tc, pins_live_until_they_are_dropped_unmapped_or_closed, 0, 2);
	tcase_add_loop_test(tc, accesses_move_between_address_spaces, 0, 2);
	tcase_add_loop_test(tc, an_access_that_does_not_fit_elsewhere_stays, 0, 2);
	tcase_add_loop_test(tc, bytes_move_between_areas_and_the_caller, 0, 4);
	tcase_add_loop_test(tc, areas_can_be_named_by_number_and_offset, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
