// SPDX-License-Identifier: GPL-2.0-only
/* What a machine makes of the stale entries that its units report: which are one, and their text.
 */
#include "harness.h"
#include "machine.h"
#include "vfio_machine.h"

#define RID 0x0100

static struct sio_machine *machine;

static void report(const char *cache, bool interrupt, uint64_t place)
{
	const struct stale_use use = {.unit = "dmar0",
				      .cache = cache,
				      .interrupt = interrupt,
				      .requester = RID,
				      .iova = place};

	machine_unit_env.stale(&machine->unit[0], &use);
}

static void expect_text(const char *text, uint64_t place)
{
	struct sio_stale stale;

	ck_assert(sio_stale_next(machine, &stale));
	ck_assert_str_eq(stale.text, text);
	ck_assert_uint_eq(stale.iova, place);
	ck_assert_uint_eq(stale.mapped_by, 0);
	ck_assert_uint_eq(stale.unmapped_by, 0);
}

static void expect_no_more(void)
{
	struct sio_stale stale;

	ck_assert(!sio_stale_next(machine, &stale));
}

static void setup(void)
{
	const struct sio_machine_cfg cfg = {.platform = "vtd48", .strict = true};

	ck_assert_int_eq(sio_machine_create(&cfg, &machine, NULL, 0), 0);
}

static void teardown(void)
{
	sio_machine_destroy(machine);
}

START_TEST(interrupt_entries_are_told_apart_by_their_index)
{
	report("interrupt entry cache", true, 5);
	report("interrupt entry cache", true, 6);
	report("interrupt entry cache", true, 5);
	report("interrupt entry cache", true, 0x1005);
	expect_text("interrupt entry cache of dmar0 still holds interrupt entry 5 for 01:00.0", 5);
	expect_text("interrupt entry cache of dmar0 still holds interrupt entry 6 for 01:00.0", 6);
	expect_text("interrupt entry cache of dmar0 still holds interrupt entry 4101 for 01:00.0",
		    0x1005);
	expect_no_more();
}
END_TEST

START_TEST(uses_of_one_page_are_one_report)
{
	report("IOTLB", false, 0x5008);
	report("IOTLB", false, 0x5010);
	report("IOTLB", false, 0x6000);
	/* The same number is another thing in another cache. */
	report("context cache", false, 0x5008);
	expect_text("IOTLB of dmar0 still translates 0x5000 for 01:00.0", 0x5008);
	expect_text("IOTLB of dmar0 still translates 0x6000 for 01:00.0", 0x6000);
	expect_text("context cache of dmar0 still translates 0x5000 for 01:00.0", 0x5008);
	expect_no_more();
}
END_TEST

START_TEST(an_index_is_no_address_that_was_mapped)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
					       .flags = 3,
					       .iova = 0x1000,
					       .size = 4096};
	struct rig rig = {.machine = machine, .process = sio_process_create(machine)};
	struct sio_mem mem = {.size = 4096, .prot = SIO_PROT_RW};
	struct sio_stale stale;
	uint64_t va;

	rig.container = sio_open(rig.process, "/dev/vfio/vfio");
	rig_open(&rig, "A", NULL);
	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &va), 0);
	map.vaddr = va;
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_MAP_DMA, &map), 0);
	report("interrupt entry cache", true, 0x1000);
	expect_text("interrupt entry cache of dmar0 still holds interrupt entry 4096 for 01:00.0",
		    0x1000);
	report("IOTLB", false, 0x1000);
	ck_assert(sio_stale_next(machine, &stale));
	ck_assert_uint_gt(stale.mapped_by, 0);
	expect_no_more();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine stale");
	TCase *tcase = tcase_create("reports");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, interrupt_entries_are_told_apart_by_their_index);
	tcase_add_test(tcase, uses_of_one_page_are_one_report);
	tcase_add_test(tcase, an_index_is_no_address_that_was_mapped);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
