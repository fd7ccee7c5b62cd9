// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices of an iommufd: whose they may be, what they are attached to, and what a group of them has
 * in common. The expected answers are those of the kernel's rules, worked out by hand; what the
 * hardware was told is read from the driver.
 */
#include "iommufd_fake.h"

static struct fk fk;
static struct iommufd_ctx *ctx;
static int fd;

static void setup(void)
{
	fk_open(&fk, "6.12");
	ctx = fk_ctx(&fk, &fd);
}

static void teardown(void)
{
	fk_close(&fk);
}

/* ---- binding ---- */

static int bind_error(struct iommufd_ctx *of, unsigned n)
{
	struct iommufd_device *idev;
	uint32_t id;
	int rc = iommufd_device_bind(of, fk.device[n].dev, &idev, &id);

	if (!rc)
		iommufd_device_unbind(idev);
	return rc;
}

START_TEST(a_bound_device_is_an_object_that_no_program_can_destroy)
{
	struct iommufd_device *idev;

	fk_boot(&fk);
	ck_assert_int_eq(fk_ioas(&fk, ctx), 1);
	idev = fk_bind(&fk, ctx, 3);
	ck_assert_uint_eq(iommufd_device_id(idev), 2);
	ck_assert_ptr_eq(iommufd_device_ctx(idev), ctx);
	ck_assert_uint_eq(iommufd_ctx_device_id(ctx, fk.device[3].dev), 2);
	ck_assert_uint_eq(iommufd_ctx_device_id(ctx, fk.device[4].dev), 0);
	ck_assert(iommufd_ctx_has_group(ctx, fk.device[3].dev->group));
	ck_assert_uint_eq(fk_users(ctx, 2), 2);
	ck_assert_int_eq(fk_destroy(&fk, ctx, 2), -EBUSY);
	ck_assert(fk_blocked(&fk, 3));
	iommufd_device_unbind(idev);
	ck_assert_int_eq(fk_destroy(&fk, ctx, 2), -ENOENT);
	ck_assert(!fk_blocked(&fk, 3));
	ck_assert(!iommufd_ctx_has_group(ctx, fk.device[3].dev->group));
	ck_assert_int_eq(fk_ioas(&fk, ctx), 2);
}
END_TEST

START_TEST(binding_refuses_in_the_order_of_coherency_isolation_and_ownership)
{
	struct iommufd_ctx *other;
	struct iommufd_device *idev;
	int fd2;

	fk.no_intremap = true;
	fk_boot(&fk);
	other = fk_ctx(&fk, &fd2);
	fk.device[3].no_coherency = true;
	ck_assert_int_eq(bind_error(ctx, 3), -EINVAL);
	fk.device[3].no_coherency = false;
	ck_assert_int_eq(bind_error(ctx, 3), -EPERM);
	fk.env.allow_unsafe_interrupts = true;
	ck_assert_int_eq(bind_error(ctx, 3), 0);
	fk.env.allow_unsafe_interrupts = false;
	idev = NULL;
	fk.no_intremap = false;
	idev = fk_bind(&fk, other, 3);
	ck_assert_int_eq(bind_error(ctx, 3), -EPERM);
	iommufd_device_unbind(idev);
	ck_assert_int_eq(bind_error(ctx, 3), 0);
}
END_TEST

START_TEST(a_group_cannot_be_split_over_two_descriptors)
{
	struct iommufd_device *a, *b;
	struct iommufd_ctx *other;
	int fd2;

	fk_boot(&fk);
	other = fk_ctx(&fk, &fd2);
	a = fk_bind(&fk, ctx, 0);
	b = fk_bind(&fk, ctx, 1);
	ck_assert_int_eq(bind_error(other, 2), -EPERM);
	iommufd_device_unbind(a);
	ck_assert_int_eq(bind_error(other, 2), -EPERM);
	iommufd_device_unbind(b);
	ck_assert_int_eq(bind_error(other, 2), 0);
}
END_TEST

