// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page frames: allocation in runs, reference and pin counts.
 *
 * Counts of a 2 MiB block are one pair of numbers while all its frames agree; the first difference
 * spreads them into the per-frame array (a reservation: no allocation, so counting cannot fail),
 * and a change of the whole block, or the last count going away, brings the pair back. A frame
 * below `bump` whose counts are both 0 is free and lies in one recycled run.
 *
 * Freed frames are cleared at once where they were written, so that a new frame reads as zero.
 */
#include "phys_priv.h"

#include <string.h>

#define SEARCH_RUNS 64u

static uint64_t pfn_to_block(uint64_t pfn)
{
	return pfn / FRAMES_PER_BLOCK;
}

/* ---- free runs ---- */

/*
 * A kernel frees a page without needing memory for it, so that this never fails by plan. When the
 * host itself has none left, the frames are lost until the machine ends.
 */
static void run_insert(struct phys_priv *priv, struct imap_entry run)
{
	struct fail_plan *plan = fail_enter(NULL);

	if (!imap_insert(&priv->recycled, run))
		priv->lost += run.last - run.first + 1;
	fail_leave(plan);
}

static void recycle(struct phys *phys, uint64_t pfn, uint64_t n)
{
	struct imap *runs = &phys->priv->recycled;
	struct imap_entry run = {pfn, pfn + n - 1, 0};
	struct imap_entry near;

	if (imap_find(runs, run.last + 1, run.last + 1, &near)) {
		imap_erase(runs, near.first, NULL);
		run.last = near.last;
	}
	if (pfn && imap_find(runs, pfn - 1, pfn - 1, &near)) {
		run.first = near.first;
		imap_update(runs, near.first, run);
		return;
	}
	run_insert(phys->priv, run);
}

/* Take [pfn, pfn + n) out of the recycled run that holds it. */
static bool recycled_cut(struct phys *phys, struct imap_entry run, uint64_t pfn, uint64_t n)
{
	struct imap *runs = &phys->priv->recycled;
	struct imap_entry upper = {pfn + n, run.last, 0};

	if (pfn == run.first && pfn + n - 1 == run.last)
		return imap_erase(runs, pfn, NULL);
	if (pfn == run.first)
		return imap_update(runs, pfn, upper);
	if (!imap_update(runs, pfn, (struct imap_entry){run.first, pfn - 1, 0}))
		return false;
	if (pfn + n - 1 < run.last)
		run_insert(phys->priv, upper);
	return true;
}

/* First recycled run with `want` aligned frames; with `any`, the first with an aligned frame at
 * all. */
static uint64_t recycled_take(struct phys *phys, uint64_t want, uint64_t align, bool any,
			      uint64_t *first)
{
	struct imap_iter it = imap_iter(&phys->priv->recycled, 0);
	struct imap_entry run;

	for (unsigned tries = 0; (any || tries < SEARCH_RUNS) && imap_next(&it, &run); tries++) {
		uint64_t pfn = (run.first + align - 1) & ~(align - 1);
		uint64_t n;

		if (pfn > run.last)
			continue;
		n = run.last - pfn + 1;
		if (n < want && !any)
			continue;
		if (n > want)
			n = want;
		if (!recycled_cut(phys, run, pfn, n))
			return 0;
		*first = pfn;
		return n;
	}
	return 0;
}

static uint64_t bump_take(struct phys *phys, uint64_t want, uint64_t align, uint64_t *first)
{
	struct phys_priv *priv = phys->priv;
	uint64_t end = priv->top >> SIO_PAGE_LG2;
	uint64_t pfn = (priv->bump + align - 1) & ~(align - 1);
	uint64_t n;

	if (pfn >= end)
		return 0;
	n = end - pfn < want ? end - pfn : want;
	if (pfn > priv->bump)
		recycle(phys, priv->bump, pfn - priv->bump);
	priv->bump = pfn + n;
	*first = pfn;
	return n;
}

/* ---- counts ---- */

