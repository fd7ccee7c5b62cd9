// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA ownership as mainline has it, and moving groups between domains: every rule by itself, users
 * that contend for a group, and random calls beside a model of the rules.
 */
#include "core_fake.h"
#include "harness.h"
#include "prng.h"

static struct fake_machine machine;
static struct iommu_group *group;
static struct iommu_device *first, *second;
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
	first = group->devices;
	second = first->next_in_group;
	ck_assert_ptr_nonnull(second);
}

static void expect_domain(const struct iommu_domain *domain)
{
	const char *what = iommu_audit(&machine.iommu);

	ck_assert_msg(!what, "%s", what);
	ck_assert_ptr_eq(group->domain, domain);
	for (struct iommu_device *dev = group->devices; dev; dev = dev->next_in_group)
		ck_assert_ptr_eq(dev->driver_data, fake_domain(domain));
}

/* One PASID of the group, without a driver that could do it. */
static void pasid_attach(struct iommu_group *of)
{
	static struct iommu_pasid entry;

	if (of->pasid_count)
		return;
	entry = (struct iommu_pasid){1, of->default_domain};
	of->pasids = &entry;
	of->pasid_count = 1;
	of->default_domain->attached++;
}

static void pasid_detach(struct iommu_group *of)
{
	if (!of->pasid_count)
		return;
	of->pasids = NULL;
	of->pasid_count = 0;
	of->default_domain->attached--;
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
	struct iommu_domain *one, *two;

	open_pair();
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	ck_assert_int_eq(iommu_domain_alloc(group, &one), 0);
	ck_assert_int_eq(iommu_domain_alloc(group, &two), 0);
	ck_assert_int_eq(iommu_attach_group(one, group), 0);
	expect_domain(one);
	ck_assert_uint_eq(one->attached, 1);
	ck_assert_int_eq(iommu_attach_group(two, group), -EBUSY);
	iommu_detach_group(one, group);
	expect_domain(group->blocking_domain);
	ck_assert_int_eq(iommu_attach_group(two, group), 0);
	iommu_detach_group(two, group);
	iommu_group_release(group);
	expect_domain(group->default_domain);
	iommu_domain_free(one);
	iommu_domain_free(two);
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

/* ---- kernel drivers ---- */

START_TEST(a_driver_of_a_device_without_a_group_is_fine)
{
	struct iommu_device alone = {.iommu = &machine.iommu};

	ck_assert_int_eq(iommu_device_bind(&alone, "e1000e"), 0);
	ck_assert(alone.host_driver);
	ck_assert_int_eq(iommu_device_unbind(&alone), 0);
	ck_assert(!alone.host_driver);
}
END_TEST

START_TEST(a_driver_waits_for_the_default_domain)
{
	struct iommu_domain *domain;

	open_pair();
	domain = group->default_domain;
	group->default_domain = NULL;
	ck_assert_int_eq(iommu_device_use_default(first), -IOMMU_EPROBE_DEFER);
	ck_assert_int_eq(iommu_device_bind(first, "e1000e"), -IOMMU_EPROBE_DEFER);
	ck_assert_str_eq(first->bound_to, "");
	group->default_domain = domain;
	ck_assert(!iommu_group_claimed(group));
	ck_assert_int_eq(iommu_device_bind(first, "e1000e"), 0);
	iommu_device_unbind(first);
}
END_TEST

START_TEST(a_driver_is_ebusy_while_the_group_has_an_owner)
{
	open_pair();
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), 0);
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), -EBUSY);
	ck_assert_str_eq(second->bound_to, "");
	iommu_device_release_dma_owner(first);
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), 0);
	iommu_device_unbind(second);
}
END_TEST

