// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested domains of the VT-d driver: a guest's tables, written by hand into memory that the parent
 * domain maps, and what devices see through both stages. What a read must find follows from the
 * raw guest entries and the test's own list of which memory backs which guest page.
 */
#include <string.h>

#include "drv_user_rig.h"
#include "harness.h"
#include "prng.h"

#define RW          (IOMMU_READ | IOMMU_WRITE)
#define PAGE        UINT64_C(4096)
#define GUEST_PAGES 256u
#define GUEST_FIRST UINT64_C(0x100000) /* guest physical */
#define MEMORY      UINT64_C(0x4000000)
#define ROOT        (GUEST_FIRST + 0 * PAGE) /* of the guest's tables, one page each below */
#define AREA        UINT64_C(0x7f1234400000) /* what the guest's lowest table covers */
#define FREE_PAGE   8u                       /* the first guest page that is no table */
#define GUEST_P     1u
#define GUEST_W     2u
#define GUEST_U     4u
#define FS_ABSENT   0x71
#define SS_NO_READ  0x79

static struct user_rig u;
static struct iommu_domain *parent, *nested;

/* ---- guest memory ---- */

/* Guest pages lie in memory in reverse. */
static pa_t guest_pa(uint64_t gpa)
{
	const uint64_t page = (gpa - GUEST_FIRST) / PAGE;

	rig_assert(page < GUEST_PAGES);
	return MEMORY + (GUEST_PAGES - 1 - page) * PAGE + gpa % PAGE;
}

static void guest_poke(uint64_t gpa, uint64_t value)
{
	rig_assert(phys_write(u.rig.iommu.phys, guest_pa(gpa), &value, sizeof(value)));
}

static uint64_t guest_peek(uint64_t gpa)
{
	return raw_word(&u.rig, guest_pa(gpa));
}

static uint64_t table(unsigned level)
{
	return ROOT + (3 - level) * PAGE;
}

/* The guest maps a page of the area, to what its entry says; 0: not at all. */
static void guest_map(unsigned page, uint64_t entry)
{
	guest_poke(table(0) + page * 8u, entry);
}

static void guest_start(void)
{
	for (unsigned level = 3; level; level--)
		guest_poke(table(level) + (AREA >> (12 + 9 * level) & 511) * 8,
			   table(level - 1) | GUEST_P | GUEST_W | GUEST_U);
	for (unsigned page = FREE_PAGE; page < GUEST_PAGES; page++)
		guest_poke(GUEST_FIRST + page * PAGE, 0xda7a0000u + page);
}

static uint64_t guest_leaf(unsigned to)
{
	return (GUEST_FIRST + to * PAGE) | GUEST_P | GUEST_W | GUEST_U;
}

/* ---- machine ---- */

static struct iommu_domain *nested_domain(struct iommu_hwpt_vtd_s1 stage1)
{
	const struct iommu_user_data data = {
		.type = IOMMU_HWPT_DATA_VTD_S1,
		.len = sizeof(stage1),
		.uptr = (uintptr_t)&stage1,
		.caller = user_caller(),
	};
	struct iommu_domain *domain;

	ck_assert_int_eq(iommu_domain_alloc_nested(user_device(&u, RID_A), parent, 0, &data,
						   &domain),
			 0);
	ck_assert_int_eq(domain->type, IOMMU_DOMAIN_NESTED);
	return domain;
}

static void open_parent(uint64_t cap, uint64_t ecap, bool services, uint32_t flags)
{
	user_open(&u, cap, ecap, services, NULL);
	parent = user_domain(&u, IOMMU_ALLOC_NEST_PARENT | flags);
	for (unsigned page = 0; page < GUEST_PAGES; page++) {
		const uint64_t gpa = GUEST_FIRST + page * PAGE;

		rig_assert(!rig_map(parent, gpa, guest_pa(gpa), PAGE, RW));
	}
	guest_start();
	user_claim(&u, RID_A);
}

static void open_nested(bool services, uint32_t flags)
{
	open_parent(CAP_48, ECAP_ALL, services, flags);
	nested = nested_domain((struct iommu_hwpt_vtd_s1){.pgtbl_addr = ROOT, .addr_width = 48});
	ck_assert_int_eq(iommu_attach_group(nested, rig_group(&u.rig, RID_A)), 0);
}

