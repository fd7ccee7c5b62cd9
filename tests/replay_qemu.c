// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of QEMU, replayed from the dump of their ioctls and from QEMU's own log.
 *
 * The test reads the files itself, by other code than the importers, and keeps its own list of what
 * each operation implies is mapped. Every 100 operations, and at the end, that list is compared
 * with what a walk through the units' tables in emulated memory finds (second_walk.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <linux/vfio.h>

#include "harness.h"
#include "machine.h"
#include "second_walk.h"
#include "trace/replay.h"

#define CHECK_EVERY 100
#define RANGES      8192

/* Counts of the MAP and UNMAP ioctls of each run. */
static const struct run {
	const char *name;
	unsigned maps, unmaps;
	bool compressed, iommufd;
} runs[] = {
	{"01-seabios-q35", 19, 12, false, false},
	{"01b-seabios-pc-vga-reset", 46, 34, false, false},
	{"02-linux-no-viommu", 44, 33, true, false},
	{"04-two-groups-hotplug-reset", 75, 67, false, false},
	{"06-qemu52-seabios-q35", 19, 12, false, false},
	{"07-qemu100-viommu-nvme", 688, 686, false, false},
	{"08-qemu111-seabios-q35", 19, 12, false, false},
	{"13-iommufd-qemu100-seabios-q35", 19, 12, false, true},
	{"14-simple-backend-seabios-q35", 19, 12, false, false},
};

enum { RUNS = sizeof(runs) / sizeof(runs[0]) };

/* ---- the test's own reading of the traces ---- */

struct range {
	uint64_t first, last;
	unsigned perm; /* 1 read, 2 write */
};

struct call {
	unsigned line;
	bool is_map, failed;
	struct range range;
};

struct calls {
	struct call call[4096];
	unsigned count;
};

static uint64_t little_endian(const char *hex, unsigned offset, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = bytes; i-- > 0;) {
		unsigned byte = 0;

		ck_assert_int_eq(sscanf(hex + 2 * (offset + i), "%2x", &byte), 1);
		value = value << 8 | byte;
	}
	return value;
}

static bool read_ioas_line(const char *line, const char *in, struct call *call)
{
	bool is_map = strstr(line, " IOMMU_IOAS_MAP ") != NULL;
	unsigned flags = is_map ? (unsigned)little_endian(in, 4, 4) : 0;

	*call = (struct call){.is_map = is_map, .failed = !strstr(line, " ret=0 ")};
	/* Bit 1 writeable, bit 2 readable. */
	call->range.perm = (flags >> 2 & 1) | (flags & 2);
	call->range.first = little_endian(in, is_map ? 32 : 8, 8);
	call->range.last = call->range.first + little_endian(in, is_map ? 24 : 16, 8) - 1;
	return true;
}

static bool read_dump_line(const char *line, struct call *call)
{
	const char *in = strstr(line, " in=");
	bool is_map = strstr(line, " VFIO_IOMMU_MAP_DMA ") != NULL;
	uint64_t size;

	if (in && (strstr(line, " IOMMU_IOAS_MAP ") || strstr(line, " IOMMU_IOAS_UNMAP ")))
		return read_ioas_line(line, in + 4, call);
	if (!in || (!is_map && !strstr(line, " VFIO_IOMMU_UNMAP_DMA ")))
		return false;
	in += 4;
	*call = (struct call){.is_map = is_map, .failed = !strstr(line, " ret=0 ")};
	call->range.perm = is_map ? (unsigned)little_endian(in, 4, 4) : 0;
	call->range.first = little_endian(in, is_map ? 16 : 8, 8);
	size = little_endian(in, is_map ? 24 : 16, 8);
	call->range.last = call->range.first + size - 1;
	return true;
}

