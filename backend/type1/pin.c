// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinning a mapping's pages, one physical run (chunk) after the other.
 *
 * As vfio_pin_pages_remote(): a chunk is the longest run of consecutive page frames that are all
 * reserved or all not, one page with disable_hugepages. Reserved pages (device memory) are neither
 * referenced nor charged. Each page is tested against the limit of the process whose memory it is,
 * before pages behind it are faulted in; the whole chunk is then charged to the mapping's owner,
 * which tests again. A fault in the middle of a chunk drops the chunk.
 *
 * A page that a device holds through the pin interface is charged already, and costs nothing here.
 *
 * Where no two neighbouring pages are neighbours in memory, the kernel has a chunk for each page.
 * Frames in descending order arrive here as one run with step -4096, and stand for as many one-page
 * chunks: the first page over the limit is computed, those before it go out as one run.
 */
#include "type1/t1.h"

#include <errno.h>

/* A batch is a page of page pointers. */
#define PIN_BATCH_PAGES UINT64_C(512)

static bool is_upward(const struct pin_run *run)
{
	return run->step > 0 || run->pages == 1;
}

struct pt_run t1_pt_run(const struct pin_run *run)
{
	return (struct pt_run){.oa = run->pa, .pages = run->pages, .oa_step = run->step};
}

struct pin_run t1_pin_run(const struct pt_run *run)
{
	return (struct pin_run){.pa = run->oa, .pages = run->pages, .step = run->oa_step};
}

uint64_t t1_run_split(const struct phys *phys, const struct pin_run *run, bool *ram)
{
	const pa_t zero = phys->zero_page;
	const pa_t zero_end = zero == PA_NONE ? zero : zero + SIO_PAGE_SIZE;
	const pa_t borders[] = {PHYS_HOLE_FIRST, PHYS_HOLE_LAST + 1, phys->ram_bytes, zero,
				zero_end};
	bool upward = is_upward(run);
	pa_t lowest = upward ? run->pa : run->pa - (run->pages - 1) * SIO_PAGE_SIZE;
	uint64_t pages = run->pages;

	/* The shared zero page is a reserved page like a device's, though it lies in RAM. */
	*ram = phys_is_ram(phys, run->pa, SIO_PAGE_SIZE) && run->pa != zero;
	if (*ram && phys_is_ram(phys, lowest, pages * SIO_PAGE_SIZE) &&
	    (zero < lowest || zero - lowest >= pages * SIO_PAGE_SIZE))
		return pages;
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(borders); i++) {
		uint64_t to_border;

		if (upward == (borders[i] <= run->pa))
			continue;
		to_border = upward ? (borders[i] - run->pa) >> SIO_PAGE_LG2
				   : ((run->pa - borders[i]) >> SIO_PAGE_LG2) + 1;
		if (to_border < pages)
			pages = to_border;
	}
	return pages;
}

uint64_t t1_unpin(const struct type1 *t1, const struct t1_dma *dma, const struct pin_run *run)
{
	struct mm *mm = dma->owner->mm;
	struct pin_run rest = *run;
	uint64_t charged = 0;

	iommu_sync_late(t1->iommu);

	while (rest.pages) {
		struct pin_run part = rest;
		bool ram;

		part.pages = t1_run_split(t1->iommu->phys, &rest, &ram);
		part.reserved = !ram;
		mm->ops->unpin(mm, &part, dma->prot & IOMMU_WRITE);
		if (ram)
			charged += part.pages;
		rest.pa += part.pages * (uint64_t)rest.step;
		rest.pages -= part.pages;
	}
	return charged;
}

void t1_pin_end(struct t1_pinner *pin)
{
	if (pin->ahead.pages)
		t1_unpin(pin->t1, pin->dma, &pin->ahead);
	pin->ahead.pages = 0;
}

/* Pages of the mapping that were asked for so far. */
static uint64_t page_index(const struct t1_pinner *pin)
{
	return (pin->vaddr - pin->dma->vaddr) >> SIO_PAGE_LG2;
}

/* Where the batch with this page ends: pages are faulted in by whole batches. */
static uint64_t batch_end(const struct t1_pinner *pin, uint64_t index)
{
	if (!t1_kernel(pin->t1)->batched_pinning || pin->t1->params->disable_hugepages)
		return index + 1;
	return (index / PIN_BATCH_PAGES + 1) * PIN_BATCH_PAGES;
}

/* The limit is met at a page whose batch is in memory already, to its end. */
static void fault_rest_of_batch(struct t1_pinner *pin, uint64_t index)
{
	struct mm *mm = pin->task->mm;
	uint64_t end = batch_end(pin, index), left = pin->left;

	uint64_t va = pin->vaddr, at = page_index(pin);

	while (left && at < end) {
		struct pin_run run;

		if (mm->ops->pin(mm, va, left < end - at ? left : end - at,
				 pin->dma->prot & IOMMU_WRITE, &run))
			return;
		mm->ops->unpin(mm, &run, false);
		va += run.pages * SIO_PAGE_SIZE;
		at += run.pages;
		left -= run.pages;
	}
}

