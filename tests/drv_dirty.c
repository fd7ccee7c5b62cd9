// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty pages of both vendors' drivers against a record of which pages the device wrote to, with
 * strict checking on: a unit that goes by what it remembers of a clean page, or a driver that
 * forgets an invalidation, shows as a missing page or as a stale use.
 */
#include <string.h>

#include "drv_rig.h"
#include "harness.h"

#include "drv/drv_amdvi.h"
#include "drv/drv_vtd.h"
#include "iommufd/iommufd_uapi.h"
#include "prng.h"

#define RW      (IOMMU_READ | IOMMU_WRITE)
#define KIB     UINT64_C(1024)
#define MIB     (KIB * 1024)
#define PAGE    UINT64_C(4096)
#define FIRST   (UINT64_C(0x40000000))
#define BYTES   (32 * MIB)
#define MEMORY  (64 * MIB) /* where the blocks lie */
#define BLOCKS  64u
#define STEPS   1500u
#define ADDRESS UINT64_C(0xffffffffff000)
#define ECAP    UINT64_C(0x480080f00f4b)

static struct rig rig;

/* ---- the two kinds of machine ---- */

static void open_vtd(bool tracks)
{
	const struct unit_env env = {.ctx = &rig, .msi = rig_msi, .stale = rig_stale};
	/* 48 bits, scalable mode, second stage, and with `tracks` SLADS and SMPWC. */
	const struct vtd_cfg unit = {
		.name = "dmar0",
		.cap = 0xd2008c222f0606,
		.ecap = ECAP | (tracks ? SIO_BIT(45) | SIO_BIT(48) : 0),
	};
	const struct drv_vtd_cfg drv = {.units = rig.unit, .unit_count = 1, .scalable = true};

	rig_start(&rig);
	rig.unit[0] = vtd_create(&unit, rig.iommu.phys, rig.iommu.fabric, &env);
	rig_routes(&rig);
	ck_assert_int_eq(drv_vtd_probe(&rig.iommu, &drv, &rig.drv), 0);
}

static void open_amd(bool tracks)
{
	const struct unit_env env = {.ctx = &rig, .msi = rig_msi, .stale = rig_stale};
	const struct amdvi_cfg unit = {
		.name = "ivhd0",
		.efr = 0x29d3 | (tracks ? SIO_BIT(49) | SIO_BIT(52) : 0),
		.capability = 0x1b03000f,
		.devid = 2,
	};
	const struct drv_amdvi_cfg drv = {.units = rig.unit, .unit_count = 1};

	rig_start(&rig);
	rig.unit[0] = amdvi_create(&unit, rig.iommu.phys, rig.iommu.fabric, &env);
	rig_routes(&rig);
	ck_assert_int_eq(drv_amdvi_probe(&rig.iommu, &drv, &rig.amd), 0);
}

static void remove_vtd(struct rig *r)
{
	drv_vtd_remove(r->drv);
}

static void remove_amd(struct rig *r)
{
	drv_amdvi_remove(r->amd);
}

/* The leaf by hand: through the PASID entry of requests without PASID. */
static pa_t leaf_vtd(iova_t iova)
{
	const uint64_t root = rig.unit[0]->ops->mmio_read(rig.unit[0], 0x20, 8) & ADDRESS;
	const uint64_t context =
		(raw_word(&rig, root + (RID_A >> 8) * 16u) & ADDRESS) + (RID_A & 0x7f) * 32u;
	const uint64_t directory = raw_word(&rig, context) & ADDRESS;
	uint64_t at = raw_word(&rig, directory) & ADDRESS;

	for (unsigned shift = 39;; shift -= 9) {
		at = (raw_word(&rig, at) & ADDRESS) + (iova >> shift & 511) * 8;
		if (shift == 12 || raw_word(&rig, at) & 0x80)
			return at;
	}
}

static pa_t leaf_amd(iova_t iova)
{
	const uint64_t devtab = rig.unit[0]->ops->mmio_read(rig.unit[0], 0, 8) & ADDRESS;
	uint64_t at = devtab + RID_A * 32u, entry = raw_word(&rig, at);

	for (;;) {
		const unsigned level = (unsigned)(entry >> 9 & 7);

		if (level == 0 || level == 7)
			return at;
		at = (entry & ADDRESS) + (iova >> (3 + 9 * level) & 511) * 8;
		entry = raw_word(&rig, at);
	}
}

