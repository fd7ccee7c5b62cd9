// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-d second-stage page tables, 3 to 5 levels.
 *
 * Source: Intel VT-d, "Second-Stage Paging Entries"; where the manual leaves it open, reserved bits
 * are those of QEMU's intel-iommu.
 *
 *	bit	leaf					table entry
 *	0 R, 1 W	permission, both 0: not present	the same, for everything below
 *	2 X	execute, if the unit has it	the same
 *	7 PS	1 (ignored at level 0)			0
 *	8 A, 9 D	set by the unit if it can		A
 *	11 SNP	snoop, reserved without snoop control	reserved
 *	51:12	address; above the host address width reserved
 *	62 TM	reserved without device TLB		the same
 *
 * Otherwise X, and memory type (5:3), ignore-PAT (6), 10, 61:52 and 63 are ignored.
 */
#include "pt/pt.h"

#include "pt/pt_map.h"

#define VTD_SS_R   SIO_BIT(0)
#define VTD_SS_W   SIO_BIT(1)
#define VTD_SS_X   SIO_BIT(2)
#define VTD_SS_PS  SIO_BIT(7)
#define VTD_SS_A   SIO_BIT(8)
#define VTD_SS_D   SIO_BIT(9)
#define VTD_SS_SNP SIO_BIT(11)
#define VTD_SS_TM  SIO_BIT(62)
#define VTD_SS_OA  SIO_MASK(51, 12)

static uint64_t vtd_ss_reserved(unsigned level, bool leaf, const struct pt_caps *caps)
{
	uint64_t mask = caps->haw < 52 ? SIO_MASK(51, 0) & ~(SIO_BIT(caps->haw) - 1) : 0;

	mask &= VTD_SS_OA;
	if (!caps->device_tlb)
		mask |= VTD_SS_TM;
	if (!leaf || !(caps->snoop || caps->ignore_snoop_leaf))
		mask |= VTD_SS_SNP;
	if (leaf && level)
		mask |= SIO_MASK(pt_shift(level) - 1, 12);
	/* The marker of a large leaf: where there are none, and in a table entry (it has none). */
	if (level && (!leaf || !(caps->large_levels & SIO_BIT(level))))
		mask |= VTD_SS_PS;
	return mask;
}

static SIO_ALWAYS_INLINE struct pt_entry vtd_ss_decode(uint64_t raw, unsigned level,
						       const struct pt_caps *caps)
{
	struct pt_entry entry = {.perm = raw & (VTD_SS_R | VTD_SS_W), .oa = raw & VTD_SS_OA};
	uint64_t reserved;

	_Static_assert(PT_R == VTD_SS_R && PT_W == VTD_SS_W, "permissions are copied bit by bit");
	if (level == 0 || (raw & VTD_SS_PS)) {
		reserved = caps->reserved[1][level];
		entry.kind = PT_LEAF;
		entry.size_lg2 = (uint8_t)pt_shift(level);
		entry.oa &= ~UINT64_C(0) << pt_shift(level);
		if (caps->snoop && (raw & VTD_SS_SNP))
			entry.perm |= PT_SNP;
	} else {
		reserved = caps->reserved[0][level];
		entry.kind = PT_TABLE;
		entry.next_level = (uint8_t)(level - 1);
	}
	if (caps->execute && (raw & VTD_SS_X))
		entry.perm |= PT_X;
	if (!(raw & (VTD_SS_R | VTD_SS_W)))
		entry.kind = PT_EMPTY;
	else if (raw & reserved)
		entry.kind = PT_RESERVED;
	return entry;
}

/* For the quick look, which no unit that judges X takes. */
static SIO_ALWAYS_INLINE unsigned vtd_ss_perm(uint64_t raw, const struct pt_caps *caps)
{
	(void)caps;
	return (unsigned)raw & (PT_R | PT_W);
}

static SIO_ALWAYS_INLINE unsigned vtd_ss_judged(unsigned need, const struct pt_caps *caps)
{
	return need & (caps->execute ? PT_R | PT_W | PT_X : PT_R | PT_W);
}

static SIO_ALWAYS_INLINE bool vtd_ss_is_table(uint64_t raw, unsigned level, unsigned need,
					      const struct pt_caps *caps)
{
	return (raw & (caps->reserved[0][level] | need)) == need;
}

static SIO_ALWAYS_INLINE bool vtd_ss_is_leaf(uint64_t raw, unsigned level, unsigned need,
					     const struct pt_caps *caps)
{
	return (level == 0 || (raw & VTD_SS_PS)) &&
	       (raw & (caps->reserved[1][level] | need)) == need;
}

