// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of an IO address space: what each refuses, with which errno, and which test comes
 * first when several would refuse.
 */
#include "iommufd_rig.h"

static struct rig rig;
static struct file *file;
static uint32_t ioas;

static struct io_pagetable *iopt(void)
{
	return iommufd_ioas_find(iommufd_ctx_from_file(file), ioas)->iopt;
}

/* The address space alone: tests give it domains that no HWPT knows of. */
static void audit(void)
{
	const char *what = iopt_audit(iopt(), true);

	ck_assert_msg(!what, "%s", what);
}

static void begin(void)
{
	int error;

	rig_open(&rig, "7.2");
	rig.units[2].pgsizes = RIG_HALF;
	rig.units[3].aperture_first = 0x4000;
	rig_boot(&rig);
	rig_memory(&rig, rig.task->mm, RIG_VA, RIG_PAGES, MM_RUN_4K, 0);
	file = iommufd_open(&rig.env, &error);
	ck_assert_ptr_nonnull(file);
	ioas = (uint32_t)rig_ioas(&rig, file);
}

static void end(void)
{
	const char *what = iommufd_audit(&rig.env, true);

	ck_assert_msg(!what, "%s", what);
	file_put(file);
	rig_close(&rig);
}

struct map {
	uint32_t flags, reserved, ioas;
	uint64_t va, length, iova;
};

static long map_of(const struct map *map, uint64_t *iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = map->flags,
		.ioas_id = map->ioas,
		.__reserved = map->reserved,
		.user_va = map->va,
		.length = map->length,
		.iova = map->iova,
	};
	long rc = rig_ioctl(&rig, file, IOMMU_IOAS_MAP, &cmd);

	if (iova)
		*iova = cmd.iova;
	return rc;
}

static long map_fixed(uint64_t va, uint64_t length, uint64_t iova)
{
	return map_of(&(struct map){7, 0, ioas, va, length, iova}, NULL);
}

/* The address it got, or -errno. */
static long map_auto(uint64_t va, uint64_t length)
{
	uint64_t iova;
	long rc = map_of(&(struct map){6, 0, ioas, va, length, 0}, &iova);

	return rc ? rc : (long)iova;
}

/* Bytes, or -errno. */
static long unmap(uint64_t iova, uint64_t length)
{
	struct iommu_ioas_unmap cmd = {.size = sizeof(cmd),
				       .ioas_id = ioas,
				       .iova = iova,
				       .length = length};
	long rc = rig_ioctl(&rig, file, IOMMU_IOAS_UNMAP, &cmd);

	if (rc)
		ck_assert_uint_eq(cmd.length, length);
	return rc ? rc : (long)cmd.length;
}

static struct iommu_domain *domain_add(unsigned device)
{
	struct iommu_domain *domain = rig_domain_new(&rig, device);

	ck_assert_int_eq(iopt_add_domain(iopt(), domain), 0);
	return domain;
}

static void domain_del(struct iommu_domain *domain)
{
	iopt_remove_domain(iopt(), domain);
	iommu_domain_free(domain);
}

#define ALL UINT64_MAX

START_TEST(map_refuses_in_this_order)
{
	static const struct {
		struct map map;
		int answer;
	} row[] = {
		{{8, 0, 99, 0, 0, 0}, -EOPNOTSUPP},
		{{7, 1, 99, 0, ALL, 0}, -EOPNOTSUPP},
		{{1, 0, 99, 0, ALL, 0}, -EOVERFLOW},
		{{1, 0, 99, 0, 0, ALL}, -EOVERFLOW},
		{{1, 0, 99, 0, 0, 0}, -EINVAL},
		{{7, 0, 99, 0, 0, 0}, -ENOENT},
		{{7, 0, 1, 0, 0, 0}, -EINVAL},
		{{7, 0, 1, 0, ALL - PAGE + 1, 0}, -EINVAL},
		/* A buffer may not end at 2^64, let alone behind it. */
		{{7, 0, 1, -PAGE, PAGE, 0}, -EOVERFLOW},
		{{7, 0, 1, -PAGE, 2 * PAGE, 0}, -EOVERFLOW},
		{{6, 0, 1, 0, UINT64_C(0x7fffffffffffffff), 0}, -EOVERFLOW},
		{{7, 0, 1, RIG_VA, 2 * PAGE, -PAGE}, -EOVERFLOW},
		/* Without a domain any byte will do, and nothing is looked at. */
		{{7, 0, 1, 5, 3, 11}, 0},
		{{7, 0, 1, RIG_VA, 8, 13}, -EEXIST},
		{{7, 0, 1, RIG_VA, PAGE, -PAGE}, 0},
	};

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(row); i++)
		ck_assert_msg(map_of(&row[i].map, NULL) == row[i].answer, "row %u", i);
	audit();
}
END_TEST

