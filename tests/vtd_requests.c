// SPDX-License-Identifier: GPL-2.0-only
/* Requests that are special: untranslated, pass-through, zero-length, interrupts; and vtd_walk().
 */
#include "harness.h"
#include "vtd_rig.h"

#define A   UINT64_C(0x40000000)
#define CTX (PA_CONTEXT + 0x80)

static struct xlat zero_read(struct rig *rig, uint64_t iova)
{
	const struct dma_req req = {.requester = RID, .iova = iova, .kind = DMA_READ};

	return dma_translate(rig->port, &req);
}

START_TEST(nothing_is_translated_before_te)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	ck_translates(rread(&rig, 0x12345), 0x12345);
	ck_translates(rwrite(&rig, UINT64_C(0xffffffffffffffff)), UINT64_C(0xffffffffffffffff));
	gcmd(&rig, G_TE, 0);
	/* TE with no root: everything faults. RAM at 0 is zero, so the root entry is not present.
	 */
	ck_faults(rread(&rig, 0x12345), 1);
	gcmd(&rig, 0, G_TE);
	ck_translates(rread(&rig, 0x12345), 0x12345);
	rig_fini(&rig);
}
END_TEST

START_TEST(caches_survive_te_off_and_on)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9003);
	ck_translates(rread(&rig, A), 0x9000);
	rig_map(&rig, A, 0);
	gcmd(&rig, 0, G_TE);
	ck_translates(rread(&rig, A), A);
	gcmd(&rig, G_TE, 0);
	ck_translates(rread(&rig, A), 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(pass_through_is_identity_within_the_width)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	poke2(&rig, CTX, 8 | 1, 2 | DID << 8);
	ck_translates(rread(&rig, UINT64_C(0xfffffffffff0)), UINT64_C(0xfffffffffff0));
	ck_faults(rwrite(&rig, UINT64_C(0x1000000000000)), 4);
	/* Cached like any context: a change shows after the invalidation only. */
	poke2(&rig, CTX, PA_TOP | 1, 2 | DID << 8);
	ck_translates(rread(&rig, A), A);
	flush_context(&rig, 3, DID, RID);
	ck_faults(rread(&rig, A), 6);
	rig_fini(&rig);
}
END_TEST

START_TEST(device_tlb_context_translates_untranslated_requests)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48 | 4);
	poke2(&rig, CTX, PA_TOP | 4 | 1, 2 | DID << 8);
	rig_map(&rig, A, UINT64_C(0x4000000000009003)); /* TM is defined now */
	ck_translates(rread(&rig, A), 0x9000);
	rig_fini(&rig);
}
END_TEST

START_TEST(tables_of_three_levels_translate_39_bits)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	/* The second level of the 4-level tables serves as the top of a 3-level one. */
	rig_map(&rig, A, 0x9003);
	poke2(&rig, CTX, (mem(&rig, PA_TOP) & ~UINT64_C(0xfff)) | 1, 1 | DID << 8);
	ck_translates(rread(&rig, A + 5), 0x9005);
	ck_faults(rread(&rig, A + (UINT64_C(1) << 39)), 4);
	rig_fini(&rig);
}
END_TEST

START_TEST(tables_of_five_levels_translate_57_bits)
{
	const uint64_t cap = (CAP_VTD48 & ~UINT64_C(0x3f0000)) | 56 << 16 | 0x800;
	const uint64_t high = UINT64_C(0x1ff) << 48;
	struct rig rig;

	rig_init(&rig, cap, ECAP_VTD48);
	rig_map(&rig, A, 0x9003);
	poke(&rig, 0x200000 + 8 * 0x1ff, PA_TOP | 3);
	poke2(&rig, CTX, 0x200000 | 1, 3 | DID << 8);
	ck_translates(rread(&rig, high | (A + 5)), 0x9005);
	ck_faults(rread(&rig, A), 6);
	ck_faults(rread(&rig, UINT64_C(1) << 57), 4);
	ck_translates(rread(&rig, high | (A + 6)), 0x9006);
	rig_fini(&rig);
}
END_TEST

START_TEST(zero_length_read_needs_read_permission_without_zlr)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9002);
	ck_faults(zero_read(&rig, A), 6);
	ck_translates(rwrite(&rig, A), 0x9000);
	ck_faults(zero_read(&rig, A), 6);
	rig_fini(&rig);
}
END_TEST

