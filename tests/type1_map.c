// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_DMA and UNMAP_DMA of a type1 container: order of checks, order of work, limits, rollback.
 */
#include "type1_fake.h"

static struct fake fake;

static void setup(void)
{
	fake_setup(&fake);
}

static void setup_one(void)
{
	fake_setup(&fake);
	fake_boot(&fake);
	fake_open(&fake, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
}

static void teardown(void)
{
	fake_teardown(&fake);
}

/* Two groups that cannot share a domain: the second unit enforces coherency. */
static void boot_two_domains(unsigned long type)
{
	fake.units[1].enforce = true;
	fake_boot(&fake);
	fake_open(&fake, type);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	ck_assert_uint_eq(fake.t1->domain_count, 2);
}

static void expect_log(const char *format, ...)
{
	char expected[FAKE_LOG_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	ck_assert_str_eq(fake.log, expected);
	fake.log[0] = '\0';
}

START_TEST(pages_are_released_after_the_last_invalidation)
{
	unsigned head, tail;

	boot_two_domains(VFIO_TYPE1v2_IOMMU);
	/* The newest domain is the first of the list. */
	head = fake.t1->domain[0]->domain->id;
	tail = fake.t1->domain[1]->domain->id;
	ck_assert_uint_gt(head, tail);
	fake.logging = true;
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x200000, 0x3000, FAKE_RW), 0);
	expect_log("map%u 200000+3 map%u 200000+3 ", head, tail);
	ck_assert_int_eq(fake_unmap(&fake, 0x200000, 0x3000, 0), 0x3000);
	expect_log("unmap%u 200000+3 sync%u unmap%u 200000+3 sync%u unpin+3 ", tail, tail, head,
		   head);
	fake_check(&fake);
}
END_TEST

START_TEST(scattered_pages_are_invalidated_512_at_a_time)
{
	unsigned id;

	setup_one();
	id = fake.t1->domain[0]->domain->id;
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_4K), 0x400000, 1000 * SIO_PAGE_SIZE,
				  FAKE_RW),
			 0);
	fake_check(&fake);
	fake.logging = true;
	ck_assert_int_eq(fake_unmap(&fake, 0x400000, 1000 * SIO_PAGE_SIZE, 0), 1000 * 4096);
	ck_assert_msg(strstr(fake.log, "unpin"), "%s", fake.log);
	/* However the frames lie, there are two rounds: 512 runs and 488 runs. */
	{
		char sync[16], *at = fake.log;
		unsigned rounds = 0;

		snprintf(sync, sizeof(sync), "sync%u ", id);
		while ((at = strstr(at, sync))) {
			rounds++;
			at++;
		}
		ck_assert_uint_eq(rounds, 2);
	}
	fake_check(&fake);
}
END_TEST

START_TEST(a_failing_domain_takes_the_chunk_out_of_the_earlier_ones)
{
	char why[INJECT_ERROR_LEN];

	boot_two_domains(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(inject_plan(&fake.iommu.inject, "iommu.map:nth=2", why), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0, 0x5000, FAKE_RW), -ENOMEM);
	ck_assert_int_eq(inject_plan(&fake.iommu.inject, "", why), 0);
	ck_assert_uint_eq(fake.t1->mapping_count, 0);
	ck_assert_uint_eq(fake.t1->dma_avail, 65535);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	ck_assert_uint_eq(phys_pins_total(fake.phys), 0);
	fake_check(&fake);
}
END_TEST

