// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs can ask of the AMD-Vi driver: which domains there are, v2 tables for those that are
 * to serve PASIDs, virtual IOMMUs. Entries are taken apart by hand, and compared with what a device
 * sees.
 */
#include "drv_amdvi_rig.h"
#include "harness.h"
#include "prng.h"

static struct rig rig;

#define RW      (IOMMU_READ | IOMMU_WRITE)
#define PAGE    UINT64_C(4096)
#define MIB     (256 * PAGE)
#define IOVA    UINT64_C(0x40000000)
#define MEMORY  UINT64_C(0x2000000)
#define ADDRESS UINT64_C(0xffffffffff000)

#define EFR_GIO  SIO_BIT(48)
#define EFR_HAHD (SIO_BIT(49) | SIO_BIT(52))
/* PASIDs of 16 bits. */
#define EFR_PASIDS (EFR | EFR_GIO | EFR_HAHD | UINT64_C(15) << 32)

static struct personality kernel;

static void open_unit(uint64_t efr, uint64_t efr2)
{
	const struct unit_env env = {.ctx = &rig, .msi = rig_msi, .stale = rig_stale};
	const struct amdvi_cfg unit = {
		.name = "ivhd0", .efr = efr, .efr2 = efr2, .capability = CAPABILITY, .devid = 2};
	const struct rig_cfg cfg = {.units = 1};

	rig_start(&rig);
	rig.remove = rig_remove_amdvi;
	rig.unit[0] = amdvi_create(&unit, rig.iommu.phys, rig.iommu.fabric, &env);
	ck_assert_ptr_nonnull(rig.unit[0]);
	rig_routes(&rig);
	topology_find(&rig.topo, 0, RID_A)->pasid_bits = 20;
	rig_probe(&rig, &cfg);
	rig.unit[0]->ops->set_strict(rig.unit[0], true);
}

static void teardown(void)
{
	ck_assert_uint_eq(rig.stale, 0);
	rig_close(&rig);
}

static struct iommu_device *device(uint16_t rid)
{
	return iommu_device_find(&rig.iommu, 0, rid);
}

static struct iommu_domain *attach_new(uint32_t flags)
{
	struct iommu_group *group = rig_group(&rig, RID_A);
	struct iommu_domain *domain;

	ck_assert_int_eq(iommu_domain_alloc_user(device(RID_A), flags, NULL, &domain), 0);
	if (!group->owner)
		ck_assert_int_eq(iommu_group_claim(group, &rig), 0);
	ck_assert_int_eq(iommu_replace_group(domain, group), 0);
	return domain;
}

static uint8_t reads(iova_t iova, uint32_t *word)
{
	return rig_dma(&rig, RID_A, iova, DMA_READ, word);
}

/* The v2 leaf of an address by hand, 0: none. */
static uint64_t guest_leaf(iova_t iova, unsigned *shift)
{
	const struct raw_dte dte = raw_dte(&rig, 0, RID_A);
	const uint64_t gcr3 = (dte.word[0] >> 58 & 7) << 12 | (dte.word[1] >> 16 & 0xffff) << 15 |
			      (dte.word[1] >> 43) << 31;
	uint64_t entry = raw_word(&rig, gcr3);

	/* Valid, translated, readable and writable, guest tables for all, one level; no v1 mode. */
	raw_must((dte.word[0] & ~(UINT64_C(7) << 58)) ==
		 (UINT64_C(0x6000000000000003) | SIO_BIT(54) | SIO_BIT(55)));
	raw_must((dte.word[2] >> 54 & 3) == 0);
	raw_must((entry & ~ADDRESS) == 1);
	for (*shift = 39;; *shift -= 9) {
		entry = raw_word(&rig, (entry & ADDRESS) + (iova >> *shift & 511) * 8);
		if (!(entry & 1) || *shift == 12 || entry & 0x80)
			return entry & 1 ? entry : 0;
	}
}

