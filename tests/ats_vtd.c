// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function with a device TLB below a VT-d unit in legacy mode: what it keeps, what takes it away,
 * what the unit lets pass, and invalidations that are answered late or never.
 */
#include "ats.h"
#include "harness.h"
#include "prng.h"
#include "vtd_rig.h"

#define ECAP_ATS (ECAP_VTD48 | 4)
#define CTX      (PA_CONTEXT + 0x80)
#define CTX_HI   (2 | DID << 8)
#define A        UINT64_C(0x40000000)
#define ITE      0x40u
#define ICE      0x20u

static struct ats_cache *ats_init(struct rig *rig, unsigned entries)
{
	struct ats_cfg cfg = {.requester = RID, .entries = entries};
	struct ats_cache *dev;

	rig_init(rig, CAP_VTD48, ECAP_ATS);
	/* Translation type 1: requests of a device TLB are answered. */
	poke2(rig, CTX, PA_TOP | 4 | 1, CTX_HI);
	cfg.phys = rig->phys;
	dev = ats_create(rig->port, &cfg);
	ck_assert_ptr_nonnull(dev);
	ats_enable(dev, true, false);
	return dev;
}

static void ats_fini(struct rig *rig, struct ats_cache *dev)
{
	const char *wrong = ats_audit(dev);

	ck_assert_msg(!wrong, "audit: %s", wrong);
	ats_destroy(dev);
	rig_fini(rig);
}

static struct ats_result dev_dma(struct ats_cache *dev, enum dma_kind kind, uint64_t iova,
				 uint64_t *value)
{
	const struct dma_req req = {.iova = iova, .len = 8, .kind = kind};

	return ats_access(dev, &req, value);
}

static uint64_t dev_read(struct ats_cache *dev, uint64_t iova)
{
	uint64_t value = 0;
	struct ats_result result = dev_dma(dev, DMA_READ, iova, &value);

	ck_assert_uint_eq(result.outcome, ATS_OK);
	ck_assert_uint_eq(result.done, 8);
	return value;
}

static enum ats_outcome dev_try(struct ats_cache *dev, enum dma_kind kind, uint64_t iova)
{
	uint64_t value = 0;
	struct ats_result result = dev_dma(dev, kind, iova, &value);

	ck_assert_uint_eq(result.done, result.outcome == ATS_OK ? 8 : 0);
	return result.outcome;
}

static void push_device_tlb(struct rig *rig, uint16_t rid, uint64_t address, bool size)
{
	queue_push(rig, 3 | (uint64_t)rid << 32, address | size);
}

static void flush_device_tlb(struct rig *rig, uint64_t address, bool size)
{
	push_device_tlb(rig, RID, address, size);
	queue_wait(rig);
}

/* ---- what is kept ---- */

