// SPDX-License-Identifier: GPL-2.0-only
/*
 * First-stage and nested translation: bits that cannot be set, tables that are not there, trails,
 * and strict checking of spaces that have two sets of tables.
 *
 * Source: Intel VT-d, "Accessed, Extended Accessed, and Dirty Flags", "Fault Reason Encodings".
 */
#include "harness.h"
#include "vtd_sm_rig.h"

#define PAGE   UINT64_C(0x5000)
#define FIRST  (PGTT_FIRST | 1)
#define NESTED (PA_TOP | PGTT_NESTED | AW48 | 1)
#define SLADE  0x200u
#define FDID   9

#define GUEST  0x40000u  /* the first stage's four tables, as its entries name them ... */
#define TABLES 0x900000u /* ... and as they lie in memory */
#define TARGET 0x50000u  /* what the first stage translates to */

/* Accessed and dirty: 5 and 6 of the first stage, 8 and 9 of the second. */
#define FS_A 0x20u
#define FS_D 0x40u
#define SS_A 0x100u
#define SS_D 0x200u

static struct rig rig;

static pa_t first_entry(unsigned level)
{
	return TABLES + ((3 - level) << 12) + 8 * (PAGE >> (12 + 9 * level) & 511);
}

static void init(uint64_t cap, uint64_t ecap)
{
	sm_init(&rig, cap, ecap, VTD_FAULTS_MANUAL);
	for (unsigned level = 0; level < 4; level++) {
		const uint64_t guest = GUEST + ((3 - level) << 12);

		rig_map(&rig, guest, (TABLES + ((3 - level) << 12)) | 3);
		poke(&rig, first_entry(level), (level ? guest + 0x1000 : TARGET) | 7);
	}
	rig_map(&rig, TARGET, PA_DATA | 3);
}

static void nested(uint64_t flags0, uint64_t flags1)
{
	init(CAP_SERVER, ECAP_SERVER);
	sm_pasid(&rig, 1, NESTED | flags0, FDID | flags1, GUEST);
}

static void set(pa_t slot, uint64_t bits)
{
	poke(&rig, slot, mem(&rig, slot) | bits);
}

static void clear(pa_t slot, uint64_t bits)
{
	poke(&rig, slot, mem(&rig, slot) & ~bits);
}

/* Every bit that a walk of the page would set, in both stages. */
static void mark_all(void)
{
	for (unsigned level = 0; level < 4; level++) {
		set(first_entry(level), FS_A | (level ? 0 : FS_D));
		set(rig_slot(&rig, GUEST + (level << 12), 0), SS_A | SS_D);
		set(rig_slot(&rig, TARGET, level), SS_A | SS_D);
	}
}

