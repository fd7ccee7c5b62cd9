// SPDX-License-Identifier: GPL-2.0-only
/*
 * The caches of one unit: what fills and empties them. The opening comment of iotlb.h has the tags
 * and the order of an invalidation; nothing here checks that order.
 *
 * Invariants: `held` has the bit of every array that holds an entry; `functions` has the bit of
 * every requester with a context word, and `buses` that of its bus; `domains` is above every domain
 * id with a tag; no entry has a tag that was never given out (iotlb_audit(), which leaves memory
 * alone that was never used).
 */
#include "iotlb.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

struct iotlb_shape {
	uint8_t lg2;      /* entries */
	uint8_t page_lg2; /* what an entry stands for */
};

static const struct iotlb_shape shapes[IOTLB_ARRAYS] = {
	[IOTLB_SMALL] = {IOTLB_SMALL_LG2, 12},
	[IOTLB_LARGE] = {IOTLB_LARGE_LG2, 21},
	[IOTLB_HUGE] = {IOTLB_HUGE_LG2, 30},
	[IOTLB_TABLES] = {IOTLB_TABLES_LG2, 21},
};

/* Always looked into; the arrays of larger pages only once they hold something. */
#define HELD_ALWAYS ((uint8_t)(1u << IOTLB_SMALL | 1u << IOTLB_TABLES))

static struct iotlb_entry *array_of(struct iotlb *tlb, enum iotlb_array which)
{
	struct iotlb_entry *arrays[IOTLB_ARRAYS] = {tlb->small, tlb->large, tlb->huge, tlb->tables};

	return arrays[which];
}

struct iotlb *iotlb_create(const struct iotlb_cfg *cfg)
{
	/* Zeroed lazily by the host: a domain or bus that is never used costs nothing. */
	struct iotlb *tlb = fail_calloc("iotlb.create", 1, sizeof(*tlb));

	if (!tlb)
		return NULL;
	tlb->filling = true;
	tlb->tag_next = 1;
	tlb->tag_max = cfg->tag_max ? cfg->tag_max : IOTLB_TAG_MAX;
	tlb->leaf = cfg->leaf;
	tlb->ram = cfg->ram;
	tlb->held = HELD_ALWAYS;
	return tlb;
}

void iotlb_destroy(struct iotlb *tlb)
{
	if (!tlb)
		return;
	free(tlb->clocks);
	free(tlb);
}

bool iotlb_keep_clocks(struct iotlb *tlb, uint64_t (*clock)(void *ctx), void *ctx)
{
	if (tlb->clocks || !clock)
		return true;
	tlb->clock = clock;
	tlb->clock_ctx = ctx;
	tlb->clocks = fail_calloc("iotlb.clocks", 1, sizeof(*tlb->clocks));
	return tlb->clocks != NULL;
}

void iotlb_forget_clocks(struct iotlb *tlb)
{
	free(tlb->clocks);
	tlb->clocks = NULL;
}

uint64_t iotlb_filled_at(const struct iotlb *tlb, enum iotlb_array which, uint64_t tag, iova_t iova)
{
	const struct iotlb_shape *shape = &shapes[which];

	if (!tlb->clocks)
		return 0;
	return __atomic_load_n(
		&tlb->clocks->entry[which][iotlb_index(iova >> shape->page_lg2, tag, shape->lg2)],
		__ATOMIC_RELAXED);
}

uint64_t iotlb_context_filled_at(const struct iotlb *tlb, uint16_t requester)
{
	return tlb->clocks ? __atomic_load_n(&tlb->clocks->context[requester], __ATOMIC_RELAXED)
			   : 0;
}

/* ---- fills ---- */

