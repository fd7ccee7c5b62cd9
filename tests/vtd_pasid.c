// SPDX-License-Identifier: GPL-2.0-only
/* What scalable mode caches, and which command takes it away; first stage, nesting, marks. */
#include "flush.h"
#include "harness.h"
#include "vtd_sm_rig.h"

#define PAGE   UINT64_C(0x5000)
#define SECOND (PA_TOP | PGTT_SECOND | AW48 | 1)
#define FIRST  (PGTT_FIRST | 1)
#define NESTED (PA_TOP | PGTT_NESTED | AW48 | 1)
#define SLADE  0x200u
#define FDID   9 /* domain of first-stage spaces */

static void server(struct rig *rig)
{
	sm_init(rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
}

/* ---- stale until the right command ---- */

START_TEST(pasid_entry_stays_until_its_domain_or_pasid_is_invalidated)
{
	/* Granularity, domain, PASID; does it reach the entry of PASID 0 in domain DID? */
	static const struct {
		unsigned granularity;
		uint16_t did;
		uint32_t pasid;
		bool reaches;
	} rows[] = {
		{0, DID + 1, 0, false}, {1, DID, 1, false}, {1, DID + 1, 0, false},
		{0, DID, 77, true},     {1, DID, 0, true},  {3, 99, 99, true},
	};
	struct rig rig;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		server(&rig);
		rig_map(&rig, PAGE, PA_DATA | 3);
		ck_translates(rread(&rig, PAGE), PA_DATA);
		sm_pasid(&rig, 0, 0, 0, 0);
		flush_iotlb(&rig);
		/* The context cache is another one. */
		flush_context(&rig, 1, 0, 0);
		ck_translates(rread(&rig, PAGE), PA_DATA);
		flush_pasid_cache(&rig, rows[i].granularity, rows[i].did, rows[i].pasid);
		ck_assert_msg((rread(&rig, PAGE).reason == 0x59) == rows[i].reaches, "row %zu", i);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(context_entry_stays_until_the_context_cache_is_invalidated)
{
	struct rig rig;

	server(&rig);
	rig_map(&rig, PAGE, PA_DATA | 3);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	poke(&rig, SM_CONTEXT, 0);
	flush_pasid_cache(&rig, 3, 0, 0);
	flush_iotlb(&rig);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	/* The domain is not compared, the requester is. */
	flush_context(&rig, 3, 0, RID + 1);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	flush_context(&rig, 3, 0, RID);
	ck_faults(rread(&rig, PAGE), 0x41);
	rig_fini(&rig);
}
END_TEST

START_TEST(not_present_is_cached_only_in_caching_mode)
{
	struct rig rig;

	for (unsigned cm = 0; cm < 2; cm++) {
		sm_init(&rig, cm ? CAP_SERVER | CAP_CM : CAP_SERVER, ECAP_SERVER,
			VTD_FAULTS_MANUAL);
		rig_map(&rig, PAGE, PA_DATA | 3);
		sm_pasid(&rig, 0, 0, 0, 0);
		ck_faults(rread(&rig, PAGE), 0x59);
		sm_pasid(&rig, 0, SECOND, DID, 0);
		ck_assert_uint_eq(rread(&rig, PAGE).reason, cm ? 0x59 : 0);
		/* Cached under domain 0. */
		flush_pasid_cache(&rig, 1, 0, 0);
		ck_translates(rread(&rig, PAGE), PA_DATA);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(root_pointer_flushes_everything_only_where_the_unit_says_so)
{
	struct rig rig;

	for (unsigned says = 0; says < 2; says++) {
		sm_init(&rig, says ? CAP_SERVER | CAP_ESRTPS : CAP_SERVER, ECAP_SERVER,
			VTD_FAULTS_MANUAL);
		rig_map(&rig, PAGE, PA_DATA | 3);
		ck_translates(rread(&rig, PAGE), PA_DATA);
		sm_pasid(&rig, 0, 0, 0, 0);
		gcmd(&rig, G_SRTP, 0);
		ck_assert_uint_eq(rread(&rig, PAGE).reason, says ? 0x59 : 0);
		rig_fini(&rig);
	}
}
END_TEST

/* PASIDs 1 and 2 in one domain, each with its own first-stage page. */
static void two_firsts(struct rig *rig)
{
	server(rig);
	sm_pasid(rig, 1, FIRST, FDID | PWSNP, PA_FIRST);
	sm_pasid(rig, 2, FIRST, FDID | PWSNP, PA_FIRST + 0x1000);
	rig->next_table = PA_TOP + 0x100000;
	poke(rig, first_slot(rig, PA_FIRST, PAGE, 0), 0x100007);
	poke(rig, first_slot(rig, PA_FIRST + 0x1000, PAGE, 0), 0x200007);
	ck_translates(prequest(rig, 1, PAGE, DMA_READ), 0x100000);
	ck_translates(prequest(rig, 2, PAGE, DMA_READ), 0x200000);
	poke(rig, first_slot(rig, PA_FIRST, PAGE, 0), 0);
	poke(rig, first_slot(rig, PA_FIRST + 0x1000, PAGE, 0), 0);
}

START_TEST(first_stage_pages_are_tagged_by_pasid)
{
	struct rig rig;

	two_firsts(&rig);
	/* A page of the second stage, or another PASID's, is none of theirs. */
	flush_iotlb_page(&rig, FDID, PAGE, 0, false);
	flush_pasid_iotlb(&rig, FDID, 3);
	flush_pasid_iotlb(&rig, FDID + 1, 1);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), 0x100000);
	flush_pasid_iotlb(&rig, FDID, 1);
	ck_faults(prequest(&rig, 1, PAGE, DMA_READ), 0x71);
	ck_translates(prequest(&rig, 2, PAGE, DMA_READ), 0x200000);
	flush_iotlb_domain(&rig, FDID);
	ck_faults(prequest(&rig, 2, PAGE, DMA_READ), 0x71);
	rig_fini(&rig);
}
END_TEST

START_TEST(pages_of_a_pasid_go_by_range)
{
	struct rig rig;

	two_firsts(&rig);
	queue_push(&rig, 6 | 3 << 4 | FDID << 16 | UINT64_C(1) << 32, 0x8000 | 2);
	queue_wait(&rig);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), 0x100000);
	queue_push(&rig, 6 | 3 << 4 | FDID << 16 | UINT64_C(1) << 32, 0x4000 | 1);
	queue_wait(&rig);
	ck_faults(prequest(&rig, 1, PAGE, DMA_READ), 0x71);
	ck_translates(prequest(&rig, 2, PAGE, DMA_READ), 0x200000);
	rig_fini(&rig);
}
END_TEST

