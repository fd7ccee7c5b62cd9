// SPDX-License-Identifier: GPL-2.0-only
/*
 * SET_IRQS: validation, the three kinds of interrupt and their state machine, error and request
 * eventfds; and interrupts that edu raises.
 */
#include "vfio_machine.h"

#include "harness.h"

enum { INTX, MSI, MSIX, ERR, REQ };
enum { NONE = 1, BOOL = 2, EVENTFD = 4, MASK = 8, UNMASK = 16, TRIGGER = 32 };

static struct rig rig;

static void setup(void)
{
	rig_boot(&rig, "qemu-host", NULL);
}

static void teardown(void)
{
	rig_halt(&rig);
}

/* `data` of `bytes` bytes follows the header. */
static long set_irqs(int fd, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
		     const void *data, uint32_t bytes)
{
	uint8_t buf[20 + 65 * 4] = {0};
	uint32_t header[5] = {20 + bytes, flags, index, start, count};

	memcpy(buf, header, 20);
	if (bytes)
		memcpy(buf + 20, data, bytes);
	return rig_ioctl(&rig, fd, VFIO_DEVICE_SET_IRQS, buf);
}

static long set_fd(int fd, uint32_t action, uint32_t index, uint32_t start, int eventfd)
{
	return set_irqs(fd, EVENTFD | action, index, start, 1, &eventfd, 4);
}

static long disable(int fd, uint32_t index)
{
	return set_irqs(fd, NONE | TRIGGER, index, 0, 0, NULL, 0);
}

static uint64_t count_of(int eventfd)
{
	uint64_t count = 0;

	ck_assert_int_eq(sio_eventfd_read(rig.process, eventfd, &count), 0);
	return count;
}

START_TEST(headers_are_validated_in_order)
{
	static const struct {
		uint32_t argsz, flags, index, start, count;
		long answer;
	} row[] = {
		{19, 0x21, 0, 0, 0, -EINVAL},          {20, 0x21, 5, 0, 0, -EINVAL},
		{20, 0x61, 0, 0, 0, -EINVAL},          {20, 0x21, 0, 0, 0xffffffff, -EINVAL},
		{20, 0x21, 0, 1, 0xfffffffe, -EINVAL}, {20, 0x21, 0, 1, 0, -EINVAL},
		{20, 0x21, 0, 0, 2, -EINVAL},          {20, 0x21, 2, 0, 0, -EINVAL},
		{20, 0x20, 0, 0, 1, -EINVAL},          {20, 0x23, 0, 0, 1, -EINVAL},
		{20, 0x22, 0, 0, 1, -EINVAL},          {23, 0x24, 0, 0, 1, -EINVAL},
		{20, 0x21, 3, 0, 0, -EINVAL},          {20, 0x01, 0, 0, 1, -ENOTTY},
		{20, 0x29, 0, 0, 1, -ENOTTY},          {20, 0x09, 1, 0, 1, -ENOTTY},
		{20, 0x11, 1, 0, 1, -ENOTTY},          {20, 0x09, 4, 0, 1, -ENOTTY},
		{20, 0x11, 0, 0, 1, -EINVAL},          {20, 0x09, 0, 0, 1, -EINVAL},
		{20, 0x21, 0, 0, 0, -EINVAL},          {20, 0x21, 1, 0, 0, -EINVAL},
		{20, 0x21, 4, 0, 0, -EINVAL},          {20, 0x21, 0, 0, 1, -EINVAL},
	};
	int fd = rig_open(&rig, "edu0", NULL);

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		long rc = rig_ioctl(&rig, fd, VFIO_DEVICE_SET_IRQS, (void *)&row[i]);

		ck_assert_msg(rc == row[i].answer, "row %u: %ld", i, rc);
	}
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_SET_IRQS, (void *)16), -EFAULT);
}
END_TEST

START_TEST(error_interrupts_need_pci_express)
{
	int edu = rig_open(&rig, "edu0", NULL), nic = rig_open(&rig, "nic0", NULL);
	int eventfd = sio_eventfd(rig.process);

	ck_assert_int_eq(set_fd(edu, TRIGGER, ERR, 0, eventfd), -EINVAL);
	ck_assert_int_eq(set_fd(nic, TRIGGER, ERR, 0, eventfd), 0);
	ck_assert_int_eq(set_irqs(nic, NONE | TRIGGER, ERR, 0, 1, NULL, 0), 0);
	ck_assert_uint_eq(count_of(eventfd), 1);
}
END_TEST

