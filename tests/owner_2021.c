// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA ownership as first proposed in 2021: types, cookies and counts, drivers that claim the group
 * before their probe, and random calls beside a model of the rules.
 */
#include "core_fake.h"
#include "harness.h"
#include "prng.h"

static struct fake_machine machine;
static struct personality kernel;
static struct iommu_group *group;
static struct iommu_device *first, *second;
static const int file, other_file;

/* Two functions in one group, on a kernel that has the proposal. */
static void setup(void)
{
	fake_open(&machine);
	ck_assert(personality_parse("6.1,dma_ownership_2021", &kernel, NULL, 0));
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
}

static void teardown(void)
{
	fake_close(&machine);
}

static void expect(enum dma_owner_type type, unsigned count)
{
	const char *what = iommu_audit(&machine.iommu);

	ck_assert_msg(!what, "%s", what);
	ck_assert_int_eq(group->owner_type, type);
	ck_assert_uint_eq(group->owner_count, count);
	ck_assert(iommu_group_claimed(group) == (count != 0));
	/* Nothing is ever blocked. */
	ck_assert_ptr_eq(group->domain, group->default_domain);
	ck_assert_ptr_null(group->blocking_domain);
}

START_TEST(without_a_group_only_the_dma_api_is_allowed)
{
	struct iommu_device alone = {.iommu = &machine.iommu};

	ck_assert_int_eq(iommu_device_owner_set(&alone, DMA_OWNER_DMA_API, NULL), 0);
	ck_assert_int_eq(iommu_device_owner_set(&alone, DMA_OWNER_PRIVATE_DOMAIN, NULL), -ENODEV);
	ck_assert_int_eq(iommu_device_owner_set(&alone, DMA_OWNER_PRIVATE_DOMAIN_USER, &file),
			 -ENODEV);
	ck_assert(iommu_device_owner_unset(&alone, DMA_OWNER_DMA_API));
	ck_assert(!iommu_device_owner_unset(&alone, DMA_OWNER_PRIVATE_DOMAIN));
	ck_assert_int_eq(iommu_device_claim_dma_owner(&alone, &file), -ENODEV);
	ck_assert_int_eq(iommu_device_bind(&alone, "e1000e"), 0);
	ck_assert_int_eq(iommu_device_unbind(&alone), 0);
}
END_TEST

START_TEST(the_first_set_takes_type_and_cookie)
{
	for (unsigned type = DMA_OWNER_DMA_API; type <= DMA_OWNER_PRIVATE_DOMAIN_USER; type++) {
		ck_assert_int_eq(iommu_group_owner_set(group, type, &file), 0);
		expect(type, 1);
		ck_assert_ptr_eq(group->owner, &file);
		ck_assert(iommu_group_owner_unset(group, type));
		expect(DMA_OWNER_NONE, 0);
	}
}
END_TEST

START_TEST(another_type_is_ebusy)
{
	for (unsigned type = DMA_OWNER_DMA_API; type <= DMA_OWNER_PRIVATE_DOMAIN_USER; type++) {
		ck_assert_int_eq(iommu_device_owner_set(first, type, &file), 0);
		for (unsigned next = DMA_OWNER_DMA_API; next <= DMA_OWNER_PRIVATE_DOMAIN_USER;
		     next++) {
			int want = next == type ? 0 : -EBUSY;

			ck_assert_int_eq(iommu_device_owner_set(second, next, &file), want);
			if (!want)
				ck_assert(iommu_device_owner_unset(second, next));
			expect(type, 1);
		}
		ck_assert(iommu_device_owner_unset(first, type));
	}
}
END_TEST

START_TEST(only_user_space_is_told_apart_by_cookie)
{
	for (unsigned type = DMA_OWNER_DMA_API; type <= DMA_OWNER_PRIVATE_DOMAIN_USER; type++) {
		bool user = type == DMA_OWNER_PRIVATE_DOMAIN_USER;

		ck_assert_int_eq(iommu_group_owner_set(group, type, &file), 0);
		ck_assert_int_eq(iommu_group_owner_set(group, type, &other_file),
				 user ? -EBUSY : 0);
		expect(type, user ? 1 : 2);
		ck_assert_ptr_eq(group->owner, &file);
		while (group->owner_count)
			ck_assert(iommu_group_owner_unset(group, type));
	}
}
END_TEST

