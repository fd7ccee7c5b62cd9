// SPDX-License-Identifier: GPL-2.0-only
/* What the audits of groups and of DMA ownership must refuse, in each form of ownership. */
#include "core_fake.h"

#include "audit_break.h"
#include "core/owner.h"

static struct fake_machine machine;
static struct personality kernel;
static struct iommu_group *group;
static struct iommu_device *first, *second;
static const int file;

static const char *audit_now(void)
{
	return iommu_audit(&machine.iommu);
}

static void boot(const char *name)
{
	fake_open(&machine);
	ck_assert(personality_parse(name, &kernel, NULL, 0));
	machine.iommu.personality = &kernel;
	for (uint8_t n = 0; n < 2; n++)
		fake_function(&machine, &(struct pci_function){.rid = PCI_RID(0, n),
							       .type = PCI_CONVENTIONAL,
							       .multifunction = true});
	fake_boot(&machine);
	group = iommu_group_find(&machine.iommu, 0);
	first = group->devices;
	second = first->next_in_group;
	ck_assert_ptr_nonnull(second);
	audit_holds();
}

static const char *const kernels[] = {"6.12", "6.1,dma_ownership_2021", "4.4"};

START_TEST(a_group_of_the_wrong_devices_is_found)
{
	boot(kernels[_i]);
	/* Its devices would notice, too: ask for the group alone. */
	group->devices = NULL;
	ck_assert_str_eq(iommu_group_audit(group), "a group has no device");
	group->devices = first;
	audit_holds();
	AUDIT_FINDS(group->domain, NULL, "a group is on no domain");
	second->group = NULL;
	ck_assert_str_eq(iommu_group_audit(group), "a group lists a device of another group");
	second->group = group;
	audit_holds();
	fake_close(&machine);
}
END_TEST

START_TEST(a_driver_that_counts_and_should_not_is_found)
{
	boot(kernels[_i]);
	ck_assert_int_eq(iommu_device_bind(first, "e1000e"), 0);
	audit_holds();
	AUDIT_FINDS(second->host_driver, true,
		    _i == 1 ? "a group's count is below that of its drivers"
			    : "a group's count is not that of its drivers");
	AUDIT_FINDS(group->owner_count, 0,
		    _i == 1 ? "a group's owner has a type exactly when it counts"
			    : "a group's count is not that of its drivers");
	strcpy(first->bound_to, "vfio-pci");
	audit_says("a driver that manages DMA itself counts as one that does not");
	strcpy(first->bound_to, "e1000e");
	audit_holds();
	ck_assert_int_eq(iommu_device_unbind(first), 0);
	fake_close(&machine);
}
END_TEST

START_TEST(an_owner_that_is_wrong_is_found_in_mainline)
{
	boot("6.12");
	ck_assert_int_eq(iommu_group_claim(group, &file), 0);
	audit_holds();
	AUDIT_FINDS(group->owner_count, 0, "a group has an owner that does not count");
	AUDIT_FINDS(second->host_driver, true,
		    "a group is owned while a host driver uses one of its devices");
	AUDIT_FINDS(group->domain, group->default_domain,
		    "an owned group is on its default domain");
	group->owner_count = 0;
	group->owner = NULL;
	audit_says("a group without owner is blocked");
	group->owner = &file;
	group->owner_count = 1;
	audit_holds();
	iommu_group_release(group);
	audit_holds();
	fake_close(&machine);
}
END_TEST

START_TEST(an_owner_that_is_wrong_is_found_in_the_form_of_2021)
{
	boot(kernels[1]);
	ck_assert_int_eq(iommu_group_claim(group, &file), 0);
	audit_holds();
	AUDIT_FINDS(group->owner_type, DMA_OWNER_NONE,
		    "a group's owner has a type exactly when it counts");
	AUDIT_FINDS(second->host_driver, true,
		    "a group has another owner than the DMA API beside host drivers");
	fake_close(&machine);
}
END_TEST

START_TEST(a_bare_group_that_translates_is_found)
{
	const char *const on_domain = "a bare group is on a domain";
	const char *const owned = "a bare group has a DMA owner";
	const char *const strange =
		"a bare group lists a device of another group, or one behind an IOMMU";
	struct iommu_device alone = {.iommu = &machine.iommu};
	struct iommu_group *bare;

	boot("6.12");
	ck_assert_int_eq(iommu_bare_group_create(&machine.iommu, &alone, &bare), 0);
	ck_assert_int_eq(bare->id, 1);
	audit_holds();
	AUDIT_FINDS(bare->domain, group->domain, on_domain);
	AUDIT_FINDS(bare->default_domain, group->domain, on_domain);
	AUDIT_FINDS(bare->blocking_domain, group->domain, on_domain);
	AUDIT_FINDS(bare->owner, &file, owned);
	AUDIT_FINDS(bare->owner_count, 1, owned);
	AUDIT_FINDS(bare->devices->group, group, strange);
	AUDIT_FINDS(bare->devices->driver, first->driver, strange);
	iommu_bare_group_destroy(bare);
	ck_assert_ptr_null(alone.group);
	fake_close(&machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_loop_test(tcase, a_group_of_the_wrong_devices_is_found, 0,
			    SIO_ARRAY_SIZE(kernels));
	tcase_add_loop_test(tcase, a_driver_that_counts_and_should_not_is_found, 0,
			    SIO_ARRAY_SIZE(kernels));
	tcase_add_test(tcase, an_owner_that_is_wrong_is_found_in_mainline);
	tcase_add_test(tcase, an_owner_that_is_wrong_is_found_in_the_form_of_2021);
	tcase_add_test(tcase, a_bare_group_that_translates_is_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
