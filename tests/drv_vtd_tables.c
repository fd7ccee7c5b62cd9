// SPDX-License-Identifier: GPL-2.0-only
/* What the VT-d driver writes: registers, context entries and page tables, decoded by hand. */
#include "drv_vtd_rig.h"
#include "harness.h"
#include "prng.h"

static struct rig rig;

static const struct rig_cfg one_48 = {.cap = {CAP_48}, .ecap = {ECAP_SC}, .units = 1};
static const struct rig_cfg one_39 = {.cap = {CAP_39}, .ecap = {ECAP_NO_SC}, .units = 1};
static const struct rig_cfg wide_and_narrow = {.cap = {CAP_48, CAP_39},
					       .ecap = {ECAP_SC, ECAP_SC},
					       .units = 2};
static const struct rig_cfg mixed_snoop = {.cap = {CAP_48, CAP_48},
					   .ecap = {ECAP_SC, ECAP_NO_SC},
					   .units = 2};

/* A bus where nothing answers. */
static uint64_t dead_read(struct unit *unit, uint32_t offset, unsigned width)
{
	(void)unit, (void)offset;
	return width == 8 ? UINT64_MAX : UINT32_MAX;
}

static void teardown(void)
{
	rig_close(&rig);
}

START_TEST(probe_turns_translation_on_and_arms_the_fault_event)
{
	struct unit *unit;
	uint64_t gsts;

	rig_open(&rig, &one_48);
	unit = rig.unit[0];
	gsts = unit->ops->mmio_read(unit, 0x1c, 4);
	ck_assert(gsts & UINT64_C(1) << 31);
	ck_assert(gsts & UINT64_C(1) << 30);
	ck_assert(gsts & UINT64_C(1) << 26);
	ck_assert_uint_eq(unit->ops->mmio_read(unit, 0x38, 4), 0);
	ck_assert_uint_eq(unit->ops->mmio_read(unit, 0x40, 4) >> 20, 0xfee);
	rig_audit(&rig);
}
END_TEST

START_TEST(default_domain_translates_from_the_start_and_blocking_clears_the_entry)
{
	struct raw_entry context;

	rig_open(&rig, &one_48);
	context = raw_context(&rig, 0, RID_A);
	ck_assert_uint_eq(context.lo & 0xfff, 1);
	ck_assert_uint_eq(context.hi & 7, 2);
	ck_assert_uint_ne(context.hi >> 8, 0);
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_A), &rig), 0);
	context = raw_context(&rig, 0, RID_A);
	ck_assert_uint_eq(context.lo, 0);
	ck_assert_uint_eq(context.hi, 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_A, 0x1000, DMA_READ, &(uint32_t){0}), 0x02);
	iommu_group_release(rig_group(&rig, RID_A));
	ck_assert_uint_eq(raw_context(&rig, 0, RID_A).lo & 1, 1);
	ck_assert_uint_eq(rig_dma(&rig, RID_A, 0x1000, DMA_READ, &(uint32_t){0}), 0x06);
}
END_TEST

