// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's iommufd selftest: users of mappings inside the kernel, memory of other processes,
 * and DMA buffers.
 */
#include "selftest_ioas.h"

/* Domains that the fixture made go, their IOAS stays. */
static void drop_domains(struct st *s)
{
	while (s->domains)
		OK(st_destroy(s, s->stdev[--s->domains]));
	if (s->pasid_stdev)
		OK(st_destroy(s, s->pasid_stdev));
	s->pasid_stdev = 0;
}

static void access_domain_destory(struct st *s)
{
	const uint64_t len = 2 * ST_HUGE;
	const uint64_t va = st_memory(s, len, true);
	uint32_t access, item;

	OK(st_map_at(s, va, len, s->base));
	OK(st_access(s, s->ioas, true, &access));
	/* Beyond the kernel's case: a pin is of whole pages. */
	FAILS(EINVAL, st_pin(s, access, s->base + ST_HALF, ST_PAGE, 0, &item));
	/* Over the border of two huge pages. */
	OK(st_pin(s, access, s->base + ST_PAGE, len - 2 * ST_PAGE, va + ST_PAGE, &item));
	drop_domains(s);
	OK(st_unpin(s, access, item));
	OK(st_access_end(s, access));
	OK(sio_mem_unmap(s->process, va, len));
}

static void access_pin(struct st *s)
{
	uint32_t access, item[2];

	OK(st_access(s, s->ioas, true, &access));
	for (uint64_t pages = 1; pages < ST_PAGES; pages++) {
		const uint64_t len = pages * ST_PAGE, rest = ST_BYTES - len;
		const uint32_t held = s->domains ? 1 : 0;
		struct st_mock mock;

		OK(st_map_at(s, s->buffer, ST_BYTES, ST_BASE));
		OK(st_pin(s, access, ST_BASE, len, s->buffer, &item[0]));
		OK(st_check_refs(s, s->buffer, len, 1));
		OK(st_check_refs(s, s->buffer + len, rest, held));
		OK(st_unpin(s, access, item[0]));
		OK(st_check_refs(s, s->buffer, len, held));

		/* However many use a page, it is pinned once. */
		OK(st_pin(s, access, ST_BASE, len, s->buffer, &item[0]));
		OK(st_pin(s, access, ST_BASE, len, s->buffer, &item[1]));
		ck_assert_uint_ne(item[0], item[1]);
		OK(st_check_refs(s, s->buffer, len, 1));
		OK(st_unpin(s, access, item[0]));
		OK(st_check_refs(s, s->buffer, len, 1));
		OK(st_unpin(s, access, item[1]));
		FAILS(ENOENT, st_unpin(s, access, item[1]));

		/* A domain finds pages that are pinned, and leaves those that are still used. */
		OK(st_pin(s, access, ST_BASE, len, s->buffer, &item[0]));
		OK(st_mock(s, s->ioas, &mock));
		OK(st_check_map(s, mock.hwpt, ST_BASE, ST_BYTES, s->buffer));
		OK(st_unpin(s, access, item[0]));
		OK(st_check_refs(s, s->buffer, ST_BYTES, 1));
		OK(st_pin(s, access, ST_BASE, len, s->buffer, &item[0]));
		OK(st_destroy(s, mock.stdev));
		OK(st_check_refs(s, s->buffer, len, 1));
		OK(st_check_refs(s, s->buffer + len, rest, held));
		OK(st_unpin(s, access, item[0]));
		OK(st_unmap(s, ST_BASE, ST_BYTES));
		OK(st_check_refs(s, s->buffer, ST_BYTES, 0));
	}
	OK(st_access_end(s, access));
}

static void access_pin_unmap(struct st *s)
{
	uint32_t access, item;

	OK(st_access(s, s->ioas, true, &access));
	OK(st_map_at(s, s->buffer, ST_BYTES, ST_BASE));
	OK(st_pin(s, access, ST_BASE, ST_BYTES, s->buffer, &item));
	OK(st_unmap(s, ST_BASE, ST_BYTES));
	/* Its owner was told to let go. */
	FAILS(ENOENT, st_unpin(s, access, item));
	OK(st_check_refs(s, s->buffer, ST_BYTES, 0));
	OK(st_access_end(s, access));
}

