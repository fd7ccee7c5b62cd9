// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated RAM: reservation, table frames, windows. Page frames are in phys_frames.c, contents in
 * phys_contents.c.
 *
 * RAM is cut into 2 MiB blocks. Block 0 and the hole below 4 GiB belong to nobody. Tables take
 * blocks from the bottom up to the first page frame and, when those are used up, from the top down
 * until they meet the page frames. A chunk of tables is touched when it is taken (one page fault
 * through a huge page is cheaper than 512 small ones) and its frames are reused last-in first-out,
 * zero by contract.
 *
 * Writers of tables and queues use phys_ptr(). Page frames are written through phys_write() only,
 * which remembers which blocks may hold anything but zeros.
 */
#include "phys_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RAM_DEFAULT (UINT64_C(16) << 30)
#define RAM_MIN     (UINT64_C(16) << 20)
#define FOUR_GIB    (UINT64_C(1) << 32)

static void release(void *p, uint64_t bytes)
{
	if (p)
		munmap(p, bytes);
}

/* Of a bitmap with one bit for 2^lg2 bytes of RAM. */
static uint64_t bitmap_bytes(const struct phys *phys, unsigned lg2)
{
	return ((phys->ram_bytes >> lg2) + 63) / 64 * sizeof(uint64_t);
}

/* RAM that can be used, without a rest above the last whole block. */
static uint64_t usable_end(uint64_t ram_bytes)
{
	uint64_t end = sio_align_down(ram_bytes, BLOCK_BYTES);

	return end > PHYS_HOLE_FIRST && end <= FOUR_GIB ? PHYS_HOLE_FIRST : end;
}

static void layout(struct phys *phys)
{
	struct phys_priv *priv = phys->priv;
	uint64_t end = usable_end(phys->ram_bytes);
	uint64_t frames = FOUR_GIB;

	if (end <= FOUR_GIB + BLOCK_BYTES * 8)
		frames = sio_align_down(end / 8, BLOCK_BYTES) + BLOCK_BYTES;
	priv->low_next = BLOCK_BYTES;
	priv->low_end = frames < PHYS_HOLE_FIRST ? frames : PHYS_HOLE_FIRST;
	priv->top = end;
	priv->frames_first = priv->bump = frames >> SIO_PAGE_LG2;
}

/* Have the host back a chunk now; nothing to do for one that served before a reset. */
static void chunk_touch(struct phys *phys, uint64_t chunk)
{
	struct phys_priv *priv = phys->priv;

	if (chunk < priv->low_touched || chunk >= priv->top_touched)
		return;
	if (chunk == priv->top)
		priv->top_touched = chunk;
	else
		priv->low_touched = chunk + BLOCK_BYTES;
	madvise(phys_ptr(phys, chunk), BLOCK_BYTES, MADV_HUGEPAGE);
	for (uint64_t at = chunk; at < chunk + BLOCK_BYTES; at += SIO_PAGE_SIZE)
		*(volatile uint8_t *)phys_ptr(phys, at) = 0;
}

/* Take one more block for tables. */
static bool chunk_take(struct phys *phys)
{
	struct phys_priv *priv = phys->priv;
	uint64_t chunk;

	if (priv->low_next < priv->low_end) {
		chunk = priv->low_next;
		priv->low_next += BLOCK_BYTES;
	} else if (priv->top - BLOCK_BYTES >= priv->bump << SIO_PAGE_LG2 &&
		   (priv->top > FOUR_GIB + BLOCK_BYTES || priv->top <= PHYS_HOLE_FIRST)) {
		priv->top -= BLOCK_BYTES;
		chunk = priv->top;
	} else {
		return false;
	}
	priv->chunk_next = chunk;
	priv->chunk_end = chunk + BLOCK_BYTES;
	priv->is_tables[chunk >> BLOCK_LG2] = 1;
	chunk_touch(phys, chunk);
	return true;
}

