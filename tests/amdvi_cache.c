// SPDX-License-Identifier: GPL-2.0-only
/* What an AMD-Vi unit caches stays until the command that covers it; strict checking tells. */
#include "amdvi_rig.h"

#define A UINT64_C(0x40000000)

static void stale_page(struct rig *rig, uint64_t iova)
{
	rig_map(rig, iova, V1_LEAF | 0x9000);
	ck_translates(rread(rig, iova), 0x9000);
	rig_map(rig, iova, 0);
}

START_TEST(stale_page_stays_until_it_is_invalidated)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	stale_page(&rig, A);
	ck_translates(rwrite(&rig, A + 8), 0x9008);
	flush_pages(&rig, DID, 0, A + 0x1000);
	flush_pages(&rig, DID, 0, A - 0x1000);
	flush_pages(&rig, DID + 1, 0, ALL_PAGES);
	flush_device(&rig, RID);
	ck_translates(rread(&rig, A), 0x9000);
	flush_pages(&rig, DID, 0, A);
	ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
	rig_fini(&rig);
}
END_TEST

START_TEST(contiguous_page_falls_page_by_page)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	/* 64 KiB at 0x10000000: 16 copies. */
	for (unsigned i = 0; i < 16; i++)
		rig_map(&rig, A + i * 0x1000, V1_LEAF | 0xe00 | 0x10007000);
	for (unsigned i = 0; i < 16; i++)
		ck_translates(rread(&rig, A + i * 0x1000), 0x10000000 + i * 0x1000);
	for (unsigned i = 0; i < 16; i++)
		rig_map(&rig, A + i * 0x1000, 0);
	/* 16 KiB of it: the other pages stay. */
	flush_pages(&rig, DID, 0, (A + 0x5000) | 1);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(!rread(&rig, A + i * 0x1000).reason, i < 4 || i > 7);
	/* The size of the whole page. */
	flush_pages(&rig, DID, 0, (A + 0x7000) | 1);
	for (unsigned i = 0; i < 16; i++)
		ck_faults(rread(&rig, A + i * 0x1000), AMDVI_IO_PAGE_FAULT);
	rig_fini(&rig);
}
END_TEST

START_TEST(large_pages_fall_to_any_page_inside)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	poke(&rig, rig_slot(&rig, A, 1), V1_LEAF | 0x10000000);
	poke(&rig, rig_slot(&rig, 4 * A, 2), V1_LEAF | 0x80000000);
	rread(&rig, A);
	rread(&rig, 4 * A);
	poke(&rig, rig_slot(&rig, A, 1), 0);
	poke(&rig, rig_slot(&rig, 4 * A, 2), 0);
	ck_translates(rread(&rig, A + 0x1ff123), 0x101ff123);
	ck_translates(rread(&rig, 4 * A + 0x3ffff123), 0xbffff123);
	flush_pages(&rig, DID, 0, A + 0x55000);
	flush_pages(&rig, DID, 0, 4 * A + 0x12345000);
	ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
	ck_faults(rread(&rig, 4 * A), AMDVI_IO_PAGE_FAULT);
	rig_fini(&rig);
}
END_TEST

