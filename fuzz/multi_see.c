// SPDX-License-Identifier: GPL-2.0-only
/*
 * What came of operations of fuzz/multi: devices transfer, numbers are compared. See multi_run.h.
 */
#include "multi_run.h"

#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>

/* ---- what devices reach ---- */

/* Memory gets something new, and the device must see it; or the other way round. */
void multi_transfer(unsigned group, uint64_t iova, bool write)
{
	uint64_t vaddr = 0, sent = ++multi_now.token * UINT64_C(0x9e3779b97f4a7c15), got = 0;
	enum multi_dma expected;
	int rc;

	iova = (iova & ~(MULTI_PAGE - 1)) + 16;
	expected = multi_dma(&multi_now.m, group, iova, write, &vaddr);
	if (expected == MULTI_DMA_WORKS && !write &&
	    sio_mem_write(multi_now.process, vaddr, &sent, sizeof(sent)) &&
	    sio_mem_read(multi_now.process, vaddr, &sent, sizeof(sent)))
		multi_fail("the process cannot read its own memory");
	if (write)
		rc = sio_dma_write(multi_now.device[group], iova, &sent, sizeof(sent), NULL);
	else
		rc = sio_dma_read(multi_now.device[group], iova, &got, sizeof(got), NULL);
	multi_note((struct multi_line){.word = MULTI_SAY_DMA,
				       .group = (uint8_t)group,
				       .flags = write,
				       .iova = iova,
				       .size = (uint32_t)multi_now.token,
				       .vaddr = expected == MULTI_DMA_WORKS ? vaddr : 0},
		   rc);
	if (expected == MULTI_DMA_FAULTS && rc != -EACCES)
		multi_fail_answer("a device gets through", "ret=-1 errno=EACCES", NULL);
	if (expected != MULTI_DMA_WORKS)
		return;
	if (rc)
		multi_fail_answer("a device does not get through", "ret=0 ...", NULL);
	if (write && sio_mem_read(multi_now.process, vaddr, &got, sizeof(got)))
		multi_fail("the process cannot read its own memory");
	if (got != sent)
		multi_fail_bytes("a device transfers other bytes");
}

static void probe_range(uint64_t first, uint64_t last, bool write)
{
	for (unsigned i = 0; i < MULTI_IOMMU; i++) {
		multi_transfer(i, first, write);
		multi_transfer(i, last, !write);
		if (multi_now.m.in[i] < 0)
			continue;
		multi_transfer(i, first + (last - first) / 2, write);
		multi_transfer(i, last + 1, write);
		multi_transfer(i, first - 1, write);
	}
}

/* A probe after MAP fills caches, so that one after UNMAP finds out whether they were emptied. */
void multi_probe(const struct multi_op *op)
{
	const struct multi_container *c = &multi_now.m.container[op->container];

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
	const struct sio_device *device = multi_now.device[group];
	uint64_t got;
	const struct dma_req req = {
		.segment = device->fn->segment,
		.requester = pci_requester_id(device->fn),
		.iova = iova,
		.len = sizeof(got),
		.kind = DMA_READ,
	};

	return !machine_transfer(multi_now.machine, multi_now.machine->port, &req, &got, NULL);
}

/* Something was mapped, and the call goes on: what is reserved for the device is not in reach.
 * Kernels before 6.3 try out address 0 whatever it is. */
void multi_moment(void *ctx, enum iommu_moment which)
{
	const struct multi_op *op = multi_now.op;
	const struct multi_range *direct;

	(void)ctx;
	if (which != IOMMU_MOMENT_MAPPED || !op || op->kind != MULTI_JOIN ||
	    op->group >= MULTI_IOMMU || multi_now.m.kernel < MULTI_V(6, 3) ||
	    multi_now.before.in[op->group] >= 0)
		return;
	direct = &multi_now.m.platform->direct[op->group];
	for (uint64_t at = 0; direct->last && at <= MULTI_PAGE && !multi_now.reserved_reached;
	     at += MULTI_PAGE) {
		multi_now.reserved_reached = reaches(op->group, direct->first + at);
		multi_now.reached = direct->first + at;
	}
}

/* ---- after each operation ---- */

void multi_audit(void)
{
	char what[512];

	if (!fuzz_bare() && sio_audit(multi_now.machine, true, what, sizeof(what)))
		multi_fail_asked(what, "audit", "ret=0");
}

static void compare_counts(const struct sio_stats *stats, uint64_t maps)
{
	const uint64_t vmlck = multi_charge(&multi_now.m) * 4, pins = multi_pins(&multi_now.m);
	const char *what = NULL;
	char fields[128];

	if (sio_process_vmlck(multi_now.process) != vmlck)
		what = "VmLck is another";
	else if (stats->mappings != maps)
		what = "the number of mappings is another";
	else if (stats->pinned_pages != pins)
		what = "the number of pinned pages is another";
	if (!what)
		return;
	snprintf(fields, sizeof(fields), "pinned=%" PRIu64 " VmLck=%" PRIu64 " mappings=%" PRIu64,
		 pins, vmlck, maps);
	multi_fail_counts(what, fields);
}

void multi_check_state(void)
{
	struct sio_stale stale;
	struct sio_stats stats;
	const char *notice = sio_notice_next(multi_now.machine);
	uint64_t maps = 0;

	if (notice)
		multi_fail("%s", notice);
	if (sio_stale_next(multi_now.machine, &stale))
		multi_fail_asked(stale.text, "stale", "ret=0 count=0");
	if (multi_now.reserved_reached)
		multi_fail_reached("a device reaches what is reserved for it while its group joins",
				   multi_now.op->group, multi_now.reached);
	for (unsigned c = 0; c < MULTI_CONTAINERS; c++)
		maps += multi_now.m.container[c].maps;
	sio_stats(multi_now.machine, &stats);
	compare_counts(&stats, maps);
}
