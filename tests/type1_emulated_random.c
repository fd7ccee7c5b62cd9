// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random sessions of emulated devices beside groups behind an IOMMU: after every operation the
 * charge, the pins and the dirty bits are what a recount by page says.
 *
 * The model knows three facts: what is mapped, how often each page is pinned by devices, and
 * whether a group behind an IOMMU is there. Everything expected follows from these.
 */
#include "emulated_rig.h"

#include "prng.h"

#define SLOTS      12u
#define SLOT_PAGES 32u
#define SLOT_STEP  64u /* pages from one slot's address to the next */
#define BASE       UINT64_C(0x400000)
#define STEPS      700u

struct slot {
	bool mapped, lock_cap;
	unsigned pages;
	unsigned pins[SLOT_PAGES];
	uint32_t dirty; /* as stored */
};

static struct {
	struct rig rig;
	struct prng rng;
	uint64_t seed, memory, limit;
	unsigned step;
	struct slot slot[SLOTS];
	bool in[DEVICES];               /* in the container; emulated ones are open as well */
	bool lock_cap, tracking, fills; /* fills: a group that leaves makes everything dirty */
	bool has_dirty, fails_clean;
} world;

static unsigned below(unsigned n)
{
	return (unsigned)prng_below(&world.rng, n);
}

static uint64_t slot_iova(unsigned i)
{
	return BASE + (uint64_t)i * SLOT_STEP * PAGE;
}

static unsigned iommus(void)
{
	return (unsigned)world.in[A] + world.in[B];
}

static unsigned emulated(void)
{
	return (unsigned)world.in[V0] + world.in[V1] + world.in[V2];
}

static unsigned held(const struct slot *slot)
{
	unsigned count = 0;

	for (unsigned i = 0; i < slot->pages; i++)
		count += slot->pins[i] != 0;
	return count;
}

static uint32_t held_bits(const struct slot *slot)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < slot->pages; i++)
		bits |= slot->pins[i] ? UINT32_C(1) << i : 0;
	return bits;
}

static uint32_t all_bits(const struct slot *slot)
{
	return UINT32_MAX >> (SLOT_PAGES - slot->pages);
}

static uint64_t charge(void)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		if (world.slot[i].mapped)
			pages += iommus() ? world.slot[i].pages : held(&world.slot[i]);
	return pages;
}

static uint64_t pins(void)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		if (world.slot[i].mapped)
			pages += held(&world.slot[i]) + (iommus() ? world.slot[i].pages : 0);
	return pages;
}

static void check(const char *what, int64_t rc, int64_t expected)
{
	ck_assert_msg(rc == expected, "seed 0x%llx step %u: %s: %lld, not %lld",
		      (unsigned long long)world.seed, world.step, what, (long long)rc,
		      (long long)expected);
	ck_assert_msg(rig_locked(&world.rig) == charge(),
		      "seed 0x%llx step %u: %s: %llu pages charged, not %llu",
		      (unsigned long long)world.seed, world.step, what,
		      (unsigned long long)rig_locked(&world.rig), (unsigned long long)charge());
	ck_assert_msg(rig_pinned(&world.rig) == pins(),
		      "seed 0x%llx step %u: %s: %llu pages pinned, not %llu",
		      (unsigned long long)world.seed, world.step, what,
		      (unsigned long long)rig_pinned(&world.rig), (unsigned long long)pins());
}

/* Some emulated device that is open; the caller knows that there is one. */
static struct sio_device *some_device(void)
{
	unsigned i = below(EMULATED);

	while (!world.in[i])
		i = (i + 1) % EMULATED;
	return world.rig.dev[i].device;
}

static void give_back(unsigned i)
{
	struct slot *slot = &world.slot[i];

	for (unsigned page = 0; page < slot->pages; page++)
		for (; slot->pins[page]; slot->pins[page]--)
			ck_assert_int_eq(sio_device_unpin_pages(some_device(),
								slot_iova(i) + page * PAGE, 1),
					 1);
}

static void give_back_all(void)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (world.slot[i].mapped)
			give_back(i);
}

static void asked(struct rig_device *dev)
{
	unsigned i = (unsigned)((dev->asked_iova - BASE) / (SLOT_STEP * PAGE));

	ck_assert_uint_lt(i, SLOTS);
	ck_assert_uint_eq(dev->asked_iova, slot_iova(i));
	ck_assert_uint_eq(dev->asked_size, world.slot[i].pages * PAGE);
	give_back(i);
}

static void forget_mappings(void)
{
	memset(world.slot, 0, sizeof(world.slot));
	world.tracking = false;
}

/* ---- operations ---- */

