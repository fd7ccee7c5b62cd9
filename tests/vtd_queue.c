// SPDX-License-Identifier: GPL-2.0-only
/* The invalidation queue: order, wrap, waits, errors and how software gets out of them. */
#include "harness.h"
#include "vtd_rig.h"

#define IQE 0x10

START_TEST(queue_wraps_and_head_follows_tail)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	/* 256 descriptors of 16 bytes; three rounds, two at a time and a wait. */
	for (unsigned i = 0; i < 256; i++) {
		queue_push(&rig, 0x21 | DID << 16, 0);
		queue_push(&rig, 0x12, 0);
		queue_wait(&rig);
		ck_assert_uint_eq(rd(&rig, R_IQH, 8), (i + 1) * 48 % 4096);
	}
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(larger_queue_uses_all_its_pages)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	/* QS = 1: 512 descriptors. */
	wr(&rig, R_IQA, 8, PA_QUEUE | 1);
	gcmd(&rig, G_QIE, 0);
	for (uint64_t i = 0; i < 511; i++)
		poke2(&rig, PA_QUEUE + 16 * i, 5 | 1 << 5 | (i + 1) << 32, PA_STATUS + 4 * i);
	wr(&rig, R_IQT, 8, 16 * 511);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), 16 * 511);
	for (uint64_t i = 0; i < 511; i++)
		ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS + 4 * i), i + 1);
	rig_fini(&rig);
}
END_TEST

START_TEST(nothing_is_fetched_while_the_queue_is_off)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_IQA, 8, PA_QUEUE);
	queue_push(&rig, 0x25 | UINT64_C(9) << 32, PA_STATUS);
	queue_kick(&rig);
	ck_assert_uint_eq(mem(&rig, PA_STATUS), 0);
	gcmd(&rig, G_QIE, 0);
	ck_assert_uint_eq(mem(&rig, PA_STATUS), 9);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), 16);
	gcmd(&rig, 0, G_QIE);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(register_commands_are_refused_while_the_queue_is_on)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, 0x5000, 0x9003);
	ck_translates(rread(&rig, 0x5000), 0x9000);
	rig_map(&rig, 0x5000, 0xa003);
	wr(&rig, R_IOTLB, 8, UINT64_C(0x9000000000000000));
	ck_assert_uint_eq(rd(&rig, R_IOTLB, 8), UINT64_C(0x1000000000000000));
	wr(&rig, R_CCMD, 8, UINT64_C(0xa000000000000000));
	ck_assert_uint_eq(rd(&rig, R_CCMD, 8), UINT64_C(0x2000000000000000));
	ck_translates(rread(&rig, 0x5000), 0x9000);
	rig_fini(&rig);
}
END_TEST

struct bad {
	const char *what;
	uint64_t lo, hi;
	unsigned iqei;
};

static const struct bad bads[] = {
	{"type 0", 0, 0, 3},
	{"type 6 needs scalable mode", 6 | 2 << 4, 0, 3},
	{"type 7 needs scalable mode", 7, 0, 3},
	{"type 15", 15, 0, 3},
	{"device TLB without ECAP.DT", 3 | UINT64_C(0x108) << 32, 0x1000, 3},
	{"context, granularity 0", 1, 0, 4},
	{"context, bit 6", 0x51, 0, 4},
	{"context, bit 50", 0x11 | UINT64_C(1) << 50, 0, 4},
	{"context, high half", 0x11, 1, 4},
	{"IOTLB, granularity 0", 2, 0, 4},
	{"IOTLB, bit 8", 0x112, 0, 4},
	{"IOTLB, bit 32", 0x12 | UINT64_C(1) << 32, 0, 4},
	{"IOTLB, address bit 7", 0x32, 0x80, 4},
	{"IOTLB, mask beyond MAMV", 0x32, 19, 4},
	{"interrupt entry, bit 5", 0x24, 0, 4},
	{"interrupt entry, high half", 4, 8, 4},
	{"wait, bit 7", 0xa5, PA_STATUS, 4},
	{"wait, address bit 1", 0x25, PA_STATUS | 2, 4},
	{"wait, status outside memory", 0x25, PA_NOWHERE, 2},
};

