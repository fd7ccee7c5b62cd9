// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware page tables of an iommufd: making them, invalidation, dirty pages, and what a device
 * says about its hardware. Each refusal is met in the kernel's order: of two that apply the first
 * one answers.
 */
#include "iommufd_fake.h"

static struct fk fk;
static struct iommufd_ctx *ctx;
static struct iommufd_device *idev, *other;
static long dev, ioas;
static int fd;

static const char *const kernels[] = {"6.12", "7.2"};

static void start(const char *kernel)
{
	fk_open(&fk, kernel);
	ctx = fk_ctx(&fk, &fd);
}

/* Device 3 and 5 are bound, there is an IOAS. */
static void boot(void)
{
	fk_boot(&fk);
	idev = fk_bind(&fk, ctx, 3);
	other = fk_bind(&fk, ctx, 5);
	dev = iommufd_device_id(idev);
	ioas = fk_ioas(&fk, ctx);
}

static void finish(void)
{
	fk.fail_step = 0;
	iommufd_device_detach(idev, 0);
	iommufd_device_detach(other, 0);
	iommufd_device_unbind(idev);
	iommufd_device_unbind(other);
	fk_close(&fk);
}

static long hwpt(uint32_t flags)
{
	return fk_hwpt(&fk, ctx, dev, ioas, flags);
}

/* ---- HWPT_ALLOC ---- */

START_TEST(allocation_refuses_in_the_kernels_order)
{
	uint32_t value = 0;
	const struct iommu_hwpt_alloc good = {.dev_id = 1, .pt_id = 3};
	struct iommu_hwpt_alloc cmd;

	start(kernels[_i]);
	boot();
	ck_assert_int_eq(dev, 1);
	ck_assert_int_eq(ioas, 3);
	cmd = (struct iommu_hwpt_alloc){.__reserved = 1, .data_len = 4, .dev_id = 99, .pt_id = 99};
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EOPNOTSUPP);
	cmd.__reserved = 0;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	cmd.data_len = 0;
	cmd.data_type = FK_NESTED;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	cmd.data_type = 0;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -ENOENT);
	cmd.dev_id = 3;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -ENOENT);
	cmd.dev_id = 1;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	cmd.pt_id = 2;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	/* Of two objects that are missing, the device counts. */
	cmd = good;
	cmd.flags = UINT32_MAX;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EOPNOTSUPP);
	cmd = good;
	cmd.data_type = FK_NESTED;
	cmd.data_len = sizeof(value);
	cmd.data_uptr = (uintptr_t)&value;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EOPNOTSUPP);
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, good), 4);
	ck_assert_uint_eq(fk_users(ctx, ioas), 2);
	finish();
}
END_TEST

static const struct {
	uint32_t flags;
	long rc[2]; /* by kernel; > 0: works */
} flag_cases[] = {
	{IOMMU_HWPT_ALLOC_NEST_PARENT, {1, 1}},
	{IOMMU_HWPT_ALLOC_DIRTY_TRACKING, {1, 1}},
	{IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING, {1, 1}},
	{IOMMU_HWPT_ALLOC_PASID, {-EOPNOTSUPP, 1}},
	{IOMMU_HWPT_ALLOC_PASID | IOMMU_HWPT_ALLOC_NEST_PARENT, {-EOPNOTSUPP, 1}},
	{IOMMU_HWPT_FAULT_ID_VALID, {-EOPNOTSUPP, 1}},
	{IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_NEST_PARENT, {-EOPNOTSUPP, -EOPNOTSUPP}},
	{IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID, {-EOPNOTSUPP, 1}},
	{1u << 4, {-EOPNOTSUPP, -EOPNOTSUPP}},
	{1u << 31, {-EOPNOTSUPP, -EOPNOTSUPP}},
};