START_TEST(a_second_driver_is_ebusy_when_the_first_left_the_default_domain)
{
	struct iommu_domain *domain;

	open_pair();
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	ck_assert_int_eq(iommu_device_bind(first, "gpu"), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), -EBUSY);
	iommu_detach_group(domain, group);
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), 0);
	iommu_device_unbind(second);
	iommu_device_unbind(first);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(a_second_driver_is_ebusy_when_the_first_attached_a_pasid)
{
	open_pair();
	ck_assert_int_eq(iommu_device_bind(first, "idxd"), 0);
	pasid_attach(group);
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), -EBUSY);
	pasid_detach(group);
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), 0);
	iommu_device_unbind(second);
	iommu_device_unbind(first);
}
END_TEST

START_TEST(domain_and_pasid_do_not_matter_to_the_first_driver)
{
	struct iommu_domain *domain;

	open_pair();
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	pasid_attach(group);
	ck_assert_int_eq(iommu_device_bind(first, "e1000e"), 0);
	iommu_device_unbind(first);
	pasid_detach(group);
	iommu_detach_group(domain, group);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(drivers_that_manage_dma_themselves_ask_nobody)
{
	static const char *const names[] = {"vfio-pci", "pci-stub", "pcieport"};

	open_pair();
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(names); i++) {
		ck_assert_int_eq(iommu_device_bind(first, names[i]), 0);
		ck_assert_str_eq(first->bound_to, names[i]);
		ck_assert_uint_eq(group->owner_count, 1);
		expect_domain(group->blocking_domain);
		ck_assert_int_eq(iommu_device_unbind(first), 0);
	}
	iommu_group_release(group);
}
END_TEST

START_TEST(a_device_has_one_driver_with_a_name)
{
	open_pair();
	ck_assert_int_eq(iommu_device_unbind(first), -ENODEV);
	ck_assert_int_eq(iommu_device_bind(first, NULL), -EINVAL);
	ck_assert_int_eq(iommu_device_bind(first, ""), -EINVAL);
	ck_assert_int_eq(iommu_device_bind(first, "12345678901234567890123456789012"), -EINVAL);
	ck_assert_int_eq(iommu_device_bind(first, "1234567890123456789012345678901"), 0);
	ck_assert_int_eq(iommu_device_bind(first, "pci-stub"), -EBUSY);
	ck_assert_int_eq(iommu_device_unbind(first), 0);
	ck_assert(!iommu_group_claimed(group));
}
END_TEST

/* ---- claims by device, as an iommufd descriptor makes them ---- */

START_TEST(claim_by_device_needs_an_owner_and_a_group)
{
	struct iommu_device alone = {.iommu = &machine.iommu};

	open_pair();
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, NULL), -EINVAL);
	ck_assert_int_eq(iommu_device_claim_dma_owner(&alone, NULL), -EINVAL);
	ck_assert_int_eq(iommu_device_claim_dma_owner(&alone, &me), -ENODEV);
}
END_TEST

START_TEST(claim_by_device_counts_up_for_the_same_owner)
{
	open_pair();
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(second, &me), 0);
	ck_assert_uint_eq(group->owner_count, 2);
	/* Not on its default domain any more, which matters to the first claim alone. */
	expect_domain(group->blocking_domain);
	iommu_device_release_dma_owner(first);
	ck_assert_uint_eq(group->owner_count, 1);
	expect_domain(group->blocking_domain);
	iommu_device_release_dma_owner(second);
	ck_assert(!iommu_group_claimed(group));
	expect_domain(group->default_domain);
}
END_TEST

START_TEST(two_descriptors_cannot_share_a_group)
{
	open_pair();
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(second, &other), -EPERM);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &other), -EPERM);
	iommu_device_release_dma_owner(first);
	ck_assert_int_eq(iommu_device_claim_dma_owner(second, &other), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), -EPERM);
	iommu_device_release_dma_owner(second);
}
END_TEST

