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

#include "naive.h"
#include "ops.h"
#include "softiommu.h"

#include "core/personality.h"
#include "trace/session.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNELS_MAX 32u
#define AUDIT_EVERY 16u
#define LINES       (2 * (OPS_MAX + OPS_GROUPS + 1))

/* A line of the session; most are never written out. */
struct line {
	struct op op;
	int set_iommu; /* not 0: that type, instead of the operation */
	bool answered;
	struct naive_answer answer;
};

static struct sio_machine *machines[KERNELS_MAX][OPS_PLATFORMS];

struct client {
	struct ops_setup setup;
	const char *kernel;
	const struct ops_platform *platform;
	struct sio_machine *machine;
	struct sio_process *process;
	struct sio_device *device[OPS_GROUPS];
	int container, group[OPS_GROUPS];
	bool joined[OPS_GROUPS];
	bool has_limit; /* the kernel has one for mappings */
	struct naive naive;
	struct ops_view view;
	uint64_t token; /* never the same twice in memory */
	struct line line[LINES];
	unsigned lines;
	bool bare;
};

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
	for (unsigned i = 0; i < OPS_AREAS; i++)
		fprintf(stderr,
			"buffer %s size=0x%" PRIx64 " prot=%s huge=%d kind=shared => ret=0\n",
			ops_areas[i].name, ops_areas[i].pages * OPS_PAGE,
			ops_areas[i].writable ? "rw" : "r", ops_areas[i].huge);
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

__attribute__((noreturn, format(printf, 2, 3))) static void fail(const struct client *s,
								 const char *format, ...)
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

static void compare(const struct client *s, const char *what, uint64_t got, uint64_t expected)
{
	if (got != expected)
		fail(s, "%s is 0x%" PRIx64 ", expected 0x%" PRIx64, what, got, expected);
}

/* ---- operations ---- */

static int call(const struct client *s, int fd, unsigned long request, void *arg)
{
	int rc = sio_ioctl(s->process, fd, request, arg);

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

static struct naive_answer run_map(const struct client *s, const struct op *op)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = op->argsz,
		.flags = op->flags,
		.vaddr = op_vaddr(op),
		.iova = op->iova,
		.size = op->size,
	};

	return (struct naive_answer){.error = -call(s, s->container, VFIO_IOMMU_MAP_DMA, &map)};
}

static struct naive_answer run_unmap(const struct client *s, const struct op *op)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = op->argsz,
		.flags = op->flags,
		.iova = op->iova,
		.size = op->size,
	};
	struct naive_answer answer = {.error =
					      -call(s, s->container, VFIO_IOMMU_UNMAP_DMA, &unmap)};

	if (!answer.error)
		answer.value = unmap.size;
	else if (unmap.size != op->size)
		fail(s, "an UNMAP that failed wrote a size");
	return answer;
}

static bool any_joined(const struct client *s)
{
	return s->joined[0] || s->joined[1] || s->joined[2];
}

static void set_iommu(struct client *s)
{
	int type = s->setup.v2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU;
	int rc = call(s, s->container, VFIO_SET_IOMMU, (void *)(intptr_t)type);
	struct line *line = &s->line[s->lines++];

	*line = (struct line){.set_iommu = type, .answered = true, .answer = {.error = -rc}};
	if (rc && !s->naive.blind)
		fail(s, "SET_IOMMU fails");
}

static struct naive_answer run_join(struct client *s, const struct op *op)
{
	bool first = !any_joined(s);
	int container = s->container;
	int rc = call(s, s->group[op->group], VFIO_GROUP_SET_CONTAINER, &container);

	if (!rc)
		s->joined[op->group] = true;
	if (!rc && first)
		set_iommu(s);
	return (struct naive_answer){.error = -rc};
}

static struct naive_answer run_leave(struct client *s, const struct op *op)
{
	int rc = call(s, s->group[op->group], VFIO_GROUP_UNSET_CONTAINER, NULL);

	if (!rc)
		s->joined[op->group] = false;
	return (struct naive_answer){.error = -rc};
}

/* Memory gets something new, and the device must see it; or the other way round. */
static void run_dma(struct client *s, const struct op *op)
{
	uint64_t vaddr = 0, sent = ++s->token * UINT64_C(0x9e3779b97f4a7c15), got = 0;
	enum naive_dma expected = naive_dma(&s->naive, op, &vaddr);
	struct sio_device *device = s->device[op->group];
	int rc;

	if (!s->joined[op->group])
		return;
	if (expected == NAIVE_DMA_WORKS && !op->write &&
	    sio_mem_write(s->process, vaddr + 16, &sent, sizeof(sent)) &&
	    sio_mem_read(s->process, vaddr + 16, &sent, sizeof(sent)))
		fail(s, "the process cannot read its own memory");
	if (op->write)
		rc = sio_dma_write(device, op->iova + 16, &sent, sizeof(sent), NULL);
	else
		rc = sio_dma_read(device, op->iova + 16, &got, sizeof(got), NULL);
	if (expected == NAIVE_DMA_FAULTS && rc != -EACCES)
		fail(s, "the device gets through");
	if (expected != NAIVE_DMA_WORKS)
		return;
	if (rc)
		fail(s, "the device does not get through: %d", rc);
	if (op->write && sio_mem_read(s->process, vaddr + 16, &got, sizeof(got)))
		fail(s, "the process cannot read its own memory");
	compare(s, "what the device transfers", got, sent);
}