static void block_spread(struct phys_priv *priv, uint64_t index)
{
	struct block *block = &priv->block[index];
	struct frame_counts *frame = &priv->frame[index * FRAMES_PER_BLOCK];

	frame[0] = (struct frame_counts){block->refs, block->pins};
	for (unsigned done = 1; done < FRAMES_PER_BLOCK; done *= 2)
		memcpy(&frame[done], &frame[0], done * sizeof(*frame));
	block->refs = block->refs || block->pins ? FRAMES_PER_BLOCK : 0;
	block->pins = 0;
	block->detailed = 1;
}

/* All frames of the block agree: one pair of numbers again. */
static void block_join(struct phys_priv *priv, uint64_t index)
{
	struct block *block = &priv->block[index];
	const struct frame_counts *frame = &priv->frame[index * FRAMES_PER_BLOCK];

	/* Each as the one before it; the last one alone tells most blocks apart. */
	if (frame[0].refs != frame[FRAMES_PER_BLOCK - 1].refs ||
	    frame[0].pins != frame[FRAMES_PER_BLOCK - 1].pins ||
	    memcmp(&frame[1], &frame[0], (FRAMES_PER_BLOCK - 1) * sizeof(*frame)) != 0)
		return;
	block->detailed = 0;
	block->refs = frame[0].refs & 0x7fffffff;
	block->pins = frame[0].pins;
}

struct count_delta {
	int refs, pins;
};

static void frame_add(struct frame_counts *frame, struct count_delta delta)
{
	sio_assert(delta.refs >= 0 || frame->refs);
	sio_assert(delta.pins >= 0 || frame->pins);
	frame->refs += (uint32_t)delta.refs;
	frame->pins += (uint32_t)delta.pins;
}

static bool frame_is_free(const struct frame_counts *frame)
{
	return !frame->refs && !frame->pins;
}

/* Change the counts of frames in one block; runs that became free are recycled. */
static void block_add_some(struct phys *phys, uint64_t pfn, unsigned n, struct count_delta delta)
{
	struct phys_priv *priv = phys->priv;
	uint64_t index = pfn_to_block(pfn);
	struct block *block = &priv->block[index];
	uint64_t freed = pfn; /* start of the free run being collected */
	bool frees = delta.refs + delta.pins < 0;

	if (!block->detailed)
		block_spread(priv, index);
	for (uint64_t at = pfn; at < pfn + n; at++) {
		struct frame_counts *frame = &priv->frame[at];
		bool was_free = frame_is_free(frame);

		frame_add(frame, delta);
		if (was_free && !frees)
			block->refs++;
		if (frees && frame_is_free(frame)) {
			block->refs--;
			priv->frames--;
		} else {
			if (frees && at > freed) {
				phys_contents_clear(phys, freed, at - freed);
				recycle(phys, freed, at - freed);
			}
			freed = at + 1;
		}
	}
	if (frees && freed < pfn + n) {
		phys_contents_clear(phys, freed, pfn + n - freed);
		recycle(phys, freed, pfn + n - freed);
	}
	if (!block->refs || n == FRAMES_PER_BLOCK)
		block_join(priv, index);
}

static void block_add_all(struct phys *phys, uint64_t index, struct count_delta delta)
{
	struct phys_priv *priv = phys->priv;
	struct block *block = &priv->block[index];

	sio_assert(delta.refs >= 0 || block->refs);
	sio_assert(delta.pins >= 0 || block->pins);
	block->refs = (block->refs + (uint32_t)delta.refs) & 0x7fffffff;
	block->pins += (uint32_t)delta.pins;
	if (!block->refs && !block->pins)
		priv->frames -= FRAMES_PER_BLOCK;
}

/* Frames that were told apart once, and are not any more, count as one again. */
static bool block_is_uniform(struct phys_priv *priv, uint64_t index)
{
	if (priv->block[index].detailed)
		block_join(priv, index);
	return !priv->block[index].detailed;
}

