// SPDX-License-Identifier: GPL-2.0-only
/* What the AMD-Vi driver writes: registers, device table and page tables, decoded by hand. */
#include "drv_amdvi_rig.h"
#include "harness.h"
#include "prng.h"

static struct rig rig;

static const struct rig_cfg one = {.efr = {EFR}, .capability = {CAPABILITY}, .units = 1};
static const struct rig_cfg two = {.efr = {EFR, EFR & ~EFR_IA},
				   .capability = {CAPABILITY, CAPABILITY & ~CAP_NP_CACHE},
				   .units = 2};

#define RW      (IOMMU_READ | IOMMU_WRITE)
#define BLOCKED UINT64_C(3)
/* Present, forced coherent, readable, writable. */
#define LEAF  UINT64_C(0x7000000000000001)
#define SIZED UINT64_C(0x0e00)

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

START_TEST(probe_blocks_every_id_before_it_enables_the_unit)
{
	const uint64_t on = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 12;
	uint64_t entries;

	rig_open(&rig, _i ? &two : &one);
	for (unsigned n = 0; n < (_i ? 2u : 1u); n++) {
		ck_assert_uint_eq(raw_reg(&rig, n, 0x0018) & on, on);
		/* Command buffer and event log of 512 entries. */
		ck_assert_uint_eq(raw_reg(&rig, n, 0x0008) >> 56, 9);
		ck_assert_uint_eq(raw_reg(&rig, n, 0x0010) >> 56, 9);
		entries = ((raw_reg(&rig, n, 0x0000) & 0x1ff) + 1) * 128;
		ck_assert_uint_ge(entries, PCI_RID(6, 0));
		for (uint64_t rid = PCI_RID(1, 1); rid < PCI_RID(2, 0); rid++) {
			struct raw_dte dte = raw_dte(&rig, n, (uint16_t)rid);

			ck_assert_uint_eq(dte.word[0], BLOCKED);
			ck_assert_uint_eq(dte.word[1] | dte.word[2] | dte.word[3], 0);
		}
	}
	ck_assert_uint_ne(reads(PCI_RID(1, 1), 0x1000), 0);
}
END_TEST

START_TEST(default_domain_is_attached_from_the_start_and_blocking_takes_the_permissions)
{
	struct raw_dte dte;

	rig_open(&rig, &one);
	dte = raw_dte(&rig, 0, RID_A);
	ck_assert_uint_eq(dte.word[0] & ~UINT64_C(0xffffffffff000), UINT64_C(0x6000000000000603));
	ck_assert_uint_ne(dte.word[0] & UINT64_C(0xffffffffff000), 0);
	ck_assert_uint_ne(dte.word[1], 0);
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_A), &rig), 0);
	dte = raw_dte(&rig, 0, RID_A);
	ck_assert_uint_eq(dte.word[0], BLOCKED);
	ck_assert_uint_eq(dte.word[1], 0);
	ck_assert_uint_eq(reads(RID_A, 0x1000), AMDVI_IO_PAGE_FAULT);
	iommu_group_release(rig_group(&rig, RID_A));
	ck_assert_uint_eq(raw_dte(&rig, 0, RID_A).word[0] >> 61, 3);
}
END_TEST

