// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated RAM as it was at one moment, when tables were in use and no page frames.
 *
 * Of the tables that were in use then, those that were not empty are copied. The others need no
 * copy: whoever fills a table counts its entries in phys_table_meta, which is compared, and what
 * went past its owner went through phys_write(), which remembers.
 */
#include "phys_priv.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

struct phys_kept {
	uint64_t low_next, top;
	pa_t chunk_next, chunk_end;
	uint32_t free_table[TABLE_ORDERS];
	uint64_t tables;
	struct phys_table_meta meta[FRAMES_PER_BLOCK];
	bool in_use[FRAMES_PER_BLOCK];
	unsigned pages;
	struct kept_page {
		pa_t pa;
		uint8_t bytes[SIO_PAGE_SIZE];
	} page[];
};

/* The one chunk of tables that there is. */
static unsigned frames_given_out(const struct phys_priv *priv)
{
	return (unsigned)((priv->chunk_next - BLOCK_BYTES) >> SIO_PAGE_LG2);
}

static bool page_is_zero(const void *page)
{
	return sio_words_zero(page, SIO_PAGE_SIZE / sizeof(uint64_t));
}

static pa_t frame_address(unsigned frame)
{
	return BLOCK_BYTES + ((pa_t)frame << SIO_PAGE_LG2);
}

static unsigned count_pages(const struct phys *phys)
{
	unsigned pages = 0;

	for (unsigned i = 0; i < frames_given_out(phys->priv); i++)
		pages += !page_is_zero(phys_ptr(phys, frame_address(i)));
	return pages;
}

static void keep_pages(const struct phys *phys, struct phys_kept *kept)
{
	for (unsigned i = 0; i < frames_given_out(phys->priv); i++) {
		struct kept_page *page = &kept->page[kept->pages];

		if (page_is_zero(phys_ptr(phys, frame_address(i))))
			continue;
		page->pa = frame_address(i);
		memcpy(page->bytes, phys_ptr(phys, page->pa), SIO_PAGE_SIZE);
		kept->pages++;
	}
}

static void keep_meta(const struct phys *phys, struct phys_kept *kept)
{
	const struct phys_priv *priv = phys->priv;
	const struct phys_table_meta *meta = &priv->meta[BLOCK_BYTES >> SIO_PAGE_LG2];
	unsigned frames = frames_given_out(priv);

	memcpy(kept->meta, meta, frames * sizeof(*meta));
	memset(kept->in_use, 1, frames);
	for (unsigned order = 0; order < TABLE_ORDERS; order++)
		for (uint32_t at = priv->free_table[order]; at; at = priv->meta[at - 1].next)
			memset(&kept->in_use[at - 1 - (BLOCK_BYTES >> SIO_PAGE_LG2)], 0,
			       SIO_BIT(order));
}

struct phys_kept *phys_keep(const struct phys *phys)
{
	const struct phys_priv *priv = phys->priv;
	struct phys_kept *kept;

	if (phys->views || priv->frames || priv->bump != priv->frames_first ||
	    priv->low_next != 2 * BLOCK_BYTES || priv->chunk_end != priv->low_next)
		return NULL;
	kept = nofail_calloc("without copies it only takes longer to go back", 1,
			     sizeof(*kept) + count_pages(phys) * sizeof(kept->page[0]));
	if (!kept)
		return NULL;
	kept->low_next = priv->low_next;
	kept->top = priv->top;
	kept->chunk_next = priv->chunk_next;
	kept->chunk_end = priv->chunk_end;
	kept->tables = priv->tables;
	memcpy(kept->free_table, priv->free_table, sizeof(kept->free_table));
	keep_meta(phys, kept);
	keep_pages(phys, kept);
	return kept;
}

bool phys_kept_holds(const struct phys *phys, const struct phys_kept *kept)
{
	const struct phys_table_meta *meta = &phys->priv->meta[BLOCK_BYTES >> SIO_PAGE_LG2];
	unsigned frames = (unsigned)((kept->chunk_next - BLOCK_BYTES) >> SIO_PAGE_LG2);

	if (phys->priv->tables != kept->tables)
		return false;
	for (unsigned i = 0; i < frames; i++)
		if (kept->in_use[i] && memcmp(&meta[i], &kept->meta[i], sizeof(*meta)) != 0)
			return false;
	return true;
}

/* Tables that were taken since, and given back as zeros, are chunks of tables no more. */
static void drop_chunks(struct phys *phys, const struct phys_kept *kept)
{
	struct phys_priv *priv = phys->priv;

	for (uint64_t at = kept->low_next; at < priv->low_next; at += BLOCK_BYTES)
		priv->is_tables[at >> BLOCK_LG2] = 0;
	for (uint64_t at = priv->top; at < kept->top; at += BLOCK_BYTES)
		priv->is_tables[at >> BLOCK_LG2] = 0;
	priv->low_next = kept->low_next;
	priv->top = kept->top;
}

void phys_rewind(struct phys *phys, const struct phys_kept *kept)
{
	struct phys_priv *priv = phys->priv;
	struct phys_table_meta *meta = &priv->meta[BLOCK_BYTES >> SIO_PAGE_LG2];

	phys_contents_reset(phys);
	phys_frames_reset(phys);
	priv->bump = priv->frames_first;
	phys->zero_page = PA_NONE;
	drop_chunks(phys, kept);
	priv->chunk_next = kept->chunk_next;
	priv->chunk_end = kept->chunk_end;
	priv->tables = kept->tables;
	memcpy(priv->free_table, kept->free_table, sizeof(kept->free_table));
	memcpy(meta, kept->meta,
	       ((kept->chunk_next - BLOCK_BYTES) >> SIO_PAGE_LG2) * sizeof(*meta));
	for (unsigned i = 0; i < kept->pages; i++)
		memcpy(phys_ptr(phys, kept->page[i].pa), kept->page[i].bytes, SIO_PAGE_SIZE);
}

void phys_kept_free(struct phys_kept *kept)
{
	free(kept);
}
