// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on IO address spaces against a flat model (iommufd_model.h), compared whole
 * after each of them.
 */
#include "iommufd_model.h"

/* ---- operations ---- */

static uint64_t random_length(struct world *w)
{
	if (!below(w, 40))
		return 1 + below(w, 3 * PAGE);
	return (1 + below(w, 12)) * (below(w, 4) ? PAGE : RIG_HALF);
}

static uint64_t random_iova(struct world *w)
{
	return below(w, SPACE_END / RIG_HALF) * RIG_HALF / (below(w, 3) ? PAGE : RIG_HALF) *
		       (below(w, 3) ? PAGE : RIG_HALF) % SPACE_END +
	       (below(w, 40) ? 0 : below(w, PAGE));
}

static unsigned random_prot(struct world *w)
{
	static const unsigned prot[] = {IOMMU_READ, IOMMU_WRITE, IOMMU_READ | IOMMU_WRITE};

	return IOMMU_CACHE | prot[below(w, 3)];
}

/* The driver is told to fail now and then; then nothing may have changed. */
static bool driver_failed(const struct world *w, unsigned armed)
{
	return armed && !w->rig.fail_map;
}

static void forget_area(struct world *w, unsigned n)
{
	w->area[n] = w->area[--w->areas];
}

static void do_map(struct world *w)
{
	const unsigned s = (unsigned)below(w, SPACES), armed = below(w, 12) ? 0 : 1;
	const unsigned t = w->gone ? 0 : (unsigned)below(w, TASKS);
	struct space *space = &w->space[s];
	const struct caller caller = {.task = w->task[t]};
	struct source *source = &w->source[w->sources];
	struct area *a = &w->area[w->areas];
	bool fixed = below(w, 3), file = !below(w, 4);
	uint64_t offset = below(w, 2) ? 0 : below(w, 2) ? RIG_HALF : below(w, PAGE);
	uint64_t length = random_length(w), page, iova = random_iova(w), wanted = iova, base;
	unsigned prot = random_prot(w);
	int expected, rc;

	page = below(w, file ? FILE_PAGES : RIG_PAGES - 16);
	base = (file ? 0 : RIG_VA) + page * PAGE + offset;
	*source = (struct source){.file = file,
				  .writable = prot & IOMMU_WRITE,
				  .task = t,
				  .page = page,
				  .count = (offset + length - 1) / PAGE + 1,
				  .account = (enum iopt_account)below(w, 3)};
	expected = expect_find(w, s, base, length, fixed, &wanted);
	if (!expected && offset % expect_alignment(space))
		expected = -EINVAL;
	if (!expected) {
		*a = (struct area){s,     wanted, wanted + (length - 1), w->sources, offset, prot,
				   false, false};
		if (space->domains)
			expected = expect_fill(w, a);
	}
	w->rig.fail_map = armed;
	w->rig.largest_call = 0;
	rc = iopt_map(space->iopt,
		      &(struct iopt_source){.caller = &caller,
					    .uptr = base,
					    .file = file ? w->file : NULL,
					    .start = base,
					    .length = length,
					    .writable = prot & IOMMU_WRITE},
		      source->account, &iova, prot, fixed);
	if (driver_failed(w, armed)) {
		CHECK(w, rc == -EIO);
		return;
	}
	w->rig.fail_map = 0;
	ck_assert_msg(rc == expected, "seed %llu step %u: map %d, expected %d",
		      (unsigned long long)w->seed, w->step, rc, expected);
	CHECK(w, rc || iova == wanted);
	CHECK(w, !space->small_pages || w->rig.largest_call <= PAGE);
	if (!rc) {
		w->areas++;
		w->sources++;
	}
}

/* The model of a copy: *added areas behind the last, filled or not. */
static int expect_copy(struct world *w, unsigned src, unsigned dst, uint64_t from, uint64_t length,
		       uint64_t to, unsigned prot, unsigned *added)
{
	uint64_t done = 0;
	int rc = 0;

	*added = 0;
	while (done < length) {
		const struct area *a = area_in(w, src, from + done, from + done);
		struct area *b = &w->area[w->areas + *added];
		uint64_t bytes = a->last - (from + done) + 1;

		if (bytes > length - done)
			bytes = length - done;
		*b = (struct area){dst,
				   to + done,
				   to + done + bytes - 1,
				   a->source,
				   a->start + (from + done - a->first),
				   prot,
				   false,
				   false};
		if ((prot & IOMMU_WRITE) && !w->source[a->source].writable)
			return -EPERM;
		if (b->start % PAGE % expect_alignment(&w->space[dst]))
			return -EINVAL;
		++*added;
		done += bytes;
	}
	for (unsigned i = 0; i < *added && !rc && w->space[dst].domains; i++) {
		w->areas += i + 1; /* those before count as users */
		rc = expect_fill(w, &w->area[w->areas - 1]);
		w->areas -= i + 1;
	}
	return rc;
}

