// SPDX-License-Identifier: GPL-2.0-only
/* What the audit of a domain of the AMD-Vi driver must refuse; ids that run out. */
#include "drv_amdvi_rig.h"

#include "audit_break.h"
#include "drv/drv_amdvi_priv.h"

static struct rig rig;

static const char *audit_now(void)
{
	return iommu_domain_audit(rig.domain);
}

/* Two units, so that counts add up over both. */
static void setup(void)
{
	static const struct rig_cfg two = {.units = 2,
					   .efr = {EFR, EFR},
					   .capability = {CAPABILITY, CAPABILITY}};

	rig_open(&rig, &two);
	rig.domain = rig_attach(&rig, RID_A);
	audit_holds();
}

static void teardown(void)
{
	rig_detach(&rig, RID_A, rig.domain);
	iommu_domain_free(rig.domain);
	rig_close(&rig);
}

START_TEST(a_domain_that_is_wrong_is_found)
{
	struct amd_domain *ad = (struct amd_domain *)(void *)rig.domain;
	const uint64_t reg = raw_reg(&rig, 0, 0);
	uint64_t *entry =
		phys_ptr(rig.iommu.phys, (reg & UINT64_C(0xffffffffff000)) + RID_A * UINT64_C(32));

	AUDIT_FINDS(ad->drv->domain_ids[ad->id / 64], 0, "a domain id is in use and marked free");
	AUDIT_FINDS(ad->refs[0], 2, "a domain's device counts do not add up");
	AUDIT_FINDS(ad->refs[1], 1, "a domain's device counts do not add up");
	/* The mode; then the domain id. */
	AUDIT_FINDS(entry[0], entry[0] ^ UINT64_C(0x200),
		    "a device table entry does not name the domain of its device");
	AUDIT_FINDS(entry[1], entry[1] + 1,
		    "a device table entry does not name the domain of its device");
	AUDIT_FINDS(ad->pt.root, PA_NONE, "the blocking domain lists a device");
}
END_TEST

/* Ids are 16 bits, and 0 is nobody's. */
START_TEST(domain_ids_run_out_with_enomem_and_come_back)
{
	struct amd_domain *ad = (struct amd_domain *)(void *)rig.domain;
	uint64_t *ids = ad->drv->domain_ids, *before = malloc(sizeof(ad->drv->domain_ids));
	struct iommu_device *dev = rig_group(&rig, RID_A)->devices;
	struct iommu_domain *last, *none = NULL;

	ck_assert_ptr_nonnull(before);
	memcpy(before, ids, sizeof(ad->drv->domain_ids));
	memset(ids, 0xff, sizeof(ad->drv->domain_ids));
	ids[0xffff / 64] &= ~SIO_BIT(0xffff % 64);
	ck_assert_int_eq(iommu_domain_alloc_user(dev, 0, NULL, &last), 0);
	ck_assert_uint_eq(((struct amd_domain *)(void *)last)->id, 0xffff);
	ck_assert_int_eq(iommu_domain_alloc_user(dev, 0, NULL, &none), -ENOMEM);
	ck_assert_ptr_null(none);
	iommu_domain_free(last);
	ck_assert_int_eq(iommu_domain_alloc_user(dev, 0, NULL, &last), 0);
	ck_assert_uint_eq(((struct amd_domain *)(void *)last)->id, 0xffff);
	iommu_domain_free(last);
	memcpy(ids, before, sizeof(ad->drv->domain_ids));
	free(before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("AMD-Vi driver audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_domain_that_is_wrong_is_found);
	tcase_add_test(tcase, domain_ids_run_out_with_enomem_and_come_back);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
