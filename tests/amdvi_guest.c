// SPDX-License-Identifier: GPL-2.0-only
/* Guest translations of AMD-Vi: GCR3 tables, v2 tables, PASIDs, nesting, and what removes them. */
#include "amdvi_rig.h"

#define A     UINT64_C(0x40000000)
#define GCR3  0x900000u /* tables of PASIDs */
#define GUEST 0xa00000u /* v2 tables: four of one page each */

/* Present, writable, user, accessed, dirty. */
#define V2_LEAF  0x67u
#define V2_TABLE 0x27u

/* Word 0: v1 mode, GV, GLX; the GCR3 table's address is spread over both words. */
static void dte_guest(struct rig *rig, unsigned mode, unsigned glx, bool giov, uint64_t gcr3)
{
	uint64_t w0 = dte_v1(mode) | UINT64_C(1) << 55 | (uint64_t)glx << 56;
	uint64_t w1 = DID | (gcr3 >> 15 & 0xffff) << 16 | (gcr3 >> 31) << 43;

	if (mode == 0)
		w0 &= ~UINT64_C(0xffffffffff000);
	w0 |= (gcr3 >> 12 & 7) << 58 | (uint64_t)giov << 54;
	rig_dte(rig, RID, w0, w1, 0);
}

/* Four v2 tables from `root` on, one page apart, that lead to one leaf for iova. */
static pa_t v2_tables(struct rig *rig, pa_t root, uint64_t iova, uint64_t leaf)
{
	for (unsigned l = 3; l > 0; l--, root += 0x1000)
		poke(rig, root + 8 * (iova >> (12 + 9 * l) & 511), (root + 0x1000) | V2_TABLE);
	poke(rig, root + 8 * (iova >> 12 & 511), leaf);
	return root + 8 * (iova >> 12 & 511);
}