/* ---- first stage ---- */

START_TEST(first_stage_defects_have_their_codes)
{
	static const struct {
		uint64_t iova, leaf;
		bool write, execute, privileged;
		uint8_t code;
	} rows[] = {
		{PAGE, 0, false, false, false, 0x71},
		{PAGE, 0x100005, true, false, false, 0x85},
		{PAGE, 0x100003, false, false, false, 0x81},
		{PAGE, B(46) | 7, false, false, false, 0x72},
		{B(47), 7, false, false, false, 0x80},
		{PAGE, B(63) | 0x100007, false, true, false, 0x82},
		{PAGE, 0x100007, false, false, false, 0},
		{PAGE, 0xfee00007, false, false, false, 0x87},
	};
	struct rig rig;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		const struct dma_req req = {.requester = RID,
					    .has_pasid = true,
					    .pasid = 1,
					    .iova = rows[i].iova,
					    .len = 8,
					    .kind = rows[i].write ? DMA_WRITE : DMA_READ,
					    .execute = rows[i].execute,
					    .privileged = rows[i].privileged};
		struct xlat x;

		server(&rig);
		sm_pasid(&rig, 1, FIRST, FDID | PWSNP, PA_FIRST | 3);
		poke(&rig, first_slot(&rig, PA_FIRST, PAGE, 0), rows[i].leaf);
		x = dma_translate(rig.port, &req);
		ck_assert_msg(x.reason == rows[i].code, "row %zu: 0x%02x", i, x.reason);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(requests_with_privilege_need_the_entry_to_say_so)
{
	struct dma_req req = {
		.requester = RID, .has_pasid = true, .pasid = 1, .iova = PAGE, .len = 8};
	struct rig rig;

	server(&rig);
	sm_pasid(&rig, 1, FIRST, FDID | PWSNP, PA_FIRST);
	poke(&rig, first_slot(&rig, PA_FIRST, PAGE, 0), 0x100001);
	req.execute = true;
	ck_faults(dma_translate(rig.port, &req), 0x5c);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8) >> 29 & 7, 6);
	req.execute = false;
	req.privileged = true;
	ck_faults(dma_translate(rig.port, &req), 0x5d);
	/* SRE: a supervisor's page is open to it, and without WPE for writing as well. */
	sm_pasid(&rig, 1, FIRST, FDID | PWSNP, PA_FIRST | 1);
	flush_pasid_cache(&rig, 1, FDID, 1);
	ck_translates(dma_translate(rig.port, &req), 0x100000);
	req.kind = DMA_WRITE;
	ck_translates(dma_translate(rig.port, &req), 0x100000);
	sm_pasid(&rig, 1, FIRST, FDID | PWSNP, PA_FIRST | 0x11);
	flush_pasid_cache(&rig, 1, FDID, 1);
	ck_faults(dma_translate(rig.port, &req), 0x85);
	rig_fini(&rig);
}
END_TEST

