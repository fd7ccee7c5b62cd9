// SPDX-License-Identifier: GPL-2.0-only
/* What the audit of a domain of the VT-d driver must refuse, in legacy and in scalable mode. */
#include "drv_vtd_rig.h"

#include "audit_break.h"
#include "drv/drv_vtd_priv.h"

#define ADDRESS UINT64_C(0xffffffffff000)

static struct rig rig;

static const char *audit_now(void)
{
	return iommu_domain_audit(rig.domain);
}

static const struct rig_cfg legacy = {.cap = {CAP_48}, .ecap = {ECAP_SC}, .units = 1};
static const struct rig_cfg scalable = {.cap = {CAP_48},
					.ecap = {UINT64_C(0x480080f00f4a)},
					.units = 1,
					.scalable = true};

static struct vtd_domain *open_attached(const struct rig_cfg *cfg)
{
	rig_open(&rig, cfg);
	rig.domain = rig_attach(&rig, RID_A);
	audit_holds();
	return (struct vtd_domain *)(void *)rig.domain;
}

static void teardown(void)
{
	rig_detach(&rig, RID_A, rig.domain);
	iommu_domain_free(rig.domain);
	rig_close(&rig);
}

/* Where the bus's table of contexts begins: the lower 128 functions' in scalable mode. */
static pa_t contexts(void)
{
	const uint64_t root = rig.unit[0]->ops->mmio_read(rig.unit[0], 0x20, 8) & ADDRESS;

	return raw_word(&rig, root + (RID_A >> 8) * 16u) & ADDRESS;
}

START_TEST(a_domain_that_is_wrong_is_found)
{
	struct vtd_domain *vd = open_attached(&legacy);
	struct vtd_user *user = &vd->users[0];

	ck_assert_uint_eq(vd->user_count, 1);
	AUDIT_FINDS(user->refs, 2, "a domain's device count for a unit is wrong");
	AUDIT_FINDS(user->refs, 0, "a domain's device count for a unit is wrong");
	AUDIT_FINDS(user->did, 0, "a domain is in use without a domain id");
	AUDIT_FINDS(user->unit->dids[user->did / 64], 0, "a domain id is in use and marked free");
	AUDIT_FINDS(rig.domain->type, IOMMU_DOMAIN_BLOCKED, "the blocking domain lists a device");
}
END_TEST

START_TEST(a_context_entry_that_is_wrong_is_found)
{
	const char *const text = "a context entry does not name the domain of its device";
	uint64_t *entry;

	open_attached(&legacy);
	entry = phys_ptr(rig.iommu.phys, contexts() + (RID_A & 0xff) * 16u);
	/* The table; fault processing; the width; the domain id. */
	AUDIT_FINDS(entry[0], entry[0] + 0x1000, text);
	AUDIT_FINDS(entry[0], entry[0] | 2, text);
	AUDIT_FINDS(entry[1], entry[1] ^ 1, text);
	AUDIT_FINDS(entry[1], entry[1] + 0x100, text);
}
END_TEST

START_TEST(a_pasid_entry_that_is_wrong_is_found)
{
	const char *const text = "a PASID entry does not name the domain of its device";
	uint64_t *context, *entry, directory;

	open_attached(&scalable);
	context = phys_ptr(rig.iommu.phys, contexts() + (RID_A & 0x7f) * 32u);
	directory = raw_word(&rig, context[0] & ADDRESS);
	entry = phys_ptr(rig.iommu.phys, directory & ADDRESS);
	ck_assert_uint_ne(entry[0] & 1, 0);
	AUDIT_FINDS(entry[0], entry[0] ^ 1, text);
	AUDIT_FINDS(entry[0], entry[0] + 0x1000, text);
	AUDIT_FINDS(entry[1], entry[1] + 1, text);
	AUDIT_FINDS(context[0], context[0] ^ 4,
		    "a context entry does not say what is known of its device");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("VT-d driver audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, a_domain_that_is_wrong_is_found);
	tcase_add_test(tcase, a_context_entry_that_is_wrong_is_found);
	tcase_add_test(tcase, a_pasid_entry_that_is_wrong_is_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
