/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the simulated address space share: a small machine, short names for common
 * calls, and a "device" that reads and writes what was pinned by physical address.
 */
#ifndef TESTS_MM_FIXTURE_H
#define TESTS_MM_FIXTURE_H

#include "core/mm_sim.h"
#include "core/mm_sim_priv.h"
#include "phys.h"

#include "harness.h"

#include <errno.h>
#include <string.h>

#define PAGE SIO_PAGE_SIZE
#define HUGE (HUGE_PAGES * SIO_PAGE_SIZE)
#define RW   (MM_READ | MM_WRITE)
/* Where the tests' memory lies: aligned to 2 MiB. */
#define VA UINT64_C(0x1000200000)

static struct phys *phys;
static struct mm *mm;

static inline void fixture_setup_ram(uint64_t ram_bytes)
{
	struct phys_cfg cfg = {.ram_bytes = ram_bytes};

	phys = phys_create(&cfg);
	ck_assert_ptr_nonnull(phys);
	mm = mm_sim_create(phys, 1);
	ck_assert_ptr_nonnull(mm);
}

static inline void fixture_setup(void)
{
	fixture_setup_ram(UINT64_C(256) << 20);
}

static inline void audit(struct mm *of)
{
	const char *what = mm_sim_audit(of);

	if (what)
		ck_abort_msg("%s", what);
}

/* Everything given back: no frame and no pin may be left. */
static inline void fixture_teardown(void)
{
	const char *what;

	if (mm) {
		audit(mm);
		mm_put(mm);
	}
	what = phys_audit(phys);
	ck_assert_msg(!what, "%s", what);
	ck_assert_uint_eq(phys_pins_total(phys), 0);
	ck_assert_uint_eq(phys_frames_total(phys), 0);
	phys_destroy(phys);
}

/* Exit as a process does, and forget. */
static inline void exit_mm(struct mm *of)
{
	mm_sim_exit(of);
	mm_put(of);
}

static inline void map_kind(enum mm_kind kind, uint64_t va, uint64_t len, unsigned prot)
{
	struct mm_map_req req = {
		.va = va, .len = len, .prot = prot, .kind = kind, .contiguity = MM_RUN_4K};

	ck_assert_int_eq(mm_sim_map(mm, &req), 0);
}

static inline void map_anon(uint64_t va, uint64_t len, unsigned prot)
{
	map_kind(MM_ANON, va, len, prot);
}

static inline void map_huge(uint64_t va, uint64_t len)
{
	struct mm_map_req req = {
		.va = va, .len = len, .prot = RW, .kind = MM_ANON, .hugetlb = true};

	ck_assert_int_eq(mm_sim_map(mm, &req), 0);
}

/* Pin exactly `pages` pages, which must be one run. */
static inline struct pin_run pin_in(struct mm *of, uint64_t va, uint64_t pages, bool write)
{
	struct pin_run run;

	ck_assert_int_eq(of->ops->pin(of, va, pages, write, &run), 0);
	ck_assert_uint_eq(run.pages, pages);
	return run;
}

static inline struct pin_run pin(uint64_t va, uint64_t pages, bool write)
{
	return pin_in(mm, va, pages, write);
}

static inline int pin_error(uint64_t va, bool write)
{
	struct pin_run run;

	return mm->ops->pin(mm, va, 1, write, &run);
}

static inline void unpin(struct pin_run run)
{
	mm->ops->unpin(mm, &run, true);
}

static inline uint8_t get(struct mm *of, uint64_t va)
{
	uint8_t byte = 0xee;

	ck_assert_int_eq(mm_sim_read(of, va, &byte, 1), 0);
	return byte;
}

static inline void put(struct mm *of, uint64_t va, uint8_t byte)
{
	ck_assert_int_eq(mm_sim_write(of, va, &byte, 1), 0);
}

/* The device's view of page i of a run. */
static inline pa_t run_pa(const struct pin_run *run, uint64_t i)
{
	return run->pa + i * (uint64_t)run->step;
}

static inline uint8_t dev_get(struct pin_run run, uint64_t i)
{
	uint8_t byte = 0xee;

	ck_assert(phys_read(phys, run_pa(&run, i), &byte, 1));
	return byte;
}

static inline void dev_put(struct pin_run run, uint64_t i, uint8_t byte)
{
	ck_assert(phys_write(phys, run_pa(&run, i), &byte, 1));
}

#endif