START_TEST(domains_are_made_as_the_unit_and_the_kernel_can)
{
	static const struct {
		uint64_t efr, efr2;
		const char *kernel;
		uint32_t flags;
		int rc;
	} cases[] = {
		{EFR, 0, "7.2", 0, 0},
		{EFR, 0, "7.2", IOMMU_ALLOC_PASID, -EOPNOTSUPP},
		{EFR, 0, "7.2", IOMMU_ALLOC_NEST_PARENT, -EOPNOTSUPP},
		{EFR, 0, "7.2", IOMMU_ALLOC_DIRTY_TRACKING, -EOPNOTSUPP},
		{EFR, 0, "7.2", IOMMU_ALLOC_FAULT, -EOPNOTSUPP},
		{EFR_PASIDS, 8, "7.2", IOMMU_ALLOC_PASID, 0},
		{EFR_PASIDS, 8, "7.2", IOMMU_ALLOC_PASID | IOMMU_ALLOC_DIRTY_TRACKING, -EOPNOTSUPP},
		{EFR_PASIDS, 8, "7.2", IOMMU_ALLOC_DIRTY_TRACKING, 0},
		{EFR_PASIDS, 8, "7.2", IOMMU_ALLOC_NEST_PARENT, -EOPNOTSUPP},
		{EFR_PASIDS, 8, "7.2,amd_iommufd", IOMMU_ALLOC_NEST_PARENT, 0},
		{EFR_PASIDS, 0, "7.2,amd_iommufd", IOMMU_ALLOC_NEST_PARENT, -EOPNOTSUPP},
		{EFR_PASIDS, 8, "7.2,amd_iommufd",
		 IOMMU_ALLOC_NEST_PARENT | IOMMU_ALLOC_DIRTY_TRACKING, 0},
	};
	struct iommu_domain *domain = NULL;

	open_unit(cases[_i].efr, cases[_i].efr2);
	ck_assert(personality_parse(cases[_i].kernel, &kernel, NULL, 0));
	rig.iommu.personality = &kernel;
	ck_assert_int_eq(iommu_domain_alloc_user(device(RID_A), cases[_i].flags, NULL, &domain),
			 cases[_i].rc);
	if (domain) {
		ck_assert_int_eq(domain->nest_parent, (cases[_i].flags & 1) != 0);
		ck_assert_int_eq(domain->dirty_ops, (cases[_i].flags & 2) != 0);
		iommu_domain_free(domain);
	}
	/* A unit that has PASIDs, and a function that has more of them. */
	ck_assert_uint_eq(device(RID_A)->max_pasids, cases[_i].efr == EFR ? 0 : 1u << 16);
	ck_assert_uint_eq(device(RID_B)->max_pasids, 0);
}
END_TEST
#define CASES 12

