// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as operations on a type1 container of any kernel, beside a naive reference.
 *
 * Every answer, the charge, and what a device reaches are compared with the reference as long as
 * that knows the rules; all audits hold at every sixteenth operation and at the end, when nothing
 * must be left. A difference prints the session as a recording, its last line marked, and aborts.
 *
 * A machine is made once for each kernel and platform, and reset between inputs. FUZZ_BARE leaves
 * what measures the emulator alone: the operations, and the idea of which mappings there are.
 */
#include "fuzz.h"

#include "type1.h"

#include "core/personality.h"
#include "trace/session.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNELS_MAX 32u
#define AUDIT_EVERY 16u
static struct kept machines[KERNELS_MAX][OPS_PLATFORMS];

/* ---- what went wrong ---- */

static void print_start(const struct client *s)
{
	fprintf(stderr, "# kernel: Linux %s\n# platform: %s\n# container: type1\n", s->kernel,
		s->platform->name);
	fprintf(stderr, "# caps=%s\n", s->setup.unprivileged ? "no_ipc_lock" : "all");
	if (s->has_limit)
		fprintf(stderr, "param dma_entry_limit %u => ret=0\n", s->setup.entry_limit);
	for (unsigned i = 0; i < OPS_GROUPS; i++)
		fprintf(stderr, "device d%u %s => ret=0 group=%d\n", i,
			sio_device_bdf(s->device[i]), sio_device_group(s->device[i]));
	for (unsigned i = 0; i < OPS_AREAS; i++) {
		const struct ops_area *area = &ops_areas[i];

		fprintf(stderr, "%sbuffer %s size=0x%" PRIx64 " prot=%s huge=%d kind=%s => ret=0\n",
			area->device ? "# " : "", area->name, area->pages * OPS_PAGE,
			area->writable ? "rw" : "r", area->huge,
			area->device      ? "registers"
			: area->anonymous ? "anon"
					  : "shared");
	}
	fprintf(stderr, "container c => ret=0\n");
	for (unsigned i = 0; i < OPS_GROUPS; i++)
		fprintf(stderr, "group g%u d%u => ret=0 status_flags=0x1\n", i, i);
}

/* The answer that a recording of the operation would have. */
static void print_answer(const struct line *line)
{
	const struct op *op = &line->op;
	const struct naive_answer *answer = &line->answer;
	bool unmap = op->kind == OP_UNMAP || op->kind == OP_INVALIDATE || op->kind == OP_UNMAP_ALL;
	char name[16];

	if (answer->error)
		fprintf(stderr, " => ret=-1 errno=%s", session_errno_name(answer->error, name));
	else
		fprintf(stderr, " => ret=%" PRIu64, op->kind == OP_EXTENSION ? answer->value : 0);
	if (unmap && !line->set_iommu)
		fprintf(stderr, " size=0x%" PRIx64, answer->error ? op->size : answer->value);
}

/* What has no answer that fits into a line is no operation of a recording. */
static void print_line(const struct line *line)
{
	const struct op *op = &line->op;
	char text[160];
	bool whole;

	if (line->set_iommu)
		snprintf(text, sizeof(text), "set_iommu c %d", line->set_iommu);
	else
		ops_text(op, text, sizeof(text));
	whole = line->answered && text[0] != '#' &&
		(line->answer.error || line->set_iommu ||
		 (op->kind != OP_INFO && op->kind != OP_DIRTY));
	fprintf(stderr, "%s%s", whole || text[0] == '#' ? "" : "# ", text);
	if (whole)
		print_answer(line);
	fputc('\n', stderr);
}

