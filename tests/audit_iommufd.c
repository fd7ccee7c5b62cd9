// SPDX-License-Identifier: GPL-2.0-only
/* What the audit of iommufd must refuse, fact by fact. */
#include "iommufd_client.h"

#include "audit_break.h"
#include "iommufd/io_pagetable_private.h"
#include "iommufd/iommufd_private.h"
#include "machine.h"
#include "type1/t1.h"

#define IOVA  MIB
#define PAGES 16u

static struct rig rig;
static struct iommufd_ctx *ctx;
static struct iommufd_ioas *ioas;
static struct iommufd_group *group;
static struct iommufd_hwpt_paging *hwpt;
static struct iopt_area *area;

static const char *audit_now(void)
{
	return iommufd_audit(&rig.machine->iommufd, true);
}

/* A, attached to an IOAS of two areas. */
static void setup(void)
{
	int iommufd, node;
	long id;

	rig_boot_as(&rig, "6.12", "vtd48sm", NULL);
	iommufd = rig_iommufd(&rig);
	node = rig_cdev(&rig, "A");
	ck_assert_int_gt(rig_bind(&rig, node, iommufd), 0);
	id = rig_ioas(&rig, iommufd);
	ck_assert_int_gt(rig_attach(&rig, node, id), 0);
	for (uint64_t i = 1; i <= 2; i++)
		ck_assert_int_eq(rig_ioas_map(&rig, iommufd, id, i * IOVA,
					      rig_memory(&rig, PAGES * SIO_PAGE_SIZE),
					      PAGES * SIO_PAGE_SIZE),
				 0);
	ctx = rig.machine->iommufd.contexts;
	ioas = (struct iommufd_ioas *)(void *)iommufd_object_find(ctx, (uint32_t)id,
								  IOMMUFD_OBJ_IOAS);
	ck_assert_ptr_nonnull(ioas);
	hwpt = ioas->hwpts;
	group = ctx->groups;
	area = iopt_area_find(ioas->iopt, IOVA, IOVA);
	ck_assert_ptr_nonnull(area);
	audit_holds();
}

static void teardown(void)
{
	rig_halt(&rig);
}

START_TEST(an_object_that_is_wrong_is_found)
{
	const char *const users = "iommufd: an object's users are not 1 and its references";

	AUDIT_FINDS(ioas->obj.users, ioas->obj.users + 1, users);
	AUDIT_FINDS(hwpt->hwpt.obj.users, 1, users);
	AUDIT_FINDS(ioas->obj.id, hwpt->hwpt.obj.id, "iommufd: an object does not know its id");
	AUDIT_FINDS(ioas->obj.visible, false, "iommufd: an object was never finished");
	AUDIT_FINDS(ctx->object_count, ctx->object_count + 1, "iommufd: objects are miscounted");
	AUDIT_FINDS(ctx->object_lowest, ctx->object_slots,
		    "iommufd: an id below the lowest free one is free");
	AUDIT_FINDS(rig.machine->iommufd.live, 2, "iommufd: contexts are miscounted");
	/* An id that is dead counts, and has no
							    users to look at. */
	ioas->obj.tombstone = true;
	ioas->obj.users += 77;
	audit_holds();
	ioas->obj.users -= 77;
	ioas->obj.tombstone = false;
}
END_TEST

START_TEST(a_hwpt_that_is_wrong_is_found)
{
	struct iommufd_ioas other = *ioas;

	hwpt->ioas = &other; /* It still counts on its own. */
	audit_says("iommufd: a HWPT is in the list of another IOAS");
	hwpt->ioas = ioas;
	AUDIT_FINDS(hwpt->in_iopt, false, "iommufd: an IOAS has other domains than its HWPTs");
}
END_TEST

START_TEST(an_attachment_that_is_wrong_is_found)
{
	struct iommufd_attach *attach = group->attachments;
	struct iommufd_group other = *group;
	struct iommu_group *hardware = group->group;

	AUDIT_FINDS(attach->devices[0]->igroup, &other,
		    "iommufd: a device is attached with another group");
	AUDIT_FINDS(hardware->domain, hardware->blocking_domain,
		    "iommufd: a group is not on the domain of its HWPT");
	AUDIT_FINDS(hardware->owner, &other, "iommufd: a bound group is not the context's own");
	AUDIT_FINDS(attach->pasid, 5, "iommufd: a group that is not attached is not blocked");
	attach->count = 0;
	hwpt->hwpt.obj.users--;
	attach->devices[0]->obj.users--;
	audit_says("iommufd: an attachment without devices");
	attach->devices[0]->obj.users++;
	hwpt->hwpt.obj.users++;
	attach->count = 1;
	audit_holds();
}
END_TEST

