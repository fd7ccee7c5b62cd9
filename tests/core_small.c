// SPDX-License-Identifier: GPL-2.0-only
/* The small parts of the core: personalities, descriptors, faults, references. */
#include "core/file.h"
#include "core_fake.h"
#include "harness.h"

#include <string.h>

START_TEST(personality_is_found_by_name_and_by_recorded_kernel)
{
	const struct personality *now = personality_find(NULL);

	ck_assert_str_eq(now->name, "6.12");
	ck_assert_ptr_eq(personality_find("6.12"), now);
	ck_assert_ptr_null(personality_find("2.6"));
	ck_assert_ptr_eq(personality_for_kernel("6.12.117"), now);
	ck_assert_ptr_eq(personality_for_kernel("6.12"), now);
	ck_assert_ptr_eq(personality_for_kernel("6.16.3"), now);
	ck_assert_ptr_eq(personality_for_kernel("6.1.192"), personality_find("6.1"));
	ck_assert_ptr_eq(personality_for_kernel("3.6"), personality_find("2012"));
	ck_assert_ptr_eq(personality_for_kernel("3.12.9"), personality_find("3.11"));
	ck_assert_ptr_null(personality_for_kernel("3.5"));
	ck_assert_ptr_null(personality_for_kernel("new"));
	ck_assert_ptr_null(personality_for_kernel("6"));
	ck_assert_ptr_eq(personality_at(0), personality_find("2012"));
	ck_assert_ptr_null(personality_at(1000));
	ck_assert(now->write_only_readable);
}
END_TEST

START_TEST(lowest_free_descriptor_is_given)
{
	struct fd_table *table = fd_table_create();
	struct file *file = eventfd_file_create();

	for (int fd = 0; fd < 40; fd++)
		ck_assert_int_eq(fd_install(table, file_get(file)), fd);
	ck_assert_int_eq(fd_close(table, 17), 0);
	ck_assert_int_eq(fd_close(table, 3), 0);
	ck_assert_int_eq(fd_close(table, 3), -EBADF);
	ck_assert_ptr_null(fd_lookup(table, 3));
	ck_assert_int_eq(fd_install(table, file_get(file)), 3);
	ck_assert_int_eq(fd_install(table, file_get(file)), 17);
	ck_assert_int_eq(fd_install(table, file_get(file)), 40);
	ck_assert_ptr_null(fd_lookup(table, -1));
	ck_assert_ptr_null(fd_lookup(table, 1 << 20));
	fd_table_destroy(table);
	ck_assert_uint_eq(file->refs, 1);
	file_put(file);
}
END_TEST

START_TEST(full_table_answers_emfile_and_takes_no_reference)
{
	struct fd_table *table = fd_table_create();
	struct file *file = eventfd_file_create();
	int fd;

	do
		fd = fd_install(table, file_get(file));
	while (fd >= 0);
	file_put(file);
	ck_assert_int_eq(fd, -EMFILE);
	ck_assert_uint_eq(file->refs, 1025);
	fd_table_destroy(table);
	file_put(file);
}
END_TEST

START_TEST(child_shares_files_until_it_closes_them)
{
	struct fd_table *parent = fd_table_create(), *child;
	int fd = fd_install(parent, eventfd_file_create());
	struct file *file = fd_lookup(parent, fd);

	child = fd_table_fork(parent);
	ck_assert_ptr_eq(fd_lookup(child, fd), file);
	ck_assert_uint_eq(file->refs, 2);
	eventfd_file_signal(fd_lookup(child, fd));
	eventfd_file_signal(file);
	ck_assert(file_is_eventfd(file));
	ck_assert_uint_eq(eventfd_file_read(file), 2);
	ck_assert_uint_eq(eventfd_file_read(file), 0);
	ck_assert_int_eq(fd_close(parent, fd), 0);
	ck_assert_ptr_null(fd_lookup(parent, fd));
	ck_assert_uint_eq(file->refs, 1);
	fd_table_destroy(child);
	fd_table_destroy(parent);
}
END_TEST

START_TEST(fault_list_drops_the_oldest_and_counts_them)
{
	struct fake_machine machine;
	struct iommu_fault fault = {.unit = "fake0"};

	fake_open(&machine);
	for (uint64_t n = 0; n < IOMMU_FAULTS_MAX + 3; n++) {
		fault.address = n << 12;
		iommu_fault_report(&machine.iommu, &fault);
	}
	ck_assert_uint_eq(iommu_faults_dropped(&machine.iommu), 3);
	for (uint64_t n = 3; n < IOMMU_FAULTS_MAX + 3; n++) {
		ck_assert(iommu_fault_next(&machine.iommu, &fault));
		ck_assert_uint_eq(fault.address, n << 12);
	}
	ck_assert(!iommu_fault_next(&machine.iommu, &fault));
	fake_close(&machine);
}
END_TEST

static unsigned destroyed;

static void count_destroy(struct mm *mm)
{
	(void)mm;
	destroyed++;
}

START_TEST(task_holds_its_memory_until_the_last_reference)
{
	static const struct mm_ops ops = {.destroy = count_destroy};
	struct mm mm = {.ops = &ops, .refs = 1};
	struct task *task = task_create();

	destroyed = 0;
	task->refs = 1;
	task->mm = mm_get(&mm);
	task_get(task);
	mm_put(&mm);
	task_put(task);
	ck_assert_uint_eq(destroyed, 0);
	task_put(task);
	ck_assert_uint_eq(destroyed, 1);
}
END_TEST

/* ---- what programs hand to drivers ---- */

