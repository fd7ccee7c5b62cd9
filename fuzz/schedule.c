// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two tasks of one machine, and who runs when is part of the input.
 *
 * The tasks are threads that pass a baton, so that exactly one runs: one input, one schedule. They
 * may change places between operations; inside MAP and UNMAP before the container's lock is taken;
 * and, between mappers of a domain that nobody locks (as the kernel's own drivers map), around the
 * growth of its tables.
 *
 * Whatever the schedule: answers and what can be seen afterwards (translations, charges, pins,
 * which pages of the process have been touched) are those of the same operations one after the
 * other, in some order that keeps each task's own and does not put an operation before one that was
 * over when it began. All orders are tried, without a schedule, until one agrees. And in the end
 * nothing is left.
 *
 * One of the devices has a unit of its own kind, which has no pages below 64 KiB.
 */
#include "fuzz.h"
#include "kept.h"
#include "records.h"
#include "softiommu.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE    UINT64_C(4096)
#define MEMORY  UINT64_C(0x200000000)
#define PAGES   48u
#define TASKS   2u
#define OPS     3u /* of a task */
#define PLACES  10u
#define LARGE   UINT64_C(0xf000) /* sizes that the odd unit does not have */
#define PHYS_AT UINT64_C(0x100000)

#define DEVICES                                                                              \
	"machine = { ram = \"64M\"; };\n"                                                    \
	"devices = (\n"                                                                      \
	"  { name = \"A\"; bdf = \"00:02.0\"; model = \"edu\"; type = \"rc-endpoint\"; },\n" \
	"  { name = \"B\"; bdf = \"00:03.0\"; model = \"edu\"; type = \"rc-endpoint\"; } );\n"

/* Tables of one grow, those of the other do not. */
static const char *const platforms[] = {
	DEVICES
	"units = ( { type = \"amd\"; name = \"ivhd0\"; include-all = true; levels = 6; } );\n",
	DEVICES "units = ( { name = \"dmar0\"; aw-bits = 57; large-pages = \"2M,1G\";\n"
		"    snoop-control = true; include-all = true; } );\n",
};

enum kind { KIND_MAP, KIND_UNMAP, KIND_JOIN, KIND_LEAVE, KIND_TABLE_MAP, KIND_TABLE_UNMAP, KINDS };

struct op {
	enum kind kind;
	uint64_t iova, size, vaddr;
	int answer;
	uint64_t value;
	unsigned began, ended; /* moments of the schedule */
};

/* What can be seen when all is done. */
struct view {
	int answer[TASKS][OPS];
	uint64_t value[TASKS][OPS];
	uint64_t locked, pinned, mappings, domains, touched, reached, size_mask;
	uint64_t translation[TASKS][PLACES];
};

static const uint64_t place[PLACES] = {0,
				       0x10000,
				       0x20000,
				       UINT64_C(1) << 38,
				       (UINT64_C(1) << 39) - 0x10000,
				       UINT64_C(1) << 39,
				       (UINT64_C(1) << 39) + 0x10000,
				       (UINT64_C(1) << 48) - 0x10000,
				       UINT64_C(1) << 48,
				       (UINT64_C(1) << 48) + 0x20000};

static struct kept machines[2];           /* one a platform */
static struct sio_machine *machine;       /* that of this input */
static struct iommu_driver odd_driver[2]; /* a machine's devices keep theirs */
static const struct iommu_driver *real_driver;

static struct {
	struct sio_process *process;
	struct sio_device *device[2];
	int container, group[2];
	struct iommu_domain *domain; /* that nobody locks */
	uint64_t tables;             /* before anything was opened */
	struct op op[TASKS][OPS];
	unsigned count[TASKS];
	unsigned clock, platform;
	uint64_t schedule; /* its next bits */
	bool scheduled;    /* else one after the other */
} s;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool started, over[TASKS];
	unsigned turn; /* the task that runs; TASKS: that of the fuzzer itself */
	bool wanted;   /* there is work for the second task */
} baton = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static _Thread_local unsigned me;
static _Thread_local enum kind doing;

/* ---- who runs ---- */

static void pass_baton(void)
{
	pthread_mutex_lock(&baton.lock);
	if (!baton.over[!me]) {
		baton.turn = !me;
		pthread_cond_broadcast(&baton.changed);
		while (baton.turn != me)
			pthread_cond_wait(&baton.changed, &baton.lock);
	}
	pthread_mutex_unlock(&baton.lock);
}

