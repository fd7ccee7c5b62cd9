// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the selftest interface of the newer kernel has beside domains: vIOMMUs with a window, caches
 * of devices, events and queues, and DMA buffers.
 */
#include "mock_rig.h"

#include "harness.h"

static long parent;

/* A device, a parent. */
static void boot(void)
{
	const struct mock_hwpt parent_hwpt = {.flags = IOMMU_HWPT_ALLOC_NEST_PARENT};

	mock_boot("7.2");
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	parent = mock_hwpt_alloc(mock.ioas, &parent_hwpt);
	ck_assert_int_gt(parent, 0);
}

static long viommu_alloc(uint32_t type, void *data, uint32_t len)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = type,
		.dev_id = mock.idev,
		.hwpt_id = (uint32_t)parent,
		.data_len = len,
		.data_uptr = (uintptr_t)data,
	};
	long rc = rig_ioctl(&mock.rig, mock.f, IOMMU_VIOMMU_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_viommu_id;
}

static long vdevice_alloc(long viommu, uint64_t virt_id)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = (uint32_t)viommu,
		.dev_id = mock.idev,
		.virt_id = virt_id,
	};
	long rc = rig_ioctl(&mock.rig, mock.f, IOMMU_VDEVICE_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_vdevice_id;
}

/* ---- the window ---- */

START_TEST(a_window_shows_what_the_program_said)
{
	struct iommu_viommu_selftest data = {.in_data = 0xabcd};
	uint8_t longer[32] = {0};
	uint64_t va;
	uint32_t word;
	long viommu;

	boot();
	ck_assert_int_eq(viommu_alloc(1, NULL, 0), -EOPNOTSUPP);
	ck_assert_int_eq(viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, &data, 7), -EINVAL);
	ck_assert_int_eq(viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, longer, 25), -EINVAL);
	ck_assert_int_eq(viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, (void *)BAD_PTR, 24), -EFAULT);
	viommu = viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, &data, 8);
	ck_assert_int_gt(viommu, 0);
	ck_assert_uint_eq(data.out_data, 0xabcd);
	ck_assert_uint_eq(data.out_mmap_length, 0);
	ck_assert_int_eq(mock_destroy(viommu), 0);
	viommu = viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, &data, sizeof(data));
	ck_assert_uint_eq(data.out_mmap_offset, PAGE);
	ck_assert_uint_eq(data.out_mmap_length, 2 * PAGE);
	ck_assert_int_eq(sio_mem_map_fd(mock.rig.process, mock.f, PAGE, PAGE, 0, &va), -ENXIO);
	ck_assert_int_eq(sio_mem_map_fd(mock.rig.process, mock.f, PAGE, 2 * PAGE, 0, &va), 0);
	ck_assert_int_eq(sio_mem_read(mock.rig.process, va, &word, 4), 0);
	ck_assert_uint_eq(word, 0xabcd);
	ck_assert_int_eq(sio_mem_read(mock.rig.process, va + 2 * PAGE - 4, &word, 4), 0);
	ck_assert_uint_eq(word, 0);
	ck_assert_int_eq(mock_destroy(viommu), -EBUSY);
	ck_assert_int_eq(sio_mem_unmap(mock.rig.process, va, 2 * PAGE), 0);
	ck_assert_int_eq(mock_destroy(viommu), 0);
	mock_halt();
}
END_TEST

/* ---- caches of devices ---- */

START_TEST(requests_reach_devices_by_their_virtual_numbers)
{
	const uint32_t def = IOMMU_TEST_DEV_CACHE_DEFAULT;
	const struct iommu_viommu_invalidate_selftest some[] = {{0, 5, 1}, {0, 5, 4}, {0, 5, 2}};
	const struct iommu_viommu_invalidate_selftest bad[] = {{2, 5, 9},
							       {0, 5, 4},
							       {0, 6, 0},
							       {1, 5, 4}};
	static const int why[] = {-EOPNOTSUPP, -EINVAL, -EINVAL, -EINVAL};
	const struct iommu_viommu_invalidate_selftest all = {1, 5, 0};
	uint32_t wide[4] = {0, 5, 3, 0}, done;
	long viommu;

	boot();
	viommu = viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, NULL, 0);
	ck_assert_int_gt(vdevice_alloc(viommu, 5), 0);
	for (uint32_t id = 0; id < 4; id++)
		ck_assert_int_eq(mock_check_cache(mock.idev, id, def), 0);
	ck_assert_int_eq(mock_check_cache(mock.idev, 4, def), -EINVAL);
	ck_assert_int_eq(mock_check_cache(mock.idev, 0, 0), -EINVAL);
	ck_assert_int_eq(mock_check_cache(mock.stdev, 0, def), -ENOENT);
	done = 3;
	ck_assert_int_eq(mock_invalidate(viommu, some, 12, &done), -EINVAL);
	ck_assert_uint_eq(done, 1);
	ck_assert_int_eq(mock_check_cache(mock.idev, 1, 0), 0);
	ck_assert_int_eq(mock_check_cache(mock.idev, 2, def), 0);
	for (unsigned i = 0; i < 4; i++) {
		done = 1;
		ck_assert_int_eq(mock_invalidate(viommu, &bad[i], 12, &done), why[i]);
		ck_assert_uint_eq(done, 0);
	}
	/* Longer entries with nothing in the tail, shorter ones that lack the last field. */
	done = 1;
	ck_assert_int_eq(mock_invalidate(viommu, wide, 16, &done), 0);
	ck_assert_int_eq(mock_check_cache(mock.idev, 3, 0), 0);
	wide[3] = 1;
	ck_assert_int_eq(mock_invalidate(viommu, wide, 16, &done), -E2BIG);
	done = 1;
	ck_assert_int_eq(mock_invalidate(viommu, wide, 8, &done), 0);
	ck_assert_int_eq(mock_check_cache(mock.idev, 0, 0), 0);
	ck_assert_int_eq(mock_invalidate(viommu, (void *)BAD_PTR, 12, &done), -EFAULT);
	ck_assert_uint_eq(done, 0);
	ck_assert_int_eq(mock_invalidate(viommu, NULL, 0, &done), 0);
	done = 1;
	ck_assert_int_eq(mock_invalidate(viommu, &all, 12, &done), 0);
	ck_assert_int_eq(mock_check_cache(mock.idev, 2, 0), 0);
	mock_halt();
}
END_TEST

