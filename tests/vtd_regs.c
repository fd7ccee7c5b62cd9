// SPDX-License-Identifier: GPL-2.0-only
/* Registers: reset values, masks, halves, global commands, capabilities out of kernel logs. */
#include "harness.h"
#include "vtd_rig.h"

START_TEST(reset_values_are_those_of_an_idle_unit)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	ck_assert_uint_eq(rd(&rig, 0x00, 4), 0x10);
	ck_assert_uint_eq(rd(&rig, 0x08, 8), CAP_VTD48);
	ck_assert_uint_eq(rd(&rig, 0x10, 8), ECAP_VTD48);
	ck_assert_uint_eq(rd(&rig, R_GSTS, 4), 0);
	ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0x80000000u);
	ck_assert_uint_eq(rd(&rig, R_IECTL, 4), 0x80000000u);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	ck_assert_uint_eq(rd(&rig, R_RTADDR, 8), 0);
	/* Capabilities in halves, bytes and across. */
	ck_assert_uint_eq(rd(&rig, 0x0c, 4), CAP_VTD48 >> 32);
	ck_assert_uint_eq(rd(&rig, 0x0a, 1), 0x2f);
	ck_assert_uint_eq(rd(&rig, 0x0c, 8), CAP_VTD48 >> 32 | ECAP_VTD48 << 32);
	rig_fini(&rig);
}
END_TEST

START_TEST(nothing_answers_outside_the_registers)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, 0x60, 4, ~UINT64_C(0));
	wr(&rig, 0xd0, 8, ~UINT64_C(0)); /* page requests: not announced */
	wr(&rig, 0x64, 4, ~UINT64_C(0)); /* protected memory: not announced */
	wr(&rig, 0xfffffffc, 8, ~UINT64_C(0));
	ck_assert_uint_eq(rd(&rig, 0x60, 4), 0);
	ck_assert_uint_eq(rd(&rig, 0xd0, 8), 0);
	ck_assert_uint_eq(rd(&rig, 0x64, 4), 0);
	ck_assert_uint_eq(rd(&rig, 0xfffffffc, 8), 0);
	/* Read-only registers stay. */
	wr(&rig, 0x00, 8, 0);
	wr(&rig, 0x08, 8, 0);
	wr(&rig, R_GSTS, 4, ~UINT64_C(0));
	wr(&rig, R_IQH, 8, ~UINT64_C(0));
	ck_assert_uint_eq(rd(&rig, 0x00, 4), 0x10);
	ck_assert_uint_eq(rd(&rig, 0x08, 8), CAP_VTD48);
	ck_assert_uint_eq(rd(&rig, R_GSTS, 4), 0);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(writable_bits_are_the_manuals)
{
	static const struct {
		uint32_t offset;
		unsigned width;
		uint64_t sticks;
	} regs[] = {
		{R_RTADDR, 8, UINT64_C(0xfffffffffffff000)},
		{R_FECTL, 4, 0x80000000u},
		{R_FEDATA, 4, 0xffffffffu},
		{R_FEADDR, 4, 0xfffffffcu},
		{R_FEUADDR, 4, 0xffffffffu},
		{R_IQA, 8, UINT64_C(0xfffffffffffff007)},
		{R_IQT, 8, 0x7fff0},
		{R_IECTL, 4, 0x80000000u},
		{R_IEDATA, 4, 0xffffffffu},
		{R_IEADDR, 4, 0xfffffffcu},
		{R_IEUADDR, 4, 0xffffffffu},
		{0xb8, 8, UINT64_C(0xfffffffffffff80f)},
		{R_IVA, 8, UINT64_C(0xfffffffffffff07f)},
	};
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(regs); i++) {
		wr(&rig, regs[i].offset, regs[i].width, ~UINT64_C(0));
		ck_assert_uint_eq(rd(&rig, regs[i].offset, regs[i].width), regs[i].sticks);
	}
	rig_fini(&rig);
}
END_TEST

START_TEST(sixty_four_bit_registers_take_halves)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_RTADDR, 4, 0x89abc000u);
	ck_assert_uint_eq(rd(&rig, R_RTADDR, 8), 0x89abc000u);
	wr(&rig, R_RTADDR + 4, 4, 0x123);
	ck_assert_uint_eq(rd(&rig, R_RTADDR, 8), UINT64_C(0x12389abc000));
	wr(&rig, R_RTADDR, 4, 0x1000);
	ck_assert_uint_eq(rd(&rig, R_RTADDR, 8), UINT64_C(0x12300001000));
	/* One 8-byte write over two 4-byte registers. */
	wr(&rig, R_FEDATA, 8, UINT64_C(0xfee0200000004022));
	ck_assert_uint_eq(rd(&rig, R_FEDATA, 4), 0x4022);
	ck_assert_uint_eq(rd(&rig, R_FEADDR, 4), 0xfee02000u);
	rig_fini(&rig);
}
END_TEST

