// SPDX-License-Identifier: GPL-2.0-only
/*
 * The address space against a model that knows pages only: flat arrays, one entry a page, no
 * extents, no reference counts, no copy on write (fork copies everything at once, which nobody can
 * tell apart).
 *
 * Random sequences of every operation run on both; every return value, every byte that a process or
 * the device can see, the locked count and the pin count must agree, and both audits must hold.
 */
#include "mm_fixture.h"

#include <stdio.h>

#define BLOCKS  4
#define PAGES   (BLOCKS * 512)
#define PROCS   3
#define PINS    48
#define SAMPLES 3 /* bytes watched in each page, at 0, middle and end */
#define STEPS   2000
#define FILL    48 /* most pages of one long write */

/* A physical page as the model sees it. */
struct cell {
	uint8_t byte[SAMPLES];
	unsigned users; /* entries of tables and pins, to know when it is forgotten */
};

struct opage {
	bool mapped;
	bool hugetlb;
	bool locked;
	bool shared;
	unsigned prot;
	unsigned area;     /* pages mapped, and never cut apart, together */
	struct cell *cell; /* NULL: never written */
	struct cell **object;
};

/* Cells of one shared object, allocated on first use by anyone. */
struct oobject {
	struct oobject *next;
	struct cell *cells[PAGES];
};

struct oproc {
	struct mm *mm;
	struct task task;
	struct opage page[PAGES];
	uint64_t locked;
};

struct opin {
	struct mm *mm;
	struct pin_run run;
	struct cell **cells;
};

static struct oproc procs[PROCS];
static struct opin pins[PINS];
static struct oobject *objects;
static struct prng rng;
static uint64_t pins_held;
static unsigned areas_made;

static uint64_t below(uint64_t bound)
{
	return prng_below(&rng, bound);
}

static uint64_t sample_offset(unsigned i)
{
	return i == 0 ? 0 : i == 1 ? PAGE / 2 : PAGE - 1;
}

/* Cheaper than Check's own, which write to a file each time; this is called millions of times. */
static void expect(uint64_t got, uint64_t want, const char *what)
{
	if (got != want)
		ck_abort_msg("%s: %lld, the model says %lld", what, (long long)got,
			     (long long)want);
}

static void expect_rc(int got, int want, const char *what)
{
	expect((uint64_t)got, (uint64_t)want, what);
}

/* ---- cells ---- */

static struct cell *cell_new(const struct cell *from)
{
	struct cell *cell = calloc(1, sizeof(*cell));

	if (!cell)
		ck_abort_msg("out of memory");
	if (from)
		memcpy(cell->byte, from->byte, SAMPLES);
	cell->users = 1;
	return cell;
}

static void cell_put(struct cell *cell)
{
	if (cell && --cell->users == 0)
		free(cell);
}

static struct cell **slot(struct opage *p)
{
	return p->shared ? p->object : &p->cell;
}

static struct cell *cell_of(struct opage *p)
{
	if (!*slot(p))
		*slot(p) = cell_new(NULL);
	return *slot(p);
}

static uint8_t byte_of(struct opage *p, unsigned i)
{
	return *slot(p) ? (*slot(p))->byte[i] : 0;
}

static void page_clear(struct oproc *proc, struct opage *p)
{
	proc->locked -= p->locked;
	cell_put(p->cell);
	memset(p, 0, sizeof(*p));
}

/* ---- ranges ---- */

struct range {
	unsigned first, n;
};

static struct range random_range(void)
{
	struct range r;

	if (below(3) == 0) { /* whole blocks */
		r.first = (unsigned)below(BLOCKS) * 512;
		r.n = (unsigned)(1 + below((PAGES - r.first) / 512)) * 512;
	} else if (below(3) == 0) {
		r.first = (unsigned)below(PAGES);
		r.n = (unsigned)(1 + below(PAGES - r.first));
	} else {
		r.first = (unsigned)below(PAGES);
		r.n = (unsigned)(1 + below(24));
		if (r.n > PAGES - r.first)
			r.n = PAGES - r.first;
	}
	return r;
}