START_TEST(a_domain_makes_the_alignment)
{
	struct iommu_domain *half, *whole;

	half = domain_add(2);
	ck_assert_int_eq(map_fixed(RIG_VA, 1, 0), -EINVAL);
	ck_assert_int_eq(map_fixed(RIG_VA, RIG_HALF, 1), -EINVAL);
	ck_assert_int_eq(map_fixed(RIG_VA + 1, RIG_HALF, 0), -EINVAL);
	ck_assert_int_eq(map_auto(RIG_VA + 1, RIG_HALF), -EINVAL);
	ck_assert_int_eq(map_fixed(RIG_VA + RIG_HALF, 3 * RIG_HALF, RIG_HALF), 0);
	audit();
	whole = rig_domain_new(&rig, 0);
	ck_assert_int_eq(iopt_add_domain(iopt(), whole), -EADDRINUSE);
	ck_assert_int_eq(unmap(RIG_HALF, 3 * RIG_HALF), 3 * RIG_HALF);
	ck_assert_int_eq(iopt_add_domain(iopt(), whole), 0);
	ck_assert_int_eq(map_fixed(RIG_VA, PAGE, RIG_HALF), -EINVAL);
	ck_assert_int_eq(map_fixed(RIG_VA + RIG_HALF, PAGE, 0), -EINVAL);
	domain_del(whole);
	ck_assert_uint_eq(iopt_alignment(iopt()), RIG_HALF);
	domain_del(half);
	ck_assert_uint_eq(iopt_alignment(iopt()), 1);
	half = rig_domain_new(&rig, 0);
	half->pgsize_bitmap = 2 * PAGE;
	ck_assert_int_eq(iopt_add_domain(iopt(), half), -EINVAL);
	iommu_domain_free(half);
}
END_TEST

/* What a kernel answered, for a descriptor with nothing else in it. */
START_TEST(automatic_addresses_are_those_that_were_recorded)
{
	static const struct {
		uint64_t address, length, iova;
	} row[] = {
		{0, 0x1000, 0x1000},       {0x1000, 0x1000, 0x2000},  {0x123, 0x1000, 0x3123},
		{0x800, 0x1800, 0x4800},   {0x8000, 0x10000, 0x8000}, {0, 0x20000, 0x20000},
		{0x5000, 0x3000, 0x18000},
	};
	struct memfd_cfg cfg = {.size = 0x20000};
	struct iommu_ioas_map_file cmd;
	int error, fd = fd_install(rig.caller.fds, memfd_create_file(rig.phys, &cfg, &error));

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(row); i++) {
		cmd = (struct iommu_ioas_map_file){.size = sizeof(cmd),
						   .flags = 6,
						   .ioas_id = ioas,
						   .fd = fd,
						   .start = row[i].address,
						   .length = row[i].length};
		ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_MAP_FILE, &cmd), 0);
		ck_assert_uint_eq(cmd.iova, row[i].iova);
	}
}
END_TEST

