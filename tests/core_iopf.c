// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recoverable faults: requests gathered into groups, who gets them, and answers that reach the
 * device; first with a driver that only writes down what it is asked, then through a VT-d unit's
 * queue, from a function's page request to the response that it receives.
 */
#include "core_fake.h"
#include "drv_user_rig.h"
#include "harness.h"

/* ---- a driver that writes down ---- */

static struct fake_machine fake;
static struct iommu_driver driver;
static struct {
	unsigned answers, code, enables, disables, grpid;
	int enable_rc;
} seen;
static struct iopf_group *taken[8];
static unsigned taken_count;

static void fake_response(struct iommu_device *dev, const struct iopf_fault *last, unsigned code)
{
	(void)dev;
	seen.answers++;
	seen.code = code;
	seen.grpid = last->grpid;
}

static int fake_iopf_enable(struct iommu_device *dev)
{
	(void)dev;
	seen.enables++;
	return seen.enable_rc;
}

static void fake_iopf_disable(struct iommu_device *dev)
{
	(void)dev;
	seen.disables++;
}

static int fake_set_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid,
			  struct iommu_domain *old)
{
	(void)domain, (void)dev, (void)pasid, (void)old;
	return 0;
}

static void fake_remove_pasid(struct iommu_domain *domain, struct iommu_device *dev, uint32_t pasid)
{
	(void)domain, (void)dev, (void)pasid;
}

static void take(struct iommu_domain *domain, struct iopf_group *group)
{
	ck_assert_ptr_eq(group->domain, domain);
	ck_assert_uint_lt(taken_count, SIO_ARRAY_SIZE(taken));
	taken[taken_count++] = group;
}

static int probe(void *ctx, struct iommu_device *dev)
{
	int rc = fake_probe(ctx, dev);

	if (!rc)
		dev->driver = &driver;
	return rc;
}

static struct iommu_device *open_device(void)
{
	fake_open(&fake);
	driver = fake_driver;
	driver.page_response = fake_response;
	driver.iopf_enable = fake_iopf_enable;
	driver.iopf_disable = fake_iopf_disable;
	driver.set_pasid = fake_set_pasid;
	driver.remove_pasid = fake_remove_pasid;
	fake.probe.device = probe;
	memset(&seen, 0, sizeof(seen));
	taken_count = 0;
	fake_single(&fake);
	return iommu_device_find(&fake.iommu, 0, PCI_RID(0, PCI_DEVFN(0x10, 0)));
}

/* A claimed device on a domain that takes faults. */
static struct iommu_domain *attach_handler(struct iommu_device *dev)
{
	struct iommu_domain *domain;

	ck_assert_int_eq(iommu_group_claim(dev->group, &fake), 0);
	ck_assert_int_eq(iommu_domain_alloc(dev->group, &domain), 0);
	domain->iopf_handler = take;
	ck_assert_int_eq(iommu_attach_group(domain, dev->group), 0);
	return domain;
}

static void detach(struct iommu_device *dev, struct iommu_domain *domain)
{
	iommu_detach_group(domain, dev->group);
	iommu_group_release(dev->group);
	iommu_domain_free(domain);
}

static int report(struct iommu_device *dev, uint32_t grpid, uint64_t addr, bool last)
{
	return iommu_report_fault(
		&(struct iopf_fault){.dev = dev, .grpid = grpid, .addr = addr, .last = last});
}

/* A failure plan; "" clears it. */
static void plan(const char *text)
{
	char why[INJECT_ERROR_LEN];

	ck_assert_msg(!inject_plan(&fake.iommu.inject, text, why), "%s", why);
}