START_TEST(request_eventfd_is_set_signalled_and_removed)
{
	int fd = rig_open(&rig, "edu0", NULL), eventfd = sio_eventfd(rig.process);
	uint8_t yes = 1, no = 0;

	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, REQ, 0, 1, NULL, 0), -EINVAL);
	ck_assert_int_eq(set_irqs(fd, BOOL | TRIGGER, REQ, 0, 1, &yes, 1), 0);
	ck_assert_int_eq(set_fd(fd, TRIGGER, REQ, 0, -1), 0);
	ck_assert_int_eq(set_fd(fd, TRIGGER, REQ, 0, 999), -EBADF);
	ck_assert_int_eq(set_fd(fd, TRIGGER, REQ, 0, rig.container), -EINVAL);
	ck_assert_int_eq(set_irqs(fd, EVENTFD | TRIGGER, REQ, 0, 0, NULL, 0), -EINVAL);
	ck_assert_int_eq(set_irqs(fd, BOOL | TRIGGER, REQ, 0, 0, NULL, 0), -EINVAL);
	ck_assert_int_eq(set_fd(fd, TRIGGER, REQ, 0, eventfd), 0);
	ck_assert_int_eq(set_fd(fd, TRIGGER, REQ, 0, eventfd), 0);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, REQ, 0, 1, NULL, 0), 0);
	ck_assert_int_eq(set_irqs(fd, BOOL | TRIGGER, REQ, 0, 1, &yes, 1), 0);
	ck_assert_int_eq(set_irqs(fd, BOOL | TRIGGER, REQ, 0, 1, &no, 1), 0);
	ck_assert_uint_eq(count_of(eventfd), 2);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, REQ, 0, 0, NULL, 0), 0);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, REQ, 0, 0, NULL, 0), -EINVAL);
	ck_assert_int_eq(set_fd(fd, MASK, REQ, 0, -1), -ENOTTY);
}
END_TEST

START_TEST(one_kind_is_on_at_a_time)
{
	int fd = rig_open(&rig, "nic0", NULL), eventfd = sio_eventfd(rig.process);

	for (uint32_t on = INTX; on <= MSIX; on++) {
		ck_assert_int_eq(disable(fd, on), -EINVAL);
		ck_assert_int_eq(set_fd(fd, TRIGGER, on, 0, eventfd), 0);
		for (uint32_t other = INTX; other <= MSIX; other++) {
			if (other == on)
				continue;
			ck_assert_int_eq(set_fd(fd, TRIGGER, other, 0, eventfd), -EINVAL);
			ck_assert_int_eq(disable(fd, other), -EINVAL);
		}
		ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, on, 0, 1, NULL, 0), 0);
		ck_assert_uint_eq(count_of(eventfd), 1);
		ck_assert_int_eq(disable(fd, on), 0);
		ck_assert_int_eq(disable(fd, on), -EINVAL);
		ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, on, 0, 1, NULL, 0), -EINVAL);
	}
}
END_TEST

START_TEST(a_bad_descriptor_turns_nothing_on)
{
	int fd = rig_open(&rig, "nic0", NULL), eventfd = sio_eventfd(rig.process);

	for (uint32_t index = INTX; index <= MSIX; index++) {
		ck_assert_int_eq(set_fd(fd, TRIGGER, index, 0, 999), -EBADF);
		ck_assert_int_eq(set_fd(fd, TRIGGER, index, 0, fd), -EINVAL);
		ck_assert_int_eq(disable(fd, index), -EINVAL);
	}
	/* -1 turns it on without an eventfd. */
	ck_assert_int_eq(set_fd(fd, TRIGGER, MSIX, 0, -1), 0);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, MSIX, 0, 1, NULL, 0), 0);
	ck_assert_int_eq(set_fd(fd, TRIGGER, MSIX, 0, eventfd), 0);
	ck_assert_int_eq(disable(fd, MSIX), 0);
}
END_TEST