START_TEST(aliases_of_a_device_behind_a_bridge_get_its_entry)
{
	struct iommu_domain *domain;
	struct raw_entry own, alias;
	uint32_t word = 0x12345678;

	rig_open(&rig, &one_48);
	domain = rig_attach(&rig, RID_E);
	own = raw_context(&rig, 0, RID_E);
	alias = raw_context(&rig, 0, RID_E_BUS);
	ck_assert_uint_eq(own.lo, alias.lo);
	ck_assert_uint_eq(own.hi, alias.hi);
	ck_assert_uint_eq(own.lo, raw_context(&rig, 0, PCI_RID(4, 0)).lo);
	ck_assert_int_eq(rig_map(domain, 0x5000, 0x2000000, 0x1000, IOMMU_READ | IOMMU_WRITE), 0);
	ck_assert_uint_eq(rig_dma(&rig, RID_E_BUS, 0x5010, DMA_WRITE, &word), 0);
	ck_assert_uint_eq((uint32_t)raw_word(&rig, 0x2000010), 0x12345678);
	rig_detach(&rig, RID_E, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(groups_on_different_domains_have_different_ids)
{
	struct iommu_domain *a, *b;

	rig_open(&rig, &one_48);
	a = rig_attach(&rig, RID_A);
	b = rig_attach(&rig, RID_B);
	ck_assert_uint_ne(raw_context(&rig, 0, RID_A).hi >> 8, raw_context(&rig, 0, RID_B).hi >> 8);
	rig_detach(&rig, RID_A, a);
	rig_detach(&rig, RID_B, b);
	iommu_domain_free(a);
	iommu_domain_free(b);
}
END_TEST

START_TEST(domain_ids_run_out_with_enospc_and_come_back)
{
	struct rig_cfg few = one_48;
	struct iommu_domain *domain;
	struct iommu_device *dev;

	/* 16 ids, 0 is never given; each group's default domain has one. */
	few.cap[0] &= ~CAP_ND;
	rig_open(&rig, &few);
	for (unsigned n = 0; n < 40; n++) {
		domain = rig_attach(&rig, RID_A);
		ck_assert_uint_lt(raw_context(&rig, 0, RID_A).hi >> 8, 16);
		rig_detach(&rig, RID_A, domain);
		iommu_domain_free(domain);
	}
	/* Six groups so far. */
	for (uint8_t n = 0; n < 10; n++) {
		rig_function(&rig, 0, (uint8_t)(16 + n), PCI_ENDPOINT, 0);
		ck_assert_int_eq(iommu_device_add(&rig.iommu,
						  topology_find(&rig.topo, 0,
								PCI_RID(0, PCI_DEVFN(16 + n, 0))),
						  &dev),
				 n < 9 ? 0 : -ENOSPC);
	}
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_A), &rig), 0);
	ck_assert_int_eq(iommu_domain_alloc(rig_group(&rig, RID_A), &domain), 0);
	ck_assert_int_eq(iommu_attach_group(domain, rig_group(&rig, RID_A)), -ENOSPC);
	rig_audit(&rig);
	iommu_group_release(rig_group(&rig, RID_A));
	iommu_domain_free(domain);
}
END_TEST

