// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated devices in a container: who may pin what, what it costs beside groups behind an IOMMU,
 * and who is asked for pages.
 */
#include "emulated_rig.h"

#define IOVA UINT64_C(0x100000)

static struct rig rig;

/* ---- mappings and pins ---- */

START_TEST(mappings_of_emulated_groups_pin_and_cost_nothing)
{
	struct vfio_iommu_type1_info info = {.argsz = sizeof(info)};
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 16);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 16), 0);
	/* Without a domain there is no aperture: any address will do. */
	ck_assert_int_eq(rig_map(&rig, UINT64_C(1) << 60, va, 16), 0);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	ck_assert_uint_eq(rig_pinned(&rig), 0);
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info), 0);
	ck_assert_uint_eq(info.iova_pgsizes, ~UINT64_C(0xfff));
	/* MIGRATION and DMA_AVAIL, no IOVA_RANGE. */
	ck_assert_uint_eq(info.argsz, 24 + 32 + 16);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU),
			 1);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 16, 0), 16);
	ck_assert_uint_eq(rig.dev[V0].asked, 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_page_is_charged_once_however_often_it_is_pinned)
{
	uint64_t va, address, again, where;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 4);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 4), 0);
	ck_assert_int_eq(rig_map(&rig, 2 * IOVA, va, 4), 0);
	ck_assert_int_eq(sio_device_pin_pages(rig.dev[V0].device, IOVA + PAGE, 1, SIO_PROT_RW,
					      &address),
			 1);
	ck_assert_int_eq(sio_mem_physical(rig.process, va + PAGE, &where), 0);
	ck_assert_uint_eq(address, where);
	ck_assert_int_eq(sio_device_pin_pages(rig.dev[V0].device, IOVA + PAGE, 1, SIO_PROT_READ,
					      &again),
			 1);
	ck_assert_uint_eq(again, address);
	ck_assert_uint_eq(rig_locked(&rig), 1);
	ck_assert_uint_eq(rig_pinned(&rig), 1);
	/* The same page through another mapping is another pin. */
	ck_assert_int_eq(rig_pin_many(&rig, V0, 2 * IOVA + PAGE, 1, SIO_PROT_RW), 1);
	ck_assert_uint_eq(rig_locked(&rig), 2);
	ck_assert_uint_eq(rig_pinned(&rig), 2);
	rig_audit(&rig);
	for (uint64_t left = 2; left; left--) {
		ck_assert_int_eq(sio_device_unpin_pages(rig.dev[V0].device, IOVA + PAGE, 1), 1);
		ck_assert_uint_eq(rig_locked(&rig), left);
	}
	/* A page that is not pinned is passed over; where no mapping is, the call stops. */
	ck_assert_int_eq(sio_device_unpin_pages(rig.dev[V0].device, IOVA, 8), 4);
	ck_assert_int_eq(sio_device_unpin_pages(rig.dev[V0].device, 5 * IOVA, 1), -EINVAL);
	ck_assert_int_eq(sio_device_unpin_pages(rig.dev[V0].device, 2 * IOVA, 2), 2);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_pin_is_refused_in_the_kernels_order)
{
	struct sio_device *device;

	rig_boot(&rig, NULL);
	device = rig.dev[V0].device;
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_RW), -EINVAL); /* not open */
	ck_assert_int_eq(sio_device_unpin_pages(device, IOVA, 1), -EINVAL);
	ck_assert_int_eq(rig_join(&rig, V0), 0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_RW),
			 -EINVAL); /* still not open */
	rig_open(&rig, V0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 0, SIO_PROT_RW), -EINVAL);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA + 1, 1, SIO_PROT_RW), -EINVAL);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 513, SIO_PROT_RW), -E2BIG);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_RW), -EINVAL); /* no mapping */
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, 4), -EINVAL);
	ck_assert_int_eq(sio_device_on_unmap(device, NULL, NULL), -EBUSY);
	ck_assert_int_eq(rig_map_as(&rig, IOVA, rig_memory(&rig, 600), 600, VFIO_DMA_MAP_FLAG_READ),
			 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_WRITE), -EPERM);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 512, SIO_PROT_READ), 512);
	ck_assert_int_eq(sio_device_unpin_pages(device, IOVA, 512), 512);
	/* Nobody could be asked for the page. */
	rig_close(&rig, V0);
	ck_assert_int_eq(sio_device_on_unmap(device, NULL, NULL), 0);
	rig_open(&rig, V0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_READ), -EINVAL);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(type1_version_one_has_no_pins)
{
	rig_boot(&rig, NULL);
	ck_assert_int_eq(rig_join(&rig, V0), 0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	rig_open(&rig, V0);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 1), 1), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 513, SIO_PROT_RW), -E2BIG);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_RW), -EACCES);
	ck_assert_int_eq(sio_device_unpin_pages(rig.dev[V0].device, IOVA, 1), -EACCES);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_pin_that_fails_in_the_middle_leaves_nothing)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 8);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 8), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 6 * PAGE), 1);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA + 4 * PAGE, 5, SIO_PROT_RW), -EINVAL);
	rig_audit(&rig);
	ck_assert_uint_eq(rig_locked(&rig), 1);
	ck_assert_int_eq(sio_mem_unmap(rig.process, va + 5 * PAGE, PAGE), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 7, SIO_PROT_RW), -EFAULT);
	rig_audit(&rig);
	ck_assert_uint_eq(rig_locked(&rig), 1);
	ck_assert_uint_eq(rig_pinned(&rig), 1);
	rig_halt(&rig);
}
END_TEST

