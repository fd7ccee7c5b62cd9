/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What locked pages cost, page by page: the model of tests/accounting_random.c.
 *
 * It knows what a page of a process is, whether pinning it costs anything, which mappings there
 * are, who pays for them and who gets it back, all as the rules of a kernel say. No data structure
 * or algorithm of the container is in it.
 */
#ifndef TESTS_ACCOUNTING_MODEL_H
#define TESTS_ACCOUNTING_MODEL_H

#include <stdarg.h>

#include "prng.h"
#include "vfio_machine.h"

#define PAGE      UINT64_C(4096)
#define POOL      96u /* IOVA pages in use */
#define POOL_IOVA UINT64_C(0x1f8000)
#define WINDOW    80u /* pages of a process's memory in use */
#define WINDOW_VA UINT64_C(0x100000000)
#define PEOPLE    3u
#define SPACES    32u
#define STEPS     90u
#define GROUPS    3u
#define NO_LIMIT  UINT64_MAX

/* How kernels differ, each from the one before it. */
enum rule {
	ONE_DOMAIN = 1 << 0,    /* one mapping a page */
	CALLER_PAYS = 1 << 1,   /* and gets back, whoever mapped */
	LIMIT_AT_ONCE = 1 << 2, /* the whole request is tested, free pages too */
	READS_FREE = 1 << 3,    /* reading pins the zero page, which costs nothing */
	BAR_AS_IT_IS = 1 << 4,  /* a device's memory is pinned whatever its protection */
	TASK_PAYS = 1 << 5,     /* what the mapping process has for memory by now */
	MAPPER_UNMAPS = 1 << 6, /* others stop quietly */
	COUNT_LIMIT = 1 << 7,
	DIRTY = 1 << 8,
	IN_ORDER = 1 << 9, /* UNMAP; and it has ALL and VADDR, and pins in batches */
	RECHARGE = 1 << 10,
	RULES_2012 = ONE_DOMAIN | CALLER_PAYS | READS_FREE | BAR_AS_IT_IS,
	RULES_2014 = CALLER_PAYS | READS_FREE | BAR_AS_IT_IS,
	RULES_4_10 = TASK_PAYS | MAPPER_UNMAPS | READS_FREE | BAR_AS_IT_IS,
	RULES_5_8 = TASK_PAYS | MAPPER_UNMAPS | READS_FREE | COUNT_LIMIT | DIRTY,
	RULES_6_3 = COUNT_LIMIT | DIRTY | IN_ORDER | RECHARGE,
};

static const struct {
	const char *name;
	unsigned rules;
} kernels[] = {
	{"2012", RULES_2012 | LIMIT_AT_ONCE},
	{"3.11", RULES_2012},
	{"rfc2014,set_iommu_1_3", RULES_2014},
	{"3.14", RULES_2014},
	{"3.16", RULES_2014},
	{"4.4", RULES_2014},
	{"4.10", RULES_4_10},
	{"4.15", RULES_4_10},
	{"4.19", RULES_4_10 | COUNT_LIMIT},
	{"5.0", RULES_4_10},
	{"5.1", RULES_4_10 | COUNT_LIMIT},
	{"5.4", RULES_4_10 | COUNT_LIMIT},
	{"5.8", RULES_5_8},
	{"5.10", RULES_5_8},
	{"5.12", RULES_5_8 | IN_ORDER},
	{"6.1", RULES_6_3 | READS_FREE},
	{"6.3", RULES_6_3},
	{"6.12", RULES_6_3},
	{"6.17", RULES_6_3},
	{"6.18", RULES_6_3},
	{"7.2", RULES_6_3},
};

#define KERNELS (sizeof(kernels) / sizeof(kernels[0]))

static const struct {
	const char *name;
	const char *device[GROUPS]; /* the first stays */
} platforms[] = {
	{"vtd48", {"A", "B", "C"}},
	{"amdvi", {"A", "B", "C"}},
	{"narrow", {"wide0", "narrow0", "wide1"}},
	{"amd-mixed", {"nic1", "disk0", "edu1"}},
};

#define PLATFORMS (sizeof(platforms) / sizeof(platforms[0]))

/* ---- the model ---- */

enum kind { HOLE, ANON, SHARED, MEMFD, MEMFD_PRIVATE, BAR };

struct page {
	enum kind kind;
	unsigned prot;
	bool own;   /* anonymous memory: the process has a page of its own there */
	bool entry; /* a device's memory: has its page table entry */
	bool locked;
};

struct space {
	bool alive;
	struct page page[WINDOW];
	uint64_t drift; /* charges taken back for others, and not taken back; modulo 2^64 */
};