static uint64_t va_of(unsigned page)
{
	return VA + page * PAGE;
}

static struct opage *at(struct oproc *proc, unsigned page)
{
	return page < PAGES && proc->page[page].mapped ? &proc->page[page] : NULL;
}

/* A border between areas at `page`; -EINVAL inside a huge page. */
static int cut(struct oproc *proc, unsigned page)
{
	struct opage *p = at(proc, page);
	unsigned area;

	if (!p || page == 0 || !at(proc, page - 1) || p->area != p[-1].area)
		return 0;
	if (p->hugetlb && page % 512)
		return -EINVAL;
	area = p->area;
	areas_made++;
	for (; page < PAGES && proc->page[page].area == area; page++)
		proc->page[page].area = areas_made;
	return 0;
}

static int cut_both(struct oproc *proc, struct range r)
{
	int rc = cut(proc, r.first);

	return rc ? rc : cut(proc, r.first + r.n);
}

/* ---- operations, each on both ---- */

static struct cell **object_new(void)
{
	struct oobject *object = calloc(1, sizeof(*object));

	ck_assert_ptr_nonnull(object);
	object->next = objects;
	objects = object;
	return object->cells;
}

static void op_map(struct oproc *proc, struct range r, enum mm_contiguity contiguity)
{
	struct mm_map_req req = {
		.prot = below(5) ? RW : (unsigned)below(4),
		.kind = (enum mm_kind)below(4),
		.hugetlb = r.first % 512 == 0 && r.n % 512 == 0 && below(2),
		.contiguity = contiguity,
		.va = va_of(r.first),
		.len = r.n * PAGE,
	};
	bool shared = req.kind == MM_SHARED || req.kind == MM_FILE_SHARED;
	int want = cut_both(proc, r);
	struct cell **cells;

	expect_rc(mm_sim_map(proc->mm, &req), want, "map");
	if (want)
		return;
	cells = shared ? object_new() : NULL;
	areas_made++;
	for (unsigned i = 0; i < r.n; i++) {
		struct opage *p = &proc->page[r.first + i];

		page_clear(proc, p);
		p->mapped = true;
		p->hugetlb = req.hugetlb;
		p->shared = shared;
		p->prot = req.prot;
		p->area = areas_made;
		p->object = shared ? &cells[i] : NULL;
	}
}

static void op_unmap(struct oproc *proc, struct range r)
{
	int want = cut_both(proc, r);

	expect_rc(mm_sim_unmap(proc->mm, va_of(r.first), r.n * PAGE - below(2)), want, "unmap");
	for (unsigned i = r.first; !want && i < r.first + r.n; i++)
		page_clear(proc, &proc->page[i]);
}

static int want_protect(struct oproc *proc, struct range r, unsigned prot)
{
	unsigned i = r.first, end = r.first + r.n;

	while (i < end) {
		struct range part = {i, 1};
		int rc = 0;

		if (!at(proc, i))
			return -ENOMEM;
		while (i + part.n < end && at(proc, i + part.n) &&
		       proc->page[i + part.n].area == proc->page[i].area)
			part.n++;
		if (proc->page[i].prot != prot)
			rc = cut_both(proc, part);
		if (rc)
			return rc;
		for (; part.n; part.n--)
			proc->page[i++].prot = prot;
	}
	return 0;
}

static void op_protect(struct oproc *proc, struct range r)
{
	unsigned prot = (unsigned)below(4);
	int want = want_protect(proc, r, prot);

	expect_rc(mm_sim_protect(proc->mm, va_of(r.first), r.n * PAGE, prot), want, "protect");
}

static void discard_page(struct opage *p)
{
	if (p->shared)
		return;
	cell_put(p->cell);
	p->cell = NULL;
}

