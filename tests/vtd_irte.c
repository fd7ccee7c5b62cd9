// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt remapping, by registers and memory alone: what each table entry delivers, each fault
 * code with its record bit for bit, the entry cache, and posted interrupts.
 */
#include "harness.h"
#include "prng.h"
#include "vtd_rig.h"

#define R_IRTA  0xb8
#define G_IRE   0x02000000u
#define G_SIRTP 0x01000000u
#define G_CFI   0x00800000u

#define ECAP_EIM    (ECAP_VTD48 | 0x10)
#define CAP_PI      (UINT64_C(1) << 59)
#define CAP_ESIRTPS (UINT64_C(1) << 62)

#define PA_IRT  0x30000u
#define PA_POST 0x40000u
#define EIME    0x800u

/* 256 entries. */
#define IRTA (PA_IRT | 7)

/* Present, fixed, vector 0x41, to processor 5 in 8-bit form. */
#define PLAIN UINT64_C(0x0000050000410001)

struct bench {
	struct rig rig; /* first: the rig's callbacks get it */
	struct irq_message irq;
	unsigned irqs;
};

static void bench_interrupt(void *ctx, const struct irq_message *irq)
{
	struct bench *bench = ctx;

	bench->irq = *irq;
	bench->irqs++;
}

/* Interrupt remapping on, with the table that `irta` names. */
static void bench_init(struct bench *bench, uint64_t cap, uint64_t ecap, uint64_t irta)
{
	const struct vtd_cfg cfg = {.name = "dmar0", .cap = cap, .ecap = ecap};
	const struct phys_cfg memory = {.ram_bytes = UINT64_C(1) << 33};
	const struct unit_env env = {.ctx = bench,
				     .msi = rig_msi,
				     .stale = rig_stale,
				     .clock = rig_clock,
				     .interrupt = bench_interrupt};
	struct rig *rig = &bench->rig;

	memset(bench, 0, sizeof(*bench));
	rig->phys = phys_create(&memory);
	rig->fabric = dma_fabric_create(rig->phys);
	rig->unit = vtd_create(&cfg, rig->phys, rig->fabric, &env);
	ck_assert_ptr_nonnull(rig->unit);
	ck_assert_ptr_null(vtd_caps_check(vtd_caps(rig->unit)));
	ck_assert(dma_fabric_claim_rest(rig->fabric, 0, rig->unit));
	rig->port = dma_port_create(rig->fabric);
	wr(rig, R_IQA, 8, PA_QUEUE);
	gcmd(rig, G_QIE, 0);
	wr(rig, R_IRTA, 8, irta);
	gcmd(rig, G_SIRTP, 0);
	gcmd(rig, G_IRE, 0);
}

static void bench_fini(struct bench *bench)
{
	rig_fini(&bench->rig);
}

static void entry(struct bench *bench, unsigned index, uint64_t lo, uint64_t hi)
{
	poke2(&bench->rig, PA_IRT + 16 * index, lo, hi);
}

static uint64_t address_of(unsigned index)
{
	return 0xfee00010 | (uint64_t)(index & 0x7fff) << 5 | (uint64_t)(index >> 15) << 2;
}

static void send(struct bench *bench, uint16_t rid, uint64_t address, uint32_t data)
{
	const struct dma_req req = {.requester = rid, .iova = address, .len = 4, .kind = DMA_WRITE};
	struct dma_result result = dma_access(bench->rig.port, &req, &data);

	/* A posted write: the device never learns what became of it. */
	ck_assert_uint_eq(result.done, 4);
	ck_assert_uint_eq(result.fault.reason, 0);
}

static void flush_entries(struct rig *rig)
{
	queue_push(rig, 4, 0);
	queue_wait(rig);
}

static void flush_some(struct rig *rig, unsigned index, unsigned mask_lg2)
{
	queue_push(rig, 4 | 1 << 4 | (uint64_t)mask_lg2 << 27 | (uint64_t)index << 32, 0);
	queue_wait(rig);
}