struct person {
	struct sio_process *process;
	unsigned space;
	bool cap;
	uint64_t limit; /* pages */
};

struct mapping {
	unsigned first, last; /* pages of the pool */
	unsigned person;      /* who mapped; its number is not given away again */
	unsigned space;       /* whose count has the charge */
	uint64_t charged;
	bool invalid;
};

struct session {
	struct rig rig;
	unsigned kernel, platform, rules;
	uint64_t seed;
	struct prng rng;
	bool v2, bar, disable_hugepages, tracking;
	uint64_t count_limit, count_limit_next;
	int container, group[GROUPS], device;
	bool joined[GROUPS];
	struct person person[SPACES];
	unsigned persons, alive[PEOPLE], alive_count;
	struct space space[SPACES];
	unsigned spaces;
	struct mapping map[POOL];
	unsigned maps;
	char what[128]; /* the operation, for messages */
};

static struct session s;

static inline unsigned below(unsigned n)
{
	return (unsigned)prng_below(&s.rng, n);
}

static inline bool rule(enum rule rules)
{
	return (s.rules & (unsigned)rules) != 0;
}

__attribute__((format(printf, 1, 2))) static inline void fail_at(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ck_abort_msg("%s, %s, seed %llu, %s: %s", kernels[s.kernel].name,
		     platforms[s.platform].name, (unsigned long long)s.seed, s.what, text);
}

/* VmLck of a process, in pages. */
static inline uint64_t recount(const struct person *person)
{
	const struct space *space = &s.space[person->space];
	uint64_t pages = space->drift;

	for (unsigned i = 0; i < WINDOW; i++)
		pages += space->page[i].locked;
	for (unsigned i = 0; i < s.maps; i++)
		if (s.map[i].space == person->space)
			pages += s.map[i].charged;
	return pages;
}

/* What pinning a page would do: -EFAULT, or what it costs. The page is touched. */
static inline int pin_page(struct space *space, unsigned at, bool write)
{
	struct page *page = at < WINDOW ? &space->page[at] : NULL;
	bool allowed;

	if (!page || page->kind == HOLE)
		return -EFAULT;
	allowed = page->prot & (write ? SIO_PROT_WRITE : SIO_PROT_READ);
	if (page->kind == BAR) {
		if (!allowed && !rule(BAR_AS_IT_IS) && (write || !page->entry))
			return -EFAULT;
		page->entry = true;
		return 0;
	}
	if (!allowed)
		return -EFAULT;
	if (page->kind == ANON && !write && rule(READS_FREE) && !page->own)
		return 0;
	page->own = true;
	return 1;
}

/* Pinning goes by batches: those behind the page that is over the limit were pinned too. */
static inline void touch_batch(struct space *space, unsigned at, unsigned pages, bool write)
{
	if (!rule(IN_ORDER) || s.disable_hugepages)
		return;
	/* A batch of ordinary pages ends at a device's. */
	for (; pages && at < WINDOW && space->page[at].kind != BAR; at++, pages--)
		if (pin_page(space, at, write) < 0)
			return;
}

/* Pin a whole request. Pages that cost, or -errno. */
static inline long pin_all(const struct person *person, unsigned at, unsigned pages, bool write)
{
	struct space *space = &s.space[person->space];
	uint64_t locked = recount(person);
	long charged = 0;

	for (unsigned i = 0; i < pages; i++) {
		int cost = pin_page(space, at + i, write);

		if (cost < 0)
			return cost;
		if (cost && !rule(LIMIT_AT_ONCE) && !person->cap &&
		    locked + (uint64_t)charged + 1 > person->limit) {
			touch_batch(space, at + i, pages - i, write);
			return -ENOMEM;
		}
		charged += cost;
	}
	return charged;
}

static inline bool overlaps(const struct mapping *map, unsigned first, unsigned last)
{
	return map->first <= last && map->last >= first;
}

/* The lowest mapping that overlaps [first, last]; NULL: none. */
static inline struct mapping *lowest(unsigned first, unsigned last)
{
	struct mapping *best = NULL;

	for (unsigned i = 0; i < s.maps; i++)
		if (overlaps(&s.map[i], first, last) && (!best || s.map[i].first < best->first))
			best = &s.map[i];
	return best;
}

static inline void add_mappings(unsigned who, unsigned first, unsigned last, const uint8_t *cost)
{
	unsigned step = rule(ONE_DOMAIN) ? 1 : last - first + 1;

	for (unsigned at = first; at <= last; at += step) {
		struct mapping *map = &s.map[s.maps++];

		*map = (struct mapping){
			.first = at,
			.last = at + step - 1,
			.person = who,
			.space = s.person[who].space,
		};
		for (unsigned i = 0; i < step; i++)
			map->charged += cost[at - first + i];
	}
}

