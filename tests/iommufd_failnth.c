// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's fault injection test of iommufd: seven programs, each run again and again with one
 * step more that works before the one that fails, until none fails. Whatever it was that failed,
 * all can be closed, and no page stays pinned.
 *
 * Every sweep is made twice. In the first, as the kernel does, a program ends where it fails; in
 * the second it asks again, and has to get what it was denied: a step that fails leaves nothing
 * behind.
 */
#include "selftest_rig.h"

#define BIG  (UINT64_C(2) << 20)
#define MOST 400u /* runs, as in the kernel's test */

static struct {
	uint64_t memory; /* BIG bytes of the process */
	bool again;      /* ask again after a failure */
	bool asked;
	unsigned nth, asked_again; /* of this sweep */
} sweep;

/*
 * Whether what just failed may be asked for again: once, and not when the kernel only failed to
 * tell what it has done.
 */
static bool may_ask_again(struct st *s)
{
	const char *last = sio_inject_last(s->machine);
	const size_t len = last ? strlen(last) : 0;

	if (!sweep.again || sweep.asked || !last)
		return false;
	st_audit(s, true);
	sweep.asked = true;
	if (len >= 8 && !strcmp(last + len - 8, "copy-out"))
		return false;
	sweep.asked_again++;
	return true;
}

#define STEP(call)                                                                         \
	do {                                                                               \
		int step_rc = (call);                                                      \
		if (step_rc < 0 && may_ask_again(s)) {                                     \
			step_rc = (call);                                                  \
			if (step_rc < 0)                                                   \
				ck_abort_msg("n %u, after %s: %s answers %d", sweep.nth,   \
					     sio_inject_last(s->machine), #call, step_rc); \
		}                                                                          \
		if (step_rc < 0)                                                           \
			return step_rc;                                                    \
	} while (0)

static int open_file(struct st *s)
{
	s->fd = sio_open(s->process, "/dev/iommu");
	return s->fd < 0 ? -errno : 0;
}

/* ---- the seven ---- */

static int ranges_of(struct st *s)
{
	struct iommu_iova_range range[10];
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = s->ioas,
		.num_iovas = 10,
		.allowed_iovas = (uintptr_t)range,
	};

	return st_ioctl(s, IOMMU_IOAS_IOVA_RANGES, &cmd);
}

static int basic(struct st *s)
{
	const struct iommu_iova_range range[] = {{16 * BIG, 64 * BIG - 1}};
	uint64_t iova, copy, got;

	STEP(open_file(s));
	STEP(st_ioas_alloc(s, &s->ioas));
	STEP(ranges_of(s));
	STEP(st_allow(s, range, 1));
	STEP(st_map(s, sweep.memory, BIG, &iova));
	STEP(st_copy(s, s->ioas, iova, s->ioas, &copy, 234, ST_RW));
	STEP(st_unmap_got(s, iova, BIG, &got));
	/* There is nothing left there, if that worked. */
	(void)st_unmap_got(s, iova, BIG, &got);
	return 0;
}

static int domains(struct st *s, unsigned count)
{
	struct st_mock mock[2];
	uint64_t iova;

	STEP(open_file(s));
	STEP(st_memory_limit(s, 32));
	STEP(st_ioas_alloc(s, &s->ioas));
	for (unsigned i = 0; i < count; i++)
		STEP(st_mock(s, s->ioas, &mock[i]));
	STEP(st_map(s, sweep.memory, 64 * ST_PAGE, &iova));
	for (unsigned i = 0; i < count; i++)
		STEP(st_destroy(s, mock[i].stdev));
	for (unsigned i = 0; i < count; i++)
		STEP(st_mock(s, s->ioas, &mock[i]));
	return 0;
}

static int map_domain(struct st *s)
{
	return domains(s, 1);
}

static int map_two_domains(struct st *s)
{
	return domains(s, 2);
}

static int access_rw(struct st *s)
{
	static const struct {
		uint64_t offset, len;
		uint32_t flags;
	} way[] = {
		{0, 16, 0},
		{0, 16, MOCK_ACCESS_RW_WRITE},
		{0, 16, MOCK_ACCESS_RW_SLOW_PATH},
		{0, 16, MOCK_ACCESS_RW_SLOW_PATH | MOCK_ACCESS_RW_WRITE},
		{ST_PAGE - 8, 16, 0},
		{ST_PAGE - 8, 16, MOCK_ACCESS_RW_SLOW_PATH | MOCK_ACCESS_RW_WRITE},
		{100, 3 * ST_PAGE, 0},
		{100, 3 * ST_PAGE, MOCK_ACCESS_RW_WRITE},
	};
	uint8_t bytes[3 * ST_PAGE] = {0};
	uint32_t access;
	uint64_t iova;

	STEP(open_file(s));
	STEP(st_memory_limit(s, 32));
	STEP(st_ioas_alloc(s, &s->ioas));
	STEP(st_map(s, sweep.memory, 64 * ST_PAGE, &iova));
	STEP(st_access(s, s->ioas, false, &access));
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(way); i++)
		STEP(st_rw(s, access, iova + way[i].offset, bytes, way[i].len, way[i].flags));
	STEP(st_access_end(s, access));
	return 0;
}

