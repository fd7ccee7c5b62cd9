// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine that was reset is a new machine: the same random programs run on one that lived through
 * others before and on one that was just created, and everything that can be seen must agree:
 * answers, addresses, faults, statistics, all of memory, all registers, all configuration spaces.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "machine.h"
#include "mock/iommufd_test.h"
#include "prng.h"
#include "recycle.h"

#define RAM_BYTES (UINT64_C(64) << 20) /* the least a machine has */
#define MIB       (UINT64_C(1) << 20)
#define AREA      (UINT64_C(4) << 20)
#define STEPS     60u

/* A program under way, and what it saw. */
struct world {
	struct sio_machine *machine;
	struct prng rng;
	FILE *out;
	struct sio_process *process;
	struct sio_device *device;
	int container, group, fd;
	uint64_t area;
};

static void say(const struct world *w, const char *what, long rc)
{
	fprintf(w->out, "%s %ld %d\n", what, rc, rc == -1 ? errno : 0);
}

/* ---- what can be seen of a machine at rest ---- */

static void see_memory(const struct world *w)
{
	static const uint8_t zero[SIO_PAGE_SIZE];
	uint8_t page[SIO_PAGE_SIZE];

	for (pa_t pa = 0; pa < RAM_BYTES; pa += sizeof(page)) {
		uint64_t sum = 0;

		ck_assert(phys_read(w->machine->phys, pa, page, sizeof(page)));
		if (!memcmp(page, zero, sizeof(page)))
			continue;
		for (unsigned i = 0; i < sizeof(page); i++)
			sum = (sum ^ page[i]) * UINT64_C(0x100000001b3);
		fprintf(w->out, "page %" PRIx64 " %" PRIx64 "\n", pa, sum);
	}
}

static void see_units(const struct world *w)
{
	for (unsigned i = 0; i < w->machine->unit_count; i++) {
		struct unit *unit = w->machine->unit[i].unit;

		for (uint32_t at = 0; at < 0x3000; at += 4) {
			uint64_t value = unit->ops->mmio_read(unit, at, 4);

			if (value)
				fprintf(w->out, "%s %x %" PRIx64 "\n", unit->name, at, value);
		}
	}
}

static void see_devices(const struct world *w)
{
	for (unsigned i = 0; i < w->machine->device_count; i++) {
		struct pci_dev *pci = w->machine->device[i].pci;

		fprintf(w->out, "group %d\n", sio_device_group(&w->machine->device[i]));
		for (unsigned at = 0; pci && at < pci->config_size; at += 4)
			fprintf(w->out, "%x ", pci_config_read(pci, at, 4));
		for (unsigned bar = 0; pci && bar < SIO_ARRAY_SIZE(pci->bar); bar++) {
			for (uint64_t at = 0; at < pci->bar[bar].size && at < 0x400; at += 4)
				fprintf(w->out, "%" PRIx64 " ", pci_bar_read(pci, bar, at, 4));
		}
		fprintf(w->out, "\n");
	}
}

static void see_machine(const struct world *w)
{
	struct sio_fault fault;
	struct sio_stale stale;
	struct sio_stats stats;
	char what[256];

	while (sio_fault_next(w->machine, &fault))
		fprintf(w->out, "fault %s %s %u %d %x %" PRIx64 "\n", fault.unit, fault.requester,
			fault.reason, fault.is_read, fault.flags, fault.address);
	while (sio_stale_next(w->machine, &stale))
		fprintf(w->out, "%s\n", stale.text);
	sio_stats(w->machine, &stats);
	fprintf(w->out, "stats %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		stats.operations, stats.mappings, stats.table_pages, stats.pinned_pages,
		stats.faults);
	ck_assert_msg(sio_audit(w->machine, true, what, sizeof(what)) == 0, "%s", what);
	see_units(w);
	see_devices(w);
	see_memory(w);
}

/* ---- random programs ---- */

