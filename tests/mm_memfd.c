// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory files: what maps, pins, reads and writes of a file share, and what size, holes and seals
 * do to that. A program's own view, through the public API.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "softiommu.h"

#define PAGE 4096u
#define HUGE (2u << 20)

static struct sio_machine *machine;
static struct sio_process *p;

static void begin(void)
{
	char error[256];

	ck_assert_msg(!sio_machine_create(&(struct sio_machine_cfg){.kernel = "7.2"}, &machine,
					  error, sizeof(error)),
		      "%s", error);
	p = sio_process_create(machine);
	ck_assert_ptr_nonnull(p);
}

static void end(void)
{
	char what[256];

	ck_assert_msg(!sio_audit(machine, true, what, sizeof(what)), "%s", what);
	sio_process_exit(p);
	sio_machine_destroy(machine);
}

static uint8_t byte_of(struct sio_process *process, uint64_t address)
{
	uint8_t byte = 0xee;

	ck_assert_int_eq(sio_mem_read(process, address, &byte, 1), 0);
	return byte;
}

static uint64_t map_of(int fd, uint64_t offset, uint64_t size, bool private_copy)
{
	const struct sio_file_map map = {.fd = fd,
					 .offset = offset,
					 .size = size,
					 .prot = SIO_PROT_RW,
					 .private_copy = private_copy};
	uint64_t address;

	ck_assert_int_eq(sio_mem_map_file(p, &map, &address), 0);
	return address;
}

START_TEST(maps_share_pages_with_the_file)
{
	const int fd = sio_memfd(p, 4 * PAGE);
	const uint64_t a = map_of(fd, 0, 4 * PAGE, false), b = map_of(fd, PAGE, 2 * PAGE, false);
	struct sio_process *child;
	uint8_t byte = 0;

	ck_assert_int_eq(sio_pwrite(p, fd, "x", 1, PAGE + 5), 1);
	ck_assert_uint_eq(byte_of(p, a + PAGE + 5), 'x');
	ck_assert_uint_eq(byte_of(p, b + 5), 'x');
	ck_assert_int_eq(sio_mem_write(p, b, "y", 1), 0);
	ck_assert_int_eq(sio_pread(p, fd, &byte, 1, PAGE), 1);
	ck_assert_uint_eq(byte, 'y');
	child = sio_process_fork(p);
	ck_assert_int_eq(sio_mem_write(child, a + PAGE, "z", 1), 0);
	ck_assert_uint_eq(byte_of(p, b), 'z');
	/* The pages outlive the descriptor in maps of them. */
	ck_assert_int_eq(sio_close(p, fd), 0);
	sio_process_exit(child);
	ck_assert_uint_eq(byte_of(p, b), 'z');
}
END_TEST

START_TEST(private_maps_copy_what_they_write)
{
	const int fd = sio_memfd(p, 2 * PAGE);
	const uint64_t a = map_of(fd, 0, 2 * PAGE, true);

	ck_assert_int_eq(sio_pwrite(p, fd, "abc", 3, 0), 3);
	ck_assert_uint_eq(byte_of(p, a), 'a');
	ck_assert_int_eq(sio_mem_write(p, a, "A", 1), 0);
	ck_assert_int_eq(sio_pwrite(p, fd, "12", 2, 0), 2);
	ck_assert_uint_eq(byte_of(p, a), 'A');
	ck_assert_uint_eq(byte_of(p, a + 1), 'b');
	/* A hole leaves copies alone, a shorter file does not. */
	ck_assert_int_eq(sio_file_punch(p, fd, 0, PAGE), 0);
	ck_assert_uint_eq(byte_of(p, a), 'A');
	ck_assert_int_eq(sio_file_truncate(p, fd, 0), 0);
	ck_assert_int_eq(sio_mem_read(p, a, &(uint8_t){0}, 1), -EFAULT);
	ck_assert_int_eq(sio_file_truncate(p, fd, 2 * PAGE), 0);
	ck_assert_uint_eq(byte_of(p, a), 0);
}
END_TEST

