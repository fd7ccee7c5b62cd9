// SPDX-License-Identifier: GPL-2.0-only
/*
 * A whole guest mapped and unmapped as a virtual machine monitor does it: two mappings, below and
 * above the hole under 4 GiB, with the accounting and pinning model on. The first time pages are
 * faulted in as well; the second time they are there, which is what published figures measure.
 */
#include "bench_type1.h"

void bench_guest(struct bench *bench);

#define GIB   (UINT64_C(1) << 30)
#define LOW   (2 * GIB)
#define ABOVE (4 * GIB)

struct guest {
	struct t1_rig rig;
	uint64_t bytes;
	const char *pages;
};

static void guest_map(struct guest *guest)
{
	if (rig_map(&guest->rig, 0, RIG_VA, LOW) ||
	    rig_map(&guest->rig, ABOVE, RIG_VA + LOW, guest->bytes - LOW))
		abort();
}

static void guest_unmap(struct guest *guest)
{
	if (rig_unmap(&guest->rig, 0, LOW) != LOW ||
	    rig_unmap(&guest->rig, ABOVE, guest->bytes - LOW) != guest->bytes - LOW)
		abort();
}

static void report(struct bench *bench, const struct guest *guest, const char *what, double value,
		   const char *unit)
{
	char name[64];

	snprintf(name, sizeof(name), "%s, %lu GiB in %s", what, (unsigned long)(guest->bytes / GIB),
		 guest->pages);
	bench_report(bench, "guest", name, value, unit);
}

static double timed_us(struct guest *guest, void (*body)(struct guest *guest))
{
	uint64_t start = bench_now();

	body(guest);
	return (double)(bench_now() - start) / 1000;
}

static void one_guest(struct bench *bench, uint64_t bytes, enum mm_contiguity contiguity,
		      const char *pages)
{
	struct guest guest = {.bytes = bytes, .pages = pages};
	/* 4 KiB leaves need one byte of table for 512 of memory. */
	uint64_t tables = contiguity == MM_RUN_4K ? bytes / 512 + bytes / 65536 : 0;
	uint64_t before = rig_rss_bytes();
	double best_map = 0, best_unmap = 0;

	/* Room for the hole and the tables. */
	rig_open(&guest.rig, bytes + 4 * GIB + 2 * tables, tables);
	rig_memory(&guest.rig, bytes, contiguity);
	report(bench, &guest, "map, faulting in", timed_us(&guest, guest_map), "us");
	report(bench, &guest, "table pages", (double)phys_table_count(guest.rig.iommu.phys),
	       "pages");
	report(bench, &guest, "memory", (double)(rig_rss_bytes() - before) / (1 << 20), "MiB");
	for (unsigned i = 0; i < 3; i++) {
		double unmap = timed_us(&guest, guest_unmap), map = timed_us(&guest, guest_map);

		if (!i || map < best_map)
			best_map = map;
		if (!i || unmap < best_unmap)
			best_unmap = unmap;
	}
	report(bench, &guest, "map", best_map, "us");
	report(bench, &guest, "unmap", best_unmap, "us");
	rig_close(&guest.rig);
}

void bench_guest(struct bench *bench)
{
	one_guest(bench, 16 * GIB, MM_RUN_2M, "2 MiB runs");
	if (bench_quick(bench))
		return;
	one_guest(bench, 16 * GIB, MM_RUN_4K, "4 KiB pages");
	one_guest(bench, 1024 * GIB, MM_RUN_2M, "2 MiB runs");
	one_guest(bench, 1024 * GIB, MM_RUN_4K, "4 KiB pages");
}