static void do_copy(struct world *w)
{
	const unsigned src = (unsigned)below(w, SPACES), dst = (unsigned)below(w, SPACES);
	uint64_t from = random_iova(w), length = random_length(w), at, to = random_iova(w);
	const unsigned prot = random_prot(w);
	const bool fixed = below(w, 3);
	uint64_t wanted = to;
	const struct area *first;
	unsigned added = 0;
	int expected = 0, rc;

	if (w->areas && below(w, 4)) {
		const struct area *a = &w->area[below(w, w->areas)];

		if (a->space == src && a->last - a->first > 2 * RIG_HALF) {
			from = a->first + below(w, 3) * RIG_HALF;
			length = a->last - from + 1 <= SPACE_END ? a->last - from + 1 : length;
		}
	}
	for (at = from; at < from + length; at = first->last + 1) {
		first = area_in(w, src, at, at);
		if (!first)
			break;
	}
	rc = iopt_check_source(w->space[src].iopt, from, length);
	CHECK(w, rc == (at < from + length ? -ENOENT : 0));
	if (rc || w->areas > AREAS / 2)
		return;
	first = area_in(w, src, from, from);
	expected = expect_find(w, dst,
			       (w->source[first->source].file ? 0 : RIG_VA) +
				       w->source[first->source].page * PAGE + first->start +
				       (from - first->first),
			       length, fixed, &wanted);
	if (!expected)
		expected = expect_copy(w, src, dst, from, length, wanted, prot, &added);
	rc = iopt_copy(w->space[dst].iopt, w->space[src].iopt, from, length, &to, prot, fixed);
	ck_assert_msg(rc == expected, "seed %llu step %u: copy %d, expected %d",
		      (unsigned long long)w->seed, w->step, rc, expected);
	CHECK(w, rc || to == wanted);
	if (!rc)
		w->areas += added;
}

static void unpin_in(struct world *w, unsigned space, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < PINS; i++) {
		struct pin *pin = &w->pin[i];

		if (!pin->used || pin->space != space || pin->first > last || pin->last < first)
			continue;
		iopt_unpin(w->space[space].iopt, pin->first, pin->last - pin->first + 1);
		pin->used = false;
	}
}

static void access_unmap(void *data, uint64_t iova, uint64_t len)
{
	struct space *space = data;

	if (!space->stubborn)
		unpin_in(space->world, space->number, iova, iova + (len - 1));
}

static bool area_is_pinned(const struct world *w, const struct area *a)
{
	for (unsigned i = 0; i < PINS; i++)
		if (w->pin[i].used && w->pin[i].space == a->space && w->pin[i].first <= a->last &&
		    w->pin[i].last >= a->first)
			return true;
	return false;
}

static void do_unmap(struct world *w)
{
	const unsigned s = (unsigned)below(w, SPACES);
	struct space *space = &w->space[s];
	uint64_t first = random_iova(w), length = random_length(w) * (1 + below(w, 4)), last;
	uint64_t bytes = 0, got;
	int expected = 0, rc;

	if (w->areas && below(w, 3)) {
		const struct area *a = &w->area[below(w, w->areas)];

		first = a->first;
		length = a->last - a->first + 1;
	}
	last = first + (length - 1);
	space->stubborn = !below(w, 3);
	rc = iopt_unmap(space->iopt, first, length, &got);
	for (;;) {
		struct area *a = (struct area *)(uintptr_t)area_in(w, s, first, last);

		if (!a)
			break;
		if (a->first < first || a->last > last) {
			expected = -ENOENT;
			break;
		}
		if (area_is_pinned(w, a)) {
			/* Pins were dropped by the callback, or are there for good. */
			a->prevented = true;
			expected = -EDEADLOCK;
			break;
		}
		bytes += a->last - a->first + 1;
		forget_area(w, (unsigned)(a - w->area));
	}
	ck_assert_msg(rc == expected && got == bytes,
		      "seed %llu step %u: unmap %d of %llu, expected %d of %llu",
		      (unsigned long long)w->seed, w->step, rc, (unsigned long long)got, expected,
		      (unsigned long long)bytes);
}