static long allow(const uint64_t (*ranges)[2], uint32_t count, uint32_t reserved)
{
	struct iommu_ioas_allow_iovas cmd = {.size = sizeof(cmd),
					     .ioas_id = ioas,
					     .num_iovas = count,
					     .__reserved = reserved,
					     .allowed_iovas = (uintptr_t)ranges};

	return rig_ioctl(&rig, file, IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

START_TEST(allowed_ranges_bind_automatic_addresses_only)
{
	static const uint64_t two[][2] = {{0x30000, 0x30fff}, {0x20000, 0x20fff}};
	static const uint64_t touching[][2] = {{0x41000, 0x41fff}, {0x40000, 0x40fff}};
	static const uint64_t low[][2] = {{0, 0x1fff}};

	ck_assert_int_eq(allow(two, 2, 0), 0);
	ck_assert_int_eq(map_auto(RIG_VA, PAGE), 0x20000);
	ck_assert_int_eq(map_auto(RIG_VA, PAGE), 0x30000);
	ck_assert_int_eq(map_auto(RIG_VA, PAGE), -ENOSPC);
	ck_assert_int_eq(map_fixed(RIG_VA, PAGE, 0x50000), 0);
	ck_assert_int_eq(allow(touching, 2, 0), 0);
	ck_assert_int_eq(map_auto(RIG_VA, 2 * PAGE), 0x40000);
	/* Address 0 is never given. */
	ck_assert_int_eq(allow(low, 1, 0), 0);
	ck_assert_int_eq(map_auto(RIG_VA, PAGE), PAGE);
	ck_assert_int_eq(map_auto(RIG_VA, PAGE), -ENOSPC);
	ck_assert_int_eq(allow(NULL, 0, 0), 0);
	ck_assert_int_eq(map_auto(RIG_VA, PAGE), 2 * PAGE);
}
END_TEST

START_TEST(allowing_refuses)
{
	static const uint64_t one_byte[][2] = {{0x1000, 0x1000}};
	static const uint64_t overlap[][2] = {{0x1000, 0x2fff}, {0x2000, 0x4000}};
	static const uint64_t bad[][2] = {{0x1000, 0x1fff}, {0x5000, 0x4000}};
	static const uint64_t good[][2] = {{0x8000, 0x9fff}};
	struct iommu_domain *domain;

	ck_assert_int_eq(allow(good, 1, 1), -EOPNOTSUPP);
	ck_assert_int_eq(allow(one_byte, 1, 0), -EINVAL);
	ck_assert_int_eq(allow(overlap, 2, 0), -EINVAL);
	ck_assert_int_eq(allow(bad, 2, 0), -EINVAL);
	ck_assert_int_eq(allow((const uint64_t(*)[2])(uintptr_t)16, 1, 0), -EFAULT);
	ck_assert_int_eq(iopt_reserve(iopt(), 0x9000, 0x9fff, &rig), 0);
	ck_assert_int_eq(allow(good, 1, 0), -EADDRINUSE);
	iopt_unreserve(iopt(), &rig);
	ck_assert_int_eq(allow(good, 1, 0), 0);
	ck_assert_int_eq(iopt_reserve(iopt(), 0x9000, 0x9fff, &rig), -EADDRINUSE);
	/* Also against an aperture that does not hold them. */
	rig.units[3].aperture_first = 0x9000;
	domain = rig_domain_new(&rig, 3);
	ck_assert_int_eq(iopt_add_domain(iopt(), domain), -EADDRINUSE);
	iommu_domain_free(domain);
}
END_TEST

START_TEST(ranges_are_counted_before_they_are_too_many)
{
	struct iommu_iova_range range[3] = {{0, 0}};
	struct iommu_ioas_iova_ranges cmd = {.size = sizeof(cmd),
					     .ioas_id = ioas,
					     .num_iovas = 1,
					     .allowed_iovas = (uintptr_t)range};

	ck_assert_int_eq(iopt_reserve(iopt(), 0, 0xfff, NULL), 0);
	ck_assert_int_eq(iopt_reserve(iopt(), 0x10000, 0x1ffff, NULL), 0);
	ck_assert_int_eq(iopt_reserve(iopt(), 0x18000, 0x27fff, NULL), 0);
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_IOVA_RANGES, &cmd), -EMSGSIZE);
	ck_assert_uint_eq(cmd.num_iovas, 2);
	ck_assert_uint_eq(cmd.out_iova_alignment, 1);
	ck_assert(range[0].start == 0x1000 && range[0].last == 0xffff && !range[1].last);
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_IOVA_RANGES, &cmd), 0);
	ck_assert(range[1].start == 0x28000 && range[1].last == ALL);
	cmd.allowed_iovas = 16;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_IOVA_RANGES, &cmd), -EFAULT);
	cmd.__reserved = 1;
	cmd.ioas_id = 99;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_IOVA_RANGES, &cmd), -EOPNOTSUPP);
	cmd.__reserved = 0;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_IOVA_RANGES, &cmd), -ENOENT);
}
END_TEST

