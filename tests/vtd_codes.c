// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of fault codes: what each of the manual's is reached by, and those of scalable mode that
 * no other test reaches, with their records bit for bit.
 *
 * Source: Intel VT-d, "Fault Reason Encodings for DMA Remapping", "Fault Reason Encodings for
 * Interrupt Remapping", "Fault Recording Registers". 0x91 is QEMU's own.
 */
#include "harness.h"
#include "vtd_sm_rig.h"

#include <stdio.h>

#define PAGE   UINT64_C(0x5000)
#define FDID   9
#define PASID  UINT64_C(1)
#define AW39   (1u << 2)
#define GUEST  UINT64_C(0x40000)  /* first-stage tables, as the second stage names them */
#define TABLES UINT64_C(0x900000) /* and where they are */
#define LEAF   (TABLES + 0x3000 + 8 * 5)

/* ---- the codes that are reached here ---- */

/* The one record. pasid: the request has one. */
static void ck_record(struct rig *rig, uint64_t iova, enum dma_kind kind, bool pasid, uint8_t code)
{
	uint64_t hi = B(63) | (kind == DMA_READ ? B(62) : 0) | (uint64_t)code << 32 | RID;

	if (pasid)
		hi |= B(31) | PASID << 40;
	ck_assert_uint_eq(rd(rig, R_FSTS, 4), 2);
	ck_assert_uint_eq(rd(rig, R_FRCD, 8), iova);
	ck_assert_uint_eq(rd(rig, R_FRCD + 8, 8), hi);
	ck_assert_ptr_nonnull(vtd_fault_text(code));
}

/* The whole of RTADDR. */
static void check_rtaddr(uint64_t rtaddr, enum vtd_fault_codes codes, uint8_t code)
{
	const enum dma_kind kind = code & 1 ? DMA_WRITE : DMA_READ;
	struct rig rig;

	sm_init(&rig, CAP_SERVER, ECAP_SERVER, codes);
	rig_map(&rig, PAGE, PA_DATA | 3);
	wr(&rig, R_RTADDR, 8, rtaddr);
	ck_assert_uint_eq(rd(&rig, R_RTADDR, 8), rtaddr);
	/* Not latched yet. */
	ck_translates(rread(&rig, PAGE), PA_DATA);
	gcmd(&rig, G_SRTP, 0);
	flush_context(&rig, 1, 0, 0);
	flush_pasid_cache(&rig, 3, 0, 0);
	flush_iotlb(&rig);
	ck_faults(request(&rig, RID, PAGE, kind), code);
	ck_record(&rig, PAGE, kind, false, code);
	rig_fini(&rig);
}

static void check_root(uint64_t address, enum vtd_fault_codes codes, uint8_t code)
{
	check_rtaddr(address | RTADDR_SM, codes, code);
}

static void check_mode(uint64_t mode, enum vtd_fault_codes codes, uint8_t code)
{
	check_rtaddr(PA_ROOT | mode << 10, codes, code);
}

START_TEST(root_table_address_above_the_host_width_is_its_own_code)
{
	check_root(PA_ROOT | B(46), VTD_FAULTS_MANUAL, 0x30);
	check_root(PA_ROOT | B(63), VTD_FAULTS_MANUAL, 0x30);
	check_root(PA_ROOT | B(46), VTD_FAULTS_QEMU_7_2, 0x08);
}
END_TEST

START_TEST(reserved_table_mode_is_a_bad_root_table_address)
{
	/* Bits 11:10: 2 is reserved; 3 aborts DMA on units that can do that, none here. */
	check_mode(2, VTD_FAULTS_MANUAL, 0x30);
	check_mode(3, VTD_FAULTS_MANUAL, 0x30);
	check_mode(2, VTD_FAULTS_QEMU_7_2, 0x08);
}
END_TEST