static void teardown(void)
{
	if (u.rig.iommu.priv) {
		for (struct iommu_device *dev = user_device(&u, RID_A); dev; dev = dev->next) {
			while (dev->group && dev->group->pasid_count)
				iommu_detach_pasid(dev->group->pasids[0].domain, dev,
						   dev->group->pasids[0].pasid);
			if (dev->group && dev->group->owner)
				user_release(&u, dev->pci->rid);
		}
	}
	if (nested)
		iommu_domain_free(nested);
	if (parent)
		iommu_domain_free(parent);
	nested = parent = NULL;
	user_close(&u);
}

static uint32_t reads(uint32_t pasid, unsigned page)
{
	uint32_t word = 0;
	uint8_t reason = user_dma(&u, RID_A, pasid, AREA + page * PAGE, DMA_READ, &word);

	return reason ? reason : word;
}

static int invalidate(struct iommu_hwpt_vtd_s1_invalidate *entries, uint32_t count, uint32_t *done)
{
	struct iommu_user_array array = {
		.type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(*entries),
		.entry_num = count,
		.uptr = (uintptr_t)entries,
		.caller = user_caller(),
	};
	int rc = nested->driver->cache_invalidate_user(nested, &array);

	*done = array.entry_num;
	return rc;
}

static void invalidate_pages(unsigned page, uint64_t count)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = {
		.addr = AREA + page * PAGE,
		.npages = count,
		.flags = IOMMU_VTD_INV_FLAGS_LEAF,
	};
	uint32_t done;

	ck_assert_int_eq(invalidate(&entry, 1, &done), 0);
	ck_assert_uint_eq(done, 1);
}

static void invalidate_all(void)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = {.npages = UINT64_MAX};
	uint32_t done;

	ck_assert_int_eq(invalidate(&entry, 1, &done), 0);
}

/* ---- tests ---- */

START_TEST(a_device_reads_through_both_stages)
{
	open_nested(false, 0);
	guest_map(3, guest_leaf(20));
	ck_assert_uint_eq(reads(0, 3), 0xda7a0014);
	ck_assert_uint_eq(reads(0, 4), FS_ABSENT);
	/* The guest points outside of what the parent maps. */
	guest_map(5, UINT64_C(0x8000000) | GUEST_P | GUEST_W | GUEST_U);
	ck_assert_uint_eq(reads(0, 5), SS_NO_READ);
	/* Marks of the first stage are the unit's to set. */
	ck_assert_uint_eq(guest_peek(table(0) + 3 * 8) & 0x60, 0x20);
	ck_assert_uint_eq(user_dma(&u, RID_A, 0, AREA + 3 * PAGE, DMA_WRITE, &(uint32_t){1}), 0);
	ck_assert_uint_eq(guest_peek(table(0) + 3 * 8) & 0x60, 0x60);
	ck_assert_uint_eq((uint32_t)guest_peek(GUEST_FIRST + 20 * PAGE), 1);
	ck_assert_uint_eq(u.rig.stale, 0);
}
END_TEST

START_TEST(a_change_is_seen_only_after_the_guest_invalidates)
{
	open_nested(_i != 0, 0);
	guest_map(3, guest_leaf(20));
	guest_map(9, guest_leaf(21));
	ck_assert_uint_eq(reads(0, 3), 0xda7a0014);
	ck_assert_uint_eq(reads(0, 9), 0xda7a0015);
	guest_map(3, guest_leaf(30));
	guest_map(9, guest_leaf(31));
	ck_assert_uint_eq(reads(0, 3), 0xda7a0014);
	ck_assert_uint_eq(u.rig.stale, 1);
	/* Another page's invalidation is none of this one's. */
	invalidate_pages(9, 1);
	ck_assert_uint_eq(reads(0, 3), 0xda7a0014);
	ck_assert_uint_eq(reads(0, 9), 0xda7a001f);
	invalidate_pages(3, 1);
	ck_assert_uint_eq(reads(0, 3), 0xda7a001e);
	ck_assert_uint_eq(u.rig.stale, 2);
	guest_map(3, 0);
	invalidate_all();
	ck_assert_uint_eq(reads(0, 3), FS_ABSENT);
	ck_assert_uint_eq(u.rig.stale, 2);
}
END_TEST

