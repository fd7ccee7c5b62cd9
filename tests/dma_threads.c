// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads do DMA while a third maps, unmaps and invalidates: after a completed invalidation no
 * translation of before is used any more.
 *
 * The control thread gives each page frame away only to take it back: it maps a frame that holds
 * the page's number, lets the devices use it, unmaps, waits for the invalidation, and then writes a
 * value that no device may ever read or overwrite. A device that reads it through a stale
 * translation, or whose write appears in it, has been let through too late.
 */
#include "harness.h"
#include "vtd_rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define A      UINT64_C(0x40000000)
#define PAGES  8u
#define ROUNDS 400u

#define POISON UINT64_C(0xdeadbeefdeadbeef)

struct shared {
	struct rig *rig;
	atomic_bool stop;
	atomic_uint started;
	atomic_ulong reads, faults;
	_Atomic uint64_t bad; /* what a device read that it must not see */
};

static uint64_t *frame(struct rig *rig, unsigned page)
{
	return phys_ptr(rig->phys, PA_DATA + page * 0x1000);
}

static void *device(void *arg)
{
	struct shared *shared = arg;
	struct dma_port *port = dma_port_create(shared->rig->fabric);
	uint64_t seed = (uint64_t)(uintptr_t)port | 1;

	atomic_fetch_add(&shared->started, 1);
	while (!atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		uint64_t value = 0;
		struct dma_req req = {.requester = RID, .len = 8, .kind = DMA_READ};
		struct dma_result result;

		seed = seed * UINT64_C(6364136223846793005) + 1;
		req.iova = A + ((seed >> 40) % PAGES) * 0x1000;
		result = dma_access(port, &req, &value);
		if (result.done != 8) {
			atomic_fetch_add_explicit(&shared->faults, 1, memory_order_relaxed);
			continue;
		}
		atomic_fetch_add_explicit(&shared->reads, 1, memory_order_relaxed);
		if (value != req.iova)
			atomic_store(&shared->bad, value);
	}
	dma_port_destroy(port);
	return NULL;
}

/* One page through its life; `how` chooses the command. */
static void cycle(struct rig *rig, unsigned page, unsigned how)
{
	uint64_t iova = A + page * 0x1000;
	uint64_t *slot = phys_ptr(rig->phys, rig_slot(rig, iova, 0));

	*frame(rig, page) = iova;
	__atomic_store_n(slot, (PA_DATA + page * 0x1000) | 3, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < 20; i++)
		sched_yield();
	__atomic_store_n(slot, 0, __ATOMIC_RELEASE);
	if (how == 0)
		flush_iotlb_page(rig, DID, iova, 0, true);
	else if (how == 1)
		flush_iotlb_domain(rig, DID);
	else
		flush_iotlb(rig);
	*frame(rig, page) = POISON;
}

START_TEST(completed_invalidation_ends_every_use)
{
	struct rig rig;
	struct shared shared = {.rig = &rig};
	pthread_t threads[2];

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	for (unsigned i = 0; i < PAGES; i++) {
		*frame(&rig, i) = POISON;
		rig_slot(&rig, A + i * 0x1000, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, device, &shared), 0);
	while (atomic_load(&shared.started) < 2)
		sched_yield();
	for (unsigned i = 0; i < ROUNDS; i++)
		cycle(&rig, i * 5 % PAGES, i % 3);
	atomic_store(&shared.stop, true);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_msg(shared.bad == 0, "a device read %llx", (unsigned long long)shared.bad);
	ck_assert_uint_gt(shared.faults, 0);
	rig_fini(&rig);
}
END_TEST

/* A port that is made by one thread and used by another is waited for as well. */
static void *borrower(void *arg)
{
	struct shared *shared = arg;
	const struct dma_req req = {.requester = RID, .iova = A, .len = 8, .kind = DMA_READ};
	uint64_t value;

	atomic_fetch_add(&shared->started, 1);
	while (!atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		if (dma_access(shared->rig->port, &req, &value).done == 8 && value != A)
			atomic_store(&shared->bad, value);
	}
	return NULL;
}

START_TEST(borrowed_port_is_waited_for)
{
	struct rig rig;
	struct shared shared = {.rig = &rig};
	pthread_t thread;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, 0);
	ck_faults(rread(&rig, A), 6);
	ck_assert_int_eq(pthread_create(&thread, NULL, borrower, &shared), 0);
	while (!atomic_load(&shared.started))
		sched_yield();
	for (unsigned i = 0; i < ROUNDS; i++)
		cycle(&rig, 0, 0);
	atomic_store(&shared.stop, true);
	pthread_join(thread, NULL);
	ck_assert_msg(shared.bad == 0, "the device read %llx", (unsigned long long)shared.bad);
	ck_faults(rread(&rig, A), 6);
	rig_fini(&rig);
}
END_TEST

/* ---- an access that is held up on purpose ---- */

struct hold {
	struct rig *rig;
	atomic_bool inside, release, flushed;
};

static void *holder(void *arg)
{
	struct hold *hold = arg;
	struct dma_port *port = dma_port_create(hold->rig->fabric);

	dma_port_enter(port);
	atomic_store(&hold->inside, true);
	while (!atomic_load(&hold->release))
		sched_yield();
	dma_port_leave(port);
	/* The port was held back meanwhile; it works again. */
	for (unsigned i = 0; i < 3; i++) {
		dma_port_enter(port);
		dma_port_leave(port);
	}
	dma_port_destroy(port);
	return NULL;
}

static void *flusher(void *arg)
{
	struct hold *hold = arg;

	flush_iotlb(hold->rig);
	atomic_store(&hold->flushed, true);
	return NULL;
}

START_TEST(invalidation_completes_only_after_the_access_under_way)
{
	struct rig rig;
	struct hold hold = {.rig = &rig};
	pthread_t threads[2];

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	ck_assert_int_eq(pthread_create(&threads[0], NULL, holder, &hold), 0);
	while (!atomic_load(&hold.inside))
		sched_yield();
	ck_assert_int_eq(pthread_create(&threads[1], NULL, flusher, &hold), 0);
	/* Long enough for the flush to lose its patience. */
	for (unsigned i = 0; i < 2000; i++)
		sched_yield();
	ck_assert(!atomic_load(&hold.flushed));
	ck_assert_uint_eq((uint32_t)mem(&rig, PA_STATUS), 0);
	atomic_store(&hold.release, true);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert(atomic_load(&hold.flushed));
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dma_threads");
	TCase *tc = tcase_create("threads");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, completed_invalidation_ends_every_use);
	tcase_add_test(tc, borrowed_port_is_waited_for);
	tcase_add_test(tc, invalidation_completes_only_after_the_access_under_way);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
