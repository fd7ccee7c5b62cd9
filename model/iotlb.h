/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The caches of one unit: context cache, IOTLB by page size, and a paging-structure cache that
 * remembers tables of 4 KiB leaves. Looked up by any thread without a lock.
 *
 * Tags. A context word is found by requester id and names a domain. In the entries a *tag* stands
 * for the domain: a number that is given out once (bits 63:40) and a hash of it (11:0) that spreads
 * domains over the arrays. A domain-selective flush takes the tag away, so every entry of the
 * domain is dead at once, and the next miss gives a new one; tag 0 means that nothing of the domain
 * is cached. Entries are otherwise never dropped, except that pages with the same index displace
 * each other. A page number p (the address without the bits below the page size) is found at index
 * (p ^ tag) under key (p without the index bits) ^ tag, which is as good as (domain, page).
 *
 * Slots. What has a tag is a slot: each domain id is one, and what a domain translates otherwise
 * than by its second stage (or host tables) alone has further ones, found by a *pair*: a kind and a
 * PASID in a domain. Slots of pairs are given out for good, until all caches are emptied to make
 * room.
 *
 * Torn entries. An entry is two words, {key ^ mix(value), value}, each written and read atomically
 * but not together. The mix is a multiplication by a large odd constant, so a reader that sees the
 * halves of two different writes finds a key that no lookup asks for (a match would need two
 * products to differ by exactly the difference of two keys, a 1 in 2^64 event for any pair). An
 * empty entry is all zeros and so has the key of tag 0; its value 0 permits nothing and counts as a
 * miss.
 *
 * Fills and invalidation. A thread may fill only if `filling` was set when its access began. An
 * invalidation (1) clears `filling`, (2) waits for the accesses under way, so that nobody who read
 * the old tables will fill any more, (3) removes entries, (4) waits again, for those who hit an
 * entry before it was removed, and (5) sets `filling`. After (5) no translation that the commands
 * cover is cached or in use. Between (1) and (5) lookups hit or walk, but nothing is added.
 */
#ifndef MODEL_IOTLB_H
#define MODEL_IOTLB_H

#include "pt/pt.h"
#include "unit.h"

#define IOTLB_SMALL_LG2  12u /* entries for 4 KiB pages */
#define IOTLB_LARGE_LG2  10u /* 2 MiB */
#define IOTLB_HUGE_LG2   6u  /* 1 GiB and above */
#define IOTLB_TABLES_LG2 13u /* tables of 4 KiB leaves */

#define IOTLB_TAG_LG2 40u
#define IOTLB_TAG_MAX UINT32_C(0xffffff) /* how many tags there are */

#define IOTLB_DOMAINS   65536u
#define IOTLB_PAIRS_LG2 12u /* slots besides the domains' own */
#define IOTLB_SLOTS     (IOTLB_DOMAINS + (1u << IOTLB_PAIRS_LG2))

/*
 * A context word: the slot below (a slot under IOTLB_DOMAINS is the domain id), vendor's bits
 * above, and one bit that lookups look at.
 */
#define IOTLB_WORD_WALK   SIO_BIT(63) /* translated by the slot's tables */
#define IOTLB_WORD_SLOT   SIO_MASK(16, 0)
#define IOTLB_WORD_DOMAIN SIO_MASK(15, 0)

/* What a pair's entries are: which invalidations reach them. */
enum iotlb_pair_kind {
	IOTLB_SECOND, /* by the second stage; `pasid` is whatever tells its variants apart */
	IOTLB_FIRST,  /* by the first stage of a PASID */
	IOTLB_NESTED, /* by both stages */
};

/* An entry's value: address, permissions (enum pt_perm), and the reason of a cached fault. */
#define IOTLB_VALUE_PA     SIO_MASK(51, 12)
#define IOTLB_VALUE_REASON SIO_MASK(11, 4)
#define IOTLB_VALUE_PERM   SIO_MASK(2, 0)

struct iotlb_entry {
	uint64_t check; /* key ^ mix(value) */
	uint64_t value;
};

enum iotlb_array { IOTLB_SMALL, IOTLB_LARGE, IOTLB_HUGE, IOTLB_TABLES, IOTLB_ARRAYS };

/* When entries were filled; kept only for strict checking. */
struct iotlb_clocks {
	uint64_t entry[IOTLB_ARRAYS][1u << IOTLB_TABLES_LG2]; /* the largest of them */
	uint64_t context[65536];
};