START_TEST(a_group_with_a_kernel_driver_cannot_be_claimed)
{
	fk_boot(&fk);
	ck_assert_int_eq(iommu_device_bind(fk.device[1].dev, "e1000e"), 0);
	ck_assert_int_eq(bind_error(ctx, 0), -EPERM);
	ck_assert_int_eq(iommu_device_unbind(fk.device[1].dev), 0);
	ck_assert_int_eq(bind_error(ctx, 0), 0);
}
END_TEST

START_TEST(a_group_that_is_on_another_domain_cannot_be_claimed)
{
	struct iommu_group *group;
	struct iommu_domain *domain;

	fk_boot(&fk);
	group = fk.device[3].dev->group;
	ck_assert_int_eq(iommu_domain_alloc_user(fk.device[3].dev, 0, NULL, &domain), 0);
	ck_assert_int_eq(iommu_attach_group(domain, group), 0);
	ck_assert_int_eq(bind_error(ctx, 3), -EBUSY);
	iommu_detach_group(domain, group);
	iommu_domain_free(domain);
	ck_assert_int_eq(bind_error(ctx, 3), 0);
}
END_TEST

START_TEST(a_bound_device_keeps_its_context_open)
{
	struct iommufd_device *idev;

	fk_boot(&fk);
	idev = fk_bind(&fk, ctx, 3);
	ck_assert_int_eq(fd_close(fk.caller.fds, fd), 0);
	ck_assert_uint_eq(fk.env.live, 1);
	iommufd_device_unbind(idev);
	ck_assert_uint_eq(fk.env.live, 0);
}
END_TEST

/* ---- attaching ---- */

START_TEST(a_target_must_exist_and_translate)
{
	struct iommufd_device *idev;
	int fault_fd;
	long fault;

	fk_boot(&fk);
	idev = fk_bind(&fk, ctx, 3);
	fault = fk_fault_queue(&fk, ctx, &fault_fd);
	ck_assert_int_gt(fault, 0);
	ck_assert_int_eq(fk_attach_pt(idev, 0, 99), -ENOENT);
	ck_assert_int_eq(fk_attach_pt(idev, 0, 0), -ENOENT);
	ck_assert_int_eq(fk_attach_pt(idev, 0, iommufd_device_id(idev)), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(idev, 0, fault), -EINVAL);
	ck_assert_int_eq(fk_replace_pt(idev, 0, 99), -ENOENT);
	ck_assert_int_eq(fk_replace_pt(idev, 0, fault), -EINVAL);
	ck_assert(!iommufd_device_attached(idev, 0));
	iommufd_device_detach(idev, 0);
	ck_assert(fk_blocked(&fk, 3));
	iommufd_device_unbind(idev);
}
END_TEST

START_TEST(the_first_device_moves_its_group_and_the_last_leaves_it_blocked)
{
	struct iommufd_device *a, *b;
	struct fk_domain *domain;
	long ioas, hwpt, other;

	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 0);
	b = fk_bind(&fk, ctx, 1);
	ioas = fk_ioas(&fk, ctx);
	hwpt = fk_hwpt(&fk, ctx, iommufd_device_id(a), ioas, 0);
	other = fk_hwpt(&fk, ctx, iommufd_device_id(a), ioas, 0);
	domain = fk_domain_of(ctx, hwpt);
	ck_assert_int_eq(fk_attach_pt(a, 0, hwpt), hwpt);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_eq(fk.device[i].domain, domain);
	ck_assert_int_eq(fk_attach_pt(b, 0, other), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(b, 0, hwpt), hwpt);
	ck_assert_uint_eq(fk_users(ctx, hwpt), 3);
	ck_assert_uint_eq(fk_users(ctx, ioas), 3);
	ck_assert_uint_eq(fk_users(ctx, iommufd_device_id(b)), 3);
	ck_assert_int_eq(fk_destroy(&fk, ctx, hwpt), -EBUSY);
	iommufd_device_detach(a, 0);
	ck_assert_ptr_eq(fk.device[0].domain, domain);
	ck_assert(!iommufd_device_attached(a, 0));
	ck_assert(iommufd_device_attached(b, 0));
	iommufd_device_detach(b, 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(fk_blocked(&fk, i));
	ck_assert_uint_eq(fk_users(ctx, hwpt), 1);
	ck_assert_int_eq(fk_destroy(&fk, ctx, hwpt), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, ioas), -EBUSY);
	iommufd_device_unbind(a);
	iommufd_device_unbind(b);
}
END_TEST

