/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dirty pages. Operations of the iommufd target, each with what it has to answer and what follows
 * from it.
 */
#ifndef FUZZ_IOMMUFD_DIRTY_H
#define FUZZ_IOMMUFD_DIRTY_H

#include "iommufd_objects.h"

/* ---- dirty pages ---- */

/* Leaves are half pages: what is marked is what is reported. Else more can be. */
static inline bool is_exact(const struct target *t, const struct hwpt *h)
{
	return h->mock && !t->later;
}

static inline void mark(struct hwpt *h, uint64_t half)
{
	for (unsigned i = 0; i < h->marks; i++)
		if (h->mark[i] == half)
			return;
	if (h->marks == MARKS)
		h->overflow = true;
	else
		h->mark[h->marks++] = half;
}

static inline void do_track(struct target *t)
{
	uint64_t how = take(t, 1);
	struct iommu_hwpt_set_dirty_tracking cmd = {.hwpt_id = any_id(t, IOMMUFD_OBJ_HWPT_PAGING),
						    .flags = how & 0xf0 ? how & 1 : how & 3};
	struct hwpt *h = hwpt_of(t, cmd.hwpt_id);
	struct iommu_hwpt_set_dirty_tracking off = cmd;
	int want = 0, rc;

	/* Off and on again: what was dirty is forgotten. */
	off.flags = 0;
	if (h && h->tracking && cmd.flags == 1 && how & 0x80)
		expect(t, "SET_DIRTY_TRACKING",
		       command(t, IOMMU_HWPT_SET_DIRTY_TRACKING, &off, sizeof(off)), 0);
	rc = command(t, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd, sizeof(cmd));

	if (cmd.flags > 1)
		want = -EOPNOTSUPP;
	else if (!h || h->nested)
		want = -ENOENT;
	else if (!h->dirty_ops)
		want = -EOPNOTSUPP;
	expect(t, "SET_DIRTY_TRACKING", rc, want);
	if (rc)
		return;
	h->tracking = cmd.flags;
	if (h->tracking) {
		h->marks = 0;
		h->overflow = false;
	}
}

/* A write of the mock's devices: bits of half pages. */
static inline void do_mark(struct target *t)
{
	struct iommu_test_cmd cmd = {.id = any_id(t, IOMMUFD_OBJ_HWPT_PAGING)};
	struct hwpt *h = hwpt_of(t, cmd.id);
	struct model_ioas *s = base_of(t, h);
	uint64_t iova = any_iova(t, s) & -(uint64_t)MOCK_PAGE_SIZE, bits = take(t, 4), count = 0;
	int want = !h || h->nested ? -ENOENT : !h->mock || !h->tracking ? -EINVAL : 0;

	cmd.dirty.iova = iova;
	cmd.dirty.length = UINT64_C(32) * MOCK_PAGE_SIZE;
	cmd.dirty.page_size = MOCK_PAGE_SIZE;
	cmd.dirty.uptr = DATA;
	put_data(0, &bits, 4);
	if (iova >> 56)
		return;
	expect(t, "DIRTY", test(t, IOMMU_TEST_OP_DIRTY, &cmd), want);
	for (unsigned i = 0; !want && i < 32; i++) {
		const uint64_t at = iova + UINT64_C(2048) * i;

		if (!(bits >> i & 1))
			continue;
		if (model_area_in(s, at, at)) {
			mark(h, at);
			count++;
		} else {
			count += t->later;
		}
	}
	if (!want && cmd.dirty.out_nr_dirty != count)
		differ_number(t, "DIRTY counts", "nr_dirty", cmd.dirty.out_nr_dirty, count, true);
}

static inline uint64_t any_page_size(struct target *t)
{
	uint64_t how = take(t, 1);

	switch (how & 7) {
	case 0:
		return UINT64_C(1) << (how >> 3) * 2;
	case 1:
	case 7:
		return UINT64_C(1) << (how & 8 ? 32 + (how >> 3) : 56 + (how >> 4) % 8);
	case 2:
		return how & 8 ? 0 : UINT64_C(1) << 30;
	case 3:
		return MODEL_HUGE;
	case 4:
		return 2048;
	default:
		return 4096;
	}
}

static inline int want_dirty(const struct target *t, const struct iommu_hwpt_get_dirty_bitmap *cmd,
			     const struct hwpt *h, const struct model_ioas *s)
{
	uint64_t last, end;

	if (cmd->flags & ~(uint32_t)IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR)
		return -EOPNOTSUPP;
	if (!h || h->nested)
		return -ENOENT;
	if (!cmd->length && !t->later)
		return -EINVAL;
	if (__builtin_add_overflow(cmd->iova, cmd->length - 1, &last))
		return -EOVERFLOW;
	end = last + 1;
	if (cmd->iova % s->alignment || end % s->alignment || !cmd->page_size ||
	    cmd->iova & (cmd->page_size - 1) || end & (cmd->page_size - 1))
		return -EINVAL;
	return h->dirty_ops ? 0 : -EOPNOTSUPP;
}

/*
 * The later mock's table is the generic one: record_dirty() forgets the last entry of a leaf of
 * several. Such an entry is the second half of a page, or as large as a table.
 */
static inline bool is_told(const struct target *t, const struct hwpt *h, struct model_ioas *s,
			   uint64_t at)
{
	const struct model_area *a = model_area_in(s, at, at);

	if (is_exact(t, h) || !h->mock)
		return true;
	return a && at % MODEL_PAGE == 0 && a->last - a->first < MODEL_HUGE / 2 - 1;
}

/*
 * All that was marked before the first hole; what was read is clean now. Bits that are wrong, some
 * of which check_exact() may have found, are put right for the finding.
 */
