// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's iommufd selftest, of kernels later than 6.12: virtual IOMMUs with their devices,
 * events, queues and windows; and PASIDs.
 */
#include <poll.h>

#include "selftest_rig.h"

#define NONE     0xffffu
#define VIRT_ID  0x99u
#define SELFTEST IOMMU_VIOMMU_TYPE_SELFTEST

struct viommu {
	uint32_t parent, id, nested;
};

static struct viommu viommu;

static int viommu_alloc(struct st *s, uint32_t idev, uint32_t hwpt, uint32_t type, uint32_t flags,
			uint32_t *id)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd), .flags = flags, .type = type, .dev_id = idev, .hwpt_id = hwpt};
	int rc = st_ioctl(s, IOMMU_VIOMMU_ALLOC, &cmd);

	if (!rc)
		*id = cmd.out_viommu_id;
	return rc;
}

static int vdevice_alloc_as(struct st *s, uint32_t of, uint32_t idev, uint64_t virt_id,
			    uint32_t *id)
{
	struct iommu_vdevice_alloc cmd = {.size = sizeof(cmd),
					  .viommu_id = of,
					  .dev_id = idev,
					  .virt_id = virt_id};
	int rc = st_ioctl(s, IOMMU_VDEVICE_ALLOC, &cmd);

	if (!rc)
		*id = cmd.out_vdevice_id;
	return rc;
}

/* no_viommu, mock_viommu; no_pasid, has_pasid */
static void setup(struct st *s, const char *fixture)
{
	OK(st_ioas_alloc(s, &s->ioas));
	if (strcmp(fixture, "iommufd_viommu")) {
		struct st_mock mock;

		OK(st_mock_flags(s, s->ioas, s->variant ? MOCK_FLAGS_DEVICE_PASID : 0, &mock));
		s->stdev[0] = mock.stdev;
		s->hwpt[0] = mock.hwpt;
		s->idev[0] = mock.idev;
		return;
	}
	OK(st_memory_limit(s, 65536));
	if (!s->variant)
		return;
	st_add_domain(s);
	OK(st_hwpt(s, s->idev[0], s->ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, &viommu.parent));
	OK(viommu_alloc(s, s->idev[0], viommu.parent, SELFTEST, 0, &viommu.id));
	OK(st_nested(s, s->idev[0], viommu.id, 0, 0, &viommu.nested));
}

static void viommu_auto_destroy(struct st *s)
{
	/* With all that the fixture made. */
	(void)s;
}

static void viommu_negative_tests(struct st *s)
{
	const uint32_t idev = s->idev[0];
	uint32_t id, plain;

	FAILS(ENOENT, viommu_alloc(s, NONE, viommu.parent, SELFTEST, 0, &id));
	if (!s->variant) {
		FAILS(ENOENT, viommu_alloc(s, idev, s->ioas, SELFTEST, 0, &id));
		return;
	}
	OK(st_hwpt(s, idev, s->ioas, 0, &plain));
	FAILS(EINVAL, viommu_alloc(s, idev, plain, SELFTEST, 0, &id));
	FAILS(EINVAL, viommu_alloc(s, idev, s->hwpt[0], SELFTEST, 0, &id));
	FAILS(ENOENT, viommu_alloc(s, idev, s->ioas, SELFTEST, 0, &id));
	FAILS(ENOENT, viommu_alloc(s, idev, viommu.nested, SELFTEST, 0, &id));
	FAILS(EOPNOTSUPP, viommu_alloc(s, idev, viommu.parent, 0, 0, &id));
	FAILS(EOPNOTSUPP, viommu_alloc(s, idev, viommu.parent, 1, 0, &id));
	FAILS(EOPNOTSUPP, viommu_alloc(s, idev, viommu.parent, SELFTEST, 1, &id));
	FAILS(EBUSY, st_destroy(s, viommu.parent));
	FAILS(EBUSY, st_destroy(s, viommu.id));
	OK(st_destroy(s, viommu.nested));
	OK(st_destroy(s, viommu.id));
	OK(st_destroy(s, viommu.parent));
}