/* ---- delivery ---- */

START_TEST(entry_decides_where_an_interrupt_goes)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	entry(&b, 3, PLAIN, 0);
	send(&b, RID, address_of(3), 0);
	ck_assert_uint_eq(b.irqs, 1);
	ck_assert_uint_eq(b.irq.requester, RID);
	ck_assert_uint_eq(b.irq.vector, 0x41);
	ck_assert_uint_eq(b.irq.destination, 5);
	ck_assert_uint_eq(b.irq.mode, IRQ_FIXED);
	ck_assert(b.irq.remapped && !b.irq.posted && !b.irq.logical && !b.irq.redirect &&
		  !b.irq.level);
	/* Logical, redirected, level, lowest priority; available bits mean nothing. */
	entry(&b, 4, UINT64_C(0x0000ff00005a0f3d), 0);
	send(&b, RID, address_of(4), 0);
	ck_assert_uint_eq(b.irq.vector, 0x5a);
	ck_assert_uint_eq(b.irq.destination, 0xff);
	ck_assert_uint_eq(b.irq.mode, IRQ_LOWEST_PRIORITY);
	ck_assert(b.irq.logical && b.irq.redirect && b.irq.level);
	ck_assert_uint_eq(b.irqs, 2);
	ck_assert_uint_eq(b.rig.msis, 0);
	ck_assert_uint_eq(rd(&b.rig, R_FSTS, 4), 0);
	bench_fini(&b);
}
END_TEST

START_TEST(subhandle_is_added_to_the_handle)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	for (unsigned i = 0; i < 256; i++)
		entry(&b, i, PLAIN | (uint64_t)i << 16, 0);
	for (unsigned sub = 0; sub < 32; sub++) {
		entry(&b, 0x20 + sub, (PLAIN & ~UINT64_C(0xff0000)) | (uint64_t)(0x80 + sub) << 16,
		      0);
		send(&b, RID, address_of(0x20) | 8, sub);
		ck_assert_uint_eq(b.irq.vector, 0x80 + sub);
	}
	ck_assert_uint_eq(b.irqs, 32);
	bench_fini(&b);
}
END_TEST

START_TEST(sixteenth_handle_bit_is_address_bit_2)
{
	struct bench b;

	/* Size 15: 65536 entries. */
	bench_init(&b, CAP_VTD48, ECAP_VTD48, PA_IRT | 15);
	entry(&b, 0x8001, PLAIN, 0);
	send(&b, RID, 0xfee00034, 0);
	ck_assert_uint_eq(b.irqs, 1);
	ck_assert_uint_eq(b.irq.vector, 0x41);
	bench_fini(&b);
}
END_TEST

START_TEST(extended_mode_has_32_bit_destinations)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_EIM, IRTA | EIME);
	entry(&b, 3, UINT64_C(0x1234567800410001), 0);
	send(&b, RID, address_of(3), 0);
	ck_assert_uint_eq(b.irq.destination, 0x12345678);
	bench_fini(&b);
}
END_TEST

START_TEST(without_a_decoder_the_message_is_in_compatibility_format)
{
	uint32_t data = 0;
	struct dma_req req = {.requester = RID, .iova = address_of(3), .len = 4, .kind = DMA_WRITE};
	struct rig rig;

	rig_init_off(&rig, CAP_VTD48, ECAP_EIM);
	wr(&rig, R_IRTA, 8, IRTA | EIME);
	gcmd(&rig, G_SIRTP, 0);
	gcmd(&rig, G_IRE, 0);
	/* Level, logical, redirected, lowest priority, vector 0x5a, to 0x12345678. */
	poke2(&rig, PA_IRT + 48, UINT64_C(0x12345678005a003d), 0);
	dma_access(rig.port, &req, &data);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rig.msi_address, UINT64_C(0x12345600fee7800c));
	ck_assert_uint_eq(rig.msi_data, 0xc15a);
	/* Off: as it came. */
	gcmd(&rig, 0, G_IRE);
	data = 0x4033;
	dma_access(rig.port, &req, &data);
	ck_assert_uint_eq(rig.msis, 2);
	ck_assert_uint_eq(rig.msi_address, address_of(3));
	ck_assert_uint_eq(rig.msi_data, 0x4033);
	rig_fini(&rig);
}
END_TEST

