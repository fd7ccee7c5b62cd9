// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidation and events by the AMD-Vi driver: what is asked of the unit, and what devices see
 * before and after.
 */
#include "drv_amdvi_rig.h"
#include "harness.h"
#include "prng.h"

#include "drv/drv_amdvi_priv.h"

static struct rig rig;

/* Units that need different ways of invalidating. */
static const struct {
	const char *name;
	uint64_t efr;
	uint32_t capability;
} kinds[] = {
	{"recorded, caches absence", EFR, CAPABILITY},
	{"does not cache absence", EFR, CAPABILITY & ~CAP_NP_CACHE},
	{"no invalidation of everything", EFR & ~EFR_IA, CAPABILITY & ~CAP_NP_CACHE},
};

#define RW        (IOMMU_READ | IOMMU_WRITE)
#define RING_LAST 512u

static void open_kind(int n)
{
	struct rig_cfg cfg = {.efr = {kinds[n].efr},
			      .capability = {kinds[n].capability},
			      .units = 1};

	rig_open(&rig, &cfg);
	rig.domain = rig_attach(&rig, RID_A);
}

static void teardown(void)
{
	if (rig.domain) {
		rig_detach(&rig, RID_A, rig.domain);
		iommu_domain_free(rig.domain);
	}
	rig_close(&rig);
}

static uint8_t reads(iova_t iova)
{
	return rig_dma(&rig, RID_A, iova, DMA_READ, &(uint32_t){0});
}

/* What an address field covers, as the manual reads it. */
static void covered(uint64_t field, uint64_t *first, uint64_t *last)
{
	unsigned bit = 12;

	if (field & 1) {
		while (bit < 63 && (field >> bit & 1))
			bit++;
		/* The lowest zero is one below the size. */
		bit++;
	}
	*first = bit > 63 ? 0 : field >> bit << bit;
	*last = bit > 63 ? UINT64_MAX : *first + ((UINT64_C(1) << bit) - 1);
}

START_TEST(address_field_is_the_smallest_aligned_block_that_covers_the_range)
{
	for (uint64_t a = 0; a < 70; a++) {
		for (uint64_t b = a; b < 70; b++) {
			uint64_t first, last;
			unsigned want = 0;

			while (b >= (a >> want << want) + (UINT64_C(1) << want))
				want++;
			covered(amd_flush_address(a << 12 | 0x123, b << 12 | 0x456), &first, &last);
			ck_assert_uint_eq(first, a >> want << want << 12);
			ck_assert_uint_eq(last, first + (UINT64_C(0x1000) << want) - 1);
		}
	}
}
END_TEST

START_TEST(wide_ranges_are_everything)
{
	static const struct {
		iova_t first, last;
		uint64_t field;
	} rows[] = {
		{0, UINT64_MAX, UINT64_C(0x7ffffffffffff001)},
		{0, UINT64_C(1) << 52, UINT64_C(0x7ffffffffffff001)},
		{0, (UINT64_C(1) << 52) - 1, UINT64_C(0x7fffffffff001)},
		{UINT64_C(0xfffffffffffff000), UINT64_MAX, UINT64_C(0xfffffffffffff000)},
		{UINT64_C(0xffffffffffffe000), UINT64_MAX, UINT64_C(0xffffffffffffe001)},
	};

	ck_assert_uint_eq(amd_flush_address(rows[_i].first, rows[_i].last), rows[_i].field);
}
END_TEST

START_TEST(unmap_sends_one_command_and_waits_for_a_store)
{
	struct raw_command pages, wait;
	uint16_t id;

	open_kind(1);
	id = raw_domain(&rig, 0, RID_A);
	ck_assert_int_eq(rig_map(rig.domain, 0x13000, 0x2001000, 0x7000, RW), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x13000, 0x7000), 0x7000);
	pages = raw_command(&rig, 0, 2);
	wait = raw_command(&rig, 0, 1);
	/* 0x13 to 0x19: the block of 16 pages, size bit, directory entries too. */
	ck_assert_uint_eq(pages.dword[0], 0);
	ck_assert_uint_eq(pages.dword[1], UINT32_C(3) << 28 | id);
	ck_assert_uint_eq(pages.dword[2], 0x17000 | 3);
	ck_assert_uint_eq(pages.dword[3], 0);
	ck_assert_uint_eq(wait.dword[0] & 7, 1);
	ck_assert_uint_eq(wait.dword[1] >> 28, 1);
	ck_assert_uint_eq(raw_word(&rig, (wait.dword[0] & ~UINT32_C(7)) |
						 (uint64_t)(wait.dword[1] & 0xfffff) << 32),
			  wait.dword[2] | (uint64_t)wait.dword[3] << 32);
}
END_TEST