START_TEST(flags_of_a_paging_hwpt_are_those_of_the_kernel)
{
	for (int kernel = 0; kernel < 2; kernel++) {
		const long want = flag_cases[_i].rc[kernel];
		struct fk_domain *domain;
		long fault, made;
		int fault_fd;

		start(kernels[kernel]);
		boot();
		fault = fk_fault_queue(&fk, ctx, &fault_fd);
		made = fk_fault_hwpt(&fk, ctx, dev, ioas, 0, fault);
		ck_assert_int_eq(made < 0 ? made : 1, kernel ? 1 : -EOPNOTSUPP);
		made = fk_hwpt_cmd(&fk, ctx,
				   (struct iommu_hwpt_alloc){.flags = flag_cases[_i].flags,
							     .dev_id = (uint32_t)dev,
							     .pt_id = (uint32_t)ioas,
							     .fault_id = (uint32_t)fault});
		ck_assert_int_eq(made < 0 ? made : 1, want);
		if (made > 0) {
			domain = fk_domain_of(ctx, made);
			ck_assert_uint_eq(domain->flags, flag_cases[_i].flags & ~4u);
		}
		finish();
	}
}
END_TEST

START_TEST(a_driver_without_the_operation_makes_plain_domains)
{
	start(kernels[_i]);
	fk_driver.domain_alloc_user = NULL;
	boot();
	ck_assert_int_eq(hwpt(IOMMU_HWPT_ALLOC_NEST_PARENT), -EOPNOTSUPP);
	ck_assert_int_gt(hwpt(0), 0);
	finish();
}
END_TEST

START_TEST(dirty_tracking_needs_the_device_at_allocation_and_at_attach)
{
	long made;

	start(kernels[_i]);
	fk.device[5].no_dirty = true;
	boot();
	ck_assert_int_eq(fk_hwpt(&fk, ctx, iommufd_device_id(other), ioas,
				 IOMMU_HWPT_ALLOC_DIRTY_TRACKING),
			 -EOPNOTSUPP);
	made = hwpt(IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	ck_assert_int_eq(fk_attach_pt(idev, 0, made), made);
	ck_assert_int_eq(fk_attach_pt(other, 0, made), -EINVAL);
	finish();
}
END_TEST

START_TEST(a_hwpt_is_filled_when_it_is_made)
{
	struct fk_domain *domain;
	long made;

	start(kernels[_i]);
	boot();
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0x10 * PAGE, FK_VA, 3), 0);
	ck_assert_uint_eq(phys_pins_total(fk.phys), 0);
	made = hwpt(0);
	domain = fk_domain_of(ctx, made);
	ck_assert_uint_eq(phys_pins_total(fk.phys), 3);
	for (unsigned i = 0; i < FK_PAGES; i++)
		ck_assert_int_eq(domain->leaf[i].present, i >= 0x10 && i < 0x13);
	fk_audit(&fk);
	/* What cannot be filled is not made. */
	ck_assert_int_eq(fk_destroy(&fk, ctx, made), 0);
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0, FK_VA + FK_MEMORY * PAGE, 1), 0);
	ck_assert_int_eq(hwpt(0), -EFAULT);
	ck_assert_uint_eq(phys_pins_total(fk.phys), 0);
	ck_assert_uint_eq(fk_users(ctx, ioas), 1);
	finish();
}
END_TEST

START_TEST(a_missing_fault_queue_undoes_the_hwpt)
{
	unsigned domains;
	long parent;

	start(kernels[_i]);
	boot();
	parent = hwpt(IOMMU_HWPT_ALLOC_NEST_PARENT);
	domains = fk.domains;
	ck_assert_int_eq(fk_nested_hwpt(&fk, ctx, dev, parent, IOMMU_HWPT_FAULT_ID_VALID), -ENOENT);
	ck_assert_uint_eq(fk.domains, domains);
	ck_assert_uint_eq(fk_users(ctx, parent), 1);
	if (_i)
		ck_assert_int_eq(fk_fault_hwpt(&fk, ctx, dev, ioas, 0, parent), -ENOENT);
	ck_assert_uint_eq(fk_users(ctx, ioas), 2);
	ck_assert_int_eq(fk_ioas(&fk, ctx), parent + 1);
	finish();
}
END_TEST

