// SPDX-License-Identifier: GPL-2.0-only
/* What the audit of an AMD-Vi unit must refuse, fact by fact. */
#include "amdvi_rig.h"
#include "amdvi/amdvi_unit.h"
#include "audit_break.h"

static struct rig rig;

static const char *audit_now(void)
{
	return rig.unit->ops->audit(rig.unit);
}

START_TEST(a_unit_whose_registers_and_state_differ_is_found)
{
	struct amdvi *amdvi;

	rig_init(&rig, EFR_RECORDED, CAP_RECORDED);
	amdvi = amdvi_of(rig.unit);
	audit_holds();
	AUDIT_FINDS(amdvi->invalidating, true, "an invalidation was begun and not ended");
	AUDIT_FINDS(amdvi->tlb->filling, false, "an invalidation was begun and not ended");
	AUDIT_FINDS(amdvi->control, amdvi->control | 2,
		    "translations follow another control register");
	/* CmdBufRun is bit 4 of the status register. */
	ck_assert_uint_ne(amdvi->reg[AMDVI_STATUS] & 0x10, 0);
	amdvi->control &= ~C_COMMAND;
	amdvi->reg[AMDVI_CONTROL] = amdvi->control;
	audit_says("the command buffer runs that is not enabled");
	amdvi->control |= C_COMMAND;
	amdvi->reg[AMDVI_CONTROL] = amdvi->control;
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_test(tcase, a_unit_whose_registers_and_state_differ_is_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
