// SPDX-License-Identifier: GPL-2.0-only
/* What the audit of a simulated address space must refuse, fact by fact. */
#include "audit_break.h"
#include "mm_fixture.h"

#define SHARED (VA + 16 * HUGE)
#define FRAMES (VA + 32 * HUGE)
#define LARGE  (VA + 48 * HUGE)
#define N      8u

static struct mm_sim *sim;

static const char *audit_now(void)
{
	return mm_sim_audit(mm);
}

/* Private, shared and huge memory, each touched, and a map of device memory. */
static void setup(void)
{
	struct mm_map_req frames = {
		.va = FRAMES, .len = N * PAGE, .prot = RW, .kind = MM_PFN, .pfn_pa = SIO_BIT(40)};

	fixture_setup();
	sim = mm_sim_of(mm);
	map_anon(VA, N * PAGE, RW);
	map_kind(MM_SHARED, SHARED, N * PAGE, RW);
	map_huge(LARGE, HUGE);
	ck_assert_int_eq(mm_sim_map(mm, &frames), 0);
	ck_assert_int_eq(mm_sim_touch(mm, VA, N * PAGE), 0);
	ck_assert_int_eq(mm_sim_touch(mm, SHARED, N * PAGE), 0);
	ck_assert_int_eq(mm_sim_touch(mm, LARGE, HUGE), 0);
	ck_assert_int_eq(mm_sim_touch(mm, FRAMES, N * PAGE), 0);
	audit_holds();
}

static void teardown(void)
{
	fixture_teardown();
}

static struct area *area_of(uint64_t va)
{
	return area_at(sim, va / PAGE);
}

static uint64_t frame_of(uint64_t va)
{
	pa_t pa;

	ck_assert(mm_sim_physical(mm, va, &pa));
	return pa / PAGE;
}

START_TEST(an_area_that_is_wrong_is_found)
{
	struct area *area = area_of(VA), *large = area_of(LARGE), *shared = area_of(SHARED);

	AUDIT_FINDS(area->last, area->last - 1, "mm: an area and its entry disagree");
	AUDIT_FINDS(area->first, area->first + 1, "mm: an area and its entry disagree");
	AUDIT_FINDS(area->hugetlb, true, "mm: a huge page area is not aligned");
	AUDIT_FINDS(large->locked, true, "mm: an area that cannot be locked is");
	AUDIT_FINDS(area_of(FRAMES)->locked, true, "mm: an area that cannot be locked is");
	AUDIT_FINDS(area->object, shared->object, "mm: an area's object does not go with its kind");
	AUDIT_FINDS(shared->kind, MM_ANON, "mm: an area's object does not go with its kind");
	AUDIT_FINDS(shared->object->refs, 0, "mm: an area's object has no reference");
	AUDIT_FINDS(area->kind, MM_PFN, "mm: page table entries of the wrong kind for their area");
	AUDIT_FINDS(area_of(FRAMES)->kind, MM_ANON,
		    "mm: page table entries of the wrong kind for their area");
	AUDIT_FINDS(area_of(FRAMES)->pfn_shift, 0, "mm: a PFN map's entry names another frame");
}
END_TEST

START_TEST(a_count_of_locked_pages_that_is_wrong_is_found)
{
	struct task task = {.mm = mm, .cap_ipc_lock = true, .rlimit_memlock = UINT64_MAX};

	AUDIT_FINDS(area_of(VA)->locked, true,
		    "mm: the count of mlocked pages differs from the areas");
	ck_assert_int_eq(mm_sim_lock(mm, &task, VA, N * PAGE), 0);
	AUDIT_FINDS(sim->mlocked, N + 1, "mm: the count of mlocked pages differs from the areas");
	AUDIT_FINDS(mm->locked_pages, N - 1, "mm: locked_vm is less than the mlocked pages");
	ck_assert_int_eq(mm_sim_unlock(mm, VA, N * PAGE), 0);
}
END_TEST

START_TEST(a_frame_with_wrong_references_is_found)
{
	const uint64_t own = frame_of(VA + 2 * PAGE), common = frame_of(SHARED);

	ck_assert_uint_eq(phys_frame_refs(phys, own), 1);
	phys_frames_get(phys, own, 1);
	audit_says("mm: a page that is not copy-on-write shares its frame");
	phys_frames_put(phys, own, 1);
	phys_frames_get(phys, common, 1);
	audit_says("mm: a page that is not copy-on-write shares its frame");
	phys_frames_put(phys, common, 1);
	audit_holds();
	/* The pin keeps the frame from being given to somebody else meanwhile. */
	phys_frames_pin(phys, own, 1);
	phys_frames_put(phys, own, 1);
	audit_says("mm: a page's frame has no reference");
	phys_frames_get(phys, own, 1);
	phys_frames_unpin(phys, own, 1);
	audit_holds();
}
END_TEST

START_TEST(a_pinned_page_under_copy_on_write_is_found)
{
	struct mm *child = mm_sim_fork(mm);
	const uint64_t frame = frame_of(VA);

	ck_assert_ptr_nonnull(child);
	audit_holds();
	phys_frames_pin(phys, frame, 1);
	audit_says("mm: a copy-on-write page is pinned");
	/* What kernels do that pin what they find. */
	mm->pins_as_is = true;
	audit_holds();
	mm->pins_as_is = false;
	phys_frames_unpin(phys, frame, 1);
	audit_holds();
	exit_mm(child);
}
END_TEST

START_TEST(pages_in_the_wrong_place_are_found)
{
	struct extent x = {.page = VA / PAGE + N, .n = 1, .flags = EXTENT_PFN};

	/* Beyond the area; then inside the shared one, whose pages are its object's. */
	ck_assert(extent_add(&sim->pages, &x));
	audit_says("mm: a page outside every area");
	ck_assert(imap_erase(&sim->pages, x.page, NULL));
	x.page = SHARED / PAGE;
	ck_assert(extent_add(&sim->pages, &x));
	audit_says("mm: private pages in a shared area");
	ck_assert(imap_erase(&sim->pages, x.page, NULL));
	audit_holds();
	/* Two thirds of a huge page's table entries. */
	ck_assert(extent_cut(&sim->pages, LARGE / PAGE + 1));
	audit_says("mm: a huge page is cut or not contiguous");
	ck_assert_int_eq(mm_sim_unmap(mm, LARGE, HUGE), 0);
	audit_holds();
}
END_TEST

START_TEST(an_object_that_shares_its_pages_is_found)
{
	struct extent x;

	ck_assert(extent_ceil(&area_of(SHARED)->object->pages, 0, &x));
	x.flags |= EXTENT_COW;
	extent_set(&area_of(SHARED)->object->pages, &x);
	audit_says("mm: an object's page is not its own");
	x.flags &= ~(unsigned)EXTENT_COW;
	extent_set(&area_of(SHARED)->object->pages, &x);
	audit_holds();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mm audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, an_area_that_is_wrong_is_found);
	tcase_add_test(tcase, a_count_of_locked_pages_that_is_wrong_is_found);
	tcase_add_test(tcase, a_frame_with_wrong_references_is_found);
	tcase_add_test(tcase, a_pinned_page_under_copy_on_write_is_found);
	tcase_add_test(tcase, pages_in_the_wrong_place_are_found);
	tcase_add_test(tcase, an_object_that_shares_its_pages_is_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