uint64_t iotlb_tag_get(struct iotlb *tlb, uint32_t slot)
{
	uint64_t tag, fresh;
	uint32_t top = __atomic_load_n(&tlb->domains, __ATOMIC_RELAXED), number;

	if (slot >= IOTLB_SLOTS)
		return 0;
	tag = __atomic_load_n(&tlb->tag[slot], __ATOMIC_RELAXED);
	if (tag)
		return tag;
	number = __atomic_fetch_add(&tlb->tag_next, 1, __ATOMIC_RELAXED);
	if (number > tlb->tag_max) {
		/* Nothing is cached until the next invalidation makes room. */
		__atomic_store_n(&tlb->tag_next, tlb->tag_max + 1, __ATOMIC_RELAXED);
		return 0;
	}
	while (slot < IOTLB_DOMAINS && top <= slot &&
	       !__atomic_compare_exchange_n(&tlb->domains, &top, slot + 1, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
	fresh = (uint64_t)number << IOTLB_TAG_LG2 |
		(number - tlb->tag_base) * UINT32_C(0x9e3779b1) >> 20;
	/* Another thread may have been first; then its tag stands and ours is lost. */
	if (__atomic_compare_exchange_n(&tlb->tag[slot], &tag, fresh, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		return fresh;
	return tag;
}

/* A pair in one word: never 0. */
#define PAIR_USED   SIO_BIT(63)
#define PAIR_KIND   SIO_MASK(61, 60)
#define PAIR_DOMAIN SIO_MASK(55, 40)
#define PAIR_PASID  SIO_MASK(31, 0)
#define PAIR_PROBES 32u

uint32_t iotlb_slot_get(struct iotlb *tlb, enum iotlb_pair_kind kind, uint16_t domain,
			uint32_t pasid)
{
	const uint64_t wanted = PAIR_USED | SIO_FIELD_PREP(PAIR_KIND, kind) |
				SIO_FIELD_PREP(PAIR_DOMAIN, domain) | pasid;
	const uint32_t mask = (1u << IOTLB_PAIRS_LG2) - 1;
	uint32_t at = (uint32_t)(iotlb_mix(wanted) >> (64 - IOTLB_PAIRS_LG2));

	for (unsigned i = 0; i < PAIR_PROBES; i++, at = (at + 1) & mask) {
		uint64_t found = __atomic_load_n(&tlb->pair[at], __ATOMIC_RELAXED);

		if (!found && __atomic_compare_exchange_n(&tlb->pair[at], &found, wanted, false,
							  __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			__atomic_fetch_add(&tlb->pairs, 1, __ATOMIC_RELAXED);
			return IOTLB_DOMAINS + at;
		}
		if (found == wanted)
			return IOTLB_DOMAINS + at;
	}
	__atomic_store_n(&tlb->pairs_full, true, __ATOMIC_RELAXED);
	return IOTLB_SLOTS;
}

/* All zeros, which carries no tag that is ever looked up. */
static void drop(struct iotlb_entry *entry)
{
	__atomic_store_n(&entry->check, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->value, 0, __ATOMIC_RELAXED);
}

static void put_clock(struct iotlb *tlb, uint64_t *when)
{
	__atomic_store_n(when, tlb->clock(tlb->clock_ctx), __ATOMIC_RELAXED);
}

/* The first entry of an array: lookups begin to look there. Fills are on, so `open` stands still.
 */
static __attribute__((noinline)) void array_used(struct iotlb *tlb, enum iotlb_array which)
{
	uint8_t bit = (uint8_t)(1u << which);

	__atomic_fetch_or(&tlb->held, bit, __ATOMIC_RELAXED);
	if (tlb->open)
		__atomic_fetch_or(&tlb->visible, bit, __ATOMIC_RELAXED);
}

static SIO_ALWAYS_INLINE void fill(struct iotlb *tlb, enum iotlb_array which,
				   struct iotlb_entry *array, uint64_t tag, iova_t iova,
				   uint64_t value)
{
	const unsigned lg2 = shapes[which].lg2;
	const uint64_t page = iova >> shapes[which].page_lg2;
	const unsigned index = iotlb_index(page, tag, lg2);

	if (__builtin_expect(tag == 0, 0))
		return;
	if (__builtin_expect(!(__atomic_load_n(&tlb->held, __ATOMIC_RELAXED) & (1u << which)), 0))
		array_used(tlb, which);
	iotlb_put(&array[index], iotlb_key(page, tag, lg2), value);
	if (__builtin_expect(tlb->clocks != NULL, 0))
		put_clock(tlb, &tlb->clocks->entry[which][index]);
}

void iotlb_set_open(struct iotlb *tlb, bool open)
{
	tlb->open = open;
	__atomic_store_n(&tlb->visible, open ? tlb->held : 0, __ATOMIC_RELAXED);
}

void iotlb_fill_page(struct iotlb *tlb, uint64_t tag, iova_t iova, struct xlat x)
{
	uint64_t perm = x.perm & IOTLB_VALUE_PERM;

	if (x.size_lg2 < 21) {
		fill(tlb, IOTLB_SMALL, tlb->small, tag, iova, (x.pa & ~(SIO_BIT(12) - 1)) | perm);
	} else if (x.size_lg2 < 30) {
		fill(tlb, IOTLB_LARGE, tlb->large, tag, iova, (x.pa & ~(SIO_BIT(21) - 1)) | perm);
	} else {
		/* Larger pages are cached a gigabyte at a time. */
		fill(tlb, IOTLB_HUGE, tlb->huge, tag, iova, (x.pa & ~(SIO_BIT(30) - 1)) | perm);
	}
}

void iotlb_fill_fault(struct iotlb *tlb, uint64_t tag, iova_t iova, uint8_t reason)
{
	fill(tlb, IOTLB_SMALL, tlb->small, tag, iova, SIO_FIELD_PREP(IOTLB_VALUE_REASON, reason));
}

void iotlb_fill_table(struct iotlb *tlb, uint64_t tag, iova_t iova, pa_t table, unsigned perm)
{
	if (iova < PHYS_MSI_FIRST || iova > (PHYS_MSI_LAST | (SIO_BIT(21) - 1)))
		fill(tlb, IOTLB_TABLES, tlb->tables, tag, iova, table | (perm & IOTLB_VALUE_PERM));
}

void iotlb_fill_context(struct iotlb *tlb, uint16_t requester, uint64_t word)
{
	unsigned bus = requester >> 8;

	__atomic_fetch_or(&tlb->functions[requester / 64], SIO_BIT(requester % 64),
			  __ATOMIC_RELAXED);
	__atomic_fetch_or(&tlb->buses[bus / 64], SIO_BIT(bus % 64), __ATOMIC_RELAXED);
	/* What a vendor keeps beside the word is written first. */
	__atomic_store_n(&tlb->context[requester], word, __ATOMIC_RELEASE);
	if (tlb->clocks)
		put_clock(tlb, &tlb->clocks->context[requester]);
}

/* ---- removal ---- */

static void drop_tag(struct iotlb *tlb, uint32_t slot)
{
	__atomic_store_n(&tlb->tag[slot], 0, __ATOMIC_RELAXED);
}

/* The next slot from `slot` on that is a pair's of this domain, IOTLB_SLOTS if there is none. */
static uint32_t next_pair(const struct iotlb *tlb, uint32_t slot, uint16_t domain)
{
	if (!tlb->pairs)
		return IOTLB_SLOTS;
	for (; slot < IOTLB_SLOTS; slot++) {
		uint64_t pair = tlb->pair[slot - IOTLB_DOMAINS];

		if (pair && SIO_FIELD_GET(PAIR_DOMAIN, pair) == domain)
			break;
	}
	return slot;
}

static enum iotlb_pair_kind pair_kind(const struct iotlb *tlb, uint32_t slot)
{
	return (enum iotlb_pair_kind)SIO_FIELD_GET(PAIR_KIND, tlb->pair[slot - IOTLB_DOMAINS]);
}

/* A pair that an invalidation by PASID is for. */
static bool pair_has_pasid(const struct iotlb *tlb, uint32_t slot, uint32_t pasid)
{
	return pair_kind(tlb, slot) != IOTLB_SECOND &&
	       SIO_FIELD_GET(PAIR_PASID, tlb->pair[slot - IOTLB_DOMAINS]) == pasid;
}

void iotlb_flush(struct iotlb *tlb)
{
	for (uint32_t domain = 0; domain < tlb->domains; domain++)
		drop_tag(tlb, domain);
	for (uint32_t slot = IOTLB_DOMAINS; tlb->pairs && slot < IOTLB_SLOTS; slot++)
		drop_tag(tlb, slot);
}

void iotlb_flush_domain(struct iotlb *tlb, uint16_t domain)
{
	uint32_t slot = IOTLB_DOMAINS;

	drop_tag(tlb, domain);
	while ((slot = next_pair(tlb, slot, domain)) != IOTLB_SLOTS)
		drop_tag(tlb, slot++);
}

void iotlb_flush_pasid(struct iotlb *tlb, uint16_t domain, uint32_t pasid)
{
	uint32_t slot = IOTLB_DOMAINS;

	for (; (slot = next_pair(tlb, slot, domain)) != IOTLB_SLOTS; slot++) {
		if (pair_has_pasid(tlb, slot, pasid))
			drop_tag(tlb, slot);
	}
}

/* Entries of one array that stand for the addresses [first, last]. */
static void remove_pages(struct iotlb *tlb, enum iotlb_array which, uint64_t tag, iova_t first,
			 iova_t last)
{
	const struct iotlb_shape *shape = &shapes[which];
	struct iotlb_entry *array = array_of(tlb, which);
	uint64_t page = first >> shape->page_lg2, end = (last >> shape->page_lg2) + 1, value;

	if (!(tlb->held & (1u << which)))
		return;
	if (end - page <= SIO_BIT(shape->lg2)) {
		for (; page != end; page++) {
			struct iotlb_entry *entry = &array[iotlb_index(page, tag, shape->lg2)];

			if (iotlb_match(entry, iotlb_key(page, tag, shape->lg2), &value))
				drop(entry);
		}
		return;
	}
	/* More pages than entries: look at every entry, whose page is its key and its index. */
	for (uint32_t i = 0; i < SIO_BIT(shape->lg2); i++) {
		uint64_t high = array[i].check ^ iotlb_mix(array[i].value) ^ tag;
		uint64_t found = high << shape->lg2 | iotlb_index(i, tag, shape->lg2);

		if (high >> IOTLB_TAG_LG2 == 0 && found >= page && found < end)
			drop(&array[i]);
	}
}

static void flush_slot_pages(struct iotlb *tlb, uint32_t slot, const struct iotlb_pages *pages)
{
	uint64_t tag = tlb->tag[slot];

	if (tag == 0)
		return;
	for (unsigned which = 0; which < IOTLB_ARRAYS; which++) {
		if (which != IOTLB_TABLES || !pages->keep_tables)
			remove_pages(tlb, which, tag, pages->first, pages->last);
	}
}

void iotlb_flush_pages(struct iotlb *tlb, const struct iotlb_pages *pages)
{
	uint32_t slot = IOTLB_DOMAINS;

	flush_slot_pages(tlb, pages->domain, pages);
	for (; (slot = next_pair(tlb, slot, pages->domain)) != IOTLB_SLOTS; slot++) {
		if (pair_kind(tlb, slot) == IOTLB_NESTED)
			drop_tag(tlb, slot);
		else if (pair_kind(tlb, slot) == IOTLB_SECOND)
			flush_slot_pages(tlb, slot, pages);
	}
}

void iotlb_flush_pasid_pages(struct iotlb *tlb, const struct iotlb_pages *pages, uint32_t pasid)
{
	uint32_t slot = IOTLB_DOMAINS;

	for (; (slot = next_pair(tlb, slot, pages->domain)) != IOTLB_SLOTS; slot++) {
		if (pair_has_pasid(tlb, slot, pasid))
			flush_slot_pages(tlb, slot, pages);
	}
}

/* Words of 64 functions that agree with `value` under `mask`. */
static void remove_some_contexts(struct iotlb *tlb, unsigned first, uint64_t value, uint64_t mask)
{
	uint64_t used = __atomic_load_n(&tlb->functions[first / 64], __ATOMIC_RELAXED);

	for (; used; used &= used - 1) {
		uint64_t *at = &tlb->context[first + (unsigned)__builtin_ctzll(used)];
		uint64_t word = __atomic_load_n(at, __ATOMIC_RELAXED);

		if (word && (word & mask) == value)
			__atomic_store_n(at, 0, __ATOMIC_RELAXED);
	}
}

/* The same of all buses in use. */
static void remove_contexts(struct iotlb *tlb, uint64_t value, uint64_t mask)
{
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(tlb->buses); i++)
		for (uint64_t buses = tlb->buses[i]; buses; buses &= buses - 1) {
			unsigned bus = i * 64 + (unsigned)__builtin_ctzll(buses);

			for (unsigned at = bus << 8; at < (bus + 1) << 8; at += 64)
				remove_some_contexts(tlb, at, value, mask);
		}
}

void iotlb_flush_contexts(struct iotlb *tlb)
{
	remove_contexts(tlb, 0, 0);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(tlb->buses); i++) {
		for (uint64_t buses = tlb->buses[i]; buses; buses &= buses - 1) {
			unsigned bus = i * 64 + (unsigned)__builtin_ctzll(buses);

			for (unsigned at = 0; at < 4; at++)
				__atomic_store_n(&tlb->functions[bus * 4 + at], 0,
						 __ATOMIC_RELAXED);
		}
		__atomic_store_n(&tlb->buses[i], 0, __ATOMIC_RELAXED);
	}
}

void iotlb_flush_contexts_domain(struct iotlb *tlb, uint16_t domain)
{
	remove_contexts(tlb, domain, IOTLB_WORD_DOMAIN);
}

void iotlb_flush_contexts_device(struct iotlb *tlb, uint16_t requester, uint16_t ignore,
				 uint16_t domain)
{
	uint32_t base = requester & ~ignore & 0xffffu;

	/* Every subset of the ignored bits. */
	for (uint32_t bits = ignore;; bits = (bits - 1) & ignore) {
		uint64_t word = __atomic_load_n(&tlb->context[base | bits], __ATOMIC_RELAXED);

		if (word && (word & IOTLB_WORD_DOMAIN) == domain)
			__atomic_store_n(&tlb->context[base | bits], 0, __ATOMIC_RELAXED);
		if (bits == 0)
			break;
	}
}

/* Words that name the slot of a pair must not outlive it. */
static void drop_pairs(struct iotlb *tlb)
{
	iotlb_flush_contexts(tlb);
	if (tlb->pairs)
		memset(tlb->pair, 0, sizeof(tlb->pair));
	tlb->pairs = 0;
	tlb->pairs_full = false;
}

/* No entry is left, so that every tag is as good as new. */
static void drop_entries(struct iotlb *tlb)
{
	for (unsigned which = 0; which < IOTLB_ARRAYS; which++) {
		struct iotlb_entry *array = array_of(tlb, which);

		for (uint32_t i = 0; i < SIO_BIT(shapes[which].lg2); i++)
			drop(&array[i]);
	}
	tlb->tag_next = 1;
	tlb->tag_base = 0;
}

void iotlb_renew_tags(struct iotlb *tlb)
{
	if (tlb->tag_next <= tlb->tag_max && !tlb->pairs_full)
		return;
	iotlb_flush(tlb);
	if (tlb->pairs_full)
		drop_pairs(tlb);
	drop_entries(tlb);
}

void iotlb_reset(struct iotlb *tlb)
{
	iotlb_flush(tlb);
	drop_pairs(tlb);
	tlb->domains = 0;
	iotlb_set_open(tlb, false);
	tlb->held = HELD_ALWAYS;
	/* Many tags are left in any case. */
	if (tlb->tag_next > tlb->tag_max / 2)
		drop_entries(tlb);
	tlb->tag_base = tlb->tag_next - 1;
}

/* ---- audit ---- */

#define EMPTY_RUN 16u

static const char *audit_array(const struct iotlb *tlb, enum iotlb_array which)
{
	const struct iotlb_entry *array = array_of((struct iotlb *)tlb, which);

	if (!(tlb->held & (1u << which)))
		return NULL;
	for (uint32_t i = 0; i < SIO_BIT(shapes[which].lg2); i++) {
		uint64_t number;

		if (i % EMPTY_RUN == 0 && sio_words_zero(&array[i].check, 2 * EMPTY_RUN)) {
			i += EMPTY_RUN - 1;
			continue;
		}
		if (!array[i].check && !array[i].value)
			continue;
		number = (array[i].check ^ iotlb_mix(array[i].value)) >> IOTLB_TAG_LG2;
		if (number == 0 || number >= tlb->tag_next)
			return "a cached entry has a tag that was never given out";
	}
	return NULL;
}

static const char *audit_tags(const struct iotlb *tlb)
{
	for (uint32_t i = 0; i < tlb->domains; i++) {
		uint64_t number = tlb->tag[i] >> IOTLB_TAG_LG2;

		if (tlb->tag[i] && (number == 0 || number >= tlb->tag_next))
			return "a domain has a tag that was never given out";
	}
	/* The rest is not looked at, to leave untouched memory untouched. */
	return NULL;
}

const char *iotlb_audit(const struct iotlb *tlb)
{
	const char *wrong = audit_tags(tlb);

	/* Nothing was ever cached: nothing to read. */
	if (tlb->tag_next == 1)
		return wrong;
	for (unsigned which = 0; !wrong && which < IOTLB_ARRAYS; which++)
		wrong = audit_array(tlb, (enum iotlb_array)which);
	if (!wrong && tlb->visible != (tlb->open ? tlb->held : 0))
		wrong = "lookups see other arrays than they should";
	return wrong;
}
