// SPDX-License-Identifier: GPL-2.0-only
/* Devices with a translation cache below an AMD-Vi unit: translations, invalidation, page requests.
 */
#include "amdvi_rig.h"
#include "ats.h"

#define A UINT64_C(0x40000000)

#define DTE_I   UINT64_C(0x100000000)      /* word 1 */
#define DTE_PPR UINT64_C(0x10000000000000) /* word 0 */

static struct ats_cache *device(struct rig *rig)
{
	struct ats_cfg cfg = {.requester = RID};
	struct ats_cache *cache;

	rig_init(rig, EFR_RECORDED, CAP_NO_NP);
	rig_dte(rig, RID, dte_v1(4) | DTE_PPR, DID | DTE_I, 0);
	control(rig, C_PPR | C_PPR_LOG, 0);
	cfg.phys = rig->phys;
	cache = ats_create(rig->port, &cfg);
	ck_assert_ptr_nonnull(cache);
	ats_enable(cache, true, true);
	return cache;
}

static void device_fini(struct rig *rig, struct ats_cache *cache)
{
	ck_assert_ptr_null(ats_audit(cache));
	ats_destroy(cache);
	rig_fini(rig);
}

static struct ats_result get(struct ats_cache *cache, uint64_t iova, enum dma_kind kind,
			     uint64_t *value)
{
	const struct dma_req req = {.iova = iova, .len = 8, .kind = kind};

	return ats_access(cache, &req, value);
}

static void flush_iotlb(struct rig *rig, uint64_t hi)
{
	push(rig, UINT64_C(4) << 60 | (uint64_t)RID << 32 | 16 << 24 | RID, hi);
}

