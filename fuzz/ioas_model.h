/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the areas of IO address spaces have to be: lists, searched from end to end.
 *
 * An address space knows its areas, allowed and reserved ranges, how many domains show it, and the
 * alignment that these and accesses ask for. Errors are those of the interface's description, in
 * its order. Whether pages can be pinned is known only of memory that stays mapped and writable;
 * other areas are `unsure`.
 */
#ifndef FUZZ_IOAS_MODEL_H
#define FUZZ_IOAS_MODEL_H

#include "base.h"
#include "iommufd/iommufd_uapi.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MODEL_PAGE     UINT64_C(4096)
#define MODEL_HUGE     (UINT64_C(2) << 20)
#define MODEL_IOAS     6u
#define MODEL_AREAS    128u
#define MODEL_FULL     40u /* no more is asked of an IOAS with more areas than this */
#define MODEL_GAPS     64u
#define MODEL_RESERVED 48u

struct model_area {
	uint64_t first, last;
	uint64_t byte;  /* of memory or of the file, that the first one shows */
	uint32_t prot;  /* IOMMU_IOAS_MAP_WRITEABLE, READABLE */
	unsigned pages; /* which MAP made them: copies and pieces share them */
	unsigned locks; /* hardware queues in it */
	bool writable;  /* its pages, which a copy may use otherwise */
	bool file, unsure;
};

struct model_range {
	uint64_t first, last;
};

struct model_ioas {
	uint32_t id; /* 0: none */
	struct model_area area[MODEL_AREAS];
	unsigned areas;
	struct model_range allowed[4]; /* in order, those that touch are one */
	unsigned allowed_count;
	struct model_reserved {
		uint64_t first, last;
		uint32_t owner; /* 0: for the life of the IOAS */
	} reserved[MODEL_RESERVED];
	unsigned reserved_count;
	struct model_range gap[MODEL_GAPS]; /* what is left, see model_gaps() */
	unsigned gaps;
	uint64_t alignment;
	unsigned domains; /* with any, pages are pinned at once */
	bool small_pages;
};

/* ---- reserved ranges ---- */

static inline void model_reserve(struct model_ioas *s, uint64_t first, uint64_t last,
				 uint32_t owner)
{
	if (s->reserved_count < MODEL_RESERVED)
		s->reserved[s->reserved_count++] = (struct model_reserved){first, last, owner};
}

static inline void model_unreserve(struct model_ioas *s, uint32_t owner)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < s->reserved_count; i++)
		if (s->reserved[i].owner != owner)
			s->reserved[kept++] = s->reserved[i];
	s->reserved_count = kept;
}

/* Work out what lies between the reserved ranges. */
static inline void model_gaps(struct model_ioas *s)
{
	uint64_t at = 0;

	s->gaps = 0;
	for (;;) {
		const struct model_reserved *in = NULL;
		uint64_t last = UINT64_MAX;

		for (unsigned i = 0; i < s->reserved_count; i++) {
			const struct model_reserved *r = &s->reserved[i];

			if (r->first <= at && at <= r->last)
				in = r;
			if (r->first > at && r->first - 1 < last)
				last = r->first - 1;
		}
		if (!in)
			s->gap[s->gaps++] = (struct model_range){at, last};
		else
			last = in->last;
		if (last == UINT64_MAX)
			return;
		at = last + 1;
	}
}

/* The lowest area that has a byte of the range. */
static inline struct model_area *model_area_in(struct model_ioas *s, uint64_t first, uint64_t last)
{
	struct model_area *found = NULL;

	for (unsigned i = 0; i < s->areas; i++) {
		struct model_area *a = &s->area[i];

		if (a->first <= last && first <= a->last && (!found || a->first < found->first))
			found = a;
	}
	return found;
}

static inline void model_remove(struct model_ioas *s, struct model_area *area)
{
	*area = s->area[--s->areas];
}