/* ---- nested ---- */

START_TEST(a_nested_hwpt_needs_a_parent_that_was_made_for_it)
{
	static struct iommu_driver another;
	struct iommu_hwpt_alloc cmd;
	uint32_t value[2] = {1, 0};
	long parent, plain, automatic, nested;

	start(kernels[_i]);
	boot();
	plain = hwpt(0);
	parent = hwpt(IOMMU_HWPT_ALLOC_NEST_PARENT);
	automatic = fk_attach_pt(idev, 0, ioas);
	cmd = (struct iommu_hwpt_alloc){.dev_id = (uint32_t)dev,
					.pt_id = (uint32_t)plain,
					.data_type = FK_NESTED,
					.data_len = sizeof(value[0]),
					.data_uptr = (uintptr_t)value};
	cmd.flags = IOMMU_HWPT_ALLOC_NEST_PARENT;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EOPNOTSUPP);
	cmd.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EOPNOTSUPP);
	cmd.flags = 0;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	cmd.pt_id = (uint32_t)automatic;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	/* No data at all. */
	ck_assert_int_eq(fk_hwpt(&fk, ctx, dev, parent, 0), -EOPNOTSUPP);
	cmd.pt_id = (uint32_t)parent;
	cmd.data_type = FK_NESTED + 1;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EOPNOTSUPP);
	cmd.data_type = FK_NESTED;
	cmd.data_len = 3;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	/* Longer than the driver's structure, though the tail is zero. */
	cmd.data_len = 8;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	cmd.data_len = 4;
	cmd.data_uptr = FK_BAD_ADDRESS;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EFAULT);
	cmd.data_uptr = (uintptr_t)value;
	another = fk_driver;
	fk.device[3].dev->driver = &another;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	fk.device[3].dev->driver = &fk_driver;
	cmd.flags = IOMMU_HWPT_ALLOC_PASID;
	nested = fk_hwpt_cmd(&fk, ctx, cmd);
	ck_assert_int_eq(nested < 0 ? nested : 1, _i ? 1 : -EOPNOTSUPP);
	ck_assert_uint_eq(fk_users(ctx, parent), _i ? 2 : 1);
	cmd.flags = 0;
	nested = fk_hwpt_cmd(&fk, ctx, cmd);
	ck_assert_int_gt(nested, 0);
	ck_assert_uint_eq(fk_users(ctx, parent), _i ? 3 : 2);
	ck_assert_int_eq(fk_destroy(&fk, ctx, parent), -EBUSY);
	cmd.pt_id = (uint32_t)nested;
	ck_assert_int_eq(fk_hwpt_cmd(&fk, ctx, cmd), -EINVAL);
	finish();
}
END_TEST

START_TEST(a_driver_without_nested_domains_has_none)
{
	long parent;

	start(kernels[_i]);
	fk_driver.domain_alloc_nested = NULL;
	boot();
	parent = hwpt(IOMMU_HWPT_ALLOC_NEST_PARENT);
	ck_assert_int_eq(fk_nested_hwpt(&fk, ctx, dev, parent, 0), -EOPNOTSUPP);
	finish();
}
END_TEST

