// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains of PASIDs in the VT-d driver: which tables a request with a PASID goes by, and that
 * nothing of an old attachment is left. Entries are taken apart by hand from raw memory.
 */
#include <string.h>

#include "drv_user_rig.h"
#include "harness.h"
#include "prng.h"

#define RW      (IOMMU_READ | IOMMU_WRITE)
#define PAGE    UINT64_C(4096)
#define IOVA    UINT64_C(0x10000)
#define MEMORY  UINT64_C(0x4000000)
#define ADDRESS UINT64_C(0xffffffffff000)

#define DIRECTORY_ABSENT 0x51
#define ENTRY_ABSENT     0x59
#define PASID_BEYOND     0x46
#define PASID_DISABLED   0x45
#define NO_READ          0x79

static struct user_rig u;
static struct iommu_domain *domain[8];

static void open_domains(uint64_t ecap, bool services)
{
	user_open(&u, CAP_48, ecap, services, NULL);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(domain); i++) {
		const uint32_t word = 0x1000 + i;

		domain[i] = user_domain(&u, IOMMU_ALLOC_PASID);
		ck_assert_int_eq(rig_map(domain[i], IOVA, MEMORY + i * PAGE, PAGE, RW), 0);
		ck_assert(phys_write(u.rig.iommu.phys, MEMORY + i * PAGE, &word, sizeof(word)));
	}
}

static void detach_all(struct iommu_device *dev)
{
	while (dev->group && dev->group->pasid_count)
		iommu_detach_pasid(dev->group->pasids[0].domain, dev, dev->group->pasids[0].pasid);
}

static void teardown(void)
{
	for (struct iommu_device *dev = user_device(&u, RID_A); dev; dev = dev->next) {
		detach_all(dev);
		if (dev->group && dev->group->owner)
			user_release(&u, dev->pci->rid);
	}
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(domain); i++) {
		if (domain[i])
			iommu_domain_free(domain[i]);
		domain[i] = NULL;
	}
	ck_assert_uint_eq(u.rig.stale, 0);
	user_close(&u);
}

static struct iommu_device *dev_a(void)
{
	return user_device(&u, RID_A);
}

/* What a function reads at IOVA, or the reason of its fault. */
static uint32_t reads(uint16_t rid, uint32_t pasid)
{
	uint32_t word = 0;
	uint8_t reason = user_dma(&u, rid, pasid, IOVA, DMA_READ, &word);

	return reason ? reason : word;
}

/* The PASID's entry by hand, 0: no table for it. */
static pa_t entry_at(uint16_t rid, uint32_t pasid)
{
	const uint64_t root = u.rig.unit[0]->ops->mmio_read(u.rig.unit[0], 0x20, 8) & ADDRESS;
	const uint64_t context =
		(raw_word(&u.rig, root + (rid >> 8) * 16u) & ADDRESS) + (rid & 0x7f) * 32u;
	const uint64_t slot =
		raw_word(&u.rig, (raw_word(&u.rig, context) & ADDRESS) + (pasid >> 6) * 8u);

	return slot & 1 ? (slot & ADDRESS) + (pasid & 63) * 64u : 0;
}

/* A failure plan; "" clears it. */
static void plan(const char *text)
{
	char why[INJECT_ERROR_LEN];

	ck_assert_msg(!inject_plan(&u.rig.iommu.inject, text, why), "%s", why);
}

START_TEST(each_pasid_goes_by_its_own_domain)
{
	open_domains(ECAP_STAGES, false);
	ck_assert_uint_eq(dev_a()->max_pasids, 1u << 20);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev_a(), 1), 0);
	ck_assert_int_eq(iommu_attach_pasid(domain[2], dev_a(), 0xfffff), 0);
	ck_assert_int_eq(iommu_attach_pasid(domain[2], dev_a(), 70000), 0);
	ck_assert_uint_eq(reads(RID_A, 1), 0x1001);
	ck_assert_uint_eq(reads(RID_A, 0xfffff), 0x1002);
	ck_assert_uint_eq(reads(RID_A, 70000), 0x1002);
	ck_assert_uint_eq(reads(RID_A, 2), ENTRY_ABSENT);
	ck_assert_uint_eq(reads(RID_A, 500), DIRECTORY_ABSENT);
	ck_assert_uint_eq(reads(RID_A, 1u << 20), PASID_BEYOND);
	/* Another function's PASIDs are its own. */
	ck_assert_uint_eq(reads(RID_B, 1), ENTRY_ABSENT);
	/* Present, 4 levels, second stage; no first stage. */
	ck_assert_uint_eq(raw_word(&u.rig, entry_at(RID_A, 1)) & 0xfff, 1 | 2 << 2 | 2 << 6);
	ck_assert_uint_eq(raw_word(&u.rig, entry_at(RID_A, 1) + 16), 0);
	ck_assert_uint_eq(domain[2]->attached, 2);
	rig_audit(&u.rig);
}
END_TEST

