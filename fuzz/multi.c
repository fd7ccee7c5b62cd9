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
#include "multi.h"

#include "fuzz.h"
#include "machine.h"
#include "records.h"
#include "softiommu.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_EVERY 16u
#define LINE        256u
#define LINES       (4 * RECORDS_MAX)

/* One a kernel and platform; the last kernel is that of the environment. */
static struct sio_machine *machines[MULTI_KERNELS + 1][MULTI_PLATFORMS];

static struct session {
	struct multi_setup setup;
	char kernel[32];
	struct sio_machine *machine;
	struct sio_process *process;
	struct sio_device *device[MULTI_GROUPS];
	int container[MULTI_CONTAINERS], group[MULTI_GROUPS], fd[MULTI_GROUPS];
	struct multi m, before;
	const struct multi_op *op;
	unsigned rare; /* in force */
	uint64_t token;
	bool reserved_reached; /* by the device of a group that joins */
	bool came_and_went;    /* the group had joined when the call failed */
	char line[LINES][LINE];
	unsigned lines;
} s;

/* ---- what went wrong ---- */

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "# kernel: Linux %s\n# platform: %s\n# containers: TYPE1%s TYPE1%s\n",
		s.kernel, s.m.platform->name, s.setup.v2[0] ? "v2" : "", s.setup.v2[1] ? "v2" : "");
	for (unsigned i = 0; i < s.lines; i++)
		fprintf(stderr, "%s\n", s.line[i]);
	fprintf(stderr, "# ^^^ multi: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static void compare(const char *what, uint64_t got, uint64_t expected)
{
	if (got != expected)
		fail("%s is 0x%" PRIx64 ", expected 0x%" PRIx64, what, got, expected);
}

static const char *errno_text(int error)
{
	const char *name = error > 0 ? strerrorname_np(error) : NULL;

	return name ? name : error ? "another" : "0";
}

static void note_answer(const struct multi_answer *got)
{
	char *line = s.line[s.lines - 1];
	size_t at = strlen(line);

	snprintf(line + at, LINE - at, " => %s value=0x%" PRIx64, errno_text(got->error),
		 got->value);
}

/* ---- MAP, groups ---- */

static int call(int fd, unsigned long request, void *arg)
{
	int rc = sio_ioctl(s.process, fd, request, arg);

	return rc < 0 ? -errno : rc;
}

static struct multi_answer error_only(int rc)
{
	return (struct multi_answer){.error = rc < 0 ? -rc : 0};
}

static struct multi_answer error_or_count(int rc)
{
	return (struct multi_answer){.error = rc < 0 ? -rc : 0, .value = rc < 0 ? 0 : (uint64_t)rc};
}

static struct multi_answer run_map(const struct multi_op *op)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = op->kind == MULTI_REVALIDATE ? 4 : op->flags,
		.vaddr = op->vaddr,
		.iova = op->iova,
		.size = op->size,
	};

	return error_only(call(s.container[op->container], VFIO_IOMMU_MAP_DMA, &map));
}

static int open_device(unsigned group)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "%s", sio_device_bdf(s.device[group]));
	fd = call(s.group[group], VFIO_GROUP_GET_DEVICE_FD, name);
	s.fd[group] = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

static struct multi_answer run_join(const struct multi_op *op)
{
	bool first = !multi_is_member(&s.before, op->container);
	int container = s.container[op->container], type = s.setup.v2[op->container] ? 3 : 1;
	int rc = call(s.group[op->group], VFIO_GROUP_SET_CONTAINER, &container);

	s.came_and_went = false;
	if (rc)
		return error_only(rc);
	if (first)
		rc = call(container, VFIO_SET_IOMMU, (void *)(intptr_t)type);
	s.came_and_went = !rc;
	if (!rc)
		rc = open_device(op->group);
	if (rc && call(s.group[op->group], VFIO_GROUP_UNSET_CONTAINER, NULL))
		fail("a group that has just joined cannot leave");
	return error_only(rc);
}

static struct multi_answer run_leave(const struct multi_op *op)
{
	if (s.fd[op->group] >= 0 && sio_close(s.process, s.fd[op->group]))
		fail("the device's file cannot be closed");
	s.fd[op->group] = -1;
	return error_only(call(s.group[op->group], VFIO_GROUP_UNSET_CONTAINER, NULL));
}