START_TEST(behind_the_end_is_a_signal)
{
	const int fd = sio_memfd(p, PAGE + 1);
	const uint64_t a = map_of(fd, 0, 4 * PAGE, false);
	uint8_t byte = 7;

	ck_assert_int_eq(sio_mem_write(p, a + 2 * PAGE - 1, "q", 1), 0);
	ck_assert_int_eq(sio_mem_write(p, a + 2 * PAGE, "q", 1), -EFAULT);
	ck_assert_int_eq(sio_mem_read(p, a + 2 * PAGE, &byte, 1), -EFAULT);
	ck_assert_int_eq(sio_pread(p, fd, &byte, 1, PAGE + 1), 0);
	/* Writing makes it longer; a map sees that. */
	ck_assert_int_eq(sio_pwrite(p, fd, "w", 1, 3 * PAGE), 1);
	ck_assert_uint_eq(byte_of(p, a + 3 * PAGE), 'w');
	ck_assert_uint_eq(byte_of(p, a + 2 * PAGE), 0);
	/* Shorter: the rest of the last page is zeroed. */
	ck_assert_int_eq(sio_mem_write(p, a, "abcd", 4), 0);
	ck_assert_int_eq(sio_file_truncate(p, fd, 2), 0);
	ck_assert_uint_eq(byte_of(p, a + 1), 'b');
	ck_assert_uint_eq(byte_of(p, a + 2), 0);
}
END_TEST

