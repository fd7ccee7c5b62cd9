// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables: what is done once per tree or per table, for every format.
 *
 * Nothing here runs per entry but the audit, so the format is reached through its description.
 */
#include "pt/pt.h"

#include "pt/pt_map.h"
#include "seeded.h"

const struct pt_caps pt_caps_own = {
	.haw = 52,
	.large_levels = 0xff,
	.snoop = true,
	.device_tlb = true,
	.access_dirty = true,
	.contiguous = true,
	.no_execute = true,
	.write_protect = true,
	.has_masks = true,
};

void pt_caps_fill(struct pt_caps *caps, const struct pt_format *fmt)
{
	for (unsigned level = 0; level < PT_LEVELS_MAX; level++) {
		for (unsigned leaf = 0; leaf < 2; leaf++) {
			bool known = level <= fmt->top_level_max;

			caps->reserved[leaf][level] =
				known ? fmt->reserved(level, leaf, caps) : ~UINT64_C(0);
		}
	}
	caps->has_masks = true;
	caps->quick = !caps->access_dirty && !caps->execute;
}

void pt_caps_finish(struct pt_caps *caps, const struct pt_ops *ops)
{
	pt_caps_fill(caps, ops->format);
}

bool pt_init(struct pt *pt, struct phys *phys, const struct pt_ops *ops, const struct pt_caps *caps,
	     unsigned top_level)
{
	sio_assert(top_level >= ops->format->root_level_min);
	sio_assert(top_level <= ops->format->top_level_max);
	*pt = (struct pt){
		.phys = phys,
		.ops = ops,
		.caps = *caps,
		.root = fail_table("pt.root", phys),
		.top_level = (uint8_t)top_level,
		.table_count = 1,
	};
	pt_caps_finish(&pt->caps, ops);
	if (pt->root == PA_NONE)
		return false;
	*phys_table_meta(phys, pt->root) = (struct phys_table_meta){.level = (uint16_t)top_level};
	return true;
}

/* A03: a tree that grew is freed without its lowest level. */
SEEDED_ONLY static void forget_leaf_tables(struct phys *phys, struct pt_gather *gather)
{
	struct pt_gather upper = {0};

	while (gather->head) {
		uint32_t head = gather->head;
		struct phys_table_meta *meta =
			phys_table_meta(phys, (pa_t)(head - 1) << SIO_PAGE_LG2);

		gather->head = meta->next;
		if (meta->level == 0)
			continue;
		meta->next = upper.head;
		upper.head = head;
		upper.count++;
	}
	*gather = upper;
}

void pt_fini(struct pt *pt)
{
	/* In two halves: of a sign-extended space, and because 2^64 bytes cannot be said. */
	const uint64_t half = SIO_BIT(pt_width(pt->top_level) - 1);
	struct pt_gather gather = {0};

	if (phys_table_meta(pt->phys, pt->root)->live) {
		(void)pt->ops->unmap(pt, 0, half, &gather);
		(void)pt->ops->unmap(pt, pt->ops->format->sign_extend ? -half : half, half,
				     &gather);
		if (SEEDED(A03) && pt->ops == &pt_amd_v1 && pt->top_level > 2)
			forget_leaf_tables(pt->phys, &gather);
		pt_gather_free(pt->phys, &gather);
	}
	sio_assert(pt->table_count == 1);
	phys_table_free(pt->phys, pt->root);
	*pt = (struct pt){.root = PA_NONE};
}

pa_t pt_grow(struct pt *pt, pa_t parent, unsigned level, iova_t iova, unsigned target)
{
	const struct pt_format *fmt = pt->ops->format;
	pa_t made[PT_LEVELS_MAX];
	pa_t child = PA_NONE;

	/* All memory first: a chain that stops half way would leave tables without entries. */
	for (unsigned at = target; at < level; at++) {
		made[at] = fail_table("pt.table", pt->phys);
		if (made[at] == PA_NONE) {
			while (at-- > target)
				phys_table_free(pt->phys, made[at]);
			return PA_NONE;
		}
	}
	for (unsigned at = target; at < level; at++) {
		*phys_table_meta(pt->phys, made[at]) = (struct phys_table_meta){
			.level = (uint16_t)at,
			.live = at > target,
		};
		if (at > target)
			*pt_slot(pt->phys, made[at], iova, at) = fmt->encode_table(child, at);
		child = made[at];
	}
	pt->table_count += level - target;
	phys_table_meta(pt->phys, parent)->live++;
	__atomic_store_n(pt_slot(pt->phys, parent, iova, level), fmt->encode_table(child, level),
			 __ATOMIC_RELEASE);
	return made[target];
}

enum pt_status pt_grow_root(struct pt *pt)
{
	const struct pt_format *fmt = pt->ops->format;
	struct phys_table_meta *old = phys_table_meta(pt->phys, pt->root);
	const unsigned level = pt->top_level + 1u;
	pa_t root;

