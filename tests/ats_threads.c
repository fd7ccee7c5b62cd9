// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function that uses its device TLB on one thread while another changes the tables: once an
 * invalidation is complete, no access by what it covered is under way or comes later.
 */
#include "ats.h"
#include "harness.h"
#include "vtd_rig.h"

#include <pthread.h>

#define A      UINT64_C(0x40000000)
#define ROUNDS 400u

struct shared {
	struct dma_port *port;
	struct phys *phys;
	struct ats_cache *dev;
	bool stop;
	uint64_t accesses;
};

/* Writes to A for ever; whether it is let in is not its business. */
static void *device(void *arg)
{
	const struct dma_req req = {.iova = A, .len = 8, .kind = DMA_WRITE};
	struct shared *shared = arg;
	uint64_t mark = 1;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		ats_access(shared->dev, &req, &mark);
		__atomic_fetch_add(&shared->accesses, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void wait_for_accesses(struct shared *shared, uint64_t n)
{
	uint64_t until = __atomic_load_n(&shared->accesses, __ATOMIC_RELAXED) + n;

	while (__atomic_load_n(&shared->accesses, __ATOMIC_RELAXED) < until)
		sched_yield();
}

START_TEST(page_is_quiet_once_its_invalidation_is_complete)
{
	struct ats_cfg cfg = {.requester = RID};
	struct shared shared = {0};
	pthread_t thread;
	struct rig rig;
	unsigned seen = 0;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48 | 4);
	poke2(&rig, PA_CONTEXT + 0x80, PA_TOP | 4 | 1, 2 | DID << 8);
	cfg.phys = rig.phys;
	shared.port = dma_port_create(rig.fabric);
	ck_assert_ptr_nonnull(shared.port);
	shared.dev = ats_create(shared.port, &cfg);
	ck_assert_ptr_nonnull(shared.dev);
	ats_enable(shared.dev, true, false);
	/* Everything that the threads meet is there before they do. */
	rig_map(&rig, A, 0);
	poke(&rig, 0x900000, 0);
	poke(&rig, 0xa00000, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, device, &shared), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t *page = phys_ptr(rig.phys, i & 1 ? 0xa00000 : 0x900000);
		uint64_t *slot = phys_ptr(rig.phys, rig_slot(&rig, A, 0));

		__atomic_store_n(slot, (i & 1 ? 0xa00000u : 0x900000u) | 3, __ATOMIC_RELEASE);
		wait_for_accesses(&shared, 3);
		__atomic_store_n(slot, 0, __ATOMIC_RELEASE);
		queue_push(&rig, 2 | 2 << 4 | (uint64_t)DID << 16, 0);
		queue_wait(&rig);
		queue_push(&rig, 3 | (uint64_t)RID << 32, A);
		queue_wait(&rig);
		/* The page belongs to somebody else now. */
		seen += __atomic_load_n(page, __ATOMIC_RELAXED) != 0;
		__atomic_store_n(page, 0, __ATOMIC_RELAXED);
		wait_for_accesses(&shared, 2);
		ck_assert_uint_eq(__atomic_load_n(page, __ATOMIC_RELAXED), 0);
	}
	__atomic_store_n(&shared.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	ck_assert_uint_gt(seen, 0);
	ats_destroy(shared.dev);
	dma_port_destroy(shared.port);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ats_threads");
	TCase *tc = tcase_create("threads");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, page_is_quiet_once_its_invalidation_is_complete);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
