// SPDX-License-Identifier: GPL-2.0-only
/* Every fault reason of legacy mode, each from one crafted table, and which of them FPD silences.
 */
#include "harness.h"
#include "vtd_rig.h"

#define IOVA UINT64_C(0x12345678)

struct craft {
	const char *what;
	uint8_t reason;
	bool silenced_by_fpd;
	enum dma_kind kind;
	uint64_t iova;
	pa_t slot; /* the 16 or 8 bytes to overwrite */
	uint64_t lo, hi;
	bool wide; /* slot is a root or context entry */
};

/* By hand: iova 0x12345678 has indices 0, 0, 145 (0x91), 325 (0x145); see rig_slot for the tables.
 */
#define TABLE3 (PA_TOP + 0x1000)
#define TABLE2 (PA_TOP + 0x2000)
#define TABLE1 (PA_TOP + 0x3000)
#define LEAF   (TABLE1 + 8 * 325)
#define ROOT1  (PA_ROOT + 0x10)
#define CTX    (PA_CONTEXT + 0x80)
#define HI     UINT64_C(0x702) /* domain 7, 48 bits */
#define TOP    (PA_TOP | UINT64_C(1))

static const struct craft crafts[] = {
	{"root entry not present", 0x1, false, DMA_READ, IOVA, ROOT1, 0, 0, true},
	{"root entry bit 1", 0xa, false, DMA_READ, IOVA, ROOT1, PA_CONTEXT | 3, 0, true},
	{"root entry bit 11", 0xa, false, DMA_READ, IOVA, ROOT1, PA_CONTEXT | 0x801, 0, true},
	{"root entry above 46 bits", 0xa, false, DMA_READ, IOVA, ROOT1, UINT64_C(0x400000011001), 0,
	 true},
	{"root entry high half", 0xa, false, DMA_READ, IOVA, ROOT1, PA_CONTEXT | 1, 1, true},
	{"context table not in RAM", 0x9, false, DMA_READ, IOVA, ROOT1, PA_NOWHERE | 1, 0, true},
	{"context table in the hole", 0x9, false, DMA_READ, IOVA, ROOT1, UINT64_C(0xd0000001), 0,
	 true},
	{"context entry not present", 0x2, true, DMA_WRITE, IOVA, CTX, 0, HI, true},
	{"context entry bit 4", 0xb, false, DMA_READ, IOVA, CTX, TOP | 0x10, HI, true},
	{"context entry bit 11", 0xb, false, DMA_READ, IOVA, CTX, TOP | 0x800, HI, true},
	{"context entry bit 71", 0xb, false, DMA_READ, IOVA, CTX, TOP, HI | 0x80, true},
	{"context entry bit 88", 0xb, false, DMA_READ, IOVA, CTX, TOP, HI | 1 << 24, true},
	{"context entry above 46 bits", 0xb, false, DMA_READ, IOVA, CTX, UINT64_C(0x800000020001),
	 HI, true},
	{"width of 30 bits", 0x3, true, DMA_READ, IOVA, CTX, TOP, 0x700, true},
	{"width of 57 bits on a 48 bit unit", 0x3, true, DMA_READ, IOVA, CTX, TOP, 0x703, true},
	{"width 7", 0x3, true, DMA_READ, IOVA, CTX, TOP, 0x707, true},
	{"device TLB without ECAP.DT", 0x3, true, DMA_READ, IOVA, CTX, TOP | 4, HI, true},
	{"translation type 3", 0x3, true, DMA_READ, IOVA, CTX, TOP | 0xc, HI, true},
	{"top table not in RAM", 0x3, true, DMA_READ, IOVA, CTX, PA_NOWHERE | 1, HI, true},
	{"beyond 48 bits", 0x4, true, DMA_WRITE, UINT64_C(0x1000000000000), CTX, TOP, HI, true},
	{"top bit of the address", 0x4, true, DMA_READ, UINT64_C(0x8000000012345678), CTX, TOP, HI,
	 true},
	{"leaf not present, write", 0x5, true, DMA_WRITE, IOVA, LEAF, 0, 0, false},
	{"leaf not present, read", 0x6, true, DMA_READ, IOVA, LEAF, 0, 0, false},
	{"leaf without write", 0x5, true, DMA_WRITE, IOVA, LEAF, 0x5001, 0, false},
	{"leaf without read", 0x6, true, DMA_READ, IOVA, LEAF, 0x5002, 0, false},
	{"table without write", 0x5, true, DMA_WRITE, IOVA, TABLE3, TABLE2 | 1, 0, false},
	{"table without read", 0x6, true, DMA_READ, IOVA, PA_TOP, TABLE3 | 2, 0, false},
	{"lower table not in RAM", 0x7, true, DMA_READ, IOVA, PA_TOP, PA_NOWHERE | 3, 0, false},
	{"table of leaves not in RAM", 0x7, true, DMA_WRITE, IOVA, TABLE2 + 8 * 145, PA_NOWHERE | 3,
	 0, false},
	{"leaf above 46 bits", 0xc, true, DMA_READ, IOVA, LEAF, UINT64_C(0x400000005003), 0, false},
	{"leaf with TM without device TLB", 0xc, true, DMA_READ, IOVA, LEAF,
	 UINT64_C(0x4000000000005003), 0, false},
	{"large page at the top level", 0xc, true, DMA_READ, IOVA, PA_TOP, 0x83, 0, false},
	{"2 MiB page with address bit 12", 0xc, true, DMA_READ, IOVA, TABLE2 + 8 * 145, 0x10001083,
	 0, false},
	{"1 GiB page with address bit 21", 0xc, true, DMA_READ, IOVA, TABLE3, 0x200083, 0, false},
	{"table entry with SNP", 0xc, true, DMA_READ, IOVA, TABLE3, TABLE2 | 0x803, 0, false},
	{"no permission before reserved bits", 0x5, true, DMA_WRITE, IOVA, LEAF,
	 UINT64_C(0x400000005001), 0, false},
	{"result in the interrupt range", 0xe, true, DMA_WRITE, IOVA, LEAF, 0xfee00003, 0, false},
	{"end of the interrupt range", 0xe, true, DMA_READ, IOVA, LEAF, 0xfeeff003, 0, false},
};