START_TEST(an_attach_that_the_driver_refuses_changes_nothing)
{
	struct iommufd_device *a;
	long ioas, hwpt;

	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 0);
	ioas = fk_ioas(&fk, ctx);
	hwpt = fk_hwpt(&fk, ctx, iommufd_device_id(a), ioas, 0);
	/* The first device of the group moved already when the third one refuses. */
	fk.device[2].attach_error = -EIO;
	ck_assert_int_eq(fk_attach_pt(a, 0, hwpt), -EIO);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(fk_blocked(&fk, i));
	ck_assert_uint_eq(fk_users(ctx, hwpt), 1);
	ck_assert_uint_eq(fk_users(ctx, iommufd_device_id(a)), 2);
	ck_assert_int_eq(fk_attach_pt(a, 0, hwpt), hwpt);
	iommufd_device_detach(a, 0);
	iommufd_device_unbind(a);
}
END_TEST

/* ---- reserved regions ---- */

static struct io_pagetable *iopt_of(long ioas)
{
	return iommufd_ioas_find(ctx, (uint32_t)ioas)->iopt;
}

/* The gaps, as "first-last first-last ..." in pages. */
static const char *usable(long ioas)
{
	static char text[256];
	struct iopt_range range;
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; iopt_usable_at(iopt_of(ioas), i, &range); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llx-%llx", i ? " " : "",
					(unsigned long long)(range.first / PAGE),
					(unsigned long long)(range.last / PAGE));
	return text;
}

#define ALL      "0-fffffffffffff"
#define APERTURE "0-ff"
#define REGION(n)                                              \
	{                                                      \
		(n) * PAGE, (n)*PAGE + PAGE - 1, RESV_RESERVED \
	}

START_TEST(each_device_brings_its_own_reserved_regions)
{
	struct iommufd_device *a, *b;
	long ioas, hwpt;

	fk.device[0].resv[0] = (struct resv_region)REGION(0x10);
	fk.device[1].resv[0] = (struct resv_region)REGION(0x20);
	fk.device[1].resv[1] =
		(struct resv_region){0x40 * PAGE, 0x41 * PAGE - 1, RESV_DIRECT_RELAXABLE};
	fk.device[0].resv_count = 1;
	fk.device[1].resv_count = 2;
	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 0);
	b = fk_bind(&fk, ctx, 1);
	ioas = fk_ioas(&fk, ctx);
	ck_assert_str_eq(usable(ioas), ALL);
	hwpt = fk_hwpt(&fk, ctx, iommufd_device_id(a), ioas, 0);
	ck_assert_str_eq(usable(ioas), APERTURE);
	ck_assert_int_eq(fk_attach_pt(a, 0, hwpt), hwpt);
	ck_assert_str_eq(usable(ioas), "0-f 11-ff");
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0x10 * PAGE, FK_VA, 1), -EINVAL);
	/* What the second one needs is taken. */
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0x20 * PAGE, FK_VA, 1), 0);
	ck_assert_int_eq(fk_attach_pt(b, 0, hwpt), -EADDRINUSE);
	ck_assert_uint_eq(fk_users(ctx, hwpt), 2);
	ck_assert_int_eq(fk_unmap(&fk, ctx, ioas, 0x20 * PAGE, 1), 0);
	ck_assert_int_eq(fk_attach_pt(b, 0, hwpt), hwpt);
	ck_assert_str_eq(usable(ioas), "0-f 11-1f 21-ff");
	iommufd_device_detach(a, 0);
	ck_assert_str_eq(usable(ioas), "0-1f 21-ff");
	iommufd_device_detach(b, 0);
	ck_assert_str_eq(usable(ioas), APERTURE);
	ck_assert_int_eq(fk_destroy(&fk, ctx, hwpt), 0);
	ck_assert_str_eq(usable(ioas), ALL);
	iommufd_device_unbind(a);
	iommufd_device_unbind(b);
}
END_TEST

