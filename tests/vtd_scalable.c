// SPDX-License-Identifier: GPL-2.0-only
/* Scalable mode: the fault code of each thing that can be wrong, requests with and without PASID.
 */
#include "harness.h"
#include "vtd_sm_rig.h"

#define PAGE  UINT64_C(0x5000)
#define BAD   UINT64_C(0x6000) /* nothing mapped */
#define WRITE 1
#define WITH  2 /* a PASID */

struct wrong {
	const char *what;
	pa_t pa; /* 0: nothing is poked */
	uint64_t value;
	uint64_t iova;
	unsigned how; /* WRITE, WITH */
	uint32_t pasid;
	uint8_t manual, qemu;
};

#define SECOND (PA_TOP | PGTT_SECOND | AW48 | 1)
#define HIGH   B(46) /* above the host address width */

static const struct wrong wrongs[] = {
	{"root, lower half not present", PA_ROOT + 16, 0, PAGE, 0, 0, 0x39, 0x01},
	{"root, reserved", PA_ROOT + 16, PA_CONTEXT | 3, PAGE, 0, 0, 0x3a, 0x0a},
	{"root, address too high", PA_ROOT + 16, HIGH | 1, PAGE, 0, 0, 0x3a, 0x0a},
	{"context outside memory", PA_ROOT + 16, PA_NOWHERE | 1, PAGE, 0, 0, 0x40, 0x09},
	{"context not present", SM_CONTEXT, PA_DIR, PAGE, 0, 0, 0x41, 0x02},
	{"context, bit 5", SM_CONTEXT, PA_DIR | 0x21, PAGE, 0, 0, 0x42, 0x0b},
	{"context, bit 8", SM_CONTEXT, PA_DIR | 0x101, PAGE, 0, 0, 0x42, 0x0b},
	{"context, high word", SM_CONTEXT + 8, B(21), PAGE, 0, 0, 0x42, 0x0b},
	{"context, third word", SM_CONTEXT + 16, 1, PAGE, 0, 0, 0x42, 0x0b},
	{"context, page requests without PRS", SM_CONTEXT, PA_DIR | 0x11, PAGE, 0, 0, 0x42, 0x0b},
	{"PASIDs not enabled", SM_CONTEXT, PA_DIR | 1, PAGE, WITH, 0, 0x45, 0x45},
	{"PASID beyond the directory", 0, 0, PAGE, WITH, 0x2000, 0x46, 0x46},
	{"RID_PASID beyond the directory", SM_CONTEXT + 8, 0x2000, PAGE, 0, 0, 0x48, 0x48},
	{"directory outside memory", SM_CONTEXT, PA_NOWHERE | 9, PAGE, 0, 0, 0x50, 0x58},
	{"directory entry not present", PA_DIR, PA_PASIDS, PAGE, 0, 0, 0x51, 0x58},
	{"directory entry, bit 2", PA_DIR, PA_PASIDS | 5, PAGE, 0, 0, 0x52, 0x58},
	{"PASID table outside memory", PA_DIR, PA_NOWHERE | 1, PAGE, 0, 0, 0x58, 0x58},
	{"PASID entry not present", PA_PASIDS, SECOND & ~1u, PAGE, 0, 0, 0x59, 0x58},
	{"PASID entry of 3 not present", 0, 0, PAGE, WITH, 3, 0x59, 0x58},
	{"PASID entry, bit 5", PA_PASIDS, SECOND | 0x20, PAGE, 0, 0, 0x5a, 0x58},
	{"PASID entry, bit 10", PA_PASIDS, SECOND | 0x400, PAGE, 0, 0, 0x5a, 0x58},
	{"PASID entry, root too high", PA_PASIDS, SECOND | HIGH, PAGE, 0, 0, 0x5a, 0x58},
	{"PASID entry, bit 16 of word 1", PA_PASIDS + 8, DID | B(16), PAGE, 0, 0, 0x5a, 0x58},
	{"PASID entry, last word", PA_PASIDS + 56, 1, PAGE, 0, 0, 0x5a, 0x58},
	{"PASID entry, type 0", PA_PASIDS, PA_TOP | AW48 | 1, PAGE, 0, 0, 0x5b, 0x58},
	{"PASID entry, type 5", PA_PASIDS, PA_TOP | AW48 | 5 << 6 | 1, PAGE, 0, 0, 0x5b, 0x58},
	{"PASID entry, 5 levels", PA_PASIDS, PA_TOP | PGTT_SECOND | 3 << 2 | 1, PAGE, 0, 0, 0x5b,
	 0x58},
	{"beyond the width", 0, 0, B(48), 0, 0, 0x84, 0x04},
	{"top table outside memory", PA_PASIDS, PA_NOWHERE | PGTT_SECOND | AW48 | 1, PAGE, 0, 0,
	 0x7b, 0x03},
	{"lower table outside memory", PA_TOP, PA_NOWHERE | 3, PAGE, 0, 0, 0x78, 0x07},
	{"not mapped, read", 0, 0, BAD, 0, 0, 0x79, 0x06},
	{"not mapped, write", 0, 0, BAD, WRITE, 0, 0x79, 0x05},
	{"not mapped, write with PASID", 0, 0, BAD, WRITE | WITH, 0, 0x79, 0x05},
	{"reserved bits in a table entry", PA_TOP, (PA_TOP + 0x1000) | 0x83, PAGE, 0, 0, 0x7a,
	 0x0c},
};

