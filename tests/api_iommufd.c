// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that uses iommufd through the public API: devices by their nodes, mappings, DMA, page
 * requests, and what the machine says of all that.
 */
#include <poll.h>

#include "iommufd_client.h"

#include "harness.h"

static const char *const platforms[] = {"vtd48", "vtd48sm", "vtd57nest", "amdvi", "amdvi-full"};

static struct rig rig;

static void boot(const char *kernel, const char *platform)
{
	struct sio_machine_cfg cfg = {.kernel = kernel, .platform = platform, .strict = true};
	char error[256];

	ck_assert_msg(sio_machine_create(&cfg, &rig.machine, error, sizeof(error)) == 0, "%s",
		      error);
	rig.process = sio_process_create(rig.machine);
	ck_assert_ptr_nonnull(rig.process);
}

static void halt(void)
{
	struct sio_stale stale;

	ck_assert_msg(!sio_stale_next(rig.machine, &stale), "%s", stale.text);
	rig_halt(&rig);
}

START_TEST(open_bind_map_attach_dma_unmap)
{
	static const char *const kernels[] = {"6.3", "6.12", "6.17", "7.2"};
	int f, d;
	long ioas;
	uint64_t va;

	boot(kernels[_i / 5], platforms[_i % 5]);
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ioas = rig_ioas(&rig, f);
	va = rig_memory(&rig, 4 * MIB);
	rig_poke(&rig, va, 0x1111);
	rig_poke(&rig, va + 2 * MIB, 0x2222);
	ck_assert_int_eq(rig_ioas_map(&rig, f, ioas, 0x200000, va, 2 * MIB), 0);
	ck_assert(!rig_dma_reads(&rig, "A", 0x200000, 0));
	ck_assert_int_eq(rig_attach(&rig, d, ioas), ioas + 1);
	ck_assert(rig_dma_reads(&rig, "A", 0x200000, 0x1111));
	ck_assert_int_eq(rig_ioas_map(&rig, f, ioas, 0x400000, va + 2 * MIB, 2 * MIB), 0);
	ck_assert(rig_dma_reads(&rig, "A", 0x400000, 0x2222));
	ck_assert_uint_eq(sio_process_vmpin(rig.process), 4096);
	ck_assert_int_eq(rig_ioas_unmap(&rig, f, ioas, 0x200000, 2 * MIB), 2 * MIB);
	ck_assert(!rig_dma_reads(&rig, "A", 0x200000, 0));
	ck_assert(rig_dma_reads(&rig, "A", 0x400000, 0x2222));
	ck_assert_uint_eq(sio_process_vmpin(rig.process), 2048);
	ck_assert_int_eq(rig_detach(&rig, d), 0);
	ck_assert(!rig_dma_reads(&rig, "A", 0x400000, 0));
	halt();
}
END_TEST

START_TEST(memory_is_named_by_the_process_and_the_rest_by_the_program)
{
	struct iommu_iova_range ranges[8];
	struct iommu_ioas_iova_ranges query = {.size = sizeof(query),
					       .num_iovas = 8,
					       .allowed_iovas = (uintptr_t)ranges};
	int f, d;
	long ioas;

	boot(NULL, "vtd48");
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ioas = rig_ioas(&rig, f);
	ck_assert_int_eq(rig_attach(&rig, d, ioas), 3);
	query.ioas_id = (uint32_t)ioas;
	ck_assert_int_eq(rig_ioctl(&rig, f, IOMMU_IOAS_IOVA_RANGES, &query), 0);
	ck_assert_uint_eq(query.num_iovas, 2);
	ck_assert_uint_eq(ranges[0].last, 0xfedfffff);
	ck_assert_uint_eq(ranges[1].last, 0xffffffffffff);
	query.allowed_iovas = 8;
	ck_assert_int_eq(rig_ioctl(&rig, f, IOMMU_IOAS_IOVA_RANGES, &query), -EFAULT);
	/* The program's own memory is not the simulated process's. */
	ck_assert_int_eq(rig_ioas_map(&rig, f, ioas, 0, (uintptr_t)ranges & ~UINT64_C(0xfff), 4096),
			 -EFAULT);
	ck_assert_int_eq(rig_ioctl(&rig, f, IOMMU_IOAS_ALLOC, NULL), -EFAULT);
	ck_assert_int_eq(rig_ioctl(&rig, f, 0x1234, NULL), -ENOTTY);
	halt();
}
END_TEST

