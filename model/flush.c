// SPDX-License-Identifier: GPL-2.0-only
/*
 * Views of memory for non-coherent units. See flush.h.
 *
 * A line is copied word by word, since units read tables by words while software flushes others.
 */
#include "flush.h"

#include <stdlib.h>
#include <sys/mman.h>

#define LINE_BYTES UINT64_C(64)

struct flush_view {
	struct phys memory;
	struct flush_view *next;
};

struct flush_view *flush_view_attach(struct phys *phys)
{
	struct flush_view *view = fail_calloc("flush.view", 1, sizeof(*view));
	void *base;

	if (!view)
		return NULL;
	base = fail_mmap("flush.view.memory", phys->ram_bytes);
	if (!base) {
		free(view);
		return NULL;
	}
	view->memory = (struct phys){.base = base, .ram_bytes = phys->ram_bytes};
	view->next = phys->views;
	phys->views = view;
	return view;
}

void flush_view_detach(struct phys *phys, struct flush_view *view)
{
	struct flush_view **link = &phys->views;

	while (*link != view)
		link = &(*link)->next;
	*link = view->next;
	munmap(view->memory.base, view->memory.ram_bytes);
	free(view);
}

void flush_view_reset(struct flush_view *view)
{
	struct phys *memory = &view->memory;

	/* Private memory that was handed back reads as zero. */
	sio_assert(madvise(memory->base, memory->ram_bytes, MADV_DONTNEED) == 0);
}

struct phys *flush_view_memory(struct flush_view *view)
{
	return &view->memory;
}

void flush_views(const struct phys *phys, pa_t pa, uint64_t len)
{
	const pa_t first = pa & ~(LINE_BYTES - 1);
	pa_t last = (pa + (len - 1)) | (LINE_BYTES - 1);

	if (!len || !phys_is_ram(phys, pa, len))
		return;
	for (struct flush_view *view = phys->views; view; view = view->next) {
		for (pa_t at = first; at <= last; at += 8)
			__atomic_store_n((uint64_t *)phys_ptr(&view->memory, at),
					 __atomic_load_n((uint64_t *)phys_ptr(phys, at),
							 __ATOMIC_ACQUIRE),
					 __ATOMIC_RELEASE);
	}
}