START_TEST(an_area_that_is_wrong_is_found)
{
	struct io_pagetable *iopt = ioas->iopt;
	struct iopt_reserved *window = &iopt->reserved[0];
	struct iopt_range allowed = {window->first, window->last};

	ck_assert_uint_ge(iopt->reserved_count, 1);
	AUDIT_FINDS(window->first, 2 * IOVA, "iommufd: an area touches a reserved range");
	AUDIT_FINDS(iopt->alignment, SIO_BIT(21), "iommufd: an area is not aligned");
	AUDIT_FINDS(area->filled, false,
		    "iommufd: an area is filled without a domain, or not filled with one");
	iopt->allowed = &allowed;
	AUDIT_FINDS(iopt->allowed_count, 1, "iommufd: an allowed range touches a reserved one");
	iopt->allowed = NULL;
}
END_TEST

START_TEST(pages_that_are_wrong_are_found)
{
	struct iopt_pages *pages = area->pages;
	struct user *user = pages->payer.user;

	AUDIT_FINDS(pages->pinned, PAGES - 1, "iommufd pages: pinned pages are miscounted");
	AUDIT_FINDS(pages->charged, PAGES - 1, "iommufd pages: charge differs from what is pinned");
	AUDIT_FINDS(pages->count, PAGES - 1, "iommufd pages: an extent beyond the last page");
	ck_assert_ptr_nonnull(user);
	AUDIT_FINDS(pages->account, IOPT_ACCOUNT_USER,
		    "iommufd: a user pays for other pages than are charged to it");
}
END_TEST

START_TEST(a_translation_that_is_wrong_is_found)
{
	const struct iommu_domain *domain = hwpt->hwpt.domain;
	struct pt_run run = iommu_query(domain, IOVA, PAGES);

	ck_assert_uint_ge(run.pages, 2);
	/* The area shows the pages one later; the next area's end what lies behind it. */
	area->start += SIO_PAGE_SIZE;
	audit_says("iommufd: a domain does not translate to an area's page");
	area->start -= SIO_PAGE_SIZE;
	audit_holds();
	AUDIT_FINDS(area->last, area->last + SIO_PAGE_SIZE,
		    "iommufd: a filled area's page is not held");
	AUDIT_FINDS(iopt_area_find(ioas->iopt, 2 * IOVA, 2 * IOVA)->pages, area->pages,
		    "iommufd: a domain does not translate to an area's page");
}
END_TEST

static struct pin_run seen[8];
static unsigned seen_count;

static bool note_run(void *arg, const struct pin_run *run)
{
	(void)arg;
	ck_assert_uint_lt(seen_count, 8);
	seen[seen_count++] = *run;
	return true;
}

static bool each_pin(const void *source, bool (*fn)(void *ctx, const struct pin_run *run),
		     void *arg)
{
	return iommufd_each_pin(source, fn, arg);
}

/* The pins of the machine are those of both containers' and of nobody else's. */
START_TEST(a_pin_that_iommufd_does_not_have_is_found)
{
	struct t1_more_pins more = {.each = each_pin, .source = &rig.machine->iommufd};
	struct phys *phys = rig.machine->phys;
	uint64_t pages = 0;

	seen_count = 0;
	ck_assert(iommufd_each_pin(&rig.machine->iommufd, note_run, NULL));
	for (unsigned i = 0; i < seen_count; i++)
		pages += seen[i].pages;
	ck_assert_uint_eq(pages, 2 * PAGES);
	ck_assert_ptr_null(t1_audit_all_pins(NULL, 0, NULL, &more, phys));
	phys_frames_pin(phys, seen[0].pa >> SIO_PAGE_LG2, 1);
	ck_assert_str_eq(t1_audit_all_pins(NULL, 0, NULL, &more, phys),
			 "a frame has another pin count than mappings that hold it");
	phys_frames_unpin(phys, seen[0].pa >> SIO_PAGE_LG2, 1);
	ck_assert_str_eq(t1_audit_all_pins(NULL, 0, NULL, NULL, phys),
			 "a frame is pinned that no mapping holds");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, an_object_that_is_wrong_is_found);
	tcase_add_test(tcase, a_hwpt_that_is_wrong_is_found);
	tcase_add_test(tcase, an_attachment_that_is_wrong_is_found);
	tcase_add_test(tcase, an_area_that_is_wrong_is_found);
	tcase_add_test(tcase, pages_that_are_wrong_are_found);
	tcase_add_test(tcase, a_translation_that_is_wrong_is_found);
	tcase_add_test(tcase, a_pin_that_iommufd_does_not_have_is_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