static void op_discard(struct oproc *proc, struct range r)
{
	unsigned i = r.first, end = r.first + r.n;
	int want = 0;

	while (i < end) {
		struct opage *p = at(proc, i);

		if (!p) {
			want = -ENOMEM;
			i++;
		} else if (!p->hugetlb) {
			if (p->locked) {
				want = -EINVAL;
				break;
			}
			discard_page(p);
			i++;
		} else if (i % 512) {
			want = -EINVAL;
			break;
		} else {
			for (unsigned k = 0; i + 512 <= end && k < 512; k++)
				discard_page(&proc->page[i + k]);
			i += 512;
		}
	}
	expect_rc(mm_sim_discard(proc->mm, va_of(r.first), r.n * PAGE), want, "discard");
}

static int want_lock(struct oproc *proc, struct range r)
{
	uint64_t limit = proc->task.rlimit_memlock / PAGE;
	uint64_t total = proc->mm->locked_pages + r.n;
	unsigned i;

	for (i = r.first; i < r.first + r.n; i++)
		total -= at(proc, i) && at(proc, i)->locked;
	if (!proc->task.cap_ipc_lock && !proc->task.rlimit_memlock)
		return -EPERM;
	if (!proc->task.cap_ipc_lock && total > limit)
		return -ENOMEM;
	for (i = r.first; i < r.first + r.n; i++) {
		struct opage *p = at(proc, i);

		if (!p)
			return -ENOMEM;
		if (!p->hugetlb && !p->locked) {
			p->locked = true;
			proc->locked++;
		}
	}
	for (i = r.first; i < r.first + r.n; i++)
		if (!at(proc, i)->prot)
			return -ENOMEM;
	return 0;
}

static void op_lock(struct oproc *proc, struct range r)
{
	static const uint64_t limits[] = {0, PAGE - 1, 100 * PAGE, 1000 * PAGE + 5, UINT64_MAX};
	int want;

	proc->task.cap_ipc_lock = below(2);
	proc->task.rlimit_memlock = limits[below(SIO_ARRAY_SIZE(limits))];
	want = want_lock(proc, r);
	expect_rc(mm_sim_lock(proc->mm, &proc->task, va_of(r.first), r.n * PAGE), want, "lock");
}

static void op_unlock(struct oproc *proc, struct range r)
{
	int want = 0;

	for (unsigned i = r.first; i < r.first + r.n; i++) {
		struct opage *p = at(proc, i);

		if (!p) {
			want = -ENOMEM;
			break;
		}
		proc->locked -= p->locked;
		p->locked = false;
	}
	/* The last page may be named by any of its bytes. */
	expect_rc(mm_sim_unlock(proc->mm, va_of(r.first), r.n * PAGE - below(PAGE)), want,
		  "unlock");
}

static void op_write(struct oproc *proc, struct range r)
{
	for (unsigned i = r.first; i < r.first + r.n; i += 1 + (unsigned)below(29)) {
		unsigned sample = (unsigned)below(SAMPLES);
		uint8_t byte = (uint8_t)below(256);
		struct opage *p = at(proc, i);
		int want = p && (p->prot & MM_WRITE) ? 0 : -EFAULT;

		expect_rc(mm_sim_write(proc->mm, va_of(i) + sample_offset(sample), &byte, 1), want,
			  "write");
		if (!want)
			cell_of(p)->byte[sample] = byte;
	}
}

/* One long write over many pages, up to the first that refuses it. */
static void op_fill(struct oproc *proc, struct range r)
{
	static uint8_t bytes[FILL * SIO_PAGE_SIZE];
	uint8_t byte = (uint8_t)below(256);
	int want = 0;

	if (r.n > FILL)
		r.n = FILL;
	memset(bytes, byte, r.n * PAGE);
	for (unsigned i = r.first; i < r.first + r.n && !want; i++) {
		struct opage *p = at(proc, i);

		if (p && (p->prot & MM_WRITE))
			memset(cell_of(p)->byte, byte, SAMPLES);
		else
			want = -EFAULT;
	}
	expect_rc(mm_sim_write(proc->mm, va_of(r.first), bytes, r.n * PAGE), want, "write");
}