START_TEST(the_limit_counts_without_a_domain_only)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 8);
	sio_process_set_caps(rig.process, 0);
	sio_process_set_memlock(rig.process, 2 * PAGE);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 2), 0);
	ck_assert_int_eq(rig_map(&rig, 2 * IOVA, va, 4), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, 2 * IOVA, 3, SIO_PROT_RW), -ENOMEM);
	ck_assert_int_eq(rig_pin_many(&rig, V0, 2 * IOVA, 2, SIO_PROT_RW), 2);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_RW), -ENOMEM);
	ck_assert_uint_eq(rig_locked(&rig), 2);
	/* The group behind an IOMMU would need four pages more; two are paid for. */
	ck_assert_int_eq(rig_join(&rig, A), -ENOMEM);
	ck_assert_uint_eq(rig_locked(&rig), 2);
	sio_process_set_memlock(rig.process, 6 * PAGE);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 6);
	sio_process_set_memlock(rig.process, 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 2, SIO_PROT_RW), 2);
	ck_assert_uint_eq(rig_locked(&rig), 6);
	/* CAP_IPC_LOCK counts as it was when the mapping was made. */
	sio_process_set_caps(rig.process, SIO_CAP_IPC_LOCK);
	ck_assert_int_eq(rig_leave(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 4);
	ck_assert_int_eq(rig_pin_many(&rig, V0, 2 * IOVA + 2 * PAGE, 1, SIO_PROT_RW), -ENOMEM);
	ck_assert_int_eq(rig_map(&rig, 3 * IOVA, va, 1), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, 3 * IOVA, 1, SIO_PROT_RW), 1);
	rig_audit(&rig);
	sio_device_unpin_pages(rig.dev[V0].device, IOVA, 2);
	sio_device_unpin_pages(rig.dev[V0].device, 2 * IOVA, 2);
	sio_device_unpin_pages(rig.dev[V0].device, 3 * IOVA, 1);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	rig_halt(&rig);
}
END_TEST

/* ---- beside groups behind an IOMMU ---- */

