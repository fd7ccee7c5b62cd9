// SPDX-License-Identifier: GPL-2.0-only
/* What the audit of a VT-d unit must refuse, fact by fact. */
#include "audit_break.h"
#include "vtd/vtd_unit.h"
#include "vtd_rig.h"

#define A  UINT64_C(0x40000000)
#define IP 0x40000000u /* interrupt pending */
#define IM 0x80000000u /* ... and masked */

static struct rig rig;

static const char *audit_now(void)
{
	return rig.unit->ops->audit(rig.unit);
}

static struct vtd *setup(void)
{
	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, PA_DATA | 3);
	ck_translates(rread(&rig, A), PA_DATA);
	audit_holds();
	return vtd_of(rig.unit);
}

START_TEST(fault_status_that_does_not_fit_the_records_is_found)
{
	struct vtd *vtd = setup();
	uint64_t *fsts = &vtd->reg[VTD_FSTS];

	AUDIT_FINDS(*fsts, 2, "FSTS.PPF does not tell whether a fault is recorded");
	ck_faults(rread(&rig, 0), 6);
	audit_holds();
	AUDIT_FINDS(*fsts, 0, "FSTS.PPF does not tell whether a fault is recorded");
	/* One recording register, so that the index is 0. */
	AUDIT_FINDS(*fsts, *fsts | 0x100, "FSTS.FRI names no recording register");
	rig_fini(&rig);
}
END_TEST

START_TEST(an_event_that_is_pending_and_should_not_is_found)
{
	struct vtd *vtd = setup();

	AUDIT_FINDS(vtd->reg[VTD_FECTL], IP | IM, "a fault event is pending without a cause");
	AUDIT_FINDS(vtd->reg[VTD_IECTL], IP,
		    "an invalidation event is pending though it is not masked");
	AUDIT_FINDS(vtd->reg[VTD_PECTL], IP,
		    "a page request event is pending though it is not masked");
	ck_faults(rread(&rig, 0), 6);
	AUDIT_FINDS(vtd->reg[VTD_FECTL], IP, "a fault event is pending though it is not masked");
	rig_fini(&rig);
}
END_TEST

START_TEST(a_unit_that_is_halfway_through_something_is_found)
{
	struct vtd *vtd = setup();

	AUDIT_FINDS(vtd->invalidating, true, "an invalidation was begun and not ended");
	AUDIT_FINDS(vtd->tlb->filling, false, "an invalidation was begun and not ended");
	AUDIT_FINDS(vtd->translating, false, "GSTS.TES does not tell whether the unit translates");
	AUDIT_FINDS(vtd->reg[VTD_IQH], 0x10,
		    "the invalidation queue stands still without an error");
	/* With an error it does stand still. */
	vtd->reg[VTD_IQH] = 0x10;
	vtd->reg[VTD_FSTS] |= 0x10;
	audit_holds();
	vtd->reg[VTD_IQH] = 0;
	vtd->reg[VTD_FSTS] = 0;
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_test(tcase, fault_status_that_does_not_fit_the_records_is_found);
	tcase_add_test(tcase, an_event_that_is_pending_and_should_not_is_found);
	tcase_add_test(tcase, a_unit_that_is_halfway_through_something_is_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
