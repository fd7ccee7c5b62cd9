// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA on one thread while another changes tables and device table entries: once a completion wait
 * is through, nobody reaches what was taken away.
 */
#include "amdvi_rig.h"

#include <pthread.h>

#define A      UINT64_C(0x40000000)
#define ROUNDS 400u

struct worker {
	struct rig *rig;
	struct dma_port *port;
	uint32_t stop, running;
	uint64_t forbidden; /* host page that must not be reached any more, 0: none */
	uint64_t hits, broken;
};

/* A translation that began after the page was forbidden must not lead there. */
static void look(struct worker *worker, uint16_t rid)
{
	const struct dma_req req = {.requester = rid, .iova = A, .len = 8};
	uint64_t forbidden = __atomic_load_n(&worker->forbidden, __ATOMIC_ACQUIRE);
	struct xlat x = dma_translate(worker->port, &req);

	if (x.reason == 0 && forbidden && x.pa == forbidden)
		__atomic_fetch_add(&worker->broken, 1, __ATOMIC_RELAXED);
	if (x.reason == 0)
		__atomic_fetch_add(&worker->hits, 1, __ATOMIC_RELAXED);
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	worker->port = dma_port_create(worker->rig->fabric);
	__atomic_store_n(&worker->running, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&worker->stop, __ATOMIC_RELAXED)) {
		for (uint16_t rid = RID; rid < RID + 3; rid++)
			look(worker, rid);
	}
	dma_port_destroy(worker->port);
	return NULL;
}

START_TEST(nothing_taken_away_is_reached_after_its_completion_wait)
{
	struct worker worker = {0};
	pthread_t thread;
	struct rig rig;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	for (uint16_t rid = RID; rid < RID + 3; rid++)
		rig_dte(&rig, rid, dte_v1(4), DID, 0);
	rig_map(&rig, A, V1_LEAF | 0x9000);
	worker.rig = &rig;
	ck_assert_int_eq(pthread_create(&thread, NULL, work, &worker), 0);
	while (!__atomic_load_n(&worker.running, __ATOMIC_ACQUIRE))
		;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t page = 0x10000 + (i << 12), gone = page - 0x1000;

		__atomic_store_n(&worker.forbidden, 0, __ATOMIC_RELEASE);
		rig_map(&rig, A, V1_LEAF | page);
		/* Now and then by way of another domain and device table entries. */
		if (i % 8 == 7) {
			for (uint16_t rid = RID; rid < RID + 3; rid++) {
				rig_dte(&rig, rid, dte_v1(4), DID + (i >> 3 & 1), 0);
				push(&rig, UINT64_C(2) << 60 | rid, 0);
			}
		}
		push(&rig, UINT64_C(3) << 60 | (uint64_t)DID << 32, i % 2 ? A : ALL_PAGES);
		push(&rig, UINT64_C(3) << 60 | (uint64_t)(DID + 1) << 32, ALL_PAGES);
		wait_done(&rig);
		__atomic_store_n(&worker.forbidden, gone, __ATOMIC_RELEASE);
		forget_events(&rig);
	}
	__atomic_store_n(&worker.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(worker.broken, 0);
	ck_assert_uint_gt(worker.hits, 0);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_threads");
	TCase *tc = tcase_create("threads");

	tcase_add_test(tc, nothing_taken_away_is_reached_after_its_completion_wait);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