static bool is_time(void)
{
	bool now = s.schedule & 1;

	s.schedule = s.schedule >> 1 | (uint64_t)now << 63;
	return s.scheduled && now;
}

/* With the machine's lock held, at a moment when the kernel holds none that matters. */
static void moment(void *ctx, enum iommu_moment which)
{
	bool tables = doing == KIND_TABLE_MAP || doing == KIND_TABLE_UNMAP;

	(void)ctx;
	if (which == IOMMU_MOMENT_MAPPED || (which == IOMMU_MOMENT_TABLES) != tables || !is_time())
		return;
	machine_leave(machine);
	pass_baton();
	machine_enter(machine, false);
}

/* ---- operations ---- */

static int call(int fd, unsigned long request, void *arg)
{
	int rc = sio_ioctl(s.process, fd, request, arg);

	return rc < 0 ? -errno : rc;
}

/* A mapper of the kernel: it holds no lock of a container. */
static int table_op(const struct op *op)
{
	const struct pt_run run = {.oa = PHYS_AT + op->vaddr - MEMORY,
				   .pages = op->size / PAGE,
				   .oa_step = (int64_t)PAGE};
	int rc = 0;

	machine_enter(machine, true);
	if (op->kind == KIND_TABLE_MAP)
		rc = iommu_map(s.domain, op->iova, &run, IOMMU_READ | IOMMU_WRITE);
	else
		(void)iommu_unmap(s.domain, op->iova, op->size);
	machine_leave(machine);
	return rc;
}

static void run_op(struct op *op)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
					       .flags = 3,
					       .vaddr = op->vaddr,
					       .iova = op->iova,
					       .size = op->size};
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .iova = op->iova,
						   .size = op->size};
	int container = s.container;

	doing = op->kind;
	op->began = s.clock++;
	switch (op->kind) {
	case KIND_MAP:
		op->answer = call(container, VFIO_IOMMU_MAP_DMA, &map);
		break;
	case KIND_UNMAP:
		op->answer = call(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
		op->value = unmap.size;
		break;
	case KIND_JOIN:
		op->answer = call(s.group[1], VFIO_GROUP_SET_CONTAINER, &container);
		break;
	case KIND_LEAVE:
		op->answer = call(s.group[1], VFIO_GROUP_UNSET_CONTAINER, NULL);
		break;
	default:
		op->answer = table_op(op);
	}
	op->ended = s.clock++;
	fuzz_counts->operations++;
}

static void run_task(void)
{
	for (unsigned i = 0; i < s.count[me]; i++) {
		if (is_time())
			pass_baton();
		run_op(&s.op[me][i]);
	}
	pthread_mutex_lock(&baton.lock);
	baton.over[me] = true;
	if (!baton.over[!me])
		baton.turn = !me;
	pthread_cond_broadcast(&baton.changed);
	pthread_mutex_unlock(&baton.lock);
}

static void *second_task(void *arg)
{
	me = 1;
	for (;;) {
		pthread_mutex_lock(&baton.lock);
		while (!baton.wanted || baton.turn != 1)
			pthread_cond_wait(&baton.changed, &baton.lock);
		baton.wanted = false;
		pthread_mutex_unlock(&baton.lock);
		run_task();
	}
	return arg;
}

static void run_scheduled(void)
{
	if (!baton.started && pthread_create(&baton.thread, NULL, second_task, NULL))
		abort();
	pthread_mutex_lock(&baton.lock);
	baton.started = baton.wanted = true;
	baton.over[0] = baton.over[1] = false;
	baton.turn = 0;
	pthread_mutex_unlock(&baton.lock);
	s.scheduled = true;
	run_task();
	pthread_mutex_lock(&baton.lock);
	while (!baton.over[1])
		pthread_cond_wait(&baton.changed, &baton.lock);
	pthread_mutex_unlock(&baton.lock);
	s.scheduled = false;
}

/* ---- the machine, on and off ---- */

static int odd_alloc(struct iommu_device *dev, enum iommu_domain_type type,
		     struct iommu_domain **domain)
{
	int rc = real_driver->domain_alloc(dev, type, domain);

