// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an iommufd tells through files: page requests of devices and their answers, events of
 * virtual IOMMUs and their loss. Records are compared byte by byte with ones made by hand.
 */
#include "iommufd_fake.h"

#include <poll.h>

static struct fk fk;
static struct iommufd_ctx *ctx;
static struct iommufd_device *idev, *other;
static long dev, ioas, fault, hwpt, viommu;
static int fd, fault_fd;

/* Device 3 is on a HWPT with a fault queue, device 4 is bound. */
static void setup(void)
{
	fk_open(&fk, "7.2");
	ctx = fk_ctx(&fk, &fd);
	fk_boot(&fk);
	idev = fk_bind(&fk, ctx, 3);
	other = fk_bind(&fk, ctx, 4);
	dev = iommufd_device_id(idev);
	ioas = fk_ioas(&fk, ctx);
	fault = fk_fault_queue(&fk, ctx, &fault_fd);
	ck_assert_int_gt(fault, 0);
	hwpt = fk_fault_hwpt(&fk, ctx, dev, ioas, IOMMU_HWPT_ALLOC_PASID, fault);
	ck_assert_int_eq(fk_attach_pt(idev, 0, hwpt), hwpt);
}

static void teardown(void)
{
	for (uint32_t pasid = 0; pasid < FK_PASIDS; pasid++) {
		iommufd_device_detach(idev, pasid);
		iommufd_device_detach(other, pasid);
	}
	iommufd_device_unbind(idev);
	iommufd_device_unbind(other);
	fk_close(&fk);
}

static long read_at(int from, void *buf, size_t len, uint64_t offset)
{
	struct file *file = fd_lookup(fk.caller.fds, from);

	return file->ops->pread(file, &fk.caller, (uintptr_t)buf, len, offset);
}

static long write_at(int to, const void *buf, size_t len, uint64_t offset)
{
	struct file *file = fd_lookup(fk.caller.fds, to);

	return file->ops->pwrite(file, &fk.caller, (uintptr_t)buf, len, offset);
}

static unsigned poll_of(int of)
{
	struct file *file = fd_lookup(fk.caller.fds, of);

	return file->ops->poll(file);
}

/* ---- page requests ---- */

static struct iopf_fault request(unsigned n, uint32_t pasid, uint32_t grpid, bool last)
{
	return (struct iopf_fault){.dev = fk.device[n].dev,
				   .pasid = pasid,
				   .has_pasid = pasid != 0,
				   .last = last,
				   .grpid = grpid,
				   .perm = IOMMU_PGFAULT_PERM_WRITE,
				   .addr = 0x1000 * (grpid + 1)};
}

static int report(unsigned n, uint32_t pasid, uint32_t grpid, bool last)
{
	const struct iopf_fault it = request(n, pasid, grpid, last);

	return iommu_report_fault(&it);
}

/* A group of one request: read it, its cookie. */
static uint32_t next_cookie(uint32_t grpid)
{
	struct iommu_hwpt_pgfault record;

	ck_assert_int_eq(report(3, 0, grpid, true), 0);
	ck_assert_int_eq(read_at(fault_fd, &record, sizeof(record), 0), sizeof(record));
	ck_assert_uint_eq(record.grpid, grpid);
	return record.cookie;
}

static long respond(uint32_t cookie, uint32_t code)
{
	const struct iommu_hwpt_page_response response = {cookie, code};

	return write_at(fault_fd, &response, sizeof(response), 0);
}

/* The n-th answer that a device got. */
static void answered(unsigned n, uint32_t grpid, unsigned code)
{
	ck_assert_uint_gt(fk.responses, n);
	ck_assert_uint_eq(fk.response[n].grpid, grpid);
	ck_assert_uint_eq(fk.response[n].code, code);
}