START_TEST(a_bit_that_a_nested_walk_cannot_set_is_a_fault)
{
	const unsigned slade = _i ? SLADE : 0;
	pa_t slot;

	nested(slade, 0);
	mark_all();
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), PA_DATA);
	flush_pasid_iotlb(&rig, FDID, 1);
	/* Accessed of each table of the first stage; dirty of the last, for writes. */
	for (unsigned level = 0; level < 4; level++) {
		clear(first_entry(level), FS_A);
		ck_faults(prequest(&rig, 1, PAGE, DMA_READ), 0x90);
		ck_faults(prequest(&rig, 1, PAGE, DMA_WRITE), 0x90);
		set(first_entry(level), FS_A);
	}
	clear(first_entry(0), FS_D);
	ck_faults(prequest(&rig, 1, PAGE, DMA_WRITE), 0x90);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA);
	flush_pasid_iotlb(&rig, FDID, 1);
	set(first_entry(0), FS_D);
	/* The same of the second stage, for the tables and the page; only if the entry asks. */
	for (unsigned level = 0; level < 4; level++) {
		slot = level ? rig_slot(&rig, GUEST + (level << 12), 0) : rig_slot(&rig, TARGET, 2);
		clear(slot, SS_A);
		ck_faults(prequest(&rig, 1, PAGE, DMA_READ), slade ? 0x7c : 0);
		flush_pasid_iotlb(&rig, FDID, 1);
		set(slot, SS_A);
	}
	slot = rig_slot(&rig, TARGET, 0);
	clear(slot, SS_D);
	ck_faults(prequest(&rig, 1, PAGE, DMA_WRITE), slade ? 0x7c : 0);
	flush_pasid_iotlb(&rig, FDID, 1);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA);
	ck_assert_uint_eq(mem(&rig, slot) & SS_D, 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(a_table_that_is_not_there_is_told_by_stage_and_place)
{
	static const struct {
		const char *what;
		uint64_t guest;
		unsigned level; /* of the second stage, where the entry goes */
		uint64_t entry;
		uint8_t code;
	} rows[] = {
		{"a table of the second stage", TARGET, 1, PA_NOWHERE | 3, 0x78},
		/* Where the second stage says that the first one's tables are. */
		{"the first stage's top table", GUEST, 0, PA_NOWHERE | 3, 0x73},
		{"a lower table of the first stage", GUEST + 0x2000, 0, PA_NOWHERE | 3, 0x70},
		{"reserved bits", TARGET, 1, B(62) | PA_TOP | 3, 0x7a},
	};

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		struct xlat x;

		nested(0, PWSNP);
		poke(&rig, rig_slot(&rig, rows[i].guest, rows[i].level), rows[i].entry);
		x = prequest(&rig, 1, PAGE, DMA_READ);
		ck_assert_msg(x.reason == rows[i].code, "%s: 0x%02x", rows[i].what, x.reason);
		rig_fini(&rig);
	}
	nested(0, PWSNP);
	sm_pasid(&rig, 1, PA_NOWHERE | PGTT_NESTED | AW48 | 1, FDID | PWSNP, GUEST);
	ck_faults(prequest(&rig, 1, PAGE, DMA_READ), 0x7b);
	rig_fini(&rig);
}
END_TEST

/* Four levels translate 48 bits, of which the unit's addresses may have fewer. */
START_TEST(a_guest_address_beyond_the_units_width_is_beyond_the_second_stage)
{
	const uint64_t narrow = (CAP_SERVER & ~(UINT64_C(63) << 16)) | UINT64_C(41) << 16;
	const uint64_t far = B(43) | TARGET;

	for (unsigned wide = 0; wide < 2; wide++) {
		init(wide ? CAP_SERVER : narrow, ECAP_SERVER);
		sm_pasid(&rig, 1, NESTED, FDID | PWSNP, GUEST);
		rig_map(&rig, far, (PA_DATA + 0x1000) | 3);
		ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA);
		flush_pasid_iotlb(&rig, FDID, 1);
		poke(&rig, first_entry(0), far | 7);
		if (wide)
			ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA + 0x1000);
		else
			ck_faults(prequest(&rig, 1, PAGE, DMA_READ), 0x74);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(the_trail_of_a_first_stage_shows_its_entries_and_marks_nothing)
{
	const struct dma_req req = {
		.requester = RID, .has_pasid = true, .pasid = 1, .iova = PAGE, .len = 1};
	struct vtd_trail trail;
	pa_t slot[4];

	sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
	sm_pasid(&rig, 1, FIRST, FDID | PWSNP, PA_FIRST);
	for (unsigned level = 0; level < 4; level++)
		slot[level] = first_slot(&rig, PA_FIRST, PAGE, level);
	poke(&rig, slot[0], PA_DATA | 7);
	vtd_walk(rig.unit, &req, &trail);
	ck_assert_uint_eq(trail.result.reason, 0);
	ck_assert_uint_eq(trail.result.pa, PA_DATA);
	ck_assert(trail.first_stage && !trail.nested);
	ck_assert_uint_eq(trail.top_level, 3);
	ck_assert_uint_eq(trail.domain_id, FDID);
	ck_assert_uint_eq(trail.steps, 4);
	for (unsigned level = 0; level < 4; level++) {
		ck_assert_uint_eq(trail.step[3 - level].raw, mem(&rig, slot[level]));
		ck_assert_uint_eq(mem(&rig, slot[level]) & (FS_A | FS_D), 0);
	}
	/* Up to the entry that stops it. */
	poke(&rig, slot[1], 0);
	vtd_walk(rig.unit, &req, &trail);
	ck_assert_uint_eq(trail.result.reason, 0x71);
	ck_assert_uint_eq(trail.steps, 3);
	rig_fini(&rig);
}
END_TEST

/* ---- strict checking ---- */