static void check_bitmap(const struct client *s, const struct op *op, const uint64_t *bits)
{
	for (uint64_t page = 0; page < op_bitmap_bytes(op) * 8; page++) {
		bool set = bits[page / 64] >> (page % 64) & 1, must, may;

		naive_dirty(&s->naive, op, page, &must, &may);
		if ((must && !set) || (set && !may))
			fail(s, "bit %" PRIu64 " of the bitmap is %d", page, set);
	}
}

static struct naive_answer run_dirty(const struct client *s, const struct op *op)
{
	uint64_t bytes = op_bitmap_bytes(op);
	struct {
		uint32_t argsz, flags; /* struct vfio_iommu_type1_dirty_bitmap */
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get = {.iova = op->iova, .size = op->size, .bitmap = {.pgsize = OPS_PAGE}},
	};
	uint64_t *bits = calloc(1, bytes + 8);
	struct naive_answer answer;

	if (!bits)
		abort();
	arg.get.bitmap.size = bytes;
	arg.get.bitmap.data = (void *)bits;
	answer.error = -call(s, s->container, VFIO_IOMMU_DIRTY_PAGES, &arg);
	answer.value = 0;
	if (!answer.error && !s->naive.blind)
		check_bitmap(s, op, bits);
	free(bits);
	return answer;
}

static struct naive_answer run_track(const struct client *s, const struct op *op)
{
	struct vfio_iommu_type1_dirty_bitmap arg = {
		.argsz = sizeof(arg),
		.flags = op->value ? VFIO_IOMMU_DIRTY_PAGES_FLAG_START
				   : VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP,
	};

	return (struct naive_answer){.error = -call(s, s->container, VFIO_IOMMU_DIRTY_PAGES, &arg)};
}

static void check_ranges(const struct client *s, const struct naive_info *expected, const char *cap)
{
	struct vfio_iommu_type1_info_cap_iova_range head;
	struct vfio_iova_range range;

	memcpy(&head, cap, sizeof(head));
	compare(s, "the number of ranges", head.nr_iovas, expected->ranges);
	for (unsigned i = 0; i < expected->ranges; i++) {
		memcpy(&range, cap + sizeof(head) + i * sizeof(range), sizeof(range));
		compare(s, "the start of a range", range.start, expected->range[i].first);
		compare(s, "the end of a range", range.end, expected->range[i].last);
	}
}

/* Capabilities are copied to look at them: up to 6.5 some lie at odd multiples of 4. */
static void check_info(const struct client *s, const char *buf)
{
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_dma_avail cap;
	struct naive_info expected;
	bool ranges = false, avail = false;

	memcpy(&info, buf, sizeof(info));
	naive_info(&s->naive, &expected);
	compare(s, "flags", info.flags, expected.flags);
	compare(s, "iova_pgsizes", info.iova_pgsizes, expected.pgsizes);
	for (uint32_t at = expected.has_ranges ? info.cap_offset : 0; at; at = cap.header.next) {
		memcpy(&cap, buf + at, sizeof(cap));
		if (cap.header.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			check_ranges(s, &expected, buf + at);
			ranges = true;
		} else if (cap.header.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) {
			compare(s, "dma_avail", cap.avail, expected.avail);
			avail = true;
		}
	}
	compare(s, "whether there are ranges", ranges, expected.has_ranges);
	compare(s, "whether there is dma_avail", avail, expected.has_avail);
}

static struct naive_answer run_info(const struct client *s)
{
	_Alignas(8) char buf[1024] = {0};
	struct vfio_iommu_type1_info *info = (void *)buf;
	struct naive_answer answer;

	info->argsz = sizeof(buf);
	answer.error = -call(s, s->container, VFIO_IOMMU_GET_INFO, info);
	answer.value = 0;
	if (!answer.error && !s->naive.blind)
		check_info(s, buf);
	return answer;
}

static struct naive_answer run_extension(const struct client *s, const struct op *op)
{
	int rc = call(s, s->container, VFIO_CHECK_EXTENSION, (void *)(uintptr_t)op->value);

