// SPDX-License-Identifier: GPL-2.0-only
/* Every event an AMD-Vi unit can log, its 16 bytes bit for bit; the event log and its interrupt. */
#include "amdvi_rig.h"

#define A UINT64_C(0x40000000)

/* Words by the manual: code 63:60, flags 59:48, domain id or PASID 47:32, PASID 19:16, device. */
#define ILLEGAL_DTE   UINT64_C(0x1000000000000000)
#define PAGE_FAULT    UINT64_C(0x2000000000000000)
#define DEVTAB_ERROR  UINT64_C(0x3200000000000000) /* type 01: master abort */
#define PAGETAB_ERROR UINT64_C(0x4200000000000000)
#define ILLEGAL_CMD   UINT64_C(0x5000000000000000)
#define COMMAND_ERROR UINT64_C(0x6200000000000000)
#define BAD_REQUEST   UINT64_C(0x8000000000000000)

#define GN UINT64_C(0x0001000000000000)
#define US UINT64_C(0x0004000000000000)
#define PR UINT64_C(0x0010000000000000)
#define RW UINT64_C(0x0020000000000000)
#define PE UINT64_C(0x0040000000000000)
#define RZ UINT64_C(0x0080000000000000)

#define D7 UINT64_C(0x0000000700000000)

/* What software has set up wrongly, the request that meets it, and what is logged. */
struct event_case {
	const char *what;
	void (*prepare)(struct rig *rig);
	uint64_t iova;
	enum dma_kind kind;
	uint64_t lo, hi;
};

static void nothing(struct rig *rig)
{
	(void)rig;
}

static void reserved_in_entry(struct rig *rig)
{
	rig_dte(rig, RID, dte_v1(4) | 0x40, DID, 0);
}

static void small_table(struct rig *rig)
{
	wr(rig, R_DEVTAB, PA_DEVTAB | 1);
}

static void table_nowhere(struct rig *rig)
{
	wr(rig, R_DEVTAB, PA_NOWHERE | 511);
}

static void no_translation(struct rig *rig)
{
	rig_dte(rig, RID, 1, DID, 0);
}

static void blocked_domain(struct rig *rig)
{
	rig_dte(rig, RID, 3, DID, 0);
}

static void read_only(struct rig *rig)
{
	rig_map(rig, A, V1_READ | 0x9000);
}

static void reserved_in_leaf(struct rig *rig)
{
	rig_map(rig, A, V1_LEAF | 0x9000 | UINT64_C(1) << 52);
}

static void next_level_upwards(struct rig *rig)
{
	poke(rig, rig_slot(rig, A, 1), V1_LEAF | PA_TOP | 2 << 9);
}

static void leaf_table_nowhere(struct rig *rig)
{
	poke(rig, rig_slot(rig, A, 1), V1_LEAF | PA_NOWHERE | 1 << 9);
}

static void root_nowhere(struct rig *rig)
{
	rig_dte(rig, RID, (dte_v1(4) & ~UINT64_C(0xffffffffff000)) | PA_NOWHERE, DID, 0);
}