static void op_touch(struct oproc *proc, struct range r)
{
	int want = 0;

	for (unsigned i = r.first; i < r.first + r.n; i++)
		if (!at(proc, i) || !at(proc, i)->prot)
			want = -EFAULT;
	expect_rc(mm_sim_touch(proc->mm, va_of(r.first), r.n * PAGE), want, "touch");
}

static void op_pin(struct oproc *proc, struct range r)
{
	struct opin *pin = NULL;
	bool write = below(2);
	unsigned need = write ? MM_WRITE : MM_READ;
	bool ok = at(proc, r.first) && (at(proc, r.first)->prot & need);

	for (unsigned i = 0; i < PINS && !pin; i++)
		pin = pins[i].mm ? NULL : &pins[i];
	if (!pin)
		return;
	expect_rc(proc->mm->ops->pin(proc->mm, va_of(r.first), r.n, write, &pin->run),
		  ok ? 0 : -EFAULT, "pin");
	if (!ok)
		return;
	ck_assert(!pin->run.reserved);
	ck_assert_uint_ge(pin->run.pages, 1);
	ck_assert_uint_le(pin->run.pages, r.n);
	pin->mm = mm_get(proc->mm);
	pin->cells = calloc(pin->run.pages, sizeof(*pin->cells));
	ck_assert_ptr_nonnull(pin->cells);
	for (unsigned i = 0; i < pin->run.pages; i++) {
		struct opage *p = at(proc, r.first + i);

		if (!p || !(p->prot & need))
			ck_abort_msg("a run goes over a bad page");
		pin->cells[i] = cell_of(p);
		pin->cells[i]->users++;
	}
	pins_held += pin->run.pages;
}

static void op_unpin(struct opin *pin)
{
	struct mm *owner = pin->mm;

	if (!owner)
		return;
	owner->ops->unpin(owner, &pin->run, below(2));
	for (unsigned i = 0; i < pin->run.pages; i++)
		cell_put(pin->cells[i]);
	pins_held -= pin->run.pages;
	free(pin->cells);
	memset(pin, 0, sizeof(*pin));
	mm_put(owner);
}

static void op_device_write(struct opin *pin)
{
	unsigned sample = (unsigned)below(SAMPLES);
	uint8_t byte = (uint8_t)below(256);
	uint64_t i;

	if (!pin->mm)
		return;
	i = below(pin->run.pages);
	ck_assert(phys_write(phys, run_pa(&pin->run, i) + sample_offset(sample), &byte, 1));
	pin->cells[i]->byte[sample] = byte;
}

static void proc_end(struct oproc *proc)
{
	for (unsigned i = 0; i < PAGES; i++)
		page_clear(proc, &proc->page[i]);
	mm_sim_exit(proc->mm);
	mm_put(proc->mm);
	proc->mm = NULL;
}

static void op_fork(struct oproc *proc)
{
	struct oproc *child = &procs[below(PROCS)];

	if (child == proc)
		return;
	if (child->mm)
		proc_end(child);
	child->mm = mm_sim_fork(proc->mm);
	ck_assert_ptr_nonnull(child->mm);
	child->locked = 0;
	for (unsigned i = 0; i < PAGES; i++) {
		struct opage *p = &child->page[i];

		*p = proc->page[i];
		p->locked = false;
		if (p->cell)
			p->cell = cell_new(p->cell);
	}
}

/* ---- comparison ---- */

static void compare_process(struct oproc *proc)
{
	expect(proc->mm->locked_pages, proc->locked, "locked pages");
	for (unsigned i = 0; i < PAGES; i += 1 + (unsigned)below(7)) {
		unsigned sample = (unsigned)below(SAMPLES);
		struct opage *p = at(proc, i);
		uint8_t byte;
		int rc = mm_sim_read(proc->mm, va_of(i) + sample_offset(sample), &byte, 1);

		expect_rc(rc, p && p->prot ? 0 : -EFAULT, "read");
		if (!rc)
			expect(byte, byte_of(p, sample), "byte read");
	}
	audit(proc->mm);
}

