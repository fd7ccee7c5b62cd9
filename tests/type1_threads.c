// SPDX-License-Identifier: GPL-2.0-only
/*
 * One container under many threads: two map and unmap, two devices do DMA through ports of their
 * own, and another takes groups out of the container and back, so that their domain comes and goes.
 *
 * Each thread that maps has slots of one page each, and a frame for each slot that no other slot
 * ever maps, filled with the slot's number. Before it unmaps, it says nothing; after UNMAP it fills
 * the frame with another value, which a device that reads through the slot must never see, and
 * before MAP it restores the number. So a device's read either faults or gets the right bytes,
 * whatever tables and contexts change meanwhile. Device writes go to pages of their own, which the
 * owner takes away and then finds at rest.
 */
#include "harness.h"
#include "prng.h"
#include "vfio_machine.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define PAGE      UINT64_C(4096)
#define MAPPERS   2u
#define SLOTS     16u /* of each mapper; the upper half is written by devices */
#define READ_ONLY (SLOTS / 2)
#define OPS       400u /* of each mapper, with accesses of devices to what it maps between */
#define MOVES     40u  /* of the groups */
#define POISON    UINT64_C(0xdeadbeefdeadbeef)

static const struct {
	const char *name;
	const char *stays, *moves[2];
} machines[] = {
	{"vtd48", "A", {"B", "C"}},
	{"amdvi", "A", {"B", "C"}},
	/* The moving groups are behind another unit: a domain is made and filled each time. */
	{"narrow", "wide0", {"narrow0", "wide1"}},
};

struct shared {
	struct rig rig;
	unsigned machine;
	unsigned long type;
	uint64_t va[MAPPERS];
	int group, moving[2];
	atomic_uint mappers, started;
	atomic_ulong hits, faults;
	_Atomic uint64_t bad; /* what a device read that it must not see */
	atomic_uint failed;   /* a call that should have worked: its place in this file */
};

struct worker {
	struct shared *shared;
	unsigned number;
};

static uint64_t slot_iova(unsigned mapper, unsigned slot)
{
	/* Some pages apart: neighbours share tables, the mappers do not all the time. */
	return 0x10000000 + (uint64_t)mapper * 0x180000 + slot * 2 * PAGE;
}

static void check(struct shared *shared, bool ok, unsigned line)
{
	unsigned none = 0;

	if (!ok)
		atomic_compare_exchange_strong(&shared->failed, &none, line);
}

#define CHECK(ok) check(shared, ok, __LINE__)

/* ---- threads that map ---- */

static void fill_frame(struct shared *shared, uint64_t va, uint64_t value)
{
	CHECK(!sio_mem_write(shared->rig.process, va, &value, sizeof(value)));
}

static void map_slot(struct shared *shared, unsigned mapper, unsigned slot)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = slot < READ_ONLY ? VFIO_DMA_MAP_FLAG_READ
					  : VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = shared->va[mapper] + slot * PAGE,
		.iova = slot_iova(mapper, slot),
		.size = PAGE,
	};

	fill_frame(shared, map.vaddr, map.iova);
	CHECK(!sio_ioctl(shared->rig.process, shared->rig.container, VFIO_IOMMU_MAP_DMA, &map));
}

static void unmap_slot(struct shared *shared, unsigned mapper, unsigned slot)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .iova = slot_iova(mapper, slot),
						   .size = PAGE};
	uint64_t va = shared->va[mapper] + slot * PAGE, value = 0;

	CHECK(!sio_ioctl(shared->rig.process, shared->rig.container, VFIO_IOMMU_UNMAP_DMA, &unmap));
	CHECK(unmap.size == PAGE);
	fill_frame(shared, va, POISON);
	for (unsigned i = 0; i < 3; i++)
		sched_yield();
	/* No device writes here any more. */
	CHECK(!sio_mem_read(shared->rig.process, va, &value, sizeof(value)));
	CHECK(value == POISON);
}

/* Devices go on for as long as somebody maps. */
static void wait_for_accesses(struct shared *shared, unsigned long n)
{
	unsigned long until = atomic_load(&shared->hits) + atomic_load(&shared->faults) + n;

	while (atomic_load(&shared->hits) + atomic_load(&shared->faults) < until)
		sched_yield();
}

static void *mapper(void *arg)
{
	const struct worker *worker = arg;
	struct shared *shared = worker->shared;
	struct prng rng = {.state = worker->number + 1};
	bool mapped[SLOTS] = {false};

	for (unsigned i = 0; i < OPS; i++) {
		unsigned slot = (unsigned)prng_below(&rng, SLOTS);

		if (mapped[slot])
			unmap_slot(shared, worker->number, slot);
		else
			map_slot(shared, worker->number, slot);
		mapped[slot] = !mapped[slot];
		if (mapped[slot] && i % 8 == 0)
			wait_for_accesses(shared, 1);
	}
	atomic_fetch_sub(&shared->mappers, 1);
	return NULL;
}

