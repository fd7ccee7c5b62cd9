/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flat model of IO address spaces, for comparison.
 *
 * The model knows three things: which areas show which bytes of which source, which ranges accesses
 * pinned, which domains an address space has. Everything else is worked out from them, page by
 * page: who is pinned, what that costs whom, what every half page of every domain shows. Pages are
 * known by what is written in them. Expected errors come from the rules of the interface, in their
 * order.
 */
#ifndef TESTS_IOMMUFD_MODEL_H
#define TESTS_IOMMUFD_MODEL_H

#include "iommufd_rig.h"

#include "prng.h"

#define SPACES       3u
#define SOURCES      4096u
#define AREAS        256u
#define PINS         8u
#define TASKS        2u
#define SPACE_END    UINT64_C(0x80000)
#define FILE_PAGES   UINT64_C(40)
#define SOURCE_PAGES 64u
#define STEPS        700u

/* A range of memory or of the file that was mapped, and who pays. */
struct source {
	bool file, writable;
	unsigned task;
	uint64_t page; /* of the process, or of the file */
	uint64_t count;
	enum iopt_account account;
};

struct area {
	unsigned space;
	uint64_t first, last;
	unsigned source;
	uint64_t start; /* byte from the source's first page */
	unsigned prot;
	bool filled, prevented;
};

struct pin {
	bool used;
	unsigned space;
	uint64_t first, last;
};

struct space {
	struct io_pagetable *iopt;
	struct iommu_domain *domain[RIG_DEVICES];
	unsigned domains;
	bool small_pages;
	bool access;
	struct iopt_access_user user;
	struct world *world;
	unsigned number;
	bool stubborn; /* does not let pins go */
	bool reserved;
	uint64_t reserved_first, reserved_last;
	struct iopt_range allowed[3];
	unsigned allowed_count;
};

struct world {
	struct rig rig;
	struct prng rng;
	uint64_t seed;
	unsigned step;
	struct space space[SPACES];
	struct source source[SOURCES];
	unsigned sources;
	struct area area[AREAS];
	unsigned areas;
	struct pin pin[PINS];
	struct task *task[TASKS];
	bool gone; /* task 1 */
	struct file *file;
	uint64_t temp_memory;
};

