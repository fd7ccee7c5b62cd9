// SPDX-License-Identifier: GPL-2.0-only
/* Domains page by page: see domain_model.h. */
#include "domain_model.h"

#include <errno.h>

static uint64_t bytes(unsigned lg2)
{
	return UINT64_C(1) << lg2;
}

/* The largest page for the start of a range: no longer than that, and aligned in both spaces. */
static unsigned best(const struct domain_model *model, uint64_t iova, uint64_t pa, uint64_t len)
{
	uint64_t fit = model->sizes, at = iova | pa;

	fit &= UINT64_MAX >> __builtin_clzll(len);
	if (at)
		fit &= UINT64_MAX >> (63 - __builtin_ctzll(at));
	return 63 - (unsigned)__builtin_clzll(fit);
}

/* Bytes of the run of pages of one size that a range begins with: drivers get them at once. */
static uint64_t chunk(const struct domain_model *model, uint64_t iova, uint64_t pa, uint64_t len,
		      unsigned *lg2)
{
	uint64_t done = 0;

	*lg2 = best(model, iova, pa, len);
	while (done < len && best(model, iova + done, pa + done, len - done) == *lg2)
		done += bytes(*lg2);
	return done;
}

unsigned domain_map_pages(const struct domain_model *model, const struct domain_map *map,
			  unsigned most)
{
	uint64_t done = 0;
	unsigned n = 0;

	if (map->descending)
		return map->len / 4096 < most ? (unsigned)(map->len / 4096) : most;
	while (done < map->len && n < most) {
		done += bytes(best(model, map->iova + done, map->pa + done, map->len - done));
		n++;
	}
	return n;
}

static void remove_leaf(struct flat *flat, const struct flat_leaf *leaf)
{
	(void)flat_unmap(flat, leaf->iova, bytes(leaf->lg2));
}

/* Pages that lie in [iova, last] go. */
static void clear_small(struct flat *flat, uint64_t iova, uint64_t last)
{
	unsigned at;

	while ((at = flat_at(flat, iova)) < flat->count && flat->leaf[at].iova <= last)
		remove_leaf(flat, &flat->leaf[at]);
}

static void map_page(struct domain_model *model, uint64_t iova, uint64_t pa, unsigned lg2,
		     unsigned perm)
{
	struct flat *flat = &model->flat;
	const struct flat_leaf *old = flat_find(flat, iova);
	struct pt_map_req req = {.iova = iova,
				 .oa = pa,
				 .count = 1,
				 .size_lg2 = (uint8_t)lg2,
				 .perm = (uint8_t)perm,
				 .oa_step = (int64_t)bytes(lg2)};

	if (flat->format == FLAT_VTD && old && old->lg2 >= lg2)
		return;
	if (old && old->lg2 > lg2) {
		remove_leaf(flat, old);
	} else if (flat_at(flat, iova) < flat->count &&
		   flat->leaf[flat_at(flat, iova)].iova <= iova + (bytes(lg2) - 1)) {
		model->unflushed = flat->format != FLAT_VTD;
		clear_small(flat, iova, iova + (bytes(lg2) - 1));
	}
	(void)flat_map(flat, &req);
}

static unsigned leaf_perm(const struct domain_model *model, unsigned perm)
{
	switch (model->flat.format) {
	case FLAT_VTD:
		if (perm == PT_W && model->write_only_readable)
			perm |= PT_R;
		return perm | (model->snoop ? PT_SNP : 0);
	case FLAT_X86:
		return perm | PT_U | PT_X | PT_A | PT_D;
	default:
		return perm | PT_SNP;
	}
}

bool domain_is_empty(const struct domain_model *model, uint64_t first, uint64_t last)
{
	const unsigned at = flat_at(&model->flat, first);

	return at == model->flat.count || model->flat.leaf[at].iova > last;
}

int domain_map(struct domain_model *model, const struct domain_map *map)
{
	uint64_t done = 0;
	unsigned lg2;

	model->unflushed = false;
	if (!(map->perm & (PT_R | PT_W)))
		return -EINVAL;
	while (done < map->len) {
		uint64_t iova = map->iova + done, len = map->len - done;

		lg2 = 12;
		if (!map->descending)
			len = chunk(model, iova, map->pa + done, len, &lg2);
		if (iova + (len - 1) > model->last || iova + (len - 1) < iova) {
			(void)domain_unmap(model, map->iova, done);
			return model->flat.format == FLAT_VTD ? -EFAULT : -EINVAL;
		}
		model->ever_mapped = true;
		for (uint64_t at = 0; at < len; at += bytes(lg2))
			map_page(model, iova + at,
				 map->descending ? map->pa - done - at : map->pa + done + at, lg2,
				 leaf_perm(model, map->perm));
		done += len;
	}
	return 0;
}

/* One call of the driver. */
static uint64_t unmap_chunk(struct domain_model *model, uint64_t iova, uint64_t len)
{
	struct flat *flat = &model->flat;
	const bool vtd = flat->format == FLAT_VTD;
	uint64_t done = 0;

	if (iova + (len - 1) > model->last)
		return 0;
	while (done < len) {
		const struct flat_leaf *leaf = flat_find(flat, iova);
		uint64_t size;

		if (!leaf && !vtd)
			break;
		if (!leaf) {
			unsigned at = flat_at(flat, iova);
			uint64_t gap = len - done;

			if (at < flat->count && flat->leaf[at].iova - iova < gap)
				gap = flat->leaf[at].iova - iova;
			done += gap;
			iova += gap;
			continue;
		}
		if (vtd && leaf->iova != iova)
			break;
		size = bytes(leaf->lg2);
		iova = leaf->iova + size;
		done += size;
		remove_leaf(flat, leaf);
		if (!iova)
			break;
	}
	return done;
}

uint64_t domain_unmap(struct domain_model *model, uint64_t iova, uint64_t len)
{
	uint64_t unmapped = 0;
	unsigned lg2;

	while (unmapped < len) {
		uint64_t at = iova + unmapped, done;

		done = unmap_chunk(model, at, chunk(model, at, at, len - unmapped, &lg2));
		if (!done)
			break;
		unmapped += done;
	}
	return unmapped;
}