START_TEST(a_unit_that_caches_absence_gets_exact_blocks_after_map_and_unmap)
{
	static const uint32_t want[] = {0x13000 | 2, 0x15000 | 3, 0x18000 | 3};
	uint64_t first, last;

	open_kind(0);
	ck_assert_int_eq(rig_map(rig.domain, 0x13000, 0x2000000, 0x1000, RW), 0);
	ck_assert_uint_eq(raw_command(&rig, 0, 2).dword[2], 0x13000 | 2);
	ck_assert_int_eq(rig_map(rig.domain, 0x14000, 0x2001000, 0x6000, RW), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x13000, 0x7000), 0x7000);
	/* 0x13, 0x14 to 0x17, 0x18 to 0x19. */
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(raw_command(&rig, 0, 4 - i).dword[2], want[i]);
	covered(want[1], &first, &last);
	ck_assert_uint_eq(first, 0x14000);
	ck_assert_uint_eq(last, 0x17fff);
}
END_TEST

START_TEST(unmapped_pages_fault_at_once)
{
	uint32_t word = 0xfeedface;

	open_kind(_i);
	ck_assert_uint_eq(reads(0x10000), AMDVI_IO_PAGE_FAULT);
	ck_assert_int_eq(rig_map(rig.domain, 0x11000, 0x2001000, 0x1f000, RW), 0);
	for (iova_t iova = 0x11000; iova < 0x30000; iova += 0x1000)
		ck_assert_uint_eq(rig_dma(&rig, RID_A, iova, DMA_WRITE, &word), 0);
	ck_assert_uint_eq((uint32_t)raw_word(&rig, 0x201f000), 0xfeedface);
	/* Pages of 4, 8, 16, 32 and 64 KiB. */
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x14000, 0xc000), 0xc000);
	for (iova_t iova = 0x11000; iova < 0x30000; iova += 0x1000)
		ck_assert_uint_eq(rig_dma(&rig, RID_A, iova, DMA_WRITE, &word),
				  iova >= 0x14000 && iova < 0x20000 ? AMDVI_IO_PAGE_FAULT : 0);
	/* Something else at the same place is seen at once as well. */
	ck_assert_int_eq(rig_map(rig.domain, 0x14000, 0x3000000, 0x1000, RW), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_A, 0x14004, DMA_WRITE, &word), 0);
	ck_assert_uint_eq(raw_word(&rig, 0x3000000) >> 32, 0xfeedface);
	ck_assert_uint_eq(rig.stale, 0);
}
END_TEST

START_TEST(a_larger_page_that_a_map_cuts_is_forgotten_whole)
{
	open_kind(_i);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x10000, RW), 0);
	ck_assert_uint_eq(reads(0x1f000), 0);
	ck_assert_uint_eq(reads(0x13000), 0);
	ck_assert_int_eq(rig_map(rig.domain, 0x13000, 0x3000000, 0x1000, RW), 0);
	ck_assert_uint_eq(reads(0x13000), 0);
	ck_assert_uint_eq(reads(0x1f000), AMDVI_IO_PAGE_FAULT);
}
END_TEST

START_TEST(skipped_invalidation_leaves_a_stale_translation)
{
	char why[INJECT_ERROR_LEN];

	open_kind(_i);
	rig.unit[0]->ops->set_strict(rig.unit[0], true);
	ck_assert_int_eq(rig_map(rig.domain, 0x11000, 0x2001000, 0x1000, RW), 0);
	ck_assert_int_eq(rig_map(rig.domain, 0x12000, 0x2004000, 0x1000, RW), 0);
	ck_assert_uint_eq(reads(0x11000), 0);
	ck_assert_int_eq(inject_plan(&rig.iommu.inject, "drv.skip-iotlb:nth=1", why), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x11000, 0x1000), 0x1000);
	ck_assert_uint_eq(reads(0x11000), 0);
	ck_assert_uint_eq(rig.stale, 1);
}
END_TEST