/* ---- devices ---- */

/* Any page that is only read, or one of those that this device alone writes. */
static unsigned device_slot(struct prng *rng, unsigned number)
{
	unsigned slot = (unsigned)prng_below(rng, SLOTS);

	return slot < READ_ONLY ? slot : (slot & ~1u) + number;
}

/* Reads must give the slot's number, or for a page that devices write theirs. */
static void *device(void *arg)
{
	const struct worker *worker = arg;
	struct shared *shared = worker->shared;
	const char *name = worker->number ? machines[shared->machine].moves[0]
					  : machines[shared->machine].stays;
	struct sio_device *dev = sio_device_find(shared->rig.machine, name);
	struct sio_port *port = sio_port_create(shared->rig.machine);
	struct prng rng = {.state = worker->number + 77};

	CHECK(port != NULL);
	atomic_fetch_add(&shared->started, 1);
	while (port && atomic_load_explicit(&shared->mappers, memory_order_relaxed)) {
		unsigned slot = device_slot(&rng, worker->number);
		uint64_t iova = slot_iova((unsigned)prng_below(&rng, MAPPERS), slot);
		bool write = slot >= READ_ONLY && prng_below(&rng, 2);
		uint64_t value = iova;

		if (sio_port_dma(port, dev, iova, &value, sizeof(value), write, NULL)) {
			atomic_fetch_add_explicit(&shared->faults, 1, memory_order_relaxed);
			continue;
		}
		atomic_fetch_add_explicit(&shared->hits, 1, memory_order_relaxed);
		if (value != iova)
			atomic_store(&shared->bad, value);
	}
	if (port)
		sio_port_destroy(port);
	return NULL;
}

/* ---- groups that come and go ---- */

static void *mover(void *arg)
{
	struct shared *shared = arg;
	struct sio_process *process = shared->rig.process;
	bool in[2] = {false, false};

	for (unsigned i = 0; i < MOVES; i++) {
		unsigned g = i % 3 == 0;

		if (in[g])
			CHECK(!sio_ioctl(process, shared->moving[g], VFIO_GROUP_UNSET_CONTAINER,
					 NULL));
		else
			CHECK(!sio_ioctl(process, shared->moving[g], VFIO_GROUP_SET_CONTAINER,
					 &shared->rig.container));
		in[g] = !in[g];
		for (unsigned y = 0; y < 10; y++)
			sched_yield();
	}
	return NULL;
}

/* ---- */

static void setup(struct shared *shared)
{
	struct rig *rig = &shared->rig;

	rig_boot(rig, machines[shared->machine].name, NULL);
	shared->group = rig_group(rig, machines[shared->machine].stays);
	ck_assert_int_eq(rig_join(rig, shared->group, rig->container), 0);
	ck_assert_int_eq(rig_ioctl_value(rig, rig->container, VFIO_SET_IOMMU, shared->type), 0);
	for (unsigned i = 0; i < 2; i++) {
		shared->moving[i] = rig_group(rig, machines[shared->machine].moves[i]);
		ck_assert_int_ge(shared->moving[i], 0);
	}
	for (unsigned i = 0; i < MAPPERS; i++) {
		struct sio_mem mem = {.size = SLOTS * PAGE,
				      .prot = SIO_PROT_RW,
				      .contiguity = SIO_RUN_4K};

		ck_assert_int_eq(sio_mem_map(rig->process, &mem, &shared->va[i]), 0);
	}
}

START_TEST(a_device_reads_the_right_page_or_faults)
{
	struct shared shared = {.machine = (unsigned)_i / 2,
				.type = _i % 2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU,
				.mappers = MAPPERS};
	struct worker worker[2] = {{&shared, 0}, {&shared, 1}};
	pthread_t thread[5];

	setup(&shared);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, device, &worker[i]), 0);
	while (atomic_load(&shared.started) < 2)
		sched_yield();
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[2 + i], NULL, mapper, &worker[i]), 0);
	ck_assert_int_eq(pthread_create(&thread[4], NULL, mover, &shared), 0);
	for (unsigned i = 0; i < 5; i++)
		pthread_join(thread[i], NULL);
	ck_assert_msg(!atomic_load(&shared.failed), "a call failed at line %u", shared.failed);
	ck_assert_msg(!atomic_load(&shared.bad), "a device read %llx",
		      (unsigned long long)shared.bad);
	ck_assert_uint_gt(shared.hits, 0);
	ck_assert_uint_gt(shared.faults, 0);
	rig_halt(&shared.rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("type1_threads");
	TCase *tcase = tcase_create("threads");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_device_reads_the_right_page_or_faults, 0,
			    2 * (int)(sizeof(machines) / sizeof(machines[0])));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
