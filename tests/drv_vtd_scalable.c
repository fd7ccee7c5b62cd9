// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VT-d driver in scalable mode, its interrupt remapping, and units that do not snoop: entries
 * and descriptors taken apart by hand, and what devices see.
 */
#include "drv_vtd_rig.h"
#include "harness.h"

static struct rig rig;

/* Second stage only, no snoop control: the recordings' unit; and with page walks that snoop. */
#define ECAP_SM    UINT64_C(0x480080f00f4a)
#define ECAP_SMPWC (UINT64_C(1) << 48)
#define ECAP_C     UINT64_C(1)
#define RW         (IOMMU_READ | IOMMU_WRITE)
#define ADDRESS    UINT64_C(0xfffffffffffff000)

/* Reasons of the manual. */
#define CONTEXT_ABSENT 0x41
#define PASID_ABSENT   0x59

static const struct rig_cfg scalable = {.cap = {CAP_48},
					.ecap = {ECAP_SM},
					.units = 1,
					.scalable = true};

static void open_attached(const struct rig_cfg *cfg)
{
	rig_open(&rig, cfg);
	rig.domain = rig_attach(&rig, RID_A);
}

static void teardown(void)
{
	if (rig.domain) {
		rig_detach(&rig, RID_A, rig.domain);
		iommu_domain_free(rig.domain);
	}
	rig_close(&rig);
}

static uint8_t reads(uint16_t rid, iova_t iova)
{
	return rig_dma(&rig, rid, iova, DMA_READ, &(uint32_t){0});
}

/* Address of the 32-byte context entry, 0 where the root entry is not present. */
static pa_t context_at(uint16_t rid)
{
	uint64_t rtaddr = rig.unit[0]->ops->mmio_read(rig.unit[0], 0x20, 8);
	pa_t root = (rtaddr & ADDRESS) + (pa_t)(rid >> 8) * 16 + (rid & 0x80 ? 8 : 0);
	uint64_t link = raw_word(&rig, root);

	ck_assert_uint_eq(rtaddr & 0xfff, 0x400);
	return link & 1 ? (link & ADDRESS) + (pa_t)(rid & 0x7f) * 32 : 0;
}

/* Address of the 64-byte entry of requests without PASID. */
static pa_t pasid_at(uint16_t rid)
{
	pa_t context = context_at(rid);
	uint64_t directory, table;

	ck_assert_uint_ne(context, 0);
	directory = raw_word(&rig, context);
	/* Present, 512 directory entries, nothing of devices with PASIDs; RID_PASID 0. */
	ck_assert_uint_eq(directory & 0xfff, 0x401);
	ck_assert_uint_eq(raw_word(&rig, context + 8), 0);
	table = raw_word(&rig, directory & ADDRESS);
	ck_assert_uint_eq(table & 0xfff, 1);
	return table & ADDRESS;
}

START_TEST(context_entries_are_there_before_any_domain_and_stay)
{
	pa_t context, directory;

	rig_open(&rig, &scalable);
	context = context_at(RID_A);
	directory = raw_word(&rig, context);
	rig.domain = rig_attach(&rig, RID_A);
	ck_assert_uint_eq(raw_word(&rig, context), directory);
	iommu_detach_group(rig.domain, rig_group(&rig, RID_A));
	ck_assert_uint_eq(raw_word(&rig, context), directory);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_A)), 0);
	ck_assert_uint_eq(raw_word(&rig, context), directory);
}
END_TEST

