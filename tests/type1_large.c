// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmapping more than is read from the tables at a time: as many invalidations as the kernel has,
 * one for 512 runs of adjacent frames, and every page given back.
 */
#include "api_client.h"
#include "machine.h"

#define PAGES UINT64_C(40000)

static const struct {
	enum sio_contiguity contiguity;
	uint64_t invalidations;
} cases[] = {
	{SIO_RUN_4K, (PAGES + 511) / 512}, /* no two neighbours */
	{SIO_RUN_WHOLE, 1},
};

START_TEST(a_long_mapping_is_invalidated_by_runs)
{
	const struct sio_mem mem = {.size = PAGES * 4096,
				    .prot = SIO_PROT_RW,
				    .contiguity = cases[_i].contiguity};
	struct client c = client_open(client_machine(NULL), "A");
	struct sio_stats stats;
	uint64_t va;

	ck_assert_int_eq(sio_mem_map(c.process, &mem, &va), 0);
	/* Not 2 MiB aligned: all leaves are of 4 KiB. */
	ck_assert_int_eq(client_map(&c, 0x7000, va, PAGES * 4096), 0);
	client_audit(&c);
	/* A plan that never comes true, but counts. */
	ck_assert_int_eq(sio_inject(c.machine, "drv.skip-iotlb:nth=1000000", NULL, 0), 0);
	ck_assert_int_eq(client_unmap(&c, 0x7000, PAGES * 4096), PAGES * 4096);
	ck_assert_uint_eq(sio_inject_count(c.machine), cases[_i].invalidations);
	sio_stats(c.machine, &stats);
	ck_assert_uint_eq(stats.pinned_pages, 0);
	client_audit(&c);
	sio_machine_destroy(c.machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("type1 large");
	TCase *tc = tcase_create("large");

	tcase_add_loop_test(tc, a_long_mapping_is_invalidated_by_runs, 0, SIO_ARRAY_SIZE(cases));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