START_TEST(an_invalidation_that_the_driver_forgets_shows)
{
	char why[INJECT_ERROR_LEN];

	open_nested(false, 0);
	guest_map(3, guest_leaf(20));
	ck_assert_uint_eq(reads(0, 3), 0xda7a0014);
	guest_map(3, guest_leaf(30));
	ck_assert_int_eq(inject_plan(&u.rig.iommu.inject, "drv.skip-iotlb:nth=1", why), 0);
	invalidate_pages(3, 1);
	ck_assert_uint_eq(reads(0, 3), 0xda7a0014);
	ck_assert_uint_eq(u.rig.stale, 1);
	invalidate_pages(3, 1);
	ck_assert_uint_eq(reads(0, 3), 0xda7a001e);
}
END_TEST

START_TEST(what_the_device_itself_remembers_goes_too)
{
	const struct dma_req req = {.iova = AREA + 3 * PAGE, .len = 4, .kind = DMA_READ};
	uint32_t word = 0;

	open_nested(true, 0);
	guest_map(3, guest_leaf(20));
	ck_assert_int_eq(ats_access(u.ats_a, &req, &word).outcome, ATS_OK);
	ck_assert_uint_eq(word, 0xda7a0014);
	ck_assert_uint_eq(ats_count(u.ats_a), 1);
	guest_map(3, guest_leaf(30));
	invalidate_pages(3, 1);
	ck_assert_uint_eq(ats_count(u.ats_a), 0);
	ck_assert_int_eq(ats_access(u.ats_a, &req, &word).outcome, ATS_OK);
	ck_assert_uint_eq(word, 0xda7a001e);
	/* And when the host takes the memory away, by any address. */
	iommu_unmap(parent, GUEST_FIRST + 40 * PAGE, PAGE);
	ck_assert_uint_eq(ats_count(u.ats_a), 0);
	ck_assert_uint_eq(u.rig.stale, 0);
}
END_TEST

START_TEST(the_hosts_unmap_reaches_what_is_nested)
{
	open_nested(false, 0);
	guest_map(3, guest_leaf(20));
	ck_assert_uint_eq(reads(0, 3), 0xda7a0014);
	ck_assert_uint_eq(iommu_unmap(parent, GUEST_FIRST + 20 * PAGE, PAGE), PAGE);
	ck_assert_uint_eq(reads(0, 3), SS_NO_READ);
	ck_assert_int_eq(rig_map(parent, GUEST_FIRST + 20 * PAGE, guest_pa(GUEST_FIRST + 50 * PAGE),
				 PAGE, RW),
			 0);
	ck_assert_uint_eq(reads(0, 3), 0xda7a0032);
	ck_assert_uint_eq(u.rig.stale, 0);
}
END_TEST

static unsigned dirty_pages;

static void count_dirty(void *ctx, iova_t iova, uint64_t len)
{
	(void)ctx, (void)len;
	dirty_pages += iova == GUEST_FIRST + 20 * PAGE;
}

START_TEST(writes_through_both_stages_are_dirty_in_the_parent)
{
	open_nested(false, IOMMU_ALLOC_DIRTY_TRACKING);
	guest_map(3, guest_leaf(20));
	/* Cached as writable before anyone tracks. */
	ck_assert_uint_eq(user_dma(&u, RID_A, 0, AREA + 3 * PAGE, DMA_WRITE, &(uint32_t){1}), 0);
	ck_assert_int_eq(iommu_set_dirty_tracking(parent, true), 0);
	dirty_pages = 0;
	for (unsigned i = 1; i < 4; i++) {
		ck_assert_uint_eq(user_dma(&u, RID_A, 0, AREA + 3 * PAGE, DMA_WRITE,
					   &(uint32_t){i}),
				  0);
		ck_assert_int_eq(iommu_read_dirty(parent, GUEST_FIRST, GUEST_PAGES * PAGE, true,
						  count_dirty, NULL),
				 0);
		ck_assert_uint_eq(dirty_pages, i);
	}
	ck_assert_uint_eq(u.rig.stale, 0);
}
END_TEST

