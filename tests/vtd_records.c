// SPDX-License-Identifier: GPL-2.0-only
/* Fault recording registers, fault status and the fault event. */
#include "harness.h"
#include "vtd_rig.h"

#define FAULTY UINT64_C(0x5000)
#define PFO    1
#define PPF    2

static uint64_t record_hi(struct rig *rig, unsigned i)
{
	return rd(rig, R_FRCD + 16 * i + 8, 8);
}

static void fault_at(struct rig *rig, uint64_t page)
{
	ck_faults(rread(rig, page << 12), 6);
}

/* What a driver does with one record: clear F through the top dword. */
static void clear_record(struct rig *rig, unsigned i)
{
	wr(rig, R_FRCD + 16 * i + 12, 4, 0x80000000u);
}

static void unmask(struct rig *rig)
{
	wr(rig, R_FEDATA, 4, 0x4021);
	wr(rig, R_FEADDR, 4, 0xfee01004);
	wr(rig, R_FEUADDR, 4, 0x1);
	wr(rig, R_FECTL, 4, 0);
}

START_TEST(one_register_and_three_faults_give_one_record_and_overflow)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	fault_at(&rig, 1);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PPF);
	fault_at(&rig, 2);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PPF | PFO);
	fault_at(&rig, 3);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PPF | PFO);
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), 0x1000);
	/* Clearing the record clears PPF; while PFO stands, faults are lost. */
	clear_record(&rig, 0);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PFO);
	fault_at(&rig, 4);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PFO);
	ck_assert_uint_eq(record_hi(&rig, 0) >> 63, 0);
	wr(&rig, R_FSTS, 4, PFO);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	fault_at(&rig, 5);
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), 0x5000);
	rig_fini(&rig);
}
END_TEST

START_TEST(eight_registers_fill_in_turn_and_fri_names_the_oldest)
{
	struct rig rig;

	rig_init(&rig, (CAP_VTD48 & ~(UINT64_C(0xff) << 40)) | CAP_NFR(8), ECAP_VTD48);
	ck_assert_uint_eq(vtd_caps(rig.unit)->fault_records, 8);
	for (uint64_t i = 0; i < 3; i++)
		fault_at(&rig, 0x10 + i);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PPF);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(rd(&rig, R_FRCD + 16 * i, 8), (uint64_t)(0x10 + i) << 12);
		clear_record(&rig, i);
		ck_assert_uint_eq(rd(&rig, R_FSTS, 4), i < 2 ? PPF : 0);
	}
	/* The next goes to register 3, and FRI says so. */
	fault_at(&rig, 0x20);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PPF | 3 << 8);
	for (uint64_t i = 0; i < 7; i++)
		fault_at(&rig, 0x30 + i);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PPF | 3 << 8);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 16 * 2, 8), 0x36000);
	fault_at(&rig, 0x40);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PPF | PFO | 3 << 8);
	/* Room for later faults only once PFO is cleared, and in order: register 3 is next again.
	 */
	clear_record(&rig, 4);
	fault_at(&rig, 0x41);
	ck_assert_uint_eq(record_hi(&rig, 4) >> 63, 0);
	wr(&rig, R_FSTS, 4, PFO);
	clear_record(&rig, 3);
	fault_at(&rig, 0x42);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 16 * 3, 8), 0x42000);
	rig_fini(&rig);
}
END_TEST

