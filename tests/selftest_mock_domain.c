// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's iommufd selftest: what domains translate and which pages are pinned, at every
 * alignment of a half page; with ordinary memory, huge pages and memory files.
 */
#include "selftest_rig.h"

struct variant {
	unsigned domains;
	bool huge, file;
};

static const struct variant variants[] = {
	{1, false, false}, {2, false, false}, {1, true, false},
	{2, true, false},  {1, false, true},  {1, true, true},
};

static struct variant now(const struct st *s)
{
	return variants[s->variant];
}

static void setup(struct st *s, const char *fixture)
{
	(void)fixture;
	OK(st_ioas_alloc(s, &s->ioas));
	for (unsigned i = 0; i < now(s).domains; i++)
		st_add_domain(s);
}

/* ---- memory of the variant ---- */

struct memory {
	uint64_t va, len;
	int fd; /* of a file that has it too, -1 */
};

static struct memory memory_create(struct st *s, uint64_t len)
{
	struct memory memory = {0, len, -1};

	if (now(s).huge && len % ST_HUGE)
		memory.len = len = ST_HUGE;
	if (now(s).file) {
		const struct sio_memfd_cfg cfg = {.size = len, .hugetlb = now(s).huge};
		struct sio_file_map map = {.size = len, .prot = SIO_PROT_RW};

		memory.fd = map.fd = sio_memfd_open(s->process, &cfg);
		ck_assert_int_ge(memory.fd, 0);
		OK(sio_mem_map_file(s->process, &map, &memory.va));
	} else {
		memory.va = st_memory(s, len, now(s).huge);
	}
	return memory;
}

static void memory_destroy(struct st *s, const struct memory *memory)
{
	OK(sio_mem_unmap(s->process, memory->va, memory->len));
	if (memory->fd >= 0)
		OK(sio_close(s->process, memory->fd));
}

/* Bytes [start, start + len) of the memory; by its file, where it has one. */
static int map(struct st *s, const struct memory *memory, uint64_t start, uint64_t len,
	       uint64_t *iova)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = ST_RW,
		.ioas_id = s->ioas,
		.fd = memory->fd,
		.start = start,
		.length = len,
	};
	int rc;

	if (memory->fd < 0)
		return st_map(s, memory->va + start, len, iova);
	rc = st_ioctl(s, IOMMU_IOAS_MAP_FILE, &cmd);
	*iova = cmd.iova;
	return rc;
}

/* In all domains. */
static void check_map(struct st *s, uint64_t iova, uint64_t len, uint64_t va)
{
	for (unsigned i = 0; i < s->domains; i++)
		OK(st_check_map(s, s->hwpt[i], iova, len, va));
}

/* ---- cases ---- */

static void basic_file(struct st *s, const struct memory *memory)
{
	uint64_t iova;

	FAILS(EINVAL, map(s, memory, 0, memory->len + 1, &iova));
	OK(sio_file_truncate(s->process, memory->fd, 0));
	FAILS(EINVAL, map(s, memory, 0, memory->len, &iova));
}

static void basic_memory(struct st *s, const struct memory *memory)
{
	const uint64_t va = memory->va, len = memory->len, half = len / 2;
	uint64_t iova;

	/* The second half is not there: with what was pinned of the first, nothing stays. */
	OK(sio_mem_unmap(s->process, va + half, half));
	FAILS(EFAULT, map(s, memory, 0, len, &iova));
	OK(st_check_refs(s, va, half, 0));
	/* It begins with what is not there. */
	FAILS(EFAULT, map(s, memory, half, half, &iova));
}

static void basic(struct st *s)
{
	const uint64_t len = now(s).huge ? 2 * ST_HUGE : ST_BYTES;
	struct memory memory = memory_create(s, len);
	uint64_t iova;

	OK(map(s, &memory, 0, len, &iova));
	check_map(s, iova, len, memory.va);
	OK(st_unmap(s, iova, len));
	if (memory.fd >= 0) {
		basic_file(s, &memory);
		return;
	}
	basic_memory(s, &memory);
	OK(sio_mem_unmap(s->process, memory.va, len / 2));
}