START_TEST(geometry_is_the_units)
{
	struct iommu_domain *domain;

	rig_open(&rig, _i ? &one_39 : &one_48);
	domain = rig_attach(&rig, RID_A);
	ck_assert_uint_eq(domain->aperture_first, 0);
	ck_assert_uint_eq(domain->aperture_last, (UINT64_C(1) << (_i ? 39 : 48)) - 1);
	ck_assert_uint_eq(domain->pgsize_bitmap, 0x40201000);
	ck_assert_uint_eq(raw_context(&rig, 0, RID_A).hi & 7, _i ? 1 : 2);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(map_refuses_what_the_unit_cannot_do)
{
	struct iommu_domain *domain;
	iova_t end;

	rig_open(&rig, _i ? &one_39 : &one_48);
	domain = rig_attach(&rig, RID_A);
	end = domain->aperture_last + 1;
	ck_assert_int_eq(rig_map(domain, end, 0, 0x1000, IOMMU_READ), -EFAULT);
	ck_assert_int_eq(rig_map(domain, end - 0x1000, 0, 0x2000, IOMMU_READ), -EFAULT);
	ck_assert_int_eq(rig_map(domain, UINT64_C(0xfffffffffffff000), 0, 0x1000, IOMMU_READ),
			 -EFAULT);
	ck_assert_int_eq(rig_map(domain, 0, 0, 0x1000, 0), -EINVAL);
	ck_assert_int_eq(rig_map(domain, 0, 0, 0x1000, IOMMU_CACHE), -EINVAL);
	ck_assert_int_eq(rig_map(domain, end - 0x1000, 0, 0x1000, IOMMU_READ), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, end - 0x1000).level, 1);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(leaf_bits_follow_protection_and_forced_coherency)
{
	struct iommu_domain *domain;

	rig_open(&rig, &one_48);
	domain = rig_attach(&rig, RID_A);
	ck_assert_int_eq(rig_map(domain, 0x1000, 0x5000, 0x1000, IOMMU_READ | IOMMU_CACHE), 0);
	ck_assert_int_eq(rig_map(domain, 0x2000, 0x6000, 0x1000, IOMMU_WRITE), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x1000).entry, 0x5001);
	/* Write-only is readable too, as in this kernel. */
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x2000).entry, 0x6003);
	/* Too late: leaves exist that do not snoop. */
	ck_assert(!iommu_enforce_cache_coherency(domain));
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);

	domain = rig_attach(&rig, RID_A);
	ck_assert(iommu_enforce_cache_coherency(domain));
	ck_assert(iommu_enforce_cache_coherency(domain));
	ck_assert_int_eq(rig_map(domain, 0x1000, 0x5000, 0x1000, IOMMU_READ), 0);
	ck_assert_int_eq(rig_map(domain, 0x200000, 0x400000, 0x200000, IOMMU_READ | IOMMU_WRITE),
			 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x1000).entry, 0x5801);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x200000).entry, 0x400883);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x200000).level, 2);
	rig_audit(&rig);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(coherency_needs_snoop_control_everywhere)
{
	struct iommu_domain *with, *without;
	struct iommu_group *b;

	rig_open(&rig, &mixed_snoop);
	with = rig_attach(&rig, RID_A);
	without = rig_attach(&rig, RID_B);
	ck_assert(iommu_enforce_cache_coherency(with));
	ck_assert(!iommu_enforce_cache_coherency(without));
	b = rig_group(&rig, RID_B);
	ck_assert(!b->devices->driver->capable(b->devices, IOMMU_CAP_ENFORCE_COHERENCY));
	iommu_detach_group(without, b);
	ck_assert_int_eq(iommu_attach_group(with, b), -EINVAL);
	ck_assert_ptr_eq(b->domain, b->blocking_domain);
	ck_assert_int_eq(iommu_attach_group(without, b), 0);
	rig_audit(&rig);
	rig_detach(&rig, RID_A, with);
	rig_detach(&rig, RID_B, without);
	iommu_domain_free(with);
	iommu_domain_free(without);
}
END_TEST

START_TEST(excess_level_is_dropped_for_a_narrower_unit)
{
	struct iommu_domain *domain, *own;
	struct iommu_group *b;
	uint32_t word = 7;

	rig_open(&rig, &wide_and_narrow);
	domain = rig_attach(&rig, RID_A);
	own = rig_attach(&rig, RID_B);
	b = rig_group(&rig, RID_B);
	iommu_detach_group(own, b);
	if (_i)
		ck_assert_int_eq(rig_map(domain, 0x40000000, 0x3000000, 0x1000, 3), 0);
	ck_assert_uint_eq(raw_context(&rig, 0, RID_A).hi & 7, 2);
	ck_assert_int_eq(iommu_attach_group(domain, b), 0);
	rig_audit(&rig);
	ck_assert_uint_eq(raw_context(&rig, 0, RID_A).hi & 7, 1);
	ck_assert_uint_eq(raw_context(&rig, 1, RID_B).hi & 7, 1);
	ck_assert_uint_eq(raw_context(&rig, 0, RID_A).lo, raw_context(&rig, 1, RID_B).lo);
	ck_assert_uint_eq(domain->aperture_last, (UINT64_C(1) << 39) - 1);
	ck_assert_int_eq(rig_map(domain, 0x40001000, 0x3001000, 0x1000, 3), 0);
	for (unsigned n = 0; n < 2; n++) {
		uint16_t rid = n ? RID_B : RID_A;

		ck_assert_uint_eq(raw_walk(&rig, n, rid, 0x40001000).pa, 0x3001000);
		ck_assert_uint_eq(rig_dma(&rig, rid, 0x40001000, DMA_WRITE, &word), 0);
		if (_i)
			ck_assert_uint_eq(raw_walk(&rig, n, rid, 0x40000abc).pa, 0x3000abc);
	}
	rig_detach(&rig, RID_B, domain);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
	iommu_domain_free(own);
}
END_TEST