static void viommu_alloc_nested_iopf(struct st *s)
{
	uint32_t fault, iopf, vdevice, id;
	int fd;

	if (!s->variant) {
		FAILS(ENOENT, vdevice_alloc_as(s, NONE, NONE, VIRT_ID, &id));
		return;
	}
	fault = st_fault_queue(s, &fd);
	FAILS(ENOENT, st_nested(s, s->idev[0], viommu.id, IOMMU_HWPT_FAULT_ID_VALID, NONE, &id));
	FAILS(EOPNOTSUPP, st_nested(s, s->idev[0], viommu.id, IOMMU_HWPT_FAULT_ID_VALID | 1u << 31,
				    fault, &id));
	OK(st_nested(s, s->idev[0], viommu.id, IOMMU_HWPT_FAULT_ID_VALID, fault, &iopf));
	/* The device needs a name there. */
	FAILS(ENOENT, st_replace(s, s->stdev[0], iopf));
	OK(vdevice_alloc_as(s, viommu.id, s->idev[0], VIRT_ID, &vdevice));
	OK(st_replace(s, s->stdev[0], iopf));
	FAILS(EBUSY, st_destroy(s, iopf));
	st_fault_roundtrip(s, s->idev[0], fd);
	OK(st_replace(s, s->stdev[0], s->ioas));
	OK(st_destroy(s, iopf));
	OK(st_destroy(s, vdevice));
	OK(sio_close(s->process, fd));
	OK(st_destroy(s, fault));
}

static int window(struct st *s, uint64_t offset, uint64_t len, uint64_t *va)
{
	*va = 0;
	return sio_mem_map_fd(s->process, s->fd, offset, len, 0, va);
}

static void viommu_alloc_with_data(struct st *s)
{
	struct iommu_viommu_selftest data = {.in_data = 0xbeef};
	struct iommu_viommu_alloc cmd = {.size = sizeof(cmd),
					 .type = SELFTEST,
					 .dev_id = s->idev[0],
					 .hwpt_id = viommu.parent,
					 .data_len = sizeof(data),
					 .data_uptr = (uintptr_t)&data};
	uint64_t va, len;
	uint32_t word;

	if (!s->variant) {
		printf("  the kernel's program skips this one: no virtual IOMMU\n");
		return;
	}
	OK(st_ioctl(s, IOMMU_VIOMMU_ALLOC, &cmd));
	ck_assert_uint_eq(data.out_data, data.in_data);
	len = data.out_mmap_length;
	/* Neither less nor more nor elsewhere. */
	FAILS(ENXIO, window(s, data.out_mmap_offset, len / 2, &va));
	FAILS(ENXIO, window(s, data.out_mmap_offset, len * 2, &va));
	FAILS(ENXIO, window(s, data.out_mmap_offset + ST_PAGE, len, &va));
	FAILS(ENXIO, window(s, data.out_mmap_offset + len, len, &va));
	OK(window(s, data.out_mmap_offset, len, &va));
	st_read_memory(s, va, &word, sizeof(word));
	ck_assert_uint_eq(word, data.in_data);
	FAILS(EBUSY, st_destroy(s, cmd.out_viommu_id));
	OK(sio_mem_unmap(s->process, va, len));
	OK(st_destroy(s, cmd.out_viommu_id));
}

/* ---- devices ---- */

static int veventq_alloc(struct st *s, uint32_t of, uint32_t type, uint32_t *id, int *fd)
{
	struct iommu_veventq_alloc cmd = {.size = sizeof(cmd),
					  .viommu_id = of,
					  .type = type,
					  .veventq_depth = 2};
	int rc = st_ioctl(s, IOMMU_VEVENTQ_ALLOC, &cmd);

	if (!rc) {
		*id = cmd.out_veventq_id;
		*fd = (int)cmd.out_veventq_fd;
	}
	return rc;
}

static int trigger_event(struct st *s, uint32_t idev)
{
	struct iommu_test_cmd cmd = {.trigger_vevent = {.dev_id = idev}};

	return st_test(s, IOMMU_TEST_OP_TRIGGER_VEVENT, &cmd);
}

static void read_event(struct st *s, int fd, uint32_t flags, uint32_t sequence, uint32_t virt_id)
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_viommu_event_selftest event;
	} got;
	const ssize_t len = flags ? sizeof(got.header) : sizeof(got);

	ck_assert_int_eq(sio_poll(s->process, fd) & POLLIN, POLLIN);
	ck_assert_int_eq(sio_pread(s->process, fd, &got, sizeof(got), 0), len);
	ck_assert_uint_eq(got.header.flags, flags);
	ck_assert_uint_eq(got.header.sequence, sequence);
	if (!flags)
		ck_assert_uint_eq(got.event.virt_id, virt_id);
}