START_TEST(command_registers_act_on_their_high_half)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_CCMD, 4, 7);
	ck_assert_uint_eq(rd(&rig, R_CCMD, 8), 7);
	/* ICC with a global request: done at once, granularity global. */
	wr(&rig, R_CCMD + 4, 4, 0xa0000000u);
	ck_assert_uint_eq(rd(&rig, R_CCMD, 8), UINT64_C(0x2800000000000007));
	/* Without ICC nothing happens, and granularity done is read only. */
	wr(&rig, R_CCMD + 4, 4, 0x40000000u);
	ck_assert_uint_eq(rd(&rig, R_CCMD, 8), UINT64_C(0x4800000000000007));
	/* IOTLB: domain-selective. */
	wr(&rig, R_IOTLB + 4, 4, 0xa0000007u);
	ck_assert_uint_eq(rd(&rig, R_IOTLB, 8), UINT64_C(0x2400000700000000));
	/* Reserved requests and a mask beyond MAMV report granularity 0. */
	wr(&rig, R_IOTLB, 8, UINT64_C(0x8000000700000000));
	ck_assert_uint_eq(rd(&rig, R_IOTLB, 8), UINT64_C(0x0000000700000000));
	wr(&rig, R_IVA, 8, 0x1000 | 19);
	wr(&rig, R_IOTLB, 8, UINT64_C(0xb000000700000000));
	ck_assert_uint_eq(rd(&rig, R_IOTLB, 8) >> 57 & 3, 0);
	wr(&rig, R_IVA, 8, 0x1000 | 18);
	wr(&rig, R_IOTLB, 8, UINT64_C(0xb000000700000000));
	ck_assert_uint_eq(rd(&rig, R_IOTLB, 8) >> 57 & 3, 3);
	wr(&rig, R_CCMD, 8, UINT64_C(0x8000000000000000));
	ck_assert_uint_eq(rd(&rig, R_CCMD, 8), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(page_request_without_psi_is_done_by_domain)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48 & ~(UINT64_C(1) << 39), ECAP_VTD48);
	wr(&rig, R_IOTLB, 8, UINT64_C(0xb000000700000000));
	ck_assert_uint_eq(rd(&rig, R_IOTLB, 8) >> 57 & 3, 2);
	rig_fini(&rig);
}
END_TEST

START_TEST(global_commands_act_on_the_bit_that_changed)
{
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48);
	wr(&rig, R_RTADDR, 8, PA_ROOT);
	wr(&rig, R_GCMD, 4, G_SRTP);
	ck_assert_uint_eq(rd(&rig, R_GSTS, 4), G_SRTP);
	wr(&rig, R_GCMD, 4, G_QIE);
	ck_assert_uint_eq(rd(&rig, R_GSTS, 4), G_SRTP | G_QIE);
	wr(&rig, R_GCMD, 4, G_QIE | G_TE);
	ck_assert_uint_eq(rd(&rig, R_GSTS, 4), G_SRTP | G_QIE | G_TE);
	/* A bit left out is switched off; the one-shot status stays. */
	wr(&rig, R_GCMD, 4, G_TE);
	ck_assert_uint_eq(rd(&rig, R_GSTS, 4), G_SRTP | G_TE);
	/* Interrupt remapping bits exist (ECAP.IR); write buffer flush and advanced log do not. */
	wr(&rig, R_GCMD, 4, 0xffffffffu & ~G_QIE);
	ck_assert_uint_eq(rd(&rig, R_GSTS, 4), 0xc3800000u);
	ck_assert_uint_eq(rd(&rig, R_GCMD, 4), 0);
	wr(&rig, R_GCMD, 4, 0);
	ck_assert_uint_eq(rd(&rig, R_GSTS, 4), 0x41000000u);
	rig_fini(&rig);
}
END_TEST