START_TEST(unmap_refuses_and_keeps_what_it_did)
{
	for (uint64_t iova = 0; iova < 4; iova++)
		ck_assert_int_eq(map_fixed(RIG_VA, PAGE, 2 * iova * PAGE), 0);
	ck_assert_int_eq(unmap(ALL, 1), -EOVERFLOW);
	ck_assert_int_eq(unmap(1, ALL), -EOVERFLOW);
	ck_assert_int_eq(unmap(0, 0), -EINVAL);
	ck_assert_int_eq(unmap(-PAGE, 2 * PAGE), -EOVERFLOW);
	ck_assert_int_eq(unmap(PAGE, PAGE), -ENOENT);
	ck_assert_int_eq(unmap(0, PAGE - 1), -ENOENT);
	/* The first goes before the second, which sticks out, is met. */
	ck_assert_int_eq(unmap(0, 2 * PAGE + 1), -ENOENT);
	ck_assert_int_eq(map_fixed(RIG_VA, PAGE, 0), 0);
	ck_assert_int_eq(unmap(PAGE, 6 * PAGE), 3 * PAGE);
	ck_assert_int_eq(unmap(0, ALL), PAGE);
	ck_assert_int_eq(unmap(0, ALL), 0);
}
END_TEST

START_TEST(a_locked_area_is_busy_before_it_sticks_out)
{
	struct iopt_access_user user = {.needs_pin_pages = true};
	pa_t pages[2];

	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_eq(map_fixed(RIG_VA + 2 * i * PAGE, 2 * PAGE, 2 * i * PAGE), 0);
	ck_assert_int_eq(iopt_add_access(iopt(), &user), 0);
	ck_assert_int_eq(iopt_pin(iopt(), 2 * PAGE, 2 * PAGE, pages, false), 0);
	iopt_lock_areas(iopt(), 2 * PAGE, 2 * PAGE, true);
	ck_assert_int_eq(unmap(0, 3 * PAGE), -EBUSY);
	ck_assert_int_eq(unmap(4 * PAGE, 2 * PAGE), 2 * PAGE);
	iopt_lock_areas(iopt(), 2 * PAGE, 2 * PAGE, false);
	iopt_unpin(iopt(), 2 * PAGE, 2 * PAGE);
	iopt_remove_access(iopt(), &user);
	ck_assert_int_eq(unmap(0, ALL), 2 * PAGE);
}
END_TEST

static long copy(uint32_t flags, uint32_t dst, uint32_t src, uint64_t length, uint64_t to,
		 uint64_t from)
{
	struct iommu_ioas_copy cmd = {.size = sizeof(cmd),
				      .flags = flags,
				      .dst_ioas_id = dst,
				      .src_ioas_id = src,
				      .length = length,
				      .dst_iova = to,
				      .src_iova = from};

	return rig_ioctl(&rig, file, IOMMU_IOAS_COPY, &cmd);
}