/* Pin more pages into pin->ahead, `room` being what the limit leaves beyond the chunk so far. */
static int pin_refill(struct t1_pinner *pin, uint64_t room)
{
	struct mm *mm = pin->task->mm;
	uint64_t want = pin->left, end;
	int rc;

	if (pin->t1->params->disable_hugepages || pin->one_by_one)
		want = 1;
	if (t1_kernel(pin->t1)->limit == LIMIT_SHORTENS_RUN) {
		/* One page past the limit is looked at, because it may cost nothing. */
		if (room < want)
			want = room ? room : 1;
	} else if (room < want) {
		end = batch_end(pin, page_index(pin) + room);
		if (end - page_index(pin) < want)
			want = end - page_index(pin);
	}
	rc = inject_here("type1.pin", FAIL_PIN);
	if (rc)
		return rc;
	pin->ahead.pages = 0;
	rc = mm->ops->pin(mm, pin->vaddr, want, pin->dma->prot & IOMMU_WRITE, &pin->ahead);
	if (rc) {
		pin->ahead.pages = 0;
		return rc;
	}
	sio_assert(pin->ahead.pages && pin->ahead.pages <= want);
	pin->vaddr += pin->ahead.pages * SIO_PAGE_SIZE;
	pin->left -= pin->ahead.pages;
	return 0;
}

/* One-page chunks in descending order: as many as the limits allow now. */
static int pin_scattered(struct t1_pinner *pin, struct pin_run *chunk, uint64_t room)
{
	const struct t1_owner *owner = pin->dma->owner;
	uint64_t owner_room = t1_room(pin->t1, owner->task, owner->mm, owner->lock_cap);
	uint64_t take = pin->ahead.pages;

	if (!pin->ahead.reserved) {
		if (room < take)
			take = room;
		if (owner_room < take)
			take = owner_room;
	}
	if (!take) {
		fault_rest_of_batch(pin, page_index(pin) - pin->ahead.pages);
		return -ENOMEM;
	}
	*chunk = pin->ahead;
	chunk->pages = take;
	pin->ahead.pa += take * (uint64_t)pin->ahead.step;
	pin->ahead.pages -= take;
	return chunk->reserved ? 0 : t1_charge(pin->t1, pin->dma, take);
}

/* Does pin->ahead go on where the chunk ends? */
static bool pin_continues(const struct t1_pinner *pin, const struct pin_run *chunk)
{
	return is_upward(&pin->ahead) && pin->ahead.reserved == chunk->reserved &&
	       pin->ahead.pa == chunk->pa + chunk->pages * SIO_PAGE_SIZE;
}

/* What the chunk, which ends where pin->ahead begins, is charged. */
static uint64_t chunk_price(const struct t1_pinner *pin, const struct pin_run *chunk)
{
	uint64_t first = page_index(pin) - pin->ahead.pages - chunk->pages;

	return t1_run_price(pin->t1, pin->dma, pin->dma->iova + first * SIO_PAGE_SIZE, chunk);
}

static int pin_upward(struct t1_pinner *pin, struct pin_run *chunk, uint64_t room)
{
	const struct personality *kernel = t1_kernel(pin->t1);
	uint64_t pages;
	int rc;

	*chunk = pin->ahead;
	chunk->step = (int64_t)SIO_PAGE_SIZE;
	pin->ahead.pages = 0;
	for (;;) {
		pages = chunk_price(pin, chunk);
		rc = -ENOMEM;
		if (pages > room) {
			fault_rest_of_batch(pin, page_index(pin) - pages + room);
			goto err_chunk;
		}
		if (!pin->left || pin->t1->params->disable_hugepages)
			break;
		if (pages == room && kernel->limit == LIMIT_SHORTENS_RUN)
			break;
		rc = pin_refill(pin, room - pages);
		/* Page by page, a fault ends the run, and the next one fails. */
		if (rc && !kernel->batched_pinning)
			break;
		if (rc)
			goto err_chunk;
		if (!pin_continues(pin, chunk))
			break;
		chunk->pages += pin->ahead.pages;
		pin->ahead.pages = 0;
	}
	rc = t1_charge(pin->t1, pin->dma, pages);
	if (!rc)
		return 0;
err_chunk:
	t1_unpin(pin->t1, pin->dma, chunk);
	return rc;
}

int t1_pin_chunk(struct t1_pinner *pin, struct pin_run *chunk)
{
	uint64_t room = t1_room(pin->t1, pin->task, pin->task->mm, pin->dma->owner->lock_cap);
	int rc;

	if (!pin->ahead.pages) {
		rc = pin_refill(pin, room);
		if (rc)
			return rc;
	}
	if (is_upward(&pin->ahead))
		return pin_upward(pin, chunk, room);
	return pin_scattered(pin, chunk, room);
}