/* The area with that byte is cut behind it; at its first byte nothing happens. */
static void do_cut(struct world *w)
{
	const unsigned s = (unsigned)below(w, SPACES);
	const uint64_t byte = random_iova(w) - 1, cut = byte + 1;
	struct area *a = (struct area *)(uintptr_t)area_in(w, s, byte, byte);
	const uint64_t alignment = expect_alignment(&w->space[s]);
	int expected = 0, rc;

	if (a && (a->first == byte || a->last == byte))
		a = NULL;
	if (a && a->prevented)
		expected = -EBUSY;
	else if (a && ((cut | (a->start + (cut - a->first))) % alignment || area_is_pinned(w, a) ||
		       (a->filled && !w->space[s].small_pages)))
		expected = -EINVAL;
	rc = iopt_cut(w->space[s].iopt, &byte, 1);
	CHECK(w, rc == expected);
	if (rc || !a)
		return;
	w->area[w->areas] = *a;
	w->area[w->areas].start += cut - a->first;
	w->area[w->areas++].first = cut;
	a->last = byte;
}

static bool suits(const struct world *w, unsigned s, uint64_t alignment)
{
	for (unsigned i = 0; i < w->areas; i++) {
		const struct area *a = &w->area[i];

		if (a->space == s &&
		    (a->first | (a->last - a->first + 1) | a->start % PAGE) % alignment)
			return false;
	}
	return true;
}

static bool reserve_meets(const struct world *w, unsigned s, uint64_t first, uint64_t last)
{
	const struct space *space = &w->space[s];

	if (first > last)
		return false;
	for (unsigned i = 0; i < space->allowed_count; i++)
		if (space->allowed[i].first <= last && space->allowed[i].last >= first)
			return true;
	return area_in(w, s, first, last) != NULL;
}

static int expect_domain(struct world *w, unsigned s, const struct iommu_domain *domain)
{
	const uint64_t lowest = domain->pgsize_bitmap & -domain->pgsize_bitmap;
	struct area *order[AREAS];
	unsigned n = 0;
	int rc = 0;

	if (lowest > PAGE)
		return -EINVAL;
	if (lowest > expect_alignment(&w->space[s]) && !suits(w, s, lowest))
		return -EADDRINUSE;
	if ((domain->aperture_first && reserve_meets(w, s, 0, domain->aperture_first - 1)) ||
	    reserve_meets(w, s, domain->aperture_last + 1, UINT64_MAX))
		return -EADDRINUSE;
	if (w->space[s].domains)
		return 0;
	for (const struct area *a = area_in(w, s, 0, UINT64_MAX); a;
	     a = area_in(w, s, a->last + 1, UINT64_MAX))
		order[n++] = (struct area *)(uintptr_t)a;
	for (unsigned i = 0; i < n && !rc; i++)
		rc = expect_fill(w, order[i]);
	for (unsigned i = 0; i < n && rc; i++)
		order[i]->filled = false;
	return rc;
}

static void set_filled(struct world *w, unsigned s, bool filled)
{
	for (unsigned i = 0; i < w->areas; i++)
		if (w->area[i].space == s)
			w->area[i].filled = filled;
}

static void do_domain(struct world *w)
{
	const unsigned s = (unsigned)below(w, SPACES),
		       armed = below(w, 6) ? 0 : 1 + (unsigned)below(w, 4);
	struct space *space = &w->space[s];
	struct iommu_domain *domain;
	int expected, rc;

	if (space->domains == RIG_DEVICES || (space->domains && !below(w, 2))) {
		const unsigned i = (unsigned)below(w, space->domains);

		domain = space->domain[i];
		iopt_remove_domain(space->iopt, domain);
		iommu_domain_free(domain);
		space->domain[i] = space->domain[--space->domains];
		set_filled(w, s, space->domains != 0);
		return;
	}
	domain = rig_domain_new(&w->rig, (unsigned)below(w, RIG_DEVICES));
	if (!below(w, 10))
		domain->pgsize_bitmap = 2 * PAGE;
	expected = expect_domain(w, s, domain);
	w->rig.fail_map = armed;
	rc = iopt_add_domain(space->iopt, domain);
	if (driver_failed(w, armed)) {
		CHECK(w, rc == -EIO);
		set_filled(w, s, space->domains != 0);
		expected = rc;
	}
	w->rig.fail_map = 0;
	ck_assert_msg(rc == expected, "seed %llu step %u: domain %d, expected %d",
		      (unsigned long long)w->seed, w->step, rc, expected);
	if (rc)
		iommu_domain_free(domain);
	else
		space->domain[space->domains++] = domain;
}

