// SPDX-License-Identifier: GPL-2.0-only
/* What an AMD-Vi unit answers to a request: device table entries, v1 tables, special ranges. */
#include "amdvi_rig.h"

#define A UINT64_C(0x40000000)

START_TEST(unit_that_is_off_passes_everything)
{
	const struct amdvi_cfg cfg = {.efr = EFR_RECORDED};
	struct rig rig;

	rig_init_off(&rig, &cfg);
	rig_dte(&rig, RID, dte_v1(4), DID, 0);
	ck_translates(rread(&rig, A + 5), A + 5);
	ck_translates(rwrite(&rig, UINT64_C(0xffffffffffff0000)), UINT64_C(0xffffffffffff0000));
	rig_fini(&rig);
}
END_TEST

START_TEST(invalid_entry_passes_without_a_check)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	rig_dte(&rig, RID, 0x7c, 0, 0);
	ck_translates(rwrite(&rig, A), A);
	ck_no_event(&rig);
	rig_fini(&rig);
}
END_TEST

START_TEST(entry_without_translation_information_aborts)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	rig_dte(&rig, RID, UINT64_C(0x6000000000000001), DID, 0);
	ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
	rig_fini(&rig);
}
END_TEST

START_TEST(mode_0_passes_what_ir_and_iw_allow)
{
	struct rig rig;

	for (unsigned perm = 0; perm < 4; perm++) {
		rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
		rig_dte(&rig, RID, 3 | (uint64_t)perm << 61, DID, 0);
		ck_assert_uint_eq(rread(&rig, A).reason, perm & 1 ? 0 : AMDVI_IO_PAGE_FAULT);
		ck_assert_uint_eq(rwrite(&rig, A).reason, perm & 2 ? 0 : AMDVI_IO_PAGE_FAULT);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(pages_of_every_default_size_translate)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	poke(&rig, rig_slot(&rig, A, 0), V1_LEAF | 0x12345000);
	poke(&rig, rig_slot(&rig, 2 * A, 1), V1_LEAF | 0x20000000);
	poke(&rig, rig_slot(&rig, 4 * A, 2), V1_LEAF | 0x80000000);
	for (unsigned again = 0; again < 2; again++) {
		ck_translates(rread(&rig, A + 0x678), 0x12345678);
		ck_translates(rread(&rig, 2 * A + 0x1fffff), 0x201fffff);
		ck_translates(rwrite(&rig, 4 * A + 0x3fffffff), 0xbfffffff);
	}
	ck_assert_uint_eq(rread(&rig, 2 * A).size_lg2, 21);
	ck_assert_uint_eq(rread(&rig, 4 * A).size_lg2, 30);
	rig_fini(&rig);
}
END_TEST

START_TEST(pages_of_other_sizes_translate_by_any_copy)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	/* 16 KiB at 0x10008000: bits 12 set, 13 clear, next level 7, four copies. */
	for (unsigned i = 0; i < 4; i++)
		rig_map(&rig, A + 0x8000 + i * 0x1000, V1_LEAF | 0xe00 | 0x10009000);
	for (uint64_t at = 0; at < 0x4000; at += 0x777)
		ck_translates(rread(&rig, A + 0x8000 + at), 0x10008000 + at);
	/* 4 MiB at 0x30000000: bits 20:12 set, 21 clear, two copies at the second level. */
	poke(&rig, rig_slot(&rig, 2 * A, 1), V1_LEAF | 0xe00 | 0x301ff000);
	poke(&rig, rig_slot(&rig, 2 * A + 0x200000, 1), V1_LEAF | 0xe00 | 0x301ff000);
	ck_translates(rread(&rig, 2 * A + 0x3fffff), 0x303fffff);
	ck_translates(rread(&rig, 2 * A + 0x123), 0x30000123);
	rig_fini(&rig);
}
END_TEST