static void compare(void)
{
	for (unsigned i = 0; i < PROCS; i++)
		if (procs[i].mm)
			compare_process(&procs[i]);
	for (unsigned i = 0; i < PINS; i++) {
		unsigned sample = (unsigned)below(SAMPLES);
		uint64_t page;
		uint8_t byte;

		if (!pins[i].mm)
			continue;
		page = below(pins[i].run.pages);
		phys_read(phys, run_pa(&pins[i].run, page) + sample_offset(sample), &byte, 1);
		expect(byte, pins[i].cells[page]->byte[sample], "byte the device sees");
	}
	expect(phys_pins_total(phys), pins_held, "pins");
}

static void step(int policy)
{
	struct oproc *proc = &procs[below(PROCS)];
	struct range r = random_range();
	enum mm_contiguity contiguity =
		policy < 4 ? (enum mm_contiguity)policy : (enum mm_contiguity)below(4);

	if (!proc->mm)
		proc = &procs[0];
	if (!proc->mm) {
		proc->mm = mm_sim_create(phys, prng_next(&rng));
		ck_assert_ptr_nonnull(proc->mm);
		proc->locked = 0;
	}
	switch (below(20)) {
	case 0:
	case 1:
	case 2:
		op_map(proc, r, contiguity);
		break;
	case 3:
		op_unmap(proc, r);
		break;
	case 4:
		op_protect(proc, r);
		break;
	case 5:
		op_discard(proc, r);
		break;
	case 6:
		op_lock(proc, r);
		break;
	case 7:
		op_unlock(proc, r);
		break;
	case 8:
	case 9:
		op_write(proc, r);
		break;
	case 10:
		op_fill(proc, r);
		break;
	case 11:
		op_touch(proc, r);
		break;
	case 12:
	case 13:
	case 14:
		op_pin(proc, r);
		break;
	case 15:
	case 16:
		op_unpin(&pins[below(PINS)]);
		break;
	case 17:
		op_device_write(&pins[below(PINS)]);
		break;
	case 18:
		op_fork(proc);
		break;
	default:
		if (below(4) == 0)
			proc_end(proc);
		break;
	}
}

static void finish(void)
{
	for (unsigned i = 0; i < PROCS; i++)
		if (procs[i].mm)
			proc_end(&procs[i]);
	ck_assert_uint_eq(phys_frames_total(phys) != 0, pins_held != 0);
	for (unsigned i = 0; i < PINS; i++)
		op_unpin(&pins[i]);
	while (objects) {
		struct oobject *object = objects;

		objects = object->next;
		for (unsigned i = 0; i < PAGES; i++)
			cell_put(object->cells[i]);
		free(object);
	}
}

/* Loop index: policy (4: mixed) and seed, unless MM_POLICY and MM_SEED name them. */
START_TEST(random_operations_agree_with_a_model_of_pages)
{
	const char *seed = getenv("MM_SEED");
	const char *policy_name = getenv("MM_POLICY");
	int policy = policy_name ? atoi(policy_name) : _i % 5;
	const char *what;

	rng.state = seed ? strtoull(seed, NULL, 0) : (uint64_t)_i + 1;
	printf("MM_POLICY=%d MM_SEED=%llu\n", policy, (unsigned long long)rng.state);
	for (unsigned i = 0; i < STEPS; i++) {
		step(policy);
		compare();
		if (i % 100 == 0) {
			what = phys_audit(phys);
			ck_assert_msg(!what, "%s", what);
		}
	}
	finish();
}
END_TEST

static void setup(void)
{
	/* A test that failed leaves its state behind. */
	memset(procs, 0, sizeof(procs));
	memset(pins, 0, sizeof(pins));
	objects = NULL;
	pins_held = 0;
	fixture_setup_ram(UINT64_C(1) << 30);
	mm_put(mm);
	mm = NULL;
}

int main(void)
{
	Suite *suite = suite_create("mm oracle");
	TCase *tc = tcase_create("oracle");

	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, random_operations_agree_with_a_model_of_pages, 0,
			    getenv("MM_SEED") ? 1 : 20);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
