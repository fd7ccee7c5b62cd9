// SPDX-License-Identifier: GPL-2.0-only
/* DMA ownership and moving groups between domains. */
#include "core_fake.h"
#include "harness.h"

static struct fake_machine machine;
static struct iommu_group *group;
static const int me, other;

static void setup(void)
{
	fake_open(&machine);
}

static void teardown(void)
{
	fake_close(&machine);
}

/* Two functions in one group. */
static void open_pair(void)
{
	for (uint8_t n = 0; n < 2; n++)
		fake_function(&machine, &(struct pci_function){.rid = PCI_RID(0, n),
							       .type = PCI_CONVENTIONAL,
							       .multifunction = true});
	fake_boot(&machine);
	group = iommu_group_find(&machine.iommu, 0);
	ck_assert_ptr_nonnull(group->devices->next_in_group);
}

static void expect_domain(const struct iommu_domain *domain)
{
	const char *what = iommu_audit(&machine.iommu);

	ck_assert_msg(!what, "%s", what);
	ck_assert_ptr_eq(group->domain, domain);
	for (struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group)
		ck_assert_ptr_eq(dev->driver_data, fake_domain(domain));
}

START_TEST(claim_blocks_and_release_restores)
{
	open_pair();
	expect_domain(group->default_domain);
	ck_assert_int_eq(iommu_group_claim(group, NULL), -EINVAL);
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	expect_domain(group->blocking_domain);
	ck_assert(iommu_group_claimed(group));
	iommu_group_release(group);
	expect_domain(group->default_domain);
	ck_assert(!iommu_group_claimed(group));
}
END_TEST

START_TEST(second_claim_is_eperm_even_for_the_same_owner)
{
	open_pair();
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	ck_assert_int_eq(iommu_group_claim(group, &me), -EPERM);
	ck_assert_int_eq(iommu_group_claim(group, &other), -EPERM);
	ck_assert_int_eq(iommu_device_use_default(group->devices), -EBUSY);
	iommu_group_release(group);
	ck_assert_int_eq(iommu_group_claim(group, &other), 0);
	iommu_group_release(group);
}
END_TEST

START_TEST(host_driver_keeps_the_group)
{
	open_pair();
	ck_assert_int_eq(iommu_device_use_default(group->devices), 0);
	ck_assert_int_eq(iommu_device_use_default(group->devices->next_in_group), 0);
	ck_assert(iommu_group_claimed(group));
	ck_assert_int_eq(iommu_group_claim(group, &me), -EPERM);
	iommu_device_unuse_default(group->devices);
	ck_assert_int_eq(iommu_group_claim(group, &me), -EPERM);
	iommu_device_unuse_default(group->devices->next_in_group);
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	iommu_group_release(group);
}
END_TEST

START_TEST(claim_away_from_the_default_domain_is_ebusy)
{
	struct iommu_domain *domain;

	open_pair();
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	ck_assert_int_eq(iommu_group_claim(group, &me), -EBUSY);
	iommu_detach_group(domain, group);
	expect_domain(group->default_domain);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(attached_group_must_be_detached_before_it_moves_on)
{
	struct iommu_domain *first, *second;

	open_pair();
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	ck_assert_int_eq(iommu_domain_alloc(group, &first), 0);
	ck_assert_int_eq(iommu_domain_alloc(group, &second), 0);
	ck_assert_int_eq(iommu_attach_group(first, group), 0);
	expect_domain(first);
	ck_assert_uint_eq(first->attached, 1);
	ck_assert_int_eq(iommu_attach_group(second, group), -EBUSY);
	iommu_detach_group(first, group);
	expect_domain(group->blocking_domain);
	ck_assert_int_eq(iommu_attach_group(second, group), 0);
	iommu_detach_group(second, group);
	iommu_group_release(group);
	expect_domain(group->default_domain);
	iommu_domain_free(first);
	iommu_domain_free(second);
}
END_TEST

START_TEST(failed_attach_of_one_device_leaves_all_where_they_were)
{
	struct iommu_domain *domain;
	char why[INJECT_ERROR_LEN];

	open_pair();
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	machine.fail_attach = 2;
	ck_assert_int_eq(iommu_attach_group(domain, group), -EINVAL);
	expect_domain(group->blocking_domain);
	ck_assert_int_eq(inject_plan(&machine.iommu.inject, "iommu.attach:nth=2", why), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), -ENOMEM);
	expect_domain(group->blocking_domain);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	iommu_detach_group(domain, group);
	iommu_group_release(group);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(device_that_needs_direct_memory_cannot_be_claimed)
{
	struct iommu_domain *domain;

	machine.resv[0] = (struct resv_region){0x80000000, 0x80000fff, RESV_DIRECT};
	machine.resv_count = 1;
	open_pair();
	ck_assert_uint_eq(machine.mapped, 0x1000 * 2);
	ck_assert_uint_eq(machine.map[0].iova, 0x80000000);
	ck_assert_uint_eq(machine.map[0].oa, 0x80000000);
	ck_assert_int_eq(iommu_group_claim(group, &me), -EINVAL);
	ck_assert(!iommu_group_claimed(group));
	expect_domain(group->default_domain);
	/* Only blocking is refused. */
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	iommu_detach_group(domain, group);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(relaxable_memory_is_mapped_and_does_not_bind)
{
	machine.resv[0] = (struct resv_region){0x80000000, 0x80000fff, RESV_DIRECT_RELAXABLE};
	machine.resv_count = 1;
	open_pair();
	ck_assert_uint_eq(machine.map[0].iova, 0x80000000);
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	iommu_group_release(group);
}
END_TEST

START_TEST(every_allocation_of_a_claim_may_fail)
{
	char why[INJECT_ERROR_LEN];

	open_pair();
	ck_assert_int_eq(inject_plan(&machine.iommu.inject, "alloc:nth=1", why), 0);
	ck_assert_int_eq(iommu_group_claim(group, &me), -ENOMEM);
	expect_domain(group->default_domain);
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	iommu_group_release(group);
}
END_TEST

START_TEST(group_msi_is_isolated_when_the_driver_says_so)
{
	open_pair();
	ck_assert(!iommu_group_msi_isolated(group));
	machine.intremap = true;
	ck_assert(iommu_group_msi_isolated(group));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_owner");
	TCase *tc = tcase_create("owner");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, claim_blocks_and_release_restores);
	tcase_add_test(tc, second_claim_is_eperm_even_for_the_same_owner);
	tcase_add_test(tc, host_driver_keeps_the_group);
	tcase_add_test(tc, claim_away_from_the_default_domain_is_ebusy);
	tcase_add_test(tc, attached_group_must_be_detached_before_it_moves_on);
	tcase_add_test(tc, failed_attach_of_one_device_leaves_all_where_they_were);
	tcase_add_test(tc, device_that_needs_direct_memory_cannot_be_claimed);
	tcase_add_test(tc, relaxable_memory_is_mapped_and_does_not_bind);
	tcase_add_test(tc, every_allocation_of_a_claim_may_fail);
	tcase_add_test(tc, group_msi_is_isolated_when_the_driver_says_so);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