static const struct kind {
	void (*open)(bool tracks);
	void (*remove)(struct rig *rig);
	pa_t (*leaf)(iova_t iova);
	unsigned dirty_bit;
	unsigned sizes_lg2[5]; /* of pages that are one leaf; 0 ends */
} kinds[] = {
	{open_vtd, remove_vtd, leaf_vtd, 9, {12, 12, 21}},
	{open_amd, remove_amd, leaf_amd, 6, {12, 14, 16, 21, 22}},
};
#define KINDS ((int)SIO_ARRAY_SIZE(kinds))

static const struct kind *kind;

static struct iommu_device *device(uint16_t rid)
{
	return iommu_device_find(&rig.iommu, 0, rid);
}

static void attach(uint16_t rid)
{
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, rid), &rig), 0);
	ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, rid)), 0);
}

static void machine_open(int n, bool tracks)
{
	kind = &kinds[n];
	kind->open(tracks);
	rig.remove = kind->remove;
	rig_discover(&rig);
	rig.unit[0]->ops->set_strict(rig.unit[0], true);
}

/* A domain that can track, device A on it. */
static void open_attached(int n)
{
	machine_open(n, true);
	ck_assert(device(RID_A)->driver->capable(device(RID_A), IOMMU_CAP_DIRTY_TRACKING));
	ck_assert_int_eq(iommu_domain_alloc_user(device(RID_A), IOMMU_ALLOC_DIRTY_TRACKING, NULL,
						 &rig.domain),
			 0);
	ck_assert(rig.domain->dirty_ops);
	attach(RID_A);
}

static void teardown(void)
{
	ck_assert_uint_eq(rig.stale, 0);
	if (rig.domain) {
		for (struct iommu_device *dev = device(RID_A); dev; dev = dev->next)
			if (dev->group && dev->group->owner)
				rig_detach(&rig, dev->pci->rid, rig.domain);
		iommu_domain_free(rig.domain);
	}
	rig_close(&rig);
}

static void track(bool on)
{
	ck_assert_int_eq(iommu_set_dirty_tracking(rig.domain, on), 0);
}

static void map(iova_t iova, pa_t pa, uint64_t len)
{
	ck_assert_int_eq(rig_map(rig.domain, iova, pa, len, RW), 0);
}

static void dma(uint16_t rid, iova_t iova, enum dma_kind dir)
{
	uint32_t word = 0x5a5a5a5a;

	ck_assert_uint_eq(rig_dma(&rig, rid, iova, dir, &word), 0);
}

/* ---- what is reported ---- */

static uint8_t reported[BYTES / PAGE]; /* pages from FIRST on: how often each was named */

static void note_hit(void *ctx, iova_t iova, uint64_t len)
{
	(void)ctx;
	rig_assert(len && iova % PAGE == 0 && len % PAGE == 0);
	for (uint64_t page = (iova - FIRST) / PAGE; page < (iova - FIRST + len) / PAGE; page++) {
		rig_assert(page < BYTES / PAGE);
		reported[page]++;
	}
}

static unsigned query(iova_t iova, uint64_t len, bool clear)
{
	unsigned pages = 0;

	memset(reported, 0, sizeof(reported));
	ck_assert_int_eq(iommu_read_dirty(rig.domain, iova, len, clear, note_hit, NULL), 0);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(reported); i++) {
		rig_assert(reported[i] <= 1);
		pages += reported[i];
	}
	return pages;
}

/* ---- tests ---- */