void client_fail(const struct client *s, const char *format, ...)
{
	va_list args;

	print_start(s);
	for (unsigned i = 0; i < s->lines; i++)
		print_line(&s->line[i]);
	fprintf(stderr, "# ^^^ type1: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void client_compare(const struct client *s, const char *what, uint64_t got, uint64_t expected)
{
	if (got != expected)
		client_fail(s, "%s is 0x%" PRIx64 ", expected 0x%" PRIx64, what, got, expected);
}

/* ---- operations ---- */

int client_ioctl(const struct client *s, unsigned process, int fd, unsigned long request, void *arg)
{
	int rc = sio_ioctl(s->process[process], fd, request, arg);

	return rc < 0 ? -errno : rc;
}

/* The operation is a line of the session: for its answer, if that is known already or later. */
static struct line *note(struct client *s, const struct op *op, const struct naive_answer *answer)
{
	struct line *line = &s->line[s->lines++];

	line->op = *op;
	line->set_iommu = 0;
	line->answered = answer != NULL;
	if (answer)
		line->answer = *answer;
	return line;
}

/* ---- sessions ---- */

static void audit(const struct client *s)
{
	char what[512];

	if (!fuzz_bare() && sio_audit(s->machine, true, what, sizeof(what)))
		client_fail(s, "%s", what);
}

/* What changed is looked at by every device: a probe after MAP fills caches, so that one after
 * UNMAP finds out whether they have been emptied. */
static void probe(struct client *s, const struct op *op)
{
	struct op dma = {.kind = OP_DMA, .write = op->write};

	for (dma.group = 0; dma.group < OPS_GROUPS; dma.group++) {
		dma.iova = op->iova & ~(OPS_PAGE - 1);
		client_dma(s, &dma);
		dma.iova = (op->iova + op->size - 1) & ~(OPS_PAGE - 1);
		client_dma(s, &dma);
	}
}

static void check_state(const struct client *s)
{
	struct sio_stale stale;
	const char *notice = sio_notice_next(s->machine);
	struct sio_stats stats;

	if (notice)
		client_fail(s, "%s", notice);
	if (sio_stale_next(s->machine, &stale))
		client_fail(s, "%s", stale.text);
	for (unsigned i = 0; i < OPS_PROCESSES; i++)
		if (s->process[i])
			client_compare(s, "VmLck in KiB", sio_process_vmlck(s->process[i]),
				       naive_locked_pages(&s->naive, s->naive.process[i].mm) * 4);
	sio_stats(s->machine, &stats);
	client_compare(s, "the number of mappings", stats.mappings, s->naive.maps + s->naive.losts);
	client_compare(s, "the number of pinned pages", stats.pinned_pages,
		       naive_locked_pages(&s->naive, UINT_MAX));
}

/* ---- pages that are let go ---- */

static struct client *watched;

/* As the memory's own; then, what nobody has pinned any more no device may reach. */
static void watched_unpin(struct mm *mm, const struct pin_run *run, bool dirty)
{
	struct client *s = watched;
	uint64_t first = run->pa / OPS_PAGE, pa;

	s->real_memory->unpin(mm, run, dirty);
	if (run->step < 0)
		first -= run->pages - 1;
	for (unsigned i = 0; i < s->watches; i++) {
		uint64_t pfn = s->watched[i].pfn;

		if (run->reserved || pfn < first || pfn - first >= run->pages ||
		    phys_frame_pins(s->machine->phys, pfn))
			continue;
		for (unsigned group = 0; group < OPS_GROUPS; group++)
			if (s->joined[group] &&
			    client_reaches(s, group, s->watched[i].iova, false, &pa) &&
			    pa / OPS_PAGE == pfn)
				client_fail(s,
					    "device d%u still reaches the page at 0x%" PRIx64
					    " when it is unpinned",
					    group, s->watched[i].iova);
	}
}

void client_watch_memory(struct client *s, struct sio_process *process)
{
	static struct mm_ops ops;
	struct mm *mm = process->task->mm;

	if (mm->ops == &ops)
		return;
	s->real_memory = mm->ops;
	watched = s;
	ops = *mm->ops;
	ops.unpin = watched_unpin;
	mm->ops = &ops;
}

/* Both ends of what the operation may take away. */
static void watch(struct client *s, const struct op *op)
{
	uint64_t last = op->kind == OP_UNMAP ? op->iova + op->size - 1 : UINT64_MAX, pa;
	uint64_t first = op->kind == OP_UNMAP ? op->iova : 0;

	s->watches = 0;
	if (s->naive.blind || (op->kind != OP_UNMAP && op->kind != OP_UNMAP_ALL))
		return;
	for (unsigned i = 0; i < s->naive.maps && s->watches + 2 <= WATCHED; i++) {
		const struct naive_map *map = &s->naive.map[i];
		const uint64_t end[] = {map->iova, map->last & ~(OPS_PAGE - 1)};

		for (unsigned k = 0; k < 2 && map->iova >= first && map->last <= last; k++)
			for (unsigned group = 0; group < OPS_GROUPS; group++)
				if (s->joined[group] && map->prot & 1 &&
				    client_reaches(s, group, end[k], false, &pa)) {
					s->watched[s->watches].iova = end[k];
					s->watched[s->watches++].pfn = pa / OPS_PAGE;
					break;
				}
	}
}

/* What is unmapped is not there to be asked afterwards. */
static void expect_dirty(struct client *s, const struct op *op)
{
	uint64_t pages = op_bitmap_bytes(op) * 8;

	memset(s->must, 0, sizeof(s->must));
	memset(s->may, 0, sizeof(s->may));
	for (uint64_t page = 0; page < pages && s->naive.tracking; page++) {
		bool must, may;

		naive_dirty(&s->naive, op, page, &must, &may);
		s->must[page / 64] |= (uint64_t)must << (page % 64);
		s->may[page / 64] |= (uint64_t)may << (page % 64);
	}
}

/*
 * What kernels break themselves, so that no audit can hold. Up to 6.17: MAP of a range that ends
 * with the space does not see what is mapped there, and takes it along when it fails; and over an
 * entry that ends with the space, any number of others can be put in one place.
 */
static bool corrupts(const struct client *s, const struct op *op)
{
	uint64_t last = op->iova + op->size - 1;

	if (!s->naive.blind && naive_knows(&s->naive, op))
		return false;
	for (unsigned i = 0; op->kind == OP_MAP && i < s->view.count; i++)
		if ((last == UINT64_MAX && s->view.live[i].last >= op->iova) ||
		    (s->view.live[i].last == UINT64_MAX && s->view.live[i].first <= last))
			return true;
	return false;
}

/* The next MAP meets a failure, where what was begun is undone without a trace. */
static bool arm_failure(struct client *s, const struct op *op)
{
	char plan[32];

	if (!s->fail_at || op->kind != OP_MAP || (!s->naive.blind && s->naive.kernel < 500))
		return false;
	snprintf(plan, sizeof(plan), "alloc:nth=%" PRIu64, s->fail_at);
	s->fail_at = 0;
	return !sio_inject(s->machine, plan, NULL, 0);
}

/* Whether the operation failed because it was told to: then it has done nothing. */
static bool has_failed(struct client *s, const struct naive_answer *got)
{
	bool failed = sio_injected(s->machine) && got->error == ENOMEM;

	sio_inject(s->machine, "", NULL, 0);
	return failed;
}

static void step_known(struct client *s, const struct op *op)
{
	struct naive_answer expected = {0}, got;
	bool armed = arm_failure(s, op), failed = false;
	char got_name[16], name[16];
	struct line *line;

	watch(s, op);
	if (op_has_bitmap(op))
		expect_dirty(s, op);
	if (!armed)
		expected = naive_do(&s->naive, op);
	line = note(s, op, armed ? NULL : &expected);
	got = client_run(s, op);
	s->watches = 0;
	if (armed) {
		failed = has_failed(s, &got);
		expected = failed ? got : naive_do(&s->naive, op);
		line->answered = true;
		line->answer = expected;
	}
	if (got.error != expected.error)
		client_fail(s, "errno %s, expected %s", session_errno_name(got.error, got_name),
			    session_errno_name(expected.error, name));
	client_compare(s, "the answer", got.value, expected.value);
	if (op->kind <= OP_UNMAP_ALL)
		probe(s, op);
	check_state(s);
}

static void step(struct client *s, const struct op *from)
{
	struct naive_answer got;
	struct op one = *from, *op = &one;
	struct line *line;
	bool known, armed;

	if (!s->process[op->actor])
		op->actor = 0;
	known = naive_knows(&s->naive, op);
	/* Once something is done that the reference does not know, it is lost for the session. */
	if (corrupts(s, op) || (!known && !s->naive.blind && !s->setup.dare))
		return;
	if ((op->kind == OP_FORK && s->process[1]) || (op->kind == OP_EXIT && !s->process[1]))
		return;
	fuzz_counts->operations++;
	if (known && op->kind == OP_MAP)
		probe(s, op);
	if (known) {
		step_known(s, op);
		return;
	}
	armed = arm_failure(s, op);
	line = note(s, op, NULL);
	got = client_run(s, op);
	if (armed)
		sio_inject(s->machine, "", NULL, 0);
	line->answered = true;
	line->answer = got;
	/* From here on there is an idea of what is mapped, for further operations to refer to. */
	if (!s->naive.blind)
		naive_view(&s->naive, &s->view);
	s->naive.blind = true;
	if (!got.error)
		ops_done(&s->view, s->joined, op, got.value);
}

/* ---- before and after ---- */

int client_map_memory(struct client *s, unsigned process, unsigned area, uint64_t first,
		      uint64_t pages)
{
	const struct ops_area *from = &ops_areas[area];
	struct sio_mem mem = {
		.address = from->address + first * OPS_PAGE,
		.size = pages * OPS_PAGE,
		.prot = from->writable ? SIO_PROT_RW : SIO_PROT_READ,
		.kind = from->anonymous ? SIO_MEM_ANON : SIO_MEM_SHARED,
		.contiguity = from->huge ? SIO_RUN_2M : SIO_RUN_4K,
	};
	uint64_t address;

	if (from->device && !s->naive.device_memory)
		return 0;
	if (!from->device)
		return sio_mem_map(s->process[process], &mem, &address);
	return sio_mem_map_fd(s->process[process], s->other_device,
			      s->registers_offset + first * OPS_PAGE, mem.size, mem.address,
			      &address);
}

/* A device in a container of its own, whose registers are memory of the process, if a kernel's
 * containers work at all. */
static void prepare_registers(struct client *s)
{
	struct vfio_region_info region = {.argsz = sizeof(region)};
	struct sio_device *device = sio_device_find(s->machine, s->platform->other);
	char path[32];
	int rc;

	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device));
	s->other_container = sio_open(s->process[0], "/dev/vfio/vfio");
	s->other_group = sio_open(s->process[0], path);
	rc = client_ioctl(s, 0, s->other_group, VFIO_GROUP_SET_CONTAINER, &s->other_container);
	if (!rc)
		rc = client_ioctl(s, 0, s->other_container, VFIO_SET_IOMMU,
				  (void *)(uintptr_t)VFIO_TYPE1_IOMMU);
	/* The posting of 2014 refuses every driver; the reference does not follow it. */
	if (rc == -EINVAL && s->naive.blind) {
		s->naive.device_memory = false;
		return;
	}
	if (!rc)
		s->other_device = client_ioctl(s, 0, s->other_group, VFIO_GROUP_GET_DEVICE_FD,
					       (void *)(uintptr_t)sio_device_bdf(device));
	if (!rc && s->other_device >= 0)
		rc = client_ioctl(s, 0, s->other_device, VFIO_DEVICE_GET_REGION_INFO, &region);
	if (rc || s->other_device < 0)
		client_fail(s, "the registers of %s cannot be had: %d", s->platform->other, rc);
	s->registers_offset = region.offset;
}

