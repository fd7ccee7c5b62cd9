// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random sessions on a container against a plain list of mappings, audited after every step.
 *
 * Each seed picks v1 or v2, an aperture with or without an end (so both indexes are used), and page
 * policies. Addresses come from a small pool of pages, so that overlaps and cuts are frequent.
 */
#include "type1_fake.h"

#include "prng.h"

#define POOL_PAGES 96u
#define POOL_IOVA  UINT64_C(0x1f8000)
#define MODEL_MAX  POOL_PAGES
#define STEPS      120u

struct model_map {
	uint64_t first, last; /* pages of the pool */
	bool invalid;
};

struct model {
	struct model_map map[MODEL_MAX];
	unsigned count;
	bool v2;
	uint64_t limit_pages, locked;
	uint64_t seed; /* odd: no end of the aperture */
};

static struct fake fake;
static struct model model;

static void model_remove(unsigned at)
{
	model.locked -= model.map[at].last - model.map[at].first + 1;
	model.map[at] = model.map[--model.count];
}

/* Lowest mapping that overlaps, MODEL_MAX: none. */
static unsigned model_lowest(uint64_t first, uint64_t last)
{
	unsigned best = MODEL_MAX;

	for (unsigned i = 0; i < model.count; i++)
		if (model.map[i].first <= last && model.map[i].last >= first &&
		    (best == MODEL_MAX || model.map[i].first < model.map[best].first))
			best = i;
	return best;
}

static long model_do_map(uint64_t first, uint64_t last)
{
	if (model_lowest(first, last) != MODEL_MAX)
		return -EEXIST;
	if (model.locked + (last - first + 1) > model.limit_pages)
		return -ENOMEM;
	model.map[model.count++] = (struct model_map){.first = first, .last = last};
	model.locked += last - first + 1;
	return 0;
}

static bool model_cuts(uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < model.count; i++) {
		const struct model_map *map = &model.map[i];

		if ((map->first < first && map->last >= first) ||
		    (map->first <= last && map->last > last))
			return true;
	}
	return false;
}

static long model_do_unmap(uint64_t first, uint64_t last)
{
	long size = 0;
	unsigned at;

	if (model.v2 && model_cuts(first, last))
		return -EINVAL;
	while ((at = model_lowest(first, last)) != MODEL_MAX && model.map[at].first >= first) {
		size += (long)(model.map[at].last - model.map[at].first + 1) * 4096;
		model_remove(at);
	}
	return size;
}

/* Lowest mapping that starts at or above `from`, MODEL_MAX: none. */
static unsigned model_at_or_above(uint64_t from)
{
	unsigned best = MODEL_MAX;

	for (unsigned i = 0; i < model.count; i++)
		if (model.map[i].first >= from &&
		    (best == MODEL_MAX || model.map[i].first < model.map[best].first))
			best = i;
	return best;
}

static long model_do_invalidate(uint64_t first, uint64_t last)
{
	unsigned at = model_lowest(first, last);
	uint64_t from = first;
	long size = 0;

	if (model.v2 && model_cuts(first, last))
		return -EINVAL;
	if (at != MODEL_MAX && model.map[at].first < first)
		return 0;
	for (unsigned i = 0; i < model.count; i++)
		if (model.map[i].first >= first && model.map[i].first <= last &&
		    model.map[i].invalid)
			return -EINVAL;
	while ((at = model_at_or_above(from)) != MODEL_MAX && model.map[at].first <= last) {
		model.map[at].invalid = true;
		size += (long)(model.map[at].last - model.map[at].first + 1) * 4096;
		from = model.map[at].last + 1;
	}
	return size;
}

static long model_do_revalidate(uint64_t first, uint64_t last)
{
	unsigned at = model_lowest(first, last);

	if (at == MODEL_MAX)
		return -ENOENT;
	if (!model.map[at].invalid || model.map[at].first != first || model.map[at].last != last)
		return -EINVAL;
	model.map[at].invalid = false;
	return 0;
}

/* Half of the time a live mapping's own bounds, possibly moved by a page. */
static void pick_range(struct prng *rng, uint64_t *first, uint64_t *last)
{
	*first = prng_below(rng, POOL_PAGES);
	*last = *first + prng_below(rng, 12);
	if (model.count && prng_below(rng, 2)) {
		const struct model_map *map = &model.map[prng_below(rng, model.count)];

		*first = map->first + (prng_below(rng, 8) == 0);
		*last = map->last + (prng_below(rng, 8) == 0);
	}
	if (*last >= POOL_PAGES)
		*last = POOL_PAGES - 1;
	if (*first > *last)
		*first = *last;
}

