// SPDX-License-Identifier: GPL-2.0-only
/* The command buffer of AMD-Vi: what each command does, which are refused, ranges by brute force.
 */
#include "amdvi_rig.h"
#include "prng.h"

#define A UINT64_C(0x40000000)

START_TEST(completion_wait_stores_and_interrupts)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	control(&rig, C_WAIT_INT, 0);
	push(&rig, UINT64_C(1) << 60 | PA_WAIT | 1, UINT64_C(0x1122334455667788));
	kick(&rig);
	ck_assert_uint_eq(mem(&rig, PA_WAIT), UINT64_C(0x1122334455667788));
	ck_assert_uint_eq(rig.msis, 0);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 4, 0);
	/* Without S nothing is stored; flush is allowed. */
	push(&rig, UINT64_C(1) << 60 | PA_WAIT | 6, 5);
	kick(&rig);
	ck_assert_uint_eq(mem(&rig, PA_WAIT), UINT64_C(0x1122334455667788));
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 4, 4);
	push(&rig, UINT64_C(1) << 60 | 2, 0);
	kick(&rig);
	ck_assert_uint_eq(rig.msis, 1);
	wr(&rig, R_STATUS, 4);
	push(&rig, UINT64_C(1) << 60 | 2, 0);
	kick(&rig);
	ck_assert_uint_eq(rig.msis, 2);
	rig_fini(&rig);
}
END_TEST

START_TEST(buffer_wraps_and_waits_to_be_enabled)
{
	const struct amdvi_cfg cfg = {.efr = EFR_RECORDED};
	struct rig rig;

	rig_init_off(&rig, &cfg);
	push(&rig, UINT64_C(1) << 60 | PA_WAIT | 1, 7);
	kick(&rig);
	ck_assert_uint_eq(mem(&rig, PA_WAIT), 0);
	wr(&rig, R_CONTROL, C_COMMAND); /* the unit itself is still off */
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x10, 0);
	wr(&rig, R_CONTROL, C_COMMAND | C_ENABLE);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x10, 0x10);
	ck_assert_uint_eq(mem(&rig, PA_WAIT), 7);
	for (unsigned i = 0; i < 700; i++)
		wait_done(&rig);
	rig_fini(&rig);
}
END_TEST

/* Commands that the unit must refuse. */
static const struct {
	const char *what;
	uint64_t efr;
	uint32_t capability;
	uint64_t lo, hi;
} illegal[] = {
	{"opcode 0", EFR_FULL, CAP_RECORDED, 0, 0},
	{"opcode 9", EFR_FULL, CAP_RECORDED, UINT64_C(9) << 60, 0},
	{"wait, 59:52", EFR_FULL, CAP_RECORDED, UINT64_C(0x1010000000000000), 0},
	{"device, 31:16", EFR_FULL, CAP_RECORDED, UINT64_C(0x2000000000010000), 0},
	{"device, high word", EFR_FULL, CAP_RECORDED, UINT64_C(0x2000000000000000), 1},
	{"pages, 31:20", EFR_FULL, CAP_RECORDED, UINT64_C(0x3000000000100000), 0},
	{"pages, 59:48", EFR_FULL, CAP_RECORDED, UINT64_C(0x3001000000000000), 0},
	{"pages, 11:3", EFR_FULL, CAP_RECORDED, UINT64_C(0x3000000000000000), 8},
	{"pages, GN without guests", EFR_FULL & ~AMDVI_EFR_GT & ~AMDVI_EFR_GIO, CAP_RECORDED,
	 UINT64_C(0x3000000000000000), 4},
	{"iotlb, bit 1", EFR_FULL, CAP_RECORDED, UINT64_C(0x4000000000000000), 2},
	{"iotlb without device TLBs", EFR_FULL, CAP_RECORDED & ~0x01000000u,
	 UINT64_C(0x4000000000000000), 0},
	{"interrupts, high word", EFR_FULL, CAP_RECORDED, UINT64_C(0x5000000000000000),
	 UINT64_C(1) << 63},
	{"prefetch, 23:16", EFR_FULL, CAP_RECORDED, UINT64_C(0x6000000000010000), 0},
	{"prefetch that is not there", EFR_FULL & ~AMDVI_EFR_PREFETCH, CAP_RECORDED,
	 UINT64_C(0x6000000000000000), 0},
	{"page response, 31:16", EFR_FULL, CAP_RECORDED, UINT64_C(0x7000000000010000), 0},
	{"page response, 63:48", EFR_FULL, CAP_RECORDED, UINT64_C(0x7000000000000000),
	 UINT64_C(1) << 48},
	{"page response that is not there", EFR_FULL & ~AMDVI_EFR_PPR, CAP_RECORDED,
	 UINT64_C(0x7000000000000000), 0},
	{"all, operand", EFR_FULL, CAP_RECORDED, UINT64_C(0x8000000000000001), 0},
	{"all that is not there", EFR_FULL & ~AMDVI_EFR_IA, CAP_RECORDED,
	 UINT64_C(0x8000000000000000), 0},
};

