// SPDX-License-Identifier: GPL-2.0-only
/* Threads translate by PASID while PASID entries and first-stage pages change and are flushed. */
#include "harness.h"
#include "vtd_sm_rig.h"

#include <pthread.h>

#define PAGE   UINT64_C(0x5000)
#define FDID   9
#define PASIDS 4u
#define ROUNDS 400u

struct crowd {
	struct rig *rig;
	bool stop;
	uint64_t newest; /* nobody may see a page older than this: its number */
};

static uint64_t frame(uint64_t number)
{
	return 0x1000000 + (number << 12);
}

/* What a request began after was told done must be seen, or something newer. */
static void *translate(void *arg)
{
	struct crowd *crowd = arg;
	struct dma_port *port = dma_port_create(crowd->rig->fabric);
	uint64_t bad = 0;

	for (uint32_t i = 0; !__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED); i++) {
		const uint64_t least = __atomic_load_n(&crowd->newest, __ATOMIC_ACQUIRE);
		const struct dma_req req = {.requester = RID,
					    .has_pasid = true,
					    .pasid = 1 + i % PASIDS,
					    .iova = PAGE,
					    .len = 8};
		struct xlat x = dma_translate(port, &req);

		bad += x.reason || x.pa < frame(least);
	}
	dma_port_destroy(port);
	return (void *)(uintptr_t)bad;
}

START_TEST(no_thread_sees_what_was_invalidated_before_it_asked)
{
	struct crowd crowd = {0};
	pthread_t thread[2];
	struct rig rig;
	void *bad;
	pa_t leaf;

	sm_init(&rig, CAP_SERVER, ECAP_SERVER, VTD_FAULTS_MANUAL);
	leaf = first_slot(&rig, PA_FIRST, PAGE, 0);
	poke(&rig, leaf, frame(0) | 0x67);
	for (uint32_t pasid = 1; pasid <= PASIDS; pasid++)
		sm_pasid(&rig, pasid, PGTT_FIRST | 1, FDID | PWSNP, PA_FIRST);
	crowd.rig = &rig;
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, translate, &crowd), 0);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		__atomic_store_n((uint64_t *)phys_ptr(rig.phys, leaf), frame(round) | 0x67,
				 __ATOMIC_RELEASE);
		if (round % 3 == 0)
			flush_pasid_cache(&rig, 3, 0, 0);
		if (round % 7 == 0)
			flush_context(&rig, 1, 0, 0);
		flush_iotlb_domain(&rig, FDID);
		__atomic_store_n(&crowd.newest, round, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&crowd.stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(thread[i], &bad);
		ck_assert_ptr_null(bad);
	}
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_sm_threads");
	TCase *tc = tcase_create("threads");

	tcase_add_test(tc, no_thread_sees_what_was_invalidated_before_it_asked);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