START_TEST(unit_without_scalable_mode_has_no_table_mode)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, PAGE, PA_DATA | 3);
	wr(&rig, R_RTADDR, 8, PA_ROOT | UINT64_C(3) << 10);
	ck_assert_uint_eq(rd(&rig, R_RTADDR, 8), PA_ROOT);
	gcmd(&rig, G_SRTP, 0);
	flush_context(&rig, 1, 0, 0);
	flush_iotlb(&rig);
	ck_translates(rread(&rig, PAGE), PA_DATA);
	rig_fini(&rig);
}
END_TEST

START_TEST(root_table_outside_memory_cannot_be_read)
{
	check_root(PA_NOWHERE, VTD_FAULTS_MANUAL, 0x38);
	/* The hole below 4 GiB. */
	check_root(0xd0000000, VTD_FAULTS_MANUAL, 0x38);
	check_root(PA_NOWHERE, VTD_FAULTS_QEMU_7_2, 0x08);
}
END_TEST

/* PASID 1 in a first-stage space, its tables at `top`; the slot of `level` for PAGE is `entry`. */
static void check_first(pa_t top, unsigned level, uint64_t entry, enum dma_kind kind, uint8_t code)
{
	struct rig rig;

	sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
	sm_pasid(&rig, (uint32_t)PASID, PGTT_FIRST | 1, FDID | PWSNP, top);
	poke(&rig, first_slot(&rig, PA_FIRST, PAGE, level), entry);
	ck_faults(prequest(&rig, (uint32_t)PASID, PAGE, kind), code);
	ck_record(&rig, PAGE, kind, true, code);
	rig_fini(&rig);
}

START_TEST(first_stage_top_table_outside_memory_is_told_from_a_lower_one)
{
	check_first(PA_NOWHERE, 0, PA_DATA | 7, DMA_READ, 0x73);
	check_first(PA_NOWHERE, 0, PA_DATA | 7, DMA_WRITE, 0x73);
	for (unsigned level = 1; level < 4; level++) {
		check_first(PA_FIRST, level, PA_NOWHERE | 7, DMA_READ, 0x70);
		check_first(PA_FIRST, level, PA_NOWHERE | 7, DMA_WRITE, 0x70);
	}
}
END_TEST

/* PASID 1 nested over a second stage of 39 bits: the tables below the entry 0 of PA_TOP. */
static void nested_39(struct rig *rig)
{
	sm_init(rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
	for (uint64_t i = 0; i < 4; i++) {
		const pa_t next = i < 3 ? GUEST + ((i + 1) << 12) : 0x50000;

		rig_map(rig, GUEST + (i << 12), (TABLES + (i << 12)) | 3);
		poke(rig, TABLES + (i << 12) + 8 * (PAGE >> (39 - 9 * i) & 511), next | 7);
	}
	rig_map(rig, 0x50000, PA_DATA | 3);
	sm_pasid(rig, (uint32_t)PASID,
		 (mem(rig, PA_TOP) & UINT64_C(0xffffffffff000)) | PGTT_NESTED | AW39 | 1,
		 FDID | PWSNP, GUEST);
}

START_TEST(first_stage_entry_beyond_the_second_stage_is_its_own_code)
{
	static const struct {
		uint64_t slot, entry;
	} rows[] = {
		{LEAF, B(39) | 0x50007},
		{LEAF, B(45) | 0x50007},
		/* The upper tables' only entries in use are their first. */
		{TABLES, B(39) | (GUEST + 0x1000) | 7},
		{TABLES + 0x2000, B(40) | (GUEST + 0x3000) | 7},
	};
	struct rig rig;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		nested_39(&rig);
		poke(&rig, rows[i].slot, rows[i].entry);
		ck_faults(prequest(&rig, (uint32_t)PASID, PAGE, DMA_WRITE), 0x74);
		ck_record(&rig, PAGE, DMA_WRITE, true, 0x74);
		rig_fini(&rig);
	}
	/* The same tables without a defect. */
	nested_39(&rig);
	ck_translates(prequest(&rig, (uint32_t)PASID, PAGE, DMA_WRITE), PA_DATA);
	rig_fini(&rig);
}
END_TEST