START_TEST(an_attached_nested_hwpt_reserves_in_its_parents_ioas)
{
	struct iopt_range range;
	struct io_pagetable *iopt;
	long parent, nested;

	start(kernels[_i]);
	fk.device[3].resv[0] = (struct resv_region){PAGE, 2 * PAGE - 1, RESV_RESERVED};
	fk.device[3].resv_count = 1;
	boot();
	parent = hwpt(IOMMU_HWPT_ALLOC_NEST_PARENT);
	nested = fk_nested_hwpt(&fk, ctx, dev, parent, 0);
	iopt = iommufd_ioas_find(ctx, (uint32_t)ioas)->iopt;
	ck_assert_int_eq(fk_attach_pt(idev, 0, nested), nested);
	ck_assert_ptr_eq(fk.device[3].domain, fk_domain_of(ctx, nested));
	ck_assert(iopt_usable_at(iopt, 0, &range) && range.last == PAGE - 1);
	ck_assert_uint_eq(fk_users(ctx, nested), 2);
	ck_assert_uint_eq(fk_users(ctx, parent), 2);
	/* From nested to its parent: the regions stay. */
	ck_assert_int_eq(fk_replace_pt(idev, 0, parent), parent);
	ck_assert(iopt_usable_at(iopt, 0, &range) && range.last == PAGE - 1);
	ck_assert_int_eq(fk_destroy(&fk, ctx, nested), 0);
	iommufd_device_detach(idev, 0);
	ck_assert(iopt_usable_at(iopt, 0, &range) && range.last == FK_SPAN - 1);
	finish();
}
END_TEST

/* ---- HWPT_INVALIDATE ---- */

/* `num` comes back as what was written. */
static long invalidate(struct iommu_hwpt_invalidate cmd, uint32_t *num)
{
	long rc;

	cmd.size = sizeof(cmd);
	rc = fk_ioctl(&fk, ctx, IOMMU_HWPT_INVALIDATE, &cmd);
	*num = cmd.entry_num;
	return rc;
}

START_TEST(invalidation_refuses_in_the_kernels_order_and_says_that_nothing_was_done)
{
	uint32_t entries[4] = {0}, num;
	struct iommu_hwpt_invalidate good, cmd;
	long parent, nested;

	start(kernels[_i]);
	boot();
	parent = hwpt(IOMMU_HWPT_ALLOC_NEST_PARENT);
	nested = fk_nested_hwpt(&fk, ctx, dev, parent, 0);
	good = (struct iommu_hwpt_invalidate){.hwpt_id = (uint32_t)nested,
					      .data_uptr = (uintptr_t)entries,
					      .data_type = FK_NESTED,
					      .entry_len = 8,
					      .entry_num = 1};
#define REFUSED(rc, field, value)                            \
	do {                                                 \
		cmd = good;                                  \
		cmd.field = (value);                         \
		ck_assert_int_eq(invalidate(cmd, &num), rc); \
		ck_assert_uint_eq(num, 0);                   \
		ck_assert_uint_eq(fk.invalidated, 0);        \
	} while (0)
	REFUSED(-EOPNOTSUPP, __reserved, 1);
	REFUSED(-EINVAL, data_uptr, 0);
	REFUSED(-EINVAL, entry_len, 0);
	REFUSED(-EINVAL, entry_len, 4097);
	REFUSED(-EINVAL, entry_num, (1u << 19) + 1);
	REFUSED(-ENOENT, hwpt_id, 99);
	REFUSED(_i ? -EINVAL : -ENOENT, hwpt_id, (uint32_t)parent);
	REFUSED(_i ? -EINVAL : -ENOENT, hwpt_id, (uint32_t)dev);
	REFUSED(-EINVAL, data_type, FK_NESTED + 1);
	REFUSED(-EINVAL, entry_len, 3);
	REFUSED(-EINVAL, entry_len, 12);
	REFUSED(-EFAULT, data_uptr, FK_BAD_ADDRESS);
	/* Before the id. */
	good.hwpt_id = 99;
	REFUSED(-EINVAL, entry_len, 0);
#undef REFUSED
	finish();
}
END_TEST

