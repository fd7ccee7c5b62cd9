// SPDX-License-Identifier: GPL-2.0-only
/* What is cached stays until exactly the command that covers it: a forgotten one stays visible. */
#include "harness.h"
#include "iotlb.h"
#include "vtd_rig.h"

#define A UINT64_C(0x40000000)

/* Map, use (so that it is cached) and unmap the page at iova. */
static void stale_page(struct rig *rig, uint64_t iova)
{
	rig_map(rig, iova, 0x9003);
	ck_translates(rread(rig, iova), 0x9000);
	rig_map(rig, iova, 0);
}

START_TEST(stale_page_stays_until_it_is_invalidated)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	stale_page(&rig, A);
	ck_translates(rwrite(&rig, A + 8), 0x9008);
	/* None of these covers it. */
	flush_iotlb_page(&rig, DID, A + 0x1000, 0, false);
	flush_iotlb_page(&rig, DID, A - 0x1000, 0, false);
	flush_iotlb_page(&rig, DID + 1, A, 0, false);
	flush_iotlb_domain(&rig, DID + 1);
	flush_context(&rig, 1, 0, 0);
	ck_translates(rread(&rig, A), 0x9000);
	flush_iotlb_page(&rig, DID, A, 0, false);
	ck_faults(rread(&rig, A), 6);
	rig_fini(&rig);
}
END_TEST

START_TEST(each_granularity_removes_the_page)
{
	struct rig rig;

	for (unsigned how = 0; how < 3; how++) {
		rig_init(&rig, CAP_VTD48, ECAP_VTD48);
		stale_page(&rig, A);
		if (how == 0)
			flush_iotlb(&rig);
		else if (how == 1)
			flush_iotlb_domain(&rig, DID);
		else
			flush_iotlb_page(&rig, DID, A, 0, true);
		ck_faults(rread(&rig, A), 6);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(register_based_commands_remove_as_queued_ones_do)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	gcmd(&rig, 0, G_QIE);
	stale_page(&rig, A);
	wr(&rig, R_IVA, 8, A + 0x1000);
	wr(&rig, R_IOTLB, 8, UINT64_C(0xb000000700000000));
	ck_translates(rread(&rig, A), 0x9000);
	wr(&rig, R_IVA, 8, A);
	wr(&rig, R_IOTLB, 8, UINT64_C(0xb000000700000000));
	ck_faults(rread(&rig, A), 6);

	stale_page(&rig, A);
	wr(&rig, R_IOTLB, 8, UINT64_C(0xa000000800000000));
	ck_translates(rread(&rig, A), 0x9000);
	wr(&rig, R_IOTLB, 8, UINT64_C(0xa000000700000000));
	ck_faults(rread(&rig, A), 6);

	stale_page(&rig, A);
	poke2(&rig, PA_CONTEXT + 16 * 8, 0, 0);
	ck_translates(rread(&rig, A), 0x9000);
	wr(&rig, R_IOTLB, 8, UINT64_C(0x9000000000000000));
	ck_faults(rread(&rig, A), 6);
	/* Device-selective, wrong domain, wrong device, right. */
	wr(&rig, R_CCMD, 8, UINT64_C(0xe000000001080008));
	ck_faults(rread(&rig, A), 6);
	wr(&rig, R_CCMD, 8, UINT64_C(0xe000000001100007));
	ck_faults(rread(&rig, A), 6);
	wr(&rig, R_CCMD, 8, UINT64_C(0xe000000001080007));
	ck_faults(rread(&rig, A), 2);
	rig_fini(&rig);
}
END_TEST

START_TEST(address_mask_covers_the_aligned_block)
{
	struct rig rig;

	for (unsigned am = 0; am <= 6; am++) {
		rig_init(&rig, CAP_VTD48, ECAP_VTD48);
		for (uint64_t i = 0; i < 128; i++)
			stale_page(&rig, A + (i << 12));
		/* The address points into the middle: its low bits do not count. */
		flush_iotlb_page(&rig, DID, A + (65 << 12), am, true);
		for (uint64_t i = 0; i < 128; i++) {
			bool covered = i >> am == 65u >> am;

			ck_assert_uint_eq(rread(&rig, A + (i << 12)).reason, covered ? 6 : 0);
		}
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(mask_larger_than_the_cache_sweeps_it)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	for (uint64_t i = 0; i < 64; i++)
		stale_page(&rig, A + (i << 20));
	stale_page(&rig, A + (UINT64_C(1) << 30));
	/* 2^18 pages: the gigabyte at A and nothing else. */
	flush_iotlb_page(&rig, DID, A, 18, false);
	for (uint64_t i = 0; i < 64; i++)
		ck_faults(rread(&rig, A + (i << 20)), 6);
	ck_translates(rread(&rig, A + (UINT64_C(1) << 30)), 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(large_pages_are_cached_whole_and_fall_to_any_page_inside)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	poke(&rig, rig_slot(&rig, A, 1), 0x10000083);
	poke(&rig, rig_slot(&rig, 4 * A, 2), 0x80000083);
	ck_assert_uint_eq(rread(&rig, A).size_lg2, 21);
	ck_assert_uint_eq(rread(&rig, 4 * A).size_lg2, 30);
	poke(&rig, rig_slot(&rig, A, 1), 0);
	poke(&rig, rig_slot(&rig, 4 * A, 2), 0);
	ck_translates(rread(&rig, A + 0x1ff123), 0x101ff123);
	ck_translates(rread(&rig, 4 * A + 0x3fffffff), 0xbfffffff);
	flush_iotlb_page(&rig, DID, A + 0x200000, 0, false);
	ck_translates(rread(&rig, A + 0x1ff123), 0x101ff123);
	flush_iotlb_page(&rig, DID, A + 0x123000, 0, false);
	ck_faults(rread(&rig, A + 0x1ff123), 6);
	flush_iotlb_page(&rig, DID, 4 * A + 0x3ffff000, 0, false);
	ck_faults(rread(&rig, 4 * A), 6);
	rig_fini(&rig);
}
END_TEST

/* Move the leaf to another table of leaves, the old table keeping its entry. */
static void move_table(struct rig *rig)
{
	pa_t slot = rig_slot(rig, A, 1), table = rig->next_table;

	rig->next_table += 0x1000;
	poke(rig, table, 0xb003);
	poke(rig, slot, table | 3);
}

START_TEST(hint_keeps_the_paging_structure_cache)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9003);
	ck_translates(rread(&rig, A), 0x9000);
	move_table(&rig);
	ck_translates(rread(&rig, A), 0x9000);
	/* IH = 1 promises that only leaves changed: the unit still walks from the old table. */
	flush_iotlb_page(&rig, DID, A, 0, true);
	ck_translates(rread(&rig, A), 0x9000);
	flush_iotlb_page(&rig, DID, A, 0, false);
	ck_translates(rread(&rig, A), 0xb000);
	rig_fini(&rig);
}
END_TEST

START_TEST(a_cached_table_serves_its_other_pages)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9003);
	ck_translates(rread(&rig, A), 0x9000);
	/* Upper levels gone; a page of the same table was never cached and is still found. */
	rig_map(&rig, A + 0x5000, 0xc003);
	poke(&rig, rig_slot(&rig, A, 2), 0);
	ck_translates(rwrite(&rig, A + 0x5000), 0xc000);
	flush_iotlb_domain(&rig, DID);
	ck_faults(rread(&rig, A + 0x5000), 6);
	rig_fini(&rig);
}
END_TEST