START_TEST(attach_writes_the_pasid_entry_and_detach_clears_it)
{
	struct rig_cfg cfg = scalable;
	uint64_t did;
	pa_t entry;

	if (_i)
		cfg.ecap[0] |= ECAP_SMPWC;
	open_attached(&cfg);
	entry = pasid_at(RID_A);
	/* Present, 4 levels, second stage. */
	ck_assert_uint_eq(raw_word(&rig, entry) & 0xfff, 1 | 2 << 2 | 2 << 6);
	ck_assert_uint_ne(raw_word(&rig, entry) & ADDRESS, 0);
	did = raw_word(&rig, entry + 8) & 0xffff;
	/* 0 tags what is absent, 1 belongs to other kinds of tables. */
	ck_assert_uint_ge(did, 2);
	ck_assert_uint_eq(raw_word(&rig, entry + 8), did | (_i ? 1 << 23 : 0));
	for (unsigned word = 2; word < 8; word++)
		ck_assert_uint_eq(raw_word(&rig, entry + word * 8), 0);
	iommu_detach_group(rig.domain, rig_group(&rig, RID_A));
	for (unsigned word = 0; word < 8; word++)
		ck_assert_uint_eq(raw_word(&rig, entry + word * 8), 0);
	ck_assert_uint_eq(reads(RID_A, 0x1000), PASID_ABSENT);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_A)), 0);
	ck_assert_uint_eq(raw_word(&rig, entry + 8) & 0xffff, did);
}
END_TEST

START_TEST(dma_follows_map_unmap_attach_and_detach)
{
	struct rig_cfg cfg = scalable;
	uint32_t word = 0x600df00d;

	cfg.cap[0] |= _i ? CAP_CM : 0;
	open_attached(&cfg);
	rig.unit[0]->ops->set_strict(rig.unit[0], true);
	ck_assert_uint_ne(reads(RID_A, 0x10000), 0);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x2000000, 0x3000, RW), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_A, 0x11004, DMA_WRITE, &word), 0);
	ck_assert_uint_eq(raw_word(&rig, 0x2001000) >> 32, word);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x11000, 0x1000), 0x1000);
	ck_assert_uint_ne(reads(RID_A, 0x11000), 0);
	ck_assert_uint_eq(reads(RID_A, 0x10000), 0);
	iommu_detach_group(rig.domain, rig_group(&rig, RID_A));
	ck_assert_uint_eq(reads(RID_A, 0x10000), PASID_ABSENT);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_A)), 0);
	ck_assert_uint_eq(reads(RID_A, 0x10000), 0);
	ck_assert_uint_eq(rig.stale, 0);
	rig_audit(&rig);
}
END_TEST

START_TEST(bridges_aliases_get_no_entry)
{
	struct iommu_domain *domain;

	rig_open(&rig, &scalable);
	domain = rig_attach(&rig, RID_E);
	ck_assert_uint_eq(raw_word(&rig, pasid_at(RID_E)) & 1, 1);
	ck_assert_uint_eq(raw_word(&rig, context_at(RID_E_BUS)), 0);
	ck_assert_int_eq(rig_map(domain, 0x5000, 0x2000000, 0x1000, RW), 0);
	ck_assert_uint_eq(reads(RID_E_BUS, 0x5000), CONTEXT_ABSENT);
	rig_detach(&rig, RID_E, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(upper_half_of_a_bus_has_a_table_of_its_own)
{
	const uint16_t high = PCI_RID(1, PCI_DEVFN(0x1f, 0));
	struct iommu_device *dev;

	rig_open(&rig, &scalable);
	rig_function(&rig, 1, 0x1f, PCI_ENDPOINT, 0);
	ck_assert_int_eq(iommu_device_add(&rig.iommu, topology_find(&rig.topo, 0, high), &dev), 0);
	ck_assert_uint_ne(context_at(high) & ADDRESS, context_at(RID_A) & ADDRESS);
	ck_assert_uint_eq(raw_word(&rig, pasid_at(high)) & 1, 1);
	/* Mapped by nobody, but no longer unknown. */
	ck_assert_uint_ne(reads(high, 0x1000), CONTEXT_ABSENT);
	ck_assert_uint_ne(reads(high, 0x1000), PASID_ABSENT);
}
END_TEST

START_TEST(queue_has_wide_descriptors_and_detach_invalidates_the_pasid_first)
{
	uint64_t base, tail, did;
	pa_t at;

	open_attached(&scalable);
	did = raw_word(&rig, pasid_at(RID_A) + 8) & 0xffff;
	iommu_detach_group(rig.domain, rig_group(&rig, RID_A));
	base = rig.unit[0]->ops->mmio_read(rig.unit[0], 0x90, 8);
	tail = rig.unit[0]->ops->mmio_read(rig.unit[0], 0x88, 8);
	/* 256 of 32 bytes: two pages. */
	ck_assert_uint_eq(base & 0xfff, 0x801);
	ck_assert_uint_eq(tail % 32, 0);
	/* PASID cache, wait, IOTLB, wait. */
	at = (base & ADDRESS) + (tail + 0x2000 - 4 * 32) % 0x2000;
	ck_assert_uint_eq(raw_word(&rig, at), 7 | 1 << 4 | did << 16);
	at = (base & ADDRESS) + (tail + 0x2000 - 2 * 32) % 0x2000;
	ck_assert_uint_eq(raw_word(&rig, at) & UINT64_C(0xffff003f), 2 | 2 << 4 | did << 16);
	for (unsigned word = 1; word < 4; word++)
		ck_assert_uint_eq(raw_word(&rig, at + word * 8), 0);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_A)), 0);
}
END_TEST

