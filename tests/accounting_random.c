// SPDX-License-Identifier: GPL-2.0-only
/*
 * What locked pages cost, on every kernel: random sessions against a naive model of pages.
 *
 * A session has up to three processes on one container. They map and unmap, change their memory
 * (map it anew, unmap, protect, discard, lock, a device's memory), fork, exec, exit, meet limits,
 * give mappings new addresses, track dirty pages, and groups come and go. After every operation the
 * answer and each process's VmLck are what a model says that looks at one page at a time: what a
 * page is, whether pinning it costs anything, who pays and who gets it back on that kernel.
 *
 * The containers up to 3.13 cut at any page, so to the model their mappings have one page each. In
 * 3.11 the IOMMU may remove more than was asked; which pages are left is then seen by DMA.
 *
 * Left out: ranges that end at 2^64, huge pages, and what the shape of a tree decides (an UNMAP
 * before 5.12 that meets several mappings and may stop at one).
 */
#include "accounting_model.h"
#include "core/personality.h"
#include "harness.h"

/* ---- operations on the container ---- */

static void expect(long got, long expected)
{
	if (got != expected)
		fail_at("answered %ld, not %ld", got, expected);
}

static unsigned someone(void)
{
	return s.alive[below(s.alive_count)];
}

static long ask(unsigned who, unsigned long request, void *arg)
{
	int rc = sio_ioctl(s.person[who].process, s.container, request, arg);

	return rc < 0 ? -errno : rc;
}

/* Half of the time the bounds of a live mapping, perhaps moved. */
static void choose_range(unsigned *first, unsigned *last)
{
	*first = below(POOL);
	*last = *first + below(14);
	if (s.maps && below(2)) {
		*first = s.map[below(s.maps)].first + (below(8) == 0);
		*last = s.map[below(s.maps)].last + (below(8) == 0);
		if (below(3)) {
			const struct mapping *map = &s.map[below(s.maps)];

			*first = map->first;
			*last = map->last;
		}
	}
	if (*last >= POOL)
		*last = POOL - 1;
	if (*first > *last)
		*first = *last;
}

static void do_map(unsigned who)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map), .flags = 1 + below(3)};
	unsigned first, last, at = below(WINDOW);

	choose_range(&first, &last);
	if (below(2) && last - first > 5)
		last = first + below(5);
	map.iova = POOL_IOVA + first * PAGE;
	map.size = (last - first + 1) * PAGE;
	map.vaddr = WINDOW_VA + at * PAGE;
	snprintf(s.what, sizeof(s.what), "%u MAP [%u, %u] of page %u, flags %u", who, first, last,
		 at, map.flags);
	expect(ask(who, VFIO_IOMMU_MAP_DMA, &map),
	       model_map(who, first, last - first + 1, at, map.flags & 2));
}

/* Is a page of the pool translated for the first device? */
static bool is_translated(unsigned page)
{
	struct sio_device *device = sio_device_find(s.rig.machine, platforms[s.platform].device[0]);
	uint64_t iova = POOL_IOVA + page * PAGE;
	char byte = 0;

	return sio_dma_read(device, iova, &byte, 1, NULL) != -EACCES ||
	       sio_dma_write(device, iova, &byte, 1, NULL) != -EACCES;
}

/* 3.11: the IOMMU removed larger pages than were asked for. */
static long drop_untranslated(unsigned who)
{
	long size = 0;

	for (unsigned i = s.maps; i-- > 0;) {
		if (is_translated(s.map[i].first))
			continue;
		drop(&s.map[i], s.person[who].space);
		size += (long)PAGE;
	}
	return size;
}

/* Flags as the kernel knows them; 1 comes with a bitmap. */
static bool unmap_flags_known(uint32_t flags)
{
	return !(flags & ~(rule(IN_ORDER) ? 6u : 0u) & ~(rule(DIRTY) ? 1u : 0u));
}