START_TEST(permissions_of_the_upper_levels_are_cached_with_the_table)
{
	struct rig rig;
	pa_t slot;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9003);
	rig_map(&rig, A + 0x1000, 0xa003);
	slot = rig_slot(&rig, A, 2);
	poke(&rig, slot, mem(&rig, slot) & ~UINT64_C(2));
	ck_translates(rread(&rig, A), 0x9000);
	ck_faults(rwrite(&rig, A + 0x1000), 5);
	ck_translates(rread(&rig, A + 0x1000), 0xa000);
	ck_assert_uint_eq(rread(&rig, A + 0x1000).perm, PT_R);
	rig_fini(&rig);
}
END_TEST

START_TEST(a_cached_page_denies_what_it_was_cached_without)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9001);
	ck_translates(rread(&rig, A), 0x9000);
	rig_map(&rig, A, 0x9003);
	ck_faults(rwrite(&rig, A), 5);
	flush_iotlb_page(&rig, DID, A, 0, true);
	ck_translates(rwrite(&rig, A), 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(with_quiet_hits_only_what_a_cached_page_denies_is_not_recorded)
{
	const struct vtd_cfg cfg = {.name = "dmar0",
				    .cap = CAP_VTD48,
				    .ecap = ECAP_VTD48,
				    .quiet_hits = true};
	struct rig rig;

	rig_init_cfg(&rig, &cfg);
	rig_start(&rig, ECAP_VTD48);
	rig_map(&rig, A, 0x9001);
	ck_translates(rread(&rig, A), 0x9000);
	ck_faults(rwrite(&rig, A), 5);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	flush_iotlb_page(&rig, DID, A, 0, true);
	ck_faults(rwrite(&rig, A), 5);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 2);
	rig_fini(&rig);
}
END_TEST

