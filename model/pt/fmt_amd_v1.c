// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD v1 page tables (host translations), 1 to 6 levels.
 *
 * Source: AMD I/O Virtualization, "I/O Page Tables for Host Translations" and its "Page Table
 * Entry" formats. The manual counts levels from 1: its level is ours plus one.
 *
 *	bit	leaf					table entry
 *	0 PR	present					the same
 *	5 A, 6 D	set by the unit if it can	A
 *	11:9	0: default size, 7: another size	level of the next table, 1 to 6
 *	51:12	address (7: and size)			address
 *	58:52	reserved				reserved, and 60:59
 *	59 U	for answers to ATS requests
 *	60 FC	coherent whatever the request says
 *	61 IR, 62 IW	permission			the same, for everything below
 *
 * The size of another than the default lies in the address: as many ones from bit 12 up, and then a
 * zero, as make the page: a zero in bit 12 is 8 KiB, 0111 in 15:12 is 64 KiB. It has to lie between
 * the default sizes of this level and the next, and the entry is repeated until the page is full.
 *
 * Choices: a next level that is not below this one, and a size that does not belong to its level or
 * that caps do not grant, count as reserved bits. Address bits below a default page are ignored.
 */
#include "pt/pt.h"

#include "pt/pt_map.h"

#define AMD_V1_PR       SIO_BIT(0)
#define AMD_V1_A        SIO_BIT(5)
#define AMD_V1_D        SIO_BIT(6)
#define AMD_V1_NEXT     SIO_MASK(11, 9)
#define AMD_V1_SIZED    7u /* next level of a leaf of another size */
#define AMD_V1_OA       SIO_MASK(51, 12)
#define AMD_V1_U        SIO_BIT(59)
#define AMD_V1_FC       SIO_BIT(60)
#define AMD_V1_IR       SIO_BIT(61)
#define AMD_V1_IW       SIO_BIT(62)
#define AMD_V1_IR_SHIFT 61

#define AMD_V1_LEAF_LG2_MAX 51

static uint64_t amd_v1_beyond_host(const struct pt_caps *caps)
{
	return caps->haw < 52 ? AMD_V1_OA & ~(SIO_BIT(caps->haw) - 1) : 0;
}

/* The address of a leaf is not judged here: it may hold a size. */
static uint64_t amd_v1_reserved(unsigned level, bool leaf, const struct pt_caps *caps)
{
	(void)level;
	return leaf ? SIO_MASK(58, 52) : SIO_MASK(60, 52) | amd_v1_beyond_host(caps);
}

/* What of PT_ALL an entry grants that is present. U is the leaf's alone. */
static SIO_ALWAYS_INLINE unsigned amd_v1_perm(uint64_t raw, const struct pt_caps *caps)
{
	(void)caps;
	_Static_assert(PT_R == 1 && PT_W == 2, "IR and IW are adjacent in the same order");
	return ((unsigned)(raw >> AMD_V1_IR_SHIFT) & (PT_R | PT_W)) | PT_U;
}

static SIO_ALWAYS_INLINE unsigned amd_v1_next_field(uint64_t raw)
{
	return (unsigned)SIO_FIELD_GET(AMD_V1_NEXT, raw);
}

/* The size that a leaf says it has, 0 if it is not one for this level. */
static SIO_ALWAYS_INLINE unsigned amd_v1_size_lg2(uint64_t raw, unsigned level,
						  const struct pt_caps *caps)
{
	unsigned lg2;

	if (amd_v1_next_field(raw) != AMD_V1_SIZED)
		return level == 0 || (caps->large_levels & SIO_BIT(level)) ? pt_shift(level) : 0;
	/* One more than the lowest zero; bit 52 ends the search. */
	lg2 = 1u + (unsigned)__builtin_ctzll(~((raw & AMD_V1_OA) | (SIO_PAGE_SIZE - 1)));
	if (!caps->contiguous || lg2 > AMD_V1_LEAF_LG2_MAX)
		return 0;
	return lg2 > pt_shift(level) && lg2 < pt_shift(level + 1) ? lg2 : 0;
}

static SIO_ALWAYS_INLINE struct pt_entry amd_v1_leaf(uint64_t raw, unsigned level,
						     const struct pt_caps *caps)
{
	const unsigned lg2 = amd_v1_size_lg2(raw, level, caps);
	struct pt_entry entry = {.kind = PT_LEAF, .size_lg2 = (uint8_t)lg2};

	entry.perm = (uint8_t)(amd_v1_perm(raw, caps) & (PT_R | PT_W));
	if (raw & AMD_V1_U)
		entry.perm |= PT_U;
	if (raw & AMD_V1_FC)
		entry.perm |= PT_SNP;
	entry.oa = raw & AMD_V1_OA & ~(SIO_BIT(lg2) - 1);
	if (!lg2 || (raw & caps->reserved[1][level]) || (caps->haw < 52 && entry.oa >> caps->haw))
		entry.kind = PT_RESERVED;
	return entry;
}

static SIO_ALWAYS_INLINE struct pt_entry amd_v1_decode(uint64_t raw, unsigned level,
						       const struct pt_caps *caps)
{
	const unsigned next = amd_v1_next_field(raw);
	struct pt_entry entry = {.oa = raw & AMD_V1_OA};

	if (!(raw & AMD_V1_PR))
		return entry;
	if (next == 0 || next == AMD_V1_SIZED)
		return amd_v1_leaf(raw, level, caps);
	entry.perm = (uint8_t)amd_v1_perm(raw, caps);
	entry.kind = next <= level && !(raw & caps->reserved[0][level]) ? PT_TABLE : PT_RESERVED;
	entry.next_level = (uint8_t)(next - 1);
	return entry;
}

