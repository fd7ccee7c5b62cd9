// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as operations on two containers of one process, with groups behind unlike units and
 * emulated ones coming and going, pages held by devices, dirty pages, failures on demand and legal
 * rarities, beside a naive reference.
 *
 * After every operation the answer, the charge, the pins, and what devices reach around the place
 * are compared. An operation in which something failed on demand has failed and changed nothing, or
 * has succeeded. All audits hold at every sixteenth operation and at the end, when nothing is left.
 *
 * While a group joins, its device tries at each moment at which something was mapped to reach the
 * addresses that are reserved for it.
 */
#include "multi_run.h"

#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_EVERY 16u

/* At most, with all transfers around it. */
#define LINES_OF_ONE 128u

/* One a kernel and platform; the last kernel is that of the environment. */
static struct kept machines[MULTI_KERNELS + 1][MULTI_PLATFORMS], *machine;

struct multi_session multi_now;

/* ---- what went wrong ---- */

void multi_fail(const char *format, ...)
{
	char what[512];
	struct finding f;
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	multi_print(&f, stderr, multi_now.lines);
	multi_print_mark(&f, what);
}

void multi_compare(const char *what, uint64_t got, uint64_t expected)
{
	if (got != expected)
		multi_fail("%s is 0x%" PRIx64 ", expected 0x%" PRIx64, what, got, expected);
}

static const char *errno_text(int error)
{
	const char *name = error > 0 ? strerrorname_np(error) : NULL;

	return name ? name : error ? "another" : "0";
}

static bool is_busy(void)
{
	return !strcmp(multi_rarity(multi_now.rare), "map.busy");
}

static bool is_unmap(const struct multi_op *op)
{
	return op->kind == MULTI_UNMAP || op->kind == MULTI_UNMAP_ALL ||
	       op->kind == MULTI_INVALIDATE;
}

/* A failure on demand: nothing has changed but what Linux does not take back either. */
static void failed(const struct multi_op *op, const char *point)
{
	struct multi_container *c = &multi_now.m.container[op->container];

	multi_now.m = multi_now.before;
	if (is_unmap(op) && strstr(point, "copy-out"))
		/* All was done before the size could not be told. */
		multi_do(&multi_now.m, op);
	else if (op->kind == MULTI_LEAVE || strstr(point, "report"))
		multi_now.m.lost = true;
	else if (op->kind == MULTI_JOIN && multi_now.came_and_went && !multi_join(&multi_now.m, op))
		multi_leave(&multi_now.m, op);
	else if (op->kind == MULTI_JOIN && multi_now.m.kernel < MULTI_V(5, 10))
		multi_now.m.lost = multi_now.m.leaky = true;
	/* Up to 4.20 the first page of what was refused as a whole may stay. */
	else if (op->kind == MULTI_MAP && multi_now.m.kernel < MULTI_V(5, 0) && is_busy())
		c->stray[c->strays++] = (struct multi_range){op->iova, op->iova + op->size - 1};
	/* Pages before the one that failed were marked, of a copy too. */
	for (uint64_t at = op->iova; op->kind == MULTI_RW && op->write && at - op->iova < op->size;
	     at = (at / MULTI_PAGE + 1) * MULTI_PAGE) {
		struct multi_map *map = multi_find(&multi_now.m, op->container, at);

		if (map)
			multi_mark(&multi_now.m, op->container, map, (at - map->iova) / MULTI_PAGE,
				   false);
	}
	for (uint64_t i = 0; op->kind == MULTI_PIN && i < op->size; i++) {
		uint64_t iova = op->iova + i * MULTI_PAGE;
		struct multi_map *map = multi_find(&multi_now.m, op->container, iova);

		if (map)
			multi_mark(&multi_now.m, op->container, map,
				   (iova - map->iova) / MULTI_PAGE, false);
	}
}

static bool is_documented(int error)
{
	static const int known[] = {EFAULT, EINVAL, ENOMEM, EBUSY, ENODEV,
				    EPERM,  EIO,    ENOSPC, EINTR, EMFILE};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == error)
			return true;
	return false;
}

