// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty bitmaps: the recorded session, argument checks, and random sessions against a bit-by-bit
 * account of the kernel's rule (shift in place, OR of the user's word, clear of the mapping's
 * pages).
 */
#include "type1_fake.h"

#include "prng.h"

static struct fake fake;

/* The kernel's structures without their open ends. */
struct dirty_head {
	uint32_t argsz, flags;
};

struct unmap_head {
	uint32_t argsz, flags;
	uint64_t iova, size;
};

struct dirty_arg {
	struct dirty_head head;
	struct vfio_iommu_type1_dirty_bitmap_get get;
};

static void boot(unsigned long type)
{
	fake_boot(&fake);
	fake_open(&fake, type);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
}

static void setup(void)
{
	fake_setup(&fake);
}

static void teardown(void)
{
	fake_teardown(&fake);
}

static long dirty_flags(uint32_t flags)
{
	struct dirty_head head = {.argsz = sizeof(head), .flags = flags};

	return t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_DIRTY_PAGES, (uintptr_t)&head);
}

static long dirty_get(uint64_t iova, uint64_t size, uint64_t pgsize, void *data, uint64_t bytes)
{
	struct dirty_arg arg = {
		.head = {.argsz = sizeof(arg), .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP},
		.get = {.iova = iova,
			.size = size,
			.bitmap = {.pgsize = pgsize, .size = bytes, .data = data}},
	};

	return t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_DIRTY_PAGES, (uintptr_t)&arg);
}

static void expect_bits(uint64_t iova, uint64_t size, uint8_t fill, const char *hex)
{
	uint8_t buf[16] __attribute__((aligned(8)));
	char text[33] = "";
	size_t bytes = strlen(hex) / 2;

	memset(buf, fill, sizeof(buf));
	ck_assert_int_eq(dirty_get(iova, size, 4096, buf, bytes), 0);
	for (size_t i = 0; i < bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", buf[i]);
	ck_assert_str_eq(text, hex);
	fake_check(&fake);
}

START_TEST(reports_are_those_recorded)
{
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(dirty_flags(1), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x100000, 0x3000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x103000, 0x1000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x110000, 0x5000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x13f000, 0x2000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x200000, 0x100000, FAKE_RW), 0);
	expect_bits(0x100000, 0x41000, 0, "0f001f00000000800100000000000000");
	expect_bits(0x100000, 0x41000, 0xff, "7f001f001f00008007800f00000000c0");
	expect_bits(0xff000, 0x42000, 0xff, "ffffffffffffffff7f001f001f000080");
	ck_assert_int_eq(dirty_get(0x101000, 0x3000, 4096, &fake, 8), -EINVAL);
	ck_assert_int_eq(dirty_get(0x100000, 0x2000, 4096, &fake, 8), -EINVAL);
	expect_bits(0x105000, 0x8000, 0x77, "7777777777777777");
}
END_TEST

START_TEST(arguments_are_checked)
{
	uint64_t bits[2];
	struct dirty_head head = {.argsz = sizeof(head) + 39, .flags = 4};

	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x100000, 0x3000, FAKE_RW), 0);
	ck_assert_int_eq(dirty_flags(0), -EINVAL);
	ck_assert_int_eq(dirty_flags(3), -EINVAL);
	ck_assert_int_eq(dirty_flags(8), -EINVAL);
	ck_assert_int_eq(dirty_flags(2), 0);
	ck_assert_int_eq(dirty_get(0x100000, 0x3000, 4096, bits, 8), -EINVAL);
	ck_assert_int_eq(dirty_flags(1), 0);
	ck_assert_int_eq(dirty_flags(1), 0);
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_DIRTY_PAGES, (uintptr_t)&head),
			 -EINVAL);
	ck_assert_int_eq(dirty_get(0x100000, 0x3000, 4096, bits, 7), -EINVAL);
	ck_assert_int_eq(dirty_get(0x100000, 0x3000, 4096, bits, 0), -EINVAL);
	ck_assert_int_eq(dirty_get(0x100000, 0x3000, 4096, bits, (1u << 28) + 8), -EINVAL);
	ck_assert_int_eq(dirty_get(0x100000, 0x3000, 0, bits, 8), -EINVAL);
	ck_assert_int_eq(dirty_get(0x100000, 0x3000, 8192, bits, 8), -EINVAL);
	ck_assert_int_eq(dirty_get(0x100800, 0x3000, 4096, bits, 8), -EINVAL);
	ck_assert_int_eq(dirty_get(0x100000, 0x3001, 4096, bits, 8), -EINVAL);
	ck_assert_int_eq(dirty_get(0x100000, 0x3000, 4096, NULL, 8), -EFAULT);
	ck_assert_int_eq(dirty_get(0x100000, 0x3000, 4096, (void *)(uintptr_t)0xffff888000000000,
				   8),
			 -EINVAL);
	/* A range that ends at 2^64 is refused before anything else is looked at. */
	ck_assert_int_eq(dirty_get(0xfffffffffffff000, 0x1000, 4096, bits, 8), -EINVAL);
	fake.personality.eoverflow = true;
	ck_assert_int_eq(dirty_get(0xfffffffffffff000, 0x1000, 4096, bits, 8), 0);
	ck_assert_int_eq(dirty_get(0xfffffffffffff000, 0x2000, 4096, bits, 8), -EOVERFLOW);
	ck_assert_int_eq(dirty_get(0x100000, 0x3000, 4096, bits, 8), 0);
	ck_assert_uint_eq(bits[0], 7);
	fake_check(&fake);
}
END_TEST

