/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cases of the kernel's iommufd selftest on machines of ours: one fresh machine a case, with the
 * process and the shared buffer that the kernel's program has, and afterwards no pin left on it.
 *
 * A program of ours lists bodies for the cases that the inventory gives to it and calls st_main().
 * A case runs as each kernel that has it: 6.12 with what its program takes from later headers, and
 * 7.2. Calls answer as the kernel does inside: 0 or a negative errno.
 */
#ifndef TESTS_SELFTEST_RIG_H
#define TESTS_SELFTEST_RIG_H

#include <errno.h>
#include <stdio.h>

#include "mock/iommufd_test.h"
#include "softiommu.h"

#include "harness.h"
#include "selftest_cases.h"

#define ST_PAGE  4096u
#define ST_HALF  2048u
#define ST_PAGES 16u
#define ST_BYTES (ST_PAGES * (uint64_t)ST_PAGE)
#define ST_HUGE  (UINT64_C(2) << 20)
#define ST_BASE  ((uint64_t)MOCK_APERTURE_START)

/*
 * The call answers 0, or this errno. Check's own assertions record each that holds, which takes
 * longer than most calls.
 */
#define IS(want, call)                                                                 \
	do {                                                                           \
		const int is_want = (want), is_got = (call);                           \
		if (is_got != is_want)                                                 \
			ck_abort_msg("%s answers %d, not %d", #call, is_got, is_want); \
	} while (0)
#define OK(call)         IS(0, call)
#define FAILS(err, call) IS(-(err), call)

enum {
	ST_FIXED = IOMMU_IOAS_MAP_FIXED_IOVA,
	ST_WRITE = IOMMU_IOAS_MAP_WRITEABLE,
	ST_READ = IOMMU_IOAS_MAP_READABLE,
	ST_RW = ST_WRITE | ST_READ,
};

struct st {
	struct sio_machine *machine;
	struct sio_process *process;
	bool later;       /* 7.2 */
	unsigned variant; /* of the fixture */
	const char *variant_name;
	int fd;
	uint64_t buffer; /* of the process: ST_BYTES, shared */
	uint64_t calls;

	/* Of fixtures. */
	uint32_t ioas, second_ioas;
	unsigned domains;
	uint32_t stdev[2], hwpt[2], idev[2];
	uint32_t pasid_stdev, pasid_idev; /* 0: no such device */
	uint64_t base;                    /* where addresses begin */
};

struct st_case {
	const char *fixture, *name;
	void (*body)(struct st *s);
};

struct st_program {
	const char *name;
	const struct st_case *cases;
	size_t count;
	/* What every case of a fixture begins with. */
	void (*setup)(struct st *s, const char *fixture);
};

/* ---- calls ---- */

static inline void st_audit(const struct st *s, bool thorough)
{
	char what[256] = "";

	if (sio_audit(s->machine, thorough, what, sizeof(what)))
		ck_abort_msg("%s", what);
}

static inline int st_ioctl(struct st *s, unsigned long request, void *arg)
{
	int rc = sio_ioctl(s->process, s->fd, request, arg);

	if (rc < 0)
		rc = -errno;
	/* Not each: some cases make ten thousand calls. */
	if (++s->calls < 64 || s->calls % 61 == 0)
		st_audit(s, false);
	return rc;
}

static inline int st_test(struct st *s, uint32_t op, struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	cmd->op = op;
	return st_ioctl(s, IOMMU_TEST_CMD, cmd);
}

static inline int st_open(struct st *s)
{
	int fd = sio_open(s->process, "/dev/iommu");

	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline int st_ioas_alloc(struct st *s, uint32_t *id)
{
	struct iommu_ioas_alloc cmd = {.size = sizeof(cmd)};
	int rc = st_ioctl(s, IOMMU_IOAS_ALLOC, &cmd);

	*id = cmd.out_ioas_id;
	return rc;
}

static inline int st_destroy(struct st *s, uint32_t id)
{
	struct iommu_destroy cmd = {.size = sizeof(cmd), .id = id};

	return st_ioctl(s, IOMMU_DESTROY, &cmd);
}

/* *iova is where, with ST_FIXED in `flags`, or becomes it. */
static inline int st_map_as(struct st *s, uint32_t ioas, uint32_t flags, uint64_t va, uint64_t len,
			    uint64_t *iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas,
		.user_va = va,
		.length = len,
		.iova = flags & ST_FIXED ? *iova : 0,
	};
	int rc = st_ioctl(s, IOMMU_IOAS_MAP, &cmd);

	*iova = cmd.iova;
	return rc;
}

static inline int st_map(struct st *s, uint64_t va, uint64_t len, uint64_t *iova)
{
	return st_map_as(s, s->ioas, ST_RW, va, len, iova);
}

static inline int st_map_at(struct st *s, uint64_t va, uint64_t len, uint64_t iova)
{
	return st_map_as(s, s->ioas, ST_RW | ST_FIXED, va, len, &iova);
}

static inline int st_unmap_got(struct st *s, uint64_t iova, uint64_t len, uint64_t *got)
{
	struct iommu_ioas_unmap cmd = {.size = sizeof(cmd),
				       .ioas_id = s->ioas,
				       .iova = iova,
				       .length = len};
	int rc = st_ioctl(s, IOMMU_IOAS_UNMAP, &cmd);

	*got = cmd.length;
	return rc;
}

/* Whole: as many bytes as named. */
static inline int st_unmap(struct st *s, uint64_t iova, uint64_t len)
{
	uint64_t got;
	int rc = st_unmap_got(s, iova, len, &got);

	if (!rc && got != len)
		ck_abort_msg("UNMAP removes %#llx bytes", (unsigned long long)got);
	return rc;
}

static inline int st_copy(struct st *s, uint32_t from, uint64_t src, uint32_t to, uint64_t *dst,
			  uint64_t len, uint32_t flags)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dst_ioas_id = to,
		.src_ioas_id = from,
		.length = len,
		.dst_iova = flags & ST_FIXED ? *dst : 0,
		.src_iova = src,
	};
	int rc = st_ioctl(s, IOMMU_IOAS_COPY, &cmd);

	*dst = cmd.dst_iova;
	return rc;
}