static bool prefault(struct phys *phys)
{
	struct phys_priv *priv = phys->priv;
	uint64_t bytes = priv->prefault_bytes;
	uint64_t chunks = bytes ? (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES : 1;

	/* Every frame of a chunk but the last one's goes straight to the free list. */
	while (chunks--) {
		if (!chunk_take(phys))
			return false;
		if (!chunks)
			break;
		for (pa_t pa = priv->chunk_end; pa > priv->chunk_next; pa -= SIO_PAGE_SIZE) {
			priv->tables++;
			phys_table_free(phys, pa - SIO_PAGE_SIZE);
		}
	}
	return true;
}

struct phys *phys_create(const struct phys_cfg *cfg)
{
	struct phys *phys = fail_calloc("phys.create", 1, sizeof(*phys));
	struct phys_priv *priv = fail_calloc("phys.create.private", 1, sizeof(*priv));
	uint64_t ram = cfg && cfg->ram_bytes ? cfg->ram_bytes : RAM_DEFAULT;

	if (!phys || !priv || ram < RAM_MIN) {
		free(phys);
		free(priv);
		return NULL;
	}
	phys->priv = priv;
	phys->zero_page = PA_NONE;
	phys->ram_bytes = sio_align_down(ram, BLOCK_BYTES);
	phys->base = fail_mmap("phys.create.ram", phys->ram_bytes);
	priv->meta = fail_mmap("phys.create.meta",
			       (phys->ram_bytes >> SIO_PAGE_LG2) * sizeof(*priv->meta));
	priv->frame = fail_mmap("phys.create.frames",
				(phys->ram_bytes >> SIO_PAGE_LG2) * sizeof(*priv->frame));
	priv->block = fail_mmap("phys.create.blocks",
				(phys->ram_bytes >> BLOCK_LG2) * sizeof(*priv->block));
	priv->written = fail_mmap("phys.create.written", bitmap_bytes(phys, SIO_PAGE_LG2));
	priv->written_blocks =
		fail_mmap("phys.create.written-blocks", bitmap_bytes(phys, BLOCK_LG2));
	priv->is_tables = fail_mmap("phys.create.is-tables", phys->ram_bytes >> BLOCK_LG2);
	imap_init(&priv->recycled);
	layout(phys);
	priv->top_touched = priv->top;
	priv->prefault_bytes = cfg ? cfg->prefault_bytes : 0;
	if (!phys->base || !priv->meta || !priv->frame || !priv->block || !priv->written ||
	    !priv->written_blocks || !priv->is_tables || !prefault(phys)) {
		phys_destroy(phys);
		return NULL;
	}
	return phys;
}

void phys_destroy(struct phys *phys)
{
	struct phys_priv *priv;
	uint64_t frames;

	if (!phys)
		return;
	priv = phys->priv;
	frames = phys->ram_bytes >> SIO_PAGE_LG2;
	release(phys->base, phys->ram_bytes);
	release(priv->meta, frames * sizeof(*priv->meta));
	release(priv->frame, frames * sizeof(*priv->frame));
	release(priv->block, (phys->ram_bytes >> BLOCK_LG2) * sizeof(*priv->block));
	release(priv->written, bitmap_bytes(phys, SIO_PAGE_LG2));
	release(priv->written_blocks, bitmap_bytes(phys, BLOCK_LG2));
	release(priv->is_tables, phys->ram_bytes >> BLOCK_LG2);
	imap_fini(&priv->recycled);
	free(priv->window);
	free(priv);
	free(phys);
}

/* What is a chunk of tables is one no more, and is given back as zeros. */
static void tables_reset(struct phys *phys, uint64_t first, uint64_t end)
{
	struct phys_priv *priv = phys->priv;

	for (uint64_t chunk = first; chunk < end; chunk += BLOCK_BYTES) {
		/* Owners clear what they give back; these have not. */
		if (priv->tables)
			memset(phys_ptr(phys, chunk), 0, BLOCK_BYTES);
		priv->is_tables[chunk >> BLOCK_LG2] = 0;
	}
}

void phys_reset(struct phys *phys)
{
	struct phys_priv *priv = phys->priv;

	tables_reset(phys, BLOCK_BYTES, priv->low_next);
	tables_reset(phys, priv->top, usable_end(phys->ram_bytes));
	phys_contents_reset(phys);
	phys_frames_reset(phys);
	memset(priv->free_table, 0, sizeof(priv->free_table));
	priv->tables = 0;
	phys->zero_page = PA_NONE;
	layout(phys);
	/* Where the first time there was room, there is now. */
	sio_assert(prefault(phys));
}

/* ---- tables ---- */

struct phys_table_meta *phys_table_meta(struct phys *phys, pa_t pa)
{
	return &phys->priv->meta[pa >> SIO_PAGE_LG2];
}

uint64_t phys_table_count(const struct phys *phys)
{
	return phys->priv->tables;
}

static void table_push(struct phys_priv *priv, pa_t pa, unsigned order)
{
	uint64_t index = pa >> SIO_PAGE_LG2;

	priv->meta[index] = (struct phys_table_meta){.next = priv->free_table[order]};
	priv->free_table[order] = (uint32_t)index + 1;
}

static pa_t table_pop(struct phys_priv *priv, unsigned order)
{
	uint32_t head = priv->free_table[order];

	if (!head)
		return PA_NONE;
	priv->free_table[order] = priv->meta[head - 1].next;
	priv->meta[head - 1] = (struct phys_table_meta){0};
	return (pa_t)(head - 1) << SIO_PAGE_LG2;
}

/* From the current chunk; what alignment skips goes to the free list of single frames. */
static pa_t chunk_cut(struct phys *phys, unsigned order)
{
	struct phys_priv *priv = phys->priv;
	uint64_t bytes = SIO_PAGE_SIZE << order;
	pa_t pa;

	while (priv->chunk_next < priv->chunk_end && (!sio_is_aligned(priv->chunk_next, bytes) ||
						      priv->chunk_end - priv->chunk_next < bytes)) {
		table_push(priv, priv->chunk_next, 0);
		priv->chunk_next += SIO_PAGE_SIZE;
	}
	if (priv->chunk_next == priv->chunk_end && !chunk_take(phys))
		return PA_NONE;
	pa = priv->chunk_next;
	priv->chunk_next += bytes;
	/* Before a reset the frames may have had another owner. */
	memset(phys_table_meta(phys, pa), 0, sizeof(*priv->meta) << order);
	return pa;
}

static pa_t tables_get(struct phys *phys, unsigned order)
{
	pa_t pa = table_pop(phys->priv, order);

	if (pa == PA_NONE)
		pa = chunk_cut(phys, order);
	if (pa != PA_NONE)
		phys->priv->tables += 1u << order;
	return pa;
}

pa_t phys_table_alloc(struct phys *phys)
{
	return tables_get(phys, 0);
}

pa_t phys_tables_alloc(struct phys *phys, unsigned count)
{
	sio_assert(count && count <= FRAMES_PER_BLOCK && (count & (count - 1)) == 0);
	return tables_get(phys, sio_lg2(count));
}

void phys_table_free(struct phys *phys, pa_t pa)
{
	table_push(phys->priv, pa, 0);
	phys->priv->tables--;
}

void phys_tables_free(struct phys *phys, pa_t pa, unsigned count)
{
	table_push(phys->priv, pa, sio_lg2(count));
	phys->priv->tables -= count;
}

/* ---- windows ---- */

const struct window *phys_window_find(const struct phys *phys, pa_t pa)
{
	const struct phys_priv *priv = phys->priv;
	unsigned low = 0, high = priv->windows;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (priv->window[mid].last < pa)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == priv->windows || priv->window[low].first > pa)
		return NULL;
	return &priv->window[low];
}