START_TEST(compatibility_format_passes_where_it_is_allowed)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_EIM, IRTA);
	gcmd(&b.rig, G_CFI, 0);
	/* To logical destination 0x12 with a hint; level, NMI, vector 0x44. */
	send(&b, RID, 0xfee1200c, 0xc444);
	ck_assert_uint_eq(b.irqs, 1);
	ck_assert(!b.irq.remapped && b.irq.logical && b.irq.redirect && b.irq.level);
	ck_assert_uint_eq(b.irq.mode, IRQ_NMI);
	ck_assert_uint_eq(b.irq.vector, 0x44);
	ck_assert_uint_eq(b.irq.destination, 0x12);
	gcmd(&b.rig, 0, G_CFI);
	send(&b, RID, 0xfee1200c, 0xc444);
	ck_assert_uint_eq(b.irqs, 1);
	/* Without remapping everything passes, whatever its format bit says. */
	gcmd(&b.rig, 0, G_IRE);
	send(&b, RID, 0xfee1201c, 0x33);
	ck_assert_uint_eq(b.irqs, 2);
	ck_assert_uint_eq(b.irq.vector, 0x33);
	bench_fini(&b);
}
END_TEST

START_TEST(table_counts_from_sirtp_on)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	entry(&b, 3, PLAIN, 0);
	wr(&b.rig, R_IRTA, 8, PA_IRT + 0x1000);
	send(&b, RID, address_of(3), 0);
	ck_assert_uint_eq(b.irqs, 1);
	gcmd(&b.rig, G_SIRTP, 0);
	ck_assert_uint_eq(rd(&b.rig, R_GSTS, 4) & G_SIRTP, G_SIRTP);
	/* Two entries now; the third is beyond. */
	send(&b, RID, address_of(3), 0);
	ck_assert_uint_eq(b.irqs, 1);
	ck_assert_uint_eq(rd(&b.rig, R_FRCD + 8, 8) >> 32 & 0xff, 0x21);
	bench_fini(&b);
}
END_TEST

/* ---- faults ---- */

struct fault {
	const char *what;
	uint8_t code;
	uint16_t index; /* as recorded */
	uint64_t address;
	uint32_t data;
	uint64_t lo, hi; /* entry 5 */
	uint64_t irta;   /* 0: IRTA */
};

#define AT(i) (0xfee00010 | (i) << 5)