START_TEST(illegal_commands_are_refused)
{
	struct rig rig;

	rig_init(&rig, illegal[_i].efr, illegal[_i].capability);
	push(&rig, illegal[_i].lo, illegal[_i].hi);
	kick(&rig);
	ck_assert_msg(rd(&rig, R_EVT_TAIL) == 16, "%s is taken", illegal[_i].what);
	ck_event(&rig, UINT64_C(5) << 60, PA_CMD);
	ck_assert_uint_eq(rd(&rig, R_STATUS) & 0x10, 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(every_command_with_its_fields_is_taken)
{
	static const uint64_t legal[][2] = {
		{UINT64_C(0x2000000000000000) | 0xffff, 0},
		{UINT64_C(0x3000ffff000fffff), UINT64_C(0xfffffffffffff007)},
		{UINT64_C(0x5000000000000000) | 0xffff, 0},
		{UINT64_C(0x6000000000000000) | 0x0108, A},
		{UINT64_C(0x700fffff00000000) | 0x0108, UINT64_C(0x0000f3ff00000004)},
		{UINT64_C(0x8000000000000000), 0},
	};
	struct rig rig;

	rig_init(&rig, EFR_FULL, CAP_RECORDED);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(legal); i++) {
		push(&rig, legal[i][0], legal[i][1]);
		wait_done(&rig);
	}
	ck_no_event(&rig);
	rig_fini(&rig);
}
END_TEST

/* The manual's words, done slowly: the lowest zero from bit 12 up, and everything below it. */
static bool covers(uint64_t hi, uint64_t page)
{
	uint64_t address = hi & ~UINT64_C(0xfff), span = 0x1000;
	unsigned bit = 12;

	if (!(hi & 1))
		return page == address;
	if ((address & UINT64_C(0x7ffffffffffff000)) == UINT64_C(0x7ffffffffffff000))
		return true;
	while (address >> bit & 1)
		bit++;
	span = UINT64_C(2) << bit;
	return page / span == address / span;
}

#define SLOTS 24u

START_TEST(encoded_ranges_remove_what_they_cover)
{
	struct prng rng = {(uint64_t)_i + 1};
	uint64_t page[SLOTS];
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	for (unsigned round = 0; round < 60; round++) {
		uint64_t hi = (prng_next(&rng) & UINT64_C(0x7ffffffff000)) | (prng_next(&rng) & 3);
		unsigned ones = (unsigned)prng_below(&rng, 36);

		/* A run of ones makes the range larger. */
		hi |= (((UINT64_C(1) << ones) - 1) << 12) & UINT64_C(0x7ffffffff000);
		hi &= ~UINT64_C(1) | (uint64_t)(round % 4 != 0);
		for (unsigned i = 0; i < SLOTS; i++) {
			/* Near and far, at distances of all sizes. */
			page[i] = ((hi ^ UINT64_C(1) << prng_below(&rng, 47)) &
				   UINT64_C(0x7ffffffff000)) |
				  0;
			if (page[i] >= 0xfee00000 && page[i] < 0xfef00000)
				page[i] = A;
			if (page[i] >> 32 >= 0xfd && page[i] >> 32 <= 0xff)
				page[i] = A;
			rig_map(&rig, page[i], V1_LEAF | 0x9000);
			ck_translates(rread(&rig, page[i]), 0x9000);
		}
		for (unsigned i = 0; i < SLOTS; i++)
			rig_map(&rig, page[i], 0);
		/* Pages may have pushed each other out of the cache. */
		for (unsigned i = 0; i < SLOTS; i++) {
			if (rread(&rig, page[i]).reason)
				page[i] = UINT64_MAX;
		}
		flush_pages(&rig, DID, 0, hi);
		for (unsigned i = 0; i < SLOTS; i++) {
			if (page[i] == UINT64_MAX)
				continue;
			ck_assert_msg(!rread(&rig, page[i]).reason == !covers(hi, page[i]),
				      "seed %d: %#lx and page %#lx", _i + 1, (unsigned long)hi,
				      (unsigned long)page[i]);
		}
		flush_pages(&rig, DID, 0, ALL_PAGES);
		forget_events(&rig);
	}
	rig_fini(&rig);
}
END_TEST

START_TEST(range_without_directories_leaves_the_lowest_tables)
{
	struct rig rig;
	pa_t slot;

	rig_init(&rig, EFR_RECORDED, CAP_NO_NP);
	rig_map(&rig, A, V1_LEAF | 0x9000);
	ck_translates(rread(&rig, A), 0x9000);
	/* Another table of leaves: the old one is remembered until PDE. */
	slot = rig_slot(&rig, A, 1);
	poke(&rig, slot, 0);
	rig_map(&rig, A, V1_LEAF | 0xa000);
	flush_pages(&rig, DID, 0, A);
	ck_translates(rread(&rig, A), 0x9000);
	flush_pages(&rig, DID, 0, A | 2);
	ck_translates(rread(&rig, A), 0xa000);
	rig_fini(&rig);
}
END_TEST

START_TEST(invalidate_all_empties_every_cache)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	rig_map(&rig, A, V1_LEAF | 0x9000);
	ck_translates(rread(&rig, A), 0x9000);
	rig_dte(&rig, RID, 3 | UINT64_C(3) << 61, DID, 0);
	ck_translates(rread(&rig, A), 0x9000);
	push(&rig, UINT64_C(8) << 60, 0);
	wait_done(&rig);
	ck_translates(rread(&rig, A), A);
	rig_dte(&rig, RID, dte_v1(4), DID, 0);
	rig_map(&rig, A, 0);
	flush_device(&rig, RID);
	ck_faults(rread(&rig, A), AMDVI_IO_PAGE_FAULT);
	rig_fini(&rig);
}
END_TEST