/* ---- pages for devices ---- */

static void give_back(struct sio_device *device, struct multi_map *map)
{
	for (uint64_t page = 0; page < MULTI_PAGES; page++)
		for (; map->pins[page]; map->pins[page]--)
			if (sio_device_unpin_pages(device, map->iova + page * MULTI_PAGE, 1) != 1)
				fail("a page cannot be given back");
}

/* Pins are nobody's in particular: somebody must be left who can give them back. */
static void before_leaving(const struct multi_op *op)
{
	int c = s.m.in[op->group];
	unsigned others = 0;

	for (unsigned i = op->group >= MULTI_IOMMU ? MULTI_IOMMU : 0; i < MULTI_GROUPS; i++)
		others += i != op->group && s.m.in[i] == c;
	for (unsigned i = 0; c >= 0 && !others && i < s.m.container[c].maps; i++)
		give_back(s.device[op->group], &s.m.container[c].map[i]);
}

/* A mapping is about to go. */
static void asked(void *user, struct sio_device *device, uint64_t iova, uint64_t size)
{
	struct multi_map *map = multi_find(&s.before, s.op->container, iova);

	(void)user;
	if (!map || map->iova != iova || map->last - map->iova != size - 1)
		fail("a device is asked for 0x%" PRIx64 " bytes at 0x%" PRIx64, size, iova);
	give_back(device, map);
}

static struct multi_answer run_pin(const struct multi_op *op)
{
	static uint64_t address[MULTI_PAGES];
	int rc = sio_device_pin_pages(s.device[op->group], op->iova, (unsigned)op->size, op->flags,
				      address);

	for (int i = 0; i < rc; i++) {
		uint64_t iova = op->iova + (uint64_t)i * MULTI_PAGE, physical = 0;
		const struct multi_map *map = multi_find(&s.before, op->container, iova);

		if (!map || sio_mem_physical(s.process, map->vaddr + (iova - map->iova), &physical))
			fail("what is pinned is no memory");
		compare("where a pinned page is", address[i], physical);
	}
	return error_or_count(rc);
}

/* The process's own view of what a device copies. */
static void read_memory(const struct multi_op *op, uint8_t *bytes)
{
	for (uint64_t i = 0; i < op->size;) {
		const struct multi_map *map = multi_find(&s.before, op->container, op->iova + i);
		uint64_t len = op->size - i, offset;

		if (!map)
			fail("a device copies where nothing is mapped");
		offset = op->iova + i - map->iova;
		if (len - 1 > map->last - map->iova - offset)
			len = map->last - map->iova - offset + 1;
		if (sio_mem_read(s.process, map->vaddr + offset, bytes + i, len))
			fail("the process cannot read its own memory");
		i += len;
	}
}

static struct multi_answer run_rw(const struct multi_op *op)
{
	static uint8_t bytes[16384], memory[16384];
	int rc;

	for (uint64_t i = 0; i < op->size; i++)
		bytes[i] = (uint8_t)(s.token + i);
	s.token += 7;
	rc = sio_device_dma_rw(s.device[op->group], op->kernel_thread ? NULL : s.process, op->iova,
			       bytes, op->size, op->write);
	if (!rc)
		read_memory(op, memory);
	if (!rc && memcmp(bytes, memory, op->size))
		fail("what the device copies is not what is in memory");
	return error_only(rc);
}

/* ---- dirty pages ---- */

static struct multi_answer run_track(const struct multi_op *op)
{
	struct vfio_iommu_type1_dirty_bitmap arg = {
		.argsz = sizeof(arg),
		.flags = op->value ? VFIO_IOMMU_DIRTY_PAGES_FLAG_START
				   : VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP,
	};

	return error_only(call(s.container[op->container], VFIO_IOMMU_DIRTY_PAGES, &arg));
}

static bool bit_of(const uint64_t *bits, uint64_t n)
{
	return bits[n / 64] >> (n % 64) & 1;
}

