// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's iommufd selftest: dirty pages, with bitmaps of half a byte up to 8 KiB and more,
 * that begin anywhere; of small pages and of huge ones.
 *
 * 6.12's domains have half pages throughout, 7.2's are tables in AMD's format, where what is
 * contiguous is one leaf and dirty as a whole. So 7.2 is asked for whole pages, of memory in which
 * no two are neighbours.
 */
#include <stdlib.h>

#include "selftest_rig.h"

/* 6.12: as the hardware sees them; in a huge leaf all half pages are dirty at once. */
#define HUGE_LEAF ((uint64_t)MOCK_HUGE_PAGE_SIZE)

struct variant {
	uint64_t len;
	bool huge;
};

static const struct variant variants[] = {
	{8 << 10, false},   {16 << 10, false},  {64 << 10, false},
	{128 << 10, false}, {320 << 10, false}, {64 << 20, false},
	{64 << 20, true},   {128 << 20, false}, {128 << 20, true},
};

static struct variant now(const struct st *s)
{
	return variants[s->variant];
}

static void setup(struct st *s, const char *fixture)
{
	const bool huge_device = now(s).huge && !s->later;
	struct st_mock mock;

	(void)fixture;
	OK(st_ioas_alloc(s, &s->ioas));
	OK(st_mock_flags(s, s->ioas, huge_device ? MOCK_FLAGS_DEVICE_HUGE_IOVA : 0, &mock));
	s->stdev[0] = mock.stdev;
	s->hwpt[0] = mock.hwpt;
	s->idev[0] = mock.idev;
}

/* 7.2: a domain's page table is chosen with it. */
static int dirty_hwpt(struct st *s, uint32_t idev, uint32_t *id)
{
	struct iommu_hwpt_selftest table = {.pagetable_type = MOCK_IOMMUPT_HUGE};
	struct iommu_hwpt_alloc cmd = {.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				       .dev_id = idev,
				       .pt_id = s->ioas};

	if (now(s).huge && s->later) {
		cmd.data_type = IOMMU_HWPT_DATA_SELFTEST;
		cmd.data_len = sizeof(table);
		cmd.data_uptr = (uintptr_t)&table;
	}
	return st_hwpt_as(s, cmd, id);
}

static int track(struct st *s, uint32_t hwpt, uint32_t flags)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {.size = sizeof(cmd),
						    .flags = flags,
						    .hwpt_id = hwpt};

	return st_ioctl(s, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static void enforce_dirty(struct st *s)
{
	struct st_mock mock;
	uint32_t hwpt, id;

	/* A domain that tracks does not take a device that cannot. */
	OK(dirty_hwpt(s, s->idev[0], &hwpt));
	FAILS(EINVAL, st_mock_flags(s, hwpt, MOCK_FLAGS_DEVICE_NO_DIRTY, &mock));
	OK(st_destroy(s, hwpt));
	OK(st_mock_flags(s, s->ioas, MOCK_FLAGS_DEVICE_NO_DIRTY, &mock));
	FAILS(EOPNOTSUPP, dirty_hwpt(s, mock.idev, &id));
	FAILS(EOPNOTSUPP, track(s, s->hwpt[0], IOMMU_HWPT_DIRTY_TRACKING_ENABLE));
	OK(st_destroy(s, mock.stdev));
	FAILS(EINVAL, st_mock_flags(s, s->ioas, 1u << 31, &mock));
}

static void set_dirty_tracking(struct st *s)
{
	struct st_mock mock;
	uint32_t hwpt;

	OK(dirty_hwpt(s, s->idev[0], &hwpt));
	OK(st_mock(s, hwpt, &mock));
	for (unsigned round = 0; round < 2; round++) {
		OK(track(s, hwpt, IOMMU_HWPT_DIRTY_TRACKING_ENABLE));
		OK(track(s, hwpt, IOMMU_HWPT_DIRTY_TRACKING_ENABLE));
		OK(track(s, hwpt, 0));
		OK(track(s, hwpt, 0));
	}
	FAILS(EOPNOTSUPP, track(s, hwpt, 2));
	FAILS(ENOENT, track(s, s->ioas, 0));
	OK(st_destroy(s, mock.stdev));
	OK(st_destroy(s, hwpt));
}

static uint64_t capabilities(struct st *s, uint32_t idev)
{
	struct iommu_hw_info cmd = {.size = sizeof(cmd), .dev_id = idev};

	OK(st_ioctl(s, IOMMU_GET_HW_INFO, &cmd));
	return cmd.out_capabilities;
}

static void device_dirty_capability(struct st *s)
{
	struct st_mock mock;

	ck_assert_uint_eq(capabilities(s, s->idev[0]) & IOMMU_HW_CAP_DIRTY_TRACKING, 1);
	OK(st_mock_flags(s, s->ioas, MOCK_FLAGS_DEVICE_NO_DIRTY, &mock));
	ck_assert_uint_eq(capabilities(s, mock.idev) & IOMMU_HW_CAP_DIRTY_TRACKING, 0);
	OK(st_destroy(s, mock.stdev));
}

/* ---- bitmaps ---- */

struct look {
	uint32_t hwpt, flags;
	uint64_t page; /* of one bit */
	uint64_t leaf; /* is dirty as a whole */
	size_t bits, bytes;
	uint8_t *want; /* a byte for each bit */
	uint8_t *bitmap;
};

static void get_bitmap(struct st *s, const struct look *look, uint8_t *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = look->hwpt,
		.flags = look->flags,
		.iova = ST_BASE,
		.length = now(s).len,
		.page_size = look->page,
		.data = (uintptr_t)bitmap,
	};

	memset(bitmap, 0, look->bytes);
	bitmap[look->bytes] = 0xa5;
	OK(st_ioctl(s, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd));
	ck_assert_uint_eq(bitmap[look->bytes], 0xa5);
}