static const struct fault faults[] = {
	{"data without subhandle", 0x20, 0, AT(5), 1, PLAIN, 0, 0},
	{"data, bit 31, without subhandle", 0x20, 0, AT(5), 0x80000000, PLAIN, 0, 0},
	{"data above the subhandle", 0x20, 0, AT(5) | 8, 0x10000, PLAIN, 0, 0},
	{"index at the end", 0x21, 256, AT(256), 0, PLAIN, 0, 0},
	{"index and subhandle at the end", 0x21, 256, AT(5) | 8, 251, PLAIN, 0, 0},
	{"index of 17 bits", 0x21, 0xfffe, 0xfeeffffc, 0xffff, PLAIN, 0, 0},
	{"smallest table", 0x21, 2, AT(2), 0, PLAIN, 0, PA_IRT},
	{"nothing there", 0x22, 5, AT(5), 0, 0, 0, 0},
	{"all but P", 0x22, 5, AT(5), 0, PLAIN & ~UINT64_C(1), 0, 0},
	{"table outside memory", 0x23, 5, AT(5), 0, PLAIN, 0, PA_NOWHERE | 7},
	{"bit 12", 0x24, 5, AT(5), 0, PLAIN | 1 << 12, 0, 0},
	{"bit 14 of a remapped entry", 0x24, 5, AT(5), 0, PLAIN | 1 << 14, 0, 0},
	{"bit 24", 0x24, 5, AT(5), 0, PLAIN | 1 << 24, 0, 0},
	{"bit 31", 0x24, 5, AT(5), 0, PLAIN | UINT64_C(1) << 31, 0, 0},
	{"destination bit 0 in 8-bit form", 0x24, 5, AT(5), 0, PLAIN | UINT64_C(1) << 32, 0, 0},
	{"destination bit 16 in 8-bit form", 0x24, 5, AT(5), 0, PLAIN | UINT64_C(1) << 48, 0, 0},
	{"bit 84", 0x24, 5, AT(5), 0, PLAIN, 1 << 20, 0},
	{"bit 127", 0x24, 5, AT(5), 0, PLAIN, UINT64_C(1) << 63, 0},
	{"verification type 3", 0x24, 5, AT(5), 0, PLAIN, 3 << 18, 0},
	{"delivery mode 3", 0x24, 5, AT(5), 0, PLAIN | 3 << 5, 0, 0},
	{"delivery mode 6", 0x24, 5, AT(5), 0, PLAIN | 6 << 5, 0, 0},
	{"posted, bit 2", 0x24, 5, AT(5), 0, 0x418005, 0, 0},
	{"posted, bit 12", 0x24, 5, AT(5), 0, 0x419001, 0, 0},
	{"posted, bit 37", 0x24, 5, AT(5), 0, UINT64_C(0x2000418001), 0, 0},
	{"posted, bit 95", 0x24, 5, AT(5), 0, 0x418001, UINT64_C(1) << 31, 0},
	{"compatibility format", 0x25, 0, 0xfee05000, 0x41, PLAIN, 0, 0},
	{"compatibility format with extended mode", 0x25, 0, 0xfee05000, 0x41, PLAIN, 0,
	 IRTA | EIME},
	{"another requester", 0x26, 5, AT(5), 0, PLAIN, 1 << 18 | 0x0109, 0},
	{"another bus", 0x26, 5, AT(5), 0, PLAIN, 1 << 18 | 3 << 16 | 0x0208, 0},
	{"below the bus range", 0x26, 5, AT(5), 0, PLAIN, 2 << 18 | 0x0204, 0},
	{"above the bus range", 0x26, 5, AT(5), 0, PLAIN, 2 << 18 | 0x0000, 0},
	{"descriptor outside memory", 0x27, 5, AT(5), 0, 0x418001, UINT64_C(0x3000) << 32, 0},
	{"descriptor in the hole", 0x27, 5, AT(5), 0, UINT64_C(0xc000000000418001), 0, 0},
	{"descriptor with reserved bits", 0x28, 5, AT(5), 0, (uint64_t)PA_POST << 32 | 0x418001, 0,
	 0},
};

START_TEST(blocked_interrupt_is_recorded_bit_for_bit)
{
	const struct fault *f = &faults[_i];
	struct bench b;

	bench_init(&b, CAP_VTD48 | CAP_PI, ECAP_EIM, f->irta ? f->irta : IRTA);
	/* A compatibility interrupt is not allowed in extended mode even with CFI. */
	if (f->irta & EIME)
		gcmd(&b.rig, G_CFI, 0);
	entry(&b, 5, f->lo, f->hi);
	poke(&b.rig, PA_POST + 32, 4);
	send(&b, RID, f->address, f->data);
	ck_assert_msg(b.irqs == 0, "%s", f->what);
	ck_assert_msg(rd(&b.rig, R_FSTS, 4) == 2, "%s", f->what);
	ck_assert_msg(rd(&b.rig, R_FRCD, 8) == (uint64_t)f->index << 48, "%s", f->what);
	ck_assert_msg(rd(&b.rig, R_FRCD + 8, 8) ==
			      (UINT64_C(0x8000000000000000) | (uint64_t)f->code << 32 | RID),
		      "%s: code %#x", f->what, (unsigned)(rd(&b.rig, R_FRCD + 8, 8) >> 32 & 0xff));
	ck_assert_ptr_nonnull(vtd_fault_text(f->code));
	bench_fini(&b);
}
END_TEST