static const struct {
	uint64_t vaddr, iova, size;
	uint32_t flags;
	long rc;
} map_cases[] = {
	{0x20000000, 0x100000, 0x1000, 8, -EINVAL},
	{0x20000000, 0x100000, 0x1000, 0, -EINVAL},
	{0x20000000, 0x100000, 0x1000, 5, -EINVAL},
	{0x20000000, 0x100000, 0, 3, -EINVAL},
	{0x20000000, 0x100000, 0x1001, 3, -EINVAL},
	{0x20000000, 0x100800, 0x1000, 3, -EINVAL},
	{0x20000001, 0x100000, 0x1000, 3, -EINVAL},
	{0x20000000, 0xfffffffffffff000, 0x2000, 3, -EINVAL},
	{0xfffffffffffff000, 0x100000, 0x2000, 3, -EINVAL},
	/* VADDR: no such mapping, then not invalidated, then another size. */
	{0x20000000, 0x900000, 0x1000, 4, -ENOENT},
	{0x20000000, 0x10000, 0x4000, 4, -EINVAL},
	{0x20000000, 0x10000, 0x1000, 4, -EINVAL},
	/* Overlaps at either end, inside and around. */
	{0x20000000, 0x13000, 0x1000, 3, -EEXIST},
	{0x20000000, 0xf000, 0x2000, 3, -EEXIST},
	{0x20000000, 0x0, 0x100000, 3, -EEXIST},
	{0x20000000, 0xf000, 0x1000, 3, 0},
	{0x20000000, 0x14000, 0x1000, 1, 0},
	{0x20000000, 0x15000, 0x1000, 2, 0},
	/* The MSI window, and beyond the aperture. */
	{0x20000000, 0xfee00000, 0x1000, 3, -EINVAL},
	{0x20000000, 0xfedff000, 0x2000, 3, -EINVAL},
	{0x20000000, 0x8000000000, 0x1000, 3, -EINVAL},
	{0x20000000, 0xfffffffffffff000, 0x1000, 3, -EINVAL},
	/* No memory there. */
	{0x1000, 0x100000, 0x1000, 3, -EFAULT},
	{0x11fff000, 0x100000, 0x2000, 3, -EFAULT},
};

START_TEST(map_answers_as_the_kernel)
{
	setup_one();
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x10000, 0x4000, FAKE_RW), 0);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(map_cases); i++) {
		long rc = fake_map(&fake, map_cases[i].vaddr, map_cases[i].iova, map_cases[i].size,
				   map_cases[i].flags);

		ck_assert_msg(rc == map_cases[i].rc, "case %u answers %ld", i, rc);
		fake_check(&fake);
	}
}
END_TEST

START_TEST(short_structures_are_refused)
{
	uint32_t words[8] = {31, 3};

	setup_one();
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_MAP_DMA, (uintptr_t)words),
			 -EINVAL);
	words[0] = 23;
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)words),
			 -EINVAL);
	words[0] = 15;
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_GET_INFO, (uintptr_t)words),
			 -EINVAL);
	words[0] = 7;
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_DIRTY_PAGES, (uintptr_t)words),
			 -EINVAL);
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_MAP_DMA, 0x1000), -EFAULT);
	ck_assert_int_eq(t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_ENABLE, 0), -ENOTTY);
}
END_TEST

/* Every contiguity policy: a limit of n pages takes n pages and not one more. */
START_TEST(the_limit_counts_pages_however_they_lie)
{
	uint64_t va = fake_va((enum mm_contiguity)_i);
	struct task *task;

	setup_one();
	task = fake.caller.task;
	task->cap_ipc_lock = false;
	task->rlimit_memlock = 700 * SIO_PAGE_SIZE + 0xfff;
	ck_assert_int_eq(fake_map(&fake, va, 0, 701 * SIO_PAGE_SIZE, FAKE_RW), -ENOMEM);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	fake_check(&fake);
	ck_assert_int_eq(fake_map(&fake, va, 0, 700 * SIO_PAGE_SIZE, FAKE_RW), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 700);
	ck_assert_int_eq(fake_map(&fake, va, 0x1000000, SIO_PAGE_SIZE, FAKE_RW), -ENOMEM);
	/* A limit lowered later takes nothing away, and unmap always works. */
	task->rlimit_memlock = 0;
	fake_check(&fake);
	ck_assert_int_eq(fake_unmap(&fake, 0, 700 * SIO_PAGE_SIZE, 0), 700 * 4096);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	ck_assert_int_eq(fake_map(&fake, va, 0, SIO_PAGE_SIZE, FAKE_RW), -ENOMEM);
	/* The capability skips the test; the charge is added all the same. */
	task->cap_ipc_lock = true;
	ck_assert_int_eq(fake_map(&fake, va, 0, 9 * SIO_PAGE_SIZE, FAKE_RW), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 9);
	fake_check(&fake);
}
END_TEST

START_TEST(a_hole_behind_the_limit_is_not_reached)
{
	struct task *task;
	uint64_t end = fake_va(MM_RUN_4K) + FAKE_VA_PAGES * SIO_PAGE_SIZE;

	setup_one();
	task = fake.caller.task;
	task->cap_ipc_lock = false;
	/* Six pages before the hole. */
	task->rlimit_memlock = 5 * SIO_PAGE_SIZE;
	ck_assert_int_eq(fake_map(&fake, end - 6 * SIO_PAGE_SIZE, 0, 0x10000, FAKE_RW), -ENOMEM);
	task->rlimit_memlock = 6 * SIO_PAGE_SIZE;
	ck_assert_int_eq(fake_map(&fake, end - 6 * SIO_PAGE_SIZE, 0, 0x10000, FAKE_RW), -EFAULT);
	ck_assert_uint_eq(phys_pins_total(fake.phys), 0);
	fake_check(&fake);
}
END_TEST