static uint64_t random_page(struct world *w, uint64_t bytes)
{
	return prng_below(&w->rng, bytes / SIO_PAGE_SIZE) * SIO_PAGE_SIZE;
}

static void step_map(struct world *w)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
					       .flags = 1 + (uint32_t)prng_below(&w->rng, 3),
					       .vaddr = w->area + random_page(w, AREA),
					       .iova = 16 * MIB + random_page(w, 4 * AREA)};

	map.size = (1 + prng_below(&w->rng, prng_below(&w->rng, 4) ? 8 : 1024)) * SIO_PAGE_SIZE;
	say(w, "map", sio_ioctl(w->process, w->container, VFIO_IOMMU_MAP_DMA, &map));
}

static void step_unmap(struct world *w)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap), .iova = 16 * MIB};

	unmap.iova += random_page(w, 4 * AREA);
	unmap.size = prng_below(&w->rng, 8) ? random_page(w, AREA) : 0;
	unmap.flags = prng_below(&w->rng, 16) ? 0 : VFIO_DMA_UNMAP_FLAG_ALL;
	if (unmap.flags)
		unmap.iova = unmap.size = 0;
	say(w, "unmap", sio_ioctl(w->process, w->container, VFIO_IOMMU_UNMAP_DMA, &unmap));
	fprintf(w->out, "%" PRIx64 "\n", (uint64_t)unmap.size);
}

static void step_dma(struct world *w)
{
	uint64_t iova = 16 * MIB + random_page(w, 4 * AREA), len = 1 + prng_below(&w->rng, 300);
	struct sio_fault fault = {.reason = 0};
	uint8_t buf[300] = {0};

	if (prng_below(&w->rng, 2)) {
		memset(buf, (int)prng_below(&w->rng, 256), len);
		say(w, "write", sio_dma_write(w->device, iova, buf, len, &fault));
	} else {
		say(w, "read", sio_dma_read(w->device, iova, buf, len, &fault));
		fprintf(w->out, "%u %u\n", buf[0], buf[len - 1]);
	}
	fprintf(w->out, "%u %" PRIx64 "\n", fault.reason, fault.address);
}

static void step_memory(struct world *w)
{
	uint64_t at = w->area + random_page(w, AREA);
	uint32_t value = (uint32_t)prng_next(&w->rng);

	switch (prng_below(&w->rng, 4)) {
	case 0:
		say(w, "discard", sio_mem_discard(w->process, at, SIO_PAGE_SIZE));
		break;
	case 1:
		say(w, "get", sio_mem_read(w->process, at, &value, sizeof(value)));
		fprintf(w->out, "%x\n", value);
		break;
	default:
		say(w, "put", sio_mem_write(w->process, at, &value, sizeof(value)));
	}
}

static void step_device(struct world *w)
{
	uint64_t config = (uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40;
	uint32_t value = (uint32_t)prng_next(&w->rng);
	uint64_t at = prng_below(&w->rng, 0x60) & ~UINT64_C(3);

	if (prng_below(&w->rng, 2))
		at += config;
	say(w, "pwrite", sio_pwrite(w->process, w->fd, &value, sizeof(value), at));
	say(w, "pread", sio_pread(w->process, w->fd, &value, sizeof(value), at));
	fprintf(w->out, "%x\n", value);
}

static void step_settings(struct world *w)
{
	static const char *const plans[] = {"type1.pin:nth=2", "alloc:nth=1", "iommu.map:nth=3",
					    "drv.skip-iotlb:nth=1"};

	if (prng_below(&w->rng, 3))
		sio_inject(w->machine, plans[prng_below(&w->rng, 4)], NULL, 0);
	else
		sio_param(w->machine, "dma_entry_limit", prng_below(&w->rng, 20));
}

/* Another process with a container of its own, for another group: it stays until the end. */
static void step_neighbour(struct world *w)
{
	struct sio_device *device =
		&w->machine->device[prng_below(&w->rng, w->machine->device_count)];
	struct sio_process *process = sio_process_create(w->machine);
	int container, group;
	char path[32];

	/* By a plan. */
	if (!process)
		return;
	container = sio_open(process, "/dev/vfio/vfio");
	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device));
	group = sio_open(process, path);
	say(w, "neighbour", group);
	if (group < 0)
		return;
	say(w, "join", sio_ioctl(process, group, VFIO_GROUP_SET_CONTAINER, &container));
	say(w, "set",
	    sio_ioctl(process, container, VFIO_SET_IOMMU, (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU));
	if (prng_below(&w->rng, 2))
		sio_process_exit(process);
}

