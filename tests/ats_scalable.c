// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function with a device TLB below a VT-d unit in scalable mode: several address spaces by PASID,
 * and the invalidations that name them.
 */
#include "ats.h"
#include "harness.h"
#include "vtd_rig.h"

/* Scalable mode, second and first stage, PASIDs of 20 bits, device TLBs. */
#define ECAP_SM                                                                       \
	(ECAP_VTD48 | 4 | UINT64_C(1) << 43 | UINT64_C(1) << 46 | UINT64_C(1) << 40 | \
	 UINT64_C(19) << 35)

#define PA_LOWER     0x18000u
#define PA_DIRECTORY 0x19000u
#define PA_PASIDS    0x1a000u
#define CTX          (PA_LOWER + 32 * (RID & 0x7f))
#define A            UINT64_C(0x40000000)

/* PASIDs 0 (of requests without one), 1 and 2 share the tables at PA_TOP; DTE and PASIDE set. */
static struct ats_cache *sm_init(struct rig *rig)
{
	struct ats_cfg cfg = {.requester = RID};
	struct ats_cache *dev;

	rig_init_off(rig, CAP_VTD48, ECAP_SM);
	poke2(rig, PA_ROOT + 16 * 1, PA_LOWER | 1, 0);
	poke2(rig, CTX, PA_DIRECTORY | 4 | 8 | 1, 0);
	poke(rig, PA_DIRECTORY, PA_PASIDS | 1);
	for (unsigned pasid = 0; pasid < 3; pasid++) {
		/* 4 levels, second stage. */
		poke(rig, PA_PASIDS + 64 * pasid + 8, DID);
		poke(rig, PA_PASIDS + 64 * pasid, PA_TOP | 2 << 6 | 2 << 2 | 1);
	}
	wr(rig, R_IQA, 8, PA_QUEUE);
	gcmd(rig, G_QIE, 0);
	wr(rig, R_RTADDR, 8, PA_ROOT | 1 << 10);
	gcmd(rig, G_SRTP, 0);
	gcmd(rig, G_TE, 0);
	cfg.phys = rig->phys;
	dev = ats_create(rig->port, &cfg);
	ck_assert_ptr_nonnull(dev);
	ats_enable(dev, true, false);
	return dev;
}

static void sm_fini(struct rig *rig, struct ats_cache *dev)
{
	ck_assert_ptr_null(ats_audit(dev));
	ats_destroy(dev);
	rig_fini(rig);
}

/* pasid -1: none. */
static enum ats_outcome touch(struct ats_cache *dev, int pasid, enum dma_kind kind)
{
	const struct dma_req req = {.has_pasid = pasid >= 0,
				    .pasid = pasid < 0 ? 0 : (uint32_t)pasid,
				    .iova = A,
				    .len = 8,
				    .kind = kind};
	uint64_t value = 0;

	return ats_access(dev, &req, &value).outcome;
}

static void flush_pasid(struct rig *rig, uint32_t pasid, bool all_pasids)
{
	queue_push(rig, 8 | (uint64_t)RID << 16 | (uint64_t)pasid << 32, A | all_pasids);
	queue_wait(rig);
}

/* Which of "no PASID", 0, 1, 2 still reach the page: a bit each. */
static unsigned reach(struct ats_cache *dev)
{
	unsigned bits = 0;

	for (int pasid = -1; pasid < 3; pasid++)
		bits |= (touch(dev, pasid, DMA_READ) == ATS_OK ? 1u : 0u) << (pasid + 1);
	return bits;
}

/* All four spaces cached, then the page taken away and the unit's own caches emptied. */
static struct ats_cache *stale_init(struct rig *rig)
{
	struct ats_cache *dev = sm_init(rig);

	rig_map(rig, A, 0x900003);
	ck_assert_uint_eq(reach(dev), 0xf);
	ck_assert_uint_eq(ats_count(dev), 4);
	rig_map(rig, A, 0);
	flush_iotlb(rig);
	ck_assert_uint_eq(reach(dev), 0xf);
	return dev;
}

START_TEST(invalidation_with_pasid_reaches_that_pasid)
{
	struct rig rig;
	struct ats_cache *dev = stale_init(&rig);

	flush_pasid(&rig, 1, false);
	ck_assert_uint_eq(reach(dev), 0xb);
	flush_pasid(&rig, 5, false);
	ck_assert_uint_eq(reach(dev), 0xb);
	/* Without PASID: the function's own requests only. */
	queue_push(&rig, 3 | (uint64_t)RID << 32, A);
	queue_wait(&rig);
	ck_assert_uint_eq(reach(dev), 0xa);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	sm_fini(&rig, dev);
}
END_TEST

START_TEST(global_invalidation_reaches_every_pasid)
{
	struct rig rig;
	struct ats_cache *dev = stale_init(&rig);

	flush_pasid(&rig, 7, true);
	ck_assert_uint_eq(reach(dev), 1);
	sm_fini(&rig, dev);
}
END_TEST

START_TEST(read_request_gets_no_write_permission)
{
	const struct dma_req req = {.iova = A, .len = 8, .kind = DMA_READ};
	struct rig rig;
	struct ats_cache *dev = sm_init(&rig);

	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(ats_translate(dev, &req).perm, PT_R);
	ck_assert_uint_eq(touch(dev, -1, DMA_WRITE), ATS_OK);
	ck_assert_uint_eq(ats_translate(dev, &req).perm, PT_R | PT_W);
	sm_fini(&rig, dev);
}
END_TEST

START_TEST(context_without_dte_serves_no_device_tlb)
{
	struct rig rig;
	struct ats_cache *dev = sm_init(&rig);

	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(touch(dev, -1, DMA_READ), ATS_OK);
	poke2(&rig, CTX, PA_DIRECTORY | 8 | 1, 0);
	flush_context(&rig, 1, 0, 0);
	ck_assert_uint_eq(touch(dev, -1, DMA_READ), ATS_BLOCKED);
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), 0x900000);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8), UINT64_C(0xc000004400000108));
	/* Translated by the unit it still gets there. */
	ats_enable(dev, false, false);
	ck_assert_uint_eq(touch(dev, -1, DMA_READ), ATS_OK);
	sm_fini(&rig, dev);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ats_scalable");
	TCase *tc = tcase_create("ats");

	tcase_add_test(tc, invalidation_with_pasid_reaches_that_pasid);
	tcase_add_test(tc, global_invalidation_reaches_every_pasid);
	tcase_add_test(tc, read_request_gets_no_write_permission);
	tcase_add_test(tc, context_without_dte_serves_no_device_tlb);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