START_TEST(disabled_fault_processing_silences_what_the_entry_decides)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	entry(&b, 5, 2, 0);
	send(&b, RID, AT(5), 0);
	entry(&b, 6, PLAIN | 2 | 1 << 12, 0);
	send(&b, RID, AT(6), 0);
	entry(&b, 7, PLAIN | 2, 1 << 18 | 0x0109);
	send(&b, RID, AT(7), 0);
	ck_assert_uint_eq(rd(&b.rig, R_FSTS, 4), 0);
	ck_assert_uint_eq(b.irqs, 0);
	/* The request's own mistakes are told. */
	send(&b, RID, AT(7), 1);
	ck_assert_uint_eq(rd(&b.rig, R_FSTS, 4), 2);
	bench_fini(&b);
}
END_TEST

START_TEST(posted_entry_is_reserved_in_a_unit_that_cannot_post)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	entry(&b, 5, (uint64_t)PA_POST << 32 | 0x418001, 0);
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(rd(&b.rig, R_FRCD + 8, 8) >> 32 & 0xff, 0x24);
	ck_assert_uint_eq(mem(&b.rig, PA_POST + 8), 0);
	bench_fini(&b);
}
END_TEST

START_TEST(source_qualifier_ignores_low_function_bits)
{
	/* Which of the functions 0 to 7 pass for an entry that names function 5: a bit each. */
	static const uint8_t pass[] = {0x20, 0x22, 0xaa, 0xff};
	struct bench b;

	bench_init(&b, CAP_VTD48 | CAP_NFR(1), ECAP_VTD48, IRTA);
	for (unsigned sq = 0; sq < 4; sq++) {
		entry(&b, sq, PLAIN, 1 << 18 | sq << 16 | 0x010d);
		for (unsigned fn = 0; fn < 8; fn++) {
			unsigned before = b.irqs;

			send(&b, (uint16_t)(0x0108 | fn), AT(sq), 0);
			ck_assert_uint_eq(b.irqs - before, pass[sq] >> fn & 1);
			/* Another device never does. */
			before = b.irqs;
			send(&b, (uint16_t)(0x0110 | fn), AT(sq), 0);
			ck_assert_uint_eq(b.irqs, before);
		}
	}
	bench_fini(&b);
}
END_TEST

START_TEST(bus_range_is_inclusive)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	entry(&b, 5, PLAIN, 2 << 18 | 0x0305);
	for (unsigned bus = 0; bus < 256; bus++) {
		unsigned before = b.irqs;

		send(&b, (uint16_t)(bus << 8 | 0x77), AT(5), 0);
		ck_assert_uint_eq(b.irqs - before, bus >= 3 && bus <= 5);
	}
	bench_fini(&b);
}
END_TEST

/* ---- the cache ---- */

START_TEST(changed_entry_counts_after_its_invalidation_only)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	entry(&b, 5, PLAIN, 0);
	send(&b, RID, AT(5), 0);
	entry(&b, 5, PLAIN + 0x10000, 0);
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(b.irq.vector, 0x41);
	/* Other invalidations do not reach it. */
	flush_iotlb(&b.rig);
	flush_context(&b.rig, 1, 0, 0);
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(b.irq.vector, 0x41);
	flush_entries(&b.rig);
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(b.irq.vector, 0x42);
	/* Taken away: still delivered. */
	entry(&b, 5, 0, 0);
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(b.irqs, 5);
	flush_some(&b.rig, 5, 0);
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(b.irqs, 5);
	bench_fini(&b);
}
END_TEST