START_TEST(an_allowed_range_keeps_a_reserved_region_out)
{
	struct iommu_iova_range range = {0x8 * PAGE, 0x18 * PAGE - 1};
	struct iommu_ioas_allow_iovas cmd = {.size = sizeof(cmd),
					     .num_iovas = 1,
					     .allowed_iovas = (uintptr_t)&range};
	struct iommufd_device *a;
	long ioas;

	fk.device[3].resv[0] = (struct resv_region)REGION(0x10);
	fk.device[3].resv_count = 1;
	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 3);
	ioas = fk_ioas(&fk, ctx);
	cmd.ioas_id = (uint32_t)ioas;
	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_IOAS_ALLOW_IOVAS, &cmd), 0);
	ck_assert_int_eq(fk_attach_pt(a, 0, ioas), -EADDRINUSE);
	ck_assert_str_eq(usable(ioas), ALL);
	ck_assert(fk_blocked(&fk, 3));
	iommufd_device_unbind(a);
}
END_TEST

START_TEST(a_device_has_one_kind_of_interrupt_window)
{
	static const enum resv_type kinds[][2] = {{RESV_MSI, RESV_SW_MSI},
						  {RESV_SW_MSI, RESV_SW_MSI}};
	struct iommufd_device *a;
	long ioas;

	for (unsigned i = 0; i < 2; i++)
		fk.device[3].resv[i] =
			(struct resv_region){(0x10 + 2 * i) * PAGE, (0x11 + 2 * i) * PAGE - 1,
					     kinds[_i][i]};
	fk.device[3].resv_count = 2;
	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 3);
	ioas = fk_ioas(&fk, ctx);
	ck_assert_int_eq(fk_attach_pt(a, 0, ioas), -EINVAL);
	ck_assert_str_eq(usable(ioas), ALL);
	iommufd_device_unbind(a);
}
END_TEST

/* ---- automatic domains ---- */

static unsigned hwpt_count(long ioas)
{
	struct iommufd_hwpt_paging *paging = iommufd_ioas_find(ctx, (uint32_t)ioas)->hwpts;
	unsigned count = 0;

	for (; paging; paging = paging->next)
		count++;
	return count;
}

START_TEST(automatic_domains_are_tried_in_order_of_creation)
{
	struct iommufd_device *a, *b, *c;
	long ioas, manual, first, second;

	fk.device[4].model = fk.device[5].model = 2;
	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 3);
	b = fk_bind(&fk, ctx, 4);
	c = fk_bind(&fk, ctx, 5);
	ioas = fk_ioas(&fk, ctx);
	manual = fk_hwpt(&fk, ctx, iommufd_device_id(b), ioas, 0);
	first = fk_attach_pt(a, 0, ioas);
	ck_assert_int_gt(first, manual);
	/* Not the manual one, though it would do; not the first one, which does not. */
	second = fk_attach_pt(b, 0, ioas);
	ck_assert_int_gt(second, first);
	ck_assert_int_eq(fk_attach_pt(c, 0, ioas), second);
	ck_assert_uint_eq(hwpt_count(ioas), 3);
	ck_assert_uint_eq(fk_users(ctx, second), 3);
	ck_assert_uint_eq(fk_users(ctx, manual), 1);
	iommufd_device_detach(c, 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, second), -EBUSY);
	iommufd_device_detach(b, 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, second), -ENOENT);
	ck_assert_int_eq(fk_destroy(&fk, ctx, manual), 0);
	/* The order is that of creation, not of ids: the new one has the lowest id and comes last.
	 */
	fk.device[4].model = 2;
	ck_assert_int_eq(fk_attach_pt(b, 0, ioas), manual);
	fk.device[5].model = 1;
	ck_assert_int_eq(fk_attach_pt(c, 0, ioas), first);
	iommufd_device_detach(a, 0);
	iommufd_device_detach(b, 0);
	iommufd_device_detach(c, 0);
	ck_assert_uint_eq(hwpt_count(ioas), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, ioas), 0);
	iommufd_device_unbind(a);
	iommufd_device_unbind(b);
	iommufd_device_unbind(c);
}
END_TEST