/* The log names no permission: what is invented is read-write. */
static bool read_log_line(const char *line, struct call *call)
{
	static const struct {
		const char *event, *format;
		bool is_map;
	} kinds[] = {
		{"vfio_listener_region_add_ram ", "region_add [ram] 0x%lx - 0x%lx", true},
		{"vfio_listener_region_del ", "region_del 0x%lx - 0x%lx", false},
		{"vfio_iommu_map_notify ", "iommu MAP @ 0x%lx - 0x%lx", true},
		{"vfio_iommu_map_notify ", "iommu UNMAP @ 0x%lx - 0x%lx", false},
	};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *at = strstr(line, kinds[i].event);
		unsigned long first, last;

		if (!at || sscanf(at + strlen(kinds[i].event), kinds[i].format, &first, &last) != 2)
			continue;
		*call = (struct call){.is_map = kinds[i].is_map, .range = {first, last, 3}};
		return true;
	}
	return false;
}

/* With iommufd the log repeats every change with its permission and its result. */
static bool read_iommufd_line(const char *line, struct call *call)
{
	static const char map[] = "iommufd_backend_map_dma ",
			  unmap[] = "iommufd_backend_unmap_dma ";
	const char *at = strstr(line, map);
	bool is_map = at != NULL;
	unsigned long first, size;
	int ret, readonly = 0;

	if (!at)
		at = strstr(line, unmap);
	if (!at)
		return false;
	if (is_map)
		ck_assert_int_eq(sscanf(at + strlen(map),
					" iommufd=%*d ioas=%*d iova=0x%lx size=0x%lx addr=%*s "
					"readonly=%d (%d)",
					&first, &size, &readonly, &ret),
				 4);
	else
		ck_assert_int_eq(sscanf(at + strlen(unmap),
					" iommufd=%*d ioas=%*d iova=0x%lx size=0x%lx (%d)", &first,
					&size, &ret),
				 3);
	*call = (struct call){.is_map = is_map, .failed = ret != 0};
	call->range = (struct range){first, first + size - 1, readonly ? 1 : 3};
	return true;
}

static bool read_line(const struct run *run, bool is_dump, const char *line, struct call *call)
{
	if (is_dump)
		return read_dump_line(line, call);
	return run->iommufd ? read_iommufd_line(line, call) : read_log_line(line, call);
}

static void read_calls(const struct run *run, const char *path, bool is_dump, struct calls *calls)
{
	static char line[65536];
	gzFile file = gzopen(path, "rb");
	unsigned number = 0;

	ck_assert_msg(file != NULL, "%s", path);
	calls->count = 0;
	while (gzgets(file, line, sizeof(line))) {
		struct call *call = &calls->call[calls->count];

		number++;
		if (!read_line(run, is_dump, line, call))
			continue;
		call->line = number;
		ck_assert_uint_lt(++calls->count, 4096);
	}
	gzclose(file);
}

/* ---- sets of ranges ---- */

struct set {
	struct range range[RANGES];
	unsigned count;
};

static int by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* In order, neighbours with equal permission joined. */
static void normalise(struct set *set)
{
	unsigned kept = 0;

	qsort(set->range, set->count, sizeof(set->range[0]), by_first);
	for (unsigned i = 0; i < set->count; i++) {
		struct range *last = kept ? &set->range[kept - 1] : NULL;

		if (last && last->perm == set->range[i].perm &&
		    last->last + 1 == set->range[i].first)
			last->last = set->range[i].last;
		else
			set->range[kept++] = set->range[i];
	}
	set->count = kept;
}

/* What the calls up to a line leave mapped; no call of these runs cuts a mapping. */
static void imply(const struct calls *calls, unsigned line, struct set *set)
{
	set->count = 0;
	for (unsigned i = 0; i < calls->count && calls->call[i].line <= line; i++) {
		const struct call *call = &calls->call[i];
		unsigned kept = 0;

		if (call->failed)
			continue;
		if (call->is_map) {
			ck_assert_uint_lt(set->count, RANGES);
			set->range[set->count++] = call->range;
			continue;
		}
		for (unsigned r = 0; r < set->count; r++)
			if (set->range[r].first < call->range.first ||
			    set->range[r].last > call->range.last)
				set->range[kept++] = set->range[r];
		set->count = kept;
	}
	normalise(set);
}

static void add_leaf(void *ctx, const struct second_leaf *leaf)
{
	struct set *set = ctx;
	struct range range = {leaf->iova, leaf->iova + leaf->bytes - 1, leaf->raw & 3};
	struct range *last = set->count ? &set->range[set->count - 1] : NULL;

	if (last && last->perm == range.perm && last->last + 1 == range.first) {
		last->last = range.last;
		return;
	}
	ck_assert_uint_lt(set->count, RANGES);
	set->range[set->count++] = range;
}

