// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's iommufd selftest: VFIO's ioctls on an iommufd, as type 1 and as its second version.
 */
#include <linux/vfio.h>

#include "prng.h"
#include "selftest_rig.h"

#define DMA_RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/* Ver1v2, Ver1v0 */
static bool is_v2(const struct st *s)
{
	return !s->variant;
}

static void setup(struct st *s, const char *fixture)
{
	struct iommu_vfio_ioas set = {.size = sizeof(set), .op = IOMMU_VFIO_IOAS_SET};
	const uintptr_t type = is_v2(s) ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU;

	(void)fixture;
	OK(st_ioas_alloc(s, &s->ioas));
	set.ioas_id = s->ioas;
	OK(st_ioctl(s, IOMMU_VFIO_IOAS, &set));
	OK(st_ioctl(s, VFIO_SET_IOMMU, (void *)type)); /* NOLINT: the value is the argument */
	st_add_domain(s);
}

static void simple_close(struct st *s)
{
	/* With all that the fixture made. */
	(void)s;
}

static void option_huge_pages(struct st *s)
{
	uint64_t value = 7;

	OK(st_option(s, IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_GET, s->ioas, &value));
	ck_assert_uint_eq(value, is_v2(s));
}

/* ---- GET_INFO ---- */

union info {
	struct vfio_iommu_type1_info info;
	uint8_t bytes[512];
	uint64_t align;
};

/* The capabilities form a chain inside the buffer; that of ranges has the aperture alone. */
static void check_chain(const union info *u)
{
	bool ranges = false, avail = false;

	for (uint32_t at = u->info.cap_offset; at;) {
		const struct vfio_info_cap_header *cap = (const void *)(u->bytes + at);

		ck_assert_uint_eq(at % 8, 0);
		ck_assert_uint_le(at + sizeof(*cap), u->info.argsz);
		if (cap->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			const struct vfio_iommu_type1_info_cap_iova_range *list = (const void *)cap;

			ck_assert_uint_eq(cap->version, 1);
			ck_assert_uint_eq(list->nr_iovas, 1);
			ck_assert_uint_eq(list->iova_ranges[0].start, MOCK_APERTURE_START);
			ck_assert_uint_eq(list->iova_ranges[0].end, MOCK_APERTURE_LAST);
			ranges = true;
		} else {
			const struct vfio_iommu_type1_info_dma_avail *left = (const void *)cap;

			ck_assert_uint_eq(cap->id, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
			ck_assert_uint_eq(left->avail, UINT32_MAX);
			avail = true;
		}
		ck_assert(!cap->next || cap->next > at);
		at = cap->next;
	}
	ck_assert(ranges && avail);
}

static void get_info(struct st *s)
{
	union info u = {.info = {.argsz = sizeof(u)}};
	uint32_t full;

	OK(st_ioctl(s, VFIO_IOMMU_GET_INFO, &u));
	full = u.info.argsz;
	ck_assert_uint_gt(full, sizeof(u.info));
	ck_assert_uint_lt(full, sizeof(u));
	ck_assert_uint_eq(u.info.flags, VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS);
	ck_assert_uint_ne(u.info.iova_pgsizes & ST_PAGE, 0);
	check_chain(&u);

	for (uint32_t argsz = 16; argsz <= full; argsz++) {
		const bool caps = argsz >= offsetof(struct vfio_iommu_type1_info, cap_offset) + 4;

		memset(&u, 0xa5, sizeof(u));
		u.info.argsz = argsz;
		u.info.flags = 0;
		OK(st_ioctl(s, VFIO_IOMMU_GET_INFO, &u));
		ck_assert_uint_eq(u.info.argsz, full);
		for (uint32_t i = argsz; i < sizeof(u); i++)
			if (u.bytes[i] != 0xa5)
				ck_abort_msg("argsz %u: byte %u was written", argsz, i);
		if (argsz == full)
			check_chain(&u);
		else if (caps)
			ck_assert_uint_eq(u.info.cap_offset, 0);
	}
	u.info.argsz = 15;
	FAILS(EINVAL, st_ioctl(s, VFIO_IOMMU_GET_INFO, &u));
}

/* ---- MAP and UNMAP ---- */

static int dma_map(struct st *s, uint64_t va, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd), .flags = DMA_RW, .vaddr = va, .iova = iova, .size = size};

	return st_ioctl(s, VFIO_IOMMU_MAP_DMA, &cmd);
}