static const struct event_case cases[] = {
	{"reserved bit in the device table entry, read", reserved_in_entry, A + 8, DMA_READ,
	 ILLEGAL_DTE | RZ | RID, A + 8},
	{"the same, write", reserved_in_entry, A, DMA_WRITE, ILLEGAL_DTE | RZ | RW | RID, A},
	{"device id beyond the table", small_table, A, DMA_READ, ILLEGAL_DTE | RID, A},
	{"device table nowhere", table_nowhere, A, DMA_WRITE, DEVTAB_ERROR | RW | RID,
	 PA_NOWHERE + 32 * RID},
	{"no translation information", no_translation, A, DMA_READ, PAGE_FAULT | D7 | RID, A},
	{"neither IR nor IW", blocked_domain, A, DMA_WRITE, PAGE_FAULT | PR | PE | RW | D7 | RID,
	 A},
	{"page not present", nothing, A + 0x123, DMA_READ, PAGE_FAULT | D7 | RID, A + 0x123},
	{"page not present, write", nothing, A, DMA_WRITE, PAGE_FAULT | RW | D7 | RID, A},
	{"address beyond the levels", nothing, UINT64_C(1) << 48, DMA_READ, PAGE_FAULT | D7 | RID,
	 UINT64_C(1) << 48},
	{"write to a read-only page", read_only, A, DMA_WRITE, PAGE_FAULT | PR | PE | RW | D7 | RID,
	 A},
	{"reserved bit in a leaf", reserved_in_leaf, A, DMA_READ, PAGE_FAULT | PR | RZ | D7 | RID,
	 A},
	{"next level that is not lower", next_level_upwards, A, DMA_READ,
	 PAGE_FAULT | PR | RZ | D7 | RID, A},
	{"table nowhere", leaf_table_nowhere, A + 0x5000, DMA_READ, PAGETAB_ERROR | D7 | RID,
	 PA_NOWHERE + 8 * 5},
	{"root nowhere", root_nowhere, A, DMA_WRITE, PAGETAB_ERROR | RW | D7 | RID, PA_NOWHERE},
	{"read in the interrupt range", nothing, 0xfee01000, DMA_READ, BAD_REQUEST | RID,
	 0xfee01000},
	{"port I/O that is not let through", nothing, UINT64_C(0xfdfc000010), DMA_WRITE,
	 BAD_REQUEST | UINT64_C(2) << 57 | RW | RID, UINT64_C(0xfdfc000010)},
	{"management message that is not let through", nothing, UINT64_C(0xfdf9100000), DMA_WRITE,
	 BAD_REQUEST | UINT64_C(3) << 57 | RW | RID, UINT64_C(0xfdf9100000)},
	{"read of the management range", nothing, UINT64_C(0xfdf9100000), DMA_READ,
	 BAD_REQUEST | UINT64_C(4) << 57 | RID, UINT64_C(0xfdf9100000)},
	{"write to the HyperTransport interrupt range", nothing, UINT64_C(0xfdf8000000), DMA_WRITE,
	 BAD_REQUEST | UINT64_C(5) << 57 | RW | RID, UINT64_C(0xfdf8000000)},
	{"reserved HyperTransport range", nothing, UINT64_C(0xfd00000000), DMA_WRITE,
	 BAD_REQUEST | UINT64_C(6) << 57 | RW | RID, UINT64_C(0xfd00000000)},
};

START_TEST(each_cause_is_logged_as_the_manual_says)
{
	const struct event_case *c = &cases[_i];
	struct rig rig;
	struct xlat x;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	c->prepare(&rig);
	/* Once from memory and once from whatever was cached of it. */
	for (unsigned again = 0; again < 2; again++) {
		x = request(&rig, RID, c->iova, c->kind);
		ck_assert_msg(x.reason == c->lo >> 60, "%s: reason %u", c->what, x.reason);
		ck_assert_msg(mem(&rig, PA_EVT + rig.evt_head) == c->lo, "%s: %#lx, not %#lx",
			      c->what, (unsigned long)mem(&rig, PA_EVT + rig.evt_head),
			      (unsigned long)c->lo);
		ck_event(&rig, c->lo, c->hi);
	}
	rig_fini(&rig);
}
END_TEST

START_TEST(cached_absence_is_logged_as_absence)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	for (unsigned again = 0; again < 3; again++) {
		ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
		ck_event(&rig, PAGE_FAULT | D7 | RID, A);
	}
	rig_fini(&rig);
}
END_TEST

START_TEST(faults_with_a_pasid_name_it_in_two_parts)
{
	struct rig rig;

	rig_init(&rig, EFR_FULL, CAP_RECORDED);
	/* GV, but the guest CR3 table (three levels) is empty. */
	rig_dte(&rig, RID, dte_v1(0) | UINT64_C(1) << 55 | UINT64_C(2) << 56, DID, 0);
	ck_faults(pasid_request(&rig, 0xabcde, A, DMA_WRITE), AMDVI_IO_PAGE_FAULT);
	ck_event(&rig, PAGE_FAULT | GN | US | RW | UINT64_C(0x0000bcde000a0000) | RID, A);
	rig_fini(&rig);
}
END_TEST