START_TEST(unit_without_the_mode_or_second_stages_stays_in_legacy_mode)
{
	/* SMTS, SLTS */
	static const uint64_t lacks[] = {UINT64_C(1) << 43, UINT64_C(1) << 46};
	struct rig_cfg cfg = scalable;

	cfg.ecap[0] &= ~lacks[_i];
	if (_i)
		cfg.ecap[0] |= UINT64_C(1) << 47;
	open_attached(&cfg);
	ck_assert_uint_eq(raw_context(&rig, 0, RID_A).lo & 0xfff, 1);
	ck_assert_uint_eq(raw_context(&rig, 0, RID_A).hi & 7, 2);
	ck_assert_int_eq(rig_map(rig.domain, 0x5000, 0x2000000, 0x1000, RW), 0);
	ck_assert_uint_eq(reads(RID_A, 0x5000), 0);
}
END_TEST

/* ---- interrupts ---- */

START_TEST(interrupts_without_an_entry_are_blocked_when_remapping_is_on)
{
	struct rig_cfg cfg = {.cap = {CAP_48}, .ecap = {ECAP_SC}, .units = 1};
	uint32_t data = 0x41;
	uint64_t irta;

	cfg.intremap = _i;
	rig_open(&rig, &cfg);
	irta = rig.unit[0]->ops->mmio_read(rig.unit[0], 0xb8, 8);
	ck_assert_uint_eq(rig.unit[0]->ops->mmio_read(rig.unit[0], 0x1c, 4) >> 25 & 1,
			  (uint64_t)_i);
	ck_assert_uint_eq(rig.unit[0]->ops->mmio_read(rig.unit[0], 0x1c, 4) >> 23 & 1, 0);
	if (_i) {
		/* 256 entries of 16 bytes. */
		ck_assert_uint_eq(irta & 0xf, 7);
		ck_assert_uint_ne(irta & ADDRESS, 0);
	}
	ck_assert_uint_eq(rig.msis, 0);
	(void)rig_dma(&rig, RID_A, 0xfee00000, DMA_WRITE, &data);
	if (_i)
		ck_assert(!rig.msis || rig.msi_data != data);
	else
		ck_assert_uint_eq(rig.msi_data, data);
}
END_TEST

/* ---- units that do not snoop ---- */