static void ro_unshare(struct st *s)
{
	const int fd = sio_memfd(s->process, ST_PAGE);
	struct sio_file_map file = {.fd = fd,
				    .size = ST_PAGE,
				    .prot = SIO_PROT_RW,
				    .private_copy = true};
	uint64_t va, iova = ST_BASE, word = 0;

	ck_assert_int_ge(fd, 0);
	OK(sio_mem_map_file(s->process, &file, &va));
	/* The file's own page, until somebody writes to it. */
	st_read_memory(s, va, &word, sizeof(word));
	OK(st_map_as(s, s->ioas, ST_READ | ST_FIXED, va, ST_PAGE, &iova));
	check_map(s, iova, ST_PAGE, va);
	word = 0x1234;
	st_write_memory(s, va, &word, sizeof(word));
	/* A page that was copied at the write would not be the one that is mapped. */
	check_map(s, iova, ST_PAGE, va);
	OK(st_unmap(s, iova, ST_PAGE));
	OK(sio_mem_unmap(s->process, va, ST_PAGE));
	OK(sio_close(s->process, fd));
}

/* Whole pages of [start, end) have one pin, or none. */
static void check_pins(struct st *s, const struct memory *memory, uint64_t start, uint64_t end,
		       uint32_t pins)
{
	const uint64_t first = start / ST_PAGE * ST_PAGE;
	const uint64_t last = (end + ST_PAGE - 1) / ST_PAGE * ST_PAGE;

	OK(st_check_refs(s, memory->va + first, last - first, pins));
}

static void all_aligns(struct st *s)
{
	const struct memory memory = memory_create(s, 8 * ST_PAGE);
	const uint64_t len = 8 * ST_PAGE;

	for (uint64_t start = 0; start < len; start += ST_HALF) {
		for (uint64_t end = start + ST_HALF; end <= len; end += ST_HALF) {
			uint64_t iova;

			OK(map(s, &memory, start, end - start, &iova));
			check_map(s, iova, end - start, memory.va + start);
			check_pins(s, &memory, start, end, 1);
			OK(st_unmap(s, iova, end - start));
			check_pins(s, &memory, 0, len, 0);
		}
	}
	memory_destroy(s, &memory);
}

static void all_aligns_copy(struct st *s)
{
	const struct memory memory = memory_create(s, 8 * ST_PAGE);
	const uint64_t len = 8 * ST_PAGE;

	for (uint64_t start = 0; start < len; start += ST_HALF) {
		for (uint64_t end = start + ST_HALF; end <= len; end += ST_HALF) {
			struct st_mock added;
			uint64_t iova;

			OK(map(s, &memory, start, end - start, &iova));
			/* A domain takes its pages from the others, and gives none back. */
			OK(st_mock(s, s->ioas, &added));
			OK(st_check_map(s, added.hwpt, iova, end - start, memory.va + start));
			check_pins(s, &memory, start, end, 1);
			OK(st_destroy(s, added.stdev));
			check_map(s, iova, end - start, memory.va + start);
			check_pins(s, &memory, start, end, 1);
			OK(st_unmap(s, iova, end - start));
			check_pins(s, &memory, 0, len, 0);
		}
	}
	memory_destroy(s, &memory);
}