START_TEST(requests_without_a_pasid_are_another_attachment)
{
	open_domains(ECAP_STAGES, false);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev_a(), 5), 0);
	ck_assert_uint_ne(reads(RID_A, 0), 0x1001);
	user_claim(&u, RID_B);
	user_release(&u, RID_B);
	iommu_detach_pasid(domain[1], dev_a(), 5);
	user_claim(&u, RID_A);
	ck_assert_int_eq(iommu_attach_group(domain[1], rig_group(&u.rig, RID_A)), 0);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev_a(), 5), 0);
	ck_assert_int_eq(iommu_attach_pasid(domain[2], dev_a(), 6), 0);
	ck_assert_uint_eq(reads(RID_A, 0), 0x1001);
	ck_assert_uint_eq(reads(RID_A, 5), 0x1001);
	ck_assert_uint_eq(reads(RID_A, 6), 0x1002);
	iommu_detach_group(domain[1], rig_group(&u.rig, RID_A));
	ck_assert_uint_eq(reads(RID_A, 0), ENTRY_ABSENT);
	ck_assert_uint_eq(reads(RID_A, 5), 0x1001);
	iommu_unmap(domain[1], IOVA, PAGE);
	ck_assert_uint_eq(reads(RID_A, 5), NO_READ);
	ck_assert_uint_eq(reads(RID_A, 6), 0x1002);
}
END_TEST

START_TEST(detached_and_replaced_pasids_are_forgotten)
{
	open_domains(ECAP_STAGES, false);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev_a(), 9), 0);
	ck_assert_uint_eq(reads(RID_A, 9), 0x1001);
	ck_assert_int_eq(iommu_replace_pasid(domain[2], dev_a(), 9), 0);
	ck_assert_uint_eq(reads(RID_A, 9), 0x1002);
	ck_assert_int_eq(iommu_replace_pasid(domain[2], dev_a(), 9), 0);
	ck_assert_uint_eq(domain[1]->attached, 0);
	ck_assert_uint_eq(domain[2]->attached, 1);
	iommu_detach_pasid(domain[2], dev_a(), 9);
	ck_assert_uint_eq(reads(RID_A, 9), ENTRY_ABSENT);
	for (unsigned word = 0; word < 8; word++)
		ck_assert_uint_eq(raw_word(&u.rig, entry_at(RID_A, 9) + word * 8), 0);
	/* Twice does no harm, nor by a domain that it is not on. */
	iommu_detach_pasid(domain[2], dev_a(), 9);
	ck_assert_int_eq(iommu_attach_pasid(domain[3], dev_a(), 9), 0);
	iommu_detach_pasid(domain[2], dev_a(), 9);
	ck_assert_uint_eq(reads(RID_A, 9), 0x1003);
}
END_TEST

START_TEST(attachments_that_cannot_be_are_refused)
{
	struct iommu_domain *old;

	open_domains(ECAP_STAGES, false);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev_a(), 0), -EINVAL);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev_a(), 1u << 20), -EINVAL);
	ck_assert_int_eq(iommu_replace_pasid(domain[1], dev_a(), 3), -EINVAL);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev_a(), 3), 0);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev_a(), 3), -EBUSY);
	ck_assert_int_eq(iommu_attach_pasid(domain[2], dev_a(), 3), -EBUSY);
	/* Of another driver: the old one stays. */
	old = domain[1];
	domain[2]->driver = NULL;
	ck_assert_int_eq(iommu_replace_pasid(domain[2], dev_a(), 3), -EINVAL);
	domain[2]->driver = old->driver;
	ck_assert_uint_eq(reads(RID_A, 3), 0x1001);
	/* A point that fails leaves everything as it was. */
	for (unsigned nth = 1; nth < 3; nth++) {
		plan(nth == 1 ? "alloc:nth=1" : "iommu.pasid.attach:nth=1");
		ck_assert_int_eq(iommu_attach_pasid(domain[2], dev_a(), 4), -ENOMEM);
		ck_assert_uint_eq(reads(RID_A, 4), ENTRY_ABSENT);
		ck_assert_uint_eq(domain[2]->attached, 0);
	}
	plan("iommu.pasid.attach:nth=1");
	ck_assert_int_eq(iommu_replace_pasid(domain[2], dev_a(), 3), -ENOMEM);
	ck_assert_uint_eq(reads(RID_A, 3), 0x1001);
}
END_TEST

START_TEST(functions_without_pasids_take_all_and_none_is_programmed)
{
	struct iommu_device *dev;
	uint32_t tables;

	open_domains(_i ? ECAP_STAGES : ECAP_STAGES & ~SIO_BIT(40), false);
	dev = _i ? user_device(&u, RID_E) : dev_a();
	ck_assert_uint_eq(dev->max_pasids, 0);
	tables = (uint32_t)phys_table_count(u.rig.iommu.phys);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev, 1), 0);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev, UINT32_MAX - 1), 0);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev, 1), -EBUSY);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev, 0), -EINVAL);
	ck_assert_uint_eq(phys_table_count(u.rig.iommu.phys), tables);
	if (!_i)
		ck_assert_uint_eq(reads(RID_A, 1), PASID_DISABLED);
	detach_all(dev);
	ck_assert_uint_eq(domain[1]->attached, 0);
}
END_TEST