/* Whole uniform blocks in a row; what became free is recycled as one run. */
static uint64_t blocks_add(struct phys *phys, uint64_t pfn, uint64_t n, struct count_delta delta)
{
	struct phys_priv *priv = phys->priv;
	uint64_t at = pfn, freed = pfn;

	while (n - (at - pfn) >= FRAMES_PER_BLOCK && block_is_uniform(priv, pfn_to_block(at))) {
		const struct block *block = &priv->block[pfn_to_block(at)];

		block_add_all(phys, pfn_to_block(at), delta);
		at += FRAMES_PER_BLOCK;
		if (block->refs || block->pins) {
			if (at - FRAMES_PER_BLOCK > freed) {
				phys_contents_clear(phys, freed, at - FRAMES_PER_BLOCK - freed);
				recycle(phys, freed, at - FRAMES_PER_BLOCK - freed);
			}
			freed = at;
		}
	}
	if (at > freed) {
		phys_contents_clear(phys, freed, at - freed);
		recycle(phys, freed, at - freed);
	}
	return at - pfn;
}

static void frames_add(struct phys *phys, uint64_t pfn, uint64_t n, struct count_delta delta)
{
	phys->priv->pins += n * (uint64_t)(int64_t)delta.pins;
	while (n) {
		uint64_t offset = pfn % FRAMES_PER_BLOCK;
		uint64_t done = 0;

		if (!offset)
			done = blocks_add(phys, pfn, n, delta);
		if (!done) {
			done = FRAMES_PER_BLOCK - offset < n ? FRAMES_PER_BLOCK - offset : n;
			block_add_some(phys, pfn, (unsigned)done, delta);
		}
		pfn += done;
		n -= done;
	}
}

uint64_t phys_frames_alloc(struct phys *phys, uint64_t want, unsigned align_lg2, uint64_t *first)
{
	uint64_t align = UINT64_C(1) << align_lg2;
	uint64_t end = phys->priv->top >> SIO_PAGE_LG2;
	uint64_t n;

	if (!want)
		return 0;
	n = recycled_take(phys, want, align, false, first);
	if (!n && end - phys->priv->bump >= want + align)
		n = bump_take(phys, want, align, first);
	if (!n)
		n = recycled_take(phys, want, align, true, first);
	if (!n)
		n = bump_take(phys, want, align, first);
	if (n) {
		phys->priv->frames += n;
		frames_add(phys, *first, n, (struct count_delta){.refs = 1});
	}
	return n;
}

void phys_frames_get(struct phys *phys, uint64_t pfn, uint64_t n)
{
	frames_add(phys, pfn, n, (struct count_delta){.refs = 1});
}

void phys_frames_put(struct phys *phys, uint64_t pfn, uint64_t n)
{
	frames_add(phys, pfn, n, (struct count_delta){.refs = -1});
}

void phys_frames_pin(struct phys *phys, uint64_t pfn, uint64_t n)
{
	frames_add(phys, pfn, n, (struct count_delta){.pins = 1});
}

void phys_frames_unpin(struct phys *phys, uint64_t pfn, uint64_t n)
{
	frames_add(phys, pfn, n, (struct count_delta){.pins = -1});
}

static struct frame_counts counts_at(const struct phys *phys, uint64_t pfn)
{
	const struct block *block = &phys->priv->block[pfn_to_block(pfn)];

	if (block->detailed)
		return phys->priv->frame[pfn];
	return (struct frame_counts){block->refs, block->pins};
}

uint32_t phys_frame_refs(const struct phys *phys, uint64_t pfn)
{
	return counts_at(phys, pfn).refs;
}

uint32_t phys_frame_pins(const struct phys *phys, uint64_t pfn)
{
	return counts_at(phys, pfn).pins;
}

