// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's iommufd selftest: areas of an address space, with no domain, one, two, and one whose
 * batches hold a single page.
 */
#include "selftest_ioas.h"

#define RESERVED_FIRST (4 * (uint64_t)ST_PAGE)
#define RESERVED_LAST  (RESERVED_FIRST + 100 * (uint64_t)ST_PAGE - 1)

static uint64_t lowest_bit(uint64_t value)
{
	return value & -value;
}

static void ioas_auto_destroy(struct st *s)
{
	/* The descriptor's end takes it away. */
	(void)s;
}

static void ioas_destroy(struct st *s)
{
	IS(s->domains ? -EBUSY : 0, st_destroy(s, s->ioas));
}

static void ioas_area_destroy(struct st *s)
{
	OK(st_map_at(s, s->buffer, ST_PAGE, s->base));
	IS(s->domains ? -EBUSY : 0, st_destroy(s, s->ioas));
}

static void ioas_area_auto_destroy(struct st *s)
{
	for (uint64_t i = 0; i < 10; i++)
		OK(st_map_at(s, s->buffer, ST_PAGE, s->base + i * ST_PAGE));
}

static void area(struct st *s)
{
	static const struct {
		uint64_t page, count;
	} over[] = {{16, 2}, {16, 1}, {17, 1}, {15, 2}, {15, 3}};

	for (uint64_t i = 0; i < 10; i++) {
		uint64_t got;

		FAILS(ENOENT, st_unmap_got(s, s->base + i * ST_PAGE, ST_PAGE, &got));
	}
	for (uint64_t i = 0; i < 10; i++)
		OK(st_map_at(s, s->buffer, ST_PAGE, s->base + i * ST_PAGE));
	for (uint64_t i = 0; i < 10; i++)
		OK(st_unmap(s, s->base + i * ST_PAGE, ST_PAGE));

	OK(st_map_at(s, s->buffer, 2 * ST_PAGE, s->base + 16 * ST_PAGE));
	FAILS(ENOENT, st_unmap(s, s->base + 16 * ST_PAGE, ST_PAGE));
	FAILS(ENOENT, st_unmap(s, s->base + 17 * ST_PAGE, ST_PAGE));
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(over); i++)
		FAILS(EEXIST, st_map_at(s, s->buffer, over[i].count * ST_PAGE,
					s->base + over[i].page * ST_PAGE));
	for (unsigned round = 0; round < 2; round++) {
		uint64_t got;

		/* All of nothing is fine too. */
		OK(st_unmap_got(s, 0, UINT64_MAX, &got));
		ck_assert_uint_eq(got, round ? 0 : 2 * ST_PAGE);
	}
}

static void unmap_fully_contained_areas(struct st *s)
{
	uint64_t got, total = 0;

	for (uint64_t i = 0; i < 4; i++) {
		OK(st_map_at(s, s->buffer, 4 * ST_PAGE, s->base + (i * 7 + 1) * ST_PAGE));
		total += 4 * ST_PAGE;
	}
	OK(st_unmap_got(s, s->base, 32 * ST_PAGE, &got));
	ck_assert_uint_eq(got, total);
}

/* Ten areas of one to ten pages where the kernel wants them, all in [first, last] but none in what
 * is reserved. */
static void map_ten(struct st *s, uint64_t first, uint64_t last)
{
	uint64_t iova[10];

	for (uint64_t i = 0; i < 10; i++) {
		const uint64_t len = (i + 1) * ST_PAGE;

		OK(st_map(s, s->buffer, len, &iova[i]));
		ck_assert_uint_eq(iova[i] % lowest_bit(len), 0);
		ck_assert_uint_ge(iova[i], first);
		ck_assert_uint_le(iova[i] + (len - 1), last);
		ck_assert(iova[i] > RESERVED_LAST || iova[i] + (len - 1) < RESERVED_FIRST);
		for (uint64_t j = 0; j < i; j++)
			ck_assert(iova[i] >= iova[j] + (j + 1) * ST_PAGE ||
				  iova[j] >= iova[i] + len);
	}
	for (uint64_t i = 0; i < 10; i++)
		OK(st_unmap(s, iova[i], (i + 1) * ST_PAGE));
}