/* ---- the comparison ---- */

struct watch {
	const char *path;
	struct calls calls;
	struct set implied, walked;
	unsigned walks, devices; /* tables walked; most devices seen at once */
	unsigned next;           /* call that the next MAP or UNMAP of the replay must be */
	/* A second device joins the container at this operation, 0: none. */
	uint64_t join_at;
	const char *join_name;
	int join_group;
	char first_difference[1024];
};

static void compare_tables(struct watch *watch, struct sio_machine *machine,
			   const struct sio_device *device, unsigned line)
{
	unsigned levels;
	uint64_t root;
	uint16_t did;

	watch->walked.count = 0;
	ck_assert_msg(second_root(device->iommu->unit, machine->phys, pci_requester_id(device->fn),
				  &root, &levels, &did),
		      "%s:%u: no context entry for %s", watch->path, line, device->bdf);
	second_each(machine->phys, root, levels, 0, add_leaf, &watch->walked);
	normalise(&watch->walked);
	watch->walks++;
	ck_assert_msg(watch->walked.count == watch->implied.count,
		      "%s:%u: %s translates %u ranges, the operations imply %u", watch->path, line,
		      device->bdf, watch->walked.count, watch->implied.count);
	for (unsigned i = 0; i < watch->walked.count; i++) {
		const struct range *a = &watch->walked.range[i], *b = &watch->implied.range[i];

		ck_assert_msg(
			a->first == b->first && a->last == b->last && a->perm == b->perm,
			"%s:%u: %s translates %lx-%lx (%u), the operations imply %lx-%lx (%u)",
			watch->path, line, device->bdf, (unsigned long)a->first,
			(unsigned long)a->last, a->perm, (unsigned long)b->first,
			(unsigned long)b->last, b->perm);
	}
}

/* Each device in the container translates exactly what the operations up to `line` imply. */
static void check_tables(struct watch *watch, struct sio_machine *machine, unsigned line)
{
	unsigned devices = 0;

	imply(&watch->calls, line, &watch->implied);
	for (unsigned i = 0; i < machine->device_count; i++) {
		const struct sio_device *device = &machine->device[i];

		if (!device->pci || !device->iommu || !device->iommu->group ||
		    device->iommu->group->domain->type != IOMMU_DOMAIN_UNMANAGED)
			continue;
		compare_tables(watch, machine, device, line);
		devices++;
	}
	if (devices > watch->devices)
		watch->devices = devices;
}

static void join(struct watch *watch, const struct replay_view *view)
{
	struct sio_device *device = sio_device_find(view->machine, watch->join_name);
	int container = view->container;
	char path[64];

	ck_assert_ptr_nonnull(device);
	ck_assert_int_ge(container, 0);
	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device));
	watch->join_group = sio_open(view->process, path);
	ck_assert_int_ge(watch->join_group, 0);
	ck_assert_int_eq(sio_ioctl(view->process, watch->join_group, VFIO_GROUP_SET_CONTAINER,
				   &container),
			 0);
}

static bool is_memory_kind(const char *kind)
{
	return !strcmp(kind, "MAP") || !strcmp(kind, "UNMAP") ||
	       !strcmp(kind, "VFIO_IOMMU_MAP_DMA") || !strcmp(kind, "VFIO_IOMMU_UNMAP_DMA") ||
	       !strcmp(kind, "IOMMU_IOAS_MAP") || !strcmp(kind, "IOMMU_IOAS_UNMAP");
}

/* Every MAP and UNMAP of the trace is done, in order, and nothing else. */
static void check_order(struct watch *watch, const struct replay_view *view)
{
	const struct call *call = &watch->calls.call[watch->next++];

	ck_assert_uint_le(watch->next, watch->calls.count);
	ck_assert_msg(call->line == view->line, "%s: line %u done, line %u is next", watch->path,
		      view->line, call->line);
	ck_assert_msg(call->is_map == (strstr(view->kind, "UNMAP") == NULL), "%s:%u: %s",
		      watch->path, view->line, view->kind);
}