START_TEST(nested_domains_serve_pasids_of_their_own)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = {.addr = AREA + 3 * PAGE, .npages = 1};
	uint32_t done;

	open_nested(false, 0);
	iommu_detach_group(nested, rig_group(&u.rig, RID_A));
	ck_assert_int_eq(iommu_attach_pasid(nested, user_device(&u, RID_A), 70000), 0);
	guest_map(3, guest_leaf(20));
	ck_assert_uint_eq(reads(70000, 3), 0xda7a0014);
	guest_map(3, guest_leaf(30));
	ck_assert_uint_eq(reads(70000, 3), 0xda7a0014);
	ck_assert_uint_eq(u.rig.stale, 1);
	ck_assert_int_eq(invalidate(&entry, 1, &done), 0);
	ck_assert_uint_eq(reads(70000, 3), 0xda7a001e);
	ck_assert_uint_eq(u.rig.stale, 1);
}
END_TEST

START_TEST(replacement_by_the_parent_and_back_keeps_nothing_of_the_other)
{
	struct iommu_group *group;
	uint32_t word = 0;

	open_nested(false, 0);
	group = rig_group(&u.rig, RID_A);
	guest_map(3, guest_leaf(20));
	ck_assert_uint_eq(reads(0, 3), 0xda7a0014);
	ck_assert_int_eq(iommu_replace_group(parent, group), 0);
	ck_assert_uint_eq(user_dma(&u, RID_A, 0, GUEST_FIRST + 20 * PAGE, DMA_READ, &word), 0);
	ck_assert_uint_eq(word, 0xda7a0014);
	guest_map(3, guest_leaf(30));
	ck_assert_int_eq(iommu_replace_group(nested, group), 0);
	ck_assert_uint_eq(reads(0, 3), 0xda7a001e);
	ck_assert_uint_eq(u.rig.stale, 0);
}
END_TEST

START_TEST(bad_invalidations_stop_where_they_stand)
{
	struct iommu_hwpt_vtd_s1_invalidate entries[4] = {{.addr = AREA, .npages = 1},
							  {.addr = AREA, .npages = 0},
							  {.npages = UINT64_MAX}};
	struct iommu_user_array array = {
		.type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = 24,
		.entry_num = 1,
		.caller = user_caller(),
	};
	static const struct {
		struct iommu_hwpt_vtd_s1_invalidate entry;
		int rc;
	} bad[] = {
		{{.addr = AREA, .npages = 1, .flags = 2}, -EOPNOTSUPP},
		{{.addr = AREA, .npages = 1, .__reserved = 1}, -EOPNOTSUPP},
		{{.addr = AREA + 1, .npages = 1}, -EINVAL},
		{{.addr = AREA, .npages = UINT64_MAX}, -EINVAL},
	};
	uint32_t done;

	open_nested(false, 0);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(bad); i++) {
		entries[3] = bad[i].entry;
		ck_assert_int_eq(invalidate(entries, 4, &done), bad[i].rc);
		ck_assert_uint_eq(done, 3);
	}
	/* Beyond the end of all addresses. */
	entries[0] = (struct iommu_hwpt_vtd_s1_invalidate){.addr = -PAGE, .npages = 1000};
	ck_assert_int_eq(invalidate(entries, 1, &done), 0);
	array.uptr = 8;
	ck_assert_int_eq(nested->driver->cache_invalidate_user(nested, &array), -EFAULT);
	ck_assert_uint_eq(array.entry_num, 0);
	for (unsigned len = 23; len <= 25; len += 2) {
		array.uptr = (uintptr_t)entries;
		array.entry_num = 1;
		array.entry_len = len;
		ck_assert_int_eq(nested->driver->cache_invalidate_user(nested, &array), -EINVAL);
		ck_assert_uint_eq(array.entry_num, 0);
	}
	/* The type alone is asked for. */
	array.entry_num = 0;
	array.type = 1;
	ck_assert_int_eq(nested->driver->cache_invalidate_user(nested, &array), -EINVAL);
	array.type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1;
	ck_assert_int_eq(nested->driver->cache_invalidate_user(nested, &array), 0);
}
END_TEST