START_TEST(permissions_are_those_of_the_whole_walk_and_the_entry)
{
	struct rig rig;

	for (unsigned device = 0; device < 4; device++) {
		for (unsigned table = 0; table < 4; table++) {
			for (unsigned leaf = 0; leaf < 4; leaf++) {
				unsigned perm = device & table & leaf;
				pa_t slot;

				rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
				rig_dte(&rig, RID, 0x803 | PA_TOP | (uint64_t)device << 61, DID, 0);
				rig_map(&rig, A, 0x9001 | (uint64_t)leaf << 61);
				slot = rig_slot(&rig, A, 1);
				poke(&rig, slot,
				     (mem(&rig, slot) & ~(UINT64_C(3) << 61)) | (uint64_t)table
											<< 61);
				for (unsigned again = 0; again < 2; again++) {
					ck_assert_uint_eq(rread(&rig, A).reason == 0, perm & 1);
					ck_assert_uint_eq(rwrite(&rig, A).reason == 0, perm >> 1);
				}
				rig_fini(&rig);
			}
		}
	}
}
END_TEST

START_TEST(modes_limit_the_address_but_the_sixth)
{
	struct rig rig;

	for (unsigned mode = 1; mode <= 6; mode++) {
		uint64_t top = mode == 6 ? 0 : UINT64_C(1) << (12 + 9 * mode);
		pa_t table = PA_TOP;

		rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
		rig_dte(&rig, RID, dte_v1(mode), DID, 0);
		/* The last page of the space: the last entry of each table. */
		for (unsigned l = mode; l-- > 0;) {
			unsigned index = l == 5 ? 127 : 511;

			poke(&rig, table + 8 * index,
			     l ? V1_LEAF | (table + 0x1000) | (uint64_t)l << 9 : V1_LEAF | 0x5000);
			table += 0x1000;
		}
		ck_translates(rread(&rig, top - 1), 0x5fff);
		ck_translates(rread(&rig, top - 0x1000), 0x5000);
		if (top)
			ck_faults(rread(&rig, top), AMDVI_IO_PAGE_FAULT);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(mode_beyond_what_the_unit_announces_is_illegal)
{
	struct rig rig;

	for (unsigned hats = 0; hats < 3; hats++) {
		for (unsigned mode = 4; mode < 8; mode++) {
			rig_init(&rig, hats << 10, CAP_RECORDED);
			rig_dte(&rig, RID, dte_v1(mode), DID, 0);
			ck_faults(rread(&rig, A), mode > 4 + hats ? AMDVI_ILLEGAL_DEV_TABLE_ENTRY
								  : AMDVI_IO_PAGE_FAULT);
			rig_fini(&rig);
		}
	}
}
END_TEST

START_TEST(each_reserved_bit_of_an_entry_is_illegal)
{
	/* Corrected masks, and those of early emulated units. */
	static const uint64_t reserved[2][4] = {
		{UINT64_C(0x800000000000007c), 0, UINT64_C(0x0030000000000000),
		 UINT64_C(0x003f000000007fff)},
		{UINT64_C(0x80300000000000fc), UINT64_C(0x100), UINT64_C(0x08f0000000000000), 0},
	};
	struct rig rig;

	for (unsigned old = 0; old < 2; old++) {
		const struct amdvi_cfg cfg = {.efr = EFR_RECORDED, .old_reserved_masks = old};

		rig_init_off(&rig, &cfg);
		wr(&rig, R_CONTROL, C_ALL_BUT_GA);
		for (unsigned bit = 0; bit < 256; bit++) {
			uint64_t word[4] = {3 | UINT64_C(3) << 61, DID, 0, 0};
			uint64_t one = UINT64_C(1) << bit % 64;

			if (!(reserved[old][bit / 64] & one))
				continue;
			word[bit / 64] |= one;
			rig_dte(&rig, RID, word[0], word[1], word[2]);
			poke(&rig, PA_DEVTAB + 32 * RID + 24, word[3]);
			flush_device(&rig, RID);
			ck_assert_msg(rread(&rig, A).reason == AMDVI_ILLEGAL_DEV_TABLE_ENTRY,
				      "bit %u passes", bit);
			poke(&rig, PA_DEVTAB + 32 * RID + 24, 0);
		}
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(fields_of_features_that_are_missing_are_illegal)
{
	static const struct {
		uint64_t efr;
		uint32_t capability;
		uint64_t w0, w1;
	} bad[] = {
		{0, CAP_RECORDED, UINT64_C(1) << 55, 0},            /* GV */
		{EFR_RECORDED, CAP_RECORDED, UINT64_C(1) << 54, 0}, /* GIOV */
		{0, CAP_RECORDED, UINT64_C(1) << 52, 0},            /* PPR */
		{EFR_RECORDED, CAP_RECORDED, UINT64_C(3) << 7, 0},  /* HAD */
		{EFR_FULL, CAP_RECORDED, UINT64_C(2) << 7, 0},      /* its reserved value */
		{EFR_FULL & ~AMDVI_EFR_HD, CAP_RECORDED, UINT64_C(3) << 7, 0},
		{EFR_FULL, CAP_RECORDED & ~0x01000000u, 0, UINT64_C(1) << 32}, /* I */
		{EFR_RECORDED, CAP_RECORDED, UINT64_C(5) << 55, 0},            /* GLX 2 */
	};
	struct rig rig;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(bad); i++) {
		rig_init(&rig, bad[i].efr, bad[i].capability);
		rig_dte(&rig, RID, dte_v1(4) | bad[i].w0, DID | bad[i].w1, 0);
		ck_assert_msg(rread(&rig, A).reason == AMDVI_ILLEGAL_DEV_TABLE_ENTRY, "case %u", i);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(requests_outside_a_port_are_translated_and_logged_too)
{
	const struct dma_req req = {.requester = RID, .iova = A, .len = 4};
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	ck_faults(rig.unit->ops->translate(rig.unit, &req), AMDVI_IO_PAGE_FAULT);
	ck_event(&rig, UINT64_C(0x2000000700000000) | RID, A);
	rig_map(&rig, A, V1_LEAF | 0x9000);
	for (unsigned again = 0; again < 2; again++)
		ck_translates(rig.unit->ops->translate(rig.unit, &req), 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(requester_beyond_the_device_table_is_illegal)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	wr(&rig, R_DEVTAB, PA_DEVTAB | 1); /* 8 KiB: 256 entries */
	ck_translates(request(&rig, 0xff, A, DMA_READ), A);
	ck_faults(request(&rig, 0x100, A, DMA_READ), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
	rig_fini(&rig);
}
END_TEST

START_TEST(exclusion_range_is_not_translated_for_whom_it_is_meant)
{
	struct rig rig;

	for (unsigned how = 0; how < 4; how++) {
		/* how: bit 0 allow all, bit 1 the entry's EX. */
		rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
		poke(&rig, rig_slot(&rig, A, 1), V1_LEAF | 0x20000000);
		rig_dte(&rig, RID, dte_v1(4), DID | (uint64_t)(how >> 1) << 39, 0);
		ck_translates(rread(&rig, A + 0x3000), 0x20003000);
		wr(&rig, R_EXCL_LIMIT, A + 0x4000);
		wr(&rig, R_EXCL_BASE, (A + 0x2000) | 1 | (how & 1 ? 2 : 0));
		ck_translates(rread(&rig, A + 0x1fff), 0x20001fff);
		ck_translates(rread(&rig, A + 0x2000), how ? A + 0x2000 : 0x20002000);
		ck_translates(rwrite(&rig, A + 0x4fff), how ? A + 0x4fff : 0x20004fff);
		ck_translates(rread(&rig, A + 0x5000), 0x20005000);
		/* The part of the page before the range must not reach into it. */
		ck_assert_uint_le(rread(&rig, A + 0x1000).size_lg2, how ? 12 : 21);
		wr(&rig, R_EXCL_BASE, 0);
		ck_translates(rread(&rig, A + 0x2000), 0x20002000);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(special_ranges_are_never_translated)
{
	struct rig rig;
	const uint64_t ht[] = {UINT64_C(0xfd00000000), UINT64_C(0xfdf8000000),
			       UINT64_C(0xfdf9100000), UINT64_C(0xfdfc000000),
			       UINT64_C(0xffffffffff) & ~UINT64_C(7)};

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	/* One 512 GiB page over everything below 1 TiB's half, and one over the HT range. */
	poke(&rig, PA_TOP, V1_LEAF);
	poke(&rig, PA_TOP + 8, V1_LEAF);
	ck_translates(rread(&rig, 0xfedff000), 0xfedff000);
	ck_assert_uint_eq(rread(&rig, 0xfedff000).size_lg2, 12);
	ck_faults(rread(&rig, 0xfee00000), AMDVI_INVALID_DEVICE_REQUEST);
	ck_faults(rwrite(&rig, 0xfeeffff8), AMDVI_INVALID_DEVICE_REQUEST);
	ck_translates(rread(&rig, 0xfef00000), 0xfef00000);
	for (unsigned i = 0; i < 5; i++)
		ck_faults(rread(&rig, ht[i]), AMDVI_INVALID_DEVICE_REQUEST);
	ck_translates(rread(&rig, UINT64_C(0xfcfffff000)), UINT64_C(0x7cfffff000));
	ck_assert_uint_le(rread(&rig, UINT64_C(0xfcfffff000)).size_lg2, 30);
	rig_fini(&rig);
}
END_TEST

START_TEST(port_and_management_ranges_follow_the_entry)
{
	const uint64_t ports = UINT64_C(0xfdfc000000), management = UINT64_C(0xfdf9100000);
	struct rig rig;

	for (uint64_t field = 0; field < 4; field++) {
		rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
		poke(&rig, PA_TOP + 8, V1_LEAF);
		rig_dte(&rig, RID, dte_v1(4), DID | field << 35, 0);
		if (field == 3)
			ck_faults(rwrite(&rig, ports), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
		else if (field == 0)
			ck_faults(rwrite(&rig, ports), AMDVI_INVALID_DEVICE_REQUEST);
		else
			ck_translates(rwrite(&rig, ports),
				      field == 1 ? ports : ports & 0x7fffffffff);
		rig_dte(&rig, RID, dte_v1(4), DID | field << 40, 0);
		flush_device(&rig, RID);
		if (field == 1 || field == 3)
			ck_translates(rwrite(&rig, management),
				      field == 1 ? management : management & 0x7fffffffff);
		else
			ck_faults(rwrite(&rig, management), AMDVI_INVALID_DEVICE_REQUEST);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(accessed_and_dirty_follow_had)
{
	struct rig rig;

	for (uint64_t had = 0; had < 4; had += had ? 2 : 1) {
		uint64_t accessed = had ? 0x20 : 0, dirty = had == 3 ? 0x40 : 0;

		rig_init(&rig, EFR_FULL, CAP_RECORDED);
		rig_dte(&rig, RID, dte_v1(4) | had << 7, DID, 0);
		rig_map(&rig, A, V1_LEAF | 0x9000);
		ck_translates(rread(&rig, A), 0x9000);
		ck_assert_uint_eq(mem(&rig, rig_slot(&rig, A, 0)) & 0x60, accessed);
		ck_assert_uint_eq(mem(&rig, PA_TOP) & 0x60, accessed);
		/* Cached by the read, and yet the first write comes by the table. */
		ck_translates(rwrite(&rig, A), 0x9000);
		ck_assert_uint_eq(mem(&rig, rig_slot(&rig, A, 0)) & 0x60, accessed | dirty);
		/* Cleared without a flush: the cached page is not marked again. */
		rig_map(&rig, A, V1_LEAF | 0x9000);
		ck_translates(rwrite(&rig, A), 0x9000);
		if (had == 3)
			ck_assert_uint_eq(mem(&rig, rig_slot(&rig, A, 0)) & 0x40, 0);
		flush_pages(&rig, DID, 0, A);
		ck_translates(rwrite(&rig, A), 0x9000);
		ck_assert_uint_eq(mem(&rig, rig_slot(&rig, A, 0)) & 0x60, accessed | dirty);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(entries_above_a_table_of_which_a_page_was_absent_are_marked)
{
	struct rig rig;

	for (uint64_t had = 1; had < 4; had += 2) {
		rig_init(&rig, EFR_FULL, CAP_NO_NP);
		rig_dte(&rig, RID, dte_v1(4) | had << 7, DID, 0);
		rig_map(&rig, A, 0);
		ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
		/* Not present to present: there is nothing to invalidate. */
		rig_map(&rig, A, V1_LEAF | 0x9000);
		ck_translates(rread(&rig, A), 0x9000);
		ck_assert_uint_eq(mem(&rig, rig_slot(&rig, A, 0)) & 0x20, 0x20);
		for (unsigned level = 1; level < 4; level++)
			ck_assert_uint_eq(mem(&rig, rig_slot(&rig, A, level)) & 0x20, 0x20);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(report_shows_the_entry_and_each_level)
{
	const struct dma_req req = {.requester = RID, .iova = A + 0x10, .len = 4};
	struct amdvi_trail trail;
	struct rig rig;

	rig_init(&rig, EFR_FULL, CAP_RECORDED);
	rig_dte(&rig, RID, dte_v1(4) | 3 << 7, DID, 0);
	rig_map(&rig, A, V1_LEAF | 0x9000);
	amdvi_walk(rig.unit, &req, &trail);
	ck_assert_uint_eq(trail.entries, 1);
	ck_assert_uint_eq(trail.entry[0].pa, PA_DEVTAB + 32 * RID);
	ck_assert_uint_eq(trail.entry[0].word[1], DID);
	ck_assert_uint_eq(trail.domain_id, DID);
	ck_assert_uint_eq(trail.steps, 4);
	ck_assert_uint_eq(trail.step[0].entry_pa, PA_TOP);
	ck_assert_uint_eq(trail.step[3].raw, V1_LEAF | 0x9000);
	ck_translates(trail.result, 0x9010);
	/* A report leaves no marks and caches nothing. */
	ck_assert_uint_eq(mem(&rig, PA_TOP) & 0x20, 0);
	rig_map(&rig, A, V1_LEAF | 0xa000);
	ck_translates(rread(&rig, A), 0xa000);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_xlat");
	TCase *tc = tcase_create("xlat");

	tcase_add_test(tc, unit_that_is_off_passes_everything);
	tcase_add_test(tc, invalid_entry_passes_without_a_check);
	tcase_add_test(tc, entry_without_translation_information_aborts);
	tcase_add_test(tc, mode_0_passes_what_ir_and_iw_allow);
	tcase_add_test(tc, pages_of_every_default_size_translate);
	tcase_add_test(tc, pages_of_other_sizes_translate_by_any_copy);
	tcase_add_test(tc, permissions_are_those_of_the_whole_walk_and_the_entry);
	tcase_add_test(tc, modes_limit_the_address_but_the_sixth);
	tcase_add_test(tc, mode_beyond_what_the_unit_announces_is_illegal);
	tcase_add_test(tc, each_reserved_bit_of_an_entry_is_illegal);
	tcase_add_test(tc, fields_of_features_that_are_missing_are_illegal);
	tcase_add_test(tc, requests_outside_a_port_are_translated_and_logged_too);
	tcase_add_test(tc, requester_beyond_the_device_table_is_illegal);
	tcase_add_test(tc, exclusion_range_is_not_translated_for_whom_it_is_meant);
	tcase_add_test(tc, special_ranges_are_never_translated);
	tcase_add_test(tc, port_and_management_ranges_follow_the_entry);
	tcase_add_test(tc, accessed_and_dirty_follow_had);
	tcase_add_test(tc, entries_above_a_table_of_which_a_page_was_absent_are_marked);
	tcase_add_test(tc, report_shows_the_entry_and_each_level);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
