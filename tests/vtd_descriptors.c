// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors of 256 bits, those of scalable mode, and device-TLB invalidations that time out. */
#include "harness.h"
#include "vtd_sm_rig.h"

#define IQE 0x10
#define ITE 0x40

static const struct wide {
	const char *what;
	uint64_t lo, hi, upper;
	unsigned iqei;
} wides[] = {
	{"context", 0x11, 0, 0, 0},
	{"IOTLB", 0x12, 0, 0, 0},
	{"PASID IOTLB, all of a PASID", 6 | 2 << 4 | UINT64_C(0xfffff) << 32, 0, 0, 0},
	{"PASID IOTLB, pages", 6 | 3 << 4, 0x5000 | 0x40 | 3, 0, 0},
	{"PASID IOTLB, granularity 0", 6, 0, 0, 4},
	{"PASID IOTLB, granularity 1", 6 | 1 << 4, 0, 0, 4},
	{"PASID IOTLB, bit 6", 6 | 2 << 4 | 0x40, 0, 0, 4},
	{"PASID IOTLB, bit 52", 6 | 2 << 4 | B(52), 0, 0, 4},
	{"PASID IOTLB, address bit 7", 6 | 3 << 4, 0x80, 0, 4},
	{"PASID IOTLB, mask beyond MAMV", 6 | 3 << 4, 19, 0, 4},
	{"PASID cache, domain", 7, 0, 0, 0},
	{"PASID cache, PASID", 7 | 1 << 4, 0, 0, 0},
	{"PASID cache, global", 7 | 3 << 4, 0, 0, 0},
	{"PASID cache, granularity 2", 7 | 2 << 4, 0, 0, 4},
	{"PASID cache, high half", 7, 1, 0, 4},
	{"PASID device TLB without DT", 8 | 0x108 << 16, 0x1000, 0, 3},
	{"page group response without PRS", 9, 0, 0, 3},
	{"upper half", 0x11, 0, 1, 4},
	{"type 10", 10, 0, 0, 3},
};

static void push_wide(struct rig *rig, uint64_t lo, uint64_t hi, uint64_t upper)
{
	queue_push(rig, lo, hi);
	queue_push(rig, upper, 0);
}

/* A unit with nothing but its queue, of 256-bit descriptors. */
static void wide_queue(struct rig *rig)
{
	rig_init_off(rig, CAP_VTD48, ECAP_VTD48SM);
	wr(rig, R_IQA, 8, PA_QUEUE | 0x800);
	gcmd(rig, G_QIE, 0);
}

START_TEST(descriptors_of_256_bits_are_fetched_whole)
{
	const struct wide *wide = &wides[_i];
	struct rig rig;

	wide_queue(&rig);
	push_wide(&rig, wide->lo, wide->hi, wide->upper);
	push_wide(&rig, 0x25 | UINT64_C(0x77) << 32, PA_STATUS, 0);
	queue_kick(&rig);
	ck_assert_msg(rd(&rig, R_FSTS, 4) == (wide->iqei ? IQE : 0), "%s", wide->what);
	ck_assert_msg(rd(&rig, R_IQERCD, 8) == wide->iqei, "%s", wide->what);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), wide->iqei ? 0 : 64);
	ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS), wide->iqei ? 0 : 0x77);
	rig_fini(&rig);
}
END_TEST

/* The same commands in the form of 128 bits, without the upper half. */
START_TEST(descriptors_of_128_bits_do_the_same)
{
	const struct wide *wide = &wides[_i];
	const unsigned iqei = wide->upper ? 0 : wide->iqei;
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_VTD48SM);
	wr(&rig, R_IQA, 8, PA_QUEUE);
	gcmd(&rig, G_QIE, 0);
	queue_push(&rig, wide->lo, wide->hi);
	queue_kick(&rig);
	ck_assert_msg(rd(&rig, R_IQERCD, 8) == iqei, "%s", wide->what);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), iqei ? 0 : 16);
	rig_fini(&rig);
}
END_TEST

START_TEST(queue_of_256_bit_descriptors_wraps)
{
	struct rig rig;

	wide_queue(&rig);
	for (unsigned i = 1; i <= 300; i++) {
		push_wide(&rig, 0x25 | (uint64_t)i << 32, PA_STATUS, 0);
		queue_kick(&rig);
		ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS), i);
		ck_assert_uint_eq(rd(&rig, R_IQH, 8), 32 * i % 4096);
	}
	rig_fini(&rig);
}
END_TEST

START_TEST(tail_amid_a_256_bit_descriptor_is_an_error)
{
	struct rig rig;

	wide_queue(&rig);
	wr(&rig, R_IQT, 8, 16);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), IQE);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), 6);
	wr(&rig, R_IQT, 8, 0);
	wr(&rig, R_FSTS, 4, IQE);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	rig_fini(&rig);
}
END_TEST

/* Nobody answers for RID: it has no translation cache. */
START_TEST(unanswered_device_tlb_invalidation_aborts_the_wait_behind_it)
{
	static const struct {
		uint64_t lo, hi;
	} forms[] = {
		{3 | (uint64_t)RID << 32 | 4 << 16, 0x1001},
		{8 | RID << 16 | UINT64_C(1) << 32, 0x1800},
	};
	struct rig rig;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(forms); i++) {
		rig_init(&rig, CAP_VTD48, ECAP_VTD48SM | ECAP_DT);
		queue_wait(&rig);
		queue_push(&rig, forms[i].lo, forms[i].hi);
		queue_push(&rig, 0x25 | UINT64_C(0x71) << 32, PA_STATUS);
		queue_push(&rig, 0x25 | UINT64_C(0x72) << 32, PA_STATUS + 8);
		queue_kick(&rig);
		/* The first wait is passed over without a status; the second is not fetched. */
		ck_assert_uint_eq(rd(&rig, R_FSTS, 4), ITE);
		ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), (uint64_t)RID << 32);
		ck_assert_uint_eq(rd(&rig, R_IQH, 8), 48);
		ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS), 1);
		ck_assert_uint_eq(rd(&rig, R_FECTL, 4), 0xc0000000u);
		ck_assert_ptr_null(rig.unit->ops->audit(rig.unit));
		/* Clearing ITE goes on. */
		wr(&rig, R_FSTS, 4, ITE);
		ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
		ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), 0);
		ck_assert_uint_eq(rd(&rig, R_IQH, 8), 64);
		ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS), 1);
		ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS + 8), 0x72);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(draining_page_requests_needs_its_capability)
{
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48SM);
	queue_push(&rig, 0xa5 | UINT64_C(7) << 32, PA_STATUS);
	queue_kick(&rig);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), 4);
	rig_fini(&rig);
	rig_init(&rig, CAP_VTD48, ECAP_VTD48SM | B(42));
	queue_push(&rig, 0xa5 | UINT64_C(7) << 32, PA_STATUS);
	queue_kick(&rig);
	ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS), 7);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_descriptors");
	TCase *tc = tcase_create("descriptors");
	const int n = (int)SIO_ARRAY_SIZE(wides);

	tcase_add_loop_test(tc, descriptors_of_256_bits_are_fetched_whole, 0, n);
	tcase_add_loop_test(tc, descriptors_of_128_bits_do_the_same, 0, n);
	tcase_add_test(tc, queue_of_256_bit_descriptors_wraps);
	tcase_add_test(tc, tail_amid_a_256_bit_descriptor_is_an_error);
	tcase_add_test(tc, unanswered_device_tlb_invalidation_aborts_the_wait_behind_it);
	tcase_add_test(tc, draining_page_requests_needs_its_capability);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