/* *size becomes what was removed. */
static int dma_unmap(struct st *s, uint32_t flags, uint64_t iova, uint64_t *size)
{
	struct vfio_iommu_type1_dma_unmap cmd = {.argsz = sizeof(cmd),
						 .flags = flags,
						 .iova = iova,
						 .size = *size};
	int rc = st_ioctl(s, VFIO_IOMMU_UNMAP_DMA, &cmd);

	*size = cmd.size;
	return rc;
}

static void unmap_whole(struct st *s, uint64_t iova, uint64_t size)
{
	uint64_t got = size;

	OK(dma_unmap(s, 0, iova, &got));
	ck_assert_uint_eq(got, size);
}

static void shuffle(struct prng *rng, uint64_t *at, unsigned count)
{
	for (unsigned i = count - 1; i; i--) {
		const unsigned j = (unsigned)prng_below(rng, i + 1);
		const uint64_t other = at[j];

		at[j] = at[i];
		at[i] = other;
	}
}

static void map_in_random_order(struct st *s)
{
	struct prng rng = {0x5e1f};
	uint64_t page[ST_PAGES];

	for (unsigned i = 0; i < ST_PAGES; i++)
		page[i] = i * (uint64_t)ST_PAGE;
	for (unsigned round = 0; round < 16; round++) {
		shuffle(&rng, page, ST_PAGES);
		for (unsigned i = 0; i < ST_PAGES; i++)
			OK(dma_map(s, s->buffer + page[i], ST_BASE + page[i], ST_PAGE));
		OK(st_check_map(s, s->hwpt[0], ST_BASE, ST_BYTES, s->buffer));
		shuffle(&rng, page, ST_PAGES);
		for (unsigned i = 0; i < ST_PAGES; i++)
			unmap_whole(s, ST_BASE + page[i], ST_PAGE);
		OK(st_check_refs(s, s->buffer, ST_BYTES, 0));
	}
}

static void map(struct st *s)
{
	uint64_t size = ST_BYTES;

	OK(dma_map(s, s->buffer, ST_BASE, ST_BYTES));
	unmap_whole(s, ST_BASE, ST_BYTES);

	/* ALL takes no range. */
	OK(dma_map(s, s->buffer, ST_BASE, ST_BYTES));
	FAILS(EINVAL, dma_unmap(s, VFIO_DMA_UNMAP_FLAG_ALL, ST_BASE, &size));
	ck_assert_uint_eq(size, ST_BYTES);
	size = 0;
	OK(dma_unmap(s, VFIO_DMA_UNMAP_FLAG_ALL, 0, &size));
	ck_assert_uint_eq(size, ST_BYTES);
	size = ST_BYTES;
	OK(dma_unmap(s, 0, ST_BASE, &size));
	ck_assert_uint_eq(size, 0);

	for (uint64_t len = ST_PAGE; len <= ST_BYTES; len += ST_PAGE) {
		OK(dma_map(s, s->buffer, ST_BASE, len));
		FAILS(EEXIST, dma_map(s, s->buffer, ST_BASE + len - ST_PAGE, ST_PAGE));
		unmap_whole(s, ST_BASE, len);
	}
	map_in_random_order(s);
}

static void huge_map(struct st *s)
{
	const uint64_t len = 2 * ST_HUGE, piece = len / 16;
	const uint64_t va = st_memory(s, len, true);

	OK(dma_map(s, va, ST_BASE, len));
	for (uint64_t at = 0; at < len; at += piece) {
		uint64_t size = piece;

		if (is_v2(s)) {
			FAILS(ENOENT, dma_unmap(s, 0, ST_BASE + at, &size));
			ck_assert_uint_eq(size, 0);
			continue;
		}
		unmap_whole(s, ST_BASE + at, piece);
		/* The rest is still there. */
		if (at + piece < len)
			OK(st_check_map(s, s->hwpt[0], ST_BASE + at + piece, len - at - piece,
					va + at + piece));
	}
	if (is_v2(s))
		unmap_whole(s, ST_BASE, len);
	ck_assert_uint_eq(sio_process_vmpin(s->process), 0);
	OK(sio_mem_unmap(s->process, va, len));
}

static const struct st_case cases[] = {
	{"vfio_compat_mock_domain", "simple_close", simple_close},
	{"vfio_compat_mock_domain", "option_huge_pages", option_huge_pages},
	{"vfio_compat_mock_domain", "get_info", get_info},
	{"vfio_compat_mock_domain", "map", map},
	{"vfio_compat_mock_domain", "huge_map", huge_map},
};

int main(void)
{
	const struct st_program program = {.name = "compat",
					   .cases = cases,
					   .count = SIO_ARRAY_SIZE(cases),
					   .setup = setup};

	return st_main(&program);
}