/* Changes after which a reset has more to do than to forget. */
static void step_system(struct world *w)
{
	struct sio_device *device =
		&w->machine->device[prng_below(&w->rng, w->machine->device_count)];
	char driver[32] = "";

	switch (prng_below(&w->rng, 4)) {
	case 0:
		say(w, "unbind", sio_device_unbind(device));
		break;
	case 1:
		say(w, "bind", sio_device_bind(device, "vfio-pci"));
		break;
	case 2:
		say(w, "bind", sio_device_bind(device, "somebody"));
		break;
	default:
		say(w, "noiommu",
		    sio_param(w->machine, "enable_unsafe_noiommu_mode", prng_below(&w->rng, 2)));
	}
	sio_device_driver(device, driver);
	fprintf(w->out, "%s\n", driver);
}

static void begin(struct world *w)
{
	struct sio_mem mem = {.size = AREA,
			      .prot = SIO_PROT_RW,
			      .contiguity = (enum sio_contiguity)prng_below(&w->rng, 4)};
	char path[32];

	/* Not what a plan of the life before was made for. */
	sio_inject(w->machine, "", NULL, 0);
	w->process = sio_process_create(w->machine);
	w->device = &w->machine->device[prng_below(&w->rng, w->machine->device_count)];
	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(w->device));
	w->container = sio_open(w->process, "/dev/vfio/vfio");
	w->group = sio_open(w->process, path);
	say(w, "group", w->group);
	say(w, "join", sio_ioctl(w->process, w->group, VFIO_GROUP_SET_CONTAINER, &w->container));
	say(w, "set",
	    sio_ioctl(w->process, w->container, VFIO_SET_IOMMU,
		      (void *)(uintptr_t)(prng_below(&w->rng, 3) ? VFIO_TYPE1v2_IOMMU
								 : VFIO_TYPE1_IOMMU)));
	w->fd = sio_ioctl(w->process, w->group, VFIO_GROUP_GET_DEVICE_FD,
			  (void *)(uintptr_t)sio_device_bdf(w->device));
	say(w, "device", w->fd);
	ck_assert_int_eq(sio_mem_map(w->process, &mem, &w->area), 0);
	fprintf(w->out, "area %" PRIx64 "\n", w->area);
}

static void step(struct world *w)
{
	switch (prng_below(&w->rng, 18)) {
	case 17:
		if (!prng_below(&w->rng, 8))
			step_system(w);
		break;
	case 16:
		step_neighbour(w);
		break;
	case 0:
	case 1:
	case 2:
	case 3:
		step_map(w);
		break;
	case 4:
	case 5:
	case 6:
		step_unmap(w);
		break;
	case 7:
	case 8:
	case 9:
		step_dma(w);
		break;
	case 10:
	case 11:
		step_memory(w);
		break;
	case 12:
	case 13:
		step_device(w);
		break;
	case 14:
		step_settings(w);
		break;
	default:
		if (prng_below(&w->rng, 4))
			break;
		sio_process_exit(w->process);
		begin(w);
	}
}

/* Run a program, see the machine in the middle of it. Returns what was seen; free() it. */
static char *run(struct sio_machine *machine, uint64_t seed)
{
	struct world w = {.machine = machine, .rng = {seed}};
	size_t len;
	char *text;

	w.out = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(w.out);
	begin(&w);
	for (unsigned i = 0; i < STEPS; i++)
		step(&w);
	see_machine(&w);
	ck_assert_int_eq(fclose(w.out), 0);
	return text;
}