static void area_auto_iova(struct st *s)
{
	struct iommu_iova_range range[10];
	uint64_t iova;

	OK(st_reserve(s, RESERVED_FIRST, RESERVED_LAST + 1 - RESERVED_FIRST));
	map_ten(s, s->domains ? ST_BASE : ST_PAGE, s->domains ? MOCK_APERTURE_LAST : UINT64_MAX);

	range[0].start = RESERVED_FIRST + ST_PAGE;
	range[0].last = RESERVED_FIRST + 2 * ST_PAGE - 1;
	FAILS(EADDRINUSE, st_allow(s, range, 1));
	/* One range that all fit into; then one for each, of which only the last is large enough
	 * for ten pages. */
	range[0].start = ST_BASE + 16 * ST_PAGE;
	range[0].last = ST_BASE + 512 * ST_PAGE - 1;
	OK(st_allow(s, range, 1));
	map_ten(s, range[0].start, range[0].last);
	for (uint64_t i = 0; i < 10; i++) {
		range[i].start = ST_BASE + i * 64 * ST_PAGE;
		range[i].last = range[i].start + (i + 1) * ST_PAGE - 1;
	}
	OK(st_allow(s, range, 10));
	OK(st_map(s, s->buffer, 10 * ST_PAGE, &iova));
	ck_assert_uint_eq(iova, range[9].start);
	FAILS(ENOSPC, st_map(s, s->buffer, 10 * ST_PAGE, &iova));
	OK(st_map(s, s->buffer, ST_PAGE, &iova));
	ck_assert_uint_eq(iova, range[0].start);
}

static void area_allowed(struct st *s)
{
	struct iommu_iova_range range = {ST_BASE, ST_BASE + 4 * ST_PAGE - 1};
	const uint64_t reserved = ST_BASE + 4 * ST_PAGE;

	OK(st_reserve(s, reserved, 100 * ST_PAGE));
	range.last++;
	FAILS(EADDRINUSE, st_allow(s, &range, 1));
	range.last--;
	OK(st_allow(s, &range, 1));
	FAILS(EADDRINUSE, st_reserve(s, range.last, 1));
	FAILS(EADDRINUSE, st_reserve(s, range.start, ST_PAGE));
	OK(st_allow(s, NULL, 0));
	OK(st_reserve(s, range.start, ST_PAGE));

	/* Beyond the kernel's case. */
	range.start = range.last;
	FAILS(EINVAL, st_allow(s, &range, 1));
	FAILS(EFAULT, st_allow(s, NULL, 1));
}

static void copy_area(struct st *s)
{
	uint64_t iova = s->base, dst;
	uint32_t other;

	OK(st_map_at(s, s->buffer, ST_PAGE, iova));
	OK(st_copy(s, s->ioas, iova, s->ioas, &dst, ST_PAGE, ST_RW));
	ck_assert_uint_ne(dst, iova);
	OK(st_ioas_alloc(s, &other));
	/* Copied means by the lowest page as well. */
	dst = 0;
	OK(st_copy(s, s->ioas, iova, other, &dst, ST_PAGE, ST_RW | ST_FIXED));
	ck_assert_uint_eq(dst, 0);
	OK(st_destroy(s, other));
	if (s->domains)
		OK(st_check_refs(s, s->buffer, ST_PAGE, 1));
}

static int iova_ranges_of(struct st *s, struct iommu_iova_range *range, uint32_t *count,
			  uint64_t *alignment)
{
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = s->ioas,
		.num_iovas = *count,
		.allowed_iovas = (uintptr_t)range,
	};
	int rc = st_ioctl(s, IOMMU_IOAS_IOVA_RANGES, &cmd);

	*count = cmd.num_iovas;
	*alignment = cmd.out_iova_alignment;
	return rc;
}

static void iova_ranges(struct st *s)
{
	struct iommu_iova_range range[4] = {{0, 0}};
	const uint64_t first = s->domains ? MOCK_APERTURE_START : 0;
	const uint64_t last = s->domains ? MOCK_APERTURE_LAST : UINT64_MAX;
	uint32_t count = 4;
	uint64_t alignment;

	OK(iova_ranges_of(s, range, &count, &alignment));
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(range[0].start, first);
	ck_assert_uint_eq(range[0].last, last);
	ck_assert_uint_eq(alignment, s->domains ? ST_HALF : 1);

	OK(st_reserve(s, first + ST_PAGE, ST_PAGE));
	count = 4;
	OK(iova_ranges_of(s, range, &count, &alignment));
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(range[0].start, first);
	ck_assert_uint_eq(range[0].last, first + ST_PAGE - 1);
	ck_assert_uint_eq(range[1].start, first + 2 * ST_PAGE);
	ck_assert_uint_eq(range[1].last, last);

	for (uint32_t room = 0; room < 2; room++) {
		memset(range, 0, sizeof(range));
		count = room;
		FAILS(EMSGSIZE, iova_ranges_of(s, range, &count, &alignment));
		ck_assert_uint_eq(count, 2);
		ck_assert_uint_eq(range[0].last, room ? first + ST_PAGE - 1 : 0);
		ck_assert_uint_eq(range[1].last, 0);
	}
}

static int huge_pages(struct st *s, uint16_t op, uint64_t *value)
{
	return st_option(s, IOMMU_OPTION_HUGE_PAGES, op, s->ioas, value);
}

static int set_huge_pages(struct st *s, uint64_t value)
{
	return huge_pages(s, IOMMU_OPTION_OP_SET, &value);
}