START_TEST(any_other_errno_than_incompatible_ends_the_search)
{
	struct iommufd_device *a, *b;
	long ioas, first;

	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 3);
	b = fk_bind(&fk, ctx, 4);
	ioas = fk_ioas(&fk, ctx);
	first = fk_attach_pt(a, 0, ioas);
	fk.device[4].attach_error = -EIO;
	ck_assert_int_eq(fk_attach_pt(b, 0, ioas), -EIO);
	ck_assert_uint_eq(hwpt_count(ioas), 1);
	fk.device[4].attach_error = -EINVAL;
	ck_assert_int_gt(fk_attach_pt(b, 0, ioas), first);
	ck_assert_uint_eq(hwpt_count(ioas), 2);
	iommufd_device_detach(a, 0);
	iommufd_device_detach(b, 0);
	iommufd_device_unbind(a);
	iommufd_device_unbind(b);
}
END_TEST

START_TEST(a_domain_that_cannot_be_filled_lets_the_device_go_again)
{
	struct iommufd_device *a;
	long ioas;

	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 3);
	ioas = fk_ioas(&fk, ctx);
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0, FK_VA, 2), 0);
	/* The last page of this one does not exist. */
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0x20 * PAGE, FK_VA + (FK_MEMORY - 1) * PAGE, 2), 0);
	ck_assert_int_eq(fk_attach_pt(a, 0, ioas), -EFAULT);
	ck_assert(fk_blocked(&fk, 3));
	ck_assert_uint_eq(hwpt_count(ioas), 0);
	ck_assert_uint_eq(fk_users(ctx, ioas), 1);
	ck_assert_uint_eq(phys_pins_total(fk.phys), 0);
	ck_assert_int_eq(fk_unmap(&fk, ctx, ioas, 0x20 * PAGE, 2), 0);
	/* Beyond the aperture of the device. */
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, FK_SPAN, FK_VA, 1), 0);
	ck_assert_int_eq(fk_attach_pt(a, 0, ioas), -EADDRINUSE);
	ck_assert(fk_blocked(&fk, 3));
	ck_assert_str_eq(usable(ioas), ALL);
	ck_assert_int_eq(fk_unmap(&fk, ctx, ioas, FK_SPAN, 1), 0);
	ck_assert_int_gt(fk_attach_pt(a, 0, ioas), 0);
	ck_assert_uint_eq(phys_pins_total(fk.phys), 2);
	iommufd_device_detach(a, 0);
	ck_assert_uint_eq(phys_pins_total(fk.phys), 0);
	iommufd_device_unbind(a);
}
END_TEST

START_TEST(a_domain_enforces_coherency_if_its_device_can)
{
	struct iommufd_device *a;
	long ioas, hwpt;

	fk.device[3].enforce = true;
	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 3);
	ioas = fk_ioas(&fk, ctx);
	hwpt = fk_hwpt(&fk, ctx, iommufd_device_id(a), ioas, 0);
	ck_assert(iommufd_hwpt_paging_find(ctx, (uint32_t)hwpt)->enforce_coherency);
	fk.device[0].no_enforce = true;
	ck_assert_int_eq(fk_hwpt(&fk, ctx, iommufd_device_id(a), ioas, 0), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(a, 0, ioas), -EINVAL);
	ck_assert_uint_eq(hwpt_count(ioas), 1);
	iommufd_device_unbind(a);
}
END_TEST

/* ---- replacing ---- */

