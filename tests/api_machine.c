// SPDX-License-Identifier: GPL-2.0-only
/* The public API as its first users meet it: machines, memory, DMA, faults, failure plans, audits.
 */
#include "api_client.h"

#include <pthread.h>

START_TEST(two_machines_in_one_program_do_not_mix)
{
	struct client a = client_open(client_machine(NULL), "A");
	struct client b =
		client_open(client_machine(&(struct sio_machine_cfg){.platform = "vtd39"}), "A");
	uint64_t va = client_memory(&a, MIB), vb = client_memory(&b, MIB);
	char in_a[8] = "", in_b[8] = "";
	struct sio_stats stats;

	ck_assert_int_eq(client_map(&a, MIB, va, MIB), 0);
	ck_assert_int_eq(client_map(&b, MIB, vb, MIB), 0);
	ck_assert_int_eq(sio_dma_write(a.device, MIB, "in a", 5, NULL), 0);
	ck_assert_int_eq(sio_dma_write(b.device, MIB, "in b", 5, NULL), 0);
	ck_assert_int_eq(sio_mem_read(a.process, va, in_a, 5), 0);
	ck_assert_int_eq(sio_mem_read(b.process, vb, in_b, 5), 0);
	ck_assert_str_eq(in_a, "in a");
	ck_assert_str_eq(in_b, "in b");
	ck_assert_int_eq(client_unmap(&b, 0, 2 * MIB), MIB);
	sio_stats(a.machine, &stats);
	ck_assert_uint_eq(stats.mappings, 1);
	sio_machine_destroy(b.machine);
	client_audit(&a);
	ck_assert_int_eq(sio_dma_read(a.device, MIB, in_a, 5, NULL), 0);
	sio_machine_destroy(a.machine);
}
END_TEST

