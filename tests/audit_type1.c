// SPDX-License-Identifier: GPL-2.0-only
/* What the audits of a type1 container must refuse, fact by fact. */
#include "audit_break.h"
#include "type1_fake.h"

#define IOVA  UINT64_C(0x200000)
#define ABOVE UINT64_C(0x100000000) /* beyond the MSI window */
#define PAGES 8u

static struct fake fake;

static const char *audit_now(void)
{
	const char *what = t1_audit(fake.t1, true);

	return what ? what : t1_audit_pins(&fake.t1, 1, fake.phys);
}

/* Two domains, of units of two kinds, and two mappings of eight pages. */
static void setup(void)
{
	fake_setup(&fake);
	fake.units[1].driver = &fake_driver[1];
	fake_boot(&fake);
	fake_open(&fake, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	ck_assert_uint_eq(fake.t1->domain_count, 2);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_WHOLE), IOVA, PAGES * SIO_PAGE_SIZE,
				  FAKE_RW),
			 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_WHOLE) + SIO_BIT(20), 2 * IOVA,
				  PAGES * SIO_PAGE_SIZE, FAKE_RW),
			 0);
	audit_holds();
}

static void teardown(void)
{
	fake_teardown(&fake);
}

static struct t1_dma *lowest(void)
{
	return t1_find(fake.t1, IOVA, SIO_PAGE_SIZE);
}

START_TEST(a_mapping_that_is_wrong_is_found)
{
	struct t1_dma *dma = lowest();

	AUDIT_FINDS(dma->size, dma->size + 1, "a mapping is empty or not page aligned");
	AUDIT_FINDS(dma->size, 0, "a mapping is empty or not page aligned");
	AUDIT_FINDS(dma->iova, dma->iova + 1, "a mapping is empty or not page aligned");
	AUDIT_FINDS(dma->owner, NULL, "a mapping has no owner");
	AUDIT_FINDS(dma->owner->mappings, 0, "a mapping has no owner");
	AUDIT_FINDS(dma->size, 2 * IOVA, "two mappings overlap");
	AUDIT_FINDS(dma->locked_pages, PAGES - 1,
		    "a mapping is charged for another number of pages than it holds");
	dma->prot = 0;
	audit_says("a mapping allows no access");
	dma->prot = IOMMU_READ;
	audit_says("a translation has another permission than its mapping");
	dma->prot = IOMMU_READ | IOMMU_WRITE;
	AUDIT_FINDS_BIT(dma->iommu_mapped, "a domain translates an address that no mapping covers");
	AUDIT_FINDS_BIT(fake.t1->dirty_tracking,
			"a mapping has a bitmap exactly when dirty tracking is on: this one "
			"differs");
}
END_TEST

START_TEST(a_counter_that_is_wrong_is_found)
{
	struct type1 *t1 = fake.t1;

	AUDIT_FINDS(t1->mapping_count, 3, "the number of mappings is not what the index holds");
	AUDIT_FINDS(t1->dma_avail, t1->dma_avail - 1,
		    "mappings in use and available do not add up to the limit");
	AUDIT_FINDS(t1->invalid_count, 1, "the count of invalidated mappings is wrong");
	AUDIT_FINDS_BIT(lowest()->vaddr_invalid, "the count of invalidated mappings is wrong");
	AUDIT_FINDS(t1->untracked_groups, 1, "the count of groups that cannot track is wrong");
	AUDIT_FINDS(t1->pgsize_bitmap, SIO_BIT(21),
		    "the smallest page is not the smallest that all domains have");
}
END_TEST

START_TEST(a_usable_range_that_is_wrong_is_found)
{
	struct iova_list *list = &fake.t1->iova;
	struct resv_region *window = &fake.units[1].resv[0];

	ck_assert_uint_eq(list->count, 2);
	AUDIT_FINDS(list->range[0].last, IOVA, "a mapping lies outside the usable IOVA ranges");
	AUDIT_FINDS(list->range[1].last, list->range[1].first - 1,
		    "a usable IOVA range is backwards");
	AUDIT_FINDS(list->range[1].first, list->range[0].last,
		    "usable IOVA ranges are not in order");
	AUDIT_FINDS(list->range[1].last, SIO_MASK(39, 0),
		    "a usable IOVA range lies outside an aperture");
	AUDIT_FINDS(fake.t1->domain[1]->domain->aperture_first, 1,
		    "a usable IOVA range lies outside an aperture");
	AUDIT_FINDS(window->first, UINT64_C(0xfedfffff),
		    "a reserved region lies in the usable IOVA ranges");
	AUDIT_FINDS(window->last, ABOVE, "a reserved region lies in the usable IOVA ranges");
}
END_TEST