/* ---- events ---- */

static long event(uint32_t dev)
{
	struct iommu_test_cmd cmd = {.trigger_vevent = {dev}};

	return mock_op(IOMMU_TEST_OP_TRIGGER_VEVENT, &cmd);
}

START_TEST(events_name_the_device_as_it_was_when_attached)
{
	struct iommu_veventq_alloc queue = {
		.size = sizeof(queue),
		.type = IOMMU_VEVENTQ_TYPE_SELFTEST,
		.veventq_depth = 4,
	};
	struct {
		struct iommufd_vevent_header header;
		uint32_t virt_id;
	} got;
	long viommu, vdev, nested;

	boot();
	viommu = viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, NULL, 0);
	nested = mock_nested(viommu, 1, 0);
	ck_assert_int_gt(nested, 0);
	ck_assert_int_eq(event(99), -ENOENT);
	ck_assert_int_eq(event(mock.idev), -ENOENT);
	/* It has no name there. */
	ck_assert_int_eq(mock_replace(mock.stdev, nested), -ENOENT);
	vdev = vdevice_alloc(viommu, UINT64_C(0x100000007));
	ck_assert_int_eq(mock_replace(mock.stdev, nested), nested);
	ck_assert_int_eq(event(mock.idev), -EOPNOTSUPP);
	queue.viommu_id = (uint32_t)viommu;
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_VEVENTQ_ALLOC, &queue), 0);
	ck_assert_int_eq(mock_destroy(vdev), 0);
	ck_assert_int_eq(vdevice_alloc(viommu, 8), vdev);
	ck_assert_int_eq(event(mock.idev), 0);
	ck_assert_int_eq(sio_pread(mock.rig.process, (int)queue.out_veventq_fd, &got, sizeof(got),
				   0),
			 12);
	ck_assert_uint_eq(got.header.sequence, 0);
	ck_assert_uint_eq(got.virt_id, 7);
	ck_assert_int_eq(mock_replace(mock.stdev, parent), parent);
	ck_assert_int_eq(event(mock.idev), -ENOENT);
	ck_assert_int_eq(mock_replace(mock.stdev, nested), nested);
	ck_assert_int_eq(event(mock.idev), 0);
	ck_assert_int_eq(sio_pread(mock.rig.process, (int)queue.out_veventq_fd, &got, sizeof(got),
				   0),
			 12);
	ck_assert_uint_eq(got.virt_id, 8);
	rig_close(&mock.rig, (int)queue.out_veventq_fd);
	mock_halt();
}
END_TEST

START_TEST(a_device_called_zero_has_no_events)
{
	long viommu, nested;

	boot();
	viommu = viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, NULL, 0);
	nested = mock_nested(viommu, 1, 0);
	ck_assert_int_gt(vdevice_alloc(viommu, 0), 0);
	ck_assert_int_eq(mock_replace(mock.stdev, nested), nested);
	ck_assert_int_eq(event(mock.idev), -ENOENT);
	mock_halt();
}
END_TEST

/* ---- queues ---- */

static long hw_queue(long viommu, uint32_t index)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = (uint32_t)viommu,
		.type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
		.index = index,
		.nesting_parent_iova = FIRST,
		.length = PAGE,
	};
	long rc = rig_ioctl(&mock.rig, mock.f, IOMMU_HW_QUEUE_ALLOC, &cmd);

	return rc ? rc : (long)cmd.out_hw_queue_id;
}