START_TEST(selective_invalidation_covers_a_power_of_two_of_entries)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	for (unsigned mask = 0; mask <= 8; mask++) {
		for (unsigned i = 0; i < 256; i++)
			entry(&b, i, PLAIN, 0);
		flush_entries(&b.rig);
		for (unsigned i = 0; i < 256; i++) {
			send(&b, RID, AT(i), 0);
			entry(&b, i, PLAIN + 0x10000, 0);
		}
		flush_some(&b.rig, 0x2b, mask);
		for (unsigned i = 0; i < 256; i++) {
			bool covered = i / (1u << mask) == 0x2b / (1u << mask);

			send(&b, RID, AT(i), 0);
			ck_assert_uint_eq(b.irq.vector, covered ? 0x42 : 0x41);
		}
	}
	/* A mask as wide as the field reaches everything, and shifts nothing out. */
	entry(&b, 9, PLAIN + 0x20000, 0);
	flush_some(&b.rig, 0, 31);
	send(&b, RID, AT(9), 0);
	ck_assert_uint_eq(b.irq.vector, 0x43);
	bench_fini(&b);
}
END_TEST

START_TEST(new_table_keeps_old_entries_unless_the_unit_says_otherwise)
{
	struct bench b;

	for (unsigned implied = 0; implied < 2; implied++) {
		bench_init(&b, CAP_VTD48 | (implied ? CAP_ESIRTPS : 0), ECAP_VTD48, IRTA);
		entry(&b, 5, PLAIN, 0);
		send(&b, RID, AT(5), 0);
		poke2(&b.rig, 0x50000 + 16 * 5, PLAIN + 0x10000, 0);
		wr(&b.rig, R_IRTA, 8, 0x50007);
		gcmd(&b.rig, G_SIRTP, 0);
		send(&b, RID, AT(5), 0);
		ck_assert_uint_eq(b.irq.vector, implied ? 0x42 : 0x41);
		bench_fini(&b);
	}
}
END_TEST

START_TEST(absent_entries_are_cached_under_caching_mode)
{
	struct bench b;

	for (unsigned cm = 0; cm < 2; cm++) {
		bench_init(&b, CAP_VTD48 | (cm ? CAP_CM : 0), ECAP_VTD48, IRTA);
		send(&b, RID, AT(5), 0);
		entry(&b, 5, PLAIN, 0);
		send(&b, RID, AT(5), 0);
		ck_assert_uint_eq(b.irqs, !cm);
		flush_some(&b.rig, 5, 0);
		send(&b, RID, AT(5), 0);
		ck_assert_uint_eq(b.irqs, cm ? 1 : 2);
		bench_fini(&b);
	}
}
END_TEST

START_TEST(requester_is_verified_on_a_hit_too)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	entry(&b, 5, PLAIN, 1 << 18 | RID);
	send(&b, RID, AT(5), 0);
	send(&b, RID + 1, AT(5), 0);
	ck_assert_uint_eq(b.irqs, 1);
	ck_assert_uint_eq(rd(&b.rig, R_FRCD + 8, 8), UINT64_C(0x8000002600000000) | (RID + 1));
	bench_fini(&b);
}
END_TEST