START_TEST(no_usable_range_beside_a_domain_is_found)
{
	ck_assert_int_eq(fake_unmap(&fake, 0, SIO_BIT(32), 0), 2 * PAGES * SIO_PAGE_SIZE);
	AUDIT_FINDS(fake.t1->iova.count, 0, "a domain, but no usable IOVA range");
}
END_TEST

START_TEST(a_domain_that_is_wrong_is_found)
{
	struct t1_domain *domain = fake.t1->domain[0];

	AUDIT_FINDS(domain->group_count, 0, "a domain has no group");
	AUDIT_FINDS(domain->group[0]->domain, fake.t1->domain[1]->domain,
		    "a group is not attached to the domain that lists it");
}
END_TEST

START_TEST(a_translation_that_is_wrong_is_found)
{
	const struct iommu_domain *first = fake.t1->domain[0]->domain;
	const struct iommu_domain *second = fake.t1->domain[1]->domain;
	const iova_t page = IOVA + 3 * SIO_PAGE_SIZE;
	const pa_t strange = fake_leaf(first, page)->pa + SIO_BIT(28);

	AUDIT_FINDS(fake_leaf(first, page)->perm, 0, "a mapped page is not translated");
	AUDIT_FINDS(fake_leaf(first, page)->perm, PT_R,
		    "a translation has another permission than its mapping");
	AUDIT_FINDS(fake_leaf(first, page)->pa, strange, "a mapped page is not pinned");
	AUDIT_FINDS(fake_leaf(first, IOVA - SIO_PAGE_SIZE)->perm, PT_R,
		    "a domain translates an address that no mapping covers");
	AUDIT_FINDS(fake_leaf(second, FAKE_TOP_IOVA)->perm, PT_R,
		    "a domain translates an address that no mapping covers");
	AUDIT_FINDS(fake_leaf(second, page)->perm, 0,
		    "a mapped page is not translated in every domain");
	AUDIT_FINDS(fake_leaf(second, page)->perm, PT_W,
		    "a translation has another permission than its mapping");
	AUDIT_FINDS(fake_leaf(second, page)->pa, strange,
		    "two domains translate a page differently");
	AUDIT_FINDS(fake_leaf(second, IOVA)->pa, strange,
		    "two domains translate a page differently");
}
END_TEST

START_TEST(a_pin_too_many_or_too_few_is_found)
{
	struct phys *phys = fake.phys;
	const uint64_t held = fake_leaf(fake.t1->domain[0]->domain, IOVA)->pa >> SIO_PAGE_LG2;
	uint64_t strange;

	ck_assert_uint_eq(phys_frames_alloc(phys, 1, 0, &strange), 1);
	phys_frames_pin(phys, strange, 1);
	audit_says("a frame is pinned that no mapping holds");
	phys_frames_unpin(phys, strange, 1);
	phys_frames_put(phys, strange, 1);
	audit_holds();
	phys_frames_pin(phys, held + 1, 1);
	audit_says("a frame has another pin count than mappings that hold it");
	phys_frames_unpin(phys, held + 1, 1);
	audit_holds();
	/* A quick audit looks at the first run of a mapping. */
	phys_frames_unpin(phys, held, 1);
	audit_says("a mapped page is not pinned");
	ck_assert_str_eq(t1_audit(fake.t1, false), "a mapped page is not pinned");
	phys_frames_pin(phys, held, 1);
	phys_frames_unpin(phys, held + 1, 1);
	audit_says("a mapped page is not pinned");
	phys_frames_pin(phys, held + 1, 1);
	audit_holds();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("type1 audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_mapping_that_is_wrong_is_found);
	tcase_add_test(tcase, a_counter_that_is_wrong_is_found);
	tcase_add_test(tcase, a_usable_range_that_is_wrong_is_found);
	tcase_add_test(tcase, no_usable_range_beside_a_domain_is_found);
	tcase_add_test(tcase, a_domain_that_is_wrong_is_found);
	tcase_add_test(tcase, a_translation_that_is_wrong_is_found);
	tcase_add_test(tcase, a_pin_too_many_or_too_few_is_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