START_TEST(function_uses_what_it_has_until_its_own_invalidation)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	poke(&rig, 0x900000, 111);
	poke(&rig, 0xa00000, 222);
	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(dev_read(dev, A), 111);
	rig_map(&rig, A, 0xa00003);
	flush_iotlb_page(&rig, DID, A, 0, false);
	/* The unit knows better, the function does not ask. */
	ck_translates(rread(&rig, A), 0xa00000);
	ck_assert_uint_eq(dev_read(dev, A), 111);
	flush_device_tlb(&rig, A, false);
	ck_assert_uint_eq(dev_read(dev, A), 222);
	rig_map(&rig, A, 0);
	flush_iotlb(&rig);
	ck_assert_uint_eq(dev_try(dev, DMA_WRITE, A), ATS_OK);
	flush_device_tlb(&rig, UINT64_C(0x7ffffffffffff000), true);
	ck_assert_uint_eq(dev_try(dev, DMA_WRITE, A), ATS_NOT_PERMITTED);
	/* A translation request that finds nothing is no fault. */
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(device_tlb_first_and_iotlb_second_leaves_a_stale_entry)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	rig_map(&rig, A, 0);
	flush_device_tlb(&rig, A, false);
	/* Filled again from the IOTLB. */
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	flush_iotlb(&rig);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	flush_device_tlb(&rig, A, false);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_NOT_PERMITTED);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(large_page_is_one_entry_and_goes_by_any_part_of_it)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);
	uint8_t buf[3 << 16] = {0};
	const struct dma_req req = {.iova = A + 0x1f0000 - 8, .len = sizeof(buf)};
	struct ats_result result;

	poke(&rig, rig_slot(&rig, A, 1), 0x10000083);
	poke(&rig, rig_slot(&rig, A + 0x200000, 1), 0x20000083);
	poke(&rig, 0x10000000 + 0x1f0000, 0x1122334455667788);
	poke(&rig, 0x20000000, 0x99);
	result = ats_access(dev, &req, buf);
	ck_assert_uint_eq(result.outcome, ATS_OK);
	ck_assert_uint_eq(result.done, sizeof(buf));
	ck_assert_uint_eq(ats_count(dev), 2);
	ck_assert_uint_eq(buf[8], 0x88);
	ck_assert_uint_eq(buf[0x10008], 0x99);
	flush_device_tlb(&rig, A + 0x1ff000, false);
	ck_assert_uint_eq(ats_count(dev), 1);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(permission_may_be_added_without_an_invalidation)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	rig_map(&rig, A, 0x900001);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	ck_assert_uint_eq(dev_try(dev, DMA_WRITE, A), ATS_NOT_PERMITTED);
	rig_map(&rig, A, 0x900003);
	flush_iotlb(&rig);
	ck_assert_uint_eq(dev_try(dev, DMA_WRITE, A), ATS_OK);
	ck_assert_uint_eq(ats_count(dev), 1);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(write_request_learns_that_the_page_can_be_read)
{
	const struct dma_req req = {.iova = A + 0x123, .len = 4, .kind = DMA_WRITE};
	struct ats_answer answer;
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	rig_map(&rig, A, 0x900001);
	answer = ats_translate(dev, &req);
	ck_assert_uint_eq(answer.status, ATS_SUCCESS);
	ck_assert_uint_eq(answer.perm, PT_R);
	ck_assert_uint_eq(answer.pa, 0x900123);
	ck_assert_uint_eq(answer.size_lg2, 12);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(full_cache_forgets_and_asks_again)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 4);

	for (uint64_t i = 0; i < 9; i++) {
		rig_map(&rig, A + (i << 12), (0x900000 + (i << 12)) | 3);
		poke(&rig, 0x900000 + (i << 12), i);
	}
	for (uint64_t round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 9; i++)
			ck_assert_uint_eq(dev_read(dev, A + (i << 12)), i);
	}
	ck_assert_uint_eq(ats_count(dev), 4);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(encoded_sizes_cover_what_a_bit_by_bit_reading_says)
{
	const uint64_t seed = 77;
	struct prng rng = {seed};

	for (unsigned i = 0; i < 5000; i++) {
		uint64_t address = prng_next(&rng) | SIO_MASK((unsigned)prng_below(&rng, 64), 0);
		unsigned lg2 = 12;
		iova_t first, last;

		address &= SIO_PAGE_MASK;
		while (lg2 < 64 && (address >> lg2 & 1))
			lg2++;
		lg2++;
		ats_decode_range(address, true, &first, &last);
		ck_assert_msg(first == (lg2 > 63 ? 0 : address >> lg2 << lg2) &&
				      last == (lg2 > 63 ? UINT64_MAX : first + (SIO_BIT(lg2) - 1)),
			      "seed %llu: %#llx", (unsigned long long)seed,
			      (unsigned long long)address);
		ats_decode_range(address, false, &first, &last);
		ck_assert_uint_eq(first, address);
		ck_assert_uint_eq(last, address + 4095);
	}
}
END_TEST