START_TEST(bad_descriptor_stops_the_head_and_clearing_iqe_resumes)
{
	const struct bad *bad = &bads[_i];
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	queue_wait(&rig);
	queue_push(&rig, bad->lo, bad->hi);
	queue_push(&rig, 0x25 | UINT64_C(0x77) << 32, PA_STATUS);
	queue_kick(&rig);
	ck_assert_msg(rd(&rig, R_FSTS, 4) == IQE, "%s", bad->what);
	ck_assert_msg(rd(&rig, R_IQERCD, 8) == bad->iqei, "%s", bad->what);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), 16);
	ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0xc0000000u);
	ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS), 1);
	/* More work does not help. */
	queue_push(&rig, 0x25 | UINT64_C(0x78) << 32, PA_STATUS);
	queue_kick(&rig);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), 16);
	/* Clearing IQE alone meets the same descriptor again. */
	wr(&rig, R_FSTS, 4, IQE);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), IQE);
	/* A driver overwrites it with a wait of its own first. */
	poke2(&rig, PA_QUEUE + 16, 0x25 | UINT64_C(0x76) << 32, PA_STATUS + 8);
	wr(&rig, R_FSTS, 4, IQE);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), 0);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), rig.tail);
	ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS), 0x78);
	ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS + 8), 0x76);
	ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0x80000000u);
	rig_fini(&rig);
}
END_TEST

START_TEST(work_before_a_bad_descriptor_is_done)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, 0x5000, 0x9003);
	ck_translates(rread(&rig, 0x5000), 0x9000);
	rig_map(&rig, 0x5000, 0xa003);
	queue_push(&rig, 0x12, 0);
	queue_push(&rig, 0, 0);
	queue_kick(&rig);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), 16);
	ck_translates(rread(&rig, 0x5000), 0xa000);
	rig_fini(&rig);
}
END_TEST

START_TEST(tail_beyond_the_queue_is_an_error)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_IQT, 8, 4096);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), IQE);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), 1);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), 0);
	wr(&rig, R_IQT, 8, 0);
	wr(&rig, R_FSTS, 4, IQE);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(queue_outside_memory_is_an_error)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_IQA, 8, PA_NOWHERE);
	wr(&rig, R_IQT, 8, 16);
	gcmd(&rig, G_QIE, 0);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), IQE);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), 2);
	rig_fini(&rig);
}
END_TEST

START_TEST(iqe_while_a_fault_is_pending_sends_no_second_message)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_FEADDR, 4, 0xfee00000);
	wr(&rig, R_FECTL, 4, 0);
	ck_faults(rread(&rig, 0x5000), 6);
	ck_assert_uint_eq(rig.msis, 1);
	queue_push(&rig, 0, 0);
	queue_kick(&rig);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), IQE | 2);
	ck_assert_uint_eq(rig.msis, 1);
	rig_fini(&rig);
}
END_TEST

START_TEST(wait_with_interrupt_sets_iwc_and_sends_once)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_IEDATA, 4, 0x31);
	wr(&rig, R_IEADDR, 4, 0xfee03000);
	queue_push(&rig, 0x15, 0);
	queue_kick(&rig);
	/* Masked after reset: pending. */
	ck_assert_uint_eq(rd(&rig, R_ICS, 4), 1);
	ck_assert_uint_eq(rd(&rig, R_IECTL, 4), 0xc0000000u);
	ck_assert_uint_eq(rig.msis, 0);
	wr(&rig, R_IECTL, 4, 0);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rig.msi_address, 0xfee03000);
	ck_assert_uint_eq(rig.msi_data, 0x31);
	/* IWC still set: no second one. */
	queue_push(&rig, 0x15, 0);
	queue_kick(&rig);
	ck_assert_uint_eq(rig.msis, 1);
	wr(&rig, R_ICS, 4, 1);
	ck_assert_uint_eq(rd(&rig, R_ICS, 4), 0);
	/* Status and interrupt in one. */
	queue_push(&rig, 0x35 | UINT64_C(0x55) << 32, PA_STATUS);
	queue_kick(&rig);
	ck_assert_uint_eq(rig.msis, 2);
	ck_assert_uint_eq(mem(&rig, PA_STATUS), 0x55);
	rig_fini(&rig);
}
END_TEST

