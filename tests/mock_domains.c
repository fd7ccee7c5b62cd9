// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains of the mock: marks of dirty pages, page tables of the newer kernel, nested domains and
 * their caches, faults and PASIDs.
 */
#include "mock_rig.h"

#include "harness.h"

/* ---- dirty pages ---- */

static const struct mock_hwpt dirty_hwpt = {.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING};

struct marks {
	uint64_t iova, length, page_size;
	const void *bits;
};

/* Pages marked. */
static long mark(long hwpt, const struct marks *marks)
{
	struct iommu_test_cmd cmd = {
		.id = (uint32_t)hwpt,
		.dirty = {0, marks->iova, marks->length, marks->page_size, (uintptr_t)marks->bits,
			  0},
	};
	long rc = mock_op(IOMMU_TEST_OP_DIRTY, &cmd);

	return rc ? rc : (long)cmd.dirty.out_nr_dirty;
}

static void track(long hwpt, bool on)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = on ? (uint32_t)IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = (uint32_t)hwpt,
	};

	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd), 0);
}

/* Up to 64 bits; no_clear leaves them. */
static uint64_t dirty_bits(long hwpt, uint64_t iova, uint64_t length, uint64_t page_size,
			   bool no_clear)
{
	uint64_t bits = 0;
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = (uint32_t)hwpt,
		.flags = no_clear ? (uint32_t)IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR : 0,
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.data = (uintptr_t)&bits,
	};

	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd), 0);
	return bits;
}

START_TEST(marks_need_a_range_bits_and_tracking)
{
	const uint8_t bits[8] = {1};
	struct marks marks = {FIRST, PAGE, HALF, bits}, bad;
	long hwpt;

	mock_boot(mock_kernels[_i]);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	hwpt = mock_hwpt_alloc(mock.ioas, &dirty_hwpt);
	ck_assert_int_eq(mark(hwpt, &marks), -EINVAL);
	track(hwpt, true);
	ck_assert_int_eq(mark(99, &marks), -ENOENT);
	ck_assert_int_eq(mark(mock.ioas, &marks), -ENOENT);
	bad = marks;
	bad.page_size = 0;
	ck_assert_int_eq(mark(hwpt, &bad), -EINVAL);
	bad = marks;
	bad.length = 0;
	ck_assert_int_eq(mark(hwpt, &bad), -EINVAL);
	bad.length = HALF + 1;
	ck_assert_int_eq(mark(hwpt, &bad), -EINVAL);
	bad = marks;
	bad.iova++;
	ck_assert_int_eq(mark(hwpt, &bad), -EINVAL);
	bad = marks;
	bad.bits = NULL;
	ck_assert_int_eq(mark(hwpt, &bad), -EINVAL);
	bad.bits = bits;
	bad.length = ((UINT64_C(128) << 20) + 1) * HALF;
	ck_assert_int_eq(mark(hwpt, &bad), -EOVERFLOW);
	/* Nothing is mapped: only the newer kernel counts. */
	ck_assert_int_eq(mark(hwpt, &marks), mock.later);
	mock_halt();
}
END_TEST

START_TEST(marks_are_read_once_and_go_with_the_mapping)
{
	const uint8_t bits[] = {0x05, 0x80};
	const struct marks marks = {FIRST, 16 * HALF, HALF, bits};
	uint64_t va;
	long hwpt;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(8 * PAGE);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST, va, 8 * PAGE), 0);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	hwpt = mock_hwpt_alloc(mock.ioas, &dirty_hwpt);
	track(hwpt, true);
	ck_assert_int_eq(mark(hwpt, &marks), 3);
	ck_assert_uint_eq(dirty_bits(hwpt, FIRST, 8 * PAGE, PAGE, true), 0x83);
	/* A page of the newer table has two entries, of which the last is never told. */
	ck_assert_uint_eq(dirty_bits(hwpt, FIRST, 8 * PAGE, HALF, true),
			  mock.later ? 0x4005 : 0x8005);
	ck_assert_uint_eq(dirty_bits(hwpt, FIRST + PAGE, 2 * PAGE, PAGE, false), 0x1);
	ck_assert_uint_eq(dirty_bits(hwpt, FIRST, 8 * PAGE, PAGE, false), 0x81);
	ck_assert_uint_eq(dirty_bits(hwpt, FIRST, 8 * PAGE, PAGE, false), 0);
	ck_assert_int_eq(mark(hwpt, &marks), 3);
	ck_assert_int_eq(mock_unmap(mock.ioas, FIRST, 8 * PAGE), (long)(8 * PAGE));
	ck_assert_int_eq(mock_map(mock.ioas, FIRST, va, 8 * PAGE), 0);
	ck_assert_uint_eq(dirty_bits(hwpt, FIRST, 8 * PAGE, PAGE, false), 0);
	/* Tracking starts anew. */
	ck_assert_int_eq(mark(hwpt, &marks), 3);
	track(hwpt, false);
	track(hwpt, true);
	ck_assert_uint_eq(dirty_bits(hwpt, FIRST, 8 * PAGE, PAGE, false), 0);
	mock_halt();
}
END_TEST