START_TEST(illegal_command_names_the_command_and_stops_the_buffer)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	flush_device(&rig, 3);
	push(&rig, UINT64_C(15) << 60, 0);
	push(&rig, UINT64_C(1) << 60 | PA_WAIT | 1, 99);
	kick(&rig);
	ck_event(&rig, ILLEGAL_CMD, PA_CMD + 0x20);
	ck_assert_uint_eq(rd(&rig, R_CMD_HEAD), 0x20);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x10, 0);
	ck_assert_uint_ne(mem(&rig, PA_WAIT), 99);
	/* A new tail does not wake it; switching it off and on does, at the same command. */
	kick(&rig);
	ck_no_event(&rig);
	poke(&rig, PA_CMD + 0x20, UINT64_C(2) << 60);
	control(&rig, 0, C_COMMAND);
	control(&rig, C_COMMAND, 0);
	ck_assert_uint_eq(mem(&rig, PA_WAIT), 99);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x10, 0x10);
	rig_fini(&rig);
}
END_TEST

START_TEST(commands_that_cannot_be_read_or_stored_are_hardware_errors)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	wr(&rig, R_CMDBUF, PA_NOWHERE | UINT64_C(8) << 56);
	wr(&rig, R_CMD_TAIL, 16);
	ck_event(&rig, COMMAND_ERROR, PA_NOWHERE);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x10, 0);
	wr(&rig, R_CMDBUF, PA_CMD | UINT64_C(8) << 56);
	control(&rig, 0, C_COMMAND);
	control(&rig, C_COMMAND, 0);
	push(&rig, UINT64_C(1) << 60 | PA_NOWHERE | 1, 0);
	kick(&rig);
	ck_event(&rig, COMMAND_ERROR, PA_CMD);
	rig_fini(&rig);
}
END_TEST

START_TEST(suppression_bits_silence_page_faults_only)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	rig_dte(&rig, RID, dte_v1(4), DID | UINT64_C(1) << 34, 0);
	ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
	ck_no_event(&rig);
	ck_faults(rread(&rig, 0xfee00000), AMDVI_INVALID_DEVICE_REQUEST);
	ck_event(&rig, BAD_REQUEST | RID, 0xfee00000);
	/* SE: the first is logged, until the entry is fetched again. */
	rig_dte(&rig, RID, dte_v1(4), DID | UINT64_C(1) << 33, 0);
	flush_device(&rig, RID);
	for (unsigned round = 0; round < 2; round++) {
		rread(&rig, A);
		ck_event(&rig, PAGE_FAULT | D7 | RID, A);
		rread(&rig, A + 0x1000);
		rwrite(&rig, A);
		ck_no_event(&rig);
		flush_device(&rig, RID);
	}
	rig_fini(&rig);
}
END_TEST

START_TEST(log_that_is_full_stops_until_software_restarts_it)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	control(&rig, C_EVENT_INT, 0);
	for (unsigned i = 0; i < 255; i++)
		rread(&rig, A + i * 0x1000);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rd(&rig, R_EVT_TAIL), 255 * 16);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x9, 0x8);
	/* One more would make head and tail equal. */
	rread(&rig, A + 0x1000000);
	ck_assert_uint_eq(rig.msis, 2);
	ck_assert_uint_eq(rd(&rig, R_EVT_TAIL), 255 * 16);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x9, 0x1);
	/* Room alone does not restart it, nor does clearing the bit. */
	wr(&rig, R_EVT_HEAD, 255 * 16);
	rread(&rig, A);
	wr(&rig, R_STATUS, 1);
	rread(&rig, A);
	ck_assert_uint_eq(rd(&rig, R_EVT_TAIL), 255 * 16);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x9, 0);
	control(&rig, 0, C_EVENT_LOG);
	control(&rig, C_EVENT_LOG, 0);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x9, 0x8);
	rig.evt_head = 255 * 16;
	rread(&rig, A + 0x42000);
	ck_event(&rig, PAGE_FAULT | D7 | RID, A + 0x42000);
	ck_assert_uint_eq(rd(&rig, R_EVT_TAIL), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(log_that_is_enabled_with_its_overflow_noted_stays_still)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	for (unsigned i = 0; i < 256; i++)
		rread(&rig, A);
	control(&rig, 0, C_EVENT_LOG);
	control(&rig, C_EVENT_LOG, 0);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x9, 0x1);
	rig_fini(&rig);
}
END_TEST