START_TEST(tables_are_freed_only_after_the_sync)
{
	struct iommu_gather gather = {0};
	uint64_t before, mapped;

	open_kind(_i);
	before = phys_table_count(rig.iommu.phys);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x1000, RW), 0);
	mapped = phys_table_count(rig.iommu.phys);
	ck_assert_uint_eq(mapped, before + 2);
	ck_assert_uint_eq(reads(0x10000), 0);
	ck_assert_uint_eq(iommu_unmap_fast(rig.domain, 0x10000, 0x1000, &gather), 0x1000);
	ck_assert_uint_eq(phys_table_count(rig.iommu.phys), mapped);
	/* Until the sync the translation may live on. */
	ck_assert_uint_eq(reads(0x10000), 0);
	iommu_iotlb_sync(rig.domain, &gather);
	ck_assert_uint_eq(phys_table_count(rig.iommu.phys), before);
	ck_assert_uint_eq(reads(0x10000), AMDVI_IO_PAGE_FAULT);
}
END_TEST

START_TEST(detached_device_is_cut_off_and_another_is_not)
{
	struct iommu_domain *other;

	open_kind(_i);
	other = rig_attach(&rig, RID_B);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x1000, RW), 0);
	ck_assert_int_eq(rig_map(other, 0x10000, 0x2001000, 0x1000, RW), 0);
	ck_assert_uint_eq(reads(0x10000), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}), 0);
	iommu_detach_group(other, rig_group(&rig, RID_B));
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}),
			  AMDVI_IO_PAGE_FAULT);
	ck_assert_uint_eq(reads(0x10000), 0);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_B)), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}), 0);
	rig_detach(&rig, RID_B, rig.domain);
	iommu_domain_free(other);
}
END_TEST

START_TEST(both_units_of_a_shared_domain_are_invalidated)
{
	struct rig_cfg cfg = {.efr = {EFR, EFR & ~EFR_IA},
			      .capability = {CAPABILITY, CAPABILITY & ~CAP_NP_CACHE},
			      .units = 2};

	rig_open(&rig, &cfg);
	rig.domain = rig_attach(&rig, RID_A);
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_B), &rig), 0);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_B)), 0);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x1000, RW), 0);
	ck_assert_uint_eq(reads(0x10000), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x10000, 0x1000), 0x1000);
	ck_assert_uint_eq(reads(0x10000), AMDVI_IO_PAGE_FAULT);
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}),
			  AMDVI_IO_PAGE_FAULT);
	rig_detach(&rig, RID_B, rig.domain);
}
END_TEST

START_TEST(a_domain_id_that_comes_back_brings_nothing_along)
{
	struct iommu_domain *old;
	uint16_t id;

	open_kind(_i);
	old = rig_attach(&rig, RID_B);
	id = raw_domain(&rig, 0, RID_B);
	ck_assert_int_eq(rig_map(old, 0x10000, 0x2000000, 0x1000, RW), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}), 0);
	rig_detach(&rig, RID_B, old);
	iommu_domain_free(old);
	old = rig_attach(&rig, RID_B);
	ck_assert_uint_eq(raw_domain(&rig, 0, RID_B), id);
	ck_assert_uint_ne(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}), 0);
	rig_detach(&rig, RID_B, old);
	iommu_domain_free(old);
}
END_TEST

/* ---- events ---- */

START_TEST(event_interrupt_reads_the_log_and_arms_again)
{
	struct iommu_fault fault;

	open_kind(_i);
	for (unsigned n = 1; n <= 3; n++) {
		ck_assert_uint_ne(rig_dma(&rig, RID_A, n * 0x10000u + 8, DMA_WRITE, &(uint32_t){0}),
				  0);
		ck_assert_uint_eq(rig.msis, n);
		ck_assert_uint_eq(rig.msi_address >> 20, 0xfee);
		drv_amdvi_event_irq(rig.amd);
		ck_assert(iommu_fault_next(&rig.iommu, &fault));
		ck_assert_str_eq(fault.unit, "ivhd0");
		ck_assert_uint_eq(fault.requester, RID_A);
		ck_assert_uint_eq(fault.reason, AMDVI_IO_PAGE_FAULT);
		ck_assert_uint_eq(fault.flags & 0x20, 0x20);
		ck_assert(!fault.is_read);
		ck_assert_uint_eq(fault.address, n * 0x10000u);
		ck_assert(!iommu_fault_next(&rig.iommu, &fault));
	}
	ck_assert_uint_ne(reads(0x10000), 0);
	drv_amdvi_event_irq(rig.amd);
	ck_assert(iommu_fault_next(&rig.iommu, &fault));
	ck_assert(fault.is_read);
	/* The whole log is given back. */
	ck_assert_uint_eq(raw_reg(&rig, 0, 0x2010), raw_reg(&rig, 0, 0x2018));
}
END_TEST