START_TEST(aliases_of_a_device_get_its_entry)
{
	static const struct drv_amdvi_alias alias = {.rid = RID_E, .alias = PCI_RID(3, 0)};
	struct rig_cfg cfg = one;
	struct iommu_domain *domain;
	struct raw_dte own;
	static const uint16_t others[] = {RID_E_BUS, PCI_RID(4, 0), PCI_RID(3, 0)};
	uint32_t word = 0x12345678;

	cfg.aliases = &alias;
	cfg.alias_count = 1;
	rig_open(&rig, &cfg);
	domain = rig_attach(&rig, RID_E);
	own = raw_dte(&rig, 0, RID_E);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(others); i++) {
		struct raw_dte other = raw_dte(&rig, 0, others[i]);

		ck_assert_uint_eq(own.word[0], other.word[0]);
		ck_assert_uint_eq(own.word[1], other.word[1]);
	}
	ck_assert_int_eq(rig_map(domain, 0x5000, 0x2000000, 0x1000, RW), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_E_BUS, 0x5010, DMA_WRITE, &word), 0);
	ck_assert_uint_eq((uint32_t)raw_word(&rig, 0x2000010), 0x12345678);
	rig_detach(&rig, RID_E, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(functions_that_firmware_gives_one_alias_share_a_group)
{
	const uint16_t other = PCI_RID(1, PCI_DEVFN(3, 0));
	const struct drv_amdvi_alias alias = {.rid = other, .alias = RID_A};
	struct rig_cfg cfg = one;

	cfg.aliases = &alias;
	cfg.alias_count = _i ? 1 : 0;
	rig_prepare(&rig, &cfg);
	rig_function(&rig, 1, 3, PCI_ENDPOINT, 0);
	rig_probe(&rig, &cfg);
	ck_assert((rig_group(&rig, other) == rig_group(&rig, RID_A)) == (_i == 1));
}
END_TEST

START_TEST(geometry_is_all_of_64_bits_and_all_sizes_but_one)
{
	open_attached(&one);
	ck_assert_uint_eq(rig.domain->aperture_first, 0);
	ck_assert_uint_eq(rig.domain->aperture_last, UINT64_MAX);
	ck_assert_uint_eq(rig.domain->pgsize_bitmap, UINT64_C(0xfff7ffffff000));
	ck_assert(iommu_enforce_cache_coherency(rig.domain));
	ck_assert_int_eq(rig_map(rig.domain, 0x1000, 0x5000, 0x1000, RW), 0);
	ck_assert(iommu_enforce_cache_coherency(rig.domain));
	ck_assert_int_eq(rig_map(rig.domain, 0x2000, 0x5000, 0x1000, 0), -EINVAL);
	ck_assert_int_eq(rig_map(rig.domain, 0x2000, 0x5000, 0x1000, IOMMU_CACHE), -EINVAL);
}
END_TEST

START_TEST(reserved_regions_are_interrupts_hypertransport_and_unity_maps)
{
	static const uint16_t a = RID_A;
	static const struct drv_amdvi_unity unity[] = {
		{.first = 0x8000100, .last = 0x80020ff, .rids = &a, .count = 1},
		{.first = 0x9000000, .last = 0x9000fff, .segment = 1},
	};
	struct rig_cfg cfg = one;
	struct resv_list list;

	cfg.unity = unity;
	cfg.unity_count = 2;
	rig_open(&rig, &cfg);
	ck_assert_int_eq(iommu_group_reserved(rig_group(&rig, RID_A), &list), 0);
	ck_assert_uint_eq(list.count, 3);
	ck_assert_uint_eq(list.region[0].first, 0x8000000);
	ck_assert_uint_eq(list.region[0].last, 0x8002fff);
	ck_assert_int_eq(list.region[0].type, RESV_DIRECT);
	ck_assert_uint_eq(list.region[1].first, 0xfee00000);
	ck_assert_int_eq(list.region[1].type, RESV_MSI);
	ck_assert_uint_eq(list.region[2].first, UINT64_C(0xfd00000000));
	ck_assert_uint_eq(list.region[2].last, UINT64_C(0xffffffffff));
	ck_assert_int_eq(list.region[2].type, RESV_RESERVED);
	resv_list_fini(&list);
	/* Mapped one to one, and needed at all times. */
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x8002000).pa, 0x8002000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x8003000).entry, 0);
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_A), &rig), -EINVAL);
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_B), &rig), 0);
	iommu_group_release(rig_group(&rig, RID_B));
}
END_TEST

START_TEST(interrupt_remapping_aborts_what_has_no_table)
{
	struct rig_cfg cfg = one;

	cfg.intremap = _i;
	rig_open(&rig, &cfg);
	ck_assert(drv_amdvi_intremap(rig.amd) == _i);
	ck_assert(iommu_group_msi_isolated(rig_group(&rig, RID_A)) == _i);
	ck_assert_uint_eq(raw_dte(&rig, 0, RID_A).word[2], _i ? 1 : 0);
}
END_TEST

/* ---- leaves ---- */

