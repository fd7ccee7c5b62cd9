// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests: records in the queue byte for byte, overflow, the event, and answers that reach
 * the device that asked.
 */
#include "ats.h"
#include "harness.h"
#include "vtd_rig.h"

#define R_PQH     0xc0
#define R_PQT     0xc8
#define R_PQA     0xd0
#define R_PRS     0xdc
#define R_PECTL   0xe0
#define R_PEDATA  0xe4
#define R_PEADDR  0xe8
#define R_PEUADDR 0xec

/* Scalable mode, PASIDs of 20 bits, page requests, device TLBs. */
#define ECAP_PRQ                                                                      \
	(ECAP_VTD48 | 4 | UINT64_C(1) << 29 | UINT64_C(1) << 43 | UINT64_C(1) << 46 | \
	 UINT64_C(1) << 40 | UINT64_C(19) << 35)

#define PA_LOWER 0x18000u /* scalable contexts of bus 1, functions 0 to 127 */
#define PA_PRQ   0x30000u

#define CTX_FPD    2u
#define CTX_DTE    4u
#define CTX_PASIDE 8u
#define CTX_PRE    16u

#define PRS_PPR 1u
#define PRS_PRO 2u

static void context(struct rig *rig, unsigned flags)
{
	/* The largest PASID directory. */
	poke2(rig, PA_LOWER + 32 * (RID & 0x7f), 0x20000 | 7 << 9 | flags | 1, 0);
	flush_context(rig, 1, 0, 0);
}

static struct ats_cache *prq_init(struct rig *rig)
{
	const struct ats_cfg cfg = {.requester = RID};
	struct ats_cache *dev;

	rig_init_off(rig, CAP_VTD48, ECAP_PRQ);
	poke2(rig, PA_ROOT + 16 * 1, PA_LOWER | 1, 0);
	wr(rig, R_IQA, 8, PA_QUEUE);
	gcmd(rig, G_QIE, 0);
	wr(rig, R_RTADDR, 8, PA_ROOT | 1 << 10);
	gcmd(rig, G_SRTP, 0);
	gcmd(rig, G_TE, 0);
	context(rig, CTX_DTE | CTX_PASIDE | CTX_PRE);
	wr(rig, R_PQA, 8, PA_PRQ);
	dev = ats_create(rig->port, &cfg);
	ck_assert_ptr_nonnull(dev);
	ats_enable(dev, true, true);
	return dev;
}

static void prq_fini(struct rig *rig, struct ats_cache *dev)
{
	ck_assert_ptr_null(ats_audit(dev));
	ats_destroy(dev);
	rig_fini(rig);
}

static bool ask(struct ats_cache *dev, uint16_t group, uint64_t iova, bool last)
{
	const struct ats_page_request req = {
		.iova = iova, .read = true, .write = true, .last = last, .group = group};

	return ats_page_request(dev, &req);
}

/* A page group response descriptor; the queue must take it. */
static void respond(struct rig *rig, uint16_t rid, uint16_t group, unsigned code)
{
	queue_push(rig, 9 | code << 12 | (uint64_t)rid << 16, (uint64_t)group << 3 | 4);
	queue_wait(rig);
}

