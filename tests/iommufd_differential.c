// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same operations on type1 v2, on an iommufd as VFIO container, and on an iommufd by itself:
 * the same answers and the same translations, but for the differences that are known.
 *
 * Each side has a list of pages with what lies there, kept by the rules of that side alone; it says
 * what every answer has to be, and what the device has to see at every page.
 */
#include "base.h"
#include "iommufd_sides.h"
#include "prng.h"

#define PAGE   4096u
#define BASE   UINT64_C(0x10000000)
#define WINDOW 64u /* pages of device addresses */
#define MEMORY 96u /* pages of memory, with a hole */
#define HOLE   64u
#define HOLES  8u
#define STEPS  600u

static const char *const platforms[] = {"vtd48",     "vtd39", "vtd48sm",
					"vtd57nest", "amdvi", "amdvi-full"};
static const char *const kernels[] = {"6.12", "7.2"};

/* ---- what each side should have ---- */

struct slot {
	unsigned mapping; /* 0: nothing */
	unsigned page;    /* of memory */
	uint32_t prot;
};

struct model {
	struct slot slot[WINDOW];
	unsigned mappings; /* so far */
	unsigned limit;    /* pages */
};

static struct side sides[SIDES];
static struct model models[SIDES];
static uint64_t tags[MEMORY];
static uint64_t seed;
static unsigned step;

#define EXPECT(side, cond, ...)                                                             \
	do {                                                                                \
		if (!(cond)) {                                                              \
			printf("seed %#llx, step %u, %s: ", (unsigned long long)seed, step, \
			       side_names[(side)->kind]);                                   \
			printf(__VA_ARGS__);                                                \
			printf("\n");                                                       \
			ck_abort_msg("the sides differ in what they should not");           \
		}                                                                           \
	} while (0)

static unsigned model_pages(const struct model *model)
{
	unsigned count = 0;

	for (unsigned i = 0; i < WINDOW; i++)
		count += model->slot[i].mapping != 0;
	return count;
}

struct op {
	enum { MAP, UNMAP, UNMAP_ALL, WRITE_DMA } what;
	unsigned first, count, page;
	uint32_t prot;
	uint64_t skew; /* bytes by which the address is off */
};

static bool model_overlaps(const struct model *model, const struct op *op)
{
	for (unsigned i = op->first; i < op->first + op->count; i++)
		if (model->slot[i].mapping)
			return true;
	return false;
}

static bool touches_hole(const struct op *op)
{
	return op->page < HOLE + HOLES && op->page + op->count > HOLE;
}

/* Order matters: all sides test for overlap before they look at memory, but only VFIO's MAP on an
 * iommufd leaves it to the IOMMU's driver to refuse a mapping that allows nothing. */
static int model_map(struct model *model, int kind, const struct op *op)
{
	if (!op->count || op->skew)
		return -EINVAL;
	if (!op->prot && kind != COMPAT)
		return -EINVAL;
	if (model_overlaps(model, op))
		return -EEXIST;
	if (touches_hole(op))
		return -EFAULT;
	if (model_pages(model) + op->count > model->limit)
		return -ENOMEM;
	if (!op->prot)
		return -EINVAL;
	model->mappings++;
	for (unsigned i = 0; i < op->count; i++)
		model->slot[op->first + i] = (struct slot){model->mappings, op->page + i, op->prot};
	return 0;
}

/* Whether the mapping of this page has bytes outside the range. A range that is askew has half of
 * its first page and half of the one behind it. */
static bool sticks_out(const struct model *model, unsigned at, const struct op *op)
{
	const unsigned mapping = model->slot[at].mapping, first = op->first + (op->skew != 0);

	for (unsigned i = 0; i < WINDOW; i++)
		if (model->slot[i].mapping == mapping && (i < first || i >= op->first + op->count))
			return true;
	return false;
}

static unsigned end_of(const struct op *op)
{
	const unsigned end = op->first + op->count + (op->skew != 0);

	return end < WINDOW ? end : WINDOW;
}

static uint64_t model_remove(struct model *model, unsigned mapping)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < WINDOW; i++) {
		if (model->slot[i].mapping != mapping)
			continue;
		model->slot[i].mapping = 0;
		bytes += PAGE;
	}
	return bytes;
}