START_TEST(the_page_size_of_a_mark_means_different_things)
{
	const uint8_t bits[] = {0x0f};
	const struct marks marks = {2 * FIRST, 4 * PAGE, PAGE, bits};
	uint64_t va;
	long hwpt;

	mock_boot(mock_kernels[_i]);
	va = mock_memory(4 * PAGE);
	/* 6.12 finds the half page whose number is iova / PAGE. */
	ck_assert_int_eq(mock_map(mock.ioas, mock.later ? 2 * FIRST : FIRST, va, 4 * PAGE), 0);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	hwpt = mock_hwpt_alloc(mock.ioas, &dirty_hwpt);
	track(hwpt, true);
	ck_assert_int_eq(mark(hwpt, &marks), 4);
	ck_assert_uint_eq(dirty_bits(hwpt, mock.later ? 2 * FIRST : FIRST, 4 * PAGE, PAGE, false),
			  mock.later ? 0xf : 0x3);
	mock_halt();
}
END_TEST

START_TEST(huge_pages_are_dirty_as_a_whole)
{
	const struct sio_mem mem = {.size = 4 * MIB, .prot = SIO_PROT_RW, .contiguity = SIO_RUN_2M};
	const struct iommu_hwpt_selftest huge = {0, MOCK_IOMMUPT_HUGE};
	const uint8_t bits[] = {0x04};
	const struct marks marks = {2 * FIRST + MIB, 8 * HALF, HALF, bits};
	struct mock_hwpt how = dirty_hwpt;
	uint64_t va;
	long hwpt;

	mock_boot(mock_kernels[_i]);
	ck_assert_int_eq(sio_mem_map(mock.rig.process, &mem, &va), 0);
	ck_assert_int_eq(mock_map(mock.ioas, 2 * FIRST, va, 4 * MIB), 0);
	if (mock.later) {
		how.type = IOMMU_HWPT_DATA_SELFTEST;
		how.data = &huge;
		how.len = sizeof(huge);
	}
	ck_assert_int_eq(mock_domain(mock.ioas,
				     mock.later ? 0 : (uint32_t)MOCK_FLAGS_DEVICE_HUGE_IOVA),
			 0);
	hwpt = mock_hwpt_alloc(mock.ioas, &how);
	ck_assert_int_gt(hwpt, 0);
	ck_assert_int_eq(mock_check_map(hwpt, 2 * FIRST, 4 * MIB, va), 0);
	track(hwpt, true);
	ck_assert_int_eq(mark(hwpt, &marks), 1);
	ck_assert_uint_eq(dirty_bits(hwpt, 2 * FIRST, 4 * MIB, MIB, true), 0x2);
	ck_assert_uint_eq(dirty_bits(hwpt, 2 * FIRST, 4 * MIB, MIB / 4, true), 0xf0);
	ck_assert_uint_eq(dirty_bits(hwpt, 2 * FIRST + MIB, 64 * PAGE, PAGE, false), UINT64_MAX);
	ck_assert_uint_eq(dirty_bits(hwpt, 2 * FIRST, 4 * MIB, MIB, false), 0);
	mock_halt();
}
END_TEST

START_TEST(page_tables_can_be_chosen_by_the_newer_kernel)
{
	const uint32_t data[3] = {0, MOCK_IOMMUPT_HUGE + 1, 0};
	struct mock_hwpt how = {.type = IOMMU_HWPT_DATA_SELFTEST, .data = data, .len = 8};

	mock_boot(mock_kernels[_i]);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	ck_assert_int_eq(mock_hwpt_alloc(mock.ioas, &how), -EOPNOTSUPP);
	how.len = 4;
	ck_assert_int_eq(mock_hwpt_alloc(mock.ioas, &how), mock.later ? 5 : -EOPNOTSUPP);
	if (mock.later) {
		how.len = 3;
		ck_assert_int_eq(mock_hwpt_alloc(mock.ioas, &how), -EINVAL);
		how.len = 12;
		ck_assert_int_eq(mock_hwpt_alloc(mock.ioas, &how), -EINVAL);
		how.len = 4;
		how.data = NULL;
		ck_assert_int_eq(mock_hwpt_alloc(mock.ioas, &how), -EFAULT);
		how.type = 1;
		ck_assert_int_eq(mock_hwpt_alloc(mock.ioas, &how), -EOPNOTSUPP);
	}
	mock_halt();
}
END_TEST