START_TEST(without_huge_pages_every_chunk_is_a_page)
{
	fake.params.disable_hugepages = true;
	fake_boot(&fake);
	fake_open(&fake, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	fake.logging = true;
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x1000, 0x2000, FAKE_RW), 0);
	expect_log("map%u 1000+1 map%u 2000+1 ", fake.t1->domain[0]->domain->id,
		   fake.t1->domain[0]->domain->id);
	fake_check(&fake);
}
END_TEST

START_TEST(a_chunk_goes_on_over_several_batches)
{
	unsigned id;

	setup_one();
	id = fake.t1->domain[0]->domain->id;
	fake.mm->pin_most = 3;
	fake.logging = true;
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x400000, 0x20000, FAKE_RW), 0);
	expect_log("map%u 400000+32 ", id);
	fake_check(&fake);
}
END_TEST

/* Device memory is mapped page for page, but neither referenced nor charged. */
START_TEST(device_memory_costs_nothing)
{
	const struct mm_map_req bar = {
		.va = fake_va(MM_RUN_2M) + FAKE_VA_PAGES * SIO_PAGE_SIZE,
		.len = 0x8000,
		.prot = MM_READ | MM_WRITE,
		.kind = MM_PFN,
		.pfn_pa = PHYS_HOLE_FIRST,
	};
	struct task *task;

	setup_one();
	task = fake.caller.task;
	task->cap_ipc_lock = false;
	task->rlimit_memlock = 2 * SIO_PAGE_SIZE;
	ck_assert_int_eq(mm_sim_map(fake.mm->inner, &bar), 0);
	ck_assert_int_eq(fake_map(&fake, bar.va - 0x2000, 0x10000, 0xa000, FAKE_RW), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 2);
	ck_assert_uint_eq(phys_pins_total(fake.phys), 2);
	fake_check(&fake);
	ck_assert_int_eq(fake_map(&fake, bar.va, 0x20000, 0x8000, FAKE_RW), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 2);
	fake_check(&fake);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0x100000, 0), 0x12000);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	fake_check(&fake);
}
END_TEST

static const struct {
	struct pin_run run;
	uint64_t pages;
	bool ram;
} split_cases[] = {
	{{.pa = 0, .pages = 9, .step = 4096}, 9, true},
	{{.pa = PHYS_HOLE_FIRST - 0x2000, .pages = 9, .step = 4096}, 2, true},
	{{.pa = PHYS_HOLE_FIRST, .pages = 9, .step = 4096}, 9, false},
	{{.pa = PHYS_HOLE_LAST - 0x1fff, .pages = 9, .step = 4096}, 2, false},
	{{.pa = PHYS_HOLE_LAST + 1, .pages = 9, .step = 4096}, 9, true},
	{{.pa = PHYS_HOLE_LAST + 0x1001, .pages = 9, .step = -4096}, 2, true},
	{{.pa = PHYS_HOLE_FIRST + 0x1000, .pages = 9, .step = -4096}, 2, false},
	{{.pa = PHYS_HOLE_FIRST - 0x1000, .pages = 9, .step = -4096}, 9, true},
	{{.pa = (UINT64_C(5) << 30) - 0x1000, .pages = 9, .step = 4096}, 1, true},
	{{.pa = UINT64_C(5) << 30, .pages = 9, .step = 4096}, 9, false},
	{{.pa = UINT64_C(5) << 30, .pages = 9, .step = -4096}, 1, false},
};

START_TEST(runs_are_cut_at_the_borders_of_memory)
{
	struct phys_cfg cfg = {.ram_bytes = UINT64_C(5) << 30};
	struct phys *phys = phys_create(&cfg);

	ck_assert_ptr_nonnull(phys);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(split_cases); i++) {
		bool ram;
		uint64_t pages = t1_run_split(phys, &split_cases[i].run, &ram);

		ck_assert_msg(pages == split_cases[i].pages && ram == split_cases[i].ram,
			      "case %u: %llu pages", i, (unsigned long long)pages);
	}
	phys_destroy(phys);
}
END_TEST