static void ioas_option_huge_pages(struct st *s)
{
	uint64_t value = 7;

	OK(huge_pages(s, IOMMU_OPTION_OP_GET, &value));
	ck_assert_uint_eq(value, 1);
	OK(set_huge_pages(s, 0));
	OK(huge_pages(s, IOMMU_OPTION_OP_GET, &value));
	ck_assert_uint_eq(value, 0);
	FAILS(EINVAL, set_huge_pages(s, 2));
	OK(set_huge_pages(s, 1));
	/* Beyond the kernel's case: not while areas are in a domain. */
	OK(st_map_at(s, s->buffer, ST_PAGE, s->base));
	IS(s->domains ? -EINVAL : 0, set_huge_pages(s, 0));
}

static void ioas_iova_alloc(struct st *s)
{
	for (uint64_t len = 1; len < 2 * ST_PAGE; len++) {
		uint64_t iova;

		if (s->domains && len % ST_HALF) {
			FAILS(EINVAL, st_map(s, s->buffer, len, &iova));
			continue;
		}
		OK(st_map(s, s->buffer, len, &iova));
		OK(st_unmap(s, iova, len));
	}
}

static void ioas_align_change(struct st *s)
{
	/* With a domain the option cannot change while there are areas: nothing to see. */
	if (s->domains)
		return;
	OK(set_huge_pages(s, 0));
	FAILS(EINVAL, st_map_at(s, s->buffer + ST_HALF, ST_PAGE, ST_BASE));
	FAILS(EINVAL, st_map_at(s, s->buffer, ST_PAGE, ST_BASE + ST_HALF));
	FAILS(EINVAL, st_map_at(s, s->buffer, ST_HALF, ST_BASE));
	OK(set_huge_pages(s, 1));
	OK(st_map_at(s, s->buffer + ST_HALF, ST_PAGE, ST_BASE));
	FAILS(EADDRINUSE, set_huge_pages(s, 0));
	OK(st_unmap(s, ST_BASE, ST_PAGE));
	OK(set_huge_pages(s, 0));
}

/* Pieces of two neighbours, of every start in odd steps. */
static void copy_sweep(struct st *s)
{
	const uint64_t first = ST_BASE, end = ST_BASE + 4 * ST_PAGE, len = ST_PAGE;
	uint32_t other;

	OK(st_map_at(s, s->buffer, 2 * ST_PAGE, first));
	OK(st_map_at(s, s->buffer + 4 * ST_PAGE, 2 * ST_PAGE, first + 2 * ST_PAGE));
	OK(st_ioas_alloc(s, &other));
	for (uint64_t src = first - 1; src < end + 511; src += 511) {
		const bool inside = src >= first && src + (len - 1) < end;
		const uint32_t ioas = s->ioas;
		uint64_t dst = 0;

		if (!inside) {
			FAILS(ENOENT, st_copy(s, ioas, src, other, &dst, len, ST_RW));
			continue;
		}
		OK(st_copy(s, ioas, src, other, &dst, len, ST_RW));
		ck_assert_uint_eq(dst % ST_PAGE, src % ST_PAGE);
		s->ioas = other;
		OK(st_unmap(s, dst, len));
		s->ioas = ioas;
	}
	OK(st_destroy(s, other));
}

/* The only hole is too near the end to round an address up in it. */
static void reserved_overflow(struct st *s)
{
	uint64_t iova;

	OK(st_reserve(s, 6, UINT64_C(0xffffffffffff8001)));
	FAILS(ENOSPC, st_map(s, s->buffer, 5 * ST_PAGE, &iova));
}

static const struct st_case cases[] = {
	{"iommufd_ioas", "ioas_auto_destroy", ioas_auto_destroy},
	{"iommufd_ioas", "ioas_destroy", ioas_destroy},
	{"iommufd_ioas", "ioas_area_destroy", ioas_area_destroy},
	{"iommufd_ioas", "ioas_area_auto_destroy", ioas_area_auto_destroy},
	{"iommufd_ioas", "area", area},
	{"iommufd_ioas", "unmap_fully_contained_areas", unmap_fully_contained_areas},
	{"iommufd_ioas", "area_auto_iova", area_auto_iova},
	{"iommufd_ioas", "area_allowed", area_allowed},
	{"iommufd_ioas", "copy_area", copy_area},
	{"iommufd_ioas", "iova_ranges", iova_ranges},
	{"iommufd_ioas", "ioas_option_huge_pages", ioas_option_huge_pages},
	{"iommufd_ioas", "ioas_iova_alloc", ioas_iova_alloc},
	{"iommufd_ioas", "ioas_align_change", ioas_align_change},
	{"iommufd_ioas", "copy_sweep", copy_sweep},
	{"iommufd_ioas", "reserved_overflow", reserved_overflow},
};

int main(void)
{
	const struct st_program program = {.name = "ioas",
					   .cases = cases,
					   .count = SIO_ARRAY_SIZE(cases),
					   .setup = st_ioas_setup};

	return st_main(&program);
}