START_TEST(leaf_bits_follow_size_and_protection)
{
	static const struct {
		uint64_t iova, pa, len, entry, copies;
		unsigned level, prot;
	} rows[] = {
		{0x1000, 0x5000, 0x1000, LEAF | 0x5000, 1, 1, RW},
		{0x2000, 0x6000, 0x2000, LEAF | SIZED | 0x6000, 2, 1, RW},
		{0x4000, 0x8000, 0x4000, LEAF | SIZED | 0x9000, 4, 1, RW},
		{0x10000, 0x20000, 0x10000, LEAF | SIZED | 0x27000, 16, 1, RW},
		{0x100000, 0x300000, 0x100000, LEAF | SIZED | 0x37f000, 256, 1, RW},
		{0x200000, 0x400000, 0x200000, LEAF | 0x400000, 1, 2, RW},
		{0x400000, 0x800000, 0x400000, LEAF | SIZED | 0x9ff000, 2, 2, RW},
		{0x40000000, 0x80000000, 0x40000000, LEAF | 0x80000000, 1, 3, RW},
		{UINT64_C(0x80000000), UINT64_C(0x100000000), UINT64_C(0x80000000),
		 LEAF | SIZED | UINT64_C(0x13ffff000), 2, 3, RW},
		{0x1000, 0x5000, 0x1000, UINT64_C(0x3000000000005001), 1, 1, IOMMU_READ},
		/* Write-only is not readable here. */
		{0x1000, 0x5000, 0x1000, UINT64_C(0x5000000000005001), 1, 1, IOMMU_WRITE},
	};
	uint64_t step;

	open_attached(&one);
	ck_assert_int_eq(rig_map(rig.domain, rows[_i].iova, rows[_i].pa, rows[_i].len,
				 rows[_i].prot),
			 0);
	step = rows[_i].len / rows[_i].copies;
	for (uint64_t n = 0; n < rows[_i].copies; n++) {
		iova_t iova = rows[_i].iova + n * step;
		struct raw_leaf leaf = raw_walk(&rig, 0, RID_A, iova);

		ck_assert_uint_eq(leaf.entry, rows[_i].entry);
		ck_assert_uint_eq(leaf.level, rows[_i].level);
		ck_assert_uint_eq(leaf.bytes, rows[_i].len);
		ck_assert_uint_eq(leaf.pa, rows[_i].pa + n * step);
	}
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, rows[_i].iova - 1).entry, 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, rows[_i].iova + rows[_i].len).entry, 0);
	rig_audit(&rig);
}
END_TEST

START_TEST(table_grows_at_the_root_for_an_address)
{
	uint32_t word = 0xabcd0123;
	pa_t root;

	open_attached(_i ? &two : &one);
	ck_assert_uint_eq(raw_mode(&rig, 0, RID_A), 3);
	if (_i) {
		ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_B), &rig), 0);
		ck_assert_int_eq(iommu_attach_group(rig.domain, rig_group(&rig, RID_B)), 0);
	}
	ck_assert_int_eq(rig_map(rig.domain, 0x7000, 0x2000000, 0x1000, RW), 0);
	ck_assert_uint_eq(reads(RID_A, 0x7000), 0);
	for (unsigned mode = 4; mode <= 6; mode++) {
		iova_t iova = UINT64_C(1) << (12 + 9 * (mode - 1));

		root = raw_dte(&rig, 0, RID_A).word[0] & UINT64_C(0xffffffffff000);
		ck_assert_uint_ne(reads(RID_A, iova), 0);
		ck_assert_int_eq(rig_map(rig.domain, iova, 0x3000000 + mode * 0x1000, 0x1000, RW),
				 0);
		ck_assert_uint_eq(raw_mode(&rig, 0, RID_A), mode);
		/* The old root is what entry 0 of the new one leads to. */
		ck_assert_uint_eq(raw_word(&rig, raw_dte(&rig, 0, RID_A).word[0] &
							 UINT64_C(0xffffffffff000)),
				  root | UINT64_C(0x6000000000000001) | (mode - 1) << 9);
		ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, iova).pa, 0x3000000 + mode * 0x1000);
		ck_assert_uint_eq(rig_dma(&rig, RID_A, iova, DMA_WRITE, &word), 0);
		ck_assert_uint_eq(reads(RID_A, 0x7000), 0);
		ck_assert_uint_eq((uint32_t)raw_word(&rig, 0x3000000 + mode * 0x1000), word);
		rig_audit(&rig);
	}
	/* The last page of all. */
	ck_assert_int_eq(rig_map(rig.domain, UINT64_C(0xfffffffffffff000), 0x4000000, 0x1000, RW),
			 0);
	ck_assert_uint_eq(reads(RID_A, UINT64_C(0xfffffffffffffffc)), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, UINT64_C(0xfffffffffffff000), 0x1000), 0x1000);
	ck_assert_uint_ne(reads(RID_A, UINT64_C(0xfffffffffffffffc)), 0);
	if (_i) {
		ck_assert_uint_eq(raw_mode(&rig, 1, RID_B), 6);
		ck_assert_uint_eq(reads(RID_B, 0x7000), 0);
		rig_detach(&rig, RID_B, rig.domain);
	}
}
END_TEST