/* ---- nested domains ---- */

START_TEST(a_nested_domain_remembers_four_numbers)
{
	const struct iommu_hwpt_invalidate_selftest requests[] = {{0, 1}, {0, 3}, {0, 4}, {0, 0}};
	const struct iommu_hwpt_invalidate_selftest unknown = {2, 0}, all = {1, 2};
	const struct mock_hwpt parent_hwpt = {.flags = IOMMU_HWPT_ALLOC_NEST_PARENT};
	uint32_t done = 4;
	long parent, nested;

	mock_boot(mock_kernels[_i]);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	parent = mock_hwpt_alloc(mock.ioas, &parent_hwpt);
	nested = mock_nested(parent, 77, 0);
	ck_assert_int_eq(nested, parent + 1);
	for (uint32_t id = 0; id < 4; id++)
		ck_assert_int_eq(mock_check_iotlb(nested, id, 77), 0);
	ck_assert_int_eq(mock_check_iotlb(nested, 4, 77), -EINVAL);
	ck_assert_int_eq(mock_check_iotlb(nested, 0, 78), -EINVAL);
	ck_assert_int_eq(mock_check_iotlb(parent, 0, 77), -ENOENT);
	ck_assert_int_eq(mock_invalidate(nested, requests, 8, &done), -EINVAL);
	ck_assert_uint_eq(done, 2);
	ck_assert_int_eq(mock_check_iotlb(nested, 0, 77), 0);
	ck_assert_int_eq(mock_check_iotlb(nested, 1, 0), 0);
	ck_assert_int_eq(mock_check_iotlb(nested, 3, 0), 0);
	done = 1;
	ck_assert_int_eq(mock_invalidate(nested, &unknown, 8, &done), -EOPNOTSUPP);
	done = 1;
	ck_assert_int_eq(mock_invalidate(nested, &all, 8, &done), 0);
	ck_assert_int_eq(mock_check_iotlb(nested, 0, 0), 0);
	ck_assert_int_eq(mock_replace(mock.stdev, nested), nested);
	ck_assert_int_eq(mock_destroy(nested), -EBUSY);
	ck_assert_int_eq(mock_nested(parent, 1, 16), -EOPNOTSUPP);
	ck_assert_int_eq(mock_nested(parent, 1, IOMMU_HWPT_ALLOC_PASID) > 0, mock.later);
	mock_halt();
}
END_TEST

static long fault_queue(int *fd)
{
	struct iommu_fault_alloc cmd = {.size = sizeof(cmd)};

	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_FAULT_QUEUE_ALLOC, &cmd), 0);
	*fd = (int)cmd.out_fault_fd;
	return cmd.out_fault_id;
}

static long page_request(uint32_t dev, uint32_t pasid)
{
	struct iommu_test_cmd cmd = {.trigger_iopf = {dev, pasid, 9, 3, 0x5000}};

	return mock_op(IOMMU_TEST_OP_TRIGGER_IOPF, &cmd);
}

START_TEST(a_page_request_goes_where_the_nested_domain_says)
{
	const struct mock_hwpt parent_hwpt = {.flags = IOMMU_HWPT_ALLOC_NEST_PARENT};
	struct iommu_hwpt_pgfault fault;
	const uint32_t iotlb = 1;
	struct mock_hwpt how = {
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.type = IOMMU_HWPT_DATA_SELFTEST,
		.data = &iotlb,
		.len = 4,
	};
	long nested;
	int fd;

	mock_boot(mock_kernels[_i]);
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	how.fault = (uint32_t)fault_queue(&fd);
	nested = mock_hwpt_alloc(mock_hwpt_alloc(mock.ioas, &parent_hwpt), &how);
	ck_assert_int_gt(nested, 0);
	ck_assert_int_eq(page_request(99, 0), -ENOENT);
	ck_assert_int_eq(page_request(mock.stdev, 0), -ENOENT);
	/* Nobody listens, and the device does not learn that. */
	ck_assert_int_eq(page_request(mock.idev, 0), 0);
	ck_assert_int_eq(mock_replace(mock.stdev, nested), nested);
	ck_assert_int_eq(sio_pread(mock.rig.process, fd, &fault, sizeof(fault), 0), 0);
	for (uint32_t pasid = 0; pasid < 6; pasid += 5) {
		ck_assert_int_eq(page_request(mock.idev, pasid), 0);
		ck_assert_int_eq(sio_pread(mock.rig.process, fd, &fault, sizeof(fault), 0),
				 sizeof(fault));
		ck_assert_uint_eq(fault.flags, pasid ? 3 : 2);
		ck_assert_uint_eq(fault.dev_id, mock.idev);
		ck_assert_uint_eq(fault.pasid, pasid);
		ck_assert_uint_eq(fault.grpid, 9);
		ck_assert_uint_eq(fault.perm, 3);
		ck_assert_uint_eq(fault.addr, 0x5000);
	}
	rig_close(&mock.rig, fd);
	mock_halt();
}
END_TEST