static void after_operation(void *ctx, const struct replay_view *view)
{
	struct watch *watch = ctx;

	if (is_memory_kind(view->kind))
		check_order(watch, view);
	if (watch->join_at && view->operation == watch->join_at)
		join(watch, view);
	if (view->operation % CHECK_EVERY == 0 || view->operation == watch->join_at)
		check_tables(watch, view->machine, view->line);
}

static void keep_first(void *ctx, const struct replay_difference *d)
{
	struct watch *watch = ctx;

	if (!watch->first_difference[0])
		snprintf(watch->first_difference, sizeof(watch->first_difference),
			 "%s:%u: %.300s\n  expected %.300s\n  got      %.300s", d->file, d->line,
			 d->text, d->expected, d->got);
}

/* ---- the replays ---- */

static struct watch watch;

static uint64_t count_of(const struct replay_result *result, const char *kind)
{
	for (unsigned i = 0; i < result->kinds; i++)
		if (!strcmp(result->kind[i].name, kind))
			return result->kind[i].count;
	return 0;
}

static void name_path(char *path, size_t size, const struct run *run, bool is_dump)
{
	snprintf(path, size, SIO_TRACES_DIR "/qemu/%s/%s", run->name,
		 is_dump           ? "vfio-ioctls.txt"
		 : run->compressed ? "qemu-trace.log.gz"
				   : "qemu-trace.log");
}

static void replay(const struct run *run, bool is_dump, const char *platform)
{
	struct replay_cfg cfg = {
		.platform = platform,
		.strict = true,
		.audit_every = is_dump ? 50 : 25,
		.thorough = true,
		.difference = keep_first,
		.after_operation = after_operation,
		.ctx = &watch,
	};
	struct replay_result result;
	char path[512], error[512];
	int rc;

	name_path(path, sizeof(path), run, is_dump);
	watch.path = path;
	watch.first_difference[0] = '\0';
	watch.walks = 0;
	watch.devices = 0;
	watch.next = 0;
	read_calls(run, path, is_dump, &watch.calls);
	rc = replay_file(path, &cfg, &result, error, sizeof(error));
	ck_assert_msg(rc == 0, "%s", error);
	ck_assert_msg(result.different == 0,
		      "%llu differ, first %s\nreproduce: softiommu replay --platform %s %s",
		      (unsigned long long)result.different, watch.first_difference, platform, path);
	ck_assert_msg(result.audit_failures == 0, "%s: %s", path, result.first_audit);
	ck_assert_msg(result.stale == 0, "%s: stale translations", path);
	ck_assert_uint_eq(count_of(&result, !is_dump       ? "MAP"
					    : run->iommufd ? "IOMMU_IOAS_MAP"
							   : "VFIO_IOMMU_MAP_DMA"),
			  run->maps);
	ck_assert_uint_eq(count_of(&result, !is_dump       ? "UNMAP"
					    : run->iommufd ? "IOMMU_IOAS_UNMAP"
							   : "VFIO_IOMMU_UNMAP_DMA"),
			  run->unmaps);
	ck_assert_uint_eq(watch.next, watch.calls.count);
	check_tables(&watch, result.machine, UINT32_MAX);
	ck_assert_uint_gt(watch.walks, 0);
	replay_result_fini(&result);
}

START_TEST(the_dump_of_a_run_gets_every_answer)
{
	replay(&runs[_i], true, "qemu-host");
}
END_TEST

START_TEST(the_log_of_a_run_maps_what_the_run_mapped)
{
	replay(&runs[_i], false, "qemu-host");
}
END_TEST

START_TEST(log_and_dump_make_the_same_calls)
{
	static struct calls from_log, from_dump;
	char path[512];

	name_path(path, sizeof(path), &runs[_i], false);
	read_calls(&runs[_i], path, false, &from_log);
	name_path(path, sizeof(path), &runs[_i], true);
	read_calls(&runs[_i], path, true, &from_dump);
	ck_assert_uint_eq(from_log.count, from_dump.count);
	for (unsigned i = 0; i < from_log.count; i++) {
		const struct call *a = &from_log.call[i], *b = &from_dump.call[i];

		ck_assert(a->is_map == b->is_map);
		ck_assert_uint_eq(a->range.first, b->range.first);
		ck_assert_uint_eq(a->range.last, b->range.last);
	}
}
END_TEST

