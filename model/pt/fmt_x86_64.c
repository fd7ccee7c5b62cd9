// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64 page tables, 4 or 5 levels: VT-d first stage and AMD v2.
 *
 * Source: Intel VT-d, "First-Stage Paging Entries" and "First-Stage Translation"; AMD I/O
 * Virtualization, "I/O Page Tables for Guest Translations".
 *
 *	bit	leaf					table entry
 *	0 P	present: readable			the same, for everything below
 *	1 R/W	writable				the same
 *	2 U/S	user requests too			the same
 *	5 A, 6 D	set by the unit			A
 *	7 PS	1 (level 0: PAT, ignored)		0
 *	8 G	global					ignored
 *	10 EA	set by the unit if it can		the same
 *	12	level 0: address; above: PAT, ignored	address
 *	51:12	address; above the host address width reserved
 *	63 XD	no execution				the same
 *
 * In a large leaf the address bits below the page are reserved, but for PAT. PS is reserved above
 * level 2, and where the unit has no such pages. XD without no-execute is reserved (or ignored, as
 * caps say). PWT (3), PCD (4), 9, 11 and 62:52 are ignored.
 */
#include "pt/pt.h"

#include "pt/pt_map.h"

#define X86_P  SIO_BIT(0)
#define X86_RW SIO_BIT(1)
#define X86_US SIO_BIT(2)
#define X86_A  SIO_BIT(5)
#define X86_D  SIO_BIT(6)
#define X86_PS SIO_BIT(7)
#define X86_G  SIO_BIT(8)
#define X86_EA SIO_BIT(10)
#define X86_XD SIO_BIT(63)
#define X86_OA SIO_MASK(51, 12)

/* Where the bits of enum pt_perm lie. */
#define X86_US_SHIFT 4 /* from US to PT_U, down from PT_U to US */
#define X86_XD_SHIFT 58

static uint64_t x86_64_reserved(unsigned level, bool leaf, const struct pt_caps *caps)
{
	uint64_t mask = caps->haw < 52 ? X86_OA & ~(SIO_BIT(caps->haw) - 1) : 0;

	if (!caps->no_execute && !caps->ignore_no_execute)
		mask |= X86_XD;
	if (leaf && level)
		mask |= SIO_MASK(pt_shift(level) - 1, 13);
	/* The marker of a large leaf: where there are none, and in a table entry (it has none). */
	if (level && (!leaf || level > 2 || !(caps->large_levels & SIO_BIT(level))))
		mask |= X86_PS;
	return mask;
}

/* What of PT_ALL an entry grants that is present. */
static SIO_ALWAYS_INLINE unsigned x86_64_perm(uint64_t raw, const struct pt_caps *caps)
{
	unsigned perm = PT_R | (unsigned)(raw & X86_RW) | (unsigned)(raw & X86_US) << X86_US_SHIFT;

	_Static_assert(PT_W == X86_RW && PT_U == X86_US << X86_US_SHIFT, "bits are copied");
	return perm | (caps->no_execute && (raw & X86_XD) ? 0 : PT_X);
}

static SIO_ALWAYS_INLINE struct pt_entry x86_64_decode(uint64_t raw, unsigned level,
						       const struct pt_caps *caps)
{
	struct pt_entry entry = {.oa = raw & X86_OA};
	uint64_t reserved;

	if (!(raw & X86_P))
		return entry;
	entry.perm = (uint8_t)x86_64_perm(raw, caps);
	if (level == 0 || (raw & X86_PS)) {
		reserved = caps->reserved[1][level];
		entry.kind = PT_LEAF;
		entry.size_lg2 = (uint8_t)pt_shift(level);
		entry.oa &= ~UINT64_C(0) << pt_shift(level);
		if (raw & X86_G)
			entry.perm |= PT_G;
	} else {
		reserved = caps->reserved[0][level];
		entry.kind = PT_TABLE;
		entry.next_level = (uint8_t)(level - 1);
	}
	if (raw & reserved)
		entry.kind = PT_RESERVED;
	return entry;
}

/* There is no bit for reading: what is present is readable. */
static SIO_ALWAYS_INLINE unsigned x86_64_judged(unsigned need, const struct pt_caps *caps)
{
	const bool writable = (need & PT_U) || caps->write_protect;

	return PT_R | (need & (writable ? PT_W | PT_X | PT_U : PT_X | PT_U));
}

/* P, the bits that `need` wants set, and none of those that are reserved or forbid. */
static SIO_ALWAYS_INLINE bool x86_64_permits(uint64_t raw, unsigned need, uint64_t reserved,
					     const struct pt_caps *caps)
{
	const uint64_t want = X86_P | (need & PT_W) | (need & PT_U) >> X86_US_SHIFT;
	const uint64_t forbid = caps->no_execute ? (uint64_t)(need & PT_X) << X86_XD_SHIFT : 0;

	return (raw & (reserved | want | forbid)) == want;
}