/*
 * What a regular 4 KiB leaf of the unit's tables looks like, so that a miss below a cached table
 * needs no call: (leaf & fixed_mask) is fixed_value, two bits from perm_shift on are PT_R and PT_W,
 * and the bit that snoop_shift brings to PT_SNP is that. Any other leaf is left to the unit.
 */
struct iotlb_leaf {
	uint64_t fixed_mask, fixed_value;
	uint8_t perm_shift, snoop_shift;
};

struct iotlb {
	uint8_t visible; /* bit per enum iotlb_array: lookups need to look there */
	bool filling;    /* see "Fills and invalidation" */
	bool open;       /* lookups may use the entries: translation on, no strict checking */
	uint8_t held;    /* bit per enum iotlb_array: held an entry since creation */
	struct iotlb_leaf leaf;
	const uint8_t *ram; /* host address of pa 0 */
	uint32_t tag_next, tag_max;
	uint32_t tag_base; /* tags given out before the last reset */
	struct iotlb_clocks *clocks;
	uint64_t (*clock)(void *ctx);
	void *clock_ctx;
	/* Buses and functions with a context word, so that sweeps skip the others. */
	uint64_t buses[4], functions[65536 / 64];
	struct iotlb_entry small[1u << IOTLB_SMALL_LG2];
	struct iotlb_entry large[1u << IOTLB_LARGE_LG2];
	struct iotlb_entry huge[1u << IOTLB_HUGE_LG2];
	struct iotlb_entry tables[1u << IOTLB_TABLES_LG2];
	uint64_t context[65536];       /* by requester id; 0: nothing cached */
	uint64_t tag[IOTLB_SLOTS + 1]; /* the last is always 0 */
	uint32_t domains;              /* above the highest domain id that has had a tag */
	uint32_t pairs;                /* how many of `pair` are in use */
	bool pairs_full;               /* one more was asked for: all go at the next invalidation */
	uint64_t pair[1u << IOTLB_PAIRS_LG2]; /* by slot - IOTLB_DOMAINS; 0: free */
};

struct iotlb_cfg {
	struct iotlb_leaf leaf;
	const uint8_t *ram;
	uint32_t tag_max; /* 0: IOTLB_TAG_MAX. Less to see tags run out */
};

/* NULL: no memory. */
struct iotlb *iotlb_create(const struct iotlb_cfg *cfg);
void iotlb_destroy(struct iotlb *tlb);
/*
 * As created, but closed; with fills stopped, and nobody looks anything up. Dead entries stay where
 * they are, under tags that are not given out again: who displaces whom afterwards is what it would
 * be in new caches.
 */
void iotlb_reset(struct iotlb *tlb);
/* With fills stopped. */
void iotlb_set_open(struct iotlb *tlb, bool open);
/* Remember when entries are filled from now on, while not open. False: no memory, times read as 0.
 */
bool iotlb_keep_clocks(struct iotlb *tlb, uint64_t (*clock)(void *ctx), void *ctx);
void iotlb_forget_clocks(struct iotlb *tlb);

/* When what a lookup finds was filled, 0 if that is not kept. */
uint64_t iotlb_filled_at(const struct iotlb *tlb, enum iotlb_array which, uint64_t tag,
			 iova_t iova);
uint64_t iotlb_context_filled_at(const struct iotlb *tlb, uint16_t requester);

/* Fills, for threads whose access began while `filling` was set. */
uint64_t iotlb_tag_get(struct iotlb *tlb, uint32_t slot);
/* The slot of a pair, IOTLB_SLOTS when there is none left: nothing can be cached for it. */
uint32_t iotlb_slot_get(struct iotlb *tlb, enum iotlb_pair_kind kind, uint16_t domain,
			uint32_t pasid);
void iotlb_fill_context(struct iotlb *tlb, uint16_t requester, uint64_t word);
void iotlb_fill_page(struct iotlb *tlb, uint64_t tag, iova_t iova, struct xlat x);
void iotlb_fill_fault(struct iotlb *tlb, uint64_t tag, iova_t iova, uint8_t reason);
/* Not for the tables of the interrupt range: addresses there are no DMA. */
void iotlb_fill_table(struct iotlb *tlb, uint64_t tag, iova_t iova, pa_t table, unsigned perm);

