// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each kernel knows of emulated devices, addresses that change, and the device itself.
 */
#include "emulated_rig.h"

#include <pthread.h>

#define IOVA UINT64_C(0x100000)

static struct rig rig;

/* ---- addresses that change ---- */

START_TEST(an_emulated_group_keeps_addresses_valid)
{
	rig_start(&rig, _i ? "6.1" : NULL, V0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR),
			 0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_CHECK_EXTENSION, VFIO_UNMAP_ALL), 1);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 4), 4), 0);
	/* Before the range is looked at. */
	ck_assert_int_eq(rig_unmap(&rig, IOVA + 1, 4, VFIO_DMA_UNMAP_FLAG_VADDR), -EBUSY);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 4, VFIO_DMA_UNMAP_FLAG_VADDR), -EBUSY);
	rig_close(&rig, V0);
	ck_assert_int_eq(rig_leave(&rig, V0), 0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR),
			 1);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 4, VFIO_DMA_UNMAP_FLAG_VADDR), 4);
	ck_assert_int_eq(rig_join(&rig, V0), -EBUSY);
	/* A device behind an IOMMU may still want to pin. */
	ck_assert_int_eq(sio_device_on_unmap(rig.dev[A].device, rig_asked, &rig.dev[A]), 0);
	rig_open(&rig, A);
	ck_assert_int_eq(rig_pin_many(&rig, A, IOVA, 1, SIO_PROT_RW), -EBUSY);
	ck_assert_int_eq(sio_device_dma_rw(rig.dev[A].device, NULL, IOVA, &(char){0}, 1, false),
			 -EBUSY);
	rig_halt(&rig);
}
END_TEST

struct waiter {
	unsigned device;
	uint64_t iova;
	bool copies;
	int rc;
	char byte;
};

static void *wait_for_address(void *ctx)
{
	struct waiter *waiter = ctx;
	uint64_t address;

	if (waiter->copies)
		waiter->rc = sio_device_dma_rw(rig.dev[waiter->device].device, NULL, waiter->iova,
					       &waiter->byte, 1, false);
	else
		waiter->rc = sio_device_pin_pages(rig.dev[waiter->device].device, waiter->iova, 1,
						  SIO_PROT_RW, &address);
	return NULL;
}

START_TEST(before_6_2_a_pin_waits_for_the_new_address)
{
	struct waiter pin = {.device = V0, .iova = IOVA},
		      copy = {.device = V0, .iova = IOVA, .copies = true};
	pthread_t threads[2];
	uint64_t va;

	rig_start(&rig, "5.12", V0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR),
			 1);
	va = rig_memory(&rig, 8);
	ck_assert_int_eq(sio_mem_write(rig.process, va + 4 * PAGE, "x", 1), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 4), 0);
	ck_assert_int_eq(rig_map(&rig, 2 * IOVA, va, 4), 0);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 4, VFIO_DMA_UNMAP_FLAG_VADDR), 4);
	/* Other mappings have an address. */
	ck_assert_int_eq(rig_pin_many(&rig, V0, 2 * IOVA, 1, SIO_PROT_RW), 1);
	ck_assert_int_eq(pthread_create(&threads[0], NULL, wait_for_address, &pin), 0);
	ck_assert_int_eq(pthread_create(&threads[1], NULL, wait_for_address, &copy), 0);
	ck_assert_int_eq(rig_map_as(&rig, IOVA, va + 4 * PAGE, 4, VFIO_DMA_MAP_FLAG_VADDR), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(pin.rc, 1);
	ck_assert_int_eq(copy.rc, 0);
	ck_assert_int_eq(copy.byte, 'x');
	/* With the container's file closed nobody can end the wait. */
	ck_assert_int_eq(rig_unmap(&rig, 2 * IOVA, 4, VFIO_DMA_UNMAP_FLAG_VADDR), 4);
	ck_assert_int_eq(sio_close(rig.process, rig.container), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, 2 * IOVA, 1, SIO_PROT_RW), -EFAULT);
	sio_device_unpin_pages(rig.dev[V0].device, IOVA, 1);
	sio_device_unpin_pages(rig.dev[V0].device, 2 * IOVA, 1);
	rig_halt(&rig);
}
END_TEST

/* ---- kernels ---- */

