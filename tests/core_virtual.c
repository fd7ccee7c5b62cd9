// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are no PCI functions: groups and buses of their own, beside those of PCI functions,
 * for as long as they live; and what groups of either kind do with replacement and PASIDs.
 */
#include "core_fake.h"
#include "harness.h"

#include <string.h>

static struct fake_machine fake;
static struct iommu_driver driver; /* what fake_driver is, and PASIDs */
static unsigned fail_set_pasid;    /* the n-th fails with EINVAL, 0: none */
static unsigned sets, released;

struct pasid_note {
	const struct iommu_device *dev;
	uint32_t pasid;
	const struct iommu_domain *domain;
};
static struct pasid_note note[32];

/* What the driver was last told of a device's PASID. */
static struct pasid_note *note_of(const struct iommu_device *dev, uint32_t pasid)
{
	unsigned i = 0;

	while (note[i].dev && (note[i].dev != dev || note[i].pasid != pasid))
		i++;
	ck_assert_uint_lt(i, SIO_ARRAY_SIZE(note));
	note[i].dev = dev;
	note[i].pasid = pasid;
	return &note[i];
}

static int set_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid,
		     struct iommu_domain *old)
{
	if (fail_set_pasid && ++sets == fail_set_pasid)
		return -EINVAL;
	ck_assert_ptr_eq(note_of(dev, pasid)->domain, old);
	note_of(dev, pasid)->domain = domain;
	return 0;
}

static void remove_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid)
{
	ck_assert_ptr_eq(note_of(dev, pasid)->domain, domain);
	note_of(dev, pasid)->domain = NULL;
}

static void release(struct iommu_device *dev)
{
	released++;
	fake_release(dev);
}

static int probe(void *ctx, struct iommu_device *dev)
{
	int rc = fake_probe(ctx, dev);

	if (!rc)
		dev->driver = &driver;
	return rc;
}

static void open_machine(void)
{
	fake_open(&fake);
	driver = fake_driver;
	driver.set_pasid = set_pasid;
	driver.remove_pasid = remove_pasid;
	driver.release = release;
	fake.probe.device = probe;
	memset(note, 0, sizeof(note));
	fail_set_pasid = sets = released = 0;
}

static struct iommu_device *add(const void *instance)
{
	struct iommu_device *dev;

	ck_assert_int_eq(iommu_device_add_virtual(&fake.iommu, &driver, NULL, instance, &dev), 0);
	return dev;
}

/* A failure plan; "" clears it. */
static void plan(const char *text)
{
	char why[INJECT_ERROR_LEN];

	ck_assert_msg(!inject_plan(&fake.iommu.inject, text, why), "%s", why);
}

static void teardown(void)
{
	plan("");
	fake_close(&fake);
}

static void audit(void)
{
	const char *what = iommu_audit(&fake.iommu);

	ck_assert_msg(!what, "%s", what);
}

START_TEST(each_has_a_group_and_a_bus_of_its_own)
{
	struct iommu_device *one, *two;
	int here;

	open_machine();
	fake_single(&fake);
	one = add(&here);
	two = add(NULL);
	ck_assert_ptr_null(one->pci);
	ck_assert_ptr_null(one->unit);
	ck_assert_ptr_eq(one->instance, &here);
	ck_assert_int_eq(one->group->id, 1);
	ck_assert_int_eq(two->group->id, 2);
	ck_assert_uint_ne(one->bus, 0);
	ck_assert_uint_ne(one->bus, two->bus);
	ck_assert_ptr_eq(iommu_group_first_device(two->group), two);
	ck_assert(iommu_bus_capable(&fake.iommu, one->bus, IOMMU_CAP_CACHE_COHERENCY));
	ck_assert_ptr_null(iommu_device_find(&fake.iommu, 0, 0x1234));
	ck_assert_ptr_nonnull(iommu_device_find(&fake.iommu, 0, PCI_RID(0, PCI_DEVFN(0x10, 0))));
	audit();
}
END_TEST

START_TEST(what_leaves_gives_its_group_number_back)
{
	struct iommu_device *dev[4];

	open_machine();
	for (unsigned i = 0; i < 4; i++)
		dev[i] = add(NULL);
	iommu_device_remove(dev[1]);
	iommu_device_remove(dev[3]);
	ck_assert_uint_eq(released, 2);
	audit();
	ck_assert_ptr_null(iommu_group_find(&fake.iommu, 1));
	ck_assert_ptr_eq(iommu_group_find(&fake.iommu, 2), dev[2]->group);
	dev[1] = add(NULL);
	dev[3] = add(NULL);
	ck_assert_int_eq(dev[1]->group->id, 1);
	ck_assert_int_eq(dev[3]->group->id, 3);
	audit();
	/* The list is in order of numbers. */
	for (const struct iommu_group *group = iommu_group_find(&fake.iommu, 0); group->next;
	     group = group->next)
		ck_assert_int_lt(group->id, group->next->id);
	for (unsigned i = 0; i < 4; i++)
		iommu_device_remove(dev[i]);
	ck_assert_ptr_null(iommu_group_find(&fake.iommu, 0));
}
END_TEST

