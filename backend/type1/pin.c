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
 * Where no two neighbouring pages are neighbours in memory, the kernel has a chunk for each page.
 * Frames in descending order arrive here as one run with step -4096, and stand for as many one-page
 * chunks: the first page over the limit is computed, those before it go out as one run.
 */
#include "type1/t1.h"

#include <errno.h>

/* How far past the limit the kernel looks: a batch is a page of page pointers. */
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
	const pa_t borders[] = {PHYS_HOLE_FIRST, PHYS_HOLE_LAST + 1, phys->ram_bytes};
	bool upward = is_upward(run);
	pa_t lowest = upward ? run->pa : run->pa - (run->pages - 1) * SIO_PAGE_SIZE;
	uint64_t pages = run->pages;

	*ram = phys_is_ram(phys, run->pa, SIO_PAGE_SIZE);
	if (*ram && phys_is_ram(phys, lowest, pages * SIO_PAGE_SIZE))
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

/* Pin more pages into pin->ahead, `room` being what the limit leaves beyond the chunk so far. */
static int pin_refill(struct t1_pinner *pin, uint64_t room)
{
	struct mm *mm = pin->task->mm;
	uint64_t want = pin->left;
	int rc;

	if (pin->t1->params->disable_hugepages)
		want = 1;
	else if (room < want && want - room > PIN_BATCH_PAGES)
		want = room + PIN_BATCH_PAGES;
	rc = inject_point(&pin->t1->iommu->inject, INJECT_PIN);
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
	uint64_t owner_room = t1_room(owner->task, owner->mm, owner->lock_cap);
	uint64_t take = pin->ahead.pages;

	if (!pin->ahead.reserved) {
		if (room < take)
			take = room;
		if (owner_room < take)
			take = owner_room;
	}
	if (!take)
		return -ENOMEM;
	*chunk = pin->ahead;
	chunk->pages = take;
	pin->ahead.pa += take * (uint64_t)pin->ahead.step;
	pin->ahead.pages -= take;
	return chunk->reserved ? 0 : t1_charge(pin->dma, take);
}

/* Does pin->ahead go on where the chunk ends? */
static bool pin_continues(const struct t1_pinner *pin, const struct pin_run *chunk)
{
	return is_upward(&pin->ahead) && pin->ahead.reserved == chunk->reserved &&
	       pin->ahead.pa == chunk->pa + chunk->pages * SIO_PAGE_SIZE;
}

static int pin_upward(struct t1_pinner *pin, struct pin_run *chunk, uint64_t room)
{
	uint64_t pages;
	int rc;

	*chunk = pin->ahead;
	chunk->step = (int64_t)SIO_PAGE_SIZE;
	pin->ahead.pages = 0;
	for (;;) {
		pages = chunk->reserved ? 0 : chunk->pages;
		rc = -ENOMEM;
		if (pages > room)
			goto err_chunk;
		if (!pin->left || pin->t1->params->disable_hugepages)
			break;
		rc = pin_refill(pin, room - pages);
		if (rc)
			goto err_chunk;
		if (!pin_continues(pin, chunk))
			break;
		chunk->pages += pin->ahead.pages;
		pin->ahead.pages = 0;
	}
	rc = t1_charge(pin->dma, pages);
	if (!rc)
		return 0;
err_chunk:
	t1_unpin(pin->t1, pin->dma, chunk);
	return rc;
}

int t1_pin_chunk(struct t1_pinner *pin, struct pin_run *chunk)
{
	uint64_t room = t1_room(pin->task, pin->task->mm, pin->dma->owner->lock_cap);
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
