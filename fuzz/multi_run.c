// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations of fuzz/multi, done. See multi_run.h.
 */
#include "multi_run.h"

#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- MAP, groups ---- */

static int call(int fd, unsigned long request, void *arg)
{
	int rc = sio_ioctl(multi_now.process, fd, request, arg);

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

static void note(enum multi_word word, const struct multi_op *op, uint32_t flags, long rc)
{
	multi_note((struct multi_line){.word = (uint8_t)word,
				       .container = (uint8_t)op->container,
				       .group = (uint8_t)op->group,
				       .flags = (uint8_t)flags,
				       .iova = op->iova,
				       .size = op->size,
				       .vaddr = op->vaddr},
		   rc);
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

	int rc = call(multi_now.container[op->container], VFIO_IOMMU_MAP_DMA, &map);

	note(MULTI_SAY_MAP, op, map.flags, rc);
	return error_only(rc);
}

static int open_device(const struct multi_op *op)
{
	const unsigned group = op->group;
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "%s", sio_device_bdf(multi_now.device[group]));
	fd = call(multi_now.group[group], VFIO_GROUP_GET_DEVICE_FD, name);
	multi_now.fd[group] = fd < 0 ? -1 : fd;
	note(MULTI_SAY_GET_DEVICE, op, 0, fd < 0 ? fd : 0);
	return fd < 0 ? fd : 0;
}

static void take_back(const struct multi_op *op)
{
	const int rc = call(multi_now.group[op->group], VFIO_GROUP_UNSET_CONTAINER, NULL);

	note(MULTI_SAY_UNSET_CONTAINER, op, 0, rc);
	if (rc)
		multi_fail("a group that has just joined cannot leave");
}

static struct multi_answer run_join(const struct multi_op *op)
{
	bool first = !multi_is_member(&multi_now.before, op->container);
	int container = multi_now.container[op->container],
	    type = multi_now.setup.v2[op->container] ? 3 : 1;
	int rc = call(multi_now.group[op->group], VFIO_GROUP_SET_CONTAINER, &container);
	unsigned answered;

	multi_now.came_and_went = false;
	note(MULTI_SAY_SET_CONTAINER, op, 0, rc);
	if (rc)
		return error_only(rc);
	if (first) {
		rc = call(container, VFIO_SET_IOMMU, (void *)(intptr_t)type);
		note(MULTI_SAY_SET_IOMMU, op, (uint32_t)type, rc);
	}
	/* Whether it can join was said by now. */
	answered = multi_now.answered;
	multi_now.came_and_went = !rc;
	if (!rc) {
		rc = open_device(op);
		answered = rc ? multi_now.answered : answered;
	}
	if (rc)
		take_back(op);
	multi_now.answered = answered;
	return error_only(rc);
}

struct multi_answer multi_run_leave(const struct multi_op *op)
{
	int rc = 0;

	if (multi_now.fd[op->group] >= 0) {
		rc = sio_close(multi_now.process, multi_now.fd[op->group]);
		note(MULTI_SAY_CLOSE, op, 0, rc);
	}
	if (rc)
		multi_fail("the device's file cannot be closed");
	multi_now.fd[op->group] = -1;
	rc = call(multi_now.group[op->group], VFIO_GROUP_UNSET_CONTAINER, NULL);
	note(MULTI_SAY_UNSET_CONTAINER, op, 0, rc);
	return error_only(rc);
}

/* ---- pages for devices ---- */

/* `group`: whose device it is, to be noted; MULTI_GROUPS: it was asked to. */
static void give_back(struct sio_device *device, unsigned group, struct multi_map *map)
{
	for (uint64_t page = 0; page < MULTI_PAGES; page++)
		for (; map->pins[page]; map->pins[page]--) {
			const struct multi_op op = {.group = group,
						    .iova = map->iova + page * MULTI_PAGE,
						    .size = 1};
			const int rc = sio_device_unpin_pages(device, op.iova, 1);

			if (group < MULTI_GROUPS)
				note(MULTI_SAY_UNPIN, &op, 0, rc);
			if (rc != 1)
				multi_fail("a page cannot be given back");
		}
}