START_TEST(one_that_cannot_be_added_leaves_nothing)
{
	struct iommu_device *dev;

	open_machine();
	for (unsigned nth = 1;; nth++) {
		char text[32];

		snprintf(text, sizeof(text), "alloc:nth=%u", nth);
		plan(text);
		if (!iommu_device_add_virtual(&fake.iommu, &driver, NULL, NULL, &dev))
			break;
		ck_assert_ptr_null(iommu_group_find(&fake.iommu, 0));
		ck_assert_uint_lt(nth, 10);
		audit();
	}
	plan("");
	iommu_device_remove(dev);
}
END_TEST

START_TEST(they_are_claimed_attached_and_replaced_as_any)
{
	struct iommu_domain *domain[2];
	struct iommu_device *dev;
	struct resv_list list;

	open_machine();
	fake.resv[0] = (struct resv_region){0x1000, 0x1fff, RESV_RESERVED};
	fake.resv_count = 1;
	dev = add(NULL);
	ck_assert_int_eq(iommu_device_reserved(dev, &list), 0);
	ck_assert_uint_eq(list.count, 1);
	resv_list_fini(&list);
	ck_assert_int_eq(iommu_group_claim(dev->group, &fake), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(iommu_domain_alloc_user(dev, 0, NULL, &domain[i]), 0);
	ck_assert_int_eq(iommu_attach_group(domain[0], dev->group), 0);
	ck_assert_int_eq(iommu_replace_group(domain[1], dev->group), 0);
	ck_assert_int_eq(iommu_replace_group(domain[1], dev->group), 0);
	ck_assert_uint_eq(domain[0]->attached, 0);
	ck_assert_uint_eq(domain[1]->attached, 1);
	ck_assert_int_eq(fake_domain(domain[1])->devices, 1);
	audit();
	iommu_detach_group(domain[1], dev->group);
	iommu_group_release(dev->group);
	for (unsigned i = 0; i < 2; i++)
		iommu_domain_free(domain[i]);
	iommu_device_remove(dev);
}
END_TEST

START_TEST(drivers_without_the_operations_of_iommufd_say_so)
{
	struct iommu_domain *domain, *other;
	struct iommu_viommu_ops ops = {0};
	struct iommu_viommu viommu = {.ops = &ops};
	struct iommu_device *dev;

	open_machine();
	driver.set_pasid = NULL;
	dev = add(NULL);
	ck_assert_int_eq(iommu_domain_alloc_user(dev, 1, NULL, &domain), -EOPNOTSUPP);
	ck_assert_int_eq(iommu_domain_alloc_user(dev, 0, &(struct iommu_user_data){.len = 4},
						 &domain),
			 -EOPNOTSUPP);
	ck_assert_int_eq(iommu_domain_alloc_user(dev, 0, NULL, &domain), 0);
	ck_assert_int_eq(domain->type, IOMMU_DOMAIN_UNMANAGED);
	ck_assert_int_eq(iommu_domain_alloc_nested(dev, domain, 0, NULL, &other), -EOPNOTSUPP);
	viommu.parent = domain;
	ck_assert_int_eq(iommu_viommu_alloc_nested(&viommu, 0, NULL, &other), -EOPNOTSUPP);
	ck_assert_int_eq(iommu_set_dirty_tracking(domain, true), -EOPNOTSUPP);
	ck_assert_int_eq(iommu_read_dirty(domain, 0, 4096, false, NULL, NULL), -EOPNOTSUPP);
	ck_assert_int_eq(iommu_attach_pasid(domain, dev, 1), -EOPNOTSUPP);
	iommu_domain_free(domain);
	iommu_device_remove(dev);
}
END_TEST

static int viommu_domain(struct iommu_viommu *viommu, uint32_t flags,
			 const struct iommu_user_data *data, struct iommu_domain **out)
{
	(void)flags;
	(void)data;
	return fake_domain_alloc(viommu->driver_data, IOMMU_DOMAIN_NESTED, out);
}

/* Nobody asks whose domain a vIOMMU has for its parent. */
START_TEST(what_a_viommu_makes_belongs_to_its_driver_not_to_its_parents)
{
	struct iommu_driver other;
	const struct iommu_viommu_ops ops = {.domain_alloc_nested = viommu_domain};
	struct iommu_viommu viommu = {.ops = &ops};
	struct iommu_domain *domain;

	open_machine();
	other = driver;
	viommu.driver_data = add(NULL);
	viommu.driver = &other;
	ck_assert_int_eq(iommu_domain_alloc_user(viommu.driver_data, 0, NULL, &viommu.parent), 0);
	ck_assert_int_eq(iommu_viommu_alloc_nested(&viommu, 0, NULL, &domain), 0);
	ck_assert_ptr_eq(viommu.parent->driver, &driver);
	ck_assert_ptr_eq(domain->driver, &other);
	iommu_domain_free(domain);
	iommu_domain_free(viommu.parent);
	iommu_device_remove(viommu.driver_data);
}
END_TEST

/* Two functions of one slot: one group. */
static struct iommu_group *open_pair(struct iommu_device *dev[2])
{
	open_machine();
	for (uint8_t fn = 0; fn < 2; fn++)
		fake_function(&fake, &(struct pci_function){.rid = PCI_RID(0, PCI_DEVFN(3, fn)),
							    .type = PCI_ENDPOINT,
							    .multifunction = true});
	fake_boot(&fake);
	for (uint8_t fn = 0; fn < 2; fn++) {
		dev[fn] = iommu_device_find(&fake.iommu, 0, PCI_RID(0, PCI_DEVFN(3, fn)));
		dev[fn]->max_pasids = 64;
	}
	ck_assert_ptr_eq(dev[0]->group, dev[1]->group);
	return dev[0]->group;
}

START_TEST(a_replacement_that_fails_half_way_puts_all_devices_back)
{
	struct iommu_domain *domain[2];
	struct iommu_device *dev[2];
	struct iommu_group *group = open_pair(dev);

	ck_assert_int_eq(iommu_group_claim(group, &fake), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(iommu_domain_alloc(group, &domain[i]), 0);
	ck_assert_int_eq(iommu_attach_group(domain[0], group), 0);
	fake.fail_attach = 2;
	fake.attaches = 0;
	ck_assert_int_eq(iommu_replace_group(domain[1], group), -EINVAL);
	fake.fail_attach = 0;
	ck_assert_ptr_eq(group->domain, domain[0]);
	ck_assert_uint_eq(fake_domain(domain[0])->devices, 2);
	ck_assert_uint_eq(fake_domain(domain[1])->devices, 0);
	audit();
	iommu_detach_group(domain[0], group);
	iommu_group_release(group);
	for (unsigned i = 0; i < 2; i++)
		iommu_domain_free(domain[i]);
}
END_TEST

START_TEST(a_pasid_is_that_of_every_device_of_the_group_or_of_none)
{
	struct iommu_domain *domain[2];
	struct iommu_device *dev[2];
	struct iommu_group *group = open_pair(dev);

	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(iommu_domain_alloc(group, &domain[i]), 0);
	dev[1]->max_pasids = 8;
	ck_assert_int_eq(iommu_attach_pasid(domain[0], dev[0], 8), -EINVAL);
	ck_assert_int_eq(iommu_attach_pasid(domain[0], dev[0], 7), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_ptr_eq(note_of(dev[i], 7)->domain, domain[0]);
	ck_assert_int_eq(iommu_attach_pasid(domain[0], dev[1], 7), -EBUSY);
	/* The second device refuses. */
	fail_set_pasid = 2;
	ck_assert_int_eq(iommu_replace_pasid(domain[1], dev[0], 7), -EINVAL);
	fail_set_pasid = 2;
	sets = 0;
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev[0], 6), -EINVAL);
	fail_set_pasid = sets = 0;
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_ptr_eq(note_of(dev[i], 7)->domain, domain[0]);
		ck_assert_ptr_null(note_of(dev[i], 6)->domain);
	}
	/* One without PASIDs does not count. */
	dev[1]->max_pasids = 0;
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev[1], 63), 0);
	ck_assert_ptr_eq(note_of(dev[0], 63)->domain, domain[1]);
	ck_assert_ptr_null(note_of(dev[1], 63)->domain);
	ck_assert_uint_eq(group->pasid_count, 2);
	audit();
	dev[1]->max_pasids = 64;
	note_of(dev[1], 63)->domain = domain[1];
	iommu_detach_pasid(domain[1], dev[0], 63);
	iommu_detach_pasid(domain[0], dev[1], 7);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_ptr_null(note_of(dev[i], 7)->domain);
		iommu_domain_free(domain[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtual devices");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, each_has_a_group_and_a_bus_of_its_own);
	tcase_add_test(tc, what_leaves_gives_its_group_number_back);
	tcase_add_test(tc, one_that_cannot_be_added_leaves_nothing);
	tcase_add_test(tc, they_are_claimed_attached_and_replaced_as_any);
	tcase_add_test(tc, drivers_without_the_operations_of_iommufd_say_so);
	tcase_add_test(tc, what_a_viommu_makes_belongs_to_its_driver_not_to_its_parents);
	tcase_add_test(tc, a_replacement_that_fails_half_way_puts_all_devices_back);
	tcase_add_test(tc, a_pasid_is_that_of_every_device_of_the_group_or_of_none);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