START_TEST(strict_checking_reports_a_stale_entry)
{
	struct bench b;

	bench_init(&b, CAP_VTD48, ECAP_VTD48, IRTA);
	b.rig.unit->ops->set_strict(b.rig.unit, true);
	entry(&b, 5, PLAIN, 0);
	b.rig.clock = 7;
	send(&b, RID, AT(5), 0);
	b.rig.clock = 9;
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(b.rig.stales, 0);
	entry(&b, 5, 0, 0);
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(b.irqs, 3);
	ck_assert_uint_eq(b.rig.stales, 1);
	ck_assert_str_eq(b.rig.stale[0].cache, "interrupt entry cache");
	ck_assert_uint_eq(b.rig.stale[0].requester, RID);
	ck_assert_uint_eq(b.rig.stale[0].iova, 5);
	ck_assert_uint_eq(b.rig.stale[0].cached.pa, PLAIN);
	ck_assert_uint_eq(b.rig.stale[0].fresh.reason, 0x22);
	ck_assert_uint_eq(b.rig.stale[0].filled_at, 7);
	flush_entries(&b.rig);
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(b.rig.stales, 1);
	bench_fini(&b);
}
END_TEST

/* ---- posting ---- */

START_TEST(posted_interrupt_sets_its_bit_and_notifies_once)
{
	struct bench b;

	bench_init(&b, CAP_VTD48 | CAP_PI, ECAP_VTD48, IRTA);
	/* Vectors 0x41 and 0xc0 through one descriptor at PA_POST + 64. */
	entry(&b, 5, (uint64_t)(PA_POST + 64) << 32 | 0x418001, 0);
	entry(&b, 6, (uint64_t)(PA_POST + 64) << 32 | 0xc08001, 0);
	/* Notification vector 0xf2 to processor 3. */
	poke(&b.rig, PA_POST + 96, UINT64_C(0x0000030000f20000));
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(mem(&b.rig, PA_POST + 72), 2);
	ck_assert_uint_eq(mem(&b.rig, PA_POST + 96), UINT64_C(0x0000030000f20001));
	ck_assert_uint_eq(b.irqs, 1);
	ck_assert(b.irq.posted && b.irq.remapped && !b.irq.logical && !b.irq.level);
	ck_assert_uint_eq(b.irq.vector, 0xf2);
	ck_assert_uint_eq(b.irq.destination, 3);
	ck_assert_uint_eq(b.irq.mode, IRQ_FIXED);
	/* One is outstanding: the bit is enough. */
	send(&b, RID, AT(6), 0);
	ck_assert_uint_eq(mem(&b.rig, PA_POST + 88), 1);
	ck_assert_uint_eq(b.irqs, 1);
	/* Software took it. */
	poke(&b.rig, PA_POST + 96, UINT64_C(0x0000030000f20000));
	send(&b, RID, AT(6), 0);
	ck_assert_uint_eq(b.irqs, 2);
	ck_assert_uint_eq(mem(&b.rig, PA_POST + 64), 0);
	ck_assert_uint_eq(mem(&b.rig, PA_POST + 80), 0);
	bench_fini(&b);
}
END_TEST

START_TEST(suppressed_notification_goes_out_for_urgent_entries_only)
{
	struct bench b;

	bench_init(&b, CAP_VTD48 | CAP_PI, ECAP_EIM, IRTA | EIME);
	entry(&b, 5, (uint64_t)PA_POST << 32 | 0x018001, 0);
	entry(&b, 6, (uint64_t)PA_POST << 32 | 0x02c001, 0);
	poke(&b.rig, PA_POST + 32, UINT64_C(0x8765432100f20002));
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(mem(&b.rig, PA_POST), 2);
	ck_assert_uint_eq(mem(&b.rig, PA_POST + 32), UINT64_C(0x8765432100f20002));
	ck_assert_uint_eq(b.irqs, 0);
	send(&b, RID, AT(6), 0);
	ck_assert_uint_eq(mem(&b.rig, PA_POST), 6);
	ck_assert_uint_eq(mem(&b.rig, PA_POST + 32), UINT64_C(0x8765432100f20003));
	ck_assert_uint_eq(b.irqs, 1);
	ck_assert_uint_eq(b.irq.destination, 0x87654321);
	bench_fini(&b);
}
END_TEST

