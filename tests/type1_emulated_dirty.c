// SPDX-License-Identifier: GPL-2.0-only
/*
 * What emulated devices dirty, by pins and by copies, and how they copy.
 */
#include "emulated_rig.h"

#define IOVA UINT64_C(0x100000)

static struct rig rig;

/* ---- dirty pages ---- */

START_TEST(only_pinned_pages_are_dirty_without_a_domain)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 16);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 16), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 3 * PAGE), 1);
	ck_assert_int_eq(rig_dirty(&rig, VFIO_IOMMU_DIRTY_PAGES_FLAG_START), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 5 * PAGE), 1);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0x28);
	/* What is pinned may be written at any time: it is dirty again at once. */
	rig_give_back(&rig.dev[V0], IOVA + 3 * PAGE, PAGE);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0x28);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0x20);
	rig_give_back(&rig.dev[V0], 0, UINT64_MAX);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0x20);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0);
	/* A mapping made meanwhile starts clean. */
	ck_assert_int_eq(rig_map(&rig, 2 * IOVA, va, 16), 0);
	ck_assert_uint_eq(rig_dirty_bits(&rig, 2 * IOVA, 16), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_device_that_pins_is_taken_at_its_word)
{
	uint64_t va;

	rig_start(&rig, NULL, V0);
	va = rig_memory(&rig, 16);
	ck_assert_int_eq(rig_join(&rig, A), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 16), 0);
	ck_assert_int_eq(sio_device_on_unmap(rig.dev[A].device, rig_asked, &rig.dev[A]), 0);
	rig_open(&rig, A);
	ck_assert_int_eq(rig_dirty(&rig, VFIO_IOMMU_DIRTY_PAGES_FLAG_START), 0);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0xffff);
	/* The emulated group always was; a pin that fails changes nothing. */
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA), 1);
	ck_assert_int_eq(rig_pin_many(&rig, A, 5 * IOVA, 1, SIO_PROT_RW), -EINVAL);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0xffff);
	ck_assert_int_eq(rig_pin(&rig, A, IOVA + 9 * PAGE), 1);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0x201);
	/* For good, until the group leaves. */
	rig_give_back(&rig.dev[A], 0, UINT64_MAX);
	rig_dirty_bits(&rig, IOVA, 16);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0x1);
	/* One more that cannot say: all is dirty, also after it has gone. */
	ck_assert_int_eq(rig_join(&rig, B), 0);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0xffff);
	ck_assert_int_eq(rig_leave(&rig, B), 0);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0xffff);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0x1);
	/* One that could say leaves nothing. */
	rig_close(&rig, A);
	ck_assert_int_eq(rig_leave(&rig, A), 0);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0x1);
	rig_halt(&rig);
}
END_TEST

static const struct {
	const char *kernel;
	uint64_t offset, len, dirty;
} writes[] = {
	{"6.12", 0x1800, 0x2000, 0xe}, {"6.12", 0x1000, 0x1000, 0x2}, {"6.12", 0x1fff, 1, 0x2},
	{"5.10", 0x1800, 0x2000, 0xe}, {"5.8", 0x1800, 0x2000, 0x6},  {"5.8", 0x1fff, 1, 0},
	{"5.8", 0x1000, 0x1000, 0x2},
};

START_TEST(a_copied_write_makes_its_pages_dirty)
{
	static char bytes[0x2000];
	uint64_t va;
	char got;

	rig_start(&rig, writes[_i].kernel, V0);
	va = rig_memory(&rig, 16);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 16), 0);
	ck_assert_int_eq(rig_dirty(&rig, VFIO_IOMMU_DIRTY_PAGES_FLAG_START), 0);
	ck_assert_int_eq(sio_device_dma_rw(rig.dev[V0].device, NULL, IOVA, bytes, sizeof(bytes),
					   false),
			 0);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0);
	bytes[0] = 'w';
	ck_assert_int_eq(sio_device_dma_rw(rig.dev[V0].device, NULL, IOVA + writes[_i].offset,
					   bytes, writes[_i].len, true),
			 0);
	ck_assert_int_eq(sio_mem_read(rig.process, va + writes[_i].offset, &got, 1), 0);
	ck_assert_int_eq(got, 'w');
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), writes[_i].dirty);
	ck_assert_uint_eq(rig_dirty_bits(&rig, IOVA, 16), 0);
	ck_assert_uint_eq(rig_pinned(&rig), 0);
	rig_halt(&rig);
}
END_TEST