/* *size as given, or as it should become. */
static int model_unmap(struct model *model, int kind, const struct op *op, uint64_t *size)
{
	uint64_t removed = 0;
	int rc = 0;

	if (!op->count || (op->skew && kind == TYPE1))
		return -EINVAL;
	/* type1 looks at both ends before it removes anything; iommufd goes from the lowest. */
	for (unsigned i = op->first; i < end_of(op) && kind == TYPE1; i++)
		if (model->slot[i].mapping && sticks_out(model, i, op))
			return -EINVAL;
	for (unsigned i = op->first; i < end_of(op) && !rc; i++) {
		if (!model->slot[i].mapping)
			continue;
		if (sticks_out(model, i, op))
			rc = -ENOENT;
		else
			removed += model_remove(model, model->slot[i].mapping);
	}
	if (!rc && !removed && kind == NATIVE)
		rc = -ENOENT;
	if (!rc || kind == COMPAT)
		*size = removed;
	return rc;
}

/* ---- the device's view ---- */

/* Reads of what may only be written are the IOMMU's affair: -1. */
static int may_read(const struct slot *slot)
{
	if (!slot->mapping)
		return 0;
	return slot->prot & VFIO_DMA_MAP_FLAG_READ ? 1 : -1;
}

static void check_page(unsigned at)
{
	const struct slot *first = &models[TYPE1].slot[at];
	int answers[SIDES];

	for (int kind = 0; kind < SIDES; kind++) {
		const struct side *side = &sides[kind];
		const struct slot *slot = &models[kind].slot[at];
		uint64_t got = 0;
		int rc = sio_dma_read(sio_device_find(side->rig.machine, "A"),
				      BASE + at * (uint64_t)PAGE, &got, sizeof(got), NULL);

		answers[kind] = rc;
		if (may_read(slot) >= 0)
			EXPECT(side, rc == (may_read(slot) ? 0 : -EACCES), "page %u reads %d", at,
			       rc);
		if (!rc)
			EXPECT(side, got == tags[slot->page], "page %u has %#llx", at,
			       (unsigned long long)got);
		/* Where both have the same, both answer the same. */
		if (slot->prot == first->prot && !slot->mapping == !first->mapping)
			EXPECT(side, rc == answers[TYPE1], "page %u reads %d, of type1 %d", at, rc,
			       answers[TYPE1]);
	}
}

/* The device writes one word where it may: what was there is what it sees from now on. */
static void check_write(unsigned at)
{
	const uint64_t word = tags[0] ^ (step * UINT64_C(0x10001));

	for (int kind = 0; kind < SIDES; kind++) {
		const struct side *side = &sides[kind];
		const struct slot *slot = &models[kind].slot[at];
		const bool may = slot->mapping && (slot->prot & VFIO_DMA_MAP_FLAG_WRITE);
		uint64_t got = 0;
		int rc = sio_dma_write(sio_device_find(side->rig.machine, "A"),
				       BASE + at * (uint64_t)PAGE + 8, &word, sizeof(word), NULL);

		EXPECT(side, rc == (may ? 0 : -EACCES), "page %u written: %d", at, rc);
		if (!may)
			continue;
		ck_assert_int_eq(sio_mem_read(side->rig.process,
					      side->memory + slot->page * (uint64_t)PAGE + 8, &got,
					      sizeof(got)),
				 0);
		EXPECT(side, got == word, "page %u was not written", at);
	}
}

/* ---- operations ---- */

static void run_map(struct side *side, struct model *model, const struct op *op)
{
	const struct dma_range range = {
		.iova = BASE + op->first * (uint64_t)PAGE + op->skew,
		.va = side->memory + op->page * (uint64_t)PAGE,
		.size = op->count * (uint64_t)PAGE,
		.flags = op->prot,
	};
	const int want = model_map(model, side->kind, op), got = side_map(side, &range);

	EXPECT(side, got == want, "MAP of %u pages at %u: %d, not %d", op->count, op->first, got,
	       want);
}