START_TEST(zero_length_read_of_a_write_only_page_passes_with_zlr)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48 | CAP_ZLR, ECAP_VTD48);
	rig_map(&rig, A, 0x9002);
	ck_translates(zero_read(&rig, A), 0x9000);
	ck_translates(zero_read(&rig, A), 0x9000);
	ck_faults(rread(&rig, A), 6);
	rig_map(&rig, A + 0x1000, 0);
	ck_faults(zero_read(&rig, A + 0x1000), 6);
	rig_fini(&rig);
}
END_TEST

START_TEST(interrupt_range_is_never_translated)
{
	struct dma_req req = {.requester = RID, .iova = 0xfee01000, .len = 4, .kind = DMA_WRITE};
	uint32_t vector = 0x4055;
	struct dma_result result;
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	/* A large page over it that translates its neighbours. */
	poke(&rig, rig_slot(&rig, 0xfee00000, 1), 0x10000083);
	result = dma_access(rig.port, &req, &vector);
	ck_assert_uint_eq(result.done, 4);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rig.msi_address, 0xfee01000);
	ck_assert_uint_eq(rig.msi_data, 0x4055);
	for (uint64_t page = 0xfedff000; page <= 0xfef01000; page += 0x1000) {
		struct xlat x = rwrite(&rig, page);
		bool inside = page >= 0xfee00000 && page <= 0xfeefffff;

		ck_assert_uint_eq(x.flags, inside ? XLAT_UNSUPPORTED : 0);
		if (page >= 0xfef00000)
			ck_translates(x, 0x10000000 + (page - 0xfee00000));
		else if (!inside)
			ck_faults(x, 5);
	}
	/* Other than an aligned dword write: nobody answers, and it is no remapping fault. */
	wr(&rig, R_FRCD + 12, 4, 0x80000000u);
	wr(&rig, R_FSTS, 4, 1);
	req.len = 8;
	result = dma_access(rig.port, &req, &(uint64_t){0});
	ck_assert(result.bus_error && result.done == 0);
	req.len = 4;
	req.iova = 0xfee01002;
	ck_assert(dma_access(rig.port, &req, &vector).bus_error);
	req.iova = 0xfee01000;
	req.kind = DMA_READ;
	ck_assert(dma_access(rig.port, &req, &vector).bus_error);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	ck_assert_uint_eq(rig.msis, 1);
	rig_fini(&rig);
}
END_TEST

START_TEST(large_page_onto_the_interrupt_range_faults_only_there)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	/* A 1 GiB page at iova 1 GiB to pa 3 GiB: 0xfee00000 is inside. */
	poke(&rig, rig_slot(&rig, A, 2), 0xc0000083);
	ck_translates(rread(&rig, A + 0x3edff000), 0xfedff000);
	ck_faults(rread(&rig, A + 0x3ee00000), 0xe);
	ck_faults(rread(&rig, A + 0x3eeff000), 0xe);
	ck_translates(rread(&rig, A + 0x3ef00000), 0xfef00000);
	ck_translates(rread(&rig, A + 0x3edff000), 0xfedff000);
	ck_faults(rread(&rig, A + 0x3ee00000), 0xe);
	rig_fini(&rig);
}
END_TEST

START_TEST(units_serve_their_own_requesters)
{
	const struct vtd_cfg cfg = {.name = "dmar1", .cap = CAP_VTD48, .ecap = ECAP_VTD48};
	const struct unit_env env = {0};
	const char *taken = NULL;
	struct unit *other;
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9003);
	ck_translates(rread(&rig, A), 0x9000);
	other = vtd_create(&cfg, rig.phys, rig.fabric, &env);
	ck_assert(dma_fabric_claim(rig.fabric, 0, RID, other, &taken));
	ck_assert(dma_fabric_claim(rig.fabric, 0, RID, other, &taken));
	ck_assert(!dma_fabric_claim(rig.fabric, 0, RID, rig.unit, &taken));
	ck_assert_str_eq(taken, "dmar1");
	ck_assert(!dma_fabric_claim_rest(rig.fabric, 0, other));
	ck_assert_ptr_eq(dma_fabric_route(rig.fabric, 0, RID), other);
	ck_assert_ptr_eq(dma_fabric_route(rig.fabric, 0, RID + 1), rig.unit);
	ck_assert_ptr_null(dma_fabric_route(rig.fabric, 1, RID));
	/* The other unit is off: the port has forgotten its route. */
	ck_translates(rread(&rig, A), A);
	ck_translates(dma_translate(rig.port, &(struct dma_req){.segment = 1,
								.requester = RID,
								.iova = A,
								.len = 1}),
		      A);
	other->ops->destroy(other);
	rig_fini(&rig);
}
END_TEST