START_TEST(v1_has_no_dirty_tracking)
{
	boot(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(dirty_flags(1), -EACCES);
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_DIRTY_PAGES, 0), -EACCES);
}
END_TEST

START_TEST(too_many_pages_for_a_bitmap_are_refused)
{
	fake_boot(&fake);
	fake_open(&fake, VFIO_TYPE1v2_IOMMU);
	/* 2^31 pages, without a domain so that none is touched. */
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0, SIO_BIT(43), FAKE_RW), 0);
	ck_assert_int_eq(dirty_flags(1), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0, 2), (long)SIO_BIT(43));
	ck_assert_int_eq(dirty_flags(1), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0, SIO_BIT(43), FAKE_RW), -EINVAL);
	ck_assert_uint_eq(fake.t1->dma_avail, 65535);
	fake_check(&fake);
}
END_TEST

START_TEST(a_detached_group_may_have_written_everything)
{
	uint64_t bits = 0;

	fake.units[1].enforce = true;
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	ck_assert_int_eq(dirty_flags(1), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x100000, 0x5000, FAKE_RW), 0);
	fake_detach_group(&fake, 1);
	ck_assert_uint_eq(t1_lowest(fake.t1)->bitmap[0], 0x1f);
	ck_assert_int_eq(dirty_get(0x100000, 0x5000, 4096, &bits, 8), 0);
	ck_assert_uint_eq(bits, 0x1f);
	fake_check(&fake);
}
END_TEST

START_TEST(unmap_reports_before_it_removes)
{
	char why[INJECT_ERROR_LEN];
	uint64_t bits[2] = {0};
	struct {
		struct unmap_head head;
		struct vfio_bitmap bitmap;
	} arg = {
		.head = {.argsz = sizeof(arg), .flags = 1, .iova = 0xff000, .size = 0x50000},
		.bitmap = {.pgsize = 4096, .size = sizeof(bits), .data = (void *)bits},
	};

	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(dirty_flags(1), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x100000, 0x3000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x103000, 0x2000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, 0x140000, 0x2000, FAKE_RW), 0);
	memset(bits, 0xcc, sizeof(bits));
	/* The second mapping's answer cannot be delivered: the first is gone all the same. */
	ck_assert_int_eq(inject_plan(&fake.iommu.inject, "copy-out:nth=2", why), 0);
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&arg),
			 -EFAULT);
	fail_plan_clear(&fake.iommu.inject);
	ck_assert_uint_eq(arg.head.size, 0x50000);
	ck_assert_uint_eq(fake.t1->mapping_count, 2);
	fake_check(&fake);
	memset(bits, 0xcc, sizeof(bits));
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&arg), 0);
	ck_assert_uint_eq(arg.head.size, 0x4000);
	ck_assert_uint_eq(bits[0] & 0xff, 0xfc);
	ck_assert_uint_eq(bits[1] & 0xff, 0xce);
	fake_check(&fake);
}
END_TEST

/* ---- random sessions ---- */

#define MAPS       6u
#define MODEL_BITS 1024u

struct model_map {
	uint64_t iova, pages, words; /* words: of the stored bitmap */
	bool bit[MODEL_BITS];
};

static bool get_bit(const uint8_t *bytes, uint64_t bit)
{
	return bytes[bit / 8] >> bit % 8 & 1;
}

static void put_bit(uint8_t *bytes, uint64_t bit, bool value)
{
	bytes[bit / 8] =
		(uint8_t)((bytes[bit / 8] & ~(1u << bit % 8)) | (unsigned)value << bit % 8);
}

/* What one mapping does to its own bits and to the user's buffer, one bit at a time. */
static void model_report(struct model_map *map, uint64_t base, uint8_t *user, bool all_dirty)
{
	uint64_t first = (map->iova - base) / 4096, word = first / 64 * 64, k = first % 64;
	uint64_t shown = (k + map->pages + 63) / 64 * 64;

	if (all_dirty)
		memset(map->bit, true, map->pages * sizeof(bool));
	if (k) {
		for (uint64_t i = shown; i-- > 0;)
			map->bit[i] = i >= k && map->bit[i - k];
		for (uint64_t i = 0; i < 64; i++)
			map->bit[i] |= get_bit(user, word + i);
	}
	for (uint64_t i = 0; i < shown; i++)
		put_bit(user, word + i, map->bit[i]);
	memset(map->bit, false, map->pages * sizeof(bool));
}