static inline int st_option(struct st *s, uint32_t option, uint16_t op, uint32_t object,
			    uint64_t *value)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = option,
		.op = op,
		.object_id = object,
		.val64 = *value,
	};
	int rc = st_ioctl(s, IOMMU_OPTION, &cmd);

	*value = cmd.val64;
	return rc;
}

static inline int st_allow(struct st *s, const struct iommu_iova_range *range, uint32_t count)
{
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = s->ioas,
		.num_iovas = count,
		.allowed_iovas = (uintptr_t)range,
	};

	return st_ioctl(s, IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

/* ---- the test ioctl ---- */

struct st_mock {
	uint32_t stdev, hwpt, idev;
};

static inline int st_mock_flags(struct st *s, uint32_t pt, uint32_t flags, struct st_mock *mock)
{
	struct iommu_test_cmd cmd = {.id = pt, .mock_domain_flags = {.dev_flags = flags}};
	int rc = st_test(s, flags ? IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS : IOMMU_TEST_OP_MOCK_DOMAIN,
			 &cmd);

	mock->stdev = cmd.mock_domain.out_stdev_id;
	mock->hwpt = cmd.mock_domain.out_hwpt_id;
	mock->idev = cmd.mock_domain.out_idev_id;
	return rc;
}

static inline int st_mock(struct st *s, uint32_t pt, struct st_mock *mock)
{
	return st_mock_flags(s, pt, 0, mock);
}

static inline int st_replace(struct st *s, uint32_t stdev, uint32_t pt)
{
	struct iommu_test_cmd cmd = {.id = stdev, .mock_domain_replace = {.pt_id = pt}};

	return st_test(s, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &cmd);
}

static inline int st_check_map(struct st *s, uint32_t hwpt, uint64_t iova, uint64_t len,
			       uint64_t va)
{
	struct iommu_test_cmd cmd = {.id = hwpt,
				     .check_map = {.iova = iova, .length = len, .uptr = va}};

	return st_test(s, IOMMU_TEST_OP_MD_CHECK_MAP, &cmd);
}

static inline int st_check_refs(struct st *s, uint64_t va, uint64_t len, uint32_t refs)
{
	struct iommu_test_cmd cmd = {.check_refs = {.length = len, .uptr = va, .refs = refs}};

	return st_test(s, IOMMU_TEST_OP_MD_CHECK_REFS, &cmd);
}

static inline int st_reserve(struct st *s, uint64_t start, uint64_t len)
{
	struct iommu_test_cmd cmd = {.id = s->ioas,
				     .add_reserved = {.start = start, .length = len}};

	return st_test(s, IOMMU_TEST_OP_ADD_RESERVED, &cmd);
}

static inline int st_memory_limit(struct st *s, uint32_t limit)
{
	struct iommu_test_cmd cmd = {.memory_limit = {.limit = limit}};

	return st_test(s, IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT, &cmd);
}

static inline int st_access(struct st *s, uint32_t ioas, bool pins, uint32_t *id)
{
	struct iommu_test_cmd cmd = {
		.id = ioas,
		.create_access = {.flags = pins ? MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES : 0}};
	int rc = st_test(s, IOMMU_TEST_OP_CREATE_ACCESS, &cmd);

	*id = cmd.create_access.out_access_fd;
	return rc;
}

static inline int st_access_end(struct st *s, uint32_t access)
{
	return sio_close(s->process, (int)access) ? -errno : 0;
}

static inline int st_access_replace(struct st *s, uint32_t access, uint32_t ioas)
{
	struct iommu_test_cmd cmd = {.id = access, .access_replace_ioas = {.ioas_id = ioas}};

	return st_test(s, IOMMU_TEST_OP_ACCESS_REPLACE_IOAS, &cmd);
}

static inline int st_pin(struct st *s, uint32_t access, uint64_t iova, uint64_t len, uint64_t va,
			 uint32_t *item)
{
	struct iommu_test_cmd cmd = {
		.id = access,
		.access_pages = {.flags = MOCK_FLAGS_ACCESS_WRITE,
				 .iova = iova,
				 .length = len,
				 .uptr = va},
	};
	int rc = st_test(s, IOMMU_TEST_OP_ACCESS_PAGES, &cmd);

	*item = cmd.access_pages.out_access_pages_id;
	return rc;
}

static inline int st_unpin(struct st *s, uint32_t access, uint32_t item)
{
	struct iommu_test_cmd cmd = {.id = access,
				     .destroy_access_pages = {.access_pages_id = item}};

	return st_test(s, IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, &cmd);
}

/* `data` is ours. */
static inline int st_rw(struct st *s, uint32_t access, uint64_t iova, void *data, uint64_t len,
			uint32_t flags)
{
	struct iommu_test_cmd cmd = {
		.id = access,
		.access_rw = {.iova = iova, .length = len, .uptr = (uintptr_t)data, .flags = flags},
	};

	return st_test(s, IOMMU_TEST_OP_ACCESS_RW, &cmd);
}

/* ---- HWPTs ---- */

/* Sizes and the answer are filled in. */
static inline int st_hwpt_as(struct st *s, struct iommu_hwpt_alloc cmd, uint32_t *id)
{
	int rc;

	cmd.size = sizeof(cmd);
	rc = st_ioctl(s, IOMMU_HWPT_ALLOC, &cmd);
	*id = cmd.out_hwpt_id;
	return rc;
}

static inline int st_hwpt(struct st *s, uint32_t idev, uint32_t pt, uint32_t flags, uint32_t *id)
{
	return st_hwpt_as(s, (struct iommu_hwpt_alloc){.flags = flags, .dev_id = idev, .pt_id = pt},
			  id);
}

/* A nested one; `fault` 0: none. */
static inline int st_nested(struct st *s, uint32_t idev, uint32_t parent, uint32_t flags,
			    uint32_t fault, uint32_t *id)
{
	struct iommu_hwpt_selftest data = {.iotlb = IOMMU_TEST_IOTLB_DEFAULT};

	return st_hwpt_as(s,
			  (struct iommu_hwpt_alloc){
				  .flags = flags,
				  .dev_id = idev,
				  .pt_id = parent,
				  .data_type = IOMMU_HWPT_DATA_SELFTEST,
				  /* What 6.12 knows of it is the first word. */
				  .data_len = s->later ? sizeof(data) : sizeof(data.iotlb),
				  .data_uptr = (uintptr_t)&data,
				  .fault_id = fault,
			  },
			  id);
}

static inline int st_check_iotlb(struct st *s, uint32_t hwpt, uint32_t value)
{
	int rc = 0;

	for (uint32_t i = 0; i < MOCK_NESTED_DOMAIN_IOTLB_NUM && !rc; i++) {
		struct iommu_test_cmd cmd = {.id = hwpt, .check_iotlb = {.id = i, .iotlb = value}};

		rc = st_test(s, IOMMU_TEST_OP_MD_CHECK_IOTLB, &cmd);
	}
	return rc;
}

static inline int st_check_cache(struct st *s, uint32_t idev, uint32_t id, uint32_t value)
{
	struct iommu_test_cmd cmd = {.id = idev, .check_dev_cache = {.id = id, .cache = value}};

	return st_test(s, IOMMU_TEST_OP_DEV_CHECK_CACHE, &cmd);
}

static inline void st_check_caches(struct st *s, uint32_t idev, uint32_t value)
{
	for (uint32_t i = 0; s->later && i < MOCK_DEV_CACHE_NUM; i++)
		OK(st_check_cache(s, idev, i, value));
}

/* A fault queue: its object and its descriptor. */
static inline uint32_t st_fault_queue(struct st *s, int *fd)
{
	struct iommu_fault_alloc cmd = {.size = sizeof(cmd)};

	OK(st_ioctl(s, IOMMU_FAULT_QUEUE_ALLOC, &cmd));
	*fd = (int)cmd.out_fault_fd;
	return cmd.out_fault_id;
}

static inline int st_iopf(struct st *s, uint32_t idev, uint32_t pasid)
{
	struct iommu_test_cmd cmd = {
		.trigger_iopf = {.dev_id = idev,
				 .pasid = pasid,
				 .grpid = 2,
				 .perm = IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_WRITE,
				 .addr = 0xdeadbeaf},
	};

	return st_test(s, IOMMU_TEST_OP_TRIGGER_IOPF, &cmd);
}

/* A device's page request arrives at the queue, and is answered. */
static inline void st_fault_roundtrip(struct st *s, uint32_t idev, int fd)
{
	struct iommu_hwpt_page_response response = {.code = IOMMUFD_PAGE_RESP_SUCCESS};
	struct iommu_hwpt_pgfault fault = {0};

	OK(st_iopf(s, idev, 0x1));
	ck_assert_int_eq(sio_pread(s->process, fd, &fault, sizeof(fault), 0), sizeof(fault));
	ck_assert_uint_eq(fault.flags,
			  IOMMU_PGFAULT_FLAGS_PASID_VALID | IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	ck_assert_uint_eq(fault.dev_id, idev);
	ck_assert_uint_eq(fault.pasid, 1);
	ck_assert_uint_eq(fault.grpid, 2);
	ck_assert_uint_eq(fault.addr, 0xdeadbeaf);
	response.cookie = fault.cookie;
	ck_assert_int_eq(sio_pwrite(s->process, fd, &response, sizeof(response), 0),
			 sizeof(response));
	/* Answered once. */
	ck_assert_int_eq(sio_pwrite(s->process, fd, &response, sizeof(response), 0), -1);
	ck_assert_int_eq(errno, EINVAL);
}

/* ---- memory ---- */

static inline uint64_t st_memory_as(struct st *s, struct sio_mem mem)
{
	uint64_t va = 0;

	if (!mem.prot)
		mem.prot = SIO_PROT_RW;
	OK(sio_mem_map(s->process, &mem, &va));
	return va;
}

static inline uint64_t st_memory(struct st *s, uint64_t size, bool huge)
{
	return st_memory_as(s, (struct sio_mem){.size = size,
						.kind = SIO_MEM_SHARED,
						.contiguity = SIO_RUN_SEEDED,
						.hugetlb = huge});
}

static inline void st_read_memory(struct st *s, uint64_t va, void *data, size_t len)
{
	OK(sio_mem_read(s->process, va, data, len));
}

static inline void st_write_memory(struct st *s, uint64_t va, const void *data, size_t len)
{
	OK(sio_mem_write(s->process, va, data, len));
}

/* Bytes that differ from their neighbours. */
static inline void st_fill_memory(struct st *s, uint64_t va, size_t len)
{
	uint8_t bytes[256];

	for (size_t at = 0; at < len; at += sizeof(bytes)) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(i * 37 + at / sizeof(bytes) * 11 + 5);
		st_write_memory(s, va + at, bytes, len - at < sizeof(bytes) ? len - at : 256);
	}
}

/* ---- fixtures ---- */

/* Two domains at most. */
static inline void st_add_domain(struct st *s)
{
	struct st_mock mock;

	OK(st_mock(s, s->ioas, &mock));
	s->stdev[s->domains] = mock.stdev;
	s->hwpt[s->domains] = mock.hwpt;
	s->idev[s->domains] = mock.idev;
	s->domains++;
	s->base = ST_BASE;
	st_check_caches(s, mock.idev, IOMMU_TEST_DEV_CACHE_DEFAULT);
}

static inline void st_boot(struct st *s, bool later)
{
	const struct sio_machine_cfg cfg = {
		.platform = "mock",
		.kernel = later ? "7.2" : "6.12",
		.seed = 0x5e1f7e57,
	};
	char error[256] = "";

	*s = (struct st){.later = later};
	ck_assert_msg(sio_machine_create(&cfg, &s->machine, error, sizeof(error)) == 0, "%s",
		      error);
	s->process = sio_process_create(s->machine);
	ck_assert_ptr_nonnull(s->process);
	s->buffer = st_memory(s, ST_BYTES, false);
	s->fd = st_open(s);
}

/* All that was open is closed; nothing is pinned any more. */
static inline void st_halt(struct st *s)
{
	st_audit(s, true);
	OK(sio_close(s->process, s->fd));
	s->fd = st_open(s);
	OK(st_check_refs(s, s->buffer, ST_BYTES, 0));
	OK(sio_close(s->process, s->fd));
	st_audit(s, true);
	ck_assert_uint_eq(sio_process_vmpin(s->process), 0);
	ck_assert_uint_eq(sio_process_vmlck(s->process), 0);
	sio_machine_destroy(s->machine);
}

/* ---- cases ---- */

static const struct st_program *st_program;

static inline const struct st_case *st_case_find(const struct st_listed *listed)
{
	for (size_t i = 0; i < st_program->count; i++)
		if (!strcmp(st_program->cases[i].name, listed->name) &&
		    !strcmp(st_program->cases[i].fixture, listed->fixture))
			return &st_program->cases[i];
	return NULL;
}

/* The n-th case that this program does; NULL: there are no more. */
static inline const struct st_listed *st_listed_at(unsigned n)
{
	for (size_t i = 0; i < SIO_ARRAY_SIZE(st_listed); i++)
		if (!strcmp(st_listed[i].program, st_program->name) && !n--)
			return &st_listed[i];
	return NULL;
}

/* In all variants that this kernel's program has. */
static inline void st_run(const struct st_listed *listed, bool later)
{
	const enum st_since now = later ? ST_7_2 : ST_6_12;
	unsigned variant = 0;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(st_variants); i++) {
		struct st s;

		if (strcmp(st_variants[i].fixture, listed->fixture) || st_variants[i].since > now)
			continue;
		printf("%s: %s.%s.%s\n", later ? "7.2" : "6.12", listed->fixture,
		       st_variants[i].name, listed->name);
		fflush(stdout);
		st_boot(&s, later);
		s.variant = variant++;
		s.variant_name = st_variants[i].name;
		if (st_program->setup)
			st_program->setup(&s, listed->fixture);
		st_case_find(listed)->body(&s);
		st_halt(&s);
	}
}

