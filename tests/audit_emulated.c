// SPDX-License-Identifier: GPL-2.0-only
/* What the audit of a container must refuse of pages that devices hold, and of their groups. */
#include "emulated_rig.h"

#include "audit_break.h"
#include "machine.h"
#include "type1/t1.h"
#include "vfio/vfio_priv.h"

#define IOVA UINT64_C(0x100000)

static struct rig rig;

static const char *audit_now(void)
{
	return vfio_audit(rig.machine->vfio, true);
}

static struct type1 *container(void)
{
	return rig.machine->vfio->containers->t1;
}

static struct t1_page *page_at(uint64_t iova)
{
	struct imap_entry e;

	ck_assert(imap_find(&container()->emulated.pages, iova / PAGE, iova / PAGE, &e));
	return (struct t1_page *)(uintptr_t)e.value;
}

/* A mapping of 8 pages, of which a device holds two. */
static void setup(void)
{
	rig_start(&rig, NULL, V0);
	ck_assert_int_eq(rig_map(&rig, IOVA, rig_memory(&rig, 8), 8), 0);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + PAGE), 1);
	ck_assert_int_eq(rig_pin(&rig, V0, IOVA + 3 * PAGE), 1);
	audit_holds();
}

static void teardown(void)
{
	rig_halt(&rig);
}

START_TEST(a_held_page_that_is_wrong_is_found)
{
	struct t1_page *page = page_at(IOVA + 3 * PAGE);
	struct t1_dma *dma = page->dma;

	ck_assert_int_eq(rig_map(&rig, 2 * IOVA, rig_memory(&rig, 1), 1), 0);
	AUDIT_FINDS(page->refs, 0, "a page that devices hold has no reference");
	AUDIT_FINDS(page->reserved, true, "a page that a device holds is neither RAM nor reserved");
	/* As if it were the other mapping's, charge and all. */
	page->dma = t1_find(container(), 2 * IOVA, PAGE);
	dma->locked_pages--;
	audit_says("a device holds a page of a mapping that is not there");
	dma->locked_pages++;
	page->dma = dma;
	audit_holds();
}
END_TEST

START_TEST(a_charge_or_a_flag_without_a_domain_is_found)
{
	struct t1_dma *dma = page_at(IOVA + PAGE)->dma;

	AUDIT_FINDS(dma->locked_pages, 8,
		    "a mapping without a domain is charged for other pages than devices hold");
	AUDIT_FINDS_BIT(dma->iommu_mapped,
			"a mapping is in the IOMMU exactly when there is a domain: not this one");
}
END_TEST

START_TEST(a_group_on_the_wrong_side_is_found)
{
	struct t1_emulated *emulated = &container()->emulated;
	struct iommu_group *behind;

	emulated->group[0]->bare = false;
	ck_assert_str_eq(t1_audit(container(), true), "an emulated group is behind an IOMMU");
	emulated->group[0]->bare = true;
	audit_holds();
	ck_assert_int_eq(rig_join(&rig, A), 0);
	behind = container()->domain[0]->group[0];
	AUDIT_FINDS(emulated->group[0], behind, "an emulated group is behind an IOMMU");
	/* One group less that cannot track, for the sum to be right. */
	ck_assert_ptr_null(emulated->tracking);
	emulated->tracking = (struct iommu_group *[]){emulated->group[0]};
	emulated->tracking_count = 1;
	container()->untracked_groups--;
	audit_says("a group that tracks what it dirties is in no domain");
	emulated->tracking[0] = behind;
	audit_holds();
	emulated->tracking = NULL;
	emulated->tracking_count = 0;
	container()->untracked_groups++;
	audit_holds();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emulated audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_held_page_that_is_wrong_is_found);
	tcase_add_test(tcase, a_charge_or_a_flag_without_a_domain_is_found);
	tcase_add_test(tcase, a_group_on_the_wrong_side_is_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