START_TEST(a_fault_queue_is_held_by_its_file_and_its_hwpts)
{
	struct iommu_fault_alloc cmd = {.size = sizeof(cmd), .flags = 1};
	int second_fd = -1;
	long second;

	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_FAULT_QUEUE_ALLOC, &cmd), -EOPNOTSUPP);
	second = fk_fault_queue(&fk, ctx, &second_fd);
	ck_assert_uint_eq(fk_users(ctx, second), 2);
	ck_assert_int_eq(fk_destroy(&fk, ctx, second), -EBUSY);
	ck_assert_int_eq(fd_close(fk.caller.fds, second_fd), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, second), 0);
	ck_assert_uint_eq(fk_users(ctx, fault), 3);
	ck_assert_int_eq(fd_close(fk.caller.fds, fault_fd), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, fault), -EBUSY);
	iommufd_device_detach(idev, 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, hwpt), 0);
	ck_assert_int_eq(fk_destroy(&fk, ctx, fault), 0);
}
END_TEST

START_TEST(page_requests_are_on_while_a_hwpt_takes_them)
{
	long plain = fk_hwpt(&fk, ctx, dev, ioas, 0), second;
	int second_fd = -1;

	ck_assert(fk.device[3].pri_on);
	second = fk_fault_queue(&fk, ctx, &second_fd);
	second = fk_fault_hwpt(&fk, ctx, dev, ioas, 0, second);
	ck_assert_int_eq(fk_replace_pt(idev, 0, second), second);
	ck_assert(fk.device[3].pri_on);
	ck_assert_int_eq(fk_replace_pt(idev, 0, plain), plain);
	ck_assert(!fk.device[3].pri_on);
	ck_assert_int_eq(fk_replace_pt(idev, 0, hwpt), hwpt);
	ck_assert(fk.device[3].pri_on);
	fk.device[3].attach_error = -EIO;
	ck_assert_int_eq(fk_replace_pt(idev, 0, plain), -EIO);
	ck_assert(fk.device[3].pri_on);
	iommufd_device_detach(idev, 0);
	ck_assert(!fk.device[3].pri_on);
	fk.device[3].attach_error = -EIO;
	ck_assert_int_eq(fk_attach_pt(idev, 0, hwpt), -EIO);
	ck_assert(!fk.device[3].pri_on);
	fk.device[3].no_pri = true;
	ck_assert_int_eq(fk_attach_pt(idev, 0, hwpt), -ENODEV);
	ck_assert_uint_eq(fk_users(ctx, hwpt), 1);
	ck_assert(fk_blocked(&fk, 3));
}
END_TEST