static void vdevice_events(struct st *s, int fd)
{
	const uint32_t idev = s->idev[0];

	OK(trigger_event(s, idev));
	read_event(s, fd, 0, 0, VIRT_ID);
	ck_assert_int_eq(sio_poll(s->process, fd) & POLLIN, 0);
	/* The third is one too many: only that it was lost stays. */
	for (unsigned i = 0; i < 3; i++)
		OK(trigger_event(s, idev));
	read_event(s, fd, 0, 1, VIRT_ID);
	read_event(s, fd, 0, 2, VIRT_ID);
	read_event(s, fd, IOMMU_VEVENTQ_FLAG_LOST_EVENTS, 3, 0);
	ck_assert_int_eq(sio_poll(s->process, fd) & POLLIN, 0);
	OK(trigger_event(s, idev));
	read_event(s, fd, 0, 4, VIRT_ID);
}

static void vdevice_alloc(struct st *s)
{
	uint32_t vdevice, id, queue;
	int fd, other;

	if (!s->variant) {
		FAILS(ENOENT, vdevice_alloc_as(s, NONE, s->idev[0], VIRT_ID, &id));
		FAILS(ENOENT, veventq_alloc(s, NONE, IOMMU_VEVENTQ_TYPE_SELFTEST, &id, &fd));
		return;
	}
	FAILS(EOPNOTSUPP, veventq_alloc(s, viommu.id, 0, &id, &fd));
	OK(veventq_alloc(s, viommu.id, IOMMU_VEVENTQ_TYPE_SELFTEST, &queue, &fd));
	FAILS(EEXIST, veventq_alloc(s, viommu.id, IOMMU_VEVENTQ_TYPE_SELFTEST, &id, &other));
	FAILS(EBUSY, st_destroy(s, queue));
	/* Whose event would that be? */
	FAILS(ENOENT, trigger_event(s, s->idev[0]));
	FAILS(ENOENT, st_replace(s, s->stdev[0], viommu.nested));

	FAILS(ENOENT, vdevice_alloc_as(s, viommu.id, NONE, VIRT_ID, &id));
	OK(vdevice_alloc_as(s, viommu.id, s->idev[0], VIRT_ID, &vdevice));
	FAILS(EEXIST, vdevice_alloc_as(s, viommu.id, s->idev[0], VIRT_ID, &id));
	FAILS(EEXIST, vdevice_alloc_as(s, viommu.id, s->idev[0], VIRT_ID - 1, &id));
	OK(st_replace(s, s->stdev[0], viommu.nested));
	vdevice_events(s, fd);
	FAILS(EBUSY, st_destroy(s, viommu.id));
	OK(st_replace(s, s->stdev[0], s->ioas));
	FAILS(ENOENT, trigger_event(s, s->idev[0]));
	OK(sio_close(s->process, fd));
	OK(st_destroy(s, queue));
	OK(st_destroy(s, vdevice));
	/* What a device was called is free again. */
	OK(vdevice_alloc_as(s, viommu.id, s->idev[0], VIRT_ID, &vdevice));
	OK(st_destroy(s, vdevice));
}

static int invalidate(struct st *s, const void *entry, uint32_t type, uint32_t len, uint32_t *count)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = viommu.id,
		.data_uptr = (uintptr_t)entry,
		.data_type = type,
		.entry_len = len,
		.entry_num = *count,
	};
	int rc = st_ioctl(s, IOMMU_HWPT_INVALIDATE, &cmd);

	*count = cmd.entry_num;
	return rc;
}

static void invalidate_is(struct st *s, const void *entry, uint32_t len, uint32_t count, int error,
			  uint32_t done)
{
	IS(-error, invalidate(s, entry, IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST, len, &count));
	ck_assert_uint_eq(count, done);
}