START_TEST(what_a_function_remembers_of_a_pasid_goes_with_the_mapping)
{
	struct dma_req req = {
		.has_pasid = true, .pasid = 12, .iova = IOVA, .len = 4, .kind = DMA_READ};
	uint32_t word = 0;

	open_domains(ECAP_STAGES | ECAP_DT, true);
	ck_assert_int_eq(iommu_attach_pasid(domain[1], dev_a(), 12), 0);
	ck_assert_int_eq(iommu_attach_pasid(domain[2], dev_a(), 13), 0);
	ck_assert_int_eq(ats_access(u.ats_a, &req, &word).outcome, ATS_OK);
	ck_assert_uint_eq(word, 0x1001);
	req.pasid = 13;
	ck_assert_int_eq(ats_access(u.ats_a, &req, &word).outcome, ATS_OK);
	ck_assert_uint_eq(word, 0x1002);
	ck_assert_uint_eq(ats_count(u.ats_a), 2);
	iommu_unmap(domain[1], IOVA, PAGE);
	ck_assert_uint_eq(ats_count(u.ats_a), 1);
	iommu_detach_pasid(domain[2], dev_a(), 13);
	ck_assert_uint_eq(ats_count(u.ats_a), 0);
	ck_assert_int_ne(ats_access(u.ats_a, &req, &word).outcome, ATS_OK);
}
END_TEST

START_TEST(a_function_that_answers_no_invalidation_is_given_up)
{
	struct dma_req req = {.iova = IOVA, .len = 4, .kind = DMA_READ};
	uint32_t word = 0;

	open_domains(ECAP_STAGES | ECAP_DT, true);
	user_claim(&u, RID_A);
	ck_assert_int_eq(iommu_attach_group(domain[1], rig_group(&u.rig, RID_A)), 0);
	ck_assert_int_eq(ats_access(u.ats_a, &req, &word).outcome, ATS_OK);
	ats_set_manners(u.ats_a, ATS_MUTE);
	ck_assert_uint_eq(iommu_unmap(domain[1], IOVA, PAGE), PAGE);
	ats_set_manners(u.ats_a, ATS_PROMPT);
	/* The queue goes on for others. */
	ck_assert_int_eq(iommu_attach_pasid(domain[2], user_device(&u, RID_B), 3), 0);
	ck_assert_uint_eq(reads(RID_B, 3), 0x1002);
	iommu_unmap(domain[2], IOVA, PAGE);
	ck_assert_uint_eq(reads(RID_B, 3), NO_READ);
}
END_TEST

START_TEST(random_attachments_agree_with_a_list)
{
	const uint64_t seed = 0x9a51d + (uint64_t)_i;
	struct prng rng = {.state = seed};
	uint32_t pasid[24];
	unsigned on[24] = {0}; /* domain, 0: none */

	open_domains(ECAP_STAGES, false);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(pasid); i++)
		pasid[i] = i < 12 ? 1 + i : 1 + i * 43000;
	for (unsigned step = 0; step < 1200; step++) {
		const unsigned n = (unsigned)prng_below(&rng, SIO_ARRAY_SIZE(pasid));
		const unsigned d = 1 + (unsigned)prng_below(&rng, SIO_ARRAY_SIZE(domain) - 1);
		uint32_t got;
		int rc;

		switch (prng_below(&rng, 4)) {
		case 0:
			rc = iommu_attach_pasid(domain[d], dev_a(), pasid[n]);
			rig_assert(rc == (on[n] ? -EBUSY : 0));
			on[n] = on[n] ? on[n] : d;
			break;
		case 1:
			rc = iommu_replace_pasid(domain[d], dev_a(), pasid[n]);
			rig_assert(rc == (on[n] ? 0 : -EINVAL));
			on[n] = on[n] ? d : 0;
			break;
		case 2:
			if (on[n])
				iommu_detach_pasid(domain[on[n]], dev_a(), pasid[n]);
			on[n] = 0;
			break;
		default:
			break;
		}
		got = reads(RID_A, pasid[n]);
		if (on[n] ? got != 0x1000 + on[n] : got != ENTRY_ABSENT && got != DIRECTORY_ABSENT)
			ck_abort_msg("seed %ju step %u pasid %u: %x", (uintmax_t)seed, step,
				     pasid[n], got);
		if (step % 50 == 0)
			rig_audit(&u.rig);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("PASIDs");
	TCase *tc = tcase_create("vtd");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, each_pasid_goes_by_its_own_domain);
	tcase_add_test(tc, requests_without_a_pasid_are_another_attachment);
	tcase_add_test(tc, detached_and_replaced_pasids_are_forgotten);
	tcase_add_test(tc, attachments_that_cannot_be_are_refused);
	tcase_add_loop_test(tc, functions_without_pasids_take_all_and_none_is_programmed, 0, 2);
	tcase_add_test(tc, what_a_function_remembers_of_a_pasid_goes_with_the_mapping);
	tcase_add_test(tc, a_function_that_answers_no_invalidation_is_given_up);
	tcase_add_loop_test(tc, random_attachments_agree_with_a_list, 0, 4);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