START_TEST(pages_that_devices_hold_are_not_charged_again)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 16);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 16), 0);
	for (unsigned i = 0; i < 16; i += 5)
		ck_assert_int_eq(rig_pin(&rig, V0, IOVA + i * PAGE), 1);
	ck_assert_uint_eq(rig_locked(&rig), 4);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 16);
	ck_assert_uint_eq(rig_pinned(&rig), 20);
	/* From now on the charge is the IOMMU's. */
	rig_give_back(&rig.dev[V0], IOVA, PAGE);
	ck_assert_uint_eq(rig_locked(&rig), 16);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + PAGE), 1);
	ck_assert_uint_eq(rig_locked(&rig), 16);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 16, 0), 16);
	ck_assert_uint_eq(rig.dev[V0].asked, 1);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	ck_assert_uint_eq(rig_pinned(&rig), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(the_last_domain_goes_and_pins_are_charged_anew)
{
	struct vfio_iommu_type1_info info = {.argsz = sizeof(info)};
	uint64_t va;
	uint8_t byte = 7;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 16);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_int_eq(rig_join(&rig, B), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 16), 0);
	ck_assert_int_eq(rig_map(&rig, 2 * IOVA, va, 4), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 4 * i * PAGE), 1);
	ck_assert_uint_eq(rig_locked(&rig), 20);
	ck_assert_int_eq(rig_leave(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 20);
	ck_assert_int_eq(sio_dma_write(rig.dev[B].device, IOVA, &byte, 1, NULL), 0);
	ck_assert_int_eq(rig_leave(&rig, B), 0);
	ck_assert_uint_eq(rig_locked(&rig), 3);
	ck_assert_uint_eq(rig_pinned(&rig), 3);
	ck_assert_int_eq(sio_dma_write(rig.dev[B].device, IOVA, &byte, 1, NULL), -EACCES);
	/* The list of usable addresses stays, as one range of everything. */
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info), 0);
	ck_assert_uint_eq(info.argsz, 24 + 32 + 16 + 16 + 16);
	/* And back again. */
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 20);
	ck_assert_int_eq(sio_dma_read(rig.dev[A].device, IOVA, &byte, 1, NULL), 0);
	ck_assert_int_eq(byte, 7);
	ck_assert_int_eq(rig_leave(&rig, A), 0);
	rig_give_back(&rig.dev[V0], 0, UINT64_MAX);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(mappings_end_with_the_last_group_of_either_kind)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 4);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 4), 0);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_int_eq(rig_join(&rig, V1), 0);
	ck_assert_int_eq(rig_leave(&rig, V0), -EBUSY); /* its device is open */
	rig_close(&rig, V0);
	ck_assert_int_eq(rig_leave(&rig, V0), 0);
	ck_assert_int_eq(rig_leave(&rig, V1), 0);
	ck_assert_uint_eq(rig_locked(&rig), 4);
	ck_assert_int_eq(rig_join(&rig, V0), 0);
	ck_assert_int_eq(rig_leave(&rig, A), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 4), -EEXIST);
	ck_assert_int_eq(rig_leave(&rig, V0), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 4), -EINVAL); /* no driver any more */
	ck_assert_int_eq(rig_join(&rig, V0), 0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 4), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_replay_that_fails_gives_back_what_it_charged)
{
	char plan[48];
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 8);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(rig_map(&rig, (i + 1) * IOVA, va, 8), 0);
	for (unsigned i = 0; i < 8; i += 3)
		ck_assert_int_eq(rig_pin(&rig, V0, 2 * IOVA + i * PAGE), 1);
	/* The second mapping is pinned page by page. */
	for (unsigned nth = 1; nth <= 10; nth++) {
		snprintf(plan, sizeof(plan), "type1.pin:nth=%u,errno=EFAULT", nth);
		ck_assert_int_eq(sio_inject(rig.machine, plan, NULL, 0), 0);
		ck_assert_int_eq(rig_join(&rig, A), -EFAULT);
		ck_assert_uint_eq(rig_locked(&rig), 3);
		ck_assert_uint_eq(rig_pinned(&rig), 3);
	}
	ck_assert_int_eq(sio_inject(rig.machine, "", NULL, 0), 0);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 24);
	rig_halt(&rig);
}
END_TEST

