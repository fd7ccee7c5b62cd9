// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing up an AMD-Vi unit with nothing but registers and memory, as a hypervisor's driver would:
 * the device table, the command buffer, one page, its DMA, and a fault read out of the event log.
 */
#include <inttypes.h>

#include "harness.h"
#include "softiommu.h"

/* "MMIO Registers": the few that this needs, and bits of the control register. */
enum { DEVTAB = 0x00, COMMANDS = 0x08, EVENTS = 0x10, CONTROL = 0x18, STATUS = 0x2020 };
enum { COMMAND_TAIL = 0x2008, EVENT_HEAD = 0x2010, EVENT_TAIL = 0x2018 };
enum { ENABLE = 1 << 0, EVENT_LOG = 1 << 2, EVENT_INTERRUPT = 1 << 3, COMMAND_BUFFER = 1 << 12 };
#define LENGTH_256 (UINT64_C(8) << 56)
#define READ_WRITE (UINT64_C(3) << 61) /* IR and IW of an entry */

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

/* Queue one command, then one that writes 1 behind the buffer when all before it are done. */
static void command(uint64_t buffer, uint64_t lo, uint64_t hi)
{
	uint64_t done = 0, at = buffer + 0x1000;

	store(buffer + 16 * tail++, lo, hi);
	store(buffer + 16 * tail++, UINT64_C(1) << 60 | at | 1, 1); /* COMPLETION_WAIT, store */
	sio_unit_write(unit, COMMAND_TAIL, 8, 16 * tail);
	ck_assert_int_eq(sio_hw_read(hw, at, &done, sizeof(done)), 0);
	ck_assert_uint_eq(done, 1);
	store(at, 0, 0);
}

START_TEST(a_driver_maps_a_page_and_reads_the_fault_of_another)
{
	const struct sio_request write = {.requester = 0x0088,
					  .address = 0x100ff8,
					  .len = 8,
					  .write = true}; /* of 00:11.0 */
	struct sio_request beyond = write;
	uint64_t devtab, table[3], page, buffer, events, event[2];
	char text[8] = "";

	ck_assert_int_eq(sio_hw_create(&(struct sio_hw_cfg){.platform = "amdvi", .event = on_event},
				       &hw, NULL, 0),
			 0);
	unit = sio_hw_unit(hw, 0);
	devtab = sio_hw_alloc(hw, 2); /* 256 entries of 32 bytes: bus 0 */
	buffer = sio_hw_alloc(hw, 2);
	events = sio_hw_alloc(hw, 1);
	page = sio_hw_alloc(hw, 1);

	/* Three levels lead to the page at 0x100000; an entry names the level below it. */
	for (unsigned level = 0; level < 3; level++)
		table[level] = sio_hw_alloc(hw, 1);
	for (unsigned level = 2; level > 0; level--)
		store(table[level], READ_WRITE | table[level - 1] | (uint64_t)level << 9 | 1, 0);
	store(table[0] + 8 * 0x100, READ_WRITE | page | 1, 0);

	/* 00:11.0: valid, translated, mode 3, domain 7. */
	store(devtab + 32 * 0x88, READ_WRITE | table[2] | 3 << 9 | 3, 7);

	/* The event interrupt is the MSI of the unit's PCI function. */
	sio_unit_config_write(unit, 0x68, 0xfee00000);
	sio_unit_config_write(unit, 0x70, 0x41);
	sio_unit_config_write(unit, 0x64, sio_unit_config_read(unit, 0x64) | 1 << 16);
	sio_unit_write(unit, DEVTAB, 8, devtab | 1);
	sio_unit_write(unit, COMMANDS, 8, buffer | LENGTH_256);
	sio_unit_write(unit, EVENTS, 8, events | LENGTH_256);
	sio_unit_write(unit, CONTROL, 8, EVENT_LOG | EVENT_INTERRUPT | COMMAND_BUFFER | ENABLE);
	command(buffer, UINT64_C(2) << 60 | 0x88, 0); /* INVALIDATE_DEVTAB_ENTRY */

	/* The device reaches its page. */
	ck_assert_int_eq(sio_hw_dma(hw, &write, "device!", NULL), 0);
	sio_hw_read(hw, page + 0xff8, text, sizeof(text));
	ck_assert_str_eq(text, "device!");

	/* It does not reach the next one; the unit says so by message and log. */
	beyond.address = 0x101000;
	ck_assert_int_ne(sio_hw_dma(hw, &beyond, text, NULL), 0);
	ck_assert_uint_eq(messages, 1);
	ck_assert_uint_eq(sio_unit_read(unit, STATUS, 8) & 2, 2);
	ck_assert_uint_eq(sio_unit_read(unit, EVENT_TAIL, 8), 16);
	sio_hw_read(hw, events, event, sizeof(event));
	ck_assert_uint_eq(event[0] >> 60, 2);           /* IO_PAGE_FAULT */
	ck_assert_uint_eq(event[0] & 0xffff, 0x0088);   /* device */
	ck_assert_uint_eq(event[0] >> 32 & 0xffff, 7);  /* domain */
	ck_assert_uint_eq(event[0] >> 48 & 0x20, 0x20); /* a write */
	ck_assert_uint_eq(event[1], 0x101000);
	sio_unit_write(unit, EVENT_HEAD, 8, 16);
	sio_unit_write(unit, STATUS, 8, 2);

	/* Unmapping takes the entry and INVALIDATE_IOMMU_PAGES of the whole domain 7. */
	store(table[0] + 8 * 0x100, 0, 0);
	command(buffer, UINT64_C(3) << 60 | UINT64_C(7) << 32, UINT64_C(0x7ffffffffffff000) | 3);
	ck_assert_int_ne(sio_hw_dma(hw, &write, text, NULL), 0);
	ck_assert_int_eq(sio_hw_audit(hw, NULL, 0), 0);
	sio_hw_destroy(hw);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api bringup amdvi");
	TCase *tc = tcase_create("bringup");

	tcase_add_test(tc, a_driver_maps_a_page_and_reads_the_fault_of_another);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