	if (!rc && type == IOMMU_DOMAIN_UNMANAGED)
		(*domain)->pgsize_bitmap &= ~LARGE;
	return rc;
}

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	for (unsigned t = 0; t < TASKS; t++)
		for (unsigned i = 0; i < s.count[t]; i++)
			fprintf(stderr,
				"# task %u: kind %u iova=0x%" PRIx64 " size=0x%" PRIx64
				" vaddr=0x%" PRIx64 " from %u to %u => %d\n",
				t, s.op[t][i].kind, s.op[t][i].iova, s.op[t][i].size,
				s.op[t][i].vaddr, s.op[t][i].began, s.op[t][i].ended,
				s.op[t][i].answer);
	fprintf(stderr, "# ^^^ schedule: %s\n", what);
	abort();
}

static void audit(void)
{
	char what[512] = "";

	if (!fuzz_bare() && sio_audit(machine, true, what, sizeof(what)))
		require(false, what);
}

static void open_files(void)
{
	struct sio_mem mem = {.address = MEMORY,
			      .size = PAGES * PAGE,
			      .prot = SIO_PROT_RW,
			      .contiguity = SIO_RUN_2M};
	int container, type = VFIO_TYPE1v2_IOMMU;
	uint64_t address;
	char path[32];

	s.process = sio_process_create(machine);
	require(s.process && !sio_mem_map(s.process, &mem, &address), "no process");
	container = s.container = sio_open(s.process, "/dev/vfio/vfio");
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(s.device[i]));
		s.group[i] = sio_open(s.process, path);
	}
	require(!call(s.group[0], VFIO_GROUP_SET_CONTAINER, &container) &&
			!call(container, VFIO_SET_IOMMU, (void *)(intptr_t)type),
		"the first group cannot join");
}

static void start(void)
{
	struct sio_machine_cfg cfg = {.platform_text = platforms[s.platform],
				      .kernel = fuzz_kernel(),
				      .strict = true};
	char error[512] = "no machine";
	struct sio_stats stats;

	s.clock = 0;
	if (kept_begin(&machines[s.platform], &cfg, error, sizeof(error)))
		require(false, error);
	machine = machines[s.platform].machine;
	s.device[0] = sio_device_find(machine, "A");
	s.device[1] = sio_device_find(machine, "B");
	real_driver = s.device[0]->iommu->driver;
	odd_driver[s.platform] = *real_driver;
	odd_driver[s.platform].domain_alloc = odd_alloc;
	s.device[1]->iommu->driver = &odd_driver[s.platform];
	sio_param(machine, "allow_unsafe_interrupts", 1);
	sio_stats(machine, &stats);
	s.tables = stats.table_pages;
	open_files();
	machine_enter(machine, false);
	require(!iommu_domain_alloc(s.device[0]->iommu->group, &s.domain), "no domain");
	machine_leave(machine);
	machine->iommu.moment = moment;
}

static void look(struct view *view)
{
	struct sio_stats stats;
	uint64_t value;

	memset(view, 0, sizeof(*view));
	sio_stats(machine, &stats);
	view->locked = sio_process_vmlck(s.process);
	view->pinned = stats.pinned_pages;
	view->mappings = stats.mappings;
	view->domains = stats.domains;
	for (unsigned t = 0; t < TASKS; t++)
		for (unsigned i = 0; i < s.count[t]; i++) {
			view->answer[t][i] = s.op[t][i].answer;
			view->value[t][i] = s.op[t][i].value;
		}
	for (unsigned i = 0; i < PAGES; i++)
		if (!sio_mem_physical(s.process, MEMORY + i * PAGE, &value))
			view->touched |= UINT64_C(1) << i;
	for (unsigned i = 0; i < PLACES * 2; i++)
		if (!sio_dma_read(s.device[0], place[i / 2] + i % 2 * PAGE, &value, 8, NULL))
			view->reached |= UINT64_C(1) << i;
	machine_enter(machine, false);
	for (unsigned i = 0; i < TASKS * PLACES; i++)
		view->translation[i / PLACES][i % PLACES] =
			iommu_query(s.domain, place[i % PLACES] + i / PLACES * 0x4000, 1).oa;
	machine_leave(machine);
}