bool phys_window_add(struct phys *phys, pa_t first, pa_t last, const struct phys_window_ops *ops,
		     void *ctx)
{
	struct phys_priv *priv = phys->priv;
	struct window *grown;
	unsigned at = 0;

	if (last < first ||
	    (first < phys->ram_bytes && (first < PHYS_HOLE_FIRST || last > PHYS_HOLE_LAST)))
		return false;
	while (at < priv->windows && priv->window[at].last < first)
		at++;
	if (at < priv->windows && priv->window[at].first <= last)
		return false;
	grown = fail_realloc("phys.window.add", priv->window, (priv->windows + 1) * sizeof(*grown));
	if (!grown)
		return false;
	priv->window = grown;
	memmove(&grown[at + 1], &grown[at], (priv->windows - at) * sizeof(*grown));
	grown[at] = (struct window){first, last, ops, ctx};
	priv->windows++;
	return true;
}

void phys_window_remove(struct phys *phys, pa_t first)
{
	struct phys_priv *priv = phys->priv;

	for (unsigned at = 0; at < priv->windows; at++)
		if (priv->window[at].first == first) {
			memmove(&priv->window[at], &priv->window[at + 1],
				(priv->windows - at - 1) * sizeof(*priv->window));
			priv->windows--;
			return;
		}
}

pa_t phys_window_place(const struct phys *phys, uint64_t len)
{
	const struct phys_priv *priv = phys->priv;
	/* Above 0xfec00000 are the interrupt controllers' own addresses. */
	const pa_t hole_end = UINT64_C(0xfec00000);
	pa_t at = (PHYS_HOLE_FIRST + len - 1) & ~(len - 1);
	bool above = false;

	for (unsigned i = 0;;) {
		if (!above && (at >= hole_end || hole_end - at < len)) {
			pa_t base = phys->ram_bytes > FOUR_GIB ? phys->ram_bytes : FOUR_GIB;

			above = true;
			at = (base + len - 1) & ~(len - 1);
			i = 0;
		}
		if (i == priv->windows)
			return at;
		if (priv->window[i].first <= at + (len - 1) && priv->window[i].last >= at)
			at = (priv->window[i].last + len) & ~(len - 1);
		else
			i++;
	}
}

/* ---- audit ---- */

static const char *free_tables_audit(const struct phys *phys)
{
	const struct phys_priv *priv = phys->priv;

	for (unsigned order = 0; order < TABLE_ORDERS; order++)
		for (uint32_t at = priv->free_table[order]; at; at = priv->meta[at - 1].next) {
			const uint64_t *word = phys_ptr(phys, (pa_t)(at - 1) << SIO_PAGE_LG2);
			uint64_t any = 0;

			for (unsigned i = 0; i < 512u << order; i++)
				any |= word[i];
			if (any)
				return "a free table frame is not zero";
			if (priv->meta[at - 1].live)
				return "a free table frame has live entries";
		}
	return NULL;
}

const char *phys_audit(const struct phys *phys)
{
	const struct phys_priv *priv = phys->priv;
	const char *why = free_tables_audit(phys);

	if (why)
		return why;
	if (priv->bump << SIO_PAGE_LG2 > priv->top)
		return "page frames and tables overlap";
	for (unsigned i = 1; i < priv->windows; i++)
		if (priv->window[i].first <= priv->window[i - 1].last)
			return "windows overlap";
	return phys_frames_audit(phys);
}