/* Random changes and invalidations against a list of what the function must have. */
START_TEST(random_operations_match_an_oracle)
{
	const uint64_t seed = 0xa75 + (uint64_t)_i;
	struct prng rng = {seed};
	uint64_t table[32] = {0}, kept[32] = {0};
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	for (uint64_t i = 1; i < 64; i++)
		poke(&rig, 0x900000 + (i << 12), i);
	for (unsigned n = 0; n < 2000; n++) {
		uint64_t page = prng_below(&rng, 32), at = A + (page << 12), value = 0, want;
		unsigned lg2 = (unsigned)prng_below(&rng, 6);
		uint64_t ones = (SIO_BIT(lg2) - 1) >> 1 << 12;
		struct ats_result result;

		switch (prng_below(&rng, 4)) {
		case 0:
			table[page] = prng_below(&rng, 3) ? 1 + prng_below(&rng, 63) : 0;
			rig_map(&rig, at, table[page] ? (0x900000 + (table[page] << 12)) | 3 : 0);
			flush_iotlb_page(&rig, DID, at, 0, true);
			break;
		case 1:
			flush_device_tlb(&rig, (at & ~((SIO_BIT(lg2) - 1) << 12)) | ones, lg2 > 0);
			for (uint64_t i = 0; i < 32; i++)
				kept[i] = i >> lg2 == page >> lg2 ? 0 : kept[i];
			break;
		default:
			want = kept[page] ? kept[page] : table[page];
			result = dev_dma(dev, DMA_READ, at, &value);
			ck_assert_msg(result.outcome == (want ? ATS_OK : ATS_NOT_PERMITTED) &&
					      (!want || value == want),
				      "seed %llu, step %u: %llu, not %llu",
				      (unsigned long long)seed, n, (unsigned long long)value,
				      (unsigned long long)want);
			kept[page] = want;
		}
		ck_assert_ptr_null(ats_audit(dev));
	}
	ats_fini(&rig, dev);
}
END_TEST

/* ---- what the unit lets pass ---- */

START_TEST(context_decides_whether_a_function_is_served)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	/* Untranslated requests only: the entry that it has is of no use any more. */
	poke2(&rig, CTX, PA_TOP | 1, CTX_HI);
	flush_context(&rig, 1, 0, 0);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A + 0x40), ATS_BLOCKED);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 2);
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), 0x900000);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8), UINT64_C(0xc000000d00000108));
	/* A translation request is refused in the same way, with its own address. */
	wr(&rig, R_FRCD + 12, 4, 0x80000000u);
	ck_assert_uint_eq(dev_try(dev, DMA_WRITE, A + 0x5000), ATS_BLOCKED);
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), A + 0x5000);
	ck_assert_uint_eq(rd(&rig, R_FRCD + 8, 8), UINT64_C(0x8000000d00000108));
	wr(&rig, R_FRCD + 12, 4, 0x80000000u);
	/* FPD silences it. */
	poke2(&rig, CTX, PA_TOP | 3, CTX_HI);
	flush_context(&rig, 1, 0, 0);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_BLOCKED);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(translated_requests_reach_whatever_they_name)
{
	uint64_t value = 0, msi = 0;
	struct ats_result result;
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	/* Nothing is mapped: a function that lies is believed. */
	poke(&rig, 0x700000, 4711);
	result = ats_access_translated(dev, DMA_READ, 0x700000, &value, 8);
	ck_assert_uint_eq(result.outcome, ATS_OK);
	ck_assert_uint_eq(value, 4711);
	/* But not where interrupts live, and not where nothing is. */
	result = ats_access_translated(dev, DMA_WRITE, 0xfee00000, &msi, 4);
	ck_assert_uint_eq(result.outcome, ATS_BLOCKED);
	ck_assert_uint_eq(rig.msis, 0);
	result = ats_access_translated(dev, DMA_READ, PA_NOWHERE, &value, 8);
	ck_assert_uint_eq(result.outcome, ATS_NOWHERE);
	/* While the unit does not translate, nothing that claims to be translated passes. */
	gcmd(&rig, 0, G_TE);
	result = ats_access_translated(dev, DMA_READ, 0x700000, &value, 8);
	ck_assert_uint_eq(result.outcome, ATS_BLOCKED);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_BLOCKED);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(interrupts_of_the_function_are_never_translated)
{
	const struct dma_req req = {.iova = 0xfee01000, .len = 4, .kind = DMA_WRITE};
	uint32_t data = 0x33;
	struct ats_result result;
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	result = ats_access(dev, &req, &data);
	ck_assert_uint_eq(result.outcome, ATS_OK);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rig.msi_data, 0x33);
	ck_assert_uint_eq(ats_count(dev), 0);
	ats_fini(&rig, dev);
}
END_TEST