START_TEST(descriptor_above_4_gib_is_found)
{
	struct bench b;

	bench_init(&b, CAP_VTD48 | CAP_PI, ECAP_VTD48, IRTA);
	entry(&b, 5, UINT64_C(0x0001000000418001), UINT64_C(1) << 32);
	send(&b, RID, AT(5), 0);
	ck_assert_uint_eq(mem(&b.rig, UINT64_C(0x100010008)), 2);
	bench_fini(&b);
}
END_TEST

/* ---- anything at all ---- */

START_TEST(random_entries_and_messages_do_no_harm)
{
	const uint64_t seed = 0x1e7e + (uint64_t)_i;
	struct prng rng = {seed};
	unsigned delivered;
	struct bench b;

	bench_init(&b, CAP_VTD48 | CAP_PI, ECAP_EIM, IRTA | (_i & 1 ? EIME : 0));
	for (unsigned round = 0; round < 3000; round++) {
		uint64_t lo = prng_next(&rng), hi = prng_next(&rng);
		unsigned index = (unsigned)prng_below(&rng, 256);
		uint64_t wild = prng_next(&rng) & 0xffffc;

		/* Mostly bits that mean something. */
		if (prng_below(&rng, 4))
			lo = (lo & UINT64_C(0x0000ff3f00ffcfff)) | 1, hi &= 0xbffff;
		entry(&b, index, lo, hi);
		send(&b, (uint16_t)prng_next(&rng), AT(index), 0);
		send(&b, RID, 0xfee00000 | wild, (uint32_t)prng_next(&rng) & 0xffff);
		if (prng_below(&rng, 3) == 0)
			flush_some(&b.rig, index, (unsigned)prng_below(&rng, 32));
	}
	delivered = b.irqs;
	ck_assert_msg(delivered > 0 && delivered < 6000, "seed %#llx: %u delivered",
		      (unsigned long long)seed, delivered);
	bench_fini(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vtd_irte");
	TCase *tc = tcase_create("irte");

	tcase_add_test(tc, entry_decides_where_an_interrupt_goes);
	tcase_add_test(tc, subhandle_is_added_to_the_handle);
	tcase_add_test(tc, sixteenth_handle_bit_is_address_bit_2);
	tcase_add_test(tc, extended_mode_has_32_bit_destinations);
	tcase_add_test(tc, without_a_decoder_the_message_is_in_compatibility_format);
	tcase_add_test(tc, compatibility_format_passes_where_it_is_allowed);
	tcase_add_test(tc, table_counts_from_sirtp_on);
	tcase_add_loop_test(tc, blocked_interrupt_is_recorded_bit_for_bit, 0,
			    (int)SIO_ARRAY_SIZE(faults));
	tcase_add_test(tc, disabled_fault_processing_silences_what_the_entry_decides);
	tcase_add_test(tc, posted_entry_is_reserved_in_a_unit_that_cannot_post);
	tcase_add_test(tc, source_qualifier_ignores_low_function_bits);
	tcase_add_test(tc, bus_range_is_inclusive);
	tcase_add_test(tc, changed_entry_counts_after_its_invalidation_only);
	tcase_add_test(tc, selective_invalidation_covers_a_power_of_two_of_entries);
	tcase_add_test(tc, new_table_keeps_old_entries_unless_the_unit_says_otherwise);
	tcase_add_test(tc, absent_entries_are_cached_under_caching_mode);
	tcase_add_test(tc, requester_is_verified_on_a_hit_too);
	tcase_add_test(tc, strict_checking_reports_a_stale_entry);
	tcase_add_test(tc, posted_interrupt_sets_its_bit_and_notifies_once);
	tcase_add_test(tc, suppressed_notification_goes_out_for_urgent_entries_only);
	tcase_add_test(tc, descriptor_above_4_gib_is_found);
	tcase_add_loop_test(tc, random_entries_and_messages_do_no_harm, 0, 4);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