static inline bool model_is_allowed(const struct model_ioas *s, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < s->allowed_count; i++)
		if (s->allowed[i].first <= last && first <= s->allowed[i].last)
			return true;
	return false;
}

/* A range may become a reserved one. */
static inline bool model_may_reserve(struct model_ioas *s, uint64_t first, uint64_t last)
{
	return !model_area_in(s, first, last) && !model_is_allowed(s, first, last);
}

static inline bool model_reserved(const struct model_ioas *s, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < s->gaps; i++)
		if (s->gap[i].first <= first && last <= s->gap[i].last)
			return false;
	return true;
}

/* ---- where a mapping goes ---- */

/* The first hole at or after *at, up to `last`: neither reserved nor an area. */
static inline bool model_hole(struct model_ioas *s, uint64_t *at, uint64_t last, uint64_t *end)
{
	for (;;) {
		const struct model_range *gap = NULL;
		struct model_area *area;

		for (unsigned i = 0; i < s->gaps && !gap; i++)
			if (s->gap[i].last >= *at)
				gap = &s->gap[i];
		if (!gap || gap->first > last)
			return false;
		if (*at < gap->first)
			*at = gap->first;
		*end = gap->last < last ? gap->last : last;
		area = model_area_in(s, *at, *end);
		if (!area)
			return true;
		if (area->first > *at) {
			*end = area->first - 1;
			return true;
		}
		if (area->last >= last)
			return false;
		*at = area->last + 1;
	}
}

/* What a mapping without a fixed iova needs. */
struct model_wish {
	uint64_t align, offset, length;
};

/* *start becomes the first address that may be; false: it does not fit before `last`. */
static inline bool model_fits(const struct model_wish *wish, uint64_t *start, uint64_t last)
{
	uint64_t at;

	if (__builtin_add_overflow(*start, wish->align - 1, &at))
		return false;
	at = (at & -wish->align) | wish->offset;
	if (at >= last || last - at < wish->length - 1)
		return false;
	*start = at;
	return true;
}

/* The kernel looks for holes only from the span's own first candidate on. */
static inline bool model_place_in(struct model_ioas *s, struct model_range span,
				  const struct model_wish *wish, uint64_t *iova)
{
	uint64_t at = span.first, end;

	if (!model_fits(wish, &at, span.last))
		return false;
	while (model_hole(s, &at, span.last, &end)) {
		*iova = at;
		if (model_fits(wish, iova, end))
			return true;
		if (end >= span.last)
			return false;
		at = end + 1;
	}
	return false;
}

/* An automatic iova for bytes at `byte` of memory or a file. */
static inline int model_place(struct model_ioas *s, uint64_t byte, uint64_t length, uint64_t *iova)
{
	const struct model_range all = {MODEL_PAGE, UINT64_MAX - MODEL_PAGE};
	struct model_wish wish = {1, byte % MODEL_PAGE, length};

	if (length >= INT64_MAX)
		return -EOVERFLOW;
	while (wish.align < length)
		wish.align <<= 1;
	if (byte && (byte & -byte) < wish.align)
		wish.align = byte & -byte;
	if (wish.align > MODEL_HUGE)
		wish.align = MODEL_HUGE;
	if (wish.align < s->alignment)
		return -EINVAL;
	if (!s->allowed_count)
		return model_place_in(s, all, &wish, iova) ? 0 : -ENOSPC;
	for (unsigned i = 0; i < s->allowed_count; i++) {
		struct model_range span = s->allowed[i];

		span.first = span.first < all.first ? all.first : span.first;
		span.last = span.last > all.last ? all.last : span.last;
		if (span.first <= span.last && model_place_in(s, span, &wish, iova))
			return 0;
	}
	return -ENOSPC;
}