START_TEST(a_replacement_moves_the_whole_group_and_its_reserved_regions)
{
	struct iommufd_device *a, *b;
	long one, two, hwpt, old;

	fk.device[0].resv[0] = (struct resv_region)REGION(0x10);
	fk.device[1].resv[0] = (struct resv_region)REGION(0x20);
	fk.device[0].resv_count = fk.device[1].resv_count = 1;
	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 0);
	b = fk_bind(&fk, ctx, 1);
	one = fk_ioas(&fk, ctx);
	two = fk_ioas(&fk, ctx);
	hwpt = fk_hwpt(&fk, ctx, iommufd_device_id(a), two, 0);
	ck_assert_int_eq(fk_replace_pt(a, 0, hwpt), -EINVAL);
	old = fk_attach_pt(a, 0, one);
	ck_assert_int_eq(fk_replace_pt(b, 0, hwpt), -EINVAL);
	ck_assert_int_eq(fk_attach_pt(b, 0, one), old);
	ck_assert_int_eq(fk_replace_pt(b, 0, old), old);
	ck_assert_int_eq(fk_replace_pt(b, 0, one), old);
	/* Of any device of the group: it is the group that comes. */
	ck_assert_int_eq(fk_map(&fk, ctx, two, 0x10 * PAGE, FK_VA, 1), 0);
	ck_assert_int_eq(fk_replace_pt(b, 0, hwpt), -EADDRINUSE);
	ck_assert_str_eq(usable(one), "0-f 11-1f 21-ff");
	ck_assert_str_eq(usable(two), APERTURE);
	ck_assert_int_eq(fk_unmap(&fk, ctx, two, 0x10 * PAGE, 1), 0);
	ck_assert_int_eq(fk_replace_pt(b, 0, hwpt), hwpt);
	ck_assert_str_eq(usable(one), ALL);
	ck_assert_str_eq(usable(two), "0-f 11-1f 21-ff");
	ck_assert_int_eq(fk_destroy(&fk, ctx, old), -ENOENT);
	ck_assert_uint_eq(fk_users(ctx, hwpt), 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_eq(fk.device[i].domain, fk_domain_of(ctx, hwpt));
	iommufd_device_detach(a, 0);
	iommufd_device_detach(b, 0);
	ck_assert_str_eq(usable(two), APERTURE);
	iommufd_device_unbind(a);
	iommufd_device_unbind(b);
}
END_TEST

START_TEST(a_replacement_that_fails_keeps_the_old_domain)
{
	struct iommufd_device *a;
	long one, two, hwpt, old;

	fk.device[0].resv[0] = (struct resv_region)REGION(0x10);
	fk.device[0].resv_count = 1;
	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 0);
	one = fk_ioas(&fk, ctx);
	two = fk_ioas(&fk, ctx);
	hwpt = fk_hwpt(&fk, ctx, iommufd_device_id(a), two, 0);
	old = fk_attach_pt(a, 0, one);
	fk.device[2].attach_error = -EIO;
	ck_assert_int_eq(fk_replace_pt(a, 0, hwpt), -EIO);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_eq(fk.device[i].domain, fk_domain_of(ctx, old));
	ck_assert_str_eq(usable(one), "0-f 11-ff");
	ck_assert_str_eq(usable(two), APERTURE);
	ck_assert_uint_eq(fk_users(ctx, hwpt), 1);
	ck_assert_uint_eq(fk_users(ctx, old), 2);
	/* A domain that was made for it goes again. */
	ck_assert_int_eq(fk_destroy(&fk, ctx, hwpt), 0);
	fk.device[2].attach_error = -EIO;
	ck_assert_int_eq(fk_replace_pt(a, 0, two), -EIO);
	ck_assert_uint_eq(hwpt_count(two), 0);
	iommufd_device_detach(a, 0);
	iommufd_device_unbind(a);
}
END_TEST