START_TEST(reports_agree_with_a_bit_by_bit_account)
{
	struct prng rng = {.state = (uint64_t)_i};
	static struct model_map map[MAPS];
	static uint8_t user[256], expected[256];
	uint64_t iova = 0x100000;

	fake_setup(&fake);
	boot(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(dirty_flags(1), 0);
	for (unsigned i = 0; i < MAPS; i++) {
		iova += prng_below(&rng, 70) * 4096;
		map[i] = (struct model_map){.iova = iova, .pages = 1 + prng_below(&rng, 150)};
		ck_assert_int_eq(fake_map(&fake, 0x20000000, iova, map[i].pages * 4096, FAKE_RW),
				 0);
		iova += map[i].pages * 4096;
	}
	for (unsigned step = 0; step < 40; step++) {
		unsigned from = (unsigned)prng_below(&rng, MAPS);
		unsigned to = from + (unsigned)prng_below(&rng, MAPS - from);
		uint64_t below = from ? map[from - 1].iova + map[from - 1].pages * 4096 : 0x80000;
		uint64_t room = (map[from].iova - below) / 4096;
		uint64_t base = map[from].iova - prng_below(&rng, room + 1) * 4096;
		uint64_t size = map[to].iova + map[to].pages * 4096 - base;
		/* Sometimes no group is left that cannot tell, as when all had pinned pages. */
		bool all_dirty = prng_below(&rng, 3) != 0;

		for (unsigned i = 0; i < sizeof(user); i++)
			user[i] = expected[i] = (uint8_t)prng_next(&rng);
		fake.t1->untracked_groups = all_dirty;
		ck_assert_int_eq(dirty_get(base, size, 4096, user, sizeof(user)), 0);
		fake.t1->untracked_groups = 1;
		for (unsigned i = from; i <= to; i++)
			model_report(&map[i], base, expected, all_dirty);
		ck_assert_msg(!memcmp(user, expected, sizeof(user)), "seed %d, step %u", _i, step);
	}
	fake_check(&fake);
	fake_teardown(&fake);
}
END_TEST

/* ---- GET_INFO ---- */

START_TEST(the_capability_chain_is_that_of_6_12)
{
	uint8_t buf[256];
	uint32_t *words = (uint32_t *)(void *)buf;
	uint64_t *quads = (uint64_t *)(void *)buf;
	static const uint8_t migration[24] = {2, 0, 1, 0, 56};

	boot(VFIO_TYPE1v2_IOMMU);
	memset(buf, 0xee, sizeof(buf));
	words[0] = 119;
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_GET_INFO, (uintptr_t)buf), 0);
	ck_assert_uint_eq(words[0], 120);
	ck_assert_uint_eq(words[4], 0);
	ck_assert_uint_eq(buf[24], 0xee);
	memset(buf, 0xee, sizeof(buf));
	words[0] = 17;
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_GET_INFO, (uintptr_t)buf), 0);
	ck_assert_uint_eq(words[0], 120);
	ck_assert_uint_eq(words[4], 0xeeeeee00);
	words[0] = 120;
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_GET_INFO, (uintptr_t)buf), 0);
	ck_assert_uint_eq(words[0], 120);
	ck_assert_uint_eq(words[1], 3);
	ck_assert_uint_eq(quads[1], 0x201000);
	ck_assert_uint_eq(words[4], 24);
	ck_assert_mem_eq(buf + 24, migration, 16);
	ck_assert_uint_eq(quads[5], 0x1000);
	ck_assert_uint_eq(quads[6], 0x10000000);
	/* DMA_AVAIL at 56, IOVA_RANGE at 72. */
	ck_assert_uint_eq(words[14], 0x10003);
	ck_assert_uint_eq(words[15], 72);
	ck_assert_uint_eq(words[16], 65535);
	ck_assert_uint_eq(words[17], 0);
	ck_assert_uint_eq(words[18], 0x10001);
	ck_assert_uint_eq(words[19], 0);
	ck_assert_uint_eq(words[20], 2);
	ck_assert_uint_eq(quads[11], 0);
	ck_assert_uint_eq(quads[12], 0xfedfffff);
	ck_assert_uint_eq(quads[13], 0xfef00000);
	ck_assert_uint_eq(quads[14], SIO_MASK(38, 0));
	ck_assert_uint_eq(buf[120], 0xee);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("type1 dirty pages and info");
	TCase *dirty = tcase_create("dirty"), *loops = tcase_create("random");

	tcase_add_checked_fixture(dirty, setup, teardown);
	tcase_add_test(dirty, reports_are_those_recorded);
	tcase_add_test(dirty, arguments_are_checked);
	tcase_add_test(dirty, v1_has_no_dirty_tracking);
	tcase_add_test(dirty, too_many_pages_for_a_bitmap_are_refused);
	tcase_add_test(dirty, a_detached_group_may_have_written_everything);
	tcase_add_test(dirty, unmap_reports_before_it_removes);
	tcase_add_test(dirty, the_capability_chain_is_that_of_6_12);
	suite_add_tcase(suite, dirty);
	tcase_add_loop_test(loops, reports_agree_with_a_bit_by_bit_account, 1, 40);
	suite_add_tcase(suite, loops);
	return run_suite(suite);
}