static int pin(struct st *s, bool domain)
{
	struct st_mock mock;
	uint32_t access, item;
	uint64_t iova;

	STEP(open_file(s));
	STEP(st_memory_limit(s, 32));
	STEP(st_ioas_alloc(s, &s->ioas));
	if (domain)
		STEP(st_mock(s, s->ioas, &mock));
	STEP(st_map(s, sweep.memory, BIG, &iova));
	STEP(st_access(s, s->ioas, true, &access));
	STEP(st_pin(s, access, iova, BIG, sweep.memory, &item));
	STEP(st_unpin(s, access, item));
	STEP(st_access_end(s, access));
	return 0;
}

static int access_pin(struct st *s)
{
	return pin(s, false);
}

static int access_pin_domain(struct st *s)
{
	return pin(s, true);
}

static int hw_info(struct st *s, uint32_t idev)
{
	struct iommu_test_hw_info data;
	struct iommu_hw_info cmd = {.size = sizeof(cmd),
				    .dev_id = idev,
				    .data_len = sizeof(data),
				    .data_uptr = (uintptr_t)&data};

	return st_ioctl(s, IOMMU_GET_HW_INFO, &cmd);
}

static int viommu_alloc(struct st *s, uint32_t idev, uint32_t hwpt, uint32_t *id)
{
	struct iommu_viommu_selftest data = {.in_data = 1};
	struct iommu_viommu_alloc cmd = {.size = sizeof(cmd),
					 .type = IOMMU_VIOMMU_TYPE_SELFTEST,
					 .dev_id = idev,
					 .hwpt_id = hwpt,
					 .data_len = sizeof(data),
					 .data_uptr = (uintptr_t)&data};
	int rc = st_ioctl(s, IOMMU_VIOMMU_ALLOC, &cmd);

	*id = cmd.out_viommu_id;
	return rc;
}

static int vdevice_alloc(struct st *s, uint32_t viommu, uint32_t idev)
{
	struct iommu_vdevice_alloc cmd = {.size = sizeof(cmd),
					  .viommu_id = viommu,
					  .dev_id = idev,
					  .virt_id = 7};

	return st_ioctl(s, IOMMU_VDEVICE_ALLOC, &cmd);
}

static int veventq_alloc(struct st *s, uint32_t viommu)
{
	struct iommu_veventq_alloc cmd = {.size = sizeof(cmd),
					  .viommu_id = viommu,
					  .type = IOMMU_VEVENTQ_TYPE_SELFTEST,
					  .veventq_depth = 2};

	return st_ioctl(s, IOMMU_VEVENTQ_ALLOC, &cmd);
}

static int hw_queue_alloc(struct st *s, uint32_t viommu, uint64_t iova)
{
	struct iommu_hw_queue_alloc cmd = {.size = sizeof(cmd),
					   .viommu_id = viommu,
					   .type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
					   .nesting_parent_iova = iova,
					   .length = ST_PAGE};

	return st_ioctl(s, IOMMU_HW_QUEUE_ALLOC, &cmd);
}

static int pasid_change(struct st *s, uint32_t op, uint32_t stdev, uint32_t pt)
{
	struct iommu_test_cmd cmd = {.id = stdev, .pasid_attach = {.pasid = 100, .pt_id = pt}};

	return st_test(s, op, &cmd);
}