START_TEST(the_same_user_counts_up)
{
	ck_assert_int_eq(iommu_group_owner_set(group, DMA_OWNER_PRIVATE_DOMAIN_USER, &file), 0);
	ck_assert_int_eq(iommu_group_owner_set(group, DMA_OWNER_PRIVATE_DOMAIN_USER, &file), 0);
	expect(DMA_OWNER_PRIVATE_DOMAIN_USER, 2);
	ck_assert(iommu_group_owner_unset(group, DMA_OWNER_PRIVATE_DOMAIN_USER));
	expect(DMA_OWNER_PRIVATE_DOMAIN_USER, 1);
	ck_assert(iommu_group_owner_unset(group, DMA_OWNER_PRIVATE_DOMAIN_USER));
	expect(DMA_OWNER_NONE, 0);
}
END_TEST

START_TEST(release_of_a_wrong_type_changes_nothing)
{
	ck_assert_int_eq(iommu_group_owner_set(group, DMA_OWNER_PRIVATE_DOMAIN, NULL), 0);
	ck_assert(!iommu_group_owner_unset(group, DMA_OWNER_DMA_API));
	ck_assert(!iommu_device_owner_unset(first, DMA_OWNER_PRIVATE_DOMAIN_USER));
	expect(DMA_OWNER_PRIVATE_DOMAIN, 1);
	ck_assert(iommu_group_owner_unset(group, DMA_OWNER_PRIVATE_DOMAIN));
}
END_TEST

START_TEST(release_without_a_count_changes_nothing)
{
	for (unsigned type = DMA_OWNER_NONE; type <= DMA_OWNER_PRIVATE_DOMAIN_USER; type++) {
		ck_assert(!iommu_group_owner_unset(group, type));
		expect(DMA_OWNER_NONE, 0);
	}
}
END_TEST

START_TEST(the_cookie_outlives_the_last_release)
{
	ck_assert_int_eq(iommu_group_claim(group, &file), 0);
	iommu_group_release(group);
	expect(DMA_OWNER_NONE, 0);
	ck_assert_ptr_eq(group->owner, &file);
	/* And keeps nobody out. */
	ck_assert_int_eq(iommu_group_claim(group, &other_file), 0);
	ck_assert_ptr_eq(group->owner, &other_file);
	iommu_group_release(group);
}
END_TEST

START_TEST(a_driver_takes_the_dma_api_before_its_probe)
{
	ck_assert_int_eq(iommu_device_bind(first, "e1000e"), 0);
	expect(DMA_OWNER_DMA_API, 1);
	ck_assert_int_eq(iommu_device_bind(second, "snd_hda_intel"), 0);
	expect(DMA_OWNER_DMA_API, 2);
	ck_assert_int_eq(iommu_device_unbind(first), 0);
	ck_assert_int_eq(iommu_device_unbind(second), 0);
	expect(DMA_OWNER_NONE, 0);
}
END_TEST

START_TEST(a_driver_that_opts_out_takes_nothing)
{
	ck_assert_int_eq(iommu_device_bind(first, "pci-stub"), 0);
	ck_assert_int_eq(iommu_device_bind(second, "vfio-pci"), 0);
	expect(DMA_OWNER_NONE, 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(second, &file), 0);
	expect(DMA_OWNER_PRIVATE_DOMAIN_USER, 1);
	iommu_device_release_dma_owner(second);
	iommu_device_unbind(first);
	iommu_device_unbind(second);
}
END_TEST

START_TEST(a_driver_and_a_user_exclude_each_other)
{
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), 0);
	ck_assert_int_eq(iommu_group_claim(group, &file), -EBUSY);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &file), -EBUSY);
	iommu_device_unbind(second);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &file), 0);
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), -EBUSY);
	ck_assert_str_eq(second->bound_to, "");
	iommu_device_release_dma_owner(first);
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), 0);
	iommu_device_unbind(second);
}
END_TEST

START_TEST(two_descriptors_cannot_share_a_group)
{
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &file), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(second, &file), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(second, &other_file), -EBUSY);
	iommu_device_release_dma_owner(first);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &other_file), -EBUSY);
	iommu_device_release_dma_owner(second);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &other_file), 0);
	iommu_device_release_dma_owner(first);
}
END_TEST