static void prepare_memory(struct client *s)
{
	if (s->naive.device_memory)
		prepare_registers(s);
	for (unsigned i = 0; i < OPS_AREAS; i++) {
		if (client_map_memory(s, 0, i, 0, ops_areas[i].pages))
			abort();
		if (ops_areas[i].device && s->naive.device_memory &&
		    sio_mem_physical(s->process[0], ops_areas[i].address, &s->registers_pa)) {
			uint32_t word;

			/* A page is where it is once it has been touched. */
			sio_mem_read(s->process[0], ops_areas[i].address, &word, sizeof(word));
			if (sio_mem_physical(s->process[0], ops_areas[i].address, &s->registers_pa))
				client_fail(s, "registers are nowhere");
		}
	}
}

static void prepare(struct client *s)
{
	char path[32];

	s->has_limit = !sio_param(s->machine, "dma_entry_limit", s->setup.entry_limit);
	sio_param(s->machine, "disable_hugepages", 0);
	sio_param(s->machine, "allow_unsafe_interrupts", 1);
	s->process[0] = sio_process_create(s->machine);
	if (!s->process[0])
		abort();
	client_watch_memory(s, s->process[0]);
	for (unsigned i = 0; i < OPS_GROUPS; i++)
		s->device[i] = sio_device_find(s->machine, s->platform->device[i]);
	if (s->setup.unprivileged)
		sio_process_set_caps(s->process[0], SIO_CAP_ALL & ~(unsigned)SIO_CAP_IPC_LOCK);
	prepare_memory(s);
	s->container = sio_open(s->process[0], "/dev/vfio/vfio");
	for (unsigned i = 0; i < OPS_GROUPS; i++) {
		snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(s->device[i]));
		s->group[i] = sio_open(s->process[0], path);
		if (s->container < 0 || s->group[i] < 0)
			client_fail(s, "%s cannot be opened", path);
	}
}