START_TEST(a_record_is_cleared_only_through_its_f_bit)
{
	struct rig rig;
	uint64_t hi;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	fault_at(&rig, 1);
	hi = record_hi(&rig, 0);
	wr(&rig, R_FRCD, 8, ~UINT64_C(0));
	wr(&rig, R_FRCD + 8, 4, ~UINT64_C(0));
	wr(&rig, R_FRCD + 12, 4, 0x7fffffff);
	ck_assert_uint_eq(record_hi(&rig, 0), hi);
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), 0x1000);
	/* PPF itself is read only. */
	wr(&rig, R_FSTS, 4, PPF);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), PPF);
	wr(&rig, R_FRCD + 15, 1, 0x80);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(unmasked_fault_sends_one_message_until_status_is_clear)
{
	struct rig rig;

	rig_init(&rig, (CAP_VTD48 & ~(UINT64_C(0xff) << 40)) | CAP_NFR(4), ECAP_VTD48);
	unmask(&rig);
	fault_at(&rig, 1);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rig.msi_address, UINT64_C(0x1fee01004));
	ck_assert_uint_eq(rig.msi_data, 0x4021);
	ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0);
	fault_at(&rig, 2);
	fault_at(&rig, 3);
	ck_assert_uint_eq(rig.msis, 1);
	clear_record(&rig, 0);
	clear_record(&rig, 1);
	clear_record(&rig, 2);
	fault_at(&rig, 4);
	ck_assert_uint_eq(rig.msis, 2);
	rig_fini(&rig);
}
END_TEST

START_TEST(masked_fault_is_pending_and_sent_when_unmasked)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0x80000000u);
	fault_at(&rig, 1);
	ck_assert_uint_eq(rig.msis, 0);
	ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0xc0000000u);
	unmask(&rig);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(pending_event_goes_when_software_clears_the_status_first)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	fault_at(&rig, 1);
	fault_at(&rig, 2);
	clear_record(&rig, 0);
	ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0xc0000000u);
	wr(&rig, R_FSTS, 4, PFO);
	ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0x80000000u);
	unmask(&rig);
	ck_assert_uint_eq(rig.msis, 0);
	rig_fini(&rig);
}
END_TEST

/* A handler that does what Linux's does, from inside the message. */
static void handler(void *ctx, uint64_t address, uint32_t data)
{
	struct rig *rig = ctx;

	rig_msi(ctx, address, data);
	ck_assert_uint_eq(rd(rig, R_FSTS, 4) & PPF, PPF);
	clear_record(rig, 0);
	wr(rig, R_FSTS, 4, PFO);
	/* And even flushes: the port that faulted is not waited for. */
	flush_iotlb(rig);
}

START_TEST(handler_may_use_the_unit_from_inside_the_message)
{
	const struct vtd_cfg cfg = {.name = "dmar1", .cap = CAP_VTD48, .ecap = ECAP_VTD48};
	struct rig rig;
	struct unit *plain;
	const struct unit_env env = {.ctx = &rig,
				     .msi = handler,
				     .stale = rig_stale,
				     .clock = rig_clock};

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	plain = rig.unit;
	rig.unit = vtd_create(&cfg, rig.phys, rig.fabric, &env);
	ck_assert_ptr_nonnull(rig.unit);
	{
		const char *taken;

		ck_assert(dma_fabric_claim(rig.fabric, 0, RID, rig.unit, &taken));
	}
	wr(&rig, R_RTADDR, 8, PA_ROOT);
	gcmd(&rig, G_SRTP, 0);
	wr(&rig, R_IQA, 8, PA_QUEUE);
	gcmd(&rig, G_QIE, 0);
	gcmd(&rig, G_TE, 0);
	unmask(&rig);
	for (unsigned i = 1; i <= 5; i++) {
		fault_at(&rig, i);
		ck_assert_uint_eq(rig.msis, i);
		ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	}
	plain->ops->destroy(plain);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_records");
	TCase *tc = tcase_create("records");

	tcase_add_test(tc, one_register_and_three_faults_give_one_record_and_overflow);
	tcase_add_test(tc, eight_registers_fill_in_turn_and_fri_names_the_oldest);
	tcase_add_test(tc, a_record_is_cleared_only_through_its_f_bit);
	tcase_add_test(tc, unmasked_fault_sends_one_message_until_status_is_clear);
	tcase_add_test(tc, masked_fault_is_pending_and_sent_when_unmasked);
	tcase_add_test(tc, pending_event_goes_when_software_clears_the_status_first);
	tcase_add_test(tc, handler_may_use_the_unit_from_inside_the_message);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