START_TEST(data_is_judged_when_the_domain_is_made)
{
	struct iommu_hwpt_vtd_s1 stage1[2] = {{.pgtbl_addr = ROOT, .addr_width = 48}};
	struct iommu_user_data data = {
		.type = IOMMU_HWPT_DATA_VTD_S1,
		.len = 24,
		.uptr = (uintptr_t)stage1,
		.caller = user_caller(),
	};
	struct iommu_domain *plain, *domain;
	struct iommu_device *dev;

	open_parent(CAP_48, ECAP_ALL, false, 0);
	dev = user_device(&u, RID_A);
	plain = user_domain(&u, 0);
	ck_assert_int_eq(iommu_domain_alloc_nested(dev, plain, 0, &data, &domain), -EINVAL);
	iommu_domain_free(plain);
	ck_assert_int_eq(iommu_domain_alloc_nested(dev, parent, 1, &data, &domain), -EOPNOTSUPP);
	ck_assert_int_eq(iommu_domain_alloc_nested(dev, parent, 0, NULL, &domain), -EOPNOTSUPP);
	data.len = 23;
	ck_assert_int_eq(iommu_domain_alloc_nested(dev, parent, 0, &data, &domain), -EINVAL);
	data.len = 25;
	ck_assert_int_eq(iommu_domain_alloc_nested(dev, parent, 0, &data, &domain), -EINVAL);
	data.len = 24;
	data.uptr = 16;
	ck_assert_int_eq(iommu_domain_alloc_nested(dev, parent, 0, &data, &domain), -EFAULT);
	data.uptr = UINT64_MAX - 8;
	ck_assert_int_eq(iommu_domain_alloc_nested(dev, parent, 0, &data, &domain), -EFAULT);
	data.uptr = (uintptr_t)stage1;
	data.type = IOMMU_HWPT_DATA_ARM_SMMUV3;
	ck_assert_int_eq(iommu_domain_alloc_nested(dev, parent, 0, &data, &domain), -EOPNOTSUPP);
	/* What the parent maps must be writable. */
	ck_assert_int_eq(rig_map(parent, 0x40000000, MEMORY, PAGE, IOMMU_READ), -EINVAL);
}
END_TEST

START_TEST(tables_are_judged_by_the_unit_at_attach)
{
	static const struct {
		uint64_t cap, ecap;
		struct iommu_hwpt_vtd_s1 stage1;
		int rc;
	} cases[] = {
		{0, 0, {.addr_width = 48}, 0},
		{0, 0, {.addr_width = 47}, -EINVAL},
		{0, 0, {.addr_width = 0}, -EINVAL},
		{0, 0, {.addr_width = 57}, -EINVAL},
		{CAP_FL5LP, 0, {.addr_width = 57}, 0},
		{0, 0, {.addr_width = 48, .flags = IOMMU_VTD_S1_SRE}, -EINVAL},
		{0, ECAP_SRS, {.addr_width = 48, .flags = IOMMU_VTD_S1_SRE}, 0},
		{0, 0, {.addr_width = 48, .flags = IOMMU_VTD_S1_EAFE}, -EINVAL},
		{0, ECAP_EAFS, {.addr_width = 48, .flags = IOMMU_VTD_S1_EAFE}, 0},
		{0, 0, {.addr_width = 48, .flags = IOMMU_VTD_S1_WPE}, 0},
	};
	struct iommu_group *group;

	open_parent(CAP_48 | cases[_i].cap, ECAP_STAGES | ECAP_NEST | cases[_i].ecap, false, 0);
	nested = nested_domain(cases[_i].stage1);
	group = rig_group(&u.rig, RID_A);
	ck_assert_int_eq(iommu_attach_group(parent, group), 0);
	ck_assert_int_eq(iommu_replace_group(nested, group), cases[_i].rc);
	ck_assert_ptr_eq(group->domain, cases[_i].rc ? parent : nested);
	rig_audit(&u.rig);
}
END_TEST