START_TEST(pass_through_beyond_the_host_width_is_its_own_code)
{
	struct rig rig;

	sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
	sm_pasid(&rig, (uint32_t)PASID, PGTT_PASS | 1, FDID, 0);
	ck_translates(prequest(&rig, (uint32_t)PASID, B(46) - 8, DMA_WRITE), B(46) - 8);
	ck_faults(prequest(&rig, (uint32_t)PASID, B(46), DMA_WRITE), 0x83);
	ck_record(&rig, B(46), DMA_WRITE, true, 0x83);
	/* Cached by now, and the same. */
	ck_faults(prequest(&rig, (uint32_t)PASID, B(63), DMA_READ), 0x83);
	rig_fini(&rig);
	/* A unit with QEMU's codes judges the width of the tables only. */
	sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_QEMU_7_2);
	sm_pasid(&rig, (uint32_t)PASID, PGTT_PASS | 1, FDID, 0);
	ck_translates(prequest(&rig, (uint32_t)PASID, B(46), DMA_WRITE), B(46));
	ck_faults(prequest(&rig, (uint32_t)PASID, B(48), DMA_WRITE), 0x04);
	ck_record(&rig, B(48), DMA_WRITE, true, 0x04);
	rig_fini(&rig);
}
END_TEST

/* ---- all codes ---- */

struct listed {
	uint8_t code;
	const char *test;  /* that reaches it */
	const char *needs; /* or what would have to be there for that */
};

#define LEGACY   "crafted_table_gives_its_reason_and_one_record"
#define IRQ      "blocked_interrupt_is_recorded_bit_for_bit"
#define SCALABLE "each_defect_has_the_code_of_the_manual"
#define STAGE    "first_stage_defects_have_their_codes"
#define BOTH     "nested_faults_say_which_stage"
#define ADDRESS  "root_table_address_above_the_host_width_is_its_own_code"
#define ROOT     "root_table_outside_memory_cannot_be_read"
#define WITH     "request_with_pasid_is_blocked_and_recorded_with_it"
#define PAGES    "legacy_mode_has_no_page_requests"
#define DTE      "context_without_dte_serves_no_device_tlb"
#define PRE      "function_without_page_request_enable_is_answered_invalid"
#define PRIV     "requests_with_privilege_need_the_entry_to_say_so"
#define TOP      "first_stage_top_table_outside_memory_is_told_from_a_lower_one"
#define BEYOND   "first_stage_entry_beyond_the_second_stage_is_its_own_code"
#define SNOOP    "marks_in_tables_that_are_not_snooped_are_a_fault"
#define HOST     "pass_through_beyond_the_host_width_is_its_own_code"
#define MSI      "leaf_into_the_interrupt_range_faults"