static void do_unmap(unsigned who)
{
	uint64_t bits[POOL / 64 + 1] = {0};
	/* struct vfio_iommu_type1_dma_unmap with what may stand at its open end. */
	struct {
		uint32_t argsz, flags;
		uint64_t iova, size;
		struct vfio_bitmap bitmap;
	} arg = {
		.argsz = sizeof(arg),
		.bitmap = {.pgsize = PAGE, .size = sizeof(bits), .data = (void *)bits},
	};
	static const uint32_t flags[] = {0, 0, 0, 0, 0, 1, 2, 4, 4, 6};
	unsigned first, last;
	long got, expected;

	arg.flags = flags[below(10)];
	choose_range(&first, &last);
	if (arg.flags & 2 && below(3))
		arg.flags = 0;
	if (is_open(who, first, last))
		return;
	snprintf(s.what, sizeof(s.what), "%u UNMAP [%u, %u], flags %u", who, first, last,
		 arg.flags);
	arg.iova = POOL_IOVA + first * PAGE;
	arg.size = (last - first + 1) * PAGE;
	if (arg.flags & 2) {
		bool v2 = s.v2;

		arg.iova = arg.size = 0;
		s.v2 = false; /* nothing can be cut */
		expected =
			unmap_flags_known(2) ? model_unmap(who, 0, POOL, arg.flags & 4) : -EINVAL;
		s.v2 = v2;
	} else if (!unmap_flags_known(arg.flags) || (arg.flags & 1 && !s.tracking)) {
		expected = -EINVAL;
	} else {
		expected = model_unmap(who, first, last, arg.flags & 4);
	}
	got = ask(who, VFIO_IOMMU_UNMAP_DMA, &arg);
	if (!got && expected >= 0) {
		/* 2012 writes nothing back. */
		got = s.kernel == 0 ? expected : (long)arg.size;
		if (rule(ONE_DOMAIN) && got > expected)
			expected += drop_untranslated(who);
	}
	expect(got, expected);
}

static void do_vaddr(unsigned who)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
					       .flags = VFIO_DMA_MAP_FLAG_VADDR};
	unsigned first, last;

	choose_range(&first, &last);
	for (unsigned i = 0; i < s.maps; i++) {
		if (s.map[i].invalid && below(2)) {
			first = s.map[i].first;
			last = s.map[i].last;
		}
	}
	map.iova = POOL_IOVA + first * PAGE;
	map.size = (last - first + 1) * PAGE;
	map.vaddr = WINDOW_VA;
	snprintf(s.what, sizeof(s.what), "%u MAP VADDR [%u, %u]", who, first, last);
	expect(ask(who, VFIO_IOMMU_MAP_DMA, &map), model_new_vaddr(who, first, last));
}

static void do_dirty(unsigned who)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {.argsz = sizeof(dirty),
						      .flags = 1 + below(2)};

	snprintf(s.what, sizeof(s.what), "%u DIRTY_PAGES %u", who, dirty.flags);
	expect(ask(who, VFIO_IOMMU_DIRTY_PAGES, &dirty), !rule(DIRTY) ? -ENOTTY
							 : s.v2       ? 0
								      : -EACCES);
	s.tracking = rule(DIRTY) && s.v2 && dirty.flags == 1;
}