START_TEST(five_levels_translate_57_bits)
{
	const uint64_t far = UINT64_C(0xff123456789000);
	struct rig rig;
	pa_t top = PA_FIRST;

	server(&rig);
	/* One level above four hand-made ones. */
	poke(&rig, top + 8 * (far >> 48 & 511), (top + 0x1000) | 7);
	rig.next_table = PA_TOP + 0x100000;
	poke(&rig, first_slot(&rig, top + 0x1000, far, 0), 0x300007);
	sm_pasid(&rig, 1, FIRST, FDID | PWSNP, PA_FIRST | 4);
	ck_translates(prequest(&rig, 1, far + 8, DMA_READ), 0x300008);
	ck_faults(prequest(&rig, 1, B(56), DMA_READ), 0x80);
	rig_fini(&rig);
}
END_TEST

/* ---- marks ---- */

START_TEST(first_stage_marks_what_it_uses_and_dirty_on_the_first_write)
{
	struct rig rig;
	pa_t leaf;

	server(&rig);
	sm_pasid(&rig, 1, FIRST, FDID | PWSNP, PA_FIRST);
	leaf = first_slot(&rig, PA_FIRST, PAGE, 0);
	poke(&rig, leaf, 0x100007);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), 0x100000);
	ck_assert_uint_eq(mem(&rig, leaf), 0x100027);
	ck_assert_uint_eq(mem(&rig, PA_FIRST) & 0xfff, 0x27);
	/* A hit that may write, but the page is not dirty yet. */
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), 0x100000);
	ck_assert_uint_eq(mem(&rig, leaf), 0x100067);
	/* Cleared without an invalidation: cached as dirty, so it stays clear. */
	poke(&rig, leaf, 0x100027);
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), 0x100000);
	ck_assert_uint_eq(mem(&rig, leaf), 0x100027);
	flush_pasid_iotlb(&rig, FDID, 1);
	ck_translates(prequest(&rig, 1, PAGE, DMA_WRITE), 0x100000);
	ck_assert_uint_eq(mem(&rig, leaf), 0x100067);
	rig_fini(&rig);
}
END_TEST