static SIO_ALWAYS_INLINE uint64_t vtd_ss_encode_leaf(pa_t oa, unsigned size_lg2, unsigned perm)
{
	uint64_t raw = oa | (perm & (PT_R | PT_W));

	if (size_lg2 > SIO_PAGE_LG2)
		raw |= VTD_SS_PS;
	if (perm & PT_X)
		raw |= VTD_SS_X;
	if (perm & PT_SNP)
		raw |= VTD_SS_SNP;
	return raw;
}

static SIO_ALWAYS_INLINE uint64_t vtd_ss_encode_table(pa_t table, unsigned level)
{
	(void)level;
	return table | VTD_SS_R | VTD_SS_W;
}

static const struct pt_format vtd_ss = {
	.name = "vtd-ss",
	.leaf_lg2_max = 48,
	.top_level_max = 4,
	.root_level_min = 1,
	.decode = vtd_ss_decode,
	.perm = vtd_ss_perm,
	.judged = vtd_ss_judged,
	.is_table = vtd_ss_is_table,
	.is_leaf = vtd_ss_is_leaf,
	.encode_leaf = vtd_ss_encode_leaf,
	.encode_table = vtd_ss_encode_table,
	.reserved = vtd_ss_reserved,
	.oa_mask = VTD_SS_OA,
	.accessed = VTD_SS_A,
	.dirty = VTD_SS_D,
};

static __attribute__((noinline)) struct pt_walk_result
vtd_ss_walk_any(const struct phys *phys, const struct pt_caps *caps, struct pt_start start,
		iova_t iova, unsigned need, struct pt_step *steps, unsigned *nsteps)
{
	return pt_walk_any(&vtd_ss, phys, caps, start, iova, need, steps, nsteps);
}

static struct pt_walk_result vtd_ss_walk(const struct phys *phys, const struct pt_caps *caps,
					 struct pt_start start, iova_t iova, unsigned need,
					 struct pt_step *steps, unsigned *nsteps)
{
	const unsigned rw = need & (PT_R | PT_W);
	struct pt_walk_result res;

	if (__builtin_expect(steps || nsteps || !caps->quick || !rw, 0))
		return vtd_ss_walk_any(phys, caps, start, iova, need, steps, nsteps);
	if (__builtin_expect(!pt_walk_try(&vtd_ss, phys, caps, start, iova, rw, false, &res), 0))
		return vtd_ss_walk_any(phys, caps, start, iova, need, NULL, NULL);
	return res;
}

static struct pt_change vtd_ss_map(struct pt *pt, const struct pt_map_req *req)
{
	return pt_map_fmt(&vtd_ss, pt, req);
}

static struct pt_change vtd_ss_unmap(struct pt *pt, iova_t iova, uint64_t len,
				     struct pt_gather *gather)
{
	return pt_unmap_fmt(&vtd_ss, pt, iova, len, gather);
}

static struct pt_run vtd_ss_query(const struct pt *pt, iova_t iova, uint64_t max_pages)
{
	return pt_query_fmt(&vtd_ss, pt, iova, max_pages);
}

static bool vtd_ss_next(const struct pt *pt, iova_t from, iova_t last, iova_t *found)
{
	return pt_next_fmt(&vtd_ss, pt, from, last, found);
}

static unsigned vtd_ss_leaf_lg2(const struct pt *pt, iova_t iova)
{
	return pt_leaf_lg2_fmt(&vtd_ss, pt, iova);
}

static enum pt_status vtd_ss_split(struct pt *pt, iova_t iova)
{
	return pt_split_fmt(&vtd_ss, pt, iova);
}

static void vtd_ss_dirty(struct pt *pt, iova_t iova, uint64_t len, bool clear,
			 void (*hit)(void *ctx, iova_t iova, uint64_t len), void *ctx)
{
	pt_dirty_fmt(&vtd_ss, pt, iova, len, clear, hit, ctx);
}

const struct pt_ops pt_vtd_ss = {
	.format = &vtd_ss,
	.walk = vtd_ss_walk,
	.map = vtd_ss_map,
	.unmap = vtd_ss_unmap,
	.query = vtd_ss_query,
	.next = vtd_ss_next,
	.leaf_lg2 = vtd_ss_leaf_lg2,
	.split = vtd_ss_split,
	.dirty = vtd_ss_dirty,
};