START_TEST(before_5_9_a_replay_that_fails_leaves_its_pages)
{
	uint64_t va;

	rig_start(&rig, "5.8", V0);
	va = rig_memory(&rig, 8);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(rig_map(&rig, (i + 1) * IOVA, va, 8), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, 2 * IOVA + 2 * PAGE), 1);
	/* Two mappings stay, with one page that is paid for already; the third fails. */
	ck_assert_int_eq(sio_inject(rig.machine, "iommu.map:nth=8,errno=ENOMEM", NULL, 0), 0);
	ck_assert_int_eq(rig_join(&rig, A), -ENOMEM);
	ck_assert_uint_eq(rig_locked(&rig), 1 + 8 + 7);
	ck_assert_uint_eq(rig_pinned(&rig), 1 + 8 + 8);
	/* Everything else goes on as if they had never been. */
	ck_assert_int_eq(sio_inject(rig.machine, "", NULL, 0), 0);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_uint_eq(rig_locked(&rig), 24 + 8 + 7);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 1024, 0), 24);
	ck_assert_uint_eq(rig_locked(&rig), 8 + 7);
	ck_assert_uint_eq(rig_pinned(&rig), 8 + 8);
	rig_halt(&rig);
}
END_TEST

START_TEST(an_aperture_is_not_tested_against_older_mappings)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 1);
	ck_assert_int_eq(rig_map(&rig, UINT64_C(1) << 45, va, 1), 0);
	/* 39 bits are too few: the IOMMU's own answer, after the page was pinned. */
	ck_assert_int_eq(rig_join(&rig, B), -EFAULT);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	ck_assert_uint_eq(rig_pinned(&rig), 0);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	/* Now there is a list. */
	ck_assert_int_eq(rig_join(&rig, B), -EINVAL);
	rig_halt(&rig);
}
END_TEST

/* ---- UNMAP asks ---- */

START_TEST(unmap_asks_for_the_whole_mapping_and_no_other)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 8);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(rig_map(&rig, IOVA + 8 * i * PAGE, va, 8), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 9 * PAGE), 1);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 9 * PAGE), 1);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 31 * PAGE), 1);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 20, 0), -EINVAL); /* cuts the third */
	ck_assert_uint_eq(rig.dev[V0].asked, 0);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 24, 0), 24);
	ck_assert_uint_eq(rig.dev[V0].asked, 1);
	ck_assert_uint_eq(rig.dev[V0].asked_iova, IOVA + 8 * PAGE);
	ck_assert_uint_eq(rig.dev[V0].asked_size, 8 * PAGE);
	ck_assert_uint_eq(rig_locked(&rig), 1);
	ck_assert_int_eq(rig_unmap(&rig, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 8);
	ck_assert_uint_eq(rig.dev[V0].asked, 2);
	ck_assert_uint_eq(rig_locked(&rig), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_driver_that_keeps_its_pages_is_asked_eleven_times)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 8);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 4), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA + 4 * PAGE, va, 4), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 4 * PAGE), 1);
	rig.dev[V0].stubborn = true;
	/* A kernel dies here. What came before the mapping is gone. */
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 8, 0), -EFAULT);
	ck_assert_uint_eq(rig.dev[V0].asked, 11);
	rig.dev[V0].stubborn = false;
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 8, 0), 4);
	ck_assert_uint_eq(rig.dev[V0].asked, 12);
	rig_halt(&rig);
}
END_TEST

static const struct {
	const char *kernel;
	unsigned first, last; /* to be asked, when V0 was opened before V1 */
} orders[] = {{"6.12", V1, V0}, {"6.1", V1, V0}, {"5.12", V0, V1}, {"4.10", V0, V1}};