static char *look(struct sio_machine *machine)
{
	struct world w = {.machine = machine};
	size_t len;
	char *text;

	w.out = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(w.out);
	see_machine(&w);
	ck_assert_int_eq(fclose(w.out), 0);
	return text;
}

static struct sio_machine *machine_with(const char *platform, const char *kernel, bool strict)
{
	const struct sio_machine_cfg cfg = {.platform = platform,
					    .kernel = kernel,
					    .ram_bytes = RAM_BYTES,
					    .seed = 7,
					    .strict = strict};
	struct sio_machine *machine;
	char error[256];

	ck_assert_msg(!sio_machine_create(&cfg, &machine, error, sizeof(error)), "%s", error);
	return machine;
}

static struct sio_machine *machine_of(const char *platform, bool strict)
{
	return machine_with(platform, NULL, strict);
}

/* The first line in which two texts differ. */
static void same(const char *platform, uint64_t seed, char *fresh, char *reset)
{
	const char *a = fresh, *b = reset;

	while (*a && *a == *b)
		a++, b++;
	while (a > fresh && a[-1] != '\n')
		a--, b--;
	ck_assert_msg(!strcmp(fresh, reset), "%s, seed %" PRIu64 ": new \"%.80s\", reset \"%.80s\"",
		      platform, seed, a, b);
	free(fresh);
	free(reset);
}

/*
 * Programs, each followed by a reset, on one machine; beside it a new one for each. Every other
 * program is compared at rest too, before anything could have hidden what is left. All memory of
 * the host comes back, but for the user that the first process brings.
 */
static void compare_programs(const char *platform, const char *kernel, bool strict, unsigned rounds)
{
	struct sio_machine *old = machine_with(platform, kernel, strict);
	int64_t blocks = 0;

	for (uint64_t seed = 1; seed <= rounds; seed++) {
		struct sio_machine *fresh = machine_with(platform, kernel, strict);

		free(run(old, seed * 1000));
		ck_assert_int_eq(sio_machine_reset(old), 0);
		if (seed == 1)
			blocks = old->recycler->live;
		ck_assert_int_eq(old->recycler->live, blocks);
		if (seed % 2)
			same(platform, 0, look(fresh), look(old));
		same(platform, seed, run(fresh, seed), run(old, seed));
		ck_assert_int_eq(sio_machine_reset(old), 0);
		sio_machine_destroy(fresh);
	}
	sio_machine_destroy(old);
}

static const struct {
	const char *platform;
	bool strict;
	unsigned rounds;
} cases[] = {
	{"vtd39", false, 4},     {"vtd39sc", true, 3},   {"vtd48", false, 12},
	{"vtd48", true, 6},      {"vtd48nosc", true, 3}, {"vtd48noir", false, 3},
	{"vtd48sm", false, 6},   {"vtd57", true, 3},     {"vtd57nest", false, 3},
	{"two-drhd", false, 4},  {"laptop", false, 3},   {"narrow", true, 6},
	{"vtd-mixed", false, 4}, {"amdvi", false, 6},    {"amdvi", true, 3},
	{"amdvi-full", true, 3}, {"amd-mixed", true, 3}, {"groups", false, 4},
};

START_TEST(a_reset_machine_cannot_be_told_from_a_new_one)
{
	compare_programs(cases[_i].platform, NULL, cases[_i].strict, cases[_i].rounds);
}
END_TEST

START_TEST(nor_can_it_with_any_kernel)
{
	for (unsigned n = 0; personality_at(n); n++)
		compare_programs(n % 2 ? "two-drhd" : "vtd48", personality_at(n)->name, n & 2, 2);
}
END_TEST

static bool is_probe(const void *ctx, const struct fail_point *point)
{
	return !strcmp(point->name, ctx);
}