static void do_option(struct world *w)
{
	const unsigned s = (unsigned)below(w, SPACES);
	struct space *space = &w->space[s];
	const bool on = below(w, 2);
	int expected = 0, rc;

	if (!on && !space->small_pages) {
		if (space->domains && area_in(w, s, 0, UINT64_MAX))
			expected = -EINVAL;
		else if (expect_alignment(space) < PAGE && !suits(w, s, PAGE))
			expected = -EADDRINUSE;
	}
	rc = iopt_set_large_pages(space->iopt, on);
	CHECK(w, rc == expected);
	if (!rc)
		space->small_pages = !on;
}

static void do_reserve(struct world *w)
{
	const unsigned s = (unsigned)below(w, SPACES);
	struct space *space = &w->space[s];
	const uint64_t first = random_iova(w), last = first + random_length(w) - 1;
	int rc;

	if (space->reserved) {
		iopt_unreserve(space->iopt, space);
		space->reserved = false;
		return;
	}
	rc = iopt_reserve(space->iopt, first, last, space);
	CHECK(w, rc == (reserve_meets(w, s, first, last) ? -EADDRINUSE : 0));
	space->reserved = !rc;
	space->reserved_first = first;
	space->reserved_last = last;
}

static void do_allow(struct world *w)
{
	const unsigned s = (unsigned)below(w, SPACES), count = (unsigned)below(w, 4);
	struct space *space = &w->space[s];
	struct iopt_range *list = calloc(count ? count : 1, sizeof(*list));
	uint64_t at = below(w, 2) ? 0x10000 : 0;
	bool meets = false;
	int rc;

	ck_assert_ptr_nonnull(list);
	for (unsigned i = 0; i < count; i++) {
		list[i].first = at;
		list[i].last = at + random_length(w) + 1;
		at = list[i].last + 1 + (below(w, 2) ? 0 : below(w, 0x8000));
		meets |= is_reserved(w, s, list[i].first, list[i].last);
	}
	rc = iopt_set_allowed(space->iopt, list, count);
	CHECK(w, rc == (meets ? -EADDRINUSE : 0));
	if (!rc) {
		memcpy(space->allowed, list, count * sizeof(*list));
		space->allowed_count = count;
	} else {
		free(list);
	}
}

static void access_end(struct world *w, unsigned s)
{
	unpin_in(w, s, 0, UINT64_MAX);
	iopt_remove_access(w->space[s].iopt, &w->space[s].user);
	w->space[s].access = false;
}

static void do_access(struct world *w)
{
	const unsigned s = (unsigned)below(w, SPACES);
	struct space *space = &w->space[s];
	const bool pins = below(w, 2);
	int rc;

	if (space->access) {
		access_end(w, s);
		return;
	}
	space->user = (struct iopt_access_user){pins, access_unmap, space, NULL};
	rc = iopt_add_access(space->iopt, &space->user);
	CHECK(w, rc == (pins && expect_alignment(space) < PAGE && !suits(w, s, PAGE) ? -EADDRINUSE
										     : 0));
	space->access = !rc;
}

/* Each area of the range in turn, as an access that pins meets them. */
static int expect_pin(struct world *w, struct pin *pin, bool write)
{
	uint64_t at = pin->first;
	int rc = 0;

	for (;;) {
		const struct area *a = area_in(w, pin->space, at, at);
		uint64_t last, byte;

		if (!a)
			return -ENOENT;
		last = a->last < pin->last ? a->last : pin->last;
		byte = a->start + (at - a->first);
		if (a->prevented || byte % PAGE ||
		    (last != pin->last && (a->start + (a->last - a->first) + 1) % PAGE))
			return -EINVAL;
		if (!(a->prot & (write ? IOMMU_WRITE : IOMMU_READ)))
			return -EPERM;
		rc = expect_hold(w, a->source, area_page(a, at), area_page(a, last));
		if (rc || last == pin->last)
			return rc;
		at = last + 1;
	}
}