START_TEST(statistics_and_audits_know_of_it)
{
	struct sio_stats stats;
	int f, d;
	long ioas;

	boot(NULL, "vtd48");
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ioas = rig_ioas(&rig, f);
	ck_assert_int_eq(rig_ioas_map(&rig, f, ioas, 0, rig_memory(&rig, MIB), MIB), 0);
	sio_stats(rig.machine, &stats);
	ck_assert_uint_eq(stats.iommufd_objects, 2);
	ck_assert_uint_eq(stats.mappings, 1);
	ck_assert_uint_eq(stats.domains, 0);
	ck_assert_uint_eq(stats.pinned_pages, 0);
	ck_assert_int_eq(rig_attach(&rig, d, ioas), 3);
	sio_stats(rig.machine, &stats);
	ck_assert_uint_eq(stats.iommufd_objects, 3);
	ck_assert_uint_eq(stats.domains, 1);
	ck_assert_uint_eq(stats.pinned_pages, 256);
	ck_assert_uint_eq(stats.locked_pages, 0);
	halt();
}
END_TEST

/* The same page by a type1 container and an iommufd: two pins. */
START_TEST(type1_and_iommufd_pin_beside_each_other)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map), .flags = 3, .size = MIB};
	struct sio_stats stats;
	int f, d;
	long ioas;

	rig_boot(&rig, "vtd48", NULL);
	rig_open(&rig, "B", NULL);
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	map.vaddr = rig_memory(&rig, MIB);
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_MAP_DMA, &map), 0);
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ioas = rig_ioas(&rig, f);
	ck_assert_int_eq(rig_ioas_map(&rig, f, ioas, 0, map.vaddr, MIB), 0);
	ck_assert_int_eq(rig_ioas_map(&rig, f, ioas, MIB, map.vaddr, 4096), 0);
	ck_assert_int_eq(rig_attach(&rig, d, ioas), 3);
	sio_stats(rig.machine, &stats);
	ck_assert_uint_eq(stats.pinned_pages, 256 + 256 + 1);
	ck_assert_uint_eq(stats.mappings, 3);
	rig_audit(&rig);
	rig_close(&rig, d);
	sio_stats(rig.machine, &stats);
	ck_assert_uint_eq(stats.pinned_pages, 256);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_machine_ends_with_everything_open)
{
	int f, d, group;
	long ioas;

	boot(NULL, "vtd48");
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ioas = rig_ioas(&rig, f);
	ck_assert_int_eq(rig_ioas_map(&rig, f, ioas, 0, rig_memory(&rig, MIB), MIB), 0);
	ck_assert_int_eq(rig_attach(&rig, d, ioas), 3);
	ck_assert_int_ge(rig_cdev(&rig, "A"), 0);
	group = rig_group(&rig, "B");
	ck_assert_int_eq(rig_join(&rig, group, f), 0);
	ck_assert_int_ge(rig_device(&rig, group, "B"), 0);
	ck_assert_ptr_nonnull(sio_process_fork(rig.process));
	halt();
}
END_TEST

START_TEST(a_child_shares_the_files)
{
	struct sio_process *parent, *child;
	uint64_t va;
	int f, d;
	long ioas;

	boot(NULL, "vtd48");
	parent = rig.process;
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	va = rig_memory(&rig, MIB);
	rig_poke(&rig, va, 0x99);
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ioas = rig_ioas(&rig, f);
	ck_assert_int_eq(rig_ioas_map(&rig, f, ioas, 0, va, MIB), 0);
	ck_assert_int_eq(rig_attach(&rig, d, ioas), 3);
	child = sio_process_fork(parent);
	ck_assert_ptr_nonnull(child);
	sio_process_exit(parent);
	rig.process = child;
	ck_assert(rig_dma_reads(&rig, "A", 0, 0x99));
	ck_assert_int_eq(rig_detach(&rig, d), 0);
	/* The memory was the parent's. */
	ck_assert_int_eq(rig_attach(&rig, d, ioas), -EFAULT);
	halt();
}
END_TEST

START_TEST(poll_answers_for_each_kind_of_file)
{
	int f, d, event;

	boot(NULL, "vtd48");
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	event = sio_eventfd(rig.process);
	ck_assert_int_eq(sio_poll(rig.process, f), POLLIN | POLLOUT);
	ck_assert_int_eq(sio_poll(rig.process, d), POLLIN | POLLOUT);
	ck_assert_int_eq(sio_poll(rig.process, event), POLLOUT);
	ck_assert_int_eq(sio_poll(rig.process, 99), -1);
	ck_assert_int_eq(errno, EBADF);
	halt();
}
END_TEST

START_TEST(only_windows_of_a_driver_can_be_mapped)
{
	uint64_t address;

	boot("7.2", "vtd48");
	ck_assert_int_eq(sio_mem_map_fd(rig.process, rig_iommufd(&rig), 0x1000, 0x1000, 0,
					&address),
			 -ENXIO);
	sio_machine_destroy(rig.machine);
	boot("6.12", "vtd48");
	ck_assert_int_eq(sio_mem_map_fd(rig.process, rig_iommufd(&rig), 0x1000, 0x1000, 0,
					&address),
			 -ENODEV);
	halt();
}
END_TEST

