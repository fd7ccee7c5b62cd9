// SPDX-License-Identifier: GPL-2.0-only
/* Strict checking: a hit that memory does not confirm is reported, and used nevertheless. */
#include "harness.h"
#include "vtd_rig.h"

#define A   UINT64_C(0x40000000)
#define CTX (PA_CONTEXT + 0x80)

static void strict_init(struct rig *rig, uint64_t cap)
{
	rig_init(rig, cap, ECAP_VTD48);
	rig->unit->ops->set_strict(rig->unit, true);
}

START_TEST(honest_software_is_never_reported)
{
	struct rig rig;

	strict_init(&rig, CAP_VTD48 | CAP_CM);
	for (uint64_t i = 0; i < 50; i++) {
		ck_faults(rread(&rig, A), 6);
		rig_map(&rig, A, 0x9003 + (i << 12));
		flush_iotlb_page(&rig, DID, A, 0, true);
		ck_translates(rread(&rig, A + 1), 0x9001 + (i << 12));
		ck_translates(rwrite(&rig, A + 2), 0x9002 + (i << 12));
		rig_map(&rig, A, 0);
		flush_iotlb_page(&rig, DID, A, 0, true);
	}
	ck_assert_uint_eq(rig.stales, 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(forgotten_page_is_reported_with_its_age)
{
	struct rig rig;

	strict_init(&rig, CAP_VTD48);
	rig_map(&rig, A, 0x9003);
	rig.clock = 41;
	ck_translates(rread(&rig, A), 0x9000);
	rig.clock = 99;
	ck_translates(rread(&rig, A), 0x9000);
	rig_map(&rig, A, 0);
	ck_translates(rwrite(&rig, A + 4), 0x9004);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].unit, "dmar0");
	ck_assert_str_eq(rig.stale[0].cache, "IOTLB");
	ck_assert_uint_eq(rig.stale[0].requester, RID);
	ck_assert_uint_eq(rig.stale[0].domain_id, DID);
	ck_assert_uint_eq(rig.stale[0].kind, DMA_WRITE);
	ck_assert_uint_eq(rig.stale[0].iova, A + 4);
	ck_assert_uint_eq(rig.stale[0].cached.pa, 0x9004);
	ck_assert_uint_eq(rig.stale[0].fresh.reason, 5);
	ck_assert_uint_eq(rig.stale[0].filled_at, 41);
	/* Remapped elsewhere: the address differs. */
	rig_map(&rig, A, 0xb003);
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(rig.stales, 2);
	ck_assert_uint_eq(rig.stale[1].fresh.pa, 0xb000);
	/* A permission taken away. */
	rig_map(&rig, A, 0x9001);
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(rig.stales, 3);
	flush_iotlb_domain(&rig, DID);
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(rig.stales, 3);
	rig_fini(&rig);
}
END_TEST

START_TEST(large_pages_are_checked_too)
{
	struct rig rig;

	strict_init(&rig, CAP_VTD48);
	poke(&rig, rig_slot(&rig, A, 1), 0x10000083);
	poke(&rig, rig_slot(&rig, 2 * A, 2), 0x40000083);
	rig.clock = 5;
	ck_translates(rread(&rig, A), 0x10000000);
	rig.clock = 6;
	ck_translates(rread(&rig, 2 * A), 0x40000000);
	poke(&rig, rig_slot(&rig, A, 1), 0);
	poke(&rig, rig_slot(&rig, 2 * A, 2), 0);
	ck_translates(rread(&rig, A + 0x100000), 0x10100000);
	ck_translates(rread(&rig, 2 * A + 0x100000), 0x40100000);
	ck_assert_uint_eq(rig.stales, 2);
	ck_assert_uint_eq(rig.stale[0].filled_at, 5);
	ck_assert_uint_eq(rig.stale[1].filled_at, 6);
	rig_fini(&rig);
}
END_TEST

START_TEST(stale_context_is_reported_as_such)
{
	struct rig rig;

	strict_init(&rig, CAP_VTD48);
	rig_map(&rig, A, 0x9003);
	rig.clock = 3;
	ck_translates(rread(&rig, A), 0x9000);
	poke2(&rig, CTX, 0, 0);
	rig.clock = 8;
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].cache, "context cache");
	ck_assert_uint_eq(rig.stale[0].cached.pa, 0x9000);
	ck_assert_uint_eq(rig.stale[0].fresh.reason, 2);
	ck_assert_uint_eq(rig.stale[0].filled_at, 3);
	flush_context(&rig, 3, DID, RID);
	ck_faults(rread(&rig, A), 2);
	ck_assert_uint_eq(rig.stales, 1);
	rig_fini(&rig);
}
END_TEST