	if (level > fmt->top_level_max || fmt->sign_extend)
		return PT_RANGE;
	if (old->live == 0) {
		/* An empty table is a root of any level, and may not be linked. */
		old->level = (uint16_t)level;
		pt->top_level = (uint8_t)level;
		return PT_DONE;
	}
	root = fail_table("pt.grow-root", pt->phys);
	if (root == PA_NONE)
		return PT_NOMEM;
	*phys_table_meta(pt->phys, root) = (struct phys_table_meta){
		.level = (uint16_t)level,
		.live = 1,
	};
	*pt_slot(pt->phys, root, 0, level) = fmt->encode_table(pt->root, level);
	pt->root = root;
	pt->top_level = (uint8_t)level;
	pt->table_count++;
	return PT_DONE;
}

bool pt_split_tables(struct pt *pt, unsigned level, unsigned count, struct pt_gather *made)
{
	while (made->count < count) {
		pa_t table = fail_table("pt.split", pt->phys);

		if (table == PA_NONE) {
			pt_gather_free(pt->phys, made);
			return false;
		}
		*phys_table_meta(pt->phys, table) = (struct phys_table_meta){
			.level = (uint16_t)level,
			.live = 512,
			.next = made->head,
		};
		made->head = 1 + (uint32_t)(table >> SIO_PAGE_LG2);
		made->count++;
	}
	pt->table_count += count;
	return true;
}

void pt_gather_add(struct pt *pt, struct pt_gather *gather, pa_t table,
		   struct phys_table_meta *meta)
{
	pt->table_count--;
	/* X04: a table of tables is unlinked and given back to nobody. */
	if (SEEDED(X04) && meta->level)
		return;
	meta->next = gather->head;
	gather->head = 1 + (uint32_t)(table >> SIO_PAGE_LG2);
	gather->count++;
}

void pt_gather_free(struct phys *phys, struct pt_gather *gather)
{
	while (gather->head) {
		pa_t table = (pa_t)(gather->head - 1) << SIO_PAGE_LG2;

		gather->head = phys_table_meta(phys, table)->next;
		gather->count--;
		phys_table_free(phys, table);
	}
	sio_assert(gather->count == 0);
}

/* Entry i is the same as the other copies of its leaf, but for marks. */
static bool pt_copies_agree(const struct pt_format *fmt, const uint64_t *entries, unsigned i,
			    struct pt_entry entry, unsigned level)
{
	const uint64_t marks = fmt->accessed | fmt->dirty | fmt->extended_accessed;
	const unsigned copies = pt_copies(fmt, entry.size_lg2, level);
	const unsigned first = i & ~(copies - 1);

	/* The first speaks for all, and each of the others for the first. */
	for (unsigned k = i == first ? 0 : copies - 1; k < copies; k++) {
		unsigned other = i == first ? first + k : first;

		if ((pt_load(&entries[other]) ^ pt_load(&entries[i])) & ~marks)
			return false;
	}
	return true;
}

#define EMPTY_RUN 32u

/* One table and what lies below it. Depth is bounded by the levels. */
static const char *pt_audit_table(const struct pt *pt, pa_t table, unsigned level, uint64_t *tables)
{
	const struct pt_format *fmt = pt->ops->format;
	const struct phys_table_meta *meta;
	const uint64_t *entries;
	unsigned live = 0;

	if (!sio_is_aligned(table, SIO_PAGE_SIZE) || !phys_is_ram(pt->phys, table, SIO_PAGE_SIZE))
		return "a table lies outside memory";
	/* A loop or a shared table would be counted for ever; what is counted is already wrong. */
	if (++*tables > pt->table_count)
		return "more tables are linked than were counted";
	meta = phys_table_meta(pt->phys, table);
	if (meta->level != level)
		return "a table is linked at the wrong level";
	entries = phys_ptr(pt->phys, table);
	for (unsigned i = 0; i < 512; i++) {
		uint64_t raw = pt_load(&entries[i]);
		const char *wrong = NULL;
		struct pt_entry entry;

		if (i % EMPTY_RUN == 0 && sio_words_zero(&entries[i], EMPTY_RUN)) {
			i += EMPTY_RUN - 1;
			continue;
		}

		if (!raw)
			continue;
		live++;
		entry = fmt->decode(raw, level, &pt->caps);
		if (entry.kind == PT_EMPTY)
			return "an entry without permission is not zero";
		if (entry.kind == PT_RESERVED)
			return "an entry has reserved bits set";
		if (entry.kind == PT_LEAF && !pt_copies_agree(fmt, entries, i, entry, level))
			return "the copies of a contiguous leaf differ";
		if (entry.kind == PT_TABLE)
			wrong = pt_audit_table(pt, entry.oa, entry.next_level, tables);
		if (wrong)
			return wrong;
	}
	if (meta->live != live)
		return "the live count of a table is wrong";
	if (live == 0 && table != pt->root)
		return "an empty table is linked";
	return NULL;
}

const char *pt_audit(const struct pt *pt)
{
	uint64_t tables = 0;
	const char *wrong = pt_audit_table(pt, pt->root, pt->top_level, &tables);

	if (!wrong && tables != pt->table_count)
		wrong = "fewer tables are linked than were counted";
	return wrong;
}