START_TEST(second_stage_marks_only_with_slade)
{
	struct rig rig;
	pa_t leaf;

	for (unsigned slade = 0; slade < 2; slade++) {
		server(&rig);
		sm_pasid(&rig, 0, SECOND | (slade ? SLADE : 0), DID | PWSNP, 0);
		rig_map(&rig, PAGE, PA_DATA | 3);
		leaf = rig_slot(&rig, PAGE, 0);
		ck_translates(rread(&rig, PAGE), PA_DATA);
		ck_assert_uint_eq(mem(&rig, leaf), PA_DATA | 3 | (slade ? 0x100 : 0));
		ck_translates(rwrite(&rig, PAGE), PA_DATA);
		ck_assert_uint_eq(mem(&rig, leaf), PA_DATA | 3 | (slade ? 0x300 : 0));
		/* A page-selective command reaches such pages too. */
		poke(&rig, leaf, 0);
		ck_translates(rwrite(&rig, PAGE), PA_DATA);
		flush_iotlb_page(&rig, DID, PAGE, 0, true);
		ck_faults(rwrite(&rig, PAGE), 0x79);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(marks_in_tables_that_are_not_snooped_are_a_fault)
{
	struct rig rig;

	server(&rig);
	sm_pasid(&rig, 0, SECOND | SLADE, DID, 0);
	sm_pasid(&rig, 1, FIRST, FDID, PA_FIRST);
	rig_map(&rig, PAGE, PA_DATA | 3);
	poke(&rig, first_slot(&rig, PA_FIRST, PAGE, 0), 0x100007);
	ck_faults(rread(&rig, PAGE), 0x7c);
	ck_faults(prequest(&rig, 1, PAGE, DMA_READ), 0x90);
	ck_assert_uint_eq(mem(&rig, rig_slot(&rig, PAGE, 0)), PA_DATA | 3);
	/* Nothing to be marked: no fault. */
	for (unsigned level = 0; level < 4; level++) {
		pa_t slot = rig_slot(&rig, PAGE, level);

		poke(&rig, slot, mem(&rig, slot) | 0x300);
	}
	ck_translates(rwrite(&rig, PAGE), PA_DATA);
	rig_fini(&rig);
}
END_TEST

/* ---- nested ---- */

/* First-stage tables at guest addresses that the second stage maps elsewhere. */
static void nested(struct rig *rig)
{
	server(rig);
	sm_pasid(rig, 1, NESTED, FDID | PWSNP, 0x40000);
	/* Guest 0x40000 .. 0x43000: the tables; 0x50000: the page. */
	for (uint64_t i = 0; i < 4; i++) {
		rig_map(rig, 0x40000 + (i << 12), (0x900000 + (i << 12)) | 3);
		poke(rig, 0x900000 + (i << 12) + 8 * (PAGE >> (39 - 9 * i) & 511),
		     (i < 3 ? 0x41000 + (i << 12) : 0x50000) | 7);
	}
	rig_map(rig, 0x50000, PA_DATA | 3);
}

START_TEST(nested_translation_goes_through_both_stages)
{
	const struct dma_req req = {
		.requester = RID, .has_pasid = true, .pasid = 1, .iova = PAGE, .len = 1};
	struct vtd_trail trail;
	struct rig rig;

	nested(&rig);
	vtd_walk(rig.unit, &req, &trail);
	ck_assert_uint_eq(trail.result.pa, PA_DATA);
	ck_assert(trail.nested && trail.first_stage);
	ck_assert_uint_eq(trail.steps, 4);
	ck_assert_uint_eq(trail.step[3].raw, 0x50007);
	ck_assert_uint_eq(trail.seconds, 4);
	ck_assert_uint_eq(trail.second[3].raw, PA_DATA | 3);
	ck_assert_uint_eq(trail.pasid, 1);
	/* A report marks nothing. */
	ck_assert_uint_eq(mem(&rig, 0x903000 + 8 * 5), 0x50007);
	ck_translates(prequest(&rig, 1, PAGE + 4, DMA_WRITE), PA_DATA + 4);
	ck_assert_uint_eq(mem(&rig, 0x903000 + 8 * 5), 0x50067);
	rig_fini(&rig);
}
END_TEST

START_TEST(nested_faults_say_which_stage)
{
	static const struct {
		const char *what;
		uint64_t guest, leaf; /* of the second stage */
		bool write;
		uint8_t code;
	} rows[] = {
		{"top table not readable", 0x40000, 0, false, 0x75},
		{"lower table not readable", 0x42000, 0, false, 0x76},
		{"table cannot be marked", 0x43000, 0x903001, false, 0x77},
		{"page not mapped", 0x50000, 0, false, 0x79},
		{"page not writable", 0x50000, PA_DATA | 1, true, 0x79},
		{"reserved bits", 0x50000, PA_DATA | B(62) | 3, false, 0x7a},
		{"page in the interrupt range", 0x50000, 0xfee00003, false, 0x87},
	};
	struct rig rig;
	struct xlat x;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		nested(&rig);
		rig_map(&rig, rows[i].guest, rows[i].leaf);
		x = prequest(&rig, 1, PAGE, rows[i].write ? DMA_WRITE : DMA_READ);
		ck_assert_msg(x.reason == rows[i].code, "%s: 0x%02x", rows[i].what, x.reason);
		rig_fini(&rig);
	}
	/* First-stage leaf beyond the guest width. */
	nested(&rig);
	poke(&rig, 0x903000 + 8 * 5, UINT64_C(0x8000000000007) & (B(46) - 1));
	ck_assert_uint_ne(prequest(&rig, 1, PAGE, DMA_READ).reason, 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(second_stage_invalidation_reaches_nested_pages)
{
	struct rig rig;

	nested(&rig);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA);
	rig_map(&rig, 0x50000, 0x700003);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), PA_DATA);
	flush_iotlb_page(&rig, FDID, 0x50000, 0, true);
	ck_translates(prequest(&rig, 1, PAGE, DMA_READ), 0x700000);
	rig_fini(&rig);
}
END_TEST