START_TEST(a_page_is_charged_for_each_mapping_that_holds_it)
{
	setup_one();
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0, 0x4000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x8000, 0x4000, FAKE_RW), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 8);
	ck_assert_uint_eq(t1_charged_pages(fake.t1, &fake.mm->mm), 8);
	fake_check(&fake);
}
END_TEST

START_TEST(entries_are_limited_by_the_parameter_at_open)
{
	fake.params.dma_entry_limit = 2;
	fake_boot(&fake);
	fake_open(&fake, VFIO_TYPE1v2_IOMMU);
	fake.params.dma_entry_limit = 9;
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0, 0x1000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x1000, 0x1000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x1000, 0x1000, FAKE_RW), -EEXIST);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0xfee00000, 0x1000, FAKE_RW), -ENOSPC);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0x1000, 0), 0x1000);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x2000, 0x1000, FAKE_RW), 0);
	fake_check(&fake);
}
END_TEST

/* ---- unmap ---- */

static void three_mappings(unsigned long type)
{
	fake_boot(&fake);
	fake_open(&fake, type);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x10000, 0x4000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_4K), 0x14000, 0x4000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x20000, 0x4000, FAKE_RW), 0);
}

START_TEST(v2_refuses_to_cut_a_mapping)
{
	three_mappings(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_unmap(&fake, 0x11000, 0x1000, 0), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0x1000, 0), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0x11000, 0x3000, 0), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0x5000, 0), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0xf000, 0x1000, 0), 0);
	ck_assert_uint_eq(fake.t1->mapping_count, 3);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0x1f000, 0), 0x8000);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0x100000, 0), 0x4000);
	fake_check(&fake);
}
END_TEST

START_TEST(v1_removes_whole_mappings_that_start_in_the_range)
{
	three_mappings(VFIO_TYPE1_IOMMU);
	/* It starts inside a mapping: nothing goes, not even what follows. */
	ck_assert_int_eq(fake_unmap(&fake, 0x11000, 0x20000, 0), 0);
	ck_assert_uint_eq(fake.t1->mapping_count, 3);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0x5000, 0), 0x8000);
	ck_assert_uint_eq(fake.t1->mapping_count, 1);
	ck_assert_int_eq(fake_unmap(&fake, 0x1f000, 0x2000, 0), 0x4000);
	fake_check(&fake);
}
END_TEST

START_TEST(unmap_checks_its_range_in_order)
{
	three_mappings(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0x4000, 8), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0x10800, 0x4000, 0), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0, 0), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0x800, 0), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, UINT64_MAX & ~UINT64_C(0xfff), 0), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0, VFIO_DMA_UNMAP_FLAG_ALL), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0x1000, VFIO_DMA_UNMAP_FLAG_ALL), -EINVAL);
	/* A range that ends at 2^64 removes nothing, and says so with success. */
	ck_assert_int_eq(fake_unmap(&fake, 0x1000, UINT64_C(0) - 0x1000, 0), 0);
	ck_assert_uint_eq(fake.t1->mapping_count, 3);
	ck_assert_int_eq(fake_unmap(&fake, 0, UINT64_C(0) - 0x1000, 0), 0xc000);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0);
	fake_check(&fake);
}
END_TEST

START_TEST(all_means_all)
{
	three_mappings(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0xc000);
	ck_assert_uint_eq(fake.t1->mapping_count, 0);
	fake_check(&fake);
}
END_TEST

START_TEST(the_corrected_kernel_tells_overflow_from_nonsense)
{
	fake.personality.eoverflow = true;
	fake.personality.last_page_works = true;
	three_mappings(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, UINT64_C(0) - 0x1000, 0x2000, FAKE_RW),
			 -EOVERFLOW);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, UINT64_C(0) - 0x1000, 0x2000, 0), -EOVERFLOW);
	ck_assert_int_eq(fake_map(&fake, 0x20000000, UINT64_C(0) - 0x1000, 0, 0), -EINVAL);
	ck_assert_int_eq(fake_unmap(&fake, UINT64_C(0) - 0x1000, 0x2000, 0), -EOVERFLOW);
	ck_assert_int_eq(fake_unmap(&fake, 0x1000, UINT64_C(0) - 0x1000, 0), 0xc000);
	fake_check(&fake);
}
END_TEST

/* ---- VADDR ---- */