/* The device writes to every second page. */
static void write_pages(struct st *s, const struct look *look, uint8_t *bitmap)
{
	const uint64_t per_leaf = look->leaf / look->page;
	struct iommu_test_cmd cmd = {
		.id = look->hwpt,
		.dirty = {.iova = ST_BASE,
			  .length = now(s).len,
			  .page_size = look->page,
			  .uptr = (uintptr_t)bitmap},
	};

	memset(bitmap, 0, look->bytes);
	memset(look->want, 0, look->bits);
	for (size_t i = 0; i < look->bits; i += 2) {
		bitmap[i / 8] |= (uint8_t)(1u << i % 8);
		for (size_t j = i / per_leaf * per_leaf; j < (i / per_leaf + 1) * per_leaf; j++)
			look->want[j] = 1;
	}
	OK(st_test(s, IOMMU_TEST_OP_DIRTY, &cmd));
	ck_assert_uint_eq(cmd.dirty.out_nr_dirty, (look->bits + 1) / 2);
}

static void check_bitmap(const struct look *look, const uint8_t *bitmap, bool clean)
{
	for (size_t i = 0; i < look->bits; i++)
		if ((bitmap[i / 8] >> i % 8 & 1) != (clean ? 0 : look->want[i]))
			ck_abort_msg("bit %zu of %zu", i, look->bits);
}

static void read_and_read_again(struct st *s, const struct look *look, size_t offset)
{
	const bool clear = !(look->flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
	uint8_t *bitmap = look->bitmap + offset;

	write_pages(s, look, bitmap);
	get_bitmap(s, look, bitmap);
	check_bitmap(look, bitmap, false);
	get_bitmap(s, look, bitmap);
	check_bitmap(look, bitmap, clear);
}

/* A tracking domain with the memory in it, and three places for the bitmap. */
static void bitmaps(struct st *s, uint32_t flags)
{
	const struct variant v = now(s);
	struct look look = {.flags = flags, .page = s->later ? ST_PAGE : ST_HALF};
	const uint64_t va = st_memory_as(s, (struct sio_mem){.size = v.len,
							     .kind = SIO_MEM_SHARED,
							     .contiguity = SIO_RUN_4K,
							     .hugetlb = v.huge});
	struct st_mock mock;

	look.leaf = v.huge ? HUGE_LEAF : look.page;
	look.bits = v.len / look.page;
	look.bytes = (look.bits + 7) / 8;
	look.want = malloc(look.bits);
	look.bitmap = malloc(look.bytes + ST_PAGE + 1);
	ck_assert(look.want && look.bitmap);
	OK(st_map_at(s, va, v.len, ST_BASE));
	OK(dirty_hwpt(s, s->idev[0], &look.hwpt));
	OK(st_mock(s, look.hwpt, &mock));
	OK(track(s, look.hwpt, IOMMU_HWPT_DIRTY_TRACKING_ENABLE));

	read_and_read_again(s, &look, 0);
	read_and_read_again(s, &look, ST_HALF);
	read_and_read_again(s, &look, 0xff1);

	OK(st_destroy(s, mock.stdev));
	OK(st_destroy(s, look.hwpt));
	free(look.want);
	free(look.bitmap);
}

static void get_dirty_bitmap(struct st *s)
{
	bitmaps(s, 0);
}

static void get_dirty_bitmap_no_clear(struct st *s)
{
	bitmaps(s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
}

static const struct st_case cases[] = {
	{"iommufd_dirty_tracking", "enforce_dirty", enforce_dirty},
	{"iommufd_dirty_tracking", "set_dirty_tracking", set_dirty_tracking},
	{"iommufd_dirty_tracking", "device_dirty_capability", device_dirty_capability},
	{"iommufd_dirty_tracking", "get_dirty_bitmap", get_dirty_bitmap},
	{"iommufd_dirty_tracking", "get_dirty_bitmap_no_clear", get_dirty_bitmap_no_clear},
};

int main(void)
{
	const struct st_program program = {.name = "dirty",
					   .cases = cases,
					   .count = SIO_ARRAY_SIZE(cases),
					   .setup = setup};

	return st_main(&program);
}