START_TEST(a_container_and_a_descriptor_cannot_share_a_group)
{
	open_pair();
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &other), -EPERM);
	iommu_group_release(group);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &other), 0);
	ck_assert_int_eq(iommu_group_claim(group, &me), -EPERM);
	ck_assert_int_eq(iommu_group_claim(group, &other), -EPERM);
	iommu_device_release_dma_owner(first);
}
END_TEST

START_TEST(a_driver_keeps_the_group_from_descriptors)
{
	open_pair();
	ck_assert_int_eq(iommu_device_bind(second, "e1000e"), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), -EPERM);
	iommu_device_unbind(second);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), 0);
	iommu_device_release_dma_owner(first);
}
END_TEST

START_TEST(release_of_an_attached_group_goes_to_the_default_domain)
{
	struct iommu_domain *domain;

	open_pair();
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), 0);
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	iommu_device_release_dma_owner(first);
	expect_domain(group->default_domain);
	iommu_domain_free(domain);
}
END_TEST

/* ---- taking ---- */

START_TEST(a_group_with_a_pasid_cannot_be_taken)
{
	open_pair();
	pasid_attach(group);
	ck_assert_int_eq(iommu_group_claim(group, &me), -EBUSY);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), -EBUSY);
	ck_assert(!iommu_group_claimed(group));
	pasid_detach(group);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), 0);
	/* The owner attaches PASIDs as it likes, and binds more devices. */
	pasid_attach(group);
	ck_assert_int_eq(iommu_device_claim_dma_owner(second, &me), 0);
	pasid_detach(group);
	iommu_device_release_dma_owner(second);
	iommu_device_release_dma_owner(first);
}
END_TEST

START_TEST(claim_by_device_takes_under_the_same_rules)
{
	struct iommu_domain *domain;
	char why[INJECT_ERROR_LEN];

	machine.resv[0] = (struct resv_region){0x80000000, 0x80000fff, RESV_DIRECT};
	machine.resv_count = 1;
	open_pair();
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), -EBUSY);
	iommu_detach_group(domain, group);
	iommu_domain_free(domain);
	ck_assert_int_eq(inject_plan(&machine.iommu.inject, "alloc:nth=1", why), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), -ENOMEM);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), -EINVAL);
	ck_assert(!iommu_group_claimed(group));
	expect_domain(group->default_domain);
}
END_TEST

START_TEST(a_claim_that_fails_half_way_moves_nothing)
{
	char why[INJECT_ERROR_LEN];

	open_pair();
	for (unsigned nth = 1; nth <= 2; nth++) {
		char plan[48];

		snprintf(plan, sizeof(plan), "iommu.attach:nth=%u", nth);
		ck_assert_int_eq(inject_plan(&machine.iommu.inject, plan, why), 0);
		ck_assert_int_eq(iommu_device_claim_dma_owner(first, &me), -ENOMEM);
		ck_assert(!iommu_group_claimed(group));
		expect_domain(group->default_domain);
	}
	ck_assert_int_eq(inject_plan(&machine.iommu.inject, "", why), 0);
	ck_assert_int_eq(iommu_device_claim_dma_owner(first, &other), 0);
	iommu_device_release_dma_owner(first);
}
END_TEST

START_TEST(a_domain_of_another_driver_is_einval)
{
	static const struct iommu_driver stranger = {.name = "stranger"};
	struct iommu_domain *domain;

	open_pair();
	ck_assert_int_eq(iommu_group_claim(group, &me), 0);
	ck_assert_int_eq(iommu_domain_alloc(group, &domain), 0);
	domain->driver = &stranger;
	ck_assert_int_eq(iommu_attach_group(domain, group), -EINVAL);
	domain->driver = &fake_driver;
	expect_domain(group->blocking_domain);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	/* Where the group is comes before whose domain it is. */
	domain->driver = &stranger;
	ck_assert_int_eq(iommu_attach_group(domain, group), -EBUSY);
	domain->driver = &fake_driver;
	iommu_detach_group(domain, group);
	iommu_group_release(group);
	iommu_domain_free(domain);
}
END_TEST

