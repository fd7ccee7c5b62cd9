// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt remapping of AMD-Vi: entries of both formats, who is asked, what is logged, the cache.
 */
#include "amdvi_rig.h"

#define TABLE 0xb00000u
#define LOG   0xb10000u
#define APIC  0xb20000u

/* Word 2 of an entry: IV, 512 interrupts, the table, IntCtl 2. */
#define REMAP (UINT64_C(1) | 9 << 1 | TABLE | UINT64_C(2) << 60)

/* Flags: I, write. */
#define FAULT (UINT64_C(0x2028000700000000) | RID)
#define PR    (UINT64_C(1) << 52)
#define PE    (UINT64_C(1) << 54)
#define RZ    (UINT64_C(1) << 55)

#define EFR_GAM (EFR_FULL | UINT64_C(1) << 21)

static void interrupt(struct rig *rig, uint32_t data)
{
	const struct dma_req req = {.requester = RID,
				    .iova = 0xfee00000,
				    .len = 4,
				    .kind = DMA_WRITE};

	ck_assert(!dma_access(rig->port, &req, &data).bus_error);
}

static void rig_remapping(struct rig *rig, uint64_t efr, uint64_t word2)
{
	rig_init(rig, efr, CAP_RECORDED);
	rig_dte(rig, RID, 0, DID, word2);
}

static void poke32(struct rig *rig, pa_t pa, uint32_t value)
{
	ck_assert(phys_write(rig->phys, pa, &value, 4));
}

#define ck_message(rig, to, value)                         \
	do {                                               \
		ck_assert_uint_eq((rig)->msis, 1);         \
		ck_assert_uint_eq((rig)->msi_address, to); \
		ck_assert_uint_eq((rig)->msi_data, value); \
		(rig)->msis = 0;                           \
	} while (0)

START_TEST(narrow_entry_names_vector_and_destination)
{
	struct rig rig;

	rig_remapping(&rig, EFR_RECORDED, REMAP);
	/* Fixed, physical, destination 5, vector 0x63. */
	poke32(&rig, TABLE + 4 * 3, 0x00630501);
	interrupt(&rig, 3);
	ck_message(&rig, 0xfee05000, 0x63);
	/* Arbitrated, logical. */
	poke32(&rig, TABLE + 4 * 4, 0x0064ff45);
	interrupt(&rig, 4);
	ck_message(&rig, 0xfeeff004, 0x164);
	ck_no_event(&rig);
	rig_fini(&rig);
}
END_TEST

START_TEST(wide_entry_reaches_destinations_above_255)
{
	struct rig rig;

	rig_remapping(&rig, EFR_RECORDED, REMAP);
	control(&rig, C_GA, 0);
	poke(&rig, TABLE + 16 * 7 + 8, UINT64_C(0x1200000000000071));
	poke(&rig, TABLE + 16 * 7, UINT64_C(0x34567801));
	interrupt(&rig, 7);
	ck_message(&rig, UINT64_C(0x12345600fee78000), 0x71);
	rig_fini(&rig);
}
END_TEST