/* Removal, only between iotlb_close and iotlb_reopen's two waits (the unit's lock is held). */
struct iotlb_pages {
	uint16_t domain;
	bool keep_tables; /* leaves alone changed */
	iova_t first, last;
};
void iotlb_flush(struct iotlb *tlb);
/* Of every kind and PASID. */
void iotlb_flush_domain(struct iotlb *tlb, uint16_t domain);
/* Addresses of the second stage: entries by both stages, which do not tell theirs, go wholly. */
void iotlb_flush_pages(struct iotlb *tlb, const struct iotlb_pages *pages);
/* Entries of a PASID, by its first stage or by both. */
void iotlb_flush_pasid(struct iotlb *tlb, uint16_t domain, uint32_t pasid);
void iotlb_flush_pasid_pages(struct iotlb *tlb, const struct iotlb_pages *pages, uint32_t pasid);
void iotlb_flush_contexts(struct iotlb *tlb);
void iotlb_flush_contexts_domain(struct iotlb *tlb, uint16_t domain);
/* Requesters that agree with `requester` outside `ignore`, if their word names the domain. */
void iotlb_flush_contexts_device(struct iotlb *tlb, uint16_t requester, uint16_t ignore,
				 uint16_t domain);
/* Give every domain a fresh start when tags ran out. Called with fills stopped and none under way.
 */
void iotlb_renew_tags(struct iotlb *tlb);

/* Tags and indices agree, no entry of a tag that was never given out. NULL when all hold. */
const char *iotlb_audit(const struct iotlb *tlb);

/* ---- lookup ---- */

static SIO_ALWAYS_INLINE uint64_t iotlb_mix(uint64_t value)
{
	return value * UINT64_C(0x9e3779b97f4a7c15);
}

static SIO_ALWAYS_INLINE unsigned iotlb_index(uint64_t page, uint64_t tag, unsigned lg2)
{
	return (unsigned)(page ^ tag) & ((1u << lg2) - 1);
}

static SIO_ALWAYS_INLINE uint64_t iotlb_key(uint64_t page, uint64_t tag, unsigned lg2)
{
	return tag ^ page >> lg2;
}

static SIO_ALWAYS_INLINE bool iotlb_match(const struct iotlb_entry *entry, uint64_t key,
					  uint64_t *value)
{
	/* Whoever uses the translation sees what was in the page when the leaf was written. */
	uint64_t check = __atomic_load_n(&entry->check, __ATOMIC_ACQUIRE);

	*value = __atomic_load_n(&entry->value, __ATOMIC_RELAXED);
	return (check ^ iotlb_mix(*value)) == key;
}

static SIO_ALWAYS_INLINE bool iotlb_probe(const struct iotlb_entry *array, unsigned lg2,
					  uint64_t page, uint64_t tag, uint64_t *value)
{
	return iotlb_match(&array[iotlb_index(page, tag, lg2)], iotlb_key(page, tag, lg2), value);
}

/* Size of the page found, 0 if none. `arrays`: where to look besides the 4 KiB pages. */
static SIO_ALWAYS_INLINE unsigned iotlb_find(const struct iotlb *tlb, unsigned arrays, uint64_t tag,
					     iova_t iova, uint64_t *value)
{
	if (iotlb_probe(tlb->small, IOTLB_SMALL_LG2, iova >> 12, tag, value))
		return 12;
	if ((arrays & (1u << IOTLB_LARGE)) &&
	    iotlb_probe(tlb->large, IOTLB_LARGE_LG2, iova >> 21, tag, value))
		return 21;
	if ((arrays & (1u << IOTLB_HUGE)) &&
	    iotlb_probe(tlb->huge, IOTLB_HUGE_LG2, iova >> 30, tag, value))
		return 30;
	return 0;
}

static SIO_ALWAYS_INLINE bool iotlb_find_table(const struct iotlb *tlb, uint64_t tag, iova_t iova,
					       uint64_t *value)
{
	return iotlb_probe(tlb->tables, IOTLB_TABLES_LG2, iova >> 21, tag, value) && *value;
}

static SIO_ALWAYS_INLINE uint64_t iotlb_context(const struct iotlb *tlb, uint16_t requester)
{
	return __atomic_load_n(&tlb->context[requester], __ATOMIC_RELAXED);
}