static inline int model_find(struct model_ioas *s, uint64_t byte, uint64_t length, bool fixed,
			     uint64_t *iova)
{
	uint64_t last;

	if (length % s->alignment)
		return -EINVAL;
	if (!fixed)
		return model_place(s, byte, length, iova);
	if (*iova % s->alignment)
		return -EINVAL;
	if (__builtin_add_overflow(*iova, length - 1, &last))
		return -EOVERFLOW;
	if (model_reserved(s, *iova, last))
		return -EINVAL;
	return model_area_in(s, *iova, last) ? -EEXIST : 0;
}

/* ---- commands; 0 and the new state, or -errno and the old one ---- */

static inline int model_flags(uint32_t flags, uint64_t length, uint64_t iova, uint64_t src)
{
	const uint32_t prot = IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE;

	if (flags & ~(prot | IOMMU_IOAS_MAP_FIXED_IOVA))
		return -EOPNOTSUPP;
	if (length == UINT64_MAX || iova == UINT64_MAX || src == UINT64_MAX)
		return -EOVERFLOW;
	return flags & prot ? 0 : -EINVAL;
}

struct model_source {
	uint64_t byte, length;
	uint32_t flags;
	bool file, unsure;
	bool later; /* 7.2, which tests the end of a buffer before the number of pages */
};

/* What MAP tests once it has an address space. *area is what comes to be. */
static inline int model_map_into(struct model_ioas *s, const struct model_source *source,
				 uint64_t iova, struct model_area *area)
{
	const uint64_t length = source->length;
	uint64_t end;
	const bool wraps = !source->file && __builtin_add_overflow(source->byte, length, &end);
	int rc;

	if (!length)
		return -EINVAL;
	if (source->file && __builtin_add_overflow(source->byte, length - 1, &end))
		return -EOVERFLOW;
	if (wraps && source->later)
		return -EOVERFLOW;
	if (length > UINT64_MAX - MODEL_PAGE)
		return -EINVAL;
	if (wraps)
		return -EOVERFLOW;
	rc = model_find(s, source->byte, length, source->flags & IOMMU_IOAS_MAP_FIXED_IOVA, &iova);
	if (rc)
		return rc;
	if (source->byte % MODEL_PAGE % s->alignment)
		return -EINVAL;
	*area = (struct model_area){
		.first = iova,
		.last = iova + (length - 1),
		.byte = source->byte,
		.prot = source->flags & (IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE),
		.writable = source->flags & IOMMU_IOAS_MAP_WRITEABLE,
		.file = source->file,
		.unsure = source->unsure,
	};
	return 0;
}

/* IOAS_MAP and IOAS_MAP_FILE; `s` may be NULL: no such id. */
static inline int model_map(struct model_ioas *s, const struct model_source *source, uint64_t iova,
			    struct model_area *area)
{
	int rc = model_flags(source->flags, source->length, iova, 0);

	if (rc)
		return rc;
	return s ? model_map_into(s, source, iova, area) : -ENOENT;
}

/* Every byte of the range is in an area. */
static inline bool model_covered(struct model_ioas *s, uint64_t first, uint64_t last)
{
	for (uint64_t at = first;;) {
		const struct model_area *a = model_area_in(s, at, at);

		if (!a)
			return false;
		if (a->last >= last)
			return true;
		at = a->last + 1;
	}
}

/* The pieces of a copy, in order. */
struct model_pieces {
	struct model_area area[MODEL_AREAS];
	unsigned count;
};