START_TEST(copies_keep_to_mappings_and_their_protection)
{
	struct sio_process *other;
	struct sio_device *device;
	char bytes[64] = "abc";
	uint64_t va;

	rig_boot(&rig, NULL);
	device = rig.dev[V0].device;
	other = sio_process_create(rig.machine);
	ck_assert_int_eq(sio_device_dma_rw(device, NULL, IOVA, bytes, 1, false), -EINVAL);
	ck_assert_int_eq(rig_join(&rig, V0), 0);
	ck_assert_int_eq(rig_value(&rig, rig.container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	rig_open(&rig, V0);
	va = rig_memory(&rig, 4);
	ck_assert_int_eq(rig_map(&rig, IOVA, va, 1), 0);
	ck_assert_int_eq(rig_map(&rig, IOVA + PAGE, va + PAGE, 1), 0);
	ck_assert_int_eq(rig_map_as(&rig, IOVA + 2 * PAGE, va, 1, VFIO_DMA_MAP_FLAG_READ), 0);
	ck_assert_int_eq(rig_map_as(&rig, IOVA + 4 * PAGE, va, 1, VFIO_DMA_MAP_FLAG_WRITE), 0);
	ck_assert_int_eq(sio_device_dma_rw(device, NULL, IOVA, bytes, 0, false), -EINVAL);
	ck_assert_int_eq(sio_device_dma_rw(device, NULL, IOVA - 1, bytes, 1, false), -EINVAL);
	/* Over a border between mappings, in either context. */
	ck_assert_int_eq(sio_device_dma_rw(device, rig.process, IOVA + PAGE - 1, bytes, 3, true),
			 0);
	ck_assert_int_eq(sio_mem_read(rig.process, va + PAGE - 1, bytes + 8, 3), 0);
	ck_assert_str_eq(bytes + 8, "abc");
	ck_assert_int_eq(sio_device_dma_rw(device, other, IOVA, bytes, 3, false), -EFAULT);
	/* What comes before the border stays. */
	ck_assert_int_eq(sio_device_dma_rw(device, NULL, IOVA + 2 * PAGE - 1, "yz", 2, true),
			 -EPERM);
	ck_assert_int_eq(sio_mem_read(rig.process, va + 2 * PAGE - 1, bytes, 1), 0);
	ck_assert_int_eq(bytes[0], 'y');
	/* A mapping that may only be written cannot even be written. */
	ck_assert_int_eq(sio_device_dma_rw(device, NULL, IOVA + 4 * PAGE, bytes, 1, true), -EPERM);
	ck_assert_int_eq(sio_device_dma_rw(device, NULL, IOVA + 4 * PAGE, bytes, 1, false), -EPERM);
	ck_assert_int_eq(sio_mem_unmap(rig.process, va, PAGE), 0);
	ck_assert_int_eq(sio_device_dma_rw(device, NULL, IOVA, bytes, 1, false), -EFAULT);
	rig_halt(&rig);
}
END_TEST

START_TEST(a_mapper_that_is_gone_gives_no_more_pages)
{
	struct sio_process *child;
	char byte;

	rig_start(&rig, NULL, V0);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 4), 4), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA), 1);
	child = sio_process_fork(rig.process);
	sio_process_exit(rig.process);
	rig.process = child;
	rig_audit(&rig);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA + PAGE, 1, SIO_PROT_RW), -ENODEV);
	ck_assert_int_eq(rig_pin_many(&rig, V0, IOVA, 1, SIO_PROT_RW), 1); /* it is there already */
	ck_assert_int_eq(sio_device_dma_rw(rig.dev[V0].device, NULL, IOVA, &byte, 1, false),
			 -EPERM);
	ck_assert_int_eq(sio_device_unpin_pages(rig.dev[V0].device, IOVA, 1), 1);
	ck_assert_int_eq(rig_unmap(&rig, IOVA, 4, 0), 4);
	ck_assert_uint_eq(rig_pinned(&rig), 0);
	rig_halt(&rig);
}
END_TEST

static Suite *build_suite(void)
{
	Suite *suite = suite_create("type1 emulated devices, dirty pages");
	TCase *dirty = tcase_create("dirty");

	tcase_add_test(dirty, only_pinned_pages_are_dirty_without_a_domain);
	tcase_add_test(dirty, a_device_that_pins_is_taken_at_its_word);
	tcase_add_loop_test(dirty, a_copied_write_makes_its_pages_dirty, 0, 7);
	tcase_add_test(dirty, copies_keep_to_mappings_and_their_protection);
	tcase_add_test(dirty, a_mapper_that_is_gone_gives_no_more_pages);
	suite_add_tcase(suite, dirty);
	return suite;
}

int main(void)
{
	Suite *suite = build_suite();

	return run_suite(suite);
}