/* Everything is let go: no page, no table is left. */
static void stop(void)
{
	struct sio_stale stale;
	struct sio_stats stats;
	const char *wrong;

	audit();
	require(!sio_stale_next(machine, &stale), "a stale translation is used");
	machine->iommu.moment = NULL;
	machine_enter(machine, false);
	iommu_domain_free(s.domain);
	machine_leave(machine);
	(void)call(s.group[1], VFIO_GROUP_UNSET_CONTAINER, NULL);
	require(!call(s.group[0], VFIO_GROUP_UNSET_CONTAINER, NULL), "a group cannot leave");
	sio_stats(machine, &stats);
	require(!stats.pinned_pages && !stats.mappings && !sio_process_vmlck(s.process),
		"something is left");
	require(stats.table_pages == s.tables, "a table is left");
	sio_process_exit(s.process);
	audit();
	wrong = kept_end(&machines[s.platform]);
	require(!wrong, wrong);
}

/* ---- one after the other ---- */

static bool agrees(const struct op order[TASKS][OPS], const struct view *wanted, unsigned merge)
{
	unsigned at[TASKS] = {0}, last = 0;
	struct view view;

	/* Bit i: whose operation is the i-th. Each must not have begun after a later one ended. */
	for (unsigned i = 0; i < s.count[0] + s.count[1]; i++) {
		unsigned t = merge >> i & 1;

		if (at[t] == s.count[t] || order[t][at[t]].ended < last)
			return false;
		if (order[t][at[t]].began > last)
			last = order[t][at[t]].began;
		at[t]++;
	}
	start();
	at[0] = at[1] = 0;
	for (unsigned i = 0; i < s.count[0] + s.count[1]; i++)
		run_op(&s.op[merge >> i & 1][at[merge >> i & 1]++]);
	look(&view);
	stop();
	return !memcmp(&view, wanted, sizeof(view));
}

/* The order in which they ended is the likeliest. */
static unsigned by_end(const struct op order[TASKS][OPS])
{
	unsigned at[TASKS] = {0}, merge = 0;

	for (unsigned i = 0; i < s.count[0] + s.count[1]; i++) {
		unsigned t = at[0] == s.count[0] ||
			     (at[1] < s.count[1] && order[1][at[1]].ended < order[0][at[0]].ended);

		merge |= t << i;
		at[t]++;
	}
	return merge;
}

static void decode(struct op *op, unsigned task, const uint8_t *record)
{
	static const uint8_t kinds[16] = {0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 4, 4, 4, 4, 4, 5};

	*op = (struct op){
		.kind = kinds[record[0] % 16],
		.iova = place[record[1] % PLACES] + (record[2] & 3 ? 0 : PAGE),
		.size = record[3] & 3 ? PAGE : 0x10000,
		.vaddr = MEMORY + (record[4] % (PAGES - 16)) * PAGE,
	};
	/* Mappers without a lock do not map the same place. */
	if (op->kind >= KIND_TABLE_MAP) {
		op->iova = place[record[1] % PLACES] + task * 0x4000;
		op->size = record[3] & 1 ? PAGE : 2 * PAGE;
	}
}

static void round_of(const uint8_t *data, size_t from, size_t count, uint64_t schedule)
{
	struct op order[TASKS][OPS];
	struct view wanted;
	unsigned first, orders;

	s.count[0] = s.count[1] = 0;
	s.schedule = schedule;
	for (size_t i = 0; i < count; i++) {
		unsigned t = (unsigned)i & 1;

		decode(&s.op[t][s.count[t]], t, data + (from + i + 1) * RECORD_BYTES);
		s.count[t]++;
	}
	start();
	run_scheduled();
	memcpy(order, s.op, sizeof(order));
	look(&wanted);
	stop();
	if (fuzz_bare())
		return;
	first = by_end(order);
	orders = 1u << (s.count[0] + s.count[1]);
	if (agrees(order, &wanted, first))
		return;
	for (unsigned merge = 0; merge < orders; merge++)
		if (merge != first && agrees(order, &wanted, merge))
			return;
	memcpy(s.op, order, sizeof(order));
	require(false, "no order of the operations explains what is seen");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = records_count(size), at = 0;
	struct prng rng = {records_get(data, size, -1)};

	if (!count)
		return 0;
	fuzz_counts->inputs++;
	s.platform = data[0] & 1;
	if (fuzz_platform())
		s.platform = strncmp(fuzz_platform(), "amd", 3) != 0;
	while (at < count) {
		size_t take = count - at < TASKS * OPS ? count - at : TASKS * OPS;

		round_of(data, at, take, prng_next(&rng));
		at += take;
	}
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return records_mutate(data, size, max_size, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed)
{
	return records_splice(data1, size1, data2, size2, out, max_out_size, seed);
}