static void do_pin(struct world *w)
{
	struct pin *slot = &w->pin[below(w, PINS)];
	struct pin pin = {.used = true, .space = (unsigned)below(w, SPACES)};
	struct space *space = &w->space[pin.space];
	const bool write = below(w, 2);
	pa_t pages[64];
	int expected, rc;

	if (slot->used) {
		iopt_unpin(w->space[slot->space].iopt, slot->first, slot->last - slot->first + 1);
		slot->used = false;
		return;
	}
	if (!space->access)
		return;
	pin.first = random_iova(w);
	if (w->areas && below(w, 3))
		pin.first = w->area[below(w, w->areas)].first;
	pin.last = pin.first + random_length(w) - 1;
	/* What one area's part makes pinned is not fresh for the next: one source may be in both.
	 */
	const struct area *a = area_in(w, pin.space, pin.first, pin.first);

	if (a && a->last < pin.last && below(w, 4))
		pin.last = a->last;
	expected = expect_pin(w, &pin, write);
	rc = iopt_pin(space->iopt, pin.first, pin.last - pin.first + 1, pages, write);
	if (expected == -ENOMEM && a->last < pin.last)
		expected = rc; /* see above */
	ck_assert_msg(rc == expected, "seed %llu step %u: pin %d, expected %d",
		      (unsigned long long)w->seed, w->step, rc, expected);
	if (rc)
		return;
	*slot = pin;
	for (uint64_t at = pin.first, n = 0; at <= pin.last; at += PAGE, n++) {
		a = area_in(w, pin.space, at, at);
		CHECK(w, rig_stamp(&w->rig, pages[n]) ==
				 stamp_of(&w->source[a->source],
					  w->source[a->source].page + area_page(a, at)));
	}
}

static bool is_held(const struct world *w, unsigned source, uint64_t i)
{
	uint8_t users[SOURCE_PAGES];

	count_users(w, source, users);
	return users[i] != 0;
}

/* One page of a transfer. */
static int expect_rw_page(const struct world *w, const struct area *a, uint64_t iova, bool write,
			  bool slow)
{
	const struct source *source = &w->source[a->source];
	const uint64_t i = area_page(a, iova);
	const bool own = source->task == 0;

	if (a->prevented)
		return -EINVAL;
	if (!(a->prot & (write ? IOMMU_WRITE : IOMMU_READ)))
		return -EPERM;
	if (source->file || slow || !own)
		return is_held(w, a->source, i) ? 0 : expect_pin_page(w, source, i);
	return is_hole(source, source->page + i) ||
			       (write && is_read_only(source, source->page + i))
		       ? -EFAULT
		       : 0;
}

static void do_rw(struct world *w)
{
	const unsigned s = (unsigned)below(w, SPACES);
	const bool write = below(w, 2), slow = below(w, 2);
	const uint64_t first = w->areas ? w->area[below(w, w->areas)].first : random_iova(w);
	const uint64_t length = 1 + below(w, 3 * PAGE);
	static uint8_t data[4 * PAGE];
	int expected = 0, rc;

	memset(data, 0xa5, sizeof(data));
	/* Writing puts back what is there. */
	if (write && iopt_rw(w->space[s].iopt, first, data, length, false, true))
		return;
	for (uint64_t i = 0; i < length && !expected;) {
		const struct area *a = area_in(w, s, first + i, first + i);
		uint64_t next;

		expected = a ? expect_rw_page(w, a, first + i, write, slow) : -ENOENT;
		if (expected)
			break;
		/* On to the next page of the source, or the next area. */
		next = i + PAGE - (a->start + (first + i - a->first)) % PAGE;
		i = next - 1 < a->last - first ? next : a->last - first + 1;
	}
	rc = iopt_rw(w->space[s].iopt, first, data, length, write, slow);
	ck_assert_msg(rc == expected, "seed %llu step %u: rw %d, expected %d",
		      (unsigned long long)w->seed, w->step, rc, expected);
	for (uint64_t i = 0; i + 8 <= length && !rc; i++) {
		const struct area *a = area_in(w, s, first + i, first + i);
		const uint64_t byte = a->start + (first + i - a->first);
		const struct source *source = &w->source[a->source];
		uint64_t stamp;

		if (byte % RIG_HALF || a->last - (first + i) < 7)
			continue;
		memcpy(&stamp, data + i, sizeof(stamp));
		CHECK(w, stamp == stamp_of(source, source->page + byte / PAGE) +
					  byte % PAGE / RIG_HALF);
	}
}