START_TEST(a_write_sets_the_bit_of_the_leaf_and_a_read_does_not)
{
	pa_t leaf;

	open_attached(_i);
	map(FIRST, MEMORY, 4 * PAGE);
	/* One leaf a page, whatever the format would like. */
	iommu_unmap(rig.domain, FIRST, 4 * PAGE);
	for (unsigned i = 0; i < 4; i++)
		map(FIRST + i * PAGE, MEMORY + 2 * i * PAGE, PAGE);
	track(true);
	leaf = kind->leaf(FIRST + PAGE);
	dma(RID_A, FIRST + PAGE, DMA_READ);
	ck_assert_uint_eq(raw_word(&rig, leaf) >> kind->dirty_bit & 1, 0);
	ck_assert_uint_eq(query(FIRST, 4 * PAGE, false), 0);
	/* By the entry that the read left behind. */
	dma(RID_A, FIRST + PAGE + 8, DMA_WRITE);
	ck_assert_uint_eq(raw_word(&rig, leaf) >> kind->dirty_bit & 1, 1);
	ck_assert_uint_eq(query(FIRST, 4 * PAGE, false), 1);
	ck_assert_uint_eq(reported[1], 1);
}
END_TEST

START_TEST(a_cleared_bit_is_set_again_by_the_next_write)
{
	open_attached(_i);
	map(FIRST, MEMORY, PAGE);
	track(true);
	for (unsigned i = 0; i < 3; i++) {
		dma(RID_A, FIRST, DMA_WRITE);
		dma(RID_A, FIRST + 4, DMA_WRITE);
		ck_assert_uint_eq(query(FIRST, PAGE, true), 1);
		ck_assert_uint_eq(query(FIRST, PAGE, true), 0);
	}
}
END_TEST

START_TEST(without_clearing_the_bit_stays_in_memory)
{
	open_attached(_i);
	map(FIRST, MEMORY, PAGE);
	track(true);
	dma(RID_A, FIRST, DMA_WRITE);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(query(FIRST, PAGE, false), 1);
	ck_assert_uint_eq(raw_word(&rig, kind->leaf(FIRST)) >> kind->dirty_bit & 1, 1);
	ck_assert_uint_eq(query(FIRST, PAGE, true), 1);
	ck_assert_uint_eq(raw_word(&rig, kind->leaf(FIRST)) >> kind->dirty_bit & 1, 0);
}
END_TEST

START_TEST(nothing_is_marked_or_reported_while_tracking_is_off)
{
	open_attached(_i);
	map(FIRST, MEMORY, PAGE);
	map(FIRST + 2 * MIB, MEMORY + 2 * MIB, PAGE);
	dma(RID_A, FIRST, DMA_WRITE);
	ck_assert_uint_eq(query(FIRST, BYTES, false), 0);
	track(true);
	/* Written before: clean. And it is cached as writable no more. */
	ck_assert_uint_eq(query(FIRST, BYTES, false), 0);
	dma(RID_A, FIRST, DMA_WRITE);
	ck_assert_uint_eq(query(FIRST, BYTES, false), 1);
	track(false);
	track(false);
	dma(RID_A, FIRST + 2 * MIB, DMA_WRITE);
	ck_assert_uint_eq(query(FIRST, BYTES, false), 0);
	/* Bits of before are there still, until someone clears them without asking. */
	track(true);
	ck_assert_uint_eq(query(FIRST, BYTES, false), 1);
	track(false);
	ck_assert_int_eq(iommu_read_dirty(rig.domain, FIRST, BYTES, true, NULL, NULL), 0);
	track(true);
	ck_assert_uint_eq(query(FIRST, BYTES, false), 0);
}
END_TEST

START_TEST(every_device_of_the_domain_marks)
{
	open_attached(_i);
	map(FIRST, MEMORY, PAGE);
	map(FIRST + MIB, MEMORY + MIB, PAGE);
	track(true);
	/* One that comes later. */
	attach(RID_B);
	dma(RID_B, FIRST + MIB, DMA_WRITE);
	ck_assert_uint_eq(query(FIRST, BYTES, true), 1);
	ck_assert_uint_eq(reported[MIB / PAGE], 1);
	track(false);
	track(true);
	dma(RID_B, FIRST, DMA_WRITE);
	ck_assert_uint_eq(query(FIRST, BYTES, true), 1);
	ck_assert_uint_eq(reported[0], 1);
}
END_TEST