	return rc < 0 ? (struct naive_answer){.error = -rc}
		      : (struct naive_answer){.value = (uint64_t)rc};
}

static struct naive_answer run(struct client *s, const struct op *op)
{
	switch (op->kind) {
	case OP_MAP:
	case OP_REVALIDATE:
		return run_map(s, op);
	case OP_JOIN:
		return run_join(s, op);
	case OP_LEAVE:
		return run_leave(s, op);
	case OP_DIRTY:
		return run_dirty(s, op);
	case OP_TRACK:
		return run_track(s, op);
	case OP_INFO:
		return run_info(s);
	case OP_EXTENSION:
		return run_extension(s, op);
	case OP_LIMIT:
		sio_process_set_memlock(s->process, op->value * OPS_PAGE + OPS_PAGE / 2);
		break;
	case OP_PRIVILEGE:
		sio_process_set_caps(s->process,
				     op->value ? SIO_CAP_ALL
					       : SIO_CAP_ALL & ~(unsigned)SIO_CAP_IPC_LOCK);
		break;
	case OP_HUGEPAGES:
		sio_param(s->machine, "disable_hugepages", op->value);
		break;
	case OP_DMA:
		run_dma(s, op);
		break;
	default:
		return run_unmap(s, op);
	}
	return (struct naive_answer){0};
}

/* ---- sessions ---- */

static void audit(const struct client *s)
{
	char what[512];

	if (s->bare)
		return;
	if (sio_audit(s->machine, true, what, sizeof(what)))
		fail(s, "%s", what);
}

/* What changed is looked at by every device: a probe after MAP fills caches, so that one after
 * UNMAP finds out whether they have been emptied. */
static void probe(struct client *s, const struct op *op)
{
	struct op dma = {.kind = OP_DMA, .write = op->write};

	for (dma.group = 0; dma.group < OPS_GROUPS; dma.group++) {
		dma.iova = op->iova & ~(OPS_PAGE - 1);
		run_dma(s, &dma);
		dma.iova = (op->iova + op->size - 1) & ~(OPS_PAGE - 1);
		run_dma(s, &dma);
	}
}

static void check_state(const struct client *s)
{
	uint64_t pages = naive_locked_pages(&s->naive);
	struct sio_stale stale;
	const char *notice = sio_notice_next(s->machine);
	struct sio_stats stats;

	if (notice)
		fail(s, "%s", notice);
	if (sio_stale_next(s->machine, &stale))
		fail(s, "%s", stale.text);
	compare(s, "VmLck in KiB", sio_process_vmlck(s->process), pages * 4);
	sio_stats(s->machine, &stats);
	compare(s, "the number of mappings", stats.mappings, s->naive.maps);
	compare(s, "the number of pinned pages", stats.pinned_pages, pages);
}

/* What the reference does not know was done: from here on it holds an idea of which mappings there
 * are, for further operations to refer to. */
static void go_blind(struct naive *naive, const struct op *op, const struct naive_answer *got)
{
	uint64_t last = op->iova + op->size - 1;

	naive->blind = true;
	if (got->error)
		return;
	if (op->kind == OP_JOIN) {
		naive->joined[op->group] = true;
	} else if (op->kind == OP_LEAVE) {
		naive->joined[op->group] = false;
	} else if (op->kind == OP_MAP && last > op->iova && naive->maps < OPS_LIVE) {
		naive->map[naive->maps++] = (struct naive_map){.iova = op->iova, .last = last};
	} else if (op->kind <= OP_UNMAP_ALL && got->value && op->flags != 4) {
		for (unsigned i = naive->maps; i-- > 0;)
			if (op->kind == OP_UNMAP_ALL ||
			    (naive->map[i].iova >= op->iova && naive->map[i].iova <= last))
				naive->map[i] = naive->map[--naive->maps];
	}
}

/*
 * What kernels break themselves, so that no audit can hold. 2012: UNMAP of a range that ends with
 * the space, or wraps, makes the size of an entry underflow. Up to 6.17: MAP of a range that ends
 * with the space does not see what is mapped there, and takes it along when it fails; and over an
 * entry that ends with the space, any number of others can be put in one place.
 */
static bool corrupts(const struct client *s, const struct op *op)
{
	uint64_t last = op->iova + op->size - 1;

	if (!s->naive.blind && naive_knows(&s->naive, op))
		return false;
	if (op->kind == OP_UNMAP)
		return !strcmp(s->kernel, "2012") && (last < op->iova || last == UINT64_MAX);
	for (unsigned i = 0; op->kind == OP_MAP && i < s->view.count; i++)
		if ((last == UINT64_MAX && s->view.live[i].last >= op->iova) ||
		    (s->view.live[i].last == UINT64_MAX && s->view.live[i].first <= last))
			return true;
	return false;
}