/* The first frame from pfn on that is not pinned so often; `end` or above: there is none. */
static uint64_t pins_end(const struct phys *phys, uint64_t pfn, uint64_t end, uint32_t pins)
{
	const struct phys_priv *priv = phys->priv;

	while (pfn < end) {
		const struct block *block = &priv->block[pfn_to_block(pfn)];
		uint64_t next = sio_align_down(pfn, FRAMES_PER_BLOCK) + FRAMES_PER_BLOCK;

		if (!block->detailed && block->pins != pins)
			break;
		for (; block->detailed && pfn < next; pfn++)
			if (priv->frame[pfn].pins != pins)
				return pfn;
		pfn = next;
	}
	return pfn;
}

bool phys_pinned_run(const struct phys *phys, uint64_t pfn, uint64_t *first, uint64_t *n,
		     uint32_t *pins)
{
	uint64_t end = phys->priv->bump, last;

	if (pfn < phys->priv->frames_first)
		pfn = phys->priv->frames_first;
	pfn = pins_end(phys, pfn, end, 0);
	if (pfn >= end)
		return false;
	*first = pfn;
	*pins = phys_frame_pins(phys, pfn);
	last = pins_end(phys, pfn, end, *pins);
	*n = (last < end ? last : end) - pfn;
	return true;
}

uint64_t phys_pins_total(const struct phys *phys)
{
	return phys->priv->pins;
}

uint64_t phys_frames_total(const struct phys *phys)
{
	return phys->priv->frames;
}

void phys_frames_reset(struct phys *phys)
{
	struct phys_priv *priv = phys->priv;

	/* Counts of single frames are written anew when their block is spread again. */
	for (uint64_t b = pfn_to_block(priv->frames_first); b * FRAMES_PER_BLOCK < priv->bump; b++)
		priv->block[b] = (struct block){0};
	imap_fini(&priv->recycled);
	priv->lost = priv->frames = priv->pins = 0;
}

/* ---- audit ---- */

struct frame_sums {
	uint64_t frames, pins;
};

/* What the block at pfn adds to the sums. False: its own count is wrong. */
static bool block_audit(const struct phys *phys, uint64_t pfn, struct frame_sums *sums)
{
	const struct block *block = &phys->priv->block[pfn_to_block(pfn)];
	const struct frame_counts *frame = &phys->priv->frame[pfn];
	uint64_t n = phys->priv->bump - pfn, used = 0;

	if (!block->detailed) {
		struct frame_counts counts = {block->refs, block->pins};

		n = n < FRAMES_PER_BLOCK ? n : FRAMES_PER_BLOCK;
		sums->frames += frame_is_free(&counts) ? 0 : n;
		sums->pins += counts.pins * n;
		return true;
	}
	for (unsigned i = 0; i < FRAMES_PER_BLOCK; i++) {
		used += !frame_is_free(&frame[i]);
		sums->pins += frame[i].pins;
	}
	sums->frames += used;
	return used == block->refs;
}

const char *phys_frames_audit(const struct phys *phys)
{
	const struct phys_priv *priv = phys->priv;
	struct frame_sums sums = {0};
	uint64_t recycled = 0;
	struct imap_entry run;
	const char *why = imap_audit(&priv->recycled);

	if (why)
		return why;
	for (uint64_t pfn = priv->frames_first; pfn < priv->bump; pfn += FRAMES_PER_BLOCK)
		if (!block_audit(phys, pfn, &sums))
			return "a block's used frames are miscounted";
	for (struct imap_iter it = imap_iter(&priv->recycled, 0); imap_next(&it, &run);) {
		struct frame_counts first = counts_at(phys, run.first);
		struct frame_counts last = counts_at(phys, run.last);

		if (run.last >= priv->bump || !frame_is_free(&first) || !frame_is_free(&last))
			return "a recycled run holds a used frame";
		recycled += run.last - run.first + 1;
	}
	if (sums.pins != priv->pins)
		return "sum of pins differs from its counter";
	if (sums.frames != priv->frames)
		return "frames in use differ from their counter";
	if (sums.frames + recycled + priv->lost != priv->bump - priv->frames_first)
		return "free and used frames do not add up";
	return NULL;
}