START_TEST(an_invalidated_mapping_stays_mapped_and_blocks_attach)
{
	three_mappings(VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0x8000, VFIO_DMA_UNMAP_FLAG_VADDR), 0x8000);
	fake_check(&fake);
	ck_assert_int_eq(fake_attach_group(&fake, 1), -EBUSY);
	/* A second time: every mark of that call is undone, older ones stay. */
	ck_assert_int_eq(fake_unmap(&fake, 0x14000, 0x10000, VFIO_DMA_UNMAP_FLAG_VADDR), -EINVAL);
	ck_assert_uint_eq(fake.t1->invalid_count, 2);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0,
				    VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL),
			 -EINVAL);
	ck_assert_uint_eq(fake.t1->invalid_count, 2);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_4K), 0x10000, 0x4000,
				  VFIO_DMA_MAP_FLAG_VADDR),
			 0);
	/* The first mapping is marked, the second one refuses, and the mark is taken back. */
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0x8000, VFIO_DMA_UNMAP_FLAG_VADDR), -EINVAL);
	ck_assert_uint_eq(fake.t1->invalid_count, 1);
	fake_check(&fake);
	ck_assert_int_eq(fake_unmap(&fake, 0x14000, 0x4000, 0), 0x4000);
	ck_assert_uint_eq(fake.t1->invalid_count, 0);
	ck_assert_int_eq(fake_attach_group(&fake, 1), 0);
	fake_check(&fake);
}
END_TEST

START_TEST(a_new_address_from_another_process_moves_the_charge)
{
	struct task *parent, *child;
	struct spy_mm *spy;

	three_mappings(VFIO_TYPE1v2_IOMMU);
	parent = fake.caller.task;
	child = fake_task_create(&fake, &spy);
	fake_task_memory(spy);
	child->cap_ipc_lock = false;
	child->rlimit_memlock = 3 * SIO_PAGE_SIZE;
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0x4000, VFIO_DMA_UNMAP_FLAG_VADDR), 0x4000);
	fake.caller.task = child;
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x10000, 0x4000, 4), -ENOMEM);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 12);
	child->rlimit_memlock = 4 * SIO_PAGE_SIZE;
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x10000, 0x4000, 4), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 8);
	ck_assert_uint_eq(spy->mm.locked_pages, 4);
	ck_assert_uint_eq(t1_charged_pages(fake.t1, &spy->mm), 4);
	fake_check(&fake);
	/* The new owner ends: nobody is charged any more, and unmap un-charges nobody. */
	fake.caller.task = parent;
	mm_get(&spy->mm);
	fake_task_exit(child, spy);
	fake_check(&fake);
	ck_assert_int_eq(fake_unmap(&fake, 0x10000, 0x4000, 0), 0x4000);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 8);
	ck_assert_uint_eq(spy->mm.locked_pages, 4);
	mm_put(&spy->mm);
	fake_check(&fake);
}
END_TEST

/* ---- leaves larger than a page ---- */

START_TEST(a_unit_that_unmaps_whole_leaves_is_found_out)
{
	fake.units[0].greedy = true;
	fake.units[0].pgsizes = SIO_MASK(30, 12);
	fake_boot(&fake);
	fake_open(&fake, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert(fake.t1->domain[0]->fgsp);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_2M), 0x400000, 0x403000, FAKE_RW), 0);
	ck_assert_int_eq(fake_map(&fake, fake_va(MM_RUN_4K), 0x900000, 0x403000, FAKE_RW), 0);
	fake_check(&fake);
	ck_assert_int_eq(fake_unmap(&fake, 0, 0x2000000, 0), 0x806000);
	ck_assert_uint_eq(phys_pins_total(fake.phys), 0);
	ck_assert_uint_eq(fake.mm->mm.locked_pages, 0);
	fake_check(&fake);
}
END_TEST

START_TEST(the_probe_leaves_nothing_behind)
{
	fake_boot(&fake);
	fake_open(&fake, VFIO_TYPE1v2_IOMMU);
	fake.logging = true;
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	ck_assert(!fake.t1->domain[0]->fgsp);
	expect_log("map%u 0+2 unmap%u 0+1 sync%u unmap%u 1000+1 sync%u ",
		   fake.t1->domain[0]->domain->id, fake.t1->domain[0]->domain->id,
		   fake.t1->domain[0]->domain->id, fake.t1->domain[0]->domain->id,
		   fake.t1->domain[0]->domain->id);
	fake_check(&fake);
}
END_TEST

/* ---- every failure point once ---- */