START_TEST(table_grows_for_a_page_size)
{
	open_attached(&one);
	/* Root of three levels: nothing above 256 GiB fits. */
	ck_assert_int_eq(rig_map(rig.domain, 0, 0, UINT64_C(1) << 40, RW), 0);
	ck_assert_uint_eq(raw_mode(&rig, 0, RID_A), 4);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x123456789).bytes, UINT64_C(1) << 40);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x123456789).pa, 0x123456789);
	/* 512 GiB is no page size: two of half that. */
	ck_assert_int_eq(rig_map(rig.domain, UINT64_C(1) << 40, 0, UINT64_C(1) << 39, RW), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, UINT64_C(1) << 40).bytes, UINT64_C(1) << 38);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0, UINT64_C(3) << 39), UINT64_C(3) << 39);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0).entry, 0);
}
END_TEST

START_TEST(map_over_something_replaces_it)
{
	open_attached(&one);
	ck_assert_int_eq(rig_map(rig.domain, 0x2000, 0x5000, 0x1000, RW), 0);
	ck_assert_int_eq(rig_map(rig.domain, 0x2000, 0x9000, 0x1000, IOMMU_READ), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x2000).entry, UINT64_C(0x3000000000009001));
	/* Inside a larger page: all of that goes. */
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x20000, 0x10000, RW), 0);
	ck_assert_int_eq(rig_map(rig.domain, 0x13000, 0x40000, 0x1000, RW), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x13000).pa, 0x40000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x12000).entry, 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x1f000).entry, 0);
	/* Over a table: all below it goes. */
	ck_assert_int_eq(rig_map(rig.domain, 0, 0x400000, 0x200000, RW), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x13000).pa, 0x413000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x2000).level, 2);
	ck_assert_int_eq(rig_map(rig.domain, 0x5000, 0x9000, 0x1000, RW), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x5000).pa, 0x9000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x6000).entry, 0);
	rig_audit(&rig);
}
END_TEST

START_TEST(unmap_takes_the_whole_page_that_it_meets)
{
	open_attached(&one);
	ck_assert_int_eq(rig_map(rig.domain, 0x10000, 0x20000, 0x10000, RW), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x13000, 0x1000), 0x10000);
	for (iova_t iova = 0x10000; iova < 0x20000; iova += 0x1000)
		ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, iova).entry, 0);
	/* Nothing there. */
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x13000, 0x1000), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, UINT64_C(1) << 60, 0x1000), 0);
	ck_assert_int_eq(rig_map(rig.domain, 0x200000, 0x400000, 0x200000, RW), 0);
	ck_assert_uint_eq(iommu_unmap(rig.domain, 0x3ff000, 0x1000), 0x200000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x200000).entry, 0);
}
END_TEST

START_TEST(groups_on_different_domains_have_different_ids)
{
	struct iommu_domain *b;

	open_attached(_i ? &two : &one);
	b = rig_attach(&rig, RID_B);
	ck_assert_uint_ne(raw_domain(&rig, 0, RID_A), raw_domain(&rig, _i ? 1 : 0, RID_B));
	ck_assert_uint_ne(raw_domain(&rig, 0, RID_A), 0);
	rig_detach(&rig, RID_B, b);
	iommu_domain_free(b);
}
END_TEST