/* ---- strict checking, many spaces, non-coherent tables ---- */

START_TEST(strict_checking_names_the_pasid_cache)
{
	struct rig rig;

	server(&rig);
	rig_map(&rig, PAGE, PA_DATA | 3);
	rig.unit->ops->set_strict(rig.unit, true);
	rig.clock = 5;
	ck_translates(rread(&rig, PAGE), PA_DATA);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	ck_assert_uint_eq(rig.stales, 0);
	sm_pasid(&rig, 0, 0, 0, 0);
	rig.clock = 6;
	ck_translates(rread(&rig, PAGE), PA_DATA);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].cache, "PASID cache");
	ck_assert_uint_eq(rig.stale[0].fresh.reason, 0x59);
	ck_assert_uint_eq(rig.stale[0].filled_at, 5);
	poke(&rig, SM_CONTEXT, 0);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	/* Each of the two caches is judged given the other. */
	ck_assert_uint_eq(rig.stales, 3);
	ck_assert_str_eq(rig.stale[1].cache, "context cache");
	ck_assert_str_eq(rig.stale[2].cache, "PASID cache");
	rig_fini(&rig);
}
END_TEST

/* More PASIDs than the caches have room for: each still gets its own page. */
START_TEST(caches_of_pasids_may_overflow)
{
	struct rig rig;

	server(&rig);
	for (uint32_t pasid = 1; pasid < 64; pasid++)
		sm_pasid(&rig, pasid, FIRST, FDID | PWSNP, PA_FIRST);
	poke(&rig, first_slot(&rig, PA_FIRST, PAGE, 0), 0x100007);
	for (uint32_t did = 0; did < 200; did++) {
		for (uint32_t pasid = 1; pasid < 64; pasid++) {
			poke(&rig, PA_PASIDS + 64 * pasid + 8, did | PWSNP);
			ck_translates(prequest(&rig, pasid, PAGE, DMA_READ), 0x100000);
		}
		flush_pasid_cache(&rig, 3, 0, 0);
		ck_assert_ptr_null(rig.unit->ops->audit(rig.unit));
	}
	rig_fini(&rig);
}
END_TEST

START_TEST(table_write_is_invisible_until_it_is_flushed)
{
	const struct vtd_cfg cfg = {.name = "dmar0",
				    .cap = CAP_VTD48,
				    .ecap = ECAP_VTD48,
				    .noncoherent = true};
	const struct vtd_cfg coherent = {.name = "dmar1",
					 .cap = CAP_VTD48,
					 .ecap = ECAP_VTD48 | ECAP_C,
					 .noncoherent = true};
	struct rig rig;

	rig_init_cfg(&rig, &cfg);
	poke2(&rig, PA_ROOT + 16, PA_CONTEXT | 1, 0);
	poke2(&rig, PA_CONTEXT + 16 * 8, PA_TOP | 1, 2 | DID << 8);
	rig_map(&rig, PAGE, PA_DATA | 3);
	wr(&rig, R_RTADDR, 8, PA_ROOT);
	gcmd(&rig, G_SRTP, 0);
	wr(&rig, R_IQA, 8, PA_QUEUE);
	gcmd(&rig, G_QIE, 0);
	gcmd(&rig, G_TE, 0);
	ck_faults(rread(&rig, PAGE), 1);
	phys_table_flush(rig.phys, PA_ROOT + 16, 16);
	ck_faults(rread(&rig, PAGE), 2);
	phys_table_flush(rig.phys, PA_CONTEXT + 16 * 8, 16);
	ck_faults(rread(&rig, PAGE), 6);
	for (unsigned level = 4; level-- > 0;)
		phys_table_flush(rig.phys, rig_slot(&rig, PAGE, level), 8);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	/* The table is cached now, and still nothing that was not flushed shows. */
	rig_map(&rig, PAGE + 0x10000, PA_DATA | 3);
	ck_faults(rread(&rig, PAGE + 0x10000), 6);
	phys_table_flush(rig.phys, rig_slot(&rig, PAGE + 0x10000, 0), 8);
	ck_translates(rread(&rig, PAGE + 0x10000), PA_DATA);
	rig_fini(&rig);

	/* A coherent unit is not concerned. */
	rig_init_cfg(&rig, &coherent);
	ck_assert_ptr_null(rig.phys->views);
	rig_fini(&rig);
}
END_TEST