START_TEST(a_domain_for_pasids_has_v2_tables)
{
	struct iommu_domain *domain;
	uint32_t word = 0x600d;
	unsigned shift;

	open_unit(EFR_PASIDS, 0);
	domain = attach_new(IOMMU_ALLOC_PASID);
	ck_assert_uint_eq(domain->pgsize_bitmap, 0x40201000);
	ck_assert_uint_eq(domain->aperture_first, 0);
	ck_assert_uint_eq(domain->aperture_last, UINT64_C(0x7fffffffffff));
	ck_assert_int_eq(rig_map(domain, IOVA, MEMORY, 4 * MIB, RW), 0);
	ck_assert_int_eq(rig_map(domain, IOVA + 4 * MIB, MEMORY, PAGE, IOMMU_READ), 0);
	/* Present, writable, user, accessed, dirty, large; execution is not forbidden. */
	ck_assert_uint_eq(guest_leaf(IOVA + MIB, &shift), MEMORY | 0xe7);
	ck_assert_uint_eq(shift, 21);
	ck_assert_uint_eq(guest_leaf(IOVA + 4 * MIB, &shift) & ~UINT64_C(0x40), MEMORY | 0x25);
	ck_assert_uint_eq(shift, 12);
	ck_assert_uint_eq(rig_dma(&rig, RID_A, IOVA + MIB, DMA_WRITE, &word), 0);
	ck_assert_uint_eq((uint32_t)raw_word(&rig, MEMORY + MIB), 0x600d);
	ck_assert_uint_eq(rig_dma(&rig, RID_A, IOVA + 4 * MIB, DMA_WRITE, &word), 2);
	ck_assert_int_eq(rig_map(domain, UINT64_C(0x800000000000), MEMORY, PAGE, RW), -EINVAL);
	ck_assert_uint_eq(iommu_unmap(domain, IOVA, 4 * MIB), 4 * MIB);
	ck_assert_uint_eq(reads(IOVA + MIB, &word), 2);
	/* It serves no PASID besides: the driver has no such operation. */
	ck_assert_int_eq(iommu_attach_pasid(domain, device(RID_A), 1), -EOPNOTSUPP);
	rig_audit(&rig);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(replacement_between_the_formats_leaves_nothing_behind)
{
	struct iommu_group *group;
	struct iommu_domain *domain[2];
	uint32_t word;

	open_unit(EFR_PASIDS, 0);
	group = rig_group(&rig, RID_A);
	domain[0] = attach_new(0);
	domain[1] = attach_new(IOMMU_ALLOC_PASID);
	for (uint32_t i = 0; i < 2; i++) {
		word = i + 1;
		ck_assert(phys_write(rig.iommu.phys, MEMORY + i * PAGE, &word, sizeof(word)));
		ck_assert_int_eq(rig_map(domain[i], IOVA, MEMORY + i * PAGE, PAGE, RW), 0);
	}
	for (unsigned round = 0; round < 4; round++) {
		ck_assert_int_eq(iommu_replace_group(domain[round % 2], group), 0);
		ck_assert_uint_eq(reads(IOVA, &word), 0);
		ck_assert_uint_eq(word, round % 2 + 1);
		rig_audit(&rig);
	}
	rig_detach(&rig, RID_A, domain[1]);
	ck_assert_uint_eq(reads(IOVA, &word), 2);
	for (unsigned i = 0; i < 2; i++)
		iommu_domain_free(domain[i]);
}
END_TEST

START_TEST(random_maps_and_unmaps_of_v2_tables_agree_with_a_list)
{
	const uint64_t seed = 0xa2 + (uint64_t)_i;
	struct prng rng = {.state = seed};
	uint64_t to[64] = {0}; /* memory behind each page, 0: none */
	struct iommu_domain *domain;
	uint32_t word;

	open_unit(EFR_PASIDS, 0);
	domain = attach_new(IOMMU_ALLOC_PASID);
	for (unsigned step = 0; step < 1500; step++) {
		const unsigned page = (unsigned)prng_below(&rng, 64);
		const unsigned count = 1 + (unsigned)prng_below(&rng, 64 - page);
		const pa_t pa = MEMORY + prng_below(&rng, 256) * PAGE;
		bool empty = true, present;

		for (unsigned i = page; i < page + count; i++)
			empty &= !to[i];
		if (empty) {
			ck_assert_int_eq(rig_map(domain, IOVA + page * PAGE, pa, count * PAGE, RW),
					 0);
			for (unsigned i = 0; i < count; i++)
				to[page + i] = pa + i * PAGE;
		} else if (prng_below(&rng, 2)) {
			iommu_unmap(domain, IOVA + page * PAGE, PAGE);
			to[page] = 0;
		}
		word = step;
		present = !rig_dma(&rig, RID_A, IOVA + page * PAGE, DMA_WRITE, &word);
		if (present != (to[page] != 0) ||
		    (present && (uint32_t)raw_word(&rig, to[page]) != step))
			ck_abort_msg("seed %ju step %u page %u", (uintmax_t)seed, step, page);
	}
	iommu_unmap(domain, IOVA, 64 * PAGE);
	rig_detach(&rig, RID_A, domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(virtual_iommus_of_any_type_are_plain_where_they_are_built)
{
	struct iommu_viommu viommu = {.type = 0x1234};

	open_unit(EFR_PASIDS, 8);
	ck_assert_int_eq(iommu_driver_amdvi.viommu_probe(device(RID_A), 0x1234, &viommu),
			 -EOPNOTSUPP);
	ck_assert(personality_parse("7.2,amd_iommufd", &kernel, NULL, 0));
	rig.iommu.personality = &kernel;
	ck_assert_int_eq(iommu_driver_amdvi.viommu_probe(device(RID_A), 0x1234, &viommu), 0);
	ck_assert_int_eq(viommu.ops->init(&viommu, device(RID_A), NULL), 0);
	ck_assert_ptr_null(viommu.ops->domain_alloc_nested);
	ck_assert_ptr_null(viommu.ops->hw_queue_type);
	viommu.ops->destroy(&viommu);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("AMD-Vi for programs");
	TCase *tc = tcase_create("driver");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, domains_are_made_as_the_unit_and_the_kernel_can, 0, CASES);
	tcase_add_test(tc, a_domain_for_pasids_has_v2_tables);
	tcase_add_test(tc, replacement_between_the_formats_leaves_nothing_behind);
	tcase_add_loop_test(tc, random_maps_and_unmaps_of_v2_tables_agree_with_a_list, 0, 4);
	tcase_add_test(tc, virtual_iommus_of_any_type_are_plain_where_they_are_built);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