/* TYPE1 may stop behind the first mapping, and says so. */
static bool was_short(const struct multi_op *op, const struct multi_answer *got,
		      const struct multi_answer *expected)
{
	struct multi_container *c = &multi_now.before.container[op->container];
	const struct multi_map *lowest = NULL;
	struct multi_op one = *op;

	if (strcmp(multi_rarity(multi_now.rare), "unmap.short") || c->v2 ||
	    got->value >= expected->value ||
	    (op->kind != MULTI_UNMAP && (op->kind != MULTI_UNMAP_ALL || op->flags)))
		return false;
	for (unsigned i = 0; i < c->maps; i++)
		if ((op->kind == MULTI_UNMAP_ALL || c->map[i].iova >= op->iova) &&
		    (!lowest || c->map[i].iova < lowest->iova))
			lowest = &c->map[i];
	if (!lowest)
		return false;
	one.kind = MULTI_UNMAP;
	one.iova = lowest->iova;
	one.size = lowest->last - lowest->iova + 1;
	multi_now.m = multi_now.before;
	multi_do(&multi_now.m, &one);
	return got->value == one.size;
}

static void fail_error(const struct multi_op *op, const struct multi_answer *got,
		       const struct multi_answer *expected)
{
	char what[64], wanted[64] = "ret=-1 ...";

	snprintf(what, sizeof(what), "errno %s, expected %s", errno_text(got->error),
		 errno_text(expected->error));
	if (expected->error != MULTI_ANY_ERROR)
		finding_answer(wanted, sizeof(wanted),
			       expected->error ? -expected->error
			       : is_unmap(op)  ? 0
					       : (long)expected->value);
	multi_fail_answer(what, wanted, NULL);
}

/* What an UNMAP removed is told in a field of its own. */
static void fail_value(const struct multi_op *op, const struct multi_answer *expected)
{
	char wanted[64];

	if (is_unmap(op))
		multi_fail_number("the size is another", "size", expected->value);
	finding_answer(wanted, sizeof(wanted), (long)expected->value);
	multi_fail_answer("the number is another", wanted, NULL);
}

/* `point`: what failed on demand, NULL: nothing did. */
static void judge(const struct multi_op *op, const struct multi_answer *got,
		  const struct multi_answer *expected, const char *point)
{
	bool busy = is_busy() && got->error == EBUSY &&
		    (op->kind == MULTI_JOIN ||
		     (op->kind == MULTI_MAP && multi_now.m.kernel >= MULTI_V(5, 0)));
	bool agrees =
		got->error == expected->error || (expected->error == MULTI_ANY_ERROR && got->error);

	if (got->error && (point || (busy && !agrees))) {
		if (!is_documented(got->error) && !agrees)
			multi_fail("errno %s is not documented", errno_text(got->error));
		failed(op, point ? point : "");
		return;
	}
	if (!agrees)
		fail_error(op, got, expected);
	/* What was done another way, a domain of its own for one, is not known. */
	if (point && (op->kind == MULTI_JOIN || op->kind == MULTI_LEAVE))
		multi_now.m.lost = true;
	/* The capability is asked for once and remembered with the mapping. */
	if (point && op->kind == MULTI_MAP && strstr(point, "ipc-lock"))
		multi_find(&multi_now.m, op->container, op->iova)->lock_cap = false;
	if (!was_short(op, got, expected) && got->value != expected->value)
		fail_value(op, expected);
}

static void step(struct multi_op *op)
{
	struct multi_answer expected, got;
	const char *point = NULL;
	unsigned answered;
	char plan[64];

	if (!multi_knows(&multi_now.m, op) || multi_now.lines + LINES_OF_ONE > MULTI_LINES)
		return;
	fuzz_counts->operations++;
	if (op->kind == MULTI_LEAVE) {
		op->container =
			multi_now.m.in[op->group] < 0 ? 0 : (unsigned)multi_now.m.in[op->group];
		multi_before_leaving(op);
	}
	multi_now.before = multi_now.m;
	multi_now.op = op;
	expected = multi_do(&multi_now.m, op);
	multi_plan(op, plan, sizeof(plan));
	if (op->nth && sio_inject(multi_now.machine, plan, NULL, 0))
		multi_fail("%s is no plan", plan);
	if (op->nth)
		multi_note((struct multi_line){.word = MULTI_SAY_INJECT,
					       .flags = (uint8_t)op->select,
					       .size = op->nth},
			   0);
	got = multi_run(op);
	if (op->nth && sio_injected(multi_now.machine))
		point = sio_inject_last(multi_now.machine);
	answered = multi_now.answered;
	if (op->nth) {
		sio_inject(multi_now.machine, "", NULL, 0);
		multi_note((struct multi_line){.word = MULTI_SAY_INJECT_OFF}, 0);
	}
	multi_now.answered = answered;
	judge(op, &got, &expected, point);
	if (multi_now.m.lost || fuzz_bare())
		return;
	if (op->kind <= MULTI_LEAVE)
		multi_probe(op);
	multi_check_state();
}