START_TEST(hot_plugged_groups_work_behind_two_units)
{
	replay(&runs[3], _i == 0, "two-drhd");
	ck_assert_uint_ge(watch.devices, 2);
}
END_TEST

/* 00:03.0 runs alone on one unit; 00:05.0 is on the other and finds everything mapped. */
START_TEST(a_device_that_joins_midway_gets_the_same_view)
{
	static const char *const platforms[] = {"qemu-host", "two-drhd"};

	watch.join_at = _i < 2 ? 35 : 30;
	watch.join_name = "00:05.0";
	replay(&runs[0], _i < 2, platforms[_i % 2]);
	watch.join_at = 0;
	ck_assert_uint_eq(watch.devices, 2);
}
END_TEST

/* All operations of the run with iommufd, by kind. */
START_TEST(a_run_through_iommufd_has_all_its_operations)
{
	static const struct {
		const char *kind;
		unsigned count;
	} dump[] = {{"VFIO_DEVICE_BIND_IOMMUFD", 1},
		    {"IOMMU_GET_HW_INFO", 1},
		    {"IOMMU_IOAS_ALLOC", 1},
		    {"IOMMU_HWPT_ALLOC", 1},
		    {"VFIO_DEVICE_ATTACH_IOMMUFD_PT", 1},
		    {"IOMMU_IOAS_IOVA_RANGES", 2},
		    {"IOMMU_IOAS_MAP", 19},
		    {"IOMMU_IOAS_UNMAP", 12},
		    {"VFIO_DEVICE_GET_INFO", 1},
		    {"VFIO_DEVICE_GET_REGION_INFO", 7},
		    {"VFIO_DEVICE_GET_IRQ_INFO", 2},
		    {"VFIO_DEVICE_SET_IRQS", 6},
		    {"VFIO_DEVICE_FEATURE", 1},
		    {"VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", 2}},
	  log[] = {{"open", 1},        {"bind", 1},     {"ioas-alloc", 1}, {"hwpt-alloc", 1},
		   {"attach", 1},      {"MAP", 19},     {"UNMAP", 12},     {"device-info", 1},
		   {"region-info", 7}, {"irq-info", 1}, {"set-irqs", 5},   {"hot-reset-info", 2}};
	struct replay_cfg cfg = {.difference = keep_first, .ctx = &watch};
	struct replay_result result;
	char path[512], error[512];
	unsigned kinds = _i ? 12 : 14;

	name_path(path, sizeof(path), &runs[7], _i == 0);
	watch.first_difference[0] = '\0';
	ck_assert_msg(!replay_file(path, &cfg, &result, error, sizeof(error)), "%s", error);
	ck_assert_msg(result.different == 0, "%s", watch.first_difference);
	ck_assert_uint_eq(result.operations, _i ? 52 : 57);
	ck_assert_uint_eq(result.kinds, kinds);
	for (unsigned i = 0; i < kinds; i++)
		ck_assert_msg(count_of(&result, _i ? log[i].kind : dump[i].kind) ==
				      (_i ? log[i].count : dump[i].count),
			      "%s: %s", path, _i ? log[i].kind : dump[i].kind);
	replay_result_fini(&result);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay_qemu");
	TCase *tcase = tcase_create("runs");

	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(tcase, the_dump_of_a_run_gets_every_answer, 0, RUNS);
	tcase_add_loop_test(tcase, the_log_of_a_run_maps_what_the_run_mapped, 0, RUNS);
	tcase_add_loop_test(tcase, log_and_dump_make_the_same_calls, 0, RUNS);
	tcase_add_loop_test(tcase, hot_plugged_groups_work_behind_two_units, 0, 2);
	tcase_add_loop_test(tcase, a_device_that_joins_midway_gets_the_same_view, 0, 4);
	tcase_add_loop_test(tcase, a_run_through_iommufd_has_all_its_operations, 0, 2);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