static void do_group(unsigned who)
{
	unsigned i = 1 + below(GROUPS - 1);
	struct sio_process *process = s.person[who].process;
	int rc;

	snprintf(s.what, sizeof(s.what), "%u group %u", who, i);
	if (s.joined[i]) {
		expect(sio_ioctl(process, s.group[i], VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
		s.joined[i] = false;
		return;
	}
	rc = sio_ioctl(process, s.group[i], VFIO_GROUP_SET_CONTAINER, &s.container);
	if (!rc && any_invalid())
		fail_at("a group joined while a mapping had no address");
	s.joined[i] = !rc;
}

static void start(unsigned who)
{
	struct sio_process *process = s.person[who].process;
	unsigned long type = s.v2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU;

	expect(sio_ioctl(process, s.group[0], VFIO_GROUP_SET_CONTAINER, &s.container) ? -errno : 0,
	       0);
	s.joined[0] = true;
	ck_assert_int_eq(sio_ioctl(process, s.container, VFIO_SET_IOMMU, (void *)type), 0);
	s.count_limit = s.count_limit_next;
}

/* All groups leave, and the first comes back. A device that is open does not let its group go. */
static void do_restart(unsigned who)
{
	if (s.bar || below(4))
		return;
	snprintf(s.what, sizeof(s.what), "%u restart", who);
	for (unsigned i = 0; i < GROUPS; i++) {
		if (s.joined[i])
			expect(sio_ioctl(s.person[who].process, s.group[i],
					 VFIO_GROUP_UNSET_CONTAINER, NULL),
			       0);
		s.joined[i] = false;
	}
	model_teardown(s.person[who].space);
	start(who);
}

static void do_param(unsigned who)
{
	snprintf(s.what, sizeof(s.what), "%u parameters", who);
	s.disable_hugepages = below(4) == 0;
	sio_param(s.rig.machine, "disable_hugepages", s.disable_hugepages);
	s.count_limit_next = 4 + below(20);
	sio_param(s.rig.machine, "dma_entry_limit", s.count_limit_next);
}

/* ---- operations on memory ---- */

static void choose_memory(unsigned *at, unsigned *pages)
{
	*at = below(WINDOW);
	*pages = 1 + below(20);
	if (*at + *pages > WINDOW)
		*pages = WINDOW - *at;
}

static unsigned some_prot(void)
{
	static const unsigned prot[] = {SIO_PROT_RW, SIO_PROT_RW, SIO_PROT_READ, SIO_PROT_NONE};

	return prot[below(4)];
}

static void map_memory(unsigned who, unsigned at, unsigned pages, enum kind kind)
{
	static const enum sio_mem_kind kinds[] = {
		[ANON] = SIO_MEM_ANON,
		[SHARED] = SIO_MEM_SHARED,
		[MEMFD] = SIO_MEM_MEMFD,
		[MEMFD_PRIVATE] = SIO_MEM_MEMFD_PRIVATE,
	};
	static const enum sio_contiguity runs[] = {SIO_RUN_4K, SIO_RUN_SEEDED, SIO_RUN_WHOLE,
						   SIO_RUN_2M};
	struct space *space = &s.space[s.person[who].space];
	uint64_t va = WINDOW_VA + at * PAGE, got;
	struct sio_mem mem = {
		.address = va,
		.size = pages * PAGE,
		.prot = some_prot(),
		.contiguity = runs[below(4)],
	};

	if (kind == BAR) {
		mem.prot = SIO_PROT_RW;
		expect(sio_mem_map_fd(s.person[who].process, s.device, REGION(0), mem.size, va,
				      &got),
		       0);
	} else {
		mem.kind = kinds[kind];
		expect(sio_mem_map(s.person[who].process, &mem, &got), 0);
	}
	for (unsigned i = 0; i < pages; i++)
		space->page[at + i] = (struct page){.kind = kind, .prot = mem.prot};
}

static void do_memory(unsigned who)
{
	enum kind kind = (enum kind)(ANON + below(s.bar ? 5 : 4));
	unsigned at, pages;

	choose_memory(&at, &pages);
	snprintf(s.what, sizeof(s.what), "%u mmap %u + %u, kind %u", who, at, pages, kind);
	map_memory(who, at, pages, kind);
}

static void do_munmap(unsigned who)
{
	struct space *space = &s.space[s.person[who].space];
	unsigned at, pages;

	choose_memory(&at, &pages);
	if (pages > 6)
		pages = 6;
	snprintf(s.what, sizeof(s.what), "%u munmap %u + %u", who, at, pages);
	expect(sio_mem_unmap(s.person[who].process, WINDOW_VA + at * PAGE, pages * PAGE), 0);
	memset(&space->page[at], 0, pages * sizeof(space->page[0]));
}

static void do_protect(unsigned who)
{
	struct space *space = &s.space[s.person[who].space];
	unsigned at, pages, prot = some_prot();
	long expected = 0;

	choose_memory(&at, &pages);
	snprintf(s.what, sizeof(s.what), "%u mprotect %u + %u, %u", who, at, pages, prot);
	for (unsigned i = 0; i < pages && !expected; i++) {
		if (space->page[at + i].kind == HOLE)
			expected = -ENOMEM;
		else
			space->page[at + i].prot = prot;
	}
	expect(sio_mem_protect(s.person[who].process, WINDOW_VA + at * PAGE, pages * PAGE, prot),
	       expected);
}

/* A hole is passed over, what is locked ends it. */
static void do_discard(unsigned who)
{
	struct space *space = &s.space[s.person[who].space];
	unsigned at, pages;
	long expected = 0;

	choose_memory(&at, &pages);
	snprintf(s.what, sizeof(s.what), "%u discard %u + %u", who, at, pages);
	for (unsigned i = 0; i < pages && expected != -EINVAL; i++) {
		struct page *page = &space->page[at + i];

		if (page->kind == HOLE)
			expected = -ENOMEM;
		else if (page->locked || page->kind == BAR)
			expected = -EINVAL;
		else
			page->own = false;
	}
	expect(sio_mem_discard(s.person[who].process, WINDOW_VA + at * PAGE, pages * PAGE),
	       expected);
}

static bool mlock_fits(const struct person *person, unsigned at, unsigned pages)
{
	const struct space *space = &s.space[person->space];
	uint64_t wanted = recount(person) + pages;

	if (person->cap || wanted <= person->limit)
		return true;
	for (unsigned i = 0; i < pages; i++)
		wanted -= space->page[at + i].locked;
	return wanted <= person->limit;
}

static long model_mlock(const struct person *person, unsigned at, unsigned pages)
{
	struct space *space = &s.space[person->space];

	if (!mlock_fits(person, at, pages))
		return -ENOMEM;
	for (unsigned i = 0; i < pages; i++) {
		if (space->page[at + i].kind == HOLE)
			return -ENOMEM;
		space->page[at + i].locked = space->page[at + i].kind != BAR;
	}
	for (unsigned i = 0; i < pages; i++) {
		struct page *page = &space->page[at + i];

		if (page->kind == BAR)
			continue;
		if (!page->prot)
			return -ENOMEM;
		page->own |= page->prot & SIO_PROT_WRITE;
	}
	return 0;
}

static void do_mlock(unsigned who)
{
	struct person *person = &s.person[who];
	struct space *space = &s.space[person->space];
	unsigned at, pages;
	long expected = 0;

	choose_memory(&at, &pages);
	if (below(3)) {
		snprintf(s.what, sizeof(s.what), "%u mlock %u + %u", who, at, pages);
		expected = model_mlock(person, at, pages);
		expect(sio_mem_lock(person->process, WINDOW_VA + at * PAGE, pages * PAGE),
		       expected);
		return;
	}
	snprintf(s.what, sizeof(s.what), "%u munlock %u + %u", who, at, pages);
	for (unsigned i = 0; i < pages && !expected; i++) {
		if (space->page[at + i].kind == HOLE)
			expected = -ENOMEM;
		space->page[at + i].locked = false;
	}
	expect(sio_mem_unlock(person->process, WINDOW_VA + at * PAGE, pages * PAGE), expected);
}

static void do_write(unsigned who)
{
	unsigned at = below(WINDOW);
	struct page *page = &s.space[s.person[who].space].page[at];

	if (page->kind == BAR)
		return;
	snprintf(s.what, sizeof(s.what), "%u writes page %u", who, at);
	expect(sio_mem_write(s.person[who].process, WINDOW_VA + at * PAGE, "x", 1),
	       page->prot & SIO_PROT_WRITE ? 0 : -EFAULT);
	page->own |= page->prot & SIO_PROT_WRITE;
}

/* ---- processes ---- */

static void do_limit(unsigned who)
{
	struct person *person = &s.person[who];

	person->cap = below(3) == 0;
	/* At least a page: mlock knows no limit at all by another errno. */
	person->limit = below(4) ? 1 + below(60) : NO_LIMIT;
	snprintf(s.what, sizeof(s.what), "%u limit %lld", who, (long long)person->limit);
	sio_process_set_caps(person->process, person->cap ? SIO_CAP_ALL : SIO_CAP_SYS_RAWIO);
	sio_process_set_memlock(person->process, person->limit == NO_LIMIT
							 ? UINT64_MAX
							 : person->limit * PAGE + below(4096));
	if (person->limit == NO_LIMIT)
		person->limit = UINT64_MAX / PAGE;
}

static unsigned new_space(void)
{
	s.space[s.spaces] = (struct space){.alive = true};
	return s.spaces++;
}

static void do_fork(unsigned who)
{
	struct person *child = &s.person[s.persons];

	if (s.alive_count == PEOPLE || s.persons == SPACES || s.spaces == SPACES)
		return;
	snprintf(s.what, sizeof(s.what), "%u fork %u", who, s.persons);
	*child = s.person[who];
	child->space = new_space();
	memcpy(s.space[child->space].page, s.space[s.person[who].space].page,
	       sizeof(s.space[0].page));
	for (unsigned i = 0; i < WINDOW; i++)
		s.space[child->space].page[i].locked = false;
	child->process = sio_process_fork(s.person[who].process);
	ck_assert_ptr_nonnull(child->process);
	s.alive[s.alive_count++] = s.persons++;
}

static void space_dies(unsigned who)
{
	s.space[s.person[who].space].alive = false;
}

static void do_exec(unsigned who)
{
	if (s.spaces == SPACES || below(2))
		return;
	snprintf(s.what, sizeof(s.what), "%u exec", who);
	space_dies(who);
	s.person[who].space = new_space();
	expect(sio_process_exec(s.person[who].process), 0);
	map_memory(who, 0, 30, ANON);
}

static void end_person(unsigned who)
{
	unsigned i = 0;

	while (s.alive[i] != who)
		i++;
	s.alive[i] = s.alive[--s.alive_count];
	space_dies(who);
	sio_process_exit(s.person[who].process);
}

static void do_exit(unsigned who)
{
	if (s.alive_count == 1)
		return;
	snprintf(s.what, sizeof(s.what), "%u exit", who);
	end_person(who);
}

/* ---- sessions ---- */

static void check(bool thorough)
{
	char what[256] = "";

	for (unsigned i = 0; i < s.alive_count; i++) {
		const struct person *person = &s.person[s.alive[i]];
		uint64_t got = sio_process_vmlck(person->process), want = recount(person) * 4;

		if (got != want)
			fail_at("VmLck of %u is %lld, not %lld", s.alive[i], (long long)got,
				(long long)want);
	}
	if (sio_audit(s.rig.machine, thorough, what, sizeof(what)))
		fail_at("%s", what);
}

static void step(unsigned n)
{
	static const struct {
		void (*run)(unsigned who);
		unsigned weight;
	} ops[] = {
		{do_map, 40},    {do_unmap, 20}, {do_vaddr, 5},  {do_dirty, 2},  {do_group, 4},
		{do_restart, 3}, {do_param, 1},  {do_memory, 6}, {do_munmap, 2}, {do_protect, 4},
		{do_discard, 4}, {do_mlock, 6},  {do_write, 6},  {do_limit, 6},  {do_fork, 3},
		{do_exec, 2},    {do_exit, 2},
	};
	unsigned at = below(116), i = 0;

	while (at >= ops[i].weight)
		at -= ops[i++].weight;
	ops[i].run(someone());
	check(n % 16 == 0);
}

static void session_begin(unsigned kernel, unsigned platform, uint64_t seed)
{
	struct sio_machine_cfg cfg = {.platform = platforms[platform].name,
				      .kernel = kernels[kernel].name,
				      .seed = seed};
	char error[256];

	s = (struct session){.kernel = kernel,
			     .rules = kernels[kernel].rules,
			     .platform = platform,
			     .seed = seed};
	s.rng.state = seed * 1000 + kernel * 10 + platform;
	s.v2 = kernel >= 2 && below(2);
	s.bar = below(2);
	s.count_limit_next = 65535;
	snprintf(s.what, sizeof(s.what), "begin");
	ck_assert_msg(!sio_machine_create(&cfg, &s.rig.machine, error, sizeof(error)), "%s", error);
	s.rig.process = sio_process_create(s.rig.machine);
	s.person[0] = (struct person){.process = s.rig.process,
				      .space = new_space(),
				      .cap = true,
				      .limit = UINT64_MAX / PAGE};
	s.persons = s.alive_count = 1;
	s.container = sio_open(s.rig.process, "/dev/vfio/vfio");
	ck_assert_int_ge(s.container, 0);
	for (unsigned i = 0; i < GROUPS; i++) {
		s.group[i] = rig_group(&s.rig, platforms[platform].device[i]);
		ck_assert_int_ge(s.group[i], 0);
	}
	start(0);
	if (s.bar) {
		s.device = rig_device(&s.rig, s.group[0], platforms[platform].device[0]);
		ck_assert_int_ge(s.device, 0);
	}
	map_memory(0, 0, 40, ANON);
	map_memory(0, 40, 12, SHARED);
	map_memory(0, 56, 12, MEMFD_PRIVATE);
	if (s.bar)
		map_memory(0, 68, 10, BAR);
}

/* A map of a BAR keeps its device open, and with it the container. */
static void drop_bar(unsigned who)
{
	struct space *space = &s.space[s.person[who].space];

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(space->page); i++) {
		if (space->page[i].kind != BAR)
			continue;
		expect(sio_mem_unmap(s.person[who].process, WINDOW_VA + i * PAGE, PAGE), 0);
		memset(&space->page[i], 0, sizeof(space->page[i]));
	}
}

/* One after the other ends; the last one's descriptors are closed first, so it gets all back. */
static void session_end(void)
{
	unsigned who;

	while (s.alive_count > 1) {
		end_person(s.alive[below(s.alive_count)]);
		check(false);
	}
	who = s.alive[0];
	snprintf(s.what, sizeof(s.what), "the end");
	drop_bar(who);
	if (s.bar)
		sio_close(s.person[who].process, s.device);
	for (unsigned i = 0; i < GROUPS; i++)
		sio_close(s.person[who].process, s.group[i]);
	sio_close(s.person[who].process, s.container);
	model_teardown(s.person[who].space);
	check(true);
	sio_machine_destroy(s.rig.machine);
}

#define SEEDS 4u

START_TEST(every_process_pays_for_what_its_kernel_says)
{
	for (unsigned platform = 0; platform < PLATFORMS; platform++) {
		for (unsigned seed = 1; seed <= SEEDS; seed++) {
			session_begin((unsigned)_i, platform, seed);
			check(true);
			for (unsigned n = 0; n < STEPS; n++)
				step(n);
			session_end();
		}
	}
}
END_TEST

START_TEST(the_model_knows_every_kernel)
{
	for (unsigned k = 0; k < KERNELS; k++) {
		size_t len = strcspn(kernels[k].name, ",");
		const struct personality *kernel = personality_at(k);

		ck_assert_ptr_nonnull(kernel);
		ck_assert(strlen(kernel->name) == len &&
			  !strncmp(kernel->name, kernels[k].name, len));
	}
	ck_assert_ptr_null(personality_at(KERNELS));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("random accounting");
	TCase *tcase = tcase_create("kernels");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, the_model_knows_every_kernel);
	tcase_add_loop_test(tcase, every_process_pays_for_what_its_kernel_says, 0, (int)KERNELS);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