static const struct fail_point *point_named(const char *name)
{
	for (size_t n = 0; fail_point_at(n); n++)
		if (!strcmp(fail_point_at(n)->name, name))
			return fail_point_at(n);
	return NULL;
}

/* How often the VT-d driver was loaded meanwhile. */
static uint64_t boots_of_reset(struct sio_machine *machine)
{
	struct fail_plan plan = {0}, *outer;
	uint64_t boots;

	ck_assert(fail_plan_set(&plan, is_probe, "vtd.probe"));
	outer = fail_enter(&plan);
	ck_assert_int_eq(sio_machine_reset(machine), 0);
	fail_leave(outer);
	boots = fail_plan_count(&plan, point_named("vtd.probe")).seen;
	fail_plan_clear(&plan);
	return boots;
}

START_TEST(a_reset_boots_only_what_is_not_as_it_was_booted)
{
	struct sio_machine *machine = machine_of("vtd48", true);
	struct world w = {.machine = machine, .rng = {1}};
	struct sio_device *device = sio_device_find(machine, "A");

	w.out = fopen("/dev/null", "w");
	ck_assert_ptr_nonnull(w.out);
	ck_assert_uint_eq(boots_of_reset(machine), 1);
	ck_assert_uint_eq(boots_of_reset(machine), 0);
	begin(&w);
	for (unsigned i = 0; i < STEPS; i++)
		step_map(&w);
	ck_assert_uint_eq(boots_of_reset(machine), 0);
	ck_assert_int_eq(sio_device_unbind(device), 0);
	ck_assert_uint_eq(boots_of_reset(machine), 1);
	ck_assert_uint_eq(boots_of_reset(machine), 0);
	sio_machine_destroy(machine);
	fclose(w.out);
}
END_TEST

/* A page each in so many leaf tables that those fill more than the memory that a boot takes for
 * tables, at both ends of RAM. */
START_TEST(a_reset_gives_back_all_tables)
{
	struct sio_machine *machine = machine_of("vtd48", false);
	struct world w = {.machine = machine, .rng = {1}};
	struct sio_stats before, stats;
	char *first;

	w.out = fopen("/dev/null", "w");
	ck_assert_ptr_nonnull(w.out);
	ck_assert_uint_eq(boots_of_reset(machine), 1);
	first = look(machine);
	for (unsigned round = 0; round < 2; round++) {
		sio_stats(machine, &before);
		begin(&w);
		for (uint64_t n = 0; n < 10000; n++) {
			struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
							       .flags = 3,
							       .vaddr = w.area,
							       .iova = (2048 + n) << 21,
							       .size = SIO_PAGE_SIZE};

			ck_assert_int_eq(sio_ioctl(w.process, w.container, VFIO_IOMMU_MAP_DMA,
						   &map),
					 0);
		}
		sio_stats(machine, &stats);
		ck_assert_uint_ge(stats.table_pages - before.table_pages, 10000);
		ck_assert_uint_eq(boots_of_reset(machine), 0);
	}
	same("vtd48", 0, first, look(machine));
	sio_machine_destroy(machine);
	fclose(w.out);
}
END_TEST