START_TEST(entry_that_is_not_there_is_a_fault_of_the_interrupt)
{
	struct rig rig;

	rig_remapping(&rig, EFR_RECORDED, REMAP);
	interrupt(&rig, 3);
	ck_event(&rig, FAULT, 0xfee00000);
	poke32(&rig, TABLE + 4 * 3, 2); /* SupIOPF */
	interrupt(&rig, 3);
	ck_no_event(&rig);
	/* Reserved bits, guest mode and reserved types. */
	for (unsigned i = 0; i < 3; i++) {
		static const uint32_t bad[] = {0x01630501, 0x00630581, 0x00630509};

		poke32(&rig, TABLE + 4 * (8 + i), bad[i]);
		interrupt(&rig, 8 + i);
		ck_event(&rig, FAULT | PR | RZ, 0xfee00000);
	}
	ck_assert_uint_eq(rig.msis, 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(index_beyond_the_table_is_a_fault_unless_ignored)
{
	struct rig rig;

	for (unsigned ig = 0; ig < 2; ig++) {
		rig_remapping(&rig, EFR_RECORDED,
			      (REMAP & ~UINT64_C(0x1e)) | 4 << 1 | (uint64_t)ig << 5);
		poke32(&rig, TABLE + 4 * 16, 0x00630501);
		interrupt(&rig, 16);
		if (ig)
			ck_no_event(&rig);
		else
			ck_event(&rig, FAULT, 0xfee00000);
		ck_assert_uint_eq(rig.msis, 0);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(control_field_aborts_passes_or_remaps)
{
	struct rig rig;

	rig_remapping(&rig, EFR_RECORDED, REMAP & ~(UINT64_C(3) << 60));
	interrupt(&rig, 0x33);
	ck_event(&rig, FAULT | PE, 0xfee00000);
	rig_dte(&rig, RID, 0, DID, (REMAP & ~(UINT64_C(3) << 60)) | UINT64_C(1) << 60);
	flush_device(&rig, RID);
	interrupt(&rig, 0x33);
	ck_message(&rig, 0xfee00000, 0x33);
	rig_dte(&rig, RID, 0, DID, REMAP | UINT64_C(1) << 60);
	flush_device(&rig, RID);
	interrupt(&rig, 0x33);
	ck_event(&rig, UINT64_C(0x10a8000700000000) | RID, 0xfee00000);
	/* Longer than 2048 entries. */
	rig_dte(&rig, RID, 0, DID, (REMAP & ~UINT64_C(0x1e)) | 12 << 1);
	flush_device(&rig, RID);
	interrupt(&rig, 0x33);
	ck_event(&rig, UINT64_C(0x10a8000700000000) | RID, 0xfee00000);
	/* IV = 0: passes. */
	rig_dte(&rig, RID, 0, DID, 0);
	flush_device(&rig, RID);
	interrupt(&rig, 0x33);
	ck_message(&rig, 0xfee00000, 0x33);
	rig_fini(&rig);
}
END_TEST

START_TEST(other_modes_have_a_pass_bit_each)
{
	static const struct {
		unsigned mode, bit;
	} pass[] = {{4, 58}, {5, 56}, {7, 57}, {2, 0}, {6, 0}};
	struct rig rig;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(pass); i++) {
		uint32_t data = pass[i].mode << 8 | 0x20;

		rig_remapping(&rig, EFR_RECORDED, REMAP);
		interrupt(&rig, data);
		ck_event(&rig, FAULT | PE, 0xfee00000);
		rig_dte(&rig, RID, 0, DID, REMAP | UINT64_C(7) << 56);
		flush_device(&rig, RID);
		interrupt(&rig, data);
		if (pass[i].bit)
			ck_message(&rig, 0xfee00000, data);
		else
			ck_event(&rig, FAULT | PE, 0xfee00000);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(table_nowhere_is_a_hardware_error)
{
	struct rig rig;

	rig_remapping(&rig, EFR_RECORDED, (REMAP & ~(uint64_t)TABLE) | PA_NOWHERE);
	interrupt(&rig, 2);
	ck_event(&rig, UINT64_C(0x4228000700000000) | RID, PA_NOWHERE + 8);
	wr(&rig, R_DEVTAB, PA_DEVTAB);
	flush_device(&rig, RID);
	interrupt(&rig, 2);
	ck_event(&rig, UINT64_C(0x1028000000000000) | RID, 0xfee00000);
	rig_fini(&rig);
}
END_TEST

START_TEST(entry_stays_cached_until_its_device_is_invalidated)
{
	struct rig rig;

	rig_remapping(&rig, EFR_RECORDED, REMAP);
	poke32(&rig, TABLE + 4 * 3, 0x00630501);
	interrupt(&rig, 3);
	ck_message(&rig, 0xfee05000, 0x63);
	poke32(&rig, TABLE + 4 * 3, 0x00740601);
	push(&rig, UINT64_C(5) << 60 | (RID + 8), 0);
	flush_device(&rig, RID);
	flush_pages(&rig, DID, 0, ALL_PAGES);
	interrupt(&rig, 3);
	ck_message(&rig, 0xfee05000, 0x63);
	/* The strict checker notes it. */
	rig.unit->ops->set_strict(rig.unit, true);
	interrupt(&rig, 3);
	ck_message(&rig, 0xfee05000, 0x63);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].cache, "interrupt entry cache");
	ck_assert_uint_eq(rig.stale[0].iova, 3);
	push(&rig, UINT64_C(5) << 60 | RID, 0);
	wait_done(&rig);
	interrupt(&rig, 3);
	ck_message(&rig, 0xfee06000, 0x74);
	ck_assert_uint_eq(rig.stales, 1);
	/* Not cached at all while software says so. */
	push(&rig, UINT64_C(5) << 60 | RID, 0);
	control(&rig, UINT64_C(1) << 59, 0);
	wait_done(&rig);
	interrupt(&rig, 3);
	poke32(&rig, TABLE + 4 * 3, 0x00750701);
	rig.msis = 0;
	interrupt(&rig, 3);
	ck_message(&rig, 0xfee07000, 0x75);
	rig_fini(&rig);
}
END_TEST

START_TEST(guest_entry_sets_the_request_bit_and_tells_the_log)
{
	struct rig rig;

	rig_remapping(&rig, EFR_GAM, REMAP);
	wr(&rig, 0xe0, LOG | UINT64_C(8) << 56);
	/* GA, GAM 1, GA log and its interrupt. */
	control(&rig, C_GA | UINT64_C(1) << 25 | UINT64_C(3) << 28, 0);
	ck_assert_uint_eq(rd(&rig, R_STATUS) >> 8 & 1, 1);
	poke(&rig, TABLE + 16 * 2 + 8, APIC | 0x45);
	poke(&rig, TABLE + 16 * 2, UINT64_C(0xabcd0001) << 32 | 0x85); /* not running, logs */
	interrupt(&rig, 2);
	/* Vector 0x45: bit 5 of the third 32-bit register. */
	ck_assert_uint_eq(mem(&rig, APIC + 0x220), 0x20);
	ck_assert_uint_eq(mem(&rig, LOG), UINT64_C(0x10000108abcd0001));
	ck_assert_uint_eq(rd(&rig, 0x2048), 8);
	ck_assert_uint_eq(rd(&rig, R_STATUS) >> 10 & 1, 1);
	ck_message(&rig, 0xfee03000, 0x41);
	/* Running: its processor is told instead. */
	poke(&rig, TABLE + 16 * 2, 0x09c1);
	push(&rig, UINT64_C(5) << 60 | RID, 0);
	wait_done(&rig);
	interrupt(&rig, 2);
	ck_message(&rig, 0xfee09000, 0x45);
	ck_assert_uint_eq(rd(&rig, 0x2048), 8);
	rig_fini(&rig);
}
END_TEST

START_TEST(nothing_is_remapped_while_the_unit_is_off)
{
	const struct amdvi_cfg cfg = {.efr = EFR_RECORDED};
	struct rig rig;

	rig_init_off(&rig, &cfg);
	rig_dte(&rig, RID, 0, DID, REMAP);
	interrupt(&rig, 0x4433);
	ck_message(&rig, 0xfee00000, 0x4433);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_intremap");
	TCase *tc = tcase_create("intremap");

	tcase_add_test(tc, narrow_entry_names_vector_and_destination);
	tcase_add_test(tc, wide_entry_reaches_destinations_above_255);
	tcase_add_test(tc, entry_that_is_not_there_is_a_fault_of_the_interrupt);
	tcase_add_test(tc, index_beyond_the_table_is_a_fault_unless_ignored);
	tcase_add_test(tc, control_field_aborts_passes_or_remaps);
	tcase_add_test(tc, other_modes_have_a_pass_bit_each);
	tcase_add_test(tc, table_nowhere_is_a_hardware_error);
	tcase_add_test(tc, entry_stays_cached_until_its_device_is_invalidated);
	tcase_add_test(tc, guest_entry_sets_the_request_bit_and_tells_the_log);
	tcase_add_test(tc, nothing_is_remapped_while_the_unit_is_off);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