START_TEST(blocked_dma_names_unit_requester_and_page)
{
	struct client c = client_open(client_machine(NULL), "A");
	struct sio_fault fault, logged;
	char byte = 0;

	ck_assert(!sio_fault_next(c.machine, &logged));
	ck_assert_int_eq(sio_dma_write(c.device, 0x12345678, &byte, 1, &fault), -EACCES);
	ck_assert_str_eq(fault.unit, "dmar0");
	ck_assert_str_eq(fault.requester, "0000:01:00.0");
	ck_assert_uint_eq(fault.reason, 5);
	ck_assert_uint_eq(fault.address, 0x12345000);
	ck_assert(!fault.is_read);
	ck_assert(sio_fault_next(c.machine, &logged));
	ck_assert_str_eq(logged.unit, fault.unit);
	ck_assert_str_eq(logged.requester, fault.requester);
	ck_assert_uint_eq(logged.reason, fault.reason);
	ck_assert_uint_eq(logged.address, fault.address);
	ck_assert(!logged.is_read);
	ck_assert(!sio_fault_next(c.machine, &logged));
	ck_assert_int_eq(sio_dma_read(c.device, 0, &byte, 1, &fault), -EACCES);
	ck_assert_uint_eq(fault.reason, 6);
	ck_assert(fault.is_read);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(a_device_below_a_bridge_is_named_by_the_bridge)
{
	struct client c = client_open(client_machine(NULL), "E");
	struct sio_fault fault;
	char byte;

	ck_assert_int_eq(sio_dma_read(c.device, 0, &byte, 1, &fault), -EACCES);
	ck_assert_str_eq(fault.requester, "0000:05:00.0");
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(dma_stops_at_the_first_page_that_is_not_mapped)
{
	struct client c = client_open(client_machine(NULL), "A");
	uint64_t va = client_memory(&c, 0x2000);
	char buf[0x2000], back[0x1000];
	struct sio_fault fault;

	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(client_map(&c, 0x1000, va, 0x1000), 0);
	ck_assert_int_eq(sio_dma_write(c.device, 0x1800, buf, 0x1000, &fault), -EACCES);
	ck_assert_uint_eq(fault.address, 0x2000);
	ck_assert_int_eq(sio_mem_read(c.process, va, back, sizeof(back)), 0);
	ck_assert_int_eq(back[0x7ff], 0);
	ck_assert_int_eq(memcmp(back + 0x800, buf, 0x800), 0);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(unmapped_memory_is_out_of_reach)
{
	struct client c = client_open(client_machine(NULL), "A");
	uint64_t va = client_memory(&c, 4 * MIB);
	char byte;

	ck_assert_int_eq(client_map(&c, 0, va, 4 * MIB), 0);
	ck_assert_int_eq(sio_dma_read(c.device, 2 * MIB, &byte, 1, NULL), 0);
	ck_assert_int_eq(client_unmap(&c, 0, 4 * MIB), 4 * MIB);
	ck_assert_int_eq(sio_dma_read(c.device, 2 * MIB, &byte, 1, NULL), -EACCES);
	client_audit(&c);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(a_forgotten_invalidation_shows_as_a_stale_translation)
{
	struct sio_machine_cfg cfg = {.strict = true};
	struct client c = client_open(client_machine(&cfg), "A");
	uint64_t va = client_memory(&c, 0x1000);
	struct sio_stale stale;
	char byte, error[128], text[160];

	ck_assert_int_eq(client_map(&c, 0x5000, va, 0x1000), 0);
	ck_assert_int_eq(sio_dma_read(c.device, 0x5000, &byte, 1, NULL), 0);
	ck_assert(!sio_stale_next(c.machine, &stale));
	ck_assert_int_eq(sio_inject(c.machine, "drv.skip-iotlb:nth=1", error, sizeof(error)), 0);
	ck_assert_int_eq(client_unmap(&c, 0x5000, 0x1000), 0x1000);
	/* As silicon would, the unit goes on using what it has cached. */
	ck_assert_int_eq(sio_dma_read(c.device, 0x5008, &byte, 1, NULL), 0);
	ck_assert(sio_stale_next(c.machine, &stale));
	ck_assert_uint_eq(stale.iova, 0x5008);
	ck_assert_uint_lt(stale.mapped_by, stale.unmapped_by);
	snprintf(text, sizeof(text),
		 "IOTLB of dmar0 still translates 0x5000 for 01:00.0; mapped by operation %llu, "
		 "unmapped "
		 "by operation %llu, which did not invalidate",
		 (unsigned long long)stale.mapped_by, (unsigned long long)stale.unmapped_by);
	ck_assert_str_eq(stale.text, text);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(a_child_shares_files_and_outlives_its_parent)
{
	struct client c = client_open(client_machine(NULL), "A");
	uint64_t va = client_memory(&c, 0x1000);
	struct sio_process *child;
	char byte;

	ck_assert_int_eq(client_map(&c, 0, va, 0x1000), 0);
	child = sio_process_fork(c.process);
	ck_assert_ptr_nonnull(child);
	sio_process_exit(c.process);
	client_audit(&c);
	ck_assert_int_eq(sio_dma_read(c.device, 0, &byte, 1, NULL), 0);
	ck_assert_int_eq(sio_ioctl(child, c.container, VFIO_GET_API_VERSION, NULL),
			 VFIO_API_VERSION);
	sio_process_exit(child);
	ck_assert_int_ne(sio_dma_read(c.device, 0, &byte, 1, NULL), 0);
	client_audit(&c);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(an_ordinary_user_has_a_limit)
{
	struct client c = client_open(client_machine(NULL), "A");
	uint64_t va = client_memory(&c, MIB);

	sio_process_set_caps(c.process, 0);
	sio_process_set_memlock(c.process, 0x8000);
	ck_assert_int_eq(client_map(&c, 0, va, 0x9000), -ENOMEM);
	ck_assert_int_eq(client_map(&c, 0, va, 0x8000), 0);
	ck_assert_uint_eq(sio_process_vmlck(c.process), 32);
	ck_assert_uint_eq(sio_process_vmpin(c.process), 0);
	ck_assert_int_eq(client_unmap(&c, 0, 0x8000), 0x8000);
	ck_assert_uint_eq(sio_process_vmlck(c.process), 0);
	client_audit(&c);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(bad_calls_answer_as_the_kernel_does)
{
	struct client c = client_open(client_machine(NULL), "A");
	char byte;

	ck_assert_int_eq(sio_ioctl(c.process, 99, VFIO_GET_API_VERSION, NULL), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(sio_close(c.process, -1), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(sio_open(c.process, "/dev/null"), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(sio_open(c.process, "/dev/vfio/4294967296"), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(sio_open(c.process, "/dev/vfio/06"), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(client_open_group(&c, "A"), -1);
	ck_assert_int_eq(errno, EBUSY);
	ck_assert_int_eq(sio_ioctl(c.process, c.container, VFIO_IOMMU_MAP_DMA, (void *)0x1000), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(sio_ioctl(c.process, c.container, VFIO_IOMMU_MAP_DMA, (void *)~0xfffUL),
			 -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(sio_ioctl(c.process, c.container, 0x3bff, NULL), -1);
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_int_eq(sio_pread(c.process, c.container, &byte, 1, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_close(c.process, c.container), 0);
	ck_assert_int_eq(sio_close(c.process, c.container), -1);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(memory_is_that_of_a_process)
{
	struct sio_machine *machine = client_machine(NULL);
	struct client c = {.machine = machine, .process = sio_process_create(machine)};
	uint64_t first = client_memory(&c, 0x1001), second = client_memory(&c, 0x1000), address;
	struct sio_mem fixed = {.address = 0x7000, .size = 0x1000, .prot = SIO_PROT_READ};
	char byte = 1;

	ck_assert_uint_ge(second, first + 0x2000);
	ck_assert_int_eq(sio_mem_write(c.process, first + 0x1fff, &byte, 1), 0);
	ck_assert_int_eq(sio_mem_write(c.process, first + 0x2000, &byte, 1), -EFAULT);
	ck_assert_int_eq(sio_mem_map(c.process, &fixed, &address), 0);
	ck_assert_uint_eq(address, 0x7000);
	ck_assert_int_eq(sio_mem_write(c.process, 0x7000, &byte, 1), -EFAULT);
	ck_assert_int_eq(sio_mem_protect(c.process, 0x7000, 0x1000, SIO_PROT_RW), 0);
	ck_assert_int_eq(sio_mem_write(c.process, 0x7000, &byte, 1), 0);
	ck_assert_int_eq(sio_mem_discard(c.process, 0x7000, 0x1000), 0);
	ck_assert_int_eq(sio_mem_read(c.process, 0x7000, &byte, 1), 0);
	ck_assert_int_eq(byte, 0);
	ck_assert_int_eq(sio_mem_lock(c.process, 0x7000, 0x1000), 0);
	ck_assert_uint_eq(sio_process_vmlck(c.process), 4);
	ck_assert_int_eq(sio_mem_unlock(c.process, 0x7000, 0x1000), 0);
	ck_assert_int_eq(sio_mem_unmap(c.process, 0x7000, 0x1000), 0);
	ck_assert_int_eq(sio_mem_read(c.process, 0x7000, &byte, 1), -EFAULT);
	fixed.address = 0x7001;
	ck_assert_int_eq(sio_mem_map(c.process, &fixed, &address), -EINVAL);
	fixed = (struct sio_mem){.size = UINT64_MAX};
	ck_assert_int_eq(sio_mem_map(c.process, &fixed, &address), -EINVAL);
	ck_assert_int_eq(sio_mem_map(c.process, &(struct sio_mem){.size = 0}, &address), -EINVAL);
	client_audit(&c);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(one_device_reaches_the_registers_of_another)
{
	struct client c = client_open(client_machine(NULL), "A");
	struct vfio_region_info region = {.argsz = sizeof(region), .index = 0};
	uint32_t identity = 0, command = 6;
	uint64_t va;

	ck_assert_int_eq(sio_ioctl(c.process, c.fd, VFIO_DEVICE_GET_REGION_INFO, &region), 0);
	ck_assert_uint_eq(region.size, MIB);
	/* Memory decoding and bus mastering on, through configuration space. */
	ck_assert_int_eq(sio_pwrite(c.process, c.fd, &command, 2,
				    ((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + 4),
			 2);
	ck_assert_int_eq(sio_mem_map_fd(c.process, c.fd, region.offset, MIB, 0, &va), 0);
	ck_assert_int_eq(client_map(&c, 0, va, MIB), 0);
	ck_assert_int_eq(sio_dma_read(c.device, 0, &identity, 4, NULL), 0);
	ck_assert_uint_eq(identity, 0x010000ed);
	ck_assert_int_eq(sio_mem_map_fd(c.process, 99, 0, MIB, 0, &va), -EBADF);
	ck_assert_int_eq(sio_mem_map_fd(c.process, c.container, 0, MIB, 0, &va), -ENODEV);
	client_audit(&c);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(plans_and_parameters_are_checked)
{
	struct client c = client_open(client_machine(NULL), "A");
	uint64_t va = client_memory(&c, MIB);
	char error[128];

	ck_assert_int_eq(sio_inject(c.machine, "no.such:nth=1", error, sizeof(error)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "no.such:nth=1"));
	ck_assert_int_eq(sio_inject(c.machine, "type1.pin:nth=1,errno=EFAULT", error,
				    sizeof(error)),
			 0);
	ck_assert_int_eq(client_map(&c, 0, va, MIB), -EFAULT);
	client_audit(&c);
	ck_assert_int_eq(client_map(&c, 0, va, MIB), 0);
	ck_assert_int_eq(sio_inject(c.machine, "", error, sizeof(error)), 0);
	ck_assert_int_eq(sio_param(c.machine, "dma_entry_limit", 2), 0);
	ck_assert_int_eq(sio_param(c.machine, "disable_hugepages", 2), -EINVAL);
	ck_assert_int_eq(sio_param(c.machine, "no_such", 0), -EINVAL);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(statistics_count_what_is_there)
{
	struct client c = client_open(client_machine(NULL), "A");
	uint64_t va = client_memory(&c, MIB);
	struct sio_stats before, after;
	char byte;

	sio_stats(c.machine, &before);
	ck_assert_int_eq(client_map(&c, 0, va, MIB), 0);
	ck_assert_int_eq(sio_dma_read(c.device, MIB, &byte, 1, NULL), -EACCES);
	sio_stats(c.machine, &after);
	ck_assert_uint_eq(after.operations, before.operations + 2);
	ck_assert_uint_eq(after.mappings, 1);
	ck_assert_uint_eq(after.domains, 1);
	ck_assert_uint_eq(after.locked_pages, 256);
	ck_assert_uint_eq(after.pinned_pages, 256);
	ck_assert_uint_eq(after.faults, before.faults + 1);
	ck_assert_uint_gt(after.table_pages, before.table_pages);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(a_flood_of_faults_loses_none_that_a_record_holds)
{
	struct client c = client_open(client_machine(NULL), "A");
	struct sio_fault fault;
	unsigned seen = 0;
	char byte;

	for (uint64_t page = 0; page < 500; page++)
		ck_assert_int_eq(sio_dma_read(c.device, page << 12, &byte, 1, NULL), -EACCES);
	for (; sio_fault_next(c.machine, &fault); seen++)
		ck_assert_uint_eq(fault.address, (uint64_t)seen << 12);
	ck_assert_uint_eq(seen, 500);
	sio_machine_destroy(c.machine);
}
END_TEST

START_TEST(an_eventfd_counts_interrupts)
{
	struct client c = client_open(client_machine(NULL), "A");
	int event = sio_eventfd(c.process);
	uint64_t count = 7;
	char set[sizeof(struct vfio_irq_set) + sizeof(int)] = "";
	struct vfio_irq_set *irqs = (struct vfio_irq_set *)(void *)set;

	*irqs = (struct vfio_irq_set){
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = 1,
	};
	memcpy(irqs->data, &event, sizeof(event));
	ck_assert_int_eq(sio_ioctl(c.process, c.fd, VFIO_DEVICE_SET_IRQS, irqs), 0);
	ck_assert_int_eq(sio_eventfd_read(c.process, event, &count), 0);
	ck_assert_uint_eq(count, 0);
	irqs->argsz = sizeof(*irqs);
	irqs->flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sio_ioctl(c.process, c.fd, VFIO_DEVICE_SET_IRQS, irqs), 0);
	ck_assert_int_eq(sio_eventfd_read(c.process, event, &count), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(sio_eventfd_read(c.process, c.fd, &count), -EINVAL);
	ck_assert_int_eq(sio_eventfd_read(c.process, 99, &count), -EBADF);
	sio_machine_destroy(c.machine);
}
END_TEST

/* ---- DMA from other threads ---- */

struct dma_thread {
	struct client *client;
	struct sio_port *port;
	bool *stop;
	uint64_t done, blocked;
};

static void *dma_forever(void *ctx)
{
	struct dma_thread *thread = ctx;
	uint64_t word;

	while (!__atomic_load_n(thread->stop, __ATOMIC_RELAXED)) {
		int rc = sio_port_dma(thread->port, thread->client->device,
				      8 * (thread->done % 512), &word, 8, false, NULL);

		if (rc == 0)
			thread->done++;
		else
			thread->blocked++;
	}
	return NULL;
}

START_TEST(other_threads_do_dma_while_memory_is_mapped_and_unmapped)
{
	struct client c = client_open(client_machine(NULL), "A");
	uint64_t va = client_memory(&c, MIB);
	struct dma_thread threads[2];
	pthread_t id[2];
	bool stop = false;

	for (int i = 0; i < 2; i++) {
		threads[i] = (struct dma_thread){&c, sio_port_create(c.machine), &stop, 0, 0};
		ck_assert_ptr_nonnull(threads[i].port);
		ck_assert_int_eq(pthread_create(&id[i], NULL, dma_forever, &threads[i]), 0);
	}
	for (int round = 0; round < 300; round++) {
		ck_assert_int_eq(client_map(&c, 0, va, MIB), 0);
		ck_assert_int_eq(client_unmap(&c, 0, MIB), MIB);
	}
	ck_assert_int_eq(client_map(&c, 0, va, MIB), 0);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++) {
		pthread_join(id[i], NULL);
		sio_port_destroy(threads[i].port);
	}
	client_audit(&c);
	sio_machine_destroy(c.machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api machine");
	TCase *tc = tcase_create("api");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, two_machines_in_one_program_do_not_mix);
	tcase_add_test(tc, blocked_dma_names_unit_requester_and_page);
	tcase_add_test(tc, a_device_below_a_bridge_is_named_by_the_bridge);
	tcase_add_test(tc, dma_stops_at_the_first_page_that_is_not_mapped);
	tcase_add_test(tc, unmapped_memory_is_out_of_reach);
	tcase_add_test(tc, a_forgotten_invalidation_shows_as_a_stale_translation);
	tcase_add_test(tc, a_child_shares_files_and_outlives_its_parent);
	tcase_add_test(tc, an_ordinary_user_has_a_limit);
	tcase_add_test(tc, bad_calls_answer_as_the_kernel_does);
	tcase_add_test(tc, memory_is_that_of_a_process);
	tcase_add_test(tc, one_device_reaches_the_registers_of_another);
	tcase_add_test(tc, plans_and_parameters_are_checked);
	tcase_add_test(tc, statistics_count_what_is_there);
	tcase_add_test(tc, a_flood_of_faults_loses_none_that_a_record_holds);
	tcase_add_test(tc, an_eventfd_counts_interrupts);
	tcase_add_test(tc, other_threads_do_dma_while_memory_is_mapped_and_unmapped);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