START_TEST(a_group_is_one_record_per_request)
{
	struct iommu_hwpt_pgfault record[3];
	const struct iopf_fault odd = {.dev = fk.device[3].dev,
				       .pasid = 5,
				       .has_pasid = true,
				       .last = true,
				       .grpid = 0x123,
				       .perm = 13,
				       .addr = UINT64_C(0xfedcba9876543000)};
	const struct iommu_hwpt_pgfault want = {.flags = 3,
						.dev_id = (uint32_t)dev,
						.pasid = 5,
						.grpid = 0x123,
						.perm = 13,
						.addr = UINT64_C(0xfedcba9876543000),
						.cookie = 2};

	ck_assert_int_eq(report(3, 0, 7, false), 0);
	ck_assert_uint_eq(poll_of(fault_fd), POLLOUT);
	ck_assert_int_eq(read_at(fault_fd, record, sizeof(record), 0), 0);
	ck_assert_int_eq(report(3, 0, 7, true), 0);
	ck_assert_uint_eq(poll_of(fault_fd), POLLIN | POLLRDNORM | POLLOUT);
	ck_assert_int_eq(fk_attach_pt(idev, 5, hwpt), hwpt);
	ck_assert_int_eq(iommu_report_fault(&odd), 0);
	ck_assert_int_eq(read_at(fault_fd, record, sizeof(record), 0), sizeof(record));
	ck_assert_uint_eq(record[0].flags, 0);
	ck_assert_uint_eq(record[1].flags, IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	ck_assert_uint_eq(record[0].cookie, 1);
	ck_assert_uint_eq(record[1].cookie, 1);
	ck_assert_mem_eq(&record[2], &want, sizeof(want));
	ck_assert_uint_eq(poll_of(fault_fd), POLLOUT);
	/* Both wait for answers. */
	ck_assert_int_eq(respond(2, IOMMUFD_PAGE_RESP_SUCCESS), 8);
	answered(0, 0x123, IOPF_SUCCESS);
	ck_assert_int_eq(respond(1, IOMMUFD_PAGE_RESP_INVALID), 8);
	answered(1, 7, IOPF_INVALID);
}
END_TEST

START_TEST(reading_takes_whole_groups_from_the_beginning)
{
	struct iommu_hwpt_pgfault record[4];
	const size_t one = sizeof(record[0]);

	ck_assert_int_eq(read_at(fault_fd, record, 0, 0), 0);
	ck_assert_int_eq(read_at(fault_fd, record, one, 1), -ESPIPE);
	ck_assert_int_eq(read_at(fault_fd, record, one - 1, 0), -ESPIPE);
	ck_assert_int_eq(report(3, 0, 1, true), 0);
	ck_assert_int_eq(report(3, 0, 2, false), 0);
	ck_assert_int_eq(report(3, 0, 2, true), 0);
	ck_assert_int_eq(read_at(fault_fd, record, 0, 0), 0);
	/* The second group does not fit, and then does not fit as the first. */
	ck_assert_int_eq(read_at(fault_fd, record, 2 * one, 0), (long)one);
	ck_assert_int_eq(read_at(fault_fd, record, one, 0), -EINVAL);
	ck_assert_int_eq(read_at(fault_fd, record, 4 * one, 0), 2 * (long)one);
	ck_assert_uint_eq(record[0].cookie, 2);
}
END_TEST

START_TEST(a_bad_buffer_puts_the_group_back)
{
	struct iommu_hwpt_pgfault record;

	ck_assert_int_eq(report(3, 0, 1, true), 0);
	ck_assert_int_eq(read_at(fault_fd, (void *)(uintptr_t)FK_BAD_ADDRESS, sizeof(record), 0),
			 -EFAULT);
	ck_assert_uint_eq(poll_of(fault_fd), POLLIN | POLLRDNORM | POLLOUT);
	ck_assert_int_eq(respond(1, 0), -EINVAL);
	ck_assert_int_eq(read_at(fault_fd, &record, sizeof(record), 0), sizeof(record));
	ck_assert_uint_eq(record.cookie, 1);
}
END_TEST

START_TEST(answers_are_checked_one_by_one)
{
	const struct iommu_hwpt_page_response list[3] = {{1, 0}, {9, 0}, {2, 0}};

	next_cookie(1);
	next_cookie(2);
	ck_assert_int_eq(write_at(fault_fd, list, 7, 0), -ESPIPE);
	ck_assert_int_eq(write_at(fault_fd, list, 0, 0), 0);
	ck_assert_int_eq(respond(1, 2), -EINVAL);
	ck_assert_int_eq(respond(3, 0), -EINVAL);
	ck_assert_int_eq(write_at(fault_fd, (void *)(uintptr_t)FK_BAD_ADDRESS, 8, 0), -EFAULT);
	ck_assert_uint_eq(fk.responses, 0);
	/* The first is done, the second refused, the third not looked at. */
	ck_assert_int_eq(write_at(fault_fd, list, sizeof(list), 0), 8);
	ck_assert_uint_eq(fk.responses, 1);
	answered(0, 1, IOPF_SUCCESS);
	ck_assert_int_eq(respond(1, 0), -EINVAL);
	ck_assert_int_eq(respond(2, 1), 8);
	answered(1, 2, IOPF_INVALID);
}
END_TEST

START_TEST(cookies_are_the_lowest_free_numbers)
{
	ck_assert_uint_eq(next_cookie(1), 1);
	ck_assert_uint_eq(next_cookie(2), 2);
	ck_assert_uint_eq(next_cookie(3), 3);
	ck_assert_int_eq(respond(2, 0), 8);
	ck_assert_int_eq(respond(1, 0), 8);
	ck_assert_uint_eq(next_cookie(4), 1);
	ck_assert_uint_eq(next_cookie(5), 2);
	ck_assert_uint_eq(next_cookie(6), 4);
}
END_TEST

START_TEST(an_answer_to_cookie_zero_frees_it)
{
	/* Nobody waits: no effect. */
	ck_assert_int_eq(respond(0, 0), -EINVAL);
	ck_assert_uint_eq(next_cookie(1), 1);
	/* Refused for its code: no effect. */
	ck_assert_int_eq(respond(0, 7), -EINVAL);
	ck_assert_uint_eq(next_cookie(2), 2);
	ck_assert_int_eq(respond(0, 0), -EINVAL);
	ck_assert_uint_eq(next_cookie(3), 0);
	ck_assert_uint_eq(next_cookie(4), 3);
	ck_assert_int_eq(respond(0, 0), 8);
	answered(0, 3, IOPF_SUCCESS);
	ck_assert_uint_eq(next_cookie(5), 0);
}
END_TEST

START_TEST(what_waits_is_answered_when_its_attachment_ends)
{
	long plain = fk_hwpt(&fk, ctx, dev, ioas, IOMMU_HWPT_ALLOC_PASID);

	ck_assert_int_eq(fk_attach_pt(idev, 5, hwpt), hwpt);
	ck_assert_int_eq(fk_attach_pt(other, 0, hwpt), hwpt);
	next_cookie(1);
	ck_assert_int_eq(report(3, 0, 2, true), 0);
	ck_assert_int_eq(report(3, 5, 3, true), 0);
	ck_assert_int_eq(report(4, 0, 4, true), 0);
	/* The same HWPT, but each attachment has its own. */
	iommufd_device_detach(idev, 5);
	ck_assert_uint_eq(fk.responses, 1);
	answered(0, 3, IOPF_INVALID);
	ck_assert(fk.device[3].pri_on);
	ck_assert_int_eq(fk_replace_pt(idev, 0, plain), plain);
	ck_assert_uint_eq(fk.responses, 3);
	answered(1, 2, IOPF_INVALID);
	answered(2, 1, IOPF_INVALID);
	ck_assert_int_eq(respond(1, 0), -EINVAL);
	ck_assert(!fk.device[3].pri_on);
	/* Nobody takes them now. */
	ck_assert_int_eq(report(3, 0, 6, true), -EINVAL);
	answered(3, 6, IOPF_INVALID);
	iommufd_device_detach(other, 0);
	answered(4, 4, IOPF_INVALID);
	ck_assert_uint_eq(fk.responses, 5);
	ck_assert_uint_eq(poll_of(fault_fd), POLLOUT);
}
END_TEST

START_TEST(an_open_fault_file_keeps_the_context)
{
	ck_assert_int_eq(fd_close(fk.caller.fds, fd), 0);
	ck_assert_uint_eq(next_cookie(1), 1);
	ck_assert_int_eq(respond(1, 0), 8);
	iommufd_device_detach(idev, 0);
	iommufd_device_unbind(idev);
	iommufd_device_unbind(other);
	ck_assert_uint_eq(fk.env.live, 1);
	ck_assert_int_eq(fd_close(fk.caller.fds, fault_fd), 0);
	ck_assert_uint_eq(fk.env.live, 0);
	/* As the teardown wants it. */
	ctx = fk_ctx(&fk, &fd);
	idev = fk_bind(&fk, ctx, 3);
	other = fk_bind(&fk, ctx, 4);
}
END_TEST

/* ---- events of virtual IOMMUs ---- */

static void viommu_setup(void)
{
	long parent;

	setup();
	parent = fk_hwpt(&fk, ctx, dev, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT);
	viommu = fk_viommu(&fk, ctx, dev, parent);
	ck_assert_int_gt(viommu, 0);
}

static int post(uint32_t value)
{
	return fk.last_viommu->report_event(fk.last_viommu, FK_VIOMMU, &value, sizeof(value));
}

struct record {
	struct iommufd_vevent_header header;
	uint32_t value;
};

START_TEST(an_event_queue_is_refused_in_the_kernels_order)
{
	struct iommu_veventq_alloc cmd = {.size = sizeof(cmd), .viommu_id = 99};
	int queue_fd = -1;
	long queue;

	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_VEVENTQ_ALLOC, &cmd), -EOPNOTSUPP);
	cmd.type = FK_VIOMMU;
	cmd.flags = 1;
	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_VEVENTQ_ALLOC, &cmd), -EOPNOTSUPP);
	cmd.flags = 0;
	cmd.__reserved = 1;
	ck_assert_int_eq(fk_ioctl(&fk, ctx, IOMMU_VEVENTQ_ALLOC, &cmd), -EOPNOTSUPP);
	ck_assert_int_eq(fk_veventq(&fk, ctx, 99, FK_VIOMMU, 0, &queue_fd), -EINVAL);
	ck_assert_int_eq(fk_veventq(&fk, ctx, 99, FK_VIOMMU, (1u << 19) + 1, &queue_fd), -EINVAL);
	ck_assert_int_eq(fk_veventq(&fk, ctx, 99, FK_VIOMMU, 1, &queue_fd), -ENOENT);
	ck_assert_int_eq(fk_veventq(&fk, ctx, ioas, FK_VIOMMU, 1, &queue_fd), -ENOENT);
	ck_assert_int_eq(post(1), -EOPNOTSUPP);
	queue = fk_veventq(&fk, ctx, viommu, FK_VIOMMU, 1u << 19, &queue_fd);
	ck_assert_int_gt(queue, 0);
	ck_assert_int_eq(fk_veventq(&fk, ctx, viommu, FK_VIOMMU, 1, &queue_fd), -EEXIST);
	/* Any other type is accepted. */
	ck_assert_int_gt(fk_veventq(&fk, ctx, viommu, 0x4711, 1, &queue_fd), queue);
	ck_assert_uint_eq(fk_users(ctx, viommu), 3);
	ck_assert_uint_eq(fk_users(ctx, queue), 2);
	ck_assert_int_eq(fk_destroy(&fk, ctx, queue), -EBUSY);
	ck_assert_int_eq(fk_destroy(&fk, ctx, viommu), -EBUSY);
}
END_TEST