START_TEST(every_open_device_is_asked_in_the_kernels_order)
{
	rig_start(&rig, orders[_i].kernel, V0);
	ck_assert_int_eq(rig_join(&rig, V1), 0);
	ck_assert_int_eq(rig_join(&rig, V2), 0);
	rig_open(&rig, V1);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 4), 4), 0);
	ck_assert_int_eq(rig_pin(&rig, V1, IOVA), 1);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA), 1);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 4, 0), 4);
	ck_assert_uint_eq(rig.order_count, 2);
	ck_assert_uint_eq(rig.order[0], orders[_i].first);
	ck_assert_uint_eq(rig.order[1], orders[_i].last);
	rig_halt(&rig);
}
END_TEST

/* While it is asked, a driver does as it likes. */
static void unmaps_the_other(struct rig_device *dev)
{
	rig_give_back(dev, 0, UINT64_MAX);
	if (dev->asked == 1)
		ck_assert_int_eq(rig_unmap(dev->rig, IOVA, 8, 0), 4);
}

static void maps_across(struct rig_device *dev)
{
	rig_give_back(dev, 0, UINT64_MAX);
	ck_assert_int_eq(rig_unmap(dev->rig, IOVA + 4 * PAGE, 4, 0), 4);
	ck_assert_int_eq(rig_map(dev->rig, IOVA + 4 * PAGE, dev->rig->dev[V0].asked_iova, 8), 0);
}

static void closes_everything(struct rig_device *dev)
{
	struct rig *r = dev->rig;

	rig_give_back(dev, 0, UINT64_MAX);
	sio_close(r->process, dev->fd);
	sio_close(r->process, dev->group);
	sio_close(r->process, r->container);
}

static void ends_the_process(struct rig_device *dev)
{
	rig_give_back(dev, 0, UINT64_MAX);
	sio_process_exit(dev->rig->process);
}

START_TEST(the_container_may_change_while_a_driver_is_asked)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 8);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 4), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA + 4 * PAGE, va, 4), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 5 * PAGE), 1);
	rig.dev[V0].when_asked = unmaps_the_other;
	/* The first mapping was removed before; the second one by the driver, in its own call. */
	ck_assert_int_eq(rig_map(&rig, IOVA + 8 * PAGE, va, 4), 0);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 12, 0), 8);

	/* What is cut by now ends the call quietly. */
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 4), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA + 4 * PAGE, va, 4), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 4 * PAGE), 1);
	rig.dev[V0].when_asked = maps_across;
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 8, 0), 4);
	rig_halt(&rig);
}
END_TEST

START_TEST(the_container_may_end_while_a_driver_is_asked)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .iova = IOVA,
						   .size = 4 * PAGE};

	rig_start(&rig, NULL, V0);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 8), 4), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA), 1);
	rig.dev[V0].when_asked = _i ? ends_the_process : closes_everything;
	ck_assert_int_eq(sio_ioctl(rig.process, rig.container, VFIO_IOMMU_UNMAP_DMA, &unmap), 0);
	ck_assert_uint_eq(unmap.size, 0);
	ck_assert_uint_eq(rig_pinned(&rig), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(what_is_pinned_at_the_end_stays_pinned_and_charged)
{
	rig_start(&rig, NULL, V0);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 4), 4), 0);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 3, SIO_PROT_RW), 3);
	rig_close(&rig, V0);
	rig_audit(&rig);
	ck_assert_int_eq(rig_leave(&rig, V0), 0);
	ck_assert_uint_eq(rig_locked(&rig), 3);
	ck_assert_uint_eq(rig_pinned(&rig), 3);
	rig_halt(&rig);
}
END_TEST

/* ---- every failure once ---- */