static SIO_ALWAYS_INLINE uint64_t iotlb_tag(const struct iotlb *tlb, uint64_t word)
{
	return __atomic_load_n(&tlb->tag[word & IOTLB_WORD_SLOT], __ATOMIC_RELAXED);
}

static SIO_ALWAYS_INLINE struct xlat iotlb_xlat(uint64_t value, unsigned size_lg2, iova_t iova)
{
	return xlat_success((value & IOTLB_VALUE_PA) | (iova & (SIO_BIT(size_lg2) - 1)), size_lg2,
			    value & IOTLB_VALUE_PERM);
}

/* What a vendor's slow path asks: whatever is cached of the page, open or not. */
static inline unsigned iotlb_peek(const struct iotlb *tlb, uint64_t tag, iova_t iova,
				  uint64_t *value)
{
	const unsigned held = __atomic_load_n(&tlb->held, __ATOMIC_RELAXED);

	return tag ? iotlb_find(tlb, held, tag, iova, value) : 0;
}

enum iotlb_answer { IOTLB_MISS, IOTLB_HIT, IOTLB_DENIED };

/*
 * The whole of a hit: requester to domain to page to permission. `need` is PT_R or PT_W. Entries
 * exist only for addresses that passed the width and interrupt-range checks, so a hit has too.
 * DENIED: the page is cached without the permission, or as a fault. After a MISS, *tag is that of
 * the domain, or 0 if that is not known or the caches may not be used.
 */
static SIO_ALWAYS_INLINE enum iotlb_answer iotlb_lookup(const struct iotlb *tlb, uint16_t requester,
							iova_t iova, unsigned need, struct xlat *x,
							uint64_t *tag)
{
	const uint64_t word = iotlb_context(tlb, requester);
	const unsigned visible = __atomic_load_n(&tlb->visible, __ATOMIC_RELAXED);
	unsigned size_lg2;
	uint64_t value;

	*tag = 0;
	if (!(word & IOTLB_WORD_WALK) || !visible)
		return IOTLB_MISS;
	*tag = iotlb_tag(tlb, word);
	size_lg2 = iotlb_find(tlb, visible, *tag, iova, &value);
	if (size_lg2 == 0)
		return IOTLB_MISS;
	if ((value & need) != need)
		return value ? IOTLB_DENIED : IOTLB_MISS;
	*x = iotlb_xlat(value, size_lg2, iova);
	return IOTLB_HIT;
}

/* Both halves of an entry. */
static SIO_ALWAYS_INLINE void iotlb_put(struct iotlb_entry *entry, uint64_t key, uint64_t value)
{
	__atomic_store_n(&entry->value, value, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->check, key ^ iotlb_mix(value), __ATOMIC_RELEASE);
}

/*
 * The usual miss: the table of leaves is cached and the leaf is regular and permits. Cached tables
 * lie within the width and never below the interrupt range (see iotlb_fill_table), so only where
 * the leaf points to is left to check. False: nothing was decided.
 */
static SIO_ALWAYS_INLINE bool iotlb_walk_leaf(struct iotlb *tlb, uint64_t tag, iova_t iova,
					      unsigned need, struct xlat *x)
{
	const bool filling = __atomic_load_n(&tlb->filling, __ATOMIC_ACQUIRE);
	uint64_t table, leaf, perm, pa;

	if (!iotlb_find_table(tlb, tag, iova, &table))
		return false;
	leaf = __atomic_load_n((const uint64_t *)(tlb->ram + (table & IOTLB_VALUE_PA)) +
				       (iova >> 12 & 511),
			       __ATOMIC_ACQUIRE);
	perm = leaf >> tlb->leaf.perm_shift & table & (PT_R | PT_W);
	pa = leaf & IOTLB_VALUE_PA;
	if (((leaf & tlb->leaf.fixed_mask) ^ tlb->leaf.fixed_value) | (need & ~perm))
		return false;
	if (pa >= PHYS_MSI_FIRST && pa <= PHYS_MSI_LAST)
		return false;
	perm |= leaf >> tlb->leaf.snoop_shift & PT_SNP;
	*x = xlat_success(pa | (iova & ~SIO_PAGE_MASK), 12, (unsigned)perm);
	if (filling)
		iotlb_put(&tlb->small[iotlb_index(iova >> 12, tag, IOTLB_SMALL_LG2)],
			  iotlb_key(iova >> 12, tag, IOTLB_SMALL_LG2), pa | perm);
	return true;
}

#endif