/* Whatever the driver writes has to be flushed, or the unit goes on with what it saw last. */
START_TEST(everything_a_unit_reads_is_flushed)
{
	static const struct {
		uint64_t ecap;
		bool scalable, intremap;
	} rows[] = {
		{ECAP_SC, false, true},          {ECAP_NO_SC, false, false},
		{ECAP_SM, true, true},           {ECAP_SM | ECAP_SMPWC, true, false},
		{ECAP_SM | ECAP_C, true, false},
	};
	struct rig_cfg cfg = {.cap = {CAP_48},
			      .ecap = {rows[_i].ecap},
			      .units = 1,
			      .scalable = rows[_i].scalable,
			      .intremap = rows[_i].intremap,
			      .noncoherent = true};

	open_attached(&cfg);
	for (unsigned round = 0; round < 20; round++) {
		iova_t iova = round * UINT64_C(0x40201000);

		ck_assert_uint_ne(reads(RID_A, iova), 0);
		ck_assert_int_eq(rig_map(rig.domain, iova, 0x2000000, 0x3000, RW), 0);
		ck_assert_uint_eq(reads(RID_A, iova + 0x2000), 0);
		/* What the same frames held in the round before, a page further down. */
		ck_assert_uint_ne(reads(RID_A, iova - 0x1000), 0);
		/* Into a table that is there. */
		ck_assert_int_eq(rig_map(rig.domain, iova + 0x3000, 0x3000000, 0x1000, RW), 0);
		ck_assert_uint_eq(reads(RID_A, iova + 0x3000), 0);
		ck_assert_uint_eq(iommu_unmap(rig.domain, iova + 0x1000, 0x1000), 0x1000);
		ck_assert_uint_ne(reads(RID_A, iova + 0x1000), 0);
		ck_assert_uint_eq(reads(RID_A, iova), 0);
		/* The tables go, and come back elsewhere. */
		ck_assert_uint_eq(iommu_unmap(rig.domain, iova, 0x4000), 0x4000);
		ck_assert_uint_ne(reads(RID_A, iova), 0);
		ck_assert_uint_ne(reads(RID_A, iova + 0x3000), 0);
		iommu_detach_group(rig.domain, rig_group(&rig, RID_A));
		ck_assert_uint_ne(reads(RID_A, iova), 0);
		ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_A)), 0);
	}
}
END_TEST

START_TEST(a_unit_that_joins_sees_what_was_mapped_before)
{
	struct rig_cfg cfg = {.cap = {CAP_48, CAP_48},
			      .ecap = {ECAP_SC | ECAP_C, ECAP_SC},
			      .units = 2,
			      .noncoherent = true};

	open_attached(&cfg);
	ck_assert_int_eq(rig_map(rig.domain, 0x7000, 0x2000000, 0x2000, RW), 0);
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_B), &rig), 0);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_B)), 0);
	ck_assert_uint_eq(reads(RID_B, 0x8000), 0);
	ck_assert_uint_eq(reads(RID_A, 0x8000), 0);
	rig_detach(&rig, RID_B, rig.domain);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drv_vtd_scalable");
	TCase *tc = tcase_create("scalable");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, context_entries_are_there_before_any_domain_and_stay);
	tcase_add_loop_test(tc, attach_writes_the_pasid_entry_and_detach_clears_it, 0, 2);
	tcase_add_loop_test(tc, dma_follows_map_unmap_attach_and_detach, 0, 2);
	tcase_add_test(tc, bridges_aliases_get_no_entry);
	tcase_add_test(tc, upper_half_of_a_bus_has_a_table_of_its_own);
	tcase_add_test(tc, queue_has_wide_descriptors_and_detach_invalidates_the_pasid_first);
	tcase_add_loop_test(tc, unit_without_the_mode_or_second_stages_stays_in_legacy_mode, 0, 2);
	tcase_add_loop_test(tc, interrupts_without_an_entry_are_blocked_when_remapping_is_on, 0, 2);
	tcase_add_loop_test(tc, everything_a_unit_reads_is_flushed, 0, 5);
	tcase_add_test(tc, a_unit_that_joins_sees_what_was_mapped_before);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