/* Everything is let go: nothing may be left. Blind, a kernel's own leaks may be. */
static void finish(struct client *s)
{
	struct op leave = {.kind = OP_LEAVE};
	const char *wrong;

	audit(s);
	for (leave.group = 0; leave.group < OPS_GROUPS; leave.group++)
		if (s->joined[leave.group])
			step(s, &leave);
	audit(s);
	if (!s->naive.blind)
		check_state(s);
	for (unsigned i = OPS_PROCESSES; i-- > 0;)
		if (s->process[i])
			sio_process_exit(s->process[i]);
	audit(s);
	wrong = kept_end(s->kept);
	if (wrong)
		client_fail(s, "%s", wrong);
}

static struct kept *machine_for(const char *kernel, unsigned k, unsigned platform)
{
	static const char caching[] =
		"units = ( { name = \"dmar0\"; include-all = true; aw-bits = 48;"
		"            snoop-control = true; intremap = true; caching-mode = true; } );"
		"devices = ("
		"  { bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1; acs = true; "
		"},"
		"  { bdf = \"00:02.0\"; model = \"pcie-root-port\"; secondary-bus = 2; acs = true; "
		"},"
		"  { name = \"G\"; bdf = \"00:10.0\"; model = \"edu\"; },"
		"  { name = \"A\"; bdf = \"01:00.0\"; model = \"edu\"; },"
		"  { name = \"B\"; bdf = \"02:00.0\"; model = \"edu\"; } );";
	struct kept *kept = &machines[k][platform];
	struct sio_machine_cfg cfg = {
		.platform = ops_platforms[platform].caching ? NULL : ops_platforms[platform].name,
		.platform_text = ops_platforms[platform].caching ? caching : NULL,
		.kernel = kernel,
		.ram_bytes = UINT64_C(256) << 20,
		.strict = !fuzz_bare(),
	};
	char error[512] = "";