/* The format has neither users nor execution. */
static SIO_ALWAYS_INLINE unsigned amd_v1_judged(unsigned need, const struct pt_caps *caps)
{
	(void)caps;
	return need & (PT_R | PT_W);
}

static SIO_ALWAYS_INLINE bool amd_v1_is_table(uint64_t raw, unsigned level, unsigned need,
					      const struct pt_caps *caps)
{
	const uint64_t want = AMD_V1_PR | (uint64_t)need << AMD_V1_IR_SHIFT;
	const uint64_t next = SIO_FIELD_PREP(AMD_V1_NEXT, level);

	return (raw & (caps->reserved[0][level] | AMD_V1_NEXT | want)) == (next | want);
}

static SIO_ALWAYS_INLINE bool amd_v1_is_leaf(uint64_t raw, unsigned level, unsigned need,
					     const struct pt_caps *caps)
{
	const struct pt_entry entry = amd_v1_decode(raw, level, caps);

	return entry.kind == PT_LEAF && !(need & ~(unsigned)entry.perm);
}

static SIO_ALWAYS_INLINE uint64_t amd_v1_encode_leaf(pa_t oa, unsigned size_lg2, unsigned perm)
{
	uint64_t raw = oa | AMD_V1_PR | (uint64_t)(perm & (PT_R | PT_W)) << AMD_V1_IR_SHIFT;

	if (size_lg2 != pt_shift(pt_leaf_level(size_lg2)))
		raw |= AMD_V1_NEXT | ((SIO_BIT(size_lg2 - 1) - 1) & AMD_V1_OA);
	if (perm & PT_U)
		raw |= AMD_V1_U;
	if (perm & PT_SNP)
		raw |= AMD_V1_FC;
	return raw;
}

static SIO_ALWAYS_INLINE uint64_t amd_v1_encode_table(pa_t table, unsigned level)
{
	return table | AMD_V1_PR | SIO_FIELD_PREP(AMD_V1_NEXT, level) | AMD_V1_IR | AMD_V1_IW;
}

static const struct pt_format amd_v1 = {
	.name = "amd-v1",
	.has_contiguous = true,
	.leaf_lg2_max = AMD_V1_LEAF_LG2_MAX,
	.top_level_max = 5,
	.root_level_min = 0,
	.decode = amd_v1_decode,
	.perm = amd_v1_perm,
	.judged = amd_v1_judged,
	.is_table = amd_v1_is_table,
	.is_leaf = amd_v1_is_leaf,
	.encode_leaf = amd_v1_encode_leaf,
	.encode_table = amd_v1_encode_table,
	.reserved = amd_v1_reserved,
	.oa_mask = AMD_V1_OA,
	.accessed = AMD_V1_A,
	.dirty = AMD_V1_D,
};

static __attribute__((noinline)) struct pt_walk_result
amd_v1_walk_any(const struct phys *phys, const struct pt_caps *caps, struct pt_start start,
		iova_t iova, unsigned need, struct pt_step *steps, unsigned *nsteps)
{
	return pt_walk_any(&amd_v1, phys, caps, start, iova, need, steps, nsteps);
}

static struct pt_walk_result amd_v1_walk(const struct phys *phys, const struct pt_caps *caps,
					 struct pt_start start, iova_t iova, unsigned need,
					 struct pt_step *steps, unsigned *nsteps)
{
	struct pt_walk_result res;

	if (!steps && !nsteps && caps->quick && need &&
	    pt_walk_try(&amd_v1, phys, caps, start, iova, amd_v1_judged(need, caps), false, &res))
		return res;
	return amd_v1_walk_any(phys, caps, start, iova, need, steps, nsteps);
}

static struct pt_change amd_v1_map(struct pt *pt, const struct pt_map_req *req)
{
	return pt_map_fmt(&amd_v1, pt, req);
}

static struct pt_change amd_v1_unmap(struct pt *pt, iova_t iova, uint64_t len,
				     struct pt_gather *gather)
{
	return pt_unmap_fmt(&amd_v1, pt, iova, len, gather);
}

static struct pt_run amd_v1_query(const struct pt *pt, iova_t iova, uint64_t max_pages)
{
	return pt_query_fmt(&amd_v1, pt, iova, max_pages);
}

static bool amd_v1_next(const struct pt *pt, iova_t from, iova_t last, iova_t *found)
{
	return pt_next_fmt(&amd_v1, pt, from, last, found);
}

static unsigned amd_v1_leaf_lg2(const struct pt *pt, iova_t iova)
{
	return pt_leaf_lg2_fmt(&amd_v1, pt, iova);
}

static enum pt_status amd_v1_split(struct pt *pt, iova_t iova)
{
	return pt_split_fmt(&amd_v1, pt, iova);
}

static void amd_v1_dirty(struct pt *pt, iova_t iova, uint64_t len, bool clear,
			 void (*hit)(void *ctx, iova_t iova, uint64_t len), void *ctx)
{
	pt_dirty_fmt(&amd_v1, pt, iova, len, clear, hit, ctx);
}

const struct pt_ops pt_amd_v1 = {
	.format = &amd_v1,
	.walk = amd_v1_walk,
	.map = amd_v1_map,
	.unmap = amd_v1_unmap,
	.query = amd_v1_query,
	.next = amd_v1_next,
	.leaf_lg2 = amd_v1_leaf_lg2,
	.split = amd_v1_split,
	.dirty = amd_v1_dirty,
};