/* What 7.2 has beyond. */
static int device_later(struct st *s, const struct st_mock *mock, uint64_t iova)
{
	uint32_t parent, viommu, nested, pasid[2];

	STEP(st_hwpt(s, mock->idev, s->ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	STEP(viommu_alloc(s, mock->idev, parent, &viommu));
	STEP(vdevice_alloc(s, viommu, mock->idev));
	STEP(veventq_alloc(s, viommu));
	STEP(hw_queue_alloc(s, viommu, iova));
	STEP(st_nested(s, mock->idev, viommu, 0, 0, &nested));
	STEP(st_replace(s, mock->stdev, nested));
	for (unsigned i = 0; i < 2; i++)
		STEP(st_hwpt(s, mock->idev, s->ioas, IOMMU_HWPT_ALLOC_PASID, &pasid[i]));
	STEP(st_replace(s, mock->stdev, pasid[0]));
	STEP(pasid_change(s, IOMMU_TEST_OP_PASID_ATTACH, mock->stdev, pasid[0]));
	STEP(pasid_change(s, IOMMU_TEST_OP_PASID_REPLACE, mock->stdev, pasid[1]));
	STEP(pasid_change(s, IOMMU_TEST_OP_PASID_DETACH, mock->stdev, 0));
	return 0;
}

static int device(struct st *s)
{
	uint64_t iova = ST_BASE, other = ST_BASE;
	uint32_t second, hwpt;
	struct st_mock mock;

	STEP(open_file(s));
	STEP(st_ioas_alloc(s, &s->ioas));
	STEP(st_ioas_alloc(s, &second));
	STEP(st_map_as(s, s->ioas, ST_RW | ST_FIXED, sweep.memory, ST_PAGE, &iova));
	STEP(st_map_as(s, second, ST_RW | ST_FIXED, sweep.memory, ST_PAGE, &other));
	STEP(st_mock_flags(s, s->ioas, MOCK_FLAGS_DEVICE_PASID, &mock));
	STEP(hw_info(s, mock.idev));
	STEP(st_hwpt(s, mock.idev, second, 0, &hwpt));
	STEP(st_replace(s, mock.stdev, second));
	STEP(st_replace(s, mock.stdev, hwpt));
	if (s->later)
		STEP(device_later(s, &mock, iova));
	return 0;
}

static const struct {
	const char *name;
	int (*body)(struct st *s);
} bodies[] = {
	{"basic", basic},
	{"map_domain", map_domain},
	{"map_two_domains", map_two_domains},
	{"access_rw", access_rw},
	{"access_pin", access_pin},
	{"access_pin_domain", access_pin_domain},
	{"device", device},
};

/* ---- the sweep ---- */

/* All descriptors that a program may have left. */
static void close_all(struct st *s)
{
	for (int fd = 0; fd < 32; fd++)
		(void)sio_close(s->process, fd);
}

static void end_run(struct st *s)
{
	struct sio_stats stats;

	OK(sio_inject(s->machine, "", NULL, 0));
	st_audit(s, true);
	close_all(s);
	s->fd = st_open(s);
	OK(st_check_refs(s, sweep.memory, BIG, 0));
	OK(sio_close(s->process, s->fd));
	st_audit(s, true);
	sio_stats(s->machine, &stats);
	ck_assert_uint_eq(stats.iommufd_objects, 0);
	ck_assert_uint_eq(stats.pinned_pages, 0);
	ck_assert_uint_eq(sio_process_vmpin(s->process), 0);
	sio_machine_destroy(s->machine);
}

/* With the nth step failing; false: there were fewer, and all went well. */
static bool run_nth(unsigned body, bool later)
{
	char plan[32];
	struct st s;
	bool failed;
	int rc;

	st_boot(&s, later);
	close_all(&s);
	sweep.memory = st_memory(&s, BIG, false);
	sweep.asked = false;
	snprintf(plan, sizeof(plan), "*:nth=%u", sweep.nth);
	OK(sio_inject(s.machine, plan, NULL, 0));
	rc = bodies[body].body(&s);
	failed = sio_injected(s.machine) != 0;
	if (!failed && rc)
		ck_abort_msg("%s: %d, and nothing was made to fail", bodies[body].name, rc);
	end_run(&s);
	return failed;
}

START_TEST(every_step_fails_once_and_nothing_stays)
{
	const unsigned body = (unsigned)_i / 4;
	const bool later = _i % 2;

	sweep.again = _i / 2 % 2;
	sweep.asked_again = 0;
	for (sweep.nth = 1; run_nth(body, later); sweep.nth++)
		ck_assert_uint_lt(sweep.nth, MOST);
	printf("%s, %s: %u steps, %u asked for again\n", later ? "7.2" : "6.12", bodies[body].name,
	       sweep.nth - 1, sweep.asked_again);
	/* No step that can fail would be a test of nothing. */
	ck_assert_uint_gt(sweep.nth, 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd_failnth");
	TCase *tc = tcase_create("sweeps");

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, every_step_fails_once_and_nothing_stays, 0,
			    4 * (int)SIO_ARRAY_SIZE(bodies));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