static void run_unmap(struct side *side, struct model *model, const struct op *op)
{
	uint64_t size = op->count * (uint64_t)PAGE, want_size = size;
	const int want = model_unmap(model, side->kind, op, &want_size);
	const int got = side_unmap(side, 0, BASE + op->first * (uint64_t)PAGE + op->skew, &size);

	EXPECT(side, got == want && size == want_size,
	       "UNMAP of %u pages at %u: %d with %#llx, not %d with %#llx", op->count, op->first,
	       got, (unsigned long long)size, want, (unsigned long long)want_size);
}

static void run_unmap_all(struct side *side, struct model *model)
{
	uint64_t size = 0, want = model_pages(model) * (uint64_t)PAGE;
	const int got = side_unmap(side, VFIO_DMA_UNMAP_FLAG_ALL, 0, &size);

	EXPECT(side, got == 0 && size == want, "UNMAP of all: %d with %#llx", got,
	       (unsigned long long)size);
	memset(model->slot, 0, sizeof(model->slot));
}

/* Mostly what works; every kind of mistake now and then. */
static struct op choose(struct prng *rng, const struct model *model)
{
	struct op op = {.first = (unsigned)prng_below(rng, WINDOW), .prot = 3};
	const unsigned dice = (unsigned)prng_below(rng, 100);

	op.what = dice < 50 ? MAP : dice < 85 ? UNMAP : dice < 97 ? WRITE_DMA : UNMAP_ALL;
	op.count = 1 + (unsigned)prng_below(rng, prng_below(rng, 4) ? 4 : 20);
	if (op.first + op.count > WINDOW)
		op.count = WINDOW - op.first;
	if (!prng_below(rng, 20))
		op.count = 0;
	if (!prng_below(rng, 20))
		op.skew = PAGE / 2;
	if (op.what == MAP) {
		op.prot = prng_below(rng, 8) ? 1 + (uint32_t)prng_below(rng, 3) : 0;
		op.page = (unsigned)prng_below(rng, MEMORY - op.count);
		/* One mistake of memory at a time: which of them comes first differs. */
		if (!op.prot || model_pages(model) + op.count > model->limit)
			op.page %= HOLE - op.count;
		if (!op.prot && model_pages(model) + op.count > model->limit)
			op.prot = 3;
	}
	return op;
}

static void run(struct prng *rng)
{
	struct op op = choose(rng, &models[TYPE1]);

	/* Where the sides have come apart, a full limit may be reached by one alone. */
	for (int kind = COMPAT; kind < SIDES && op.what == MAP; kind++)
		if (model_pages(&models[kind]) + op.count > models[kind].limit && touches_hole(&op))
			op.page = 0;
	for (int kind = 0; kind < SIDES; kind++) {
		if (op.what == MAP)
			run_map(&sides[kind], &models[kind], &op);
		else if (op.what == UNMAP)
			run_unmap(&sides[kind], &models[kind], &op);
		else if (op.what == UNMAP_ALL)
			run_unmap_all(&sides[kind], &models[kind]);
	}
	if (op.what == WRITE_DMA)
		check_write(op.first);
	for (unsigned i = op.first; i < op.first + op.count; i++)
		check_page(i);
	check_page((unsigned)prng_below(rng, WINDOW));
}

static void check_all(void)
{
	for (unsigned at = 0; at < WINDOW; at++)
		check_page(at);
	for (int kind = 0; kind < SIDES; kind++)
		rig_audit(&sides[kind].rig);
}

/* Sides that have come apart begin again from nothing. */
static bool apart(void)
{
	for (int kind = COMPAT; kind < SIDES; kind++)
		for (unsigned i = 0; i < WINDOW; i++)
			if (!models[kind].slot[i].mapping != !models[TYPE1].slot[i].mapping)
				return true;
	return false;
}