START_TEST(msix_vectors_are_set_in_blocks)
{
	int fd = rig_open(&rig, "disk0", NULL), eventfd[65];
	uint8_t bools[4] = {0, 1, 1, 0};
	int32_t bad[3];

	for (unsigned i = 0; i < 65; i++)
		eventfd[i] = sio_eventfd(rig.process);
	ck_assert_int_eq(set_irqs(fd, EVENTFD | TRIGGER, MSIX, 0, 65, eventfd, 65 * 4), 0);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, MSIX, 0, 65, NULL, 0), 0);
	for (unsigned i = 0; i < 65; i++)
		ck_assert_uint_eq(count_of(eventfd[i]), 1);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, MSIX, 64, 2, NULL, 0), -EINVAL);
	ck_assert_int_eq(set_irqs(fd, BOOL | TRIGGER, MSIX, 10, 4, bools, 4), 0);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(count_of(eventfd[10 + i]), bools[i]);

	/* A block that fails half way is gone, the rest is not. */
	bad[0] = eventfd[0];
	bad[1] = 999;
	bad[2] = eventfd[2];
	ck_assert_int_eq(set_irqs(fd, EVENTFD | TRIGGER, MSIX, 20, 3, bad, 12), -EBADF);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, MSIX, 19, 5, NULL, 0), 0);
	ck_assert_uint_eq(count_of(eventfd[0]), 0);
	ck_assert_uint_eq(count_of(eventfd[19]), 1);
	ck_assert_uint_eq(count_of(eventfd[20]), 0);
	ck_assert_uint_eq(count_of(eventfd[21]), 0);
	ck_assert_uint_eq(count_of(eventfd[22]), 1);
	ck_assert_int_eq(disable(fd, MSIX), 0);

	/* First use need not begin at vector 0, and it may grow. */
	ck_assert_int_eq(set_fd(fd, TRIGGER, MSIX, 3, eventfd[3]), 0);
	ck_assert_int_eq(set_fd(fd, TRIGGER, MSIX, 60, eventfd[60]), 0);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, MSIX, 0, 65, NULL, 0), 0);
	ck_assert_uint_eq(count_of(eventfd[3]), 1);
	ck_assert_uint_eq(count_of(eventfd[60]), 1);
	ck_assert_uint_eq(count_of(eventfd[4]), 0);
}
END_TEST

START_TEST(intx_masks_itself_when_it_fires)
{
	int fd = rig_open(&rig, "edu0", NULL), eventfd = sio_eventfd(rig.process);
	uint8_t no = 0, yes = 1;

	ck_assert_int_eq(set_fd(fd, TRIGGER, INTX, 0, eventfd), 0);
	rig_write(&rig, fd, 0x60, 4, 1);
	ck_assert_uint_eq(rig_read(&rig, fd, 0x24, 4), 1);
	ck_assert_uint_eq(rig_read(&rig, fd, CONFIG(6), 2), 0x18);
	ck_assert_uint_eq(count_of(eventfd), 1);
	rig_write(&rig, fd, 0x60, 4, 2);
	ck_assert_uint_eq(count_of(eventfd), 0);
	/* The line is still up: unmasking fires at once. */
	ck_assert_int_eq(set_irqs(fd, BOOL | UNMASK, INTX, 0, 1, &no, 1), 0);
	ck_assert_uint_eq(count_of(eventfd), 0);
	ck_assert_int_eq(set_irqs(fd, NONE | UNMASK, INTX, 0, 1, NULL, 0), 0);
	ck_assert_uint_eq(count_of(eventfd), 1);
	rig_write(&rig, fd, 0x64, 4, 3);
	ck_assert_uint_eq(rig_read(&rig, fd, CONFIG(6), 2), 0x10);
	ck_assert_int_eq(set_irqs(fd, BOOL | UNMASK, INTX, 0, 1, &yes, 1), 0);
	ck_assert_uint_eq(count_of(eventfd), 0);
	rig_write(&rig, fd, 0x60, 4, 1);
	ck_assert_uint_eq(count_of(eventfd), 1);
}
END_TEST