START_TEST(narrow_unit_refuses_a_domain_with_mappings_above_it)
{
	struct iommu_domain *domain;
	struct iommu_group *b;

	rig_open(&rig, &wide_and_narrow);
	domain = rig_attach(&rig, RID_A);
	b = rig_group(&rig, RID_B);
	ck_assert_int_eq(iommu_group_claim(b, &rig), 0);
	ck_assert_int_eq(rig_map(domain, UINT64_C(1) << 39, 0x3000000, 0x1000, 3), 0);
	ck_assert_int_eq(iommu_attach_group(domain, b), -EINVAL);
	/* The highest mapping goes, and the way is free. */
	ck_assert_uint_eq(iommu_unmap(domain, UINT64_C(1) << 39, 0x1000), 0x1000);
	ck_assert_int_eq(iommu_attach_group(domain, b), 0);
	rig_audit(&rig);
	rig_detach(&rig, RID_B, domain);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(direct_regions_are_mapped_one_to_one)
{
	static const uint16_t bridge = PCI_RID(4, 0), a = RID_A;
	static const struct drv_vtd_rmrr rmrr[] = {
		{.first = 0x8000000, .last = 0x8002fff, .rids = &bridge, .count = 1},
		{.first = 0x9000000, .last = 0x9000fff, .rids = &a, .count = 1, .relaxable = true},
	};
	struct rig_cfg cfg = one_48;
	struct resv_list list;

	cfg.rmrr = rmrr;
	cfg.rmrr_count = 2;
	rig_open(&rig, &cfg);
	/* Below a scoped bridge counts as in scope. */
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_E, 0x8002000).pa, 0x8002000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_E, 0x8003000).entry, 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x9000000).entry, 0x9000003);
	ck_assert_int_eq(iommu_group_claim(rig_group(&rig, RID_E), &rig), -EINVAL);
	ck_assert_int_eq(iommu_group_reserved(rig_group(&rig, RID_A), &list), 0);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_int_eq(list.region[0].type, RESV_DIRECT_RELAXABLE);
	ck_assert_uint_eq(list.region[1].first, 0xfee00000);
	ck_assert_uint_eq(list.region[1].last, 0xfeefffff);
	ck_assert_int_eq(list.region[1].type, RESV_MSI);
	resv_list_fini(&list);
}
END_TEST

START_TEST(interrupt_remapping_is_one_switch_for_all_units)
{
	struct rig_cfg cfg = mixed_snoop;

	cfg.intremap = _i != 0;
	if (_i == 2)
		cfg.ecap[1] &= ~ECAP_IR;
	rig_open(&rig, &cfg);
	ck_assert(drv_vtd_intremap(rig.drv) == (_i == 1));
	ck_assert(iommu_group_msi_isolated(rig_group(&rig, RID_A)) == (_i == 1));
	ck_assert(iommu_group_msi_isolated(rig_group(&rig, RID_B)) == (_i == 1));
}
END_TEST

/* ---- random maps against one page frame per page ---- */

#define ORACLE_PAGES 4096u
#define ORACLE_BASE  UINT64_C(0x7fc0000000) /* straddles tables of every level */

static pa_t oracle[ORACLE_PAGES];

static void compare_all(struct iommu_domain *domain)
{
	for (unsigned page = 0; page < ORACLE_PAGES; page++) {
		iova_t iova = ORACLE_BASE + page * 4096u;
		struct raw_leaf leaf = raw_walk(&rig, 0, RID_A, iova);
		struct pt_run run = iommu_query(domain, iova, 1);

		rig_assert(!leaf.entry == !oracle[page]);
		rig_assert(run.pages == (oracle[page] != 0));
		if (!oracle[page])
			continue;
		rig_assert(leaf.pa == oracle[page]);
		rig_assert(run.oa == oracle[page]);
		rig_assert(leaf.r && leaf.w);
	}
}