static void vdevice_cache(struct st *s)
{
	struct iommu_viommu_invalidate_selftest entry[2] = {{.vdev_id = VIRT_ID},
							    {.vdev_id = VIRT_ID}};
	const uint32_t len = sizeof(entry[0]), idev = s->idev[0];
	struct {
		struct iommu_viommu_invalidate_selftest entry;
		uint32_t more;
	} longer = {.entry = {.vdev_id = VIRT_ID}, .more = 1};
	uint32_t vdevice, count = 0;

	if (!s->variant) {
		/* Neither a device nor what could forget for one. */
		FAILS(ENOENT, st_check_cache(s, idev, 0, IOMMU_TEST_DEV_CACHE_DEFAULT));
		return;
	}
	OK(vdevice_alloc_as(s, viommu.id, idev, VIRT_ID, &vdevice));
	st_check_caches(s, idev, IOMMU_TEST_DEV_CACHE_DEFAULT);
	invalidate_is(s, entry, len, 0, 0, 0);
	FAILS(EINVAL,
	      invalidate(s, entry, IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST_INVALID, len, &count));
	invalidate_is(s, entry, 0, 1, EINVAL, 0);
	invalidate_is(s, NULL, len, 1, EINVAL, 0);
	invalidate_is(s, &longer, sizeof(longer), 1, E2BIG, 0);
	entry[0].flags = 0xffffffff;
	invalidate_is(s, entry, len, 1, EOPNOTSUPP, 0);
	entry[0] = (struct iommu_viommu_invalidate_selftest){0, VIRT_ID, 4};
	invalidate_is(s, entry, len, 1, EINVAL, 0);
	entry[0] = (struct iommu_viommu_invalidate_selftest){0, VIRT_ID + 1, 0};
	invalidate_is(s, entry, len, 1, EINVAL, 0);
	st_check_caches(s, idev, IOMMU_TEST_DEV_CACHE_DEFAULT);

	entry[0] = (struct iommu_viommu_invalidate_selftest){0, VIRT_ID, 0};
	entry[1].cache_id = 4;
	invalidate_is(s, entry, len, 2, EINVAL, 1);
	OK(st_check_cache(s, idev, 0, 0));
	OK(st_check_cache(s, idev, 1, IOMMU_TEST_DEV_CACHE_DEFAULT));
	entry[0].cache_id = 1;
	entry[1].cache_id = 2;
	invalidate_is(s, entry, len, 2, 0, 2);
	OK(st_check_cache(s, idev, 2, 0));
	OK(st_check_cache(s, idev, 3, IOMMU_TEST_DEV_CACHE_DEFAULT));
	entry[0] = (struct iommu_viommu_invalidate_selftest){1, VIRT_ID, 0};
	invalidate_is(s, entry, len, 1, 0, 1);
	st_check_caches(s, idev, 0);
	OK(st_destroy(s, vdevice));
}

/* ---- queues of the hardware ---- */

static int hw_queue_alloc(struct st *s, uint32_t type, uint32_t index, uint64_t iova, uint64_t len,
			  uint32_t *id)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu.id,
		.type = type,
		.index = index,
		.nesting_parent_iova = iova,
		.length = len,
	};
	int rc = st_ioctl(s, IOMMU_HW_QUEUE_ALLOC, &cmd);

	if (!rc)
		*id = cmd.out_hw_queue_id;
	return rc;
}

static void hw_queue(struct st *s)
{
	const uint32_t type = IOMMU_HW_QUEUE_TYPE_SELFTEST;
	/* One run of memory: a queue's is contiguous. */
	const uint64_t va =
		st_memory_as(s, (struct sio_mem){.size = 2 * ST_PAGE, .contiguity = SIO_RUN_WHOLE});
	uint64_t iova = ST_BASE, got;
	uint32_t queue[2], id;

	if (!s->variant) {
		printf("  the kernel's program skips this one: no virtual IOMMU\n");
		return;
	}
	FAILS(EOPNOTSUPP, hw_queue_alloc(s, 0, 0, iova, ST_PAGE, &id));
	FAILS(EINVAL, hw_queue_alloc(s, type, 0, iova, 0, &id));
	FAILS(EOVERFLOW, hw_queue_alloc(s, type, 0, UINT64_MAX, ST_PAGE, &id));
	FAILS(ENOENT, hw_queue_alloc(s, type, 0, iova, ST_PAGE, &id));
	OK(st_map_at(s, va, 2 * ST_PAGE, iova));
	FAILS(EINVAL, hw_queue_alloc(s, type, IOMMU_TEST_HW_QUEUE_MAX, iova, ST_PAGE, &id));
	FAILS(EIO, hw_queue_alloc(s, type, 1, iova, ST_PAGE, &id));

	OK(hw_queue_alloc(s, type, 0, iova, ST_PAGE, &queue[0]));
	FAILS(EEXIST, hw_queue_alloc(s, type, 0, iova, ST_PAGE, &id));
	OK(hw_queue_alloc(s, type, 1, iova, ST_PAGE, &queue[1]));
	FAILS(EBUSY, st_unmap_got(s, iova, 2 * ST_PAGE, &got));
	/* In falling order. */
	FAILS(EBUSY, st_destroy(s, queue[0]));
	OK(st_destroy(s, queue[1]));
	FAILS(EBUSY, st_unmap_got(s, iova, 2 * ST_PAGE, &got));
	OK(st_destroy(s, queue[0]));
	OK(st_unmap(s, iova, 2 * ST_PAGE));
}