START_TEST(kernels_before_4_10_know_no_emulated_devices)
{
	static const char *const kernels[] = {"2012", "3.11", "rfc2014", "3.14", "4.4"};
	struct sio_device *device;
	uint64_t address;

	rig_boot(&rig, kernels[_i]);
	ck_assert_ptr_null(rig.dev[V0].device);
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "W", NULL, &device), -ENOTTY);
	ck_assert_ptr_null(device);
	ck_assert_int_eq(sio_device_pin_pages(rig.dev[A].device, IOVA, 1, SIO_PROT_RW, &address),
			 -ENOTTY);
	ck_assert_int_eq(sio_device_dma_rw(rig.dev[A].device, NULL, IOVA, &address, 1, false),
			 -ENOTTY);
	rig_halt(&rig);
}
END_TEST

START_TEST(before_5_8_an_emulated_group_must_be_there)
{
	uint64_t byte;

	rig_boot(&rig, _i ? "5.4" : "4.10");
	/* A group in a container is enough, its device need not be open. */
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_RW), -EINVAL);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_int_eq(rig_pin_many(&rig, A, IOVA, 1, SIO_PROT_RW), -EINVAL);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(sio_device_on_unmap(rig.dev[A].device, rig_asked, &rig.dev[A]), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 4), 4), 0);
	rig_open(&rig, A);
	ck_assert_int_eq(rig_pin_many(&rig, A, IOVA, 1, SIO_PROT_RW), -EINVAL);
	ck_assert_int_eq(sio_device_unpin_pages(rig.dev[A].device, IOVA, 1), -EINVAL);
	ck_assert_int_eq(rig_join(&rig, V0), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA), 1);
	ck_assert_int_eq(rig_pin(&rig, A, IOVA), 1);
	ck_assert_uint_eq(rig_locked(&rig), 4);
	ck_assert_int_eq(sio_device_dma_rw(rig.dev[V0].device, NULL, IOVA, &byte, 1, false),
			 -ENOTTY);
	rig_give_back(&rig.dev[V0], 0, UINT64_MAX);
	rig_give_back(&rig.dev[A], 0, UINT64_MAX);
	rig_halt(&rig);
}
END_TEST

START_TEST(accounting_is_alike_in_every_kernel_that_has_it)
{
	static const char *const kernels[] = {"4.10", "4.15", "4.19", "5.1",  "5.4",  "5.8",
					      "5.12", "6.1",  "6.3",  "6.17", "6.18", "7.2"};

	rig_start(&rig, kernels[_i], V0);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 16), 16), 0);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 3 * i * PAGE), 1);
	ck_assert_uint_eq(rig_locked(&rig), 4);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 16);
	rig_give_back(&rig.dev[V0], IOVA, PAGE);
	ck_assert_int_eq(rig_leave(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 3);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 16);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 16, 0), 16);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_zero_page_that_was_replaced_makes_the_kernel_lose_count)
{
	uint64_t va;

	rig_start(&rig, "6.1", V0);
	va = rig_memory(&rig, 4);
	/* Untouched memory of small pages, for reading: the shared zero page, free of charge. */
	ck_assert_int_eq(sio_mem_map(rig.process,
				     &(struct sio_mem){.size = 4 * PAGE,
						       .prot = SIO_PROT_RW,
						       .contiguity = SIO_RUN_4K},
				     &va),
			 0);
	ck_assert_int_eq(rig_map_as(&rig, IOVA, va, 4, VFIO_DMA_MAP_FLAG_READ), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_READ), 1);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	ck_assert_int_eq(sio_mem_write(rig.process, va, "page of its own", 4), 0);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	ck_assert_int_eq(sio_device_unpin_pages(rig.dev[V0].device, IOVA, 1), 1);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 4, 0), 4);
	/* One below zero: what nobody had paid was given back. */
	ck_assert_uint_eq(sio_process_vmlck(rig.process), -UINT64_C(4));
	rig_halt(&rig);
}
END_TEST

