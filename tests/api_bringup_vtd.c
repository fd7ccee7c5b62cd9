// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing up a VT-d unit with nothing but registers and memory, as a hypervisor's driver would:
 * the tables of one device, the invalidation queue, one page, its DMA, and a fault read out.
 */
#include <inttypes.h>

#include "harness.h"
#include "softiommu.h"

/* "Register Descriptions": the few registers that this needs. */
enum { GCMD = 0x18, GSTS = 0x1c, RTADDR = 0x20, FSTS = 0x34, FECTL = 0x38, FEDATA = 0x3c };
enum { FEADDR = 0x40, IQT = 0x88, IQA = 0x90, FRCD = 0x220 };
#define TE   0x80000000u /* translation enable, status TES */
#define SRTP 0x40000000u /* set root table pointer */
#define QIE  0x04000000u /* queued invalidation enable */

static struct sio_hw *hw;
static struct sio_unit *unit;
static unsigned tail, messages;

static void store(uint64_t at, uint64_t lo, uint64_t hi)
{
	uint64_t words[2] = {lo, hi};

	ck_assert_int_eq(sio_hw_write(hw, at, words, sizeof(words)), 0);
}

static void on_event(void *ctx, const struct sio_event *event)
{
	(void)ctx;
	messages += event->kind == SIO_EVENT_MSI && event->data == 0x41;
}

static void command(uint32_t bit)
{
	uint32_t status = (uint32_t)sio_unit_read(unit, GSTS, 4) & (TE | QIE);

	sio_unit_write(unit, GCMD, 4, status | bit);
	ck_assert(sio_unit_read(unit, GSTS, 4) & bit);
}

/* Queue one descriptor, then one that writes 1 to `status` when everything before it is done. */
static void invalidate(uint64_t queue, uint64_t lo, uint64_t hi)
{
	uint64_t status = queue + 0xff0;
	uint32_t done = 0;

	store(queue + 16 * tail++, lo, hi);
	store(queue + 16 * tail++, UINT64_C(1) << 32 | 0x25, status);
	sio_unit_write(unit, IQT, 8, 16 * tail);
	ck_assert_int_eq(sio_hw_read(hw, status, &done, sizeof(done)), 0);
	ck_assert_uint_eq(done, 1);
	store(status, 0, 0);
}

START_TEST(a_driver_maps_a_page_and_reads_the_fault_of_another)
{
	const struct sio_request write = {.requester = 0x0100,
					  .address = 0x100ff8,
					  .len = 8,
					  .write = true}; /* of 01:00.0 */
	struct sio_request beyond = write;
	uint64_t root, context, table[4], page, queue;
	char text[8] = "";

	ck_assert_int_eq(sio_hw_create(&(struct sio_hw_cfg){.platform = "vtd48", .event = on_event},
				       &hw, NULL, 0),
			 0);
	unit = sio_hw_unit(hw, 0);
	root = sio_hw_alloc(hw, 1);
	context = sio_hw_alloc(hw, 1);
	queue = sio_hw_alloc(hw, 1);
	page = sio_hw_alloc(hw, 1);

	/* Four levels lead to the page at 0x100000, readable and writable. */
	for (unsigned level = 0; level < 4; level++)
		table[level] = sio_hw_alloc(hw, 1);
	for (unsigned level = 3; level > 0; level--)
		store(table[level], table[level - 1] | 3, 0);
	store(table[0] + 8 * 0x100, page | 3, 0);

	/* Bus 1, device 0: 48-bit tables (address width 2) of domain 7. */
	store(root + 16 * 1, context | 1, 0);
	store(context, table[3] | 1, 7 << 8 | 2);

	/* Fault events as messages; the queue; the root; what was cached before goes. */
	sio_unit_write(unit, FEDATA, 4, 0x41);
	sio_unit_write(unit, FEADDR, 4, 0xfee00000);
	sio_unit_write(unit, FECTL, 4, 0);
	sio_unit_write(unit, IQA, 8, queue);
	command(QIE);
	sio_unit_write(unit, RTADDR, 8, root);
	command(SRTP);
	invalidate(queue, 0x11, 0); /* context cache, global */
	invalidate(queue, 0x12, 0); /* IOTLB, global */
	command(TE);

	/* The device reaches its page. */
	ck_assert_int_eq(sio_hw_dma(hw, &write, "device!", NULL), 0);
	sio_hw_read(hw, page + 0xff8, text, sizeof(text));
	ck_assert_str_eq(text, "device!");

	/* It does not reach the next one; the unit says so by message, record and status. */
	beyond.address = 0x101000;
	ck_assert_int_ne(sio_hw_dma(hw, &beyond, text, NULL), 0);
	ck_assert_uint_eq(messages, 1);
	ck_assert_uint_eq(sio_unit_read(unit, FSTS, 4) & 2, 2); /* a fault is pending */
	ck_assert_uint_eq(sio_unit_read(unit, FRCD, 8), 0x101000);
	ck_assert_uint_eq(sio_unit_read(unit, FRCD + 8, 8) & 0xffff, 0x0100);   /* requester */
	ck_assert_uint_eq(sio_unit_read(unit, FRCD + 8, 8) >> 32 & 0xff, 0x05); /* no write */
	sio_unit_write(unit, FRCD + 12, 4, 0x80000000); /* F: the record is free again */
	ck_assert_uint_eq(sio_unit_read(unit, FSTS, 4) & 2, 0);

	/* Unmapping takes the entry and an invalidation of domain 7. */
	store(table[0] + 8 * 0x100, 0, 0);
	invalidate(queue, 7 << 16 | 0x22, 0);
	ck_assert_int_ne(sio_hw_dma(hw, &write, text, NULL), 0);
	ck_assert_int_eq(sio_hw_audit(hw, NULL, 0), 0);
	sio_hw_destroy(hw);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api bringup vtd");
	TCase *tc = tcase_create("bringup");

	tcase_add_test(tc, a_driver_maps_a_page_and_reads_the_fault_of_another);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