/* An edge of the range lies inside a large leaf. */
static bool cuts_a_leaf(unsigned first, unsigned n)
{
	for (unsigned edge = 0; edge < 2; edge++) {
		unsigned page = edge ? first + n : first;
		struct raw_leaf leaf;

		if (page == ORACLE_PAGES)
			continue;
		leaf = raw_walk(&rig, 0, RID_A, ORACLE_BASE + page * 4096u);
		if (leaf.entry && leaf.level > 1 && page % 512)
			return true;
	}
	return false;
}

static void random_step(struct iommu_domain *domain, struct prng *prng)
{
	unsigned first = (unsigned)prng_below(prng, ORACLE_PAGES);
	unsigned n = 1 + (unsigned)prng_below(prng, ORACLE_PAGES - first);
	iova_t iova = ORACLE_BASE + first * 4096u;
	bool descending = prng_below(prng, 3) == 0;
	pa_t pa = 0x4000000 + (prng_below(prng, 2) ? first * 4096u : prng_below(prng, 512) * 4096);
	struct pt_run run = {.oa = pa, .pages = n, .oa_step = descending ? -4096 : 4096};

	if (cuts_a_leaf(first, n))
		return;
	ck_assert_uint_eq(iommu_unmap(domain, iova, n * 4096u), n * 4096u);
	for (unsigned i = 0; i < n; i++)
		oracle[first + i] = 0;
	if (prng_below(prng, 3) == 0)
		return;
	if (descending)
		run.oa += n * 4096u;
	ck_assert_int_eq(iommu_map(domain, iova, &run, IOMMU_READ | IOMMU_WRITE), 0);
	for (unsigned i = 0; i < n; i++)
		oracle[first + i] = descending ? run.oa - i * 4096u : run.oa + i * 4096u;
}