static void do_map(void)
{
	unsigned i = below(SLOTS), pages = 1 + below(SLOT_PAGES);
	uint64_t va = world.memory + below(512) * PAGE;
	int rc, expected = world.slot[i].mapped ? -EEXIST : 0;

	if (!expected && iommus() && !world.lock_cap && charge() + pages > world.limit)
		expected = -ENOMEM;
	rc = rig_map(&world.rig, slot_iova(i), va, pages);
	if (!rc)
		world.slot[i] =
			(struct slot){.mapped = true, .lock_cap = world.lock_cap, .pages = pages};
	check("map", rc, expected);
}

static void do_unmap(void)
{
	unsigned first = below(SLOTS), count = 1 + below(3);
	int64_t rc, expected = 0;

	if (first + count > SLOTS)
		count = SLOTS - first;
	for (unsigned i = first; i < first + count; i++)
		expected += world.slot[i].mapped ? world.slot[i].pages : 0;
	rc = rig_unmap(&world.rig, slot_iova(first), count * SLOT_STEP, 0);
	for (unsigned i = first; i < first + count; i++)
		world.slot[i] = (struct slot){0};
	check("unmap", rc, expected);
}

static void do_pin(void)
{
	unsigned i = below(SLOTS), first = below(SLOT_PAGES), count = 1 + below(6), fresh = 0;
	struct slot *slot = &world.slot[i];
	uint64_t address[8];
	int rc, expected = (int)count;

	for (unsigned page = first; page < first + count; page++) {
		if (!slot->mapped || page >= slot->pages) {
			expected = -EINVAL;
			break;
		}
		fresh += !slot->pins[page];
		if (!iommus() && !slot->lock_cap && !slot->pins[page] &&
		    charge() + fresh > world.limit) {
			expected = -ENOMEM;
			break;
		}
	}
	rc = sio_device_pin_pages(some_device(), slot_iova(i) + first * PAGE, count, SIO_PROT_RW,
				  address);
	for (unsigned page = first; rc > 0 && page < first + count; page++) {
		if (!slot->pins[page]++ && world.tracking)
			slot->dirty |= UINT32_C(1) << page;
	}
	/* Pages tried before the failure are dirty all the same. */
	if (rc < 0 && world.tracking && slot->mapped)
		for (unsigned page = first; page < first + count && page < slot->pages; page++) {
			if (slot->pins[page])
				continue;
			if (rc == -ENOMEM && !--fresh)
				break;
			slot->dirty |= UINT32_C(1) << page;
		}
	check("pin", rc, expected);
}

static void do_unpin(void)
{
	unsigned i = below(SLOTS), first = below(SLOT_PAGES), count = 1 + below(6);
	struct slot *slot = &world.slot[i];
	int rc, expected = 0;

	while (slot->mapped && expected < (int)count && first + (unsigned)expected < slot->pages)
		expected++;
	rc = sio_device_unpin_pages(some_device(), slot_iova(i) + first * PAGE, count);
	for (unsigned page = first; page < first + (unsigned)expected; page++)
		slot->pins[page] -= slot->pins[page] != 0;
	check("unpin", rc, expected ? expected : -EINVAL);
}

/* What joining costs when the first group behind an IOMMU comes, mapping by mapping. */
static int replay_answer(void)
{
	uint64_t locked = charge();

	for (unsigned i = 0; i < SLOTS && !iommus(); i++) {
		const struct slot *slot = &world.slot[i];
		unsigned price = slot->pages - held(slot);

		if (!slot->mapped)
			continue;
		if (!slot->lock_cap && price && locked + price > world.limit)
			return -ENOMEM;
		locked += price;
	}
	return 0;
}

static void leave(unsigned i)
{
	bool last = iommus() + emulated() == 1;

	/* The pins must be given back while somebody can. */
	if (i < EMULATED && emulated() == 1)
		give_back_all();
	if (i < EMULATED)
		rig_close(&world.rig, i);
	ck_assert_int_eq(rig_leave(&world.rig, i), 0);
	world.in[i] = false;
	if (last)
		forget_mappings();
	if (i >= EMULATED && world.tracking && world.fills)
		for (unsigned s = 0; s < SLOTS; s++)
			if (world.slot[s].mapped)
				world.slot[s].dirty = all_bits(&world.slot[s]);
	check("leave", 0, 0);
}

static void do_group(void)
{
	unsigned i = below(DEVICES);
	int rc, expected;

	if (world.in[i]) {
		if (iommus() + emulated() > 1 && (i >= EMULATED || emulated() > 1))
			leave(i);
		return;
	}
	expected = i < EMULATED ? 0 : replay_answer();
	/* What a failed replay leaves behind before 5.9 is no mapping's. */
	if (expected && !world.fails_clean)
		return;
	rc = rig_join(&world.rig, i);
	world.in[i] = !rc;
	if (!rc && i < EMULATED)
		rig_open(&world.rig, i);
	check("join", rc, expected);
}