static bool is_reported(const struct multi_op *op, const struct multi_map *map)
{
	return map->iova >= op->iova && map->last <= op->iova + op->size - 1;
}

static void check_mapping(struct multi *m, const struct multi_op *op, const struct multi_map *map,
			  const uint64_t *bits)
{
	uint64_t first = (map->iova - op->iova) / MULTI_PAGE;
	uint64_t pages = (map->last - map->iova) / MULTI_PAGE + 1;
	bool must, may;

	for (uint64_t page = 0; page < pages; page++) {
		multi_dirty(m, op->container, map, page, &must, &may);
		if (bit_of(bits, first + page) ? !may : must)
			fail("page 0x%" PRIx64 " of the mapping at 0x%" PRIx64 " is dirty: %d",
			     page, map->iova, bit_of(bits, first + page));
	}
	for (uint64_t bit = first + pages; bit % 64; bit++)
		if (!m->container[op->container].shifted && bit_of(bits, bit) &&
		    !multi_find(m, op->container, op->iova + bit * MULTI_PAGE))
			fail("bit 0x%" PRIx64 " is no page, and dirty", bit);
}

/* As things are in `m`. A report that begins elsewhere leaves bits of its neighbours behind, from
 * then on. */
static void check_bitmap(struct multi *m, const struct multi_op *op, const uint64_t *bits)
{
	struct multi_container *c = &m->container[op->container];

	for (unsigned i = 0; i < c->maps; i++)
		c->shifted |= is_reported(op, &c->map[i]) &&
			      (c->map[i].iova - op->iova) / MULTI_PAGE % 64;
	for (unsigned i = 0; i < c->maps; i++)
		if (is_reported(op, &c->map[i]))
			check_mapping(m, op, &c->map[i], bits);
}

static uint64_t bitmap_bytes(const struct multi_op *op)
{
	uint64_t bytes = (op->size / MULTI_PAGE + 63) / 64 * 8;

	return bytes ? bytes : 8;
}

static uint64_t *new_bitmap(const struct multi_op *op)
{
	uint64_t *bits = calloc(1, bitmap_bytes(op) + 8);

	if (!bits)
		abort();
	return bits;
}

static struct multi_answer run_dirty(const struct multi_op *op)
{
	struct multi_container *c = &s.m.container[op->container];
	uint64_t *bits = new_bitmap(op);
	struct {
		uint32_t argsz, flags; /* struct vfio_iommu_type1_dirty_bitmap */
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get = {.iova = op->iova, .size = op->size, .bitmap = {.pgsize = MULTI_PAGE}},
	};
	int rc;

	arg.get.bitmap.size = bitmap_bytes(op);
	arg.get.bitmap.data = (void *)bits;
	rc = call(s.container[op->container], VFIO_IOMMU_DIRTY_PAGES, &arg);
	if (!rc && !fuzz_bare())
		check_bitmap(&s.m, op, bits);
	for (unsigned i = 0; i < c->maps && !rc; i++)
		if (is_reported(op, &c->map[i]))
			multi_dirty_done(&c->map[i]);
	free(bits);
	return error_only(rc);
}

static struct multi_answer run_unmap(const struct multi_op *op)
{
	bool all = op->kind == MULTI_UNMAP_ALL, dirty = op->kind == MULTI_UNMAP && op->flags;
	uint64_t *bits = dirty ? new_bitmap(op) : NULL;
	struct {
		uint32_t argsz, flags; /* struct vfio_iommu_type1_dma_unmap */
		uint64_t iova, size;
		struct vfio_bitmap bitmap;
	} arg = {
		.argsz = sizeof(arg) - (dirty ? 0 : sizeof(arg.bitmap)),
		.iova = op->iova,
		.bitmap = {.pgsize = MULTI_PAGE, .data = (void *)bits},
	};
	uint64_t size = all ? 0 : op->size;
	int rc;

