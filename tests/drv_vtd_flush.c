// SPDX-License-Identifier: GPL-2.0-only
/* Invalidation by the VT-d driver: what is asked of the unit, and what devices see before and
 * after. */
#include "drv_vtd_rig.h"
#include "harness.h"
#include "prng.h"

#include "drv/drv_vtd_priv.h"

static struct rig rig;

/* Units that need different ways of invalidating. */
static const struct {
	const char *name;
	uint64_t cap, ecap;
} kinds[] = {
	{"recorded", CAP_48, ECAP_SC},
	{"no page-selective", CAP_48 & ~CAP_PSI, ECAP_SC},
	{"small masks", (CAP_48 & ~SIO_MASK(53, 48)) | UINT64_C(2) << 48, ECAP_SC},
	{"caching mode", CAP_48 | CAP_CM, ECAP_SC},
	{"write buffers", CAP_48 | CAP_RWBF, ECAP_SC},
	{"registers only", CAP_48, ECAP_SC & ~(ECAP_QI | ECAP_IR)},
	{"registers, no page-selective", CAP_48 & ~CAP_PSI, ECAP_SC & ~(ECAP_QI | ECAP_IR)},
	{"4 KiB pages", CAP_48 & ~CAP_SLLPS, ECAP_SC},
};

static void open_kind(int n)
{
	struct rig_cfg cfg = {.cap = {kinds[n].cap}, .ecap = {kinds[n].ecap}, .units = 1};

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

START_TEST(mask_is_the_smallest_aligned_block_that_covers_the_range)
{
	/* Every range of a window that holds blocks of all small sizes. */
	for (uint64_t first = 0; first < 70; first++) {
		for (uint64_t last = first; last < 70; last++) {
			iova_t base;
			unsigned mask =
				vtd_psi_mask(first << 12 | 0x123, last << 12 | 0x456, &base);
			unsigned want = 0;

			while (last >= (first >> want << want) + (UINT64_C(1) << want))
				want++;
			ck_assert_uint_eq(mask, want);
			ck_assert_uint_eq(base, first >> want << want << 12);
		}
	}
}
END_TEST

START_TEST(descriptors_carry_address_mask_and_hint)
{
	struct raw_entry desc;
	uint64_t did;

	open_kind(0);
	did = raw_context(&rig, 0, RID_A).hi >> 8;
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x5000, 3), 0);
	/* One leaf of a table that stays. */
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x11000, 0x1000), 0x1000);
	desc = raw_descriptor(&rig, 0, 2);
	ck_assert_uint_eq(desc.lo, 2 | 3 << 4 | 1 << 6 | 1 << 7 | did << 16);
	ck_assert_uint_eq(desc.hi, 0x11000 | 1 << 6);
	desc = raw_descriptor(&rig, 0, 1);
	ck_assert_uint_eq(desc.lo & 0xff, 5 | 1 << 5);
	/* Pages 0x12 to 0x14: the block is 0x10 to 0x17. The table goes: no hint. */
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x10000, 0x1000), 0x1000);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x12000, 0x3000), 0x3000);
	desc = raw_descriptor(&rig, 0, 2);
	ck_assert_uint_eq(desc.hi, 0x10000 | 3);
	/* Wider than the largest mask (18): the whole domain. */
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x1000, UINT64_C(0x40001000)), 0x40001000);
	desc = raw_descriptor(&rig, 0, 2);
	ck_assert_uint_eq(desc.lo & 0x30, 2 << 4);
	ck_assert_uint_eq(desc.lo >> 16 & 0xffff, did);
}
END_TEST

START_TEST(unmapped_pages_fault_at_once)
{
	uint32_t word = 0xfeedface;

	open_kind(_i);
	ck_assert_uint_eq(reads(0x10000), 0x06);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x20000, 3), 0);
	for (iova_t iova = 0x10000; iova < 0x30000; iova += 0x1000)
		ck_assert_uint_eq(rig_dma(&rig, RID_A, iova, DMA_WRITE, &word), 0);
	ck_assert_uint_eq((uint32_t)raw_word(&rig, 0x201f000), 0xfeedface);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x13000, 0x7000), 0x7000);
	for (iova_t iova = 0x10000; iova < 0x30000; iova += 0x1000)
		ck_assert_uint_eq(rig_dma(&rig, RID_A, iova, DMA_WRITE, &word),
				  iova >= 0x13000 && iova < 0x1a000 ? 0x05 : 0);
	/* Something else at the same place is seen at once as well. */
	ck_assert_int_eq(rig_map(rig.domain, 0x13000, 0x3000000, 0x1000, 3), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_A, 0x13004, DMA_WRITE, &word), 0);
	ck_assert_uint_eq(raw_word(&rig, 0x3000000) >> 32, 0xfeedface);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0, 0x200000), 0x200000);
	ck_assert_uint_eq(reads(0x10000), 0x06);
	ck_assert_uint_eq(rig.stale, 0);
}
END_TEST