static void step(struct client *s, const struct op *op)
{
	bool known = naive_knows(&s->naive, op);
	struct naive_answer expected = {0}, got;
	char got_name[16], name[16];
	struct line *line;

	/* Once something is done that the reference does not know, it is lost for the session. */
	if (corrupts(s, op) || (!known && !s->naive.blind && !s->setup.dare))
		return;
	if (known)
		expected = naive_do(&s->naive, op);
	fuzz_counts->operations++;
	line = note(s, op, known ? &expected : NULL);
	got = run(s, op);
	if (!known) {
		line->answered = true;
		line->answer = got;
		go_blind(&s->naive, op, &got);
		return;
	}
	if (got.error != expected.error)
		fail(s, "errno %s, expected %s", session_errno_name(got.error, got_name),
		     session_errno_name(expected.error, name));
	compare(s, "the answer", got.value, expected.value);
	if (op->kind <= OP_UNMAP_ALL)
		probe(s, op);
	check_state(s);
}

static void prepare(struct client *s)
{
	char path[32];

	s->has_limit = !sio_param(s->machine, "dma_entry_limit", s->setup.entry_limit);
	sio_param(s->machine, "disable_hugepages", 0);
	sio_param(s->machine, "allow_unsafe_interrupts", 1);
	s->process = sio_process_create(s->machine);
	if (!s->process)
		abort();
	for (unsigned i = 0; i < OPS_GROUPS; i++)
		s->device[i] = sio_device_find(s->machine, s->platform->device[i]);
	if (s->setup.unprivileged)
		sio_process_set_caps(s->process, SIO_CAP_ALL & ~(unsigned)SIO_CAP_IPC_LOCK);
	for (unsigned i = 0; i < OPS_AREAS; i++) {
		struct sio_mem mem = {
			.address = ops_areas[i].address,
			.size = ops_areas[i].pages * OPS_PAGE,
			.prot = ops_areas[i].writable ? SIO_PROT_RW : SIO_PROT_READ,
			.kind = SIO_MEM_SHARED,
			.contiguity = ops_areas[i].huge ? SIO_RUN_2M : SIO_RUN_4K,
		};
		uint64_t address;

		if (sio_mem_map(s->process, &mem, &address))
			abort();
	}
	s->container = sio_open(s->process, "/dev/vfio/vfio");
	for (unsigned i = 0; i < OPS_GROUPS; i++) {
		snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(s->device[i]));
		s->group[i] = sio_open(s->process, path);
		if (s->container < 0 || s->group[i] < 0)
			fail(s, "%s cannot be opened", path);
	}
}

/* Everything is let go: nothing may be left. Blind, a kernel's own leaks may be. */
static void finish(struct client *s)
{
	struct op leave = {.kind = OP_LEAVE};

	audit(s);
	for (leave.group = 0; leave.group < OPS_GROUPS; leave.group++)
		if (s->joined[leave.group])
			step(s, &leave);
	audit(s);
	if (!s->naive.blind)
		check_state(s);
	sio_process_exit(s->process);
	audit(s);
}

static struct sio_machine *machine_for(const char *kernel, unsigned k, unsigned platform)
{
	struct sio_machine **machine = &machines[k][platform];
	struct sio_machine_cfg cfg = {
		.platform = ops_platforms[platform].name,
		.kernel = kernel,
		.ram_bytes = UINT64_C(256) << 20,
		.strict = true,
	};
	char error[512] = "";

	if (*machine ? sio_machine_reset(*machine)
		     : sio_machine_create(&cfg, machine, error, sizeof(error))) {
		fprintf(stderr, "type1: no machine: %s\n", error);
		abort();
	}
	return *machine;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct client s;
	unsigned count = ops_count(size);
	struct op op = {.kind = OP_JOIN};

	if (!count)
		return 0;
	fuzz_counts->inputs++;
	s.lines = 0;
	s.bare = fuzz_bare();
	memset(s.joined, 0, sizeof(s.joined));
	ops_setup(&s.setup, data, size);
	choose(&s.setup);
	s.kernel = personality_at(s.setup.kernel)->name;
	s.platform = &ops_platforms[s.setup.platform];
	s.machine = machine_for(s.kernel, s.setup.kernel, s.setup.platform);
	naive_init(&s.naive, s.kernel, &s.setup);
	s.naive.blind |= s.bare;
	prepare(&s);
	step(&s, &op);
	for (unsigned i = 0; i < count; i++) {
		naive_view(&s.naive, &s.view);
		ops_decode(&op, &s.setup, data, i, &s.view);
		step(&s, &op);
		if (i % AUDIT_EVERY == AUDIT_EVERY - 1)
			audit(&s);
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
	return ops_splice(data1, size1, data2, size2, out, max_out_size, seed);
}