/* The second process ends, once; what it mapped goes on. */
static void do_exit(struct world *w)
{
	if (w->gone || below(w, 60))
		return;
	mm_sim_exit(w->task[1]->mm);
	w->task[1]->exited = true;
	w->gone = true;
}

/* ---- a world ---- */

static void world_memory(struct world *w)
{
	for (unsigned t = 0; t < TASKS; t++) {
		struct mm *mm = w->task[t]->mm;

		for (uint64_t page = 0; page < RIG_PAGES; page += 64) {
			const uint64_t va = RIG_VA + page * PAGE;

			rig_memory(&w->rig, mm, va, 62, (enum mm_contiguity)(page / 64),
				   task_stamp[t] + page);
			ck_assert_int_eq(mm_sim_protect(mm, va + 58 * PAGE, 2 * PAGE, MM_READ), 0);
		}
	}
	for (uint64_t i = 0; i < 2 * FILE_PAGES; i++) {
		const uint64_t stamp = 2 * UINT64_C(0x3000) + i;

		ck_assert_int_eq(w->file->ops->pwrite(w->file, &w->rig.caller, (uintptr_t)&stamp,
						      sizeof(stamp), i * RIG_HALF),
				 sizeof(stamp));
	}
}

static void world_open(struct world *w, uint64_t seed)
{
	const struct memfd_cfg cfg = {.size = FILE_PAGES * PAGE, .contiguity = MM_RUN_SEEDED};
	int error;

	memset(w, 0, sizeof(*w));
	rig_open(&w->rig, seed % 2 ? "7.2" : "6.12");
	w->rig.units[1].pgsizes = PAGE | SIO_BIT(16);
	w->rig.units[2].pgsizes = RIG_HALF;
	w->rig.units[3].pgsizes = RIG_HALF | SIO_BIT(14);
	w->rig.units[3].aperture_first = 0x4000;
	rig_boot(&w->rig);
	w->seed = seed;
	w->rng.state = seed;
	w->file = memfd_create_file(w->rig.phys, &cfg, &error);
	ck_assert_ptr_nonnull(w->file);
	w->task[0] = w->rig.task;
	w->task[1] = rig_task(&w->rig, 11);
	w->task[0]->rlimit_memlock = 40 * PAGE;
	w->task[1]->rlimit_memlock = 24 * PAGE + 5;
	world_memory(w);
	for (unsigned i = 0; i < SPACES; i++) {
		w->space[i].iopt = iopt_create(&w->rig.iommu, &w->temp_memory);
		ck_assert_ptr_nonnull(w->space[i].iopt);
		w->space[i].world = w;
		w->space[i].number = i;
	}
}

static void world_close(struct world *w)
{
	for (unsigned i = 0; i < SPACES; i++) {
		struct space *space = &w->space[i];

		if (space->access)
			access_end(w, i);
		while (space->domains) {
			struct iommu_domain *domain = space->domain[--space->domains];

			iopt_remove_domain(space->iopt, domain);
			iommu_domain_free(domain);
		}
		iopt_destroy(space->iopt);
	}
	file_put(w->file);
	if (!w->gone)
		mm_sim_exit(w->task[1]->mm);
	task_put(w->task[1]);
	rig_close(&w->rig);
}

START_TEST(random_operations_agree_with_a_flat_model)
{
	static void (*const operation[])(struct world *) = {
		do_map,    do_map, do_map,    do_map,    do_copy,   do_copy,    do_unmap,
		do_unmap,  do_cut, do_domain, do_domain, do_option, do_reserve, do_allow,
		do_access, do_pin, do_pin,    do_pin,    do_rw,     do_exit,
	};
	static struct world world;
	const char *seed = getenv("IOMMUFD_SEED");

	world_open(&world, seed ? (uint64_t)strtoull(seed, NULL, 0) : (unsigned)_i);
	for (world.step = 0; world.step < STEPS; world.step++) {
		if (world.areas + 32 > AREAS)
			break;
		operation[below(&world, SIO_ARRAY_SIZE(operation))](&world);
		check_world(&world);
	}
	world_close(&world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd pages against a model");
	TCase *tcase = tcase_create("model");

	tcase_set_timeout(tcase, 0);
	tcase_add_loop_test(tcase, random_operations_agree_with_a_flat_model, 1, 61);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