START_TEST(requests_outside_a_port_are_translated_and_recorded_too)
{
	const struct dma_req req = {.requester = RID, .iova = A, .len = 8, .kind = DMA_WRITE};
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	ck_faults(rig.unit->ops->translate(rig.unit, &req), 5);
	/* F, the reason and the requester; a write has T clear. */
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), A);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8), UINT64_C(1) << 63 | UINT64_C(5) << 32 | RID);
	wr(&rig, R_FRCD + 12, 4, 0x80000000u);
	rig_map(&rig, A, PA_DATA | 3);
	for (unsigned again = 0; again < 2; again++)
		ck_translates(rig.unit->ops->translate(rig.unit, &req), PA_DATA);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8) >> 63, 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(walk_shows_every_entry_and_ignores_the_caches)
{
	struct dma_req req = {.requester = RID, .iova = A + 0x123, .len = 1, .kind = DMA_READ};
	struct vtd_trail trail;
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0x9001);
	ck_translates(rread(&rig, A), 0x9000);
	rig_map(&rig, A, 0xb003);
	vtd_walk(rig.unit, &req, &trail);
	ck_assert_uint_eq(trail.entries, 2);
	ck_assert_str_eq(trail.entry[0].what, "root");
	ck_assert_uint_eq(trail.entry[0].pa, PA_ROOT + 16);
	ck_assert_uint_eq(trail.entry[0].lo, PA_CONTEXT | 1);
	ck_assert_str_eq(trail.entry[1].what, "context");
	ck_assert_uint_eq(trail.entry[1].pa, CTX);
	ck_assert_uint_eq(trail.entry[1].hi, 2 | DID << 8);
	ck_assert_uint_eq(trail.domain_id, DID);
	ck_assert_uint_eq(trail.top_level, 3);
	ck_assert_uint_eq(trail.steps, 4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(trail.step[i].level, 3 - i);
		ck_assert_uint_eq(trail.step[i].entry_pa, rig_slot(&rig, A, 3 - i));
		ck_assert_uint_eq(trail.step[i].raw, mem(&rig, trail.step[i].entry_pa));
	}
	ck_translates(trail.result, 0xb123);
	ck_translates(rread(&rig, A), 0x9000);

	/* Walks end where the translation does, and record no fault. */
	req.iova = A + 0x1000;
	vtd_walk(rig.unit, &req, &trail);
	ck_assert_uint_eq(trail.result.reason, 6);
	ck_assert_uint_eq(trail.steps, 4);
	req.requester = 0x0200;
	vtd_walk(rig.unit, &req, &trail);
	ck_assert_uint_eq(trail.entries, 1);
	ck_assert_uint_eq(trail.steps, 0);
	ck_assert_uint_eq(trail.result.reason, 1);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_requests");
	TCase *tc = tcase_create("requests");

	tcase_add_test(tc, nothing_is_translated_before_te);
	tcase_add_test(tc, caches_survive_te_off_and_on);
	tcase_add_test(tc, pass_through_is_identity_within_the_width);
	tcase_add_test(tc, device_tlb_context_translates_untranslated_requests);
	tcase_add_test(tc, tables_of_three_levels_translate_39_bits);
	tcase_add_test(tc, tables_of_five_levels_translate_57_bits);
	tcase_add_test(tc, zero_length_read_needs_read_permission_without_zlr);
	tcase_add_test(tc, zero_length_read_of_a_write_only_page_passes_with_zlr);
	tcase_add_test(tc, interrupt_range_is_never_translated);
	tcase_add_test(tc, large_page_onto_the_interrupt_range_faults_only_there);
	tcase_add_test(tc, units_serve_their_own_requesters);
	tcase_add_test(tc, requests_outside_a_port_are_translated_and_recorded_too);
	tcase_add_test(tc, walk_shows_every_entry_and_ignores_the_caches);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