START_TEST(every_case_holds_in_every_variant)
{
	const struct st_listed *listed = st_listed_at((unsigned)_i / 2);
	const bool later = _i % 2;

	ck_assert_msg(st_case_find(listed) != NULL, "no body for %s", listed->name);
	if (later || listed->since == ST_6_12)
		st_run(listed, later);
}
END_TEST

START_TEST(the_inventory_adds_up_to_the_kernels_counts)
{
	for (enum st_since now = ST_6_12; now < ST_SINCE_COUNT; now++) {
		unsigned groups = 0;

		for (size_t i = 0; i < SIO_ARRAY_SIZE(st_variants); i++)
			groups += st_variants[i].since <= now;
		ck_assert_uint_eq(st_cases_of(NULL, now), st_counts[now].cases);
		ck_assert_uint_eq(groups, st_counts[now].groups);
	}
	for (size_t i = 0; i < st_program->count; i++) {
		unsigned found = 0;

		for (unsigned n = 0; st_listed_at(n); n++)
			found += st_case_find(st_listed_at(n)) == &st_program->cases[i];
		ck_assert_msg(found == 1, "%s is not in the inventory", st_program->cases[i].name);
	}
	printf("%s: %u of the %u cases of 6.12, %u of the %u of 7.2\n", st_program->name,
	       st_cases_of(st_program->name, ST_6_12), st_counts[ST_6_12].cases,
	       st_cases_of(st_program->name, ST_7_2), st_counts[ST_7_2].cases);
}
END_TEST

static inline int st_main(const struct st_program *program)
{
	Suite *suite = suite_create(program->name);
	TCase *tc = tcase_create("selftest");
	int count = 0;

	st_program = program;
	while (st_listed_at((unsigned)count))
		count++;
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, every_case_holds_in_every_variant, 0, 2 * count);
	tcase_add_test(tc, the_inventory_adds_up_to_the_kernels_counts);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

#endif