struct bad_table {
	const char *what;
	uint64_t leaf, top;
	uint8_t code, status;
	bool fault;
};

static const struct bad_table bads[] = {
	{"nothing there", 0, 0, 0, ATS_SUCCESS, false},
	{"reserved leaf bit", 0x900803, 0, 0xc, ATS_UNSUPPORTED, true},
	{"table outside memory", 0, PA_NOWHERE | 3, 7, ATS_ABORTED, true},
	{"to the interrupt range", 0xfee00003, 0, 0xe, ATS_UNSUPPORTED, true},
};

START_TEST(bad_tables_are_told_and_recorded)
{
	const struct dma_req req = {.iova = A, .len = 8, .kind = DMA_READ};
	const struct bad_table *bad = &bads[_i];
	struct ats_cfg cfg = {.requester = RID};
	struct ats_answer answer;
	struct ats_cache *dev;
	struct rig rig;

	/* Without snoop control the snoop bit of a leaf is reserved. */
	rig_init(&rig, CAP_VTD48, ECAP_ATS & ~UINT64_C(0x80));
	poke2(&rig, CTX, PA_TOP | 4 | 1, CTX_HI);
	cfg.phys = rig.phys;
	dev = ats_create(rig.port, &cfg);
	ats_enable(dev, true, false);
	rig_map(&rig, A, bad->leaf);
	if (bad->top)
		poke(&rig, PA_TOP, bad->top);
	answer = ats_translate(dev, &req);
	ck_assert_msg(answer.status == bad->status, "%s", bad->what);
	ck_assert_msg(answer.perm == 0, "%s", bad->what);
	ck_assert_msg(rd(&rig, R_FSTS, 4) == (bad->fault ? 2 : 0), "%s", bad->what);
	ck_assert_msg((rd(&rig, R_FRCD + 8, 8) >> 32 & 0xff) == bad->code, "%s", bad->what);
	ck_assert_uint_eq(ats_count(dev), 0);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(function_that_is_switched_off_sends_untranslated_requests)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);
	uint64_t value = 5;
	struct ats_result result;

	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(dev_try(dev, DMA_WRITE, A), ATS_OK);
	ck_assert_uint_eq(ats_count(dev), 1);
	ats_enable(dev, false, false);
	rig_map(&rig, A, 0);
	flush_iotlb(&rig);
	result = dev_dma(dev, DMA_WRITE, A, &value);
	ck_assert_uint_eq(result.outcome, ATS_BLOCKED);
	ck_assert_uint_eq(result.fault.reason, 5);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 2);
	/* Switched on again it begins with nothing. */
	ats_enable(dev, true, false);
	ck_assert_uint_eq(ats_count(dev), 0);
	ats_fini(&rig, dev);
}
END_TEST

/* ---- answers that come late, or never ---- */

START_TEST(wait_descriptor_waits_for_the_function)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	rig_map(&rig, A, 0);
	flush_iotlb(&rig);
	ats_set_manners(dev, ATS_LATER);
	push_device_tlb(&rig, RID, A, false);
	queue_push(&rig, 0x25 | UINT64_C(0x99) << 32, PA_STATUS + 8);
	queue_kick(&rig);
	/* Not complete, no error, and the entry is still in use. */
	ck_assert_uint_eq(mem(&rig, PA_STATUS + 8), 0);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	ck_assert_ptr_null(rig.unit->ops->audit(rig.unit));
	ck_assert_uint_eq(ats_complete(dev, true), 1);
	ck_assert_uint_eq(mem(&rig, PA_STATUS + 8), 0x99);
	ck_assert_uint_eq(rd(&rig, R_IQH, 8), rig.tail);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_NOT_PERMITTED);
	ck_assert_uint_eq(ats_complete(dev, true), 0);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(more_requests_than_a_function_can_hold_empty_it)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	ats_set_manners(dev, ATS_LATER);
	for (uint64_t i = 1; i < 50; i++)
		push_device_tlb(&rig, RID, A + (i << 12), false);
	queue_kick(&rig);
	ck_assert_uint_eq(ats_count(dev), 1);
	ck_assert_uint_eq(ats_complete(dev, true), 32);
	ck_assert_uint_eq(ats_count(dev), 0);
	queue_wait(&rig);
	ats_fini(&rig, dev);
}
END_TEST