START_TEST(record_is_written_byte_for_byte)
{
	const struct ats_page_request with_pasid = {
		.has_pasid = true,
		.pasid = 0xabcde,
		.iova = UINT64_C(0x123456789000),
		.read = true,
		.execute = true,
		.privileged = true,
		.group = 0x1ff,
	};
	struct rig rig;
	struct ats_cache *dev = prq_init(&rig);

	ck_assert(ask(dev, 3, 0x7fff0000, true));
	ck_assert_uint_eq(rd(&rig, R_PQT, 8), 32);
	ck_assert_uint_eq(mem(&rig, PA_PRQ), 0x01080001);
	ck_assert_uint_eq(mem(&rig, PA_PRQ + 8), 0x7fff001f);
	ck_assert_uint_eq(mem(&rig, PA_PRQ + 16), 0);
	ck_assert_uint_eq(mem(&rig, PA_PRQ + 24), 0);
	ck_assert(ats_page_request(dev, &with_pasid));
	ck_assert_uint_eq(mem(&rig, PA_PRQ + 32), UINT64_C(0x003abcde01080101));
	ck_assert_uint_eq(mem(&rig, PA_PRQ + 40), UINT64_C(0x123456789ff9));
	ck_assert_uint_eq(rd(&rig, R_PQT, 8), 64);
	ck_assert_uint_eq(rd(&rig, R_PQH, 8), 0);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(event_is_sent_once_until_software_clears_the_status)
{
	struct rig rig;
	struct ats_cache *dev = prq_init(&rig);

	wr(&rig, R_PEDATA, 4, 0x55);
	wr(&rig, R_PEADDR, 4, 0xfee01000);
	wr(&rig, R_PEUADDR, 4, 7);
	/* Masked: pending. */
	ck_assert(ask(dev, 0, 0x1000, true));
	ck_assert_uint_eq(rd(&rig, R_PRS, 4), PRS_PPR);
	ck_assert_uint_eq(rd(&rig, R_PECTL, 4), 0xc0000000u);
	ck_assert_uint_eq(rig.msis, 0);
	wr(&rig, R_PECTL, 4, 0);
	ck_assert_uint_eq(rd(&rig, R_PECTL, 4), 0);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rig.msi_address, UINT64_C(0x7fee01000));
	ck_assert_uint_eq(rig.msi_data, 0x55);
	ck_assert(ask(dev, 1, 0x1000, true));
	ck_assert_uint_eq(rig.msis, 1);
	wr(&rig, R_PRS, 4, PRS_PPR);
	ck_assert_uint_eq(rd(&rig, R_PRS, 4), 0);
	ck_assert(ask(dev, 2, 0x1000, true));
	ck_assert_uint_eq(rig.msis, 2);
	/* Pending and cleared: gone. */
	wr(&rig, R_PRS, 4, PRS_PPR);
	wr(&rig, R_PECTL, 4, 0x80000000u);
	ck_assert(ask(dev, 4, 0x1000, true));
	wr(&rig, R_PRS, 4, PRS_PPR);
	ck_assert_uint_eq(rd(&rig, R_PECTL, 4), 0x80000000u);
	wr(&rig, R_PECTL, 4, 0);
	ck_assert_uint_eq(rig.msis, 2);
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(answer_reaches_the_group_that_asked)
{
	static const uint8_t codes[] = {ATS_RESPONSE_SUCCESS, ATS_RESPONSE_INVALID,
					ATS_RESPONSE_FAILURE};
	struct ats_response got;
	struct rig rig;
	struct ats_cache *dev = prq_init(&rig);

	for (uint16_t i = 0; i < 3; i++) {
		ck_assert(ask(dev, (uint16_t)(0x1f0 + i), 0x1000, false));
		ck_assert(ask(dev, (uint16_t)(0x1f0 + i), 0x2000, true));
	}
	ck_assert(!ats_next_response(dev, &got));
	/* Neither another function nor another group. */
	respond(&rig, RID + 1, 0x1f0, 0);
	respond(&rig, RID, 0x0f0, 0);
	ck_assert(!ats_next_response(dev, &got));
	for (uint16_t i = 0; i < 3; i++) {
		respond(&rig, RID, (uint16_t)(0x1f0 + i), codes[i]);
		ck_assert(ats_next_response(dev, &got));
		ck_assert_uint_eq(got.group, 0x1f0 + i);
		ck_assert_uint_eq(got.code, codes[i]);
		ck_assert_uint_eq(got.requester, RID);
		ck_assert(!got.has_pasid);
		ck_assert(!ats_next_response(dev, &got));
	}
	ck_assert_uint_eq(rd(&rig, R_PQT, 8), 6 * 32);
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(answer_with_pasid_is_for_a_request_with_pasid)
{
	const struct ats_page_request req = {
		.has_pasid = true, .pasid = 0x54321, .iova = 0x1000, .read = true, .last = true};
	struct ats_response got;
	struct rig rig;
	struct ats_cache *dev = prq_init(&rig);

	ck_assert(ats_page_request(dev, &req));
	respond(&rig, RID, 0, 0);
	ck_assert(!ats_next_response(dev, &got));
	queue_push(&rig, 9 | 1 << 4 | (uint64_t)RID << 16 | UINT64_C(0x54322) << 32, 4);
	queue_wait(&rig);
	ck_assert(!ats_next_response(dev, &got));
	queue_push(&rig, 9 | 1 << 4 | (uint64_t)RID << 16 | UINT64_C(0x54321) << 32, 4);
	queue_wait(&rig);
	ck_assert(ats_next_response(dev, &got));
	ck_assert(got.has_pasid);
	ck_assert_uint_eq(got.pasid, 0x54321);
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(group_in_use_takes_no_new_request)
{
	struct ats_response got;
	struct rig rig;
	struct ats_cache *dev = prq_init(&rig);

	ck_assert(ask(dev, 5, 0x1000, true));
	ck_assert(!ask(dev, 5, 0x2000, true));
	ck_assert(!ask(dev, 512, 0x2000, true));
	respond(&rig, RID, 5, 0);
	ck_assert(!ask(dev, 5, 0x2000, true));
	ck_assert(ats_next_response(dev, &got));
	ck_assert(ask(dev, 5, 0x2000, true));
	/* Switched off and on: nothing is open any more. */
	ats_enable(dev, true, false);
	ck_assert(!ask(dev, 6, 0x2000, true));
	ats_enable(dev, true, true);
	respond(&rig, RID, 5, 0);
	ck_assert(!ats_next_response(dev, &got));
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(full_queue_overflows_and_the_unit_says_so)
{
	struct ats_response got;
	struct rig rig;
	struct ats_cache *dev = prq_init(&rig);

	wr(&rig, R_PECTL, 4, 0);
	/* 128 slots, one of them always free. */
	for (uint16_t i = 0; i < 127; i++)
		ck_assert(ask(dev, i, 0x1000, true));
	ck_assert_uint_eq(rd(&rig, R_PRS, 4), PRS_PPR);
	ck_assert_uint_eq(rd(&rig, R_PQT, 8), 127 * 32);
	ck_assert(ask(dev, 200, 0x1000, false));
	ck_assert_uint_eq(rd(&rig, R_PRS, 4), PRS_PPR | PRS_PRO);
	ck_assert(!ats_next_response(dev, &got));
	ck_assert(ask(dev, 200, 0x2000, true));
	ck_assert(ats_next_response(dev, &got));
	ck_assert_uint_eq(got.group, 200);
	ck_assert_uint_eq(got.code, ATS_RESPONSE_FAILURE);
	ck_assert_uint_eq(rig.msis, 1);
	/* Room alone does not help, while PRO is set. */
	wr(&rig, R_PQH, 8, 127 * 32);
	ck_assert(ask(dev, 201, 0x1000, true));
	ck_assert_uint_eq(rd(&rig, R_PQT, 8), 127 * 32);
	ck_assert(ats_next_response(dev, &got));
	wr(&rig, R_PRS, 4, PRS_PRO | PRS_PPR);
	ck_assert(ask(dev, 201, 0x5000, true));
	ck_assert_uint_eq(rd(&rig, R_PQT, 8), 0);
	ck_assert_uint_eq(mem(&rig, PA_PRQ + 127 * 32 + 8), 0x5000 | 201 << 3 | 7);
	ck_assert_uint_eq(rig.msis, 2);
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(queue_size_comes_from_its_address_register)
{
	struct rig rig;
	struct ats_cache *dev = prq_init(&rig);

	wr(&rig, R_PQA, 8, PA_PRQ | 1);
	for (uint16_t i = 0; i < 255; i++)
		ck_assert(ask(dev, i, 0x1000, true));
	ck_assert_uint_eq(rd(&rig, R_PQT, 8), 255 * 32);
	ck_assert_uint_eq(rd(&rig, R_PRS, 4), PRS_PPR);
	ck_assert(ask(dev, 255, 0x1000, true));
	ck_assert_uint_eq(rd(&rig, R_PRS, 4), PRS_PPR | PRS_PRO);
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(queue_outside_memory_loses_everything)
{
	struct ats_response got;
	struct rig rig;
	struct ats_cache *dev = prq_init(&rig);

	wr(&rig, R_PQA, 8, PA_NOWHERE);
	ck_assert(ask(dev, 1, 0x1000, true));
	ck_assert_uint_eq(rd(&rig, R_PRS, 4), PRS_PRO);
	ck_assert(ats_next_response(dev, &got));
	ck_assert_uint_eq(got.code, ATS_RESPONSE_FAILURE);
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(function_without_page_request_enable_is_answered_invalid)
{
	struct ats_response got;
	struct rig rig;
	struct ats_cache *dev = prq_init(&rig);

	context(&rig, CTX_DTE | CTX_PASIDE);
	ck_assert(ask(dev, 9, 0x5000, false));
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 2);
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), 0x5000);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8), UINT64_C(0x8000004700000108));
	ck_assert(!ats_next_response(dev, &got));
	ck_assert(ask(dev, 9, 0x6000, true));
	ck_assert(ats_next_response(dev, &got));
	ck_assert_uint_eq(got.code, ATS_RESPONSE_INVALID);
	ck_assert_uint_eq(rd(&rig, R_PQT, 8), 0);
	ck_assert_uint_eq(rd(&rig, R_PRS, 4), 0);
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(legacy_mode_has_no_page_requests)
{
	const struct ats_cfg cfg = {.requester = RID};
	struct ats_response got;
	struct ats_cache *dev;
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_PRQ);
	dev = ats_create(rig.port, &cfg);
	ats_enable(dev, true, true);
	ck_assert(ask(dev, 0, 0x5000, true));
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8), UINT64_C(0x8000003200000108));
	ck_assert(ats_next_response(dev, &got));
	ck_assert_uint_eq(got.code, ATS_RESPONSE_INVALID);
	prq_fini(&rig, dev);
}
END_TEST