static inline int model_copy(struct model_ioas *dst, struct model_ioas *src,
			     const struct iommu_ioas_copy *cmd, struct model_pieces *to)
{
	const bool write = cmd->flags & IOMMU_IOAS_MAP_WRITEABLE;
	uint64_t at = cmd->src_iova, last, iova = cmd->dst_iova;
	const struct model_area *a;
	int rc = model_flags(cmd->flags, cmd->length, cmd->dst_iova, cmd->src_iova);

	to->count = 0;
	if (rc)
		return rc;
	if (!src)
		return -ENOENT;
	if (!cmd->length)
		return -EINVAL;
	if (__builtin_add_overflow(at, cmd->length - 1, &last))
		return -EOVERFLOW;
	if (!model_covered(src, at, last) || !dst)
		return -ENOENT;
	a = model_area_in(src, at, at);
	rc = model_find(dst, a->byte + (at - a->first), cmd->length,
			cmd->flags & IOMMU_IOAS_MAP_FIXED_IOVA, &iova);
	if (rc)
		return rc;
	for (;;) {
		struct model_area *b = &to->area[to->count++];

		a = model_area_in(src, at, at);
		*b = *a;
		b->byte += at - a->first;
		b->prot = cmd->flags & (IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE);
		b->locks = 0;
		b->first = iova;
		b->last = iova + ((a->last < last ? a->last : last) - at);
		if (write && !a->writable)
			return -EPERM;
		if (b->byte % MODEL_PAGE % dst->alignment)
			return -EINVAL;
		if (a->last >= last)
			return 0;
		iova = b->last + 1;
		at = a->last + 1;
	}
}

/* Areas go up to the one that sticks out; *bytes counts those that went. */
static inline int model_unmap(struct model_ioas *s, uint64_t iova, uint64_t length, uint64_t *bytes)
{
	const bool all = !iova && length == UINT64_MAX;
	struct model_area *area;
	uint64_t last = UINT64_MAX;

	*bytes = 0;
	if (!s)
		return -ENOENT;
	if (!all && (iova == UINT64_MAX || length == UINT64_MAX))
		return -EOVERFLOW;
	if (!length)
		return -EINVAL;
	if (!all && __builtin_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	while ((area = model_area_in(s, iova, last))) {
		if (area->locks)
			return -EBUSY;
		if (area->first < iova || area->last > last)
			return -ENOENT;
		*bytes += area->last - area->first + 1;
		model_remove(s, area);
	}
	return *bytes || all ? 0 : -ENOENT;
}

/* What a TYPE1 container cuts before it unmaps: so that one area ends with the byte. */
static inline int model_cut(struct model_ioas *s, uint64_t byte, bool pinned)
{
	struct model_area *area = model_area_in(s, byte, byte), *upper;

	if (!area || area->first == byte || area->last == byte)
		return 0;
	if (((byte + 1) | (area->byte % MODEL_PAGE + (byte + 1 - area->first))) % s->alignment)
		return -EINVAL;
	if (pinned || s->areas == MODEL_AREAS)
		return -EINVAL;
	upper = &s->area[s->areas++];
	*upper = *area;
	upper->byte += byte + 1 - area->first;
	upper->first = byte + 1;
	area->last = byte;
	return 0;
}

/* Ranges as given; the list stays if one of them is refused. */
static inline int model_allow(struct model_ioas *s, const struct iommu_iova_range *range,
			      unsigned count)
{
	struct model_range list[SIO_ARRAY_SIZE(s->allowed)];
	unsigned n = 0;

	if (!s)
		return -ENOENT;
	for (unsigned i = 0; i < count; i++) {
		unsigned at = i;

		if (range[i].start >= range[i].last)
			return -EINVAL;
		for (unsigned k = 0; k < i; k++)
			if (range[k].start <= range[i].last && range[i].start <= range[k].last)
				return -EINVAL;
		for (; at && list[at - 1].first > range[i].start; at--)
			list[at] = list[at - 1];
		list[at] = (struct model_range){range[i].start, range[i].last};
	}
	for (unsigned i = 0; i < count; i++)
		if (model_reserved(s, list[i].first, list[i].last))
			return -EADDRINUSE;
	for (unsigned i = 0; i < count; i++) {
		if (n && s->allowed[n - 1].last + 1 == list[i].first)
			s->allowed[n - 1].last = list[i].last;
		else
			s->allowed[n++] = list[i];
	}
	s->allowed_count = n;
	return 0;
}

#endif