static const struct listed listed[] = {
	{0x01, LEGACY, NULL},
	{0x02, LEGACY, NULL},
	{0x03, LEGACY, NULL},
	{0x04, LEGACY, NULL},
	{0x05, LEGACY, NULL},
	{0x06, LEGACY, NULL},
	{0x07, LEGACY, NULL},
	{0x08, "root_table_outside_memory_is_reason_8", NULL},
	{0x09, LEGACY, NULL},
	{0x0a, LEGACY, NULL},
	{0x0b, LEGACY, NULL},
	{0x0c, LEGACY, NULL},
	{0x0d, "context_decides_whether_a_function_is_served", NULL},
	{0x0e, LEGACY, NULL},
	{0x20, IRQ, NULL},
	{0x21, IRQ, NULL},
	{0x22, IRQ, NULL},
	{0x23, IRQ, NULL},
	{0x24, IRQ, NULL},
	{0x25, IRQ, NULL},
	{0x26, IRQ, NULL},
	{0x27, IRQ, NULL},
	{0x28, IRQ, NULL},
	{0x30, ADDRESS, NULL},
	{0x31, WITH, NULL},
	{0x32, PAGES, NULL},
	{0x38, ROOT, NULL},
	{0x39, SCALABLE, NULL},
	{0x3a, SCALABLE, NULL},
	{0x40, SCALABLE, NULL},
	{0x41, SCALABLE, NULL},
	{0x42, SCALABLE, NULL},
	{0x43, NULL, "a context field whose values are neither all valid nor reserved"},
	{0x44, DTE, NULL},
	{0x45, SCALABLE, NULL},
	{0x46, SCALABLE, NULL},
	{0x47, PRE, NULL},
	{0x48, SCALABLE, NULL},
	{0x50, SCALABLE, NULL},
	{0x51, SCALABLE, NULL},
	{0x52, SCALABLE, NULL},
	{0x58, SCALABLE, NULL},
	{0x59, SCALABLE, NULL},
	{0x5a, SCALABLE, NULL},
	{0x5b, SCALABLE, NULL},
	{0x5c, PRIV, NULL},
	{0x5d, PRIV, NULL},
	{0x70, TOP, NULL},
	{0x71, STAGE, NULL},
	{0x72, STAGE, NULL},
	{0x73, TOP, NULL},
	{0x74, BEYOND, NULL},
	{0x75, BOTH, NULL},
	{0x76, BOTH, NULL},
	{0x77, BOTH, NULL},
	{0x78, SCALABLE, NULL},
	{0x79, SCALABLE, NULL},
	{0x7a, SCALABLE, NULL},
	{0x7b, SCALABLE, NULL},
	{0x7c, SNOOP, NULL},
	{0x80, STAGE, NULL},
	{0x81, STAGE, NULL},
	{0x82, STAGE, NULL},
	{0x83, HOST, NULL},
	{0x84, SCALABLE, NULL},
	{0x85, STAGE, NULL},
	{0x86, NULL, "a first-stage format with a read permission (reads of a second stage: 0x79)"},
	{0x87, MSI, NULL},
	{0x90, SNOOP, NULL},
	{0x91, NULL, "an agent that changes an entry each time the unit is about to mark it"},
};

START_TEST(each_code_has_a_text_and_is_reached_or_named)
{
	const struct listed *next = listed, *end = listed + SIO_ARRAY_SIZE(listed);
	unsigned left_out = 0;

	for (unsigned code = 0; code < 256; code++) {
		const char *text = vtd_fault_text((uint8_t)code);

		if (next == end || next->code != code) {
			ck_assert_msg(!text, "0x%02x has a text and is not listed", code);
			continue;
		}
		ck_assert_msg(text, "0x%02x has no text", code);
		ck_assert_msg(!next->test != !next->needs, "0x%02x", code);
		if (next->needs) {
			printf("not reached: 0x%02x, %s; needs %s\n", code, text, next->needs);
			left_out++;
		}
		next++;
	}
	ck_assert_msg(next == end, "0x%02x is out of order", next == end ? 0 : next->code);
	printf("%zu codes, %u not reached\n", SIO_ARRAY_SIZE(listed), left_out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_codes");
	TCase *tc = tcase_create("codes");

	tcase_add_test(tc, root_table_address_above_the_host_width_is_its_own_code);
	tcase_add_test(tc, reserved_table_mode_is_a_bad_root_table_address);
	tcase_add_test(tc, unit_without_scalable_mode_has_no_table_mode);
	tcase_add_test(tc, root_table_outside_memory_cannot_be_read);
	tcase_add_test(tc, first_stage_top_table_outside_memory_is_told_from_a_lower_one);
	tcase_add_test(tc, first_stage_entry_beyond_the_second_stage_is_its_own_code);
	tcase_add_test(tc, pass_through_beyond_the_host_width_is_its_own_code);
	tcase_add_test(tc, each_code_has_a_text_and_is_reached_or_named);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