START_TEST(invalidation_stops_at_the_first_bad_entry)
{
	uint32_t entries[4][2] = {{1, 0}, {3, 0}, {FK_ENTRIES, 0}, {0, 0}}, num;
	struct iommu_hwpt_invalidate cmd;
	struct fk_domain *domain;
	long parent, nested;

	start(kernels[_i]);
	boot();
	parent = hwpt(IOMMU_HWPT_ALLOC_NEST_PARENT);
	nested = fk_nested_hwpt(&fk, ctx, dev, parent, 0);
	domain = fk_domain_of(ctx, nested);
	cmd = (struct iommu_hwpt_invalidate){.hwpt_id = (uint32_t)nested,
					     .data_uptr = (uintptr_t)entries,
					     .data_type = FK_NESTED,
					     .entry_len = 8,
					     .entry_num = 4};
	ck_assert_int_eq(invalidate(cmd, &num), -EINVAL);
	ck_assert_uint_eq(num, 2);
	ck_assert(domain->cache[0] == 5 && !domain->cache[1] && domain->cache[2] == 5 &&
		  !domain->cache[3]);
	cmd.entry_num = 2;
	ck_assert_int_eq(invalidate(cmd, &num), 0);
	ck_assert_uint_eq(num, 2);
	/* An entry that is shorter than the driver's: the rest is zero. */
	cmd.entry_len = 4;
	cmd.data_uptr += sizeof(entries[0]);
	cmd.entry_num = 1;
	entries[1][0] = 0;
	ck_assert_int_eq(invalidate(cmd, &num), 0);
	ck_assert_uint_eq(domain->cache[0], 0);
	/* Nothing to do asks whether the type is known. */
	cmd.entry_num = 0;
	cmd.data_uptr = 0;
	ck_assert_int_eq(invalidate(cmd, &num), 0);
	cmd.data_type++;
	ck_assert_int_eq(invalidate(cmd, &num), -EINVAL);
	fk_driver.cache_invalidate_user = NULL;
	ck_assert_int_eq(invalidate(cmd, &num), -EOPNOTSUPP);
	finish();
}
END_TEST

/* ---- dirty pages ---- */