static void check_record(struct rig *rig, const struct wrong *wrong, uint8_t code)
{
	uint64_t hi = B(63) | (wrong->how & WRITE ? 0 : B(62)) | (uint64_t)code << 32 | RID;

	if (wrong->how & WITH)
		hi |= B(31) | (uint64_t)wrong->pasid << 40;
	ck_assert_msg(rd(rig, R_FRCD, 8) == wrong->iova, "%s", wrong->what);
	ck_assert_msg(rd(rig, R_FRCD + 8, 8) == hi, "%s: 0x%016llx", wrong->what,
		      (unsigned long long)rd(rig, R_FRCD + 8, 8));
}

static void check_wrong(const struct wrong *wrong, enum vtd_fault_codes codes, uint64_t ecap)
{
	const uint8_t code = codes == VTD_FAULTS_MANUAL ? wrong->manual : wrong->qemu;
	const enum dma_kind kind = wrong->how & WRITE ? DMA_WRITE : DMA_READ;
	struct rig rig;
	struct xlat x;

	sm_init(&rig, CAP_SERVER, ecap, codes);
	rig_map(&rig, PAGE, PA_DATA | 3);
	if (wrong->pa)
		poke(&rig, wrong->pa, wrong->value);
	x = wrong->how & WITH ? prequest(&rig, wrong->pasid, wrong->iova, kind)
			      : request(&rig, RID, wrong->iova, kind);
	ck_assert_msg(x.reason == code, "%s: 0x%02x", wrong->what, x.reason);
	ck_assert_msg(vtd_fault_text(x.reason), "%s: no text", wrong->what);
	check_record(&rig, wrong, code);
	rig_fini(&rig);
}

START_TEST(each_defect_has_the_code_of_the_manual)
{
	check_wrong(&wrongs[_i], VTD_FAULTS_MANUAL, ECAP_SERVER);
}
END_TEST

START_TEST(each_defect_has_the_code_of_qemu)
{
	check_wrong(&wrongs[_i], VTD_FAULTS_QEMU_7_2, ECAP_SERVER);
}
END_TEST