/* ---- random calls ---- */

enum place { AT_DEFAULT, AT_BLOCKING, AT_OWN };

/* The rules once more, as a table of states would have them. */
struct oracle {
	unsigned drivers, by_group, by_device, pasids;
	const void *owner;
	enum place at;
	bool driven[2];
	unsigned device_claims[2];
};

static unsigned users(const struct oracle *oracle)
{
	return oracle->drivers + oracle->by_group + oracle->by_device;
}

static int oracle_claim(struct oracle *oracle, const void *owner, int device)
{
	if (!owner)
		return -EINVAL;
	if (users(oracle) && (device < 0 || oracle->owner != owner))
		return -EPERM;
	if (!users(oracle) && (oracle->at != AT_DEFAULT || oracle->pasids))
		return -EBUSY;
	if (!users(oracle))
		oracle->at = AT_BLOCKING;
	oracle->owner = owner;
	if (device < 0)
		oracle->by_group++;
	else
		oracle->by_device++, oracle->device_claims[device]++;
	return 0;
}

static void oracle_release(struct oracle *oracle)
{
	if (oracle->by_group + oracle->by_device)
		return;
	oracle->owner = NULL;
	oracle->at = AT_DEFAULT;
}

static int oracle_driver(struct oracle *oracle, int device)
{
	if (oracle->driven[device])
		return -EBUSY;
	if (users(oracle) && (oracle->owner || oracle->at != AT_DEFAULT || oracle->pasids))
		return -EBUSY;
	oracle->driven[device] = true;
	oracle->drivers++;
	return 0;
}

static void compare(const struct oracle *oracle, const struct iommu_domain *own, uint64_t seed,
		    unsigned step)
{
	const struct iommu_domain *want = oracle->at == AT_DEFAULT ? group->default_domain
					  : oracle->at == AT_OWN   ? own
								   : group->blocking_domain;
	const char *what = iommu_audit(&machine.iommu);

	ck_assert_msg(!what, "seed %lu step %u: %s", seed, step, what);
	ck_assert_msg(group->domain == want, "seed %lu step %u: domain", seed, step);
	ck_assert_msg(group->owner_count == users(oracle), "seed %lu step %u: count", seed, step);
	ck_assert_msg(group->owner == oracle->owner, "seed %lu step %u: owner", seed, step);
	ck_assert_msg(iommu_group_claimed(group) == (users(oracle) != 0),
		      "seed %lu step %u: claimed", seed, step);
}

static void random_claims(struct oracle *oracle, struct prng *rng, const char *at)
{
	static const void *const owners[] = {NULL, &me, &other};
	const void *owner = owners[prng_below(rng, 3)];
	int d = (int)prng_below(rng, 2);
	struct iommu_device *dev = d ? second : first;

	switch (prng_below(rng, 4)) {
	case 0:
		ck_assert_msg(iommu_group_claim(group, owner) == oracle_claim(oracle, owner, -1),
			      "%s: claim", at);
		break;
	case 1:
		ck_assert_msg(iommu_device_claim_dma_owner(dev, owner) ==
				      oracle_claim(oracle, owner, d),
			      "%s: claim by device", at);
		break;
	case 2:
		if (!oracle->by_group || oracle->by_device || oracle->pasids)
			break;
		iommu_group_release(group);
		oracle->by_group = 0;
		oracle_release(oracle);
		break;
	default:
		if (!oracle->device_claims[d] || (oracle->pasids && oracle->by_device == 1))
			break;
		iommu_device_release_dma_owner(dev);
		oracle->device_claims[d]--;
		oracle->by_device--;
		oracle_release(oracle);
		break;
	}
}