	arg.size = size;
	if (all)
		arg.flags = VFIO_DMA_UNMAP_FLAG_ALL;
	if (dirty)
		arg.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	if (op->kind == MULTI_INVALIDATE || (all && op->flags))
		arg.flags |= VFIO_DMA_UNMAP_FLAG_VADDR;
	arg.bitmap.size = dirty ? bitmap_bytes(op) : 0;
	rc = call(s.container[op->container], VFIO_IOMMU_UNMAP_DMA, &arg);
	if (rc < 0 && arg.size != size)
		fail("an UNMAP that failed wrote a size");
	if (!rc && dirty && !fuzz_bare())
		check_bitmap(&s.before, op, bits);
	free(bits);
	/* Before 4.4 the answer is how many bytes of the structure could not be written back. */
	if (rc > 0)
		rc = -EFAULT;
	return (struct multi_answer){.error = -rc, .value = rc ? 0 : arg.size};
}

/* ---- what devices reach ---- */

/* Memory gets something new, and the device must see it; or the other way round. */
static void dma(unsigned group, uint64_t iova, bool write)
{
	uint64_t vaddr = 0, sent = ++s.token * UINT64_C(0x9e3779b97f4a7c15), got = 0;
	enum multi_dma expected;
	int rc;

	iova = (iova & ~(MULTI_PAGE - 1)) + 16;
	expected = multi_dma(&s.m, group, iova, write, &vaddr);
	if (expected == MULTI_DMA_WORKS && !write &&
	    sio_mem_write(s.process, vaddr, &sent, sizeof(sent)) &&
	    sio_mem_read(s.process, vaddr, &sent, sizeof(sent)))
		fail("the process cannot read its own memory");
	if (write)
		rc = sio_dma_write(s.device[group], iova, &sent, sizeof(sent), NULL);
	else
		rc = sio_dma_read(s.device[group], iova, &got, sizeof(got), NULL);
	if (expected == MULTI_DMA_FAULTS && rc != -EACCES)
		fail("device %u gets through at 0x%" PRIx64 ": %d", group, iova, rc);
	if (expected != MULTI_DMA_WORKS)
		return;
	if (rc)
		fail("device %u does not get through at 0x%" PRIx64 ": %d", group, iova, rc);
	if (write && sio_mem_read(s.process, vaddr, &got, sizeof(got)))
		fail("the process cannot read its own memory");
	compare("what the device transfers", got, sent);
}

static void probe_range(uint64_t first, uint64_t last, bool write)
{
	for (unsigned i = 0; i < MULTI_IOMMU; i++) {
		dma(i, first, write);
		dma(i, last, !write);
		if (s.m.in[i] < 0)
			continue;
		dma(i, first + (last - first) / 2, write);
		dma(i, last + 1, write);
		dma(i, first - 1, write);
	}
}

/* A probe after MAP fills caches, so that one after UNMAP finds out whether they were emptied. */
static void probe(const struct multi_op *op)
{
	const struct multi_container *c = &s.m.container[op->container];

	if (op->kind != MULTI_JOIN && op->kind != MULTI_LEAVE) {
		probe_range(op->iova, op->iova + op->size - 1, op->write);
		return;
	}
	for (unsigned i = 0; i < c->maps && i < 3; i++)
		probe_range(c->map[i].iova, c->map[i].last, i & 1);
}

/* In the middle of a call, under the machine's lock. */
static bool reaches(unsigned group, uint64_t iova)
{
	const struct sio_device *device = s.device[group];
	uint64_t got;
	const struct dma_req req = {
		.segment = device->fn->segment,
		.requester = pci_requester_id(device->fn),
		.iova = iova,
		.len = sizeof(got),
		.kind = DMA_READ,
	};

	return !machine_transfer(s.machine, s.machine->port, &req, &got, NULL);
}

/* Something was mapped, and the call goes on: what is reserved for the device is not in reach.
 * Kernels before 6.2 try out address 0 whatever it is. */
static void moment(void *ctx, enum iommu_moment which)
{
	const struct multi_op *op = s.op;
	const struct multi_range *direct;

	(void)ctx;
	if (which != IOMMU_MOMENT_MAPPED || !op || op->kind != MULTI_JOIN ||
	    op->group >= MULTI_IOMMU || s.m.kernel < MULTI_V(6, 2) || s.before.in[op->group] >= 0)
		return;
	direct = &s.m.platform->direct[op->group];
	if (direct->last)
		s.reserved_reached |= reaches(op->group, direct->first) ||
				      reaches(op->group, direct->first + MULTI_PAGE);
}