START_TEST(every_failed_table_page_leaves_the_domain_empty)
{
	char why[INJECT_ERROR_LEN];
	char plan[40];
	iova_t found;
	int rc = -1;

	open_attached(&one);
	/* Descending frames above 2^48: two roots more, and a table of every level. */
	for (unsigned nth = 1; rc; nth++) {
		struct pt_run run = {.oa = 0x3000000, .pages = 5, .oa_step = -4096};

		ck_assert_uint_lt(nth, 20);
		snprintf(plan, sizeof(plan), "pt.table:nth=%u", nth);
		ck_assert_int_eq(inject_plan(&rig.iommu.inject, plan, why), 0);
		rc = iommu_map(rig.domain, UINT64_C(0x10000001fe000), &run, RW);
		if (!rc)
			break;
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert(!iommu_next(rig.domain, 0, UINT64_MAX, &found));
		rig_audit(&rig);
	}
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, UINT64_C(0x1000000200000)).pa, 0x2ffe000);
}
END_TEST

START_TEST(domain_ids_come_back)
{
	struct iommu_domain *domain;
	uint16_t first = 0;

	rig_open(&rig, &one);
	for (unsigned n = 0; n < 100; n++) {
		domain = rig_attach(&rig, RID_A);
		if (!n)
			first = raw_domain(&rig, 0, RID_A);
		ck_assert_uint_eq(raw_domain(&rig, 0, RID_A), first);
		rig_detach(&rig, RID_A, domain);
		iommu_domain_free(domain);
	}
}
END_TEST

START_TEST(units_may_go_before_the_core)
{
	open_attached(&one);
	rig_detach(&rig, RID_A, rig.domain);
	iommu_domain_free(rig.domain);
	rig.domain = NULL;
	rig.units_first = true;
}
END_TEST

static uint64_t dead_read(struct unit *unit, uint32_t offset, unsigned width)
{
	(void)unit, (void)offset, (void)width;
	return UINT64_MAX;
}

START_TEST(probe_of_a_unit_that_does_not_answer_is_enodev)
{
	struct unit_ops dead_ops;
	const struct unit_ops *ops;
	struct drv_amdvi *drv = NULL;
	uint64_t tables;

	rig_open(&rig, &one);
	ops = rig.unit[0]->ops;
	dead_ops = *ops;
	dead_ops.mmio_read = dead_read;
	rig.unit[0]->ops = &dead_ops;
	tables = phys_table_count(rig.iommu.phys);
	ck_assert_int_eq(
		drv_amdvi_probe(&rig.iommu,
				&(struct drv_amdvi_cfg){.units = rig.unit, .unit_count = 1}, &drv),
		-ENODEV);
	rig.unit[0]->ops = ops;
	ck_assert_ptr_null(drv);
	ck_assert_uint_eq(phys_table_count(rig.iommu.phys), tables);
}
END_TEST

/* ---- random maps against one page frame per page ---- */

#define ORACLE_PAGES 3000u
#define ORACLE_BASE  UINT64_C(0x7fffe00000) /* straddles the first root's reach */

static pa_t oracle[ORACLE_PAGES];

static iova_t oracle_iova(unsigned page)
{
	return ORACLE_BASE + page * UINT64_C(4096);
}

static void compare_all(void)
{
	for (unsigned page = 0; page < ORACLE_PAGES; page++) {
		struct raw_leaf leaf = raw_walk(&rig, 0, RID_A, oracle_iova(page));
		struct pt_run run = iommu_query(rig.domain, oracle_iova(page), 1);

		raw_must(!leaf.entry == !oracle[page]);
		raw_must(run.pages == (oracle[page] != 0));
		if (!oracle[page])
			continue;
		raw_must(leaf.pa == oracle[page]);
		raw_must(run.oa == oracle[page]);
		raw_must(leaf.r && leaf.w);
	}
}