START_TEST(copy_refuses_in_this_order)
{
	struct map read_only = {5, 0, ioas, RIG_VA, PAGE, 0x8000};

	ck_assert_int_eq(map_fixed(RIG_VA, 2 * PAGE, 0), 0);
	ck_assert_int_eq(map_of(&read_only, NULL), 0);
	ck_assert_int_eq(copy(8, 99, 99, ALL, 0, 0), -EOPNOTSUPP);
	ck_assert_int_eq(copy(1, 99, 99, ALL, 0, 0), -EOVERFLOW);
	ck_assert_int_eq(copy(1, 99, 99, 0, ALL, 0), -EOVERFLOW);
	ck_assert_int_eq(copy(1, 99, 99, 0, 0, ALL), -EOVERFLOW);
	ck_assert_int_eq(copy(1, 99, 99, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(copy(7, 99, 99, 0, 0, 0), -ENOENT);
	ck_assert_int_eq(copy(7, 99, ioas, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(copy(7, 99, ioas, 2 * PAGE, 0, -PAGE), -EOVERFLOW);
	ck_assert_int_eq(copy(7, 99, ioas, 3 * PAGE, 0, 0), -ENOENT);
	ck_assert_int_eq(copy(7, 99, ioas, PAGE, 0, 0), -ENOENT);
	ck_assert_int_eq(copy(7, ioas, ioas, PAGE, PAGE, 0), -EEXIST);
	ck_assert_int_eq(copy(7, ioas, ioas, PAGE, 0x10000, 0x8000), -EPERM);
	ck_assert_int_eq(copy(5, ioas, ioas, PAGE, 0x10000, 0x8000), 0);
	ck_assert_int_eq(copy(7, ioas, ioas, PAGE + 5, 0x20001, 7), 0);
}
END_TEST

START_TEST(copies_share_their_pins)
{
	struct iommu_domain *domain = domain_add(0);

	ck_assert_int_eq(map_fixed(RIG_VA, 4 * PAGE, 0), 0);
	ck_assert_int_eq(copy(7, ioas, ioas, 4 * PAGE, 0x10000, 0), 0);
	ck_assert_uint_eq(rig.task->mm->pinned_pages, 4);
	ck_assert_int_eq(map_fixed(RIG_VA, 4 * PAGE, 0x20000), 0);
	ck_assert_uint_eq(rig.task->mm->pinned_pages, 8);
	audit();
	ck_assert_int_eq(unmap(0, 4 * PAGE), 4 * PAGE);
	ck_assert_uint_eq(rig.task->mm->pinned_pages, 8);
	ck_assert_int_eq(unmap(0x10000, 4 * PAGE), 4 * PAGE);
	ck_assert_uint_eq(rig.task->mm->pinned_pages, 4);
	domain_del(domain);
	ck_assert_uint_eq(rig.task->mm->pinned_pages, 0);
	ck_assert_uint_eq(phys_pins_total(rig.phys), 0);
}
END_TEST

/* SET or GET: the value, or -errno. */
static long option(uint32_t id, uint16_t op, uint32_t object, uint64_t value)
{
	struct iommu_option cmd = {.size = sizeof(cmd),
				   .option_id = id,
				   .op = op,
				   .object_id = object,
				   .val64 = value};
	long rc = rig_ioctl(&rig, file, IOMMU_OPTION, &cmd);

	return rc ? rc : (long)cmd.val64;
}

START_TEST(options_refuse)
{
	ck_assert_int_eq(option(2, 1, 0, 0), -EOPNOTSUPP);
	ck_assert_int_eq(option(0, 2, 0, 0), -EOPNOTSUPP);
	ck_assert_int_eq(option(0, 1, 5, 0), -EOPNOTSUPP);
	ck_assert_int_eq(option(0, 1, 0, 7), 0);
	rig.task->cap_sys_resource = false;
	ck_assert_int_eq(option(0, 0, 0, 9), -EPERM);
	rig.task->cap_sys_resource = true;
	ck_assert_int_eq(option(0, 0, 0, 9), -EBUSY);
	ck_assert_int_eq(rig_destroy(&rig, file, ioas), 0);
	ck_assert_int_eq(option(0, 0, 0, 9), -EINVAL);
	ck_assert_int_eq(option(0, 0, 0, 1), 1);
	ck_assert_int_eq(option(0, 1, 0, 0), 1);
	ck_assert_int_eq(option(1, 1, 1, 0), -ENOENT);
	ck_assert_int_eq(rig_ioas(&rig, file), ioas);
	ck_assert_int_eq(option(1, 2, ioas, 0), -EOPNOTSUPP);
	ck_assert_int_eq(option(1, 1, ioas, 0), 1);
	ck_assert_int_eq(option(1, 0, ioas, 2), -EINVAL);
	ck_assert_int_eq(map_fixed(RIG_VA, RIG_HALF, 0), 0);
	ck_assert_int_eq(option(1, 0, ioas, 0), -EADDRINUSE);
	ck_assert_int_eq(unmap(0, ALL), RIG_HALF);
	ck_assert_int_eq(option(1, 0, ioas, 0), 0);
	ck_assert_uint_eq(iopt_alignment(iopt()), PAGE);
}
END_TEST

START_TEST(small_pages_are_mapped_one_by_one)
{
	struct iommu_domain *domain = domain_add(0);

	ck_assert_int_eq(map_fixed(RIG_VA, 4 * PAGE, 0), 0);
	ck_assert_int_eq(option(1, 0, ioas, 0), -EINVAL);
	ck_assert_int_eq(unmap(0, ALL), 4 * PAGE);
	ck_assert_int_eq(option(1, 0, ioas, 0), 0);
	rig.largest_call = 0;
	ck_assert_int_eq(map_fixed(RIG_VA, 4 * PAGE, 0), 0);
	ck_assert_uint_eq(rig.largest_call, PAGE);
	domain_del(domain);
}
END_TEST

START_TEST(limits_are_met_after_pinning)
{
	struct iommu_domain *domain = domain_add(0);

	rig.task->cap_ipc_lock = false;
	rig.task->rlimit_memlock = 4 * PAGE + 4095;
	ck_assert_int_eq(map_fixed(RIG_VA, 4 * PAGE, 0), 0);
	ck_assert_uint_eq(rig.user->locked_pages, 4);
	ck_assert_uint_eq(rig.task->mm->locked_pages, 0);
	ck_assert_int_eq(map_fixed(RIG_VA, PAGE, 0x10000), -ENOMEM);
	/* Memory that is not there is told of first. */
	ck_assert_int_eq(map_fixed(RIG_VA + (RIG_PAGES - 1) * PAGE, 2 * PAGE, 0x10000), -EFAULT);
	rig.task->cap_ipc_lock = true;
	ck_assert_int_eq(map_fixed(RIG_VA, PAGE, 0x10000), 0);
	ck_assert_uint_eq(rig.user->locked_pages, 4);
	ck_assert_uint_eq(rig.task->mm->pinned_pages, 5);
	audit();
	domain_del(domain);
	ck_assert_uint_eq(rig.user->locked_pages, 0);
}
END_TEST

START_TEST(memory_of_a_process_that_is_gone)
{
	struct task *task = rig_task(&rig, 3);
	struct caller other = {.task = task, .fds = rig.caller.fds, .ua = &rig_ua};
	struct caller own = rig.caller;
	struct iommu_domain *domain;

	rig_memory(&rig, task->mm, RIG_VA, 4, MM_RUN_4K, 1000);
	rig.caller = other;
	ck_assert_int_eq(map_fixed(RIG_VA, 2 * PAGE, 0), 0);
	domain = domain_add(0);
	rig.caller = own;
	rig_task_exit(task);
	/* Pinned before: the pages stay, and serve another domain. */
	domain_del(domain_add(2));
	ck_assert_uint_eq(rig_stamp(&rig, rig_leaf(domain, PAGE)->pa), 2002);
	domain_del(domain);
	/* Pinned no more: nobody can pin them again. */
	domain = rig_domain_new(&rig, 0);
	ck_assert_int_eq(iopt_add_domain(iopt(), domain), -EFAULT);
	iommu_domain_free(domain);
	ck_assert_int_eq(unmap(0, ALL), 2 * PAGE);
}
END_TEST

START_TEST(files_are_judged_when_their_pages_are_pinned)
{
	const struct memfd_cfg cfg = {.size = 0x3800, .sealable = true};
	struct iommu_ioas_map_file cmd = {.size = sizeof(cmd), .flags = 7, .ioas_id = ioas};
	struct iommu_domain *domain = rig_domain_new(&rig, 0);
	struct file *memfd;
	int error;

	memfd = memfd_create_file(rig.phys, &cfg, &error);
	cmd.fd = fd_install(rig.caller.fds, memfd);
	cmd.length = 5 * PAGE;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_MAP_FILE, &cmd), 0);
	ck_assert_int_eq(iopt_add_domain(iopt(), domain), -EINVAL);
	ck_assert_int_eq(unmap(0, ALL), 5 * PAGE);
	/* The last page counts whole. */
	cmd.length = 4 * PAGE;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_MAP_FILE, &cmd), 0);
	ck_assert_int_eq(iopt_add_domain(iopt(), domain), 0);
	ck_assert_int_eq(memfd_seal(memfd, MEMFD_SEAL_WRITE), -EBUSY);
	ck_assert_int_eq(memfd_truncate(memfd, PAGE), 0);
	audit();
	ck_assert_uint_eq(phys_pins_total(rig.phys), 4);
	ck_assert_int_eq(unmap(0, ALL), 4 * PAGE);
	ck_assert_int_eq(memfd_seal(memfd, MEMFD_SEAL_WRITE), 0);
	cmd.length = PAGE;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_MAP_FILE, &cmd), 0);
	cmd.fd = 77;
	ck_assert_int_eq(rig_ioctl(&rig, file, IOMMU_IOAS_MAP_FILE, &cmd), -EBADF);
	domain_del(domain);
}
END_TEST