static void do_limit(void)
{
	world.lock_cap = below(2);
	world.limit = charge() + below(64);
	sio_process_set_caps(world.rig.process, world.lock_cap ? SIO_CAP_IPC_LOCK : 0);
	sio_process_set_memlock(world.rig.process, world.limit * PAGE);
}

static void do_track(void)
{
	world.tracking = !world.tracking;
	ck_assert_int_eq(rig_dirty(&world.rig, world.tracking ? VFIO_IOMMU_DIRTY_PAGES_FLAG_START
							      : VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP),
			 0);
	for (unsigned i = 0; i < SLOTS; i++)
		world.slot[i].dirty = held_bits(&world.slot[i]);
}

static void do_report(void)
{
	unsigned i = below(SLOTS);
	struct slot *slot = &world.slot[i];
	uint64_t bits;

	if (!world.tracking || !slot->mapped)
		return;
	bits = rig_dirty_bits(&world.rig, slot_iova(i), slot->pages);
	check("dirty bits", (int64_t)bits, iommus() ? all_bits(slot) : slot->dirty);
	slot->dirty = held_bits(slot);
}

static void do_write(void)
{
	unsigned i = below(SLOTS), first = below(SLOT_PAGES);
	struct slot *slot = &world.slot[i];
	char bytes[100] = "";
	uint64_t at = first * PAGE + below(4096), last = (at + sizeof(bytes) - 1) / PAGE;
	int rc, expected = slot->mapped && last < slot->pages ? 0 : -EINVAL;

	rc = sio_device_dma_rw(some_device(), NULL, slot_iova(i) + at, bytes, sizeof(bytes), true);
	if (world.tracking && slot->mapped)
		for (uint64_t page = first; page <= last && page < slot->pages; page++)
			slot->dirty |= UINT32_C(1) << page;
	check("write", rc, expected);
}

static void one_step(void)
{
	unsigned what = below(100);

	if (what < 22)
		do_map();
	else if (what < 32)
		do_unmap();
	else if (what < 60)
		do_pin();
	else if (what < 75)
		do_unpin();
	else if (what < 85)
		do_group();
	else if (what < 88)
		do_limit();
	else if (world.has_dirty && what < 91)
		do_track();
	else if (world.has_dirty && what < 96)
		do_report();
	else if (world.has_dirty)
		do_write();
}

static const struct {
	const char *kernel;
	bool has_dirty, fills, fails_clean;
} kernels[] = {
	{"4.10", false, false, false}, {"5.4", false, false, false}, {"5.10", true, false, true},
	{"5.12", true, true, true},    {"6.1", true, true, true},    {"6.12", true, true, true},
	{"7.2", true, true, true},
};

START_TEST(every_page_is_charged_and_pinned_as_a_recount_says)
{
	struct sio_mem mem = {.size = (512 + SLOT_PAGES) * PAGE, .prot = SIO_PROT_RW};

	memset(&world, 0, sizeof(world));
	world.seed = 0xe301 + (uint64_t)_i;
	world.rng.state = world.seed;
	world.has_dirty = kernels[_i].has_dirty;
	world.fills = kernels[_i].fills;
	world.fails_clean = kernels[_i].fails_clean;
	printf("seed 0x%llx\n", (unsigned long long)world.seed);
	world.lock_cap = true;
	rig_start(&world.rig, kernels[_i].kernel, V0);
	world.in[V0] = true;
	for (unsigned i = 0; i < EMULATED; i++) {
		world.rig.dev[i].stubborn = true;
		world.rig.dev[i].when_asked = asked;
	}
	mem.contiguity = _i % 3 == 0 ? SIO_RUN_4K : _i % 3 == 1 ? SIO_RUN_SEEDED : SIO_RUN_2M;
	ck_assert_int_eq(sio_mem_map(world.rig.process, &mem, &world.memory), 0);
	for (uint64_t page = 0; page < 512 + SLOT_PAGES; page++)
		ck_assert_int_eq(sio_mem_write(world.rig.process, world.memory + page * PAGE, "",
					       1),
				 0);
	for (world.step = 0; world.step < STEPS; world.step++) {
		one_step();
		rig_audit(&world.rig);
	}
	give_back_all();
	check("end", 0, 0);
	rig_halt(&world.rig);
}
END_TEST

static Suite *build_suite(void)
{
	Suite *suite = suite_create("type1 emulated devices, random");
	TCase *tcase = tcase_create("random");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, every_page_is_charged_and_pinned_as_a_recount_says, 0,
			    sizeof(kernels) / sizeof(kernels[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	Suite *suite = build_suite();

	return run_suite(suite);
}