/* ---- sessions ---- */

/* What is dirty, of each mapping: before it is forgotten. */
static void report_all(unsigned container)
{
	const struct multi_container *c = &multi_now.m.container[container];

	for (unsigned i = 0; i < c->maps && c->tracking && !multi_now.m.lost; i++) {
		struct multi_op op = {.kind = MULTI_DIRTY,
				      .container = container,
				      .iova = c->map[i].iova,
				      .size = c->map[i].last - c->map[i].iova + 1};

		step(&op);
	}
}

static void open_files(void)
{
	char path[32];

	for (unsigned i = 0; i < MULTI_CONTAINERS; i++)
		multi_now.container[i] = sio_open(multi_now.process, "/dev/vfio/vfio");
	for (unsigned i = 0; i < MULTI_GROUPS; i++) {
		multi_now.group[i] = multi_now.fd[i] = -1;
		if (i >= MULTI_IOMMU && multi_now.m.kernel < MULTI_V(4, 10))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(multi_now.device[i]));
		multi_now.group[i] = sio_open(multi_now.process, path);
		if (multi_now.group[i] < 0 ||
		    sio_device_on_unmap(multi_now.device[i], multi_asked, NULL))
			multi_fail("%s cannot be opened", path);
	}
}

static void make_memory(void)
{
	uint64_t address;

	for (unsigned i = 0; i < MULTI_AREAS; i++) {
		struct sio_mem mem = {
			.address = multi_areas[i].address,
			.size = multi_areas[i].pages * MULTI_PAGE,
			.prot = multi_areas[i].writable ? SIO_PROT_RW : SIO_PROT_READ,
			.kind = SIO_MEM_SHARED,
			.contiguity = multi_areas[i].huge ? SIO_RUN_2M : SIO_RUN_4K,
		};

		if (sio_mem_map(multi_now.process, &mem, &address))
			abort();
	}
}

static void prepare(void)
{
	static const char *const name[MULTI_GROUPS] = {"A", "B", "C", "D", "V0", "V1"};

	sio_param(multi_now.machine, "dma_entry_limit", MULTI_MAPS);
	sio_param(multi_now.machine, "allow_unsafe_interrupts", 1);
	sio_rare(multi_now.machine, "", NULL, 0);
	multi_now.process = sio_process_create(multi_now.machine);
	if (!multi_now.process)
		abort();
	for (unsigned i = 0; i < MULTI_GROUPS; i++)
		multi_now.device[i] = sio_device_find(multi_now.machine, name[i]);
	make_memory();
	/* As before 6.6: whoever opens a device may take it away from firmware's memory. */
	for (unsigned i = 0; i < MULTI_IOMMU; i++)
		multi_now.device[i]->iommu->require_direct = false;
	open_files();
	multi_now.machine->iommu.moment = multi_moment;
}

/* Nothing differed, and it was asked for. */
static void record(void)
{
	FILE *out = finding_record();
	struct finding f;

	if (!out)
		return;
	multi_print(&f, out, multi_now.lines);
	finding_end(&f);
	fclose(out);
}

/* Everything is let go: nothing may be left but what a kernel itself keeps. */
static void finish(void)
{
	multi_set_rare(0);
	for (unsigned c = 0; c < MULTI_CONTAINERS; c++)
		report_all(c);
	if (!multi_now.m.lost)
		multi_audit();
	for (unsigned i = 0; i < MULTI_GROUPS; i++) {
		struct multi_op leave = {.kind = MULTI_LEAVE, .group = i};

		if (multi_now.fd[i] < 0)
			continue;
		multi_now.op = &leave;
		multi_before_leaving(&leave);
		if (multi_run_leave(&leave).error)
			multi_fail("group %u cannot leave at the end", i);
		multi_leave(&multi_now.m, &leave);
	}
	multi_now.machine->iommu.moment = NULL;
	if (multi_now.m.leaky) {
		record();
		return;
	}
	multi_audit();
	if (!fuzz_bare())
		multi_check_state();
	record();
	sio_process_exit(multi_now.process);
	multi_note((struct multi_line){.word = MULTI_SAY_EXIT}, 0);
	multi_audit();
}