static bool any_invalid(void)
{
	for (unsigned i = 0; i < model.count; i++)
		if (model.map[i].invalid)
			return true;
	return false;
}

/* Group 0 stays, so that there is always a domain. */
static void step_groups(struct prng *rng)
{
	unsigned i = 1 + (unsigned)prng_below(rng, FAKE_GROUPS - 1);

	if (fake.group[i]->domain == fake.group[i]->blocking_domain)
		ck_assert_int_eq(fake_attach_group(&fake, i), any_invalid() ? -EBUSY : 0);
	else
		fake_detach_group(&fake, i);
}

static void step_limit(struct prng *rng)
{
	model.limit_pages = prng_below(rng, 120);
	fake.caller.task->rlimit_memlock = model.limit_pages * 4096 + prng_below(rng, 4096);
}

static void step(struct prng *rng)
{
	uint64_t first, last, iova, size, va;
	long got = 0, expected = 0;
	const char *what;

	fake.mm->pin_most = prng_below(rng, 3);
	pick_range(rng, &first, &last);
	iova = POOL_IOVA + first * 4096;
	size = (last - first + 1) * 4096;
	va = fake_va((enum mm_contiguity)prng_below(rng, MM_RUN_WHOLE + 1)) +
	     prng_below(rng, 600) * 4096;
	switch (prng_below(rng, 12)) {
	default:
		got = fake_map(&fake, va, iova, size, 1 + (uint32_t)prng_below(rng, 3));
		expected = model_do_map(first, last);
		break;
	case 5:
	case 6:
	case 7:
		got = fake_unmap(&fake, iova, size, 0);
		expected = model_do_unmap(first, last);
		break;
	case 8:
		got = fake_unmap(&fake, iova, size, VFIO_DMA_UNMAP_FLAG_VADDR);
		expected = model_do_invalidate(first, last);
		break;
	case 9:
		got = fake_map(&fake, va, iova, size, VFIO_DMA_MAP_FLAG_VADDR);
		expected = model_do_revalidate(first, last);
		break;
	case 10:
		step_groups(rng);
		break;
	case 11:
		step_limit(rng);
		break;
	}
	ck_assert_msg(got == expected, "seed %llu: %ld instead of %ld",
		      (unsigned long long)model.seed, got, expected);
	ck_assert_msg(fake.t1->mapping_count == model.count, "seed %llu: mappings are missing",
		      (unsigned long long)model.seed);
	ck_assert_msg(fake.mm->mm.locked_pages == model.locked, "seed %llu: the charge is wrong",
		      (unsigned long long)model.seed);
	if (model.count)
		ck_assert_int_eq(fake.t1->twin_on, model.seed & 1);
	what = t1_audit(fake.t1, true);
	if (!what)
		what = t1_audit_pins(&fake.t1, 1, fake.phys);
	ck_assert_msg(!what, "seed %llu: %s", (unsigned long long)model.seed, what);
}

START_TEST(a_random_session_agrees_with_a_list_of_mappings)
{
	struct prng rng = {.state = (uint64_t)_i};

	fake_setup(&fake);
	fake.units[1].enforce = true;
	fake.units[2].driver = &fake_driver[1];
	fake.units[3].pgsizes = SIO_MASK(30, 12);
	if (_i & 1)
		for (unsigned i = 0; i < FAKE_GROUPS; i++)
			fake.units[i].aperture_last = UINT64_MAX;
	fake.params.disable_hugepages = _i % 5 == 0;
	model = (struct model){.v2 = _i & 2, .limit_pages = UINT64_MAX, .seed = (uint64_t)_i};
	fake_boot(&fake);
	fake_open(&fake, model.v2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(fake_attach_group(&fake, 0), 0);
	fake.caller.task->cap_ipc_lock = false;
	for (unsigned i = 0; i < STEPS; i++)
		step(&rng);
	fake_teardown(&fake);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("type1 random sessions");
	TCase *loops = tcase_create("random");

	tcase_set_timeout(loops, 60);
	tcase_add_loop_test(loops, a_random_session_agrees_with_a_list_of_mappings, 1, 41);
	suite_add_tcase(suite, loops);
	return run_suite(suite);
}