static void vdevice_tombstone(struct st *s)
{
	uint32_t vdevice, id;
	struct st_mock mock;

	if (!s->variant)
		return;
	OK(vdevice_alloc_as(s, viommu.id, s->idev[0], VIRT_ID, &vdevice));
	OK(st_destroy(s, s->stdev[0]));
	FAILS(ENOENT, st_destroy(s, vdevice));
	/* Its name is free, its id is not. */
	OK(st_mock(s, s->ioas, &mock));
	OK(vdevice_alloc_as(s, viommu.id, mock.idev, VIRT_ID, &id));
	ck_assert_uint_ne(id, vdevice);
	FAILS(ENOENT, st_destroy(s, vdevice));
	OK(st_destroy(s, id));
}

/* ---- PASIDs ---- */

#define PASID 100u

static int pasid_change(struct st *s, uint32_t op, uint32_t pasid, uint32_t pt)
{
	struct iommu_test_cmd cmd = {.id = s->stdev[0],
				     .pasid_attach = {.pasid = pasid, .pt_id = pt}};

	return st_test(s, op, &cmd);
}

static int attach(struct st *s, uint32_t pasid, uint32_t pt)
{
	return pasid_change(s, IOMMU_TEST_OP_PASID_ATTACH, pasid, pt);
}

static int replace(struct st *s, uint32_t pasid, uint32_t pt)
{
	return pasid_change(s, IOMMU_TEST_OP_PASID_REPLACE, pasid, pt);
}

static int detach(struct st *s, uint32_t pasid)
{
	struct iommu_test_cmd cmd = {.id = s->stdev[0], .pasid_detach = {.pasid = pasid}};

	return st_test(s, IOMMU_TEST_OP_PASID_DETACH, &cmd);
}

/* hwpt 0: nothing is attached. */
static int check(struct st *s, uint32_t pasid, uint32_t hwpt)
{
	struct iommu_test_cmd cmd = {.id = s->stdev[0],
				     .pasid_check = {.pasid = pasid, .hwpt_id = hwpt}};

	return st_test(s, IOMMU_TEST_OP_PASID_CHECK_HWPT, &cmd);
}

/* Two HWPTs for PASIDs, one that is not, and nested ones of both kinds. */
struct tables {
	uint32_t pasid[2], plain, parent, nested, nested_plain;
};

static struct tables make_tables(struct st *s)
{
	const uint32_t idev = s->idev[0], flag = IOMMU_HWPT_ALLOC_PASID;
	struct tables t;

	for (unsigned i = 0; i < 2; i++)
		OK(st_hwpt(s, idev, s->ioas, flag, &t.pasid[i]));
	OK(st_hwpt(s, idev, s->ioas, 0, &t.plain));
	OK(st_hwpt(s, idev, s->ioas, flag | IOMMU_HWPT_ALLOC_NEST_PARENT, &t.parent));
	OK(st_nested(s, idev, t.parent, flag, 0, &t.nested));
	OK(st_nested(s, idev, t.parent, 0, 0, &t.nested_plain));
	return t;
}

