// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference's memory of processes, page by page.
 *
 * A page has a number that tells it from all others. A mapping holds the pages that were there when
 * it was made; what the process does afterwards changes what the process has, never that. So a
 * device and a process see the same bytes exactly as long as their pages have one number.
 *
 * Source: mmap(2), mprotect(2), madvise(2), fork(2), execve(2), and how long-term pins of Linux
 * treat private memory: from 6.2 on any pin makes a page the process's own, before that a pin for
 * reading took the zero page.
 *
 * Numbers are given out when a page is first needed. That a refused MAP has made pages appear, more
 * or fewer of them, is not to be seen: what nobody holds has any number.
 */
#include "naive.h"

#include <errno.h>

/* Where the first personality stands that is 6.2 or later. */
#define OWN_PAGES 603u

static unsigned area_first(unsigned area)
{
	unsigned first = 0;

	while (area-- > 0)
		first += (unsigned)ops_areas[area].pages;
	return first;
}

static struct naive_page fresh(struct naive *naive, unsigned area, unsigned page)
{
	const struct ops_area *a = &ops_areas[area];
	struct naive_page to = {.mapped = true,
				.shared = !a->anonymous,
				.prot = a->writable ? 3 : 1};

	if (a->device)
		to.id = NAIVE_DEVICE + page;
	else if (to.shared)
		to.id = ++naive->last_id;
	return to;
}

static void new_memory(struct naive *naive, struct naive_process *process)
{
	for (unsigned area = 0; area < OPS_AREAS; area++)
		for (unsigned page = 0; page < ops_areas[area].pages; page++)
			if (!ops_areas[area].device || naive->device_memory)
				process->page[area_first(area) + page] = fresh(naive, area, page);
}

void naive_memory_init(struct naive *naive, bool privileged)
{
	struct naive_process *process = &naive->process[0];

	*process = (struct naive_process){.alive = true,
					  .privileged = privileged,
					  .limit_pages = UINT64_MAX / OPS_PAGE};
	naive->last_id = NAIVE_FIRST;
	new_memory(naive, process);
}

static const struct naive_page *page_at(const struct naive *naive, unsigned process, uint64_t vaddr)
{
	for (unsigned i = 0; i < OPS_AREAS && naive->process[process].alive; i++) {
		uint64_t page = (vaddr - ops_areas[i].address) / OPS_PAGE;
		const struct naive_page *at = &naive->process[process].page[area_first(i)];

		if (vaddr >= ops_areas[i].address && page < ops_areas[i].pages)
			return at[page].mapped ? &at[page] : NULL;
	}
	return NULL;
}

struct naive_page *naive_page(struct naive *naive, unsigned process, uint64_t vaddr)
{
	const struct naive_page *page = page_at(naive, process, vaddr);

	return page ? &naive->process[process].page[page - naive->process[process].page] : NULL;
}

/* ---- pins ---- */

bool naive_can_pin(const struct naive *naive, unsigned process, uint64_t vaddr, bool write)
{
	const struct naive_page *page = page_at(naive, process, vaddr);

	return page && page->prot & (write ? 2 : 1);
}

bool naive_knows_pin(const struct naive *naive, unsigned process, uint64_t vaddr, bool write)
{
	const struct naive_page *page = page_at(naive, process, vaddr);

	/* Whether a refused MAP has left the zero page or a page there. */
	return naive->kernel >= OWN_PAGES || write || !page || page->shared || !(page->prot & 2);
}

void naive_write(struct naive *naive, struct naive_page *page)
{
	if (!page->shared && (page->id == NAIVE_NONE || page->copied)) {
		page->id = ++naive->last_id;
		page->copied = false;
	}
}

uint32_t naive_pin(struct naive *naive, unsigned process, uint64_t vaddr, bool write)
{
	struct naive_page *page = naive_page(naive, process, vaddr);

	if (naive->kernel < OWN_PAGES && !write && page->id == NAIVE_NONE)
		return NAIVE_ZERO;
	naive_write(naive, page);
	return page->id;
}

/* ---- what processes do ---- */

bool naive_knows_change(const struct naive *naive, const struct op *op)
{
	if (naive->kernel < OWN_PAGES)
		return false;
	switch (op->kind) {
	case OP_FORK:
		return !naive->process[1].alive;
	case OP_EXIT:
		return naive->process[1].alive;
	case OP_MEMORY:
		/* Protection of device memory is looked at when it is touched first. */
		if (op->area >= OPS_AREAS || op->offset / OPS_PAGE >= ops_areas[op->area].pages ||
		    op->size / OPS_PAGE > ops_areas[op->area].pages - op->offset / OPS_PAGE ||
		    (op->offset | op->size) % OPS_PAGE || !op->size)
			return false;
		if (ops_areas[op->area].device && !naive->device_memory)
			return false;
		return !ops_areas[op->area].device || op->value <= OPS_RENEW;
	default:
		return true;
	}
}

static int change_memory(struct naive *naive, const struct op *op)
{
	unsigned first = (unsigned)(op->offset / OPS_PAGE);
	struct naive_page *page = &naive->process[op->actor].page[area_first(op->area) + first];
	int error = 0;

	for (unsigned i = 0; i < op->size / OPS_PAGE; i++) {
		if (op->value == OPS_UNMAP)
			page[i] = (struct naive_page){0};
		else if (op->value == OPS_RENEW)
			page[i] = fresh(naive, op->area, first + i);
		else if (!page[i].mapped && op->value != OPS_DISCARD)
			return ENOMEM;
		else if (!page[i].mapped)
			error = ENOMEM;
		else if (op->value != OPS_DISCARD)
			page[i].prot = (uint8_t)(op->value == OPS_NO_ACCESS   ? 0
						 : op->value == OPS_READ_ONLY ? 1
									      : 3);
		else if (!page[i].shared)
			page[i].id = NAIVE_NONE, page[i].copied = false;
	}
	return error;
}

static bool is_held(const struct naive *naive, uint32_t id)
{
	for (unsigned i = 0; i < naive->maps; i++) {
		const struct naive_map *map = &naive->map[i];

		for (uint64_t page = 0; page <= (map->last - map->iova) / OPS_PAGE; page++)
			if (naive->held[map->first + page] == id)
				return true;
	}
	return false;
}

/* What a device holds is copied for the child at once, the rest when somebody writes. */
static void fork_process(struct naive *naive)
{
	struct naive_process *parent = &naive->process[0], *child = &naive->process[1];

	*child = *parent;
	child->mm = ++naive->last_mm;
	for (unsigned i = 0; i < NAIVE_PAGES; i++) {
		struct naive_page *page = &parent->page[i];

		if (!page->mapped || page->shared || page->id == NAIVE_NONE)
			continue;
		if (is_held(naive, page->id))
			child->page[i].id = ++naive->last_id;
		else
			page->copied = child->page[i].copied = true;
	}
}

int naive_change(struct naive *naive, const struct op *op)
{
	struct naive_process *process = &naive->process[op->actor];

	switch (op->kind) {
	case OP_MEMORY:
		return change_memory(naive, op);
	case OP_FORK:
		fork_process(naive);
		break;
	case OP_EXEC:
		/* The new program maps what the old one had in the beginning. */
		new_memory(naive, process);
		process->mm = ++naive->last_mm;
		break;
	default:
		naive->process[1].alive = false;
	}
	return 0;
}