START_TEST(a_masked_line_waits)
{
	int fd = rig_open(&rig, "edu0", NULL), eventfd = sio_eventfd(rig.process);

	ck_assert_int_eq(set_fd(fd, TRIGGER, INTX, 0, eventfd), 0);
	ck_assert_int_eq(set_irqs(fd, NONE | MASK, INTX, 0, 1, NULL, 0), 0);
	rig_write(&rig, fd, 0x60, 4, 1);
	ck_assert_uint_eq(count_of(eventfd), 0);
	/* The loopback test does not ask for the mask. */
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, INTX, 0, 1, NULL, 0), 0);
	ck_assert_uint_eq(count_of(eventfd), 1);
	ck_assert_int_eq(set_irqs(fd, NONE | UNMASK, INTX, 0, 1, NULL, 0), 0);
	ck_assert_uint_eq(count_of(eventfd), 1);
	ck_assert_int_eq(set_fd(fd, MASK, INTX, 0, eventfd), -ENOTTY);
	ck_assert_int_eq(set_irqs(fd, NONE | MASK, INTX, 0, 0, NULL, 0), -EINVAL);
}
END_TEST

START_TEST(the_command_register_disables_intx)
{
	int fd = rig_open(&rig, "edu0", NULL), eventfd = sio_eventfd(rig.process);

	ck_assert_int_eq(set_fd(fd, TRIGGER, INTX, 0, eventfd), 0);
	rig_write(&rig, fd, CONFIG(4), 2, 0x0402);
	rig_write(&rig, fd, 0x60, 4, 1);
	ck_assert_uint_eq(count_of(eventfd), 0);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, INTX, 0, 1, NULL, 0), 0);
	ck_assert_int_eq(set_irqs(fd, NONE | UNMASK, INTX, 0, 1, NULL, 0), 0);
	ck_assert_uint_eq(count_of(eventfd), 0);
	rig_write(&rig, fd, CONFIG(4), 2, 0x0002);
	ck_assert_uint_eq(count_of(eventfd), 1);
}
END_TEST

START_TEST(a_line_that_is_up_fires_when_intx_is_turned_on)
{
	int fd = rig_open(&rig, "edu0", NULL), eventfd = sio_eventfd(rig.process);

	rig_write(&rig, fd, 0x60, 4, 1);
	ck_assert_int_eq(set_fd(fd, TRIGGER, INTX, 0, eventfd), 0);
	ck_assert_uint_eq(count_of(eventfd), 1);
}
END_TEST

START_TEST(an_unmask_eventfd_is_set_once)
{
	int fd = rig_open(&rig, "edu0", NULL), trigger = sio_eventfd(rig.process);
	int unmask = sio_eventfd(rig.process), source = rig_open(&rig, "edu1", NULL);

	ck_assert_int_eq(set_fd(fd, UNMASK, INTX, 0, unmask), -EINVAL);
	ck_assert_int_eq(set_fd(fd, TRIGGER, INTX, 0, trigger), 0);
	ck_assert_int_eq(set_fd(fd, UNMASK, INTX, 0, 999), -EBADF);
	ck_assert_int_eq(set_fd(fd, UNMASK, INTX, 0, fd), -EINVAL);
	ck_assert_int_eq(set_fd(fd, UNMASK, INTX, 0, unmask), 0);
	ck_assert_int_eq(set_fd(fd, UNMASK, INTX, 0, unmask), -EBUSY);
	rig_write(&rig, fd, 0x60, 4, 1);
	ck_assert_uint_eq(count_of(trigger), 1);
	/* The other device's interrupt is this one's unmask. */
	ck_assert_int_eq(set_fd(source, TRIGGER, MSI, 0, unmask), 0);
	rig_write(&rig, source, 0x60, 4, 1);
	rig_write(&rig, fd, 0x60, 4, 2);
	ck_assert_uint_eq(count_of(trigger), 1);
	ck_assert_int_eq(set_fd(fd, UNMASK, INTX, 0, -1), 0);
	ck_assert_int_eq(set_fd(fd, UNMASK, INTX, 0, unmask), 0);
}
END_TEST