static void craft(struct rig *rig, const struct craft *c)
{
	rig_init(rig, CAP_VTD48, ECAP_VTD48);
	rig_map(rig, IOVA, 0x5003);
	ck_assert_uint_eq(mem(rig, LEAF), 0x5003);
	if (c->wide)
		poke2(rig, c->slot, c->lo, c->hi);
	else
		poke(rig, c->slot, c->lo);
}

START_TEST(crafted_table_gives_its_reason_and_one_record)
{
	const struct craft *c = &crafts[_i];
	struct rig rig;

	craft(&rig, c);
	ck_assert_msg(request(&rig, RID, c->iova, c->kind).reason == c->reason, "%s", c->what);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 2);
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), c->iova & ~UINT64_C(0xfff));
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8), UINT64_C(1) << 63 |
							   (uint64_t)(c->kind == DMA_READ) << 62 |
							   (uint64_t)c->reason << 32 | RID);
	ck_assert_ptr_nonnull(vtd_fault_text(c->reason));
	/* Nothing of it was cached: the same again. */
	ck_assert_uint_eq(request(&rig, RID, c->iova, c->kind).reason, c->reason);
	rig_fini(&rig);
}
END_TEST

START_TEST(fault_disable_silences_exactly_the_reasons_that_it_may)
{
	const struct craft *c = &crafts[_i];
	struct rig rig;

	craft(&rig, c);
	poke(&rig, CTX, mem(&rig, CTX) | 2);
	ck_assert_uint_eq(request(&rig, RID, c->iova, c->kind).reason, c->reason);
	ck_assert_msg(rd(&rig, R_FSTS, 4) == (c->silenced_by_fpd ? 0 : 2), "%s", c->what);
	rig_fini(&rig);
}
END_TEST

START_TEST(root_table_outside_memory_is_reason_8)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_RTADDR, 8, PA_NOWHERE);
	ck_faults(rread(&rig, IOVA), 0x6);
	gcmd(&rig, G_SRTP, 0);
	flush_context(&rig, 1, 0, 0);
	ck_faults(rread(&rig, IOVA), 0x8);
	rig_fini(&rig);
}
END_TEST

START_TEST(pass_through_without_the_capability_is_reason_3)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48 & ~UINT64_C(0x40));
	poke(&rig, CTX, TOP | 8);
	ck_faults(rread(&rig, IOVA), 0x3);
	rig_fini(&rig);
}
END_TEST

