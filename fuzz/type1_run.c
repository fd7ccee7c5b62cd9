// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations of fuzz/type1, done to the machine, and what a device sees of them.
 *
 * Bytes decide whether a device and a process share a page: one writes what was never written
 * before, the other reads. Where bytes cannot tell (registers, many pages at once) addresses do:
 * where the hardware ends up, and where the process's page is.
 */
#include "type1.h"

#include "core/mm.h"
#include "dma.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The argument cannot be written, or all memory can again. */
static void read_only(const struct client *s, const struct op *op, const void *arg, size_t len)
{
	if (op->read_only)
		machine_fence(s->process[op->actor], arg, len);
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

	const struct vfio_iommu_type1_dma_map before = map;
	int rc;

	read_only(s, op, &map, sizeof(map));
	rc = client_ioctl(s, op->actor, s->container, VFIO_IOMMU_MAP_DMA, &map);
	read_only(s, op, NULL, 0);
	if (memcmp(&map, &before, sizeof(map)))
		client_fail(s, "a MAP wrote something back");
	return (struct naive_answer){.error = -rc};
}

/* What the reference said of the bits before the operation. */
static void check_unmapped(const struct client *s, const uint64_t *bits, uint64_t bytes)
{
	for (uint64_t word = 0; word < bytes / 8; word++)
		if (s->must[word] & ~bits[word] || bits[word] & ~s->may[word])
			client_fail(s, "word %" PRIu64 " of the bitmap is 0x%" PRIx64, word,
				    bits[word]);
}

static struct naive_answer run_unmap(const struct client *s, const struct op *op)
{
	uint64_t bits[OPS_BITMAP_MAX / 8] = {0};
	struct {
		uint32_t argsz, flags; /* struct vfio_iommu_type1_dma_unmap */
		uint64_t iova, size;
		struct vfio_bitmap bitmap;
	} unmap = {
		.argsz = op->argsz,
		.flags = op->flags,
		.iova = op->iova,
		.size = op->size,
	};
	struct vfio_bitmap bitmap = {0};
	int rc;

	if (op_has_bitmap(op))
		bitmap = (struct vfio_bitmap){OPS_PAGE, op_bitmap_bytes(op), (void *)bits};
	unmap.bitmap = bitmap;

	read_only(s, op, &unmap, sizeof(unmap));
	rc = client_ioctl(s, op->actor, s->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	read_only(s, op, NULL, 0);
	if (rc && unmap.size != op->size)
		client_fail(s, "an UNMAP that failed wrote a size");
	if (unmap.argsz != op->argsz || unmap.flags != op->flags || unmap.iova != op->iova ||
	    memcmp(&unmap.bitmap, &bitmap, sizeof(bitmap)))
		client_fail(s, "an UNMAP wrote more than a size");
	if (!rc && bitmap.size && !s->naive.blind)
		check_unmapped(s, bits, bitmap.size);
	if (rc < 0)
		return (struct naive_answer){.error = -rc};
	return (struct naive_answer){.value = rc ? (uint64_t)rc : unmap.size};
}

static bool any_joined(const struct client *s)
{
	return s->joined[0] || s->joined[1] || s->joined[2];
}

static void set_iommu(struct client *s)
{
	int type = s->setup.v2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU;
	int rc = client_ioctl(s, 0, s->container, VFIO_SET_IOMMU, (void *)(intptr_t)type);
	struct line *line = &s->line[s->lines++];

	*line = (struct line){.set_iommu = type, .answered = true, .answer = {.error = -rc}};
	if (rc && !s->naive.blind)
		client_fail(s, "SET_IOMMU fails");
}

static struct naive_answer run_join(struct client *s, const struct op *op)
{
	bool first = !any_joined(s);
	int container = s->container;
	int rc = client_ioctl(s, 0, s->group[op->group], VFIO_GROUP_SET_CONTAINER, &container);