START_TEST(holes_read_as_zeros)
{
	const int fd = sio_memfd(p, 4 * PAGE);
	const uint64_t a = map_of(fd, 0, 4 * PAGE, false);
	uint8_t data[4 * PAGE];

	memset(data, 'm', sizeof(data));
	ck_assert_int_eq(sio_pwrite(p, fd, data, sizeof(data), 0), sizeof(data));
	ck_assert_int_eq(sio_file_punch(p, fd, PAGE / 2, 2 * PAGE), 0);
	for (unsigned i = 0; i < sizeof(data); i += 64)
		ck_assert_uint_eq(byte_of(p, a + i),
				  i >= PAGE / 2 && i < PAGE / 2 + 2 * PAGE ? 0 : 'm');
	ck_assert_int_eq(sio_file_punch(p, fd, 0, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_file_punch(p, fd, 100 * PAGE, PAGE), 0);
}
END_TEST

static void seals(int fd, unsigned wanted, int error)
{
	errno = 0;
	ck_assert_int_eq(sio_file_seal(p, fd, wanted), error ? -1 : 0);
	ck_assert_int_eq(errno, error);
}

START_TEST(seals_bind)
{
	const int fd = sio_memfd(p, 2 * PAGE);
	struct sio_file_map map = {.fd = fd, .size = PAGE, .prot = SIO_PROT_RW};
	uint64_t a = map_of(fd, 0, PAGE, false);

	seals(fd, 64, EINVAL);
	seals(fd, F_SEAL_SHRINK | F_SEAL_GROW, 0);
	ck_assert_int_eq(sio_file_truncate(p, fd, PAGE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(sio_pwrite(p, fd, "x", 1, 2 * PAGE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(sio_pwrite(p, fd, "x", 1, 0), 1);
	/* A map that could write is in the way, though it may not now. */
	ck_assert_int_eq(sio_mem_protect(p, a, PAGE, SIO_PROT_READ), 0);
	seals(fd, F_SEAL_WRITE, EBUSY);
	ck_assert_int_eq(sio_mem_unmap(p, a, PAGE), 0);
	seals(fd, F_SEAL_WRITE, 0);
	ck_assert_int_eq(sio_file_punch(p, fd, 0, PAGE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(sio_file_truncate(p, fd, 3 * PAGE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(sio_pwrite(p, fd, "x", 1, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(sio_mem_map_file(p, &map, &a), -EPERM);
	map.prot = SIO_PROT_READ;
	ck_assert_int_eq(sio_mem_map_file(p, &map, &a), 0);
	ck_assert_int_eq(sio_mem_protect(p, a, PAGE, SIO_PROT_RW), -EACCES);
	map.prot = SIO_PROT_RW;
	map.private_copy = true;
	ck_assert_int_eq(sio_mem_map_file(p, &map, &a), 0);
	seals(fd, F_SEAL_SEAL, 0);
	seals(fd, F_SEAL_GROW, EPERM);
}
END_TEST

START_TEST(read_only_descriptors)
{
	const int fd = sio_memfd_open(p, &(struct sio_memfd_cfg){.size = PAGE, .read_only = true});
	struct sio_file_map map = {.fd = fd, .size = PAGE, .prot = SIO_PROT_RW};
	uint64_t a;

	ck_assert_int_eq(sio_pwrite(p, fd, "x", 1, 0), -1);
	ck_assert_int_eq(errno, EBADF);
	seals(fd, F_SEAL_GROW, EPERM);
	ck_assert_int_eq(sio_file_truncate(p, fd, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_file_punch(p, fd, 0, PAGE), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(sio_mem_map_file(p, &map, &a), -EACCES);
	map.prot = SIO_PROT_READ;
	ck_assert_int_eq(sio_mem_map_file(p, &map, &a), 0);
	ck_assert_uint_eq(byte_of(p, a), 0);
}
END_TEST

START_TEST(huge_pages_come_whole)
{
	const struct sio_memfd_cfg odd = {.size = HUGE + PAGE, .hugetlb = true};
	const struct sio_memfd_cfg cfg = {.size = 2 * HUGE, .hugetlb = true};
	const int fd = sio_memfd_open(p, &cfg);
	const struct sio_file_map small = {.fd = fd,
					   .offset = PAGE,
					   .size = HUGE,
					   .prot = SIO_PROT_RW};
	const uint64_t a = map_of(fd, 0, 2 * HUGE, false);

	ck_assert_int_eq(sio_memfd_open(p, &odd), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_file_truncate(p, fd, HUGE + PAGE), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_mem_map_file(p, &small, &(uint64_t){0}), -EINVAL);
	ck_assert_int_eq(sio_mem_write(p, a + HUGE - 1, "ab", 2), 0);
	ck_assert_int_eq(sio_pwrite(p, fd, "x", 1, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_file_punch(p, fd, HUGE - PAGE, 2 * PAGE), 0);
	ck_assert_uint_eq(byte_of(p, a + HUGE), 0);
	ck_assert_int_eq(sio_file_truncate(p, fd, HUGE), 0);
	ck_assert_int_eq(sio_mem_write(p, a + HUGE, "a", 1), -EFAULT);
}
END_TEST

/* fallocate(2), pwrite(2): what does not fit in a file offset. */
START_TEST(offsets_beyond_what_files_can_have_are_refused)
{
	const int fd = sio_memfd(p, PAGE);

	ck_assert_int_eq(sio_file_punch(p, fd, 0, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_file_punch(p, fd, UINT64_C(1) << 63, 1), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_file_punch(p, fd, INT64_MAX, 1), -1);
	ck_assert_int_eq(errno, EINVAL);
	/* Behind the end there is nothing to punch. */
	ck_assert_int_eq(sio_file_punch(p, fd, PAGE, PAGE), 0);
	ck_assert_int_eq(sio_pwrite(p, fd, "x", 1, INT64_MAX), -1);
	ck_assert_int_eq(errno, EFBIG);
	ck_assert_int_eq(sio_pwrite(p, fd, "x", 1, UINT64_C(1) << 63), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_pwrite(p, fd, "x", 0, INT64_MAX), 0);
	ck_assert_int_eq(sio_pread(p, fd, &(char){0}, 1, INT64_MAX), 0);
	ck_assert_int_eq(sio_pread(p, fd, &(char){0}, 1, UINT64_C(1) << 63), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(other_files_are_refused)
{
	const int fd = sio_eventfd(p);

	ck_assert_int_eq(sio_file_truncate(p, 99, 0), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(sio_file_truncate(p, fd, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(sio_mem_map_file(p, &(struct sio_file_map){.fd = fd, .size = PAGE}, NULL),
			 -ENODEV);
	ck_assert_int_eq(sio_mem_map_file(p, &(struct sio_file_map){.fd = 99, .size = PAGE}, NULL),
			 -EBADF);
	ck_assert_int_eq(sio_mem_map_file(p, &(struct sio_file_map){.fd = fd}, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mm memfd");
	TCase *tcase = tcase_create("memfd");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, maps_share_pages_with_the_file);
	tcase_add_test(tcase, private_maps_copy_what_they_write);
	tcase_add_test(tcase, behind_the_end_is_a_signal);
	tcase_add_test(tcase, holes_read_as_zeros);
	tcase_add_test(tcase, seals_bind);
	tcase_add_test(tcase, read_only_descriptors);
	tcase_add_test(tcase, huge_pages_come_whole);
	tcase_add_test(tcase, offsets_beyond_what_files_can_have_are_refused);
	tcase_add_test(tcase, other_files_are_refused);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