	if (kept_begin(kept, &cfg, error, sizeof(error))) {
		fprintf(stderr, "type1: no machine: %s\n", error);
		abort();
	}
	return kept;
}

static void choose_kernel(struct ops_setup *setup, const char *name)
{
	unsigned kernels = 0, chosen = KERNELS_MAX;

	for (; kernels < KERNELS_MAX && personality_at(kernels); kernels++)
		if (name && !strcmp(personality_at(kernels)->name, name))
			chosen = kernels;
	if (name && chosen == KERNELS_MAX) {
		fprintf(stderr, "FUZZ_KERNEL=%s: no such kernel\n", name);
		exit(2);
	}
	setup->kernel = name ? chosen : setup->kernel % kernels;
}

/* What the environment leaves open is the input's. */
static void choose(struct ops_setup *setup)
{
	const char *platform = fuzz_platform();
	unsigned i = 0;

	choose_kernel(setup, fuzz_kernel());
	if (!platform)
		return;
	while (i < OPS_PLATFORMS && strcmp(ops_platforms[i].name, platform))
		i++;
	if (i == OPS_PLATFORMS) {
		fprintf(stderr, "FUZZ_PLATFORM=%s: not one of the target's\n", platform);
		exit(2);
	}
	setup->platform = i;
}

static void begin(struct client *s, const uint8_t *data, size_t size)
{
	s->fail_at = s->token = 0;
	s->lines = s->watches = s->view.count = 0;
	s->process[1] = NULL;
	memset(s->joined, 0, sizeof(s->joined));
	ops_setup(&s->setup, data, size);
	choose(&s->setup);
	s->kernel = personality_at(s->setup.kernel)->name;
	s->platform = &ops_platforms[s->setup.platform];
	s->kept = machine_for(s->kernel, s->setup.kernel, s->setup.platform);
	s->machine = s->kept->machine;
	naive_init(&s->naive, fuzz_bare() ? NULL : s->kernel, &s->setup);
	prepare(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct client s;
	static size_t at[OPS_MAX + 1];
	unsigned count = ops_index(data, size, at);
	struct op op = {.kind = OP_JOIN};

	if (!count)
		return 0;
	fuzz_counts->inputs++;
	begin(&s, data, size);
	step(&s, &op);
	for (unsigned i = 0; i < count; i++) {
		if (!s.naive.blind)
			naive_view(&s.naive, &s.view);
		ops_decode(&op, &s.setup, data, size, at[i], &s.view);
		step(&s, &op);
		/* Without a driver every answer is the same: it is not left so for long. */
		if (i % 2 && !s.joined[0] && !s.joined[1] && !s.joined[2])
			step(&s, &(struct op){.kind = OP_JOIN, .group = i / 2 % OPS_GROUPS});
		if (i % AUDIT_EVERY != AUDIT_EVERY - 1)
			continue;
		audit(&s);
		if (!s.naive.blind && s.naive.maps)
			client_sweep(&s, i % s.naive.maps);
	}
	finish(&s);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return ops_mutate(data, size, max_size, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed)
{
	size_t size = ops_splice(data1, size1, data2, size2, out, max_out_size, seed);

	/* libFuzzer does this as often as the other: half of it is to make something new as well.
	 */
	return seed & 1 ? ops_mutate(out, size, max_out_size, seed) : size;
}