static void random_domains(struct oracle *oracle, struct prng *rng, struct iommu_domain *own,
			   const char *at)
{
	switch (prng_below(rng, 4)) {
	case 0:
		ck_assert_msg(iommu_attach_group(own, group) == (oracle->at == AT_OWN ? -EBUSY : 0),
			      "%s: attach", at);
		oracle->at = AT_OWN;
		break;
	case 1:
		iommu_detach_group(own, group);
		oracle->at = oracle->owner ? AT_BLOCKING : AT_DEFAULT;
		break;
	case 2:
		oracle->pasids = 1;
		pasid_attach(group);
		break;
	default:
		oracle->pasids = 0;
		pasid_detach(group);
		break;
	}
}

static void random_drivers(struct oracle *oracle, struct prng *rng, const char *at)
{
	int d = (int)prng_below(rng, 2);
	struct iommu_device *dev = d ? second : first;

	if (prng_below(rng, 2)) {
		ck_assert_msg(iommu_device_bind(dev, "e1000e") == oracle_driver(oracle, d),
			      "%s: bind", at);
		return;
	}
	ck_assert_msg(iommu_device_unbind(dev) == (oracle->driven[d] ? 0 : -ENODEV), "%s: unbind",
		      at);
	oracle->drivers -= oracle->driven[d];
	oracle->driven[d] = false;
}

START_TEST(random_users_see_what_the_rules_say)
{
	struct prng rng = {.state = (uint64_t)_i + 1};
	struct oracle oracle = {.at = AT_DEFAULT};
	struct iommu_domain *own;

	open_pair();
	ck_assert_int_eq(iommu_domain_alloc(group, &own), 0);
	for (unsigned step = 0; step < 4000; step++) {
		char at[48];

		snprintf(at, sizeof(at), "seed %d step %u", _i + 1, step);
		switch (prng_below(&rng, 3)) {
		case 0:
			random_claims(&oracle, &rng, at);
			break;
		case 1:
			random_domains(&oracle, &rng, own, at);
			break;
		default:
			random_drivers(&oracle, &rng, at);
			break;
		}
		compare(&oracle, own, (uint64_t)_i + 1, step);
	}
	pasid_detach(group);
	while (group->owner && group->owner_count)
		iommu_device_release_dma_owner(first);
	iommu_device_unbind(first);
	iommu_device_unbind(second);
	iommu_detach_group(own, group);
	iommu_domain_free(own);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("owner mainline");
	TCase *tc = tcase_create("rules");

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
	tcase_add_test(tc, a_driver_of_a_device_without_a_group_is_fine);
	tcase_add_test(tc, a_driver_waits_for_the_default_domain);
	tcase_add_test(tc, a_driver_is_ebusy_while_the_group_has_an_owner);
	tcase_add_test(tc, a_second_driver_is_ebusy_when_the_first_left_the_default_domain);
	tcase_add_test(tc, a_second_driver_is_ebusy_when_the_first_attached_a_pasid);
	tcase_add_test(tc, domain_and_pasid_do_not_matter_to_the_first_driver);
	tcase_add_test(tc, drivers_that_manage_dma_themselves_ask_nobody);
	tcase_add_test(tc, a_device_has_one_driver_with_a_name);
	tcase_add_test(tc, claim_by_device_needs_an_owner_and_a_group);
	tcase_add_test(tc, claim_by_device_counts_up_for_the_same_owner);
	tcase_add_test(tc, two_descriptors_cannot_share_a_group);
	tcase_add_test(tc, a_container_and_a_descriptor_cannot_share_a_group);
	tcase_add_test(tc, a_driver_keeps_the_group_from_descriptors);
	tcase_add_test(tc, release_of_an_attached_group_goes_to_the_default_domain);
	tcase_add_test(tc, a_group_with_a_pasid_cannot_be_taken);
	tcase_add_test(tc, claim_by_device_takes_under_the_same_rules);
	tcase_add_test(tc, a_claim_that_fails_half_way_moves_nothing);
	tcase_add_test(tc, a_domain_of_another_driver_is_einval);
	tcase_add_loop_test(tc, random_users_see_what_the_rules_say, 0, 8);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