/* Pins are nobody's in particular: somebody must be left who can give them back. */
void multi_before_leaving(const struct multi_op *op)
{
	int c = multi_now.m.in[op->group];
	unsigned others = 0;

	for (unsigned i = op->group >= MULTI_IOMMU ? MULTI_IOMMU : 0; i < MULTI_GROUPS; i++)
		others += i != op->group && multi_now.m.in[i] == c;
	for (unsigned i = 0; c >= 0 && !others && i < multi_now.m.container[c].maps; i++)
		give_back(multi_now.device[op->group], op->group, &multi_now.m.container[c].map[i]);
}

/* A mapping is about to go. */
void multi_asked(void *user, struct sio_device *device, uint64_t iova, uint64_t size)
{
	struct multi_map *map = multi_find(&multi_now.before, multi_now.op->container, iova);

	(void)user;
	if (!map || map->iova != iova || map->last - map->iova != size - 1)
		multi_fail("a device is asked for 0x%" PRIx64 " bytes at 0x%" PRIx64, size, iova);
	give_back(device, MULTI_GROUPS, map);
}

static struct multi_answer run_pin(const struct multi_op *op)
{
	static uint64_t address[MULTI_PAGES];
	int rc = sio_device_pin_pages(multi_now.device[op->group], op->iova, (unsigned)op->size,
				      op->flags, address);

	note(MULTI_SAY_PIN, op, op->flags, rc);
	for (int i = 0; i < rc; i++) {
		uint64_t iova = op->iova + (uint64_t)i * MULTI_PAGE, physical = 0;
		const struct multi_map *map = multi_find(&multi_now.before, op->container, iova);

		if (!map ||
		    sio_mem_physical(multi_now.process, map->vaddr + (iova - map->iova), &physical))
			multi_fail("what is pinned is no memory");
		multi_compare("where a pinned page is", address[i], physical);
	}
	return error_or_count(rc);
}

static struct multi_answer run_unpin(const struct multi_op *op)
{
	int rc = sio_device_unpin_pages(multi_now.device[op->group], op->iova, (unsigned)op->size);

	note(MULTI_SAY_UNPIN, op, 0, rc);
	return error_or_count(rc);
}

/* The process's own view of what a device copies. */
static void read_memory(const struct multi_op *op, uint8_t *bytes)
{
	for (uint64_t i = 0; i < op->size;) {
		const struct multi_map *map =
			multi_find(&multi_now.before, op->container, op->iova + i);
		uint64_t len = op->size - i, offset;

		if (!map)
			multi_fail("a device copies where nothing is mapped");
		offset = op->iova + i - map->iova;
		if (len - 1 > map->last - map->iova - offset)
			len = map->last - map->iova - offset + 1;
		if (sio_mem_read(multi_now.process, map->vaddr + offset, bytes + i, len))
			multi_fail("the process cannot read its own memory");
		i += len;
	}
}

static struct multi_answer run_rw(const struct multi_op *op)
{
	static uint8_t bytes[16384], memory[16384];
	int rc;

	for (uint64_t i = 0; i < op->size; i++)
		bytes[i] = (uint8_t)(multi_now.token + i);
	multi_now.token += 7;
	rc = sio_device_dma_rw(multi_now.device[op->group],
			       op->kernel_thread ? NULL : multi_now.process, op->iova, bytes,
			       op->size, op->write);
	note(MULTI_SAY_RW, op, (op->write ? 1u : 0) | (op->kernel_thread ? 2u : 0), rc);
	if (!rc)
		read_memory(op, memory);
	if (!rc && memcmp(bytes, memory, op->size))
		multi_fail("what the device copies is not what is in memory");
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

	int rc = call(multi_now.container[op->container], VFIO_IOMMU_DIRTY_PAGES, &arg);