/* The kernel does not look whether the regions were there before. */
START_TEST(a_replacement_that_fails_inside_an_ioas_forgets_the_reserved_regions)
{
	struct iommufd_device *a;
	long ioas, hwpt, other;

	fk.device[3].resv[0] = (struct resv_region)REGION(0x10);
	fk.device[3].resv_count = 1;
	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 3);
	ioas = fk_ioas(&fk, ctx);
	hwpt = fk_hwpt(&fk, ctx, iommufd_device_id(a), ioas, 0);
	other = fk_hwpt(&fk, ctx, iommufd_device_id(a), ioas, 0);
	ck_assert_int_eq(fk_attach_pt(a, 0, hwpt), hwpt);
	fk.device[3].attach_error = -EIO;
	ck_assert_int_eq(fk_replace_pt(a, 0, other), -EIO);
	ck_assert_ptr_eq(fk.device[3].domain, fk_domain_of(ctx, hwpt));
	ck_assert_str_eq(usable(ioas), APERTURE);
	ck_assert_int_eq(fk_replace_pt(a, 0, other), other);
	iommufd_device_detach(a, 0);
	iommufd_device_unbind(a);
}
END_TEST

START_TEST(replacing_by_an_ioas_takes_an_automatic_domain_that_is_there)
{
	struct iommufd_device *a, *b;
	long ioas, first, manual;

	fk_boot(&fk);
	a = fk_bind(&fk, ctx, 3);
	b = fk_bind(&fk, ctx, 4);
	ioas = fk_ioas(&fk, ctx);
	first = fk_attach_pt(a, 0, ioas);
	manual = fk_hwpt(&fk, ctx, iommufd_device_id(b), ioas, 0);
	ck_assert_int_eq(fk_attach_pt(b, 0, manual), manual);
	ck_assert_int_eq(fk_replace_pt(b, 0, ioas), first);
	ck_assert_uint_eq(fk_users(ctx, first), 3);
	ck_assert_uint_eq(fk_users(ctx, manual), 1);
	/* And without one, makes one: the old one goes with its last user. */
	ck_assert_int_eq(fk_replace_pt(a, 0, manual), manual);
	ck_assert_int_eq(fk_replace_pt(b, 0, manual), manual);
	ck_assert_uint_eq(hwpt_count(ioas), 1);
	first = fk_replace_pt(b, 0, ioas);
	ck_assert_int_gt(first, 0);
	ck_assert_int_ne(first, manual);
	iommufd_device_detach(a, 0);
	iommufd_device_detach(b, 0);
	iommufd_device_unbind(a);
	iommufd_device_unbind(b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd_devices");
	TCase *tc = tcase_create("devices");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_bound_device_is_an_object_that_no_program_can_destroy);
	tcase_add_test(tc, binding_refuses_in_the_order_of_coherency_isolation_and_ownership);
	tcase_add_test(tc, a_group_cannot_be_split_over_two_descriptors);
	tcase_add_test(tc, a_group_with_a_kernel_driver_cannot_be_claimed);
	tcase_add_test(tc, a_group_that_is_on_another_domain_cannot_be_claimed);
	tcase_add_test(tc, a_bound_device_keeps_its_context_open);
	tcase_add_test(tc, a_target_must_exist_and_translate);
	tcase_add_test(tc, the_first_device_moves_its_group_and_the_last_leaves_it_blocked);
	tcase_add_test(tc, an_attach_that_the_driver_refuses_changes_nothing);
	tcase_add_test(tc, each_device_brings_its_own_reserved_regions);
	tcase_add_test(tc, an_allowed_range_keeps_a_reserved_region_out);
	tcase_add_loop_test(tc, a_device_has_one_kind_of_interrupt_window, 0, 2);
	tcase_add_test(tc, automatic_domains_are_tried_in_order_of_creation);
	tcase_add_test(tc, any_other_errno_than_incompatible_ends_the_search);
	tcase_add_test(tc, a_domain_that_cannot_be_filled_lets_the_device_go_again);
	tcase_add_test(tc, a_domain_enforces_coherency_if_its_device_can);
	tcase_add_test(tc, a_replacement_moves_the_whole_group_and_its_reserved_regions);
	tcase_add_test(tc, a_replacement_that_fails_keeps_the_old_domain);
	tcase_add_test(tc, a_replacement_that_fails_inside_an_ioas_forgets_the_reserved_regions);
	tcase_add_test(tc, replacing_by_an_ioas_takes_an_automatic_domain_that_is_there);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