START_TEST(queues_come_in_rising_order_and_go_in_falling)
{
	long viommu, queue[2];

	boot();
	viommu = viommu_alloc(IOMMU_VIOMMU_TYPE_SELFTEST, NULL, 0);
	ck_assert_int_eq(hw_queue(viommu, 0), -ENOENT);
	ck_assert_int_eq(mock_map(mock.ioas, FIRST, mock_memory(PAGE), PAGE), 0);
	ck_assert_int_eq(hw_queue(viommu, 2), -EINVAL);
	ck_assert_int_eq(hw_queue(viommu, 1), -EIO);
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 2; i++) {
			queue[i] = hw_queue(viommu, i);
			ck_assert_int_gt(queue[i], 0);
			ck_assert_int_eq(hw_queue(viommu, i), -EEXIST);
		}
		ck_assert_int_eq(mock_destroy(queue[0]), -EBUSY);
		ck_assert_int_eq(mock_destroy(queue[1]), 0);
		ck_assert_int_eq(mock_destroy(queue[0]), 0);
	}
	mock_halt();
}
END_TEST

/* ---- DMA buffers ---- */

static long dmabuf_get(uint32_t length)
{
	struct iommu_test_cmd cmd = {.dmabuf_get = {length, 0}};

	return mock_op(IOMMU_TEST_OP_DMABUF_GET, &cmd);
}

static long dmabuf_revoke(long fd, bool revoked)
{
	struct iommu_test_cmd cmd = {.dmabuf_revoke = {(int)fd, revoked}};

	return mock_op(IOMMU_TEST_OP_DMABUF_REVOKE, &cmd);
}

static long map_file(long fd, uint64_t start, uint64_t length)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = (uint32_t)mock.ioas,
		.fd = (int)fd,
		.start = start,
		.length = length,
	};

	return rig_ioctl(&mock.rig, mock.f, IOMMU_IOAS_MAP_FILE, &cmd);
}

START_TEST(a_dma_buffer_is_judged_when_it_is_mapped)
{
	struct iommu_ioas_change_process change = {.size = sizeof(change)};
	long fd;

	mock_boot("7.2");
	/* With a domain and without. */
	if (_i)
		ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	ck_assert_int_eq(dmabuf_get(0), -EINVAL);
	ck_assert_int_eq(dmabuf_get(2 * MIB + 1), -EINVAL);
	ck_assert_int_eq(dmabuf_get(UINT32_MAX), -EINVAL);
	fd = dmabuf_get(3 * PAGE + 1);
	ck_assert_int_gt(fd, 0);
	ck_assert_int_eq(dmabuf_revoke(99, true), -EBADF);
	ck_assert_int_eq(dmabuf_revoke(mock.f, true), -EINVAL);
	ck_assert_int_eq(map_file(fd, 0, 4 * PAGE + HALF), -EINVAL);
	ck_assert_int_eq(map_file(fd, 4 * PAGE, PAGE), -EINVAL);
	ck_assert_int_eq(map_file(fd, PAGE, 3 * PAGE), 0);
	ck_assert_uint_eq(sio_process_vmpin(mock.rig.process), _i ? 12 : 0);
	ck_assert_int_eq(rig_ioctl(&mock.rig, mock.f, IOMMU_IOAS_CHANGE_PROCESS, &change), -EINVAL);
	ck_assert_int_eq(dmabuf_revoke(fd, true), 0);
	ck_assert_int_eq(map_file(fd, 0, PAGE), -ENODEV);
	ck_assert_int_eq(dmabuf_revoke(fd, false), 0);
	ck_assert_int_eq(map_file(fd, 0, PAGE), 0);
	rig_close(&mock.rig, (int)fd);
	mock_halt();
}
END_TEST

START_TEST(dma_buffers_of_all_sizes)
{
	long fd;

	mock_boot("7.2");
	ck_assert_int_eq(mock_domain(mock.ioas, 0), 0);
	for (uint32_t pages = 1; pages <= 512; pages += pages < 16 ? 1 : 31) {
		fd = dmabuf_get(pages * (uint32_t)PAGE);
		ck_assert_int_gt(fd, 0);
		ck_assert_int_eq(map_file(fd, 0, pages * PAGE), 0);
		rig_close(&mock.rig, (int)fd);
	}
	mock_halt();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mock viommu");
	TCase *tc = tcase_create("later operations");

	tcase_add_test(tc, a_window_shows_what_the_program_said);
	tcase_add_test(tc, requests_reach_devices_by_their_virtual_numbers);
	tcase_add_test(tc, events_name_the_device_as_it_was_when_attached);
	tcase_add_test(tc, a_device_called_zero_has_no_events);
	tcase_add_test(tc, queues_come_in_rising_order_and_go_in_falling);
	tcase_add_loop_test(tc, a_dma_buffer_is_judged_when_it_is_mapped, 0, 2);
	tcase_add_test(tc, dma_buffers_of_all_sizes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