START_TEST(a_stale_page_of_a_first_stage_is_reported_with_what_memory_says)
{
	pa_t slot;

	sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
	sm_pasid(&rig, 1, FIRST, FDID | PWSNP, PA_FIRST);
	slot = first_slot(&rig, PA_FIRST, PAGE, 0);
	poke(&rig, slot, PA_DATA | 7);
	rig.unit->ops->set_strict(rig.unit, true);
	rig.clock = 3;
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA);
	/* The write has still to mark the page as dirty: no difference. */
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), PA_DATA);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA);
	ck_assert_uint_eq(rig.stales, 0);
	rig.clock = 4;
	poke(&rig, slot, (PA_DATA + 0x3000) | 7);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].cache, "IOTLB");
	ck_assert_uint_eq(rig.stale[0].cached.pa, PA_DATA);
	ck_assert_uint_eq(rig.stale[0].fresh.reason, 0);
	ck_assert_uint_eq(rig.stale[0].fresh.pa, PA_DATA + 0x3000);
	ck_assert_uint_eq(rig.stale[0].filled_at, 3);
	poke(&rig, slot, 0);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA);
	ck_assert_uint_eq(rig.stales, 2);
	ck_assert_uint_eq(rig.stale[1].fresh.reason, 0x71);
	flush_pasid_iotlb(&rig, FDID, 1);
	ck_faults(prequest(&rig, 1, PAGE, DMA_READ), 0x71);
	ck_assert_uint_eq(rig.stales, 2);
	rig_fini(&rig);
}
END_TEST

START_TEST(a_nested_page_is_stale_when_either_stage_has_changed)
{
	pa_t slot;

	nested(0, PWSNP);
	rig_map(&rig, TARGET + 0x1000, (PA_DATA + 0x1000) | 3);
	slot = rig_slot(&rig, TARGET, 0);
	rig.unit->ops->set_strict(rig.unit, true);
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), PA_DATA);
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), PA_DATA);
	ck_assert_uint_eq(rig.stales, 0);
	poke(&rig, slot, 0);
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), PA_DATA);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_uint_eq(rig.stale[0].fresh.reason, 0x79);
	poke(&rig, slot, PA_DATA | 3);
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), PA_DATA);
	ck_assert_uint_eq(rig.stales, 1);
	poke(&rig, first_entry(0), (TARGET + 0x1000) | 7 | FS_A | FS_D);
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), PA_DATA);
	ck_assert_uint_eq(rig.stales, 2);
	ck_assert_uint_eq(rig.stale[1].fresh.pa, PA_DATA + 0x1000);
	rig_fini(&rig);
}
END_TEST

START_TEST(a_changed_context_entry_is_judged_by_where_it_leads)
{
	sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
	rig_map(&rig, PAGE, PA_DATA | 3);
	/* PASID 2 passes through: RID_PASID of the entry's second word chooses. */
	sm_pasid(&rig, 2, PGTT_PASS | 1, DID, 0);
	rig.unit->ops->set_strict(rig.unit, true);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	ck_assert_uint_eq(rig.stales, 0);
	poke(&rig, SM_CONTEXT + 8, 2);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].cache, "context cache");
	ck_assert_uint_eq(rig.stale[0].cached.pa, PA_DATA);
	ck_assert_uint_eq(rig.stale[0].fresh.pa, PAGE);
	flush_context(&rig, 1, 0, 0);
	ck_translates(rread(&rig, PAGE), PAGE);
	ck_assert_uint_eq(rig.stales, 1);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd stages");
	TCase *tcase = tcase_create("stages");

	tcase_add_loop_test(tcase, a_bit_that_a_nested_walk_cannot_set_is_a_fault, 0, 2);
	tcase_add_test(tcase, a_table_that_is_not_there_is_told_by_stage_and_place);
	tcase_add_test(tcase, a_guest_address_beyond_the_units_width_is_beyond_the_second_stage);
	tcase_add_test(tcase, the_trail_of_a_first_stage_shows_its_entries_and_marks_nothing);
	tcase_add_test(tcase, a_stale_page_of_a_first_stage_is_reported_with_what_memory_says);
	tcase_add_test(tcase, a_nested_page_is_stale_when_either_stage_has_changed);
	tcase_add_test(tcase, a_changed_context_entry_is_judged_by_where_it_leads);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