START_TEST(edu_raises_msi)
{
	int group, fd = rig_open(&rig, "edu0", &group), eventfd = sio_eventfd(rig.process);

	ck_assert_int_eq(set_fd(fd, TRIGGER, MSI, 0, eventfd), 0);
	rig_write(&rig, fd, 0x60, 4, 1);
	rig_write(&rig, fd, 0x60, 4, 1);
	ck_assert_uint_eq(count_of(eventfd), 2); /* messages are not masked */
	ck_assert_uint_eq(rig_read(&rig, fd, CONFIG(6), 2), 0x10);
	rig_write(&rig, fd, 0x20, 4, 0x80);
	rig_write(&rig, fd, 0x08, 4, 4);
	ck_assert_uint_eq(count_of(eventfd), 1);
	ck_assert_uint_eq(rig_read(&rig, fd, 0x24, 4), 1);
	ck_assert_int_eq(set_fd(fd, TRIGGER, MSI, 0, -1), 0);
	rig_write(&rig, fd, 0x60, 4, 1);
	ck_assert_uint_eq(count_of(eventfd), 0);
	/* The device lets go of the eventfd when it is closed. */
	ck_assert_int_eq(set_fd(fd, TRIGGER, MSI, 0, eventfd), 0);
	sio_close(rig.process, fd);
	fd = rig_device(&rig, group, "edu0");
	ck_assert_int_eq(disable(fd, MSI), -EINVAL);
	rig_write(&rig, fd, 0x60, 4, 1);
	ck_assert_uint_eq(count_of(eventfd), 0);
}
END_TEST

START_TEST(interrupts_survive_a_reset)
{
	int fd = rig_open(&rig, "disk0", NULL), eventfd = sio_eventfd(rig.process);

	ck_assert_int_eq(set_fd(fd, TRIGGER, MSIX, 0, eventfd), 0);
	ck_assert_int_eq(rig_ioctl_value(&rig, fd, VFIO_DEVICE_RESET, 0), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, CONFIG(0x42), 2), 0x8040);
	ck_assert_int_eq(set_irqs(fd, NONE | TRIGGER, MSIX, 0, 1, NULL, 0), 0);
	ck_assert_uint_eq(count_of(eventfd), 1);
}
END_TEST

START_TEST(failing_memory_changes_nothing)
{
	static const char *const points[] = {"alloc", "copy-in"};
	int fd = rig_open(&rig, "disk0", NULL), eventfd = sio_eventfd(rig.process);
	char plan[32], error[128];

	for (unsigned p = 0; p < 2; p++) {
		for (unsigned nth = 1;; nth++) {
			long rc;

			snprintf(plan, sizeof(plan), "%s:nth=%u", points[p], nth);
			ck_assert_int_eq(sio_inject(rig.machine, plan, error, sizeof(error)), 0);
			rc = set_fd(fd, TRIGGER, MSIX, 0, eventfd);
			ck_assert_int_eq(sio_inject(rig.machine, "", error, sizeof(error)), 0);
			if (!rc)
				break;
			ck_assert_int_eq(rc, p ? -EFAULT : -ENOMEM);
			ck_assert_int_eq(disable(fd, MSIX), -EINVAL);
		}
		ck_assert_int_eq(disable(fd, MSIX), 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio irqs");
	TCase *tcase = tcase_create("SET_IRQS");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, headers_are_validated_in_order);
	tcase_add_test(tcase, error_interrupts_need_pci_express);
	tcase_add_test(tcase, request_eventfd_is_set_signalled_and_removed);
	tcase_add_test(tcase, one_kind_is_on_at_a_time);
	tcase_add_test(tcase, a_bad_descriptor_turns_nothing_on);
	tcase_add_test(tcase, msix_vectors_are_set_in_blocks);
	tcase_add_test(tcase, intx_masks_itself_when_it_fires);
	tcase_add_test(tcase, a_masked_line_waits);
	tcase_add_test(tcase, the_command_register_disables_intx);
	tcase_add_test(tcase, a_line_that_is_up_fires_when_intx_is_turned_on);
	tcase_add_test(tcase, an_unmask_eventfd_is_set_once);
	tcase_add_test(tcase, edu_raises_msi);
	tcase_add_test(tcase, interrupts_survive_a_reset);
	tcase_add_test(tcase, failing_memory_changes_nothing);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