static long set_dirty(long id, uint32_t flags)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {sizeof(cmd), flags, (uint32_t)id, 0};

	return fk_ioctl(&fk, ctx, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static struct iommu_hwpt_get_dirty_bitmap query(long id, uint64_t iova, uint64_t pages, void *bits)
{
	return (struct iommu_hwpt_get_dirty_bitmap){.size = sizeof(
							    struct iommu_hwpt_get_dirty_bitmap),
						    .hwpt_id = (uint32_t)id,
						    .iova = iova,
						    .length = pages * PAGE,
						    .page_size = PAGE,
						    .data = (uintptr_t)bits};
}

static long get_dirty(struct iommu_hwpt_get_dirty_bitmap cmd)
{
	return fk_ioctl(&fk, ctx, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

START_TEST(dirty_commands_refuse_in_the_kernels_order)
{
	struct iommu_hwpt_get_dirty_bitmap good, cmd;
	uint64_t bits = 0;
	long plain;

	start(kernels[_i]);
	boot();
	plain = hwpt(0);
	ck_assert_int_eq(set_dirty(99, 2), -EOPNOTSUPP);
	ck_assert_int_eq(set_dirty(99, 1), -ENOENT);
	ck_assert_int_eq(set_dirty(ioas, 1), -ENOENT);
	ck_assert_int_eq(set_dirty(plain, 1), -EOPNOTSUPP);
	ck_assert_int_eq(set_dirty(plain, 0), -EOPNOTSUPP);
	good = query(plain, 0, 1, &bits);
#define REFUSED(rc, field, value)                     \
	do {                                          \
		cmd = good;                           \
		cmd.field = (value);                  \
		ck_assert_int_eq(get_dirty(cmd), rc); \
	} while (0)
	good.hwpt_id = 99;
	REFUSED(-EOPNOTSUPP, flags, 2);
	REFUSED(-EOPNOTSUPP, __reserved, 1);
	REFUSED(-ENOENT, length, 0);
	good.hwpt_id = (uint32_t)plain;
	good.iova = PAGE;
	REFUSED(_i ? -EOVERFLOW : -EINVAL, length, 0);
	REFUSED(-EOVERFLOW, iova, -PAGE + 1);
	REFUSED(-EINVAL, iova, PAGE + 1);
	REFUSED(-EINVAL, length, PAGE + 1);
	REFUSED(-EINVAL, page_size, 0);
	REFUSED(-EINVAL, page_size, 2 * PAGE);
	REFUSED(-EOPNOTSUPP, flags, 0);
#undef REFUSED
	finish();
}
END_TEST

START_TEST(dirty_bits_are_set_cleared_and_kept_as_asked)
{
	uint64_t words[2] = {0}, *bits = words;
	uint8_t bytes[9] = {0}, *odd = bytes + 1;
	struct iommu_hwpt_get_dirty_bitmap cmd;
	struct fk_domain *domain;
	long made;

	start(kernels[_i]);
	boot();
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0, FK_VA, 20), 0);
	made = hwpt(IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	domain = fk_domain_of(ctx, made);
	/* Off: nothing is told. */
	domain->leaf[3].dirty = true;
	ck_assert_int_eq(get_dirty(query(made, 0, 16, bits)), 0);
	ck_assert_uint_eq(*bits, 0);
	domain->leaf[3].dirty = true;
	ck_assert_int_eq(set_dirty(made, 1), 0);
	ck_assert(domain->tracking);
	ck_assert_msg(!domain->leaf[3].dirty, "enabling clears");
	domain->leaf[1].dirty = domain->leaf[9].dirty = domain->leaf[17].dirty = true;
	cmd = query(made, 0, 16, bits);
	cmd.flags = IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR;
	ck_assert_int_eq(get_dirty(cmd), 0);
	ck_assert_uint_eq(*bits, 0x202);
	ck_assert(domain->leaf[1].dirty);
	/* Bits are only set. */
	*bits = 0x8001;
	cmd.flags = 0;
	ck_assert_int_eq(get_dirty(cmd), 0);
	ck_assert_uint_eq(*bits, 0x8203);
	ck_assert(!domain->leaf[1].dirty && !domain->leaf[9].dirty);
	ck_assert_msg(domain->leaf[17].dirty, "it is beyond the range");
	/* An unaligned bitmap, from the middle. */
	ck_assert_int_eq(get_dirty(query(made, 8 * PAGE, 12, odd)), 0);
	ck_assert(!bytes[0] && !bytes[1] && bytes[2] == 2 && !bytes[3]);
	/* Twice is once. */
	ck_assert_int_eq(set_dirty(made, 1), 0);
	ck_assert_int_eq(set_dirty(made, 0), 0);
	ck_assert_int_eq(set_dirty(made, 0), 0);
	ck_assert(!domain->tracking);
	/* Missing memory ends the report, and is no error. */
	ck_assert_int_eq(get_dirty(query(made, 0, 1, (void *)(uintptr_t)FK_BAD_ADDRESS)), 0);
	finish();
}
END_TEST

START_TEST(a_hole_ends_the_report_without_an_error)
{
	struct fk_domain *domain;
	uint64_t bits = 0;
	long made;

	start(kernels[_i]);
	boot();
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 0, FK_VA, 4), 0);
	ck_assert_int_eq(fk_map(&fk, ctx, ioas, 8 * PAGE, FK_VA, 4), 0);
	made = hwpt(IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	domain = fk_domain_of(ctx, made);
	ck_assert_int_eq(set_dirty(made, 1), 0);
	domain->leaf[2].dirty = domain->leaf[9].dirty = true;
	ck_assert_int_eq(get_dirty(query(made, 0, 16, &bits)), 0);
	ck_assert_uint_eq(bits, 4);
	ck_assert(domain->leaf[9].dirty);
	finish();
}
END_TEST

/* ---- GET_HW_INFO ---- */

static long hw_info(struct iommu_hw_info *cmd)
{
	return fk_ioctl(&fk, ctx, IOMMU_GET_HW_INFO, cmd);
}

START_TEST(hardware_info_is_cut_or_filled_with_zeroes)
{
	const uint32_t kernels_len = 8;
	uint8_t data[600];
	const uint32_t lens[] = {0, 3, 8, 9, 300, 600};

	start(kernels[_i]);
	boot();
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(lens); i++) {
		struct iommu_hw_info cmd = {.size = sizeof(cmd),
					    .dev_id = (uint32_t)dev,
					    .data_len = lens[i],
					    .data_uptr = (uintptr_t)data};
		const uint8_t want[8] = {0xee, 0xff, 0xc0};

		memset(data, 0xaa, sizeof(data));
		ck_assert_int_eq(hw_info(&cmd), 0);
		ck_assert_uint_eq(cmd.data_len, kernels_len);
		ck_assert_uint_eq(cmd.out_data_type, FK_HW_INFO);
		ck_assert_uint_eq(cmd.out_max_pasid_log2, 3);
		ck_assert_uint_eq(cmd.out_capabilities, _i ? 9 : 1);
		for (uint32_t at = 0; at < sizeof(data); at++)
			ck_assert_uint_eq(data[at], at >= lens[i]      ? 0xaa
						    : at < kernels_len ? want[at]
								       : 0);
	}
	finish();
}
END_TEST