START_TEST(stale_table_is_reported_even_when_the_page_was_not_cached)
{
	struct rig rig;
	pa_t slot;

	strict_init(&rig, CAP_VTD48);
	rig_map(&rig, A, 0x9003);
	rig_map(&rig, A + 0x1000, 0xa003);
	rig.clock = 7;
	ck_translates(rread(&rig, A), 0x9000);
	slot = rig_slot(&rig, A, 1);
	poke(&rig, slot, 0);
	/* Leaf-only invalidation though a table went: IH should have been 0. */
	flush_iotlb_page(&rig, DID, A, 9, true);
	ck_translates(rread(&rig, A + 0x1000), 0xa000);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].cache, "paging-structure cache");
	ck_assert_uint_eq(rig.stale[0].fresh.reason, 6);
	ck_assert_uint_eq(rig.stale[0].filled_at, 7);
	flush_iotlb_page(&rig, DID, A, 9, false);
	ck_faults(rread(&rig, A + 0x1000), 6);
	ck_assert_uint_eq(rig.stales, 1);
	rig_fini(&rig);
}
END_TEST

START_TEST(caching_mode_without_a_flush_after_map_is_reported)
{
	struct rig rig;

	strict_init(&rig, CAP_VTD48 | CAP_CM);
	ck_faults(rread(&rig, A), 6);
	rig_map(&rig, A, 0x9003);
	ck_faults(rread(&rig, A), 6);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_uint_eq(rig.stale[0].cached.reason, 6);
	ck_assert_uint_eq(rig.stale[0].fresh.pa, 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(entries_from_before_strict_checking_are_judged)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9003);
	rig.clock = 3;
	ck_translates(rread(&rig, A), 0x9000);
	rig_map(&rig, A, 0);
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(rig.stales, 0);
	rig.unit->ops->set_strict(rig.unit, true);
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_uint_eq(rig.stale[0].filled_at, 0);
	rig.unit->ops->set_strict(rig.unit, false);
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(rig.stales, 1);
	rig_fini(&rig);
}
END_TEST

START_TEST(strict_and_plain_give_the_same_answers)
{
	uint64_t seed = UINT64_C(0x2545f4914f6cdd1d) + (uint64_t)_i;
	struct rig plain, strict;

	rig_init(&plain, CAP_VTD48 | (_i & 1 ? CAP_CM : 0), ECAP_VTD48);
	strict_init(&strict, CAP_VTD48 | (_i & 1 ? CAP_CM : 0));
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t iova, leaf;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		iova = A + (seed & 0x1f) * 0x1000 + (seed >> 5 & 3) * 0x200000;
		leaf = (seed >> 20 & 0xffff000) | (seed >> 7 & 3);
		if ((seed >> 60) < 4) {
			rig_map(&plain, iova, leaf);
			rig_map(&strict, iova, leaf);
		} else if ((seed >> 60) == 4) {
			flush_iotlb_page(&plain, DID, iova, 2, seed >> 9 & 1);
			flush_iotlb_page(&strict, DID, iova, 2, seed >> 9 & 1);
		} else {
			enum dma_kind kind = seed >> 9 & 1 ? DMA_WRITE : DMA_READ;
			struct xlat a = request(&plain, RID, iova, kind);
			struct xlat b = request(&strict, RID, iova, kind);

			strict.stales = 0;
			ck_assert_msg(a.reason == b.reason && a.pa == b.pa && a.perm == b.perm,
				      "seed %d, step %u, iova %llx: %x/%llx and %x/%llx", _i, i,
				      (unsigned long long)iova, a.reason, (unsigned long long)a.pa,
				      b.reason, (unsigned long long)b.pa);
		}
	}
	rig_fini(&plain);
	rig_fini(&strict);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_strict");
	TCase *tc = tcase_create("strict");

	tcase_add_test(tc, honest_software_is_never_reported);
	tcase_add_test(tc, forgotten_page_is_reported_with_its_age);
	tcase_add_test(tc, large_pages_are_checked_too);
	tcase_add_test(tc, stale_context_is_reported_as_such);
	tcase_add_test(tc, stale_table_is_reported_even_when_the_page_was_not_cached);
	tcase_add_test(tc, caching_mode_without_a_flush_after_map_is_reported);
	tcase_add_test(tc, entries_from_before_strict_checking_are_judged);
	tcase_add_loop_test(tc, strict_and_plain_give_the_same_answers, 0, 8);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