/* ---- PASIDs ---- */

static long pasid_op(uint32_t op, uint32_t pasid, long pt)
{
	struct iommu_test_cmd cmd = {.id = mock.stdev, .pasid_attach = {pasid, (uint32_t)pt}};
	long rc = mock_op(op, &cmd);

	return rc ? rc : (long)cmd.pasid_attach.pt_id;
}

START_TEST(pasids_are_attached_replaced_and_looked_at)
{
	const struct mock_hwpt with_pasid = {.flags = IOMMU_HWPT_ALLOC_PASID};
	long one, two;

	mock_boot("7.2");
	ck_assert_int_eq(mock_domain(mock.ioas, MOCK_FLAGS_DEVICE_PASID), 0);
	one = mock_hwpt_alloc(mock.ioas, &with_pasid);
	two = mock_hwpt_alloc(mock.ioas, &with_pasid);
	/* The device's own requests need a domain made for that, too. */
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_ATTACH, 7, one), -EINVAL);
	ck_assert_int_eq(mock_replace(mock.stdev, one), one);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_REPLACE, 7, one), -EINVAL);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_ATTACH, 7, 99), -ENOENT);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_ATTACH, 7, one), one);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_ATTACH, 7, two), -EBUSY);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_CHECK_HWPT, 7, one), one);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_CHECK_HWPT, 7, two), -EINVAL);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_CHECK_HWPT, 7, 0), -EINVAL);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_CHECK_HWPT, 7, 99), -ENOENT);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_CHECK_HWPT, 7, mock.ioas), -EINVAL);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_CHECK_HWPT, 8, 0), 0);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_REPLACE, 7, two), two);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_ATTACH, 1u << 20, one), -EINVAL);
	ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_ATTACH, (1u << 20) - 1, one), one);
	/* It goes with a PASID attached. */
	ck_assert_int_eq(mock_destroy(mock.stdev), 0);
	ck_assert_int_eq(mock_destroy(two), 0);
	for (uint32_t op = IOMMU_TEST_OP_PASID_ATTACH; op <= IOMMU_TEST_OP_PASID_CHECK_HWPT; op++)
		ck_assert_int_eq(pasid_op(op, 7, one), -ENOENT);
	mock_halt();
}
END_TEST

START_TEST(the_reserved_pasid_fails_every_other_time)
{
	const struct mock_hwpt with_pasid = {.flags = IOMMU_HWPT_ALLOC_PASID};
	long hwpt[2];

	mock_boot("7.2");
	ck_assert_int_eq(mock_domain(mock.ioas, MOCK_FLAGS_DEVICE_PASID), 0);
	for (unsigned i = 0; i < 2; i++)
		hwpt[i] = mock_hwpt_alloc(mock.ioas, &with_pasid);
	ck_assert_int_eq(mock_replace(mock.stdev, hwpt[0]), hwpt[0]);
	for (unsigned round = 0; round < 2; round++) {
		ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_ATTACH, 1024, hwpt[0]), hwpt[0]);
		for (unsigned i = 1; i < 5; i++) {
			const long to = hwpt[i % 2], from = hwpt[!(i % 2)];

			ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_REPLACE, 1024, to), -ENOMEM);
			ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_CHECK_HWPT, 1024, from),
					 from);
			ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_REPLACE, 1024, to), to);
		}
		ck_assert_int_eq(pasid_op(IOMMU_TEST_OP_PASID_DETACH, 1024, 0), 0);
	}
	mock_halt();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mock domains");
	TCase *tc = tcase_create("domains");

	tcase_add_loop_test(tc, marks_need_a_range_bits_and_tracking, 0, 2);
	tcase_add_loop_test(tc, marks_are_read_once_and_go_with_the_mapping, 0, 2);
	tcase_add_loop_test(tc, the_page_size_of_a_mark_means_different_things, 0, 2);
	tcase_add_loop_test(tc, huge_pages_are_dirty_as_a_whole, 0, 2);
	tcase_add_loop_test(tc, page_tables_can_be_chosen_by_the_newer_kernel, 0, 2);
	tcase_add_loop_test(tc, a_nested_domain_remembers_four_numbers, 0, 2);
	tcase_add_loop_test(tc, a_page_request_goes_where_the_nested_domain_says, 0, 2);
	tcase_add_test(tc, pasids_are_attached_replaced_and_looked_at);
	tcase_add_test(tc, the_reserved_pasid_fails_every_other_time);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