	note(MULTI_SAY_TRACK, op, arg.flags, rc);
	return error_only(rc);
}

static uint64_t bitmap_bytes(const struct multi_op *op)
{
	uint64_t bytes = (op->size / MULTI_PAGE + 63) / 64 * 8;

	return bytes ? bytes : 8;
}

static bool bit_of(const uint64_t *bits, uint64_t n)
{
	return bits[n / 64] >> (n % 64) & 1;
}

static bool is_reported(const struct multi_op *op, const struct multi_map *map)
{
	return map->iova >= op->iova && map->last <= op->iova + op->size - 1;
}

static uint64_t *new_bitmap(const struct multi_op *op)
{
	uint64_t *bits = calloc(1, bitmap_bytes(op) + 8);

	if (!bits)
		abort();
	return bits;
}

/* Behind the pages of a mapping the last word has bits that are nobody's. */
static bool is_nobodys(struct multi *m, const struct multi_op *op, uint64_t bit)
{
	return !m->container[op->container].shifted &&
	       !multi_find(m, op->container, op->iova + bit * MULTI_PAGE);
}

static void set_bit(uint64_t *bits, uint64_t n, bool value)
{
	bits[n / 64] &= ~(UINT64_C(1) << n % 64);
	bits[n / 64] |= (uint64_t)value << n % 64;
}

/* All bits that are known, as they should be. */
__attribute__((noreturn)) static void fail_bitmap(struct multi *m, const struct multi_op *op,
						  const char *what, const uint64_t *bits)
{
	const struct multi_container *c = &m->container[op->container];
	uint64_t *wanted = new_bitmap(op);
	bool must, may;

	memcpy(wanted, bits, bitmap_bytes(op));
	for (unsigned i = 0; i < c->maps; i++) {
		const struct multi_map *map = &c->map[i];
		uint64_t bit = (map->iova - op->iova) / MULTI_PAGE;
		uint64_t pages = (map->last - map->iova) / MULTI_PAGE + 1;

		if (!is_reported(op, map))
			continue;
		for (uint64_t page = 0; page < pages; page++, bit++) {
			multi_dirty(m, op->container, map, page, &must, &may);
			set_bit(wanted, bit, may && (must || bit_of(bits, bit)));
		}
		for (; bit % 64; bit++)
			if (bit_of(bits, bit) && is_nobodys(m, op, bit))
				set_bit(wanted, bit, false);
	}
	multi_fail_answer(what, finding_bitmap((const uint8_t *)wanted, bitmap_bytes(op)),
			  "bitmap");
}

static void check_mapping(struct multi *m, const struct multi_op *op, const struct multi_map *map,
			  const uint64_t *bits, bool lossy)
{
	uint64_t first = (map->iova - op->iova) / MULTI_PAGE;
	uint64_t pages = (map->last - map->iova) / MULTI_PAGE + 1;
	bool must, may;

	for (uint64_t page = 0; page < pages; page++) {
		multi_dirty(m, op->container, map, page, &must, &may);
		if (bit_of(bits, first + page) ? !may : must && !lossy)
			fail_bitmap(m, op,
				    bit_of(bits, first + page) ? "a clean page is reported"
							       : "a dirty page is not reported",
				    bits);
	}
	for (uint64_t bit = first + pages; bit % 64; bit++)
		if (bit_of(bits, bit) && is_nobodys(m, op, bit))
			fail_bitmap(m, op, "what is no page is reported", bits);
}

/* As things are in `m`. A report that begins elsewhere leaves bits of its neighbours behind, from
 * then on. Before 5.12 an UNMAP takes mappings as a tree shows them, and a word that is written
 * once more, for the first page of the range, loses what others had put there. */