START_TEST(a_claimed_group_leaves_a_domain_for_the_default_one)
{
	struct iommu_domain *domain;

	ck_assert_int_eq(iommu_group_claim(group, &file), 0);
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	ck_assert_ptr_eq(group->domain, domain);
	ck_assert_int_eq(iommu_attach_group(domain, group), -EBUSY);
	iommu_detach_group(domain, group);
	expect(DMA_OWNER_PRIVATE_DOMAIN_USER, 1);
	iommu_group_release(group);
	iommu_domain_free(domain);
}
END_TEST

/* What the proposal says, without the code: all who count have one type, all users one cookie. */
struct oracle {
	unsigned count[DMA_OWNER_PRIVATE_DOMAIN_USER + 1];
	const void *user;
};

static int oracle_set(struct oracle *oracle, unsigned type, const void *cookie)
{
	for (unsigned t = DMA_OWNER_DMA_API; t < SIO_ARRAY_SIZE(oracle->count); t++)
		if (oracle->count[t] && t != type)
			return -EBUSY;
	if (type == DMA_OWNER_PRIVATE_DOMAIN_USER) {
		if (oracle->count[type] && oracle->user != cookie)
			return -EBUSY;
		oracle->user = cookie;
	}
	oracle->count[type]++;
	return 0;
}

START_TEST(random_users_see_what_the_rules_say)
{
	static const void *const cookies[] = {NULL, &file, &other_file};
	struct prng rng = {.state = (uint64_t)_i + 1};
	struct oracle oracle = {0};

	for (unsigned step = 0; step < 4000; step++) {
		unsigned type = DMA_OWNER_DMA_API + (unsigned)prng_below(&rng, 3), want = 0;
		const void *cookie = cookies[prng_below(&rng, 3)];
		struct iommu_device *dev = prng_below(&rng, 2) ? first : second;
		char at[48];

		snprintf(at, sizeof(at), "seed %d step %u", _i + 1, step);
		if (prng_below(&rng, 2)) {
			ck_assert_msg(iommu_device_owner_set(dev, type, cookie) ==
					      oracle_set(&oracle, type, cookie),
				      "%s: set", at);
		} else {
			ck_assert_msg(iommu_device_owner_unset(dev, type) ==
					      (oracle.count[type] != 0),
				      "%s: unset", at);
			oracle.count[type] -= oracle.count[type] != 0;
		}
		for (unsigned t = DMA_OWNER_DMA_API; t < SIO_ARRAY_SIZE(oracle.count); t++) {
			ck_assert_msg(!oracle.count[t] || group->owner_type == t, "%s: type", at);
			want += oracle.count[t];
		}
		ck_assert_msg(group->owner_count == want, "%s: count", at);
		ck_assert_msg(want || group->owner_type == DMA_OWNER_NONE, "%s: no type", at);
		ck_assert_ptr_null(iommu_audit(&machine.iommu));
	}
	while (group->owner_count)
		iommu_group_owner_unset(group, group->owner_type);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("owner 2021");
	TCase *tc = tcase_create("rules");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, without_a_group_only_the_dma_api_is_allowed);
	tcase_add_test(tc, the_first_set_takes_type_and_cookie);
	tcase_add_test(tc, another_type_is_ebusy);
	tcase_add_test(tc, only_user_space_is_told_apart_by_cookie);
	tcase_add_test(tc, the_same_user_counts_up);
	tcase_add_test(tc, release_of_a_wrong_type_changes_nothing);
	tcase_add_test(tc, release_without_a_count_changes_nothing);
	tcase_add_test(tc, the_cookie_outlives_the_last_release);
	tcase_add_test(tc, a_driver_takes_the_dma_api_before_its_probe);
	tcase_add_test(tc, a_driver_that_opts_out_takes_nothing);
	tcase_add_test(tc, a_driver_and_a_user_exclude_each_other);
	tcase_add_test(tc, two_descriptors_cannot_share_a_group);
	tcase_add_test(tc, a_claimed_group_leaves_a_domain_for_the_default_one);
	tcase_add_loop_test(tc, random_users_see_what_the_rules_say, 0, 8);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