/* Check's own assertions note each place they pass, which costs more than what is compared. */
#define CHECK(world, condition)                                                                  \
	do {                                                                                     \
		if (!(condition))                                                                \
			ck_abort_msg("seed %llu step %u: %s", (unsigned long long)(world)->seed, \
				     (world)->step, #condition);                                 \
	} while (0)

static inline uint64_t below(struct world *w, uint64_t n)
{
	return prng_below(&w->rng, n);
}

/* ---- sources ---- */

static const uint64_t task_stamp[TASKS] = {0x1000, 0x2000};

static inline bool is_hole(const struct source *source, uint64_t page)
{
	return source->file ? page >= FILE_PAGES : page % 64 >= 62;
}

static inline bool is_read_only(const struct source *source, uint64_t page)
{
	return !source->file && page % 64 >= 58 && page % 64 < 60;
}

static inline uint64_t stamp_of(const struct source *source, uint64_t page)
{
	return 2 * ((source->file ? 0x3000 : task_stamp[source->task]) + page);
}

static inline uint64_t area_page(const struct area *area, uint64_t iova)
{
	return (area->start + (iova - area->first)) / PAGE;
}

/* How many users hold each page of the source: filled areas, and pins in areas. */
static inline void count_users(const struct world *w, unsigned source, uint8_t users[SOURCE_PAGES])
{
	memset(users, 0, SOURCE_PAGES);
	for (unsigned n = 0; n < w->areas; n++) {
		const struct area *a = &w->area[n];

		if (a->source != source)
			continue;
		for (uint64_t i = area_page(a, a->first); a->filled && i <= area_page(a, a->last);
		     i++)
			users[i]++;
		for (unsigned k = 0; k < PINS; k++) {
			const struct pin *pin = &w->pin[k];
			uint64_t first = pin->first > a->first ? pin->first : a->first;
			uint64_t last = pin->last < a->last ? pin->last : a->last;

			if (!pin->used || pin->space != a->space || first > last)
				continue;
			for (uint64_t i = area_page(a, first); i <= area_page(a, last); i++)
				users[i]++;
		}
	}
}

static inline uint64_t pinned_of(const struct world *w, unsigned source)
{
	uint8_t users[SOURCE_PAGES];
	uint64_t pinned = 0;

	count_users(w, source, users);
	for (uint64_t i = 0; i < w->source[source].count; i++)
		pinned += users[i] != 0;
	return pinned;
}

static inline bool source_lives(const struct world *w, unsigned source)
{
	for (unsigned n = 0; n < w->areas; n++)
		if (w->area[n].source == source)
			return true;
	return false;
}

/* What a task's count, or with `mm` NULL the user's, should be. */
static inline uint64_t charged(const struct world *w, unsigned task, enum iopt_account account)
{
	uint64_t sum = 0;

	for (unsigned s = 0; s < w->sources; s++) {
		if (!source_lives(w, s) || w->source[s].account != account)
			continue;
		if (account == IOPT_ACCOUNT_USER || w->source[s].task == task)
			sum += pinned_of(w, s);
	}
	return sum;
}

/* ---- expected errors ---- */

/* Could these pages of the source be pinned now? */
static inline int expect_pin_page(const struct world *w, const struct source *source, uint64_t i)
{
	if (source->file)
		return is_hole(source, source->page + i) ? -EINVAL : 0;
	if ((source->task == 1 && w->gone) || is_hole(source, source->page + i) ||
	    (source->writable && is_read_only(source, source->page + i)))
		return -EFAULT;
	return 0;
}

static inline int expect_hold(const struct world *w, unsigned s, uint64_t first, uint64_t last)
{
	const struct source *source = &w->source[s];
	uint8_t users[SOURCE_PAGES];
	uint64_t fresh = 0;

	count_users(w, s, users);
	for (uint64_t i = first; i <= last; i++) {
		int rc;

		if (users[i])
			continue;
		rc = expect_pin_page(w, source, i);
		if (rc)
			return rc;
		fresh++;
	}
	if (!fresh || source->account == IOPT_ACCOUNT_NONE)
		return 0;
	if (source->account == IOPT_ACCOUNT_MM && source->task == 1 && w->gone)
		return -EINVAL;
	return charged(w, source->task, source->account) + fresh >
			       w->task[source->task]->rlimit_memlock / PAGE
		       ? -ENOMEM
		       : 0;
}

static inline int expect_fill(struct world *w, struct area *a)
{
	int rc = expect_hold(w, a->source, area_page(a, a->first), area_page(a, a->last));

	a->filled = !rc;
	return rc;
}

static inline uint64_t expect_alignment(const struct space *space)
{
	uint64_t alignment =
		space->small_pages || (space->access && space->user.needs_pin_pages) ? PAGE : 1;

	for (unsigned i = 0; i < space->domains; i++) {
		const uint64_t sizes = space->domain[i]->pgsize_bitmap;
		uint64_t lowest = 1;

		while (!(sizes & lowest))
			lowest *= 2;
		alignment = lowest > alignment ? lowest : alignment;
	}
	return alignment;
}

static const struct area *area_in(const struct world *w, unsigned space, uint64_t first,
				  uint64_t last)
{
	const struct area *found = NULL;

	for (unsigned n = 0; n < w->areas; n++) {
		const struct area *a = &w->area[n];

		if (a->space == space && a->first <= last && a->last >= first &&
		    (!found || a->first < found->first))
			found = a;
	}
	return found;
}

/* ---- what is used of a space ---- */

struct range {
	uint64_t first, last;
};

/* Areas, what the program reserved, what lies outside of apertures. */
static inline unsigned used_ranges(const struct world *w, unsigned s, struct range *out, bool areas)
{
	const struct space *space = &w->space[s];
	unsigned n = 0;

	for (unsigned i = 0; areas && i < w->areas; i++)
		if (w->area[i].space == s)
			out[n++] = (struct range){w->area[i].first, w->area[i].last};
	if (space->reserved)
		out[n++] = (struct range){space->reserved_first, space->reserved_last};
	for (unsigned i = 0; i < space->domains; i++) {
		if (space->domain[i]->aperture_first)
			out[n++] = (struct range){0, space->domain[i]->aperture_first - 1};
		out[n++] = (struct range){space->domain[i]->aperture_last + 1, UINT64_MAX};
	}
	return n;
}

/* Used at `at`: true and the end of that range. Else the last free address. */
static inline bool used_at(const struct range *range, unsigned n, uint64_t at, uint64_t *end)
{
	*end = UINT64_MAX;
	for (unsigned i = 0; i < n; i++) {
		if (range[i].first <= at && at <= range[i].last) {
			*end = range[i].last;
			return true;
		}
		if (range[i].first > at && range[i].first - 1 < *end)
			*end = range[i].first - 1;
	}
	return false;
}

static inline bool is_reserved(const struct world *w, unsigned s, uint64_t first, uint64_t last)
{
	struct range range[AREAS + 16];
	unsigned n = used_ranges(w, s, range, false);

	for (unsigned i = 0; i < n; i++)
		if (range[i].first <= last && range[i].last >= first)
			return true;
	return false;
}

static inline bool place_in(const struct world *w, unsigned s, struct range span, uint64_t length,
			    uint64_t align, uint64_t offset, uint64_t *iova)
{
	struct range range[AREAS + 16];
	unsigned n = used_ranges(w, s, range, true);
	uint64_t at = ((span.first + align - 1) & -align) | offset;

	if (at >= span.last || span.last - at < length - 1)
		return false;
	for (;;) {
		uint64_t end, start;
		bool used = used_at(range, n, at, &end);

		if (end > span.last)
			end = span.last;
		start = ((at + align - 1) & -align) | offset;
		if (!used && start < end && end - start >= length - 1) {
			*iova = start;
			return true;
		}
		if (end == span.last)
			return false;
		at = end + 1;
	}
}

static inline int expect_place(const struct world *w, unsigned s, uint64_t address, uint64_t length,
			       uint64_t *iova)
{
	const struct space *space = &w->space[s];
	struct range all = {PAGE, UINT64_MAX - PAGE}, span[4];
	uint64_t align = 1;
	unsigned n = 0;

	while (align < length)
		align *= 2;
	while (address && address % align)
		align /= 2;
	if (align > 0x200000)
		align = 0x200000;
	if (align < expect_alignment(space))
		return -EINVAL;
	if (!space->allowed_count)
		return place_in(w, s, all, length, align, address % PAGE, iova) ? 0 : -ENOSPC;
	/* Ranges that touch are one; the list is in order. */
	for (unsigned i = 0; i < space->allowed_count; i++) {
		const struct iopt_range *r = &space->allowed[i];

		if (n && span[n - 1].last + 1 == r->first)
			span[n - 1].last = r->last;
		else
			span[n++] = (struct range){r->first, r->last};
	}
	for (unsigned i = 0; i < n; i++) {
		if (span[i].first < PAGE)
			span[i].first = PAGE;
		if (span[i].first <= span[i].last &&
		    place_in(w, s, span[i], length, align, address % PAGE, iova))
			return 0;
	}
	return -ENOSPC;
}

/* Steps 6 and 7 of MAP. */
static inline int expect_find(const struct world *w, unsigned s, uint64_t address, uint64_t length,
			      bool fixed, uint64_t *iova)
{
	const uint64_t alignment = expect_alignment(&w->space[s]);

	if (!length || length % alignment)
		return -EINVAL;
	if (!fixed)
		return expect_place(w, s, address, length, iova);
	if (*iova % alignment)
		return -EINVAL;
	if (is_reserved(w, s, *iova, *iova + (length - 1)))
		return -EINVAL;
	return area_in(w, s, *iova, *iova + (length - 1)) ? -EEXIST : 0;
}

/* ---- the model is what the code says ---- */

/* Which area is at each half page of a space with domains: its number + 1. */
static inline void draw_space(const struct world *w, unsigned space, uint16_t *drawn)
{
	memset(drawn, 0, RIG_LOW_COUNT * sizeof(*drawn));
	for (unsigned i = 0; i < w->areas; i++)
		for (uint64_t at = w->area[i].first / RIG_HALF;
		     w->area[i].space == space && at <= w->area[i].last / RIG_HALF; at++)
			drawn[at] = (uint16_t)(i + 1);
}

static inline void check_domain(const struct world *w, const struct iommu_domain *domain,
				const uint16_t *drawn)
{
	for (uint64_t iova = 0; iova < RIG_SPAN; iova += RIG_HALF) {
		const struct rig_leaf *leaf = rig_leaf(domain, iova);
		const unsigned n = drawn[iova / RIG_HALF];
		const struct source *source;
		const struct area *a;
		uint64_t byte;

		if (!n) {
			CHECK(w, !leaf->perm);
			continue;
		}
		a = &w->area[n - 1];
		source = &w->source[a->source];
		byte = a->start + (iova - a->first);
		CHECK(w, leaf->perm == (a->prot & (IOMMU_READ | IOMMU_WRITE)));
		CHECK(w,
		      rig_stamp(&w->rig, leaf->pa) == stamp_of(source, source->page + byte / PAGE) +
							      byte % PAGE / RIG_HALF);
	}
}

static inline void check_usable(const struct world *w, const struct space *space)
{
	struct range range[AREAS + 16];
	unsigned n = used_ranges(w, space->number, range, false);
	struct iopt_range got;
	unsigned holes = 0;
	uint64_t at = 0, end;

	for (;;) {
		const bool used = used_at(range, n, at, &end);

		if (!used) {
			CHECK(w, iopt_usable_at(space->iopt, holes, &got));
			CHECK(w, got.first == at && got.last == end);
			holes++;
		}
		if (end == UINT64_MAX)
			break;
		at = end + 1;
	}
	CHECK(w, !iopt_usable_at(space->iopt, holes, &got));
}

static inline void check_areas(const struct world *w, const struct space *space)
{
	struct iopt_area_info info;
	uint64_t from = 0;
	unsigned count = 0, expected = 0;

	for (unsigned i = 0; i < w->areas; i++)
		expected += w->area[i].space == space->number;
	while (iopt_area_at(space->iopt, from, &info)) {
		const struct area *a = area_in(w, space->number, info.first, info.last);

		CHECK(w, a && a->first == info.first && a->last == info.last);
		CHECK(w, a->prot == info.prot && info.file == w->source[a->source].file);
		CHECK(w, info.user_va == (info.file ? 0 : RIG_VA) +
						 w->source[a->source].page * PAGE + a->start);
		count++;
		if (info.last == UINT64_MAX)
			break;
		from = info.last + 1;
	}
	CHECK(w, count == expected);
}

static inline void check_space(const struct world *w, const struct space *space)
{
	const char *what = iopt_audit(space->iopt, true);
	uint16_t drawn[RIG_LOW_COUNT];

	if (what)
		ck_abort_msg("seed %llu step %u: %s", (unsigned long long)w->seed, w->step, what);
	CHECK(w, iopt_alignment(space->iopt) == expect_alignment(space));
	check_areas(w, space);
	check_usable(w, space);
	draw_space(w, space->number, drawn);
	for (unsigned i = 0; i < space->domains; i++)
		check_domain(w, space->domain[i], drawn);
}

static inline void check_world(const struct world *w)
{
	struct io_pagetable *iopts[SPACES];
	uint64_t total = 0;

	for (unsigned i = 0; i < SPACES; i++) {
		check_space(w, &w->space[i]);
		iopts[i] = w->space[i].iopt;
	}
	for (unsigned s = 0; s < w->sources; s++)
		total += source_lives(w, s) ? pinned_of(w, s) : 0;
	CHECK(w, phys_pins_total(w->rig.phys) == total);
	CHECK(w, w->rig.user->locked_pages == charged(w, 0, IOPT_ACCOUNT_USER));
	for (unsigned t = 0; t < TASKS; t++) {
		const struct mm *mm = w->task[t]->mm;
		const uint64_t by_mm = charged(w, t, IOPT_ACCOUNT_MM);
		uint64_t pinned = 0;

		for (unsigned s = 0; s < w->sources; s++)
			if (w->source[s].task == t && source_lives(w, s))
				pinned += pinned_of(w, s);
		CHECK(w, t == 1 && w->gone ? true : mm->locked_pages == by_mm);
		CHECK(w, t == 1 && w->gone ? true : mm->pinned_pages == pinned);
		CHECK(w, iopt_pinned_vm(iopts, SPACES, mm) == pinned);
		CHECK(w, iopt_charged(iopts, SPACES, mm, IOPT_ACCOUNT_MM) == by_mm);
	}
}

#endif