START_TEST(requests_wait_for_the_last_of_their_group)
{
	struct iommu_device *dev = open_device();
	struct iommu_domain *domain = attach_handler(dev);

	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	/* Two groups, one in the other. */
	ck_assert_int_eq(report(dev, 7, 0x1000, false), 0);
	ck_assert_int_eq(report(dev, 8, 0x9000, false), 0);
	ck_assert_int_eq(report(dev, 7, 0x2000, false), 0);
	ck_assert_uint_eq(taken_count, 0);
	ck_assert_int_eq(report(dev, 7, 0x3000, true), 0);
	ck_assert_uint_eq(taken_count, 1);
	ck_assert_ptr_eq(taken[0]->dev, dev);
	ck_assert_uint_eq(taken[0]->count, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(taken[0]->faults[i].addr, 0x1000 * (i + 1));
	ck_assert(taken[0]->faults[2].last);
	ck_assert_uint_eq(dev->partial_count, 1);
	ck_assert_int_eq(report(dev, 8, 0xa000, true), 0);
	ck_assert_uint_eq(taken[1]->count, 2);
	ck_assert_uint_eq(taken[1]->faults[0].addr, 0x9000);
	ck_assert_uint_eq(dev->partial_count, 0);
	ck_assert_uint_eq(seen.answers, 0);
	iopf_group_respond(taken[1], IOPF_SUCCESS);
	ck_assert_uint_eq(seen.answers, 1);
	ck_assert_uint_eq(seen.grpid, 8);
	ck_assert_uint_eq(seen.code, IOPF_SUCCESS);
	iopf_group_respond(taken[0], IOPF_INVALID);
	ck_assert_uint_eq(seen.code, IOPF_INVALID);
	ck_assert_int_eq(report(dev, 1, 0, true), 0);
	iopf_group_free(taken[2]);
	ck_assert_uint_eq(seen.answers, 2);
	iommu_iopf_disable(dev);
	detach(dev, domain);
	fake_close(&fake);
}
END_TEST

START_TEST(what_nobody_takes_is_answered_as_invalid)
{
	struct iommu_device *dev = open_device();
	struct iommu_domain *domain;

	/* On its default domain, requests off. */
	ck_assert_int_eq(report(dev, 3, 0, true), -EINVAL);
	ck_assert_uint_eq(seen.answers, 1);
	ck_assert_uint_eq(seen.code, IOPF_INVALID);
	ck_assert_uint_eq(seen.grpid, 3);
	domain = attach_handler(dev);
	/* A handler, but nobody wanted requests. */
	ck_assert_int_eq(report(dev, 4, 0, true), -EINVAL);
	ck_assert_uint_eq(seen.answers, 2);
	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	ck_assert_int_eq(report(dev, 5, 0, false), 0);
	domain->iopf_handler = NULL;
	/* Of one that is not the last nothing is heard. */
	ck_assert_int_eq(report(dev, 5, 0, false), -EINVAL);
	ck_assert_uint_eq(seen.answers, 2);
	ck_assert_int_eq(report(dev, 5, 0, true), -EINVAL);
	ck_assert_uint_eq(seen.answers, 3);
	ck_assert_uint_eq(dev->partial_count, 0);
	ck_assert_uint_eq(taken_count, 0);
	iommu_iopf_disable(dev);
	detach(dev, domain);
	fake_close(&fake);
}
END_TEST

START_TEST(a_pasid_has_a_handler_of_its_own)
{
	struct iommu_device *dev = open_device();
	struct iommu_domain *domain = attach_handler(dev), *other;
	struct iopf_fault fault = {.dev = dev, .has_pasid = true, .pasid = 5, .last = true};

	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	ck_assert_int_eq(iommu_domain_alloc(dev->group, &other), 0);
	other->iopf_handler = take;
	dev->max_pasids = 16;
	ck_assert_int_eq(iommu_attach_pasid(other, dev, 5), 0);
	ck_assert_int_eq(iommu_report_fault(&fault), 0);
	ck_assert_ptr_eq(taken[0]->domain, other);
	fault.pasid = 6;
	ck_assert_int_eq(iommu_report_fault(&fault), -EINVAL);
	/* PASID 0 stands for requests without one. */
	fault.pasid = 0;
	ck_assert_int_eq(iommu_report_fault(&fault), 0);
	ck_assert_ptr_eq(taken[1]->domain, domain);
	for (unsigned i = 0; i < 2; i++)
		iopf_group_respond(taken[i], IOPF_SUCCESS);
	iommu_detach_pasid(other, dev, 5);
	iommu_domain_free(other);
	iommu_iopf_disable(dev);
	detach(dev, domain);
	fake_close(&fake);
}
END_TEST

START_TEST(a_guests_tables_may_know_more_pasids_than_are_attached)
{
	struct iommu_device *dev = open_device();
	struct iommu_domain *domain = attach_handler(dev);
	const struct iopf_fault fault = {.dev = dev, .has_pasid = true, .pasid = 5, .last = true};

	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	domain->type = IOMMU_DOMAIN_NESTED;
	ck_assert_int_eq(iommu_report_fault(&fault), -EINVAL);
	driver.user_pasid_table = true;
	ck_assert_int_eq(iommu_report_fault(&fault), 0);
	ck_assert_ptr_eq(taken[0]->domain, domain);
	iopf_group_respond(taken[0], IOPF_SUCCESS);
	/* The tables of the host know what is attached. */
	domain->type = IOMMU_DOMAIN_UNMANAGED;
	ck_assert_int_eq(iommu_report_fault(&fault), -EINVAL);
	iommu_iopf_disable(dev);
	detach(dev, domain);
	fake_close(&fake);
}
END_TEST

START_TEST(page_requests_are_on_while_anyone_wants_them)
{
	struct iommu_device *dev = open_device();

	seen.enable_rc = -ENODEV;
	ck_assert_int_eq(iommu_iopf_enable(dev), -ENODEV);
	ck_assert_uint_eq(dev->iopf_users, 0);
	seen.enable_rc = 0;
	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	ck_assert_uint_eq(seen.enables, 2);
	iommu_iopf_disable(dev);
	ck_assert_uint_eq(seen.disables, 0);
	iommu_iopf_disable(dev);
	ck_assert_uint_eq(seen.disables, 1);
	driver.iopf_enable = NULL;
	ck_assert_int_eq(iommu_iopf_enable(dev), -ENODEV);
	fake_close(&fake);
}
END_TEST

START_TEST(without_memory_the_device_is_told_and_nothing_stays)
{
	struct iommu_device *dev = open_device();
	struct iommu_domain *domain = attach_handler(dev);

	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	ck_assert_int_eq(report(dev, 2, 0, false), 0);
	plan("alloc:nth=1");
	ck_assert_int_eq(report(dev, 2, 0, true), -ENOMEM);
	ck_assert_uint_eq(seen.answers, 1);
	ck_assert_uint_eq(seen.code, IOPF_INVALID);
	ck_assert_uint_eq(dev->partial_count, 0);
	plan("alloc:nth=1");
	ck_assert_int_eq(report(dev, 2, 0, false), -ENOMEM);
	plan("");
	/* One that waits when the machine ends. */
	ck_assert_int_eq(report(dev, 2, 0, false), 0);
	iommu_iopf_disable(dev);
	ck_assert_uint_eq(dev->partial_count, 0);
	detach(dev, domain);
	fake_close(&fake);
}
END_TEST

/* ---- through a unit's queue ---- */

static struct user_rig u;
static struct iommu_domain *domain;

static void open_unit(const char *kernel, uint64_t ecap)
{
	taken_count = 0;
	user_open(&u, CAP_48, ecap, true, kernel);
	domain = user_domain(&u, IOMMU_ALLOC_PASID);
	domain->iopf_handler = take;
	user_claim(&u, RID_A);
	ck_assert_int_eq(iommu_attach_group(domain, rig_group(&u.rig, RID_A)), 0);
}

static void teardown_unit(void)
{
	struct iommu_device *dev = user_device(&u, RID_A);

	while (dev->group->pasid_count)
		iommu_detach_pasid(domain, dev, dev->group->pasids[0].pasid);
	while (dev->iopf_users)
		iommu_iopf_disable(dev);
	user_release(&u, RID_A);
	iommu_domain_free(domain);
	ck_assert_uint_eq(u.rig.stale, 0);
	user_close(&u);
}

static bool ask(uint16_t group, uint32_t pasid, iova_t iova, bool last)
{
	const struct ats_page_request req = {
		.has_pasid = pasid != 0,
		.pasid = pasid,
		.iova = iova,
		.write = true,
		.last = last,
		.group = group,
	};

	return ats_page_request(u.ats_a, &req);
}

static void interrupt(void)
{
	drv_vtd_fault_irq(u.rig.drv, u.rig.msi_address, u.rig.msi_data);
}

/* The code of the only answer that the function got. */
static unsigned answered(uint16_t group)
{
	struct ats_response response;

	ck_assert(ats_next_response(u.ats_a, &response));
	ck_assert_uint_eq(response.group, group);
	ck_assert(!ats_next_response(u.ats_a, &(struct ats_response){0}));
	return response.code;
}

START_TEST(a_function_asks_the_handler_maps_and_the_access_is_repeated)
{
	struct dma_req req = {.iova = 0x5000, .len = 4, .kind = DMA_WRITE};
	struct iommu_device *dev;
	uint32_t word = 0x1234;

	open_unit("7.2", ECAP_ALL);
	dev = user_device(&u, RID_A);
	ck_assert(!ask(1, 0, 0x5000, true));
	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	ck_assert_int_eq(ats_access(u.ats_a, &req, &word).outcome, ATS_NOT_PERMITTED);
	ck_assert(ask(1, 0, 0x4000, false));
	ck_assert(ask(1, 0, 0x5000, true));
	ck_assert_uint_eq(u.rig.msis, 1);
	interrupt();
	ck_assert_uint_eq(taken_count, 1);
	ck_assert_ptr_eq(taken[0]->dev, dev);
	ck_assert_uint_eq(taken[0]->count, 2);
	ck_assert_uint_eq(taken[0]->faults[0].addr, 0x4000);
	ck_assert_uint_eq(taken[0]->faults[1].addr, 0x5000);
	ck_assert_uint_eq(taken[0]->faults[1].perm, IOMMU_PGFAULT_PERM_WRITE);
	ck_assert_uint_eq(taken[0]->faults[1].grpid, 1);
	ck_assert(!taken[0]->faults[1].has_pasid);
	ck_assert_int_eq(rig_map(domain, 0x5000, 0x4000000, 0x1000, IOMMU_READ | IOMMU_WRITE), 0);
	iopf_group_respond(taken[0], IOPF_SUCCESS);
	ck_assert_uint_eq(answered(1), ATS_RESPONSE_SUCCESS);
	ck_assert_int_eq(ats_access(u.ats_a, &req, &word).outcome, ATS_OK);
	/* Another event for what comes later. */
	ck_assert(ask(2, 0, 0x6000, true));
	ck_assert_uint_eq(u.rig.msis, 2);
	interrupt();
	iopf_group_respond(taken[1], IOPF_INVALID);
	ck_assert_uint_eq(answered(2), ATS_RESPONSE_INVALID);
}
END_TEST

START_TEST(requests_with_a_pasid_go_to_its_domain_in_every_kernel)
{
	struct iommu_device *dev;

	open_unit(_i ? "7.2" : "6.12", ECAP_ALL);
	dev = user_device(&u, RID_A);
	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	ck_assert_int_eq(iommu_attach_pasid(domain, dev, 70000), 0);
	ck_assert(ask(3, 70000, 0x7000, true));
	interrupt();
	ck_assert_uint_eq(taken_count, 1);
	ck_assert(taken[0]->faults[0].has_pasid);
	ck_assert_uint_eq(taken[0]->faults[0].pasid, 70000);
	iopf_group_respond(taken[0], IOPF_SUCCESS);
	ck_assert_uint_eq(answered(3), ATS_RESPONSE_SUCCESS);
	/* One that is attached to nothing. */
	ck_assert(ask(4, 70001, 0x7000, true));
	interrupt();
	ck_assert_uint_eq(answered(4), ATS_RESPONSE_INVALID);
	/* Without PASID 6.12 takes none. */
	ck_assert(ask(5, 0, 0x7000, true));
	interrupt();
	ck_assert_uint_eq(taken_count, _i ? 2 : 1);
	if (_i)
		iopf_group_respond(taken[1], IOPF_SUCCESS);
	ck_assert_uint_eq(answered(5), _i ? ATS_RESPONSE_SUCCESS : ATS_RESPONSE_INVALID);
}
END_TEST

START_TEST(requests_that_no_function_may_make_are_answered_at_once)
{
	static const struct ats_page_request bad[] = {
		{.iova = UINT64_C(0x800000000000), .read = true},
		{.iova = 0x1000, .read = true, .execute = true},
		{.iova = 0x1000, .write = true, .privileged = true},
	};

	open_unit("7.2", ECAP_ALL);
	ck_assert_int_eq(iommu_iopf_enable(user_device(&u, RID_A)), 0);
	for (uint16_t i = 0; i < SIO_ARRAY_SIZE(bad); i++) {
		struct ats_page_request req = bad[i];

		req.has_pasid = true;
		req.pasid = 1;
		req.last = true;
		req.group = i;
		ck_assert(ats_page_request(u.ats_a, &req));
		interrupt();
		ck_assert_uint_eq(answered(i), ATS_RESPONSE_INVALID);
	}
	/* A stop marker asks for nothing, and gets nothing. */
	ck_assert(ats_page_request(u.ats_a, &(struct ats_page_request){.has_pasid = true,
								       .pasid = 1,
								       .last = true,
								       .group = 9}));
	interrupt();
	ck_assert(!ats_next_response(u.ats_a, &(struct ats_response){0}));
	ck_assert_uint_eq(taken_count, 0);
}
END_TEST

START_TEST(a_queue_that_ran_over_forgets_incomplete_groups)
{
	struct iommu_device *dev;
	unsigned n = 0;

	open_unit("7.2", ECAP_ALL);
	dev = user_device(&u, RID_A);
	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	/* 64 KiB of records of 32 bytes; the last place stays free. */
	for (; n < 2047; n++)
		ck_assert(ask((uint16_t)(n & 255), 0, 0x1000, false));
	ck_assert_uint_eq(u.rig.unit[0]->ops->mmio_read(u.rig.unit[0], 0xdc, 4), 1);
	ck_assert(ask(300, 0, 0x1000, true));
	ck_assert_uint_eq(u.rig.unit[0]->ops->mmio_read(u.rig.unit[0], 0xdc, 4), 3);
	ck_assert_uint_eq(answered(300), ATS_RESPONSE_FAILURE);
	interrupt();
	ck_assert_uint_eq(u.rig.unit[0]->ops->mmio_read(u.rig.unit[0], 0xdc, 4), 0);
	ck_assert_uint_eq(dev->partial_count, 0);
	/* It works again. */
	ck_assert(ask(301, 0, 0x1000, true));
	interrupt();
	ck_assert_uint_eq(taken_count, 1);
	ck_assert_uint_eq(taken[0]->count, 1);
	iopf_group_respond(taken[0], IOPF_SUCCESS);
	ck_assert_uint_eq(answered(301), ATS_RESPONSE_SUCCESS);
}
END_TEST

START_TEST(what_is_missing_for_page_requests_is_no_device)
{
	static const uint64_t lacks[] = {ECAP_PRS, ECAP_DT, 0};

	open_unit("7.2", ECAP_ALL & ~lacks[_i]);
	if (!lacks[_i])
		topology_find(&u.rig.topo, 0, RID_A)->pri = false;
	ck_assert_int_eq(iommu_iopf_enable(user_device(&u, RID_A)), -ENODEV);
	ck_assert(!ask(1, 0, 0x1000, true));
	rig_audit(&u.rig);
}
END_TEST

START_TEST(switched_off_a_function_asks_no_more)
{
	struct iommu_device *dev;

	open_unit("7.2", ECAP_ALL);
	dev = user_device(&u, RID_A);
	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	ck_assert(ask(1, 0, 0x1000, false));
	interrupt();
	ck_assert_uint_eq(dev->partial_count, 1);
	iommu_iopf_disable(dev);
	ck_assert_uint_eq(dev->partial_count, 0);
	ck_assert(!ask(1, 0, 0x1000, true));
	ck_assert_int_eq(iommu_iopf_enable(dev), 0);
	ck_assert(ask(1, 0, 0x1000, true));
	/* What is in the queue when it is switched off is answered still. */
	iommu_iopf_disable(dev);
	ck_assert_uint_eq(taken_count, 1);
	iopf_group_free(taken[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("page requests");
	TCase *core = tcase_create("core"), *unit = tcase_create("vtd");

	tcase_add_test(core, requests_wait_for_the_last_of_their_group);
	tcase_add_test(core, what_nobody_takes_is_answered_as_invalid);
	tcase_add_test(core, a_pasid_has_a_handler_of_its_own);
	tcase_add_test(core, a_guests_tables_may_know_more_pasids_than_are_attached);
	tcase_add_test(core, page_requests_are_on_while_anyone_wants_them);
	tcase_add_test(core, without_memory_the_device_is_told_and_nothing_stays);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(unit, NULL, teardown_unit);
	tcase_add_test(unit, a_function_asks_the_handler_maps_and_the_access_is_repeated);
	tcase_add_loop_test(unit, requests_with_a_pasid_go_to_its_domain_in_every_kernel, 0, 2);
	tcase_add_test(unit, requests_that_no_function_may_make_are_answered_at_once);
	tcase_add_test(unit, a_queue_that_ran_over_forgets_incomplete_groups);
	tcase_add_loop_test(unit, what_is_missing_for_page_requests_is_no_device, 0, 3);
	tcase_add_test(unit, switched_off_a_function_asks_no_more);
	suite_add_tcase(suite, unit);
	return run_suite(suite);
}