START_TEST(unit_without_the_capability_takes_no_page_request)
{
	const struct ats_cfg cfg = {.requester = RID};
	struct ats_cache *dev;
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48 | 4);
	dev = ats_create(rig.port, &cfg);
	ats_enable(dev, true, true);
	ck_assert(!ask(dev, 0, 0x5000, true));
	ck_assert_uint_eq(rd(&rig, R_PQA, 8), 0);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	prq_fini(&rig, dev);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_prq");
	TCase *tc = tcase_create("prq");

	tcase_add_test(tc, record_is_written_byte_for_byte);
	tcase_add_test(tc, event_is_sent_once_until_software_clears_the_status);
	tcase_add_test(tc, answer_reaches_the_group_that_asked);
	tcase_add_test(tc, answer_with_pasid_is_for_a_request_with_pasid);
	tcase_add_test(tc, group_in_use_takes_no_new_request);
	tcase_add_test(tc, full_queue_overflows_and_the_unit_says_so);
	tcase_add_test(tc, queue_size_comes_from_its_address_register);
	tcase_add_test(tc, queue_outside_memory_loses_everything);
	tcase_add_test(tc, function_without_page_request_enable_is_answered_invalid);
	tcase_add_test(tc, legacy_mode_has_no_page_requests);
	tcase_add_test(tc, unit_without_the_capability_takes_no_page_request);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