static inline long model_map(unsigned who, unsigned first, unsigned pages, unsigned at, bool write)
{
	struct person *person = &s.person[who];
	uint8_t cost[POOL] = {0};
	long charged;

	if (lowest(first, first + pages - 1))
		return -EEXIST;
	if (rule(COUNT_LIMIT) && s.maps >= s.count_limit)
		return -ENOSPC;
	if (rule(LIMIT_AT_ONCE) && !person->cap && recount(person) + pages > person->limit)
		return -ENOMEM;
	charged = pin_all(person, at, pages, write);
	if (charged < 0)
		return charged;
	/* All there now: asking again has no effect. */
	for (unsigned i = 0; i < pages; i++)
		cost[i] = (uint8_t)pin_page(&s.space[person->space], at + i, write);
	add_mappings(who, first, first + pages - 1, cost);
	return 0;
}

/* Give back what a mapping cost. `caller` SPACES: nobody's call. */
static inline void give_back(const struct mapping *map, unsigned caller)
{
	unsigned payer = map->space;

	if (rule(CALLER_PAYS))
		payer = caller;
	else if (rule(TASK_PAYS))
		payer = s.person[map->person].space;
	if (payer != map->space)
		s.space[map->space].drift += map->charged;
	if (payer != map->space && payer != SPACES)
		s.space[payer].drift -= map->charged;
}

static inline void drop(struct mapping *map, unsigned caller)
{
	give_back(map, caller);
	*map = s.map[--s.maps];
}

static inline bool any_invalid(void)
{
	for (unsigned i = 0; i < s.maps; i++)
		if (s.map[i].invalid)
			return true;
	return false;
}

static inline bool cuts(unsigned first, unsigned last)
{
	for (unsigned i = 0; i < s.maps; i++)
		if (overlaps(&s.map[i], first, last) &&
		    (s.map[i].first < first || s.map[i].last > last))
			return true;
	return false;
}

static inline bool may_unmap(const struct mapping *map, unsigned who)
{
	unsigned mapper = s.person[map->person].space;

	return !rule(MAPPER_UNMAPS) || (s.space[mapper].alive && mapper == s.person[who].space);
}

/* The shape of the tree decides where the kernel stops. */
static inline bool is_open(unsigned who, unsigned first, unsigned last)
{
	const struct mapping *low = lowest(first, last);
	unsigned met = 0, mine = 0;

	if (rule(IN_ORDER) || rule(ONE_DOMAIN) || !low)
		return false;
	for (unsigned i = 0; i < s.maps; i++) {
		met += overlaps(&s.map[i], first, last);
		mine += overlaps(&s.map[i], first, last) && may_unmap(&s.map[i], who);
	}
	return (!s.v2 && low->first < first && met > 1) || (mine && mine < met);
}

static inline long model_unmap(unsigned who, unsigned first, unsigned last, bool vaddr)
{
	unsigned from = first, marked[POOL], count = 0;
	struct mapping *map = lowest(first, last);
	long pages = 0;

	if (s.v2 && cuts(first, last))
		return -EINVAL;
	if (map && map->first < first)
		return 0;
	for (; from <= last && (map = lowest(from, last)) && may_unmap(map, who); pages++) {
		pages += map->last - map->first;
		from = map->last + 1;
		if (!vaddr) {
			drop(map, s.person[who].space);
			continue;
		}
		if (map->invalid) {
			while (count)
				s.map[marked[--count]].invalid = false;
			return -EINVAL;
		}
		map->invalid = true;
		marked[count++] = (unsigned)(map - s.map);
	}
	return pages * (long)PAGE;
}

static inline long model_new_vaddr(unsigned who, unsigned first, unsigned last)
{
	struct mapping *map = lowest(first, last);
	struct person *person = &s.person[who];

	if (!rule(IN_ORDER))
		return -EINVAL;
	if (!map)
		return -ENOENT;
	if (!map->invalid || map->first != first || map->last != last)
		return -EINVAL;
	if (map->space != person->space && rule(RECHARGE)) {
		if (map->charged && !person->cap && recount(person) + map->charged > person->limit)
			return -ENOMEM;
		map->space = person->space;
		map->person = who;
	}
	map->invalid = false;
	return 0;
}

/* The last group leaves, or the last descriptor closes. */
static inline void model_teardown(unsigned caller)
{
	while (s.maps)
		drop(&s.map[0], caller);
	s.tracking = false;
}

#endif