/* What a rarity did to the system is nothing to go back to. */
START_TEST(a_reset_boots_where_legal_rarities_happen)
{
	struct sio_machine *machine = machine_of("vtd48", false);

	ck_assert_int_eq(sio_rare(machine, "map.small-pages", NULL, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(boots_of_reset(machine), 1);
	ck_assert_int_eq(sio_rare(machine, "", NULL, 0), 0);
	ck_assert_uint_eq(boots_of_reset(machine), 1);
	ck_assert_uint_eq(boots_of_reset(machine), 0);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(reset_gives_back_what_dma_without_an_iommu_wrote)
{
	struct sio_machine *machine = machine_of("vtd48", false);
	struct unit *unit = machine->unit[0].unit;
	struct sio_device *device = sio_device_find(machine, "A");
	const uint32_t enabled = UINT32_C(1) << 31;
	uint8_t mark[64];
	char *before = look(machine);
	uint64_t status;

	/* Translation off: the device reaches what belongs to nobody, and tables not given out yet.
	 */
	status = unit->ops->mmio_read(unit, 0x1c, 4);
	unit->ops->mmio_write(unit, 0x18, 4, status & ~enabled);
	memset(mark, 0xa5, sizeof(mark));
	for (pa_t pa = 3 * MIB; pa < RAM_BYTES - MIB; pa += 0x12340)
		ck_assert_int_eq(sio_dma_write(device, pa, mark, sizeof(mark), NULL), 0);
	ck_assert_int_eq(sio_dma_write(device, 0x1000, mark, sizeof(mark), NULL), 0);
	ck_assert_int_eq(sio_machine_reset(machine), 0);
	same("vtd48", 0, before, look(machine));
	sio_machine_destroy(machine);
}
END_TEST

/* The kernel that stopped is not the one that boots. */
START_TEST(reset_forgets_notices)
{
	struct sio_machine_cfg cfg = {.ram_bytes = RAM_BYTES};
	struct sio_machine *machine;

	ck_assert_int_eq(sio_machine_create(&cfg, &machine, NULL, 0), 0);
	iommu_notice(&machine->iommu, "the kernel stops");
	ck_assert_int_eq(sio_machine_reset(machine), 0);
	ck_assert_ptr_null(sio_notice_next(machine));
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(reset_in_a_row_takes_no_memory)
{
	struct sio_machine *machine = machine_of("amdvi", false);
	char *first = look(machine);

	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(sio_machine_reset(machine), 0);
	same("amdvi", 0, first, look(machine));
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(a_port_outlives_a_reset)
{
	struct sio_machine *machine = machine_of("vtd48", false);
	struct sio_device *device = sio_device_find(machine, "A");
	struct sio_port *port = sio_port_create(machine);
	char byte = 0;

	ck_assert_int_eq(sio_port_dma(port, device, 0x1000, &byte, 1, true, NULL), -EACCES);
	ck_assert_int_eq(sio_machine_reset(machine), 0);
	ck_assert_int_eq(sio_port_dma(port, device, 0x1000, &byte, 1, true, NULL), -EACCES);
	sio_port_destroy(port);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(a_reset_machine_answers_the_selftest_as_before)
{
	const struct sio_machine_cfg cfg = {.platform = "vtd48", .selftest = true};
	struct sio_machine *machine;

	ck_assert_int_eq(sio_machine_create(&cfg, &machine, NULL, 0), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct iommu_test_cmd cmd = {.size = sizeof(cmd),
					     .op = IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
					     .memory_limit = {.limit = 4096}};
		struct sio_process *process = sio_process_create(machine);
		int fd = sio_open(process, "/dev/iommu");

		ck_assert_int_eq(sio_ioctl(process, fd, IOMMU_TEST_CMD, &cmd), 0);
		ck_assert_int_eq(sio_machine_reset(machine), 0);
	}
	sio_machine_destroy(machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine reset");
	TCase *tc = tcase_create("reset");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_reset_machine_cannot_be_told_from_a_new_one, 0,
			    SIO_ARRAY_SIZE(cases));
	tcase_add_test(tc, nor_can_it_with_any_kernel);
	tcase_add_test(tc, a_reset_boots_only_what_is_not_as_it_was_booted);
	tcase_add_test(tc, a_reset_gives_back_all_tables);
	tcase_add_test(tc, a_reset_boots_where_legal_rarities_happen);
	tcase_add_test(tc, reset_gives_back_what_dma_without_an_iommu_wrote);
	tcase_add_test(tc, reset_forgets_notices);
	tcase_add_test(tc, reset_in_a_row_takes_no_memory);
	tcase_add_test(tc, a_port_outlives_a_reset);
	tcase_add_test(tc, a_reset_machine_answers_the_selftest_as_before);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