static void check_time_out(struct rig *rig, uint16_t rid)
{
	ck_assert_uint_eq(rd(rig, R_FSTS, 4), ITE);
	ck_assert_uint_eq(rd(rig, R_IQERCD, 8) >> 32 & 0xffff, rid);
	/* The wait was given up: its status never changes. */
	ck_assert_uint_eq(mem(rig, PA_STATUS + 8), 0);
	wr(rig, R_FSTS, 4, ITE);
	ck_assert_uint_eq(rd(rig, R_FSTS, 4), 0);
	queue_wait(rig);
}

START_TEST(function_that_does_not_answer_times_out)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	ats_set_manners(dev, ATS_MUTE);
	push_device_tlb(&rig, RID, A, false);
	queue_push(&rig, 0x25 | UINT64_C(0x99) << 32, PA_STATUS + 8);
	queue_kick(&rig);
	check_time_out(&rig, RID);
	ck_assert_uint_eq(ats_count(dev), 1);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(late_answer_after_the_unit_gave_up_is_a_time_out)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	ats_set_manners(dev, ATS_LATER);
	push_device_tlb(&rig, RID, A, false);
	queue_push(&rig, 0x25 | UINT64_C(0x99) << 32, PA_STATUS + 8);
	queue_kick(&rig);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	ck_assert_uint_eq(ats_complete(dev, false), 1);
	/* And the answer is one that nobody expects. */
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), ITE | ICE);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), UINT64_C(0x0108010800000000));
	wr(&rig, R_FSTS, 4, ICE);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), UINT64_C(0x0000010800000000));
	check_time_out(&rig, RID);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(unexpected_answer_is_an_error_with_its_sender_and_one_event)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	wr(&rig, R_FEDATA, 4, 0x31);
	wr(&rig, R_FEADDR, 4, 0xfee01000);
	wr(&rig, R_FECTL, 4, 0);
	rig_map(&rig, A, 0x900003);
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	ats_set_manners(dev, ATS_LATER);
	push_device_tlb(&rig, RID, A, false);
	queue_kick(&rig);
	ck_assert_uint_eq(rig.msis, 0);
	ck_assert_uint_eq(ats_complete(dev, false), 1);
	/* Late, but done. No wait descriptor was there to be given up. */
	ck_assert_uint_eq(ats_count(dev), 0);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), ICE);
	ck_assert_uint_eq(rd(&rig, R_IQERCD, 8), UINT64_C(0x0108000000000000));
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rig.msi_data, 0x31);
	/* ICE does not stop the queue: the wait that follows is the one that is given up. */
	queue_push(&rig, 0x25 | UINT64_C(0x99) << 32, PA_STATUS + 8);
	queue_kick(&rig);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), ICE | ITE);
	ck_assert_uint_eq(rig.msis, 1);
	wr(&rig, R_FSTS, 4, ICE);
	check_time_out(&rig, RID);
	/* An answer in time is none of this. */
	push_device_tlb(&rig, RID, A, false);
	queue_kick(&rig);
	ck_assert_uint_eq(ats_complete(dev, true), 1);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	queue_wait(&rig);
	ats_fini(&rig, dev);
}
END_TEST