	if (!rc)
		s->joined[op->group] = true;
	if (!rc && first)
		set_iommu(s);
	return (struct naive_answer){.error = -rc};
}

static struct naive_answer run_leave(struct client *s, const struct op *op)
{
	int rc = client_ioctl(s, 0, s->group[op->group], VFIO_GROUP_UNSET_CONTAINER, NULL);

	if (!rc)
		s->joined[op->group] = false;
	return (struct naive_answer){.error = -rc};
}

/* ---- devices ---- */

bool client_reaches(const struct client *s, unsigned group, uint64_t iova, bool write, uint64_t *pa)
{
	const struct sio_device *device = s->device[group];
	struct unit *unit = device->iommu->unit;
	struct dma_req req = {
		.segment = device->fn->segment,
		.requester = pci_requester_id(device->fn),
		.iova = iova,
		.len = 8,
		.kind = write ? DMA_WRITE : DMA_READ,
	};
	struct xlat x = unit->ops->translate(unit, &req);

	*pa = x.pa;
	return !x.reason;
}

/* The device writes what the process then reads, or does not if it has another page by now. */
static void device_writes(struct client *s, const struct op *op, unsigned process, uint64_t vaddr,
			  bool same)
{
	uint64_t sent = ++s->token * UINT64_C(0x9e3779b97f4a7c15), got = 0;
	int rc = sio_dma_write(s->device[op->group], op->iova + 16, &sent, sizeof(sent), NULL);

	if (rc)
		client_fail(s, "the device does not get through: %d", rc);
	if (sio_mem_read(s->process[process], vaddr + 16, &got, sizeof(got)))
		client_fail(s, "the process cannot read its own memory");
	if ((got == sent) != same)
		client_fail(s, "process %u %s what the device writes", process,
			    same ? "does not read" : "reads");
}

static void device_reads(struct client *s, const struct op *op, unsigned process, uint64_t vaddr)
{
	struct naive_page *page = naive_page(&s->naive, process, vaddr);
	uint64_t sent = ++s->token * UINT64_C(0x9e3779b97f4a7c15), got = 0;
	uint32_t id;
	int rc;

	if (page->prot & 2) {
		naive_write(&s->naive, page);
		rc = sio_mem_write(s->process[process], vaddr + 16, &sent, sizeof(sent));
	} else {
		rc = sio_mem_read(s->process[process], vaddr + 16, &sent, sizeof(sent));
	}
	if (rc)
		client_fail(s, "the process cannot reach its own memory");
	rc = sio_dma_read(s->device[op->group], op->iova + 16, &got, sizeof(got), NULL);
	if (rc)
		client_fail(s, "the device does not get through: %d", rc);
	naive_dma(&s->naive, op, &vaddr, &id);
	if (id == NAIVE_ZERO && got)
		client_fail(s, "the device does not read zeros");
	if (page->id == id && got != sent)
		client_fail(s, "the device does not read what process %u has", process);
	if (page->id != id && page->prot & 2 && got == sent)
		client_fail(s, "the device reads what process %u has elsewhere", process);
}

static void device_transfer(struct client *s, const struct op *op, uint64_t vaddr, uint32_t id)
{
	unsigned looked = 0;

	for (unsigned i = 0; i < OPS_PROCESSES; i++) {
		const struct naive_page *page = naive_page(&s->naive, i, vaddr);

		if (!page || !(page->prot & 1) || page->id >= NAIVE_DEVICE)
			continue;
		if (op->write)
			device_writes(s, op, i, vaddr, page->id == id);
		else
			device_reads(s, op, i, vaddr);
		looked++;
	}
	if (!looked && op->write &&
	    sio_dma_write(s->device[op->group], op->iova + 16, &s->token, sizeof(s->token), NULL))
		client_fail(s, "the device does not get through");
}

/* Memory gets something new, and the device must see it; or the other way round. */
void client_dma(struct client *s, const struct op *op)
{
	struct sio_device *device = s->device[op->group];
	uint64_t vaddr = 0, got = 0;
	uint32_t id = 0;
	int rc;

	if (!s->joined[op->group])
		return;
	switch (naive_dma(&s->naive, op, &vaddr, &id)) {
	case NAIVE_DMA_WORKS:
		if (id < NAIVE_DEVICE)
			device_transfer(s, op, vaddr, id);
		else if (!client_reaches(s, op->group, op->iova, op->write, &got))
			client_fail(s, "the device does not get through");
		else if (got / OPS_PAGE != s->registers_pa / OPS_PAGE + (id - NAIVE_DEVICE))
			client_fail(s, "the device gets to 0x%" PRIx64 " instead of registers",
				    got);
		return;
	case NAIVE_DMA_FAULTS:
		if (op->write)
			rc = sio_dma_write(device, op->iova + 16, &s->token, 8, NULL);
		else
			rc = sio_dma_read(device, op->iova + 16, &got, 8, NULL);
		if (rc != -EACCES)
			client_fail(s, "the device gets through");
		return;
	default:
		/* Nobody knows; it must not do harm. */
		if (!op->write)
			sio_dma_read(device, op->iova + 16, &got, 8, NULL);
	}
}

void client_sweep(struct client *s, unsigned map)
{
	const struct naive_map *m = &s->naive.map[map];
	uint64_t pages = (m->last - m->iova) / OPS_PAGE + 1;

	for (uint64_t i = 0; i<pages; i += pages> 64 ? pages / 61 : 1) {
		uint64_t iova = m->iova + i * OPS_PAGE, vaddr = m->vaddr + i * OPS_PAGE, pa = 0,
			 own = 0;
		uint32_t id = s->naive.held[m->first + i];

		for (unsigned group = 0; group < OPS_GROUPS; group++) {
			struct op op = {.kind = OP_DMA, .iova = iova, .group = group};

			if (!s->joined[group] ||
			    naive_dma(&s->naive, &op, &own, &id) == NAIVE_DMA_UNKNOWN)
				continue;
			if (!client_reaches(s, group, iova, !(m->prot & 1), &pa))
				client_fail(s, "device d%u gets nowhere at 0x%" PRIx64, group,
					    iova);
			if (!(m->prot & 2) && client_reaches(s, group, iova, true, &own))
				client_fail(s, "device d%u can write at 0x%" PRIx64, group, iova);
			for (unsigned k = 0; k < OPS_PROCESSES; k++) {
				const struct naive_page *page = naive_page(&s->naive, k, vaddr);

				if (!page || !page->prot || page->id == NAIVE_NONE ||
				    id == NAIVE_ZERO ||
				    sio_mem_physical(s->process[k], vaddr, &own))
					continue;
				if ((page->id == id) != (own / OPS_PAGE == pa / OPS_PAGE))
					client_fail(s,
						    "device d%u gets to 0x%" PRIx64 " at 0x%" PRIx64
						    ", process %u to 0x%" PRIx64,
						    group, pa, iova, k, own);
			}
		}
	}
}

/* ---- the rest ---- */

static void check_bitmap(const struct client *s, const struct op *op, const uint64_t *bits)
{
	for (uint64_t page = 0; page < op_bitmap_bytes(op) * 8; page++) {
		bool set = bits[page / 64] >> (page % 64) & 1, must, may;

		naive_dirty(&s->naive, op, page, &must, &may);
		if ((must && !set) || (set && !may))
			client_fail(s, "bit %" PRIu64 " of the bitmap is %d", page, set);
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
	answer.error = -client_ioctl(s, 0, s->container, VFIO_IOMMU_DIRTY_PAGES, &arg);
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

	return (struct naive_answer){
		.error = -client_ioctl(s, 0, s->container, VFIO_IOMMU_DIRTY_PAGES, &arg)};
}

static struct naive_answer run_info(const struct client *s, const struct op *op)
{
	_Alignas(8) uint8_t buf[NAIVE_INFO_MAX], expected[NAIVE_INFO_MAX], care[NAIVE_INFO_MAX];
	uint32_t argsz = op->value ? (uint32_t)op->value : sizeof(buf);
	int rc;

	memset(buf, 0xa5, sizeof(buf));
	memcpy(buf, &argsz, sizeof(argsz));
	memcpy(expected, buf, sizeof(buf));
	if (!s->naive.blind)
		naive_info(&s->naive, op, expected, care, sizeof(buf));
	read_only(s, op, buf, sizeof(buf));
	rc = client_ioctl(s, op->actor, s->container, VFIO_IOMMU_GET_INFO, buf);
	read_only(s, op, NULL, 0);
	for (unsigned i = 0; !s->naive.blind && any_joined(s) && i < sizeof(buf); i++)
		if (care[i] && buf[i] != expected[i])
			client_fail(s, "byte %u of the answer is 0x%02x, expected 0x%02x", i,
				    buf[i], expected[i]);
	return (struct naive_answer){.error = rc < 0 ? -rc : 0, .value = rc > 0 ? (uint64_t)rc : 0};
}

static struct naive_answer run_extension(const struct client *s, const struct op *op)
{
	int rc = client_ioctl(s, 0, s->container, VFIO_CHECK_EXTENSION,
			      (void *)(uintptr_t)op->value);

	return rc < 0 ? (struct naive_answer){.error = -rc}
		      : (struct naive_answer){.value = (uint64_t)rc};
}

/* ---- what processes do ---- */

static struct naive_answer run_memory(struct client *s, const struct op *op)
{
	struct sio_process *process = s->process[op->actor];
	uint64_t vaddr = op_vaddr(op);
	int rc = 0;

	switch (op->value) {
	case OPS_UNMAP:
		rc = sio_mem_unmap(process, vaddr, op->size);
		break;
	case OPS_RENEW:
		rc = client_map_memory(s, op->actor, op->area, op->offset / OPS_PAGE,
				       op->size / OPS_PAGE);
		break;
	case OPS_DISCARD:
		rc = sio_mem_discard(process, vaddr, op->size);
		break;
	default:
		rc = sio_mem_protect(process, vaddr, op->size,
				     op->value == OPS_NO_ACCESS   ? SIO_PROT_NONE
				     : op->value == OPS_READ_ONLY ? SIO_PROT_READ
								  : SIO_PROT_RW);
	}
	return (struct naive_answer){.error = -rc};
}

static void run_process(struct client *s, const struct op *op)
{
	switch (op->kind) {
	case OP_FORK:
		s->process[1] = sio_process_fork(s->process[0]);
		if (!s->process[1])
			abort();
		client_watch_memory(s, s->process[1]);
		break;
	case OP_EXEC:
		if (sio_process_exec(s->process[op->actor]))
			abort();
		client_watch_memory(s, s->process[op->actor]);
		for (unsigned i = 0; i < OPS_AREAS; i++)
			if (client_map_memory(s, op->actor, i, 0, ops_areas[i].pages))
				abort();
		break;
	default:
		sio_process_exit(s->process[1]);
		s->process[1] = NULL;
	}
}

struct naive_answer client_run(struct client *s, const struct op *op)
{
	struct sio_process *process = s->process[op->actor];

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
		return run_info(s, op);
	case OP_EXTENSION:
		return run_extension(s, op);
	case OP_LIMIT:
		sio_process_set_memlock(process, op->value * OPS_PAGE + OPS_PAGE / 2);
		break;
	case OP_PRIVILEGE:
		sio_process_set_caps(process, op->value
						      ? SIO_CAP_ALL
						      : SIO_CAP_ALL & ~(unsigned)SIO_CAP_IPC_LOCK);
		break;
	case OP_HUGEPAGES:
		sio_param(s->machine, "disable_hugepages", op->value);
		break;
	case OP_DMA:
		client_dma(s, op);
		break;
	case OP_FAIL:
		s->fail_at = op->value;
		break;
	case OP_MEMORY:
		return run_memory(s, op);
	case OP_FORK:
	case OP_EXEC:
	case OP_EXIT:
		run_process(s, op);
		break;
	default:
		return run_unmap(s, op);
	}
	return (struct naive_answer){0};
}