START_TEST(faults_are_not_cached_without_caching_mode)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	ck_faults(rread(&rig, A), 6);
	rig_map(&rig, A, 0x9003);
	ck_translates(rread(&rig, A), 0x9000);
	ck_faults(request(&rig, 0x0110, A, DMA_READ), 2);
	poke2(&rig, PA_CONTEXT + 16 * 0x10, PA_TOP | 1, 2 | DID << 8);
	ck_translates(request(&rig, 0x0110, A, DMA_READ), 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(caching_mode_keeps_not_present_until_invalidated)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48 | CAP_CM, ECAP_VTD48);
	ck_faults(rread(&rig, A), 6);
	rig_map(&rig, A, 0x9003);
	ck_faults(rread(&rig, A), 6);
	ck_faults(rwrite(&rig, A), 5);
	flush_iotlb_page(&rig, 0, A, 0, false);
	ck_faults(rread(&rig, A), 6);
	flush_iotlb_page(&rig, DID, A, 0, false);
	ck_translates(rread(&rig, A), 0x9000);

	/* Reserved bits keep their reason. */
	rig_map(&rig, A + 0x1000, UINT64_C(0x400000009003));
	ck_faults(rread(&rig, A + 0x1000), 0xc);
	rig_map(&rig, A + 0x1000, 0x9003);
	ck_faults(rwrite(&rig, A + 0x1000), 0xc);

	/* A fault of one kind does not hide the permission for the other. */
	rig_map(&rig, A + 0x2000, 0x9001);
	ck_faults(rwrite(&rig, A + 0x2000), 5);
	ck_translates(rread(&rig, A + 0x2000), 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(caching_mode_keeps_absent_contexts_under_domain_0)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48 | CAP_CM, ECAP_VTD48);
	rig_map(&rig, A, 0x9003);
	ck_faults(request(&rig, 0x0110, A, DMA_READ), 2);
	poke2(&rig, PA_CONTEXT + 16 * 0x10, PA_TOP | 1, 2 | DID << 8);
	ck_faults(request(&rig, 0x0110, A, DMA_READ), 2);
	flush_context(&rig, 3, DID, 0x0110);
	ck_faults(request(&rig, 0x0110, A, DMA_READ), 2);
	flush_context(&rig, 3, 0, 0x0110);
	ck_translates(request(&rig, 0x0110, A, DMA_READ), 0x9000);
	/* A bus without a root entry as well. */
	ck_faults(request(&rig, 0x0200, A, DMA_READ), 1);
	poke2(&rig, PA_ROOT + 0x20, PA_CONTEXT | 1, 0);
	ck_faults(request(&rig, 0x0208, A, DMA_READ), 0);
	ck_faults(request(&rig, 0x0200, A, DMA_READ), 1);
	flush_context(&rig, 2, 0, 0);
	ck_faults(request(&rig, 0x0200, A, DMA_READ), 2);
	rig_fini(&rig);
}
END_TEST

START_TEST(context_commands_cover_domain_or_masked_functions)
{
	static const uint16_t rids[] = {0x0108, 0x0109, 0x010a, 0x010c, 0x010f, 0x0110};
	/* Function mask: which of rids fall with 01:01.0. */
	static const uint8_t falls[4] = {0x01, 0x09, 0x0d, 0x1f};
	struct rig rig;

	for (unsigned fm = 0; fm < 4; fm++) {
		rig_init(&rig, CAP_VTD48, ECAP_VTD48);
		rig_map(&rig, A, 0x9003);
		for (size_t i = 0; i < SIO_ARRAY_SIZE(rids); i++) {
			pa_t entry = PA_CONTEXT + 16 * (rids[i] & 0xff);

			poke2(&rig, entry, PA_TOP | 1, 2 | DID << 8);
			ck_translates(request(&rig, rids[i], A, DMA_READ), 0x9000);
			poke2(&rig, entry, 0, 0);
			ck_translates(request(&rig, rids[i], A, DMA_READ), 0x9000);
		}
		flush_context(&rig, 2, DID + 1, 0);
		queue_push(&rig,
			   1 | 3 << 4 | DID << 16 | UINT64_C(0x108) << 32 | (uint64_t)fm << 48, 0);
		queue_wait(&rig);
		for (size_t i = 0; i < SIO_ARRAY_SIZE(rids); i++)
			ck_assert_uint_eq(request(&rig, rids[i], A, DMA_READ).reason,
					  falls[fm] >> i & 1 ? 2 : 0);
		flush_context(&rig, 2, DID, 0);
		ck_faults(request(&rig, 0x0110, A, DMA_READ), 2);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(domains_with_the_same_addresses_do_not_mix)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9003);
	/* Another device, another domain, tables that lead elsewhere. */
	poke2(&rig, PA_CONTEXT + 16 * 0x10, 0x200000 | 1, 2 | (DID + 1) << 8);
	poke(&rig, 0x200000, 0x201003);
	poke(&rig, 0x201000 + 8 * 1, 0x40000083);
	ck_translates(rread(&rig, A), 0x9000);
	ck_translates(request(&rig, 0x0110, A, DMA_READ), 0x40000000);
	ck_translates(rread(&rig, A), 0x9000);
	ck_translates(request(&rig, 0x0110, A + 0x1000, DMA_READ), 0x40001000);
	ck_faults(rread(&rig, A + 0x1000), 6);
	rig_fini(&rig);
}
END_TEST