START_TEST(device_memory_is_no_page_since_6_0)
{
	uint64_t va, address;

	rig_start(&rig, _i ? "5.12" : "6.12", V0);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	rig_open(&rig, A);
	ck_assert_int_eq(sio_mem_map_fd(rig.process, rig.dev[A].fd, 0, PAGE, 0, &va), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 1), 0);
	ck_assert_int_eq(sio_device_pin_pages(rig.dev[V0].device, IOVA, 1, SIO_PROT_RW, &address),
			 _i ? 1 : -EINVAL);
	rig_audit(&rig);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	if (_i)
		ck_assert_int_eq(sio_device_unpin_pages(rig.dev[V0].device, IOVA, 1), 1);
	rig_halt(&rig);
}
END_TEST

/* ---- the device ---- */

START_TEST(an_emulated_device_has_a_file_and_no_place_on_a_bus)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	struct vfio_device_info info = {.argsz = sizeof(info)};
	struct vfio_region_info region = {.argsz = sizeof(region), .index = 0};
	struct vfio_pci_hot_reset_info reset = {.argsz = sizeof(reset)};
	uint64_t va;
	uint16_t id = 0;

	rig_start(&rig, NULL, V1);
	ck_assert_int_eq(rig_ioctl(&rig, rig.dev[V1].group, VFIO_GROUP_GET_STATUS, &status), 0);
	ck_assert_uint_eq(status.flags, VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
	ck_assert_int_eq(rig_ioctl(&rig, rig.dev[V1].fd, VFIO_DEVICE_GET_INFO, &info), 0);
	ck_assert_uint_eq(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	ck_assert_int_eq(rig_ioctl(&rig, rig.dev[V1].fd, VFIO_DEVICE_GET_REGION_INFO, &region), 0);
	ck_assert_uint_eq(region.flags & VFIO_REGION_INFO_FLAG_MMAP, 0);
	ck_assert_int_eq(sio_mem_map_fd(rig.process, rig.dev[V1].fd, 0, PAGE, 0, &va), -EINVAL);
	ck_assert_int_eq(sio_pread(rig.process, rig.dev[V1].fd, &id, 2, UINT64_C(7) << 40), 2);
	ck_assert_uint_eq(id, 0x1b36);
	ck_assert_int_eq(rig_ioctl(&rig, rig.dev[V1].fd, VFIO_DEVICE_RESET, NULL), 0);
	ck_assert_int_eq(rig_ioctl(&rig, rig.dev[V1].fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
				   &reset),
			 -ENOTTY);
	ck_assert_int_eq(sio_dma_read(rig.dev[V1].device, IOVA, &id, 2, NULL), -EINVAL);
	ck_assert_int_eq(rig_ioctl(&rig, rig.dev[V1].group, VFIO_GROUP_GET_DEVICE_FD,
				   (char[]){"V0"}),
			 -ENODEV);
	rig_halt(&rig);
}
END_TEST

START_TEST(emulated_devices_can_be_made_at_run_time)
{
	struct sio_device *device, *same;
	char path[32];

	rig_boot(&rig, NULL);
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "", NULL, &device), -EINVAL);
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "01:00.0", NULL, &device),
			 -EINVAL);
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "W", "toaster", &device), -EINVAL);
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "W", "bridge", &device), -EINVAL);
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "V0", NULL, &device), -EEXIST);
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "A", NULL, &device), -EEXIST);
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "W", "edu", &device), 0);
	same = sio_device_find(rig.machine, "W");
	ck_assert_ptr_eq(same, device);
	ck_assert_int_eq(sio_device_group(device), sio_device_group(rig.dev[V2].device) + 1);
	ck_assert_str_eq(sio_device_bdf(device), "W");
	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device));
	ck_assert_int_ge(sio_open(rig.process, path), 0);
	ck_assert_int_eq(sio_open(rig.process, path), -1);
	ck_assert_int_eq(errno, EBUSY);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_reset_keeps_the_platforms_devices_and_their_groups)
{
	struct sio_device *device;
	int group, run_time;

	rig_start(&rig, NULL, V0);
	group = sio_device_group(rig.dev[V0].device);
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "W", NULL, &device), 0);
	run_time = sio_device_group(device);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 4), 4), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 2, SIO_PROT_RW), 2);
	ck_assert_int_eq(sio_machine_reset(rig.machine), 0);
	rig_audit(&rig);
	ck_assert_uint_eq(rig_pinned(&rig), 0);
	ck_assert_ptr_eq(sio_device_find(rig.machine, "V0"), rig.dev[V0].device);
	ck_assert_int_eq(sio_device_group(rig.dev[V0].device), group);
	ck_assert_ptr_null(sio_device_find(rig.machine, "W"));
	ck_assert_int_eq(sio_device_create_emulated(rig.machine, "W", NULL, &device), 0);
	ck_assert_int_eq(sio_device_group(device), run_time);
	/* Its driver is as new as the rest: it can be asked by nobody. */
	rig.process = sio_process_create(rig.machine);
	rig.container = sio_open(rig.process, "/dev/vfio/vfio");
	rig.dev[V0].group = -1;
	ck_assert_int_eq(rig_join(&rig, V0), 0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	rig_open(&rig, V0);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 4), 4), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 2, SIO_PROT_RW), -EINVAL);
	/* No kernel driver can be given to it, nor its own taken away. */
	ck_assert_int_eq(sio_device_bind(device, "vfio-pci"), -EINVAL);
	ck_assert_int_eq(sio_device_unbind(device), -ENODEV);
	rig_halt(&rig);
}
END_TEST