START_TEST(random_maps_decode_to_the_same_pages)
{
	struct prng prng = {.state = 0x7d + (uint64_t)_i};
	struct iommu_domain *domain;

	printf("seed %#llx\n", (unsigned long long)prng.state);
	rig_open(&rig, &one_48);
	domain = rig_attach(&rig, RID_A);
	for (unsigned page = 0; page < ORACLE_PAGES; page++)
		oracle[page] = 0;
	for (unsigned round = 0; round < 40; round++) {
		random_step(domain, &prng);
		compare_all(domain);
		rig_audit(&rig);
	}
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(map_over_a_live_page_keeps_the_old_one)
{
	struct iommu_domain *domain;

	rig_open(&rig, &one_48);
	domain = rig_attach(&rig, RID_A);
	ck_assert_int_eq(rig_map(domain, 0x2000, 0x5000, 0x1000, 3), 0);
	ck_assert_int_eq(rig_map(domain, 0x1000, 0x9000, 0x3000, 3), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x1000).pa, 0x9000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x2000).pa, 0x5000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x3000).pa, 0xb000);
	/* A large page takes the place of smaller ones. */
	ck_assert_int_eq(rig_map(domain, 0, 0x400000, 0x200000, 3), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x2000).pa, 0x402000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x2000).level, 2);
	/* A small page under it changes nothing. */
	ck_assert_int_eq(rig_map(domain, 0x3000, 0x9000, 0x1000, 3), 0);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x3000).pa, 0x403000);
	rig_audit(&rig);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(unmap_of_the_start_of_a_large_page_takes_all_of_it)
{
	struct iommu_domain *domain;

	rig_open(&rig, &one_48);
	domain = rig_attach(&rig, RID_A);
	ck_assert_int_eq(rig_map(domain, 0x200000, 0x400000, 0x200000, 3), 0);
	ck_assert_uint_eq(iommu_unmap(domain, 0x201000, 0x1000), 0);
	ck_assert_uint_eq(iommu_unmap(domain, 0x200000, 0x1000), 0x200000);
	ck_assert_uint_eq(raw_walk(&rig, 0, RID_A, 0x3ff000).entry, 0);
	/* Nothing there: the length that was asked, as the kernel answers. */
	ck_assert_uint_eq(iommu_unmap(domain, 0x200000, 0x1000), 0x1000);
	ck_assert_uint_eq(iommu_unmap(domain, UINT64_C(1) << 48, 0x1000), 0);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(every_failed_table_page_leaves_the_domain_empty)
{
	struct iommu_domain *domain;
	char why[INJECT_ERROR_LEN];
	char plan[40];
	uint64_t tables;
	iova_t found;
	int rc = -1;

	rig_open(&rig, &one_48);
	domain = rig_attach(&rig, RID_A);
	tables = phys_table_count(rig.iommu.phys);
	for (unsigned nth = 1; rc; nth++) {
		ck_assert_uint_lt(nth, 20);
		snprintf(plan, sizeof(plan), "pt.table:nth=%u", nth);
		ck_assert_int_eq(inject_plan(&rig.iommu.inject, plan, why), 0);
		rc = rig_map(domain, 0x3ff000, 0x5ff000, 0x403000, 3);
		if (!rc)
			break;
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert(!iommu_next(domain, 0, UINT64_MAX, &found));
		ck_assert_uint_eq(phys_table_count(rig.iommu.phys), tables);
		rig_audit(&rig);
	}
	ck_assert_uint_gt(phys_table_count(rig.iommu.phys), tables);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(units_may_go_before_the_core)
{
	struct iommu_domain *domain;

	rig_open(&rig, &one_48);
	domain = rig_attach(&rig, RID_A);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
	rig.units_first = true;
}
END_TEST

START_TEST(probe_of_a_unit_that_does_not_answer_is_enodev)
{
	struct unit_ops dead_ops;
	struct unit dead, *units[2] = {NULL, &dead};
	struct drv_vtd *drv = NULL;
	uint64_t tables;

	rig_open(&rig, &one_48);
	dead = *rig.unit[0];
	dead_ops = *dead.ops;
	dead_ops.mmio_read = dead_read;
	dead.ops = &dead_ops;
	units[0] = &dead;
	tables = phys_table_count(rig.iommu.phys);
	ck_assert_int_eq(drv_vtd_probe(&rig.iommu,
				       &(struct drv_vtd_cfg){.units = units, .unit_count = 1},
				       &drv),
			 -ENODEV);
	ck_assert_ptr_null(drv);
	ck_assert_uint_eq(phys_table_count(rig.iommu.phys), tables);
	/* The devices of the unit that works are still served. */
	ck_assert_ptr_nonnull(rig_group(&rig, RID_A));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drv_vtd_tables");
	TCase *tc = tcase_create("tables");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, probe_turns_translation_on_and_arms_the_fault_event);
	tcase_add_test(tc, default_domain_translates_from_the_start_and_blocking_clears_the_entry);
	tcase_add_test(tc, aliases_of_a_device_behind_a_bridge_get_its_entry);
	tcase_add_test(tc, groups_on_different_domains_have_different_ids);
	tcase_add_test(tc, domain_ids_run_out_with_enospc_and_come_back);
	tcase_add_loop_test(tc, geometry_is_the_units, 0, 2);
	tcase_add_loop_test(tc, map_refuses_what_the_unit_cannot_do, 0, 2);
	tcase_add_test(tc, leaf_bits_follow_protection_and_forced_coherency);
	tcase_add_test(tc, coherency_needs_snoop_control_everywhere);
	tcase_add_loop_test(tc, excess_level_is_dropped_for_a_narrower_unit, 0, 2);
	tcase_add_test(tc, narrow_unit_refuses_a_domain_with_mappings_above_it);
	tcase_add_test(tc, direct_regions_are_mapped_one_to_one);
	tcase_add_loop_test(tc, interrupt_remapping_is_one_switch_for_all_units, 0, 3);
	tcase_add_loop_test(tc, random_maps_decode_to_the_same_pages, 0, 3);
	tcase_add_test(tc, map_over_a_live_page_keeps_the_old_one);
	tcase_add_test(tc, unmap_of_the_start_of_a_large_page_takes_all_of_it);
	tcase_add_test(tc, units_may_go_before_the_core);
	tcase_add_test(tc, probe_of_a_unit_that_does_not_answer_is_enodev);
	tcase_add_test(tc, every_failed_table_page_leaves_the_domain_empty);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