START_TEST(pasid_finds_its_tables_by_one_to_three_levels)
{
	static const uint32_t pasid[3] = {0x1a5, 0x2a5a5, 0xfa5a5};
	struct rig rig;

	for (unsigned glx = 0; glx < 3; glx++) {
		pa_t table = GCR3;

		rig_init(&rig, EFR_FULL, CAP_RECORDED);
		dte_guest(&rig, 0, glx, false, GCR3);
		for (unsigned l = glx + 1; l-- > 0; table += 0x1000)
			poke(&rig, table + 8 * (pasid[glx] >> (9 * l) & 511),
			     (l ? table + 0x1000 : GUEST) | 1);
		v2_tables(&rig, GUEST, A, 0x9000 | V2_LEAF);
		ck_translates(pasid_request(&rig, pasid[glx], A + 0x12, DMA_WRITE), 0x9012);
		ck_faults(pasid_request(&rig, pasid[glx] ^ 1, A, DMA_READ), AMDVI_IO_PAGE_FAULT);
		/* More bits than the levels index. */
		if (glx < 2)
			ck_faults(pasid_request(&rig, pasid[glx] | 1u << (9 * (glx + 1)), A,
						DMA_READ),
				  AMDVI_IO_PAGE_FAULT);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(high_address_of_the_gcr3_table_is_put_together)
{
	const pa_t gcr3 = UINT64_C(0x1e4c7d000); /* bits in all three fields */
	const uint64_t root = GUEST | 1;
	struct rig rig;

	rig_init(&rig, EFR_FULL, CAP_RECORDED);
	dte_guest(&rig, 0, 0, true, gcr3);
	ck_assert(phys_write(rig.phys, gcr3, &root, 8));
	v2_tables(&rig, GUEST, A, 0x9000 | V2_LEAF);
	ck_translates(rread(&rig, A), 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(requests_without_pasid_use_the_first_only_with_giov)
{
	struct rig rig;

	for (unsigned giov = 0; giov < 2; giov++) {
		rig_init(&rig, EFR_FULL, CAP_RECORDED);
		dte_guest(&rig, 0, 0, giov, GCR3);
		poke(&rig, GCR3, GUEST | 1);
		v2_tables(&rig, GUEST, A, 0x9000 | V2_LEAF);
		for (unsigned again = 0; again < 2; again++)
			ck_translates(rread(&rig, A), giov ? 0x9000 : A);
		ck_translates(pasid_request(&rig, 0, A, DMA_READ), 0x9000);
		/* Guest translation switched off: a PASID means nothing. */
		control(&rig, 0, C_GT);
		ck_translates(rread(&rig, A), A);
		ck_faults(pasid_request(&rig, 0, A, DMA_READ), AMDVI_IO_PAGE_FAULT);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(five_levels_follow_the_entry_and_the_unit)
{
	const uint64_t iova = UINT64_C(0x00ff000000001000);
	struct rig rig;

	rig_init(&rig, EFR_FULL, CAP_RECORDED);
	dte_guest(&rig, 0, 0, true, GCR3);
	poke(&rig, PA_DEVTAB + 32 * RID + 16, UINT64_C(1) << 54);
	poke(&rig, GCR3, (GUEST - 0x1000) | 1);
	poke(&rig, GUEST - 0x1000 + 8 * (iova >> 48 & 511), GUEST | V2_TABLE);
	v2_tables(&rig, GUEST, iova, 0x9000 | V2_LEAF);
	ck_translates(rread(&rig, iova), 0x9000);
	rig_fini(&rig);
	/* GATS 0: four levels only. */
	rig_init(&rig, EFR_FULL & ~UINT64_C(0x3000), CAP_RECORDED);
	dte_guest(&rig, 0, 0, true, GCR3);
	poke(&rig, PA_DEVTAB + 32 * RID + 16, UINT64_C(1) << 54);
	ck_faults(rread(&rig, iova), AMDVI_ILLEGAL_DEV_TABLE_ENTRY);
	rig_fini(&rig);
}
END_TEST

START_TEST(guest_tables_get_accessed_and_dirty_bits)
{
	struct rig rig;
	pa_t leaf;

	rig_init(&rig, EFR_FULL, CAP_RECORDED);
	dte_guest(&rig, 0, 0, true, GCR3);
	poke(&rig, GCR3, GUEST | 1);
	leaf = v2_tables(&rig, GUEST, A, 0x9007);
	ck_translates(rread(&rig, A), 0x9000);
	ck_assert_uint_eq(mem(&rig, leaf), 0x9027);
	ck_translates(rwrite(&rig, A), 0x9000);
	ck_assert_uint_eq(mem(&rig, leaf), 0x9067);
	rig_fini(&rig);
}
END_TEST

/* Nested: guest addresses are host physical ones plus 4 GiB. */
#define GPA (UINT64_C(1) << 32)

static pa_t nest(struct rig *rig)
{
	rig_init(rig, EFR_FULL, CAP_NO_NP);
	dte_guest(rig, 4, 0, true, GCR3);
	poke(rig, rig_slot(rig, GPA, 2), V1_LEAF); /* 1 GiB onto 0 */
	poke(rig, GCR3, (GPA + GUEST) | 1);
	for (unsigned l = 3, at = GUEST; l > 0; l--, at += 0x1000)
		poke(rig, at + 8 * (A >> (12 + 9 * l) & 511), (GPA + at + 0x1000) | V2_TABLE);
	poke(rig, GUEST + 0x3000 + 8 * (A >> 12 & 511), (GPA + 0x9000) | V2_LEAF);
	return GUEST + 0x3000 + 8 * (A >> 12 & 511);
}

START_TEST(nested_tables_are_found_through_the_host_tables)
{
	struct rig rig;
	pa_t leaf = nest(&rig);

	ck_translates(rread(&rig, A + 7), 0x9007);
	ck_translates(pasid_request(&rig, 0, A + 7, DMA_WRITE), 0x9007);
	ck_no_event(&rig);
	/* The page lies where the host has none: a fault with the PASID. */
	poke(&rig, leaf, (4 * GPA + 0x9000) | V2_LEAF);
	flush_pages(&rig, DID, 0, A | 4);
	ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
	ck_event(&rig, UINT64_C(0x2001000000000000) | RID, A);
	rig_fini(&rig);
}
END_TEST

START_TEST(report_shows_both_stages)
{
	const struct dma_req req = {.requester = RID, .iova = A, .len = 4};
	struct amdvi_trail trail;
	struct rig rig;

	nest(&rig);
	amdvi_walk(rig.unit, &req, &trail);
	ck_assert(trail.guest && trail.nested);
	ck_assert_uint_eq(trail.entries, 2);
	ck_assert_uint_eq(trail.entry[1].pa, GCR3);
	ck_assert_uint_eq(trail.steps, 4);
	ck_assert_uint_eq(trail.host_steps, 2);
	ck_translates(trail.result, 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(only_commands_for_the_pasid_or_the_domain_remove_guest_pages)
{
	struct rig rig;
	pa_t leaf;

	rig_init(&rig, EFR_FULL, CAP_RECORDED);
	dte_guest(&rig, 0, 0, false, GCR3);
	poke(&rig, GCR3 + 8 * 5, GUEST | 1);
	leaf = v2_tables(&rig, GUEST, A, 0x9000 | V2_LEAF);
	for (unsigned how = 0; how < 4; how++) {
		poke(&rig, leaf, 0x9000 | V2_LEAF);
		ck_translates(pasid_request(&rig, 5, A, DMA_READ), 0x9000);
		poke(&rig, leaf, 0);
		flush_pages(&rig, DID, 5, A);             /* a host address */
		flush_pages(&rig, DID, 6, ALL_PAGES | 4); /* another PASID */
		flush_pages(&rig, DID + 1, 5, ALL_PAGES | 4);
		flush_pages(&rig, DID, 5, (A + 0x1000) | 4);
		flush_device(&rig, RID);
		ck_translates(pasid_request(&rig, 5, A, DMA_READ), 0x9000);
		if (how == 0)
			flush_pages(&rig, DID, 5, A | 4);
		else if (how == 1)
			flush_pages(&rig, DID, 5, ALL_PAGES | 4);
		else if (how == 2)
			flush_pages(&rig, DID, 0, ALL_PAGES);
		else
			push(&rig, UINT64_C(8) << 60, 0);
		wait_done(&rig);
		ck_faults(pasid_request(&rig, 5, A, DMA_READ), AMDVI_IO_PAGE_FAULT);
	}
	rig_fini(&rig);
}
END_TEST

START_TEST(any_host_page_of_the_domain_ends_nested_translations)
{
	struct rig rig;
	pa_t leaf = nest(&rig);

	ck_translates(rread(&rig, A), 0x9000);
	poke(&rig, leaf, (GPA + 0xa000) | V2_LEAF);
	flush_pages(&rig, DID + 1, 0, ALL_PAGES);
	ck_translates(rread(&rig, A), 0x9000);
	flush_pages(&rig, DID, 0, 16 * GPA);
	ck_translates(rread(&rig, A), 0xa000);
	rig_fini(&rig);
}
END_TEST

START_TEST(pasid_without_guest_tables_faults)
{
	struct rig rig;

	rig_init(&rig, EFR_FULL, CAP_RECORDED);
	rig_map(&rig, A, V1_LEAF | 0x9000);
	ck_translates(rread(&rig, A), 0x9000);
	ck_faults(pasid_request(&rig, 1, A, DMA_READ), AMDVI_IO_PAGE_FAULT);
	rig_fini(&rig);
	/* The recorded unit has one PASID bit. */
	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	dte_guest(&rig, 0, 0, false, GCR3);
	poke(&rig, GCR3 + 8, GUEST | 1);
	poke(&rig, GCR3 + 16, GUEST | 1);
	v2_tables(&rig, GUEST, A, 0x9000 | V2_LEAF);
	ck_translates(pasid_request(&rig, 1, A, DMA_READ), 0x9000);
	ck_faults(pasid_request(&rig, 2, A, DMA_READ), AMDVI_IO_PAGE_FAULT);
	rig_fini(&rig);
}
END_TEST

START_TEST(users_and_execution_are_judged_where_the_unit_can)
{
	struct dma_req req = {.requester = RID, .iova = A, .len = 4};
	struct rig rig;

	for (unsigned can = 0; can < 2; can++) {
		rig_init(&rig, EFR_FULL | (can ? UINT64_C(1) << 37 | AMDVI_EFR_NX : 0),
			 CAP_RECORDED);
		dte_guest(&rig, 0, 0, true, GCR3);
		poke(&rig, GCR3, GUEST | 1);
		/* A supervisor's page that is not for execution. */
		v2_tables(&rig, GUEST, A, 0x9063 | UINT64_C(1) << 63);
		req.execute = req.privileged = false;
		ck_assert_uint_eq(!dma_translate(rig.port, &req).reason, !can);
		req.privileged = true;
		ck_translates(dma_translate(rig.port, &req), 0x9000);
		req.execute = true;
		ck_assert_uint_eq(!dma_translate(rig.port, &req).reason, !can);
		/* What the supervisor used is not in the cache for users. */
		req.execute = req.privileged = false;
		ck_assert_uint_eq(!dma_translate(rig.port, &req).reason, !can);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(guest_tables_nowhere_are_hardware_errors)
{
	struct rig rig;

	rig_init(&rig, EFR_FULL, CAP_RECORDED);
	dte_guest(&rig, 0, 0, true, PA_NOWHERE);
	ck_faults(rread(&rig, A), AMDVI_PAGE_TAB_HARDWARE_ERROR);
	ck_event(&rig, UINT64_C(0x4201000000000000) | RID, PA_NOWHERE);
	dte_guest(&rig, 0, 0, true, GCR3);
	flush_device(&rig, RID);
	poke(&rig, GCR3, PA_NOWHERE | 1);
	ck_faults(rread(&rig, UINT64_C(3) << 39), AMDVI_PAGE_TAB_HARDWARE_ERROR);
	ck_event(&rig, UINT64_C(0x4201000000000000) | RID, PA_NOWHERE + 24);
	/* Reserved bits of a guest CR3 entry. */
	poke(&rig, GCR3, GUEST | 3);
	ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
	ck_event(&rig, UINT64_C(0x2091000000000000) | RID, A);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_guest");
	TCase *tc = tcase_create("guest");

	tcase_add_test(tc, pasid_finds_its_tables_by_one_to_three_levels);
	tcase_add_test(tc, high_address_of_the_gcr3_table_is_put_together);
	tcase_add_test(tc, requests_without_pasid_use_the_first_only_with_giov);
	tcase_add_test(tc, five_levels_follow_the_entry_and_the_unit);
	tcase_add_test(tc, guest_tables_get_accessed_and_dirty_bits);
	tcase_add_test(tc, nested_tables_are_found_through_the_host_tables);
	tcase_add_test(tc, report_shows_both_stages);
	tcase_add_test(tc, only_commands_for_the_pasid_or_the_domain_remove_guest_pages);
	tcase_add_test(tc, any_host_page_of_the_domain_ends_nested_translations);
	tcase_add_test(tc, pasid_without_guest_tables_faults);
	tcase_add_test(tc, users_and_execution_are_judged_where_the_unit_can);
	tcase_add_test(tc, guest_tables_nowhere_are_hardware_errors);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