START_TEST(prefetch_fills_and_reports_nothing)
{
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	for (unsigned i = 0; i < 4; i++)
		rig_map(&rig, A + i * 0x1000, V1_LEAF | (0x9000 + i * 0x1000));
	/* Four pages from A on, and one that is not there. */
	push(&rig, UINT64_C(6) << 60 | UINT64_C(4) << 24 | RID, A);
	wait_done(&rig);
	ck_no_event(&rig);
	for (unsigned i = 0; i < 4; i++)
		rig_map(&rig, A + i * 0x1000, 0);
	for (unsigned i = 0; i < 4; i++)
		ck_translates(rread(&rig, A + i * 0x1000), 0x9000 + i * 0x1000);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_commands");
	TCase *tc = tcase_create("commands");

	tcase_add_test(tc, completion_wait_stores_and_interrupts);
	tcase_add_test(tc, buffer_wraps_and_waits_to_be_enabled);
	tcase_add_loop_test(tc, illegal_commands_are_refused, 0, (int)SIO_ARRAY_SIZE(illegal));
	tcase_add_test(tc, every_command_with_its_fields_is_taken);
	tcase_add_loop_test(tc, encoded_ranges_remove_what_they_cover, 0, 4);
	tcase_add_test(tc, range_without_directories_leaves_the_lowest_tables);
	tcase_add_test(tc, invalidate_all_empties_every_cache);
	tcase_add_test(tc, prefetch_fills_and_reports_nothing);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