/* ---- after each operation ---- */

static void audit(void)
{
	char what[512];

	if (!fuzz_bare() && sio_audit(s.machine, true, what, sizeof(what)))
		fail("%s", what);
}

static void check_state(void)
{
	struct sio_stale stale;
	struct sio_stats stats;
	const char *notice = sio_notice_next(s.machine);
	uint64_t maps = 0;

	if (notice)
		fail("%s", notice);
	if (sio_stale_next(s.machine, &stale))
		fail("%s", stale.text);
	if (s.reserved_reached)
		fail("while its group joins, device %u reaches what is reserved for it",
		     s.op->group);
	for (unsigned c = 0; c < MULTI_CONTAINERS; c++)
		maps += s.m.container[c].maps;
	compare("VmLck in KiB", sio_process_vmlck(s.process), multi_charge(&s.m) * 4);
	sio_stats(s.machine, &stats);
	compare("the number of mappings", stats.mappings, maps);
	compare("the number of pinned pages", stats.pinned_pages, multi_pins(&s.m));
}

static void run_rare(unsigned rare)
{
	if (sio_rare(s.machine, "", NULL, 0) || sio_rare(s.machine, multi_rarity(rare), NULL, 0))
		fail("no such rarity");
	s.rare = rare;
}

static void run_limit(const struct multi_op *op)
{
	sio_process_set_memlock(s.process, op->value * MULTI_PAGE + MULTI_PAGE / 2);
	sio_process_set_caps(s.process,
			     op->write ? SIO_CAP_ALL : SIO_CAP_ALL & ~(unsigned)SIO_CAP_IPC_LOCK);
}

static struct multi_answer run(const struct multi_op *op)
{
	switch (op->kind) {
	case MULTI_MAP:
	case MULTI_REVALIDATE:
		return run_map(op);
	case MULTI_UNMAP:
	case MULTI_UNMAP_ALL:
	case MULTI_INVALIDATE:
		return run_unmap(op);
	case MULTI_JOIN:
		return run_join(op);
	case MULTI_LEAVE:
		return run_leave(op);
	case MULTI_PIN:
		return run_pin(op);
	case MULTI_UNPIN:
		return error_or_count(
			sio_device_unpin_pages(s.device[op->group], op->iova, (unsigned)op->size));
	case MULTI_RW:
		return run_rw(op);
	case MULTI_DMA:
		dma(op->group, op->iova, op->write);
		break;
	case MULTI_TRACK:
		return run_track(op);
	case MULTI_DIRTY:
		return run_dirty(op);
	case MULTI_LIMIT:
		run_limit(op);
		break;
	case MULTI_RARE:
		run_rare((unsigned)op->value);
		break;
	default:
		if (s.fd[op->group] >= 0)
			call(s.fd[op->group], VFIO_DEVICE_RESET, NULL);
	}
	return (struct multi_answer){0};
}

static bool is_busy(void)
{
	return !strcmp(multi_rarity(s.rare), "map.busy");
}