START_TEST(absent_features_ignore_their_command_bits)
{
	struct rig rig;

	/* No QI, no IR; IRO 0xf. */
	rig_init_off(&rig, CAP_VTD48, 0xf00);
	wr(&rig, R_GCMD, 4, 0xffffffffu);
	ck_assert_uint_eq(rd(&rig, R_GSTS, 4), 0xc0000000u);
	wr(&rig, R_IQA, 8, ~UINT64_C(0));
	ck_assert_uint_eq(rd(&rig, R_IQA, 8), 0);
	ck_assert_uint_eq(rd(&rig, 0xb8, 8), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(root_pointer_is_latched_by_srtp_alone)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, 0x5000, 0x9003);
	wr(&rig, R_RTADDR, 8, PA_NOWHERE);
	ck_translates(rread(&rig, 0x5010), 0x9010);
	gcmd(&rig, G_TE, 0);
	ck_translates(rread(&rig, 0x5010), 0x9010);
	gcmd(&rig, G_SRTP, 0);
	/* The context cache still has the old one: software has not invalidated it. */
	ck_translates(rread(&rig, 0x5010), 0x9010);
	ck_faults(request(&rig, RID + 1, 0x5010, DMA_READ), 8);
	flush_context(&rig, 1, 0, 0);
	ck_faults(rread(&rig, 0x5010), 8);
	rig_fini(&rig);
}
END_TEST

START_TEST(esrtps_unit_forgets_everything_with_a_new_root)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48 | UINT64_C(1) << 63, ECAP_VTD48);
	rig_map(&rig, 0x5000, 0x9003);
	ck_translates(rread(&rig, 0x5010), 0x9010);
	wr(&rig, R_RTADDR, 8, PA_NOWHERE);
	gcmd(&rig, G_SRTP, 0);
	ck_faults(rread(&rig, 0x5010), 8);
	rig_fini(&rig);
}
END_TEST

START_TEST(protected_memory_is_out_of_reach_while_not_translating)
{
	struct rig rig;

	/* PLMR and PHMR, as the graphics unit of a laptop has them. */
	rig_init_off(&rig, CAP_VTD48 | 0x60, ECAP_VTD48);
	wr(&rig, 0x68, 4, 0x200000);
	wr(&rig, 0x6c, 4, 0x400000);
	wr(&rig, 0x70, 8, UINT64_C(0x100000000));
	wr(&rig, 0x78, 8, UINT64_C(0x100000000));
	ck_assert_uint_eq(rread(&rig, 0x300000).flags, 0);
	wr(&rig, 0x64, 4, 0x80000000u);
	ck_assert_uint_eq(rd(&rig, 0x64, 4), 0x80000001u);
	ck_assert_uint_eq(rread(&rig, 0x1fffff).flags, 0);
	ck_assert_uint_eq(rread(&rig, 0x200000).flags, XLAT_UNSUPPORTED);
	ck_assert_uint_eq(rread(&rig, 0x5fffff).flags, XLAT_UNSUPPORTED);
	ck_assert_uint_eq(rread(&rig, 0x600000).flags, 0);
	ck_assert_uint_eq(rwrite(&rig, UINT64_C(0x1001fffff)).flags, XLAT_UNSUPPORTED);
	wr(&rig, 0x64, 4, 0);
	ck_assert_uint_eq(rd(&rig, 0x64, 4), 0);
	ck_assert_uint_eq(rread(&rig, 0x300000).flags, 0);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	rig_fini(&rig);
}
END_TEST

/* ---- capabilities ---- */

START_TEST(pairs_out_of_kernel_logs_are_accepted)
{
	static const struct {
		uint64_t cap, ecap;
		uint8_t mgaw, sagaw, large, mamv;
		uint32_t domains;
		uint16_t fro, iro;
		bool psi, ir, sc, pt;
	} logs[] = {
		{UINT64_C(0xd2008c222f0606), 0xf00fca, 48, 6, 7, 18, 65536, 0x220, 0xf0, true, true,
		 true, true},
		{UINT64_C(0xd2008c22260206), 0xf00f4a, 39, 2, 7, 18, 65536, 0x220, 0xf0, true, true,
		 false, true},
		{UINT64_C(0xd2008c222f0606), 0xfc2, 48, 6, 7, 18, 65536, 0x220, 0xf0, true, false,
		 true, true},
		{UINT64_C(0xd2008c222f0606), UINT64_C(0x480080f00f4a), 48, 6, 7, 18, 65536, 0x220,
		 0xf0, true, true, false, true},
		{UINT64_C(0x1c0000c40660462), UINT64_C(0x29a00f0505e), 39, 4, 7, 0, 256, 0x400,
		 0x500, false, true, false, true},
		{UINT64_C(0x8d2008c40660462), 0xf050da, 39, 4, 7, 18, 256, 0x400, 0x500, true, true,
		 true, true},
		{UINT64_C(0x1c0000c40660462), UINT64_C(0x19e2ff0505e), 39, 4, 7, 0, 256, 0x400,
		 0x500, false, true, false, true},
		{UINT64_C(0xd2008c40660462), 0xf050da, 39, 4, 7, 18, 256, 0x400, 0x500, true, true,
		 true, true},
	};

	for (size_t i = 0; i < SIO_ARRAY_SIZE(logs); i++) {
		struct vtd_caps caps = vtd_caps_decode(logs[i].cap, logs[i].ecap, 46);
		const char *wrong = vtd_caps_check(&caps);

		ck_assert_msg(!wrong, "pair %zu: %s", i, wrong);
		ck_assert_uint_eq(caps.mgaw, logs[i].mgaw);
		ck_assert_uint_eq(caps.sagaw, logs[i].sagaw);
		ck_assert_uint_eq(caps.large_levels, logs[i].large);
		ck_assert_uint_eq(caps.mamv, logs[i].mamv);
		ck_assert_uint_eq(caps.domain_ids, logs[i].domains);
		ck_assert_uint_eq(caps.fault_offset, logs[i].fro);
		ck_assert_uint_eq(caps.iotlb_offset, logs[i].iro);
		ck_assert_uint_eq(caps.psi, logs[i].psi);
		ck_assert_uint_eq(caps.intremap, logs[i].ir);
		ck_assert_uint_eq(caps.snoop_control, logs[i].sc);
		ck_assert_uint_eq(caps.pass_through, logs[i].pt);
	}
}
END_TEST