START_TEST(hardware_info_refuses_in_the_kernels_order)
{
	struct iommu_hw_info cmd = {.size = sizeof(cmd), .dev_id = 99, .flags = 2};

	start(kernels[_i]);
	fk.device[3].no_dirty = true;
	boot();
	ck_assert_int_eq(hw_info(&cmd), -EOPNOTSUPP);
	cmd.flags = 0;
	cmd.__reserved[1] = 1;
	ck_assert_int_eq(hw_info(&cmd), -EOPNOTSUPP);
	cmd.__reserved[1] = 0;
	ck_assert_int_eq(hw_info(&cmd), -ENOENT);
	cmd.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE;
	ck_assert_int_eq(hw_info(&cmd), _i ? -ENOENT : -EOPNOTSUPP);
	/* Without the flag the field means nothing. */
	cmd = (struct iommu_hw_info){.size = sizeof(cmd), .dev_id = (uint32_t)dev};
	cmd.in_data_type = 77;
	ck_assert_int_eq(hw_info(&cmd), 0);
	ck_assert_uint_eq(cmd.out_data_type, FK_HW_INFO);
	ck_assert_uint_eq(cmd.out_capabilities, _i ? 8 : 0);
	cmd.flags = _i ? IOMMU_HW_INFO_FLAG_INPUT_TYPE : 0;
	cmd.data_len = 0;
	ck_assert_int_eq(hw_info(&cmd), 0);
	cmd.data_len = 0;
	cmd.in_data_type = 0;
	ck_assert_int_eq(hw_info(&cmd), 0);
	ck_assert_uint_eq(cmd.out_data_type, FK_HW_INFO);
	cmd.data_len = 0;
	cmd.in_data_type = 77;
	ck_assert_int_eq(hw_info(&cmd), _i ? -EOPNOTSUPP : 0);
	/* A bad buffer, whichever part of it is written. */
	cmd = (struct iommu_hw_info){.size = sizeof(cmd),
				     .dev_id = (uint32_t)dev,
				     .data_len = 4,
				     .data_uptr = 0};
	ck_assert_int_eq(hw_info(&cmd), -EFAULT);
	fk_driver.hw_info = NULL;
	cmd.data_len = 4;
	ck_assert_int_eq(hw_info(&cmd), -EFAULT);
	cmd.data_len = 0;
	cmd.flags = _i ? IOMMU_HW_INFO_FLAG_INPUT_TYPE : 0;
	cmd.in_data_type = 77;
	ck_assert_int_eq(hw_info(&cmd), 0);
	ck_assert_uint_eq(cmd.out_data_type, 0);
	ck_assert_uint_eq(cmd.data_len, 0);
	finish();
}
END_TEST