START_TEST(ranges_beyond_the_tables_hold_nothing)
{
	open_attached(_i);
	map(FIRST, MEMORY, PAGE);
	track(true);
	dma(RID_A, FIRST, DMA_WRITE);
	ck_assert_uint_eq(query(0, UINT64_MAX, false), 1);
	ck_assert_uint_eq(query(UINT64_MAX - PAGE + 1, PAGE, true), 0);
	ck_assert_uint_eq(query(FIRST, 0, true), 0);
	ck_assert_int_eq(iommu_read_dirty(rig.domain, UINT64_MAX, 2, true, note_hit, NULL),
			 -EINVAL);
}
END_TEST

START_TEST(a_unit_that_cannot_track_is_refused)
{
	struct iommu_domain *domain;

	machine_open(_i, false);
	ck_assert(!device(RID_A)->driver->capable(device(RID_A), IOMMU_CAP_DIRTY_TRACKING));
	ck_assert_int_eq(iommu_domain_alloc_user(device(RID_A), IOMMU_ALLOC_DIRTY_TRACKING, NULL,
						 &domain),
			 -EOPNOTSUPP);
	/* Neither can either be the parent of another. */
	ck_assert_int_eq(iommu_domain_alloc_user(device(RID_A), IOMMU_ALLOC_NEST_PARENT, NULL,
						 &domain),
			 -EOPNOTSUPP);
	ck_assert_int_eq(iommu_domain_alloc_user(device(RID_A), 0,
						 &(struct iommu_user_data){.type = 1}, &domain),
			 -EOPNOTSUPP);
	ck_assert_int_eq(iommu_domain_alloc_user(device(RID_A), 0, NULL, &domain), 0);
	ck_assert_int_eq(iommu_set_dirty_tracking(domain, true), -EOPNOTSUPP);
	ck_assert_int_eq(iommu_read_dirty(domain, 0, PAGE, false, note_hit, NULL), -EOPNOTSUPP);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(registers_are_shown_as_each_kernel_does)
{
	uint8_t data[IOMMU_HW_INFO_MAX] = {0};
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info_amd amd;
	struct personality kernel;
	uint32_t type = 0, len = 99;

	machine_open(_i, true);
	ck_assert_int_eq(device(RID_A)->driver->hw_info(device(RID_A), &type, data, &len), 0);
	if (kind->open == open_vtd) {
		memcpy(&vtd, data, sizeof(vtd));
		ck_assert_uint_eq(type, IOMMU_HW_INFO_TYPE_INTEL_VTD);
		ck_assert_uint_eq(len, 24);
		ck_assert_uint_eq(vtd.flags, 1);
		ck_assert_uint_eq(vtd.cap_reg, UINT64_C(0xd2008c222f0606));
		ck_assert_uint_eq(vtd.ecap_reg, ECAP | SIO_BIT(45) | SIO_BIT(48));
		type = IOMMU_HW_INFO_TYPE_AMD;
		ck_assert_int_eq(device(RID_A)->driver->hw_info(device(RID_A), &type, data, &len),
				 -EOPNOTSUPP);
		return;
	}
	ck_assert_uint_eq(type, 0);
	ck_assert_uint_eq(len, 0);
	ck_assert(personality_parse("7.2,amd_iommufd", &kernel, NULL, 0));
	rig.iommu.personality = &kernel;
	ck_assert_int_eq(device(RID_A)->driver->hw_info(device(RID_A), &type, data, &len), 0);
	memcpy(&amd, data, sizeof(amd));
	ck_assert_uint_eq(type, IOMMU_HW_INFO_TYPE_AMD);
	ck_assert_uint_eq(len, 16);
	ck_assert_uint_eq(amd.efr, 0x29d3 | SIO_BIT(49) | SIO_BIT(52));
	type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	ck_assert_int_eq(device(RID_A)->driver->hw_info(device(RID_A), &type, data, &len),
			 -EOPNOTSUPP);
	rig.iommu.personality = personality_find(NULL);
}
END_TEST

/* ---- at random, against a record ---- */

static struct block {
	iova_t iova;
	pa_t pa;
	uint64_t len;
	bool dirty;
} block[BLOCKS];
static unsigned blocks;

/* Pages of all sizes in a row, some with a gap before them. */
static void blocks_make(struct prng *rng)
{
	iova_t iova = FIRST;
	unsigned sizes = 0;

	while (sizes < SIO_ARRAY_SIZE(kind->sizes_lg2) && kind->sizes_lg2[sizes])
		sizes++;
	for (blocks = 0; blocks < BLOCKS;) {
		const uint64_t len = SIO_BIT(kind->sizes_lg2[prng_next(rng) % sizes]);

		iova = (iova + (prng_next(rng) % 3 ? 0 : PAGE) + len - 1) & -len;
		if (iova + len > FIRST + BYTES)
			break;
		/* Memory goes its own way, so that no two pages look like one. */
		block[blocks++] = (struct block){
			.iova = iova,
			.pa = MEMORY + ((iova - FIRST) ^ 4 * MIB),
			.len = len,
		};
		map(iova, block[blocks - 1].pa, len);
		iova += len;
	}
}

static void check_query(uint64_t seed, unsigned step, iova_t first, uint64_t len, bool clear,
			bool on)
{
	query(first, len, clear);
	for (unsigned i = 0; i < blocks; i++) {
		struct block *b = &block[i];
		bool inside = false;

		for (iova_t at = b->iova; at < b->iova + b->len; at += PAGE) {
			const bool in = at >= first && at - first < len;

			inside |= in;
			if (reported[(at - FIRST) / PAGE] != (in && on && b->dirty))
				ck_abort_msg("seed %ju step %u: page %jx: %u reports, dirty %d",
					     (uintmax_t)seed, step, (uintmax_t)at,
					     reported[(at - FIRST) / PAGE], b->dirty);
			reported[(at - FIRST) / PAGE] = 0;
		}
		if (inside && clear)
			b->dirty = false;
	}
	for (size_t i = 0; i < SIO_ARRAY_SIZE(reported); i++)
		rig_assert(!reported[i]);
}

START_TEST(random_writes_and_queries_agree_with_a_record)
{
	const uint64_t seed = 0xd1 + (uint64_t)_i;
	struct prng rng = {.state = seed};
	bool on = true;

	open_attached(_i % KINDS);
	blocks_make(&rng);
	track(true);
	for (unsigned step = 0; step < STEPS; step++) {
		const unsigned what = (unsigned)(prng_next(&rng) % 100);
		struct block *b = &block[prng_next(&rng) % blocks];
		const iova_t at = b->iova + prng_next(&rng) % (b->len / 4) * 4;
		iova_t first;
		uint64_t len;

		if (what < 60) {
			dma(RID_A, at, DMA_WRITE);
			b->dirty |= on;
		} else if (what < 75) {
			dma(RID_A, at, DMA_READ);
		} else if (what < 95) {
			/* Ranges that begin and end anywhere, inside large pages too. */
			first = FIRST + prng_next(&rng) % (BYTES / PAGE) * PAGE;
			len = (1 + prng_next(&rng) % ((FIRST + BYTES - first) / PAGE)) * PAGE;
			check_query(seed, step, first, len, what < 85, on);
		} else if (what < 98) {
			iommu_unmap(rig.domain, b->iova, b->len);
			map(b->iova, b->pa, b->len);
			b->dirty = false;
		} else {
			on = !on;
			track(on);
		}
	}
	track(true);
	check_query(seed, STEPS, FIRST, BYTES, true, true);
	check_query(seed, STEPS, FIRST, BYTES, true, true);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dirty pages");
	TCase *tc = tcase_create("drivers");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, a_write_sets_the_bit_of_the_leaf_and_a_read_does_not, 0, KINDS);
	tcase_add_loop_test(tc, a_cleared_bit_is_set_again_by_the_next_write, 0, KINDS);
	tcase_add_loop_test(tc, without_clearing_the_bit_stays_in_memory, 0, KINDS);
	tcase_add_loop_test(tc, nothing_is_marked_or_reported_while_tracking_is_off, 0, KINDS);
	tcase_add_loop_test(tc, every_device_of_the_domain_marks, 0, KINDS);
	tcase_add_loop_test(tc, ranges_beyond_the_tables_hold_nothing, 0, KINDS);
	tcase_add_loop_test(tc, a_unit_that_cannot_track_is_refused, 0, KINDS);
	tcase_add_loop_test(tc, registers_are_shown_as_each_kernel_does, 0, KINDS);
	tcase_add_loop_test(tc, random_writes_and_queries_agree_with_a_record, 0, 4 * KINDS);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