/* A failure on demand: nothing has changed but what Linux does not take back either. */
static void failed(const struct multi_op *op, const char *point)
{
	struct multi_container *c = &s.m.container[op->container];

	s.m = s.before;
	if ((op->kind == MULTI_UNMAP || op->kind == MULTI_UNMAP_ALL ||
	     op->kind == MULTI_INVALIDATE) &&
	    strstr(point, "copy-out"))
		/* All was done before the size could not be told. */
		multi_do(&s.m, op);
	else if (op->kind == MULTI_LEAVE || strstr(point, "report"))
		s.m.lost = true;
	else if (op->kind == MULTI_JOIN && s.came_and_went && !multi_join(&s.m, op))
		multi_leave(&s.m, op);
	else if (op->kind == MULTI_JOIN && s.m.kernel < MULTI_V(5, 10))
		s.m.lost = s.m.leaky = true;
	/* Up to 4.20 the first page of what was refused as a whole may stay. */
	else if (op->kind == MULTI_MAP && s.m.kernel < MULTI_V(5, 0) && is_busy())
		c->stray[c->strays++] = (struct multi_range){op->iova, op->iova + op->size - 1};
	/* Pages before the one that failed were marked. */
	for (uint64_t i = 0; op->kind == MULTI_PIN && i < op->size; i++) {
		uint64_t iova = op->iova + i * MULTI_PAGE;
		struct multi_map *map = multi_find(&s.m, op->container, iova);

		if (map)
			multi_mark(&s.m, op->container, map, (iova - map->iova) / MULTI_PAGE,
				   false);
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
	struct multi_container *c = &s.before.container[op->container];
	const struct multi_map *lowest = NULL;
	struct multi_op one = *op;

	if (strcmp(multi_rarity(s.rare), "unmap.short") || c->v2 || got->value >= expected->value ||
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
	s.m = s.before;
	multi_do(&s.m, &one);
	return got->value == one.size;
}

/* `point`: what failed on demand, NULL: nothing did. */
static void judge(const struct multi_op *op, const struct multi_answer *got,
		  const struct multi_answer *expected, const char *point)
{
	bool busy =
		is_busy() && got->error == EBUSY &&
		(op->kind == MULTI_JOIN || (op->kind == MULTI_MAP && s.m.kernel >= MULTI_V(5, 0)));
	bool agrees =
		got->error == expected->error || (expected->error == MULTI_ANY_ERROR && got->error);

	if (got->error && (point || (busy && !agrees))) {
		if (!is_documented(got->error) && !agrees)
			fail("errno %s is not documented", errno_text(got->error));
		failed(op, point ? point : "");
		return;
	}
	if (!agrees)
		fail("errno %s, expected %s", errno_text(got->error), errno_text(expected->error));
	/* What was done another way, a domain of its own for one, is not known. */
	if (point && (op->kind == MULTI_JOIN || op->kind == MULTI_LEAVE))
		s.m.lost = true;
	if (!was_short(op, got, expected))
		compare("the answer", got->value, expected->value);
}

static void step(struct multi_op *op)
{
	struct multi_answer expected, got;
	const char *point = NULL;
	char plan[64];

	if (!multi_knows(&s.m, op) || s.lines == LINES)
		return;
	fuzz_counts->operations++;
	if (op->kind == MULTI_LEAVE) {
		op->container = s.m.in[op->group] < 0 ? 0 : (unsigned)s.m.in[op->group];
		before_leaving(op);
	}
	multi_text(op, s.line[s.lines++], LINE);
	s.before = s.m;
	s.op = op;
	expected = multi_do(&s.m, op);
	multi_plan(op, plan, sizeof(plan));
	if (op->nth && sio_inject(s.machine, plan, NULL, 0))
		fail("%s is no plan", plan);
	got = run(op);
	if (op->nth && sio_injected(s.machine))
		point = sio_inject_last(s.machine);
	if (op->nth)
		sio_inject(s.machine, "", NULL, 0);
	note_answer(&got);
	judge(op, &got, &expected, point);
	if (s.m.lost || fuzz_bare())
		return;
	if (op->kind <= MULTI_LEAVE)
		probe(op);
	check_state();
}

/* ---- sessions ---- */

/* What is dirty, of each mapping: before it is forgotten. */
static void report_all(unsigned container)
{
	const struct multi_container *c = &s.m.container[container];

	for (unsigned i = 0; i < c->maps && c->tracking && !s.m.lost; i++) {
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
		s.container[i] = sio_open(s.process, "/dev/vfio/vfio");
	for (unsigned i = 0; i < MULTI_GROUPS; i++) {
		s.group[i] = s.fd[i] = -1;
		if (i >= MULTI_IOMMU && s.m.kernel < MULTI_V(4, 10))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(s.device[i]));
		s.group[i] = sio_open(s.process, path);
		if (s.group[i] < 0 || sio_device_on_unmap(s.device[i], asked, NULL))
			fail("%s cannot be opened", path);
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

		if (sio_mem_map(s.process, &mem, &address))
			abort();
	}
}

static void prepare(void)
{
	static const char *const name[MULTI_GROUPS] = {"A", "B", "C", "D", "V0", "V1"};

	sio_param(s.machine, "dma_entry_limit", MULTI_MAPS);
	sio_param(s.machine, "allow_unsafe_interrupts", 1);
	sio_rare(s.machine, "", NULL, 0);
	s.process = sio_process_create(s.machine);
	if (!s.process)
		abort();
	for (unsigned i = 0; i < MULTI_GROUPS; i++)
		s.device[i] = sio_device_find(s.machine, name[i]);
	make_memory();
	/* As before 6.6: whoever opens a device may take it away from firmware's memory. */
	for (unsigned i = 0; i < MULTI_IOMMU; i++)
		s.device[i]->iommu->require_direct = false;
	open_files();
	s.machine->iommu.moment = moment;
}

/* Everything is let go: nothing may be left but what a kernel itself keeps. */
static void finish(void)
{
	run_rare(0);
	for (unsigned c = 0; c < MULTI_CONTAINERS; c++)
		report_all(c);
	if (!s.m.lost)
		audit();
	for (unsigned i = 0; i < MULTI_GROUPS; i++) {
		struct multi_op leave = {.kind = MULTI_LEAVE, .group = i};

		if (s.fd[i] < 0)
			continue;
		s.op = &leave;
		before_leaving(&leave);
		if (run_leave(&leave).error)
			fail("group %u cannot leave at the end", i);
		multi_leave(&s.m, &leave);
	}
	s.machine->iommu.moment = NULL;
	if (s.m.leaky)
		return;
	audit();
	if (!fuzz_bare())
		check_state();
	sio_process_exit(s.process);
	audit();
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

static struct sio_machine *machine_for(unsigned k, unsigned platform)
{
	struct sio_machine **machine = &machines[k][platform];
	struct sio_machine_cfg cfg = {
		.platform_text = multi_platforms[platform].text,
		.kernel = s.kernel,
		.strict = true,
	};
	char error[512] = "";

	if (*machine ? sio_machine_reset(*machine)
		     : sio_machine_create(&cfg, machine, error, sizeof(error))) {
		fprintf(stderr, "multi: no machine: %s\n", error);
		abort();
	}
	return *machine;
}

/* FUZZ_PLATFORM is the number of one. */
static void choose(const uint8_t *head)
{
	const char *kernel = fuzz_kernel(), *platform = fuzz_platform();

	memset(&s, 0, sizeof(s));
	multi_setup(&s.setup, head);
	if (platform && platform[0] >= '0' && platform[0] < (char)('0' + MULTI_PLATFORMS))
		s.setup.platform = (unsigned)(platform[0] - '0');
	snprintf(s.kernel, sizeof(s.kernel), "%s", kernel ? kernel : multi_kernels[s.setup.kernel]);
	multi_init(&s.m, version(s.kernel), &s.setup);
	s.machine = machine_for(kernel ? MULTI_KERNELS : s.setup.kernel, s.setup.platform);
}

/* What all sessions begin with. */
static void begin(void)
{
	struct multi_op op = {.kind = MULTI_RARE, .value = s.setup.rare};

	step(&op);
	for (unsigned c = 0; c < MULTI_CONTAINERS; c++) {
		op = (struct multi_op){.kind = MULTI_JOIN,
				       .container = c,
				       .group = s.setup.first[c]};
		if (s.m.kernel < MULTI_V(4, 10))
			op.group %= MULTI_IOMMU;
		if (op.group < MULTI_GROUPS)
			step(&op);
	}
	for (unsigned c = 0; c < MULTI_CONTAINERS; c++) {
		op = (struct multi_op){.kind = MULTI_TRACK, .container = c, .value = 1};
		if (s.setup.tracks)
			step(&op);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = records_count(size);
	struct multi_op op;

	if (!count)
		return 0;
	fuzz_counts->inputs++;
	choose(data);
	prepare();
	begin();
	for (size_t i = 0; i < count && !s.m.lost; i++) {
		multi_decode(&op, &s.setup, data + (i + 1) * RECORD_BYTES, &s.m);
		if (op.kind == MULTI_TRACK && !op.value)
			report_all(op.container);
		if (s.m.lost)
			break;
		step(&op);
		if (i % AUDIT_EVERY == AUDIT_EVERY - 1 && !s.m.lost)
			audit();
	}
	finish();
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