START_TEST(five_levels_of_the_guest_are_walked)
{
	open_parent(CAP_48 | CAP_FL5LP, ECAP_ALL, false, 0);
	/* A table above the four. */
	guest_poke(GUEST_FIRST + 6 * PAGE, table(3) | GUEST_P | GUEST_W | GUEST_U);
	nested = nested_domain(
		(struct iommu_hwpt_vtd_s1){.pgtbl_addr = GUEST_FIRST + 6 * PAGE, .addr_width = 57});
	ck_assert_int_eq(iommu_attach_group(nested, rig_group(&u.rig, RID_A)), 0);
	guest_map(7, guest_leaf(99));
	ck_assert_uint_eq(reads(0, 7), 0xda7a0063);
}
END_TEST

START_TEST(units_without_nesting_have_no_parents)
{
	struct iommu_domain *domain;

	user_open(&u, CAP_48, ECAP_ALL & ~ECAP_NEST, false, NULL);
	ck_assert_int_eq(iommu_domain_alloc_user(user_device(&u, RID_A), IOMMU_ALLOC_NEST_PARENT,
						 NULL, &domain),
			 -EOPNOTSUPP);
	domain = user_domain(&u, 0);
	ck_assert_int_eq(iommu_domain_alloc_nested(user_device(&u, RID_A), domain, 0,
						   &(struct iommu_user_data){0}, &domain),
			 -EOPNOTSUPP);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(random_changes_that_are_invalidated_are_always_seen)
{
	const uint64_t seed = 0x7e57 + (uint64_t)_i;
	struct prng rng = {.state = seed};
	unsigned to[64] = {0}; /* guest page behind each page of the area; 0: none */

	open_nested(false, 0);
	for (unsigned step = 0; step < 600; step++) {
		const unsigned first = (unsigned)prng_below(&rng, 64);
		const unsigned count = 1 + (unsigned)prng_below(&rng, 64 - first);

		if (prng_below(&rng, 4) == 0) {
			for (unsigned i = first; i < first + count; i++) {
				to[i] = prng_below(&rng, 3)
						? FREE_PAGE + (unsigned)prng_below(&rng, 100)
						: 0;
				guest_map(i, to[i] ? guest_leaf(to[i]) : 0);
			}
			invalidate_pages(first, count);
		}
		for (unsigned i = 0; i < 4; i++) {
			const unsigned page = (unsigned)prng_below(&rng, 64);
			const uint32_t want = to[page] ? 0xda7a0000u + to[page] : FS_ABSENT;

			if (reads(0, page) != want)
				ck_abort_msg("seed %ju step %u page %u: not %x", (uintmax_t)seed,
					     step, page, want);
		}
	}
	ck_assert_uint_eq(u.rig.stale, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nested domains");
	TCase *tc = tcase_create("vtd");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, a_device_reads_through_both_stages);
	tcase_add_loop_test(tc, a_change_is_seen_only_after_the_guest_invalidates, 0, 2);
	tcase_add_test(tc, an_invalidation_that_the_driver_forgets_shows);
	tcase_add_test(tc, what_the_device_itself_remembers_goes_too);
	tcase_add_test(tc, the_hosts_unmap_reaches_what_is_nested);
	tcase_add_test(tc, writes_through_both_stages_are_dirty_in_the_parent);
	tcase_add_test(tc, nested_domains_serve_pasids_of_their_own);
	tcase_add_test(tc, replacement_by_the_parent_and_back_keeps_nothing_of_the_other);
	tcase_add_test(tc, bad_invalidations_stop_where_they_stand);
	tcase_add_test(tc, data_is_judged_when_the_domain_is_made);
	tcase_add_loop_test(tc, tables_are_judged_by_the_unit_at_attach, 0, 10);
	tcase_add_test(tc, five_levels_of_the_guest_are_walked);
	tcase_add_test(tc, units_without_nesting_have_no_parents);
	tcase_add_loop_test(tc, random_changes_that_are_invalidated_are_always_seen, 0, 4);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