struct rw {
	struct sio_process *process; /* whose `memory` lies at `iova` */
	uint64_t iova, memory;
	uint32_t access;
	unsigned step; /* between offsets that are tried */
};

static void check_rw(struct st *s, const struct rw *rw, uint64_t at, size_t len, uint32_t flags)
{
	const uint64_t iova = rw->iova + at;
	uint8_t want[64], got[64], new[64];

	OK(sio_mem_read(rw->process, rw->memory + at, want, sizeof(want)));
	OK(st_rw(s, rw->access, iova, got, len, flags));
	if (memcmp(got, want, len))
		ck_abort_msg("%zu bytes at %#llx", len, (unsigned long long)at);
	for (size_t i = 0; i < len; i++)
		new[i] = (uint8_t)(want[i] * 3 + at + 7 * i + len);
	OK(st_rw(s, rw->access, iova, new, len, flags | MOCK_ACCESS_RW_WRITE));
	memcpy(want, new, len);
	OK(sio_mem_read(rw->process, rw->memory + at, got, sizeof(got)));
	if (memcmp(got, want, sizeof(got)))
		ck_abort_msg("%zu bytes written at %#llx", len, (unsigned long long)at);
}

/* Fast and slow, from before the end of a page to behind it. */
static void check_rw_all(struct st *s, const struct rw *rw)
{
	for (uint64_t at = ST_PAGE - 50; at < ST_PAGE + 50; at += rw->step) {
		for (size_t len = 1; len < 64; len++) {
			check_rw(s, rw, at, len, 0);
			check_rw(s, rw, at, len, MOCK_ACCESS_RW_SLOW_PATH);
		}
	}
}

static void access_rw(struct st *s)
{
	uint32_t access;
	uint64_t iova;

	OK(st_access(s, s->ioas, false, &access));
	st_fill_memory(s, s->buffer, ST_BYTES);
	OK(st_map(s, s->buffer, ST_BYTES, &iova));
	check_rw_all(s, &(struct rw){s->process, iova, s->buffer, access, 1});
	OK(st_unmap(s, iova, ST_BYTES));
	OK(st_access_end(s, access));
}

static void access_rw_unaligned(struct st *s)
{
	const uint64_t iova = s->base + ST_HALF;
	uint32_t access;

	OK(st_access(s, s->ioas, false, &access));
	st_fill_memory(s, s->buffer, ST_BYTES);
	OK(st_map_at(s, s->buffer, ST_BYTES, iova));
	check_rw_all(s, &(struct rw){s->process, iova, s->buffer, access, 1});
	OK(st_unmap(s, iova, ST_BYTES));
	OK(st_access_end(s, access));
}

/* The child maps through the descriptor that it inherited. */
static void map_in(struct st *s, struct sio_process *child, uint64_t va, uint64_t len)
{
	struct sio_process *parent = s->process;

	s->process = child;
	OK(st_map_at(s, va, len, ST_BASE));
	s->process = parent;
}

static void fork_gone(struct st *s)
{
	struct sio_process *child;
	struct st_mock mock;
	uint32_t access;

	OK(st_access(s, s->ioas, false, &access));
	st_fill_memory(s, s->buffer, ST_BYTES);
	child = sio_process_fork(s->process);
	ck_assert_ptr_nonnull(child);
	map_in(s, child, s->buffer, ST_BYTES);
	sio_process_exit(child);
	if (s->domains) {
		/* It was pinned: one domain fills the next. */
		OK(st_mock(s, s->ioas, &mock));
		OK(st_check_map(s, mock.hwpt, ST_BASE, ST_BYTES, s->buffer));
		check_rw_all(s, &(struct rw){s->process, ST_BASE, s->buffer, access, 7});
	} else {
		/* There is nobody any more whose memory that would be. */
		FAILS(EFAULT, st_mock(s, s->ioas, &mock));
	}
	OK(st_access_end(s, access));
}