static void boot(unsigned n, unsigned limit)
{
	sides_boot(sides, kernels[n / SIO_ARRAY_SIZE(platforms) % SIO_ARRAY_SIZE(kernels)],
		   platforms[n % SIO_ARRAY_SIZE(platforms)], 0, MEMORY * (uint64_t)PAGE);
	for (int kind = 0; kind < SIDES; kind++) {
		struct side *side = &sides[kind];

		models[kind] = (struct model){.limit = limit ? limit : WINDOW};
		for (unsigned i = 0; i < MEMORY; i++) {
			tags[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
			rig_poke(&side->rig, side->memory + i * (uint64_t)PAGE, tags[i]);
		}
		ck_assert_int_eq(sio_mem_unmap(side->rig.process,
					       side->memory + HOLE * (uint64_t)PAGE,
					       HOLES * (uint64_t)PAGE),
				 0);
		if (!limit)
			continue;
		sio_process_set_caps(side->rig.process, 0);
		sio_process_set_memlock(side->rig.process, limit * (uint64_t)PAGE);
	}
}

START_TEST(random_operations_are_answered_by_the_rules_of_each_side)
{
	struct prng rng = {seed = 0xd1ff + (unsigned)_i};
	unsigned parted = 0;

	boot((unsigned)_i, _i % 2 ? 40 : 0);
	for (step = 0; step < STEPS; step++) {
		run(&rng);
		if (step % 32 == 31)
			check_all();
		if (apart() && ++parted > 8) {
			parted = 0;
			for (int kind = 0; kind < SIDES; kind++)
				run_unmap_all(&sides[kind], &models[kind]);
		}
	}
	check_all();
	sides_halt(sides);
}
END_TEST

/* ---- the differences, one by one ---- */

static void map_answers(struct dma_range range, const int want[SIDES])
{
	for (int kind = 0; kind < SIDES; kind++) {
		const int got = side_map(&sides[kind], &range);

		EXPECT(&sides[kind], got == want[kind], "MAP at %#llx: %d, not %d",
		       (unsigned long long)range.iova, got, want[kind]);
	}
}

static void unmap_answers(uint64_t iova, uint64_t size, const int want[SIDES],
			  const uint64_t want_size[SIDES])
{
	for (int kind = 0; kind < SIDES; kind++) {
		uint64_t got_size = size;
		const int got = side_unmap(&sides[kind], 0, iova, &got_size);

		EXPECT(&sides[kind], got == want[kind] && got_size == want_size[kind],
		       "UNMAP at %#llx: %d with %#llx", (unsigned long long)iova, got,
		       (unsigned long long)got_size);
	}
}

#define ALL(value) ((const int[SIDES]){value, value, value})

START_TEST(unmap_differs_in_what_it_finds_and_tells)
{
	const uint64_t four = 4 * PAGE;

	boot((unsigned)_i, 0);
	map_answers((struct dma_range){BASE, sides[0].memory, four, 3}, ALL(0));
	map_answers((struct dma_range){BASE + four, sides[0].memory, four, 3}, ALL(0));
	/* The lowest goes whole, the next would be cut: iommufd keeps what it has done. */
	unmap_answers(BASE, four + PAGE, (const int[SIDES]){-EINVAL, -ENOENT, -ENOENT},
		      (const uint64_t[SIDES]){four + PAGE, four, four + PAGE});
	/* type1 still has the first. */
	unmap_answers(BASE, four, (const int[SIDES]){0, 0, -ENOENT},
		      (const uint64_t[SIDES]){four, 0, four});
	unmap_answers(BASE, four, (const int[SIDES]){0, 0, -ENOENT},
		      (const uint64_t[SIDES]){0, 0, four});
	unmap_answers(BASE + four, 0, ALL(-EINVAL), (const uint64_t[SIDES]){0, 0, 0});
	unmap_answers(BASE + four, four, ALL(0), (const uint64_t[SIDES]){four, four, four});
	sides_halt(sides);
}
END_TEST

START_TEST(map_differs_in_flags_and_permissions)
{
	struct dma_range range = {BASE, 0, PAGE, 3};

	boot((unsigned)_i, 0);
	range.va = sides[0].memory;
	map_answers(range, ALL(0));
	map_answers(range, ALL(-EEXIST));
	range.iova += PAGE;
	range.flags = 1u << 30;
	map_answers(range, (const int[SIDES]){-EINVAL, -EINVAL, -EOPNOTSUPP});
	range.flags = 0;
	map_answers(range, ALL(-EINVAL));
	range.flags = 3;
	/* The window of interrupts, and behind the aperture. */
	range.iova = 0xfee00000;
	map_answers(range, ALL(-EINVAL));
	range.iova = UINT64_C(1) << 62;
	/* 6.12's AMD driver knows no end. */
	map_answers(range, ALL(_i == 4 || _i == 5 ? 0 : -EINVAL));
	sides_halt(sides);
}
END_TEST

START_TEST(only_type1_loses_a_mapping_at_the_end_of_all_addresses)
{
	struct dma_range range = {-(uint64_t)PAGE, 0, PAGE, 3};

	sides_boot(sides, "6.12", "amdvi", 0, PAGE);
	range.va = sides[0].memory;
	map_answers(range, ALL(0));
	map_answers(range, (const int[SIDES]){0, -EEXIST, -EEXIST});
	unmap_answers(range.iova, PAGE, ALL(0), (const uint64_t[SIDES]){0, PAGE, PAGE});
	sides_halt(sides);
}
END_TEST

/* What it is not allowed to do is found out by the device that comes. */
START_TEST(a_mapping_without_permissions_waits_in_a_container_of_iommufd)
{
	struct side side = {.kind = COMPAT};
	struct dma_range range = {BASE, 0, PAGE, 0};
	uint64_t size = PAGE;
	int group;

	rig_boot_as(&side.rig, kernels[_i], "vtd48", NULL);
	side.fd = rig_iommufd(&side.rig);
	group = rig_group(&side.rig, "A");
	ck_assert_int_eq(rig_join(&side.rig, group, side.fd), 0);
	range.va = rig_memory(&side.rig, PAGE);
	ck_assert_int_eq(side_map(&side, &range), 0);
	ck_assert_int_eq(rig_device(&side.rig, group, "A"), -EINVAL);
	ck_assert_int_eq(side_unmap(&side, 0, BASE, &size), 0);
	ck_assert_uint_eq(size, PAGE);
	ck_assert_int_ge(rig_device(&side.rig, group, "A"), 0);
	ck_assert_int_eq(side_map(&side, &range), -EINVAL);
	rig_halt(&side.rig);
}
END_TEST

START_TEST(only_type1_counts_mappings)
{
	struct dma_range range = {BASE, 0, PAGE, 3};

	sides_boot(sides, kernels[_i], "vtd48", 2, PAGE);
	range.va = sides[0].memory;
	for (unsigned i = 0; i < 2; i++, range.iova += PAGE)
		map_answers(range, ALL(0));
	map_answers(range, (const int[SIDES]){-ENOSPC, 0, 0});
	sides_halt(sides);
}
END_TEST

START_TEST(a_device_that_cannot_reach_a_mapping_does_not_join)
{
	static const int want[SIDES] = {-EINVAL, -EADDRINUSE, -EADDRINUSE};
	struct dma_range range = {UINT64_C(1) << 40, 0, PAGE, 3};

	sides_boot(sides, kernels[_i], "narrow", 0, PAGE);
	range.va = sides[0].memory;
	map_answers(range, ALL(0));
	for (int kind = 0; kind < SIDES; kind++) {
		const int got = side_add(&sides[kind], "narrow0");

		EXPECT(&sides[kind], got == want[kind], "joining: %d", got);
		rig_audit(&sides[kind].rig);
	}
	unmap_answers(range.iova, PAGE, ALL(0), (const uint64_t[SIDES]){PAGE, PAGE, PAGE});
	sides_halt(sides);
}
END_TEST

int main(void)
{
	const int machines = SIO_ARRAY_SIZE(platforms) * SIO_ARRAY_SIZE(kernels);
	Suite *suite = suite_create("iommufd_differential");
	TCase *tc = tcase_create("sides");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, random_operations_are_answered_by_the_rules_of_each_side, 0,
			    2 * machines);
	tcase_add_loop_test(tc, unmap_differs_in_what_it_finds_and_tells, 0, machines);
	tcase_add_loop_test(tc, map_differs_in_flags_and_permissions, 0, machines);
	tcase_add_test(tc, only_type1_loses_a_mapping_at_the_end_of_all_addresses);
	tcase_add_loop_test(tc, a_mapping_without_permissions_waits_in_a_container_of_iommufd, 0,
			    SIO_ARRAY_SIZE(kernels));
	tcase_add_loop_test(tc, only_type1_counts_mappings, 0, SIO_ARRAY_SIZE(kernels));
	tcase_add_loop_test(tc, a_device_that_cannot_reach_a_mapping_does_not_join, 0,
			    SIO_ARRAY_SIZE(kernels));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