START_TEST(function_that_is_absent_or_off_times_out)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	push_device_tlb(&rig, 0x0333, A, false);
	queue_push(&rig, 0x25 | UINT64_C(0x99) << 32, PA_STATUS + 8);
	queue_kick(&rig);
	check_time_out(&rig, 0x0333);
	ats_enable(dev, false, false);
	push_device_tlb(&rig, RID, A, false);
	queue_push(&rig, 0x25 | UINT64_C(0x99) << 32, PA_STATUS + 8);
	queue_kick(&rig);
	check_time_out(&rig, RID);
	ats_fini(&rig, dev);
}
END_TEST

/* ---- strict checking ---- */

START_TEST(strict_checking_reports_a_stale_device_tlb)
{
	struct rig rig;
	struct ats_cache *dev = ats_init(&rig, 0);

	rig.unit->ops->set_strict(rig.unit, true);
	rig_map(&rig, A, 0x900003);
	rig.clock = 17;
	ck_assert_uint_eq(dev_try(dev, DMA_READ, A), ATS_OK);
	rig.clock = 20;
	ck_assert_uint_eq(dev_try(dev, DMA_WRITE, A + 8), ATS_OK);
	ck_assert_uint_eq(rig.stales, 0);
	rig_map(&rig, A, 0);
	flush_iotlb(&rig);
	ck_assert_uint_eq(dev_try(dev, DMA_WRITE, A + 8), ATS_OK);
	ck_assert_uint_eq(rig.stales, 1);
	ck_assert_str_eq(rig.stale[0].cache, "device TLB");
	ck_assert_uint_eq(rig.stale[0].requester, RID);
	ck_assert_uint_eq(rig.stale[0].domain_id, DID);
	ck_assert_uint_eq(rig.stale[0].kind, DMA_WRITE);
	ck_assert_uint_eq(rig.stale[0].iova, A + 8);
	ck_assert_uint_eq(rig.stale[0].cached.pa, 0x900008);
	ck_assert_uint_eq(rig.stale[0].fresh.reason, 5);
	ck_assert_uint_eq(rig.stale[0].filled_at, 17);
	flush_device_tlb(&rig, A, false);
	ck_assert_uint_eq(dev_try(dev, DMA_WRITE, A), ATS_NOT_PERMITTED);
	ck_assert_uint_eq(rig.stales, 1);
	ats_fini(&rig, dev);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ats_vtd");
	TCase *tc = tcase_create("ats");

	tcase_add_test(tc, function_uses_what_it_has_until_its_own_invalidation);
	tcase_add_test(tc, device_tlb_first_and_iotlb_second_leaves_a_stale_entry);
	tcase_add_test(tc, large_page_is_one_entry_and_goes_by_any_part_of_it);
	tcase_add_test(tc, permission_may_be_added_without_an_invalidation);
	tcase_add_test(tc, write_request_learns_that_the_page_can_be_read);
	tcase_add_test(tc, full_cache_forgets_and_asks_again);
	tcase_add_test(tc, encoded_sizes_cover_what_a_bit_by_bit_reading_says);
	tcase_add_loop_test(tc, random_operations_match_an_oracle, 0, 3);
	tcase_add_test(tc, context_decides_whether_a_function_is_served);
	tcase_add_test(tc, translated_requests_reach_whatever_they_name);
	tcase_add_test(tc, interrupts_of_the_function_are_never_translated);
	tcase_add_loop_test(tc, bad_tables_are_told_and_recorded, 0, (int)SIO_ARRAY_SIZE(bads));
	tcase_add_test(tc, function_that_is_switched_off_sends_untranslated_requests);
	tcase_add_test(tc, wait_descriptor_waits_for_the_function);
	tcase_add_test(tc, more_requests_than_a_function_can_hold_empty_it);
	tcase_add_test(tc, function_that_does_not_answer_times_out);
	tcase_add_test(tc, late_answer_after_the_unit_gave_up_is_a_time_out);
	tcase_add_test(tc, unexpected_answer_is_an_error_with_its_sender_and_one_event);
	tcase_add_test(tc, function_that_is_absent_or_off_times_out);
	tcase_add_test(tc, strict_checking_reports_a_stale_device_tlb);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