START_TEST(absence_is_cached_only_with_np_cache)
{
	struct rig rig;

	for (unsigned np = 0; np < 2; np++) {
		rig_init(&rig, EFR_RECORDED, np ? CAP_RECORDED : CAP_NO_NP);
		ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
		rig_map(&rig, A, V1_LEAF | 0x9000);
		ck_assert_uint_eq(rread(&rig, A).reason, np ? AMDVI_IO_PAGE_FAULT : 0);
		flush_pages(&rig, DID, 0, A | 2);
		ck_translates(rread(&rig, A), 0x9000);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(device_table_entry_stays_until_its_device_is_invalidated)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	rig_map(&rig, A, V1_LEAF | 0x9000);
	ck_translates(rread(&rig, A), 0x9000);
	rig_dte(&rig, RID, 3, DID + 1, 0);
	flush_pages(&rig, DID, 0, ALL_PAGES);
	flush_device(&rig, RID + 1);
	ck_translates(rread(&rig, A), 0x9000);
	flush_device(&rig, RID);
	ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
	/* An entry that was not valid is cached as well. */
	rig_dte(&rig, RID, 0, 0, 0);
	flush_device(&rig, RID);
	ck_translates(rread(&rig, A), A);
	rig_dte(&rig, RID, dte_v1(4), DID, 0);
	ck_translates(rread(&rig, A), A);
	flush_device(&rig, RID);
	ck_translates(rread(&rig, A), 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(devices_of_a_domain_share_its_pages_but_not_permissions)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	rig_dte(&rig, RID + 1, dte_v1(4) & ~(UINT64_C(1) << 62), DID, 0); /* no IW */
	rig_map(&rig, A, V1_LEAF | 0x9000);
	ck_translates(rwrite(&rig, A), 0x9000);
	rig_map(&rig, A, 0);
	ck_translates(request(&rig, RID + 1, A, DMA_READ), 0x9000);
	ck_faults(request(&rig, RID + 1, A, DMA_WRITE), AMDVI_IO_PAGE_FAULT);
	ck_assert_uint_eq(request(&rig, RID + 1, A, DMA_READ).perm & 3, PT_R);
	rig_fini(&rig);
}
END_TEST

START_TEST(strict_checker_names_the_cache_that_is_stale)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	rig.unit->ops->set_strict(rig.unit, true);
	rig.clock = 11;
	rig_map(&rig, A, V1_LEAF | 0x9000);
	ck_translates(rread(&rig, A), 0x9000);
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(rig.stales, 0);
	rig.clock = 12;
	rig_map(&rig, A, V1_LEAF | 0xa000);
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].cache, "IOTLB");
	ck_assert_uint_eq(rig.stale[0].domain_id, DID);
	ck_assert_uint_eq(rig.stale[0].cached.pa, 0x9000);
	ck_assert_uint_eq(rig.stale[0].fresh.pa, 0xa000);
	ck_assert_uint_eq(rig.stale[0].filled_at, 11);
	/* Another page below a table that is gone. */
	flush_pages(&rig, DID, 0, A);
	rig_map(&rig, A + 0x1000, V1_LEAF | 0xb000);
	poke(&rig, rig_slot(&rig, A, 1), 0);
	ck_translates(rread(&rig, A + 0x1000), 0xb000);
	ck_assert_uint_eq(rig.stales, 2);
	ck_assert_str_eq(rig.stale[1].cache, "paging-structure cache");
	ck_assert_uint_eq(rig.stale[1].fresh.reason, AMDVI_IO_PAGE_FAULT);
	flush_pages(&rig, DID, 0, ALL_PAGES);
	rig_dte(&rig, RID, 3 | UINT64_C(3) << 61, DID, 0);
	ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
	ck_assert_uint_eq(rig.stales, 3);
	ck_assert_str_eq(rig.stale[2].cache, "device table cache");
	ck_assert_uint_eq(rig.stale[2].fresh.reason, 0);
	ck_assert_uint_eq(rig.stale[2].filled_at, 11);
	flush_device(&rig, RID);
	ck_translates(rread(&rig, A), A);
	ck_assert_uint_eq(rig.stales, 3);
	rig_fini(&rig);
}
END_TEST

START_TEST(dma_moves_bytes_across_pages_and_stops_at_a_hole)
{
	const struct dma_req req = {.requester = RID, .iova = A + 0xf00, .len = 0x1200};
	uint8_t wrote[0x1200], got[0x1200];
	struct dma_req write = req;
	struct dma_result result;
	struct rig rig;

	write.kind = DMA_WRITE;
	for (unsigned i = 0; i < sizeof(wrote); i++)
		wrote[i] = (uint8_t)(i * 7 + 1);
	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	rig_map(&rig, A, V1_LEAF | 0x19000);
	rig_map(&rig, A + 0x1000, V1_LEAF | 0x12000);
	result = dma_access(rig.port, &write, wrote);
	ck_assert_uint_eq(result.done, 0x1100);
	ck_assert_uint_eq(result.fault.reason, AMDVI_IO_PAGE_FAULT);
	ck_assert_uint_eq(result.fault.iova, A + 0x2000);
	ck_event(&rig, UINT64_C(0x2020000700000000) | RID, A + 0x2000);
	rig_map(&rig, A + 0x2000, V1_LEAF | 0x15000);
	ck_assert_uint_eq(dma_access(rig.port, &write, wrote).done, 0x1200);
	ck_assert_uint_eq(dma_access(rig.port, &req, got).done, 0x1200);
	ck_assert_mem_eq(wrote, got, sizeof(got));
	ck_assert(phys_read(rig.phys, 0x12000, got, 0x1000));
	ck_assert_mem_eq(wrote + 0x100, got, 0x1000);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_cache");
	TCase *tc = tcase_create("cache");

	tcase_add_test(tc, stale_page_stays_until_it_is_invalidated);
	tcase_add_test(tc, contiguous_page_falls_page_by_page);
	tcase_add_test(tc, large_pages_fall_to_any_page_inside);
	tcase_add_test(tc, absence_is_cached_only_with_np_cache);
	tcase_add_test(tc, device_table_entry_stays_until_its_device_is_invalidated);
	tcase_add_test(tc, devices_of_a_domain_share_its_pages_but_not_permissions);
	tcase_add_test(tc, strict_checker_names_the_cache_that_is_stale);
	tcase_add_test(tc, dma_moves_bytes_across_pages_and_stops_at_a_hole);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