/* What the recordings of platform vtd48sm show, on its own pair. */
START_TEST(recorded_unit_reports_what_was_recorded)
{
	struct rig rig;

	sm_init(&rig, CAP_VTD48, ECAP_VTD48SM, VTD_FAULTS_QEMU_7_2);
	rig_map(&rig, PAGE, PA_DATA | 3);
	rig_map(&rig, 0x7000, PA_DATA | 1);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	ck_faults(rread(&rig, BAD), 0x06);
	ck_faults(rwrite(&rig, 0x7000), 0x05);
	ck_faults(rwrite(&rig, B(48)), 0x04);
	/* A function without context entry, and one that is attached to nothing. */
	ck_faults(request(&rig, 0x0110, PAGE, DMA_READ), 0x02);
	poke(&rig, PA_PASIDS, 0);
	flush_pasid_cache(&rig, 3, 0, 0);
	ck_faults(rread(&rig, PAGE), 0x58);
	/* And a leaf may have bit 11, though the unit has no snoop control. */
	sm_pasid(&rig, 0, SECOND, DID, 0);
	rig_map(&rig, 0x9000, PA_DATA | 0x803);
	ck_translates(rread(&rig, 0x9000), PA_DATA);
	rig_fini(&rig);
}
END_TEST

START_TEST(leaf_into_the_interrupt_range_faults)
{
	struct rig rig;

	sm_init(&rig, CAP_VTD48, ECAP_VTD48SM, VTD_FAULTS_MANUAL);
	rig_map(&rig, PAGE, 0xfee00003);
	ck_faults(rread(&rig, PAGE), 0x87);
	rig_fini(&rig);
	sm_init(&rig, CAP_VTD48, ECAP_VTD48SM, VTD_FAULTS_QEMU_7_2);
	rig_map(&rig, PAGE, 0xfee00003);
	ck_faults(rread(&rig, PAGE), 0x0e);
	rig_fini(&rig);
}
END_TEST

START_TEST(upper_half_of_a_root_entry_serves_functions_from_16_0_on)
{
	struct rig rig;

	sm_init(&rig, CAP_VTD48, ECAP_VTD48SM, VTD_FAULTS_MANUAL);
	rig_map(&rig, PAGE, PA_DATA | 3);
	poke2(&rig, PA_UPPER + 32 * 1, PA_DIR | 1, 0);
	ck_translates(request(&rig, 0x0181, PAGE, DMA_READ), PA_DATA);
	poke2(&rig, PA_ROOT + 16, PA_CONTEXT | 1, 0);
	ck_faults(request(&rig, 0x0182, PAGE, DMA_READ), 0x39);
	rig_fini(&rig);
}
END_TEST

START_TEST(requests_without_pasid_use_rid_pasid)
{
	struct rig rig;

	sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
	sm_pasid(&rig, 5, PGTT_PASS | 1, DID, 0);
	poke(&rig, SM_CONTEXT + 8, 5);
	ck_translates(rread(&rig, 0x123456), 0x123456);
	/* Without RPS the field means nothing. */
	rig_fini(&rig);
	sm_init(&rig, CAP_SERVER, ECAP_SERVER & ~ECAP_RPS, VTD_FAULTS_MANUAL);
	poke(&rig, SM_CONTEXT + 8, 5);
	rig_map(&rig, PAGE, PA_DATA | 3);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	rig_fini(&rig);
}
END_TEST