static void scenario(void)
{
	static uint64_t bits[64];
	struct {
		uint32_t argsz, flags;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} dirty = {.argsz = sizeof(dirty), .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START};

	fake_attach_group(&fake, 0);
	fake_map(&fake, fake_va(MM_RUN_SEEDED), 0x1000, 0x9000, FAKE_RW);
	fake_map(&fake, fake_va(MM_RUN_4K), 0x200000, 0x204000, FAKE_RW);
	fake_attach_group(&fake, 1);
	fake_map(&fake, fake_va(MM_RUN_SEEDED), 0x600000, 0x50000, FAKE_RW);
	t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_DIRTY_PAGES, (uintptr_t)&dirty);
	fake_map(&fake, fake_va(MM_RUN_2M), 0x800000, 0x200000, 1);
	dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	dirty.get.size = 0x10000;
	dirty.get.bitmap.pgsize = 4096;
	dirty.get.bitmap.size = sizeof(bits);
	dirty.get.bitmap.data = (void *)bits;
	t1_ioctl(fake.t1, &fake.caller, VFIO_IOMMU_DIRTY_PAGES, (uintptr_t)&dirty);
	fake_unmap(&fake, 0x200000, 0x204000, 0);
	fake_attach_group(&fake, 2);
	fake_detach_group(&fake, 0);
	fake_unmap(&fake, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}

/* Fail the n-th pass of each point, for every n that the scenario reaches. */
START_TEST(every_failure_leaves_a_sound_container)
{
	for (unsigned nth = 1;; nth++) {
		char plan[40], why[INJECT_ERROR_LEN];
		uint64_t reached;

		fake_setup(&fake);
		fake.units[1].enforce = true;
		fake_boot(&fake);
		fake_open(&fake, VFIO_TYPE1v2_IOMMU);
		snprintf(plan, sizeof(plan), "%s:nth=%u", fail_kind_name((enum fail_kind)_i), nth);
		ck_assert_int_eq(inject_plan(&fake.iommu.inject, plan, why), 0);
		scenario();
		reached = fake.iommu.inject.passages;
		fail_plan_clear(&fake.iommu.inject);
		fake_check(&fake);
		fake_teardown(&fake);
		if (reached < nth)
			break;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("type1 map and unmap");
	TCase *map = tcase_create("map"), *unmap = tcase_create("unmap");
	TCase *fail = tcase_create("fail");

	tcase_add_checked_fixture(map, setup, teardown);
	tcase_add_test(map, pages_are_released_after_the_last_invalidation);
	tcase_add_test(map, a_failing_domain_takes_the_chunk_out_of_the_earlier_ones);
	tcase_add_test(map, without_huge_pages_every_chunk_is_a_page);
	tcase_add_test(map, entries_are_limited_by_the_parameter_at_open);
	tcase_add_test(map, a_unit_that_unmaps_whole_leaves_is_found_out);
	tcase_add_test(map, the_probe_leaves_nothing_behind);
	suite_add_tcase(suite, map);

	tcase_add_checked_fixture(unmap, setup, teardown);
	tcase_add_test(unmap, v2_refuses_to_cut_a_mapping);
	tcase_add_test(unmap, v1_removes_whole_mappings_that_start_in_the_range);
	tcase_add_test(unmap, unmap_checks_its_range_in_order);
	tcase_add_test(unmap, all_means_all);
	tcase_add_test(unmap, the_corrected_kernel_tells_overflow_from_nonsense);
	tcase_add_test(unmap, an_invalidated_mapping_stays_mapped_and_blocks_attach);
	tcase_add_test(unmap, a_new_address_from_another_process_moves_the_charge);
	suite_add_tcase(suite, unmap);

	tcase_add_test(fail, runs_are_cut_at_the_borders_of_memory);
	tcase_add_loop_test(fail, every_failure_leaves_a_sound_container, FAIL_ALLOC, FAIL_BUG);
	suite_add_tcase(suite, fail);

	TCase *limit = tcase_create("limit");

	tcase_add_checked_fixture(limit, NULL, teardown);
	tcase_add_test(limit, map_answers_as_the_kernel);
	tcase_add_test(limit, short_structures_are_refused);
	tcase_add_test(limit, scattered_pages_are_invalidated_512_at_a_time);
	tcase_add_loop_test(limit, the_limit_counts_pages_however_they_lie, MM_RUN_2M,
			    MM_RUN_WHOLE + 1);
	tcase_add_test(limit, a_hole_behind_the_limit_is_not_reached);
	tcase_add_test(limit, a_page_is_charged_for_each_mapping_that_holds_it);
	tcase_add_test(limit, a_chunk_goes_on_over_several_batches);
	tcase_add_test(limit, device_memory_costs_nothing);
	suite_add_tcase(suite, limit);
	return run_suite(suite);
}