static SIO_ALWAYS_INLINE bool x86_64_is_table(uint64_t raw, unsigned level, unsigned need,
					      const struct pt_caps *caps)
{
	return x86_64_permits(raw, need, caps->reserved[0][level], caps);
}

static SIO_ALWAYS_INLINE bool x86_64_is_leaf(uint64_t raw, unsigned level, unsigned need,
					     const struct pt_caps *caps)
{
	return (level == 0 || (raw & X86_PS)) &&
	       x86_64_permits(raw, need, caps->reserved[1][level], caps);
}

static SIO_ALWAYS_INLINE uint64_t x86_64_encode_leaf(pa_t oa, unsigned size_lg2, unsigned perm)
{
	uint64_t raw = oa | X86_P | (perm & PT_W) | (perm & PT_U) >> X86_US_SHIFT;

	if (size_lg2 > SIO_PAGE_LG2)
		raw |= X86_PS;
	if (perm & PT_G)
		raw |= X86_G;
	if (!(perm & PT_X))
		raw |= X86_XD;
	return raw;
}

/* Accessed already: drivers of both vendors write it so, and no walk has to. */
static SIO_ALWAYS_INLINE uint64_t x86_64_encode_table(pa_t table, unsigned level)
{
	(void)level;
	return table | X86_P | X86_RW | X86_US | X86_A;
}

static const struct pt_format x86_64 = {
	.name = "x86-64",
	.sign_extend = true,
	.leaf_lg2_max = 30,
	.top_level_max = 4,
	.root_level_min = 3,
	.decode = x86_64_decode,
	.perm = x86_64_perm,
	.judged = x86_64_judged,
	.is_table = x86_64_is_table,
	.is_leaf = x86_64_is_leaf,
	.encode_leaf = x86_64_encode_leaf,
	.encode_table = x86_64_encode_table,
	.reserved = x86_64_reserved,
	.oa_mask = X86_OA,
	.accessed = X86_A,
	.dirty = X86_D,
	.extended_accessed = X86_EA,
};

static __attribute__((noinline)) struct pt_walk_result
x86_64_walk_any(const struct phys *phys, const struct pt_caps *caps, struct pt_start start,
		iova_t iova, unsigned need, struct pt_step *steps, unsigned *nsteps)
{
	return pt_walk_any(&x86_64, phys, caps, start, iova, need, steps, nsteps);
}

static struct pt_walk_result x86_64_walk(const struct phys *phys, const struct pt_caps *caps,
					 struct pt_start start, iova_t iova, unsigned need,
					 struct pt_step *steps, unsigned *nsteps)
{
	struct pt_walk_result res;

	if (!steps && !nsteps && caps->quick && need &&
	    pt_walk_try(&x86_64, phys, caps, start, iova, x86_64_judged(need, caps), false, &res))
		return res;
	return x86_64_walk_any(phys, caps, start, iova, need, steps, nsteps);
}

static struct pt_change x86_64_map(struct pt *pt, const struct pt_map_req *req)
{
	return pt_map_fmt(&x86_64, pt, req);
}

static struct pt_change x86_64_unmap(struct pt *pt, iova_t iova, uint64_t len,
				     struct pt_gather *gather)
{
	return pt_unmap_fmt(&x86_64, pt, iova, len, gather);
}

static struct pt_run x86_64_query(const struct pt *pt, iova_t iova, uint64_t max_pages)
{
	return pt_query_fmt(&x86_64, pt, iova, max_pages);
}

static bool x86_64_next(const struct pt *pt, iova_t from, iova_t last, iova_t *found)
{
	return pt_next_fmt(&x86_64, pt, from, last, found);
}

static unsigned x86_64_leaf_lg2(const struct pt *pt, iova_t iova)
{
	return pt_leaf_lg2_fmt(&x86_64, pt, iova);
}

static enum pt_status x86_64_split(struct pt *pt, iova_t iova)
{
	return pt_split_fmt(&x86_64, pt, iova);
}

static void x86_64_dirty(struct pt *pt, iova_t iova, uint64_t len, bool clear,
			 void (*hit)(void *ctx, iova_t iova, uint64_t len), void *ctx)
{
	pt_dirty_fmt(&x86_64, pt, iova, len, clear, hit, ctx);
}

const struct pt_ops pt_x86_64 = {
	.format = &x86_64,
	.walk = x86_64_walk,
	.map = x86_64_map,
	.unmap = x86_64_unmap,
	.query = x86_64_query,
	.next = x86_64_next,
	.leaf_lg2 = x86_64_leaf_lg2,
	.split = x86_64_split,
	.dirty = x86_64_dirty,
};