START_TEST(features_that_the_unit_lacks_are_reserved_or_invalid)
{
	static const struct {
		uint64_t without, w0, w1, w2;
		uint8_t code;
	} rows[] = {
		{ECAP_FLTS | ECAP_NEST, PGTT_FIRST | 1, DID, PA_FIRST, 0x5b},
		{ECAP_NEST, PA_TOP | PGTT_NESTED | AW48 | 1, DID, PA_FIRST, 0x5b},
		{B(46) | ECAP_NEST, SECOND, DID, 0, 0x5b},
		{B(6), PGTT_PASS | 1, DID, 0, 0x5b},
		{ECAP_SLADS, SECOND | B(9), DID, 0, 0x5a},
		{ECAP_SMPWC, SECOND, DID | PWSNP, 0, 0x5a},
		{ECAP_SC, SECOND, DID | B(24), 0, 0x5a},
		{ECAP_SRS, PGTT_FIRST | 1, DID, PA_FIRST | 1, 0x5a},
		{ECAP_ERS, PGTT_FIRST | 1, DID, PA_FIRST | 2, 0x5a},
		{ECAP_EAFS, PGTT_FIRST | 1, DID, PA_FIRST | 0x80, 0x5a},
	};
	struct rig rig;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		sm_init(&rig, CAP_SERVER, ECAP_SERVER & ~rows[i].without, VTD_FAULTS_MANUAL);
		sm_pasid(&rig, 0, rows[i].w0, rows[i].w1, rows[i].w2);
		ck_assert_msg(rread(&rig, PAGE).reason == rows[i].code, "row %zu", i);
		rig_fini(&rig);
		sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
		sm_pasid(&rig, 0, rows[i].w0, rows[i].w1, rows[i].w2);
		ck_assert_msg(rread(&rig, PAGE).reason != rows[i].code, "row %zu, full unit", i);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(domain_id_beyond_the_units_number_is_reserved)
{
	const uint64_t few = CAP_SERVER & ~UINT64_C(7); /* 16 domains */
	struct rig rig;

	sm_init(&rig, few, ECAP_SERVER, VTD_FAULTS_MANUAL);
	rig_map(&rig, PAGE, PA_DATA | 3);
	sm_pasid(&rig, 0, SECOND, 16, 0);
	ck_faults(rread(&rig, PAGE), 0x5a);
	sm_pasid(&rig, 0, SECOND, 15, 0);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	rig_fini(&rig);
}
END_TEST

START_TEST(fault_processing_disable_silences_from_each_structure)
{
	static const struct {
		pa_t pa;
		uint64_t value;
	} rows[] = {
		{SM_CONTEXT, PA_DIR | 3}, {PA_DIR, PA_PASIDS | 3}, {PA_PASIDS, SECOND | 2},
		{PA_PASIDS, 2},           {SM_CONTEXT, 2},
	};
	struct rig rig;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
		poke(&rig, rows[i].pa, rows[i].value);
		ck_assert_uint_ne(rread(&rig, BAD).reason, 0);
		/* Once more, by what is cached now. */
		ck_assert_uint_ne(rread(&rig, BAD).reason, 0);
		ck_assert_msg(rd(&rig, R_FSTS, 4) == 0, "row %zu", i);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(pass_through_is_as_wide_as_the_unit)
{
	struct rig rig;

	sm_init(&rig, CAP_VTD48, ECAP_VTD48SM, VTD_FAULTS_MANUAL);
	sm_pasid(&rig, 0, PGTT_PASS | 1, 1, 0);
	ck_translates(rread(&rig, 0x12345678), 0x12345678);
	ck_translates(rread(&rig, B(46) - 8), B(46) - 8);
	ck_faults(rread(&rig, B(46)), 0x83);
	ck_faults(rread(&rig, B(48)), 0x83);
	rig_fini(&rig);
}
END_TEST

START_TEST(mode_bit_exists_only_with_the_capability)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_RTADDR, 8, PA_ROOT | RTADDR_SM);
	wr(&rig, R_IQA, 8, PA_QUEUE | 0x800);
	ck_assert_uint_eq(rd(&rig, R_RTADDR, 8), PA_ROOT);
	ck_assert_uint_eq(rd(&rig, R_IQA, 8), PA_QUEUE);
	rig_fini(&rig);
	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48SM);
	wr(&rig, R_RTADDR, 8, PA_ROOT | RTADDR_SM);
	wr(&rig, R_IQA, 8, PA_QUEUE | 0x800);
	ck_assert_uint_eq(rd(&rig, R_RTADDR, 8), PA_ROOT | RTADDR_SM);
	ck_assert_uint_eq(rd(&rig, R_IQA, 8), PA_QUEUE | 0x800);
	rig_fini(&rig);
}
END_TEST

START_TEST(request_with_pasid_is_blocked_in_legacy_mode)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48SM);
	ck_faults(prequest(&rig, 0, PAGE, DMA_READ), 0x31);
	rig_fini(&rig);
}
END_TEST