START_TEST(capabilities_tell_the_kinds_of_pasid_requests_that_a_device_can_make)
{
	for (unsigned kinds = 0; kinds < 4; kinds++) {
		struct iommu_hw_info cmd = {.size = sizeof(cmd)};

		start(kernels[_i]);
		boot();
		cmd.dev_id = (uint32_t)dev;
		fk.device[3].dev->pci->pasid_execute = kinds & 1;
		fk.device[3].dev->pci->pasid_privileged = kinds & 2;
		ck_assert_int_eq(hw_info(&cmd), 0);
		ck_assert_uint_eq(cmd.out_capabilities, _i ? 9 | kinds << 1 : 1);
		/* Not while PASIDs are off. */
		fk.device[3].dev->max_pasids = 0;
		cmd.data_len = 0;
		ck_assert_int_eq(hw_info(&cmd), 0);
		ck_assert_uint_eq(cmd.out_capabilities, _i ? 9 : 1);
		ck_assert_uint_eq(cmd.out_max_pasid_log2, 0);
		fk.device[3].dev->max_pasids = FK_PASIDS;
		finish();
	}
}
END_TEST

START_TEST(a_program_of_the_first_kernel_gets_no_capabilities)
{
	struct iommu_hw_info cmd = {.size = 32, .out_capabilities = 0x55};

	start(kernels[_i]);
	boot();
	cmd.dev_id = (uint32_t)dev;
	ck_assert_int_eq(hw_info(&cmd), 0);
	ck_assert_uint_eq(cmd.out_data_type, FK_HW_INFO);
	ck_assert_uint_eq(cmd.out_capabilities, 0x55);
	cmd.size = 31;
	ck_assert_int_eq(hw_info(&cmd), -EINVAL);
	finish();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd_hwpt");
	TCase *tc = tcase_create("hwpt");

	tcase_add_loop_test(tc, allocation_refuses_in_the_kernels_order, 0, 2);
	tcase_add_loop_test(tc, flags_of_a_paging_hwpt_are_those_of_the_kernel, 0,
			    (int)SIO_ARRAY_SIZE(flag_cases));
	tcase_add_loop_test(tc, a_driver_without_the_operation_makes_plain_domains, 0, 2);
	tcase_add_loop_test(tc, dirty_tracking_needs_the_device_at_allocation_and_at_attach, 0, 2);
	tcase_add_loop_test(tc, a_hwpt_is_filled_when_it_is_made, 0, 2);
	tcase_add_loop_test(tc, a_missing_fault_queue_undoes_the_hwpt, 0, 2);
	tcase_add_loop_test(tc, a_nested_hwpt_needs_a_parent_that_was_made_for_it, 0, 2);
	tcase_add_loop_test(tc, a_driver_without_nested_domains_has_none, 1, 2);
	tcase_add_loop_test(tc, an_attached_nested_hwpt_reserves_in_its_parents_ioas, 0, 2);
	tcase_add_loop_test(
		tc, invalidation_refuses_in_the_kernels_order_and_says_that_nothing_was_done, 0, 2);
	tcase_add_loop_test(tc, invalidation_stops_at_the_first_bad_entry, 0, 2);
	tcase_add_loop_test(tc, dirty_commands_refuse_in_the_kernels_order, 0, 2);
	tcase_add_loop_test(tc, dirty_bits_are_set_cleared_and_kept_as_asked, 0, 2);
	tcase_add_loop_test(tc, a_hole_ends_the_report_without_an_error, 0, 2);
	tcase_add_loop_test(tc, hardware_info_is_cut_or_filled_with_zeroes, 0, 2);
	tcase_add_loop_test(tc, hardware_info_refuses_in_the_kernels_order, 0, 2);
	tcase_add_loop_test(tc,
			    capabilities_tell_the_kinds_of_pasid_requests_that_a_device_can_make, 0,
			    2);
	tcase_add_loop_test(tc, a_program_of_the_first_kernel_gets_no_capabilities, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