/* ---- random bytes ---- */

START_TEST(random_tables_and_commands_do_no_harm)
{
	const uint64_t seed = UINT64_C(0x243f6a8885a308d3);
	uint64_t x = seed;
	struct rig rig;

	sm_init(&rig, CAP_SERVER | CAP_CM, ECAP_SERVER | ECAP_DT, VTD_FAULTS_MANUAL);
	for (unsigned i = 0; i < 60000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		switch (x % 4) {
		case 0: /* A word of the structures, often a plausible one. */
			poke(&rig, PA_ROOT + (x >> 8) % 0x18000 / 8 * 8,
			     x >> 40 & 1 ? x : (PA_ROOT + (x >> 20 & 0x1f000)) | (x >> 50 & 0x3ff));
			break;
		case 1:
			prequest(&rig, x >> 8 & 63, x >> 20, x >> 6 & 1 ? DMA_WRITE : DMA_READ);
			break;
		case 2:
			request(&rig, RID, x >> 20, x >> 6 & 1 ? DMA_WRITE : DMA_READ);
			break;
		default:
			queue_push(&rig, (x >> 8 & UINT64_C(0xffff000f003f)) | (x >> 60 & 7), 0);
			queue_kick(&rig);
			wr(&rig, R_FSTS, 4, 0x71);
			if (rd(&rig, R_FSTS, 4) & 0x10) {
				/* Out of a bad descriptor by a wait in its place. */
				poke2(&rig, PA_QUEUE + rd(&rig, R_IQH, 8), 5, 0);
				wr(&rig, R_FSTS, 4, 0x10);
			}
		}
	}
	/* No need for the audit of the queue, which random bytes may have left anywhere. */
	gcmd(&rig, 0, G_QIE);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_pasid");
	TCase *tc = tcase_create("pasid");

	tcase_add_test(tc, pasid_entry_stays_until_its_domain_or_pasid_is_invalidated);
	tcase_add_test(tc, context_entry_stays_until_the_context_cache_is_invalidated);
	tcase_add_test(tc, not_present_is_cached_only_in_caching_mode);
	tcase_add_test(tc, root_pointer_flushes_everything_only_where_the_unit_says_so);
	tcase_add_test(tc, first_stage_pages_are_tagged_by_pasid);
	tcase_add_test(tc, pages_of_a_pasid_go_by_range);
	tcase_add_test(tc, first_stage_defects_have_their_codes);
	tcase_add_test(tc, requests_with_privilege_need_the_entry_to_say_so);
	tcase_add_test(tc, five_levels_translate_57_bits);
	tcase_add_test(tc, first_stage_marks_what_it_uses_and_dirty_on_the_first_write);
	tcase_add_test(tc, second_stage_marks_only_with_slade);
	tcase_add_test(tc, marks_in_tables_that_are_not_snooped_are_a_fault);
	tcase_add_test(tc, nested_translation_goes_through_both_stages);
	tcase_add_test(tc, nested_faults_say_which_stage);
	tcase_add_test(tc, second_stage_invalidation_reaches_nested_pages);
	tcase_add_test(tc, strict_checking_names_the_pasid_cache);
	tcase_add_test(tc, caches_of_pasids_may_overflow);
	tcase_add_test(tc, table_write_is_invisible_until_it_is_flushed);
	tcase_add_test(tc, random_tables_and_commands_do_no_harm);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