START_TEST(length_of_the_log_is_what_the_register_says)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	wr(&rig, R_EVTLOG, 0x800000 | UINT64_C(9) << 56);
	for (unsigned i = 0; i < 511; i++)
		rread(&rig, A);
	ck_assert_uint_eq(rd(&rig, R_EVT_TAIL), 511 * 16);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x9, 0x8);
	/* A reserved length holds nothing. */
	wr(&rig, R_EVTLOG, 0x800000 | UINT64_C(7) << 56);
	rread(&rig, A);
	ck_assert_uint_eq(rd(&rig, R_EVT_TAIL), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(event_interrupt_is_sent_once_until_its_status_is_cleared)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	rread(&rig, A);
	ck_assert_uint_eq(rig.msis, 0);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 2, 2);
	/* Enabled while it is pending. */
	control(&rig, C_EVENT_INT, 0);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rig.msi_address, 0xfee03000);
	ck_assert_uint_eq(rig.msi_data, 0x41);
	rread(&rig, A);
	ck_assert_uint_eq(rig.msis, 1);
	wr(&rig, R_STATUS, 2);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 2, 0);
	rread(&rig, A);
	ck_assert_uint_eq(rig.msis, 2);
	/* Switched off in the MSI capability, nothing is sent. */
	amdvi_config_write(rig.unit, 0x64, 0);
	wr(&rig, R_STATUS, 2);
	rread(&rig, A);
	ck_assert_uint_eq(rig.msis, 2);
	rig_fini(&rig);
}
END_TEST

START_TEST(event_without_a_log_goes_to_the_hardware_event_registers)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	wr(&rig, R_EVTLOG, PA_NOWHERE | UINT64_C(8) << 56);
	rread(&rig, A);
	ck_assert_uint_eq(rd(&rig, 0x40), PAGE_FAULT | D7 | RID);
	ck_assert_uint_eq(rd(&rig, 0x48), A);
	ck_assert_uint_eq(rd(&rig, 0x50), 1);
	rread(&rig, A + 0x1000);
	ck_assert_uint_eq(rd(&rig, 0x48), A);
	ck_assert_uint_eq(rd(&rig, 0x50), 3);
	wr(&rig, 0x50, 3);
	ck_assert_uint_eq(rd(&rig, 0x50), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(every_code_has_a_text)
{
	for (unsigned code = 1; code <= 9; code++)
		ck_assert_ptr_nonnull(amdvi_event_text((uint8_t)code));
	ck_assert_ptr_null(amdvi_event_text(0));
	ck_assert_ptr_null(amdvi_event_text(200));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_events");
	TCase *tc = tcase_create("events");

	tcase_add_loop_test(tc, each_cause_is_logged_as_the_manual_says, 0,
			    (int)SIO_ARRAY_SIZE(cases));
	tcase_add_test(tc, cached_absence_is_logged_as_absence);
	tcase_add_test(tc, faults_with_a_pasid_name_it_in_two_parts);
	tcase_add_test(tc, illegal_command_names_the_command_and_stops_the_buffer);
	tcase_add_test(tc, commands_that_cannot_be_read_or_stored_are_hardware_errors);
	tcase_add_test(tc, suppression_bits_silence_page_faults_only);
	tcase_add_test(tc, log_that_is_full_stops_until_software_restarts_it);
	tcase_add_test(tc, log_that_is_enabled_with_its_overflow_noted_stays_still);
	tcase_add_test(tc, length_of_the_log_is_what_the_register_says);
	tcase_add_test(tc, event_interrupt_is_sent_once_until_its_status_is_cleared);
	tcase_add_test(tc, event_without_a_log_goes_to_the_hardware_event_registers);
	tcase_add_test(tc, every_code_has_a_text);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