START_TEST(walk_names_every_structure_it_went_through)
{
	static const char *const what[] = {"root", "context", "pasid-directory", "pasid"};
	static const pa_t where[] = {PA_ROOT + 16, SM_CONTEXT, PA_DIR, PA_PASIDS};
	const struct dma_req req = {.requester = RID, .iova = PAGE, .len = 1};
	struct vtd_trail trail;
	struct rig rig;

	sm_init(&rig, CAP_VTD48, ECAP_VTD48SM, VTD_FAULTS_QEMU_7_2);
	rig_map(&rig, PAGE, PA_DATA | 3);
	vtd_walk(rig.unit, &req, &trail);
	ck_assert_uint_eq(trail.entries, 4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_str_eq(trail.entry[i].what, what[i]);
		ck_assert_uint_eq(trail.entry[i].pa, where[i]);
		ck_assert_uint_eq(trail.entry[i].lo, mem(&rig, where[i]));
	}
	ck_assert_uint_eq(trail.steps, 4);
	ck_assert_uint_eq(trail.step[3].raw, PA_DATA | 3);
	ck_assert_uint_eq(trail.domain_id, DID);
	ck_assert_uint_eq(trail.top_level, 3);
	ck_assert_uint_eq(trail.result.pa, PA_DATA);
	rig_fini(&rig);
}
END_TEST

START_TEST(capabilities_of_scalable_units_are_understood)
{
	/* The recorded unit, and one out of a server's kernel log. */
	struct vtd_caps caps = vtd_caps_decode(CAP_VTD48, ECAP_VTD48SM, 46);

	ck_assert_ptr_null(vtd_caps_check(&caps));
	ck_assert(caps.scalable && caps.second_stage && !caps.first_stage && !caps.nested);
	ck_assert(!caps.snoop_control && !caps.walk_snoop && !caps.second_dirty && !caps.pasid);
	caps = vtd_caps_decode(UINT64_C(0x19ed008c40780c66), UINT64_C(0x3ee9e86f050df), 52);
	ck_assert_ptr_null(vtd_caps_check(&caps));
	ck_assert(caps.scalable && caps.first_stage && caps.second_stage && caps.nested);
	ck_assert(caps.second_dirty && caps.walk_snoop && caps.rid_pasid && caps.coherent);
	ck_assert(caps.first_1g && caps.first_5level);
	ck_assert_uint_eq(caps.pasid_bits, 20);
	/* Nesting takes both stages, and scalable mode the queue. */
	caps = vtd_caps_decode(CAP_VTD48, ECAP_VTD48SM | ECAP_NEST, 46);
	ck_assert_ptr_nonnull(vtd_caps_check(&caps));
	caps = vtd_caps_decode(CAP_VTD48, ECAP_VTD48SM & ~UINT64_C(0xa), 46);
	ck_assert_ptr_nonnull(vtd_caps_check(&caps));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_scalable");
	TCase *tc = tcase_create("scalable");
	const int n = (int)SIO_ARRAY_SIZE(wrongs);

	tcase_add_loop_test(tc, each_defect_has_the_code_of_the_manual, 0, n);
	tcase_add_loop_test(tc, each_defect_has_the_code_of_qemu, 0, n);
	tcase_add_test(tc, recorded_unit_reports_what_was_recorded);
	tcase_add_test(tc, leaf_into_the_interrupt_range_faults);
	tcase_add_test(tc, upper_half_of_a_root_entry_serves_functions_from_16_0_on);
	tcase_add_test(tc, requests_without_pasid_use_rid_pasid);
	tcase_add_test(tc, features_that_the_unit_lacks_are_reserved_or_invalid);
	tcase_add_test(tc, domain_id_beyond_the_units_number_is_reserved);
	tcase_add_test(tc, fault_processing_disable_silences_from_each_structure);
	tcase_add_test(tc, pass_through_is_as_wide_as_the_unit);
	tcase_add_test(tc, mode_bit_exists_only_with_the_capability);
	tcase_add_test(tc, request_with_pasid_is_blocked_in_legacy_mode);
	tcase_add_test(tc, walk_names_every_structure_it_went_through);
	tcase_add_test(tc, capabilities_of_scalable_units_are_understood);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