static void fork_present(struct st *s)
{
	const struct sio_mem mem = {.size = ST_BYTES, .prot = SIO_PROT_RW};
	struct sio_process *parent = s->process, *child;
	struct st_mock mock;
	uint32_t access;
	uint64_t va = 0;
	struct rw rw;

	OK(st_access(s, s->ioas, false, &access));
	child = sio_process_fork(parent);
	ck_assert_ptr_nonnull(child);
	OK(sio_mem_map(child, &mem, &va));
	s->process = child;
	st_fill_memory(s, va, ST_BYTES);
	s->process = parent;
	map_in(s, child, va, ST_BYTES);
	rw = (struct rw){child, ST_BASE, va, access, 7};
	check_rw_all(s, &rw);
	OK(st_mock(s, s->ioas, &mock));
	check_rw_all(s, &rw);
	sio_process_exit(child);
	OK(st_access_end(s, access));
}

/* ---- DMA buffers ---- */

static int dmabuf_get(struct st *s, uint32_t len)
{
	struct iommu_test_cmd cmd = {.dmabuf_get = {.length = len}};

	return st_test(s, IOMMU_TEST_OP_DMABUF_GET, &cmd);
}

static int dmabuf_set(struct st *s, int dmabuf, bool gone)
{
	struct iommu_test_cmd cmd = {.dmabuf_revoke = {.dmabuf_fd = dmabuf, .revoked = gone}};

	return st_test(s, IOMMU_TEST_OP_DMABUF_REVOKE, &cmd);
}

static int map_file(struct st *s, int fd, uint64_t start, uint64_t len, uint64_t *iova)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = ST_RW,
		.ioas_id = s->ioas,
		.fd = fd,
		.start = start,
		.length = len,
	};
	int rc = st_ioctl(s, IOMMU_IOAS_MAP_FILE, &cmd);

	*iova = cmd.iova;
	return rc;
}

static void dmabuf_simple(struct st *s)
{
	const uint32_t len = 4 * ST_PAGE;
	const int dmabuf = dmabuf_get(s, len);
	uint64_t iova;

	ck_assert_int_ge(dmabuf, 0);
	FAILS(EINVAL, dmabuf_get(s, 0));
	FAILS(EINVAL, map_file(s, dmabuf, 0, 0, &iova));
	FAILS(EINVAL, map_file(s, dmabuf, len, len, &iova));
	FAILS(EINVAL, map_file(s, dmabuf, 0, len + 1, &iova));
	OK(map_file(s, dmabuf, 0, len, &iova));
	OK(sio_close(s->process, dmabuf));
}

static void dmabuf_revoke(struct st *s)
{
	const uint32_t len = 4 * ST_PAGE;
	const int dmabuf = dmabuf_get(s, len);
	uint64_t iova, other;
	uint32_t hwpt;

	ck_assert_int_ge(dmabuf, 0);
	OK(map_file(s, dmabuf, 0, len, &iova));
	OK(dmabuf_set(s, dmabuf, true));
	/* Domains fill with nothing there; no new mapping finds the buffer. */
	if (s->domains) {
		OK(st_hwpt(s, s->idev[0], s->ioas, 0, &hwpt));
		FAILS(ENODEV, map_file(s, dmabuf, 0, len, &other));
	}
	OK(dmabuf_set(s, dmabuf, false));
	OK(dmabuf_set(s, dmabuf, true));
	OK(sio_close(s->process, dmabuf));
	OK(st_unmap(s, iova, len));
}

static const struct st_case cases[] = {
	{"iommufd_ioas", "access_domain_destory", access_domain_destory},
	{"iommufd_ioas", "access_pin", access_pin},
	{"iommufd_ioas", "access_pin_unmap", access_pin_unmap},
	{"iommufd_ioas", "access_rw", access_rw},
	{"iommufd_ioas", "access_rw_unaligned", access_rw_unaligned},
	{"iommufd_ioas", "fork_gone", fork_gone},
	{"iommufd_ioas", "fork_present", fork_present},
	{"iommufd_ioas", "dmabuf_simple", dmabuf_simple},
	{"iommufd_ioas", "dmabuf_revoke", dmabuf_revoke},
};

int main(void)
{
	const struct st_program program = {.name = "ioas_access",
					   .cases = cases,
					   .count = SIO_ARRAY_SIZE(cases),
					   .setup = st_ioas_setup};

	return st_main(&program);
}