/* Pages outside [first, last] that share a leaf with a page inside go with it. */
static void oracle_clear(unsigned first, unsigned last)
{
	static bool gone[ORACLE_PAGES];

	for (unsigned page = 0; page < ORACLE_PAGES; page++) {
		struct raw_leaf leaf = raw_walk(&rig, 0, RID_A, oracle_iova(page));
		iova_t end = leaf.first + (leaf.bytes - 1);

		gone[page] = leaf.entry && leaf.first <= (oracle_iova(last) | 0xfff) &&
			     end >= oracle_iova(first);
	}
	for (unsigned page = 0; page < ORACLE_PAGES; page++) {
		if (gone[page])
			oracle[page] = 0;
	}
}

static void random_map(struct prng *prng)
{
	unsigned first = (unsigned)prng_below(prng, ORACLE_PAGES);
	unsigned n = 1 + (unsigned)prng_below(prng, ORACLE_PAGES - first);
	bool descending = prng_below(prng, 3) == 0;
	pa_t pa = 0x4000000 + (prng_below(prng, 2) ? first * 4096u : prng_below(prng, 512) * 4096);
	struct pt_run run = {.oa = pa, .pages = n, .oa_step = descending ? -4096 : 4096};

	if (descending)
		run.oa += n * 4096u;
	oracle_clear(first, first + n - 1);
	ck_assert_int_eq(iommu_map(rig.domain, oracle_iova(first), &run, RW), 0);
	for (unsigned i = 0; i < n; i++)
		oracle[first + i] = descending ? run.oa - i * 4096u : run.oa + i * 4096u;
}

static void random_unmap(struct prng *prng)
{
	unsigned page = (unsigned)prng_below(prng, ORACLE_PAGES);
	struct raw_leaf leaf = raw_walk(&rig, 0, RID_A, oracle_iova(page));

	if (!leaf.entry) {
		ck_assert_uint_eq(iommu_unmap(rig.domain, oracle_iova(page), 0x1000), 0);
		return;
	}
	oracle_clear(page, page);
	ck_assert_uint_eq(iommu_unmap(rig.domain, oracle_iova(page), 0x1000), leaf.bytes);
}

START_TEST(random_maps_decode_to_the_same_pages)
{
	struct prng prng = {.state = 0xa3d + (uint64_t)_i};

	printf("seed %#llx\n", (unsigned long long)prng.state);
	open_attached(&one);
	for (unsigned page = 0; page < ORACLE_PAGES; page++)
		oracle[page] = 0;
	for (unsigned round = 0; round < 30; round++) {
		random_map(&prng);
		compare_all();
		for (unsigned i = 0; i < 10; i++)
			random_unmap(&prng);
		compare_all();
		rig_audit(&rig);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drv_amdvi_tables");
	TCase *tc = tcase_create("tables");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, probe_blocks_every_id_before_it_enables_the_unit, 0, 2);
	tcase_add_test(
		tc, default_domain_is_attached_from_the_start_and_blocking_takes_the_permissions);
	tcase_add_test(tc, aliases_of_a_device_get_its_entry);
	tcase_add_loop_test(tc, functions_that_firmware_gives_one_alias_share_a_group, 0, 2);
	tcase_add_test(tc, geometry_is_all_of_64_bits_and_all_sizes_but_one);
	tcase_add_test(tc, reserved_regions_are_interrupts_hypertransport_and_unity_maps);
	tcase_add_loop_test(tc, interrupt_remapping_aborts_what_has_no_table, 0, 2);
	tcase_add_loop_test(tc, leaf_bits_follow_size_and_protection, 0, 11);
	tcase_add_loop_test(tc, table_grows_at_the_root_for_an_address, 0, 2);
	tcase_add_test(tc, table_grows_for_a_page_size);
	tcase_add_test(tc, map_over_something_replaces_it);
	tcase_add_test(tc, unmap_takes_the_whole_page_that_it_meets);
	tcase_add_loop_test(tc, groups_on_different_domains_have_different_ids, 0, 2);
	tcase_add_test(tc, every_failed_table_page_leaves_the_domain_empty);
	tcase_add_test(tc, domain_ids_come_back);
	tcase_add_test(tc, units_may_go_before_the_core);
	tcase_add_test(tc, probe_of_a_unit_that_does_not_answer_is_enodev);
	tcase_add_loop_test(tc, random_maps_decode_to_the_same_pages, 0, 3);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