static inline void check_bitmap(struct target *t, struct hwpt *h, struct model_ioas *s,
				const struct iommu_hwpt_get_dirty_bitmap *cmd, bool wrong)
{
	const uint64_t last = cmd->iova + (cmd->length - 1), offset = cmd->data - BITMAP;
	const char *what = wrong ? "a clean page is reported" : NULL;
	unsigned bits = 0, kept = 0;

	for (unsigned i = 0; i < h->marks; i++) {
		const uint64_t at = h->mark[i], n = (at - cmd->iova) / cmd->page_size;

		if (at < cmd->iova || at > last || !model_covered(s, cmd->iova, at)) {
			h->mark[kept++] = at;
			continue;
		}
		if (h->tracking && is_told(t, h, s, at) && n / 8 + offset < BITMAP_BYTES &&
		    !(*bitmap_at(n / 8 + offset) >> n % 8 & 1)) {
			*bitmap_at(n / 8 + offset) |= (uint8_t)(1u << n % 8);
			what = "a dirty page is not reported";
		}
		if (cmd->flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR)
			h->mark[kept++] = at;
	}
	h->marks = kept;
	if (what)
		fail_bits(t, cmd, what);
	for (uint64_t n = 0; n < BITMAP_BYTES; n++)
		bits += *bitmap_at(n);
	/* The later mock's table tells what it has, tracked or not. */
	if (bits && !h->tracking && !(t->later && h->mock))
		differ(t, "pages are reported while nothing is tracked");
}

/* Before the marks change: nothing but marked pages may be reported, each with all of its bits.
 * True: there were others, they are taken out. */
static inline bool check_exact(const struct hwpt *h, const struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	const uint64_t offset = cmd->data - BITMAP;
	bool wrong = false;

	for (uint64_t byte = 0; byte < BITMAP_BYTES; byte++) {
		const unsigned bits = *bitmap_at(byte);

		for (unsigned i = 0; bits && i < 8; i++) {
			const uint64_t n = (byte - offset) * 8 + i;
			bool known = false;

			if (!(bits >> i & 1))
				continue;
			for (unsigned k = 0; k < h->marks; k++) {
				const uint64_t at = h->mark[k] - cmd->iova;

				known |= h->mark[k] >= cmd->iova && at / cmd->page_size <= n &&
					 (at + MOCK_PAGE_SIZE - 1) / cmd->page_size >= n;
			}
			if (known && byte >= offset)
				continue;
			*bitmap_at(byte) &= (uint8_t) ~(1u << i);
			wrong = true;
		}
	}
	return wrong;
}

/* A look that clears nothing sees the same again. */
static inline void look_again(struct target *t, struct iommu_hwpt_get_dirty_bitmap cmd)
{
	static uint8_t before[BITMAP_BYTES];

	memcpy(before, bitmap_at(0), BITMAP_BYTES);
	memset(bitmap_at(0), 0, BITMAP_BYTES);
	expect(t, "GET_DIRTY_BITMAP", command(t, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd, sizeof(cmd)),
	       0);
	if (memcmp(before, bitmap_at(0), BITMAP_BYTES))
		differ(t, "what was dirty is not any more, and nothing cleared it");
}

static inline void do_dirty(struct target *t)
{
	uint64_t how = take(t, 1);
	struct iommu_hwpt_get_dirty_bitmap cmd = {.hwpt_id = any_id(t, IOMMUFD_OBJ_HWPT_PAGING),
						  .flags = how & 0xc0 ? how & 1 : how & 3,
						  .page_size = any_page_size(t),
						  .data = BITMAP + (how >> 2 & 15)};
	struct hwpt *h = hwpt_of(t, cmd.hwpt_id);
	struct model_ioas *s;
	int want, rc;

	/* Rather one that can be asked. */
	for (unsigned i = 0; i < HWPTS && how & 0x3c && !(h && h->dirty_ops); i++)
		if (t->hwpt[i].id && t->hwpt[i].dirty_ops)
			h = &t->hwpt[i];
	cmd.hwpt_id = h ? h->id : cmd.hwpt_id;
	s = base_of(t, h);
	cmd.iova = any_iova(t, s);
	if (how & 0xc0 && cmd.page_size)
		cmd.iova &= -cmd.page_size;
	cmd.length = any_length(t, s, cmd.iova);
	/* To the next border behind, or the end of the space. */
	if (how & 0xc0 && cmd.page_size > 1)
		cmd.length = ((cmd.iova + cmd.length - 1) | (cmd.page_size - 1)) + 1 - cmd.iova;
	want = want_dirty(t, &cmd, h, s);
	memset(bitmap_at(0), 0, BITMAP_BYTES);
	rc = command(t, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd, sizeof(cmd));
	expect(t, "GET_DIRTY_BITMAP", rc, want);
	if (!rc && cmd.flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR)
		look_again(t, cmd);
	/* Sizes that are no powers of two are masks and mean nothing. */
	if (rc || !cmd.length || cmd.page_size & (cmd.page_size - 1))
		return;
	check_bitmap(t, h, s, &cmd, is_exact(t, h) && !h->overflow && check_exact(h, &cmd));
	if (is_exact(t, h) || cmd.flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR)
		return;
	/* A large page is clean as a whole. */
	for (unsigned i = h->marks; i--;) {
		const struct model_area *a = model_area_in(s, h->mark[i], h->mark[i]);

		if (!a || (a->first <= cmd.iova + (cmd.length - 1) && cmd.iova <= a->last))
			h->mark[i] = h->mark[--h->marks];
	}
}

#endif