START_TEST(absence_that_a_unit_remembers_is_forgotten_by_a_map)
{
	open_kind(3);
	ck_assert_uint_eq(reads(0x5000), 0x06);
	ck_assert_uint_eq(reads(0x5000), 0x06);
	ck_assert_int_eq(rig_map(rig.domain, 0x5000, 0x2000000, 0x1000, 3), 0);
	ck_assert_uint_eq(reads(0x5000), 0);
	/* And the absence of a context entry by an attach. */
	rig_detach(&rig, RID_A, rig.domain);
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_A), &rig), 0);
	ck_assert_uint_eq(reads(0x5000), 0x02);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_A)), 0);
	ck_assert_uint_eq(reads(0x5000), 0);
}
END_TEST

START_TEST(skipped_invalidation_leaves_a_stale_translation)
{
	char why[INJECT_ERROR_LEN];

	open_kind(_i);
	rig.unit[0]->ops->set_strict(rig.unit[0], true);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x2000, 3), 0);
	ck_assert_uint_eq(reads(0x10000), 0);
	ck_assert_int_eq(inject_plan(&rig.iommu.inject, "drv.skip-iotlb:nth=1", why), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x10000, 0x1000), 0x1000);
	ck_assert_uint_eq(reads(0x10000), 0);
	ck_assert_uint_eq(rig.stale, 1);
	/* The next one is not left out and, where it names the domain, catches up. */
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x10000, 0x2000), 0x2000);
	ck_assert_uint_eq(reads(0x10000), 0x06);
}
END_TEST

START_TEST(tables_are_freed_only_after_the_sync)
{
	struct iommu_gather gather = {0};
	uint64_t before, mapped;

	open_kind(_i);
	before = phys_table_count(rig.iommu.phys);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x1000, 3), 0);
	mapped = phys_table_count(rig.iommu.phys);
	ck_assert_uint_eq(mapped, before + 3);
	ck_assert_uint_eq(reads(0x10000), 0);
	ck_assert_uint_eq(iommu_unmap_fast(rig.domain, 0x10000, 0x1000, &gather), 0x1000);
	ck_assert_uint_eq(phys_table_count(rig.iommu.phys), mapped);
	ck_assert_uint_eq(gather.tables.count, 3);
	/* Until the sync the translation may live on. */
	ck_assert_uint_eq(reads(0x10000), 0);
	iommu_iotlb_sync(rig.domain, &gather);
	ck_assert_uint_eq(phys_table_count(rig.iommu.phys), before);
	ck_assert_uint_eq(reads(0x10000), 0x06);
}
END_TEST

START_TEST(detached_device_is_cut_off_and_another_is_not)
{
	struct iommu_domain *other;

	open_kind(_i);
	other = rig_attach(&rig, RID_B);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x1000, 3), 0);
	ck_assert_int_eq(rig_map(other, 0x10000, 0x2001000, 0x1000, 3), 0);
	ck_assert_uint_eq(reads(0x10000), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}), 0);
	iommu_detach_group(other, rig_group(&rig, RID_B));
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}), 0x02);
	ck_assert_uint_eq(reads(0x10000), 0);
	iommu_group_release(rig_group(&rig, RID_B));
	iommu_domain_free(other);
}
END_TEST

START_TEST(both_units_of_a_shared_domain_are_invalidated)
{
	struct rig_cfg cfg = {.cap = {CAP_48, CAP_48 & ~CAP_PSI},
			      .ecap = {ECAP_SC, ECAP_SC},
			      .units = 2};

	rig_open(&rig, &cfg);
	rig.domain = rig_attach(&rig, RID_A);
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_B), &rig), 0);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_B)), 0);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x1000, 3), 0);
	ck_assert_uint_eq(reads(0x10000), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x10000, 0x1000), 0x1000);
	ck_assert_uint_eq(reads(0x10000), 0x06);
	ck_assert_uint_eq(rig_dma(&rig, RID_B, 0x10000, DMA_READ, &(uint32_t){0}), 0x06);
	rig_detach(&rig, RID_B, rig.domain);
}
END_TEST