START_TEST(interrupts_without_isolation_need_a_parameter)
{
	int f, d;

	boot(NULL, "vtd48noir");
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	ck_assert_int_eq(rig_bind(&rig, d, f), -EPERM);
	ck_assert_int_eq(sio_param(rig.machine, "iommufd.allow_unsafe_interrupts", 2), -EINVAL);
	ck_assert_int_eq(sio_param(rig.machine, "iommufd.allow_unsafe_interrupts", 1), 0);
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	halt();
}
END_TEST

/* ---- page requests ---- */

/* A HWPT with a fault queue, attached: its id; *queue is the queue's file. */
static long attach_with_queue(int f, int d, long ioas, int *queue)
{
	struct iommu_fault_alloc fault = {.size = sizeof(fault)};
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = 1,
		.pt_id = (uint32_t)ioas,
	};

	ck_assert_int_eq(rig_ioctl(&rig, f, IOMMU_FAULT_QUEUE_ALLOC, &fault), 0);
	*queue = (int)fault.out_fault_fd;
	alloc.fault_id = fault.out_fault_id;
	ck_assert_int_eq(rig_ioctl(&rig, f, IOMMU_HWPT_ALLOC, &alloc), 0);
	ck_assert_int_eq(rig_attach(&rig, d, alloc.out_hwpt_id), alloc.out_hwpt_id);
	return alloc.out_hwpt_id;
}

START_TEST(a_page_request_is_read_answered_and_the_device_goes_on)
{
	const struct sio_page_request request = {
		.iova = 0x123000, .read = true, .write = true, .last = true, .group = 7};
	struct iommu_hwpt_page_response response = {.code = IOMMUFD_PAGE_RESP_SUCCESS};
	struct iommu_hwpt_pgfault fault;
	struct sio_device *a;
	unsigned code;
	uint16_t group;
	int f, d, queue;
	long ioas;

	boot("7.2,no_prq_pasid_only", "vtd57nest");
	a = sio_device_find(rig.machine, "A");
	f = rig_iommufd(&rig);
	d = rig_cdev(&rig, "A");
	ck_assert_int_eq(rig_bind(&rig, d, f), 1);
	ioas = rig_ioas(&rig, f);
	ck_assert_int_eq(sio_page_request(a, &request), -ENODEV);
	attach_with_queue(f, d, ioas, &queue);
	ck_assert_int_eq(sio_poll(rig.process, queue), POLLOUT);
	ck_assert_int_eq(sio_page_request(a, &request), 0);
	ck_assert_int_eq(sio_poll(rig.process, queue), POLLIN | POLLRDNORM | POLLOUT);
	ck_assert_int_eq(sio_pread(rig.process, queue, &fault, sizeof(fault), 0), sizeof(fault));
	ck_assert_uint_eq(fault.flags, IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	ck_assert_uint_eq(fault.dev_id, 1);
	ck_assert_uint_eq(fault.grpid, 7);
	ck_assert_uint_eq(fault.perm, IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_WRITE);
	ck_assert_uint_eq(fault.addr, 0x123000);
	ck_assert_uint_eq(fault.cookie, 1);
	ck_assert_int_eq(sio_poll(rig.process, queue), POLLOUT);
	ck_assert(!sio_page_response_next(a, &group, &code));
	response.cookie = fault.cookie;
	ck_assert_int_eq(sio_pwrite(rig.process, queue, &response, sizeof(response), 0),
			 sizeof(response));
	ck_assert(sio_page_response_next(a, &group, &code));
	ck_assert_uint_eq(group, 7);
	ck_assert_uint_eq(code, 0);
	/* One that waits when the device is detached is refused. */
	ck_assert_int_eq(sio_page_request(a, &request), 0);
	ck_assert_int_eq(rig_detach(&rig, d), 0);
	ck_assert_int_eq(sio_page_request(a, &request), -ENODEV);
	ck_assert_int_eq(sio_pread(rig.process, queue, &fault, sizeof(fault), 0), 0);
	halt();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api iommufd");
	TCase *tc = tcase_create("program");

	tcase_add_loop_test(tc, open_bind_map_attach_dma_unmap, 0, 20);
	tcase_add_test(tc, memory_is_named_by_the_process_and_the_rest_by_the_program);
	tcase_add_test(tc, statistics_and_audits_know_of_it);
	tcase_add_test(tc, type1_and_iommufd_pin_beside_each_other);
	tcase_add_test(tc, a_machine_ends_with_everything_open);
	tcase_add_test(tc, a_child_shares_the_files);
	tcase_add_test(tc, poll_answers_for_each_kind_of_file);
	tcase_add_test(tc, only_windows_of_a_driver_can_be_mapped);
	tcase_add_test(tc, interrupts_without_isolation_need_a_parameter);
	tcase_add_test(tc, a_page_request_is_read_answered_and_the_device_goes_on);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