/* ---- the arrays themselves ---- */

START_TEST(domain_tags_that_run_out_are_renewed)
{
	const struct xlat x = {.size_lg2 = 12, .perm = 3, .pa = 0x7000};
	struct iotlb *tlb = iotlb_create(&(struct iotlb_cfg){.tag_max = 5});
	uint64_t value;

	ck_assert_ptr_nonnull(tlb);
	for (uint16_t round = 0; round < 40; round++) {
		uint16_t domain = round % 3;
		uint64_t tag = iotlb_tag_get(tlb, domain);

		if (tag == 0) {
			/* Uncached until an invalidation makes room, and never another's entry. */
			iotlb_fill_page(tlb, tag, 0x1000, x);
			ck_assert_uint_eq(iotlb_peek(tlb, tag, 0x1000, &value), 0);
			iotlb_renew_tags(tlb);
			ck_assert_uint_eq(tlb->tag[0] | tlb->tag[1] | tlb->tag[2], 0);
			continue;
		}
		ck_assert_uint_le(tag >> IOTLB_TAG_LG2, 5);
		ck_assert_uint_eq(iotlb_peek(tlb, tag, 0x1000, &value), 0);
		iotlb_fill_page(tlb, tag, 0x1000, x);
		ck_assert_uint_eq(iotlb_peek(tlb, tag, 0x1000, &value), 12);
		ck_assert_uint_eq(value, 0x7003);
		ck_assert_ptr_null(iotlb_audit(tlb));
		iotlb_flush_domain(tlb, domain);
		ck_assert_uint_eq(iotlb_tag(tlb, domain), 0);
	}
	iotlb_destroy(tlb);
}
END_TEST

START_TEST(an_empty_cache_answers_no_page)
{
	struct iotlb *tlb = iotlb_create(&(struct iotlb_cfg){0});
	struct xlat x;
	uint64_t value, none;

	ck_assert_ptr_nonnull(tlb);
	tlb->held = tlb->visible = 0xff;
	tlb->context[RID] = IOTLB_WORD_WALK | DID;
	for (uint64_t tag = 0; tag < 4096; tag++) {
		ck_assert_uint_eq(iotlb_peek(tlb, tag << IOTLB_TAG_LG2, tag << 12, &value), 0);
		ck_assert_uint_eq(iotlb_peek(tlb, tag << IOTLB_TAG_LG2, ~UINT64_C(0), &value), 0);
		ck_assert(!iotlb_find_table(tlb, tag << IOTLB_TAG_LG2, tag << 12, &value));
		/* The domain has no tag: keys of low addresses are those of empty entries. */
		ck_assert_int_eq(iotlb_lookup(tlb, RID, tag << 12, PT_R, &x, &none), IOTLB_MISS);
	}
	iotlb_destroy(tlb);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_cache");
	TCase *tc = tcase_create("caches");

	tcase_add_test(tc, stale_page_stays_until_it_is_invalidated);
	tcase_add_test(tc, each_granularity_removes_the_page);
	tcase_add_test(tc, register_based_commands_remove_as_queued_ones_do);
	tcase_add_test(tc, address_mask_covers_the_aligned_block);
	tcase_add_test(tc, mask_larger_than_the_cache_sweeps_it);
	tcase_add_test(tc, large_pages_are_cached_whole_and_fall_to_any_page_inside);
	tcase_add_test(tc, hint_keeps_the_paging_structure_cache);
	tcase_add_test(tc, a_cached_table_serves_its_other_pages);
	tcase_add_test(tc, permissions_of_the_upper_levels_are_cached_with_the_table);
	tcase_add_test(tc, a_cached_page_denies_what_it_was_cached_without);
	tcase_add_test(tc, with_quiet_hits_only_what_a_cached_page_denies_is_not_recorded);
	tcase_add_test(tc, faults_are_not_cached_without_caching_mode);
	tcase_add_test(tc, caching_mode_keeps_not_present_until_invalidated);
	tcase_add_test(tc, caching_mode_keeps_absent_contexts_under_domain_0);
	tcase_add_test(tc, context_commands_cover_domain_or_masked_functions);
	tcase_add_test(tc, domains_with_the_same_addresses_do_not_mix);
	tcase_add_test(tc, domain_tags_that_run_out_are_renewed);
	tcase_add_test(tc, an_empty_cache_answers_no_page);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