START_TEST(width_that_the_unit_does_not_support_is_reason_3)
{
	struct rig rig;

	/* SAGAW = 4: 48 bits only. */
	rig_init(&rig, CAP_VTD48 & ~UINT64_C(0x200), ECAP_VTD48);
	rig_map(&rig, IOVA, 0x5003);
	poke2(&rig, CTX, TOP, 0x701);
	ck_faults(rread(&rig, IOVA), 0x3);
	poke2(&rig, CTX, TOP, HI);
	ck_translates(rread(&rig, IOVA), 0x5678);
	rig_fini(&rig);
}
END_TEST

START_TEST(snoop_bit_is_reserved_without_snoop_control)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48 & ~UINT64_C(0x80));
	rig_map(&rig, IOVA, 0x5803);
	ck_faults(rread(&rig, IOVA), 0xc);
	rig_map(&rig, IOVA, 0x5003);
	ck_translates(rread(&rig, IOVA), 0x5678);
	rig_fini(&rig);

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, IOVA, 0x5803);
	ck_assert_uint_eq(rread(&rig, IOVA).perm, PT_R | PT_W | PT_SNP);
	ck_assert_uint_eq(rread(&rig, IOVA).perm, PT_R | PT_W | PT_SNP);
	rig_fini(&rig);
}
END_TEST

START_TEST(large_page_without_the_capability_is_reserved)
{
	struct rig rig;

	/* SLLPS = 1: 2 MiB only. */
	rig_init(&rig, CAP_VTD48 & ~(UINT64_C(1) << 35), ECAP_VTD48);
	poke(&rig, rig_slot(&rig, IOVA, 1), 0x10000083);
	ck_translates(rread(&rig, IOVA), 0x10000000 | (IOVA & 0x1fffff));
	poke(&rig, rig_slot(&rig, IOVA, 2), 0x40000083);
	flush_iotlb(&rig);
	ck_faults(rread(&rig, IOVA), 0xc);
	rig_fini(&rig);
}
END_TEST

START_TEST(width_is_the_smaller_of_tables_and_unit)
{
	struct rig rig;

	/* MGAW 39 bits, tables of 48, as a graphics unit has it. */
	rig_init(&rig, (CAP_VTD48 & ~UINT64_C(0x3f0000)) | 38 << 16, ECAP_VTD48);
	rig_map(&rig, UINT64_C(0x7ffffff000), 0x5003);
	ck_translates(rread(&rig, UINT64_C(0x7fffffffff)), 0x5fff);
	ck_faults(rread(&rig, UINT64_C(0x8000000000)), 0x4);
	rig_fini(&rig);
}
END_TEST

START_TEST(request_with_pasid_is_blocked_and_recorded_with_it)
{
	struct dma_req req = {.requester = RID,
			      .has_pasid = true,
			      .pasid = 0x12345,
			      .iova = IOVA,
			      .len = 4,
			      .kind = DMA_WRITE};
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, IOVA, 0x5003);
	ck_translates(rwrite(&rig, IOVA), 0x5678);
	ck_faults(dma_translate(rig.port, &req), 0x31);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8), UINT64_C(0x8123453180000108));
	rig_fini(&rig);
}
END_TEST

START_TEST(unknown_reasons_have_no_text)
{
	ck_assert_ptr_null(vtd_fault_text(0));
	ck_assert_ptr_null(vtd_fault_text(0x1f));
	ck_assert_ptr_null(vtd_fault_text(0xff));
	ck_assert_str_eq(vtd_fault_text(2), "context entry not present");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_faults");
	TCase *tc = tcase_create("faults");

	tcase_add_loop_test(tc, crafted_table_gives_its_reason_and_one_record, 0,
			    (int)SIO_ARRAY_SIZE(crafts));
	tcase_add_loop_test(tc, fault_disable_silences_exactly_the_reasons_that_it_may, 0,
			    (int)SIO_ARRAY_SIZE(crafts));
	tcase_add_test(tc, root_table_outside_memory_is_reason_8);
	tcase_add_test(tc, pass_through_without_the_capability_is_reason_3);
	tcase_add_test(tc, width_that_the_unit_does_not_support_is_reason_3);
	tcase_add_test(tc, snoop_bit_is_reserved_without_snoop_control);
	tcase_add_test(tc, large_page_without_the_capability_is_reserved);
	tcase_add_test(tc, width_is_the_smaller_of_tables_and_unit);
	tcase_add_test(tc, request_with_pasid_is_blocked_and_recorded_with_it);
	tcase_add_test(tc, unknown_reasons_have_no_text);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