static unsigned version(const char *kernel)
{
	unsigned major = 0, minor = 0;

	if (sscanf(kernel, "%u.%u", &major, &minor) != 2 ||
	    MULTI_V(major, minor) < MULTI_V(3, 14)) {
		fprintf(stderr, "multi: kernel %s is not followed\n", kernel);
		exit(2);
	}
	return MULTI_V(major, minor);
}

static struct kept *machine_for(unsigned k, unsigned platform)
{
	struct kept *kept = &machines[k][platform];
	struct sio_machine_cfg cfg = {
		.platform_text = multi_platforms[platform].text,
		.kernel = multi_now.kernel,
		.strict = true,
	};
	char error[512] = "";

	if (kept_begin(kept, &cfg, error, sizeof(error))) {
		fprintf(stderr, "multi: no machine: %s\n", error);
		abort();
	}
	return kept;
}

/* FUZZ_PLATFORM: one of ours, or else any with units of its maker. */
static unsigned choose_platform(const char *wanted, unsigned chosen)
{
	bool amd = wanted && !strncmp(wanted, "amd", 3);

	if (!wanted)
		return chosen;
	for (unsigned i = 0; i < MULTI_PLATFORMS; i++)
		if (!strcmp(wanted, multi_platforms[i].preset))
			return i;
	while (multi_platforms[chosen].amd != amd)
		chosen = (chosen + 1) % MULTI_PLATFORMS;
	return chosen;
}

static void choose(const uint8_t *head)
{
	const char *kernel = fuzz_kernel();

	memset(&multi_now, 0, offsetof(struct multi_session, line));
	multi_setup(&multi_now.setup, head);
	multi_now.setup.platform = choose_platform(fuzz_platform(), multi_now.setup.platform);
	snprintf(multi_now.kernel, sizeof(multi_now.kernel), "%s",
		 kernel ? kernel : multi_kernels[multi_now.setup.kernel]);
	multi_init(&multi_now.m, version(multi_now.kernel), &multi_now.setup);
	machine = machine_for(kernel ? MULTI_KERNELS : multi_now.setup.kernel,
			      multi_now.setup.platform);
	multi_now.machine = machine->machine;
}

/* What all sessions begin with. */
static void begin(void)
{
	struct multi_op op = {.kind = MULTI_RARE, .value = multi_now.setup.rare};

	step(&op);
	for (unsigned c = 0; c < MULTI_CONTAINERS; c++) {
		op = (struct multi_op){.kind = MULTI_JOIN,
				       .container = c,
				       .group = multi_now.setup.first[c]};
		if (multi_now.m.kernel < MULTI_V(4, 10))
			op.group %= MULTI_IOMMU;
		if (op.group < MULTI_GROUPS)
			step(&op);
	}
	for (unsigned c = 0; c < MULTI_CONTAINERS; c++) {
		op = (struct multi_op){.kind = MULTI_TRACK, .container = c, .value = 1};
		if (multi_now.setup.tracks)
			step(&op);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = records_count(size);
	struct multi_op op;
	const char *wrong;

	if (!count)
		return 0;
	fuzz_counts->inputs++;
	choose(data);
	prepare();
	begin();
	for (size_t i = 0; i < count && !multi_now.m.lost; i++) {
		multi_decode(&op, &multi_now.setup, data + (i + 1) * RECORD_BYTES, &multi_now.m);
		if (op.kind == MULTI_TRACK && !op.value)
			report_all(op.container);
		if (multi_now.m.lost)
			break;
		step(&op);
		if (i % AUDIT_EVERY == AUDIT_EVERY - 1 && !multi_now.m.lost)
			multi_audit();
	}
	finish();
	wrong = kept_end(machine);
	if (wrong)
		multi_fail("%s", wrong);
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