START_TEST(events_come_in_order_with_a_header)
{
	struct record records[3];
	struct file *file;
	int queue_fd = -1;

	ck_assert_int_gt(fk_veventq(&fk, ctx, viommu, FK_VIOMMU, 4, &queue_fd), 0);
	ck_assert_uint_eq(poll_of(queue_fd), 0);
	ck_assert_int_eq(read_at(queue_fd, records, 7, 0), -EINVAL);
	ck_assert_int_eq(read_at(queue_fd, records, sizeof(records), 0), 0);
	ck_assert_int_eq(read_at(queue_fd, records, sizeof(records), 8), -ESPIPE);
	file = fd_lookup(fk.caller.fds, queue_fd);
	ck_assert_ptr_null(file->ops->pwrite);
	ck_assert_int_eq(post(0x11), 0);
	ck_assert_int_eq(post(0x22), 0);
	ck_assert_uint_eq(poll_of(queue_fd), POLLIN | POLLRDNORM);
	ck_assert_int_eq(read_at(queue_fd, records, 8, 0), -EINVAL);
	ck_assert_int_eq(read_at(queue_fd, (void *)(uintptr_t)FK_BAD_ADDRESS, 24, 0), -EFAULT);
	ck_assert_int_eq(read_at(queue_fd, records, 23, 0), 12);
	ck_assert(!records[0].header.flags && !records[0].header.sequence &&
		  records[0].value == 0x11);
	ck_assert_int_eq(read_at(queue_fd, records, sizeof(records), 0), 12);
	ck_assert(!records[0].header.flags && records[0].header.sequence == 1 &&
		  records[0].value == 0x22);
	ck_assert_uint_eq(poll_of(queue_fd), 0);
}
END_TEST