static int bytes_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	(void)ua;
	memcpy(dst, (const void *)(uintptr_t)src, len);
	return 0;
}

static const struct uaccess bytes_ua = {.copy_in = bytes_in};
static const struct caller bytes_caller = {.ua = &bytes_ua};

START_TEST(data_of_a_driver_have_its_type_and_a_length_that_it_knows)
{
	static const struct {
		uint32_t type, len;
		int rc;
	} rows[] = {
		{3, 4, 0},       {3, 8, 0},       {3, 6, 0},       {2, 8, -EINVAL},
		{3, 3, -EINVAL}, {3, 9, -EINVAL}, {3, 0, -EINVAL},
	};
	const uint8_t from[8] = {1, 2, 3, 4, 5, 6, 7, 8};

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		const struct iommu_user_data data = {.type = rows[i].type,
						     .len = rows[i].len,
						     .uptr = (uintptr_t)from,
						     .caller = &bytes_caller};
		uint8_t to[8];

		memset(to, 0xee, sizeof(to));
		ck_assert_int_eq(iommu_copy_user_data(to, 8, 4, 3, &data), rows[i].rc);
		/* What an older program does not give is zero. */
		for (unsigned n = 0; n < 8 && !rows[i].rc; n++)
			ck_assert_uint_eq(to[n], n < rows[i].len ? from[n] : 0);
	}
}
END_TEST

START_TEST(entries_of_an_array_lie_one_behind_the_other)
{
	const uint32_t from[4] = {10, 20, 30, 40};
	struct iommu_user_array array = {.type = 1,
					 .entry_len = 4,
					 .uptr = (uintptr_t)from,
					 .caller = &bytes_caller};
	uint64_t to = 0;

	for (uint32_t n = 0; n < 4; n++) {
		ck_assert_int_eq(iommu_copy_user_entry(&to, 8, 4, 1, &array, n), 0);
		ck_assert_uint_eq(to, from[n]);
	}
	ck_assert_int_eq(iommu_copy_user_entry(&to, 8, 4, 2, &array, 0), -EINVAL);
	ck_assert_int_eq(iommu_copy_user_entry(&to, 8, 5, 1, &array, 0), -EINVAL);
	/* Beyond the end of the address space there is nothing. */
	array.uptr = UINT64_MAX - 7;
	ck_assert_int_eq(iommu_copy_user_entry(&to, 8, 4, 1, &array, 2), -EFAULT);
	array.uptr = (uintptr_t)from;
	array.entry_len = 8;
	ck_assert_int_eq(iommu_copy_user_entry(&to, 8, 4, 1, &array, 1), 0);
	ck_assert_uint_eq(to, UINT64_C(40) << 32 | 30);
}
END_TEST

START_TEST(a_device_without_a_driver_has_no_domains)
{
	struct iommu_device dev = {0};
	struct iommu_domain parent = {0}, *domain = NULL;

	ck_assert_int_eq(iommu_domain_alloc_user(&dev, 0, NULL, &domain), -ENODEV);
	ck_assert_int_eq(iommu_domain_alloc_nested(&dev, &parent, 0, NULL, &domain), -ENODEV);
	ck_assert_ptr_null(domain);
	/* No dirty tracking: neither started nor read. */
	ck_assert_int_eq(iommu_set_dirty_tracking(&parent, true), -EOPNOTSUPP);
	ck_assert_int_eq(iommu_read_dirty(&parent, 0, 4096, false, NULL, NULL), -EOPNOTSUPP);
}
END_TEST

static int refuse_nested(struct iommu_device *dev, struct iommu_domain *parent, uint32_t flags,
			 const struct iommu_user_data *data, struct iommu_domain **domain)
{
	(void)dev, (void)parent, (void)flags, (void)data, (void)domain;
	return -E2BIG;
}

START_TEST(a_parent_of_another_driver_carries_no_nested_domain)
{
	static const struct iommu_driver none = {.name = "none"};
	struct iommu_driver nests = {.name = "nests"};
	struct iommu_device dev = {.driver = &none};
	struct iommu_domain parent = {.driver = &none}, *domain = NULL;

	ck_assert_int_eq(iommu_domain_alloc_nested(&dev, &parent, 0, NULL, &domain), -EOPNOTSUPP);
	nests.domain_alloc_nested = refuse_nested;
	dev.driver = &nests;
	ck_assert_int_eq(iommu_domain_alloc_nested(&dev, &parent, 0, NULL, &domain), -EINVAL);
	parent.driver = &nests;
	ck_assert_int_eq(iommu_domain_alloc_nested(&dev, &parent, 0, NULL, &domain), -E2BIG);
	ck_assert_ptr_null(domain);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_small");
	TCase *tc = tcase_create("small");

	tcase_add_test(tc, personality_is_found_by_name_and_by_recorded_kernel);
	tcase_add_test(tc, lowest_free_descriptor_is_given);
	tcase_add_test(tc, full_table_answers_emfile_and_takes_no_reference);
	tcase_add_test(tc, child_shares_files_until_it_closes_them);
	tcase_add_test(tc, fault_list_drops_the_oldest_and_counts_them);
	tcase_add_test(tc, task_holds_its_memory_until_the_last_reference);
	tcase_add_test(tc, data_of_a_driver_have_its_type_and_a_length_that_it_knows);
	tcase_add_test(tc, entries_of_an_array_lie_one_behind_the_other);
	tcase_add_test(tc, a_device_without_a_driver_has_no_domains);
	tcase_add_test(tc, a_parent_of_another_driver_carries_no_nested_domain);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