START_TEST(log_that_ran_over_is_started_again)
{
	struct iommu_fault fault;
	unsigned seen = 0;

	open_kind(0);
	for (unsigned n = 0; n < RING_LAST + 20; n++)
		ck_assert_uint_ne(reads(0x10000 + n * UINT64_C(4096)), 0);
	drv_amdvi_event_irq(rig.amd);
	while (iommu_fault_next(&rig.iommu, &fault)) {
		ck_assert_uint_eq(fault.address, 0x10000 + seen * UINT64_C(4096));
		seen++;
	}
	/* One entry of the ring is always free. */
	ck_assert_uint_eq(seen, RING_LAST - 1);
	ck_assert_uint_eq(raw_reg(&rig, 0, 0x2020) & 3, 0);
	ck_assert_uint_ne(reads(0x5000), 0);
	drv_amdvi_event_irq(rig.amd);
	ck_assert(iommu_fault_next(&rig.iommu, &fault));
	ck_assert_uint_eq(fault.address, 0x5000);
}
END_TEST

/* DMA after each change, against one bit per page. */
START_TEST(random_changes_are_seen_by_the_device_at_once)
{
	enum { PAGES = 1200 };
	struct prng prng = {.state = 0xad1a + (uint64_t)_i};
	static bool mapped[PAGES];

	printf("seed %#llx\n", (unsigned long long)prng.state);
	open_kind(_i);
	rig.unit[0]->ops->set_strict(rig.unit[0], true);
	for (unsigned page = 0; page < PAGES; page++)
		mapped[page] = false;
	for (unsigned round = 0; round < 100; round++) {
		unsigned first = (unsigned)prng_below(&prng, PAGES);
		unsigned n = 1 + (unsigned)prng_below(&prng, PAGES - first);
		/* Shifted by a page: congruent to no larger page, so all are of 4 KiB. */
		iova_t base = 0x40000000, iova = base + first * UINT64_C(4096);

		if (prng_below(&prng, 2)) {
			ck_assert_int_eq(rig_map(rig.domain, iova, 0x2001000 + first * 4096u,
						 n * 4096u, RW),
					 0);
			for (unsigned i = 0; i < n; i++)
				mapped[first + i] = true;
		} else {
			for (unsigned i = 0; i < n; i++) {
				uint64_t want = mapped[first + i] ? 0x1000 : 0;

				ck_assert_uint_eq(iommu_unmap(rig.domain, iova + i * UINT64_C(4096),
							      0x1000),
						  want);
				mapped[first + i] = false;
			}
		}
		for (unsigned i = 0; i < 60; i++) {
			unsigned page = (unsigned)prng_below(&prng, PAGES);

			ck_assert_uint_eq(reads(base + page * UINT64_C(4096)),
					  mapped[page] ? 0 : AMDVI_IO_PAGE_FAULT);
		}
	}
	ck_assert_uint_eq(rig.stale, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drv_amdvi_flush");
	TCase *pure = tcase_create("address");
	TCase *tc = tcase_create("flush");
	int all = (int)SIO_ARRAY_SIZE(kinds);

	tcase_add_test(pure, address_field_is_the_smallest_aligned_block_that_covers_the_range);
	tcase_add_loop_test(pure, wide_ranges_are_everything, 0, 5);
	suite_add_tcase(suite, pure);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, unmap_sends_one_command_and_waits_for_a_store);
	tcase_add_test(tc, a_unit_that_caches_absence_gets_exact_blocks_after_map_and_unmap);
	tcase_add_loop_test(tc, unmapped_pages_fault_at_once, 0, all);
	tcase_add_loop_test(tc, a_larger_page_that_a_map_cuts_is_forgotten_whole, 0, all);
	tcase_add_loop_test(tc, skipped_invalidation_leaves_a_stale_translation, 0, all);
	tcase_add_loop_test(tc, tables_are_freed_only_after_the_sync, 0, all);
	tcase_add_loop_test(tc, detached_device_is_cut_off_and_another_is_not, 0, all);
	tcase_add_loop_test(tc, a_domain_id_that_comes_back_brings_nothing_along, 0, all);
	tcase_add_test(tc, both_units_of_a_shared_domain_are_invalidated);
	tcase_add_loop_test(tc, event_interrupt_reads_the_log_and_arms_again, 0, all);
	tcase_add_test(tc, log_that_ran_over_is_started_again);
	tcase_add_loop_test(tc, random_changes_are_seen_by_the_device_at_once, 0, all);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