START_TEST(impossible_pairs_are_refused_with_a_reason)
{
	static const struct {
		uint64_t cap, ecap;
		uint8_t haw;
	} bad[] = {
		{CAP_VTD48 & ~UINT64_C(0x1f00), ECAP_VTD48, 46},   /* no tables */
		{CAP_VTD48 | 7, ECAP_VTD48, 46},                   /* reserved number of domains */
		{CAP_VTD48 | 8, ECAP_VTD48, 46},                   /* advanced fault log */
		{CAP_VTD48, ECAP_VTD48, 60},                       /* host address width */
		{CAP_VTD48 & ~UINT64_C(0x3f0000), ECAP_VTD48, 46}, /* MGAW 1 bit */
		{CAP_VTD48, 0xf08, 46},                            /* IR without QI */
		{CAP_VTD48, 0xf12, 46},                            /* EIM without IR */
		{CAP_VTD48, ECAP_VTD48 & ~UINT64_C(0x3ff00), 46},  /* IOTLB registers at 0 */
		{CAP_VTD48 & ~UINT64_C(0x3ff000000), ECAP_VTD48, 46}, /* fault registers at 0 */
		{CAP_VTD48, (ECAP_VTD48 & ~UINT64_C(0x3ff00)) | 0x2200, 46}, /* both at 0x220 */
	};

	for (size_t i = 0; i < SIO_ARRAY_SIZE(bad); i++) {
		struct vtd_caps caps = vtd_caps_decode(bad[i].cap, bad[i].ecap, bad[i].haw);

		ck_assert_msg(vtd_caps_check(&caps), "pair %zu", i);
	}
}
END_TEST

START_TEST(two_hundred_and_fifty_six_fault_registers_work)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48 | CAP_NFR(256), ECAP_VTD48);
	for (uint64_t i = 0; i < 256; i++)
		ck_faults(rread(&rig, i << 12), 6);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 2);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 16 * 255, 8), 255 << 12);
	ck_faults(rread(&rig, 0x999000), 6);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 3);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_regs");
	TCase *tc = tcase_create("registers");

	tcase_add_test(tc, reset_values_are_those_of_an_idle_unit);
	tcase_add_test(tc, nothing_answers_outside_the_registers);
	tcase_add_test(tc, writable_bits_are_the_manuals);
	tcase_add_test(tc, sixty_four_bit_registers_take_halves);
	tcase_add_test(tc, command_registers_act_on_their_high_half);
	tcase_add_test(tc, page_request_without_psi_is_done_by_domain);
	tcase_add_test(tc, global_commands_act_on_the_bit_that_changed);
	tcase_add_test(tc, absent_features_ignore_their_command_bits);
	tcase_add_test(tc, root_pointer_is_latched_by_srtp_alone);
	tcase_add_test(tc, esrtps_unit_forgets_everything_with_a_new_root);
	tcase_add_test(tc, protected_memory_is_out_of_reach_while_not_translating);
	tcase_add_test(tc, pairs_out_of_kernel_logs_are_accepted);
	tcase_add_test(tc, impossible_pairs_are_refused_with_a_reason);
	tcase_add_test(tc, two_hundred_and_fifty_six_fault_registers_work);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