static void pasid_changes(struct st *s, const struct tables *t)
{
	OK(check(s, PASID, 0));
	FAILS(EINVAL, replace(s, PASID, t->pasid[0]));
	OK(detach(s, PASID));
	/* Neither automatic domains nor others without the flag. */
	FAILS(EINVAL, attach(s, PASID, s->ioas));
	FAILS(EINVAL, attach(s, PASID, t->plain));
	FAILS(EINVAL, attach(s, PASID, t->nested_plain));
	FAILS(ENOENT, attach(s, PASID, NONE));
	OK(check(s, PASID, 0));

	OK(attach(s, PASID, t->pasid[0]));
	OK(check(s, PASID, t->pasid[0]));
	FAILS(EBUSY, st_destroy(s, t->pasid[0]));
	FAILS(EBUSY, attach(s, PASID, t->pasid[0]));
	FAILS(EBUSY, attach(s, PASID, t->pasid[1]));
	OK(replace(s, PASID, t->pasid[0]));
	OK(replace(s, PASID, t->pasid[1]));
	OK(check(s, PASID, t->pasid[1]));
	FAILS(EINVAL, replace(s, PASID, s->ioas));
	FAILS(EINVAL, replace(s, PASID, t->plain));
	OK(check(s, PASID, t->pasid[1]));
	OK(replace(s, PASID, t->nested));
	OK(check(s, PASID, t->nested));
	OK(detach(s, PASID));
	OK(check(s, PASID, 0));
}

/* A driver's refusal leaves all as it was: the reserved PASID fails every other time. */
static void pasid_rollback(struct st *s, const struct tables *t)
{
	const uint32_t pasid = IOMMU_TEST_PASID_RESERVED;

	OK(attach(s, pasid, t->pasid[0]));
	FAILS(ENOMEM, replace(s, pasid, t->pasid[1]));
	OK(check(s, pasid, t->pasid[0]));
	OK(replace(s, pasid, t->pasid[1]));
	OK(check(s, pasid, t->pasid[1]));
	OK(detach(s, pasid));
	OK(check(s, pasid, 0));
}

/* The device's own requests go by a domain for PASIDs, or no PASID does by any. */
static void pasid_and_rid(struct st *s, const struct tables *t)
{
	OK(st_replace(s, s->stdev[0], t->plain));
	FAILS(EINVAL, attach(s, PASID, t->pasid[0]));
	OK(st_replace(s, s->stdev[0], t->pasid[0]));
	OK(attach(s, PASID, t->pasid[1]));
	FAILS(EINVAL, st_replace(s, s->stdev[0], t->plain));
	FAILS(EINVAL, st_replace(s, s->stdev[0], s->ioas));
	OK(st_replace(s, s->stdev[0], t->pasid[1]));
	OK(detach(s, PASID));
	OK(st_replace(s, s->stdev[0], s->ioas));
}

static void pasid_attach(struct st *s)
{
	const struct tables t = make_tables(s);

	if (!s->variant) {
		/* Such a device has no number but 0. */
		OK(st_replace(s, s->stdev[0], t.pasid[0]));
		FAILS(EINVAL, attach(s, PASID, t.pasid[0]));
		OK(check(s, PASID, 0));
		OK(st_replace(s, s->stdev[0], s->ioas));
	} else {
		OK(st_replace(s, s->stdev[0], t.pasid[0]));
		pasid_changes(s, &t);
		pasid_rollback(s, &t);
		FAILS(EINVAL, attach(s, 1u << MOCK_PASID_WIDTH, t.pasid[0]));
		pasid_and_rid(s, &t);
	}
	OK(st_destroy(s, t.nested));
	OK(st_destroy(s, t.nested_plain));
	OK(st_destroy(s, t.parent));
	OK(st_destroy(s, t.plain));
	OK(st_destroy(s, t.pasid[0]));
	OK(st_destroy(s, t.pasid[1]));
}

static const struct st_case cases[] = {
	{"iommufd_viommu", "viommu_auto_destroy", viommu_auto_destroy},
	{"iommufd_viommu", "viommu_negative_tests", viommu_negative_tests},
	{"iommufd_viommu", "viommu_alloc_nested_iopf", viommu_alloc_nested_iopf},
	{"iommufd_viommu", "viommu_alloc_with_data", viommu_alloc_with_data},
	{"iommufd_viommu", "vdevice_alloc", vdevice_alloc},
	{"iommufd_viommu", "vdevice_cache", vdevice_cache},
	{"iommufd_viommu", "hw_queue", hw_queue},
	{"iommufd_viommu", "vdevice_tombstone", vdevice_tombstone},
	{"iommufd_device_pasid", "pasid_attach", pasid_attach},
};

int main(void)
{
	const struct st_program program = {.name = "viommu",
					   .cases = cases,
					   .count = SIO_ARRAY_SIZE(cases),
					   .setup = setup};

	return st_main(&program);
}