START_TEST(fault_interrupt_reads_the_record_and_arms_again)
{
	struct iommu_fault fault;

	open_kind(_i);
	for (unsigned n = 1; n <= 3; n++) {
		ck_assert_uint_eq(rig_dma(&rig, RID_A, n * 0x10000u + 8, DMA_WRITE, &(uint32_t){0}),
				  0x05);
		ck_assert_uint_eq(rig.msis, n);
		drv_vtd_fault_irq(rig.drv, rig.msi_address, rig.msi_data);
		ck_assert(iommu_fault_next(&rig.iommu, &fault));
		ck_assert_str_eq(fault.unit, "dmar0");
		ck_assert_uint_eq(fault.requester, RID_A);
		ck_assert_uint_eq(fault.reason, 0x05);
		ck_assert(!fault.is_read);
		ck_assert_uint_eq(fault.address, n * 0x10000u);
		ck_assert(!iommu_fault_next(&rig.iommu, &fault));
	}
	/* An interrupt of somebody else finds nothing. */
	ck_assert_uint_eq(reads(0x10000), 0x06);
	drv_vtd_fault_irq(rig.drv, rig.msi_address, rig.msi_data + 1);
	ck_assert(!iommu_fault_next(&rig.iommu, &fault));
	drv_vtd_fault_irq(rig.drv, rig.msi_address, rig.msi_data);
	ck_assert(iommu_fault_next(&rig.iommu, &fault));
	ck_assert(fault.is_read);
}
END_TEST

/* DMA after each change, against one bit per page. */
START_TEST(random_changes_are_seen_by_the_device_at_once)
{
	enum { PAGES = 1200 };
	struct prng prng = {.state = 0xd1a + (uint64_t)_i};
	static bool mapped[PAGES];

	printf("seed %#llx\n", (unsigned long long)prng.state);
	open_kind(_i);
	rig.unit[0]->ops->set_strict(rig.unit[0], true);
	for (unsigned page = 0; page < PAGES; page++)
		mapped[page] = false;
	for (unsigned round = 0; round < 150; round++) {
		unsigned first = (unsigned)prng_below(&prng, PAGES);
		unsigned n = 1 + (unsigned)prng_below(&prng, PAGES - first);
		bool map = prng_below(&prng, 2);
		/* Shifted by a page: congruent to no large page, so no leaf is ever cut. */
		iova_t iova = 0x40000000 + first * UINT64_C(4096);

		ck_assert_uint_eq(iommu_unmap(rig.domain, iova, n * 4096u), n * 4096u);
		if (map)
			ck_assert_int_eq(rig_map(rig.domain, iova, 0x2001000 + first * 4096u,
						 n * 4096u, 3),
					 0);
		for (unsigned i = 0; i < n; i++)
			mapped[first + i] = map;
		for (unsigned i = 0; i < 60; i++) {
			unsigned page = (unsigned)prng_below(&prng, PAGES);

			ck_assert_uint_eq(reads(0x40000000 + page * UINT64_C(4096)),
					  mapped[page] ? 0 : 0x06);
		}
	}
	ck_assert_uint_eq(rig.stale, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drv_vtd_flush");
	TCase *pure = tcase_create("mask");
	TCase *tc = tcase_create("flush");
	int all = (int)SIO_ARRAY_SIZE(kinds);

	tcase_add_test(pure, mask_is_the_smallest_aligned_block_that_covers_the_range);
	suite_add_tcase(suite, pure);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, descriptors_carry_address_mask_and_hint);
	tcase_add_loop_test(tc, unmapped_pages_fault_at_once, 0, all);
	tcase_add_test(tc, absence_that_a_unit_remembers_is_forgotten_by_a_map);
	tcase_add_loop_test(tc, skipped_invalidation_leaves_a_stale_translation, 0, all);
	tcase_add_loop_test(tc, tables_are_freed_only_after_the_sync, 0, all);
	tcase_add_loop_test(tc, detached_device_is_cut_off_and_another_is_not, 0, all);
	tcase_add_test(tc, both_units_of_a_shared_domain_are_invalidated);
	tcase_add_loop_test(tc, fault_interrupt_reads_the_record_and_arms_again, 0, all);
	tcase_add_loop_test(tc, random_changes_are_seen_by_the_device_at_once, 0, all);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