START_TEST(device_keeps_a_page_until_its_own_invalidation)
{
	struct rig rig;
	struct ats_cache *cache = device(&rig);
	uint64_t value = 0;

	poke(&rig, 0x9000, 0x1234);
	rig_map(&rig, A, V1_LEAF | 0x9000);
	ck_assert_uint_eq(get(cache, A, DMA_READ, &value).done, 8);
	ck_assert_uint_eq(value, 0x1234);
	rig_map(&rig, A, 0);
	flush_pages(&rig, DID, 0, ALL_PAGES);
	ck_assert_uint_eq(get(cache, A, DMA_READ, &value).done, 8);
	flush_iotlb(&rig, A + 0x2000);
	wait_done(&rig);
	ck_assert_uint_eq(get(cache, A, DMA_READ, &value).done, 8);
	/* 16 KiB around it. */
	flush_iotlb(&rig, (A + 0x1000) | 1);
	wait_done(&rig);
	ck_assert_int_eq(get(cache, A, DMA_READ, &value).outcome, ATS_NOT_PERMITTED);
	ck_no_event(&rig);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(unit_that_was_not_flushed_first_answers_from_its_own_cache)
{
	struct rig rig;
	struct ats_cache *cache = device(&rig);
	uint64_t value = 0;

	rig_map(&rig, A, V1_LEAF | 0x9000);
	ck_assert_uint_eq(get(cache, A, DMA_READ, &value).done, 8);
	rig_map(&rig, A, 0);
	/* The wrong order: device TLB, then IOTLB. */
	flush_iotlb(&rig, A);
	wait_done(&rig);
	ck_assert_uint_eq(get(cache, A, DMA_READ, &value).done, 8);
	flush_pages(&rig, DID, 0, A);
	ck_assert_uint_eq(get(cache, A, DMA_READ, &value).done, 8);
	flush_iotlb(&rig, A);
	wait_done(&rig);
	ck_assert_uint_eq(get(cache, A, DMA_READ, &value).done, 0);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(read_only_page_is_granted_for_reading)
{
	const struct dma_req req = {.iova = A, .len = 8, .kind = DMA_WRITE};
	struct rig rig;
	struct ats_cache *cache = device(&rig);
	struct ats_answer answer;

	rig_map(&rig, A, V1_READ | 0x9000);
	answer = ats_translate(cache, &req);
	ck_assert_int_eq(answer.status, ATS_SUCCESS);
	ck_assert_uint_eq(answer.perm, PT_R);
	ck_no_event(&rig);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(device_that_may_not_translate_is_told_so_and_logged)
{
	const struct dma_req req = {.iova = A, .len = 8};
	struct rig rig;
	struct ats_cache *cache = device(&rig);
	uint64_t value;

	rig_dte(&rig, RID, dte_v1(4), DID, 0);
	ck_assert_int_eq(ats_translate(cache, &req).status, ATS_UNSUPPORTED);
	/* TR, type 1. */
	ck_event(&rig, UINT64_C(0x8300000000000000) | RID, A);
	ck_assert_int_eq(ats_access_translated(cache, DMA_WRITE, 0x9000, &value, 8).outcome,
			 ATS_BLOCKED);
	ck_event(&rig, UINT64_C(0x8220000000000000) | RID, 0x9000);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(errors_of_translation_requests_carry_tr)
{
	const struct dma_req req = {.iova = A, .len = 8};
	struct rig rig;
	struct ats_cache *cache = device(&rig);

	rig_dte(&rig, RID, (dte_v1(4) & ~UINT64_C(0xffffffffff000)) | PA_NOWHERE, DID | DTE_I, 0);
	ck_assert_int_eq(ats_translate(cache, &req).status, ATS_ABORTED);
	ck_event(&rig, UINT64_C(0x4300000700000000) | RID, PA_NOWHERE);
	rig_dte(&rig, RID, dte_v1(4) | 4, DID | DTE_I, 0);
	flush_device(&rig, RID);
	ck_assert_int_eq(ats_translate(cache, &req).status, ATS_ABORTED);
	ck_event(&rig, UINT64_C(0x1180000000000000) | RID, A);
	device_fini(&rig, cache);
}
END_TEST

/* INVALID_DEVICE_REQUEST with TR, type 0: the interrupt range is never asked for. */
START_TEST(interrupt_range_is_no_address_to_ask_for)
{
	const struct dma_req req = {.iova = UINT64_C(0xfee00000), .len = 8};
	const struct dma_req below = {.iova = UINT64_C(0xfedff000), .len = 8};
	struct rig rig;
	struct ats_cache *cache = device(&rig);
	struct ats_answer answer = ats_translate(cache, &req);

	ck_assert_int_eq(answer.status, ATS_UNSUPPORTED);
	ck_event(&rig, UINT64_C(0x8100000000000000) | RID, UINT64_C(0xfee00000));
	rig_map(&rig, below.iova, V1_LEAF | 0x9000);
	answer = ats_translate(cache, &below);
	ck_assert_int_eq(answer.status, ATS_SUCCESS);
	ck_assert_uint_eq(answer.pa, 0x9000);
	device_fini(&rig, cache);
}
END_TEST

/* The entry's own IR and IW are part of the answer, as the tables' are. */
START_TEST(entry_without_iw_grants_reading_and_one_without_either_nothing)
{
	const struct dma_req req = {.iova = A, .len = 8, .kind = DMA_WRITE};
	struct rig rig;
	struct ats_cache *cache = device(&rig);
	struct ats_answer answer;

	rig_map(&rig, A, V1_LEAF | 0x9000);
	rig_dte(&rig, RID, dte_v1(4) & ~UINT64_C(0x4000000000000000), DID | DTE_I, 0);
	flush_device(&rig, RID);
	answer = ats_translate(cache, &req);
	ck_assert_int_eq(answer.status, ATS_SUCCESS);
	ck_assert_uint_eq(answer.perm, PT_R);
	ck_assert_uint_eq(answer.pa, 0x9000);
	rig_dte(&rig, RID, dte_v1(4) & ~UINT64_C(0x6000000000000000), DID | DTE_I, 0);
	flush_device(&rig, RID);
	answer = ats_translate(cache, &req);
	ck_assert_int_eq(answer.status, ATS_SUCCESS);
	ck_assert_uint_eq(answer.perm, 0);
	ck_no_event(&rig);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(mute_device_times_out)
{
	struct rig rig;
	struct ats_cache *cache = device(&rig);

	ats_set_manners(cache, ATS_MUTE);
	flush_iotlb(&rig, A);
	wait_done(&rig);
	ck_event(&rig, UINT64_C(0x7000000000000000) | RID, PA_CMD);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(completion_wait_waits_for_a_slow_device)
{
	struct rig rig;
	struct ats_cache *cache = device(&rig);

	for (unsigned in_time = 0; in_time < 2; in_time++) {
		uint32_t head = rig.cmd_tail + 16;

		ats_set_manners(cache, ATS_LATER);
		flush_iotlb(&rig, A);
		push(&rig, UINT64_C(1) << 60 | PA_WAIT | 1, 77 + in_time);
		kick(&rig);
		ck_assert_uint_eq(rd(&rig, R_CMD_HEAD), head);
		ck_assert_uint_ne(mem(&rig, PA_WAIT), 77 + in_time);
		ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x10, 0x10);
		ck_assert_uint_eq(ats_complete(cache, in_time), 1);
		ck_assert_uint_eq(mem(&rig, PA_WAIT), 77 + in_time);
		if (in_time)
			ck_no_event(&rig);
		else
			ck_event(&rig, UINT64_C(0x7000000000000000) | RID, PA_CMD + head - 16);
	}
	device_fini(&rig, cache);
}
END_TEST

/* ---- page requests ---- */

static const struct ats_page_request page = {
	.iova = A,
	.read = true,
	.write = true,
	.last = true,
	.group = 0x155,
};

START_TEST(page_request_is_logged_and_answered)
{
	struct rig rig;
	struct ats_cache *cache = device(&rig);
	struct ats_response response;

	control(&rig, C_PPR_INT, 0);
	ck_assert(ats_page_request(cache, &page));
	/* Type 1; user, write, read; tag 0x355: bit 9 says last. */
	ck_assert_uint_eq(mem(&rig, PA_PPR), UINT64_C(0x1064035500000000) | RID);
	ck_assert_uint_eq(mem(&rig, PA_PPR + 8), A);
	ck_assert_uint_eq(rd(&rig, R_PPR_TAIL), 16);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0xe0, 0xc0);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert(!ats_next_response(cache, &response));
	/* COMPLETE_PPR_REQUEST: tag 0x155, status 1. */
	push(&rig, UINT64_C(7) << 60 | RID, UINT64_C(0x0000115500000000));
	wait_done(&rig);
	ck_assert(ats_next_response(cache, &response));
	ck_assert_uint_eq(response.group, 0x155);
	ck_assert_uint_eq(response.code, ATS_RESPONSE_INVALID);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(page_request_with_a_pasid_names_it)
{
	struct ats_page_request req = page;
	struct rig rig;
	struct ats_cache *cache = device(&rig);
	struct ats_response response;

	req.has_pasid = true;
	req.pasid = 0xabcde;
	req.execute = true;
	req.privileged = true;
	ck_assert(ats_page_request(cache, &req));
	/* PASID valid, write, read, execute; PASID 19:16 at 45:42, 15:0 at 31:16. */
	ck_assert_uint_eq(mem(&rig, PA_PPR), UINT64_C(0x11262b55bcde0000) | RID);
	push(&rig, UINT64_C(7) << 60 | UINT64_C(0xabcde) << 32 | RID, UINT64_C(0x15500000004));
	wait_done(&rig);
	ck_assert(ats_next_response(cache, &response));
	ck_assert_uint_eq(response.pasid, 0xabcde);
	ck_assert_uint_eq(response.code, ATS_RESPONSE_SUCCESS);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(page_request_that_is_not_allowed_is_an_event)
{
	struct rig rig;
	struct ats_cache *cache = device(&rig);

	rig_dte(&rig, RID, dte_v1(4), DID | DTE_I, 0);
	ck_assert(!ats_page_request(cache, &page));
	ck_event(&rig, UINT64_C(0x9020035500000000) | RID, A);
	ck_assert_uint_eq(rd(&rig, R_PPR_TAIL), 0);
	rig_dte(&rig, RID, dte_v1(4) | DTE_PPR, DID | DTE_I, 0);
	flush_device(&rig, RID);
	control(&rig, 0, C_PPR);
	ck_assert(!ats_page_request(cache, &page));
	ck_event(&rig, UINT64_C(0x9020035500000000) | RID, A);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(full_page_request_log_overflows_and_restarts)
{
	struct ats_page_request req = page;
	struct rig rig;
	struct ats_cache *cache = device(&rig);

	for (unsigned i = 0; i < 255; i++) {
		req.group = (uint16_t)i;
		ck_assert(ats_page_request(cache, &req));
	}
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0xa0, 0x80);
	req.group = 300;
	ck_assert(!ats_page_request(cache, &req));
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0xa0, 0x20);
	wr(&rig, R_PPR_HEAD, 255 * 16);
	wr(&rig, R_STATUS, 0x20);
	control(&rig, 0, C_PPR_LOG);
	control(&rig, C_PPR_LOG, 0);
	ck_assert(ats_page_request(cache, &req));
	ck_assert_uint_eq(rd(&rig, R_PPR_TAIL), 0);
	device_fini(&rig, cache);
}
END_TEST

START_TEST(strict_checker_sees_a_stale_device_tlb)
{
	struct rig rig;
	struct ats_cache *cache = device(&rig);
	uint64_t value;

	rig.unit->ops->set_strict(rig.unit, true);
	rig.clock = 5;
	rig_map(&rig, A, V1_LEAF | 0x9000);
	get(cache, A, DMA_READ, &value);
	get(cache, A, DMA_READ, &value);
	ck_assert_uint_eq(rig.stales, 0);
	rig_map(&rig, A, 0);
	flush_pages(&rig, DID, 0, A);
	get(cache, A, DMA_READ, &value);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].cache, "device TLB");
	ck_assert_uint_eq(rig.stale[0].filled_at, 5);
	device_fini(&rig, cache);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_ats");
	TCase *tc = tcase_create("ats");

	tcase_add_test(tc, device_keeps_a_page_until_its_own_invalidation);
	tcase_add_test(tc, unit_that_was_not_flushed_first_answers_from_its_own_cache);
	tcase_add_test(tc, read_only_page_is_granted_for_reading);
	tcase_add_test(tc, device_that_may_not_translate_is_told_so_and_logged);
	tcase_add_test(tc, errors_of_translation_requests_carry_tr);
	tcase_add_test(tc, interrupt_range_is_no_address_to_ask_for);
	tcase_add_test(tc, entry_without_iw_grants_reading_and_one_without_either_nothing);
	tcase_add_test(tc, mute_device_times_out);
	tcase_add_test(tc, completion_wait_waits_for_a_slow_device);
	tcase_add_test(tc, page_request_is_logged_and_answered);
	tcase_add_test(tc, page_request_with_a_pasid_names_it);
	tcase_add_test(tc, page_request_that_is_not_allowed_is_an_event);
	tcase_add_test(tc, full_page_request_log_overflows_and_restarts);
	tcase_add_test(tc, strict_checker_sees_a_stale_device_tlb);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