START_TEST(clearing_iwc_takes_a_pending_interrupt_back)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	queue_push(&rig, 0x15, 0);
	queue_kick(&rig);
	wr(&rig, R_ICS, 4, 1);
	ck_assert_uint_eq(rd(&rig, R_IECTL, 4), 0x80000000u);
	wr(&rig, R_IECTL, 4, 0);
	ck_assert_uint_eq(rig.msis, 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(a_fence_alone_is_no_error)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	queue_push(&rig, 0x45, 0);
	queue_wait(&rig);
	rig_fini(&rig);
}
END_TEST

START_TEST(status_write_changes_four_bytes)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	poke(&rig, PA_STATUS, UINT64_C(0x1122334455667788));
	queue_push(&rig, 0x25 | UINT64_C(0xaabbccdd) << 32, PA_STATUS + 4);
	queue_kick(&rig);
	ck_assert_uint_eq(mem(&rig, PA_STATUS), UINT64_C(0xaabbccdd55667788));
	rig_fini(&rig);
}
END_TEST

START_TEST(device_tlb_and_interrupt_entry_commands_need_their_capability)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48 | 4);
	queue_push(&rig, 3 | UINT64_C(0x108) << 32 | 4 << 16, 0x1001);
	queue_push(&rig, 0x25 | UINT64_C(9) << 32, PA_STATUS);
	queue_kick(&rig);
	/* Understood, but there is no such function: it times out. */
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0x40);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), UINT64_C(0x108) << 32);
	wr(&rig, R_FSTS, 4, 0x40);
	queue_push(&rig, 4, 0);
	queue_push(&rig, 0x14 | UINT64_C(7) << 32, 0);
	queue_wait(&rig);
	/* The id of the physical function only with ECAP.DIT. */
	queue_push(&rig, 3 | 1 << 12, 0);
	queue_kick(&rig);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), 4);
	rig_fini(&rig);

	rig_init(&rig, CAP_VTD48, ECAP_VTD48 & ~UINT64_C(0x18));
	queue_push(&rig, 4, 0);
	queue_kick(&rig);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), 3);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_queue");
	TCase *tc = tcase_create("queue");

	tcase_add_test(tc, queue_wraps_and_head_follows_tail);
	tcase_add_test(tc, larger_queue_uses_all_its_pages);
	tcase_add_test(tc, nothing_is_fetched_while_the_queue_is_off);
	tcase_add_test(tc, register_commands_are_refused_while_the_queue_is_on);
	tcase_add_loop_test(tc, bad_descriptor_stops_the_head_and_clearing_iqe_resumes, 0,
			    (int)SIO_ARRAY_SIZE(bads));
	tcase_add_test(tc, work_before_a_bad_descriptor_is_done);
	tcase_add_test(tc, tail_beyond_the_queue_is_an_error);
	tcase_add_test(tc, queue_outside_memory_is_an_error);
	tcase_add_test(tc, iqe_while_a_fault_is_pending_sends_no_second_message);
	tcase_add_test(tc, wait_with_interrupt_sets_iwc_and_sends_once);
	tcase_add_test(tc, clearing_iwc_takes_a_pending_interrupt_back);
	tcase_add_test(tc, a_fence_alone_is_no_error);
	tcase_add_test(tc, status_write_changes_four_bytes);
	tcase_add_test(tc, device_tlb_and_interrupt_entry_commands_need_their_capability);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