START_TEST(every_failure_of_a_pin_leaves_the_container_as_it_was)
{
	static const char *const points[] = {"alloc", "pin"};
	char plan[32];
	int rc;

	rig_start(&rig, NULL, V0);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 8), 8), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + PAGE), 1);
	for (unsigned nth = 1;; nth++) {
		snprintf(plan, sizeof(plan), "%s:nth=%u", points[_i], nth);
		ck_assert_int_eq(sio_inject(rig.machine, plan, NULL, 0), 0);
		rc = rig_pin_many(&rig, V0, IOVA, 4, SIO_PROT_RW);
		rig_audit(&rig);
		if (rc > 0)
			break;
		ck_assert_int_eq(rc, _i ? -EFAULT : -ENOMEM);
		ck_assert_uint_eq(rig_locked(&rig), 1);
		ck_assert_uint_eq(rig_pinned(&rig), 1);
		ck_assert_uint_le(nth, 12);
	}
	ck_assert_uint_eq(rig_locked(&rig), 4);
	ck_assert_int_eq(sio_inject(rig.machine, "", NULL, 0), 0);
	ck_assert_int_eq(rig_join(&rig, V1), 0);
	ck_assert_int_eq(rig_leave(&rig, V1), 0);
	ck_assert_int_eq(sio_inject(rig.machine, "alloc:nth=1", NULL, 0), 0);
	ck_assert_int_eq(rig_join(&rig, V1), -ENOMEM);
	ck_assert_int_eq(rig_join(&rig, V1), 0);
	ck_assert_int_eq(rig_join(&rig, V1), -EINVAL);
	sio_device_unpin_pages(rig.dev[V0].device, IOVA, 4);
	rig_halt(&rig);
}
END_TEST

static Suite *build_suite(void)
{
	Suite *suite = suite_create("type1 emulated devices");
	TCase *pins = tcase_create("pins");
	TCase *mixed = tcase_create("mixed");
	TCase *asks = tcase_create("asks");

	tcase_add_test(pins, mappings_of_emulated_groups_pin_and_cost_nothing);
	tcase_add_test(pins, a_page_is_charged_once_however_often_it_is_pinned);
	tcase_add_test(pins, a_pin_is_refused_in_the_kernels_order);
	tcase_add_test(pins, type1_version_one_has_no_pins);
	tcase_add_test(pins, a_pin_that_fails_in_the_middle_leaves_nothing);
	tcase_add_test(pins, the_limit_counts_without_a_domain_only);
	tcase_add_loop_test(pins, every_failure_of_a_pin_leaves_the_container_as_it_was, 0, 2);
	tcase_add_test(mixed, pages_that_devices_hold_are_not_charged_again);
	tcase_add_test(mixed, the_last_domain_goes_and_pins_are_charged_anew);
	tcase_add_test(mixed, mappings_end_with_the_last_group_of_either_kind);
	tcase_add_test(mixed, a_replay_that_fails_gives_back_what_it_charged);
	tcase_add_test(mixed, before_5_9_a_replay_that_fails_leaves_its_pages);
	tcase_add_test(mixed, an_aperture_is_not_tested_against_older_mappings);
	tcase_add_test(asks, unmap_asks_for_the_whole_mapping_and_no_other);
	tcase_add_test(asks, a_driver_that_keeps_its_pages_is_asked_eleven_times);
	tcase_add_loop_test(asks, every_open_device_is_asked_in_the_kernels_order, 0, 4);
	tcase_add_test(asks, the_container_may_change_while_a_driver_is_asked);
	tcase_add_loop_test(asks, the_container_may_end_while_a_driver_is_asked, 0, 2);
	tcase_add_test(asks, what_is_pinned_at_the_end_stays_pinned_and_charged);
	suite_add_tcase(suite, pins);
	suite_add_tcase(suite, mixed);
	suite_add_tcase(suite, asks);
	return suite;
}

int main(void)
{
	Suite *suite = build_suite();

	return run_suite(suite);
}