START_TEST(between_5_8_and_6_0_only_a_device_alone_in_its_group_pins)
{
	static const char text[] =
		"machine = { ram = \"64M\"; }; units = ( { include-all = true; } );\n"
		"devices = ( { name = \"A\"; bdf = \"00:04.0\"; model = \"edu\"; },\n"
		"  { name = \"B\"; bdf = \"00:04.1\"; model = \"edu\"; } );\n";
	static const struct {
		const char *kernel;
		int rc;
	} cases[] = {{"5.8", -EINVAL}, {"5.12", -EINVAL}, {"6.1", 1}};
	struct sio_machine_cfg cfg = {.platform_text = text, .kernel = cases[_i].kernel};
	uint64_t address;

	memset(&rig, 0, sizeof(rig));
	ck_assert_int_eq(sio_machine_create(&cfg, &rig.machine, NULL, 0), 0);
	rig.process = sio_process_create(rig.machine);
	rig.container = sio_open(rig.process, "/dev/vfio/vfio");
	rig.dev[A] = (struct rig_device){.rig = &rig, .group = -1, .fd = -1};
	rig.dev[A].device = sio_device_find(rig.machine, "A");
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(sio_device_on_unmap(rig.dev[A].device, rig_asked, &rig.dev[A]), 0);
	rig_open(&rig, A);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 1), 1), 0);
	ck_assert_int_eq(sio_device_pin_pages(rig.dev[A].device, IOVA, 1, SIO_PROT_RW, &address),
			 cases[_i].rc);
	sio_device_unpin_pages(rig.dev[A].device, IOVA, 1);
	rig_halt(&rig);
}
END_TEST

static Suite *build_suite(void)
{
	Suite *suite = suite_create("type1 emulated devices, by kernel");
	TCase *addresses = tcase_create("addresses");
	TCase *kernels = tcase_create("kernels");
	TCase *device = tcase_create("device");

	tcase_add_loop_test(addresses, an_emulated_group_keeps_addresses_valid, 0, 2);
	tcase_add_test(addresses, before_6_2_a_pin_waits_for_the_new_address);
	tcase_add_loop_test(kernels, kernels_before_4_10_know_no_emulated_devices, 0, 5);
	tcase_add_loop_test(kernels, before_5_8_an_emulated_group_must_be_there, 0, 2);
	tcase_add_loop_test(kernels, accounting_is_alike_in_every_kernel_that_has_it, 0, 12);
	tcase_add_test(kernels, a_zero_page_that_was_replaced_makes_the_kernel_lose_count);
	tcase_add_loop_test(kernels, device_memory_is_no_page_since_6_0, 0, 2);
	tcase_add_loop_test(kernels, between_5_8_and_6_0_only_a_device_alone_in_its_group_pins, 0,
			    3);
	tcase_add_test(device, an_emulated_device_has_a_file_and_no_place_on_a_bus);
	tcase_add_test(device, emulated_devices_can_be_made_at_run_time);
	tcase_add_test(device, a_reset_keeps_the_platforms_devices_and_their_groups);
	suite_add_tcase(suite, addresses);
	suite_add_tcase(suite, kernels);
	suite_add_tcase(suite, device);
	return suite;
}

int main(void)
{
	Suite *suite = build_suite();

	return run_suite(suite);
}