static void check_bitmap(struct multi *m, const struct multi_op *op, const uint64_t *bits)
{
	struct multi_container *c = &m->container[op->container];
	unsigned reported = 0;

	for (unsigned i = 0; i < c->maps; i++) {
		reported += is_reported(op, &c->map[i]);
		c->shifted |= is_reported(op, &c->map[i]) &&
			      (c->map[i].iova - op->iova) / MULTI_PAGE % 64;
	}
	for (unsigned i = 0; i < c->maps; i++)
		if (is_reported(op, &c->map[i]))
			check_mapping(m, op, &c->map[i], bits,
				      op->kind == MULTI_UNMAP && m->kernel < MULTI_V(5, 12) &&
					      reported > 1);
}

static struct multi_answer run_dirty(const struct multi_op *op)
{
	struct multi_container *c = &multi_now.m.container[op->container];
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
	rc = call(multi_now.container[op->container], VFIO_IOMMU_DIRTY_PAGES, &arg);
	note(MULTI_SAY_DIRTY, op, 0, rc);
	if (!rc && !fuzz_bare())
		check_bitmap(&multi_now.m, op, bits);
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
	struct multi_op whole = *op;
	int rc;

	arg.size = size;
	if (all)
		arg.flags = VFIO_DMA_UNMAP_FLAG_ALL;
	if (dirty)
		arg.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	if (op->kind == MULTI_INVALIDATE || (all && op->flags))
		arg.flags |= VFIO_DMA_UNMAP_FLAG_VADDR;
	arg.bitmap.size = dirty ? bitmap_bytes(op) : 0;
	rc = call(multi_now.container[op->container], VFIO_IOMMU_UNMAP_DMA, &arg);
	whole.size = size;
	note(MULTI_SAY_UNMAP, &whole, arg.flags, rc);
	if (rc < 0 && arg.size != size)
		multi_fail_number("an UNMAP that failed wrote a size", "size", size);
	if (!rc && dirty && !fuzz_bare())
		check_bitmap(&multi_now.before, op, bits);
	free(bits);
	/* Before 4.4 the answer is how many bytes of the structure could not be written back. */
	if (rc > 0)
		rc = -EFAULT;
	return (struct multi_answer){.error = -rc, .value = rc ? 0 : arg.size};
}

/* ---- the rest ---- */

void multi_set_rare(unsigned rare)
{
	if (sio_rare(multi_now.machine, "", NULL, 0) ||
	    sio_rare(multi_now.machine, multi_rarity(rare), NULL, 0))
		multi_fail("no such rarity");
	multi_now.rare = rare;
	multi_note((struct multi_line){.word = MULTI_SAY_RARE, .flags = (uint8_t)rare}, 0);
}

static void run_limit(const struct multi_op *op)
{
	sio_process_set_memlock(multi_now.process, op->value * MULTI_PAGE + MULTI_PAGE / 2);
	sio_process_set_caps(multi_now.process,
			     op->write ? SIO_CAP_ALL : SIO_CAP_ALL & ~(unsigned)SIO_CAP_IPC_LOCK);
	multi_note((struct multi_line){.word = MULTI_SAY_LIMIT,
				       .flags = op->write,
				       .size = op->value * MULTI_PAGE + MULTI_PAGE / 2},
		   0);
}

struct multi_answer multi_run(const struct multi_op *op)
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
		return multi_run_leave(op);
	case MULTI_PIN:
		return run_pin(op);
	case MULTI_UNPIN:
		return run_unpin(op);
	case MULTI_RW:
		return run_rw(op);
	case MULTI_DMA:
		multi_transfer(op->group, op->iova, op->write);
		break;
	case MULTI_TRACK:
		return run_track(op);
	case MULTI_DIRTY:
		return run_dirty(op);
	case MULTI_LIMIT:
		run_limit(op);
		break;
	case MULTI_RARE:
		multi_set_rare((unsigned)op->value);
		break;
	default:
		if (multi_now.fd[op->group] >= 0)
			note(MULTI_SAY_RESET, op, 0,
			     call(multi_now.fd[op->group], VFIO_DEVICE_RESET, NULL));
	}
	return (struct multi_answer){0};
}