START_TEST(lost_events_are_one_header_that_stands_last)
{
	struct record records[3];
	int queue_fd = -1;

	ck_assert_int_gt(fk_veventq(&fk, ctx, viommu, FK_VIOMMU, 2, &queue_fd), 0);
	for (uint32_t i = 0; i < 5; i++)
		ck_assert_int_eq(post(i), 0);
	/* 0 and 1 are there; 2, 3 and 4 are lost. */
	ck_assert_int_eq(read_at(queue_fd, records, sizeof(records), 0), 12 + 12 + 8);
	ck_assert_uint_eq(records[1].header.sequence, 1);
	ck_assert_uint_eq(records[2].header.flags, IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
	ck_assert_uint_eq(records[2].header.sequence, 4);
	ck_assert_uint_eq(poll_of(queue_fd), 0);
	/* It is readable alone. */
	for (uint32_t i = 5; i < 8; i++)
		ck_assert_int_eq(post(i), 0);
	ck_assert_int_eq(read_at(queue_fd, records, 24, 0), 24);
	ck_assert_uint_eq(poll_of(queue_fd), POLLIN | POLLRDNORM);
	ck_assert_int_eq(read_at(queue_fd, records, 8, 0), 8);
	ck_assert_uint_eq(records[0].header.flags, IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
	ck_assert_uint_eq(records[0].header.sequence, 7);
	/* An event that finds room takes it away: the gap says it. */
	for (uint32_t i = 8; i < 11; i++)
		ck_assert_int_eq(post(i), 0);
	ck_assert_int_eq(read_at(queue_fd, records, 12, 0), 12);
	ck_assert_int_eq(post(11), 0);
	ck_assert_int_eq(read_at(queue_fd, records, sizeof(records), 0), 24);
	ck_assert_uint_eq(records[0].header.sequence, 9);
	ck_assert(!records[1].header.flags && records[1].header.sequence == 11);
	ck_assert_uint_eq(poll_of(queue_fd), 0);
}
END_TEST

START_TEST(sequence_numbers_wrap_before_the_sign)
{
	struct iommufd_veventq *queue;
	struct record records[2];
	int queue_fd = -1;
	long id = fk_veventq(&fk, ctx, viommu, FK_VIOMMU, 2, &queue_fd);

	queue = sio_container_of(iommufd_object_find(ctx, (uint32_t)id, IOMMUFD_OBJ_VEVENTQ),
				 struct iommufd_veventq, obj);
	queue->sequence = INT32_MAX;
	post(1);
	post(2);
	ck_assert_int_eq(read_at(queue_fd, records, sizeof(records), 0), 24);
	ck_assert_uint_eq(records[0].header.sequence, INT32_MAX);
	ck_assert_uint_eq(records[1].header.sequence, 0);
}
END_TEST

START_TEST(events_can_be_read_after_the_descriptor_is_closed)
{
	struct record record;
	int queue_fd = -1;

	ck_assert_int_gt(fk_veventq(&fk, ctx, viommu, FK_VIOMMU, 2, &queue_fd), 0);
	post(7);
	iommufd_device_detach(idev, 0);
	iommufd_device_unbind(idev);
	iommufd_device_unbind(other);
	ck_assert_int_eq(fd_close(fk.caller.fds, fault_fd), 0);
	ck_assert_int_eq(fd_close(fk.caller.fds, fd), 0);
	ck_assert_int_eq(read_at(queue_fd, &record, sizeof(record), 0), 12);
	ck_assert_uint_eq(record.value, 7);
	/* The vIOMMU outlives the device that it was made with. */
	ck_assert_int_eq(post(8), 0);
	ck_assert_int_eq(fd_close(fk.caller.fds, queue_fd), 0);
	ck_assert_uint_eq(fk.env.live, 0);
	ctx = fk_ctx(&fk, &fd);
	idev = fk_bind(&fk, ctx, 3);
	other = fk_bind(&fk, ctx, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd_events");
	TCase *faults = tcase_create("faults"), *events = tcase_create("events");

	tcase_add_checked_fixture(faults, setup, teardown);
	tcase_add_test(faults, a_fault_queue_is_held_by_its_file_and_its_hwpts);
	tcase_add_test(faults, page_requests_are_on_while_a_hwpt_takes_them);
	tcase_add_test(faults, a_group_is_one_record_per_request);
	tcase_add_test(faults, reading_takes_whole_groups_from_the_beginning);
	tcase_add_test(faults, a_bad_buffer_puts_the_group_back);
	tcase_add_test(faults, answers_are_checked_one_by_one);
	tcase_add_test(faults, cookies_are_the_lowest_free_numbers);
	tcase_add_test(faults, an_answer_to_cookie_zero_frees_it);
	tcase_add_test(faults, what_waits_is_answered_when_its_attachment_ends);
	tcase_add_test(faults, an_open_fault_file_keeps_the_context);
	suite_add_tcase(suite, faults);
	tcase_add_checked_fixture(events, viommu_setup, teardown);
	tcase_add_test(events, an_event_queue_is_refused_in_the_kernels_order);
	tcase_add_test(events, events_come_in_order_with_a_header);
	tcase_add_test(events, lost_events_are_one_header_that_stands_last);
	tcase_add_test(events, sequence_numbers_wrap_before_the_sign);
	tcase_add_test(events, events_can_be_read_after_the_descriptor_is_closed);
	suite_add_tcase(suite, events);
	return run_suite(suite);
}