/* Memory that one IOAS has and a second gets; an access moves from the one to the other. */
static void user_copy(struct st *s)
{
	const struct memory memory = memory_create(s, ST_BYTES);
	const uint32_t first = s->ioas;
	uint64_t iova, copy = ST_BASE;
	uint32_t source, access, item;

	OK(st_ioas_alloc(s, &source));
	s->ioas = source;
	OK(map(s, &memory, 0, ST_BYTES, &iova));
	OK(st_access(s, source, true, &access));
	OK(st_pin(s, access, iova, ST_BYTES, memory.va, &item));

	OK(st_copy(s, source, iova, first, &copy, ST_BYTES, ST_RW | ST_FIXED));
	check_map(s, ST_BASE, ST_BYTES, memory.va);
	check_pins(s, &memory, 0, ST_BYTES, 1);
	OK(st_unpin(s, access, item));

	/* Every kernel lets go of what was pinned before. */
	OK(st_pin(s, access, iova, ST_BYTES, memory.va, &item));
	OK(st_access_replace(s, access, first));
	FAILS(ENOENT, st_unpin(s, access, item));
	OK(st_destroy(s, source));
	OK(st_pin(s, access, ST_BASE, ST_BYTES, memory.va, &item));
	check_map(s, ST_BASE, ST_BYTES, memory.va);
	FAILS(ENOENT, st_access_replace(s, access, source));
	OK(st_unpin(s, access, item));
	OK(st_access_end(s, access));
	s->ioas = first;
	OK(st_unmap(s, ST_BASE, ST_BYTES));
	check_pins(s, &memory, 0, ST_BYTES, 0);
	memory_destroy(s, &memory);
}

static void replace(struct st *s)
{
	uint32_t ioas;

	OK(st_ioas_alloc(s, &ioas));
	OK(st_replace(s, s->stdev[0], ioas));
	/* Its automatic domain went with its last device. Two devices of one IOAS have one. */
	IS(s->domains == 2 ? -EBUSY : -ENOENT, st_destroy(s, s->hwpt[0]));
	OK(st_replace(s, s->stdev[0], s->ioas));
	OK(st_destroy(s, ioas));
	OK(st_replace(s, s->stdev[0], s->ioas));
	OK(st_replace(s, s->stdev[0], s->ioas));
}

static void alloc_hwpt(struct st *s)
{
	for (unsigned i = 0; i < s->domains; i++) {
		struct st_mock mock;
		uint32_t hwpt[2], id;

		for (unsigned flag = 3; flag < 32; flag++)
			FAILS(EOPNOTSUPP,
			      st_hwpt(s, s->idev[i], s->ioas,
				      s->later && flag == 3 ? 1u << 31 : 1u << flag, &id));
		FAILS(EOPNOTSUPP, st_hwpt(s, s->idev[i], s->ioas, ~1u, &id));
		OK(st_hwpt(s, s->idev[i], s->ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, &hwpt[0]));
		OK(st_hwpt(s, s->idev[i], s->ioas, 0, &hwpt[1]));
		for (unsigned j = 0; j < 2; j++) {
			OK(st_replace(s, s->stdev[i], hwpt[j]));
			FAILS(EBUSY, st_destroy(s, hwpt[j]));
			OK(st_replace(s, s->stdev[i], s->ioas));
		}
		/* A second device on it. */
		OK(st_mock(s, hwpt[0], &mock));
		ck_assert_uint_eq(mock.hwpt, hwpt[0]);
		FAILS(EBUSY, st_destroy(s, hwpt[0]));
		OK(st_destroy(s, mock.stdev));
		for (unsigned j = 0; j < 2; j++)
			OK(st_destroy(s, hwpt[j]));
	}
}

static const struct st_case cases[] = {
	{"iommufd_mock_domain", "basic", basic},
	{"iommufd_mock_domain", "ro_unshare", ro_unshare},
	{"iommufd_mock_domain", "all_aligns", all_aligns},
	{"iommufd_mock_domain", "all_aligns_copy", all_aligns_copy},
	{"iommufd_mock_domain", "user_copy", user_copy},
	{"iommufd_mock_domain", "replace", replace},
	{"iommufd_mock_domain", "alloc_hwpt", alloc_hwpt},
};

int main(void)
{
	const struct st_program program = {.name = "mock_domain",
					   .cases = cases,
					   .count = SIO_ARRAY_SIZE(cases),
					   .setup = setup};

	return st_main(&program);
}