START_TEST(an_access_pins_whole_pages_of_what_is_mapped)
{
	struct iopt_access_user user = {.needs_pin_pages = true};
	pa_t pages[2];

	ck_assert_int_eq(map_fixed(RIG_VA, 2 * PAGE, 0), 0);
	ck_assert_int_eq(iopt_add_access(iopt(), &user), 0);
	ck_assert_uint_eq(iopt_alignment(iopt()), PAGE);
	ck_assert_int_eq(iopt_pin(iopt(), 0, 2 * PAGE, pages, true), 0);
	ck_assert_uint_eq(rig_stamp(&rig, pages[1]), 2);
	iopt_unpin(iopt(), 0, 2 * PAGE);
	ck_assert_int_eq(iopt_pin(iopt(), PAGE, PAGE + 1, pages, true), -ENOENT);
	ck_assert_int_eq(iopt_pin(iopt(), 1, 1, pages, true), -EINVAL);
	audit();
	iopt_remove_access(iopt(), &user);
	ck_assert_uint_eq(iopt_alignment(iopt()), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd page tables");
	TCase *tcase = tcase_create("rules");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, map_refuses_in_this_order);
	tcase_add_test(tcase, a_domain_makes_the_alignment);
	tcase_add_test(tcase, automatic_addresses_are_those_that_were_recorded);
	tcase_add_test(tcase, allowed_ranges_bind_automatic_addresses_only);
	tcase_add_test(tcase, allowing_refuses);
	tcase_add_test(tcase, ranges_are_counted_before_they_are_too_many);
	tcase_add_test(tcase, unmap_refuses_and_keeps_what_it_did);
	tcase_add_test(tcase, a_locked_area_is_busy_before_it_sticks_out);
	tcase_add_test(tcase, copy_refuses_in_this_order);
	tcase_add_test(tcase, copies_share_their_pins);
	tcase_add_test(tcase, options_refuse);
	tcase_add_test(tcase, small_pages_are_mapped_one_by_one);
	tcase_add_test(tcase, limits_are_met_after_pinning);
	tcase_add_test(tcase, memory_of_a_process_that_is_gone);
	tcase_add_test(tcase, files_are_judged_when_their_pages_are_pinned);
	tcase_add_test(tcase, an_access_pins_whole_pages_of_what_is_mapped);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
